"""One call-off against the market: who suits it, who has room, which stage places it, and where."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from sufficiency.model.kernels import interpolate_table, philox4x32
from sufficiency.model.market.demand import PRICING
from sufficiency.model.market.routes import ORDERS, POOLS, RULES, WHEN
from sufficiency.model.quantiles import inlined, normal_quantile, options

# Nothing is made in these loops, so that no array need count who refers to it: counting took six
# times as long as all else.
lean = njit(**options, _nrt=False)
# Passing so many arrays takes longer than most of these functions do: they become their caller's.
hot = njit(**options, _nrt=False, forceinline=True)

# Kinds of luck; a later try has the pair luck of kind PAIR + months waited.
OWN, MORE, SHARES, _, EXIT, JOIN, KNOWS, PAIR = 0, 1, 2, 3, 4, 5, 6, 16
_, BIDS, REDUCED = range(len(PRICING))
LIST, OPEN, OUTSIDE, KNOWN, RESERVED, DIRECT = range(len(POOLS))
# Words of the luck of a call-off with a provider.
SUIT, ACCEPT, COST, CHANCE = range(4)
RANK, BY_CHANCE, BY_ID = 0, len(ORDERS) - 1, len(ORDERS)
IN_TURN, _, COMPETITION, _ = range(len(RULES))
_, BEFORE, AFTER = range(len(WHEN))
# A provider on a route: takes no more children, is off its list, or on it.
GONE, OFF, MEMBER = range(3)


class CallOff(NamedTuple):
    """A call-off's own: reach 0 steerable, 1 named, 2 court; price, the level with its complexity;
    team and the shares, one a pool, as uniforms."""

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


@lean
def event(market, d, step, item, kind):
    """Uniform of one event."""
    return uniform(philox4x32(d, step, item, kind, market.seed, market.stream)[0])


@hot
def call_off(market, d, step):
    """The own luck of a call-off, or of a child placed before."""
    lot, seed, stream = market.lot[d], market.seed, market.stream
    a, b, c, e = philox4x32(d, step, 0, OWN, seed, stream)
    team, _, _, _ = philox4x32(d, step, 0, MORE, seed, stream)
    listed, opened, outside, known = philox4x32(d, step, 0, SHARES, seed, stream)
    reserved, direct, _, _ = philox4x32(d, step, 0, SHARES + 1, seed, stream)
    hard, u = int(uniform(a) < lot.complex), uniform(c)
    reach = 1 if u < lot.named else int(u < lot.named + lot.court) * 2
    months = 1 if market.by_case else max(
        1, int(min(math.ceil(-lot.stay * math.log(uniform(e))), 1e6)))
    return CallOff(step, hard, int(uniform(b) < lot.urgent), reach, months,
                   lot.level * (1.0 + lot.complex_price * hard), uniform(team),
                   (uniform(listed), uniform(opened), uniform(outside), uniform(known),
                    uniform(reserved), uniform(direct)))


@lean
def muster(market, book, d, t):
    """Write who has entered by a month, by id and in the orders used."""
    for k in range(market.orders_used.size + 1):
        order, n = BY_ID if k == 0 else market.orders_used[k - 1], 0
        if order == BY_CHANCE:
            continue
        for j in range(market.ids.size):
            p = j if order == BY_ID else market.orders[order, d, j]
            book.there[order, n] = p
            if order == BY_ID:
                book.ids[n], book.place[p] = market.ids[p], n
            n += market.firms[d, p].enters <= t
        book.many[0] = n


@hot
def draw_pairs(market, book, d, step, retry):
    """Luck of a call-off with every provider there, in words."""
    luck, ids, seed, stream = book.luck, book.ids, market.seed, market.stream
    for j in range(book.many[0]):
        luck[SUIT, j], luck[ACCEPT, j], luck[COST, j], luck[CHANCE, j] = philox4x32(
            d, step, ids[j], PAIR + retry, seed, stream)


@hot
def cost_of(market, book, d, p, price):
    """Cost of a call-off to a provider, at an index of 1."""
    z = normal_quantile(uniform(book.luck[COST, book.place[p]]))
    return price * market.firms[d, p].factor * interpolate_table(market.curve[d], z)


@hot
def base_of(market, book, call, d, p):
    """The same, worked out once a call-off."""
    if book.base[p] < 0.0:
        book.base[p] = cost_of(market, book, d, p, call.price)
    return book.base[p]


@hot
def meet(market, book, call, d):
    """Write who suits a call-off, by id and in the orders used: how many."""
    suited, there, luck, n = book.suited, book.there, book.luck, 0
    limit = market.lot[d].suits * (market.lot[d].suits_complex if call.complex else 1.0)
    for j in range(book.many[0]):
        p = there[BY_ID, j]
        book.suit[p] = uniform(luck[SUIT, j]) < limit
        suited[BY_ID, n] = p
        n += book.suit[p]
    for j in range(n):
        book.base[suited[BY_ID, j]] = -1.0
    for order in market.orders_used:
        m = 0
        for j in range(book.many[0] if order < BY_CHANCE else 0):
            p = there[order, j]
            suited[order, m] = p
            m += book.suit[p]
        for j in range(n if order == BY_CHANCE else 0):
            p, k = suited[BY_ID, j], j
            chance = luck[CHANCE, book.place[p]]
            while k > 0 and luck[CHANCE, book.place[suited[order, k - 1]]] > chance:
                suited[order, k] = suited[order, k - 1]
                k -= 1
            suited[order, k] = p
    return n


@hot
def able(book, r, n, most):
    """How many of those who suit have a free place, counted up to a number."""
    found = 0
    for j in range(n):
        found += book.seats[r, book.suited[BY_ID, j]].ready >= 0.0
        if found == most:
            break
    return found


@hot
def allotment(market, d, r, t):
    """Reserved places of a route; of cases, those of the financial year."""
    path, april = market.paths[d, r], t - t % 12
    months = min(path.reserve_closes, april + 12) - max(path.reserve_opens, april)
    return path.reserve_places * (max(months, 0) / 12.0 if market.by_case else 1.0)


@hot
def usable(market, book, call, d, t, r, s):
    """Whether a stage may be tried, urgency apart."""
    path, stage = market.paths[d, r], market.stages[d, s]
    if call.shares[stage.pool] >= stage.share:
        return False
    if (stage.when == BEFORE and t >= path.opens) or (stage.when == AFTER and t < path.opens):
        return False
    if stage.pool == LIST:
        # Nobody asks a list without members.
        return path.opens <= t < path.closes and book.members[r] > 0
    return stage.pool != RESERVED or (path.reserve_opens <= t < path.reserve_closes and
                                      book.used[r] < allotment(market, d, r, t))


@inlined
def now(index, t):
    """Price index of a month."""
    return index[t + 1] - index[t]


@hot
def mark_up(market, d):
    """Posted fee over cost."""
    return 1.0 + (market.lot[d].margin if market.pricing == BIDS else 0.0)


@hot
def contested(market, book, d, winner, bidders, second, price):
    """What a contest of two or more makes of the winner's price."""
    lot = market.lot[d]
    if market.pricing == REDUCED:
        return price * (1.0 + lot.two_bidders) * (1.0 + lot.more_bidders) ** (min(bidders, 6) - 2)
    if market.pricing == BIDS and book.merit[winner] > 0.0:
        # What makes the winner no better than the second: its cost, if quality has no weight.
        return min(price, second / book.merit[winner])
    return price


