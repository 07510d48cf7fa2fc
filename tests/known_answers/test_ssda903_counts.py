"""A small SSDA903 return counted by hand, and rates known to its maker found again."""

import sys
from pathlib import Path

import numpy as np
import pytest
from sufficiency.case.returns.ssda903 import read_ssda903
from sufficiency.model.care import children, rates

sys.path.insert(0, str(Path(__file__).parents[1]))
import made_care

FOSTER, HOME = "fostering_independent", "residential_independent"


@pytest.fixture(scope="module")
def categories(small_case):
    return small_case.value("care.categories")


@pytest.fixture(scope="module")
def by_hand(categories, tmp_path_factory):
    return read_ssda903(made_care.write(tmp_path_factory.mktemp("years")), categories)


def counted(found, *wanted):
    """Counts of a kind by (year, place, age, destination)."""
    rows = found.counts[found.counts["kind"].isin(wanted)]
    return {(row.year, row.place, row.age, row.destination): row.count for row in
            rows[["year", "place", "age", "destination", "count"]].itertuples(index=False)}


def test_flows_at_the_ends_of_quarters(by_hand):
    assert by_hand.years == [2024, 2025]
    assert counted(by_hand, "joiner") == {(2024, FOSTER, 13, ""): 1}
    assert counted(by_hand, "mover") == {(2024, FOSTER, 13, HOME): 1}
    assert counted(by_hand, "leaver") == {(2025, HOME, 14, ""): 1}
    assert counted(by_hand, "adult") == {(2025, "supported", 18, ""): 1}
    assert counted(by_hand, "stayer") == {(2024, FOSTER, 13, ""): 2, (2025, HOME, 14, ""): 2,
                                          (2024, "supported", 17, ""): 4}
    # born 1 January 2023: four months and a bit, and never there at the end of a quarter
    assert counted(by_hand, "short") == {(2024, "fostering_in_house", 0.25, ""): 1}


def test_positions_and_days(by_hand):
    assert counted(by_hand, "position") == {
        (2023, "supported", 16.75, ""): 1, (2024, "supported", 17.75, ""): 1,
        (2024, HOME, 13.75, ""): 1}
    days = by_hand.counts.query("kind == 'days'").set_index(["year", "place"])["count"]
    assert days.to_dict() == {
        (2024, FOSTER): 276, (2024, HOME): 60, (2024, "fostering_in_house"): 10,
        (2024, "supported"): 366, (2025, HOME): 243, (2025, "supported"): 80}
    between = by_hand.counts.query("kind == 'between'").set_index(["year", "place"])["count"]
    # at 30 June, 30 September and 31 December: (91 / 2) + 92 + 92 + (91 / 2)
    assert between[2024, FOSTER] == 275 and between[2025, "supported"] == 45.5
    factor = children.stays(by_hand.counts, [FOSTER, "supported"])
    assert factor == pytest.approx([276 / 275, 446 / 411.5])


def test_one_folder_with_years_says_the_same(by_hand, categories, tmp_path):
    together = read_ssda903(made_care.write_together(tmp_path / "all"), categories)
    assert together.counts.equals(by_hand.counts) and together.years == by_hand.years


def test_one_folder_without_years_is_placed_by_the_ends_of_episodes(made, categories, tmp_path):
    _, read, folder = made
    for part in ("header", "episodes"):
        files = [path.read_text("utf-8").splitlines() for path in
                 sorted(folder.rglob(f"*_{part}.csv"))]
        made_care.put(tmp_path / f"{part}.csv", files[0][0], [row for one in files
                                                              for row in one[1:]])
    found = read_ssda903(tmp_path, categories)
    assert found.years == read.years
    other = read.counts[read.counts["kind"] != "unaccompanied"].reset_index(drop=True)
    assert found.counts.equals(other)
    assert found.notices[0].startswith("one folder without a column YEAR: years to 31 March 2021 "
                                       "to 2025, by the ends of episodes")
    whole = found.quality[found.quality["reason"] == ""].set_index("file")
    assert whole["rows"].iloc[-1] == sum(len(one) - 1 for one in files)


@pytest.fixture(scope="module")
def made(root, categories, tmp_path_factory):
    """Three times the example's council, and what is read of its returns."""
    maker, folder = made_care.maker(root), tmp_path_factory.mktemp("made")
    maker.write(folder, seed=5, scale=3.0, faults=False)
    return maker, read_ssda903(folder, categories), folder


def estimated(found, categories, prior_size):
    return rates.estimate(
        found.counts, places=list(categories), prior_size=prior_size, correlation=0.0,
        ages=[one.get("ages", (0, 17)) for one in categories.values()])


def test_rates_of_leaving_and_moving_are_found(made, categories):
    maker, read, _ = made
    found = estimated(read, categories, 1e-6)
    for place, (_, _, _, times, move, _) in maker.PLACES.items():
        p = found.places.index(place)
        for step in (2, 10, 30, 50, 66):
            age = (step + 1) // 4
            if not found.allowed[p, step]:
                continue
            known = maker.by_age(maker.LEAVE, age) * times
            for mean, size, rate in ((found.leave_mean, found.leave_size, known),
                                     (found.move_mean, found.move_size, move)):
                if size[p, step] < 5:
                    continue
                error = 4.5 * np.sqrt(rate * (1 - rate) / size[p, step])
                assert abs(mean[p, step] - rate) < error, (place, step)


def test_entries_and_short_stays_are_found(made, categories):
    maker, read, _ = made
    found, quarters = estimated(read, categories, 40), rates.quarters(read.counts)
    assert quarters == 20
    for place, (_, _, entries, *_) in maker.PLACES.items():
        mean = found.join_mean[found.places.index(place)].sum()
        error = 4.5 * np.sqrt(3 * entries / quarters) + 0.5 / quarters
        assert abs(mean - 3 * entries) < error, place
    short = read.counts.query("kind == 'short'")["count"].sum()
    assert abs(short - 3 * maker.SHORT * quarters) < 4.5 * np.sqrt(3 * maker.SHORT * quarters)


def test_children_in_plus_flows_are_children_out(made):
    _, read, _ = made
    table = read.counts.groupby(["year", "kind"])["count"].sum().unstack(fill_value=0)
    closing = table["position"].shift() + table["joiner"] - table["leaver"] - table["adult"]
    assert (closing[1:] == table["position"][1:]).all()


def test_the_example_is_what_its_maker_makes(root, categories, tmp_path):
    maker = made_care.maker(root)
    maker.write(tmp_path)
    found = read_ssda903(tmp_path, categories)
    kept = (root / "params" / "examples" / "care_example.care.csv").read_text("utf-8")
    assert found.counts.to_csv(index=False, lineterminator="\n") == kept
    lost = found.quality.query("reason != ''").set_index("reason")["not used"]
    assert {reason: lost[reason] for reason in (
        "DEC before DECOM", "DECOM: no date", "PLACE: unknown code", "no usable header row")} == (
        dict.fromkeys(("DEC before DECOM", "DECOM: no date", "PLACE: unknown code",
                       "no usable header row"), 1))
