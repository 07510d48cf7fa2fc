"""Bad appraisals: every problem said once, with file, line, key, what was found and allowed."""

import re

import pytest
from sufficiency.case import load_case, schema
from sufficiency.case.files import Tree, parse
from sufficiency.case.options import COLOURS, LEVELS, RATING, bands, changes, rating
from test_bad_market import GOOD as MARKET
from test_bad_market import SAID

OWN = f"""\
      capital: {{central: 100000, unit: GBP, funded_by: general_fund, {SAID}}}
      optimism_bias: {{central: 0.2, unit: share, {SAID}}}
      running: {{central: 40000, unit: GBP/year, funded_by: social_care, {SAID}}}
      avoided: {{central: 60000, unit: GBP/place/year, funded_by: social_care, {SAID}}}
      places: {{central: 2, unit: places, {SAID}}}
      occupancy: {{low: 0.6, central: 0.8, high: 0.9, unit: share, {SAID}}}
      life_years: 10
"""
GOOD = MARKET + f"""\
appraisal:
  discount:
    0-30: {{central: 0.035, unit: share/year, {SAID}}}
    31-75: {{central: 0.03, unit: share/year, {SAID}}}
  proposal: framework
  options:
    do_nothing: {{label: As now}}
    framework: {{route: framework}}
    both: {{label: Both, says: Each lot its own., route: both}}
    own:
      label: Our own
      says: We build.
      kind: invest_to_save
      starts: 2026-09
{OWN}\
    cease: {{label: Stop, says: Nothing., fails: {{lawful: The court orders some}}}}
  success_factors: {{lawful: Meets the duties}}
  criteria:
    cost: {{label: Cost, from: cost, better: low, swing: 100, quality: judgement}}
    wait: {{label: Days, from: days, better: low, swing: 40, quality: judgement}}
    known:
      label: Records
      swing: 20
      quality: judgement
      scores:
        do_nothing: 0
        framework: {{low: 40, central: 60, high: 80, min: 0, max: 100, unit: points, {SAID}}}
        both: 30
        own: 10
  risks:
    challenge: {{label: A challenge, without: {{likelihood: high, impact: high}}, with: green}}
  states: {{few: {{label: Few join, set: market.joins=0.2}}}}
"""
A = "appraisal."
BAD = {
    "a key nobody reads": ("  proposal: framework\n  opt", "  proposal: framework\n  yeers: 3\n"
                           "  opt", A + "yeers", "found a key nobody reads"),
    "no do nothing": ("    do_nothing: {label: As now}\n    framework: {route",
                      "    as_now: {label: As now, route: spot}\n    framework: {route",
                      A + "options", "found as_now, framework, both, own, cease; allowed do_nothi"),
    "no such reference": ("  proposal: framework\n  options", "  proposal: framework\n"
                          "  reference: do_nothin\n  options", A + "reference",
                          "found do_nothin; allowed do_nothing, framework"),
    "no such proposal": ("  proposal: framework\n  options", "  proposal: frame\n  options",
                         A + "proposal", "found frame; allowed do_nothing, framework"),
    "a proposal that fails": ("  proposal: framework\n  options", "  proposal: cease\n  options",
                              A + "proposal", "found cease, which fails lawful; allowed an option"),
    "no such route": ("framework: {route: framework}", "framework: {route: frame}",
                      A + "options.framework.route",
                      "found frame; allowed spot, framework, block, both (nearest: framework)"),
    "no route": ("{label: Both, says: Each lot its own., route: both}",
                 "{label: Both, says: Each lot its own.}", A + "options.both.route",
                 "found nothing; allowed spot, framework, block, both; or kind: invest_to_save"),
    "another reference than the market's": ("do_nothing: {label: As now}",
                                            "do_nothing: {label: As now, route: block}",
                                            A + "options.do_nothing.route",
                                            "found block; allowed nothing, or the market's own re"),
    "a mix that says nothing": ("{label: Both, says: Each lot its own., route: both}",
                                "{label: Both, route: both}", A + "options.both.says",
                                "found nothing; allowed a text: no route of the market says it"),
    "no such factor": ("fails: {lawful:", "fails: {lawfull:", A + "options.cease.fails",
                       "found lawfull; allowed lawful (nearest: lawful)"),
    "no avoided cost": (OWN.splitlines(keepends=True)[3], "", A + "options.own.avoided",
                        "found nothing; allowed a value: the option invests to save"),
    "flows of no investment": ("      kind: invest_to_save\n", "      route: spot\n",
                               A + "options.own.optimism_bias",
                               "found an option without flows of its own; allowed nothing, or k"),
    "no bias": (OWN.splitlines(keepends=True)[1], "", A + "options.own.optimism_bias",
                "found nothing; allowed its own, or appraisal.optimism_bias"),
    "a wait in years": (OWN.splitlines(keepends=True)[6], OWN.splitlines(keepends=True)[6]
                        + f"      opens_months: {{central: 1, unit: years, {SAID}}}\n",
                        A + "options.own.opens_months.unit", "found years; allowed months"),
    "a wait below 0": ("life_years: 10\n", "life_years: 10\n      opens_months: -1\n",
                       A + "options.own.opens_months", "found -1; allowed 0 or more, or an assum"),
    "a route beside the others": ("      kind: invest_to_save\n", "      kind: invest_to_save\n"
                                  "      beside: true\n      route: framework\n",
                                  A + "options.own.beside", "found true; allowed false: only"),
    "another unit": ("central: 0.2, unit: share", "central: 0.2, unit: ratio",
                     A + "options.own.optimism_bias.unit", "found ratio; allowed share"),
    "a negative cost": ("central: 40000, unit", "central: -40000, unit",
                        A + "options.own.running", "found -40000; allowed 0 or more"),
    "too soon": ("starts: 2026-09", "starts: 2025-09", A + "options.own.starts",
                 "found 2025-09; allowed 2026-04, the first month of the market, or later"),
    "more years than the market": ("  proposal: framework\n  options", "  proposal: framework\n"
                                   "  years: 5\n  options", A + "years",
                                   "found 5; allowed at most 4, the years of the market"),
    "prices of another time": ("  proposal: framework\n  options", "  proposal: framework\n"
                               "  prices: 2025-26\n  options", A + "prices",
                               "found 2025-26; allowed one of the 4 years from 2026-04"),
    "a gap between bands": ("    31-75:", "    32-75:", A + "discount.32-75",
                            "found '32-75'; allowed bands of years, the first from 0, each from"),
    "a band in words": ("    31-75:", "    later:", A + "discount.later",
                        "found 'later'; allowed bands of years"),
    "a rate's unit": ("central: 0.03, unit: share/year", "central: 0.03, unit: share",
                      A + "discount.31-75.unit", "found share; allowed share/year"),
    "no such outcome": ("from: days", "from: dayz", A + "criteria.wait.from",
                        "found 'dayz'; allowed"),
    "an outcome and scores": ("      label: Records\n", "      label: Records\n      from: cost\n",
                              A + "criteria.known.from", "found cost; allowed an outcome to read"),
    "neither": ("{label: Days, from: days, ", "{label: Days, ", A + "criteria.wait.from",
                "found nothing; allowed an outcome to read it from, or `scores`"),
    "a score left out": ("        both: 30\n", "", A + "criteria.known.scores",
                         "found none for both; allowed a score for every option"),
    "a score of nothing": ("        both: 30\n", "        both: 30\n        bloc: 3\n",
                           A + "criteria.known.scores", "found bloc; allowed do_nothing"),
    "a score above 100": ("        both: 30\n", "        both: 130\n",
                          A + "criteria.known.scores.both", "found 130; allowed 0 to 100, or an"),
    "a score that reaches too far": ("high: 80, min: 0, max: 100, unit: points",
                                     "high: 80, min: 0, unit: points",
                                     A + "criteria.known.scores.framework",
                                     "found 0 to 188; allowed 0 to 100: say min: 0, max: 100"),
    "a negative swing": ("swing: 40", "swing: -4", A + "criteria.wait.swing", "found -4; allowed"),
    "no quality": ("swing: 40, quality: judgement", "swing: 40", A + "criteria.wait.quality",
                   "found nothing; allowed a value: it is required"),
    "nothing counts": ("swing: 100, quality: judgement}\n    wait: {label: Days, from: days, "
                       "better: low, swing: 40, quality: judgement}\n    known:\n      "
                       "label: Records\n      swing: 20\n",
                       "swing: 0, quality: judgement}\n    wait: {label: Days, from: days, "
                       "better: low, swing: 0, quality: judgement}\n    known:\n      "
                       "label: Records\n      swing: 0\n", A + "criteria",
                       "found no swing above 0; allowed one that counts, at least"),
    "a colour that is none": ("with: green", "with: purple", A + "risks.challenge.with",
                              "found 'purple'; allowed green, amber or red as the source rates it"),
    "half a rating": ("without: {likelihood: high, impact: high}", "without: {likelihood: high}",
                      A + "risks.challenge.without", "found {'likelihood': 'high'}; allowed green"),
    "a state of no assumption": ("set: market.joins=0.2", "set: market.join=0.2",
                                 A + "states.few.set", "found market.join; allowed "),
    "a state in words": ("set: market.joins=0.2", "set: market.joins=few", A + "states.few.set",
                         "found 'market.joins=few'; allowed assumptions and numbers: key=0.2"),
    "options that are no mapping": ("  options:\n    do_nothing: {label: As now}\n",
                                    "  options:\n    do_nothing: 3\n", A + "options.do_nothing",
                                    "found 3; allowed a mapping, key: value"),
}


