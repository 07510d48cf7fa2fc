"""Indices, child-level luck and the dearest placement against closed forms."""

import numpy as np
import pytest
from sufficiency.model.costs import spend

UPLIFT = {"2024-25": 0.02, "2025-26": 0.04, "2026-27": 0.05}.get


def test_april_uplift_is_the_product_of_uplifts():
    found = spend.paid_index(UPLIFT, "2024-25", ["2024-25", "2025-26", "2026-27"], 0.0)
    np.testing.assert_allclose(found, [1, 1.04, 1.04 * 1.05])


def test_september_uplift_leaves_a_third_of_a_termly_year_at_the_old_price():
    """Paid 2024-25: 1/3 + 2/3 x 1.02; 2025-26: 1.02 (1/3 + 2/3 x 1.04), per GBP before."""
    old = spend.old_price_share(9, 1 / 3)
    assert old == pytest.approx(1 / 3)
    found = spend.paid_index(UPLIFT, "2024-25", ["2024-25", "2025-26"], old)
    expected = 1.02 * (1 / 3 + 2 / 3 * 1.04) / (1 / 3 + 2 / 3 * 1.02)
    np.testing.assert_allclose(found, [1, expected], rtol=1e-12)


def test_old_price_share_by_month():
    assert spend.old_price_share(4, 5 / 12) == 0
    assert spend.old_price_share(9, 5 / 12) == pytest.approx(5 / 12)
    assert spend.old_price_share(1, 5 / 12) == pytest.approx(9 / 12)
    with pytest.raises(ValueError, match="found 13; allowed 1 to 12"):
        spend.old_price_share(13, 1 / 3)


def test_luck_has_mean_one_and_the_variance_of_n_lognormals():
    """Variance of the mean of N lognormals: (exp(sigma^2) - 1) / N; correlation stay^(years)."""
    draws, children, sigma, stay = 200_000, 40.0, 0.83, 0.8
    normals = np.random.default_rng(11).standard_normal((draws, 30, 1))
    found = spend.luck(np.full((draws, 30, 1), children), np.full((draws, 1), sigma),
                       np.array([stay]), normals)[:, :, 0]
    assert np.all(found[:, 0] == 1)
    late, variance = found[:, 29], np.expm1(sigma**2) / children
    error = np.sqrt(variance / draws)
    assert abs(found[:, 1].mean() - 1) < 4 * error
    assert abs(late.mean() - 1) < 4 * error
    spread = np.std((late - 1) ** 2) / np.sqrt(draws)
    assert abs(late.var() - variance) < 4 * spread
    correlation = np.corrcoef(np.log(found[:, 28]), np.log(late))[0, 1]
    assert abs(correlation - stay) < 4 * (1 - stay**2) / np.sqrt(draws)
    # The first year is known: a year later only what the leavers bring is open.
    first = np.log1p(np.expm1(sigma**2) / children) * (1 - stay**2)
    assert np.log(found[:, 1]).var() == pytest.approx(first, rel=4 * np.sqrt(2 / draws))


def test_luck_of_one_child_is_the_spread_of_single_fees():
    normals = np.random.default_rng(2).standard_normal((100_000, 2, 1))
    found = spend.luck(np.ones((100_000, 2, 1)), np.full((100_000, 1), 0.5), np.zeros(1), normals)
    assert np.log(found[:, 1, 0]).std() == pytest.approx(0.5, rel=4 / np.sqrt(2e5))


def test_dearest_of_one_is_a_single_fee():
    """Lincolnshire: mean 70,353 and median 50,000 give sigma 0.826."""
    sigma = np.sqrt(2 * np.log(70_353 / 50_000))
    assert spend.dearest(1, 70_353, sigma, 0.5) == pytest.approx(50_000, rel=1e-9)


def test_dearest_of_many_against_simulation():
    sigma, mean, children = 0.83, 60_000.0, 200
    z = np.random.default_rng(4).standard_normal((20_000, children))
    fees = np.exp(np.log(mean) - sigma**2 / 2 + sigma * z.max(1))
    for share in (0.1, 0.5, 0.9):
        below = np.mean(fees < spend.dearest(children, mean, sigma, share))
        assert abs(below - share) < 4 * np.sqrt(share * (1 - share) / 20_000)
    limit = 400_000.0
    chance = spend.chance_above(children, mean, sigma, limit)
    assert abs(np.mean(fees > limit) - chance) < 4 * np.sqrt(chance * (1 - chance) / 20_000)


def test_dearest_and_its_chance_are_inverse():
    fee = spend.dearest(900, 59_000, 0.83, 0.9)
    assert spend.chance_above(900, 59_000, 0.83, fee) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        spend.dearest(10, 1.0, 0.5, 1.0)
    with pytest.raises(ValueError, match="at least 1"):
        spend.dearest(0, 1.0, 0.5, 0.5)
