"""A case from person-level SEN2 returns: rates as counted, held flat, and what had to be assumed.

Beside the modules the folder may hold establishments.csv (urn or ukprn, type or setting),
population.csv (calendar-year, academic-year, population) and costs.csv (setting, cost: GBP a
placement-year). What is missing is taken from the national file, or held level, with a notice.
"""

import re
from pathlib import Path

import pandas as pd

from sufficiency.case.files import CaseError
from sufficiency.case.new_parts import (
    BASE,
    about,
    counts_of,
    held_flat,
    short,
    table,
    unit_cost,
)
from sufficiency.case.quantity import nearest
from sufficiency.case.returns import Problems, Quality, read_csv
from sufficiency.case.returns.sen2_counts import read_sen2
from sufficiency.case.returns.transitions import AGES, read_population, stock

# Headings of the Department's register of schools for the type of an establishment
TYPES = ("setting", "type", "typeofestablishment_name")
INVENTED = "synthetic example"


def sen2_case(name, folder, national, establishments=None, people=None):
    """The tree of a case, the files beside it {name: text}, what of the rows read, and notices.

    national: the national file's tree, with the `returns` that say what codes mean. people:
    population (January, age_0 ... age_25) and its source, or None. Refuses malformed files, a code
    or a cost of a setting that is none, a cost that is not above 0.
    """
    folder, problems, more = Path(folder), Problems(), Quality()
    codes, settings = national["returns"]["sen2_settings"], list(national["settings"])
    for code, setting in codes.items():
        if setting not in settings:
            raise CaseError(f"returns.sen2_settings.{code}: found {setting!r}; allowed "
                            f"{', '.join(settings)}{nearest(setting, settings)}")
    beside = folder / "establishments.csv"
    path = Path(establishments) if establishments else beside if beside.is_file() else None
    types, notices = read_types(path, national, problems, more) if path else ({}, [])
    costs = _own_costs(folder / "costs.csv", settings, problems, more)
    own = folder / "population.csv"
    if people is None and own.is_file():
        people = read_population(own, problems, more), "population.csv of the SEN2 folder"
    problems.stop(f"files beside the SEN2 modules in {folder.name}")
    found = read_sen2(folder, codes, types)
    tree, text = _tree(name, found, national, costs)
    notices = [*found.notices, *notices, *_population(tree, found, people), *tree.pop("notices")]
    quality = pd.concat([found.quality, more.table()], ignore_index=True)
    quality.attrs = found.quality.attrs | {"kept": found.quality.attrs["kept"] | (
        {path.name: "establishments"} if path else {})}
    return tree, {f"{name}.counts.csv": text}, quality, notices


def read_types(path, national, problems, quality):
    """{urn or ukprn: setting} of a file of establishments, and notices of types not in the case."""
    kinds = {_plain(kind): setting
             for kind, setting in national["returns"]["establishment_types"].items()}
    kinds |= {_plain(setting): setting for setting in national["settings"]}
    frame = read_csv(path, problems, encodings=("utf-8-sig", "cp1252"))
    if frame is None:
        return {}, []
    frame.columns = ["line", *("_".join(re.findall("[a-z0-9]+", name.lower()))
                               for name in frame.columns[1:])]
    kind = next((name for name in TYPES if name in frame), None)
    numbers = [name for name in ("urn", "ukprn") if name in frame]
    if kind is None or not numbers or frame.columns.duplicated().any():
        problems.add(path, 1, "found no column of a type beside urn or ukprn, or one twice; "
                     f"allowed urn, ukprn and {' or '.join(TYPES)}")
        return {}, []
    setting = frame[kind].map(_plain).map(kinds)
    quality.add(path.name, len(frame))
    quality.lose(path.name, frame.loc[setting.isna(), "line"],
                 f"{kind}: not in returns.establishment_types")
    quality.lose(path.name, frame.loc[(frame[numbers].apply(lambda x: x.str.strip()) == "").all(
        axis=1), "line"], "neither urn nor ukprn")
    types = {}
    for name in numbers:
        number = frame[name].str.strip()
        types |= dict(zip(number[setting.notna() & (number != "")],
                          setting[setting.notna() & (number != "")], strict=True))
    strange = frame.loc[setting.isna(), kind].value_counts()
    return types, [f"{path.name}: type {what!r} is not in returns.establishment_types: {count} "
                   "establishments left out" for what, count in strange.head(5).items()]


def _plain(text):
    return " ".join(re.findall("[a-z0-9]+", str(text).lower()))


def _own_costs(path, settings, problems, quality):
    """{setting: GBP a placement-year} of costs.csv, empty without one."""
    if not path.is_file():
        return {}
    frame = read_csv(path, problems, ["setting"], ["cost"], ["setting"])
    for row in frame.itertuples() if frame is not None else ():
        if row.setting not in settings:
            problems.add(path, row.line, f"setting: found {row.setting!r}; allowed "
                         f"{', '.join(settings)}{nearest(row.setting, settings)}")
        elif not row.cost > 0:
            problems.add(path, row.line, "cost: found nothing, or 0; allowed GBP a year above 0")
    quality.add(path.name, 0 if frame is None else len(frame))
    return {} if frame is None else dict(zip(frame["setting"], frame["cost"], strict=True))


