"""The annex of Devon whole: figures on a page tie to each other, to results and to headlines."""

import json
import re
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from sufficiency.case import load_case
from sufficiency.model.safety_valve import movement
from sufficiency.report.positions import BASES, SCHEDULES, SETTLED, march
from sufficiency.report.words import chance, money, percent, span
from sufficiency.run.annex import make_annex
from sufficiency.run.notebooks import NotebookError, run_one
from sufficiency.run.parameters import Parameters
from sufficiency.run.shown import HEADLINE
from sufficiency.run.study import Study

DRAWS, FORMATS = 200, ["html", "xlsx"]
# Of the market every page and table, but of one lot for two years: it is held to whole elsewhere
SMALL = "market.years=2; market.in_use=[independent_special]"
GIVEN = Parameters("devon", draws=DRAWS, overrides=SMALL)
PAGE = "02_safety_valve.ipynb"
FINAL, GOAL, END = "deficit_after_council_and_dfe", "2026-27", "2027-28"
LOW, HIGH = "1 in 10 below", "1 in 10 above"
# £ million in files of ten significant figures
CLOSE = {"abs": 2e-6}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One annex with all four notebooks."""
    return make_annex(GIVEN, tmp_path_factory.mktemp("annex"), FORMATS)


@pytest.fixture(scope="module")
def results(made):
    """A results file by its name, its first column (or more) heading its rows."""
    def read(name, heads=0):
        return pd.read_csv(made / "public" / "results" / f"{name}.csv", index_col=heads)

    return read


@pytest.fixture(scope="module")
def account(made):
    """account.csv in £ million: {statistic: Series by financial year} of one item."""
    frame = pd.read_csv(made / "public" / "results" / "account.csv")
    wide = frame.set_index(["forecast", "schedule", "item", "financial_year"]).sort_index() / 1e6

    def of(item, forecast="mitigated", schedule="all", stat="mean"):
        return wide.loc[(forecast, schedule, item), stat]

    return of


@pytest.fixture(scope="module")
def headline(made):
    said = json.loads((made / "public" / "results" / "headline.json").read_text("utf-8"))
    return {row["key"]: row for row in said}


@pytest.fixture(scope="module")
def page(made):
    """Everything the page says in words, tables left out."""
    cells = json.loads((made / "exempt" / "notebooks" / PAGE).read_text("utf-8"))["cells"]
    outputs = [out["data"] for cell in cells for out in cell.get("outputs", []) if "data" in out]
    said = ["".join(data["text/markdown"]) for data in outputs if "text/markdown" in data]
    return re.sub(r"\s+", " ", " ".join(text for text in said if "{#tbl-" not in text))


@pytest.fixture(scope="module")
def schedule():
    """The schedule that headlines are on: the latest of those known."""
    return Study(GIVEN).safety_valve.schedule


@pytest.fixture(scope="module")
def signed():
    """The same draws and seed in the scenario as_signed_2024, with nothing that came after."""
    return Study(Parameters("devon", scenario="as_signed_2024", draws=DRAWS)).safety_valve


def same(found, expected, **more):
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float),
                               atol=CLOSE["abs"], rtol=0, **more)


# Tables

def test_the_deficit_is_the_accounts(results, account, schedule):
    found = results("deficit")
    years = account("in_year").index
    assert list(found.index) == [march(year) for year in years]
    for heading, name in (("Without savings", "unmitigated"), ("With savings", "mitigated")):
        for column, stat in (("expected", "mean"), (LOW, "p10"), (HIGH, "p90")):
            same(found[f"{heading}, {column}"], account(FINAL, name, schedule, stat))


def test_five_years_add_and_are_the_accounts(results, account, schedule):
    found = results("five_years")
    years, flows = list(found.columns), [row for row in found.index if not row.startswith("Def")]
    opened, ends = found.loc["Deficit at the start"], found.loc[
        "Deficit at the end, after council and DfE money"]
    settled = [row for row in flows if row in SETTLED.values()]
    same(opened + found.loc["In-year position"] + found.loc[settled].sum(), ends)
    same(opened.iloc[1:], ends.iloc[:-1])
    parts = ["Spending before measures", "Measures, net of what they cost", "Income"]
    same(found.loc[parts].sum(), found.loc["In-year position"])
    assert set(flows) == {*parts, *settled, "In-year position"}
    same(found.loc["In-year position"], account("in_year")[years])
    same(-found.loc["Income"], account("income")[years])
    same(-found.loc[parts[1]], (account("in_year", "unmitigated") - account("in_year"))[years])
    for item, said in SETTLED.items():
        if said in found.index:
            on = "all" if item == "contributions" else schedule
            same(-found.loc[said], account(item, schedule=on)[years])
    for item, said in BASES.items():
        same(found.loc[f"Deficit at the end, {said}"],
             account(f"deficit_{item}", schedule=schedule)[years])


def test_schedules_are_the_accounts(results, account):
    found, years = results("schedules"), account("in_year").index
    *ends, low, high = found.columns
    assert [head[-4:] for head in ends] == [march(year)[-4:] for year in years]
    assert low.endswith(f"March {march(END)[-4:]}, {LOW}") and high.endswith(HIGH)
    for name, said in SCHEDULES.items():
        same(found.loc[said, ends], account(FINAL, schedule=name))
        for column, stat in ((low, "p10"), (high, "p90")):
            same(found.loc[said, column], account(FINAL, schedule=name, stat=stat)[END])


def test_the_general_fund_is_the_accounts(results, account):
    found, law = results("general_fund"), "override_end"
    rows = {name: account(name, schedule=law) for name in (
        "interest", "charged", "charged_at_end", "general_fund")}
    same(found.loc["Council money put into the deficit"], account("contributions"))
    same(found.loc["Interest on the deficit"], rows["interest"])
    same(found.loc["Falls due on 1 April as the override ends"], rows["charged_at_end"])
    same(found.loc["Later overspends"], rows["charged"] - rows["charged_at_end"])
    same(found.loc["All in the year"], rows["general_fund"])
    same(found.iloc[:4].sum(), found.loc["All in the year"])
    same(found.loc["To date"], rows["general_fund"].cumsum())
    left = found.loc["Usable reserves left"] + found.loc["To date"]
    same(left, np.full(len(left), left.iloc[0]))


def test_limits_and_delivery_are_the_accounts(results, account):
    limits, delivery = results("limits"), results("delivery")
    for said, name in (("delivery as foreseen", "mitigated"), ("everything delivered", "full")):
        rows = limits[limits["With"] == said]
        for column, stat in (("Expected (mean)", "mean"), (LOW, "p10"), (HIGH, "p90")):
            same(rows[column], account("in_year", name, stat=stat)[rows.index])
    limit = rows["Limit"].reindex(delivery.index)
    required = (account("in_year", "unmitigated") - limit).clip(lower=0)
    planned = account("in_year", "unmitigated") - account("in_year", "full")
    same(delivery["Saving required"], required)
    same(delivery["Saving planned"], planned)
    assert list(delivery["Delivery needed"]) == [percent(x, 0) for x in required / planned]


def test_what_monitoring_leaves_is_the_accounts(results, account):
    """After it: the figures that the rest of the page is on, as it prints them."""
    after = results("nowcast", [0, 1]).xs("After it", level="Stage")
    rows = [row for row in after.index if row.lower().startswith("in-year")
            and "without" not in row]
    assert len(rows) == 2, list(after.index)
    wrong = []
    for row in rows:
        year = END if END in row else account("in_year").index[0]
        for column, stat in (("Expected (mean)", "mean"), (LOW, "p10"), (HIGH, "p90")):
            expected = money(1e6 * account("in_year", stat=stat)[year])
            if after.loc[row, column] != expected:
                wrong.append(f"{row}, {column}: {after.loc[row, column]}, elsewhere {expected}")
    assert not wrong, f"nowcast.csv is not of the account's own worlds: {wrong}"


# Savings

def test_savings_by_year_add_to_the_accounts(results, account):
    found = results("savings_by_year")
    same(found.drop("All measures").sum(), found.loc["All measures"])
    expected = account("in_year", "unmitigated") - account("in_year")
    same(found.loc["All measures"], expected,
         err_msg="savings_by_year.csv is not of the account's own worlds")


def test_the_attribution_is_a_year_of_it(results):
    split, years = results("attribution"), results("savings_by_year")
    same(split["Its share (Shapley)"], years[END])
    assert list(split.index) == list(years.index)


def test_a_cash_profile_is_worth_the_same_first_shared_and_last(results):
    """Devon's strands do not overlap: what each saves does not depend on the others."""
    split = results("attribution").drop(["Capacity and chance", "All measures"])
    for column in ("Alone (first in)", "Last in"):
        same(split[column], split["Its share (Shapley)"],
             err_msg=f"attribution.csv: {column} is not weighed by monitoring, shares are")


