"""Committed notebooks: run, plain, readable; and a figure that moves is noticed."""

import ast
import copy
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest
from nbval.plugin import IPyNbFile
from sufficiency.run.parameters import Parameters

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
LONGEST_CELL = 15
TEXTS = ("text/markdown", "text/html", "text/plain", "text")
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(c, "".join(c["source"])) for c in cells if c["cell_type"] == "code"]


def tagged(path, tag):
    cells = code_cells(path)
    return [source for cell, source in cells if tag in cell["metadata"].get("tags", [])]


@each
def test_every_cell_was_run_without_error_and_left_no_trace_of_when(path):
    for cell, source in code_cells(path):
        # nbval passes a cell that has no execution count without comparing it
        assert cell["execution_count"], f"never run: {source[:60]}"
        assert not [o for o in cell["outputs"] if o["output_type"] == "error"], source[:60]
        assert not {"papermill", "execution"} & set(cell["metadata"])
    assert "papermill" not in json.loads(path.read_text(encoding="utf-8"))["metadata"]


@each
def test_outputs_can_be_compared(path):
    for cell, source in code_cells(path):
        for output in cell["outputs"]:
            kinds = set(output.get("data", {}))
            assert not kinds & {"image/svg+xml", "application/pdf"}, source[:60]
            said = json.dumps(output)
            assert " object at 0x" not in said, f"an address in the output of {source[:60]}"
            assert output.get("name") != "stderr", f"a warning in the output of {source[:60]}"


@each
def test_parameters_cell_is_plain_and_complete(path):
    (cell,) = tagged(path, "parameters")
    steps = ast.parse(cell).body
    assert all(isinstance(step, ast.Assign) for step in steps), cell
    given = {step.targets[0].id: ast.literal_eval(step.value) for step in steps}
    assert list(given) == list(Parameters.__annotations__)
    Parameters(**given)
    assert given["out_dir"] == "", "a committed notebook writes nothing"
    assert not tagged(path, "injected-parameters")


@each
def test_papermill_knows_every_parameter(path):
    """It cannot read a line whose remark holds an equals sign, and then warns of a name unknown."""
    assert list(papermill.inspect_notebook(str(path))) == list(Parameters.__annotations__)


@each
def test_cells_are_short_and_define_nothing(path):
    for _, source in code_cells(path):
        assert len(source.splitlines()) <= LONGEST_CELL, source[:60]
        kinds = (ast.FunctionDef, ast.ClassDef)
        assert not [n for n in ast.walk(ast.parse(source)) if isinstance(n, kinds)], source[:60]


@each
def test_one_digit_changed_in_any_output_is_seen(path, request):
    """By the comparison that nbval makes of each cell, kind by kind of what the cell shows."""
    seen = 0
    for item in IPyNbFile.from_parent(request.session, path=path).collect():
        assert item.options["check"] and not item.options["skip"], item.cell.source[:60]
        kept = item.cell.outputs
        assert item.compare_outputs(kept, kept), item.cell.source[:60]
        for at, output in enumerate(kept):
            assert set(_told(output)) & set(TEXTS), f"no words in {item.cell.source[:60]}"
            for changed in _with_a_digit_changed(output):
                found = [*kept[:at], changed, *kept[at + 1 :]]
                assert not item.compare_outputs(found, kept), item.cell.source[:60]
                seen += 1
    assert seen, "no output with a figure in it"


def test_a_changed_output_makes_the_run_fail(root, tmp_path):
    """Of the smallest notebook, cut after its first figure: that cell alone fails."""
    notebook = nbformat.read(root / "notebooks/05_contracts_board.ipynb", as_version=4)
    found = ((cell, at, changed) for cell in notebook.cells
             for at, output in enumerate(cell.get("outputs", []))
             for changed in _with_a_digit_changed(output))
    cell, at, changed = next(found)
    cell.outputs[at] = changed
    del notebook.cells[notebook.cells.index(cell) + 1 :]
    cells = sum(one.cell_type == "code" for one in notebook.cells)
    nbformat.write(notebook, tmp_path / "changed.ipynb")
    run = runpy.run_path(str(root / "run.py"))["command"]
    command = run(["test", "-p", "no:cacheprovider", str(tmp_path / "changed.ipynb")])
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True,
                          cwd=tmp_path, timeout=300)
    assert done.returncode == 1, done.stdout[-2000:]
    assert f"1 failed, {cells - 1} passed" in done.stdout, done.stdout[-2000:]
    assert "Cell outputs differ" in done.stdout


def _told(output):
    """What an output says, by kind."""
    return output.get("data", output)


def _with_a_digit_changed(output):
    """The output again for each kind of text it has, the first digit of that kind another."""
    for kind in TEXTS:
        text = _told(output).get(kind, "")
        if digit := re.search("[0-9]", text):
            other = str((int(digit.group()) + 1) % 10)
            changed = copy.deepcopy(output)
            _told(changed)[kind] = text[: digit.start()] + other + text[digit.end() :]
            yield changed
