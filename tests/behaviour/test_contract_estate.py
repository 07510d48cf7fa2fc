"""What the contract models refuse, keep and leave alone."""

import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sufficiency.case.law import read_law
from sufficiency.case.procurement import FLAG, aggregation
from sufficiency.model.contracts import boards, estate, pipeline

sys.path.insert(0, str(Path(__file__).parents[1]))
from made_register import YEARS, register, spend

AS_AT = date(2022, 4, 25)
DAYS = pipeline.bank_holidays(2017, 2026)
STAGES = [{"name": "review", "months": 6}, {"name": "tender", "months": 12}]
ROWS = spend((0, "A", "care", "block", 100.0), (1, "A", "care", "spot", 300.0))


def many(count=200, seed=1, spread=0.5):
    luck = np.random.default_rng(seed)
    held = luck.choice(12, count, p=luck.dirichlet(np.full(12, 1.0)))
    return pd.DataFrame({"financial_year": "2021-22", "supplier": [f"S{s}" for s in held],
                         "owner": [f"O{s // 3}" for s in held],
                         "amount": np.exp(spread * luck.standard_normal(count)).round(4)})


# Concentration

def test_interval_does_not_depend_on_the_order_of_rows():
    rows = many()
    found = estate.concentration(rows)
    again = estate.concentration(rows.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(found, again)
    other = estate.concentration(rows, name="another")
    assert (found["hhi"] == other["hhi"]).all() and (found["hhi_high"] != other["hhi_high"]).all()


def test_owners_hold_more_than_their_suppliers():
    found = estate.concentration(many(), k=3)
    assert found.at["owner", "hhi"] > found.at["supplier", "hhi"]
    assert found.at["owner", "top"] > found.at["supplier", "top"]
    assert found["names"].to_dict() == {"supplier": 12, "owner": 4}


def test_payments_of_one_placement_are_one_unit():
    """Twelve payments a placement make an interval look narrow; they are summed first."""
    rows = many(90).assign(reference=range(90))
    monthly = pd.concat([rows.assign(amount=rows["amount"] / 12)] * 12)
    together, apart = (estate.concentration(monthly, "supplier", k=3, unit=unit).loc["supplier"]
                       for unit in ("reference", None))
    assert (together["units"], apart["units"]) == (90, 1080)
    assert together["hhi"] == pytest.approx(apart["hhi"], rel=1e-3)
    wide = together["hhi_high"] - together["hhi_low"]
    assert wide > 2 * (apart["hhi_high"] - apart["hhi_low"])


@pytest.mark.parametrize(("rows", "blank"), [
    (many(19), ["hhi_low", "hhi_high", "top_low"]), (many(60, spread=2.5), ["hhi_low", "top_high"]),
    (many(45, spread=0.1), ["top_low", "top_high"])])
def test_no_interval_where_few_units_make_the_spend(rows, blank):
    """Of 45 like units the ten largest suppliers cannot be told, the index can."""
    found = estate.concentration(rows, "supplier").loc["supplier"]
    assert found[blank].isna().all()
    assert found[["hhi", "top", "effective"]].notna().all()
    if "hhi_low" not in blank:
        assert found[["hhi_low", "hhi_high"]].notna().all()


def test_one_supplier_holds_all():
    found = estate.concentration(many().assign(supplier="only"), "supplier", k=3).loc["supplier"]
    assert (found["hhi"], found["hhi_low"], found["hhi_high"], found["top_low"]) == (
        10_000, 10_000, 10_000, 1)


# Bad input

@pytest.mark.parametrize(("call", "said"), [
    (lambda: estate.totals(ROWS.drop(columns="amount")), "no column amount"),
    (lambda: estate.totals(ROWS.drop(columns="financial_year")), "no column date"),
    (lambda: estate.totals(ROWS.assign(amount=[1.0, np.nan])), "found a blank"),
    (lambda: estate.growth_split(ROWS, ("2020-21", "2022-23")), "found none in 2022-23; allowed "
     "2020-21, 2021-22"),
    (lambda: estate.growth_split(ROWS.assign(supplier=["A", None]), YEARS), "blank supplier"),
    (lambda: estate.concentration(many().assign(amount=-1.0)), "below 0"),
    (lambda: estate.concentration(many().assign(amount=0.0)), "no spend"),
    (lambda: estate.by_kind(register({"reference": "1", "end": None}).drop(columns="end"), YEARS),
     "no column end"),
    (lambda: pipeline.bank_holidays(2012, 2022), "allowed 2013 or later"),
    (lambda: boards.allocate(100.0, {"a": -1, "b": 2}), "found weights -1.0, 2.0"),
    (lambda: boards.allocate(100.0, {"a": 0, "b": 0}), "not all 0"),
    (lambda: boards.allocate(100.0, {"a": np.inf, "b": 1}), "allowed numbers of 0 or more"),
    (lambda: boards.allocate(100.0, {"a": np.nan, "b": 1}), "allowed numbers of 0 or more"),
    (lambda: boards.allocate(100.0, {}), "not all 0"),
    (lambda: boards.allocate(100.005, {"a": 1}), "whole pence"),
    (lambda: boards.allocate(-1.0, {"a": 1}), "0 or more"),
    (lambda: boards.reach(pd.Series({"a": 1.0}), {"spot": 0.0}), "spot: found a unit cost")])
def test_bad_input_is_refused_by_name(call, said):
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.parametrize("months", [(6, 6), (0, 18), (6.5, 11.5)])
def test_stages_must_add_up(months):
    stages = [{"name": name, "months": m} for name, m in zip("ab", months, strict=True)]
    with pytest.raises(ValueError, match="whole months that add to lead_months, 18"):
        pipeline.pipeline(register({"reference": "1", "end": date(2023, 8, 31)}), AS_AT, DAYS,
                          stages)


def test_a_year_without_holidays_is_refused():
    rows = register({"reference": "1", "end": date(2027, 8, 31)})
    with pytest.raises(ValueError, match="found none in 2027; allowed those of every year"):
        pipeline.pipeline(rows, AS_AT, DAYS, STAGES)


# Registers as they come

def test_what_needs_no_recommissioning_is_said_or_left_out():
    rows = register(
        {"reference": "1", "end": None}, {"reference": "2", "end": date(2022, 4, 24)},
        {"reference": "3", "end": date(2022, 4, 25)}, {"reference": "4", "end": date(2022, 12, 31)},
        {"reference": "5", "start": date(2023, 1, 1), "end": date(2026, 12, 31), "replaces": "4"},
        {"reference": "6", "kind": "spot", "end": date(2022, 12, 31)},
        {"reference": "7", "kind": "in_house", "end": None})
    found = pipeline.pipeline(rows, AS_AT, DAYS, STAGES)
    assert found.contracts.set_index("reference")["status"].to_dict() == {
        "1": "no end stated", "2": "ended", "3": "overdue", "4": "replaced", "5": "later"}
    assert found.contracts.set_index("reference").at["4", "replaced_by"] == "5"
    assert set(found.stages["reference"]) == {"3", "5"}
    assert found.contracts["starts"].dropna().is_monotonic_increasing


def test_an_extension_moves_its_end_and_no_other_day():
    rows = register({"reference": "1", "end": date(2023, 8, 31)})
    found, longer = (pipeline.pipeline(rows.assign(extension_months=months), AS_AT, DAYS, STAGES)
                     for months in (np.nan, 12.0))
    pd.testing.assert_frame_equal(found.stages, longer.stages)
    assert found.contracts["last_end"].tolist() == [date(2023, 8, 31)]
    assert longer.contracts["last_end"].tolist() == [date(2024, 8, 31)]


def test_days_may_come_as_timestamps():
    rows = register({"reference": "1", "end": date(2022, 8, 31), "annual_value": 365.0},
                    {"reference": "2", "start": date(2022, 10, 1), "end": None})
    stamps = rows.assign(start=pd.to_datetime(rows["start"]), end=pd.to_datetime(rows["end"]))
    for frame in (rows, stamps):
        assert pipeline.gaps(frame, AS_AT)["exposed"].tolist() == [30.0]
        made = pipeline.pipeline(frame, AS_AT, DAYS, STAGES).contracts
        assert made["status"].tolist() == ["overdue", "no end stated"]
        assert estate.by_kind(frame, YEARS)["in_place"].tolist() == [1, 1]


def test_an_empty_register_gives_empty_tables():
    rows = register({"reference": "1", "kind": "spot", "end": date(2022, 8, 31)})
    for frame in (rows, rows.iloc[:0]):
        found = pipeline.pipeline(frame, AS_AT, DAYS, STAGES)
        assert not len(found.contracts) and not len(found.stages)
        assert not len(pipeline.gaps(frame, AS_AT)) and not len(estate.voids(frame))
        assert "exposed" in pipeline.gaps(frame, AS_AT)


def test_the_frames_given_are_left_as_they_were():
    rows, paid = register({"reference": "1", "end": date(2022, 8, 31)}), ROWS.copy()
    kept = rows.copy()
    pipeline.pipeline(rows, AS_AT, DAYS, STAGES)
    pipeline.gaps(rows, AS_AT)
    estate.voids(rows)
    estate.by_kind(rows, YEARS, paid)
    estate.aggregate(paid)
    estate.growth_split(paid, YEARS)
    pd.testing.assert_frame_equal(rows, kept)
    pd.testing.assert_frame_equal(paid, ROWS)


def test_a_name_like_a_formula_is_a_name():
    found = estate.growth_split(ROWS.assign(supplier="=cmd()"), YEARS).names
    assert list(found.index) == ["=cmd()"] and found["status"].tolist() == ["continuing"]


def test_financial_years_are_made_from_dates():
    dated = ROWS.drop(columns="financial_year").assign(date=[date(2021, 3, 31), date(2021, 4, 1)])
    pd.testing.assert_frame_equal(estate.totals(dated), estate.totals(ROWS))


# What is fed on

def test_sums_feed_the_aggregation_test(root):
    """£300,000 a year of care that nothing justifies, over four years, passes any threshold."""
    rows = estate.aggregate(spend((1, "A", "care", "spot", 150_000.0),
                                  (1, "B", "care", "spot", 150_000.0),
                                  (1, "C", "care", "block", 9_000_000.0)))
    assert rows["purchases"].tolist() == [1, 2] and rows["suppliers"].tolist() == [1, 2]
    law = read_law(root)
    found = aggregation(law, AS_AT, rows, 4, vat=0.0)
    assert found.spend["unjustified"] == 300_000 and found.conclusion == FLAG
    contracted = rows[rows["justification"] == "in_contract"]
    assert aggregation(law, AS_AT, contracted, 4, vat=0.0).conclusion != FLAG


def test_reach_falls_with_the_cost_of_running_a_route_and_never_below_nothing():
    budgets = boards.allocate(1_021_500.0, {"a": 3, "b": 1})
    free, paid, ruinous = (boards.reach(budgets, {"list": [900.0, 1100.0]}, {"list": fixed})
                           for fixed in (0.0, 100_000.0, 2_000_000.0))
    assert (paid["mean"] < free["mean"]).all() and (ruinous["mean"] == 0).all()
    assert (free["p10"] <= free["mean"]).all() and (free["mean"] <= free["p90"]).all()


def test_one_weight_moves_money_between_all_boards():
    found = boards.sensitivity(1_021_500.0, {name: (1, 2, 3) for name in "abcde"})
    assert np.allclose(found.sum(axis=1), 0, atol=1e-9)
    assert (found.xs("high", level="at").to_numpy().diagonal() > 0).all()
    assert ((found > 0).sum(axis=1)[::2] == 4).all(), "what one loses the four others share"
