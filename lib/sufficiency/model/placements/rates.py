"""How likely children are to cease, change place or join, and how sure we are of it."""

from dataclasses import dataclass, fields, replace

import numpy as np

from sufficiency.model.kernels import quantile_table, run_blocks

LEAVE, MOVE, JOIN, SHARE = range(4)


@dataclass(frozen=True)
class Rates:
    """Posterior of the flow rates in one step of time; arrays (place, step at its start).

    leave ~ Beta(mean*size, (1-mean)*size); move, of those who do not leave, likewise; where to,
    share (place, step, k) ~ Dirichlet(mean*size) over target (place, step, k), -1 where unused;
    join ~ Gamma(size) scaled to its mean: joiners a step of time, at the step they END it in.
    A size of inf is certain at the mean. correlation: rho between states of one place, in [0, 1].
    allowed (place, step): where children may be; refuses stock, joiners or moves elsewhere.
    """

    places: tuple[str, ...]
    steps_per_year: int
    first_age: int
    stock: np.ndarray
    leave_mean: np.ndarray
    leave_size: np.ndarray
    move_mean: np.ndarray
    move_size: np.ndarray
    target: np.ndarray
    share_mean: np.ndarray
    share_size: np.ndarray
    join_mean: np.ndarray
    join_size: np.ndarray
    correlation: float
    allowed: np.ndarray | None = None

    def __post_init__(self):
        shape, kinds = np.shape(self.stock), {"target": np.int32, "allowed": bool}
        if self.allowed is None:
            object.__setattr__(self, "allowed", np.ones(shape, bool))
        object.__setattr__(self, "places", tuple(self.places))
        if len(shape) != 2 or len({*self.places}) != shape[0] or len(self.places) != shape[0]:
            raise ValueError(f"stock: shape {shape}; allowed (place, step), {len(self.places)} "
                             "places of different names")
        if not 0 <= self.correlation <= 1:
            raise ValueError(f"correlation: found {self.correlation}; allowed 0 to 1")
        for name in [field.name for field in fields(self)[3:] if field.name != "correlation"]:
            value = np.array(getattr(self, name), kinds.get(name, float), order="C")
            object.__setattr__(self, name, value)
            if value.shape != (np.shape(self.target) if name == "share_mean" else
                               shape + value.shape[2:] if name == "target" else shape):
                raise ValueError(f"{name}: shape {value.shape}; allowed {shape}, (+ (k,) to share)")
            high = 1 if name in ("leave_mean", "move_mean", "share_mean") else np.inf
            low = -1 if name == "target" else 0
            self._refuse(name, ~((value >= low) & (value <= high)), f"{low} to {high}")
            self._refuse(name, (value == 0) & name.endswith("size"), "above 0, or inf for certain")
        self._check_ages()

    def _check_ages(self):
        used, (places, steps) = self.share_mean > 0, self.stock.shape
        moving = used & (self.move_mean > 0)[..., None]
        after = np.pad(self.allowed[:, 1:], ((0, 0), (0, 1)))
        inside = (self.target >= 0) & (self.target < places)
        self._refuse("target", used & ~inside, "a place, for every share above 0")
        self._refuse("target", used & (self.target == np.arange(places)[:, None, None]),
                     "another place")
        self._refuse("share_mean", (self.move_mean > 0)[..., None] & (
            abs(self.share_mean.sum(-1, keepdims=True) - 1) > 1e-9), "shares that sum to 1")
        for name in ("stock", "join_mean"):
            self._refuse(name, (getattr(self, name) > 0) & ~self.allowed, "0 at an impossible age")
        lands = after[np.where(inside, self.target, 0), np.arange(steps)[:, None]]
        self._refuse("target", (moving & ~lands)[:, :-1], "places that take the next age")
        stuck = self.allowed & ~after & (self.leave_mean < 1) & (self.move_mean < 1)
        self._refuse("move_mean", stuck[:, :-1], "1 (or leave_mean 1) at the last age")

    def _refuse(self, name, wrong, permitted):
        if wrong.any():
            place, step, *_ = np.argwhere(wrong)[0]
            raise ValueError(f"{name}: found {getattr(self, name)[place, step]} at "
                             f"{self.places[place]}, step {step}; allowed {permitted}")

    def certain(self):
        """The same means, held without uncertainty."""
        sizes = ("leave_size", "move_size", "share_size", "join_size")
        return replace(self, **{name: np.full(self.stock.shape, np.inf) for name in sizes})


