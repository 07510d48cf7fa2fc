"""Rates estimated from counts: pooled, shrunk, possible; and what a Rates refuses."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sufficiency.model.placements.rates import JOIN, LEAVE, estimate, quantile_rows

PLACES, STEPS = ("mainstream", "special", "college"), 6
ALLOWED = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1]], bool)
FLOWS = [(2024, "stayer", "mainstream", 4, "", 90), (2024, "mover", "mainstream", 4, "special", 10),
         (2025, "stayer", "mainstream", 4, "", 10), (2025, "leaver", "mainstream", 4, "", 10),
         (2024, "mover", "mainstream", 7, "college", 30), (2024, "leaver", "mainstream", 7, "", 20),
         (2024, "stayer", "special", 7, "", 38), (2024, "leaver", "special", 7, "", 2),
         (2024, "stayer", "college", 8, "", 15), (2024, "leaver", "college", 8, "", 15)]
JOINED = [(2024, "joiner", "mainstream", 4, "", 40), (2025, "joiner", "mainstream", 4, "", 44),
          (2025, "joiner", "special", 5, "", 6)]


def estimated(flows=FLOWS, joined=JOINED, **changes):
    counts = pd.DataFrame([*flows, *joined], columns=["year", "kind", "place", "age",
                                                      "destination", "count"])
    people = pd.DataFrame({age: [1000, 1100] for age in range(4, 4 + STEPS)}, [2024, 2025])
    options = dict(stock=np.where(ALLOWED, 50, 0), places=PLACES, groups=["a", "a", "b"],
                   allowed=ALLOWED, moves=np.ones((3, 3)), phases=[0, 0, 0, 1, 1, 1],
                   steps_per_year=1, first_age=4, prior_size=10, correlation=0.2)
    return estimate(counts, people, **{**options, **changes})


def test_pooled_counts_over_pooled_children():
    rates = estimated(prior_size=1e-9)
    # 10 of 100 + 20 left; the mean of the two years' ratios would say 0.25
    assert rates.leave_mean[0, 0] == pytest.approx(10 / 120)
    assert rates.leave_size[0, 0] == pytest.approx(120)
    assert rates.move_mean[0, 0] == pytest.approx(10 / 110)


def test_prior_size_pulls_towards_the_group():
    local, pulled, drowned = (estimated(prior_size=m).leave_mean[0, 3] for m in (1e-9, 10, 1e9))
    group = estimated(prior_size=1e-9).leave_mean[1, 3]
    assert local == pytest.approx(20 / 50)
    assert group == pytest.approx(2 / 40)
    assert group < pulled < local
    pooled = sum(n for _, kind, *_, n in FLOWS if kind == "leaver") / sum(n for *_, n in FLOWS)
    assert drowned == pytest.approx(pooled)


def test_impossible_places_and_ages_get_no_children():
    rates = estimated()
    assert not rates.join_mean[~ALLOWED].any() and not rates.leave_mean[~ALLOWED].any()
    for i, s in np.ndindex(3, STEPS - 1):
        for j, share in zip(rates.target[i, s], rates.share_mean[i, s], strict=True):
            assert share == 0 or (j != i and ALLOWED[j, s + 1] and ALLOWED[i, s])
    possible = rates.move_mean > 0
    assert rates.share_mean.sum(-1)[possible] == pytest.approx(1, abs=1e-12)
    assert rates.move_mean[0, 3] == 1, "nobody stays in mainstream past its last age"
    moves = np.ones((3, 3), bool)
    moves[:, 1] = False
    closed = estimated([flow for flow in FLOWS if flow[4] != "special"], moves=moves)
    assert not closed.share_mean[closed.target == 1].any()


def test_joiners_are_per_head_of_the_base_population():
    rates = estimated()
    years = 1000 / 1100 + 1
    assert rates.join_mean.sum() == pytest.approx((90 + 3 / 2) / years)
    assert rates.join_size[0, 0] > 84


@pytest.mark.parametrize(("flows", "joined", "changes", "words"), [
    ([(2024, "stayer", "mainstream", 4, "", -1)], JOINED, {}, "below 0"),
    ([(2024, "stayer", "mainstream", 4, "", np.nan)], JOINED, {}, "missing"),
    ([(2024, "stayer", "prison", 4, "", 1)], JOINED, {}, "found prison"),
    ([(2024, "stayer", "mainstream", 13, "", 1)], JOINED, {}, "found 13"),
    ([(2024, "mover", "mainstream", 4, "nowhere", 1)], JOINED, {}, "found nowhere"),
    ([(2024, "mover", "mainstream", 4, "mainstream", 1)], JOINED, {}, "age 4, mainstream"),
    ([(2024, "mover", "mainstream", 4, "college", 1)], JOINED, {}, "age 4, college"),
    ([(2024, "leaver", "college", 4, "", 1)], JOINED, {}, "college at age 4"),
    (FLOWS, [(2024, "joiner", "college", 4, "", 1)], {}, "college at age 4, joiner"),
    (FLOWS, [(2019, "joiner", "special", 4, "", 1)], {}, "all years"),
    (FLOWS, [(2024, "joiner", "special", 4, "", -2)], {}, "counts"),
    (FLOWS, JOINED, {"prior_size": 0}, "prior_size"),
    (FLOWS, JOINED, {"stock": np.ones((3, STEPS))}, "stock: found 1.0 at mainstream, step 4"),
])
def test_counts_that_cannot_be_are_refused(flows, joined, changes, words):
    with pytest.raises(ValueError, match=words):
        estimated(flows, joined, **changes)


@pytest.mark.parametrize(("name", "place", "value", "words"), [
    ("leave_mean", 1, 1.2, "leave_mean: found 1.2 at special, step 1; allowed 0 to 1"),
    ("move_mean", 1, np.nan, "move_mean: found nan"),
    ("leave_size", 1, 0.0, "leave_size"),
    ("share_mean", 1, [0.9, 0.0], "sum to 1"),
    ("target", 0, 0, "another place"),
    ("target", 1, 2, "next age"),
    ("join_mean", 2, 1.0, "impossible age"),
])
def test_rates_that_cannot_be_are_refused(name, place, value, words):
    rates = estimated()
    changed = getattr(rates, name).copy()
    changed[place, 1] = value
    with pytest.raises(ValueError, match=words):
        replace(rates, **{name: changed})


def test_last_age_must_lead_somewhere():
    rates = estimated()
    with pytest.raises(ValueError, match="last age"):
        replace(rates, move_mean=np.where(rates.move_mean == 1, 0.5, rates.move_mean))
    with pytest.raises(ValueError, match="correlation"):
        replace(rates, correlation=1.5)
    with pytest.raises(ValueError, match="different names"):
        replace(rates, places=("special", "special", "college"))


def test_tables_only_where_unsure_and_shared_where_alike():
    rates = estimated()
    scale, row, table = quantile_rows(rates)
    sure = row < 0
    leave = -np.expm1(-scale[..., LEAVE])
    assert leave[sure[..., LEAVE]] == pytest.approx(rates.leave_mean[sure[..., LEAVE]])
    assert not scale[..., JOIN][~ALLOWED].any()
    assert row.max() == len(table) - 1 and len(table) < (row >= 0).sum()
    assert (quantile_rows(rates.certain())[1] == -1).all()
