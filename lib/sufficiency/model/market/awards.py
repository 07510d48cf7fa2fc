"""What an award takes up and costs, and what is paid for a call-off that no stage places."""

from typing import NamedTuple

import numpy as np

from sufficiency.model.kernels import philox4x32
from sufficiency.model.market.walk import (
    BY_ID,
    CHANCE,
    DIRECT,
    GONE,
    LIST,
    MEMBER,
    MORE,
    RESERVED,
    able,
    call_off,
    cost_of,
    draw_pairs,
    hot,
    lean,
    mark_up,
    now,
    uniform,
    walk,
)

ITEMS = ("posted", "terms", "clause", "existing", "named", "reserved", "void", "interim",
         "transport", "officers", "diligence", "set_up", "management")
COUNTS = ("call_offs", "steerable", "able_0", "able_1", "able_2", "able_3", "on_list", "off_list",
          "in_reserve", "direct", "unplaced", "waited", "days", "distance", "local", "small",
          "registered", "quality", "placed", "spend", "spend_local", "spend_small", "hhi", "top",
          "members", "applications", "exits", "void_place_years", "moved")
TRACE = ("route", "month", "call_off", "complex", "urgent", "reach", "able", "stage", "provider",
         "price", "days", "hours")
(POSTED, TERMS, CLAUSE, EXISTING, NAMED, IN_RESERVE, VOID, INTERIM, TRANSPORT, OFFICERS, DILIGENCE,
 SET_UP, MANAGEMENT) = range(len(ITEMS))
(CALL_OFFS, STEERABLE, ABLE, _, _, _, ON_LIST, OFF_LIST, RESERVE_USED, DIRECTLY, UNPLACED, WAITED,
 DAYS, DISTANCE, LOCAL, SMALL, REGISTERED, QUALITY, PLACED, SPEND, SPEND_LOCAL, SPEND_SMALL, HHI,
 TOP, MEMBERS, APPLICATIONS, EXITS, VOID_YEARS, MOVED) = range(len(COUNTS))
WAIT_DAYS, EXISTING_STEP = 30.4, 2**31
# A provider on a route; ready: its chance to accept, complexity and price apart, -1 where there is
# no room; awarded: its last month; met: whether it was there at an opening of the list.
SEAT = np.dtype([("ready", float), ("standing", np.int32), ("occupied", np.int32),
                 ("awarded", np.int32), ("met", np.int32)], align=True)
# Placed before month 0: provider (-1 none), month of leaving, fee and the price of a provider of
# factor 1 at an index of 1, luck of moving to list terms.
CHILD = np.dtype([("provider", np.int64), ("end", np.int64), ("fee", float), ("price", float),
                  ("moves", float)])


class Book(NamedTuple):
    """A draw as it goes, and what is written; R routes, P providers, T months, Y years.

    cost, count, table: see `clearing.Cleared`; rows (1,) of the table, of the draw and the route
    (-1 for all) traced. seats (R, P) of SEAT, children of CHILD. leaving (R, T + 1, P); checked
    (R, team, P) last month; spend (R, P, Y). used (R,) and freed (R, T + 1) reserved places;
    members (R,) of lists. common (Y, items) of every route. teams (team, P) luck of being known.
    merit (P,): 1 - weight x quality. Those who have entered: there (order, P), many (1,), ids (P,)
    by id; place (P,) of each among them. Of a call-off: luck (4, P) of those, in words; suit (P,);
    base (P,), cost at an index of 1, -1 not worked out; suited (order, P). queue (call-off, [step,
    number]), waits (call-off, R).
    """

    cost: np.ndarray
    count: np.ndarray
    table: np.ndarray
    rows: np.ndarray
    traced_draw: int
    traced_route: int
    seats: np.ndarray
    children: np.ndarray
    leaving: np.ndarray
    checked: np.ndarray
    spend: np.ndarray
    used: np.ndarray
    members: np.ndarray
    freed: np.ndarray
    common: np.ndarray
    teams: np.ndarray
    merit: np.ndarray
    there: np.ndarray
    many: np.ndarray
    ids: np.ndarray
    place: np.ndarray
    luck: np.ndarray
    suit: np.ndarray
    base: np.ndarray
    suited: np.ndarray
    queue: np.ndarray
    waits: np.ndarray


