"""Scores and simple methods against printed and closed-form answers."""

import json

import numpy as np
import pytest
from scipy import integrate, special
from sufficiency.model import skill
from sufficiency.model.streams import named_uniform


@pytest.fixture(scope="module")
def oracles(shared):
    rows = json.loads((shared / "oracles" / "b_forecast.json").read_text())
    return {row["id"]: row for row in rows}


def test_smoothing_reproduces_the_printed_accuracy(oracles):
    row = oracles["ses_oildata_accuracy"]
    series, want = np.array(row["inputs"]["series"]), row["expected"]
    alpha, first, _, errors = skill.smooth(series)
    fitted = series - errors
    found = {"alpha": alpha, "level0": first, "ME": errors.mean(),
             "RMSE": np.sqrt((errors**2).mean()), "MAE": np.abs(errors).mean(),
             "MPE": 100 * (errors / series).mean(), "MAPE": 100 * np.abs(errors / series).mean(),
             "MASE": skill.mase(series, fitted, series)[0],
             "ACF1": _first_autocorrelation(errors)}
    assert found == pytest.approx(want, abs=row["tol"])


def _first_autocorrelation(errors):
    off = errors - errors.mean()
    return (off[1:] * off[:-1]).sum() / (off**2).sum()


def test_smoothing_reproduces_the_printed_intervals(oracles):
    row = oracles["ses_oildata_intervals_80"]
    found = skill.smooth_intervals(row["inputs"]["series"], 5)
    assert found.ravel() == pytest.approx(row["expected"], abs=row["tol"])


def test_crps_of_distributions(oracles):
    row = oracles["crps_normal"]
    found = [skill.crps_cdf(lambda x, m=m, s=s: special.ndtr((x - m) / s), y, m - 40 * s,
                            m + 40 * s) for y, m, s in row["inputs"]["cases"]]
    assert found == pytest.approx(row["expected"], abs=row["tol"])
    row = oracles["crps_poisson"]
    cdf = special.pdtr(np.arange(200), row["inputs"]["rate"])
    assert skill.crps_counts(cdf, row["inputs"]["obs"]) == pytest.approx(row["expected"][0],
                                                                        abs=row["tol"])
    row = oracles["crps_linear_pool"]
    found = skill.crps_cdf(lambda x: (special.ndtr(x) + special.ndtr(x - 1)) / 2,
                           row["inputs"]["y"], -40, 41)
    assert found == pytest.approx(row["expected"][0], abs=row["tol"])


def test_crps_of_an_ensemble(oracles):
    row = oracles["crps_ensemble"]
    draws, came = row["inputs"]["ensemble"], row["inputs"]["obs"]
    found = {"fair": skill.crps(draws, came), "energy": skill.crps(draws, came, fair=False)}
    assert found == pytest.approx(row["expected"], abs=row["tol"])


def test_fair_crps_is_the_distributions_own_whatever_the_size():
    z = special.ndtri(named_uniform(1, "skill.test", 40_000)).reshape(8, 5000)
    found = skill.crps(z, 0.7)
    want = skill.crps_cdf(special.ndtr, 0.7, -40, 40)
    error = found.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.mean() - want) < 4 * error
    # biased by the spread between draws over their number, 2/sqrt(pi)/2/8; the fair form is not
    assert skill.crps(z, 0.7, fair=False).mean() - found.mean() == pytest.approx(
        1 / np.sqrt(np.pi) / 8, rel=0.05)


def test_crps_shapes_and_perfect_forecasts():
    draws = np.broadcast_to(np.arange(12.0).reshape(3, 4), (7, 3, 4))
    assert skill.crps(draws, draws[0]).shape == (3, 4)
    assert np.allclose(skill.crps(draws, draws[0]), 0)
    assert skill.crps(np.array([[3.0]]), 5.0) == pytest.approx([2.0])
    assert (skill.crps(draws, draws[0] + 1) > 0).all()


def test_interval_score(oracles):
    row = oracles["interval_score"]
    given = row["inputs"]
    found = skill.interval_score(given["obs"], given["lower"], given["upper"], given["alpha"])
    assert found == pytest.approx(row["expected"], abs=row["tol"])


def test_two_piece_normal(oracles):
    row = oracles["two_piece_normal"]
    mode, low, high = (row["inputs"][name] for name in ("mode", "s1", "s2"))
    # of u = Phi(t), so that the integrand has no infinite end
    def moment(power, about):
        def f(t):
            x = skill.two_piece_normal(special.ndtr(t), mode, low, high)
            return (x - about) ** power * np.exp(-t * t / 2) / np.sqrt(2 * np.pi)
        kink = special.ndtri(low / (low + high))
        return sum(integrate.quad(f, *ends, epsabs=1e-12)[0] for ends in ((-8, kink), (kink, 8)))
    want = row["expected"]
    assert moment(1, 0) == pytest.approx(want["mean"], abs=row["tol"])
    assert moment(2, want["mean"]) == pytest.approx(want["var"], abs=row["tol"])
    below = want["p_below_mode"]
    assert skill.two_piece_normal(below, mode, low, high) == pytest.approx(mode, abs=row["tol"])


