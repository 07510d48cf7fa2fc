"""Quantile functions against scipy, a million points each, and against the chances themselves."""

import numpy as np
import pytest
from numba import njit
from scipy import special, stats
from sufficiency.model import kernels, quantiles

POINTS = 1_000_000
# Chances are compared to the precision of scipy's incomplete beta and gamma functions.
ROUNDING = 1e-10


@njit
def binomials(u, n, p):
    counts = np.empty(u.size, np.int64)
    for i in range(u.size):
        counts[i] = quantiles.binomial_quantile(u[i], n[i], p[i])
    return counts


@njit
def poissons(u, mean):
    counts = np.empty(u.size, np.int64)
    for i in range(u.size):
        counts[i] = quantiles.poisson_quantile(u[i], mean[i])
    return counts


@njit
def normals(u):
    values = np.empty(u.size)
    for i in range(u.size):
        values[i] = quantiles.normal_quantile(u[i])
    return values


def spread_uniforms(rng):
    """Half uniform, a quarter near 0 and a quarter near 1, down to 1e-16 from either."""
    tail = 10 ** rng.uniform(-16, -1, POINTS)
    kind = rng.integers(0, 4, POINTS)
    u = np.select([kind == 0, kind == 1], [tail, 1 - tail], rng.random(POINTS))
    return np.clip(u, 1e-16, 1 - 2.0**-53)


def least_count_reaching(u, below, above, below_one_less, above_one_less):
    """Is the count the least whose chance reaches u? Each comparison in the smaller tail."""
    low = u <= 0.5
    reaches = np.where(low, below >= u * (1 - ROUNDING), above <= (1 - u) * (1 + ROUNDING))
    least = np.where(low, below_one_less < u * (1 + ROUNDING),
        above_one_less > (1 - u) * (1 - ROUNDING))
    return reaches & least


@pytest.fixture(scope="module")
def binomial_points():
    rng = np.random.default_rng(20260401)
    n = np.floor(10 ** rng.uniform(0, np.log10(20_001), POINTS)).astype(np.int64)
    kind = rng.integers(0, 5, POINTS)
    tail = 10 ** rng.uniform(-12, -0.3, POINTS)
    p = np.select([kind == 0, kind == 1], [tail, 1 - tail], rng.random(POINTS))
    p[:5_000], p[5_000:10_000] = 0.0, 1.0
    return spread_uniforms(rng), n, p


def test_binomial_quantile_is_the_least_count_that_reaches_u(binomial_points):
    u, n, p = binomial_points
    k = binomials(u, n, p)
    assert k.min() >= 0 and (k <= n).all()
    assert (k[p == 0] == 0).all() and (k[p == 1] == n[p == 1]).all()
    inside = (p > 0) & (p < 1)
    u, n, p, k = u[inside], n[inside], p[inside], k[inside]
    with np.errstate(invalid="ignore"):
        # betainc(k + 1, n - k, p) is the chance of more than k.
        below = np.where(k < n, special.betaincc(k + 1, n - k, p), 1.0)
        above = np.where(k < n, special.betainc(k + 1, n - k, p), 0.0)
        below_less = np.where(k > 0, special.betaincc(k, n - k + 1, p), 0.0)
        above_less = np.where(k > 0, special.betainc(k, n - k + 1, p), 1.0)
    right = least_count_reaching(u, below, above, below_less, above_less)
    first = np.flatnonzero(~right)[:3]
    assert right.all(), f"{(~right).sum()} wrong: u {u[first]}, n {n[first]}, p {p[first]}"


def test_binomial_quantile_equals_scipy(binomial_points):
    """Within 1e-9 of 1, scipy compares 1 - chance after rounding it, so only the rest is equal."""
    u, n, p = binomial_points
    firm = u < 1 - 1e-9
    with np.errstate(all="ignore"):
        theirs = stats.binom.ppf(u[firm], n[firm], p[firm])
    assert firm.mean() > 0.85
    np.testing.assert_array_equal(binomials(u[firm], n[firm], p[firm]), theirs)


def test_poisson_quantile_is_the_least_count_and_equals_scipy():
    rng = np.random.default_rng(20260402)
    u, mean = spread_uniforms(rng), 10 ** rng.uniform(-12, 4.3, POINTS)
    k = poissons(u, mean)
    below_less = np.where(k > 0, special.gammaincc(np.maximum(k, 1), mean), 0.0)
    above_less = np.where(k > 0, special.gammainc(np.maximum(k, 1), mean), 1.0)
    right = least_count_reaching(u, special.gammaincc(k + 1, mean), special.gammainc(k + 1, mean),
        below_less, above_less)
    assert right.all(), f"{(~right).sum()} wrong, the first at {np.flatnonzero(~right)[:3]}"
    firm = u < 1 - 1e-9
    np.testing.assert_array_equal(k[firm], stats.poisson.ppf(u[firm], mean[firm]))


