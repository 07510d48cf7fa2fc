"""Savings measures of a case: what each is, and everything that can be wrong with one."""

from itertools import permutations
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field, StrictBool, StrictInt

from sufficiency.case import schema
from sufficiency.case.copula import copula_correlation, short_chance
from sufficiency.case.files import leaf, mapping
from sufficiency.case.quantity import FUNDS, Assumption, Model, Month, Number, nearest


class Kind(NamedTuple):
    """Unit of a kind's size; whether it names a setting and a `to`: yes, no, or may (None)."""

    unit: str
    setting: bool | None = False
    to: bool = False
    families_appeal: bool = False


KINDS = {
    "new_places": Kind("places", True, True),
    "redirect": Kind("share", True, True, families_appeal=True),
    "step_down": Kind("share", True, True, families_appeal=True),
    "front_door": Kind("share", families_appeal=True),
    "cessation": Kind("share", None, families_appeal=True),
    "backlog": Kind("months"),
    "price": Kind("share", True),
    "uplift": Kind("share/year", True),
    "market": Kind("", True),
    "cash_profile": Kind("GBP/year"),
}
# Plans are reviewed for it when a child moves to secondary school: aged 11 at 31 August.
TRANSFER_AGES = (11, 11)
UNITS = {"slippage": "months", "appeal_reversal": "share", "place_funding": "GBP/place/year",
         "start_up": "GBP", "cost": "GBP/year"}
EXTREMES = (2.0**-53, 1 - 2.0**-53)
PROGRAMME = ("safety_valve",)
SIMULATED = ("size", "share_of_programme", "end", "ramp", "delivery", "slippage", "causes", "ages")


def _kind(name):
    if name not in KINDS:
        raise ValueError(", ".join(KINDS) + nearest(name, KINDS))
    return name


class Ramp(Model):
    """How a measure's effect grows to its full size, over so many months."""

    shape: Literal["step", "linear", "logistic"] = "step"
    months: Annotated[Number, Field(ge=0)] = 0.0


class Delivery(Model):
    """Chances that a measure delivers nothing and everything; else the share it delivers."""

    none: Assumption | None = None
    full: Assumption | None = None
    part: Assumption | None = None


class Cause(Model):
    """What makes measures fall short together: chance that another does, given that one has.

    further_delay: months that all of them are still to be delayed.
    """

    label: str = ""
    if_one_slips: Assumption | None = None
    further_delay: Assumption | None = None


class Measure(Model):
    """One measure of a savings programme; numbers are assumptions, ages at 31 August.

    start and end are the first and the last month in which it works, before slippage. A
    cash_profile may say, instead of its size, what share of safety_valve.programme.savings it is.
    One of a `set` counts when safety_valve.programme.set names that. A market is bought by `route`
    in a `lot` of the case from the financial year of `start`, against the market's reference route.
    """

    label: str
    strand: str = ""
    set: str = ""
    kind: Annotated[str, AfterValidator(_kind), Field(json_schema_extra={"enum": list(KINDS)})]
    setting: str | None = None
    to: str | None = None
    route: str | None = None
    lot: str | None = None
    ages: tuple[StrictInt, StrictInt] | None = None
    size: Assumption | None = None
    share_of_programme: Assumption | None = None
    start: Month
    end: Month | None = None
    ramp: Ramp = Ramp()
    delivery: Delivery | None = None
    slippage: Assumption | None = None
    causes: tuple[str, ...] = ()
    appeal_reversal: Assumption | None = None
    place_funding: Assumption | None = None
    start_up: Assumption | None = None
    cost: Assumption | None = None
    cashable: StrictBool = True
    funded_by: Literal[FUNDS]
    owner: str = ""
    rag: Literal["red", "amber", "green"] = "amber"

    @property
    def between(self):
        """Lowest and highest age it is for."""
        return self.ages or (TRANSFER_AGES if self.kind == "step_down" else (0, 25))


