"""Luck inside compiled loops: a uniform for each named event, and tables of beta and gamma."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from scipy import special

from .quantiles import binomial_quantile, normal_cdf, normal_quantile, poisson_quantile

__all__ = [
    "beta_from_table", "beta_table", "binomial_quantile", "event_uniform", "gamma_from_table",
    "gamma_table", "interpolate_table", "normal_cdf", "normal_quantile", "philox4x32",
    "poisson_quantile", "run_blocks", "warm",
]

BLOCK = 500
# |z| < 8.21 for every uniform made of 52 bits.
NODES, REACH = 257, 8.25
# exp(-800) is 0 in double precision: the table's way of saying never.
NEVER = -800.0


@njit(cache=True, nogil=True)
def philox4x32(c0, c1, c2, c3, k0, k1):
    """Four random 32-bit words of a counter and a key: Philox4x32-10 (Salmon et al. 2011)."""
    c0, c1, c2, c3 = np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)
    k0, k1 = np.uint32(k0), np.uint32(k1)
    for _ in range(10):
        a = np.uint64(0xD2511F53) * np.uint64(c0)
        b = np.uint64(0xCD9E8D57) * np.uint64(c2)
        c0 = np.uint32(b >> np.uint64(32)) ^ c1 ^ k0
        c2 = np.uint32(a >> np.uint64(32)) ^ c3 ^ k1
        c1, c3 = np.uint32(b), np.uint32(a)
        k0, k1 = np.uint32(k0 + np.uint32(0x9E3779B9)), np.uint32(k1 + np.uint32(0xBB67AE85))
    return np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)


@njit(cache=True, nogil=True)
def event_uniform(seed, stream, draw, step, item, kind):
    """Uniform of one event, 52 bits, strictly between 0 and 1.

    (52 bits + 1/2) / 2^52 of Philox4x32-10, key (seed, stream), counter (draw, step, item, kind),
    each below 2^32: the same event has the same luck whatever else exists.
    """
    a, b, _, _ = philox4x32(draw, step, item, kind, seed, stream)
    bits = (np.uint64(a) << np.uint64(20)) | (np.uint64(b) >> np.uint64(12))
    return (float(bits) + 0.5) * 2.220446049250313e-16


@njit(cache=True, nogil=True)
def interpolate_table(table_row, z):
    """Value at a standard normal z of a 257-node row: cubic, kept between its two nodes."""
    place = (z + REACH) * ((NODES - 1) / (2 * REACH))
    i = min(max(int(place), 1), NODES - 3)
    t = place - i
    before, left, right, after = table_row[i - 1], table_row[i], table_row[i + 1], table_row[i + 2]
    value = (left + t * (right - left)
        - t * (1.0 - t) / 6.0 * ((2.0 - t) * (before - 2.0 * left + right)
            + (1.0 + t) * (left - 2.0 * right + after)))
    if t < 0.0:
        return before + max(t + 1.0, 0.0) * (left - before)
    if t > 1.0:
        return right + min(t - 1.0, 1.0) * (after - right)
    return min(max(value, left), right)


@njit(cache=True, nogil=True)
def beta_from_table(table_row, z):
    """Beta quantile, a share, at a standard normal z, from a row of `beta_table`."""
    return 1.0 / (1.0 + math.exp(-interpolate_table(table_row, z)))


@njit(cache=True, nogil=True)
def gamma_from_table(table_row, z):
    """Gamma(shape, 1) quantile at a standard normal z, from a row of `gamma_table`."""
    return math.exp(interpolate_table(table_row, z))


def node_chances():
    """Lower and upper tail chances (257,) at the nodes, each exact in its own tail."""
    z = np.linspace(-REACH, REACH, NODES)
    return special.ndtr(z), special.ndtr(-z)


def log_beta_quantile(a, b, lower, upper):
    """Log of the beta quantile; below 1e-250, of the first term of its series in x."""
    with np.errstate(divide="ignore"):
        x = np.where(lower < 0.5, special.betaincinv(a, b, lower),
            special.betainccinv(a, b, upper))
        series = (np.log(lower) + np.log(a) + special.betaln(a, b)) / a
        return np.where(x > 1e-250, np.log(np.maximum(x, 1e-300)), np.minimum(series, 0.0))


def beta_table(mean, size):
    """Logit of Beta(mean size, (1 - mean) size) at 257 nodes in z: (state) -> (state, 257).

    A mean of 0 or 1 and an infinite size are certain. Within 0.03% once read by
    `beta_from_table`. Refuses a mean outside 0 to 1 and a size not above 0.
    """
    mean, size = np.broadcast_arrays(np.asarray(mean, float), np.asarray(size, float))
    refuse(mean, ~((mean >= 0) & (mean <= 1)), "beta mean", "0 to 1")
    refuse(size, ~(size > 0), "beta size", "above 0")
    with np.errstate(divide="ignore"):
        centre = np.clip(special.logit(mean), NEVER, -NEVER)
    table = np.repeat(centre[..., None], NODES, axis=-1)
    some = (mean > 0) & (mean < 1) & np.isfinite(size)
    a, b = (mean * size)[some][:, None], ((1 - mean) * size)[some][:, None]
    lower, upper = node_chances()
    logit = log_beta_quantile(a, b, lower, upper) - log_beta_quantile(b, a, upper, lower)
    table[some] = np.clip(logit, NEVER, -NEVER)
    return table


def gamma_table(shape):
    """Log of Gamma(shape, scale 1) at 257 nodes in z: (state) -> (state, 257).

    A shape of 0 is certainly 0. Refuses a shape that is negative or infinite.
    """
    shape = np.asarray(shape, float)
    refuse(shape, ~((shape >= 0) & np.isfinite(shape)), "gamma shape", "0 or above, finite")
    table = np.full((*shape.shape, NODES), NEVER)
    a = shape[shape > 0][:, None]
    lower, upper = node_chances()
    x = np.where(lower < 0.5, special.gammaincinv(a, lower), special.gammainccinv(a, upper))
    series = (np.log(lower) + special.gammaln(a + 1)) / a
    log = np.where(x > 1e-250, np.log(np.maximum(x, 1e-300)), series)
    table[shape > 0] = np.maximum(log, NEVER)
    return table


def refuse(values, bad, name, allowed):
    """Raise ValueError naming the first bad value."""
    if bad.any():
        raise ValueError(f"{name}: {bad.sum()} out of range, the first {values[bad].flat[0]:g};"
            f" allowed {allowed}")


def run_blocks(function, draws, threads=2, block=BLOCK, backwards=False):
    """Results, in order, of function(first, last) over blocks of draws, on threads.

    Kernels must be nogil, and write only to the draws they are given; then neither threads
    nor order (`backwards`) can change a byte.
    """
    blocks = [(first, min(first + block, draws)) for first in range(0, draws, block)]
    if backwards:
        blocks.reverse()
    if threads == 1:
        results = [function(*each) for each in blocks]
    else:
        with ThreadPoolExecutor(threads) as pool:
            results = list(pool.map(lambda each: function(*each), blocks))
    return results[::-1] if backwards else results


def warm():
    """Compile, or load from the cache, the kernels of this module once."""
    event_uniform(1, 1, 0, 0, 0, 0)
    normal_cdf(0.0)
    for u in (0.3, normal_quantile(0.5)):
        binomial_quantile(max(u, 0.1), 10, 0.5)
        poisson_quantile(max(u, 0.1), 3.0)
    beta_from_table(np.zeros(NODES), 0.0)
    gamma_from_table(np.zeros(NODES), 0.0)
