"""The Department's published files, one council at a time, in the form of a case file's tables.

The folder holds files with these columns (others are ignored; blanks stay blanks):
ehcp_caseload_by_setting, ehcp_caseload_by_age, ehcp_flows, ehcp_flows_2014_2021_aggregate,
ehcp_newplans_by_setting, s251_outturn_high_needs, hn_benchmarking_2021_22, dsg_allocations,
dsg_deficit_s251, send_tribunal_appeals, population_by_age. Only the first two are required.
"""

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path

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
AGE_BANDS = {
    "Under 5": "up to 0",
    "5-10": "1-6",
    "11-15": "7-11",
    "16-19": "12-15",
    "20-25": "16+",
    "Total": "all",
}
NEW_PLANS = {
    "total": "new_total new_ehc_plans",
    "mainstream": "new_mainstream newplan_mainstream_total",
    "special": "new_special newplan_special_total",
    "independent_special": "new_special_independent newplan_special_independent",
    "non_maintained_special": "new_special_non_maintained newplan_special_non_maintained",
    "alternative_provision": "new_ap_pru newplan_ap_pru_total",
    "further_education": "new_fe newplan_fe_total",
    "elsewhere": "new_ed_elsewhere newplan_ed_elsewhere",
}
FLOWS = {
    "requests": "InreqEHC requests_received_in_year",
    "refused": "AssRefusedEHC requests_decided_not_to_assess",
    "agreed": "- requests_decided_to_assess",
    "assessed": "- assess_in_year",
    "issued": "NewallEHC new_ehc_plans",
    "not_issued": "AssnoneEHC assess_not_issued",
    "ceased": "- total_ceased",
    "timely_share": "IncExc20weekRate pc_plans_issued_within_20_weeks",
}
BENCHMARK_LINES = (
    "place_funding place_early_years place_primary place_secondary place_special place_pru_ap "
    "place_post_school topup_state topup_state_early_years topup_state_primary "
    "topup_state_secondary topup_state_special topup_state_pru_ap topup_state_post_school "
    "topup_state_income topup_nmi topup_nmi_early_years topup_nmi_primary topup_nmi_secondary "
    "topup_nmi_special topup_nmi_pru_ap topup_nmi_post_school topup_nmi_income "
    "sen_support_inclusion alternative_provision_services hospital_education therapies_health"
).split()
FILES = {  # file: period column, further key columns, number columns
    "ehcp_caseload_by_setting": (
        "january_year",
        ["release"],
        ["total", "special_total", *(c for columns in SETTINGS.values() for c in columns)],
    ),
    "ehcp_caseload_by_age": (
        "january_year",
        ["age_band", "release"],
        ["ehc_plans_and_statements"],
    ),
    "ehcp_flows_2014_2021_aggregate": (
        "calendar_year",
        [],
        [c for pair in FLOWS.values() if (c := pair.split()[0]) != "-"],
    ),
    "ehcp_flows": (
        "calendar_year",
        [],
        [*(pair.split()[1] for pair in FLOWS.values()), *(p.split()[1] for p in NEW_PLANS.values())],
    ),
    "ehcp_newplans_by_setting": (
        "calendar_year",
        [],
        [pair.split()[0] for pair in NEW_PLANS.values()],
    ),
    "s251_outturn_high_needs": ("financial_year", [], ["high_needs_1_2_x_gross"]),
    "hn_benchmarking_2021_22": (
        "financial_year",
        [],
        [f"outturn_gbp_{line}" for line in BENCHMARK_LINES],
    ),
    "dsg_allocations": (
        "financial_year",
        [],
        ["high_needs_block", "high_needs_block_after_deductions"],
    ),
    "dsg_deficit_s251": ("financial_year", [], ["dsg_deficit_gbp_m"]),
    "send_tribunal_appeals": ("calendar_year", [], ["appeals_registered", "appealable_decisions"]),
    "population_by_age": ("year", ["basis", "age"], ["population"]),
}
SIGNED = {"dsg_deficit_s251", "hn_benchmarking_2021_22"}
SEN2 = "Department for Education, Education, health and care plans (SEN2)"
BENCHMARKING = "Department for Education, high needs benchmarking (section 251 outturn)"
ALLOCATIONS = "Department for Education, dedicated schools grant allocations"


