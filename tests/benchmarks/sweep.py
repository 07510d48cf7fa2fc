"""How many times faster a sweep of eight tasks is with two processes than with one.

Rutland at 4,000 draws, a start and a stop of the processes included; kernels are compiled before.
Run: python tests/benchmarks/sweep.py
"""

import tempfile
import time

from sufficiency.case import find_root
from sufficiency.run import grid
from sufficiency.run.sweep import sweep

TASKS, DRAWS = 8, 4000


def timed(tasks, processes):
    """Seconds of a sweep into a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        _, failed = sweep(tasks, folder, processes, told=lambda line: None)
        assert not failed
        return time.perf_counter() - began


if __name__ == "__main__":
    values = {"placements.growth.trend": [f"0.0{n + 1}" for n in range(TASKS)]}
    tasks = grid.tasks(["rutland"], "", values, DRAWS, 1, find_root())
    timed(tasks[:1], 1)
    one, two = timed(tasks, 1), timed(tasks, 2)
    print(f"{TASKS} tasks of {DRAWS} draws: {one:.1f} s with one process, {two:.1f} s with two")
    print(f"ratio {one / two:.2f}")
