"""Episodes of children in care counted by quarter, place and age: what is kept of a return."""

import numpy as np
import pandas as pd

from . import read_kept

COLUMNS = ["year", "kind", "place", "age", "destination", "count"]
ADULT = 72  # quarters of age
ALL = (0, 17)  # ages of a category that names none
DAY = np.timedelta64(1, "D")


def known_counts(path, sha256):
    """The counts kept beside a case, as `count` made them. Refuses a changed file."""
    counts = read_kept(path, sha256, COLUMNS, ["year", "age", "count"])
    return counts.astype({"year": int})


def count(rows, years, categories, otherwise):
    """Frames of counts, and notices. Kinds, by year of the 31 March that ends it:

    joiner, leaver, adult (18 in the quarter), mover, stayer: children at the ends of its quarters,
    by age at the end (below 1 to the quarter, else whole years), place (a joiner's at the end, else
    at the start) and destination; short: in care within a quarter and at neither of its ends;
    position: in care on 31 March, by age to the quarter; days: child-days;
    between: days of a quarter x the mean of the counts at its ends, for `days` to be held against.
    """
    child, first = pd.factorize(rows["CHILD"])[0], rows.drop_duplicates("CHILD")
    born = (first["dob"].dt.year * 12 + first["dob"].dt.month).to_numpy()
    ends = [np.datetime64(f"{years[0] - 1}-03-31")]
    for year in years:
        ends += [np.datetime64(f"{year + (day < '04') - 1}-{day}")
                 for day in ("06-30", "09-30", "12-31", "03-31")]
    start, end = (rows[name].to_numpy("datetime64[D]") for name in ("start", "end"))
    names = list(categories)
    place, other, moved = rows["place"].to_numpy(), names.index(otherwise), 0
    low, high = np.array([one.get("ages", ALL) for one in categories.values()]).T
    at, steps = np.full((len(born), len(ends)), -1), np.empty((len(born), len(ends)), int)

    def settled(step):
        """Places of the episodes at their children's ages; the day is the end of a month."""
        years_old = step[child] // 4
        odd = (years_old < low[place]) | (years_old > high[place]) & (step[child] < ADULT)
        return np.where(odd, other, place), odd

    for q, day in enumerate(ends):
        months = int(str(day)[:4]) * 12 + int(str(day)[5:7]) - born
        steps[:, q] = months // 3
        here = (start <= day) & (day < end)
        found, odd = settled(steps[:, q])
        at[child[here], q], moved = found[here], moved + (here & odd).sum()
    frames = []
    for q in range(len(ends) - 1):
        year, (a, b, step) = years[q // 4], (at[:, q], at[:, q + 1], steps[:, q + 1])
        kind = np.select([(a < 0) & (b < 0), a < 0, (b < 0) & (step >= ADULT), b < 0, a != b],
                         ["", "joiner", "adult", "leaver", "mover"], "stayer")
        frames.append(_frame(year, kind, np.where(a < 0, b, a), step,
                             np.where(kind == "mover", b, -1), names))
        found, _ = settled(steps[:, q + 1])
        length = np.minimum(end, ends[q + 1] + DAY) - np.maximum(start, ends[q] + DAY)
        days = np.maximum(length / DAY, 0)
        brief = (kind[child] == "") & (days > 0)
        order = pd.Series(found[brief], child[brief])
        order = order[~order.index.duplicated(keep="last")]
        frames.append(_frame(year, np.full(len(order), "short"), order.to_numpy(),
                             step[order.index], np.full(len(order), -1), names))
        size = (ends[q + 1] - ends[q]) / DAY
        for text, values in (("days", np.bincount(found, days, len(names))),
                             ("between", size / 2 * sum(np.bincount(x[x >= 0], minlength=len(names))
                                                        for x in (a, b)))):
            frames.append(pd.DataFrame({"year": year, "kind": text, "place": names, "age": np.nan,
                                        "destination": "", "count": values}))
    for q in range(0, len(ends), 4):
        here = at[:, q] >= 0
        frames.append(_frame(years[0] - 1 + q // 4, np.full(here.sum(), "position"), at[here, q],
                             steps[here, q], np.full(here.sum(), -1), names, steps[here, q] / 4))
    made = pd.concat(frames, ignore_index=True)
    made = made.groupby(COLUMNS[:-1], dropna=False, sort=True)["count"].sum().reset_index()
    notices = [f"at an age outside their category's, counted as {otherwise}: {moved} children at "
               "the ends of quarters"] if moved else []
    # `between` says which years were counted, even without a child
    return [made[(made["count"] > 0) | (made["kind"] == "between")]], notices


def _frame(year, kind, place, step, to, names, ages=None):
    """Rows of counts of children by kind, place, age cell and destination, kind "" left out."""
    cell = np.where(step < 4, step / 4, np.minimum(step // 4, 18)) if ages is None else ages
    named = np.array([*names, ""], object)
    frame = pd.DataFrame({"year": year, "kind": kind, "place": named[place], "age": cell,
                          "destination": named[to]})
    frame = frame[frame["kind"] != ""]
    return frame.groupby(COLUMNS[:-1]).size().rename("count").reset_index()
