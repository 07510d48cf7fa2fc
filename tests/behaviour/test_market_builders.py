"""A market's demand, supply and routes as a case gives them: shares, means, dates and luck."""

import copy
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import special
from sufficiency.model.kernels import interpolate_table
from sufficiency.model.market import demand as demands
from sufficiency.model.market.routes import list_index, nearest_key, routes
from sufficiency.model.market.supply import supply
from sufficiency.model.streams import Worlds, stable_id

DRAWS, MONTHS, LOT = 4_000, 48, "schools"


@dataclass(frozen=True)
class Number:
    """An assumption as `Worlds` sees one: normal about a centre; by financial year if a dict."""

    centre: float | dict
    spread: float = 0.0

    def quantile(self, u, period=None):
        return self.central_value(period) + self.spread * special.ndtri(u)

    def central_value(self, period=None):
        return self.centre[period] if isinstance(self.centre, dict) else self.centre


class MadeCase:
    """Plain leaves and assumptions by dotted key."""

    def __init__(self, plain, assumptions):
        self.plain, self.assumptions = plain, assumptions

    def __contains__(self, key):
        return key in self.assumptions

    def __getitem__(self, key):
        return self.assumptions[key]

    def value(self, key, *default):
        node = self.plain
        for part in key.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        if node is None and not default:
            raise KeyError(key)
        return default[0] if node is None else node


STAGES = {"on": {"pool": "list", "order": "price", "invite": 3, "rule": "competition"},
          "off": {"pool": "open", "rule": "quotes", "when": "before"}}
PLAIN = {
    "from": "2026-04", "management": {"bounds": [25_000, 100_000]},
    "lots": {LOT: {"basis": "place", "pricing": "posted", "patience": 3, "urgent_days": 5}},
    "routes": {
        "spot": {"teams": 8, "stages": {"off": {"pool": "open", "rule": "quotes"}}},
        "closed": {"list": {"start": "2026-06", "term": 24, "most": 5, "indexation": "fixed"},
                   "stages": STAGES},
        "again": {"list": {"start": "2026-06", "term": 24, "most": 5, "indexation": "fixed"},
                  "stages": STAGES},
        "open": {"list": {"start": "2026-02", "term": 48, "reopens_every": 6,
                          "registered_only": True, "indexation": "refresh"}, "stages": STAGES},
        "block": {"reserve": {"start": "2026-09", "term": 24},
                  "stages": {"own": {"pool": "reserved", "rule": "fixed"}, **STAGES}}}}
NUMBERS = dict.fromkeys(
    """urgent named court existing growth accept_occupancy accept_complex accept_price
    displacement leakage premium novation risk_loading volume_discount slippage reserve_fails
    per_bid""".split(), 0) | dict.fromkeys(
    """suits suits_complex accept joins joins_small joins_local known interim stay tender
    reopening diligence capital""".split(), 1) | {
    "price": 60_000, "call_offs": 100, "child_spread": 0.5, "complex": 0.2, "complex_price": 0.5,
    "transport_local": 5_000, "transport_away": 12_000, "quality_weight": 0.3, "providers": 40,
    "places": 4, "provider_spread": 0.3, "small": 0.6, "local": 0.3, "registered": 0.8,
    "quality": 0.7, "distance_local": 8, "distance_away": 40, "entry": 3, "exit": 0.05,
    "margin": 0.1, "joins_later": 0.4, "ceiling": 1.2, "fails": 0.25, "reserve_places": 6,
    "reserve_price": 0.9, "officer_rate": 30, "management.small": 1, "management.middle": 5,
    "management.large": 20}
RULES = {f"stages.{rule}.{name}": 2 for rule in ("quotes", "competition", "fixed")
         for name in ("hours", "each", "days")}
OTHER = {"costs.uplift.provider": 0.04, "costs.inflation.general": 0.02,
         "costs.uplift_month.provider": 9}


