"""The section `appraisal` of a case: options, criteria and risks, and how they must agree."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictInt

from sufficiency.case import funding, measures, schema
from sufficiency.case.files import mapping
from sufficiency.case.market import Assumed, Told, _check_named, holding
from sufficiency.case.quantity import Model, Month, Number, QuantityError

KEY = ("appraisal",)
NOTHING = "do_nothing"
# Numbers of an option with flows of its own; all but the first are each option's own.
FLOWS = {"optimism_bias": "share", "capital": "GBP", "running": "GBP/year",
         "avoided": "GBP/place/year", "places": "places", "occupancy": "share"}
# What a criterion may be read from: the net present cost, or a column of `outcomes.by_route`.
OUTCOMES = ("days", "unplaced", "distance", "local", "small", "registered", "quality", "hhi", "top",
            "void_place_years", "officer_cost")
LEVELS, COLOURS = ("low", "medium", "high"), ("green", "amber", "red")
# Likelihood (a row) by impact (a column), low to high: the colours of a risk.
RATING = (("green", "green", "amber"), ("green", "amber", "red"), ("amber", "red", "red"))


def _rated(node):
    """Check one side of a risk."""
    judged = isinstance(node, dict) and set(node) == {"likelihood", "impact"}
    if not (node in COLOURS if isinstance(node, str) else
            judged and all(level in LEVELS for level in node.values())):
        raise ValueError("green, amber or red as the source rates it, or likelihood and impact, "
                         "each low, medium or high")
    return node


def rating(side):
    """One side of a risk -> (colour, who rates it: source or judgement); None gives blanks."""
    if isinstance(side, dict):
        at = (LEVELS.index(side[name]) for name in ("likelihood", "impact"))
        return RATING[next(at)][next(at)], "judgement"
    return (side, "source") if side else ("", "")


def changes(text):
    """"key=value; key=value" -> {key: value}, numbers only."""
    try:
        pairs = (part.split("=") for part in text.split(";") if part.strip())
        return {key.strip(): float(value) for key, value in pairs}
    except ValueError:
        raise ValueError("assumptions and numbers: key=0.2; key=3") from None


def _bands(rates):
    """Check discount rates by band of years."""
    spans = [re.fullmatch(r"(\d+)-(\d+)", name) for name in rates]
    ends = [-1, *(int(span[2]) for span in spans if span)]
    for at, (name, span) in enumerate(zip(rates, spans, strict=True)):
        if not span or int(span[1]) != ends[at] + 1 or int(span[2]) < int(span[1]):
            raise QuantityError([((name,), repr(name), "bands of years, the first from 0, each "
                                  "from the year after the last: 0-30, 31-75")])
    return rates


def bands(rates):
    """Discount rates by band, {"0-30": rate} -> [(first year, last year, rate)]."""
    return [(*map(int, name.split("-")), rate) for name, rate in rates.items()]


def _score(node):
    """Check a score: a number of 0 to 100, or an assumption."""
    if not (isinstance(node, dict) or (type(node) in (int, float) and 0 <= node <= 100)):
        raise ValueError("0 to 100, or an assumption in points")
    return node


def _wait(node):
    """Check months: a number, or an assumption."""
    if not (isinstance(node, dict) or (type(node) in (int, float) and node >= 0)):
        raise ValueError("0 or more, or an assumption in months")
    return node


def _told_changes(text):
    """Check what a state of the world sets."""
    if not isinstance(text, str) or not changes(text):
        raise ValueError("assumptions and numbers: key=0.2; key=3")
    return text


Side = Annotated[Any, AfterValidator(_rated)]


class Option(holding("Flows", FLOWS)):
    """One way to go: by a route of the market, with flows of its own beside it, or one that fails.

    Own flows, at the prices of the appraisal: capital in the financial year of `starts`; running
    costs, and what used places no longer cost elsewhere, from opens_months after `starts`. Use
    grows to `occupancy` over ramp_months. beside: it can be had with any other option, so that it
    is set against the reference alone and competes with none.
    """

    label: str = ""
    says: str = ""
    kind: Literal["route", "invest_to_save"] = "route"
    route: str | None = None
    fails: dict[str, str] = Field(default_factory=dict)
    beside: bool = False
    opens_months: Annotated[Any, AfterValidator(_wait)] = 0.0
    ramp_months: Annotated[Number, Field(ge=0)] = 0.0
    life_years: Annotated[StrictInt, Field(ge=1, le=100)] | None = None
    starts: Month | None = None


class Criterion(Model):
    """What counts beside cash: an outcome, or scores 0 to 100; swing: worst to best, in points."""

    label: str
    outcome: Literal["cost", *OUTCOMES] | None = Field(None, alias="from")
    scores: dict[str, Annotated[Any, AfterValidator(_score)]] | None = None
    better: Literal["low", "high"] = "high"
    swing: Annotated[Number, Field(ge=0)]
    quality: Literal["council", "judgement", "illustrative"]
    source: str = ""
    note: str = ""


class Risk(Told):
    """What could go wrong, how it is rated without and with the proposal, and who holds it."""

    label: str
    without: Side = None
    with_proposal: Side = Field(None, alias="with")
    mitigation: str = ""
    owner: str = ""


class State(Model):
    """A state of the world: assumptions at given numbers, "key=value; key=value"."""

    label: str
    set: Annotated[Any, AfterValidator(_told_changes)]


class Appraisal(Model):
    """Section `appraisal` of a case; options, criteria and risks are printed in this order."""

    discount: Annotated[dict[str, Assumed], AfterValidator(_bands)] = Field(default_factory=dict)
    optimism_bias: Assumed = None
    prices: funding.FinancialYear | None = None
    years: Annotated[StrictInt, Field(ge=1, le=100)] | None = None
    reference: str = NOTHING
    proposal: str = ""
    options: dict[str, Option] = Field(default_factory=dict)
    success_factors: dict[str, str] = Field(default_factory=dict)
    criteria: dict[str, Criterion] = Field(default_factory=dict)
    risks: dict[str, Risk] = Field(default_factory=dict)
    states: dict[str, State] = Field(default_factory=dict)


def check_appraisal(tree, found):
    """Note what is wrong with a tree's appraisal; found: {dotted key: Assumption or None}."""
    said = funding.said(tree.data.get("appraisal") or {})
    made = schema._validate(Appraisal, said, KEY, tree)
    for key, entry in found.items():
        if key.startswith("appraisal.") and entry:
            _check_number(tuple(key.split(".")), entry, tree)
    if made is None or not made.options:
        return
    market = funding.said(mapping(tree.data.get("market")))
    market = market if market.get("lots") else {}
    _check_choice(made, tree)
    if made.reference not in made.options or NOTHING not in made.options:
        return
    for name, option in made.options.items():
        _check_option((*KEY, "options", name), option, made, market, tree)
    _check_criteria(made, market, tree)
    _check_dates(made, market, tree)
    keys = [key for key, one in found.items()
            if one and not one.values and key.split(".")[0] in ("market", *KEY)]
    for name, state in made.states.items():
        late = [key for key in changes(state.set)
                if measures._unknown_yet(tree, tuple(key.split(".")))]
        _check_named((*KEY, "states", name, "set"), changes(state.set), keys + late, tree)


