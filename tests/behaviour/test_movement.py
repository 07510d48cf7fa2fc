"""A movement between two forecasts: every bar moves what it should, and they add to the penny."""

from io import StringIO

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sufficiency.model.safety_valve.movement import BARS, forecast_frame, movement
from sufficiency.model.streams import named_uniform

YEARS = ["2024-25", "2025-26", "2026-27"]
SETTINGS = ["special", "independent_special"]


def arrays(years=YEARS, draws=1, **changes):
    """A small forecast: 100 and 50 placement-years at £20,000 and £60,000, one draw or more."""
    given = {"plans": [100.0, 50.0], "unit": [20e3, 60e3], "opening": 10e6, "lines": 1e6,
             "place_funding": 0.5e6, "income": 5e6, "savings": 0.2e6, "contributions": 0.1e6,
             "payments": 0.3e6, "grant": 0.0, **changes}
    dims = ("draw", "financial_year", "setting")
    shape = (draws, len(years), 2)
    where = {"financial_year": years, "setting": SETTINGS}
    noise = 1 + 0.1 * named_uniform(5, "noise", np.prod(shape)).reshape(shape) * (draws > 1)
    plans = xr.DataArray(np.broadcast_to(given["plans"], shape) * noise, where, dims)
    spend = plans * given["unit"] * noise[..., ::-1]
    flat = xr.zeros_like(spend.sum("setting"))
    account = {name: flat + given[name] for name in
               ("lines", "place_funding", "income", "savings", "contributions", "payments",
                "grant")}  # fmt: skip
    account["in_year"] = (spend.sum("setting") + account["lines"] + account["place_funding"]
                          - account["income"] - account["savings"])
    change = (account["in_year"] - account["contributions"] - account["payments"]
              - account["grant"])
    account["closing"] = given["opening"] + change.cumsum("financial_year")
    account["opening"] = account["closing"] - change
    return plans, spend, account


def frame(**changes):
    return forecast_frame(*arrays(**changes))


def bars(figure="in_year", year="2025-26", **changes):
    found = movement(frame(), frame(**changes), year, figure)
    return {name: value for name, value in found.drop(["earlier", "now"]).items() if value}


def test_frame_is_tidy_and_ties():
    found = frame().set_index(["financial_year", "item", "setting"])["value"]
    assert list(frame()) == ["financial_year", "item", "setting", "value"]
    assert found["2024-25", "spend", "independent_special"] == 3e6
    assert found["2024-25", "placement_years", "special"] == 100
    assert found["2024-25", "in_year", "all"] == pytest.approx(1.3e6)
    assert found["2026-27", "closing", "all"] == pytest.approx(10e6 + 3 * 0.9e6)


@pytest.mark.parametrize(("changes", "expected"), [
    ({}, {}),
    ({"plans": [110.0, 55.0]}, {"volume": 0.5e6}),
    ({"plans": [99.0, 51.0]}, {"mix": 40e3}),
    ({"unit": [20e3, 63e3]}, {"price": 150e3}),
    ({"lines": 1.25e6, "place_funding": 0.6e6}, {"other services": 0.35e6}),
    ({"income": 5.4e6}, {"grant and income": -0.4e6}),
    ({"savings": 0.05e6}, {"savings": 0.15e6}),
    ({"payments": 0.0, "opening": 12e6}, {}),
])  # fmt: skip
def test_one_cause_moves_one_bar_of_the_year(changes, expected):
    assert bars(**changes) == pytest.approx(expected)


@pytest.mark.parametrize(("changes", "expected"), [
    ({"plans": [110.0, 55.0]}, {"volume": 1e6}),
    ({"savings": 0.05e6}, {"savings": 0.3e6}),
    ({"income": 5.4e6, "grant": 1e6}, {"grant and income": -2.8e6}),
    ({"payments": 0.0, "contributions": 0.2e6}, {"timing": 0.4e6}),
    ({"opening": 12e6}, {"opening balance": 2e6}),
])  # fmt: skip
def test_one_cause_moves_one_bar_of_the_closing_balance(changes, expected):
    assert bars("closing", **changes) == pytest.approx(expected)


@pytest.mark.parametrize("figure", ["in_year", "closing"])
def test_bars_add_to_the_penny_also_from_a_stored_file(figure):
    many = {"plans": [123.4, 77.7], "unit": [21e3, 58e3], "lines": 1.2e6, "income": 5.1e6,
            "savings": 0.1e6, "payments": 0.25e6, "grant": 0.4e6, "opening": 311_222_333.45}
    earlier, now = (forecast_frame(*arrays(draws=30, **each)) for each in ({}, many))
    text = now.to_csv(index=False, float_format="%.10g")
    for today in (now, pd.read_csv(StringIO(text))):
        found = movement(earlier, today, "2026-27", figure)
        pence = (found * 100).round().astype(int)
        assert list(found.index) == list(BARS)
        assert pence.drop("now").sum() == pence["now"]
        row = today[(today["financial_year"] == "2026-27") & (today["item"] == figure)]
        assert found["now"] == pytest.approx(row["value"].item(), abs=0.005)


def test_a_later_opening_takes_the_closed_year_in_one_bar():
    """Closed on 12m where 10.9m was foretold: 1.1m, and the years after as foretold."""
    now = frame(years=YEARS[1:], opening=12e6)
    found = movement(frame(), now, "2026-27", "closing")
    assert found["opening balance"] == pytest.approx(1.1e6)
    assert found.drop(["earlier", "now", "opening balance"]).abs().max() == 0


def test_age_bands_are_summed():
    plans, spend, account = arrays()
    parts = (x.expand_dims(age_band=2) / 2 for x in (plans, spend))
    pd.testing.assert_frame_equal(forecast_frame(*parts, account), frame())


def test_a_year_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"in now; allowed one that has 2024-25"):
        movement(frame(), frame(years=YEARS[1:]), "2024-25")
    with pytest.raises(ValueError, match=r"in earlier; allowed one that has 2030-31"):
        movement(frame(), frame(), "2030-31", "closing")


def test_other_settings_are_refused():
    now = frame().replace({"setting": {"special": "mainstream"}})
    with pytest.raises(ValueError, match=r"found settings .* earlier and .*mainstream.* now"):
        movement(frame(), now, "2024-25")


@pytest.mark.parametrize("item", ["in_year", "opening", "closing"])
def test_a_frame_that_does_not_tie_is_refused(item):
    plans, spend, account = arrays()
    year = xr.DataArray([0.0, 20.0, 0.0], {"financial_year": YEARS}, "financial_year")
    with pytest.raises(ValueError, match="beyond its parts in forecast_frame, 2025-26; allowed"):
        forecast_frame(plans, spend, {**account, item: account[item] + year})


def test_unknown_and_missing_items_are_refused():
    plans, spend, account = arrays()
    with pytest.raises(ValueError, match=r"found .*transport; allowed lines"):
        forecast_frame(plans, spend, {**account, "transport": account["lines"]})
    account.pop("closing")
    with pytest.raises(ValueError, match="of which income, in_year, opening, closing are needed"):
        forecast_frame(plans, spend, account)
    with pytest.raises(ValueError, match="found columns"):
        movement(frame().drop(columns="item"), frame(), "2024-25")
    with pytest.raises(ValueError, match="found figure 'deficit'"):
        movement(frame(), frame(), "2024-25", "deficit")
