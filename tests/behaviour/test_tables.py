"""Tables: rounded for the reader, exact in the file, and proof against names."""

import pandas as pd
import pytest
from example_notebook import a_table
from sufficiency.report import tables


def test_cells_are_rounded_and_headed_in_words():
    frame = pd.DataFrame({"year": [2026, 2027], "mean": [12345.6, -0.4], "p10": [None, -7.25]})
    table = tables.Table("t", "Caption", frame, units={"p10": "£m"})
    shown = table.shown()
    assert list(shown) == ["January", "Mean", "10th percentile (£m)"]
    assert shown.to_numpy().tolist() == [["2026", "12,346", ""], ["2027", "0", "\u22127.2"]]


def test_three_figures_a_cell():
    frame = pd.DataFrame({"key": list("abc"), "central": [64000.0, 3.14159, 0.0123]})
    shown = tables.Table("t", "c", frame, decimals={"central": "g"}).shown()
    assert shown["Central"].tolist() == ["64,000", "3.14", "0.0123"]


def test_markdown_aligns_numbers_and_escapes_names():
    lines = a_table().markdown().splitlines()
    assert lines[0] == "| Provider | Spend (£m) |"
    assert lines[1] == "| :--- | ---: |"
    assert "\\<b\\>" in lines[3] and "\\|" in lines[3] and "\\[x\\]" in lines[3]
    assert lines[-1] == ": Spend by provider {#tbl-providers}"


def test_bundle_keeps_exact_data_for_the_workbook():
    data, metadata = a_table()._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/markdown", "text/html"}
    assert "<b>" not in data["text/html"]
    pd.testing.assert_frame_equal(tables.read(metadata["annex"]).frame, a_table().frame)


def test_refuses_a_table_without_rows_or_caption():
    with pytest.raises(ValueError, match="table 't': allowed: a label, a caption and some rows"):
        tables.Table("t", "c", pd.DataFrame({"a": []}))
    with pytest.raises(ValueError, match="caption"):
        tables.Table("t", " ", pd.DataFrame({"a": [1]}))


def test_yes_and_no():
    frame = pd.DataFrame({"year": [2024, 2025], "inside": [True, False]})
    assert tables.Table("t", "c", frame).shown()["Inside"].tolist() == ["Yes", "No"]
