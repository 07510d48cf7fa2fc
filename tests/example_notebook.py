"""An executed notebook with invented figures, for the tests of documents."""

import datetime

import numpy as np
import pandas as pd
from nbformat import v4
from sufficiency.report import charts, tables
from sufficiency.report.document import Front

FRONT = Front(
    title="Placement costs to 2030-31",
    subtitle="Annex to the report of the Director of Children and Young People's Futures",
    council="Example County Council",
    as_at=datetime.date(2026, 3, 31),
    decision="Cabinet is asked to note the forecast.",
    provenance=("Seed 1, 1,000 draws.",),
    flag="synthetic example",
)
SAID = {
    "title": "Plans reach 12,000 by January 2029",
    "subtitle": "Plans each January",
    "alt": "Fan chart: plans rise from 9,000 in 2025 to between 11,000 and 13,000 in 2029.",
    "source": "invented for a test",
}


def a_fan(**said):
    """A small fan chart."""
    draws = 9000 + np.cumsum(np.random.default_rng(1).normal(750, 200, (1000, 4)), axis=1)
    history = pd.Series([7500, 8200, 9000], index=[2023, 2024, 2025])
    ahead = tables.fan_frame(draws, [2026, 2027, 2028, 2029])
    return charts.fan("plans", history, ahead, **{**SAID, **said})


def a_table(supplier="=cmd() <b>Acme</b> [x](http://y) | $5"):
    """A table with a hostile supplier's name."""
    frame = pd.DataFrame({"provider": ["Beech House", supplier], "spend": [1.25, -0.5]})
    return tables.Table("providers", "Spend by provider", frame, note="Invented.",
                        units={"spend": "£m"})  # fmt: skip


def output(item):
    """What Jupyter stores when item is displayed."""
    data, metadata = item._repr_mimebundle_()
    return v4.new_output("display_data", data=data, metadata=metadata)


def said(text):
    """A computed sentence, as a notebook displays it."""
    return v4.new_output("display_data", data={"text/markdown": text})


def ran(*outputs, count=1, tags=()):
    """A code cell that was run."""
    cell = v4.new_code_cell("secret_code()", execution_count=count, outputs=list(outputs))
    cell.metadata["tags"] = list(tags)
    return cell


def write(path, cells=None):
    """Write a notebook of these cells, or a whole example, and return its path."""
    cells = cells or [
        v4.new_markdown_cell("# What will placements cost?\n\nOne *question*."),
        ran(said("parameters"), tags=["injected-parameters"]),
        ran(said("Spend rises to **£158m** (see @fig-plans and @tbl-providers).")),
        v4.new_markdown_cell("## How many children"),
        ran(output(a_fan())),
        v4.new_markdown_cell("## Who is paid"),
        ran(output(a_table())),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    path.write_text(v4.writes(v4.new_notebook(cells=cells)), encoding="utf-8")
    return path
