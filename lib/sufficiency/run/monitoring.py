"""What the council's own monitoring of the year says, and what it makes of the worlds."""

from dataclasses import replace

import numpy as np
import pandas as pd

from sufficiency.model.safety_valve import nowcast

KEY = "safety_valve"


def forecasts(case, year):
    """The council's in-year forecasts of a year by month, GBP: Series, the latest last."""
    table = case.published("monitoring", None)
    if table is None or year not in table.index:
        return pd.Series(dtype=float)
    found = table.loc[year].filter(regex=r"^month_\d+$").dropna()
    found.index = [int(name.removeprefix("month_")) for name in found.index]
    return found.sort_index() * (1e6 if table.attrs["unit"] == "GBP million" else 1.0)


def position(case, year):
    """The latest monitoring position of a year: nowcast.Position, or None without a forecast.

    Savings to date are read as those of the month of that forecast.
    """
    months = forecasts(case, year)
    if not len(months):
        return None
    month = int(months.index[-1])
    saved = float(case.published("monitoring").loc[year].get("savings_to_date", np.nan))
    error, floor, spread = (case[f"{KEY}.monitoring.{name}"].central_value()
                            for name in ("error", "floor", "savings_error"))
    return nowcast.Position(month, months[month], nowcast.month_error(month, error, floor),
                            *((None, None) if np.isnan(saved) else (saved, spread)))


def weigh(valve):
    """Weigh a study's worlds by its monitoring position: nowcast.Nowcast, or None without one.

    The weights are those of the case as it stands: a scenario or an override is a question asked
    of the same worlds, unless it is about the opening or the position itself. Savings are taken to
    come evenly through the year.
    """
    if valve.monitored is None:
        return None
    if (plain := _plain(valve)) is not None:
        return plain.nowcast
    uniform = valve.study.worlds.uniform(f"{KEY}.nowcast")[0]
    kept = valve.prior("mitigated")[:, 0]
    saved = (valve.prior("unmitigated")[:, 0] - kept) * valve.monitored.month / 12
    return nowcast.update(valve.monitored, uniform, outturn=kept, saved=saved)


def _plain(valve):
    """The case without scenario and overrides, if it opens and is monitored alike, or None."""
    case, study = valve.case, valve.study
    if not (case.scenario or case.overrides):
        return None
    given = replace(study.parameters, scenario="", overrides="", out_dir="")
    plain = type(valve)(type(study)(given), valve.kind)
    alike = case.known_by == plain.case.known_by and all(
        case.value(f"{KEY}.{part}") == plain.case.value(f"{KEY}.{part}")
        for part in ("opening", "monitoring"))
    return plain if alike and plain.monitored == valve.monitored else None
