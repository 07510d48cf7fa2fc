"""Sufficiency: what children's placements will cost, and how sure we can be."""

import hashlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

__version__ = "0.1.0"
KEPT_CACHES = 20
KEPT_SECONDS = 30 * 86_400


def user_cache():
    """Folder for this user's re-makeable files: XDG, Apple and Windows conventions."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "sufficiency"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "sufficiency"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "sufficiency"


def source_hash(folder):
    """16 hex digits of the names and bytes of every .py file under a folder."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(folder.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def prune(base):
    """Remove compiled kernels of former sources: beyond 20 folders, those unused for 30 days."""
    folders = sorted(base.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in folders[KEPT_CACHES:]:
        if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def set_kernel_cache():
    """Point numba at a folder named by the library's sources, unless the user named one.

    numba looks only at a function's own file: a cached caller would not see an edited callee.
    """
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    try:
        base = user_cache() / "kernels"
        # A parent process on other sources may have handed down its own folder.
        if chosen and Path(chosen).parent != base:
            return
        folder = base / source_hash(Path(__file__).parent)
        fresh = not folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise OSError(f"{folder} cannot be written to")
        if fresh:
            prune(base)
    except (OSError, RuntimeError):
        folder = Path(tempfile.mkdtemp(prefix="sufficiency-"))
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = str(folder)


set_kernel_cache()