def made(plain=(), **numbers):
    """A case with plain leaves of its lot changed, and assumptions, `__` for a dot."""
    told = copy.deepcopy(PLAIN)
    told["lots"][LOT] |= dict(plain)
    changed = {name.replace("__", "."): value for name, value in numbers.items()}
    values = {f"market.{k}": v for k, v in (NUMBERS | RULES | changed).items()} | OTHER
    return MadeCase({"market": told}, {
        key: v if isinstance(v, Number) else Number(v) for key, v in values.items()})


def worlds_of(case, draws=DRAWS, seed=5):
    return Worlds(case.assumptions, seed, draws)


def supplied(case, draws=DRAWS, months=MONTHS):
    return supply(case, LOT, worlds_of(case, draws), months)


def demanded(case, months=MONTHS, **told):
    return demands.demand(case, LOT, worlds_of(case), months, **told)


def routed(case, *names, **told):
    return routes(case, LOT, names, worlds_of(case), MONTHS, **told)


def near(values, mean, errors=4):
    """Whether independent values have this mean, within so many of their standard errors."""
    values = np.asarray(values, float).ravel()
    return abs(values.mean() - mean) < errors * values.std() / np.sqrt(values.size) + 1e-12


def test_means_and_shares_of_providers_are_those_stated():
    found = supplied(made())
    assert near(found.factor, 1) and near(found.places, 4) and near(found.quality, 0.7)
    assert near(found.small, 0.6) and near(found.local, 0.3) and near(found.registered, 0.8)
    assert near(found.distance[found.local], 8) and near(found.distance[~found.local], 40)
    assert near(np.log(found.factor), -0.3**2 / 2)
    assert found.places.min() == 1 and 0.4 <= found.quality.min() <= found.quality.max() <= 1
    small, large = found.places[found.small], found.places[~found.small]
    assert small.mean() < 0.5 * large.mean()
    assert np.median(found.places) < 4 < np.percentile(found.places, 95)


def test_nothing_of_a_provider_hangs_together_but_size():
    found = supplied(made())
    columns = np.stack([np.log(found.factor), found.places, found.quality, found.local,
                        found.registered], -1).reshape(-1, 5).astype(float)
    off = np.corrcoef(columns.T)[~np.eye(5, dtype=bool)]
    assert np.abs(off).max() < 4.5 / np.sqrt(len(columns))


def test_entrants_come_as_a_poisson_process_from_the_second_month_on():
    found = supplied(made(providers=0))
    assert found.enters.min() == 1
    counts = np.stack([(found.enters == t).sum(1) for t in range(MONTHS)], 1)
    assert near(counts[:, 1:], 3 / 12) and (counts[:, 0] == 0).all()
    total = counts.sum(1)
    assert near(total, mean := 3 * (MONTHS - 1) / 12)
    assert near((total - mean) ** 2, mean)
    assert near((counts[:, 1:24].sum(1) - 23 / 4) * (counts[:, 24:].sum(1) - 6), 0)
    assert (supplied(made(entry=0)).enters == 0).all()


def test_an_uncertain_number_of_providers_leaves_the_rest_out():
    case = made(providers=Number(10, 2), entry=0)
    found, number = supplied(case), np.rint(worlds_of(case)["market.providers"])
    np.testing.assert_array_equal((found.enters == 0).sum(1), number)
    assert set(np.unique(found.enters)) == {0, MONTHS}
    assert (supplied(made(providers=0, entry=0)).enters == MONTHS).all()


def columns_of(found):
    return {int(i): p for p, i in enumerate(found.ids)}


@pytest.mark.parametrize("other, told", [
    (made(providers=41), {}), (made(entry=6), {}), (made(), {"months": 96}),
    (made(), {"draws": DRAWS + 700})])
