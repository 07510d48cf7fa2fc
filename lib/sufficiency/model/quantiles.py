"""Quantile functions of the normal, binomial and Poisson, compiled: luck in, counts out."""

import math

from numba import njit

# Below this mean a sum from 0 is both safe and quickest.
SUM_FROM_ZERO = 25.0
# Closer to 1 than this, 1 - u must be compared with the upper tail, summed from its far end.
UPPER_TAIL = 1e-6


@njit(cache=True, nogil=True)
def normal_cdf(x):
    """Chance that a standard normal is at most x: erfc(-x / sqrt 2) / 2."""
    return 0.5 * math.erfc(-x * 0.7071067811865476)


@njit(cache=True, nogil=True)
def normal_quantile(u):
    """Standard normal quantile of u in (0, 1), relative error about 1e-16.

    Constants: Wichura (1988), Algorithm AS 241 (PPND16).
    """
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r
            + 6.7265770927008700853e4) * r + 4.5921953931549871457e4) * r
            + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
            + 1.3314166789178437745e2) * r + 3.3871328727963666080e0)
        low = (((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r
            + 3.9307895800092710610e4) * r + 2.1213794301586595867e4) * r
            + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
            + 4.2313330701600911252e1) * r + 1.0)
        return q * top / low
    r = math.sqrt(-math.log(u if q < 0 else 1.0 - u))
    if r <= 5.0:
        r -= 1.6
        top = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r
            + 2.41780725177450611770e-1) * r + 1.27045825245236838258e0) * r
            + 3.64784832476320460504e0) * r + 5.76949722146069140550e0) * r
            + 4.63033784615654529590e0) * r + 1.42343711074968357734e0)
        low = (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r
            + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1) * r
            + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0) * r
            + 2.05319162663775882187e0) * r + 1.0)
    else:
        r -= 5.0
        top = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r
            + 1.24266094738807843860e-3) * r + 2.65321895265761230930e-2) * r
            + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0) * r
            + 5.46378491116411436990e0) * r + 6.65790464350110377720e0)
        low = (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r
            + 1.84631831751005468180e-5) * r + 7.86869131145613259100e-4) * r
            + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
            + 5.99832206555887937690e-1) * r + 1.0)
    return math.copysign(top / low, q)


@njit(cache=True, nogil=True)
def stirling_error(x):
    """log(x!) less Stirling's formula, for whole x >= 1 (Loader 2000)."""
    if x < 16:
        return (math.lgamma(x + 1.0) - (x + 0.5) * math.log(x) + x
            - 0.9189385332046727)
    s = 1.0 / (x * x)
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - s / 1188) * s) * s) * s) / x


@njit(cache=True, nogil=True)
def deviance(x, mean):
    """x log(x / mean) + mean - x without cancellation (Loader 2000)."""
    gap = x - mean
    if abs(gap) >= 0.1 * (x + mean):
        return x * math.log(x / mean) - gap
    v = gap / (x + mean)
    total, term, j = gap * v, 2.0 * x * v, 1
    while True:
        term *= v * v
        j += 2
        following = total + term / j
        if following == total:
            return total
        total = following


@njit(cache=True, nogil=True)
def probability(k, n, p, q, mean):
    """Chance of exactly k: binomial (n, p, q = 1 - p), or Poisson when n is -1 (Loader 2000)."""
    if n < 0:
        if k == 0:
            return math.exp(-mean)
        return math.exp(-stirling_error(k) - deviance(k, mean)) / math.sqrt(2 * math.pi * k)
    if k == 0:
        return math.exp(n * (math.log1p(-p) if p < 0.5 else math.log(q)))
    if k == n:
        return math.exp(n * (math.log1p(-q) if q < 0.5 else math.log(p)))
    log_ratio = (stirling_error(n) - stirling_error(k) - stirling_error(n - k)
        - deviance(k, n * p) - deviance(n - k, n * q))
    return math.exp(log_ratio) * math.sqrt(n / (2 * math.pi * k * (n - k)))


@njit(cache=True, nogil=True)
def ratio(k, n, odds, mean):
    """probability(k + 1) / probability(k)."""
    return (mean if n < 0 else odds * (n - k)) / (k + 1)


