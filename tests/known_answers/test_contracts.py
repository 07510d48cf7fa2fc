"""Spend, concentration, pipelines, gaps and budgets, each worked by hand or simulated."""

import json
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sufficiency.model.contracts import boards, estate, pipeline

sys.path.insert(0, str(Path(__file__).parents[1]))
from made_register import YEARS, register, spend

NORTH_YORKSHIRE = 1_021_500.00
# GOV.UK, UK bank holidays, England and Wales.
PUBLISHED = """
2017-01-02 2017-04-14 2017-04-17 2017-05-01 2017-05-29 2017-08-28 2017-12-25 2017-12-26
2020-01-01 2020-04-10 2020-04-13 2020-05-08 2020-05-25 2020-08-31 2020-12-25 2020-12-28
2021-01-01 2021-04-02 2021-04-05 2021-05-03 2021-05-31 2021-08-30 2021-12-27 2021-12-28
2022-01-03 2022-04-15 2022-04-18 2022-05-02 2022-06-02 2022-06-03 2022-08-29 2022-09-19
2022-12-26 2022-12-27
2023-01-02 2023-04-07 2023-04-10 2023-05-01 2023-05-08 2023-05-29 2023-08-28 2023-12-25 2023-12-26
2024-01-01 2024-03-29 2024-04-01 2024-05-06 2024-05-27 2024-08-26 2024-12-25 2024-12-26
""".split()
STAGES = [{"name": name, "months": months} for name, months in
          (("review", 3), ("options", 3), ("market test", 3), ("tender", 6), ("mobilise", 3))]
DAYS = pipeline.bank_holidays(2017, 2026)


@pytest.fixture(scope="module")
def oracle(shared):
    found = json.loads((shared / "oracles" / "h_concent.json").read_text(encoding="utf-8"))
    return {one["id"]: one for one in found}


def placements(counts, prices=1.0):
    names = np.repeat([f"S{at}" for at in range(len(counts))], counts)
    return pd.DataFrame({"financial_year": "2021-22", "supplier": names, "amount": prices})


# Concentration

def test_index_from_counts(oracle):
    case = oracle["hhi_from_counts"]
    found = estate.concentration(placements(case["inputs"]["counts"]), "supplier").loc["supplier"]
    for column, name in (("hhi", "plug_in"), ("hhi_unbiased", "unbiased"),
                         ("effective", "effective_n")):
        assert found[column] == pytest.approx(case["expected"][name], abs=case["tol"])
    assert (found["units"], found["names"], found["top"]) == (30, 5, 1)


def test_index_of_four_firms(oracle):
    case = oracle["hhi_four_firms"]
    found = estate.concentration(placements(case["inputs"]["shares"]), "supplier", k=2)
    assert found.at["supplier", "hhi"] == pytest.approx(case["expected"][0], abs=case["tol"])
    assert found.at["supplier", "top"] == pytest.approx(0.6)


@pytest.mark.parametrize(("column", "level"), [("hhi_low", 0.025), ("hhi_high", 0.975)])
def test_ends_are_those_of_placements_drawn_again(oracle, column, level):
    """Against 40,000 multinomial draws, moved by twice their bias; twelve names give the error."""
    counts = 2 * np.array(oracle["hhi_from_counts"]["inputs"]["counts"])
    many = counts.sum()
    drawn = np.random.default_rng(4).multinomial(many, counts / many, 40_000) / many
    drawn, index = 1e4 * (drawn**2).sum(1), 1e4 * ((counts / many) ** 2).sum()
    found = np.array([estate.concentration(placements(counts), "supplier", name=str(at))[column]
                      for at in range(12)])
    error = found.std(ddof=1) * np.sqrt(1 / 12 + 1000 / 40_000)
    expected = np.quantile(drawn, level) - 2 * (drawn.mean() - index)
    assert abs(found.mean() - expected) < 4 * error


@pytest.fixture(scope="module")
def replications():
    """(truth, intervals, unbiased) of 200 years of 300 placements of uneven price, 40 suppliers."""
    luck = np.random.default_rng(11)
    chance, count = luck.dirichlet(np.full(40, 0.7)), 200
    truth = 1e4 * (chance**2).sum(), np.sort(chance)[-5:].sum()
    found = []
    for _ in range(count):
        held = luck.choice(40, 300, p=chance)
        frame = pd.DataFrame({"financial_year": "2021-22", "supplier": held.astype(str),
                              "amount": np.exp(0.5 * luck.standard_normal(300)).round(2)})
        found.append(estate.concentration(frame, "supplier", k=5, resamples=200).iloc[0])
    return truth, pd.DataFrame(found)


