"""Annexes of the two councils that only buy services: made by the command line, whole, tied."""

import json
import re
from zipfile import ZipFile

import pandas as pd
import pytest
from small_project import run
from sufficiency.case import load_case
from sufficiency.model.market.outcomes import CAUSES
from sufficiency.report import market_words as said
from sufficiency.report import procurement_words
from sufficiency.run import cli, procurement
from sufficiency.run.parameters import Parameters
from sufficiency.run.study import Study

DRAWS = 60
PAGE = "03_framework_vs_spot.ipynb"
TITLE = "If we stop buying place by place, and set up a framework, what changes?"
ANNEXES = [f"annex.{kind}" for kind in ("docx", "html", "pdf", "xlsx")]
KEPT = {"able", "by_cause", "events", "law", "market", "market_assumptions", "providers",
        "provenance", "route_savings", "routes", "service", "switching"}


def flat(text):
    return re.sub(r"\s+", " ", text)


@pytest.fixture(scope="module", params=["northamptonshire", "north_yorkshire"])
def made(request, root, tmp_path_factory):
    """Case and folder of an annex in every format."""
    out = tmp_path_factory.mktemp("annex")
    code, path, error = run(root, "annex", request.param, "--draws", str(DRAWS), "--out", str(out))
    assert code == 0, error
    done = {line.split(" … ")[0].split("] ")[1] for line in error.splitlines()}
    assert done == {*load_case(request.param, root=root).value("annex.notebooks")}, error
    (folder,) = (out / request.param).glob("[!.]*")
    assert path.strip() == str(folder)
    return request.param, folder


@pytest.fixture(scope="module")
def market(made):
    """The run's own market: what its notebooks kept."""
    return Study(Parameters(made[0], draws=DRAWS, out_dir=str(made[1]))).market


@pytest.fixture(scope="module")
def page(made):
    """Everything the page says in words, tables left out."""
    text = (made[1] / "exempt" / "notebooks" / PAGE).read_text("utf-8")
    outputs = [out["data"] for cell in json.loads(text)["cells"]
               for out in cell.get("outputs", []) if "data" in out]
    words = ["".join(data["text/markdown"]) for data in outputs if "text/markdown" in data]
    return flat(" ".join(text for text in words if "{#tbl-" not in text))


@pytest.fixture(scope="module")
def headline(made):
    """Headlines of this notebook, as they are in headline.json."""
    rows = json.loads((made[1] / "public" / "results" / "headline.json").read_text("utf-8"))
    said = json.loads((made[1] / "exempt" / "said" / f"{PAGE[:-6]}.json").read_text("utf-8"))
    mine = {row["key"] for row in said["headlines"]}
    return {row["key"]: row for row in rows if row["key"] in mine}


def test_what_was_kept_is_what_the_facts_give(made, market):
    afresh = Study(Parameters(made[0], draws=DRAWS)).market
    assert market.study.folder.is_dir()
    assert afresh.results.identical(market.results.load())
    pd.testing.assert_frame_equal(afresh.evidence, market.evidence)


def test_every_format_and_table_is_there(made):
    public = made[1] / "public"
    assert sorted(path.name for path in public.iterdir()) == [*ANNEXES, "results"]
    assert all((public / name).stat().st_size > 10_000 for name in ANNEXES)
    tables = {path.stem for path in (public / "results").glob("*.csv")}
    assert tables >= KEPT, KEPT - tables
    assert TITLE in flat((public / "annex.html").read_text(encoding="utf-8"))
    with ZipFile(public / "annex.docx") as document:
        assert "The law at the date" in document.read("word/document.xml").decode()
    with ZipFile(public / "annex.xlsx") as book:
        sheets = set(re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode()))
    assert {"routes", "by_cause", "switching", "law", "events"} <= sheets


def test_draws_and_notebooks_are_exempt(made):
    folder = made[1]
    assert sorted(path.name for path in folder.iterdir()) == ["exempt", "manifest.json", "public"]
    inside = {path.name for path in (folder / "exempt").iterdir()}
    assert inside >= {"draws", "notebooks", "results", *ANNEXES}
    assert not {"draws", "notebooks"} & {path.name for path in (folder / "public").iterdir()}
    listed = json.loads((folder / "manifest.json").read_text("utf-8"))["files"]
    assert "public/results/market.csv" in listed
    assert not [name for name in listed if "draws" in name]
    assert not list((folder / "public").rglob("*.npy"))


def test_tables_tie_to_market_csv(made, market):
    """A saving, by cause and in all, is the difference of two costs, to the penny."""
    results = made[1] / "public" / "results"
    frame = pd.read_csv(results / "market.csv")
    cost = frame.groupby("route")["mean"].sum() / len(market.years)
    # figures of ten digits: half a unit of the tenth of each that is summed
    rounding = frame["mean"].abs().sum() * 5e-10
    causes = pd.read_csv(results / "by_cause.csv", index_col=0)
    others = [name for name in market.labels if name != market.reference]
    assert len(causes.columns) == len(others)
    for name, column in zip(others, causes.columns, strict=True):
        saving = market.by_route.at[name, "saving"]
        assert saving == pytest.approx(cost[market.reference] - cost[name], abs=0.005 + rounding)
        assert saving == pytest.approx(-1e3 * causes.at["All causes", column], abs=0.005)
        # what is left out is less than a pound a cause
        parts = causes[column].drop("All causes")
        assert parts.sum() == pytest.approx(causes.at["All causes", column],
                                            abs=1e-6 + 5e-4 * (len(CAUSES) - len(parts)))


