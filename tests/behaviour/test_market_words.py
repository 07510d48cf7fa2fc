"""Sentences and tables of a market: known frames in, the words a cabinet member reads once."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sufficiency.case.procurement import BELOW, FLAG
from sufficiency.report import charts, outlook, tables
from sufficiency.report import market_views as views
from sufficiency.report import market_words as said
from sufficiency.report import procurement_words as legal

LABELS = {"spot": "Spot purchase", "open": "Open framework", "dps": "DPS", "block": "Block"}
COLUMNS = ["saving", "error", "p10", "p90", "chance", "local", "small", "days", "unplaced",
           "distance", "members"]  # fmt: skip
FOUND = pd.DataFrame(
    [[0, 0, 0, 0, 0, 0.6, 0.4, 30, 0.031, 12, 0],
     [12_345, 800, -3_210, 30_400, 0.72, 0.45, 0.405, 24, 0.02, 14, 18.2],
     [500, 800, -9_000, 9_500, 0.52, 0.6, 0.4, 30, 0.03, 12, 20],
     [-52_345, 100, -80_000, -20_000, 0.001, np.nan, np.nan, np.nan, 0.0, np.nan, 0]],
    columns=COLUMNS, index=LABELS,
).assign(saving_new=[0, 11_000, 400, -50_000], saving_buying=[0, 1_345, 100, -2_345],
         saving_existing=0, saving_new_error=800, saving_existing_error=0, saving_buying_error=0,
         registered=0.9, quality=0.7, hhi=1_200, top=0.2, void_place_years=0)  # fmt: skip
EVIDENCE = pd.DataFrame({"share": [0.3, 0.71, 0.2], "decides": [True, False, True]},
                        index=["open", "dps", "block"])
SWITCHES = pd.DataFrame(
    {"value": [0.42, 0.083, None, None], "unit": ["share", "ratio", "months", "share"],
     "says": ["saves above", "saves above", "costs throughout", "saves throughout"],
     "central": [0.6, 0.0, 14.0, 0.2], "low": [0, -0.2, 0, 0], "high": [1, 0.5, 36, 1]},
    index=["Share of providers who join", "Spot premium", "Delay", "Leakage"])
CAUSES = pd.DataFrame({"spot": 0.0, "open": [-15_000, 2_500, 155, 0.0]},
                      index=["price agreed", "contract management", "transport", "reserved places"])
TORNADO = pd.DataFrame({"label": ["Premium", "Hours"], "low": [-4e4, 9e3], "high": [6e4, 15_300],
                        "central": 12_345.0, "crosses_zero": [True, False]}, index=["p", "h"])


@pytest.mark.parametrize(("value", "error", "text"), [
    (12_345, 0, "£12,300"), (12_345, 800, "£12,000"), (-2_500, 1_200, "£2,000"), (0.2, 0, "£0"),
    (999_900, 0, "£1.0m"), (964_000, 1e5, "£1.0m"), (12.34e6, 3e5, "£12m"),
    (1.26e6, 0, "£1.3m"), (87.3, 0, "£87"),
])  # fmt: skip
def test_pounds_are_no_finer_than_they_are_known(value, error, text):
    assert said.pounds(value, error) == text


def test_a_dearer_route_costs_more_and_a_range_may_do_both():
    assert said.cost(12_345) == "£12,300 less" and said.cost(-400, 100) == "£400 more"
    assert said.cost(199, 100) == said.cost(0) == "no clear difference"
    assert said.between(-3_000, 30_000) == "£3,000 more to £30,000 less"
    assert said.between(-9_000, -3_000) == "£3,000 to £9,000 more"
    assert said.between(3_000, 9_000) == "£3,000 to £9,000 less"
    assert said.between(-3_000, -3_000) == "about £3,000 more"


def test_the_headline_is_a_saving_where_the_evidence_decides():
    sure = EVIDENCE.loc["open"]
    text = said.headline("Open framework", FOUND.loc["open"], sure, SWITCHES, "spot")
    assert text == ("**Open framework would cost £12,000 a year less than spot.** Range, 8 chances "
                    "in 10: £3,000 more to £30,000 less. In 7 of 10 simulated worlds it saves.")
    same = said.headline("DPS", FOUND.loc["dps"], sure, SWITCHES, "spot")
    assert same.startswith("**There is no clear difference in cost between DPS and spot.**")
    dear = said.headline("Block", FOUND.loc["block"], sure, SWITCHES, "spot")
    assert dear.startswith("**Block would cost £52,300 a year more than spot.**")
    assert dear.endswith("In less than 1 of 100 simulated worlds it saves.")


def test_the_headline_is_the_switching_value_where_it_does_not():
    text = said.headline("DPS", FOUND.loc["dps"], EVIDENCE.loc["dps"], SWITCHES, "spot")
    assert text == (
        "**The evidence does not decide whether DPS costs less than spot.** 71% of the doubt comes "
        "from figures that are borrowed, judged or illustrative, so no saving is claimed. On "
        "central assumptions it would cost less. Any one of these alone would make it cost more:"
        "\n\n* **Share of providers who join** below 42%, not 60%\n* **Spot premium** below "
        "8.3%, not 0%\n\nTried, and would not: delay and leakage.")
    assert said.needs(SWITCHES[:2], False) == (
        "On central assumptions it would cost more. Any one of these alone would make it cost "
        "less:\n\n* **Share of providers who join** above 42%, not 60%\n* **Spot premium** "
        "above 8.3%, not 0%")
    assert said.needs(SWITCHES[3:], True) == (
        "On central assumptions it would cost less. No single figure that was tried would make it "
        "cost more.\n\nTried: leakage.")
    rests = said.headline("DPS", FOUND.loc["dps"], EVIDENCE.loc["dps"] * [0.5, 1], SWITCHES, "spot")
    assert "It rests on figures that are borrowed, judged or illustrative, so no" in rests


def test_which_routes_beat_the_reference():
    text = said.beat(FOUND, EVIDENCE.drop("block"), LABELS, "spot").split("\n")
    assert text == [
        "* **Cheaper on average than spot purchase:**",
        "    * Open framework: £12,000 less on average; £3,000 more to £30,000 less; saves in 7 of "
        "10 worlds",
        "* **The evidence does not decide:**",
        "    * DPS: £9,000 more to £10,000 less; saves in 5 of 10 worlds",
        "    * Block: £20,000 to £80,000 more; saves in less than 1 of 100 worlds"]
    sure = said.beat(FOUND, EVIDENCE.assign(decides=True), LABELS, "spot")
    assert "**No clear difference:**\n    * DPS: £9,000" in sure
    assert "**Dearer on average than spot purchase:**\n    * Block: £52,300 more" in sure


def test_what_it_depends_on_and_is_made_of():
    assert said.depends(TORNADO) == (
        "The difference depends most on premium (£100,000 a year between its low and its high) "
        "and hours (£6,300 a year). Alone, premium can change which costs "
        "less.")
    assert said.causes(CAUSES["open"]) == "price agreed £15,000 less and contract management " \
        "£2,500 more"  # fmt: skip
    assert said.causes(CAUSES["open"], 1e5) == said.causes(CAUSES["spot"]) == said.SAME
    assert said.widest(CAUSES["open"]) == "Price agreed is the largest cause: £15,000 a year less"
    text = said.ideal("Open framework", CAUSES["open"], "spot")
    assert "open framework keeps an advantage: it costs £12,300 a year less than spot. By" in text
    text = said.ideal("Open framework", -CAUSES["open"], "spot")
    assert "has no advantage left: it costs £12,300 a year more than spot." in text
    assert "there is no clear difference" in \
        said.ideal("Open framework", CAUSES["open"], "spot", 7e3)  # fmt: skip


def test_able_providers_and_the_start():
    shares = pd.DataFrame([[0.05, 0.23, 0.3, 0.42]], index=["iss"])
    assert said.able(shares, {"iss": "Schools"}) == (
        "Two or more providers could serve 72% (schools) of requests. For the rest no route can "
        "make providers compete.")
    both = pd.concat([shares, pd.DataFrame([[0, 0.04, 0.3, 0.66]], index=["ap"])])
    assert "72% (schools) to 96% (AP) of requests" in said.able(
        both, {"iss": "Schools", "ap": "AP"})
    bars = views.able(shares, {"iss": "Schools"})
    assert bars.columns.tolist() == ["Requests for", "None", "One", "Two", "Three or more"]
    assert bars.iloc[0, 0] == "Schools"
    assert bars.iloc[0, 1:].tolist() == pytest.approx([5, 23, 30, 42])
    record = {"a": {"label": "North Yorkshire", "months_late": 11, "source": "notice"}}
    text = legal.start(np.linspace(4, 16, 101) + 0.0, record, {"month": "2026-01"}, 0.8)
    assert text == ("**The chance of missing January 2026 is 8 in 10.** The start is likely to be "
                    "5 to 15 months late (8 chances in 10). Others were late too: North Yorkshire "
                    "(11 months).")  # fmt: skip
    assert "likely to be up to 9 months late" in legal.start(np.linspace(-1, 10, 111), {})
    late = {"month": "2026-01", "planned": "2024-09"}
    assert legal.start(np.zeros(9), {}, late, 0.8).startswith(
        "**Seen from September 2024, the chance of missing January 2026 is 8 in 10.**")
    assert legal.start(np.zeros(9), {}) == "The start is expected as planned."
    assert views.record(record)["Months late"].tolist() == [11]
    assert said.joining("DPS", FOUND.loc["dps"], 0.1) == (
        "By the end 20 providers are expected on the list. The chance that nothing is awarded is 1 "
        "in 10.")


def test_displacement_service_and_challenge_against_the_reference():
    assert said.displaced(FOUND, "open", "spot", LABELS) == (
        "Of new spending on open framework, compared with spot purchase: local providers 45% (15 "
        "points less) and small providers 40% (no clear change).")
    assert said.displaced(FOUND, "block", "spot", LABELS).endswith("none with a provider.")
    assert said.service(FOUND, "open", "spot", LABELS) == (
        "With open framework, against spot purchase, a request takes 6 days less to place, is "
        "served 2 miles farther away and is 1 percentage point less likely to find no place.")
    assert said.service(FOUND, "block", "spot", LABELS).endswith(
        "a request is 3 percentage points less likely to find no place.")
    assert said.service(FOUND, "dps", "spot", LABELS).endswith(
        "a request has no clear difference in days, distance and places not found.")
    risk = {"spot": {"expected": 5_000, "if_claimed": 90_000}, "open": {"expected": 400}}
    assert legal.challenge(risk, "open", "spot", LABELS).endswith(
        "£400 a year on open framework and £5,000 a year on spot purchase. A claim, if it came, "
        "would cost about £90,000.")
    less = np.full(50, 4e5)
    assert said.deficit("DPS", less, "spot", decides=False).startswith(
        "If the assumptions held, with DPS instead of spot, the high needs deficit would be "
        "£400,000 less (")
    assert said.deficit("DPS", np.zeros(50), "spot").startswith(
        "With DPS instead of spot, there is no clear difference in the high needs deficit")
    assert said.deficit("DPS", None, "spot").startswith("The case has no high needs account")
    flat = SimpleNamespace(best=17, flat=(16, 17, 18))
    assert said.block("Homes", flat) == (
        "Homes: the cheapest block is 17 places; any from 16 to 18 costs within 1% of it.")
    none = SimpleNamespace(best=4, flat=(0, 4))
    assert said.block("Tests", none, True) == (
        "Tests: no number of reserved cases a year is measurably cheaper than none (the least "
        "mean cost is at 4).")


def test_what_needs_no_list_and_who_pays():
    assert said.unlisted(FOUND, "open", ["block"], LABELS).startswith(
        "On these assumptions block, which needs no list, costs £65,000 a year more than open "
        "framework.")
    assert said.unlisted(FOUND, "open", [], LABELS) == ""
    better = said.unlisted(FOUND, "block", ["open"], LABELS)
    assert "a year less than block: what is gained by comparing prices" in better
    assert said.funds("DPS", 3e5, -1e5, "spot") == (
        "If the assumptions held, DPS against spot: fees £300,000 a year less; officers, tenders "
        "and transport, which other funds pay, £100,000 a year more.")


def test_the_law_is_flagged_to_the_pound_and_never_called_a_breach():
    limit = SimpleNamespace(said="£663,540 excluding VAT", category="light_touch")
    spend = pd.Series({"user_choice": 0.0, "court_ordered": 21_500.0, "unjustified": 1e6})
    tests = pd.DataFrame([["light_touch", "recurring", "all", 1.0, 1_021_500.0, True],
                          ["light_touch", "framework", "all", 4.0, 4_086_000.0, True],
                          ["sub_central", "framework", "all", 4.0, 4_086_000.0, True]],
                         columns=["category", "valuation", "spend", "years", "value", "reached"])
    whole = SimpleNamespace(spend=spend, tests=tests, conclusion=FLAG)
    text = legal.aggregation(whole, limit, "2021-05")
    assert text.startswith("**Flag for legal advice.**") and "breach" not in text
    assert ("£1,021,500 a year excluding VAT, £21,500 of it chosen by families or ordered by "
            "courts. The light touch threshold in May 2021 is £663,540 excluding VAT: bought as "
            "now, £1,021,500 over 1 year is above it; as a framework, £4,086,000 over 4 years is "
            "above it.") in text
    whole.conclusion = BELOW
    assert legal.aggregation(whole, limit, "2021-05").startswith("These purchases come to")
    assert legal.sterling(613_990_000) == "£614.0m"
    assert legal.advertised({"value_ex_vat": 613_990_000, "value_inc_vat": 736_788_000, "years": 8,
                            "source": "notice"}) == (
        "Its notice put its value at £614.0m excluding VAT, £736.8m including it, over 8 years "
        "(notice).")
    found = [SimpleNamespace(said=text, source=source, kind=kind) for text, source, kind in (
        ("The 2015 Regulations apply.", "SI 2015/102", "rule"),
        ("Not seen: the Code.", "", "blank"), *2 * [("They bind.", "SI 2015/102", "rule")],
        ("Above the threshold.", "Notice", "warning"))]  # fmt: skip
    assert legal.law(found) == (
        "* **Flag:** Above the threshold. (Notice)\n* Not read: the Code.\n"
        "* The 2015 Regulations apply. (SI 2015/102)\n* They bind. (SI 2015/102)")
    assert legal.law(found, ["rule"]).startswith("* The 2015")
    assert views.law(found).to_numpy().tolist() == [
        ["The 2015 Regulations apply. They bind.", "SI 2015/102"]]
    same = tests.assign(value=5e7, years=8.0)
    assert list(legal.ways(same[:2]).items()) == [
        ((5e7, "8 years", True), "bought as now or as a framework")]
    tests["said"] = "£1 excluding VAT"
    tests["spend"] = "unjustified"
    assert views.sums(tests).to_dict("records")[1] == {
        "Counted": "What the council chooses", "How": "As a framework, 4 years",
        "Sum": "£4,086,000", "Light-touch, £1 excluding VAT": "above",
        "Sub-central, £1 excluding VAT": "above"}
    assert said.limits(EVIDENCE).startswith("* For 1 of 3 routes, weak figures")
    assert said.limits(EVIDENCE[:1]).startswith("* Providers are simulated")


def test_tables_and_charts_take_the_frames():
    costs = views.savings(FOUND, EVIDENCE, LABELS, "spot").set_index("Route")
    assert costs.loc["Open framework"].tolist() == [
        "£12,000 less", "£3,000 more to £30,000 less", "7 in 10", "£11,000 less", "£1,340 less",
        "decides"]  # fmt: skip
    assert costs.at["DPS", "Evidence"] == "does not decide"
    frames = [costs.reset_index(), views.service(FOUND, LABELS), views.providers(FOUND, LABELS),
              views.by_cause(CAUSES, LABELS), views.switching(SWITCHES)]  # fmt: skip
    assert all(tables.Table("t", "Caption", frame).markdown() for frame in frames)
    assert frames[-1]["Where it saves"].tolist() == [
        "above 42%", "above 8.3%", "costs more throughout", "saves throughout"]  # fmt: skip
    assert not {"Registered", "Quality, of 100"} & {*frames[1]}, "the same on every route"
    assert frames[2].columns.tolist() == ["Route", "Local", "Small", "On the list"]
    assert frames[3]["Cause"].tolist()[-2:] == ["Transport", "All causes"]
    how = views.reading(frames[3])
    assert set(how["decimals"].values()) == {1} and "reserved" not in how["note"]
    wide = views.by_cause(CAUSES.mul(100).replace(0, 1e3), LABELS)
    how = views.reading(wide)
    assert set(how["decimals"].values()) == {0} and "reserved places together" in how["note"]
    assert views.doubt(EVIDENCE.assign(low=0.2, high=0.8), LABELS).iloc[1].tolist() == [
        "DPS", "71%", "20% to 80%"]
    text = said.doubt(EVIDENCE, 3)
    assert "make 20% to 71% of the doubt (variance), by route" in text and "for 2 of 3" in text
    words = {"title": "Title", "subtitle": "Under it", "alt": said.ranges(FOUND, LABELS, "spot")}
    frame, how = views.saved(FOUND, LABELS, "spot")
    assert how == {"unit": "£k", "decimals": 0} and frame.at["Open framework", "low"] == -3.21
    assert outlook.dots("dots", frame, line=(0, "the same"), **how, **words).svg()
    steps, how = views.causes(CAUSES, "open", LABELS, "spot")
    assert list(steps.index) == ["Spot purchase", "Price agreed", "Contract management",
                                 "Smaller causes", "Open framework"]  # fmt: skip
    assert charts.bridge("bridge", steps, **how, **words).svg()
    swung, base, how = views.swings(TORNADO)
    assert charts.tornado("tornado", swung, base, **how, **words).svg() and base == 12.345
    assert said.swings(TORNADO) == "premium £40,000 more to £60,000 less; hours £9,000 to " \
        "£15,300 less."  # fmt: skip


def test_an_event_table_names_no_provider_and_keeps_the_last_try():
    fields = ["route", "month", "call_off", "complex", "urgent", "reach", "able", "stage",
              "provider", "price", "days", "hours"]  # fmt: skip
    rows = [["spot", 0, 0, 0, 1, 0, 3, 0, 7, 61_234.0, 12, 1], ["open", 0, 0, 0, 1, 0, 3, 1, 7,
            61_234.0, 12, 1], ["spot", 3, 1, 1, 0, 1, -1, -1, 4, 50_000.0, 0, 0],
            ["open", 3, 1, 1, 0, 1, -1, -1, 4, 50_000.0, 0, 0],
            ["spot", 11, 2, 0, 0, 0, 0, -1, -1, 0.0, 0, 2], ["spot", 12, 2, 0, 0, 0, -1, -1, -1,
            0.0, 30.4, 2], ["open", 11, 2, 0, 0, 0, 0, -1, -1, 0.0, 0, 2],
            ["open", 12, 2, 0, 0, 0, -1, 2, 9, 70_049.0, 40.4, 2],
            ["dps", 0, 0, 0, 1, 0, 3, 0, 2, 1.0, 12, 1]]  # fmt: skip
    table = views.events(pd.DataFrame(rows, columns=fields), ["spot", "open"], LABELS,
                         ["open market", "ranked list", "then the market"], "2026-04")
    assert table.to_dict("list") == {
        "Month": ["April 2026", "July 2026", "March 2027"],
        "Need": ["Urgent", "Complex, named by the family", "Ordinary"],
        "Able to serve": ["3", "no choice", "0"],
        "Spot purchase": ["Provider A, open market, £61,200, 12 days", "Provider B, £50,000",
                          "not placed"],
        "Open framework": ["Provider A, ranked list, £61,200, 12 days", "Provider B, £50,000",
                           "Provider C, then the market, £70,000, 40 days"]}  # fmt: skip
    assert said.seen(table, "Spot purchase", "Open framework").startswith(
        "Of the 3 requests shown, 2 end with the same provider on both routes.")


def test_what_a_year_of_delay_costs():
    assert legal.delayed("An open framework", -12_000, 900) == (
        "Opening a year late instead of in time, an open framework would cost £12,000 more a year.")
    assert legal.delayed("DPS", -900, 700).endswith("makes no clear difference to the cost of DPS.")
