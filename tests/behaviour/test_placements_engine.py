"""How the placement engine behaves under change, at its limits and however it is run."""

from dataclasses import replace

import numpy as np
import pytest
from sufficiency.model.placements import engine
from sufficiency.model.placements.engine import FLOWS, project
from sufficiency.model.placements.rates import Rates

NAMES = ("mainstream", "state_special", "independent_special", "further_education", "elsewhere")
PER_CELL = ("stock", "leave_mean", "leave_size", "move_mean", "move_size", "share_size",
            "join_mean", "join_size", "allowed")


def council(names=NAMES, steps=9, children=20, seed=11, **changes):
    """A made-up council: everyone may go anywhere, all rates uncertain and correlated."""
    random, shape = np.random.default_rng(seed), (len(names), steps)
    target = [[j for j in range(len(names)) if j != i] for i in range(len(names))]
    fields = dict(
        places=names, steps_per_year=1, first_age=4, stock=random.poisson(children, shape),
        leave_mean=random.uniform(0.02, 0.2, shape), leave_size=np.full(shape, 80.0),
        move_mean=random.uniform(0.05, 0.2, shape), move_size=np.full(shape, 60.0),
        target=np.repeat(np.array(target)[:, None], steps, 1),
        share_mean=random.dirichlet(np.ones(len(names) - 1), shape),
        share_size=np.full(shape, 30.0), join_mean=random.uniform(0.5, 4, shape),
        join_size=np.full(shape, 25.0), correlation=0.3)
    return Rates(**{**fields, **changes})


def run(rates, **changes):
    return project(rates, **{"periods": 4, "seed": 5, "draws": 600, **changes})


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


def gap(result):
    """Opening + joiners + moved in - moved out - leavers - closing."""
    stock = result["stock"].sum(-1)
    return (stock[:, :-1] + result["joiners"] + result["moved_in"] - result["moved_out"]
            - result["leavers"] - stock[:, 1:])


@pytest.fixture(scope="module")
def rates():
    return council()


@pytest.fixture(scope="module")
def limited(rates):
    """Limits on three places, with an order in which to try the others."""
    capacity = np.array([np.inf, 90, 60, np.nan, 70])
    overflow = np.array([[-1, -1], [2, 0], [1, 0], [-1, -1], [2, 3]])
    return dict(capacity=capacity, overflow=overflow)


@pytest.mark.parametrize("engine", ["counts", "expected"])
def test_children_in_are_children_out_and_stock(rates, limited, engine):
    for limits in ({}, limited):
        result = run(rates, engine=engine, **limits)
        assert abs(gap(result)).max() <= (1e-9 if engine == "expected" else 0)
        if not limits:
            assert result["moved_in"].sum(-1) == pytest.approx(result["moved_out"].sum(-1))
            assert not result["overflowed"].any()
        assert (result["stock"] >= 0).all()


def test_counts_are_whole_and_expected_are_their_means(rates):
    counts, expected = run(rates, draws=4000), run(rates, draws=4000, engine="expected")
    assert counts["stock"].dtype == np.int32
    for name in ("stock", *FLOWS):
        difference = counts[name] - expected[name]
        error = difference.std(0, ddof=1) / np.sqrt(len(difference))
        assert (abs(difference.mean(0)) <= 5 * error).all(), name


def test_no_exits_never_shrink_the_stock():
    rates = council(steps=12, leave_mean=np.zeros((5, 12)))
    stock = np.where(np.arange(12) < 6, rates.stock, 0)
    joining = np.where(np.arange(12) < 6, rates.join_mean, 0)
    total = run(replace(rates, stock=stock, join_mean=joining))["stock"].sum((2, 3))
    assert (np.diff(total, axis=1) >= 0).all()


def test_twice_the_joiners_and_stock_is_twice_the_mean(rates):
    twice = replace(rates, stock=2 * rates.stock, join_mean=2 * rates.join_mean)
    one, two = run(rates, engine="expected"), run(twice, engine="expected")
    for name, values in one.items():
        assert np.array_equal(2 * values, two[name]), name


def test_order_of_places_is_only_an_order(rates, limited):
    turn = np.array([3, 0, 4, 2, 1])
    back = np.argsort(turn)
    fields = {name: getattr(rates, name)[turn] for name in (*PER_CELL, "share_mean")}
    turned = replace(rates, places=tuple(np.array(NAMES)[turn]), target=back[rates.target[turn]],
                     **fields)
    limits = dict(capacity=limited["capacity"][turn],
                  overflow=np.where(limited["overflow"] < 0, -1, back[limited["overflow"]])[turn])
    for kind in ("counts", "expected"):
        one = run(rates, engine=kind, **limited)
        other = run(turned, engine=kind, **limits)
        for name, values in one.items():
            assert np.array_equal(values[:, :, turn], other[name]), (kind, name)