def test_measures_are_the_shares_over_the_years(results):
    found, years = results("measures"), results("savings_by_year")
    each = found.drop("All measures")
    figures = [name for name in found if name.endswith(("saving", "deliver"))]
    same(found.loc["All measures", figures], each[figures].sum())
    cost = each.get("Cost to deliver", 0.0)  # left out where none has any
    same(each["Probability-weighted saving"] - cost, each["Net saving"])
    same(each["Net saving"], years.loc[each.index].sum(axis=1))
    # cash profiles: all of them in full and on time are the plan
    same(found.loc["All measures", "Gross saving"], results("delivery")["Saving planned"].sum(),
         err_msg="gross savings of measures.csv against planned in delivery.csv: both weighed?")
    assert (each["Gross saving"] > each["Net saving"]).all()


def test_plan_tables_are_the_accounts(results, account, schedule):
    measures = results("dsg_mitigations").loc["All measures"]
    same(measures["Net saving"], results("measures").loc["All measures", "Net saving"])
    net = results("dsg_mitigations_by_year", [0, 1]).xs("Net saving", level="Figure")
    shares = results("savings_by_year")
    same(net, shares.loc[net.index])
    for name in ("unmitigated", "mitigated"):
        found = results(f"dsg_{name}")
        years = [column.split()[0] for column in found if "forecast" in column]
        rows = {"Income": ("income", "all"), "Spending, lines 1.2.x": ("spend", "all"),
                "Place funding, line 1.0.2": ("place_funding", "all"),
                "In-year position": ("in_year", "all"),
                "Council money put in": ("contributions", "all"),
                "Deficit after council and DfE money": (FINAL, schedule)}
        for row, (item, on) in rows.items():
            same(found.loc[row], account(item, name, on)[years], err_msg=f"dsg_{name}: {row}")
    ends = results("dsg_year_end")
    for name in ("unmitigated", "mitigated"):
        same(ends.loc[f"In-year position, {name}"], account("in_year", name))
        same(ends.loc[f"Deficit at 31 March, {name}"], account(FINAL, name, schedule))


