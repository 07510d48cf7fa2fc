"""Sentences on the high needs account: what its datasets say, in a finance officer's words.

Datasets are those of `safety_valve.account` and `schedules`, GBP over (draw, financial_year).
"""

from calendar import month_name

import numpy as np
import pandas as pd

from sufficiency.model.safety_valve import schedules
from sufficiency.report import tables
from sufficiency.report.positions import SCHEDULES, march
from sufficiency.report.words import MINUS, chance, listed, money, number, percent, signed, span

MOVED = {
    "volume": "Number of children", "mix": "Mix of settings", "price": "Price of places",
    "other services": "Other services", "grant and income": "Income and grant",
    "opening balance": "Opening balance", "timing": "Council and agreement money",
    "savings": "Savings",
}  # fmt: skip
HIGH_NEEDS = "high needs"
SPLIT, INVENTED = "illustrative split", "illustrative measures"
# Beyond three times what is planned, a share is said as times and not drawn
FAR = 3.0
# A mean that prints as £0.1m or less is what rounding and a few worlds leave
NOTHING = 100_000
ON = {
    "none": "with no further money", "agreement": "with the Safety Valve agreement's payments",
    "stability_grant": "if the High Needs Stability Grant is paid",
    "override_end": "if the override ends as the law stands",
    "central_funding": "if the stability grant is paid and central funding follows",
}  # fmt: skip


def basis(schedule):
    """The basis of a headline deficit: whose money is in it, and what it rests on."""
    return f"after council and DfE money, {ON[schedule]}"


def holds(limit, foreseen, in_full):
    """The chance that every limit is kept, with delivery as foreseen and with all of it."""
    said = [chance(foreseen), chance(in_full)]
    also = "no more" if said[0] == said[1] else said[1]
    return (f"**The chance that the plan holds is {said[0]}**, and {also} if every saving came in "
            f"full and on time. It asks for {limits(limit)}.")


def asked(share):
    """A share of the savings planned, before what it is of: 151% of, 46 times, more than."""
    if not np.isfinite(share):
        return "more than"
    return f"{percent(share, 0)} of" if share <= FAR else f"{number(share)} times"


def asked_line(share, year):
    """The share as the line of `outlook.dots`; none where it would be off the page."""
    here = np.isfinite(share) and share <= FAR
    return (100 * share, f"{year} needs {percent(share, 0)}") if here else None


def grant(money_in, left, paid_in):
    """What the stability grant leaves: money_in (draw,), left (draw, financial_year), GBP."""
    mean = left.mean("draw").to_series()
    at, written_off = list(mean.index).index(paid_in), float(money_in.mean())
    after = mean.index[at:][:2]
    said = f"**The stability grant, if paid, writes off {money(written_off)} in {paid_in}"
    if at:
        before = mean.iloc[at - 1]
        said += f" of a deficit of {money(before)}, and leaves {money(before - written_off)}"
    said += f"; with the year's overspend it is {money(mean[paid_in])} at {march(paid_in)}**"
    if len(after) < 2:
        return f"{said}."
    way = "grows" if mean[after[1]] > mean[paid_in] else "falls"
    return f"{said}, which {way} to {money(mean[after[1]])} a year later."


def matter(tornado, wanted=3):
    """The widest rows of a tornado (label, low, high; GBP) and their swings, as a list in words."""
    return listed([f"{_small(row.label)} ({'a swing of ' * (not place)}"
                   f"{money(abs(row.high - row.low), 1e6)})"
                   for place, row in enumerate(tornado.iloc[:wanted].itertuples())])


def _small(label):
    return label[:1].lower() + label[1:]


def flag(quality, shares):
    """What of the measures is invented, or nothing; shares: of one programme, itself the plan's."""
    if not (quality == "illustrative").any():
        return ""
    return SPLIT if shares else INVENTED


def split(quality, flagged):
    """What the measures rest on, in a sentence over their tables."""
    if flagged == SPLIT:
        return ("The council has not published what each strand is to save. The split below is "
                "**illustrative**: only the total stands on the plan.")
    if flagged == INVENTED:
        return "The measures below are **illustrative**: they and their sizes are invented."
    if not len(quality):
        return "The case has no measures: what is without savings is with them."
    return f"What the measures rest on: {listed(sorted(set(quality)))}."


def limits_of(flagged, held_then):
    """What a programme's figures cannot tell, as points of a list."""
    total = {SPLIT: "What each strand of the programme was to save was not published: the total "
             "is what the plan needed, worked out once on what was known in March 2024.",
             INVENTED: "The measures and their sizes are invented."}
    workbook = "The reform plan and management plan tables are in the workbook."
    found = (total.get(flagged), held_then, workbook)
    return "\n".join(f"* {text}" for text in found if text)


