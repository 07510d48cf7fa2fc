"""A case made from a transitions folder whose rates are known runs, and gives their mean."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sufficiency.case import CaseError, load_case
from sufficiency.case.new import new_case

sys.path.insert(0, str(Path(__file__).parents[1]))
import synthetic_transitions as synthetic

DRAWS = 2_000


@pytest.fixture(scope="module")
def project(project):
    """A root with the national file only, and a folder of transitions as expected."""
    synthetic.write(project / "folder", seed=None)
    return project


@pytest.fixture(scope="module")
def made(project):
    new_case("synthetic", transitions=project / "folder", root=project)
    return load_case("synthetic", root=project)


def simulated(case, draws=DRAWS):
    from sufficiency.model.placements.calibrate import calibrate
    from sufficiency.model.streams import Worlds
    from sufficiency.run import forecast

    worlds = Worlds(case.assumptions, 11, draws)
    found = calibrate(case)
    return found, worlds, forecast.simulate(case, found, worlds)


def test_the_mean_is_that_of_the_flat_rates(made):
    found, _, plans = simulated(made)
    places = list(found.rates.places)
    stock = {(place, age): float(found.rates.stock[places.index(place), age])
             for place in synthetic.PLACES for age in synthetic.ages(place)}
    for year in plans["year"].values[1:]:
        stock = synthetic.step(stock, synthetic.yearly_joiners())
        draws = plans["plans"].sel(year=year).sum(["setting", "age"]).values
        error = 4 * draws.std() / np.sqrt(len(draws))
        assert abs(draws.mean() / sum(stock.values()) - 1) < 0.01 + error / draws.mean(), year


def test_rates_are_those_of_the_folder(made):
    rates, _, _ = simulated(made, 20)
    rates, places = rates.rates, list(rates.rates.places)
    for place, share in synthetic.LEAVE.items():
        ages = list(synthetic.ages(place))[1:-1]
        found = rates.leave_mean[places.index(place), ages]
        # five children's weight on the group's rate, and whole children
        assert np.abs(found - share).max() < 0.03, place
        assert rates.leave_mean[places.index(place), ages[-1] + 1] > 0.98, place
    assert rates.join_mean.sum() == pytest.approx(sum(synthetic.JOIN.values()), rel=0.01)


def test_spend_is_children_times_the_costs_given(made):
    from sufficiency.run import forecast

    _, worlds, plans = simulated(made, 50)
    spend, ledger = forecast.cost(made, plans, worlds)
    assert ledger.unit_costs.iloc[:, 0].to_dict() == pytest.approx(synthetic.COST)
    first = spend.isel(financial_year=0)
    for place, cost in synthetic.COST.items():
        years = first["placement_years"].sel(setting=place).sum("age_band")
        total = first["nominal"].sel(setting=place).sum("age_band")
        assert float(total.mean() / years.mean()) == pytest.approx(cost, rel=1e-6)


def test_needs_kept_apart_add_up(project, made):
    new_case("by_need", transitions=project / "folder", root=project, by_need=True)
    case = load_case("by_need", root=project)
    assert len(case.settings) == 6
    apart, whole = case.counts, made.counts
    assert apart["count"].sum() == whole["count"].sum()
    by_kind = apart.groupby("kind")["count"].sum()
    assert by_kind.to_dict() == whole.groupby("kind")["count"].sum().to_dict()


def test_counts_are_an_input_and_not_pupils(made):
    assert made.files[-1].name == "synthetic.counts.csv"
    lines = made.files[-1].read_text().splitlines()
    assert lines[0] == "year,kind,place,age,destination,count"
    assert len(lines) < 800
    made.files[-1].write_text("\n".join([*lines[:-1], lines[-1] + "0"]) + "\n")
    with pytest.raises(ValueError, match=r"counts\.csv:1: changed since the case was made"):
        _ = made.counts
    made.files[-1].write_text("\n".join(lines) + "\n")


def test_counts_not_yet_known_are_left_out(made):
    assert made.as_known("2024-03").counts["year"].max() == 2023
    known = load_case("synthetic", root=made.root)
    assert known.counts["year"].max() == synthetic.LAST


@pytest.mark.parametrize("name, message", [
    ("../devon", "name: found '../devon'"),
    ("a b", "name: found 'a b'"),
    ("national", "not 'national'"),
    ("synthetic", "a case already; allowed a new name, or force"),
])
def test_names_in_use_or_unfit_are_refused(project, made, name, message):
    with pytest.raises(CaseError, match=message):
        new_case(name, transitions=project / "folder", root=project)


def test_both_folders_or_none_are_refused(project):
    with pytest.raises(CaseError, match="two sources or none"):
        new_case("neither", root=project)


def test_force_replaces_and_failure_leaves_nothing(project, made):
    before = {path: path.read_bytes() for path in (project / "params" / "councils").iterdir()}
    with pytest.raises(CaseError, match="no such file"):
        new_case("synthetic", transitions=project / "nowhere", root=project, force=True)
    after = {path: path.read_bytes() for path in (project / "params" / "councils").iterdir()}
    assert after == before
    new_case("synthetic", transitions=project / "folder", root=project, force=True)
    assert load_case("synthetic", root=project).resolved == made.resolved


def test_published_figures_come_through_unchanged(project, shared):
    from sufficiency.case.returns.published import read_folder, tables

    path, _ = new_case("kent", published=shared / "data", council="Kent", root=project)
    case = load_case("kent", root=project)
    assert path.name == "kent.yaml" and case.value("council.name") == "Kent"
    for name, frame in tables(read_folder(shared / "data"), "Kent").items():
        found = case.published(name)
        same = frame.loc[found.index, found.columns]
        pd.testing.assert_frame_equal(found, same, check_index_type=False, obj=name)
    _, worlds, plans = simulated(case, 50)
    from sufficiency.run import forecast

    spend, _ = forecast.cost(case, plans, worlds)
    assert 5e7 < float(spend["nominal"].isel(financial_year=-1).sum(["setting", "age_band"]).mean())


def test_unknown_and_ended_councils_are_refused(project, shared):
    with pytest.raises(CaseError, match="such as Kent"):
        new_case("x", published=shared / "data", council="Kennt", root=project)
    with pytest.raises(CaseError, match="ends in January 2021"):
        new_case("x", published=shared / "data", council="Northamptonshire", root=project)
    assert not (project / "params" / "councils" / "x.yaml").exists()
