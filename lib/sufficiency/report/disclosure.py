"""Disclosure: the rule that keeps small counts out of public results, and out of their totals."""

from itertools import product

import numpy as np

from sufficiency.report.bounds import PROTECTION, Bounds, Statement

NOTE = ("A blank cell is a count of 1 to 7, a figure that rests on one, or one that would give it "
        "away. Counts round to 5, but for those already published.")  # fmt: skip
STATISTICS = ["mean", "p2_5", "p10", "p50", "p90", "p97_5"]
KEYS = ["year", "setting", "age_band"]
BASE = 5
# Money in the unit of a small place, so that counts and costs have like sizes in one program
POUNDS = 10_000
# A reader knows what a place costs on average, not what those of one age cost next year
KNOWN_COST = 0.05


def small(counts):
    """Whether a count is 1 to 7; a forecast's mean count is small below 7.5."""
    return (counts > 0) & (counts < 7.5)


def dominated(amounts):
    """Whether a cell of spend shows what a supplier is paid: amounts GBP, one a supplier.

    Fewer than three suppliers, or the two largest over 90% of the whole: the (n, k) = (2, 0.9) of
    ACRO's defaults (Green, Ritchie and Smith 2021).
    """
    ordered = np.sort(np.asarray(amounts, float))[::-1]
    return np.count_nonzero(ordered) < 3 or ordered[:2].sum() > 0.9 * ordered.sum()


def protect(frame, counts, dependent=(), by=None, published=False):
    """Blank small counts and what rests on them, round the other counts to 5.

    by: the column whose size decides for the whole row (a forecast's mean); otherwise each
    count decides for itself, and hides the row's dependents. published: the Department has
    printed them, they pass unchanged. attrs["note"] says so. It does not stop a hidden cell
    being worked out from its totals: `protect_both` does, and `audit` proves it.
    """
    missing = {*counts, *dependent, *([by] if by else [])} - set(frame)
    if missing:
        raise ValueError(f"protect: no columns {sorted(missing)}; allowed {list(frame)}")
    safe = frame.copy()
    if published:
        return safe
    row = small(frame[[by] if by else list(counts)]).any(axis=1)
    for name in counts:
        rounded = np.floor(frame[name].astype(float) / BASE + 0.5) * BASE
        safe[name] = rounded.mask(row if by else small(frame[name]))
    for name in dependent:
        safe[name] = frame[name].astype(float).mask(row)
    safe.attrs["note"] = NOTE
    return safe


def protect_placements(frame, published=False):
    """placements.csv, decided by the mean count of each row: see `protect_both`."""
    return protect_both(frame, None, published)[0]


def protect_spend(spend, placements):
    """spend.csv, blank where the plans of the January inside the financial year are few."""
    return _blank_spend(spend, placements.assign(hidden=small(placements["mean"])))


def protect_both(placements, spend=None, published=False):
    """placements.csv and spend.csv, no hidden cell of which follows from what is left.

    Frames of `tables`; published: True, or the settings whose counts the Department prints. The
    totals by setting of those, and where all are published those by age band, pass: unrounded,
    however small. Every other mean count below 7.5 goes, with the spend on it and with as many
    larger cells as it takes; a row goes whole, because a median is nearly a mean. Starting
    counts are people; means of later years are the model's, and are kept by the same rule,
    since one year on they are still nearly the count.
    """
    cells = Linked(placements, spend, published)
    cells.suppress()
    key = list(zip(*(placements[name] for name in KEYS), strict=True))
    hidden = np.array([("plans", *cell) in cells.hidden for cell in key])
    columns, safe = [*STATISTICS, "sd"], placements.copy()
    if not cells.whole:
        fixed = np.array([("plans", *cell) in cells.open for cell in key])
        rounded = np.floor(placements[STATISTICS].astype(float) / BASE + 0.5) * BASE
        safe[STATISTICS] = rounded
        safe.loc[fixed, STATISTICS] = placements.loc[fixed, STATISTICS].astype(float)
    safe[columns] = safe[columns].astype(float)
    safe.loc[hidden, columns] = np.nan
    safe.attrs["note"] = NOTE
    if spend is None:
        return safe, None
    return safe, _blank_spend(spend, placements.assign(hidden=hidden), cells.hidden)


def _blank_spend(spend, placements, hidden=frozenset()):
    years = spend["financial_year"].astype(str).str[:4].astype(int) + 1
    keyed = spend.assign(year=years.to_numpy())
    joined = keyed.merge(placements[[*KEYS, "hidden"]], on=KEYS, how="left")["hidden"]
    # A year without its January is treated as few
    blank = joined.astype("boolean").fillna(True).to_numpy(bool)
    cells = zip(*(keyed[name] for name in KEYS), strict=True)
    blank |= [("spend", *cell) in hidden for cell in cells]
    safe, columns = spend.copy(), ["sd", *STATISTICS]
    safe[columns] = spend[columns].astype(float)
    safe.loc[blank, columns] = np.nan
    safe.attrs["note"] = NOTE
    return safe


