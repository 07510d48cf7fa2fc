"""Twelve children in one SEN2 return, whose counts and flows were worked out by hand."""

import sys
from datetime import date
from pathlib import Path

import pytest
from sufficiency.case import load_case
from sufficiency.case.new import new_case
from sufficiency.case.returns.sen2_counts import read_sen2, third_thursday

sys.path.insert(0, str(Path(__file__).parents[1]))
from made_sen2 import CODES, TYPES, change, file, make

OLD = date(2020, 5, 1)


def child(born, setting, start=OLD, cease=None, received=date(2019, 12, 1), reason="2", then=()):
    return {"born": born, "received": received, "start": start, "cease": cease,
            "reason": reason if cease else "", "places": [(setting, start), *then]}


# The return of 18 January 2024; the January before it is 19 January 2023.
CHILDREN = [
    child(date(2012, 3, 1), "mainstream"),
    child(date(2012, 8, 31), "state_special"),  # ten on the day itself
    child(date(2012, 9, 1), "mainstream"),  # nine, a day later
    child(date(2011, 9, 15), "mainstream", then=[("state_special", date(2023, 9, 1))]),
    child(date(2003, 10, 10), "further_education", cease=date(2023, 7, 31), reason="4"),
    child(date(2018, 1, 5), "mainstream", date(2023, 6, 1), received=date(2023, 1, 5)),
    child(date(2017, 9, 10), "mainstream", date(2024, 1, 18), received=date(2023, 9, 1)),
    child(date(2008, 5, 5), "state_special", cease=date(2023, 1, 19)),  # on the first census day
    child(date(2008, 5, 5), "independent_special", cease=date(2024, 1, 18)),  # on the second
    child(date(2008, 5, 5), "mainstream", cease=date(2024, 1, 19)),  # the day after it
    child(date(2010, 1, 1), "mainstream", date(2023, 2, 1), date(2023, 11, 1),
          date(2022, 10, 1), reason="5"),  # in no January
    child(date(1998, 9, 1), "elsewhere"),
]
COUNTS = {
    ("stayer", "mainstream", 10, ""): 1, ("stayer", "state_special", 10, ""): 1,
    ("stayer", "mainstream", 9, ""): 1, ("mover", "mainstream", 10, "state_special"): 1,
    ("leaver", "further_education", 18, ""): 1, ("joiner", "mainstream", 5, ""): 2,
    ("leaver", "independent_special", 14, ""): 1,
    ("stayer", "mainstream", 14, ""): 1, ("stayer", "elsewhere", 23, ""): 1,
}


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3"])
def test_counts_are_those_worked_out_by_hand(tmp_path, version):
    make.write_return(tmp_path, 2024, CHILDREN, date(2023, 1, 1), version)
    found = read_sen2(tmp_path, CODES, TYPES)
    counted = found.counts.set_index(["kind", "place", "age", "destination"])["count"]
    assert counted.to_dict() == COUNTS and set(found.counts["year"]) == {2023}
    assert f"SEN2 {version} of 2024-01-18" in " ".join(found.notices)
    flows = found.flows.loc[2023].to_dict()
    # requests of June's and January's starters; 147 days is late and 123 in time
    assert flows == {"requests": 2, "refused": 0, "agreed": 2, "issued": 2, "not_issued": 0,
                     "ceased": 3, "timely_share": 0.5}
    assert found.ceased.loc[2023].to_dict() == {"employed": 1, "needs met": 1, "transferred": 1}
    assert found.ties.loc[2024].tolist() == [8, 8, 0, 0]


def test_each_row_is_used_or_has_its_reason(tmp_path):
    make.write_return(tmp_path, 2024, CHILDREN, date(2023, 1, 1))
    quality = read_sen2(tmp_path, CODES, TYPES).quality
    plans = quality[quality["file"].str.contains("namedplan")]
    assert plans[["rows", "used", "not used"]].iloc[0].tolist() == [12, 11, 1]
    assert plans["reason"].iloc[1] == "ceased by 2023-01-19, the first census counted"
    assert plans["lines"].iloc[1] == "9"


def ask(folder, number, received, decided="", assessed=""):
    """Add a request of a new child without a plan, decided Y or N, and its assessment's outcome."""
    for module, said in (
            ("person", {"persontableid": number, "sen2tableid": 1, "upn": f"SYNW{number}",
                        "personbirthdate": "05/05/2015"}),
            ("requests", {"requeststableid": number, "persontableid": number,
                          "receiveddate": received, "requestoutcome": decided,
                          "requestoutcomedate": "01/12/2023" if decided else ""}),
            ("assessment", {"assessmenttableid": number, "requeststableid": number,
                            "assessmentoutcome": assessed,
                            "assessmentoutcomedate": "10/12/2023" if assessed else ""})):
        if module == "assessment" and decided != "Y":
            continue
        path = file(folder, module)
        heads = path.read_text("utf-8").splitlines()[0].split(",")
        with open(path, "a", encoding="utf-8", newline="\n") as out:
            out.write(",".join(str(said.get(head, "")) for head in heads) + "\n")


def test_requests_not_finished_in_20_weeks_are_the_backlog(tmp_path, project):
    make.write_return(tmp_path, 2024, CHILDREN, date(2023, 1, 1), "1.3")
    plain = read_sen2(tmp_path, CODES, TYPES)
    assert (plain.waiting[["within", "over", "plans"]] == 0).all(axis=None)
    late, number = "20/07/2023", 900  # 26 weeks before 18 January 2024
    for count, said in ((10, (late,)), (4, ("20/10/2023",)), (6, (late, "Y")),
                        (5, (late, "Y", "Y")), (3, (late, "N")), (2, (late, "Y", "N"))):
        for _ in range(count):
            number += 1
            ask(tmp_path, number, *said)
    ask(tmp_path, 990, "31/08/2023")  # 20 weeks to the day: within
    found = read_sen2(tmp_path, CODES, TYPES)
    # 15 of 18 requests agreed, 2 of 4 assessments followed by a plan
    assert found.flows.loc[2023, ["agreed", "refused", "issued", "not_issued"]].tolist() == [
        15, 3, 2, 2]
    assert found.waiting["over"].to_dict() == {
        "not decided": 10, "in assessment": 6, "without a plan yet": 5}
    assert found.waiting["within"].to_dict() == {
        "not decided": 5, "in assessment": 0, "without a plan yet": 0}
    assert found.waiting["plans"].tolist() == pytest.approx([10 * 15 / 18 / 2, 3, 5])
    assert (found.waiting["weeks"] == 26).all()
    assert ("21 requests were not finished 20 weeks after they came (10 not decided, 6 in "
            "assessment, 5 without a plan yet; 26 weeks on average): about 12 plans to come of "
            "them") in found.notices
    assert found.counts.equals(plain.counts)
    new_case("waits", sen2=tmp_path, root=project)
    waits = load_case("waits", root=project)["placements.backlog.plans"]
    assert (waits.low, waits.central, waits.high) == (7, 10, 13)
    for line in range(14, 34):  # withdrawn but for five: of few, nothing is said
        change(tmp_path, "requests", line, "requestoutcome", "W")
    new_case("waits", sen2=tmp_path, root=project, force=True)
    assert load_case("waits", root=project)["placements.backlog.plans"].central == 0


def test_census_days_are_third_thursdays():
    days = {2023: 19, 2024: 18, 2025: 16, 2026: 15, 2027: 21}
    assert {year: third_thursday(year).day for year in days} == days
