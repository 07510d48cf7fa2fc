"""How wrong the forecast of children in care would have been: made again from each year's counts.
"""

import numpy as np
import pandas as pd

from .children import march, project

COLUMNS = ["origin", "year", "counted", "p10", "p50", "p90", "last"]


def forecasts(counts, worlds, estimate, **more):
    """Children in care on each later 31 March counted, from each earlier one -> frame of COLUMNS.

    counts: of `case.returns.ssda903_counts.count`, cut at the year of the origin before `estimate`
    (counts -> Rates) sees them, so that nothing later is in a forecast but the assumptions of
    worlds. last: the count of the origin, the simplest forecast. more: of `project`.
    """
    years = sorted(counts.loc[counts["kind"] == "between", "year"].unique())
    rows = counts[counts["kind"] == "position"].groupby("year")["count"].sum()
    counted, made = rows.reindex(years, fill_value=0), []
    for origin in years[:-1]:
        rates = estimate(counts[counts["year"] <= origin])
        found = march(project(rates, worlds, start=origin, years=years[-1] - origin, **more)[
            "children"]).sum(("category", "age"))
        low, middle, high = np.quantile(found, [0.1, 0.5, 0.9], axis=0)[:, 1:]
        ahead = [year for year in years if year > origin]
        made += list(zip([origin] * len(ahead), ahead, counted[ahead], low, middle, high,
                         [counted[origin]] * len(ahead), strict=True))
    return pd.DataFrame(made, columns=COLUMNS)
