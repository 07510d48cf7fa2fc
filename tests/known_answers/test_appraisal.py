"""Published and closed-form answers of appraisal: present value, knowing more, weights, shares.

Tolerance: what the answer is rounded by, and for draws four standard errors.
"""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri
from sufficiency.model.appraisal import scores, value
from sufficiency.model.appraisal.influence import REMAINDER, shares
from sufficiency.model.market.evidence import switching
from sufficiency.model.streams import named_uniform

GREEN_BOOK = [(0, 30, 0.035), (31, 75, 0.03), (76, 125, 0.025)]
DRAWS = 20_000
NOT_HERE = {
    "evppi_chemo": "its draws (voi/data/*.rda) are not in the oracle",
    "smaa_thrombo": "its draws (smaa/inst/extdata) are not in the oracle",
    "prim_bryant_lempert_box21": "its cases (prim_bryant_lempert.csv) are not in the oracle, and "
                                 "the library has no PRIM",
}


@pytest.fixture(scope="session")
def oracles(shared):
    rows = json.loads((shared / "oracles" / "e_appraise.json").read_text(encoding="utf-8"))
    return {row["id"]: row for row in rows}


def uniforms(names, draws=DRAWS):
    return np.column_stack([named_uniform(11, str(name), draws) for name in names])


def assert_near(found, expected, error, rounding=1e-9):
    assert np.all(np.abs(found - np.asarray(expected)) <= rounding + 4 * np.asarray(error)), (
        found, expected, error)


@pytest.mark.parametrize("name", NOT_HERE)
def test_answers_whose_data_are_elsewhere(name, oracles):
    assert name in oracles
    pytest.skip(NOT_HERE[name])


def test_discount_factors_compound_over_the_kinks(oracles):
    oracle = oracles["discount_factors"]
    years, expected = np.array([*map(int, oracle["expected"])]), [*oracle["expected"].values()]
    bands = [(*map(int, band.split("-")), rate) for band, rate in oracle["inputs"]["rates"].items()]
    found = value.discount_factors(years, bands)
    np.testing.assert_allclose(found, expected, atol=oracle["tol"])
    np.testing.assert_allclose(found[5] / found[4], 1 / 1.03)
    np.testing.assert_allclose(found[7] / found[6], 1 / 1.025)


def test_half_a_year_is_compounded_too():
    np.testing.assert_allclose(value.discount_factors([0, 0.5, 30.5], GREEN_BOOK),
                               [1, 1.035**-0.5, 1.035**-30 * 1.03**-0.5])


def test_annuity_over_a_hundred_years(oracles):
    oracle = oracles["annuity_100_years"]
    factors = value.discount_factors(np.arange(1, oracle["inputs"]["years"] + 1), GREEN_BOOK)
    assert abs(factors[:30].sum() - oracle["expected"]["a30"]) < oracle["tol"]
    assert abs(factors.sum() - oracle["expected"]["a100"]) < oracle["tol"]


def test_net_present_value_of_two_options(oracles):
    oracle = oracles["npv_two_options"]
    found = value.net_present([*oracle["inputs"].values()],
                              value.discount_factors(np.arange(5), GREEN_BOOK))
    np.testing.assert_allclose(found, [*oracle["expected"].values()], atol=oracle["tol"])


def test_first_flow_is_not_discounted(oracles):
    oracle = oracles["npv_numpy_financial"]
    flows, rate = oracle["inputs"]["flows"], oracle["inputs"]["rate"]
    factors = value.discount_factors(np.arange(len(flows)), [(0, None, rate)])
    assert abs(value.net_present(flows, factors) - oracle["expected"][0]) < oracle["tol"]


def test_annual_equivalent_and_switching_values(oracles):
    oracle = oracles["npv_eanc"]
    flows, expected, tol = np.array(oracle["inputs"]["flows"]), oracle["expected"], oracle["tol"]
    factors = value.discount_factors(np.arange(flows.size), GREEN_BOOK)
    npv = value.net_present(flows, factors)
    assert abs(npv - expected["npv"]) < tol
    assert abs(value.annual_equivalent(npv, factors[1:]) - expected["eanc"]) < tol

    def cost(capital, saving):
        return -value.invest_to_save(capital, saving, factors, opens_months=12).npv

    capital = switching(lambda x: cost(x, 30), 100, 200, tolerance=1e-9)
    saving = switching(lambda x: cost(100, x), 0, 30, tolerance=1e-9)
    assert (capital.says, saving.says) == ("saves below", "saves above")
    assert abs(capital.value - expected["switch_capex"]) < tol
    assert abs(saving.value - expected["switch_benefit"]) < tol


