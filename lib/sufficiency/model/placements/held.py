"""Rates drawn once for every draw, and the chances of leaving and moving that follow from them."""

import math
from collections import namedtuple
from dataclasses import replace

import numpy as np

from sufficiency.model.kernels import fill_normals, interpolate_table, run_blocks
from sufficiency.model.placements.rates import JOIN, LEAVE, MOVE, SHARE, quantile_rows
from sufficiency.model.quantiles import compiled
from sufficiency.model.streams import stable_id

HELD = stable_id("placements.rates")

# order: places by the number of their name; item, kind (place, leave move join share..., step):
# what an event is called, never where it is; a state's chances, leave move share..., begin at
# (place, step) in one row of `length`, with so many ways to go
Known = namedtuple("Known", "seed rho order item kind allowed stock scale rows table target ways "
                   "at length")
# blocks: for every few draws, (place, step, leave move join share..., draw) and chances (period,
# length, draw)
Held = namedtuple("Held", "rates known draws blocks powers")


def hold(rates, *, seed, draws, periods=0, leave_multiplier=1.0, move_multiplier=1.0, threads=2):
    """What many projections of the same rates, seed and draws share, for `engine.project(held=)`.

    The rates drawn: 8 bytes x draws x places x steps x (3 + k). With periods (how many), chances by
    these multipliers too, about as much for each, for projections of as many periods and of the
    same multipliers; any other works out its own.
    """
    known, shape = know(rates, seed), (draws, periods, len(rates.places))
    powers = (in_full("leave_multiplier", leave_multiplier, shape),
              in_full("move_multiplier", move_multiplier, shape)) if periods else ()

    def block(first, last):
        rate = draw_rates(known, first, last)
        chance = np.empty((periods, known.length, last - first))
        for t in range(periods):
            chances(known, rate, *(power[first:last, t] for power in powers), chance[t])
        return rate, chance

    return Held(rates, known, draws, run_blocks(block, draws, threads, together(rates)), powers)


def together(rates):
    """Draws that go through a kernel at once: many in one instruction, few enough for its cache."""
    return max(16, min(64, 16_640 // rates.stock.size))


def know(rates, seed):
    """What rates and a seed alone tell the engine: destinations in order of their number."""
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
    item, kind = (np.array(np.broadcast_to(name & 0xFFFFFFFF, item.shape).transpose(0, 2, 1),
                           order="C") for name in (item, kind))
    ways = np.where(rates.move_mean > 0, (target >= 0).sum(-1), 0)
    at = np.cumsum(2 + ways).reshape(ways.shape)
    return Known(int(seed), float(rates.correlation), np.argsort(place), item, kind, rates.allowed,
                 rates.stock, *quantile_rows(rates), target, ways, at - 2 - ways, int(at[-1, -1]))


def in_full(name, value, shape, low=0.0):
    """An array broadcast to its shape. Refuses by name values below low, or not finite."""
    value = np.asarray(value, float)
    value = value[..., None] if value.ndim == 2 and len(shape) == 3 else value
    if not (value >= low).all() or (name != "capacity" and np.isinf(value).any()):
        raise ValueError(f"{name}: found {value.min()}; allowed finite, {low} or more")
    # In full, so that kernels are compiled for one form of array only.
    return np.array(np.broadcast_to(value, shape), order="C")


def draw_rates(known, first, last):
    """Rates (place, step, leave move join share..., draw) of a few draws."""
    rate = np.empty((*known.scale.shape, last - first))
    _draw(known, first, rate)
    return rate


@compiled
def _draw(known, first, rate):
    """Luck z = sqrt(rho) of the place + sqrt(1-rho) of the state, both by name."""
    seed, item, kind, rows, root = known.seed, known.item, known.kind, known.rows, known.rho**0.5
    (places, steps, columns, draws), root_own = rate.shape, (1.0 - known.rho) ** 0.5
    own, common = np.empty(draws), np.zeros(draws)
    for i in range(places):
        for c in range(columns):
            named = -1
            for s in range(steps):
                rate[i, s, c] = known.scale[i, s, c]
                if rows[i, s, c] < 0:
                    continue
                if root > 0.0 and item[i, c, s] != named:
                    named = item[i, c, s]
                    fill_normals(common, seed, HELD, first, 1, named, min(c, SHARE))
                fill_normals(own, seed, HELD, first, 0, item[i, c, s], kind[i, c, s])
                for d in range(draws):
                    x = interpolate_table(known.table[rows[i, s, c]],
                                          root * common[d] + root_own * own[d])
                    rate[i, s, c, d] *= _value(x, c)
        for s in range(steps):
            for d in range(draws):
                _share_out(rate[i, s, SHARE:, d])


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
def chances(known, rate, leave_power, move_power, chance):
    """Write chances (length, draw) of one step: to leave; else to move; of movers left, where to.

    Below 0 where children must move and nowhere is open to them.
    """
    total = np.empty(chance.shape[1])
    for i in range(rate.shape[0]):
        for s in range(rate.shape[1]):
            n, ways, must = known.at[i, s], known.ways[i, s], known.scale[i, s, MOVE] == np.inf
            total[:] = 0.0
            for k in range(ways):
                for d in range(total.size):
                    weight = rate[i, s, SHARE + k, d] * move_power[d, known.target[i, s, k]]
                    chance[n + 2 + k, d] = weight
                    total[d] += weight
            for d in range(total.size):
                chance[n, d] = _chance(rate[i, s, LEAVE, d], leave_power[d, i])
                chance[n + 1, d] = _chance(rate[i, s, MOVE, d], total[d]) if total[d] > 0.0 else (
                    -1.0 if must else 0.0)
            for k in range(ways):
                for d in range(total.size):
                    weight = chance[n + 2 + k, d]
                    # The last one takes the rest, a rounding error short of certain or not.
                    if weight > 0.0:
                        rest = total[d] - weight
                        chance[n + 2 + k, d] = weight / total[d] if rest > 1e-12 else 1.0
                        total[d] = rest


@compiled
def _chance(hazard, multiplier):
    """1 - exp(-hazard * multiplier); certain stays certain."""
    return 1.0 if hazard == np.inf else 1.0 - math.exp(-hazard * multiplier)
