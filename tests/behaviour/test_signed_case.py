"""Devon's agreement as its case tells it: as signed in March 2024, and as it stands."""

import numpy as np
import pytest
from sufficiency.case import load_case
from sufficiency.case.measures import KINDS
from sufficiency.run.parameters import Parameters
from sufficiency.run.study import Study

MILLION = 1e6


@pytest.fixture(scope="module")
def signed():
    return load_case("devon", scenario="as_signed_2024")


def test_nothing_known_after_march_2024_is_in_the_case_as_signed(signed):
    log = signed.log()
    assert (signed.known_by, str(signed.as_at)) == ("2024-03", "2024-03-31")
    assert log["known"].dropna().max() == "2024-03"
    for table in signed.tables.values():
        assert all((row.known or table.known) <= "2024-03" for row in table.rows.values())
    for key, made in signed.assumptions.items():
        entries = (made.values or {"": made}).values()
        assert all((entry.known or made.known) <= "2024-03" for entry in entries), key


def test_the_count_of_january_2024_is_marked_as_the_councils_own(signed):
    held = [key for key in signed.log()["key"] if key.endswith((" 2023", " 2024"))]
    assert sorted(held) == [f"published.{name}" for name in (
        "flows 2023", "new_plans 2023", "plans_by_age 2024", "plans_by_setting 2024")]
    assert signed.published("plans_by_setting").attrs["council_held"] == [2024]
    assert load_case("devon", as_known="2024-03").published("plans_by_setting").index[-1] == 2023


def test_spend_can_be_simulated_as_signed():
    study = Study(Parameters("devon", scenario="as_signed_2024", draws=200))
    spend = study.high_needs()
    assert spend["financial_year"].values[0] == "2023-24"
    assert study.ledger.tie.index[-1] == "2023-24"
    # tied to the council's own forecast of the year, that stands in for the outturn
    assert float(spend[:, 0].mean()) == pytest.approx(130.4 * MILLION, rel=1e-3)
    assert np.isfinite(spend).all()


def test_the_forecast_of_2023_24_is_the_overspend_on_one_basis(signed):
    block = signed.published("high_needs_block").loc["2023-24", "after"]
    places = signed.published("section_251_lines").loc["2021-22", "place_funding"]
    overspend = signed.published("monitoring").loc["2023-24", "month_10"]
    made = signed.published("section_251_forecast").loc["2023-24", "high_needs"]
    assert made == pytest.approx(block + overspend - places, abs=50_000)


def test_the_agreement_adds_up(signed):
    def of(key, year):
        return signed[f"safety_valve.{key}"].central_value(year)

    years = [f"{y}-{(y + 1) % 100:02d}" for y in range(2024, 2032)]
    paid = of("opening.dfe_money", "2023-24") + sum(of("agreement.payments", y) for y in years)
    assert paid == pytest.approx(of("agreement.total", None), abs=10)
    limits = [of("agreement.limits", y) / MILLION for y in years[:4]]
    stricter = [of("agreement.stricter_limits", y) / MILLION for y in years[:3]]
    assert limits == [31.2, 12, 0, 0] and stricter == [31.2, 0, 0]
    path = signed.published("plan_path")
    assert path.loc["2025-26", "gross"] - path.loc["2024-25", "gross"] == 12 * MILLION
    # the council's money in the Department's table: what the gross path holds and it does not
    planned = sum(of("contributions", y) for y in years[:2])
    before = of("opening.council_money", "2023-24")
    gap = path.loc["2025-26", "gross"] - path.loc["2025-26", "after_council"]
    assert before + planned == pytest.approx(gap, abs=0.2 * MILLION)


def test_the_opening_of_march_2025_lies_where_the_sources_do():
    case = load_case("devon")
    opening = case["safety_valve.opening.balance"].at("2024-25")
    assert (opening.low, opening.high) == (130 * MILLION, 169 * MILLION)
    money = sum(case[f"safety_valve.opening.{name}_money"].central_value("2024-25")
                for name in ("council", "dfe"))
    gross = (163 + 51.6) * MILLION
    assert opening.central == pytest.approx(gross - money, abs=2 * MILLION)


def test_the_grant_and_the_later_override_were_not_known(signed):
    assert signed["safety_valve.override.ends"].central_value() == 2026
    assert load_case("devon")["safety_valve.override.ends"].central_value() == 2028
    assert "safety_valve.stability_grant.share" not in signed
    assert "safety_valve.usable_reserves" not in signed


def test_the_case_as_pinned_is_the_case_as_it_stands():
    pinned = load_case("devon", scenario="now_2026").resolved
    assert pinned.pop("as_known") == "2026-06"
    assert pinned == load_case("devon").resolved


def test_the_strands_share_out_the_programme_and_are_called_invented():
    case = load_case("devon")
    shares = [case[f"safety_valve.measures.{name}.share_of_programme"] for name in case.measures]
    assert len(shares) == 7 and sum(s.central for s in shares) == pytest.approx(1)
    assert {s.quality for s in shares} == {"illustrative"}


def test_the_worked_measures_are_one_of_each_physical_kind():
    case = load_case("devon", scenario="worked_measures")
    kinds = [made.kind for made in case.measures.values()]
    assert sorted(kinds) == sorted(set(KINDS) - {"cash_profile", "market"})
    for name in case.measures:
        assert case[f"safety_valve.measures.{name}.size"].quality == "illustrative"
