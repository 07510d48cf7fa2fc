"""The annex: run a case's notebooks, write its documents, swap the finished folder in whole."""

import json
import os
import shutil
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from sufficiency.run import consistency, manifest, store
from sufficiency.run.parameters import ParameterError, Parameters
from sufficiency.run.study import Study

EDITIONS = ("public", "exempt")


class DisclosureError(ValueError):
    """A public edition that gives away what is hidden or exempt."""


def make_annex(parameters: Parameters, out: Path, formats: list[str], again: bool = False) -> Path:
    """Make <out>/<case>/<run id>/ and return its path.

    A finished run is kept as it is and gains the formats it lacks; again makes it afresh. A
    second annex of the same run waits for the first and uses it.
    """
    study = Study(parameters)
    sources = _sources(study)
    folder = out / study.case.name
    final = folder / study.run_id
    with store.lock(folder / f".{study.run_id}.lock"):
        _tidy(folder, study.run_id)
        aside = tempfile.TemporaryDirectory(
            prefix=f".{study.run_id}.building-", dir=folder, ignore_cleanup_errors=True
        )
        with aside as name:
            building = Path(name) / study.run_id
            building.mkdir()
            if again or not (final / "manifest.json").is_file():
                _build(study, sources, building, formats)
                _swap(building, final)
            elif missing := [name for name in formats if not _made(final, name)]:
                study.out_dir = final
                _write_documents(study, final, building, missing)
                for edition in EDITIONS:
                    for path in (building / edition).iterdir():
                        os.replace(path, final / edition / path.name)
                _write_manifest(study, final)
    return final


def _sources(study: Study) -> list[Path]:
    names = study.case.value("annex.notebooks")
    sources = [study.root / "notebooks" / f"{name}.ipynb" for name in names]
    if missing := [path.name for path in sources if not path.is_file()]:
        raise ParameterError(f"annex.notebooks: not in notebooks/: {', '.join(missing)}")
    return sources


def _build(study: Study, sources: list[Path], building: Path, formats: list[str]) -> None:
    """Draws first, once; then the notebooks, which share them; then the documents."""
    from sufficiency.run.notebooks import NotebookError, run_all

    study.out_dir = building
    if study.case.published("plans_by_setting", None) is not None:
        _ = study.spend
    given = asdict(replace(study.parameters, out_dir=str(building)))
    try:
        run_all(sources, building / "exempt" / "notebooks", given)
        (building / "results").mkdir(exist_ok=True)
        (building / "public").mkdir()
        os.rename(building / "results", building / "public" / "results")
        _complete(building)
        _write_documents(study, building, building, formats)
    except (NotebookError, consistency.ConsistencyError, DisclosureError) as error:
        kept = _keep_failed(building)
        raise type(error)(
            f"{error}\nthe notebooks as far as they ran, and what they said: {kept}") from error
    _write_manifest(study, building)


def _keep_failed(building: Path) -> Path:
    """Keep the notebooks of a run that failed, and what they said, as <run id>.failed beside it."""
    exempt, kept = building / "exempt", building.parents[1] / f"{building.name}.failed"
    if (exempt / "said").is_dir():
        os.rename(exempt / "said", exempt / "notebooks" / "said")
    shutil.rmtree(kept, ignore_errors=True)
    os.rename(exempt / "notebooks", kept)
    return kept


def _complete(run: Path) -> None:
    """The exempt edition's results are the public ones, but for those it has itself."""
    (run / "exempt" / "results").mkdir(exist_ok=True)
    for path in sorted((run / "public" / "results").iterdir()):
        if not (run / "exempt" / "results" / path.name).exists():
            shutil.copyfile(path, run / "exempt" / "results" / path.name)


def _write_documents(study: Study, run: Path, folder: Path, formats: list[str]) -> None:
    """Both editions of the paper and its evidence; refuses a paper that does not agree with itself,
    and a public edition that gives something away.
    """
    from sufficiency.report import document, paper
    from sufficiency.run.paper import gather

    facts = gather(study, run)
    problems = consistency.check(study.case, facts, run / "public" / "results")
    consistency.stop(problems)
    facts = replace(facts, problems=tuple(problems))
    notebooks = [run / "exempt" / "notebooks" / path.name for path in _sources(study)]
    for edition in EDITIONS:
        (folder / edition).mkdir(exist_ok=True)
        evidence = [document.pieces(path, edition) for path in notebooks]
        found = paper.pieces(facts, evidence, edition)
        about = front(study, edition)
        document.export(found, about, folder / edition, [f for f in formats if f != "xlsx"])
        if "xlsx" in formats:
            _write_workbook(run, folder / edition / "annex.xlsx", found, about)
    _audit(study, run, folder, notebooks)


