"""The placement engine against published and closed-form answers of cohort models."""

import json

import numpy as np
import pandas as pd
import pytest
from sufficiency.model.placements.engine import project
from sufficiency.model.placements.rates import Rates, estimate

DRAWS = 20_000


@pytest.fixture(scope="module")
def oracle(shared):
    found = json.loads((shared / "oracles" / "a_cohort.json").read_text())
    return {each["id"]: each for each in found}


def chain(matrices, stock, names, **changes):
    """Rates that walk through matrices (step, place, place), leaving with what is left over."""
    matrices = np.asarray(matrices, float)
    steps, places, _ = matrices.shape
    other = matrices * ~np.eye(places, dtype=bool)
    moved = other.sum(-1)
    leave = np.clip(1 - matrices.sum(-1), 0, 1)
    target = [[j for j in range(places) if j != i] for i in range(places)]
    share = np.stack([other[:, i, target[i]] for i in range(places)])
    total = share.sum(-1, keepdims=True)
    start = np.zeros((places, steps))
    start[:, 0] = stock
    certain = np.full((places, steps), np.inf)
    move = np.divide(moved, 1 - leave, out=np.zeros_like(moved), where=leave < 1)
    fields = dict(
        places=names, steps_per_year=1, first_age=0, stock=start, leave_mean=leave.T,
        leave_size=certain, move_mean=move.T, move_size=certain,
        target=np.repeat(np.array(target)[:, None], steps, 1),
        share_mean=np.divide(share, total, out=np.zeros_like(share), where=total > 0),
        share_size=certain, join_mean=np.zeros((places, steps)),
        join_size=certain, correlation=0.0)
    return Rates(**{**fields, **changes})


def hiv(oracle):
    counts = np.array(oracle["hiv_deterministic"]["inputs"]["counts"], float)
    return counts / counts.sum(1, keepdims=True)


def four_errors(draws):
    """Mean and variance over draws with four standard errors of each."""
    mean, variance = draws.mean(0), draws.var(0, ddof=1)
    fourth = ((draws - mean) ** 4).mean(0)
    return (mean, 4 * np.sqrt(variance / len(draws)), variance,
            4 * np.sqrt((fourth - variance**2) / len(draws)))


def test_trace_and_variance_of_a_closed_cohort(oracle):
    matrix = hiv(oracle)[:3, :3]
    rates = chain([matrix] * 7, [1000, 0, 0], ("A", "B", "C"))
    mean = oracle["multinomial_trace_5_steps"]["expected"]
    variance = oracle["multinomial_trace_5_steps_var"]["expected"]
    exact = project(rates, periods=5, seed=1, draws=1, engine="expected")
    assert exact["stock"][0, -1].sum(-1) == pytest.approx(mean[:3], abs=1e-6)
    assert exact["leavers"].sum() == pytest.approx(mean[3], abs=1e-6)
    counts = project(rates, periods=5, seed=1, draws=DRAWS)
    states = np.column_stack([counts["stock"][:, -1].sum(-1), counts["leavers"].sum((1, 2))])
    found, error, spread, spread_error = four_errors(states)
    assert (abs(found - mean) < error).all()
    assert (abs(spread - variance) < spread_error).all()


def test_beta_binomial_leavers(oracle):
    given = oracle["beta_binomial_predictive"]
    a, b, n = (given["inputs"][key] for key in ("alpha", "beta", "n"))
    shape = (1, 2)
    rates = chain(np.zeros((2, 1, 1)), [n], ("one",), leave_mean=np.full(shape, a / (a + b)),
                  leave_size=np.full(shape, a + b), target=np.full((1, 2, 1), -1),
                  share_mean=np.zeros((1, 2, 1)))
    leavers = project(rates, periods=1, seed=2, draws=DRAWS)["leavers"][:, 0, 0]
    mean, error, variance, variance_error = four_errors(leavers)
    assert abs(mean - given["expected"]["mean"]) < error
    assert abs(variance - given["expected"]["var"]) < variance_error


def test_gamma_poisson_joiners_from_three_yearly_counts(oracle):
    given = oracle["gamma_poisson_predictive"]
    years = range(3)
    counts = pd.DataFrame({"year": years, "kind": "joiner", "place": "one", "age": 4,
                           "destination": "", "count": given["inputs"]["counts"]})
    rates = estimate(counts, pd.DataFrame({4: 5000}, years), stock=[[0]], places=("one",),
                     groups=["x"], allowed=[[True]], moves=[[False]], phases=["all"], prior_size=5,
                     steps_per_year=1, first_age=4, correlation=0.0)
    expected = given["expected"]
    assert rates.join_mean[0, 0] == pytest.approx(expected["mean"], abs=1e-6)
    drawn = project(rates, periods=1, seed=3, draws=DRAWS)["joiners"][:, 0, 0]
    mean, error, variance, variance_error = four_errors(drawn)
    assert abs(mean - expected["mean"]) < error
    assert abs(variance - expected["var"]) < variance_error
    for name, chance in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
        below, up_to = (drawn < expected[name]).mean(), (drawn <= expected[name]).mean()
        assert below - 0.01 <= chance <= up_to + 0.01, f"{name}: {expected[name]}"


def test_immigration_and_death_by_the_month(oracle):
    given = oracle["immigration_death"]
    steps = 38
    entries = np.zeros((1, steps))
    entries[0, 0] = given["inputs"]["entries"]
    rates = chain(np.full((steps, 1, 1), 1 - given["inputs"]["exit"]), [given["inputs"]["start"]],
                  ("one",), join_mean=entries, target=np.full((1, steps, 1), -1),
                  share_mean=np.zeros((1, steps, 1)), steps_per_year=12)
    exact = project(rates, periods=36, seed=4, draws=1, engine="expected")["stock"][0, -1].sum()
    assert exact == pytest.approx(given["expected"]["mean"], abs=1e-6)
    counts = project(rates, periods=36, seed=4, draws=DRAWS)["stock"][:, -1].sum((1, 2))
    mean, error, variance, variance_error = four_errors(counts)
    assert abs(mean - given["expected"]["mean"]) < error
    assert abs(variance - given["expected"]["var"]) < variance_error


