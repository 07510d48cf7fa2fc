"""Constants of growth fitted, date by date, to how forecasts before then turned out."""

from dataclasses import replace
from functools import partial, reduce
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
import yaml

from sufficiency.case import find_root
from sufficiency.case.returns import published
from sufficiency.model import skill
from sufficiency.model.placements import growth
from sufficiency.model.placements.calibrate import Calibration, base_level, calibrate
from sufficiency.model.streams import Worlds, stable_id
from sufficiency.run import store, track_record
from sufficiency.run.forecast import simulate

# What is fitted to which plans, and the values tried: a step is about what a score can tell apart.
TRIED = {
    "all_plans": {
        "placements.growth.requests": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        "placements.growth.pooling": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
        # no trend without end: a case looks ten years ahead, where a fit to three says little
        "placements.growth.damping": (0.8, 0.85, 0.9, 0.95),
        "placements.growth.persistence": (0.6, 0.7, 0.8, 0.9, 1.0),
        "placements.growth.spread": (0.07, 0.1, 0.13, 0.16, 0.19, 0.22, 0.25),
        "placements.growth.size": (0.0, 0.1, 0.2, 0.3, 0.4),
        "placements.joiners.level": (1.05, 1.1, 1.15, 1.2, 1.25, 1.3)},
    "independent_special": {
        "placements.moves.spread.independent_special": (0.15, 0.25, 0.4, 0.55, 0.7, 0.85)},
}  # fmt: skip
SPECIAL, LEVEL = "independent_special", "placements.joiners.level"
# A value stays as it was unless the score falls by this share: less is chance (judgement).
WORTH = 0.001
AHEAD, SWEEPS, DRAWS = 3, 4, 300


class Parts(NamedTuple):
    """Plans as forecast, linear in a yearly flow: at the base rate it is the same every year.

    left (draw, horizon): those there without the flow; stays (horizon,): mean of a year's flow
    still there 1, 2, ... Januaries on; luck (draw, horizon): of the flow, about 1; came
    (horizon,): what was counted, NaN if not yet.
    """

    left: np.ndarray
    stays: np.ndarray
    luck: np.ndarray
    came: np.ndarray

    def plans(self, rate):
        """Plans (draw, horizon) with the flow at rate (draw, horizon) times its base."""
        flow = [rate[:, :i + 1] @ self.stays[i::-1] for i in range(AHEAD)]
        return self.left + self.luck * np.stack(flow, axis=1)


class Past(NamedTuple):
    """A council's forecast from a January in the parts that the constants fitted do not change.

    parts: {measure: Parts}; reference: England's history at the time; seed: of the worlds.
    """

    origin: int
    seed: int
    calibration: Calibration
    reference: pd.DataFrame
    parts: dict


def past(case, found, reference, seed, draws, came):
    """A Past of a Calibration; came: plans counted (January, setting), if any yet."""
    worlds = Worlds(case.assumptions, seed, draws)
    years = range(found.first_january + 1, found.first_january + 1 + AHEAD)
    special = found.rates.places.index(SPECIAL)

    def joining(level, paths):
        return {**paths, "growth": np.full_like(paths["growth"], level),
                "extra_joiners": np.zeros_like(paths["extra_joiners"])}

    def moving(level, paths):
        moves = paths["move_multiplier"].copy()
        moves[..., special] = level
        return {**paths, "move_multiplier": moves}

    def parts(flow, total):
        """From two runs, one without the flow and one with it at its base."""
        left, flowed = (
            total(simulate(case, found, worlds, threads=1, change=partial(flow, level))["plans"]
                  .sum("age").sel(year=years)).values.astype(float) for level in (0.0, 1.0))
        mean = np.maximum((flowed - left).mean(axis=0), 1e-9)
        return Parts(left, np.diff(mean, prepend=0.0), (flowed - left) / mean,
                     total(xr.DataArray(came.reindex(years), dims=("year", "setting"))).values)

    return Past(found.first_january, seed, found, reference["history"], {
        "all_plans": parts(joining, lambda plans: plans.sum("setting", skipna=False)),
        SPECIAL: parts(moving, lambda plans: plans.sel(setting=SPECIAL))})


def joiners(one, worlds):
    """Joiners (draw, horizon) of a Past over those its base has, in worlds of other constants."""
    found, central = one.calibration, worlds.assumptions
    requests, pooling = (central[f"placements.growth.{name}"].central_value()
                         for name in ("requests", "pooling"))
    level, difference = base_level(found.history, one.reference, found.unreconciled, requests,
                                   pooling)
    rate, beside = growth.joiner_paths(replace(found, difference=difference), worlds, _years(one))
    return (level * rate + beside) / found.joiners


def moves(one, worlds):
    """Moves into independent special schools (draw, horizon) over those the base has.

    Twice the hazard is less than twice the moves: at a spread of 0.4 the plans' own is 7% too
    wide, at 0.55 15%, so a fit up there is a little too small.
    """
    paths = growth.move_paths(one.calibration, worlds, _years(one))
    return paths[..., one.calibration.rates.places.index(SPECIAL)]


FLOW = {"all_plans": joiners, SPECIAL: moves}


def _keys():
    return [key for keys in TRIED.values() for key in keys]


def _years(one):
    return range(one.origin + 1, one.origin + 1 + AHEAD)


