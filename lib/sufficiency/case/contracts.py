"""The section `contracts` of a case: its files, the pipeline, published figures and budgets."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt, create_model

from sufficiency.case import funding, measures, schema
from sufficiency.case.files import CaseError, leaf, mapping
from sufficiency.case.market import Assumed
from sufficiency.case.quantity import QUALITIES, Model, Month, Number

KEY = ("contracts",)
FILES = ("register", "spend")
BOUNDS = ("at_least", "about", "at_most")
# What a council may have printed, and its unit.
PUBLISHED = {
    "total": "GBP a year", "growth": "share", "top_ten_share": "share", "top_ten_growth": "share",
    "on_contract": "share of the top ten", "spot_contracts": "contracts", "block_places": "places",
    "plans": "plans",
}


def one_bound(figure):
    """Check that a printed figure is said in one way."""
    if sum(getattr(figure, name) is not None for name in BOUNDS) != 1:
        raise ValueError(f"one of {', '.join(BOUNDS)}")
    return figure


class Cited(Model):
    """What is said, by whom."""

    label: str = ""
    quality: Literal[QUALITIES]
    source: str
    note: str = ""


class Figure(Cited):
    """A figure as a council printed it: over (at_least), about, or almost (at_most) so much."""

    at_least: Number | None = None
    about: Number | None = None
    at_most: Number | None = None


Printed = create_model(
    "Printed", __base__=Model, __doc__="Figures the council printed, and when they were known.",
    known=(Month, ...),
    **{name: (Annotated[Figure, AfterValidator(one_bound)] | None, None) for name in PUBLISHED})


class Stage(Model):
    """A stage of re-buying a contract, and how many whole months it takes."""

    name: str
    months: Annotated[StrictInt, Field(ge=1)]


class Pipeline(Cited):
    """How many months before a contract's end work begins, and its stages, the first first."""

    lead_months: Annotated[StrictInt, Field(ge=1, le=60)]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]


class Owned(Model):
    """A supplier, as the files name it, and who owns it in the end."""

    supplier: str
    owner: str


class Boards(Model):
    """A budget, GBP a year, and the weights by which boards share it: {board: ratio}."""

    label: str = ""
    total: Assumed = None
    weights: dict[str, Assumed] = Field(default_factory=dict)


class Contracts(Model):
    """Section `contracts`. register, spend: CSVs beside the case file or in params/.

    synthetic: their rows are invented; everything made of them says so.
    """

    contract_register: str = Field("", alias="register")
    spend: str = ""
    synthetic: StrictBool = False
    owners: tuple[Owned, ...] = ()
    pipeline: Pipeline | None = None
    published: Printed | None = None
    boards: Boards | None = None


def check_contracts(tree, found):
    """Note what is wrong with a tree's contracts; found: {dotted key: Assumption or None}."""
    said = funding.said(tree.data.get("contracts") or {})
    made = schema._validate(Contracts, said, KEY, tree)
    _check_boards(mapping(mapping(said).get("boards")), found, tree)
    if made is None:
        return
    if made.pipeline:
        months = sum(stage.months for stage in made.pipeline.stages)
        if months != made.pipeline.lead_months:
            tree.problem((*KEY, "pipeline", "stages"), f"{months} months together",
                         f"{made.pipeline.lead_months}, the lead_months")
    names = [" ".join(pair.supplier.split()).casefold() for pair in made.owners]
    for n, pair in enumerate(made.owners):
        if names[n] in names[:n]:
            tree.problem((*KEY, "owners", n), f"{pair.supplier} twice", "one owner a supplier")


def _check_boards(said, found, tree):
    path = (*KEY, "boards")
    for name, entry in found.items():
        at = tuple(name.split("."))
        if at[:2] == path:
            measures._check_number(entry, "ratio" if "weights" in at else "GBP/year", at, tree)
    names = [".".join((*path, "weights", name)) for name in mapping(said.get("weights"))]
    weights = [found.get(name) for name in names]
    later = not weights and any(at[:3] == (*path, "weights") and len(at) > 3 for at in tree.where)
    if said and len(weights) < 2 and not later:
        tree.problem((*path, "weights"), len(weights), "the weights of two boards or more")
    elif weights and all(entry and entry.central == 0 for entry in weights):
        tree.problem((*path, "weights"), "all 0", "one above 0")
    total = (*path, "total")
    if said and leaf(tree.data, total) is None and not measures._unknown_yet(tree, total):
        tree.problem(total, "nothing", "the budget the boards share, GBP/year")


def input_files(said, folders):
    """Paths of the files that a section names, each in the first of the folders that has it."""
    made = []
    for part in FILES:
        if name := said.get(part):
            tried = [folder / name for folder in folders]
            path = next((path for path in tried if path.is_file()), None)
            if path is None:
                raise CaseError(f"contracts.{part}: found no file {name}; allowed one beside the "
                                "case file or in params/")
            made.append(path)
    return made
