"""What measures change: paths of children, prices, cash and costs, each by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from made_measures import CERTAIN, DOUBTFUL, programme
from sufficiency.case.measures import KINDS
from sufficiency.case.quantity import Assumption
from sufficiency.model.costs.spend import paid_index
from sufficiency.model.placements import backlog
from sufficiency.model.placements.engine import project
from sufficiency.model.placements.rates import Rates
from sufficiency.model.safety_valve.delivery import delivered
from sufficiency.model.safety_valve.measures import cash, costs, engine_changes, price_multiplier

PLACES = ("mainstream", "special", "college")
COUNCIL = SimpleNamespace(rates=SimpleNamespace(places=PLACES))
# The periods to these Januaries are the calendar years 2025 to 2028.
YEARS, FINANCIAL = [2026, 2027, 2028, 2029], ["2025-26", "2026-27", "2027-28"]
SHARE = "size: {central: 0.1, unit: share}"
APPEAL = "appeal_reversal: {central: 0.2, unit: share}"


def number(value, unit="share"):
    return Assumption(central=value, unit=unit)


def changes(*lines, base=None, rate=None, paths=None, more=None, reversal=True, usual=CERTAIN):
    measures, worlds = programme(*lines, more=more, usual=usual)
    effect = delivered(measures, worlds, 2025, 2029, base, rate)
    paths = paths or {"growth": np.ones((worlds.draws, len(YEARS)))}
    return engine_changes(measures, effect, COUNCIL, worlds, YEARS, paths, reversal), worlds


def lever(*lines, **options):
    found, _ = changes(*lines, **options)
    return found["levers"][0]


def money(function, *lines, base="2024-25", rate=None, usual=CERTAIN, more=None, years=FINANCIAL,
          **options):
    measures, worlds = programme(*lines, usual=usual, more=more)
    effect = delivered(measures, worlds, 2024, 2029, base, rate)
    return function(measures, effect, worlds, years, **options)


def test_no_measures_change_nothing():
    paths = {"growth": np.ones((400, 4))}
    found, _ = changes(paths=paths)
    assert found == paths and found["growth"] is paths["growth"]
    assert (money(price_multiplier, settings=PLACES) == 1).all()
    assert not money(cash).sum() and not money(costs)["account"].sum()


def test_joiners_feel_the_mean_of_the_calendar_year():
    line = f"a: {{kind: redirect, setting: special, to: mainstream, {SHARE}, {APPEAL}, " \
           "start: 2025-07}"
    found = lever(line)
    assert (found.kind, found.name, found.origin, found.target) == ("entrants", "a", 1, 0)
    assert found.places is None and (found.first_age, found.last_age) == (0, 25)
    assert found.share[0] == pytest.approx([0.04, 0.08, 0.08, 0.08])
    assert lever(line, reversal=False).share[0] == pytest.approx([0.05, 0.1, 0.1, 0.1])


def test_september_is_when_children_step_down():
    line = f"a: {{kind: step_down, setting: special, to: mainstream, {SHARE}, start: 2025-%s}}"
    found = lever(line % "09")
    assert found.kind == "stock" and (found.first_age, found.last_age) == (10, 10)
    assert found.share[0] == pytest.approx([0.1] * 4)
    assert lever(line % "10").share[0] == pytest.approx([0, 0.1, 0.1, 0.1])


def test_cessation_without_a_setting_is_in_each():
    line = f"a: {{kind: cessation, {SHARE}, {APPEAL}, ages: [19, 25], start: 2025-09}}"
    found, _ = changes(line)
    assert [(each.kind, each.origin, each.target) for each in found["levers"]] == [
        ("stock", i, -1) for i in range(3)]
    assert found["levers"][0].share[0] == pytest.approx([0.08] * 4)


def test_places_open_in_september():
    found = lever("a: {kind: new_places, setting: special, to: mainstream, start: 2026-01, "
                  "ramp: {shape: linear, months: 24}, size: {central: 24, unit: places}}")
    # by mid-September 2026, 8.5 of 24 months after the start
    assert found.kind == "places" and found.places[0] == pytest.approx([0, 8.5, 20.5, 24])


def test_fewer_join_by_the_front_door():
    line = f"{{kind: front_door, {SHARE}, {APPEAL}, start: 2025-07}}"
    found, worlds = changes(f"a: {line}")
    assert found["growth"][0] == pytest.approx([0.96, 0.92, 0.92, 0.92]) and "levers" not in found
    twice, _ = changes(f"a: {line}", f"b: {line}")
    assert twice["growth"] == pytest.approx(found["growth"] ** 2)
    by_place = {"growth": np.full((worlds.draws, 4, 3), 2.0)}
    assert changes(f"a: {line}", paths=by_place)[0]["growth"][0, 1] == pytest.approx([1.84] * 3)


def test_a_backlog_is_cleared_sooner():
    more = {"placements.backlog.plans": number(240.0, "plans"),
            "placements.backlog.months_to_clear": number(30.0, "months")}
    line = "a: {kind: backlog, start: %s, size: {central: 12, unit: months}}"
    plans, usual = np.full(400, 240.0), backlog.release(np.full(400, 240.0), np.full(400, 30.0), 4)
    paths = {"growth": 1.0, "extra_joiners": 7.0 + usual}
    early, _ = changes(line % "2025-01", paths=paths, more=more)
    expected = 7 + backlog.release(plans, np.full(400, 12.0), 4)
    assert early["extra_joiners"] == pytest.approx(expected)
    # a year at 1/30 a month leaves 0.6, which takes 7.2 months at 1/12
    late, _ = changes(line % "2026-01", paths=paths, more=more)
    assert late["extra_joiners"][0] == pytest.approx([7 + 96, 7 + 144, 7, 7])
    after, _ = changes(line % "2028-01", paths=paths, more=more)
    assert after["extra_joiners"] == pytest.approx(paths["extra_joiners"])


def counted(*lines, ceasing=0.0, seed=5):
    """Children (january, place, age) of a council with a certain measure, expected numbers.

    100 join special a year, all at 4, and nobody moves; 40 special and 20 college at the start at
    each age they take.
    """
    shape = (3, 26)
    ages = np.arange(26)
    allowed = np.array([(ages >= low) & (ages <= high) for low, high in
                        ((4, 19), (4, 19), (16, 25))])
    stock = np.array([[0], [40], [20]]) * allowed
    leave = np.where(np.pad(allowed[:, 1:], ((0, 0), (0, 1))), ceasing, 1.0) * allowed
    join = np.zeros(shape)
    join[1, 4] = 100.0
    never = np.full((*shape, 1), -1)
    rates = Rates(PLACES, 1, 0, stock, leave, np.full(shape, np.inf), np.zeros(shape),
                  np.full(shape, np.inf), never, np.zeros((*shape, 1)), np.full(shape, np.inf),
                  join, np.full(shape, np.inf), 0.0, allowed)
    measures, worlds = programme(*lines, draws=2)
    council = SimpleNamespace(rates=rates)
    effect = delivered(measures, worlds, 2025, 2029)
    paths = engine_changes(measures, effect, council, worlds, YEARS, {"growth": np.ones((2, 4))})
    found = project(rates, periods=YEARS, seed=seed, draws=2, engine="expected", **paths)
    return found["stock"][0]


def test_a_certain_measure_moves_its_children():
    usual = counted()
    assert usual[1:, 1, 4] == pytest.approx([100] * 4) and usual[1, 1, 6] == 40
    line = f"a: {{kind: %s, setting: special%s, {SHARE}, {APPEAL}, start: 2026-01%s}}"
    redirected = counted(line % ("redirect", ", to: mainstream", ""))
    assert redirected[:, 1, 4] == pytest.approx([40, 100, 92, 92, 92])
    assert redirected[:, 0].sum(-1) == pytest.approx([0, 0, 8, 16, 24])
    stepped = counted(line % ("step_down", ", to: mainstream", ""))
    # 8% of those who turn 11 by the September of 2026 and of 2027
    assert stepped[:, 0, 11] == pytest.approx([0, 0, 3.2, 3.2, 3.2])
    assert stepped[2, 1, 11] == pytest.approx(36.8) and stepped[2, 1, [10, 12]] == pytest.approx(40)
    ceased = counted(line % ("cessation", "", ", ages: [17, 18]"))
    assert ceased[2, 1, 15:20] == pytest.approx([40, 40, 36.8, 36.8, 40])
    assert ceased[3, 1, 18] == pytest.approx(40 * 0.92**2)
    assert (usual - ceased)[..., :17].sum() == 0


def test_places_fill_from_joiners_until_they_are_full():
    line = "a: {kind: new_places, setting: special, to: mainstream, start: 2026-01, " \
           "size: {central: 150, unit: places}}"
    found = counted(line)
    assert found[:, 0].sum(-1) == pytest.approx([0, 0, 100, 150, 150])
    assert found.sum((1, 2)) == pytest.approx(counted().sum((1, 2)))


def test_a_price_falls_by_the_months_it_works():
    line = f"a: {{kind: price, setting: special, {SHARE}, start: 2025-09, end: 2026-12}}"
    found = money(price_multiplier, line, settings=PLACES)
    assert found.dims == ("draw", "financial_year", "setting")
    assert found.sel(setting="special")[0].values == pytest.approx(
        [1 - 0.1 * 7 / 12, 1 - 0.1 * (5 / 12 + 4 / 12), 1])
    assert (found.sel(setting="mainstream") == 1).all()
    termly = money(price_multiplier, line, settings=PLACES, profile={"special": "termly"})
    assert termly.sel(setting="special")[0, 0] == pytest.approx(1 - 0.1 * 2 / 3)


@pytest.mark.parametrize(("month", "old"), [(4, 0), (9, 1 / 3)])
def test_a_lower_uplift_is_the_price_path_of_that_uplift(month, old):
    values = {"2024-25": 0.02, "2025-26": 0.06, "2026-27": 0.05, "2027-28": 0.04}
    more = {"costs.uplift.provider": Assumption(values=values, unit="share/year"),
            "costs.uplift_month.provider": number(month, "months")}
    # from April 2026, while a uplift that began in the base year cuts every later one
    for start, first in (("2026-04", 2026), ("2024-04", 2025)):
        line = f"a: {{kind: uplift, setting: special, start: {start}, " \
               "size: {central: 0.01, unit: share/year}}"
        years = ["2024-25", *FINANCIAL]
        found = money(price_multiplier, line, more=more, settings=PLACES, years=years)

        def cut(year, first=first):
            return values[year] - 0.01 * (int(year[:4]) >= first)

        lower, usual = (paid_index(lambda y, rate=rate: np.full(1, rate(y)), "2024-25", years, old)
                        for rate in (cut, values.__getitem__))
        assert found.sel(setting="special")[0].values == pytest.approx((lower / usual)[0])


def test_what_the_base_year_holds_is_not_counted_again():
    line = "{kind: price, setting: special, size: {central: 0.1, unit: share}, start: %s, " \
           "ramp: {shape: linear, months: 12}}"
    measures, worlds = programme(*(f"{n}: {line % start}" for n, start in
                                   (("old", "2024-01"), ("half", "2024-10"), ("new", "2025-04"))))
    found = delivered(measures, worlds, 2024, 2026, "2024-25").isel(draw=0)
    assert not found.sel(measure="old").any()
    assert not found.sel(measure="half", month="2025-03")
    assert found.sel(measure="half", month="2026-01") == pytest.approx(0.5)
    assert found.sel(measure="new", month="2026-12") == pytest.approx(1.0)
    assert found.sel(measure="half", month="2025-04") == pytest.approx(0.5 / 12)


def test_a_further_delay_takes_nothing_from_what_is_held():
    usual = CERTAIN + "  further_delay: {central: 2, unit: months}\n  causes: {capital: {" \
        "if_one_slips: {central: 0.75, unit: share}, further_delay: {central: 4, unit: months}}}\n"
    line = "{kind: price, setting: special, size: {central: 0.1, unit: share}, start: %s, " \
           "causes: [%s]}"
    measures, worlds = programme(f"old: {line % ('2024-04', '')}", f"new: {line % ('2025-04', '')}",
                                 f"built: {line % ('2025-04', 'capital')}", usual=usual)
    found = delivered(measures, worlds, 2025, 2026, "2024-25").isel(draw=0)
    assert not found.sel(measure="old").any()
    began = {name: str(found.month.values[found.sel(measure=name).values > 0][0])
             for name in ("new", "built")}
    assert began == {"new": "2025-06", "built": "2025-10"}


def test_cash_beyond_that_of_the_base_year():
    line = "a: {kind: cash_profile, start: 2024-07, size: {unit: GBP/year, values: " \
           "{2024-25: 1_000_000, 2025-26: 3_000_000, 2026-27: 5_000_000, 2027-28: 500_000}}}"
    found = money(cash, line)
    assert found.dims == ("measure", "draw", "financial_year")
    # nine months of the first million are in the outturn of 2024-25
    assert found[0, 0].values == pytest.approx([2_250_000, 4_250_000, 0])
    assert money(cash, line, base=None)[0, 0].values == pytest.approx([3e6, 5e6, 5e5])
    assert money(cash, line, base="2023-24", years=["2023-24", "2024-25"])[0, 0].values == (
        pytest.approx([0, 750_000]))
    half = money(cash, line, base=None, rate=0.5)
    assert half[0, 0].values == pytest.approx([1.5e6, 2.5e6, 2.5e5])


def test_a_late_profile_of_cash_is_late_in_every_year():
    line = "a: {kind: cash_profile, start: %s, slippage: {central: %s, unit: months}, size: " \
           "{unit: GBP/year, values: {2025-26: 1_200_000, 2026-27: 2_400_000}, carry: last}}"
    on_time = money(cash, line % ("2025-04", 0), base=None)
    assert on_time[0, 0].values == pytest.approx([1.2e6, 2.4e6, 2.4e6])
    late = money(cash, line % ("2025-04", 4.5), base=None)
    # 7.5 months of the first; then 4.5 of the first and 7.5 of the second
    assert late[0, 0].values == pytest.approx([750_000, 450_000 + 1_500_000, 2.4e6])
    begun = money(cash, line % ("2025-10", 4.5), base=None)
    assert begun[0, 0].values == pytest.approx([150_000, 450_000 + 1_500_000, 2.4e6])
    # nothing is planned before the first year with a size, however early the measure starts
    early = money(cash, line % ("2024-04", 4.5), base=None, years=["2024-25", *FINANCIAL])
    assert early[0, 0].values == pytest.approx([0, *late[0, 0].values])
    far = money(cash, line % ("2025-04", 18), base=None)
    assert far[0, 0].values == pytest.approx([0, 600_000, 600_000 + 1_200_000])


PLACED = "a: {kind: new_places, setting: special, to: mainstream, start: 2025-09, " \
         "size: {central: 24, unit: places}, place_funding: {central: 10_000, " \
         "unit: GBP/place/year}, start_up: {central: 300_000, unit: GBP%s}, " \
         "cost: {central: 60_000, unit: GBP/year, funded_by: general_fund}%s}"


def test_places_are_paid_for_from_the_first_day():
    found = money(costs, PLACED % ("", ""))
    assert found["account"].dims == ("item", "measure", "draw", "financial_year")
    by_item = found["account"].isel(measure=0, draw=0)
    assert by_item.sel(item="place_funding").values == pytest.approx([140_000, 240_000, 240_000])
    assert by_item.sel(item="start_up").values == pytest.approx([300_000, 0, 0])
    assert not by_item.sel(item="cost").any()
    assert found["outside"].sel(item="cost")[0, 0].values == pytest.approx([35_000, 60_000, 60_000])
    assert not found["outside"].sel(item=["place_funding", "start_up"]).any()


def test_costs_slip_and_are_paid_whatever_is_delivered():
    own = ", slippage: {central: 8, unit: months}, delivery: {none: {central: 1, unit: share}, " \
          "full: {central: 0, unit: share}, part: {central: 0.5, unit: share}}, end: 2026-12"
    found = money(costs, PLACED % (", funded_by: grant", own)).isel(measure=0, draw=0)
    assert not found["account"].any()
    assert found["outside"].sel(item="start_up").values == pytest.approx([0, 300_000, 0])
    assert found["outside"].sel(item="cost").values == pytest.approx([0, 40_000, 0])


def test_costs_of_the_base_year_are_in_its_outturn():
    found = money(costs, PLACED % ("", ""), base="2025-26", years=["2025-26", *FINANCIAL[1:]])
    assert not found["account"].any() and not found["outside"].any()


def test_a_rate_is_delivered_on_time():
    line = f"a: {{kind: price, setting: special, {SHARE}, start: 2025-07}}"
    certain = money(price_multiplier, line, settings=PLACES)
    full = money(price_multiplier, line, settings=PLACES, usual=DOUBTFUL, rate=1.0)
    drawn = money(price_multiplier, line, settings=PLACES, usual=DOUBTFUL)
    half = money(price_multiplier, line, settings=PLACES, usual=DOUBTFUL, rate=0.5)
    assert np.array_equal(certain, full)
    assert (1 - half).values == pytest.approx((1 - full).values / 2)
    saved = (1 - drawn).sel(setting="special").mean("draw")
    assert (saved < (1 - full).sel(setting="special").mean("draw")).all() and (saved > 0).all()


def test_another_measure_moves_no_luck():
    line = "{kind: price, setting: special, size: {central: 0.1, unit: share}, start: 2025-04, " \
           "causes: [workforce]%s}"
    own = ", delivery: {none: {central: 0.3, unit: share}, full: {central: 0.35, unit: share}, " \
          "part: {central: 0.5, unit: share}}"
    alone = delivered(*programme(f"a: {line % ''}", usual=DOUBTFUL), 2025, 2026)
    more = delivered(*programme(f"b: {line % own}", f"a: {line % ''}", usual=DOUBTFUL), 2025, 2027)
    assert np.array_equal(alone.sel(measure="a"), more.sel(measure="a")[:, :24])
    assert not np.array_equal(*more["delivery"].values)


def test_months_that_the_effect_does_not_cover_are_refused():
    measures, worlds = programme(f"a: {{kind: price, setting: special, {SHARE}, start: 2025-07}}")
    effect = delivered(measures, worlds, 2025, 2026, "2024-25")
    known = price_multiplier(measures, effect, worlds, ["2024-25", "2025-26"], PLACES)
    assert known.sel(setting="special", financial_year="2024-25")[0] == 1
    with pytest.raises(ValueError, match="effect: found 2025-01 to 2026-12; allowed 12 months"):
        price_multiplier(measures, effect, worlds, ["2026-27"], PLACES)
    unheld = delivered(measures, worlds, 2025, 2026)
    with pytest.raises(ValueError, match="from 2024-04"):
        price_multiplier(measures, unheld, worlds, ["2024-25"], PLACES)


def test_every_kind_changes_something():
    size = {"share": 0.1, "places": 10, "months": 6, "share/year": 0.01, "GBP/year": 1e6}
    more = {"placements.backlog.plans": number(240.0, "plans"),
            "placements.backlog.months_to_clear": number(30.0, "months")}
    kinds = {name: kind for name, kind in KINDS.items() if name != "market"}
    for name, kind in kinds.items():
        where = "setting: special, " * bool(kind.setting) + "to: mainstream, " * kind.to
        line = f"a: {{kind: {name}, {where}start: 2025-04, size: {{central: {size[kind.unit]}, " \
               f"unit: {kind.unit}}}}}"
        paths = {"growth": np.ones((400, 4)), "extra_joiners": np.zeros((400, 4))}
        found, _ = changes(line, paths=paths, more=more)
        moved = "levers" in found or any(not np.array_equal(found[k], paths[k]) for k in paths)
        priced = money(price_multiplier, line, settings=PLACES)
        moved += (priced != 1).any() + bool(money(cash, line).sum())
        assert moved == 1, name
