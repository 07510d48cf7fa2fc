"""The contracts of a study: what must tie, what is flagged, what is not estimated without files."""

from datetime import date
from itertools import product

import numpy as np
import pandas as pd
import pytest
import yaml
from sufficiency.case.procurement import FLAG
from sufficiency.model.contracts.estate import others
from sufficiency.report import contract_views as views
from sufficiency.report import contract_words as said
from sufficiency.run.contracts import ALL, EXAMPLE, SPLIT
from sufficiency.run.parameters import Parameters
from sufficiency.run.study import Study

REGISTER = """reference,title,supplier,category,kind,start,end,annual_value,places,children,replaces
F1,Care list,Alpha,Care,framework,2018-04-01,2023-03-31,100000,,,
F2,Care list,Beta,Care,framework,2018-04-01,2023-03-31,200000,,,
S1,"Care, one child",Gamma,Care,spot,2021-05-01,2022-03-31,90000,1,1,
B1,Beds,Delta,Breaks,block,2019-10-01,2022-09-30,300000,10,8,
B2,Beds,Delta,Breaks,block,2022-12-01,2025-11-30,310000,10,,B1
X1,"School, one child",Alpha,School,framework,2020-09-01,2022-08-31,50000,1,1,
"""
SPEND = """supplier,category,kind,financial_year,amount,justification,reference
Alpha,Care,framework,2020-21,100000,in_contract,1
Alpha,Care,framework,2021-22,110000,in_contract,2
Beta,Care,framework,2020-21,200000,in_contract,3
Beta,Care,framework,2021-22,190000,in_contract,4
Gamma,Care,spot,2021-22,700000,unjustified,5
Delta,Breaks,block,2020-21,300000,in_contract,6
Delta,Breaks,block,2021-22,300000,in_contract,7
"""


def opened(folder, **more):
    """The board of a scratch case; register and spend beside it where the case names them."""
    council = {"name": "Example County Council", "short": "Example", "la_code": "", "region": ""}
    tree = {"extends": "national", "council": council, "as_at": date(2022, 4, 25), **more}
    text = yaml.safe_dump(tree)
    (folder / "example.yaml").write_text(text, encoding="utf-8")
    (folder / "register.csv").write_text(REGISTER, encoding="utf-8")
    (folder / "spend.csv").write_text(SPEND, encoding="utf-8")
    return Study(Parameters(str(folder / "example.yaml"), draws=40)).contracts


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    files = {"register": "register.csv", "spend": "spend.csv", "synthetic": True}
    return opened(tmp_path_factory.mktemp("files"), contracts=files)


def shared(**weights):
    """North Yorkshire's boards, some of their weights certain at a value."""
    said = "; ".join(f"contracts.boards.weights.{name}={value}" for name, value in weights.items())
    return Study(Parameters("north_yorkshire", draws=40, overrides=said)).contracts


@pytest.fixture(scope="module")
def boards():
    return shared()


@pytest.fixture(scope="module", params=["nottinghamshire", "rutland"])
def shipped(request):
    return Study(Parameters(request.param, draws=40)).contracts


# Without files

def test_a_case_without_files_estimates_nothing(tmp_path):
    none = opened(tmp_path)
    assert none.register is none.spend is none.growth is none.pipeline is none.gaps is None
    assert none.kinds is none.voids is none.budgets is none.reach is none.published is None
    assert none.rest is none.queue is None and none.together == {} and none.flag == ""
    assert "Not estimated" in said.basis("Example", none.read, none.synthetic)
    assert said.limits(none.read, none.synthetic, False).startswith("Without")


# Register and spend

def test_growth_and_top_tie_to_the_payments(board):
    assert board.years == ("2020-21", "2021-22")
    assert board.growth.status.loc["all", ["before", "after"]].tolist() == [600_000, 1_300_000]
    assert board.top.loc["2021-22", "total"] == 1_300_000
    assert board.growth.status.at["new", "change"] == 700_000


def test_suppliers_of_one_list_are_one_agreement(board):
    rows = board.agreements.set_index("reference")
    assert list(rows.index) == ["F1", "S1", "B1", "B2", "X1"]
    assert rows.at["F1", "supplier"] == "2 suppliers" and rows.at["F1", "annual_value"] == 300_000
    assert rows.at["B2", "replaces"] == "B1"
    assert board.kinds.loc[("2021-22", "framework"), "in_place"] == 2


def test_a_contract_for_one_place_is_not_recommissioned(board):
    assert set(board.pipeline.contracts["reference"]) == {"F1", "B1", "B2"}
    assert "X1" not in set(board.gaps["reference"])


def test_a_gap_is_where_the_replacement_begins_late(board):
    row = board.gaps.set_index("reference").loc["B1"]
    assert row["next_reference"] == "B2" and row["months"] == pytest.approx(2, abs=0.05)


def test_voids_are_of_blocks_in_force(board):
    assert board.voids["reference"].tolist() == ["B1"]
    assert board.voids["void_places"].tolist() == [2]


def test_spot_in_place_is_counted_at_each_quarters_end(board):
    assert board.spot.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert board.spot.index[-1] == "21-22 Q4"


def test_unjustified_spend_above_a_threshold_is_flagged(board):
    ends = {name: test.conclusion for name, test in board.together.items()}
    assert ends["Care"] == FLAG and ends["Breaks"] != FLAG
    assert board.together["Care"].spend["unjustified"] == 700_000


