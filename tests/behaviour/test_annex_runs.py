"""Annex runs: whole or absent under kills and company; same inputs, same bytes."""

import json
import random
import time

import pytest
from small_project import make_project, run, start, visible
from sufficiency.run import manifest

SMALL = ["annex", "devon", "--draws", "200", "--formats", "html"]


@pytest.fixture(scope="module")
def project(root, tmp_path_factory):
    return make_project(root, tmp_path_factory.mktemp("annex") / "project")


@pytest.fixture(scope="module")
def finished(project):
    """A finished run, and the seconds it took."""
    began = time.monotonic()
    code, out, said = run(project, *SMALL)
    assert code == 0, said
    assert said.count("\n") == 1 and said.startswith("[1/1] 01_placement_costs … "), said
    (name,) = visible(project)
    assert out.strip().endswith(name)
    return project / "outputs" / "devon" / name, time.monotonic() - began


def hashes(made):
    return json.loads((made / "manifest.json").read_text(encoding="utf-8"))["files"]


def whole(made):
    """Whether every file of a run's manifest is there as it was made."""
    return all(manifest.digest(made / name) == sha for name, sha in hashes(made).items())


def test_a_run_holds_what_it_should(finished):
    made, _ = finished
    assert sorted(p.name for p in made.iterdir()) == ["exempt", "manifest.json", "public"]
    assert {"public/annex.html", "public/results/headline.json", "public/results/placements.csv",
            "public/results/spend.csv", "exempt/notebooks/01_placement_costs.ipynb",
            "exempt/case.json"} <= set(hashes(made))
    assert whole(made)
    about = json.loads((made / "manifest.json").read_text(encoding="utf-8"))
    assert about["run_id"] == made.name and about["draws"] == 200
    assert about["versions"]["numpy"]
    assert str(made.parent) not in (made / "manifest.json").read_text(encoding="utf-8")
    executed = (made / "exempt" / "notebooks" / "01_placement_costs.ipynb").read_text("utf-8")
    assert str(made.parent) not in executed and "papermill" not in executed


def test_a_second_annex_reuses_the_run_and_adds_a_format(finished):
    made, _ = finished
    before = hashes(made)
    stamp = (made / "public" / "annex.html").stat().st_mtime_ns
    code, _, said = run(made.parents[2], *SMALL[:-1], "html,docx")
    assert code == 0 and "[1/1]" not in said, said
    after = hashes(made)
    assert set(after) - set(before) == {"public/annex.docx", "exempt/annex.docx"}
    assert (made / "public" / "annex.html").stat().st_mtime_ns == stamp
    assert {name: after[name] for name in before} == before and whole(made)


def test_two_at_once_both_succeed(finished):
    project = finished[0].parents[2]
    both = [start(project, *SMALL, "--seed", "2") for _ in range(2)]
    said = [process.communicate(timeout=300)[1].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("[1/1]" in text for text in said) == 1, "the second should wait and use the first"
    assert all(whole(finished[0].parent / name) for name in visible(project))


def test_kills_leave_nothing_half_made_and_again_gives_the_same_bytes(finished):
    made, seconds = finished
    project, before = made.parents[2], hashes(made)
    moments = random.Random(5)
    for more in (["--again"], ["--seed", "3"]):
        process = start(project, *SMALL, *more)
        time.sleep(moments.uniform(0.3, 1.0) * seconds)
        process.kill()
        process.communicate(timeout=60)
        for name in visible(project):
            assert whole(made.parent / name), f"{name} is half-made after a kill"
    code, _, said = run(project, *SMALL, "--again")
    assert code == 0 and "[1/1]" in said, said
    assert hashes(made) == {name: sha for name, sha in before.items() if name in hashes(made)}
    left = [p.name for p in made.parent.glob(".*") if p.suffix != ".lock"]
    assert left == [], "a killed run's leftovers are cleared by the next"
