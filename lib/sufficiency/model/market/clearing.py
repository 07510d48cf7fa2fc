"""Clear a lot's market month by month: every route meets the same call-offs with the same luck."""

from typing import NamedTuple

import numpy as np

from sufficiency.model.kernels import NODES, run_blocks
from sufficiency.model.market.awards import (
    APPLICATIONS,
    CLAUSE,
    COUNTS,
    DILIGENCE,
    EXITS,
    HHI,
    IN_RESERVE,
    ITEMS,
    MANAGEMENT,
    MEMBERS,
    POSTED,
    SET_UP,
    SPEND,
    SPEND_LOCAL,
    SPEND_SMALL,
    TOP,
    TRACE,
    VOID,
    VOID_YEARS,
    Children,
    Ledger,
    attempt,
    novate,
    place_existing,
    place_named,
    refresh,
)
from sufficiency.model.market.demand import PRICING
from sufficiency.model.market.routes import ORDERS, POOLS, RULES, WHEN
from sufficiency.model.market.walk import (
    BY_ID,
    EXIT,
    GONE,
    JOIN,
    KNOWS,
    LIST_STEP,
    MEMBER,
    MONTHLY,
    OFF,
    RANK,
    Book,
    Market,
    allotment,
    call_off,
    draw_pairs,
    event,
    meet,
)
from sufficiency.model.quantiles import compiled, inlined

__all__ = ["COUNTS", "ITEMS", "TRACE", "Cleared", "clear"]

# A month before any other.
LONG_AGO = -1000
# Dimensions of inputs; whole numbers, or true or false; shares. All else is (D,) numbers.
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
WHOLE = set("arriving existing places enters orders every most tendered teams first opens closes "
            "reserve_opens reserve_closes reserve_places pool order rule when invite".split())
LOGICAL = {"small", "local", "registered", "registered_only"}
SHARES = set("complex urgent named court quality_weight suits accept accept_occupancy "
             "accept_complex exit quality joins joins_later novation known share".split())
ABOVE_0 = {"level", "stay", "factor", "loading", "teams"}
ANY_SIGN = {"two_bidders", "more_bidders", "premium", "margin", "tendered", "provider_index",
            "list_index", "enters"}


class Cleared(NamedTuple):
    """What a lot cost and did. D draws, R routes, Y years.

    cost: (D, R, Y, ITEMS) GBP, nominal, by financial year. count: (D, R, COUNTS) over the horizon:
    days, distance (miles), local, small, registered and quality are sums over call-offs `placed`
    with a provider; spend is posted + terms + clause; hhi 0 to 10,000. trace: (rows, TRACE) of one
    draw, a row for each route and try, or no rows.
    """

    cost: np.ndarray
    count: np.ndarray
    trace: np.ndarray


