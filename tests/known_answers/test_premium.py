"""The premium of a made-up list is known: it is found, or the list says that it cannot tell."""

import sys
from pathlib import Path

import numpy as np
import pytest
from sufficiency.model.costs.premium import overlap, premium

sys.path.insert(0, str(Path(__file__).parents[1]))
from synthetic_placements import PREMIUM, rows

REPLICATIONS = 300


def made(seed=1, **given):
    frame = rows(seed, **given)
    return frame.assign(age_band=frame["age"] > 10, boarding=frame["weeks_boarded"])


@pytest.fixture(scope="module")
def replications():
    return [premium(made(seed)) for seed in range(REPLICATIONS)]


def test_the_interval_holds_the_premium_as_often_as_it_says(replications):
    found = [one.adjusted for one in replications]
    assert {one.by for one in replications} == {"provider"}
    for low, high, share in (("lower", "upper", 0.95), ("low", "high", 0.8)):
        held = np.mean([getattr(one, low) <= PREMIUM <= getattr(one, high) for one in found])
        assert abs(held - share) < 4 * np.sqrt(share * (1 - share) / REPLICATIONS), (share, held)


def test_like_children_give_the_premium_back_and_the_raw_does_not(replications):
    for part, biased in (("adjusted", False), ("huber", False), ("raw", True), ("means", True)):
        found = [getattr(one, part) for one in replications]
        logs = np.log1p([getattr(one, "central", one) for one in found])
        error = logs.std(ddof=1) / np.sqrt(REPLICATIONS)
        gap = abs(logs.mean() - np.log1p(PREMIUM))
        assert gap > 40 * error if biased else gap < 4 * error, (part, gap, error)
    assert all(not one.reasons for one in replications)


def test_without_confounding_raw_and_adjusted_agree():
    found = [premium(made(seed, confounding=0.0)) for seed in range(40)]
    gaps = np.array([np.log1p(one.raw.central) - np.log1p(one.adjusted.central) for one in found])
    assert abs(gaps.mean()) < 4 * gaps.std(ddof=1) / np.sqrt(40)
    assert np.mean([one.raw.upper - one.raw.lower > one.adjusted.upper - one.adjusted.lower
                    for one in found]) > 0.9


def test_raw_ratios_by_hand():
    frame = made()
    sides = [frame.loc[frame["bought"] == name, "weekly_price"] for name in ("spot", "framework")]
    found = premium(frame)
    assert found.means.central == pytest.approx(sides[0].mean() / sides[1].mean() - 1)
    geometric = np.exp(np.log(sides[0]).mean() - np.log(sides[1]).mean()) - 1
    assert found.raw.central == pytest.approx(geometric)
    assert found.counts == {"framework": len(sides[1]), "spot": len(sides[0])}


def test_the_fit_is_the_textbook_hc3():
    """b = (X'X)^-1 X'y; HC3 = (X'X)^-1 X' diag(e^2 / (1 - h)^2) X (X'X)^-1."""
    frame = made(count=120).assign(provider=lambda f: [f"p{n % 20}" for n in range(len(f))])
    found = premium(frame, adjust=("need_band",))
    assert found.by == "placement"
    levels = sorted(set(frame["need_band"]))[1:]
    x = np.column_stack([frame["bought"] == "spot", np.ones(len(frame)),
                         *(frame["need_band"] == level for level in levels)]).astype(float)
    y, inverse = np.log(frame["weekly_price"]), np.linalg.inv(x.T @ x)
    b = inverse @ x.T @ y
    left = (y - x @ b) / (1 - np.einsum("ij,jk,ik->i", x, inverse, x))
    error = np.sqrt((inverse @ (x.T * left.to_numpy() ** 2) @ x @ inverse)[0, 0])
    assert found.adjusted.central == pytest.approx(np.expm1(b[0]))
    from scipy.stats import t
    assert found.adjusted.upper == pytest.approx(np.expm1(b[0] + t.ppf(0.975, 120 - 5) * error))
    assert found.adjusted.low == pytest.approx(np.expm1(b[0] - t.ppf(0.9, 120 - 5) * error))


def test_units_and_order_of_rows_do_not_matter():
    frame = made()
    found, pence = premium(frame), premium(frame.assign(weekly_price=frame["weekly_price"] * 100))
    turned = premium(frame.iloc[::-1])
    for other in (pence, turned):
        assert other.adjusted == pytest.approx(found.adjusted)


def test_a_column_that_says_the_same_twice_changes_nothing():
    frame = made()
    assert premium(frame.assign(distance=frame["need_band"])).adjusted == pytest.approx(
        premium(frame).adjusted)


