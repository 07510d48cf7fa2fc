"""Published tables: rows by period, as the statistics give them, into pandas."""

from itertools import pairwise
from typing import Any, Literal

from sufficiency.case.quantity import (
    COUNTS,
    QUALITIES,
    UNITS,
    Model,
    Month,
    Text,
    first_year,
    month,
    nearest,
    period,
)

NOT_COLUMNS = ("known", "source", "note")
TOTALS = ("total", "all")


class Published(Model):
    """A statistical series: unit, source and quality of all its rows, which are by period."""

    unit: Literal[UNITS]
    source: Text
    quality: Literal[QUALITIES]
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
        columns = (*settings, *TOTALS) if name == "plans_by_setting" and settings else ()
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
    try:
        month(row.get("known", table.get("known")))
    except ValueError as error:
        found = row.get("known", table.get("known"))
        tree.problem((*path, "known"), "nothing" if found is None else repr(found), error)
    unit = table.get("unit")
    most = 1 if unit == "share" else None
    for name, value in row.items():
        here = (*path, name)
        if name in NOT_COLUMNS or value is None:
            continue
        if columns and name not in columns:
            tree.problem(here, "no such setting", ", ".join(columns) + nearest(name, columns))
        elif isinstance(value, bool) or not isinstance(value, int | float):
            tree.problem(here, repr(value), "a number, or nothing for a blank")
        elif value < 0 and (unit in COUNTS or most):
            tree.problem(here, value, f"at least 0 {unit}")
        elif most and value > most:
            tree.problem(here, value, "a share, at most 1")


def known_rows(table, known_by):
    """The table with only the rows known by a month ("" keeps all)."""
    rows = {
        when: row
        for when, row in table["rows"].items()
        if not known_by or row.get("known", table.get("known")) <= known_by
    }
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