def test_sensitivities_of_known_size(results):
    case = load_case("devon")
    found = results("sensitivities")
    labels = {key: said["label"] for key, said in
              case.value("safety_valve.sensitivities").items()}
    assert list(found.index) == list(labels.values())
    in_year, deficit = (found[column] for column in found)
    # 2.6 million more income a year, of which the grant takes back 90% of the first
    assert in_year[labels["transfer"]] == pytest.approx(-2.6, **CLOSE)
    assert deficit[labels["transfer"]] == pytest.approx(-2.6 * 2.1, abs=0.1)
    assert not in_year[labels["no_transfer"]] and not deficit[labels["no_transfer"]]
    assert not in_year[labels["no_contributions"]]
    money_in = results("five_years").loc["Council money put in", [GOAL, END]].sum()
    # other worlds of the posterior: to a twentieth
    assert deficit[labels["no_contributions"]] == pytest.approx(-money_in, rel=0.05)
    up, down = in_year[labels["places_up"]], in_year[labels["places_down"]]
    assert up == pytest.approx(-down, abs=1e-4) and up > 0
    for less, more in (("savings_50", "savings_75"), ("savings_75", "savings_100"),
                       ("late_6_months", "late_3_months"), ("grant_flat", "grant_up")):
        assert deficit[labels[less]] > deficit[labels[more]], (less, more)


# Stored forecast and movement