def _write_workbook(run: Path, path: Path, found: list, about) -> None:
    from sufficiency.report import tables
    from sufficiency.report.workbook import write_workbook

    groups = {path.stem: [tables.read(said) for said in json.loads(path.read_text("utf-8"))]
              for path in sorted((run / "exempt" / "workbook").glob("*.json"))}
    write_workbook(path, [tables.read(said) for *_, said in found if said], about, groups=groups)


def _audit(study: Study, run: Path, folder: Path, notebooks: list[Path]) -> None:
    from sufficiency.report import document, tables
    from sufficiency.report.audit import Secrets, audit_edition, kept_out

    secrets = None
    if (run / "public" / "results" / "placements.csv").is_file():
        january, labels = study.calibration.first_january, study.labels
        secrets = Secrets(
            tables.placements_frame(study.placements), tables.spend_frame(study.spend),
            study.published_settings, labels,
            study.case.published("plans_by_setting").loc[:january])
    kept = [what for path in notebooks
            for what in kept_out(document.pieces(path, "exempt", only_exempt=True))]
    also = [] if folder == run else [run / "public"]
    if leaks := audit_edition(folder / "public", secrets, kept, also=also):
        listed = "\n".join(map(str, leaks))
        raise DisclosureError(f"the public edition is not published:\n{listed}")


def front(study: Study, edition: str = "public"):
    """The front page of a study's documents."""
    from sufficiency.report.document import Front
    from sufficiency.report.paper_forms import DECISIONS

    case, given = study.case, study.parameters
    lines = [f"Run {study.run_id}: {given.draws:,} simulated worlds, seed {given.seed}"]
    lines += [f"Scenario: {case.scenario}"] if case.scenario else []
    lines += [f"Changed for this run: {key} = {value}" for key, value in case.overrides.items()]
    lines += [f"As known in {case.known_by}"] if case.known_by else []
    return Front(
        title=case.title,
        subtitle="Annex: figures, ranges and where they come from",
        council=case.value("council.name"),
        as_at=case.as_at,
        decision=DECISIONS.get(case.value("annex.decision", ""), ""),
        provenance=tuple(lines),
        flag=case.value("annex.exempt") if edition == "exempt" else "",
    )


def _write_manifest(study: Study, run: Path) -> None:
    """Facts, versions and a hash of every file but the draws, which the facts give again."""
    files = sorted(p for p in run.rglob("*") if p.is_file() and p.name != "manifest.json")
    listed = [p for p in files if "draws" not in p.relative_to(run).parts]
    hashes = {p.relative_to(run).as_posix(): manifest.digest(p) for p in listed}
    about = {"run_id": study.run_id, **study.facts, "versions": manifest.versions()}
    store.write_text(run / "manifest.json", manifest.canonical({**about, "files": hashes}))


def _made(run: Path, name: str) -> bool:
    files = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["files"]
    return all(f"{edition}/annex.{name}" in files and (run / edition / f"annex.{name}").is_file()
               for edition in EDITIONS)


def _swap(building: Path, final: Path) -> None:
    old = final.with_name(f".{final.name}.old")
    if final.exists():
        os.rename(final, old)
    os.rename(building, final)
    shutil.rmtree(old, ignore_errors=True)


def _tidy(folder: Path, run_id: str) -> None:
    """Clear away what killed runs left: this run's own, and others' that nobody is making."""
    old = folder / f".{run_id}.old"
    if old.exists() and not (folder / run_id).exists():
        os.rename(old, folder / run_id)
    shutil.rmtree(old, ignore_errors=True)
    for left in folder.glob(".*.building-*"):
        owner = left.name[1:].split(".")[0]
        with store.lock(folder / f".{owner}.lock", wait=False) as free:
            if free or owner == run_id:
                shutil.rmtree(left, ignore_errors=True)
