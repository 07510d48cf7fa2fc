"""What every test may ask for."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


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
