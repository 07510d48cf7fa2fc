"""Sweeps: the same table from one process, two or a Dask cluster; faults, kills and resuming."""

import csv
import io
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache

import pytest
from small_project import run, start
from sufficiency.case import CaseError, load_case
from sufficiency.case.new import new_case
from sufficiency.case.returns import published
from sufficiency.run import cli, grid, pool, sweep
from sufficiency.run.figures import figures
from sufficiency.run.forecast import gaps
from sufficiency.run.parameters import ParameterError, Parameters
from sufficiency.run.study import Study
from sufficiency.run.worker import work

TREND, HORIZON = "placements.growth.trend", "horizon.last_january"
# The second January is one that no forecast reaches: its tasks fail where they are worked out
SETS = [f"{TREND}=0.04,0.05", f"{HORIZON}=2024,2060"]
ASKED = ["sweep", "rutland", "--draws", "20", *[part for one in SETS for part in ("--set", one)]]
# A test run in the background has SIGINT switched off, and hands that down
HEARS = """import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
if __name__ == "__main__":
    runpy.run_module("sufficiency", run_name="__main__")
"""


@pytest.fixture(scope="module")
def tasks(root):
    return grid.tasks(["rutland"], "", grid.parse_sets(SETS), 20, 1, root)


@pytest.fixture(scope="module")
def finished(root, tmp_path_factory):
    """Folder of a sweep by one process, as a command, and what it said."""
    out = tmp_path_factory.mktemp("sweep") / "one"
    code, said, told = run(root, *ASKED, "--processes", "1", "--out", str(out))
    assert code == 1 and said.strip() == str(out / "sweep.csv"), told
    return out, told


def rows(out):
    return list(csv.DictReader(io.StringIO((out / "sweep.csv").read_text("utf-8"))))


def test_a_failed_task_is_named_and_the_rest_finish(finished, tasks):
    out, told = finished
    assert "2 of 4 tasks failed" in told and "Traceback" not in told
    for trend in ("0.04", "0.05"):
        assert (f"failed: rutland, {TREND}={trend}, {HORIZON}=2060: {HORIZON}: found 2060"
                in told), told
    assert {row[HORIZON] for row in rows(out)} == {"2024"}
    assert [row["run_id"] for row in rows(out)] == sorted(
        (row["run_id"] for row in rows(out)), key=[task.run_id for task in tasks].index)


def test_the_figures_are_those_of_a_study(finished):
    study = Study(Parameters("rutland", "", 20, 1, f"{TREND}=0.04; {HORIZON}=2024"))
    found = {(row["measure"], row["year"]): row for row in rows(finished[0])
             if row[TREND] == "0.04"}
    plans = study.placements["plans"].sum(("setting", "age")).sel(year=2024)
    assert float(found["plans", "2024"]["mean"]) == pytest.approx(float(plans.mean()))
    error = float(plans.std(ddof=1)) / 20**0.5
    assert float(found["plans", "2024"]["mc_error"]) == pytest.approx(error)
    wanted = {f"saving_{name}" for name in study.market.labels} - {"saving_block_now"}
    assert {key for key, _ in found if key.startswith("saving_")} == wanted
    # The folder of a run with the same parameters has the same name
    assert found["spend", "2023-24"]["run_id"] == study.run_id


def test_two_processes_give_the_same_bytes(finished, tasks, tmp_path):
    said = []
    path, failed = sweep.sweep(tasks, tmp_path, 2, told=said.append)
    assert path.read_bytes() == (finished[0] / "sweep.csv").read_bytes()
    assert len(failed) == 2 and len(said) == 4


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def cluster(root, tmp_path):
    """Address of a Dask scheduler with two workers, stopped at the end."""
    pytest.importorskip("distributed")
    address, quiet = f"tcp://127.0.0.1:{free_port()}", ["--no-dashboard"]
    near = {"DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False"}
    scheduler = ["scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2]]
    worker = ["worker", address, "--nthreads", "1", "--no-nanny", "--local-directory",
              str(tmp_path / "dask")]
    # Workers stand outside the project: what they need comes with a task
    outside = {**os.environ, **near, "SUFFICIENCY_ROOT": str(tmp_path)}
    code = [sys.executable, "-m", "dask"]
    began = [subprocess.Popen([*code, *one, *quiet], cwd=tmp_path, env=outside,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
             for one in (scheduler, worker, worker)]
    yield address
    # A worker asked to end can wait for ever for a scheduler that has ended
    for process in began:
        process.kill()
        process.wait(timeout=30)


def test_a_dask_cluster_gives_the_same_bytes(finished, tasks, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "PATIENCE", 60)
    path, failed = sweep.sweep(tasks, tmp_path / "out", scheduler=cluster, told=lambda _: None)
    assert path.read_bytes() == (finished[0] / "sweep.csv").read_bytes()
    assert [type(error) for error in failed.values()] == [ValueError] * 2


def test_an_address_without_a_scheduler_is_refused_soon(tasks, tmp_path):
    began = time.monotonic()
    with pytest.raises(ValueError, match="--scheduler: found nothing that answers"):
        sweep.sweep(tasks, tmp_path, scheduler=f"tcp://127.0.0.1:{free_port()}")
    assert time.monotonic() - began < 20
    assert not (tmp_path / "sweep.csv").exists()
    with pytest.raises(ValueError, match="--scheduler: found nothing that answers at 'nonsense:"):
        sweep.sweep(tasks, tmp_path, scheduler="nonsense://x")


def until(process, true):
    """Wait until something is true of a running process."""
    limit = time.monotonic() + 120
    while not true():
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.02)


def test_a_sweep_stopped_and_killed_goes_on_where_it_was(finished, root, tmp_path):
    asked = [*ASKED, "--processes", "1", "--out", str(tmp_path)]
    # A key pressed at a terminal reaches the sweep and its processes, a group of their own
    ours = {"env": {**os.environ, "SUFFICIENCY_ROOT": str(root)}, "start_new_session": True}
    process = subprocess.Popen([sys.executable, "-c", HEARS, *asked], stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, **ours)
    until(process, lambda: list((tmp_path / "tasks").glob("[!.]*.csv")))
    os.killpg(process.pid, signal.SIGINT) if os.name == "posix" else process.kill()
    told = process.communicate(timeout=60)[1].decode()
    if os.name == "posix":
        assert process.returncode == 130 and "stopped" in told and "Traceback" not in told, told
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "tasks").glob("[!.]*.csv")}
    process = start(root, *asked)
    until(process, process.stderr.readline)
    process.kill()
    process.communicate(timeout=60)
    assert not (tmp_path / "sweep.csv").exists()
    code, _, told = run(root, *asked)
    assert code == 1 and "of 4 tasks finished before" in told
    assert (tmp_path / "sweep.csv").read_bytes() == (finished[0] / "sweep.csv").read_bytes()
    assert kept and all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())


