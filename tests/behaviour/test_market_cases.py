"""The markets that ship: three councils, their published figures, their totals, every route."""

import shutil

import numpy as np
import pytest
from sufficiency.case import load_case
from sufficiency.case.quantity import QUALITIES
from sufficiency.model.market import clearing, demand, routes, supply
from sufficiency.model.streams import Worlds

COUNCILS = ("devon", "northamptonshire", "north_yorkshire")
EVEN = (np.arange(4000) + 0.5) / 4000
# Design 5.4, what ships.
LIBRARY = {
    "spot", "gated_spot", "fragmented", "closed_ranked", "closed_competition", "approved_list",
    "open_framework", "dynamic_market", "block", "block_with_extras", "cascade", "in_house",
    "joint", "direct_payment",
}  # fmt: skip


@pytest.fixture(scope="module", params=COUNCILS)
def case(request, root):
    return load_case(request.param, root=root)


def lots_of(case):
    return case.value("market.in_use", None) or list(case.value("market.lots"))


def mean(case, key):
    return case[key].quantile(EVEN).mean()


def spend(case, value=mean):
    return sum(value(case, f"market.lots.{lot}.price") * value(case, f"market.lots.{lot}.call_offs")
               for lot in lots_of(case))  # fmt: skip


def central(case, key):
    return case[key].central


def test_every_number_of_a_market_has_quality_and_source(case):
    keys = [key for key in case.assumptions if key.startswith("market.")]
    assert len(keys) > 90
    for key in keys:
        made = case[key]
        assert made.quality in QUALITIES and (made.source or made.note) and made.label, key
        # nothing is published that this project made up
        assert made.quality != "published" or made.source, key


def test_no_saving_is_built_in(case):
    assert case["market.premium"].certain and case["market.premium"].central == 0
    assert not [key for key in case.assumptions if key.endswith(".premium") and "routes" in key]


def test_the_library_of_routes_is_there_and_says_what_it_does(case):
    made = case.value("market.routes")
    assert set(made) >= LIBRARY
    for route in made.values():
        assert route["says"].endswith(".") and len(route["says"].split()) < 40, route
        assert not any(char.isdigit() for char in route["says"])


