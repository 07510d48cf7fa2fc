"""The tornado: one input at a time, others central."""

import numpy as np
import pytest
from sufficiency.case import Assumption
from sufficiency.model.appraisal.influence import tornado

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


def test_an_outcome_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"found an outcome of shape \(\); allowed \(9,\)"):
        tornado(lambda w: w["price"].mean(), ASSUMPTIONS)
