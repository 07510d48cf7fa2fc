"""What a case says when laid over another file, under overrides and scenarios, and on a date."""

import json

import pytest
from sufficiency.case import CaseError, load_case

NATIONAL = """\
steps: {per_year: 1, first_age: 0, ages: 26}
settings:
  mainstream: {label: Mainstream, ages: [4, 19], group: mainstream}
  special: {label: Special, ages: [4, 19], group: special}
  unused: {label: Unused, ages: [4, 19], group: special}
placements:
  growth: {low: -0.01, central: 0.02, high: 0.05, unit: share/year, known: 2019-01,
    quality: proxy, source: A}
  gone: {central: 1, unit: ratio, known: 2019-01, quality: proxy, source: A}
  order: [special, mainstream]
"""
COUNCIL = """\
extends: national
council: {name: Ourshire, short: Ours}
as_at: 2026-03-31
horizon: {last_january: 2031}
settings: {unused: null}
published:
  plans_by_setting:
    unit: plans
    source: SEN2
    quality: published
    rows:
      2020: {known: 2020-05, mainstream: 10, special: 5}
      2021: {known: 2021-05, mainstream: 12, special: }
placements:
  growth: {high: 0.08, source: B}
  gone: null
costs:
  fee:
    central: 60_000
    unit: GBP/place/year
    known: 2025-01
    quality: council
    source: C
    funded_by: dsg_high_needs
    vintages: [{known: 2018-03, low: 45_000, central: 50_000, high: 56_000, source: D}]
  uplift:
    unit: share/year
    quality: proxy
    source: E
    values:
      2019-20: {central: 0.01, known: 2019-06}
      2025-26: {low: 0.02, central: 0.03, high: 0.05, known: 2025-06}
  late: {central: 1, unit: ratio, known: 2025-01, quality: proxy, source: F}
scenarios:
  slow: {placements.growth: {low: 0, central: 0.01, high: 0.02, source: G, quality: judgement}}
  named: {settings.special.label: Special schools, council.short: We}
  frozen: {costs.uplift.values.2025-26: 0, placements.growth.high: 0.03}
"""


@pytest.fixture
def ours(tmp_path):
    (tmp_path / "params" / "councils").mkdir(parents=True)
    (tmp_path / "params" / "national.yaml").write_text(NATIONAL)
    (tmp_path / "params" / "councils" / "ours.yaml").write_text(COUNCIL)
    return lambda **options: load_case("ours", root=tmp_path, **options)


def three(assumption, when=None):
    entry = assumption.at(when)
    return entry.low, entry.central, entry.high


def refused(call):
    with pytest.raises(CaseError) as caught:
        call()
    return caught.value.problems


def test_a_council_changes_leaves_and_keeps_the_rest(ours):
    case = ours()
    assert three(case["placements.growth"]) == (-0.01, 0.02, 0.08)
    assert case["placements.growth"].source == "B"
    assert case["placements.growth"].unit == "share/year"
    assert list(case.settings) == ["mainstream", "special"]
    assert case.settings["special"].ages == (4, 19)
    assert "placements.gone" not in case
    assert case.value("placements.order") == ["special", "mainstream"]
    assert case.value("placements.nothing", 3) == 3
    assert case.title == "Ourshire"


def test_a_number_may_not_borrow_another_files_source(ours, tmp_path):
    path = tmp_path / "params" / "councils" / "ours.yaml"
    path.write_text(COUNCIL.replace("high: 0.08, source: B", "high: 0.08"))
    assert refused(ours) == [
        "params/councils/ours.yaml:15: placements.growth.high: found a number of "
        "params/councils/ours.yaml alone; allowed its own source beside it"
    ]


def test_messages_name_the_file_a_leaf_came_from(ours, tmp_path):
    path = tmp_path / "params" / "national.yaml"
    path.write_text(NATIONAL.replace("low: -0.01", "low: 5%"))
    assert refused(ours)[0].startswith("params/national.yaml:7: placements.growth.low: found '5%'")


def test_the_latest_vintage_known_counts(ours):
    assert three(ours()["costs.fee"]) == (None, 60_000, None)
    then = ours().as_known("2020-06")
    assert three(then["costs.fee"]) == (45_000, 50_000, 56_000)
    assert (then["costs.fee"].known, then["costs.fee"].source) == ("2018-03", "D")
    assert then.known_by == "2020-06"


