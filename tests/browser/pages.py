"""Pages in Chromium, and the servers that the live ones come from."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
import sufficiency  # noqa: F401  which says where kernels are kept, for the server too

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LIBRARY = str(Path(__file__).resolve().parents[2] / "lib")


def opened(browser):
    """A new page that lists what it asks for in `asked`, and what was kept from going out."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.asked, page.kept_in = [], set()
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("requestfailed", lambda request: request.failure == "csp"
            and page.kept_in.add(request.url))
    return page


def faults(page, width, context=None, known=()):
    """What axe finds wrong with a page, or with a part of it, at a width: {rule: elements}."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe")
    page.set_viewport_size({"width": width, "height": 1000})
    options = {"runOnly": {"type": "tag", "values": RULES}}
    found = axe.Axe().run(page, context=context, options=options).response["violations"]
    return {one["id"]: [node["html"] for node in one["nodes"]]
            for one in found if one["id"] not in known}


@contextmanager
def served(module, folder, *options):
    """Address of a server (`python -m module`) in a folder, once it answers."""
    pytest.importorskip(module, reason=f"needs {module}")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    ours = {**os.environ, "HOME": str(folder), "JUPYTER_PLATFORM_DIRS": "1",
            "SUFFICIENCY_ROOT": str(folder),
            "PYTHONPATH": os.pathsep.join(filter(None, (LIBRARY, os.environ.get("PYTHONPATH"))))}
    log = folder / f"{module}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--no-browser", f"--port={port}", *options],
            env=ours, stdout=out, stderr=out, cwd=folder)
    try:
        _wait(f"http://127.0.0.1:{port}/static/", process, log)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(20)


def _wait(address, process, log, most=60):
    end = time.monotonic() + most
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            urllib.request.urlopen(address, timeout=2)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(log.read_text(errors="replace")[-2000:])
