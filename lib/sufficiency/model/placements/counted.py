"""Flow rates of one council from children counted from January to January, held as counted."""

import numpy as np
import pandas as pd

from sufficiency.case.returns.transitions import AGES, stock
from sufficiency.model.placements.rates import LEFT, STAY, estimate

PHASES = np.searchsorted([5, 11, 16, 19], AGES, "right")


def calibrate_counts(case, kind):
    """Rates from the case's counts of transitions -> Calibration (`kind`).

    Pooled over the years counted, shrunk to the setting's group and to all settings by
    placements.counted.prior_size children. Population index: January's people at each age over
    the last counted January's.
    """
    counts, places = case.counts, list(case.settings)
    first = int(counts["year"].max()) + 1
    settings = case.settings.values()
    allowed = np.array([(np.array(AGES) >= s.ages[0]) & (np.array(AGES) <= s.ages[1])
                        for s in settings])
    moves = case.value("transitions.moves")
    people = case.published("population").rename(columns=lambda name: int(name[4:]))
    prior, rho = (case[f"placements.{key}"].central_value()
                  for key in ("counted.prior_size", "rates.correlation"))
    rates = estimate(
        _outcomes(counts), *_joiners(counts, people), stock=_stock(counts, first, places),
        places=places, groups=[s.group for s in settings], allowed=allowed, phases=PHASES,
        moves=np.array([[to in moves.get(place, ()) for to in places] for place in places]),
        steps_per_year=1, first_age=0, prior_size=prior, join_prior_years=0, correlation=rho)
    history = counts.pivot_table(index="year", columns="kind", values="count", aggfunc="sum")
    checks = pd.DataFrame(columns=["year", "margin", "name", "published", "fitted"])
    outliers = pd.DataFrame(columns=["table", "period", "column", "found", "why"])
    return kind(
        first_january=first, rates=rates, history=history.fillna(0.0),
        checks=checks, outliers=outliers, seed_fit=rates.stock,
        scales=pd.Series(dtype=float), joiners=rates.join_mean.sum(), unreconciled=0.0,
        unreconciled_sd=0.0, difference=0.0,
        # growth looks a January's joiners up at the mid-year before it
        population=people.set_axis(people.index - 1))


def _outcomes(counts):
    """Those who were there at the start: what became of them."""
    there = counts[counts["kind"] != "joiner"]
    outcome = there["kind"].map({"leaver": LEFT, "stayer": STAY})
    return pd.DataFrame({"period": there["year"], "place": there["place"], "step": there["age"],
                         "outcome": outcome.fillna(there["destination"]),
                         "children": there["count"]})


def _joiners(counts, people):
    """Joiners by age at the end of the year, and the people of that January."""
    new = counts[counts["kind"] == "joiner"]
    new = pd.DataFrame({"period": new["year"], "place": new["place"], "step": new["age"],
                        "children": new["count"]})
    people = people.loc[people.index.isin(counts["year"] + 1)].set_axis(AGES, axis=1)
    people = people.set_axis(people.index - 1).rename_axis("period").reset_index()
    return new, people.melt("period", var_name="step", value_name="children")


def _stock(counts, january, places):
    table = stock(counts, january).unstack(fill_value=0)
    return table.reindex(index=places, columns=AGES, fill_value=0).to_numpy(float)
