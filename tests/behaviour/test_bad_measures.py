"""Bad measures: every problem said once, with file, line, key, what was found and allowed."""

import pytest
from made_measures import DOUBTFUL, SETTINGS, tree_of
from sufficiency.case.files import CaseError
from sufficiency.model.safety_valve.delivery import delivered
from sufficiency.model.streams import Worlds

GOOD = f"""\
{SETTINGS}{DOUBTFUL}\
  measures:
    places:
      {{label: New places, kind: new_places, setting: special, to: mainstream, ages: [4, 16],
      size: {{low: 10, central: 20, high: 30, min: 0, unit: places}}, start: 2025-09,
      end: 2030-08, place_funding: {{central: 10_000, unit: GBP/place/year}},
      causes: [workforce], funded_by: dsg_high_needs, rag: green}}
    review:
      {{label: Review, kind: redirect, setting: special, to: mainstream, start: 2025-04,
      size: {{central: 0.1, unit: share}}, ramp: {{shape: linear, months: 6}},
      appeal_reversal: {{central: 0.2, unit: share}}, causes: [workforce, capital],
      cost: {{central: 50_000, unit: GBP/year}}, funded_by: dsg_high_needs}}
    bands:
      {{label: Bands, kind: uplift, setting: special, size: {{central: 0.01, unit: share/year}},
      slippage: {{central: 2, unit: months}}, start: 2026-04, funded_by: dsg_high_needs}}
    profile:
      {{label: Others, kind: cash_profile, start: 2025-04, funded_by: dsg_high_needs,
      size: {{unit: GBP/year, values: {{2025-26: 1_000_000, 2026-27: 2_000_000}}}}}}
"""
PATH = "safety_valve.measures."

