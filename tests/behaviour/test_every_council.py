"""Every council of the published series can be calibrated, whatever it lacks."""

import numpy as np
import pandas as pd
import pytest
from sufficiency.case.returns import published
from sufficiency.model.placements.calibrate import calibrate, england


@pytest.fixture(scope="module")
def folder(shared):
    return published.read_folder(shared / "data")


@pytest.fixture(scope="module")
def devon(small_case):
    names = ("plans_by_setting", "plans_by_age", "new_plans", "flows")
    return {name: small_case.published(name) for name in names}


@pytest.fixture(scope="module")
def reference(small_case):
    """England's fit, made once: what `calibrate` makes itself when it is given none."""
    return england(small_case)


@pytest.fixture(scope="module")
def whole(devon, small_case):
    return calibrate(small_case, devon)


def test_every_council_calibrates(folder, small_case, reference):
    names, failures, level = published.councils(folder), [], {}
    assert len(names) > 140
    for name in names:
        tables = published.tables(folder, name)
        try:
            found = calibrate(small_case, tables, reference)
        except ValueError as error:
            failures.append(f"{name}: {error}")
            continue
        plans = tables["plans_by_setting"].iloc[-1].clip(lower=0).sum()
        assert found.rates.stock.sum() == pytest.approx(plans, abs=1), name
        own = found.history["new"].iloc[-1]
        # a council that itself issued as few, or as many, is not odd
        if not 0.8 < found.joiners / own < 1.25:
            level[name] = found.joiners / max(plans, 1)
        assert np.isfinite(found.difference), name
    assert not failures, "\n".join(failures)
    # England issued 0.15 new plans for each plan held; councils between a third and thrice that
    odd = {name: share for name, share in level.items() if not 0.05 < share < 0.45}
    assert not odd, odd


def test_englands_fit_given_is_englands_fit_made(devon, small_case, reference, whole):
    found = calibrate(small_case, devon, reference)
    assert (found.joiners, found.difference) == (whole.joiners, whole.difference)
    np.testing.assert_array_equal(found.rates.join_mean, whole.rates.join_mean)


def test_north_yorkshires_6078_new_plans_are_left_out_and_listed(folder, small_case):
    found = calibrate(small_case, published.tables(folder, "North Yorkshire"))
    listed = found.outliers.set_index(["table", "period"]).loc[("new_plans", 2022)]
    assert listed["found"] == 6078 and "plans changed by" in listed["why"]
    assert np.isnan(found.history.loc[2022, "new"])
    assert found.joiners < 0.3 * found.rates.stock.sum()


@pytest.mark.parametrize("missing", ["new_plans", "flows", "population", "by setting", "ceased",
                                     "requests", "bands of most years"])
def test_a_missing_piece_widens_nothing_else(devon, small_case, reference, whole, missing):
    tables = dict(devon)
    if missing in ("new_plans", "flows"):
        tables[missing] = None
    elif missing == "by setting":
        tables["new_plans"] = tables["new_plans"][["total"]]
    elif missing in ("ceased", "requests"):
        tables["flows"] = tables["flows"].drop(columns=missing)
    elif missing == "bands of most years":
        tables["plans_by_age"] = tables["plans_by_age"].loc[[2015, 2022]]
    found = calibrate(small_case, tables, reference)
    assert found.rates.stock.sum() == 9848
    # the level rests on the change in plans and on England where the council's flows are missing
    assert found.joiners == pytest.approx(whole.joiners, rel=0.25)


def test_settings_above_all_plans_are_scaled_and_listed(devon, small_case):
    plans = devon["plans_by_setting"].copy()
    plans.loc[2024, "unknown"] = -100.0
    found = calibrate(small_case, {**devon, "plans_by_setting": plans})
    assert ("plans_by_setting", 2024) in set(zip(found.outliers["table"],
                                                 found.outliers["period"], strict=True))
    assert found.history.loc[2024, "plans"] == pytest.approx(8873 - 120)


def test_too_little_is_refused(devon, small_case):
    with pytest.raises(ValueError, match="plans_by_setting: found 1 Januaries"):
        calibrate(small_case, {**devon, "plans_by_setting": devon["plans_by_setting"].loc[[2025]]})
    with pytest.raises(ValueError, match="plans_by_age: found none"):
        calibrate(small_case, {**devon, "plans_by_age": None})
    gap = devon["plans_by_setting"].drop(index=[2020, 2022])
    found = calibrate(small_case, {**devon, "plans_by_setting": gap})
    assert list(found.history.index) == [2023, 2024]
    assert isinstance(found.checks, pd.DataFrame)
