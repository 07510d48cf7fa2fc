"""Myerson's distribution, truncation and dates of an assumption against worked answers."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import lognorm, norm
from sufficiency.case import Assumption

CENTRES = np.array([0.1, 0.5, 0.9])


@pytest.mark.parametrize(
    "three",
    [(58_000, 64_000, 71_000), (-0.02, 0.01, 0.015), (1, 2, 3), (0.1, 0.2, 10), (-5, -4.9, -1)],
)
def test_the_three_stated_percentiles_come_back(three):
    low, central, high = three
    made = Assumption(low=low, central=central, high=high)
    np.testing.assert_allclose(made.quantile(CENTRES), three, rtol=1e-12)


def test_equal_halves_are_a_normal():
    u = np.linspace(0.001, 0.999, 999)
    made = Assumption(low=-0.01, central=0.02, high=0.05).quantile(u)
    np.testing.assert_allclose(made, norm.ppf(u, 0.02, 0.03 / norm.ppf(0.9)), atol=1e-15)


def test_a_tenth_of_a_millionth_from_equal_halves_joins_smoothly():
    u = np.linspace(0.001, 0.999, 999)
    inside = Assumption(low=1, central=2, high=3 + 0.9e-6).quantile(u)
    outside = Assumption(low=1, central=2, high=3 + 1.1e-6).quantile(u)
    assert np.abs(inside - outside).max() < 5e-6


def test_percentiles_in_ratio_are_a_lognormal():
    # low, central, high = m/k, m, mk make r = k, and x = m k^z is the lognormal's quantile.
    u = np.linspace(0.001, 0.999, 999)
    made = Assumption(low=50, central=100, high=200).quantile(u)
    expected = lognorm.ppf(u, np.log(2) / norm.ppf(0.9), scale=100)
    np.testing.assert_allclose(made, expected, rtol=1e-12)


def test_skew_follows_the_longer_side():
    u = np.linspace(0.0005, 0.9995, 1000)
    right = Assumption(low=9, central=10, high=14).quantile(u)
    left = Assumption(low=6, central=10, high=11).quantile(u)
    assert right.mean() > 10 > left.mean()
    np.testing.assert_allclose(right, 20 - left[::-1], rtol=1e-12)


def test_truncation_rescales_u_and_clips_nothing():
    u = np.linspace(0.0001, 0.9999, 9999)
    free = Assumption(low=1, central=3, high=5)
    held = Assumption(low=1, central=3, high=5, min=-0.5)
    below = ndtr(ndtri(0.9) * (-0.5 - 3) / 2)
    np.testing.assert_allclose(held.quantile(u), free.quantile(below + u * (1 - below)), rtol=1e-12)
    assert held.quantile(u).min() > -0.5
    assert len(np.unique(held.quantile(u))) == len(u)


@pytest.mark.parametrize(("low", "central", "high"), [(1, 3, 5), (2, 3, 7), (0.5, 3, 5)])
def test_the_mass_cut_off_is_what_the_formula_says(low, central, high):
    u = np.linspace(1e-6, 1 - 1e-6, 1_000_001)
    mass = (Assumption(low=low, central=central, high=high).quantile(u) < 0.4).mean()
    if mass > 0.02:
        with pytest.raises(ValueError, match=rf"{mass:.1%} of the distribution cut off"):
            Assumption(low=low, central=central, high=high, min=0.4)
    else:
        Assumption(low=low, central=central, high=high, min=0.4)


def test_a_share_stays_between_nothing_and_all():
    share = Assumption(low=0.02, central=0.04, high=0.09, unit="share")
    extreme = share.quantile(np.array([1e-16, 0.5, 1 - 1e-16]))
    assert extreme.min() >= 0 and extreme.max() <= 1
    with pytest.raises(ValueError, match="cut off"):
        Assumption(low=0.01, central=0.5, high=0.99, unit="share")


def test_a_certain_value_is_the_same_in_every_world_and_keeps_the_shape():
    made = Assumption(central=3.0)
    assert made.certain and made.quantile(np.full((2, 3), 0.7)).tolist() == [[3.0] * 3] * 2


def test_dated_values_answer_for_their_period_only():
    values = {"2024-25": 0.03, "2025-26": {"low": 0.01, "central": 0.02, "high": 0.04}}
    made = Assumption(values=values)
    assert made.central_value("2024-25") == 0.03
    np.testing.assert_allclose(made.quantile(CENTRES, "2025-26"), [0.01, 0.02, 0.04])
    for when in ("2026-27", "2023-24", None, 2025):
        with pytest.raises(ValueError, match="allowed 2024-25, 2025-26, or `carry: last`"):
            made.quantile(CENTRES, when)
    assert not made.certain


def test_carry_last_goes_on_but_never_back():
    made = Assumption(values={2024: 1.0, 2025: 2.0}, carry="last")
    assert made.central_value(2030) == 2.0
    for when in (2023, "2030-31"):
        with pytest.raises(ValueError, match="allowed 2024, 2025 and later"):
            made.central_value(when)


def test_an_undated_value_holds_in_every_period():
    assert Assumption(central=5).central_value("2031-32") == 5
