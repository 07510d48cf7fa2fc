"""The parameters of a run: seven plain values, checked by name before anything is worked out."""

import ast
from dataclasses import dataclass
from pathlib import Path

LARGEST_SEED = 2**32 - 1
LARGEST_DRAWS = 1_000_000
INJECTED = "# Parameters"
PLAIN = (str, int, float, bool, list, dict, tuple, type(None))


class ParameterError(ValueError):
    """A parameter that cannot be used; a notebook shows its message without the traceback."""

    def _render_traceback_(self):
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True)
class Parameters:
    """One run's parameters, named and meant as in a notebook's parameters cell.

    case: a name under params/councils or a path; draws in [1, 1,000,000]; seed in [0, 2^32 - 1].
    Refuses any value of another kind: numbers in quotes, true for 1, a list of cases.
    """

    case: str
    scenario: str = ""
    draws: int = 10_000
    seed: int = 1
    overrides: str = ""
    as_known: str = ""
    out_dir: str = ""

    def __post_init__(self):
        for name, kind in self.__annotations__.items():
            value = getattr(self, name)
            if type(value) is not kind:
                wanted = "a whole number" if kind is int else "text in quotes"
                raise ParameterError(f"parameter {name}: found {value!r}; allowed: {wanted}")
        if not self.case.strip():
            raise ParameterError("parameter case: found nothing; allowed: a case's name")
        for name, low, high in (("draws", 1, LARGEST_DRAWS), ("seed", 0, LARGEST_SEED)):
            if not low <= getattr(self, name) <= high:
                found = getattr(self, name)
                raise ParameterError(f"parameter {name}: found {found}; allowed: {low} to {high}")


def from_notebook(names: dict) -> Parameters:
    """Parameters out of a notebook's globals(); an unknown or missing name is an error."""
    known = list(Parameters.__annotations__)
    unknown = [name for name in _given(names) if name not in known]
    if unknown:
        raise ParameterError(f"unknown parameter {', '.join(unknown)}; allowed: {', '.join(known)}")
    missing = [name for name in known if name not in names]
    if missing:
        raise ParameterError(f"parameter {', '.join(missing)} missing from the parameters cell")
    return Parameters(**{name: names[name] for name in known})


def _given(names: dict) -> list[str]:
    """Names set as parameters: by the kernel's own cells where there are any, else plain values."""
    cells = [cell for cell in names.get("In", []) if isinstance(cell, str)]
    trees = {i: _parsed(cell) for i, cell in enumerate(cells)}
    own = [i for i, tree in trees.items() if "case" in _targets(tree)]
    if not own:
        return [n for n, v in names.items() if isinstance(v, PLAIN) and not _of_ipython(n)]
    injected = [i for i in trees if i > own[-1] and cells[i].startswith(INJECTED)]
    if cells[own[-1]].startswith(INJECTED):
        injected, own = [own[-1], *injected], own[:-1] or own
    for i in injected:
        if not all(isinstance(step, ast.Assign) and _literal(step) for step in trees[i].body):
            raise ParameterError("the injected parameters hold code; allowed: plain values")
    return sorted({name for i in (own[-1], *injected) for name in _targets(trees[i])})


def _of_ipython(name: str) -> bool:
    return name.startswith("_") or name in ("In", "Out")


def _parsed(cell: str) -> ast.Module:
    try:
        return ast.parse(cell)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _targets(tree: ast.Module) -> list[str]:
    steps = [step for step in tree.body if isinstance(step, ast.Assign)]
    return [t.id for step in steps for t in step.targets if isinstance(t, ast.Name)]


def _literal(step: ast.Assign) -> bool:
    try:
        ast.literal_eval(step.value)
    except ValueError:
        return False
    return True


def project_root(start: Path | None = None) -> Path:
    """The folder that holds params/national.yaml: upwards from here, else the library's own."""
    here = Path(start or Path.cwd()).resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[3]):
        if (folder / "params" / "national.yaml").is_file():
            return folder
    raise FileNotFoundError(f"no params/national.yaml at or above {here}")
