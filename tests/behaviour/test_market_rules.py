"""What the rules of a market imply whatever its numbers: properties, most of them in every draw."""

from itertools import pairwise

import made_market as made
import numpy as np
import pytest
from made_market import make_demand, make_routes, make_supply, route, shown, stage, total
from scipy import stats
from sufficiency.model.market.clearing import COUNTS, ITEMS, TRACE, clear

DRAWS, MONTHS, SEED = 60, 24, 17
LOTS = tuple(made.LOTS)


@pytest.fixture(scope="module", params=LOTS)
def market(request):
    """A market with every rule at work, small: (demand, supply, routes)."""
    return made.full_market(request.param, 20, DRAWS, MONTHS, providers=15, calls=120)


def cleared(routes, demand=None, supply=None, draws=DRAWS, months=MONTHS, trace=None):
    """A made market: 15 providers of different prices, five call-offs a month, unless changed."""
    rng = np.random.default_rng(2)
    demand = {"arriving": 5, "curve": made.lognormal_curve(0.2), "uplift": 0.04} | (demand or {})
    size = (supply or {}).get("providers", 15)
    supply = {"providers": 15, "factor": np.exp(rng.normal(0, 0.2, (draws, size))),
              "suits": 0.5, "accept": 0.8} | (supply or {})
    return clear(make_demand(draws, months, **demand), make_supply(draws, **supply),
                 make_routes(*routes, draws=draws, months=months), SEED, draws, trace=trace)


def rows(result):
    """The trace by the names of its columns."""
    return dict(zip(TRACE, result.trace.T, strict=True))


def assert_same(left, right):
    assert np.array_equal(left.cost, right.cost) and np.array_equal(left.count, right.count)


def test_identical_routes_differ_by_exactly_zero(market):
    demand, supply, routes = market
    for r in range(len(routes.every)):
        twice = clear(demand, supply, made.some_routes(routes, [r, 0, r]), SEED, DRAWS)
        assert np.array_equal(twice.cost[:, 0], twice.cost[:, 2])
        assert np.array_equal(twice.count[:, 0], twice.count[:, 2])


def test_other_routes_threads_and_the_order_of_providers_change_nothing(market):
    demand, supply, routes = market
    result = clear(demand, supply, routes, SEED, DRAWS)
    alone = clear(demand, supply, made.some_routes(routes, [6]), SEED, DRAWS, threads=1)
    assert np.array_equal(alone.cost[:, 0], result.cost[:, 6])
    assert np.array_equal(alone.count[:, 0], result.count[:, 6])
    order = np.random.default_rng(1).permutation(15)
    moved = {name: getattr(supply, name)[:, order] for name in (
        "factor", "places", "quality", "small", "local", "registered", "distance", "enters")}
    shuffled = supply._replace(
        ids=supply.ids[order], orders=np.argsort(order)[supply.orders].astype(np.int32), **moved)
    assert_same(clear(demand, shuffled, routes, SEED, DRAWS), result)
    here, there = (clear(demand, s, routes, SEED, DRAWS, trace=(3, None)).trace
                   for s in (supply, shuffled))
    column = TRACE.index("provider")
    placed = there[:, column] >= 0
    there[placed, column] = order[there[placed, column].astype(int)]
    assert len(here) > 500 and np.array_equal(here, there)


def test_blocks_of_draws_change_nothing():
    many = made.full_market("bids", 20, 620, 12, providers=8, calls=20)
    result = clear(*many, SEED, 620)
    again = clear(*many, SEED, 620, threads=1)
    assert_same(result, again)
    few = made.full_market("bids", 20, 40, 12, providers=8, calls=20)
    start = clear(*few, SEED, 40)
    assert np.array_equal(start.cost, result.cost[:40])


def test_a_longer_horizon_changes_no_earlier_year():
    demand, supply, routes = made.full_market("posted", 20, 20, 36, providers=12, calls=80)
    # Lists and reserves that end within the shorter horizon, in both.
    closes = np.minimum(routes.closes, 20)
    routes = routes._replace(closes=closes, opens=np.minimum(routes.opens, 10),
                             reserve_closes=np.minimum(routes.reserve_closes, 20))
    short = clear(
        demand._replace(arriving=demand.arriving[:, :24],
                        provider_index=demand.provider_index[:, :25]), supply,
        routes._replace(list_index=routes.list_index[:, :, :25]), SEED, 20)
    assert np.array_equal(clear(demand, supply, routes, SEED, 20).cost[:, :, :2], short.cost)


