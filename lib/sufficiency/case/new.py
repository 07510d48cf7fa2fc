"""New cases: a council's case file made from published files, a transitions folder or a return."""

import os
import tempfile
from pathlib import Path

import pandas as pd

from sufficiency.case.beliefs import load_case
from sufficiency.case.files import CASE_NAME, CaseError, find_root, read
from sufficiency.case.new_parts import (
    BASE,
    about,
    as_yaml,
    counts_of,
    held_flat,
    kept_quality,
    read_of,
    short,
    table,
    unit_cost,
)
from sufficiency.case.new_sen2 import sen2_case
from sufficiency.case.returns import published as statistics
from sufficiency.case.returns.transitions import read_transitions, stock

LISTED = 10
# A gap that rounds to the 2% that stops a run: other worlds move it by 0.03%.
NEAR = 0.0195


def new_case(name, transitions=None, published=None, council="", root=None, force=False,
             by_need=False, gaps=None, sen2=None, establishments=None):
    """Write params/councils/<name>.yaml from one folder -> (path, notices), once it has loaded.

    transitions: a folder of transitions, population, valid-states and costs; the counts go beside
    the case as <name>.counts.csv. published: a folder of the Department's files, and the council's
    name or code. sen2: a folder of person-level returns (`new_sen2`); published and council then
    give the population only. What became of every row read is beside the case: <name>.quality.csv.
    establishments: a file of their types, for sen2. gaps: function of the case, spend modelled over
    outturn less one by year; years over the limit are accepted as not looked into, with a notice
    each. Refuses a name in use (unless force) or unfit for a file, other folders than these, and
    what gaps() refuses.
    """
    root = find_root(root)
    target = case_path(name, root, force)
    if bool(transitions) + bool(published or sen2) != 1:
        raise CaseError("new-case: found two sources or none; allowed one of transitions, "
                        "published (with council), sen2 (and published with council for its "
                        "population) and ssda903")
    if establishments and not sen2:
        raise CaseError("establishments: found without sen2; allowed with a SEN2 folder")
    national, counts = read(root / "params" / "national.yaml", root).data, {}
    said = read(target, root).data.get("returns") if target.exists() else None
    try:
        if sen2:
            people = _people(published, council) if published else None
            tree, counts, quality, notices = sen2_case(
                name, sen2, national | {"returns": said or national["returns"]}, establishments,
                people)
            tree |= {"returns": said} if said and said != national["returns"] else {}
        elif transitions:
            found = read_transitions(transitions, by_need)
            text, quality = found.counts.to_csv(index=False, lineterminator="\n"), found.quality
            tree, counts = _counted(name, found, text, national), {f"{name}.counts.csv": text}
            notices = [f"transitions.csv: {found.rows} rows read: {found.counts['count'].sum()} "
                       f"counted, {len(found.unusable)} not used", *found.warnings,
                       *_listed(found.unusable.assign(file="transitions.csv"))]
            notices += short(found.population, tree)
        else:
            folder = statistics.read_folder(published)
            tree, notices = _published(folder, council, national)
            quality = statistics.quality(folder, council)
    except ValueError as error:
        raise CaseError(str(error)) from None
    counts[f"{name}.quality.csv"] = kept_quality(quality)
    tree["quality_table"] = f"{name}.quality.csv"
    notices.insert(0, read_of(quality, name))
    return target, notices + write_case(target, counts, tree, root, gaps)


def case_path(name, root, force=False):
    """Where a new case goes: refuses a name unfit for a file, or in use unless force."""
    target = root / "params" / "councils" / f"{name}.yaml"
    if not CASE_NAME.fullmatch(str(name)) or name == "national":
        raise CaseError(f"name: found {name!r}; allowed letters, digits, - and _, not 'national'")
    if target.exists() and not force:
        raise CaseError(f"name: found {name!r}, a case already; allowed a new name, or force")
    return target


def write_case(target, counts, tree, root, gaps=None):
    """All files or none: written aside, tried as a case, then moved in, the case last."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as aside:
        def save(files):
            for file, content in files.items():
                (Path(aside) / file).write_text(content, encoding="utf-8", newline="\n")
        save(counts | {target.name: as_yaml(tree)})
        case = load_case(str(Path(aside) / target.name), root=root)
        notices = _accept(tree, gaps(case)) if gaps else []
        save({target.name: as_yaml(tree)})
        for file in (*counts, target.name):
            os.replace(Path(aside) / file, target.parent / file)
    return notices


def _accept(tree, gaps):
    """Put the years whose gap would stop a run into the case, each as nobody's finding."""
    over = {year: f"new-case: modelled {gap:+.1%} against outturn in {year}, not looked into"
            for year, gap in gaps.items() if abs(gap) > NEAR}
    if over:
        tree["costs"]["ledger"]["accepted_gap"] = over
    return [f"{text}; give the reason in costs.ledger.accepted_gap.{year}"
            for year, text in over.items()]


