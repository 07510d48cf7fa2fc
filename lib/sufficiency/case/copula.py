"""What is meant by "if one measure falls short, how likely is another?": a Gaussian copula.

Two measures fall short together as two standard normals of correlation rho do below ndtri(p) and
ndtri(q). rho is not the correlation of the events: 0.5 between two even chances is 0.333.
"""

import numpy as np
from scipy.special import ndtr, ndtri, owens_t

NODES = 65


def both(p, q, rho):
    """Chance of both of two events of chance p and q in (0, 1): bivariate normal, rho in (-1, 1).

    Owen (1956): Phi2 = (Phi(h) + Phi(k)) / 2 - T(h, a) - T(k, b) - (1/2 if h and k differ in sign).
    """
    h, k = (np.where(z == 0, 1e-300, z) for z in (ndtri(p), ndtri(q)))
    root = np.sqrt(1 - np.square(rho))
    apart = np.where(h * k < 0, 0.5, 0.0)
    return ((ndtr(h) + ndtr(k)) / 2 - apart
            - owens_t(h, (k / h - rho) / root) - owens_t(k, (h / k - rho) / root))


def copula_correlation(p, conditional):
    """Latent correlation at which P(B | A) is as asked, both events of chance p.

    conditional: one number, or (draw,), solved at 65 values across its range and interpolated.
    Refuses less than independence, p, and more than 1.
    """
    asked = np.asarray(conditional, float)
    low, high = asked.min(), asked.max()
    if not (p - 1e-12 <= low and high <= 1 + 1e-12):
        raise ValueError(f"found {low:g} to {high:g}; allowed {p:g} (independence) to 1")
    if low == high:
        return np.full(asked.shape, _solve(p, low))[()]
    nodes = np.linspace(low, high, NODES)
    return np.interp(asked, nodes, [_solve(p, node) for node in nodes])


def _solve(p, asked):
    from scipy.optimize import brentq  # that `--help` need not wait for

    def gap(rho):
        return float(both(p, p, rho)) / p - asked

    nearly = 1 - 1e-12
    if gap(0.0) >= 0:
        return 0.0
    return 1.0 if gap(nearly) <= 0 else brentq(gap, 0.0, nearly, xtol=1e-14)


def short_chance(full):
    """Chance of falling short that causes are read with: less than full delivery.

    Where that is certain or impossible, of delivery below its median: one half.
    """
    return 1 - full if 0 < full < 1 else 0.5
