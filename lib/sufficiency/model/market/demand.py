"""Demand of a lot: the call-offs of each month, and what a place costs before any route."""

from typing import NamedTuple

import numpy as np

from sufficiency.model.kernels import NODES, REACH
from sufficiency.model.market.routes import code, index, nearest_key, summed, take
from sufficiency.model.quantiles import compiled, poisson_quantile
from sufficiency.model.streams import stable_id

PRICING = ("posted", "bids", "reduced")
TAKEN = ("urgent", "named", "court", "interim", "transport_local", "transport_away",
         "quality_weight", "officer_rate", "diligence")
MARKUPS = ("premium", "two_bidders", "more_bidders")


class Demand(NamedTuple):
    """One lot's demand and terms; D draws, T months. Shares 0 to 1, money GBP.

    arriving: new call-offs (D, T) int32; existing: children placed before month 0 (D,) int32.
    level: (D,) price a place a year, or a case, of a call-off not complex, from a provider of
    factor 1, in month 0. curve: (D, 129) quantiles of the factor of child by provider at the nodes
    of `kernels.interpolate_table`, mean 1. provider_index: (D, T + 1) cumulative sum of the monthly
    price index off the list. interim: ratio of level. stay: mean months. hours in hours.
    """

    stream: int
    arriving: np.ndarray
    existing: np.ndarray
    level: np.ndarray
    curve: np.ndarray
    provider_index: np.ndarray
    by_case: int
    pricing: int
    patience: int
    urgent_days: float
    complex: np.ndarray
    complex_price: np.ndarray
    urgent: np.ndarray
    named: np.ndarray
    court: np.ndarray
    stay: np.ndarray
    interim: np.ndarray
    transport_local: np.ndarray
    transport_away: np.ndarray
    quality_weight: np.ndarray
    margin: np.ndarray
    premium: np.ndarray
    two_bidders: np.ndarray
    more_bidders: np.ndarray
    officer_rate: np.ndarray
    diligence: np.ndarray


def demand(case, lot, worlds, months, flows=None):
    """Demand of a lot over so many months.

    A lot with a `setting` takes flows from placements: arriving (D, Y) and existing (D,) whole
    children, level (D,) mean GBP paid a place and stay (D,) months; another its own call_offs,
    Poisson by month, existing, price and stay. price is what is paid on average today: level =
    price / (1 + complex x complex_price) / (1 + margin, for bids). Refuses flows that are missing
    or of other years, and more children than the places there are.
    """
    at = f"market.lots.{lot}"
    pricing, basis = case.value(f"{at}.pricing"), case.value(f"{at}.basis", "place")
    direct = case.value(f"{at}.setting", None) is None
    weights = np.array(case.value(f"{at}.months", [1] * 12), float)

    def of(name, default=None):
        return take(worlds, name, lot=lot, default=default)

    if not direct and (flows is None or np.shape(flows["arriving"])[1] * 12 != months):
        raise ValueError(f"{at}.setting: found no flows of {months} months; allowed those of "
                         "placements in the same years")
    flows = flows or {"existing": np.rint(of("existing", 0)), "level": of("price"),
                      "stay": of("stay", None if basis == "place" else 1)}
    arriving = _called(worlds, lot, of, weights, months) if direct else _spread(
        np.asarray(flows["arriving"], float), weights, np.stack(
            [worlds.uniform(f"market.{lot}.arrivals.year.{y}") for y in range(months // 12)], 1))
    _refuse_crowd(worlds, lot, of, np.mean(flows["existing"]))
    complexity, dearer = of("complex"), of("complex_price")
    margin = of("margin", None if pricing == "bids" else 0)
    level = flows["level"] / (1 + complexity * dearer) / (1 + margin * (pricing == "bids"))
    spread, z = of("child_spread")[:, None], np.linspace(-REACH, REACH, NODES)
    return Demand(
        stream=stable_id(f"market.{lot}"), arriving=arriving,
        existing=np.array(flows["existing"], np.int32), level=level,
        curve=np.exp(spread * z - spread**2 / 2),
        provider_index=summed(index(case, worlds, months, "provider", lot)),
        by_case=code(("place", "case"), basis, f"{at}.basis"),
        pricing=code(PRICING, pricing, f"{at}.pricing"),
        patience=int(case.value(f"{at}.patience", 3)),
        urgent_days=float(case.value(f"{at}.urgent_days", 5)),
        complex=complexity, complex_price=dearer, stay=np.array(flows["stay"], float),
        margin=margin, **{name: of(name) for name in TAKEN},
        **{name: of(name, None if pricing == "reduced" and name != "premium" else 0)
           for name in MARKUPS})


def _called(worlds, lot, of, weights, months):
    """Call-offs (D, T): Poisson, a year's rate by the weights of its months, grown each year."""
    rate, growth = of("call_offs"), 1 + of("growth", 0)
    weights = weights / weights.sum()
    return np.stack([_poisson(worlds.uniform(f"market.{lot}.arrivals.{t}"),
                              rate * growth ** (t // 12) * weights[t % 12])
                     for t in range(months)], 1)


@compiled
def _poisson(u, mean):
    found = np.empty(u.size, np.int32)
    for i in range(u.size):
        found[i] = poisson_quantile(u[i], mean[i])
    return found


def _spread(counts, weights, u):
    """Whole numbers (D, Y) over the months of their years (D, 12 Y); u (D, Y) rounds them."""
    edges = np.concatenate([[0.0], np.cumsum(weights)])
    upto = np.minimum(np.floor(counts[..., None] * (edges / edges[-1]) + u[..., None]),
                      counts[..., None])
    return np.diff(upto, axis=2).reshape(len(counts), -1).astype(np.int32)


def _refuse_crowd(worlds, lot, of, existing):
    places = of("providers").mean() * of("places").mean()
    if existing > places:
        keys = [nearest_key(worlds, name, lot=lot) for name in ("providers", "places")]
        raise ValueError(f"{' x '.join(keys)}: found {places:.0f} places on average; allowed at "
                         f"least the {existing:.0f} children placed already")
