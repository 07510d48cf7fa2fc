"""Constants of growth fitted to the past: known ones come back, and nothing later is used."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from sufficiency.case import load_case
from sufficiency.model.placements.calibrate import calibrate, england
from sufficiency.model.streams import Worlds
from sufficiency.run import fit
from sufficiency.run.cli import main
from sufficiency.run.forecast import simulate

YEARS, DRAWS, SPECIAL = [2021, 2022, 2023], 200, fit.SPECIAL
START = {"placements.growth.requests": 0.5, "placements.growth.pooling": 0.5,
         "placements.growth.damping": 0.9, "placements.growth.persistence": 0.8,
         "placements.growth.spread": 0.22, "placements.growth.size": 0.0,
         "placements.joiners.level": 1.25, f"placements.moves.spread.{SPECIAL}": 0.15}  # fmt: skip
TRUE = START | {"placements.growth.spread": 0.1, "placements.joiners.level": 1.1,
                f"placements.moves.spread.{SPECIAL}": 0.4}  # fmt: skip


@pytest.fixture(scope="module")
def case(small_case):
    return small_case.as_known("2020-06")


@pytest.fixture(scope="module")
def found(case):
    return calibrate(case)


@pytest.fixture(scope="module")
def one(case, found):
    """Devon as forecast in January 2020, nothing counted since."""
    return fit.past(case, found, england(case), 5, DRAWS, pd.DataFrame(columns=[*case.settings]))


def worlds(case, values, seed=5):
    given = {key: fit.belief(case.assumptions[key], key, value) for key, value in values.items()}
    return Worlds(case.assumptions, seed, DRAWS).change(given)


def plans(case, found, worlds, change=None):
    made = simulate(case, found, worlds, threads=1, change=change)["plans"]
    return made.sum("age").sel(year=YEARS)


def test_a_flow_at_its_base_gives_what_the_engine_gives(case, found, one):
    same = plans(case, found, Worlds(case.assumptions, 5, DRAWS), lambda paths: {
        **paths, "growth": np.ones_like(paths["growth"]),
        "extra_joiners": np.zeros_like(paths["extra_joiners"])}).sum("setting")
    at_base = one.parts["all_plans"].plans(np.ones((DRAWS, fit.AHEAD)))
    assert at_base == pytest.approx(same.values, rel=1e-9)


@pytest.mark.parametrize("measure", fit.TRIED)
def test_parts_forecast_as_the_engine_does(case, found, one, measure):
    """With the same luck: means within 1%, spreads within 10%, draw by draw alike."""
    values = {key: TRUE[key] for key in fit.TRIED[measure]}
    own = worlds(case, values)
    quick = one.parts[measure].plans(fit.FLOW[measure](one, own))
    every = plans(case, replace(found, **level(one, own)), own)
    full = (every.sum("setting") if measure == "all_plans" else every.sel(setting=SPECIAL)).values
    assert quick.mean(0) == pytest.approx(full.mean(0), rel=0.01)
    assert quick.std(0) == pytest.approx(full.std(0), rel=0.1)
    assert min(np.corrcoef(quick[:, i], full[:, i])[0, 1] for i in range(fit.AHEAD)) > 0.95


def level(one, own):
    """What requests and pooling change of a calibration."""
    made = one.calibration
    requests, pooling = (own.assumptions[f"placements.growth.{name}"].central_value()
                         for name in ("requests", "pooling"))
    joiners, difference = fit.base_level(made.history, one.reference, made.unreconciled, requests,
                                         pooling)
    rates = replace(made.rates, join_mean=made.rates.join_mean * joiners / made.joiners)
    return {"joiners": joiners, "difference": difference, "rates": rates}


@pytest.fixture(scope="module")
def pasts(case, one):
    """Forty councils alike, each of which one world in turn of known constants came to."""
    came = {measure: one.parts[measure].plans(fit.FLOW[measure](one, worlds(case, TRUE, 77)))
            for measure in fit.TRIED}
    return [one._replace(parts={measure: parts._replace(came=came[measure][i])
                                for measure, parts in one.parts.items()}) for i in range(40)]


@pytest.fixture(scope="module")
def fits(case, pasts):
    return fit.fit(pasts, {2020: case.assumptions}, START, [2021, 2022, 2023])


def test_known_constants_come_back_as_spreads(case, one, fits):
    """What is fitted forecasts as what was true does, and what it began from does not.

    A spread from forty is known to 11% (1 / sqrt(2 x 40)); asked is within 25%.
    """
    for measure in fit.TRIED:
        flow, parts = fit.FLOW[measure], one.parts[measure]
        spread = {name: parts.plans(flow(one, worlds(case, values))).std(0)
                  for name, values in (("true", TRUE), ("fitted", fits[2023]), ("start", START))}
        assert spread["fitted"] == pytest.approx(spread["true"], rel=0.25)
        assert (np.abs(np.log(spread["start"] / spread["true"])) > np.log(1.3)).any()


def test_what_comes_later_changes_no_earlier_fit(case, pasts, fits):
    absurd = [one._replace(parts={
        measure: parts._replace(came=np.array([*parts.came[:1], 9e6, 9e6]))
        for measure, parts in one.parts.items()}) for one in pasts]
    again = fit.fit(absurd, {2020: case.assumptions}, START, [2021, 2022])
    assert again[2021] == fits[2021] and again[2022] != fits[2022]


def test_nothing_counted_leaves_the_start(case, one):
    assert fit.fit([one], {2020: case.assumptions}, START, [2021]) == {2021: START}


def test_the_file_takes_the_fits_and_keeps_all_else(project, fits):
    path = project / "params" / "national.yaml"
    before = yaml.safe_load(path.read_text(encoding="utf-8"))
    fit.keep({"2021-05": TRUE, "2022-05": fits[2022]}, project)
    after = yaml.safe_load(path.read_text(encoding="utf-8"))
    spread = after["placements"]["growth"]["spread"]["vintages"]
    assert spread[0] == before["placements"]["growth"]["spread"]["vintages"][0]
    assert spread[1:] == [{"known": "2021-05", "central": 0.1}, {
        "known": "2022-05", "central": fits[2022]["placements.growth.spread"]}]
    assert after["placements"]["joiners"]["level"]["vintages"][1] == {
        "known": "2021-05", "low": 0.91, "central": 1, "high": 1.1}
    for key in (key for keys in fit.TRIED.values() for key in keys):
        for tree in (before, after):
            part = tree
            for name in key.split("."):
                part = part[name]
            part.pop("vintages")
    assert before == after
    # again over itself: the same file
    text = path.read_bytes()
    fit.keep({"2021-05": TRUE, "2022-05": fits[2022]}, project)
    assert path.read_bytes() == text


def test_a_case_of_the_time_has_the_fit_of_the_time(project, fits):
    fit.keep({"2021-05": TRUE, "2022-05": fits[2022]}, project)
    (project / "params" / "councils" / "any.yaml").write_text(
        "extends: national\ncouncil: {name: Any council, short: any}\n", encoding="utf-8")
    case = load_case("any", root=project)
    for month, values in (("2021-04", START), ("2021-05", TRUE), ("2022-04", TRUE)):
        seen = case.as_known(month).assumptions
        key = "placements.growth.spread"
        assert seen[key].central_value() == values[key]
    assert list(fit.kept(project)) == ["Fitted", "2017-05", "2021-05", "2022-05"]
    assert list(fit.kept(project, "2021-06")) == ["Fitted", "2017-05", "2021-05"]


def test_every_committed_fit_is_of_the_values_tried(root):
    table = fit.kept(root).set_index("Fitted")
    assert table.shape[1] > 5 and table.notna().all(axis=None)
    for (label, row), scale in zip(table.iterrows(), (
            scale for keys in fit.TRIED.values() for scale in keys.values()), strict=True):
        assert set(row) <= set(scale), label


def test_a_fit_is_of_all_councils_and_begins_at_a_value_tried(shared, project, capsys, monkeypatch):
    data, path = str(shared / "data"), project / "params" / "national.yaml"
    asked = ["track-record", "--data", data, "--from", "2019", "--to", "2019", "--fit"]
    assert main([*asked, "--council", "Devon"]) == 1
    assert "--fit: found with --council" in capsys.readouterr().err
    fit.keep({"2019-05": START | {"placements.growth.spread": 0.2}}, project)
    monkeypatch.setattr(fit, "pasts_of", lambda task: [])
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"placements.growth.spread: found 0.2 in January 2019"):
        fit.fitted(data, 2019, 2019, processes=1, root=project)
    assert path.read_bytes() == before
