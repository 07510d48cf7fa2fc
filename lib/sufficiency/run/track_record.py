"""The track record: forecasts of every council from past Januaries beside what came."""

import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import cache
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sufficiency.case import find_root, load_case
from sufficiency.case.files import CaseError
from sufficiency.case.returns import published
from sufficiency.model import skill
from sufficiency.model.placements.calibrate import calibrate, england
from sufficiency.model.streams import Worlds, named_uniform, stable_id
from sufficiency.report import skill_views
from sufficiency.report.tables import csv, quantiles
from sufficiency.run import manifest, store
from sufficiency.run.forecast import simulate

AHEAD, METHOD = 4, skill_views.METHOD
FIRST, LAST = 2014, 2023  # Januaries that a council's series must have without a break
MEASURES = {"all_plans": None, "independent_special": "independent_special"}
SHARES = {"p2_5": 0.025, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9,
          "p97_5": 0.975}  # fmt: skip
COLUMNS = ["origin", "horizon", "council", "measure", "actual", "mean", "p2_5", "p10", "p50",
           "p90", "p97_5", "crps"]
FLOWS = ("new_plans", "flows")
KEPT = manifest.RECORD
# Councils to a task: few enough that two processes end together.
TOGETHER = 25


class Record(NamedTuple):
    """Forecasts beside what came, a row each method, and what was left out, in words."""

    rows: pd.DataFrame
    left_out: list


class Task(NamedTuple):
    """Councils to forecast from one January, and all that it takes."""

    data: Path
    root: Path
    origin: int
    released: str
    councils: tuple
    draws: int
    seed: int


def track_record(data, first, last, council="", draws=1000, seed=1, processes=2, root=None):
    """Forecasts from January `first` to `last` of what later Januaries in data show -> Record.

    data: a folder of the Department's files. Every council with an unbroken series, or one of
    them, all plans and independent special, 1 to 4 years ahead, by the method as the national
    assumptions of the time had it and by the simple methods. No count is used that came out after
    the January's own; one restated since stands as restated, of plans educated elsewhere alone.
    Refuses first > last, unknown councils, and years without targets.
    """
    tasks, counted = opened(data, first, last, council, draws, seed, root)
    found, left_out = [], []
    for rows, lost in side_by_side(forecast, tasks, processes):
        found += rows
        left_out += lost
    if not found:
        raise ValueError(f"--data: found nothing to forecast; {'; '.join(left_out[:3])}")
    ours = pd.concat(found, ignore_index=True)
    rows = pd.concat([ours, *_simple(counted, ours, seed)], ignore_index=True)
    return Record(_beside(rows, counted), left_out)


def opened(data, first, last, council, draws, seed, root):
    """Tasks, and counts (council, January) of each measure for every council -> (list, dict)."""
    if first > last:
        raise ValueError(f"--from: found {first}; allowed no later than --to, {last}")
    root, data = find_root(root), Path(data).resolve()
    if not data.is_dir():
        raise CaseError(f"--data: found {data}; allowed a folder of the Department's files")
    counted, known = counted_in(data)
    asked = _asked(folder_of(data), list(counted["all_plans"].index), council)
    totals = counted["all_plans"].loc[asked]
    held = totals.columns[totals.notna().any()]
    if last >= held.max() or first < FIRST:
        raise ValueError(f"--from, --to: found {first} to {last}; allowed {FIRST} to "
                         f"{held.max() - 1}, the January before the last in {data.name}")
    dated(root, first, known[first])
    return [Task(data, root, origin, known[origin], tuple(asked[i:i + TOGETHER]), draws, seed)
            for origin in range(first, last + 1)
            for i in range(0, len(asked), TOGETHER)], counted


def committed(root):
    """The kept record: (scores as `skill.summarise` gives them, forecasts by council)."""
    return tuple(pd.read_csv(Path(root) / "params" / f"{name}.csv", dtype={"group": str})
                 for name in KEPT)


def side_by_side(function, tasks, processes):
    """What a function of this package gives for each task, in order, from so many processes."""
    if processes < 1:
        raise ValueError(f"--processes: found {processes}; allowed 1 or more")
    # Small matrices: threads of their own only get in each other's way.
    before = os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        with ExitStack() as stack:
            run = map if processes == 1 else stack.enter_context(
                ProcessPoolExecutor(processes, mp_context=get_context("spawn"))).map
            for done, (task, given) in enumerate(zip(tasks, run(function, tasks), strict=True)):
                print(f"[{done + 1}/{len(tasks)}] January {task.origin}, {len(task.councils)} "
                      "councils", file=sys.stderr, flush=True)
                yield given
    finally:
        os.environ["OPENBLAS_NUM_THREADS"] = before


@cache
def folder_of(data):
    """The Department's files in a folder, read once a process."""
    return published.read_folder(data)


@cache
def counted_in(data):
    """Counts (council, January) of each measure in a folder, and the month each January was out."""
    folder = folder_of(data)
    series = {name: published.tables(folder, name, ())["plans_by_setting"]
              for name in unbroken(folder)}
    if not series:
        raise CaseError(f"--data: found no council with plans each January from {FIRST}")
    known = next(iter(series.values())).attrs["known"]
    return {name: _matrix(series, part) for name, part in MEASURES.items()}, known


@cache
def tables_of(data, name):
    """A council's tables in a folder, as `published.tables` gives them."""
    return published.tables(folder_of(data), name, FLOWS)


