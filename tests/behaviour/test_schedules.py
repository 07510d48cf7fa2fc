"""Funding schedules: dates, suspension, grant, override, and what the answers count."""

import functools

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from sufficiency.case import Assumption
from sufficiency.model.safety_valve import account, schedules
from sufficiency.model.safety_valve.schedules import Grant, Terms
from sufficiency.model.streams import Worlds

YEARS = tuple(f"{y}-{y - 1999}" for y in range(2024, 2031))
FINAL = "after_council_and_dfe"
UNIT = {"unit": "GBP", "known": "2024-03", "quality": "illustrative"}


def dated(values, **more):
    return Assumption(values=values, **{**UNIT, **more})


def made(in_year, opening=100e6, contributions=0.0, **more):
    """An account with this in-year position: (year,) or (draw, year) GBP."""
    in_year = np.atleast_2d(np.asarray(in_year, float))
    years = more.pop("years", YEARS)
    flows = {"spend": in_year, "place_funding": 0.0, "block_after": 0.0,
             "contributions": contributions}
    start = {"basis": FINAL, "balance": np.full(len(in_year), opening),
             "council_money": 0.0, "dfe_money": 0.0, **more}
    return account.run(flows, start, years)


def with_terms(**changes):
    year = np.zeros((1, len(YEARS)))
    return Terms(**{"years": YEARS, "payments": year, "limits": year + np.nan,
                    "stricter_limits": year + np.nan, "interest_rate": year + 0.04,
                    "suspend_over": np.full(1, np.inf), **changes})


GRANT = Grant(np.full(1, 0.9), "2025-26", "2026-27", np.zeros(1))
FULL = functools.partial(
    with_terms, grant=GRANT, payments=np.full((1, 7), 6e6), override_ends=np.full(1, 2028.0),
    central_from="2028-29")


def flow(found, name, schedule):
    return (found[name].sel(schedule=schedule).values / 1e6)[0].round(9).tolist()


def closing(found, schedule, basis=FINAL):
    return flow(found.assign(d=found["deficit"].sel(basis=basis)), "d", schedule)


def test_by_hand():
    """100 opening, 20 a year, 1 of council money and 6 of payments."""
    found = schedules.apply(made([20e6] * 7, contributions=1e6), FULL())
    assert closing(found, "none") == [119, 138, 157, 176, 195, 214, 233]
    assert closing(found, "agreement") == [113, 126, 139, 152, 165, 178, 191]
    # 90% of 126 at March 2026 is 113.4; no payment after it
    assert flow(found, "grant", "stability_grant") == [0, 0, 113.4, 0, 0, 0, 0]
    assert flow(found, "payments", "stability_grant") == [6, 6, 0, 0, 0, 0, 0]
    assert closing(found, "stability_grant") == [113, 126, 31.6, 50.6, 69.6, 88.6, 107.6]
    # On 1 April 2028 50.6 falls due, then 19 a year
    assert closing(found, "override_end") == [113, 126, 31.6, 50.6, 0, 0, 0]
    assert flow(found, "charged_at_end", "override_end") == [0, 0, 0, 0, 50.6, 0, 0]
    assert flow(found, "charged", "override_end") == [0, 0, 0, 0, 69.6, 19, 19]
    # From 2028-29 the 20 are met centrally; what was there stays, less the council's 1
    assert flow(found, "met_centrally", "central_funding") == [0, 0, 0, 0, 20, 20, 20]
    assert closing(found, "central_funding") == [113, 126, 31.6, 50.6, 49.6, 48.6, 47.6]
    assert flow(found, "charged", "central_funding") == [0] * 7


def test_bases_differ_by_whose_money_it_is():
    found = schedules.apply(made([20e6] * 7, contributions=1e6), FULL())
    for schedule in found["schedule"].values:
        assert closing(found, schedule, "gross") == [120, 140, 160, 180, 200, 220, 240]
    assert closing(found, "override_end", "after_council") == [119, 138, 157, 176, 125.4, 125.4,
                                                               125.4]


