"""The law on a day: published thresholds, the date that moved, and worked sums of five reports."""

import csv
import re
from datetime import date, timedelta

import pandas as pd
import pytest
from sufficiency.case.law import read_law
from sufficiency.case.procurement import BELOW, FLAG, aggregation, checks, position

LAW = read_law()
NAMES = {
    "light touch (social and other specific services)": "light_touch",
    "light touch (not concession, not utilities)": "light_touch",
    "sub-central services and supplies": "sub_central", "works": "works",
    "concession": "concession", "light touch concession": "light_touch_concession",
    "small lots, services and supplies (max 20% of requirement)": "small_lots",
    "Contracts Finder publication, sub-central": "below_threshold_notice",
    "Contracts Finder publication, local authorities, as retained": "below_threshold_notice",
    "notifiable below-threshold contract, local authority": "below_threshold_notice",
    "notifiable below-threshold contract, central government": "below_threshold_notice_central",
    "pipeline notice duty: expected annual payments under public contracts": "pipeline_payments",
    "pipeline notice: contracts to list, estimated value over": "pipeline_contract",
    "publish each spend item over": "transparency_spend",
    "publish invitations to tender and contract register entries over": "transparency_contract",
    "Leeds City Council reason key: expenditure over": "key_decision_leeds",
    "Kent County Council: total contract value over": "key_decision_kent",
}


