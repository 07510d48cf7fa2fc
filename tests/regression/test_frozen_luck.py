"""The luck of every figure, as it was: model output, not an outside answer."""

from sufficiency.model.kernels import event_uniform
from sufficiency.model.streams import named_uniform, stable_id


def test_luck_is_as_it_was():
    """A change here moves every figure of every case: it needs a reason in the message."""
    assert stable_id("independent_special") == 2884181772
    assert stable_id("mainstream") == 838631370
    u = named_uniform(1, "costs.uplift", 501)
    assert [u[0], u[499], u[500]] == [0.3298804820182383, 0.3182267498443684, 0.8176229125885376]
    assert event_uniform(1, 2, 3, 4, 5, 6) == 0.5324837334349936
