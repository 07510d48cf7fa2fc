"""New cases: a council's case file made from published files or from a transitions folder."""

import hashlib
import io
import os
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from sufficiency.case.beliefs import load_case
from sufficiency.case.files import CASE_NAME, CaseError, find_root, read
from sufficiency.case.returns import published as statistics
from sufficiency.case.returns.transitions import AGES, read_transitions, stock

PRIOR = 5  # children
BASE, FUND = "2021-22", "dsg_high_needs"
FLAT = {"growth.trend": 0, "joiners.level": 1, "ceasing.scale": 1, "unreconciled.flow": 0,
        "unreconciled.spread": 0, "backlog.plans": 0}


def new_case(name, transitions=None, published=None, council="", root=None, force=False,
             by_need=False):
    """Write params/councils/<name>.yaml from one folder -> (path, notices), once it has loaded.

    transitions: a folder of transitions, population, valid-states and costs; the counts go beside
    the case as <name>.counts.csv. published: a folder of the Department's files, and the council's
    name or code. Refuses a name in use (unless force) or unfit for a file, both folders or none.
    """
    root = find_root(root)
    councils, target = root / "params" / "councils", root / "params" / "councils" / f"{name}.yaml"
    if not CASE_NAME.fullmatch(str(name)) or name == "national":
        raise CaseError(f"name: found {name!r}; allowed letters, digits, - and _, not 'national'")
    if target.exists() and not force:
        raise CaseError(f"name: found {name!r}, a case already; allowed a new name, or force")
    if bool(transitions) == bool(published):
        raise CaseError("new-case: found both folders or none; allowed transitions or published")
    national = read(root / "params" / "national.yaml", root).data
    try:
        if transitions:
            tree, counts, notices = _counted(name, read_transitions(transitions, by_need), national)
        else:
            tree, counts, notices = _published(published, council, national)
    except ValueError as error:
        raise CaseError(str(error)) from None
    _write(target, {f"{name}.counts.csv": counts} if counts else {}, tree, root)
    return target, notices


def _write(target, files, tree, root):
    """All files or none: written aside, loaded as a case, then moved in, the case last."""
    yaml, text = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.width = None, 96
    yaml.sort_base_mapping_type_on_output = False
    yaml.dump({"extends": "national", **tree}, text)
    files = {**files, target.name: text.getvalue()}
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as aside:
        for file, content in files.items():
            (Path(aside) / file).write_text(content, encoding="utf-8", newline="\n")
        load_case(str(Path(aside) / target.name), root=root)
        for file in files:
            os.replace(Path(aside) / file, target.parent / file)


def table(frame):
    """A published table of a case file from a frame with attrs unit, source, quality, known."""
    known = frame.attrs["known"]
    rows = {period: {"known": known[period],
                     **{name: _figure(value) for name, value in row.items()}}
            for period, row in frame.iterrows()}
    return {name: frame.attrs[name] for name in ("unit", "source", "quality")} | {"rows": rows}


def _figure(value):
    if np.isnan(value):
        return None
    return int(value) if value == int(value) else float(value)


def _published(folder, council, national):
    folder = statistics.read_folder(folder)
    found = statistics.tables(folder, council)
    notices = statistics.notices(folder, council)
    broken = [notice for notice in notices if notice.startswith(("no plans", "the series ends"))]
    if broken:
        raise CaseError(f"council {council}: {'; '.join(broken)}; allowed an unbroken series")
    plans = found["plans_by_setting"]
    found["plans_by_setting"] = plans.loc[plans.dropna().index.min():]
    name, code = statistics.label(folder, council)
    lost = len(folder.unusable)
    tree = {"title": f"What {name}'s high needs placements will cost",
            "council": {"name": name, "short": name, "la_code": code},
            "published": {key: table(frame) for key, frame in found.items()},
            "costs": _costs_of_lines(found, national["costs"])}
    return tree, None, [*notices, f"{lost} rows of the files were not used"]