def test_interest_is_the_general_funds():
    """4% of the mean of 100 and 119; it is in no deficit."""
    found = schedules.apply(made([20e6] * 7, contributions=1e6), FULL())
    assert flow(found, "interest", "none")[0] == round(0.04 * 109.5, 9)
    assert flow(found, "general_fund", "override_end")[4] == 1 + 69.6
    free = schedules.apply(made([20e6] * 7, contributions=1e6),
                           FULL(interest_rate=np.zeros((1, 7))))
    assert free["deficit"].equals(found["deficit"])


@pytest.mark.parametrize("moved", range(1, 6))
def test_schedules_switch_on_their_dates(moved):
    """Each date moved by some years moves its own event, and nothing before it."""
    account, late = made([20e6] * 7), list(range(moved, 7))
    grant = Grant(np.full(1, 0.9), YEARS[moved - 1], YEARS[moved], np.zeros(1))
    for schedule, name, terms, on in (
            ("stability_grant", "grant", {"grant": grant}, [moved]),
            ("override_end", "charged", {"override_ends": np.full(1, 2024.0 + moved)}, late),
            ("override_end", "charged_at_end", {"override_ends": np.full(1, 2024.0 + moved)},
             [moved]),
            ("central_funding", "met_centrally", {"central_from": YEARS[moved]}, late)):
        found = schedules.apply(account, with_terms(payments=np.full((1, 7), 6e6), **terms))
        assert closing(found, schedule)[:moved] == closing(found, "agreement")[:moved]
        assert np.flatnonzero(flow(found, name, schedule)).tolist() == on
    paid = schedules.apply(account, FULL(grant=grant))["payments"].sel(schedule="stability_grant")
    assert np.flatnonzero(paid[0]).tolist() == list(range(moved))


def test_grant_on_the_lowest_figure_less_what_is_ineligible():
    """At March 2026 140; 1.9.3 is 10 lower, or 10 higher; 4 is ineligible; never below 0."""
    def paid(ineligible=0.0, **more):
        terms = with_terms(grant=Grant(np.full(1, 0.9), "2025-26", "2026-27",
                                       np.full(1, ineligible)))
        return flow(schedules.apply(made([20e6] * 7, **more), terms), "grant",
                    "stability_grant")[2]

    assert paid() == 126
    assert paid(line_1_9_3=90e6) == 117
    assert paid(line_1_9_3=110e6) == 126
    # The 10 are explained by other blocks: nothing is unreconciled
    assert paid(line_1_9_3=90e6, other_blocks=-10e6) == 126
    assert paid(ineligible=4e6) == round(0.9 * 136, 9)
    assert paid(ineligible=500e6) == 0


def test_grant_on_the_opening_balance_and_dates_it_refuses():
    years = YEARS[2:]
    terms = with_terms(years=years, grant=GRANT, payments=np.full((1, 5), 6e6),
                       interest_rate=np.zeros((1, 5)), limits=np.full((1, 5), np.nan))
    found = schedules.apply(made([20e6] * 5, years=years), terms)
    assert closing(found, "stability_grant")[0] == 30
    assert not found["payments"].sel(schedule="stability_grant").any()
    for grant, words in ((Grant(np.ones(1), "2026-27", "2026-27", np.zeros(1)), "allowed a year"),
                         (Grant(np.ones(1), "2023-24", "2026-27", np.zeros(1)),
                          "found 2023-24; allowed the opening year or later, 2025-26")):
        with pytest.raises(ValueError, match=words):
            schedules.apply(made([20e6] * 5, years=years),
                            with_terms(years=years, grant=grant,
                                       interest_rate=np.zeros((1, 5)), payments=np.zeros((1, 5)),
                                       limits=np.full((1, 5), np.nan)))


def test_later_payments_are_a_switch():
    grant = Grant(np.full(1, 0.9), "2025-26", "2026-27", np.zeros(1), later_payments=True)
    found = schedules.apply(made([20e6] * 7), FULL(grant=grant))
    assert flow(found, "payments", "stability_grant") == [6] * 7


