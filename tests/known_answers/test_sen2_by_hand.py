"""Twelve children in one SEN2 return, whose counts and flows were worked out by hand."""

import sys
from datetime import date
from pathlib import Path

import pytest
from sufficiency.case.returns.sen2_counts import read_sen2, third_thursday

sys.path.insert(0, str(Path(__file__).parents[1]))
from made_sen2 import CODES, TYPES, make

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


def test_census_days_are_third_thursdays():
    days = {2023: 19, 2024: 18, 2025: 16, 2026: 15, 2027: 21}
    assert {year: third_thursday(year).day for year in days} == days
