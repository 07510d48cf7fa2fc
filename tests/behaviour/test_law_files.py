"""Bad law files and bad questions: what was found, and what is allowed."""

import re
from datetime import date

import pandas as pd
import pytest
from sufficiency.case import CaseError
from sufficiency.case.law import read_law
from sufficiency.case.procurement import aggregation, checks

NATIONAL = "as_at: 2026-03-31\n"
GOOD = """\
sources: {a: A statute, b: A note}
vat: {rate: 0.2, source: a}
regimes:
  old: {label: Old Regulations, starts: [{day: 2015-01-01, known: 2014-12, source: a}]}
  new:
    label: New Act
    starts:
      - {day: 2020-01-01, known: 2019-01, source: a}
      - {day: 2021-01-01, known: 2019-06, source: b}
thresholds:
  light_touch:
    label: light touch
    periods:
      - {since: 2015-01-01, until: 2018-12-31, value: 100, inc_vat: false, source: a}
      - {since: 2019-01-01, until: 2020-12-31, value: 110, inc_vat: true, source: a}
      - {since: 2021-01-01, value: 120, inc_vat: true, known: 2019-01, source: b}
rules:
  old:
    value_recurring: {about: value, value: 12, unit: months, said: Over a year., source: a}
    term: {about: term, value: 48, unit: months, said: Four years., source: a}
    call_off: {about: call_off, said: On its terms., source: a}
    competition: {about: competition, said: On its criteria., source: a}
  new:
    term: {about: term, value: 48, unit: months, said: Four years., source: a}
    call_off: {about: call_off, said: On its terms., source: a}
    competition: {about: competition, said: On its criteria., source: a}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "national.yaml").write_text(NATIONAL)
    return tmp_path


def read(project, text):
    (project / "params" / "law.yaml").write_text(text, encoding="utf-8")
    return read_law(project)


def test_the_good_file_reads_and_keeps_both_dates(project):
    law = read(project, GOOD)
    assert law.regime(date(2020, 6, 1)).name == "old"
    assert law.regime(date(2020, 6, 1), "2019-03").name == "new"
    assert law.threshold("light_touch", date(2020, 6, 1), "2019-03").value == 120
    assert law.threshold("light_touch", date(2020, 6, 1)).value == 110


BAD = {
    "a gap": ("since: 2019-01-01", "since: 2019-01-02",
              "15: thresholds.light_touch.periods.1.since: found 2019-01-02, which leaves a gap "
              "after the period before; allowed 2019-01-01, the day after it ends"),
    "an overlap": ("since: 2019-01-01", "since: 2018-12-31",
                   "15: thresholds.light_touch.periods.1.since: found 2018-12-31, which overlaps "
                   "the period before; allowed 2019-01-01, the day after it ends"),
    "no end before the last": (", until: 2018-12-31", "",
                               "14: thresholds.light_touch.periods.0.since: found 2015-01-01 to "
                               "now; allowed days of one regime"),
    "backwards": ("until: 2018-12-31", "until: 2014-12-31",
                  "14: thresholds.light_touch.periods.0.until: found 2014-12-31; allowed "
                  "2015-01-01 or later"),
    "two regimes": ("until: 2020-12-31", "until: 2021-01-01",
                    "15: thresholds.light_touch.periods.1.since: found 2019-01-01 to 2021-01-01; "
                    "allowed days of one regime, from its start on"),
    "before any law": ("since: 2015-01-01", "since: 2014-12-31",
                       "14: thresholds.light_touch.periods.0.since: found 2014-12-31 to "
                       "2018-12-31; allowed days of one regime"),
    "unlisted source": ("rate: 0.2, source: a", "rate: 0.2, source: c",
                        "2: vat.source: found 'c'; allowed a name under `sources`"),
    "no source": (", value: 100, inc_vat: false, source: a", ", value: 100, inc_vat: false",
                  "14: thresholds.light_touch.periods.0.source: found nothing; allowed a value"),
    "not a date": ("day: 2015-01-01", "day: 2015-01",
                   "4: regimes.old.starts.0.day: found '2015-01'; allowed a date such as"),
    "no such day": ("until: 2018-12-31", "until: 2018-02-30",
                    "14: thresholds.light_touch.periods.0.until: found"),
    "not a month": ("known: 2014-12", "known: 2014-13",
                    "4: regimes.old.starts.0.known: found '2014-13'; allowed a month such as"),
    "known out of order": ("known: 2019-06", "known: 2019-01",
                           "9: regimes.new.starts.1.known: found 2019-01; allowed a month after "
                           "2019-01, when the day before it was known"),
    "a negative sum": ("value: 100", "value: -1",
                       "14: thresholds.light_touch.periods.0.value: found -1"),
    "a sum of nothing": ("value: 100", "value: 0",
                         "14: thresholds.light_touch.periods.0.value: found 0"),
    "a sum in words": ("value: 100", "value: many",
                       "14: thresholds.light_touch.periods.0.value: found 'many'; allowed a num"),
    "vat as text": ("inc_vat: false", "inc_vat: no",
                    "14: thresholds.light_touch.periods.0.inc_vat: found 'no'; allowed"),
    "vat over one": ("rate: 0.2", "rate: 20", "2: vat.rate: found 20; allowed"),
    "a key nobody reads": ("label: light touch\n", "label: light touch\n    lable: x\n",
                           "13: thresholds.light_touch.lable: found a key nobody reads; allowed "
                           "label, any_regime, periods (nearest: label)"),
    "a regime nobody knows": ("  new:\n    term", "  newer: {}\n  new:\n    term",
                              "23: rules.newer: found newer; allowed old, new, always"),
    "a rule missing": ("    call_off: {about: call_off, said: On its terms., source: a}\n", "",
                       "18: rules.old.call_off: found nothing; allowed the rule"),
    "a rule without its value": ("value: 48, ", "",
                                 "20: rules.old.term: found nothing; allowed the rule, and its va"),
    "a matter nobody asks for": ("about: term", "about: terms",
                                 "20: rules.old.term.about: found 'terms'; allowed 'value'"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_what_is_wrong_is_said_with_its_line(project, name):
    there, instead, message = BAD[name]
    assert there in GOOD
    with pytest.raises(CaseError) as caught:
        read(project, GOOD.replace(there, instead, 1))
    assert any(p.startswith(f"params/law.yaml:{message}") for p in caught.value.problems), (
        caught.value.problems)


def test_all_problems_come_at_once_and_a_missing_file_is_said(project):
    text = GOOD.replace("since: 2019-01-01", "since: 2019-02-01").replace(
        "known: 2019-06", "known: 2019-01")
    with pytest.raises(CaseError) as caught:
        read(project, text)
    assert len(caught.value.problems) == 2
    (project / "params" / "law.yaml").unlink()
    with pytest.raises(CaseError, match=r"found no params/law\.yaml"):
        read_law(project)


def test_every_source_of_the_shipped_file_is_used(root):
    text = (root / "params" / "law.yaml").read_text(encoding="utf-8")
    law = read_law(root)
    assert set(re.findall(r"source:\s+(\w+)", text)) == set(law.sources)
    assert not re.search(r"/home/|/Users/|/tmp/|C:\\|https?:", text)


def test_questions_the_file_cannot_answer_are_refused(root):
    law = read_law(root)
    for ask in (lambda: law.regime(date(2015, 2, 25)),
                lambda: law.regime(date(2017, 1, 1), "2015-01"),
                lambda: law.threshold("light_touch", date(2028, 1, 1)),
                lambda: law.threshold("light_touch", date(2028, 1, 1), "2024-06"),
                lambda: law.threshold("small_lots", date(2025, 2, 24)),
                lambda: law.threshold("concession", date(2025, 2, 23)),
                lambda: law.threshold("key_performance_indicators", date(2025, 12, 31)),
                lambda: law.threshold("transparency_spend", date(2015, 2, 26))):
        with pytest.raises(ValueError, match=r"found .*; allowed "):
            ask()
    with pytest.raises(ValueError, match=r"found 'light_tuch'; .*nearest: light_touch"):
        law.threshold("light_tuch", date(2026, 1, 1))
    with pytest.raises(ValueError, match="a month such as"):
        law.regime(date(2026, 1, 1), "2024")


def test_bad_spend_and_bad_routes_are_refused(root):
    law, day = read_law(root), date(2026, 2, 1)
    gap = pd.DataFrame({"justification": ["unjustified"] * 2, "gbp_a_year": [1.0, None]})
    for lines in ({"unjustifed": 1.0}, {"unjustified": -1}, {"unjustified": float("nan")},
                  {"unjustified": float("inf")}, gap,
                  pd.DataFrame({"justification": [None], "gbp_a_year": [1.0]})):
        with pytest.raises(ValueError, match=r"found .*; allowed "):
            aggregation(law, day, lines)
    for options in ({"years": 0}, {"years": float("nan")}, {"vat": 20}, {"vat": -0.1},
                    {"classes": ("social",)}):
        with pytest.raises(ValueError, match=r"found .*; allowed "):
            aggregation(law, day, {"unjustified": 1.0}, **options)
    for options in ({"kind": "framework"}, {"reopens_every": -12}, {"term": 0},
                    {"reopens_every": (24, 12)}, {"reopens_every": (48,)}):
        with pytest.raises(ValueError, match=r"found .*; allowed "):
            checks(law, day, **{"kind": "closed_framework"} | options)
