"""Sentences on when a route starts and what the law of the day says of it."""

import numpy as np

from sufficiency.case.procurement import FLAG
from sufficiency.report import tables
from sufficiency.report.account_words import month
from sufficiency.report.market_words import SAME, cost, lower, measured, pounds
from sufficiency.report.words import chance, listed, money, number

WAYS = {"recurring": "bought as now", "one_contract": "taken as one contract",
        "framework": "as a framework"}
FINDINGS = {"warning": "**Flag:** ", "blank": "", "rule": ""}


def advertised(notice):
    """What a notice says of a framework: value_ex_vat, value_inc_vat GBP, years, source."""
    return (f"Its notice put its value at {sterling(notice['value_ex_vat'])} excluding VAT, "
            f"{sterling(notice['value_inc_vat'])} including it, over {number(notice['years'])} "
            f"years ({notice['source']}).")


def start(late, record, deadline=None, missed=None):
    """How late the route is likely to start: late (draw,) months.

    deadline: {month: 2026-01, planned: when it was set}, or none; missed: the chance of that.
    record {name: {label, months_late}}: what comparable programmes ran late, each a point.
    """
    low, high = (float(x) for x in tables.quantiles(np.asarray(late, float), [0.1, 0.9]))
    said = "The start is expected as planned." if high < 0.5 else \
        f"The start is likely to be {_months(low, high)} late (8 chances in 10)."
    if deadline:
        seen = f"Seen from {month(deadline['planned'])}, the" if "planned" in deadline else "The"
        said = (f"**{seen} chance of missing {month(deadline['month'])} is {chance(missed)}.** "
                f"{said}")
    others = [f"{row['label']} ({number(row['months_late'])} months)" for row in record.values()]
    return said + (f" Others were late too: {listed(others)}." if others else "")


def delayed(label, change, error):
    """What opening a year late instead of in time does to the yearly cost: saving, its error."""
    late = "Opening a year late instead of in time"
    if not measured(change, error):
        return f"{late} makes {SAME} to the cost of {lower(label)}."
    return f"{late}, {lower(label)} would cost {cost(change, error)} a year."


def _months(low, high):
    low, high = round(low), round(high)
    return f"{high} months" if low == high else f"{low} to {high} months" if low else \
        f"up to {high} months"


def law(findings, kinds=tuple(FINDINGS)):
    """The legal position at the date, as points of a list: findings of `case.law`, warnings first.

    kinds: those that are wanted.
    """
    return "\n".join(dict.fromkeys(
        f"* {FINDINGS[kind]}{found.said.replace('Not seen: ', 'Not read: ')}"
        + f" ({found.source})" * bool(found.source)
        for kind in kinds for found in findings if found.kind == kind))


def aggregation(whole, threshold, when):
    """Like purchases together against the light touch threshold in force in a month.

    whole: `case.procurement.Aggregation`; threshold: law.Threshold. Sums tested are on its basis.
    """
    yearly, free = whole.spend.sum(), whole.spend[["user_choice", "court_ordered"]].sum()
    tests = whole.tests[whole.tests["category"] == threshold.category]
    tests = tests[tests["spend"] == tests["spend"].iloc[-1]]
    said = [f"{way}, {sterling(value)} over {years} is {'above' if reached else 'below'} it"
            for (value, years, reached), way in ways(tests).items()]
    part = sterling(free) if yearly < 1e7 else money(free, 1e5)
    chosen = f", {part} of it chosen by families or ordered by courts" if free else ""
    text = (f"These purchases come to {sterling(yearly)} a year excluding VAT{chosen}. The light "
            f"touch threshold in {month(when)} is {threshold.said}: {'; '.join(said)}.")
    if whole.conclusion != FLAG:
        return text
    if not tests["reached"].any():
        text += " It is above that of another class of services: which class these are decides."
    return (f"**Flag for legal advice.** {text} Whether they could reasonably be one contract is a "
            "question of law.")


def ways(tests):
    """How each sum was valued, in words: {(value, years, whether above): ways}."""
    found = {}
    for row in tests.itertuples():
        years = f"{number(row.years)} {'year' if row.years == 1 else 'years'}"
        found.setdefault((row.value, years, row.reached), []).append(WAYS[row.valuation])
    return {key: " or ".join(said) for key, said in found.items()}


def sterling(value):
    """GBP to the pound below ten million, else to a tenth of a million."""
    return f"£{number(value)}" if value < 1e7 else money(value, 1e5)


def challenge(exposure, route, reference, labels):
    """Exposure to challenge, {route: of `outcomes.exposure`}, which no saving here contains."""
    # Illustrative, so to one figure
    said = [f"{pounds(exposure[name]['expected'], exposure[name]['expected'] / 10)} a year on "
            f"{lower(labels[name])}"
            for name in (route, reference)]
    return ("The exposure to legal challenge is illustrative, and in no cost above: "
            f"{' and '.join(said)}. A claim, if it came, would cost about "
            f"{pounds(exposure[reference]['if_claimed'])}.")
