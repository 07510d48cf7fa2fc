"""What a case's returns held: rows used and not used by file, as a table and in words."""

import pandas as pd

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
    """Rows of each file of a return, used and not used, as an item for `study.show`.

    A row a file, then one for each reason with the lines of a few rows; nothing of a row itself.
    """
    whole = frame[frame["reason"] == ""]
    shown = frame.rename(columns=str.capitalize).rename(columns={"Lines": "First lines"})
    shown["File"] = shown["File"].where(frame["reason"] == "", "")
    caption = (f"{whole['rows'].sum():,} rows of {what}: {whole['used'].sum():,} used, "
               f"{whole['not used'].sum():,} not, each with its reason")
    return Table(label, caption, shown, flag=EXAMPLE if synthetic else "",
                 note="Rows are those used and those not used; lines are those of the file")


def quality_items(case, what="the SEN2 return"):
    """[the table] of a case made from a return; none of another case."""
    frame = read_quality(case)
    if frame is None:
        return []
    return [quality_table(frame, synthetic=_synthetic(case), what=what)]


def quality_words(case):
    """In one sentence, how much of a return was used and why the rest was not."""
    frame = read_quality(case)
    if frame is None:
        return "These figures rest on published or counted totals, not on a return by child."
    whole, lost = frame[frame["reason"] == ""], frame[frame["reason"] != ""]
    reasons = lost.groupby("reason")["not used"].sum().sort_values(ascending=False)
    said = [f"{reason} ({rows:,})" for reason, rows in reasons.head(3).items()]
    more = f"; {len(reasons) - 3} other reasons are in the table" if len(reasons) > 3 else ""
    start = "*Synthetic example.* " if _synthetic(case) else ""
    why = f" Not used: {listed(said)}{more}." if said else ""
    return (f"{start}Of {whole['rows'].sum():,} rows in {len(whole)} files, "
            f"{whole['used'].sum():,} were used.{why}")


def _synthetic(case):
    return bool((case.value("transitions", None) or {}).get("synthetic"))
