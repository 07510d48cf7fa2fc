"""The figures of a study that a sweep lays side by side: a row a measure and year."""

import numpy as np
import pandas as pd

from sufficiency.report import tables

COLUMNS = ["measure", "year", "unit", "mean", "p10", "p50", "p90", "mc_error"]


def figures(study):
    """Frame of COLUMNS: what the case can say, nothing estimated in place of what it cannot.

    plans (January, all settings); spend (financial year, high needs on the outturn basis 1.2.x,
    GBP nominal); deficit_without_measures and deficit_with_measures (31 March of the financial
    year, the headline's schedule and basis, GBP); in_year_balance (chance that income of the year
    covers spending, with measures); saving_<route> (GBP a year against the reference route).
    mc_error: standard error of the mean. A chance has no percentiles. Working figures: totals of
    many children, but not held against the rules for print.
    """
    case, rows = study.case, []
    if case.published("plans_by_setting", None) is not None:
        plans = study.placements["plans"].sum(("setting", "age"))
        rows += _by_year("plans", plans, "year", "plans")
        rows += _by_year("spend", study.high_needs(), "financial_year", "GBP")
        if "safety_valve.opening.balance" in case:
            rows += _account(study.safety_valve)
    if case.value("market.lots", None):
        rows += _savings(study.market)
    if not rows:
        raise ValueError(f"{case.name}: found no published plans and no market; allowed a case "
                         "with figures to work out")
    return pd.DataFrame(rows, columns=COLUMNS)


def _account(valve):
    rows = []
    for measure, name in (("without", "unmitigated"), ("with", "mitigated")):
        deficit = valve.deficit(name)
        rows += _by_year(f"deficit_{measure}_measures", deficit, "financial_year", "GBP",
                         valve.worth)
    balanced = (valve.in_year() <= 0).astype(float)
    found = _by_year("in_year_balance", balanced, "financial_year", "share", valve.worth)
    return rows + [[*row[:4], *[np.nan] * 3, row[-1]] for row in found]


def _savings(market):
    cost = market.results["cost"].sum(("lot", "financial_year", "item")) / len(market.years)
    period = f"{market.years[0]} to {market.years[-1]}"
    return [_row(f"saving_{name}", period, "GBP",
                 (cost.sel(route=market.reference) - cost.sel(route=name)).values)
            for name in market.labels if name != market.reference]


def _by_year(measure, draws, dim, unit, worth=None):
    """A row a year of draws (draw, year); worth: how many equal worlds the draws are, if fewer."""
    return [_row(measure, str(when), unit, draws.sel({dim: when}).values, worth)
            for when in draws[dim].values]


def _row(measure, year, unit, draws, worth=None):
    found = tables.summarise(np.asarray(draws, float))
    error = found["sd"] / np.sqrt(worth or len(draws))
    return [measure, year, unit, found["mean"], found["p10"], found["p50"], found["p90"], error]
