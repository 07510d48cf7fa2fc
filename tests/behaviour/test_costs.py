"""Spend over a small case: what must and must not move it, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sufficiency.case import Assumption
from sufficiency.model.costs import ledger
from sufficiency.model.costs.spend import spend
from sufficiency.model.streams import Worlds

YEARS = ["2021-22", "2022-23", "2023-24"]
SETTINGS = ["day", "school"]


class SmallCase:
    """Two settings, two lines per child, one team, place funding and transport."""

    def __init__(self, plain=None, **changes):
        flat = {
            "costs.uplift.provider": 0.1, "costs.uplift.top_up": 0.0,
            "costs.inflation.general": 0.05, "costs.uplift_month.provider": 4.0,
            "costs.uplift_month.top_up": 4.0, "costs.uplift_month.general": 4.0,
            "costs.spread.day": 0.4, "costs.spread.school": 0.8,
            "costs.beside.transport.unit": 100.0, "costs.beside.transport.share": 0.5, **changes}
        self.assumptions = {
            key: value if isinstance(value, Assumption) else Assumption(central=value)
            for key, value in flat.items()}
        line = {"label": "A line", "funded_by": "dsg_high_needs"}
        self.plain = {
            "costs.ledger.base_year": "2021-22", "costs.prices_of": "2022-23",
            "costs.ledger.lines": {
                "top_ups": {**line, "uplift": "top_up", "per": ["day"]},
                "fees": {**line, "uplift": "provider", "per": ["school"]},
                "team": {**line, "uplift": "general"},
                "places": {**line, "uplift": "none", "in_outturn": False}},
            "costs.beside": {"transport": {"label": "Transport", "funded_by": "general_fund",
                                           "prices": "2021-22"}},
            **(plain or {})}
        self.tables = {
            "section_251_lines": pd.DataFrame({"top_ups": 1e5, "fees": 4e5, "team": 2e4,
                                               "places": 5e4}, index=["2021-22"]),
            "section_251": pd.DataFrame({"high_needs": [5.2e5, 5.61e5]}, index=YEARS[:2])}

    def __getitem__(self, key):
        return self.assumptions[key]

    def value(self, key, default=None):
        return self.plain.get(key, default)

    def published(self, name, default=None):
        return self.tables.get(name, default)


def paid(draws, day=(10, 10, 10), school=(10, 10, 10)):
    roll = np.array([day, school], float).T / 5
    return xr.DataArray(np.broadcast_to(roll[None, ..., None], (draws, 3, 2, 5)).copy(),
                        dims=("draw", "financial_year", "setting", "age_band"),
                        coords={"financial_year": YEARS, "setting": SETTINGS,
                                "age_band": list("abcde")})


def run(case, years, draws=1, seed=1):
    worlds = (Worlds(case.assumptions, seed, draws) if draws > 1
              else Worlds.fixed(case.assumptions, {}, 1))
    tied = ledger.tie(case, years.mean("draw").sum("age_band").to_pandas(), worlds)
    return spend(years, worlds, case, tied, [0.8, 0.9])


def test_central_spend_by_hand():
    """2022-23: 100,000 top-ups + 440,000 fees + 21,000 team = 561,000, the outturn: factor 1."""
    found = run(SmallCase(), paid(1))
    assert list(found["financial_year"].values) == YEARS[1:]
    by_setting = found["nominal"].sum("age_band")[0]
    np.testing.assert_allclose(by_setting, [[1e5, 4.4e5], [1e5, 4.84e5]])
    lines = found["lines"][0].to_pandas()
    np.testing.assert_allclose(lines["team"], [21_000, 22_050])
    np.testing.assert_allclose(lines["places"], [5e4, 5e4])
    np.testing.assert_allclose(lines["transport"], [20 * 50 * 1.05, 20 * 50 * 1.05**2])
    np.testing.assert_allclose(found["real"] * [[[[1.0]], [[1.05]]]], found["nominal"])
    assert list(found["basis"].values) == ["1.2.x", "1.0.2", "outside the block"]


def test_money_is_labelled_with_its_unit_and_payer():
    found = run(SmallCase(), paid(1))
    assert found["nominal"].attrs == {"units": "GBP", "funded_by": "dsg_high_needs"}
    assert found["real"].attrs["units"] == "GBP at 2022-23 prices"
    assert found["funded_by"].sel(line="transport") == "general_fund"


def test_double_the_children_doubles_the_mean_and_not_the_relative_spread():
    years = paid(4000)
    once, twice = run(SmallCase(), years, 4000), run(SmallCase(), years, 4000)
    xr.testing.assert_identical(once, twice)
    grown = paid(4000, school=(10, 10, 20))
    more = run(SmallCase(), grown, 4000)["nominal"].sel(setting="school").sum("age_band")[:, -1]
    base = once["nominal"].sel(setting="school").sum("age_band")[:, -1]
    error = 4 * float(base.std()) / base.mean() / np.sqrt(4000)
    assert float(more.mean() / base.mean()) == pytest.approx(2, rel=2 * float(error))
    assert more.std() / more.mean() < base.std() / base.mean()


def test_the_closed_year_has_no_luck_left():
    found = run(SmallCase(), paid(300), 300)["nominal"].sum("age_band")
    assert float(found[:, 0].std("draw").max()) < 1e-6
    assert float(found[:, 1].std("draw").min()) > 100


def test_band_shares_do_not_move_the_luck_of_a_setting():
    years = paid(200)
    shifted = years.copy()
    shifted[:, :, :, 0] += years[:, :, :, 1]
    shifted[:, :, :, 1] = 0
    np.testing.assert_allclose(run(SmallCase(), shifted, 200)["nominal"].sum("age_band"),
                               run(SmallCase(), years, 200)["nominal"].sum("age_band"))


def test_no_unit_cost_no_run():
    case = SmallCase()
    del case.plain["costs.ledger.lines"]["fees"]
    with pytest.raises(ValueError, match=r"costs.unit.school: found no unit cost; allowed a line"):
        run(case, paid(1))


def test_own_unit_costs_without_any_lines():
    """A case with no section 251 lines runs on unit costs at prices of their own year."""
    case = SmallCase({"costs.ledger.lines": {}, "costs.unit_uplift": {"school": "provider"}},
                     **{"costs.unit.day": 7.0,
                        "costs.unit.school": Assumption(central=12.1, as_of="2023-24")})
    found = run(case, paid(1))["unit_cost"][0].to_pandas()
    np.testing.assert_allclose(found["day"], [7, 7, 7])
    np.testing.assert_allclose(found["school"], [10, 11, 12.1])


def test_own_unit_cost_takes_the_place_of_a_derived_one():
    case = SmallCase(**{"costs.unit.day": 11_000.0})
    case.plain["costs.ledger.accepted_gap"] = {"2022-23": "a test"}
    found = run(case, paid(1))
    total = found["nominal"].sum(("setting", "age_band"))[0, 0] + found["lines"][0, 0, 0]
    assert float(total) == pytest.approx(561_000)
    assert float(found["unit_cost"][0, 0, 0]) == pytest.approx(11_000 * 561 / 571)


def test_a_gap_over_two_per_cent_stops_unless_accepted_by_name():
    case = SmallCase(**{"costs.uplift.provider": 0.2})
    with pytest.raises(ValueError, match=r"2022-23 modelled is \+7.1% from outturn; allowed 2%"):
        run(case, paid(1))
    case.plain["costs.ledger.accepted_gap"] = {"2022-23": " "}
    with pytest.raises(ValueError, match=r"accepted_gap.2022-23 with the reason"):
        run(case, paid(1))
    case.plain["costs.ledger.accepted_gap"] = {"2022-23": "fees rose late"}
    total = run(case, paid(1))
    spent = total["nominal"].sum(("setting", "age_band"))[0, 0] + total["lines"][0, 0, 0]
    assert float(spent) == pytest.approx(561_000)


def test_transport_in_the_high_needs_block_is_refused():
    case = SmallCase()
    case.plain["costs.beside"]["transport"]["funded_by"] = "dsg_high_needs"
    with pytest.raises(ValueError, match=r"transport.funded_by: found dsg_high_needs"):
        run(case, paid(1))


def test_settings_of_another_case_are_refused():
    case, years = SmallCase(), paid(1)
    worlds = Worlds.fixed(case.assumptions, {}, 1)
    tied = ledger.tie(case, years.mean("draw").sum("age_band").to_pandas(), worlds)
    with pytest.raises(ValueError, match=r"found settings \['school', 'day'\]; allowed \['day'"):
        spend(years[:, :, ::-1], worlds, case, tied, [0.8, 0.9])
