"""Clear a lot's market month by month: every route meets the same call-offs with the same luck."""

from typing import NamedTuple

import numpy as np

from sufficiency.model.kernels import run_blocks
from sufficiency.model.market.awards import (
    APPLICATIONS,
    CHILD,
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
    SEAT,
    SET_UP,
    SPEND,
    SPEND_LOCAL,
    SPEND_SMALL,
    TOP,
    TRACE,
    VOID,
    VOID_YEARS,
    Book,
    attempt,
    novate,
    place_existing,
    place_named,
    refresh,
)
from sufficiency.model.market.inputs import MONTHLY, prepare
from sufficiency.model.market.walk import (
    BY_ID,
    EXIT,
    GONE,
    JOIN,
    KNOWS,
    MEMBER,
    OFF,
    RANK,
    allotment,
    call_off,
    draw_pairs,
    event,
    lean,
    meet,
    muster,
    now,
)

__all__ = ["COUNTS", "ITEMS", "TRACE", "Cleared", "clear"]

# Openings of a list are named by a step from here; a month before any other.
LIST_STEP, LONG_AGO = 2**30, -1000


class Cleared(NamedTuple):
    """What a lot cost and did. D draws, R routes, Y years.

    cost: (D, R, Y, ITEMS) GBP, nominal, by financial year. count: (D, R, COUNTS) over the horizon:
    days, distance (miles), local, small, registered and quality are sums over call-offs `placed`
    with a provider; spend is posted + terms + clause; hhi 0 to 10,000, top 0 to 1. trace: (rows,
    TRACE) of one draw, a row for each route and try, or no rows.
    """

    cost: np.ndarray
    count: np.ndarray
    trace: np.ndarray


