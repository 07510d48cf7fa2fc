"""The Department's published files, one council at a time, in the form of a case file's tables.

A folder of the CSVs in FILES, with the columns named there (others are ignored; blanks stay
blank); the two of caseload must be there.
"""

import difflib
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import Problems, read_csv

SETTINGS = {
    "mainstream": ["mainstream_total"],
    "state_special": ["special_la_maintained", "special_academy_free"],
    "independent_special": ["special_independent"],
    "non_maintained_special": ["special_non_maintained"],
    "alternative_provision": ["ap_pru_total", "hospital_school"],
    "further_education": ["fe_total"],
    "specialist_post16": ["specialist_post16"],
    "early_years": ["nm_early_years"],
    "elsewhere": ["ed_elsewhere"],
}
AGE_BANDS = {"Under 5": "up to 0", "5-10": "1-6", "11-15": "7-11", "16-19": "12-15",
             "20-25": "16+", "Total": "all"}
# Ours: theirs in the older return, and in the newer; a dash where it did not ask.
NEW_PLANS = {
    "total": ("new_total", "new_ehc_plans"),
    "mainstream": ("new_mainstream", "newplan_mainstream_total"),
    "special": ("new_special", "newplan_special_total"),
    "independent_special": ("new_special_independent", "newplan_special_independent"),
    "non_maintained_special": ("new_special_non_maintained", "newplan_special_non_maintained"),
    "alternative_provision": ("new_ap_pru", "newplan_ap_pru_total"),
    "further_education": ("new_fe", "newplan_fe_total"),
    "elsewhere": ("new_ed_elsewhere", "newplan_ed_elsewhere"),
}
FLOWS = {
    "requests": ("InreqEHC", "requests_received_in_year"),
    "refused": ("AssRefusedEHC", "requests_decided_not_to_assess"),
    "agreed": ("-", "requests_decided_to_assess"),
    "assessed": ("-", "assess_in_year"),
    "issued": ("NewallEHC", "new_ehc_plans"),
    "not_issued": ("AssnoneEHC", "assess_not_issued"),
    "ceased": ("-", "total_ceased"),
    "timely_share": ("IncExc20weekRate", "pc_plans_issued_within_20_weeks"),
}
BLOCK = {"before": "high_needs_block", "after": "high_needs_block_after_deductions"}
APPEALS = {"appeals": "appeals_registered", "decisions": "appealable_decisions"}
BASES = {"2018-based": "2020-03", "2022-based": "2025-06"}  # projection: month of release
JANUARY, CALENDAR, FINANCIAL = "january_year", "calendar_year", "financial_year"
FILES = {  # period, further keys, numbers
    "ehcp_caseload_by_setting": (JANUARY, ["release"], ["total", *sum(SETTINGS.values(), [])]),
    "ehcp_caseload_by_age": (JANUARY, ["age_band", "release"], ["ehc_plans_and_statements"]),
    "ehcp_flows_2014_2021_aggregate": (CALENDAR, [], [o for o, _ in FLOWS.values() if o != "-"]),
    "ehcp_flows": (CALENDAR, [], [new for _, new in (FLOWS | NEW_PLANS).values()]),
    "ehcp_newplans_by_setting": (CALENDAR, [], [old for old, _ in NEW_PLANS.values()]),
    "s251_outturn_high_needs": (FINANCIAL, [], ["high_needs_1_2_x_gross"]),
    "hn_benchmarking_2021_22": (FINANCIAL, [], ["outturn_gbp_place_funding"]),
    "dsg_allocations": (FINANCIAL, [], list(BLOCK.values())),
    "dsg_deficit_s251": (FINANCIAL, [], ["dsg_deficit_gbp_m"]),
    "send_tribunal_appeals": (CALENDAR, [], list(APPEALS.values())),
    "population_by_age": ("year", ["basis", "age"], ["population"]),
}
# Month of release: of a January's count, a calendar year's flows, a financial year's outturn.
RELEASE = {
    "count": lambda january: f"{january}-{'05' if january < 2023 else '06'}",
    "flow": lambda year: f"{year + 1}-{'05' if year < 2022 else '06'}",
    "appeal": lambda year: f"{year + 1}-06",
    "block": lambda year: f"{int(year[:4]) + 1}-03",
    "outturn": lambda year: f"{int(year[:4]) + 2}-01",
}
SIGNED = ("dsg_deficit_s251", "hn_benchmarking_2021_22")
SEN2 = "Department for Education, Education, health and care plans (SEN2)"
OUTTURN = "Department for Education, section 251 outturn"