def month(known_by):
    """2024-03 -> March 2024."""
    year, number_of = known_by.split("-")[:2]
    return f"{month_name[int(number_of)]} {year}"


def held(table, known_by):
    """That counts of a published table (`Case.published`) were the council's own then, or None."""
    periods = table.attrs.get("council_held", [])
    if not periods or not known_by:
        return None
    return (f"The forecast as signed uses counts of plans of January {listed(map(str, periods))} "
            f"that the council held in {month(known_by)}; they were published later.")


def limits(limit):
    """Each year's limit in words: no more than £31.2m over in 2024-25, balance from 2026-27."""
    level = limit.mean("draw").to_series().dropna()
    over, level = level[level > 0], level[level <= 0]
    said = [f"{money(x)} in {year}" for year, x in over.items()]
    said = [f"overspends of at most {listed(said)}"] if said else []
    both = ", and " if len(over) > 1 else " and "
    return both.join(said + ([f"in-year balance from {level.index[0]}"] if len(level) else []))


def record(table):
    """What high needs programmes of `positions.record` reported, each by itself."""
    known = table[table["Share delivered"].notna() & (table["Scope"] == HIGH_NEEDS)]
    ended, parts = known["Stage"] == "outturn", []
    for some, form in ((known[ended], "{} at outturn"), (known[~ended], "{} part-way")):
        where = some["Programme"].astype(str).str.split(",").str[0]
        shares = some["Share delivered"].map(lambda share: percent(share / 100, 0))
        said = [f"{place} {listed(list(found))}"
                for place, found in shares.groupby(where, sort=False)]
        parts += [form.format(listed(said))] if said else []
    return "; ".join(parts) or "no high needs programme has reported a share"


def balance(year, required, share):
    """What in-year balance takes, and of a plan; share NaN: nothing is planned."""
    planned = f", {asked(share)} what is planned for that year" if np.isfinite(share) else \
        ": no measure is in the case"
    return f"**In-year balance in {year} takes savings of {money(required)}{planned}.**"


def points(dots):
    """Rows of `outlook.dots` in per cent, in words: each name and its share."""
    return "; ".join(f"{name} {percent(row.dropna().iloc[0] / 100, 0)}"
                     for name, row in dots.iterrows())


def rows(frame):
    """Rows of `positions.limit_rows` in words, £m."""
    return "; ".join(f"{year} {span(row['low'] * 1e6, row['high'] * 1e6)} against "
                     f"{money(row['Limit'] * 1e6)}" for year, row in frame.iterrows())


def crosses(reported, frame):
    """Later forecasts of the council as `outlook.dots` notes: {year: {month: GBP}}, in order."""
    return [(year, value / 1e6, f"M{month} {value / 1e6:.1f}")
            for year, found in reported.items() if year in frame.index
            for month, value in found.items()]


def limits_alt(frame, notes):
    """Rows of `positions.limit_rows` and the crosses on them, in words."""
    said = "A bar a year from the low to the high end of the range, its middle and the limit: " \
        f"{rows(frame)}."
    marks = [f"{year} {text}" for year, _, text in notes]
    return said + (f" Crosses, £ million, M for the month of the council's forecast: "
                   f"{'; '.join(marks)}." if marks else "")


def reported(found, in_year):
    """Where each later forecast of a year falls in its range, in one sentence; None without."""
    years = []
    for year, months in found.items():
        if year in in_year["financial_year"]:
            draws = in_year.sel(financial_year=year).values
            said = [f"{money(value)} at month {month} (above {_worlds(np.mean(draws < value))})"
                    for month, value in months.items()]
            years.append(f"for {year}, {listed(said)}")
    return f"The council later forecast, {'; '.join(years)}." if years else None


def _worlds(share):
    """10% of the worlds, none of them, all of them."""
    return {0: "none of the worlds", 1: "all of the worlds"}.get(
        share, f"{percent(share, 0)} of the worlds")


def exposure(position, end, reserves):
    """What falls on the general fund to a year's end, or until the override ends, and then."""
    due = position["charged_at_end"].mean("draw").to_series()
    years = list(due.index)
    at = next((place for place, amount in enumerate(due) if amount > 0), None)
    last = min(years.index(end), len(years) if not at else at - 1)
    to_date = position[["contributions", "interest"]].isel(financial_year=slice(0, last + 1))
    parts = {name: float(to_date[name].sum("financial_year").mean()) for name in to_date}
    said = (f"**The general fund pays {money(parts['contributions'])} into the deficit and "
            f"{money(parts['interest'])} of interest by {march(years[last])}")
    if at is not None:
        said += (f", and {money(due.iloc[at])} on 1 April {years[at][:4]} if the override then "
                 "ends as the law stands")
    if reserves is None:
        return f"{said}.** Usable reserves: not in the case."
    used = schedules.exposure(position, reserves)["chance"]
    used = float(used.isel(financial_year=last if at is None else at))
    return (f"{said}.** Usable reserves: {money(float(np.mean(reserves)))}; the chance that this "
            f"uses them up is {chance(used)}.")


