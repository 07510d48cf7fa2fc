"""A transitions folder, in the form existing models use, into counts: never pupil rows.

transitions.csv has a row a pupil between a January (calendar-year) and the next; NONSEND on side 1
is a joiner, on side 2 a leaver; academic years are curriculum years, age at 31 August less 4.
population.csv, valid-states.csv (settings, their years, needs and moves), costs.csv (GBP a year).
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import Problems, read_csv

OUT, AGES, AGE_OF_YEAR = "NONSEND", range(26), 4
COLUMNS = ["year", "kind", "place", "age", "destination"]


class Transitions(NamedTuple):
    """counts (year, kind, place, age, destination, count): year is the January the pair starts
    from; age at 31 August at the start, of joiners at the end. population (year, age_0 ... 25);
    states (place: setting, group, first, last, moves); costs (place) GBP a year; rows read;
    unusable (line, reason); warnings.
    """

    counts: pd.DataFrame
    population: pd.DataFrame
    states: pd.DataFrame
    costs: pd.Series
    rows: int
    unusable: pd.DataFrame
    warnings: list


def read_transitions(folder, by_need=False):
    """Read, check and count a folder -> Transitions; a place is a setting, or setting+need.

    Rows that cannot be used are listed; counted rows and they add up to the rows read. Malformed
    files, a missing population and a state in use without a cost stop, all problems at once.
    """
    folder, problems = Path(folder), Problems()
    rows, population, states, costs = _files(folder, problems)
    problems.raise_any(f"transitions folder {folder}")
    reason = _reasons(rows, states)
    used = rows[reason == ""]
    unusable = rows[["line"]].assign(reason=reason)[reason != ""]
    if not len(used):
        problems.add("transitions.csv", 1, f"none of {len(rows)} rows can be used")
    _check_population(population, used, problems)
    costs = _costs(costs, used, by_need, problems)
    problems.raise_any(f"transitions folder {folder}")
    counts = _counts(used, by_need)
    if by_need:
        places = sorted(set(counts["place"]) | set(counts["destination"]) - {""})
        states = states.loc[[place.split("+")[0] for place in places]].set_axis(places)
    return Transitions(counts, population, states[states.index.isin(costs.index)], costs,
                       len(rows), unusable, _warnings(counts, unusable))


def stock(counts, january):
    """Children on a January by place and age, from the pair that ends there: (place, age)."""
    pair = counts[(counts["year"] == january - 1) & (counts["kind"] != "leaver")]
    place = pair["destination"].where(pair["kind"] == "mover", pair["place"])
    age = pair["age"] + (pair["kind"] != "joiner")
    return pair["count"].groupby([place.rename("place"), age.rename("age")]).sum()


def known_counts(path, sha256, known_by=""):
    """The counts kept beside a case: pairs that ended by a month. Refuses a changed file."""
    text = ["kind", "place", "destination"]
    counts = read_csv(path, text, ["year", "age", "count"], COLUMNS, whole=True)
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise ValueError(f"{path.name}: changed since the case was made; allowed the file whose "
                         f"sha256 is {sha256[:12]}...")
    counts = counts.drop(columns="line").astype({"year": int, "age": int, "count": int})
    return counts[(counts["year"] + 1).astype(str) + "-01" <= (known_by or "9999")]


def _files(folder, problems):
    sides = ["setting-1", "need-1", "setting-2", "need-2"]
    years = ["calendar-year", "academic-year-1", "academic-year-2"]
    told = {"whole": True, "signed": True, "problems": problems}
    rows = read_csv(folder / "transitions.csv", sides, years, **told)
    population = read_csv(folder / "population.csv", [], ["calendar-year", "academic-year",
                          "population"], ["calendar-year", "academic-year"], **told)
    limits = ["min-academic-year", "max-academic-year"]
    states = read_csv(folder / "valid-states.csv", ["setting", "setting-group", "needs",
                      "setting->setting"], limits, ["setting"], **told)
    costs = read_csv(folder / "costs.csv", ["need", "setting"], ["cost"], ["need", "setting"],
                     problems=problems)
    if problems.found:
        return rows, population, states, costs
    rows["age-1"], rows["age-2"] = (rows[name] + AGE_OF_YEAR for name in years[1:])
    population["age"] = population.pop("academic-year") + AGE_OF_YEAR
    population = population.pivot(index="calendar-year", columns="age", values="population")
    states = states.set_index("setting")
    ages = (states[limits] + AGE_OF_YEAR).clip(0, AGES[-1])
    listed = states[["needs", "setting->setting"]].map(
        lambda text: [part for part in text.replace(";", ",").replace(" ", "").split(",") if part])
    states = pd.DataFrame({"setting": states.index, "group": states["setting-group"],
                           "first": ages[limits[0]], "last": ages[limits[1]],
                           "needs": listed["needs"], "moves": listed["setting->setting"]})
    return rows, population, states, costs


def _reasons(rows, states):
    """Why each row cannot be used; nothing where it can."""
    out = [(rows[f"setting-{side}"] == OUT).to_numpy() for side in (1, 2)]
    half = [out[side - 1] != (rows[f"need-{side}"] == OUT) for side in (1, 2)]
    reason = np.full(len(rows), "", dtype=object)

    def give(wrong, text):
        reason[np.asarray(wrong) & (reason == "")] = text

    give(out[0] & out[1], "NONSEND on both sides")
    give(half[0] | half[1], "half-coded NONSEND")
    give(rows["academic-year-2"] != rows["academic-year-1"] + 1, "ages do not rise by one")
    for side, away in enumerate(out, 1):
        known = states.reindex(rows[f"setting-{side}"])
        age = rows[f"age-{side}"].to_numpy()
        give(~away & known["first"].isna().to_numpy(), "setting not in valid-states.csv")
        give(~away & ((age < AGES[0]) | (age > AGES[-1])), "age outside 0 to 25")
        give(~away & ~((age >= known["first"]) & (age <= known["last"])).to_numpy(),
             "state outside its valid years")
        need = [bool(needs) and found not in needs if isinstance(needs, list) else False
                for needs, found in zip(known["needs"], rows[f"need-{side}"], strict=True)]
        give(~away & np.array(need), "need not in valid-states.csv")
    moves = states["moves"].to_dict()
    barred = [a != b and bool(moves.get(a)) and b not in moves[a]
              for a, b in zip(rows["setting-1"], rows["setting-2"], strict=True)]
    give(~out[0] & ~out[1] & np.array(barred), "move not in valid-states.csv")
    return reason


def _place(rows, side, by_need):
    place = rows[f"setting-{side}"]
    return place + "+" + rows[f"need-{side}"] if by_need else place


def _counts(used, by_need):
    joins, leaves = used["setting-1"] == OUT, used["setting-2"] == OUT
    before, after = _place(used, 1, by_need), _place(used, 2, by_need)
    kind = np.select([joins, leaves, before != after], ["joiner", "leaver", "mover"], "stayer")
    rows = pd.DataFrame({"year": used["calendar-year"].astype(int), "kind": kind,
                         "place": before.mask(joins, after),
                         "age": used["age-1"].mask(joins, used["age-2"]).astype(int),
                         "destination": after.where(kind == "mover", "")})
    return rows.groupby(COLUMNS).size().rename("count").reset_index()


def _check_population(population, used, problems):
    years = used["calendar-year"].unique() + 1
    found = population.reindex(index=range(int(min(years)), int(max(years)) + 1) if len(years)
                               else [], columns=AGES)
    for year in found.index[found.isna().any(axis=1) | (found <= 0).any(axis=1)]:
        problems.add("population.csv", 1, f"calendar-year {year}: allowed people at every "
                     f"academic-year from {AGES[0] - AGE_OF_YEAR} to {AGES[-1] - AGE_OF_YEAR}")


def _costs(costs, used, by_need, problems):
    """Mean cost of each place in use, needs weighted by children in all pairs."""
    sides = [used[[f"setting-{side}", f"need-{side}"]].set_axis(["setting", "need"], axis=1)
             for side in (1, 2)]
    states = pd.concat(sides).query("setting != @OUT").value_counts().rename("children")
    found = costs.set_index(["setting", "need"])["cost"].reindex(states.index)
    for setting, need in found.index[found.isna()]:
        problems.add("costs.csv", 1, f"need {need}, setting {setting}: found no cost; allowed GBP "
                     "a year for every state in use (no unit cost, no run)")
    table = pd.DataFrame({"cost": found, "children": states}).reset_index()
    table["place"] = table["setting"] + "+" + table["need"] if by_need else table["setting"]
    table["total"] = table["cost"] * table["children"]
    sums = table.groupby("place")[["total", "children"]].sum()
    return sums["total"] / sums["children"]


def _warnings(counts, unusable):
    """What the usual checks of such folders say, and Januaries whose two pairs do not agree."""
    found = [f"{reason}: {len(lines)} rows left out, lines {', '.join(map(str, lines[:3]))}"
             for reason, lines in unusable.groupby("reason")["line"].apply(list).items()]
    ages = sorted(set(counts["age"]))
    for kind in ("joiner", "leaver"):
        without = sorted(set(ages) - set(counts[counts["kind"] == kind]["age"]))
        if without:
            found.append(f"ages with no {kind}s: {', '.join(map(str, without))}")
    missing = sorted(set(range(ages[0], ages[-1])) - set(ages))
    if missing:
        found.append(f"ages missing: {', '.join(map(str, missing))}")
    for january in sorted(set(counts["year"]))[1:]:
        starts = counts[(counts["year"] == january) & (counts["kind"] != "joiner")]["count"].sum()
        ends = stock(counts, january).sum()
        if starts != ends:
            found.append(f"January {january}: {ends} children end a pair there, {starts} start one")
    return found
