"""What a case's returns held: rows used and not used by file, as a table and in words."""

import pandas as pd

from sufficiency.report.disclosure import protect, small
from sufficiency.report.tables import Table
from sufficiency.report.words import listed

EXAMPLE = "synthetic example"


def read_quality(case):
    """The data-quality table that a case names (file, rows, used, not used, reason, lines).

    None where the case is not made from a return that identifies children.
    """
    name = (case.value("transitions", None) or {}).get("quality")
    if not name:
        return None
    frame = pd.read_csv(case.beside(name), dtype={"reason": str, "lines": str})
    return frame.fillna({"reason": "", "lines": ""}).astype({"rows": "Int64", "used": "Int64"})


def quality_table(frame, label="returns-quality", synthetic=False, what="the return"):
    """Rows of each file of a return, used and not used, in full: for those who mend the return.

    A row a file, then one for each reason with the lines of a few rows; nothing of a row itself.
    Not for print: see `quality_items`.
    """
    whole = frame[frame["reason"] == ""]
    shown = frame.rename(columns=str.capitalize).rename(columns={"Lines": "First lines"})
    shown["File"] = shown["File"].where(frame["reason"] == "", "")
    caption = (f"{whole['rows'].sum():,} rows of {what}: {whole['used'].sum():,} used, "
               f"{whole['not used'].sum():,} not, each with its reason")
    return Table(label, caption, shown, flag=EXAMPLE if synthetic else "",
                 note="Rows are those used and those not used; lines are those of the file")


def quality_items(case, what="the SEN2 return"):
    """[the table for print] of a case made from a return; none of another case.

    By kind of file and reason, to the nearest 5 and blank below 8, without numbers of lines.
    """
    frame = read_quality(case)
    if frame is None:
        return []
    whole = frame[frame["reason"] == ""]
    parts = [("all", "Read", whole["rows"].sum()), ("all", "Used", whole["used"].sum())]
    lost = frame[frame["reason"] != ""]
    module = lost["file"].str.removesuffix(".csv").str.rpartition("_")[2]
    number = lost["not used"].groupby([module, lost["reason"]], sort=False).sum()
    parts += [(name, f"Not used: {why}", rows) for (name, why), rows in number.items()]
    shown = pd.DataFrame(parts, columns=["Module", "What became of them", "Rows"])
    name = case.value("transitions.quality")
    return [Table("returns-quality", f"Rows of {what}, used and not used",
                  protect(shown, ["Rows"]), flag=EXAMPLE if _synthetic(case) else "",
                  note="To the nearest 5, and blank below 8. File by file, with the numbers of the "
                  f"lines, beside the case: {name}.")]


def quality_words(case):
    """In one sentence, how much of a return was used and why the rest was not, for print."""
    frame = read_quality(case)
    if frame is None:
        return "These figures rest on published or counted totals, not on a return by child."
    whole, lost = frame[frame["reason"] == ""], frame[frame["reason"] != ""]
    reasons = lost.groupby("reason")["not used"].sum().sort_values(ascending=False)
    said = [f"{reason} ({_few(rows)})" for reason, rows in reasons.head(3).items()]
    more = f"; {len(reasons) - 3} other reasons are in the table" if len(reasons) > 3 else ""
    start = "*Synthetic example.* " if _synthetic(case) else ""
    why = f" Not used: {listed(said)}{more}." if said else ""
    return (f"{start}Of {_few(whole['rows'].sum())} rows in {len(whole)} files, "
            f"{_few(whole['used'].sum())} were used.{why}")


def _few(rows):
    return "fewer than 8" if small(rows) else f"about {5 * round(rows / 5):,}"


def _synthetic(case):
    return bool((case.value("transitions", None) or {}).get("synthetic"))
