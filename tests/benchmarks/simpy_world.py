"""A draw of a market in SimPy: its call-offs and their luck, its providers, a route's accounts."""

import math
from types import SimpleNamespace

import numpy as np
import simpy
from made_market import NODE_Z
from sufficiency.model.market.clearing import COUNTS, ITEMS
from sufficiency.model.market.demand import PRICING
from sufficiency.model.market.routes import ORDERS, POOLS

# What happens first within a month.
ENDS, EXITS, OPENINGS, NOVATION, RETRIES, ARRIVALS, BOOKS = (k / 8 for k in range(7))


def of_draw(table, d, dims=1):
    """Plain numbers and lists of one draw: of arrays of so many dimensions, draws first."""
    return SimpleNamespace(**{
        name: value[d].tolist() if np.ndim(value) >= dims else value
        for name, value in table._asdict().items()})


class World:
    """One draw: its lot, its providers and the luck that every route meets."""

    def __init__(self, demand, supply, d, rng):
        self.env, self.rng, self.months = simpy.Environment(), rng, demand.arriving.shape[1]
        self.lot, self.terms = of_draw(demand, d), of_draw(supply._replace(ids=0, orders=0), d)
        self.orders = dict(zip(ORDERS, supply.orders[:, d].tolist(), strict=False))
        own = ("factor", "places", "quality", "distance", "small", "local", "registered", "enters")
        self.providers = [
            SimpleNamespace(number=p, id=int(i), **{n: getattr(self.terms, n)[p] for n in own})
            for p, i in enumerate(supply.ids)]
        self.margin = 1 + self.lot.margin if PRICING[self.lot.pricing] == "bids" else 1.0
        self.shared = {}
        self.settled = self.children_placed_before()

    def luck(self, *event):
        """Uniforms of an event, one for each provider."""
        if event not in self.shared:
            self.shared[event] = self.rng.random(len(self.providers)).tolist()
        return self.shared[event]

    def children_placed_before(self):
        free = {p.number: p.places for p in self.providers if p.enters <= 0}
        children = []
        for _ in range(self.lot.existing):
            child = Child(self, 0)
            chance = child.pairs(0).chance
            room = [p for p in free if free[p] > 0]
            child.provider = min(
                room, key=lambda p: chance[p] / self.providers[p].places, default=None)
            if child.provider is not None:
                free[child.provider] -= 1
            children.append(child)
        return children

    def arrivals(self, routes):
        for month in range(self.months):
            yield self.env.timeout(month + ARRIVALS - self.env.now)
            for _ in range(self.lot.arriving[month]):
                child = Child(self, month)
                for route in routes:
                    if child.reach == "steerable":
                        self.env.process(route.serve(child))
                    else:
                        route.out_of_reach(child)


class Child:
    """A call-off: what it needs, and its luck with every provider."""

    def __init__(self, world, month):
        lot, (u, urgent, reach, stay, self.team, self.novation) = world.lot, world.rng.random(6)
        self.world, self.month, self.tries = world, month, {}
        self.complex, self.urgent = u < lot.complex, urgent < lot.urgent
        self.reach = ("named" if reach < lot.named else
                      "court" if reach < lot.named + lot.court else "steerable")
        self.stay = 1 if lot.by_case else max(1, math.ceil(-lot.stay * math.log(1 - stay)))
        self.level = lot.level * (1 + lot.complex_price * self.complex)
        self.shares = dict(zip(POOLS, world.rng.random(len(POOLS)).tolist(), strict=True))

    def pairs(self, retry):
        """Who suits, how willing, in what order by chance and at what price, on each try."""
        if retry not in self.tries:
            world, size = self.world, len(self.world.providers)
            chance = world.terms.suits * (world.terms.suits_complex if self.complex else 1)
            luck = world.rng.random((3, size))
            factor = np.interp(world.rng.standard_normal(size), NODE_Z, world.lot.curve)
            self.tries[retry] = SimpleNamespace(
                suited=set(np.flatnonzero(luck[0] < chance).tolist()), accept=luck[1].tolist(),
                chance=luck[2].tolist(), by_chance=np.argsort(luck[2]).tolist(),
                base=(self.level * np.array(world.terms.factor) * factor).tolist())
        return self.tries[retry]


