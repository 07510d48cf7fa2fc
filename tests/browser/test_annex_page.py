"""The HTML annex in Chromium: no accessibility fault that axe can find, nothing fetched."""

import pytest
from example_notebook import FRONT, write
from pages import faults, opened
from sufficiency.report import document


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    made = document.export(document.pieces(write(folder / "01.ipynb")), FRONT, folder, ["html"])
    page = opened(browser)
    page.goto(made["html"].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    yield page
    page.close()


@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing(page, width):
    assert faults(page, width) == {}


def test_the_page_never_scrolls_sideways_and_fetches_nothing(page):
    page.set_viewport_size({"width": 360, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []


def test_the_first_tab_stop_skips_to_the_answer(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