class Folder(NamedTuple):
    """The files as read by name, those of plans by setting, what was left out and why."""

    frames: dict
    plans: pd.DataFrame
    unusable: pd.DataFrame


def read_folder(path):
    """Read a folder once -> Folder. A malformed file stops, with all problems of all files.

    Rows of no known age band or year are left out, and rows of one key that agree are joined:
    both are listed in `unusable`.
    """
    path, problems, frames, unusable = Path(path), Problems(), {}, []
    for name, (period, keys, numbers) in FILES.items():
        file = path / f"{name}.csv"
        if file.exists() or name.startswith("ehcp_caseload"):
            frames[name] = read_csv(file, problems, ["la_name", period, *keys], numbers,
                                    prefix="outturn_gbp_", signed=name in SIGNED)
    problems.stop(f"published files in {path}")
    for name, frame in frames.items():
        frame["council"] = frame["la_name"].map({n: plain_name(n) for n in set(frame["la_name"])})
        frame, lost = _screened(name, frame)
        frames[name], joined = _joined(name, frame, problems)
        unusable += [lost, joined]
    problems.stop(f"published files in {path}")
    plans = frames["ehcp_caseload_by_setting"]
    return Folder(frames, plans, pd.concat(unusable, ignore_index=True))


def plain_name(name):
    """One spelling for a council: 'Bristol, City of', 'Bristol City of' -> 'bristol'."""
    text = re.sub(r"\(.*?\)|\d+$", "", str(name)).casefold().replace("&", "and").replace(".", "")
    text = " ".join(re.sub(r"[^a-z ]", " ", text).split())
    return re.sub(r"^county | (city of|county of|borough)$", "", text)


def _screened(name, frame):
    period, reason = FILES[name][0], pd.Series("", frame.index)
    reason[~frame[period].str.fullmatch(r"\d{4}(-\d\d)?")] = "not a year"
    if "age_band" in frame:
        reason[~frame["age_band"].isin(list(AGE_BANDS))] = "unknown age band"
    frame, lost = frame[reason == ""].copy(), frame[["line"]].assign(reason=reason)[reason != ""]
    if period != FINANCIAL:
        frame[period] = frame[period].astype(int)
    return frame, lost.assign(file=f"{name}.csv")


def _joined(name, frame, problems):
    """One row a key: repeats that agree are joined, others are problems."""
    period, keys, numbers = FILES[name]
    key = ["council", period, *keys]
    twice = frame[frame.duplicated(key, keep=False)]
    clash = twice.groupby(key)[list(dict.fromkeys(numbers))].nunique().gt(1).any(axis=1)
    for found in clash.index[clash]:
        line = twice.set_index(key).loc[found, "line"].max()
        problems.add(f"{name}.csv", line, f"repeats {', '.join(map(str, found))}, other figures")
    later = frame.index[frame.duplicated(key)]
    lost = frame.loc[later, ["line"]].assign(reason="joined with a row of the same key")
    filled = twice.groupby(key).transform("first").drop(columns="line")
    frame = frame.combine_first(filled).drop(index=later).set_index("council")
    return frame.sort_index(kind="stable"), lost.assign(file=f"{name}.csv")


