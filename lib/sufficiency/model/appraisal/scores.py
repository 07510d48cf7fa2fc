"""Outcomes that are not money beside cost: scales, swing weights, and how far a ranking holds."""

from typing import NamedTuple

import numpy as np

from sufficiency.model.streams import named_uniform

SCALE = 100.0


class Acceptability(NamedTuple):
    """How weights bear on a ranking, from `smaa`; ties are shared.

    acceptability (option, rank): share of draws at each rank, first rank first. central
    (option, criterion): mean weights of the draws in which an option is first, and confidence
    (option,): share of draws of scores in which it is first at those; nan where it never is.
    """

    acceptability: np.ndarray
    central: np.ndarray
    confidence: np.ndarray


def local_scores(values, best, worst):
    """Scores of values on a straight scale from 0, worst, to 100, best; beyond them where they are.

    Any shapes that broadcast. Local: best and worst among the options compared (DCLG 2009,
    Multi-criteria analysis: a manual, ch. 6).
    """
    values, best, worst = (np.asarray(one, float) for one in (values, best, worst))
    if not (np.isfinite(values).all() and np.isfinite(best - worst).all()
            and (best != worst).all()):
        raise ValueError(f"local_scores: found best {best}, worst {worst}; allowed numbers, a best "
                         "that is not the worst")
    return SCALE * (values - worst) / (best - worst)


def swing_weights(swings, criteria=None):
    """Weights (criterion,) that sum to 1, of swings: points or GBP for going from worst to best.

    DCLG 2009, ch. 6. criteria: their names, for the messages and the count.
    """
    swings = np.asarray(swings, float)
    names = list(range(1, swings.size + 1) if criteria is None else criteria)
    if swings.shape != (len(names),) or not names:
        raise ValueError(f"swing_weights: found swings of shape {swings.shape}; allowed one for "
                         f"each of {len(names)} criteria")
    if not (np.isfinite(swings).all() and (swings >= 0).all() and swings.any()):
        found = ", ".join(f"{name} {swing:g}" for name, swing in zip(names, swings, strict=True))
        raise ValueError(f"swing_weights: found {found}; allowed numbers of 0 or more, not all 0")
    return swings / swings.sum()


def weighted(scores, weights):
    """Weighted scores (..., option) of scores (..., option, criterion), weights (..., criterion).

    Refuses weights that are below 0 or do not sum to 1.
    """
    scores, weights = np.asarray(scores, float), np.asarray(weights, float)
    if scores.ndim < 2 or not weights.ndim or scores.shape[-1] != weights.shape[-1]:
        raise ValueError(f"weighted: found scores {scores.shape}, weights {weights.shape}; allowed "
                         "(..., option, criterion) and (..., criterion)")
    if not ((weights >= 0).all() and np.allclose(weights.sum(-1), 1, rtol=0, atol=1e-9)):
        raise ValueError("weighted: found weights that are below 0 or do not sum to 1; allowed "
                         "weights of 0 or more, sum 1")
    return (scores @ weights[..., None])[..., 0]


def smaa(scores, weights):
    """How often each option takes each rank over draws of weights: an Acceptability.

    scores (option, criterion) or (draw, option, criterion), weights (draw, criterion). Stochastic
    multicriteria acceptability analysis: Lahdelma & Salminen 2001, Operations Research 49:444-454.
    """
    scores, weights = np.asarray(scores, float), np.asarray(weights, float)
    places = _places(weighted(scores, weights))
    first = places[..., 0]
    # 0 / 0 is nan: an option that is never first has no weights that make it so.
    with np.errstate(invalid="ignore"):
        central = first.T @ weights / first.sum(0)[:, None]
    confidence = [_places(np.atleast_2d(weighted(scores, mine)))[:, option, 0].mean()
                  if np.isfinite(mine).all() else np.nan for option, mine in enumerate(central)]
    return Acceptability(places.mean(0), central, np.array(confidence))


def _places(worth):
    """Share (draw, option, rank) of each rank that worth (draw, option) takes, ties shared."""
    others, mine = worth[:, None, :], worth[:, :, None]
    above, equal = (others > mine).sum(-1), (others == mine).sum(-1)
    ranks, above = np.arange(worth.shape[1]), above[..., None]
    return ((ranks >= above) & (ranks < above + equal[..., None])) / equal[..., None]


def dirichlet_weights(draws, criteria, seed, swings=None):
    """Weights (draw, criterion), every set that sums to 1 as likely as another.

    criteria: names; each has a stream of its own. swings (criterion,), where given: only the sets
    in their order, a larger swing never weighing less; equal swings are left in either order.
    """
    raw = -np.log(np.column_stack([named_uniform(seed, f"weight of {name}", draws)
                                   for name in criteria]))
    weights = raw / raw.sum(1, keepdims=True)
    if swings is None:
        return weights
    swings = swing_weights(swings, criteria)
    order = np.lexsort((-weights, np.broadcast_to(-swings, weights.shape)), axis=-1)
    ordered = np.empty_like(weights)
    np.put_along_axis(ordered, order, -np.sort(-weights, axis=1), axis=1)
    return ordered


def rank_order_centroid(n):
    """Mean of all weights (n,) in one order, weightiest first (SMARTER: Edwards & Barron 1994)."""
    return np.cumsum(1 / np.arange(n, 0, -1))[::-1] / n


def dominated(scores):
    """Options (option,) that another equals or beats on every criterion, and beats on one.

    scores (option, criterion).
    """
    others, mine = np.asarray(scores, float)[None], np.asarray(scores, float)[:, None]
    return ((others >= mine).all(-1) & (others > mine).any(-1)).any(1)
