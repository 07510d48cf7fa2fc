"""The annex: run a case's notebooks, write its documents, swap the finished folder in whole."""

import json
import os
import shutil
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from sufficiency.run import manifest, store
from sufficiency.run.notebooks import NotebookError, run_all
from sufficiency.run.parameters import Parameters
from sufficiency.run.study import Study


def make_annex(parameters: Parameters, root: Path, out: Path, formats: list[str], again=False):
    """Make outputs/<case>/<run id>/ and return its path.

    A finished run is kept as it is and gains the formats it lacks; again=True makes it afresh.
    A second annex of the same run waits for the first and uses it.
    """
    study = Study(parameters, root)
    sources = _sources(study)
    folder = out / study.case.name
    final = folder / study.run_id
    with store.lock(folder / f".{study.run_id}.lock"):
        _tidy(folder, study.run_id)
        if again or not (final / "manifest.json").is_file():
            with _aside(folder, study.run_id) as building:
                _build(study, sources, building, formats)
                _swap(building, final)
        elif missing := [name for name in formats if not _made(final, name)]:
            with _aside(folder, study.run_id) as building:
                _add(study, final, building, missing)
    return final


def _sources(study: Study) -> list[Path]:
    names = study.case.value("annex.notebooks", [])
    sources = [study.root / "notebooks" / f"{name}.ipynb" for name in names]
    missing = [path.name for path in sources if not path.is_file()]
    if missing or not names:
        found = ", ".join(missing) or "none"
        raise NotebookError(f"{study.case.name}: annex.notebooks: not in notebooks/: {found}")
    return sources


def _build(study: Study, sources, building: Path, formats) -> None:
    """Draws first, once; then the notebooks, which share them; then the documents."""
    study.out_dir = building
    _ = study.spend
    given = asdict(replace(study.parameters, out_dir=str(building)))
    try:
        run_all(sources, building / "exempt" / "notebooks", given)
    except NotebookError as error:
        kept = building.parent / f"{study.run_id}.failed"
        shutil.rmtree(kept, ignore_errors=True)
        os.rename(building / "exempt" / "notebooks", kept)
        raise NotebookError(f"{error}\nthe notebooks as far as they ran: {kept}") from error
    results = building / "results"
    results.mkdir(exist_ok=True)
    (building / "public").mkdir()
    os.rename(results, building / "public" / "results")
    _write_documents(study, building, building / "public", formats)
    _write_manifest(study, building)


def _add(study: Study, final: Path, building: Path, formats) -> None:
    """Documents a finished run lacks: made aside, moved in one by one, the manifest last."""
    _write_documents(study, final, building, formats)
    for path in building.iterdir():
        os.replace(path, final / "public" / path.name)
    _write_manifest(study, final)


def _write_documents(study: Study, run: Path, folder: Path, formats) -> None:
    from sufficiency.report.document import document
    from sufficiency.report.workbook import workbook

    notebooks = sorted((run / "exempt" / "notebooks").glob("*.ipynb"))
    pages = [name for name in formats if name != "xlsx"]
    if pages:
        document(notebooks, folder, pages)
    if "xlsx" in formats:
        workbook(notebooks, folder / "annex.xlsx")


def _write_manifest(study: Study, run: Path) -> None:
    """Facts, versions and a hash of every file but the draws, which the facts give again."""
    files = sorted(p for p in run.rglob("*") if p.is_file() and p.name != "manifest.json")
    listed = [p for p in files if "draws" not in p.relative_to(run).parts]
    hashes = {p.relative_to(run).as_posix(): manifest.digest(p) for p in listed}
    about = {"run_id": study.run_id, **study.facts, "versions": manifest.versions()}
    store.write_text(run / "manifest.json", manifest.canonical({**about, "files": hashes}))


def _made(run: Path, name: str) -> bool:
    files = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["files"]
    return f"public/annex.{name}" in files and (run / "public" / f"annex.{name}").is_file()


class _aside:
    """A working folder beside the finished ones, gone afterwards whatever happens."""

    def __init__(self, folder: Path, run_id: str):
        self.path = Path(tempfile.mkdtemp(prefix=f".{run_id}.building-", dir=folder))

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def _swap(building: Path, final: Path) -> None:
    old = final.with_name(f".{final.name}.old")
    os.chmod(building, 0o755)
    if final.exists():
        os.rename(final, old)
    os.rename(building, final)
    shutil.rmtree(old, ignore_errors=True)


def _tidy(folder: Path, run_id: str) -> None:
    """Clear away what killed runs left behind: this run's own, and others nobody is making."""
    old = folder / f".{run_id}.old"
    if old.exists() and not (folder / run_id).exists():
        os.rename(old, folder / run_id)
    shutil.rmtree(old, ignore_errors=True)
    for left in folder.glob(".*.building-*"):
        owner = left.name[1:].split(".")[0]
        if owner == run_id:
            shutil.rmtree(left, ignore_errors=True)
            continue
        with store.lock(folder / f".{owner}.lock", wait=False) as free:
            if free:
                shutil.rmtree(left, ignore_errors=True)
