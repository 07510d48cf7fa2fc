"""What is spent, why it grows, on whom it depends and how it is bought: estate figures.

Frames in the columns of the register and spend readers; money GBP, summed in whole pence, so that
parts add to their totals exactly. A year is a financial year: '2021-22'.
"""

import hashlib
from datetime import date
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from sufficiency.model.costs.bridge import CAUSES, decompose
from sufficiency.model.placements import calendar
from sufficiency.model.safety_valve.account import pence

ON_CONTRACT = ("framework", "block", "dynamic_market", "in_house", "grant")
WEEKS = 365 / 7  # in a year
# How far from a share printed in whole per cent it can lie: over (at_least), about, or almost it
ROUNDED = {"at_least": (0, 0.01), "about": (-0.005, 0.005), "at_most": (-0.01, 0)}
# Equal units below which resampling fails, in all and for each of the largest: see `concentration`.
FEWEST, EACH = 40, 5


class Growth(NamedTuple):
    """names: a row a name; status: continuing, new, gone, all; causes: a Series, or None."""

    names: pd.DataFrame
    status: pd.DataFrame
    causes: pd.Series | None


class Change(NamedTuple):
    """A later count over an earlier one, and its exact 95% interval."""

    ratio: float
    low: float
    high: float


def needs(frame, name, *columns):
    """Refuses a frame without columns."""
    if missing := [column for column in columns if column not in frame]:
        raise ValueError(f"{name}: found no column {', '.join(missing)}; allowed "
                         f"{', '.join(columns)} in every {name}")


def financial_year(day):
    """2022-03-31 -> '2021-22'."""
    return calendar.financial_year(day.year - (day.month < 4))


def as_day(value):
    """A datetime.date, or None for a blank."""
    return None if pd.isna(value) else pd.Timestamp(value).date()


def _spend(spend, columns=(), years=()):
    """Rows with pence and financial_year; only those of years, if any."""
    needs(spend, "spend", "amount", *columns)
    rows = spend.assign(pence=pence(spend["amount"], "spend: amount"))
    if "financial_year" not in rows:
        needs(spend, "spend", "date")
        rows["financial_year"] = [financial_year(day) for day in rows["date"]]
    if missing := set(years) - set(rows["financial_year"]):
        raise ValueError(f"spend: found none in {', '.join(sorted(missing))}; allowed "
                         f"{', '.join(sorted(set(rows['financial_year'])))}")
    for column in columns:
        if rows[column].isna().any():
            raise ValueError(f"spend: found a blank {column}; allowed one in each row")
    return rows[rows["financial_year"].isin(years)] if years else rows


def _sums(rows, by, value="pence"):
    """Name by financial_year."""
    return rows.pivot_table(value, by, "financial_year", "sum", 0)


def totals(spend, by=None):
    """Spend by financial year, and by names of a column: frame, GBP."""
    rows = _spend(spend, [by] if by else ()).assign(amount="amount")
    return _sums(rows, by or "amount").T / 100


def growth_split(spend, years, by="supplier"):
    """Change of spend between two financial years -> Growth, GBP to the penny.

    names and status: before, after, change; of_before: change over all that was spent before.
    causes: volume, mix, price by category (`costs.bridge.decompose`), where every row of both years
    has placement_years. Refuses a year without spend.
    """
    rows = _spend(spend, [by], years)
    names = _sums(rows, by)[list(years)].set_axis(["before", "after"], axis=1)
    names["change"] = names["after"] - names["before"]
    names.insert(0, "status", np.select([names["before"] == 0, names["after"] == 0],
                                        ["new", "gone"], "continuing"))
    money = ["before", "after", "change"]
    status = names.groupby("status")[money].sum().reindex(["continuing", "new", "gone"],
                                                          fill_value=0)
    status.insert(0, "names", names["status"].value_counts().reindex(status.index, fill_value=0))
    status.loc["all"] = status.sum()
    status["of_before"] = status["change"] / status.at["all", "before"]
    for frame in (names, status):
        frame[money] = frame[money] / 100
    names = names.sort_values("change", key=abs, ascending=False, kind="stable")
    return Growth(names, status, _causes(rows, list(years)))


def _causes(rows, years):
    if "placement_years" not in rows or rows["placement_years"].isna().any():
        return None
    placed, sums = (_sums(rows, "category", name)[years].T.to_numpy(float)
                    for name in ("placement_years", "pence"))
    parts = np.rint(decompose(*placed[:, None], *sums[:, None])[0])
    opening, closing = sums.sum(1)
    parts[-1] = closing - opening - parts[:-1].sum()
    return pd.Series([opening, *parts, closing], ["opening", *CAUSES, "closing"]) / 100


