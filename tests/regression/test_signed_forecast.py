"""The forecast as signed, kept for later movements: model output, not a measure of truth."""

from itertools import zip_longest

from sufficiency.report import tables
from sufficiency.run import programme
from sufficiency.run.parameters import Parameters
from sufficiency.run.study import Study

KEPT = "params/councils/devon.as_signed_2024.forecast.csv"


def test_the_stored_forecast_is_what_the_scenario_gives_today(root):
    """To ten significant figures, at the draws and seed of the reference run.

    Where it moves on purpose: results/forecast.csv of an annex with that scenario is the new one.
    """
    study = Study(Parameters("devon", scenario="as_signed_2024", draws=10_000, seed=1))
    found = tables.csv(programme.forecast_frame(study.safety_valve)).splitlines()
    kept = (root / KEPT).read_text(encoding="utf-8").splitlines()
    moved = [f"{was} -> {now}" for was, now in zip_longest(kept, found) if was != now]
    assert not moved, f"{KEPT}: {len(moved)} of {len(kept)} rows moved: {'; '.join(moved[:3])}"