def test_a_named_child_costs_the_same_on_every_route(market):
    demand, supply, routes = market
    named = shown(clear(demand, supply, routes, SEED, DRAWS), "named")
    assert (named > 0).mean() > 0.9 and (named == named[:, :1]).all()
    everyone = demand._replace(named=np.full(DRAWS, 0.7), court=np.full(DRAWS, 0.3))
    result = clear(everyone, supply, routes, SEED, DRAWS)
    for item in ("posted", "terms", "clause", "interim", "officers"):
        assert not shown(result, item).any()
    for item in ("named", "transport"):
        assert (shown(result, item) == shown(result, item)[:, :1]).all()
    assert not shown(result, "steerable").any() and not shown(result, "placed").any()


def test_a_framework_nobody_joins_is_spot_and_its_set_up(market):
    demand, supply, _ = market
    spot = stage(invite=4, hours=2.0, each=0.5, days=4.0), stage(rule="in_turn", order="chance")
    onto = stage(pool="list", rule="competition")
    unjoined = {"opens": 6, "every": 6, "joins": 0.0, "joins_later": 0.0, "tender": 30_000.0,
                "reopening": 2_000.0, "novation": 1.0, "management": 9.0}
    result = clear(demand, supply, make_routes(
        route(*spot), route(onto, *spot, **unjoined), draws=DRAWS, months=MONTHS), SEED, DRAWS)
    items = [i for i, item in enumerate(ITEMS) if item != "set_up"]
    assert np.array_equal(result.cost[:, 0, :, items], result.cost[:, 1, :, items])
    assert np.array_equal(result.count[:, 0], result.count[:, 1])
    assert (shown(result, "set_up") == [0.0, 30_000.0 + 2 * 2_000.0]).all()


def test_a_cancelled_award_leaves_the_interim_arrangement():
    index = made.steps(MONTHS, 0.04)[0]
    result = cleared(
        [route(stage(pool="list", hours=3.0), opens=MONTHS, tender=500.0, tendered=3)],
        {"interim": 1.5, "stay": 1e-9, "level": 1200.0})
    assert (shown(result, "unplaced") == 5 * MONTHS).all()
    assert shown(result, "interim")[:, 0] == pytest.approx(1.5 * 100 * 5 * index[-1])
    assert (total(result)[:, 0] == pytest.approx(shown(result, "interim")[:, 0] + 500.0))
    # With a stage before the list opens, every call-off of an award that never comes is met by it.
    spot, waits = stage(when="before", invite=3), stage(pool="list", when="after")
    result = cleared([route(stage(invite=3)), route(waits, spot, opens=MONTHS)])
    assert np.array_equal(result.cost[:, 0], result.cost[:, 1])


def test_existing_spend_moves_only_with_children_who_novate(market):
    demand, supply, routes = market
    if demand.by_case:
        pytest.skip("cases do not stay, so none are there before")
    before = shown(clear(demand, supply, routes, SEED, DRAWS), "existing")
    nobody = clear(demand, supply, routes._replace(novation=routes.novation * 0), SEED, DRAWS)
    kept = shown(nobody, "existing")
    assert not shown(nobody, "moved").any() and (kept == kept[:, :1]).all()
    assert np.array_equal(before[:, 0], kept[:, 0]) and (before[:, 4] != kept[:, 4]).mean() > 0.8
    everyone = clear(demand, supply, routes._replace(
        novation=np.ones_like(kept), ceiling=np.full_like(kept, 0.5)), SEED, DRAWS)
    assert (shown(everyone, "moved") >= shown(nobody, "moved")).all()
    assert (shown(everyone, "existing") <= kept + 1e-6)[:, 4].mean() > 0.9


def test_more_bidders_are_never_dearer():
    for pricing, margin, effect in (("bids", 0.3, 0.0), ("posted", 0.0, 0.0), ("reduced", 0, -0.1)):
        result = cleared(
            [route(stage(rule="competition", invite=n)) for n in range(1, 9)],
            {"pricing": pricing, "margin": margin, "by_case": 1, "two_bidders": effect,
             "more_bidders": effect / 3}, {"suits": 1.0, "accept": 1.0, "providers": 8})
        spend = shown(result, "spend")
        assert (shown(result, "placed") == 5 * MONTHS).all()
        # In every draw, for those invited are invited again with one more.
        assert (np.diff(spend, axis=1) <= 1e-9 * spend[:, :1]).all()
        # Beyond six bidders the reduced form knows of no further gain.
        gains = np.diff(spend.mean(axis=0))
        assert (gains[:5] < 0).all() and (pricing == "reduced") == (not gains[5:].any())