def test_a_tie_goes_to_the_smaller_count():
    assert quantiles.binomial_quantile(0.5, 1, 0.5) == 0
    assert quantiles.binomial_quantile(0.75, 2, 0.5) == 1
    assert quantiles.binomial_quantile(np.nextafter(0.75, 1), 2, 0.5) == 2
    assert quantiles.binomial_quantile(0.25, 1, 0.75) == 0
    assert quantiles.poisson_quantile(0.4, 0.0) == 0


@pytest.mark.parametrize(("n", "p"), [(-1, 0.5), (3, -0.1), (3, 1.1), (3, np.nan)])
def test_binomial_quantile_refuses_what_is_no_chance(n, p):
    with pytest.raises(ValueError, match="binomial_quantile"):
        quantiles.binomial_quantile(0.5, n, p)
    with pytest.raises(ValueError, match="poisson_quantile"):
        quantiles.poisson_quantile(0.5, -1.0)


def test_normal_quantile_is_precise_and_inverts_the_distribution_function():
    u = spread_uniforms(np.random.default_rng(20260403))
    np.testing.assert_allclose(normals(u), special.ndtri(u), rtol=1e-14, atol=1e-16)
    assert quantiles.normal_quantile(0.975) == pytest.approx(1.959963984540054, abs=1e-15)
    z, events = np.empty(1000), [kernels.event_uniform(1, 2, d, 0, 3, 4) for d in range(5, 1005)]
    kernels.fill_normals(z, 1, 2, 5, 0, 3, 4)
    np.testing.assert_allclose(z, special.ndtri(events), rtol=1e-13, atol=1e-16)


@njit
def read_table(table, z):
    values = np.empty((table.shape[0], z.size))
    for i in range(table.shape[0]):
        for j in range(z.size):
            values[i, j] = kernels.interpolate_table(table[i], z[j])
    return values


Z = np.linspace(-8.2, 8.2, 4_001)


def exact(lower, upper):
    """Each half from the chance in its own tail, so that neither is rounded to 0 or 1."""
    return np.where(Z < 0, lower(special.ndtr(Z)), upper(special.ndtr(-Z)))


def test_beta_table_within_three_hundredths_of_a_percent():
    shapes = np.array([(0.05, 0.5), (0.1, 0.9), (0.5, 0.5), (0.9, 0.1), (1, 1), (2, 30), (30, 2),
        (0.7, 200), (500, 20_000), (1e5, 1e6)])
    values = special.expit(read_table(kernels.quantile_table(*shapes.T), Z))
    for (a, b), row in zip(shapes, values, strict=True):
        true = exact(lambda u, a=a, b=b: special.betaincinv(a, b, u),
            lambda u, a=a, b=b: special.betainccinv(a, b, u))
        seen = true > 1e-250
        np.testing.assert_allclose(row[seen], true[seen], rtol=3e-4, err_msg=f"Beta({a}, {b})")
        assert (np.diff(row) >= 0).all()


def test_gamma_table_within_three_hundredths_of_a_percent():
    shapes = np.array([0.05, 0.1, 0.5, 1, 5, 100, 1e4, 1e6])
    values = np.exp(read_table(kernels.quantile_table(shapes, np.full(8, np.inf)), Z))
    for a, row in zip(shapes, values, strict=True):
        true = exact(lambda u, a=a: special.gammaincinv(a, u),
            lambda u, a=a: special.gammainccinv(a, u))
        seen = true > 1e-250
        np.testing.assert_allclose(row[seen], true[seen], rtol=3e-4, err_msg=f"Gamma({a})")
        assert (np.diff(row) >= 0).all()


def test_table_of_a_very_small_sample():
    """A Beta of next to no size is 1 with the chance of its mean, otherwise 0."""
    values = special.expit(read_table(kernels.quantile_table([2e-4], [8e-4]), Z))[0]
    assert values[Z < special.ndtri(0.79)].max() < 0.01
    assert values[Z > special.ndtri(0.82)].min() > 0.99


@pytest.mark.parametrize(("a", "b"), [(-0.1, 5), (0, 5), (np.inf, 5), (0.5, 0), (0.5, -1),
    (np.nan, 5), (0.5, np.nan)])
def test_tables_refuse_what_has_no_distribution(a, b):
    with pytest.raises(ValueError, match=r"quantile_table: .*allowed"):
        kernels.quantile_table([1, a], [np.inf, b])
