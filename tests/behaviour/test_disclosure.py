"""The disclosure rule: small counts, what rests on them, what would give them away."""

import numpy as np
import pandas as pd
import pytest
from disclosed import LABELS, run
from sufficiency.report import disclosure


def test_small_counts_go_with_what_rests_on_them():
    frame = pd.DataFrame({"plans": [0, 1, 7, 8, 12, 13], "spend": [0.0, 10, 20, 30, 40, 50]})
    safe = disclosure.protect(frame, ["plans"], ["spend"])
    np.testing.assert_array_equal(safe["plans"], [0, np.nan, np.nan, 10, 10, 15])
    np.testing.assert_array_equal(safe["spend"], [0, np.nan, np.nan, 30, 40, 50])
    assert "1 to 7" in safe.attrs["note"]
    assert frame["plans"].tolist() == [0, 1, 7, 8, 12, 13]


def test_published_counts_pass():
    frame = pd.DataFrame({"plans": [3, 9848]})
    pd.testing.assert_frame_equal(disclosure.protect(frame, ["plans"], published=True), frame)


def test_a_forecast_is_judged_by_its_mean():
    row = {"year": 2026, "setting": "a", "age_band": "16+", "sd": 1.0, "p2_5": 0.0, "p10": 2.0,
           "p50": 9.0, "p90": 12.0, "p97_5": 14.0}  # fmt: skip
    plans = pd.DataFrame([{**row, "mean": 7.4}, {**row, "setting": "b", "mean": 7.6}])
    safe = disclosure.protect_placements(plans)
    assert safe.loc[0, disclosure.STATISTICS].isna().all() and np.isnan(safe.loc[0, "sd"])
    assert safe.loc[1, disclosure.STATISTICS].tolist() == [10, 0, 0, 10, 10, 15]
    spend = plans.rename(columns={"year": "financial_year"}).assign(
        financial_year="2025-26", prices="nominal", mean=[5e5, 6e5])  # fmt: skip
    hidden = disclosure.protect_spend(spend, plans)
    assert list(hidden) == list(spend)
    assert np.isnan(hidden.loc[0, "mean"]) and hidden.loc[1, "mean"] == 6e5


def test_an_unknown_column_is_named():
    with pytest.raises(ValueError, match=r"no columns \['pupils'\]"):
        disclosure.protect(pd.DataFrame({"plans": [1]}), ["pupils"])


def test_totals_that_are_published_pass_and_larger_cells_go_with_the_small():
    plans, spend = run()
    safe, bills = disclosure.protect_both(plans, spend, LABELS)
    assert list(safe) == list(plans) and list(bills) == list(spend)
    total = plans["age_band"].eq("all") | plans["setting"].eq("all")
    pd.testing.assert_frame_equal(safe[total], plans[total])
    small = disclosure.small(plans["mean"]) & ~total
    gone = safe["mean"].isna()
    assert gone[small].all() and small.sum() < gone.sum() < 0.4 * len(plans)
    assert safe.loc[gone, [*disclosure.STATISTICS, "sd"]].isna().all(axis=None)
    nominal = bills[bills["prices"] == "nominal"].reset_index(drop=True)
    assert nominal["mean"].isna()[gone].all()
    assert "give it away" in safe.attrs["note"] and bills["mean"].notna().mean() > 0.5


def test_counts_that_are_not_published_round():
    plans, spend = run()
    safe, _ = disclosure.protect_both(plans, spend, ["special"])
    rounded = safe[(safe["setting"] != "special") | (safe["age_band"] != "all")]["mean"].dropna()
    assert (rounded % 5 == 0).all() and len(rounded) > 0.5 * len(safe)
    own = safe[(safe["setting"] == "special") & (safe["age_band"] == "all")]["mean"]
    assert own.iloc[0] == 1907


def test_spend_on_few_children_goes_and_a_year_without_its_january():
    plans, spend = run()
    hidden = disclosure.protect_spend(spend, plans[plans["year"] == 2025])
    assert hidden.loc[hidden["financial_year"] == "2025-26", "mean"].isna().all()
    now = hidden[(hidden["financial_year"] == "2024-25") & (hidden["prices"] == "nominal")]
    few = disclosure.small(plans.loc[plans["year"] == 2025, "mean"]).to_numpy()
    np.testing.assert_array_equal(now["mean"].isna(), few)


def test_two_suppliers_who_get_nearly_all():
    assert disclosure.dominated([500, 450, 50]) and disclosure.dominated([100, 100])
    assert disclosure.dominated([]) and disclosure.dominated([5, 5, 0])
    assert not disclosure.dominated([400, 300, 300])
