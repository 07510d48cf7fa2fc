"""What Devon's forecast of June 2020 would have said of 2021 to 2025, and what came."""

import numpy as np
import pytest
from sufficiency.model.placements.calibrate import calibrate
from sufficiency.model.placements.engine import project
from sufficiency.model.placements.growth import growth_paths
from sufficiency.model.streams import Worlds

YEARS = [2021, 2022, 2023, 2024, 2025]
CAME = np.array([7295, 7926, 8400, 8873, 9848])
DRAWS, PHI = 2000, 0.9


def fair_crps(draws, came):
    """mean|x - y| - sum over pairs |x - x'| / (2 M (M - 1)), by sorting (methods, b)."""
    ordered, size = np.sort(draws.astype(float)), len(draws)
    weights = 2 * np.arange(1, size + 1) - size - 1
    return np.abs(ordered - came).mean() - (weights * ordered).sum() / (size * (size - 1))


def damped_trend(counts):
    """Last change, damped by 0.9 a year, with the council's own past errors at each horizon.

    counts: series by January, to the origin. -> {horizon: (point, past errors as log ratios)}
    """
    def point(origin, horizon):
        step = counts[origin] - counts[origin - 1]
        return counts[origin] + step * sum(PHI**k for k in range(1, horizon + 1))

    last = counts.index[-1]
    past = {h: [np.log(counts[o + h] / point(o, h))
                for o in range(counts.index[1], last - h + 1)] for h in range(1, 6)}
    return {h: (point(last, h), np.array(past[h])) for h in past}


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
    later = [key for key, known in case.log().set_index("key")["known"].items()
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
    plans = hindcast[2]
    counts = small_case.as_known("2020-06").published("plans_by_age")["all"].loc[2015:]
    ours = np.array([fair_crps(plans[:, i], came) for i, came in enumerate(CAME)])
    simple = damped_trend(counts)
    # its past errors as a normal: five Januaries give few; two at least, otherwise the longest
    theirs, spread = [], 0.0
    rng = np.random.default_rng(1)
    for h, came in enumerate(CAME, 1):
        point, errors = simple[h]
        spread = np.sqrt((errors**2).mean()) if len(errors) > 1 else spread * np.sqrt(h / (h - 1))
        theirs.append(fair_crps(point * np.exp(spread * rng.standard_normal(DRAWS)), came))
    without = np.abs([simple[h][0] - came for h, came in enumerate(CAME, 1)]).sum()
    message = f"CRPS {ours.sum():.0f}, damped trend {np.sum(theirs):.0f}, its error {without:.0f}"
    assert ours.sum() <= np.sum(theirs), message
    # the ensemble of a method that is sure of itself is its point: beaten too
    assert ours.sum() <= without, message