def _listed(unusable):
    """The first rows of the files that could not be used, a notice each."""
    more = [f"... and {len(unusable) - LISTED} more"] if len(unusable) > LISTED else []
    return [f"not used: {row['file']}:{row['line']}: {row['reason']}"
            for row in unusable.head(LISTED).to_dict("records")] + more


def _people(folder, council):
    """A council's population by January, the latest projection first, or None: (frame, source)."""
    found = statistics.tables(statistics.read_folder(folder), council)
    made = [found[name] for name in sorted(found, reverse=True) if name.startswith("population_")]
    if not made:
        return None
    people = made[0].combine_first(made[-1])
    return people.set_axis(people.index + 1), "; ".join(
        [made[0].attrs["source"], *({made[-1].attrs["source"]} - {made[0].attrs["source"]})])


def _published(folder, council, national):
    found, notices = statistics.tables(folder, council), statistics.notices(folder, council)
    broken = [notice for notice in notices if notice.startswith(("no plans", "the series ends"))]
    if broken:
        raise CaseError(f"council {council}: {'; '.join(broken)}; allowed an unbroken series")
    plans = found["plans_by_setting"]
    first = plans.dropna().index.min()
    early = ", ".join(str(year) for year in plans.index if year < first)
    found["plans_by_setting"] = plans.loc[first:]
    notices += [f"plans of January {early} left out: not every setting is given"] * bool(early)
    name, code = statistics.label(folder, council)
    known = max(month for frame in found.values() for month in frame.attrs["known"].values())
    made = {key: table(frame, **frame.attrs) for key, frame in found.items()}
    unused = f"{len(folder.unusable)} rows of the folder's files were not used"
    made["plans_by_setting"]["note"] = unused
    tree = {**about(name, int(plans[plans.sum(axis=1) > 0].index.max()), known, code),
            "published": made, "costs": _costs_of_lines(found, national["costs"])}
    return tree, [*notices, unused, *_listed(folder.unusable)]


def _costs_of_lines(found, costs):
    """Its own lines where it has them; proxies for the settings that none of them pays for."""
    first = int(found["plans_by_setting"].index.min())
    years = found.get("section_251", pd.DataFrame()).index
    ledger, paid = {"lines": None}, set()
    if BASE in years and "section_251_lines" in found and first <= int(BASE[:4]):
        lines = found["section_251_lines"].loc[BASE]
        spent = [(lines.get(line, 0), setting) for line, entry in costs["ledger"]["lines"].items()
                 for setting in entry.get("per") or []]
        # what is left of a setting that a negative line pays back into is no price of a place
        paid = {setting for money, setting in spent if money > 0}
        paid -= {setting for money, setting in spent if money < 0}
        ledger = {}
    proxies = {name: unit_cost(entry["gbp"], BASE, "2023-01", "proxy", entry["source"])
               for name, entry in costs["proxies"].items() if name not in paid}
    base = max(BASE, f"{first}-{(first + 1) % 100:02d}")
    return {"ledger": {"base_year": base, **ledger}, "unit": proxies}


def _counted(name, found, text, national):
    """A case of its own settings: rates as counted and held flat, unit costs as given."""
    counts, states, last = found.counts, found.states, int(found.counts["year"].max())
    known, year = f"{last + 1}-03", f"{last}-{(last + 1) % 100:02d}"
    plans = counts[counts["kind"] != "joiner"].pivot_table("count", "year", "place", "sum")
    plans.loc[last + 1] = stock(counts, last + 1).groupby("place").sum()
    placements = held_flat(known, national)
    published = {"population": (found.population, "people", "population.csv"),
                 "plans_by_setting": (plans.reindex(columns=states.index).fillna(0), "plans",
                                      "transitions.csv")}
    return {
        **about(name, last + 1, known),
        "settings": dict.fromkeys(national["settings"]) | {
            place: {"label": place, "ages": [int(state["first"]), int(state["last"])],
                    "group": state["group"], "published": False}
            for place, state in states.iterrows()},
        "transitions": counts_of(name, text, {place: _moves(states, place)
                                              for place in states.index}),
        "published": {
            key: table(frame, dict.fromkeys(frame.index, known), unit,
                       f"{source} of the transitions folder", "council")
            for key, (frame, unit, source) in published.items()},
        "placements": placements,
        "costs": {
            "ledger": {"base_year": year, "lines": None},
            "unit": {place: unit_cost(cost, year, known, "council", "costs.csv of the "
                                      "transitions folder") for place, cost in found.costs.items()},
            "spread": dict.fromkeys(states.index,
                                    national["costs"]["spread"]["non_maintained_special"])},
    }


def _moves(states, place):
    """The places that the folder lets a child of a place go to; no list lets all."""
    listed, own = states.loc[place, "moves"], states.loc[place, "setting"]
    return [to for to in states.index if to != place
            and (not listed or states.loc[to, "setting"] in (*listed, own))]
