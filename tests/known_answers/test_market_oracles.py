"""Published and closed-form answers of procurement, reproduced by the market's own simulator.

Tolerance: what the answer is rounded by, and four standard errors of the simulated mean.
"""

import json

import made_market as made
import numpy as np
import pytest
from scipy import stats
from sufficiency.model.market.clearing import clear

# Tables of 129 nodes in z are within this of the quantiles they are made from.
TABLE = 1e-4
ANY_MARGIN = 1e6
MONTHS = 12


@pytest.fixture(scope="session")
def oracles(shared):
    rows = json.loads((shared / "oracles" / "d_procure.json").read_text(encoding="utf-8"))
    return {row["id"]: row for row in rows}


def cleared(routes, demand, supply, draws, months=MONTHS, seed=5):
    """A made market of cases, unless changed; prices are ratios of a level of 1."""
    demand = {"by_case": 1, "level": 1.0, "arriving": 5, "officer_rate": 1.0} | demand
    return clear(made.make_demand(draws, months, **demand), made.make_supply(draws, **supply),
                 made.make_routes(*routes, draws=draws, months=months), seed, draws)


def assert_mean(found, expected, rounding=TABLE, over=1.0):
    """Mean (D,) of found, per unit of `over`, is expected within rounding and luck."""
    over = np.broadcast_to(over, found.shape)
    ratio = found.mean() / over.mean()
    error = np.std(found - ratio * over, ddof=1) / np.sqrt(found.size) / over.mean()
    assert abs(ratio - expected) <= rounding + 4 * error, (ratio, expected, error)
    return error


def prices(result, r):
    """Price of each award of a route: (spend, awards), (D,) both."""
    return made.shown(result, "spend")[:, r], made.shown(result, "placed")[:, r]


def contest(numbers, curve, margin, draws=1500, **changes):
    """Costs by one law, the first n bidders invited to a competition or, margin 0, for quotes."""
    rule = "competition" if margin else "quotes"
    routes = [made.route(made.stage(rule=rule, invite=n)) for n in numbers]
    return cleared(routes, {"pricing": "bids", "margin": margin, "curve": curve},
                   {"providers": max(numbers)} | changes, draws)


def test_price_of_bidders_with_uniform_costs_is_two_over_n_plus_one(oracles):
    oracle = oracles["procurement_auction_uniform"]
    result = contest(oracle["inputs"]["n"], made.uniform_curve(), ANY_MARGIN)
    for r, expected in enumerate(oracle["expected"]):
        spend, awards = prices(result, r)
        assert (awards == 5 * MONTHS).all()
        error = assert_mean(spend, expected, over=awards)
        assert error < 0.002


def test_one_bidder_is_paid_its_posted_fee_and_two_the_dearer_cost():
    alone, two = np.hsplit(
        made.shown(contest([1, 2], made.uniform_curve(), 0.2), "spend") / (5 * MONTHS), 2)
    assert_mean(alone[:, 0], 1.2 / 2)
    # The winner's posted fee where it is below the second cost: E min(1.2 c(1), c(2)).
    nodes = np.linspace(0, 1, 2001)
    low, high = np.meshgrid(nodes, nodes)
    weight = np.where(low < high, 1.0, 0.5 * (low == high))
    assert_mean(two[:, 0], np.average(np.minimum(1.2 * low, high), weights=weight), 5e-4)


def test_ceiling_lowers_the_price_and_leaves_lots_unawarded(oracles):
    oracle = oracles["procurement_auction_ceiling"]
    n, ceiling = oracle["inputs"]["n"], oracle["inputs"]["ceiling"]
    route = made.route(made.stage(pool="list", rule="competition"), opens=0,
                       ceiling=ceiling / (1 + ANY_MARGIN))
    result = cleared([route], {"pricing": "bids", "margin": ANY_MARGIN,
                               "curve": made.uniform_curve()}, {"providers": n}, 3000)
    expected, (spend, awards) = oracle["expected"], prices(result, 0)
    lots = made.shown(result, "steerable")[:, 0]
    assert_mean(awards, expected["p_award"], over=lots)
    assert_mean(spend, expected["expected_spend"], over=lots)
    assert_mean(spend, expected["price_if_awarded"], over=awards)
    assert (made.shown(result, "unplaced")[:, 0] == lots - awards).all()


