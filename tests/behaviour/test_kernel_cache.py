"""Compiled kernels are kept between runs, and never outlive the sources they came from."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CALLEE = '''from numba import njit

@njit(cache=True, nogil=True)
def inner(x):
    return x + 1
'''
CALLER = '''from numba import njit
from .callee import inner

@njit(cache=True, nogil=True)
def outer(x):
    return 10 * inner(x)
'''
ASK = """
import sufficiency
from sufficiency.model.caller import outer
print(outer(1), sum(outer.stats.cache_hits.values()))
"""


@pytest.fixture
def copied(root, tmp_path):
    """A copy of the numerics, with a cached caller and its callee in two files."""
    source, target = root / "lib" / "sufficiency", tmp_path / "lib" / "sufficiency"
    (target / "model").mkdir(parents=True)
    shutil.copy(source / "__init__.py", target)
    for name in ("__init__", "kernels", "quantiles"):
        shutil.copy(source / "model" / f"{name}.py", target / "model")
    (target / "model" / "callee.py").write_text(CALLEE, encoding="utf-8")
    (target / "model" / "caller.py").write_text(CALLER, encoding="utf-8")
    return target


def environment(package, **more):
    """This process's, with the copy first on the path and a cache of its own for this user."""
    base = package.parents[1] / "user"
    found = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    homes = {key: str(base) for key in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME")}
    return {**found, **homes, "PYTHONPATH": str(package.parent), **more}


def start(code, package, **more):
    return subprocess.Popen([sys.executable, "-c", code], env=environment(package, **more),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def answer(process):
    printed, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return printed.split()


def test_an_edited_callee_is_seen_by_its_cached_caller(copied):
    assert answer(start(ASK, copied)) == ["20", "0"]
    assert answer(start(ASK, copied)) == ["20", "1"], "the second run should read the cache"
    callee = copied / "model" / "callee.py"
    callee.write_text(CALLEE.replace("x + 1", "x + 2"), encoding="utf-8")
    assert answer(start(ASK, copied)) == ["30", "0"]


def test_a_folder_from_other_sources_is_not_inherited_but_a_chosen_one_is(copied, tmp_path):
    show = "import os, sufficiency; print(os.environ['NUMBA_CACHE_DIR'])"
    own = Path(*answer(start(show, copied)))
    assert answer(start(show, copied, NUMBA_CACHE_DIR=str(own.parent / "0"))) == [str(own)]
    chosen = str(tmp_path / "chosen")
    assert answer(start(show, copied, NUMBA_CACHE_DIR=chosen)) == [chosen]


def test_a_cache_that_cannot_be_made_is_replaced(copied, tmp_path):
    (tmp_path / "user").write_text("a file where the folder should be", encoding="utf-8")
    assert answer(start(ASK, copied, TMPDIR=str(tmp_path))) == ["20", "0"]


def test_processes_that_start_together_on_a_cold_cache_agree(copied):
    together = [start(ASK, copied) for _ in range(2)]
    assert [answer(process)[0] for process in together] == ["20"] * 2
    assert answer(start(ASK, copied)) == ["20", "1"]


def test_importing_the_library_imports_neither_numba_nor_numpy(copied):
    code = "import sys, sufficiency; print({'numba', 'numpy', 'scipy'} & set(sys.modules))"
    assert answer(start(code, copied)) == ["set()"]


def test_the_model_does_without_scipy_stats(copied):
    code = "import sys, sufficiency.model.kernels; print('scipy.stats' in sys.modules)"
    assert answer(start(code, copied)) == ["False"]
