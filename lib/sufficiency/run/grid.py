"""The tasks of a sweep: councils x scenarios x values, each checked before anything starts."""

import csv
import hashlib
import io
import tempfile
from itertools import product
from math import prod
from pathlib import Path

from sufficiency.case import CaseError, find_root, load_case
from sufficiency.run import manifest
from sufficiency.run.parameters import Parameters
from sufficiency.run.worker import Task, library, place

ALL, AS_IT_STANDS = "all", "as_it_stands"
SHOWN, MADE = 20, "published"
PAIRS = {"{": "}", "[": "]"}


def parse_sets(sets):
    """{key: [value as text]} of --set options "key=1,2,3"; commas in braces or quotes stay."""
    grid, wrong = {}, []
    for said in sets:
        key, equals, text = (part.strip() for part in said.partition("="))
        values = _split(text)
        if not (key and equals and all(values)) or ";" in said:
            wrong.append(f"--set: found {said!r}; allowed KEY=VALUE or KEY=VALUE,VALUE, no ;")
        elif key in grid:
            wrong.append(f"--set: {key}: found the key twice; allowed once, with every value")
        elif twice := sorted({value for value in values if values.count(value) > 1}):
            wrong.append(f"--set: {key}: found {', '.join(twice)} twice; allowed once")
        else:
            grid[key] = values
    _stop(wrong)
    return grid


def _split(text):
    """Parts between the commas that no brace, bracket or quotation mark encloses."""
    parts, open_, quoted = [""], [], ""
    for sign in text:
        if quoted:
            quoted = "" if sign == quoted else quoted
        elif sign in "\"'":
            quoted = sign
        elif sign in PAIRS:
            open_.append(PAIRS[sign])
        elif open_ and sign == open_[-1]:
            open_.pop()
        if sign == "," and not (open_ or quoted):
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def tasks(names, scenarios="", grid=None, draws=10_000, seed=1, root=None):
    """A Task for each case, scenario and point of the grid, in that order.

    scenarios: names with commas between, `as_it_stands` for none, `all` for both. grid: of
    `parse_sets`. Refuses, with every problem in one message, what cannot be read or run.
    """
    root, grid, wrong, found = find_root(root), grid or {}, _twice(names), []
    Parameters("any", "", draws, seed)
    for name in names:
        try:
            case = load_case(name, root=root)
        except CaseError as error:
            wrong += error.problems
            continue
        for scenario in _scenarios(case, scenarios):
            found += _points(case, name, scenario, grid, (draws, seed), wrong)
    _stop(wrong)
    return found


def _twice(names):
    twice = sorted({name for name in names if list(names).count(name) > 1})
    return [f"cases: found {name} twice; allowed once" for name in twice]


def _scenarios(case, asked):
    said = {ALL: ["", *case.scenarios], AS_IT_STANDS: [""]}
    names = (name.strip() for name in asked.split(","))
    return list(dict.fromkeys(name for one in names for name in said.get(one, [one])))


def _points(case, name, scenario, grid, luck, wrong):
    """Tasks of one case and scenario; problems go to `wrong`, each but once."""
    found, root = [], case.root
    try:
        case = load_case(name, scenario, root=root) if scenario else case
    except CaseError as error:
        wrong += [f"{name}: {problem}" for problem in error.problems]
        return found
    files, where = _files(case), _place(next(path for path in case.files if _is(path, case)), root)
    for values in product(*grid.values()):
        texts = dict(zip(grid, values, strict=True))
        said = "; ".join(f"{key}={text}" for key, text in texts.items())
        try:
            changed = case.changed(said) if said else case
        except CaseError as error:
            problems = [f"{name}{scenario and ', ' + scenario}: {p}" for p in error.problems]
            wrong += [problem for problem in problems if problem not in wrong]
            continue
        given = Parameters(str(name), scenario, *luck, said)
        facts = manifest.describe(changed, given, root)
        found.append(Task(case.name, scenario, texts, *luck, manifest.run_id(facts), library(),
                          where, files))
    return found


def _is(path, case):
    return path.name == f"{case.name}.yaml"


def _files(case):
    """{path inside a project: bytes} of all that a case is read from, and the law."""
    found = {_place(path, case.root): Path(path).read_bytes() for path in case.files}
    return found | _law(case.root)


def _law(root):
    path = root / "params" / "law.yaml"
    return {_place(path, root): path.read_bytes()} if path.is_file() else {}


def _place(path, root):
    path = Path(path).resolve()
    inside = path.is_relative_to(root)
    return path.relative_to(root).as_posix() if inside else f"params/councils/{path.name}"


def published_tasks(folder, asked, grid=None, draws=10_000, seed=1, root=None):
    """A Task for each council of a folder of published series and each point of the grid.

    asked: names or codes; ["all"] for those whose series is unbroken. Each council's case is made
    as `new-case` makes it, where its task runs; the first one here too, to check the keys.
    """
    from sufficiency.case.returns import published

    root, grid, wrong, found = find_root(root), grid or {}, [], []
    read = published.read_folder(folder)
    names = published.councils(read) if list(asked) == [ALL] else list(asked)
    for name in names:
        try:
            published.find(read, name)
        except CaseError as error:
            wrong += error.problems
    _stop(wrong + _twice(names))
    Parameters("any", "", draws, seed)
    rows, national = _rows(Path(folder)), root / "params" / "national.yaml"
    common = {_place(national, root): national.read_bytes(), **_law(root)}
    same = {"library": library(), "draws": draws, "seed": seed, "common": _digests(common)}
    for name in names:
        label = published.label(read, name)[0]
        key = published.plain_name(label)
        slug = "_".join(key.split())
        for values in product(*grid.values()):
            texts = dict(zip(grid, values, strict=True))
            facts = {**same, "overrides": texts, "council": label, "rows": _digests(rows[key])}
            found.append(Task(slug, "", texts, draws, seed, manifest.run_id(facts), library(),
                              f"params/councils/{slug}.yaml", common | rows[key], MADE, label))
    if grid:
        _try(found[: prod(map(len, grid.values()))])
    return found


def _digests(files):
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def _rows(folder):
    """{council: {path inside a project: bytes}}: its own rows of each file of published series."""
    from sufficiency.case.returns.published import FILES, plain_name

    found = {}
    for name in FILES:
        path = folder / f"{name}.csv"
        if not path.is_file():
            continue
        reader = csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline=""))
        head, parts = next(reader), {}
        at = [column.strip() for column in head].index("la_name")
        for row in reader:
            if len(row) == len(head):
                parts.setdefault(plain_name(row[at]), [head]).append(row)
        for council, rows in parts.items():
            text = io.StringIO(newline="")
            csv.writer(text, lineterminator="\n").writerows(rows)
            found.setdefault(council, {})[f"{MADE}/{path.name}"] = text.getvalue().encode()
    return found


def _try(tasks):
    """Refuse overrides that the case of the first council, made in a project aside, refuses."""
    wrong = []
    with tempfile.TemporaryDirectory(prefix="sufficiency-") as folder:
        root = Path(folder).resolve()
        case = load_case(place(tasks[0], root), root=root)
        for task in tasks:
            try:
                case.changed(task.said)
            except CaseError as error:
                wrong += [problem for problem in error.problems if problem not in wrong]
    _stop(wrong)


def _stop(wrong):
    if wrong:
        more = [f"... and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
        raise CaseError([*wrong[:SHOWN], *more])
