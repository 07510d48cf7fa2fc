"""Invented SSDA903 returns of an invented council, with known rates, and the case made of them.

Their numbers begin with SYNTHETIC, by which a case made of them knows that it is invented.

No child, date or number is real. `python params/examples/make_ssda903.py DIR` writes a folder a
year; without DIR the example case beside this file is made again from such folders.
"""

import csv
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from sufficiency.model.streams import named_uniform

SEED, MARK = 903, "SYNTHETIC"
YEARS = range(2021, 2026)  # of the 31 March that ends each
BEFORE = 40  # quarters before the first, so that the children there are settled
# Chance to leave in a quarter by age at its end, and what a category makes of it
LEAVE = {0: 0.12, 1: 0.10, 5: 0.05, 10: 0.045, 16: 0.07}
# category: PLACE, PLACE_PROVIDER, entries a quarter, times LEAVE, chance to move, where to
PLACES = {
    "fostering_in_house": ("U6", "PR1", 14.0, 1.0, 0.04,
                           {"fostering_independent": 0.6, "residential_independent": 0.4}),
    "fostering_independent": ("U6", "PR4", 12.0, 0.9, 0.05,
                              {"fostering_in_house": 0.4, "residential_independent": 0.4,
                               "supported": 0.2}),
    "residential_in_house": ("K2", "PR1", 1.5, 0.8, 0.06, {"residential_independent": 1.0}),
    "residential_independent": ("K2", "PR4", 5.0, 0.8, 0.08,
                                {"fostering_independent": 0.5, "supported": 0.5}),
    "supported": ("H5", "PR4", 6.0, 1.2, 0.03, {"other": 1.0}),
    "other": ("P1", "PR0", 6.0, 1.8, 0.05, {"fostering_in_house": 1.0}),
}
NAMES = list(PLACES)
# Share of entries by the age, in years, reached at the end of the quarter
ENTER = {0: 0.2, 1: 0.15, 5: 0.15, 10: 0.3, 16: 0.2}
SHORT = 6.0  # stays a quarter that end in the quarter they begin in
UNACCOMPANIED = 0.4  # of those who enter supported accommodation
HEADER = ["CHILD", "SEX", "DOB", "ETHNIC", "UPN", "MOTHER", "MC_DOB"]
EPISODES = ["CHILD", "DECOM", "RNE", "LS", "CIN", "PLACE", "PLACE_PROVIDER", "DEC", "REC",
            "REASON_PLACE_CHANGE", "HOME_POST", "PL_POST"]
UASC = ["CHILD", "SEX", "DOB", "DUC"]


def luck(seed, name, count):
    """Uniforms of a name, the same whatever else is made."""
    return named_uniform(seed, name, count) if count else np.empty(0)


def by_age(table, age):
    """The value of a table by first age."""
    return np.array(list(table.values()))[np.searchsorted(list(table), age, "right") - 1]


def may_be(place, step):
    """Whether a category takes a child of so many quarters of age."""
    return place != "supported" or step >= 64


def ends(first):
    """Days that end quarters, from the first 31 March on."""
    return [date(year, month, day) for year in range(first, YEARS[-1] + 1)
            for month, day in ((3, 31), (6, 30), (9, 30), (12, 31))
            if (year, month) <= (YEARS[-1], 3)]


