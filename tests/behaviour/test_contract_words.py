"""Sentences and tables on contracts: what a board reads, and no supplier's price."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sufficiency.case.procurement import BELOW, FLAG
from sufficiency.model.contracts import estate
from sufficiency.report import contract_views as views
from sufficiency.report import contract_words as said

YEARS, DAY = ("2020-21", "2021-22"), date(2022, 4, 25)
SPEND = pd.DataFrame(
    [(f"Provider {n}", f"Owner {n // 2}", "Care", kind, year, amount * size)
     for n, (size, kind) in enumerate([(9, "block"), (4, "framework"), (3, "framework"),
                                       (2, "framework"), (1, "spot"), (1, "spot"), (1, "spot")])
     for year, amount in zip(YEARS, (90_000.0, 100_000.0), strict=True)],
    columns=["supplier", "owner", "category", "kind", "financial_year", "amount"])
KINDS = pd.DataFrame(
    {"in_place": [2, 90, 2, 120], "started": [0, 40, 1, 44], "spend_share": [0.0, 0, 0.92, 0.08]},
    index=pd.MultiIndex.from_product([YEARS, ["framework", "spot"]],
                                     names=["financial_year", "kind"]))
CONTRACTS = pd.DataFrame([
    ("a", "Approved list", "framework", date(2023, 8, 31), date(2022, 2, 28), -38, "Review", "now"),
    ("b", "Short breaks", "block", date(2022, 9, 30), date(2021, 3, 30), -269, "Tender", "overdue"),
    ("c", "Children in care", "framework", date(2024, 3, 31), date(2022, 9, 30), 110, None, "next"),
    ("d", "Advocacy", "grant", date(2025, 3, 31), date(2023, 9, 29), 370, None, "later"),
], columns=["reference", "title", "kind", "end", "starts", "working_days", "stage", "status"])
GAPS = pd.DataFrame([
    ("b", "Short breaks", "P1", date(2022, 9, 30), "e", date(2022, 12, 1), 2.0, 6e5, 101_917.81,
     True),
    ("a", "Approved list", "many", date(2023, 8, 31), None, None, np.nan, 2.75e7, np.nan, False),
], columns=["reference", "title", "supplier", "end", "next_reference", "next_start", "months",
            "annual_value", "exposed", "extension_closes"])
VOIDS = pd.DataFrame([
    ("b", "Short breaks", "Provider 0", 12.0, 6.0, 0.5, 6.0, 4_690.0, 123_456.0)],
    columns=["reference", "title", "supplier", "places", "children", "occupancy", "void_places",
             "price_per_week", "void_cost"])
TESTS = pd.DataFrame([("light_touch", True, "£663,540 including VAT", "SI 2021/1221")],
                     columns=["category", "inc_vat", "said", "source"])
TOGETHER = {name: SimpleNamespace(
    conclusion=end, tests=TESTS, spend=pd.Series(
        {"user_choice": 0.0, "court_ordered": 0.0, "in_contract": 5e6, "unjustified": 9_298_765.0}))
    for name, end in (("Residential care", FLAG), ("Foster care", BELOW))}
BOUGHT = pd.DataFrame({"category": ["Residential care", "Foster care"], "purchases": [71, 12]})
LABELS = {"forms": "Best-value forms", "list": "An approved list"}
REACH = pd.DataFrame(
    {"mean": [71.4, 72.0], "p10": [64.0, 65], "p90": [79.0, 80]},
    index=pd.MultiIndex.from_tuples([("All boards", "forms"), ("All boards", "list")]))
FURTHER = pd.DataFrame({"mean": [0, 0.6], "error": [0, 0.1], "p10": [0, -2.0], "p90": [0, 3.6],
                        "whole": [0, 0.1]}, index=["forms", "list"])


@pytest.fixture
def growth():
    return estate.growth_split(SPEND, YEARS)


# Sentences

def test_growth_is_said_with_its_parts(growth):
    assert said.spent(growth, YEARS) == (
        "Spend was £2.1m in 2021-22, up £210,000 (11.1%) from 2020-21.")
    assert said.split(growth) == "Of the change, suppliers: the 7 who stayed added £210,000."
    alone = SimpleNamespace(status=pd.DataFrame(
        {"names": [2, 1, 1, 4], "change": [1e3, 2e3, -3e3, 0.0]},
        ["continuing", "new", "gone", "all"]))
    assert said.split(alone) == (
        "Of the change, suppliers: the 2 who stayed added £1,000, the one who is new added £2,000 "
        "and the one who left took off £3,000.")
    assert said.causes(growth).startswith("Not estimated")
    causes = pd.Series({"volume": 3e5, "mix": -1e5, "price": 1e4})
    assert said.causes(SimpleNamespace(causes=causes)) == (
        "By cause: more or fewer places added £300,000, dearer or cheaper kinds of place took off "
        "£100,000 and prices added £10,000.")


def test_published_figures_alone_say_where_growth_was():
    found = {"value": 0.3047, "low": 0.288, "high": 0.3085, "rise": 30.6e6, "others": 30.37e6}
    assert said.rest(found, "Report, 6") == (
        "**The published figures alone show where the growth was.** They imply a rise of about "
        "£31m in a year, about £0.2m of it with the ten largest suppliers. Spend with all "
        "others therefore grew by about 30% (29% to 31%, as the published figures are rounded). "
        "Source: Report, 6.")


def test_a_change_that_may_be_chance_is_said_to_be():
    text = said.spot(KINDS, YEARS, estate.change(40, 44))
    assert text.startswith("120 spot contracts were in place at some time in 2021-22, 90 in "
                           "2020-21; 44 were new, 40 the year before (10% more; 95% interval ")
    assert text.endswith("more). By itself that could be chance.")
    sure = said.spot(KINDS.assign(started=[0, 40, 1, 400]), YEARS, estate.change(40, 400))
    assert "chance" not in sure


def test_fewer_than_eight_spot_contracts_are_not_counted():
    few = KINDS.assign(in_place=[2, 9, 2, 5], started=[0, 4, 1, 2])
    assert said.spot(few, YEARS, estate.change(4, 2)) == (
        "Fewer than eight spot contracts were in place at some time in 2021-22, 9 in 2020-21.")
    shown = views.kinds(few, YEARS)
    assert shown.set_index("Kind").loc["Spot"].isna().tolist() == [False, True, True, True]
    assert views.few(pd.Series([12, 7])) == said.FEW and not views.few(pd.Series([0, 8]))


def test_what_must_start_is_counted_by_how_urgent():
    assert said.started(CONTRACTS, DAY) == (
        "On 25 April 2022, 1 contract is late in being recommissioned, 1 more should be at work "
        "now and 1 more must start within six months. The first to end is Short breaks, on 30 "
        "September 2022.")
    assert views.pipeline(CONTRACTS)["Working days"].tolist() == ["38 ago", "269 ago", "110 ahead"]
    assert views.pipeline(CONTRACTS.assign(working_days=0))["Working days"][0] == "today"
    assert said.begun(CONTRACTS) == "2 contracts should be at work by now, 1 of them late"
    assert said.started(CONTRACTS[3:], DAY).startswith("On 25 April 2022, no contracts are late")


def test_gaps_and_empty_places():
    assert said.covered(GAPS) == (
        "2 contracts end before cover is in place again: 1 with no replacement on the register and "
        "1 with one that begins up to 2.0 months late. An extension of its own would close 1 of "
        "these gaps.")
    assert said.covered(GAPS[:0]).startswith("Every contract")
    assert said.exposed(GAPS) == ("These contracts are worth £28.1m a year; £102,000 falls in the "
                                  "gaps whose length is known.")
    assert said.empty(VOIDS) == (
        "Of 12 places in blocks, 6 are empty and cost about £123,000 a year.")


def test_a_sum_above_a_threshold_is_flagged_and_never_more():
    text = said.flagged(TOGETHER)
    assert text.startswith("**Flag for legal advice:** 1 of 2 kinds of purchase comes") and \
        "residential care" in text and "breach" not in text
    assert "none comes" in said.flagged({"Foster care": TOGETHER["Foster care"]})
    assert said.thresholds(TOGETHER) == (
        "Thresholds: £663,540 including VAT (light-touch), over one year and over four. VAT was "
        "not said and is counted at the standard rate. Source: SI 2021/1221.")


@pytest.mark.parametrize(("how", "value", "example", "met"), [
    ("at_least", 153e6, 153.2e6, True), ("at_least", 153e6, 152.9e6, False),
    ("at_least", 153e6, 160e6, False), ("at_most", 0.25, 0.247, True),
    ("at_most", 0.25, 0.22, False), ("at_most", 0.25, 0.251, False), ("about", 0.15, 0.1516, True),
    ("about", 0.15, 0.156, False), ("about", 0.01, 0.0149, True), ("at_least", 100, 380, True),
    ("about", 30, 30.0, True), ("about", 30, 31.0, False),
])  # fmt: skip
def test_rows_meet_a_published_figure_within_its_rounding(how, value, example, met):
    row = pd.Series({"how": how, "value": value, "example": example})
    assert said.agrees(row) == met


def test_boards_reach_is_undecided_where_the_evidence_is():
    market = SimpleNamespace(labels=LABELS, reference="forms", proposal="list")
    start = ("Bought with best-value forms, the budgets pay for about 71 programmes a year (8 "
             "chances in 10: 64 to 79). ")
    assert said.reached(REACH, FURTHER, market, False) == start + (
        "**The evidence does not decide whether an approved list reaches further:** 8 chances in "
        "10 are 2 fewer to 3.6 more.")
    assert said.reached(REACH, FURTHER, market, True) == start + (
        "With an approved list: 0.6 more (8 chances in 10 are 2 fewer to 3.6 more).")
    unsure = FURTHER.assign(error=1.0)
    assert "no clear difference" in said.reached(REACH, unsure, market, True)


def test_what_is_missing_is_said():
    assert said.missing("contract register") == "Not estimated: this case has no contract register."
    assert said.none(None, "gap") == said.missing("contract register")
    assert said.none(CONTRACTS, "gap") == "The register has no gap."
    assert "Not estimated" in said.basis("Example", {}, False)
    assert "no supplier" in said.basis("Example", {"spend": 1}, True)
    assert said.start(True) and not said.start(False)


# Tables: what each edition may show

def test_no_public_table_names_a_supplier_or_gives_one_its_money():
    both = {
        "gaps": [views.gaps(GAPS), views.gaps(GAPS, exempt=False)],
        "voids": [views.voids(VOIDS), views.voids(VOIDS, exempt=False)],
        "together": [views.together(TOGETHER, BOUGHT), views.together(TOGETHER, BOUGHT, False)],
    }
    for name, (exempt, public) in both.items():
        texts = [frame.to_csv() for frame in (exempt, public)]
        assert any(word in texts[0] for word in ("600.0", "Provider 0", "9298.765")), name
        assert not any(word in texts[1] for word in ("600", "Provider", "9298", "123")), name
    public = views.agenda(CONTRACTS, GAPS, VOIDS, TOGETHER).to_csv()
    assert "Provider" not in public and "Flag" not in public.split("\n")[1]


def test_few_children_in_a_block_are_not_counted_in_public():
    row = views.voids(VOIDS, exempt=False).iloc[0]
    assert (row["In use"], row["Empty"]) == ("1 to 7", "not shown")
    assert views.voids(VOIDS).iloc[0]["In use"] == "6"


def test_bands_of_suppliers_are_joined_until_none_tells_of_one():
    year = SPEND[SPEND["financial_year"] == YEARS[1]]
    shown = views.sizes(year)
    assert shown["Suppliers"].sum() == 7 and shown["Share of spend"].sum() == pytest.approx(100)
    assert (shown["Suppliers"] >= 3).all() and len(shown) > 1
    alone = views.sizes(year[:1])
    assert alone["Paid in the year"].tolist() == ["Any sum"]


def test_a_share_that_tells_of_one_supplier_is_blank_with_another():
    kinds = estate.by_kind(pd.DataFrame({
        "kind": ["block", "framework", "spot"], "start": [date(2020, 1, 1)] * 3,
        "end": [date(2023, 1, 1)] * 3}), YEARS, SPEND)
    year = SPEND[SPEND["financial_year"] == YEARS[1]]
    shares = views.kinds(kinds, YEARS, year).set_index("Kind")["Share of spend 2021-22"]
    assert shares.isna().to_dict() == {"Framework": False, "Block": True, "Spot": True}
    assert views.spot_held(views.kinds(kinds, YEARS, year)) == said.EXEMPT


def test_growth_by_one_new_supplier_is_exempt(growth):
    assert views.grown_by(growth) == ""
    new = SPEND[~((SPEND["supplier"] == "Provider 0") & (SPEND["financial_year"] == YEARS[0]))]
    assert views.grown_by(estate.growth_split(new, YEARS)) == said.EXEMPT


def test_the_agenda_joins_reasons_and_puts_the_first_to_end_first():
    shown = views.agenda(CONTRACTS, GAPS, VOIDS, TOGETHER)
    assert shown["Contract"].tolist() == [
        "Short breaks", "Approved list", "All of: residential care"]
    assert shown["Why it is here"][0] == (
        "Late: no stage recorded as done in its time; replacement begins 2.0 months late; more "
        "than a tenth of block places empty")


def test_the_timeline_is_drawn_with_its_stages_and_day():
    stages = pd.DataFrame([
        ("a", "Review", date(2022, 2, 28), date(2022, 5, 31), "now"),
        ("a", "Tender", date(2022, 5, 31), date(2023, 8, 31), "next"),
        ("z", "Review", date(2022, 2, 28), date(2022, 5, 31), "now"),
    ], columns=["reference", "stage", "begins", "finishes", "status"])
    chart = views.timeline(
        "line", stages, views.urgent(CONTRACTS[:1]), as_at=DAY, title="One", subtitle="Two",
        alt="A bar", flag="synthetic example")
    assert chart.data["contract"].tolist() == ["Approved list"] * 2
    assert chart.data["finishes"].tolist() == ["31 May 2022", "31 August 2023"]
    assert chart.flag and "25 April 2022" in [t.get_text() for t in chart.figure.axes[0].texts]
    assert views.urgent(CONTRACTS)["b"] == "Short breaks, late"
