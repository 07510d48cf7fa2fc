"""Volume, mix and price, by hand and to the penny."""

import numpy as np
import pytest
import xarray as xr
from sufficiency.model.costs.bridge import bridge, decompose


def test_by_hand():
    """100 places at 10 and 50 at 40 become 120 at 11 and 60 at 50: the mix does not change.

    Opening 3,000; volume 180/150 gives 600; price 120 x 1 + 60 x 10 = 720; closing 4,320.
    """
    found = decompose([[100, 50]], [[120, 60]], [[1000, 2000]], [[1320, 3000]])
    np.testing.assert_allclose(found, [[600, 0, 720]], atol=1e-9)


def test_mix_alone():
    """Ten children move from a place at 10 to one at 40, nothing else changes: 300."""
    found = decompose([[100, 50]], [[90, 60]], [[1000, 2000]], [[900, 2400]])
    np.testing.assert_allclose(found, [[0, 300, 0]], atol=1e-9)


def test_sums_to_the_change_in_every_draw():
    rng = np.random.default_rng(3)
    before, after = rng.gamma(2, 100, (2, 5000, 9))
    prices = rng.gamma(9, 5000, (2, *before.shape))
    spent, spends = before * prices[0], after * prices[1]
    found = decompose(before, after, spent, spends)
    np.testing.assert_allclose(found.sum(-1), spends.sum(-1) - spent.sum(-1), atol=0.005)


def test_a_new_setting_is_price_less_its_share_of_volume():
    found = decompose([[10, 0]], [[10, 5]], [[100, 0]], [[100, 200]])
    np.testing.assert_allclose(found, [[50, -50, 200]])


def test_no_children_before_is_refused():
    with pytest.raises(ValueError, match="no placement-years in the first year"):
        decompose([[0.0]], [[1.0]], [[0.0]], [[1.0]])


def spending():
    dims = ("draw", "financial_year", "setting", "age_band")
    rng = np.random.default_rng(8)
    years = rng.gamma(5, 10, (400, 3, 4, 5))
    spend, lines = years * rng.gamma(9, 1000, years.shape), rng.gamma(9, 1e5, (400, 3, 2))
    by_line = (*dims[:2], "line")
    return xr.Dataset(
        {"nominal": (dims, spend), "real": (dims, spend / 1.1), "placement_years": (dims, years),
         "lines": (by_line, lines), "lines_real": (by_line, lines / 1.1)},
        coords={"financial_year": ["2024-25", "2025-26", "2026-27"],
                "funded_by": ("line", ["dsg_high_needs", "general_fund"])})


@pytest.mark.parametrize("prices", ["nominal", "real"])
def test_bars_run_from_opening_to_closing_to_the_penny(prices):
    spend = spending()
    found = bridge(spend, "2024-25", "2026-27", prices)
    steps = found.sel(bar=["opening", "volume", "mix", "price", "lines"]).sum("bar")
    np.testing.assert_allclose(steps, found.sel(bar="closing"), atol=0.005)
    lines = spend["lines" if prices == "nominal" else "lines_real"][:, :, 0]
    closing = spend[prices].sum(("setting", "age_band"))[:, 2] + lines[:, 2]
    np.testing.assert_allclose(found.sel(bar="closing"), closing)
    # What the general fund pays for is no bar of the high needs block.
    np.testing.assert_allclose(found.sel(bar="lines"), lines[:, 2] - lines[:, 0], atol=0.005)


def test_an_unknown_year_is_refused():
    with pytest.raises(ValueError, match="'2024-25' to '2040-41'; allowed 2024-25, 2025-26"):
        bridge(spending(), "2024-25", "2040-41")
