"""A placement list: every row is used or listed, and nothing is kept that says which child."""

import sys
from pathlib import Path

import pytest
from sufficiency.case.returns.placement_list import listed_problems, read_placement_list
from sufficiency.run.cli import main

sys.path.insert(0, str(Path(__file__).parents[1]))
import synthetic_placements as synthetic

HEAD = "reference,setting,provider,bought,start_date,end_date,weekly_price,age,primary_need," \
       "need_band,weeks_boarded,distance_miles,education_on_site,transport_included"
ROW = {"reference": "A1", "setting": "Independent special", "provider": "Oak", "bought": "spot",
       "start_date": "2024-09-02", "end_date": "", "weekly_price": "1500.50", "age": "12",
       "primary_need": "SEMH", "need_band": "3", "weeks_boarded": "38", "distance_miles": "12.5",
       "education_on_site": "yes", "transport_included": "N"}


def listing(path, *changes, head=HEAD, encoding="utf-8"):
    """A list with one row a change of ROW, references A1, A2 and so on."""
    rows = [",".join({**ROW, "reference": f"A{n}", **change}.values())
            for n, change in enumerate(changes, 1)]
    path.write_bytes("\r\n".join([head, *rows, ""]).encode(encoding))
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "list.csv"


def test_a_row_is_kept_as_price_and_bands(file):
    found = read_placement_list(listing(file, {}))
    assert found.placements.to_dict("records") == [{
        "setting": "independent special", "provider": "oak", "bought": "spot",
        "weekly_price": 1500.5, "primary_need": "semh", "started": "2024-25", "open": True,
        "age_band": "11-15", "boarding": "term time", "distance": "10 to 30 miles",
        "need_band": "3", "education_on_site": "yes", "transport_included": "no"}]
    assert not len(found.unusable) and not found.notices


@pytest.mark.parametrize("column, value", [
    ("bought", "off framework"), ("bought", ""), ("start_date", "02/13/2024"),
    ("start_date", "2 Sept 2024"), ("start_date", "1924-09-02"), ("start_date", "02/09/24"),
    ("end_date", "2023-09-01"), ("end_date", "soon"), ("weekly_price", "-5"),
    ("weekly_price", "0"), ("weekly_price", "78000"), ("weekly_price", "1e3"),
    ("weekly_price", "nan"), ("weekly_price", ""), ("weekly_price", "=1+1"), ("age", "26"),
    ("age", "11.5"), ("age", "12 years"), ("primary_need", " "), ("setting", ""),
    ("provider", ""), ("weeks_boarded", "53"), ("weeks_boarded", "termly"),
    ("distance_miles", "far"), ("education_on_site", "maybe"), ("reference", ""),
])
def test_a_bad_value_is_listed_and_totals_agree(file, column, value):
    found = read_placement_list(listing(file, {}, {column: value}, {}))
    assert found.unusable["line"].tolist() == [3] and found.unusable["column"][0] == column
    assert found.unusable["allowed"][0]
    totals = found.totals
    assert totals["placements"].tolist() == [3, 2, 1] and len(found.placements) == 2
    assert totals.loc["read"].tolist() == (totals.loc["used"] + totals.loc["unusable"]).tolist()
    assert found.placements["weekly_price"].sum() == totals.loc["used", "weekly_price"]


def test_every_problem_of_a_row_is_listed_and_the_row_counted_once(file):
    found = read_placement_list(listing(file, {}, {"age": "x", "bought": "y", "start_date": "z"}))
    assert found.unusable["column"].tolist() == ["bought", "start_date", "age"]
    assert found.totals.loc["unusable", "placements"] == 1
    assert listed_problems(found)[0] == (
        "line 3: bought: found 'y'; allowed framework, spot, block")


def test_a_reference_is_read_once_and_never_shown_or_kept(file):
    found = read_placement_list(listing(file, {"reference": "SMITH J"}, {"reference": "smith  j"}))
    assert found.unusable.to_dict("records") == [{
        "line": 3, "column": "reference", "found": "(not shown)",
        "allowed": "each placement once: this one is on an earlier line"}]
    assert "smith" not in (found.placements.to_string() + "".join(listed_problems(found))).lower()
    assert not {"reference", "start_date", "end_date", "age"} & set(found.placements)


def test_columns_that_nobody_asked_for_are_never_kept(file):
    listing(file, {}, head=HEAD.replace("education_on_site", "Child Name"))
    found = read_placement_list(file)
    assert found.notices == ["columns left unread: child_name"]
    assert "child_name" not in found.placements


@pytest.mark.parametrize("said, price", [("£1,500.50", 1500.5), ("1500.5", 1500.5), ("900", 900),
                                         (" 2000 ", 2000)])
