"""What a monitoring position says about the year: each world weighed by how well it foretold it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

# Effective draws that a position must leave: so many, or in a small run a share of the draws.
LEAST, SHARE = 50, 0.1
PERCENTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}


@dataclass(frozen=True)
class Position:
    """A monitoring position after so many months of the year (April 1, March 12), GBP.

    in_year_forecast: the council's own forecast of the year's deficit, error its standard
    deviation, see `month_error`; savings_to_date, savings_error the same. None: not reported.
    """

    month: int
    in_year_forecast: float | None = None
    error: float | None = None
    savings_to_date: float | None = None
    savings_error: float | None = None

    def __post_init__(self):
        _check_month(self.month)
        pairs = (("in_year_forecast", "error"), ("savings_to_date", "savings_error"))
        for figure, error in pairs:
            sd = getattr(self, error)
            if getattr(self, figure) is not None and not (sd and 0 < sd < np.inf):
                raise ValueError(f"monitoring.{error}: found {sd}; allowed more than 0")
        if all(getattr(self, figure) is None for figure, _ in pairs):
            raise ValueError("monitoring: found neither figure; allowed an in_year_forecast, "
                             "savings_to_date or both")


@dataclass(frozen=True)
class Nowcast:
    """What the worlds are worth after it: weights (draw,), adding to 1, and how many count.

    ess, the effective sample, is 1 / sum of weights squared. index (draw,): worlds resampled,
    systematic and in order, so that copies of a world stand together and any first part of it is
    as fair as the whole. table: prior and posterior of what was observed, see `compare`.
    """

    weights: np.ndarray
    index: np.ndarray
    ess: float
    table: pd.DataFrame


def month_error(month, at_nought, floor):
    """Standard deviation of an in-year forecast made after so many months, GBP.

    at_nought x sqrt((12 - month) / 12), not below floor: what is still to come is a random walk to
    the outturn, and accounts move at the close. at_nought: the error before the year begins.
    """
    _check_month(month)
    return float(max(at_nought * np.sqrt((12 - month) / 12), floor))


def update(position, uniform, outturn=None, saved=None):
    """Weigh worlds by a monitoring position: a Nowcast.

    outturn: in-year deficit foretold, saved: savings delivered up to the position's month, both
    (draw,), GBP. Each reported figure is normal around its world's, with its own error, apart from
    the other's. uniform, strictly between 0 and 1, starts the systematic resample: from
    `worlds.uniform("safety_valve.nowcast")`. Refuses a position so far out that fewer than 50
    effective draws, or a tenth of them, are left, saying how far.
    """
    foretold = {"in-year forecast": (position.in_year_forecast, position.error, outturn),
                "savings to date": (position.savings_to_date, position.savings_error, saved)}
    seen = {name: each for name, each in foretold.items() if each[0] is not None}
    for name, (_, _, values) in seen.items():
        if values is None or not np.isfinite(values).all():
            raise ValueError(f"nowcast: found the {name} reported and not foretold; allowed both, "
                             "a number in every draw")
    log = -sum(((np.asarray(values) - figure) / error) ** 2 / 2
               for figure, error, values in seen.values())
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    ess = float(1 / np.sum(weights**2))
    least = min(LEAST, len(weights) * SHARE)
    if ess < least:
        raise ValueError(_too_far(position.month, seen, ess, len(weights), least))
    index = resample(weights, uniform)
    return Nowcast(weights, index, ess,
                   compare(index, {name: each[2] for name, each in seen.items()}))


def resample(weights, uniform):
    """Worlds in proportion to their weights (draw,), systematic and in order: index (draw,)."""
    reached = np.cumsum(weights) / np.sum(weights)
    steps = (np.arange(len(weights)) + uniform) / len(weights)
    return np.minimum(np.searchsorted(reached, steps), len(weights) - 1)


def compare(index, quantities):
    """Prior and posterior of quantities {name: (draw,)}, the latter of the worlds of `index`.

    -> DataFrame: quantity, stage (prior, posterior), mean, sd, p10, p50, p90.
    """
    return pd.DataFrame([
        {"quantity": name, "stage": stage, "mean": np.mean(found), "sd": np.std(found),
         **dict(zip(PERCENTILES, np.quantile(found, list(PERCENTILES.values())), strict=True))}
        for name, values in quantities.items()
        for stage, found in (("prior", values), ("posterior", np.asarray(values)[index]))])


def _too_far(month, seen, ess, draws, least):
    words = []
    for name, (figure, error, values) in seen.items():
        mean, spread = np.mean(values), np.std(values)
        out = (figure - mean) / np.hypot(spread, error)
        words.append(f"{name} £{figure / 1e6:,.1f}m (error £{error / 1e6:,.1f}m) against "
                     f"£{mean / 1e6:,.1f}m foretold (spread £{spread / 1e6:,.1f}m), "
                     f"{abs(out):.1f} standard deviations {'above' if out > 0 else 'below'}")
    return (f"nowcast: found a position at month {month} that leaves {ess:.0f} of {draws} draws: "
            f"{'; '.join(words)}; allowed one that leaves {least:g}: look at the opening position "
            "and the priors, widen the error, or take more draws")


def _check_month(month):
    if month not in range(1, 13):
        raise ValueError(f"monitoring.month: found {month}; allowed 1 (April) to 12 (March)")
