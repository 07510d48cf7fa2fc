"""Ramps, slippage and shared causes against closed forms."""

import json

import numpy as np
import pytest
from made_measures import CERTAIN, DOUBTFUL, programme
from scipy import integrate, stats
from sufficiency.case.copula import both, copula_correlation
from sufficiency.case.quantity import Assumption
from sufficiency.model.safety_valve.delivery import delivered, monthly, ramp, ramp_integral
from sufficiency.model.streams import named_uniform

DRAWS = 40_000


@pytest.fixture(scope="module")
def oracle(shared):
    return {o["id"]: o for o in json.loads((shared / "oracles" / "c_savings.json").read_text())}


def within(values, expected, errors=4):
    """Whether a sample's mean is the expected one within its Monte Carlo error."""
    return abs(values.mean() - expected) <= errors * values.std(ddof=1) / np.sqrt(values.size)


def batches(values, measure):
    """A statistic of pairs (draw, 2) in each of 40 batches."""
    return np.array([measure(*batch.T)[0] for batch in np.split(values, 40)])


def event_correlation(p, q, rho):
    """Correlation of two events, whose latent normals have correlation rho."""
    return (both(p, q, rho) - p * q) / np.sqrt(p * (1 - p) * q * (1 - q))


def test_both_delivered(oracle):
    told = oracle["correlated_delivery"]
    found = [both(p, q, rho) for p, q, rho in told["inputs"]["cases"]]
    assert found == pytest.approx(told["expected"], abs=told["tol"])
    events = [event_correlation(p, q, rho) for p, q, rho in told["inputs"]["cases"]]
    # as in the oracle's note
    assert np.round(events, 3) == pytest.approx([0.333, 0.233, 0.182])


@pytest.mark.parametrize(("p", "q", "rho"), [(0.8, 0.6, 0.4), (0.5, 0.3, -0.4), (0.5, 0.5, 0.9),
                                             (0.2, 0.9, 0.6), (0.3, 0.3, 0.999), (0.1, 0.5, 0)])
def test_both_is_the_bivariate_normal(p, q, rho):
    h = stats.norm.ppf([p, q])
    expected = stats.multivariate_normal.cdf(h, cov=[[1, rho], [rho, 1]], abseps=1e-10)
    assert both(p, q, rho) == pytest.approx(expected, abs=1e-9)
    assert both(p, q, 0.0) == pytest.approx(p * q)


def test_the_latent_correlation_gives_what_was_asked():
    for p, asked in [(0.6, 0.75), (0.4, 0.5), (0.5, 2 / 3)]:
        assert both(p, p, copula_correlation(p, asked)) / p == pytest.approx(asked, abs=1e-10)
    assert copula_correlation(0.5, 2 / 3) == pytest.approx(0.5)
    assert copula_correlation(0.6, 0.6) == 0 and copula_correlation(0.6, 1.0) == 1
    ranged = np.linspace(0.62, 0.97, 500)
    each = [copula_correlation(0.6, x) for x in ranged]
    assert copula_correlation(0.6, ranged) == pytest.approx(each, abs=1e-4)


@pytest.mark.parametrize("asked", [0.5, 1.1])
def test_impossible_chances_are_refused(asked):
    with pytest.raises(ValueError, match="independence"):
        copula_correlation(0.6, asked)