def test_one_provider_year_or_draw_more_moves_no_other_luck(other, told):
    base, more = supplied(made()), supplied(other, **told)
    assert len(more.ids) >= len(base.ids)
    where = [columns_of(more)[int(i)] for i in base.ids]
    for name in ("factor", "places", "quality", "small", "local", "registered", "distance"):
        np.testing.assert_array_equal(getattr(more, name)[:DRAWS, where], getattr(base, name))
    if other["market.entry"].centre == 3:
        same = base.enters < MONTHS
        np.testing.assert_array_equal(more.enters[:DRAWS, where][same], base.enters[same])


def test_orders_put_the_best_first_and_ties_by_id():
    found = supplied(made())
    rows = np.arange(DRAWS)[:, None]
    score = found.factor * (1 - 0.3 * found.quality)
    for order, key in zip(found.orders, (score, found.factor, -found.quality, found.distance),
                          strict=True):
        assert (np.diff(key[rows, order]) >= 0).all()
    flat = supplied(made(provider_spread=0, quality_weight=0))
    assert (np.diff(flat.ids.astype(np.int64)) > 0).all()
    assert (flat.orders[1] == np.arange(len(flat.ids))).all()


def test_too_many_providers_are_refused():
    with pytest.raises(ValueError, match=r"market\.lots\.schools.*more than 1000"):
        supplied(made(entry=10_000), draws=10)
    with pytest.raises(ValueError, match="more than 1000"):
        supplied(made(providers=5_000), draws=10)


def test_direct_call_offs_are_poisson_by_month_with_growth():
    weights = [0, 0, 0, 0, 0, 3, 1, 1, 1, 1, 1, 1]
    found = demanded(made({"months": weights}, growth=0.1, named=0.3)).arriving
    assert found.shape == (DRAWS, MONTHS) and (found[:, :5] == 0).all()
    for year in range(4):
        counts = found[:, 12 * year:12 * year + 12].sum(1)
        assert near(counts, mean := 100 * 1.1**year) and near((counts - mean) ** 2, mean)
    assert near(found[:, 5], 100 / 3)
    longer = demanded(made({"months": weights}, growth=0.1), months=60).arriving
    np.testing.assert_array_equal(longer[:, :MONTHS], found)


def flows_of(years=4, existing=20):
    rng = np.random.default_rng(3)
    return {"arriving": rng.poisson(30, (DRAWS, years)), "existing": np.full(DRAWS, existing),
            "level": np.full(DRAWS, 64_000.0), "stay": np.full(DRAWS, 40.0)}


def test_arrivals_from_placements_fall_in_their_year_to_the_child():
    weights, flows = [1, 0, 0, 0, 0, 6, 1, 1, 1, 1, 1, 1], flows_of()
    case = made({"setting": "independent_special", "months": weights})
    found = demanded(case, flows=flows)
    np.testing.assert_array_equal(found.arriving.reshape(DRAWS, 4, 12).sum(2), flows["arriving"])
    assert near(found.arriving[:, 5], 30 * 6 / 13) and (found.arriving[:, 1:5] == 0).all()
    assert (found.existing == 20).all() and (found.stay == 40).all()
    even = demanded(made({"setting": "independent_special"}), flows=flows).arriving
    assert np.ptp(even.reshape(DRAWS, 4, 12), axis=2).max() == 1
    longer = flows | {"arriving": np.hstack([flows["arriving"], flows["arriving"][:, :1]])}
    np.testing.assert_array_equal(
        demanded(case, months=60, flows=longer).arriving[:, :MONTHS], found.arriving)


def test_level_is_what_a_call_off_not_complex_costs_before_the_margin():
    np.testing.assert_allclose(demanded(made()).level, 60_000 / 1.1)
    np.testing.assert_allclose(demanded(made({"pricing": "bids"})).level, 60_000 / 1.1 / 1.1)
    case = made({"setting": "independent_special"})
    np.testing.assert_allclose(demanded(case, flows=flows_of()).level, 64_000 / 1.1)