@njit(cache=True, nogil=True)
def from_lower_tail(u, guess, n, p, q, mean):
    """Least k with F(k) >= u, summing from the far lower tail upwards, so that nothing cancels."""
    odds = p / q
    width, k = 1, guess - 1
    while True:
        k = max(k, 0)
        chance = probability(k, n, p, q, mean)
        total, term, j = chance, chance, k
        while j > 0 and term > 1e-17 * total:
            j -= 1
            term /= ratio(j, n, odds, mean)
            total += term
        if total < u or k == 0:
            break
        k -= width
        width *= 2
    while total < u and k != n:
        chance *= ratio(k, n, odds, mean)
        total += chance
        k += 1
    return k


@njit(cache=True, nogil=True)
def from_upper_tail(v, guess, n, p, q, mean):
    """Least k with P(X > k) <= v, summing from the far upper tail downwards."""
    odds = p / q
    width, k = 1, guess + 1
    while True:
        if n >= 0:
            k = min(k, n)
        # Kept at k: `total` is the chance of more than k, `chance` that of exactly k.
        chance = probability(k, n, p, q, mean)
        total, term, j = 0.0, chance, k
        while j != n and (term > 1e-17 * total or j <= mean):
            term *= ratio(j, n, odds, mean)
            total += term
            j += 1
        if total <= v:
            break
        k += width
        width *= 2
    while k > 0 and total + chance <= v:
        total += chance
        k -= 1
        chance /= ratio(k, n, odds, mean)
    return k


@njit(cache=True, nogil=True)
def from_tails(u, n, p, q, mean, spread, skew):
    """Quantile from whichever tail is nearer, starting at the Cornish-Fisher approximation."""
    z = normal_quantile(u)
    guess = max(int(math.floor(mean + spread * z + skew * (z * z - 1.0) / 6.0)), 0)
    if n >= 0:
        guess = min(guess, n)
    if u <= 0.5:
        return from_lower_tail(u, guess, n, p, q, mean)
    return from_upper_tail(1.0 - u, guess, n, p, q, mean)


@njit(cache=True, nogil=True)
def binomial_quantile(u, n, p):
    """Least k with P(Binomial(n, p) <= k) >= u, for u in (0, 1), n >= 0, p in [0, 1].

    Summed from 0 while n min(p, 1 - p) < 25, otherwise inwards from the nearer tail. Refuses
    n below 0 and p outside 0 to 1.
    """
    if not (n >= 0 and 0.0 <= p <= 1.0):
        raise ValueError("binomial_quantile: n below 0, or p outside 0 to 1")
    if n == 0 or p == 0.0:
        return 0
    if p == 1.0:
        return n
    q = 1.0 - p
    small = min(p, q)
    mean = n * small
    near = 1.0 - u if p <= 0.5 else u
    # Bernoulli's inequality: none of n has a chance of at least 1 - n p.
    if near > mean:
        return 0 if p <= 0.5 else n
    if mean >= SUM_FROM_ZERO or near < UPPER_TAIL:
        return from_tails(u, n, p, q, n * p, math.sqrt(n * p * q), q - p)
    odds = small / (1.0 - small)
    chance = math.exp(n * math.log1p(-small))
    total, k = chance, 0
    if p <= 0.5:
        while total < u and k < n:
            chance *= odds * (n - k) / (k + 1)
            total += chance
            k += 1
        return k
    # Counting the failures: the least k has the least number of them with F > 1 - u.
    while total <= 1.0 - u and k < n:
        chance *= odds * (n - k) / (k + 1)
        total += chance
        k += 1
    return n - k


@njit(cache=True, nogil=True)
def poisson_quantile(u, mean):
    """Least k with P(Poisson(mean) <= k) >= u, for u in (0, 1). Refuses a mean below 0."""
    if not 0.0 <= mean < 1e15:
        raise ValueError("poisson_quantile: mean below 0 or above 1e15")
    if mean == 0.0 or 1.0 - u > mean:
        return 0
    if mean >= SUM_FROM_ZERO or 1.0 - u < UPPER_TAIL:
        return from_tails(u, -1, 0.5, 0.5, mean, math.sqrt(mean), 1.0)
    chance = math.exp(-mean)
    total, k = chance, 0
    while total < u:
        k += 1
        chance *= mean / k
        total += chance
    return k
