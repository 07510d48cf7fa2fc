"""Children by place and age, step by step: whole children with their luck, or expected numbers."""

import math
from collections import namedtuple
from dataclasses import replace

import numpy as np
from numba import njit

from sufficiency.model.kernels import (
    binomial_quantile,
    event_uniform,
    interpolate_table,
    normal_quantile,
    poisson_quantile,
    run_blocks,
)
from sufficiency.model.placements.rates import JOIN, LEAVE, MOVE, SHARE, quantile_rows
from sufficiency.model.streams import stable_id

HELD, EVENT = stable_id("placements.rates"), stable_id("placements.events")
FLOWS = ("joiners", "leavers", "moved_in", "moved_out", "overflowed")
JOINERS, LEAVERS, MOVED_IN, MOVED_OUT, OVERFLOWED = range(5)
# Draws whose rates are drawn together, so that a state's table is still in the processor's cache.
TOGETHER = 16

# order: places by the number of their name; item, age: what an event is called, never where it is
World = namedtuple("World", "seed expected rho order place_item item age period allowed stock mean "
                   "rows table target growth population extra leave_power move_power capacity "
                   "overflow")
# arrive and excess (place, 2 * step): movers in by age, then joiners by age
Work = namedtuple("Work", "stock stay arrive excess flows")


def project(rates, *, periods, seed, draws, growth=1.0, population_index=1.0, extra_joiners=0.0,
            leave_multiplier=1.0, move_multiplier=1.0, capacity=np.inf, overflow=None,
            engine="counts", threads=2):
    """Stock (draw, period+1, place, step) and flows (draw, period, place) of children.

    n -> leave Binomial(n, 1-(1-p)^multiplier); of the rest, move Binomial; where to by conditional
    binomials; all one step older (past the last they leave); joiners Poisson. "expected": means.
    periods: how many, or their labels (years: luck goes with the label). Anything that broadcasts:
    growth and leave_multiplier (draw, period[, place]); move_multiplier (draw, period, place moved
    to), on the hazard; population_index (period, step); extra_joiners (draw, period), spread as
    the joiners; capacity (draw, period, place), nan or inf for none.
    overflow (place, k): where to try next, -1 for none. Those who stay come first, then a place's
    own arrivals, then those turned away elsewhere (counted in overflowed). The last place in the
    order that takes the age has no limit; without one they stay where they were turned away.
    opening + joiners + moved_in - moved_out - leavers = closing, to the child.
    """
    if engine not in ("counts", "expected"):
        raise ValueError(f"engine: found {engine!r}; allowed counts, expected")
    if engine == "counts" and (rates.stock % 1 != 0).any():
        raise ValueError("stock: found parts of a child; allowed whole numbers in engine counts")
    periods = np.arange(periods) if np.ndim(periods) == 0 else np.asarray(periods, np.int64)
    places, steps = rates.stock.shape
    shape = (draws, len(periods), places)
    overflow = np.full((places, 1), -1) if overflow is None else np.array(overflow, np.int64)
    if len(overflow) != places or not ((overflow >= -1) & (overflow < places)).all():
        raise ValueError(f"overflow: {overflow.tolist()}; allowed (place, k) of -1 or a place")
    rates, names = _in_order_of_name(rates)
    capacity = np.nan_to_num(np.asarray(capacity, float), nan=np.inf, posinf=np.inf)
    world = World(
        seed, engine == "expected", rates.correlation, *names, periods & 0xFFFFFFFF, rates.allowed,
        rates.stock, *quantile_rows(rates), rates.target,
        _paths("growth", growth, shape),
        _paths("population_index", population_index, (len(periods), steps)),
        _paths("extra_joiners", extra_joiners, shape[:2], -np.inf),
        _paths("leave_multiplier", leave_multiplier, shape),
        _paths("move_multiplier", move_multiplier, shape),
        np.broadcast_to(capacity, shape), overflow)
    number = np.float64 if world.expected else np.int32
    stock = np.empty((draws, len(periods) + 1, places, steps), number)
    flows = np.empty((len(FLOWS), *shape), number)
    run_blocks(lambda first, last: _block(world, first, last, stock, flows), draws, threads)
    return {"stock": stock, **dict(zip(FLOWS, flows, strict=True))}