def check_measures(tree):
    """Note what is wrong with a tree's measures and their causes -> {name: Measure}, in order.

    A measure whose size was not known by the date of the tree is left out: nor was the measure.
    """
    found, said = {}, mapping(tree.data.get("safety_valve"))
    for part in ("measures", "causes"):
        if not isinstance(said.get(part) or {}, dict):
            tree.problem((*PROGRAMME, part), repr(said[part]), "a mapping, name: what it is")
    shared = {name: schema._validate(Cause, node, (*PROGRAMME, "causes", name), tree)
              for name, node in mapping(said.get("causes")).items()}
    usual = _usual(said, tree) if said.get("measures") else None
    for name, node in mapping(said.get("measures")).items():
        path = (*PROGRAMME, "measures", name)
        if any(_unknown_yet(tree, (*path, size)) for size in ("size", "share_of_programme")):
            continue
        made = schema._validate(Measure, node, path, tree)
        if made is not None:
            found[name] = made
            _check_measure(made, path, shared, tree)
    _check_causes(found, shared, usual, tree)
    path = (*PROGRAMME, "programme", "set")
    asked = leaf(tree.data, path)
    sets = sorted({str(node["set"]) for node in mapping(said.get("measures")).values()
                   if mapping(node).get("set")})  # of those not known yet as well
    if found and asked and asked not in sets:
        tree.problem(path, repr(asked), ", ".join(sets) or "nothing: no measure is of a set")
    return {name: made for name, made in found.items() if made.set in ("", asked)}


def _unknown_yet(tree, path):
    """Whether the file says it and the tree, made for a date, no longer does."""
    return leaf(tree.data, path) is None and path in tree.where


def _usual(said, tree):
    """Delivery of measures that say nothing of their own."""
    for name in ("slippage", "further_delay"):
        if said.get(name) is not None:
            made = schema._validate(Assumption, said[name], (*PROGRAMME, name), tree)
            _check_number(made, "months", (*PROGRAMME, name), tree)
    if said.get("delivery") is None:
        return None
    made = schema._validate(Delivery, said["delivery"], (*PROGRAMME, "delivery"), tree)
    if made is not None:
        _check_delivery(made, (*PROGRAMME, "delivery"), tree)
    return made


def _check_measure(made, path, shared, tree):
    if made.kind != "market":
        _check_size(made, path, tree)
    _check_places(made, path, tree)
    _check_ages(made, path, tree)
    if made.end is not None and made.end < made.start:
        tree.problem((*path, "end"), made.end, f"{made.start}, the month it starts, or later")
    if made.funded_by != "dsg_high_needs":
        tree.problem((*path, "funded_by"), made.funded_by, "dsg_high_needs: a saving of another "
                     "fund is none in the high needs account")
    for name, unit in UNITS.items():
        _check_number(getattr(made, name), unit, (*path, name), tree)
    if made.place_funding is not None and made.kind != "new_places":
        tree.problem((*path, "place_funding"), f"kind {made.kind}", "new_places alone opens places")
    if made.appeal_reversal is not None and not KINDS[made.kind].families_appeal:
        able = ", ".join(name for name, kind in KINDS.items() if kind.families_appeal)
        tree.problem((*path, "appeal_reversal"), f"kind {made.kind}",
                     f"families can appeal: {able}")
    if made.delivery is not None:
        _check_delivery(made.delivery, (*path, "delivery"), tree)
    for name, default in (("delivery", made.delivery), ("slippage", made.slippage)):
        own, whole = default is not None or made.kind == "market", (*PROGRAMME, name)
        if not own and leaf(tree.data, whole) is None and whole not in tree.where:
            tree.problem((*path, name), "nothing", f"its own, or safety_valve.{name} for all")
    for cause in made.causes:
        if cause not in shared:
            allowed = ", ".join(shared) or "none: the case has none"
            tree.problem((*path, "causes"), cause, allowed + nearest(cause, shared))


