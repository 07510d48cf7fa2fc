"""Assumptions: a number with its range, unit, date, source and quality, and its distribution."""

import difflib
import math
import re
from datetime import date
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from scipy.special import ndtr, ndtri

# The one list of units: a model that needs another adds it here.
COUNTS = ("plans", "children", "places", "people", "requests", "appeals", "events")
UNITS = (
    *("GBP", "GBP/place/year", "GBP/place/week", "GBP/child/year", "GBP/week", "GBP/year"),
    *("GBP/hour", "GBP/day", "GBP/case", "GBP million", "share", "share/year", "share/month"),
    *("ratio", "ratio/year", "index", "points", "log points", "log points/year"),
    *(*COUNTS, "plans/year", "children/year", "places/year", "people/year", "requests/year"),
    *("providers", "providers/year", "miles", "days", "weeks", "months", "years", "hours"),
)
QUALITIES = ("published", "council", "proxy", "judgement", "illustrative")
FUNDS = ("dsg_high_needs", "general_fund", "schools", "health", "social_care", "grant")
NUMBERS = ("low", "central", "high", "values", "vintages")
P90 = float(ndtri(0.9))
MOST_CUT_OFF = 0.02
MONTH = r"\d{4}-(0[1-9]|1[0-2])"


class QuantityError(ValueError):
    """Problems of one assumption: a list of (path below it, found, allowed)."""

    def __init__(self, problems):
        self.problems = problems
        super().__init__("; ".join(f"found {found}; allowed {ok}" for _, found, ok in problems))


def month(text):
    """Check a month, YYYY-MM."""
    if not (isinstance(text, str) and re.fullmatch(MONTH, text)):
        raise ValueError("a month such as 2026-01")
    return text


def period(value):
    """Check a period: a January or calendar year such as 2025, or a financial year 2025-26."""
    match = re.fullmatch(r"((?:19|20|21)\d\d)(?:-(\d\d))?", str(value))
    if not match or (match[2] and (int(match[1]) + 1) % 100 != int(match[2])):
        raise ValueError("a year such as 2025 or a financial year such as 2025-26")
    return value if match[2] else int(value)


def one_kind(series):
    """Check that a series by period has some, all years or all financial years."""
    if len({type(when) for when in series}) == 1:
        return series
    found = "years and financial years mixed" if series else "no periods"
    raise QuantityError([((), found, "one kind of period")])


def nearest(word, words):
    """A hint with the names most like `word`, or nothing."""
    close = difflib.get_close_matches(str(word), [str(w) for w in words], n=3, cutoff=0.6)
    return f" (nearest: {', '.join(close)})" if close else ""


def as_entry(value):
    """A dated value's mapping: a bare number is its central value."""
    return {"central": value} if type(value) in (int, float) else value


def _text(value):
    return str(value) if type(value) in (int, date) else value


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Text = Annotated[str, BeforeValidator(_text)]
Month = Annotated[str, BeforeValidator(month), Field(json_schema_extra={"pattern": f"^{MONTH}$"})]
Period = Annotated[int | str, BeforeValidator(period)]


