"""Charts carry their words and data, and always draw the same bytes."""

import numpy as np
import pandas as pd
import pytest
from example_notebook import SAID, a_fan
from sufficiency.report import charts, tables

STEPS = pd.Series({"2024-25": 121.3, "More children": 18.2, "Fewer lines": -1.5, "2030-31": 138.0})


def drawn():
    """One of each kind."""
    fan = a_fan()
    history = fan.data.dropna(subset="actual").set_index("period")["actual"]
    ahead = fan.data.dropna(subset="p50").set_index("period").drop(columns="actual")
    years = ["2025-26", "2026-27"]
    frame = pd.DataFrame({"Independent": [10.0, 12], "State": [5.0, 6]}, index=years)
    swing = pd.DataFrame({"low": [9.0, 8], "high": [10.5, 13]}, index=["Notice", "Growth"])
    return {
        "fan": fan,
        "panels": charts.small_multiples("m", {n: (history, ahead) for n in "abcd"}, **SAID),
        "stacked": charts.stacked("s", frame, **SAID),
        "bars": charts.bars("b", frame, unit="£m", **SAID),
        "bridge": charts.bridge("w", STEPS, **SAID),
        "tornado": charts.tornado("t", swing, 10.0, **SAID),
    }


def test_every_chart_shows_its_words_and_draws_the_same_bytes():
    for name, chart in drawn().items():
        data, metadata = chart._repr_mimebundle_()
        assert SAID["alt"] in data["text/plain"], name
        assert metadata["image/png"]["alt"] == SAID["alt"]
        assert metadata["annex"]["svg"].lstrip().startswith("<?xml"), name
        assert {"kind", "label", "caption", "alt", "svg", "data"} <= set(metadata["annex"])
        assert chart._repr_mimebundle_() == (data, metadata), name
    again = drawn()
    assert again["panels"]._repr_mimebundle_()[1] == drawn()["panels"]._repr_mimebundle_()[1]


def test_alt_is_required_and_is_not_the_title():
    for alt in ("", "  ", SAID["title"], SAID["subtitle"]):
        with pytest.raises(ValueError, match=r"'plans'.*alt"):
            a_fan(alt=alt)
    with pytest.raises(TypeError, match="alt"):
        charts.bars("b", STEPS, title="x", subtitle="y")


def test_alt_begins_as_a_sentence_does():
    assert a_fan(alt="spot costs more.").alt == "Spot costs more."
    assert a_fan(alt="£3m more.").alt == "£3m more."


def test_drawing_leaves_no_setting_behind():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    drawn()["fan"].png()
    assert dict(mpl.rcParams) == before


def test_numbers_are_written_beside_the_marks():
    texts = [t.get_text() for t in drawn()["bridge"].figure.axes[0].texts]
    assert sorted(texts) == ["+£18.2m", "£121.3m", "£138.0m", "\u2212£1.5m"]
    fan = [t.get_text() for t in drawn()["fan"].figure.axes[0].texts]
    assert [text.split(" ", 1)[1] for text in fan] == ["(1 in 10 above)", "(middle)",
                                                       "(1 in 10 below)"]  # fmt: skip


def test_a_tornado_puts_the_widest_first():
    assert drawn()["tornado"].data["assumption"].tolist() == ["Growth", "Notice"]


def test_parts_differ_by_more_than_colour():
    assert len({hatch for _, hatch in charts.PARTS}) == len(charts.PARTS)


def test_refusals_name_the_value():
    with pytest.raises(ValueError, match=r"come to 138.*allowed only 140"):
        charts.bridge("w", STEPS.replace(138.0, 140.0), **SAID)
    with pytest.raises(ValueError, match="7 parts; allowed at most 6"):
        charts.stacked("s", pd.DataFrame(np.ones((2, 7))), **SAID)


def test_a_flag_is_on_the_picture_and_in_the_words():
    chart = a_fan(flag="synthetic example")
    assert "SYNTHETIC EXAMPLE" in [text.get_text() for text in chart.figure.texts]
    assert "synthetic example" in chart._repr_mimebundle_()[0]["text/plain"]


def test_the_data_behind_a_chart_come_back_as_a_table():
    chart = a_fan()
    annex = chart._repr_mimebundle_()[1]["annex"]
    pd.testing.assert_frame_equal(
        tables.read(annex).frame, chart.data.astype({"period": str}), rtol=1e-9
    )
