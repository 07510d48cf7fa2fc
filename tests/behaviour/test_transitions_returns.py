"""A transitions folder: totals before and after agree, and each row left out has a reason."""

import sys
from pathlib import Path

import pytest
from sufficiency.case.returns.transitions import read_transitions, stock

sys.path.insert(0, str(Path(__file__).parents[1]))
import synthetic_transitions as synthetic


@pytest.fixture
def folder(tmp_path):
    synthetic.write(tmp_path, seed=3, children=12)
    return tmp_path


def add(path, *lines):
    """Append lines and return the number of the first."""
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "\n".join(lines) + "\n", encoding="utf-8")
    return len(text.splitlines()) + 1


@pytest.mark.parametrize("row, reason", [
    ("2020,NONSEND,NONSEND,5,NONSEND,NONSEND,6", "NONSEND on both sides"),
    ("2020,SCHOOL,AUT,5,NONSEND,AUT,6", "half-coded NONSEND"),
    ("2020,SCHOOL,AUT,5,SCHOOL,AUT,7", "ages do not rise by one"),
    ("2020,SCHOOL,AUT,5,ACADEMY,AUT,6", "setting not in valid-states.csv, side 2"),
    ("2020,SPECIAL,AUT,40,NONSEND,NONSEND,41", "age outside 0 to 25, side 1"),
    ("2020,SCHOOL,AUT,15,SCHOOL,AUT,16", "state outside its valid years, side 2"),
    ("2020,SCHOOL,XYZ,5,SCHOOL,XYZ,6", "need not in valid-states.csv, side 1"),
    ("2020,SCHOOL,AUT,13,COLLEGE,AUT,14", "move not in valid-states.csv"),
])
def test_unusable_rows_are_listed_and_totals_agree(folder, row, reason):
    before = read_transitions(folder)
    line = add(folder / "transitions.csv", row)
    found = read_transitions(folder)
    assert found.unusable.to_dict("records") == [{"line": line, "reason": reason}]
    assert found.rows == before.rows + 1 == found.counts["count"].sum() + 1
    assert found.counts.equals(before.counts)
    assert f"{reason}: 1 rows left out, lines {line}" in found.warnings


def test_counts_carry_children_from_january_to_january(folder):
    counts = read_transitions(folder).counts
    for january in range(synthetic.FIRST + 1, synthetic.LAST + 1):
        start = counts[(counts["year"] == january) & (counts["kind"] != "joiner")]
        start = start.groupby(["place", "age"])["count"].sum()
        assert stock(counts, january).sort_index().to_dict() == start.sort_index().to_dict()


def test_a_state_in_use_without_a_cost_stops(folder):
    path = folder / "costs.csv"
    path.write_text(path.read_text().replace("SEMH,COLLEGE,12000.0\n", ""))
    with pytest.raises(ValueError, match="need SEMH, setting COLLEGE: found no cost"):
        read_transitions(folder)


def test_a_year_without_people_stops(folder):
    path = folder / "population.csv"
    path.write_text(path.read_text().replace("2021,3,5000\n", ""))
    with pytest.raises(ValueError, match="calendar-year 2021: allowed people at every"):
        read_transitions(folder)


def test_costs_are_weighted_by_children(folder):
    path = folder / "costs.csv"
    path.write_text(path.read_text().replace("SEMH,SCHOOL,9000.0", "SEMH,SCHOOL,19000.0"))
    apart = read_transitions(folder, by_need=True)
    together = read_transitions(folder)
    assert apart.costs["SCHOOL+SEMH"] == 19000 and apart.costs["SCHOOL+AUT"] == 9000
    assert 9000 < together.costs["SCHOOL"] < 19000
    assert list(together.states.index) == ["SCHOOL", "SPECIAL", "COLLEGE"]


def test_ages_without_joiners_are_told(folder):
    told = [text for text in read_transitions(folder).warnings if "no joiners" in text]
    assert told and "24" in told[0]


@pytest.mark.parametrize("file, old, new, message", [
    ("transitions.csv", "academic-year-2", "year-2", "missing column 'academic-year-2'"),
    ("transitions.csv", "2019,SCHOOL", "twenty,SCHOOL", "calendar-year: found 'twenty'; allowed a "
     "whole number"),
    ("population.csv", "2019,5,5000", "2019,6,5000", "repeats calendar-year 2019.0, academic-year"),
    ("costs.csv", "9000.0", "9,000.0", "4 values where the header has 3"),
    ("valid-states.csv", "SPECIAL,local,0", "SPECIAL,local,reception", "min-academic-year: found"),
])
def test_malformed_folders_are_refused(folder, file, old, new, message):
    path = folder / file
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        read_transitions(folder)


def test_the_same_seed_makes_the_same_folder(tmp_path):
    for name in ("one", "two"):
        synthetic.write(tmp_path / name, seed=5, children=5)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
