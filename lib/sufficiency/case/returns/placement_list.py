"""A council's placement list into prices and bands: never a reference, a date or an age.

A CSV with a row a placement, in any order; capitals and spaces in headings do not matter.
Required: reference (of the placement, each once), setting, provider, bought (framework, spot or
block), start_date, weekly_price (GBP paid a week now, or at its end), age, primary_need.
Optional, a blank is not stated: end_date (blank: still open), need_band, weeks_boarded (day, or
weeks a year), distance_miles, education_on_site, transport_included (yes or no). Other columns are
left unread. Dates: 2024-09-30 or 30/09/2024.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sufficiency.case.quantity import nearest

from . import HIDDEN, SHOWN, Problems, plain, read_csv

NOT_STATED, CHILDS = "not stated", ("reference", "age")
# Age bands of the management plan; the others are ours (judgement): a day's journey, a boarding
# school's year.
AGES = {4: "under 5", 10: "5-10", 15: "11-15", 19: "16-19", 25: "20-25"}
WEEKS = {0: "day", 41: "term time", 52: "all year"}
MILES = {10: "up to 10 miles", 30: "10 to 30 miles", 1000: "over 30 miles"}
MOST_A_WEEK = 50_000  # dearer than any known placement: a yearly price, or pence (judgement)
EARLIEST = pd.Timestamp("2000-01-01")


class PlacementList(NamedTuple):
    """placements: usable rows (setting, provider, bought, weekly_price GBP, started: financial
    year, open, and what they can be adjusted for, in bands). unusable: every problem (line, column,
    found, allowed). totals (read, used, unusable) of placements and weekly_price GBP, where it can
    be read. notices: what was done in silence elsewhere.
    """

    placements: pd.DataFrame
    unusable: pd.DataFrame
    totals: pd.DataFrame
    notices: list


def _text(said):
    return said.str.split().str.join(" ").str.casefold()


def _words(words):
    """A reader of words: {said: what it is}; what is not among them is NaN."""
    return lambda said: _text(said).map(words)


def _date(said):
    text = said.str.strip().str.replace(r" 00:00(:00)?$", "", regex=True)
    found = [pd.to_datetime(text.where(text.str.fullmatch(like)), format=form, errors="coerce")
             for form, like in (("%Y-%m-%d", r"\d{4}-\d\d-\d\d"),
                                ("%d/%m/%Y", r"\d{1,2}/\d{1,2}/\d{4}"))]
    date = found[0].fillna(found[1])
    return date.where(date >= EARLIEST)


def _number(low, high, whole=False):
    def read(said):
        text = said.str.strip().str.removeprefix("£")
        plain = text.str.fullmatch(r"\d+(\.\d+)?|\d{1,3}(,\d{3})+(\.\d+)?")
        value = pd.to_numeric(text.str.replace(",", "").where(plain), errors="coerce")
        return value.where(value.between(low, high) & (~(value % 1 > 0) | (not whole)))
    return read


def _weeks(said):
    return _number(0, 52, True)(said.where(_text(said) != "day", "0"))


YES = dict.fromkeys(("yes", "y", "true"), "yes") | dict.fromkeys(("no", "n", "false"), "no")
BOUGHT = ("framework", "spot", "block")
REQUIRED = {
    "reference": (_text, "a reference of its own"),
    "setting": (_text, "a setting"),
    "provider": (_text, "a provider"),
    "bought": (_words({name: name for name in BOUGHT}), ", ".join(BOUGHT)),
    "start_date": (_date, "2024-09-30 or 30/09/2024, from 2000 on"),
    "weekly_price": (_number(1, MOST_A_WEEK), f"GBP a week, 1 to {MOST_A_WEEK:,}"),
    "age": (_number(0, 25, True), "a whole number, 0 to 25"),
    "primary_need": (_text, "a need"),
}
OPTIONAL = {
    "end_date": (_date, "2024-09-30 or 30/09/2024, or a blank: still open"),
    "need_band": (_text, "a band or a blank"),
    "weeks_boarded": (_weeks, "day, weeks a year from 0 to 52, or a blank"),
    "distance_miles": (_number(0, 1000), "miles, 0 to 1,000, or a blank"),
    "education_on_site": (_words(YES), "yes, no or a blank"),
    "transport_included": (_words(YES), "yes, no or a blank"),
}


def read_placement_list(path):
    """Read and check a list -> PlacementList. Every row read is used, or its problems are listed.

    A file without a required column, with a ragged row or no usable row is refused.
    """
    path, problems = Path(path), Problems()
    said = read_csv(path, problems, encodings=("utf-8-sig", "cp1252"))
    known = REQUIRED | OPTIONAL
    if said is not None:
        said = said.rename(columns=lambda name: "_".join(name.lower().split()))
        for name in (name for name in REQUIRED if name not in said):
            problems.add(path, 1, f"missing column '{name}'{nearest(name, said.columns[1:])}; "
                         f"required {', '.join(REQUIRED)}")
        for name in said.columns[said.columns.duplicated()]:
            problems.add(path, 1, f"a column is named twice: {name}")
    problems.stop(f"placement list {path.name}")
    read, wrong = _values(said, {name: known[name] for name in known if name in said})
    unusable = pd.concat(wrong).sort_values("line", kind="stable").reset_index(drop=True)
    good = ~said["line"].isin(unusable["line"])
    if not good.any():
        counts = unusable["column"].value_counts().to_dict()
        raise ValueError(f"{path.name}: found {len(said)} rows; allowed some that can be used: "
                         f"problems by column {counts}")
    price = read["weekly_price"]
    parts = {"read": good | True, "used": good, "unusable": ~good}
    totals = pd.DataFrame({name: {"placements": int(on.sum()), "weekly_price": price[on].sum()}
                           for name, on in parts.items()}).T
    return PlacementList(_banded(read[good]).reset_index(drop=True), unusable, totals,
                         _notices(said, known))


def listed_problems(found):
    """Lines that say which rows were left out and why, the first ones in full."""
    rows = [f"line {row.line}: {row.column}: found {row.found!r}; allowed {row.allowed}"
            for row in found.unusable.head(SHOWN).itertuples()]
    more = len(found.unusable) - len(rows)
    return rows + ([f"... and {more} more"] if more else [])


def _values(said, columns):
    """Each column read, and frames of what is wrong: (frame, [line, column, found, allowed])."""
    read, wrong = pd.DataFrame(index=said.index), []

    def refuse(bad, column, allowed):
        found = said.loc[bad, column].str.strip()
        shown = (column not in CHILDS) & found.map(lambda text: plain(text) != HIDDEN)
        wrong.append(pd.DataFrame({"line": said.loc[bad, "line"], "column": column,
                                   "found": found.where(shown, HIDDEN), "allowed": allowed}))

    for name, (reader, allowed) in columns.items():
        blank = said[name].str.strip() == ""
        read[name] = reader(said[name].mask(blank)) if len(said) else said[name]
        refuse(read[name].isna() & (~blank | (name in REQUIRED)), name, allowed)
    refuse(read["reference"].duplicated() & read["reference"].notna(), "reference",
           "each placement once: this one is on an earlier line")
    if "end_date" in read:
        refuse(read["end_date"] < read["start_date"], "end_date", "the start date or later")
    return read, wrong


def _banded(read):
    """What is kept of a row: prices, names of trade, bands. Nothing that says which child."""
    kept = read[["setting", "provider", "bought", "weekly_price", "primary_need"]].copy()
    first = read["start_date"].dt.year - (read["start_date"].dt.month < 4)
    kept["started"] = [f"{year}-{(year + 1) % 100:02d}" for year in first]
    kept["open"] = read["end_date"].isna() if "end_date" in read else True
    for name, source, bands in (("age_band", "age", AGES), ("boarding", "weeks_boarded", WEEKS),
                                ("distance", "distance_miles", MILES)):
        if source in read:
            edges = [-np.inf, *bands]
            band = pd.cut(read[source], edges, labels=[*bands.values()]).astype(object)
            kept[name] = band.fillna(NOT_STATED)
    for name in ("need_band", "education_on_site", "transport_included"):
        if name in read:
            kept[name] = read[name].fillna(NOT_STATED)
    return kept


def _notices(said, known):
    unread = [name for name in said.columns[1:] if name not in known]
    notices = [f"columns left unread: {', '.join(unread)}"] if unread else []
    if said.attrs.get("encoding") == "cp1252":
        notices.append("read as Windows text (cp1252): it is not UTF-8")
    return notices