@hot
def refresh(market, book, d, r, p):
    """Work out again whether a provider has room, and how ready it is to take a child."""
    lot, places, seat = market.lot[d], market.firms[d, p].places, book.seats[r, p]
    seat.ready = -1.0
    if seat.standing != GONE and seat.occupied < places:
        seat.ready = max(0.0, lot.accept * (1.0 - lot.accept_occupancy * seat.occupied / places))


@hot
def spread(bill, item, index, t, end, price):
    """Add to an item (Y, items) a yearly price at an index of 1, from month t until another."""
    for year in range(t // 12, (end - 1) // 12 + 1):
        a, b = max(t, 12 * year), min(end, 12 * year + 12)
        bill[year, item] += price * (index[b] - index[a]) / 12.0


@hot
def transport(market, bill, d, p, t, end):
    """Add transport, by the provider's locality."""
    near = p < 0 or market.firms[d, p].local
    rate = market.lot[d].transport_local if near else market.lot[d].transport_away
    for year in range(t // 12, (end - 1) // 12 + 1):
        bill[year, TRANSPORT] += rate * (min(end, 12 * year + 12) - max(t, 12 * year)) / 12.0


@lean
def place_existing(market, book, d):
    """Place the children there at the start, at the price of their provider, on every route."""
    for i in range(market.lot[d].existing):
        step, child = EXISTING_STEP + i, book.children[i]
        call, best, p = call_off(market, d, step), np.inf, -1
        draw_pairs(market, book, d, step, 0)
        for j in range(book.many[0]):
            k = book.there[BY_ID, j]
            places, chance = market.firms[d, k].places, uniform(book.luck[CHANCE, j])
            if book.seats[0, k].occupied < places and chance / places < best:
                best, p = chance / places, k
        _, moves, _, _ = philox4x32(d, step, 0, MORE, market.seed, market.stream)
        fee = call.price if p < 0 else cost_of(market, book, d, p, call.price)
        child.provider, child.end, child.moves = (
            p, min(call.months, market.arriving.shape[1]), uniform(moves))
        child.fee, child.price = fee * mark_up(market, d), call.price * mark_up(market, d)
        spread(book.common, EXISTING, market.index[d], 0, child.end, child.fee)
        if p >= 0:
            book.seats[0, p].occupied += 1
            book.leaving[0, child.end, p] += 1


@lean
def novate(market, book, d, t, r):
    """Move children to list terms, where their provider has joined and their luck says so."""
    path, before, after = market.paths[d, r], market.index[d], market.list_index[d, r]
    for i in range(market.lot[d].existing):
        child = book.children[i]
        if child.provider >= 0 and child.end > t and child.moves < path.novation and (
                book.seats[r, child.provider].standing == MEMBER):
            price = min(child.fee * now(before, t) * path.loading,
                        child.price * now(after, t) * path.ceiling)
            spread(book.cost[d, r], EXISTING, before, t, child.end, -child.fee)
            spread(book.cost[d, r], EXISTING, after, t, child.end, price / now(after, t))
            book.count[d, r, MOVED] += 1.0


@lean
def record(book, call, d, t, r, name, found, s, p, price, days, hours):
    """Write a row of the trace, if this draw and route are asked for."""
    if book.traced_draw == d and book.traced_route in (-1, r):
        row = (float(r), float(t), float(name), float(call.complex), float(call.urgent),
               float(call.reach), float(found), float(s), float(p), price, days, hours)
        for i in range(len(row)):
            book.table[book.rows[0], i] = row[i]
        book.rows[0] += 1


@lean
def place_named(market, book, call, d, t, name):
    """A named school or a court's order: the same provider and price on every route."""
    best, p = 2**32, -1
    draw_pairs(market, book, d, call.step, 0)
    for j in range(book.many[0]):
        k = book.there[BY_ID, j]
        if book.luck[CHANCE, j] < best and market.firms[d, k].enters <= 0:
            best, p = book.luck[CHANCE, j], k
    fee = call.price if p < 0 else cost_of(market, book, d, p, call.price)
    fee *= mark_up(market, d)
    end, index = min(t + call.months, market.arriving.shape[1]), market.index[d]
    if market.by_case:
        book.common[t // 12, NAMED] += fee * now(index, t)
    else:
        spread(book.common, NAMED, index, t, end, fee)
    transport(market, book.common, d, p, t, end)
    for r in range(book.cost.shape[1]):
        book.count[d, r, CALL_OFFS] += 1.0
        record(book, call, d, t, r, name, -1, -1, p, fee * now(index, t), 0.0, 0.0)


@hot
def attempt(market, book, call, d, t, r, n, retry, name):
    """Walk a route and write what follows; False if the call-off will be tried next month."""
    lot, count, year = market.lot[d], book.count[d, r], t // 12
    found = -1 if retry else able(book, r, n, -1 if book.traced_draw == d else 3)
    s, p, price, days, hours = walk(market, book, call, d, t, r, n)
    days += WAIT_DAYS * retry
    record(book, call, d, t, r, name, found, s, p, price, days, hours)
    book.cost[d, r, year, OFFICERS] += hours * lot.officer_rate
    if retry == 0:
        count[CALL_OFFS] += 1.0
        count[STEERABLE] += 1.0
        count[ABLE + min(found, 3)] += 1.0
    if s >= 0:
        award(market, book, call, d, t, r, s, p, price, days)
        return True
    interim = lot.interim * call.price
    if retry < market.patience:
        count[WAITED] += retry == 0
        book.cost[d, r, year, INTERIM] += 0.0 if market.by_case else (
            interim * now(market.index[d], t) / 12.0)
        return False
    count[UNPLACED] += 1.0
    if market.by_case:
        book.cost[d, r, year, INTERIM] += interim * now(market.index[d], t)
    else:
        # A short stay may be over before the waiting is.
        end = max(t, min(t - retry + call.months, market.arriving.shape[1]))
        spread(book.cost[d, r], INTERIM, market.index[d], t, end, interim)
    return True


@hot
def award(market, book, call, d, t, r, s, p, price, days):
    """Take up the place, and write its costs to the end of the stay or the horizon."""
    lot, path, pool, count = (
        market.lot[d], market.paths[d, r], market.stages[d, s].pool, book.count[d, r])
    end = min(t + call.months, market.arriving.shape[1])
    transport(market, book.cost[d, r], d, p, t, end)
    if pool == RESERVED:
        count[RESERVE_USED] += 1.0
        book.used[r] += 1
        if market.by_case:
            book.cost[d, r, t // 12, IN_RESERVE] += path.reserve_price * now(
                market.list_index[d, r], t)
        else:
            book.freed[r, end] += 1
        return
    if pool == DIRECT:
        count[DIRECTLY] += 1.0
        pay(market, book, d, t, r, end, p, price, price, False)
        return
    firm, seat, team = market.firms[d, p], book.seats[r, p], int(call.team * path.teams)
    seat.occupied += 1
    seat.awarded = t
    book.leaving[r, end, p] += 1
    refresh(market, book, d, r, p)
    count[ON_LIST if pool == LIST else OFF_LIST] += 1.0
    count[PLACED] += 1.0
    count[DAYS] += days
    count[DISTANCE] += firm.distance
    count[LOCAL] += firm.local
    count[SMALL] += firm.small
    count[REGISTERED] += firm.registered
    count[QUALITY] += firm.quality
    if pool != LIST and t - book.checked[r, team, p] >= 12:
        book.checked[r, team, p] = t
        book.cost[d, r, t // 12, DILIGENCE] += lot.diligence * lot.officer_rate
    posted = book.base[p] * now(market.index[d], t) * mark_up(market, d)
    pay(market, book, d, t, r, end, p, posted, price, pool == LIST)


@hot
def pay(market, book, d, t, r, end, p, posted, price, on_list):
    """Write the posted fee, what the terms make of it, and what the uplift clause adds."""
    index, listed = market.index[d], market.list_index[d, r]
    for year in range(t // 12, (end - 1) // 12 + 1):
        a, b = max(t, 12 * year), min(end, 12 * year + 12)
        part, clause = 1.0, 0.0
        if not market.by_case:
            part = (index[b] - index[a]) / (12.0 * now(index, t))
            if on_list:
                clause = (listed[b] - listed[a]) / (12.0 * now(listed, t)) - part
        book.cost[d, r, year, POSTED] += posted * part
        book.cost[d, r, year, TERMS] += (price - posted) * part
        book.cost[d, r, year, CLAUSE] += price * clause
        if p >= 0:
            book.spend[r, p, year] += price * (part + clause)