@dataclass(frozen=True)
class Folder:
    """The files as read: frames by name, and what was left out and why (file, line, reason)."""

    path: Path
    frames: dict
    unusable: pd.DataFrame = field(repr=False)


def read_folder(path):
    """Read a folder of published files once -> Folder. A malformed file stops with all problems.

    Rows with an age band or release nobody knows cannot be used: counted in `unusable`.
    """
    path, problems, frames = Path(path), Problems(), {}
    for name, (period, keys, numbers) in FILES.items():
        file = path / f"{name}.csv"
        if file.exists() or name.startswith("ehcp_caseload"):
            text, signed = ["la_name", period, *keys], name in SIGNED
            frames[name] = read_csv(file, text, numbers, signed=signed, problems=problems)
    problems.raise_any(f"published files in {path}")
    unusable = []
    for name, frame in frames.items():
        unusable.append(_screen(name, frame))
        frame["council"] = frame["la_name"].map({n: plain_name(n) for n in set(frame["la_name"])})
        frames[name], joined = _join_repeats(name, frame, problems)
        unusable.append(joined)
    problems.raise_any(f"published files in {path}")
    return Folder(path, frames, pd.concat(unusable, ignore_index=True))


def plain_name(name):
    """One spelling for a council: 'Bristol, City of', 'Bristol City of' -> 'bristol'."""
    text = re.sub(r"\(.*?\)|\d+$", "", str(name)).casefold().replace("&", "and")
    text = re.sub(r"[^a-z ]", " ", text.replace(".", "")).split()
    return re.sub(r"^county | (city of|county of|borough)$", "", " ".join(text))


def _screen(name, frame):
    """Drop rows that cannot be used, in place; say which and why."""
    period = FILES[name][0]
    year = frame[period].astype(str).str.match(r"^\d{4}(-\d\d)?$")
    reason = np.where(year, "", "not a year: " + frame[period].astype(str))
    if "age_band" in frame:
        known = frame["age_band"].isin(AGE_BANDS)
        reason = np.where(known, reason, "unknown age band: " + frame["age_band"].astype(str))
    lost = frame.loc[reason != "", ["line"]].assign(file=f"{name}.csv", reason=reason[reason != ""])
    frame.drop(index=lost.index, inplace=True)
    whole_year = frame[period].str.fullmatch(r"\d{4}")
    if whole_year.all():
        frame[period] = frame[period].astype(int)
    return lost[["file", "line", "reason"]]


def _join_repeats(name, frame, problems):
    """One row a key: repeats that agree are joined (and listed), others are problems."""
    period, keys, numbers = FILES[name]
    key, file = ["council", period, *keys], f"{name}.csv"
    twice = frame[frame.duplicated(key, keep=False)]
    clash = twice.groupby(key)[sorted(set(numbers))].nunique().gt(1).any(axis=1)
    for found in clash.index[clash]:
        line = twice.set_index(key).loc[found, "line"].max()
        problems.add(file, line, f"repeats {', '.join(map(str, found))} with other figures")
    rest = frame[frame.duplicated(key)][["line"]]
    joined = frame.combine_first(twice.groupby(key).transform("first").drop(columns="line"))
    rest = rest.assign(file=file, reason="joined with an earlier row of the same key")
    joined = joined.drop(index=rest.index).set_index("council")
    return joined, rest[["file", "line", "reason"]]


def councils(folder, first=2014, last=2023):
    """Names of councils whose plans are there every January from `first` to `last`."""
    folder = _opened(folder)
    plans = folder.frames["ehcp_caseload_by_setting"]
    plans = plans[plans["total"].notna() & plans["january_year"].between(first, last)]
    if "geographic_level" in plans:
        plans = plans[plans["geographic_level"] == "Local authority"]
    years = plans.groupby("la_name")["january_year"].nunique()
    return sorted(years.index[years == last - first + 1])


