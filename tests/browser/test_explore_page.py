"""Notebook 00 as a Voila page in Chromium: quick, operable by keyboard, nothing axe can find."""

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
import sufficiency  # noqa: F401  which says where kernels are kept, for the server too

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
COUNCIL, DRAWS, MOVES = "rutland", 1000, 20
READY = 120_000
# Voila's own page has no landmarks round its cells
KNOWN = {"region"}
# Key press to the next change of the words beside the picture, in milliseconds
TIMED = """(selector) => new Promise((done) => {
  const said = document.querySelector('.explore .said');
  let began = 0;
  const watch = new MutationObserver(() => {
    watch.disconnect();
    done(performance.now() - began);
  });
  watch.observe(said, { childList: true, subtree: true, characterData: true });
  const input = document.querySelector(selector);
  input.focus();
  window.addEventListener('keydown', () => { began = performance.now(); },
                          { once: true, capture: true });
})"""


@pytest.fixture(scope="module")
def folder(root, tmp_path_factory):
    """A project of its own with the committed notebook, at Rutland's case."""
    made = tmp_path_factory.mktemp("voila")
    shutil.copytree(root / "params", made / "params")
    shutil.copytree(root / "notebooks", made / "notebooks")
    shutil.copy(root / "requirements.lock", made)
    case = made / "params" / "councils" / f"{COUNCIL}.yaml"
    # A paper of one notebook: in so few worlds the audit would take one figure for another
    said = re.sub(r"(  notebooks: )\[.*?\]", r"\1[01_placement_costs]", case.read_text("utf-8"))
    said = re.sub(r"^(appraisal|paper|happened|contracts|scenarios):.*?(?=^\w|\Z)", "", said,
                  flags=re.M | re.S)
    case.write_text(said, encoding="utf-8")
    path = made / "notebooks" / "00_explore.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        source = cell.source.replace('case = "devon"', f'case = "{COUNCIL}"')
        cell.source = source.replace("explore(study)", "explore(study, annex_draws=20)")
    nbformat.write(notebook, path)
    return made


@pytest.fixture(scope="module")
def server(folder):
    """Address of a Voila server of its own."""
    pytest.importorskip("voila", reason="needs voila")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    library = str(Path(__file__).resolve().parents[2] / "lib")
    ours = {**os.environ, "HOME": str(folder), "JUPYTER_PLATFORM_DIRS": "1",
            "SUFFICIENCY_ROOT": str(folder),
            "PYTHONPATH": os.pathsep.join(filter(None, (library, os.environ.get("PYTHONPATH"))))}
    command = [sys.executable, "-m", "voila", "--no-browser", f"--port={port}",
               "--Voila.ip=127.0.0.1", str(folder / "notebooks" / "00_explore.ipynb")]
    with open(folder / "voila.log", "wb") as log:
        process = subprocess.Popen(command, env=ours, stdout=log, stderr=log, cwd=folder)
    try:
        _wait(f"http://127.0.0.1:{port}/voila/static/", process, folder / "voila.log")
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


@pytest.fixture(scope="module")
def page(request):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.skip("needs a system Chromium; none is installed")
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    server = request.getfixturevalue("server")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(server, timeout=READY)
        page.wait_for_selector(".explore .said p", timeout=READY)
        yield page
        browser.close()


def status(page):
    return page.inner_text(".explore p[role=status]")


def until(page, text, most=30):
    """Wait for the status to say a text."""
    end = time.monotonic() + most
    while text not in status(page):
        assert time.monotonic() < end, f"waited for {text!r}; the page says {status(page)!r}"
        page.wait_for_timeout(100)


def press(page, number, key):
    """Press a key on a slider; milliseconds until the words have changed."""
    selector = f".explore .sliders label:nth-of-type({number}) input"
    # Not handed back: to wait for it now would be to wait before the key
    page.evaluate(f"() => {{ window.timed = ({TIMED})({selector!r}); }}")
    page.keyboard.press(key)
    return page.evaluate("window.timed")


