"""Paths of growth: named luck, causes that add up, backlog, capacity."""

import numpy as np
import pytest
from sufficiency.case import load_case
from sufficiency.model.placements.calibrate import calibrate
from sufficiency.model.placements.engine import project
from sufficiency.model.placements.growth import drivers, growth_paths, population_index
from sufficiency.model.streams import Worlds

YEARS = [2026, 2027, 2028]


@pytest.fixture(scope="module")
def found(small_case):
    return calibrate(small_case)


def paths(case, found, years=YEARS, draws=300):
    return growth_paths(found, Worlds(case.assumptions, 7, draws), years)


def test_another_year_moves_no_luck(small_case, found):
    short, long = paths(small_case, found), paths(small_case, found, [*YEARS, 2029])
    for name in ("growth", "extra_joiners", "leave_multiplier", "move_multiplier"):
        assert np.array_equal(short[name], long[name][:, :3]), name


def test_without_shocks_growth_is_the_formula(small_case, found):
    keys = small_case.assumptions
    worlds = Worlds.fixed(keys, {}, 1)
    growth = growth_paths(found, worlds, YEARS)["growth"][0]
    trend, damping, persistence = (keys[f"placements.growth.{name}"].central_value()
                                   for name in ("trend", "damping", "persistence"))
    expected = [trend * sum(damping**k for k in range(t))
                + found.difference * (persistence**t - 1) for t in (1, 2, 3)]
    assert np.log(growth) == pytest.approx(expected)


def test_causes_add_up_to_the_change(small_case, found):
    worlds = Worlds(small_case.assumptions, 7, 300)
    moved = growth_paths(found, worlds, YEARS)
    projection = project(found.rates, periods=YEARS, seed=7, draws=300, **moved)
    table = drivers(found, worlds, moved, projection)
    change = projection["stock"][:, -1].sum(-1).mean(0) - found.rates.stock.sum(1)
    assert np.allclose(table.loc["change in plans"].drop("all"), change, atol=1e-6)
    assert table.loc["moves between settings", "all"] == pytest.approx(0, abs=1e-6)
    assert table.drop("change in plans")["all"].sum() == pytest.approx(change.sum())


def test_each_officers_assumption_moves_plans(small_case, found):
    def plans(overrides):
        case = load_case("devon", overrides=overrides, root=small_case.root)
        worlds = Worlds.fixed(case.assumptions, {}, 1)
        moved = growth_paths(found, worlds, YEARS)
        stock = project(found.rates.certain(), periods=YEARS, seed=1, draws=1,
                        engine="expected", **moved)["stock"]
        return stock[0, -1].sum(-1)

    base, special = plans(""), found.rates.places.index("independent_special")
    more = {"placements.joiners.level=1.1": 1, "placements.ceasing.scale=1.2": -1,
            "placements.growth.trend=0.12": 1, "placements.unreconciled.flow=0.03": 1,
            "placements.backlog.plans=500": 1}
    for override, sign in more.items():
        assert sign * (plans(override).sum() - base.sum()) > 50, override
    moved = plans("placements.moves.independent_special=1.3")
    assert moved[special] > base[special] + 50
    assert abs(moved.sum() - base.sum()) < 0.01 * base.sum()


def test_full_settings_pass_children_on(small_case, found):
    text = "placements.patterns.left_over_error"
    assert small_case.value(text) > 0
    limit = small_case.published("plans_by_setting")["state_special"].loc[2025]
    moved = paths(small_case, found, draws=50)
    assert "capacity" not in moved
    places = found.rates.places
    capacity = np.full((1, 1, len(places)), np.inf)
    capacity[..., places.index("state_special")] = limit
    projection = project(found.rates, periods=YEARS, seed=7, draws=50, capacity=capacity,
                         overflow=found.overflow, **moved)
    held = projection["stock"][:, 1:, places.index("state_special")].sum(-1)
    assert held.max() <= limit
    assert projection["overflowed"][..., places.index("state_special")].mean() > 10


def test_population_index_starts_at_the_base_year(found):
    index = population_index(found, [found.first_january, 2026, 2036])
    assert np.allclose(index[0], 1)
    assert index.shape == (3, 26) and (index > 0.5).all() and (index < 1.5).all()