def test_the_kept_forecast_ties_and_is_the_accounts(made, account, schedule):
    frame = pd.read_csv(made / "public" / "results" / "forecast.csv",
                        dtype={"financial_year": str})
    found = movement._read(frame, "forecast.csv")["account"] / 1e6
    for item in ("income", "in_year", "place_funding", "contributions"):
        forecast = "unmitigated" if item == "place_funding" else "mitigated"
        same(found[item], account(item, forecast))
    same(found["closing"], account(FINAL, schedule=schedule))
    same(found["grant"], account("grant", schedule=schedule))
    same(found["savings"], account("in_year", "unmitigated") - account("in_year"))


def test_the_movement_runs_from_the_stored_forecast_to_this_one(results, account, schedule, root):
    case = load_case("devon")
    stored = pd.read_csv(root / "params/councils" / case.value("safety_valve.earlier_forecast"))
    row = stored[(stored["financial_year"] == END) & (stored["item"] == "closing")]
    found = results("movement")
    assert found.loc["Then", "change"] == pytest.approx(row["value"].item() / 1e6, **CLOSE)
    now = account(FINAL, schedule=schedule)[END]
    # steps under 50,000 are not drawn
    assert found["change"].iloc[:-1].sum() == pytest.approx(now, abs=0.4)
    assert found["running_total"].iloc[-1] == pytest.approx(now, **CLOSE)


# Headlines and sentences

def test_headlines_say_what_design_asks(made, headline):
    said = json.loads((made / "public" / "results" / "headline.json").read_text("utf-8"))
    assert len(headline) == len(said), "a key twice"
    for row in said:
        assert set(row) == set(HEADLINE), row["key"]
        assert {type(row[name]) for name in ("key", "text", "unit", "basis", "year")} == {str}
        assert all(row.values()) or row["unit"] == "share", f"blank in {row}"
        assert row["p10"] <= row["value"] <= row["p90"], row["key"]
    assert {"deficit_2028_03", "p_over_limit_2024_25", "delivery_needed",
            "saving_required", "weak_share"} <= set(headline)


def test_headlines_are_the_accounts(headline, account, results, schedule):
    for key, name in (("deficit_2028_03", "mitigated"),
                      ("deficit_2028_03_unmitigated", "unmitigated")):
        for column, stat in (("value", "mean"), ("p10", "p10"), ("p90", "p90")):
            expected = account(FINAL, name, schedule, stat)[END] * 1e6
            assert headline[key][column] == pytest.approx(expected, abs=1), (key, column)
    delivery = results("delivery").loc[GOAL]
    saving, share = headline["saving_required"], headline["delivery_needed"]
    assert saving["value"] == pytest.approx(delivery["Saving required"] * 1e6, abs=1)
    needed = delivery["Saving required"] / delivery["Saving planned"]
    assert share["value"] == pytest.approx(needed, abs=5.1e-5)
    # balance: the limit is nought, so the range of the gap is that of the year without measures
    assert account("in_year", "unmitigated", stat="p10")[GOAL] > 0
    for stat in ("p10", "p90"):
        gap = account("in_year", "unmitigated", stat=stat)[GOAL]
        assert saving[stat] == pytest.approx(gap * 1e6, abs=1)
    for key in ("p_over_limit_2024_25", "p_plan_holds"):
        assert 0 <= headline[key]["value"] <= 1


def test_the_chance_as_signed_is_the_scenarios(headline, results, signed):
    over = signed.over()["2024-25"]
    assert headline["p_over_limit_2024_25"]["value"] == pytest.approx(over, abs=5.1e-5)
    rows = results("signed_limits")
    low, middle, high = np.quantile(signed.in_year().sel(financial_year="2024-25"),
                                    [0.1, 0.5, 0.9]) / 1e6
    same(rows.loc["2024-25", ["low", "high"]], [low, high])
    assert rows.loc["2024-25"].drop(["low", "high", "Limit"]).item() == pytest.approx(middle)
    assert rows.loc["2024-25", "Limit"] == 31.2


def test_sentences_say_the_headlines(page, headline, results):
    """As words print them: money, spans, shares and chances."""
    kept, bare, saving, share = (headline[key] for key in (
        "deficit_2028_03", "deficit_2028_03_unmitigated", "saving_required", "delivery_needed"))
    for said in (money(kept["value"]), span(kept["p10"], kept["p90"]), money(bare["value"]),
                 span(bare["p10"], bare["p90"]), money(saving["value"]),
                 percent(share["value"], 0), chance(headline["p_plan_holds"]["value"]),
                 chance(headline["p_over_limit_2024_25"]["value"])):
        assert said in page, f"{said!r} is not in the sentences of the page"


