"""Markets for tests: demand, supply and routes by hand, everything with a default, all changeable.

Numbers, (D,) arrays or arrays of the full shape are taken for every field; a default market has
six able providers of factor 1, one call-off a month of £1,000 a place a year, and nothing else.
"""

import numpy as np
from scipy import special
from sufficiency.model.kernels import NODES, REACH
from sufficiency.model.market import clearing
from sufficiency.model.market.demand import PRICING, Demand
from sufficiency.model.market.routes import ORDERS, POOLS, RULES, WHEN, Routes
from sufficiency.model.market.supply import Supply
from sufficiency.model.streams import stable_id

NODE_Z = np.linspace(-REACH, REACH, NODES)
DEMAND = {
    "stream": stable_id("market.made"), "by_case": 0, "pricing": "posted", "patience": 0,
    "urgent_days": 5.0, "level": 1000.0, "curve": 1.0, "existing": 0, "arriving": 1}
STAY, ALWAYS = 12.0, ("interim", "officer_rate", "suits", "suits_complex", "accept")
ROUTE = {
    "every": 0, "most": 0, "registered_only": 0, "tendered": 0, "teams": 1, "closes": None,
    "reserve_opens": None, "reserve_closes": None, "opens": None, "reserve_places": 0,
    "joins": 1.0, "joins_later": 1.0, "joins_small": 1.0, "joins_local": 1.0, "ceiling": np.inf,
    "loading": 1.0, "novation": 0.0, "known": 1.0, "tender": 0.0, "reopening": 0.0, "per_bid": 0.0,
    "capital": 0.0, "reserve_price": 0.0, "list_index": 0.0, "management": 0.0}
WHOLE = ("every", "most", "registered_only", "tendered", "teams")
DATED = ("opens", "closes", "reserve_opens", "reserve_closes", "reserve_places")
STAGE = {
    "pool": "open", "order": "rank", "rule": "quotes", "when": "always", "invite": 0, "cap": np.inf,
    "share": 1.0, "hours": 0.0, "each": 0.0, "days": 0.0}
CODES = {"pool": POOLS, "order": ORDERS, "rule": RULES, "when": WHEN}


def uniform_curve(top=1.0):
    """Quantiles of U[0, top] at the nodes of a table in z."""
    return top * special.ndtr(NODE_Z)


def lognormal_curve(sigma):
    """Quantiles of a lognormal of mean 1 at the nodes of a table in z."""
    return np.exp(sigma * NODE_Z - sigma**2 / 2)


