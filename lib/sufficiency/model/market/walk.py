"""One call-off against the market: who suits it, who has room, which stage places it, and where."""

import math
from typing import NamedTuple

import numpy as np

from sufficiency.model.kernels import interpolate_table, philox4x32
from sufficiency.model.market.demand import PRICING, Demand
from sufficiency.model.market.routes import ORDERS, POOLS, RULES, WHEN, Routes
from sufficiency.model.market.supply import Supply
from sufficiency.model.quantiles import inlined, normal_quantile

# Kinds of luck; a later try has the pair luck of kind PAIR + months waited.
OWN, MORE, SHARES, _, EXIT, JOIN, KNOWS, PAIR = 0, 1, 2, 3, 4, 5, 6, 16
MONTHLY, EXISTING_STEP, LIST_STEP = 4096, 2**31, 2**30
_, BIDS, REDUCED = range(len(PRICING))
LIST, OPEN, OUTSIDE, KNOWN, RESERVED, DIRECT = range(len(POOLS))
RANK, BY_CHANCE, BY_ID = 0, len(ORDERS) - 1, len(ORDERS)
IN_TURN, _, COMPETITION, _ = range(len(RULES))
_, BEFORE, AFTER = range(len(WHEN))
# A provider on a route: has stopped taking children, is off its list, or on it.
GONE, OFF, MEMBER = range(3)


class Market(NamedTuple):
    """What is given: the lot and its routes, providers in the order of their ids."""

    demand: Demand
    supply: Supply
    routes: Routes
    seed: int


class Book(NamedTuple):
    """A draw as it goes; R routes, P providers, T months, Y years.

    (R, P): standing, occupied, ready (chance to accept before complexity and price, -1 where there
    is no room), met (an opening of the list), awarded (last month). leaving (R, T + 1, P); checked
    (R, team, P) last month; spend (R, P, Y). used (R,) and freed (R, T + 1) reserved places.
    common (Y, items) of every route. teams (team, P) luck of being known. By pair, (P,): suit,
    accept, z, chance; base, the cost at an index of 1; merit, the weight of quality in a price.
    suited (order, P). queue (call-off, [step, number]), waits (call-off, R). rows (1,) of a trace.
    """

    standing: np.ndarray
    occupied: np.ndarray
    ready: np.ndarray
    met: np.ndarray
    awarded: np.ndarray
    leaving: np.ndarray
    checked: np.ndarray
    spend: np.ndarray
    used: np.ndarray
    freed: np.ndarray
    common: np.ndarray
    teams: np.ndarray
    suit: np.ndarray
    accept: np.ndarray
    z: np.ndarray
    chance: np.ndarray
    base: np.ndarray
    merit: np.ndarray
    suited: np.ndarray
    queue: np.ndarray
    waits: np.ndarray
    rows: np.ndarray


class CallOff(NamedTuple):
    """A call-off's own: price, the level with its complexity; reach 0 steerable, 1 named, 2 court;
    team and six shares as uniforms."""

    step: int
    complex: int
    urgent: int
    reach: int
    months: int
    price: float
    team: float
    shares: tuple


@inlined
def uniform(word):
    """Uniform of a random word, 32 bits, strictly between 0 and 1."""
    return (float(word) + 0.5) * 2.0**-32


@inlined
def event(market, d, step, item, kind):
    """Uniform of one event."""
    return uniform(philox4x32(d, step, item, kind, market.seed, market.demand.stream)[0])