@pytest.mark.parametrize("name", COUNCILS)
def test_every_route_compared_clears_every_lot(name, root):
    case = load_case(name, root=root)
    names, worlds = case.value("market.compare"), Worlds(case.assumptions, 1, 4)
    months = 12 * case.value("market.years")
    for lot in lots_of(case):
        flows = None
        if case.value(f"market.lots.{lot}.setting", None):
            flows = {"arriving": np.full((4, months // 12), 40), "existing": np.full(4, 998),
                     "level": np.full(4, 63_000.0), "stay": np.full(4, 60.0)}  # fmt: skip
        price = None if flows is None else flows["level"]
        found = clearing.clear(demand.demand(case, lot, worlds, months, flows),
                               supply.supply(case, lot, worlds, months),
                               routes.routes(case, lot, names, worlds, months, price), 1, 4)
        assert np.isfinite(found.cost).all()
        count = {kind: found.count[..., k] for k, kind in enumerate(clearing.COUNTS)}
        assert (count["call_offs"] > 0).all() and (count["placed"] > 0).all(), lot


def test_devons_published_figures(root):
    case = load_case("devon", root=root)
    row = case.published("alternative_provision_placements").loc[2025]
    assert dict(row) == {"current": 367, "in_the_year": 614, "ended": 247, "mean_days": 202}
    assert row["current"] + row["ended"] == row["in_the_year"]
    lot = "market.lots.alternative_provision."
    assert case[lot + "existing"].central == 367 and case[lot + "existing"].certain
    # what ended in the year is shorter than what is still there
    assert case[lot + "stay"].low == pytest.approx(202 * 12 / 365.25, abs=0.05)
    assert case[lot + "stay"].high == pytest.approx(12 * 367 / 247, abs=0.05)
    assert 247 < case[lot + "call_offs"].central < 614
    said = case.value("market.advertised")
    assert (said["value_ex_vat"], said["value_inc_vat"]) == (613_990_000, 736_788_000)
    assert said["value_inc_vat"] == said["value_ex_vat"] * 1.2
    assert said["tenders_closed"] == "2025-12-19" and said["awards_expected"] == "2026-01-29"
    assert case.value("market.deadline.month") == "2026-01"
    assert {late["months_late"] for late in case.value("market.record").values()} == {11, 16}
    assert case["market.lots.independent_special.providers"].central == 92


def test_devons_schools_have_room_for_the_children_there(root):
    case = load_case("devon", root=root)
    there = case.published("plans_by_setting")["independent_special"].loc[2025]
    lot = "market.lots.independent_special."
    places = case[lot + "providers"].central * mean(case, lot + "places")
    assert there == 863 and 0.55 < there / places < 0.75


def test_devons_framework_as_advertised(root):
    case = load_case("devon", scenario="open_framework_2025", root=root)
    assert case.value("market.in_use") == ["lot_1a", "lot_1b", "lot_2a", "lot_2b"]
    assert case.value("market.years") == 8
    # the children placed and what they cost, before growth, against the notice's 8 years
    lots = [f"market.lots.{lot}." for lot in case.value("market.in_use")]
    a_year = sum(case[lot + "existing"].central * case[lot + "price"].central for lot in lots)
    assert 0.8 < 8 * a_year / 613_990_000 < 1.1
    assert all("illustrative" in case.value(lot + "label") for lot in lots)


def test_devon_as_decided_knows_nothing_later(root):
    case = load_case("devon", scenario="as_decided_2024", root=root)
    keys = [key for key in case.assumptions if key.startswith("market.")]
    assert max(case[key].known for key in keys) <= "2024-09"
    assert case.value("market.deadline.planned") == "2024-09"
    assert not case.value("market.advertised", None)
    assert list(case.value("market.record")) == ["north_yorkshire"]
    assert case["market.lots.alternative_provision.existing"].quality == "illustrative"


def test_northamptonshire_spends_a_little_over_half_a_million(root):
    case = load_case("northamptonshire", root=root)
    assert case.value("market.budget.annual") == 500_000 and case.value("market.budget.at_least")
    assert 500_000 < spend(case, central) < 550_000 and 500_000 < spend(case) < 550_000
    price = case["market.lots.psychological.price"]
    # hours of the Legal Aid Agency at its rate
    assert [price.low, price.central, price.high] == pytest.approx(
        [93.6 * hours for hours in (25, 30.5, 45)], abs=0.5)  # fmt: skip
    assert case.value("market.routes.open_framework.list") == {
        "start": "2017-07", "term": 48, "reopens_every": 12, "most": 0, "indexation": "refresh"}
    # one central route since June 2016 (report, 3.5 and 3.6); the teams of before are compared
    assert case.value("market.reference") == "spot" in case.value("market.compare")
    options = case.value("appraisal.options")
    assert "spot" not in options and options["fragmented"]["route"] == "fragmented"
    assert "as now" not in case.value("market.routes.fragmented.label")


def test_northamptonshire_was_known_in_2017(root):
    case = load_case("northamptonshire", root=root)
    whole = load_case("northamptonshire", root=root)
    market = {key for key in whole.assumptions if key.startswith("market.")}
    assert market <= set(case.assumptions)
    assert all(case[key].known <= "2017-02" for key in market)


def test_north_yorkshires_boards_spend_1_021_500(root):
    case = load_case("north_yorkshire", root=root)
    assert spend(case) == spend(case, central) == case.value("market.budget.annual") == 1_021_500
    assert case.value("market.budget.buyers") == 5
    assert case.value("market.routes.best_value_forms.teams") == 5
    assert case.value("market.routes.approved_providers.list.start") == "2021-09"
    turned_out = load_case("north_yorkshire", scenario="as_it_turned_out", root=root)
    assert turned_out["market.slippage"].quantile(EVEN).min() >= 11


@pytest.mark.parametrize("name", COUNCILS)
def test_a_route_is_a_few_lines(name, root, tmp_path):
    path = tmp_path / "made.yaml"
    if beside := load_case(name, root=root).value("safety_valve.earlier_forecast", ""):
        shutil.copy(root / "params" / "councils" / beside, tmp_path)
    path.write_text(f"""\
extends: {name}
market:
  compare: [spot, mine]
  reference: spot
  proposal: mine
  routes:
    mine:
      label: Two quotes, then anyone
      says: Two quotes are taken, and if none comes anyone is asked.
      kind: gated_spot
      stages: {{two: {{pool: open, order: quality, invite: 2, rule: quotes}},
        rest: {{pool: open, order: chance, rule: in_turn}}}}
""", encoding="utf-8")  # fmt: skip
    case = load_case(str(path), root=root)
    made = routes.routes(case, lots_of(case)[-1], ["spot", "mine"], Worlds(case.assumptions, 1, 2),
                         12 * case.value("market.years"))  # fmt: skip
    assert made.invite.tolist() == [0, 2, 0] and made.first.tolist() == [0, 1, 3]