@pytest.mark.parametrize(("name", "at", "least"), [("hhi", 0, 0.93), ("top", 1, 0.93)])
def test_interval_holds_the_truth_as_often_as_it_says(replications, name, at, least):
    truth, found = replications
    held = ((found[f"{name}_low"] <= truth[at]) & (truth[at] <= found[f"{name}_high"])).mean()
    error = np.sqrt(least * (1 - least) / len(found))
    assert held >= least - 4 * error, (name, held)
    assert held <= 0.99 + 4 * np.sqrt(0.99 * 0.01 / len(found))
    wide = (found[f"{name}_high"] - found[f"{name}_low"]).mean()
    assert wide < 7 * found[name].std(), "held because it is needlessly wide"


def test_unbiased_index_is_right_on_average_and_the_other_is_high(replications):
    truth, found = replications
    for name, right in (("hhi_unbiased", True), ("hhi", False)):
        error = found[name].std(ddof=1) / np.sqrt(len(found))
        assert (abs(found[name].mean() - truth[0]) < 4 * error) == right, name


# Spend

SPENT = spend((0, "A", "care", "block", 100.10), (0, "B", "care", "spot", 50.20),
              (0, "C", "school", "framework", 30.30), (1, "A", "care", "block", 140.15),
              (1, "C", "school", "framework", 20.05), (1, "D", "school", "spot", 60.40))


def test_growth_by_hand():
    """180.60 to 220.60: A +40.05, C -10.25, D new +60.40, B gone -50.20."""
    names, status, causes = estate.growth_split(SPENT, YEARS)
    assert names["change"].to_dict() == {"D": 60.4, "B": -50.2, "A": 40.05, "C": -10.25}
    assert status["change"].to_dict() == {"continuing": 29.8, "new": 60.4, "gone": -50.2, "all": 40}
    assert status["names"].to_dict() == {"continuing": 2, "new": 1, "gone": 1, "all": 4}
    assert status.at["all", "of_before"] == pytest.approx(40 / 180.6)
    assert causes is None
    by_kind = estate.growth_split(SPENT, YEARS, "kind").names["change"]
    assert by_kind.to_dict() == {"block": 40.05, "framework": -10.25, "spot": 10.2}


def test_growth_by_volume_mix_and_price_by_hand():
    """Care 100 at 10 and school 50 at 40 become 120 at 11, 60 at 50 (see the bridge's own test)."""
    bought = ((0, "care", 1000, 100), (0, "school", 2000, 50), (1, "care", 1320, 120),
              (1, "school", 3000, 60))
    rows = spend(*((year, "A", name, "block", money, {"placement_years": years})
                   for year, name, money, years in bought))
    causes = estate.growth_split(rows, YEARS).causes
    assert causes.to_dict() == {"opening": 3000, "volume": 600, "mix": 0, "price": 720,
                                "closing": 4320}


def test_growth_adds_to_the_penny():
    luck = np.random.default_rng(2)
    rows = spend(*((int(year), f"S{s}", f"c{s % 7}", "spot", money,
                    {"placement_years": money / (1e4 + s)}) for year, s, money in zip(
        luck.integers(0, 2, 4000), luck.integers(0, 300, 4000),
        luck.gamma(2, 4e4, 4000).round(2), strict=True)))
    pence = (rows["amount"] * 100).round().astype(int).groupby(rows["financial_year"]).sum()
    names, status, causes = estate.growth_split(rows, YEARS)
    for part in (names["change"], status["change"].drop("all"), causes.iloc[1:4]):
        assert (part * 100).round().astype(int).sum() == pence.diff().iloc[-1]
    by_kind = estate.totals(rows, "category")
    assert ((by_kind * 100).round().astype(int).sum(axis=1) == pence).all()


def test_largest_by_hand():
    """The two largest: A and B 150.30 of 180.60, then A and D 200.55 of 220.60; these had 100.10"""
    found = estate.top(SPENT, YEARS, k=2)
    assert found["top"].tolist() == [150.3, 200.55]
    assert found["same"].tolist() == [100.1, 200.55]
    assert found["share"].iloc[0] == pytest.approx(150.3 / 180.6)
    assert found.attrs["names"] == ["A", "D"]