def test_more_able_providers_are_never_dearer_in_expectation():
    prices, able = [], []
    for suits in (0.15, 0.3, 0.6, 1.0):
        result = cleared([route(stage(rule="competition"))],
                         {"pricing": "bids", "margin": 0.3, "by_case": 1},
                         {"suits": suits, "accept": 1.0}, draws=300)
        prices.append(shown(result, "spend")[:, 0] / shown(result, "placed")[:, 0])
        able.append(shown(result, "able_3").sum() / shown(result, "steerable").sum())
    for fewer, more in pairwise(prices):
        gap = fewer - more
        assert gap.mean() > 4 * gap.std(ddof=1) / np.sqrt(gap.size)
    assert able == sorted(able) and able[-1] == 1.0


def test_one_able_provider_is_paid_its_posted_fee_capped_only_under_a_ceiling():
    onto = stage(pool="list", rule="competition")
    routes = [route(stage(rule="competition")), route(stage(rule="in_turn")),
              route(onto, stage(), opens=0, joins=0.0, ceiling=0.9),
              route(onto, opens=0, ceiling=0.9), route(onto, opens=0)]
    given = {"pricing": "bids", "margin": 0.25, "level": 800.0, "by_case": 1}
    alone = {"providers": 1, "suits": 1.0, "accept": 1.0, "factor": 1.1}
    result = cleared(routes, given | {"uplift": 0.0}, alone, trace=(7, None))
    posted, terms = shown(result, "posted"), shown(result, "terms")
    assert np.array_equal(posted[:, :3], posted[:, [4, 4, 4]])
    assert terms[:, [0, 1, 2, 4]] == pytest.approx(0.0)
    trace = rows(result)
    fee, capped = (trace["price"][trace["route"] == r] for r in (0, 3))
    most = 0.9 * 800 * 1.25
    # A provider whose cost is above the ceiling does not bid.
    bids = fee / 1.25 <= most
    assert capped == pytest.approx(np.where(bids, np.minimum(fee, most), 0.0))
    assert bids.any() and not bids.all() and (fee < most).any()
    assert (terms[:, 3] < 0).all()


@pytest.mark.parametrize("lot", LOTS)
def test_no_price_is_above_a_ceiling_or_a_cap(lot):
    demand, supply, routes = made.full_market(lot, 20, 20, MONTHS, providers=15, calls=200)
    checked = 0
    for d in range(4):
        trace = rows(clear(demand, supply, routes, SEED, 20, trace=(d, None)))
        awarded = (trace["stage"] >= 0) & (trace["provider"] >= 0)
        r, t, s = (trace[n][awarded].astype(int) for n in ("route", "month", "stage"))
        level = demand.level[d] * (1 + demand.complex_price[d] * trace["complex"][awarded])
        if lot == "bids":
            level *= 1 + demand.margin[d]
        cap = routes.cap[d, s] * level * np.diff(demand.provider_index[d])[t]
        listed = routes.pool[s] == made.POOLS.index("list")
        step = np.diff(routes.list_index[d], axis=1)[r, t]
        ceiling = np.where(listed, routes.ceiling[d, r] * level * step, np.inf)
        price = trace["price"][awarded]
        assert (price <= np.minimum(cap, ceiling) * (1 + 1e-12)).all()
        checked += np.isfinite(ceiling).sum() + np.isfinite(cap).sum()
    assert checked > 200


def test_no_provider_and_no_reserve_is_ever_over_capacity():
    places = np.random.default_rng(5).integers(0, 5, (DRAWS, 6))
    stages = stage(pool="reserved", rule="fixed"), stage(rule="in_turn"), stage(order="chance")
    supply = {"providers": 6, "factor": 1.0, "places": places}
    routes = [route(*stages, reserve_opens=3, reserve_places=7), route(*stages[1:])]
    for stay, existing in ((1e9, 6), (1e9, 0), (1e-9, 0)):
        result = cleared(routes, {"stay": stay, "existing": existing, "arriving": 15},
                         supply, trace=(8, None))
        trace, full = rows(result), 0
        for r in (0, 1):
            for month in range(MONTHS):
                # Those who stay for ever, or those who came this month.
                here = trace["route"] == r
                here &= trace["month"] <= month if stay > 1 else trace["month"] == month
                by_home = trace["provider"][here & (trace["provider"] >= 0)].astype(int)
                taken = np.bincount(by_home, minlength=6)
                assert (taken <= places[8]).all()
                reserve = (here & (trace["stage"] == 0) & (trace["provider"] < 0)).sum()
                assert r == 1 or reserve <= 7
                full += (taken == places[8]).all()
        assert full > 0 or existing
        free = np.maximum(places.sum(axis=1) - existing, 0)
        if stay > 1:
            assert (shown(result, "placed") <= free[:, None]).all()
            assert (shown(result, "placed")[:, 1] == free).mean() > 0.5
            assert (shown(result, "in_reserve")[:, 0] == 7).all()


