"""Children by place and age, step by step: whole children with their luck, or expected numbers."""

import math
from collections import namedtuple
from dataclasses import replace

import numpy as np

from sufficiency.model.kernels import event_uniform, fill_normals, interpolate_table, run_blocks
from sufficiency.model.placements.rates import JOIN, LEAVE, MOVE, SHARE, quantile_rows
from sufficiency.model.quantiles import binomial_quantile, compiled, poisson_quantile
from sufficiency.model.streams import stable_id

HELD, EVENT = stable_id("placements.rates"), stable_id("placements.events")
FLOWS = ("joiners", "leavers", "moved_in", "moved_out", "overflowed")
JOINERS, LEAVERS, MOVED_IN, MOVED_OUT, OVERFLOWED = range(5)
# Draws whose rates are drawn together, so that a state's table is still in the processor's cache.
TOGETHER = 16

# order: places by the number of their name; item, kind (place, leave move join share..., step):
# what an event is called, never where it is
World = namedtuple("World", "seed expected rho order item kind period allowed stock scale rows "
                   "table target growth population extra leave_power move_power capacity overflow")
# arrive and excess (place, 2 * step): movers in by age, then joiners by age
Work = namedtuple("Work", "stock stay arrive excess flows luck")


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
    overflow = np.full((places, 1), -1) if overflow is None else overflow
    overflow = np.array(overflow, np.int64, order="C")
    if len(overflow) != places or not ((overflow >= -1) & (overflow < places)).all():
        raise ValueError(f"overflow: {overflow.tolist()}; allowed (place, k) of -1 or a place")
    rates, order, item, kind = _in_order_of_name(rates)
    world = World(
        int(seed), engine == "expected", float(rates.correlation), order, item, kind,
        periods & 0xFFFFFFFF, rates.allowed, rates.stock, *quantile_rows(rates), rates.target,
        _paths("growth", growth, shape),
        _paths("population_index", population_index, (len(periods), steps)),
        _paths("extra_joiners", extra_joiners, shape[:2], -np.inf),
        _paths("leave_multiplier", leave_multiplier, shape),
        _paths("move_multiplier", move_multiplier, shape),
        _paths("capacity", np.nan_to_num(np.asarray(capacity, float), nan=np.inf, posinf=np.inf),
               shape), overflow)
    number = np.float64 if world.expected else np.int32
    stock = np.empty((draws, len(periods) + 1, places, steps), number)
    flows = np.empty((len(FLOWS), *shape), number)

    def block(first, last):
        made = np.empty((last - first, *stock.shape[1:]))
        flown = np.empty((len(FLOWS), last - first, *shape[1:]))
        _block(world, first, made, flown)
        stock[first:last], flows[:, first:last] = made, flown

    run_blocks(block, draws, threads, 2 * TOGETHER)
    return {"stock": stock, **dict(zip(FLOWS, flows, strict=True))}


def _in_order_of_name(rates):
    """Rates with destinations in order of their number; that order; numbers of events."""
    place = np.array([stable_id(name) for name in rates.places])
    pair = np.array([[stable_id(f"{a}>{b}") for b in rates.places] for a in rates.places])
    if len(np.unique(np.append(pair, place))) < pair.size + place.size:
        raise ValueError(f"places: two numbers alike among {rates.places}; allowed other names")
    key = np.where(rates.target < 0, 1 << 32, place[rates.target])
    order = np.argsort(key, axis=-1, kind="stable")
    target = np.take_along_axis(rates.target, order, -1)
    rates = replace(rates, target=target,
                    share_mean=np.take_along_axis(rates.share_mean, order, -1))
    own = np.broadcast_to(place[:, None, None], (*target.shape[:2], SHARE))
    item = np.dstack([own, np.take_along_axis(pair[:, None], target, -1)])
    age = (rates.first_age * rates.steps_per_year + np.arange(target.shape[1])) * (SHARE + 1)
    kind = age[:, None] + np.minimum(np.arange(item.shape[2]), SHARE)
    return (rates, np.argsort(place), *(np.array(np.broadcast_to(
        name & 0xFFFFFFFF, item.shape).transpose(0, 2, 1), order="C") for name in (item, kind)))