def _check_size(made, path, tree):
    if made.share_of_programme is not None:
        return _check_share(made, (*path, "share_of_programme"), tree)
    unit, path = KINDS[made.kind].unit, (*path, "size")
    if made.size is None:
        return tree.problem(path, "nothing", f"how much it does, in {unit}")
    periods = [when for when in made.size.values or () if isinstance(when, int)]
    if periods and made.kind == "cash_profile":
        tree.problem((*path, "values", str(periods[0])), periods[0], "a financial year: 2025-26")
    _check_number(made.size, unit, path, tree, dated=made.kind == "cash_profile")


def _check_share(made, path, tree):
    _check_number(made.share_of_programme, "share", path, tree)
    if made.kind != "cash_profile" or made.size is not None:
        tree.problem(path, f"a {made.kind}" + " with a size" * (made.size is not None),
                     "a cash_profile without a size of its own")
    whole = mapping(leaf(tree.data, (*PROGRAMME, "programme", "savings")))
    rows = mapping(whole.get("values") or (whole.get("vintages") or [{}])[-1].get("values"))
    ranged = any(isinstance(row, dict) and "low" in row for row in rows.values())
    if not rows or ranged or "central" in whole:
        tree.problem((*PROGRAMME, "programme", "savings"), "nothing, a range, or one number",
                     "GBP/year by financial year, certain, for measures to have a share of")


def shared_sizes(found, known):
    """Sizes of the measures that are a share of the programme: {key: Assumption}, GBP/year.

    The central share of each year's programme; as certain as the programme is.
    """
    whole, made = known.get("safety_valve.programme.savings"), {}
    for name, measure in found.items() if whole and whole.values else ():
        if (part := measure.share_of_programme) is not None:
            values = {when: entry.model_copy(update={"central": part.central * entry.central})
                      for when, entry in whole.values.items()}
            made[f"safety_valve.measures.{name}.size"] = whole.model_copy(
                update={"values": values, "quality": part.quality, "vintages": None,
                        "source": f"{part.central:.0%} of safety_valve.programme.savings"})
    return made


def _check_number(made, unit, path, tree, dated=False):
    """Note a wrong unit, a series by period, or a value below 0, of an assumption if any."""
    if made is None:
        return
    if made.unit != unit:
        tree.problem((*path, "unit"), made.unit or "nothing", unit)
    if made.values and not dated:
        return tree.problem((*path, "values"), "values by period", "one number")
    for when, entry in (made.values or {"": made}).items():
        numbers = [x for x in (entry.low, entry.central, entry.high) if x is not None]
        place = (*path, "values", str(when)) if made.values else path
        if min(numbers, default=0) < 0:
            tree.problem(place, f"{min(numbers):g}", "0 or more")
        elif numbers and (least := made.quantile(EXTREMES, when or None)[0]) < 0:
            tree.problem(place, f"a range that reaches {least:.2g}",
                         "0 or more: say min: 0, or bring low nearer to central")


def _reach(made):
    """Least and greatest value in any world; None of what is dated, or has only vintages."""
    if made is None or made.values or made.central is None:
        return None
    return made.quantile(EXTREMES)


def _check_places(made, path, tree):
    settings, kind = list(mapping(tree.data.get("settings"))), KINDS[made.kind]
    market, ours = mapping(tree.data.get("market")), made.kind == "market"
    routes, lots = (list(mapping(market.get(name))) for name in ("routes", "lots"))
    for name, needed, able in (("setting", kind.setting, settings), ("to", kind.to, settings),
                               ("route", ours, routes), ("lot", ours, lots)):
        value, allowed = getattr(made, name), ", ".join(able) or "nothing: the case has none"
        if value is None and needed:
            tree.problem((*path, name), "nothing", f"{allowed}: kind {made.kind} has one")
        elif value is not None and needed is False:
            tree.problem((*path, name), value, f"nothing: kind {made.kind} has none")
        elif value is not None and value not in able:
            tree.problem((*path, name), value, allowed + nearest(value, able))
    for name in SIMULATED if ours else ():
        if name in made.model_fields_set and getattr(made, name) is not None:
            tree.problem((*path, name), "a market with it",
                         "nothing: who joins, how much and how late is simulated")
    theirs = leaf(market, ("lots", made.lot or "", "setting"))
    if theirs not in (None, made.setting):
        tree.problem((*path, "setting"), made.setting, f"{theirs}, the setting of {made.lot}")
    if made.to is not None and made.to == made.setting:
        tree.problem((*path, "to"), made.to, "another setting than the one they leave")


