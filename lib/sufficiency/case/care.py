"""The section `care` of a case: categories of placement, weekly prices, and the counts kept."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt

from sufficiency.case import funding, measures, schema
from sufficiency.case.files import leaf, mapping
from sufficiency.case.market import Assumed
from sufficiency.case.quantity import QUALITIES, Model, Month

KEY = ("care",)
UNITS = {"prices": "GBP/place/week", "spread": "log points", "uplift": "share/year",
         "prior_size": "children", "correlation": "share"}
ENTRIES = {"growth": "share/year", "spread": "log points/year"}
FUND = "social_care"


def ordered(ages):
    """Check a youngest and an oldest age below 18."""
    if not 0 <= ages[0] <= ages[1] <= 17:
        raise ValueError("two ages of 0 to 17, the youngest first")
    return ages


class Category(Model):
    """Where a child lives: the codes of PLACE and PLACE_PROVIDER that say so.

    providers: none given takes all, blank ones too. uplift: which of care.uplift its price follows.
    """

    label: str
    codes: tuple[str, ...]
    providers: tuple[str, ...] = ()
    ages: Annotated[tuple[StrictInt, StrictInt], AfterValidator(ordered)] = (0, 17)
    uplift: str


class Origin(Model):
    """Whose counts they are."""

    quality: Literal[QUALITIES] = "council"
    source: str
    note: str = ""


class Returns(Model):
    """The counts of SSDA903 returns, beside the case file, and what they are."""

    counts: str
    sha256: str
    quality_table: str = ""
    first: StrictInt
    last: StrictInt
    known: Month
    origin: Origin
    synthetic: StrictBool = False


class Care(Model):
    """Section `care`. years: how many are forecast after the last 31 March counted."""

    years: Annotated[StrictInt, Field(ge=1, le=15)] = 5
    otherwise: str = ""
    categories: dict[str, Category] = Field(default_factory=dict)
    returns: Returns | None = None
    entries: dict[str, Assumed] = Field(default_factory=dict)
    prior_size: Assumed = None
    correlation: Assumed = None
    prices: dict[str, Assumed] = Field(default_factory=dict)
    uplift: dict[str, Assumed] = Field(default_factory=dict)
    spread: dict[str, Assumed] = Field(default_factory=dict)


def check_care(tree, found):
    """Note what is wrong with a tree's care; found: {dotted key: Assumption or None}."""
    made = schema._validate(Care, funding.said(tree.data.get("care") or {}), KEY, tree)
    for key, entry in found.items():
        path = tuple(key.split("."))
        if path[:1] == KEY and entry is not None:
            _check_number(entry, path, tree)
    if made is None or made.returns is None:
        return
    if made.otherwise not in made.categories:
        tree.problem((*KEY, "otherwise"), made.otherwise or "nothing", ", ".join(made.categories))
    for path in needed({name: one.uplift for name, one in made.categories.items()}):
        if leaf(tree.data, path) is None and not measures._unknown_yet(tree, path):
            tree.problem(path, "nothing", "an assumption: no price, no run")


def needed(uplifts):
    """Paths of the assumptions that children in categories {name: uplift} need."""
    parts = [(part, name) for part in ("prices", "spread") for name in uplifts]
    parts += [("uplift", name) for name in dict.fromkeys(uplifts.values())]
    parts += [("entries", name) for name in ENTRIES] + [("prior_size",), ("correlation",)]
    return [(*KEY, *part) for part in parts]


def _check_number(entry, path, tree):
    unit = ENTRIES.get(path[-1]) if path[1] == "entries" else UNITS.get(path[1])
    if unit is None:
        return
    if entry.unit != unit:
        tree.problem((*path, "unit"), entry.unit or "nothing", unit)
    if entry.values:
        tree.problem((*path, "values"), "values by period", "one number")
    if path[1] == "prices":
        if not re.fullmatch(r"20\d\d-\d\d", entry.as_of or ""):
            tree.problem((*path, "as_of"), entry.as_of or "nothing", "a financial year: its prices")
        if entry.funded_by != FUND:
            tree.problem((*path, "funded_by"), entry.funded_by or "nothing", FUND)


def counted(case):
    """Counts of a case's SSDA903 returns, or None where it has none known by its date."""
    from sufficiency.case.returns.ssda903_counts import known_counts  # pandas: half a second

    told = case.value("care.returns", None)
    if told is None:
        return None
    path = next(file for file in case.files if file.name == told["counts"])
    return known_counts(path, told["sha256"])


def beside(data):
    """Names of the files beside a case that its care rests on."""
    told = mapping(mapping(data.get("care")).get("returns"))
    return [told[name] for name in ("counts", "quality_table") if told.get(name)]
