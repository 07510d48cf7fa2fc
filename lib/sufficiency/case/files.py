"""Find the project, read its YAML files, and lay one over another leaf by leaf.

A file becomes a plain tree and a map from the path of each leaf to the `file:line` it came from.
"""

import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode

from sufficiency.case.quantity import nearest

CASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")


class CaseError(ValueError):
    """Everything wrong with a case, one problem a line; `problems` is the list."""

    def __init__(self, problems):
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


@dataclass
class Tree:
    """Merged content of case files, with where each leaf came from."""

    data: dict = field(default_factory=dict)
    where: dict = field(default_factory=dict)
    files: list = field(default_factory=list)
    problems: list = field(default_factory=list)

    def place(self, path):
        """`file:line` of a path, or of the nearest thing above it."""
        path = tuple(map(str, path))
        while path and path not in self.where:
            path = path[:-1]
        return self.where.get(path, "case")

    def problem(self, path, found, allowed):
        """Note a problem in the one form all messages have."""
        key = ".".join(map(str, path))
        text = f"{self.place(path)}: {key + ': ' if key else ''}found {found}; allowed {allowed}"
        start = text.partition(": found ")[0] + ": found "
        if not any(problem.startswith(start) for problem in self.problems):
            self.problems.append(text)

    def stop(self):
        """Raise all problems found so far, if any."""
        if self.problems:
            raise CaseError(self.problems)


def find_root(root=None):
    """The project's folder: as given, else SUFFICIENCY_ROOT, else above here, else the library's.

    Refuses a folder without params/national.yaml.
    """
    given, here = root or os.environ.get("SUFFICIENCY_ROOT"), Path.cwd()
    above = [here, *here.parents, *Path(__file__).resolve().parents]
    tried = [Path(given).resolve()] if given else above
    for folder in tried:
        if (folder / "params" / "national.yaml").is_file():
            return folder
    raise CaseError(f"root: found {tried[0]}; allowed a folder that holds params/national.yaml")


def find_case(name, root):
    """Path of a case file, from a name in params/councils or a path that ends in .yaml."""
    councils, text = root / "params" / "councils", str(name)
    path = Path(text) if text.endswith(".yaml") else councils / f"{text}.yaml"
    named = path.stem == text or text.endswith(".yaml")
    if named and CASE_NAME.fullmatch(path.stem) and path.is_file():
        return path
    have = sorted(p.stem for p in councils.glob("*.yaml"))
    hint = f"{', '.join(have)}{nearest(text, have)}, or the path of a .yaml file"
    raise CaseError(f"case: found {text!r}; allowed {hint}")


def read(path, root, seen=()):
    """Tree of a case file laid over the files it extends; most problems are noted, not raised."""
    path, params = path.resolve(), root / "params"
    tree = _parse_file(path, path.relative_to(root) if path.is_relative_to(root) else path)
    base = tree.data.get("extends")
    if base is None:
        return tree
    files = [params / "national.yaml", *(params / "councils").glob("*.yaml")]
    options = {file.stem: file.resolve() for file in files}
    if not isinstance(base, str) or base not in options:
        allowed = ", ".join(sorted({*options} - {path.stem})) + nearest(base, options)
        tree.problem(("extends",), repr(base), allowed)
    elif options[base] in (*seen, path):
        tree.problem(("extends",), f"{base}, which extends this file", "no circle")
    else:
        return merge(read(options[base], root, (*seen, path)), tree)
    raise CaseError(tree.problems)


def _parse_file(path, name):
    name, raw = Path(name).as_posix(), path.read_bytes()
    tree = Tree(files=[path], where={(): f"{name}:1"})
    try:
        data = parse(raw.decode("utf-8-sig"), name, tree)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{raw[error.start]:02x}, which is not UTF-8"
        wrong = f"{name}:{line}: file: found {found}; allowed text saved as UTF-8"
        raise CaseError(wrong) from None
    if not isinstance(data, dict):
        found = "an empty file" if data is None else f"a {type(data).__name__}"
        missing = [f"{name}:1: file: found {found}; allowed a mapping, key: value"]
        raise CaseError(tree.problems or missing)
    tree.data = data
    return tree


def parse(text, name, tree):
    """Plain value of YAML 1.2 text; lines go into `tree.where`, problems into `tree.problems`."""
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line if mark else text.count("\n", 0, getattr(error, "position", 0))
        found = [getattr(error, part, None) for part in ("context", "problem", "reason")]
        found, hint = " ".join(filter(None, found)), "spaces, not tabs"
        hint = hint if "\\t" in found else "YAML 1.2"
        tree.problems.append(f"{name}:{line + 1}: file: found {found}; allowed {hint}")
        return None
    return None if node is None else _Reader(yaml.constructor, name, tree).value(node, (), ())


class _Reader:
    """Turns composed nodes into plain values, noting the line of each."""

    def __init__(self, constructor, name, tree):
        self.constructor, self.name, self.tree = constructor, name, tree

    def value(self, node, path, above):
        self.tree.where.setdefault(path, f"{self.name}:{node.start_mark.line + 1}")
        if node in above:
            return self.tree.problem(path, "a reference to itself", "a value")
        if isinstance(node, ScalarNode):
            return self.scalar(node, path)
        above = (*above, node)
        if isinstance(node, MappingNode):
            return self.mapping(node, path, above)
        return [self.value(n, (*path, str(i)), above) for i, n in enumerate(node.value)]

    def mapping(self, node, path, above):
        found = {}
        for key_node, value_node in node.value:
            key = self.scalar(key_node, path) if isinstance(key_node, ScalarNode) else None
            below = (*path, str(key))
            first = self.tree.where.get(below)
            self.tree.where[below] = f"{self.name}:{key_node.start_mark.line + 1}"
            if type(key) not in (int, str) or key in ("", "<<"):
                self.tree.problem(below, f"the key {key!r}", "a name or a year as key")
            elif str(key) in map(str, found):
                self.tree.problem(below, "the key twice", f"once; first at {first}")
            else:
                found[key] = self.value(value_node, below, above)
        return found

    def scalar(self, node, path):
        try:
            value = self.constructor.construct_object(node, deep=True)
        except (YAMLError, ValueError) as error:
            reason = getattr(error, "problem", None) or str(error)
            return self.tree.problem(path, f"{node.value!r} ({reason})", "a plain value")
        if isinstance(value, float) and not math.isfinite(value):
            return self.tree.problem(path, node.value, "a finite number")
        return value


def merge(base, over):
    """One tree laid over another, leaf by leaf; null takes away what the lower file says."""
    return Tree(
        _lay(base.data, over.data),
        {**base.where, **over.where},
        [*base.files, *over.files],
        [*base.problems, *over.problems],
    )


def _lay(base, over):
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    names = {str(key): key for key in base}
    both = dict(base)
    for given, value in over.items():
        key = names.get(str(given), given)
        if value is None:
            both.pop(key, None)
        else:
            both[key] = _lay(both.get(key), value)
    return both
