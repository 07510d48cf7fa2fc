"""Sweeps: many cases, scenarios and values worked out side by side into one tidy table."""

import csv
import hashlib
import io
import os
import sys
import time
from contextlib import nullcontext
from pathlib import Path

from sufficiency.run import manifest, store
from sufficiency.run.figures import COLUMNS

TABLE = "sweep.csv"
FIRST, LAST = ["case", "scenario"], ["draws", "seed"]


def sweep(tasks, out, processes=None, scheduler="", again=False, told=print):
    """Work out tasks (of `grid`) into a folder -> (path of sweep.csv, {run id: error}).

    Local processes (as many as processors unless said) or, by its address, a Dask cluster: the
    same bytes from either. A finished task is kept as out/tasks/<run id>.csv, so that the same
    sweep started again goes on where it stopped; again works out all. The table has the tasks in
    their order, those that failed left out. told: what is done with a line for each task.
    """
    out = Path(out)
    kept = {task.run_id: out / "tasks" / f"{task.run_id}.csv" for task in tasks}
    with store.lock(out / ".sweep.lock"):
        if again:
            for path in kept.values():
                path.unlink(missing_ok=True)
        left = {task.run_id: task for task in tasks if not kept[task.run_id].is_file()}
        if len(left) < len(kept):
            told(f"{len(kept) - len(left)} of {len(kept)} tasks finished before")
        failed = _work(list(left.values()), kept, processes, scheduler, told)
        _collect(tasks, {name: path for name, path in kept.items() if name not in failed},
                 out / TABLE)
    return out / TABLE, failed


def _work(tasks, kept, processes, scheduler, told):
    from sufficiency.run.pool import outcomes

    failed, began = {}, time.perf_counter()
    number = min(processes or os.cpu_count() or 1, max(len(tasks), 1))
    for done, (task, text, error) in enumerate(outcomes(tasks, number, scheduler), start=1):
        if error is None:
            store.write_text(kept[task.run_id], text)
        else:
            failed[task.run_id] = error
        took = f"{time.perf_counter() - began:.1f} s"
        said = f"failed: {type(error).__name__}: {error}" if error else took
        told(f"[{done}/{len(tasks)}] {task} … {said}")
    return failed


def _collect(tasks, kept, path):
    """Write the table aside, a task at a time, and swap it in."""
    keys = list(dict.fromkeys(key for task in tasks for key in task.overrides))
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(aside, "w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow([*FIRST, *keys, *LAST, *COLUMNS, "run_id"])
            for task in tasks:
                if task.run_id in kept:
                    table.writerows(_rows(task, keys, kept[task.run_id]))
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _rows(task, keys, path):
    about = [task.case, task.scenario, *(task.overrides.get(key, "") for key in keys),
             task.draws, task.seed]
    rows = csv.reader(io.StringIO(path.read_text("utf-8")))
    next(rows)
    return [[*about, *row, task.run_id] for row in rows]


def sweep_id(tasks):
    """Twelve hex digits that name a list of tasks."""
    text = manifest.canonical([task.run_id for task in tasks])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def run(options, root):
    """`sufficiency sweep`: -> exit code, 1 where a task failed. Progress goes to stderr."""
    from sufficiency.run import grid

    values = grid.parse_sets(options.sets)
    luck = (values, options.draws, options.seed, root)
    if bool(options.names) == bool(options.published):
        raise ValueError(f"sweep: found cases {options.names}, --published {options.published!r}; "
                         "allowed names of cases, or a folder of published series")
    if options.processes is not None and not 1 <= options.processes <= 512:
        raise ValueError(f"--processes: found {options.processes}; allowed 1 to 512")
    tasks = (grid.published_tasks(options.published, options.councils, *luck)
             if options.published else grid.tasks(options.names, options.scenarios, *luck))
    out = Path(options.out or root / "outputs" / "sweeps" / sweep_id(tasks)).resolve()
    with _telling(len(tasks)) as told:
        path, failed = sweep(tasks, out, options.processes, options.scheduler, options.again, told)
    for task in tasks:
        if task.run_id in failed:
            print(f"failed: {task}: {failed[task.run_id]}", file=sys.stderr)
    if failed:
        print(f"{len(failed)} of {len(tasks)} tasks failed; the table has the others, and the "
              "same command tries those again", file=sys.stderr)
    print(path)
    return 1 if failed else 0


def _telling(total):
    """What a line of progress goes to: a bar on a terminal, else a plain line on stderr."""
    if not sys.stderr.isatty():
        return nullcontext(lambda line: print(line, file=sys.stderr, flush=True))
    return _Bar(total)


class _Bar:
    """A bar for a terminal, its last line of progress beside it."""

    def __init__(self, total):
        from tqdm import tqdm

        self.bar = tqdm(total=total, file=sys.stderr, unit="task")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()

    def __call__(self, line):
        before = line.split(" ", 1)[0]
        self.bar.update(int(before) if before.isdigit() else 1)
        self.bar.set_postfix_str(line[:70])
