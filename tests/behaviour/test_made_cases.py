"""Cases that new-case makes run, and say what nobody has looked into."""

import sys
from datetime import date
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sufficiency.case import load_case
from sufficiency.case.new import new_case
from sufficiency.case.returns import published
from sufficiency.model.placements import calendar
from sufficiency.model.placements.calibrate import calibrate
from sufficiency.model.placements.growth import population_index
from sufficiency.model.streams import Worlds
from sufficiency.run import cli, forecast

sys.path.insert(0, str(Path(__file__).parents[1]))
import synthetic_transitions as synthetic


@pytest.fixture(scope="module", autouse=True)
def read_once():
    """The Department's files, read once for all these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "read_folder", cache(published.read_folder))
        yield


@pytest.fixture(scope="module")
def make(project, shared):
    """Makes a council's case from the Department's files: (case, notices)."""
    def made(council, name):
        _, notices = new_case(name, published=shared / "data", council=council, root=project,
                              gaps=forecast.gaps, force=True)
        return load_case(name, root=project), notices
    return made


def costed(case, draws=50):
    worlds, found = Worlds(case.assumptions, 3, draws), calibrate(case)
    plans = forecast.simulate(case, found, worlds)
    return plans, forecast.cost(case, plans, worlds)[0]


@pytest.mark.parametrize("council, january", [
    ("North Northamptonshire", 2025), ("City of London", 2023), ("Isles of Scilly", 2023),
    ("Bournemouth, Christchurch and Poole", 2023), ("Wakefield", 2023)])
def test_costs_begin_in_the_year_of_the_first_january(make, council, january):
    case, _ = make(council, "council")
    plans, spend = costed(case)
    assert plans["year"].values[0] == january
    assert spend["financial_year"].values[0] == calendar.financial_year(january - 1)
    assert spend["financial_year"].values[-1] == calendar.financial_year(january + 5)
    assert bool(np.isfinite(spend["nominal"]).all())


def test_an_outturn_that_lags_the_count_moves_the_first_year_on(small_case):
    """The January 2025 count with the outturn to 2023-24, as things stood in June 2025."""
    case = load_case("devon", root=small_case.root)
    del case.tables["section_251"].rows["2024-25"]
    plans, spend = costed(case, 20)
    assert forecast.tie(case, plans).last == "2023-24"
    assert spend["financial_year"].values[0] == "2024-25"


def test_only_the_years_over_two_per_cent_are_accepted_each_with_its_gap(make):
    case, notices = make("Rutland", "rutland")
    accepted, gaps = case.value("costs.ledger.accepted_gap"), forecast.gaps(case)
    assert accepted == {
        year: f"new-case: modelled {gap:+.1%} against outturn in {year}, not looked into"
        for year, gap in gaps.items() if abs(gap) > 0.02}
    assert list(accepted) == ["2022-23", "2023-24", "2024-25"]
    assert "modelled -14.5% against outturn in 2024-25" in accepted["2024-25"]
    said = [notice for notice in notices if notice.startswith("new-case: modelled")]
    assert len(said) == 3 and said[-1].endswith("the reason in costs.ledger.accepted_gap.2024-25")
    assert "accepted_gap" not in make("Kent", "kent")[0].value("costs.ledger")


def test_without_gaps_nothing_is_accepted(project, shared):
    new_case("stopped", published=shared / "data", council="Rutland", root=project)
    with pytest.raises(ValueError, match=r"2022-23 modelled is \+6.9% from outturn; allowed 2%"):
        costed(load_case("stopped", root=project), 20)


def test_rows_not_used_are_listed_on_stderr_and_counted_in_the_case(
        project, shared, capsys, monkeypatch):
    monkeypatch.setenv("SUFFICIENCY_ROOT", str(project))
    assert cli.main(["new-case", "listed", "--published", str(shared / "data"),
                     "--council", "Kent"]) == 0
    out, said = capsys.readouterr()
    assert out.splitlines() == [str(project / "params" / "councils" / "listed.yaml")]
    assert "7 rows of the folder's files were not used" in said
    assert "not used: ehcp_flows.csv:516: joined with a row of the same key" in said
    assert said.count("not used: ") == 7
    log = load_case("listed", root=project).log().set_index("key")
    note = log.loc["published.plans_by_setting", "note"]
    assert note == "7 rows of the folder's files were not used"
    assert "csv:516" not in (project / "params" / "councils" / "listed.yaml").read_text("utf-8")


def test_the_first_ten_rows_are_listed_and_the_rest_counted(tmp_path, project):
    synthetic.write(tmp_path / "folder", children=20)
    path = tmp_path / "folder" / "transitions.csv"
    bad = ["2019,NONSEND,NONSEND,3,NONSEND,NONSEND,4"] * 13
    path.write_text("\n".join([*path.read_text().splitlines(), *bad]) + "\n")
    _, notices = new_case("bad_rows", transitions=tmp_path / "folder", root=project)
    listed = [notice for notice in notices if notice.startswith("not used: transitions.csv:")]
    assert len(listed) == 10 and listed[0].endswith(": NONSEND on both sides")
    assert "... and 3 more" in notices


def test_a_stale_series_is_dated_by_its_latest_row(make):
    case, _ = make("Dorset", "dorset")
    last = case.published("plans_by_setting").index[-1]
    assert last == 2023 and case.value("horizon.last_january") == 2029
    # the block of 2023-24 came out in March 2024
    assert case.as_at == date(2024, 3, 31)
    assert case.title == "What Dorset's high needs placements will cost to 2028-29"
    assert make("Rutland", "rutland")[0].as_at == date(2026, 1, 31)


def test_counts_of_a_transitions_folder_are_not_published_statistics(tmp_path, project):
    synthetic.write(tmp_path / "folder", children=20)
    new_case("counted", transitions=tmp_path / "folder", root=project, gaps=forecast.gaps)
    case = load_case("counted", root=project)
    assert not any(setting.published for setting in case.settings.values())
    assert case.as_at == date(2024, 3, 31) and case.title.endswith("to 2029-30")
    plans, spend = costed(case)
    assert plans["year"].values[-1] == 2031
    assert list(spend["financial_year"].values[[0, -1]]) == ["2023-24", "2029-30"]


def test_a_population_that_stops_short_is_carried_with_a_notice(tmp_path, project):
    synthetic.write(tmp_path / "folder", children=20)
    path = tmp_path / "folder" / "population.csv"
    kept = [line for line in path.read_text().splitlines() if line[:4] not in ("2030", "2031")]
    path.write_text("\n".join(kept) + "\n")
    _, notices = new_case("short", transitions=tmp_path / "folder", root=project)
    assert any(notice.startswith("population.csv ends in 2029: the case carries") for notice in
               notices)
    case = load_case("short", root=project)
    assert case.value("placements.population.carry") == "last"
    assert len(forecast.januaries(case, calibrate(case))) == 7


def test_a_horizon_out_of_reach_is_refused(small_case):
    found = calibrate(small_case)
    for last in (2025, 2036, 2090):
        asked = SimpleNamespace(value={"horizon.last_january": last}.get)
        with pytest.raises(ValueError) as refused:
            forecast.januaries(asked, found)
        assert str(refused.value) == (
            f"horizon.last_january: found {last}; allowed 2026, the January after the last "
            "counted, to 2035, where the projection of the population ends")
    case = load_case("devon", overrides={"horizon.last_january": 2035}, root=small_case.root)
    assert forecast.januaries(case, found)[-1] == 2036


def test_a_population_outside_the_projection_is_refused(small_case):
    found = calibrate(small_case)
    with pytest.raises(ValueError, match=r"population: found mid-years 2022 to 2035; allowed 2024 "
                                         r"to 2036, or placements.population.carry: last"):
        population_index(found, [2026, 2037])


def test_a_profile_nobody_knows_is_refused():
    with pytest.raises(ValueError, match=r"costs.profile.independent_special: found "
                                         r"'weekly'; allowed by_day, termly"):
        calendar.summer_share("independent_special", "weekly")
    assert calendar.summer_share("mainstream", "by_day") == 5 / 12


def test_lines_without_an_outturn_are_not_scaled(small_case):
    case = load_case("devon", root=small_case.root)
    del case.tables["section_251"], case.tables["section_251_forecast"]
    plans, spend = costed(case, 20)
    tied = forecast.tie(case, plans)
    assert tied.factor.tolist() == [1.0] and tied.tie["gap"].isna().all()
    assert spend["financial_year"].values[0] == "2024-25"
