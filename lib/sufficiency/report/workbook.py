"""The workbook: every table as an accessible spreadsheet, real numbers, fixed bytes."""

import re
import warnings
from dataclasses import replace
from datetime import datetime, time

import pandas as pd

# Suppliers' names are text: no formula, link or number is read out of them
PLAIN = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write_workbook(path, contents, front, notes=(), groups=None):
    """Write annex.xlsx: cover, contents, notes and a sheet a Table, named by its label.

    contents: Tables (a Chart's is chart.table()); front: document.Front; notes: sentences.
    groups {heading: Tables}: sheets after those, the heading before each title, as the contents
    list them. Refuses two tables of one label.
    """
    import gptables

    contents = list(contents)
    for heading, more in (groups or {}).items():
        contents += [replace(table, caption=f"{heading}: {table.caption}") for table in more]
    names = [table.label[:31] for table in contents]
    if len(set(names)) < len(names):
        raise ValueError(f"workbook: labels {names}; allowed: each once in its first 31 letters")
    sheets = {name: _sheet(gptables, table) for name, table in zip(names, contents, strict=True)}
    about = [front.flag.capitalize(), f"As at {front.as_at:%d %B %Y}.", *front.provenance]
    intro = [front.subtitle, front.council, front.decision]
    cover = gptables.Cover(front.title, [s for s in intro if s], [s for s in about if s])
    said = pd.DataFrame({"Note": [f"Note {n}" for n, _ in enumerate(notes, 1)],
                         "What it says": list(notes)}) if notes else None  # fmt: skip
    with warnings.catch_warnings():
        # gptables speaks of blanks, which the sheets explain, and of its own pandas use
        warnings.simplefilter("ignore")
        book = gptables.produce_workbook(str(path), sheets, cover=cover, notes_table=said,
                                         workbook_options=PLAIN)  # fmt: skip
        book.set_properties({"title": front.title, "subject": front.subtitle,
                             "author": front.council, "comments": "Language: English (UK)",
                             "created": datetime.combine(front.as_at, time())})  # fmt: skip
        for sheet in book.worksheets():
            sheet.set_paper(9)
            sheet.set_landscape()
            sheet.fit_to_pages(1, 0)
            if front.flag:
                sheet.set_header(f"&R{front.flag[:1].upper() + front.flag[1:]}"[:255])
        book.close()
    return path


def _sheet(gptables, table):
    columns, frame = table.columns(), table.frame.reset_index(drop=True)
    formats = [{"column": {"columns": [at], "include_names": False, "format": {
        "num_format": {"g": "General", 0: "#,##0"}.get(places) or "#,##0." + "0" * places}}}
        for at, (*_, places) in enumerate(columns) if places is not None]  # fmt: skip
    # Text beside numbers would touch them
    formats += [{"column": {"columns": [at], "include_names": True, "format": {"indent": 1}}}
                for at, (*_, places) in enumerate(columns) if at and places is None]
    # A sentence a row: a sheet does not wrap, and a page would cut it off
    notes = re.split(r"(?<=\.) (?=[A-Z])", table.note)
    blank = " Blank: not known, or hidden so that no small count shows."
    blank = blank if frame.isna().any(axis=None) else ""
    return gptables.GPTable(
        frame.map(_text).set_axis([heading for _, heading, _ in columns], axis=1),
        re.sub(r"\W", "_", f"t_{table.label}"), table.caption,
        instructions=f"This worksheet contains one table.{blank}",
        subtitles=[text for text in (table.flag.capitalize(), *notes) if text],
        index_columns={1: 0}, additional_formatting=formats)  # fmt: skip


def _text(cell):
    """gptables reads [a](b) as a link and $$a$$ as a note, and refuses bare punctuation."""
    if not isinstance(cell, str):
        return cell
    cell = cell.replace("](", "] (").replace("$$", "$ $")
    return cell if re.search(r"[a-zA-Z0-9]", cell) else None
