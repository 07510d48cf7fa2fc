"""Files that are not as they should be: file, line, column and what is allowed, and nobody's name.
"""

import csv
import re
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sufficiency.case import CaseError
from sufficiency.case.returns import Problems, Quality, days, published, read_csv
from sufficiency.case.returns.placement_list import listed_problems, read_placement_list
from sufficiency.case.returns.sen2 import read_collections
from sufficiency.case.returns.sen2_counts import read_sen2
from sufficiency.case.returns.transitions import read_transitions

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import synthetic_placements
import synthetic_transitions
import test_published_returns
from made_sen2 import CODES, TYPES, change, file, make

YEAR = 2024


def child(number):
    start = date(2021, 3, 1 + number % 28)
    return {"born": date(2010, 1 + number % 12, 1 + number % 28), "received": date(2020, 10, 1),
            "start": start, "cease": None, "reason": "", "places": [("mainstream", start)]}


@pytest.fixture
def folder(tmp_path):
    make.write_return(tmp_path, YEAR, [child(n) for n in range(12)], make.census(YEAR - 1), "1.1")
    return tmp_path


def edit(folder, module, old, new):
    path = file(folder, module)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8", newline="\n")


def refused(folder):
    with pytest.raises(CaseError) as error:
        read_collections(folder)
    return str(error.value)


def reasons(folder, module):
    """What a module's rows were not used for, and the messages about them."""
    _, quality, _ = read_collections(folder)
    name = file(folder, module).name
    return quality.lost.get(name, {}), [said for said in quality.said if said.startswith(name)]


def test_windows_text_is_read_and_told(folder):
    edit(folder, "person", "Synthetic", "Zoë")
    path = file(folder, "person")
    path.write_bytes(path.read_text("utf-8").encode("cp1252"))
    made, _, notices = read_collections(folder)
    assert len(made[0].modules["person"]) == 12
    assert f"{path.name}: read as Windows text (cp1252): it is not UTF-8" in notices


def test_a_byte_order_mark_is_no_part_of_a_heading(folder):
    path = file(folder, "requests")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_collections(folder)[0][0].modules["requests"]) == 12


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_other_encodings_are_refused_by_file_and_line(folder, encoding):
    path = file(folder, "namedplan")
    path.write_bytes(path.read_text("utf-8").encode(encoding))
    assert re.search(rf"{path.name}:1: found a file that is no text, or UTF-16", refused(folder))


@pytest.mark.parametrize("module, column, value, allowed", [
    ("namedplan", "startdate", "2022-Feb-31 00:00:00", "2022-Sep-28, 28/09/2022 or 2022-09-28"),
    ("namedplan", "startdate", "01/13/2022", "2014-09-01 to"),
    ("namedplan", "startdate", "2009-01-01", "2014-09-01 to"),
    ("namedplan", "startdate", "2052-01-01", "to 2025-01-18"),
    ("namedplan", "startdate", "", "a value"),
    ("namedplan", "ceasedate", "2020-01-01", "startdate or later"),
    ("namedplan", "ceasereason", "10", "1, 2, 3"),
    ("requests", "requestoutcome", "maybe", "Y, N, A, W, H or a blank"),
    ("requests", "requestoutcomedate", "2019-01-01", "receiveddate or later"),
    ("placementdetail", "entrydate", "soon", "2022-Sep-28"),
    ("senneed", "sentype", "ABC", "SPLD, MLD"),
])
def test_a_bad_value_is_told_by_file_line_and_column(folder, module, column, value, allowed):
    change(folder, module, 5, column, value)
    lost, said = reasons(folder, module)
    assert list(lost) == [5] and allowed in lost[5]
    name = file(folder, module).name
    shown = repr(value) if len(value) < 5 or value[0].isdigit() else "(not shown)"
    start = f"{name}:5: {column}: found {shown}; allowed "
    assert said[0].startswith(start) and allowed in said[0]


@pytest.mark.parametrize("module, column, value, allowed", [
    ("person", "personbirthdate", "31/02/2011", "2022-Sep-28"),
    ("person", "persontableid", "3", "each id once"),
    ("requests", "persontableid", "999", "the id of a row of person that is used"),
    ("requests", "requeststableid", "", "an id"),
])
def test_what_says_who_a_child_is_is_not_repeated(folder, module, column, value, allowed):
    change(folder, module, 5, column, value)
    lost, said = reasons(folder, module)
    assert list(lost) == [5] and allowed in lost[5]
    assert f":5: {column}: found (not shown); allowed {allowed}" in said[0]


