"""How likely children in care are to leave, move or enter in a quarter, and how sure we are."""

import numpy as np

from sufficiency.model.placements.rates import Rates

# Brackets of the return's own statistics: under 1, 1 to 4, 5 to 9, 10 to 15, 16 and over.
BRACKETS = {"under 1": 0, "1 to 4": 1, "5 to 9": 5, "10 to 15": 10, "16 and over": 16}
STEPS, A_YEAR = 72, 4
NEWBORN = (0, 0.25, 0.5, 0.75)


def bracket(age):
    """Number of the bracket of ages in years."""
    return np.searchsorted(list(BRACKETS.values()), age, "right") - 1


def estimate(counts, *, places, ages, prior_size, correlation):
    """Rates by quarter from children counted at the ends of quarters -> `placements.rates.Rates`.

    counts: of `case.returns.ssda903_counts.count`; events over child-quarters at risk, pooled over
    the years. ages (place): youngest and oldest. Leave and move by place and bracket of the age at
    the quarter's end: Beta, prior_size child-quarters' weight on the bracket's rate in all places,
    itself so shrunk to all ages; where to: Dirichlet, likewise. Entries by place and age:
    Gamma(1/2 a place + counted, quarters). Who turns 18 leaves for certain. Stock is the last
    31 March's, to the quarter of age: counts cut at a year give what that year could tell.
    """
    if not prior_size > 0:
        raise ValueError(f"prior_size {prior_size}: allowed above 0")
    places, step = (*places,), np.arange(STEPS)
    allowed = np.array([(step // A_YEAR >= low) & (step // A_YEAR <= high) for low, high in ages])
    # A child is in the bracket of the age it reaches; the last step turns 18
    reached = bracket((step + 1) // A_YEAR)
    moved = np.stack([_table(counts, "mover", places, to) for to in places], -1)
    left, stayed = (_table(counts, kind, places) for kind in ("leaver", "stayer"))
    exposed = left + stayed + moved.sum(-1)
    leave, leave_size = _shrunk(left, exposed, prior_size)
    move, move_size = _shrunk(moved.sum(-1), exposed - left, prior_size)
    after = np.pad(allowed[:, 1:], ((0, 0), (0, 1)))
    valid = after.T[None] & allowed[..., None] & ~np.eye(len(places), dtype=bool)[:, None]
    can, must = valid.any(-1), allowed & ~after
    return Rates(
        places, A_YEAR, 0, _stock(counts, places, allowed),
        np.where(must & ~can, 1.0, leave[:, reached]) * allowed, leave_size[:, reached],
        np.where(must, 1.0, move[:, reached]) * can, move_size[:, reached],
        *_destinations(moved[:, reached], valid, prior_size),
        *_entries(counts, places, allowed), correlation, allowed)


def quarters(counts):
    """How many quarters were counted."""
    return A_YEAR * counts.loc[counts["kind"] == "between", "year"].nunique()


def _rows(counts, kind, places, destination=None):
    rows = counts[counts["kind"] == kind]
    rows = rows if destination is None else rows[rows["destination"] == destination]
    place = rows["place"].map({name: i for i, name in enumerate(places)})
    for found in rows["place"][place.isna()][:1]:
        raise ValueError(f"counts: found {found}; allowed {', '.join(places)}")
    return place.astype(int).to_numpy(), rows["age"].to_numpy(float), rows["count"].to_numpy(float)


def _table(counts, kind, places, destination=None):
    """Children (place, bracket)."""
    place, age, count = _rows(counts, kind, places, destination)
    found = np.zeros((len(places), len(BRACKETS)))
    np.add.at(found, (place, bracket(age)), count)
    return found


def _shrunk(events, exposed, prior_size):
    """Posterior mean and size (place, bracket), shrunk to the bracket and that to all ages."""
    overall = (events.sum() + 0.5) / (exposed.sum() + 1)
    parent = (events.sum(0) + prior_size * overall) / (exposed.sum(0) + prior_size)
    return (events + prior_size * parent) / (exposed + prior_size), exposed + prior_size


def _destinations(moved, valid, prior_size):
    """Target, share_mean and share_size of movers (place, step, destination)."""
    whole = moved.sum(0) + prior_size * (moved.sum((0, 1)) + 1) / (moved.sum() + len(moved))
    parent = np.where(valid, whole, 0.0)
    total = parent.sum(-1, keepdims=True)
    alpha = moved * valid + prior_size * parent / np.where(total > 0, total, 1.0)
    size = np.where(alpha.any(-1), alpha.sum(-1), np.inf)
    target = np.broadcast_to(np.arange(len(moved)), alpha.shape)
    return np.where(alpha > 0, target, -1), alpha / size[..., None], size


def _entries(counts, places, allowed):
    """Mean and size of entries (place, step) a quarter; a cell's Gamma is split among its steps."""
    place, age, count = _rows(counts, "joiner", places)
    found = np.zeros(allowed.shape)
    for p, years, number in zip(place, age, count, strict=True):
        first = round(years * A_YEAR)
        found[p, first : first + (1 if years in NEWBORN else A_YEAR)] += (
            number if years in NEWBORN else number / A_YEAR)
    found *= allowed
    # one half a place, as its own entries are spread, and those of all places where it has none
    own = found.sum(1, keepdims=True)
    spread = np.where(own > 0, found, found.sum(0)) * allowed
    spread = np.where(spread.sum(1, keepdims=True) > 0, spread, allowed)
    shape = found + 0.5 * spread / spread.sum(1, keepdims=True)
    return shape / quarters(counts), np.where(shape > 0, shape, np.inf)


def _stock(counts, places, allowed):
    place, age, count = _rows(counts[counts["year"] == counts["year"].max()], "position", places)
    found = np.zeros(allowed.shape)
    np.add.at(found, (place, np.rint(age * A_YEAR).astype(int)), count)
    return found


def stay(rates):
    """Share of a place's children who are still there a year on (place,), at the mean rates."""
    keep = (1 - rates.leave_mean) * (1 - rates.move_mean)
    keep[:, -1] = 0.0
    yearly = np.ones_like(keep)
    for quarter in range(A_YEAR):
        yearly[:, : STEPS - quarter] *= keep[:, quarter:]
        yearly[:, STEPS - quarter :] = 0.0
    total = rates.stock.sum(1)
    return np.where(total > 0, (yearly * rates.stock).sum(1) / np.maximum(total, 1), 0.0)
