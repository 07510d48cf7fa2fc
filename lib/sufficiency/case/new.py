"""New cases: a council's case file made from published files or from a transitions folder."""

import calendar
import hashlib
import os
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from sufficiency.case.beliefs import load_case
from sufficiency.case.files import CASE_NAME, CaseError, Loader, find_root, read
from sufficiency.case.returns import published as statistics
from sufficiency.case.returns.transitions import read_transitions, stock

PRIOR = 5  # children
AHEAD = 6  # Januaries forecast
LISTED = 10
# A gap that rounds to the 2% that stops a run: other worlds move it by 0.03%.
NEAR = 0.0195
BASE, FUND = "2021-22", "dsg_high_needs"
FLAT = {"growth.trend": 0, "joiners.level": 1, "ceasing.scale": 1, "unreconciled.flow": 0,
        "unreconciled.spread": 0, "backlog.plans": 0}


class Dumper(yaml.SafeDumper):
    """YAML that `files.read` reads back as it was; nothing written once and referred to."""

    yaml_implicit_resolvers = Loader.yaml_implicit_resolvers

    def ignore_aliases(self, data):
        return True


def new_case(name, transitions=None, published=None, council="", root=None, force=False,
             by_need=False, gaps=None):
    """Write params/councils/<name>.yaml from one folder -> (path, notices), once it has loaded.

    transitions: a folder of transitions, population, valid-states and costs; the counts go beside
    the case as <name>.counts.csv. published: a folder of the Department's files, and the council's
    name or code. gaps: function of the case, spend modelled over outturn less one by year; years
    over the limit are accepted as not looked into, with a notice each. Refuses a name in use
    (unless force) or unfit for a file, both folders or none, and what gaps() refuses.
    """
    root = find_root(root)
    target = root / "params" / "councils" / f"{name}.yaml"
    if not CASE_NAME.fullmatch(str(name)) or name == "national":
        raise CaseError(f"name: found {name!r}; allowed letters, digits, - and _, not 'national'")
    if target.exists() and not force:
        raise CaseError(f"name: found {name!r}, a case already; allowed a new name, or force")
    if bool(transitions) == bool(published):
        raise CaseError("new-case: found both folders or none; allowed transitions or published")
    national, counts = read(root / "params" / "national.yaml", root).data, {}
    try:
        if transitions:
            found = read_transitions(transitions, by_need)
            text = found.counts.to_csv(index=False, lineterminator="\n")
            tree, counts = _counted(name, found, text, national), {f"{name}.counts.csv": text}
            notices = [f"{found.rows} rows read: {found.counts['count'].sum()} counted, "
                       f"{len(found.unusable)} not used", *found.warnings,
                       *_listed(found.unusable.assign(file="transitions.csv"))]
            notices += _short(found, tree)
        else:
            tree, notices = _published(statistics.read_folder(published), council, national)
    except ValueError as error:
        raise CaseError(str(error)) from None
    return target, notices + _write(target, counts, tree, root, gaps)


