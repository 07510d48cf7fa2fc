"""From SSDA903 files to an annex in both editions, with one command each; nobody is named in it."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from sufficiency.run import cli

sys.path.insert(0, str(Path(__file__).parents[1]))
import made_care


@pytest.fixture(scope="module")
def made(root, tmp_path_factory):
    """The finished run of a case of two children, made as a council would make it."""
    project, raw = tmp_path_factory.mktemp("ours"), made_care.plant(tmp_path_factory.mktemp("raw"))
    for name in ("params/national.yaml", "params/law.yaml", "requirements.lock",
                 "notebooks/07_care_placements.ipynb"):
        (project / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(root / name, project / name)
    (project / "params" / "councils").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SUFFICIENCY_ROOT", str(project))
        assert cli.main(["new-case", "ours", "--ssda903", str(raw)]) == 0
        asked = ["annex", "ours", "--draws", "40", "--formats", "html,xlsx"]
        assert cli.main([*asked, "--out", str(project / "outputs")]) == 0
    (run,) = (project / "outputs" / "ours").glob("[!.]*")
    return run


def test_both_editions_are_made_of_the_counts(made):
    for edition in ("public", "exempt"):
        page = (made / edition / "annex.html").read_text("utf-8")
        assert "How many children will be in care" in page and "Not estimated: no" not in page
        assert (made / edition / "annex.xlsx").is_file()
    inputs = json.loads((made / "manifest.json").read_text("utf-8"))["inputs"]
    assert {"params/councils/ours.care.csv", "params/councils/ours.quality.csv"} <= set(inputs)
    said = json.loads((made / "exempt" / "said" / "07_care_placements.json").read_text("utf-8"))
    assert {head["key"] for head in said["headlines"]} == {"care_children", "care_cost"}


def test_few_children_are_for_the_exempt_edition_alone(made):
    assert (made / "exempt" / "results" / "care_cross.csv").is_file()
    assert not (made / "public" / "results" / "care_cross.csv").exists()
    page = (made / "public" / "annex.html").read_text("utf-8")
    assert "had fewer than 8 children in care" in page
    assert "had 2 children" not in page
    assert json.loads((made / "public" / "results" / "headline.json").read_text("utf-8")) == []
    for name in ("care_fan", "care_spend_path", "care_spend"):
        assert (made / "exempt" / "results" / f"{name}.csv").is_file()
        assert not (made / "public" / "results" / f"{name}.csv").exists(), name
    placed = (made / "public" / "results" / "care_by_category.csv").read_text("utf-8")
    assert all(not cell or float(cell) == 0 or float(cell) >= 5
               for row in placed.splitlines()[1:] for cell in row.rpartition('"')[2].split(",")[1:])


def test_nothing_that_identifies_a_child_is_in_any_file(made):
    files = [path for path in made.rglob("*") if path.is_file()]
    assert len(files) > 30
    for path in files:
        content = path.read_bytes()
        assert not [word for word in made_care.PLANTED if word.encode() in content], path
