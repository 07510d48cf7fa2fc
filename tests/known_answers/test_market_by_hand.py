"""Costs and counts of markets small enough to work out by hand: one price, no luck but stays.

Providers of factor 1 charge 1,200 a place a year, 100 a month, and take every child.
"""

import made_market as made
import numpy as np
import pytest
from made_market import route, shown, stage
from sufficiency.model.market.clearing import clear

DRAWS, FOR_EVER, ONE_MONTH = 3, 1e9, 1e-9
FIRST = [[1] + [0] * 23]


def cleared(routes, demand=None, supply=None, draws=DRAWS, months=24):
    """One call-off, in month 0, for the whole of two years, unless changed."""
    demand = {"level": 1200.0, "stay": FOR_EVER, "arriving": np.repeat(FIRST, draws, axis=0),
              "officer_rate": 10.0} | (demand or {})
    return clear(made.make_demand(draws, months, **demand),
                 made.make_supply(draws, **{"providers": 2} | (supply or {})),
                 made.make_routes(*routes, draws=draws, months=months), 1, draws)


def by_year(result, item, r=0):
    """An item's cost by year, of any draw: without luck all are alike."""
    cost = result.cost[:, r, :, made.clearing.ITEMS.index(item)]
    assert cost == pytest.approx(cost[[0] * len(cost)])
    return cost[0]


def monthly(calls, months=24, draws=DRAWS):
    return np.full((draws, months), calls)


def test_fee_terms_and_uplift_clause_of_a_place_off_and_on_the_list():
    """Uplift 10% outside, 2% on the list, each April; a premium of 5%, a loading of 8%."""
    listed = route(stage(pool="list"), opens=0, loading=1.08, list_index=0.02)
    capped = route(stage(pool="list"), opens=0, loading=1.08, ceiling=0.9, list_index=0.02)
    result = cleared([route(), listed, capped], {"uplift": 0.1, "premium": 0.05})
    for r, price in enumerate((1260, 1296, 1080)):
        assert by_year(result, "posted", r) == pytest.approx([1200, 1320])
        assert by_year(result, "terms", r) == pytest.approx(
            [price - 1200, 1.1 * (price - 1200)])
        assert by_year(result, "clause", r) == pytest.approx(
            [0, 0 if r == 0 else price * (1.02 - 1.1)])
    assert shown(result, "spend")[0] == pytest.approx([1260 * 2.1, 1296 * 2.02, 1080 * 2.02])


def test_a_place_half_way_through_a_year_and_a_case():
    later = np.zeros((DRAWS, 24), int)
    later[:, 18] = 1
    both = [route(stage(), list_index=0.02), route(stage(pool="list"), opens=0, list_index=0.02)]
    result = cleared(both, {"uplift": 0.1, "arriving": later})
    assert by_year(result, "posted") == pytest.approx([0, 660])
    # Joining in the second year at the list's own price of that year.
    assert by_year(result, "posted", 1) + by_year(result, "terms", 1) == pytest.approx([0, 612])
    assert by_year(result, "clause", 1) == pytest.approx([0, 0])
    case = cleared(both, {"uplift": 0.1, "arriving": later, "by_case": 1})
    assert by_year(case, "posted") == pytest.approx([0, 1320])
    assert by_year(case, "posted", 1) + by_year(case, "terms", 1) == pytest.approx([0, 1224])


def test_waiting_and_interim_arrangements():
    never = route(stage(pool="list", hours=1.0), opens=24)
    given = {"interim": 1.5, "uplift": 0.1, "patience": 2}
    long, short, case = (cleared([never], given | more) for more in (
        {}, {"stay": ONE_MONTH}, {"by_case": 1}))
    assert by_year(long, "interim") == pytest.approx([1.5 * 1200, 1.5 * 1320])
    # Two months of waiting, and by then the month it was for has passed.
    assert by_year(short, "interim") == pytest.approx([2 * 150, 0])
    assert by_year(case, "interim") == pytest.approx([1.5 * 1200, 0])
    for result in (long, short, case):
        assert (shown(result, "waited") == 1).all() and (shown(result, "unplaced") == 1).all()
        assert not by_year(result, "officers").any()
    # A list that opens in month 2 places the child then, for its full stay, 61 days late.
    opens = route(stage(pool="list", hours=1.0, days=3.0), opens=2)
    result = cleared([opens], given | {"stay": ONE_MONTH})
    assert by_year(result, "interim") == pytest.approx([300, 0])
    assert by_year(result, "posted") == pytest.approx([100, 0])
    assert shown(result, "days")[:, 0] == pytest.approx(2 * 30.4 + 3)
    assert (shown(result, "waited") == 1).all() and not shown(result, "unplaced").any()


