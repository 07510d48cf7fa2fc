"""Luck inside compiled loops: a uniform for each named event, and tables of beta and gamma."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import special

from .quantiles import MIDDLE, compiled, fraction, inlined, normal_quantile

# Uniforms of 52 bits have |z| < 8.21: inside the last node but one.
NODES, REACH = 129, 8.4
STEP = 2 * REACH / (NODES - 1)
# Every 16th node is worked out by scipy, the nodes between by stepping from the outer of two.
GAP = 16
ANCHORS = np.linspace(-REACH, REACH, NODES)[::GAP]
LEFT = ANCHORS <= 0
LOWER, UPPER = special.ndtr(ANCHORS[LEFT]), special.ndtr(-ANCHORS[~LEFT])
# At nodes and half-way: z, log Phi(z) and its slope phi(z) / Phi(z).
HALVES = np.linspace(-REACH, REACH, 2 * NODES - 1)
LOG_CDF = special.log_ndtr(HALVES)
LOG_ROOT_2PI = 0.9189385332046727
SLOPE = np.exp(-0.5 * HALVES**2 - LOG_ROOT_2PI - LOG_CDF)
# exp(-800) is 0 in double precision: the table's way of saying never.
NEVER = -800.0
# normal_quantile is its middle fraction up to here.
MIDDLE_Z = 1.4395


@inlined
def philox4x32(c0, c1, c2, c3, k0, k1):
    """Four random 32-bit words of a counter and a key: Philox4x32-10 (Salmon et al. 2011)."""
    c0, c1, c2, c3 = np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)
    k0, k1 = np.uint32(k0), np.uint32(k1)
    for _ in range(10):
        a = np.uint64(0xD2511F53) * np.uint64(c0)
        b = np.uint64(0xCD9E8D57) * np.uint64(c2)
        c0 = np.uint32(np.uint32(b >> np.uint64(32)) ^ c1 ^ k0)
        c2 = np.uint32(np.uint32(a >> np.uint64(32)) ^ c3 ^ k1)
        c1, c3 = np.uint32(b), np.uint32(a)
        k0, k1 = np.uint32(k0 + np.uint32(0x9E3779B9)), np.uint32(k1 + np.uint32(0xBB67AE85))
    return c0, c1, c2, c3


@inlined
def event_uniform(seed, stream, draw, step, item, kind):
    """Uniform of one event, 52 bits, strictly between 0 and 1.

    (52 bits + 1/2) / 2^52 of Philox4x32-10, key (seed, stream), counter (draw, step, item, kind),
    each below 2^32: the same event has the same luck whatever else exists.
    """
    a, b, _, _ = philox4x32(draw, step, item, kind, seed, stream)
    bits = (np.uint64(a) << np.uint64(20)) | (np.uint64(b) >> np.uint64(12))
    return (float(bits) + 0.5) * 2.220446049250313e-16


@compiled
def fill_normals(z, seed, stream, first, step, item, kind):
    """Write to z (draw,) the standard normals of one event in draws first, first + 1, ..."""
    for d in range(z.size):
        q = event_uniform(seed, stream, first + d, step, item, kind) - 0.5
        z[d] = q * fraction(MIDDLE, 0.180625 - q * q)
    # Apart, so that the loop above runs several draws at a time.
    for d in range(z.size):
        if abs(z[d]) > MIDDLE_Z:
            z[d] = normal_quantile(event_uniform(seed, stream, first + d, step, item, kind))


@compiled
def interpolate_table(table_row, z):
    """Value at a standard normal z of a row of a table: cubic, kept between its two nodes."""
    place = min(max((z + REACH) / STEP, 1.0), NODES - 2.0)
    i = min(int(place), NODES - 3)
    t = place - i
    before, left, right, after = table_row[i - 1], table_row[i], table_row[i + 1], table_row[i + 2]
    bend = (2.0 - t) * (before - 2.0 * left + right) + (1.0 + t) * (left - 2.0 * right + after)
    value = left + t * (right - left) - t * (1.0 - t) / 6.0 * bend
    return min(max(value, left), right)


def quantile_table(a, b):
    """Logit of Beta(a, b), or log of Gamma(a) where b is inf, at 129 nodes in z.

    a, b (state,) -> (state, 129), within 2e-5. Refuses either not above 0, and an infinite a.
    """
    a, b = np.array(a, float), np.array(b, float)
    if not ((a > 0) & np.isfinite(a) & (b > 0)).all():
        raise ValueError(f"quantile_table: found {a.min():g} to {a.max():g} and {b.min():g} to "
                         f"{b.max():g}; allowed above 0, and the first finite")
    table, constant = np.empty((len(a), NODES)), np.empty(len(a))
    gamma, beta = np.isinf(b), np.isfinite(b)
    constant[gamma], constant[beta] = special.gammaln(a[gamma]), special.betaln(a[beta], b[beta])
    table[gamma, ::GAP] = _gamma(a[gamma, None], constant[gamma, None])
    table[beta, ::GAP] = _beta(a[beta, None], b[beta, None], constant[beta, None])
    _between(table, a, b, constant - LOG_ROOT_2PI)
    return np.clip(table, NEVER, -NEVER)


def _gamma(a, constant):
    x = np.hstack([special.gammaincinv(a, LOWER), special.gammainccinv(a, UPPER)])
    return _log(x, ANCHORS, a, constant)


def _beta(a, b, constant):
    x = np.hstack([special.betaincinv(a, b, LOWER), special.betainccinv(a, b, UPPER)])
    y = np.hstack([special.betainccinv(b, a, LOWER), special.betaincinv(b, a, UPPER)])
    return _log(x, ANCHORS, a, constant) - _log(y, -ANCHORS, b, constant)


def _log(x, z, a, constant):
    """Log of x, or of the first term of its series in Phi(z) where x all but underflows."""
    first_term = (special.log_ndtr(z) + np.log(a) + constant) / a
    return np.where(x > 1e-250, np.log(np.maximum(x, 1e-300)), first_term)


@compiled
def _between(table, a, b, constant):
    """Nodes between anchors: dy/dz = phi(z) / density of y, by Runge-Kutta, from the outer side.

    Towards the middle errors die away; what is stepped is y less its tail, log Phi(z) / a.
    """
    for i in range(len(table)):
        row, values = table[i], (a[i], b[i], constant[i])
        for first in range(0, NODES - 1, GAP):
            start, side = (first, 1) if first < NODES // 2 else (first + GAP, -1)
            low, high, h = row[first], row[first + GAP], side * STEP
            rest = row[start] - _tail(2 * start, side, a[i], b[i])[0]
            for j in range(2 * start, 2 * (start + side * (GAP - 1)), 2 * side):
                k1 = _rise(rest, j, side, low, high, values)
                k2 = _rise(rest + 0.5 * h * k1, j + side, side, low, high, values)
                k3 = _rise(rest + 0.5 * h * k2, j + side, side, low, high, values)
                k4 = _rise(rest + h * k3, j + 2 * side, side, low, high, values)
                rest += h * (k1 + 2.0 * k2 + 2.0 * k3 + k4) / 6.0
                value = _tail(j + 2 * side, side, a[i], b[i])[0] + rest
                row[j // 2 + side] = min(max(value, low), high)


@compiled
def _tail(j, side, a, b):
    """Shape of the nearer tail, and its slope, at a half-node."""
    if side > 0:
        return LOG_CDF[j] / a, SLOPE[j] / a
    return -LOG_CDF[-1 - j] / b, SLOPE[-1 - j] / b


@compiled
def _rise(rest, j, side, low, high, values):
    """Slope of y less that of its tail, kept between its two anchors."""
    (a, b, constant), (tail, slope) = values, _tail(j, side, values[0], values[1])
    y = min(max(tail + rest, low), high)
    bend = math.exp(y) if b == np.inf else (
        (a + b) * (max(y, 0.0) + math.log1p(math.exp(-abs(y)))))
    return math.exp(constant - 0.5 * HALVES[j] ** 2 - a * y + bend) - slope


def run_blocks(function, draws, threads=2, block=500):
    """Results, in order, of function(first, last) over blocks of draws, on threads.

    Kernels are nogil and write only to the draws they are given, so threads change no byte.
    """
    firsts = range(0, draws, block)
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda first: function(first, min(first + block, draws)), firsts))