def top(spend, years, by="supplier", k=10):
    """What the k largest take: frame by financial year, GBP: total, top, share, same.

    top: that year's own k largest; same: those of the last of years (attrs names), in each year.
    """
    sums = _sums(_spend(spend, [by], years), by)[list(years)]
    names = list(sums.iloc[:, -1].sort_values(ascending=False, kind="stable").index[:k])
    most = sums.apply(lambda year: year.nlargest(k).sum())
    made = pd.DataFrame({"total": sums.sum(), "top": most, "share": most / sums.sum(),
                         "same": sums.loc[names].sum()})
    made[["total", "top", "same"]] /= 100
    made.attrs["names"] = names
    return made


def concentration(spend, by=("supplier", "owner"), k=10, unit=None, name="contracts",
                  resamples=1000):
    """How concentrated one year's spend is: frame by column of names, supplier and owner.

    units: placements or invoices counted (rows; unit: the column that names a placement, whose
    rows are summed first); names; top: share of the k largest; hhi: 10,000 x the sum of squared
    shares, as found; hhi_unbiased: without pairs of a unit with itself (for units of one price
    sum x(x - 1) / N(N - 1)); effective: 1 / sum of squared shares, a number of equal suppliers.
    low and high: 95%, by resampling units with their supplier: what another such year could show.

    Few units make every index too high, and resampled ones twice so. The quantiles are moved by
    the bootstrap's own bias: twice for hhi (read it with hhi_unbiased), thrice below and once above
    for top, where who is largest is doubtful too. Where spend is as uneven as that of fewer than
    FEWEST equal units, or EACH for each of the k, resampling fails and the interval is blank.
    Otherwise, of 42 to 1,000 units of 8 to 150 suppliers, these held the truth 92 to 100 times in
    100 (hhi), 93 to 99 (top); plain percentiles 0 to 79.
    """
    by = [by] if isinstance(by, str) else list(by)
    rows = _spend(spend, by)
    if unit:
        rows = rows.groupby([unit, *by], dropna=False, as_index=False)["pence"].sum()
    # In an order of its own, so that the file's changes nothing.
    rows = rows.sort_values([*by, "pence"])
    amounts = rows["pence"].to_numpy(float)
    if (amounts < 0).any() or not amounts.sum() > 0:
        raise ValueError("concentration: found an amount below 0, or no spend; allowed amounts of "
                         "0 or more, above 0 in all")
    key = hashlib.blake2b(name.encode(), digest_size=16).digest()
    luck = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))
    codes, many = [pd.factorize(rows[one])[0] for one in by], len(rows)
    again = np.full((resamples, len(by), 2), np.nan)
    even = amounts.sum() ** 2 / (amounts @ amounts)
    for at in range(resamples if even >= FEWEST else 0):
        chosen = luck.integers(0, many, many)
        again[at] = [_held(code[chosen], amounts[chosen], k) for code in codes]
    if even < EACH * k:
        again[..., 1] = np.nan
    table = [{"units": many, **_measures(code, amounts, k, again[:, at])}
             for at, code in enumerate(codes)]
    return pd.DataFrame(table, pd.Index(by, name="by"))


def _held(codes, amounts, k):
    """Sum of squared shares, and share of the k largest."""
    sums = np.bincount(codes, amounts)
    shares = sums / max(sums.sum(), 1.0)
    return (shares**2).sum(), np.sort(shares)[-k:].sum()


def _measures(codes, amounts, k, again):
    found, sums, itself = _held(codes, amounts, k), np.bincount(codes, amounts), amounts @ amounts
    low, high = np.quantile(again, [0.025, 0.975], axis=0)
    # At the least each unit has a supplier of its own.
    bias, least = again.mean(0) - found, np.array([1, min(k, len(sums))]) / len(codes)
    low, high = (np.clip(end - times * bias, least, 1)
                 for end, times in ((low, (2, 3)), (high, (2, 1))))
    pairs = sums.sum() ** 2 - itself
    return {"names": len(sums), "top": found[1], "top_low": low[1], "top_high": high[1],
            "hhi": 1e4 * found[0], "hhi_low": 1e4 * low[0], "hhi_high": 1e4 * high[0],
            "hhi_unbiased": 1e4 * (sums @ sums - itself) / pairs if pairs > 0 else np.nan,
            "effective": 1 / found[0]}


def others(growth, share, grown):
    """How much all others grew where a total grew by growth and its largest by grown, all shares.

    share: the largest's part of the later total. With that total 1:
    (1 - share) / (1 / (1 + growth) - share / (1 + grown)) - 1.
    """
    return (1 - share) / (1 / (1 + growth) - share / (1 + grown)) - 1