def test_prices_of_children_have_mean_one():
    curve, z = demanded(made()).curve[0], np.random.default_rng(1).normal(size=20_000)
    values = np.array([interpolate_table(curve, x) for x in z])
    np.testing.assert_allclose(values, np.exp(0.5 * z - 0.125), rtol=1e-5)
    assert near(values, 1)


@pytest.mark.parametrize("case, told, message", [
    (made(existing=200), {}, r"market\.providers x market\.places: found 160 .*the 200 children"),
    (made({"setting": "x"}), {}, r"market\.lots\.schools\.setting: found no flows"),
    (made({"setting": "x"}), {"flows": flows_of(years=3)}, "found no flows of 48 months"),
    (made({"pricing": "haggled"}), {}, r"pricing: found 'haggled'; allowed posted, bids"),
    (made({"basis": "week"}), {}, r"basis: found 'week'; allowed place, case")])
def test_bad_demand_is_refused_by_key(case, told, message):
    with pytest.raises(ValueError, match=message):
        demanded(case, **told)


def test_an_assumption_is_taken_where_it_is_said_nearest():
    known = {"market.joins", "market.lots.schools.joins", "market.routes.open.joins",
             "market.routes.open.lots.schools.joins"}
    for key in ("market.routes.open.lots.schools.joins", "market.routes.open.joins",
                "market.lots.schools.joins", "market.joins"):
        assert nearest_key(known, "joins", "open", LOT) == key
        known.discard(key)
    with pytest.raises(ValueError, match=r"market\.joins: found nothing.*market\.lots\.schools"):
        nearest_key(known, "joins", "open", LOT)


def test_the_provider_index_steps_each_september():
    monthly = np.diff(demanded(made()).provider_index)[0]
    years = np.repeat([0, 1, 2, 3, 4], [5, 12, 12, 12, 7])
    np.testing.assert_allclose(monthly, 1.04**years)
    dated = {"2026-27": 0.01, "2027-28": 0.02, "2028-29": 0.03, "2029-30": 0.05}
    monthly = np.diff(demanded(made(index__provider=Number(dated))).provider_index)[0]
    steps = np.cumprod([1, 1.01, 1.02, 1.03, 1.05])
    np.testing.assert_allclose(monthly, steps[years])


def test_list_prices_move_as_their_clause_says():
    opens, closes = np.array([2, 8, 9]), np.array([6, 8, 9])
    provider = np.tile([1.0, 1, 2, 2, 4, 4, 8, 8, 8], (3, 1))
    general = np.tile([1.0, 1, 1, 3, 3, 6, 6, 6, 6], (3, 1))
    for clause, every, shown in (
            ("provider", 0, [2, 2, 4, 4]), ("fixed", 2, [2, 2, 2, 2]), ("refresh", 0, [2, 2, 2, 2]),
            ("refresh", 2, [2, 2, 4, 4]), ("refresh", 3, [2, 2, 2, 4]),
            ("general", 0, [2, 6, 6, 12])):
        found = list_index(clause, opens, closes, every, provider, general)
        np.testing.assert_array_equal(found[0], [1, 1, *shown, 8, 8, 8])
        np.testing.assert_array_equal(found[1:], provider[1:])


def test_identical_routes_agree_to_the_last_bit_whatever_else_is_there():
    found = routed(made(slippage=Number(6, 3)), "closed", "again", "open", "block", "spot")
    alone = routed(made(slippage=Number(6, 3)), "closed")
    stages = [name for name in found._fields if name in ("pool", "order", "rule", "when", "invite",
                                                         "cap", "share", "hours", "each", "days")]
    np.testing.assert_array_equal(found.first, [0, 2, 4, 6, 9, 10])
    for name in found._fields:
        whole, one = getattr(found, name), getattr(alone, name)
        if name in stages:
            np.testing.assert_array_equal(whole[..., :2], whole[..., 2:4])
            np.testing.assert_array_equal(whole[..., :2], one)
        elif name not in ("first", "bounds"):
            axis = 0 if whole.ndim == 1 else 1
            first, second = (np.take(whole, r, axis) for r in (0, 1))
            np.testing.assert_array_equal(first, second)
            np.testing.assert_array_equal(first, np.take(one, 0, axis))


