"""SEN2 returns into counts: every row is used or has its reason, settings are told, years agree."""

import random
import shutil
import sys
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sufficiency.case import CaseError
from sufficiency.case.returns.sen2_counts import read_sen2, settings_of
from sufficiency.case.returns.transitions import stock
from sufficiency.report import returns_views

sys.path.insert(0, str(Path(__file__).parents[1]))
from made_sen2 import CODES, TYPES, change, file, make


@pytest.fixture(scope="module")
def returns(tmp_path_factory):
    """Three years' returns of the same few children, and one return with their history."""
    folder = tmp_path_factory.mktemp("sen2")
    make.write(folder / "years", seed=4, children=3)
    make.write(folder / "history", seed=4, children=3, history=True)
    return folder


@pytest.fixture(scope="module")
def years(returns):
    return read_sen2(returns / "years", CODES, TYPES)


@pytest.fixture
def one(returns, tmp_path):
    """A copy of the last year's return alone."""
    shutil.copytree(returns / "years" / "2025", tmp_path / "one")
    return tmp_path / "one"


def tied(quality):
    """Rows read of each file are those used and those not used, by reason."""
    whole = quality[quality["reason"] == ""].set_index("file")
    lost = quality[quality["reason"] != ""].groupby("file")["not used"].sum()
    assert (whole["rows"] == whole["used"] + whole["not used"]).all()
    assert (lost.reindex(whole.index, fill_value=0) == whole["not used"]).all()
    return whole


def test_a_return_with_its_history_tells_what_three_returns_tell(returns, years):
    history = read_sen2(returns / "history", CODES, TYPES)
    assert set(history.counts["year"]) == {2022, 2023, 2024}
    for found in (years, history):
        tied(found.quality)
        assert found.synthetic

    def totals(found, kinds):
        counts = found.counts[found.counts["kind"].isin(kinds)]
        return counts.groupby(["year", "age"])["count"].sum().to_dict()

    for kinds in (["joiner"], ["leaver"], ["mover", "stayer"]):
        assert totals(history, kinds) == totals(years, kinds)
    pd.testing.assert_frame_equal(history.flows, years.flows)


def test_children_of_each_january_tie_to_active_plans(returns, years):
    whole = tied(years.quality)
    for january in (2023, 2024, 2025):
        active = whole.filter(like=f"{january}/", axis=0).filter(like="activeplans", axis=0)
        here = stock(years.counts, january).sum()
        assert years.ties.loc[january].tolist() == [here, active["used"].iloc[0], 0, 0]
    starts = years.counts[years.counts["kind"] != "joiner"].groupby("year")["count"].sum()
    assert starts[2023] == years.ties.loc[2023, "by dates"]


def test_movers_are_the_children_who_changed_place(returns, years):
    made = make.simulate(seed=4, children=3)

    def at(one, year):
        day = make.census(year)
        on = one["start"] <= day and (one["cease"] is None or one["cease"] > day)
        return [setting for setting, start in one["places"] if start <= day][-1] if on else None

    for year in (2022, 2023, 2024):
        pairs = [(at(one, year), at(one, year + 1)) for one in made]
        moved = sum(bool(a and b and a != b) for a, b in pairs)
        counts = years.counts[years.counts["year"] == year].groupby("kind")["count"].sum()
        assert counts.get("mover", 0) == moved
        assert counts["leaver"] == sum(bool(a and not b) for a, b in pairs)
        assert counts["joiner"] == sum(bool(b and not a) for a, b in pairs)


def test_an_active_plan_that_has_ceased_by_its_dates_is_told(one):
    line = first_active(one)
    change(one, "namedplan", line, "ceasedate", "15/01/2025")
    found = read_sen2(one, CODES, TYPES)
    by_dates, listed, only_dates, only_listed = found.ties.loc[2025]
    assert (listed - by_dates, only_dates, only_listed) == (1, 0, 1)
    assert any("1 only listed; those by dates are counted" in said for said in found.notices)


def first_active(folder):
    plans = pd.read_csv(file(folder, "namedplan"), dtype=str, keep_default_na=False)
    return int(plans.index[plans["ceasedate"] == ""][0]) + 2


def test_a_plan_that_no_later_return_has_is_taken_as_ceased(returns, tmp_path, years):
    shutil.copytree(returns / "years", tmp_path / "years")
    last = tmp_path / "years" / "2025"
    line = first_active(last)
    change(last, "person", line, "upn", "SYN9999999999")
    found = read_sen2(tmp_path / "years", CODES, TYPES)
    before, after = (x.counts[x.counts["year"] == 2024].groupby("kind")["count"].sum()
                     for x in (years, found))
    assert after["leaver"] == before["leaver"] + 1 and after["joiner"] == before["joiner"]
    assert any("1 plans without a cease date are in no later return" in said
               for said in found.notices)


def test_a_plan_moved_in_from_another_council_starts_with_its_placement(one):
    line = first_active(one)
    path = file(one, "namedplan")
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(lines[:line - 1] + lines[line:]) + "\n", encoding="utf-8")
    plandetail = file(one, "plandetail")
    found = read_sen2(one, CODES, TYPES)
    assert any("1 active plans without a named plan" in said for said in found.notices)
    assert found.ties.loc[2025].tolist()[2:] == [0, 0]
    lost = found.quality[found.quality["file"] == plandetail.name]
    assert lost["not used"].iloc[0] == 1, "its plan detail has no plan"


