"""The track record: nothing later is used, ranges hold what the model makes, files tie."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sufficiency.case.returns import published
from sufficiency.model import skill
from sufficiency.model.placements.calibrate import calibrate
from sufficiency.model.placements.engine import project
from sufficiency.model.placements.growth import growth_paths
from sufficiency.model.streams import Worlds
from sufficiency.report import skill_views
from sufficiency.run.track_record import COLUMNS, METHOD, committed, track_record, write

KEY = ["origin", "horizon", "council", "measure"]


@pytest.fixture(scope="module")
def data(shared):
    return shared / "data"


@pytest.fixture(scope="module")
def devon(data, root):
    return track_record(data, 2019, 2020, "Devon", processes=1, root=root)


@pytest.fixture(scope="module")
def kept(root):
    return committed(root)


def ours(record):
    return record.rows.query("method == @METHOD").reset_index(drop=True)


def test_devon_afresh_gives_the_committed_rows(devon, kept):
    forecasts = kept[1].query("council == 'Devon' and origin in (2019, 2020)").set_index(KEY)
    found = ours(devon).set_index(KEY).loc[forecasts.index]
    assert len(forecasts) == 16
    for name in ("actual", "mean", "p10", "p90"):
        # committed to a tenth of a plan
        assert found[name].to_numpy() == pytest.approx(forecasts[name].to_numpy(), abs=0.051)


def test_the_committed_scores_tie_to_the_committed_rows(kept):
    scores, forecasts = kept
    own = scores[scores["method"] == METHOD]
    for row in own[own["by"].isin(["all", "origin"])].to_dict("records"):
        rows = forecasts[(forecasts["measure"] == row["measure"])
                         & (forecasts["horizon"] == row["horizon"])]
        if row["by"] == "origin":
            rows = rows[rows["origin"] == int(row["group"])]
        else:
            there = own[(own["by"] == "origin") & (own["measure"] == row["measure"])
                        & (own["horizon"] == row["horizon"])]
            rows = rows[rows["origin"].isin(there["group"].astype(int))]
        assert len(rows) == row["forecasts"] and rows["council"].nunique() == row["councils"]
        # rows to a tenth of a plan, scores to four places
        slack = 0.00006 + 0.05 * len(rows) / rows["actual"].sum()
        assert skill.wape(rows["actual"], rows["mean"]) == pytest.approx(row["wape"], abs=slack)
        inside = rows["actual"].between(rows["p10"] - 0.05, rows["p90"] + 0.05).mean()
        narrow = rows["actual"].between(rows["p10"] + 0.05, rows["p90"] - 0.05).mean()
        assert narrow - 0.0001 <= row["inside_80"] <= inside + 0.0001


def test_committed_files_are_small_and_whole(root, kept):
    scores, forecasts = kept
    sizes = [(root / "params" / f"track_record{end}.csv").stat().st_size
             for end in ("", "_councils")]
    assert max(sizes) < 300_000
    assert not forecasts.duplicated(KEY).any()
    assert set(scores["method"]) == {METHOD, *skill.SIMPLE}
    assert {"Devon", "North Yorkshire", "Nottinghamshire", "Rutland"} <= set(forecasts["council"])


def test_nothing_later_is_used(devon, data, root, tmp_path):
    """Later counts, flows and ages made absurd change no forecast from before them."""
    first = devon.rows.query("origin == 2019").reset_index(drop=True)
    absurd = tmp_path / "data"
    absurd.mkdir()
    for path in sorted({*data.glob("ehcp*.csv")} - {*data.glob("*primary_need*")}):
        frame = pd.read_csv(path, dtype=str)
        period = next(name for name in ("january_year", "calendar_year") if name in frame)
        late = frame[period].astype(int) > (2019 if period == "january_year" else 2018)
        own = late & (frame["la_name"] == "Devon")
        for name in frame.columns[frame.columns.get_loc(period) + 1:]:
            number = pd.to_numeric(frame[name], errors="coerce").notna() & own
            frame.loc[number, name] = "77777"
        frame.to_csv(absurd / path.name, index=False)
    again = track_record(absurd, 2019, 2019, "Devon", processes=1, root=root).rows
    assert (again["actual"] != first["actual"]).all()
    said = [name for name in first if name not in ("actual", "crps", "pit")]
    pd.testing.assert_frame_equal(again[said], first[said])


def test_one_process_or_two_give_the_same_figures(devon, data, root):
    two = track_record(data, 2019, 2020, "Devon", processes=2, root=root)
    pd.testing.assert_frame_equal(two.rows, devon.rows)


def test_the_file_has_its_columns(devon, tmp_path):
    write(devon, tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv")
    assert list(found) == COLUMNS and len(found) == 16
    assert set(found["horizon"]) == {1, 2, 3, 4}
    ordered = found[["p2_5", "p10", "p50", "p90", "p97_5"]].to_numpy()
    assert (np.diff(ordered, axis=1) >= 0).all()


def test_the_printed_table_has_every_method_and_score(devon):
    text = skill_views.printed(devon.rows, devon.left_out)
    for word in (METHOD, *skill.SIMPLE, "wape", "mase", "crps", "inside_80", "pit_high"):
        assert word in text


def test_ranges_hold_what_the_model_itself_makes(small_case):
    """One world in turn is what came: each tenth of the PIT, and each range, as it says."""
    case = small_case.as_known("2020-06")
    found, draws = calibrate(case), 2000
    worlds = Worlds(case.assumptions, 11, draws)
    years = [2021, 2022]
    plans = project(found.rates, periods=years, seed=11, draws=draws, by_age=False,
                    **growth_paths(found, worlds, years))["stock"].sum(2)[:, 1:]
    ahead, came = plans[: draws // 2], plans[draws // 2:]
    for i in range(len(years)):
        for share in (0.5, 0.8, 0.95):
            low, high = np.quantile(ahead[:, i], [0.5 - share / 2, 0.5 + share / 2])
            held = ((came[:, i] >= low) & (came[:, i] <= high)).mean()
            # binomial of those that came, and as much again from the ends' own draws
            error = np.sqrt(2 * share * (1 - share) / len(came))
            assert abs(held - share) < 4 * error, f"{share:.0%} range held {held:.1%}"
        value = skill.crps(np.repeat(ahead[:, i, None], len(came), 1), came[:, i]).mean()
        spread = skill.crps(np.repeat(came[:, i, None], len(ahead), 1), ahead[:, i]).mean()
        assert value == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize(("given", "said"), [
    ({"first": 2020, "last": 2019}, "--from: found 2020; allowed no later than --to, 2019"),
    ({"first": 2023, "last": 2023, "council": "Barnet"}, "allowed 2014 to 2022"),
    ({"first": 2019, "last": 2019, "council": "Devn"}, "council: found 'Devn'.*Devon"),
    ({"first": 2019, "last": 2019, "council": "Cornwal"}, "council: found 'Cornwal'"),
    ({"first": 2015, "last": 2016, "council": "Devon"}, "2017 or later"),
    ({"first": 2019, "last": 2019, "council": "Devon", "processes": 0}, "--processes: found 0")])
def test_bad_requests_are_refused_in_words(data, root, given, said):
    with pytest.raises(ValueError, match=said):
        track_record(data, root=root, **given)


def test_a_folder_without_the_files_is_one_message(root, tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        track_record(tmp_path, 2019, 2020, root=root)
    command = [sys.executable, "-m", "sufficiency", "track-record", "--data",
               str(tmp_path / "none"), "--from", "2019", "--to", "2020"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=120)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: --data: found") and done.stderr.count("\n") == 1


def test_what_was_out_by_a_month(data):
    tables = published.tables(published.read_folder(data), "Devon")
    known = published.known_by(tables, "2019-05")
    assert known["plans_by_setting"].index.max() == 2019
    assert known["flows"].index.max() == 2018 and "population_2022_based" not in known
    assert published.known_by(tables, "2019-04")["plans_by_setting"].index.max() == 2018


def test_a_council_without_a_record_says_so(kept):
    text = skill_views.own_words(kept[1], "Northamptonshire")
    assert text.startswith("There is no record for Northamptonshire")
    assert not len(skill_views.own(kept[1], "Northamptonshire"))
    assert skill_views.name_of(kept[1], "Devon County Council") == "Devon"
    assert skill_views.name_of(kept[1], "Northamptonshire County") == "Northamptonshire County"


def test_a_case_of_the_past_sees_no_count_of_later(kept):
    seen = skill_views.until(kept[1], "2021-12")
    assert (seen["origin"] + seen["horizon"]).max() == 2021
    assert (skill_views.until(kept[1], "2021-04")[["origin", "horizon"]].sum(axis=1)).max() == 2020
    assert len(skill_views.until(kept[1])) == len(kept[1])


def test_failures_name_what_fails_and_only_that():
    row = {"method": METHOD, "measure": "all_plans", "horizon": 1, "by": "all", "group": "all",
           "wape": 0.05, "bias": -0.01, "crps": 0.03, "councils": 9, "origins": 6}
    for share, held in ((50, 0.5), (80, 0.6), (95, 0.94)):
        row |= {f"inside_{share}": held, f"inside_{share}_low": held - 0.05,
                f"inside_{share}_high": held + 0.05}
    simple = {**row, "method": "drift", "wape": 0.04}
    year = {**row, "by": "origin", "group": "2019", "bias": 0.02}
    both = [{**one, "measure": name} for one in (row, simple, year)
            for name in skill_views.MEASURES]
    said = skill_views.failures(pd.DataFrame(both))
    assert said[0] == "All plans, one year ahead: off by 5.0%, where drift is off by 4.0%."
    assert said[1] == "All plans, one year ahead: those meant to hold 80 in 100 held 60%."
    assert "January 2019, one year ahead: 2.0% too many" in said[2] and len(said) == 6
