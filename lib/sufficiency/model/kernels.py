"""Luck inside compiled loops: a uniform for each named event, and tables of beta and gamma."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from scipy import special

from .quantiles import binomial_quantile, normal_cdf, normal_quantile, poisson_quantile

# Uniforms of 52 bits have |z| < 8.21: inside the last node but one.
NODES, REACH = 129, 8.4
Z = np.linspace(-REACH, REACH, NODES)
HALF = NODES // 2 + 1
LOWER, UPPER = special.ndtr(Z[:HALF]), special.ndtr(-Z[HALF:])
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
        c0 = np.uint32(np.uint32(b >> np.uint64(32)) ^ c1 ^ k0)
        c2 = np.uint32(np.uint32(a >> np.uint64(32)) ^ c3 ^ k1)
        c1, c3 = np.uint32(b), np.uint32(a)
        k0, k1 = np.uint32(k0 + np.uint32(0x9E3779B9)), np.uint32(k1 + np.uint32(0xBB67AE85))
    return c0, c1, c2, c3


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
    """Value at a standard normal z of a row of a table: cubic, kept between its two nodes."""
    place = min(max((z + REACH) * ((NODES - 1) / (2 * REACH)), 1.0), NODES - 2.0)
    i = min(int(place), NODES - 3)
    t = place - i
    before, left, right, after = table_row[i - 1], table_row[i], table_row[i + 1], table_row[i + 2]
    bend = (2.0 - t) * (before - 2.0 * left + right) + (1.0 + t) * (left - 2.0 * right + after)
    value = left + t * (right - left) - t * (1.0 - t) / 6.0 * bend
    return min(max(value, left), right)


@njit(cache=True, nogil=True)
def beta_from_table(table_row, z):
    """Beta quantile, a share, at a standard normal z, from a row of `beta_table`."""
    return 1.0 / (1.0 + math.exp(-interpolate_table(table_row, z)))


@njit(cache=True, nogil=True)
def gamma_from_table(table_row, z):
    """Gamma(shape, 1) quantile at a standard normal z, from a row of `gamma_table`."""
    return math.exp(interpolate_table(table_row, z))


def log_quantile(x, first_term):
    """Log of x, or of the first term of its series in u where x all but underflows."""
    return np.maximum(np.where(x > 1e-250, np.log(np.maximum(x, 1e-300)), first_term), NEVER)


def beta_table(mean, size):
    """Logit of Beta(mean size, (1 - mean) size) at 129 nodes in z: (state) -> (state, 129).

    Certain at a mean of 0 or 1 or an infinite size; refuses other means, and sizes not above 0.
    """
    mean, size = np.broadcast_arrays(np.asarray(mean, float), np.asarray(size, float))
    refuse(mean, (mean >= 0) & (mean <= 1), "beta mean", "0 to 1")
    refuse(size, size > 0, "beta size", "above 0")
    table = np.repeat(np.clip(special.logit(mean), NEVER, -NEVER)[..., None], NODES, axis=-1)
    some = (mean > 0) & (mean < 1) & np.isfinite(size)
    # Worked out for the rarer outcome, whose median is at most a half, and turned round.
    rare = np.minimum(mean, 1 - mean)[some][:, None]
    a, b = rare * size[some][:, None], (1 - rare) * size[some][:, None]
    x = np.hstack([special.betaincinv(a, b, LOWER), special.betainccinv(a, b, UPPER)])
    y = np.hstack([1 - x[:, :HALF], special.betaincinv(b, a, UPPER)])
    log_beta = special.betaln(a, b)
    logit = (log_quantile(x, (special.log_ndtr(Z) + np.log(a) + log_beta) / a)
        - log_quantile(y, (special.log_ndtr(-Z) + np.log(b) + log_beta) / b))
    table[some] = np.where(mean[some][:, None] > 0.5, -logit[:, ::-1], logit)
    return table


def gamma_table(shape):
    """Log of Gamma(shape, scale 1) at 129 nodes in z: (state) -> (state, 129).

    Certainly 0 at a shape of 0; refuses a shape that is negative or infinite.
    """
    shape = np.asarray(shape, float)
    refuse(shape, (shape >= 0) & np.isfinite(shape), "gamma shape", "0 or above, finite")
    table = np.full((*shape.shape, NODES), NEVER)
    a = shape[shape > 0][:, None]
    x = np.hstack([special.gammaincinv(a, LOWER), special.gammainccinv(a, UPPER)])
    table[shape > 0] = log_quantile(x, (special.log_ndtr(Z) + special.gammaln(a + 1)) / a)
    return table


def refuse(values, allowed, name, words):
    """Raise ValueError naming the first value that is not allowed."""
    if not allowed.all():
        raise ValueError(f"{name}: found {values[~allowed].flat[0]:g}; allowed {words}")


def run_blocks(function, draws, threads=2, block=500):
    """Results, in order, of function(first, last) over blocks of draws, on threads.

    Kernels are nogil and write only to the draws they are given, so threads change no byte.
    """
    firsts = range(0, draws, block)
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda first: function(first, min(first + block, draws)), firsts))


def warm():
    """Compile, or load from the cache, the kernels of this module once."""
    u = event_uniform(1, 1, 0, 0, 0, 0)
    binomial_quantile(u, 10, normal_cdf(normal_quantile(u)))
    poisson_quantile(u, 3.0)
    gamma_from_table(Z, beta_from_table(Z, 0.0))