def test_wape_is_pooled_and_mase_says_why_it_is_undefined():
    assert skill.wape([100, 1000], [110, 1000]) == pytest.approx(10 / 1100)
    assert skill.mase([12], [10], [4, 6, 8]) == (1.0, "")
    figure, reason = skill.mase([12], [10], [5, 5, 5])
    assert np.isnan(figure) and "flat" in reason
    figure, reason = skill.mase([12], [10], [5])
    assert np.isnan(figure) and "two years" in reason


def test_clopper_pearson_by_its_own_definition():
    # 3 of 4: published tables give 0.194 to 0.994
    assert skill.clopper_pearson(3, 4) == pytest.approx((0.1941, 0.9937), abs=5e-5)
    low, high = skill.clopper_pearson(17, 20)
    assert special.bdtrc(16, 20, low) == pytest.approx(0.025)
    assert special.bdtr(17, 20, high) == pytest.approx(0.025)
    assert skill.clopper_pearson(0, 5)[0] == 0 and skill.clopper_pearson(5, 5)[1] == 1


def test_intervals_of_coverage_are_by_origin_not_by_council():
    origins = np.repeat(np.arange(6), 100)
    shared = np.isin(origins, (0, 1, 2, 3))  # all councils of an origin hit or miss together
    share, low, high = skill.coverage(shared, origins)
    # six shares of 1 or 0: mean 2/3, standard error sqrt(6/5 * (4/9 + 8/9) ) / 6, t of 5 2.5706
    reach = 2.570582 * np.sqrt(6 / 5 * (4 * (1 / 3) ** 2 + 2 * (2 / 3) ** 2)) / 6
    assert (share, low, high) == pytest.approx((2 / 3, 2 / 3 - reach, 1.0), abs=1e-6)
    exact = skill.clopper_pearson(400, 600)
    assert low < exact[0] and high > exact[1], "as if councils were independent"
    assert skill.coverage([True, False], [1, 1]) == (0.5, 0.0, 1.0)


def test_pit_of_counts_is_uniform_when_the_draws_are_honest():
    rates, draws, trials = 6.5, 400, 2000
    u = named_uniform(3, "skill.pit.draws", draws * trials).reshape(draws, trials)
    counts = np.searchsorted(special.pdtr(np.arange(60), rates), u)
    came = np.searchsorted(special.pdtr(np.arange(60), rates),
                           named_uniform(3, "skill.pit.came", trials))
    found = skill.pit(counts, came, named_uniform(3, "skill.pit.v", trials))
    tenths = np.bincount(np.minimum(10 * found, 9).astype(int), minlength=10)
    # each tenth is binomial, and 400 draws add a twentieth to its spread
    assert np.abs(tenths - trials / 10).max() < 4 * 1.05 * np.sqrt(trials * 0.1 * 0.9)
    # by hand: one of four draws below, two equal, half-way through them
    assert skill.pit(np.array([1, 2, 2, 5]), 2, 0.5) == 0.5


def test_simple_methods_by_hand():
    counts = np.array([[100.0, 110, 121], [200, 180, 179]])
    found = {name: skill.SIMPLE[name](counts, 2) for name in skill.SIMPLE}
    assert found["last value"] == pytest.approx([121, 179])
    assert found["drift"] == pytest.approx([121 + 21, 179 - 21])
    assert found["damped trend"] == pytest.approx([121 + 11 * 1.71, 179 - 1.71])
    assert found["pooled growth"] == pytest.approx(np.array([121, 179]) * (300 / 290) ** 2)
    late = np.array([[np.nan, 110, 121]])
    assert skill.drift(late, 1) == pytest.approx([132])


def test_a_simple_methods_ensemble_is_its_own_past_errors():
    counts = np.array([[100.0, 110, 121, 125]])
    point, draws = skill.simple("last value", counts, 1)
    assert point == pytest.approx([125])
    assert draws[:, 0] == pytest.approx([125 * 1.1, 125 * 125 / 121])
    assert len(skill.simple("last value", counts, 2)[1]) == 1
    nothing = skill.simple("last value", np.zeros((1, 4)), 1)
    assert nothing[1] == pytest.approx(np.zeros((2, 1)))