@pytest.mark.parametrize(("cost", "key"), [(2e-6, "bid_at_0"), (0.3, "bid_at_0_3")])
def test_price_a_bidder_wins_at_is_its_equilibrium_bid(oracles, cost, key):
    oracle, draws = oracles["procurement_auction_ceiling"], 30_000
    n, ceiling = oracle["inputs"]["n"], oracle["inputs"]["ceiling"]
    factor = np.random.default_rng(8).random((draws, n))
    factor[:, 0] = cost
    route = made.route(made.stage(pool="list", rule="competition"), opens=0,
                       ceiling=ceiling / (1 + ANY_MARGIN))
    once, watched = (np.eye(1, size)[[0] * draws] for size in (MONTHS, n))
    result = cleared([route], {"pricing": "bids", "margin": ANY_MARGIN, "arriving": once},
                     {"providers": n, "factor": factor, "small": watched}, draws)
    spend, wins = (made.shown(result, name)[:, 0] for name in ("spend_small", "small"))
    # A cost a little above 0, so that its posted fee is above the ceiling.
    assert_mean(wins, (1 - cost) ** (n - 1), 1e-5)
    assert_mean(spend, oracle["expected"][key], 1e-5, over=wins)


# Facts, B5: costs lognormal of mean 1; lowest and second-lowest of n by sigma 0.1, 0.2, 0.3.
ORDER_STATISTICS = {
    2: ((0.944, 1.056), (0.888, 1.113), (0.832, 1.168)),
    3: ((0.917, 0.997), (0.837, 0.989), (0.760, 0.976)),
    4: ((0.900, 0.968), (0.806, 0.930), (0.717, 0.889)),
    6: ((0.878, 0.935), (0.767, 0.867), (0.666, 0.799)),
    8: ((0.865, 0.915), (0.743, 0.831), (0.634, 0.748)),
    10: ((0.855, 0.901), (0.725, 0.806), (0.612, 0.715))}


@pytest.mark.parametrize(("column", "sigma"), [(0, 0.1), (1, 0.2), (2, 0.3)])
@pytest.mark.parametrize("margin", [0.0, ANY_MARGIN], ids=["lowest", "second"])
def test_lowest_and_second_lowest_costs_of_n_providers(column, sigma, margin):
    result = contest(list(ORDER_STATISTICS), made.lognormal_curve(sigma), margin)
    for r, table in enumerate(ORDER_STATISTICS.values()):
        spend, awards = prices(result, r)
        assert_mean(spend, table[column][margin > 0], 0.0005 + TABLE, over=awards)


def test_lowest_and_second_lowest_of_four_lognormal_costs(oracles):
    oracle = oracles["order_statistics_lognormal"]
    sigma, n = oracle["inputs"]["sigma"], oracle["inputs"]["n"]
    # Of log mean 0, and so of mean exp(sigma^2 / 2).
    curve = np.exp(sigma * made.NODE_Z)
    for margin, key in ((0.0, "lowest"), (ANY_MARGIN, "second")):
        spend, awards = prices(contest([n], curve, margin, draws=4000), 0)
        assert_mean(spend, oracle["expected"][key], over=awards)


def test_ranked_call_off(oracles):
    oracle, draws = oracles["ranked_call_off"], 20_000
    n, accept = oracle["inputs"]["n"], oracle["inputs"]["accept"]
    factor = np.random.default_rng(9).random((draws, n))
    result = cleared([made.route(made.stage(rule="in_turn", order="price"))], {"arriving": 1},
                     {"providers": n, "factor": factor, "accept": accept}, draws)
    spend, awards = prices(result, 0)
    assert_mean(awards, oracle["expected"]["p_filled"], 1e-8,
                over=made.shown(result, "steerable")[:, 0])
    assert_mean(spend, oracle["expected"]["mean_price_if_filled"], 1e-8, over=awards)


