"""A made-up transitions folder with known rates: `python tests/synthetic_transitions.py DIR`."""

import sys
from pathlib import Path

import numpy as np

FIRST, LAST = 2019, 2023
PLACES = {"SCHOOL": ("local", 0, 15), "SPECIAL": ("local", 0, 20), "COLLEGE": ("post16", 12, 21)}
COST = {"SCHOOL": 9_000.0, "SPECIAL": 26_000.0, "COLLEGE": 12_000.0}
LEAVE = {"SCHOOL": 0.08, "SPECIAL": 0.05, "COLLEGE": 0.25}
MOVE = {"SCHOOL": ("SPECIAL", 0.05), "SPECIAL": ("COLLEGE", 0.0), "COLLEGE": ("SPECIAL", 0.0)}
JOIN = {"SCHOOL": 60.0, "SPECIAL": 15.0, "COLLEGE": 10.0}
NEEDS = ("AUT", "SEMH")


def ages(place):
    """Ages at 31 August a place takes: curriculum year plus 4."""
    return range(PLACES[place][1] + 4, PLACES[place][2] + 5)


def step(stock, joiners):
    """One expected year: stock {(place, age): children}; at a place's last age all leave."""
    after = {key: 0.0 for key in stock}
    for (place, age), children in stock.items():
        if age + 1 not in ages(place):
            continue
        stay = children * (1 - LEAVE[place])
        target, share = MOVE[place]
        share = share if age + 1 in ages(target) else 0.0
        after[place, age + 1] += stay * (1 - share)
        if share:
            after[target, age + 1] += stay * share
    for (place, age), children in joiners.items():
        after[place, age] += children
    return after


def yearly_joiners():
    """Expected joiners a year at the age they end it with."""
    found = {}
    for place, total in JOIN.items():
        able = list(ages(place))[1:6]
        found.update({(place, age): total / len(able) for age in able})
    return found


def rows(seed=7, children=200):
    """Pupil rows from the rates above: by luck, or without a seed each flow as expected,
    whole children with what is left carried to the next year of the state.
    """
    luck = np.random.default_rng(seed) if seed is not None else Expected()
    stock = {(place, age): children for place in PLACES for age in ages(place)}
    for year in range(FIRST, LAST + 1):
        after = {key: 0 for key in stock}
        for (place, age), count in stock.items():
            target, share = MOVE[place]
            able = age + 1 in ages(place)
            leave = luck.binomial(count, LEAVE[place]) if able else count
            move = luck.binomial(count - leave, share if age + 1 in ages(target) else 0.0)
            for to, number in ((None, leave), (target, move), (place, count - leave - move)):
                yield from _pairs(luck, year, place, age, to, number)
                if to and number:
                    after[to, age + 1] += number
        for (place, age), mean in yearly_joiners().items():
            number = luck.poisson(mean)
            after[place, age] += number
            yield from _pairs(luck, year, None, age - 1, place, number)
        stock = after


class Expected:
    """In place of a generator: expected numbers, what is left over carried by probability."""

    def __init__(self):
        self.left = {}

    def binomial(self, count, share):
        """Whole part of count x share and what earlier calls left."""
        return self._whole(share, count * share)

    def poisson(self, mean):
        """Whole part of the mean and what earlier calls left."""
        return self._whole("poisson", mean)

    def choice(self, names, number):
        """Names in turn."""
        return [names[i % len(names)] for i in range(number)]

    def _whole(self, name, value):
        total = value + self.left.get(name, 0.0)
        self.left[name] = total - int(total + 1e-9)
        return int(total + 1e-9)


def _pairs(luck, year, place, age, to, number):
    for need in luck.choice(NEEDS, number):
        one = (place, need) if place else ("NONSEND", "NONSEND")
        two = (to, need) if to else ("NONSEND", "NONSEND")
        yield year, *one, age - 4, *two, age - 3


def write(folder, seed=7, children=200):
    """Write the four files into a folder; population is level, so the rates are flat."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    head = "calendar-year,setting-1,need-1,academic-year-1,setting-2,need-2,academic-year-2"
    lines = [",".join(map(str, row)) for row in rows(seed, children)]
    _save(folder / "transitions.csv", [head, *lines])
    people = [f"{year},{age},5000" for year in range(FIRST, LAST + 9) for age in range(-5, 22)]
    _save(folder / "population.csv", ["calendar-year,academic-year,population", *people])
    states = [f'{place},{group},{low},{high},"{",".join(NEEDS)}","{place},{MOVE[place][0]}"'
              for place, (group, low, high) in PLACES.items()]
    head = "setting,setting-group,min-academic-year,max-academic-year,needs,setting->setting"
    _save(folder / "valid-states.csv", [head, *states])
    costs = [f"{need},{place},{cost}" for place, cost in COST.items() for need in NEEDS]
    _save(folder / "costs.csv", ["need,setting,cost", *costs])


def _save(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(sys.argv[1])