def test_headlines_claim_no_saving_that_is_undecided(headline, market):
    """But what would have to be true for one; saving or none, all from the same worlds."""
    row, evidence = (frame.loc[market.proposal] for frame in (market.by_route, market.evidence))
    weak = [headline["weak_share"][name] for name in ("value", "p10", "p90")]
    assert weak == pytest.approx(list(evidence[["share", "low", "high"]]), abs=5.1e-5)
    turns = market.switching.dropna(subset="value")
    assert set(headline) - {"weak_share", "saving_a_year"} == {
        f"switching_{name}" for name in turns["name"]}
    assert ("saving_a_year" in headline) == evidence["decides"]
    if evidence["decides"]:
        found = [headline["saving_a_year"][name] for name in ("value", "p10", "p90")]
        assert found == [round(row[name]) for name in ("saving", "p10", "p90")]


def test_the_sentence_says_the_headline(page, headline, market):
    route = market.proposal
    row, evidence = market.by_route.loc[route], market.evidence.loc[route]
    against = said.lower(market.labels[market.reference])
    label = market.labels[route]
    assert flat(said.headline(label, row, evidence, market.switching, against)) in page
    # range and chance stand in the points whether the evidence decides or not
    assert said.between(row["p10"], row["p90"], row["error"]) in page
    assert f"saves in {said.worlds(row['chance'])} worlds" in page
    years = f"{market.years[0]} to {market.years[-1]}"
    assert {(one["basis"], one["year"]) for one in headline.values()} == {
        (f"against {against}", years)}
    turns = market.switching.dropna(subset="value").set_index("name")
    for name, one in turns.iterrows():
        kept = headline[f"switching_{name}"]
        assert kept["unit"] == one["unit"]
        assert said.figure(kept["value"], one["unit"]) in page


def test_a_ratio_is_kept_among_headlines():
    study = Study(Parameters("north_yorkshire", draws=10))
    study.headline("switching_premium", "", -0.043, -0.043, -0.043, "ratio", "", "")
    assert study._headlines[0]["value"] == -0.043


def test_the_table_of_routes_is_the_markets(made, market):
    table = pd.read_csv(made[1] / "public" / "results" / "routes.csv", index_col="Route")
    for name, label in market.labels.items():
        if name != market.reference:
            row, shown = market.by_route.loc[name], table.loc[label]
            assert shown["Cost a year"] == said.cost(row["saving"], row["error"])
            assert (shown["Evidence"] == "decides") == market.evidence.at[name, "decides"]


def test_lateness_law_and_displacement_are_said(made, page, market):
    deadline, pair = market.told("deadline"), (market.proposal, market.reference)
    month = {"2017-07": "July 2017", "2021-09": "September 2021"}[deadline["month"]]
    assert f"chance of missing {month} is {said.chance(market.missed)}" in page
    assert flat(said.displaced(market.by_route, *pair, market.labels)) in page
    _, whole, threshold = procurement.legal(market)
    sentence = procurement_words.aggregation(whole, threshold, f"{market.case.as_at:%Y-%m}")
    assert sentence in page and sentence.startswith("**Flag for legal advice")
    if made[0] == "north_yorkshire":
        assert "£1,021,500 a year" in sentence and "£663,540 excluding VAT" in sentence


def test_no_provider_is_named(made, market):
    """Providers of a simulated year are letters; none stands by name or number elsewhere."""
    results = made[1] / "public" / "results"
    events = pd.read_csv(results / "events.csv")
    for name in (market.reference, market.proposal):
        who = events[market.labels[name]].str.split(",").str[0]
        assert who.str.fullmatch(r"Provider [A-Z]{1,2}|no provider|not placed").all(), list(who)
    for path in results.glob("*.csv"):
        assert not re.search(r"[Pp]rovider[ _]?\d", path.read_text(encoding="utf-8")), path.name


@pytest.mark.parametrize(("given", "key"), [
    (["--set", "market.lots.homes.price=100"], "market.lots.homes"),
    (["--set", "market.in_use=[homes]"], "market.in_use"),
    (["--set", "market.reference=sopt"], "market.reference"),
    (["--scenario", "nope"], "nope"),
])
def test_a_bad_name_is_one_clear_message(tmp_path, capsys, given, key):
    code = cli.main(["annex", "north_yorkshire", "--out", str(tmp_path), *given])
    out, error = capsys.readouterr()
    assert code == 1 and not out
    assert key in error and "found" in error and "Traceback" not in error
    assert len(error.strip().splitlines()) == 1, error
    assert not list(tmp_path.rglob("*.*"))
