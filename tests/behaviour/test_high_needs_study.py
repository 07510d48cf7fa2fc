"""The whole high needs study: what a certain programme, no programme, or monitoring makes of it."""

import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from sufficiency.case import load_case
from sufficiency.case.files import Tree, parse
from sufficiency.model.safety_valve import account, schedules
from sufficiency.report import positions
from sufficiency.run import mitigation
from sufficiency.run.parameters import Parameters
from sufficiency.run.study import Study

DRAWS = 600
CERTAIN = "safety_valve.delivery.none=0; safety_valve.delivery.full=1; safety_valve.slippage=0"
MONITORED = "published.monitoring.rows.2025-26.month_4"
# Schedules by the month from which they are known, of Devon's account opened at March 2025
KNOWN = {"2025-10": {"none", "agreement", "override_end"},
         "2025-11": {"none", "agreement", "override_end", "central_funding"},
         "2026-02": {"none", "agreement", "override_end", "central_funding", "stability_grant"}}


def opened(draws=DRAWS, case=None, **given):
    return Study(Parameters("devon", draws=draws, **given), case)


@pytest.fixture(scope="module")
def signed():
    return opened(1000, scenario="as_signed_2024").safety_valve


@pytest.fixture(scope="module")
def now():
    return opened().safety_valve


@pytest.fixture(scope="module")
def worked():
    """Devon with a measure of every physical kind: children are simulated twice."""
    return opened(300, scenario="worked_measures").safety_valve


@pytest.fixture(scope="module")
def variant(root, project):
    """Devon with other measures: a function of {name: measure, or None to take it out}."""
    file = root / "params" / "councils" / "devon.yaml"
    shutil.copy(file.with_name("devon.as_signed_2024.forecast.csv"), project / "params/councils")

    def load(name, changes, **given):
        data = parse(file.read_text(encoding="utf-8"), file.name, Tree())
        programme = data["safety_valve"]["measures"]
        programme.update(changes)
        programme = {k: said for k, said in programme.items() if said}
        data["safety_valve"]["measures"] = programme
        if not programme:
            del data["safety_valve"]["programme"]["set"]
            for scenario in ("worked_measures", "framework_measure"):
                del data["scenarios"][scenario]
        made = project / "params" / "councils" / f"{name}.yaml"
        made.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        return load_case(name, root=project, **given)

    return load


# As the agreement was signed

def test_chances_as_signed_are_counted_from_the_worlds(signed):
    draws = signed.in_year().sel(financial_year="2024-25").values
    limit = signed.limits.sel(financial_year="2024-25").values
    assert (limit == 31.2e6).all()
    assert signed.over()["2024-25"] == np.mean(draws > 31.2e6)
    with_all = signed.in_year("full").sel(financial_year="2024-25").values
    assert signed.over("full")["2024-25"] == np.mean(with_all > 31.2e6)
    # what others had delivered leaves more chance of going over than delivery in full
    assert np.mean(with_all > 31.2e6) < np.mean(draws > 31.2e6) <= 1


def test_where_the_later_forecasts_fall_is_counted_from_the_worlds(signed):
    later = signed.reported["2024-25"]
    assert later == {4: 38.5e6, 6: 45.8e6, 8: 51.6e6}
    draws = signed.in_year().sel(financial_year="2024-25").values
    shares = [np.mean(draws < value) for value in later.values()]
    assert shares == sorted(shares) and 0 < shares[0] and shares[-1] < 1
    # a companion to the forecast, no part of it
    assert "2024-25" not in signed.case.published("monitoring").index
    assert signed.monitored is None


def test_the_programme_is_what_the_plan_needed(signed):
    """The overspend foreseen without measures, nothing uncertain, less the agreement's limits."""
    needed = signed.baseline - signed.limits.mean("draw").to_series()
    stored = pd.Series({year: signed.case["safety_valve.programme.savings"].central_value(year)
                        for year in signed.years})
    assert (needed - stored).abs().max() <= 0.1e6, (needed - stored).round(-3).to_dict()


def test_nothing_dated_after_march_2024_is_used_as_signed(signed):
    assert not {path for path, known in dates(signed.case.resolved) if known > "2024-03"}
    assert set(signed.account["schedule"].values) == {"none", "agreement", "override_end"}
    assert signed.schedule == "agreement" and not signed.account["grant"].any()
    points = signed.case.value("safety_valve.reference_class.points")
    _, table = positions.record(points, signed.case.known_by)
    assert set(table["Programme"]) == {said["label"] for said in points.values()}
    assert points and max(said["known"] for said in points.values()) <= "2024-03"


def dates(node, path=()):
    """Every `known` of a resolved case, with where it stands."""
    if isinstance(node, dict):
        if isinstance(node.get("known"), str):
            yield path, node["known"]
        for key, child in node.items():
            yield from dates(child, (*path, str(key)))


