"""The workbook: real numbers, text that stays text, the same bytes."""

import re
import zipfile

import pandas as pd
import pytest
from example_notebook import FRONT, a_fan, a_table
from sufficiency.report.tables import Table
from sufficiency.report.workbook import write_workbook

HOSTILE = ["=cmd()", "+1", "@x", "[a](http://b)", "$$note$$", "--", "http://c"]


def parts(path):
    with zipfile.ZipFile(path) as book:
        return {name: book.read(name).decode() for name in book.namelist() if "xml" in name}


@pytest.fixture
def book(tmp_path):
    names = Table("names", "Names", pd.DataFrame({"provider": HOSTILE, "places": range(7)}))
    tables = [a_table(), a_fan().table(), names]
    return parts(write_workbook(tmp_path / "annex.xlsx", tables, FRONT, ["Invented."]))


def test_sheets_title_and_real_numbers(book):
    assert re.findall(r'<sheet name="([^"]+)"', book["xl/workbook.xml"]) == [
        "Cover", "Contents", "Notes", "providers", "plans", "names"]  # fmt: skip
    assert f"<dc:title>{FRONT.title}</dc:title>" in book["docProps/core.xml"]
    assert "<v>1.25</v>" in book["xl/worksheets/sheet4.xml"]
    assert 'formatCode="#,##0.0"' in book["xl/styles.xml"]
    assert "Synthetic example" in book["xl/sharedStrings.xml"]


def test_no_cell_is_a_formula_or_a_link(book):
    for name, xml in book.items():
        if "worksheets/sheet" in name and "_rels" not in name:
            assert "<f>" not in xml, name
        if name.endswith("sheet6.xml.rels"):
            assert "hyperlink" not in xml
    for text in ("=cmd()", "+1", "@x", "[a] (http://b)", "$ $note$ $", "http://c"):
        assert f">{text}</t>" in book["xl/sharedStrings.xml"]


def test_same_inputs_same_bytes(tmp_path):
    first, second = (write_workbook(tmp_path / f"{n}.xlsx", [a_table()], FRONT) for n in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_refuses_two_tables_of_one_label(tmp_path):
    with pytest.raises(ValueError, match="each once"):
        write_workbook(tmp_path / "a.xlsx", [a_table(), a_table()], FRONT)