def test_the_rest_of_printed_figures_by_hand():
    """80 grew to 100; the largest from 40 to 50, so all others from 40 to 50 too."""
    found = estate.rest(100, ("about", 0.25), ("about", 0.5), ("about", 0.25))
    assert found["value"] == pytest.approx(0.25) and found["others"] == pytest.approx(10)
    assert found["rise"] == pytest.approx(20)
    # The total grew least, the largest most and had the smallest part of it
    least = 0.505 / (1 / 1.245 - 0.495 / 1.255) - 1
    assert found["low"] <= least < 0.25 < found["high"]
    over = estate.rest(100, ("at_least", 0.25), ("about", 0.5), ("at_most", 0.25))
    assert over["low"] == pytest.approx(0.25) and over["high"] > found["high"]


def test_justifications_add_to_the_spend():
    """Blank: block and framework are in contract, spot is not."""
    found = estate.aggregate(SPENT).set_index(["financial_year", "category", "justification"])
    assert found["gbp_a_year"].to_dict() == {
        (YEARS[0], "care", "in_contract"): 100.1, (YEARS[0], "care", "unjustified"): 50.2,
        (YEARS[0], "school", "in_contract"): 30.3, (YEARS[1], "care", "in_contract"): 140.15,
        (YEARS[1], "school", "in_contract"): 20.05, (YEARS[1], "school", "unjustified"): 60.4}
    assert (found["not_stated"] == found["gbp_a_year"]).all()
    said = SPENT.assign(justification="court_ordered")
    assert estate.aggregate(said)["not_stated"].sum() == 0


# Kinds

def test_kinds_by_year_by_hand():
    """31 March is in the year that ends, 1 April in the next; no end is in all."""
    rows = register({"reference": "1", "end": date(2021, 3, 31)},
                    {"reference": "2", "end": date(2021, 4, 1)}, {"reference": "3", "end": None},
                    {"reference": "4", "kind": "spot", "start": date(2021, 4, 1),
                     "end": date(2021, 6, 1)})
    found = estate.by_kind(rows, YEARS, SPENT)
    assert found["in_place"].to_dict() == {
        (YEARS[0], "block"): 0, (YEARS[0], "framework"): 3, (YEARS[0], "spot"): 0,
        (YEARS[1], "block"): 0, (YEARS[1], "framework"): 2, (YEARS[1], "spot"): 1}
    assert found["started"].to_dict()[YEARS[1], "spot"] == 1
    assert found["spend"].to_dict()[YEARS[1], "spot"] == 60.4
    assert found["spend_share"].to_dict()[YEARS[1], "spot"] == pytest.approx(60.4 / 220.6)
    # Clopper and Pearson, 1 of 3: 0.0084 and 0.9057.
    assert found.loc[(YEARS[1], "spot"), "share_low":"share_high"].to_list() == pytest.approx(
        [0.0084, 0.9057], abs=1e-4)


def test_change_of_counts_holds_the_truth_at_least_as_often_as_it_says():
    """Exact intervals are wide: 95 in 100 or more of Poisson counts of 20 and 30."""
    luck, count = np.random.default_rng(6), 4000
    held = [one.low <= 1.5 <= one.high for one in (
        estate.change(*pair) for pair in zip(luck.poisson(20, count), luck.poisson(30, count),
                                             strict=True))]
    assert 0.95 - 4 * np.sqrt(0.95 * 0.05 / count) <= np.mean(held) < 0.99
    assert estate.change(90, 110).ratio == pytest.approx(110 / 90)
    assert estate.change(10, 0)[:2] == (0, 0)


def test_voids_by_hand():
    """30 places of 3,500 a week, 27 children: 3 empty, 365/7 weeks: 547,500."""
    rows = register({"reference": "1", "kind": "block", "end": None, "places": 30, "children": 27,
                     "price_per_week": 3500},
                    {"reference": "2", "kind": "block", "end": None, "places": 10, "children": 12,
                     "annual_value": 365_000.0},
                    {"reference": "3", "kind": "block", "end": None, "places": 5},
                    {"reference": "4", "end": None, "places": 9, "children": 1})
    found = estate.voids(rows).set_index("reference")
    assert found["void_cost"].to_list()[:2] == [547_500.0, 0.0]
    assert found["extra_children"].to_list()[:2] == [0, 2]
    assert found.at["2", "price_per_week"] == pytest.approx(700)
    assert found.at["1", "occupancy"] == 0.9
    assert list(found.index) == ["1", "2", "3"] and np.isnan(found.at["3", "void_cost"])


# Days

