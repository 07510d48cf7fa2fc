"""Routes to market as data: lists, reserved places and ordered stages, walked by one kernel."""

from typing import NamedTuple

import numpy as np

POOLS = ("list", "open", "outside", "known", "reserved", "direct")
ORDERS = ("rank", "price", "quality", "distance", "chance")
RULES = ("in_turn", "quotes", "competition", "fixed")
WHEN = ("always", "before", "after")


class Routes(NamedTuple):
    """Every route through one lot; D draws, R routes, S stages of all routes, T months.

    Whole numbers (R,): every (months between openings of the list, 0 never again), most (members,
    0 any number), registered_only, tendered (month of the tender's cost), teams; first (R + 1,):
    where each route's stages begin. (D, R) int32: opens, closes, reserve_opens, reserve_closes
    (T for never), reserve_places. (D, R): joins, joins_later, joins_small, joins_local, ceiling
    (ratio of the reference price, inf for none), loading (ratio), novation, known; tender,
    reopening, per_bid, capital GBP; reserve_price GBP a place a year or a case. list_index:
    (D, R, T + 1) cumulative sum of the monthly index of list prices. management: (D, R, 3) hours a
    member a year by its spend, below bounds (2,) GBP. Stages, codes (S,) of POOLS, ORDERS, RULES,
    WHEN; invite (S,), 0 for all; (D, S): cap (ratio, inf for none), share of call-offs that the
    stage is open to, hours, each (hours a provider asked), days.
    """

    every: np.ndarray
    most: np.ndarray
    registered_only: np.ndarray
    tendered: np.ndarray
    teams: np.ndarray
    first: np.ndarray
    opens: np.ndarray
    closes: np.ndarray
    reserve_opens: np.ndarray
    reserve_closes: np.ndarray
    reserve_places: np.ndarray
    joins: np.ndarray
    joins_later: np.ndarray
    joins_small: np.ndarray
    joins_local: np.ndarray
    ceiling: np.ndarray
    loading: np.ndarray
    novation: np.ndarray
    known: np.ndarray
    tender: np.ndarray
    reopening: np.ndarray
    per_bid: np.ndarray
    capital: np.ndarray
    reserve_price: np.ndarray
    list_index: np.ndarray
    management: np.ndarray
    bounds: np.ndarray
    pool: np.ndarray
    order: np.ndarray
    rule: np.ndarray
    when: np.ndarray
    invite: np.ndarray
    cap: np.ndarray
    share: np.ndarray
    hours: np.ndarray
    each: np.ndarray
    days: np.ndarray
