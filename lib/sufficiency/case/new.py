"""New cases: a council's case file made from published files or from a transitions folder."""

import json
import textwrap

import numpy as np

WIDTH = 96


def render_table(name, frame):
    """YAML of one published table, a flow mapping a period; blanks are null."""
    known = frame.attrs["known"]
    same = len(set(known.values())) == 1
    lines = [f"  {name}:", *_leaf("unit", frame.attrs["unit"])]
    lines += [*_leaf("source", frame.attrs["source"]), *_leaf("quality", frame.attrs["quality"])]
    if same:
        lines += [f"    known: {next(iter(known.values()))}"]
    lines += ["    rows:"]
    for period, row in frame.iterrows():
        cells = [] if same else [f"known: {known[period]}"]
        cells += [f"{key(column)}: {number(value)}" for column, value in row.items()]
        lines += _flow(period, cells)
    return "\n".join(lines) + "\n"


def _leaf(name, text):
    body = text if not set(text) & set(":#{}[],&*!|>'\"%@`") else json.dumps(text)
    if len(body) <= WIDTH - 8:
        return [f"    {name}: {body}"]
    wrapped = _wrap(text, WIDTH - 6)
    return [f"    {name}: >-", *(f"      {line}" for line in wrapped)]


def _flow(period, cells):
    body = ", ".join(cell.replace(" ", "\0") for cell in cells)  # never broken inside a cell
    lines = _wrap(f"{period}:\0{{{body}}}", WIDTH - 6)
    lines = [line.replace("\0", " ") for line in lines]
    return [f"      {lines[0]}", *(f"        {line}" for line in lines[1:])]


def _wrap(text, width):
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def key(name):
    """A YAML key, quoted where it needs it."""
    return name if name.replace("_", "").isalnum() and name[0].isalpha() else f'"{name}"'


def number(value):
    """A figure as typed: whole where it is whole, null where blank."""
    if np.isnan(value):
        return "null"
    return str(int(value)) if value == int(value) else repr(float(value))
