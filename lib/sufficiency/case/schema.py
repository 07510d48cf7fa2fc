"""What a case file may say: the parts with fixed names, and the check of a whole tree."""

import json
import re
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, StrictBool, StrictInt, ValidationError
from pydantic.json_schema import models_json_schema

from sufficiency.case import (
    care,
    contracts,
    funding,
    market,
    measures,
    options,
    paper,
    quantity,
)
from sufficiency.case.files import leaf, mapping
from sufficiency.case.quantity import Assumption, Model, QuantityError, nearest
from sufficiency.case.table import Published, Row

SECTIONS = ("placements", "costs", "safety_valve", "market", "appraisal", "contracts", "care")
HINTS = ("central", "values", "vintages")
ABOUT = {"low", "high", "unit", "quality", "known"}
NOT_HIGH_NEEDS = ("transport", "casework")
# What is allowed, by the first word of pydantic's kind of error.
ALLOWED = {
    "missing": "a value: it is required", "float": "a number", "finite": "a number",
    "int": "a whole number", "date": "a date such as 2026-03-31",
    "model": "a mapping, key: value", "dict": "a mapping, key: value",
}


def ascending(ages):
    """Check a lowest and a highest age."""
    if ages[0] > ages[1]:
        raise ValueError("the lowest age first")
    return ages


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
    """What the annex is for, which notebooks it holds, why its exempt edition is exempt."""

    decision: Literal["approve", "note", "annual_report"] = "note"
    title: str = ""
    notebooks: tuple[str, ...] = ()
    exempt: str = ""


class Steps(Model):
    """Length of a step of age and time, first age and number of ages."""

    per_year: Literal[1, 4] = 1
    first_age: Annotated[StrictInt, Field(ge=0, le=25)] = 0
    ages: Annotated[StrictInt, Field(ge=1, le=26)] = 26


class Setting(Model):
    """A place children can be: name in print, ages at 31 August, group, statistics published."""

    label: str
    ages: Annotated[tuple[StrictInt, StrictInt], AfterValidator(ascending)]
    group: str
    published: StrictBool = False


class Transitions(Model):
    """Where the counts of a case made from a return are, and which moves it allows.

    synthetic: the children are invented.
    """

    counts: str
    sha256: str
    moves: dict[str, list[str]] = Field(default_factory=dict)
    synthetic: StrictBool = False


class Returns(Model):
    """Which setting a code of a person-level return means: SENsetting, type of establishment."""

    sen2_settings: dict[str, str] = Field(default_factory=dict)
    establishment_types: dict[str, str] = Field(default_factory=dict)


class CaseFile(Model):
    """The top level of a case file.

    quality_table: the file beside it that says which rows of what it was made from were used.
    """

    extends: str | None = None
    title: str = ""
    council: Council
    as_at: Annotated[date, Field(strict=True)]
    as_known: quantity.Month | None = None
    horizon: Horizon
    annex: Annex = Annex()
    steps: Steps = Steps()
    settings: dict[str, Setting]
    transitions: Transitions | None = None
    returns: Returns = Returns()
    quality_table: str = ""
    published: dict[str, Published] = Field(default_factory=dict)
    placements: dict[str, Any] = Field(default_factory=dict)
    costs: dict[str, Any] = Field(default_factory=dict)
    safety_valve: dict[str, Any] = Field(default_factory=dict)
    market: dict[str, Any] = Field(default_factory=dict)
    appraisal: dict[str, Any] = Field(default_factory=dict)
    contracts: dict[str, Any] = Field(default_factory=dict)
    care: dict[str, Any] = Field(default_factory=dict)
    paper: dict[str, Any] = Field(default_factory=dict)
    happened: list[Any] = Field(default_factory=list)
    scenarios: dict[str, dict[str, Any]] = Field(default_factory=dict)


def is_assumption(node):
    """Whether a mapping is an assumption: `central`, `values` or `vintages`, or meant to be one."""
    if not isinstance(node, dict):
        return False
    told = [name for name in ABOUT & node.keys() if not isinstance(node[name], dict)]
    return not node.keys().isdisjoint(HINTS) or len(told) > 1


def assumptions(node, path=()):
    """Every assumption's path and mapping in the sections of a case."""
    if path and is_assumption(node):
        yield path, node
        return
    for key in mapping(node) if path else SECTIONS:
        if isinstance(child := mapping(node).get(key), dict):
            yield from assumptions(child, (*path, key))


