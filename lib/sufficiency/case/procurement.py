"""What the law by date says of a case: spend summed, a route's terms, a report's position.

Nothing here finds a breach: a sum or a term outside a rule is flagged for legal advice.
"""

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from math import ceil
from typing import NamedTuple

import pandas as pd

from sufficiency.case.law import Finding, gbp, in_print
from sufficiency.case.quantity import nearest

FLAG, BELOW = "flag for legal advice", "below the threshold"
CLASSES = ("light_touch", "sub_central")
JUSTIFICATIONS = ("user_choice", "court_ordered", "in_contract", "unjustified")
LISTS = ("closed_framework", "approved_list", "open_framework", "cascade", "joint")
# What the rules on a kind of route are about.
ABOUT = {
    **dict.fromkeys(("spot", "gated_spot", "fragmented"), ("direct_award",)),
    **dict.fromkeys(LISTS, ("term", "call_off", "competition", "contract")),
    **dict.fromkeys(("block", "block_with_extras"), ("contract",)),
    "dynamic_market": ("dynamic_market",), "in_house": (), "direct_payment": ("direct_payment",),
}


class Aggregation(NamedTuple):
    """Spend by justification, GBP a year; a row a test; flag or below; what to say."""

    spend: pd.Series
    tests: pd.DataFrame
    conclusion: str
    findings: list


def aggregation(law, day, lines, years=1, classes=CLASSES, vat=None, known_by=None):
    """Whether spend of one kind, summed, reaches the thresholds of a day -> Aggregation.

    lines: GBP a year excluding VAT, {justification: sum} or a table of columns `justification` and
    `gbp_a_year`. years: how long it would be bought. vat: rate as a share; None counts the standard
    rate. Each class is tested on each valuation of the regime, for spend nothing justifies and for
    all that no contract covers. Refuses negative sums and unknown justifications.
    """
    spend, rate = _by_justification(lines), law.vat.rate if vat is None else vat
    if not years > 0:
        raise ValueError(f"years: found {years}; allowed more than 0")
    if not 0 <= rate <= 1:
        raise ValueError(f"vat: found {vat}; allowed a share, 0 to 1, or None")
    parts = {"unjustified": spend["unjustified"]}
    if spend["user_choice"] or spend["court_ordered"]:
        parts["all outside contracts"] = spend.drop("in_contract").sum()
    values, rows = law.rules_on(day, ("value",), known_by), []
    for limit in (law.threshold(category, day, known_by) for category in classes):
        for name, rule in values:
            span = rule.value / 12 if rule.value else years
            for part, a_year in parts.items():
                value = round(a_year * span * (1 + rate * bool(limit.inc_vat)), 2)
                rows.append((limit.category, name.removeprefix("value_"), part, span, value,
                             limit.value, limit.inc_vat, value >= limit.value, limit.said,
                             limit.source))
    tests = pd.DataFrame(rows, columns=["category", "valuation", "spend", "years", "value",
                                        "threshold", "inc_vat", "reached", "said", "source"])
    found = [Finding(
        f"{gbp(row.value)}, {row.spend} ({row.valuation.replace('_', ' ')}, {row.years:g} "
        f"{'year' if row.years == 1 else 'years'}), against the threshold of {row.said} for "
        f"{law.thresholds[row.category].label}: {FLAG if row.reached else BELOW}.",
        row.source, "warning" if row.reached else "rule") for row in tests.itertuples()]
    if vat is None and tests["inc_vat"].any():
        found.append(Finding(f"VAT was not said and is counted at {rate:.0%}.",
                             law.sources[law.vat.source], "blank"))
    if tests.groupby("category")["reached"].any().nunique() > 1:
        found.append(Finding(f"The class of the services decides: {FLAG}.", "", "warning"))
    also = ("vat", "direct_award") if spend["user_choice"] else ("vat",)
    found += law.say([*values, *law.rules_on(day, also, known_by)], "light_touch" in classes)
    return Aggregation(spend, tests, FLAG if tests["reached"].any() else BELOW, found)


def _by_justification(lines):
    if not isinstance(lines, Mapping):
        lines = lines.groupby("justification", dropna=False)["gbp_a_year"].agg(
            lambda sums: sums.sum(skipna=False))
    for name, value in lines.items():
        if name not in JUSTIFICATIONS:
            allowed = ", ".join(JUSTIFICATIONS) + nearest(name, JUSTIFICATIONS)
            raise ValueError(f"justification: found {name!r}; allowed {allowed}")
        if not 0 <= value < float("inf"):
            raise ValueError(f"{name}: found {value}; allowed a sum of 0 or more, GBP a year")
    return pd.Series({name: float(lines.get(name, 0.0)) for name in JUSTIFICATIONS})