def test_entry_and_exit_at_constant_rates_leave_a_poisson_number_of_providers():
    entry, hazard, years, draws = 5.0, 0.25, 30, 400
    rng = np.random.default_rng(12)
    entered = rng.poisson(entry, (draws, years))
    most = entered.sum(axis=1).max()
    enters = np.full((draws, most), 12 * years)
    for d in range(draws):
        month = np.repeat(np.arange(years) * 12, entered[d])
        enters[d, :month.size] = month + rng.integers(0, 12, month.size)
    result = cleared([route()], {"arriving": 0}, {
        "providers": most, "factor": 1.0, "enters": enters, "exit": hazard}, draws, 12 * years)
    active = entered.sum(axis=1) - shown(result, "exits")[:, 0]
    mean = entry / hazard
    assert abs(active.mean() - mean) < 4 * np.sqrt(mean / draws)
    assert abs(active.var(ddof=1) / mean - 1) < 4 * np.sqrt((2 + 1 / mean) / draws)
    counted = np.bincount(active.astype(int), minlength=60)[:60]
    expected = draws * stats.poisson.pmf(np.arange(60), mean)
    bands = np.add.reduceat(counted, (0, 15, 18, 20, 22, 25)), (
        np.add.reduceat(expected, (0, 15, 18, 20, 22, 25)))
    assert (((bands[0] - bands[1]) ** 2) / bands[1]).sum() < stats.chi2.ppf(0.999, 5)


def test_displacement_drives_out_those_who_are_not_called_on():
    nobody, everybody = (cleared(
        [route(stage(rule="in_turn"))], {"arriving": calls, "by_case": 1},
        {"suits": 1.0, "accept": 0.1, "exit": 0.1, "displacement": 1.5}, 200, 60)
        for calls in (0, 300))
    for result, hazard in ((nobody, 0.25), (everybody, 0.1)):
        exits = shown(result, "exits")[:, 0]
        expected = 15 * (1 - (1 - hazard) ** 4)
        assert abs(exits.mean() - expected) < 4 * exits.std(ddof=1) / np.sqrt(200)


def test_more_participation_never_means_fewer_placements_on_the_list():
    onto = stage(pool="list", rule="in_turn")
    chances = (0.0, 0.2, 0.5, 0.8, 1.0)
    result = cleared([route(onto, stage(), opens=3, joins=j) for j in chances])
    # In every draw where there is room: the members are nested.
    for name in ("members", "applications", "on_list"):
        assert (np.diff(shown(result, name), axis=1) >= 0).all()
    assert (np.diff(shown(result, "on_list").mean(axis=0)) > 0).all()
    demand, supply, routes = made.full_market("bids", 60, 300, MONTHS, providers=15, calls=150)
    on_list = [shown(clear(demand, supply, routes._replace(joins=routes.joins * share), SEED, 300),
                     "on_list")[:, [3, 4, 6, 7]] for share in (0.3, 0.6, 1.0)]
    for fewer, more in pairwise(on_list):
        gap = more - fewer
        assert (gap.mean(axis=0) > 4 * gap.std(axis=0, ddof=1) / np.sqrt(300)).all()


def test_counts_and_costs_add_up(market):
    demand, supply, routes = market
    result = clear(demand, supply, routes, SEED, DRAWS)
    count = dict(zip(COUNTS, np.moveaxis(result.count, 2, 0), strict=True))
    assert (count["call_offs"] == demand.arriving.sum(axis=1)[:, None]).all()
    assert (sum(count[f"able_{n}"] for n in range(4)) == count["steerable"]).all()
    assert (count["placed"] == count["on_list"] + count["off_list"]).all()
    met = count["placed"] + count["in_reserve"] + count["direct"] + count["unplaced"]
    assert (met <= count["steerable"]).all()
    assert (count["steerable"] - met <= count["waited"]).all()
    fees = sum(shown(result, item) for item in ("posted", "terms", "clause"))
    assert count["spend"] == pytest.approx(fees)
    placed = count["placed"] > 0
    for name in ("local", "small", "registered", "quality"):
        assert (count[name] <= count["placed"]).all()
    assert (count["top"][placed] >= count["hhi"][placed] / 10_000 - 1e-12).all()
    assert (count["hhi"][placed] >= 10_000 / 15 - 1e-6).all()
    assert (result.cost[..., [ITEMS.index(i) for i in ITEMS if i not in ("terms", "clause")]]
            >= -1e-6).all()
