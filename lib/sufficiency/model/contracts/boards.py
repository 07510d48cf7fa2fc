"""Locality budgets: shared by weights to the penny, and what each buys under a route's costs."""

import numpy as np
import pandas as pd

from sufficiency.model.safety_valve.account import pence


def allocate(total, weights):
    """A budget shared by weights: Series by name, GBP, in whole pence that add to total.

    Largest remainder (Hamilton's method), equal remainders in the order given. weights {name:
    number}, of any sum. Refuses weights below 0, not finite or all 0, and a total below 0 or not in
    whole pence.
    """
    names, shares = list(weights), np.array([weights[name] for name in weights], float)
    whole = int(pence(total, "boards: total"))
    if whole < 0 or abs(total * 100 - whole) > 1e-4:
        raise ValueError(f"boards: found a total of {total}; allowed GBP in whole pence, 0 or more")
    if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0):
        raise ValueError(f"boards: found weights {', '.join(map(str, shares))}; allowed numbers "
                         "of 0 or more, not all 0")
    exact = whole * (shares / shares.sum())
    given = np.floor(exact).astype(np.int64)
    given[np.argsort(given - exact, kind="stable")[:whole - given.sum()]] += 1
    return pd.Series(given, names) / 100


def sensitivity(total, weights):
    """How allocations move when one weight does: frame by (moved, at), columns by name, GBP.

    weights {name: (low, central, high)}. Change from the allocation at central weights with one
    weight at its low or its high; each row adds to 0.
    """
    central = {name: ends[1] for name, ends in weights.items()}
    given = pence(allocate(total, central))
    rows = {(name, at): (pence(allocate(total, central | {name: value})) - given) / 100
            for name, (low, _, high) in weights.items() for at, value in (("low", low),
                                                                          ("high", high))}
    return pd.DataFrame(rows, list(weights)).T.rename_axis(["moved", "at"])


def reach(budgets, unit_costs, fixed=None):
    """Whole programmes a year each budget buys by each route: frame by (name, route).

    budgets: Series by name, GBP/year; unit_costs {route: GBP a programme, a number or (draw,)};
    fixed {route: GBP/year to run it, a number or (draw,)}, taken off in proportion to budgets ->
    mean, p10, p90. Refuses unit costs that are not above 0.
    """
    rows = {}
    for route in unit_costs:
        cost = np.asarray(unit_costs[route], float)
        if not (cost > 0).all():
            raise ValueError(f"boards: {route}: found a unit cost not above 0; allowed GBP above 0")
        left = np.maximum(1 - np.asarray((fixed or {}).get(route, 0.0)) / budgets.sum(), 0)
        for name, budget in budgets.items():
            bought = np.floor(np.round(budget * left / cost, 9))
            rows[name, route] = (bought.mean(), *np.quantile(bought, [0.1, 0.9]))
    return pd.DataFrame(rows, ["mean", "p10", "p90"]).T.rename_axis(["name", "route"])
