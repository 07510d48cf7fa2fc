"""What an option is worth: net present value, regret, and what knowing more first is worth."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.polynomial.hermite_e import hermevander2d
from scipy.interpolate import BSpline
from scipy.optimize import linprog
from scipy.special import ndtri

from sufficiency.model.streams import named_uniform

MONTHS = 12
CUBIC, KNOTS = 3, 10
RESAMPLES = 100


class Minimax(NamedTuple):
    """Least largest regret, GBP: of one option, and of a mix (option,) of shares that sum to 1."""

    option: object
    regret: float
    mix: pd.Series
    mix_regret: float


class Evppi(NamedTuple):
    """Expected value of partial perfect information and its standard error, GBP."""

    value: float
    error: float


class Investment(NamedTuple):
    """Invest to save, per draw; GBP, real; a flow above 0 saves.

    capital (draw,) with optimism bias, flows (draw, year), npv (draw,). payback and
    discounted_payback (draw,): years at whose end the flows since the first year's start have made
    up for the capital for good; nan where they have not within the years given.
    """

    capital: np.ndarray
    flows: np.ndarray
    npv: np.ndarray
    payback: np.ndarray
    discounted_payback: np.ndarray


def discount_factors(years, rates):
    """Factors, shape of years: years from the first, 0 or more, the half of a mid-year among them.

    rates [(first year, last year or None, rate a year)]: each year is discounted at its own band's
    rate on top of the years before it (HM Treasury, Green Book 2026, ch. 6 and supplementary
    guidance on discounting). Refuses a year that lies in no band, or in two.
    """
    years = _finite("discount_factors", "years", years)
    if years.size and years.min() < 0:
        raise ValueError(f"discount_factors: found year {years.min():g}; allowed 0 or more")
    whole = np.arange(1, int(np.ceil(years.max(initial=0))) + 1)
    bands = [(first, np.inf if last is None else last, rate) for first, last, rate in rates]
    inside = [[rate for first, last, rate in bands if first <= year <= last] for year in whole]
    for year, found in zip(whole, inside, strict=True):
        if len(found) != 1 or not found[0] > -1:
            raise ValueError(f"discount_factors: found rates {found} in year {year}; allowed one, "
                             "above -1")
    steps = np.concatenate([[0.0], np.cumsum(np.log1p(np.ravel(inside)))])
    # Straight in the logarithm between two years: part of a year is compounded too.
    return np.exp(-np.interp(years, np.arange(steps.size), steps))


def net_present(flows, factors):
    """Net present value (...) of flows (..., year), real GBP, by factors (year,)."""
    flows, factors = (_finite("net_present", *pair)
                      for pair in (("flows", flows), ("factors", factors)))
    if flows.shape[-1:] != factors.shape:
        raise ValueError(f"net_present: found flows {flows.shape}, factors {factors.shape}; "
                         "allowed flows (..., year), factors (year,)")
    return flows @ factors


def annual_equivalent(npv, factors):
    """The same GBP a year worth npv, spread over the years of factors (year,) and no others."""
    return np.asarray(npv, float) / _finite("annual_equivalent", "factors", factors).sum()


def evpi(benefit):
    """Expected value of perfect information, GBP, of net benefit (draw, option), GBP.

    What knowing everything before the choice would add to the best choice made now, on average.
    """
    return float(expected_loss(benefit).min())


def probability_best(benefit):
    """Share of draws (option,) in which each has the most benefit (draw, option); ties shared."""
    benefit = _benefit("probability_best", benefit)
    best = benefit == benefit.max(1, keepdims=True)
    return (best / best.sum(1, keepdims=True)).mean(0)


def expected_loss(benefit):
    """Mean GBP (option,) by which each falls short of the draw's best; benefit (draw, option)."""
    benefit = _benefit("expected_loss", benefit)
    return (benefit.max(1, keepdims=True) - benefit).mean(0)


def evppi(benefit, inputs):
    """What knowing inputs (draw, k) or (draw,) alone first would add, GBP: an Evppi.

    Benefit (draw, option) less that of the best option now is regressed on `smooth_basis`; then the
    mean of the best fitted less the best mean (Strong, Oakley & Brennan 2014, Medical Decision
    Making 34:311-326). Error: 100 coefficients from their normal law, and the luck of the draws.
    What a fit makes of pure chance would count as knowledge: each option's fit is narrowed to the
    variance that is left without it, which may be none.
    """
    benefit, basis = _benefit("evppi", benefit), smooth_basis(inputs)
    draws, terms = basis.shape
    if len(benefit) != draws:
        raise ValueError(f"evppi: found {len(benefit)} draws of benefit and {draws} of inputs; "
                         "allowed as many of each")
    gain = benefit - benefit[:, [benefit.mean(0).argmax()]]
    mean = gain.mean(0)
    slope = basis.T @ gain
    rest = gain - mean - basis @ slope
    chance = terms * (rest**2).sum(0) / (draws - terms - 1)
    fitted = (slope**2).sum(0)
    slope *= np.sqrt(np.clip(1 - chance / np.where(fitted > 0, fitted, 1), 0, 1))
    basis = np.hstack([np.full((draws, 1), draws**-0.5), basis])
    slope = np.vstack([mean * np.sqrt(draws), slope])
    root = np.linalg.qr(rest, mode="r") / np.sqrt(draws - terms - 1)
    luck = ndtri(named_uniform(0, "evppi", RESAMPLES * (terms + 1) * len(root)))
    again = [expected_loss(basis @ (slope + normal @ root)).min()
             for normal in luck.reshape(RESAMPLES, terms + 1, len(root))]
    known = basis @ slope
    luck_of_draws = (known.max(1) - known[:, known.mean(0).argmax()]).std() / np.sqrt(draws)
    return Evppi(evpi(known), float(np.hypot(np.std(again, ddof=1), luck_of_draws)))