def test_a_return_is_of_a_january(folder):
    change(folder, "sen2", 2, "referencedate", "2024-02-18")
    said = refused(folder)
    assert "sen2.csv:2: found 1 rows, 0 that can be used" in said
    assert "1 x referencedate: allowed a day in January" in said


def test_rows_below_one_that_is_not_used_are_not_used(folder):
    change(folder, "person", 5, "personbirthdate", "")
    _, quality, _ = read_collections(folder)
    found = quality.table().set_index("file")["not used"].groupby(level=0).first()
    below = ["person", "requests", "assessment", "namedplan", "plandetail", "activeplans",
             "placementdetail", "senneed"]
    assert all(found[file(folder, module).name] == 1 for module in below)


def test_swapped_columns_are_refused(folder):
    edit(folder, "namedplan", "startdate,planres,planwbp,pb,oa,dp,ceasedate",
         "ceasedate,planres,planwbp,pb,oa,dp,startdate")
    said = refused(folder)
    assert "namedplan.csv:2: found 12 rows, 0 that can be used" in said
    assert "12 x startdate: allowed a value" in said and "are two columns swapped" in said


def test_a_birth_date_in_the_place_of_a_upn_is_refused_and_not_told(folder):
    edit(folder, "person", "personbirthdate", "upn_")
    edit(folder, "person", ",upn,", ",personbirthdate,")
    edit(folder, "person", "upn_", "upn")
    said = refused(folder)
    assert "person.csv:2: found 12 rows, 0 that can be used" in said
    assert "SYN" not in said and "2010" not in said


def test_a_half_written_last_line_is_counted_and_told(folder):
    path = file(folder, "namedplan")
    path.write_bytes(path.read_bytes()[:-30])
    lost, _ = reasons(folder, "namedplan")
    assert list(lost) == [13]
    assert "the last line is not ended: is the file whole?" in lost[13]
    _, quality, notices = read_collections(folder)
    assert quality.rows[path.name] == 12
    assert f"{path.name}: the last line has no end: is the file whole?" in notices


def test_an_open_quotation_mark_loses_no_row_uncounted(folder):
    change(folder, "requests", 8, "rya", '"oops')
    lost, _ = reasons(folder, "requests")
    assert sorted(lost) == [8, 9, 10, 11, 12, 13]
    assert "is a quotation mark left open?" in lost[8]


def test_a_file_without_headings_tells_no_child(folder):
    path = file(folder, "person")
    path.write_text("\n".join(path.read_text("utf-8").splitlines()[1:]), encoding="utf-8")
    said = refused(folder)
    assert "person.csv:1: a column is named twice" in said
    assert "Synthetic" not in said and "SYN0" not in said


def test_a_missing_column_is_named_and_others_are_not_told(folder):
    edit(folder, "person", ",upn,", ",Planted,")
    said = refused(folder)
    assert "person.csv:1: missing column 'upn'; required persontableid" in said
    assert "Planted" not in said


@pytest.mark.parametrize("module", ["person", "senneed"])
def test_a_missing_module_is_named(folder, module):
    file(folder, module).unlink()
    assert f"missing module {module}; allowed a file Blade-Export_" in refused(folder)


def test_two_exports_in_one_folder_and_no_folder_are_refused(folder):
    path = file(folder, "person")
    (folder / "Blade-Export_01-03-2024_person.csv").write_bytes(path.read_bytes())
    assert "a second file of person, beside" in refused(folder)
    assert "no such folder" in refused(folder / "nowhere")
    (folder / "empty").mkdir()
    assert "found no SEN2 module" in refused(folder / "empty")


def test_one_collection_a_year(tmp_path):
    for name in ("a", "b"):
        make.write_return(tmp_path / name, YEAR, [child(1)], make.census(YEAR - 1))
    with pytest.raises(CaseError, match="found a second collection of January 2024"):
        read_collections(tmp_path)


