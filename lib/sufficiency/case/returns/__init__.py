"""Returns in: what councils and the Department already publish or send, read into counts."""

import csv
import io
from fnmatch import filter as matching
from pathlib import Path

import numpy as np
import pandas as pd

from sufficiency.case.files import CaseError

SHOWN = 20
BLANKS = {"", "z", "x", "c", ":", "..", "na", "n/a", "low"}  # the Department's symbols for none


class Problems(list):
    """What is wrong with some files, collected so that all of it is told in one go."""

    def add(self, path, line, text):
        self.append(f"{Path(path).name}:{line}: {text}")

    def stop(self, what):
        """Refuse, with every problem counted and the first ones listed."""
        if self:
            more = [f"... and {len(self) - SHOWN} more"] if len(self) > SHOWN else []
            raise CaseError([f"{what}: {len(self)} problems", *self[:SHOWN], *more])


def read_csv(path, problems, text=(), numbers=(), key=(), whole=False, signed=False,
             encodings=("utf-8-sig",)):
    """A CSV as a frame with a `line` column; `numbers` (x* for all that start so) are floats.

    Notes by line and column: none of the encodings, a missing column, a ragged row, a
    repeated `key`, a bad number (below 0 unless `signed`; not a whole number, or blank, if
    `whole`). Blanks are NaN.
    """
    frame = _rows(path, problems, encodings)
    if frame is None:
        return None
    missing = [name for name in (*text, *numbers) if not matching(frame.columns, name)]
    for name in missing:
        problems.add(path, 1, f"missing column '{name}'; found {', '.join(frame.columns[1:])}")
    if missing:
        return None
    for name in {name: None for given in numbers for name in matching(frame.columns, given)}:
        frame[name] = _numbers(path, frame, name, whole, signed, problems)
    for _, row in frame[frame.duplicated(list(key))].iterrows() if key else ():
        problems.add(path, row["line"], f"repeats {', '.join(f'{k} {row[k]}' for k in key)}")
    return frame


def _content(path, problems, encodings):
    """A file's text by the first of the encodings that it is in, and which, or None."""
    for encoding in encodings:
        try:
            return path.read_bytes().decode(encoding), encoding
        except FileNotFoundError:
            return problems.add(path, 0, f"no such file in {path.parent}")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
    return problems.add(path, line, "not UTF-8 text; save it as 'CSV UTF-8'")


def _rows(path, problems, encodings):
    """Every row as text with its line, or None where the file cannot be read at all."""
    if (found := _content(path, problems, encodings)) is None:
        return None
    content, encoding = found
    reader = csv.reader(io.StringIO(content, newline=""))
    header, rows = [name.strip() for name in next(reader, [])], []
    if len({"line", *header}) <= len(header):
        wrong = "a column is named twice, or `line`, which is kept for the row's number"
        return problems.add(path, 1, f"{wrong}: {', '.join(header)}")
    try:
        for row in reader:
            if len(row) == len(header):
                rows.append([reader.line_num, *row])
            elif any(row):
                wrong = f"{len(row)} values where the header has {len(header)}"
                problems.add(path, reader.line_num, wrong)
    except csv.Error as error:
        return problems.add(path, reader.line_num, f"{error}; is a quotation mark left open?")
    frame = pd.DataFrame(rows, columns=["line", *header], dtype=object).astype({"line": int})
    frame.attrs["encoding"] = encoding
    return frame


def _numbers(path, frame, column, whole, signed, problems):
    text = frame[column].str.strip()
    blank = text.str.lower().isin(BLANKS)
    value = pd.to_numeric(text.mask(blank), errors="coerce").astype(float)
    bad = value.isna() & ~blank | ~np.isfinite(value.fillna(0))
    bad |= (blank | (value % 1 != 0)) & whole | (value < 0) & (not signed)
    allowed = ("a whole number" if whole else "a number or a blank") + ", at least 0" * (not signed)
    for line, found in frame.loc[bad, ["line", column]].itertuples(index=False):
        problems.add(path, line, f"{column}: found {found!r}; allowed {allowed}")
    return value