def _in_order_of_name(rates):
    """Rates with destinations in order of their number, and the numbers that World needs."""
    place = np.array([stable_id(name) for name in rates.places])
    pair = np.array([[stable_id(f"{a}>{b}") for b in rates.places] for a in rates.places])
    if len(np.unique(np.append(pair, place))) < pair.size + place.size:
        raise ValueError(f"places: two numbers alike among {rates.places}; allowed other names")
    key = np.where(rates.target < 0, 1 << 32, place[rates.target])
    order = np.argsort(key, axis=-1, kind="stable")
    age = rates.first_age * rates.steps_per_year + np.arange(rates.stock.shape[1])
    rates = replace(rates, target=np.take_along_axis(rates.target, order, -1),
                    share_mean=np.take_along_axis(rates.share_mean, order, -1))
    return rates, (np.argsort(place), place, pair, (age * (SHARE + 1)) & 0xFFFFFFFF)


def _paths(name, value, shape, low=0.0):
    value = np.asarray(value, float)
    value = value[..., None] if value.ndim == 2 and len(shape) == 3 else value
    if not (np.isfinite(value) & (value >= low)).all():
        raise ValueError(f"{name}: found {value.min()}; allowed finite, {low} or more")
    return np.broadcast_to(value, shape)


@njit(cache=True, nogil=True)
def _block(world, first, last, stock, flows):
    places, steps = world.stock.shape
    rate = np.empty((TOGETHER, *world.mean.shape))
    work = Work(np.empty((places, steps)), np.empty((places, steps)),
                np.empty((places, 2 * steps)), np.empty((places, 2 * steps)),
                np.empty((len(FLOWS), places)))
    for draw in range(first, last):
        held = (draw - first) % TOGETHER
        if held == 0:
            _hold(world, draw, min(draw + TOGETHER, last), rate)
        work.stock[:] = world.stock
        stock[draw, 0] = world.stock
        for t in range(world.period.size):
            _leave_and_move(world, work, rate[held], draw, t)
            _join(world, work, rate[held], draw, t)
            _fit(world, work, draw, t)
            _close(work, draw, t, stock, flows)


@njit(cache=True, nogil=True)
def _hold(world, first, last, rate):
    """Rates (draw, place, step, leave move join share...) drawn once for a few draws, and held.

    Luck z = sqrt(rho) of the place + sqrt(1-rho) of the state, both by name.
    """
    seed, rows, target, age, table = world.seed, world.rows, world.target, world.age, world.table
    item, place_item, (places, steps, columns) = world.item, world.place_item, rows.shape
    common = np.zeros((last - first, places + SHARE))
    root, root_own = math.sqrt(world.rho), math.sqrt(1.0 - world.rho)
    rate[:] = world.mean
    for i in range(places):
        known = np.full(common.shape[1], root == 0.0)
        for s in range(steps):
            unsure = False
            for c in range(columns):
                row, kind = rows[i, s, c], min(c, SHARE)
                if row < 0:
                    continue
                unsure, to = c >= SHARE, target[i, s, c - SHARE] if c >= SHARE else 0
                name = item[i, to] if c >= SHARE else place_item[i]
                for d in range(0 if known[kind + to] else last - first):
                    u = event_uniform(seed, HELD, first + d, 1, name, kind)
                    common[d, kind + to] = normal_quantile(u)
                known[kind + to] = True
                for d in range(last - first):
                    u = event_uniform(seed, HELD, first + d, 0, name, age[s] + kind)
                    z = root * common[d, kind + to] + root_own * normal_quantile(u)
                    rate[d, i, s, c] *= _value(interpolate_table(table[row], z), c)
            for d in range(last - first if unsure else 0):
                _share_out(rate[d, i, s, SHARE:], rows[i, s, SHARE:])


