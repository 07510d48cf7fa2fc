"""SEN2 returns into counts from January to January, and flows by year: never a child's row.

A plan is active on a census day from its start date until the day it ceased; age is that at
31 August before, so curriculum year = age - 4. Counts are as `transitions.py` gives them.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from . import plain
from .sen2 import FORMS, read_collections
from .transitions import AGES, COLUMNS

WEEKS_20 = pd.Timedelta(days=140)  # from request to plan: SEND Regulations 2014, regulation 13
# A year before the last is counted if as many plans as this share of the last year's ceased in it:
# then the return has kept what ceased (judgement).
KEPT = 0.25
UNKNOWN, OF_PLAN = "unknown", ", of the plan"
STAGES = ["not decided", "in assessment", "without a plan yet"]
FLOWS = ["requests", "refused", "agreed", "issued", "not_issued", "ceased", "timely_share"]


class Sen2(NamedTuple):
    """counts (year, kind, place, age, destination, count): year is the January the pair starts
    from. flows (calendar year): children/year, timely_share of plans issued in 20 weeks. ceased
    (calendar year, reason). ties (January): children by dates, active plans listed, and those in
    one only. settings (how a setting was told, setting): children on Januaries. quality: rows used
    and not used. notices: what was assumed. synthetic: invented. waiting (stage): of `_waiting`.
    """

    counts: pd.DataFrame
    flows: pd.DataFrame
    ceased: pd.DataFrame
    ties: pd.DataFrame
    settings: pd.DataFrame
    quality: pd.DataFrame
    notices: list
    synthetic: bool
    waiting: pd.DataFrame


def read_sen2(folder, codes, types=None):
    """Read a folder of SEN2 returns and count -> Sen2; see `sen2.read_collections`.

    codes {SENsetting: setting}; types {urn or ukprn: setting} of establishments. Refuses returns
    that cover no two Januaries.
    """
    made, quality, notices = read_collections(folder)
    born = _births(made, notices)
    plans = _plans(made, quality, notices)
    years = _years(made, plans, notices)
    days = {year: third_thursday(year) for first in years for year in (first, first + 1)}
    days |= {one.day.year: one.day for one in made}
    placed = _placed(made, codes, types or {}, notices)
    _early(plans, min(days.values()), quality)
    for one in made:
        file, rows = one.files["senneed"], one.modules["senneed"]
        quality.lose(file, rows["line"], "read and checked; needs are not kept apart")
    states = {year: _state(year, day, plans, born, placed) for year, day in sorted(days.items())}
    counts = pd.concat([_pair(year, states[year], states[year + 1]) for year in years])
    counts = counts.groupby(COLUMNS).size().rename("count").reset_index()
    settings = pd.concat(states.values()).groupby(["told", "place"]).size().unstack(fill_value=0)
    ties = _ties(made, states, notices)
    notices += _told(states, settings)
    flows, ceased = _flows(made, plans, years, notices)
    waiting = _waiting(made[-1], flows, notices)
    table = quality.table()
    table.attrs["kept"] = {file: f"{one.day.year} {module}"
                           for one in made for module, file in one.files.items()}
    return Sen2(counts, flows, ceased, ties, settings, table,
                notices + quality.said[:20], any(one.synthetic for one in made), waiting)


def third_thursday(year):
    """The census day of a January for which no return says another."""
    first = pd.Timestamp(year, 1, 1)
    return first + pd.Timedelta(days=(3 - first.weekday()) % 7 + 14)


def _births(made, notices):
    """Birth date by child: of the latest return that has one."""
    people = pd.concat([one.modules["person"] for one in made])
    differ = (people.groupby("child")["personbirthdate"].nunique() > 1).sum()
    if differ:
        notices.append(f"{differ} children have two birth dates: the latest return's is used")
    return people.groupby("child")["personbirthdate"].last()


def _rows(made, module, *more):
    """A module's rows of all returns, each with its return's day and file, latest last."""
    frames = [one.modules[module].assign(day=one.day, file=one.files[module]) for one in made]
    found = pd.concat(frames, ignore_index=True)
    return found.reindex(columns=[*found.columns, *(name for name in more if name not in found)])


def _plans(made, quality, notices):
    """Plans, one for each child and start: child, start, cease, reason, received, listed in."""
    said, asked = _rows(made, "namedplan"), _rows(made, "requests")
    steps = _rows(made, "assessment")[["day", "assessmenttableid", "requeststableid"]]
    asked = asked[["day", "requeststableid", "receiveddate"]]
    said = said.merge(steps, "left", ["day", "assessmenttableid"])
    said = said.merge(asked, "left", ["day", "requeststableid"])
    again = said.duplicated(["child", "startdate"], keep="last")
    for file, rows in said[again].groupby("file"):
        quality.lose(file, rows["line"], "the same plan is in a later row or return")
    said = said[~again].assign(transferred=False)
    plans = pd.concat([said, _transferred(made, said, quality)], ignore_index=True)
    gone = plans["ceasedate"].isna() & (plans["day"] < made[-1].day)
    plans.loc[gone, "ceasedate"] = plans.loc[gone, "day"] + pd.Timedelta(days=1)
    if gone.any():
        notices.append(f"{gone.sum()} plans without a cease date are in no later return: taken as "
                       "ceased on the day after the census of the last that has them")
    if plans["transferred"].any():
        notices.append(f"{plans['transferred'].sum()} active plans without a named plan (moved "
                       "from another council) start on their first entry date")
    return plans


def _transferred(made, said, quality):
    """Active plans whose request has no named plan here: they start when a placement does."""
    active = _rows(made, "activeplans")
    own = said[["day", "requeststableid"]].drop_duplicates().assign(own=True)
    active = active.merge(own, "left", ["day", "requeststableid"])
    active = active[active["own"].isna() & ~active["child"].isin(said["child"])]
    entry = _rows(made, "placementdetail").groupby(["day", "activeplanstableid"])["entrydate"].min()
    active = active.merge(entry.rename("startdate").reset_index(), "left",
                          ["day", "activeplanstableid"])
    for file, rows in active[active["startdate"].isna()].groupby("file"):
        quality.lose(file, rows["line"], "no named plan and no entry date: it cannot be dated")
    active = active.dropna(subset="startdate").groupby("child").agg(
        startdate=("startdate", "min"), day=("day", "max")).reset_index()
    return active.assign(transferred=True, ceasedate=pd.NaT, receiveddate=pd.NaT, ceasereason="")


def _years(made, plans, notices):
    """First Januaries of the pairs that the returns cover: the one before each return's, and
    those before the first for as long as the return has kept the plans that ceased.
    """
    ends = [one.day.year for one in made]
    ceased = plans["ceasedate"].dt.year.value_counts()
    first = ends[0] - 1
    while first > 2015 and ceased.get(first - 1, 0) >= max(KEPT * ceased.get(ends[0] - 1, 0), 1):
        first -= 1
    years = sorted({*range(first, ends[0]), *(end - 1 for end in ends)})
    missing = sorted(set(range(first, ends[-1])) - set(years))
    if missing:
        notices.append("no return covers the year from January "
                       f"{', '.join(map(str, missing))}: not counted")
    notices.append(f"pairs of Januaries counted, by the first: {', '.join(map(str, years))}")
    return years


def _early(plans, first, quality):
    old = plans[(plans["ceasedate"] <= first) & ~plans["transferred"]]
    for file, rows in old.groupby("file"):
        quality.lose(file, rows["line"], f"ceased by {first.date()}, the first census counted")


def settings_of(rows, codes, types):
    """The setting of each row, and how it was told: (setting, told).

    By SENsetting; else by the type of the establishment (urn, ukprn); else mainstream where a unit
    or resourced provision is named; else unknown.
    """
    code = rows["sensetting"].fillna("").str.upper()
    yes = [rows[name].fillna("").astype(str).str.lower().isin(FORMS["truths"])
           for name in ("senunitindicator", "resourcedprovisionindicator")]
    number = [rows[name].fillna("").astype(str).str.removesuffix(".0") for name in ("urn", "ukprn")]
    kind = number[0].map(types).fillna(number[1].map(types))
    placed = (number[0] != "") | (number[1] != "")
    checks = {"SENsetting": code.isin(list(codes)), "SENsetting not in the case": code != "",
              "type of establishment": kind.notna(), "unit or resourced provision": yes[0] | yes[1],
              "unknown establishment type": placed}
    told = np.select(list(checks.values()), list(checks), "no placement")
    place = np.select([told == "SENsetting", told == "type of establishment",
                       told == "unit or resourced provision"],
                      [code.map(codes), kind, "mainstream"], UNKNOWN)
    return pd.Series(place, rows.index), pd.Series(told, rows.index)


def _placed(made, codes, types, notices):
    """Placements of children: child, from, to, rank, place, told, day, whether only named."""
    more = ("ukprn", "placementrank", "senunitindicator", "resourcedprovisionindicator")
    real, named = _rows(made, "placementdetail", *more), _rows(made, "plandetail", *more)
    starts = _rows(made, "namedplan")[["day", "namedplantableid", "startdate"]]
    named = named.merge(starts, "left", ["day", "namedplantableid"])
    named = named.rename(columns={"startdate": "entrydate"}).assign(leavingdate=pd.NaT, named=True)
    found = pd.concat([real.assign(named=False), named], ignore_index=True)
    found["rank"] = pd.to_numeric(found["placementrank"], errors="coerce").fillna(1)
    found["place"], found["told"] = settings_of(found, codes, types)
    strange = found[found["told"] == "SENsetting not in the case"]
    for code, rows in strange.groupby(strange["sensetting"].map(plain)):
        lines = ", ".join(f"{row.file}:{row.line}" for row in rows.head(3).itertuples())
        notices.append(f"SENsetting {code}: {len(rows)} rows counted as {UNKNOWN}, {lines}; say "
                       f"what it is in returns.sen2_settings (there: {', '.join(codes)})")
    return found[["child", "entrydate", "leavingdate", "rank", "place", "told", "day", "named"]]


def _state(year, day, plans, born, placed):
    """Children with a plan on a census day, by child: place, age at 31 August before, told."""
    on = plans[(plans["startdate"] <= day) & ~(plans["ceasedate"] <= day)]
    children = on["child"].unique()
    dates = born.reindex(children)
    after = (dates.dt.month > 8).astype(int)
    state = pd.DataFrame({"age": year - 1 - dates.dt.year - after}, index=children)
    past = ~state["age"].isin(AGES)
    state = state[~past].astype({"age": int})
    state.attrs["aged"] = int(past.sum())
    there = placed[(placed["entrydate"] <= day) & ~(placed["leavingdate"] <= day)]
    # the return of that January first, then the next ones, then those before
    away = (there["day"] - day).dt.days
    there = there.assign(away=away.mask(away < 0, 100_000 - away))
    order = ["named", "away", "rank", "entrydate"]
    there = there.sort_values(order, ascending=[True, True, True, False], kind="stable")
    there = there.drop_duplicates("child").set_index("child")
    state["place"] = there["place"].reindex(state.index).fillna(UNKNOWN)
    told = there["told"].mask(there["named"], there["told"] + OF_PLAN)
    state["told"] = told.reindex(state.index).fillna("no placement")
    return state


def _pair(year, before, after):
    """A row a child of a pair of Januaries, in the columns of counts."""
    both = before.add_suffix("_1").join(after.add_suffix("_2"), how="outer")
    joins, leaves = both["age_1"].isna(), both["age_2"].isna()
    kind = np.select([joins, leaves, both["place_1"] != both["place_2"]],
                     ["joiner", "leaver", "mover"], "stayer")
    return pd.DataFrame({"year": year, "kind": kind,
                         "place": both["place_1"].mask(joins, both["place_2"]),
                         "age": both["age_1"].mask(joins, both["age_2"]).astype(int),
                         "destination": both["place_2"].where(kind == "mover", "")})


def _ties(made, states, notices):
    """Children by dates against active plans listed, each January that a return is of."""
    rows = {}
    for one in made:
        dated = set(states[one.day.year].index)
        listed = set(one.modules["activeplans"]["child"])
        rows[one.day.year] = [len(dated), len(listed), len(dated - listed), len(listed - dated)]
        if dated ^ listed:
            notices.append(f"January {one.day.year}: {len(dated)} children by the dates of their "
                           f"plans, {len(listed)} by active plans; {len(dated - listed)} only by "
                           f"dates, {len(listed - dated)} only listed; those by dates are counted")
    heads = ["by dates", "active plans", "only by dates", "only active plans"]
    return pd.DataFrame.from_dict(rows, "index", columns=heads).rename_axis("january")


def _told(states, settings):
    """How settings were told, and whose age is past 25."""
    total, aged = settings.to_numpy().sum(), sum(state.attrs["aged"] for state in states.values())
    found = [f"setting of a child in a January by {how}: {n:,} of {total:,}"
             for how, n in settings.sum(axis=1).sort_values(ascending=False).items()]
    if any(how.endswith(OF_PLAN) for how in settings.index):
        found.append(f"a setting{OF_PLAN} is the one it first named, where the return lists no "
                     "placement (a plan that has ceased): moves before it ceased are not seen")
    if aged:
        found.append(f"{aged} plans in a January of people past 25 at 31 August, or without "
                     "a birth date that can be: not counted there")
    if "unknown establishment type" in " ".join(settings.index):
        found.append("unknown establishment types are in the setting `unknown`: give their types "
                     "with --establishments FILE (urn, type), or establishments.csv in the folder")
    return found


def _flows(made, plans, years, notices):
    """Requests to plans by calendar year, and plans ceased by reason."""
    asked = _rows(made, "requests").drop_duplicates(["child", "receiveddate"], keep="last")
    decided = _rows(made, "assessment")
    decided = decided.drop_duplicates(["child", "assessmentoutcomedate"], keep="last")
    own = plans[~plans["transferred"]]
    outcome, refused = asked["requestoutcome"], asked["requestoutcomedate"]
    in_time = (own["startdate"] - own["receiveddate"] <= WEEKS_20).where(
        own["receiveddate"].notna())
    started = own["startdate"].dt.year

    def by_year(dates):
        return dates.dt.year.value_counts().reindex(years, fill_value=0)

    columns = [by_year(asked["receiveddate"]), by_year(refused[outcome == "N"]),
               by_year(refused[outcome == "Y"]), by_year(own["startdate"]),
               by_year(decided.loc[decided["assessmentoutcome"] == "N", "assessmentoutcomedate"]),
               by_year(plans["ceasedate"]),
               in_time.astype(float).groupby(started).mean().reindex(years).round(4)]
    flows = pd.concat(columns, axis=1, keys=FLOWS)
    reason = plans["ceasereason"].map(FORMS["ceased"]).fillna("not stated")
    ended = plans[plans["ceasedate"].dt.year.isin(years)]
    ceased = ended.groupby([ended["ceasedate"].dt.year, reason]).size().unstack(fill_value=0)
    return flows, ceased.reindex(years, fill_value=0)


def _waiting(last, flows, notices):
    """Requests not finished in the last return, by the stage they wait in: children without a plan
    within 20 weeks of the request and over, mean weeks of those over, plans that will come of them.

    Plans: children over 20 weeks x the share of requests agreed x the share of assessments after
    which a plan was issued, in the years counted, of the steps that are to come.
    """
    asked, steps, plans, active = (last.modules[name] for name in (
        "requests", "assessment", "namedplan", "activeplans"))
    found = asked.merge(steps[["requeststableid", "assessmenttableid", "assessmentoutcome"]],
                        "left", "requeststableid")
    found = found[~found["child"].isin(active["child"]) & found["receiveddate"].notna()
                  & ~found["assessmenttableid"].isin(plans["assessmenttableid"])]
    step = found["assessmentoutcome"].fillna("")
    stage = np.select([step == "Y", step != "", found["requestoutcome"] == "Y",
                       found["requestoutcome"] == ""], [*STAGES[2:], "", *STAGES[1::-1]], "")
    found = found.assign(stage=stage, weeks=(last.day - found["receiveddate"]).dt.days / 7)
    found = found[stage != ""].sort_values("weeks").drop_duplicates("child", keep="last")
    over = found["weeks"] > WEEKS_20.days / 7
    total = flows.sum()
    agreed, issued = (total[yes] / max(total[yes] + total[no], 1) for yes, no in (
        ("agreed", "refused"), ("issued", "not_issued")))
    stages = pd.DataFrame({
        "within": found["stage"][~over].value_counts(), "over": found["stage"][over].value_counts(),
        "weeks": found[over].groupby("stage")["weeks"].mean()}).reindex(STAGES)
    stages[["within", "over"]] = stages[["within", "over"]].fillna(0).astype(int)
    stages["plans"] = stages["over"] * [agreed * issued, issued, 1.0]
    if over.any():
        parts = ", ".join(f"{n} {name}" for name, n in stages["over"].items() if n)
        notices.append(
            f"{over.sum()} requests were not finished 20 weeks after they came ({parts}; "
            f"{found['weeks'][over].mean():.0f} weeks on average): about "
            f"{stages['plans'].sum():.0f} plans to come of them")
    return stages
