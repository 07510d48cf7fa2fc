"""Whose saving is it: measures that overlap share what they save together."""

from dataclasses import dataclass
from math import comb

import numpy as np
import pandas as pd
import xarray as xr

from sufficiency.model.safety_valve.account import pence
from sufficiency.model.streams import named_uniform

EXACT = 12
PAIRS = 100
CHANCE = "capacity and chance"


@dataclass(frozen=True)
class Attribution:
    """Savings by measure in each draw, GBP; shapley adds to total in every draw.

    shapley, first_in (alone), last_in (what is lost without it): (measure, draw, financial_year);
    total (draw, financial_year); error: standard error of the mean of shapley that comes from
    sampled orders, (measure, financial_year), 0 where exact; coalitions: how many were evaluated.
    """

    shapley: xr.DataArray
    first_in: xr.DataArray
    last_in: xr.DataArray
    total: xr.DataArray
    error: xr.DataArray
    coalitions: int


def attribute(evaluate, names, draws, additive=(), seed=0, exact=EXACT, pairs=PAIRS):
    """Shapley value of each measure's saving, with first-in and last-in: an Attribution.

    evaluate(frozenset of names) -> saving (draw, financial_year), GBP, in the same worlds
    whichever measures are on; only differences count, so spend with its sign turned will do. It is
    called once a coalition. phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! x
    (v(S + i) - v(S)) (Shapley 1953), over all 2^n coalitions up to `exact` measures; above, the
    mean over `pairs` random orders, each with its reverse (Castro et al. 2009), by seed and name.
    additive: those that save the same whatever else is on, such as cash profiles; they cost one
    coalition each. Refuses an additive one that is not, other shapes, what is not a number.
    """
    names, additive = list(names), list(additive)
    if len(set(names)) < len(names) or not set(additive) <= set(names):
        raise ValueError(f"savings.attribute: found names {names}, additive {additive}; allowed "
                         "each name once, and additive ones among them")
    value = _Values(evaluate, draws)
    shared = [name for name in names if name not in additive]
    found, error = (_exact(value, shared) if len(shared) <= exact
                    else _sampled(value, shared, seed, pairs))
    none, most, everything = value(()), value(shared), value(names)
    first, last = {}, {}
    for name in shared:
        first[name] = value([name]) - none
        last[name] = most - value([other for other in shared if other != name])
    for name in additive:
        found[name] = first[name] = last[name] = value([name]) - none
    gap = np.abs(everything - most - sum(found[name] for name in additive)).max()
    if gap > 0.01 * (1 + len(additive)):  # an account in whole pence rounds once a coalition
        raise ValueError(f"savings.attribute.additive: found £{gap:,.2f} between {additive} "
                         "together and apart; allowed those that save the same whatever else is on")

    def gbp(values, *dims):
        about = {"measure": names, "financial_year": value.years}
        coords = {name: about[name] for name in dims if name in about}
        shape = [draws if name == "draw" else len(about[name]) for name in dims]
        return xr.DataArray(np.reshape(values, shape), coords, dims, attrs={"units": "GBP"})

    whole, flat = ("draw", "financial_year"), np.zeros_like(none[0])
    return Attribution(
        *(gbp([by[name] for name in names], "measure", *whole) for by in (found, first, last)),
        gbp(everything - none, *whole),
        gbp([error.get(name, flat) for name in names], "measure", "financial_year"), value.asked)


def reconcile(attribution, counts_saving, weights=None):
    """Mean savings by measure and year that add to the counts' saving to the penny, GBP.

    counts_saving (draw, financial_year): unmitigated less mitigated by the counts engine. What the
    attribution does not hold, limits of capacity and the chance of single children, is its own
    line. weights (draw,) of the counts' draws; the attribution's are the first of them, the same
    worlds. -> DataFrame: measures, "capacity and chance" and "total" by financial year.
    """
    shapley, counts = attribution.shapley, np.asarray(counts_saving, float)
    draws, years = shapley.sizes["draw"], list(shapley["financial_year"].values)
    if counts.ndim != 2 or len(counts) < draws or counts.shape[1] != len(years):
        raise ValueError(f"savings.reconcile: found counts of shape {counts.shape}; allowed "
                         f"({draws} draws or more, {len(years)} years)")
    few = None if weights is None else np.asarray(weights)[:draws]
    means = [np.average(saved, axis=0, weights=few) for saved in shapley.values]
    parts = pence(np.reshape(means, (-1, len(years))))
    total = pence(np.average(counts, axis=0, weights=weights))
    rows = np.vstack([parts, total - parts.sum(0), total]) / 100
    return pd.DataFrame(rows, columns=years,
                        index=[*map(str, shapley["measure"].values), CHANCE, "total"])


class _Values:
    """Savings of coalitions, each asked for once."""

    def __init__(self, evaluate, draws):
        self.evaluate, self.draws, self.years, self.asked, self.kept = evaluate, draws, None, 0, {}

    def __call__(self, members):
        key = frozenset(members)
        if key not in self.kept:
            found, self.asked = self.evaluate(key), self.asked + 1
            values = np.asarray(found, float)
            if self.years is None:
                named = getattr(found, "coords", {}).get("financial_year")
                self.years = list(range(values.shape[-1]) if named is None else named.values)
            if values.shape != (self.draws, len(self.years)) or not np.isfinite(values).all():
                raise ValueError(f"savings.attribute: found values of shape {values.shape} for "
                                 f"{sorted(key)}; allowed numbers, ({self.draws} draws, "
                                 f"{len(self.years)} years)")
            self.kept[key] = values
        return self.kept[key]


def _exact(value, names):
    """All coalitions, each weighed into every measure's value and let go."""
    count = len(names)
    weight = np.array([1 / (count * comb(count - 1, size)) for size in range(count)] + [0.0])
    found = 0.0
    for mask in range(2**count):
        inside = np.array([mask >> place & 1 for place in range(count)], bool)
        size = inside.sum()
        members = frozenset(name for name, on in zip(names, inside, strict=True) if on)
        share = np.where(inside, weight[size - 1], -weight[size])
        found = found + share[:, None, None] * value(members)
        if 1 < size < count - 1:
            del value.kept[members]
    return dict(zip(names, found, strict=True)), {}


def _sampled(value, names, seed, pairs):
    """Random orders, each with its reverse; the error of the mean from the pairs."""
    luck = np.stack([named_uniform(seed, f"savings.order.{name}", pairs) for name in names], -1)
    found, means = {name: 0.0 for name in names}, {name: [] for name in names}
    for order in np.argsort(luck, axis=-1):
        one, two = ({name: value(names[:0] + walk[: at + 1]) - value(walk[:at])
                     for at, name in enumerate(walk)}
                    for walk in ([names[i] for i in order], [names[i] for i in order[::-1]]))
        for name in names:
            gain = (one[name] + two[name]) / 2
            found[name] = found[name] + gain / pairs
            means[name].append(gain.mean(0))
    error = {name: np.std(seen, axis=0, ddof=1) / np.sqrt(pairs) for name, seen in means.items()}
    return found, error
