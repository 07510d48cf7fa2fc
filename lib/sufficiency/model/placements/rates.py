"""How likely children are to cease, change place or join, and how sure we are of it."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sufficiency.model.kernels import beta_table, gamma_table

STAY, LEFT = "stay", "leave"
LEAVE, MOVE, JOIN, SHARE = range(4)
_PER_CELL = ("stock", "leave_mean", "leave_size", "move_mean", "move_size", "share_size",
             "join_mean", "join_size")


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
        shape = np.shape(self.stock)
        allowed = np.ones(shape, bool) if self.allowed is None else np.array(self.allowed, bool)
        kinds = {"target": np.int32, "allowed": bool}
        for name in (*_PER_CELL, "target", "share_mean", "allowed"):
            value = allowed if name == "allowed" else getattr(self, name)
            object.__setattr__(self, name, np.array(value, kinds.get(name, float)))
        object.__setattr__(self, "places", tuple(self.places))
        self._check_cells(shape)
        self._check_ages()

    def _check_cells(self, shape):
        if len(shape) != 2 or len(self.places) != shape[0] or len(set(self.places)) != shape[0]:
            raise ValueError(f"stock: shape {shape}; allowed (place, step), {len(self.places)} "
                             "places of different names")
        for name in (*_PER_CELL, "allowed"):
            value = getattr(self, name)
            if value.shape != shape:
                raise ValueError(f"{name}: shape {value.shape}; allowed {shape}")
            high = 1 if name in ("leave_mean", "move_mean") else np.inf
            self._refuse(name, ~((value >= 0) & (value <= high)), value, f"0 to {high}")
            if name.endswith("_size"):
                self._refuse(name, value == 0, value, "above 0, or inf for certain")
        if self.target.shape[:2] != shape or self.target.shape != self.share_mean.shape:
            raise ValueError(f"target: shape {self.target.shape}; allowed {shape} + (k,), as share")
        if not 0 <= self.correlation <= 1:
            raise ValueError(f"correlation: found {self.correlation}; allowed 0 to 1")

    def _check_ages(self):
        used, origin = self.share_mean > 0, np.arange(len(self.places))[:, None, None]
        total = self.share_mean.sum(-1)
        self._refuse("share_mean", ~(self.share_mean >= 0), self.share_mean, "0 to 1")
        self._refuse("share_mean", (self.move_mean > 0) & (np.abs(total - 1) > 1e-9), total,
                     "shares that sum to 1 wherever children move")
        wrong = used & ((self.target < 0) | (self.target >= len(self.places)))
        self._refuse("target", wrong, self.target, "a place, for every share above 0")
        self._refuse("target", used & (self.target == origin), self.target, "another place")
        for name in ("stock", "join_mean"):
            value = getattr(self, name)
            self._refuse(name, (value > 0) & ~self.allowed, value, "0 at an impossible age")
        after = np.zeros_like(self.allowed)
        after[:, :-1] = self.allowed[:, 1:]
        landing = after[self.target, np.arange(self.stock.shape[1])[:, None]]
        moving = used & (self.move_mean > 0)[..., None]
        moving[:, -1] = False
        self._refuse("target", moving & ~landing, self.target, "places that take the next age")
        stuck = self.allowed & ~after & (self.leave_mean < 1) & (self.move_mean < 1)
        stuck[:, -1] = False
        self._refuse("move_mean", stuck, self.move_mean, "1 (or leave_mean 1) at the last age")

    def _refuse(self, name, wrong, value, permitted):
        if wrong.any():
            place, step, *_ = np.argwhere(wrong)[0]
            raise ValueError(f"{name}: found {value[place, step]} at {self.places[place]}, "
                             f"step {step}; allowed {permitted}")

    def certain(self):
        """The same means, held without uncertainty."""
        sizes = ("leave_size", "move_size", "share_size", "join_size")
        return replace(self, **{name: np.full(self.stock.shape, np.inf) for name in sizes})


def quantile_rows(rates):
    """What the engine draws from: scale and row (place, step, leave move join share...), table.

    A value is its scale where the row is -1 (certain), else read from that row of the table:
    logit of a Beta, log of a Gamma; states alike share a row.
    """
    shares, shape = rates.share_mean, rates.share_mean * rates.share_size[..., None].clip(max=1e300)
    mean = np.dstack([rates.leave_mean, rates.move_mean, rates.join_mean, shares])
    shape = np.where(np.isinf(rates.share_size)[..., None], np.inf, shape)
    size = np.dstack([rates.leave_size, rates.move_size, rates.join_size, shape])
    column = np.arange(mean.shape[-1])
    unsure = (mean > 0) & np.isfinite(size) & ((mean < 1) | (column == JOIN))
    row, tables, start = np.full(mean.shape, -1, np.int32), [], 0
    beta = column < JOIN
    for here, keys in ((unsure & beta, (mean, size)), (unsure & ~beta, (size,))):
        if not here.any():
            continue
        unique, inverse = np.unique(np.stack([key[here] for key in keys]), axis=1,
                                    return_inverse=True)
        row[here] = start + inverse.reshape(-1)
        tables.append((gamma_table, beta_table)[len(keys) - 1](*unique))
        start += unique.shape[1]
    scale = np.where(unsure, 1.0, mean)
    scale[..., JOIN] = mean[..., JOIN] / np.where(unsure, size, 1.0)[..., JOIN]
    return scale, row, np.concatenate(tables or [np.zeros((1, 4))])


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
    allowed, places = np.asarray(allowed, bool), tuple(places)
    if not prior_size > 0 or not join_prior_years >= 0:
        raise ValueError(f"prior_size, join_prior_years: found {prior_size}, {join_prior_years}; "
                         "allowed above 0, and 0 or more")
    steps, own = range(allowed.shape[1]), np.eye(len(places), dtype=bool)
    flows = _pooled(transitions, "transitions", places, steps, (*places, LEFT, STAY))
    after = np.zeros_like(allowed)
    after[:, :-1] = allowed[:, 1:]
    valid = ~own if moves is None else np.asarray(moves, bool) & ~own
    valid = valid[:, None, :] & after.T[None] & allowed[..., None]
    _refuse_counts(flows, valid, allowed, places)
    member = (np.asarray(groups)[:, None] == np.asarray(groups)).astype(float)
    movers, children = flows[..., :-2], flows.sum(-1)
    leave, leave_size = _shrunk(flows[..., -2], children, member, prior_size)
    move, move_size = _shrunk(movers.sum(-1), movers.sum(-1) + flows[..., -1], member, prior_size)
    can_move, last = valid.any(-1), allowed & ~after
    leave = np.where(last & ~can_move, 1.0, leave) * allowed
    move = np.where(last, 1.0, move) * can_move
    target, share, share_size = _destinations(movers, valid, phases, member, prior_size,
                                              destinations)
    join, join_size = _joiners(joiners, population, allowed, places, member, prior_size,
                               join_prior_years)
    return Rates(places, steps_per_year, first_age, stock, leave, leave_size, move, move_size,
                 target, share, share_size, join, join_size, correlation, allowed)


def _pooled(frame, name, places, steps, outcomes=("",)):
    """Counts of children summed over periods, (place, step, outcome)."""
    if frame["children"].isna().any() or (frame["children"] < 0).any():
        raise ValueError(f"{name}: children below 0 or missing; allowed 0 or more")
    outcome = frame["outcome"] if "outcome" in frame else pd.Series("", frame.index)
    columns = ((frame["place"], places), (frame["step"], steps), (outcome, outcomes))
    codes = [pd.Index(names).get_indexer(column) for column, names in columns]
    for (column, names), code in zip(columns, codes, strict=True):
        if (code < 0).any():
            raise ValueError(f"{name}: found {column[code < 0].iloc[0]!r}; allowed {list(names)}")
    if not frame["children"].sum() > 0:
        raise ValueError(f"{name}: no children; allowed at least one")
    counts = np.zeros([len(names) for _, names in columns])
    np.add.at(counts, tuple(codes), frame["children"].to_numpy(float))
    return counts


def _refuse_counts(flows, valid, allowed, places):
    outside = flows * ~allowed[..., None]
    for wrong in (outside, flows[..., :-2] * ~valid):
        if (wrong > 0).any():
            place, step, outcome = np.argwhere(wrong > 0)[0]
            where = (*places, LEFT, STAY)[outcome]
            raise ValueError(f"transitions: {wrong.max():g} children, {places[place]} at step "
                             f"{step} to {where}; allowed possible ages and moves between places")


def _shrunk(events, exposed, member, prior_size):
    """Posterior mean and size of a share (place, step), shrunk to its group and to all places."""
    parent = events.sum() / max(exposed.sum(), 1)
    parent = (events.sum(0) + prior_size * parent) / (exposed.sum(0) + prior_size)
    parent = (member @ events + prior_size * parent) / (member @ exposed + prior_size)
    return (events + prior_size * parent) / (exposed + prior_size), exposed + prior_size


def _destinations(movers, valid, phases, member, prior_size, most):
    same = (np.asarray(phases)[:, None] == np.asarray(phases)).astype(float)
    counts = np.einsum("pud,us->psd", movers, same) * valid
    pooled = np.einsum("pud,us->sd", movers, same)
    pooled = pooled + prior_size * movers.sum((0, 1)) / max(movers.sum(), 1)
    group = np.einsum("pq,qud,us->psd", member, movers, same, optimize=True)
    parent = (group + prior_size * pooled / np.maximum(pooled.sum(-1, keepdims=True), 1)) * valid
    # nobody has been seen to go anywhere possible: every possible place alike
    parent = np.where(parent.sum(-1, keepdims=True) > 0, parent, valid)
    alpha = counts + prior_size * parent / np.maximum(parent.sum(-1, keepdims=True), 1e-300)
    width = max(1, min(int((alpha > 0).sum(-1).max()), most or len(alpha)))
    target = np.argsort(-alpha, axis=-1, kind="stable")[..., :width]
    alpha = np.take_along_axis(alpha, target, -1)
    size = alpha.sum(-1)
    share = alpha / np.where(size > 0, size, 1)[..., None]
    return np.where(alpha > 0, target, -1), share, np.where(size > 0, size, np.inf)


def _joiners(joiners, population, allowed, places, member, prior_size, prior_years):
    steps = range(allowed.shape[1])
    counts = _pooled(joiners, "joiners", places, steps)[..., 0]
    if (counts * ~allowed > 0).any():
        place, step = np.argwhere(counts * ~allowed > 0)[0]
        raise ValueError(f"joiners: {places[place]} at step {step}; allowed possible ages")
    people = population.pivot(index="period", columns="step", values="children").reindex(
        columns=steps).sort_index()
    if people.isna().any(axis=None) or not (people > 0).all(axis=None):
        raise ValueError("population: missing or not above 0; allowed every period and step")
    if missing := set(joiners["period"]) - set(people.index):
        raise ValueError(f"joiners: periods {sorted(missing)}; allowed those of the population")
    years = (people / people.iloc[-1]).sum().to_numpy()
    total = np.broadcast_to(counts.sum(1, keepdims=True), counts.shape)
    profile = _shrunk(counts, total, member, prior_size)[0] * allowed
    profile /= np.maximum(profile.sum(1, keepdims=True), 1e-300)
    yearly = (counts / years).sum(1, keepdims=True)
    shape = counts + profile / 2 + prior_years * yearly * profile
    return shape / (years + prior_years), np.where(shape > 0, shape, np.inf)
