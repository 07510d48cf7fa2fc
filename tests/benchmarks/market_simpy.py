"""The market's rules again, in SimPy: the kernel's means checked, and how much faster it is.

python tests/benchmarks/market_simpy.py [worlds]
"""

import math
import sys
import time
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import simpy
from sufficiency.model.market.clearing import COUNTS, ITEMS, clear
from sufficiency.model.market.demand import PRICING
from sufficiency.model.market.routes import ORDERS, POOLS, RULES, WHEN

sys.path.insert(0, str(Path(__file__).parents[1]))
from made_market import LOTS, full_market
from simpy_world import (
    BOOKS,
    ENDS,
    EXITS,
    NOVATION,
    OPENINGS,
    RETRIES,
    Accounts,
    World,
    of_draw,
)

DAYS_A_MONTH = 30.4


class Route(Accounts):
    """One route to market: its list, its reserved places, its stages, what it has paid."""

    def __init__(self, world, routes, terms, r):
        own = ("every", "most", "registered_only", "tendered", "teams", "opens", "closes",
               "reserve_opens", "reserve_closes", "reserve_places", "joins", "joins_later",
               "joins_small", "joins_local", "ceiling", "loading", "novation", "known", "tender",
               "reopening", "per_bid", "capital", "reserve_price", "list_index", "management")
        super().__init__(world, SimpleNamespace(**{n: getattr(terms, n)[r] for n in own}))
        self.bounds = routes.bounds
        self.stages = [
            SimpleNamespace(
                pool=POOLS[routes.pool[s]], order=ORDERS[routes.order[s]],
                rule=RULES[routes.rule[s]], when=WHEN[routes.when[s]], invite=routes.invite[s],
                **{n: getattr(terms, n)[s] for n in ("cap", "share", "hours", "each", "days")})
            for s in range(routes.first[r], routes.first[r + 1])]
        self.reserve = simpy.Resource(self.env, max(1, self.terms.reserve_places))
        self.cases = [0] * self.years
        for child in world.settled:
            self.env.process(self.stay_on(child))
        for process in (self.exits(), self.openings(), self.books()):
            self.env.process(process)
        self.spend_once("set_up", max(0, self.terms.tendered), self.terms.tender)
        self.spend_once("set_up", self.terms.reserve_opens, self.terms.capital)

    def until(self, month, moment):
        return self.env.timeout(month + moment - self.env.now)

    def list_open(self, month):
        return self.terms.opens <= month < self.terms.closes

    def exits(self):
        for year in range(1, self.years):
            yield self.until(12 * year, EXITS)
            month, luck = 12 * year, self.world.luck("exit", year)
            for s in self.standings:
                quiet = s.last_award < month - 12
                hazard = self.world.terms.exit * (1 + quiet * self.world.terms.displacement)
                if (s.provider.enters < month and not s.gone
                        and luck[s.provider.number] < hazard):
                    s.gone, s.member = True, False
                    self.count["exits"] += 1

    def openings(self):
        terms = self.terms
        for opening in count():
            month = terms.opens + opening * terms.every
            if month >= min(terms.closes, self.world.months) or (opening and not terms.every):
                break
            yield self.until(month, OPENINGS)
            self.admit(month, opening)
        if terms.opens < terms.closes < self.world.months:
            yield self.until(terms.closes, OPENINGS)
            for s in self.standings:
                s.member = False

    def admit(self, month, opening):
        terms, supply, luck = self.terms, self.world.terms, self.world.luck("join", opening)
        members = sum(s.member for s in self.standings)
        for number in self.world.orders["rank"]:
            s = self.standings[number]
            if not s.active(month):
                continue
            p, first, s.asked_before = s.provider, not s.asked_before, True
            chance = terms.joins if first else terms.joins_later
            chance *= terms.joins_small if p.small else 1
            chance *= terms.joins_local if p.local else 1
            chance *= max(0, 1 - supply.accept_price * max(0, 1 - terms.ceiling / p.factor))
            allowed = p.registered or not terms.registered_only
            if s.member or not allowed or luck[number] >= chance:
                continue
            self.count["applications"] += 1
            self.spend_once("set_up", month, terms.per_bid)
            if not terms.most or members < terms.most:
                s.member, members = True, members + 1
                self.spend_once("diligence", month, self.lot.diligence * self.lot.officer_rate)
        if opening:
            self.spend_once("set_up", month, terms.reopening)

    def books(self):
        """At each month's end the reserved places, at each year's end contract management."""
        for month in range(self.world.months):
            yield self.until(month, BOOKS)
            if not self.lot.by_case:
                self.book_places(month)
            if month % 12 == 11:
                if self.lot.by_case:
                    self.book_cases(month)
                self.book_management(month)

    def reserve_open(self, month):
        return self.terms.reserve_opens <= month < self.terms.reserve_closes

    def book_places(self, month):
        price = self.terms.reserve_price * self.list_step(month) / 12
        self.spend_once("reserved", month, self.reserve.count * price)
        if self.reserve_open(month):
            empty = self.terms.reserve_places - self.reserve.count
            self.spend_once("void", month, empty * price)
            self.count["void_place_years"] += empty / 12

    def allotment(self, year):
        months = sum(self.reserve_open(month) for month in range(12 * year, 12 * year + 12))
        return self.terms.reserve_places * months / 12

    def book_cases(self, month):
        unused = max(0, self.allotment(month // 12) - self.cases[month // 12])
        self.spend_once("void", month, unused * self.terms.reserve_price * self.list_step(month))
        self.count["void_place_years"] += unused

    def book_management(self, month):
        if self.list_open(month):
            for s in self.standings:
                if s.member:
                    tier = sum(s.fees[month // 12] >= bound for bound in self.bounds)
                    hours = self.terms.management[tier]
                    self.spend_once("management", month, hours * self.lot.officer_rate)

    def stay_on(self, child):
        """A child placed before: the same school and fee, unless it moves to the list's terms."""
        terms, number, price = self.terms, child.provider, child.level * self.world.margin
        if number is not None:
            s = self.standings[number]
            place = s.places.request()
            price = child.pairs(0).base[number] * self.world.margin
        price *= self.market_step(0)
        market, step = self.lot.provider_index, self.market_step(0)
        moves = False
        if terms.opens < min(child.stay, terms.closes, self.world.months):
            yield self.until(terms.opens, NOVATION)
            moves = number is not None and s.member and child.novation < terms.novation
        if moves:
            self.count["moved"] += 1
            month, step_then = terms.opens, self.list_step(terms.opens)
            fee = price / step * self.market_step(month) * terms.loading
            most = terms.ceiling * child.level * self.world.margin * step_then
            self.spend("existing", price / step, 0, month, market)
            self.spend(
                "existing", min(fee, most) / step_then, month, child.stay, terms.list_index)
        else:
            self.spend("existing", price / step, 0, child.stay, market)
        if number is not None:
            yield self.until(child.stay, ENDS)
            s.places.release(place)

    def out_of_reach(self, child):
        """A named or court-ordered provider: the same on every route."""
        pairs, month = child.pairs(0), child.month
        there = [p for p in self.world.providers if p.enters <= 0]
        provider = min(there, key=lambda p: pairs.chance[p.number], default=None)
        price = (pairs.base[provider.number] if provider else child.level) * self.world.margin
        self.count["call_offs"] += 1
        if self.lot.by_case:
            self.spend_once("named", month, price * self.market_step(month))
        else:
            self.spend("named", price, month, month + child.stay, self.lot.provider_index)
        self.spend_transport(child, month, provider is None or provider.local)

    def serve(self, child):
        """A call-off's life: asked for at once, then month by month; placed, or interim."""
        lot, paid = self.lot, self.lot.interim * child.level
        self.count["call_offs"] += 1
        self.count["steerable"] += 1
        able = sum(self.standings[p].able(child.month) for p in child.pairs(0).suited)
        self.count[f"able_{min(able, 3)}"] += 1
        for retry in range(lot.patience + 1):
            month = child.month + retry
            award, days = self.walk(child, month, child.pairs(retry))
            if award:
                place = self.take(child, month, award, days + DAYS_A_MONTH * retry)
                if place:
                    yield self.until(month + child.stay, ENDS)
                    place.resource.release(place)
                return
            if retry < lot.patience:
                self.count["waited"] += retry == 0
                if not lot.by_case:
                    self.spend("interim", paid, month, month + 1, lot.provider_index)
                yield self.until(month + 1, RETRIES)
        self.count["unplaced"] += 1
        if lot.by_case:
            self.spend_once("interim", month, paid * self.market_step(month))
        else:
            self.spend("interim", paid, month, child.month + child.stay, lot.provider_index)

    def walk(self, child, month, pairs):
        """The stages in order: (award or None, days)."""
        stages = [s for s in self.stages if self.usable(s, child, month)]
        hours = days = 0
        award = None
        for stage in stages:
            if child.urgent and stage.days > self.lot.urgent_days and stage is not stages[-1]:
                continue
            award, asked = self.ask(stage, child, month, pairs)
            hours += stage.hours + stage.each * asked
            days += stage.days
            if award:
                break
        self.spend_once("officers", month, hours * self.lot.officer_rate)
        return award, days

    def usable(self, stage, child, month):
        """Whether a stage may be tried, urgency apart."""
        when = "after" if month >= self.terms.opens else "before"
        if stage.when not in ("always", when) or child.shares[stage.pool] >= stage.share:
            return False
        if stage.pool == "list":
            return self.list_open(month) and any(s.member for s in self.standings)
        if stage.pool == "reserved" and self.reserve_open(month):
            used = self.cases[month // 12] if self.lot.by_case else self.reserve.count
            return used < (self.allotment(month // 12) if self.lot.by_case
                           else self.terms.reserve_places)
        return stage.pool != "reserved"

    def ask(self, stage, child, month, pairs):
        """One stage: (award or None, providers asked)."""
        if stage.pool == "reserved":
            return SimpleNamespace(pool="reserved", standing=None), 0
        if stage.pool == "direct":
            price = stage.cap * child.level * self.market_step(month)
            return SimpleNamespace(pool="direct", standing=None, price=price), 0
        offers = self.invited(stage, child, month, pairs)
        limit = stage.cap * child.level * self.world.margin * self.market_step(month)
        if stage.pool == "list":
            limit = min(limit, self.ceiling_price(child, month))
        won, price, asked = getattr(self, stage.rule)(offers, limit, month, child, pairs)
        if won is None:
            return None, asked
        return SimpleNamespace(pool=stage.pool, standing=won.standing, price=price), asked

    def ceiling_price(self, child, month):
        return self.terms.ceiling * child.level * self.world.margin * self.list_step(month)

    def invited(self, stage, child, month, pairs):
        """Those of the pool that suit the call-off, in the stage's order, with their prices."""
        order = pairs.by_chance if stage.order == "chance" else self.world.orders[stage.order]
        team = int(child.team * self.terms.teams)
        known = self.world.luck("known", team)
        pools = {
            "list": lambda s: s.member, "open": lambda s: True, "outside": lambda s: not s.member,
            "known": lambda s: known[s.provider.number] < self.terms.known}
        belongs, offers = pools[stage.pool], []
        for number in order:
            standing = self.standings[number]
            if number in pairs.suited and standing.active(month) and belongs(standing):
                offers.append(self.offer(stage, standing, child, month, pairs))
                if len(offers) == stage.invite:
                    break
        return offers

    def offer(self, stage, standing, child, month, pairs):
        """A provider's own cost, posted fee and asking price, and its score by quality."""
        base, lot = pairs.base[standing.provider.number], self.lot
        if stage.pool == "list":
            step, loading = self.list_step(month), self.terms.loading
            posted = base * self.world.margin * step
            cost, price = base * loading * step, min(
                posted * loading, self.ceiling_price(child, month))
        else:
            cost = base * self.market_step(month)
            posted = cost * self.world.margin
            price = posted if PRICING[lot.pricing] == "bids" else posted * (1 + lot.premium)
        weight = 1 - lot.quality_weight * standing.provider.quality
        return SimpleNamespace(
            standing=standing, cost=cost, price=price, weight=weight,
            own=base * self.world.margin * self.market_step(month))

    def takes(self, offer, month, child, pairs):
        """Whether a provider is able, and willing at its asking price."""
        standing, supply = offer.standing, self.world.terms
        if not standing.able(month):
            return False
        chance = supply.accept * (1 - supply.accept_complex * child.complex)
        chance *= 1 - supply.accept_occupancy * standing.places.count / standing.provider.places
        chance *= 1 - supply.accept_price * max(0, 1 - offer.price / offer.own)
        return pairs.accept[standing.provider.number] < chance

    def in_turn(self, offers, limit, *event):
        for asked, offer in enumerate(offers, 1):
            if offer.price <= limit and self.takes(offer, *event):
                return offer, offer.price, asked
        return None, 0.0, len(offers)

    def quotes(self, offers, limit, *event):
        takers = [o for o in offers if o.price <= limit and self.takes(o, *event)]
        won = min(takers, default=None,
                  key=lambda o: (o.price * o.weight, o.standing.provider.id))
        return won, won and won.price, len(offers)

    def competition(self, offers, limit, *event):
        pricing = PRICING[self.lot.pricing]
        if pricing == "posted":
            return self.quotes(offers, limit, *event)
        if pricing == "reduced":
            takers = [o for o in offers if o.price <= limit and self.takes(o, *event)]
            if not takers:
                return None, 0.0, len(offers)
            price, bidders = takers[0].price, min(len(takers), 6)
            if bidders > 1:
                price *= (1 + self.lot.two_bidders) * (1 + self.lot.more_bidders) ** (bidders - 2)
            return takers[0], min(price, limit), len(offers)
        takers = [o for o in offers if o.cost <= limit and self.takes(o, *event)]
        takers.sort(key=lambda o: (o.cost * o.weight, o.standing.provider.id))
        if not takers:
            return None, 0.0, len(offers)
        price = min(takers[0].price, limit)
        if len(takers) > 1:
            price = min(price, takers[1].cost * takers[1].weight / takers[0].weight)
        return takers[0], price, len(offers)

    def take(self, child, month, award, days):
        """An award's costs and counts; the place it takes, if any."""
        self.count["in_reserve" if award.pool == "reserved" else
                   "direct" if award.pool == "direct" else
                   "on_list" if award.pool == "list" else "off_list"] += 1
        if award.pool == "reserved":
            self.spend_transport(child, month, True)
            if not self.lot.by_case:
                return self.reserve.request()
            self.cases[month // 12] += 1
            self.spend_once(
                "reserved", month, self.terms.reserve_price * self.list_step(month))
            return None
        if award.pool == "direct":
            self.spend_fee(child, month, award.price, award.price, False)
            self.spend_transport(child, month, True)
            return None
        standing, provider = award.standing, award.standing.provider
        posted = (child.pairs(month - child.month).base[provider.number] * self.world.margin
                  * self.market_step(month))
        self.spend_fee(child, month, award.price, posted, award.pool == "list", standing)
        self.spend_transport(child, month, provider.local)
        if award.pool != "list":
            self.check(standing, child, month)
        standing.last_award = month
        for name in ("distance", "local", "small", "registered", "quality"):
            self.count[name] += getattr(provider, name)
        self.count["placed"] += 1
        self.count["days"] += days
        return standing.places.request()

    def check(self, standing, child, month):
        """Due diligence by a team that has not checked a provider for a year."""
        team = int(child.team * self.terms.teams)
        if month - standing.checked.get(team, -math.inf) >= 12:
            standing.checked[team] = month
            self.spend_once("diligence", month, self.lot.diligence * self.lot.officer_rate)


def simulate(demand, supply, routes, seed, draws):
    """Costs (D, R, Y, I) and counts (D, R, K) of the first draws, one after another."""
    results = []
    for d in range(draws):
        world = World(demand, supply, d, np.random.default_rng([seed, d]))
        terms = of_draw(routes, d, 2)
        paths = [Route(world, routes, terms, r) for r in range(len(routes.every))]
        world.env.process(world.arrivals(paths))
        world.env.run(until=world.months)
        results.append([route.result() for route in paths])
    costs, counts = zip(*(zip(*draw, strict=True) for draw in results), strict=True)
    return np.array(costs), np.array(counts)


def compare(lot, worlds, repeats, seed=11):
    """Worst z of any mean of a route, SimPy's worlds against as many kernel draws of each."""
    cost, counts = simulate(*full_market(lot, worlds, worlds), seed, worlds)
    cleared = clear(*full_market(lot, worlds, worlds * repeats), seed, worlds * repeats)
    theirs = with_differences(np.concatenate([cost.sum(axis=2), counts], axis=2))
    ours = with_differences(np.concatenate([cleared.cost.sum(axis=2), cleared.count], axis=2))
    ours = ours.reshape(repeats, worlds, *ours.shape[1:])
    # Luck within a world only: both have the same worlds.
    variance = ours.var(axis=0, ddof=1).mean(axis=0) * (1 + 1 / repeats) / worlds
    rounding = np.abs(ours).mean(axis=(0, 1)) * 1e-9 + 1e-6
    z = (theirs.mean(axis=0) - ours.mean(axis=(0, 1))) / np.sqrt(variance + rounding**2)
    varied, paths = variance > 0, len(z) // 2
    print(f"{lot}: {z.size} means and differences from the first route, {varied.sum()} vary; "
          f"root mean square z {np.sqrt((z[varied] ** 2).mean()):.2f}; the worst:")
    for at in np.argsort(-np.abs(z), axis=None)[:5]:
        r, i = np.unravel_index(at, z.shape)
        which = f"route {r}" if r < paths else f"route {r - paths} less 0"
        print(f"  {which:14} {(ITEMS + COUNTS)[i]:17} SimPy {theirs[:, r, i].mean():14.4f} "
              f"kernel {ours[:, :, r, i].mean():14.4f}  z {z[r, i]:5.2f}")
    return np.abs(z).max()


def with_differences(values):
    """Values (D, R, ...), and beside them what each route's differ by from the first's."""
    return np.concatenate([values, values - values[:, :1]], axis=1)


def seconds(function, *arguments):
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def ratios(draws=2_500, few=4):
    """Times a draw, one after the other, so that a busy machine slows both."""
    market = full_market("bids", draws=draws)
    clear(*full_market("bids", draws=2), 1, 2)
    for start in range(3):
        slow = seconds(simulate, *market, start, few) / few
        fast = seconds(clear, *market, start, draws) / draws
        print(f"a draw: SimPy {slow * 1e3:.0f} ms, kernel on both cores {fast * 1e3:.2f} ms")
        yield slow / fast


def main(worlds=60):
    worst = max(compare(lot, worlds, 4_000 // worlds) for lot in LOTS)
    print(f"ratio {np.median(list(ratios())):.0f}")
    if worst > 4.5:
        sys.exit(f"SimPy and the kernel disagree: {worst:.1f} standard errors")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