def _tree(name, found, national, costs):
    """The case without its population, and the text of its counts; `notices` among its keys."""
    counts, last = found.counts, int(found.counts["year"].max())
    known, year = f"{last + 1}-03", f"{last}-{(last + 1) % 100:02d}"
    quality, made = ("illustrative", f" ({INVENTED})") if found.synthetic else ("council", "")
    text = counts.to_csv(index=False, lineterminator="\n")
    there = _there(counts)
    places = [place for place in national["settings"] if place in there.index]
    plans = counts[counts["kind"] != "joiner"].pivot_table("count", "year", "place", "sum")
    for january in sorted({int(first) + 1 for first in counts["year"]} - {*plans.index}):
        plans.loc[january] = stock(counts, january).groupby("place").sum()
    units, notices = _units(places, costs, national, year, known, quality, made)
    settings, wider = _settings(places, there, national["settings"])
    title = about(name, last + 1, known)
    if found.synthetic:
        title["title"] = f"{INVENTED.capitalize()}: {title['title'][0].lower()}{title['title'][1:]}"
        title["council"]["name"] += f" ({INVENTED})"
        notices.insert(0, "the returns say that they are synthetic, and so does the case")
    said = {"plans_by_setting": (plans.sort_index().reindex(columns=places).fillna(0), "plans"),
            "flows": (found.flows, "children/year"),
            "ceased_by_reason": (found.ceased, "plans/year")}
    return {
        **title, "settings": dict.fromkeys(national["settings"]) | settings,
        "transitions": counts_of(
            name, text, {place: [to for to in places if to != place] for place in places},
            synthetic=found.synthetic),
        "published": {
            key: table(frame, dict.fromkeys(frame.index, known), unit,
                       f"person-level SEN2 returns{made}", quality)
            for key, (frame, unit) in said.items()},
        "placements": held_flat(known, national, _backlog(found, known, quality, made)),
        "costs": {"ledger": {"base_year": year, "lines": None}, "unit": units},
        "notices": notices + wider}, text


def _backlog(found, known, quality, made):
    """Plans to come of requests over 20 weeks old, as an assumption; nothing of fewer than 8.

    To the nearest 5: the assumption is printed, and is a count of children.
    """
    plans = 5.0 * round(found.waiting["plans"].sum() / 5)
    if plans < 8:
        return {}
    return {"low": 0.7 * plans, "central": plans, "high": 1.3 * plans, "min": 0, "known": known,
            "quality": quality, "source": f"the last person-level SEN2 return{made}",
            "note": "Requests not finished 20 weeks after they came, times the shares agreed and "
            "issued; range: a judgement, for records left open and requests withdrawn"}


def _there(counts):
    """Lowest and highest age at which children were in each place, at 31 August before a January.
    """
    here = counts[["place", "age"]]
    stays = counts[counts["kind"].isin(["mover", "stayer"])]
    to = stays["destination"].where(stays["kind"] == "mover", stays["place"])
    after = pd.DataFrame({"place": to, "age": stays["age"] + 1})
    return pd.concat([here, after]).groupby("place")["age"].agg(["min", "max"])


def _settings(places, there, national):
    """Settings in use with ages that hold everybody counted, and a notice of each made wider."""
    made, notices = {}, []
    for place in places:
        low, high = national[place]["ages"]
        seen = there.loc[place]
        ages = [min(low, int(seen["min"])), max(high, int(seen["max"]))]
        made[place] = national[place] | {"ages": ages, "published": False}
        if ages != [low, high]:
            notices.append(f"{place}: children of {seen['min']} to {seen['max']} were counted; its "
                           f"ages {low} to {high} are made {ages[0]} to {ages[1]}")
    return made, notices


def _units(places, costs, national, year, known, quality, made):
    """A unit cost for each place: the folder's, else the national proxy."""
    proxies = national["costs"]["proxies"]
    source = f"costs.csv of the SEN2 folder{made}"
    units = {place: unit_cost(costs[place], year, known, quality, source)
             if place in costs else unit_cost(proxies[place]["gbp"], BASE, "2023-01", "proxy",
                                              proxies[place]["source"]) for place in places}
    lent = [place for place in places if place not in costs]
    return units, [f"unit costs of {', '.join(lent)} are England's of {BASE} (costs.proxies): put "
                   "the council's own in costs.csv (setting, cost)"] * bool(lent)


def _population(tree, found, people):
    """Put a population into the tree; without one of every year counted joiners are held level."""
    frame, source = people or (None, "")
    if frame is not None:
        frame = frame.reindex(columns=[f"age_{age}" for age in AGES])
        frame = frame[(frame > 0).all(axis=1)]
        years = {int(first) + 1 for first in found.counts["year"]}
        if years <= set(frame.index):
            known = tree["published"]["flows"]["rows"]
            month = max(row["known"] for row in known.values())
            tree["published"]["population"] = table(
                frame, dict.fromkeys(frame.index, month), "people", source,
                "illustrative" if found.synthetic else "council")
            return [f"population: {source}", *short(frame, tree)]
    missing = "no population was given" if frame is None else (
        "the population does not have every age in the years counted")
    return [f"{missing}: joiners are held level, whatever the number of children becomes; give "
            "population.csv in the folder, or --published DIR --council NAME"]
