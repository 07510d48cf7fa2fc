"""What can be worked out: the least and the most a hidden figure can be, given all that is said.

Two linear programs a hidden cell over everything printed (Fischetti and Salazar-Gonzalez 2001,
Management Science 47:1008-1027). Whole numbers are not assumed, so that an interval is never
wider than what a reader who knows that they are could find by more than rounding.
"""

from dataclasses import dataclass, field

import numpy as np

# A hidden count may be known no better than one that was rounded to 5
PROTECTION = 5.0
# Statements give way so far, in cells: what is true then holds by a hundred times the solver's
# tolerance, which takes a point where they all just meet for a contradiction
SLACK, TOLERANCE = 1e-7, 1e-9
# A price no larger is nought
NOUGHT = 1e-6
# Widths are told apart no finer: well over what such slacks add up to
FINE = 1e-3
# No cell is so large; it keeps every program bounded
MOST = 1e9


@dataclass(frozen=True)
class Statement:
    """What one printed figure says: low <= sum of coefficient x cell <= high, cells >= 0.

    cells {key: coefficient}; where: the file, row and column that say it.
    """

    cells: dict
    low: float
    high: float
    where: str = ""


@dataclass(frozen=True)
class Secret:
    """A cell to be kept: its key, its true value, what it is called, the least width to leave."""

    key: tuple
    value: float = field(repr=False)
    label: str = ""
    width: float = PROTECTION


@dataclass(frozen=True)
class Leak:
    """A figure that a reader can find; its text says where and what, never the figure."""

    key: object
    where: tuple
    label: str
    low: float = field(default=np.nan, repr=False)
    high: float = field(default=np.nan, repr=False)

    def __str__(self):
        more = f" and {len(self.where) - 4} more" if len(self.where) > 4 else ""
        return f"{'; '.join(self.where[:4])}{more}: {self.label}"


class Bounds:
    """The intervals of cells under statements; refuses statements that contradict each other.

    seen {key: (least, most)}: values met in any solution so far. They stay possible when
    statements are taken away, so that the search of a suppression pattern can hand them on.
    """

    def __init__(self, statements, seen=None):
        self.seen = {} if seen is None else seen
        parts, self._fixed = _apart(statements)
        self._of = {key: part for part in parts for key in part.index}

    def interval(self, key):
        """(least, most, places that say so); nothing said of a cell leaves 0 to infinity."""
        if key in self._fixed:
            low, high, where = self._fixed[key]
            return low, high, tuple(dict.fromkeys(place for place in where if place))
        if key not in self._of:
            return 0.0, np.inf, ()
        low, below = self._of[key].end(key, 1, self.seen)
        high, above = self._of[key].end(key, -1, self.seen)
        high = np.inf if high > MOST / 2 else high
        return low, high, tuple(dict.fromkeys([*below, *above]))

    def wide(self, key, width):
        """Whether the interval of a cell is at least so wide."""
        if key not in self._of:
            return key not in self._fixed
        for sign in (-1, 1):
            least, most = self.seen.get(key, (np.inf, -np.inf))
            if most - least >= width - FINE:
                return True
            self._of[key].end(key, sign, self.seen)
        least, most = self.seen[key]
        return most - least >= width - FINE

    def within(self, key, width):
        """That width, or the width of the cell's interval where it is narrower."""
        if self.wide(key, width):
            return width
        least, most = (0, 0) if key in self._fixed else self.seen[key]
        return most - least


def audit(secrets, statements, known=()):
    """Secrets that the statements give away: -> [Leak].

    A leak is an interval narrower than the secret's width; what is `known` already, published by
    others, cannot be protected: a cell it narrows need be no wider than it leaves it.
    """
    bounds, before, found = Bounds(statements), Bounds(known), []
    for secret in secrets:
        if not bounds.wide(secret.key, secret.width):
            low, high, where = bounds.interval(secret.key)
            if high - low < before.within(secret.key, secret.width) - FINE:
                found.append(Leak(secret.key, where, secret.label, low, high))
    return found


