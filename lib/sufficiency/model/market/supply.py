"""Supply of a lot: its providers, what they charge, how much room they have, who enters."""

from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

from sufficiency.model.kernels import fill_normals
from sufficiency.model.market.routes import take
from sufficiency.model.streams import stable_id

ORDERS = ("rank", "price", "quality", "distance")
# What each provider is like.
OWN = ("factor", "places", "quality", "small", "local", "registered", "distance", "enters")
# Log standard deviations of providers' places and of their distances: judgement.
PLACES_SPREAD, MILES_SPREAD = 0.8, 0.5
MOST = 1000
TAKEN = ("suits", "suits_complex", "accept", "accept_occupancy", "accept_complex", "accept_price",
         "exit", "displacement")
# What luck each provider has, a kind of event each.
LUCK = ("entry", "factor", "size", "rounding", "quality", "distance", "local", "registered")


class Supply(NamedTuple):
    """The providers of one lot; D draws, P providers.

    ids: (P,) uint32 stable ids. factor: (D, P) price against the lot's level, mean 1. places:
    (D, P) int32 open to this council, those taken included. quality 0 to 1, distance in miles:
    (D, P). small, local, registered: (D, P) bool. enters: (D, P) int32, first month active, 0 from
    the start, T for never. orders: (4, D, P) int32, providers best first by each of ORDERS. The
    rest (D,): suits, accept, exit a year as chances, the others what these are multiplied by or
    fall with.
    """

    ids: np.ndarray
    factor: np.ndarray
    places: np.ndarray
    quality: np.ndarray
    small: np.ndarray
    local: np.ndarray
    registered: np.ndarray
    distance: np.ndarray
    enters: np.ndarray
    orders: np.ndarray
    suits: np.ndarray
    suits_complex: np.ndarray
    accept: np.ndarray
    accept_occupancy: np.ndarray
    accept_complex: np.ndarray
    accept_price: np.ndarray
    exit: np.ndarray
    displacement: np.ndarray


def supply(case, lot, worlds, months):
    """Providers of a lot: those there from the start, and who enters at `entry` a year.

    Luck goes by the provider's name. factor lognormal; places 1 + (mean - 1) x lognormal, whole by
    a rounding that keeps the mean (below 1: all have 1); small are the share with the least size;
    quality uniform, mean +- min(mean, 1 - mean); distance lognormal about the mean of local or
    away. Refuses more than 1,000 providers.
    """
    stream = stable_id(f"market.{lot}.supply")

    def normals(names, kind):
        z = np.empty((len(names), worlds.draws))
        for row, name in zip(z, names, strict=True):
            fill_normals(row, worlds.seed, stream, 0, 0, stable_id(name), LUCK.index(kind))
        return np.ascontiguousarray(z.T)

    def of(name):
        return take(worlds, name, lot=lot)[:, None]

    enters = _enters(lot, of, months, normals)
    names = sorted(enters, key=stable_id)

    def mean_one(kind, spread):
        return np.exp(spread * normals(names, kind) - spread**2 / 2)

    def has(kind, share):
        return normals(names, kind) < ndtri(of(share))

    local, quality = has("local", "local"), of("quality")
    quality = quality + np.minimum(quality, 1 - quality) * (2 * ndtr(normals(names, "quality")) - 1)
    more = (np.maximum(of("places"), 1) - 1) * mean_one("size", PLACES_SPREAD)
    miles = np.where(local, of("distance_local"), of("distance_away"))
    miles *= mean_one("distance", MILES_SPREAD)
    factor = mean_one("factor", of("provider_spread"))
    best = (factor * (1 - of("quality_weight") * quality), factor, -quality, miles)
    return Supply(
        ids=np.array([stable_id(name) for name in names], np.uint32), factor=factor,
        places=(1 + np.floor(more + ndtr(normals(names, "rounding")))).astype(np.int32),
        quality=quality, small=has("size", "small"), local=local,
        registered=has("registered", "registered"), distance=miles,
        enters=np.stack([enters[name] for name in names], 1),
        orders=np.stack([np.argsort(x, 1, kind="stable").astype(np.int32) for x in best]),
        **{name: of(name)[:, 0] for name in TAKEN})


def _enters(lot, of, months, normals):
    """First month (D,) of every provider by name; entrants come in the month after their event."""
    number, rate = np.rint(of("providers"))[:, 0], of("entry")[:, 0]
    found = {f"{lot}.provider.{k}": np.where(k < number, 0, months).astype(np.int32)
             for k in range(int(np.clip(number.max(), 1, MOST + 1)))}
    time = np.zeros(len(rate))
    for k in range(MOST + 1 - len(found)):
        name = f"{lot}.entrant.{k}"
        with np.errstate(divide="ignore"):
            time = time - 12 * log_ndtr(normals([name], "entry")[:, 0]) / rate
        if time.min() >= months - 1:
            return found
        found[name] = np.minimum(np.floor(time) + 1, months).astype(np.int32)
    raise ValueError(f"market.lots.{lot}.providers, entry: found more than {MOST} providers in "
                     "some world; allowed fewer")


def shared(supply, draws):
    """The supply with each draw's providers those of another: draws (D,) says whose."""
    made = {name: getattr(supply, name)[draws] for name in OWN}
    return supply._replace(**made, orders=supply.orders[:, draws])
