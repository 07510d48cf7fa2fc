"""Shapley's value against published games, and by hand."""

import json

import numpy as np
import pytest
from sufficiency.model.safety_valve.savings import attribute


@pytest.fixture(scope="module")
def oracle(shared):
    found = json.loads((shared / "oracles" / "c_savings.json").read_text())
    return {each["id"]: each for each in found}


def one(worth):
    """A game's worth, a number for a set of players, in one draw and one year."""
    return lambda members: np.array([[float(worth(members))]])


def check(given, worth, players):
    found = attribute(one(worth), players, 1)
    tolerance = max(given["tol"], 1e-12 * max(given["expected"]))
    assert found.shapley.values[:, 0, 0] == pytest.approx(given["expected"], abs=tolerance)
    assert found.total.item() == pytest.approx(sum(given["expected"]))


@pytest.mark.parametrize("name", ["shapley_airport_4", "shapley_airport_6", "shapley_airport_3"])
def test_airport(oracle, name):
    """The runway costs what the largest aircraft that uses it needs."""
    cost = oracle[name]["inputs"]["cost"]
    players = [str(each) for each in cost]
    check(oracle[name], lambda members: max(map(float, members), default=0), players)


def test_gloves(oracle):
    """A pair is worth 1: two have a left glove, one a right."""
    def pairs(members):
        return min(len(members & {"left", "other left"}), len(members & {"right"}))
    check(oracle["shapley_glove"], pairs, ["left", "other left", "right"])


def test_overlapping_measures(oracle):
    """Each takes its share off what the others leave: 38.8 of 100, not 45."""
    given = oracle["shapley_overlapping_savings"]
    budget, cuts = given["inputs"]["budget"], dict(zip("abc", given["inputs"]["reduction"],
                                                       strict=True))  # fmt: skip

    def saving(members):
        return budget * (1 - np.prod([1 - cuts[name] for name in members]))
    check(given, saving, list(cuts))
    found = attribute(one(saving), list(cuts), 1)
    assert found.first_in.values[:, 0, 0] == pytest.approx([10, 15, 20])
    assert found.last_in.values[:, 0, 0] == pytest.approx([6.8, 10.8, 15.3])