def test_sliders_answer_the_arrow_keys_and_how_fast(page, capsys):
    count = page.locator(".explore .sliders input").count()
    assert count >= 5
    page.wait_for_timeout(500)
    times = [press(page, 1 + move % count, "ArrowRight" if move < MOVES / 2 else "ArrowLeft")
             for move in range(MOVES)]
    middle = statistics.median(times)
    with capsys.disabled():
        print(f"\nslider to words, {DRAWS} worlds: median {middle:.0f} ms, most {max(times):.0f} "
              f"ms\nseconds {middle / 1000:.3f}")
    # The figure to meet is 0.2 s on a quiet machine; no test fails on a clock that others share
    assert len(times) == MOVES
    page.click("text=Reset the sliders")
    until(page, "the case as it stands")


def test_alt_text_words_and_status_follow_a_slider_and_reset_brings_them_back(page):
    image = page.locator(".explore img")
    before = image.get_attribute("alt"), image.get_attribute("src"), page.inner_text(".said")
    slider = page.locator(".explore .sliders input").first
    at = slider.get_attribute("aria-valuetext")
    assert "as in the case" in at
    press(page, 1, "End")
    until(page, "1 slider moved")
    after = image.get_attribute("alt"), image.get_attribute("src"), page.inner_text(".said")
    assert not [pair for pair in zip(before, after, strict=True) if pair[0] == pair[1]]
    assert slider.get_attribute("aria-valuetext") != at
    assert slider.get_attribute("aria-valuetext") == page.locator(
        ".explore .sliders output").first.inner_text()
    page.click("text=Reset the sliders")
    until(page, "the case as it stands")
    assert (image.get_attribute("alt"), image.get_attribute("src"),
            page.inner_text(".said")) == before
    assert slider.get_attribute("aria-valuetext") == at


@pytest.mark.parametrize("width", [1280, 400])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(page, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe")
    page.set_viewport_size({"width": width, "height": 1000})
    page.wait_for_timeout(700)
    if folder := os.environ.get("SUFFICIENCY_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/explore_{width}.png", full_page=True)
    found = axe.Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})
    wrong = {one["id"]: [node["html"] for node in one["nodes"]] for one in
             found.response["violations"] if one["id"] not in KNOWN}
    assert not wrong, wrong
    wide = page.evaluate("document.querySelector('.explore').scrollWidth")
    assert wide <= width
    page.set_viewport_size({"width": 1280, "height": 1000})


def test_every_control_is_reached_by_tab_and_shows_its_focus(page):
    page.locator(".explore select").first.focus()
    reached, count = [], page.locator(".explore :is(select, input, button)").count()
    for _ in range(count):
        reached.append(page.evaluate("""() => {
          const one = document.activeElement;
          return [one.tagName, getComputedStyle(one).outlineStyle,
                  one.tagName == 'BUTTON' ? one.textContent : one.labels[0]?.textContent || ''];
        }"""))
        page.keyboard.press("Tab")
    assert all(style != "none" and said.strip() for _, style, said in reached), reached
    assert [tag for tag, *_ in reached].count("BUTTON") == 3


def test_a_saved_scenario_runs_and_a_name_taken_is_said(page, folder):
    press(page, 1, "End")
    page.fill(".explore input[type=text]", "From The Page")
    page.click("text=Save as scenario")
    until(page, "Not done: name of the scenario: found 'From The Page'")
    page.fill(".explore input[type=text]", "from_page")
    page.click("text=Save as scenario")
    until(page, f"sufficiency annex {COUNCIL}_from_page --scenario from_page")
    page.click("text=Save as scenario")
    until(page, "which is there already; allowed another name")
    made = folder / "params" / "councils" / f"{COUNCIL}_from_page.yaml"
    assert made.is_file()
    for command in (["check", made.stem],
                    ["annex", made.stem, "--scenario", "from_page", "--draws", "40",
                     "--formats", "html"]):
        done = subprocess.run([sys.executable, "-m", "sufficiency", *command], cwd=folder,
                              capture_output=True, text=True, timeout=300,
                              env={**os.environ, "SUFFICIENCY_ROOT": str(folder)})
        assert done.returncode == 0, done.stderr
    assert (Path(done.stdout.strip().splitlines()[-1]) / "public" / "annex.html").is_file()


def test_the_page_fetches_nothing_from_elsewhere(page, server):
    # Voila's own page asks for icons, which it does without where there is no network
    icons = "https://cdn.jsdelivr.net/npm/@fortawesome/"
    ours = (server, server.replace("http", "ws"), "data:", "blob:", icons)
    assert [url for url in page.asked if not url.startswith(ours)] == []
