"""Random number generators against their authors' vectors and the frozen oracles."""

import json

import numpy as np
import pytest
from numba import njit
from scipy import stats
from scipy.stats import qmc
from sufficiency.model import kernels

FULL = 0xFFFFFFFF
# Random123, kat_vectors, philox4x32-10 (Salmon et al. 2011): counter, key, words.
VECTORS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((FULL,) * 4, (FULL,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]


@pytest.fixture(scope="module")
def oracles(shared):
    cases = json.loads((shared / "oracles" / "f_random.json").read_text(encoding="utf-8"))
    return {case["id"]: case for case in cases}


@pytest.mark.parametrize(("counter", "key", "words"), VECTORS)
def test_philox4x32_gives_the_authors_words(counter, key, words):
    assert tuple(int(word) for word in kernels.philox4x32(*counter, *key)) == words


def test_numpy_philox_gives_the_authors_words(oracles):
    words = np.random.Philox(counter=2**256 - 1, key=0).random_raw(4)
    assert [f"{word:016x}" for word in words] == oracles["philox_known_answer"]["expected"]


def test_seed_sequence_and_sobol_are_as_frozen(oracles):
    case = oracles["seedsequence_spawn"]
    child = np.random.SeedSequence(case["inputs"]["entropy"]).spawn(3)[1]
    assert child.generate_state(2).tolist() == case["expected"]
    case = oracles["sobol_first_8"]
    points = qmc.Sobol(d=2, scramble=False).random_base2(m=3)
    found = [*points.ravel(), qmc.discrepancy(points)]
    np.testing.assert_allclose(found, case["expected"], atol=case["tol"])


@njit
def many_events(seed, count):
    u = np.empty(count)
    for draw in range(count):
        u[draw] = kernels.event_uniform(seed, 3, draw, 2, 99, 4)
    return u


def test_event_uniform_is_uniform_and_never_0_or_1():
    u = many_events(20260401, 1_000_000)
    assert 0 < u.min() and u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > 1e-4
    neighbours = np.corrcoef(u[:-1], u[1:])[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(u.size)
    # (52 bits + 1/2) / 2^52 at its two ends, exact in double precision.
    assert 0.5 * 2.0**-52 > 0 and (2.0**52 - 0.5) * 2.0**-52 < 1


def test_event_uniform_is_made_of_52_bits_of_two_words():
    first, second, _, _ = (int(word) for word in kernels.philox4x32(5, 2, 99, 4, 7, 3))
    expected = ((first << 20 | second >> 12) + 0.5) / 2**52
    assert kernels.event_uniform(7, 3, 5, 2, 99, 4) == expected


def test_each_part_of_an_event_matters():
    base = (7, 3, 5, 2, 99, 4)
    others = {kernels.event_uniform(*(part + (i == j) for j, part in enumerate(base)))
        for i in range(6)}
    assert len(others | {kernels.event_uniform(*base)}) == 7
