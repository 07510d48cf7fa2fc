"""Notebook 00 in Chromium, as a Voila page and in JupyterLab: quick, by keyboard, axe clean."""

import os
import re
import shutil
import statistics
import time

import nbformat
import pytest
from pages import faults, opened, served

COUNCIL, DRAWS, MOVES = "rutland", 1000, 20
READY = 120_000
# Voila's own page has no landmarks round its cells
KNOWN = {"region"}
# Key press until both the words and the picture beside them have changed, in milliseconds
TIMED = """(selector) => new Promise((done, fail) => {
  setTimeout(() => fail(new Error(`no answer to a key on ${selector}`)), 30000);
  const [said, picture] = ['said', 'picture'].map(
    (name) => document.querySelector(`.explore .${name}`));
  let began = 0;
  const changed = new Set();
  const watch = new MutationObserver(async (records) => {
    for (const { target } of records) changed.add(target === picture);
    if (changed.size < 2) return;
    watch.disconnect();
    await picture.decode();
    done(performance.now() - began);
  });
  watch.observe(said, { childList: true });
  watch.observe(picture, { attributeFilter: ['src'] });
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
    for name in ("requirements.lock", "voila.json"):
        shutil.copy(root / name, made)
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
        cell.source = source.replace("explore(study)", "explore(study, annex_draws=40)")
    nbformat.write(notebook, path)
    return made


@pytest.fixture(scope="module")
def page(browser, folder):
    notebook = str(folder / "notebooks" / "00_explore.ipynb")
    with served("voila", folder, "--Voila.ip=127.0.0.1", notebook) as server:
        page = opened(browser)
        page.goto(server, timeout=READY)
        page.wait_for_selector(".explore .said p", timeout=READY)
        yield page
        page.close()


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
        print(f"\nslider to words and picture, {DRAWS} worlds: median {middle:.0f} ms, most "
              f"{max(times):.0f} ms\nseconds {middle / 1000:.3f}")
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


def test_keys_faster_than_answers_end_where_the_slider_does(page):
    page.locator(".explore .sliders input").first.focus()
    for key in ("ArrowRight", "ArrowLeft") * 4:
        page.keyboard.press(key)
    page.keyboard.press("ArrowRight")
    until(page, "1 slider moved")
    page.keyboard.press("ArrowLeft")
    until(page, "the case as it stands")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.click("text=Reset the sliders")
    until(page, "the case as it stands")
    page.wait_for_timeout(500)
    assert "the case as it stands" in status(page)


@pytest.mark.parametrize(("width", "across"), [(1280, 880), (400, 440)])
def test_axe_finds_nothing_nothing_scrolls_sideways_and_the_picture_fits(page, width, across):
    assert faults(page, width, known=KNOWN) == {}
    if folder := os.environ.get("SUFFICIENCY_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/explore_{width}.png", full_page=True)
    wide = page.evaluate("document.querySelector('.explore').scrollWidth")
    assert wide <= width
    # One column of charts on a narrow page, so that their words stay large enough to read
    shown = page.evaluate("""() => {
      const picture = document.querySelector('.explore .picture');
      return [picture.naturalWidth, picture.clientWidth / picture.naturalWidth];
    }""")
    assert shown[0] == across
    assert shown[1] > 0.75
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


def test_a_saved_scenario_opens_and_its_annex_is_made(page, folder):
    press(page, 1, "End")
    page.fill(".explore input[type=text]", "From The Page")
    page.click("text=Save as scenario")
    until(page, "Not done: name of the scenario: found 'From The Page'")
    page.fill(".explore input[type=text]", "from_page")
    page.click("text=Save as scenario")
    until(page, f"sufficiency annex {COUNCIL}_from_page --scenario from_page")
    page.click("text=Save as scenario")
    until(page, "which is there already; allowed another name")
    made = f"{COUNCIL}_from_page"
    assert (folder / "params" / "councils" / f"{made}.yaml").is_file()
    council, scenario = (page.locator(".explore select").nth(at) for at in (0, 1))
    council.select_option(made)
    page.wait_for_function("document.querySelectorAll('.explore select')[1].options.length == 2")
    until(page, "the case as it stands")
    scenario.select_option("from_page")
    until(page, "Working it out")
    until(page, "the case as it stands")
    assert (council.input_value(), scenario.input_value()) == (made, "from_page")
    page.click("text=Make the annex")
    until(page, "Making the annex")
    until(page, "The annex is made", 300)
    where = folder / status(page).partition(": ")[2]
    assert where.parent == folder / "outputs" / made
    assert (where / "public" / "annex.html").is_file()
    assert (where / "exempt" / "annex.pdf").is_file()


def test_the_page_fetches_nothing_from_elsewhere(page):
    """Voila's own page names a public address for its icons: the browser is told not to ask."""
    assert from_elsewhere(page) <= page.kept_in


def from_elsewhere(page):
    home = page.url.split("/")[2]
    ours = (f"http://{home}/", f"ws://{home}/", "data:", "blob:")
    return {url for url in page.asked if not url.startswith(ours)}


def test_the_notebook_runs_in_jupyterlab_and_a_key_moves_words_and_alt_text(browser, folder):
    options = ("--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=", "--allow-root")
    with served("jupyterlab", folder, *options) as server:
        page = opened(browser)
        page.goto(f"{server}lab/tree/notebooks/00_explore.ipynb?reset", timeout=READY)
        idle = page.get_by_text("Python 3 (ipykernel) | Idle")
        idle.wait_for(timeout=READY)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_selector(".explore .said p", timeout=READY)
        idle.wait_for(timeout=READY)
        page.wait_for_timeout(500)  # The last cell run takes the focus
        image, said = page.locator(".explore img"), page.locator(".explore .said")
        before = image.get_attribute("alt"), said.inner_text()
        assert "the case as it stands" in before[1]
        press(page, 1, "ArrowUp")
        after = image.get_attribute("alt"), said.inner_text()
        assert "1 slider moved" in after[1]
        assert not [pair for pair in zip(before, after, strict=True) if pair[0] == pair[1]]
        assert faults(page, 1280, ".explore") == {}
        assert from_elsewhere(page) == set()
        page.close()
