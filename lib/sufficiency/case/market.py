"""The section `market` of a case: its plain leaves, and how lots, routes and numbers must agree."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt, create_model

from sufficiency.case import funding, measures, schema
from sufficiency.case.files import mapping
from sufficiency.case.quantity import Model, Month, Number, nearest

KEY = ("market",)
# Names of assumptions by unit. The nearest counts: a lot's on a route, a route's, a lot's, all's.
NAMES = {
    "requests/year": ("call_offs",),
    "providers": ("providers",),
    "providers/year": ("entry",),
    "places": ("existing", "places", "reserve_places"),
    "miles": ("distance_local", "distance_away"),
    "months": ("stay", "slippage"),
    "hours": ("diligence", "management.small", "management.middle", "management.large",
              "stages.hours", "stages.each"),
    "days": ("stages.days",),
    "GBP": ("tender", "reopening", "per_bid", "capital", "legal_costs"),
    "GBP/hour": ("officer_rate",),
    "GBP/place/year": ("transport_local", "transport_away"),
    "share/year": ("growth", "exit", "claim", "index.provider", "index.general"),
    "ratio": ("child_spread", "complex_price", "interim", "provider_spread", "suits_complex",
              "accept_price", "displacement", "premium", "two_bidders", "more_bidders",
              "joins_small", "joins_local", "ceiling", "reserve_price", "stages.cap"),
    "share": ("complex", "urgent", "named", "court", "quality_weight", "small", "local",
              "registered", "quality", "suits", "accept", "accept_occupancy", "accept_complex",
              "margin", "joins", "joins_later", "risk_loading", "volume_discount", "fails",
              "novation", "leakage", "known", "reserve_fails", "lost_margin", "stages.share"),
}
UNITS = {name: unit for unit, names in NAMES.items() for name in names}
PRICES = {"place": "GBP/place/year", "case": "GBP/case"}
SIGNED = ("growth", "premium", "two_bidders", "more_bidders", "slippage", "index.provider",
          "index.general")
LAST_MONTH = 12 * 9999 + 11


def assumed(node):
    """Check that what is to be an assumption is one."""
    if not isinstance(node, dict):
        raise ValueError("an assumption: central, or low, central and high, with unit and quality")
    return node


def year_of_weights(months):
    """Check the weights of the months of a year."""
    if len(months) != 12 or min(months) < 0 or not sum(months):
        raise ValueError("12 weights, April first, none below 0 and not all 0")
    return months


Assumed = Annotated[Any, AfterValidator(assumed)]
Count = Annotated[StrictInt, Field(ge=0)]


class Told(Model):
    """A fact in words and plain numbers, with where it comes from."""

    label: str = ""
    known: Month | None = None
    source: str = ""
    note: str = ""


class Deadline(Told):
    """By when a route was to be there, and when that was said."""

    month: Month
    planned: Month | None = None


class Late(Told):
    """How late, or how much longer than meant, another framework was."""

    months_late: Number


class Budget(Told):
    """What the council says it spends a year, and by how many buyers."""

    annual: Annotated[Number, Field(gt=0)]
    buyers: Annotated[StrictInt, Field(ge=1)] = 1
    at_least: StrictBool = False


class Advertised(Told):
    """A framework as its notice describes it."""

    value_ex_vat: Number
    value_inc_vat: Number
    years: Number
    lots: tuple[str, ...] = ()
    notices: tuple[Month, ...] = ()
    tenders_closed: date | None = None
    awards_expected: date | None = None


def holding(name, names, **fields):
    """A model of assumptions by these names, and of other fields."""
    fields |= {each: (Assumed, None) for each in names}
    return create_model(name, __base__=Model, **fields)


Index = holding("Index", ("provider", "general"))
Costs = holding("Costs", ("hours", "each", "days", "cap", "share"))
# Hours a member of a list a year, by its spend: below and above two bounds, GBP.
Management = holding("Management", ("small", "middle", "large"),
                     bounds=(tuple[Number, Number] | None, None))
Numbers = holding("Numbers", ("price", *(name for name in UNITS if "." not in name)),
                  management=(Management, Management()), index=(Index, Index()))


class Stage(Costs):
    """One step of a route: whom it asks, in which order, how many (0 all), by which rule."""

    pool: Literal["list", "open", "outside", "known", "reserved", "direct"]
    order: Literal["rank", "price", "quality", "distance", "chance"] = "rank"
    invite: Count = 0
    rule: Literal["in_turn", "quotes", "competition", "fixed"]
    when: Literal["always", "before", "after"] = "always"


class Reserve(Model):
    """Places, or cases a year, paid for whether used or not: from when, for how many months."""

    start: Month | None = None
    term: Annotated[StrictInt, Field(ge=1, le=120)] = 48


class ProviderList(Reserve):
    """A list of providers, and after how many months it opens again (0 never)."""

    reopens_every: Count = 0
    most: Count = 0
    registered_only: StrictBool = False
    indexation: Literal["provider", "general", "fixed", "refresh"] = "provider"


class Route(Numbers):
    """A route to market: its stages in order, and the list and reserved places they use.

    otherwise: whom no stage places, and everyone before it opens, goes the way of the reference.
    """

    label: str
    says: str
    kind: Literal["spot", "gated_spot", "fragmented", "closed_framework", "approved_list",
                  "open_framework", "dynamic_market", "block", "block_with_extras", "cascade",
                  "in_house", "joint", "direct_payment"]
    teams: Annotated[StrictInt, Field(ge=1)] = 1
    stages: Annotated[dict[str, Stage], Field(min_length=1)]
    otherwise: Literal["reference"] | None = None
    lots: dict[str, Numbers] = Field(default_factory=dict)
    reserve: Reserve | None = None
    list: ProviderList | None = None


class Lot(Numbers):
    """What is bought together: a setting of the placements, or requests counted here."""

    label: str
    setting: str | None = None
    demand: Literal["placements", "direct"]
    basis: Literal["place", "case"] = "place"
    pricing: Literal["posted", "bids", "reduced"]
    law: Literal["light_touch", "sub_central"] = "light_touch"
    vat: Annotated[Number, Field(ge=0, le=1)] | None = None
    months: Annotated[tuple[Number, ...], AfterValidator(year_of_weights)] | None = None
    patience: Count = 3
    urgent_days: Annotated[Number, Field(ge=0)] = 5


class Mix(Model):
    """A route for each lot."""

    label: str
    lots: dict[str, str]


class Market(Numbers):
    """Section `market`; compare and in_use are the routes and lots of the case, as printed."""

    first: Month | None = Field(None, alias="from")
    years: Annotated[StrictInt, Field(ge=1, le=8)] | None = None
    reference: str | None = None
    proposal: str | None = None
    compare: tuple[str, ...] = ()
    in_use: tuple[str, ...] = ()
    deadline: Deadline | None = None
    record: dict[str, Late] = Field(default_factory=dict)
    budget: Budget | None = None
    advertised: Advertised | None = None
    stages: dict[Literal["in_turn", "quotes", "competition", "fixed"], Costs] = Field(
        default_factory=dict)
    lots: dict[str, Lot] = Field(default_factory=dict)
    routes: dict[str, Route] = Field(default_factory=dict)
    mixes: dict[str, Mix] = Field(default_factory=dict)


def check_market(tree, found):
    """Note what is wrong with a tree's market; found: {dotted key: Assumption or None}."""
    said = funding.said(tree.data.get("market") or {})
    made = schema._validate(Market, said, KEY, tree)
    numbers = {key: entry for key, entry in found.items() if key.startswith("market.") and entry}
    for key, entry in numbers.items():
        _check_number(key, entry, tree)
    if made is None:
        return
    for name, route in made.routes.items():
        _check_route((*KEY, "routes", name), route, tree)
    for name, lot in made.lots.items():
        _check_lot((*KEY, "lots", name), lot, made, numbers, tree)
    _check_names(made, tree)
    if made.lots:
        _check_dates(made, tree)
        _check_premium(made, numbers, tree)


