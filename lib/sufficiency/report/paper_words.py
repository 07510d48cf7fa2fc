"""Words of a committee paper: texts of the case, dates, sources and figures, blanks visible."""

import math
import re
from datetime import date

from sufficiency.case.law import in_print
from sufficiency.report import tables
from sufficiency.report.market_words import figure, pounds
from sufficiency.report.words import MINUS, chance, span

BLANK = "______"
FUNDS = {"dsg_high_needs": "High needs block", "general_fund": "General fund",
         "social_care": "Social care"}


def text(said):
    """A text of the case, as pandoc reads it back; "" is blank."""
    # Apostrophes and quotes stay as they are, to be set as print has them
    return re.sub(r"\\(['\"])", r"\1", tables.escape(said or BLANK))


def day(said):
    """A day, month or year in print; nothing is blank."""
    said = str(said or BLANK)
    return in_print(date.fromisoformat(said) if len(said) == 10 else said) \
        if re.fullmatch(r"\d{4}-[-\d]+", said) else said


def sourced(said):
    """A source in print; words before an address become its link."""
    found = re.fullmatch(r"(.*?)[\s,;:(]*(https?://[^\s)]+)\)?", said)
    return text(said) if not found else \
        f"[{text(found[1])}]({found[2]})" if found[1] else f"<{found[2]}>"


def headed(head):
    """What a headline's figure is: its words, its year where they lack it, its basis."""
    year = "" if str(head["year"]) in head["text"] else f", {head['year']}"
    return f"{head['text']}{year} ({head['basis']})"


def value(head):
    """A headline's figure, row of headline.json, to three figures; a chance in words."""
    if head["unit"] == "share" and head["text"].startswith("Chance"):
        return chance(head["value"])
    return _sized(head["value"], head["unit"])


def spread(head):
    """A headline's range, and of what kind if not 8 chances in 10; blank for one figure."""
    low, high, unit = (head[name] for name in ("p10", "p90", "unit"))
    if low == high == head["value"]:
        return ""
    said = span(low, high, rounded) if unit == "GBP" else \
        f"{_sized(low, unit)} to {_sized(high, unit)}"
    return f"{said} ({head['range_is']})" if head.get("range_is") else said


def _sized(value, unit):
    if unit == "GBP":
        return rounded(value)
    lead = math.floor(math.log10(abs(value))) if value else 0
    return figure(value if unit == "share" else round(value, 2 - lead), unit)


def rounded(value, error=0.0):
    """GBP to three figures, or no finer than its Monte Carlo error, with its sign."""
    size = pounds(value, error)
    return f"{MINUS}{size}" if value < 0 and size.strip("£0") else size


def points(items):
    """Points of a list."""
    return "\n".join(f"* {item}" for item in items)


def table(label, caption, frame, note="", **more):
    """A Table of the paper as a piece of `document.pieces`."""
    data, about = tables.Table(f"paper_{label}", caption, frame, note,
                               **more)._repr_mimebundle_()
    return "table", data["text/markdown"], about["annex"]
