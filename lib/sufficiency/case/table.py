"""Published tables: rows by period, as the statistics give them, into pandas."""

import math
from itertools import pairwise
from typing import Any, Literal

from sufficiency.case import quantity
from sufficiency.case.quantity import Model, Month, Text, first_year, nearest, period

NOT_COLUMNS = ("known", "source", "note")
TOTALS = ("total", "all")


class Published(Model):
    """A statistical series: unit, source and quality of all its rows, which are by period."""

    unit: Literal[quantity.UNITS]
    source: Text
    quality: Literal[quantity.QUALITIES]
    rows: dict[Any, dict[str, Any]]
    known: Month | None = None
    note: Text | None = None


def check(published, settings, tree):
    """Note every problem in the rows of the published tables."""
    for name, table in published.items() if isinstance(published, dict) else ():
        rows = table.get("rows") if isinstance(table, dict) else None
        if not isinstance(rows, dict):
            continue
        path = ("published", name, "rows")
        if not rows:
            tree.problem(path, "no rows", "at least one")
        named = name == "plans_by_setting" and isinstance(settings, dict)
        columns = (*settings, *TOTALS) if named else ()
        for when, row in rows.items():
            if isinstance(row, dict):
                _check_row(row, table, columns, (*path, when), tree)
        _check_periods(rows, path, tree)


def _check_periods(rows, path, tree):
    good = []
    for when in rows:
        try:
            good.append(period(when))
        except ValueError as error:
            tree.problem((*path, when), repr(when), error)
    if len({type(when) for when in good}) > 1:
        return tree.problem(path, "years and financial years mixed", "one kind of period")
    for before, after in pairwise(good):
        if first_year(after) <= first_year(before):
            tree.problem((*path, after), f"{after} after {before}", "rows in ascending order")


def _check_row(row, table, columns, path, tree):
    unit, known = table.get("unit"), row.get("known", table.get("known"))
    try:
        quantity.month(known)
    except ValueError as error:
        tree.problem((*path, "known"), "nothing" if known is None else repr(known), error)
    least = 0 if unit in (*quantity.COUNTS, "share") else -math.inf
    most = 1 if unit == "share" else math.inf
    for name, value in row.items():
        if name in NOT_COLUMNS or value is None:
            continue
        if columns and name not in columns:
            allowed = ", ".join(columns) + nearest(name, columns)
            tree.problem((*path, name), "no such setting", allowed)
        elif type(value) not in (int, float):
            tree.problem((*path, name), repr(value), "a number, or nothing for a blank")
        elif not least <= value <= most:
            tree.problem((*path, name), value, f"{least:g} to {most:g} {unit}")


def known_rows(table, known_by):
    """The table with only the rows known by a month ("" keeps all)."""
    limit, default = known_by or "9999-12", table.get("known")
    rows = {w: dict(row) for w, row in table["rows"].items() if row.get("known", default) <= limit}
    return {**table, "rows": rows}


def frame(table):
    """DataFrame of a table: index period, one column a name, NaN where the source is blank.

    `attrs` hold unit, source and quality.
    """
    import pandas as pd  # half a second that `--help` need not wait for

    rows = table["rows"].values()
    names = dict.fromkeys(name for row in rows for name in row if name not in NOT_COLUMNS)
    data = [[row.get(name) for name in names] for row in rows]
    index = pd.Index([period(when) for when in table["rows"]], name="period")
    made = pd.DataFrame(data, index=index, columns=list(names), dtype=float)
    made.attrs = {name: table[name] for name in ("unit", "source", "quality")}
    return made


def log_row(name, table):
    """The table's line in the assumptions log."""
    periods = list(table["rows"])
    known = max(row.get("known", table.get("known")) for row in table["rows"].values())
    spanned = {"as_of": f"{periods[0]} to {periods[-1]}", "known": known}
    return {"key": f"published.{name}", **table, **spanned}
