"""Rutland, December 2021: its published figures, its budget, its block of cases, and its date."""

import re

import numpy as np
import pandas as pd
import pytest
from sufficiency.case import load_case
from sufficiency.model.market import clearing, demand, routes, supply
from sufficiency.model.streams import Worlds
from sufficiency.report import market_views, views
from sufficiency.report.paper import Facts
from sufficiency.run import consistency
from sufficiency.run.forecast import gaps

LOT = "market.lots.psychology"


@pytest.fixture(scope="module")
def case(root):
    return load_case("rutland", root=root)


def ours(shared, file, name="Rutland"):
    table = pd.read_csv(shared / "data" / file)
    return table[table["la_name"] == name]


def happened(case):
    return " ".join(event["what"] for event in case.value("happened"))


def test_it_knows_nothing_of_after_the_meeting(case):
    assert (str(case.as_at), case.known_by) == ("2021-12-16", "2021-12")
    assert (case.log()["known"].dropna() <= "2021-12").all()
    assert case.published("plans_by_setting").index[-1] == 2021
    assert not case.value("market.record", {})
    earlier = case.as_known("2020-06")
    assert earlier.published("plans_by_setting").index[-1] == 2020
    assert f"{LOT}.call_offs" not in earlier
    assert all(event["when"] > "2021-12" for event in case.value("happened"))


def test_plans_are_those_of_the_statistics(case, shared):
    plans = case.published("plans_by_setting")
    counted = ours(shared, "ehcp_caseload_by_setting.csv").query(
        "release == 'SEN2_2022_aggregate' and january_year >= 2015").set_index("january_year")
    for name, column in (("mainstream", "mainstream_total"), ("further_education", "fe_total"),
                         ("independent_special", "special_independent"),
                         ("specialist_post16", "specialist_post16")):
        less = plans["specialist_post16"] if name == "further_education" else 0
        expected = counted.loc[2015:2021, column].fillna(0) - less
        assert plans[name].tolist() == expected.tolist(), name
    totals = case.published("plans_by_age")["all"]
    assert plans.sum(axis=1).tolist() == totals.tolist() == [168, 186, 188, 201, 197, 222, 261]
    assert case.published("plans_reported").loc[2021, "october"] == 275
    spent = ours(shared, "s251_outturn_high_needs.csv").set_index("financial_year")
    told = case.published("section_251")["high_needs"]
    assert told.tolist() == spent.loc[told.index, "high_needs_1_2_x_gross"].tolist()


def test_the_budget_ties(case, shared):
    lines, spec = case.published("section_251_lines").loc["2021-22"], case.value(
        "costs.ledger.lines")
    counted = {name for name, line in spec.items() if line.get("in_outturn", True)}
    total = case.published("section_251_forecast").loc["2021-22", "high_needs"]
    assert lines[list(counted)].sum() == total == 4_293_800
    given = ours(shared, "hn_benchmarking_2021_22.csv").iloc[0]
    assert all(lines[name] == given[f"budget_gbp_{name}"] for name in lines.index)
    assert not case.value("costs.ledger.accepted_gap", {})
    assert gaps(case, 50) == {"2021-22": pytest.approx(0, abs=1e-9)}


def test_cases_for_the_psychologist_follow_the_assessments(case):
    flows = case.published("flows")
    completed = flows["issued"] + flows["not_issued"]
    assert completed[[2019, 2020]].tolist() == [34, 53]
    calls, guaranteed = case[f"{LOT}.call_offs"], case[f"{LOT}.reserve_places"].central
    assert calls.low < completed[2020] < calls.central < calls.high
    assert completed[2019] < guaranteed < completed[2020]
    plans = case.published("plans_by_age")["all"]
    assert case[f"{LOT}.growth"].high < (flows.requests[2020] / flows.requests[2016]) ** 0.25 - 1
    assert case[f"{LOT}.growth"].central < (plans[2021] / plans[2017]) ** 0.25 - 1
    assert case[f"{LOT}.reserve_price"].central == 1  # no saving is built in
    assert case[f"{LOT}.price"].quality == "illustrative"


def cleared(root, scenario):
    case = load_case("rutland", scenario=scenario, root=root)
    worlds, months = Worlds(case.assumptions, 1, 8), 12 * case.value("market.years")
    found = clearing.clear(demand.demand(case, "psychology", worlds, months),
                           supply.supply(case, "psychology", worlds, months),
                           routes.routes(case, "psychology", ["block_now", "spot"], worlds, months),
                           1, 8)
    return {kind: found.count[..., at].sum(0) for at, kind in enumerate(clearing.COUNTS)}, found


