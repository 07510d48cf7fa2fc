"""What measures do to children on their way: another place for entrants, an earlier step down."""

import math
from collections import namedtuple
from dataclasses import dataclass

import numpy as np

from sufficiency.model.placements.capacity import LEAVERS, MOVED_OUT, apportion, some
from sufficiency.model.quantiles import compiled
from sufficiency.model.streams import stable_id

LEVER = stable_id("placements.levers")
KINDS = ("entrants", "places", "stock")

# takes (lever, step): may a child who ends the step there go; share and places (lever, draw,
# period); item and kind (step): what its luck is called, never where it is
Levers = namedtuple("Levers", "item kind stock limited origin target takes share places")


@dataclass(frozen=True)
class Lever:
    """One thing that a measure does to the children of a place.

    entrants: of joiners and movers into origin, Binomial(n, share) go to target instead.
    places: the same while there is room, which is places (draw, period) less those that this lever
    filled before, of whom as many go as of all target's children; too many: by age in proportion.
    stock: of those in origin who neither leave nor move, Binomial(n, share) move to target or, at
    -1, leave. "expected": means. share: (draw, period), 0 to 1, or what broadcasts to it.
    origin and target: numbers of places. Ages in whole years, both included: of entrants at the END
    of the step, of stock at its start. Whoever is of an age that target does not take stays.
    """

    kind: str
    name: str
    origin: int
    target: int
    share: object = 1.0
    places: object = None
    first_age: int = 0
    last_age: int = 25


def prepare(levers, rates, draws, periods):
    """Levers as the engine takes them, in their order. Refuses by name one that cannot act."""
    shape = (len(levers), draws, periods)
    share, places = np.empty(shape), np.full(shape, np.inf)
    takes = np.zeros((len(levers), rates.stock.shape[1]), bool)
    for n, lever in enumerate(levers):
        _check_places(lever, len(rates.places))
        takes[n] = _takes(lever, rates)
        share[n] = _path(lever, "share", 1.0, shape[1:])
        if lever.kind == "places":
            places[n] = _path(lever, "places", np.inf, shape[1:])
    named = [f"{lever.name}: {lever.kind} {rates.places[lever.origin]}>"
             f"{'' if lever.target < 0 else rates.places[lever.target]}" for lever in levers]
    if len(set(named)) < len(named):
        raise ValueError(f"levers: found {sorted(named)}; allowed each once")
    step = 2 * (rates.first_age * rates.steps_per_year + np.arange(takes.shape[1]))
    return Levers(
        np.array([stable_id(name) for name in named], np.int64), step,
        np.array([lever.kind == "stock" for lever in levers], bool),
        np.array([lever.kind == "places" for lever in levers], bool),
        np.array([lever.origin for lever in levers], np.int64),
        np.array([lever.target for lever in levers], np.int64), takes, share, places)


def _refuse(lever, key, found, allowed):
    raise ValueError(f"lever {lever.name}.{key}: found {found}; allowed {allowed}")


def _check_places(lever, count):
    if lever.kind not in KINDS:
        _refuse(lever, "kind", repr(lever.kind), ", ".join(KINDS))
    if not 0 <= lever.origin < count:
        _refuse(lever, "origin", lever.origin, f"0 to {count - 1}")
    least = -1 if lever.kind == "stock" else 0
    if not least <= lever.target < count or lever.target == lever.origin:
        _refuse(lever, "target", lever.target, f"{least} to {count - 1}, not its origin")
    if (lever.places is None) == (lever.kind == "places"):
        _refuse(lever, "places", lever.places, "a number with kind places, none with another")


def _takes(lever, rates):
    """Steps (step,) at whose end a child may go, by the lever's ages and by what target takes."""
    age = rates.first_age + np.arange(rates.stock.shape[1]) // rates.steps_per_year
    inside = (age >= lever.first_age) & (age <= lever.last_age)
    if lever.kind == "stock":
        inside = np.append(False, inside[:-1])
    takes = inside & (True if lever.target < 0 else rates.allowed[lever.target])
    if not takes.any():
        _refuse(lever, "ages", f"{lever.first_age} to {lever.last_age}",
                "some that its target takes, the lower first")
    return takes


def _path(lever, key, high, shape):
    value = np.asarray(getattr(lever, key), float)
    wrong = value[~((value >= 0) & (value <= high))]
    if wrong.size:
        _refuse(lever, key, wrong[0], f"0 to {high:g}")
    try:
        return np.broadcast_to(value, shape)
    except ValueError:
        return _refuse(lever, key, f"shape {value.shape}", f"{shape}, (draw, period)")


@compiled
def act(world, work, first, t):
    """All levers in their order, on those who stay and those who arrive in one step."""
    levers, share = world.levers, np.empty(work.stock.shape[2])
    for n in range(levers.item.size):
        share[:] = levers.share[n, first : first + share.size, t]
        event = (world.seed, LEVER, first, world.period[t])
        if levers.stock[n]:
            _step_down(world, work, n, share, event)
        else:
            _redirect(world, work, n, share, event, t)


@compiled
def _step_down(world, work, n, share, event):
    levers, stay, arrive, flows = world.levers, work.stay, work.arrive, work.flows
    origin, target, going = levers.origin[n], levers.target[n], np.empty(share.size)
    for s in range(stay.shape[1]):
        if not levers.takes[n, s]:
            continue
        some(world.expected, event, levers.item[n], levers.kind[s], stay[origin, s], share, going)
        stay[origin, s] -= going
        if target < 0:
            flows[LEAVERS, origin] += going
        else:
            flows[MOVED_OUT, origin] += going
            arrive[target, s] += going


@compiled
def _redirect(world, work, n, share, event, t):
    levers, arrive, steps = world.levers, work.arrive, work.stock.shape[1]
    # Nobody has been turned away yet, so these rows are free.
    origin, target, going = levers.origin[n], levers.target[n], work.excess[levers.origin[n]]
    going[:] = 0.0
    for c in range(2 * steps):
        if levers.takes[n, c % steps]:
            some(world.expected, event, levers.item[n], levers.kind[c % steps] + c // steps,
                 arrive[origin, c], share, going[c])
    if levers.limited[n]:
        _take_places(world, work, n, going, event[2], t)
    arrive[origin] -= going
    arrive[target] += going


@compiled
def _take_places(world, work, n, going, first, t):
    """Keep of those going as many as there is room for, and count the places that they fill."""
    target = world.levers.target[n]
    total, there = going.sum(0), work.stock[target].sum(0)
    for d in range(total.size):
        gone = work.flows[LEAVERS, target, d] + work.flows[MOVED_OUT, target, d]
        filled = work.filled[n, d] * (1.0 - min(gone / there[d], 1.0)) if there[d] > 0.0 else 0.0
        room = max(0.0, world.levers.places[n, first + d, t] - filled)
        # A rounding error short of a whole place is a place.
        room = room if world.expected else math.floor(room + 1e-9)
        work.filled[n, d] = filled + min(total[d], room)
        if total[d] > room and world.expected:
            going[:, d] *= room / total[d]
        elif total[d] > room:
            apportion(room, going[:, d].copy(), going[:, d], False)