def _paths(name, value, shape, low=0.0):
    value = np.asarray(value, float)
    value = value[..., None] if value.ndim == 2 and len(shape) == 3 else value
    if not (value >= low).all() or (name != "capacity" and np.isinf(value).any()):
        raise ValueError(f"{name}: found {value.min()}; allowed finite, {low} or more")
    # In full, so that kernels are compiled for one form of array only.
    return np.array(np.broadcast_to(value, shape), order="C")


@compiled
def _block(world, first, stock, flows):
    (places, steps), cells = world.stock.shape, (world.stock.shape[0], 2 * world.stock.shape[1])
    rate = np.empty((TOGETHER, *world.scale.shape))
    work = Work(np.empty((places, steps)), np.empty((places, steps)), np.empty(cells),
                np.empty(cells), np.empty((len(FLOWS), places)), np.empty(world.item.shape))
    for d in range(len(stock)):
        draw, held = first + d, d % TOGETHER
        if held == 0:
            _hold(world, draw, rate[:len(stock) - d])
        work.stock[:] = world.stock
        stock[d, 0] = work.stock
        for t in range(world.period.size):
            _draw_luck(world, work, draw, t)
            _leave_and_move(world, work, rate[held], draw, t)
            _join(world, work, rate[held], draw, t)
            _fit(world, work, draw, t)
            _close(work, stock[d, t + 1], flows[:, d, t])


@compiled
def _hold(world, first, rate):
    """Rates (draw, place, step, leave move join share...) drawn once for a few draws, and held.

    Luck z = sqrt(rho) of the place + sqrt(1-rho) of the state, both by name.
    """
    seed, item, kind, rows, root = world.seed, world.item, world.kind, world.rows, world.rho**0.5
    (draws, places, steps, columns), root_own = rate.shape, (1.0 - world.rho) ** 0.5
    own, common = np.empty(draws), np.zeros(draws)
    rate[:] = world.scale
    for i in range(places):
        for c in range(columns):
            known = -1
            for s in range(steps):
                if rows[i, s, c] < 0:
                    continue
                if root > 0.0 and item[i, c, s] != known:
                    known = item[i, c, s]
                    fill_normals(common, seed, HELD, first, 1, known, min(c, SHARE))
                fill_normals(own, seed, HELD, first, 0, item[i, c, s], kind[i, c, s])
                for d in range(draws):
                    x = interpolate_table(world.table[rows[i, s, c]],
                                          root * common[d] + root_own * own[d])
                    rate[d, i, s, c] *= _value(x, c)
        for s in range(steps):
            for d in range(draws):
                _share_out(rate[d, i, s, SHARE:])


@compiled
def _value(x, column):
    """Hazards -log(1-p) of a Beta in logits, joiners of a log Gamma; shares stay in logs."""
    if column < JOIN:
        return math.log1p(math.exp(x))
    return math.exp(x) if column == JOIN else x


@compiled
def _share_out(share):
    """Logs into shares that sum to 1, from the greatest down, so that none is lost."""
    top, total = max(share.max(), -1e300), 0.0
    for k in range(share.size):
        share[k] = math.exp(share[k] - top)
        total += share[k]
    for k in range(share.size if total > 0.0 else 0):
        share[k] /= total


@compiled
def _draw_luck(world, work, draw, t):
    """Uniforms of all events of a step, in one loop that runs several at a time."""
    luck, item, kind = work.luck.ravel(), world.item.ravel(), world.kind.ravel()
    seed, period = world.seed, world.period[t]
    for n in range(0 if world.expected else luck.size):
        luck[n] = event_uniform(seed, EVENT, draw, period, item[n], kind[n])


