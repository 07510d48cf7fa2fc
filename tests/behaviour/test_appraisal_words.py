"""Sentences and tables of an appraisal: known frames in, what may be recommended and no more."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sufficiency.model.appraisal.influence import REMAINDER
from sufficiency.model.appraisal.value import Minimax
from sufficiency.report import appraisal_views as views
from sufficiency.report import appraisal_words as said
from sufficiency.report import outlook, tables

LABELS = {"now": "Carry on as now", "list": "An approved list", "home": "A home of our own",
          "stop": "Stop buying"}
NAMES = said.inside(LABELS, "now")
SUMMARY = pd.DataFrame(
    [[2.00e6, 9e3, 1.80e6, 2.20e6, 0, 0, 0, 0, 0.2, 60_000],
     [1.94e6, 9e3, 1.75e6, 2.15e6, 60_000, 5_000, -20_000, 130_000, 0.7, 12_000],
     [2.05e6, 9e3, 1.85e6, 2.30e6, -52_345, 5_000, -90_000, 9_000, 0.1, 118_000]],
    index=["now", "list", "home"], columns=[
        "mean", "error", "p10", "p90", "saving", "saving_error", "saving_p10", "saving_p90",
        "probability_best", "expected_loss"])  # fmt: skip
OPEN = pd.DataFrame({"share": [0.62, 0.9], "decides": False}, index=["list", "home"])
SURE = OPEN.assign(share=[0.2, 0.3], decides=True)
WEIGHTS = pd.DataFrame({"label": ["Net present cost", "Days to wait"], "swing": [100, 25],
                        "weight": [0.8, 0.2], "quality": "illustrative", "source": ["", "Report"],
                        "note": "Invented"}, index=["cost", "wait"])
RANKING = pd.DataFrame({"score": [90.0, 55.0, 20.0], "dominated": [False, False, True]},
                       index=["list", "now", "home"])
FIRST = pd.Series({"now": 0.3, "list": 0.62, "home": 0.08})
SWITCHES = pd.DataFrame(
    {"value": [0.42, None], "says": ["saves above", "saves throughout"],
     "unit": ["share", "months"], "central": [0.6, 4.0], "low": [0, 0], "high": [1, 36]},
    index=["Share who join", "Delay"])
ROBUST = [
    {"kind": "assumption", "label": "Share who join", "unit": "share", "value": 0.4, "central": 0.6,
     "says": "saves above"},
    {"kind": "assumption", "label": "Transport", "unit": "GBP", "value": 2_900.0,
     "central": 2_000.0, "says": "saves below"},
    {"kind": "weight", "label": "Days to wait", "value": 0.55, "weight": 0.2, "option": "now"},
    {"kind": "weight", "label": "Net present cost", "value": 0.0, "weight": 0.8, "option": "home"}]
EVPPI = pd.DataFrame({"value": [12_345.0, 4_000.0], "error": [900.0, 2_500.0],
                      "label": ["Transport", "Share who join"], "quality": ["proxy", "judgement"]})
SHARES = pd.DataFrame({"share": [0.5, 0.02, 0.48], "error": [0.05, 0.03, 0.06],
                       "label": ["Transport", "Share who join", REMAINDER],
                       "quality": ["proxy", "judgement", ""]}, index=["t", "j", REMAINDER])
REGRET = pd.DataFrame({"as expected": [60_000.0, 0, 112_345], "prices high": [0, 15_000.0, 90_000]},
                      index=["now", "list", "home"])
TORNADO = pd.DataFrame({"label": ["Transport", "Share who join"], "low": [-40_000.0, 9e3],
                        "high": [60_000.0, 15_300.0], "quality": ["proxy", "published"]})
RISKS = pd.DataFrame({"risk": ["Late", "Challenge", "Few join"], "without": ["green", "red", ""],
                      "with": ["amber", "green", "red"], "mitigation": "", "owner": "Director",
                      "source": "Report"})  # fmt: skip


def test_nothing_is_recommended_for_its_cost_where_the_evidence_does_not_decide():
    text = said.recommended(SUMMARY, OPEN, NAMES, "now", "list")
    assert text.startswith("**The evidence does not decide which option costs least, so none can "
                           "be recommended for its cost.**")
    assert "62% to 90% of the doubt" in text and "decides for none of 2" in text
    # One that is decided is not enough: the cheapest must be
    half = OPEN.assign(decides=[False, True])
    assert "none can be recommended" in said.recommended(SUMMARY, half, NAMES, "now")
    assert "without a range" in said.doubted(OPEN.assign(share=0.3))


def test_the_cheapest_is_recommended_where_the_evidence_decides():
    text = said.recommended(SUMMARY, SURE, NAMES, "now", "home")
    assert text == ("**An approved list costs least, and can be recommended for it.** The "
                    "proposal, a home of our own, costs £110,000 more than an approved list.")
    alone = SURE.assign(decides=[True, False])
    assert "costs less than “Carry on as now”" in said.recommended(SUMMARY, alone, NAMES, "now")
    assert "still is not decided" in said.recommended(SUMMARY, alone, NAMES, "now")


def test_the_reference_and_a_difference_within_its_error_are_no_saving():
    dear = SUMMARY.assign(mean=[1.9e6, 1.94e6, 2.05e6])
    same = SUMMARY.assign(saving_error=40_000)
    for summary in (dear, same):
        text = said.recommended(summary, SURE, NAMES, "now")
        assert text == "**No option is clearly cheaper than “Carry on as now”.**"
    assert "about as much (8" in said.costed(same, ["list"], NAMES, "now", "a to b", "a")[1]


def test_cost_has_its_range_and_the_loss_if_it_is_not_the_cheapest():
    points = said.costed(SUMMARY, ["list", "list"], NAMES, "now", "2025-26 to 2028-29",
                         "2025-26")
    assert points == [
        "**“Carry on as now”** has a net present cost of £2.0m (8 chances in 10: £1.8m to £2.2m) "
        "over 2025-26 to 2028-29, at 2025-26 prices.",
        "**An approved list**, on the figures assumed, costs £60,000 less (8 chances in 10: "
        "£20,000 more to £130,000 less). It is the cheapest in 7 of 10 worlds; in the others it "
        "costs £40,000 more than the cheapest on average."]
    (alone,) = said.costed(SUMMARY, ["now"], NAMES, "now", "a to b", "a")
    assert "It is the cheapest in 2 of 10 worlds; in the others it costs £80,000 more" in alone
    barred = SUMMARY.assign(probability_best=[np.nan, 0.9, 0.1])
    assert said.lost(barred.loc["now"]) == "It cannot be chosen."


def test_weighed_together_a_lead_in_most_weights_can_be_recommended_and_no_less():
    judged = said.weighed(RANKING, FIRST, FIRST, WEIGHTS.assign(quality="judgement"), NAMES)
    assert judged.startswith("**Weighed with what else counts, an approved list comes first in 6 "
                             "of 10 sets of weights, and can be recommended for it**")
    # Weights that are all invented recommend nothing
    text = said.weighed(RANKING, FIRST, FIRST, WEIGHTS, NAMES, "home")
    assert "10 sets of weights**; the weights are invented, for members to set." in text
    assert "recommended" not in text
    assert "(invented, for members to set), an approved list comes first with 90 points" in text
    assert text.endswith("The proposal, a home of our own, comes first in 1 of 10 sets of weights.")
    # Most of any weights are not enough where the order given puts another first
    other = pd.Series({"now": 0.55, "list": 0.35, "home": 0.1})
    for pair in ((FIRST, other), (other, FIRST)):
        split = said.weighed(RANKING, *pair, WEIGHTS, NAMES)
        assert "no option is clearly ahead" in split and "recommended" not in split


def test_what_would_turn_it_takes_a_sought_value_before_a_straight_line():
    text = said.turned(ROBUST, SWITCHES, SUMMARY.loc["list"], "list", NAMES, "now")
    assert text == (
        "Any one of these alone would make an approved list cost more than “Carry on as now”:\n\n"
        "* **Share who join** below 42%, not 60%\n* **Transport** above about £2,900, not £2,000"
        "\n\nWith one weight changed alone, another option would come first:\n\n"
        "* **Days to wait** 55% of the weight, not 20%: “Carry on as now”")
    same = said.turned(ROBUST, SWITCHES, SUMMARY.loc["list"].replace(5_000, 50_000), "list", NAMES,
                       "now")
    assert "about as much on average" in same and "42%" not in same
    none = said.turned([], pd.DataFrame(), SUMMARY.loc["home"], "home", NAMES, "now")
    assert none == ("Within its range (8 chances in 10) no single assumption that was tried would "
                    "make a home of our own cost less than “Carry on as now”.")


def test_finding_out_is_worth_pounds_only_where_it_stands_out():
    text = said.finding(EVPPI, 81_234.0)
    assert "transport (up to £12,000)" in text and "share who join" not in text
    assert "what a study would cost is not known" in text and "£81,200" in text
    assert "no clear worth" in said.finding(EVPPI.assign(error=1e5), 0.0)
    shown = views.finding(EVPPI)["Worth finding out, at most"]
    assert list(shown) == ["£12,000", "no clear worth"]


def test_doubt_is_shared_out_and_luck_is_named():
    text = said.explained(SHARES, "a list", "now")
    assert "50% goes with transport (borrowed); 48% is other figures" in text and "join" not in text
    frame = views.shares(SHARES)
    assert frame["Share of the doubt"].sum() == pytest.approx(100)
    assert frame["It is"].tolist() == ["borrowed", "a judgement", ""]


def test_regret_says_the_worst_state_of_the_choice_that_is_safest():
    least = Minimax("list", 15_000.0, None, 0.0)
    assert said.regretted(REGRET, least, "home", NAMES) == (
        "Over these states the smallest worst shortfall is that of an approved list: £15,000 "
        "(“Prices high”). That of a home of our own is £112,000 (“As expected”).")
    never = REGRET.assign(**{"prices high": [1.0, 0, 1]})
    assert "none, as it is the cheapest" in said.regretted(never, least, "list", NAMES)
    frame = views.regret(REGRET, LABELS, ["now", "list", "now"])
    assert list(frame.columns) == ["State", "Cheapest", "Carry on as now", "An approved list"]
    assert frame["Cheapest"].tolist() == ["An approved list", "Carry on as now", ""]
    assert frame.iloc[-1, 2:].tolist() == [60, 15]


def test_risks_that_rise_or_stay_red_are_named():
    text = said.risked(RISKS, "open_framework")
    assert text == ("With what is proposed 1 of 3 risks is rated lower. Rated higher: late. Red "
                    "with it: few join. 1 rated on one side only.")
    shown = views.risks(RISKS, "open_framework")
    assert shown["Without the proposal"].tolist() == ["Green: low", "Red: high", "not rated"]


def test_options_that_cannot_be_chosen_are_said_once_a_reason():
    failed = pd.DataFrame({"option": ["stop", "now"], "label": ["Stop buying", "Carry on as now"],
                           "factor": "Lawful", "why": "some are ordered by courts"})
    assert said.unable(failed) == ["**Stop buying and Carry on as now** cannot be chosen: “Lawful” "
                                   "is not met. Some are ordered by courts."]
    assert said.barred(failed.iloc[:0]) == []


def test_a_headline_says_what_it_rests_on_and_what_turns_it():
    assert said.rests(TORNADO) == "Transport (borrowed) and share who join (published)."
    assert said.swung(TORNADO, 1) == ("One alone, from its low to its high: transport, −£40,000 to "
                                      "£60,000.")
    assert said.turns(SWITCHES, ROBUST) == (
        "Any of these alone turns which costs less: share who join at 42% (assumed: 60%); "
        "transport at about £2,900 (assumed: £2,000).")
    assert said.turns(SWITCHES, clear=False).startswith("The two cost about as much")
    assert said.turns(pd.DataFrame()).startswith("Within its range (8 chances in 10) no single")
    pair = ("a list", "“now”")
    assert "turns which of a list and “now” costs less: share" in said.turns(SWITCHES, pair=pair)
    assert said.turns(SWITCHES, clear=False, pair=pair).startswith("A list and “now” cost about")
    assert "stands out" in said.rests(TORNADO.iloc[:0])


def test_an_investment_that_half_never_repays_says_so():
    invest = pd.DataFrame({"capital": [530_488.0, 1e6], "payback": [np.nan, 6.0],
                           "npv_p10": [-3.1e6, 1e5], "npv_p50": [-1.2e6, 4e5],
                           "npv_p90": [5.5e5, 9e5], "chance": [0.185, 0.93]},
                          index=["home", "list"])
    text = said.invested(invest, NAMES)
    assert "£530,000 of capital" in text and "never pays back" in text and "2 of 10" in text
    assert "pays back in about 6 years" in text
    assert views.invested(invest, LABELS)["Pays back in"].tolist() == ["half or more never",
                                                                       "6 years"]


def test_the_discount_rate_says_whether_it_is_in_force():
    rate = SimpleNamespace(central_value=lambda: 0.035, source="Green Book", note="In force")
    text = said.discounted(rate, "2025-26")
    assert "3.5% a year (Green Book)" in text and text.endswith("In force.")


def test_tables_and_charts_take_the_frames():
    answer = views.answers(SUMMARY.assign(probability_best=[np.nan, 0.9, 0.1]), OPEN, LABELS, "now",
                           "list")
    assert answer["Option"].iloc[1] == "An approved list (proposed)" and "Evidence" not in answer
    assert answer["Cheapest in"].iloc[0] == "cannot be chosen"
    assert views.answers(SUMMARY, SURE, LABELS, "now")["Evidence"].tolist() == [
        "", "decides", "decides"]
    weights = views.weights(WEIGHTS)
    assert weights["Weight"].sum() == pytest.approx(100)
    assert weights["Source"].tolist() == ["Invented", "Report"]
    paid = pd.DataFrame({"now": [1e5, 2e5], "list": [3e5, 0]}, index=["grant", "general_fund"])
    funds = views.funded(paid, LABELS)
    assert funds["All"].tolist() == [300, 300] and "General fund" in funds
    assert "All" not in views.funded(paid.iloc[:1], LABELS)
    judged = views.scored(
        pd.DataFrame({"wait": [10.24, 8.0], "fair": [30.0, 90.0]}, index=["now", "list"]),
        pd.DataFrame({"wait": [0.0, 100.0], "fair": [30.0, 90.0]}, index=["now", "list"]),
        {"wait": {"label": "Days", "from": "days"}, "fair": {"label": "Fair"}}, LABELS)
    assert judged.iloc[0].tolist() == ["Carry on as now", "10.2 days (0)", "30 (30)"]
    for view in (views.costs(SUMMARY, LABELS), views.saved(SUMMARY, LABELS, "now")):
        chart = outlook.dots("x", view[0], title="t", subtitle="s", alt="more than t", **view[1])
        assert len(chart.data) in (2, 3)
    assert not re.search(r"\bnan\b", tables.Table("a", "b", answer).markdown())


def test_an_option_beside_the_others_competes_with_none():
    beside = SUMMARY.assign(probability_best=[0.2, 0.8, np.nan], expected_loss=[6e4, 1e4, np.nan])
    answer = views.answers(beside, OPEN, LABELS, "now")
    assert answer["Cheapest in"].tolist()[2] == "goes with any other"
    assert said.cheapest(beside, OPEN.assign(decides=[True, False]), "now") == ("list", True, True)
    scored = views.scored(pd.DataFrame({"wait": [10.24, 8.0]}, index=["now", "home"]),
                          pd.DataFrame({"wait": [50.0]}, index=["now"]),
                          {"wait": {"label": "Days", "from": "days"}}, LABELS)
    assert scored["Days"].tolist() == ["10.2 days (50)", "8.0 days"]


def test_what_is_left_of_capital_is_no_cash_of_a_year():
    shown = views.yearly(pd.DataFrame({"home": [5e5, -4e5]}, index=["2025-26", "value left"]),
                         LABELS)
    assert list(shown.columns) == ["Option", "2025-26", "Value left"]


def test_switching_values_say_on_which_money():
    assert "yearly cost" in views.sought(pd.DataFrame({"name": ["joins"]}))
    assert "present" in views.sought(pd.DataFrame({"name": ["appraisal.options.home.running"]}))


def test_results_hold_what_headlines_tie_to():
    found = views.results(SUMMARY, pd.DataFrame()).set_index("option")
    assert found.at["list", "loss"] == pytest.approx(40_000)
    cell = views.cell("list", "loss")
    assert cell["where"] == {"option": "list"} and cell["column"] in found
