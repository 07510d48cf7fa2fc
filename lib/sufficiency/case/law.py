"""The law by date: regimes, thresholds and rules on a day, as known then and as it turned out."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, StrictBool

from sufficiency.case import schema
from sufficiency.case.files import CaseError, find_root, read
from sufficiency.case.quantity import Model, Month, Number, month, nearest

LATER = "9999-12"
MATTERS = ("value", "vat", "transition", "direct_award", "term", "reopening", "open", "single",
           "call_off", "competition", "contract", "dynamic_market", "direct_payment", "notice",
           "time", "council")
# Rules that checks look up by name, with a value where one is compared.
NEEDED = {"term": True, "call_off": False, "competition": False}
NEEDED_OPEN = dict.fromkeys(("open_first", "open_then", "open_ends", "single"), True)
Day = Annotated[date, Field(strict=True)]
Amount = Annotated[Number, Field(gt=0)]


class Start(Model):
    """A day on which a regime was to start, and the month in which that was first known."""

    day: Day
    known: Month
    source: str


class Regime(Model):
    """A body of procurement law and the days it was to start, as they became known."""

    label: str
    starts: Annotated[tuple[Start, ...], Field(min_length=1)]


class Period(Model):
    """A threshold, GBP, from one day to another, both included; inc_vat None where none is said."""

    since: Day
    until: Day | None = None
    value: Amount
    inc_vat: StrictBool | None = None
    known: Month | None = None
    source: str
    note: str = ""

    @property
    def first_known(self):
        """Month in which it was first known."""
        return self.known or f"{self.since:%Y-%m}"


class Category(Model):
    """A kind of threshold; its periods follow the regimes unless it holds under any."""

    label: str
    any_regime: StrictBool = False
    periods: Annotated[tuple[Period, ...], Field(min_length=1)]


class Rule(Model):
    """What a regime says of one matter, and whether it says so of light touch contracts."""

    about: Literal[MATTERS]
    said: str
    source: str
    kind: Literal["rule", "warning"] = "rule"
    value: Amount | None = None
    unit: Literal["months", "days", "working days"] | None = None
    duty: Literal["always", "if"] = "always"
    light_touch: Literal["same", "exempt", "uncertain"] = "same"
    light_said: str = ""
    since: Day | None = None
    known: Month | None = None
    unseen: str = ""


class Word(Model):
    """The last day on which a word was right, and what it is since."""

    until: Day
    now: str
    source: str


class Vat(Model):
    """The standard rate, as a share."""

    rate: Annotated[Number, Field(ge=0, le=1)]
    source: str


class Finding(NamedTuple):
    """One sentence with its source: a rule, a warning, or a blank nobody has filled."""

    said: str
    source: str
    kind: str


class InForce(NamedTuple):
    """A regime in force, from which day, and the month that day was first known."""

    name: str
    label: str
    since: date
    known: str
    source: str


class Threshold(NamedTuple):
    """A threshold on a day, GBP; carried: it had run out, and the next was not yet known."""

    category: str
    label: str
    value: float
    inc_vat: bool | None
    since: date
    until: date | None
    source: str
    note: str
    carried: bool

    @property
    def said(self):
        """The sum and its basis, in words."""
        vat = {True: " including VAT", False: " excluding VAT", None: ""}[self.inc_vat]
        return f"{gbp(self.value)}{vat}"


class Law(Model):
    """Everything params/law.yaml says."""

    sources: dict[str, str]
    vat: Vat
    regimes: dict[str, Regime]
    thresholds: dict[str, Category]
    rules: dict[str, dict[str, Rule]]
    words: dict[str, Word] = Field(default_factory=dict)

    def starts(self, known_by=None):
        """{regime: its start} as known by a month, or as it turned out."""
        limit = month(known_by) if known_by else LATER
        found = {name: [start for start in regime.starts if start.known <= limit]
                 for name, regime in self.regimes.items()}
        return {name: starts[-1] for name, starts in found.items() if starts}

    def regime(self, day, known_by=None):
        """The regime of a procurement that begins on a day, as known by a month if one is given."""
        begun = {name: s for name, s in self.starts(known_by).items() if s.day <= day}
        if not begun:
            first = min(regime.starts[0].day for regime in self.regimes.values())
            raise ValueError(f"law: found {day}; allowed {first} or later, and known by then")
        name = max(begun, key=lambda name: begun[name].day)
        start = begun[name]
        return InForce(name, self.regimes[name].label, start.day, start.known,
                       self.sources[start.source])

    def threshold(self, category, day, known_by=None):
        """The Threshold of a category on a day, GBP, as known by a month if one is given.

        A regime whose start later moved shows, from the day it was then to start, its first sum.
        """
        if category not in self.thresholds:
            names = ", ".join(self.thresholds) + nearest(category, self.thresholds)
            raise ValueError(f"category: found {category!r}; allowed {names}")
        found, limit = self.thresholds[category], known_by or LATER
        own = [p for p in found.periods if p.first_known <= limit]
        if not found.any_regime:
            name = self.regime(day, known_by).name
            own = [p for p in own if self.regime(p.since).name == name]
        begun = [p for p in own if p.since <= day]
        moved = bool(own) and not found.any_regime and day < self.regime(own[0].since).since
        last = found.periods[-1].until or date.max
        if not (begun or moved) or day > last:
            spans = f"{found.periods[0].since} to {found.periods[-1].until or 'now'}"
            raise ValueError(f"{category}: found {day}, known by {known_by or 'now'}; "
                             f"allowed {spans}, under its regime and known by then")
        got = begun[-1] if begun else own[0]
        carried = got.until is not None and day > got.until
        return Threshold(category, found.label, got.value, got.inc_vat, got.since, got.until,
                         self.sources[got.source], got.note, carried)

    def rules_on(self, day, about=None, known_by=None):
        """(name, Rule) of the regime of a day and of any regime, those about some matters only."""
        groups = (self.regime(day, known_by).name, "always")
        return [(name, rule) for group in groups for name, rule in self.rules.get(group, {}).items()
                if (about is None or rule.about in about) and (rule.since or day) <= day
                and (rule.known or "") <= (known_by or LATER)]

    def say(self, rules, light_touch):
        """Findings of (name, Rule) pairs, for light touch contracts or for others."""
        found = []
        for _, rule in rules:
            said, kind = rule.said, rule.kind
            if light_touch and rule.light_touch == "exempt":
                said, kind = rule.light_said or f"Not for light touch contracts: {said}", "rule"
            elif light_touch and rule.light_touch == "uncertain":
                said = f"{said} {rule.light_said}".rstrip()
                kind = "warning" if rule.light_said else kind
            found.append(Finding(said, self.sources[rule.source], kind))
            if rule.unseen:
                found.append(Finding(f"Not seen: {rule.unseen}.", "", "blank"))
        return found

    def stale_words(self, text, day):
        """A warning for each word in a text that had stopped being right by a day."""
        return [Finding(f"'{word}' is a word of before {in_print(old.until + timedelta(1))}: it is "
                        f"{old.now} since.", self.sources[old.source], "warning")
                for word, old in self.words.items() if word in text and day > old.until]


def gbp(value):
    """Pounds, in print."""
    return f"£{value:,.0f}"


def in_print(day):
    """A day, or a month YYYY-MM, in print."""
    if isinstance(day, date):
        return f"{day.day} {day:%B %Y}"
    return f"{date.fromisoformat(day + '-01'):%B %Y}"


def read_law(root=None):
    """The Law of params/law.yaml; everything wrong with it in one CaseError."""
    root = find_root(root)
    path = root / "params" / "law.yaml"
    if not path.is_file():
        raise CaseError("law: found no params/law.yaml; allowed a project that has one")
    tree = read(path, root)
    law = schema._validate(Law, tree.data, (), tree)
    if law:
        _check_rules(law, tree)
        for name, category in law.thresholds.items():
            _check_periods(law, category, ("thresholds", name, "periods"), tree)
    tree.stop()
    return law


def _check_rules(law, tree):
    """Note starts out of order, rules of no regime or missing, and sources nobody lists."""
    for name, regime in law.regimes.items():
        for i, (one, two) in enumerate(pairwise(regime.starts), 1):
            if two.known <= one.known:
                tree.problem(("regimes", name, "starts", str(i), "known"), two.known,
                             f"a month after {one.known}, when the day before it was known")
        rules = law.rules.get(name, {})
        needed = NEEDED | (NEEDED_OPEN if rules.keys() & NEEDED_OPEN.keys() else {})
        for rule, valued in needed.items():
            if rule not in rules or (valued and rules[rule].value is None):
                tree.problem(("rules", name, rule), "nothing",
                             "the rule" + ", and its value" * valued)
    for name in law.rules.keys() - {*law.regimes, "always"}:
        tree.problem(("rules", name), name, ", ".join([*law.regimes, "always"]))
    for path, name in _sourced(tree.data, ()):
        if name not in law.sources:
            tree.problem(path, repr(name), "a name under `sources`" + nearest(name, law.sources))


def _check_periods(law, category, path, tree):
    """Note periods that overlap, leave a gap, end before they begin or span two regimes."""
    due, starts = None, [start.day for start in law.starts().values()]
    for i, period in enumerate(category.periods):
        since, until, here = period.since, period.until or date.max, (*path, str(i))
        if until < since:
            tree.problem((*here, "until"), until, f"{since} or later")
        elif i and since != due:
            word = "leaves a gap after" if due and since > due else "overlaps"
            tree.problem((*here, "since"), f"{since}, which {word} the period before",
                         f"{due}, the day after it ends" if due else "nothing: it has no end")
        elif not category.any_regime and (since < min(starts) or any(
                since < start <= until for start in starts)):
            tree.problem((*here, "since"), f"{since} to {period.until or 'now'}",
                         "days of one regime, from its start on")
        due = period.until and period.until + timedelta(1)


def _sourced(node, path):
    """(path, name) of every source that a part of the file names."""
    for key, child in node.items() if isinstance(node, dict) else enumerate(node):
        if key == "source":
            yield (*path, key), child
        elif isinstance(child, dict | list):
            yield from _sourced(child, (*path, str(key)))