class Standing:
    """A provider as one route knows it: its places, its membership, what it has been paid."""

    def __init__(self, env, provider, years):
        self.provider, self.places = provider, simpy.Resource(env, max(1, provider.places))
        self.member = self.gone = self.asked_before = False
        self.last_award, self.checked, self.fees = -math.inf, {}, [0.0] * years

    def active(self, month):
        return self.provider.enters <= month and not self.gone

    def able(self, month):
        """Whether it can take a child that it suits."""
        return self.active(month) and self.places.count < self.provider.places


class Accounts:
    """What a route has paid and counted, and the month's indices of prices."""

    def __init__(self, world, terms):
        self.world, self.env, self.lot, self.terms = world, world.env, world.lot, terms
        self.years = world.months // 12
        self.cost = {item: [0.0] * self.years for item in ITEMS}
        self.count = dict.fromkeys(COUNTS, 0)
        self.standings = [Standing(self.env, p, self.years) for p in world.providers]

    def market_step(self, month):
        return self.lot.provider_index[month + 1] - self.lot.provider_index[month]

    def list_step(self, month):
        return self.terms.list_index[month + 1] - self.terms.list_index[month]

    def spend_once(self, item, month, amount, standing=None):
        if month < self.world.months:
            self.cost[item][month // 12] += amount
            if standing:
                standing.fees[month // 12] += amount

    def spend(self, item, yearly, start, end, index, standing=None):
        """An annual amount in months start to end, following an index (None: flat)."""
        end = min(end, self.world.months)
        while start < end:
            year = start // 12
            stop = min(end, 12 * year + 12)
            months = stop - start if index is None else index[stop] - index[start]
            self.cost[item][year] += yearly * months / 12
            if standing:
                standing.fees[year] += yearly * months / 12
            start = stop

    def spend_fee(self, child, month, price, posted, on_list, standing=None):
        """A new placement: its posted fee, what terms change, what the uplift clause changes."""
        lot, end = self.lot, month + child.stay
        if lot.by_case:
            self.spend_once("posted", month, posted, standing)
            self.spend_once("terms", month, price - posted, standing)
            return
        market, step = lot.provider_index, self.market_step(month)
        self.spend("posted", posted / step, month, end, market, standing)
        self.spend("terms", (price - posted) / step, month, end, market, standing)
        if on_list:
            own, own_step = self.terms.list_index, self.list_step(month)
            self.spend("clause", price / own_step, month, end, own, standing)
            self.spend("clause", -price / step, month, end, market, standing)

    def spend_transport(self, child, month, local):
        yearly = self.lot.transport_local if local else self.lot.transport_away
        self.spend("transport", yearly, month, month + child.stay, None)

    def result(self):
        """Costs (Y, I) and counts (K,) at the horizon."""
        fees = sorted(sum(s.fees) for s in self.standings)
        whole = sum(fees)
        of = {"small": 0.0, "local": 0.0}
        for s in self.standings:
            for kind in of:
                of[kind] += getattr(s.provider, kind) * sum(s.fees)
        self.count |= {
            "spend": sum(sum(self.cost[item]) for item in ("posted", "terms", "clause")),
            "spend_local": of["local"], "spend_small": of["small"],
            "hhi": 10_000 * sum((f / whole) ** 2 for f in fees) if whole else 0.0,
            "top": fees[-1] / whole if whole else 0.0,
            "members": sum(s.member for s in self.standings)}
        return (np.array([self.cost[item] for item in ITEMS]).T,
                np.array([self.count[name] for name in COUNTS], float))
