"""A transitions folder, in the form existing models use, into counts: never pupil rows.

transitions.csv has a row a pupil between a January (calendar-year) and the next; NONSEND on side 1
is a joiner, on side 2 a leaver; academic years are curriculum years, age at 31 August less 4.
population.csv, valid-states.csv (settings, their years, needs and moves), costs.csv (GBP a year).
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import Problems, Quality, read_csv, read_kept

OUT, AGES, AGE_OF_YEAR = "NONSEND", range(26), 4
COLUMNS = ["year", "kind", "place", "age", "destination"]
LIMITS = ["min-academic-year", "max-academic-year"]
TWO_SIDES = ["setting-1", "need-1", "setting-2", "need-2"]


class Transitions(NamedTuple):
    """counts (year, kind, place, age, destination, count): year is the January the pair starts
    from; age at 31 August at the start, of joiners at the end. population (year, age_0 ... 25);
    states (place: setting, group, first, last, moves); costs (place) GBP a year; rows read;
    unusable (line, reason); warnings; quality: of `Quality.table`, of all four files.
    """

    counts: pd.DataFrame
    population: pd.DataFrame
    states: pd.DataFrame
    costs: pd.Series
    rows: int
    unusable: pd.DataFrame
    warnings: list
    quality: pd.DataFrame


def read_transitions(folder, by_need=False):
    """Read, check and count a folder -> Transitions; a place is a setting, or setting+need.

    Rows that cannot be used are listed; counted rows and they add up to the rows read. Malformed
    files, a missing population and a state in use without a cost stop, all problems at once.
    """
    folder, problems, quality = Path(folder), Problems(), Quality()
    rows, population, states, costs = _files(folder, problems, quality)
    reason = _reasons(rows, states)
    used, unusable = rows[reason == ""], rows[["line"]].assign(reason=reason)[reason != ""]
    quality.lose_by("transitions.csv", unusable, "reason")
    if not len(used):
        raise ValueError(f"transitions.csv: found {len(rows)} rows; allowed some that can be used: "
                         f"{unusable['reason'].value_counts().to_dict()}")
    years = range(int(used["calendar-year"].min()) + 1, int(used["calendar-year"].max()) + 2)
    for year in years:
        if not (population.reindex([year]) > 0).all(axis=None):
            problems.add("population.csv", 1, f"calendar-year {year}: allowed people at every "
                         f"academic-year from {AGES[0] - AGE_OF_YEAR} to {AGES[-1] - AGE_OF_YEAR}")
    costs = _costs(costs, used, by_need, problems, quality)
    problems.stop(f"transitions folder {folder}")
    counts = _counts(used, by_need)
    quality.lose("valid-states.csv", states.loc[~states["setting"].isin(
        [place.split("+")[0] for place in costs.index]), "line"], "no child was counted there")
    places = states.index if not by_need else costs.index
    states = states.loc[[place.split("+")[0] for place in places]].set_axis(places)
    return Transitions(counts, population, states[places.isin(costs.index)], costs,
                       len(rows), unusable, _warnings(counts, unusable), quality.table())


def read_population(path, problems, quality):
    """population.csv (calendar-year, academic-year, population) as (year, age_0 ... age_25).

    Rows of other ages, and of years that lack one of these, are counted in the quality.
    """
    key = ["calendar-year", "academic-year"]
    people = read_csv(path, problems, [], [*key, "population"], key, whole=True, signed=True)
    if people is None or people.isna().any(axis=None) or people.duplicated(key).any():
        return None  # noted
    people = people.astype(int).assign(age=people["academic-year"].astype(int) + AGE_OF_YEAR)
    quality.add(path.name, len(people))
    quality.lose(path.name, people.loc[~people["age"].isin(AGES), "line"],
                 f"academic-year: allowed {AGES[0] - AGE_OF_YEAR} to {AGES[-1] - AGE_OF_YEAR}")
    made = people.pivot(index="calendar-year", columns="age", values="population")
    made = made.reindex(columns=AGES).add_prefix("age_").dropna()
    quality.lose(path.name, people.loc[~people["calendar-year"].isin(made.index), "line"],
                 "its calendar-year has not every academic-year")
    return made


def stock(counts, january):
    """Children on a January by place and age, from the pair that ends there: (place, age)."""
    pair = counts[(counts["year"] == january - 1) & (counts["kind"] != "leaver")]
    place = pair["destination"].where(pair["kind"] == "mover", pair["place"])
    age = pair["age"] + (pair["kind"] != "joiner")
    return pair["count"].groupby([place.rename("place"), age.rename("age")]).sum()


def known_counts(path, sha256, known_by=""):
    """The counts kept beside a case: pairs that ended by a month. Refuses a changed file."""
    numbers = ["year", "age", "count"]
    counts = read_kept(path, sha256, COLUMNS, numbers, key=COLUMNS, whole=True)
    counts = counts.astype(dict.fromkeys(numbers, int))
    return counts[(counts["year"] + 1).astype(str) + "-01" <= (known_by or "9999")]


def _files(folder, problems, quality):
    """transitions, population (year, age), states (place) and costs, ages at 31 August."""
    def file(name, text, numbers, key=(), **told):
        frame = read_csv(folder / f"{name}.csv", problems, text, numbers, key, **told)
        quality.add(f"{name}.csv", 0 if frame is None else len(frame))
        return frame
    years = ["academic-year-1", "academic-year-2"]
    told = {"whole": True, "signed": True}
    rows = file("transitions", TWO_SIDES, ["calendar-year", *years], **told)
    people = read_population(folder / "population.csv", problems, quality)
    states = file("valid-states", ["setting", "setting-group", "needs", "setting->setting"],
                  LIMITS, ["setting"], **told)
    costs = file("costs", ["need", "setting"], ["cost"], ["need", "setting"])
    problems.stop(f"transitions folder {folder}")
    rows["age-1"], rows["age-2"] = (rows[name] + AGE_OF_YEAR for name in years)
    states = states.rename(columns={"setting-group": "group", LIMITS[0]: "first",
                                    LIMITS[1]: "last", "setting->setting": "moves"})
    for name in ("needs", "moves"):
        states[name] = states[name].str.findall(r"[^,;\s]+")
    states[["first", "last"]] = (states[["first", "last"]] + AGE_OF_YEAR).clip(0, AGES[-1])
    return rows, people, states.set_index("setting", drop=False), costs


def _reasons(rows, states):
    """Why each row cannot be used; nothing where it can."""
    out = [rows[f"setting-{side}"] == OUT for side in (1, 2)]
    half = [out[side - 1] != (rows[f"need-{side}"] == OUT) for side in (1, 2)]
    year = rows["calendar-year"]
    checks = {"calendar-year outside 2000 to 2100": ~year.between(2000, 2100),
              "NONSEND on both sides": out[0] & out[1],
              "half-coded NONSEND": half[0] | half[1],
              "ages do not rise by one": rows["age-2"] != rows["age-1"] + 1}
    for side, away in enumerate(out, 1):
        known = states.reindex(rows[f"setting-{side}"]).set_index(rows.index)
        age = rows[f"age-{side}"]
        for text, wrong in {
            "setting not in valid-states.csv": known["first"].isna(),
            "age outside 0 to 25": ~age.isin(AGES),
            "state outside its valid years": ~age.between(known["first"], known["last"]),
            "need not in valid-states.csv": _barred(known["needs"], rows[f"need-{side}"]),
        }.items():
            checks[f"{text}, side {side}"] = ~away & wrong
    allowed = rows["setting-1"].map(states["moves"])
    barred = _barred(allowed, rows["setting-2"]) & (rows["setting-1"] != rows["setting-2"])
    checks["move not in valid-states.csv"] = ~out[0] & ~out[1] & barred
    return np.select(list(checks.values()), list(checks), "")


def _barred(lists, found):
    """Whether each list that says something leaves out what was found beside it."""
    return np.array([isinstance(listed, list) and bool(listed) and one not in listed
                     for listed, one in zip(lists, found, strict=True)])


def _place(frame, side, by_need):
    return frame[f"setting{side}"] + ("+" + frame[f"need{side}"] if by_need else "")


def _counts(used, by_need):
    joins, leaves = used["setting-1"] == OUT, used["setting-2"] == OUT
    before, after = (_place(used, side, by_need) for side in ("-1", "-2"))
    kind = np.select([joins, leaves, before != after], ["joiner", "leaver", "mover"], "stayer")
    rows = pd.DataFrame({"year": used["calendar-year"].astype(int), "kind": kind,
                         "place": before.mask(joins, after),
                         "age": used["age-1"].mask(joins, used["age-2"]).astype(int),
                         "destination": after.where(kind == "mover", "")})
    return rows.groupby(COLUMNS).size().rename("count").reset_index()


def _costs(costs, used, by_need, problems, quality):
    """Mean cost of each place in use, needs weighted by children in all pairs."""
    sides = [used[TWO_SIDES[i:i + 2]].set_axis(["setting", "need"], axis=1) for i in (0, 2)]
    states = pd.concat(sides).query("setting != @OUT").value_counts().rename("children")
    table = states.reset_index().merge(costs, "left", on=["setting", "need"])
    for _, row in table[table["cost"].isna()].iterrows():
        where = f"need {row['need']}, setting {row['setting']}"
        problems.add("costs.csv", 1, f"{where}: found no cost; allowed GBP a year for every state "
                     "in use (no unit cost, no run)")
    there = costs.merge(states.reset_index(), "left", on=["setting", "need"])
    quality.lose("costs.csv", there.loc[there["children"].isna(), "line"],
                 "no child was counted there")
    groups = table.assign(total=table["cost"] * table["children"]).groupby(
        _place(table, "", by_need).rename("place"))
    return groups["total"].sum() / groups["children"].sum()


def _warnings(counts, unusable):
    """What the usual checks of such folders say, and Januaries whose two pairs do not agree."""
    found = [f"{reason}: {len(lines)} rows left out, lines {', '.join(map(str, lines[:3]))}"
             for reason, lines in unusable.groupby("reason")["line"].apply(list).items()]
    ages = counts.groupby("kind")["age"].agg(set)
    seen = set().union(*ages)
    without = {f"ages with no {kind}s": seen - ages.get(kind, set())
               for kind in ("joiner", "leaver")}
    without["ages missing"] = set(range(min(seen), max(seen))) - seen
    found += [f"{text}: {', '.join(map(str, sorted(which)))}"
              for text, which in without.items() if which]
    starts = counts[counts["kind"] != "joiner"].groupby("year")["count"].sum()
    for january, start in starts.iloc[1:].items():
        if start != (ends := stock(counts, january).sum()):
            found.append(f"January {january}: {ends} children end a pair there, {start} start one")
    return found
