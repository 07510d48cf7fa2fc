"""Children by place and age, step by step: whole children with their luck, or expected numbers."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numba import njit

from sufficiency.model.kernels import (
    beta_from_table,
    binomial_quantile,
    event_uniform,
    gamma_from_table,
    interpolate_table,
    normal_quantile,
    poisson_quantile,
    run_blocks,
)
from sufficiency.model.placements.rates import Tables, quantile_tables
from sufficiency.model.streams import stable_id

HELD, EVENT = stable_id("placements.rates"), stable_id("placements.events")
LEAVE, MOVE, JOIN, SHARE, KINDS = 0, 1, 2, 3, 4
JOINERS, LEAVERS, MOVED_IN, MOVED_OUT, OVERFLOWED = range(5)
FLOWS = ("joiners", "leavers", "moved_in", "moved_out", "overflowed")
NO_WAY_ON, BELOW_ZERO = 1, 2
MASK = 0xFFFFFFFF


class World(NamedTuple):
    """What the kernel reads; order: places by the number of their name, so position is no luck."""

    seed: int
    expected: bool
    root_common: float
    order: np.ndarray
    place_id: np.ndarray
    ids: np.ndarray
    age: np.ndarray
    period: np.ndarray
    allowed: np.ndarray
    stock: np.ndarray
    leave: np.ndarray
    move: np.ndarray
    target: np.ndarray
    share: np.ndarray
    share_size: np.ndarray
    join: np.ndarray
    join_size: np.ndarray
    tables: Tables
    growth: np.ndarray
    population: np.ndarray
    extra: np.ndarray
    leave_multiplier: np.ndarray
    move_multiplier: np.ndarray
    capacity: np.ndarray
    overflow: np.ndarray


class Work(NamedTuple):
    """One draw in hand: rates held through it (below 0: not yet drawn) and this step's children.

    arrive and excess (place, 2 * step): movers in by age, then joiners by age.
    """

    leave: np.ndarray
    move: np.ndarray
    share: np.ndarray
    common: np.ndarray
    join: np.ndarray
    stock: np.ndarray
    stay: np.ndarray
    arrive: np.ndarray
    excess: np.ndarray
    flows: np.ndarray


def project(rates, *, periods, seed, draws, growth=1.0, population_index=1.0, extra_joiners=0.0,
            leave_multiplier=1.0, move_multiplier=1.0, capacity=np.inf, overflow=None,
            engine="counts", threads=2):
    """Stock and flows of children by draw, period and place.

    n -> leave Binomial(n, 1-(1-p)^multiplier), the rest move Binomial, where to by conditional
    binomials, all one step older (past the last step they leave); joiners Poisson.
    periods: how many, or their labels (calendar years: luck goes with the label).
    growth and leave_multiplier (draw, period[, place]); move_multiplier (draw, period, place moved
    to), on the hazard; population_index (period, step); extra_joiners (draw, period), spread as
    the joiners; capacity (draw, period, place), nan or inf for none. Anything that broadcasts.
    overflow (place, k): where to try next, -1 where unused. Those who stay come first, then the
    place's own arrivals, then those turned away elsewhere; the last place that takes the age has
    no limit. Nowhere to go: they stay, over capacity. overflowed counts all turned away.
    -> stock (draw, period+1, place, step), int32 or float ("expected"); flows (draw, period,
    place): opening + joiners + moved_in - moved_out - leavers = closing, to the child.
    """
    if engine not in ("counts", "expected"):
        raise ValueError(f"engine: found {engine!r}; allowed counts, expected")
    if engine == "counts" and (rates.stock % 1 != 0).any():
        raise ValueError("stock: found parts of a child; allowed whole numbers in engine counts")
    rates, ids = _in_order_of_name(rates)
    labels = np.arange(periods) if np.ndim(periods) == 0 else np.asarray(periods, np.int64)
    places, steps = rates.stock.shape
    shape = (draws, len(labels), places)
    overflow = np.full((places, 1), -1) if overflow is None else np.asarray(overflow)
    if overflow.shape[0] != places or not ((overflow >= -1) & (overflow < places)).all():
        raise ValueError(f"overflow: shape {overflow.shape}; allowed (place, k) of -1 or a place")
    world = World(
        seed, engine == "expected", rates.correlation**0.5, *ids,
        labels & MASK, rates.allowed, rates.stock, rates.leave_mean, rates.move_mean,
        rates.target, rates.share_mean, rates.share_size, rates.join_mean, rates.join_size,
        quantile_tables(rates), _paths("growth", growth, shape),
        _paths("population_index", population_index, (len(labels), steps)),
        _paths("extra_joiners", extra_joiners, shape[:2], -np.inf),
        _paths("leave_multiplier", leave_multiplier, shape),
        _paths("move_multiplier", move_multiplier, shape),
        np.broadcast_to(np.nan_to_num(np.asarray(capacity, float), nan=np.inf, posinf=np.inf),
                        shape), overflow.astype(np.int64))
    number = np.float64 if world.expected else np.int32
    stock = np.empty((draws, len(labels) + 1, places, steps), number)
    flows, faults = np.empty((len(FLOWS), *shape), number), np.zeros(draws, np.int8)
    run_blocks(lambda start, stop: _block(world, start, stop, stock, flows, faults), draws, threads)
    _refuse_faults(faults)
    return {"stock": stock, **dict(zip(FLOWS, flows, strict=True))}


def _in_order_of_name(rates):
    """Rates with each state's destinations in order of their ids; the ids of World."""
    names = rates.places
    pairs = np.array([[_id(f"{a}>{b}") for b in names] for a in names])
    place = np.array([_id(name) for name in names])
    if len(np.unique(np.append(pairs, place))) < pairs.size + place.size:
        raise ValueError(f"places: two ids alike among {names}; allowed other names")
    key = np.where(rates.target < 0, MASK + 1, place[rates.target])
    by_name = np.argsort(key, axis=-1, kind="stable")
    ages = rates.first_age * rates.steps_per_year + np.arange(rates.stock.shape[1])
    rates = replace(rates, target=np.take_along_axis(rates.target, by_name, -1),
                    share_mean=np.take_along_axis(rates.share_mean, by_name, -1))
    ids = np.column_stack([pairs, *[place] * SHARE])
    return rates, (np.argsort(place), place, ids, (ages * KINDS) & MASK)


