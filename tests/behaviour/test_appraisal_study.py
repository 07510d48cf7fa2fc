"""The appraisal of a study: what must tie to the market, to hand sums and to itself."""

import numpy as np
import pytest
import yaml
from sufficiency.case import load_case
from sufficiency.model.market import routes
from sufficiency.run.appraisal import Appraisal
from sufficiency.run.costed import LEFT
from sufficiency.run.parameters import Parameters
from sufficiency.run.study import Study

DRAWS = 300
SAID = {"known": "2016-01", "quality": "judgement", "note": "For a test"}


def number(unit, central, **more):
    return {"central": central, "unit": unit, **SAID, **more}


def own(**more):
    """An option with flows of its own: GBP 100,000 for two places, each used, of GBP 60,000."""
    return {
        "label": "Our own", "says": "We build.", "kind": "invest_to_save", "starts": "2025-04",
        "life_years": 10, "capital": number("GBP", 100_000.0, funded_by="general_fund"),
        "optimism_bias": number("share", 0.2),
        "running": number("GBP/year", 90_000.0, funded_by="social_care"),
        "avoided": number("GBP/place/year", 60_000.0, funded_by="social_care"),
        "places": number("places", 2.0), "occupancy": number("share", 1.0), **more}


def opened(path, draws=DRAWS, **given):
    return Study(Parameters(str(path), draws=draws, **given)).appraisal


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A case of these sections on top of another."""
    folder = tmp_path_factory.mktemp("cases")

    def load(sections, extends="national", **given):
        path = folder / f"case_{len(list(folder.iterdir()))}.yaml"
        path.write_text(yaml.safe_dump({"extends": extends, **sections}, sort_keys=False),
                        encoding="utf-8")
        return opened(path, **given)

    return load


def alone(**appraisal):
    """A case without a market."""
    return {"council": {"name": "A Council", "short": "A"}, "appraisal": {
        "prices": "2025-26", "years": 10,
        "options": {"do_nothing": {"label": "As now", "says": "Nothing."}, "own": own()},
        **appraisal}}


@pytest.fixture(scope="module")
def boards():
    return opened("north_yorkshire")


# What ties to the market

def test_without_inflation_and_discounting_it_saves_what_the_market_says():
    flat = ("appraisal.discount.0-30=0; market.index.general=0")
    found = opened("north_yorkshire", 40, overrides=flat)
    market = found.market.by_route["saving"]
    for name in found.options:
        route = found._route(name)
        assert found.summary.at[name, "saving"] / 4 == pytest.approx(market[route], abs=0.01)


def test_it_is_the_market_deflated_and_discounted_by_hand(boards):
    level = routes.index(boards.case, boards.worlds, 48, "general", None)[:, ::12]
    rise = level[7] / level[7, 0]
    cost = boards.market.results["cost"].sel(route="dynamic_market").isel(draw=7)
    by_hand = sum(float(cost.sel(financial_year=year).sum()) / rise[at] / 1.035**at
                  for at, year in enumerate(boards.years))
    assert float(boards.net_cost.sel(option="dynamic_market")[7]) == pytest.approx(by_hand)


def test_funds_and_years_add_up(boards):
    mean = boards.summary["mean"]
    np.testing.assert_allclose(boards.by_fund.sum(), mean)
    np.testing.assert_allclose(boards.factors(4) @ boards.by_year.values, mean)
    assert list(boards.by_fund.index) == ["dsg_high_needs", "general_fund"]
    np.testing.assert_allclose(mean["do_nothing"] - mean, boards.summary["saving"])


def test_more_draws_leave_the_first_worlds_as_they_are(boards):
    few = opened("north_yorkshire", 50)
    np.testing.assert_allclose(few.net_cost, boards.net_cost[:50])


# Options that fail, or cannot be costed

def test_the_reference_is_costed_though_it_fails_but_is_no_choice(boards):
    assert list(boards.failed["option"]) == ["do_nothing", "gated_spot"]
    assert "do_nothing" in boards.options and "gated_spot" not in boards.options
    assert "do_nothing" not in boards.choices and boards.reference == "do_nothing"
    best = boards.summary["probability_best"]
    assert np.isnan(best["do_nothing"]) and best.sum() == pytest.approx(1)
    assert boards.summary["expected_loss"].min() == pytest.approx(boards.evpi)
    assert set(boards.labels) == {*boards.options, "gated_spot"} == set(boards.says)


def test_an_order_of_a_court_fails_stopping():
    found = opened("northamptonshire", 20)
    (row,) = found.failed.to_dict("records")
    assert row["option"] == "cease" and "court" in row["why"] and "7.1.2" in row["why"]


def test_what_was_not_known_then_is_not_costed():
    now, then = opened("devon", 20), opened("devon", 20, as_known="2024-09")
    assert list(now.failed["option"]) == ["stop"]
    assert then.failed.set_index("option").at["maintained_places", "why"] == (
        "Its figures were not known by 2024-09")
    assert "maintained_places" not in then.options


def test_a_route_that_is_not_compared_is_said_not_costed(written):
    found = written({"market": {"compare": ["best_value_forms", "dynamic_market"],
                                "proposal": "dynamic_market"}}, "north_yorkshire", draws=30)
    assert found.choices == ["dynamic_market"] == [found.focus] and found.proposal == ""
    assert (found.failed["why"] == "The market of the case does not compare it").sum() == 4
    assert found.summary.loc["dynamic_market", "probability_best"] == 1


def test_a_case_without_options_is_refused(small_case, written):
    with pytest.raises(ValueError, match=r"appraisal\.options: found nothing; allowed options, do"):
        written({"council": {"name": "A Council", "short": "A"}})


# Flows of an option's own

def test_an_investment_alone_by_hand(written):
    found = written(alone())
    years = np.arange(10)
    saved = (1.035 ** -years * 30_000).sum() - 120_000
    assert found.years[0] == "2025-26" == found.prices and found.focus == "own"
    assert found.summary.at["own", "saving"] == pytest.approx(saved)
    assert found.by_fund.at["general_fund", "own"] == pytest.approx(120_000)
    row = found.invest.loc["own"]
    assert row["capital"] == 120_000 and row["payback"] == 4 and row["chance"] == 1
    assert row["npv_p50"] == row["npv_p10"] == pytest.approx(saved)
    assert found.summary.at["do_nothing", "mean"] == 0 and found.evpi == 0
    turns = found.switching().set_index("name")
    assert turns.at["appraisal.options.own.capital", "value"] == pytest.approx(
        (saved + 120_000) / 1.2, abs=200)
    assert turns.at["appraisal.options.own.capital", "says"] == "saves below"


def test_capital_is_paid_for_by_the_years_of_its_life(written):
    """Five of ten years: half of the capital comes back, in today's money, at their end."""
    found = written(alone(years=5))
    years = np.arange(5)
    saved = (1.035**-years * 30_000).sum() - 120_000 + 60_000 * 1.035**-4
    assert found.summary.at["own", "saving"] == pytest.approx(saved)
    # What is spent is spent: the value left is a row of its own, and all add up.
    assert found.by_fund.at["general_fund", "own"] == pytest.approx(120_000)
    assert found.by_fund.at[LEFT, "own"] == pytest.approx(-60_000 * 1.035**-4)
    assert found.by_fund["own"].sum() == pytest.approx(found.summary.at["own", "mean"])
    assert found.by_year["own"].tolist() == pytest.approx([90_000, *[-30_000] * 4, -60_000])