def test_a_hundred_thousand_rows_are_read_in_seconds(tmp_path):
    children = [child(n) for n in range(200)]
    make.write_return(tmp_path, YEAR, children, make.census(YEAR - 1))
    for path in tmp_path.glob("*.csv"):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        if len(frame) > 1:
            frame = pd.concat([frame] * 63, ignore_index=True)
            for column in frame.filter(regex="tableid$|^upn$"):
                if column != "sen2tableid":
                    frame[column] = [str(n + 1) for n in range(len(frame))]
        frame.to_csv(path, index=False)
    start = time.process_time()
    found = read_sen2(tmp_path, CODES, TYPES)
    taken = time.process_time() - start
    rows = found.quality.loc[found.quality["reason"] == "", "rows"].sum()
    assert rows > 100_000 and taken < 8, f"{rows} rows took {taken:.1f} s of a core; allowed 8"
    assert found.counts["count"].sum() == 12_600


def test_a_quality_table_counts_a_line_once():
    quality = Quality()
    quality.add("a.csv", 10)
    quality.lose("a.csv", [3, 4], "first")
    quality.lose("a.csv", 4, "second")
    quality.lose("a.csv", 9, "second")
    table = quality.table()
    assert table["not used"].tolist() == [3, 2, 1] and table["used"].iloc[0] == 7
    assert table["lines"].tolist() == ["", "3, 4", "9"]
    quality.lose("a.csv", range(20, 30), "too many")
    with pytest.raises(ValueError, match=r"a.csv: found 13 rows not used; allowed 10 read"):
        quality.table()


@pytest.mark.parametrize("text, day", [
    ("2022-Sep-28 00:00:00", "2022-09-28"), ("28/09/2022", "2022-09-28"),
    ("8/9/2022", "2022-09-08"),
    ("2022-09-28T00:00:00", "2022-09-28"), ("2022-sep-28", "2022-09-28"), ("2022-Sep-31", None),
    ("28-09-2022", None), ("", None), ("1889-01-01", None), ("2022-09-28 10:30:00", None),
])
def test_dates_are_read_in_the_forms_of_returns_only(text, day):
    found = days(pd.Series([text])).iloc[0]
    assert found is pd.NaT if day is None else found == pd.Timestamp(day)


