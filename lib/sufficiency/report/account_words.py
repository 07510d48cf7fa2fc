"""Sentences on the high needs account: what its datasets say, in a finance officer's words.

Datasets are those of `safety_valve.account` and `schedules`, GBP over (draw, financial_year).
"""

import numpy as np
import pandas as pd

from sufficiency.report import tables
from sufficiency.report.positions import SCHEDULES, march
from sufficiency.report.words import MINUS, listed, money, number, percent, signed, span

MOVED = {
    "volume": "Number of children", "mix": "Mix of settings", "price": "Price of places",
    "other services": "Other services", "grant and income": "Income and grant",
    "opening balance": "Opening balance", "timing": "Council and agreement money",
    "savings": "Savings",
}  # fmt: skip
HIGH_NEEDS = "high needs"


def limits(limit):
    """Each year's limit in words: no more than £31.2m over in 2024-25, balance from 2026-27."""
    level = limit.mean("draw").to_series().dropna()
    over, level = level[level > 0], level[level <= 0]
    said = [f"{money(x)} in {year}" for year, x in over.items()]
    said = [f"overspends of at most {listed(said)}"] if said else []
    return listed(said + ([f"in-year balance from {level.index[0]}"] if len(level) else []))


def record(table):
    """What high needs programmes reported, in the rows of `positions.record`."""
    known = table[table["Share delivered"].notna() & (table["Scope"] == HIGH_NEEDS)]
    return listed([f"{who.replace(', high needs,', ' in')} {percent(share / 100, 0)} ({stage})"
                   for who, share, stage in zip(
                       known["Programme"], known["Share delivered"], known["Stage"], strict=True)])


def rows(frame):
    """Rows of `positions.limit_rows` in words, £m."""
    return "; ".join(f"{year} {span(row['low'] * 1e6, row['high'] * 1e6)} against "
                     f"{money(row['Limit'] * 1e6)}" for year, row in frame.iterrows())


def crosses(reported, frame):
    """Later forecasts of the council as `outlook.dots` notes: {year: {month: GBP}}, in order."""
    return [(year, value / 1e6, f"{value / 1e6:.1f} (month {month})")
            for year, found in reported.items() if year in frame.index
            for month, value in found.items()]


def reported(found, in_year):
    """Where each later forecast of a year falls in its range: a sentence a year."""
    for year, months in found.items():
        if year in in_year["financial_year"]:
            draws = in_year.sel(financial_year=year).values
            said = [f"{money(value)} at month {month} (above {percent(np.mean(draws < value), 0)} "
                    "of the worlds)" for month, value in months.items()]
            yield f"The council later forecast for {year}: {listed(said)}."


def exposure(position, end, reserves):
    """What falls on the general fund to a year's end, and on the 1 April after, if it comes."""
    to_date = position[["contributions", "interest"]].sel(financial_year=slice(None, end))
    parts = {name: float(to_date[name].sum("financial_year").mean()) for name in to_date}
    said = (f"**The general fund carries {money(parts['contributions'])} of contributions and "
            f"{money(parts['interest'])} of interest by {march(end)}")
    due = position["charged_at_end"]
    when = due["financial_year"].values[(due.mean("draw") > 0).values]
    if len(when):
        amount = float(due.sel(financial_year=when[0]).mean())
        said += (f", and {money(amount)} falls due on 1 April {when[0][:4]} if the override ends "
                 "as the law stands")
    known = "not in the case" if reserves is None else money(float(np.mean(reserves)))
    return f"{said}.** Usable reserves: {known}."


def schedule_title(deficit, end):
    """The span of what schedules leave at a year's end."""
    left = deficit.sel(financial_year=end).mean("draw").to_series()
    return (f"By {march(end)} the deficit left is {span(left.min(), left.max())}, "
            "by who pays what")


def schedule_ends(deficit, end):
    """What each schedule leaves at a year's end."""
    left = deficit.sel(financial_year=end).mean("draw").to_series()
    return f"At {march(end)}: " + "; ".join(
        f"{SCHEDULES[name]} {money(value)}" for name, value in left.items()) + "."


def at_risk(suspended):
    """Payments of the agreement that stop: (draw, financial_year), GBP; None if none is due."""
    total = suspended.sum("financial_year")
    if not float(total.mean()):
        return None
    return (f"On the agreement's own terms, payments of {money(float(total.mean()))} are expected "
            f"to be stopped; in {percent(float((total > 0).mean()), 0)} of worlds at least one is.")


def bases(opening):
    """What the reconciliation leaves open, for the note under it."""
    mean = opening.mean("draw", skipna=False).to_series()
    if np.isnan(mean["all_blocks"]):
        return "Section 251 line 1.9.3 is not published for this date: left blank."
    other = "other blocks' balances, not known, are in it" if np.isnan(mean["other_blocks"]) else \
        "after other blocks' balances"  # fmt: skip
    return f"Unreconciled {money(mean['unreconciled'])}: {other}."


def nowcast(table, position, year):
    """What a monitoring position does to the forecast of its year and to delivery."""
    wide = table.set_index(["quantity", "stage"])["mean"]
    before, after = (wide["in-year forecast", stage] for stage in ("prior", "posterior"))
    share = [percent(wide["delivery", stage], 0) for stage in ("prior", "posterior")]
    return (f"The council's forecast of {year} at month {position.month} was "
            f"{money(position.in_year_forecast)}; ours moves from {money(before)} to "
            f"{money(after)}, and the share of the year's planned saving that is delivered from "
            f"{share[0]} to {share[1]}. All figures of this page are after it.")


def moved_bars(bars):
    """Bars of `movement.movement` for `charts.bridge`: label: GBP million, ends first and last."""
    steps = bars.drop(["earlier", "now"]).rename(MOVED)
    steps = steps[steps.abs() >= 50_000]
    found = pd.concat([bars[["earlier"]].set_axis(["Then"]), steps,
                       bars[["now"]].set_axis(["Now"])])
    return found / 1e6


def moved(bars, end):
    """The largest cause of a movement, for a title."""
    steps = bars.drop(["earlier", "now"])
    top = steps.abs().idxmax()
    return (f"{signed(bars['now'] - bars['earlier'])} since then at {march(end)}: "
            f"{MOVED[top].lower()} most, {signed(steps[top])}")


def tenths(millions):
    """Millions of pounds to a tenth: £0.5m."""
    return f"£{number(abs(millions), 1)}m" if millions >= 0 else f"{MINUS}£{number(-millions, 1)}m"


def moved_ends(bars):
    """A movement in words."""
    steps = moved_bars(bars)
    return f"A bridge from {money(bars['earlier'])} to {money(bars['now'])}: " + "; ".join(
        f"{name.lower()} {signed(value, tenths)}" for name, value in steps.iloc[1:-1].items()) + "."


def fans(named, year):
    """What two fans of a deficit reach, {heading: (draw, financial_year)}."""
    ends = {heading: tables.quantiles(draws.sel(financial_year=year), [0.1, 0.9])
            for heading, draws in named.items()}
    parts = [f"{heading.lower()}, {span(*found)}" for heading, found in ends.items()]
    return f"By {march(year)}: {listed(parts)}."