def _check_number(key, entry, tree):
    path = tuple(key.split("."))
    group = path[-2] if path[-2] in ("management", "index") else "stages"
    name = f"{group}.{path[-1]}" if f"{group}.{path[-1]}" in UNITS else path[-1]
    unit = UNITS.get(name)
    if name in SIGNED and unit != entry.unit:
        tree.problem((*path, "unit"), entry.unit or "nothing", unit)
    elif unit and name not in SIGNED:
        measures._check_number(entry, unit, path, tree)


def _check_route(path, route, tree):
    for name, stage in route.stages.items():
        at = (*path, "stages", name)
        if stage.pool == "list" and route.list is None:
            tree.problem((*at, "pool"), "list", "a route with `list:`, to say when it opens")
        if stage.when != "always" and route.list is None:
            tree.problem((*at, "when"), stage.when, "always: the route has no `list:` to open")
        if stage.pool == "reserved" and route.reserve is None:
            tree.problem((*at, "pool"), "reserved", "a route with `reserve:`, to say from when")
        fixed = stage.pool in ("reserved", "direct")
        if fixed != (stage.rule == "fixed"):
            allowed = "fixed" if fixed else "in_turn, quotes or competition"
            tree.problem((*at, "rule"), stage.rule, f"{allowed}: the pool is {stage.pool}")
    again = route.list and route.list.reopens_every
    if again and again >= route.list.term:
        tree.problem((*path, "list", "reopens_every"), again,
                     f"less than its term of {route.list.term} months, or 0 for never")


