"""Returns in: what councils and the Department already publish or send, read into counts."""

import csv
import hashlib
import io
import re
from fnmatch import filter as matching
from pathlib import Path

import numpy as np
import pandas as pd

from sufficiency.case.files import CaseError

SHOWN, EXAMPLES, HIDDEN = 20, 5, "(not shown)"
TABLE = ["file", "rows", "used", "not used", "reason", "lines"]
# The forms of a date that returns have, and the midnight that exports put behind it.
DAYS = {"%Y-%m-%d": r"\d{4}-\d\d-\d\d", "%d/%m/%Y": r"\d{1,2}/\d{1,2}/\d{4}",
        "%Y-%b-%d": r"\d{4}-[A-Za-z]{3}-\d\d"}
MIDNIGHT = r"[ T]00:00(:00(\.0+)?)?$"
# What may be said of a value that is refused: a code, a small sum or a date; no name or number of a
# person.
PLAIN = r"[^\W_]{0,4}|-?[£\d.,]{1,8}|\d{1,4}[-/](\d{1,2}|[A-Za-z]{3})[-/]\d{1,4}( [\d:.]+)?"
BLANKS = {"", "z", "x", "c", ":", "..", "na", "n/a", "low"}  # the Department's symbols for none


class Problems(list):
    """What is wrong with some files, collected so that all of it is told in one go."""

    def add(self, path, line, text):
        """Note one; path: of the file, or what it is called."""
        name = path.name if isinstance(path, Path) else path
        self.append(f"{name}:{line}: {text}")

    def stop(self, what):
        """Refuse, with every problem counted and the first ones listed."""
        if self:
            more = [f"... and {len(self) - SHOWN} more"] if len(self) > SHOWN else []
            raise CaseError([f"{what}: {len(self)} problems", *self[:SHOWN], *more])


class Quality:
    """Rows read of each file, used and not used by reason: line numbers, never a child's values.

    A file is a name. A line that is not used counts once, under the first reason given. `said`:
    what was wrong, `file:line: column: found ...; allowed ...`, the first few lines of a reason.
    """

    def __init__(self):
        self.rows, self.lost, self.said = {}, {}, []

    def add(self, file, rows):
        """Count rows read of a file."""
        self.rows[file] = self.rows.get(file, 0) + int(rows)

    def lose(self, file, lines, reason):
        """A line, or many, of rows that are not used, and why."""
        found = self.lost.setdefault(file, {})
        for line in np.atleast_1d(np.asarray(lines, int)).tolist():
            found.setdefault(line, reason)

    def refuse(self, file, frame, bad, column, allowed, hidden=False):
        """Rows of frame (with `line`) where `bad` holds are not used: of the value of a column.

        hidden: the value identifies a child, so it is not said; nor is any that is no code or date.
        """
        lines = frame.loc[bad, "line"]
        self.lose(file, lines, f"{column}: allowed {allowed}")
        for line, value in zip(lines[:EXAMPLES], frame.loc[bad, column], strict=False):
            found = HIDDEN if hidden else plain(value)
            self.said.append(f"{file}:{line}: {column}: found {found}; allowed {allowed}")

    def unused(self, file):
        """Lines of a file that are not used."""
        return set(self.lost.get(file, ()))

    def lose_by(self, file, frame, reason):
        """Lines of a frame for the reason against each, "" for none."""
        for why, rows in frame.groupby(reason):
            if why:
                self.lose(file, rows["line"], why)

    def table(self):
        """-> file, rows, used, not used, reason, lines; a row a file, then one a reason.

        rows = used + not used of the file's own row (no reason), which is the sum of not used of
        its reasons; lines: the first lines of a reason. Refuses more rows not used than read.
        """
        made = []
        for file, rows in self.rows.items():
            lost = pd.Series(self.lost.get(file, {}), dtype=object)
            if len(lost) > rows:
                raise ValueError(f"{file}: found {len(lost)} rows not used; allowed {rows} read")
            made.append((file, rows, rows - len(lost), len(lost), "", ""))
            for reason, lines in lost.groupby(lost, sort=False).groups.items():
                first = ", ".join(map(str, sorted(lines)[:EXAMPLES]))
                made.append((file, np.nan, np.nan, len(lines), reason, first))
        return pd.DataFrame(made, columns=TABLE).astype({"rows": "Int64", "used": "Int64"})


def plain(value):
    """A value as a message may say it: a code or a date; anything else might be a child's name."""
    text = str(value).strip()
    return repr(text) if re.fullmatch(PLAIN, text) else HIDDEN