def test_more_draws_periods_places_or_steps_move_nobody_elses_luck(rates):
    one = run(rates)
    assert same(one, {name: values[:600] for name, values in run(rates, draws=700).items()})
    longer = run(rates, periods=5)
    assert same(one, {name: values[:, :-1] for name, values in longer.items()})

    def wider(before, after, axis):
        pad = {name: [(0, 0)] * getattr(rates, name).ndim
               for name in (*PER_CELL, "target", "share_mean")}
        fill = {"leave_size": 9, "move_size": 9, "share_size": 9, "join_size": 9, "allowed": 1}
        fields = {}
        for name, widths in pad.items():
            widths[axis] = (before, after)
            fields[name] = np.pad(getattr(rates, name), widths, constant_values=fill.get(name, 0))
        return fields

    fields = wider(1, 0, 0)
    fields["target"][1:] += 1
    fields["join_mean"][0] = 3.0
    more = run(replace(rates, places=("aardvark", *NAMES), **fields))
    assert same(one, {name: values[:, :, 1:] for name, values in more.items()})
    younger = run(replace(rates, first_age=3, **wider(1, 0, 1)))
    assert np.array_equal(one["stock"], younger["stock"][..., 1:])
    older = run(replace(rates, **wider(0, 1, 1)))
    assert np.array_equal(one["stock"], older["stock"][..., :-1])


def test_luck_goes_with_the_year(rates):
    certain = rates.certain()
    early = run(certain, periods=[2026, 2027, 2028])["joiners"]
    late = run(certain, periods=[2027, 2028])["joiners"]
    assert np.array_equal(early[:, 1:], late)
    assert not np.array_equal(early[:, :2], late)


def test_threads_and_order_of_blocks_change_no_byte(rates, limited, monkeypatch):
    one = run(rates, draws=1700, threads=1, **limited)
    assert same(one, run(rates, draws=1700, threads=2, **limited))

    def reversed_blocks(function, draws, threads, block):
        for first in reversed(range(0, draws, 130)):
            function(first, min(first + 130, draws))

    monkeypatch.setattr(engine, "run_blocks", reversed_blocks)
    assert same(one, run(rates, draws=1700, **limited))


def test_correlation_widens_a_place_and_not_its_states(rates):
    alone, together = (run(replace(rates, correlation=rho), draws=3000, engine="expected")["stock"]
                       for rho in (0.0, 0.9))
    ratio = together[:, -1].sum(-1).std(0) / alone[:, -1].sum(-1).std(0)
    assert (ratio > 1.3).all()
    cell = together[:, 1].std(0) / alone[:, 1].std(0)
    # a state's own spread is the same: sd of a ratio of two sds of 3,000 draws is 1.9%
    assert cell[cell > 0] == pytest.approx(1, abs=5 * 0.019)


@pytest.mark.parametrize("engine", ["counts", "expected"])
def test_limits_hold_and_those_turned_away_are_counted(rates, limited, engine):
    free, result = run(rates, engine=engine), run(rates, engine=engine, **limited)
    closing = result["stock"][:, 1:].sum(-1)
    staying = closing - result["joiners"] - result["moved_in"]
    # the order of place 4 ends with 3, those of 1 and 2 with 0: so none of the three may overrun
    for place in (1, 2, 4):
        limit = np.maximum(limited["capacity"][place], staying[..., place])
        assert (closing[..., place] <= limit + 1e-9).all()
    assert result["overflowed"][..., [1, 2, 4]].sum() > 0
    assert not result["overflowed"][..., [0, 3]].any()
    first = np.maximum(free["stock"][:, 1].sum(-1)[:, 1] - np.maximum(90, staying[:, 0, 1]), 0)
    assert result["overflowed"][:, 0, 1] == pytest.approx(first)


def test_those_who_fit_nowhere_stay_and_are_counted(rates):
    result = run(rates, capacity=np.zeros(5), engine="expected")
    assert np.array_equal(result["stock"], run(rates, engine="expected")["stock"])
    assert result["overflowed"] == pytest.approx(result["joiners"] + result["moved_in"])