def _costs_of_lines(found, costs):
    """Its own lines where it has them; proxies for the settings that none of them pays for."""
    lines, outturn = found.get("section_251_lines"), found.get("section_251")
    first = int(found["plans_by_setting"].index.min())
    own = lines is not None and outturn is not None and BASE in outturn.index
    own = own and first <= int(BASE[:4])
    spec = costs["ledger"]["lines"] if own else {}
    paid = {setting for line, entry in spec.items() if lines.loc[BASE].get(line, 0) > 0
            for setting in entry.get("per") or []}
    later = [year for year in outturn.index if year > BASE] if own else []
    reason = "Rolled forward on England's prices; the calibration factor takes the gap out"
    ledger = {"accepted_gap": dict.fromkeys(later, reason)} if own else {"lines": None}
    proxies = {name: _unit(entry["gbp"], BASE, "2023-01", "proxy", entry["source"])
               for name, entry in costs["proxies"].items() if name not in paid}
    base = max(BASE, f"{first}-{(first + 1) % 100:02d}")
    return {"ledger": {"base_year": base, **ledger}, "unit": proxies}


def _unit(gbp, year, known, quality, source):
    return {"central": round(float(gbp), 2), "unit": "GBP/place/year", "as_of": year,
            "known": known, "quality": quality, "funded_by": FUND, "source": source}


def _counted(name, found, national):
    """A case of its own settings: rates as counted and held flat, unit costs as given."""
    counts, states = found.counts, found.states
    first = int(counts["year"].max()) + 1
    known, year = f"{first}-03", f"{first - 1}-{first % 100:02d}"
    text = counts.to_csv(index=False, lineterminator="\n")
    places = {place: {"label": place, "ages": [int(state["first"]), int(state["last"])],
                      "group": state["group"], "published": False}
              for place, state in states.iterrows()}
    moves = {place: [to for to in states.index if _may_move(states, place, to)]
             for place in states.index}
    said = {"known": known, "quality": "judgement",
            "note": "Rates held as counted, until somebody says otherwise"}
    prior = {"central": PRIOR, "unit": "children", "known": known, "quality": "judgement", "note":
             "Weight of the rate of a setting's group beside the children counted in one state"}
    placements = {"counted": {"prior_size": prior}}
    for key, central in FLAT.items():
        group, leaf = key.split(".")
        old = national["placements"][group][leaf]
        flat = {**dict.fromkeys(old), **said, "unit": old["unit"], "central": central}
        placements.setdefault(group, {})[leaf] = flat
    unit = {place: _unit(cost, year, known, "council", "costs.csv of the transitions folder")
            for place, cost in found.costs.items()}
    spread = national["costs"]["spread"]["non_maintained_special"]
    tree = {
        "title": f"What high needs placements will cost: {name}",
        "council": {"name": name, "short": name},
        "as_at": date(first, 3, 31),
        "horizon": {"last_january": first + 6},
        "settings": {**dict.fromkeys(national["settings"]), **places},
        "transitions": {"counts": f"{name}.counts.csv", "moves": moves,
                        "sha256": hashlib.sha256(text.encode()).hexdigest()},
        "published": {"population": table(_population(found, known)),
                      "plans_by_setting": table(_januaries(found, known))},
        "placements": placements,
        "costs": {"ledger": {"base_year": year, "lines": None}, "unit": unit,
                  "spread": {place: spread for place in places}},
    }
    used = (f"{found.rows} rows read: {counts['count'].sum()} counted, "
            f"{len(found.unusable)} not used")
    return tree, text, [used, *found.warnings]


def _may_move(states, place, to):
    """Whether the folder lets a child of one place go to another; no list lets all."""
    moves, target = states.loc[place, "moves"], states.loc[to, "setting"]
    return place != to and (not moves or target in (*moves, states.loc[place, "setting"]))


def _population(found, known):
    frame = found.population.reindex(columns=AGES).dropna().astype(float)
    frame.index = frame.index.astype(int)
    frame.columns = [f"age_{age}" for age in frame.columns]
    return _about(frame, "people", "population.csv of the transitions folder", known)


def _januaries(found, known):
    """Children by place each January, at the end of its pair; the first as its pair starts."""
    counts = found.counts
    start = counts[(counts["year"] == counts["year"].min()) & (counts["kind"] != "joiner")]
    rows = {int(counts["year"].min()): start.groupby("place")["count"].sum()}
    for year in sorted(set(counts["year"])):
        rows[int(year) + 1] = stock(counts, year + 1).groupby("place").sum()
    frame = pd.DataFrame(rows).T.reindex(columns=found.states.index).fillna(0.0)
    return _about(frame, "plans", "transitions.csv of the transitions folder", known)


def _about(frame, unit, source, known):
    frame.attrs = {"unit": unit, "source": source, "quality": "council",
                   "known": dict.fromkeys(frame.index, known)}
    return frame