def yearly(frame, count):
    """So many spot prices given for a year instead of a week."""
    first = frame.index[frame["bought"] == "spot"][:count]
    return frame.assign(weekly_price=frame["weekly_price"].where(~frame.index.isin(first),
                                                                 52 * frame["weekly_price"]))


def test_far_prices_move_it_little_and_are_told():
    frame = made()
    before, one, some = (premium(yearly(frame, count)) for count in (0, 1, 6))
    error = (np.log1p(before.adjusted.upper) - np.log1p(before.adjusted.lower)) / 4

    def moved(after):
        return [abs(np.log1p(x) - np.log1p(y)) / error for x, y in (
            (after.means.central, before.means.central), (after.huber, before.huber),
            (after.adjusted.central, before.adjusted.central))]

    means, huber, adjusted = moved(one)
    assert huber < 0.2 and adjusted < 2 < means, (huber, adjusted, means)
    assert one.adjusted.lower < PREMIUM < one.adjusted.upper
    assert moved(some)[1] < 0.5 and not before.notes
    assert some.notes[0].startswith("A few far prices move it: with less weight on them it is ")


def test_kinds_of_child_bought_one_way_are_set_aside_and_counted():
    frame = made()
    rare = frame["primary_need"].eq("sld") & frame["bought"].eq("framework")
    frame = frame[~rare]
    found = premium(frame)
    spot_only = frame["primary_need"].eq("sld").sum()
    assert found.outside == spot_only and not found.reasons
    assert sum(found.used.values()) == len(frame) - spot_only
    assert found.notes[0].startswith(f"{spot_only} of {len(frame)} placements are of a kind only")
    assert found.adjusted == premium(frame[frame["primary_need"] != "sld"]).adjusted


def test_overlap_is_looked_for_until_it_holds():
    frame = made(count=60)
    kept = overlap(frame, ("need_band", "primary_need"))
    for name in ("need_band", "primary_need"):
        assert (kept.groupby(name)["bought"].nunique() == 2).all()


def noisy(frame):
    luck = np.random.default_rng(2).standard_normal(len(frame))
    return frame.assign(weekly_price=frame["weekly_price"] * np.exp(1.5 * luck))


def known_by_need(frame):
    """Nineteen in twenty and more bought as their need says."""
    odd = np.arange(len(frame)) % 80 == 0
    spot = frame["primary_need"].eq("asd") ^ odd
    return frame[frame["primary_need"] != "sld"].assign(bought=np.where(spot, "spot", "framework")[
        frame["primary_need"] != "sld"])


CANNOT = {
    "too few": (lambda f: f[f["bought"].eq("framework") | (np.arange(len(f)) < 20)],
                "fewer than 15 spot placements"),
    "none": (lambda f: f.assign(bought="block"), "fewer than 15 framework placements"),
    "no overlap": (lambda f: f[f["bought"].eq("spot") == f["primary_need"].eq("semh")],
                   "fewer than 15 on one side are of a kind of child bought both ways"),
    "collinear": (known_by_need, "the kind of child says how it was bought"),
    "wide": (noisy, "is wider than 50%"),
    "one provider": (lambda f: f.assign(provider=f["provider"].mask(f["bought"] == "spot", "one")),
                     "one provider has 100% of the spot placements"),
    "no case mix": (lambda f: f[["bought", "weekly_price", "provider"]],
                    "it says nothing of the children"),
}


@pytest.mark.parametrize("what", CANNOT)
def test_a_list_that_cannot_tell_says_why(what):
    change, said = CANNOT[what]
    count = {"wide": 200, "collinear": 3000}.get(what, 400)
    found = premium(change(made(count=count)))
    assert any(said in reason for reason in found.reasons), found.reasons
    with pytest.raises(ValueError, match="premium: found a list that cannot tell"):
        found.assumption("x")
    assert set(found.table().columns) <= {"premium", "95% from", "to"}


def test_many_kinds_of_children_and_few_rows_are_refused_in_words():
    frame = made(count=64).assign(distance=lambda f: [str(n // 2) for n in range(len(f))])
    found = premium(frame, adjust=("distance",))
    assert found.reasons and found.adjusted is None


def test_a_list_that_can_tell_is_an_assumption():
    from sufficiency.case.quantity import Assumption

    found = premium(made())
    said = found.assumption("placement list, March 2025")
    entry = Assumption.model_validate(said)
    assert entry.quantile(0.1) == pytest.approx(said["low"])
    assert entry.quantile(0.9) == pytest.approx(said["high"])
    assert said["low"] < said["central"] < said["high"] and said["quality"] == "council"
    assert len(found.table()) == 3


def test_frames_without_prices_are_refused():
    with pytest.raises(ValueError, match="found no provider in places; allowed bought"):
        premium(made().drop(columns="provider"))
    with pytest.raises(ValueError, match="weekly_price above 0"):
        premium(made().assign(weekly_price=0.0))