def find(folder, council):
    """The plain name for a council's name or code; unknown ones are refused with near names."""
    plans = _opened(folder).frames["ehcp_caseload_by_setting"]
    wanted = plain_name(council)
    if wanted in plans.index:
        return wanted
    if "la_code" in plans and (plans["la_code"] == str(council)).any():
        return plans.index[plans["la_code"] == str(council)][0]
    names = sorted(set(plans["la_name"]))
    near = difflib.get_close_matches(str(council), names, n=5, cutoff=0.4)
    near = near or [name for name in names if plain_name(name)[:3] == wanted[:3]]
    raise ValueError(
        f"council: found {council!r}; not in the files. Near: {', '.join(near) or 'none'}"
    )


def notices(folder, council):
    """What a reader should know of a council's series: gaps, starts, ends, changed codes."""
    folder = _opened(folder)
    plans = folder.frames["ehcp_caseload_by_setting"].loc[[find(folder, council)]]
    years = sorted(set(plans["january_year"]))
    everyone = folder.frames["ehcp_caseload_by_setting"]["january_year"]
    found = []
    gaps = sorted(set(range(years[0], years[-1] + 1)) - set(years))
    if gaps:
        found.append(f"no plans for January {', '.join(map(str, gaps))}")
    if years[0] > everyone.min():
        found.append(f"the series starts in January {years[0]} (boundary change?)")
    if years[-1] < everyone[everyone.groupby(everyone).transform("size") > 100].max():
        found.append(f"the series ends in January {years[-1]} (boundary change?)")
    if "la_code" in plans and plans["la_code"].nunique() > 1:
        codes = ", ".join(plans["la_code"].unique())
        found.append(f"its code changed ({codes}): the area may have changed too")
    return found


def tables(folder, council):
    """Everything the files hold of one council -> {table name: frame by period}.

    Form of case.published: index January, calendar year or financial year; attrs unit, source,
    quality, known (period: month of release). `folder`: a path or a Folder; also England, regions.
    """
    folder = _opened(folder)
    name = find(folder, council)
    own = {
        file: frame.loc[[name]] if name in frame.index else frame.iloc[:0]
        for file, frame in folder.frames.items()
    }
    built = {}
    for build in (_plans, _new_plans_and_flows, _money, _appeals, _population):
        built.update(build(own))
    return {key: frame for key, frame in built.items() if len(frame)}


def _opened(folder):
    return folder if isinstance(folder, Folder) else read_folder(folder)


def _plans(own):
    ages = own["ehcp_caseload_by_age"].assign(
        band=lambda rows: rows["age_band"].map(AGE_BANDS)
    )
    # The later release stands where two give the same January.
    ages = ages.sort_values("release").drop_duplicates(["january_year", "band"], keep="last")
    ages = ages.pivot(index="january_year", columns="band", values="ehc_plans_and_statements")
    ages = ages.reindex(columns=list(AGE_BANDS.values()))
    rows = own["ehcp_caseload_by_setting"].sort_values(["january_year", "release"])
    rows = rows.drop_duplicates("january_year", keep="last").set_index("january_year")
    plans = pd.DataFrame(
        {setting: rows[list(parts)].sum(axis=1, min_count=1) for setting, parts in SETTINGS.items()}
    )
    plans["further_education"] -= plans["specialist_post16"].fillna(0)
    # By age gives the headline to 2022 (the settings leave some out in 2018), by setting after.
    headline = ages["all"].reindex(plans.index).fillna(rows["total"])
    ages["all"] = headline.reindex(ages.index)
    plans["unknown"] = headline - plans.sum(axis=1)
    note = "; unknown is the headline total less the settings; elsewhere from 2019 on the 2025 basis"
    return {
        "plans_by_setting": _table(plans, "plans", f"{SEN2}{note}", _sen2_release),
        "plans_by_age": _table(ages, "plans", f"{SEN2}, by age at 31 August", _sen2_release),
    }


def _pick(own, file, period, columns, place):
    """Columns renamed from a file's words: `place` 0 the older return, 1 the newer."""
    if file not in own:
        return pd.DataFrame()
    rows = own[file].set_index(period)
    names = {name: pair.split()[place] for name, pair in columns.items()}
    blank = pd.Series(np.nan, index=rows.index)
    return pd.DataFrame({name: rows.get(column, blank) for name, column in names.items()})


