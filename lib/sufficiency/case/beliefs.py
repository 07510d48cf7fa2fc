"""The case: one council's beliefs on a day, under a scenario and overrides."""

import copy
import hashlib
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sufficiency.case import care, changes, contracts
from sufficiency.case.files import CaseError, Tree, find_case, find_root, leaf, mapping, read
from sufficiency.case.measures import Measure
from sufficiency.case.quantity import Assumption, month, nearest
from sufficiency.case.schema import SECTIONS, Setting, check, check_origins, is_assumption
from sufficiency.case.table import Published

LOG = "key label low central high unit as_of known quality funded_by source note".split()
NOTHING = object()
# Digests of the trees whose scenarios this process has tried and found sound: once is enough.
_SOUND = set()


@dataclass(frozen=True, eq=False)
class Case:
    """Assumptions, settings and published tables of a case, all checked.

    `case["a.b"]` is an Assumption; `value` gives plain leaves, `published` a table. `measures` are
    those known by its date. `resolved` is all of it as plain data, for hashing; `files` are the
    inputs read.
    """

    name: str
    scenario: str
    overrides: dict
    known_by: str
    root: Path
    files: list[Path]
    title: str
    as_at: date
    settings: dict[str, Setting]
    tables: dict[str, Published]
    assumptions: dict[str, Assumption]
    measures: dict[str, Measure]
    resolved: dict
    _tree: Tree

    def __getitem__(self, key):
        if key not in self.assumptions:
            found = self._absent(key, "assumption")
            raise CaseError(f"{key}: {found}{nearest(key, self.assumptions)}")
        return self.assumptions[key]

    def __contains__(self, key):
        return key in self.assumptions

    def value(self, key, default=NOTHING):
        """A plain leaf, or group of leaves, by dotted key; refuses one that is not there."""
        found = leaf(self.resolved, key.split("."))
        if found is None and default is NOTHING:
            raise CaseError(f"{key}: {self._absent(key, 'value')}")
        return default if found is None else copy.deepcopy(found)

    @property
    def scenarios(self):
        """Names of the scenarios that the case file has."""
        return list(self._tree.data.get("scenarios") or {})

    def published(self, name, default=NOTHING):
        """A published table as a DataFrame: index period, NaN for blanks, `attrs` with source."""
        if name in self.tables:
            return self.tables[name].frame()
        if default is NOTHING:
            absent = self._absent(f"published.{name}", "table")
            have = ", ".join(self.tables) or "none"
            raise CaseError(f"published.{name}: {absent}; allowed {have}")
        return default

    @property
    def counts(self):
        """Transitions counted by year, kind, place, age and destination; None without a table."""
        from sufficiency.case.returns.transitions import known_counts

        told = self.value("transitions", None)
        return told and known_counts(self.beside(told["counts"]), told["sha256"], self.known_by)

    def beside(self, name):
        """Path of an input of that name, such as stands beside the case file."""
        return next(path for path in reversed(self.files) if path.name == name)

    def as_known(self, known_by):
        """The case as it could have been written by the end of a month, YYYY-MM."""
        return _build(self._tree, self.name, self.root, self.scenario, self.overrides, known_by)

    def changed(self, overrides):
        """The case with more overrides, "a.b=1; c.d=2" or a mapping, on the same day."""
        more = {**self.overrides, **changes.parse_overrides(overrides)}
        return _build(self._tree, self.name, self.root, self.scenario, more, self.known_by)

    def log(self):
        """Assumptions log: a row for each assumption (each period of a dated one) and table.

        And, without its numbers, for each group of plain leaves with a quality and a source.
        """
        import pandas as pd  # half a second that `--help` need not wait for

        rows, unused = [], () if self.value("care.returns", None) else ("care.",)
        for key in (key for key in self.assumptions if leaf(self.resolved, key.split("."))):
            if key.startswith(unused):
                continue
            made = self.assumptions[key]
            whole = made.model_dump(exclude_none=True)
            for when, entry in (made.values or {"": made}).items():
                own = entry.model_dump(exclude_none=True)
                rows.append({**whole, **own, "key": f"{key} {when}".strip()})
        rows += _structures(self.resolved)
        rows += [{**row, "key": f"published.{name}{period}"}
                 for name, made in self.tables.items() for period, row in made.log_rows()]
        return pd.DataFrame(rows, columns=LOG)

    def _absent(self, key, what):
        if leaf(self._tree.data, key.split(".")) is None:
            return f"found no such {what}"
        return f"found nothing known by {self.known_by or 'any date'}"