class Council:
    """The children of one invented council, quarter by quarter."""

    def __init__(self, seed=SEED, scale=1.0):
        self.seed, self.scale = seed, scale
        self.born, self.here, self.done, self.alone = [], {}, [], set()

    def run(self):
        """All quarters -> itself; done holds (child, start, end or None, place)."""
        days = ends(YEARS[0] - 1 - BEFORE // 4)
        for q in range(1, len(days)):
            self.quarter(q, days[q - 1], days[q])
        self.done += [(child, start, None, place) for child, (start, place) in self.here.items()]
        return self

    def quarter(self, q, before, day):
        """One quarter: some leave, some move, some enter, on days of it by luck."""
        length, old = (day - before).days, list(self.here)
        u = {name: luck(self.seed, f"{q} {name}", len(old))
             for name in ("leave", "move", "to", "day")}
        for n, child in enumerate(old):
            place = self.here[child][1]
            step = self.step(child, day)
            on = before + timedelta(1 + int(u["day"][n] * length))
            _, _, _, times, move, to = PLACES[place]
            if step >= 72:
                birth = self.born[child]
                self.end(child, birth.replace(year=birth.year + 18), None)
            elif u["leave"][n] < by_age(LEAVE, step // 4) * times:
                self.end(child, on, None)
            elif u["move"][n] < move and (open_to := [p for p in to if may_be(p, step)]):
                cuts = np.cumsum([to[p] for p in open_to])
                self.end(child, on, open_to[np.searchsorted(cuts, u["to"][n] * cuts[-1])])
        for place, (_, _, entries, *_) in PLACES.items():
            self.enter(q, place, entries * self.scale, before, day, length)
        self.brief(q, before, length)

    def step(self, child, day):
        """Quarters of age at the end of a month."""
        birth = self.born[child]
        return ((day.year - birth.year) * 12 + day.month - birth.month) // 3

    def end(self, child, on, place):
        """End an episode, and begin another where there is a place."""
        start, old = self.here.pop(child)
        self.done.append((child, start, on, old))
        if place:
            self.here[child] = (on, place)

    def enter(self, q, place, mean, before, day, length):
        """Those who enter and are still there at the end of the quarter."""
        count = int(np.searchsorted(poisson(mean), luck(self.seed, f"{q} {place}", 1)[0]))
        u = {name: luck(self.seed, f"{q} {place} {name}", count)
             for name in ("band", "age", "month", "birth", "day", "alone")}
        firsts = [*ENTER, 18]
        for n in range(count):
            band = 4 if place == "supported" else int(np.searchsorted(
                np.cumsum(list(ENTER.values())), u["band"][n]))
            low, high = 4 * firsts[band], 4 * firsts[band + 1]
            months = 3 * (low + int(u["age"][n] * (high - low))) + int(3 * u["month"][n])
            whole = 12 * day.year + day.month - 1 - months
            birth = date(whole // 12, whole % 12 + 1, 1 + int(28 * u["birth"][n]))
            start = max(before + timedelta(1 + int(u["day"][n] * length)), birth)
            self.born.append(birth)
            self.here[len(self.born) - 1] = (start, place)
            if place == "supported" and u["alone"][n] < UNACCOMPANIED:
                self.alone.add(len(self.born) - 1)

    def brief(self, q, before, length):
        """Stays that begin and end inside the quarter."""
        count = int(np.searchsorted(poisson(SHORT * self.scale), luck(self.seed, f"{q} brief", 1)
                                    [0]))
        for first, last in zip(luck(self.seed, f"{q} first", count),
                               luck(self.seed, f"{q} last", count), strict=True):
            start = 1 + int(first * (length - 2))
            stop = start + 1 + int(last * (length - start - 1))
            self.born.append(before.replace(year=before.year - 8, day=15))
            self.done.append((len(self.born) - 1, before + timedelta(start),
                              before + timedelta(stop), "fostering_in_house"))


def poisson(mean):
    """Chances of 0, 1, 2 ... or fewer."""
    k = np.arange(int(mean + 12 * mean**0.5 + 20))
    return np.cumsum(np.exp(k * np.log(mean) - mean - np.concatenate(
        [[0], np.cumsum(np.log(np.arange(1, len(k))))])))


def write(folder, seed=SEED, scale=1.0, faults=True):
    """Write a folder a year -> the council. faults: a few rows of the first year that are wrong."""
    council = Council(seed, scale).run()
    for year in YEARS:
        opens, shuts = date(year - 1, 4, 1), date(year, 3, 31)
        form = "%d/%m/%Y" if year % 2 else "%Y-%m-%d"
        rows, children = [], {}
        for child, start, end, place in sorted(council.done, key=lambda row: (row[0], row[1])):
            if start > shuts or (end and end < opens):
                continue
            code, provider, *_ = PLACES[place]
            ended = end and end <= shuts
            name = f"{MARK}{child:06d}"
            children[name] = child
            rows.append({"CHILD": name, "DECOM": start.strftime(form), "RNE": "S", "LS": "C2",
                         "CIN": "N1", "PLACE": code, "PLACE_PROVIDER": provider,
                         "DEC": end.strftime(form) if ended else "", "REC": "X1" * bool(ended)})
        if faults and year == YEARS[0]:
            rows += broken(rows)
        header = [{"CHILD": name, "SEX": 1 + child % 2, "ETHNIC": "WBRI", "UPN": "UN3",
                   "DOB": council.born[child].strftime(form)} for name, child in children.items()]
        alone = [row for row in header if children[row["CHILD"]] in council.alone]
        place = Path(folder) / str(year)
        place.mkdir(parents=True, exist_ok=True)
        for part, columns, found in (("header", HEADER, header), ("episodes", EPISODES, rows),
                                     ("uasc", UASC, alone)):
            with open(place / f"SSDA903_{year}_{part}.csv", "w", newline="", encoding="utf-8") as f:
                writer = csv.DictWriter(f, columns, extrasaction="ignore", lineterminator="\n")
                writer.writeheader()
                writer.writerows(found)
    return council


def broken(rows):
    """Rows that no council should send: a wrong code, an end before its start, nobody's, no day."""
    kinds = ({"PLACE": "U9"}, {"DEC": "01/01/2001"}, {"CHILD": f"{MARK}999999"},
             {"DECOM": "31/02/2021"})
    return [{**row, **kind} for row, kind in zip(rows, kinds, strict=False)]


def example(folder):
    """Make care_example.yaml, its counts and its data-quality table again."""
    import yaml
    from sufficiency.case import find_root
    from sufficiency.case.files import read
    from sufficiency.case.new_care import described
    from sufficiency.case.returns.ssda903 import read_ssda903

    care = read(find_root() / "params" / "national.yaml", find_root()).data["care"]
    with tempfile.TemporaryDirectory() as made:
        write(made)
        found = read_ssda903(made, care["categories"], care["otherwise"])
    files, tree = described("care_example", found)
    tree |= {"title": "Children in care of an invented council", "council": {
        "name": "Example Council (invented)", "short": "The example council"}}
    said = yaml.safe_dump({"extends": "national", **tree}, sort_keys=False, width=96)
    head = "# Invented children: see make_ssda903.py. No council has these figures.\n"
    files["care_example.yaml"] = head + said
    for name, content in files.items():
        (Path(folder) / name).write_text(content, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write(sys.argv[1])
    else:
        example(Path(__file__).parent)