class Dies:
    """A task that takes its process with it, in place of one that does not."""

    def __reduce__(self):
        return os._exit, (9,)


def test_a_process_that_dies_is_named_and_the_rest_finish(tasks):
    deadly = replace(tasks[0], overrides={TREND: "dead"}, files={"x": Dies()})
    other = replace(tasks[0], library="0")
    found = {str(task): str(error) for task, _, error in pool.outcomes([deadly, other])}
    assert "terminated abruptly" in found[str(deadly)]
    assert "another version of the library" in found[str(other)]


def test_all_mistakes_are_told_in_one_message_before_anything_runs(
        root, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SUFFICIENCY_ROOT", str(root))
    code = cli.main(["sweep", "rutland", "nowhere", "--scenarios", "tender_2025,none",
                           "--set", "placements.growth.trendd=1", "--set",
                           "costs.inflation.general=1,x", "--out", str(tmp_path / "out")])
    said, told = capsys.readouterr()
    assert code == 1 and not said and told.startswith("error: ")
    for part in ("scenario: found 'none'", "case: found 'nowhere'",
                 "placements.growth.trendd: found no such key"):
        assert told.count(part) == 1, told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("sets", "message"), [
    (["a.b"], "--set: found 'a.b'; allowed KEY=VALUE"),
    (["a=1,,2"], "--set: found 'a=1,,2'"),
    (["a=1;b=2"], "no ;"),
    (["a=1", "a=2"], "a: found the key twice"),
    (["a=1,2,1"], "a: found 1 twice"),
])
def test_values_that_cannot_be_read_are_refused(sets, message):
    with pytest.raises(CaseError) as found:
        grid.parse_sets(sets)
    assert message in str(found.value)


def test_values_are_split_at_commas_outside_braces_and_quotes():
    said = ['a.b=1, {low: 1, central: 2, high: [3, 4]},"x, y"', "c=true"]
    wanted = {"a.b": ["1", "{low: 1, central: 2, high: [3, 4]}", '"x, y"'], "c": ["true"]}
    assert grid.parse_sets(said) == wanted


def test_the_grid_is_cases_by_scenarios_by_values(root):
    values = grid.parse_sets([f"{TREND}=0.04,0.05", "placements.growth.damping=0.5,0.6"])
    found = grid.tasks(["rutland", "north_yorkshire"], "all", values, 5, 1, root)
    assert len(found) == len({task.run_id for task in found}) == 4 * (2 + 3)
    assert [str(task) for task in found[:2]] == [
        f"rutland, {TREND}=0.04, placements.growth.damping={share}" for share in (0.5, 0.6)]
    assert [task.scenario for task in found[::4]] == [
        "", "tender_2025", "", "as_it_turned_out", "light_burden"]
    with pytest.raises(CaseError, match="cases: found rutland twice"):
        grid.tasks(["rutland", "rutland"], root=root)
    with pytest.raises(ParameterError, match="draws: found 0"):
        grid.tasks(["rutland"], draws=0, root=root)


def test_a_worker_with_other_sources_refuses(tasks):
    with pytest.raises(ValueError, match="another version of the library"):
        work(replace(tasks[0], library="0"))


def test_a_council_of_the_published_series_has_its_own_rows_only(root, shared, project,
                                                                   monkeypatch):
    monkeypatch.setattr(published, "read_folder", cache(published.read_folder))
    (kent, rutland) = grid.published_tasks(shared / "data", ["Kent", "Rutland"], {}, 20, 1, root)
    assert kent.case == "kent" and kent.run_id != rutland.run_id
    plans = rutland.files["published/ehcp_caseload_by_setting.csv"].decode()
    names = {row["la_name"] for row in csv.DictReader(io.StringIO(plans))}
    assert names == {"Rutland"}
    path, _ = new_case("rutland", published=shared / "data", council="Rutland", root=project,
                       force=True, gaps=gaps)
    given = Parameters("rutland", "", 20, 1)
    whole = figures(Study(given, load_case(str(path), root=project)))
    text = csv.DictReader(io.StringIO(work(rutland)))
    assert [float(row["mean"]) for row in text] == pytest.approx(list(whole["mean"]), rel=1e-9)
    with pytest.raises(CaseError, match=r"no such key"):
        grid.published_tasks(shared / "data", ["Rutland"], {"a.b": ["1"]}, 20, 1, root)