# What is wrong: (text in the good file, text instead, key, what is said).
BAD = {
    "end before start": ("end: 2030-08", "end: 2025-08", PATH + "places.end",
                         "found 2025-08; allowed 2025-09, the month it starts, or later"),
    "negative places": ("low: 10, central: 20, high: 30, min: 0", "central: -20",
                        PATH + "places.size", "found -20; allowed 0 or more"),
    "a range below nought": ("low: 10, central: 20, high: 30, min: 0",
                             "low: 10, central: 20, high: 30", PATH + "places.size",
                             "found a range that reaches -44; allowed 0 or more: say min: 0"),
    "negative share": ("size: {central: 0.1, unit: share}", "size: {central: -0.1, unit: share}",
                       PATH + "review.size.central", "found -0.1; allowed 0 to 1"),
    "negative cost": ("central: 50_000", "central: -5", PATH + "review.cost",
                      "found -5; allowed 0 or more"),
    "negative profile": ("2026-27: 2_000_000", "2026-27: -2", PATH + "profile.size.values.2026-27",
                         "found -2; allowed 0 or more"),
    "unit of another kind": ("central: 0.01, unit: share/year", "central: 0.01, unit: share",
                             PATH + "bands.size.unit", "found share; allowed share/year"),
    "no size": ("size: {central: 0.01, unit: share/year},\n", "\n", PATH + "bands.size",
                "found nothing; allowed how much it does, in share/year"),
    "size by year": ("size: {central: 0.1, unit: share}",
                     "size: {unit: share, values: {2025-26: 0.1}}", PATH + "review.size.values",
                     "found values by period; allowed one number"),
    "profile by January": ("2025-26: 1_000_000, 2026-27: 2_000_000", "2026: 1_000_000",
                           PATH + "profile.size.values.2026", "found 2026; allowed a financial"),
    "unknown setting": ("kind: uplift, setting: special", "kind: uplift, setting: specail",
                        PATH + "bands.setting", "found specail; allowed mainstream, special, "
                        "college (nearest: special)"),
    "unknown to": ("to: mainstream, start", "to: main, start", PATH + "review.to",
                   "found main; allowed mainstream, special, college"),
    "no to": ("to: mainstream, start", "start", PATH + "review.to",
              "found nothing; allowed mainstream, special, college: kind redirect has one"),
    "no setting": ("kind: uplift, setting: special", "kind: uplift", PATH + "bands.setting",
                   "found nothing; allowed mainstream, special, college: kind uplift has one"),
    "to itself": ("to: mainstream, start", "to: special, start", PATH + "review.to",
                  "found special; allowed another setting than the one they leave"),
    "a setting of none": ("kind: cash_profile", "kind: cash_profile, setting: special",
                          PATH + "profile.setting", "found special; allowed nothing"),
    "unknown kind": ("kind: redirect", "kind: redirekt", PATH + "review.kind",
                     "found 'redirekt'; allowed new_places, redirect, step_down, front_door, "
                     "cessation, backlog, price, uplift, market, cash_profile (nearest: redirect)"),
    "unknown key": ("rag: green", "rga: green", PATH + "places.rga", "found a key nobody reads; "),
    "no colour": ("rag: green", "rag: blue", PATH + "places.rag", "found 'blue'; allowed 'red'"),
    "general fund": ("min: 0, unit: places}, start: 2025-09,\n      end: 2030-08, place_funding: "
                     "{central: 10_000, unit: GBP/place/year},\n      causes: [workforce], "
                     "funded_by: dsg_high_needs", "min: 0, unit: places}, start: 2025-09, "
                     "causes: [workforce], funded_by: general_fund", PATH + "places.funded_by",
                     "found general_fund; allowed dsg_high_needs: a saving of another fund is"),
    "nobody's": ("start: 2026-04, funded_by: dsg_high_needs", "start: 2026-04",
                 PATH + "bands.funded_by", "found nothing; allowed a value: it is required"),
    "ages reversed": ("ages: [4, 16]", "ages: [16, 4]", PATH + "places.ages",
                      "found 16 to 4; allowed 0 to 25, the lowest age first"),
    "ages that cannot go": ("ages: [4, 16]", "ages: [4, 22]", PATH + "places.ages",
                            "found 4 to 22; allowed 4 to 19, the ages of mainstream"),
    "negative ramp": ("months: 6", "months: -6", PATH + "review.ramp.months",
                      "found -6; allowed greater than or equal to 0"),
    "unknown ramp": ("shape: linear", "shape: slow", PATH + "review.ramp.shape", "found 'slow'; "),
    "start in no month": ("start: 2026-04", "start: April 2026", PATH + "bands.start",
                          "found 'April 2026'; allowed a month such as 2026-01"),
    "start in month 13": ("start: 2026-04", "start: 2026-13", PATH + "bands.start",
                          "found '2026-13'; allowed a month"),
    "negative slippage": ("central: 2, unit: months", "central: -2, unit: months",
                          PATH + "bands.slippage", "found -2; allowed 0 or more"),
    "time won back": ("label: Capital, if", "label: Capital, further_delay: {central: -3, unit: "
                      "months}, if", "safety_valve.causes.capital.further_delay",
                      "found -3; allowed 0 or more"),
    "unknown cause": ("[workforce, capital]", "[workforce, capitol]", PATH + "review.causes",
                      "found capitol; allowed workforce, capital (nearest: capital)"),
    "places of another kind": ("cost: {central: 50_000, unit: GBP/year}",
                               "place_funding: {central: 5, unit: GBP/place/year}",
                               PATH + "review.place_funding", "found kind redirect; allowed new_"),
    "appeal against a price": ("slippage: {central: 2, unit: months}",
                               "appeal_reversal: {central: 0.2, unit: share}",
                               PATH + "bands.appeal_reversal", "found kind uplift; allowed "),
    "chances above one": ("none: {central: 0.1, unit: share}", "none: {central: 0.7, unit: share}",
                          "safety_valve.delivery.full", "found chances of none and of full that "
                          "reach 1.1 together; allowed at most 1"),
    "less likely than anyway": ("if_one_slips: {central: 0.75", "if_one_slips: {central: 0.5",
                                "safety_valve.causes.workforce.if_one_slips",
                                "found 0.5; allowed 0.6, as likely as it is anyway, to 1"),
    "a range that leaves it": (
        "if_one_slips: {central: 0.75", "if_one_slips: {low: 0.7, central: 0.75, high: 0.8",
        "safety_valve.causes.workforce.if_one_slips", "found a range from 0.4"),
    "more likely than can be": (
        "causes: [workforce], funded_by",
        "causes: [workforce], delivery: {none: {central: 0, unit: share}, full: {central: 0.6, "
        "unit: share}, part: {central: 0.5, unit: share}}, funded_by",
        "safety_valve.causes.workforce.if_one_slips", "found 0.75; allowed 0.6, as likely as it "
        "is anyway, to 0.667, the most that two of its measures can"),
    "causes for more than all": ("if_one_slips: {central: 0.65", "if_one_slips: {central: 0.85",
                                 PATH + "review.causes", "found causes that together explain 139%"),
}