def clear(demand, supply, routes, seed, draws, threads=2, trace=None):
    """Every route of a lot over the same call-offs, by the same luck: `Cleared`.

    Luck goes by the names of lot and provider, so neither other routes, the order of providers,
    threads nor a longer horizon change it. trace: (draw, route or None for all) to record.
    Refuses by name shapes that disagree, shares outside 0 to 1, over 4,096 call-offs a month.
    """
    market, places = _prepare(demand, supply, routes, seed, draws)
    months, paths = market.demand.arriving.shape[1], market.routes.every.size
    cost = np.zeros((draws, paths, months // 12, len(ITEMS)))
    count = np.zeros((draws, paths, len(COUNTS)))
    traced, rows = (-1, -1), 0
    if trace is not None:
        traced = (int(trace[0]), -1 if trace[1] is None else int(trace[1]))
        rows = int(market.demand.arriving[traced[0]].sum()) * (demand.patience + 1) * paths
    ledger = Ledger(cost, count, np.empty((rows, len(TRACE))), traced)
    orders = np.unique(market.routes.order)
    used = run_blocks(lambda first, last: _clear(market, orders, first, last, ledger),
                      draws, threads)
    table, column = ledger.table[:max(used)], TRACE.index("provider")
    table[:, column] = np.append(places, -1)[table[:, column].astype(int)]
    return Cleared(cost, count, table)


def _prepare(demand, supply, routes, seed, draws):
    """Inputs checked, in one form of array, providers by id; and where these were."""
    size = {"D": draws, "T": np.shape(demand.arriving)[-1], "N": NODES, "O": len(ORDERS) - 1,
            "P": np.size(supply.ids), "R": np.size(routes.every), "S": np.size(routes.pool)}
    size |= {"M": size["T"] + 1, "F": size["R"] + 1, "3": 3, "2": 2}
    if size["T"] == 0 or size["T"] % 12 or not 0 <= seed < 2**32:
        raise ValueError(f"clear: {size['T']} months, seed {seed}; allowed whole years, and a seed "
                         "of 0 to 4294967295")
    demand, supply, routes = (_checked(given, size) for given in (demand, supply, routes))
    for name, value, least, most in (
            ("arriving", demand.arriving, 0, MONTHLY),
            ("pricing", demand.pricing, 0, len(PRICING) - 1),
            ("pool", routes.pool, 0, len(POOLS) - 1), ("order", routes.order, 0, len(ORDERS) - 1),
            ("rule", routes.rule, 0, len(RULES) - 1), ("when", routes.when, 0, len(WHEN) - 1),
            ("orders", supply.orders, 0, size["P"] - 1),
            ("existing (a lot of cases)", demand.existing, 0, 0 if demand.by_case else 2**30),
            ("monthly index", np.diff(demand.provider_index), 1e-9, np.inf),
            ("monthly list index", np.diff(routes.list_index), 1e-9, np.inf),
            ("stages of a route", np.diff(routes.first), 0, size["S"]),
            ("first", routes.first[[0, -1]] - (0, size["S"]), 0, 0)):
        _within(name, value, least, most)
    ids = supply.ids
    if len(np.unique(ids)) < ids.size:
        raise ValueError("ids: two alike; allowed other names of providers")
    places = np.argsort(ids)
    named = {name: np.ascontiguousarray(getattr(supply, name)[:, places])
             for name, dims in SHAPES.items() if dims == "DP"}
    orders = np.argsort(places).astype(np.int32)[supply.orders]
    return Market(demand, supply._replace(ids=ids[places], orders=orders, **named), routes,
                  int(seed)), places


def _checked(given, size):
    made = {}
    for name, value in given._asdict().items():
        if name in ("stream", "by_case", "pricing", "patience", "urgent_days"):
            made[name] = float(value) if name == "urgent_days" else int(value)
            continue
        shape = tuple(size[key] for key in SHAPES.get(name, "D"))
        if np.shape(value) != shape:
            raise ValueError(f"{name}: found shape {np.shape(value)}; allowed {shape}")
        kind = np.uint32 if name == "ids" else np.int32 if name in WHOLE else (
            np.bool_ if name in LOGICAL else np.float64)
        # A copy, so that kernels are compiled for one form of array only.
        made[name] = np.array(value, kind, order="C")
        if name not in ANY_SIGN:
            _within(name, made[name], 1e-12 if name in ABOVE_0 else 0,
                    1 if name in SHARES else np.inf)
    return given._replace(**made)


def _within(name, value, least, most):
    if np.size(value) and not (np.min(value) >= least and np.max(value) <= most):
        raise ValueError(f"{name}: found {np.min(value):g} to {np.max(value):g}; allowed {least} "
                         f"to {most}")


@compiled
def _clear(market, orders, first, last, ledger):
    """Draws first to last, one after another; rows of the trace."""
    book, children = _open_book(market)
    months, paths = market.demand.arriving.shape[1], market.routes.every.size
    for d in range(first, last):
        _start(market, book, children, d)
        waiting, number = 0, 0
        for t in range(months):
            for r in range(paths):
                _open_month(market, book, children, ledger, d, t, r)
            kept = 0
            for i in range(waiting + market.demand.arriving[d, t]):
                fresh = i >= waiting
                step = t * MONTHLY + i - waiting if fresh else book.queue[i, 0]
                name = number if fresh else book.queue[i, 1]
                number += fresh
                call, retry = call_off(market, d, step), t - step // MONTHLY
                if call.reach > 0:
                    place_named(market, book, call, ledger, d, t, name)
                    continue
                draw_pairs(market, book, d, step, retry)
                n, left = meet(market, book, call, d, t, orders), False
                for r in range(paths):
                    if fresh or book.waits[i, r]:
                        book.waits[kept, r] = not attempt(
                            market, book, call, ledger, d, t, r, n, retry, name)
                    else:
                        book.waits[kept, r] = False
                    left |= book.waits[kept, r]
                if left:
                    book.queue[kept] = step, name
                    kept += 1
            waiting = kept
            for r in range(paths):
                _close_month(market, book, ledger, d, t, r)
        for r in range(paths):
            _finish(market, book, ledger, d, r)
    return book.rows[0]


@compiled
def _open_book(market):
    demand, supply, routes = market.demand, market.supply, market.routes
    pairs, months, paths = supply.ids.size, demand.arriving.shape[1], routes.every.size
    whole, most = (paths, pairs), (demand.patience + 1) * demand.arriving.max()
    children = demand.existing.max()
    return Book(
        np.empty(whole, np.int8), np.empty(whole, np.int32), np.empty(whole),
        np.empty(whole, np.bool_), np.empty(whole, np.int32),
        np.empty((paths, months + 1, pairs), np.int32),
        np.empty((paths, routes.teams.max(), pairs), np.int32),
        np.empty((paths, pairs, months // 12)), np.empty(paths, np.int32),
        np.empty((paths, months + 1), np.int32), np.empty((months // 12, len(ITEMS))),
        np.empty((routes.teams.max(), pairs)), np.empty(pairs), np.empty(pairs), np.empty(pairs),
        np.empty(pairs), np.empty(pairs), np.empty(pairs), np.empty((BY_ID + 1, pairs), np.int32),
        np.empty((most, 2), np.int64), np.empty((most, paths), np.bool_), np.zeros(1, np.int64),
    ), Children(np.empty(children, np.int32), np.empty(children, np.int32), np.empty(children),
                np.empty(children), np.empty(children))


@compiled
def _start(market, book, children, d):
    """Month 0: nobody on a list, existing children in their places."""
    demand, supply, routes = market.demand, market.supply, market.routes
    book.standing[:], book.met[:], book.awarded[:] = OFF, False, LONG_AGO
    book.checked[:], book.spend[:], book.used[:], book.freed[:] = LONG_AGO, 0.0, 0, 0
    book.common[:], book.leaving[0], book.occupied[0] = 0.0, 0, 0
    for p in range(supply.ids.size):
        book.merit[p] = 1.0 - demand.quality_weight[d] * supply.quality[d, p]
        for team in range(book.teams.shape[0]):
            book.teams[team, p] = event(market, d, team, supply.ids[p], KNOWS)
    place_existing(market, book, children, d)
    for r in range(routes.every.size):
        if r > 0:
            book.leaving[r], book.occupied[r] = book.leaving[0], book.occupied[0]
        for p in range(supply.ids.size):
            refresh(market, book, d, r, p)


@compiled
def _open_month(market, book, children, ledger, d, t, r):
    """Those who leave free their places; then exits, the list lapsing or opening, set-up."""
    supply, routes, year = market.supply, market.routes, t // 12
    for p in range(supply.ids.size):
        if book.leaving[r, t, p] > 0:
            book.occupied[r, p] -= book.leaving[r, t, p]
            refresh(market, book, d, r, p)
    book.used[r] = 0 if market.demand.by_case and t % 12 == 0 else (
        book.used[r] - book.freed[r, t])
    if t > 0 and t % 12 == 0:
        _exit(market, book, ledger, d, t, r)
    if t == routes.closes[d, r]:
        for p in range(supply.ids.size):
            book.standing[r, p] = min(book.standing[r, p], OFF)
    since, every = t - routes.opens[d, r], routes.every[r]
    if since >= 0 and t < routes.closes[d, r] and (
            since == 0 or (every > 0 and since % every == 0)):
        _open_list(market, book, ledger, d, t, r, since // every if since > 0 else 0)
        if since == 0:
            novate(market, book, children, ledger, d, t, r)
    if t == max(routes.tendered[r], 0):
        ledger.cost[d, r, year, SET_UP] += routes.tender[d, r]
    if t == routes.reserve_opens[d, r]:
        ledger.cost[d, r, year, SET_UP] += routes.capital[d, r]


@inlined
def _exit(market, book, ledger, d, t, r):
    supply = market.supply
    for p in range(supply.ids.size):
        if book.standing[r, p] == GONE or supply.enters[d, p] >= t:
            continue
        idle = book.awarded[r, p] < t - 12
        hazard = supply.exit[d] * (1.0 + supply.displacement[d] * idle)
        if event(market, d, t // 12, supply.ids[p], EXIT) < hazard:
            book.standing[r, p] = GONE
            ledger.count[d, r, EXITS] += 1.0
            refresh(market, book, d, r, p)


@inlined
def _open_list(market, book, ledger, d, t, r, opening):
    demand, supply, routes = market.demand, market.supply, market.routes
    members, bill = 0, 0.0
    for p in range(supply.ids.size):
        members += book.standing[r, p] == MEMBER
    for p in supply.orders[RANK, d]:
        if book.standing[r, p] != OFF or supply.enters[d, p] > t:
            continue
        chance = routes.joins_later[d, r] if book.met[r, p] else routes.joins[d, r]
        chance *= routes.joins_small[d, r] if supply.small[d, p] else 1.0
        chance *= routes.joins_local[d, r] if supply.local[d, p] else 1.0
        poor = max(0.0, 1.0 - routes.ceiling[d, r] / supply.factor[d, p])
        chance *= max(0.0, 1.0 - supply.accept_price[d] * poor)
        book.met[r, p] = True
        if (routes.registered_only[r] and not supply.registered[d, p]) or (
                event(market, d, LIST_STEP + opening, supply.ids[p], JOIN) >= chance):
            continue
        ledger.count[d, r, APPLICATIONS] += 1.0
        bill += routes.per_bid[d, r]
        if routes.most[r] == 0 or members < routes.most[r]:
            members += 1
            book.standing[r, p] = MEMBER
            ledger.cost[d, r, t // 12, DILIGENCE] += demand.diligence[d] * demand.officer_rate[d]
    ledger.cost[d, r, t // 12, SET_UP] += bill + (routes.reopening[d, r] if opening > 0 else 0.0)


@compiled
def _close_month(market, book, ledger, d, t, r):
    """Reserved places used and empty; at the end of a year, the management of a list."""
    demand, routes, year = market.demand, market.routes, t // 12
    price = routes.reserve_price[d, r] * (
        routes.list_index[d, r, t + 1] - routes.list_index[d, r, t])
    empty = max(0.0, allotment(market, d, r, t) - book.used[r])
    if demand.by_case:
        empty = empty if t % 12 == 11 else 0.0
    else:
        price /= 12.0
        ledger.cost[d, r, year, IN_RESERVE] += book.used[r] * price
        empty = empty if routes.reserve_opens[d, r] <= t < routes.reserve_closes[d, r] else 0.0
    ledger.cost[d, r, year, VOID] += empty * price
    ledger.count[d, r, VOID_YEARS] += empty / (1.0 if demand.by_case else 12.0)
    if t % 12 == 11 and routes.opens[d, r] <= t < routes.closes[d, r]:
        for p in range(market.supply.ids.size):
            if book.standing[r, p] == MEMBER:
                spent = book.spend[r, p, year]
                tier = int(spent >= routes.bounds[0]) + int(spent >= routes.bounds[1])
                ledger.cost[d, r, year, MANAGEMENT] += (
                    routes.management[d, r, tier] * demand.officer_rate[d])


@compiled
def _finish(market, book, ledger, d, r):
    """What every route pays alike, and how spend is shared between providers."""
    supply, cost, count = market.supply, ledger.cost[d, r], ledger.count[d, r]
    total, squares = 0.0, 0.0
    for year in range(cost.shape[0]):
        for item in range(cost.shape[1]):
            cost[year, item] += book.common[year, item]
        for item in range(POSTED, CLAUSE + 1):
            count[SPEND] += cost[year, item]
    for p in range(supply.ids.size):
        spent = book.spend[r, p].sum()
        total, squares = total + spent, squares + spent * spent
        count[SPEND_LOCAL] += spent if supply.local[d, p] else 0.0
        count[SPEND_SMALL] += spent if supply.small[d, p] else 0.0
        count[TOP] = max(count[TOP], spent)
        count[MEMBERS] += book.standing[r, p] == MEMBER
    if total > 0.0:
        count[HHI], count[TOP] = 10_000.0 * squares / (total * total), count[TOP] / total
