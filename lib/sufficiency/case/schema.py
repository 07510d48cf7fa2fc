"""What a case file may say: the parts with fixed names, and the check of a whole tree."""

import json
import re
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, StrictBool, StrictInt, ValidationError
from pydantic.json_schema import models_json_schema

from sufficiency.case import quantity, table
from sufficiency.case.quantity import Assumption, Model, QuantityError, nearest

SECTIONS = ("placements", "costs")
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ +-]*")
HINTS = ("central", "values", "vintages")
NAME = "letters, digits, _ - + and spaces"
NOT_HIGH_NEEDS = ("transport", "casework")


class Council(Model):
    """Who the case is about, in the Department's names."""

    name: str
    short: str
    la_code: str = ""
    region: str = ""


class Horizon(Model):
    """How far the case looks: the last January with a caseload."""

    last_january: Annotated[StrictInt, Field(ge=2000, le=2100)]


class Annex(Model):
    """What the annex is for, and which notebooks it holds."""

    decision: Literal["approve", "note", "annual_report"] = "note"
    title: str = ""
    notebooks: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()


class Steps(Model):
    """Length of a step of age and time, first age and number of ages."""

    per_year: Literal[1, 4] = 1
    first_age: Annotated[StrictInt, Field(ge=0, le=25)] = 0
    ages: Annotated[StrictInt, Field(ge=1, le=26)] = 26


class Setting(Model):
    """A place children can be: its name in print, ages at 31 August, group, own statistics."""

    label: str
    ages: tuple[StrictInt, StrictInt]
    group: str
    published: StrictBool = True


class Transitions(Model):
    """Where the counts of a case made from a transitions folder are, and which moves it allows."""

    counts: str
    sha256: str
    moves: dict[str, list[str]] = Field(default_factory=dict)


class CaseFile(Model):
    """The top level of a case file."""

    extends: str | None = None
    title: str = ""
    council: Council
    as_at: Annotated[date, Field(strict=True)]
    horizon: Horizon
    annex: Annex = Annex()
    steps: Steps = Steps()
    settings: dict[str, Setting]
    transitions: Transitions | None = None
    published: dict[str, table.Published] = Field(default_factory=dict)
    placements: dict[str, Any] = Field(default_factory=dict)
    costs: dict[str, Any] = Field(default_factory=dict)
    scenarios: dict[str, dict[str, Any]] = Field(default_factory=dict)


def is_assumption(node):
    """Whether a mapping is an assumption: it has `central`, `values` or `vintages`."""
    return isinstance(node, dict) and any(name in node for name in HINTS)


def assumptions(node, path=()):
    """Every assumption's path and mapping below a node."""
    if is_assumption(node):
        yield path, node
    elif isinstance(node, dict):
        for key, child in node.items():
            yield from assumptions(child, (*path, str(key)))


def check(tree):
    """Note every problem of a merged tree."""
    data = {key: value for key, value in tree.data.items() if value is not None}
    validate(CaseFile, data, (), tree)
    settings = data.get("settings")
    for name, setting in settings.items() if isinstance(settings, dict) else ():
        ages = setting.get("ages") if isinstance(setting, dict) else None
        if not KEY.fullmatch(str(name)):
            tree.problem(("settings", name), repr(name), NAME)
        if isinstance(ages, list) and [*map(type, ages)] == [int, int] and ages[0] > ages[1]:
            tree.problem(("settings", name, "ages"), ages, "the lowest age first")
    table.check(data.get("published"), settings, tree)
    for section in SECTIONS:
        _check_names(data.get(section), (section,), tree)
        for path, mapping in assumptions(data.get(section), (section,)):
            check_assumption(mapping, path, tree)