class Linked:
    """Mean counts and nominal spend by year, setting and age band, with all that ties them.

    Keys are (plans | spend, January, setting, age_band), either of the last two `all`; spend is
    that of the financial year the January lies in, in POUNDS. Additive are means, not percentiles.
    """

    def __init__(self, placements, spend=None, published=False):
        self.value = _values("plans", placements)
        if spend is not None:
            money = spend[spend["prices"] == "nominal"] if "prices" in spend else spend
            money = money.assign(year=money["financial_year"].astype(str).str[:4].astype(int) + 1,
                                 mean=money["mean"] / POUNDS)  # fmt: skip
            self.value |= _values("spend", money)
        named = dict.fromkeys(placements["setting"])
        self.settings = [name for name in named if name != "all"]
        self.bands = [name for name in dict.fromkeys(placements["age_band"]) if name != "all"]
        public = set(self.settings) if published is True else set(published or ())
        self.whole = public >= set(self.settings)
        self.open = {key for key in self.value if key[0] == "plans" and (
            (key[3] == "all" and (key[2] in public or (key[2] == "all" and self.whole)))
            or (self.whole and key[2] == "all"))}  # fmt: skip
        ever = {}
        for key, value in self.value.items():
            ever[key[2:]] = max(ever.get(key[2:], 0), value)
        self.nought = {key for key in self.value if not ever[key[2:]]}
        self.small = [key for key, value in self.value.items()
                      if key[0] == "plans" and small(value) and key not in self.open]  # fmt: skip
        self.hidden = {cell for key in self.small for cell in self._pair(key)}

    def _pair(self, key):
        return [cell for cell in (key, ("spend", *key[1:])) if cell in self.value]

    def cost(self, key):
        """What a place costs in the setting and year of a key, in POUNDS; None if not known."""
        whole = [(kind, key[1], key[2], "all") for kind in ("spend", "plans")]
        spend, plans = (self.value.get(cell, 0.0) for cell in whole)
        return spend / plans if spend and plans else None

    def width(self, key):
        """How wide the interval of a hidden cell must be: 5 children, or what 5 cost."""
        return PROTECTION * (1.0 if key[0] == "plans" else self.cost(key) or 1.0)

    def ties(self, year):
        """What a reader knows of one January without a figure: sums, noughts, costs a place."""
        found = [Statement({key: 1}, 0, 0) for key in self.nought if key[1] == year]
        for kind, (settings, bands) in product(("plans", "spend"), self._lines()):
            cells = [(kind, year, s, b) for s, b in product(settings, bands)]
            if all(cell in self.value for cell in cells):
                found.append(Statement(dict.fromkeys(cells, 1.0) | {cells[-1]: -1.0}, 0, 0))
        for setting, band in product(self.settings, [*self.bands, "all"]):
            plans, spend = (("plans", year, setting, band), ("spend", year, setting, band))
            cost = self.cost(plans)
            if cost and self.value.get(plans) and self.value.get(spend):
                off = abs(self.value[spend] / (cost * self.value[plans]) - 1)
                # In whole steps: a limit made to fit the figure would give the figure away
                off = 0 if off < 1e-9 else KNOWN_COST * np.ceil(off / KNOWN_COST)
                for sign in (1, -1):
                    tie = {spend: sign, plans: -sign * cost * (1 + sign * off)}
                    found.append(Statement(tie, -np.inf, 0))
        return found

    def _lines(self):
        """Each row and column of the table, its total last: [(settings, bands)]."""
        settings, bands = [*self.settings, "all"], [*self.bands, "all"]
        return [*(([s], bands) for s in settings), *((settings, [b]) for b in bands)]

    def shown(self, key):
        """What a cell says if it is printed as the rule prints it."""
        value = self.value[key]
        rough = key[0] == "plans" and not self.whole and key not in self.open and value
        middle = np.floor(value / BASE + 0.5) * BASE if rough else value
        off = BASE / 2 if rough else 0.0
        where = "the counts already published" if key in self.open else ""
        return Statement({key: 1}, middle - off, middle + off, where)

    def known(self, year):
        """What others publish of one January."""
        return [*self.ties(year), *(self.shown(key) for key in self.open if key[1] == year)]

    def suppress(self):
        """Hide the cheapest cells that keep every small one: greedy, by corners of rectangles."""
        kept = set()
        for year in sorted({key[1] for key in self.small}):
            ties, here = self.ties(year), [key for key in self.value if key[1] == year]
            before, now = Bounds(self.known(year)), self._bounds(ties, here, self.hidden, {})
            for small_key in sorted(self.hidden & {*here}, key=str):
                width = before.within(small_key, self.width(small_key))
                if now.wide(small_key, width):
                    continue
                for more in self._rectangles(small_key, kept):
                    tried = self._bounds(ties, here, self.hidden | more, dict(now.seen))
                    if tried.wide(small_key, width):
                        self.hidden, now = self.hidden | more, tried
                        break
            kept |= {key[2:] for key in self.hidden if key[1] == year}

    def _bounds(self, ties, here, hidden, seen):
        said = [self.shown(key) for key in here if key not in hidden]
        return Bounds([*ties, *said], seen)

    def _rectangles(self, key, kept):
        """Sets of cells whose loss may hide a key, cheapest first; those of last year are cheap."""
        _, year, setting, band = key
        found = []
        for s, b in product([*self.settings, "all"], [*self.bands, "all"]):
            corners = {("plans", year, *cell) for cell in ((setting, b), (s, band), (s, b))}
            if s == setting or b == band or corners & (self.open | self.nought):
                continue
            if not corners <= set(self.value):
                continue
            cells = {cell for corner in corners for cell in self._pair(corner)}
            totals = {("spend", year, "all", of) for of in (band, b)} & set(self.value)
            for more in (cells, cells | totals):
                new = more - self.hidden
                price = sum((1 + self.value["plans", *cell[1:]]) / (10 if cell[2:] in kept else 1)
                            for cell in new)  # fmt: skip
                found.append((price, sorted(new, key=str), more))
        return [more for price, _, more in sorted(found, key=lambda one: one[:2]) if price]


def _values(kind, frame):
    keys = zip(frame["year"], frame["setting"], frame["age_band"], strict=True)
    return {(kind, *key): float(value) for key, value in zip(keys, frame["mean"], strict=True)}
