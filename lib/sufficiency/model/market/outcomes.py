"""What routes cost and do: results by name, differences from one route, blocks, exposure."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from sufficiency.model.market.clearing import COUNTS, ITEMS
from sufficiency.model.safety_valve.account import pence

CAUSES = {
    "posted": "choice of provider", "terms": "price agreed", "clause": "yearly uplift",
    "existing": "children already placed", "named": "named schools and courts",
    "reserved": "reserved places", "void": "reserved places", "interim": "interim arrangements",
    "transport": "transport", "officers": "officer time", "diligence": "due diligence",
    "set_up": "tender and re-opening", "management": "contract management",
}
BUYING = ("officers", "diligence", "set_up", "management")
ABLE = {"able_0": "0", "able_1": "1", "able_2": "2", "able_3": "3 or more"}
# Column of `by_route`: a sum of outcomes, and what it is a share or a mean of.
RATIOS = {
    "days": ("days", "placed"), "unplaced": ("unplaced", "steerable"),
    "distance": ("distance", "placed"), "local": ("spend_local", "spend"),
    "small": ("spend_small", "spend"), "registered": ("registered", "placed"),
    "quality": ("quality", "placed"),
}


def dataset(cleared, route_names, financial_years):
    """One lot as cleared: cost (draw, route, financial_year, item) GBP, in whole pence.

    And count (draw, route, outcome), over the horizon. cleared: of `clearing.clear`.
    """
    routes, years = list(route_names), list(financial_years)
    shape, counted = np.shape(cleared.cost), np.shape(cleared.count)
    allowed = (*shape[:1], len(routes), len(years), len(ITEMS))
    if shape != allowed or counted != (*allowed[:2], len(COUNTS)):
        raise ValueError(f"market: found costs of shape {shape}, counts {counted}; allowed "
                         f"{allowed} and {(*allowed[:2], len(COUNTS))}")
    return xr.Dataset(
        {"cost": (("draw", "route", "financial_year", "item"),
                  pence(cleared.cost, "market: cost") / 100, {"units": "GBP"}),
         "count": (("draw", "route", "outcome"), np.asarray(cleared.count, float))},
        coords={"route": routes, "financial_year": years, "item": list(ITEMS),
                "outcome": list(COUNTS)})


def combine(datasets):
    """{lot: its dataset} -> one dataset with dim lot first. Refuses lots of other routes, years."""
    first = next(iter(datasets.values()))
    for lot, one in datasets.items():
        for name in ("route", "financial_year"):
            if list(one[name].values) != list(first[name].values):
                raise ValueError(f"market.lots.{lot}: found {name}s {', '.join(one[name].values)}; "
                                 f"allowed those of every lot, {', '.join(first[name].values)}")
    return xr.concat(datasets.values(), pd.Index(list(datasets), name="lot"), join="exact")


def mix(dataset, name, routes):
    """The dataset with one more route, made of each lot's own: exact, as lots clear apart.

    routes {lot: route}. Refuses a lot left out or unknown, an unknown route, a name that is taken.
    """
    lots = list(dataset["lot"].values)
    if set(routes) != set(lots) or name in dataset["route"].values:
        raise ValueError(f"market.mixes.{name}: found lots {', '.join(routes)}; allowed a name "
                         f"that is no route's, and each of {', '.join(lots)} once")
    wanted = xr.DataArray([_known(dataset, routes[lot]) for lot in lots], dims="lot")
    chosen = dataset.sel(lot=xr.DataArray(lots, dims="lot"), route=wanted).drop_vars("route")
    more = chosen.expand_dims(route=[name]).transpose("lot", "draw", "route", ...)
    return xr.concat([dataset, more], "route").transpose("lot", "draw", "route", ...)


def difference(dataset, reference, causes=CAUSES):
    """What a route costs more than the reference, by cause: (lot, draw, route, ..., cause), GBP.

    Whole pence, so causes add to the difference exactly. causes {item: cause}; for empty places
    apart: CAUSES | {"void": "empty places"}. In reserved places nobody pays a posted fee: where a
    route has any, read `choice of provider`, `price agreed` and `yearly uplift` together with
    `reserved places`, since what leaves one stands in the other.
    """
    cost, names = dataset["cost"], list(dict.fromkeys(causes.values()))
    _known(dataset, reference)

    def more(name):
        items = [item for item in cost["item"].values if causes[item] == name]
        part = _whole(cost.sel(item=items).sum("item"))
        return (part - part.sel(route=reference, drop=True)) / 100

    found = xr.concat([more(name) for name in names], pd.Index(names, name="cause"))
    return found.transpose(..., "cause").assign_attrs(units="GBP")


def by_route(dataset, reference):
    """A row a route, all lots together: DataFrame. GBP and empty places are a year's.

    saving: reference less route, mean; p10, p90; chance that the route costs less. saving =
    saving_new (fees, reserved places, interim, transport) + saving_existing + saving_buying
    (officers to contract management). error, saving_new_error and so on: Monte Carlo standard
    errors of these means. Then ratios of sums over draws: days, distance (miles), quality,
    registered of those placed; unplaced of call-offs that can be steered; local, small of spend;
    hhi (0 to 10,000) and top (provider's share) by lot, weighed by spend. Last, means: members at
    the end, void_place_years, void_cost, officer_cost.
    """
    cost, years = dataset["cost"], dataset.sizes["financial_year"]
    cost = _whole(cost.sum([dim for dim in ("lot", "financial_year") if dim in cost.dims]))
    gap = (cost.sel(route=_known(dataset, reference)) - cost).transpose("draw", "route", "item")
    rows = _savings(gap, 100 * years) | _done(dataset["count"])
    rows["void_place_years"] = rows["void_place_years"] / years
    for name, item in (("void_cost", "void"), ("officer_cost", "officers")):
        rows[name] = cost.sel(item=item).mean("draw") / (100 * years)
    return pd.DataFrame({name: np.asarray(row) for name, row in rows.items()},
                        index=pd.Index(dataset["route"].values, name="route"))


def _savings(gap, unit):
    """Columns of what is saved; gap (draw, route, item) in whole pence, unit of them to print."""
    saving, existing = gap.sum("item"), gap.sel(item="existing")
    buying = gap.sel(item=list(BUYING)).sum("item")
    parts = {"saving": saving, "saving_new": saving - existing - buying,
             "saving_existing": existing, "saving_buying": buying}
    least = min(1, len(gap) - 1)
    errors = {f"{name}_error": part.std("draw", ddof=least) / np.sqrt(len(gap)) / unit
              for name, part in parts.items()}
    return {**{name: part.mean("draw") / unit for name, part in parts.items()},
            "error": errors.pop("saving_error"), **errors,
            "p10": saving.quantile(0.1, "draw") / unit, "p90": saving.quantile(0.9, "draw") / unit,
            "chance": (saving > 0).mean("draw")}


def _done(count):
    """Columns of what is done, over all draws and lots; count (lot, draw, route, outcome)."""
    over, spend = [dim for dim in ("lot", "draw") if dim in count.dims], count.sel(outcome="spend")
    total = {name: count.sel(outcome=name).sum(over) for name in COUNTS}
    return {**{name: _ratio(total[above], total[of]) for name, (above, of) in RATIOS.items()},
            **{name: _ratio((count.sel(outcome=name) * spend).sum(over), total["spend"])
               for name in ("hhi", "top")},
            **{name: total[name] / count.sizes["draw"] for name in ("members", "void_place_years")}}


def able(dataset, route):
    """Share of call-offs that can be steered, by able providers 0, 1, 2, 3 or more: a Series."""
    count = dataset["count"].sel(route=_known(dataset, route), outcome=list(ABLE)).sum("draw")
    found = _ratio(count, count.sum("outcome")).rename(outcome="able")
    return found.assign_coords(able=list(ABLE.values())).to_series().rename("share")


@dataclass(frozen=True)
class Block:
    """How many places to reserve: best, and flat, sizes that cost no more to speak of.

    table: by size the mean cost, what it is more than the best's, the error of that (Monte Carlo,
    common draws), whether it is flat, and mean voids where given.
    """

    best: float
    flat: tuple
    table: pd.DataFrame


def best_block(costs, sizes, voids=None):
    """Size of least mean cost, and sizes within 1% or two standard errors of it: a Block.

    costs, voids (draw, size), GBP and place-years, in the same worlds. In the simple limit the
    newsvendor's: the smallest Q with F(Q) >= 1 - block price / spot price (Snyder & Shen, ch. 4).
    """
    costs, sizes = np.asarray(costs, float), list(sizes)
    if costs.ndim != 2 or costs.shape[1] != len(sizes) or not np.isfinite(costs).all():
        raise ValueError(f"best_block: found costs of shape {costs.shape}; allowed numbers, "
                         f"(draw, {len(sizes)} sizes)")
    mean = costs.mean(0)
    at = int(mean.argmin())
    more = costs - costs[:, [at]]
    table = pd.DataFrame({"mean": mean, "more": more.mean(0), "error": more.std(0)},
                         index=pd.Index(sizes, name="size"))
    table["error"] /= np.sqrt(len(costs))
    table["flat"] = table["more"] <= np.maximum(0.01 * abs(mean[at]), 2 * table["error"])
    if voids is not None:
        table["voids"] = np.mean(voids, axis=0)
    return Block(sizes[at], tuple(table.index[table["flat"]]), table)


def exposure(spend_unjustified, claim, legal_costs, lost_margin):
    """Exposure to challenge, GBP a year, no part of any saving: a Series.

    Chance of a claim in a year x (legal costs + lost margin x spend at risk), all (draw,) or a
    number: expected, p90 over what is not known of these, and if_claimed, the mean once a claim
    comes.
    """
    claimed = np.asarray(legal_costs + lost_margin * np.asarray(spend_unjustified, float))
    yearly = claim * claimed
    return pd.Series({"expected": yearly.mean(), "p90": np.quantile(yearly, 0.9),
                      "if_claimed": claimed.mean()})


def _known(dataset, route):
    """A route's name; refuses one that was not cleared."""
    if route not in dataset["route"].values:
        raise ValueError(f"market.routes: found {route!r}; allowed "
                         f"{', '.join(dataset['route'].values)}")
    return route


def _whole(gbp):
    """Whole pence of sums of whole pence in GBP, exact below 2^53."""
    return (gbp * 100).round()


def _ratio(above, below):
    """Blank where there is nothing to share."""
    return above / below.where(below > 0)