@inlined
def call_off(market, d, step):
    """The own luck of a call-off, or of a child placed before."""
    demand, seed, stream = market.demand, market.seed, market.demand.stream
    a, b, c, e = philox4x32(d, step, 0, OWN, seed, stream)
    team, _, _, _ = philox4x32(d, step, 0, MORE, seed, stream)
    listed, opened, outside, known = philox4x32(d, step, 0, SHARES, seed, stream)
    reserved, direct, _, _ = philox4x32(d, step, 0, SHARES + 1, seed, stream)
    hard, u = int(uniform(a) < demand.complex[d]), uniform(c)
    reach = 1 if u < demand.named[d] else int(u < demand.named[d] + demand.court[d]) * 2
    months = 1 if demand.by_case else max(
        1, int(min(math.ceil(-demand.stay[d] * math.log(uniform(e))), 1e6)))
    return CallOff(step, hard, int(uniform(b) < demand.urgent[d]), reach, months,
                   demand.level[d] * (1.0 + demand.complex_price[d] * hard), uniform(team),
                   (uniform(listed), uniform(opened), uniform(outside), uniform(known),
                    uniform(reserved), uniform(direct)))


@inlined
def draw_pairs(market, book, d, step, retry):
    """Luck of a call-off with every provider."""
    ids, seed, stream = market.supply.ids, market.seed, market.demand.stream
    for p in range(ids.size):
        a, b, c, e = philox4x32(d, step, ids[p], PAIR + retry, seed, stream)
        book.suit[p], book.accept[p] = uniform(a), uniform(b)
        book.z[p], book.chance[p] = uniform(c), uniform(e)


@inlined
def cost_of(market, book, d, p, price):
    """Cost of a call-off to a provider, at an index of 1."""
    z = normal_quantile(book.z[p])
    return price * market.supply.factor[d, p] * interpolate_table(market.demand.curve[d], z)


@inlined
def meet(market, book, call, d, t, orders):
    """Write who suits a call-off, in the orders asked for and by id, and their costs: how many."""
    supply, suited, n = market.supply, book.suited, 0
    limit = supply.suits[d] * (supply.suits_complex[d] if call.complex else 1.0)
    for p in range(supply.ids.size):
        # Nobody suits before entering.
        book.suit[p] = book.suit[p] if supply.enters[d, p] <= t else np.inf
        suited[BY_ID, n] = p
        n += book.suit[p] < limit
    for j in range(n):
        p = suited[BY_ID, j]
        book.base[p] = cost_of(market, book, d, p, call.price)
    for order in orders:
        m = 0
        for j in range(supply.ids.size if order < BY_CHANCE else 0):
            p = supply.orders[order, d, j]
            suited[order, m] = p
            m += book.suit[p] < limit
        for j in range(n if order == BY_CHANCE else 0):
            p, k = suited[BY_ID, j], j
            while k > 0 and book.chance[suited[order, k - 1]] > book.chance[p]:
                suited[order, k] = suited[order, k - 1]
                k -= 1
            suited[order, k] = p
    return n


@inlined
def able(book, r, n, most):
    """How many of those who suit have a free place, counted up to a number."""
    found = 0
    for j in range(n):
        found += book.ready[r, book.suited[BY_ID, j]] >= 0.0
        if found == most:
            break
    return found


@inlined
def allotment(market, d, r, t):
    """Reserved places of a route; for cases, those of the financial year."""
    routes = market.routes
    if not market.demand.by_case:
        return float(routes.reserve_places[d, r])
    first = t - t % 12
    months = (min(routes.reserve_closes[d, r], first + 12) - max(routes.reserve_opens[d, r], first))
    return routes.reserve_places[d, r] * max(months, 0) / 12.0


@inlined
def usable(market, book, call, d, t, r, s):
    """Whether a stage may be tried, urgency apart."""
    routes, pool, opens = market.routes, market.routes.pool[s], market.routes.opens[d, r]
    if call.shares[pool] >= routes.share[d, s]:
        return False
    if pool == LIST and not opens <= t < routes.closes[d, r]:
        return False
    if (routes.when[s] == BEFORE and t >= opens) or (routes.when[s] == AFTER and t < opens):
        return False
    return pool != RESERVED or (
        routes.reserve_opens[d, r] <= t < routes.reserve_closes[d, r]
        and book.used[r] < allotment(market, d, r, t))