class _Part:
    """One connected part of the statements as a linear program; cells known exactly are put in."""

    def __init__(self, ranges, rows):
        self.index = {key: at for at, key in enumerate(ranges)}
        self.ends = np.array([(max(low - SLACK, 0), high + SLACK)
                              for low, high, _ in ranges.values()])  # fmt: skip
        self.said = [where for *_, where in ranges.values()]
        self.rows = [(cells, sign, sign * end, where) for cells, low, high, where in rows
                     for sign, end in ((1, high), (-1, low)) if np.isfinite(end)]
        self.matrix, self.most = self._matrix()

    def _matrix(self):
        """(A, b) of A x <= b, each row scaled by its largest coefficient and given its slack."""
        matrix, ends = np.zeros((len(self.rows), len(self.index))), np.zeros(len(self.rows))
        for at, (cells, sign, end, _) in enumerate(self.rows):
            size = max(map(abs, cells.values()))
            for key, by in cells.items():
                matrix[at, self.index[key]] = by / size * sign
            ends[at] = end / size + SLACK
        return matrix, ends

    def end(self, key, sign, seen):
        """The least (sign 1) or most (-1) of a cell, and the places that hold it there."""
        from scipy.optimize import linprog

        cost = np.zeros(len(self.index))
        cost[self.index[key]] = sign
        found = linprog(cost, self.matrix, self.most, None, None, self.ends, "highs",
                        options={"primal_feasibility_tolerance": TOLERANCE})
        if found.status:
            raise ValueError(f"disclosure audit: {key}: {found.message}; allowed: statements that "
                             "can all be true")
        for name, at in self.index.items():
            least, most = seen.get(name, (np.inf, -np.inf))
            seen[name] = min(least, found.x[at]), max(most, found.x[at])
        places = [where for price, row in zip(found.ineqlin.marginals, self.rows, strict=True)
                  for where in row[3] if abs(price) > NOUGHT]
        ends = found.lower.marginals, found.upper.marginals
        places += [self.said[at][end] for end in (0, 1) for at in range(len(self.said))
                   if abs(ends[end][at]) > NOUGHT]
        return sign * found.fun, [where for where in places if where]


def _apart(statements):
    """Statements split where no cell is shared: -> [_Part], {cell known exactly: its range}."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ranges = {key: (0.0, MOST, ("", "")) for text in statements for key in text.cells}
    for text in statements:
        if len(text.cells) == 1:
            (key, by), = text.cells.items()
            low, high, where = ranges[key]
            least, most = sorted((text.low / by, text.high / by))
            where = (text.where if least > low else where[0],
                     text.where if most < high else where[1])  # fmt: skip
            low, high = max(low, least), min(high, most)
            # Two figures printed of one cell may differ in their last digit
            ranges[key] = (low, max(low, high), where)
    loose = [key for key, (low, high, _) in ranges.items() if low < high]
    free = {key: at for at, key in enumerate(loose)}
    rows = [_without(text, ranges) for text in statements if len(text.cells) > 1]
    rows = [row for row in rows if row[0]]
    pairs = [(free[next(iter(row[0]))], free[key]) for row in rows for key in row[0]]
    first, second = np.array(pairs, int).reshape(-1, 2).T
    joined = coo_array((np.ones(len(pairs)), (first, second)), shape=(len(free),) * 2)
    count, part = connected_components(joined, directed=False)
    names, kept = [{} for _ in range(count)], [[] for _ in range(count)]
    for key, at in free.items():
        names[part[at]][key] = ranges[key]
    for row in rows:
        kept[part[free[next(iter(row[0]))]]].append(row)
    fixed = {key: found for key, found in ranges.items() if key not in free}
    return [_Part(*found) for found in zip(names, kept, strict=True)], fixed


def _without(text, ranges):
    """A statement with the cells known exactly put in: (cells, low, high, places)."""
    known = {key: by for key, by in text.cells.items() if ranges[key][0] == ranges[key][1]}
    moved = sum(by * ranges[key][0] for key, by in known.items())
    where = [text.where, *(place for key in known for place in ranges[key][2])]
    cells = {key: by for key, by in text.cells.items() if key not in known}
    return cells, text.low - moved, text.high - moved, where
