"""The Department's files: read for every council, tied to their totals, refused when malformed."""

import pandas as pd
import pytest
from sufficiency.case import load_case
from sufficiency.case.new import table
from sufficiency.case.returns import published

SETTING = ("geographic_level,la_code,la_name,january_year,release,total,mainstream_total,"
           "special_la_maintained,special_academy_free,special_independent,special_non_maintained,"
           "ap_pru_total,hospital_school,fe_total,specialist_post16,nm_early_years,ed_elsewhere")
AGE = "geographic_level,la_code,la_name,january_year,age_band,ehc_plans_and_statements,release"
LOCAL = "Local authority,E1,Northshire"


def write(folder, setting=(), age=()):
    """A folder of one council, two Januaries."""
    years = [f"{LOCAL},{year},A,100,50,20,10,5,1,2,1,6,2,1,3" for year in (2021, 2022)]
    ages = [f"{LOCAL},{year},{band},{count},A" for year in (2021, 2022) for band, count in
            zip(published.AGE_BANDS, (5, 40, 35, 15, 5, 100), strict=True)]
    (folder / "ehcp_caseload_by_setting.csv").write_text(
        "\n".join([SETTING, *years, *setting]) + "\n", encoding="utf-8")
    (folder / "ehcp_caseload_by_age.csv").write_text(
        "\n".join([AGE, *ages, *age]) + "\n", encoding="utf-8")
    return folder


def test_settings_are_additive_and_make_the_headline(tmp_path):
    found = published.tables(published.read_folder(write(tmp_path)), "northshire")
    row = found["plans_by_setting"].loc[2022]
    assert row["state_special"] == 30 and row["alternative_provision"] == 3
    assert row["further_education"] == 4 and row["specialist_post16"] == 2
    assert row.sum() == 100 == found["plans_by_age"].loc[2022, "all"]
    assert found["plans_by_setting"].attrs["known"] == {2021: "2021-05", 2022: "2022-05"}


def test_the_later_release_stands(tmp_path):
    later = f"{LOCAL},2022,B,100,50,20,10,5,1,2,1,6,2,1,z"
    found = published.tables(published.read_folder(write(tmp_path, [later])), "Northshire")
    found = found["plans_by_setting"]
    assert found.loc[2022].isna()["elsewhere"] and found.loc[2022, "unknown"] == 4
    assert found.loc[2021, "elsewhere"] == 3


def test_rows_that_cannot_be_used_are_listed(tmp_path):
    folder = published.read_folder(write(tmp_path, age=[f"{LOCAL},2022,0-30,7,A"]))
    assert folder.unusable.to_dict("records") == [
        {"line": 14, "reason": "unknown age band", "file": "ehcp_caseload_by_age.csv"}]


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = write(tmp_path) / "ehcp_caseload_by_setting.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    found = published.tables(published.read_folder(tmp_path), "E1")
    assert found["plans_by_setting"].loc[2022].sum() == 100


@pytest.mark.parametrize("old, new, message", [
    ("Northshire,2022,A,100", "Northshire,2022,A,1OO",
     "setting.csv:3: total: found '1OO'; allowed a number or a blank, at least 0"),
    ("Northshire,2022,A,100", "Northshire,2022,A,-1", "setting.csv:3: total: found '-1'"),
    ("Northshire,2022,A,100", "Northshire,2022,A,inf", "setting.csv:3: total: found 'inf'"),
    ("Northshire,2022,A", "Northshire,2021,A,9,9", "setting.csv:3: 19 values where the header has"),
    ("Northshire,2022,A,100", "Northshire,2021,A,99", "setting.csv:3: repeats northshire, 2021"),
    ("fe_total", "fe_all", "setting.csv:1: missing column 'fe_total'; found geographic_level"),
    ("total,mainstream_total", "total,total", "setting.csv:1: a column is named twice"),
    ("Northshire", "Northsh\u00eere", "setting.csv:2: not UTF-8 text; save it as 'CSV UTF-8'"),
])
def test_malformed_files_name_file_line_and_column(tmp_path, old, new, message):
    path = write(tmp_path) / "ehcp_caseload_by_setting.csv"
    text = path.read_text(encoding="utf-8")
    path.write_bytes(text.replace(old, new).encode("latin-1"))
    with pytest.raises(ValueError) as refused:
        published.read_folder(tmp_path)
    assert message in str(refused.value), refused.value