def smooth_basis(inputs):
    """Orthonormal columns (draw, term), of mean 0: smooth functions of inputs (draw, k) or (draw,).

    One input: cubic B-splines, 10 knots at quantiles. Two: Hermite polynomials, degree 3 in each,
    and their products. More: splines of each, and products of pairs. An input that does not vary
    adds no column. Refuses fewer draws than twice the columns.
    """
    inputs = _finite("smooth_basis", "inputs", inputs)
    inputs = inputs.reshape(len(inputs), -1)
    inputs = inputs[:, np.ptp(inputs, axis=0) > 1e-12 * np.abs(inputs).max(0)]
    draws, k = inputs.shape
    standard = (inputs - inputs.mean(0)) / inputs.std(0)
    if k == 2:
        columns = hermevander2d(*standard.T, (CUBIC, CUBIC))
    else:
        pairs = [standard[:, [a]] * standard[:, [b]] for a, b in combinations(range(k), 2)]
        columns = np.hstack([np.ones((draws, 1)), *map(_splines, inputs.T), *pairs])
    if draws < 2 * columns.shape[1] + 2:
        raise ValueError(f"smooth_basis: found {draws} draws of {k} inputs; allowed at least "
                         f"{2 * columns.shape[1] + 2}")
    columns = columns - columns.mean(0)
    left, size, _ = np.linalg.svd(columns / np.maximum(np.abs(columns).max(0), 1e-300),
                                  full_matrices=False)
    return left[:, size > 1e-9 * max(size[0], 1)]


def regret(payoff):
    """What each option falls short of the state's best by: frame option x state, as payoff, GBP."""
    payoff = pd.DataFrame(payoff)
    _finite("regret", "payoffs", payoff)
    return payoff.max() - payoff


def minimax(payoff):
    """Option, and mix of options, whose largest regret is least (Savage 1951): a Minimax.

    payoff: frame or rows option x state, GBP, more is better. The mix by linear programme; for one
    choice it means a lottery, for a budget its parts.
    """
    table = regret(payoff)
    options, states = table.shape
    worst = table.max(axis=1)
    found = linprog(np.r_[np.zeros(options), 1.0], A_ub=np.c_[table.T, -np.ones(states)],
                    b_ub=np.zeros(states), A_eq=[[1.0] * options + [0.0]], b_eq=[1.0])
    return Minimax(worst.idxmin(), float(worst.min()), pd.Series(found.x[:-1], table.index),
                   float(found.fun))


def invest_to_save(capital, saving, factors, running=0.0, optimism_bias=0.0, opens_months=0.0,
                   ramp_months=0.0, life_years=np.inf):
    """Capital spent in the first year against the net saving that follows: an Investment.

    All but factors (year,) are (draw,) or a number. capital GBP, raised by optimism_bias, a share
    (up to 0.24 for standard and 0.51 for other buildings: Mott MacDonald 2002, Review of Large
    Public Procurement, as in the Green Book's supplementary guidance). saving GBP/year at full
    use, which rises in a straight line over ramp_months from opens_months after the first year's
    start; running GBP/year, whole from the opening; both end life_years after it. Real prices.
    """
    given = {"capital": capital, "optimism_bias": optimism_bias, "opens_months": opens_months,
             "ramp_months": ramp_months, "life_years": life_years}
    for name, one in given.items():
        if not np.min(one) >= 0:
            raise ValueError(f"invest_to_save: found {name} {np.min(one):g}; allowed 0 or more")
    capital, bias, opens, ramp, life, saving, running = (
        np.asarray(one, float)[..., None] for one in (*given.values(), saving, running))
    since = np.arange(len(factors) * MONTHS) + 0.5 - opens
    working = (since >= 0) & (since < life * MONTHS)
    use = np.clip(since / np.maximum(ramp, 1e-9), 0, 1) * working
    flows = sum(amount * share.reshape(*share.shape[:-1], -1, MONTHS).mean(-1)
                for amount, share in ((saving, use), (-running, working)))
    capital = capital * (1 + bias)
    flows = flows - capital * (np.arange(len(factors)) == 0)
    return Investment(capital[..., 0], flows, net_present(flows, factors), _payback(flows),
                      _payback(flows * factors))


def _payback(flows):
    short = np.cumsum(flows, -1) < -1e-9 * np.abs(flows).max(-1, keepdims=True)
    years = short.shape[-1]
    last = np.where(short.any(-1), years - short[..., ::-1].argmax(-1), 0)
    return np.where(last < years, last + 1.0, np.nan)


def _splines(x):
    inner = np.unique(np.quantile(x, np.linspace(0, 1, KNOTS)))
    knots = np.pad(inner, CUBIC, mode="edge")
    return BSpline.design_matrix(x, knots, CUBIC).toarray()


def _finite(where, name, values):
    values = np.asarray(values, float)
    if not np.isfinite(values).all():
        raise ValueError(f"{where}: found {name} that are not finite; allowed numbers")
    return values


def _benefit(where, benefit):
    benefit = _finite(where, "benefit", benefit)
    if benefit.ndim != 2 or not benefit.size:
        raise ValueError(f"{where}: found benefit of shape {benefit.shape}; allowed (draw, option)")
    return benefit