def test_sentences_say_the_tables(page, results, account, schedule):
    fund = results("general_fund")
    to_date = fund.loc[:, :END].sum(axis=1) * 1e6
    granted = -results("five_years").loc[SETTLED["grant"]].sum() * 1e6
    said = {
        "contributions to date": money(to_date["Council money put into the deficit"]),
        "interest to date": money(to_date["Interest on the deficit"]),
        "due on 1 April 2028": money(
            1e6 * fund.loc["Falls due on 1 April as the override ends"].sum()),
        "the stability grant": money(granted),
        "left after it": money(1e6 * account(FINAL, schedule=schedule)[GOAL]),
        "overspend of the first year": money(1e6 * account("in_year").iloc[0]),
    }
    missing = {name: text for name, text in said.items() if text not in page}
    assert not missing, f"not in the sentences of the page: {missing}"


def test_where_later_forecasts_fall_is_said_as_counted(page, signed):
    draws = signed.in_year().sel(financial_year="2024-25").values
    for month, value in {4: 38.5e6, 6: 45.8e6, 8: 51.6e6}.items():
        near = page[page.index(money(value)):][:80]
        assert percent(np.mean(draws < value), 0) in near, f"month {month}: {near}"


# The annex

def test_the_annex_holds_every_page_and_the_plans(made):
    notebooks = {path.name for path in (made / "exempt" / "notebooks").glob("*.ipynb")}
    assert notebooks == {"01_placement_costs.ipynb", PAGE, "03_framework_vs_spot.ipynb",
                         "04_options_appraisal.ipynb"}
    with ZipFile(made / "public" / "annex.xlsx") as book:
        contents = book.read("xl/workbook.xml").decode()
    sheets = re.findall(r'<sheet name="([^"]+)"', contents)
    plans = {path.stem for path in (made / "public" / "results").glob("*.csv")
             if path.stem.startswith(("lsrp_", "dsg_"))}
    assert len(plans) >= 12 and plans <= set(sheets), plans - set(sheets)
    assert {"deficit", "five_years", "schedules", "general_fund", "routes", "law"} <= set(sheets)
    html = (made / "public" / "annex.html").read_text(encoding="utf-8")
    titles = [json.loads(path.read_text("utf-8"))["cells"][0]["source"]
              for path in sorted((made / "exempt" / "notebooks").glob("*.ipynb"))]
    for title in titles:
        assert "".join(title).lstrip("# ").splitlines()[0][:30] in html


def test_a_case_without_an_opening_balance_gets_one_clear_error(root, tmp_path, monkeypatch):
    """Nothing is estimated, and no results are left behind."""
    case = root / "params" / "councils" / "devon.yaml"
    councils = tmp_path / "params" / "councils"
    councils.mkdir(parents=True)
    (tmp_path / "params" / "national.yaml").write_bytes(
        (root / "params" / "national.yaml").read_bytes())
    text = case.read_text(encoding="utf-8")
    start = text.index("    balance:\n", text.index("\n  opening:\n"))
    end = text.index("    council_money:\n", start)
    (councils / "devon.yaml").write_text(text[:start] + text[end:], encoding="utf-8")
    (councils / "devon.as_signed_2024.forecast.csv").write_bytes(
        case.with_name("devon.as_signed_2024.forecast.csv").read_bytes())
    monkeypatch.setenv("SUFFICIENCY_ROOT", str(tmp_path))
    out = tmp_path / "out"
    given = {"draws": 100, "out_dir": str(out)}
    with pytest.raises(NotebookError) as caught:
        run_one(root / "notebooks" / PAGE, tmp_path / PAGE, given)
    said = str(caught.value)
    assert said.count("safety_valve.opening.balance: found nothing; allowed GBP") == 1, said
    assert "\n" not in said and "Traceback" not in said
    left = {path.name for path in out.rglob("*") if path.is_file()}
    assert left <= {"case.json"}, left