def test_a_place_is_free_again_when_its_child_leaves():
    """One place and a child a month for a month: always room; for ever: only for the first."""
    for stay, placed in ((ONE_MONTH, 24), (FOR_EVER, 1)):
        result = cleared([route()], {"stay": stay, "arriving": monthly(1)},
                         {"providers": 1, "places": 1})
        assert (shown(result, "placed") == placed).all()
        assert (shown(result, "unplaced") == 24 - placed).all()
        assert (shown(result, "able_1") == placed).all()
    # Two a month, and one waits its turn, oldest first: nobody waits longer than the patience.
    waits = cleared([route()], {"stay": ONE_MONTH, "arriving": monthly([2] + [1] * 23),
                                "patience": 1}, {"providers": 1, "places": 1})
    assert (shown(waits, "placed") == 24).all() and (shown(waits, "unplaced") == 0).all()
    assert shown(waits, "days")[:, 0] == pytest.approx(23 * 30.4)


def test_price_of_the_reduced_form():
    """12% off with two bidders and 4% more with each, to six; a cap where it makes it dearer."""
    routes = [route(stage(rule="competition", invite=n)) for n in (1, 2, 3, 6, 7)]
    given = {"pricing": "reduced", "by_case": 1}
    result = cleared(routes, given | {"two_bidders": -0.12, "more_bidders": -0.04},
                     {"providers": 8})
    expected = 1200 * np.array([1, 0.88, 0.88 * 0.96, 0.88 * 0.96**4, 0.88 * 0.96**4])
    assert shown(result, "spend")[0] == pytest.approx(expected)
    dearer = cleared([route(stage(rule="competition", cap=1.1))],
                     given | {"two_bidders": 0.3, "premium": 0.05})
    assert shown(dearer, "spend")[0] == pytest.approx([1320])


def test_complex_call_offs_are_dearer_and_suit_fewer():
    given = {"complex": 1.0, "complex_price": 0.5, "arriving": 10}
    result = cleared([route(stage(pool="direct", cap=0.8))], given | {"by_case": 1})
    assert shown(result, "spend")[0] == pytest.approx([240 * 0.8 * 1800])
    result = cleared([route()], given, {"providers": 1, "suits": 0.9, "suits_complex": 0.5,
                                        "accept": 0.8, "accept_complex": 0.25}, draws=200)
    for name, chance in (("able_1", 0.45), ("placed", 0.45 * 0.6)):
        found = shown(result, name)[:, 0]
        assert abs(found.mean() - 240 * chance) < 4 * found.std() / np.sqrt(200)


def test_willingness_falls_with_occupancy_and_a_poor_price():
    # Places for ever: of a provider with 4 places, chances 1, 3/4, 1/2, 1/4 of taking the next.
    result = cleared([route()], {"arriving": np.repeat([[1, 1] + [0] * 22], 2000, axis=0)},
                     {"providers": 1, "places": 4, "accept_occupancy": 1.0}, draws=2000)
    placed = shown(result, "placed")[:, 0]
    assert abs(placed.mean() - 1.75) < 4 * placed.std() / np.sqrt(2000)
    # A ceiling at 70% of the fee, and readiness that falls by twice the shortfall: 40%.
    poor = cleared([route(stage(pool="list"), opens=0, ceiling=0.7)],
                   {"arriving": monthly(5, draws=100)}, {"accept_price": 2.0, "providers": 1},
                   draws=100)
    members, placed = shown(poor, "members")[:, 0], shown(poor, "placed")[:, 0]
    assert set(placed[members == 0]) == {0}
    asked = 120 * members.sum()
    assert abs(placed.sum() / asked - 0.4) < 4 * np.sqrt(0.24 / asked)


