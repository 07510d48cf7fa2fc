"""The Department's published files, one council at a time, in the form of a case file's tables.

A folder of the CSVs named in published.yaml, with the columns named there (others are ignored;
blanks stay blank); the two of caseload must be there.
"""

import difflib
import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from sufficiency.case.files import CaseError

from . import Problems, Quality, read_csv

FORMS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
SETTINGS, AGE_BANDS, FILES, SERIES = map(FORMS.get, ("settings", "age_bands", "files", "series"))
JANUARY, LINES = "january_year", "outturn_gbp_"


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
    path, problems, raw = Path(path), Problems(), {}
    for name, form in FILES.items():
        file = path / f"{name}.csv"
        if file.exists() or name.startswith("ehcp_caseload"):
            raw[name] = read_csv(file, problems, ["la_name", *form["text"]], _numbers(name),
                                 signed=form.get("signed", False))
    problems.stop(f"published files in {path}")
    cleaned = {name: _cleaned(name, frame, problems) for name, frame in raw.items()}
    problems.stop(f"published files in {path}")
    frames = {name: frame for name, (frame, _) in cleaned.items()}
    unusable = pd.concat([lost for _, lost in cleaned.values()], ignore_index=True)
    return Folder(frames, frames["ehcp_caseload_by_setting"], unusable)


def _numbers(file):
    return [*FILES[file].get("numbers", ()), *(
        name for form in SERIES.values() for theirs in form["columns"].values()
        for where, name in zip(form["files"], theirs, strict=False) if where == file)]


def plain_name(name):
    """One spelling for a council: 'Bristol, City of', 'Bristol City of' -> 'bristol'."""
    text = re.sub(r"\(.*?\)|\d+$", "", str(name)).casefold().replace("&", "and").replace(".", "")
    text = " ".join(re.sub(r"[^a-z ]", " ", text).split())
    return re.sub(r"^county | (city of|county of|borough)$", "", text)


def _cleaned(name, frame, problems):
    """One row a council, period and key, and what was left out; repeats must agree."""
    key, reason = ["council", *FILES[name]["text"]], pd.Series("", frame.index)
    period = key[1]
    frame["council"] = frame["la_name"].map({n: plain_name(n) for n in set(frame["la_name"])})
    reason[~frame[period].str.fullmatch(r"\d{4}(-\d\d)?")] = "not a year"
    if "age_band" in frame:
        reason[~frame["age_band"].isin(list(AGE_BANDS))] = "unknown age band"
    used = frame[reason == ""].astype({period: object if period == "financial_year" else int})
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
    """Rows of plans of a council's name or code; unknown ones are refused with near names."""
    plans, wanted = folder.plans, plain_name(council)
    if "la_code" in plans and wanted not in plans.index:
        wanted = next(iter(plans.index[plans["la_code"] == str(council)]), wanted)
    if wanted in plans.index:
        return plans.loc[[wanted]]
    names = sorted(set(plans["la_name"]))
    near = difflib.get_close_matches(str(council), names, n=5, cutoff=0.4) or names[:3]
    raise CaseError(f"council: found {council!r}; allowed a name or code in the files, such as "
                    f"{', '.join(near)}")


def quality(folder, council):
    """What became of the rows of each file, for a council -> of `Quality.table`."""
    name, found = find(folder, council).index[0], Quality()
    for file, lost in folder.unusable.groupby("file"):
        found.lose_by(file, lost, "reason")
    for stem, frame in folder.frames.items():
        file, own = f"{stem}.csv", frame[frame.index == name]
        found.add(file, len(frame) + len(found.unused(file)))
        found.lose(file, frame.loc[frame.index != name, "line"], "of another council or area")
        if stem.startswith("ehcp_caseload"):
            key = [JANUARY, *(["age_band"] if "age_band" in own else [])]
            early = own.sort_values("release", kind="stable").duplicated(key, keep="last")
            found.lose(file, own.sort_values("release", kind="stable").loc[
                early.to_numpy(), "line"], "a later release has this January")
        if stem == "population_by_age":
            known = own["basis"].str.contains("|".join(FORMS["projections"]))
            found.lose(file, own.loc[~known, "line"], "another basis of projection")
    return found.table()


def label(folder, council):
    """The council's name and latest code, as the files print them."""
    last = find(folder, council).iloc[-1]
    return last["la_name"], last.get("la_code", "")


def notices(folder, council):
    """What a reader should know of a council's series: gaps, starts, ends, changed codes."""
    plans = find(folder, council)
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


def tables(folder, council, series=tuple(SERIES)):
    """Everything the files hold of one council -> {table name: frame by period}.

    Form of case.published: index January, calendar year or financial year; attrs unit, source,
    quality, known (period: month of release). Takes England and the regions too. series: those of
    SERIES that are wanted beside plans and population.
    """
    name = find(folder, council).index[0]
    own = {file: frame.loc[[name]] for file, frame in folder.frames.items() if name in frame.index}
    built = {name: _series(own, SERIES[name]) for name in series}
    built = _plans(own) | built | _population(own)
    if len(built.get("flows", ())):
        built["flows"]["timely_share"] = (built["flows"]["timely_share"] / 100).round(4)
    return {key: frame for key, frame in built.items() if len(frame)}


def known_by(tables, month):
    """The rows of tables (of `tables`) that were out by a month, YYYY-MM, and no others."""
    cut = {name: frame[[frame.attrs["known"][when] <= month for when in frame.index]]
           for name, frame in tables.items()}
    for frame in cut.values():
        # Nothing reads them from here on, and pandas copies them in every step.
        frame.attrs = {}
    return {name: frame for name, frame in cut.items() if len(frame)}


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
    return {name: _table(frame, **FORMS["plans"][name])
            for name, frame in (("plans_by_setting", plans), ("plans_by_age", ages))}


def _series(own, form):
    """A table of the series: each file's columns under our names, the first file standing."""
    made, columns = pd.DataFrame(), form["columns"]
    for i, file in enumerate(form["files"]):
        period = FILES[file]["text"][0]
        rows = own.get(file, pd.DataFrame(columns=[period])).set_index(period)
        columns = columns or {name.removeprefix(LINES): [name] for name in rows.filter(like=LINES)}
        names = {theirs[i]: ours for ours, theirs in columns.items() if len(theirs) > i}
        made = made.combine_first(rows.reindex(columns=list(names)).rename(columns=names))
    return _table(made[list(columns)], form["unit"], form["source"], form["released"])


def _population(own):
    rows, built = own.get("population_by_age"), {}
    for basis, known in FORMS["projections"].items() if rows is not None else ():
        part = rows[rows["basis"].str.contains(basis)].astype({"age": int})
        frame = part.pivot(index="year", columns="age", values="population").add_prefix("age_")
        built[f"population_{basis.replace('-', '_')}"] = _table(
            frame, "people", f"ONS subnational population projections, {basis}, mid-year", known)
    return built


def _table(frame, unit, source, released):
    """A frame as tables() gives it; released: a month, or the rule of published.yaml."""
    def month(period):
        year = int(str(period)[:4])
        early = [text for limit, text in released.get("before", {}).items() if year < limit]
        return f"{year + released['after']}-{[*early, released['month']][0]}"
    frame = frame.sort_index().astype(float).dropna(how="all")
    frame.index.name, frame.columns.name = "period", None
    known = {when: released if isinstance(released, str) else month(when) for when in frame.index}
    frame.attrs = {"unit": unit, "source": source, "quality": "published", "known": known}
    return frame