def _id(name):
    return stable_id(name) & MASK


def _paths(name, value, shape, low=0.0):
    value = np.asarray(value, float)
    if value.ndim == 2 and len(shape) == 3:
        value = value[..., None]
    if not (np.isfinite(value) & (value >= low)).all():
        raise ValueError(f"{name}: found {np.nanmin(value)} or missing; allowed {low} or more")
    return np.broadcast_to(value, shape)


def _refuse_faults(faults):
    texts = {NO_WAY_ON: "move_multiplier: 0 for every destination of children who must move",
             BELOW_ZERO: "extra_joiners: fewer than no joiners in all"}
    for fault, text in texts.items():
        if (faults == fault).any():
            raise ValueError(f"{text}, in draw {int(np.argmax(faults == fault))}")


@njit(cache=True, nogil=True)
def _block(world, start, stop, stock, flows, faults):
    places, steps = world.stock.shape
    width = world.target.shape[2]
    work = Work(np.empty((places, steps)), np.empty((places, steps)),
                np.empty((places, steps, width)), np.empty(places + SHARE),
                np.empty((places, steps)), np.empty((places, steps)), np.empty((places, steps)),
                np.empty((places, 2 * steps)), np.empty((places, 2 * steps)),
                np.empty((len(FLOWS), places)))
    for draw in range(start, stop):
        work.stock[:] = world.stock
        stock[draw, 0] = world.stock
        _hold(world, work, draw)
        for t in range(world.period.size):
            fault = _leave_and_move(world, work, draw, t) + _join(world, work, draw, t)
            if fault:
                faults[draw] = fault
                break
            _fit(world, work, draw, t)
            _close(work, draw, t, stock, flows)


@njit(cache=True, nogil=True)
def _luck(world, draw, i, common):
    """Normal luck (pair or kind,) that the states of place i share, by name."""
    seed, ids = world.seed, world.ids
    places = ids.shape[0]
    for column in range(ids.shape[1]):
        kind = SHARE if column < places else column - places
        u = event_uniform(seed, HELD, draw, 1, ids[i, column], kind)
        common[column] = normal_quantile(u)


@njit(cache=True, nogil=True)
def _z(seed, draw, item, kind, common, root_common):
    """Normal luck of a rate: sqrt(rho) of its place + sqrt(1 - rho) of its own."""
    own = normal_quantile(event_uniform(seed, HELD, draw, 0, item, kind))
    return root_common * common + math.sqrt(1.0 - root_common * root_common) * own