def quantile_rows(rates):
    """What the engine draws from: scale and row (place, step, leave move join share...), table.

    A value is its scale where the row is -1 (certain), else read from that row of the table; states
    alike share a row. Leaving and moving are hazards, -log(1 - p), shares logs.
    """
    chance = np.dstack([rates.leave_mean, rates.move_mean])
    size = np.dstack([rates.leave_size, rates.move_size])
    with np.errstate(invalid="ignore", divide="ignore"):
        join = np.where(rates.join_mean > 0, rates.join_size, 0)
        a = np.dstack([chance * size, join, rates.share_mean * rates.share_size[..., None]])
        b = np.dstack([(1 - chance) * size, np.full(join.shape, np.inf),
                       np.where(rates.share_mean < 1, np.inf, 0)])
        certain = np.dstack([-np.log1p(-chance), rates.join_mean, np.log(rates.share_mean)])
    unsure, row = np.isfinite(a) & (a > 0) & (b > 0), np.full(a.shape, -1, np.int32)
    scale = np.where(unsure, 1.0, certain)
    scale[..., JOIN] = rates.join_mean / np.where(unsure[..., JOIN], join, 1)
    pairs = np.stack([a[unsure], b[unsure]], -1).view(complex)[:, 0]
    unique, inverse = np.unique(pairs, return_inverse=True)
    row[unsure] = inverse
    tables = run_blocks(lambda first, last: quantile_table(
        unique.real[first:last], unique.imag[first:last]), max(len(unique), 1))
    return scale, row, np.concatenate(tables)


def estimate(counts, population, *, stock, places, groups, allowed, moves, phases, prior_size,
             steps_per_year, first_age, correlation):
    """Rates from counts: pooled events over pooled exposure, never a mean of ratios.

    counts: year, kind (joiner, leaver, mover, stayer), place, age, destination, count; age at the
    start, of joiners at the end; a row a year of population (year, age), the latest the base.
    groups (place,) and phases (step,) labels; allowed (place, step); moves (place, place).
    prior_size: children's worth of weight on the group's rate, itself so shrunk to all places
    (alpha = prior_size * parent + counts). Joiners: Gamma(1/2 a place + counts, years), by age as
    the place's shrunk profile. Refuses negative or missing counts, unknown places and ages,
    children at impossible ages, moves not allowed.
    """
    allowed, places = np.asarray(allowed, bool), (*places,)
    if not prior_size > 0:
        raise ValueError(f"prior_size {prior_size}: allowed above 0")
    after = np.pad(allowed[:, 1:], ((0, 0), (0, 1)))
    valid = np.asarray(moves, bool) & ~np.eye(len(places), dtype=bool)
    valid = valid[:, None, :] & after.T[None] & allowed[..., None]
    ages = first_age + np.arange(allowed.shape[1]) / steps_per_year
    flows = _pooled(counts, places, ages, np.dstack([valid, allowed, allowed, allowed]))
    movers, leavers, joiners = flows[..., :-3], flows[..., -3], flows[..., -1]
    member = (np.asarray(groups)[:, None] == np.asarray(groups)).astype(float)
    exposed, last, can_move = flows[..., :-1].sum(-1), allowed & ~after, valid.any(-1)
    leave, leave_size = _shrunk(leavers, exposed, member, prior_size)
    move, move_size = _shrunk(movers.sum(-1), exposed - leavers, member, prior_size)
    return Rates(places, steps_per_year, first_age, stock,
                 np.where(last & ~can_move, 1.0, leave) * allowed, leave_size,
                 np.where(last, 1.0, move) * can_move, move_size,
                 *_destinations(movers, valid, phases, member, prior_size),
                 *_joiners(joiners, _years(population, counts, ages), allowed, member,
                           prior_size), correlation, allowed)


