"""Files that are whole or absent: text, the draws that a run's notebooks share, locks."""

import errno
import json
import os
import tempfile
import time
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

if os.name == "nt":
    import msvcrt
else:
    import fcntl


@contextmanager
def lock(path: Path, wait: bool = True):
    """Hold an operating-system lock, let go of even by a kill; yields whether it is held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b") as handle:
        held = _take(handle)
        while wait and not held:
            time.sleep(0.1)
            held = _take(handle)
        yield held


def _take(handle) -> bool:
    try:
        if os.name == "nt":
            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 with unix line ends, aside and then swapped in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def keep(folder: Path | None, name: str, compute):
    """The dataset of that name: from folder if it is there, else computed and, given one, kept.

    Kept arrays come back memory-mapped, read only, so that notebooks share one copy in memory. Of
    two processes that ask at once the second waits for the first.
    """
    if folder is None:
        return compute()
    with lock(folder / f".{name}.lock"):
        if not (folder / name).is_dir():
            dataset = compute()
            with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=folder) as aside:
                _save(Path(aside) / name, dataset)
                os.rename(Path(aside) / name, folder / name)
    return _load(folder / name)


def framed(compute):
    """A cached property that gives a frame, kept with the run of `self.study` as `keep` does."""
    def found(self):
        folder = self.study.folder
        if folder is None:
            return compute(self)
        name = f"{type(self).__name__.lower()}_{compute.__name__}"
        with lock(folder / f".{name}.lock"):
            path = folder / f"{name}.json"
            if not path.is_file():
                frame = compute(self)
                said = {"index": list(frame.index), "columns": list(frame), "data": frame.values
                        .tolist(), "types": [str(kind) for kind in frame.dtypes]}
                write_text(path, json.dumps(said))
            said = json.loads(path.read_text(encoding="utf-8"))
        frame = pd.DataFrame(said["data"], said["index"], said["columns"], dtype=object)
        return frame.astype(dict(zip(said["columns"], said["types"], strict=True)))

    found.__doc__ = compute.__doc__
    return cached_property(found)


def _save(folder: Path, dataset) -> None:
    folder.mkdir()
    about = dataset.to_dict(data=False)
    for name, index in dataset.coords.items():
        about["coords"][name]["data"] = index.values.tolist()
    write_text(folder / "about.json", json.dumps(about, sort_keys=True, default=str))
    for name, array in dataset.data_vars.items():
        try:
            np.save(folder / f"{name}.npy", np.ascontiguousarray(array.values))
        except OSError as error:
            # numpy reports a short write without an error number.
            code = error.errno or errno.ENOSPC
            raise OSError(code, os.strerror(code), str(folder / f"{name}.npy")) from error


def _load(folder: Path):
    import xarray as xr

    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    coords = {name: (c["dims"], c["data"], c["attrs"]) for name, c in about["coords"].items()}
    arrays = {
        name: (v["dims"], np.load(folder / f"{name}.npy", mmap_mode="r"), v["attrs"])
        for name, v in about["data_vars"].items()
    }
    return xr.Dataset(arrays, coords, about["attrs"])