def test_who_joins_a_list_and_what_that_costs():
    """Openings in months 0, 6 and 12; joiners by kind, at a ceiling of half what some charge."""
    size, draws = 40, 200
    kind = np.arange(size) % 4
    supply = {"providers": size, "small": kind == 1, "local": kind == 2, "registered": kind != 3,
              "factor": np.where(kind == 0, 2.0, 1.0), "accept_price": 0.6}
    supply = {name: np.tile(v, (draws, 1)) if np.ndim(v) else v for name, v in supply.items()}
    terms = {"opens": 0, "every": 6, "closes": 13, "joins": 0.8, "joins_later": 0.0, "ceiling": 1.0,
             "joins_small": 0.5, "joins_local": 0.75, "registered_only": 1, "tender": 1000.0,
             "tendered": -5, "reopening": 200.0, "per_bid": 7.0}
    result = cleared(
        [route(stage(pool="list"), **terms), route(stage(pool="list"), **terms | {"most": 9}),
         route(stage(pool="list"), **terms | {"every": 0})],
        {"diligence": 2.0, "arriving": 0}, supply, draws)
    expected = 10 * (0.8 * 0.7 + 0.8 * 0.5 + 0.8 * 0.75)
    bids = shown(result, "applications")
    assert (bids == bids[:, :1]).all()
    assert abs(bids[:, 0].mean() - expected) < 4 * bids[:, 0].std() / np.sqrt(draws)
    assert (shown(result, "members") == 0).all()
    assert shown(result, "set_up") == pytest.approx(1000 + 7 * bids + np.array([400, 400, 0]))
    admitted = np.minimum(bids, [size, 9, size])
    assert (bids[:, 0] > 9).any() and shown(result, "diligence") == pytest.approx(20 * admitted)


def test_reserved_places_used_and_empty():
    """Three places from month 6 to 18 at 600 a year, 3% dearer in the second; a child for ever."""
    reserve = {"reserve_opens": 6, "reserve_closes": 18, "reserve_places": 3,
               "reserve_price": 600.0, "capital": 5000.0, "list_index": 0.03}
    later = np.zeros((DRAWS, 24), int)
    later[:, 9] = 1
    both = route(stage(pool="reserved", rule="fixed", hours=0.5, days=2.0), stage(), **reserve)
    result = cleared([both], {"arriving": later, "transport_local": 360.0})
    assert by_year(result, "reserved") == pytest.approx([3 * 50, 12 * 51.5])
    assert by_year(result, "void") == pytest.approx([50 * (3 * 3 + 3 * 2), 51.5 * 6 * 2])
    assert by_year(result, "set_up") == pytest.approx([5000, 0])
    assert by_year(result, "transport") == pytest.approx([90, 360])
    assert by_year(result, "officers") == pytest.approx([5, 0])
    assert shown(result, "void_place_years")[:, 0] == pytest.approx((9 + 6 + 12) / 12)
    assert (shown(result, "in_reserve") == 1).all() and not shown(result, "placed").any()
    # Cases: an allotment of 3 a year, half of it in each of these years.
    cases = cleared([both], {"arriving": monthly(1), "by_case": 1})
    assert (shown(cases, "in_reserve") == 4).all() and (shown(cases, "placed") == 20).all()
    assert by_year(cases, "reserved") == pytest.approx([2 * 600, 2 * 618])
    assert not by_year(cases, "void").any()
    idle = cleared([both], {"arriving": 0, "by_case": 1})
    assert by_year(idle, "void") == pytest.approx([1.5 * 600, 1.5 * 618])
    assert shown(idle, "void_place_years")[:, 0] == pytest.approx(3)


def test_officers_diligence_transport_and_management():
    stages = (stage(pool="list", when="after", rule="in_turn", hours=1.0, each=0.25, days=4.0),
              stage(invite=3, hours=2.0, each=0.5, days=6.0))
    terms = {"opens": 6, "management": [[1.0, 5.0, 9.0]] * DRAWS}
    result = cleared(
        [route(*stages, **terms)],
        {"arriving": monthly(1), "by_case": 1, "diligence": 4.0, "transport_away": 120.0},
        {"providers": 5})
    # Six months of three quotes at 3.5 hours, then one member asked, the first by rank.
    assert by_year(result, "officers") == pytest.approx([10 * (6 * 3.5 + 6 * 1.25), 150])
    # The one that wins is checked once off the list; then five members on their admission.
    assert by_year(result, "diligence") == pytest.approx([40 + 5 * 40, 0])
    assert by_year(result, "transport") == pytest.approx([120, 120])
    assert shown(result, "days")[:, 0] == pytest.approx(6 * 6 + 18 * 4)
    # 14,400 a year with one member: the first tier for all.
    assert by_year(result, "management") == pytest.approx([50, 50])
    busy = cleared([route(*stages, **terms)], {"arriving": monthly(3), "by_case": 1},
                   {"providers": 5})
    assert by_year(busy, "management") == pytest.approx([10 * (5 + 4), 10 * (5 + 4)])
    # Checked again after twelve months, and by each team by itself.
    spot = cleared([route(), route(teams=1000)],
                   {"arriving": monthly(1), "by_case": 1, "diligence": 4.0}, {"providers": 1})
    assert by_year(spot, "diligence") == pytest.approx([40, 40])
    assert (shown(spot, "diligence")[:, 1] >= 20 * 40).all()


