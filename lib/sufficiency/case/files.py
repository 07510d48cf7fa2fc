"""Find the project, read its YAML files, and lay one over another leaf by leaf.

A file becomes a plain tree and a map from the path of each leaf to the `file:line` it came from.
"""

import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import yaml

from sufficiency.case.quantity import nearest

CASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ +-]*")
# Plain scalars of YAML 1.2, where `no` and `12:30` are text, and dates.
SCALARS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?(0|[1-9][0-9_]*)",
    "float": r"[-+]?(\d[\d_]*\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?|[-+]?\.inf|\.nan",
    "timestamp": r"\d{4}-\d\d-\d\d",
}


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
        """Note a problem in the one form all messages have, the first of each path only."""
        start = ": ".join(filter(None, [self.place(path), ".".join(map(str, path)), "found "]))
        if not any(problem.startswith(start) for problem in self.problems):
            self.problems.append(f"{start}{found}; allowed {allowed}")

    def stop(self):
        """Raise all problems found so far, if any."""
        if self.problems:
            raise CaseError(self.problems)


def leaf(data, path):
    """What stands at a path of keys; None where nothing does."""
    for part in path:
        data = mapping(data).get(part)
    return data


def mapping(node):
    """A mapping as it is; anything else as an empty one."""
    return node if isinstance(node, dict) else {}


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
    """Path of a case file, from a name in params/councils or a path that ends in .yaml.

    A path starts from here or else from the project's folder.
    """
    councils, text = root / "params" / "councils", str(name)
    path = Path(text) if text.endswith(".yaml") else councils / f"{text}.yaml"
    path = path if path.is_file() else root / path  # a notebook's folder is not the project's
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
    base, files = str(base), [params / "national.yaml", *(params / "councils").glob("*.yaml")]
    options = {file.stem: file.resolve() for file in files}
    if base not in options:
        allowed = ", ".join(sorted({*options} - {path.stem})) + nearest(base, options)
        tree.problem(("extends",), repr(base), allowed)
    elif options[base] in (*seen, path):
        tree.problem(("extends",), f"{base}, which extends this file", "no circle")
    else:
        low = read(options[base], root, (*seen, path))
        return Tree(_lay(low.data, tree.data), {**low.where, **tree.where},
                    low.files + tree.files, low.problems + tree.problems)
    raise CaseError(tree.problems)


def _lay(base, over):
    """One value laid over another, leaf by leaf; null takes away what the lower file says."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    both = base | {key: _lay(base.get(key), value) for key, value in over.items()}
    return {key: value for key, value in both.items() if value is not None}


def _parse_file(path, name):
    name, raw = Path(name).as_posix(), path.read_bytes()
    tree = Tree(files=[path], where={(): f"{name}:1"})
    try:
        tree.data = parse(raw.decode("utf-8-sig"), name, tree)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{raw[error.start]:02x}, which is not UTF-8"
        wrong = f"{name}:{line}: file: found {found}; allowed text saved as UTF-8"
        raise CaseError(wrong) from None
    if not isinstance(tree.data, dict):
        found = "an empty file" if tree.data is None else f"a {type(tree.data).__name__}"
        missing = [f"{name}:1: file: found {found}; allowed a mapping, key: value"]
        raise CaseError(tree.problems or missing)
    return tree


def parse(text, name, tree):
    """Plain value of YAML 1.2 text; lines go into `tree.where`, problems into `tree.problems`."""
    try:
        loader = Loader(text)
        loader.name, loader.tree = name, tree
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line if mark else text.count("\n", 0, getattr(error, "position", 0))
        found = [getattr(error, part, None) for part in ("context", "problem", "reason")]
        found = " ".join(filter(None, found))
        tree.problems.append(f"{name}:{line + 1}: file: found {found}; allowed YAML 1.2, no tabs")
        return None
    return None if node is None else loader.value(node, (), ())


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Turns YAML into plain values, noting the line of each."""

    yaml_implicit_resolvers: ClassVar = {None: [
        (f"tag:yaml.org,2002:{tag}", re.compile(f"(?:{form})$")) for tag, form in SCALARS.items()]}

    def value(self, node, path, above):
        """The value of a node below the nodes `above` it; None, and a problem, for a bad one."""
        self.tree.where.setdefault(path, f"{self.name}:{node.start_mark.line + 1}")
        if node in above:
            return self.tree.problem(path, "a reference to itself", "a value")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        above = (*above, node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, above)
        return [self.value(n, (*path, str(i)), above) for i, n in enumerate(node.value)]

    def _mapping(self, node, path, above):
        found = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            below = (*path, key)
            first = self.tree.where.get(below)
            self.tree.where[below] = f"{self.name}:{key_node.start_mark.line + 1}"
            if not (KEY.fullmatch(key) or path[:1] == ("scenarios",)):
                self.tree.problem(below, repr(key), "letters, digits, _ - + and spaces")
            elif key in found:
                self.tree.problem(below, "the key twice", f"once; first at {first}")
            found[key] = self.value(value_node, below, above)
        return found

    def _scalar(self, node, path):
        try:
            value = self.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            reason = getattr(error, "problem", None) or str(error)
            return self.tree.problem(path, f"{node.value!r} ({reason})", "a plain value")
        if isinstance(value, float) and not math.isfinite(value):
            return self.tree.problem(path, node.value, "a finite number")
        return value
