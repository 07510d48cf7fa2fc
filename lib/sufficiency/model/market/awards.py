"""What an award takes up and costs, and what is paid for a call-off that no stage places."""

from typing import NamedTuple

import numpy as np

from sufficiency.model.kernels import philox4x32
from sufficiency.model.market.walk import (
    BIDS,
    DIRECT,
    EXISTING_STEP,
    GONE,
    LIST,
    MEMBER,
    MORE,
    RESERVED,
    able,
    call_off,
    cost_of,
    draw_pairs,
    uniform,
    walk,
)
from sufficiency.model.quantiles import compiled

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
WAIT_DAYS = 30.4


class Children(NamedTuple):
    """Children placed before month 0: provider (-1 none), month they leave, fee at an index of 1,
    price of a provider of factor 1 at an index of 1, luck of moving to list terms."""

    provider: np.ndarray
    end: np.ndarray
    fee: np.ndarray
    price: np.ndarray
    moves: np.ndarray


class Ledger(NamedTuple):
    """Where results are written: see `clearing.Cleared`. traced: draw, route (-1 for all)."""

    cost: np.ndarray
    count: np.ndarray
    table: np.ndarray
    traced: tuple


@compiled
def refresh(market, book, d, r, p):
    """Work out again whether a provider has room, and how ready it is to take a child."""
    supply, places = market.supply, market.supply.places[d, p]
    occupied, ready = book.occupied[r, p], -1.0
    if book.standing[r, p] != GONE and occupied < places:
        ready = max(0.0, supply.accept[d] * (1.0 - supply.accept_occupancy[d] * occupied / places))
    book.ready[r, p] = ready