def search(curve, cap, cost, level=1.0):
    """Providers by chance, one after another, until a price is no more than the cap."""
    asked = made.stage(rule="in_turn", order="chance", cap=cap / level, each=cost)
    return cleared([made.route(asked)], {"curve": curve, "level": level},
                   {"providers": 100}, 1000)


def test_spot_purchase_by_sequential_search(oracles):
    oracle = oracles["sequential_search_uniform"]
    cost, expected = oracle["inputs"]["cost"], oracle["expected"]
    result = search(made.uniform_curve(), expected["reservation"], cost)
    (spend, awards), officers = prices(result, 0), made.shown(result, "officers")[:, 0]
    assert (awards == 5 * MONTHS).all()
    assert_mean(spend, expected["price"], over=awards)
    assert_mean(officers / cost, expected["searches"], 1e-3, over=awards)
    assert_mean(spend + officers, expected["total"], over=awards)
    # Any other reservation price is dearer: the flat bottom of R/2 + c/R.
    for other in (0.12, 0.3):
        result = search(made.uniform_curve(), other, cost)
        assert_mean(made.total(result)[:, 0], other / 2 + cost / other, over=awards)


def test_spot_purchase_of_normal_weekly_prices(oracles):
    oracle = oracles["sequential_search_normal"]
    (mean, sd, cost), expected = oracle["inputs"].values(), oracle["expected"]
    result = search((mean + sd * made.NODE_Z) / mean, expected["reservation"], cost, level=mean)
    (spend, awards), officers = prices(result, 0), made.shown(result, "officers")[:, 0]
    assert_mean(spend, expected["accepted_price"], 0.001 + TABLE * mean, over=awards)
    assert_mean(officers / cost, expected["searches"], 1e-3, over=awards)


def test_fixed_number_of_quotes(oracles):
    oracle = oracles["fixed_sample_search_uniform"]
    cost, best = oracle["inputs"]["cost"], oracle["expected"]["quotes"]
    numbers = (best - 2, best, best + 2)
    routes = [made.route(made.stage(invite=n, order="chance", each=cost)) for n in numbers]
    result = cleared(routes, {"curve": made.uniform_curve()}, {"providers": 20}, 1500)
    awards, paid = made.shown(result, "placed"), made.total(result)
    for r, n in enumerate(numbers):
        assert_mean(paid[:, r], 1 / (n + 1) + cost * n, over=awards[:, r])
    assert_mean(paid[:, 1], oracle["expected"]["total"], over=awards[:, 1])


def test_which_source_to_open_first(oracles):
    """Weitzman (1979): both ways of opening two boxes, every outcome a draw with its chance."""
    oracle = oracles["weitzman_example"]
    alpha, beta = oracle["inputs"]["alpha"], oracle["inputs"]["beta"]
    pairs = [(p * q, x, y) for p, x in alpha["outcomes"] for q, y in beta["outcomes"]]
    chance, rewards = np.array([p for p, _, _ in pairs]), np.array([r for _, *r in pairs])
    most = 250.0
    ask_beta = made.stage(invite=1, order="quality", hours=beta["cost"], cap=100 / most)
    ask_alpha = made.stage(invite=1, order="rank", hours=alpha["cost"])
    # Alpha's prizes are below beta's reservation value: after alpha, beta is opened as well.
    ask_both = made.stage(hours=alpha["cost"] + beta["cost"])
    result = cleared(
        [made.route(ask_beta, ask_alpha), made.route(ask_both)],
        {"level": most, "arriving": np.eye(1, MONTHS)[[0] * 4]},
        {"providers": 2, "factor": (most - rewards) / most, "rank": [[0, 1]] * 4,
         "quality": [[0, 1]] * 4}, 4)
    value = most - chance @ made.total(result)
    assert value == pytest.approx(
        [oracle["expected"]["value_beta_first"], oracle["expected"]["value_alpha_first"]])


