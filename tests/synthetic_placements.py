"""A made-up placement list with a known premium: `python tests/synthetic_placements.py FILE.csv`.

Complex children are dearer and more often bought spot, so that the raw premium is too high.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

PREMIUM = 0.10
NEEDS, SETTINGS = ("asd", "semh", "sld"), ("independent special", "children's home")
BANDS = ("1", "2", "3", "4")
PROVIDERS = 60
PROVIDER_SPREAD, CHILD_SPREAD = 0.08, 0.20


def rows(seed=1, count=400, premium=PREMIUM, confounding=0.9, base=1_200.0):
    """A frame of the list's columns; premium: of spot over framework, the same child bought.

    confounding: how much likelier spot is, in log odds, a band of complexity.
    """
    luck = np.random.default_rng(seed)
    band, need, setting = (luck.integers(len(names), size=count)
                           for names in (BANDS, NEEDS, SETTINGS))
    provider = luck.integers(PROVIDERS, size=count)
    age, weeks = luck.integers(5, 19, count), luck.choice([0, 38, 52], count, p=[0.6, 0.2, 0.2])
    spot = luck.random(count) < 1 / (1 + np.exp(-confounding * (band - 1.7)))
    dearer = PROVIDER_SPREAD * luck.standard_normal(PROVIDERS)
    price = (np.log(base) + 0.35 * band + 0.1 * need + 0.9 * setting + 0.02 * (age > 10)
             + 0.3 * (weeks > 0) + 0.2 * (weeks > 41) + np.log1p(premium) * spot
             + dearer[provider] + CHILD_SPREAD * luck.standard_normal(count))
    start = pd.Timestamp("2023-04-01") + pd.to_timedelta(luck.integers(730, size=count), "D")
    return pd.DataFrame({
        "reference": [f"SYNTHETIC-{n:04d}" for n in range(count)],
        "setting": np.array(SETTINGS)[setting], "provider": [f"provider {n}" for n in provider],
        "bought": np.where(spot, "spot", "framework"), "start_date": start.strftime("%Y-%m-%d"),
        "end_date": "", "weekly_price": np.exp(price).round(2), "age": age,
        "primary_need": np.array(NEEDS)[need], "need_band": np.array(BANDS)[band],
        "weeks_boarded": weeks})


def write(path, **given):
    """Write the list as a CSV, a council's file that is nobody's."""
    rows(**given).to_csv(Path(path), index=False, lineterminator="\n")


if __name__ == "__main__":
    write(sys.argv[1])