@inlined
def offers(market, book, call, d, t, r, s, n):
    """Ask the providers of one stage: number asked, winner (-1 none) and price a year."""
    demand, routes, pool = market.demand, market.routes, market.routes.pool[s]
    listed, bids = pool == LIST, demand.pricing == BIDS
    contest = routes.rule[s] == COMPETITION
    in_order = routes.rule[s] == IN_TURN or (contest and demand.pricing == REDUCED)
    index = now = demand.provider_index[d, t + 1] - demand.provider_index[d, t]
    load, top, mark_up = 1.0 if bids else 1.0 + demand.premium[d], np.inf, 1.0
    mark_up += demand.margin[d] if bids else 0.0
    if listed:
        index = routes.list_index[d, r, t + 1] - routes.list_index[d, r, t]
        load = routes.loading[d, r]
        top = routes.ceiling[d, r] * call.price * mark_up * index
    limit = min(top, routes.cap[d, s] * call.price * mark_up * now)
    keen = 1.0 - market.supply.accept_complex[d] * call.complex
    put_off, known = market.supply.accept_price[d], routes.known[d, r]
    team, order = int(call.team * routes.teams[r]), routes.order[s]
    asked, bidders, winner, price, best, second = 0, 0, -1, 0.0, np.inf, np.inf
    for j in range(n):
        p = book.suited[order, j]
        standing = book.standing[r, p]
        if standing == GONE or (listed and standing == OFF) or (
                pool == OUTSIDE and standing == MEMBER) or (
                pool == KNOWN and book.teams[team, p] >= known):
            continue
        asked += 1
        if book.ready[r, p] >= 0.0:
            posted = book.base[p] * mark_up * index
            asks = min(posted * load, top)
            bid = book.base[p] * index * load if contest and bids else asks
            poor = 1.0 - asks / posted if asks < posted else 0.0
            willing = book.accept[p] < book.ready[r, p] * keen * (1.0 - put_off * poor)
            if willing and bid <= limit:
                bidders += 1
                score = float(bidders) if in_order else bid * book.merit[p]
                if score < best or (score == best and p < winner):
                    second, best, winner, price = best, score, p, asks
                elif score < second:
                    second = score
                if routes.rule[s] == IN_TURN:
                    break
        if asked == routes.invite[s]:
            break
    if contest and bidders > 1:
        if bids and book.merit[winner] > 0.0:
            # What makes the winner no better than the second: with no weight on quality, the
            # second-lowest cost.
            price = min(price, second / book.merit[winner])
        elif demand.pricing == REDUCED:
            price *= (1.0 + demand.two_bidders[d]) * (
                1.0 + demand.more_bidders[d]) ** (min(bidders, 6) - 2)
    return asked, winner, min(price, limit)


@inlined
def walk(market, book, call, d, t, r, n):
    """Walk a route's stages: the one that places (-1 none), provider, price, days, hours."""
    demand, routes = market.demand, market.routes
    first, last = routes.first[r], routes.first[r + 1] - 1
    while call.urgent and last > first and not usable(market, book, call, d, t, r, last):
        last -= 1
    days, hours = 0.0, 0.0
    for s in range(first, routes.first[r + 1]):
        if (call.urgent and s != last and routes.days[d, s] > demand.urgent_days) or (
                not usable(market, book, call, d, t, r, s)):
            continue
        days, hours = days + routes.days[d, s], hours + routes.hours[d, s]
        if routes.pool[s] == RESERVED:
            return s, -1, 0.0, days, hours
        if routes.pool[s] == DIRECT:
            now = demand.provider_index[d, t + 1] - demand.provider_index[d, t]
            return s, -1, routes.cap[d, s] * call.price * now, days, hours
        asked, p, price = offers(market, book, call, d, t, r, s, n)
        hours += routes.each[d, s] * asked
        if p >= 0:
            return s, p, price, days, hours
    return -1, -1, 0.0, days, hours
