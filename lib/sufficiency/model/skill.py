"""How wrong forecasts were: scores of draws against what came, and simple methods to beat.

Read: Hyndman and Koehler 2006 (MASE); Gneiting and Raftery 2007 (CRPS, interval score); Czado,
Gneiting and Held 2009 (PIT of counts); Zamo and Naveau 2018 (fair CRPS); Hyndman and
Athanasopoulos, Forecasting: principles and practice, 7 and 8 (simple methods, smoothing).
"""

import numpy as np
import pandas as pd
from scipy import integrate, optimize, special

# Usual share of a trend that carries to the next year (Hyndman and Athanasopoulos, 8.2).
PHI = 0.9


def wape(actual, point):
    """Sum of absolute errors over the sum of what came, pooled over everything given: a share."""
    actual, point = np.asarray(actual, float), np.asarray(point, float)
    return float(np.abs(actual - point).sum() / np.abs(actual).sum())


def mase(actual, point, training):
    """Mean absolute error over the mean yearly change of the series before -> (figure, reason).

    nan, and why, where there is no such change; the reason is else empty.
    """
    change = np.abs(np.diff(np.asarray(training, float)))
    change = change[np.isfinite(change)]
    if not change.size:
        return np.nan, "fewer than two years to take a yearly change from"
    if change.mean() == 0:
        return np.nan, "the series before is flat: no yearly change to compare with"
    error = np.abs(np.asarray(actual, float) - np.asarray(point, float)).mean()
    return float(error / change.mean()), ""


def crps(draws, actual, fair=True):
    """Continuous ranked probability score, unit of the draws: (draw, ...), (...) -> (...).

    mean|x - y| - sum_i (2i - M - 1) x_(i) / (M (M - 1)), sorted; not fair: M^2 for M (M - 1).
    Fair to ensembles of any size; one draw alone has no fair score but its absolute error.
    """
    ordered = np.sort(np.asarray(draws, float), axis=0)
    size = len(ordered)
    weights = (2 * np.arange(1, size + 1) - size - 1) / (size * max(size - fair, 1))
    return np.abs(ordered - actual).mean(axis=0) - np.tensordot(weights, ordered, 1)


def crps_cdf(cdf, actual, low, high):
    """The same of a distribution function, by quadrature of (F(x) - 1{x >= y})^2 over low, high."""
    below = integrate.quad(lambda x: cdf(x) ** 2, low, actual, epsabs=1e-12, limit=500)[0]
    above = integrate.quad(lambda x: (1 - cdf(x)) ** 2, actual, high, epsabs=1e-12, limit=500)[0]
    return below + above


def crps_counts(cdf, actual):
    """The same of a count: cdf (k,) at 0, 1, ... to where it is 1; sum of (F(k) - 1{k >= y})^2."""
    cdf = np.asarray(cdf, float)
    return float(((cdf - (np.arange(len(cdf)) >= actual)) ** 2).sum())


def interval_score(actual, low, high, alpha):
    """(u - l) + 2/alpha (l - y)+ + 2/alpha (y - u)+ of a 1 - alpha interval; (...) -> (...)."""
    actual, low, high = (np.asarray(x, float) for x in (actual, low, high))
    missed = np.maximum(low - actual, 0) + np.maximum(actual - high, 0)
    return high - low + 2 / alpha * missed


def pit(draws, actual, u):
    """F(y-1) + u (F(y) - F(y-1)) of counts: (draw, ...), (...), (...) -> (...) in 0 to 1.

    u: uniforms of a named stream. Uniform if the draws are honest.
    """
    draws, actual = np.asarray(draws), np.asarray(actual)
    below, equal = (draws < actual).mean(axis=0), (draws == actual).mean(axis=0)
    return below + np.asarray(u) * equal