@cache
def dated(root, origin, released):
    """The national assumptions as known at a release, and England's flows fitted then."""
    with tempfile.TemporaryDirectory() as aside:
        path = Path(aside) / "any_council.yaml"
        path.write_text("extends: national\ncouncil: {name: Any council, short: any}\n")
        case = load_case(str(path), as_known=released, root=root)
        if "placements.growth.trend" not in case:
            raise ValueError(f"--from: found {origin}; allowed a January whose counts came out "
                             "when there were assumptions to forecast with, 2017 or later")
        case = case.changed({"horizon.last_january": origin + AHEAD - 1})
    return case, england(case)


def unbroken(folder):
    """Councils by name with an unbroken series, as far as most of the files go."""
    years = folder.plans[published.JANUARY].value_counts()
    last = years.index[years > years.max() / 4].max()
    return published.councils(folder, FIRST, min(LAST, int(last)))


def _asked(folder, everyone, council):
    if not council:
        return everyone
    name = published.label(folder, council)[0]
    if name not in everyone:
        raise CaseError(f"--council: found {name}, whose series has a break; allowed one with "
                        f"plans each January from {FIRST} to {LAST}")
    return [name]


def _matrix(series, setting):
    """Counts (council, January) from the tables of all councils, NaN where there are none."""
    rows = {name: table.sum(axis=1) if setting is None else table[setting]
            for name, table in series.items()}
    frame = pd.DataFrame(rows).T.sort_index(axis=1)
    return frame.where(pd.DataFrame({name: t.sum(axis=1) for name, t in series.items()}).T > 0)


def forecast(task):
    """Forecasts of a task -> (frames of rows, councils left out and why)."""
    case, reference = dated(task.root, task.origin, task.released)
    rows, left_out = [], []
    for name in task.councils:
        try:
            tables = tables_of(task.data, name)
            found = calibrate(case, published.known_by(tables, task.released), reference)
        except ValueError as error:
            left_out.append(f"{name}, January {task.origin}: {error}")
            continue
        if found.first_january != task.origin:
            left_out.append(f"{name}, January {task.origin}: last counted in "
                            f"{found.first_january}")
            continue
        # luck of its own for each council and origin: errors of sampling do not add up
        worlds = Worlds(case.assumptions, stable_id(f"{task.seed} {task.origin} {name}"),
                        task.draws)
        plans = simulate(case, found, worlds, threads=1)["plans"].sum("age")
        came = tables["plans_by_setting"]
        for (measure, part), horizon in product(MEASURES.items(), range(1, AHEAD + 1)):
            january = task.origin + horizon
            if january not in came.index:
                continue
            draws = plans.sel(year=january)
            draws = (draws.sum("setting") if part is None else draws.sel(setting=part)).values
            actual = came.loc[january].sum() if part is None else came.loc[january, part]
            if np.isfinite(actual):
                key = (task.origin, horizon, name, measure)
                rows.append(_scored([key], [actual], draws[:, None], draws.mean(), task.seed,
                                    METHOD))
    return rows, left_out


def _scored(keys, actual, draws, mean, seed, method):
    """Rows of forecasts: keys (forecast, COLUMNS[:4]), draws (draw, forecast)."""
    draws, actual = draws.astype(float), np.asarray(actual, float)
    names = (" ".join(map(str, ("track record pit", method, *key))) for key in keys)
    u = np.array([named_uniform(seed, name, 1)[0] for name in names])
    found = quantiles(draws, list(SHARES.values()))
    return pd.DataFrame(list(keys), columns=COLUMNS[:4]).assign(
        actual=actual, mean=mean, **dict(zip(SHARES, found, strict=True)),
        crps=skill.crps(draws, actual), pit=skill.pit(draws, actual, u), method=method)


def _simple(counted, ours, seed):
    """Frames of the simple methods' forecasts of the same things."""
    for (measure, origin, horizon), asked in ours.groupby(["measure", "origin", "horizon"]):
        before = counted[measure].loc[:, :origin]
        place = before.index.get_indexer(asked["council"])
        for method in skill.SIMPLE:
            point, draws = (made[..., place] for made in
                            skill.simple(method, before.to_numpy(), horizon))
            known = np.isfinite(draws)
            # councils with as many past errors, together
            for size in np.unique(known.sum(axis=0)):
                some = np.flatnonzero(known.sum(axis=0) == size)
                kept = draws[:, some].T[known[:, some].T].reshape(len(some), size).T
                keys = [(origin, horizon, name, measure) for name in asked["council"].iloc[some]]
                yield _scored(keys, asked["actual"].iloc[some], kept, point[some], seed, method)


def _beside(rows, counted):
    """Rows with the plans at the origin, and the yearly change before it that MASE divides by."""
    found = []
    for (measure, origin), part in rows.groupby(["measure", "origin"]):
        change = counted[measure].loc[:, :origin].diff(axis=1).abs().mean(axis=1)
        found.append(part.assign(plans=part["council"].map(counted["all_plans"][origin]),
                                 scale=part["council"].map(change)))
    return pd.concat(found).loc[rows.index]


def write(record, path):
    """This method's forecasts as a CSV: a row an origin, horizon, council and measure."""
    store.write_text(Path(path), csv(record.rows.query("method == @METHOD")[COLUMNS]))


def keep(record, root):
    """Write what the notebooks read: params/track_record.csv and track_record_councils.csv.

    Shares to four places; plans to one.
    """
    rows = record.rows.query("method == @METHOD")
    found = skill.summarise(record.rows).round(4)
    own = rows[["origin", "horizon", "council", "measure", "actual", "mean", "p10", "p90"]]
    own = own.sort_values(["measure", "council", "origin", "horizon"])
    for name, frame in zip(KEPT, (found, own.round(1)), strict=True):
        store.write_text(Path(root) / "params" / f"{name}.csv", csv(frame))
