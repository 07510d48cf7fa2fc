"""A study of children in care: the example, a case made in one command, and no return at all."""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from sufficiency.case import CaseError, load_case
from sufficiency.case.new_care import new_care_case
from sufficiency.model.care import past
from sufficiency.report import care_views, charts, tables
from sufficiency.run import cli
from sufficiency.run.care import NOT_ESTIMATED
from sufficiency.run.parameters import Parameters
from sufficiency.run.study import Study

sys.path.insert(0, str(Path(__file__).parents[1]))
import made_care

EXAMPLE = "params/examples/care_example.yaml"
VIEWS = (care_views.answer, care_views.placed, care_views.flows, care_views.spending,
         care_views.record, care_views.checked, care_views.matters, care_views.limits)


class Told(Study):
    """A study that keeps what it shows."""

    def __init__(self, parameters, case=None):
        super().__init__(parameters, case)
        self.said, self.shown = [], []

    def say(self, *parts, exempt=""):
        self.said.append(" ".join(parts))

    def show(self, item, exempt="", public=None):
        self.shown.append((item, exempt, public))


@pytest.fixture(scope="module")
def study(root, tmp_path_factory):
    made = Told(Parameters(EXAMPLE, draws=300, out_dir=str(tmp_path_factory.mktemp("out"))))
    made.care.tell()
    for view in VIEWS:
        made.care.part(view.__name__, view)
    made.care.save()
    return made


def test_everything_made_of_invented_children_says_so(study):
    assert study.care.flag == "synthetic example"
    assert not [said for said in study.said if said == NOT_ESTIMATED]
    assert all(item.flag == study.care.flag for item, *_ in study.shown)
    assert {type(item) for item, *_ in study.shown} == {charts.Chart, tables.Table}
    answer = study.said[1]
    assert answer.startswith("**Synthetic example") and "8 chances in 10" in answer
    assert not study._headlines, "invented children reached a headline"
    written = study.out_dir / "exempt" / "results" / "care_children.csv"
    assert set(line.rpartition(",")[2] for line in written.read_text().splitlines()[1:]) == {
        study.care.flag}


def test_positions_are_the_children_at_the_quarter(study):
    care = study.care
    ends = [day for day in care.children["quarter"].values if str(day).endswith("03-31")]
    at_end = care.children["children"].sel(quarter=ends).values
    assert (care.positions.values == at_end).all()
    first = care.positions.isel(year=0).sum("age")
    assert (first == care.history.iloc[-1].to_numpy()).all()  # in every world, what was counted
    quarters = care.children
    closing = (quarters["children"].sum("age").shift(quarter=1) + quarters["joiners"]
               + quarters["moved_in"] - quarters["moved_out"] - quarters["leavers"])
    assert (closing == quarters["children"].sum("age"))[:, 1:].all()
    by_year = care_views.by_year(quarters["joiners"])
    assert by_year.sum() == quarters["joiners"].sum() and by_year["year"][0] == 2026


def test_figures_agree_with_one_another(study):
    care, shown = study.care, {item.label: item for item, *_ in study.shown}
    paid = care.spend["nominal"]
    assert paid["financial_year"].values.tolist()[0] == "2025-26" and paid.sizes[
        "financial_year"] == 5
    assert np.allclose(care.spend["weeks"] * care.spend["weekly_price"] > 0, paid > 0)
    parts, _ = care_views.together(care)
    assert np.allclose(parts.sum("category"), paid.sum("category") / 1e6)
    frame = shown["care_answer"].frame
    middle = care.positions.sum(("category", "age")).sel(year=2030).median()
    assert abs(frame["Children on 31 March"].iloc[-1] - float(middle)) <= 2.5
    tornado = care.tornado
    assert tornado.index[0].startswith("care.") and tornado["swing"].abs().iloc[0] > 0
    # everything at its middle is near the mean of the worlds
    assert abs(paid[:, -1].sum("category").mean() / tornado["central"].iloc[0] - 1) < 0.1
    cross = next(one for one in study.shown if one[0].label == "care_cross")
    assert cross[1] and cross[2] is None  # small numbers: the exempt edition alone


def test_small_counts_are_not_printed(study):
    for item, exempt, _ in study.shown:
        for name in item.frame if isinstance(item, tables.Table) and not exempt else ():
            if not name.startswith(("Cost", "20", "Rows")) or item.label == "care_spend":
                continue
            numbers = item.frame[name]
            if numbers.dtype.kind == "f" and "£" not in item.units.get(name, ""):
                assert not ((numbers > 0) & (numbers < 7.5)).any(), (item.label, name)