def _check_lot(path, lot, made, numbers, tree):
    settings = list(mapping(tree.data.get("settings")))
    if lot.setting is not None and lot.setting not in settings:
        allowed = ", ".join(settings) + nearest(lot.setting, settings)
        tree.problem((*path, "setting"), lot.setting, allowed)
    if (lot.demand == "placements") != (lot.setting is not None):
        tree.problem((*path, "demand"), lot.demand, "placements with a setting, else direct")
    if lot.setting is not None and lot.basis == "case":
        tree.problem((*path, "basis"), "case", "place: the lot is a setting")
    price = numbers.get(".".join((*path, "price")))
    if price and price.unit != PRICES[lot.basis]:
        tree.problem((*path, "price", "unit"), price.unit or "nothing",
                     f"{PRICES[lot.basis]}: the lot is by {lot.basis}")
    elif price:
        measures._check_number(price, price.unit, (*path, "price"), tree)
    needed = ("providers", "places") + ("price", "call_offs") * (lot.demand == "direct")
    for name in needed if not made.in_use or path[-1] in made.in_use else ():
        if getattr(lot, name) is None and not measures._unknown_yet(tree, (*path, name)):
            tree.problem((*path, name), "nothing", "an assumption: every such lot has its own")


def _check_names(made, tree):
    """Note routes and lots that are named and are not there."""
    for name, route in made.routes.items():
        _check_named((*KEY, "routes", name, "lots"), route.lots, made.lots, tree)
    _check_named((*KEY, "compare"), made.compare, made.routes, tree)
    _check_named((*KEY, "in_use"), made.in_use, made.lots, tree)
    for name in ("reference", "proposal"):
        if getattr(made, name) is not None and made.compare:
            _check_named((*KEY, name), [getattr(made, name)], made.compare, tree)
    route = made.routes.get(made.reference)
    if route and route.otherwise:
        tree.problem((*KEY, "routes", made.reference, "otherwise"), "reference",
                     "nothing: it is the reference itself")
    for name, mix in made.mixes.items():
        path = (*KEY, "mixes", name, "lots")
        _check_named(path, mix.lots, made.lots, tree)
        _check_named(path, mix.lots.values(), made.compare, tree)
        left = set(made.in_use or made.lots) & set(made.lots) - set(mix.lots)
        if left:
            tree.problem(path, f"no route for {', '.join(sorted(left))}", "a route for every lot")


def _check_named(path, names, have, tree):
    for name in names:
        if name not in have:
            tree.problem(path, name, (", ".join(have) or "none: there are none")
                         + nearest(name, have))


def _month(text):
    return 12 * int(text[:4]) + int(text[5:]) - 1


def _check_dates(made, tree):
    for name, alias in (("first", "from"), *[(n, n) for n in ("years", "reference", "proposal")]):
        if getattr(made, name) is None:
            tree.problem((*KEY, alias), "nothing", "a value: the case has lots")
    if made.first and made.first[5:] != "04":
        tree.problem((*KEY, "from"), made.first, "an April: financial years are counted")
    end = _month(made.first) + 12 * made.years if made.first and made.years else LAST_MONTH
    last, horizon = end // 12 - 1, tree.data.get("horizon", {}).get("last_january")
    forecast = [name for name in made.in_use or made.lots
                if name in made.lots and made.lots[name].demand == "placements"]
    if end != LAST_MONTH and forecast and isinstance(horizon, int) and last > horizon:
        tree.problem((*KEY, "years"), made.years, f"years up to {horizon}, horizon.last_january: "
                     f"children of {', '.join(forecast)} are forecast no further")
    for name in made.compare:
        route = made.routes.get(name)
        for part in ("list", "reserve") if route else ():
            opens, path = getattr(route, part), (*KEY, "routes", name, part, "start")
            if opens and opens.start is None:
                tree.problem(path, "nothing", "the month it is to open: the route is compared")
            elif opens and _month(opens.start) >= end:
                tree.problem(path, opens.start, f"a month of the {made.years} years from "
                             f"{made.first}, or before")
    if made.deadline and made.deadline.planned and made.deadline.planned > made.deadline.month:
        tree.problem((*KEY, "deadline", "planned"), made.deadline.planned,
                     f"{made.deadline.month}, the deadline, or earlier")


def _check_premium(made, numbers, tree):
    """Note a premium on prices that simulated competition makes."""
    lots = [name for name in made.in_use or made.lots if name in made.lots
            and made.lots[name].pricing == "bids"]
    for lot in lots:
        for route in made.compare:
            keys = [f"market.{place}premium" for place in (
                f"routes.{route}.lots.{lot}.", f"routes.{route}.", f"lots.{lot}.", "")]
            key = next((key for key in keys if key in numbers), None)
            if key and not (numbers[key].certain and numbers[key].central in (0, None)):
                tree.problem(tuple(key.split(".")), f"{numbers[key].central:g} where lot {lot} "
                             "bids", "0: competition is simulated, nothing is added to it")
