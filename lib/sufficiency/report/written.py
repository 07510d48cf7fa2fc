"""Figures as they are written: numbers in any form, what a text names, exempt figures found."""

import math
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache

from sufficiency.report.bounds import Leak

NUMBER = re.compile(r"(?<![\w.,])(£ ?)?(-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?)"
                    r"( ?(?:bn|billion|m|million|k|thousand|%|per cent|percent)\b|%)?(?!\w)", re.I)
SIZES = {"bn": 1e9, "billion": 1e9, "m": 1e6, "million": 1e6, "k": 1e3, "thousand": 1e3}
YEAR = re.compile(r"(?<![\d,.£])(20\d\d)(?:[-/](\d\d)(?!\d))?(?![\d,]\d)(?:-\d\d)?")
# Not counts: chances, numbers of figures and tables, ages and limits that a sentence speaks of
NOT_FIGURES = re.compile(r"\d+(?:\.\d+)? (?:chances? )?in \d+|[\d.]+(?:th|st|nd|rd)\b|(?:table|"
                         r"figure|page|section|note|line|regulation|article|chapter) [\d.]+", re.I)
WORDS = dict(zip("one two three four five six seven".split(), "1234567", strict=True))
WORDED = re.compile(rf"\b({'|'.join(WORDS)})\b(?= (?:\w+ )?(?:child|plan|pupil|place|young))", re.I)
MONEY = re.compile(r"£|gbp|price|cost|fee|rate|spend|pay|paid|week|value|amount", re.I)
WEEKLY = re.compile(r"week|price per|unit price|fee\b", re.I)
PLAIN = str.maketrans({"\u2013": "-", "\u2212": "-", "\u2011": "-", "\u00a0": " ", "\u202f": " "})


@dataclass(frozen=True)
class Figure:
    """A number as printed: value, half a unit of its last digit, significant digits."""

    value: float
    half: float
    digits: int
    pounds: bool
    share: bool


def figures(text):
    """The numbers of a text: -> [Figure]; years, chances and numbers of tables are not figures."""
    text = WORDED.sub(lambda said: WORDS[said[1].lower()], NOT_FIGURES.sub(" ", text))
    return [_figure(found) for found in NUMBER.finditer(text)
            if found[1] or not YEAR.fullmatch(found[2])]  # fmt: skip


def _figure(found):
    digits, after = found[2].replace(",", ""), (found[3] or "").strip().lower()
    whole, _, part = digits.lstrip("-").partition(".")
    size = SIZES.get(after, 1.0)
    counted = (whole + part).lstrip("0") if part else whole.strip("0")
    share = after in ("%", "per cent", "percent")
    return Figure(abs(float(digits)) * size, 0.5 * 10.0 ** -len(part) * size, len(counted),
                  bool(found[1]), share)  # fmt: skip


def only(cell):
    """The figure of a cell that holds nothing else."""
    found = NUMBER.fullmatch(cell.strip().lstrip("+"))
    return _figure(found) if found else None


class Phrases:
    """Phrases in a text, the longest first: {phrase: names}."""

    def __init__(self, phrases):
        self.held = {phrase.translate(PLAIN).lower(): names for phrase, names in phrases.items()}
        ordered = sorted(map(re.escape, self.held), key=len, reverse=True)
        self.pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(ordered) or '(?!)'})(?![\w-])", re.I)
        self.names = lru_cache(maxsize=None)(self._names)

    def _names(self, text):
        found = [self.held[one.lower()] for one in self.pattern.findall(text)]
        return tuple(dict.fromkeys(name for names in found for name in names))

    def sub(self, by, text):
        return self.pattern.sub(by, text)


# One row in so many may equal a whole number elsewhere without being it (judgement).
BY_CHANCE = 50


class Exempt:
    """Finds the figures of exempt tables and sentences in any form they could be written.

    Five significant digits betray a figure anywhere, four beside money, three beside a weekly
    price; fewer, and round figures, only beside the name of their row, or where a column holds
    two of one table's, in a long one a row in BY_CHANCE.
    """

    def __init__(self, exempt, allowed):
        self.leaks, known, found = [], {round(abs(float(value)), 2) for value in allowed}, []
        for item in exempt:
            if isinstance(item, str):
                found += [(figure.value, "an exempt sentence", "")
                          for figure in figures(item.translate(PLAIN)) if figure.digits > 2]
                continue
            frame, first = item.frame, item.frame.columns[0]
            for column in frame.columns:
                if column != first and str(column).lower() not in ("year", "january", "period"):
                    found += [(figure.value, f"{item.label}, column {column}", str(name))
                              for name, cell in zip(frame[first], frame[column], strict=True)
                              for figure in figures(_written(cell).translate(PLAIN))]
        self.held = sorted(one for one in found if one[0] and round(one[0], 2) not in known)
        names = {name for *_, name in self.held if re.search(r"[A-Za-z]{3}", name)}
        self.find = Phrases({name: (name,) for name in names})

    def table(self, grid):
        columns = {}
        for number, row in enumerate(grid.rows if self.held else (), 2):
            beside = " | ".join(row)
            for at, cell in enumerate(row):
                head = grid.heads[at] if at < len(grid.heads) else ""
                where = f"{grid.where}, row {number}, column {head or at + 1}"
                for figure in figures(cell.translate(PLAIN)):
                    near = self._match(figure, where, f"{head} {grid.caption}", beside)
                    for value, what in near if figure.digits > 2 else ():
                        columns.setdefault((at, what), {}).setdefault(value, where)
        # hundreds of counts hold some whole numbers of any table by chance
        least = max(2, len(grid.rows) // BY_CHANCE)
        for (_, what), places in columns.items():
            if len(places) >= least:
                for where in places.values():
                    self._leak(where, what)

    def text(self, where, text):
        text = text.translate(PLAIN)
        for sentence in re.split(r"(?<=[.;!?])\s+", text) if self.held else ():
            for figure in figures(sentence):
                self._match(figure, where, sentence, sentence)

    def _match(self, figure, where, context, beside):
        """Report a figure that betrays an exempt one: -> [(value, what)] it might also be."""
        near, named = [], None
        for size in (1.0, 1e3, 1e6) if re.search(r"£m|million|£k|thousand", context) else (1.0,):
            value, half = figure.value * size, max(figure.half * size, 1e-9 * figure.value * size)
            first = bisect_left(self.held, (value - half,))
            for held, what, name in self.held[first : bisect_right(self.held, (value + half, "~"))]:
                if figure.digits >= 5 or (figure.digits == 4 and (
                        figure.pounds or MONEY.search(context))) or (
                        figure.digits == 3 and size == 1 and WEEKLY.search(context)):
                    self._leak(where, what)
                    continue
                named = self.find.names(beside) if named is None else named
                if name in named and figure.value >= 1:
                    self._leak(where, what)
                elif value == held:
                    near.append((held, what))
        return near

    def _leak(self, where, what):
        found = Leak(what, (where,), f"an exempt figure is printed ({what})")
        if found not in self.leaks:
            self.leaks.append(found)


def _written(cell):
    return f"{cell:.10g}" if isinstance(cell, float) and math.isfinite(cell) else str(cell)
