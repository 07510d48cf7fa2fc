"""Disclosure: the simple rule that keeps small counts out of public results."""

import numpy as np

NOTE = "A blank cell is a count of 1 to 7, or a figure that rests on one. Counts round to 5."
STATISTICS = ["mean", "p2_5", "p10", "p50", "p90", "p97_5"]


def small(counts):
    """Whether a count is 1 to 7; a forecast's mean count is small below 7.5."""
    return (counts > 0) & (counts < 7.5)


def protect(frame, counts, dependent=(), by=None, published=False):
    """Blank small counts and what rests on them, round the other counts to 5.

    by: the column whose size decides for the whole row (a forecast's mean); otherwise each
    count decides for itself, and hides the row's dependents. published: the Department has
    printed them, they pass unchanged. attrs["note"] says so. It does not stop a hidden cell
    being worked out from its totals.
    """
    missing = {*counts, *dependent, *([by] if by else [])} - set(frame)
    if missing:
        raise ValueError(f"protect: no columns {sorted(missing)}; allowed {list(frame)}")
    safe = frame.copy()
    if published:
        return safe
    row = small(frame[[by] if by else list(counts)]).any(axis=1)
    for name in counts:
        rounded = np.floor(frame[name].astype(float) / 5 + 0.5) * 5
        safe[name] = rounded.mask(row if by else small(frame[name]))
    for name in dependent:
        safe[name] = frame[name].astype(float).mask(row)
    safe.attrs["note"] = NOTE
    return safe


def protect_placements(frame, published=False):
    """placements.csv under the simple rule, decided by the mean count of each row.

    published: the counts it starts from are, so that the larger figures need no rounding.
    """
    if not published:
        return protect(frame, STATISTICS, ["sd"], by="mean")
    columns = [*STATISTICS, "sd"]
    return frame.assign(**frame[columns].mask(small(frame["mean"])))


def protect_spend(spend, placements):
    """spend.csv, blank where the plans of the January inside the financial year are few."""
    keys = ["year", "setting", "age_band"]
    years = spend["financial_year"].astype(str).str[:4].astype(int) + 1
    plans = placements[[*keys, "mean"]].rename(columns={"mean": "plans"})
    joined = spend.assign(year=years.to_numpy()).merge(plans, on=keys, how="left")
    # A year without its January is treated as few
    joined["plans"] = joined["plans"].fillna(1)
    return protect(joined, [], ["sd", *STATISTICS], by="plans")[list(spend)]