def _new_plans_and_flows(own):
    year = "calendar_year"
    older = _pick(own, "ehcp_newplans_by_setting", year, NEW_PLANS, 0)
    newer = _pick(own, "ehcp_flows", year, NEW_PLANS, 1)
    new = newer.combine_first(older).reindex(columns=list(NEW_PLANS)).sort_index()
    older = _pick(own, "ehcp_flows_2014_2021_aggregate", year, FLOWS, 0)
    newer = _pick(own, "ehcp_flows", year, FLOWS, 1)
    flows = newer.combine_first(older).reindex(columns=list(FLOWS)).sort_index()
    flows["timely_share"] = (flows["timely_share"] / 100).round(4)
    of_which = "; special holds the independent and non-maintained columns"
    return {
        "new_plans": _table(new, "plans/year", f"{SEN2}{of_which}", _flow_release),
        "flows": _table(flows, "children/year", f"{SEN2}; timely_share is within 20 weeks, all plans", _flow_release),
    }


def _money(own):
    built = {}
    for name, file, columns, unit, source in (
        (
            "section_251",
            "s251_outturn_high_needs",
            {"high_needs": "high_needs_1_2_x_gross"},
            "GBP/year",
            "Department for Education, section 251 outturn, gross 1.2.x without place funding",
        ),
        (
            "section_251_lines",
            "hn_benchmarking_2021_22",
            {line: f"outturn_gbp_{line}" for line in BENCHMARK_LINES},
            "GBP/year",
            f"{BENCHMARKING}; place_funding is line 1.0.2, top-ups are net of their income line",
        ),
        (
            "high_needs_block",
            "dsg_allocations",
            {"before": "high_needs_block", "after": "high_needs_block_after_deductions"},
            "GBP/year",
            f"{ALLOCATIONS}; before and after deductions for places the government funds direct",
        ),
        (
            "deficit_1_9_3",
            "dsg_deficit_s251",
            {"deficit": "dsg_deficit_gbp_m"},
            "GBP million",
            "Department for Education dashboard, section 251 line 1.9.3 over all blocks at 31 "
            "March; a deficit is positive; from a percentage to two places",
        ),
    ):
        if file in own:
            rows = own[file].set_index("financial_year")
            frame = pd.DataFrame({new: rows[old] for new, old in columns.items()})
            built[name] = _table(frame.sort_index(), unit, source, _outturn_release)
    return built


def _appeals(own):
    if "send_tribunal_appeals" not in own:
        return {}
    columns = {"appeals": "appeals_registered", "decisions": "appealable_decisions"}
    rows = own["send_tribunal_appeals"].set_index("calendar_year")
    frame = pd.DataFrame({new: rows[old] for new, old in columns.items()}).sort_index()
    source = "Ministry of Justice and Department for Education, appeals to the SEND Tribunal"
    return {"appeals": _table(frame, "appeals", source, lambda year: f"{year + 1}-06")}


def _population(own):
    built = {}
    rows = own.get("population_by_age", pd.DataFrame({"basis": []}))
    for basis, known in (("2018-based", "2020-03"), ("2022-based", "2025-06")):
        part = rows[rows["basis"].astype(str).str.contains(basis)]
        if len(part):
            part = part.assign(age="age_" + part["age"].astype(str))
            frame = part.pivot(index="year", columns="age", values="population")
            frame = frame.reindex(columns=sorted(frame, key=lambda age: int(age[4:])))
            source = f"ONS subnational population projections, {part['basis'].iloc[0][4:]}, mid-year"
            name = f"population_{basis.replace('-', '_')}"
            built[name] = _table(frame, "people", source, lambda _, month=known: month)
    return built


def _table(frame, unit, source, release):
    frame.index.name, frame.columns.name = "period", None
    frame = frame.astype(float).dropna(how="all")
    known = {period: release(period) for period in frame.index}
    frame.attrs = {"unit": unit, "source": source, "quality": "published", "known": known}
    return frame


def _sen2_release(january):
    return f"{january}-{'05' if january < 2023 else '06'}"


def _flow_release(year):
    return _sen2_release(year + 1)


def _outturn_release(financial_year):
    return f"{int(financial_year[:4]) + 2}-01"