def load_case(name, scenario="", overrides="", as_known="", root=None):
    """Read, check and date a case, by its name in params/councils or the path of a .yaml file.

    `as_known` dates the case, and a scenario with its own comes first, unless an earlier month is
    asked for; of a case alone, any month.
    Raises CaseError with every problem of the files at once.
    """
    root = find_root(root)
    path = find_case(name, root)
    tree = read(path, root)
    check(tree)
    check_origins(tree)
    tree.stop()
    said = hashlib.sha256(json.dumps(tree.data, default=str).encode()).digest()
    if said not in _SOUND:
        for trial in tree.data.get("scenarios") or {}:
            known_by = _date(tree, trial) or tree.data.get("as_known") or ""
            tree.problems += _changed(tree, trial, {}, known_by)[0].problems
        tree.stop()
        _SOUND.add(said)
    return _build(tree, path.stem, root, scenario, changes.parse_overrides(overrides), as_known)


def _changed(raw, scenario, overrides, known_by):
    """The tree on a day, with a scenario and overrides laid over it, and the models made of it."""
    block = dict(leaf(raw.data, ("scenarios", scenario)) or {})
    _, held = block.pop("as_known", ""), block.pop("council_held", False)
    tree = Tree(changes.known_tree(raw.data, known_by, held), dict(raw.where))
    labels = {key: raw.place(("scenarios", scenario, key)) for key in block}
    changes.override(tree, raw.data, block, labels, known_by)
    changes.override(tree, raw.data, overrides, dict.fromkeys(overrides, "overrides"), known_by)
    return tree, *(check(tree) if not tree.problems else (None, {}, {}))


def _date(raw, scenario):
    """The month that dates a scenario, "" for none; checks what it says of held rows as well."""
    where = ("scenarios", scenario)
    block, found = mapping(leaf(raw.data, where)), ""
    if not isinstance(block.get("council_held", False), bool):
        raw.problem((*where, "council_held"), repr(block["council_held"]), "true or false")
    try:
        found = month(block["as_known"]) if "as_known" in block else ""
    except ValueError as error:
        raw.problem((*where, "as_known"), repr(block["as_known"]), error)
    return found


def _build(raw, name, root, scenario, overrides, known_by):
    have = list(raw.data.get("scenarios") or {})
    if scenario and scenario not in have:
        allowed = ", ".join(have) + nearest(scenario, have) if have else "none: the case has none"
        raise CaseError(f"scenario: found {scenario!r}; allowed {allowed}")
    try:
        known_by and month(known_by)
    except ValueError as error:
        raise CaseError(f"as_known: found {known_by!r}; allowed {error}") from None
    own = _date(raw, scenario)
    if own and known_by > own:
        raise CaseError(f"as_known: found {known_by!r}; allowed {own}, the date of scenario "
                        f"{scenario}, or earlier")
    known_by = known_by or own or raw.data.get("as_known") or ""
    tree, made, assumptions, measures = _changed(raw, scenario, overrides, known_by)
    tree.stop()
    beside = [leaf(tree.data, ("safety_valve", "earlier_forecast")), *care.beside(tree.data)]
    beside += [made.quality_table, made.transitions and made.transitions.counts]
    folders = [file.parent for file in reversed(raw.files)]
    beside = [[folder / file for folder in folders] for file in beside if file]
    beside = [next((path for path in paths if path.is_file()), paths[0]) for paths in beside]
    for path in beside:
        if not path.is_file():
            raise CaseError(f"{name}: found no file {path.name}; allowed one beside the case file")
    beside += contracts.input_files(tree.data["contracts"], (raw.files[-1].parent, root / "params"))
    plain = json.loads(json.dumps(tree.data, default=str))  # dates as text
    plain |= {"as_known": known_by} if known_by else {}
    return Case(
        *(name, scenario, overrides, known_by, root, raw.files + beside),
        *(made.title or made.annex.title or made.council.name, made.as_at, made.settings),
        *(made.published, assumptions, measures, plain, raw),
    )


def _structures(node, path=()):
    """Rows of the log for what is no assumption and still says its quality and source."""
    if path and is_assumption(node):
        return []
    if path and {"quality", "source"} <= mapping(node).keys():
        return [{name: node[name] for name in LOG if name in node} | {"key": ".".join(path)}]
    return [row for key in (mapping(node) if path else SECTIONS)
            for row in _structures(mapping(node).get(key), (*path, key))]
