"""Published tables: rows by period, as the statistics give them, into pandas."""

import math
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, model_validator

from sufficiency.case import quantity
from sufficiency.case.quantity import Model, Month, Number, Period, QuantityError, Text, one_kind


class Row(Model):
    """Figures of one period by column, nothing for a blank, and the month they came out.

    held: the month the council itself had them; a scenario may count them from then on.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number | None]

    known: Month | None = None
    held: Month | None = None
    source: Text | None = None
    note: Text | None = None


class Published(Model):
    """A statistical series: unit, source and quality of all its rows, which are by period."""

    unit: Literal[quantity.UNITS]
    source: Text
    quality: Literal[quantity.QUALITIES]
    rows: Annotated[dict[Period, Row], AfterValidator(one_kind)]
    known: Month | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _in_order(self):
        least = 0 if self.unit in (*quantity.COUNTS, "share") else -math.inf
        most = 1 if self.unit == "share" else math.inf
        found = [(("rows", b), f"{b} after {a}", "rows in ascending order")
                 for a, b in pairwise(self.rows) if b <= a]
        for when, row in self.rows.items():
            if not (row.known or self.known):
                found.append((("rows", when, "known"), "nothing", "a month such as 2026-01"))
            if row.held and row.held > (row.known or self.known or row.held):
                found.append((("rows", when, "held"), row.held, "no later than it was known"))
            found += [(("rows", when, name), f"{x:g}", f"{least:g} to {most:g} {self.unit}")
                      for name, x in row.model_extra.items()
                      if x is not None and not least <= x <= most]
        if found:
            raise QuantityError(found)
        return self

    def frame(self):
        """DataFrame: index period, one column a name, NaN where the source is blank.

        `attrs` hold unit, source and quality; `council_held`, if any, the periods of rows that
        count only because the council held them.
        """
        import pandas as pd  # half a second that `--help` need not wait for

        index = pd.Index(list(self.rows), name="period")
        made = pd.DataFrame([row.model_extra for row in self.rows.values()], index, dtype=float)
        made.attrs = {"unit": self.unit, "source": self.source, "quality": self.quality}
        if held := [period for period, row in self.rows.items() if row.held]:
            made.attrs["council_held"] = held
        return made

    def log_rows(self):
        """The table's lines in the assumptions log: the periods it spans, when last known.

        Rows of a source of their own, and those that only the council held, have a line each.
        """
        whole, rows = self.model_dump(exclude={"rows"}, exclude_none=True), self.rows.items()
        out = {when: row.known or self.known for when, row in rows
               if not (row.held or row.source)}
        if out:
            span = f"{next(iter(out))} to {list(out)[-1]}"
            yield "", {**whole, "as_of": span, "known": max(out.values())}
        for when, row in rows:
            own = {"as_of": str(when), "known": row.known or self.known,
                   "source": row.source or self.source,
                   **row.model_dump(include={"note"}, exclude_none=True)}
            if row.held:
                own |= {"known": row.held, "quality": "council", "source":
                        f"council-held in {row.held}, since published: {own['source']}"}
            if row.held or row.source:
                yield f" {when}", {**whole, **own}
