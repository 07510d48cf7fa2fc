"""What a case's returns held: rows used and not used by file, as a table and in words."""

import pandas as pd

from sufficiency.report.disclosure import protect, small
from sufficiency.report.tables import Table
from sufficiency.report.words import listed

EXAMPLE = "synthetic example"


def read_quality(case, name=""):
    """A data-quality table beside a case (file, rows, used, not used, reason, lines).

    name: of its file, else the one the case names; None where the case was made by hand.
    """
    name = name or case.value("quality_table", "")
    if not name:
        return None
    frame = pd.read_csv(case.beside(name), dtype={"reason": str, "lines": str})
    return frame.fillna({"reason": "", "lines": ""}).astype({"rows": "Int64", "used": "Int64"})


def quality_items(case):
    """[the table for print] of a case made from files by `new-case`; none of another case."""
    frame = read_quality(case)
    return [] if frame is None else [
        became(frame, "returns-quality", case.value("quality_table"), _flag(case))]


def became(frame, label, name, flag):
    """The table for print of rows used and not: by kind of file and reason.

    To the nearest 5 and blank below 8, without numbers of lines, which stand in the file `name`.
    """
    whole, lost = frame[frame["reason"] == ""], frame[frame["reason"] != ""]
    parts = [("all", "Read", whole["rows"].sum()), ("all", "Used", whole["used"].sum())]
    file = lost["file"].str.removesuffix(".csv").str.replace(r"^\d{4} ", "", regex=True)
    number = lost["not used"].groupby([file, lost["reason"]], sort=False).sum()
    parts += [(kind, f"Not used: {why}", rows) for (kind, why), rows in number.items()]
    shown = pd.DataFrame(parts, columns=["File", "What became of them", "Rows"])
    return Table(label, "Rows of the files read, used and not used",
                 protect(shown, ["Rows"])[["What became of them", "File", "Rows"]], flag=flag,
                 note="To the nearest 5, and blank below 8. File by file, with the numbers of the "
                 f"lines, beside the case: {name}.")


def quality_words(case):
    """In one sentence, how much of a return was used and why the rest was not, for print."""
    frame = read_quality(case)
    if frame is None:
        return "These figures rest on published or counted totals, not on a return by child."
    return "*Synthetic example.* " * bool(_flag(case)) + used(frame)


def used(frame):
    """How many rows were used, and why the rest were not."""
    whole, lost = frame[frame["reason"] == ""], frame[frame["reason"] != ""]
    reasons = lost.groupby("reason")["not used"].sum().sort_values(ascending=False)
    said = [f"{reason} ({_few(rows)})" for reason, rows in reasons.head(3).items()]
    more = "; the other reasons are in the table" if len(reasons) > 3 else ""
    why = f" Not used: {listed(said)}{more}." if said else ""
    return (f"Of {_few(whole['rows'].sum())} rows in {len(whole)} files, "
            f"{_few(whole['used'].sum())} were used.{why}")


def _few(rows):
    return "fewer than 8" if small(rows) else f"about {5 * round(rows / 5):,}"


def _flag(case):
    return EXAMPLE if (case.value("transitions", None) or {}).get("synthetic") else ""