def check(tree):
    """Note every problem of a merged tree -> (CaseFile or None, {key: Assumption}, measures)."""
    data = {name: value for name, value in tree.data.items() if value is not None}
    made, path = _validate(CaseFile, data, (), tree), ("published", "plans_by_setting", "rows")
    columns = [*mapping(data.get("settings")), "total", "all"]
    for when, row in mapping(leaf(data, path)).items():
        for name in mapping(row).keys() - {*columns, *Row.model_fields}:
            allowed = ", ".join(columns) + nearest(name, columns)
            tree.problem((*path, when, name), "no such setting", allowed)
    found = {".".join(path): _check_assumption(node, path, tree)
             for path, node in assumptions(data)}
    _validate(funding.Funding, funding.said(data.get("safety_valve") or {}), ("safety_valve",),
              tree)
    market.check_market(tree, found)
    options.check_appraisal(tree, found)
    contracts.check_contracts(tree, found)
    care.check_care(tree, found)
    paper.check_paper(tree)
    programme, parts = measures.check_measures(tree), ("safety_valve", "measures")
    found = {key: entry for key, entry in found.items()  # not what no measure in use says
             if (path := tuple(key.split(".")))[:2] != parts or path[2] in programme}
    return made, found | measures.shared_sizes(programme, found), programme


def _validate(model, data, path, tree):
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for problem in error.errors():
            for where, found, allowed in _explain(model, problem):
                tree.problem((*path, *where), found, allowed)


def _check_assumption(node, path, tree):
    """The assumption, or what is wrong with it, as a model and as a row of the log."""
    made = _validate(Assumption, node, path, tree)
    if made is None:
        return None
    parts = [*(made.vintages or ()), *(made.values or {}).values()]
    for part in [*parts, made] if made.central is not None else parts:
        said = {**made.model_dump(), **part.model_dump(exclude_none=True)}
        for name in ("known", "quality", "unit"):
            if not said[name]:
                tree.problem((*path, name), "nothing", f"the {name} of every number")
        mine = said["quality"] == "judgement"
        if said["quality"] != "illustrative" and not (said["source"] or (mine and said["note"])):
            role = ": whose judgement and why (or in note)" if mine else ""
            tree.problem((*path, "source"), "nothing", f"the source of every number{role}")
    priced = ("costs", "market", "appraisal", "contracts", "care")
    money = path[0] in priced and (made.unit or "").startswith("GBP")
    if money and not made.funded_by:
        tree.problem((*path, "funded_by"), "nothing", "who pays: " + ", ".join(quantity.FUNDS))
    for word in NOT_HIGH_NEEDS if made.funded_by == "dsg_high_needs" else ():
        if word in ".".join(path):
            allowed = f"another fund: {word} is no charge on the high needs block"
            tree.problem((*path, "funded_by"), "dsg_high_needs", allowed)
    return made


def check_origins(tree):
    """Note numbers the case's own file gives while it leaves the source to a file it extends."""
    own = tree.place(()).rpartition(":")[0]
    for path, node in assumptions(tree.data):
        mine = {name for name in node if tree.place((*path, name)).rpartition(":")[0] == own}
        lent = {"source", "note"} & (node.keys() - mine)
        for name in mine & set(quantity.NUMBERS) if lent and not mine & {"source", "note"} else ():
            tree.problem((*path, name), f"a number of {own} alone", "its own source beside it")


def _explain(model, error):
    """A pydantic error in the house's words: (path, found, allowed) each."""
    kind, value, context = error["type"].split("_")[0], error["input"], error.get("ctx", {})
    loc = tuple(part for part in error["loc"] if part != "[key]")
    cause, found = context.get("error"), "nothing" if kind == "missing" else repr(value)
    if isinstance(cause, QuantityError):
        return [((*loc, *path), *rest) for path, *rest in cause.problems]
    allowed = str(cause) if cause else ALLOWED.get(kind, error["msg"])
    if kind == "extra":
        names = _fields(model, loc)
        found, allowed = "a key nobody reads", ", ".join(names) + nearest(loc[-1], names)
    elif kind == "literal":
        allowed = context["expected"] + nearest(value, quantity.UNITS if loc[-1] == "unit" else ())
    elif kind == "float" and re.fullmatch(r"-?[\d.]+ *%", str(value)):
        allowed += f": write {float(value.rstrip(' %')) / 100:g}"
    return [(loc, found, allowed.removeprefix("Input should be "))]


def _fields(model, loc):
    """Names a part of a file may have: of the model at a path, found through its fields' types."""
    for part in loc[:-1]:
        kinds = [model.model_fields[part].annotation] if part in model.model_fields else []
        while kinds:
            kind = kinds.pop()
            kinds += get_args(kind)
            model = kind if isinstance(kind, type) and issubclass(kind, Model) else model
    return [field.alias or name for name, field in model.model_fields.items()]


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
