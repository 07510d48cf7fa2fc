"""Disclosure: the simple rule that keeps small counts out of public results."""

import numpy as np

SMALL = 7.5
BASE = 5
NOTE = "A blank cell is a count of 1 to 7, or a figure that rests on one. Counts round to 5."
STATISTICS = ["mean", "p2_5", "p10", "p50", "p90", "p97_5"]


def small(counts):
    """Whether a count, or a forecast's mean count, is above 0 and below 7.5."""
    return (counts > 0) & (counts < SMALL)


def protect(frame, counts, dependent=(), by=None, published=False):
    """Blank small counts and what rests on them, round the other counts to 5.

    counts, dependent: columns; by: the column whose size decides for the whole row (a
    forecast's mean), otherwise each count decides for itself and any hidden count hides the
    row's dependents. published: already published by the Department, passes unchanged.
    The note is in attrs. It does not stop a cell being worked out from its totals.
    """
    counts, dependent = list(counts), list(dependent)
    missing = [name for name in [*counts, *dependent, *([by] if by else [])] if name not in frame]
    if missing:
        raise ValueError(f"protect: no column {missing}; allowed {list(frame.columns)}")
    safe = frame.copy()
    if published:
        return safe
    hidden = small(frame[[by]] if by else frame[counts])
    row = hidden.any(axis=1)
    for name in counts:
        rounded = np.floor(frame[name].astype(float) / BASE + 0.5) * BASE
        safe[name] = rounded.mask(row if by else hidden[name])
    for name in dependent:
        safe[name] = frame[name].astype(float).mask(row)
    safe.attrs["note"] = NOTE
    return safe


def protect_placements(frame):
    """placements.csv under the simple rule, decided by the mean count of each row."""
    return protect(frame, STATISTICS, ["sd"], by="mean")


def protect_spend(spend, placements):
    """spend.csv, blank where the plans of the January inside the financial year are few."""
    keys = ["year", "setting", "age_band"]
    years = spend["financial_year"].astype(str).str[:4].astype(int) + 1
    plans = spend.assign(year=years).merge(
        placements[[*keys, "mean"]], on=keys, how="left", suffixes=("", "_plans")
    )["mean_plans"]
    columns = [*STATISTICS, "sd"]
    safe = spend.copy()
    safe[columns] = spend[columns].mask(small(plans).to_numpy())
    safe.attrs["note"] = NOTE
    return safe
