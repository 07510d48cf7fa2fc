"""What always holds in an appraisal, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri
from sufficiency.model.appraisal import scores, value
from sufficiency.model.appraisal.influence import REMAINDER, shares
from sufficiency.model.streams import named_uniform

DRAWS = 4000


def normals(*names):
    return np.column_stack([ndtri(named_uniform(5, name, DRAWS)) for name in names])


@pytest.fixture(scope="module")
def choice():
    """Net benefit of three options, GBP, and the one input that moves them."""
    known, *luck = normals("known", "a", "b", "c").T
    return np.column_stack([100 * known, 20 + 0 * known, -80 * known]) + np.stack(luck, 1), known


def test_least_expected_loss_is_the_value_of_knowing_everything(choice):
    benefit, _ = choice
    loss = value.expected_loss(benefit)
    assert loss.min() == value.evpi(benefit) == loss[benefit.mean(0).argmax()]
    np.testing.assert_allclose(loss + benefit.mean(0), benefit.max(1).mean())
    np.testing.assert_allclose(value.probability_best(benefit).sum(), 1)


def test_options_that_tie_share_the_draw():
    np.testing.assert_allclose(value.probability_best([[1, 1, 0], [0, 1, 0]]), [0.25, 0.75, 0])


def test_an_option_never_best_changes_nothing(choice):
    benefit, known = choice
    more = np.column_stack([benefit, benefit.min(1) - 1])
    assert value.evpi(more) == value.evpi(benefit)
    assert value.evppi(more, known).value == pytest.approx(value.evppi(benefit, known).value)


def test_chance_that_all_options_share_is_worth_nothing_to_know(choice):
    benefit, known = choice
    shared = 1000 * normals("shared")
    found = value.evppi(benefit + shared, known)
    np.testing.assert_allclose(found, value.evppi(benefit, known), rtol=1e-9)
    assert value.evppi(benefit + shared, shared).value <= 4 * value.evppi(benefit, shared).error


def test_value_of_part_is_no_more_than_of_all_and_scales_with_money(choice):
    benefit, known = choice
    found = value.evppi(benefit, known)
    assert 0 < found.value <= value.evpi(benefit) + 4 * found.error
    np.testing.assert_allclose(value.evppi(1e6 * benefit, known), np.multiply(1e6, found))


@pytest.mark.parametrize("level", [0.0, 0.1, 1.0])
def test_an_input_in_another_order_tells_nothing(level):
    known, other = normals("known", "other").T
    benefit = np.column_stack([np.zeros(DRAWS), level + known])
    for input_ in (np.roll(known, 1), other):
        found = value.evppi(benefit, input_)
        assert 0 <= found.value <= 4 * found.error
    assert value.evppi(benefit, known).value > 10 * value.evppi(benefit, known).error


def test_chance_seldom_passes_for_knowledge():
    luck, *idle = ndtri(named_uniform(5, "idle", 31 * 1000).reshape(31, 1000))
    even = np.column_stack([np.zeros(1000), luck - luck.mean()])
    found = [value.evppi(even, one) for one in idle]
    # An unrelated input is worth exactly nothing more often than not; four errors of 30 halves.
    assert np.mean([one.value == 0 for one in found]) > 0.5 - 4 * np.sqrt(0.25 / 30)
    assert all(one.value <= 4 * one.error for one in found)


def test_an_input_that_does_not_vary_tells_nothing(choice):
    benefit, known = choice
    assert value.evppi(benefit, np.ones(DRAWS)).value == 0
    np.testing.assert_allclose(value.evppi(benefit, np.column_stack([known, np.ones(DRAWS)])),
                               value.evppi(benefit, known))


def test_an_input_of_few_values_is_known_exactly():
    on = named_uniform(5, "on", DRAWS) < 0.3
    benefit = np.column_stack([np.zeros(DRAWS), np.where(on, 10.0, -5.0)])
    assert value.evppi(benefit, on).value == pytest.approx(value.evpi(benefit), rel=1e-9)


def test_regret_keeps_the_names():
    payoff = pd.DataFrame({"weak": [1, 0], "strong": [0, 3]}, index=["wait", "go"])
    assert value.regret(payoff).to_dict() == {"weak": {"wait": 0, "go": 1},
                                              "strong": {"wait": 3, "go": 0}}
    found = value.minimax(payoff)
    assert (found.option, found.regret) == ("go", 1)
    assert found.mix.to_dict() == pytest.approx({"wait": 0.25, "go": 0.75})
    assert found.mix_regret == pytest.approx(0.75)


def test_mixing_never_has_more_regret_than_one_option():
    for drawn in named_uniform(5, "payoffs", 600).reshape(50, 4, 3):
        found = value.minimax(drawn)
        assert found.mix_regret <= found.regret + 1e-9
        assert found.mix.sum() == pytest.approx(1)


def test_optimism_bias_adds_to_capital_only():
    factors = value.discount_factors(np.arange(10), [(0, 30, 0.035)])
    plain, biased = (value.invest_to_save([380e3, 475e3], 120e3, factors, running=20e3,
                                          optimism_bias=bias, opens_months=6, ramp_months=12)
                     for bias in (0, 0.24))
    np.testing.assert_allclose(plain.npv - biased.npv, [0.24 * 380e3, 0.24 * 475e3])
    assert (biased.payback >= plain.payback).all()
    assert (plain.discounted_payback >= plain.payback).all()


def test_delay_and_ramp_may_differ_by_draw():
    found = value.invest_to_save(0, 12.0, np.ones(2), opens_months=[0, 12, 24],
                                 ramp_months=[0, 12, 0])
    np.testing.assert_allclose(found.flows, [[12, 12], [0, 6], [0, 0]])


def test_every_draw_has_a_rank_and_every_rank_an_option():
    drawn = 50 + 10 * normals(*"abcdef").reshape(DRAWS, 3, 2)
    found = scores.smaa(drawn, scores.dirichlet_weights(DRAWS, ["cost", "wait"], 5))
    np.testing.assert_allclose(found.acceptability.sum(0), 1)
    np.testing.assert_allclose(found.acceptability.sum(1), 1)
    np.testing.assert_allclose(found.central.sum(1), 1)


def test_a_dominated_option_is_never_first():
    options = [[100, 0], [0, 100], [0, 50], [0, 100]]
    assert list(scores.dominated(options)) == [False, False, True, False]
    found = scores.smaa(options, scores.dirichlet_weights(500, ["cost", "wait"], 5))
    assert found.acceptability[2, 0] == 0
    assert np.isnan(found.central[2]).all() and np.isnan(found.confidence[2])
    np.testing.assert_array_equal(found.acceptability[1], found.acceptability[3])


def test_weights_follow_the_name_of_a_criterion_not_its_place():
    one = scores.dirichlet_weights(100, ["cost", "wait", "choice"], 5, swings=[100, 40, 0])
    other = scores.dirichlet_weights(100, ["choice", "cost", "wait"], 5, swings=[0, 100, 40])
    np.testing.assert_allclose(one, other[:, [1, 2, 0]])
    assert not np.allclose(one, scores.dirichlet_weights(100, ["cost", "wait", "choice"], 6))


def test_shares_of_a_sum_add_up_and_chance_is_what_is_left():
    a, b, chance = normals("a", "b", "chance").T
    found = shares(2 * a + b + 2 * chance, np.column_stack([b, a]), ["b", "a"])
    assert list(found.index) == ["a", "b", REMAINDER]
    assert (np.abs(found["share"] - [4 / 9, 1 / 9, 4 / 9]) <= 4 * found["error"]).all()
    assert found["share"].sum() == pytest.approx(1)
    whole = shares(2 * a + b, np.column_stack([b, a]), ["b", "a"])
    assert abs(whole.loc[REMAINDER, "share"]) <= 4 * whole.loc[REMAINDER, "error"]


@pytest.mark.parametrize("part", [0, 1])
def test_share_is_not_biased_and_its_error_is_the_spread_of_estimates(part):
    u = named_uniform(5, "many", 60 * 2 * 500).reshape(60, 500, 2)
    found = pd.DataFrame([shares(part * x[:, 0] + x[:, 1]**2, x[:, :1], ["x"]).loc["x"]
                          for x in ndtri(u)])
    spread = found["share"].std()
    assert abs(found["share"].mean() - part / (part + 2)) <= 4 * spread / np.sqrt(60)
    # The spread of 60 is itself known to 1 in 11; four of those.
    assert found["error"].mean() == pytest.approx(spread, rel=4 / 11)


def test_an_outcome_that_does_not_vary_has_no_shares():
    found = shares(np.full(DRAWS, 0.1), normals("a"), ["a"])
    assert (found["share"] == 0).all()


RATES = [(0, 30, 0.035)]
BAD = {
    "a year in no band": (lambda: value.discount_factors([31], RATES), r"rates \[\] in year 31"),
    "a year in two bands": (lambda: value.discount_factors([1], RATES * 2), "in year 1"),
    "a rate of -1": (lambda: value.discount_factors([1], [(0, 9, -1)]), "above -1"),
    "a year before the first": (lambda: value.discount_factors([-1], RATES), "found year -1"),
    "flows of another length": (lambda: value.net_present([1, 2], [1]), r"flows \(2,\)"),
    "a flow that is missing": (lambda: value.net_present([1, np.nan], [1, 1]), "not finite"),
    "benefit of one option": (lambda: value.evpi([1, 2]), r"allowed \(draw, option\)"),
    "benefit that is missing": (lambda: value.evppi([[np.inf, 0]], [1]), "not finite"),
    "an input that is missing": (lambda: value.evppi(np.eye(50), [np.nan] * 50), "inputs"),
    "inputs of other draws": (lambda: value.evppi(np.eye(50), np.arange(60)), "found 50 draws"),
    "too few draws": (lambda: value.evppi(np.eye(20), np.arange(20)), "found 20 draws"),
    "capital below 0": (lambda: value.invest_to_save([1, -1], 1, [1]), "capital -1"),
    "a ramp that is missing": (lambda: value.invest_to_save(1, 1, [1], ramp_months=np.nan),
                               "ramp_months nan"),
    "a saving that is missing": (lambda: value.invest_to_save(1, np.nan, [1]), "not finite"),
    "a payoff that is missing": (lambda: value.minimax([[1, np.nan]]), "payoffs"),
    "a negative swing": (lambda: scores.swing_weights([100, -1], ["cost", "wait"]), "wait -1"),
    "swings all 0": (lambda: scores.swing_weights([0, 0]), "not all 0"),
    "a swing that is missing": (lambda: scores.swing_weights([100, np.nan]), "2 nan"),
    "too few swings": (lambda: scores.swing_weights([100], ["cost", "wait"]), "each of 2 criteria"),
    "no swings": (lambda: scores.swing_weights([]), "each of 0 criteria"),
    "no difference to score": (lambda: scores.local_scores([1, 1], 1, 1), "not the worst"),
    "a scale that is missing": (lambda: scores.local_scores([1, 1], np.nan, 1), "best nan"),
    "weights of another length": (lambda: scores.weighted([[1, 2]], [1]), "criterion"),
    "weights of sum 2": (lambda: scores.weighted([[1, 2]], [1, 1]), "sum to 1"),
    "a negative weight": (lambda: scores.weighted([[1, 2]], [2, -1]), "below 0"),
    "outcomes of other draws": (lambda: shares([1, 2], [[1]], ["a"]), r"outcome \(2,\)"),
    "an outcome that is missing": (lambda: shares([np.nan], [[1]], ["a"]), "all finite"),
}


@pytest.mark.parametrize("name", BAD)
def test_refuses(name):
    call, says = BAD[name]
    with pytest.raises(ValueError, match=says) as refused:
        call()
    assert "found" in str(refused.value) and "allowed" in str(refused.value)
