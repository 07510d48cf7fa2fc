"""Whole children or their means: some of them, a number shared out, and who fits where."""

import math

import numpy as np

from sufficiency.model.kernels import event_uniform
from sufficiency.model.quantiles import binomial_quantile, compiled, inlined, poisson_quantile

FLOWS = ("joiners", "leavers", "moved_in", "moved_out", "overflowed")
JOINERS, LEAVERS, MOVED_IN, MOVED_OUT, OVERFLOWED = range(5)


@inlined
def some(expected, event, item, kind, children, chance, out):
    """Write how many of so many children, by draw: Binomial by an event's luck, or the mean."""
    for d in range(out.size):
        out[d] = max(children[d], 0.0) * min(chance[d], 1.0)
    if not expected:
        _binomials(event, item, kind, children, chance, out)


@compiled
def _binomials(event, item, kind, children, chance, out):
    seed, stream, first, period = event
    for d in range(out.size):
        out[d] = event_uniform(seed, stream, first + d, period, item, kind)
    for d in range(out.size):
        if children[d] <= 0.0 or chance[d] <= 0.0:
            out[d] = 0.0
        else:
            out[d] = children[d] if chance[d] >= 1.0 else (
                float(binomial_quantile(out[d], int(children[d]), chance[d])))


@compiled
def poissons(event, item, kind, out, means):
    """Put Poisson numbers, by draw, in the place of their means, by the luck of an event."""
    seed, stream, first, period = event
    for d in range(out.size):
        means[d], out[d] = out[d], event_uniform(seed, stream, first + d, period, item, kind)
    for d in range(out.size):
        out[d] = poisson_quantile(out[d], means[d]) if means[d] > 0.0 else 0.0


@compiled
def apportion(amount, want, part, expected):
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
def fit(world, work, first, t):
    """Turn away arrivals above the room left by those who stay, and place them elsewhere."""
    for d in range(work.stay.shape[2]):
        limit = world.capacity[first + d, t]
        if limit.min() < np.inf:
            _fit_draw(world, limit, work.stay[..., d], work.arrive[..., d], work.excess[..., d],
                      work.flows[OVERFLOWED, :, d])


@compiled
def _fit_draw(world, limit, stay, arrive, excess, turned):
    room = np.full(limit.size, np.inf)
    for i in range(limit.size):
        if limit[i] < np.inf:
            arriving = arrive[i].sum()
            room[i] = max(0.0, limit[i] - stay[i].sum())
            room[i] = room[i] if world.expected else math.floor(room[i])
            turned[i] = max(0.0, arriving - room[i])
            if turned[i] > 0.0:
                apportion(turned[i], arrive[i], excess[i], world.expected)
                arrive[i] -= excess[i]
            room[i] = max(0.0, room[i] - arriving)
    for i in world.order:
        if turned[i] > 0.0:
            _place_elsewhere(world, arrive, excess[i], i, room)


@compiled
def _place_elsewhere(world, arrive, excess, i, room):
    steps = world.allowed.shape[1]
    want, part, last = np.empty(excess.size), np.empty(excess.size), np.full(excess.size, i)
    for q in world.overflow[i]:
        if q < 0 or q == i:
            continue
        for c in range(excess.size):
            want[c] = excess[c] if world.allowed[q, c % steps] else 0.0
            last[c] = q if world.allowed[q, c % steps] else last[c]
        amount = min(want.sum(), room[q])
        if amount > 0.0:
            apportion(amount, want, part, world.expected)
            arrive[q] += part
            excess -= part
            room[q] -= amount
    for c in range(excess.size):
        arrive[last[c], c] += excess[c]