def test_money_as_councils_write_it(file, said, price):
    found = read_placement_list(listing(file, {"weekly_price": f'"{said}"'}))
    assert found.placements["weekly_price"].tolist() == [price]


@pytest.mark.parametrize("said, started", [
    ("31/03/2024", "2023-24"), ("2024-03-31", "2023-24"), ("1/4/2024", "2024-25"),
    ("2024-04-01 00:00:00", "2024-25"), ("01/12/2024 00:00", "2024-25")])
def test_both_forms_of_a_date(file, said, started):
    assert read_placement_list(listing(file, {"start_date": said})).placements[
        "started"].tolist() == [started]


@pytest.mark.parametrize("said, band", [("day", "day"), ("0", "day"), ("38", "term time"),
                                        ("52", "all year"), ("", "not stated")])
def test_weeks_boarded(file, said, band):
    found = read_placement_list(listing(file, {"weeks_boarded": said}))
    assert found.placements["boarding"].tolist() == [band]


def test_only_the_required_columns_are_needed(file):
    few = ("reference", "setting", "provider", "bought", "start_date", "weekly_price", "age",
           "primary_need")
    file.write_text(", ".join(name.replace("_", " ").title() for name in few) + "\n"
                    + ",".join(ROW[name] for name in few) + "\n", encoding="utf-8")
    found = read_placement_list(file)
    assert len(found.placements) == 1 and "need_band" not in found.placements
    assert found.placements["open"].tolist() == [True]


@pytest.mark.parametrize("encoding, notice", [("utf-8-sig", 0), ("cp1252", 1)])
def test_files_as_spreadsheets_save_them(file, encoding, notice):
    found = read_placement_list(listing(file, {"provider": "Tŷ É"[-1] + "cole"}, encoding=encoding))
    assert found.placements["provider"].tolist() == ["école"] and len(found.notices) == notice


def test_a_formula_is_a_name(file):
    found = read_placement_list(listing(file, {"provider": '"=cmd(""x"")"'}))
    assert found.placements["provider"].tolist() == ['=cmd("x")']


@pytest.mark.parametrize("change, message", [
    (lambda text: text.replace("weekly_price", "weekly_prices"),
     r"missing column 'weekly_price' \(nearest: weekly_prices"),
    (lambda text: text.replace("need_band", "age"), "a column is named twice"),
    (lambda text: text.replace("need_band", "AGE"), "a column is named twice: age"),
    (lambda text: text.replace("Oak", "Oak, Ltd"), "15 values where the header has 14"),
    (lambda text: "", "missing column 'reference'"),
    (lambda text: text.splitlines()[0], "found 0 rows; allowed some that can be used"),
    (lambda text: text.replace(",spot,", ",direct,"), "problems by column {'bought': 1}"),
    (lambda text: text.replace("Oak", '"Oak') + "x" * 200_000, "quotation mark left open"),
])
def test_files_that_are_no_list_are_refused(file, change, message):
    text = listing(file, {}).read_text(encoding="utf-8")
    file.write_text(change(text), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_placement_list(file)


def test_the_same_seed_makes_the_same_list(tmp_path):
    for name in ("one", "two"):
        synthetic.write(tmp_path / name, seed=5, count=20)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert read_placement_list(tmp_path / "one").totals["placements"].tolist() == [20, 20, 0]


def test_the_command_prints_both_premiums_and_what_was_left_out(file, capsys):
    synthetic.write(file)
    with file.open("a", encoding="utf-8") as more:
        more.write("x,home,y,spot,2024-09-01,,free,12,asd,1,0\n")
    assert main(["premium", str(file)]) == 0
    out, err = capsys.readouterr()
    assert "Mean prices" in out and "like children" in out and "premium: {low: 0." in out
    assert out.splitlines()[1].split()[:2] == ["read", "401"]
    assert err == "line 402: weekly_price: found 'free'; allowed GBP a week, 1 to 50,000\n"
    assert main(["premium", str(file), "--setting", "Independent Special"]) == 0
    assert "Typical prices, like children" in capsys.readouterr().out


def test_the_command_says_when_the_list_cannot_tell(file, capsys):
    assert main(["premium", str(listing(file, {}))]) == 0
    out = capsys.readouterr().out
    assert "The list cannot tell: there are fewer than 15 framework placements." in out
    assert "premium: {" not in out


@pytest.mark.parametrize("arguments, message", [
    (["missing.csv"], "no such file"), (["{}", "--setting", "moon"], "--setting: found 'moon'")])
def test_mistakes_are_one_line_and_exit_code_one(file, capsys, arguments, message):
    listing(file, {})
    assert main(["premium", *(text.format(file) for text in arguments)]) == 1
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err