def reserved(demands, sizes, block, spot):
    """Places paid used or not beside spot, children for a month: cost and what is empty or bought
    on spot, means of a month in each draw, (D, size)."""
    draws = len(demands)
    stages = made.stage(pool="reserved", rule="fixed"), made.stage()
    routes = [made.route(*stages, reserve_opens=0, reserve_places=q, reserve_price=12 * block)
              for q in sizes]
    result = cleared(routes, {"by_case": 0, "stay": 1e-9, "level": 12 * spot,
                              "arriving": demands}, {"providers": 1}, draws)
    months = demands.shape[1]
    return (made.total(result) / months, made.shown(result, "void_place_years") * 12 / months,
            made.shown(result, "off_list") / months)


def test_block_of_places_against_spot(oracles):
    oracle = oracles["block_vs_spot_poisson"]
    block, spot, mean = oracle["inputs"].values()
    best, expected = oracle["expected"]["block_size"], oracle["expected"]
    demands = np.random.default_rng(3).poisson(mean, (1000, MONTHS))
    cost, void, bought = reserved(demands, (0, 16, 17, 18, 20), block, spot)
    for r, told in enumerate((110_000, 88_238, 87_954, 88_088, 89_772)):
        assert_mean(cost[:, r], told, 0.5)
    assert best == 17 and cost.mean(axis=0).argmin() == 2
    assert_mean(cost[:, 2], expected["cost"], 1e-5)
    assert_mean(void[:, 2], expected["expected_void"], 1e-5)
    assert_mean(bought[:, 2], expected["expected_spot"], 1e-5)


def test_block_of_places_by_the_newsvendor(oracles):
    """Holding h and stock-out p are a block at h beside spot at h + p, less h for what is used."""
    inputs, expected = (oracles["newsvendor_poisson"][k] for k in ("inputs", "expected"))
    for i, (mean, holding, stockout) in enumerate(inputs["cases"]):
        size, least = expected[2 * i : 2 * i + 2]
        demands = np.random.default_rng(i).poisson(mean, (1000, MONTHS))
        cost, _, _ = reserved(demands, (size - 2, size, size + 2), holding, holding + stockout)
        net = cost - holding * demands.mean(axis=1)[:, None]
        assert_mean(net[:, 1], least, 1e-8)
        assert net.mean(axis=0).argmin() == 1