def councils(folder, first=2014, last=2023):
    """Names of councils whose plans are there every January from `first` to `last`."""
    plans = opened(folder).plans
    plans = plans[plans["total"].notna() & plans[JANUARY].between(first, last)]
    if "geographic_level" in plans:
        plans = plans[plans["geographic_level"] == "Local authority"]
    years = plans.groupby("la_name")[JANUARY].nunique()
    return sorted(years.index[years == last - first + 1])


def find(folder, council):
    """The plain name for a council's name or code; unknown ones are refused with near names."""
    plans, wanted = opened(folder).plans, plain_name(council)
    if wanted in plans.index:
        return wanted
    if "la_code" in plans and (plans["la_code"] == str(council)).any():
        return plans.index[plans["la_code"] == str(council)][0]
    names = sorted(set(plans["la_name"]))
    near = difflib.get_close_matches(str(council), names, n=5, cutoff=0.4)
    near = near or [name for name in names if plain_name(name)[:3] == wanted[:3]]
    raise ValueError(f"council: found {council!r}; allowed a name or code in the files, such as "
                     f"{', '.join(near or names[:3])}")


def label(folder, council):
    """The council's name and latest code, as the files print them."""
    last = opened(folder).plans.loc[[find(folder, council)]].iloc[-1]
    return last["la_name"], last.get("la_code", "")


def notices(folder, council):
    """What a reader should know of a council's series: gaps, starts, ends, changed codes."""
    folder = opened(folder)
    plans, found = folder.plans.loc[[find(folder, council)]], []
    years, everyone = sorted(set(plans[JANUARY])), folder.plans[JANUARY].value_counts()
    gaps = sorted(set(range(years[0], years[-1] + 1)) - set(years))
    if gaps:
        found.append(f"no plans for January {', '.join(map(str, gaps))}")
    if years[0] > everyone.index.min():
        found.append(f"the series starts in January {years[0]}: boundary change?")
    # The latest years may be there for a few councils only.
    if years[-1] < everyone.index[everyone > everyone.max() / 4].max():
        found.append(f"the series ends in January {years[-1]}: boundary change?")
    if "la_code" in plans and plans["la_code"].nunique() > 1:
        found.append(f"code changed, perhaps the area too: {', '.join(plans['la_code'].unique())}")
    return found


def tables(folder, council):
    """Everything the files hold of one council -> {table name: frame by period}.

    Form of case.published: index January, calendar year or financial year; attrs unit, source,
    quality, known (period: month of release). `folder`: a path or a Folder; also England, regions.
    """
    folder = opened(folder)
    name = find(folder, council)
    own = {file: frame.loc[[name]] if name in frame.index else frame[:0]
           for file, frame in folder.frames.items()}
    built = {**_plans(own), **_flows(own), **_money(own), **_population(own)}
    return {key: frame for key, frame in built.items() if len(frame)}


def opened(folder):
    """A Folder, from itself or from its path."""
    return folder if isinstance(folder, Folder) else read_folder(folder)


def _plans(own):
    # The later release stands where two give the same January.
    rows = own["ehcp_caseload_by_setting"].sort_values([JANUARY, "release"])
    rows = rows.drop_duplicates(JANUARY, keep="last").set_index(JANUARY)
    ages = own["ehcp_caseload_by_age"].sort_values("release")
    ages = ages.drop_duplicates([JANUARY, "age_band"], keep="last")
    ages = ages.pivot(index=JANUARY, columns="age_band", values="ehc_plans_and_statements")
    ages = ages.reindex(columns=list(AGE_BANDS)).rename(columns=AGE_BANDS)
    plans = pd.DataFrame({setting: rows[parts].sum(axis=1, min_count=1)
                          for setting, parts in SETTINGS.items()})
    plans["further_education"] -= plans["specialist_post16"].fillna(0)
    # By age gives the headline to 2022 (the settings leave some out in 2018), by setting after.
    headline = ages["all"].reindex(plans.index).fillna(rows["total"])
    plans["unknown"] = headline - plans.sum(axis=1)
    ages["all"] = headline.reindex(ages.index)
    note = ("; unknown is the headline total less the settings; elsewhere from 2019 on the 2025 "
            "basis")
    return {"plans_by_setting": _table(plans, "plans", SEN2 + note, RELEASE["count"]),
            "plans_by_age": _table(ages, "plans", f"{SEN2}, by age at 31 August", RELEASE["count"])}