def test_invest_to_save_by_hand():
    # 100 and a quarter; 48 a year full after a year's ramp, from month 6, two years long: months
    # 0-5 of the ramp bring 6/12 x 1/4 of 48, 6-11 6/12 x 3/4; running cost 12 a year while open.
    found = value.invest_to_save([100.0, 10.0], 48, [1, 0.9, 0.8, 0.7], running=12,
                                 optimism_bias=0.25, opens_months=6, ramp_months=12, life_years=2)
    net = np.array([6 - 6, 18 + 24 - 12, 24 - 6, 0])
    np.testing.assert_allclose(found.capital, [125, 12.5])
    np.testing.assert_allclose(found.flows, [net - [125, 0, 0, 0], net - [12.5, 0, 0, 0]])
    np.testing.assert_allclose(found.npv, [27 + 14.4 - 125, 27 + 14.4 - 12.5])
    np.testing.assert_array_equal(found.payback, [np.nan, 2])


def test_discounting_puts_off_the_payback():
    factors = value.discount_factors(np.arange(6), [(0, None, 0.1)])
    found = value.invest_to_save(100, 25, factors)
    # 25 a year from the start makes 100 at the end of year 4; at 10%, 25 x 4.17 at the end of 5.
    assert (found.payback, found.discounted_payback) == (4, 5)


def normal_choice(draws=DRAWS):
    z = ndtri(uniforms(["p1", "p2"], draws))
    p1, p2 = 1 + z[:, 0], 2 * z[:, 1]
    return np.column_stack([np.zeros(draws), p1 - p2]), p1, p2


def test_value_of_knowing_everything(oracles):
    expected = oracles["evpi_normal"]["expected"]
    benefit, *_ = normal_choice()
    loss = np.maximum(-benefit[:, 1], 0)
    assert_near(value.evpi(benefit), expected["evpi"], loss.std() / np.sqrt(DRAWS))
    right = expected["p_correct"]
    assert_near(value.probability_best(benefit), [1 - right, right],
                np.sqrt(right * (1 - right) / DRAWS))


def test_value_of_knowing_one_input(oracles):
    expected = oracles["evpi_normal"]["expected"]
    benefit, p1, p2 = normal_choice()
    for known, name in ((p1, "evppi_p1"), (p2, "evppi_p2")):
        found = value.evppi(benefit, known)
        assert_near(found.value, expected[name], found.error)
        assert 0.001 < found.error < 0.02


def test_knowing_every_input_is_knowing_everything():
    benefit, p1, p2 = normal_choice()
    idle = named_uniform(11, "idle", DRAWS)
    for known in ((p1, p2), (p1, p2, idle)):
        found = value.evppi(benefit, np.column_stack(known))
        np.testing.assert_allclose(found.value, value.evpi(benefit), rtol=1e-9)


def test_knowing_one_of_three_options_inputs():
    # Best of N(0, 1), N(0, 1) known and 0 certain: mean of the largest, by quadrature.
    z = ndtri(uniforms("ab"))
    luck = 3 * ndtri(uniforms("cd"))
    benefit = np.column_stack([np.zeros(DRAWS), z + luck])
    found = value.evppi(benefit, z)
    x = np.linspace(-8, 8, 4001)
    largest = np.trapezoid(np.maximum(x, 0) * 2 * stats.norm.pdf(x) * stats.norm.cdf(x), x)
    assert_near(found.value, largest, found.error)


def test_shares_of_ishigami(oracles):
    oracle = oracles["sobol_ishigami"]
    x = (2 * uniforms(range(3)) - 1) * np.pi
    y = (np.sin(x[:, 0]) + oracle["inputs"]["a"] * np.sin(x[:, 1])**2
         + oracle["inputs"]["b"] * x[:, 2]**4 * np.sin(x[:, 0]))
    found = shares(y, x, ["S1", "S2", "S3"])
    expected = np.array([oracle["expected"][name] for name in found.index[:3]])
    assert_near(found["share"].iloc[:3], expected, found["error"].iloc[:3], oracle["tol"])
    assert_near(found.loc[REMAINDER, "share"], 1 - expected.sum(),
                found.loc[REMAINDER, "error"], 3 * oracle["tol"])
    assert found["error"].max() < 0.02
    assert list(found.index[:2]) == ["S2", "S1"]