def test_the_good_measures_have_no_problem():
    tree, measures = tree_of(GOOD)
    assert not tree.problems
    assert list(measures) == ["places", "review", "bands", "profile"]
    assert measures["review"].ramp.months == 6 and measures["bands"].between == (0, 25)


@pytest.mark.parametrize("what", BAD)
def test_one_thing_wrong_is_said_once(what):
    right, wrong, key, said = BAD[what]
    assert right in GOOD
    text = GOOD.replace(right, wrong, 1)
    problems = tree_of(text)[0].problems
    assert len(problems) == 1, problems
    place, _, rest = problems[0].partition(": ")
    name, line = place.split(":")
    assert name == "made.yaml" and rest.startswith(f"{key}: {said}"), problems
    # the line of the key, or of the nearest key above it that the file has
    at = text.splitlines()[int(line) - 1]
    assert any(part in at for part in key.split(".")), at


def test_the_programme_must_say_what_measures_do_not():
    text = GOOD.replace("  slippage: {low: 1, central: 3, high: 9, min: 0, unit: months}\n", "")
    problems = tree_of(text)[0].problems
    assert len(problems) == 3 and all(
        "slippage: found nothing; allowed its own, or safety_valve.slippage" in p for p in problems)


@pytest.mark.parametrize("junk", ["3", "[]", "[1]", "x", "{x: 1}", "{places: 3}", "{places: }"])
def test_junk_for_measures_is_a_problem_or_nothing(junk):
    text = GOOD[: GOOD.index("  measures:")] + f"  measures: {junk}\n"
    tree, measures = tree_of(text)
    assert not measures and (junk == "[]" or tree.problems)


def test_a_measure_not_known_by_then_is_left_out():
    tree, _ = tree_of(GOOD)
    from sufficiency.case.measures import check_measures

    del tree.data["safety_valve"]["measures"]["review"]["size"]
    assert list(check_measures(tree)) == ["places", "bands", "profile"] and not tree.problems


def test_impossible_in_some_world_is_refused_by_the_model():
    text = GOOD.replace("if_one_slips: {central: 0.75", "if_one_slips: {central: 0.5")
    _, measures = tree_of(text)
    with pytest.raises(ValueError, match=r"if_one_slips: found 0\.5 to 0\.5; allowed 0\.6"):
        delivered(measures, _worlds(text), 2025, 2026)


def _worlds(text):
    from sufficiency.case import schema
    from sufficiency.case.quantity import Assumption

    tree, _ = tree_of(text)
    found = schema.assumptions(tree.data["safety_valve"], ("safety_valve",))
    return Worlds({".".join(path): Assumption.model_validate(node) for path, node in found}, 1, 50)


def test_problems_stop_a_case():
    tree, _ = tree_of(GOOD.replace("kind: redirect", "kind: redirekt"))
    with pytest.raises(CaseError, match="redirekt"):
        tree.stop()
