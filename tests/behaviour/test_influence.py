"""The tornado: one input at a time, others central."""

import numpy as np
import pytest
from sufficiency.case import Assumption
from sufficiency.case.quantity import P90
from sufficiency.model.appraisal.influence import CHANCES, tornado

ASSUMPTIONS = {
    "price": Assumption(low=90, central=100, high=120, quality="proxy"),
    "volume": Assumption(low=9, central=10, high=11),
    "saving": Assumption(low=-50, central=100, high=300),
    "known": Assumption(central=3),
    "uplift": Assumption(values={"2025-26": {"low": 0.0, "central": 0.1, "high": 0.2}}),
}


def test_outcomes_at_the_tenth_and_ninetieth_percentile():
    found = tornado(lambda w: w["price"] * w["volume"] * (1 + w.at("uplift", "2025-26")),
                    ASSUMPTIONS)
    assert list(found.index) == ["price", "volume", "uplift", "saving"]
    np.testing.assert_allclose(found.loc["price", ["low", "high"]].astype(float), [990, 1320])
    np.testing.assert_allclose(found.loc["volume", ["low", "high"]].astype(float), [990, 1210])
    np.testing.assert_allclose(found.loc["uplift", ["low", "high"]].astype(float), [1000, 1200])
    assert found.loc["saving", "swing"] == 0
    assert set(found["central"].round(6)) == {1100}
    assert found.loc["price", "quality"] == "proxy"


def test_marks_what_could_turn_the_answer_round():
    found = tornado(lambda w: w["saving"] + (w["price"] - 100) / 10, ASSUMPTIONS)
    assert found["crosses_zero"].to_dict() == {"saving": True, "price": False, "volume": False,
                                               "uplift": False}


def test_chosen_keys_only():
    assert list(tornado(lambda w: w["price"], ASSUMPTIONS, ["volume", "known"]).index) == ["volume"]


def test_chance_alone_by_the_outcomes_own_percentiles():
    known = ASSUMPTIONS | {"spread": Assumption(low=1, central=2, high=4, label="Surprises")}

    def outcome(worlds):
        return (worlds["price"] + worlds["spread"] * worlds.normal("shock.2026")
                + 100 * worlds.normal("another.2026"))

    found = tornado(outcome, known, chance={"spread": "shock.", "absent": "another."})
    row = found.loc["spread"]
    assert (row["kind"], row["label"], found.loc["price", "kind"]) == (
        "chance", "Surprises", "assumption")
    assert "absent" not in found.index and found.index.is_unique
    # standard error of a normal's 10th percentile from so many: sqrt(0.09 / n) / its density
    error = 2 * np.sqrt(0.09 / CHANCES) / 0.1755
    assert row["low"] == pytest.approx(100 - 2 * P90, abs=4 * error)
    assert row["high"] == pytest.approx(100 + 2 * P90, abs=4 * error)


def test_an_outcome_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"found an outcome of shape \(\); allowed \(9,\)"):
        tornado(lambda w: w["price"].mean(), ASSUMPTIONS)