def test_invented_rows_are_flagged_and_real_ones_are_not(board, tmp_path):
    assert board.flag == EXAMPLE
    real = opened(tmp_path, contracts={"register": "register.csv", "spend": "spend.csv"})
    assert real.flag == "" and not real.synthetic


def test_a_register_alone_says_what_payments_would_add(tmp_path):
    alone = opened(tmp_path, contracts={"register": "register.csv"})
    assert alone.spend is None and alone.growth is None and alone.together == {}
    assert len(alone.kinds) and alone.kinds["spend_share"].isna().all()
    assert alone.years == ("2020-21", "2021-22")


# What was published

def test_the_rest_grew_as_the_published_figures_imply(tmp_path):
    def about(**figure):
        return {"quality": "published", "source": "Report, 6", **figure}
    printed = {"known": "2022-04", "total": about(at_least=153e6), "growth": about(at_most=0.25),
               "top_ten_share": about(about=0.15), "top_ten_growth": about(about=0.01)}
    found = opened(tmp_path, contracts={"published": printed}).rest
    before, after = 153e6 / 1.25, 153e6
    ten = 0.15 * 153e6
    assert found["value"] == pytest.approx((after - ten) / (before - ten / 1.01) - 1)
    assert found["rise"] == pytest.approx(after - before)
    assert found["others"] == pytest.approx(after - before - (ten - ten / 1.01))
    inside = [others(*ends) for ends in product((0.245, 0.248), (0.147, 0.153), (0.008, 0.012))]
    assert found["low"] < min(inside) < max(inside) < found["high"]
    del printed["growth"]
    assert opened(tmp_path, contracts={"published": printed}).rest is None


def test_the_shipped_examples_meet_what_was_published(shipped):
    known = shipped.published.dropna(subset=["example"])
    assert all(said.agrees(row) for _, row in known.iterrows()), known


def test_a_shipped_example_never_reaches_a_headline(shipped):
    assert shipped.flag == EXAMPLE and shipped.read["register"].synthetic
    assert not shipped.study._headlines


def test_public_tables_of_the_shipped_examples_name_no_supplier(shipped):
    latest = shipped.latest
    public = [views.sizes(latest), views.kinds(shipped.kinds, shipped.years, latest),
              views.gaps(shipped.gaps, exempt=False), views.voids(shipped.voids, exempt=False),
              views.together(shipped.together, shipped.bought, exempt=False),
              views.pipeline(shipped.pipeline.contracts), views.agenda(
                  shipped.pipeline.contracts, shipped.gaps, shipped.voids, shipped.together)]
    text = "\n".join(frame.to_csv() for frame in public)
    assert not [name for name in pd.concat([latest["supplier"], latest["owner"]]).unique()
                if name in text]
    assert "one child" not in text
    exempt = views.largest(latest, shipped.growth, shipped.top.attrs["names"]).to_csv()
    assert shipped.top.attrs["names"][0] in exempt


# Locality budgets

def test_budgets_add_to_the_total_to_the_penny(boards):
    assert (boards.budgets * 100).round().sum() == 102_150_000
    assert boards.split == SPLIT and boards.flag == ""
    shown = views.budgets(boards.budgets, boards.weights.values())
    assert shown["Budget"].iloc[-1] == shown["Budget"].iloc[:-1].sum() == 1_021_500


def test_a_weight_moved_moves_money_between_boards_and_makes_none(boards):
    assert boards.moves.sum(axis=1).abs().max() < 0.005
    for label in boards.boards.values():
        more, less = (boards.moves.at[(label, at), label] for at in ("high", "low"))
        assert more > 0 > less
    assert said.sways(boards.moves).startswith("The weight of ")


def test_reach_is_whole_programmes_over_fees_and_boards_add_up(boards):
    found, market = boards.reach["mean"].unstack(), boards.study.market
    every = found.loc[ALL]
    assert every.to_numpy() == pytest.approx(found.drop(ALL).sum().to_numpy(), rel=1e-9)
    results = market.results.sel(route=market.reference)
    fees = results["cost"].sel(item=["posted", "terms", "clause", "interim"]).sum(
        ("lot", "financial_year", "item"))
    each = (fees / results["count"].sel(outcome="placed").sum("lot")).values
    bought = sum(np.floor(budget / each) for budget in boards.budgets)
    assert every[market.reference] == pytest.approx(bought.mean(), rel=1e-9)
    assert boards.further.loc[market.reference, ["mean", "p10", "p90", "whole"]].eq(0).all()


def test_a_board_given_more_reaches_further_and_the_others_less(boards):
    first, label = next(iter(boards.boards.items()))
    more = shared(**{first: 2 * boards.weights[first].central_value()})
    more.study.__dict__["market"] = boards.study.market  # which no budget changes
    before, after = (one.reach["mean"].unstack() for one in (boards, more))
    others = before.index.drop([ALL, label])
    assert (after.loc[label] > before.loc[label]).all()
    assert (after.loc[others] < before.loc[others]).all(axis=None)


def test_board_weights_that_are_certain_move_nothing(boards):
    still = shared(**{name: one.central_value() for name, one in boards.weights.items()})
    assert still.moves.abs().max(axis=None) == 0
    assert still.budgets.equals(boards.budgets)
    assert said.sways(still.moves) == "No weight has a range: nothing moves."
