"""Paths of what drives the flows: joiners' growth, backlog, unreconciled plans, ceasing, moves."""

import numpy as np
import pandas as pd

from sufficiency.model.placements import backlog

# Plans of a council whose surprises are of the size the assumptions give: about the median of
# 149 councils, January 2017 to 2022 (Department for Education, SEN2).
USUAL = 1500


def growth_paths(calibration, worlds, years):
    """What `engine.project` needs beside the rates, for Januaries after the first.

    years: the Januaries forecast, in order. log growth of joiners in year t =
    level + trend (1 + d + ... + d^(t-1)) + difference (p^t - 1) + e_t, e_t = p e_(t-1) + spread z:
    d damping, p persistence of a council's difference from England; the log of level and spread
    are times (plans / USUAL)^-size. Every shock is a named normal of its January. -> dict of
    growth (draw, year), population_index (year, age), extra_joiners (draw, year),
    leave_multiplier (draw, year),
    move_multiplier (draw, year, setting), and capacity and overflow if the case has any.
    """
    growth, extra = joiner_paths(calibration, worlds, years)
    shocks = _walk(worlds, "placements.ceasing.shock", years, worlds["placements.ceasing.spread"])
    return {"growth": growth, "extra_joiners": extra,
            "population_index": population_index(calibration, years),
            "leave_multiplier": worlds["placements.ceasing.scale"][:, None] * np.exp(shocks),
            "move_multiplier": move_paths(calibration, worlds, years),
            **_capacity(calibration, worlds, years)}


def joiner_paths(calibration, worlds, years):
    """Growth of joiners over the base level, and joiners beside them, (draw, year) each."""
    trend, growth = _growth(calibration, worlds, years)
    extra = _unreconciled(calibration, worlds, years) * np.exp(trend)
    return growth, extra + _cleared(worlds, len(years))


def move_paths(calibration, worlds, years):
    """Multiples of moves into each setting (draw, year, setting)."""
    paths, fade = [], worlds["placements.moves.persistence"]
    for place in calibration.rates.places:
        key, spread = f"placements.moves.{place}", f"placements.moves.spread.{place}"
        spread = worlds[spread if spread in worlds else "placements.moves.spread.others"]
        path = np.exp(_walk(worlds, f"placements.moves.shock.{place}", years, spread, fade))
        paths.append(path * worlds[key][:, None] if key in worlds else path)
    return np.stack(paths, axis=2)


def population_index(calibration, years):
    """Population at each age in each year over that of the base year (year, age); 1 if unknown.

    Joiners of the year to a January are of the ages at the mid-year before it. Years outside the
    projection are refused, unless the case has its first and last year carried.
    """
    people = calibration.population
    if people is None:
        return np.ones((len(years), calibration.rates.stock.shape[1]))
    wanted, held = np.array([calibration.first_january, *years]) - 1, people.index[[0, -1]]
    if not calibration.carry and (wanted[0] < held[0] or wanted[-1] > held[1]):
        raise ValueError(f"population: found mid-years {held[0]} to {held[1]}; allowed {wanted[0]} "
                         f"to {wanted[-1]}, or placements.population.carry: last")
    people = people.loc[np.clip(wanted, *held)].to_numpy(float)
    return people[1:] / people[0]


def drivers(calibration, worlds, paths, projection):
    """Why the number of plans changes over the whole path (cause; setting and all).

    Means over draws, children: joiners at the base level, their growth, backlog released,
    unreconciled flow, ceasing (ageing out included), moves; together the change, exactly.
    """
    joiners, leavers, moved_in, moved_out = (
        projection[name].mean(0).sum(0).astype(float)
        for name in ("joiners", "leavers", "moved_in", "moved_out"))
    years, mix = projection["joiners"].shape[1], joiners / max(joiners.sum(), 1e-300)
    cleared = _cleared(worlds, years).sum(1).mean()
    other = np.asarray(paths["extra_joiners"]).sum(1).mean() - cleared
    rows = {"joiners at the base level": calibration.rates.join_mean.sum(1) * years,
            "backlog released": mix * cleared, "unreconciled flow": mix * other}
    rows["growth in joiners"] = joiners - sum(rows.values())
    rows |= {"ceasing": -leavers, "moves between settings": moved_in - moved_out}
    table = pd.DataFrame(rows, index=calibration.rates.places).T
    table.loc["change in plans"] = table.sum()
    return table.assign(all=table.sum(axis=1))


def _cleared(worlds, years):
    return backlog.release(worlds["placements.backlog.plans"],
                           worlds["placements.backlog.months_to_clear"], years)


def _growth(calibration, worlds, years):
    steps = np.arange(1, len(years) + 1)
    damping = worlds["placements.growth.damping"][:, None]
    trend = worlds["placements.growth.trend"][:, None] * np.cumsum(damping ** (steps - 1), axis=1)
    persistence = worlds["placements.growth.persistence"]
    size = (calibration.rates.stock.sum() / USUAL) ** -worlds["placements.growth.size"]
    spread = size * worlds["placements.growth.spread"]
    shocks = _walk(worlds, "placements.growth.shock", years, spread, persistence)
    back = calibration.difference * (persistence[:, None] ** steps - 1)
    level = (worlds["placements.joiners.level"] ** size)[:, None]
    return trend, level * np.exp(trend + back + shocks)


def _walk(worlds, name, years, spread, persistence=1.0):
    """Log shocks (draw, year), median 0: an autoregression of named normals."""
    path, found = 0.0, []
    for year in years:
        path = persistence * path + spread * worlds.normal(f"{name}.{year}")
        found.append(path)
    return np.stack(found, axis=1)


def _unreconciled(calibration, worlds, years):
    spread = worlds["placements.unreconciled.spread"]
    shocks = [worlds.normal(f"placements.unreconciled.shock.{year}") for year in years]
    share = worlds["placements.unreconciled.flow"] * np.exp(spread * np.array(shocks))
    return calibration.rates.stock.sum() * share.T


def _capacity(calibration, worlds, years):
    """Places in each setting (draw, year, setting), and where to go next; nothing if unlimited."""
    keys = [f"placements.capacity.{place}" for place in calibration.rates.places]
    if not any(key in worlds for key in keys):
        return {}
    none = np.full(worlds.draws, np.inf)
    limits = [[worlds.at(key, year) if key in worlds else none for key in keys] for year in years]
    return {"capacity": np.array(limits).transpose(2, 0, 1), "overflow": calibration.overflow}
