"""From January counts to placement-years, worked by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sufficiency.model.placements import calendar

BY_DAY, TERMLY = calendar.PROFILES["by_day"], calendar.PROFILES["termly"]


def one_setting(counts, steps, share, band=2, **more):
    stock = np.zeros((len(counts), 1, 5))
    stock[:, 0, band] = counts
    return calendar.placement_years(stock, np.array(steps, float)[:, None], [share], **more).sum(-1)


def test_joiners_spread_and_leavers_in_september_by_hand():
    """100 in January, 12 joiners over the year, 10 leave on 1 September; then the same again.

    April to August: five months after the count on average, 100 + 12 x 5/12 = 105.
    September to mid-January: 100 + 12 x 9.75/12 - 10 = 99.75; then 102 + 12 x 1.25/12 = 103.25;
    over the seven months (4.5 x 99.75 + 2.5 x 103.25) / 7 = 101.
    """
    for share, years in ((BY_DAY, 5 / 12 * 105 + 7 / 12 * 101), (TERMLY, 105 / 3 + 2 * 101 / 3)):
        found = one_setting([100, 102, 104], [-10, -10], share)
        np.testing.assert_allclose(found, [[years]], rtol=1e-14)


def test_a_steady_roll_is_its_own_placement_years():
    np.testing.assert_allclose(one_setting([80] * 4, [0] * 3, TERMLY), [[80], [80]], rtol=1e-14)


def test_children_moved_in_september_count_for_two_thirds_of_a_termly_year():
    """30 arrive on 1 September and nothing else changes: 0 in summer, 30 from then on."""
    np.testing.assert_allclose(one_setting([0, 30, 30], [30, 0], TERMLY), [[20]], atol=1e-12)
    np.testing.assert_allclose(one_setting([0, 30, 30], [30, 0], BY_DAY), [[17.5]], atol=1e-12)


def test_notice_is_paid_on_top():
    paid = one_setting([90] * 3, [0, 0], TERMLY, notice=[[6 / 3], [0]])
    np.testing.assert_allclose(paid, [[92]], rtol=1e-14)


def test_bands_change_on_the_first_of_september():
    """60 plans all in one band, all in the next a year later: 5/12 of the year in the first."""
    stock = np.zeros((3, 1, 5))
    stock[0, 0, 1] = stock[1, 0, 2] = stock[2, 0, 3] = 60
    years = calendar.placement_years(stock, np.zeros((2, 1)), [BY_DAY])
    np.testing.assert_allclose(years[0, 0], [0, 25, 35, 0, 0], atol=1e-6)


def test_bands_of_single_years_of_age():
    found = calendar.by_band(np.arange(26))
    assert found.tolist() == [0 + 1 + 2 + 3 + 4, 45, 65, 70, 135]
    with pytest.raises(ValueError, match="72 ages; allowed: 26"):
        calendar.by_band(np.zeros(72))


def test_bands_add_up_to_the_setting_in_every_draw():
    rng = np.random.default_rng(5)
    stock = rng.poisson(3, (20, 6, 4, 5)).astype(float)
    step = rng.normal(0, 2, (20, 5, 4))
    share = np.array([BY_DAY, TERMLY, BY_DAY, TERMLY])
    summer, winter = calendar.window_rolls(stock.sum(-1), step)
    years = calendar.placement_years(stock, step, share)
    np.testing.assert_allclose(years.sum(-1), share * summer + (1 - share) * winter, atol=1e-9)


def test_too_few_januaries_are_refused():
    with pytest.raises(ValueError, match="2 Januaries with 1 years of change"):
        one_setting([1, 2], [0], BY_DAY)


def placements(draws=3):
    plans = np.full((draws, 4, 2, 26), 2)
    flows = np.zeros((draws, 4, 2))
    flows[:, :3, 0] = 5.2
    dims = ("draw", "year", "setting")
    return xr.Dataset(
        {"plans": ((*dims, "age"), plans), "leavers": (dims, flows), "moved_in": (dims, 0 * flows),
         "moved_out": (dims, 0 * flows)},
        coords={"year": [2025, 2026, 2027, 2028], "setting": ["a", "b"], "age": np.arange(26)})


def test_history_comes_before_the_model():
    """The years before take the first year's September change: a tenth of the roll of 52 leaves."""
    history = pd.DataFrame({"a": [52, 52, 52], "b": [52, 52, 52]}, index=[2023, 2024, 2025])
    paid = calendar.paid_years(placements(), history, {"b": "termly"}, {"a": 0.5})
    assert list(paid["financial_year"].values) == ["2023-24", "2024-25", "2025-26", "2026-27"]
    years = paid.sum("age_band").mean("draw").to_pandas()
    np.testing.assert_allclose(years["b"], 52, rtol=1e-9)
    # 5.2 join evenly and 5.2 leave each September; each leaver is paid for half a year longer.
    summer, winter = 52 + 5.2 * 5 / 12, 52 + (4.5 * (5.2 * 9.75 / 12 - 5.2) + 2.5 * 5.2 / 9.6) / 7
    expected = BY_DAY * summer + (1 - BY_DAY) * winter + 2.6
    np.testing.assert_allclose(years["a"], expected, rtol=1e-9)


def test_a_gap_before_the_model_is_refused():
    history = pd.DataFrame({"a": [52, 52], "b": [52, 52]}, index=[2022, 2024])
    with pytest.raises(ValueError, match=r"\[2022, 2024\].*every January up to 2024"):
        calendar.paid_years(placements(), history, {})


def test_share_who_stay():
    found = placements()
    stay = calendar.stay_share(found["plans"].sum("age").values, found["leavers"].values[:, :-1],
                               found["moved_out"].values[:, :-1])
    np.testing.assert_allclose(stay, [0.9, 1.0])


def test_an_empty_first_january_leaves_the_years_before_without_a_september_step():
    """Settings refilled by moves in the first year: 40 plans a year before stay 40 paid years."""
    found = placements()
    found["plans"][:, 0, 0] = 0
    found["moved_in"][:, 0, 0] = 30
    history = pd.DataFrame({"a": [40, 40, 40, 0], "b": 52}, index=[2022, 2023, 2024, 2025])
    paid = calendar.paid_years(found, history, {}).sum("age_band")
    np.testing.assert_allclose(paid.sel(financial_year="2022-23", setting="a"), 40, rtol=1e-9)
