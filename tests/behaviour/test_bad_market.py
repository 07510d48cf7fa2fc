"""Bad markets: every problem said once, with file, line, key, what was found and allowed."""

import pytest
from sufficiency.case import schema
from sufficiency.case.files import Tree, parse

SAID = "known: 2025-01, quality: illustrative, note: Invented"
GOOD = f"""\
council: {{name: A, short: A}}
as_at: 2026-03-31
horizon: {{last_january: 2031}}
settings:
  special: {{label: Special, ages: [4, 19], group: special}}
market:
  from: 2026-04
  years: 4
  reference: spot
  proposal: framework
  compare: [spot, framework, block]
  deadline: {{month: 2026-09, planned: 2026-01}}
  record: {{elsewhere: {{label: Elsewhere, months_late: 11, known: 2022-08, source: A notice}}}}
  premium: {{central: 0, unit: ratio, {SAID}}}
  joins: {{low: 0.2, central: 0.4, high: 0.6, unit: share, {SAID}}}
  known: {{central: 0.3, unit: share, {SAID}}}
  quality: {{central: 0.7, unit: share, {SAID}}}
  index: {{general: {{central: -0.01, unit: share/year, {SAID}}}}}
  management: {{bounds: [1, 2], small: {{central: 1, unit: hours, {SAID}}}}}
  stages: {{in_turn: {{hours: {{central: 2, unit: hours, {SAID}}}}}}}
  lots:
    schools:
      label: Schools
      setting: special
      demand: placements
      pricing: posted
      months: [1, 1, 1, 1, 0, 5, 1, 1, 1, 1, 1, 1]
      providers: {{central: 20, unit: providers, {SAID}}}
      places: {{central: 12, unit: places, {SAID}}}
    reports:
      label: Reports
      demand: direct
      basis: case
      pricing: bids
      price: {{central: 900, unit: GBP/case, funded_by: social_care, {SAID}}}
      call_offs: {{low: 20, central: 30, high: 45, unit: requests/year, {SAID}}}
      providers: {{central: 9, unit: providers, {SAID}}}
      places: {{central: 2, unit: places, {SAID}}}
  routes:
    spot:
      label: Spot
      says: As now.
      kind: spot
      stages: {{ask: {{pool: open, order: distance, rule: in_turn}}}}
    framework:
      label: Framework
      says: A list first.
      kind: open_framework
      list: {{start: 2026-10, term: 48, reopens_every: 12}}
      lots: {{schools: {{leakage: {{central: 0.1, unit: share, {SAID}}}}}}}
      stages:
        list: {{pool: list, order: rank, rule: quotes, share: {{central: 1, unit: share, {SAID}}}}}
        rest: {{pool: outside, order: price, rule: in_turn}}
    block:
      label: Block
      says: Reserved places.
      kind: block
      reserve: {{start: 2026-10}}
      stages: {{block: {{pool: reserved, rule: fixed}}}}
  mixes: {{both: {{label: Both, lots: {{schools: spot, reports: framework}}}}}}
"""
M = "market."