def test_dirichlet_row_as_leaving_moving_and_sharing(oracle):
    stay, b, c, dead = oracle["dirichlet_row_A"]["inputs"]["counts"]
    total, shape = stay + b + c + dead, (3, 2)
    rates = chain([hiv(oracle)[:3, :3]] * 2, [1, 0, 0], ("A", "B", "C"),
                  leave_size=np.full(shape, total), move_size=np.full(shape, total - dead),
                  share_size=np.full(shape, b + c))
    result = project(rates, periods=1, seed=5, draws=DRAWS, engine="expected")
    row = np.column_stack([result["stock"][:, 1].sum(-1), result["leavers"].sum((1, 2))])
    mean, error, variance, variance_error = four_errors(row)
    assert (abs(mean - oracle["dirichlet_row_A"]["expected"]) < error).all()
    sd = np.array(oracle["dirichlet_row_A_sd"]["expected"])
    assert (abs(variance - sd**2) < variance_error).all()


def test_negative_root_of_a_yearly_matrix_is_refused(oracle):
    """A year's matrix may have no month's root: rates are estimated per step, never rooted."""
    impossible = oracle["monthly_root_trap"]["expected"]["B_to_D"]
    with pytest.raises(ValueError, match=r"leave_mean.*allowed 0 to 1"):
        chain([hiv(oracle)[:3, :3]] * 2, [1, 0, 0], ("A", "B", "C"),
              leave_mean=np.full((3, 2), impossible))


def test_stationary_shares_of_hamiltons_chain(oracle):
    matrix = oracle["hamilton_stationary"]["inputs"]["P"]
    rates = chain([matrix] * 402, [1, 0, 0], ("growth", "mild", "severe"))
    last = project(rates, periods=400, seed=6, draws=1, engine="expected")["stock"][0, -1].sum(-1)
    assert last == pytest.approx(oracle["hamilton_stationary"]["expected"], abs=5e-6)


def test_published_hiv_model(oracle):
    given = oracle["hiv_deterministic"]
    inputs, cycles = given["inputs"], given["inputs"]["cycles"]
    care = np.array([inputs["care"][state] for state in "ABC"])
    discount = (1 + inputs["discount_cost"]) ** -np.arange(1, cycles + 1)
    matrix, found = hiv(oracle), {}
    slowed = matrix * np.where(np.eye(4, dtype=bool), 1, inputs["rr"])
    slowed += np.diag(1 - slowed.sum(1))
    early = np.arange(cycles + 2) < inputs["rr_years"]
    for arm, matrices in (("mono", [matrix] * (cycles + 2)),
                          ("comb", np.where(early[:, None, None], slowed, matrix))):
        rates = chain(np.array(matrices)[:, :3, :3], [1, 0, 0], ("A", "B", "C"))
        living = project(rates, periods=cycles, seed=7, draws=1, engine="expected")["stock"]
        living = living[0, 1:].sum(-1)
        drugs = inputs["drug"]["zidovudine"] + (arm == "comb") * early[:cycles] * (
            inputs["drug"]["lamivudine"])
        found[f"{arm}_ly"] = living.sum()
        found[f"{arm}_cost"] = ((living @ care + living.sum(1) * drugs) * discount).sum()
    for key, value in found.items():
        rounding = given["tol"] if key.endswith("cost") else 0.0006
        assert value == pytest.approx(given["expected"][key], abs=rounding), key


@pytest.mark.parametrize("arm", ["SoC", "A", "B", "AB"])
def test_published_sick_sicker_model(oracle, arm):
    given = oracle["sick_sicker_cost"]["inputs"]
    rate, hr, cost = given["rates"], given["hr"], given["cost"]
    worsen = rate["S1_S2"] * (hr["S1_S2_treatB"] if "B" in arm else 1)
    alive = np.exp(-rate["H_D"] * np.array([1, hr["S1_death"], hr["S2_death"]]))
    fall, rise, worse = (1 - np.exp(-r) for r in (rate["H_S1"], rate["S1_H"], worsen))
    matrix = alive[:, None] * [[1 - fall, fall, 0], [rise, 1 - rise - worse, worse], [0, 0, 1]]
    cycles = given["ages"][1] - given["ages"][0]
    rates = chain([matrix] * (cycles + 2), [1, 0, 0], ("H", "S1", "S2"))
    living = project(rates, periods=cycles, seed=8, draws=1, engine="expected")["stock"][0].sum(-1)
    # as the authors' code has them: 1/3, 2/3, 4/3, ... 1/3
    weight = np.where(np.arange(cycles + 1) % 2, 2 / 3, 4 / 3)
    weight[[0, -1]] = 1 / 3
    weight *= (1 + given["discount"]) ** -np.arange(cycles + 1)
    treated = cost["treatA"] * ("A" in arm) + cost["treatB"] * ("B" in arm)
    costs = np.array([cost["H"], cost["S1"] + treated, cost["S2"] + treated])
    utility = given["utility"]
    lives = [utility["H"], utility["S1_treatA" if "A" in arm else "S1"], utility["S2"]]
    for key, values in (("cost", costs), ("qaly", lives)):
        answer = oracle[f"sick_sicker_{key}"]
        total = (living @ values * weight).sum()
        assert total == pytest.approx(answer["expected"][arm], abs=answer["tol"]), key