def test_legacy_may_fall_due_under_central_funding():
    found = schedules.apply(made([20e6] * 7), FULL(legacy_charged=True))
    assert flow(found, "charged", "central_funding") == [0, 0, 0, 0, 52.8, 0, 0]
    assert closing(found, "central_funding")[4:] == [0, 0, 0]


LIMITS = np.array([[31e6, 12e6, 0, 0, 0, 0, 0]])


def test_a_suspended_payment_moves_exactly_itself():
    """Over the limit by more than 2m in the second year only: that payment comes a year later."""
    terms = with_terms(payments=np.array([[6.1e6, 6.2e6, 6.3e6, 6.4e6, 0, 0, 0]]), limits=LIMITS,
                       suspend_over=np.full(1, 2e6), back_paid_after=np.ones(1))
    kept = schedules.apply(made([32e6, 14e6, 0, 0, 0, 0, 0]), terms)
    assert flow(kept, "payments", "agreement") == [6.1, 6.2, 6.3, 6.4, 0, 0, 0]
    stopped = schedules.apply(made([32e6, 14.01e6, 0, 0, 0, 0, 0]), terms)
    assert flow(stopped, "payments", "agreement") == [6.1, 0, 12.5, 6.4, 0, 0, 0]
    assert flow(stopped, "suspended", "agreement") == [0, 6.2, 0, 0, 0, 0, 0]
    moved = np.subtract(closing(stopped, "agreement"), closing(kept, "agreement"))
    np.testing.assert_allclose(moved, [0, 6.21, 0.01, 0.01, 0.01, 0.01, 0.01], atol=1e-9)
    none = stopped["deficit"].sel(schedule="none") - kept["deficit"].sel(schedule="none")
    np.testing.assert_allclose(none.sel(basis=FINAL)[0] / 1e6, [0] + [0.01] * 6, atol=1e-9)


def test_back_paid_when_back_within_the_limit():
    terms = with_terms(payments=np.full((1, 7), 6e6), limits=LIMITS, suspend_over=np.zeros(1))
    found = schedules.apply(made([40e6, 20e6, 1e6, 0, 0, 0, 5e6]), terms)
    assert flow(found, "payments", "agreement") == [0, 0, 0, 24, 6, 6, 0]
    assert flow(found, "suspended", "agreement") == [6, 6, 6, 0, 0, 0, 6]


def test_no_limit_no_suspension():
    terms = with_terms(payments=np.full((1, 7), 6e6), suspend_over=np.zeros(1))
    assert flow(schedules.apply(made([900e6] * 7), terms), "payments", "agreement") == [6] * 7


def pennies(values):
    return np.rint(np.asarray(values) * 100).astype(np.int64)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans(), st.booleans())
