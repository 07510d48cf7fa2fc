"""The page on options: its tables, charts and headlines tie to each other, for a small run."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from sufficiency.report.market_views import scale
from sufficiency.report.market_words import cost
from sufficiency.report.paper_words import rounded
from sufficiency.report.words import number
from sufficiency.run.notebooks import run_one

# A case with a market, an option with flows of its own, and three funds
NAME, CASE, DRAWS = "04_options_appraisal", "nottinghamshire", 150
STEP = {"GBP": 1, "share": 1e-4}


@pytest.fixture(scope="module")
def out(root, tmp_path_factory):
    """The folder of one run."""
    folder = tmp_path_factory.mktemp("options")
    run_one(root / "notebooks" / f"{NAME}.ipynb", folder / "page.ipynb",
            {"case": CASE, "draws": DRAWS, "out_dir": str(folder)})
    return folder


@pytest.fixture(scope="module")
def read(out):
    """A results file by its name."""
    def found(name):
        return pd.read_csv(out / "results" / f"appraisal_{name}.csv", index_col=0)

    return found


@pytest.fixture(scope="module")
def results(read):
    """Every figure of every option, GBP."""
    return read("results")


@pytest.fixture(scope="module")
def page(out):
    """Everything the page says in words, tables left out."""
    cells = json.loads((out / "page.ipynb").read_text("utf-8"))["cells"]
    said = ["".join(o["data"]["text/markdown"]) for cell in cells for o in cell.get("outputs", [])
            if "text/markdown" in o.get("data", {})]
    return re.sub(r"\s+", " ", " ".join(text for text in said if "{#tbl-" not in text))


def same(found, expected, size=1e3):
    np.testing.assert_allclose(np.asarray(found, float) * size, np.asarray(expected, float),
                               rtol=1e-8, atol=0.01)


def test_costs_by_fund_and_in_pictures_are_the_results(read, results):
    funds = read("funds")
    same(funds["All"], results["mean"])
    same(funds.drop(columns="All").sum(axis=1), results["mean"])
    costs = read("costs")
    size = scale(results["p90"].max())[0]
    for column, name in (("Expected (mean)", "mean"), ("low", "p10"), ("high", "p90")):
        same(costs[column], results[name], size)
    # What is spent is cash of the years; what is left of it stands apart, in both tables
    left, years = read("years").iloc[:, -1], read("years")
    assert "not cash" in years.columns[-1] and (left <= 0).all() and (left < 0).sum() == 1
    assert (years.iloc[:, :-1] > 0).all(axis=None) and (funds.iloc[:, :-2] >= 0).all(axis=None)
    others = results.iloc[1:]
    saved = read("savings")
    size = scale(others[["saving", "saving_p10", "saving_p90"]].abs().max(axis=None))[0]
    same(saved["Expected (mean)"], others["saving"], size)
    same(results["mean"].iloc[0] - others["mean"], others["saving"], 1)


def test_chances_and_losses_hold_together(results, read):
    assert results["probability_best"].sum() == pytest.approx(1)
    lost = results["loss"] * (1 - results["probability_best"])
    same(lost, results["expected_loss"], 1)
    # Nothing found out first can be worth more than knowing everything: the least expected loss
    worth = read("finding").iloc[:, -1]
    most = max((float(text.strip("£m").replace(",", "")) * (1e6 if text.endswith("m") else 1)
                for text in worth if text.startswith("£")), default=0)
    assert most <= 1.5 * results["expected_loss"].min()


def test_the_answer_and_the_words_are_the_results_rounded(read, results, page):
    answer = read("answer")
    for (_, row), (_, own) in zip(answer.iterrows(), results.iterrows(), strict=True):
        assert row["Net present cost"] == rounded(own["mean"])
    second = results.iloc[1]
    assert answer.iloc[1, 1] == cost(second["saving"], second["saving_error"])
    first = results.iloc[0]
    assert f"has a net present cost of {rounded(first['mean'])}" in page


def test_weights_add_up_and_points_are_the_weighted_scores(read, page):
    weights, scores, ranking = read("weights"), read("scores"), read("ranking")
    assert weights["Weight"].sum() == pytest.approx(100)
    points = sum(weight / 100 * scores[name].str.extract(r"\((\d+)\)")[0].astype(float)
                 for name, weight in weights["Weight"].items())
    # Scores are printed whole
    np.testing.assert_allclose(points[ranking.index], ranking["Points of 100"], atol=0.51)
    assert f"with {number(ranking['Points of 100'].iloc[0])} points of 100" in page
    assert ranking["First, any weights"].sum() == pytest.approx(100)


def test_each_state_has_one_cheapest_and_nobody_below_it(read):
    regret = read("regret")
    figures = regret.drop(columns="Cheapest")
    assert (figures >= 0).all(axis=None) and regret["Cheapest"].iloc[:-1].notna().all()
    same(figures.iloc[-1], figures.iloc[:-1].max(), 1)
    for name in figures:
        at = regret["Cheapest"].iloc[:-1] == name
        assert (figures.iloc[:-1][name][at] == 0).all()


def test_headlines_tie_to_their_cells_and_say_what_would_change_them(out):
    said = json.loads((out / "exempt" / "said" / f"{NAME}.json").read_text("utf-8"))
    assert len(said["headlines"]) >= 4 and said["influence"]
    for head in said["headlines"]:
        assert head["rests"] and head["turns"], head["key"]
        cell = head["cell"]
        frame = pd.read_csv(out / "results" / cell["table"])
        (row,) = frame[frame["option"] == cell["where"]["option"]].to_dict("records")
        assert abs(row[cell["column"]] - head["value"]) <= STEP[head["unit"]] / 2 + 1e-6
        assert head["p10"] <= head["value"] <= head["p90"]
