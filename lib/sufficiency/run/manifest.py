"""What a run was made of, and the run id that follows from it."""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("sufficiency", "numpy", "pandas", "scipy", "numba", "xarray", "matplotlib", "typst")

# What notebooks read beside the case and the law: how forecasts have done before.
RECORD = ("track_record", "track_record_councils")


def digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical(value) -> str:
    """JSON with sorted keys: the same text for the same facts."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1, default=str) + "\n"


def describe(case, parameters, root: Path) -> dict:
    """Everything a run's figures depend on, and nothing else: no format, worker, path or clock."""
    names = case.value("annex.notebooks", [])
    notebooks = {name: root / "notebooks" / f"{name}.ipynb" for name in names}
    lock, law = root / "requirements.lock", root / "params" / "law.yaml"
    beside = [law, *(root / "params" / f"{name}.csv" for name in RECORD)]
    inputs = [*map(Path, case.files), *(path for path in beside if path.is_file())]
    return {
        "case": case.name,
        "as_at": case.as_at.isoformat(),
        "scenario": parameters.scenario,
        "overrides": {key: case.overrides[key] for key in sorted(case.overrides)},
        "as_known": parameters.as_known,
        "draws": parameters.draws,
        "seed": parameters.seed,
        "assumptions": _sha(canonical(case.resolved)),
        "inputs": {_relative(path, root): digest(path) for path in inputs},
        "library": _library(),
        "notebooks": {n: _sources(path) for n, path in notebooks.items() if path.is_file()},
        "lock": digest(lock) if lock.is_file() else "",
    }


def run_id(facts: dict) -> str:
    """First 12 hex digits of the SHA-256 of the facts."""
    return _sha(canonical(facts))[:12]


def versions() -> dict:
    """Versions of Python and of the packages that make figures or pages."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _relative(path: Path, root: Path) -> str:
    path = path.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _library() -> str:
    """One hash over the library's sources and page templates."""
    package = Path(__file__).resolve().parents[1]
    files = sorted(p for p in package.rglob("*") if p.is_file() and p.suffix != ".pyc")
    return _sha("".join(f"{p.relative_to(package).as_posix()} {digest(p)}\n" for p in files))


def _sources(path: Path) -> str:
    """Hash of a notebook's cells without outputs or parameters cell (those are counted apart)."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    kept = [c for c in cells if "parameters" not in c["metadata"].get("tags", [])]
    return _sha(canonical([[c["cell_type"], "".join(c["source"])] for c in kept]))