def problems(text):
    tree = Tree(where={(): "made.yaml:1"})
    tree.data = parse(text, "made.yaml", tree)
    schema.check(tree)
    return tree.problems


def test_the_good_appraisal_has_no_problem():
    assert problems(GOOD) == []


@pytest.mark.parametrize("what", BAD)
def test_one_thing_wrong_is_said_once(what):
    right, wrong, key, said = BAD[what]
    assert GOOD.count(right) == 1, GOOD.count(right)
    found = problems(GOOD.replace(right, wrong))
    assert len(found) == 1, found
    assert re.fullmatch(r"made\.yaml:\d+: " + re.escape(f"{key}: {said}") + ".*", found[0]), found


def test_without_a_market_years_and_prices_are_asked_for():
    own = GOOD.replace(GOOD[GOOD.index("market:"):GOOD.index("appraisal:")], "")
    own = own.replace("    framework: {route: framework}\n", "").replace("proposal: framework",
                                                                         "proposal: own")
    own = re.sub(r"    both: .*\n|        both: 30\n|        framework: .*\n|    wait: .*\n|"
                 r"  states: .*\n", "", own).replace("As now}", "As now, says: Nothing.}")
    found = problems(own)
    assert [line.split(": ")[1] for line in found] == [A + "prices", A + "years"], found
    assert not problems(own.replace("  proposal:", "  prices: 2026-27\n  years: 10\n  proposal:"))


