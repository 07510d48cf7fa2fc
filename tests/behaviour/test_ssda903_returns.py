"""SSDA903 files as councils send them: nothing dropped uncounted, nothing said of a child."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sufficiency.case.files import CaseError
from sufficiency.case.new_care import described
from sufficiency.case.returns.ssda903 import read_ssda903

sys.path.insert(0, str(Path(__file__).parents[1]))
import made_care


@pytest.fixture(scope="module")
def categories(small_case):
    return small_case.value("care.categories")


def lost(found):
    """Rows not used by reason, and the lines named."""
    rows = found.quality[found.quality["reason"] != ""].groupby("reason")
    return {reason: (some["not used"].sum(), ", ".join(some["lines"])) for reason, some in rows}


BAD = {
    "D,31/02/2025,S,C2,N1,U6,PR1,,": "DECOM: no date",
    "A,01/03/2025,S,C2,N1,U6,PR1,2025-13-01,": "DEC: no date",
    "A,01/03/2025,S,C2,N1,U6,PR1,28/02/2025,": "DEC before DECOM",
    "A,01/03/2025,S,C2,N1,U9,PR1,,": "PLACE: unknown code",
    "A,01/03/2025,S,C2,N1,U6,PR9,,": "PLACE_PROVIDER: unknown code",
    "A,01/03/2025,S,V3,N1,U6,PR1,,": "LS V3 or V4: a series of short breaks",
    ",01/03/2025,S,C2,N1,U6,PR1,,": "CHILD: blank",
    "Q,01/03/2025,S,C2,N1,U6,PR1,,": "no usable header row",
    "A,01/03/2001,S,C2,N1,U6,PR1,01/04/2001,": "starts before birth",
    "B,01/03/2025,S,C2,N1,U6,PR1,,": "starts at 18 or over",
    "A,01/06/2025,S,C2,N1,U6,PR1,,": "DECOM after the end of the return's year",
    "A,2024-02-02,S,C2,N1,U6,PR1,2024-11-30,": "ends with a longer episode, which is used",
    "A,2024-02-01,S,C2,N1,K2,PR4,2024-11-29,": "another end of the same start: the last is used",
}


def test_each_row_that_cannot_be_used_is_counted_by_line(categories, tmp_path):
    plain = read_ssda903(made_care.write(tmp_path / "plain"), categories)
    found = read_ssda903(made_care.write(tmp_path / "bad", episodes=list(BAD)), categories)
    reasons = lost(found)
    for line, (row, reason) in enumerate(BAD.items(), 4):
        assert f"{line}" in reasons[reason][1].split(", "), row
    assert found.counts.equals(plain.counts)
    whole = found.quality[found.quality["reason"] == ""]
    assert (whole["rows"] == whole["used"] + whole["not used"]).all()
    read = sum(len(path.read_text("utf-8").splitlines()) - 1
               for path in (tmp_path / "bad").rglob("*.csv"))
    assert whole["rows"].sum() == read
    by_file = found.quality[found.quality["reason"] != ""].groupby("file")["not used"].sum()
    left = whole.set_index("file")["not used"]
    assert (by_file == left[by_file.index]).all()


def test_headers_are_checked(categories, tmp_path):
    header = ["D,1,not known", "E,1,01/01/2031", "A,1,16/05/2010", ",1,01/01/2010",
              "B,2,20/06/2006"]
    found = read_ssda903(made_care.write(tmp_path, header=header), categories)
    assert {reason: count for reason, (count, _) in lost(found).items()} == {
        "DOB: no date": 1, "DOB after the last return": 1, "CHILD: blank": 1,
        "another DOB in a later row, which is used": 2,
        "repeated by a later row of the year, which is used": 1,
        "again in a later return, which is used": 2}


def test_ends_that_nobody_reported_are_made_and_said(categories, tmp_path):
    years = {2024: (["A,1,15/05/2010", "B,1,15/05/2012"],
                    ["A,01/05/2023,S,C2,N1,U6,PR4,,", "B,01/05/2023,S,C2,N1,U6,PR4,01/03/2024,",
                     "B,01/02/2024,P,C2,N1,U6,PR1,,"]),
             2025: (["B,1,15/05/2012"], ["B,01/02/2024,P,C2,N1,U6,PR1,,"])}
    found = read_ssda903(made_care.write(tmp_path, years), categories)
    days = found.counts.query("kind == 'days'").set_index(["year", "place"])["count"]
    assert days[2024, "fostering_independent"] == 336 + 276 and (
        (2025, "fostering_independent") not in days)
    assert days[2024, "fostering_in_house"] == 60 and days[2025, "fostering_in_house"] == 365
    assert found.notices == [
        "episodes open, and in no later return: ended after its 31 March: 1",
        "episodes cut where the child's next episode begins: 1"]


def test_ages_outside_a_category_are_counted_elsewhere(categories, tmp_path):
    years = {2025: (["A,1,15/05/2012"], ["A,01/05/2024,S,C2,N1,H5,PR4,,"])}
    found = read_ssda903(made_care.write(tmp_path, years), categories)
    counts = found.counts
    assert set(counts.loc[counts["count"] > 0, "place"]) == {"other"}
    assert "at an age outside their category's" in found.notices[0]


@pytest.mark.parametrize("missing", ["DECOM", "PLACE", "CHILD"])
def test_a_missing_column_stops_and_names_no_value(categories, tmp_path, missing):
    folder = made_care.write(tmp_path)
    path = folder / "2025" / "episodes.csv"
    text = path.read_text("utf-8")
    path.write_text(text.replace(missing, "OTHER", 1), encoding="utf-8")
    with pytest.raises(CaseError, match=rf"2025/episodes.csv:1: missing column {missing}"):
        read_ssda903(folder, categories)
    # no heading at all: what stands there may be a child's
    path.write_text("\n".join(text.splitlines()[1:]), encoding="utf-8")
    with pytest.raises(CaseError) as caught:
        read_ssda903(folder, categories)
    assert "none of those used" in str(caught.value)
    assert "2024-02-01" not in str(caught.value) and "C2" not in str(caught.value)


def test_files_and_years_that_cannot_be_read_stop(categories, tmp_path):
    folder = made_care.write(tmp_path / "a")
    (folder / "2025" / "header.csv").unlink()
    with pytest.raises(CaseError, match="2025: found 0 files of the header; allowed one"):
        read_ssda903(folder, categories)
    folder = made_care.write(tmp_path / "b")
    (folder / "2024").rename(folder / "2022")
    with pytest.raises(CaseError, match=r"years: found 2022, 2025; allowed every year"):
        read_ssda903(folder, categories)
    folder = made_care.write(tmp_path / "c")
    path = folder / "2025" / "episodes.csv"
    path.write_bytes(path.read_text("utf-8").encode("utf-16"))
    with pytest.raises(CaseError, match=r"2025/episodes.csv"):
        read_ssda903(folder, categories)
    with pytest.raises(CaseError, match="no such folder"):
        read_ssda903(tmp_path / "nowhere", categories)
    made_care.put(folder / "more.csv", "A", [])
    with pytest.raises(CaseError, match="c: found CSV files in it and in 2024; allowed"):
        read_ssda903(folder, categories)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaseError, match="found no CSV file"):
        read_ssda903(tmp_path / "empty", categories)
    folder = made_care.write_together(tmp_path / "d")
    path = folder / "episodes.csv"
    path.write_text(path.read_text("utf-8").replace(",2024\n", ",twenty\n", 1), encoding="utf-8")
    with pytest.raises(CaseError, match=r"episodes.csv:2: YEAR: allowed a year such as 2024"):
        read_ssda903(folder, categories)


def test_swapped_columns_are_refused(categories, tmp_path):
    folder = made_care.write(tmp_path)
    for name, one, two, why in (("episodes", "DECOM", "DEC", "DEC before"),
                                ("header", "CHILD", "DOB", "DOB: no date")):
        path = folder / "2025" / f"{name}.csv"
        text = path.read_text("utf-8")
        heads, _, rows = text.partition("\n")
        swapped = [{one: two, two: one}.get(head, head) for head in heads.split(",")]
        path.write_text(",".join(swapped) + "\n" + rows.replace(",,\n", ",20/03/2025,\n"), "utf-8")
        with pytest.raises(CaseError) as caught:
            read_ssda903(folder, categories)
        assert re.search(rf"2025/{name}.csv:2: found 2 rows, 0 that can be used; allowed one in "
                         rf"ten \(are two columns swapped\?\): 2 x {why}", str(caught.value))
        assert "15/05" not in str(caught.value) and "20/0" not in str(caught.value)
        path.write_text(text, "utf-8")


def test_what_is_kept_names_no_file(categories, tmp_path):
    folder = made_care.plant(tmp_path / "raw")
    (folder / "2025").rename(folder / "PLANTED77 of 2025")
    (folder / "PLANTED77 of 2025" / "header.csv").rename(
        folder / "PLANTED77 of 2025" / "header PLANTED77.csv")
    found = read_ssda903(folder, categories)
    files, tree = described("ours", found)
    assert "PLANTED77" in found.quality.to_string()  # messages name the file
    assert not [word for word in made_care.PLANTED if word in str(files) + str(tree)]
    assert files["ours.quality.csv"].splitlines()[1].startswith("2025 header,2,")


def test_columns_in_another_order_a_mark_and_a_line_cut_short(categories, tmp_path):
    plain = read_ssda903(made_care.write(tmp_path / "plain"), categories)
    folder = made_care.write(tmp_path / "odd")
    path = folder / "2025" / "episodes.csv"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    text = frame[frame.columns[::-1]].to_csv(index=False) + "N1,C2,half"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    found = read_ssda903(folder, categories)
    assert found.counts.equals(plain.counts)
    ((reason, (count, line)),) = [one for one in lost(found).items() if "values" in one[0]]
    assert (count, line) == (1, "4") and "half" not in reason


def test_the_year_is_found_without_a_name(categories, tmp_path):
    plain = read_ssda903(made_care.write(tmp_path / "plain"), categories)
    folder = made_care.write(tmp_path / "odd")
    # the latest date of the later return is in November 2024, in the year to March 2025
    (folder / "2024").rename(folder / "first")
    (folder / "2025").rename(folder / "second")
    assert read_ssda903(folder, categories).counts.equals(plain.counts)
    for name, year in (("SSDA903 2023-24", 2024), ("return_2023_2024", 2024), ("2025", 2025)):
        (folder / "first").rename(folder / name)
        if year == 2024:
            assert read_ssda903(folder, categories).counts.equals(plain.counts), name
        (folder / name).rename(folder / "first")


def test_many_rows_are_read_at_once(categories, tmp_path):
    header = [f"Z{n},1,15/05/2012" for n in range(20_000)]
    years = {2025: (header, [f"Z{n},{1 + day:02d}/05/2024,S,C2,N1,U6,PR4,{2 + day:02d}/05/2024,"
                             for n in range(20_000) for day in range(5)])}
    found = read_ssda903(made_care.write(tmp_path, years), categories)
    assert found.quality.query("reason == ''")["rows"].sum() == 120_000
    assert found.counts.query("kind == 'days'")["count"].sum() == 100_000
    assert found.counts.query("kind == 'short'")["count"].sum() == 20_000


@pytest.mark.parametrize("seed", range(4))
def test_totals_tie_whatever_the_rows_say(categories, tmp_path, seed):
    rng = np.random.default_rng(seed)

    def day(first, last):
        ours = np.datetime64(first) + rng.integers(0, 365 * (last - int(first[:4])))
        form = rng.integers(12)
        return "" if form == 0 else "soon" if form == 1 else f"{ours}" if form % 2 else (
            pd.Timestamp(ours).strftime("%d/%m/%Y"))

    def one(*some):
        return some[rng.integers(len(some))]

    years = {year: ([f"C{n},1,{day('2000-01-01', 2024)}" for n in range(60)], [
        f"C{rng.integers(66)},{day('2021-04-01', year)},S,{one('C2', 'V3', 'E1')},N1,"
        f"{one('U1', 'K2', 'H5', 'P1', 'ZZ')},{one('PR1', 'PR4', '', 'PRX')},"
        f"{day('2021-06-01', year)}," for _ in range(120)]) for year in (2023, 2024, 2025)}
    found = read_ssda903(made_care.write(tmp_path, years), categories)
    whole = found.quality[found.quality["reason"] == ""].set_index("file")
    parts = found.quality[found.quality["reason"] != ""].groupby("file")["not used"].sum()
    assert (whole["rows"] == whole["used"] + whole["not used"]).all()
    assert parts.equals(whole["not used"].astype(int)[parts.index].rename("not used"))
    table = found.counts.groupby(["year", "kind"])["count"].sum().unstack(fill_value=0)
    table = table.reindex(columns=["position", "joiner", "leaver", "adult"], fill_value=0)
    closing = table["position"].shift() + table["joiner"] - table["leaver"] - table["adult"]
    assert closing[1:].tolist() == table["position"][1:].tolist()
    days = found.counts.query("kind == 'days'")["count"]
    assert (days > 0).all() and days.sum() <= 60 * 3 * 366  # nobody twice on one day