@njit(cache=True, nogil=True)
def _hold(world, work, draw):
    """Draw the rates of every state once for the draw: leave, move and join."""
    seed, root, age, place_id = world.seed, world.root_common, world.age, world.place_id
    leave, leave_row, leave_table = work.leave, world.tables.leave_row, world.tables.leave
    move, move_row, move_table = work.move, world.tables.move_row, world.tables.move
    join, join_row, join_table = work.join, world.tables.join_row, world.tables.join
    join_size, common, (places, steps) = world.join_size, work.common, world.stock.shape
    leave[:], move[:], join[:] = world.leave, world.move, world.join
    for i in range(places):
        if root > 0.0:
            _luck(world, draw, i, common)
        for s in range(steps):
            if leave_row[i, s] >= 0:
                z = _z(seed, draw, place_id[i], age[s] + LEAVE, common[places + LEAVE], root)
                leave[i, s] = beta_from_table(leave_table[leave_row[i, s]], z)
            if move_row[i, s] >= 0:
                z = _z(seed, draw, place_id[i], age[s] + MOVE, common[places + MOVE], root)
                move[i, s] = beta_from_table(move_table[move_row[i, s]], z)
            if join_row[i, s] >= 0:
                z = _z(seed, draw, place_id[i], age[s] + JOIN, common[places + JOIN], root)
                join[i, s] *= gamma_from_table(join_table[join_row[i, s]], z) / join_size[i, s]
        _hold_shares(world, work, draw, i)


@njit(cache=True, nogil=True)
def _hold_shares(world, work, draw, i):
    """Where movers from place i go: gammas over their sum, in logs so that none vanishes."""
    seed, root, age, ids, target = world.seed, world.root_common, world.age, world.ids, world.target
    mean, row, table = world.share, world.tables.share_row, world.tables.share
    share, common = work.share, work.common
    for s in range(share.shape[1]):
        top, total = -np.inf, 0.0
        for k in range(share.shape[2]):
            share[i, s, k] = mean[i, s, k]
            if row[i, s, k] >= 0:
                to = target[i, s, k]
                z = _z(seed, draw, ids[i, to], age[s] + SHARE, common[to], root)
                share[i, s, k] = interpolate_table(table[row[i, s, k]], z)
                top = max(top, share[i, s, k])
        for k in range(share.shape[2]):
            if row[i, s, k] >= 0:
                share[i, s, k] = math.exp(share[i, s, k] - top)
            total += share[i, s, k]
        for k in range(share.shape[2] if total > 0.0 else 0):
            share[i, s, k] /= total


@njit(cache=True, nogil=True)
def _some(expected, seed, draw, period, item, kind, children, chance):
    """Of so many children, how many: Binomial by its own luck, or the mean."""
    if children <= 0.0 or chance <= 0.0:
        return 0.0
    if chance >= 1.0:
        return children
    if expected:
        return children * chance
    u = event_uniform(seed, EVENT, draw, period, item, kind)
    return float(binomial_quantile(u, int(children), chance))


@njit(cache=True, nogil=True)
def _leave_and_move(world, work, draw, t):
    expected, seed, period, age = world.expected, world.seed, world.period[t], world.age
    ids, target, multiplier = world.ids, world.target, world.move_multiplier
    leave, move, share, power = work.leave, work.move, work.share, world.leave_multiplier
    stock, stay, arrive, flows = work.stock, work.stay, work.arrive, work.flows
    places, steps = stock.shape
    stay[:], arrive[:], flows[:] = 0.0, 0.0, 0.0
    for i in world.order:
        item, m = world.place_id[i], power[draw, t, i]
        flows[LEAVERS, i] = stock[i, steps - 1]
        for s in range(steps - 1):
            if stock[i, s] == 0.0:
                continue
            p = leave[i, s]
            if m != 1.0 and p < 1.0:
                p = 1.0 - (1.0 - p) ** m
            leavers = _some(expected, seed, draw, period, item, age[s] + LEAVE, stock[i, s], p)
            staying, p = stock[i, s] - leavers, move[i, s]
            flows[LEAVERS, i] += leavers
            if staying > 0.0 and p > 0.0:
                total = 0.0
                for k in range(share.shape[2]):
                    total += _weight(share, target, multiplier, draw, t, i, s, k)
                if total == 0.0 and p >= 1.0:
                    return NO_WAY_ON
                if p < 1.0 and abs(total - 1.0) > 1e-12:
                    p = 1.0 - (1.0 - p) ** total
                movers = _some(expected, seed, draw, period, item, age[s] + MOVE, staying, p)
                flows[MOVED_OUT, i] += movers
                staying -= movers
                for k in range(share.shape[2]):
                    if movers == 0.0:
                        break
                    weight = _weight(share, target, multiplier, draw, t, i, s, k)
                    # Rounding leaves the last one a hair short of certain.
                    p = weight / total if weight < total * (1.0 - 1e-12) else 1.0
                    here = _some(expected, seed, draw, period, ids[i, target[i, s, k]],
                                 age[s] + SHARE, movers, p) if weight > 0.0 else 0.0
                    arrive[target[i, s, k], s + 1] += here
                    movers, total = movers - here, total - weight
            stay[i, s + 1] = staying
    return 0