def coverage(inside, cluster, confidence=0.95):
    """Share inside, and its interval where those of one cluster share their luck -> three shares.

    inside (n,) true or false; cluster (n,) labels, such as origins. Ratio estimate with standard
    error between clusters and Student's t on one fewer; 0 to 1 where there is but one cluster.
    """
    inside, cluster = np.asarray(inside, float), np.asarray(cluster)
    share, (labels, place) = inside.mean(), np.unique(cluster, return_inverse=True)
    groups = len(labels)
    if groups < 2:
        return float(share), 0.0, 1.0
    off = np.bincount(place, weights=inside - share)
    error = np.sqrt(groups / (groups - 1) * (off**2).sum()) / len(inside)
    reach = special.stdtrit(groups - 1, 0.5 + confidence / 2) * error
    return float(share), float(max(share - reach, 0)), float(min(share + reach, 1))


def clopper_pearson(hits, n, confidence=0.95):
    """Exact interval of a share from independent trials: hits of n -> low, high."""
    tail = (1 - confidence) / 2
    low = special.betaincinv(hits, n - hits + 1, tail) if hits else 0.0
    high = special.betaincinv(hits + 1, n - hits, 1 - tail) if hits < n else 1.0
    return float(low), float(high)


def last_value(counts, horizon):
    """What was last counted; counts (series, year) to the origin -> (series,)."""
    return counts[:, -1]


def drift(counts, horizon):
    """The mean yearly change since each series began, carried on."""
    known = np.isfinite(counts)
    first, rows = known.argmax(axis=1), np.arange(len(counts))
    years = np.maximum(counts.shape[1] - 1 - first, 1)
    return counts[:, -1] + horizon * (counts[:, -1] - counts[rows, first]) / years


def damped_trend(counts, horizon):
    """The last change, fading by PHI a year."""
    fading = (PHI ** np.arange(1, horizon + 1)).sum()
    return counts[:, -1] + fading * (counts[:, -1] - counts[:, -2])


def pooled_growth(counts, horizon):
    """The last year's growth of all series together, carried on."""
    both = counts[np.isfinite(counts[:, -2:]).all(axis=1), -2:].sum(axis=0)
    return counts[:, -1] * (both[1] / both[0]) ** horizon


SIMPLE = {"last value": last_value, "drift": drift, "damped trend": damped_trend,
          "pooled growth": pooled_growth}  # fmt: skip


def simple(method, counts, horizon, past=None):
    """A simple method's point (series,) and ensemble (draw, series), nothing below 0.

    counts (series, year), nan where unknown, the last year the origin. The ensemble is the point
    with the method's own relative errors `horizon` years ahead from earlier origins, each series
    its own (past: the last so many): nan where a series has no such error.
    """
    point, years = SIMPLE[method](counts, horizon), counts.shape[1]
    errors = []
    for origin in range(2, years - horizon + 1)[-(past or years):]:
        before = SIMPLE[method](counts[:, :origin], horizon)
        # a school's worth of none: errors are then in children
        errors.append((counts[:, origin + horizon - 1] - before) / np.maximum(before, 1))
    draws = point + np.array(errors) * np.maximum(point, 1)
    return np.maximum(point, 0), np.maximum(draws, 0)


def smooth(series):
    """Simple exponential smoothing -> (alpha, first level, last level, errors (year,)).

    e_t = y_t - l_(t-1), l_t = l_(t-1) + alpha e_t; alpha of least squares in 0.0001 to 0.9999, the
    first level by least squares given alpha.
    """
    series = np.asarray(series, float)

    def run(alpha):
        fading = (1 - alpha) ** np.arange(len(series))
        base, level = np.empty(len(series)), 0.0
        for t, value in enumerate(series):
            base[t] = value - level
            level += alpha * base[t]
        first = (fading * base).sum() / (fading**2).sum()
        return first, level + first * (1 - alpha) ** len(series), base - first * fading

    best = optimize.minimize_scalar(lambda alpha: (run(alpha)[2] ** 2).sum(), (0.0001, 0.9999),
                                    bounds=(0.0001, 0.9999), method="bounded",
                                    options={"xatol": 1e-8})
    return float(best.x), *run(best.x)


