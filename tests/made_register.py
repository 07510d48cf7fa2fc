"""A register and a spend list small enough to work by hand."""

from datetime import date

import pandas as pd

BLANKS = {"extension_months": None, "places": None, "price_per_week": None, "children": None,
          "annual_value": 0.0, "replaces": "", "setting": "residential", "kind": "framework",
          "category": "care", "start": date(2018, 4, 1)}
YEARS = ("2020-21", "2021-22")


def register(*contracts):
    """Contracts from what differs: each at least reference and end."""
    rows = [{**BLANKS, "title": f"Contract {one['reference']}", "supplier": "Supplier",
             "owner": "Owner", **one} for one in contracts]
    frame = pd.DataFrame(rows)
    for name in ("extension_months", "places", "price_per_week", "children"):
        frame[name] = frame[name].astype(float)
    return frame


def spend(*rows):
    """Payments: year (0 or 1 of YEARS), supplier, category, kind, amount, {what else}."""
    return pd.DataFrame([
        {"financial_year": YEARS[year], "supplier": supplier, "owner": supplier[0],
         "category": category, "kind": kind, "amount": amount, "reference": f"P{at}",
         "justification": "", **(more[0] if more else {})}
        for at, (year, supplier, category, kind, amount, *more) in enumerate(rows)])
