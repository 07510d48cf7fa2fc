"""Summaries of draws against numpy, and totals that are summed within each draw."""

import numpy as np
import pytest
import xarray as xr
from sufficiency.report import tables


@pytest.fixture(scope="module")
def placements():
    plans = np.random.default_rng(3).poisson(5, (400, 2, 3, 26)).astype(np.int32)
    coords = {"year": [2025, 2026], "setting": ["a", "b", "c"], "age": range(26)}
    return xr.Dataset({"plans": (("draw", "year", "setting", "age"), plans)}, coords=coords)


def test_quantiles_are_numpys():
    draws = np.random.default_rng(2).gamma(2, 3, (1001, 4, 5))
    shares = [0.0, 0.025, 0.5, 0.9, 1.0]
    found = tables.quantiles(draws, shares)
    np.testing.assert_allclose(found, np.quantile(draws, shares, axis=0), rtol=1e-12)
    summary = tables.summarise(draws)
    np.testing.assert_allclose(summary["sd"], draws.std(axis=0, ddof=1))
    assert list(summary) == ["mean", "sd", "p2_5", "p10", "p50", "p90", "p97_5"]


def test_one_draw_has_no_spread():
    summary = tables.summarise(np.full((1, 2), 7.0))
    assert summary["sd"].tolist() == [0, 0]
    assert summary["p97_5"].tolist() == [7, 7]


def test_bands_are_by_age_at_31_august():
    sums = tables.band_sums(np.eye(26), np.arange(26)).argmax(axis=1)
    assert sums.tolist() == [0] * 5 + [1] * 6 + [2] * 5 + [3] * 4 + [4] * 6
    with pytest.raises(ValueError, match="ages 4 to 17: a band is empty"):
        tables.band_sums(np.ones(14), np.arange(4, 18))


def test_placements_totals_are_summed_in_each_draw(placements):
    frame = tables.placements_frame(placements)
    assert list(frame)[:3] == ["year", "setting", "age_band"]
    assert len(frame) == 2 * 4 * 6
    rows = frame.set_index(["year", "setting", "age_band"])
    whole = placements["plans"].sel(year=2026).values
    for setting, band, draws in (
        ("all", "all", whole.sum(axis=(1, 2))),
        ("b", "all", whole[:, 1].sum(axis=1)),
        ("all", "7-11", whole[:, :, 11:16].sum(axis=(1, 2))),
        ("c", "16+", whole[:, 2, 20:].sum(axis=1)),
    ):
        row = rows.loc[(2026, setting, band)]
        np.testing.assert_allclose(row["p90"], np.quantile(draws, 0.9))
        np.testing.assert_allclose(row["sd"], draws.std(ddof=1))


def test_spend_has_both_prices_in_every_combination():
    nominal = np.random.default_rng(4).gamma(3, 1e5, (50, 2, 2, 5))
    dims = ("draw", "financial_year", "setting", "age_band")
    coords = {"financial_year": ["2025-26", "2026-27"], "setting": ["a", "b"],
              "age_band": list(tables.BANDS)}  # fmt: skip
    spend = xr.Dataset({"nominal": (dims, nominal), "real": (dims, nominal / 2)}, coords=coords)
    frame = tables.spend_frame(spend)
    assert list(frame)[:4] == ["financial_year", "setting", "age_band", "prices"]
    assert len(frame) == 2 * 3 * 6 * 2
    row = frame.query("financial_year == '2026-27' and setting == 'all' and age_band == 'all'")
    np.testing.assert_allclose(row["mean"], nominal[:, 1].sum(axis=(1, 2)).mean() / [1, 2])
