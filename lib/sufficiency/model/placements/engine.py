"""Children by place and age, step by step: whole children with their luck, or expected numbers."""

from collections import namedtuple

import numpy as np

from sufficiency.model.kernels import run_blocks
from sufficiency.model.placements.capacity import (
    FLOWS,
    JOINERS,
    LEAVERS,
    MOVED_IN,
    MOVED_OUT,
    fit,
    poissons,
    some,
)
from sufficiency.model.placements.held import (
    Known,
    chances,
    draw_rates,
    hold,
    in_full,
    know,
    together,
)
from sufficiency.model.placements.levers import act, prepare
from sufficiency.model.placements.rates import JOIN, LEAVE, MOVE, SHARE
from sufficiency.model.quantiles import compiled
from sufficiency.model.streams import stable_id

__all__ = ["FLOWS", "hold", "project"]

EVENT = stable_id("placements.events")

World = namedtuple("World", (*Known._fields, "expected", "period", "growth", "population", "extra",
                             "capacity", "overflow", "levers"))
# All (..., draw), a few at a time. arrive and excess (place, 2 * step): movers in by age, then
# joiners by age; filled (lever,)
Work = namedtuple("Work", "stock stay arrive excess flows filled")


def project(rates, *, periods, seed, draws, growth=1.0, population_index=1.0, extra_joiners=0.0,
            leave_multiplier=1.0, move_multiplier=1.0, capacity=np.inf, overflow=None, levers=(),
            engine="counts", threads=2, held=None, by_age=True):
    """Stock (draw, period+1, place, step) and flows (draw, period, place) of children.

    n -> leave Binomial(n, 1-(1-p)^multiplier); of the rest, move Binomial; where to by conditional
    binomials; all one step older (past the last they leave); joiners Poisson. "expected": means.
    periods: how many, or their labels (years: luck goes with the label). Anything that broadcasts:
    growth and leave_multiplier (draw, period[, place]); move_multiplier (draw, period, place moved
    to), on the hazard; population_index (period, step); extra_joiners (draw, period), spread as
    the joiners; capacity (draw, period, place), nan or inf for none.
    levers: of `levers.Lever`, on those who stay and arrive, in turn, before capacity is looked at.
    overflow (place, k): where to try next, -1 for none. Those who stay come first, then a place's
    own arrivals, then those turned away elsewhere (counted in overflowed). The last place in the
    order that takes the age has no limit; without one they stay where they were turned away.
    opening + joiners + moved_in - moved_out - leavers = closing, to the child.
    held: `hold` of these rates, seed and draws, which is faster and changes no byte.
    by_age: False for stock (draw, period+1, place).
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
    if held and (held.rates is not rates or (held.known.seed, held.draws) != (seed, draws)):
        raise ValueError(f"held: found other rates, or seed {held.known.seed} and {held.draws} "
                         f"draws; allowed these rates, seed {seed} and {draws} draws")
    known = held.known if held else know(rates, seed)
    world = World(
        *known, engine == "expected", periods & 0xFFFFFFFF, in_full("growth", growth, shape),
        in_full("population_index", population_index, (len(periods), steps)),
        in_full("extra_joiners", extra_joiners, shape[:2], -np.inf),
        in_full("capacity", np.nan_to_num(np.asarray(capacity, float), nan=np.inf, posinf=np.inf),
                shape), overflow, prepare(levers, rates, draws, len(periods)))
    powers = (in_full("leave_multiplier", leave_multiplier, shape),
              in_full("move_multiplier", move_multiplier, shape))
    ready = held and held.powers and all(map(np.array_equal, powers, held.powers))
    number = np.float64 if world.expected else np.int32
    stock = np.empty((draws, len(periods) + 1, places, steps if by_age else 1), number)
    flows = np.empty((len(FLOWS), *shape), number)

    def block(first, last):
        made = np.empty((last - first, *stock.shape[1:]))
        flown = np.empty((len(FLOWS), last - first, *shape[1:]))
        rate, chance = held.blocks[first // together(rates)] if held else (
            draw_rates(known, first, last), None)
        if not ready:
            chance = np.empty((0, known.length, last - first))
        _block(world, first, rate, chance, *(power[first:last] for power in powers), made, flown)
        stock[first:last], flows[:, first:last] = made, flown

    run_blocks(block, draws, threads, together(rates))
    stock = stock if by_age else stock[..., 0]
    return {"stock": stock, **dict(zip(FLOWS, flows, strict=True))}


@compiled
def _block(world, first, rate, chance, leave_power, move_power, stock, flows):
    places, steps, _, draws = rate.shape
    work = Work(np.empty((places, steps, draws)), np.empty((places, steps, draws)),
                np.empty((places, 2 * steps, draws)), np.empty((places, 2 * steps, draws)),
                np.empty((len(FLOWS), places, draws)), np.zeros((world.levers.item.size, draws)))
    ready, own = chance.shape[0] > 0, np.empty((world.length, draws))
    work.stock[:] = np.expand_dims(world.stock, 2)
    _write(work.stock, stock[:, 0])
    for t in range(world.period.size):
        if not ready:
            chances(world, rate, leave_power[:, t], move_power[:, t], own)
        _leave_and_move(world, work, chance[t] if ready else own, first, t)
        _join(world, work, rate, first, t)
        act(world, work, first, t)
        fit(world, work, first, t)
        _close(work)
        _write(work.stock, stock[:, t + 1])
        for d in range(draws):
            flows[:, d, t] = work.flows[..., d]


@compiled
def _leave_and_move(world, work, chance, first, t):
    stock, stay, arrive, _, flows, _ = work
    item, kind, target, expected = world.item, world.kind, world.target, world.expected
    event, (_, steps, draws) = (world.seed, EVENT, first, world.period[t]), stock.shape
    gone, movers = np.empty(draws), np.empty(draws)
    stay[:], arrive[:], flows[:] = 0.0, 0.0, 0.0
    for i in world.order:
        flows[LEAVERS, i] = stock[i, steps - 1]
        for s in range(steps - 1):
            n, ways = world.at[i, s], world.ways[i, s]
            some(expected, event, item[i, LEAVE, s], kind[i, LEAVE, s], stock[i, s], chance[n],
                 gone)
            for d in range(draws):
                flows[LEAVERS, i, d] += gone[d]
                stay[i, s + 1, d] = stock[i, s, d] - gone[d]
            if ways == 0:
                continue
            if world.scale[i, s, MOVE] == np.inf:
                _refuse_stuck(stay[i, s + 1], chance[n + 1])
            some(expected, event, item[i, MOVE, s], kind[i, MOVE, s], stay[i, s + 1],
                 chance[n + 1], movers)
            for d in range(draws):
                stay[i, s + 1, d] -= movers[d]
                flows[MOVED_OUT, i, d] += movers[d]
            for k in range(ways):
                j = target[i, s, k]
                some(expected, event, item[i, SHARE + k, s], kind[i, SHARE + k, s], movers,
                     chance[n + 2 + k], gone)
                for d in range(draws):
                    arrive[j, s + 1, d] += gone[d]
                    movers[d] -= gone[d]


@compiled
def _refuse_stuck(children, chance):
    for d in range(chance.size):
        if children[d] > 0.0 and chance[d] < 0.0:
            raise ValueError("move_multiplier: 0 for all places where children must move to")


@compiled
def _join(world, work, rate, first, t):
    means, arrive, (places, steps, draws) = work.excess, work.arrive, work.stock.shape
    total, scale, growth = np.zeros(draws), np.ones(draws), np.empty(draws)
    for i in world.order:
        growth[:] = world.growth[first : first + draws, t, i]
        for s in range(steps):
            for d in range(draws):
                means[i, s, d] = rate[i, s, JOIN, d] * growth[d] * world.population[t, s]
                total[d] += means[i, s, d]
    for d in range(draws):
        extra = world.extra[first + d, t]
        if total[d] + extra < 0.0 or (total[d] == 0.0 and extra != 0.0):
            raise ValueError("extra_joiners: fewer than no joiners, or none to spread them like")
        if extra != 0.0:
            scale[d] = 1.0 + extra / total[d]
    for i in range(places):
        for s in range(steps):
            for d in range(draws):
                arrive[i, steps + s, d] = means[i, s, d] * scale[d]
            if not world.expected:
                poissons((world.seed, EVENT, first, world.period[t]), world.item[i, JOIN, s],
                         world.kind[i, JOIN, s], arrive[i, steps + s], means[i, s])


@compiled
def _close(work):
    stock, stay, arrive, _, flows, _ = work
    places, steps, draws = stay.shape
    for i in range(places):
        for s in range(steps):
            for d in range(draws):
                flows[MOVED_IN, i, d] += arrive[i, s, d]
                flows[JOINERS, i, d] += arrive[i, steps + s, d]
                stock[i, s, d] = stay[i, s, d] + arrive[i, s, d] + arrive[i, steps + s, d]


@compiled
def _write(stock, out):
    """Children (place, step, draw) to (draw, place, step), or to one column of all steps."""
    draws, places, columns = out.shape
    total = np.empty(draws)
    for i in range(places):
        total[:] = 0.0
        for s in range(stock.shape[1]):
            for d in range(draws):
                total[d] += stock[i, s, d]
        for d in range(draws):
            out[d, i, 0] = total[d]
            for s in range(columns if columns > 1 else 0):
                out[d, i, s] = stock[i, s, d]
