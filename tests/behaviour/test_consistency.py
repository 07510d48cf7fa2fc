"""A paper that contradicts itself is stopped: the defects of five real reports, and others."""

import json
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from sufficiency.case import load_case
from sufficiency.case.paper import CHECKS
from sufficiency.report.paper import Facts
from sufficiency.run import consistency
from sufficiency.run.consistency import ConsistencyError, check, stop


@pytest.fixture(scope="module")
def case(root):
    return load_case("northamptonshire", root=root)


@pytest.fixture(scope="module")
def facts(case):
    """A paper in which nothing is found: every route compared is an option."""
    names = case.value("market.compare")
    options = pd.DataFrame({
        "option": names, "label": [case.value(f"market.routes.{n}.label") for n in names],
        "says": "It is a way to buy.", "fails": ""})
    return Facts(council="A Council", title="A list", decision="approve", as_at=case.as_at,
                 paper={}, options=options)


def found(case, facts, paper=None, as_at=None, **changed):
    made = replace(facts, paper=paper or {}, as_at=as_at or facts.as_at, **changed)
    problems = check(case, made)
    assert {one.name for one in problems} <= set(CHECKS)
    return problems


def only(problems, name):
    """The one problem, of that name."""
    assert [one.name for one in problems] == [name], problems
    return problems[0]


def test_nothing_is_found_in_a_paper_that_agrees(case, facts):
    stop(found(case, facts))
    assert found(case, facts) == []


# The five known defects of the reports


def test_a_start_of_the_law_that_had_moved_stops_and_one_that_moved_later_warns(case, facts):
    paper = {"background": ["The Procurement Act 2023 comes into force on 28 October 2024."]}
    one = only(found(case, facts, paper, date(2024, 9, 30)), "moved_date")
    assert one.stops
    assert "24 February 2025, known since September 2024" in one.said
    assert not only(found(case, facts, paper, date(2024, 8, 31)), "moved_date").stops
    told = {"background": ["The Procurement Act 2023 comes into force on 24 February 2025."]}
    assert found(case, facts, told, date(2024, 9, 30)) == []


@pytest.mark.parametrize(("said", "bad"), [
    ("Go live by July 201", True), ("Go live by July 20.", True), ("Go live by July 2017.", False),
    ("Live on 14 July 2017 and July 2018", False), ("Summer: July, 20 providers", False),
])  # fmt: skip
def test_a_year_that_is_cut_off(case, facts, said, bad):
    problems = found(case, facts, {"background": [said]})
    assert [one.name for one in problems] == ["cut_year"] * bad


def test_words_the_law_no_longer_used_in_december_2021(case, facts):
    paper = {"finance": ["No direct award above the OJEU threshold."]}
    assert "Find a Tender" in only(found(case, facts, paper, date(2021, 12, 16)), "stale_law").said
    assert found(case, facts, paper, date(2020, 12, 31)) == []


def test_options_text_of_another_report(case, facts):
    pasted = "A wide range has been considered regarding the size and functions of homes."
    one = only(found(case, facts, {"options": [pasted]}), "options_text")
    assert "paragraph 1 of the options names none" in one.said
    label = case.value("market.routes.spot.label")
    own = ["{open_framework} was preferred.", f"{label.upper()} leaves quality unclear."]
    assert found(case, facts, {"options": own}) == []


def test_comments_dated_ten_weeks_before_the_meeting(case, facts):
    paper = {"front": {"meeting": "2022-04-25"},
             "comments": [{"by": "Finance", "dated": "2022-02-10"}]}
    names = ("market.call_offs", "market.slippage")
    problems = found(case, facts, paper, date(2022, 4, 25), ranked=names[:1])
    assert "74 days before the meeting" in problems[-1].said
    assert (problems[-1].name, problems[-1].stops) == ("comment_age", False)
    paper["comments"][0]["dated"] = "2022-03-28"
    assert "comment_age" not in {one.name for one in found(case, facts, paper)}


# Options


