"""Two finished runs compared: what they were made of, what they assumed, what they found."""

import json
import os
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from sufficiency.case.quantity import as_entry
from sufficiency.case.schema import assumptions
from sufficiency.report import compare_views, document, tables
from sufficiency.report.workbook import write_workbook
from sufficiency.run.market import WORLDS

STATISTICS = ("mean", "sd", *tables.PERCENTILES)
SAID = ("low", "central", "high", "quality", "source")
# What names a run rather than making it, and what is compared by itself
APART = ("run_id", "files", "assumptions")
SHORT, SAME = 12, 1e-9
EXEMPT = "Exempt: compares exempt editions, not for publication"
LISTED = 8
# Rows of a table printed, letters of a cell, and rows of a table on the page
SHOWN, WIDE, PAGE = 20, 60, 100


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, manifest, resolved case (None if it keeps none) and results."""

    path: Path
    about: dict
    case: dict | None
    results: Path

    @property
    def name(self):
        said = [self.about["case"], *filter(None, [self.about["scenario"]]), self.about["run_id"]]
        return " ".join(said)


@dataclass(frozen=True)
class Comparison:
    """What differs, a frame each, rows only where something does; first, second: the two runs.

    facts: what, first, second. assumptions: key, label, unit, and SAID of each run; values: key,
    first, second. headlines: key, text, unit, year, both values with their ranges, difference,
    outside_range. results: table, row, column, both means, difference, error (Monte Carlo), beyond.
    """

    names: tuple
    public: bool
    flag: str
    facts: pd.DataFrame
    assumptions: pd.DataFrame
    values: pd.DataFrame
    headlines: pd.DataFrame
    results: pd.DataFrame
    notes: tuple

    @property
    def same(self):
        frames = (self.facts, self.assumptions, self.values, self.headlines, self.results)
        return not any(map(len, frames)) and not self.notes


def find_run(text, outputs, public=False):
    """A finished Run by its folder, or by its id or the beginning of it under outputs."""
    given, outputs = Path(text), Path(outputs)
    found = [given] if (given / "manifest.json").is_file() else [
        path.parent for path in sorted(outputs.glob("[!.]*/[!.]*/manifest.json"))
        if path.parent.name.startswith(str(text))]
    if len(found) != 1 or not text:
        every = [path.parent for path in sorted(outputs.glob("[!.]*/[!.]*/manifest.json"))]
        have = [f"{p.parent.name}/{p.name}" for p in (found or every)]
        more = f" and {len(have) - LISTED} more" if len(have) > LISTED else ""
        which = "more than one run" if len(found) > 1 else "no finished run"
        raise ValueError(f"run: found {which} of {str(text)!r}; allowed the folder of one, or the "
                         f"beginning of its id: {', '.join(have[:LISTED]) or 'none here'}{more}")
    (path,) = found
    results = path / ("public" if public else "exempt") / "results"
    if not results.is_dir():
        raise ValueError(f"run {text}: found no {results.parent.name}/results; allowed a run made "
                         "by this version: sufficiency annex CASE --again")
    about, kept = path / "manifest.json", path / "exempt" / "case.json"
    return Run(path, _json(about), _json(kept) if kept.is_file() else None, results)


def _json(path):
    return json.loads(path.read_text("utf-8"))


def compare(first, second, public=False):
    """What differs between two Runs -> Comparison; public: no number or source of the case."""
    notes, both = [], all(run.case is not None for run in (first, second))
    if not both:
        notes.append("Assumptions are not compared: a run keeps none; make it afresh with --again.")
    made = _assumed(first.case, second.case) if both else ([], [])
    assumed, values = map(pd.DataFrame, made)
    if public and len(assumed):
        assumed = assumed[["key", "label", "unit"]]
    if public and len(values):
        values = values[["key"]]
    results, alone = _results(first, second)
    said = [f"Only in {run.name}: {', '.join(names)}." for run, names in
            zip((first, second), alone, strict=True) if names]
    exempt = [run.case["annex"]["exempt"] for run in (first, second)
              if run.case and run.case.get("annex", {}).get("exempt")]
    flag = "" if public else next(iter(exempt), EXEMPT)
    names = (first.name, second.name)
    if names[0] == names[1]:
        names = tuple(f"{name} ({which})" for name, which in zip(names, ("first", "second"),
                                                                strict=True))
    return Comparison(names, public, flag, _facts(first.about, second.about), assumed, values,
                      _headlines(first.results, second.results), results, (*notes, *said))


def _flat(node, path=()):
    if isinstance(node, dict) and node:
        return {key: value for name, below in node.items()
                for key, value in _flat(below, (*path, str(name))).items()}
    return {path: json.dumps(node, ensure_ascii=False) if isinstance(node, (dict, list)) else node}


def _facts(first, second):
    one, two = (_flat({name: said for name, said in about.items() if name not in APART})
                for about in (first, second))
    rows = [(": ".join(path), one.get(path), two.get(path)) for path in sorted({*one, *two})
            if one.get(path) != two.get(path) and path[:1] != ("overrides",)]
    rows = [(what, *(_short(value) for value in pair)) for what, *pair in rows]
    said = [_overrides(about) for about in (first, second)]
    rows += [("overrides", *said)] if said[0] != said[1] else []
    return pd.DataFrame(rows, columns=["what", "first", "second"])


def _overrides(about):
    return "; ".join(f"{key}={json.dumps(value)}" for key, value in about["overrides"].items())


def _short(value):
    text = "" if value is None else str(value)
    return text[:SHORT] if len(text) == 64 and " " not in text else text


def _assumed(first, second):
    """Rows of the assumptions that differ, a row a period, and of plain values that do."""
    sides = [{path: whole for path, whole in assumptions(case)} for case in (first, second)]
    rows = []
    for path in sorted({*sides[0], *sides[1]}):
        pair = [side.get(path, {}) for side in sides]
        if pair[0] != pair[1]:
            rows += _periods(".".join(path), *pair)
    homes = {*sides[0], *sides[1]}
    one, two = ({path: value for path, value in _flat(case).items()
                 if not any(path[:n] in homes for n in range(1, len(path) + 1))}
                for case in (first, second))
    plain = [{"key": ".".join(path), "first": _text(one.get(path)), "second": _text(two.get(path))}
             for path in sorted({*one, *two}) if one.get(path) != two.get(path)]
    return rows, plain


def _text(value):
    return "" if value is None else str(value)


def _periods(key, first, second):
    """Rows of an assumption that differs: of its dated values, and without a period of the rest."""
    dated = [{str(when): as_entry(entry) for when, entry in (whole.get("values") or {}).items()}
             for whole in (first, second)]
    rest = [{name: said for name, said in whole.items() if name not in ("values", "vintages")}
            for whole in (first, second)]
    pairs = {"": rest} | {when: [side.get(when, {}) for side in dated]
                          for when in sorted({*dated[0], *dated[1]})}
    about = {**rest[1], **rest[0]}
    return [{"key": f"{key} {when}".strip(), "label": about.get("label", ""),
             "unit": about.get("unit", ""),
             **{f"{name}_{which}": pair[at].get(name, "" if name in SAID[3:] else np.nan)
                for name in SAID for at, which in enumerate(("first", "second"))}}
            for when, pair in pairs.items() if pair[0] != pair[1]]


def _headlines(*folders):
    one, two = ({head["key"]: head for head in _json(folder / "headline.json")}
                if (folder / "headline.json").is_file() else {} for folder in folders)
    rows = []
    for key in dict.fromkeys([*one, *two]):
        pair = [side.get(key, {}) for side in (one, two)]
        first, second = ([side.get(name, np.nan) for name in ("value", "p10", "p90")]
                         for side in pair)
        if first == second:
            continue
        about, known = pair[0] or pair[1], all(pair)
        outside = not (second[1] <= first[0] <= second[2] and first[1] <= second[0] <= first[2])
        rows.append([key, about["text"], about["unit"], about["year"], first[0], second[0],
                     second[0] - first[0], *first[1:], *second[1:],
                     ("yes" if outside else "no") if known else ""])
    columns = ["key", "text", "unit", "year", "first", "second", "difference", "p10_first",
               "p90_first", "p10_second", "p90_second", "outside_range"]
    return pd.DataFrame(rows, columns=columns)


def _results(first, second):
    """Figures of the CSVs that differ, and for each run the names of tables that it alone has."""
    have = [{path.name for path in run.results.glob("*.csv")} for run in (first, second)]
    parts = []
    for name in sorted(have[0] & have[1]):
        if (first.results / name).read_bytes() != (second.results / name).read_bytes():
            parts.append(_table(name, first, second))
    columns = ["table", "row", "column", "first", "second", "difference", "error", "beyond"]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    alone = [sorted(Path(name).stem for name in mine - other)
             for mine, other in (have, have[::-1])]
    return frame[columns], alone


def _table(name, first, second):
    """Figures of one CSV that differ: means of a tidy table, every number of another."""
    sides = [pd.read_csv(run.results / name) for run in (first, second)]
    tidy = all({"mean", "sd"} <= {*side} for side in sides)
    numbers = ["mean"] if tidy else [
        column for column in sides[0] if column in sides[1] and column != next(iter(sides[0]))
        and all(side[column].dtype.kind in "if" for side in sides)]
    keys = [column for column in sides[0] if column in sides[1] and column not in numbers
            and not (tidy and column in STATISTICS)]
    sides = [_keyed(side, keys) for side in sides]
    every = sides[0].index.append(sides[1].index.difference(sides[0].index, sort=False))
    one, two = (side.reindex(every) for side in sides)
    found = []
    for column in numbers:
        a, b = one[column], two[column]
        differs = ((b - a).abs() > SAME * a.abs().clip(1)) | (a.isna() != b.isna())
        error = _error(name, one, two, first, second) if tidy else pd.Series(np.nan, every)
        beyond = np.where(((b - a).abs() > 2 * error), "yes", "no")
        part = pd.DataFrame({
            "table": Path(name).stem, "row": [" · ".join(map(str, key[:-1])) for key in every],
            "column": column, "first": a.values, "second": b.values, "difference": (b - a).values,
            "error": error.values, "beyond": np.where((b - a).isna() | error.isna(), "", beyond)})
        found.append(part[differs.values])
    return pd.concat(found) if found else pd.DataFrame()


def _keyed(frame, keys):
    """The frame by its keys as text, and a number for those that stand there more than once."""
    said = frame[keys].astype(str)
    again = said.groupby(keys).cumcount() if keys else pd.Series(range(len(frame)))
    return frame.set_index(pd.MultiIndex.from_arrays([*(said[key] for key in keys), again]))


def _error(name, one, two, first, second):
    draws = [run.about["draws"] for run in (first, second)]
    if name == "market.csv":
        draws = [min(number, WORLDS) for number in draws]
    return np.sqrt(one["sd"] ** 2 / draws[0] + two["sd"] ** 2 / draws[1])


def write(found, first, second, out):
    """Write comparison.html, comparison.xlsx and a CSV of each table into a folder, whole."""
    shown, picture = compare_views.shown(found), compare_views.chart(found)
    front = document.Front(
        title="Two runs compared", subtitle=f"{found.names[0]} against {found.names[1]}",
        council=" and ".join(dict.fromkeys(_council(run) for run in (first, second))),
        as_at=max(date.fromisoformat(run.about["as_at"]) for run in (first, second)),
        provenance=tuple(f"{run.name}: {run.about['draws']:,} simulated worlds, seed "
                         f"{run.about['seed']}" for run in (first, second)), flag=found.flag)
    pieces = [("text", "\n\n".join(map(tables.escape, compare_views.said(found))), {})]
    for item in [*([picture] if picture else []), *compare_views.shown(found, PAGE)]:
        data, about = item._repr_mimebundle_()
        pieces.append((about["annex"]["kind"], data.get("text/markdown", ""), about["annex"]))
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".compare-", dir=out) as folder:
        aside = Path(folder)
        os.rename(document.export(pieces, front, aside, ["html"])["html"],
                  aside / "comparison.html")
        sheets = shown or [tables.Table("nothing", "Nothing differs", pd.DataFrame(
            {"Runs": list(found.names), "Differs": ["nothing"] * 2}), "", {}, {}, found.flag)]
        write_workbook(aside / "comparison.xlsx", [*sheets, *([picture.table()] if picture else
                       [])], front)
        for name in compare_views.CAPTIONS:
            text = tables.csv(getattr(found, name))
            (aside / f"{name}.csv").write_text(text, encoding="utf-8", newline="\n")
        for path in sorted(aside.iterdir()):
            os.replace(path, out / path.name)
    return out / "comparison.html"


def _council(run):
    return run.case["council"]["name"] if run.case else run.about["case"]


def run(options, root):
    """`sufficiency compare`: prints what differs, writes it into a folder -> exit code 0."""
    outputs = root / "outputs"
    first, second = (find_run(text, outputs, options.public) for text in options.runs)
    found = compare(first, second, options.public)
    ids = "-".join(one.about["run_id"] for one in (first, second))
    out = Path(options.out or outputs / "comparisons" / ids).resolve()
    print("\n".join(compare_views.said(found)))
    for table in compare_views.shown(found, SHOWN):
        rows = table.shown().to_string(index=False, max_colwidth=WIDE)
        print("\n".join(["", table.caption, rows, *([table.note] if table.note else [])]))
    print(f"\n{write(found, first, second, out)}")
    return 0
