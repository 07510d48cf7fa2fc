"""Mistakes and mishaps: one clear message, an exit code, nothing half-written, nothing lost."""

import errno
import json
import os
import shutil

import numpy as np
import pytest
from small_project import CLOSING, OPENING, make_project, run, visible
from sufficiency.run import cli, store

SMALL = ["annex", "devon", "--draws", "20", "--formats", "html"]


@pytest.fixture
def project(root, tmp_path, monkeypatch):
    folder = make_project(root, tmp_path / "project")
    monkeypatch.setenv("SUFFICIENCY_ROOT", str(folder))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def finished(root, tmp_path_factory):
    """A project with one finished run, to be copied."""
    folder = make_project(root, tmp_path_factory.mktemp("finished") / "project")
    code, _, said = run(folder, *SMALL)
    assert code == 0, said
    return folder


def complaint(capsys, *arguments):
    """What one command says on stderr, having failed."""
    code = cli.main(list(arguments))
    said = capsys.readouterr().err
    assert code == 1, f"exit code {code}: {said}"
    assert "error: " in said and "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["annex", "devonn"], "case: found 'devonn'; allowed devon"),
        (["annex", "devon", "--draws", "0"], "parameter draws: found 0; allowed: 1 to 1000000"),
        (["annex", "devon", "--seed", "-1"], "parameter seed: found -1"),
        (["annex", "devon", "--scenario", "boom"], "scenario: found 'boom'; allowed"),
        (["annex", "devon", "--as-known", "June"], "as_known: found 'June'"),
        (["annex", "devon", "--formats", "html,odt"], "--formats: found 'html,odt'; allowed"),
        (["annex", "devon", "--set", "costs"], "--set: found ['costs']; allowed: KEY=VALUE"),
        (["annex", "devon", "--set", "a.b=1; c.d=2"], "one at a time"),
        (["annex", "devon", "--set", "no.such=1"], "no.such: found no such key"),
        (["check", "devon.yaml"], "case: found 'devon.yaml'"),
        (["check", "__import__('os')"], "case: found"),
    ],
)
def test_wrong_argument_is_one_message_before_anything_runs(project, capsys, arguments, message):
    assert message in complaint(capsys, *arguments)
    assert not (project / "outputs").exists()


def test_malformed_case_file_is_named_with_its_lines(project, capsys):
    case = project / "params" / "councils" / "devon.yaml"
    case.write_text(case.read_text(encoding="utf-8") + "\n  : [", encoding="utf-8")
    assert "params/councils/devon.yaml:" in complaint(capsys, *SMALL)


def test_missing_notebook_is_named(project, capsys):
    (project / "notebooks" / "01_placement_costs.ipynb").unlink()
    assert "01_placement_costs.ipynb" in complaint(capsys, *SMALL)


def test_output_folder_that_is_a_file_is_named(project, capsys):
    (project / "outputs").write_text("in the way", encoding="utf-8")
    assert "outputs" in complaint(capsys, *SMALL)
    assert (project / "outputs").read_text(encoding="utf-8") == "in the way"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user who can be refused")
def test_output_folder_that_cannot_be_written_is_named(project, capsys):
    (project / "outputs").mkdir(mode=0o500)
    assert "Permission denied" in complaint(capsys, *SMALL)


def test_failing_notebook_names_the_cell_and_leaves_no_run(root, tmp_path):
    project = make_project(root, tmp_path / "p", OPENING, "1 / 0", CLOSING)
    code, _, said = run(project, *SMALL)
    assert code == 1
    assert "01_placement_costs.ipynb, cell [4]: ZeroDivisionError: division by zero" in said
    assert "Traceback" not in said and "WARNING" not in said
    (kept,) = visible(project)
    assert kept.endswith(".failed"), "a failed run is kept under a name that says so"
    assert (project / "outputs" / "devon" / kept / "01_placement_costs.ipynb").is_file()


def test_notebook_that_ends_itself_half_way_is_no_success(root, tmp_path):
    project = make_project(root, tmp_path / "p", OPENING, "import sys\n\nsys.exit(0)", CLOSING)
    code, _, said = run(project, *SMALL)
    assert code == 1 and "stopped before its last cell" in said