class Model(BaseModel):
    """What every part of a case file has in common: no unknown keys, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Quantity(Model):
    """One number and its range; `low` and `high` are its 10th and 90th percentiles."""

    low: Number | None = None
    central: Number | None = None
    high: Number | None = None
    as_of: Text | None = None
    known: Month | None = None
    quality: Literal[QUALITIES] | None = None
    source: Text | None = None
    note: Text | None = None
    label: Text | None = None


Dated = Annotated[
    dict[Period, Annotated[Quantity, BeforeValidator(as_entry)]], AfterValidator(one_kind)
]


class Series(Quantity):
    """One number for all time, or one a period."""

    values: Dated | None = None

    @model_validator(mode="after")
    def _one_or_other(self):
        if self.values and any(getattr(self, name) is not None for name in NUMBERS[:3]):
            found = "`values` beside low, central or high"
            raise QuantityError([((), found, "one of them; null removes")])
        return self


class Vintage(Series):
    """A number, or a dated series, as it stood when first known in month `known`."""

    known: Month


class Assumption(Series):
    """A number a model uses, certain or ranged, for all time or by period.

    Myerson's distribution through the percentiles 10, 50 and 90 (design, section 3):
    x = central + (high - central) (r^z - 1) / (r - 1), z = ndtri(u) / ndtri(0.9),
    r = (high - central) / (central - low); normal where |r - 1| < 1e-6.
    `min` and `max` truncate by rescaling u; refused when they cut off more than 2%.
    """

    unit: Literal[UNITS] | None = None
    min: Number | None = None
    max: Number | None = None
    funded_by: Literal[FUNDS] | None = None
    carry: Literal["error", "last"] = "error"
    vintages: list[Vintage] | None = None

    @model_validator(mode="after")
    def _ordered(self):
        pairs = ((path, _problem(entry, self.bounds)) for path, entry in _entries(self))
        found = [((*path, *wrong[0]), *wrong[1:]) for path, wrong in pairs if wrong]
        if found:
            raise QuantityError(found)
        return self

    @property
    def bounds(self):
        """(min, max), infinite where there is none; a share lies between 0 and 1."""
        low, high = (0.0, 1.0) if self.unit == "share" else (-math.inf, math.inf)
        return (low if self.min is None else self.min, high if self.max is None else self.max)

    @property
    def certain(self):
        """Whether no world differs from another."""
        return all(entry.low is None for entry in (self.values or {"": self}).values())

    def at(self, when=None):
        """The Quantity that holds in a period; refuses a period the file says nothing about."""
        if self.values is None:
            return self
        have = sorted(self.values, key=str)
        when = None if when is None else period(when)
        later = type(when) is type(have[-1]) and when > have[-1]
        if when in self.values or (later and self.carry == "last"):
            return self.values[have[-1] if later else when]
        names = ", ".join(map(str, have))
        carry = " and later" if self.carry == "last" else ", or `carry: last` in the file"
        raise ValueError(f"found no value for {when or 'no period'}; allowed {names}{carry}")

    def central_value(self, when=None):
        """The middle value, in a period where values are dated."""
        return self.at(when).central

    def quantile(self, u, when=None):
        """Values at probabilities u in (0, 1): an array in the shape of u, in the file's unit."""
        entry, u = self.at(when), np.asarray(u, dtype=float)
        if entry.low is None:
            return np.full(u.shape, entry.central)
        below, above = _tails(entry, self.bounds)
        value = myerson(below + u * (1.0 - below - above), entry.low, entry.central, entry.high)
        # u is rescaled already: this takes off the last bit of rounding at a bound, no more.
        return np.clip(value, *self.bounds)


def myerson(u, low, central, high):
    """Quantiles at u of Myerson's distribution with 10th, 50th and 90th percentiles as given."""
    z = ndtri(u) / P90
    r = (high - central) / (central - low)
    if abs(r - 1.0) < 1e-6:
        return central + (high - central) * z
    return central + (high - central) * np.expm1(z * math.log(r)) / (r - 1.0)


def myerson_cdf(x, low, central, high):
    """Probability that Myerson's distribution lies below x (one number)."""
    r = (high - central) / (central - low)
    if abs(r - 1.0) < 1e-6:
        return float(ndtr(P90 * (x - central) / (high - central)))
    power = 1.0 + (x - central) * (r - 1.0) / (high - central)
    if power <= 0.0:
        return 0.0 if r > 1.0 else 1.0
    return float(ndtr(P90 * math.log(power) / math.log(r)))


def _tails(entry, bounds):
    below, up_to = (myerson_cdf(x, entry.low, entry.central, entry.high) for x in bounds)
    return below, 1.0 - up_to


def _entries(made, path=()):
    """Where the numbers of an assumption stand: (path below it, Quantity)."""
    vintages = getattr(made, "vintages", None) or ()
    if made.values is None and (made.central is not None or not vintages):
        yield path, made
    for when, entry in (made.values or {}).items():
        yield (*path, "values", str(when)), entry
    for i, vintage in enumerate(vintages):
        yield from _entries(vintage, (*path, "vintages", i))


def _problem(entry, bounds):
    """What is wrong with three numbers: (path below them, found, allowed), or None."""
    given = {name: x for name in NUMBERS[:3] if (x := getattr(entry, name)) is not None}
    span = "{:g} to {:g}".format(*bounds)
    outside = [name for name, x in given.items() if not bounds[0] <= x <= bounds[1]]
    if "central" not in given:
        return ("central",), "nothing", "a number"
    if outside:
        return outside[:1], f"{given[outside[0]]:g}", span
    if len(given) == 2:
        only = "high" if entry.low is None else "low"
        return (only,), f"{only} alone", "low and high both, or neither (certain)"
    if len(given) == 3 and not entry.low < entry.central < entry.high:
        shown = ", ".join(f"{name} {x:g}" for name, x in given.items())
        return (), shown, "low < central < high, or central alone (certain)"
    if len(given) == 3 and (cut := sum(_tails(entry, bounds))) > MOST_CUT_OFF:
        found = f"{cut:.1%} of the distribution cut off by staying in {span}"
        return (), found, f"at most {MOST_CUT_OFF:.0%}: bring low and high nearer"
    return None