def random_cells(path, rng, cells, count=25):
    """Put a text of `cells` into so many cells of a CSV, whose quoted cells are left whole."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    for _ in range(count):
        row = rows[rng.integers(1, len(rows))]
        row[rng.integers(len(row))] = cells[rng.integers(len(cells))]
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def test_every_row_of_a_transitions_folder_is_used_or_listed(tmp_path):
    synthetic_transitions.write(tmp_path, seed=4, children=6)
    extra = read_transitions(tmp_path).quality
    with open(tmp_path / "population.csv", "a", encoding="utf-8") as more:
        more.write("2020,30,1\n1999,3,500\n")
    plain = read_transitions(tmp_path)
    whole, before = (table[table["reason"] == ""].set_index("file")
                     for table in (plain.quality, extra))
    assert (whole["not used"] - before["not used"]).to_dict() == {
        "transitions.csv": 0, "population.csv": 2, "valid-states.csv": 0, "costs.csv": 0}
    assert (whole["rows"] - before["rows"]).sum() == 2
    clean = (tmp_path / "transitions.csv").read_bytes()
    for seed in range(4):
        (tmp_path / "transitions.csv").write_bytes(clean)
        random_cells(tmp_path / "transitions.csv", np.random.default_rng(seed),
                     ["NONSEND", "SPECIAL", "AUT", "5", "2020", "99", "Smith"] if seed else
                     ["7", "6", "2021"])
        try:
            found = read_transitions(tmp_path)
        except ValueError as error:
            assert re.search(r"transitions.csv:\d+: [a-z-]+[12]?: found '", str(error))
            continue
        rows = found.quality[found.quality["file"] == "transitions.csv"]
        assert rows["rows"].iloc[0] == whole.loc["transitions.csv", "rows"]
        assert rows["used"].iloc[0] == found.counts["count"].sum()
        assert rows["not used"].iloc[1:].sum() == rows["not used"].iloc[0] == len(found.unusable)
    header = clean.replace(b"academic-year-1", b"x").replace(
        b"academic-year-2", b"academic-year-1").replace(b",x", b",academic-year-2")
    (tmp_path / "transitions.csv").write_bytes(header)
    with pytest.raises(ValueError, match=r"allowed some that can be used: .*rise by one"):
        read_transitions(tmp_path)
    for spoilt, message in ((clean.decode().encode("utf-16"), r"transitions.csv:1: found a file"),
                            (clean[:-9], r"transitions.csv:\d+: \d values.*is the file whole")):
        (tmp_path / "transitions.csv").write_bytes(spoilt)
        with pytest.raises(ValueError, match=message):
            read_transitions(tmp_path)
    (tmp_path / "transitions.csv").write_bytes(b"\xef\xbb\xbf" + clean)
    assert read_transitions(tmp_path).counts.equals(plain.counts)


def test_every_row_of_the_published_series_is_used_or_listed(tmp_path):
    test_published_returns.write(tmp_path, [
        "Local authority,E2,Southshire,2021,A,9,9,0,0,0,0,0,0,0,0,0,0",
        "Local authority,E1,Northshire,2022,B,101,51,20,10,5,1,2,1,6,2,1,3"])
    (tmp_path / "population_by_age.csv").write_text(
        "la_name,year,basis,age,population\n" + "".join(
            f"Northshire,2022,{basis},{age},10\n" for basis in ("2018-based", "2012-based")
            for age in range(26)), encoding="utf-8")
    path = tmp_path / "ehcp_caseload_by_age.csv"
    clean = path.read_bytes()
    for seed in range(4):
        path.write_bytes(clean)
        random_cells(path, np.random.default_rng(seed), ["", "x"], 2 * seed)
        folder = published.read_folder(tmp_path)
        table = published.quality(folder, "Northshire").set_index(["file", "reason"])
        for name in ("ehcp_caseload_by_setting", "ehcp_caseload_by_age", "population_by_age"):
            whole, parts = table.loc[(f"{name}.csv", "")], table.loc[f"{name}.csv"].iloc[1:]
            lines = (tmp_path / f"{name}.csv").read_text("utf-8").splitlines()
            assert whole["rows"] == len(lines) - 1 == whole["used"] + whole["not used"]
            assert parts["not used"].sum() == whole["not used"]
        made = published.tables(folder, "Northshire")
        assert table.loc[("ehcp_caseload_by_setting.csv", ""), "used"] == len(
            made["plans_by_setting"]) == 2
        assert table.loc[("population_by_age.csv", "another basis of projection"),
                         "not used"] == 26
    assert table.loc[("ehcp_caseload_by_setting.csv", "a later release has this January"),
                     "lines"] == "3"
    for spoilt, message in ((clean.decode().encode("utf-16"), "by_age.csv:1: found a file that is"),
                            (clean[:-4], r"by_age.csv:13: 6 values where.*is the file whole")):
        path.write_bytes(spoilt)
        with pytest.raises(ValueError, match=message):
            published.read_folder(tmp_path)


def test_every_row_of_a_placement_list_is_used_or_listed_and_names_nobody(tmp_path):
    path = tmp_path / "list.csv"
    synthetic_placements.write(path, seed=2, count=150)
    for seed in range(4):
        random_cells(path, np.random.default_rng(seed), ["Planted Name", "14/09/2011", "", "x"])
        found = read_placement_list(path)
        totals = found.totals
        assert totals.loc["read", "placements"] == 150 == (
            totals.loc["used", "placements"] + totals.loc["unusable", "placements"])
        assert len(found.placements) == totals.loc["used", "placements"] == 150 - (
            found.unusable["line"].nunique())
        assert found.placements["weekly_price"].sum() == pytest.approx(
            totals.loc["used", "weekly_price"])
        said = "\n".join(listed_problems(found))
        assert "Planted" not in found.unusable.to_string() + said
        assert not (found.unusable["column"].eq("age") & found.unusable["found"].ne(
            "(not shown)")).any()


def test_other_readers_stop_at_a_half_written_line(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("a,b\n1,2\n3", encoding="utf-8")
    problems = Problems()
    read_csv(path, problems, text=["a"])
    assert problems == ["list.csv:3: 1 values where the header has 2; the last line is not ended: "
                        "is the file whole?"]