@pytest.mark.parametrize("month", KNOWN)
def test_schedules_not_yet_known_are_left_out(month):
    valve = opened(100, as_known=month).safety_valve
    assert set(valve.terms.schedules) == KNOWN[month]
    assert ("stability_grant" in valve.terms.left_out) == (month < "2026-02")
    assert ("central_funding" in valve.terms.left_out) == (month < "2025-11")


# What measures do to the account

def test_no_measures_is_the_account_without_measures(variant, now):
    all_of_them = load_case("devon").value("safety_valve.measures")
    none = variant("bare", dict.fromkeys(all_of_them))
    assert not none.measures
    bare = opened(300, none).safety_valve.spending
    theirs = opened(300).safety_valve.spending
    for name in ("unmitigated", "mitigated", "full"):
        for item in bare:
            without = theirs[item].sel(forecast="unmitigated")
            np.testing.assert_array_equal(bare[item].sel(forecast=name), without, f"{name} {item}")


def test_a_certain_programme_saves_what_it_says_to_the_penny():
    valve = opened(300, scenario="as_signed_2024", overrides=CERTAIN).safety_valve
    programme = valve.case["safety_valve.programme.savings"]
    for year in valve.years:
        saved = valve.saving().sel(financial_year=year).values
        # two accounts in whole pence
        np.testing.assert_allclose(saved, programme.central_value(year), atol=0.0101, rtol=0)
        whole = valve.in_year("full").sel(financial_year=year)
        np.testing.assert_allclose(valve.in_year().sel(financial_year=year), whole, atol=0.0101)


def test_beyond_the_outturn_a_certain_programme_saves_what_is_still_to_come():
    """The account opens after 2024-25, whose outturn already holds the saving of that year.

    Monitoring is set where such a programme would be: at Devon's own figure few worlds are left.
    """
    agreeing = f"{CERTAIN}; {MONITORED}=33000000"
    valve = opened(300, overrides=agreeing).safety_valve
    programme = valve.case["safety_valve.programme.savings"].central_value
    expected = [programme(year) - programme("2024-25") for year in valve.years]
    np.testing.assert_allclose(valve.saving().mean("draw"), expected, atol=0.0101)
    np.testing.assert_allclose(valve.planned.mean("draw"), expected, atol=0.0101)


@pytest.mark.parametrize("name", ["earlier_help", "new_special_places"])
def test_a_measure_more_moves_no_other_measures_delivery(variant, worked, name):
    fewer = variant("fewer", {name: None}, scenario="worked_measures")
    assert set(worked.case.measures) - set(fewer.measures) == {name}
    study = worked.study
    seen = [mitigation.effects(case, opened(300, case).worlds, study.simulated, study.spend)
            for case in (fewer, worked.case)]
    assert seen[0].equals(seen[1].sel(measure=list(fewer.measures)))


def test_a_cash_profile_more_moves_no_child(variant, worked):
    beside = {"label": "Beside", "set": "worked", "kind": "cash_profile", "start": "2025-04",
              "funded_by": "dsg_high_needs", "causes": ["workforce"],
              "size": {"central": 3_000_000, "unit": "GBP/year", "quality": "illustrative",
                       "known": "2024-03"}}
    more = variant("more", {"beside": beside}, scenario="worked_measures")
    study, seen = worked.study, []
    for case in (worked.case, more):
        effect = mitigation.effects(case, study.worlds, study.simulated, study.spend)
        seen.append(mitigation.with_measures(case, study.calibration, study.worlds, effect,
                                             study.simulated, "counts"))
    assert seen[0].equals(seen[1])
    assert not seen[0]["plans"].equals(study.simulated["plans"]), "measures move children"


def test_threads_make_no_difference(worked):
    alone = opened(300, scenario="worked_measures")
    alone.threads = 1
    assert alone.safety_valve.account.identical(worked.account)


def test_the_first_draws_of_many_are_the_draws_of_few(worked):
    """Children and measures bit for bit; money but for unit costs, tied to the mean of all draws.

    They move with the sampling error of the mean children of closed years, about 0.03%.
    """
    many, few = opened(DRAWS, scenario="worked_measures"), worked.study
    first = {"draw": slice(few.parameters.draws)}
    assert many.simulated.isel(first).equals(few.simulated)
    seen = [mitigation.effects(study.case, study.worlds, study.simulated, study.spend)
            for study in (many, few)]
    assert seen[0].isel(first).equals(seen[1])
    moved = [mitigation.with_measures(study.case, study.calibration, study.worlds, effect,
                                      study.simulated, "counts")
             for study, effect in zip((many, few), seen, strict=True)]
    assert moved[0].isel(first).equals(moved[1])
    spent = many.safety_valve.spending.isel(first)
    for item in ("spend", "place_funding"):
        np.testing.assert_allclose(spent[item], worked.spending[item], rtol=1e-3)


# What monitoring says

