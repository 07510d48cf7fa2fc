"""The parameters that ship: complete, sourced, loadable on any date, and their schema current."""

import re

import pytest
from sufficiency.case import find_root, load_case
from sufficiency.case.schema import schema_text

ROOT = find_root()
# Years after a case's date that a text of it may name, and why.
AHEAD = {
    "placements.growth.": "fits of the project on years after, as their note says",
    "placements.joiners.level": "fitted with placements.growth.spread",
    "safety_valve.override.ends": "the law of the day names the years to come",
    "costs.inflation.general": "a forecast of the day for the years to come",
    "nottinghamshire market.lots.inmss.existing": "carried to the start of the model, April 2023",
    "nottinghamshire costs.beside.": "says that no figure from before 2025 was found",
}
COUNCILS = sorted(path.stem for path in (ROOT / "params" / "councils").glob("*.yaml"))


def test_the_schema_is_what_the_models_say():
    text = (ROOT / "params" / "schema.json").read_text(encoding="utf-8")
    assert text == schema_text(), "write schema_text() to params/schema.json"


@pytest.mark.parametrize("name", COUNCILS)
def test_every_assumption_says_unit_source_date_and_quality(name):
    for key, made in load_case(name).assumptions.items():
        assert made.unit, key
        for entry in (made.values or {"": made}).values():
            assert re.fullmatch(r"\d{4}-\d{2}", entry.known or made.known), key
            assert entry.quality or made.quality, key
            assert entry.source or made.source or entry.note or made.note, key
        if key.startswith("costs.") and made.unit.startswith("GBP"):
            assert made.funded_by, key


@pytest.mark.parametrize("name", COUNCILS)
def test_nothing_shipped_names_a_machine_or_an_address(name):
    text = (ROOT / "params" / "councils" / f"{name}.yaml").read_text(encoding="utf-8")
    assert not re.search(r"/home/|/Users/|/tmp/|C:\\", text)


@pytest.mark.parametrize("name", COUNCILS)
def test_every_case_and_scenario_loads_and_can_be_dated_back(name):
    case = load_case(name)
    plain = case.resolved
    for scenario in case._tree.data.get("scenarios") or {}:
        assert load_case(name, scenario=scenario).resolved != plain
    for month in ("2016-01", "2020-06", "2024-12"):
        log = case.as_known(month).log()
        assert (log["known"].dropna() <= month).all()


@pytest.mark.parametrize("name", COUNCILS)
def test_no_assumption_in_use_rests_on_what_came_later(name):
    case = load_case(name)
    last, ahead, found = int((case.known_by or "9999")[:4]), set(), set()
    for key, made in case.assumptions.items():
        for entry in (made, *(made.values or {}).values()):
            years = re.findall(r"\b(?:19|20)\d\d\b", f"{entry.source} {entry.note}")
            if any(int(year) > last for year in years):
                told = [start for start in AHEAD if f"{name} {key}".startswith(start)
                        or key.startswith(start)]
                ahead.update(told)
                found |= set() if told else {key}
    assert not found
    assert {start for start in AHEAD if start.startswith(f"{name} ")} <= ahead, "none is idle"


def test_shapes_and_fits_that_saw_later_years_say_so():
    case = load_case("northamptonshire")
    assert "hindcasts use them too" in case.value("placements.patterns.source")
    growth = [key for key in load_case("devon").assumptions if key.startswith("placements.growth.")]
    for key in growth:
        assert "cannot be undone" in load_case("devon", as_known="2020-06")[key].note, key


def test_what_came_later_is_told_only_then():
    # as_at 30 June 2026, the day of a review of the rate, which no paper of that day had read
    assert load_case("devon")["appraisal.discount.0-30"].note == "In force"
    sources = load_case("northamptonshire").log()["source"].dropna()
    assert not sources.str.contains("BBC").any()
