"""The Department's tables: what is modelled adds up, what is not stays blank and says so."""

import datetime
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sufficiency.report import plan_tables
from sufficiency.report.document import Front
from sufficiency.report.workbook import write_workbook

SETTINGS = ["mainstream", "state_special", "independent_special", "elsewhere"]
FLOWS = pd.DataFrame({"requests": [300.0, None], "assessed": [200.0, 240], "issued": [150.0, 160]},
                     index=[2023, 2024])  # fmt: skip
NEEDS = pd.DataFrame({"asd": [30.0], "semh": [70.0]}, index=[2025])


@pytest.fixture
def plans():
    """Two worlds, 10 plans apart, January 2025 to 2027; at one age a setting."""
    values = np.zeros((2, 3, 4, 26))
    for setting, age, count in ((0, 7, 400), (0, 17, 100), (1, 12, 200), (2, 12, 94), (3, 3, 6)):
        values[:, :, setting, age] = count
    values[1, 1:, 1, 12] += 20
    return xr.DataArray(values, dims=("draw", "year", "setting", "age"),
                        coords={"year": [2025, 2026, 2027], "setting": SETTINGS,
                                "age": range(26)})  # fmt: skip


@pytest.fixture
def joiners():
    return xr.DataArray([[180.0, 200, 220], [200, 220, 240]], dims=("draw", "year"),
                        coords={"year": [2025, 2026, 2027]})  # fmt: skip


@pytest.fixture
def found(plans, joiners):
    made = plan_tables.reform_plan(plans, joiners, FLOWS, NEEDS, unreconciled=40.0)
    return {table.label: table.frame.set_index(table.frame.columns[0]) for table in made}


def test_labels_make_sheets(plans, joiners):
    made = plan_tables.reform_plan(plans, joiners) + plan_tables.cyp_summary(plans)
    labels = [table.label for table in made]
    assert labels == ["lsrp_5_1", "lsrp_6", "lsrp_7", "lsrp_7_1_to_7_7", "lsrp_10", "lsrp_11",
                      "lsrp_12", "dsg_cyp_by_setting", "dsg_cyp_by_age"]  # fmt: skip
    assert all(len(label) <= 31 for label in labels)


def test_2025_is_the_census_of_january_2026(found):
    ages = found["lsrp_5_1"]["2025"]
    assert ages["Age 5 to 10"] == 400 and ages["Age 16 to 19"] == 100
    assert ages["Age 11 to 15"] == 300  # 200 + half of 20 + 94, to the nearest 10
    assert ages["All ages"] == 810
    assert found["lsrp_5_1"]["2027"].isna().all()


def test_every_plan_is_in_one_provision_and_the_rest_is_blank(found):
    table = found["lsrp_6"]
    assert len(table) == 14 + 2
    assert table["2025"].dropna().to_dict() == {
        "Mainstream schools or academies": 400, "Mainstream post-16 provision": 100,
        "Maintained special schools or special academies": 210,
        "NMSS or independent schools: LA funded placements": 90, "All plans": 810}  # fmt: skip
    blank = table.index[table["Status"].str.startswith("not modelled")]
    assert table.loc[blank, [*map(str, plan_tables.YEARS)]].isna().all(axis=None)
    assert table.loc["Support bases in mainstream settings", "Status"].endswith("mainstream")
    assert "no such setting" in table.loc["Alternative provision", "Status"]


def test_small_counts_are_blank_and_published_ones_pass(plans, joiners):
    elsewhere = plan_tables.PROVISION[-1][0]
    for keep, count in (((), np.nan), ([2026], 6.0)):
        table = plan_tables.reform_plan(plans, joiners, keep=keep)[1].frame
        row = table[table["Provision"] == elsewhere].iloc[0]
        assert np.array_equal(row["2025"], count, equal_nan=True)
        assert row["Status"].startswith("modelled")


def test_needs_go_by_shares_that_the_note_names(plans, joiners):
    table = plan_tables.reform_plan(plans, joiners, needs=NEEDS)[2]
    frame = table.frame.set_index("Primary need")
    assert frame.loc["Autistic spectrum disorder", "2025"] == 240  # 0.3 x 810
    assert frame.loc["All needs", "2025"] == 810
    assert "Assumption" in table.note and "January 2025" in table.note
    none = plan_tables.reform_plan(plans, joiners)[2].frame
    assert none["Status"].iloc[:-1].str.startswith("not modelled").all()