def test_a_wait_may_be_an_assumption(written):
    """A year to open, as a number and as an assumption, is the same; a range moves the saving."""
    options = {"do_nothing": {"label": "As now", "says": "Nothing."}}
    plain, told, ranged = (written(alone(options={**options, "own": own(opens_months=wait)})) for
                           wait in (12, number("months", 12.0), number(
                               "months", 12.0, low=6.0, high=18.0, min=0.0)))
    np.testing.assert_allclose(plain.net_cost, told.net_cost)
    assert plain.net_cost.std("draw").max() < 1e-6 < ranged.saving.sel(option="own").std()
    assert "appraisal.options.own.opens_months" in ranged.tornado("own").index
    longest = ranged._opens("own", ranged.worlds).max()
    assert longest > 18 and np.isfinite(ranged.invest.at["own", "npv_p50"])


def test_an_option_beside_the_others_is_costed_and_competes_with_none(written):
    options = {"do_nothing": {"label": "As now", "says": "Nothing."},
               "own": own(), "home": own(beside=True, places=number("places", 4.0))}
    found, few = written(alone(options=options)), written(alone())
    assert found.besides == ["home"] and found.choices == ["do_nothing", "own"] == few.choices
    assert found.summary.at["home", "saving"] > found.summary.at["own", "saving"]
    assert found.focus == "own" and np.isnan(found.summary.at["home", "probability_best"])
    assert {"own", "home"} == set(found.invest.index) == set(found.evidence.index)
    assert found.evpi == few.evpi and list(found.regret.index) == found.choices
    for name in ("probability_best", "expected_loss"):
        assert found.summary.at["own", name] == few.summary.at["own", name]


