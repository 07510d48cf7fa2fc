"""A project folder with the real case files and one tiny notebook, for tests of the run room."""

import os
import re
import shutil
import subprocess
import sys

import nbformat

PARAMETERS = """case = "devon"
scenario = ""
draws = 20
seed = 1
overrides = ""
as_known = ""
out_dir = ""
"""
OPENING = "from sufficiency.run.study import open_study\n\nstudy = open_study(globals())"
CLOSING = """total = study.spend.nominal.sum(("setting", "age_band")).mean("draw")
study.headline("spend", "Spend", total[-1], total[0], total[-1], "GBP", "1.2.x", "2030-31")
study.save()
print(round(float(total[-1]) / 1e6), "million")"""


def write_notebook(path, *cells):
    """A notebook of a title, a parameters cell and these code cells."""
    new = nbformat.v4
    parameters = new.new_code_cell(PARAMETERS.rstrip(), id="parameters")
    parameters.metadata["tags"] = ["parameters"]
    code = [new.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(cells)]
    title = new.new_markdown_cell("# What will it cost?", id="title")
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new.new_notebook(cells=[title, parameters, *code], metadata={"kernelspec": kernel})
    nbformat.write(notebook, path)


def make_project(root, folder, *cells):
    """A project in folder whose only notebook runs these cells (the usual two when none given)."""
    shutil.copytree(root / "params", folder / "params")
    source = folder / "notebooks" / "01_placement_costs.ipynb"
    write_notebook(source, *(cells or (OPENING, CLOSING)))
    case = folder / "params" / "councils" / "devon.yaml"
    said = case.read_text(encoding="utf-8")
    alone = re.sub(r"(  notebooks: )\[.*?\]", r"\1[01_placement_costs]", said, count=1)
    assert alone != said
    # What other notebooks' options say has no place in a paper of this one alone, and every
    # process would try every scenario first
    alone = re.sub(r"^(appraisal|paper|happened|scenarios):.*?(?=^\w|\Z)", "", alone,
                   flags=re.M | re.S)
    # Two years to look ahead are enough, and quickly protected
    alone = alone.replace("last_january: 2031", "last_january: 2027")
    alone = alone.replace("\nmarket:\n", "\nmarket:\n  years: 2\n")
    case.write_text(alone, encoding="utf-8")
    (folder / "requirements.lock").write_text("numpy==0\n", encoding="utf-8")
    return folder


def start(project, *arguments, **environment):
    """`sufficiency ...` in a project, as a process of its own."""
    ours = {**os.environ, "SUFFICIENCY_ROOT": str(project), "PYTHONUTF8": "1", **environment}
    command = [sys.executable, "-m", "sufficiency", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=project, env=ours, stdout=pipe, stderr=pipe)


def run(project, *arguments, **environment):
    """Exit code, stdout and stderr of a finished command."""
    process = start(project, *arguments, **environment)
    out, err = process.communicate(timeout=300)
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def visible(project):
    """Names a person sees under outputs/devon."""
    folder = project / "outputs" / "devon"
    return sorted(p.name for p in folder.glob("[!.]*")) if folder.is_dir() else []
