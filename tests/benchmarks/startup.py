"""Seconds to `sufficiency --help` and to the end of a notebook's first cell, each in a process."""

import subprocess
import sys
import time

HELP = [sys.executable, "-m", "sufficiency", "--help"]
CELL = """
from sufficiency.run.study import open_study
study = open_study(dict(case="devon", scenario="", draws=1000, seed=1, overrides="", as_known="",
                        out_dir=""))
"""


def best(command, times=5):
    """Shortest of several runs, in seconds."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found.append(time.perf_counter() - began)
    return min(found)


if __name__ == "__main__":
    print(f"help {best(HELP):.2f}")
    print(f"seconds {best([sys.executable, '-c', CELL]):.2f}")