def test_every_row_of_the_published_table_holds_on_its_first_and_last_day(shared):
    with open(shared / "facts" / "thresholds.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 45
    for row in rows:
        name = NAMES.get(row["category"], "key_performance_indicators")
        assert name != "key_performance_indicators" or "key performance" in row["category"]
        for day in filter(None, (row["from_date"], row["to_date"])):
            got = LAW.threshold(name, date.fromisoformat(day))
            assert got.value == float(row["value_gbp"]), row
            assert got.inc_vat == {"yes": True, "no": False, "": None}[row["inc_vat"]], row
            assert not got.carried
            if row["from_date"] == day:
                assert got.since == date.fromisoformat(day)
            elif row["from_date"]:
                assert got.until == date.fromisoformat(day)


def test_nothing_is_in_the_file_that_the_published_table_has_not(shared):
    with open(shared / "facts" / "thresholds.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    days = {(NAMES.get(row["category"], "key_performance_indicators"), row["from_date"])
            for row in rows}
    ours = {(name, str(p.since)) for name, c in LAW.thresholds.items() for p in c.periods}
    # Found since: sums of 2022 in small lots, and the day notices went to £30,000.
    assert ours - days == {("small_lots", "2022-01-01"), ("below_threshold_notice", "2022-12-21")}


@pytest.mark.parametrize(("day", "regime"), [
    ("2015-02-26", "pcr_2015"), ("2024-10-28", "pcr_2015"), ("2025-02-23", "pcr_2015"),
    ("2025-02-24", "pa_2023"), ("2034-08-31", "pa_2023")])
def test_the_regime_changes_on_its_day(day, regime):
    assert LAW.regime(date.fromisoformat(day)).name == regime


@pytest.mark.parametrize(("day", "known", "regime", "since"), [
    ("2024-10-27", "2024-06", "pcr_2015", "2015-02-26"),
    ("2024-10-28", "2024-06", "pa_2023", "2024-10-28"),
    ("2024-10-28", "2024-08", "pa_2023", "2024-10-28"),
    ("2024-10-28", "2024-09", "pcr_2015", "2015-02-26"),
    ("2024-10-28", "2024-03", "pcr_2015", "2015-02-26"),
    ("2026-01-01", "2024-03", "pcr_2015", "2015-02-26"),
    ("2025-02-24", "2024-09", "pa_2023", "2025-02-24")])
def test_a_date_that_moved_is_known_as_it_was_known(day, known, regime, since):
    got = LAW.regime(date.fromisoformat(day), known)
    assert (got.name, str(got.since)) == (regime, since)


def test_a_threshold_as_known_is_of_the_regime_as_known_and_carried_when_run_out():
    day = date(2024, 11, 15)
    assert LAW.threshold("light_touch", day, "2024-06").since == date(2025, 2, 24)
    assert LAW.threshold("light_touch", day).since == date(2024, 1, 1)
    early = LAW.threshold("light_touch", date(2018, 6, 1), "2017-02")
    assert (early.value, early.carried) == (589_148, True)
    assert not LAW.threshold("light_touch", date(2018, 6, 1)).carried
    # The sums of 2022 were known in November 2021.
    assert LAW.threshold("sub_central", date(2022, 1, 1), "2021-11").value == 213_477
    assert LAW.threshold("sub_central", date(2022, 1, 1), "2021-10").value == 189_330


def test_north_yorkshire_reaches_the_threshold_in_its_first_year():
    got = aggregation(LAW, date(2021, 5, 25), {"unjustified": 1_021_500})
    tests = got.tests.set_index(["category", "valuation"])
    assert got.conclusion == FLAG and tests["reached"].all()
    assert tests.loc[("light_touch", "recurring"), ["value", "threshold", "years"]].tolist() == [
        1_021_500, 663_540, 1]
    assert tests.loc[("sub_central", "recurring"), "threshold"] == 189_330


def test_northamptonshire_reaches_the_light_touch_threshold_over_the_framework_only():
    got = aggregation(LAW, date(2017, 2, 14), {"unjustified": 500_000}, years=4)
    tests = got.tests.set_index(["category", "valuation"])
    assert tests["value"].tolist() == [500_000, 2_000_000] * 2
    assert tests["threshold"].tolist() == [589_148] * 2 + [164_176] * 2
    assert tests["reached"].tolist() == [False, True, True, True]
    assert got.conclusion == FLAG


def test_devon_reaches_the_threshold_and_its_vat_is_that_of_its_notice():
    got = aggregation(LAW, date(2025, 9, 1), {"unjustified": 613.99e6 / 8}, years=8, vat=0.2)
    assert got.tests["value"].to_list() == [736.788e6] * 4
    assert got.tests["valuation"].unique().tolist() == ["one_contract", "framework"]
    assert got.conclusion == FLAG


@pytest.mark.parametrize(("a_year", "day", "vat", "conclusion"), [
    (552_950, "2025-03-01", 0.2, FLAG), (552_949.99, "2025-03-01", 0.2, BELOW),
    (552_950, "2025-03-01", None, FLAG), (552_950, "2025-03-01", 0, BELOW),
    (663_540, "2025-03-01", 0, FLAG), (663_539.99, "2025-03-01", 0, BELOW),
    (663_539.99, "2021-12-31", 0.2, BELOW), (663_540, "2021-12-31", 0.2, FLAG),
    (663_539.99, "2022-01-01", 0.2, FLAG)])
def test_vat_is_counted_on_the_threshold_s_own_basis(a_year, day, vat, conclusion):
    got = aggregation(LAW, date.fromisoformat(day), {"unjustified": a_year}, vat=vat,
                      classes=("light_touch",))
    assert got.conclusion == conclusion
    blanks = [f.said for f in got.findings if f.kind == "blank" and "VAT" in f.said]
    assert bool(blanks) == (vat is None)


def test_spend_in_contract_counts_for_nothing_and_other_reasons_are_tested_apart():
    lines = pd.DataFrame({"justification": ["user_choice", "court_ordered", "in_contract",
                                            "unjustified", "user_choice"],
                          "gbp_a_year": [300_000, 50_000, 9e9, 100_000, 250_000.5]})
    got = aggregation(LAW, date(2026, 2, 1), lines, classes=("light_touch",), vat=0)
    assert got.spend.to_dict() == {"user_choice": 550_000.5, "court_ordered": 50_000,
                                   "in_contract": 9e9, "unjustified": 100_000}
    by_part = got.tests.groupby("spend")["value"].max()
    assert by_part.to_dict() == {"unjustified": 100_000, "all outside contracts": 700_000.5}
    assert got.tests.groupby("spend")["reached"].all().to_dict() == {
        "unjustified": False, "all outside contracts": True}
    assert any("choice of the person" in f.said for f in got.findings)
    covered = aggregation(LAW, date(2026, 2, 1), {"in_contract": 9e9})
    assert covered.conclusion == BELOW and not covered.tests["reached"].any()


def test_where_the_class_decides_it_is_said():
    got = aggregation(LAW, date(2026, 2, 1), {"unjustified": 300_000}, vat=0)
    assert got.conclusion == FLAG
    assert got.tests.groupby("category")["reached"].any().to_dict() == {
        "light_touch": False, "sub_central": True}
    assert any("class of the services decides" in f.said for f in got.findings)


def flagged(**options):
    """Beginnings of what is flagged of an open framework begun under the 2023 Act."""
    options = {"kind": "open_framework", "term": 96, "ranked": True, "light_touch": False} | options
    found = checks(LAW, date(2025, 9, 1), **options)
    return sorted(re.split(":|, which|, and no court", f.said)[0] for f in found
                  if f.kind == "warning" and f.said.endswith(FLAG + "."))


FIRST, THEN = "No award again before month 36", "60 months or more without an award"


@pytest.mark.parametrize(("every", "term", "expected"), [
    (12, 96, []), (35, 96, []), (36, 96, [FIRST]), (0, 96, [FIRST]), (60, 96, [FIRST]),
    ((35,), 96, [THEN]), ((35, 36), 96, []), ((35, 94), 96, []), ((30, 89), 96, []),
    ((30, 90), 96, [THEN]), ((1, 36), 96, []), ((1, 35), 96, [THEN]),
    (12, 95, ["An open framework of 95 months, not 96"]),
    (12, 97, ["An open framework of 97 months, not 96"])])
def test_the_schedule_of_an_open_framework_at_its_limits(every, term, expected):
    assert flagged(reopens_every=every, term=term) == expected
    assert flagged(reopens_every=every, term=term, light_touch=True) == sorted(
        [*expected, "A framework that takes in providers later is an open framework and keeps to "
         "section 49. The timing of section 49 may not bind a bespoke light touch framework"])


def test_one_provider_and_call_offs():
    assert flagged(reopens_every=12, single=True) == ["One provider for 96 months"]
    none = "Call-offs without competition, and no mechanism stated"
    assert flagged(reopens_every=12, ranked=False) == [none]
    assert none not in flagged(reopens_every=12, ranked=False, single=True)
    other = "Mini-competitions on other criteria than the framework's"
    assert flagged(reopens_every=12, original_criteria=False) == [other]
    assert flagged(reopens_every=12, original_criteria=True) == []
    blank = checks(LAW, date(2025, 9, 1), "open_framework", reopens_every=12, term=96)
    assert any(f.kind == "blank" and "not said" in f.said for f in blank)


@pytest.mark.parametrize("day", [date(2017, 2, 14), date(2025, 9, 1)])
def test_a_closed_framework_lasts_four_years_unless_it_is_light_touch(day):
    for term, light, outside in ((48, False, False), (49, False, True), (49, True, False)):
        found = checks(LAW, day, "closed_framework", term=term, light_touch=light, ranked=True)
        assert any(f.said.startswith("A term of") for f in found) == outside


def test_northamptonshire_s_yearly_openings_were_for_light_touch_alone():
    options = {"kind": "open_framework", "reopens_every": 12, "term": 48, "ranked": True}
    light = checks(LAW, date(2017, 2, 14), **options)
    assert not [f for f in light if f.kind == "warning"]
    assert any("have been re-opened" in f.said for f in light)
    assert [f.said for f in checks(LAW, date(2017, 2, 14), light_touch=False, **options)
            if f.kind == "warning"] == [LAW.rules["pcr_2015"]["reopening"].said]


def test_the_new_act_has_more_notices_and_the_days_are_added():
    def notices(day, light):
        found = checks(LAW, day, "closed_framework", light_touch=light, ranked=True)
        counts = [int(f.said.split(": ")[1].split()[0]) for f in found if "Notices" in f.said]
        return sum(counts), int(next(f.said for f in found if "At least" in f.said).split()[2])

    # 28 days of the key decision, and a standstill of 10 days or of 8 working days, with 25 of
    # tendering; light touch keeps the standstill of 2015 but not that of 2023.
    assert notices(date(2024, 6, 12), True) == (3, 38)
    assert notices(date(2025, 9, 1), True) == (6, 28)
    assert notices(date(2025, 9, 1), False) == (7, 65)
    assert notices(date(2026, 1, 1), True)[0] == 7
    soon = checks(LAW, date(2026, 1, 5), "open_framework", "2026-02", 12, 96, ranked=True)
    assert not any("fewer" in f.said for f in soon) == ((date(2026, 2, 1) - date(2026, 1, 5)).days
                                                        >= 28)
    late = checks(LAW, date(2026, 1, 4), "open_framework", date(2026, 2, 1), 12, 96, ranked=True)
    assert not any("fewer" in f.said for f in late)


def test_only_what_is_tendered_has_notices_and_times():
    for kind in ("spot", "gated_spot", "fragmented", "in_house", "direct_payment"):
        assert not [f for f in checks(LAW, date(2025, 9, 1), kind) if "otices" in f.said]
    for kind in ("block", "dynamic_market", "joint"):
        assert [f for f in checks(LAW, date(2025, 9, 1), kind) if f.said.startswith("Notices:")]
    market = checks(LAW, date(2025, 9, 1), "dynamic_market", reopens_every=12)
    assert [f.said for f in market if f.kind == "warning"] == [
        f"A dynamic market with openings at intervals: {FLAG}."]


def test_the_position_in_june_2024_says_what_was_known_and_what_moved():
    found = position(LAW, date(2024, 6, 12), begins=date(2025, 1, 15))
    said = [f.said for f in found]
    assert said[0] == ("On 12 June 2024 a procurement begins under the Public Contracts "
                       "Regulations 2015.")
    assert said[1] == ("As known in June 2024 the Procurement Act 2023 was to start on 28 October "
                       "2024; it started on 24 February 2025.")
    assert "comes under the Public Contracts Regulations 2015; as known in June 2024" in said[2]
    assert [f.kind for f in found[:3]] == ["rule", "warning", "warning"]
    later = [f.said for f in position(LAW, date(2024, 10, 1))]
    assert later[1] == ("As known in October 2024 the Procurement Act 2023 starts "
                        "24 February 2025.")
    assert not any("2023" in f.said for f in position(LAW, date(2017, 2, 14)))
    assert any("£589,148 excluding VAT" in f.said for f in position(LAW, date(2017, 2, 14)))


def test_a_threshold_that_turned_out_otherwise_is_shown_both_ways():
    found = position(LAW, date(2021, 5, 25), begins=date(2022, 4, 1))
    assert any("£189,330 excluding VAT as known in May 2021; it turned out to be £213,477 "
               "including VAT." in f.said and f.kind == "warning" for f in found)


def test_a_word_that_stopped_being_right_is_found():
    text = "if the value is above the Official Journal of the European Union (OJEU) threshold"
    assert len(LAW.stale_words(text, date(2021, 12, 9))) == 2
    assert not LAW.stale_words(text, date(2020, 12, 31))
    assert not LAW.stale_words("Find a Tender", date(2021, 12, 9))


def test_no_sentence_speaks_of_a_breach():
    day, said = date(2025, 9, 1), []
    for kind in ("spot", "open_framework", "dynamic_market", "block", "in_house",
                 "direct_payment", "cascade"):
        for light in (True, False):
            said += [f.said for f in checks(LAW, day, kind, reopens_every=50, term=120,
                                            light_touch=light, ranked=False)]
    said += [f.said for f in aggregation(LAW, day, {"unjustified": 1e9}).findings]
    assert not [text for text in said if re.search("breach|unlawful|illegal", text, re.I)]
    assert all(text[0].isupper() or text[0] == "£" for text in said)


def test_days_without_a_gap():
    """Every day of the file has one light touch threshold."""
    day = date(2015, 2, 26)
    while day <= date(2027, 12, 31):
        got = LAW.threshold("light_touch", day)
        assert got.since <= day <= got.until and not got.carried
        day += timedelta(1)