def test_an_option_named_and_not_appraised(case, facts):
    one = only(found(case, facts, {"decisions": ["Agree {magic_market}."]}), "absent_option")
    assert "paper.decisions.0 names magic_market; the options are fragmented" in one.said
    fewer = facts.options[facts.options["option"].isin(["fragmented", "spot"])]
    paper = {"decisions": ["Agree to procure an open framework."]}
    problems = found(case, facts, paper, options=fewer)
    assert [one.name for one in problems] == ["absent_option", "uncompared_option"]
    assert "'open framework'; no option buys in that way" in problems[0].said
    assert "open_framework" in problems[1].said
    assert only(found(case, facts, {"decisions": ["Agree {spot}."]}, options=None),
                "absent_option").stops


# Figures


def test_parts_tie_to_their_total_to_the_penny(case, facts):
    boards = {"East": 400_000.25, "West": 621_499.75}
    assert found(case, facts, sums=(("Boards", boards, 1_021_500.0),)) == []
    one = only(found(case, facts, sums=(("Boards", boards, 1_021_500.01),)), "figures")
    assert "Boards: the parts come to £1,021,500" in one.said


def test_the_budget_ties_to_the_lots(root, facts):
    case = load_case("north_yorkshire", root=root)
    assert consistency._budget(case) == []
    more = case.changed({"market.budget.annual": 1_021_600})
    assert "its lots come to £1,021,500" in consistency._budget(more)[0][0]
    # Northamptonshire's is a least sum, Devon's lots are not by case
    assert consistency._budget(load_case("northamptonshire", root=root)) == []
    assert consistency._budget(load_case("devon", root=root)) == []
    low = load_case("northamptonshire", overrides={"market.budget.annual": 5_000_000}, root=root)
    assert "or more" in consistency._budget(low)[0][0]


HEAD = {"key": "spend", "text": "Spend", "value": 201, "p10": 190, "p90": 215, "unit": "GBP",
        "basis": "1.2.x", "year": "2030-31",
        "cell": {"table": "spend.csv", "where": {"year": "2030-31"}, "column": "mean"}}  # fmt: skip


def written(folder, headline, mean):
    folder.mkdir(exist_ok=True)
    (folder / "headline.json").write_text(json.dumps([headline]), encoding="utf-8")
    frame = pd.DataFrame({"year": ["2029-30", "2030-31"], "mean": [180.0, mean]})
    frame.to_csv(folder / "spend.csv", index=False)
    return folder


@pytest.mark.parametrize(("saved", "mean", "wrong"), [
    ({}, 201.4, 0), ({}, 201.6, 1), ({"value": 202}, 201.4, 1), ({"p90": 216}, 201.4, 1),
    ({"value": 202}, 205.0, 2),
])  # fmt: skip
def test_headlines_are_those_of_the_table_they_come_from(case, facts, tmp_path, saved, mean, wrong):
    results = written(tmp_path / "results", {**HEAD, **saved}, mean)
    problems = check(case, replace(facts, headlines=(HEAD,)), results)
    assert [one.name for one in problems] == ["figures"] * wrong
    assert all("spend: 201" in one.said for one in problems)


def test_a_headline_that_is_not_in_headline_json_and_one_upside_down(case, facts, tmp_path):
    results = written(tmp_path / "results", {**HEAD, "key": "other"}, 201.0)
    one = only(check(case, replace(facts, headlines=(HEAD,)), results), "figures")
    assert "None in headline.json" in one.said
    exempt = {**HEAD, "exempt": "Prices."}
    assert check(case, replace(facts, headlines=(exempt,)), results) == []
    upside = {**HEAD, "p10": 215, "p90": 190}
    assert "from 215 down to 190" in only(found(case, facts, headlines=(upside,)), "figures").said


# Comments, law, dates


def test_comments_older_than_the_newest_figure(case, facts):
    key = "market.lots.testing.price"
    assert case[key].known == "2016-12"
    paper = {"comments": [{"by": "Legal services", "dated": "2016-11-30"},
                          {"by": "Finance", "dated": "2016-12-01"}, {"by": "Director"}]}
    one = only(found(case, facts, paper, ranked=(key,)), "old_comments")
    assert "Legal services commented on 30 November 2016" in one.said
    assert "first known in December 2016" in one.said