def test_children_past_25_are_told(one):
    change(one, "person", first_active(one), "personbirthdate", "01/09/1990")
    found = read_sen2(one, CODES, TYPES)
    assert any("people past 25 at 31 August" in said for said in found.notices)
    assert found.ties.loc[2025, "only active plans"] == 1


def test_an_unmapped_setting_is_counted_and_listed(one):
    change(one, "placementdetail", 4, "sensetting", "XYZ")
    found = read_sen2(one, CODES, TYPES)
    name = file(one, "placementdetail").name
    assert any(said.startswith(f"SENsetting 'XYZ': 1 rows counted as unknown, {name}:4; say what "
                               "it is in returns.sen2_settings") for said in found.notices)


def test_without_establishments_the_stated_rule_holds(one):
    found = read_sen2(one, CODES)
    assert set(found.counts["place"]) == {"elsewhere", "unknown"}
    assert any("give their types with --establishments FILE" in said for said in found.notices)
    lines = range(2, 30)
    for line in lines:
        change(one, "placementdetail", line, "senunitindicator", "true")
    units = read_sen2(one, CODES).settings
    assert 0 < units["mainstream"].sum() <= 2 * len(lines)
    assert "unit or resourced provision" in units.index


@pytest.mark.parametrize("row, place, told", [
    (["100000", "", "NEET", "1", "1"], "elsewhere", "SENsetting"),
    (["100000", "", "", "1", ""], "state_special", "type of establishment"),
    (["", "10000001.0", "", "", ""], "further_education", "type of establishment"),
    (["999999", "", "", "", "true"], "mainstream", "unit or resourced provision"),
    (["999999", "", "", "0", "false"], "unknown", "unknown establishment type"),
    (["", "", "", "", ""], "unknown", "no placement"),
    (["", "", "nic", "", ""], "unknown", "SENsetting not in the case"),
])
def test_settings_are_told_in_a_stated_order(row, place, told):
    names = ["urn", "ukprn", "sensetting", "senunitindicator", "resourcedprovisionindicator"]
    types = {"100000": "state_special", "10000001": "further_education"}
    found = settings_of(pd.DataFrame([row], columns=names), {"NEET": "elsewhere"}, types)
    assert [series.iloc[0] for series in found] == [place, told]


def test_returns_of_one_january_only_with_no_earlier_plan_still_count_a_pair(tmp_path):
    start = date(2023, 6, 1)
    child = {"born": date(2015, 1, 1), "received": start - timedelta(days=100), "start": start,
             "cease": None, "reason": "", "places": [("mainstream", start)]}
    make.write_return(tmp_path, 2024, [child], make.census(2023))
    found = read_sen2(tmp_path, CODES, TYPES)
    assert found.counts.to_dict("records") == [
        {"year": 2023, "kind": "joiner", "place": "mainstream", "age": 8, "destination": "",
         "count": 1}]


def test_a_case_made_by_hand_has_no_quality_table(small_case):
    assert returns_views.quality_items(small_case) == []
    assert "not on a return by child" in returns_views.quality_words(small_case)


CELLS = ["", "x", "0", "-1", "2022-09-28", "2022-Feb-30 00:00:00", "31/12/2099", "NEET", "Ω",
         "1;2", "a\tb", "999999"]
SECRET = ("SYN0", "Synthetic", "Child", "ZZ99", "2011-", "/2011")
EDITS = st.lists(st.tuples(
    st.sampled_from([name for name in make.COLUMNS if name != "sen2"]), st.integers(2, 12),
    st.integers(0, 9), st.sampled_from(CELLS)), min_size=1, max_size=6)


@settings(max_examples=10, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS)
def test_whatever_is_in_a_file_each_row_is_used_or_listed(edits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("edited")
    luck = random.Random(1)
    made = [{"born": date(2011, 1 + n % 12, 5), "received": date(2021, 1, 5),
             "start": date(2021, 6, 1 + n), "cease": None, "reason": "",
             "places": [(luck.choice(["mainstream", "elsewhere"]), date(2021, 6, 1 + n))]}
            for n in range(14)]
    make.write_return(folder, 2024, made, make.census(2023))
    for module, line, at, value in edits:
        path = file(folder, module)
        lines = path.read_text("utf-8").splitlines()
        cells = lines[line - 1].split(",")
        cells[at % len(cells)] = value
        lines[line - 1] = ",".join(cells)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    try:
        found = read_sen2(folder, CODES, TYPES)
    except CaseError as error:
        assert "allowed" in str(error) and not any(word in str(error) for word in SECRET)
        return
    whole = tied(found.quality)
    wanted = {path.name: len(path.read_text("utf-8").splitlines()) - 1
              for path in folder.iterdir()}
    assert whole["rows"].to_dict() == wanted
    said = " ".join(found.notices) + found.quality.to_csv()
    assert not any(word in said for word in SECRET)
    assert found.ties.loc[2024, "by dates"] == stock(found.counts, 2024).sum()
