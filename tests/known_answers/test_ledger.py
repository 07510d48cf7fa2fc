"""Unit costs from section 251 lines, by hand; Devon's tied to what it published."""

import numpy as np
import pandas as pd
import pytest
from sufficiency.model.costs import ledger
from sufficiency.model.placements import calendar
from sufficiency.model.streams import Worlds


def central(**values):
    def take(key, default):
        return np.atleast_1d(float(values.get(key.removeprefix("costs."), default)))
    return take


def line(uplift="top_up", **more):
    return {"label": "x", "uplift": uplift, "funded_by": "dsg_high_needs", **more}


def test_income_is_taken_off_pro_rata():
    spec = {"a": line(income="in"), "b": line(income="in"), "c": line()}
    found = ledger.net_amounts(pd.Series({"a": 300.0, "b": 100.0, "c": 50.0, "in": 40.0}), spec)
    assert found == pytest.approx({"a": 270, "b": 90, "c": 50})


def test_split_by_weight_by_hand():
    """1,000 over 4 plans at weight 1 and 2 at a half is 200 and 100; a fifth is not per child."""
    spec = {"fees": line("provider", per=["p", "q"]), "team": line("general")}
    take = central(**{"weight.fees.q": 0.5, "not_per_child.fees": 0.2})
    unit, fixed = ledger.split({"fees": 1250.0, "team": 70.0}, spec, {"p": 4, "q": 2}, take)
    np.testing.assert_allclose(unit[0], [[200, 100], [0, 0], [0, 0], [0, 0]])
    np.testing.assert_allclose(fixed, [[250, 70]])


def test_every_pound_of_the_lines_comes_back():
    rng = np.random.default_rng(6)
    names = list("abcdef")
    spec = {f"l{i}": line(kind, per=list(rng.choice(names, 3, False)))
            for i, kind in enumerate(["provider", "top_up", "general", "none"] * 2)}
    amounts, years = ({name: rng.gamma(2, 1e6) for name in spec},
                      {name: rng.gamma(9, 20) for name in names})
    unit, fixed = ledger.split(amounts, spec, years, lambda key, default: rng.gamma(4, 0.1, 500)
                               if key.startswith("costs.not") else rng.gamma(4, 1, 500))
    total = ledger.modelled(unit, fixed, spec, np.array([[*years.values()]]), np.ones((1, 4)))
    np.testing.assert_allclose(total[:, 0], sum(amounts.values()), atol=0.005)


def test_money_without_placements_is_refused():
    with pytest.raises(ValueError, match=r"costs.ledger.lines.fees: found no placements in p"):
        ledger.split({"fees": 9.0}, {"fees": line(per=["p"])}, {"p": 0.0}, central())


def test_level_counts_the_years_after_the_start():
    rates = {"2022-23": 0.1, "2023-24": 0.2}.__getitem__
    assert ledger.level(rates, "2021-22", "2023-24") == pytest.approx(1.32)
    assert ledger.level(rates, "2023-24", "2021-22") == pytest.approx(1 / 1.32)
    assert ledger.level(rates, "2023-24", "2023-24") == 1


def test_factor_is_geometric_between_base_and_last():
    outturn = pd.Series({"a": 100.0, "b": 99.0, "c": 81.0})
    found = ledger.tie_table(["a", "b", "c"], np.array([100.0, 100, 100]), outturn, 0.81)
    np.testing.assert_allclose(found["factor"], [1, 0.9, 0.81])
    np.testing.assert_allclose(found["residual"], [0, 90 / 99 - 1, 0], atol=1e-15)
    np.testing.assert_allclose(found["gap"], [0, 1 / 99, 100 / 81 - 1])


