"""Devon's costs over its own projected plans: ties, what moves them, what must not."""

from dataclasses import replace

import numpy as np
import pytest
from sufficiency.case import load_case
from sufficiency.model.costs.bridge import bridge
from sufficiency.model.placements.calibrate import calibrate
from sufficiency.model.streams import Worlds
from sufficiency.report import tables
from sufficiency.run import forecast

DRAWS = 200


@pytest.fixture(scope="module")
def devon(small_case):
    """Devon's plans, spend and ledger in a few worlds."""
    worlds = Worlds(small_case.assumptions, 3, DRAWS)
    plans = forecast.simulate(small_case, calibrate(small_case), worlds)
    return plans, *forecast.cost(small_case, plans, worlds)


def outturn_basis(spend):
    lines = spend["lines"].where(spend["basis"] == "1.2.x", 0.0).sum("line")
    return spend["nominal"].sum(("setting", "age_band")) + lines


def whole_block(spend):
    """All the high needs block pays for: the outturn basis and maintained place funding."""
    lines = spend["lines"].where(spend["funded_by"] == "dsg_high_needs", 0.0).sum("line")
    return spend["nominal"].sum(("setting", "age_band")) + lines


def test_the_closed_year_is_the_outturn(devon, small_case):
    """Spread left in 2024-25: January to March 2025 depends a little on who joins that year."""
    total = outturn_basis(devon[1]).sel(financial_year="2024-25")
    outturn = small_case.published("section_251").iloc[:, 0]["2024-25"]
    assert float(total.mean()) == pytest.approx(outturn, rel=1e-4)
    assert float(total.std()) < 0.002 * outturn


def test_every_setting_and_band_has_money_where_it_has_children(devon):
    years, money = devon[1]["placement_years"], devon[1]["nominal"]
    assert bool(((years > 0) == (money > 0)).all()) and bool((years >= 0).all())
    assert sorted(devon[1].sizes.items()) == [
        ("age_band", 5), ("draw", DRAWS), ("financial_year", 7), ("line", 7), ("setting", 10)]


def test_mean_cost_of_a_plan_is_near_the_press_figure(devon):
    """17,271 in July 2025 (Mid Devon Advertiser), all high needs spending over all plans.

    Compared with 2025-26 including maintained place funding; the paper does not give its basis.
    """
    year = devon[1].sel(financial_year="2025-26")
    plans = year["placement_years"].sum(("setting", "age_band"))
    cost = whole_block(devon[1]).sel(financial_year="2025-26") / plans
    assert float(cost.mean()) == pytest.approx(17_271, rel=0.05)


def test_transport_is_shown_apart(devon):
    lines = devon[1]["lines"]
    assert str(devon[1]["funded_by"].sel(line="home_to_school_transport").values) == "general_fund"
    apart = lines.sel(line="home_to_school_transport")
    all_money = devon[1]["nominal"].sum(("setting", "age_band")) + lines.sum("line")
    np.testing.assert_allclose(all_money - apart, whole_block(devon[1]))


def test_bridge_to_the_last_year_to_the_penny(devon):
    bars = bridge(devon[1], "2024-25", "2030-31")
    np.testing.assert_allclose(bars[:, :5].sum("bar"), bars.sel(bar="closing"), atol=0.005)
    closing = whole_block(devon[1]).sel(financial_year="2030-31")
    np.testing.assert_allclose(bars.sel(bar="closing"), closing, atol=0.005)


@pytest.fixture(scope="module")
def central(small_case):
    certain = calibrate(small_case)
    certain = replace(certain, rates=certain.rates.certain())

    def run(overrides=""):
        case = load_case("devon", overrides=overrides, root=small_case.root)
        worlds = Worlds.fixed(case.assumptions, {}, 1)
        return forecast.cost(case, forecast.simulate(case, certain, worlds, "expected"), worlds)[0]
    return run


def test_a_point_on_fees_moves_bought_places_and_no_others(central):
    """One point more a year on the 2025-26 uplift, carried to 2030-31: about six points."""
    plain, dearer = central(), central("costs.uplift.provider.values.2025-26.central=0.053")
    change = (dearer["unit_cost"] / plain["unit_cost"] - 1)[0, -1].to_pandas()
    assert change["independent_special"] == pytest.approx((1.053 / 1.043) ** 6 - 1, abs=0.006)
    assert change["state_special"] == pytest.approx(0, abs=1e-12)
    assert 0 < change["mainstream"] < 0.02


def test_an_uplift_in_april_costs_more_at_once_than_in_september(central):
    plain, april = central(), central("costs.uplift_month.provider=4")
    change = (april["nominal"] / plain["nominal"]).sel(setting="independent_special")[0, :, 2]
    assert float(change[0]) == pytest.approx(1) and float(change[1]) > 1.005


def test_inflation_moves_real_prices_and_not_fees(central):
    plain, dear = central(), central("costs.inflation.general.values.2026-27.central=0.03")
    np.testing.assert_allclose(dear["nominal"], plain["nominal"])
    assert float(dear["real"].sum()) < float(plain["real"].sum())


def test_results_beside_an_annex_make_its_total(devon):
    """spend.csv for all and the 1.2.x rows of lines.csv make the mean of the total, to a penny."""
    spend, lines = tables.spend_frame(devon[1]), tables.lines_frame(devon[1])
    total = spend.query("setting == 'all' and age_band == 'all' and prices == 'nominal'")
    total = total.set_index("financial_year")["mean"]
    total += lines[lines["basis"] == "1.2.x"].groupby("financial_year")["mean"].sum()
    assert total.to_numpy() == pytest.approx(outturn_basis(devon[1]).mean("draw").values, abs=0.01)
