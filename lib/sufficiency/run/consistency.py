"""Whether a paper agrees with itself: its options, figures, comments, law and dates.

A problem that stops the annex must be put right, or accepted by name in `paper.accept`.
"""

import json
import re
from datetime import timedelta
from typing import NamedTuple

import pandas as pd

from sufficiency.case.law import gbp, in_print, read_law
from sufficiency.case.paper import Paper, texts
from sufficiency.report.words import listed
from sufficiency.report.written import figures

# Words that name a kind of route, and the kinds of market routes that are meant.
KINDS = {
    r"open framework": {"open_framework"},
    r"approved (provider )?list|approved provider framework": {"approved_list"},
    r"multi[- ]supplier framework": {"open_framework", "closed_framework", "approved_list"},
    r"dynamic (purchasing|market)": {"dynamic_market"},
    r"block (contract|purchas|payment)": {"block", "block_with_extras"},
    r"direct payment|personal budget": {"direct_payment"},
    r"joint (framework|contract)": {"joint"},
}
MONTHS = ("January|February|March|April|May|June|July|August|September|October|November|"
          "December")
CUT = rf"\b(?:{MONTHS}) (?:19|20)\d?\b(?!\d)"
LATE = 28


class Problem(NamedTuple):
    """One finding, by its name in `case.paper.CHECKS`; reason: why it was accepted."""

    name: str
    said: str
    stops: bool = True
    reason: str = ""


class ConsistencyError(ValueError):
    """What stops the annex, a problem a line."""


def stop(problems):
    """Raise every problem that stops and was not accepted, if any."""
    left = [f"paper: {one.name}: {one.said}; allowed to put it right, or paper.accept.{one.name} "
            "with a reason" for one in problems if one.stops and not one.reason]
    if left:
        raise ConsistencyError("\n".join(left))


def check(case, facts, results=None):
    """Everything found in a case's paper -> [Problem].

    facts: `report.paper.Facts`; results: the folder with headline.json and the CSVs, if any.
    """
    paper = Paper.model_validate(facts.paper)
    said, law = texts(paper), read_law(case.root)
    found = [*_options(case, facts, paper, said), *_figures(case, facts, results),
             *_typed(case, facts, law, said), *_comments(case, facts, paper),
             *_law(law, facts.as_at, said), *_dates(law, facts.as_at, paper, said)]
    return [one._replace(reason=paper.accept.get(one.name, "")) for one in found]


def _options(case, facts, paper, said):
    """Options named and not appraised, compared and not appraised, or of another paper."""
    market = case.value("market", {})
    if facts.options is None:
        named = sorted({name for text in said.values() for name in re.findall(r"\{(\w+)\}", text)})
        return [Problem("absent_option", f"{', '.join(named)} named, nothing appraised")
                ] if named else []
    have, found = list(facts.options["option"]), []
    # An option that says no route goes the way of the reference
    routes = {name: one.get("route") or market.get("reference")
              for name, one in case.value("appraisal.options", {}).items()}
    routes = {routes.get(name, name) for name in have}
    kinds = {market.get("routes", {}).get(name, {}).get("kind", name) for name in routes}
    for place, text in said.items():
        for name in re.findall(r"\{(\w+)\}", text):
            if name not in have:
                found.append(Problem("absent_option", f"paper.{place} names {name}; the options "
                                     f"are {', '.join(have)}"))
        for words, meant in KINDS.items() if place.startswith("decisions") else ():
            if (seen := re.search(words, text, re.IGNORECASE)) and not meant & kinds:
                found.append(Problem("absent_option", f"paper.{place} names {seen[0]!r}; no "
                                     "option buys in that way"))
    if left := [name for name in market.get("compare", ()) if name not in routes]:
        found.append(Problem("uncompared_option", f"{', '.join(left)} compared in the market, in "
                             "no option"))
    labels = facts.options["label"].str.lower()
    for at, text in enumerate(paper.options):
        if not any(f"{{{name}}}" in text for name in have) and not any(
                label in text.lower() for label in labels):
            found.append(Problem("options_text", f"paragraph {at + 1} of the options names none "
                                 "of those appraised: is it from another paper?"))
    return found


def _figures(case, facts, results):
    """Sums that do not tie to the penny, and headlines that are not those of the tables."""
    found = [(f"{what}: the parts come to {gbp(sum(parts.values()))}, not {gbp(total)}", True)
             for what, parts, total in facts.sums if round(sum(parts.values()) - total, 2)]
    found += _budget(case)
    for head in facts.headlines:
        low, high = head["p10"], head["p90"]
        if low > high:
            found.append((f"{head['key']}: its range runs from {low} down to {high}", True))
    if results is not None:
        found += _printed(facts.headlines, results)
    return [Problem("figures", said, stops) for said, stops in found]


def _budget(case):
    """A budget against price times number of its lots by case, at central values."""
    budget, lots = case.value("market.budget", {}), case.value("market.lots", {})
    keys = [[f"market.lots.{name}.{part}" for part in ("price", "call_offs")] for name in
            case.value("market.in_use", None) or lots if lots[name].get("basis") == "case"]
    if not budget or not keys or any(key not in case for pair in keys for key in pair):
        return []
    total = sum(case[price].central_value() * case[number].central_value()
                for price, number in keys)
    least, off = budget.get("at_least"), round(total - budget["annual"], 2)
    if off == 0 or (least and off > 0):
        return []
    return [(f"market.budget.annual is {gbp(budget['annual'])}{' or more' * bool(least)}; its lots "
             f"come to {gbp(total)}", True)]