@njit(cache=True, nogil=True)
def _weight(share, target, multiplier, draw, t, i, s, k):
    if share[i, s, k] == 0.0:
        return 0.0
    return share[i, s, k] * multiplier[draw, t, target[i, s, k]]


@njit(cache=True, nogil=True)
def _join(world, work, draw, t):
    places, steps = world.stock.shape
    join, mean, arrive, population = work.join, work.excess, work.arrive, world.population
    expected, seed, period, age = world.expected, world.seed, world.period[t], world.age
    total = 0.0
    for i in world.order:
        growth = world.growth[draw, t, i]
        for s in range(steps):
            mean[i, s] = join[i, s] * growth * population[t, s]
            total += mean[i, s]
    extra = world.extra[draw, t]
    if total + extra < 0.0 or (total == 0.0 and extra != 0.0):
        return BELOW_ZERO
    scale = 1.0 + extra / total if extra != 0.0 else 1.0
    for i in range(places):
        item = world.place_id[i]
        for s in range(steps):
            joiners = mean[i, s] * scale
            if joiners > 0.0 and not expected:
                u = event_uniform(seed, EVENT, draw, period, item, age[s] + JOIN)
                joiners = float(poisson_quantile(u, joiners))
            arrive[i, steps + s] = joiners
    return 0


@njit(cache=True, nogil=True)
def _apportion(amount, want, part, exact):
    """Split amount over want in proportion; whole children by largest remainder, ties in order."""
    total = want.sum()
    left = amount
    for c in range(want.size):
        part[c] = want[c] * amount / total
        if not exact:
            part[c] = math.floor(want[c] * amount / total)
            left -= part[c]
    while not exact and left > 0.0:
        best, most = 0, -1.0
        for c in range(want.size):
            remainder = want[c] * amount - part[c] * total
            if remainder > most:
                best, most = c, remainder
        part[best] += 1.0
        left -= 1.0


@njit(cache=True, nogil=True)
def _fit(world, work, draw, t):
    """Turn away arrivals above the room left by those who stay, and place them elsewhere."""
    places, steps = world.stock.shape
    room, turned_away = np.full(places, np.inf), False
    for i in range(places):
        if world.capacity[draw, t, i] < np.inf:
            arriving = work.arrive[i].sum()
            room[i] = max(0.0, world.capacity[draw, t, i] - work.stay[i].sum())
            if not world.expected:
                room[i] = math.floor(room[i])
            turned = max(0.0, arriving - room[i])
            if turned > 0.0:
                _apportion(turned, work.arrive[i], work.excess[i], world.expected)
                work.arrive[i] -= work.excess[i]
                turned_away = True
            work.flows[OVERFLOWED, i] = turned
            room[i] -= arriving - turned
    if turned_away:
        for i in world.order:
            if work.flows[OVERFLOWED, i] > 0.0:
                _place_elsewhere(world, work, i, room)


@njit(cache=True, nogil=True)
def _place_elsewhere(world, work, i, room):
    excess, steps = work.excess[i], world.stock.shape[1]
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
    stock, stay, arrive, flows = work.stock, work.stay, work.arrive, work.flows
    places, steps = stay.shape
    for i in range(places):
        for s in range(steps):
            flows[MOVED_IN, i] += arrive[i, s]
            flows[JOINERS, i] += arrive[i, steps + s]
            stock[i, s] = stay[i, s] + arrive[i, s] + arrive[i, steps + s]
            stock_out[draw, t + 1, i, s] = stock[i, s]
        for kind in range(len(FLOWS)):
            flows_out[kind, draw, t, i] = flows[kind, i]
