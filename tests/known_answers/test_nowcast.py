"""The nowcast against normal theory, and the error of a forecast by the months left."""

import numpy as np
import pytest
from sufficiency.model.safety_valve.nowcast import Position, compare, month_error, update
from sufficiency.model.streams import Worlds

DRAWS = 20_000
WORLDS = Worlds({}, 11, DRAWS)
MEAN, SPREAD = 38e6, 6e6
OUTTURN = MEAN + SPREAD * WORLDS.normal("outturn")


def errors(values, weights):
    """Weighted mean and variance, with four standard errors of each."""
    mean = np.sum(weights * values)
    square = (values - mean) ** 2
    variance = np.sum(weights * square)
    spread = np.sqrt(np.sum(weights**2 * square))
    return mean, 4 * spread, variance, 4 * np.sqrt(np.sum(weights**2 * (square - variance) ** 2))


@pytest.mark.parametrize("figure", [45.8e6, 30e6])
def test_normal_prior_and_normal_error(figure):
    error = 5e6
    found = update(Position(6, figure, error), 0.3, OUTTURN)
    share = SPREAD**2 / (SPREAD**2 + error**2)
    mean, wide, variance, wider = errors(OUTTURN, found.weights)
    assert abs(mean - (MEAN + share * (figure - MEAN))) < wide
    assert abs(variance - SPREAD**2 * (1 - share)) < wider


def test_two_figures_of_a_joint_normal():
    """Savings of 10m, 3m apart, each pound saved is a pound off the outturn: by the matrix."""
    saved = 10e6 + 3e6 * WORLDS.normal("saved")
    outturn = OUTTURN - saved
    found = update(Position(8, 33e6, 4e6, 6e6, 1e6), 0.5, outturn, saved)
    joint = np.array([[SPREAD**2 + 3e6**2, -(3e6**2)], [-(3e6**2), 3e6**2]])
    gain = joint @ np.linalg.inv(joint + np.diag([4e6**2, 1e6**2]))
    expected = np.array([28e6, 10e6]) + gain @ np.array([33e6 - 28e6, 6e6 - 10e6])
    left = joint - gain @ joint
    for place, values in enumerate((outturn, saved)):
        mean, wide, variance, wider = errors(values, found.weights)
        assert abs(mean - expected[place]) < wide
        assert abs(variance - left[place, place]) < wider


def test_summary_of_a_normal():
    """Prior and posterior percentiles are those of the two normals."""
    found = update(Position(6, 42e6, 6e6), 0.3, OUTTURN).table.set_index("stage")
    assert found.loc["prior", "p50"] == pytest.approx(MEAN, abs=4 * SPREAD * 1.25 / DRAWS**0.5)
    after = SPREAD / 2**0.5
    assert found.loc["posterior", "sd"] == pytest.approx(after, rel=0.03)
    assert found.loc["posterior", "p90"] == pytest.approx(40e6 + 1.2816 * after, abs=0.2e6)


def test_effective_sample_by_hand():
    """Two worlds in three equally likely, the third far away: two are left."""
    outturn = np.repeat([0.0, 0.0, 1e9], 100)
    found = update(Position(12, 0.0, 1e6), 0.5, outturn)
    assert found.ess == pytest.approx(200)
    np.testing.assert_allclose(found.weights, np.repeat([1 / 200, 1 / 200, 0], 100))
    assert compare(found.index, {"x": outturn}).loc[1, "mean"] == pytest.approx(0, abs=1)


def test_error_shrinks_with_the_months_left():
    assert month_error(3, 12e6, 1e6) == pytest.approx(12e6 * 0.75**0.5)
    assert month_error(12, 12e6, 1e6) == 1e6


def test_resample_is_systematic_and_repeatable():
    """Every world comes up its weight's worth of times, one more or less at most."""
    position = Position(6, 45.8e6, 5e6)
    found = update(position, 0.3, OUTTURN)
    times = np.bincount(found.index, minlength=DRAWS)
    assert (abs(times - DRAWS * found.weights) < 1).all() and times.sum() == DRAWS
    assert (np.diff(found.index) >= 0).all()
    np.testing.assert_array_equal(found.index, update(position, 0.3, OUTTURN).index)
    posterior = found.table.loc[1]
    assert OUTTURN[found.index].mean() == pytest.approx(posterior["mean"], rel=1e-3)
    first = OUTTURN[found.index][: DRAWS // 10]
    assert abs(first.mean() - posterior["mean"]) < 5 * first.std() / (DRAWS / 20) ** 0.5


def test_a_wide_error_changes_nothing():
    found = update(Position(1, 60e6, 1e12), 0.5, OUTTURN)
    np.testing.assert_allclose(found.weights, 1 / DRAWS, rtol=1e-3)
    np.testing.assert_array_equal(found.index, np.arange(DRAWS))


def test_a_position_too_far_out_is_refused_with_how_far():
    message = (r"at month 8 that leaves \d+ of 20000 draws: in-year forecast £80.0m \(error £1.0m\)"
               r" against £38.0m foretold \(spread £6.0m\), 6.9 standard deviations above")
    with pytest.raises(ValueError, match=message):
        update(Position(8, 80e6, 1e6), 0.5, OUTTURN)


@pytest.mark.parametrize(("position", "message"), [
    ({"month": 13, "in_year_forecast": 1.0, "error": 1.0}, "month: found 13; allowed 1"),
    ({"month": 6, "in_year_forecast": 1.0}, "monitoring.error: found None; allowed more than 0"),
    ({"month": 6, "savings_to_date": 1.0, "savings_error": -1.0}, "savings_error: found -1.0"),
    ({"month": 6}, "found neither figure"),
])  # fmt: skip
def test_bad_positions_are_refused(position, message):
    with pytest.raises(ValueError, match=message):
        Position(**position)


def test_what_is_reported_must_be_foretold():
    with pytest.raises(ValueError, match="savings to date reported and not foretold"):
        update(Position(6, savings_to_date=1e6, savings_error=1e6), 0.5, OUTTURN)