def smooth_intervals(series, horizons, share=0.8):
    """Intervals (horizon, 2) of simple smoothing: s^2 (1 + (h - 1) alpha^2), s^2 = SSE/(n - 2)."""
    alpha, _, level, errors = smooth(series)
    steps = np.arange(1, horizons + 1)
    spread = np.sqrt((errors**2).sum() / (len(errors) - 2) * (1 + (steps - 1) * alpha**2))
    return level + np.outer(spread * special.ndtri(0.5 + share / 2), [-1, 1])


def two_piece_normal(u, mode, below, above):
    """Quantiles of a fan with one spread below its mode and another above it: (...) -> (...).

    Britton, Fisher and Whitley 1998. P(below the mode) = below / (below + above).
    """
    u, total = np.asarray(u, float), below + above
    low = mode + below * special.ndtri(np.minimum(u * total / (2 * below), 0.5))
    high = mode - above * special.ndtri(np.minimum((1 - u) * total / (2 * above), 0.5))
    return np.where(u * total < below, low, high)


SHARES = {50: ("p25", "p75"), 80: ("p10", "p90"), 95: ("p2_5", "p97_5")}
SIZES = {"under 1,000 plans": 0, "1,000 to 2,499": 1000, "2,500 and over": 2500}


def size_group(plans):
    """Which of SIZES a council of so many plans is in: (...) -> (...) names."""
    place = np.searchsorted(list(SIZES.values()), np.asarray(plans), "right") - 1
    return np.array(list(SIZES))[place]


def scores(rows):
    """Scores of forecasts pooled over rows: DataFrame -> {name: figure}.

    rows: origin, council, actual, mean, percentiles, crps, pit, scale (mean yearly change of the
    series before). crps is its sum over the sum of what came, a share, as wape is; mase the mean
    over series that have a scale. inside_80, _low and _high: see `coverage`, clustered by origin.
    pit_low, pit_high: share of what came in the lowest and the highest tenth, each 0.1 if honest.
    """
    scale = rows["scale"].where(rows["scale"] > 0)
    error = (rows["actual"] - rows["mean"]).abs()
    found = {"forecasts": len(rows), "councils": rows["council"].nunique(),
             "origins": rows["origin"].nunique(), "wape": wape(rows["actual"], rows["mean"]),
             "bias": (rows["mean"] - rows["actual"]).sum() / rows["actual"].sum(),
             "mase": (error / scale).mean(), "crps": rows["crps"].sum() / rows["actual"].sum()}
    for share, (low, high) in SHARES.items():
        inside = rows["actual"].between(rows[low], rows[high])
        names = (f"inside_{share}", f"inside_{share}_low", f"inside_{share}_high")
        found |= dict(zip(names, coverage(inside, rows["origin"]), strict=True))
    return found | {"pit_low": (rows["pit"] < 0.1).mean(), "pit_high": (rows["pit"] > 0.9).mean()}


def summarise(rows):
    """Scores by method, measure and horizon, for all, by origin and by size: -> DataFrame.

    rows as for `scores`, with method, measure, horizon and plans at the origin. Left out are
    origins and horizons that fewer than half as many councils have as the fullest: those few
    would be scored as if they were everybody.
    """
    pair = rows.groupby(["measure", "origin", "horizon"])["council"].transform("nunique")
    rows = rows[pair >= pair.groupby(rows["measure"]).transform("max") / 2]
    made = []
    for by, label in (("all", np.full(len(rows), "all")), ("origin", rows["origin"].astype(str)),
                      ("size", size_group(rows["plans"]))):
        keys = ["method", "measure", "horizon"]
        for key, part in rows.assign(group=label).groupby([*keys, "group"], sort=False):
            made.append({**dict(zip(keys, key, strict=False)), "by": by, "group": key[-1],
                         **scores(part)})
    return pd.DataFrame(made)
