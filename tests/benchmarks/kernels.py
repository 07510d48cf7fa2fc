"""Nanoseconds of one uniform, quantile and table reading: python tests/benchmarks/kernels.py"""

import time

import numpy as np
from numba import njit
from sufficiency.model import kernels, quantiles

COUNT = 2_000_000


@njit(nogil=True)
def uniforms(out):
    for i in range(out.size):
        out[i] = kernels.event_uniform(7, 3, i, 2, 99, 4)


@njit(nogil=True)
def binomials(out, u, n, p):
    for i in range(out.size):
        out[i] = quantiles.binomial_quantile(u[i], n, p)


@njit(nogil=True)
def poissons(out, u, mean):
    for i in range(out.size):
        out[i] = quantiles.poisson_quantile(u[i], mean)


@njit(nogil=True)
def normals(out, u):
    for i in range(out.size):
        out[i] = quantiles.normal_quantile(u[i])


@njit(nogil=True)
def shares(out, row, z):
    for i in range(out.size):
        out[i] = kernels.interpolate_table(row, z[i])


def nanoseconds(label, function, *arguments):
    out = np.empty(COUNT)
    function(out[:1], *arguments)
    started = time.perf_counter()
    function(out, *arguments)
    print(f"{label:32} {(time.perf_counter() - started) / COUNT * 1e9:8.1f} ns")
    return out


def main():
    started = time.perf_counter()
    u = nanoseconds("event uniform, filling an array", uniforms)
    z = nanoseconds("normal quantile", normals, u)
    for n, p in ((10, 0.05), (40, 0.1), (200, 0.12), (100, 0.6), (2_000, 0.3), (20_000, 0.5)):
        nanoseconds(f"binomial quantile {n} {p}", binomials, u, n, p)
    for mean in (0.3, 5.0, 40.0, 400.0):
        nanoseconds(f"Poisson quantile {mean}", poissons, u, mean)
    row = kernels.quantile_table([3.0], [27.0])[0]
    nanoseconds("logit of a share from a table", shares, row, z)
    print(f"seconds {time.perf_counter() - started:.2f}")


if __name__ == "__main__":
    main()
