"""Does the evidence decide: weak inputs' part of a difference, what moves it, where it turns."""

from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize
from scipy.special import ndtri

from sufficiency.case.quantity import P90

WEAK = ("proxy", "judgement", "illustrative")
HALF = 0.5
# The middle 95 in 100 of a normal.
NORMAL_95 = 1.959963984540054
TURNS = {-1: "saves throughout", 0: "no difference", 1: "costs throughout"}


class Share(NamedTuple):
    """Weak inputs' share of a variance, 0 to 1: its 95% interval, standard error; see `close`."""

    share: float
    low: float
    high: float
    error: float

    @property
    def close(self):
        """Whether other draws could have turned the verdict of `decides`."""
        return self.low <= HALF < self.high


class Switch(NamedTuple):
    """Where a difference turns: value, and says "saves below" or "saves above" it.

    value None: it did not turn, and says "saves throughout", "costs throughout", "no difference".
    """

    value: float | None
    says: str


def weak(assumptions):
    """Keys of the uncertain assumptions that rest, in some period, on WEAK evidence."""
    return [key for key, one in assumptions.items()
            if any(entry.low is not None and (entry.quality or one.quality) in WEAK
                   for entry in (one.values or {"": one}).values())]


def weak_share(difference_all, difference_held, blocks=50):
    """Share of a difference's variance that goes when weak inputs are known: a Share.

    1 - var(held) / var(all), below 0 said as 0. difference_held (draw,): the same draws with
    `worlds.hold(dict.fromkeys(weak(assumptions), 0.5))`. Interval: delete-a-group
    jackknife (Quenouille 1956). No variance is a share of 0; an input without a range adds none.
    """
    everything, held = (np.asarray(d, float) for d in (difference_all, difference_held))
    draws = everything.size
    if everything.shape != (draws,) or held.shape != (draws,) or draws < 4:
        raise ValueError(f"weak_share: found shapes {everything.shape} and {held.shape}; allowed "
                         "the same draws twice, (draw,), at least 4")
    blocks = min(blocks, draws // 2)
    inside = np.arange(draws) * blocks // draws

    def share(kept):
        total = _variance(everything[kept])
        return 1 - _variance(held[kept]) / total if total > 0 else 0.0

    found = share(inside >= 0)
    error = float(np.sqrt((blocks - 1) * np.var([share(inside != b) for b in range(blocks)])))
    ends = (found, found - NORMAL_95 * error, found + NORMAL_95 * error)
    return Share(*(float(min(max(end, 0.0), 1.0)) for end in ends), error)


def _variance(values):
    """Exactly 0 for a constant."""
    return np.var(values - values[0])


def within(values, alike):
    """Values (draw, ...) less the means of groups of draws after one another that share something.

    Scaled so that their variance is that within groups, without bias.
    """
    draws = len(values) // alike * alike
    if alike < 2 or not draws:
        return values
    groups = np.asarray(values)[:draws].reshape(-1, alike, *np.shape(values)[1:])
    apart = groups - groups.mean(1, keepdims=True)
    return (apart * np.sqrt(alike / (alike - 1))).reshape(draws, *np.shape(values)[1:])


def decides(share):
    """Whether the evidence decides: at most half of the variance rests on weak inputs."""
    return share <= HALF


def influence(difference, assumptions, keys, worlds):
    """Mean difference where each of keys alone is at its 10th and 90th percentile, all else as is.

    difference (draw,) GBP in these worlds, regressed by least squares on the normal scores of
    keys: what each adds on average, in a straight line (Saltelli et al. 2008, ch. 1). -> columns of
    `appraisal.influence.tornado`, where central is the mean, and error: the standard error of the
    swing; clear, whether the swing stands out from chance (5% over all keys, Bonferroni). Refuses
    fewer draws than twice the keys.
    """
    difference, keys = np.asarray(difference, float), list(keys)
    if difference.size < 2 * len(keys) + 2:
        raise ValueError(f"influence: found {difference.size} draws for {len(keys)} assumptions; "
                         f"allowed at least {2 * len(keys) + 2}")
    scores = np.column_stack([np.ones(difference.size), *(worlds.normal(key) for key in keys)])
    inverse = np.linalg.pinv(scores.T @ scores)
    slope = inverse @ scores.T @ difference
    left = difference - scores @ slope
    noise = np.sqrt(left @ left / (difference.size - len(slope)) * np.diag(inverse))
    mean = difference.mean()
    table = pd.DataFrame({"low": mean - P90 * slope[1:], "high": mean + P90 * slope[1:],
                          "central": mean, "swing": 2 * P90 * slope[1:],
                          "error": 2 * P90 * noise[1:]}, index=pd.Index(keys, name="key"))
    table["clear"] = table["swing"].abs() > -ndtri(0.025 / max(len(keys), 1)) * table["error"]
    table["crosses_zero"], table["kind"] = table["low"] * table["high"] < 0, "assumption"
    for name in ("label", "unit", "quality", "source"):
        table[name] = [getattr(assumptions[key], name, None) for key in keys]
    return table.sort_values("swing", key=abs, ascending=False, kind="stable")


def switching(evaluate, low, high, tolerance=None):
    """Value of one assumption between low and high at which the mean difference is 0: a Switch.

    evaluate(x) -> mean difference, GBP, below 0 where the route saves. Brent (1973), to within
    tolerance (a thousandth of the range). Where both ends have one sign the middle is tried too,
    and no other value: read "throughout" so; of two turns the first is found.
    """
    tolerance = (high - low) / 1000 if tolerance is None else tolerance
    if not (low < high and tolerance > 0):
        raise ValueError(f"switching: found {low} to {high}, tolerance {tolerance}; allowed low "
                         "below high, tolerance above 0")

    @cache
    def mean(x):
        found = float(evaluate(x))
        if not np.isfinite(found):
            raise ValueError(f"switching: found {found} at {x}; allowed a mean difference, GBP")
        return found

    ends = (low, high) if np.sign(mean(low)) != np.sign(mean(high)) else (
        low, (low + high) / 2, high)
    for left, right in pairwise(ends):
        if np.sign(mean(left)) != np.sign(mean(right)):
            value = optimize.brentq(mean, left, right, xtol=tolerance)
            return Switch(value, "saves below" if mean(left) < mean(right) else "saves above")
    return Switch(None, TURNS[int(np.sign(mean(low)))])