def test_every_problem_is_counted(tmp_path):
    bad = [f"{LOCAL},{year},A,x1,50,20,10,5,1,2,1,6,2,1,3" for year in range(1950, 2000)]
    with pytest.raises(ValueError, match=r"50 problems(.|\n)*and 30 more"):
        published.read_folder(write(tmp_path, bad))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"ehcp_caseload_by_setting\.csv:0: no such file"):
        published.read_folder(tmp_path)


@pytest.fixture(scope="module")
def folder(shared):
    return published.read_folder(shared / "data")


def test_every_council_reads_and_ties(folder):
    for name in sorted(set(folder.plans["la_name"])):
        found = published.tables(folder, name)
        plans, ages = found["plans_by_setting"], found["plans_by_age"]
        assert (plans >= 0).where(plans.notna(), True).all(axis=None), name
        by_age = ages.loc[:2022].drop(columns="all").sum(axis=1)
        assert by_age.equals(plans.sum(axis=1).loc[by_age.index]), name


def test_councils_with_an_unbroken_series(folder):
    names = published.councils(folder)
    assert len(names) == 149 and "Dorset" in names and "Northamptonshire" not in names
    assert published.notices(folder, "Dorset") == [
        "code changed, perhaps the area too: E10000009, E06000059"]
    assert published.notices(folder, "Poole") == [
        "the series ends in January 2019: boundary change?"]


@pytest.mark.parametrize("name, plain", [
    ("Bristol City of", "Bristol, City of"), ("Durham", "County Durham"),
    ("Northamptonshire7", "Northamptonshire"), ("St Helens", "St. Helens"),
    ("Bournemouth, Christchurch & Poole", "Bournemouth, Christchurch and Poole"),
    ("Bedford Borough", "Bedford")])
def test_spellings_of_one_council(name, plain):
    assert published.plain_name(name) == published.plain_name(plain)


def test_devon_is_typed_to_the_figure(folder, root):
    """Every figure of the files from January 2015 (flows 2014) is in devon.yaml, and no other."""
    case = load_case("devon", root=root)
    first = {"plans_by_setting": 2015, "plans_by_age": 2015, "new_plans": 2014, "flows": 2014}
    for name, frame in published.tables(folder, "Devon").items():
        typed = case.published(name)
        wanted = frame.loc[first.get(name, frame.index[0]):]
        # 111.5 for 2023-24 comes from elsewhere
        typed = typed.drop(index="2023-24") if name == "deficit_1_9_3" else typed
        pd.testing.assert_frame_equal(typed[list(frame)], wanted, check_index_type=False)
        assert list(typed.index) == list(wanted.index), name
    plans = case.published("plans_by_setting").sum(axis=1)
    assert plans.loc[[2018, 2020, 2025]].to_list() == [4093, 6474, 9848]


def test_england_and_the_region_are_typed_to_the_figure(folder, root):
    case = load_case("devon", root=root)
    for prefix, area in (("england", "England"), ("region", "South West")):
        found = published.tables(folder, area)
        typed = case.published(f"{prefix}_plans")["all"].drop(index=2026, errors="ignore")
        assert typed.to_dict() == found["plans_by_setting"].sum(axis=1).to_dict()
        issued = case.published(f"{prefix}_flows")["issued"].drop(index=2025, errors="ignore")
        assert issued.to_dict() == found["flows"]["issued"].to_dict()


def test_a_frame_and_its_table_say_the_same(folder):
    frame = published.tables(folder, "Devon")["plans_by_setting"]
    made = table(frame, **frame.attrs)
    assert made["rows"][2025]["independent_special"] == 863
    assert made["rows"][2010]["further_education"] is None
    assert made["rows"][2025]["known"] == "2025-06"
