"""Devon's forecast as it last was: model output kept to notice a change, not a measure of truth."""

import numpy as np
import pandas as pd
from sufficiency.model.placements.calibrate import calibrate
from sufficiency.model.placements.engine import project
from sufficiency.model.placements.growth import growth_paths
from sufficiency.model.streams import Worlds

KEPT = "tests/regression/devon_forecast.csv"


def forecast(case):
    """Expected plans by setting each January, no assumption or shock away from its centre."""
    found, years = calibrate(case), list(range(2026, 2033))
    worlds = Worlds.fixed(case.assumptions, {}, 1)
    stock = project(found.rates.certain(), periods=years, seed=1, draws=1, engine="expected",
                    **growth_paths(found, worlds, years))["stock"][0].sum(-1)
    table = pd.DataFrame(stock, pd.Index([2025, *years], name="year"), found.rates.places)
    return table.assign(all=table.sum(axis=1)).round(1)


def test_devon_is_as_it_was(small_case, root):
    found, kept = forecast(small_case), pd.read_csv(root / KEPT, index_col="year")
    worst = (found - kept).abs().max().max()
    assert np.allclose(found, kept, atol=0.5), f"moved by up to {worst:.1f} plans: {KEPT}"
    # beside the record: England grew 12.5% in the year to January 2026
    growth = found["all"].iloc[1] / found["all"].iloc[0] - 1
    assert 0.03 < growth < 0.125