def test_requests_follow_plans_issued_by_the_last_published_ratio(plans, joiners, found):
    # plans issued in 2025: mean joiners 190 less 40; requests last published for 2023
    assert found["lsrp_12"].loc["All ages", "2025"] == 150
    assert found["lsrp_10"].loc["All ages", "2025"] == 300
    assert found["lsrp_11"].loc["All ages", "2025"] == 220  # 1.5 x 150, to the nearest even 10
    assert found["lsrp_10"].iloc[:-1, :-1].isna().all(axis=None)
    note = plan_tables.reform_plan(plans, joiners, FLOWS)[4].note
    assert "2.00 for each plan issued, as published for 2023" in note
    bare = plan_tables.reform_plan(plans, joiners)[4].frame
    assert bare.iloc[-1, 1:-1].isna().all() and "not published" in bare.iloc[-1, -1]


def test_no_table_before_its_years(plans, joiners):
    early = plans.assign_coords(year=plans.year - 5)
    assert plan_tables.reform_plan(early, joiners) == []


STATEMENT = pd.DataFrame({"2025-26": {
    "block": 100e6, "income": 100e6, "Mainstream schools": 80e6, "services": 50e6,
    "cash_savings": 5e6, "spend": 125e6, "place_funding": 12e6, "in_year": 37e6,
    "after_council_and_dfe": 200e6}})  # fmt: skip


def test_a_statement_must_add_and_shows_outturn_first():
    outturn = pd.DataFrame({"2024-25": {"spend": 120e6}})
    year_end, table = plan_tables.financial_summary({"mitigated": STATEMENT}, outturn)
    frame = table.frame.set_index("Line")
    assert list(frame) == ["2024-25 outturn", "2025-26 forecast"]
    assert frame.loc["Spending, lines 1.2.x"].tolist() == [120.0, 125.0]
    assert np.isnan(frame.loc["In-year position", "2024-25 outturn"])
    assert table.units["2025-26 forecast"] == "£m" and table.label == "dsg_mitigated"
    assert year_end.frame.iloc[1, 2] == 200.0
    order = list(frame.index)
    assert order.index("Mainstream schools") < order.index("Services not tied to a child")
    wrong = STATEMENT.copy()
    wrong.loc["in_year"] += 1000
    with pytest.raises(ValueError, match=r"in_year is not the sum.*1,000"):
        plan_tables.financial_summary({"mitigated": wrong})


def test_a_cover_keeps_people_blank():
    frame = plan_tables.cover({"Council": "Devon"}).frame.set_index("Item")["Value"]
    assert frame["Council"] == "Devon" and frame["Section 151 officer"] == ""


ABOUT = pd.DataFrame({
    "label": ["New places", "Framework"], "strand": ["Sufficiency", "Money"],
    "owner": ["A. Officer", None], "start": ["2025-09", "2026-04"], "rag": ["amber", "red"],
    "cashable": [False, True], "quality": ["illustrative"] * 2}, index=["places", "frame"])


def test_mitigations_say_gross_weighted_cost_and_net():
    years = pd.DataFrame({"2025-26": [4e6, 2e6], "2026-27": [6e6, 3e6]}, index=ABOUT.index)
    money = {"gross": years, "weighted": years / 2, "cost": years / 4}
    whole, by_year = plan_tables.mitigations(ABOUT, money)
    rows = whole.frame.set_index("Measure")
    assert rows.loc["New places", "Gross saving"] == 10
    assert rows.loc["All measures", ["Probability-weighted saving", "Cost to deliver",
                                     "Net saving"]].tolist() == [7.5, 3.75, 3.75]  # fmt: skip
    assert rows.loc["Framework", "Owner"] == "" and rows.loc["Framework", "RAG"].startswith("Red:")
    assert rows.loc["New places", "Kind"] == "cost avoidance"
    assert by_year.frame["Measure"].tolist() == ["New places"] * 4 + ["Framework"] * 4
    assert by_year.frame["2026-27"].tolist() == [6, 3, 1.5, 1.5, 3, 1.5, 0.75, 0.75]
    assert len(whole.note) > 20 and whole.units["Net saving"] == "£m"


def test_groups_of_sheets_follow_the_notebooks_tables(tmp_path, plans, joiners):
    front = Front("T", "S", "Example", datetime.date(2026, 6, 30))
    first = plan_tables.cover({})
    groups = {"Local SEND Reform Plan": plan_tables.reform_plan(plans, joiners)}
    path = write_workbook(tmp_path / "a.xlsx", [first], front, (), groups)
    with zipfile.ZipFile(path) as book:
        names = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
        said = book.read("xl/sharedStrings.xml").decode()
    assert names[:4] == ["Cover", "Contents", "dsg_cover", "lsrp_5_1"]
    assert "Local SEND Reform Plan: 6 Plans by provision" in said
