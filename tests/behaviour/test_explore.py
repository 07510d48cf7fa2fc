"""The explorer without a browser: figures that are the case's own, sliders, saving, messages."""

import shutil
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import yaml
from sufficiency.case import load_case
from sufficiency.case.quantity import Assumption
from sufficiency.model.streams import Worlds
from sufficiency.report import explore as page
from sufficiency.run.explore import Explorer
from sufficiency.run.panel import MOST, Control
from sufficiency.run.parameters import ParameterError, Parameters
from sufficiency.run.sliders import slider
from sufficiency.run.study import Study

DRAWS = 60
RANGED = {"unit": "share/year", "quality": "judgement", "known": "2024-01", "source": "a view"}


@pytest.fixture(scope="module")
def folder(root, tmp_path_factory):
    """A project with cases of its own, so that a saved scenario lands there."""
    made = tmp_path_factory.mktemp("explored")
    shutil.copytree(root / "params", made / "params")
    (made / "notebooks").mkdir()
    return made


@pytest.fixture(scope="module")
def devon(root):
    study = Study(Parameters("devon", draws=DRAWS))
    found = Explorer(study)
    found.has_market = False  # its own test has a smaller one
    return found


@pytest.fixture(scope="module")
def control(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SUFFICIENCY_ROOT", str(folder))
        yield Control(Study(Parameters("nottinghamshire", draws=DRAWS)), annex_draws=20)


def farthest(found, *homes):
    return {key: one.high for key, one in found.sliders.items() if key.startswith(homes)}


def test_unmoved_sliders_give_the_studys_own_figures_to_the_penny(devon):
    found, valve = devon.respond({}), devon.study.safety_valve
    assert (found.deficit["mean"].values == valve.deficit().values.mean(0)).all()
    assert (found.spend["mean"].values == devon.study.high_needs().values.mean(0)).all()
    year = valve.balance_year
    balanced = float((valve.in_year().sel(financial_year=year) <= 0).mean())
    assert found.chances[f"In-year balance in {year}"] == balanced
    assert found.chances["Every limit of the agreement kept"] == valve.holds()


def test_a_slider_moved_and_set_back_leaves_nothing_behind(devon):
    before = devon.respond({})
    devon.respond(farthest(devon, "placements.", "costs."))
    after = devon.respond(dict.fromkeys(devon.sliders, 0))
    assert before.deficit.equals(after.deficit)
    assert before.spend.equals(after.spend)
    assert before.chances == after.chances


def test_prices_grants_and_savings_are_those_of_the_case_so_changed(devon):
    """To a hundredth of a penny in the pound: nothing but the order of sums differs."""
    moves = farthest(devon, "costs.uplift", "safety_valve.")
    assert len(moves) >= 3
    found = devon.respond(moves)
    study = devon.study
    again = Study(study.parameters, study.case.changed(devon.changes(moves)))
    # The same children, without their being simulated once more
    again.__dict__["simulated"] = study.simulated
    np.testing.assert_allclose(found.spend["mean"], again.high_needs().values.mean(0), rtol=1e-9)
    deficit = again.safety_valve.deficit().values
    np.testing.assert_allclose(found.deficit["mean"], deficit.mean(0), rtol=1e-9)
    np.testing.assert_allclose(found.deficit["p90"], np.quantile(deficit, 0.9, axis=0), rtol=1e-9)


def test_children_follow_the_engine_of_whole_children(devon):
    """The move of mean spend is that of a study simulated afresh, within 5 standard errors."""
    moves = farthest(devon, "placements.")
    assert moves
    found, before = devon.respond(moves).spend["mean"], devon.respond({}).spend["mean"]
    study = devon.study
    again = Study(study.parameters, study.case.changed(devon.changes(moves)))
    change = again.high_needs().values - study.high_needs().values
    error = change.std(0, ddof=1) / DRAWS**0.5
    gap = np.abs((found - before).values - change.mean(0))
    assert change.mean(0)[-1] > 10 * error[-1], "the moves move nothing"
    assert (gap <= 5 * error + 1).all(), (gap, error)


def test_measures_that_move_children_are_simulated_again():
    study = Study(Parameters("devon", "worked_measures", draws=20))
    found = Explorer(study)
    found.has_market = False
    found.sliders = {key: slider(key, study.case[key]) for key in ("costs.uplift.provider",)}
    valve = study.safety_valve
    assert (found.respond({}).deficit["mean"].values == valve.deficit().values.mean(0)).all()
    top = {"costs.uplift.provider": found.sliders["costs.uplift.provider"].high}
    again = Study(study.parameters, study.case.changed(found.changes(top)))
    change = (again.safety_valve.deficit() - valve.deficit()).values
    mine = found.respond(top).deficit["mean"] - valve.deficit().values.mean(0)
    # Dearer children in expected numbers against whole ones: within a tenth of the change
    np.testing.assert_allclose(mine, change.mean(0), rtol=0.1)


def test_a_slider_goes_in_even_steps_from_the_case_and_stays_in_its_bounds():
    made = Assumption(low=0.02, central=0.05, high=0.12, min=-0.05, max=0.4, **RANGED)
    one = slider("a.b", made)
    assert one.text(0) == "5.0% a year (as in the case)"
    assert one.changes(2) == {"a.b": pytest.approx(0.05 + 2 * one.step)}
    assert one.moved(2).certain
    assert one.moved(2).central_value() == one.changes(2)["a.b"]
    assert made.bounds[0] <= one.changes(one.low)["a.b"] < 0.02
    assert 0.12 < one.changes(one.high)["a.b"] <= made.bounds[1]
    # What its bounds cut off moves the middle a little
    assert one.score(0) == pytest.approx(0, abs=0.01)
    tight = slider("a.b", Assumption(low=0.9, central=0.95, high=0.98, **RANGED | {
        "unit": "share"}))
    assert 0 <= tight.changes(tight.low)["a.b"] < tight.changes(tight.high)["a.b"] <= 1


def test_dated_values_move_alike_and_certain_ones_stay():
    values = {"2023-24": 0.06, "2024-25": {"low": 0.02, "central": 0.04, "high": 0.06},
              "2025-26": {"low": 0.01, "central": 0.03, "high": 0.06}}
    one = slider("a.b", Assumption(values=values, carry="last", **RANGED))
    assert one.text(1).startswith("+")
    assert one.text(1).endswith("points a year")
    said = one.changes(4)
    assert [*said] == ["a.b.values.2024-25", "a.b.values.2025-26"]
    assert said["a.b.values.2024-25"] - 0.04 == pytest.approx(said["a.b.values.2025-26"] - 0.03)
    moved = one.moved(4)
    assert moved.central_value("2023-24") == 0.06
    assert moved.central_value("2030-31") == said["a.b.values.2025-26"]


def test_changed_worlds_keep_all_other_luck(devon):
    worlds, key = devon.study.worlds, "costs.uplift.provider"
    made = devon.case[key].model_copy(update={"values": None, "central": 0.01})
    changed = worlds.change({key: made})
    assert (changed[key] == 0.01).all()
    assert changed["placements.joiners.level"] is worlds["placements.joiners.level"]
    assert (changed.uniform(key) == worlds.uniform(key)).all()
    with pytest.raises(ValueError, match=r"'costs\.no' is not in the case"):
        Worlds({}, 1, 2).change({"costs.no": made})


def test_moves_outside_the_sliders_are_refused(devon):
    key, one = next(iter(devon.sliders.items()))
    with pytest.raises(ValueError, match=f"{key}: found {one.high + 1} steps; allowed"):
        devon.respond({key: one.high + 1})
    with pytest.raises(ValueError, match=r"sliders: found a\.b; allowed"):
        devon.respond({"a.b": 1})


def test_too_many_worlds_to_answer_at_once_are_refused():
    with pytest.raises(ParameterError, match=f"found {MOST + 1}; allowed: 1 to {MOST}"):
        Control(Study(Parameters("devon", draws=MOST + 1)))


def test_a_case_with_neither_account_nor_market_shows_what_it_has():
    explorer = Explorer(Study(Parameters("rutland", draws=20)))
    explorer.has_market = False
    found = explorer.respond({})
    assert found.deficit is None
    assert found.saving is None
    assert next(iter(found.chances)).startswith("Spending in ")
    said = page.words(found, found, explorer.names)
    assert "as in the case" in said[0]
    assert [line.split(":")[0] for line in said[-2:]] == ["Deficit", "What a framework saves"]
    assert all("not estimated; the case " in line for line in said[-2:])


def test_the_market_unmoved_is_the_studys_own_and_a_line_when_moved(control):
    explorer, market = control.explorer, control.study.market
    saving = market.saving(market.worlds)
    found = explorer.respond({}).saving
    assert found["mean"] == saving.mean()
    assert found["error"] == 0
    assert found["chance"] == (saving > 0).mean()
    key, one = next((k, s) for k, s in explorer.sliders.items() if k.startswith("market."))
    moved = explorer.respond({key: one.high}).saving
    other = explorer.respond({key: one.low}).saving
    assert moved["error"] > 0
    # A straight line: what it gains on one side it loses on the other, by how far each is
    slope = explorer._line[0][[*explorer.sliders].index(key)]
    rise = slope * (one.score(one.high) - one.score(one.low))
    assert moved["mean"] - other["mean"] == pytest.approx(rise)


def test_the_page_answers_a_move_and_a_reset(control):
    panel = control.panel
    first = dict(panel.answer)
    key = panel.sliders[0]["key"]
    panel.positions = {key: panel.sliders[0]["high"]}
    moved = dict(panel.answer)
    assert moved["heading"] == "Nottinghamshire: 1 slider moved"
    assert moved["pictures"] != first["pictures"]
    assert moved["alt"] != first["alt"]
    assert panel.status.startswith("Nottinghamshire: 1 slider moved.")
    assert moved["words"] == repr(panel)
    panel.asked = {"what": "reset", "n": 1}
    assert panel.answer == first


def test_every_move_is_answered_once_even_one_that_fails_or_changes_nothing(control, monkeypatch):
    panel, before = control.panel, dict(control.panel.answer)
    key, turn = panel.sliders[0]["key"], panel.turn
    panel.positions = {key: 0}
    assert (panel.turn, panel.answer) == (turn + 1, before)

    def refuse(moves):
        raise ValueError("rates: found too many leavers")

    monkeypatch.setattr(control.explorer, "respond", refuse)
    panel.positions = {key: 1}
    assert (panel.turn, panel.status) == (turn + 2, "Not done: rates: found too many leavers")
    monkeypatch.undo()
    panel.positions = {}
    assert (panel.turn, panel.answer) == (turn + 3, before)


def test_the_picture_is_plain_svg_that_shows_what_the_figures_say(control):
    key, names = control.panel.sliders[0]["key"], ("<i>A & B</i>", "spot")
    now, case = control.explorer.respond({key: 2}), control.case
    wide, narrow = (ElementTree.fromstring(one) for one in page.pictures(now, case, names))
    sizes = [[float(one.get(name)) for name in ("width", "height")] for one in (wide, narrow)]
    assert sizes[0][0] == 2 * sizes[1][0]
    assert sizes[0][1] < sizes[1][1]
    for picture in (wide, narrow):
        said = [one.text for one in picture.iter("{http://www.w3.org/2000/svg}text")]
        assert "Saving a year: <i>A & B</i>" in said
        assert f"now: {page.money(now.saving['mean'], now.saving['noise'])}" in said
        for text, share in now.chances.items():
            assert f"{text}: {page.percent(share, 0)}" in said


def test_a_line_is_drawn_where_its_values_are():
    """Ticks 0, 50 and 100 lie evenly between the bottom and the top of the axes."""
    one = pd.DataFrame({"mean": [0.0, 5e7, 1e8], "p10": 0.0, "p90": 1e8},
                       index=["2024-25", "2025-26", "2026-27"])
    figures = page.Figures(spend=one)
    picture = ElementTree.fromstring(page.pictures(figures, figures, ("", ""))[1])
    lines = [one.get("points") for one in picture.iter("{http://www.w3.org/2000/svg}polyline")
             if one.get("stroke") == page.BLACK]
    middle = (page.LEFT + page.RIGHT) / 2, (page.TOP + page.BOTTOM) / 2
    assert any(f" {middle[0]:.1f},{middle[1]:.1f} " in line for line in lines), lines


def test_every_place_of_every_slider_has_its_text(control):
    for one in control.panel.sliders:
        assert one["label"]
        assert len(one["texts"]) == one["high"] - one["low"] + 1
        assert len(set(one["texts"])) == len(one["texts"]), one


def test_sliders_saved_as_a_scenario_load_and_say_the_same(control, folder):
    panel, explorer = control.panel, control.explorer
    moves = {one["key"]: one["high"] for one in panel.sliders}
    panel.positions = moves
    path = control.save("all_high")
    assert path == folder / "params" / "councils" / "nottinghamshire_all_high.yaml"
    case = load_case("nottinghamshire_all_high", "all_high", root=folder)
    for key, steps in moves.items():
        made = explorer.sliders[key].moved(steps)
        assert case[key].certain
        assert case[key].central_value(*when(made)) == made.central_value(*when(made))
    assert "sufficiency annex nottinghamshire_all_high --scenario all_high" in panel.status
    assert "nottinghamshire_all_high" in panel.councils
    said = yaml.safe_load(path.read_text("utf-8"))
    assert said["extends"] == "nottinghamshire"
    assert not [*path.parent.glob("nottinghamshire_all_high_*")], "what was checked is cleared away"
    done = subprocess.run([sys.executable, "-m", "sufficiency", "check", path.stem],
                          capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    panel.positions = {}


def when(made):
    return () if made.values is None else (sorted(made.values, key=str)[-1],)


@pytest.mark.parametrize(("name", "moved", "message"), [
    ("Dear Fees", 1, "found 'Dear Fees'; allowed small letters, digits and _"),
    ("../up", 1, "found '../up'; allowed small letters"),
    ("", 1, "found ''; allowed small letters"),
    ("as_it_turned_out", 1, "found 'as_it_turned_out', which is there already"),
    ("plain", 0, "sliders: found none moved; allowed one or more"),
])  # fmt: skip
def test_what_cannot_be_saved_is_said_on_the_page_and_nothing_written(control, folder, name, moved,
                                                                     message):
    panel, have = control.panel, {*(folder / "params" / "councils").iterdir()}
    panel.positions = {panel.sliders[0]["key"]: moved} if moved else {}
    panel.asked = {"what": "save", "name": name, "n": 100 + len(name) + moved}
    assert panel.status.startswith("Not done: ")
    assert message in panel.status
    assert {*(folder / "params" / "councils").iterdir()} == have
    panel.positions = {}


def test_a_council_that_cannot_be_opened_leaves_the_page_as_it_was(control):
    panel, before = control.panel, dict(control.panel.answer)
    panel.asked = {"what": "council", "name": "nowhere", "n": 900}
    assert "Not done: case: found 'nowhere'" in panel.status
    assert (panel.council, panel.busy) == ("nottinghamshire", False)
    assert panel.answer == before


def test_an_annex_that_fails_is_said_in_words(control):
    """The project here has no notebooks."""
    control.panel.asked = {"what": "annex", "n": 950}
    control.panel.asked = {"what": "annex", "n": 951}
    assert control.panel.status.startswith("Not done: annex: found one being made; allowed one")
    control.job.join(60)
    assert control.panel.status.startswith("The annex was not made: ")
    assert "notebooks" in control.panel.status
    assert "Traceback" not in control.panel.status
    assert not (control.study.root / "outputs").exists()


def test_words_say_how_far_the_sliders_moved_the_figures():
    case = page.Figures(saving={"mean": 1e5, "p10": -1e5, "p90": 3e5, "error": 0, "noise": 2e3,
                                "chance": 0.6},
                        chances={"Saves: A list": 0.6})
    now = page.Figures(saving={"mean": 3e5, "p10": 1e5, "p90": 5e5, "error": 1e4, "noise": 2e3,
                               "chance": 0.9},
                       chances={"Saves: A list": 0.9})
    said, *lacking = page.words(now, case, ("A list", "spot"))
    assert len(lacking) == 2
    guessed = page.Figures(saving={**now.saving, "guesses": 3}, chances=now.chances)
    assert "does not decide about it: 3 illustrative" in page.words(guessed, case, ("A", "b"))[1]
    assert said == ("A list against spot, saved a year: £300,000 (£100,000 to £500,000 in 8 "
                    "chances of 10), £200,000 more than in the case; it saves in 9 in 10 (in the "
                    "case 6 in 10).")
    assert page.alt(now, case, ("A list", "spot"), [said]).endswith(said)


@pytest.mark.parametrize(("value", "unit", "shift", "text"), [
    (0.08, "share/year", False, "8.0% a year"), (0.01, "share/year", True, "+1.0 points a year"),
    (-0.01, "share", True, "−1.0 points"), (1.05, "ratio", False, "1.05"),
    (64000.0, "GBP/place/year", False, "£64,000 a place/year"),
    (240.0, "plans", False, "240.0 plans"),
])  # fmt: skip
def test_values_are_said_in_percent_and_pounds(value, unit, shift, text):
    assert page.position(value, unit, shift) == text