def test_what_was_known_later_is_not_there(ours):
    then = ours(as_known="2020-06")
    assert list(then["costs.uplift"].values) == ["2019-20"]
    assert list(then.published("plans_by_setting").index) == [2020]
    with pytest.raises(CaseError, match=r"costs\.late: found nothing known by 2020-06"):
        then["costs.late"]
    with pytest.raises(CaseError, match=r"costs\.late: found nothing known by 2020-06"):
        then.value("costs.late")
    assert "2021-05" not in json.dumps(then.resolved) and "2025" not in json.dumps(then.resolved)
    early = ours(as_known="2017-01")
    assert early.assumptions == {}
    with pytest.raises(
        CaseError, match=r"published\.plans_by_setting: found nothing known by 2017"
    ):
        early.published("plans_by_setting")


def test_nothing_dated_back_knows_more_than_was_known_in_its_month(ours):
    months = [f"{year}-{month:02d}" for year in range(2017, 2027) for month in (1, 6)]
    counts = [len(ours().as_known(month).log()) for month in months]
    assert counts == sorted(counts)


def test_overrides_as_text_and_as_a_mapping(ours):
    text = ours(overrides="costs.fee=70_000; placements.growth.high = 0.2;")
    same = ours(overrides={"costs.fee": 70_000, "placements.growth.high": 0.2})
    assert three(text["costs.fee"]) == (None, 70_000, None)
    assert three(text["placements.growth"]) == (-0.01, 0.02, 0.2)
    assert text.resolved == same.resolved != ours().resolved
    assert text.overrides == {"costs.fee": 70_000, "placements.growth.high": 0.2}


def test_an_override_is_somebodys_judgement_and_says_so(ours):
    made = ours(overrides="costs.fee=70_000")["costs.fee"]
    assert made.quality == "judgement"
    assert made.source == "set by overrides; the file says: C"
    said = ours(overrides="costs.fee={central: 1, quality: council, source: our list}")["costs.fee"]
    assert (said.quality, said.source, said.unit) == ("council", "our list", "GBP/place/year")


def test_overrides_into_dated_values_and_plain_leaves(ours):
    case = ours(
        overrides="costs.uplift.values.2025-26.high=0.06; costs.uplift.values.2026-27=0.1;"
        "settings.special.label=Special schools; published.plans_by_setting.rows.2020.special=6"
    )
    assert three(case["costs.uplift"], "2025-26") == (0.02, 0.03, 0.06)
    assert three(case["costs.uplift"], "2026-27") == (None, 0.1, None)
    assert case.settings["special"].label == "Special schools"
    assert case.published("plans_by_setting").loc[2020, "special"] == 6
    assert ours().published("plans_by_setting").loc[2020, "special"] == 5


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            "costs.fe=1",
            "costs.fe: found no such key; allowed a key of the case (nearest: costs.fee",
        ),
        ("costs=1", "costs: found a group of keys; allowed one of fee, uplift, late"),
        ("costs.fee=5%", "costs.fee.central: found '5%'; allowed a number: write 0.05"),
        ("costs.fee=.nan", "found .nan; allowed a finite number"),
        ("costs.fee.low=1", "costs.fee.low: found low alone; allowed low and high both"),
        ("costs.fee.hihg=1", "costs.fee.hihg: found a key nobody reads; allowed low, central"),
        ("costs.fee.values.2025-26=1", "costs.fee.values.2025-26: found no such key; allowed"),
        ("costs.uplift.values.25/26=1", "costs.uplift.values.25/26: found '25/26'; allowed a year"),
        ("costs.fee.vintages=1", "costs.fee.vintages: found no such key"),
        ("costs.transport", "found 'costs.transport'; allowed key=value; key=value"),
        ("costs.fee=1; costs.fee=2", "costs.fee: found the key twice; allowed once"),
        ("costs.fee={central: 1", "found while parsing a flow mapping"),
        ("settings.special.ages=old", "settings.special.ages: found 'old'; allowed list, as in"),
        ("horizon.last_january=1066", "horizon.last_january: found 1066; allowed "),
        ("extends=other", "extends: found no such key"),
        ("__import__('os')=1", "__import__('os'): found no such key"),
    ],
)
def test_overrides_that_cannot_be(ours, overrides, message):
    said = refused(lambda: ours(overrides=overrides))
    assert len(said) == 1 and said[0].startswith("overrides") and message in said[0], said