def test_rank_correlations_of_delivery(oracle):
    told = oracle["gaussian_copula_rank_correlation"]
    # nothing is delivered in full, so falling short is below the median: 2/3 is a latent 0.5
    usual = DOUBTFUL.replace("central: 0.4", "central: 0").replace("0.1,", "0,")
    usual = usual.replace("central: 0.75", f"central: {2 / 3}")
    line = "{kind: price, setting: special, size: {central: 0.1, unit: share}, start: 2025-04, " \
           "causes: [workforce]}"
    measures, worlds = programme(f"a: {line}", f"b: {line}", usual=usual, draws=DRAWS)
    shares = delivered(measures, worlds, 2025, 2025)["delivery"].values.T
    for name, measure in (("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
        assert within(batches(shares, measure), told["expected"][name]), name


def test_logistic_ramp(oracle):
    told = oracle["logistic_ramp_integral"]
    years = ramp_integral("logistic", 12, np.array([0, 12, 24])) / 12
    assert np.diff(years) == pytest.approx([*told["expected"].values()], abs=told["tol"])


@pytest.mark.parametrize(("shape", "months"), [("step", 0), ("linear", 18), ("linear", 0),
                                               ("logistic", 7), ("step", 6)])
def test_integrals_of_ramps(shape, months):
    for end in (0.0, 3.3, 12.0, 40.0):
        area = integrate.quad(lambda t: ramp(shape, months, t), 0, end, points=[months], limit=200)
        assert ramp_integral(shape, months, end) == pytest.approx(area[0], abs=1e-7)
    rise = ramp(shape, months, np.linspace(-5, 60, 500))
    assert (np.diff(rise) >= 0).all() and rise[0] == 0 and rise[-1] == pytest.approx(1, abs=1e-6)
    assert ramp_integral(shape, months, -4.0) == 0


def test_slippage_of_a_step_in_mid_year(oracle):
    told = oracle["slippage_exponential"]
    measures, _ = programme("a: {kind: price, setting: special, start: 2025-10, "
                            "size: {central: 0.1, unit: share}}")
    delays = -12 * told["inputs"]["mean_delay"] * np.log(named_uniform(1, "delay", DRAWS))
    in_year = monthly(measures["a"], delays, 12 * 2025 + 3, 12).mean(1)
    assert within(in_year, told["expected"][0])
    on_time = monthly(measures["a"], [0.0], 12 * 2025 + 3, 12).mean()
    assert on_time == pytest.approx(0.5)


def test_the_mixture_of_delivery():
    measures, worlds = programme(
        "a: {kind: price, setting: special, size: {central: 0.1, unit: share}, start: 2025-04}",
        usual=DOUBTFUL, draws=DRAWS)
    found = delivered(measures, worlds, 2025, 2025)
    share, late = found["delivery"].values[0], found["slippage"].values[0]
    assert within(share == 0, 0.1) and within(share == 1, 0.4)
    between = share[(share > 0) & (share < 1)]
    assert within(between < 0.5, 0.5) and within(between < 0.3, 0.1) and within(between > 0.7, 0.1)
    assert within(late < 3, 0.5, 5) and late.min() >= 0
    # without a cause, late and short have nothing to do with each other
    assert abs(np.corrcoef(share, late)[0, 1]) < 4 / np.sqrt(DRAWS)


def test_the_slipping_together_asked_for_is_got():
    line = "{{kind: price, setting: special, size: {{central: 0.1, unit: share}}, " \
           "start: 2025-04, causes: [{}]{}}}"
    own = ", delivery: {none: {central: 0.2, unit: share}, full: {central: 0.45, unit: share}, " \
          "part: {central: 0.5, unit: share}}"
    measures, worlds = programme(
        f"a: {line.format('workforce', '')}", f"b: {line.format('workforce, capital', '')}",
        f"c: {line.format('capital', '')}", f"d: {line.format('workforce', own)}",
        usual=DOUBTFUL, draws=DRAWS)
    found = delivered(measures, worlds, 2025, 2025)
    short = dict(zip("abcd", found["delivery"].values < 1, strict=True))
    late = dict(zip("abcd", found["slippage"].values, strict=True))
    for one, other, asked in (("a", "b", 0.75), ("b", "a", 0.75), ("b", "c", 0.65),
                              ("a", "c", 0.6)):
        assert within(short[other][short[one]], asked), (one, other)
    # d is alike by its own chance of 0.55; with others the geometric mean holds
    rho = np.sqrt(copula_correlation(0.6, 0.75) * copula_correlation(0.55, 0.75))
    assert within(short["d"][short["a"]], both(0.6, 0.55, rho) / 0.6)
    expected = event_correlation(0.6, 0.6, copula_correlation(0.6, 0.75))
    pairs = np.stack([short["a"], short["b"]], 1).astype(float)
    assert within(batches(pairs, stats.pearsonr), expected)
    # late goes with short
    assert np.corrcoef(short["a"], late["b"])[0, 1] > 0.2


def test_a_number_ranged_by_world_is_solved_for_each():
    usual = DOUBTFUL.replace("{central: 0.75, unit: share}",
                             "{low: 0.7, central: 0.75, high: 0.8, min: 0.61, unit: share}")
    line = "{kind: price, setting: special, size: {central: 0.1, unit: share}, start: 2025-04, " \
           "causes: [workforce]}"
    measures, worlds = programme(f"a: {line}", f"b: {line}", usual=usual, draws=DRAWS)
    a, b = delivered(measures, worlds, 2025, 2025)["delivery"].values < 1
    asked = worlds["safety_valve.causes.workforce.if_one_slips"]
    assert within(b[a] - asked[a], 0.0)


def test_certain_delivery_is_the_ramp():
    assert Assumption(central=1, unit="share").certain
    measures, worlds = programme(
        "a: {kind: price, setting: special, size: {central: 0.1, unit: share}, start: 2025-07, "
        "ramp: {shape: linear, months: 4}, end: 2026-02}", usual=CERTAIN, draws=3)
    found = delivered(measures, worlds, 2025, 2026)
    by_hand = [0] * 6 + [0.125, 0.375, 0.625, 0.875] + [1] * 4 + [0] * 10
    assert found.values == pytest.approx(np.broadcast_to(by_hand, (1, 3, 24)))
    assert list(found["month"].values[[0, -1]]) == ["2025-01", "2026-12"]