@pytest.fixture(scope="module")
def devon_years(small_case):
    """Devon's placement-years by setting 2021-22 to 2024-25, as if all change were spread."""
    settings = list(small_case.settings)
    counts = small_case.published("plans_by_setting").loc[2021:2025, settings].to_numpy(float)
    counts = np.vstack([counts, 2 * counts[-1] - counts[-2]])
    profile = small_case.value("costs.profile")
    share = [calendar.PROFILES[profile.get(name, "by_day")] for name in settings]
    years = calendar.placement_years(counts[..., None], np.zeros((5, len(settings))), share)
    return pd.DataFrame(years.sum(-1), columns=settings,
                        index=[calendar.financial_year(y) for y in range(2021, 2025)])


@pytest.fixture(scope="module")
def devon(small_case, devon_years):
    return ledger.tie(small_case, devon_years)


def test_devon_lines_add_up_to_its_outturn(devon, small_case):
    counted = devon.lines[devon.lines["in_outturn"]]
    outturn = small_case.published("section_251").iloc[:, 0]
    assert counted["net"].sum() == pytest.approx(outturn["2021-22"], abs=1)
    assert devon.tie.loc["2021-22", "gap"] == pytest.approx(0, abs=1e-8)


def test_devon_ties_to_its_latest_outturn(devon):
    tie = devon.tie
    assert list(tie.index) == ["2021-22", "2022-23", "2023-24", "2024-25"]
    assert tie.loc["2024-25", "residual"] == pytest.approx(0, abs=1e-12)
    assert tie["gap"].abs().max() < 0.03 and tie["residual"].abs().max() < 0.02
    assert devon.factor[0] == tie.loc["2024-25", "outturn"] / tie.loc["2024-25", "modelled"]


@pytest.mark.parametrize("year", ["2021-22", "2023-24"])
def test_devon_in_year_position_on_one_basis(devon, small_case, year):
    """1.2.x + maintained place funding - block after deductions: 37.8m in 2021-22, 42m in 2023-24.

    Mixed with the block before deductions, 2023-24 would read 18m. 3m is the tolerance of the
    published figures: one is a movement over all blocks, the other a month 10 forecast.
    """
    place = devon.lines.set_index("line").loc["place_funding", "net"]
    block = small_case.published("high_needs_block").loc[year, "after"]
    published = small_case.published("in_year_position").iloc[:, 0][year]
    position = devon.tie.loc[year, "after_factor"] + place - block
    assert position / 1e6 == pytest.approx(published, abs=3)


def test_devon_fees_are_near_what_england_pays(devon):
    """57,000 a pupil in independent and non-maintained special schools in 2021-22 (DfE)."""
    assert devon.unit_costs.loc["independent_special", "2021-22"] == pytest.approx(57_000, rel=0.1)


def test_devon_mean_cost_of_a_plan_is_near_what_the_press_said(devon, devon_years):
    """17,043 (mid-2024): high needs spending with maintained place funding over all plans.

    On the 1.2.x basis alone the mean is a tenth lower, as is to be expected.
    """
    spend, plans = devon.tie.loc["2024-25", "outturn"], devon_years.loc["2024-25"].sum()
    place = devon.lines.set_index("line").loc["place_funding", "net"]
    assert (spend + place) / plans == pytest.approx(17_043, rel=0.05)
    assert spend / plans == pytest.approx(17_043 * 0.9, rel=0.03)


def test_every_world_ties(devon, devon_years, small_case):
    """Weights and multipliers move money between settings, never the total."""
    worlds = Worlds(small_case.assumptions, 7, 500)
    found = ledger.tie(small_case, devon_years, worlds)
    total = ledger.modelled(found.unit, found.fixed, found.spec,
                            devon_years.loc[["2024-25"]].to_numpy(), found.growth[None])
    np.testing.assert_allclose(total[:, 0] * found.factor, devon.tie.loc["2024-25", "outturn"],
                               atol=0.005)
    price = found.factor * (found.growth @ found.unit[:, :, found.settings.index("elsewhere")].T)
    assert price.std() / price.mean() > 0.1
