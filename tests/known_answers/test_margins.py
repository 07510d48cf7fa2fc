"""Stock by setting and single age meets both published margins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sufficiency.model.placements.margins import BANDS, EDGES, fit_margins, single_ages, whole


def test_two_by_two_has_its_closed_form():
    # seed of ones: rows x columns / total
    table = fit_margins(np.ones((2, 2)), [30, 70], [60, 40])
    assert np.allclose(table, [[18, 12], [42, 28]], atol=1e-9)


def test_seed_keeps_its_odds_ratio():
    seed = np.array([[3.0, 1.0], [1.0, 2.0]])
    table = fit_margins(seed, [30, 70], [60, 40])
    odds = table[0, 0] * table[1, 1] / (table[0, 1] * table[1, 0])
    assert odds == pytest.approx(6.0, rel=1e-8)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_margins_ages_and_whole_children(seed):
    rng = np.random.default_rng(seed)
    bands = rng.integers(0, 3000, len(BANDS))
    plans = rng.multinomial(bands.sum(), rng.dirichlet(np.ones(10) / 2))
    ages = single_ages(bands)
    assert np.allclose(np.add.reduceat(ages, EDGES[:-1]), bands, atol=1e-9)
    table = fit_margins(rng.random((10, 26)) + 1e-3, plans, ages)
    scale = max(bands.sum(), 1)
    assert np.abs(table.sum(1) - plans).max() < 1e-9 * scale
    assert np.abs(table.sum(0) - ages).max() < 1e-9 * scale
    children = whole(table)
    assert (children % 1 == 0).all() and (children >= 0).all()
    assert (children.sum(1) == plans).all()
    assert (np.add.reduceat(children.sum(0), EDGES[:-1]) == bands).all()


def test_devon_starts_from_both_published_margins(small_case):
    from sufficiency.model.placements.calibrate import calibrate

    found = calibrate(small_case)
    plans = small_case.published("plans_by_setting").loc[2025]
    bands = small_case.published("plans_by_age").loc[2025, list(BANDS)]
    fitted = found.seed_fit
    assert np.abs(fitted.sum(1) - plans[list(small_case.settings)]).max() < 1e-9 * 9848
    assert np.abs(np.add.reduceat(fitted.sum(0), EDGES[:-1]) - bands).max() < 1e-9 * 9848
    assert (found.rates.stock.sum(1) == plans[list(small_case.settings)]).all()
    assert (np.add.reduceat(found.rates.stock.sum(0), EDGES[:-1]) == bands).all()


def test_unlike_totals_are_refused():
    with pytest.raises(ValueError, match="margins: found totals 100 and 90"):
        fit_margins(np.ones((2, 2)), [30, 70], [60, 30])
    with pytest.raises(ValueError, match="margins: off by"):
        fit_margins(np.array([[1.0, 0.0], [1.0, 0.0]]), [30, 70], [60, 40])
