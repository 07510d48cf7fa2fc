"""The HTML annex in Chromium: no accessibility fault that axe can find, nothing fetched."""

import shutil

import pytest
from example_notebook import FRONT, write
from sufficiency.report import document

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.skip("needs a system Chromium; none is installed")
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    folder = tmp_path_factory.mktemp("page")
    made = document.export(document.pieces(write(folder / "01.ipynb")), FRONT, folder, ["html"])
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page()
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(made["html"].as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        yield page
        browser.close()


@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing(page, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe")
    page.set_viewport_size({"width": width, "height": 900})
    options = {"runOnly": {"type": "tag", "values": RULES}}
    found = axe.Axe().run(page, options=options)
    assert found.violations_count == 0, found.generate_report()


def test_the_page_never_scrolls_sideways_and_fetches_nothing(page):
    page.set_viewport_size({"width": 360, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []


def test_the_first_tab_stop_skips_to_the_answer(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
