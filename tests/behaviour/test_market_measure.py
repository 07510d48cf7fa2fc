"""A market among the measures: made-up ratios of fees on its route, known to the penny."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from made_measures import CERTAIN, DOUBTFUL, SETTINGS, programme, tree_of
from sufficiency.case import load_case
from sufficiency.case.measures import Measure
from sufficiency.model.safety_valve.delivery import delivered
from sufficiency.model.safety_valve.measures import costs, price_multiplier
from sufficiency.run import programme as written
from sufficiency.run.mitigation import mitigated, unmitigated
from sufficiency.run.parameters import Parameters
from sufficiency.run.safety_valve import SafetyValve
from sufficiency.run.study import Study

PLACES, YEARS = ("mainstream", "special", "college"), ["2024-25", "2025-26", "2026-27", "2027-28"]
DRAWS = 400
MARKET = """\
market:
  routes: {spot: {label: Spot}, framework: {label: Framework}}
  lots: {schools: {label: Schools, setting: special}, tutors: {label: Tutors}}
"""
LINE = "framework: {kind: market, setting: special, route: framework, lot: schools, start: %s%s}"


def ratios(draws=DRAWS, first=2025, years=2):
    """Another in every draw and year, 0.9 to 1."""
    made = 0.9 + 0.1 * np.random.default_rng(5).random((draws, years))
    names = [f"{year}-{year - 1999}" for year in range(first, first + years)]
    return xr.DataArray(made, dims=("draw", "financial_year"), coords={"financial_year": names})


def priced(start="2025-04", base="2024-25", rate=None, market=None, usual=CERTAIN, draws=DRAWS,
           function=price_multiplier, more=""):
    measures, worlds = programme(LINE % (start, more), usual=MARKET + usual, draws=draws)
    effect = delivered(measures, worlds, 2024, 2029, base, rate)
    if function is costs:
        return costs(measures, effect, worlds, YEARS)
    market = {"framework": ratios()} if market is None else market
    found = price_multiplier(measures, effect, worlds, YEARS, PLACES, market=market)
    assert (found.sel(setting=["mainstream", "college"]) == 1).all()
    return found.sel(setting="special").values


def test_fees_are_the_ratio_of_each_year_in_each_draw():
    one, two = ratios().values.T
    # before it opens nothing, after its last year as in that
    np.testing.assert_allclose(priced(), np.stack([np.ones(DRAWS), one, two, two], 1), rtol=1e-15)


@pytest.mark.parametrize(("start", "first"), [("2026-03", 1), ("2026-04", 2), ("2027-04", 3)])
def test_it_counts_from_the_financial_year_of_its_start(start, first):
    found = priced(start)
    assert (found[:, :first] == 1).all() and (found[:, first:] < 1).all()
    np.testing.assert_allclose(found[:, first:], priced()[:, first:])


def test_what_the_base_year_holds_is_in_its_outturn():
    one, two = ratios().values.T
    found = priced(base="2025-26")
    assert (found[:, :2] == 1).all()
    np.testing.assert_allclose(found[:, 2], two / one)
    np.testing.assert_allclose(priced("2026-04", base="2025-26")[:, 2], two)


def test_a_market_has_its_own_luck():
    assert np.array_equal(priced(), priced(usual=DOUBTFUL))
    assert np.array_equal(priced(), priced(rate=1.0))
    np.testing.assert_allclose(1 - priced(rate=0.5), (1 - priced()) / 2)


def test_fewer_worlds_are_the_first_of_them():
    few = priced(draws=100)
    assert np.array_equal(few, priced()[:100])
    mean = {"framework": ratios().mean("draw").expand_dims("draw")}
    np.testing.assert_allclose(priced(market=mean), np.tile(priced().mean(0), (DRAWS, 1)))
    turned = {"framework": ratios().transpose("financial_year", "draw")}
    assert np.array_equal(priced(market=turned), priced())
    with pytest.raises(ValueError, match="market: found 399 draws of framework; allowed 400"):
        priced(market={"framework": ratios(399)})
    with pytest.raises(ValueError, match="market: found no fees of framework"):
        priced(market={})


def test_what_it_costs_to_run_is_paid_from_its_start():
    more = ", cost: {central: 60_000, unit: GBP/year, funded_by: general_fund}"
    found = priced("2025-10", function=costs, more=more, usual=DOUBTFUL)
    assert not found["account"].any()
    assert (found["outside"].sel(item="cost")[0] == [0, 30_000, 60_000, 60_000]).all()


GOOD = f"""\
{SETTINGS}{MARKET}{CERTAIN}  measures:
    framework: {{label: Framework, kind: market, setting: special, route: framework, lot: schools,
      start: 2026-04, funded_by: dsg_high_needs}}
    price: {{label: Price, kind: price, setting: special, start: 2026-04,
      size: {{central: 0.1, unit: share}}, funded_by: dsg_high_needs}}