def rest(total, growth, share, grown):
    """What printed figures of a total and its largest say of all others, by arithmetic: dict.

    total GBP, of the later year; growth, share, grown: of `others`, each (how, value) as printed,
    how one of ROUNDED. value, low, high: growth of the others, a share; GBP: rise, of the total,
    and others, their part of it.
    """
    parts = growth, share, grown
    found = [others(*ends) for ends in product(*(
        [value + off for off in ROUNDED[how]] for how, value in parts))]
    g, s, h = (value for _, value in parts)
    return {"value": others(g, s, h), "low": min(found), "high": max(found),
            "rise": total * g / (1 + g), "others": total * (g / (1 + g) - s * h / (1 + h))}


def by_kind(register, years, spend=None):
    """Contracts of each kind in each financial year: frame by financial_year and kind.

    in_place: in force on any day of the year; started in it; share of those in place, with its
    exact 95% interval (Clopper and Pearson 1934); spend GBP, and its share, where given.
    """
    needs(register, "register", "kind", "start", "end")
    start, end = (pd.Series([as_day(day) or blank for day in register[name]], register.index)
                  for name, blank in (("start", date.min), ("end", date.max)))
    paid = totals(spend, "kind") if spend is not None else pd.DataFrame()
    kinds = sorted({*register["kind"], *paid.columns})
    rows = []
    for year in years:
        first, last = date(int(year[:4]), 4, 1), date(int(year[:4]) + 1, 3, 31)
        place, new = (register.loc[chosen, "kind"].value_counts().reindex(kinds, fill_value=0)
                      for chosen in ((start <= last) & (end >= first),
                                     (start >= first) & (start <= last)))
        spent = paid.T.get(year, pd.Series(dtype=float)).reindex(kinds)
        low, high = np.transpose([_exact(n, place.sum()) for n in place])
        rows.append(pd.DataFrame({
            "in_place": place, "started": new, "share": place / max(place.sum(), 1),
            "share_low": low, "share_high": high, "spend": spent,
            "spend_share": spent / spent.sum()}))
    return pd.concat(rows, keys=list(years), names=["financial_year", "kind"])


def _exact(n, of):
    """Exact 95% interval of a share, n of so many."""
    return (betaincinv(n, of - n + 1, 0.025) if n else 0.0,
            betaincinv(n + 1, of - n, 0.975) if n < of else 1.0)


def change(before, after):
    """Ratio of two counts of contracts started, in periods of one length -> Change.

    Poisson counts, given their sum: exact binomial interval (Przyborowski and Wilenski 1940). Not
    for contracts in place, of which one that lasts is counted in both years.
    """
    low, high = (share / (1 - share) if share < 1 else np.inf
                 for share in _exact(after, before + after))
    return Change(after / before if before else np.nan, low, high)


def aggregate(spend):
    """Spend to set against thresholds: frame of financial_year, category and justification.

    gbp_a_year (VAT as in the list), purchases (rows), suppliers; not_stated: GBP of it that said no
    justification, and counts as in_contract where its kind is ON_CONTRACT, else as unjustified.
    Rows of one category and year are the `lines` of `case.procurement.aggregation`.
    """
    rows = _spend(spend, ["category", "supplier", "kind"])
    needs(spend, "spend", "justification")
    blank = rows["justification"].fillna("").eq("")
    guess = np.where(rows["kind"].isin(ON_CONTRACT), "in_contract", "unjustified")
    rows = rows.assign(justification=rows["justification"].mask(blank, guess),
                       blank=rows["pence"].where(blank, 0))
    found = rows.groupby(["financial_year", "category", "justification"], as_index=False).agg(
        gbp_a_year=("pence", "sum"), purchases=("pence", "size"), suppliers=("supplier", "nunique"),
        not_stated=("blank", "sum"))
    found[["gbp_a_year", "not_stated"]] /= 100
    return found


def voids(register):
    """Places of blocks that are paid for and stand empty: frame, a row a block.

    occupancy: children a place; void_places; extra_children beyond the places; void_cost GBP/year,
    at price_per_week or, where that is blank, at the annual value of a place. Blank where the
    register says no places or children.
    """
    needs(register, "register", "kind", "places", "children", "price_per_week", "annual_value")
    blocks = register[register["kind"] == "block"]
    columns = [name for name in ("reference", "title", "supplier", "owner", "category")
               if name in blocks]
    made = blocks[[*columns, "places", "children"]].copy()
    weekly = blocks["price_per_week"].astype(float).fillna(
        blocks["annual_value"] / blocks["places"] / WEEKS)
    empty = blocks["places"] - blocks["children"]
    return made.assign(occupancy=blocks["children"] / blocks["places"],
                       void_places=empty.clip(lower=0), extra_children=(-empty).clip(lower=0),
                       price_per_week=weekly,
                       void_cost=(empty.clip(lower=0) * weekly * WEEKS).round(2))
