"""Totals made by known rates give those rates back."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sufficiency.model.placements.calibrate import PRIOR, calibrate
from sufficiency.model.placements.engine import project
from sufficiency.model.placements.margins import BANDS, EDGES

YEARS = [2026, 2027, 2028, 2029]


@pytest.fixture(scope="module")
def made(small_case):
    """Devon's rates, four years of the totals they make, and what is fitted to those totals."""
    truth = calibrate(small_case).rates.certain()
    found = project(truth, periods=YEARS, seed=1, draws=1, engine="expected", growth=1.25)
    stock = found["stock"][0]
    januaries, years = [2025, *YEARS], [year - 1 for year in YEARS]
    plans = pd.DataFrame(stock.sum(2), januaries, truth.places)
    bands = np.add.reduceat(stock.sum(1), EDGES[:-1], axis=1)
    new = pd.DataFrame(found["joiners"][0], years, truth.places)
    special = ["state_special", "independent_special", "non_maintained_special"]
    coarse = new.drop(columns=["state_special", "specialist_post16", "early_years", "unknown"])
    coarse["special"] = new[special].sum(axis=1)
    coarse["further_education"] += new["specialist_post16"]
    tables = {"plans_by_setting": plans, "plans_by_age": pd.DataFrame(bands, januaries, BANDS),
              "new_plans": coarse.assign(total=new.sum(axis=1)),
              "flows": pd.DataFrame({"ceased": found["leavers"][0].sum(1)}, years)}
    return truth, found, calibrate(small_case, tables)


def test_yearly_flows_are_recovered(made):
    _, found, fitted = made
    history = fitted.history
    # the fit allows 3% of a year's ceasing; single ages are modelled, so half of that is asked
    ceased, joiners = (found[name][0].sum(1) for name in ("leavers", "joiners"))
    assert history["ceased_fitted"].to_numpy() == pytest.approx(ceased, rel=0.015)
    assert history["joiners"].to_numpy() == pytest.approx(joiners, rel=0.015)
    assert np.abs(history["unreconciled"]).max() < 0.5


def test_each_large_total_is_met(made):
    checks = made[2].checks[lambda rows: rows["published"] > 200]
    miss = (checks["fitted"] - checks["published"]).abs()
    # within two standard errors that the fit allows a published count
    allowed = 2 * np.sqrt(9 + checks["published"] + (0.04 * checks["published"]) ** 2)
    assert (miss < allowed).all(), checks[miss >= allowed].to_string()


def test_the_year_after_is_the_same(made, small_case):
    """What ships: next year's ceasing and moves from the fitted rates and the true."""
    truth, found, fitted = made
    truth = replace(truth, stock=found["stock"][0, -1])
    ours, true = (project(rates.certain(), periods=[2030], seed=1, draws=1, engine="expected")
                  for rates in (fitted.rates, truth))
    assert ours["leavers"].sum() == pytest.approx(true["leavers"].sum(), rel=0.05)
    ours, true = (pd.Series(flows["moved_in"][0, 0], truth.places) for flows in (ours, true))
    # the prior pulls moves towards the patterns: totals must leave less than half its doubt
    allowed, large = PRIOR["moves"] / 2, true[true > 100].index
    miss = np.log(ours / true)[large].abs()
    assert len(large) == 5 and (miss < allowed).all(), miss.to_string()
    # ... where the patterns by themselves would miss by more
    apart = np.log(calibrate(small_case).scales.filter(like="special"))
    assert (apart[["moves into state_special", "moves into independent_special"]] > allowed).all()
    bands = [np.add.reduceat(rates.join_mean.sum(0) / rates.join_mean.sum(), EDGES[:-1])
             for rates in (fitted.rates, truth)]
    assert np.abs(bands[0] - bands[1]).max() < 0.03