# What is wrong: (text in the good file, text instead, key, what is said).
BAD = {
    "a key nobody reads": ("  years: 4", "  years: 4\n  anual: 3", M + "anual", "found a key nobo"),
    "a lot's key": ("      pricing: bids", "      pricing: bids\n      pateince: 2",
                    M + "lots.reports.pateince", "found a key nobody reads; allowed "),
    "years too many": ("years: 4", "years: 9", M + "years", "found 9; allowed less than or equal"),
    "years past the forecast": ("last_january: 2031", "last_january: 2028", M + "years", "found 4; "
                                "allowed years up to 2028, horizon.last_january: children of sch"),
    "half years": ("years: 4", "years: 2.5", M + "years", "found 2.5; allowed a whole number"),
    "from in words": ("from: 2026-04", "from: April", M + "from", "found 'April'; allowed a month"),
    "from in June": ("from: 2026-04", "from: 2026-06", M + "from", "found 2026-06; allowed an Apr"),
    "no from": ("  from: 2026-04\n", "", M + "from", "found nothing; allowed a value: the case ha"),
    "month 13": ("start: 2026-10, term", "start: 2026-13, term",
                 M + "routes.framework.list.start", "found '2026-13'; allowed a month such as"),
    "opens too late": ("start: 2026-10, term", "start: 2030-04, term",
                       M + "routes.framework.list.start", "found 2030-04; allowed a month of the"),
    "no start": ("list: {start: 2026-10, ", "list: {", M + "routes.framework.list.start",
                 "found nothing; allowed the month it is to open: the route is compared"),
    "no start of places": ("reserve: {start: 2026-10}", "reserve: {term: 24}",
                           M + "routes.block.reserve.start", "found nothing; allowed the month it"),
    "reopens after its term": ("reopens_every: 12", "reopens_every: 48",
                               M + "routes.framework.list.reopens_every",
                               "found 48; allowed less than its term of 48 months, or 0"),
    "deadline before it was said": ("planned: 2026-01", "planned: 2026-10", M + "deadline.planned",
                                    "found 2026-10; allowed 2026-09, the deadline, or earlier"),
    "no such reference": ("reference: spot", "reference: spott", M + "reference",
                          "found spott; allowed spot, framework, block (nearest: spot)"),
    "a proposal not compared": ("proposal: framework", "proposal: cascade", M + "proposal",
                                "found cascade; allowed spot, framework, block"),
    "no such route": ("compare: [spot,", "compare: [spot, spit,", M + "compare",
                      "found spit; allowed spot, framework, block (nearest: spot)"),
    "no such lot": ("  years: 4", "  years: 4\n  in_use: [school, reports]", M + "in_use",
                    "found school; allowed schools, reports (nearest: schools)"),
    "a mix of no lot": ("lots: {schools: spot,", "lots: {schools: spot, school: spot,",
                        M + "mixes.both.lots", "found school; allowed schools, reports"),
    "a mix of no route": ("lots: {schools: spot,", "lots: {schools: spots,",
                          M + "mixes.both.lots", "found spots; allowed spot, framework, block"),
    "a mix of some lots": ("lots: {schools: spot, reports: framework}", "lots: {schools: spot}",
                           M + "mixes.both.lots", "found no route for reports; allowed a route fo"),
    "a route's numbers for no lot": ("lots: {schools: {leakage", "lots: {school: {leakage",
                                     M + "routes.framework.lots", "found school; allowed schools"),
    "no list": ("      list: {start: 2026-10, term: 48, reopens_every: 12}\n", "",
                M + "routes.framework.stages.list.pool", "found list; allowed a route with `list:"),
    "no reserved places": ("      reserve: {start: 2026-10}\n", "",
                           M + "routes.block.stages.block.pool", "found reserved; allowed a route"),
    "after no list": ("rule: in_turn}}", "rule: in_turn, when: after}}",
                      M + "routes.spot.stages.ask.when", "found after; allowed always: the route"),
    "a fixed price of the open market": ("order: distance, rule: in_turn", "rule: fixed",
                                         M + "routes.spot.stages.ask.rule",
                                         "found fixed; allowed in_turn, quotes or competition: th"),
    "a competition for reserved places": ("pool: reserved, rule: fixed",
                                          "pool: reserved, rule: competition",
                                          M + "routes.block.stages.block.rule",
                                          "found competition; allowed fixed: the pool is reserved"),
    "no such pool": ("pool: open", "pool: opne", M + "routes.spot.stages.ask.pool",
                     "found 'opne'; allowed 'list', 'open'"),
    "no such rule": ("rule: quotes", "rule: quote", M + "routes.framework.stages.list.rule",
                     "found 'quote'; allowed 'in_turn', 'quotes'"),
    "a stage's key": ("order: price, ", "ordre: price, ", M + "routes.framework.stages.rest.ordre",
                      "found a key nobody reads; allowed hours, each, days, cap, share, pool, "
                      "order"),
    "no stage": ("stages: {ask: {pool: open, order: distance, rule: in_turn}}", "stages: {}",
                 M + "routes.spot.stages", "found {}; allowed "),
    "no such kind": ("kind: spot", "kind: spott", M + "routes.spot.kind", "found 'spott'; allowed"),
    "says nothing": ("      says: As now.\n", "", M + "routes.spot.says", "found nothing; allowed"),
    "no such setting": ("setting: special", "setting: specail", M + "lots.schools.setting",
                        "found specail; allowed special (nearest: special)"),
    "placements of no setting": ("demand: direct", "demand: placements", M + "lots.reports.demand",
                                 "found placements; allowed placements with a setting, else direc"),
    "a setting by the case": ("      pricing: posted", "      basis: case\n      pricing: posted",
                              M + "lots.schools.basis", "found case; allowed place: the lot is a"),
    "a price by the place": ("unit: GBP/case", "unit: GBP/place/year",
                             M + "lots.reports.price.unit",
                             "found GBP/place/year; allowed GBP/case: the lot is by case"),
    "a negative price": ("central: 900", "central: -900", M + "lots.reports.price",
                         "found -900; allowed 0 or more"),
    "nobody pays": ("funded_by: social_care, ", "", M + "lots.reports.price.funded_by",
                    "found nothing; allowed who pays: "),
    "no requests": ("call_offs: {low: 20, central: 30, high: 45, unit: requests/year, "
                    f"{SAID}}}", "urgent_days: 3", M + "lots.reports.call_offs",
                    "found nothing; allowed an assumption"),
    "another unit": ("central: 20, unit: providers", "central: 20, unit: people",
                     M + "lots.schools.providers.unit", "found people; allowed providers"),
    "a stage's unit": ("central: 2, unit: hours", "central: 2, unit: days",
                       M + "stages.in_turn.hours.unit", "found days; allowed hours"),
    "an index's unit": ("central: -0.01, unit: share/year", "central: -0.01, unit: share/month",
                        M + "index.general.unit", "found share/month; allowed share/year"),
    "a bare number": (f"known: {{central: 0.3, unit: share, {SAID}}}", "known: 0.3", M + "known",
                      "found 0.3; allowed an assumption: central, or low, central and high"),
    "a share above one": ("central: 0.3, unit: share", "central: 3, unit: share",
                          M + "known.central", "found 3; allowed 0 to 1"),
    "eleven months": ("[1, 1, 1, 1, 0, 5, ", "[1, 1, 1, 0, 5, ", M + "lots.schools.months",
                      "found [1, 1, 1, 0, 5, 1, 1, 1, 1, 1, 1]; allowed 12 weights, April first"),
    "a negative month": ("[1, 1, 1, 1, 0, 5,", "[1, 1, 1, 1, -1, 5,", M + "lots.schools.months",
                         "found [1, 1, 1, 1, -1, 5, 1, 1, 1, 1, 1, 1]; allowed 12 weights"),
    "a premium on bids": ("premium: {central: 0", "premium: {central: 0.05", M + "premium",
                          "found 0.05 where lot reports bids; allowed 0: competition is simulated"),
    "lots that are no mapping": ("compare: [spot, framework, block]", "compare: spot",
                                 M + "compare", "found 'spot'; allowed "),
}