@njit(cache=True, nogil=True)
def _value(x, column):
    """Leave and move are tabulated in logits, joiners in logs; shares stay in logs."""
    if column < JOIN:
        return 1.0 / (1.0 + math.exp(-x))
    return math.exp(x) if column == JOIN else x


@njit(cache=True, nogil=True)
def _share_out(share, rows):
    """Log gammas into shares that sum to 1, from the greatest down, so that none is lost."""
    top = -np.inf
    for k in range(share.size):
        top = max(top, share[k]) if rows[k] >= 0 else top
    for k in range(share.size):
        share[k] = math.exp(share[k] - top) if rows[k] >= 0 else 0.0
    share /= share.sum()


@njit(cache=True, nogil=True)
def _some(expected, seed, draw, period, item, kind, children, chance):
    """Of so many children, how many: Binomial by the luck of the event's name, or the mean."""
    if children <= 0.0 or chance <= 0.0:
        return 0.0
    if chance >= 1.0 or expected:
        return children * min(chance, 1.0)
    u = event_uniform(seed, EVENT, draw, period, item, kind)
    return float(binomial_quantile(u, int(children), chance))


@njit(cache=True, nogil=True)
def _hazard(chance, multiplier):
    """1 - (1 - p)^multiplier; certain stays certain."""
    if chance >= 1.0 or abs(multiplier - 1.0) < 1e-12:
        return chance
    return 1.0 - (1.0 - chance) ** multiplier


@njit(cache=True, nogil=True)
def _leave_and_move(world, work, rate, draw, t):
    stock, stay, arrive, _, flows = work
    expected, seed, period, age = world.expected, world.seed, world.period[t], world.age
    target, place_item, pair = world.target, world.place_item, world.item
    leave_power, move_power, weight = world.leave_power, world.move_power, rate[0, 0, SHARE:].copy()
    stay[:], arrive[:], flows[:] = 0.0, 0.0, 0.0
    for i in world.order:
        item, power, last = place_item[i], leave_power[draw, t, i], stock.shape[1] - 1
        flows[LEAVERS, i] = stock[i, last]
        for s in range(last):
            if stock[i, s] == 0.0:
                continue
            leavers = _some(expected, seed, draw, period, item, age[s] + LEAVE, stock[i, s],
                            _hazard(rate[i, s, LEAVE], power))
            flows[LEAVERS, i] += leavers
            stay[i, s + 1] = stock[i, s] - leavers
            if rate[i, s, MOVE] == 0.0 or stay[i, s + 1] == 0.0:
                continue
            total = 0.0
            for k in range(weight.size):
                weight[k] = rate[i, s, SHARE + k]
                if weight[k] > 0.0:
                    weight[k] *= move_power[draw, t, target[i, s, k]]
                total += weight[k]
            if total == 0.0 and rate[i, s, MOVE] >= 1.0:
                raise ValueError("move_multiplier: 0 for all places where children must move to")
            movers = _some(expected, seed, draw, period, item, age[s] + MOVE, stay[i, s + 1],
                           _hazard(rate[i, s, MOVE], total))
            stay[i, s + 1] -= movers
            flows[MOVED_OUT, i] += movers
            for k in range(weight.size):
                if movers > 0.0 and weight[k] > 0.0:
                    # The last one takes the rest, a rounding error short of certain or not.
                    chance = weight[k] / total if total - weight[k] > 1e-12 else 1.0
                    here = _some(expected, seed, draw, period, pair[i, target[i, s, k]],
                                 age[s] + SHARE, movers, chance)
                    arrive[target[i, s, k], s + 1] += here
                    movers, total = movers - here, total - weight[k]