def test_lists_open_late_or_never():
    found = routed(made(slippage=Number(6, 3)), "closed", "open", "spot")
    late = np.rint(worlds_of(made(slippage=Number(6, 3)))["market.slippage"])
    fails = worlds_of(made()).uniform("market.schools.award") < 0.25
    assert near(fails, 0.25)
    for route, start, term in ((0, 2, 24), (1, -2, 48)):
        opens = np.where(fails, MONTHS, np.clip(start + late, 0, MONTHS))
        closes = np.where(fails, MONTHS, np.clip(start + late + term, 0, MONTHS))
        np.testing.assert_array_equal(found.opens[:, route], opens)
        np.testing.assert_array_equal(found.closes[:, route], closes)
    assert (found.opens[:, 2] == MONTHS).all() and (found.reserve_opens == MONTHS).all()
    # The tender of a list that started before the market is spent on every route already.
    np.testing.assert_array_equal(found.tendered, [2, 0, MONTHS])
    np.testing.assert_array_equal(found.tender[0], [1, 0, 0])
    assert found.every.tolist() == [0, 6, 0] and found.registered_only.tolist() == [0, 1, 0]


def test_numbers_of_routes_are_those_said():
    found = routed(made(risk_loading=0.1, volume_discount=0.05, fails=0, leakage=0.2,
                        routes__open__stages__on__hours=7, routes__open__stages__off__share=0.5,
                        routes__open__stages__on__cap=1.4), "closed", "open", "block", "spot")
    np.testing.assert_allclose(found.loading[0], [1.1 * 0.95] * 2 + [1, 1])
    np.testing.assert_allclose(found.joins_later[0], [0, 1 - 0.6**0.5, 0, 0])
    np.testing.assert_allclose(found.reserve_price[0], [0, 0, 0.9 * 60_000, 0])
    assert found.reserve_places[0].tolist() == [0, 0, 6, 0]
    assert found.reserve_opens[0].tolist() == [48, 48, 5, 48]
    assert found.reserve_closes[0].tolist() == [48, 48, 29, 48]
    np.testing.assert_allclose(found.hours[0], [2, 2, 7, 2, 2, 2, 2, 2])
    np.testing.assert_allclose(found.share[0], [0.8, 1, 0.8, 0.5, 1, 0.8, 1, 1])
    np.testing.assert_allclose(found.cap[0], [np.inf] * 2 + [1.4] + [np.inf] * 5)
    assert found.invite.tolist() == [3, 0, 3, 0, 0, 3, 0, 0]
    assert found.pool.tolist() == [0, 1, 0, 1, 4, 0, 1, 1]
    assert found.when.tolist() == [0, 1, 0, 1, 0, 0, 1, 0]
    np.testing.assert_array_equal(found.management[0, 1], [1, 5, 20])
    given = routed(made(), "block", price=np.full(DRAWS, 50_000.0))
    np.testing.assert_allclose(given.reserve_price, 45_000)


def test_a_stage_of_an_unknown_word_is_refused_by_key():
    case = made()
    case.plain["market"]["routes"]["spot"]["stages"]["off"]["pool"] = "closed"
    with pytest.raises(ValueError, match=r"routes\.spot\.stages\.off\.pool: found 'closed'"):
        routed(case, "spot")


def test_a_list_without_a_month_to_open_is_refused_by_key():
    case = made()
    case.plain["market"]["routes"]["open"]["list"]["start"] = None
    with pytest.raises(ValueError, match=r"routes\.open\.list\.start: found nothing"):
        routed(case, "spot", "open")


def test_ids_are_of_the_names():
    found = supplied(made(providers=2, entry=0))
    assert set(found.ids.tolist()) == {stable_id(f"{LOT}.provider.{k}") for k in range(2)}
