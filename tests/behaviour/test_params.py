"""The parameters that ship: complete, sourced, loadable on any date, and their schema current."""

import re

import pytest
from sufficiency.case import find_root, load_case
from sufficiency.case.schema import schema_text

ROOT = find_root()
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
    for scenario in case._tree.data.get("scenarios") or {}:
        assert load_case(name, scenario=scenario).resolved != case.resolved
    for month in ("2016-01", "2020-06", "2024-12"):
        log = case.as_known(month).log()
        assert (log["known"].dropna() <= month).all()