def test_identities_hold_to_the_penny_in_each_draw(seed, later, legacy, after):
    rng = np.random.default_rng(seed)
    draws, shape = 30, (30, len(YEARS))
    grant = Grant(rng.uniform(0, 1, draws), "2025-26", "2026-27", rng.uniform(0, 5e7, draws), later)
    limits = np.where(rng.random(shape) < 0.3, np.nan, rng.normal(1e7, 2e7, shape))
    terms = with_terms(
        grant=grant, payments=rng.uniform(0, 9e6, shape), limits=limits, legacy_charged=legacy,
        interest_rate=rng.uniform(0, 0.1, shape), suspend_over=rng.uniform(0, 1e7, draws),
        back_paid_after=rng.integers(1, 4, draws).astype(float) if after else None,
        override_ends=rng.integers(2026, 2029, draws).astype(float), central_from="2028-29")
    start = made(rng.normal(1e7, 4e7, shape), rng.normal(1e8, 1e8),
                 rng.uniform(0, 5e6, shape), line_1_9_3=rng.normal(1e8, 2e7))
    found = schedules.apply(start, terms)
    p = {name: pennies(found[name]) for name in schedules.FLOWS}
    own = {name: pennies(start[name])[..., None] for name in ("in_year", "contributions")}
    dfe = p["payments"] + p["grant"] + p["met_centrally"]
    council = own["contributions"] + p["charged"]
    for basis, taken in (("gross", 0), ("after_council", council), (FINAL, council + dfe),
                         ("all_blocks", council + dfe)):
        end = pennies(found["deficit"].sel(basis=basis))
        opening = pennies(start["opening"].sel(line=basis))[:, None, None]
        opening = np.concatenate([np.broadcast_to(opening, (draws, 1, 5)), end[:, :-1]], 1)
        assert (end == opening + own["in_year"] - taken).all()
    # A payment is received, or still waiting: never more, never less
    waiting = np.cumsum(p["suspended"] - p["back_paid"], 1)
    assert (waiting >= 0).all()
    assert (p["payments"] == p["payments_due"] - p["suspended"] + p["back_paid"]).all()
    assert ((p["suspended"] == 0) | (p["suspended"] == p["payments_due"])).all()
    assert (p["general_fund"] == own["contributions"] + p["interest"] + p["charged"]).all()
    assert min(p[name].min() for name in schedules.FLOWS) >= 0
    # None is an account without money, as `account.run` closes it
    assert found["deficit"].sel(schedule="none", drop=True).equals(
        start["deficit"].transpose(*found["deficit"].sel(schedule="none").dims))
    # Once the override has ended no deficit is left
    ended = np.array([int(y[:4]) for y in YEARS]) >= terms.override_ends[:, None]
    charged = found["deficit"].sel(schedule="override_end", basis=FINAL).values
    assert (charged[ended] <= 0).all()


class SmallCase:
    """What Devon's case says, as assumptions, plain leaves and a published block."""

    def __init__(self, known_by="", without=(), **changes):
        part = "safety_valve."
        flat = {
            "opening.balance": dated({"2023-24": 115e6}), "opening.council_money": dated(
                {"2023-24": 10e6}), "opening.dfe_money": dated({"2023-24": 38e6}),
            "income.block_growth": dated({"2024-25": 0.03, "2025-26": 0.05}, carry="last",
                                         unit="share/year"),
            "income.recouped_growth": Assumption(central=0.1), "interest_rate": Assumption(
                central=0.04), "contributions": dated({"2024-25": 5e6, "2025-26": 5e6}),
            "agreement.limits": dated({"2024-25": 31.2e6, "2025-26": 12e6}),
            "agreement.stricter_limits": dated({"2025-26": 0}),
            "agreement.payments": dated({y: 6.3e6 for y in YEARS}),
            "agreement.suspension.over": Assumption(central=10e6),
            "agreement.suspension.back_paid_after": Assumption(central=1),
            "stability_grant.share": Assumption(central=0.9),
            "stability_grant.ineligible": Assumption(central=0),
            "override.ends": Assumption(central=2028), **changes}
        self.assumptions = {part + k: v for k, v in flat.items() if not k.startswith(without)}
        self.known_by = known_by
        self.plain = {
            "opening.year": "2023-24", "opening.basis": FINAL, "income.basis": "after_deductions",
            "agreement": {"balance_from": "2026-27"}, "override": {"ends": {}},
            "stability_grant": {"known": "2026-02", "deficit_at": "2025-26", "paid_in": "2026-27"},
            "central_funding": {"known": "2025-11", "from": "2028-29"}}
        self.tables = {"high_needs_block": pd.DataFrame(
            {"before": [100.5e6, 112.9e6], "after": [89.7e6, 100.9e6]},
            index=["2022-23", "2023-24"])}
        self.tables["deficit_1_9_3"] = pd.DataFrame({"deficit": [111.5]}, index=["2023-24"])
        self.tables["deficit_1_9_3"].attrs = {"unit": "GBP million"}

    def __contains__(self, key):
        return key in self.assumptions

    def __getitem__(self, key):
        return self.assumptions[key]

    def value(self, key, default=None):
        return self.plain.get(key.removeprefix("safety_valve."), default)

    def published(self, name, default=None):
        return self.tables.get(name, default)

    def terms(self, draws=3):
        return schedules.terms(self, Worlds(self.assumptions, 1, draws), YEARS)


