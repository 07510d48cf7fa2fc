"""Quantile functions of the normal, binomial and Poisson, compiled: luck in, counts out."""

import math

from numba import njit

# numpy's rule for a division by 0, which is faster: kernels do not divide by what may be 0.
options = {"cache": True, "nogil": True, "error_model": "numpy"}
compiled = njit(**options)
# Called in a loop that is to run several turns at a time, which a call would prevent.
inlined = njit(**options, forceinline=True)

# Up to this mean a sum from 0 is the quicker (measured) and cannot underflow (2^-200 at worst).
SUM_FROM_ZERO = 100.0
# Nearer to 1 than this, u must be compared with the upper tail, summed from its far end.
UPPER_TAIL = 1e-6
# Wichura (1988), Algorithm AS 241, PPND16: numerator and denominator, highest power first,
# for the middle, the tails and the far tails.
MIDDLE = (
    (2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946,
     1971.5909503065513, 133.14166789178438, 3.3871328727963665),
    (5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597,
     5394.196021424751, 687.1870074920579, 42.31333070160091, 1.0))
TAILS = (
    (0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684,
     3.6478483247632045, 5.769497221460691, 4.630337846156546, 1.4234371107496835),
    (1.0507500716444169e-09, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008,
     0.6897673349851, 1.6763848301838038, 2.053191626637759, 1.0))
FAR_TAILS = (
    (2.0103343992922881e-07, 2.7115555687434876e-05, 0.0012426609473880784, 0.026532189526576124,
     0.29656057182850487, 1.7848265399172913, 5.463784911164114, 6.657904643501103),
    (2.0442631033899397e-15, 1.421511758316446e-07, 1.8463183175100548e-05, 0.0007868691311456133,
     0.014875361290850615, 0.1369298809227358, 0.599832206555888, 1.0))


@inlined
def fraction(coefficients, r):
    """Quotient of two polynomials in r."""
    above, below = 0.0, 0.0
    for i in range(8):
        above, below = above * r + coefficients[0][i], below * r + coefficients[1][i]
    return above / below


@compiled
def normal_quantile(u):
    """Standard normal quantile of u in (0, 1), relative error about 1e-15 (AS 241)."""
    q = u - 0.5
    if abs(q) <= 0.425:
        return q * fraction(MIDDLE, 0.180625 - q * q)
    r = math.sqrt(-math.log(u if q < 0 else 1.0 - u))
    return math.copysign(fraction(TAILS, r - 1.6) if r <= 5 else fraction(FAR_TAILS, r - 5), q)


@compiled
def stirling_error(x):
    """log(x!) less Stirling's formula, for whole x >= 1 (Loader 2000)."""
    if x < 16:
        return math.lgamma(x + 1.0) - (x + 0.5) * math.log(x) + x - 0.9189385332046727
    s = 1.0 / (x * x)
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - s / 1188) * s) * s) * s) / x


@compiled
def deviance(x, mean):
    """x log(x / mean) + mean - x without cancellation (Loader 2000)."""
    gap = x - mean
    if abs(gap) >= 0.1 * (x + mean):
        return x * math.log(x / mean) - gap
    v = gap / (x + mean)
    total, before, term, j = gap * v, -1.0, 2.0 * x * v, 1
    while total != before:
        term *= v * v
        j += 2
        before = total
        total += term / j
    return total


@compiled
def probability(k, n, p, q, mean):
    """Chance of exactly k: binomial (n, p, q = 1 - p), or Poisson when n is -1 (Loader 2000)."""
    if k == 0:
        return math.exp(-mean if n < 0 else n * math.log1p(-p))
    if k == n:
        return math.exp(n * math.log(p))
    log_ratio = -stirling_error(k) - deviance(k, mean)
    if n < 0:
        return math.exp(log_ratio) / math.sqrt(2 * math.pi * k)
    log_ratio += stirling_error(n) - stirling_error(n - k) - deviance(n - k, n * q)
    return math.exp(log_ratio) * math.sqrt(n / (2 * math.pi * k * (n - k)))


@compiled
def neighbour(k, side, n, odds, mean):
    """probability(k + side) / probability(k), for a side of 1 or -1."""
    if side > 0:
        return (mean if n < 0 else odds * (n - k)) / (k + 1)
    return k / (mean if n < 0 else odds * (n - k + 1))


@compiled
def from_tail(u, n, p, q, mean, variance):
    """Quantile by sums from the nearer tail inwards, in which nothing cancels.

    Starts a little beyond the Cornish-Fisher approximation; side is -1 for the lower tail.
    """
    z, skew = normal_quantile(u), 1.0 if n < 0 else q - p
    k = math.floor(mean + math.sqrt(variance) * z + skew * (z * z - 1.0) / 6.0)
    side, bound, end, other_end = (-1, u, 0, n) if u <= 0.5 else (1, 1.0 - u, n, 0)
    odds, width, beyond, chance = p / q, 1, 2.0, 0.0
    while beyond >= bound and (beyond > 1.0 or k != end):
        k = min(max(k + side * width, 0), n if n >= 0 else 2**62)
        chance = probability(k, n, p, q, mean)
        beyond, term, j = 0.0, chance, k
        while j != end and (term > 1e-17 * beyond or side * (mean - j) > 0):
            term *= neighbour(j, side, n, odds, mean)
            beyond += term
            j += side
        width *= 2
    # A tie goes to the smaller count: F(k) = u is enough, P(X > k) = 1 - u is too.
    while k != other_end and (beyond + chance < bound or (side > 0 and beyond + chance == bound)):
        beyond += chance
        chance *= neighbour(k, -side, n, odds, mean)
        k -= side
    return k


@compiled
def binomial_quantile(u, n, p):
    """Least k with P(Binomial(n, p) <= k) >= u, for u in (0, 1), n >= 0, p in [0, 1].

    Summed from 0 if n min(p, 1 - p) < 100, else from a tail. Refuses n < 0, p outside 0 to 1.
    """
    if not (n >= 0 and 0.0 <= p <= 1.0):
        raise ValueError("binomial_quantile: n below 0, or p outside 0 to 1")
    if n == 0 or p in (0.0, 1.0):
        return n if p == 1.0 else 0
    q = 1.0 - p
    # The rarer outcome is counted: with p above a half, the failures.
    rare, near = (p, 1.0 - u) if p <= 0.5 else (q, u)
    # Bernoulli's inequality: none of n has a chance of at least 1 - n p.
    if near > n * rare:
        return 0 if p <= 0.5 else n
    if n * rare >= SUM_FROM_ZERO or near < UPPER_TAIL:
        return from_tail(u, n, p, q, n * p, n * p * q)
    odds = rare / (1.0 - rare)
    chance = (1.0 - rare) ** n
    total, k = chance, 0
    while k < n and (total < u if p <= 0.5 else total <= 1.0 - u):
        chance *= odds * (n - k) / (k + 1)
        total += chance
        k += 1
    return k if p <= 0.5 else n - k


@compiled
def poisson_quantile(u, mean):
    """Least k with P(Poisson(mean) <= k) >= u, for u in (0, 1). Refuses a mean below 0."""
    if not 0.0 <= mean < 1e15:
        raise ValueError("poisson_quantile: mean below 0 or above 1e15")
    if 1.0 - u > mean:
        return 0
    if mean >= SUM_FROM_ZERO or 1.0 - u < UPPER_TAIL:
        return from_tail(u, -1, 0.5, 0.5, mean, mean)
    chance = math.exp(-mean)
    total, k = chance, 0
    while total < u:
        k += 1
        chance *= mean / k
        total += chance
    return k