def test_overflow_skips_places_that_do_not_take_the_age(rates):
    names, joins = ("special", "early_years", "mainstream"), np.zeros((3, 4))
    joins[0] = 5.0
    allowed = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 1]], bool)
    leave = np.where(allowed, 0.1, 0)
    leave[1, 1] = 1
    three = council(names, 4, stock=np.zeros((3, 4)), join_mean=joins, leave_mean=leave,
                    move_mean=np.zeros((3, 4)), allowed=allowed).certain()
    overflow = [[1, 2], [-1, -1], [-1, -1]]
    result = run(three, periods=1, capacity=[0, 6, 0], overflow=overflow, engine="expected")
    stock = result["stock"][0, 1]
    assert stock[0].sum() == 0
    assert stock[1].tolist() == [3, 3, 0, 0]
    assert stock[2].tolist() == [2, 2, 5, 5]
    counts = run(three, periods=1, capacity=[0, 6, 0], overflow=overflow)
    joined = run(three, periods=1)["stock"][:, 1, 0]
    assert np.array_equal(counts["stock"][:, 1].sum(1), joined)
    young = joined[:, :2].sum(1)
    assert np.array_equal(counts["stock"][:, 1, 1].sum(-1), np.minimum(young, 6))


def test_multipliers_act_on_the_hazard(rates):
    certain = replace(rates, join_mean=0 * rates.join_mean).certain()
    twice = run(certain, periods=1, draws=1, leave_multiplier=2.0, engine="expected")
    chance = np.append(1 - (1 - rates.leave_mean[:, :-1]) ** 2, np.ones((5, 1)), axis=1)
    assert twice["leavers"][0, 0] == pytest.approx((rates.stock * chance).sum(1))
    closed = np.ones((1, 1, 5))
    closed[..., 2] = 0
    result = run(certain, periods=1, draws=1, move_multiplier=closed, engine="expected")
    assert result["moved_in"][0, 0, 2] == 0
    hazard = -np.log1p(-rates.move_mean) * (1 - np.where(
        rates.target == 2, rates.share_mean, 0).sum(-1))
    moved = rates.stock * (1 - rates.leave_mean) * -np.expm1(-hazard)
    assert result["moved_out"][0, 0] == pytest.approx(moved[:, :-1].sum(1))


def test_joiners_follow_growth_population_and_extra(rates):
    base = rates.join_mean
    index = np.linspace(0.9, 1.1, 9)
    result = run(rates.certain(), periods=2, draws=1, growth=[[1.5, 2.0]], population_index=index,
                 extra_joiners=[[0.0, 30.0]], engine="expected")["joiners"][0]
    assert result[0] == pytest.approx((1.5 * base * index).sum(1))
    assert result[1].sum() == pytest.approx((2 * base * index).sum() + 30)
    assert result[1] / result[0] == pytest.approx(np.full(5, result[1].sum() / result[0].sum()))


def test_quarters_for_children_in_care():
    names, steps = ("fostering", "residential"), 72
    stock = np.zeros((2, steps))
    stock[:, 20:24] = 50
    joins = np.full((2, steps), 0.2)
    rates = council(names, steps, stock=stock, join_mean=joins, steps_per_year=4, first_age=0,
                    leave_mean=np.full((2, steps), 0.1))
    result = run(rates, periods=20)
    assert result["stock"].shape == (600, 21, 2, 72)
    assert not gap(result).any()
    certain = replace(rates, join_mean=0 * joins).certain()
    last = run(certain, periods=20, draws=1, engine="expected")["stock"][0, -1]
    assert last.sum() == pytest.approx(400 * 0.9**20)
    assert last[:, :40].sum() == last[:, 44:].sum() == 0


@pytest.mark.parametrize(("changes", "words"), [
    (dict(engine="exact"), "engine: found 'exact'"),
    (dict(growth=-0.1), "growth: found -0.1"),
    (dict(leave_multiplier=np.nan), "leave_multiplier: found nan"),
    (dict(extra_joiners=-1e6), "extra_joiners: fewer than no joiners"),
    (dict(overflow=np.full((5, 1), 9)), "overflow"),
])
def test_what_the_engine_refuses(rates, changes, words):
    with pytest.raises(ValueError, match=words):
        run(rates, draws=3, **changes)


def test_children_who_must_move_need_a_place_to_go(rates):
    must = replace(rates, move_mean=np.ones((5, 9)))
    with pytest.raises(ValueError, match="must move"):
        run(must, draws=3, move_multiplier=np.zeros((1, 1, 5)))
    with pytest.raises(ValueError, match="parts of a child"):
        run(replace(rates, stock=rates.stock + 0.5), draws=3)
