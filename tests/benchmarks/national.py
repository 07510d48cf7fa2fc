"""A national run: every council of the published series, two processes; time, memory, growth.

Each council's case is made as `new-case` makes it: its own counts and outturn, national
assumptions. Memory is the most that all processes together held at once, sampled from /proc.
Run: python tests/benchmarks/national.py [DIR with the published series]
"""

import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

from sufficiency.case import find_root
from sufficiency.run import grid
from sufficiency.run.sweep import sweep

DRAWS, PROCESSES = 10_000, 2
COUNCILS, FEWER_DRAWS = (20, 40, 80), (2500, 5000)
EVERY = 0.25


def held(process):
    """MB in memory of a process and its children, each page once (proportional set size)."""
    total, family = 0.0, [process]
    for each in family:
        try:
            said = Path(f"/proc/{each}/smaps_rollup").read_text()
            total += int(said.split("Pss:")[1].split()[0]) / 1024
            for task in Path(f"/proc/{each}/task").iterdir():
                family += (task / "children").read_text().split()
        except OSError:
            continue
    return total


def worked():
    """Seconds of processors that this process and its ended children have used."""
    return sum(sum(getrusage(who)[:2]) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))


def measured(work):
    """What work() gives, its seconds, and the most MB held meanwhile."""
    most, done = [0.0], threading.Event()

    def watch():
        while not done.wait(EVERY):
            most[0] = max(most[0], held(os.getpid()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    try:
        found = work()
    finally:
        done.set()
        watcher.join()
    return found, time.perf_counter() - began, most[0]


def run(folder, names, draws):
    """Print a line of one run and return its seconds."""
    def work():
        tasks = grid.published_tasks(folder, names, {}, draws, 1, find_root())
        with tempfile.TemporaryDirectory() as out:
            return tasks, *sweep(tasks, out, PROCESSES, told=lambda line: None)

    before = worked()
    (tasks, _, failed), seconds, memory = measured(work)
    busy = (worked() - before) / len(tasks)
    print(f"{len(tasks)} councils, {draws} draws: {seconds:.0f} s, {busy:.2f} s of a processor a "
          f"council, at most {memory:.0f} MB, {len(failed)} failed", flush=True)
    for task in tasks:
        if task.run_id in failed:
            print(f"  {task}: {failed[task.run_id]}")
    return seconds


def main(folder):
    from sufficiency.case.returns import published

    every = published.councils(published.read_folder(folder))
    run(folder, every[:1], 50)
    for draws in FEWER_DRAWS:
        run(folder, every[: COUNCILS[0]], draws)
    for number in COUNCILS:
        run(folder, every[:number], DRAWS)
    seconds = run(folder, ["all"], DRAWS)
    print(f"seconds {seconds:.0f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else find_root().parent / "shared" / "data")
