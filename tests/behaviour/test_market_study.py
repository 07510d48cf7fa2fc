"""The whole market of a study, of three councils: what must tie, stay, be refused or be said."""

import re
import shutil
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import yaml
from sufficiency.case import CaseError, load_case
from sufficiency.case.procurement import BELOW, FLAG
from sufficiency.model.safety_valve.account import pence
from sufficiency.report import market_words as said
from sufficiency.report import procurement_words
from sufficiency.report.tables import market_frame
from sufficiency.run import procurement, programme
from sufficiency.run.market import FEES, IDEAL, SWITCHES, Market
from sufficiency.run.parameters import Parameters
from sufficiency.run.study import Study

COUNCILS = ("devon", "northamptonshire", "north_yorkshire")
DRAWS = 60
HOURS = ["officers", "diligence", "management"]
# By council: the regime, the light touch threshold, and whether it counts VAT.
LAW = {"northamptonshire": ("Public Contracts Regulations 2015", 589_148, False),
       "north_yorkshire": ("Public Contracts Regulations 2015", 663_540, False),
       "devon": ("Procurement Act 2023", 663_540, True)}
SCENARIOS = [("northamptonshire", "trust_delivers"), ("north_yorkshire", "as_it_turned_out"),
             ("devon", "as_decided_2024"), ("devon", "open_framework_2025")]


def opened(name, draws=DRAWS, case=None, **given):
    return Study(Parameters(str(name), draws=draws, **given), case).market


def alone(found, routes):
    """A dataset of some routes as plain arrays."""
    one = found.sel(route=list(routes))
    return one["cost"].values, one["count"].values


def error(values):
    """Standard error of a mean over draws."""
    return float(np.std(values, ddof=1)) / len(values) ** 0.5


@pytest.fixture(scope="module")
def markets():
    """The market of a council by its name, made once for all tests."""
    return cache(opened)


@pytest.fixture(scope="module", params=COUNCILS)
def market(request, markets):
    return markets(request.param)


@pytest.fixture(scope="module")
def boards():
    return opened("north_yorkshire", 300)


@pytest.fixture(scope="module")
def devon(markets):
    return markets("devon")


# What ties

def test_savings_tie_to_their_causes_and_to_what_is_saved(market):
    found, years = market.by_route, len(market.years)
    by_cause = -market.difference().sum()
    kept = market_frame(market.results).groupby("route")["mean"].sum() / years
    parts = found[["saving_new", "saving_existing", "saving_buying"]].sum(axis=1)
    for name in market.labels:
        row = found.loc[name]
        assert row["saving"] == pytest.approx(kept[market.reference] - kept[name], abs=0.005)
        assert row["saving"] == pytest.approx(parts[name], abs=0.005)
        if name != market.reference:
            assert row["saving"] == pytest.approx(by_cause[name], abs=0.005)


def test_the_reference_differs_from_itself_by_exactly_nothing(market):
    row = market.by_route.loc[market.reference]
    money = [name for name in row.index if name.startswith("saving") or name == "error"]
    assert not row[[*money, "p10", "p90", "chance"]].any()


# What stays

def test_threads_make_no_difference(market):
    one = opened(market.case.name)
    one.study.threads = 1
    assert one.results.identical(market.results)


