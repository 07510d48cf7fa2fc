"""What a process of a sweep does: keep to one thread, work a task out, end with its parent.

Nothing heavy is imported before `calm` has said how many threads numpy may have.
"""

import os
import signal
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from sufficiency import source_hash

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Task:
    """One case under one scenario and set of overrides, with all that its figures depend on.

    files: {path inside a project: content}; case_file: which of them is the case. made_from:
    folder inside it of a council's published series, where the case is still to be made.
    overrides: {key: text}. library: hash of the library's sources.
    """

    case: str
    scenario: str
    overrides: dict
    draws: int
    seed: int
    run_id: str
    library: str
    case_file: str
    files: dict = field(repr=False)
    made_from: str = ""
    council: str = ""

    @property
    def said(self):
        """The overrides as a notebook's parameters cell says them."""
        return "; ".join(f"{key}={text}" for key, text in self.overrides.items())

    def __str__(self):
        changed = [f"{key}={text}" for key, text in self.overrides.items()]
        return ", ".join([self.case, *filter(None, [self.scenario]), *changed])


def calm() -> None:
    """For a process's start: one thread, no word on Ctrl-C, no life after the parent's."""
    from multiprocessing import connection, parent_process

    os.environ.update(dict.fromkeys(THREADS, "1"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gone = parent_process().sentinel
    threading.Thread(target=lambda: connection.wait([gone]) and os._exit(1), daemon=True).start()


def library() -> str:
    """Hash of the library's sources in this process."""
    return source_hash(Path(__file__).parents[1])


def work(task: Task) -> str:
    """The figures of a task as CSV text: see `figures.figures`.

    In a project of its own, made of the task's files, so that nothing is read from a shared disk.
    """
    if library() != task.library:
        raise ValueError("worker: found another version of the library; allowed the same sources "
                         "as where the sweep was started")
    from sufficiency.case import load_case
    from sufficiency.report import tables
    from sufficiency.run.figures import figures
    from sufficiency.run.forecast import gaps
    from sufficiency.run.parameters import Parameters
    from sufficiency.run.study import Study

    with tempfile.TemporaryDirectory(prefix="sufficiency-") as folder:
        root = Path(folder).resolve()
        path = place(task, root, gaps)
        case = load_case(path, task.scenario, task.said, root=root)
        given = Parameters(task.case, task.scenario, task.draws, task.seed, task.said)
        study = Study(given, case)
        study.threads = 1
        return tables.csv(figures(study))


def place(task: Task, root: Path, gaps=None) -> str:
    """Write a task's files into an empty folder, and make its case if it has none -> its path."""
    from sufficiency.case.new import new_case

    for name, content in task.files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    if task.made_from:
        (root / "params" / "councils").mkdir(exist_ok=True)
        new_case(task.case, published=root / task.made_from, council=task.council, root=root,
                 gaps=gaps)
    return str(root / task.case_file)