def clear(demand, supply, routes, seed, draws, threads=2, trace=None):
    """Every route of a lot over the same call-offs, by the same luck: `Cleared`.

    Luck goes by the names of lot and provider: other routes, the order of providers, threads and
    a longer horizon do not change it. trace: (draw, route or None for all) to record.
    Refuses by name shapes that disagree, shares outside 0 to 1, over 4,096 call-offs a month.
    """
    market, places = prepare(demand, supply, routes, seed, draws)
    months, paths = market.arriving.shape[1], market.paths.shape[1]
    cost = np.zeros((draws, paths, months // 12, len(ITEMS)))
    count = np.zeros((draws, paths, len(COUNTS)))
    draw, route = (-1, None) if trace is None else trace
    if trace is not None and not (0 <= draw < draws and 0 <= (route or 0) < paths):
        raise ValueError(f"trace: found {trace}; allowed a draw below {draws}, and a route below "
                         f"{paths} or None")
    rows = 0 if trace is None else (
        int(market.arriving[draw].sum()) * (market.patience + 1) * paths)
    table, traced = np.empty((rows, len(TRACE))), (draw, -1 if route is None else route)

    def block(first, last):
        book = _open_book(market, first, last, cost, count, table, *traced)
        _clear(market, book, first, last)
        return book.rows[0]

    table = table[:max(run_blocks(block, draws, threads))]
    firm = table[:, TRACE.index("provider")]
    firm[:] = np.append(places, -1)[firm.astype(int)]
    return Cleared(cost, count, table)


def _open_book(market, first, last, cost, count, table, draw, route):
    pairs, months, paths = market.ids.size, market.arriving.shape[1], market.paths.shape[1]
    teams = market.paths["teams"].max()
    calls = (market.patience + 1) * market.arriving[first:last].max()
    whole, ranks = np.int32, (BY_ID + 1, pairs)
    return Book(
        cost, count, table, np.zeros(1, int), draw, route, np.empty((paths, pairs), SEAT),
        np.empty(market.lot["existing"][first:last].max(), CHILD),
        np.empty((paths, months + 1, pairs), whole), np.empty((paths, teams, pairs), whole),
        np.empty((paths, pairs, months // 12)), np.empty(paths, whole),
        np.empty(paths, whole),
        np.empty((paths, months + 1), whole), np.empty((months // 12, len(ITEMS))),
        np.empty((teams, pairs)), np.empty(pairs), np.empty(ranks, whole), np.empty(1, int),
        np.empty(pairs, np.uint32), np.empty(pairs, whole), np.empty((4, pairs), np.uint32),
        np.empty(pairs, bool), np.empty(pairs), np.empty(ranks, whole),
        np.empty((calls, 2), int), np.empty((calls, paths), bool))


@lean
def _clear(market, book, first, last):
    paths = market.paths.shape[1]
    for d in range(first, last):
        _start(market, book, d)
        waiting, number = 0, 0
        for t in range(market.arriving.shape[1]):
            muster(market, book, d, t)
            for r in range(paths):
                _open_month(market, book, d, t, r)
            kept = 0
            for i in range(waiting + market.arriving[d, t]):
                fresh = i >= waiting
                step = t * MONTHLY + i - waiting if fresh else book.queue[i, 0]
                name = number if fresh else book.queue[i, 1]
                number += fresh
                call, retry = call_off(market, d, step), t - step // MONTHLY
                if call.reach > 0:
                    place_named(market, book, call, d, t, name)
                    continue
                draw_pairs(market, book, d, step, retry)
                n, left = meet(market, book, call, d), False
                for r in range(paths):
                    book.waits[kept, r] = (fresh or book.waits[i, r]) and not attempt(
                        market, book, call, d, t, r, n, retry, name)
                    left |= book.waits[kept, r]
                if left:
                    book.queue[kept, 0], book.queue[kept, 1] = step, name
                    kept += 1
            waiting = kept
            for r in range(paths):
                _close_month(market, book, d, t, r)
        for r in range(paths):
            _finish(market, book, d, r)


@lean
def _start(market, book, d):
    """Month 0: nobody on a list, existing children in their places."""
    book.checked[:], book.spend[:], book.used[:], book.freed[:] = LONG_AGO, 0.0, 0, 0
    book.members[:] = 0
    book.common[:], book.leaving[0] = 0.0, 0
    for p in range(market.ids.size):
        book.seats[0, p].occupied = 0
        book.merit[p] = 1.0 - market.lot[d].quality_weight * market.firms[d, p].quality
        for team in range(book.teams.shape[0]):
            book.teams[team, p] = event(market, d, team, market.ids[p], KNOWS)
    muster(market, book, d, 0)
    place_existing(market, book, d)
    for r in range(book.used.size):
        for p in range(market.ids.size):
            first, seat = book.seats[0, p], book.seats[r, p]
            seat.standing, seat.met, seat.awarded = OFF, 0, LONG_AGO
            seat.occupied = first.occupied
            refresh(market, book, d, r, p)
        for t in range(book.freed.shape[1] if r > 0 else 0):
            for p in range(market.ids.size):
                book.leaving[r, t, p] = book.leaving[0, t, p]


@lean
def _open_month(market, book, d, t, r):
    """Those who leave free their places; then exits, the list lapsing or opening, set-up."""
    path, lapses = market.paths[d, r], t == market.paths[d, r].closes
    for p in range(market.ids.size):
        if book.leaving[r, t, p] > 0:
            book.seats[r, p].occupied -= book.leaving[r, t, p]
            refresh(market, book, d, r, p)
        if lapses and book.seats[r, p].standing == MEMBER:
            book.seats[r, p].standing = OFF
            book.members[r] -= 1
    book.used[r] = 0 if market.by_case and t % 12 == 0 else book.used[r] - book.freed[r, t]
    if t > 0 and t % 12 == 0:
        _exit(market, book, d, t, r)
    since = t - path.opens
    if 0 <= since and t < path.closes and (
            since == 0 or (path.every > 0 and since % path.every == 0)):
        _open_list(market, book, d, t, r, since // max(path.every, 1))
        if since == 0:
            novate(market, book, d, t, r)
    if t == max(path.tendered, 0):
        book.cost[d, r, t // 12, SET_UP] += path.tender
    if t == path.reserve_opens:
        book.cost[d, r, t // 12, SET_UP] += path.capital


@lean
def _exit(market, book, d, t, r):
    for p in range(market.ids.size):
        seat = book.seats[r, p]
        if seat.standing != GONE and market.firms[d, p].enters < t:
            idle = seat.awarded < t - 12
            hazard = market.lot[d].exit * (1.0 + market.lot[d].displacement * idle)
            if event(market, d, t // 12, market.ids[p], EXIT) < hazard:
                book.members[r] -= seat.standing == MEMBER
                seat.standing = GONE
                book.count[d, r, EXITS] += 1.0
                refresh(market, book, d, r, p)


@lean
def _open_list(market, book, d, t, r, opening):
    lot, path, bill = market.lot[d], market.paths[d, r], 0.0
    for k in range(market.ids.size):
        p = market.orders[RANK, d, k]
        firm, seat = market.firms[d, p], book.seats[r, p]
        if seat.standing != OFF or firm.enters > t:
            continue
        poor = max(0.0, 1.0 - path.ceiling / firm.factor)
        chance = path.joins_later if seat.met else path.joins
        chance *= path.joins_small if firm.small else 1.0
        chance *= path.joins_local if firm.local else 1.0
        chance *= max(0.0, 1.0 - lot.accept_price * poor)
        seat.met = 1
        if (path.registered_only and not firm.registered) or (
                event(market, d, LIST_STEP + opening, market.ids[p], JOIN) >= chance):
            continue
        book.count[d, r, APPLICATIONS] += 1.0
        bill += path.per_bid
        if path.most == 0 or book.members[r] < path.most:
            book.members[r] += 1
            seat.standing = MEMBER
            book.cost[d, r, t // 12, DILIGENCE] += lot.diligence * lot.officer_rate
    book.cost[d, r, t // 12, SET_UP] += bill + (path.reopening if opening > 0 else 0.0)


@lean
def _close_month(market, book, d, t, r):
    """Reserved places used and empty; at the end of a year, the management of a list."""
    path, cost, year = market.paths[d, r], book.cost[d, r], t // 12
    price = path.reserve_price * now(market.list_index[d, r], t)
    empty = max(0.0, allotment(market, d, r, t) - book.used[r])
    if market.by_case:
        empty = empty if t % 12 == 11 else 0.0
    else:
        cost[year, IN_RESERVE] += book.used[r] * price / 12.0
        empty = empty / 12.0 if path.reserve_opens <= t < path.reserve_closes else 0.0
    cost[year, VOID] += empty * price
    book.count[d, r, VOID_YEARS] += empty
    if t % 12 == 11 and path.opens <= t < path.closes:
        for p in range(market.ids.size):
            if book.seats[r, p].standing == MEMBER:
                spent = book.spend[r, p, year]
                tier = int(spent >= market.bounds[0]) + int(spent >= market.bounds[1])
                cost[year, MANAGEMENT] += market.management[d, r, tier] * market.lot[d].officer_rate


@lean
def _finish(market, book, d, r):
    """What every route pays alike, and how spend is shared between providers."""
    cost, count, total, squares = book.cost[d, r], book.count[d, r], 0.0, 0.0
    for year in range(cost.shape[0]):
        for item in range(cost.shape[1]):
            cost[year, item] += book.common[year, item]
        for item in range(POSTED, CLAUSE + 1):
            count[SPEND] += cost[year, item]
    count[MEMBERS] = book.members[r]
    for p in range(market.ids.size):
        firm, spent = market.firms[d, p], 0.0
        for year in range(cost.shape[0]):
            spent += book.spend[r, p, year]
        total, squares = total + spent, squares + spent * spent
        count[SPEND_LOCAL] += spent * firm.local
        count[SPEND_SMALL] += spent * firm.small
        count[TOP] = max(count[TOP], spent)
    if total > 0.0:
        count[HHI], count[TOP] = 10_000.0 * squares / (total * total), count[TOP] / total