def checks(law, day, kind, start=None, reopens_every=0, term=48, light_touch=True, ranked=None,
           original_criteria=None, single=False, known_by=None):
    """What the law of the day a procurement begins says of a kind of route -> [Finding].

    start: month or day of the first award. reopens_every: months between openings (0 none), or the
    months after the start in which it opens again. term: months. ranked: whether call-offs without
    competition follow an objective mechanism the framework states; original_criteria: whether
    mini-competitions keep to its own (None: not said). single: one provider only. Notices and times
    are those of a tender: routes that have none get none.
    """
    if kind not in ABOUT:
        raise ValueError(f"kind: found {kind!r}; allowed {', '.join(ABOUT)}{nearest(kind, ABOUT)}")
    openings = reopens_every
    if isinstance(openings, int):
        openings = range(openings, term, openings) if openings > 0 else (openings,) * bool(openings)
    awards = [0, *openings, term]
    if any(two <= one for one, two in pairwise(awards)):
        raise ValueError(f"reopens_every: found {reopens_every} in a term of {term} months; "
                         "allowed months after the start in order, before the term ends")
    reopened = kind in LISTS and (len(awards) > 2 or kind == "open_framework")
    tendered = bool({"contract", "dynamic_market"} & {*ABOUT[kind]})
    about = (*ABOUT[kind], "transition", *(("time", "notice") * tendered),
             *(("open", "reopening", "single") * reopened))
    rules = dict(law.rules_on(day, about, known_by))
    wrong = _outside(rules, awards, reopened, single) if kind in LISTS else {}
    if kind in LISTS and ranked is False and not single:
        wrong["call_off"] = "Call-offs without competition, and no mechanism stated"
    if kind in LISTS and original_criteria is False:
        wrong["competition"] = "Mini-competitions on other criteria than the framework's"
    if len(awards) > 2 and "dynamic_open" in rules:
        wrong["dynamic_open"] = "A dynamic market with openings at intervals"
    unused = {"term"} if reopened and "open_ends" in rules else set()
    rules = {name: rule for name, rule in rules.items()
             if name not in unused | ({"single"} if not single else set())}
    found = law.say([pair for pair in rules.items() if pair[1].about != "notice"], light_touch)
    for name, said in wrong.items():
        binds = rules[name].light_touch if light_touch else "same"
        unsure = ", which may not bind a light touch framework" * (binds == "uncertain")
        if binds != "exempt":
            found.append(Finding(f"{said}{unsure}: {FLAG}.", law.sources[rules[name].source],
                                 "warning"))
    if kind in LISTS and ranked is None:
        found.append(Finding("How call-offs without competition choose is not said.", "", "blank"))
    return found + (_lead(law, rules.values(), day, start, light_touch) if tendered else [])


def _outside(rules, awards, reopened, single):
    """{rule: what is outside it}; awards: months of awards after the first, and of the end."""
    gap, *later = (two - one for one, two in pairwise(awards))
    term, wrong = awards[-1], {}
    if not (reopened and "open_ends" in rules):
        return {"term": f"A term of {term:g} months"} if term > rules["term"].value else {}
    first, then, ends = (rules[f"open_{part}"].value for part in ("first", "then", "ends"))
    # An award on the anniversary is a day late; the last framework may end on it.
    if gap >= first:
        wrong["open_first"] = f"No award again before month {first:g}"
    if later and (max(later[:-1], default=0) >= then or later[-1] > then):
        wrong["open_then"] = f"{then:g} months or more without an award"
    if term != ends:
        wrong["open_ends"] = f"An open framework of {term:g} months, not {ends:g}"
    if single and term > rules["single"].value:
        wrong["single"] = f"One provider for {term:g} months"
    return wrong


def _lead(law, rules, day, start, light_touch):
    """Notices, counted, and the least days before an award against those there are."""
    found = []
    for duty, words in (("always", "Notices"), ("if", "Notices where they apply")):
        bind = [rule for rule in rules if rule.about == "notice" and rule.duty == duty and (
            rule.light_said or not (light_touch and rule.light_touch == "exempt"))]
        listed = "; ".join((light_touch and rule.light_said) or rule.said for rule in bind)
        source = "; ".join(dict.fromkeys(law.sources[rule.source] for rule in bind))
        if bind:
            found.append(Finding(f"{words}: {len(bind)} ({listed}).", source, "rule"))
    days = sum(ceil(rule.value * (1.4 if rule.unit == "working days" else 1)) for rule in rules
               if rule.about == "time" and rule.value
               and not (light_touch and rule.light_touch == "exempt"))
    found.append(Finding(f"At least {days} days of notice and standstill before an award.",
                         "sum of the times above", "rule"))
    award = date.fromisoformat(f"{start}-01") if isinstance(start, str) else start
    if award and (award - day).days < days:
        found.append(Finding(f"From {in_print(day)} to {in_print(start)} are {(award - day).days} "
                             f"days, fewer than {days}.", "sum of the times above", "warning"))
    return found


def position(law, day, known_by=None, begins=None, classes=CLASSES):
    """The legal position at a report's date, and what of it later moved -> [Finding].

    known_by: month, by default the report's. begins: the day the procurement is to begin.
    """
    known, begins = known_by or f"{day:%Y-%m}", begins or day
    then, out = law.regime(day, known), law.starts()
    found = [Finding(f"On {in_print(day)} a procurement begins under the {then.label}.",
                     then.source, "rule")]
    for name, start in law.starts(known).items():
        was = f"As known in {in_print(known)} the {law.regimes[name].label}"
        moved = start.day != out[name].day
        said = (f"{was} was to start on {in_print(start.day)}; it started on "
                f"{in_print(out[name].day)}." if moved else f"{was} starts {in_print(start.day)}.")
        if moved or start.day > day:
            found.append(Finding(said, law.sources[out[name].source],
                                 "warning" if moved else "rule"))
    then, now = law.regime(begins, known), law.regime(begins)
    if begins != day or then.name != now.name:
        said = f"A procurement begun on {in_print(begins)} comes under the {now.label}"
        said += f"; as known in {in_print(known)}, under the {then.label}" * (then.name != now.name)
        found.append(Finding(f"{said}.", now.source,
                             "rule" if then.name == now.name else "warning"))
    for category in classes:
        then, now = (law.threshold(category, begins, by) for by in (known, None))
        moved = then.said != now.said
        said = f"Threshold on {in_print(begins)} for {then.label}: {then.said}"
        said += f" as known in {in_print(known)}; it turned out to be {now.said}" * moved
        found.append(Finding(f"{said}.", (now if moved else then).source,
                             "warning" if moved else "rule"))
    return found + law.say(law.rules_on(day, ("transition", "vat", "council"), known), True)
