"""How likely children are to cease, change place or join, and how sure we are of it."""

from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from sufficiency.model.kernels import beta_table, gamma_table, run_blocks

STAY, LEFT = "stay", "leave"
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
            value = np.array(getattr(self, name), kinds.get(name, float))
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

    A value is its scale where the row is -1 (certain), else read from that row of the table:
    logit of a Beta, log of a Gamma; states alike share a row.
    """
    alpha = np.where(rates.share_mean > 0, rates.share_mean, 1) * rates.share_size[..., None]
    mean = np.dstack([rates.leave_mean, rates.move_mean, rates.join_mean, rates.share_mean])
    size = np.dstack([rates.leave_size, rates.move_size, rates.join_size, alpha])
    column, row, tables, start = np.arange(mean.shape[-1]), np.full(mean.shape, -1, np.int32), [], 0
    unsure = (mean > 0) & np.isfinite(size) & ((mean < 1) | (column == JOIN))
    for build, here, keys in ((beta_table, column < JOIN, (mean, size)),
                              (gamma_table, column >= JOIN, (size,))):
        if (here := unsure & here).any():
            unique, inverse = np.unique(np.stack([key[here] for key in keys]), axis=1,
                                        return_inverse=True)
            row[here] = start + inverse.reshape(-1)
            tables += _built(build, unique)
            start += unique.shape[1]
    scale = np.where(unsure, 1.0, mean)
    scale[..., JOIN] = mean[..., JOIN] / np.where(unsure, size, 1.0)[..., JOIN]
    return scale, row, np.concatenate(tables or [np.zeros((1, 4))])


def _built(build, unique):
    return run_blocks(lambda first, last: build(*unique[:, first:last]), unique.shape[1], block=200)


def estimate(transitions, joiners, population, *, stock, places, groups, allowed, phases,
             steps_per_year, first_age, prior_size, join_prior_years, correlation, moves=None,
             destinations=None):
    """Rates from counts: pooled events over pooled exposure, never a mean of ratios.

    transitions: period, place, step, outcome (STAY, LEFT or another place), children;
    joiners: period, place, step (at the end), children; population: period, step, children, one
    row for every period the joiners were counted in, the latest being the base population.
    groups (place,) and phases (step,) labels; allowed (place, step); moves (place, place) or None.
    prior_size: children's worth of weight on the group's rate, itself so shrunk to all places
    (alpha = prior_size * parent + counts); join_prior_years: the same for joiners, in years.
    Joiners: Gamma(1/2 a place + counts, years), by age as the place's shrunk profile.
    destinations: keep only this many likeliest a state. Refuses negative or missing counts,
    unknown places, children at impossible ages, moves not allowed.
    """
    allowed, places = np.asarray(allowed, bool), (*places,)
    if not (prior_size > 0 and join_prior_years >= 0):
        raise ValueError(f"prior_size {prior_size}, join_prior_years {join_prior_years}: "
                         "allowed above 0, and 0 or more")
    after = np.pad(allowed[:, 1:], ((0, 0), (0, 1)))
    valid = ~np.eye(len(places), dtype=bool) & (moves is None or np.asarray(moves, bool))
    valid = valid[:, None, :] & after.T[None] & allowed[..., None]
    possible = np.dstack([valid, allowed, allowed])
    flows = _pooled(transitions, "transitions", places, (*places, LEFT, STAY), possible)
    member = (np.asarray(groups)[:, None] == np.asarray(groups)).astype(float)
    movers, stayed, can_move = flows[..., :-2], flows[..., -1], valid.any(-1)
    last = allowed & ~after
    leave, leave_size = _shrunk(flows[..., -2], flows.sum(-1), member, prior_size)
    move, move_size = _shrunk(movers.sum(-1), movers.sum(-1) + stayed, member, prior_size)
    entries = _pooled(joiners, "joiners", places, ("",), allowed[..., None])[..., 0]
    return Rates(places, steps_per_year, first_age, stock,
                 np.where(last & ~can_move, 1.0, leave) * allowed, leave_size,
                 np.where(last, 1.0, move) * can_move, move_size,
                 *_destinations(movers, valid, phases, member, prior_size, destinations),
                 *_joiners(entries, _years(population, joiners, allowed.shape[1]), allowed, member,
                           prior_size, join_prior_years), correlation, allowed)


def _pooled(frame, name, places, outcomes, possible):
    """Counts of children summed over periods, (place, step, outcome)."""
    if not (frame["children"] >= 0).all() or not frame["children"].sum() > 0:
        raise ValueError(f"{name}: children below 0, missing or none at all; allowed 0 or more")
    outcome = frame["outcome"] if "outcome" in frame else pd.Series("", frame.index)
    codes = []
    for column, names in ((frame["place"], places), (frame["step"], range(possible.shape[1])),
                          (outcome, outcomes)):
        codes.append(pd.Index(names).get_indexer(column))
        if (codes[-1] < 0).any():
            raise ValueError(f"{name}: found {column[codes[-1] < 0].iloc[0]}; allowed {[*names]}")
    counts = np.zeros(possible.shape)
    np.add.at(counts, tuple(codes), frame["children"].to_numpy(float))
    for place, step, to in np.argwhere((counts > 0) & ~possible)[:1]:
        raise ValueError(f"{name}: {places[place]} at step {step} to {outcomes[to] or 'join'}; "
                         "allowed possible ages and moves to another place")
    return counts


def _shrunk(events, exposed, member, prior_size):
    """Posterior mean and size of a share (place, step), shrunk to its group and to all places."""
    parent = events.sum() / max(exposed.sum(), 1)
    parent = (events.sum(0) + prior_size * parent) / (exposed.sum(0) + prior_size)
    parent = (member @ events + prior_size * parent) / (member @ exposed + prior_size)
    return (events + prior_size * parent) / (exposed + prior_size), exposed + prior_size


def _destinations(movers, valid, phases, member, prior_size, most):
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
    target = target[..., :max(1, min((alpha > 0).sum(-1).max(), most or len(alpha)))]
    alpha = np.take_along_axis(alpha, target, -1)
    size = np.where(alpha.any(-1), alpha.sum(-1), np.inf)
    return np.where(alpha > 0, target, -1), alpha / size[..., None], size


def _years(population, joiners, steps):
    """Years' worth (step,) of the base population that the counted joiners came from."""
    people = population.pivot(index="period", columns="step", values="children").sort_index()
    people = people.reindex(columns=range(steps))
    if not (people > 0).all(axis=None) or set(joiners["period"]) - set(people.index):
        raise ValueError("population: missing or not above 0; allowed every step, in all periods "
                         f"of the joiners, {sorted(set(joiners['period']))}")
    return (people / people.iloc[-1]).sum().to_numpy()


def _joiners(counts, years, allowed, member, prior_size, prior_years):
    total = np.broadcast_to(counts.sum(1, keepdims=True), counts.shape)
    profile = _shrunk(counts, total, member, prior_size)[0] * allowed
    profile /= np.maximum(profile.sum(1, keepdims=True), 1e-99)
    shape = counts + profile * (0.5 + prior_years * (counts / years).sum(1, keepdims=True))
    return shape / (years + prior_years), np.where(shape > 0, shape, np.inf)