"""
BAD = {
    "unknown route": ("route: framework", "route: framwork", "framework.route",
                      "found framwork; allowed spot, framework (nearest: framework)"),
    "no route": ("route: framework, ", "", "framework.route",
                 "found nothing; allowed spot, framework: kind market has one"),
    "unknown lot": ("lot: schools", "lot: homes", "framework.lot",
                    "found homes; allowed schools, tutors"),
    "no setting": ("market, setting: special", "market", "framework.setting",
                   "found nothing; allowed mainstream, special, college: kind market has one"),
    "setting of another lot": ("market, setting: special", "market, setting: college",
                               "framework.setting", "found college; allowed special, the setting"),
    "route of a price": ("kind: price,", "kind: price, route: spot,", "price.route",
                         "found spot; allowed nothing: kind price has none"),
    "another fund": ("start: 2026-04, funded_by: dsg_high_needs",
                     "start: 2026-04, funded_by: general_fund", "framework.funded_by",
                     "found general_fund; allowed dsg_high_needs"),
    **{name: ("lot: schools", f"lot: schools, {name}: {said}", f"framework.{name}",
              "found a market with it; allowed nothing: who joins, how much and how late is")
       for name, said in {
           "size": "{central: 0.1, unit: share}", "end": "2027-03", "ages": "[4, 16]",
           "ramp": "{shape: linear, months: 6}", "slippage": "{central: 2, unit: months}",
           "share_of_programme": "{central: 0.1, unit: share}",
           "delivery": "{none: {central: 0, unit: share}, full: {central: 1, unit: share}, "
                       "part: {central: 0.5, unit: share}}"}.items()},
}


def test_a_good_market_has_no_problem():
    tree, measures = tree_of(GOOD)
    assert not tree.problems and measures["framework"].route == "framework"


@pytest.mark.parametrize("what", BAD)
def test_one_thing_wrong_is_said_once(what):
    right, wrong, key, said = BAD[what]
    assert right in GOOD
    problems = tree_of(GOOD.replace(right, wrong, 1))[0].problems
    assert len(problems) == 1, problems
    rest = problems[0].partition(": ")[2]
    assert rest.startswith(f"safety_valve.measures.{key}: {said}"), problems


def test_a_case_without_a_market_has_no_route():
    problems = tree_of(GOOD.replace(MARKET, ""))[0].problems
    assert len(problems) == 2 and all("nothing: the case has none" in p for p in problems)


# A whole study, the ratios made up: what the market makes of Devon's fees.

SETTING = "independent_special"
MADE = Measure(label="Framework", kind="market", setting=SETTING, route="framework",
               lot="schools", start="2026-04", funded_by="dsg_high_needs")


def valve_with(measures, scenario, draws):
    case = load_case("devon", scenario=scenario)
    kept = {name: made for name, made in case.measures.items() if name in measures}
    study = Study(Parameters("devon", draws=draws, scenario=scenario),
                  replace(case, measures={**kept, "framework": MADE}))
    valve = SafetyValve(study)
    valve.market = {"framework": ratios(draws, 2026, 4)}
    return valve


@pytest.fixture(scope="module")
def alone():
    return valve_with([], "", 200)


@pytest.fixture(scope="module")
def beside():
    """A market beside some of Devon's worked measures: of price, uplift and children."""
    kinds = ("price", "uplift", "step_down")
    worked = load_case("devon", scenario="worked_measures").measures
    few = [name for name, made in worked.items() if made.kind in kinds]
    return valve_with(few, "worked_measures", 200)


def test_the_saving_is_one_less_the_ratio_of_fees(alone):
    study, market = alone.study, alone.market
    with_it = mitigated(alone.case, study.calibration, study.worlds, study.simulated, study.spend,
                        market=market)
    saved = (unmitigated(study.spend) - with_it)["spend"].sel(financial_year=alone.years)
    fees = study.spend["nominal"].sum("age_band").sel(setting=SETTING)
    for year in alone.years:
        known = market["framework"].sel(financial_year=min(max(year, "2026-27"), "2029-30"))
        ratio = known if year >= "2026-27" else 1.0
        expected = ((1 - ratio) * fees.sel(financial_year=year)).values
        np.testing.assert_allclose(saved.sel(financial_year=year), expected, atol=0.005)
    assert (saved.isel(financial_year=-1) > 0).all()
    assert not with_it["outside"].any()


def test_the_account_and_the_tornado_have_it(alone):
    assert float(alone.saving().mean()) > 0
    np.testing.assert_allclose(alone.saving(), alone.planned)  # no delivery of its own
    assert len(alone.tornado())


def test_attribution_adds_to_the_penny_beside_others(beside):
    table = beside.attributed()
    assert "framework" in table.index and len(table) == 3 + 1 + 2
    pence = (table * 100).round().astype(int)
    assert (pence.drop("total").sum() == pence.loc["total"]).all()
    first, last = beside.alone()
    assert (first.loc["framework"].iloc[1:] > 0).all()
    assert (table.loc["framework"] <= first.loc["framework"] + 0.01).all()
    assert (last.loc["framework"] <= table.loc["framework"] + 0.01).all()


def test_its_quality_is_the_weakest_it_rests_on():
    rests = {"market.joins": "council", "market.premium": "judgement", "market.exit": "proxy",
             "costs.inflation": "illustrative"}
    case = SimpleNamespace(measures={"framework": MADE}, assumptions={
        key: SimpleNamespace(quality=quality) for key, quality in rests.items()})
    assert written._quality(case, "framework") == "judgement"


def test_without_a_market_nothing_is_asked_of_one():
    valve = SafetyValve(Study(Parameters("devon", draws=50)))
    assert valve.market == {}