def test_law_of_after_the_date(case, facts):
    act = {"purpose": ["To meet the Procurement Act 2023."]}
    assert only(found(case, facts, act, date(2021, 5, 25)), "later_law").stops
    assert found(case, facts, act, date(2024, 9, 30)) == []
    limit = {"finance": ["This is above the threshold of £663,540."]}
    assert "£663,540 was no threshold on 14 February 2017" in only(
        found(case, facts, limit), "later_law").said
    assert found(case, facts, limit, date(2022, 6, 1)) == []
    assert found(case, facts, {"finance": ["It costs £663,540."]}) == []


def test_a_step_already_past_is_marked_so(case, facts):
    steps = [{"what": "Award", "when": "2017-01"}, {"what": "Live", "when": "2017-02"},
             {"what": "End", "when": "2016"}, {"what": "Talks", "when": ""}]
    paper = {"front": {"meeting": "2017-02-14"}, "timetable": steps}
    one = only(found(case, facts, paper), "timetable")
    assert one.said == "before 14 February 2017: Award (January 2017) and End (2016)"
    paper["timetable"] = [{**step, "past": True} for step in steps]
    assert found(case, facts, paper) == []


@pytest.mark.parametrize(("notice", "names"), [
    ("2017-01-16", []), ("2017-01-17", ["notice"]), ("2017-02-20", ["notice"]),
])  # fmt: skip
def test_a_key_decision_has_28_clear_days_of_notice(case, facts, notice, names):
    front = {"meeting": "2017-02-14", "key_decision": "yes", "notice": notice}
    problems = found(case, facts, {"front": front})
    assert [one.name for one in problems] == names
    assert all(one.stops for one in problems)
    assert not found(case, facts, {"front": {**front, "key_decision": "no"}})


def test_a_key_decision_without_a_notice_warns(case, facts):
    assert not only(found(case, facts, {"front": {"key_decision": "yes"}}), "notice").stops


@pytest.mark.parametrize(("text", "typed"), [
    ("Spend came to over £153m, almost 25% more; the ten largest have 15% of it.", []),
    ("It came to £153.0m.", []), ("It came to £153.4m.", ["£153,400,000"]),
    ("It came to £154m, 37.5% more, in 2021-22, of 37 contracts.", ["£154,000,000", "37.5%"]),
    ("It is below the threshold of £663,540.", []), ("It saves £1,234,567.", []),
])  # fmt: skip
def test_a_sum_typed_by_hand_is_one_of_the_case_the_law_or_a_headline(root, facts, text, typed):
    case = load_case("nottinghamshire", root=root)
    heads = ({"key": "saving", "value": 1_234_567.0, "p10": 1e6, "p90": 2e6},)
    made = replace(facts, paper={"background": [text]}, as_at=case.as_at, headlines=heads)
    problems = [one for one in check(case, made) if one.name == "no_source"]
    assert [one.said.split(": ")[1].split(" is ")[0] for one in problems] == typed
    assert not any(one.stops for one in problems)


# Stopping and accepting


def test_every_problem_that_stops_is_raised_at_once_unless_accepted_by_name(case, facts):
    paper = {"background": ["The OJEU, by July 201."], "front": {"key_decision": "yes"}}
    problems = found(case, facts, paper, date(2021, 12, 16))
    with pytest.raises(ConsistencyError) as error:
        stop(problems)
    lines = str(error.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["stale_law", "cut_year"]
    assert "paper.accept.cut_year with a reason" in lines[1]
    paper["accept"] = {"stale_law": "the original's words", "cut_year": "as printed"}
    accepted = found(case, facts, paper, date(2021, 12, 16))
    stop(accepted)
    assert {one.name: one.reason for one in accepted} == {
        "stale_law": "the original's words", "cut_year": "as printed", "notice": ""}


@pytest.mark.parametrize(
    "name", ["devon", "north_yorkshire", "northamptonshire", "rutland", "nottinghamshire"])
def test_committed_papers_hold_nothing_that_stops_them(root, name):
    case = load_case(name, root=root)
    labels = {key: one.get("label") or case.value(f"market.routes.{one['route']}.label")
              for key, one in case.value("appraisal.options").items()}
    frame = pd.DataFrame({"option": labels.keys(), "label": labels.values()})
    made = Facts(council="", title="", decision=case.value("annex.decision"), as_at=case.as_at,
                 paper=case.value("paper"), options=frame)
    problems = check(case, made)
    stop(problems)
    assert "no_source" not in {one.name for one in problems}
