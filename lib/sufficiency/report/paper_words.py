"""Words of a committee paper: texts of the case, dates, sources and figures, blanks visible."""

import re
from datetime import date

from sufficiency.case.law import in_print
from sufficiency.report import tables
from sufficiency.report.market_words import figure
from sufficiency.report.words import span

BLANK = "______"


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


def amount(head):
    """A headline's figure with its range: row of headline.json."""
    value, low, high = (head[name] for name in ("value", "p10", "p90"))
    if low == high == value:
        return f"{figure(value, head['unit'])} (one figure, no range)"
    ends = span(low, high) if head["unit"] == "GBP" else \
        f"{figure(low, head['unit'])} to {figure(high, head['unit'])}"
    return f"{figure(value, head['unit'])} (8 chances in 10: {ends})"


def points(items):
    """Points of a list."""
    return "\n".join(f"* {item}" for item in items)
