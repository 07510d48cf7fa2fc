"""From SEN2 files to a running case: known rates come back, nothing is assumed in silence, and
nothing that says who a child is is kept.
"""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from sufficiency.case import CaseError, load_case
from sufficiency.case.new import new_case
from sufficiency.case.schema import schema_text
from sufficiency.report import returns_views
from sufficiency.run import cli

sys.path.insert(0, str(Path(__file__).parents[1]))
from made_sen2 import change, file, make

CHILDREN = 12


@pytest.fixture(scope="module")
def returns(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sen2")
    make.write(folder, seed=8, children=CHILDREN)
    return folder


@pytest.fixture(scope="module")
def made(project, returns):
    """The case of three years' returns, its notices, loaded."""
    _, notices = new_case("sen2_years", sen2=returns, root=project)
    return load_case("sen2_years", root=project), notices


@pytest.fixture
def nine(tmp_path):
    """Nine files of one small return, with nothing beside them."""
    make.write(tmp_path / "nine", seed=5, children=2, history=True, beside=False)
    return tmp_path / "nine"


def flows(counts, place, ages):
    """Children of a place at those ages: leavers, movers and all at the start of a pair."""
    rows = counts[(counts["place"] == place) & counts["age"].isin(ages)]
    return [rows.loc[rows["kind"].isin(kinds), "count"].sum() for kinds in
            (["leaver"], ["mover"], ["leaver", "mover", "stayer"])]


@pytest.mark.parametrize("place", make.AGES)
def test_leavers_and_movers_come_back_within_their_error(made, place):
    counts, (low, high), tried = made[0].counts, make.AGES[place], 0
    for phase in range(5):
        ages = [age for age in range(low, high) if make.phase(age) == phase]
        leave, move = make.LEAVE[place][phase], make.MOVE[place][1][phase]
        leavers, movers, exposed = flows(counts, place, ages)
        for events, of, chance in ((leavers, exposed, leave), (movers, exposed - leavers, move)):
            error = 4 * math.sqrt(chance * (1 - chance) * of)
            assert abs(events - chance * of) <= error, (place, phase, events, chance * of)
            tried += of > 30
    assert tried >= 4


def test_joiners_come_back_within_their_error(made):
    counts, years = made[0].counts, make.LAST - make.FIRST
    for place, mean in make.JOIN.items():
        here = (counts["place"] == place) & (counts["kind"] == "joiner")
        joined = counts.loc[here, "count"].sum()
        assert abs(joined - years * mean) < 4 * math.sqrt(years * mean), place


def test_the_rates_of_the_case_are_those_of_the_counts(made):
    from sufficiency.model.placements.calibrate import calibrate

    case = made[0].changed({"placements.counted.prior_size": 1e-6})
    found = calibrate(case)
    places = list(found.rates.places)
    for place in make.AGES:
        for phase in range(1, 4):
            ages = [a for a in range(*make.AGES[place]) if make.phase(a) == phase]
            per_age = np.array([flows(case.counts, place, [age]) for age in ages]).reshape(-1, 3)
            mean = found.rates.leave_mean[places.index(place), ages]
            assert mean @ per_age[:, 2] == pytest.approx(per_age[:, 0].sum(), abs=1e-3)
    years = make.LAST - make.FIRST
    joined = case.counts.loc[case.counts["kind"] == "joiner", "count"].sum()
    # half a child a place before anything is counted
    assert found.rates.join_mean.sum() == pytest.approx((joined + len(places) / 2) / years)
    assert found.rates.stock.sum() == case.published("plans_by_setting").loc[2025].sum()


def test_a_case_made_of_invented_returns_says_so_everywhere(made):
    case, notices = made
    assert case.title.startswith("Synthetic example: what sen2_years's")
    assert case.value("council.name") == "sen2_years (synthetic example)"
    assert case.value("transitions.synthetic") is True
    assert "the returns say that they are synthetic, and so does the case" in notices
    for name in ("plans_by_setting", "flows", "ceased_by_reason", "population"):
        table = case.published(name)
        assert table.attrs["quality"] == "illustrative"
    item, = returns_views.quality_items(case)
    assert item.flag == "synthetic example"
    assert returns_views.quality_words(case).startswith("*Synthetic example.* Of ")


def test_small_counts_of_rows_and_their_lines_are_not_in_print(project, nine):
    change(nine, "person", 4, "personbirthdate", "never")
    new_case("few", sen2=nine, root=project)
    case = load_case("few", root=project)
    whole = returns_views.read_quality(case)
    assert whole.loc[whole["reason"].str.startswith("personbirthdate"), "lines"].tolist() == ["4"]
    shown = returns_views.quality_items(case)[0].frame
    bad = shown[shown["What became of them"].str.contains("personbirthdate")]
    assert bad["File"].tolist() == ["person"] and bad["Rows"].isna().all()
    known = shown["Rows"].dropna()
    assert len(known) > 2 and (known % 5 == 0).all() and (known >= 8).all()
    assert "(1)" not in returns_views.quality_words(case)


def test_unit_costs_are_the_folders_own_or_said_to_be_englands(made):
    case, notices = made
    units = {place: case[f"costs.unit.{place}"] for place in case.settings}
    assert {place: units[place].central for place in make.COSTS} == make.COSTS
    assert all(unit.central > 0 for unit in units.values())
    assert units["elsewhere"].quality == "proxy" and units["elsewhere"].as_of == "2021-22"
    lent = "unit costs of further_education, elsewhere are England's of 2021-22"
    assert any(said.startswith(lent) for said in notices)


def test_nine_files_become_a_case_that_runs(project, nine, capsys, monkeypatch):
    monkeypatch.setenv("SUFFICIENCY_ROOT", str(project))
    assert cli.main(["new-case", "nine", "--sen2", str(nine)]) == 0
    _, said = capsys.readouterr()
    assert "no population was given: joiners are held level" in said
    assert "unknown establishment types are in the setting `unknown`" in said
    assert "rows read in 9 files" in said
    assert cli.main(["check", "nine"]) == 0
    assert "nine: OK" in capsys.readouterr()[0]
    councils = project / "params" / "councils"
    assert {path.name for path in councils.glob("nine*")} == {
        "nine.yaml", "nine.counts.csv", "nine.quality.csv"}
    from sufficiency.model.placements.calibrate import calibrate
    from sufficiency.model.streams import Worlds
    from sufficiency.run import forecast

    case = load_case("nine", root=project)
    worlds, found = Worlds(case.assumptions, 2, 20), calibrate(case)
    plans = forecast.simulate(case, found, worlds)
    spend, _ = forecast.cost(case, plans, worlds)
    assert plans["year"].values[0] == 2025 and bool(np.isfinite(spend["nominal"]).all())
    assert float(spend["nominal"].sum(["setting", "age_band"]).min()) > 0


PLANTED = ("Plantedname", "Plantedfore", "Q12345678901X", "QZ9 9QZ", "17/02/2013", "2013-02-17",
           "2013-Feb-17")


def test_nothing_that_says_who_a_child_is_is_kept(project, nine, capsys, monkeypatch):
    monkeypatch.setenv("SUFFICIENCY_ROOT", str(project))
    for line, column, value in ((3, "surname", PLANTED[0]), (3, "forename", PLANTED[1]),
                                (3, "upn", PLANTED[2]), (3, "postcode", PLANTED[3]),
                                (3, "personbirthdate", PLANTED[4]),
                                (4, "personbirthdate", f"{PLANTED[0]} 1"),
                                (5, "persontableid", PLANTED[2]),
                                (6, "upn", f"{PLANTED[2]},extra")):
        change(nine, "person", line, column, value)
    change(nine, "requests", 9, "persontableid", PLANTED[2])
    for number, (module, columns) in enumerate(make.COLUMNS.items()):
        for column in columns.split() if module not in ("sen2", "person") else ():
            if column in file(nine, module).read_text("utf-8").splitlines()[0].split(","):
                change(nine, module, 11 + number, column, f"{PLANTED[0]} {PLANTED[4]}")
    file(nine, "person").rename(nine / f"Blade-Export_{PLANTED[0]}_person.csv")
    assert cli.main(["new-case", "private", "--sen2", str(nine)]) == 0
    out, said = capsys.readouterr()
    assert "person.csv:4: personbirthdate: found (not shown)" in said
    councils = project / "params" / "councils"
    written = [path.read_text("utf-8") for path in councils.glob("private*")]
    assert len(written) == 3
    case = load_case("private", root=project)
    shown = [str(item._repr_mimebundle_()) for item in returns_views.quality_items(case)]
    said = said.replace(f"Blade-Export_{PLANTED[0]}_person.csv", "")  # the name of a file
    for text in (out, said, *written, *shown, returns_views.quality_words(case)):
        assert not any(word in text for word in (*PLANTED, "SYN0", "Child1", "ZZ99"))
    path = file(nine, "person")
    path.write_text(path.read_text("utf-8").replace("personbirthdate", PLANTED[0]), "utf-8")
    assert cli.main(["new-case", "private2", "--sen2", str(nine)]) == 1
    out, said = capsys.readouterr()
    assert "missing column 'personbirthdate'" in said
    assert not any(word in out + said.replace(path.name, "") for word in PLANTED)
    assert not list(councils.glob("private2*")), "nothing half-written"


def test_a_case_may_say_what_a_code_means_and_is_made_again(project, nine):
    path, _ = new_case("mapped", sen2=nine, root=project)
    assert "elsewhere" in load_case("mapped", root=project).settings
    path.write_text(path.read_text("utf-8") + "returns: {sen2_settings: {NEET: early_years}}\n",
                    "utf-8")
    new_case("mapped", sen2=nine, root=project, force=True)
    case = load_case("mapped", root=project)
    assert set(case.settings) == {"early_years", "unknown"}
    assert case.value("returns.sen2_settings.NEET") == "early_years"
    assert case.value("returns.sen2_settings.EHE") == "elsewhere"
    path.write_text(path.read_text("utf-8").replace("NEET: early_years", "NEET: nowhere"), "utf-8")
    with pytest.raises(CaseError, match=r"returns.sen2_settings.NEET: found 'nowhere'; allowed"):
        new_case("mapped", sen2=nine, root=project, force=True)


def test_population_may_come_from_the_published_series(project, nine, shared):
    _, notices = new_case("people", sen2=nine, published=shared / "data", council="Devon",
                          root=project)
    case = load_case("people", root=project)
    people = case.published("population")
    assert {2023, 2024, 2025} <= set(people.index) and people.loc[2025, "age_10"] > 5_000
    assert any(said.startswith("population: ONS subnational population") for said in notices)


@pytest.mark.parametrize("name, text, message", [
    ("costs.csv", "setting,cost\nmainstream,0\n", r"costs.csv:2: cost: found nothing, or 0"),
    ("costs.csv", "setting,cost\nacademy,9000\n", r"costs.csv:2: setting: found 'academy'"),
    ("population.csv", "calendar-year,population\n2024,1\n", "missing column 'academic-year'"),
    ("establishments.csv", "urn,name\n1,a\n", r"establishments.csv:1: found no column of a type"),
])
def test_files_beside_the_modules_are_checked(project, nine, name, text, message):
    (nine / name).write_text(text, "utf-8")
    with pytest.raises(CaseError, match=message):
        new_case("beside", sen2=nine, root=project)


@pytest.mark.parametrize("told, message", [
    ({}, "two sources or none"), ({"sen2": "a", "transitions": "b"}, "two sources or none"),
    ({"transitions": "b", "establishments": "c"}, "establishments: found without sen2"),
])
def test_other_folders_together_are_refused(project, told, message):
    with pytest.raises(CaseError, match=message):
        new_case("together", root=project, **told)


def test_establishments_may_be_the_register_of_schools(project, nine, tmp_path):
    register = tmp_path / "edubase.csv"
    rows = [f'{urn or 900009},{ukprn},"{kind}"' for urn, ukprn, kind in make.SCHOOLS.values()]
    head = 'URN,UKPRN,"TypeOfEstablishment (name)"'
    register.write_bytes("\n".join([head, *rows, "1,2,Café school"]).encode("cp1252"))
    _, notices = new_case("register", sen2=nine, establishments=register, root=project)
    assert set(load_case("register", root=project).settings) == set(make.AGES)
    assert any("type 'Café school' is not in returns.establishment_types" in said
               for said in notices)


def test_the_published_schema_knows_the_sections(root):
    assert (root / "params" / "schema.json").read_text("utf-8") == schema_text()
    assert '"sen2_settings"' in schema_text()