def test_without_monitoring_every_world_counts_the_same(signed):
    assert signed.nowcast is None and signed.weights is None
    assert signed.weighed(signed.spending) is signed.spending
    bare, found = (made["spend"].sel(forecast="unmitigated")
                   for made in (signed.spending, signed.account))
    np.testing.assert_allclose(found, bare, atol=0.005)


@pytest.fixture(scope="module")
def prior(now):
    """Mean and spread of the first year's position before monitoring is weighed."""
    return now.nowcast_table().set_index(["quantity", "stage"]).loc[("in-year forecast", "prior")]


def monitored(forecast):
    return opened(overrides=f"{MONITORED}={forecast:.0f}").safety_valve


def test_a_forecast_where_ours_is_moves_it_little(prior):
    found = monitored(prior["mean"])
    after = found.in_year()[:, 0]
    error = float(after.std()) / found.nowcast.ess**0.5
    assert abs(float(after.mean()) - prior["mean"]) < 4 * error
    assert float(after.std()) < prior["sd"], "and makes it surer"


def test_a_higher_forecast_moves_ours_up_and_delivery_down(prior):
    steps = [monitored(prior["mean"] + up) for up in (0, 4e6, 8e6)]
    means = [float(valve.in_year()[:, 0].mean()) for valve in steps]
    saved = [float(valve.saving()[:, 0].mean()) for valve in steps]
    assert means == sorted(means) and saved == sorted(saved, reverse=True)
    assert means[1] < prior["mean"] + 4e6, "part of the way, as both are uncertain"
    for valve, mean in zip(steps, means, strict=True):
        table = valve.nowcast_table().set_index(["quantity", "stage"])["mean"]
        error = float(valve.in_year()[:, 0].std()) / DRAWS**0.5
        assert mean == pytest.approx(table["in-year forecast", "posterior"], abs=error)


def test_an_absurd_forecast_is_refused_in_words():
    with pytest.raises(ValueError, match=r"in-year forecast £190.0m .* standard deviations above; "
                                         "allowed one that leaves 50: look at the opening"):
        _ = monitored(190e6).account


# Bases of income

def test_before_deductions_is_the_same_overspend_on_another_basis(now):
    """Recouped places stand on both sides, so the year is the same; no figure is on two bases."""
    other = opened(overrides="safety_valve.income.basis=before_deductions").safety_valve
    assert other.account.attrs["basis"] == "before_deductions"
    assert "recouped" in other.account and "recouped" not in now.account
    one, two = now.position(), other.position()
    gap = two["block"] - one["block"]
    # each flow is rounded to whole pence
    np.testing.assert_allclose(gap, two["recouped"], atol=0.0101)
    assert (two["recouped"].mean("draw") > 12e6).all(), "deductions were 12.0m in 2023-24"
    np.testing.assert_allclose(two["in_year"], one["in_year"], atol=0.0201)
    np.testing.assert_allclose(other.deficit(), now.deficit(), atol=0.25)


def test_bases_are_never_mixed(now):
    flows = {name: now.account[name].sel(forecast="mitigated").values
             for name in ("spend", "place_funding")}
    opening = account.opening(now.case, now.study.worlds)
    given = account.income(now.case, now.study.worlds, now.years)
    with pytest.raises(ValueError, match="never mixed"):
        account.run({**flows, **given}, opening, now.years, "before_deductions")


# Identities over the whole study

@pytest.mark.parametrize("which", ["signed", "now", "worked"])
def test_every_year_closes_on_what_it_opened_with(which, request):
    valve = request.getfixturevalue(which)
    for name in ("unmitigated", "mitigated", "full"):
        for schedule in valve.terms.schedules:
            found = valve.position(name, schedule)
            closing = found["deficit"].sel(basis="after_council_and_dfe")
            opening = found["opening"].sel(line="after_council_and_dfe")
            started = closing.shift(financial_year=1).fillna(opening)
            settled = sum(found[flow] for flow in (
                "contributions", "payments", "grant", "met_centrally", "charged"))
            np.testing.assert_allclose(closing, started + found["in_year"] - settled, atol=0.001)
            paid = found["payments_due"] - found["suspended"] + found["back_paid"]
            np.testing.assert_allclose(found["payments"], paid, atol=0.001)


def test_the_schedules_share_one_overspend(now):
    """What each leaves differs by who has paid, and by nothing else."""
    for name in ("unmitigated", "mitigated"):
        gross = now.account["deficit"].sel(forecast=name, basis="gross")
        assert (gross == gross.isel(schedule=0)).all()


def test_delivery_needed_brings_the_mean_to_the_limit(signed):
    needed = signed.needed()
    brought = signed.in_year("unmitigated") - needed["delivery"] * signed.planned
    np.testing.assert_allclose(brought.mean("draw"), signed.limits.mean("draw"), atol=1)
    assert schedules.plan_holds(signed.in_year(), signed.limits)["chance"] == signed.holds()
