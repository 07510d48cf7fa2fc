"""The parameters of a run: seven plain values, checked by name before anything is worked out."""

import ast
from dataclasses import dataclass

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
        for name, low, high in (("draws", 1, 1_000_000), ("seed", 0, 2**32 - 1)):
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
    own = [i for i, c in enumerate(cells) if not c.startswith(INJECTED) and "case" in _set_in(c)]
    if not own:
        hidden = ("In", "Out")
        plain = [name for name, value in names.items() if isinstance(value, PLAIN)]
        return [name for name in plain if not name.startswith("_") and name not in hidden]
    cells = [c for i, c in enumerate(cells) if i == own[-1] or (i > own[-1] and INJECTED in c[:12])]
    return sorted({name for cell in cells for name in _set_in(cell, strict=True)})


def _set_in(cell: str, strict: bool = False) -> list[str]:
    """Names a cell sets with `name = value`; strict refuses a cell that does anything else."""
    names = []
    try:
        for step in ast.parse(cell).body:
            if isinstance(step, ast.Assign):
                ast.literal_eval(step.value)
                names += [target.id for target in step.targets if isinstance(target, ast.Name)]
            elif strict:
                raise ValueError("not an assignment")
    except (SyntaxError, ValueError, TypeError) as error:
        if strict:
            message = "the parameters hold code; allowed: one `name = value` a line"
            raise ParameterError(message) from error
    return names