def _columns(own, file, columns):
    """A file's columns under our names, by its period; blank where it has none."""
    rows = own.get(file, pd.DataFrame(columns=[FILES[file][0]])).set_index(FILES[file][0])
    blank = pd.Series(np.nan, rows.index)
    return pd.DataFrame({ours: rows.get(theirs, blank) for ours, theirs in columns.items()})


def _flows(own):
    def both(columns, older):
        old, new = ({ours: theirs[i] for ours, theirs in columns.items()} for i in (0, 1))
        frame = _columns(own, "ehcp_flows", new).combine_first(_columns(own, older, old))
        return frame.reindex(columns=list(columns))
    new = both(NEW_PLANS, "ehcp_newplans_by_setting")
    flows = both(FLOWS, "ehcp_flows_2014_2021_aggregate")
    flows["timely_share"] = (flows["timely_share"].astype(float) / 100).round(4)
    appeals = _columns(own, "send_tribunal_appeals", APPEALS)
    return {
        "new_plans": _table(new, "plans/year", f"{SEN2}; special holds the independent and "
                            "non-maintained columns", RELEASE["flow"]),
        "flows": _table(flows, "children/year", f"{SEN2}; timely_share is within 20 weeks, all "
                        "plans", RELEASE["flow"]),
        "appeals": _table(appeals, "appeals", "Ministry of Justice and Department for Education, "
                          "appeals to the SEND Tribunal", RELEASE["appeal"]),
    }


def _money(own):
    gross = {"high_needs": "high_needs_1_2_x_gross"}
    lines = own.get("hn_benchmarking_2021_22", pd.DataFrame())
    lines = {column[12:]: column for column in lines if column.startswith("outturn_gbp_")}
    spent = _columns(own, "s251_outturn_high_needs", gross)
    lines = _columns(own, "hn_benchmarking_2021_22", lines)
    block = _columns(own, "dsg_allocations", BLOCK)
    deficit = _columns(own, "dsg_deficit_s251", {"deficit": "dsg_deficit_gbp_m"})
    return {
        "section_251": _table(spent, "GBP/year", f"{OUTTURN}, gross 1.2.x without place funding",
                              RELEASE["outturn"]),
        "section_251_lines": _table(
            lines, "GBP/year", f"{OUTTURN} (high needs benchmarking); place_funding is 1.0.2, "
            "top-ups are net of their income line", RELEASE["outturn"]),
        "high_needs_block": _table(
            block, "GBP/year", "Department for Education, dedicated schools grant allocations; "
            "before and after deductions for places funded direct", RELEASE["block"]),
        "deficit_1_9_3": _table(
            deficit, "GBP million", f"{OUTTURN}, line 1.9.3 over all blocks at 31 March; a deficit "
            "is positive; from a percentage to two places", RELEASE["outturn"]),
    }


def _population(own):
    rows, built = own.get("population_by_age"), {}
    for basis, known in BASES.items() if rows is not None else ():
        part = rows[rows["basis"].str.contains(basis)]
        frame = part.assign(age=part["age"].astype(int))
        frame = frame.pivot(index="year", columns="age", values="population").add_prefix("age_")
        built[f"population_{basis.replace('-', '_')}"] = _table(
            frame, "people", f"ONS subnational population projections, {basis}, mid-year",
            lambda _, known=known: known)
    return built


def _table(frame, unit, source, release):
    frame = frame.sort_index().astype(float).dropna(how="all")
    frame.index.name, frame.columns.name = "period", None
    known = {period: release(period) for period in frame.index}
    frame.attrs = {"unit": unit, "source": source, "quality": "published", "known": known}
    return frame
