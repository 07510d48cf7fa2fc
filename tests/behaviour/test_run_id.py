"""The run id: changes with everything a figure depends on, and with nothing else."""

import json
import shutil

import pytest
from small_project import CLOSING, OPENING, make_project, write_notebook
from sufficiency.run import manifest
from sufficiency.run.parameters import Parameters
from sufficiency.run.study import Study

CASE = Parameters("devon", draws=50, seed=3)


@pytest.fixture
def project(root, tmp_path, monkeypatch):
    folder = make_project(root, tmp_path / "one")
    monkeypatch.setenv("SUFFICIENCY_ROOT", str(folder))
    return folder


def run_id(**changes):
    return Study(Parameters(**{**CASE.__dict__, **changes})).run_id


def test_same_facts_same_id_wherever_the_project_lies(project, tmp_path, monkeypatch):
    first = run_id()
    assert first == run_id() == run_id(out_dir=str(tmp_path / "elsewhere"))
    assert len(first) == 12 and set(first) <= set("0123456789abcdef")
    moved = tmp_path / "two"
    shutil.copytree(project, moved)
    monkeypatch.setenv("SUFFICIENCY_ROOT", str(moved))
    assert run_id() == first


def test_id_changes_with_each_parameter(project):
    override = "placements.growth.damping=0.5"
    ids = [run_id(), run_id(draws=51), run_id(seed=4), run_id(overrides=override),
           run_id(as_known="2024-06")]
    assert len(set(ids)) == len(ids), ids


def test_overrides_count_by_what_they_say_not_by_how(project):
    spaced = run_id(overrides=" placements.growth.damping = 0.50 ")
    assert spaced == run_id(overrides="placements.growth.damping=0.5")


def test_id_changes_with_lock_case_file_and_notebook_but_not_with_outputs(project):
    ids = [run_id()]
    notebook = project / "notebooks" / "01_placement_costs.ipynb"
    content = json.loads(notebook.read_text(encoding="utf-8"))
    content["cells"][-1]["execution_count"] = 9
    content["cells"][1]["source"] = "draws = 5"
    notebook.write_text(json.dumps(content), encoding="utf-8")
    assert run_id() == ids[0], "outputs or the parameters cell changed the run id"
    write_notebook(notebook, OPENING, CLOSING + "\nprint(1)")
    ids.append(run_id())
    (project / "requirements.lock").write_text("numpy==1\n", encoding="utf-8")
    ids.append(run_id())
    with open(project / "params" / "councils" / "devon.yaml", "a", encoding="utf-8") as file:
        file.write("# a remark\n")
    ids.append(run_id())
    assert len(set(ids)) == len(ids), ids


def test_id_follows_the_library(project, monkeypatch):
    before = run_id()
    monkeypatch.setattr(manifest, "_library", lambda: "another")
    assert run_id() != before


def test_facts_name_no_place_on_this_machine(project):
    text = manifest.canonical(Study(CASE).facts)
    assert str(project) not in text
    assert "params/councils/devon.yaml" in text
    assert '"as_at": "20' in text