@compiled
def spread(bill, item, index, t, end, price):
    """Add to an item (Y, items) a yearly price at an index of 1, from month t until another."""
    for year in range(t // 12, (end - 1) // 12 + 1):
        a, b = max(t, 12 * year), min(end, 12 * year + 12)
        bill[year, item] += price * (index[b] - index[a]) / 12.0


@compiled
def transport(market, bill, d, p, t, end):
    """Add transport, by the provider's locality."""
    demand, near = market.demand, p < 0 or market.supply.local[d, p]
    rate = demand.transport_local[d] if near else demand.transport_away[d]
    for year in range(t // 12, (end - 1) // 12 + 1):
        bill[year, TRANSPORT] += rate * (min(end, 12 * year + 12) - max(t, 12 * year)) / 12.0


@compiled
def place_existing(market, book, children, d):
    """Place the children there at the start, at the price of their provider, on every route."""
    demand, supply, months = market.demand, market.supply, market.demand.arriving.shape[1]
    mark_up = 1.0 + (demand.margin[d] if demand.pricing == BIDS else 0.0)
    for i in range(demand.existing[d]):
        step = EXISTING_STEP + i
        call, best, p = call_off(market, d, step), np.inf, -1
        draw_pairs(market, book, d, step, 0)
        for k in range(supply.ids.size):
            room = supply.enters[d, k] <= 0 and book.occupied[0, k] < supply.places[d, k]
            if room and book.chance[k] / supply.places[d, k] < best:
                best, p = book.chance[k] / supply.places[d, k], k
        end = min(call.months, months)
        fee = mark_up * (call.price if p < 0 else cost_of(market, book, d, p, call.price))
        _, moves, _, _ = philox4x32(d, step, 0, MORE, market.seed, demand.stream)
        children.provider[i], children.end[i], children.fee[i] = p, end, fee
        children.price[i], children.moves[i] = mark_up * call.price, uniform(moves)
        spread(book.common, EXISTING, demand.provider_index[d], 0, end, fee)
        if p >= 0:
            book.occupied[0, p] += 1
            book.leaving[0, end, p] += 1


@compiled
def novate(market, book, children, ledger, d, t, r):
    """Move children to list terms, where their provider has joined and their luck says so."""
    demand, routes = market.demand, market.routes
    before, after = demand.provider_index[d], routes.list_index[d, r]
    now, listed = before[t + 1] - before[t], after[t + 1] - after[t]
    for i in range(demand.existing[d]):
        p, end = children.provider[i], children.end[i]
        if p >= 0 and end > t and book.standing[r, p] == MEMBER and (
                children.moves[i] < routes.novation[d, r]):
            price = min(children.fee[i] * now * routes.loading[d, r],
                        children.price[i] * listed * routes.ceiling[d, r])
            spread(ledger.cost[d, r], EXISTING, before, t, end, -children.fee[i])
            spread(ledger.cost[d, r], EXISTING, after, t, end, price / listed)
            ledger.count[d, r, MOVED] += 1.0


@compiled
def record(ledger, d, t, r, name, call, found, s, p, price, days, hours, book):
    """Write a row of the trace, if this draw and route are asked for."""
    if ledger.traced[0] == d and ledger.traced[1] in (-1, r):
        row = (float(r), float(t), float(name), float(call.complex), float(call.urgent),
               float(call.reach), float(found), float(s), float(p), price, days, hours)
        for i in range(len(row)):
            ledger.table[book.rows[0], i] = row[i]
        book.rows[0] += 1


@compiled
def place_named(market, book, call, ledger, d, t, name):
    """A named school or a court's order: the same provider and price on every route."""
    demand, supply, best, p = market.demand, market.supply, 2.0, -1
    draw_pairs(market, book, d, call.step, 0)
    for k in range(supply.ids.size):
        if supply.enters[d, k] <= 0 and book.chance[k] < best:
            best, p = book.chance[k], k
    fee = call.price if p < 0 else cost_of(market, book, d, p, call.price)
    fee *= 1.0 + (demand.margin[d] if demand.pricing == BIDS else 0.0)
    end, index = min(t + call.months, demand.arriving.shape[1]), demand.provider_index[d]
    now = index[t + 1] - index[t]
    if demand.by_case:
        book.common[t // 12, NAMED] += fee * now
    else:
        spread(book.common, NAMED, index, t, end, fee)
    transport(market, book.common, d, p, t, end)
    for r in range(ledger.cost.shape[1]):
        ledger.count[d, r, CALL_OFFS] += 1.0
        record(ledger, d, t, r, name, call, -1, -1, p, fee * now, 0.0, 0.0, book)


@compiled
def attempt(market, book, call, ledger, d, t, r, n, retry, name):
    """Walk a route and write what follows; False if the call-off will be tried next month."""
    demand, cost, count = market.demand, ledger.cost, ledger.count[d, r]
    months, index = demand.arriving.shape[1], demand.provider_index
    now, year = index[d, t + 1] - index[d, t], t // 12
    tracing = ledger.traced[0] == d
    found = -1 if retry else able(book, r, n, -1 if tracing else 3)
    s, p, price, days, hours = walk(market, book, call, d, t, r, n)
    days += WAIT_DAYS * retry
    if tracing:
        record(ledger, d, t, r, name, call, found, s, p, price, days, hours, book)
    cost[d, r, year, OFFICERS] += hours * demand.officer_rate[d]
    if retry == 0:
        count[CALL_OFFS] += 1.0
        count[STEERABLE] += 1.0
        count[ABLE + min(found, 3)] += 1.0
    if s >= 0:
        award(market, book, call, ledger, d, t, r, s, p, price, days)
        return True
    interim = demand.interim[d] * call.price
    if retry < demand.patience:
        count[WAITED] += retry == 0
        cost[d, r, year, INTERIM] += 0.0 if demand.by_case else interim * now / 12.0
        return False
    count[UNPLACED] += 1.0
    if demand.by_case:
        cost[d, r, year, INTERIM] += interim * now
    else:
        end = min(t - retry + call.months, months)
        spread(cost[d, r], INTERIM, index[d], t, end, interim)
    return True


@compiled
def award(market, book, call, ledger, d, t, r, s, p, price, days):
    """Take up the place, and write its costs to the end of the stay or the horizon."""
    demand, supply, routes = market.demand, market.supply, market.routes
    cost, count, pool = ledger.cost, ledger.count[d, r], routes.pool[s]
    end = min(t + call.months, demand.arriving.shape[1])
    transport(market, cost[d, r], d, p, t, end)
    if pool == RESERVED:
        count[RESERVE_USED] += 1.0
        book.used[r] += 1
        if demand.by_case:
            listed = routes.list_index[d, r, t + 1] - routes.list_index[d, r, t]
            cost[d, r, t // 12, IN_RESERVE] += routes.reserve_price[d, r] * listed
        else:
            book.freed[r, end] += 1
        return
    posted = price
    if pool == DIRECT:
        count[DIRECTLY] += 1.0
    else:
        posted = book.base[p] * (demand.provider_index[d, t + 1] - demand.provider_index[d, t])
        posted *= 1.0 + (demand.margin[d] if demand.pricing == BIDS else 0.0)
        book.occupied[r, p] += 1
        book.leaving[r, end, p] += 1
        book.awarded[r, p] = t
        refresh(market, book, d, r, p)
        count[ON_LIST if pool == LIST else OFF_LIST] += 1.0
        count[PLACED] += 1.0
        count[DAYS] += days
        count[DISTANCE] += supply.distance[d, p]
        count[LOCAL] += supply.local[d, p]
        count[SMALL] += supply.small[d, p]
        count[REGISTERED] += supply.registered[d, p]
        count[QUALITY] += supply.quality[d, p]
        team = int(call.team * routes.teams[r])
        if pool != LIST and t - book.checked[r, team, p] >= 12:
            book.checked[r, team, p] = t
            cost[d, r, t // 12, DILIGENCE] += demand.diligence[d] * demand.officer_rate[d]
    pay(market, book, cost, d, t, r, end, p, posted, price, pool == LIST)


@compiled
def pay(market, book, cost, d, t, r, end, p, posted, price, on_list):
    """Write the posted fee, what the terms make of it, and what the uplift clause adds."""
    index, listed = market.demand.provider_index, market.routes.list_index
    now, list_now = index[d, t + 1] - index[d, t], listed[d, r, t + 1] - listed[d, r, t]
    for year in range(t // 12, (end - 1) // 12 + 1):
        a, b = max(t, 12 * year), min(end, 12 * year + 12)
        part, clause = 1.0, 0.0
        if not market.demand.by_case:
            part = (index[d, b] - index[d, a]) / (12.0 * now)
            if on_list:
                clause = (listed[d, r, b] - listed[d, r, a]) / (12.0 * list_now) - part
        cost[d, r, year, POSTED] += posted * part
        cost[d, r, year, TERMS] += (price - posted) * part
        cost[d, r, year, CLAUSE] += price * clause
        if p >= 0:
            book.spend[r, p, year] += price * (part + clause)