def test_forecasts_of_the_past_know_nothing_later(study):
    care, worlds = study.care, study.worlds
    found = care.past.set_index(["origin", "year"])
    assert list(found.index) == [(a, b) for a in range(2021, 2025) for b in range(a + 1, 2026)]
    counted = care.history.sum(axis=1)
    assert all(row.counted == counted[year] and row.last == counted[origin]
               for (origin, year), row in found.iterrows())
    more = care.counts.assign(count=care.counts["count"].where(care.counts["year"] <= 2023,
                                                               3 * care.counts["count"]))
    other = past.forecasts(more, worlds, care._estimate).set_index(["origin", "year"])
    early = [2021, 2022, 2023]
    fan = ["p10", "p50", "p90"]
    assert other.loc[early, fan].equals(found.loc[early, fan])
    assert other.loc[(2021, 2025), "counted"] == 3 * counted[2025]
    assert other.loc[(2024, 2025), "p50"] > 2 * found.loc[(2024, 2025), "p50"]
    # made with the rates that made the children, the ranges of 8 in 10 hold most counts
    inside = (found["p10"] <= found["counted"]) & (found["counted"] <= found["p90"])
    assert inside.mean() >= 0.6
    said = next(text for text in study.said if "Made again from each earlier 31 March" in text)
    assert f"{inside.sum()} of 10 counts fell inside" in said


def test_one_year_has_no_past_to_tell(project, planted):
    new_care_case("single", planted, root=project)
    study = Told(Parameters("single", draws=20), load_case("single", root=project))
    study.care.part("past", care_views.record)
    assert study.said[1].startswith("The return covers one year")


@pytest.mark.parametrize("name", ["nottinghamshire", "northamptonshire"])
def test_without_a_return_nothing_is_estimated(name):
    study = Told(Parameters(name, draws=20))
    study.care.tell()
    for view in VIEWS:
        study.care.part(view.__name__, view)
    study.care.save()
    assert study.said == [NOT_ESTIMATED] and not study.shown and not study._headlines
    assert not study.case.log()["key"].str.startswith("care.").any()


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return made_care.plant(tmp_path_factory.mktemp("planted"))


def test_a_case_is_made_in_one_go_and_names_nobody(project, planted):
    path, notices = new_care_case("ours", planted, root=project)
    case = load_case("ours", root=project)
    study = Told(Parameters("ours", draws=40), case)
    for view in VIEWS:
        study.care.part(view.__name__, view)
    study.care.save()
    written = [file for file in path.parent.iterdir() if file.name.startswith("ours")]
    assert {file.name for file in written} == {"ours.yaml", "ours.care.csv", "ours.quality.csv"}
    assert {head["key"] for head in study._headlines} == {"care_children", "care_cost"}
    assert not study.care.flag
    bundles = [str(item._repr_mimebundle_()) for item, *_ in study.shown]
    texts = [*notices, *study.said, *bundles, *(file.read_text("utf-8") for file in written)]
    for text in texts:
        assert not [word for word in made_care.PLANTED if word in text], text[:200]
    assert "DECOM: no date" in "\n".join(notices)
    assert case.value("care.returns.last") == 2025 and str(case.as_at) == "2025-06-30"
    assert case.as_known("2025-05").value("care.returns", None) is None
    with pytest.raises(CaseError, match="a case already"):
        new_care_case("ours", planted, root=project)
    kept = path.with_name("ours.care.csv")
    kept.write_text(kept.read_text("utf-8") + "2025,short,other,1.0,,1.0\n", encoding="utf-8")
    with pytest.raises(CaseError, match=r"ours.care.csv:1: changed since the case was made"):
        _ = Study(Parameters("ours"), case).care.counts


def test_a_bad_return_leaves_nothing_behind_and_names_nobody(project, planted):
    episodes = planted / "2025" / "episodes.csv"
    text = episodes.read_text("utf-8")
    for spoilt in (text.replace("DECOM", "STARTED", 1), "\n".join(text.splitlines()[1:])):
        episodes.write_text(spoilt, encoding="utf-8")
        with pytest.raises(CaseError) as caught:
            new_care_case("spoilt", planted, root=project)
        assert not [word for word in made_care.PLANTED if word in str(caught.value)], caught.value
    episodes.write_text(text, encoding="utf-8")
    assert not list((project / "params" / "councils").glob("*spoilt*"))