def validate(model, data, path, tree):
    """The model made of data, or None with every problem noted."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for problem in error.errors():
            for where, found, allowed in _explain(model, problem):
                tree.problem((*path, *where), found, allowed)


def check_assumption(mapping, path, tree):
    """Note what is wrong with one assumption, as a model and as a row of the log."""
    made = validate(Assumption, mapping, path, tree)
    if made is None:
        return
    parts = [*(made.vintages or ()), *(made.values or {}).values()]
    parts += [made] if made.central is not None else []
    for name in ("known", "quality", "unit"):
        if not all(getattr(part, name, None) or getattr(made, name) for part in parts):
            tree.problem((*path, name), "nothing", f"the {name} of every number")
    for part in parts:
        quality = part.quality or made.quality
        why = quality == "judgement" and (part.note or made.note)
        if quality != "illustrative" and not (part.source or made.source or why):
            role = ": whose judgement and why (or in note)" if quality == "judgement" else ""
            tree.problem((*path, "source"), "nothing", f"the source of every number{role}")
    words = [word for word in NOT_HIGH_NEEDS if word in ".".join(path)]
    if path[0] == "costs" and (made.unit or "").startswith("GBP") and not made.funded_by:
        tree.problem((*path, "funded_by"), "nothing", "who pays: " + ", ".join(quantity.FUNDS))
    if words and made.funded_by == "dsg_high_needs":
        allowed = f"another fund: {words[0]} is no charge on the high needs block"
        tree.problem((*path, "funded_by"), "dsg_high_needs", allowed)


def check_origins(tree):
    """Note numbers the case's own file gives while it leaves the source to a file it extends."""
    own = tree.place(()).rpartition(":")[0]
    for path, mapping in assumptions(tree.data):
        mine = {leaf for leaf in mapping if tree.place((*path, leaf)).rpartition(":")[0] == own}
        for leaf in mine & set(quantity.NUMBERS):
            if not mine & {"source", "note"} and {"source", "note"} & set(mapping):
                tree.problem((*path, leaf), f"a number of {own} alone", "its own source beside it")


def _check_names(node, path, tree):
    if not isinstance(node, dict) or is_assumption(node):
        return
    stray = {"low", "high", "unit", "quality", "known"} & set(node)
    if len(stray) > 1:
        allowed = "a number in central, values or vintages"
        tree.problem(path, f"{', '.join(sorted(stray))} without a number", allowed)
    for key, child in node.items():
        if not KEY.fullmatch(str(key)):
            tree.problem((*path, key), repr(key), NAME)
        _check_names(child, (*path, key), tree)


def _explain(model, error):
    """A pydantic error in the house's words: (path, found, allowed) each."""
    kind, loc, value, context = error["type"], error["loc"], error["input"], error.get("ctx", {})
    cause, loc = context.get("error"), tuple(part for part in loc if part != "[key]")
    if isinstance(cause, QuantityError):
        return [((*loc, *path), found, allowed) for path, found, allowed in cause.problems]
    found, shown = "nothing" if kind == "missing" else repr(value), error["msg"]
    if kind == "extra_forbidden":
        names = _fields(model, loc)
        found, shown = "a key nobody reads", ", ".join(names) + nearest(loc[-1], names)
    elif kind == "missing":
        shown = "a value: it is required"
    elif cause is not None:
        shown = str(cause)
    elif kind.startswith(("float", "finite", "int")):
        shown = "a whole number" if kind.startswith("int") else "a number"
        if isinstance(value, str) and re.fullmatch(r"\s*-?[\d.]+\s*%\s*", value):
            shown += f": write {float(value.strip().rstrip('%')) / 100:g}"
    elif kind == "literal_error":
        shown = context["expected"] + nearest(value, quantity.UNITS if loc[-1] == "unit" else ())
    elif kind.startswith("date"):
        shown = "a date such as 2026-03-31"
    elif kind in ("model_type", "dict_type"):
        shown = "a mapping, key: value"
    return [(loc, found, shown.removeprefix("Input should be "))]


def _fields(model, loc):
    for part in loc[:-1]:
        field = model.model_fields.get(part)
        model = next(_models(field.annotation), model) if field else model
    return list(model.model_fields)


def _models(kind):
    if isinstance(kind, type) and issubclass(kind, Model):
        yield kind
    for part in get_args(kind):
        yield from _models(part)


def write_schema(path):
    """Write the JSON Schema of case files, for editors, from the models."""
    path.write_text(schema_text(), encoding="utf-8", newline="\n")


def schema_text():
    """JSON Schema of a case file; parts may be missing, since a file extends another."""
    models = [(model, "validation") for model in (CaseFile, Assumption)]
    definitions = models_json_schema(models)[1]["$defs"]
    for model in definitions.values():
        model.pop("required", None)
    node = {"$ref": "#/$defs/Node"}
    plain = {"type": ["string", "number", "boolean", "array", "null"]}
    group = {"type": "object", "additionalProperties": node}
    told = {"anyOf": [{"required": [name]} for name in HINTS]}
    ranged = {"allOf": [told, {"$ref": "#/$defs/Assumption"}]}
    definitions["Node"] = {"anyOf": [plain, ranged, {**group, "not": told}]}
    top = definitions.pop("CaseFile")
    top["properties"] |= dict.fromkeys(SECTIONS, group)
    top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps({**top, "$defs": definitions}, indent=1, sort_keys=True) + "\n"