def steps(months, yearly=0.0, draws=1):
    """Cumulative sum (D, T + 1) of an index of 1 that rises each April by a share, (D,) or one."""
    rise = np.broadcast_to(np.asarray(yearly, float), (draws,))[:, None]
    index = (1 + rise) ** (np.arange(months) // 12)
    return np.concatenate([np.zeros((draws, 1)), np.cumsum(index, axis=1)], axis=1)


def filled(value, shape, dtype=float):
    """A number, (D,) or full array as an array of `shape`, D first."""
    value = np.asarray(value)
    if 0 < value.ndim < len(shape) and value.shape == shape[:1]:
        value = value.reshape(shape[:1] + (1,) * (len(shape) - 1))
    return np.ascontiguousarray(np.broadcast_to(value, shape).astype(dtype))


def make_demand(draws=200, months=12, uplift=0.0, **changes):
    """Demand with changes by field; `pricing` by name, `uplift` a year off the list."""
    values = dict.fromkeys(Demand._fields, 0.0) | DEMAND | {"stay": STAY, "interim": 1.0}
    values |= {"officer_rate": 1.0, "provider_index": steps(months, uplift, draws)} | changes
    assert set(values) == set(Demand._fields), set(values) - set(Demand._fields)
    shapes = {"arriving": (draws, months), "curve": (draws, NODES),
              "provider_index": (draws, months + 1)}
    values["pricing"] = PRICING.index(values["pricing"])
    for name in Demand._fields:
        if name not in ("stream", "by_case", "pricing", "patience", "urgent_days"):
            dtype = np.int32 if name in ("arriving", "existing") else float
            values[name] = filled(values[name], shapes.get(name, (draws,)), dtype)
    return Demand(**values)


def make_supply(draws=200, providers=6, **changes):
    """Supply with changes by field; `rank` is a score, best lowest, the price if not given."""
    shape = (draws, providers)
    ids = np.array([stable_id(f"provider {p}") for p in range(providers)], np.uint32)
    values = dict.fromkeys(Supply._fields, 0.0) | {
        "ids": ids, "factor": 1.0, "places": 10**6, "quality": 0.5, "distance": 10.0, "enters": 0,
        "suits": 1.0, "suits_complex": 1.0, "accept": 1.0, "displacement": 0.0} | changes
    rank = values.pop("rank", values["factor"])
    kinds = {"places": np.int32, "enters": np.int32,
             "small": bool, "local": bool, "registered": bool}
    for name in ("factor", "places", "quality", "small", "local", "registered", "distance",
                 "enters"):
        values[name] = filled(values[name], shape, kinds.get(name, float))
    if "orders" not in changes:
        by_id = np.argsort(values["ids"], kind="stable")
        scores = (filled(rank, shape), values["factor"], -values["quality"], values["distance"])
        values["orders"] = np.stack([
            by_id[np.argsort(s[:, by_id], axis=1, kind="stable")] for s in scores]).astype(np.int32)
    for name in Supply._fields[Supply._fields.index("suits"):]:
        values[name] = filled(values[name], (draws,))
    assert set(values) == set(Supply._fields), set(values) - set(Supply._fields)
    return Supply(**values)


def stage(**changes):
    """One stage: any provider asked for a quote, unless changed."""
    assert set(changes) <= set(STAGE), set(changes) - set(STAGE)
    return STAGE | changes


def route(*stages, **changes):
    """One route: stages in order (one of `stage()` if none) and its terms."""
    assert set(changes) <= set(ROUTE), set(changes) - set(ROUTE)
    return ROUTE | changes | {"stages": stages or (stage(),)}


def make_routes(*routes, draws=200, months=12, bounds=(25_000.0, 100_000.0)):
    """Routes from `route(...)`s; a date not given is never, a closing one the horizon."""
    count = len(routes)
    stages = [s for r in routes for s in r["stages"]]
    values = {"bounds": np.array(bounds, float),
              "first": np.cumsum([0] + [len(r["stages"]) for r in routes])}
    for name in ROUTE:
        given = [months if r[name] is None else r[name] for r in routes]
        if name in WHOLE:
            values[name] = np.array(given, np.int64)
            continue
        if name == "list_index":
            given = [steps(months, g, draws) if np.ndim(g) < 2 else g for g in given]
        more = {"list_index": (months + 1,), "management": (3,)}.get(name, ())
        dtype = np.int32 if name in DATED else float
        values[name] = np.stack([filled(g, (draws, *more), dtype) for g in given], axis=1)
    for name in STAGE:
        given = [s[name] for s in stages]
        if name in CODES:
            values[name] = np.array([CODES[name].index(g) for g in given], np.int64)
        elif name == "invite":
            values[name] = np.array(given, np.int64)
        else:
            values[name] = np.stack([filled(g, (draws,)) for g in given], axis=1)
    assert values["opens"].shape == (draws, count)
    return Routes(**values)


def some_routes(routes, which):
    """The routes of these numbers, in this order; one may come twice."""
    stages = np.concatenate([np.arange(*routes.first[[r, r + 1]]) for r in which])
    sizes = [routes.first[r + 1] - routes.first[r] for r in which]
    picked = {name: getattr(routes, name)[..., stages] for name in STAGE}
    picked |= {name: getattr(routes, name)[which] if name in WHOLE else
               getattr(routes, name)[:, which] for name in ROUTE}
    return routes._replace(first=np.cumsum([0, *sizes]), **picked)


def shown(cleared, item, years=slice(None)):
    """An item's cost over the years, or a count, of every draw and route (D, R)."""
    if item in clearing.ITEMS:
        return cleared.cost[:, :, years, clearing.ITEMS.index(item)].sum(axis=2)
    return cleared.count[:, :, clearing.COUNTS.index(item)]


def total(cleared):
    """All that is paid over the horizon, (D, R)."""
    return cleared.cost.sum(axis=(2, 3))


LOTS = {
    "bids": {"pricing": "bids", "margin": 0.25},
    "posted": {"pricing": "posted", "premium": 0.06},
    "cases": {"pricing": "reduced", "by_case": 1, "existing": 0, "two_bidders": -0.1,
              "more_bidders": 0.05}}


def full_market(lot="bids", worlds=60, draws=60, months=48, providers=40, calls=500):
    """A market with every rule at work, 8 routes: (demand, supply, routes); draws repeat worlds."""
    rng, each = np.random.default_rng(4), np.arange(draws) % worlds

    def ranged(low, high, *more):
        return rng.uniform(low, high, (worlds, *more))[each]

    def whole(low, high, *more):
        return rng.integers(low, high, (worlds, *more), endpoint=True)[each]

    def eighths(low, high):
        return whole(low * months // 8, high * months // 8)

    def some(share):
        return (rng.random((worlds, providers)) < share)[each]

    demand = make_demand(draws, months, uplift=ranged(0.02, 0.06), **{
        "arriving": rng.poisson(calls / months, (worlds, months))[each],
        "existing": whole(60, 120), "level": ranged(45_000, 60_000),
        "curve": np.stack([lognormal_curve(s) for s in rng.uniform(0.1, 0.3, worlds)])[each],
        "patience": 3, "complex": ranged(0.2, 0.4), "complex_price": ranged(0.2, 0.5),
        "urgent": ranged(0.1, 0.3), "named": ranged(0.05, 0.15), "court": ranged(0.02, 0.08),
        "stay": ranged(10, 30), "interim": ranged(1.1, 1.6), "transport_local": ranged(2e3, 4e3),
        "transport_away": ranged(8e3, 12e3), "quality_weight": ranged(0, 0.3),
        "officer_rate": ranged(30, 40), "diligence": ranged(8, 16)} | LOTS[lot])
    mean_places = 3 if lot == "cases" else 12
    places = rng.poisson(mean_places * rng.choice((0.4, 1.6), (worlds, providers)))
    supply = make_supply(
        draws, providers, places=places[each],
        # Larger ones are cheaper, so that who is where shows in what is paid.
        factor=np.exp(rng.normal(0, 0.15, places.shape) - 0.15 * (places > mean_places))[each],
        quality=ranged(0, 1, providers), distance=ranged(1, 60, providers), small=some(0.4),
        local=some(0.5), registered=some(0.7), suits=ranged(0.1, 0.5), rank=ranged(0, 1, providers),
        suits_complex=ranged(0.4, 0.8), accept=ranged(0.5, 0.95), accept_complex=ranged(0.1, 0.4),
        accept_occupancy=ranged(0.1, 0.6), accept_price=ranged(0.3, 1.5), exit=ranged(0.04, 0.12),
        displacement=ranged(1, 3),
        enters=np.where(some(0.8), 0, whole(1, months, providers)))
    spot = {"hours": ranged(3, 6), "each": ranged(0.5, 1.5), "days": ranged(6, 12)}
    call_off = {"pool": "list", "hours": ranged(1, 3), "each": 0.3, "days": ranged(3, 8)}
    any_left = stage(order="chance", rule="in_turn", days=2.0, hours=1.0, each=0.5)
    listed = {
        "opens": whole(2, 14), "closes": months, "joins": ranged(0.4, 0.8),
        "joins_later": ranged(0.1, 0.4), "joins_small": ranged(0.5, 0.9),
        "joins_local": ranged(0.5, 0.8), "ceiling": ranged(0.9, 1.3), "loading": ranged(1.02, 1.12),
        "novation": ranged(0.3, 0.8), "tender": ranged(2e4, 6e4), "per_bid": ranged(500, 1500),
        "reopening": ranged(3e3, 6e3), "list_index": ranged(0.01, 0.04),
        "management": ranged([2, 10, 30], [6, 20, 60], 3), "tendered": 1}
    reserve = {
        "reserve_opens": whole(0, 9), "reserve_closes": eighths(5, 8),
        "reserve_places": whole(4, 12), "reserve_price": ranged(4e4, 6e4), "capital": 1e5}
    return demand, supply, make_routes(
        route(stage(invite=5, order="distance", **spot)),
        route(stage(rule="competition", invite=6, order="quality", cap=1.4, **spot), any_left,
              list_index=0.02),
        route(stage(pool="known", rule="in_turn", order="price", **spot),
              stage(order="chance", invite=2, cap=1.2, **spot), teams=8, known=ranged(0.2, 0.5)),
        route(stage(rule="in_turn", share=ranged(0.6, 0.9), **call_off),
              stage(pool="outside", when="after", invite=4, order="price", **spot), any_left,
              most=12, **listed),
        route(stage(rule="competition", **call_off),
              stage(when="before", invite=3, order="distance", **spot), any_left,
              every=12, registered_only=1, **listed | {"closes": eighths(5, 10)}),
        route(stage(pool="reserved", rule="fixed", share=0.8, hours=0.5, days=3.0),
              stage(rule="competition", invite=8, order="price", **spot), **reserve),
        route(stage(pool="reserved", rule="fixed", hours=0.5, days=3.0),
              stage(rule="quotes", order="quality", invite=6, **call_off),
              stage(pool="outside", rule="competition", invite=5, cap=1.2, **spot),
              stage(pool="direct", rule="fixed", cap=ranged(0.8, 1.2), share=0.3, hours=4.0),
              every=6, most=20, teams=3, **reserve, **listed),
        route(stage(pool="direct", rule="fixed", cap=0.9, share=ranged(0.1, 0.3), hours=6.0),
              stage(pool="list", when="after", rule="competition", order="distance", invite=7,
                    share=0.9, days=9.0), any_left, **listed),
        draws=draws, months=months)
