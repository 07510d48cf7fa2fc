"""Seconds of a warm annex: Devon, 10,000 draws, every format, nothing reused but compiled code."""

import subprocess
import sys
import tempfile
import time

COMMAND = [sys.executable, "-m", "sufficiency", "annex", "devon"]


def annex(*more):
    """Seconds of one annex into a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run([*COMMAND, "--out", folder, *more], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began


if __name__ == "__main__":
    annex("--draws", "50")
    print(f"seconds {annex():.1f}")
