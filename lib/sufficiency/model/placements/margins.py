"""Counts by setting and single year of age from published totals by setting and by age band."""

from itertools import pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import Bounds, LinearConstraint, milp

BANDS = {"up to 0": (0, 4), "1-6": (5, 10), "7-11": (11, 15), "12-15": (16, 19), "16+": (20, 25)}
AGES = np.arange(26)
EDGES = np.array([0, 5, 11, 16, 20, 26])
BAND_OF_AGE = np.repeat(np.arange(len(BANDS)), np.diff(EDGES))


def by_age(pattern):
    """Values (26,) at each age from a pattern {age: value}, straight lines between, flat outside.

    Zero below the first age unless that is 0. Source: the pattern's own.
    """
    knots = sorted((int(age), float(value)) for age, value in pattern.items())
    ages, values = zip(*knots, strict=True)
    return np.where(AGES < ages[0], 0.0, np.interp(AGES, ages, values))


def single_ages(bands):
    """Counts at single ages (..., 26) with the totals of the bands (..., 5), smooth within them.

    Differences of a monotone cubic through the cumulated counts, so never below zero: modelled,
    not published. Refuses missing or negative counts.
    """
    bands = np.asarray(bands, float)
    if not (bands >= 0).all():
        raise ValueError(f"bands: found {bands.min()} or missing; allowed 0 or more")
    below = np.concatenate([np.zeros((*bands.shape[:-1], 1)), bands.cumsum(-1)], -1)
    ages = np.diff(PchipInterpolator(EDGES, below, axis=-1)(np.arange(27)), axis=-1)
    return np.maximum(ages, 0.0)


def fit_margins(seed, rows, columns, tolerance=1e-11, rounds=2000):
    """The table nearest the seed whose rows and columns sum as told (iterative proportional fit).

    seed (row, column) above 0 where anything may be; rows and columns with the same total.
    Refuses margins of unlike totals, and a seed that cannot meet them.
    """
    rows, columns = np.asarray(rows, float), np.asarray(columns, float)
    if abs(rows.sum() - columns.sum()) > 1e-9 * max(rows.sum(), 1.0):
        raise ValueError(f"margins: found totals {rows.sum():g} and {columns.sum():g}; allowed one")
    table, scale = np.array(seed, float), max(rows.sum(), 1.0)
    for _ in range(rounds):
        table *= (rows / np.maximum(table.sum(1), 1e-300))[:, None]
        table *= columns / np.maximum(table.sum(0), 1e-300)
        if np.abs(table.sum(1) - rows).max() < tolerance * scale:
            return table
    gap = np.abs(table.sum(1) - rows).max()
    raise ValueError(f"margins: off by {gap:g}; allowed margins that the seed can meet")


def whole(table):
    """Whole children (setting, age) that keep whole totals of settings and of bands exactly.

    Each setting and band goes up or down to a whole number, the nearest such choice (a transport
    problem), then ages within it by cumulated rounding. Totals that are not whole go up or down.
    """
    cells = np.add.reduceat(table, EDGES[:-1], axis=1)
    base = np.floor(cells + 1e-9)
    spare = cells - base
    sums = np.vstack([np.kron(np.eye(len(cells)), np.ones(len(BANDS))),
                      np.kron(np.ones(len(cells)), np.eye(len(BANDS))), np.ones(cells.size)])
    need = sums @ spare.ravel()
    need[-1] = np.rint(need[-1])
    up = milp(-spare.ravel(), integrality=np.ones(cells.size),
              bounds=Bounds(0, (spare > 1e-9).ravel()),
              constraints=LinearConstraint(sums, np.floor(need + 1e-6), np.ceil(need - 1e-6)))
    cells, found = base + np.rint(up.x).reshape(cells.shape), np.zeros_like(table)
    for band, (start, stop) in enumerate(pairwise(EDGES)):
        part = table[:, start:stop]
        total = np.maximum(part.sum(1, keepdims=True), 1e-300)
        steps = np.rint(part.cumsum(1) / total * cells[:, [band]])
        found[:, start:stop] = np.diff(steps, axis=1, prepend=0.0)
    return found