@compiled
def _some(expected, u, children, chance):
    """Of so many children, how many: Binomial by its luck, or the mean."""
    if children <= 0.0 or chance <= 0.0:
        return 0.0
    if chance >= 1.0 or expected:
        return children * min(chance, 1.0)
    return float(binomial_quantile(u, int(children), chance))


@compiled
def _chance(hazard, multiplier):
    """1 - exp(-hazard * multiplier); certain stays certain."""
    return 1.0 if hazard == np.inf else 1.0 - math.exp(-hazard * multiplier)


@compiled
def _leave_and_move(world, work, rate, draw, t):
    stock, stay, arrive, _, flows, luck = work
    expected, target, to_power = world.expected, world.target, world.move_power[draw, t]
    last, weight = stock.shape[1] - 1, np.empty(target.shape[2])
    stay[:], arrive[:], flows[:] = 0.0, 0.0, 0.0
    for i in world.order:
        power = world.leave_power[draw, t, i]
        flows[LEAVERS, i] = stock[i, last]
        for s in range(last):
            if stock[i, s] == 0.0:
                continue
            leavers = _some(expected, luck[i, LEAVE, s], stock[i, s],
                            _chance(rate[i, s, LEAVE], power))
            flows[LEAVERS, i] += leavers
            stay[i, s + 1] = stock[i, s] - leavers
            if rate[i, s, MOVE] == 0.0 or stay[i, s + 1] == 0.0:
                continue
            total = 0.0
            for k in range(weight.size):
                weight[k] = rate[i, s, SHARE + k] * to_power[target[i, s, k]]
                total += weight[k]
            if total == 0.0 and rate[i, s, MOVE] == np.inf:
                raise ValueError("move_multiplier: 0 for all places where children must move to")
            movers = _some(expected, luck[i, MOVE, s], stay[i, s + 1],
                           _chance(rate[i, s, MOVE], total))
            stay[i, s + 1] -= movers
            flows[MOVED_OUT, i] += movers
            for k in range(weight.size):
                if movers <= 0.0:
                    break
                if weight[k] > 0.0:
                    # The last one takes the rest, a rounding error short of certain or not.
                    chance = weight[k] / total if total - weight[k] > 1e-12 else 1.0
                    here = _some(expected, luck[i, SHARE + k, s], movers, chance)
                    arrive[target[i, s, k], s + 1] += here
                    movers, total = movers - here, total - weight[k]


@compiled
def _join(world, work, rate, draw, t):
    mean, arrive, steps, total = work.excess, work.arrive, work.stock.shape[1], 0.0
    extra, expected = world.extra[draw, t], world.expected
    for i in world.order:
        growth = world.growth[draw, t, i]
        for s in range(steps):
            mean[i, s] = rate[i, s, JOIN] * growth * world.population[t, s]
            total += mean[i, s]
    if total + extra < 0.0 or (total == 0.0 and extra != 0.0):
        raise ValueError("extra_joiners: fewer than no joiners, or none to spread them like")
    scale = 1.0 + extra / total if extra != 0.0 else 1.0
    for i in range(len(mean)):
        for s in range(steps):
            joiners = mean[i, s] * scale
            arrive[i, steps + s] = joiners if expected or joiners == 0.0 else (
                poisson_quantile(work.luck[i, JOIN, s], joiners))


@compiled
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


@compiled
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


@compiled
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


@compiled
def _close(work, stock_out, flows_out):
    stock, stay, arrive, _, flows, _ = work
    places, steps = stay.shape
    for i in range(places):
        for s in range(steps):
            flows[MOVED_IN, i] += arrive[i, s]
            flows[JOINERS, i] += arrive[i, steps + s]
            stock[i, s] = stay[i, s] + arrive[i, s] + arrive[i, steps + s]
    stock_out[:], flows_out[:] = stock, flows
