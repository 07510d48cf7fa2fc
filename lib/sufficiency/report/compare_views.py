"""Two runs side by side for a reader: tables, a chart and sentences from `run.compare`."""

from sufficiency.report import charts, tables, words

MOST, LONGEST = 10, 60
COUNTED = {"assumptions": "Assumptions", "values": "Other values of the case",
           "headlines": "Headlines"}
HIDDEN = ("Numbers and sources are left out of a public comparison: what an assumption is may be "
          "exempt.")  # fmt: skip
BEYOND = ("Beyond chance: more than two Monte Carlo standard errors, taken as if the two runs' "
          "worlds had nothing in common. Runs of one seed share their luck, so that smaller "
          "differences are real too.")  # fmt: skip
RANGE = ("Outside the range: either figure lies outside the other's range of 8 chances in 10. "
         "A difference inside is real where assumptions differ, and small beside what is not "
         "known.")  # fmt: skip
CAPTIONS = {
    "facts": "What the runs were made of",
    "assumptions": "Assumptions that differ",
    "values": "Other values of the case that differ",
    "headlines": "Headlines that differ",
    "results": "Results that differ",
}


def said(found):
    """Sentences on a comparison (`run.compare.Comparison`): what differs, and how much of it."""
    if found.same:
        return [f"Nothing differs between {found.names[0]} and {found.names[1]}: the same facts, "
                "assumptions and results."]
    lines = [f"First: {found.names[0]}. Second: {found.names[1]}."]
    counts = {text: len(getattr(found, name)) for name, text in COUNTED.items()}
    lines += [f"{text}: {count} differ." for text, count in counts.items() if count]
    for name, rows in found.results.groupby("table", sort=True):
        beyond = int((rows["beyond"] == "yes").sum())
        more = f", {beyond} beyond chance" if (rows["beyond"] != "").any() else ""
        lines.append(f"{name}: {len(rows)} figures differ{more}.")
    return [*lines, *found.notes]


def shown(found, most=None):
    """Tables of what differs, in the order of `CAPTIONS`; those without a row left out.

    most: rows of each at most, those of results that are clearest of chance.
    """
    made = []
    for name, caption in CAPTIONS.items():
        frame = getattr(found, name)
        if not len(frame):
            continue
        note = {"headlines": RANGE, "results": BEYOND}.get(name, "")
        note = HIDDEN if found.public and name in ("assumptions", "values") else note
        if most and len(frame) > most:
            note = f"{note} {len(frame) - most} rows more are in the workbook.".strip()
            frame = _clearest(frame)[:most]
        plain = frame.rename(columns=_head)
        numbers = {column: "g" for column in plain.select_dtypes("number")}
        made.append(tables.Table(name, caption, plain, note, {}, numbers, _mark(found)))
    return made


def _mark(found):
    """What each table and chart is marked with; the page and the workbook say why."""
    return "exempt" if found.flag else ""


def _clearest(frame):
    if "error" not in frame:
        return frame
    size = (frame["difference"] / frame["error"]).abs()
    return frame.loc[size.sort_values(ascending=False, kind="stable").index]


def _head(column):
    for which in ("first", "second"):
        if column.endswith(f"_{which}"):
            return f"{which.capitalize()}, {column.removesuffix(which)[:-1].replace('_', ' ')}"
    return column.replace("_", " ").capitalize()


def chart(found):
    """The headlines in pounds that differ most, a bar for each run; None where there are none."""
    rows = found.headlines
    rows = rows[(rows["unit"] == "GBP") & rows[["first", "second"]].notna().all(axis=1)]
    if not len(rows):
        return None
    rows = rows.loc[rows["difference"].abs().sort_values(ascending=False).index[:MOST]]
    heads = [text if len(text) <= LONGEST else f"{text[:LONGEST]}…" for text in rows["text"]]
    frame = rows[["first", "second"]].set_axis(list(found.names), axis=1).set_axis(heads) / 1e6
    row = rows.iloc[0]
    most = f"{row['text']}: {words.signed(row['difference'])}"
    parts = [f"{text}: {words.money(first)} and {words.money(second)}" for text, first, second in
             rows[["text", "first", "second"]].itertuples(index=False)]
    return charts.bars(
        "compared", frame, unit="£m", decimals=1, title=f"The largest difference is in {most}",
        subtitle=f"Headlines in pounds that differ, £ million: {words.listed(found.names)}",
        alt=f"Bars of {found.names[0]} beside {found.names[1]}. " + "; ".join(parts) + ".",
        flag=_mark(found))  # fmt: skip