def test_an_override_counts_as_known_when_its_key_was(ours):
    then = ours(as_known="2020-06", overrides="costs.fee=1; placements.growth.high=0.3")
    assert (then["costs.fee"].central, then["costs.fee"].known) == (1, "2018-03")
    assert ours(overrides="costs.fee=1").as_known("2020-06")["costs.fee"].central == 1


@pytest.mark.parametrize(
    "overrides",
    [
        "costs.late=2",
        "costs.fee={central: 1, known: 2021-01}",
        "costs.fee.known=2021-01",
        "costs.uplift.values.2025-26=0.1",
    ],
)
def test_an_override_known_later_is_refused_by_name(ours, overrides):
    said = refused(lambda: ours(as_known="2020-06", overrides=overrides))
    key = overrides.split("=")[0]
    assert len(said) == 1 and said[0].startswith(f"overrides: {key}: found known 202")
    assert said[0].endswith("allowed 2020-06 or earlier, the date asked for")


def test_an_override_that_states_an_early_date_is_let_in(ours):
    then = ours(as_known="2020-06", overrides="costs.late={central: 2, known: 2019-01}")
    assert then["costs.late"].central == 2


def test_scenarios_change_what_they_name(ours):
    slow = ours(scenario="slow")
    assert three(slow["placements.growth"]) == (0, 0.01, 0.02)
    assert (slow["placements.growth"].source, slow["placements.growth"].unit) == ("G", "share/year")
    frozen = ours(scenario="frozen", overrides="placements.growth.high=0.04")
    assert three(frozen["costs.uplift"], "2025-26") == (None, 0, None)
    assert three(frozen["placements.growth"]) == (-0.01, 0.02, 0.04)
    assert (
        frozen["costs.uplift"].at("2025-26").source.startswith("set by params/councils/ours.yaml")
    )


def test_one_scenario_leaves_no_trace_in_another(ours):
    named, plain = ours(scenario="named"), ours()
    assert (named.settings["special"].label, named.value("council.short")) == (
        "Special schools",
        "We",
    )
    assert (plain.settings["special"].label, plain.value("council.short")) == ("Special", "Ours")
    plain.value("placements.order").clear()
    assert plain.value("placements.order") == ["special", "mainstream"]


def test_unknown_scenarios_and_dates_say_what_there_is(ours):
    said = refused(lambda: ours(scenario="slwo"))
    assert said == ["scenario: found 'slwo'; allowed slow, named, frozen (nearest: slow)"]
    for bad in ("2020", "June 2020", "2020-06-01"):
        said = refused(lambda bad=bad: ours(as_known=bad))
        assert said[0].startswith(f"as_known: found {bad!r}; allowed a month")


def test_the_log_has_a_row_for_each_number_and_table(ours):
    log = ours().log().set_index("key")
    assert list(log.index) == [
        "placements.growth",
        "costs.fee",
        "costs.uplift 2019-20",
        "costs.uplift 2025-26",
        "costs.late",
        "published.plans_by_setting",
    ]
    assert log.loc["costs.uplift 2025-26", "known"] == "2025-06"
    assert log.loc["published.plans_by_setting", "as_of"] == "2020 to 2021"
    assert log["source"].notna().all() and log["quality"].notna().all()


def test_published_tables_keep_blanks_blank(ours):
    frame = ours().published("plans_by_setting")
    assert frame.attrs == {"unit": "plans", "source": "SEN2", "quality": "published"}
    assert frame.loc[2021].isna().tolist() == [False, True]
    with pytest.raises(CaseError, match=r"published\.x: found no such table; allowed plans_by"):
        ours().published("x")
    assert ours().published("x", None) is None


def test_resolved_is_plain_data_and_the_same_each_time(ours):
    once, twice = json.dumps(ours().resolved), json.dumps(ours().resolved)
    assert once == twice and "scenarios" not in ours().resolved