def test_bank_holidays_are_the_published_ones():
    years = sorted({int(day[:4]) for day in PUBLISHED})
    found = {str(day) for year in years for day in pipeline.bank_holidays(year, year)}
    assert found == set(PUBLISHED)


def test_a_day_not_yet_proclaimed_is_a_working_day():
    then, later = (pipeline.bank_holidays(2022, 2023, month) for month in ("2022-04", None))
    assert later - then == {date(2022, 9, 19), date(2023, 5, 8)}
    before = pipeline.bank_holidays(2022, 2022, "2020-10")
    assert date(2022, 5, 30) in before and date(2022, 6, 3) not in before


@pytest.mark.parametrize(("first", "last", "days"), [
    (date(2022, 4, 11), date(2022, 4, 25), 8),  # ten weekdays, less Good Friday, Easter Monday
    (date(2022, 5, 30), date(2022, 6, 6), 3),  # five, less the Platinum Jubilee's two
    (date(2022, 4, 25), date(2022, 4, 11), -8), (date(2022, 4, 15), date(2022, 4, 19), 0)])
def test_working_days_by_hand(first, last, days):
    assert pipeline.working_days(first, last, DAYS) == days


# Pipeline

@pytest.mark.parametrize(("end", "starts"), [
    (date(2023, 8, 31), date(2022, 2, 28)),  # no 31 February
    (date(2023, 10, 15), date(2022, 4, 14)),  # Good Friday: the Thursday before
    (date(2023, 10, 18), date(2022, 4, 14)),  # Easter Monday: over the weekend and Good Friday
    (date(2023, 12, 3), date(2022, 6, 1)),  # Platinum Jubilee: over 3 and 2 June
    (date(2023, 11, 30), date(2022, 5, 30)),  # the Monday that was given up for it
    (date(2023, 9, 19), date(2022, 3, 18))])  # a Saturday
def test_recommissioning_starts_eighteen_months_before_the_end(end, starts):
    found = pipeline.pipeline(register({"reference": "1", "end": end}), date(2022, 4, 25), DAYS,
                              STAGES)
    assert found.contracts.at[0, "starts"] == starts


def test_stages_of_the_list_that_ends_in_august_2023():
    """On 25 April 2022: the review runs to 31 May, 24 working days on (one is May Day)."""
    rows = register({"reference": "1", "end": date(2023, 8, 31), "extension_months": 12})
    contracts, stages = pipeline.pipeline(rows, date(2022, 4, 25), DAYS, STAGES)
    assert stages["begins"].tolist() == [date(2022, 2, 28), date(2022, 5, 31), date(2022, 8, 31),
                                         date(2022, 11, 30), date(2023, 5, 31)]
    assert stages["finishes"].tolist()[-1] == date(2023, 8, 31)
    assert stages["status"].tolist() == ["now", "next", "later", "later", "later"]
    # 26 weekdays from 25 April to 30 May, less 2 May.
    assert stages["working_days"].iloc[0] == 25
    one = contracts.iloc[0]
    assert (one["status"], one["stage"], one["last_end"]) == ("now", "review", date(2024, 8, 31))
    # 40 weekdays from 28 February to 22 April, less Good Friday and Easter Monday.
    assert one["working_days"] == -38


@pytest.mark.parametrize(("as_at", "done", "said", "contract"), [
    (date(2022, 6, 1), "", ["overdue", "now", "next", "later", "later"], "overdue"),
    (date(2022, 6, 1), "review", ["done", "now", "next", "later", "later"], "now"),
    (date(2022, 6, 1), "options", ["done", "done", "next", "later", "later"], "next"),
    (date(2022, 2, 1), "", ["next", "later", "later", "later", "later"], "next"),
    (date(2021, 8, 1), "", ["next", "later", "later", "later", "later"], "later"),
    (date(2023, 8, 31), "tender", ["done"] * 4 + ["overdue"], "overdue"),
    (date(2022, 6, 1), "mobilise", ["done"] * 5, "done")])
def test_what_is_due_on_a_day(as_at, done, said, contract):
    rows = register({"reference": "1", "end": date(2023, 8, 31), "stage_done": done})
    found = pipeline.pipeline(rows, as_at, DAYS, STAGES)
    assert found.stages["status"].tolist() == said
    assert found.contracts.at[0, "status"] == contract


# Gaps

