"""Sentences on the account: known datasets in, the words a finance officer would write out."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sufficiency.report import account_words as said
from sufficiency.report import views

YEARS = ["2025-26", "2026-27", "2027-28"]


def yearly(*worlds):
    """(draw, financial_year) in GBP from £m."""
    return xr.DataArray(np.array(worlds) * 1e6, dims=("draw", "financial_year"),
                        coords={"financial_year": YEARS[: len(worlds[0])]})  # fmt: skip


def test_limits_and_the_chance_that_they_hold():
    assert said.limits(yearly([12, 0, 0])) == \
        "overspends of at most £12.0m in 2025-26 and in-year balance from 2026-27"  # fmt: skip
    both = said.limits(yearly([31.2, 12, 0]))
    assert both == ("overspends of at most £31.2m in 2025-26 and £12.0m in 2026-27, and in-year "
                    "balance from 2027-28")  # fmt: skip
    assert said.limits(yearly([0, 0, 0])) == "in-year balance from 2025-26"
    assert "**The chance that the plan holds is 1 in 10**, and 3 in 10 if" in \
        said.holds(yearly([12, 0, 0]), 0.1, 0.3)  # fmt: skip
    assert "less than 1 in 100**, and no more if" in said.holds(yearly([12, 0, 0]), 0, 0)


def test_a_share_of_the_plan_is_said_as_times_when_it_is_far():
    assert [said.asked(share) for share in (0.83, 1.51, 46.04, np.nan)] == \
        ["83% of", "151% of", "46 times", "more than"]  # fmt: skip
    assert said.asked_line(1.51, "2026-27") == (151, "2026-27 needs 151%")
    assert said.asked_line(46, "2026-27") is None and said.asked_line(np.nan, "2026-27") is None


def test_the_record_keeps_outturn_apart_from_part_way():
    names = ["Bury, high needs, 2022-23", "Devon, high needs, 2022-23",
             "Devon, high needs, 2023-24", "Kent, all savings, 2022-23"]  # fmt: skip
    table = pd.DataFrame({"Programme": names, "Scope": ["high needs"] * 3 + ["general"],
                          "Stage": ["outturn", "month 10", "month 6", "outturn"],
                          "Share delivered": [88.0, 42, 52, 69]})  # fmt: skip
    assert said.record(table) == "Bury 88% at outturn; Devon 42% and 52% part-way"
    assert said.record(table[3:]) == "no high needs programme has reported a share"
    dots = pd.DataFrame({"One": [88, np.nan], "Other": [np.nan, 69]}, index=["Bury", "Kent"])
    assert said.points(dots) == "Bury 88%; Kent 69%"


@pytest.mark.parametrize(("last", "ends"), [
    (131.3, ", which grows to £131.3m a year later."), (50, ", which falls to £50.0m a year later.")
])  # fmt: skip
def test_what_the_grant_leaves(last, ends):
    text = said.grant(xr.DataArray([160e6, 170e6], dims="draw"), yearly([181, 68.4, last]),
                      "2026-27")  # fmt: skip
    assert text == ("**The stability grant, if paid, writes off £165.0m in 2026-27 of a deficit of "
                    "£181.0m, and leaves £16.0m; with the year's overspend it is £68.4m at "
                    f"31 March 2027**{ends}")  # fmt: skip


@pytest.mark.parametrize(("charged", "text"), [
    ([0, 0, 0], "£30.0m into the deficit and £9.0m of interest by 31 March 2028.**"),
    ([0, 60, 0], "£10.0m into the deficit and £5.0m of interest by 31 March 2026, and £60.0m on "
                 "1 April 2026 if the override then ends as the law stands.**"),
])  # fmt: skip
def test_exposure_stops_where_the_override_does(charged, text):
    money = {"contributions": [10, 10, 10], "interest": [5, 3, 1], "charged_at_end": charged,
             "general_fund": [40, 40 + charged[1], 40]}
    position = xr.Dataset({name: yearly(values) for name, values in money.items()})
    found = said.exposure(position, "2027-28", None)
    assert found == f"**The general fund pays {text} Usable reserves: not in the case."
    assert said.exposure(position, "2027-28", np.array([99e6])).endswith(
        "reserves: £99.0m; the chance that this uses them up is more than 99 in 100.")


def test_what_is_left_is_never_a_negative_deficit():
    deficit = xr.DataArray([[[296.5e6, -66_214, -4.8e6]]],
                           dims=("draw", "financial_year", "schedule"),
                           coords={"financial_year": ["2027-28"],
                                   "schedule": ["none", "override_end", "agreement"]})  # fmt: skip
    assert said.schedule_ends(deficit, "2027-28") == (
        "At 31 March 2028: No further money £296.5m; Override ends nothing; "
        "Safety Valve agreement a surplus of £4.8m.")  # fmt: skip
    assert said.schedule_title(deficit, "2027-28") == \
        "By 31 March 2028 the deficit left is nothing to £296.5m, by who pays what"  # fmt: skip
    some = deficit.isel(schedule=[0, 1]) + 130e6
    assert "left is £130m to £426m, by" in said.schedule_title(some, "2027-28")


def test_later_forecasts_are_placed_in_the_range():
    draws = yearly([40], [44], [48], [60])
    found = {"2025-26": {4: 38e6, 6: 45e6}, "2030-31": {4: 1e6}}
    assert said.reported(found, draws) == (
        "The council later forecast, for 2025-26, £38.0m at month 4 (above none of the worlds) "
        "and £45.0m at month 6 (above 50% of the worlds).")  # fmt: skip
    assert said.reported({}, draws) is None
    rows = pd.DataFrame({"low": [41.0], "high": [56.0], "Limit": [31.2]}, index=["2025-26"])
    notes = said.crosses(found, rows)
    assert notes == [("2025-26", 38, "M4 38.0"), ("2025-26", 45, "M6 45.0")]
    assert said.limits_alt(rows, notes).endswith("forecast: 2025-26 M4 38.0; 2025-26 M6 45.0.")
    assert "£41.0m to £56.0m against £31.2m." in said.limits_alt(rows, [])


def test_a_movement_says_since_when_and_keeps_its_small_causes():
    bars = pd.Series({"earlier": 230e6, "volume": 14e6, "mix": 30_000.0, "price": -20_000.0,
                      "grant and income": -112.71e6, "now": 131.3e6})  # fmt: skip
    found = said.moved_bars(bars)
    assert found.index.tolist() == ["Then", "Number of children", "Income and grant",
                                    "Smaller causes", "Now"]  # fmt: skip
    assert found.iloc[:-1].sum() == pytest.approx(found.iloc[-1])
    when = said.since("devon.as_signed_2024.forecast.csv", "as_signed_2024", "2024-03")
    assert said.moved(bars, when) == \
        "−£98.7m since March 2024, as signed: income and grant most, −£112.7m"  # fmt: skip
    assert said.moved_by(bars, "2027-28", when) == (
        "The deficit expected at 31 March 2028 is £131.3m, down £98.7m since March 2024, as "
        "signed.")  # fmt: skip
    assert said.since("kept.csv", "as_signed_2024", "2024-03") == "since the stored forecast"


def test_what_matters_most_is_said_by_its_swing():
    tornado = pd.DataFrame({"label": ["Share saved", "Fees"], "low": [81e6, 110e6],
                            "high": [137e6, 100e6], "central": [108e6] * 2})  # fmt: skip
    assert said.matter(tornado) == "share saved (a swing of £56m) and fees (£10m)"
    assert said.first(tornado) == "Widest range: share saved"
    assert said.widest(tornado).endswith(
        "is £108.0m; the widest range, £81m to £137m, is that of share saved.")


def test_what_was_invented_or_held_is_said():
    made, known = (pd.Series(x) for x in (["illustrative"] * 2, ["council", "judgement"]))
    assert said.flag(made, shares=True) == "illustrative split"
    assert said.flag(made, shares=False) == "illustrative measures" and not said.flag(known, True)
    assert "only the total stands" in said.split(made, said.SPLIT)
    assert said.split(known, "") == "What the measures rest on: council and judgement."
    table = pd.DataFrame()
    assert said.held(table, "2024-03") is None
    table.attrs["council_held"] = [2024]
    held = said.held(table, "2024-03")
    assert "January 2024 that the council held in March 2024" in held
    assert said.limits_of(said.SPLIT, held).count("\n") == 2 and held in said.limits_of("", held)


def test_a_nowcast_without_a_plan_says_no_share():
    class Position:
        month, in_year_forecast = 4, 53.3e6

    table = pd.DataFrame({"quantity": ["in-year forecast"] * 2 + ["delivery"] * 2,
                          "stage": ["prior", "posterior"] * 2,
                          "mean": [47e6, 50e6, 0.57, 0.52]})  # fmt: skip
    start = "The council's forecast of 2025-26 at month 4 was £53.3m: it moves ours from £47.0m " \
        "to £50.0m"  # fmt: skip
    end = ". All other figures here are after it."
    assert said.nowcast(table[:2], Position, "2025-26") == start + end
    assert said.nowcast(table, Position, "2025-26") == \
        f"{start}, and the share of the year's planned saving that comes from 57% to 52%{end}"


def test_assumptions_join_years_of_the_same_figures():
    rows = [("a.money 2025-26", 6e6, 17e6, 30e6), ("a.money 2026-27", 5e6, 8e6, 11e6),
            ("a.money 2027-28", 5e6, 8e6, 11e6), ("a.rate", -0.01, 0.0, 12_500.0)]  # fmt: skip
    log = pd.DataFrame(rows, columns=["key", "low", "central", "high"]).assign(
        label=["Money", "Money", "Money", "Rate"], unit=["GBP/year"] * 3 + ["ratio"],
        quality="judgement", source=["press"] * 3 + [None], note=None)
    frame = views.assumptions(log, ["a.money", "a.rate"])
    assert frame["Assumption"].tolist() == ["Money, 2025-26", "Money, 2026-27 to 2027-28", "Rate"]
    assert frame["Low"].tolist() == ["£6m", "£5m", "−0.01"]
    assert frame["High"].tolist() == ["£30m", "£11m", "12,500"]
    assert frame["Source"].tolist() == ["press", "as the row above", ""]
    assert frame["Unit"].tolist() == ["£ a year", "£ a year", "ratio"]
    certain = views.certain(log.assign(low=np.nan))
    assert certain["Value"].tolist() == ["£17m (2025-26), £8m (2026-27 to 2027-28)", "0"]