def schedule_title(deficit, end):
    """The span of what schedules leave at a year's end."""
    left = deficit.sel(financial_year=end).mean("draw").to_series()
    least = left.min()
    ends = span(least, left.max()) if least >= NOTHING else f"nothing to {money(left.max())}"
    return f"By {march(end)} the deficit left is {ends}, by who pays what"


def schedule_ends(deficit, end):
    """What each schedule leaves at a year's end."""
    left = deficit.sel(financial_year=end).mean("draw").to_series()
    return f"At {march(end)}: " + "; ".join(
        f"{SCHEDULES[name]} {_left(value)}" for name, value in left.items()) + "."


def _left(value):
    """What is left of a deficit, GBP: an amount, nothing, or a surplus."""
    if abs(value) < NOTHING:
        return "nothing"
    return money(value) if value > 0 else f"a surplus of {money(-value)}"


def at_risk(suspended):
    """Payments of the agreement that stop: (draw, financial_year), GBP; None if none is due."""
    total = suspended.sum("financial_year")
    if not float(total.mean()):
        return None
    return (f"On the agreement's own terms, payments of {money(float(total.mean()))} are expected "
            f"to be stopped; in {percent(float((total > 0).mean()), 0)} of worlds at least one is.")


def bases(opening, year):
    """What the reconciliation of a 31 March leaves open, for the note under it."""
    mean = opening.mean("draw", skipna=False).to_series()
    if np.isnan(mean["all_blocks"]):
        return f"{march(year)}: line 1.9.3 is not published, so left blank."
    other = "with other blocks' balances, not known, in it" if np.isnan(mean["other_blocks"]) else \
        "after other blocks' balances"  # fmt: skip
    return f"{march(year)}: unreconciled {money(mean['unreconciled'])}, {other}."


def nowcast(table, position, year):
    """What a monitoring position does to the forecast of its year and to delivery."""
    wide = table.set_index(["quantity", "stage"])["mean"]
    before, after = (wide["in-year forecast", stage] for stage in ("prior", "posterior"))
    said = (f"The council's forecast of {year} at month {position.month} was "
            f"{money(position.in_year_forecast)}: it moves ours from {money(before)} to "
            f"{money(after)}")
    if ("delivery", "prior") in wide:
        was, now = (percent(wide["delivery", stage], 0) for stage in ("prior", "posterior"))
        said += f", and the share of the year's planned saving that comes from {was} to {now}"
    return f"{said}. All other figures here are after it."


def since(stored, scenario, known_by):
    """What a stored forecast is called: since March 2024, as signed."""
    if scenario and known_by and scenario in stored:
        return f"since {month(known_by)}, as signed"
    return "since the stored forecast"


def moved_bars(bars):
    """Bars of `movement.movement` for `charts.bridge`: label: GBP million, ends first and last."""
    steps = bars.drop(["earlier", "now"]).rename(MOVED)
    small = steps.abs() < 50_000
    rest = pd.Series({"Smaller causes": steps[small].sum()})
    found = pd.concat([bars[["earlier"]].set_axis(["Then"]), steps[~small], rest[rest != 0],
                       bars[["now"]].set_axis(["Now"])])
    return found / 1e6


def moved(bars, when):
    """The largest cause of a movement, for a title: -£98.7m since March 2024, as signed: ..."""
    steps = bars.drop(["earlier", "now"])
    top = steps.abs().idxmax()
    return (f"{signed(bars['now'] - bars['earlier'])} {when}: "
            f"{MOVED[top].lower()} most, {signed(steps[top])}")


def moved_by(bars, end, when):
    """How the stored forecast became the one now, in a sentence."""
    change = bars["now"] - bars["earlier"]
    return (f"The deficit expected at {march(end)} is {money(bars['now'])}, "
            f"{'up' if change > 0 else 'down'} {money(abs(change))} {when}.")


def widest(tornado):
    """The widest row of a tornado around the central result, in a sentence."""
    row = tornado.iloc[0]
    return (f"With every assumption at its central value the deficit is {money(row['central'])}; "
            f"the widest range, {span(*sorted((row['low'], row['high'])))}, is that of "
            f"{_small(row['label'])}.")


def first(tornado):
    """The widest row of a tornado, for a title."""
    return f"Widest range: {_small(tornado['label'].iloc[0])}"


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

