"""A lot's demand, supply and routes checked, and laid out as the kernel reads them."""

from typing import NamedTuple

import numpy as np

from sufficiency.model.kernels import NODES
from sufficiency.model.market.demand import PRICING
from sufficiency.model.market.routes import ORDERS, POOLS, RULES, WHEN

# Call-offs a month at most, by which their luck is named.
MONTHLY = 4096
# What is not (D,): D draws, T months, M = T + 1, N nodes, P providers, R routes, S stages.
SHAPES = {
    "arriving": "DT", "curve": "DN", "provider_index": "DM", "list_index": "DRM", "ids": "P",
    "orders": "ODP", "management": "DR3", "bounds": "2", "first": "F",
    **dict.fromkeys("factor places quality small local registered distance enters".split(), "DP"),
    **dict.fromkeys("every most registered_only tendered teams".split(), "R"),
    **dict.fromkeys("opens closes reserve_opens reserve_closes reserve_places joins joins_later "
                    "joins_small joins_local ceiling loading novation known tender reopening "
                    "per_bid capital reserve_price".split(), "DR"),
    **dict.fromkeys("pool order rule when invite".split(), "S"),
    **dict.fromkeys("cap share hours each days".split(), "DS")}
WHOLE = set("arriving existing places small local registered registered_only enters orders every "
            "most tendered teams first last opens closes reserve_opens reserve_closes "
            "reserve_places pool order rule when invite".split())
PLAIN = {"stream": int, "by_case": int, "pricing": int, "patience": int, "urgent_days": float}
CODES = {"pricing": PRICING, "pool": POOLS, "order": ORDERS, "rule": RULES, "when": WHEN}
SHARES = set("complex urgent named court quality_weight suits accept accept_occupancy "
             "accept_complex exit quality joins joins_later novation known share".split())
ABOVE_0 = {"level", "stay", "factor", "loading", "teams"}
ANY_SIGN = {"two_bidders", "more_bidders", "premium", "margin", "tendered", "provider_index",
            "list_index", "enters"}


class Market(NamedTuple):
    """A lot and its routes, providers in the order of their ids.

    Records by field: lot (D,) of demand and supply, firms (D, P), paths (D, R) with the first and
    last of each route's stages, stages (D, S). The rest as in Demand, Supply and Routes.
    """

    seed: int
    stream: int
    by_case: int
    pricing: int
    patience: int
    urgent_days: float
    ids: np.ndarray
    arriving: np.ndarray
    curve: np.ndarray
    index: np.ndarray
    list_index: np.ndarray
    orders: np.ndarray
    orders_used: np.ndarray
    management: np.ndarray
    bounds: np.ndarray
    lot: np.ndarray
    firms: np.ndarray
    paths: np.ndarray
    stages: np.ndarray


def prepare(demand, supply, routes, seed, draws):
    """`Market`, and where its providers are in the supply given. Refuses by name what is wrong."""
    months, many = np.shape(demand.arriving)[-1], np.size(routes.every)
    if months == 0 or months % 12 or not 0 <= seed < 2**32:
        raise ValueError(f"clear: {months} months, seed {seed}; allowed whole years, and a seed "
                         "of 0 to 4294967295")
    size = {"D": draws, "T": months, "M": months + 1, "N": NODES, "O": len(ORDERS) - 1, "2": 2,
            "P": np.size(supply.ids), "R": many, "F": many + 1, "S": np.size(routes.pool), "3": 3}
    given = demand._asdict() | supply._asdict() | routes._asdict()
    found = {name: PLAIN[name](value) if name in PLAIN else _checked(name, value, size)
             for name, value in given.items()}
    for name, words in CODES.items():
        _within(name, found[name], 0, len(words) - 1)
    for name, value, least, most in (
            ("arriving", found["arriving"], 0, MONTHLY), ("patience", found["patience"], 0, 1000),
            ("orders", found["orders"], 0, size["P"] - 1),
            ("monthly index", np.diff(found["provider_index"]), 1e-9, np.inf),
            ("monthly list index", np.diff(found["list_index"]), 1e-9, np.inf),
            ("existing of cases", found["existing"], 0, 0 if found["by_case"] else 2**30),
            ("stages of a route", np.diff(found["first"]), 0, size["S"]),
            ("first", found["first"][[0, -1]] - (0, size["S"]), 0, 0)):
        _within(name, value, least, most)
    places = np.argsort(found["ids"])
    if (np.diff(found["ids"][places].astype(np.int64)) == 0).any():
        raise ValueError("ids: two alike; allowed other names of providers")
    found |= {name: found[name][:, places] for name in found if SHAPES.get(name) == "DP"}
    found |= {"ids": found["ids"][places], "first": found["first"][:-1],
              "last": found["first"][1:] - 1, "index": found["provider_index"], "seed": int(seed),
              "orders_used": np.unique(found["order"]),
              "orders": np.argsort(places).astype(np.int32)[found["orders"]]}
    shapes = SHAPES | {"first": "R", "last": "R"}
    for table, kinds in (("lot", ("D",)), ("firms", ("DP",)), ("paths", ("DR", "R")),
                         ("stages", ("DS", "S"))):
        found[table] = _records({name: found[name] for name in (*given, "last") if
            name not in PLAIN and shapes.get(name, "D") in kinds}, kinds[0], size)
    return Market(**{name: found[name] for name in Market._fields}), places


def _records(fields, kind, size):
    made = np.empty([size[key] for key in kind], np.dtype(
        [(name, value.dtype) for name, value in fields.items()], align=True))
    for name, value in fields.items():
        made[name] = value
    return made


def _checked(name, value, size):
    shape = tuple(size[key] for key in SHAPES.get(name, "D"))
    if np.shape(value) != shape:
        raise ValueError(f"{name}: found shape {np.shape(value)}; allowed {shape}")
    kind = np.uint32 if name == "ids" else np.int32 if name in WHOLE else np.float64
    # A copy, so that kernels are compiled for one form of array only.
    value = np.array(value, kind, order="C")
    least = -np.inf if name in ANY_SIGN else 1e-12 if name in ABOVE_0 else 0
    _within(name, value, least, 1 if name in SHARES else np.inf)
    return value


def _within(name, value, least, most):
    if np.size(value) and not (np.min(value) >= least and np.max(value) <= most):
        raise ValueError(f"{name}: found {np.min(value):g} to {np.max(value):g}; allowed {least} "
                         f"to {most}")
