"""The Department's published files, one council at a time, in the form of a case file's tables.

A folder of the CSVs in FILES, with the columns named below (others are ignored; blanks stay
blank); the two of caseload must be there.
"""

import difflib
import re
from pathlib import Path
from typing import NamedTuple

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
BASES = {"2018-based": "2020-03", "2022-based": "2025-06"}  # projection: month of release
JANUARY, CALENDAR, FINANCIAL = "january_year", "calendar_year", "financial_year"
FILES = {  # period and further keys
    "ehcp_caseload_by_setting": (JANUARY, ["release"]),
    "ehcp_caseload_by_age": (JANUARY, ["age_band", "release"]),
    "ehcp_flows": (CALENDAR, []),
    "ehcp_flows_2014_2021_aggregate": (CALENDAR, []),
    "ehcp_newplans_by_setting": (CALENDAR, []),
    "send_tribunal_appeals": (CALENDAR, []),
    "s251_outturn_high_needs": (FINANCIAL, []),
    "hn_benchmarking_2021_22": (FINANCIAL, []),
    "dsg_allocations": (FINANCIAL, []),
    "dsg_deficit_s251": (FINANCIAL, []),
    "population_by_age": ("year", ["basis", "age"]),
}
SIGNED = ("dsg_deficit_s251", "hn_benchmarking_2021_22")
SEN2 = "Department for Education, Education, health and care plans (SEN2)"
OUTTURN = "Department for Education, section 251 outturn"
LINES = "outturn_gbp_"


# Month of release, as far as the statistics' own dates go.
def _count(january):
    return f"{january}-{'05' if january < 2023 else '06'}"


def _flow(year):
    return f"{year + 1}-{'05' if year < 2022 else '06'}"


def _outturn(year):
    return f"{int(year[:4]) + 2}-01"


# Name: unit, source, release, files (the first stands), our columns: theirs in each (none: LINES).
SERIES = {
    "new_plans": (
        "plans/year", f"{SEN2}; special holds the independent and non-maintained columns", _flow,
        ["ehcp_flows", "ehcp_newplans_by_setting"], {
            "total": ["new_ehc_plans", "new_total"],
            "mainstream": ["newplan_mainstream_total", "new_mainstream"],
            "special": ["newplan_special_total", "new_special"],
            "independent_special": ["newplan_special_independent", "new_special_independent"],
            "non_maintained_special":
                ["newplan_special_non_maintained", "new_special_non_maintained"],
            "alternative_provision": ["newplan_ap_pru_total", "new_ap_pru"],
            "further_education": ["newplan_fe_total", "new_fe"],
            "elsewhere": ["newplan_ed_elsewhere", "new_ed_elsewhere"]}),
    "flows": (
        "children/year", f"{SEN2}; timely_share is within 20 weeks, all plans", _flow,
        ["ehcp_flows", "ehcp_flows_2014_2021_aggregate"], {
            "requests": ["requests_received_in_year", "InreqEHC"],
            "refused": ["requests_decided_not_to_assess", "AssRefusedEHC"],
            "agreed": ["requests_decided_to_assess"],
            "assessed": ["assess_in_year"],
            "issued": ["new_ehc_plans", "NewallEHC"],
            "not_issued": ["assess_not_issued", "AssnoneEHC"],
            "ceased": ["total_ceased"],
            "timely_share": ["pc_plans_issued_within_20_weeks", "IncExc20weekRate"]}),
    "appeals": (
        "appeals", "Ministry of Justice and Department for Education, appeals to the SEND Tribunal",
        lambda year: f"{year + 1}-06", ["send_tribunal_appeals"],
        {"appeals": ["appeals_registered"], "decisions": ["appealable_decisions"]}),
    "section_251": (
        "GBP/year", f"{OUTTURN}, gross 1.2.x without place funding", _outturn,
        ["s251_outturn_high_needs"], {"high_needs": ["high_needs_1_2_x_gross"]}),
    "section_251_lines": (
        "GBP/year", f"{OUTTURN} (high needs benchmarking); place_funding is 1.0.2, top-ups are net "
        "of their income line", _outturn, ["hn_benchmarking_2021_22"], {}),
    "high_needs_block": (
        "GBP/year", "Department for Education, dedicated schools grant allocations; before and "
        "after deductions for places funded direct", lambda year: f"{int(year[:4]) + 1}-03",
        ["dsg_allocations"],
        {"before": ["high_needs_block"], "after": ["high_needs_block_after_deductions"]}),
    "deficit_1_9_3": (
        "GBP million", f"{OUTTURN}, line 1.9.3 over all blocks at 31 March; a deficit is positive; "
        "from a percentage to two places", _outturn, ["dsg_deficit_s251"],
        {"deficit": ["dsg_deficit_gbp_m"]}),
}
NUMBERS = {
    "ehcp_caseload_by_setting": ["total", *(name for parts in SETTINGS.values() for name in parts)],
    "ehcp_caseload_by_age": ["ehc_plans_and_statements"],
    "hn_benchmarking_2021_22": [f"{LINES}*"],
    "population_by_age": ["population"],
}


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
    path, problems, raw, cleaned = Path(path), Problems(), {}, {}
    for name, (period, keys) in FILES.items():
        file = path / f"{name}.csv"
        if file.exists() or name.startswith("ehcp_caseload"):
            raw[name] = read_csv(file, problems, ["la_name", period, *keys], _numbers(name),
                                 signed=name in SIGNED)
    problems.stop(f"published files in {path}")
    for name, frame in raw.items():
        cleaned[name] = _cleaned(name, frame, problems)
    problems.stop(f"published files in {path}")
    frames = {name: frame for name, (frame, _) in cleaned.items()}
    unusable = pd.concat([lost for _, lost in cleaned.values()], ignore_index=True)
    return Folder(frames, frames["ehcp_caseload_by_setting"], unusable)


