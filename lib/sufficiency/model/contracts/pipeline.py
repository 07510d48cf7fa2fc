"""When contracts must be commissioned again, and where cover ends before its replacement begins.

Days are datetime.date; an end is a contract's last day. Working days are England's.
"""

from calendar import monthrange
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
from dateutil.easter import easter

from sufficiency.model.contracts.estate import as_day, needs

# A spot purchase ends with its child's placement; what a council runs itself does not end.
RECOMMISSIONED = ("framework", "block", "dynamic_market", "grant")
SOON = 6  # months ahead that a start is next, not later (judgement)
MONTH = 365.25 / 12
# Proclaimed: month announced, day given up, day given (GOV.UK, UK bank holidays).
SINGLE = (
    ("2019-06", date(2020, 5, 4), date(2020, 5, 8)),
    ("2020-11", date(2022, 5, 30), date(2022, 6, 2)),
    ("2020-11", None, date(2022, 6, 3)),
    ("2022-09", None, date(2022, 9, 19)),
    ("2022-11", None, date(2023, 5, 8)),
)
CONTRACT = ["reference", "title", "supplier", "owner", "category", "setting", "kind",
            "annual_value", "start", "end"]


class Pipeline(NamedTuple):
    """contracts: a row each, earliest start first; stages: of those that are to be replaced."""

    contracts: pd.DataFrame
    stages: pd.DataFrame


def bank_holidays(first, last, known_by=None):
    """Weekdays that are bank holidays in England, years first to last: frozenset of dates.

    Banking and Financial Dealings Act 1971, schedule 1, with New Year's Day and early May by yearly
    proclamation. known_by: a month, as 2022-04; what was announced later is left out. Refuses years
    before 2013, whose single days are not here.
    """
    if not 2013 <= first <= last:
        raise ValueError(f"bank holidays: found {first} to {last}; allowed 2013 or later, in order")
    days = set()
    for year in range(first, last + 1):
        days |= {easter(year) + timedelta(gap) for gap in (-2, 1)}
        # The first Monday of May, its last, August's last.
        days |= {date(year, month, day) + timedelta(-date(year, month, day).weekday() % 7)
                 for month, day in ((5, 1), (5, 25), (8, 25))}
        for month, day in ((1, 1), (12, 25), (12, 26)):
            days.add(_free(date(year, month, day), days))
    for known, out, given in SINGLE:
        if first <= given.year <= last and known <= (known_by or known):
            days = days - {out} | {given}
    return frozenset(days)


def _free(day, taken):
    """The first weekday from this day on that is not taken."""
    while day.weekday() > 4 or day in taken:
        day += timedelta(1)
    return day


