"""Children in care by quarter, category and age, and the child-days of each financial year."""

import calendar

import numpy as np
import xarray as xr

from sufficiency.model.placements import engine

MONTHS = (6, 9, 12, 3)
A_YEAR = 4


def project(rates, worlds, *, start, years, kind="counts", threads=2):
    """Children (draw, quarter, category, age in whole years) and flows of `years` years.

    start: the year of the last 31 March counted. Entries of all categories grow by
    care.entries.growth a year and swing by care.entries.spread (log points, mean 1) from year to
    year. quarter: days that end one, 2025-03-31 the first; flows of the quarter that ends then.
    """
    days = quarter_ends(start, years)
    found = engine.project(
        rates, periods=[4 * (int(day[:4]) - 1900) + int(day[5:7]) // 3 for day in days[1:]],
        seed=worlds.seed, draws=worlds.draws, engine=kind, threads=threads,
        growth=_growth(worlds, start, years))
    dims = ("draw", "quarter", "category", "age")
    stock = found["stock"]
    stock = stock.reshape(*stock.shape[:-1], -1, A_YEAR).sum(-1, dtype=stock.dtype)
    flows = {name: (dims[:3], np.concatenate([np.zeros_like(found[name][:, :1]), found[name]], 1))
             for name in ("joiners", "leavers", "moved_in", "moved_out")}
    return xr.Dataset({"children": (dims, stock, {"units": "children"}), **flows},
                      {"quarter": days, "category": list(rates.places),
                       "age": np.arange(stock.shape[-1])})


def quarter_ends(start, years):
    """Days that end quarters, from 31 March of a year to that of so many years later."""
    days = [f"{start}-03-31"]
    for year in range(start, start + years):
        days += [f"{year + (month < 4)}-{month:02d}-{calendar.monthrange(year, month)[1]}"
                 for month in MONTHS]
    return days


def march(children):
    """Children on each 31 March: (draw, quarter, ...) -> (draw, year, ...)."""
    days = [str(day) for day in children["quarter"].values]
    found = children.isel(quarter=[at for at, day in enumerate(days) if day.endswith("-03-31")])
    years = [int(str(day)[:4]) for day in found["quarter"].values]
    return found.assign_coords(quarter=years).rename(quarter="year")


def _growth(worlds, start, years):
    """Entries against those counted (draw, quarter): growth to the middle of each quarter."""
    time = (np.arange(A_YEAR * years) + 0.5) / A_YEAR
    trend = (1 + worlds["care.entries.growth"][:, None]) ** time
    spread = worlds["care.entries.spread"][:, None]
    shock = np.stack([worlds.normal(f"care.entries.shock.{start + n + 1}")
                      for n in range(years)], -1)
    # With shocks of 0, as in scenarios, the mean is kept
    swing = np.exp(spread * shock - (spread**2 / 2 if shock.any() else 0.0))
    return trend * np.repeat(swing, A_YEAR, -1)


def stays(counts, places):
    """What stays within quarters add: child-days counted over those between the counts (place,)."""
    sums = counts[counts["kind"].isin(["days", "between"])].groupby(["kind", "place"])["count"]
    total = sums.sum().unstack(fill_value=0.0).reindex(
        index=["days", "between"], columns=list(places), fill_value=0.0)
    return np.where(total.loc["between"] > 0, total.loc["days"]
                    / total.loc["between"].clip(lower=1e-9), 1.0)


def child_days(children, factor):
    """Child-days (draw, financial_year, category): days of a quarter x mean of its two ends.

    children (draw, quarter, category); factor (category,), of `stays`.
    """
    ends = children["quarter"].values.astype("datetime64[D]")
    days = np.diff(ends).astype(float)
    both = children.values[:, 1:] + children.values[:, :-1]
    total = both / 2 * days[None, :, None] * factor
    total = total.reshape(len(total), -1, A_YEAR, total.shape[-1]).sum(2)
    first = int(str(ends[0])[:4])
    years = [f"{first + n}-{(first + n + 1) % 100:02d}" for n in range(total.shape[1])]
    return xr.DataArray(total, dims=("draw", "financial_year", "category"),
                        coords={"financial_year": years, "category": children["category"]},
                        attrs={"units": "child-days"})
