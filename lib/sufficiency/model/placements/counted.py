"""Flow rates of one council from children counted from January to January, held as counted."""

import numpy as np
import pandas as pd

from sufficiency.case.returns.transitions import AGES, stock
from sufficiency.model.placements.rates import estimate

PHASES = np.searchsorted([5, 11, 16, 19], AGES, "right")


def calibrate_counts(case, kind):
    """Rates from the case's counts of transitions -> Calibration (`kind`).

    Pooled over the years counted, shrunk to the setting's group and to all settings by
    placements.counted.prior_size children. Population index: January's people at each age over
    the last counted January's; level where the case has no population.
    """
    counts, places = case.counts, list(case.settings)
    first = int(counts["year"].max()) + 1
    settings = case.settings.values()
    allowed = np.array([(np.array(AGES) >= s.ages[0]) & (np.array(AGES) <= s.ages[1])
                        for s in settings])
    moves = case.value("transitions.moves")
    people = case.published("population", None)
    if people is not None:
        # growth looks a January's joiners up at the mid-year before it
        people = people.rename(columns=lambda name: int(name[4:]))
        people = people.set_axis(people.index - 1)
    level = pd.DataFrame(1.0, sorted(set(counts["year"])), AGES)
    known = level if people is None else people[people.index.isin(counts["year"])]
    prior, rho = (case[f"placements.{key}"].central_value()
                  for key in ("counted.prior_size", "rates.correlation"))
    rates = estimate(
        counts, known, stock=_stock(counts, first, places),
        places=places, groups=[s.group for s in settings], allowed=allowed, phases=PHASES,
        moves=[[to in moves.get(place, ()) for to in places] for place in places],
        prior_size=prior, steps_per_year=1, first_age=0, correlation=rho)
    history = counts.pivot_table(index="year", columns="kind", values="count", aggfunc="sum")
    checks = pd.DataFrame(columns=["year", "margin", "name", "published", "fitted"])
    outliers = pd.DataFrame(columns=["table", "period", "column", "found", "why"])
    return kind(
        first_january=first, rates=rates, history=history.fillna(0.0),
        checks=checks, outliers=outliers, seed_fit=rates.stock,
        scales=pd.Series(dtype=float), joiners=rates.join_mean.sum(), unreconciled=0.0,
        unreconciled_sd=0.0, difference=0.0,
        population=people)


def _stock(counts, january, places):
    table = stock(counts, january).unstack(fill_value=0)
    return table.reindex(index=places, columns=AGES, fill_value=0).to_numpy(float)