def test_the_block_serves_first_and_the_rest_is_bought(root):
    count, found = cleared(root, "")
    block, spot = 0, 1
    assert count["in_reserve"][block] > count["off_list"][block] > 0 == count["in_reserve"][spot]
    assert np.isfinite(found.cost).all()


def test_a_case_that_the_post_takes_is_not_guaranteed_to_a_provider_too(case):
    own = case.value("appraisal.options.own_psychologist")
    assert case.value(f"market.routes.{own['route']}.kind") == "spot"
    post, lot = "appraisal.options.own_psychologist.", f"{LOT}."
    avoided = case[post + "avoided"].central * case[post + "occupancy"].central
    assert avoided < case[lot + "price"].central * case[lot + "call_offs"].central


def test_when_every_bid_is_above_the_value_there_is_no_block(root):
    count, _ = cleared(root, "tender_2025")
    assert count["in_reserve"].tolist() == [0, 0]
    assert count["call_offs"][0] == count["call_offs"][1]
    told = load_case("rutland", scenario="tender_2025", root=root)
    assert told[f"{LOT}.price"].central == round(228_600 / 135) == 1693
    assert told[f"{LOT}.call_offs"].central == 135 and str(told.as_at) == "2025-05-30"


def test_what_came_later_stands_apart(case, shared):
    said = happened(case)
    later = ours(shared, "ehcp_caseload_by_setting.csv").query("release == 'SEN2_2025_release'")
    for total in later.set_index("january_year").loc[2022:, "total"]:
        assert str(int(total)) in said
    spent = ours(shared, "s251_outturn_high_needs.csv").set_index("financial_year")
    for year in ("2021-22", "2024-25"):
        assert f"£{spent.loc[year, 'high_needs_1_2_x_gross']:,}" in said
    assert "14% above" in said and round(100 * (4_897_100 / 4_293_800 - 1)) == 14
    for figure in ("£228,600", "£1,600,200", "£1,693", "£774,000", "433"):
        assert figure in said
    assert 7 * 228_600 == 1_600_200
    own = case._tree.data
    before = str({name: own[name] for name in ("published", "costs", "appraisal", "paper")})
    assert not re.search(r"228,?600|4,?897,?100|774,?000", before)


def test_it_is_for_noting_and_recommends_none(case):
    assert case.value("annex.decision") == "note" and case.value("paper.front.key_decision") == "no"
    assert case.value("appraisal.proposal") == ""
    assert [text.split()[0] for text in case.value("paper.decisions")] == ["Note", "Note"]
    routes = {one.get("route") for one in case.value("appraisal.options").values()}
    assert set(case.value("market.compare")) <= routes
    assert case.value("appraisal.options.cease.fails")


def test_the_stale_term_of_the_original_is_found_and_accepted_by_name(case):
    options = pd.DataFrame([{"option": name, "label": one.get("label", name), "fails": ""}
                            for name, one in case.value("appraisal.options").items()])
    made = Facts(council="Rutland", title="", decision="note", as_at=case.as_at, options=options,
                 paper=case.value("paper"))
    problems = consistency.check(case, made)
    consistency.stop(problems)
    assert {problem.name for problem in problems} == {"stale_law"}
    assert all("Find a Tender" in one.said and "10.1" in one.reason for one in problems)


def test_a_small_council_is_shown_in_its_own_size():
    costs, plans = pd.Series({"few": 90e3, "some": 80e3, "many": 9e3}), {"few": 2, "some": 19}
    assert views.dearest(costs, pd.Series({**plans, "many": 146})) == "some"
    assert (views.step(4.3), views.step(146.1)) == (0.1, 1)
    assert [views.rough(x) for x in (-84_423, 42_625, 7.3e6)] == ["−£80,000", "£40,000", "£7.3m"]
    spent = pd.DataFrame({"high_needs": [1.0]}, index=["2020-21"])
    assert (views.was(spent, "2020-21"), views.was(spent, "2021-22")) == ("was", "was put at")
    row = pd.Series({"stage": 0, "provider": -1, "price": 0.0, "days": 3.0})
    assert market_views._outcome(row, ["reserved place"], {}) == (
        "reserved place, paid for already, 3 days")
