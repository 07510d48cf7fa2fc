"""Files that are whole or absent: draws kept for every notebook of a run, writes, locks."""

import errno
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

if os.name == "nt":
    import msvcrt
else:
    import fcntl


@contextmanager
def lock(path: Path, wait: bool = True):
    """Hold an operating-system lock on path, freed even by a kill; yields whether it is held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b") as handle:
        held = _take(handle, wait)
        try:
            yield held
        finally:
            if held and os.name == "nt":
                handle.seek(0)
                msvcrt.locking(handle.fileno(), msvcrt.LK_UNLCK, 1)


def _take(handle, wait: bool) -> bool:
    while True:
        try:
            if os.name == "nt":
                handle.seek(0)
                msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return True
        except OSError as error:
            # Windows gives up a wait after ten seconds; anything else is a real refusal.
            if wait and error.errno not in (errno.EDEADLK, errno.EACCES):
                raise
            if not wait:
                return False


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 with unix line ends, aside and then swapped in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(aside, 0o644)
        os.replace(aside, path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def keep(folder: Path | None, name: str, compute):
    """The dataset of that name: from folder if it is there, else computed and, given one, kept.

    Kept arrays come back memory-mapped, read only, so that notebooks share one copy in memory.
    Two processes may compute the same dataset at once: the first to finish is the one kept.
    """
    if folder is None:
        return compute()
    if not (folder / name).is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=folder))
        try:
            _save(aside, compute())
            _settle(aside, folder / name)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return _load(folder / name)


def _settle(aside: Path, target: Path) -> None:
    try:
        os.rename(aside, target)
    except OSError:
        if not target.is_dir():
            raise


def _save(folder: Path, dataset) -> None:
    about = dataset.to_dict(data=False)
    for name, index in dataset.coords.items():
        about["coords"][name]["data"] = index.values.tolist()
    for name, array in dataset.data_vars.items():
        try:
            np.save(folder / f"{name}.npy", np.ascontiguousarray(array.values))
        except OSError as error:
            # numpy reports a short write without an error number.
            code = error.errno or errno.ENOSPC
            raise OSError(code, os.strerror(code), str(folder / f"{name}.npy")) from error
    write_text(folder / "about.json", json.dumps(about, sort_keys=True, default=str))


def _load(folder: Path):
    import xarray as xr

    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    coords = {name: (c["dims"], c["data"], c["attrs"]) for name, c in about["coords"].items()}
    arrays = {
        name: (v["dims"], np.load(folder / f"{name}.npy", mmap_mode="r"), v["attrs"])
        for name, v in about["data_vars"].items()
    }
    return xr.Dataset(arrays, coords, about["attrs"])
