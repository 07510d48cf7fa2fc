"""Children in care by quarter: exact ageing, closed forms, and weeks times price to the penny."""

import json

import numpy as np
import pandas as pd
import pytest
from sufficiency.model.care import children, rates
from sufficiency.model.care.spend import spend
from sufficiency.model.placements.rates import Rates
from sufficiency.model.streams import Worlds

STILL = "care.entries.growth=0; care.entries.spread=0"
STEPS = rates.STEPS


@pytest.fixture(scope="module")
def worlds(small_case):
    case = small_case.changed(STILL)
    return lambda draws, seed=3: Worlds(case.assumptions, seed, draws)


def certain(stock, leave=0.0, join=None, places=("home",)):
    """Rates held for certain: stock (place, step), a flat chance to leave, entries at birth."""
    stock = np.asarray(stock, float)
    flat = np.full(stock.shape, np.inf)
    entries = np.zeros(stock.shape)
    entries[:, 0] = join or 0.0
    return Rates(places, 4, 0, stock, np.full(stock.shape, leave), flat, np.zeros(stock.shape),
                 flat, np.full((*stock.shape, 1), -1), np.zeros((*stock.shape, 1)), flat, entries,
                 flat, 0.0)


def test_a_child_of_17_and_three_quarters_leaves_in_one_quarter(worlds):
    stock = np.zeros((1, STEPS))
    stock[0, [71, 70, 0]] = 1
    found = children.project(certain(stock), worlds(2), start=2025, years=2)
    here = found["children"].isel(draw=0, category=0)
    assert here.sum("age").values.tolist() == [3, 2, 1, 1, 1, 1, 1, 1, 1]
    assert found["leavers"].isel(draw=0, category=0).values[:3].tolist() == [0, 1, 1]
    # the youngest turns one, then two
    assert here.sel(age=[0, 1, 2]).values[[0, 3, 4, 7, 8]].tolist() == [
        [1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert found["quarter"].values[[0, 1, 4]].tolist() == ["2025-03-31", "2025-06-30",
                                                            "2026-03-31"]


def test_immigration_and_death_by_the_quarter(worlds, shared):
    oracles = json.loads((shared / "oracles" / "a_cohort.json").read_text("utf-8"))
    given = next(one for one in oracles if one["id"] == "immigration_death")
    asked, expected = given["inputs"], given["expected"]
    stock = np.zeros((1, STEPS))
    stock[0, 4] = asked["start"]
    held = certain(stock, asked["exit"], asked["entries"])
    ask = {"start": 2025, "years": asked["months"] // 4}
    mean = children.project(held, worlds(1), kind="expected", **ask)["children"]
    assert mean.sum(("category", "age"))[0, -1] == pytest.approx(expected["mean"], abs=1e-6)
    draws = children.project(held, worlds(4000), **ask)["children"].sum(("category", "age"))[:, -1]
    error = np.sqrt(expected["var"] / draws.size)
    assert abs(float(draws.mean()) - expected["mean"]) < 4 * error
    # a variance's own error, near normal
    assert abs(float(draws.var(ddof=1)) / expected["var"] - 1) < 4 * np.sqrt(2 / draws.size)


def counts(rows):
    """Counts of `ssda903_counts.count` from short rows."""
    return pd.DataFrame(rows, columns=["year", "kind", "place", "age", "destination", "count"])


@pytest.fixture(scope="module")
def estimated():
    rows = [(2025, "between", place, np.nan, "", 1.0) for place in ("foster", "home")]
    rows += [(2025, "stayer", "foster", age, "", 60) for age in range(18)]
    rows += [(2025, "leaver", "foster", age, "", 4) for age in range(18)]
    rows += [(2025, "mover", "foster", 12, "home", 9), (2025, "stayer", "home", 14, "", 50),
             (2025, "leaver", "home", 14, "", 5), (2025, "mover", "home", 14, "foster", 5)]
    rows += [(2025, "joiner", "foster", 0.25, "", 8), (2025, "joiner", "home", 12, "", 4)]
    rows += [(2025, "position", "foster", age / 4, "", 2) for age in range(72)]
    rows += [(2025, "position", "home", 13.5, "", 20)]
    return rates.estimate(counts(rows), places=("foster", "home"), ages=((0, 17), (5, 17)),
                          prior_size=30, correlation=0.2)


def test_estimates_shrink_and_keep_what_is_impossible_out(estimated):
    found = estimated
    # pooled over 10 to 15: leavers over children at risk, with 30 of the bracket's own rate
    events, risk = np.array([24.0, 5.0]), np.array([6 * 64 + 9, 60.0])
    overall = (18 * 4 + 5 + 0.5) / (18 * 64 + 9 + 60 + 1)
    parent = (events.sum() + 30 * overall) / (risk.sum() + 30)
    assert found.leave_mean[:, 50] == pytest.approx((events + 30 * parent) / (risk + 30))
    assert (found.move_mean[0, :18] == 0).all()  # nowhere takes a child below five
    assert found.move_mean[0, 19] > 0  # who turns five in the quarter may go
    assert found.join_mean[0, 1] > 8 / 4 and found.join_mean[0].sum() == pytest.approx(8.5 / 4)
    assert found.join_mean[1].sum() == pytest.approx(4.5 / 4)
    assert (found.join_mean[1, :20] == 0).all()
    assert found.stock.sum() == 164


def test_counts_and_expected_agree_in_the_mean(estimated, worlds):
    ask = {"start": 2025, "years": 5}
    mean = children.project(estimated.certain(), worlds(1), kind="expected", **ask)
    draws = children.project(estimated.certain(), worlds(3000), **ask)
    for name in ("children", "joiners", "leavers", "moved_in"):
        dims = [dim for dim in draws[name].dims if dim not in ("draw", "quarter", "category")]
        many = draws[name].sum(dims)
        error = many.std("draw", ddof=1) / np.sqrt(many.sizes["draw"])
        off = abs(many.mean("draw") - mean[name].sum(dims).isel(draw=0))
        assert (off <= 4.5 * error + 1e-9).all(), name


def test_threads_and_order_change_nothing(estimated, worlds):
    ask = {"start": 2025, "years": 2}
    one = children.project(estimated, worlds(600), threads=1, **ask)
    two = children.project(estimated, worlds(600), threads=2, **ask)
    fewer = children.project(estimated, worlds(100), threads=2, **ask)
    assert one.identical(two)
    assert one["children"][:100].identical(fewer["children"])


def test_stay_is_the_share_still_there_a_year_on():
    stock = np.zeros((1, STEPS))
    stock[0, [0, 70]] = 3, 1
    assert rates.stay(certain(stock, 0.1)) == pytest.approx(3 / 4 * 0.9**4)
    assert rates.stay(certain(np.zeros((1, STEPS)))) == 0


def test_weeks_are_child_days_over_seven_and_cost_is_weeks_times_price(small_case):
    names, low = ("fostering_in_house", "supported"), np.zeros((2, STEPS))
    low[0, 8], low[1, 66] = 10, 3
    case = small_case.changed(
        f"{STILL}; care.prices.fostering_in_house=500; care.prices.supported=700.5; "
        "care.uplift.other=0.1; care.spread.supported=0; care.spread.fostering_in_house=0")
    world = Worlds(case.assumptions, 1, 3)
    found = children.project(certain(low, places=names), world, start=2025, years=2)
    days = children.child_days(found["children"].sum("age"), np.array([1.0, 2.0]))
    # three of 16.5 stay 18 months less a day: 4 and 5 quarters, half of the last
    assert days[0].values.tolist() == [[3650.0, 2 * 3 * 365], [3650.0, 2 * 3 * (91 + 92 / 2)]]
    paid = spend(days, np.zeros(2), world, priced=dict.fromkeys(names, "2023-24"),
                 uplifts=dict.fromkeys(names, "other"), stay=np.zeros(2), base="2024-25")
    for draw in range(3):
        got = paid["nominal"].values[draw]
        expected = days.values[draw] / 7 * [500, 700.5] * np.array([[1.1**2], [1.1**3]])
        assert np.round(got, 2).tolist() == np.round(expected, 2).tolist()
    assert paid["nominal"].attrs["funded_by"] == "social_care"
    assert paid["weeks"][0, 0, 0] == pytest.approx(3650 / 7)


def test_the_luck_of_single_prices_keeps_the_mean(small_case):
    low = np.zeros((1, STEPS))
    low[0, 8] = 20
    world = Worlds(small_case.changed(STILL).assumptions, 4, 4000)
    name = "residential_independent"
    found = children.project(certain(low, places=(name,)), world, start=2025, years=2)
    days = children.child_days(found["children"].sum("age"), np.ones(1))
    paid = spend(days, np.full(1, 7300.0), world, priced={name: "2023-24"},
                 uplifts={name: "residential"}, stay=np.full(1, 0.7), base="2024-25")
    plain = (days / 7 * paid["weekly_price"]).values
    ratio = (paid["nominal"].values / plain)[..., 0]
    assert np.abs(ratio.mean(0) - 1).max() < 4 * ratio.std(0).max() / np.sqrt(len(ratio))
    assert 0.03 < ratio[:, 0].std() < 0.15 and ratio[:, 1].std() > ratio[:, 0].std()


def test_a_category_that_is_not_in_the_case_is_refused():
    rows = counts([(2025, "joiner", "castle", 3, "", 1), (2025, "between", "home", np.nan, "", 1)])
    with pytest.raises(ValueError, match="found castle; allowed home"):
        rates.estimate(rows, places=("home",), ages=((0, 17),), prior_size=1, correlation=0)
    with pytest.raises(ValueError, match="prior_size 0"):
        rates.estimate(rows, places=("home",), ages=((0, 17),), prior_size=0, correlation=0)
