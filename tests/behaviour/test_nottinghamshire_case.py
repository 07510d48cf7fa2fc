"""Nottinghamshire, April 2022: the board's printed figures, its ledger, its list and its homes."""

import pandas as pd
import pytest
from sufficiency.case import load_case
from sufficiency.model.placements.calibrate import calibrate
from sufficiency.model.streams import Worlds
from sufficiency.report.paper import Facts
from sufficiency.run import consistency, forecast

LOT, HOME = "market.lots.inmss", "appraisal.options.two_bed_home"
INMSS = ["independent_special", "non_maintained_special"]


@pytest.fixture(scope="module")
def case(root):
    return load_case("nottinghamshire", root=root)


def ours(shared, file):
    table = pd.read_csv(shared / "data" / file)
    return table[table["la_name"] == "Nottinghamshire"]


def test_it_knows_nothing_of_after_the_meeting(case):
    assert (str(case.as_at), case.known_by) == ("2022-04-25", "2022-04")
    assert (case.log()["known"].dropna() <= "2022-04").all()
    assert not case.value("market.record", {})  # its own list is among the later ones
    assert all(event["when"] > "2022-04" for event in case.value("happened"))
    assert f"{HOME}.occupancy" not in case.as_known("2021-01")


def test_plans_and_spending_are_those_of_the_statistics(case, shared):
    plans = case.published("plans_by_setting")
    counted = ours(shared, "ehcp_caseload_by_setting.csv").query(
        "release == 'SEN2_2022_aggregate' and january_year >= 2015").set_index("january_year")
    for name, column in zip(INMSS, ("special_independent", "special_non_maintained"), strict=True):
        assert plans[name].tolist() == counted.loc[2015:2021, column].tolist()
    assert plans.sum(axis=1).tolist() == case.published("plans_by_age")["all"].tolist()
    spent = ours(shared, "s251_outturn_high_needs.csv").set_index("financial_year")
    told = case.published("section_251")["high_needs"]
    assert told.index[-1] == "2020-21"
    assert told.tolist() == spent.loc[told.index, "high_needs_1_2_x_gross"].tolist()


def test_the_budget_ties_and_says_what_a_place_costs(case, shared):
    lines = case.published("section_251_lines").loc["2021-22"]
    given = ours(shared, "hn_benchmarking_2021_22.csv").iloc[0]
    assert all(lines[name] == given[f"budget_gbp_{name}"] for name in lines.index)
    worlds = Worlds(case.assumptions, 1, 50)
    tied = forecast.tie(case, forecast.simulate(case, calibrate(case), worlds))
    total = case.published("section_251_forecast").loc["2021-22", "high_needs"]
    assert total == 76_079_897 and tied.tie.loc["2021-22", "modelled"] == pytest.approx(total)
    plans, cost = case.published("plans_by_setting").loc[2021], tied.unit_costs["2021-22"]
    mean = (cost[INMSS] * plans[INMSS]).sum() / plans[INMSS].sum()
    # 48,132 is what the council gave; England's mainstream plan costs 8,400
    assert mean == pytest.approx(48_132, rel=0.03)
    assert 7_000 < cost["mainstream"] < 11_000


def test_the_market_rests_on_published_numbers(case):
    plans = case.published("plans_by_setting")[INMSS].sum(axis=1)
    assert plans[[2019, 2020, 2021]].tolist() == [149, 169, 247]
    existing, calls = case[f"{LOT}.existing"], case[f"{LOT}.call_offs"]
    grown = [plans[2021] + 2.25 * more for more in (20, 78)]
    assert grown[0] < existing.central < grown[1] and existing.low > plans[2021]
    leavers = plans[[2020, 2021]].mean() / case[f"{LOT}.stay"].central * 12
    assert calls.low < 49 + leavers < calls.high
    line = case.published("section_251_lines").loc["2021-22", "topup_nmi_special"]
    number = plans[2021] + case.published("plans_by_setting").loc[2021, "specialist_post16"]
    assert number == 446 and round(line / number, -2) == 43_400
    assert line / number < case[f"{LOT}.price"].low
    assert case.value("market.deadline.month") == "2023-09"


def test_the_boards_figures_are_as_printed(case):
    told = case.value("contracts.published")
    assert told["total"]["at_least"] == 153_000_000 and told["growth"]["at_most"] == 0.25
    assert [told[name]["about"] for name in
            ("top_ten_share", "top_ten_growth", "on_contract", "block_places")] == [
                0.15, 0.01, 0.9, 30]
    assert told["spot_contracts"]["at_least"] == 100
    assert case.value("contracts.synthetic") is True
    assert case.value("annex.decision") == "annual_report"
    assert case.value("appraisal.proposal") == ""


def test_the_home_and_what_it_cost_when(case):
    rise = 1 + case["market.index.general"].central
    parts = ("capital", "running", "avoided")
    assert {case[f"{HOME}.{name}"].as_of for name in parts} == {"2023-24"}
    assert case[f"{HOME}.capital"].central == pytest.approx(1.25 * 380_000 * rise**2, abs=500)
    earlier = case.as_known("2021-12")[f"{HOME}.capital"]
    assert earlier.central == pytest.approx(380_000 * rise**4, abs=500)
    # at the weekly prices of 2019 a home in full use is cheaper than two bought places
    full, bought = 2 * 3110 * 365.25 / 7 * rise**4, 2 * 3970 * 365.25 / 7 * rise**4
    assert case[f"{HOME}.running"].low == pytest.approx(full, rel=0.01)
    assert 2 * case[f"{HOME}.avoided"].low < bought < 2 * case[f"{HOME}.avoided"].central
    assert case.value(f"{HOME}.beside") is True and case[f"{HOME}.opens_months"].high == 15
    assert case[f"{HOME}.places"].central == 2


def test_the_list_as_it_turned_out(root):
    case = load_case("nottinghamshire", scenario="as_it_turned_out", root=root)
    late = case["market.slippage"]
    assert late.certain and late.central == 16  # from September 2023 to January 2025
    assert case["market.reserve_fails"].central == 1


def test_what_came_later_stands_apart(case, shared):
    said = " ".join(event["what"] for event in case.value("happened"))
    counted = ours(shared, "ehcp_caseload_by_setting.csv").query("release == 'SEN2_2025_release'")
    counted = counted.set_index("january_year")
    for year in (2022, 2023, 2024, 2025):
        both = counted.loc[year, ["special_independent", "special_non_maintained"]].sum()
        assert str(int(both)) in said
    spent = ours(shared, "s251_outturn_high_needs.csv").set_index("financial_year")
    for year in ("2021-22", "2024-25"):
        assert f"£{spent.loc[year, 'high_needs_1_2_x_gross']:,}" in said


def test_the_faults_of_the_original_are_found_and_accepted_by_name(case):
    options = pd.DataFrame([{"option": name, "label": one.get("label", name), "fails": ""}
                            for name, one in case.value("appraisal.options").items()])
    made = Facts(council="Nottinghamshire", title="", decision="annual_report", as_at=case.as_at,
                 options=options, paper=case.value("paper"))
    problems = consistency.check(case, made)
    consistency.stop(problems)
    assert {one.name for one in problems} == {"options_text", "old_comments", "comment_age"}
    assert all("As in the original" in one.reason for one in problems)
    assert "74 days" in next(one.said for one in problems if one.name == "comment_age")