def fit(pasts, assumptions, start, dates):
    """Values with least error, date by date: {January: {key: value}}, nothing later used.

    pasts: `past` of many councils and Januaries, assumptions {January: {key: Assumption}} those
    they were made with; start: {key: value}, of TRIED, before any fit.
    A date's search begins at the fit before it and takes the value next to it on the scale, key
    by key, for as long as the mean over horizons of CRPS (over that at its beginning) falls.
    """
    worlds = [Worlds(assumptions[one.origin], one.seed, len(one.parts[SPECIAL].left))
              for one in pasts]
    made = {measure: {key: start[key] for key in keys} for measure, keys in TRIED.items()}
    found, scores = {}, {}

    def crps(measure, origin, values):
        """Pooled over councils (horizon,)."""
        name = (measure, origin, *values.values())
        if name not in scores:
            given = {key: belief(assumptions[origin][key], key, x) for key, x in values.items()}
            scores[name] = np.nansum([
                skill.crps(parts.plans(FLOW[measure](one, own.change(given))), parts.came)
                for one, own in zip(pasts, worlds, strict=True) if one.origin == origin
                for parts in [one.parts[measure]]], axis=0)
        return scores[name]

    def error(measure, date, values):
        """CRPS (horizon,) of what had been counted by a date."""
        return sum(np.where(origin + 1 + np.arange(AHEAD) <= date,
                            crps(measure, origin, values), 0.0)
                   for origin in sorted(assumptions) if origin < date)

    for date in dates:
        for measure, tried in TRIED.items():
            made[measure] = _least(partial(error, measure, date), tried, made[measure])
        found[date] = {key: x for values in made.values() for key, x in values.items()}
    return found


def _least(error, tried, values):
    """Values from which no step to a neighbour among those tried is worth it."""
    began, best = error(values), 1.0
    known = began > 0
    if not known.any():
        return values
    for _ in range(SWEEPS):
        before = best
        for key, scale in tried.items():
            place = scale.index(values[key])
            for near in scale[max(place - 1, 0):place + 2]:
                now = float((error(values | {key: near})[known] / began[known]).mean())
                if now < best * (1 - WORTH):
                    best, values = now, values | {key: near}
        if best == before:
            break
    return values


def belief(assumption, key, value):
    """An assumption with a fitted value in place of its own."""
    return assumption.model_copy(update={"low": None, "high": None, **_numbers(key, value)})


def _numbers(key, value):
    """A fitted value as a case says it: a level is 1, its 80% range from 1/value to value."""
    if key == LEVEL:
        return {"low": round(1 / value, 2), "central": 1, "high": value}
    return {"central": value}


def fitted(data, first, last, seed=1, processes=2, root=None):
    """Fits of every January after `first` to the one after `last` -> {month known: {key: value}}.

    data and Januaries as `track_record.track_record` takes them. The start is what
    params/national.yaml says of the first January, which is never changed.
    """
    root = find_root(root)
    tasks, _ = track_record.opened(data, first, last, "", DRAWS, seed, root)
    pasts = [one for some in track_record.side_by_side(pasts_of, tasks, processes) for one in some]
    assumptions = {task.origin: track_record.dated(root, task.origin, task.released)[0].assumptions
                   for task in tasks}
    start = {}
    for key, scale in (pair for tried in TRIED.values() for pair in tried.items()):
        said = assumptions[first][key]
        start[key] = said.central if said.high is None else said.high
        if start[key] not in scale:
            raise ValueError(f"{key}: found {start[key]} in January {first}; allowed {scale}")
    known = track_record.counted_in(tasks[0].data)[1]
    found = fit(pasts, assumptions, start, range(first + 1, last + 2))
    return {known[date]: values for date, values in found.items()}


def pasts_of(task):
    """A Past of each of a task's councils that has one."""
    case, reference = track_record.dated(task.root, task.origin, task.released)
    found = []
    for name in task.councils:
        tables = track_record.tables_of(task.data, name)
        try:
            rates = calibrate(case, published.known_by(tables, task.released), reference)
        except ValueError:
            # the scores count and name those left out
            continue
        if rates.first_january == task.origin:
            seed = stable_id(f"{task.seed} {task.origin} {name}")
            found.append(past(case, rates, reference, seed, task.draws,
                              tables["plans_by_setting"]))
    return found


def keep(found, root):
    """Write fits into params/national.yaml, in place of all vintages of TRIED but the first."""
    path = Path(root) / "params" / "national.yaml"
    text = path.read_text(encoding="utf-8")
    lines, national = text.split("\n"), yaml.compose(text, Loader=yaml.CSafeLoader)
    edits = []
    for key in _keys():
        node = national
        for part in (*key.split("."), "vintages"):
            node = next(value for name, value in node.value if name.value == part)
        first, last = node.value[0].end_mark.line + 1, node.value[-1].end_mark.line + 1
        margin = " " * node.start_mark.column
        said = {month: ", ".join(f"{name}: {x}" for name, x in _numbers(key, values[key]).items())
                for month, values in found.items()}
        edits.append((first, last, [f"{margin}- {{known: {month}, {numbers}}}"
                                    for month, numbers in said.items()]))
    # from the end, so that lines before keep their numbers
    for first, last, rows in sorted(edits, reverse=True):
        lines[first:last] = rows
    store.write_text(path, "\n".join(lines))


def kept(root, known_by=""):
    """The fits in params/national.yaml by a month, or all: a row an assumption, a column a month.

    Of a level, the upper end of its 80% range.
    """
    path = Path(root) / "params" / "national.yaml"
    national, rows = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader), {}
    for key in _keys():
        said = reduce(lambda part, name: part[name], key.split("."), national)
        rows[said["label"] + " (up to)" * (key == LEVEL)] = {
            one["known"]: one.get("high", one["central"]) for one in said["vintages"]
            if not known_by or one["known"] <= known_by}
    return pd.DataFrame(rows).T.rename_axis("Fitted").reset_index()