def test_what_starts_in_a_later_year_is_discounted_to_the_first(written):
    late = own(starts="2027-10", ramp_months=6)
    found = written(alone(years=3, options={
        "do_nothing": {"label": "As now", "says": "Nothing."}, "own": own(), "late": late}))
    by_year = found.by_year["late"]
    assert list(by_year[:2]) == [0, 0]
    # Half of the year: running throughout, on average half full; 9.5 of 10 years of life are left.
    assert by_year["2027-28"] == pytest.approx(120_000 + 45_000 - 30_000)
    assert by_year[LEFT] == pytest.approx(-120_000 * 0.95)


def test_own_flows_stand_beside_the_route(written):
    extra = own(starts="2021-04", occupancy=number("share", 0.9, low=0.8, high=0.96))
    found = written({"appraisal": {"options": {"own": extra}, "criteria": None}},
                    "north_yorkshire", draws=60)
    saving = found.saving.sel(option="own").values
    np.testing.assert_allclose(saving, found._own_saving("own", found.worlds), atol=0.01)
    both = found.flows.sel(option=["own", "do_nothing"]).sum(("fund", "financial_year"))
    assert (both.sel(option="own") != both.sel(option="do_nothing")).any()
    assert found.used("appraisal.options.own.occupancy") and not found.used("costs.x")
    assert found.tornado("own").index[0] == "appraisal.options.own.occupancy"


@pytest.fixture(scope="module")
def uncertain(written):
    """An investment that may or may not pay, by how full it is."""
    options = {"do_nothing": {"label": "As now", "says": "Nothing."}, "own": own(
        occupancy=number("share", 0.85, low=0.75, high=0.93),
        capital=number("GBP", 100_000.0, low=90_000.0, high=115_000.0, funded_by="general_fund"))}
    return written(alone(proposal="own", options=options, criteria={
        "cost": {"label": "Cost", "from": "cost", "better": "low", "swing": 60,
                 "quality": "judgement"},
        "near": {"label": "Near home", "swing": 40, "quality": "judgement", "scores": {
            "do_nothing": 20, "own": number("points", 70.0, low=55.0, high=85.0, min=0.0,
                                            max=100.0)}}}), draws=2000)


def test_what_decides_an_investment(uncertain):
    full = "appraisal.options.own.occupancy"
    assert uncertain.ranked[0] == full
    shares = uncertain.shares()["share"]
    assert shares[full] > 0.9 and shares.iloc[-1] == pytest.approx(1 - shares.iloc[:-1].sum())
    worth = uncertain.evppi()
    row = worth.loc[full]
    # Nothing else matters much, so to know how full it is is to know nearly all.
    assert 0.8 * uncertain.evpi < row["value"] < uncertain.evpi + 3 * row["error"]
    assert row["label"] == full or row["quality"] == "judgement"
    assert not uncertain.decides and uncertain.evidence.at["own", "share"] > 0.99


def test_at_a_switching_value_nothing_is_saved(uncertain):
    for row in uncertain.switching().dropna(subset="value").itertuples():
        saved = uncertain._own_saving("own", uncertain._fixed({row.name: row.value}))
        far = uncertain._own_saving("own", uncertain._fixed({row.name: row.central}))
        assert abs(saved.mean()) < 0.02 * abs(far).max() + 1