def test_urgent_call_offs_pass_slow_stages_but_not_the_last():
    slow, quick = stage(days=20.0, invite=2), stage(order="chance", days=5.0)
    closed = stage(pool="list", days=1.0)
    result = cleared([route(slow, quick), route(slow), route(slow, closed), route(quick, slow)],
                     {"urgent": 1.0, "urgent_days": 5.0, "patience": 1})
    assert shown(result, "days")[0] == pytest.approx([5, 20, 20, 5])
    calm = cleared([route(slow, quick)], {"urgent_days": 5.0})
    assert shown(calm, "days")[0] == pytest.approx([20])
    # A slow stage that finds nobody is one more delay.
    fails = cleared([route(stage(days=20.0, cap=0.5), quick)])
    assert shown(fails, "days")[0] == pytest.approx([25])


def test_existing_children_and_those_who_novate():
    """Four children at 1,200 fill the places; all move in month 6 to 90% of the list price."""
    onto = {"opens": 6, "novation": 1.0, "list_index": 0.02, "ceiling": 0.9}
    result = cleared([route(), route(stage(pool="list"), **onto)],
                     {"existing": 4, "uplift": 0.1, "arriving": 0}, {"providers": 2, "places": 2})
    assert by_year(result, "existing") == pytest.approx([4800, 5280])
    assert by_year(result, "existing", 1) == pytest.approx(
        [2400 + 0.9 * 2400, 0.9 * 4800 * 1.02])
    assert (shown(result, "moved") == [0, 4]).all()
    # A fifth has no provider: the same fee, and nobody to join the list for it.
    result = cleared([route(), route(stage(pool="list"), **onto)],
                     {"existing": 5, "arriving": 1}, {"providers": 2, "places": 2})
    assert by_year(result, "existing") == pytest.approx([6000, 6000])
    assert (shown(result, "moved") == [0, 4]).all()
    assert (shown(result, "able_0") == 24).all()


def test_existing_children_are_where_the_places_are():
    """Two providers, of one and of three places: the smaller of u1 and u2/3 is u2/3 at 5/6."""
    supply = {"providers": 2, "places": [[1, 3]] * 2000, "factor": [[1.0, 2.0]] * 2000}
    result = cleared([route()], {"existing": 1, "arriving": 0}, supply, draws=2000, months=12)
    paid = shown(result, "existing")[:, 0]
    assert set(np.round(paid)) == {1200, 2400}
    assert abs((paid > 2000).mean() - 5 / 6) < 4 * np.sqrt(5 / 36 / 2000)


def test_stays_are_whole_months_of_a_stated_mean():
    """Exponential, rounded up: mean 1 / (1 - exp(-1 / stay)) months."""
    result = cleared([route()], {"stay": 5.0, "arriving": np.eye(1, 120)[[0] * 4000]},
                     draws=4000, months=120)
    months = shown(result, "posted")[:, 0] / 100
    assert np.allclose(months, np.round(months)) and months.min() == pytest.approx(1)
    assert abs(months.mean() + 1 / np.expm1(-1 / 5)) < 4 * months.std() / np.sqrt(4000)


def test_teams_know_some_providers_and_outsiders_are_off_the_list():
    stages = stage(pool="known"), stage(pool="outside", when="after")
    result = cleared([route(*stages, known=0.0, opens=0, joins=1.0),
                      route(*stages, known=0.0, opens=0, joins=0.0),
                      route(stages[0], known=1.0)])
    assert (shown(result, "placed") == [0, 1, 1]).all()
    halves = cleared([route(stages[0], known=0.5, teams=4)], {"arriving": monthly(1, draws=1000)},
                     {"providers": 1}, draws=1000)
    found = shown(halves, "placed")[:, 0] / 24
    assert abs(found.mean() - 0.5) < 4 * found.std() / np.sqrt(1000)
    # The same team knows the same providers throughout: a spread of teams, not of call-offs.
    assert found.std() > 0.2


def test_a_stage_open_to_a_share_of_call_offs():
    both = [route(stage(pool="direct", cap=1.0, share=0.3), stage()),
            route(stage(pool="direct", cap=1.0, share=0.3))]
    result = cleared(both, {"arriving": monthly(10, draws=200)}, draws=200)
    direct = shown(result, "direct")
    assert (direct[:, 0] == direct[:, 1]).all()
    assert (shown(result, "placed")[:, 0] == shown(result, "unplaced")[:, 1]).all()
    assert abs(direct[:, 0].mean() - 72) < 4 * direct[:, 0].std() / np.sqrt(200)