def test_terms_of_a_case():
    terms = SmallCase().terms()
    assert terms.schedules == ("none", "agreement", "stability_grant", "override_end",
                               "central_funding")
    assert terms.limits[0].tolist() == [31.2e6, 12e6, 0, 0, 0, 0, 0]
    assert terms.stricter_limits[0].tolist() == [31.2e6, 0, 0, 0, 0, 0, 0]
    assert terms.usable_reserves is None
    assert terms.grant.share.shape == (3,)


@pytest.mark.parametrize(("known_by", "left"), [
    ("2024-03", ("none", "agreement", "override_end")),
    ("2025-11", ("none", "agreement", "override_end", "central_funding")),
    ("2026-02", tuple(schedules.PARTS))])
def test_what_was_not_known_yet_is_left_out(known_by, left):
    terms = SmallCase(known_by).terms(1)
    assert terms.schedules == left
    found = schedules.apply(made([20e6] * 7), terms)
    assert tuple(found["schedule"].values) == left
    assert ("stability_grant: known 2026-02" in found.attrs["left_out"]) == (
        "stability_grant" not in left)
    if "stability_grant" not in left:
        # Without a grant the agreement's payments go on
        assert flow(found, "payments", "override_end") == flow(found, "payments", "agreement")


def test_a_case_without_an_agreement_has_no_limits():
    terms = SmallCase(without="agreement").terms()
    assert "agreement" not in terms.schedules
    assert np.isnan(terms.limits).all()
    assert not terms.payments.any()


def test_a_missing_interest_rate_is_refused():
    with pytest.raises(ValueError, match=r"safety_valve.interest_rate: found nothing"):
        SmallCase(without="interest_rate").terms()


def test_income_grows_from_the_last_published_block():
    case = SmallCase()
    worlds = Worlds(case.assumptions, 1, 2)
    found = account.income(case, worlds, ("2023-24", *YEARS[:3]))
    block = 100.9 * np.array([1, 1.03, 1.03 * 1.05, 1.03 * 1.05**2])
    np.testing.assert_allclose(found["block_after"][0] / 1e6, block)
    assert found["contributions"][0].tolist() == [0, 5e6, 5e6, 0]
    assert not found["import_export"].any()
    case.plain["income.basis"] = "before_deductions"
    found = account.income(case, worlds, YEARS[:1])
    np.testing.assert_allclose(found["recouped"][0] / 1e6, 12 * 1.1)
    np.testing.assert_allclose(found["block_before"][0] / 1e6, block[1] + 12 * 1.1)
    with pytest.raises(ValueError, match=r"found nothing for 2021-22; allowed 2022-23, 2023-24"):
        account.income(case, worlds, ("2021-22",))


def test_opening_of_a_case():
    case = SmallCase()
    worlds = Worlds(case.assumptions, 1, 2)
    lines = account.reconcile(account.opening(case, worlds))[0] / 1e6
    assert lines.sel(line=["gross", "unreconciled", "all_blocks"]).values.tolist() == [
        163, -3.5, 111.5]
    assert lines.sel(line="other_blocks").isnull()
    with pytest.raises(ValueError, match=r"opening.balance: found nothing for 2024-25"):
        account.opening(case, worlds, "2024-25")


def position(values):
    return xr.DataArray(np.atleast_2d(values), dims=("draw", "financial_year"))


def test_chances_by_hand():
    in_year = position([[30, 10], [32, -1], [40, 5], [31.2, 0]])
    limits = position([[31.2, 0]] * 4)
    found = schedules.chance_over(in_year, limits)
    assert found["chance"].values.tolist() == [0.5, 0.5]
    np.testing.assert_allclose(found["error"], 0.25)
    assert schedules.plan_holds(in_year, limits)["chance"] == 0.25
    assert schedules.chance_over(in_year, 31.2)["chance"].values.tolist() == [0.5, 0]
    blank = limits.where(limits > 0)
    assert schedules.chance_over(in_year, blank)["chance"].isnull().values.tolist() == [False, True]
    assert schedules.plan_holds(in_year, blank)["chance"] == 0.5
    assert schedules.plan_holds(in_year, blank * np.nan)["chance"].isnull()
    short = schedules.expected_shortfall(in_year, limits)
    np.testing.assert_allclose(short["mean"], [(0.8 + 8.8) / 4, 15 / 4])
    np.testing.assert_allclose(short["when_over"], [4.8, 7.5])