def _pooled(counts, places, ages, possible):
    """Counts of children summed over years, (place, step, destination leaver stayer joiner)."""
    if not (counts["count"] >= 0).all():
        raise ValueError("counts: children below 0 or missing; allowed 0 or more")
    outcome = counts["destination"].where(counts["kind"] == "mover", counts["kind"])
    outcomes, codes = (*places, "leaver", "stayer", "joiner"), []
    for column, names in ((counts["place"], places), (counts["age"], ages), (outcome, outcomes)):
        code = column.map({name: i for i, name in enumerate(names)})
        for found in column[code.isna()][:1]:
            raise ValueError(f"counts: found {found}; allowed {[*names]}")
        codes.append(code.astype(int))
    found = np.zeros(possible.shape)
    np.add.at(found, tuple(codes), counts["count"].to_numpy(float))
    for place, step, to in np.argwhere((found > 0) & ~possible)[:1]:
        raise ValueError(f"counts: {places[place]} at age {ages[step]:g}, {outcomes[to]}; allowed "
                         "possible ages and moves to another place")
    return found


def _shrunk(events, exposed, member, prior_size):
    """Posterior mean and size of a share (place, step), shrunk to its group and to all places."""
    parent = events.sum() / max(exposed.sum(), 1)
    parent = (events.sum(0) + prior_size * parent) / (exposed.sum(0) + prior_size)
    parent = (member @ events + prior_size * parent) / (member @ exposed + prior_size)
    return (events + prior_size * parent) / (exposed + prior_size), exposed + prior_size


def _destinations(movers, valid, phases, member, prior_size):
    """Target, share_mean and share_size from movers (place, step, destination), by phase."""
    same = (np.asarray(phases)[:, None] == np.asarray(phases)).astype(float)
    counts = np.einsum("pud,us->psd", movers, same)
    pooled = counts.sum(0) + prior_size * movers.sum((0, 1)) / max(movers.sum(), 1)
    pooled = prior_size * pooled / np.maximum(pooled.sum(-1, keepdims=True), 1)
    parent = (np.tensordot(member, counts, 1) + pooled) * valid
    # nobody has been seen to go anywhere possible: every possible place alike
    parent = np.where(parent.sum(-1, keepdims=True) > 0, parent, valid)
    alpha = counts * valid + prior_size * parent / np.maximum(parent.sum(-1, keepdims=True), 1e-99)
    target = np.argsort(-alpha, axis=-1, kind="stable")
    target = target[..., :max(1, (alpha > 0).sum(-1).max())]
    alpha = np.take_along_axis(alpha, target, -1)
    size = np.where(alpha.any(-1), alpha.sum(-1), np.inf)
    return np.where(alpha > 0, target, -1), alpha / size[..., None], size


def _years(population, counts, ages):
    """Years' worth (step,) of the base population that the counted joiners came from."""
    people = population.reindex(columns=ages).sort_index()
    if not (people > 0).all(axis=None) or set(counts["year"]) - set(people.index):
        raise ValueError("population: missing or not above 0; allowed every age, in all years "
                         f"counted, {sorted(set(counts['year']))}")
    return (people / people.iloc[-1]).sum().to_numpy()


def _joiners(counts, years, allowed, member, prior_size):
    total = np.broadcast_to(counts.sum(1, keepdims=True), counts.shape)
    profile = _shrunk(counts, total, member, prior_size)[0] * allowed
    shape = counts + 0.5 * profile / np.maximum(profile.sum(1, keepdims=True), 1e-99)
    return shape / years, np.where(shape > 0, shape, np.inf)