def add_months(day, months):
    """A day so many months on, or back; the month's last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def working_days(first, last, holidays):
    """Working days from first, counted, to last, not counted; below 0 where last is earlier."""
    return int(np.busday_count(first, last, holidays=sorted(holidays)))


def pipeline(register, as_at, holidays, stages, lead_months=18, kinds=RECOMMISSIONED):
    """What must be commissioned again, and when -> Pipeline.

    stages: {name, months} in order, planned back from a contract's end so that the first begins
    lead_months before it (starts); a day off falls to the working day before. A stage is done
    (register column stage_done: the last one finished), overdue when its time is over, now, next or
    later. A contract is what its first stage not done is, but later if that begins over SOON months
    ahead; or ended, replaced (another row replaces it), done, no end stated. stage: where it should
    be; working_days: as_at to starts, in stages to finishes; last_end: with its extension, which
    moves no other day. Refuses stages that do not add up, and a year without holidays.
    """
    needs(register, "register", *CONTRACT, "extension_months", "replaces")
    names, months = ([stage[part] for stage in stages] for part in ("name", "months"))
    if sum(months) != lead_months or any(m < 1 or m != int(m) for m in months):
        raise ValueError(f"stages: found {', '.join(map(str, months))} months; allowed whole "
                         f"months that add to lead_months, {lead_months}")
    held = register[register["kind"].isin(kinds)]
    held = held.assign(
        end=[as_day(day) for day in held["end"]],
        replaced_by=held["reference"].map(_replacing(register)["reference"]))
    left = [int(sum(months[place:])) for place in range(len(names) + 1)]
    about, rows = [], []
    for one in held.to_dict("records"):
        end, done = one["end"], one.get("stage_done")
        if end is None:
            about.append((None, None, np.nan, None, "no end stated"))
            continue
        days, until = _working([add_months(end, -m) for m in left], as_at, holidays)
        done = names.index(done) + 1 if done in names else 0
        said = [_stage(place, done, days, as_at) for place in range(len(names))]
        here = [place for place in range(len(names)) if days[place] <= as_at < days[place + 1]]
        status = [*said, "done"][done]
        if end < as_at:
            status = "ended"
        elif pd.notna(one["replaced_by"]):
            status = "replaced"
        else:
            later = status == "next" and days[done] > add_months(as_at, SOON)
            status = "later" if later else status
            rows += [(one["reference"], *row) for row in zip(
                names, days, days[1:], said, until[1:], strict=False)]
        about.append((_extended(end, one["extension_months"]), days[0], until[0],
                      names[here[0]] if here else None, status))
    made = pd.DataFrame(about, held.index, ["last_end", "starts", "working_days", "stage",
                                            "status"])
    made = held[[*CONTRACT, "replaced_by"]].join(made).sort_values(
        "starts", key=lambda days: days.map(str), kind="stable", ignore_index=True)
    return Pipeline(made, pd.DataFrame(rows, columns=["reference", "stage", "begins", "finishes",
                                                      "status", "working_days"]))


def _extended(end, months):
    return add_months(end, int(months) if months > 0 else 0)


def _replacing(register):
    """The earliest that replaces each reference: frame by that reference."""
    said = register[register["replaces"].fillna("") != ""].sort_values("start", kind="stable")
    return said.drop_duplicates("replaces").set_index("replaces")


def _working(days, as_at, holidays):
    """Days moved back to working days, and the working days from as_at to each."""
    wanted = range(min(*days, as_at).year, max(*days, as_at).year + 1)
    if missing := set(wanted) - {day.year for day in holidays}:
        raise ValueError(f"holidays: found none in {min(missing)}; allowed those of every year "
                         f"from {wanted[0]} to {wanted[-1]}")
    moved = np.busday_offset(days, 0, roll="backward", holidays=sorted(holidays)).tolist()
    return moved, [working_days(as_at, day, holidays) for day in moved]


def _stage(at, done, days, as_at):
    if at < done:
        return "done"
    if days[at + 1] <= as_at:
        return "overdue"
    if days[at] <= as_at:
        return "now"
    return "next" if at == done or days[at - 1] <= as_at else "later"


def gaps(register, as_at, within_months=18):
    """Cover that ends before its replacement begins: frame, a row a gap, earliest end first.

    Contracts whose last day is within so many months of as_at, either side, and what follows: the
    row that replaces it or, where none does, cover of its category and setting (none but spot) that
    is in force the day after, or else begins next. A gap that closed by as_at is left out. months,
    exposed (annual value over the gap, GBP): blank where the register has no replacement;
    extension_closes: whether the extension lasts until it begins.
    """
    needs(register, "register", *CONTRACT, "extension_months", "replaces")
    cover = register[register["kind"] != "spot"]
    cover = cover.assign(start=[as_day(day) for day in cover["start"]],
                         end=[as_day(day) for day in cover["end"]],
                         group=cover["category"] + "|" + cover["setting"].fillna(""))
    cover = cover[cover["start"].notna()].sort_values("start", kind="stable")
    first, last = (add_months(as_at, sign * within_months) for sign in (-1, 1))
    rows = []
    for one in cover.to_dict("records"):
        end = one["end"]
        if end is None or not first <= end <= last:
            continue
        follows = cover[cover["replaces"] == one["reference"]]
        if not len(follows):
            lasts = [day is None or day > end for day in cover["end"]]
            follows = cover[(cover["group"] == one["group"]) & np.array(lasts)]
        due, begins = end + timedelta(1), follows["start"].min() if len(follows) else None
        if begins and begins <= max(due, as_at):
            continue
        days = (begins - due).days if begins else np.nan
        rows.append({
            **one, "next_reference": follows["reference"].iloc[0] if begins else None,
            "next_start": begins, "months": round(days / MONTH, 1),
            "exposed": round(one["annual_value"] * days / 365, 2),
            "extension_closes": bool(begins) and begins <= _extended(
                end, one["extension_months"]) + timedelta(1)})
    columns = ["reference", "title", "supplier", "category", "setting", "kind", "end",
               "next_reference", "next_start", "months", "annual_value", "exposed",
               "extension_closes"]
    return pd.DataFrame(rows, columns=columns).sort_values("end", kind="stable", ignore_index=True)
