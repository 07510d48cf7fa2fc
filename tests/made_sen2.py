"""The maker of invented SEN2 returns as a module, and what tests do to its files."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODES = {"NEET": "elsewhere"}


def maker():
    """params/examples/make_sen2.py, which is no package's."""
    spec = importlib.util.spec_from_file_location(
        "make_sen2", ROOT / "params" / "examples" / "make_sen2.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = maker()
TYPES = {str(number): setting for setting, school in make.SCHOOLS.items()
         for number in school[:2] if number}


def file(folder, module):
    """Path of a module in a folder of one return."""
    return next(folder.glob(f"*_{module}.csv"))


def change(folder, module, line, column, value):
    """Put a value into one cell of a module; line 2 is the first row."""
    path = file(folder, module)
    lines = path.read_text("utf-8").splitlines()
    at, cells = lines[0].split(",").index(column), lines[line - 1].split(",")
    cells[at] = value
    lines[line - 1] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