def days(said, earliest="1990-01-01", latest="2100-01-01"):
    """Texts as dates, NaT where they are none: 2022-09-28, 28/09/2022 or 2022-Sep-28, and 00:00."""
    codes, texts = pd.factorize(said.fillna(""))
    text = pd.Series(texts, dtype=object).str.strip().str.replace(MIDNIGHT, "", regex=True)
    found = pd.Series(pd.NaT, text.index, dtype="datetime64[ns]")
    for form, like in DAYS.items():
        which = text.str.fullmatch(like, na=False).astype(bool)
        read = pd.to_datetime(text[which], format=form, errors="coerce")
        found = found.fillna(read.reindex(text.index).astype("datetime64[ns]"))
    found = found.where((found >= earliest) & (found < latest)).to_numpy()
    return pd.Series(found[codes], said.index)


def read_csv(path, problems, text=(), numbers=(), key=(), whole=False, signed=False,
             encodings=("utf-8-sig",), quality=None, file=""):
    """A CSV as a frame with a `line` column; `numbers` (x* for all that start so) are floats.

    Notes by line and column: none of the encodings, a missing column, a ragged row, a
    repeated `key`, a bad number (below 0 unless `signed`; not a whole number, or blank, if
    `whole`). Blanks are NaN. quality: rows and ragged rows are counted there, and nothing that
    stands in the file is repeated in a message; file: what messages call it. attrs: encoding, and
    whether the file is `whole` (its last line has an end).
    """
    frame = _rows(path, problems, encodings, quality, file or path.name)
    if frame is None:
        return None
    missing = [name for name in (*text, *numbers) if not matching(frame.columns, name)]
    have = "" if quality else f"; found {', '.join(frame.columns[1:])}"
    for name in missing:
        problems.add(path, 1, f"missing column '{name}'{have}")
    if missing:
        return None
    for name in {name: None for given in numbers for name in matching(frame.columns, given)}:
        frame[name] = _numbers(path, frame, name, whole, signed, problems)
    again = frame.loc[frame.duplicated(list(key)), ["line", *key]] if key else frame[:0]
    for row in again.itertuples(index=False):
        named = zip(key, row[1:], strict=True)
        problems.add(path, row[0], f"repeats {', '.join(f'{k} {value}' for k, value in named)}")
    return frame


def read_kept(path, sha256, text, numbers, **more):
    """Counts kept beside a case, as `read_csv` with `more` reads them. Refuses a changed file."""
    problems = Problems()
    counts = read_csv(path, problems, text, numbers, **more)
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        problems.add(path, 1, f"changed since the case was made; allowed sha256 {sha256[:12]}...")
    problems.stop(f"counts of {path.parent}")
    return counts.drop(columns="line")


def _content(path, problems, encodings, file):
    """A file's text by the first of the encodings that it is in, and which, or None."""
    if not path.is_file():
        return problems.add(file, 0, f"no such file in {path.parent}")
    if b"\0" in (raw := path.read_bytes()):
        return problems.add(file, raw.count(b"\n", 0, raw.index(b"\0")) + 1, "found a file that is "
                            "no text, or UTF-16; allowed a CSV: save it as 'CSV UTF-8'")
    for encoding in encodings:
        try:
            return raw.decode(encoding), encoding
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
    return problems.add(file, line, "not UTF-8 text; save it as 'CSV UTF-8'")


def _rows(path, problems, encodings, quality, file):
    """Every row as text with its line, or None where the file cannot be read at all."""
    if (found := _content(path, problems, encodings, file)) is None:
        return None
    content, encoding = found
    reader = csv.reader(io.StringIO(content, newline=""))
    header, rows, ragged, before = [], [], {}, 0
    try:
        header = [name.strip() for name in next(reader, [])]
        for row in reader:
            at = reader.line_num
            if len(row) == len(header):
                rows.append([at, *row])
            elif any(row):
                wrong = f"{len(row)} values where the header has {len(header)}"
                open_ = "; is a quotation mark left open?" * (at > before + 1 > 1)
                ragged |= dict.fromkeys(range(before + 1 if open_ else at, at + 1), wrong + open_)
            before = at
    except csv.Error as error:
        return problems.add(file, reader.line_num, f"{error}; is a quotation mark left open?")
    if len({"line", *header}) <= len(header):
        wrong = "a column is named twice, or `line`, which is kept for the row's number"
        return problems.add(file, 1, wrong if quality else f"{wrong}: {', '.join(header)}")
    whole = content[-1:] in ("", "\r", "\n")
    if reader.line_num in ragged and not whole:
        ragged[reader.line_num] += "; the last line is not ended: is the file whole?"
    if quality:
        quality.add(file, len(rows) + len(ragged))
    for line, wrong in ragged.items():
        if quality:
            quality.lose(file, line, wrong)
        else:
            problems.add(file, line, wrong)
    frame = pd.DataFrame(rows, columns=["line", *header], dtype=object).astype({"line": int})
    frame.attrs |= {"encoding": encoding, "whole": whole}
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