def test_block_of_places_for_normal_demand(oracles):
    """Demand in tenths of a place, for places are whole; near the best size cost is flat."""
    for name in ("block_vs_spot_normal", "newsvendor_normal"):
        told, expected = oracles[name]["inputs"], oracles[name]["expected"]
        news = name == "newsvendor_normal"
        block = told["holding"] if news else told["block"]
        spot = told["holding"] + told["stockout"] if news else told["spot"]
        draws = np.random.default_rng(6).normal(told["mean"], told["sd"], (60, MONTHS // 2))
        # Months in pairs about the mean, which is then the oracle's.
        demands = np.round(10 * np.hstack([draws, 2 * told["mean"] - draws])).astype(int)
        size = round(10 * expected["level" if news else "block_size"])
        cost, _, _ = reserved(demands, (size,), block, spot)
        found = cost[:, 0] / 10 - news * block * told["mean"]
        assert_mean(found, expected["cost"], 1e-4 * expected["cost"])


def queue(load, places, stay, waiting=0):
    """Months of a queue at one provider: geometric stays of mean 1/p, new children in batches.

    Chance of no place at once, months waited in stays, occupancy, and the law of children there
    before a month's new ones. As stays grow longer it nears Erlang's, in continuous time.
    """
    p = -np.expm1(-1 / stay)
    there, most = np.arange(places + waiting + 1), places + waiting
    leave, arrive = np.zeros((2, most + 1, most + 1))
    for n in there:
        k = np.arange(min(n, places) + 1)
        leave[n, n - k] = stats.binom.pmf(k, k[-1], p)
        arrive[n, n:] = stats.poisson.pmf(np.arange(most - n + 1), load * p)
        arrive[n, -1] += 1 - arrive[n].sum()
    balance = np.vstack([((arrive @ leave).T - np.eye(most + 1))[1:], np.ones(most + 1)])
    law = np.linalg.solve(balance, np.append(np.zeros(most), 1))
    k = np.arange(60)
    turned = np.maximum(k - np.maximum(places - there, 0)[:, None], 0)
    late, after = turned @ stats.poisson.pmf(k, load * p), law @ arrive
    return (law @ late / (load * p), after @ np.maximum(there - places, 0) / (load * p) / stay,
            after @ np.minimum(there, places) / places, law)


def one_provider(load, places, stay, draws, months, law, **changes):
    """Children by chance at one provider, which begins as it goes on: (cleared, months)."""
    rng = np.random.default_rng(7)
    began = rng.choice(law.size, draws, p=law.clip(0) / law.clip(0).sum()).clip(max=places)
    demands = rng.poisson(-np.expm1(-1 / stay) * load, (draws, months))
    return [cleared(
        [made.route(made.stage())],
        {"by_case": 0, "stay": stay, "level": 12.0, "interim": 0.0, "existing": began,
         "arriving": demands[:, :m]} | changes,
        {"providers": 1, "places": places}, draws, m) for m in (months // 2, months)]


def test_refusals_and_occupancy_are_erlang_b(oracles):
    oracle, stay = oracles["erlang_b"], 200
    for (load, places), key in zip(oracle["inputs"]["cases"],
                                   ("B_2_5", "B_10_14", "B_18_20"), strict=True):
        refused, _, occupancy, law = queue(load, places, stay)
        # The error of whole months, in proportion to 1 / stay: below 0.0012.
        assert abs(refused - oracle["expected"][key]) < 0.25 / stay
        _, result = one_provider(load, places, stay, 300, 1200, law)
        steerable, unplaced = (made.shown(result, name)[:, 0] for name in ("steerable", "unplaced"))
        assert_mean(unplaced, refused, 1e-9, over=steerable)
        assert_mean(made.total(result)[:, 0] / places / 1200, occupancy, 1e-9)
        if key == "B_18_20":
            assert abs(occupancy - oracle["expected"]["occupancy_18_20"]) < 0.25 / stay


def test_waits_for_a_place_are_erlang_c(oracles):
    oracle, stay = oracles["erlang_c"], 60
    load, places = oracle["inputs"]["load"], oracle["inputs"]["servers"]
    waits, months, _, law = queue(load, places, stay, waiting=120)
    expected = oracle["expected"]
    assert abs(waits - expected["p_wait"]) < 0.4 / stay
    told = expected["asa_seconds"] / (60 * oracle["inputs"]["service_min"])
    assert abs(months - told) < 0.01 / stay
    # The second half only: the first gives the queue, of which nobody is there at first, its time.
    halves = one_provider(load, places, stay, 250, 2400, law, patience=600)
    steerable, waited, placed, days = (
        np.subtract(*(made.shown(half, name)[:, 0] for half in halves[::-1]))
        for name in ("steerable", "waited", "placed", "days"))
    assert_mean(waited, waits, 1e-9, over=steerable)
    assert_mean(days / 30.4 / stay, months, 1e-9, over=placed)
    assert not made.shown(halves[1], "unplaced").any()


def test_every_oracle_of_procurement_is_reproduced(oracles, root):
    text = (root / "tests/known_answers/test_market_oracles.py").read_text(encoding="utf-8")
    assert not [name for name in oracles if f'"{name}"' not in text]
