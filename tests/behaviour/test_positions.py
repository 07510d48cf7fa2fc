"""Frames and charts of the account: figures worked by hand, blanks kept blank."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from example_notebook import SAID
from sufficiency.model.safety_valve import account
from sufficiency.report import outlook, positions

YEARS = ["2026-27", "2027-28"]
OPENING = {"basis": "after_council", "balance": [90e6, 110e6], "council_money": [10e6, 10e6],
           "dfe_money": [20e6, 20e6], "other_blocks": None, "line_1_9_3": None}  # fmt: skip


def run(spend, **money):
    """Two worlds and two years: block 100, spend as given, council money 5 a year, £m."""
    flows = {"spend": np.array(spend) * 1e6, "place_funding": np.array(10e6),
             "block_after": np.array(100e6), "contributions": np.array(5e6),
             **{name: np.array(values) * 1e6 for name, values in money.items()}}  # fmt: skip
    opening = {name: np.array(x) if isinstance(x, list) else x for name, x in OPENING.items()}
    return account.run(flows, opening, YEARS)


@pytest.fixture
def before():
    return run([[120, 130], [140, 150]])


@pytest.fixture
def after():
    return run([[115, 118], [130, 132]], payments=[6, 6])


def test_five_years_add_from_opening_to_closing(before, after):
    table = positions.five_years(after, after, before).set_index("Line")
    # opening 100 less 20 of the Department's; spend 122.5 + places 10
    assert table["2026-27"].to_dict() | {"Deficit at the end, all blocks (line 1.9.3)": 0} == {
        "Deficit at the start": 80, "Spending before measures": 140,
        "Measures, net of what they cost": -7.5, "Income": -100, "In-year position": 32.5,
        "Council money put in": -5, "Safety Valve payments": -6,
        "Deficit at the end, gross": 142.5, "Deficit at the end, after council money": 127.5,
        "Deficit at the end, after council and DfE money": 101.5,
        "Deficit at the end, all blocks (line 1.9.3)": 0}  # fmt: skip
    assert table.loc["Deficit at the start", "2027-28"] == 101.5
    assert np.isnan(table.loc["Deficit at the end, all blocks (line 1.9.3)", "2026-27"])
    with pytest.raises(ValueError, match="five years: the account is out by"):
        positions.five_years(after.assign(in_year=after["in_year"] + 100), after)


def test_a_statement_has_lines_of_account_groups_and_services(before):
    groups = pd.DataFrame({year: {"Mainstream schools": 1.0} for year in YEARS})
    frame = positions.statement(before, groups=groups, services=0 * before["spend"] + 2)
    assert frame.loc["Mainstream schools", "2026-27"] == 1 and frame.loc["services"].eq(2).all()
    assert frame.loc["in_year", "2027-28"] == 50e6 and "after_council" in frame.index


def test_deficits_have_ranges_by_march(before, after):
    basis = {"basis": "after_council_and_dfe"}
    named = {"Without": before["deficit"].sel(basis), "With": after["deficit"].sel(basis)}
    frame = positions.deficits(named)
    assert frame["Date"].tolist() == ["31 March 2027", "31 March 2028"]
    # worlds of 95 and 135: the tenth percentile is a tenth of the way
    assert frame.iloc[0, 1:4].tolist() == pytest.approx([115, 99, 131])
    assert set(positions.units(frame)) == set(frame.columns[1:])


def test_schedules_stand_side_by_side():
    values = np.array([[[1.0, 2], [3, 4]], [[1, 4], [3, 8]]]) * 1e6
    deficit = xr.DataArray(values, dims=("draw", "financial_year", "schedule"),
                           coords={"financial_year": YEARS, "schedule": ["none", "agreement"]})
    frame = positions.by_schedule(deficit)
    assert frame["Schedule"].tolist() == ["No further money", "Safety Valve agreement"]
    assert frame["March 2028"].tolist() == [3, 6]
    assert frame["March 2028, 1 in 10 above"].tolist() == pytest.approx([3, 7.6])
    first = positions.by_schedule(deficit, year="2026-27")
    assert "March 2027, 1 in 10 below" in first
    paths = positions.schedule_paths(deficit)
    assert paths["Safety Valve agreement"]["mean"].tolist() == [3, 6]


def test_chances_of_limits_leave_out_years_without_one(before):
    limit = xr.DataArray([35e6, np.nan], dims="financial_year", coords={"financial_year": YEARS})
    frame = positions.limits({"As likely": before["in_year"]}, limit)
    assert len(frame) == 1
    row = frame.iloc[0]
    # in-year positions of 30 and 50 against 35
    assert (row["Expected (mean)"], row["Limit"], row["Chance over"]) == (40, 35, "5 in 10")
    assert row["Mean excess"] == 7.5
    dots = positions.limit_rows(before["in_year"], limit)
    assert dots.loc["2026-27"].tolist() == pytest.approx([32, 48, 40, 35])


def test_bases_keep_what_is_not_known_blank(before):
    both = {"2025-26": before["opening"], "2026-27": before["opening"] + 1e6}
    frame = positions.bases(both).set_index("Line")
    assert frame["31 March 2026"].iloc[:5].tolist() == [110, -10, 100, -20, 80]
    assert frame["31 March 2026"].iloc[5:].isna().all()
    assert frame["31 March 2027"].iloc[0] == 111


def test_attribution_adds_to_the_saving_only_by_shares():
    shares = pd.DataFrame({"2026-27": [6e6, 3e6, -1e6, 8e6]},
                          index=["a", "b", "capacity and chance", "total"])
    first, last = (pd.DataFrame({"2026-27": x}, index=["a", "b"]) for x in ([7e6, 4e6], [5e6, 2e6]))
    frame = positions.attribution(shares, first, last, {"a": "Places", "b": "Prices"})
    assert frame["Measure"].tolist() == ["Places", "Prices", "Capacity and chance", "All measures"]
    assert frame["Its share (Shapley)"].tolist() == [6, 3, -1, 8]
    assert frame["Last in"].isna().tolist() == [False, False, True, True]
    assert positions.by_year(shares, {"a": "Places"})["2026-27"].tolist() == [6, 3, -1, 8]


def test_sensitivities_are_changes_from_the_case():
    changes = pd.DataFrame({"Deficit": [10e6, -4e6]}, index=["+1% plans", "10 fewer places"])
    frame = positions.sensitivities(changes)
    assert frame["Changed"].tolist() == ["+1% plans", "10 fewer places"]
    assert frame["Deficit: change"].tolist() == [10, -4]


def listed(rag, strands, cost):
    about = pd.DataFrame({
        "label": ["Places", "Prices"], "strand": strands, "owner": [None, None],
        "start": ["2024-04", "2024-04"], "rag": rag, "cashable": [True, False],
        "quality": ["illustrative"] * 2}, index=["a", "b"])  # fmt: skip
    frame = pd.DataFrame({"2026-27": [2e6, 3e6]}, index=["a", "b"])
    return positions.measures(about, {"gross": frame, "weighted": frame, "cost": cost * frame})


def test_what_all_measures_share_is_said_once():
    shown, said = positions.apart(listed(["amber", "amber"], ["Places", "Prices"], 0))
    assert list(shown) == ["Measure", "Owner", "Kind", "Gross saving",
                           "Probability-weighted saving", "Net saving"]  # fmt: skip
    assert said == ("The same for all: Start 2024-04, RAG Amber: at risk, Quality illustrative, "
                    "Cost to deliver none.")  # fmt: skip
    shown, _ = positions.apart(listed(["amber", "red"], ["One", "One"], 0.5))
    assert {"RAG", "Cost to deliver"} < set(shown) and "Strand" not in shown
    assert shown["Net saving"].tolist() == [1, 1.5, 2.5]
    assert "Strand" in listed(["amber", "red"], ["One", "One"], 0)


def test_a_nowcast_is_said_in_its_own_units():
    table = pd.DataFrame([
        {"quantity": "outturn", "stage": "prior", "mean": 40e6, "p10": 30e6, "p50": 40e6,
         "p90": 50e6},
        {"quantity": "delivery", "stage": "posterior", "mean": 0.5, "p10": 0.25, "p50": 0.5,
         "p90": 0.75}])  # fmt: skip
    frame = positions.nowcast(table, {"outturn": "In-year position"}, shares={"delivery"})
    assert frame.iloc[0, [0, 2]].tolist() == ["In-year position", "£40.0m"]
    assert frame.iloc[1, 2:].tolist() == ["50.0%", "25.0%", "50.0%", "75.0%"]


def test_reserves_that_are_not_known_stay_blank():
    names = ("contributions", "interest", "charged_at_end", "charged", "general_fund")
    money = dict(zip(names, ([5, 5], [2, 1], [0, 60], [0, 80], [7, 86]), strict=True))
    position = xr.Dataset(
        {name: (("draw", "financial_year"), np.array([values]) * 1e6)
         for name, values in money.items()}, coords={"financial_year": YEARS})  # fmt: skip
    frame = positions.general_fund(position, 50e6).set_index("Line")
    assert frame["2027-28"].tolist() == [5, 1, 60, 20, 86, 93, -43]
    assert positions.general_fund(position).iloc[-1, 1:].isna().all()


def test_delivery_says_why_there_is_none():
    years = {"financial_year": YEARS}
    needed = xr.Dataset({"delivery": ("financial_year", [0.8, np.nan]),
                         "required": ("financial_year", [8e6, np.nan]),
                         "planned": ("financial_year", [10e6, 10e6]),
                         "reason": ("financial_year", ["", "no limit"])}, years)  # fmt: skip
    assert positions.delivery(needed)["Delivery needed"].tolist() == ["80%", "no limit"]


KEYS = ("label", "share", "planned", "delivered", "stage", "scope", "known", "source")
POINTS = {name: dict(zip(KEYS, values, strict=True)) for name, values in {
    "kent": ("Kent", 0.69, 53, 37, "outturn", "general", "2023-03", "press"),
    "devon": ("Devon", 0.42, 10, 4.2, "month 10", "high needs", "2023-03", "minute"),
    "bury": ("Bury", 0.88, 3.3, 2.9, "outturn", "high needs", "2024-03", "press"),
    "haringey": ("Haringey", None, 48, None, "plan", "high needs", "2022-12", "minute")}.items()}


def drawn():
    ahead = pd.DataFrame({"p10": [90.0, 95], "p50": [100, 120], "p90": [110, 150]}, index=YEARS)
    plan = pd.Series([80.0], index=YEARS[:1])
    limit = pd.DataFrame({"low": [30.0], "high": [50.0], "Middle (median)": [40.0],
                          "Limit": [31.2]}, index=["2024-25"])  # fmt: skip
    crosses = [("2024-25", 38.5, "M4 38.5"), ("2024-25", 45.8, "M6 45.8"),
               ("2024-25", 51.6, "M8 51.6"), ("2024-25", 53.9, "M10 53.9")]  # fmt: skip
    record, _ = positions.record(POINTS)
    return {
        "paths": outlook.paths("p", {"Without": ahead, "With": ahead - 1},
                               points={"The plan": plan}, **SAID),
        "record": outlook.dots("r", record, unit="%", decimals=0,
                               line=(83, "The plan needs 83%"), **SAID),
        "limits": outlook.dots("l", limit, notes=crosses, **SAID),
    }  # fmt: skip


def test_charts_draw_the_same_bytes_and_keep_their_alt():
    again = drawn()
    for name, chart in drawn().items():
        assert chart._repr_mimebundle_() == again[name]._repr_mimebundle_(), name
        assert chart._repr_mimebundle_()[1]["image/png"]["alt"] == SAID["alt"]


def test_paths_that_end_together_are_named_apart():
    chart = drawn()["paths"]
    texts = {t.get_text(): t.xy[1] for t in chart.figure.axes[0].texts}
    assert set(texts) == {"£80m", "Without £120m", "With £119m"}
    low, high = sorted((texts["Without £120m"], texts["With £119m"]))
    assert high - low > 0.12 * np.ptp(chart.figure.axes[0].get_ylim())
    assert chart.data["path"].tolist() == ["Without"] * 2 + ["With"] * 2 + ["The plan"]
    assert len({mark for _, mark, *_ in outlook.MARKS}) == len(outlook.MARKS)
    top = max(t.xy[1] for t in chart.figure.axes[0].texts)
    assert top <= chart.figure.axes[0].get_ylim()[1], "words above the axes are not drawn"
    ahead = pd.DataFrame({"mean": [1.0, 2]}, index=YEARS)
    with pytest.raises(ValueError, match="6 of them; allowed at most 5"):
        outlook.paths("p", dict.fromkeys("abcdef", ahead), **SAID)


def test_every_programme_is_its_own_point_and_none_is_hindsight():
    dots, table = positions.record(POINTS)
    assert dots.index.tolist() == ["Devon (month 10)", "Bury", "Kent"]
    assert dots["High needs programmes"].dropna().tolist() == [42, 88]
    assert dots["All of a council's savings"].dropna().tolist() == [69]
    assert table["Programme"].tolist() == ["Devon", "Bury", "Haringey", "Kent"]
    assert table["Delivered"].isna().tolist() == [False, False, True, False]
    assert positions.record(POINTS, "2023-12")[0].index.tolist() == ["Devon (month 10)", "Kent"]
    texts = [t.get_text() for t in drawn()["record"].figure.axes[0].texts]
    assert sorted(texts) == ["42%", "69%", "88%", "The plan needs 83%"]
    limits = {t.get_text(): t.xyann[1] for t in drawn()["limits"].figure.axes[0].texts}
    assert set(limits) == {"£31.2m", "£40.0m", "M4 38.5", "M6 45.8", "M8 51.6", "M10 53.9"}
    # three levels, then the first again
    assert limits["M4 38.5"] < limits["M6 45.8"] < limits["M8 51.6"]
    assert limits["M10 53.9"] == limits["M4 38.5"]
