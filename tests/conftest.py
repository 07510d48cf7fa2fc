"""What every test may ask for."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Files that take longest, longest first: started last they would leave the other cores idle.
LONGEST = (
    "test_market_annex.py", "03_framework_vs_spot.ipynb", "test_page_ties.py", "test_faults.py",
    "test_market_study.py", "test_annex_runs.py", "test_sweep.py", "04_options_appraisal.ipynb",
    "test_track_record.py", "test_explore_page.py", "test_annex_page.py", "00_explore.ipynb",
    "test_high_needs_study.py", "test_disclosure_audit.py", "test_every_council.py",
    "test_made_cases.py", "02_safety_valve.ipynb")


def pytest_configure(config):
    """Files start in the order of collection, not with those of most tests."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    """The longest files first, the rest as they were."""
    last = len(LONGEST)
    items.sort(key=lambda item: LONGEST.index(name) if (name := item.path.name) in LONGEST
               else last)


@pytest.fixture(scope="session")
def root():
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared(root):
    """The folder of source files beside the project; tests that need it are skipped without it."""
    folder = root.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the folder `shared` beside the project: published series and oracles")
    return folder


@pytest.fixture(scope="session")
def small_case(root):
    """Devon as committed: a complete case for tests that only need one to be there."""
    from sufficiency.case import load_case

    return load_case("devon", root=root)


@pytest.fixture(scope="module")
def project(root, tmp_path_factory):
    """Another project's folder, with the national file only."""
    made = tmp_path_factory.mktemp("project")
    (made / "params" / "councils").mkdir(parents=True)
    national = (root / "params" / "national.yaml").read_bytes()
    (made / "params" / "national.yaml").write_bytes(national)
    return made