def _numbers(file):
    shared = [pair for *_, files, columns in SERIES.values() for theirs in columns.values()
              for pair in zip(files, theirs, strict=False)]
    return [*NUMBERS.get(file, ()), *(name for where, name in shared if where == file)]


def plain_name(name):
    """One spelling for a council: 'Bristol, City of', 'Bristol City of' -> 'bristol'."""
    text = re.sub(r"\(.*?\)|\d+$", "", str(name)).casefold().replace("&", "and").replace(".", "")
    text = " ".join(re.sub(r"[^a-z ]", " ", text).split())
    return re.sub(r"^county | (city of|county of|borough)$", "", text)


def _cleaned(name, frame, problems):
    """One row a council, period and key, and what was left out; repeats must agree."""
    period, keys = FILES[name]
    frame["council"] = frame["la_name"].map({n: plain_name(n) for n in set(frame["la_name"])})
    key, reason = ["council", period, *keys], pd.Series("", frame.index)
    reason[~frame[period].str.fullmatch(r"\d{4}(-\d\d)?")] = "not a year"
    if "age_band" in frame:
        reason[~frame["age_band"].isin(list(AGE_BANDS))] = "unknown age band"
    used = frame[reason == ""].astype({period: object if period == FINANCIAL else int})
    twice = used[used.duplicated(key, keep=False)]
    numbers = [column for column in used if used[column].dtype == float]
    clash = twice.groupby(key)[numbers].nunique().gt(1).any(axis=1)
    for found in clash.index[clash]:
        line = twice.set_index(key).loc[found, "line"].max()
        problems.add(f"{name}.csv", line, f"repeats {', '.join(map(str, found))}, other figures")
    reason[used.index[used.duplicated(key)]] = "joined with a row of the same key"
    lost = frame[["line"]].assign(reason=reason, file=f"{name}.csv")[reason != ""]
    return used.groupby(key).first().reset_index().set_index("council"), lost


