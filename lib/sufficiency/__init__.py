"""Sufficiency: what children's placements will cost, and how sure we can be."""

import hashlib
import os
import sys
from pathlib import Path

__version__ = "0.1.0"


def user_cache():
    """Folder for this user's re-makeable files: Apple, Windows and XDG conventions."""
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
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


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
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"{folder} cannot be written to")
    except (OSError, RuntimeError):
        import tempfile
        folder = Path(tempfile.mkdtemp(prefix="sufficiency-"))
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = str(folder)


set_kernel_cache()