def _check_number(path, entry, tree):
    # A group's name tells what a band of years or an option's score is.
    unit = {"discount": "share/year", "scores": "points"}.get(
        path[-2], {**FLOWS, "opens_months": "months"}.get(path[-1]))
    if unit:
        measures._check_number(entry, unit, path, tree)
    reach = measures._reach(entry)
    if unit == "points" and reach is not None and not 0 <= reach[0] <= reach[1] <= 100:
        tree.problem(path, f"{reach[0]:.0f} to {reach[1]:.0f}", "0 to 100: say min: 0, max: 100")


def _check_choice(made, tree):
    """Note options that are named and not there, and a proposal that cannot be."""
    if NOTHING not in made.options:
        tree.problem((*KEY, "options"), ", ".join(made.options),
                     f"{NOTHING} among them: what happens if nothing is decided")
    elif made.reference not in made.options:
        _check_named((*KEY, "reference"), [made.reference], made.options, tree)
    _check_named((*KEY, "proposal"), filter(None, [made.proposal]), made.options, tree)
    proposed = made.options.get(made.proposal)
    if proposed and proposed.fails:
        tree.problem((*KEY, "proposal"), f"{made.proposal}, which fails "
                     f"{', '.join(proposed.fails)}", "an option that fails nothing")


def _check_dates(made, market, tree):
    """Note years and prices that no market says, or that are not among its own."""
    first, most = market.get("from"), market.get("years")
    for name in () if market else ("prices", "years"):
        if getattr(made, name) is None:
            tree.problem((*KEY, name), "nothing", "a value: there is no market to say it")
    if type(first) is not str or type(most) is not int:
        return
    if (made.years or 0) > most:
        tree.problem((*KEY, "years"), made.years, f"at most {most}, the years of the market")
    if made.prices and not 0 <= int(made.prices[:4]) - int(first[:4]) < most:
        tree.problem((*KEY, "prices"), made.prices, f"one of the {most} years from {first}")
    for name, option in made.options.items():
        if option.starts and option.starts < first:
            tree.problem((*KEY, "options", name, "starts"), option.starts,
                         f"{first}, the first month of the market, or later")