def test_chance_over_a_normal_position():
    draws = np.random.default_rng(4).normal(40e6, 6e6, (20_000, 1))
    found = schedules.chance_over(position(draws), 31.2e6)
    expected = 0.928728  # Phi(8.8 / 6)
    assert abs(found["chance"].item() - expected) < 4 * found["error"].item()
    short = schedules.expected_shortfall(position(draws), 40e6)
    assert abs(short["mean"].item() - 6e6 / np.sqrt(2 * np.pi)) < 4 * short["error"].item()


def test_stricter_limits_are_never_kept_more_often():
    in_year = position(np.random.default_rng(5).normal(10e6, 9e6, (500, 7)))
    terms = SmallCase().terms(500)
    kept = [schedules.plan_holds(in_year - 1.5e7, limits)["chance"].item()
            for limits in (terms.limits, terms.stricter_limits)]
    assert 0 < kept[1] <= kept[0]


def test_delivery_and_saving_the_plan_needs():
    in_year, limits = position([[40, 30, 8, 9], [50, 30, 8, 9]]), position([[31, 12, 10, np.nan]])
    planned = position([[20, 0, 4, 4], [24, 0, 4, 4]])
    required = schedules.saving_required(in_year, limits[0])
    np.testing.assert_array_equal(required, [14, 18, 0, np.nan])
    found = schedules.delivery_needed(in_year, limits[0], planned)
    np.testing.assert_allclose(found["delivery"], [14 / 22, np.nan, 0, np.nan])
    assert found["reason"].values.tolist() == ["", "no saving is planned", "", "no limit"]
    draws = position(np.random.default_rng(6).normal(40, 6, (4000, 1)))
    often = schedules.saving_required(draws, 31.0, 0.8).item()
    kept = 1 - schedules.chance_over(draws - often, 31.0)["chance"].item()
    assert abs(kept - 0.8) < 1 / 4000


def test_exposure():
    terms = FULL(payments=np.full((2, 7), 6e6), limits=np.repeat(LIMITS, 2, 0),
                 suspend_over=np.zeros(2), interest_rate=np.zeros((2, 7)),
                 grant=Grant(np.full(2, 0.9), "2025-26", "2026-27", np.zeros(2)),
                 override_ends=np.full(2, 2028.0))
    start = made([[20e6] * 7, [40e6] * 7], contributions=1e6)
    found = schedules.apply(start, terms)
    fund = schedules.exposure(found, np.full(2, 100e6)).sel(schedule="override_end")
    by_hand = found["general_fund"].sel(schedule="override_end").values.cumsum(1)
    np.testing.assert_allclose(fund["to_date"], by_hand)
    np.testing.assert_allclose(fund["chance"], (by_hand > 100e6).mean(0))
    np.testing.assert_allclose(fund["reserves_left"], 100e6 - by_hand)
    unknown = schedules.exposure(found)
    assert unknown["chance"].isnull().all()
    assert unknown["reserves_left"].isnull().all()
    assert unknown["to_date"].equals(schedules.exposure(found, np.full(2, 1.0))["to_date"])


def test_an_account_of_other_years_or_with_its_own_money_is_refused():
    with pytest.raises(ValueError, match="found terms for 2024-25"):
        schedules.apply(made([1e6], years=["2024-25"]), FULL())
    flows = {"spend": np.full((1, 7), 1e6), "place_funding": 0, "block_after": 0, "grant": 1e6}
    start = {"basis": FINAL, "balance": np.zeros(1)}
    with pytest.raises(ValueError, match="found payments or grant in the account"):
        schedules.apply(account.run(flows, start, YEARS), FULL())
