"""Sets the project up once, then runs it: `python3 run.py annex devon`, `python3 run.py test`.

Standard library only. Makes .venv from the hashed requirements.lock when it is missing or out of
date, then hands the arguments to `python -m sufficiency` in it and its exit code back. `test` runs
pytest over tests/ and compares every notebook with its committed outputs.
"""

import hashlib
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / ".made-from"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCK = ROOT / "requirements.lock"
PROJECT = ROOT / "pyproject.toml"
# Packages' own tests are a third of their modules and are never imported here.
NOT_COMPILED = r"[\\/]tests[\\/]"


def main(arguments):
    if sys.version_info < (3, 11):
        found = ".".join(str(part) for part in sys.version_info[:3])
        return complain(f"Python 3.11 or later is needed; this is {found} ({sys.executable})")
    try:
        if stamp_found() != stamp_wanted():
            with locked(ROOT / ".venv.lock"):
                prepare()
        return subprocess.run([PYTHON, *command(arguments)], env=environment()).returncode
    except subprocess.CalledProcessError as error:
        step = " ".join(str(part) for part in error.cmd[1:5])
        return complain(f"set-up stopped at: python {step} ...; nothing is lost, run it again")
    except OSError as error:
        return complain(f"{error.filename or 'set-up'}: {error.strerror or error}")
    except KeyboardInterrupt:
        return 130


def complain(message):
    print(f"error: {message}", file=sys.stderr)
    return 1


def command(arguments):
    if arguments[:1] != ["test"]:
        return ["-m", "sufficiency", *arguments]
    chosen = arguments[1:]
    if not any(Path(name.split("::")[0]).exists() for name in chosen):
        # A file at a time to each worker: tests of a file share what they make
        workers = ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "loadfile"]
        chosen = [*workers, *chosen, str(ROOT / "tests"), str(ROOT / "notebooks")]
    return ["-m", "pytest", "--nbval", "--nbval-current-env", *chosen]


def environment():
    """Ours, with UTF-8 everywhere and compiled modules kept, without which all is twice as slow."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {"PYTHONUTF8": "1", **kept}


def stamp_wanted():
    """Two lines: what .venv's packages follow from, and what our own installation follows from."""
    packages = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    own = hashlib.sha256(PROJECT.read_bytes() + str(ROOT).encode()).hexdigest()
    return [packages, own]


def stamp_found():
    try:
        return STAMP.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []


def prepare():
    """Make or mend .venv; the stamp goes first and comes back last, so a killed set-up is seen."""
    found, wanted = stamp_found(), stamp_wanted()
    if found == wanted:
        return
    STAMP.unlink(missing_ok=True)
    if found[:1] != wanted[:1]:
        began = time.monotonic()
        print("setting up .venv (once, about a minute) ...", file=sys.stderr, flush=True)
        install()
        print(f"set up in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    pip("--no-deps", "--no-build-isolation", "-e", str(ROOT))
    warm = [PYTHON, "-c", "from sufficiency.run.study import warm; warm()"]
    subprocess.run(warm, env=environment(), cwd=ROOT, capture_output=True)
    STAMP.write_text("\n".join(wanted), encoding="ascii")


def install():
    """The locked packages, each checked by hash, and compiled on every core rather than by pip."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    pip("--no-deps", "--no-compile", "--require-hashes", "-r", str(LOCK))
    where = [PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip()
    step = [PYTHON, "-m", "compileall", "-qq", "-j", "0", "-x", NOT_COMPILED, "."]
    subprocess.run(step, cwd=packages, env=environment())


def pip(*arguments):
    step = [PYTHON, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *arguments]
    subprocess.run(step, check=True, env=environment())


@contextmanager
def locked(path):
    """One set-up at a time; the operating system lets go of the lock even after a kill."""
    with open(path, "a+b") as handle:
        if os.name == "nt":
            import msvcrt

            handle.seek(0)
            while True:
                try:
                    msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:
                    continue
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