def test_one_command_makes_it(project, planted, monkeypatch, capsys):
    monkeypatch.setenv("SUFFICIENCY_ROOT", str(project))
    asked = ["new-case", "in_one", "--ssda903", str(planted)]
    assert cli.main([*asked, "--council", "Our Council"]) == 0
    said = capsys.readouterr()
    assert said.out.strip().endswith("in_one.yaml") and "5 rows read in 2 files: 4 used" in said.err
    assert load_case("in_one", root=project).value("council.short") == "Our Council"
    assert cli.main(["check", "in_one"]) == 0
    assert cli.main(asked) == 1 and "a case already" in capsys.readouterr().err
    earlier = load_case("in_one", root=project).as_known("2025-06")
    assert earlier["care.prices.residential_independent"].central == 6108


def test_a_return_given_to_a_case_fills_its_section(project, planted, root, tmp_path):
    """By --extends: the case is left as it was, and its annex gains the notebook."""
    councils = project / "params" / "councils"
    (councils / "base.yaml").write_text((root / "params/councils/northamptonshire.yaml").read_text(
        "utf-8").replace("as_known: ", "# as_known: "), encoding="utf-8")
    shutil.copytree(root / "params" / "examples", project / "params" / "examples")
    shutil.copyfile(root / "params" / "law.yaml", project / "params" / "law.yaml")
    before = (councils / "base.yaml").read_bytes()
    with pytest.raises(CaseError, match="case: found 'nobody'; allowed base"):
        new_care_case("given", planted, root=project, extends="nobody")
    _, notices = new_care_case("given", planted, root=project, extends="base")
    case = load_case("given", root=project)
    assert (councils / "base.yaml").read_bytes() == before
    assert case.value("council.short") == "Northamptonshire" and str(case.as_at) == "2025-06-30"
    assert case.value("annex.notebooks")[-1] == "07_care_placements"
    study = Told(Parameters("given", draws=20), case)
    study.care.tell()
    assert study.care.given and study.said == []
    assert not any("care alone" in said for said in notices)


def test_a_case_of_an_earlier_day_takes_no_later_return(project, planted):
    councils = project / "params" / "councils"
    base = (councils / "base.yaml").read_text("utf-8").replace("# as_known: ", "as_known: ")
    (councils / "then.yaml").write_text(base, encoding="utf-8")
    _, notices = new_care_case("later", planted, root=project, extends="then")
    assert "then tells what was known by 2017" in "\n".join(notices)
    case = load_case("later", root=project)
    assert case.value("annex.notebooks") == ["07_care_placements"]
    assert case.value("council.name") == "Northamptonshire County Council"
    early = made_care.write(planted.parent / "early", {2016: (
        ["A,1,14/09/2006"], ["A,01/05/2015,S,C2,N1,U6,PR4,,"])})
    with pytest.raises(CaseError, match=r"known by 2017-\d\d of care.prices.fostering_in_house, "):
        new_care_case("then_care", early, root=project, extends="then")
    assert not (councils / "then_care.yaml").exists()


def test_what_a_case_says_of_care_is_kept_when_it_is_made_again(project, planted):
    path, _ = new_care_case("again", planted, root=project)
    path.write_text(path.read_text("utf-8").replace("care:\n", """care:
  years: 3
  categories:
    residential_in_house: {providers: [PR0, PR1]}
"""), encoding="utf-8")
    new_care_case("again", planted, root=project, force=True)
    case = load_case("again", root=project)
    assert case.value("care.years") == 3
    assert case.value("care.categories.residential_in_house.providers") == ["PR0", "PR1"]


def test_what_a_care_case_says_is_checked(project, planted):
    path, _ = new_care_case("checked", planted, root=project, force=True)
    said = path.read_text("utf-8")
    for more, message in (
            ("  otherwise: nowhere\n", r"care.otherwise: found nowhere; allowed fostering"),
            ("  prices:\n    supported: {unit: GBP/year, as_of: 2023-24}\n",
             r"care.prices.supported.unit: found GBP/year; allowed GBP/place/week"),
            ("  prices:\n    supported: {as_of: last year}\n",
             r"care.prices.supported.as_of: found last year; allowed a financial year"),
            ("  prices:\n    supported: {funded_by: dsg_high_needs}\n",
             r"care.prices.supported.funded_by: found dsg_high_needs; allowed social_care"),
            ("  categories:\n    supported: {ages: [17, 16]}\n", r"care.categories.supported.ages"),
            ("  returned: yes\n", r"care.returned: found a key nobody reads")):
        path.write_text(said.replace("care:\n", f"care:\n{more}"), encoding="utf-8")
        with pytest.raises(CaseError) as caught:
            load_case("checked", root=project)
        assert re.search(message, str(caught.value)), str(caught.value)[:300]
