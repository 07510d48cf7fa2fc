"""What Devon's forecast of June 2020 would have said of 2021 to 2025, and what came."""

import numpy as np
import pandas as pd
import pytest
from sufficiency.model.placements.calibrate import calibrate
from sufficiency.model.placements.engine import project
from sufficiency.model.placements.growth import growth_paths
from sufficiency.model.streams import Worlds

YEARS = [2021, 2022, 2023, 2024, 2025]
CAME = np.array([7295, 7926, 8400, 8873, 9848])
DRAWS, PHIS = 2000, (0.8, 0.9, 0.98)
# Statements and plans each January before Devon's file begins: Department for Education, SEN2.
EARLIER = {2010: 3418, 2011: 3454, 2012: 3537, 2013: 3594, 2014: 3764}


def fair_crps(draws, came):
    """mean|x - y| - sum over pairs |x - x'| / (2 M (M - 1)), by sorting (methods, b)."""
    ordered, size = np.sort(draws.astype(float)), len(draws)
    weights = 2 * np.arange(1, size + 1) - size - 1
    return np.abs(ordered - came).mean() - (weights * ordered).sum() / (size * (size - 1))


def damped_trend(counts, phi):
    """Last change, damped by phi a year, with the council's own past errors at each horizon.

    counts: series by January, to the origin. -> [(point, root mean square of past errors, as log
    ratios)] by horizon
    """
    def point(origin, horizon):
        step = counts[origin] - counts[origin - 1]
        return counts[origin] + step * sum(phi**k for k in range(1, horizon + 1))

    last = counts.index[-1]
    past = [np.array([np.log(counts[o + h] / point(o, h))
                      for o in range(counts.index[1], last - h + 1)]) for h in range(1, 6)]
    return [(point(last, h), np.sqrt((errors**2).mean())) for h, errors in enumerate(past, 1)]


@pytest.fixture(scope="module")
def hindcast(small_case):
    case = small_case.as_known("2020-06")
    found = calibrate(case)
    worlds = Worlds(case.assumptions, 20200615, DRAWS)
    paths = growth_paths(found, worlds, YEARS)
    plans = project(found.rates, periods=YEARS, seed=20200615, draws=DRAWS, **paths)
    return case, found, plans["stock"].sum((2, 3))[:, 1:]


def test_nothing_later_is_known(hindcast):
    case, found, _ = hindcast
    assert found.first_january == 2020 and found.rates.stock.sum() == 6474
    assert case.published("plans_by_setting").index.max() == 2020
    assert case.published("flows").index.max() == 2019
    assert case.published("england_plans").index.max() == 2020
    # shapes by age have no date: what in them is later, their source says
    later = [key for key, known in case.log().set_index("key")["known"].dropna().items()
             if key.startswith("placements") and str(known) > "2020-06"]
    assert not later, f"known only later: {later}"


def test_what_came_is_inside_the_range(hindcast):
    plans = hindcast[2]
    low, high = np.quantile(plans, [0.025, 0.975], axis=0)
    inside = (low <= CAME) & (high >= CAME)
    assert inside[-1], f"2025: {CAME[-1]} outside {low[-1]:.0f} to {high[-1]:.0f}"
    # a range that holds everything says nothing
    assert high[-1] - low[-1] < CAME[-1], f"95% range {high[-1] - low[-1]:.0f} wide"


def test_no_worse_than_a_damped_trend(hindcast, small_case):
    """Against the damping that did best, chosen with hindsight, so the comparison favours it.

    Points without a range err by 2,150 to 8,800 in all; that of 0.8, the least, by less than ours.
    """
    plans = hindcast[2]
    counts = small_case.as_known("2020-06").published("plans_by_age")["all"].loc[2015:]
    counts = pd.concat([pd.Series(EARLIER), counts])
    ours = sum(fair_crps(plans[:, i], came) for i, came in enumerate(CAME))
    normals = np.random.default_rng(1).standard_normal((DRAWS, len(CAME)))
    theirs, without = {}, {}
    for phi in PHIS:
        point, spread = np.array(damped_trend(counts, phi)).T
        draws = point * np.exp(spread * normals)
        theirs[phi] = sum(fair_crps(draws[:, i], came) for i, came in enumerate(CAME))
        without[phi] = np.abs(point - CAME).sum()
    message = f"CRPS {ours:.0f}, damped trends {theirs}, their errors {without}"
    print(message)
    assert ours <= min(theirs.values()), message
    # the ensemble of a method that is sure of itself is its point: at the usual damping, beaten
    assert ours <= without[0.9], message


def test_a_date_before_any_count_is_refused_in_words(small_case):
    case = small_case.as_known("2012-06")
    with pytest.raises(ValueError, match="plans_by_setting: found none known by 2012-06"):
        calibrate(case)
