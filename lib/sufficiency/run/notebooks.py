"""Notebooks run by papermill in kernels of their own, checked, and left without traces of time."""

import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
import papermill
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec

from sufficiency.run import store

# Names a widget of a kernel that has ended; its words stay.
WIDGET = "application/vnd.jupyter.widget-view+json"


class NotebookError(ValueError):
    """A notebook that did not run to its end."""


class Kernels(AsyncKernelManager):
    """Kernels of this very Python, whatever else is registered, with their traffic encrypted."""

    kernel_spec = KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python 3",
        language="python",
        metadata={"supported_encryption": ["curve"]},
    )

    def __init__(self, **settings):
        super().__init__(transport_encryption="auto", **settings)


def run_all(sources: list[Path], folder: Path, parameters: dict) -> None:
    """Run notebooks side by side into folder, a progress line each; failures are raised at the end.

    Whatever ran stays in folder to be looked at.
    """
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
        jobs = {pool.submit(run_one, s, folder / s.name, parameters): s.stem for s in sources}
        for done, job in enumerate(as_completed(jobs), start=1):
            if isinstance(job.exception(), NotebookError):
                failures.append(str(job.exception()))
                continue
            message = f"[{done}/{len(jobs)}] {jobs[job]} … {job.result():.1f} s"
            print(message, file=sys.stderr, flush=True)
    if failures:
        raise NotebookError("\n".join(failures))


def run_one(source: Path, target: Path, parameters: dict) -> float:
    """Run one notebook, in seconds; refuses one that fails or stops before its last cell."""
    began = time.perf_counter()
    settings = {"progress_bar": False, "log_output": False, "shutdown_kernel": "immediate"}
    # papermill passes paths through str.format.
    paths = [str(p.resolve()).replace("{", "{{").replace("}", "}}") for p in (source, target)]
    try:
        papermill.execute_notebook(
            *paths, parameters, kernel_name="python3", kernel_manager_class=Kernels, **settings
        )
    except papermill.PapermillExecutionError as error:
        message = f"{source.name}, cell [{error.exec_count}]: {error.ename}: {error.evalue}"
        raise NotebookError(message) from error
    notebook = nbformat.read(target, as_version=4)
    # papermill calls a notebook that ends its own kernel half-way a success.
    if any(c.cell_type == "code" and c.source and not c.execution_count for c in notebook.cells):
        raise NotebookError(f"{source.name}: stopped before its last cell")
    store.write_text(target, nbformat.writes(normalised(notebook)) + "\n")
    return time.perf_counter() - began


def refresh(path: Path) -> None:
    """Re-run a committed notebook as it stands and keep its outputs; cell ids do not change."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / path.name
        run_one(path, target, {})
        store.write_text(path, target.read_text(encoding="utf-8"))


def normalised(notebook):
    """The notebook without clock times, machine paths, random ids and patch versions."""
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    for cell in notebook.cells:
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            lines = cell.source.splitlines()
            kept = ['out_dir = ""' if line.startswith("out_dir = ") else line for line in lines]
            cell.source, cell.id = "\n".join(kept), "injected-parameters"
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
    return notebook