@pytest.mark.parametrize("junk", ["3", "[1]", "x", "{options: 3}", "{criteria: {a: 3}}"])
def test_junk_for_an_appraisal_is_a_problem(junk):
    assert problems(GOOD[: GOOD.index("appraisal:")] + f"appraisal: {junk}\n")


def test_a_risk_is_no_better_for_being_likelier_or_graver():
    rank = [[COLOURS.index(colour) for colour in row] for row in RATING]
    assert all(rank[a][b] <= min(rank[a + 1][b], rank[a][b + 1]) for a in (0, 1) for b in (0, 1))
    assert rating({"likelihood": LEVELS[2], "impact": LEVELS[2]}) == ("red", "judgement")
    assert rating("green") == ("green", "source") and rating(None) == ("", "")


def test_small_readers():
    assert bands({"0-30": 0.035, "31-75": 0.03}) == [(0, 30, 0.035), (31, 75, 0.03)]
    assert changes("a.b=1; c=-0.5") == {"a.b": 1.0, "c": -0.5}


@pytest.mark.parametrize("council", ["devon", "northamptonshire", "north_yorkshire"])
def test_every_route_a_council_compares_is_an_option(council, root):
    case = load_case(council, root=root)
    told = case.value("appraisal.options")
    named = {option.get("route") for option in told.values()} | {case.value("market.reference")}
    assert set(case.value("market.compare")) <= named and "do_nothing" in told


def test_the_discount_rate_of_the_day(root):
    key = "appraisal.discount.0-30"
    now, then = (load_case("devon", root=root, as_known=when)[key] for when in ("", "2024-09"))
    assert now.central == then.central == 0.035
    assert "2026" in now.source and "2003" in then.source and "review" not in then.note