@njit(cache=True, nogil=True)
def _join(world, work, rate, draw, t):
    mean, arrive, population, growth = work.excess, work.arrive, world.population, world.growth
    seed, period, age, place_item = world.seed, world.period[t], world.age, world.place_item
    (places, steps), total, extra = work.stock.shape, 0.0, world.extra[draw, t]
    for i in world.order:
        for s in range(steps):
            mean[i, s] = rate[i, s, JOIN] * growth[draw, t, i] * population[t, s]
            total += mean[i, s]
    if total + extra < 0.0 or (total == 0.0 and extra != 0.0):
        raise ValueError("extra_joiners: fewer than no joiners, or none to spread them like")
    scale = 1.0 + extra / total if extra != 0.0 else 1.0
    expected = world.expected
    for i in range(places):
        for s in range(steps):
            arrive[i, steps + s] = mean[i, s] * scale
            if mean[i, s] > 0.0 and not expected:
                u = event_uniform(seed, EVENT, draw, period, place_item[i], age[s] + JOIN)
                arrive[i, steps + s] = poisson_quantile(u, mean[i, s] * scale)


@njit(cache=True, nogil=True)
def _apportion(amount, want, part, expected):
    """Amount over want in proportion; whole children by largest remainder, ties in order of age."""
    total, left = want.sum(), amount
    for c in range(want.size):
        part[c] = want[c] * (amount / total)
        if not expected:
            part[c] = math.floor(want[c] * amount / total)
            left -= part[c]
    while left > 0.0 and not expected:
        best = np.argmax(want * amount - part * total)
        part[best] += 1.0
        left -= 1.0


@njit(cache=True, nogil=True)
def _fit(world, work, draw, t):
    """Turn away arrivals above the room left by those who stay, and place them elsewhere."""
    limit, turned = world.capacity[draw, t], work.flows[OVERFLOWED]
    room = np.full(limit.size, np.inf)
    for i in range(limit.size):
        if limit[i] < np.inf:
            arriving = work.arrive[i].sum()
            room[i] = max(0.0, limit[i] - work.stay[i].sum())
            room[i] = room[i] if world.expected else math.floor(room[i])
            turned[i] = max(0.0, arriving - room[i])
            if turned[i] > 0.0:
                _apportion(turned[i], work.arrive[i], work.excess[i], world.expected)
                work.arrive[i] -= work.excess[i]
            room[i] = max(0.0, room[i] - arriving)
    for i in world.order:
        if turned[i] > 0.0:
            _place_elsewhere(world, work, i, room)


@njit(cache=True, nogil=True)
def _place_elsewhere(world, work, i, room):
    excess, steps = work.excess[i], work.stock.shape[1]
    want, part, last = np.empty(excess.size), np.empty(excess.size), np.full(excess.size, i)
    for q in world.overflow[i]:
        if q < 0 or q == i:
            continue
        for c in range(excess.size):
            want[c] = excess[c] if world.allowed[q, c % steps] else 0.0
            last[c] = q if world.allowed[q, c % steps] else last[c]
        amount = min(want.sum(), room[q])
        if amount > 0.0:
            _apportion(amount, want, part, world.expected)
            work.arrive[q] += part
            excess -= part
            room[q] -= amount
    for c in range(excess.size):
        work.arrive[last[c], c] += excess[c]


@njit(cache=True, nogil=True)
def _close(work, draw, t, stock_out, flows_out):
    stock, stay, arrive, _, flows = work
    places, steps = stay.shape
    for i in range(places):
        for s in range(steps):
            flows[MOVED_IN, i] += arrive[i, s]
            flows[JOINERS, i] += arrive[i, steps + s]
            stock[i, s] = stay[i, s] + arrive[i, s] + arrive[i, steps + s]
            stock_out[draw, t + 1, i, s] = stock[i, s]
        for kind in range(len(FLOWS)):
            flows_out[kind, draw, t, i] = flows[kind, i]