def test_a_named_state_is_where_its_assumptions_are(written, uncertain):
    told = uncertain.case.value("appraisal")
    states = {"full": {"label": "Always full", "set": "appraisal.options.own.occupancy=1"}}
    found = written({**alone(), "appraisal": {**told, "states": states}}, draws=100)
    rate = found._own_saving("own", found._fixed({"appraisal.options.own.occupancy": 1.0}))
    assert found.payoff.at["own", "Always full"] == pytest.approx(rate.mean())
    assert found.regret.at["do_nothing", "Always full"] == pytest.approx(rate.mean())
    assert found.minimax.option == "own" and found.minimax.regret == 0


def test_a_state_of_the_market_meets_it_again(written):
    state = {"none": {"label": "Nobody joins", "set": "market.joins=0; market.joins_later=0"}}
    found = written({"appraisal": {"states": state}}, "north_yorkshire", draws=60)
    assert found.payoff.at["approved_providers", "Nobody joins"] < 0, "a list for nobody only costs"
    assert (found.regret >= 0).all().all() and (found.regret.min() == 0).all()


# Beside cash

def test_scores_weights_and_ranks(uncertain):
    assert list(uncertain.weights["weight"]) == [0.6, 0.4]
    mean = uncertain.saving.sel(option="own").mean()
    assert uncertain.scores.at["own", "cost"] == (100 if mean > 0 else 0)
    # Judged scores too go from the worst choice to the best
    assert uncertain.outcomes.at["own", "near"] == pytest.approx(70, abs=1)
    assert uncertain.scores["near"].to_dict() == {"do_nothing": 0, "own": 100}
    table = uncertain.acceptability()
    np.testing.assert_allclose(table.sum(axis=1), 1)
    np.testing.assert_allclose(table.sum(), 1)
    mine, theirs = (uncertain.acceptability(ordered).at["own", 1] for ordered in (True, False))
    assert mine != theirs


def test_at_a_turning_weight_two_options_tie(boards):
    leader = boards.ranking.index[0]
    assert len(boards.turns)
    for name, row in boards.turns.iterrows():
        left = boards.weights["weight"].drop(name)
        left = left * (1 - row["value"]) / left.sum()
        total = boards.scores[left.index] @ left + boards.scores[name] * row["value"]
        assert total[leader] == pytest.approx(total[row["option"]])


def test_a_criterion_that_tells_nothing_apart_moves_nothing(written):
    same = {"label": "The same", "swing": 50, "quality": "judgement",
            "scores": {"do_nothing": 30, "own": 30}}
    cost = {"label": "Cost", "from": "cost", "better": "low", "swing": 50, "quality": "judgement"}
    one, two = (written(alone(criteria=criteria), draws=5).ranking["score"] for criteria in (
        {"cost": cost}, {"cost": cost, "same": same}))
    assert list(one.index) == list(two.index) == ["own", "do_nothing"]


def test_risks_with_and_without(boards):
    found = boards.risks
    assert set(found["without"]) | set(found["with"]) <= {"green", "amber", "red", ""}
    assert found["source"].str.len().all() and found["owner"].str.len().all()
    row = found.loc["challenge"]
    assert (row["without"], row["with"], row["with_by"]) == ("red", "green", "judgement")
    reds = opened("northamptonshire", 20).risks
    assert (reds["without_by"] == "source").sum() == (reds["with_by"] == "source").sum() == 3


def test_what_would_change_the_recommendation(boards):
    found = boards.robust
    assert {one["kind"] for one in found} <= {"assumption", "weight"}
    table = boards.tornado()
    for one in (one for one in found if one["kind"] == "assumption"):
        row, here = table.loc[one["key"]], boards.case[one["key"]]
        low, high = here.quantile([0.1, 0.9])
        assert low < one["value"] < high
        assert (row["high"] > row["low"]) == (one["says"] == "saves above")


def test_the_class_is_the_studys(boards):
    assert isinstance(boards, Appraisal) and boards.study.appraisal is boards
    case = load_case("north_yorkshire", root=boards.study.root)
    assert case.value("appraisal.proposal") == boards.proposal == boards.focus
