"""What clearing a market refuses, by name, and the record of one draw."""

import made_market as made
import numpy as np
import pytest
from sufficiency.model.kernels import event_uniform
from sufficiency.model.market import walk
from sufficiency.model.market.clearing import COUNTS, TRACE, clear
from sufficiency.model.market.inputs import prepare

DRAWS, MONTHS, SEED = 12, 24, 5


@pytest.fixture(scope="module")
def market():
    return made.full_market("posted", DRAWS, DRAWS, MONTHS, providers=15, calls=120)


def column(trace, name):
    return trace[:, TRACE.index(name)]


@pytest.mark.parametrize("table, field, change, message", [
    (0, "complex", lambda x: x + 1, "complex: found .* allowed 0 to 1"),
    (0, "named", lambda x: x * np.nan, "named: found nan"),
    (0, "level", lambda x: x[:5], r"level: found shape \(5,\); allowed \(12,\)"),
    (0, "arriving", lambda x: x + 4096, "arriving: found .* allowed 0 to 4096"),
    (0, "arriving", lambda x: x[:, :13], "13 months"),
    (0, "pricing", lambda x: 3, "pricing: found 3 to 3; allowed 0 to 2"),
    (0, "patience", lambda x: -1, "patience: found -1"),
    (0, "by_case", lambda x: 1, "existing of cases"),
    (0, "provider_index", lambda x: x[:, ::-1], "monthly index"),
    (1, "ids", np.zeros_like, "ids: two alike"),
    (1, "factor", lambda x: x - 100, "factor: found"),
    (1, "orders", lambda x: x + 15, "orders: found .* allowed 0 to 14"),
    (2, "pool", lambda x: x + 6, "pool: found .* allowed 0 to 5"),
    (2, "first", lambda x: x + 1, "first: found"),
    (2, "share", lambda x: x - 2, "share: found")])
def test_a_wrong_input_is_refused_by_name(market, table, field, change, message):
    given = list(market)
    given[table] = given[table]._replace(**{field: change(getattr(given[table], field))})
    with pytest.raises(ValueError, match=message):
        clear(*given, SEED, DRAWS)


@pytest.mark.parametrize("changes", [{"seed": -1}, {"seed": 2**32}, {"trace": (DRAWS, None)},
                                     {"trace": (0, 8)}])
def test_a_wrong_seed_or_trace_is_refused(market, changes):
    with pytest.raises(ValueError, match="allowed"):
        clear(*market, **{"seed": SEED, "draws": DRAWS, **changes})


def test_a_record_changes_nothing_and_holds_every_try(market):
    plain, traced = (clear(*market, SEED, DRAWS, trace=trace) for trace in (None, (3, None)))
    assert np.array_equal(plain.cost, traced.cost) and np.array_equal(plain.count, traced.count)
    assert plain.trace.shape == (0, len(TRACE))
    one = clear(*market, SEED, DRAWS, trace=(3, 2)).trace
    assert np.array_equal(one, traced.trace[column(traced.trace, "route") == 2])
    count = dict(zip(COUNTS, plain.count[3, 2], strict=True))
    first = column(one, "able") >= 0
    assert first.sum() == count["steerable"]
    assert (column(one, "able")[first] == 0).sum() == count["able_0"]
    assert ((column(one, "stage") >= 0) & (column(one, "provider") >= 0)).sum() == count["placed"]
    assert len(np.unique(column(one, "call_off"))) == count["call_offs"]


def test_luck_is_that_of_the_named_event(market):
    made_ready, _ = prepare(*market, SEED, DRAWS)
    events = [(2, 77, 9, walk.JOIN), (11, 0, 2**32 - 1, walk.KNOWS)]
    for event in events:
        full = event_uniform(SEED, market[0].stream, *event)
        assert abs(walk.event(made_ready, *event) - full) <= 2.0**-32


def test_a_market_without_providers_places_nobody():
    demand, supply = made.make_demand(5, 12), made.make_supply(5, 0)
    found = clear(demand, supply, made.make_routes(made.route(), draws=5), SEED, 5)
    assert (made.shown(found, "unplaced") == 12).all() and (made.shown(found, "able_0") == 12).all()