def _check_ages(made, path, tree):
    low, high = made.between
    if not 0 <= low <= high <= 25:
        return tree.problem((*path, "ages"), f"{low} to {high}", "0 to 25, the lowest age first")
    taken = leaf(tree.data, ("settings", made.to, "ages")) if made.ages and made.to else None
    if isinstance(taken, list) and [type(age) for age in taken] == [int, int] and not (
            taken[0] <= low and high <= taken[1]):
        tree.problem((*path, "ages"), f"{low} to {high}",
                     f"{taken[0]} to {taken[1]}, the ages of {made.to}")


def _check_delivery(made, path, tree):
    for name in Delivery.model_fields:
        value = getattr(made, name)
        if value is None and not _unknown_yet(tree, (*path, name)):
            tree.problem((*path, name), "nothing", "none, full (chances) and part, the share else")
        _check_number(value, "share", (*path, name), tree)
    reaches = [_reach(made.none), _reach(made.full)]
    if all(reach is not None for reach in reaches) and sum(r[1] for r in reaches) > 1 + 1e-9:
        tree.problem((*path, "full"), "chances of none and of full that reach "
                     f"{sum(r[1] for r in reaches):.3g} together", "at most 1")


def _check_causes(measures, shared, usual, tree):
    """Note a chance of slipping together that no two measures can have, and causes too many."""
    fulls = {name: (made.delivery or usual or Delivery()).full for name, made in measures.items()}
    chances = {name: short_chance(full.central_value()) for name, full in fulls.items()
               if _reach(full) is not None}
    load = dict.fromkeys(chances, 0.0)
    for cause, made in shared.items():
        if made is None:
            continue
        asked, path = made.if_one_slips, (*PROGRAMME, "causes", cause, "if_one_slips")
        if asked is None and not _unknown_yet(tree, path):
            tree.problem(path, "nothing", "the chance that another falls short, given one has")
        _check_number(asked, "share", path, tree)
        _check_number(made.further_delay, "months", (*path[:-1], "further_delay"), tree)
        sharing = [name for name in chances if cause in measures[name].causes]
        if _reach(asked) is None or not _possible(asked, [chances[n] for n in sharing], path, tree):
            continue
        for name in sharing:
            # One cause that explains all, in a world far out, is possible; two are not.
            alone = len(measures[name].causes) == 1
            most = asked.central if alone else _reach(asked)[1]
            load[name] += float(copula_correlation(chances[name], most))
    for name, total in load.items():
        if total >= 1:
            tree.problem((*PROGRAMME, "measures", name, "causes"),
                         f"causes that together explain {total:.0%} of its delivery",
                         "less than 100%: fewer causes, or lower if_one_slips")


def _possible(asked, chances, path, tree):
    """Whether measures that fall short with these chances can slip together as asked."""
    low, high = _reach(asked)
    least = max(chances, default=0.0)
    most = min((min(1.0, q / p) for p, q in permutations(chances, 2)), default=1.0)
    if least - 1e-9 <= low and high <= most + 1e-9:
        return True
    shown = f"{low:.3g}" if low == high else f"a range from {low:.3g} to {high:.3g}"
    return tree.problem(path, shown, f"{least:.3g}, as likely as it is anyway, to {most:.3g}, the "
                        "most that two of its measures can; min and max hold a range there")
