"""Returns in: what councils and the Department already publish or send, read into counts."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd

SHOWN = 20  # problems listed in one message; the rest are counted
BLANKS = {"", "z", "x", "c", ":", "..", "na", "n/a", "low"}  # the Department's symbols for none


class Problems:
    """What is wrong with a folder of files, collected so that all of it is told in one go."""

    def __init__(self):
        self.found = []

    def add(self, path, line, text):
        self.found.append(f"{Path(path).name}:{line}: {text}")

    def raise_any(self, what):
        """Stop with every problem counted and the first ones listed."""
        if not self.found:
            return
        listed = "\n".join(self.found[:SHOWN])
        more = len(self.found) - SHOWN
        rest = f"\n... and {more} more" if more > 0 else ""
        raise ValueError(f"{what}: {len(self.found)} problems\n{listed}{rest}")


def read_csv(path, text=(), numbers=(), key=(), prefix=None, whole=False, signed=False,
             problems=None):
    """A CSV as a frame with a `line` column; `numbers` are floats, blanks NaN; so are all
    columns that start with `prefix`.

    UTF-8 with or without a byte order mark. Refuses (all at once, by line and column): another
    encoding, a missing column, a ragged row, a bad number, a repeated `key`. Numbers below 0 are
    bad unless `signed`; `whole`: integers without blanks.
    """
    path, own = Path(path), problems is None
    problems = Problems() if own else problems
    frame = _rows(path, problems)
    for column in (*text, *numbers):
        if frame is not None and column not in frame:
            found = ", ".join(frame.columns[1:]) or "no columns"
            problems.add(path, 1, f"missing column '{column}'; found {found}")
            frame = None
    if frame is not None:
        named = [column for column in frame if prefix and column.startswith(prefix)]
        for column in dict.fromkeys([*numbers, *named]):
            frame[column] = _numbers(path, frame, column, whole, signed, problems)
        _no_repeats(path, frame, list(key), problems)
    if own:
        problems.raise_any(f"{path}")
    return frame


def _rows(path, problems):
    """Every row as text with its line, or None where the file cannot be read at all."""
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return problems.add(path, 0, f"no such file in {path.parent}")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return problems.add(path, line, "not UTF-8 text; save it as 'CSV UTF-8'")
    reader = csv.reader(io.StringIO(content, newline=""))
    header = [name.strip() for name in next(reader, [])]
    if len(set(header)) < len(header):
        return problems.add(path, 1, f"a column is named twice: {', '.join(header)}")
    rows = []
    for row in reader:
        if len(row) == len(header):
            rows.append([reader.line_num, *row])
        elif any(row):
            text = f"{len(row)} values where the header has {len(header)}"
            problems.add(path, reader.line_num, text)
    return pd.DataFrame(rows, columns=["line", *header], dtype=object).astype({"line": int})


def _numbers(path, frame, column, whole, signed, problems):
    text = frame[column].str.strip()
    blank = text.str.lower().isin(BLANKS)
    value = pd.to_numeric(text.mask(blank), errors="coerce").astype(float)
    bad = value.isna() & ~blank | ~np.isfinite(value.fillna(0))
    allowed = "a whole number" if whole else "a number or a blank"
    if whole:
        bad |= blank | (value % 1 != 0)
    if not signed:
        bad, allowed = bad | (value < 0), f"{allowed}, at least 0"
    for line, found in frame.loc[bad, ["line", column]].itertuples(index=False):
        problems.add(path, line, f"{column}: found {found!r}; allowed {allowed}")
    return value


def _no_repeats(path, frame, key, problems):
    if not key:
        return
    for _, row in frame[frame.duplicated(key)].iterrows():
        problems.add(path, row["line"], f"repeats {', '.join(f'{k} {row[k]}' for k in key)}")
