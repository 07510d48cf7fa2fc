"""Set-up: the lock, the stamp, and what run.py hands on."""

import importlib.util
import re
import subprocess
import sys
import tomllib

import pytest


@pytest.fixture
def runner(root, tmp_path, monkeypatch):
    """run.py as a module, looking at a project of its own."""
    spec = importlib.util.spec_from_file_location("runner", root / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, text in {"LOCK": "numpy==1", "PROJECT": "[project]"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        monkeypatch.setattr(module, name, tmp_path / name)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / ".made-from")
    return module


@pytest.fixture
def steps(runner, monkeypatch):
    """The commands run.py would run, in order, each pretended to succeed."""
    done = []

    def pretend(command, **_):
        done.append(" ".join(str(part) for part in command))
        (runner.VENV).mkdir(exist_ok=True)
        return subprocess.CompletedProcess(command, 7, stdout="packages")

    monkeypatch.setattr(runner.subprocess, "run", pretend)
    return done


def test_lock_names_no_address_and_hashes_every_package(root):
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    packages = re.split(r"\n(?=\S)", lock.strip())
    assert [p.split()[0] for p in packages if "--hash=sha256:" not in p] == []


def test_lock_holds_every_dependency_and_none_of_the_slow_ones(root):
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    locked = {line.split("==")[0].lower() for line in lock.splitlines() if "==" in line}
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    names = {re.split(r"[>=\[]", name)[0].replace("_", "-").replace(".", "-") for name in asked}
    assert sorted(names - {n.replace(".", "-") for n in locked}) == []
    # Both cost a second in every process that reads a notebook; no Jupyter schema needs them.
    assert not locked & {"rfc3987-syntax", "lark"}


def test_first_run_sets_up_and_later_ones_do_not(runner, steps):
    assert runner.main(["annex", "devon"]) == 7
    assert [word in step for word, step in zip(
        ["venv --clear", "--require-hashes", "purelib", "compileall", "-e", "warm", "annex devon"],
        steps, strict=True)] == [True] * 7
    steps.clear()
    runner.main(["check", "devon"])
    assert len(steps) == 1, f"a warm run did more than its job: {steps}"


def test_set_up_stamp_follows_lock_python_and_project(runner, steps, monkeypatch):
    runner.main([])
    steps.clear()
    runner.PROJECT.write_text("[project]\nname='x'", encoding="utf-8")
    runner.main([])
    assert not any("--require-hashes" in step for step in steps), "packages installed for nothing"
    assert any(" -e " in step for step in steps)
    for change in (lambda: runner.LOCK.write_text("numpy==2", encoding="utf-8"),
                   lambda: monkeypatch.setattr(sys, "version", "3.99 (another)")):
        steps.clear()
        change()
        runner.main([])
        assert any("--require-hashes" in step for step in steps)


def test_set_up_killed_half_way_is_done_again(runner, steps, monkeypatch):
    monkeypatch.setattr(runner, "install", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    assert runner.main([]) == 130
    assert not runner.STAMP.exists()


def test_failed_set_up_says_so_without_a_traceback(runner, steps, monkeypatch, capsys):
    def fail(*arguments):
        raise subprocess.CalledProcessError(1, ["python", "-m", "pip", "install"])

    monkeypatch.setattr(runner, "pip", fail)
    assert runner.main(["annex", "devon"]) == 1
    assert "set-up stopped at: python -m pip install" in capsys.readouterr().err
    assert not runner.STAMP.exists()


def test_old_python_is_refused_with_its_version(runner, steps, monkeypatch, capsys):
    monkeypatch.setattr(runner.sys, "version_info", (3, 9, 7, "final", 0))
    assert runner.main(["test"]) == 1
    assert "Python 3.11 or later is needed; this is 3.9.7" in capsys.readouterr().err
    assert steps == []


def test_test_command_runs_tests_and_notebooks_unless_told(runner):
    whole = runner.command(["test"])
    assert whole[1:4] == ["pytest", "--nbval", "--nbval-current-env"]
    assert whole[4] == "-n" and whole[6:8] == ["--dist", "loadfile"]
    assert whole[8:] == [str(runner.ROOT / "tests"), str(runner.ROOT / "notebooks")]
    assert runner.command(["test", "-k", "x"])[8:10] == ["-k", "x"]
    assert runner.command(["test", __file__])[4:] == [__file__]


def test_children_keep_compiled_modules_and_speak_utf8(runner, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONUTF8", raising=False)
    environment = runner.environment()
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["PYTHONUTF8"] == "1"