def _check_option(path, option, made, market, tree):
    own = option.kind == "invest_to_save"
    _check_named((*path, "fails"), option.fails, made.success_factors, tree)
    routes = {name: market.get(name, {}) for name in ("routes", "mixes")}
    known, rest = [*routes["routes"], *routes["mixes"]], path[-1] == made.reference
    if option.route is not None:
        _check_named((*path, "route"), [option.route], known, tree)
    elif not (own or option.fails or rest):
        tree.problem((*path, "route"), "nothing", (", ".join(known) or "none: there is no market")
                     + "; or kind: invest_to_save, or what it fails")
    if rest and option.route not in (None, market.get("reference")):
        tree.problem((*path, "route"), option.route, "nothing, or the market's own reference"
                     + f", {market['reference']}" * ("reference" in market))
    route = option.route or (market.get("reference") if rest else None)
    if route not in routes["routes"] and (route is None or route in known):
        for name in ("label", "says"):
            if not getattr(option, name):
                tree.problem((*path, name), "nothing", "a text: no route of the market says it")
    needed = [*[*FLOWS][1:], "life_years", "starts"]
    given = [name for name in FLOWS if getattr(option, name) is not None]
    if given and not own:
        tree.problem((*path, given[0]), "an option without flows of its own",
                     "nothing, or kind: invest_to_save")
    if option.beside and (not own or option.route not in (None, market.get("reference"))
                          or path[-1] in (made.reference, made.proposal)):
        tree.problem((*path, "beside"), "true", "false: only what invests to save, by the "
                     "market's reference, and is neither reference nor proposal, stands beside")
    for name in needed if own else ():
        if getattr(option, name) is None and not measures._unknown_yet(tree, (*path, name)):
            tree.problem((*path, name), "nothing", "a value: the option invests to save")
    if own and option.optimism_bias is None and made.optimism_bias is None:
        tree.problem((*path, "optimism_bias"), "nothing", "its own, or appraisal.optimism_bias")


def _check_criteria(made, market, tree):
    scored = [name for name, option in made.options.items()
              if not option.beside and (name == made.reference or not option.fails)]
    for name, one in made.criteria.items():
        path = (*KEY, "criteria", name)
        if (one.outcome is None) == (one.scores is None):
            tree.problem((*path, "from"), one.outcome or "nothing",
                         "an outcome to read it from, or `scores`: one of the two")
        if one.outcome not in (None, "cost") and not market:
            tree.problem((*path, "from"), one.outcome, "cost or scores: the case has no market")
        if one.scores is not None:
            _check_named((*path, "scores"), one.scores, made.options, tree)
            left = [option for option in scored if option not in one.scores]
            if left:
                tree.problem((*path, "scores"), f"none for {', '.join(left)}",
                             "a score for every option that fails nothing")
    if made.criteria and not any(one.swing for one in made.criteria.values()):
        tree.problem((*KEY, "criteria"), "no swing above 0", "one that counts, at least")
