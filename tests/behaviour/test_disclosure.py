"""The disclosure rule: small counts, what rests on them, what would give them away."""

import numpy as np
import pandas as pd
import pytest
from disclosed import LABELS, run
from sufficiency.report import disclosure
from sufficiency.report.bounds import Secret, audit


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


def tight():
    """Two settings whose few children cost other than the average: limits that all just meet."""
    plans = np.array([[0, 2683, 0.7], [1, 873, 0.275]])
    spend = np.array([[9e5, 2.05e7, 5e3], [1e5, 5.94e7, 2e4]])
    frames = []
    for cells in (plans, spend):
        whole = np.vstack([cells, cells.sum(0)])
        whole = np.column_stack([whole, whole.sum(1)])
        frames.append(pd.DataFrame([
            {"setting": name, "age_band": band, "sd": 0.0,
             **dict.fromkeys(disclosure.STATISTICS, value)}
            for name, row in zip(("mainstream", "special", "all"), whole, strict=True)
            for band, value in zip(("1-6", "7-11", "16+", "all"), row, strict=True)]))
    return frames[0].assign(year=2029), frames[1].assign(financial_year="2028-29", prices="nominal")


@pytest.mark.parametrize("published", [True, ()], ids=["published", "not published"])
def test_costs_far_from_the_average(published):
    """What is true is never taken for a contradiction, and what is hidden stays so."""
    plans, spend = tight()
    safe, bills = disclosure.protect_both(plans, spend, published)
    few = disclosure.small(plans["mean"]) & (plans[["setting", "age_band"]] != "all").all(axis=1)
    assert few.sum() == 3 and safe.loc[few, "mean"].isna().all()
    assert bills.loc[few, "mean"].isna().all()
    cells = disclosure.Linked(plans, spend, published)
    truth = [(text.low, sum(by * cells.value[key] for key, by in text.cells.items()), text.high)
             for text in cells.ties(2029)]  # fmt: skip
    assert all(low - 1e-6 <= value <= high + 1e-6 for low, value, high in truth)
    cells.suppress()
    said = [cells.shown(key) for key in cells.value if key not in cells.hidden]
    secret = [Secret(key, cells.value[key], width=cells.width(key)) for key in cells.small]
    assert not audit(secret, [*cells.ties(2029), *said], cells.known(2029))


def test_tables_that_contradict_themselves_are_refused():
    """A program without a solution is an error, never a reason to print."""
    plans, spend = tight()
    plans.loc[(plans["setting"] == "special") & (plans["age_band"] == "all"), "mean"] = 900.0
    with pytest.raises(ValueError, match="can all be true"):
        disclosure.protect_both(plans, spend, True)


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