def test_a_route_is_worth_the_same_in_other_company(market):
    for pair in ([market.reference, market.proposal], [market.proposal]):
        found = alone(market.run(pair, market.worlds), pair)
        for mine, theirs in zip(found, alone(market.results, pair), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_the_first_worlds_are_those_of_more(market):
    """Exactly; but for unit costs of placements, tied to the mean of all draws: within 0.3%.

    By these a member's spend may come into another tier of contract management.
    """
    fewer = opened(market.case.name, DRAWS // 2).results
    more = market.results.isel(draw=slice(DRAWS // 2))
    for lot in market.lots:
        few, first = fewer.sel(lot=lot), more.sel(lot=lot)
        if market.told(f"lots.{lot}.setting"):
            money = ["spend", "spend_local", "spend_small", "hhi", "top"]
            counts = [one["count"].drop_sel(outcome=money) for one in (few, first)]
            np.testing.assert_allclose(counts[0], counts[1])
            paid = [one["cost"].drop_sel(item="management") for one in (few, first)]
            np.testing.assert_allclose(*paid, rtol=3e-3)
        else:
            assert few.identical(first)


# Routes in a few lines, and mixes of them by lot

@pytest.fixture(scope="module")
def written(root, tmp_path_factory):
    """A case of these lines on top of a council's."""
    folder = tmp_path_factory.mktemp("cases")
    shutil.copy(root / "params/councils/devon.as_signed_2024.forecast.csv", folder)

    def load(council, lines):
        path = folder / f"of_{council}.yaml"
        text = yaml.safe_dump({"extends": council, "market": lines}, sort_keys=False)
        path.write_text(text, encoding="utf-8")
        return opened(path)

    return load


@pytest.mark.parametrize("council", COUNCILS)
def test_the_route_in_the_readme_runs(council, root, written):
    text = (root / "README.md").read_text(encoding="utf-8")
    block, = re.findall(r"```yaml\n(market:\n  compare:.*?)```", text, re.DOTALL)
    lines = yaml.safe_load(block)["market"]
    (name,) = lines["routes"]
    assert len(yaml.safe_dump(lines["routes"]).splitlines()) < 20, "a few lines"
    starts = load_case(council, root=root).value("market.routes.open_framework.list.start")
    lines["routes"]["open_framework"] = {"list": {"start": starts}}
    found = written(council, {**lines, "reference": "spot", "proposal": name})
    row = found.by_route.loc[name]
    assert row["saving"] and row["error"] > 0 and row["members"] == 0
    assert said.each(found.says, found.labels).count("Two quotes are taken from the best") == 1


def test_twins_and_mixes_are_exact(root, written):
    told = load_case("north_yorkshire", root=root).value("market")
    lots, proposal, reference = list(told["lots"]), told["proposal"], told["reference"]
    found = written("north_yorkshire", {
        "compare": [reference, proposal, "twin"],
        "routes": {"twin": {**told["routes"][proposal], "label": "The same again"}},
        "mixes": {"half": {"label": "A list for one lot", "lots": dict(
            zip(lots, (proposal, reference), strict=True))}}})
    assert list(found.labels) == [reference, proposal, "twin", "half"]
    for mine, theirs in zip(*(alone(found.results, [name]) for name in ("twin", proposal)),
                            strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert found.by_route.loc["twin"].equals(found.by_route.loc[proposal])
    cost = found.results["cost"].sum(("item", "financial_year"))
    np.testing.assert_allclose(
        cost.sel(route="half").sum("lot"), cost.sel(lot=lots[0], route=proposal).values
        + cost.sel(lot=lots[1], route=reference).values, atol=0.005)
    assert not found.evidence["share"].isna().any()


# What would have to be true

def test_at_its_switching_value_nothing_is_saved(devon):
    table = devon.switching
    turns = table[table["value"].notna()]
    keys = {devon.case[devon._keys(name)[0]].label: name for name in SWITCHES}
    assert set(table.index) == set(keys)
    assert len(turns) >= 1, "one alone turns the saving at least"
    for label, row in turns.iterrows():
        values = {keys[label]: row["value"]}
        if "joins" in values:
            joins, later = (devon.case[devon._keys(name)[0]].central_value()
                            for name in ("joins", "joins_later"))
            values["joins_later"] = min(1.0, later * row["value"] / joins)
        saved = devon.saving(devon.changed(values))
        assert abs(saved.mean()) < 2 * error(saved), (label, row["value"])
        central = devon.saving(devon.changed({keys[label]: row["central"]})).mean()
        above = row["central"] > row["value"]
        assert (central > 0) == (above == (row["says"] == "saves above")), label


def test_a_premium_is_a_saving(devon):
    """In every world the dearer spot is for like children, the more a list saves, if it opens."""
    saved = [devon.saving(devon.changed({"premium": x})) for x in (0.0, 0.05, 0.2)]
    assert (saved[0] <= saved[1]).all() and (saved[1] <= saved[2]).all()
    assert np.mean(saved[2] > saved[1]) > 0.8


# Whether the evidence decides

def weighed(case, quality):
    """The case with every assumption of one quality."""
    def called(one):
        values = one.values and {key: entry.model_copy(update={"quality": quality})
                                 for key, entry in one.values.items()}
        return one.model_copy(update={"quality": quality, "values": values})

    return replace(case, assumptions={key: called(one) for key, one in case.assumptions.items()})


def headline(market):
    route = market.proposal
    return said.headline(market.labels[route], market.by_route.loc[route],
                         market.evidence.loc[route], market.switching,
                         said.lower(market.labels[market.reference]))


def test_the_evidence_decides_once_no_assumption_is_weak(root):
    council = "northamptonshire"
    case = load_case(council, root=root)
    sure = opened(council, 150, weighed(case, "council"))
    assert (sure.evidence["share"] == 0).all() and sure.evidence["decides"].all()
    text = headline(sure)
    row = sure.by_route.loc[sure.proposal]
    assert "does not decide" not in text and "no saving is claimed" not in text
    assert said.between(row["p10"], row["p90"], row["error"]) in text
    weak = opened(council, 150, weighed(case, "illustrative"))
    assert (weak.results["cost"] == sure.results["cost"]).all(), "words alone differ"
    assert not weak.evidence["decides"].any() and (weak.evidence["share"] > 0.5).all()
    text = headline(weak)
    assert text.startswith("**The evidence does not decide whether")
    assert "no saving is claimed" in text
    assert not re.search(r"£[\d,.]+m?( a year)? (less|more)", text), text
    points = said.beat(weak.by_route, weak.evidence, weak.labels, weak.reference)
    assert points.startswith("* **The evidence does not decide:**") and points.count("* **") == 1
    assert said.needs(weak.switching, weak.by_route.at[weak.proposal, "saving"] > 0) in text


# What remains

def test_in_the_ideal_only_prices_and_tenders_remain(market):
    made_of, spread = market.ideal
    worlds = market.changed(IDEAL, DRAWS)
    pair = [market.reference, market.proposal]
    found = market.run(pair, worlds)
    assert not found["cost"].sel(item=[*HOURS, "named"]).any()
    steerable, asked = (found["count"].sel(outcome=name) for name in ("steerable", "call_offs"))
    assert (steerable == asked).all() and (asked > 0).any()
    assert not made_of[["officer time", "due diligence", "contract management",
                        "named schools and courts"]].any()
    saved = market.saving(worlds)
    assert -made_of.sum() == pytest.approx(saved.mean(), abs=0.005)
    assert spread == pytest.approx(error(saved), rel=0.02)
    text = said.ideal(market.labels[market.proposal], made_of, "spot", spread)
    assert text.startswith("With no premium, everyone steered and officers free")
    assert "officer time" not in text


# The law of the day

@pytest.mark.parametrize("council", COUNCILS)
def test_the_law_is_that_of_the_reports_day(council, markets):
    found = markets(council)
    findings, whole, threshold = procurement.legal(found)
    regime, limit, vat = LAW[council]
    assert regime in findings[0].said and found.case.as_at.strftime("%B %Y") in findings[0].said
    assert (threshold.value, threshold.inc_vat) == (limit, vat)
    assert whole.conclusion == FLAG
    assert not [one for one in findings if "breach" in one.said or "unlawful" in one.said]


def test_north_yorkshire_flags_its_boards_together(boards):
    whole, threshold = procurement.legal(boards)[1:]
    yearly = sum(procurement.bought(boards).values())
    assert yearly == pytest.approx(1_021_500, abs=0.005)
    first = whole.tests.set_index(["category", "valuation"]).loc[("light_touch", "recurring")]
    assert (first["value"], first["threshold"]) == (1_021_500, 663_540) and first["reached"]
    text = procurement_words.aggregation(whole, threshold, "2021-05")
    assert text.startswith("**Flag for legal advice")
    for said_so in ("£1,021,500 a year", "£4,086,000 over 4 years", "£663,540 excluding VAT",
                    "May 2021", "question of law"):
        assert said_so in text, text


# Lateness and displacement

def test_the_verdict_is_that_of_the_share(boards):
    """All of its interval within half; and never where invented figures are held certain."""
    shares = boards.evidence
    assert boards.guesses and not shares["decides"].any()
    assert "no saving is claimed" in headline(boards)
    known = {key: one.model_copy(update={"quality": "council"}) if key in boards.guesses else one
             for key, one in boards.case.assumptions.items()}
    found = opened("north_yorkshire", 300, replace(boards.case, assumptions=known))
    assert not found.guesses and (found.results["cost"] == boards.results["cost"]).all()
    assert list(found.evidence["decides"]) == list(shares["high"] <= 0.5)


def test_what_a_late_list_costs(boards):
    """Twelve months late lies between in time and never, which is the tender and nothing else."""
    in_time, later, never = (boards.saving(boards.changed({"slippage": months}))
                             for months in (0, 12, 48))
    tender = boards.changed({})["market.tender"] * len(boards.lots) / len(boards.years)
    np.testing.assert_allclose(-never, tender, atol=0.0051 * len(boards.lots))
    # a year in four of its terms is gone, in part: not all that it would have made
    gap, whole = later - in_time, never - in_time
    assert gap.mean() != 0 and error(gap) > 0
    assert abs(gap.mean()) < abs(whole.mean()) + 4 * error(whole - gap)
    late = opened("north_yorkshire", 60, scenario="as_it_turned_out")
    assert late.late.min() >= 11 and late.missed == 1
    text = procurement_words.start(late.late, late.record, late.told("deadline"), late.missed)
    assert "chance of missing September 2021 is" in text


def test_a_list_displaces_local_providers_unless_the_burden_is_light(boards):
    light = opened("north_yorkshire", 300, scenario="light_burden")

    def local(found):
        """Local share of new spending, by draw, on the proposal."""
        count = found.results["count"].sum("lot").sel(route=found.proposal)
        return (count.sel(outcome="spend_local") / count.sel(outcome="spend")).values

    more = local(light) - local(boards)
    assert more.mean() > 4 * error(more), "fewer local ones join, so fewer are asked"
    share = boards.by_route["local"]
    text = said.displaced(boards.by_route, boards.proposal, boards.reference, boards.labels)
    assert f"local providers {said.percent(share[boards.proposal], 0)}" in text


def test_devons_chance_of_missing_january_2026_is_its_late_worlds(devon):
    """As Cabinet set it: with what was known in September 2024; an award that fails misses too."""
    then = load_case("devon", as_known="2024-09")
    late, fails = (then[f"market.{name}"].quantile(devon.study.worlds.uniform(f"market.{name}"))
                   for name in ("slippage", "fails"))
    assert devon.told("routes.open_framework.list.start") == "2026-01"
    in_time = (np.rint(late) <= 0) * (1 - fails)
    assert devon.missed == pytest.approx(1 - in_time.mean()) and 0.5 < devon.missed < 1
    text = procurement_words.start(devon.late, devon.record, devon.told("deadline"), devon.missed)
    assert text.startswith(f"**Seen from September 2024, the chance of missing January 2026 is "
                           f"{said.chance(devon.missed)}.**")
    assert set(devon.record) == {"north_yorkshire", "nottinghamshire"}


@pytest.mark.parametrize(("council", "scenario"), SCENARIOS)
def test_scenarios_run_with_what_was_known(council, scenario):
    found = opened(council, 40, scenario=scenario)
    day = found.case.known_by
    assert found.by_route["saving"].notna().all()
    assert found.evidence["share"].between(0, 1).all()
    assert len(found.influence()) > 20
    # What would have to be true is sought for two years alone: its every step is the same
    short = opened(council, 40, scenario=scenario, overrides="market.years=2")
    assert set(short.switching["name"]) <= set(SWITCHES) and len(headline(short)) > 50
    findings, whole, _ = procurement.legal(found)
    assert findings and whole.conclusion in (FLAG, BELOW)
    assert not day or all(late["known"] <= day for late in found.record.values())


# The account

def test_in_the_account_a_route_saves_its_fees():
    """The deficit is lower by exactly what fees on the route are lower, in the same worlds."""
    valve = Study(Parameters("devon", draws=DRAWS, scenario="framework_measure")).safety_valve
    market, study = Market(valve.study), valve.study
    ratio = market.fees_ratio("independent_special", "open_framework", DRAWS)
    assert ratio.identical(valve.market["framework"])
    asked = alone(market.results, [market.reference, market.proposal])[0][0]
    at = [list(market.results["item"].values).index(name) for name in FEES]
    spot, listed = asked[..., at].sum(-1).transpose(1, 0, 2)
    np.testing.assert_allclose(ratio, listed / spot, rtol=1e-12)
    worlds = slice(None) if valve.nowcast is None else valve.nowcast.index
    ratio = ratio.reindex(financial_year=valve.years, method="ffill").fillna(1.0)
    fees = study.spend["nominal"].sum("age_band").sel(
        setting="independent_special", financial_year=valve.years)
    saved = ((1 - ratio) * fees).isel(draw=worlds).transpose("draw", "financial_year").values
    assert saved[:, 0].any() == (valve.years[0] >= market.years[0]) and saved[:, -1].any()
    in_year = valve.in_year("unmitigated") - valve.in_year()
    # two accounts in whole pence
    np.testing.assert_allclose(in_year.transpose("draw", "financial_year"), saved, atol=0.0101)
    deficit = valve.account["deficit"].sel(basis="gross")
    less = (deficit.sel(forecast="unmitigated") - deficit.sel(forecast="mitigated"))
    for schedule in valve.account["schedule"].values:
        np.testing.assert_allclose(
            less.sel(schedule=schedule).transpose("draw", "financial_year"), saved.cumsum(1),
            atol=0.0101 * len(valve.years))
    split = pence(valve.attributed().to_numpy(), "attribution")
    assert (split[:-1].sum(0) == split[-1]).all()
    shown = programme.less_by(market)
    assert shown.shape == (DRAWS,)


# What is refused

@pytest.mark.parametrize(("overrides", "message"), [
    ("market.lots.homes.price=100", "market.lots.homes"),
    ("market.in_use=[homes]", "market.in_use"),
    ("market.compare=[best_value_forms, approved_providers, nope]", "market.compare"),
    ("market.reference=sopt", "market.reference"),
    ("market.proposal=sopt", "market.proposal"),
    ("market.slipage=3", "market.slipage"),
    ("market.joins=1.5", "market.joins"),
    ("market.years=9", "market.years"),
    ("market.from=2021-13", "market.from"),
])
def test_a_bad_name_or_number_is_refused_by_key(overrides, message):
    with pytest.raises(CaseError) as caught:
        opened("north_yorkshire", overrides=overrides)
    text = str(caught.value)
    assert message in text and ("found" in text or "allowed" in text), text
    assert "Traceback" not in text


def test_an_override_moves_what_it_names_and_nothing_else(boards):
    found = opened("north_yorkshire", 60, overrides="market.tender=8000")
    cost = found.results["cost"]
    same = cost.drop_sel(item="set_up")
    assert same.equals(boards.results["cost"].isel(draw=slice(60)).drop_sel(item="set_up"))
    mine, theirs = (one.sel(item="set_up", route="best_value_forms")
                    for one in (cost, boards.results["cost"]))
    assert not mine.any() and not theirs.any()


def test_a_case_without_lots_compares_nothing(root, tmp_path):
    path = tmp_path / "bare.yaml"
    path.write_text("extends: national\ntitle: Bare\nas_at: 2026-01-31\n"
                    "council: {name: Bare, short: Bare, la_code: E10000021, region: None}\n",
                    encoding="utf-8")
    with pytest.raises(ValueError, match=r"market\.lots: found nothing; allowed what is"):
        opened(path, case=load_case(str(path), root=root))
