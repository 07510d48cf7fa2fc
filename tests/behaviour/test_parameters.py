"""The parameters cell: unknown names and wrong values fail at once, under papermill too."""

import subprocess
import sys

import pytest
from small_project import OPENING, PARAMETERS, make_project
from sufficiency.run.parameters import ParameterError, Parameters, from_notebook

OPEN = "study = open_study(globals())"


def kernel(*cells):
    """globals() of a kernel that ran these cells and is now running open_study."""
    names = {}
    for cell in cells:
        exec(cell, names)
    return {**names, "In": ["", *cells, OPEN]}


def test_parameters_cell_and_papermills_cell_are_read():
    found = from_notebook(kernel(PARAMETERS, "# Parameters\ndraws = 50\nseed = 7\n"))
    assert (found.case, found.draws, found.seed) == ("devon", 50, 7)


@pytest.mark.parametrize(
    "cells",
    [(PARAMETERS, "# Parameters\ndraw = 50\n"), (PARAMETERS + "draw = 50",)],
    ids=["papermill", "typed"],
)
def test_unknown_name_is_refused(cells):
    with pytest.raises(ParameterError, match="unknown parameter draw; allowed: case, scenario"):
        from_notebook(kernel(*cells))


def test_values_of_later_cells_are_no_parameters():
    """A person runs the first cells again after the whole notebook has run."""
    assert from_notebook(kernel(PARAMETERS, "last_year = 2031", PARAMETERS)).draws == 20


def test_plain_dictionary_is_checked_for_unknown_names_too():
    given = {"case": "devon", "scenario": "", "draws": 5, "seed": 1, "overrides": "",
             "as_known": "", "out_dir": ""}
    assert from_notebook(given).draws == 5
    with pytest.raises(ParameterError, match="unknown parameter sed"):
        from_notebook({**given, "sed": 3})
    del given["seed"]
    with pytest.raises(ParameterError, match="parameter seed missing"):
        from_notebook(given)


def test_code_in_a_parameter_name_is_refused():
    """papermill writes names as they come: this one would run."""
    with pytest.raises(ParameterError, match="hold code"):
        from_notebook(kernel(PARAMETERS, "# Parameters\nx = 1; print('ran') # = 1\n"))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("draws", "1000", "found '1000'; allowed: a whole number"),
        ("draws", 1000.0, "found 1000.0; allowed: a whole number"),
        ("draws", True, "found True; allowed: a whole number"),
        ("draws", 0, "found 0; allowed: 1 to 1000000"),
        ("seed", -1, "found -1; allowed: 0 to 4294967295"),
        ("seed", 2**32, "allowed: 0 to 4294967295"),
        ("case", "  ", "found nothing"),
        ("case", ["devon"], "allowed: text in quotes"),
        ("as_known", 2020.06, "allowed: text in quotes"),
        ("overrides", {"a": 1}, "allowed: text in quotes"),
    ],
)
def test_wrong_value_is_refused_with_the_allowed_ones(name, value, message):
    with pytest.raises(ParameterError, match=f"parameter {name}") as caught:
        Parameters(**{"case": "devon", name: value})
    assert message in str(caught.value)


def test_papermill_with_an_unknown_name_stops_in_the_first_cell(root, tmp_path):
    project = make_project(root, tmp_path / "p", OPENING, "print('went on')")
    source = project / "notebooks" / "01_placement_costs.ipynb"
    command = [sys.executable, "-m", "papermill", source, tmp_path / "o.ipynb", "-p", "drows", "5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "unknown parameter drows" in done.stderr
    assert '"went on\\n"' not in (tmp_path / "o.ipynb").read_text(encoding="utf-8")