def councils(folder, first=2014, last=2023):
    """Names of councils whose plans are there every January from `first` to `last`."""
    plans = folder.plans[folder.plans["total"].notna() & folder.plans[JANUARY].between(first, last)]
    if "geographic_level" in plans:
        plans = plans[plans["geographic_level"] == "Local authority"]
    years = plans.groupby("la_name")[JANUARY].nunique()
    return sorted(years.index[years == last - first + 1])


def find(folder, council):
    """The plain name for a council's name or code; unknown ones are refused with near names."""
    plans, wanted = folder.plans, plain_name(council)
    coded = plans.index[plans["la_code"] == str(council)] if "la_code" in plans else []
    if wanted in plans.index or len(coded):
        return wanted if wanted in plans.index else coded[0]
    names = sorted(set(plans["la_name"]))
    near = difflib.get_close_matches(str(council), names, n=5, cutoff=0.4) or names[:3]
    raise ValueError(f"council: found {council!r}; allowed a name or code in the files, such as "
                     f"{', '.join(near)}")


def label(folder, council):
    """The council's name and latest code, as the files print them."""
    last = folder.plans.loc[[find(folder, council)]].iloc[-1]
    return last["la_name"], last.get("la_code", "")


def notices(folder, council):
    """What a reader should know of a council's series: gaps, starts, ends, changed codes."""
    plans = folder.plans.loc[[find(folder, council)]]
    years, everyone = set(plans[JANUARY]), folder.plans[JANUARY].value_counts()
    gaps = ", ".join(str(year) for year in range(min(years), max(years)) if year not in years)
    # The latest years may be there for a few councils only.
    latest = everyone.index[everyone > everyone.max() / 4].max()
    codes = plans["la_code"].unique() if "la_code" in plans else []
    found = {
        f"no plans for January {gaps}": gaps,
        f"the series starts in January {min(years)}: boundary change?":
            min(years) > everyone.index.min(),
        f"the series ends in January {max(years)}: boundary change?": max(years) < latest,
        f"code changed, perhaps the area too: {', '.join(codes)}": len(codes) > 1}
    return [text for text, holds in found.items() if holds]


def tables(folder, council):
    """Everything the files hold of one council -> {table name: frame by period}.

    Form of case.published: index January, calendar year or financial year; attrs unit, source,
    quality, known (period: month of release). Takes England and the regions too.
    """
    name = find(folder, council)
    own = {file: frame.loc[[name]] for file, frame in folder.frames.items() if name in frame.index}
    built = _plans(own) | {name: _series(own, name) for name in SERIES} | _population(own)
    if len(built["flows"]):
        built["flows"]["timely_share"] = (built["flows"]["timely_share"] / 100).round(4)
    return {key: frame for key, frame in built.items() if len(frame)}


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
    return {"plans_by_setting": _table(plans, "plans", SEN2 + note, _count),
            "plans_by_age": _table(ages, "plans", f"{SEN2}, by age at 31 August", _count)}


def _series(own, name):
    """A table of SERIES: each file's columns under our names, the first file standing."""
    (unit, source, release, files, columns), made = SERIES[name], pd.DataFrame()
    for i, file in enumerate(files):
        rows = own.get(file, pd.DataFrame(columns=[FILES[file][0]])).set_index(FILES[file][0])
        columns = columns or {theirs.removeprefix(LINES): [theirs]
                              for theirs in rows.filter(like=LINES)}
        names = {theirs[i]: ours for ours, theirs in columns.items() if len(theirs) > i}
        made = made.combine_first(rows.reindex(columns=list(names)).rename(columns=names))
    return _table(made[list(columns)], unit, source, release)


def _population(own):
    rows, built = own.get("population_by_age"), {}
    for basis, known in BASES.items() if rows is not None else ():
        part = rows[rows["basis"].str.contains(basis)].astype({"age": int})
        frame = part.pivot(index="year", columns="age", values="population").add_prefix("age_")
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
