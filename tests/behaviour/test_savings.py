"""Shares of a saving: they add up, treat measures alike, and tie to the counts to the penny."""

import numpy as np
import pytest
import xarray as xr
from sufficiency.model.safety_valve.savings import CHANCE, attribute, reconcile
from sufficiency.model.streams import named_uniform

DRAWS, YEARS = 40, ["2024-25", "2025-26", "2026-27"]
NAMES = ["places", "redirect", "step_down", "front_door", "price"]


def luck(name):
    return named_uniform(7, name, DRAWS * len(YEARS)).reshape(DRAWS, len(YEARS))


def any_game(members):
    """Worth that has nothing to do with who else is in."""
    return 1e6 * luck("+".join(sorted(members)))


def overlapping(members):
    """Each measure takes a random share off what the others leave."""
    return 1e8 * (1 - np.prod([np.ones((DRAWS, len(YEARS))), *(1 - luck(name) / 5
                                                               for name in members)], 0))


def recorded(evaluate):
    asked = []

    def record(members):
        asked.append(members)
        return evaluate(members)
    return asked, record


def test_adds_to_the_whole_in_every_draw_and_asks_once():
    asked, evaluate = recorded(any_game)
    found = attribute(evaluate, NAMES, DRAWS)
    np.testing.assert_allclose(found.shapley.sum("measure"), found.total, atol=1e-6)
    np.testing.assert_allclose(found.total, any_game(NAMES) - any_game([]))
    assert len(asked) == len(set(asked)) == found.coalitions == 2 ** len(NAMES)
    assert found.shapley.dims == ("measure", "draw", "financial_year")
    assert not found.error.any()


def test_order_of_names_does_not_matter():
    one, two = (attribute(any_game, names, DRAWS) for names in (NAMES, NAMES[::-1]))
    np.testing.assert_allclose(one.shapley, two.shapley.sel(measure=NAMES), atol=1e-6)


def test_like_measures_get_the_same_and_a_dummy_nothing():
    def worth(members):
        return overlapping(["both" for name in members if name in ("a", "b")])
    found = attribute(worth, ["a", "b", "dummy"], DRAWS)
    np.testing.assert_allclose(found.shapley[0], found.shapley[1], atol=1e-6)
    for kind in (found.shapley, found.first_in, found.last_in):
        np.testing.assert_allclose(kind[2], 0, atol=1e-6)


def test_additive_game_is_exact():
    found = attribute(lambda members: sum((luck(m) for m in members), 0 * luck("")), NAMES, DRAWS)
    for place, name in enumerate(NAMES):
        for kind in (found.shapley, found.first_in, found.last_in):
            np.testing.assert_allclose(kind[place], luck(name), atol=1e-12)


def with_cash(members):
    cash = {"banding", "health"} & members
    return overlapping(members - cash) + sum((1e6 * luck(m) for m in sorted(cash)), 0 * luck(""))


def test_additive_measures_need_not_be_enumerated():
    names = ["banding", *NAMES[:3], "health"]
    full = attribute(with_cash, names, DRAWS)
    asked, evaluate = recorded(with_cash)
    found = attribute(evaluate, names, DRAWS, additive=["health", "banding"])
    for kind in ("shapley", "first_in", "last_in", "total"):
        np.testing.assert_allclose(getattr(found, kind), getattr(full, kind), atol=1e-6)
    assert len(asked) == len(set(asked)) == found.coalitions == 2**3 + 2 + 1
    alone = attribute(with_cash, ["health"], DRAWS, additive=["health"])
    np.testing.assert_allclose(alone.shapley[0], 1e6 * luck("health"))


def test_a_measure_that_is_not_additive_is_refused():
    with pytest.raises(ValueError, match=r"additive: found £.* between .*allowed those that save"):
        attribute(overlapping, NAMES, DRAWS, additive=["price", "places"])


def test_sampled_orders_are_near_exact_and_say_how_near():
    """Within 4 standard errors, every measure and year; the total still exact in every draw."""
    exact = attribute(any_game, NAMES, DRAWS)
    found = attribute(any_game, NAMES, DRAWS, exact=3, pairs=200)
    np.testing.assert_allclose(found.shapley.sum("measure"), found.total, atol=1e-6)
    gap = found.shapley.mean("draw") - exact.shapley.mean("draw")
    assert (abs(gap) < 4 * found.error).all() and (found.error > 0).all()
    np.testing.assert_allclose(found.last_in, exact.last_in, atol=1e-6)
    again = attribute(any_game, NAMES[::-1], DRAWS, exact=3, pairs=200)
    np.testing.assert_allclose(found.shapley, again.shapley.sel(measure=NAMES), atol=1e-6)
    other = attribute(any_game, NAMES, DRAWS, exact=3, pairs=200, seed=1)
    assert abs(found.shapley - other.shapley).max() > 1


def test_above_twelve_measures_are_sampled():
    names = [f"measure {n}" for n in range(13)]
    found = attribute(overlapping, names, DRAWS, pairs=5)
    assert found.coalitions < 200 and (found.error > 0).all()
    np.testing.assert_allclose(found.shapley.sum("measure"), found.total, rtol=1e-9)


def test_years_are_those_of_the_values():
    def named(members):
        return xr.DataArray(overlapping(members), dims=("draw", "financial_year"),
                            coords={"financial_year": YEARS})
    found = attribute(named, NAMES, DRAWS)
    assert list(found.shapley["financial_year"].values) == YEARS
    last, shared, first = (kind.mean("draw") for kind in
                           (found.last_in, found.shapley, found.first_in))
    assert (last < shared).all() and (shared < first).all()


@pytest.mark.parametrize("weights", [None, named_uniform(1, "weights", 2 * DRAWS)])
def test_reconciles_to_the_penny(weights):
    found = attribute(overlapping, NAMES, DRAWS)
    counts = 1e7 * named_uniform(3, "counts", 6 * DRAWS).reshape(2 * DRAWS, 3)
    table = reconcile(found, counts, weights)
    pence = (table * 100).round().astype(int)
    assert (pence.drop("total").sum() == pence.loc["total"]).all()
    np.testing.assert_allclose(table.loc["total"], np.average(counts, axis=0, weights=weights),
                               atol=0.00501)
    few = None if weights is None else weights[:DRAWS]
    price = np.average(found.shapley[4], axis=0, weights=few)
    np.testing.assert_allclose(table.loc["price"], price, atol=0.00501)
    assert list(table.index) == [*NAMES, CHANCE, "total"]


def test_no_measures_save_nothing():
    found = attribute(any_game, [], DRAWS)
    assert found.shapley.shape == (0, DRAWS, 3) and not found.total.any()
    assert not reconcile(found, np.zeros((DRAWS, 3))).to_numpy().any()


@pytest.mark.parametrize(("change", "message"), [
    ({"names": ["a", "a"]}, "each name once"),
    ({"additive": ["b"]}, "additive ones among them"),
    ({"evaluate": lambda members: np.zeros(DRAWS)}, r"allowed numbers, \(40 draws"),
    ({"evaluate": lambda members: np.full((DRAWS, 3), np.nan)}, "allowed numbers"),
])  # fmt: skip
def test_bad_games_are_refused(change, message):
    given = {"evaluate": any_game, "names": ["a"], "draws": DRAWS, **change}
    with pytest.raises(ValueError, match=message):
        attribute(**given)


def test_counts_of_other_years_are_refused():
    with pytest.raises(ValueError, match=r"allowed \(40 draws or more, 3 years\)"):
        reconcile(attribute(any_game, ["a"], DRAWS), np.zeros((DRAWS, 2)))