@pytest.mark.parametrize(("cell", "message"), [
    ('study.headline("turned", "Turned", 2, 3, 1, "GBP", "1.2.x", "2026")',
     "paper: figures: turned: its range runs from 3.0 down to 1.0"),
    ('study.say("They ask £12,345.", exempt="Exempt.")\nstudy.say("They ask 12,345.")',
     "the public edition is not published:"),
], ids=["not consistent", "not disclosable"])  # fmt: skip
def test_a_run_refused_at_its_end_keeps_what_it_did(root, tmp_path, cell, message):
    project = make_project(root, tmp_path / "p", OPENING, cell, CLOSING)
    code, out, said = run(project, *SMALL)
    assert code == 1 and not out and "Traceback" not in said
    assert message in said
    (kept,) = visible(project)
    folder = project / "outputs" / "devon"
    assert kept.endswith(".failed") and said.strip().endswith(str(folder / kept))
    executed = (folder / kept / "01_placement_costs.ipynb").read_text("utf-8")
    assert '"execution_count": 4' in executed
    heads = json.loads((folder / kept / "said" / "01_placement_costs.json").read_text("utf-8"))
    assert "spend" in [head["key"] for head in heads["headlines"]]
    assert [path.name for path in folder.glob(".*") if path.suffix != ".lock"] == []


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "draws.npy")


@pytest.mark.parametrize("where", ["draws", "text", "documents"])
def test_full_disk_keeps_the_earlier_run_and_leaves_nothing_else(project, finished, capsys,
                                                                 monkeypatch, where):
    shutil.copytree(finished / "outputs", project / "outputs")
    (earlier,) = visible(project)
    manifest = project / "outputs" / "devon" / earlier / "manifest.json"
    before = manifest.read_bytes()
    other = ["--seed", "2"]
    if where == "draws":
        monkeypatch.setattr(np, "save", full_disk)
    elif where == "text":
        monkeypatch.setattr(store, "write_text", full_disk)
    else:
        monkeypatch.setattr("sufficiency.report.document.export", full_disk)
        other = ["--formats", "html,docx"]  # the finished run gains one
    for more in (other, ["--again"]):
        assert "No space left on device" in complaint(capsys, *SMALL, *more)
        assert visible(project) == [earlier]
    assert manifest.read_bytes() == before
    left = [p.name for p in (project / "outputs" / "devon").glob(".*") if p.suffix != ".lock"]
    assert left == []


def test_short_write_of_draws_is_called_a_full_disk(tmp_path, monkeypatch, small_case):
    xr = pytest.importorskip("xarray")

    def short(*_):
        raise OSError("1000 requested and 512 written")

    monkeypatch.setattr(np, "save", short)
    with pytest.raises(OSError, match="No space left on device"):
        store.keep(tmp_path, "draws", lambda: xr.Dataset({"a": ("draw", np.arange(3))}))
    assert [path for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_interrupt_is_exit_130_and_a_bug_still_shows_itself(monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_check", stop)
    assert cli.main(["check", "devon"]) == 130
    monkeypatch.setattr(cli, "_check", lambda _: np.zeros(3).reshape(2, 2))
    with pytest.raises(ValueError, match="reshape"):
        cli.main(["check", "devon"])
    monkeypatch.setattr(cli, "_check", lambda _: {}["gone"])
    with pytest.raises(KeyError):
        cli.main(["check", "devon"])


def test_pound_sign_on_a_console_that_cannot_print_it(project):
    code, _, said = run(project, "check", "£", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert code == 1
    assert "case: found '\\xa3'" in said and "UnicodeEncodeError" not in said


def test_braces_spaces_and_pounds_in_paths_on_such_a_console(project):
    out = project / "out {x} {} £"
    console = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    code, said_out, said = run(project, *SMALL, "--out", str(out), **console)
    assert code == 0, said
    assert "[1/1] 01_placement_costs" in said
    (made,) = (out / "devon").glob("[!.]*")
    assert said_out.strip().endswith(made.name)
    assert (made / "public" / "annex.html").is_file()


def test_check_prints_one_line_of_counts(project, capsys):
    assert cli.main(["check", "devon"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("devon: OK: ") and "published" in said and said.count("\n") == 1