def _write(target, counts, tree, root, gaps):
    """All files or none: written aside, tried as a case, then moved in, the case last."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as aside:
        def save(files):
            for file, content in files.items():
                (Path(aside) / file).write_text(content, encoding="utf-8", newline="\n")
        save(counts | {target.name: _text(tree)})
        case = load_case(str(Path(aside) / target.name), root=root)
        notices = _accept(tree, gaps(case)) if gaps else []
        save({target.name: _text(tree)})
        for file in (*counts, target.name):
            os.replace(Path(aside) / file, target.parent / file)
    return notices


def _text(tree):
    return yaml.dump({"extends": "national", **tree}, Dumper=Dumper, sort_keys=False, width=96,
                     allow_unicode=True, default_flow_style=None)


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


def _short(found, tree):
    """Carry the last year of a population that stops before the horizon needs it to."""
    end, last = int(found.population.index.max()), tree["horizon"]["last_january"]
    if end > last:
        return []
    tree["placements"]["population"] = {"carry": "last"}
    return [f"population.csv ends in {end}: the case carries that year on to {last + 1} "
            "(placements.population.carry)"]


def table(frame, known, unit, source, quality):
    """A published table of a case file; `known`: the month of release of each period."""
    def figure(x):
        return None if np.isnan(x) else int(x) if x == int(x) else float(x)
    rows = {period: {"known": known[period]} | {name: figure(x) for name, x in row.items()}
            for period, row in frame.iterrows()}
    return {"unit": unit, "source": source, "quality": quality, "rows": rows}


def _published(folder, council, national):
    found, notices = statistics.tables(folder, council), statistics.notices(folder, council)
    broken = [notice for notice in notices if notice.startswith(("no plans", "the series ends"))]
    if broken:
        raise CaseError(f"council {council}: {'; '.join(broken)}; allowed an unbroken series")
    plans = found["plans_by_setting"]
    found["plans_by_setting"] = plans.loc[plans.dropna().index.min():]
    name, code = statistics.label(folder, council)
    known = max(month for frame in found.values() for month in frame.attrs["known"].values())
    made = {key: table(frame, **frame.attrs) for key, frame in found.items()}
    unused = f"{len(folder.unusable)} rows of the folder's files were not used"
    made["plans_by_setting"]["note"] = unused
    tree = {**_about(name, int(plans[plans.sum(axis=1) > 0].index.max()), known, code),
            "published": made, "costs": _costs_of_lines(found, national["costs"])}
    return tree, [*notices, unused, *_listed(folder.unusable)]


def _about(name, last, known, code=""):
    """Title, council, date and horizon: as at the end of the month its latest row was known."""
    year, month, horizon = int(known[:4]), int(known[5:]), last + AHEAD
    to = f"{horizon - 1}-{horizon % 100:02d}"
    return {"title": f"What {name}'s high needs placements will cost to {to}",
            "council": {"name": name, "short": name, "la_code": code},
            "as_at": date(year, month, calendar.monthrange(year, month)[1]),
            "horizon": {"last_january": horizon}}


def _costs_of_lines(found, costs):
    """Its own lines where it has them; proxies for the settings that none of them pays for."""
    first = int(found["plans_by_setting"].index.min())
    years = found.get("section_251", pd.DataFrame()).index
    ledger, paid = {"lines": None}, set()
    if BASE in years and "section_251_lines" in found and first <= int(BASE[:4]):
        lines = found["section_251_lines"].loc[BASE]
        paid = {setting for line, entry in costs["ledger"]["lines"].items()
                if lines.get(line, 0) > 0 for setting in entry.get("per") or []}
        ledger = {}
    proxies = {name: _unit(entry["gbp"], BASE, "2023-01", "proxy", entry["source"])
               for name, entry in costs["proxies"].items() if name not in paid}
    base = max(BASE, f"{first}-{(first + 1) % 100:02d}")
    return {"ledger": {"base_year": base, **ledger}, "unit": proxies}


def _unit(gbp, year, known, quality, source):
    return {"central": round(float(gbp), 2), "unit": "GBP/place/year", "as_of": year,
            "known": known, "quality": quality, "funded_by": FUND, "source": source}


def _counted(name, found, text, national):
    """A case of its own settings: rates as counted and held flat, unit costs as given."""
    counts, states, last = found.counts, found.states, int(found.counts["year"].max())
    known, year = f"{last + 1}-03", f"{last}-{(last + 1) % 100:02d}"
    plans = counts[counts["kind"] != "joiner"].pivot_table("count", "year", "place", "sum")
    plans.loc[last + 1] = stock(counts, last + 1).groupby("place").sum()
    said = {"known": known, "quality": "judgement",
            "note": "Rates held as counted, until somebody says otherwise"}
    prior = {"note": "Weight of the rate of a setting's group beside the children counted in one "
             "state", "central": PRIOR, "unit": "children"}
    placements = {"counted": {"prior_size": said | prior}}
    for group, leaf in (key.split(".") for key in FLAT):
        old = national["placements"][group][leaf]
        flat = {"unit": old["unit"], "central": FLAT[f"{group}.{leaf}"]}
        placements.setdefault(group, {})[leaf] = dict.fromkeys(old) | said | flat
    published = {"population": (found.population, "people", "population.csv"),
                 "plans_by_setting": (plans.reindex(columns=states.index).fillna(0), "plans",
                                      "transitions.csv")}
    return {
        **_about(name, last + 1, known),
        "settings": dict.fromkeys(national["settings"]) | {
            place: {"label": place, "ages": [int(state["first"]), int(state["last"])],
                    "group": state["group"], "published": False}
            for place, state in states.iterrows()},
        "transitions": {"counts": f"{name}.counts.csv",
                        "sha256": hashlib.sha256(text.encode()).hexdigest(),
                        "moves": {place: _moves(states, place) for place in states.index}},
        "published": {
            key: table(frame, dict.fromkeys(frame.index, known), unit,
                       f"{source} of the transitions folder", "council")
            for key, (frame, unit, source) in published.items()},
        "placements": placements,
        "costs": {
            "ledger": {"base_year": year, "lines": None},
            "unit": {place: _unit(cost, year, known, "council", "costs.csv of the transitions "
                                  "folder") for place, cost in found.costs.items()},
            "spread": dict.fromkeys(states.index,
                                    national["costs"]["spread"]["non_maintained_special"])},
    }


def _moves(states, place):
    """The places that the folder lets a child of a place go to; no list lets all."""
    listed, own = states.loc[place, "moves"], states.loc[place, "setting"]
    return [to for to in states.index if to != place
            and (not listed or states.loc[to, "setting"] in (*listed, own))]