@hot
def offers(market, book, call, d, t, r, s, n):
    """Ask the providers of one stage: number asked, winner (-1 none) and price a year."""
    lot, path, stage = market.lot[d], market.paths[d, r], market.stages[d, s]
    listed, bids, contest = stage.pool == LIST, market.pricing == BIDS, stage.rule == COMPETITION
    in_order = stage.rule == IN_TURN or (contest and market.pricing == REDUCED)
    above, price = mark_up(market, d), now(market.index[d], t)
    own = above * price
    limit = stage.cap * call.price * above * price
    load, top = 1.0 if bids else 1.0 + lot.premium, np.inf
    if listed:
        load, price = path.loading, now(market.list_index[d, r], t)
        top = path.ceiling * call.price * above * price
        limit = min(limit, top)
    keen, team = 1.0 - lot.accept_complex * call.complex, int(call.team * path.teams)
    asked, bidders, winner, best, second = 0, 0, -1, np.inf, np.inf
    for j in range(n):
        p = book.suited[stage.order, j]
        seat = book.seats[r, p]
        if seat.standing == GONE or (listed and seat.standing == OFF) or (
                stage.pool == OUTSIDE and seat.standing == MEMBER) or (
                stage.pool == KNOWN and book.teams[team, p] >= path.known):
            continue
        asked += 1
        if seat.ready >= 0.0:
            # Its fee off the list: one that lags behind it is a poor price too.
            base = base_of(market, book, call, d, p)
            posted = base * own
            asks = min(base * above * price * load, top)
            bid = base * price * load if contest and bids else asks
            poor = 1.0 - asks / posted if asks < posted else 0.0
            accept = uniform(book.luck[ACCEPT, book.place[p]])
            willing = accept < seat.ready * keen * (1.0 - lot.accept_price * poor)
            if willing and bid <= limit:
                bidders += 1
                score = float(bidders) if in_order else bid * book.merit[p]
                if score < best or (score == best and p < winner):
                    second, best, winner = best, score, p
                elif score < second:
                    second = score
                if stage.rule == IN_TURN:
                    break
        if asked == stage.invite:
            break
    if winner < 0:
        return asked, winner, 0.0
    price = min(book.base[winner] * above * price * load, top)
    if contest and bidders > 1:
        price = contested(market, book, d, winner, bidders, second, price)
    return asked, winner, min(price, limit)


@hot
def walk(market, book, call, d, t, r, n):
    """Walk a route's stages: the one that places (-1 none), provider, price, days, hours."""
    path, last = market.paths[d, r], market.paths[d, r].last
    while call.urgent and last > path.first and not usable(market, book, call, d, t, r, last):
        last -= 1
    days, hours = 0.0, 0.0
    for s in range(path.first, path.last + 1):
        stage = market.stages[d, s]
        if (call.urgent and s != last and stage.days > market.urgent_days) or (
                not usable(market, book, call, d, t, r, s)):
            continue
        days, hours = days + stage.days, hours + stage.hours
        if stage.pool == RESERVED:
            return s, -1, 0.0, days, hours
        if stage.pool == DIRECT:
            return s, -1, stage.cap * call.price * now(market.index[d], t), days, hours
        asked, p, price = offers(market, book, call, d, t, r, s, n)
        hours += stage.each * asked
        if p >= 0:
            return s, p, price, days, hours
    return -1, -1, 0.0, days, hours
