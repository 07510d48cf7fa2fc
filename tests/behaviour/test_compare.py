"""Two runs compared: nothing where nothing differs, else exactly what was changed."""

import json
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from sufficiency.report import compare_views, disclosure, tables
from sufficiency.run import cli, compare, manifest
from sufficiency.run.parameters import Parameters
from sufficiency.run.study import Study

TREND, FORMULA = "placements.growth.trend", '=cmd("calc")'
DATED = "costs.uplift.provider.values.2023-24"


def make(outputs, overrides="", case="rutland", draws=40):
    """A finished run, as an annex leaves it, without its documents."""
    given = Parameters(case, "", draws, 1, overrides)
    final = outputs / case / (run_id := Study(given).run_id)
    study = Study(Parameters(case, "", draws, 1, overrides, "", str(final)))
    spend = study.high_needs().isel(financial_year=-1).values
    study.headline("spend", "Spending at the end", spend.mean(), *np.quantile(spend, [0.1, 0.9]),
                   "GBP", "1.2.x", "2025-26")
    study.headline("draws", "Worlds", 5, 5, 5, "plans", "", "")
    study.save_said("01_placement_costs")
    plans, spend = tables.placements_frame(study.placements), tables.spend_frame(study.spend)
    safe = disclosure.protect(plans, disclosure.STATISTICS, by="mean")
    for edition, frame in (("public", safe), ("exempt", plans)):
        folder = final / edition / "results"
        folder.mkdir(parents=True)
        shutil.copy(final / "results" / "headline.json", folder)
        (folder / "placements.csv").write_text(tables.csv(frame), encoding="utf-8")
        (folder / "spend.csv").write_text(tables.csv(spend), encoding="utf-8")
    about = {"run_id": run_id, **study.facts, "versions": manifest.versions(), "files": {}}
    (final / "manifest.json").write_text(manifest.canonical(about), encoding="utf-8")
    return final


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return tmp_path_factory.mktemp("compare") / "outputs"


@pytest.fixture(scope="module")
def base(outputs):
    return make(outputs)


@pytest.fixture(scope="module")
def changed(outputs):
    return make(outputs, f"{TREND}={{central: 0.2, source: '{FORMULA}'}}; {DATED}=0.09; "
                "horizon.last_january=2025")


def found(*paths, **asked):
    return compare.compare(*(compare.find_run(path, "") for path in paths), **asked)


def test_equal_runs_differ_in_nothing(base, tmp_path):
    copy = shutil.copytree(base, tmp_path / "copy")
    same = found(base, copy)
    assert same.same
    (said,) = compare_views.said(same)
    assert said.startswith("Nothing differs between rutland ")
    runs = [compare.find_run(path, "") for path in (base, copy)]
    page = compare.write(same, *runs, tmp_path / "out")
    assert "Nothing differs" in page.read_text("utf-8")


def test_exactly_the_changed_keys_are_named(base, changed):
    differs = found(base, changed)
    assert sorted(differs.assumptions["key"]) == sorted(
        [DATED.replace(".values.", " "), TREND])
    assert list(differs.values["key"]) == ["horizon.last_january"]
    row = differs.assumptions.set_index("key").loc[TREND]
    assert (row["central_first"], row["central_second"]) == (0.08, 0.2)
    assert row["low_first"] == 0.04 and np.isnan(row["low_second"])
    assert row["source_second"] == FORMULA and row["label"] == "Growth of new plans"
    assert list(differs.facts["what"]) == ["overrides"]
    assert f"{DATED}=0.09" in differs.facts["second"][0]


def test_results_are_aligned_and_held_against_their_error(base, changed):
    differs = found(base, changed)
    assert list(differs.headlines["key"]) == ["spend"]
    rows = differs.results.set_index(["table", "row"])
    whole = [pd.read_csv(run / "exempt" / "results" / "placements.csv") for run in (base, changed)]
    one, two = (frame[(frame["year"] == 2025) & (frame["setting"] == "all")
                      & (frame["age_band"] == "all")].iloc[0] for frame in whole)
    row = rows.loc[("placements", "2025 · all · all")]
    assert row["difference"] == pytest.approx(two["mean"] - one["mean"])
    assert row["error"] == pytest.approx(np.hypot(one["sd"], two["sd"]) / 40**0.5)
    assert row["beyond"] == ("yes" if row["difference"] > 2 * row["error"] else "no")
    # Counted, not forecast: the same in both
    assert ("placements", "2021 · all · all") not in rows.index
    gone = rows.loc[("placements", "2026 · all · all")]
    assert np.isnan(gone["second"]) and gone["beyond"] == ""


def test_a_workbook_a_chart_and_formulas_that_are_text(base, changed, tmp_path):
    runs = [compare.find_run(path, "") for path in (base, changed)]
    differs = compare.compare(*runs)
    page = compare.write(differs, *runs, tmp_path / "out").read_text("utf-8")
    assert "<img" in page and "Bars of rutland " in page
    assert differs.flag and differs.flag in page
    with zipfile.ZipFile(tmp_path / "out" / "comparison.xlsx") as book:
        sheets = {name: book.read(name).decode() for name in book.namelist()}
    assert FORMULA.replace('"', "&quot;") in sheets["xl/sharedStrings.xml"].replace('"', "&quot;")
    assert not [name for name, text in sheets.items() if "<f>" in text]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "assumptions.csv", "comparison.html", "comparison.xlsx", "facts.csv", "headlines.csv",
        "results.csv", "values.csv"]


def test_a_public_comparison_holds_no_number_of_the_case(base, changed, tmp_path):
    runs = [compare.find_run(path, "", public=True) for path in (base, changed)]
    differs = compare.compare(*runs, public=True)
    assert not differs.flag and list(differs.assumptions) == ["key", "label", "unit"]
    assert list(differs.values) == ["key"]
    compare.write(differs, *runs, tmp_path)
    assert FORMULA not in (tmp_path / "assumptions.csv").read_text("utf-8")
    hidden = pd.read_csv(base / "public" / "results" / "placements.csv")["mean"].isna().sum()
    shown = differs.results[differs.results["table"] == "placements"]
    exempt = found(base, changed).results
    assert hidden and len(shown) < len(exempt[exempt["table"] == "placements"])


def test_runs_are_found_by_the_beginning_of_their_id(base, changed, outputs, capsys, monkeypatch):
    for path in (base, changed):
        assert compare.find_run(path.name[:10], outputs).path == path
    with pytest.raises(ValueError, match=r"found more than one run of ''"):
        compare.find_run("", outputs)
    with pytest.raises(ValueError, match=r"found no finished run of 'zzz'; .*rutland/"):
        compare.find_run("zzz", outputs)
    monkeypatch.setattr("sufficiency.run.compare.find_run", lambda *_: compare.Run(
        base, json.loads((base / "manifest.json").read_text()), None,
        base / "exempt" / "results"))
    assert cli.main(["compare", "a", "b", "--out", str(outputs.parent / "c")]) == 0
    assert "Assumptions are not compared" in capsys.readouterr().out