def problems(text):
    tree = Tree(where={(): "made.yaml:1"})
    tree.data = parse(text, "made.yaml", tree)
    schema.check(tree)
    return tree.problems


def test_the_good_market_has_no_problem():
    assert problems(GOOD) == []


@pytest.mark.parametrize("what", BAD)
def test_one_thing_wrong_is_said_once(what):
    right, wrong, key, said = BAD[what]
    assert right in GOOD
    text = GOOD.replace(right, wrong, 1)
    found = problems(text)
    assert len(found) == 1, found
    place, _, rest = found[0].partition(": ")
    name, line = place.split(":")
    assert name == "made.yaml" and rest.startswith(f"{key}: {said}"), found
    # the line of the key, or of the nearest key above it that the file has
    at = text.splitlines()[int(line) - 1]
    assert any(part in at for part in key.split(".")), at


def test_a_premium_where_only_posted_fees_are_is_let_through():
    own = f"      premium: {{central: 0.05, unit: ratio, {SAID}}}\n"
    assert not problems(GOOD.replace("      pricing: posted\n", "      pricing: posted\n" + own))


@pytest.mark.parametrize("junk", ["3", "[1]", "x", "{lots: 3}", "{routes: {spot: 3}}",
                                  "{lots: {a: {price: 3}}}"])  # fmt: skip
def test_junk_for_a_market_is_a_problem(junk):
    assert problems(GOOD[: GOOD.index("market:")] + f"market: {junk}\n")


def test_a_group_with_names_that_assumptions_use_is_none():
    # `known` and `quality` are assumptions of a market; as words they are about an assumption
    assert not schema.is_assumption({"known": {"central": 1}, "quality": {"central": 1}})
    assert schema.is_assumption({"known": "2025-01", "quality": "proxy"})