def _printed(headlines, results):
    """Headlines against headline.json, and against the cell of the table each is taken from."""
    path, found = results / "headline.json", []
    saved = {one["key"]: one for one in json.loads(path.read_text("utf-8"))} \
        if path.is_file() else {}
    for head in headlines:
        key, other = head["key"], saved.get(head["key"])
        if not head.get("exempt"):
            parts = ("value", "p10", "p90", "unit", "year")
            if other is None or any(other[part] != head[part] for part in parts):
                found.append((f"{key}: {head['value']} here, "
                              f"{other and other['value']} in headline.json", True))
        if cell := head.get("cell"):
            frame = pd.read_csv(results / cell["table"], dtype=dict.fromkeys(cell["where"], str))
            for name, value in cell["where"].items():
                frame = frame[frame[name] == str(value)]
            column, table = frame[cell["column"]], cell["table"]
            # A headline is rounded to a pound, a tenth of a child or four places of a share
            step = {"GBP": 1, "share": 1e-4, "ratio": 1e-4}.get(head["unit"], 0.1)
            if len(column) != 1 or not abs(column.iloc[0] - head["value"]) <= step / 2 + 1e-6:
                cells = ", ".join(map(str, column)) or "no such row"
                found.append((f"{key}: {head['value']} at the head, {cells} in {table}", True))
    return found


def _typed(case, facts, law, said):
    """Money and percentages in a paper's words that no figure of case, law or headlines gives.

    To the last digit typed. One that happens to be a figure of something else passes.
    """
    beliefs = [part for name, part in case.resolved.items() if name not in ("paper", "happened")]
    known = [*_numbers(beliefs), *(head["value"] for head in facts.headlines),
             *(one.value for category in law.thresholds.values() for one in category.periods)]
    found = []
    for place, text in said.items():
        for one in figures(text):
            size, half = 100 if one.share else 1, one.half * (1 + 1e-9)
            if not (one.pounds or one.share) or any(
                    abs(abs(value) * size - one.value) <= half for value in known):
                continue
            printed = f"{one.value:g}%" if one.share else gbp(one.value)
            found.append(Problem("no_source", f"paper.{place}: {printed} is no figure of the "
                                 "case, the law or a headline", False))
    return found


def _numbers(node):
    """Every number of plain data."""
    if isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from _numbers(part)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield node


def _comments(case, facts, paper):
    """Comments dated before the newest figure, or long before the meeting."""
    log = case.log()
    used = log[log["key"].str.split(" ").str[0].isin(facts.ranked)] if facts.ranked else log
    newest = max((str(known) for known in used["known"].dropna()), default="")
    found = []
    for one in (one for one in paper.comments if one.dated):
        if f"{one.dated:%Y-%m}" < newest:
            found.append(Problem("old_comments", f"{one.by} commented on {in_print(one.dated)}; a "
                                 f"figure used was first known in {in_print(newest)}"))
        before = (paper.front.meeting - one.dated).days if paper.front.meeting else 0
        if before > LATE:
            found.append(Problem("comment_age", f"{one.by} commented on {in_print(one.dated)}, "
                                 f"{before} days before the meeting", False))
    return found


def _law(law, day, said):
    """Words out of use, law and thresholds of after the day, and dates of the law that moved."""
    found = []
    for place, text in said.items():
        found += [Problem("stale_law", f"paper.{place}: {one.said}")
                  for one in law.stale_words(text, day)]
        for regime in law.regimes.values():
            if regime.label in text and f"{day:%Y-%m}" < regime.starts[0].known:
                found.append(Problem("later_law", f"paper.{place} names the {regime.label}, not "
                                     f"known before {in_print(regime.starts[0].known)}"))
            for start in regime.starts[:-1]:
                last = regime.starts[-1]
                if in_print(start.day) in text or start.day.isoformat() in text:
                    found.append(Problem(
                        "moved_date", f"paper.{place}: the {regime.label} does not start on "
                        f"{in_print(start.day)} but on {in_print(last.day)}, known since "
                        f"{in_print(last.known)}", f"{day:%Y-%m}" >= last.known))
        if "threshold" in text.lower():
            found += [Problem("later_law", f"paper.{place}: {value} was no threshold on "
                              f"{in_print(day)}") for value in _other_days(law, day, text)]
    return found


def _other_days(law, day, text):
    """Sums in a text that are thresholds of other days only."""
    periods = [one for category in law.thresholds.values() for one in category.periods]
    now = {gbp(one.value) for one in periods if one.since <= day <= (one.until or day)}
    return sorted({gbp(one.value) for one in periods} & set(re.findall(r"£[\d,]*\d", text)) - now)


def _dates(law, as_at, paper, said):
    """Years cut off, steps already past, and the notice of a key decision."""
    found = [Problem("cut_year", f"paper.{place}: {cut!r} has no whole year")
             for place, text in said.items() for cut in re.findall(CUT, text)]
    front, meeting = paper.front, paper.front.meeting or as_at
    past = [f"{one.what} ({in_print(one.when) if len(one.when) == 7 else one.when})"
            for one in paper.timetable
            if one.when and not one.past and one.when < meeting.isoformat()[:len(one.when)]]
    if past:
        found.append(Problem("timetable", f"before {in_print(meeting)}: {listed(past)}"))
    if front.key_decision == "yes" and not front.notice:
        found.append(Problem("notice", "a key decision, and no day of its notice is given", False))
    elif front.key_decision == "yes":
        least = int(law.rules["always"]["key_decision"].value)
        first = front.notice + timedelta(least + 1)
        if meeting < first:
            clear = max((meeting - front.notice).days - 1, 0)
            found.append(Problem("notice", f"{clear} clear days from notice to decision; allowed "
                                 f"{least} or more: not before {in_print(first)}"))
    return found