def test_gaps_by_hand():
    """As at 25 April 2022; the value exposed is that of the days between."""
    rows = register(
        # Replaced by 2, three months and a day late: 92 of 365 days of 365,000.
        {"reference": "1", "end": date(2022, 8, 31), "annual_value": 365_000.0,
         "extension_months": 3},
        {"reference": "2", "start": date(2022, 12, 2), "end": date(2026, 12, 1), "replaces": "1"},
        # Nothing follows in foster care.
        {"reference": "3", "category": "foster", "end": date(2023, 8, 31), "annual_value": 100.0},
        # Alternative provision goes on under 5 when 4 ends; a spot purchase covers nothing.
        {"reference": "4", "category": "ap", "end": date(2022, 12, 31)},
        {"reference": "5", "category": "ap", "end": date(2025, 12, 31)},
        {"reference": "6", "category": "foster", "kind": "spot", "end": date(2024, 12, 31)},
        # Ended before; its replacement has begun. Ended too long ago. Ends too far ahead.
        {"reference": "7", "category": "legal", "end": date(2021, 12, 31)},
        {"reference": "8", "category": "legal", "start": date(2022, 2, 1), "end": None},
        {"reference": "9", "category": "old", "end": date(2019, 12, 31)},
        {"reference": "10", "category": "far", "end": date(2024, 12, 31)})
    found = pipeline.gaps(rows, date(2022, 4, 25)).set_index("reference")
    assert list(found.index) == ["1", "3"]
    assert found.at["1", "exposed"] == 92_000.0
    assert found.at["1", "months"] == 3.0
    assert found.loc["1", ["next_reference", "next_start"]].tolist() == ["2", date(2022, 12, 2)]
    assert not found.at["1", "extension_closes"], "to 30 November, a day short"
    assert np.isnan(found.at["3", "months"]) and np.isnan(found.at["3", "exposed"])
    assert found.at["3", "annual_value"] == 100.0
    longer = rows.assign(extension_months=[4.0, *rows["extension_months"][1:]])
    assert pipeline.gaps(longer, date(2022, 4, 25))["extension_closes"].tolist() == [True, False]


# Boards

def test_budget_shared_to_the_penny():
    """Five boards by 5, 4, 3, 2, 1 parts: a fifteenth of 1,021,500 is 68,100 exactly."""
    found = boards.allocate(NORTH_YORKSHIRE, dict(zip("abcde", [5, 4, 3, 2, 1], strict=True)))
    assert found.to_list() == [340_500, 272_400, 204_300, 136_200, 68_100]
    thirds = boards.allocate(100.00, {"a": 1, "b": 1, "c": 1})
    assert thirds.to_list() == [33.34, 33.33, 33.33], "the penny left over goes to the first"
    # 10 pence by 0.59, 0.29, 0.12: 5.9, 2.9, 1.2 pence; two left, to .9 and .9.
    assert boards.allocate(0.10, {"a": 0.59, "b": 0.29, "c": 0.12}).to_list() == [0.06, 0.03, 0.01]


def test_any_weights_share_the_budget_exactly():
    luck = np.random.default_rng(9)
    for _ in range(2000):
        weights = luck.gamma(0.3, 10 ** luck.uniform(-6, 6), 5)
        found = boards.allocate(NORTH_YORKSHIRE, dict(enumerate(weights)))
        pence = np.rint(found.to_numpy() * 100).astype(int)
        assert pence.sum() == 102_150_000
        exact = 102_150_000 * weights / weights.sum()
        assert np.abs(pence - exact).max() < 1


def test_sensitivity_by_hand():
    """Weights 1, 1; the first at 3 takes three quarters of 100, at 0 nothing."""
    found = boards.sensitivity(100.0, {"a": (0, 1, 3), "b": (1, 1, 1)})
    assert found.loc[("a", "high")].tolist() == [25, -25]
    assert found.loc[("a", "low")].tolist() == [-50, 50]
    assert found.loc["b"].to_numpy().tolist() == [[0, 0], [0, 0]]


def test_reach_by_hand():
    """10,000 at 900 a programme is 11; with 1,000 of 20,000 to run the route, 9,500 at 950 is 10.

    At 1,000 in three of four worlds and 2,000 in the other: 10, 10, 10 and 5.
    """
    found = boards.reach(pd.Series({"a": 10_000.0, "b": 10_000.0}), {
        "spot": 900, "list": 950, "drawn": [1000, 1000, 1000, 2000]}, {"list": 1000})
    assert found["mean"].loc["a"].to_dict() == {"spot": 11, "list": 10, "drawn": 8.75}
    assert found.loc[("a", "drawn"), "p90"] == 10
    assert found.loc[("a", "drawn"), "p10"] == pytest.approx(5 + 0.3 * 5)
