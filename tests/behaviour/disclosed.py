"""A small run that holds few children, and an edition of it, for the disclosure tests."""

import numpy as np
import pandas as pd
from sufficiency.report import disclosure, tables
from sufficiency.report.audit import Secrets

LABELS = {"primary": "Primary schools", "special": "Special schools", "college": "Colleges",
          "hospital": "Hospital schools", "early": "Early years settings"}  # fmt: skip
COST = {"primary": 6_600, "special": 15_100, "college": 7_900, "hospital": 43_500, "early": 3_900}
BANDS = list(tables.BANDS)
# Setting x age band in January 2025: 4 and 2 in colleges, 3 in hospital schools, 6 in early years
COUNTS = np.array([[156, 1794, 2071, 205, 11], [44, 622, 966, 261, 14], [4, 2, 21, 971, 205],
                   [12, 3, 26, 9, 0], [18, 6, 0, 0, 0]], float)  # fmt: skip


def run(counts=COUNTS, settings=tuple(LABELS), growth=1.3):
    """placements and spend frames of two Januaries, before protection."""
    plans, spend = [], []
    for year, table in ((2025, counts), (2026, np.round(counts * growth + 0.4, 1) * (counts > 0))):
        cost = np.array([COST[name] for name in settings])[:, None]
        for frame, cells in ((plans, table), (spend, table * cost)):
            whole = np.vstack([cells, cells.sum(0)])
            whole = np.column_stack([whole, whole.sum(1)])
            for name, row in zip([*settings, "all"], whole, strict=True):
                for band, value in zip([*BANDS, "all"], row, strict=True):
                    frame.append({"year": year, "setting": name, "age_band": band, "sd": 0.0,
                                  **dict.fromkeys(disclosure.STATISTICS, value)})  # fmt: skip
    spend = pd.DataFrame(spend)
    spend.insert(0, "financial_year", [f"{y - 1}-{y % 100}" for y in spend.pop("year")])
    spend.insert(3, "prices", "nominal")
    real, figures = spend.assign(prices="real"), ["sd", *disclosure.STATISTICS]
    real[figures] = real[figures] * np.where(real["financial_year"] == "2025-26", 0.96, 1)[:, None]
    return pd.DataFrame(plans), pd.concat([spend, real], ignore_index=True)


def secrets(published, counts=COUNTS):
    """What the run knows."""
    return Secrets(*run(counts), published=published, labels=LABELS)


def publish(folder, published, counts=COUNTS):
    """An honest edition: placements.csv, spend.csv and plans by setting."""
    plans, spend = disclosure.protect_both(*run(counts), published)
    results = folder / "results"
    results.mkdir(parents=True)
    (results / "placements.csv").write_text(tables.csv(plans))
    (results / "spend.csv").write_text(tables.csv(spend))
    totals = plans[(plans["age_band"] == "all") & (plans["setting"] != "all")]
    wide = totals.pivot(index="setting", columns="year", values="mean").rename(index=LABELS)
    (results / "plans_by_setting.csv").write_text(tables.csv(wide.round(1).reset_index()))
    return plans, spend
