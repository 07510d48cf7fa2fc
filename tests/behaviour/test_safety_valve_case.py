"""What a case may say of its high needs account: dates, held rows, measures, sensitivities."""

import pytest
from sufficiency.case import CaseError, find_root, load_case
from sufficiency.case.table import Published

NATIONAL = """\
steps: {per_year: 1, first_age: 0, ages: 26}
settings:
  mainstream: {label: Mainstream, ages: [4, 19], group: mainstream}
safety_valve:
  slippage: &none {central: 0, unit: months, known: 2023-01, quality: judgement, note: A}
  delivery:
    none: &never {central: 0, unit: share, known: 2023-01, quality: judgement, note: A}
    full: {central: 1, unit: share, known: 2023-01, quality: judgement, note: A}
    part: *never
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
      2023: {known: 2023-06, held: 2023-02, mainstream: 10}
      2024: {known: 2024-06, held: 2024-02, mainstream: 12}
  counted_once:
    unit: plans
    source: SEN2
    quality: published
    known: 2024-06
    rows:
      2024: {held: 2024-03, all: 12}
safety_valve:
  programme:
    set: first
    savings: {unit: GBP/year, known: 2024-03, quality: judgement, note: B, carry: last,
      values: {2024-25: 5_000_000, 2025-26: 10_000_000}}
  measures:
    strand: &strand
      {label: Strand, set: first, kind: cash_profile, start: 2024-04, funded_by: dsg_high_needs,
       share_of_programme: {central: 0.2, unit: share, known: 2024-03, quality: illustrative}}
    other: {label: Other, set: second, kind: front_door, start: 2024-04, funded_by: dsg_high_needs,
      size: {central: 0.1, unit: share, known: 2024-03, quality: illustrative}}
scenarios:
  signed: {as_known: 2024-03, council_held: true, as_at: 2024-03-31}
  dated: {as_known: 2024-03}
  second: {safety_valve.programme.set: second}
"""
COUNCILS = sorted(path.stem for path in (find_root() / "params" / "councils").glob("*.yaml"))


@pytest.fixture
def ours(tmp_path):
    (tmp_path / "params" / "councils").mkdir(parents=True)
    (tmp_path / "params" / "national.yaml").write_text(NATIONAL)

    def load(old="", new="", **options):
        assert old in COUNCIL
        text = COUNCIL.replace(old, new) if old else COUNCIL
        (tmp_path / "params" / "councils" / "ours.yaml").write_text(text)
        return load_case("ours", root=tmp_path, **options)

    return load


def refused(call, *arguments, **options):
    with pytest.raises(CaseError) as caught:
        call(*arguments, **options)
    return "\n".join(caught.value.problems)


def test_a_scenario_dates_the_case_unless_an_earlier_month_is_asked_for(ours):
    case = ours(scenario="signed")
    assert (case.known_by, str(case.as_at)) == ("2024-03", "2024-03-31")
    assert ours(scenario="signed", as_known="2023-12").known_by == "2023-12"
    assert case.as_known("2023-07").known_by == "2023-07"
    assert refused(ours, scenario="signed", as_known="2024-04") == (
        "as_known: found '2024-04'; allowed 2024-03, the date of scenario signed, or earlier")
    assert ours().known_by == "" and ours(as_known="2025-01").known_by == "2025-01"


def test_the_date_is_part_of_what_a_case_says(ours):
    plain, dated = ours().resolved, ours(scenario="dated").resolved
    assert "as_known" not in plain and dated["as_known"] == "2024-03"


def test_a_scenarios_own_words_are_checked_when_the_case_is_read(ours):
    found = refused(ours, "dated: {as_known: 2024-03}", "dated: {as_known: soon, council_held: 1}")
    assert "ours.yaml:33: scenarios.dated.as_known: found 'soon'; allowed a month" in found
    assert "scenarios.dated.council_held: found 1; allowed true or false" in found


def test_a_row_counts_early_only_where_the_scenario_counts_what_was_held(ours):
    for options, periods, held in (({}, [2023, 2024], None),
                                   ({"as_known": "2024-03"}, [2023], None),
                                   ({"scenario": "dated"}, [2023], None),
                                   ({"scenario": "signed"}, [2023, 2024], [2024])):
        frame = ours(**options).published("plans_by_setting")
        assert list(frame.index) == periods and frame.attrs.get("council_held") == held
        assert list(frame.columns) == ["mainstream"]
    early = ours(scenario="signed", as_known="2023-03").published("plans_by_setting")
    assert early.attrs["council_held"] == [2023]


