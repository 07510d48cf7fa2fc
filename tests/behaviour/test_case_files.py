"""Bad case files: every problem said once, with file, line, key, what was found and allowed."""

import copy
import io
import re
import subprocess
import sys

import pytest
import yaml
from sufficiency.case import CaseError, load_case

NATIONAL = """\
steps: {per_year: 1, first_age: 0, ages: 26}
settings:
  mainstream: {label: Mainstream, ages: [4, 19], group: mainstream}
  special: {label: Special, ages: [4, 19], group: special}
"""
COUNCIL = """\
extends: national
council: {name: Ourshire, short: Ours}
as_at: 2026-03-31
horizon: {last_january: 2031}
published:
  plans_by_setting:
    unit: plans
    source: SEN2
    quality: published
    rows:
      2020: {known: 2020-05, mainstream: 10, special: 5}
      2021: {known: 2021-05, mainstream: 12, special: }
placements:
  growth: {low: -0.01, central: 0.02, high: 0.05, unit: share/year, known: 2020-01,
    quality: proxy, source: A}
costs:
  fee: {central: 60_000, unit: GBP/place/year, known: 2025-01, quality: proxy, source: B,
    funded_by: dsg_high_needs}
  transport: {central: 9, unit: GBP, known: 2025-01, quality: proxy, source: C,
    funded_by: general_fund}
scenarios:
  slow: {placements.growth: 0.01}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "params" / "councils").mkdir(parents=True)
    (tmp_path / "params" / "national.yaml").write_text(NATIONAL)
    return tmp_path


def load(project, text, **options):
    data = text if isinstance(text, bytes) else text.encode()
    (project / "params" / "councils" / "ours.yaml").write_bytes(data)
    return load_case("ours", root=project, **options)


def problems(project, text, **options):
    with pytest.raises(CaseError) as caught:
        load(project, text, **options)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_the_good_file_loads(project):
    assert load(project, COUNCIL)["costs.fee"].central == 60_000


GROWTH = "low: -0.01, central: 0.02, high: 0.05"
# What is wrong: (text in the good file, text instead, the message after "ours.yaml:").
BAD = {
    "low alone": (", high: 0.05", "", "14: placements.growth.low: found low alone; allowed low an"),
    "low above central": (
        *("low: -0.01", "low: 0.03"),
        "14: placements.growth: found low 0.03, central 0.02, high 0.05; allowed low < central <",
    ),
    "low equals central": ("low: -0.01", "low: 0.02", "14: placements.growth: found low 0.02, cen"),
    "central equals high": ("high: 0.05", "high: 0.02", "14: placements.growth: found low -0.01,"),
    "no central": (
        *(GROWTH, "low: 0.1, high: 0.2"),
        "14: placements.growth.central: found nothing; allowed a number",
    ),
    "percent sign": (
        *("central: 0.02", "central: 5%"),
        "14: placements.growth.central: found '5%'; allowed a number: write 0.05",
    ),
    "boolean": ("central: 0.02", "central: true", "14: placements.growth.central: found True; all"),
    "text": ("central: 0.02", "central: no", "14: placements.growth.central: found 'no'; allowed"),
    "not a number": ("central: 0.02", "central: .nan", "14: placements.growth.central: found .nan"),
    "infinite": ("central: 0.02", "central: -.inf", "14: placements.growth.central: found -.inf;"),
    "below min": (
        GROWTH,
        "central: 1, min: 2",
        "14: placements.growth.central: found 1; allowed 2 to inf",
    ),
    "above max": (
        GROWTH,
        "central: 3, max: 2",
        "14: placements.growth.central: found 3; allowed -inf to",
    ),
    "cut off": (
        *(GROWTH, "low: 1, central: 5, high: 9, min: 0"),
        "14: placements.growth: found 5.5% of the distribution cut off by staying in 0 to inf; al",
    ),
    "share over one": (
        *(GROWTH + ", unit: share/year", "central: 1.2, unit: share"),
        "14: placements.growth.central: found 1.2; allowed 0 to 1",
    ),
    "unknown unit": (
        *("GBP/place/year", "GBP/place/yr"),
        "17: costs.fee.unit: found 'GBP/place/yr'; allowed 'GBP', 'GBP/place/year'",
    ),
    "no unit": (
        ", unit: share/year",
        "",
        "14: placements.growth.unit: found nothing; allowed the ",
    ),
    "no known": (", known: 2020-01", "", "14: placements.growth.known: found nothing; allowed the"),
    "no source": (
        ", source: A",
        "",
        "14: placements.growth.source: found nothing; allowed the sou",
    ),
    "no quality": (
        "quality: proxy, source: A",
        "source: A",
        "14: placements.growth.quality: found",
    ),
    "judgement of nobody": (
        *("quality: proxy, source: A", "quality: judgement"),
        "14: placements.growth.source: found nothing; allowed the source of every number: whose j",
    ),
    "unknown quality": (
        "proxy, source: A",
        "guess, source: A",
        "15: placements.growth.quality: fo",
    ),
    "known as a day": (
        *("known: 2020-01,", "known: 2020-01-15,"),
        "14: placements.growth.known: found datetime.date(2020, 1, 15); allowed a month",
    ),
    "month 13": (
        "known: 2020-01,",
        "known: 2020-13,",
        "14: placements.growth.known: found '2020-1",
    ),
    "nobody pays": (
        *(",\n    funded_by: dsg_high_needs", ""),
        "17: costs.fee.funded_by: found nothing; allowed who pays: dsg_high_needs, general_fund",
    ),
    "unknown payer": (
        *("funded_by: dsg_high_needs", "funded_by: dsg"),
        "18: costs.fee.funded_by: found 'dsg'; allowed 'dsg_high_needs', 'general_fund'",
    ),
    "transport in the block": (
        *("funded_by: general_fund", "funded_by: dsg_high_needs"),
        "20: costs.transport.funded_by: found dsg_high_needs; allowed another fund: transport is",
    ),
    "misspelt leaf": (
        *("source: A", "sauce: A"),
        "15: placements.growth.sauce: found a key nobody reads; allowed low, central, high",
    ),
    "unknown top-level key": (
        *("costs:", "cost:"),
        "16: cost: found a key nobody reads; allowed extends, title, council, as_at,",
    ),
    "duplicate key": (
        *("  fee:", "  transport: 1\n  fee:"),
        "20: costs.transport: found the key twice; allowed once; first at params/councils/ours.ya",
    ),
    "date of another form": (
        *("2026-03-31", "31/03/2026"),
        "3: as_at: found '31/03/2026'; allowed a date such as 2026-03-31",
    ),
    "no council": (
        *("council: {name: Ourshire, short: Ours}", "title: x"),
        "1: council: found nothing; allowed a value: it is required",
    ),
    "fractional year": ("2031", "2031.5", "4: horizon.last_january: found 2031.5; allowed a whole"),
    "unknown setting": (
        *("special: 5", "specail: 5"),
        "11: published.plans_by_setting.rows.2020.specail: found no such setting; allowed mainstre",
    ),
    "negative count": (
        *("mainstream: 10", "mainstream: -10"),
        "11: published.plans_by_setting.rows.2020.mainstream: found -10; allowed 0 to inf plans",
    ),
    "count as text": (
        *("mainstream: 10", "mainstream: c"),
        "11: published.plans_by_setting.rows.2020.mainstream: found 'c'; allowed a number",
    ),
    "row never known": (
        *("known: 2021-05, ", ""),
        "12: published.plans_by_setting.rows.2021.known: found nothing; allowed a month",
    ),
    "rows out of order": (
        *("2021: {", "2019: {"),
        "12: published.plans_by_setting.rows.2019: found 2019 after 2020; allowed rows in ascendi",
    ),
    "kinds of year mixed": (
        *("2021: {", "2021-22: {"),
        "10: published.plans_by_setting.rows: found years and financial years mixed; allowed one",
    ),
    "not a financial year": (
        *("2021: {", "2021-23: {"),
        "12: published.plans_by_setting.rows.2021-23: found '2021-23'; allowed a year such as 202",
    ),
    "row of no mapping": (
        *("{known: 2020-05, mainstream: 10, special: 5}", "10"),
        "11: published.plans_by_setting.rows.2020: found 10; allowed a mapping, key: value",
    ),
    "values and central": (
        *(GROWTH, "central: 1, values: {2025-26: 1}"),
        "14: placements.growth: found `values` beside low, central or high; allowed one of them",
    ),
    "dated value upside down": (
        *(GROWTH, "values: {2025-26: {low: 3, central: 2, high: 4}}"),
        "14: placements.growth.values.2025-26: found low 3, central 2, high 4; allowed low < cent",
    ),
    "period of no form": (GROWTH, "values: {25/26: 1}", "14: placements.growth.values.25/26: fou"),
    "vintage never known": (
        *(GROWTH, "vintages: [{central: 1}]"),
        "14: placements.growth.vintages.0.known: found nothing; allowed a value: it is required",
    ),
    "key with a dot": ("  fee:", "  a.b: 1\n  fee:", "17: costs.a.b: found 'a.b'; allowed letters"),
    "key that is code": (
        *("  fee:", "  'x = 1; print()': 1\n  fee:"),
        "17: costs.x = 1; print(): found 'x = 1; print()'; allowed letters, digits",
    ),
    "key that is no text": (
        "  fee:",
        "  1.5: 1\n  fee:",
        "17: costs.1.5: found '1.5'; allowed letters",
    ),
    "tab": ("  fee:", "\tfee:", "17: file: found while scanning"),
    "unclosed brace": ("2031}", "2031", "5: file: found while parsing a flow mapping"),
    "unknown tag": ("2031}", "!!python/object:os.system x}", "4: horizon.last_january: found"),
    "reference to itself": (
        "costs:",
        "costs: &a\n  b: *a",
        "17: costs.b: found a reference to its",
    ),
    "extends nothing": (
        *("extends: national", "extends: nationl"),
        "1: extends: found 'nationl'; allowed national (nearest: national)",
    ),
    "extends a path": (
        "extends: national",
        "extends: ../x",
        "1: extends: found '../x'; allowed na",
    ),
    "extends itself": (
        *("extends: national", "extends: ours"),
        "1: extends: found ours, which extends this file; allowed no circle",
    ),
    "scenario of an unknown key": (
        *("placements.growth: 0.01", "placements.grwoth: 0.01"),
        "22: placements.grwoth: found no such key; allowed a key of the case (nearest: placement",
    ),
    "scenario upside down": (
        *("placements.growth: 0.01", "placements.growth.high: -1"),
        "14: placements.growth: found low -0.01, central 0.02, high -1; allowed low < central < h",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_one_thing_wrong_is_said_once_with_its_line(project, what):
    right, wrong, message = BAD[what]
    assert right in COUNCIL
    said = problems(project, COUNCIL.replace(right, wrong, 1))
    assert said[0].startswith(f"params/councils/ours.yaml:{message}"), said
    assert len(said) == 1, said


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "1: file: found an empty file; allowed a mapping, key: value"),
        (b"# nothing\n", "1: file: found an empty file; allowed a mapping, key: value"),
        (b"- a\n- b\n", "1: file: found a list; allowed a mapping, key: value"),
        (
            b"a: 1\nb: \xa35\n",
            "2: file: found byte 0xa3, which is not UTF-8; allowed text saved as",
        ),
        ("a: 1\n".encode("utf-16"), "1: file: found byte 0xff, which is not UTF-8; allowed text"),
        (b"a: \x00\n", "1: file: found control characters"),
    ],
)
def test_files_that_are_no_case_at_all(project, data, message):
    assert problems(project, data)[0].startswith(f"params/councils/ours.yaml:{message}")


def test_a_byte_order_mark_is_no_problem(project):
    assert load(project, b"\xef\xbb\xbf" + COUNCIL.encode()).name == "ours"


def test_all_problems_of_both_files_come_at_once(project):
    (project / "params" / "national.yaml").write_text(NATIONAL + "cost: {}\n")
    text = COUNCIL.replace("central: 0.02", "central: 5%").replace("2026-03-31", "soon")
    said = problems(project, text.replace("mainstream: 10", "mainstream: -10"))
    places = sorted(re.match(r"[^:]*:\d+", problem)[0] for problem in said)
    council = "params/councils/ours.yaml"
    assert places == [f"{council}:{n}" for n in (11, 14, 3)] + ["params/national.yaml:5"]


@pytest.mark.parametrize(
    "name", ["../ours", "ours/../ours", "nobody", "", "a b.yaml", "/etc/passwd"]
)
def test_names_that_are_no_case(project, name):
    load(project, COUNCIL)
    with pytest.raises(CaseError, match=r"case: found .*; allowed ours"):
        load_case(name, root=project)


def test_no_project_is_said_without_a_traceback(tmp_path):
    with pytest.raises(CaseError, match=r"allowed a folder that holds params/national\.yaml"):
        load_case("ours", root=tmp_path)


def test_a_path_to_a_file_elsewhere_loads(project, tmp_path):
    other = tmp_path / "theirs.yaml"
    other.write_text(COUNCIL)
    case = load_case(other, root=project)
    assert case.name == "theirs"
    assert [path.name for path in case.files] == ["national.yaml", "theirs.yaml"]


def leaves(node, path=()):
    yield path
    pairs = node.items() if isinstance(node, dict) else ()
    for key, child in pairs:
        yield from leaves(child, (*path, key))


@pytest.mark.parametrize("junk", [3, "x", [], [1], {}, {"x": 1}, None, True, -1.5, {"central": 1}])
def test_junk_in_any_place_loads_or_is_a_case_error(project, junk):
    load(project, COUNCIL)
    good = yaml.safe_load(COUNCIL)
    for path in list(leaves(good))[1:]:
        bad = copy.deepcopy(good)
        node = bad
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = junk
        text = io.StringIO()
        yaml.safe_dump(bad, text)
        try:
            load(project, text.getvalue())
        except CaseError as error:
            assert all("found" in problem for problem in error.problems), path


def test_reading_a_case_does_not_load_pandas():
    code = "import sys, sufficiency.case; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
