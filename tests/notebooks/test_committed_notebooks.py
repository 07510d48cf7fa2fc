"""Committed notebooks: run, plain, readable; and a figure that moves is noticed."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import papermill
import pytest
from sufficiency.run.parameters import Parameters

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
LONGEST_CELL = 15
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
def test_a_changed_output_makes_nbval_fail(path, tmp_path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    changed = tmp_path / path.name
    changed.write_text(json.dumps(_with_one_digit_changed(notebook)), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval",
               "--nbval-current-env", str(changed)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.returncode == 1, done.stdout[-2000:]
    assert "1 failed" in done.stdout, done.stdout[-2000:]


def _with_one_digit_changed(notebook):
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            told = output.get("data", {})
            lines = told.get("text/plain") or output.get("text") or []
            text = "".join(lines)
            at = next((i for i, letter in enumerate(text) if letter.isdigit()), None)
            if at is not None and "nbval-ignore-output" not in cell["metadata"].get("tags", []):
                text = text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :]
                holder, key = (told, "text/plain") if told else (output, "text")
                holder[key] = text
                return notebook
    raise AssertionError("no output with a figure in it")