def test_the_log_marks_what_only_the_council_held(ours):
    log = ours(scenario="signed").log().set_index("key")
    assert log.loc["published.plans_by_setting", ["as_of", "known", "quality"]].tolist() == [
        "2023 to 2023", "2023-06", "published"]
    held = log.loc["published.plans_by_setting 2024"]
    assert (held["known"], held["quality"]) == ("2024-02", "council")
    assert held["source"].startswith("council-held in 2024-02")
    assert "published.counted_once" not in log.index  # no row of it was published
    assert (log["known"] <= "2024-03").all()
    assert "published.plans_by_setting 2024" not in ours().log()["key"].tolist()


def test_a_row_of_another_source_has_a_line_of_its_own_in_the_log():
    table = Published(unit="plans", source="the Department", quality="published", known="2025-06",
                      note="of the table", rows={"2024": {"all": 1.0}, "2025": {"all": 2.0}, "2026":
                      {"all": 3.0, "known": "2026-06", "source": "the BBC", "note": "rounded"}})
    (_, whole), (name, row) = table.log_rows()
    assert (whole["as_of"], whole["known"], whole["source"]) == (
        "2024 to 2025", "2025-06", "the Department")
    assert name == " 2026" and (row["as_of"], row["known"]) == ("2026", "2026-06")
    assert (row["source"], row["note"], row["quality"]) == ("the BBC", "rounded", "published")


def test_nothing_is_held_after_it_was_published(ours):
    assert "rows.2024.held: found 2024-07; allowed no later than it was known" in refused(
        ours, "held: 2024-02", "held: 2024-07")


def test_a_share_of_the_programme_follows_its_total(ours):
    size = ours()["safety_valve.measures.strand.size"]
    assert [size.central_value(y) for y in ("2024-25", "2025-26", "2030-31")] == [1e6, 2e6, 2e6]
    assert (size.unit, size.quality) == ("GBP/year", "illustrative")
    changed = ours(overrides="safety_valve.programme.savings.values.2024-25=20_000_000")
    assert changed["safety_valve.measures.strand.size"].central_value("2024-25") == 4e6
    keys = ours().log()["key"].tolist()
    assert "safety_valve.measures.strand.share_of_programme" in keys
    assert not [key for key in keys if key.startswith("safety_valve.measures.strand.size")]


def test_a_share_needs_a_programme_and_no_size_of_its_own(ours):
    share = "share_of_programme: {central: 0.2"
    size = "size: {central: 1, unit: GBP/year, known: 2024-03, quality: illustrative}, "
    found = refused(ours, share, size + share)
    assert "measures.strand.share_of_programme: found a cash_profile with a size" in found
    ranged = "2025-26: {low: 1, central: 2, high: 3}"
    assert "programme.savings: found nothing, a range, or one number" in refused(
        ours, "2025-26: 10_000_000", ranged)
    assert "unit: found ratio; allowed share" in refused(
        ours, "central: 0.2, unit: share", "central: 0.2, unit: ratio")


def test_the_measures_of_the_set_in_use_are_the_programme(ours):
    assert list(ours().measures) == ["strand"]
    assert "safety_valve.measures.other.size" not in ours()
    second = ours(scenario="second")
    assert list(second.measures) == ["other"]
    assert "safety_valve.measures.strand.share_of_programme" not in second
    assert "programme.set: found 'third'; allowed first, second" in refused(
        ours, "set: first\n", "set: third\n")


def test_no_measure_counts_before_it_was_known(ours):
    assert ours(as_known="2024-02").measures == {}


def test_no_saving_on_transport_is_the_high_needs_blocks(ours):
    beside = "cost: {central: 1, unit: GBP/year, known: 2024-03, quality: illustrative, " \
             "funded_by: dsg_high_needs}, size: {central: 0.1"
    text = COUNCIL.replace("size: {central: 0.1", beside).replace("other:", "transport:")
    found = refused(ours, COUNCIL, text)
    assert "transport is no charge on the high needs block" in found


@pytest.mark.parametrize("name", COUNCILS)
def test_every_sensitivity_is_one_override_that_loads(name):
    scenarios = load_case(name)._tree.data.get("scenarios") or {}
    for scenario in ("", *({"as_signed_2024", "worked_measures"} & scenarios.keys())):
        case = load_case(name, scenario=scenario)
        plain = case.resolved
        for key, said in case.value("safety_valve.sensitivities").items():
            assert said["label"], key
            try:
                changed = case.changed(said["set"])
            except CaseError as error:
                # Of a case dated earlier, what its date does not know is left out
                assert case.known_by and f"allowed {case.known_by} or earlier" in str(error), key
            else:
                assert changed.resolved != plain, key