def test_shares_of_the_g_function(oracles):
    oracle = oracles["sobol_g"]
    a = np.array(oracle["inputs"]["a"])
    x = uniforms(range(a.size))
    found = shares(((np.abs(4 * x - 2) + a) / (1 + a)).prod(1), x, range(a.size))
    # The oracle's last four are total effects, which given draws do not show.
    first = [*oracle["expected"][:5], *[oracle["expected"][4]] * 3]
    # Cubics between ten knots round off the corner of |4x - 2|: 0.0015 of its variance (measured).
    assert_near(found["share"].reindex(range(a.size)), first,
                found["error"].reindex(range(a.size)), 0.0015 * first[0])
    assert list(found.index[:4]) == [0, 1, 2, 3]


def test_minimax_regret(oracles):
    oracle = oracles["minimax_regret"]
    expected = oracle["expected"]
    table = value.regret(oracle["inputs"]["payoff"])
    assert list(table.max(axis=1)) == [expected["max_regret_stocks"],
                                       expected["max_regret_bonds"], expected["max_regret_mm"]]
    found = value.minimax(oracle["inputs"]["payoff"])
    assert (found.option, found.regret) == (1, expected["max_regret_bonds"])
    np.testing.assert_allclose(found.mix, [expected["mix_stocks"], 0, expected["mix_mm"]],
                               atol=oracle["tol"])
    assert abs(found.mix_regret - expected["mix_regret"]) < oracle["tol"]


def test_acceptability_of_two_alternatives(oracles):
    oracle = oracles["smaa_two_alternatives"]
    for difference, expected in zip(oracle["inputs"]["score_difference"], oracle["expected"],
                                    strict=True):
        weights = scores.dirichlet_weights(DRAWS, [f"c{i}" for i in range(len(difference))], 3)
        found = scores.smaa([difference, [0.0] * len(difference)], weights)
        error = np.sqrt(expected * (1 - expected) / DRAWS)
        assert_near(found.acceptability, [[expected, 1 - expected], [1 - expected, expected]],
                    error)


def test_central_weights_of_two_criteria():
    # w ~ U(0, 1) on the first; the first option is best above w = 1/3: means 2/3 and 1/6.
    weights = scores.dirichlet_weights(DRAWS, ["a", "b"], 3)
    found = scores.smaa([[2.0, 0.0], [0.0, 1.0]], weights)
    assert_near(found.central[:, 0], [2 / 3, 1 / 6],
                [np.sqrt(1 / 27 / (DRAWS * 2 / 3)), np.sqrt(1 / 108 / (DRAWS / 3))])
    np.testing.assert_array_equal(found.confidence, [1, 1])


def test_confidence_counts_the_draws_of_scores():
    # Two options, one criterion: N(1, 1) against 0 is first in Phi(1) of the draws.
    z = ndtri(named_uniform(11, "z", DRAWS))
    drawn = np.stack([1 + z, np.zeros(DRAWS)], axis=1)[..., None]
    found = scores.smaa(drawn, np.ones((DRAWS, 1)))
    right = stats.norm.cdf(1)
    assert_near(found.confidence, [right, 1 - right], np.sqrt(right * (1 - right) / DRAWS))


def test_rank_order_centroid_weights(oracles):
    oracle = oracles["roc_weights"]
    found = np.concatenate([scores.rank_order_centroid(n) for n in oracle["inputs"]["n"]])
    np.testing.assert_allclose(found, oracle["expected"], atol=oracle["tol"])


def test_weights_in_an_order_have_the_centroid_for_mean():
    found = scores.dirichlet_weights(DRAWS, ["a", "b", "c"], 3, swings=[20, 100, 50])
    assert_near(found.mean(0), scores.rank_order_centroid(3)[[2, 0, 1]],
                found.std(0) / np.sqrt(DRAWS))
    assert (np.diff(found[:, [1, 2, 0]]) <= 0).all()


def test_equal_swings_share_the_middle():
    found = scores.dirichlet_weights(DRAWS, ["a", "b", "c"], 3, swings=[100, 40, 40])
    first, second, third = scores.rank_order_centroid(3)
    assert_near(found.mean(0), [first, (second + third) / 2, (second + third) / 2],
                found.std(0) / np.sqrt(DRAWS))
    assert 0.45 < (found[:, 1] > found[:, 2]).mean() < 0.55


def test_swing_weights_and_scores_by_hand():
    weights = scores.swing_weights([100, 60, 40])
    np.testing.assert_allclose(weights, [0.5, 0.3, 0.2])
    local = scores.local_scores([[10.0, 3], [20, 1], [15, 2]], best=[10, 3], worst=[20, 1])
    np.testing.assert_allclose(local, [[100, 100], [0, 0], [50, 50]])
    np.testing.assert_allclose(scores.weighted([[100, 0, 50], [0, 100, 100]], weights), [60, 50])
