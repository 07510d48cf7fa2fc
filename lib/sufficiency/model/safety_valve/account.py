"""The high needs account: income on one basis, in-year position, four bases of deficit.

GBP; a positive balance is a deficit. Whole pence inside, so that identities hold to the penny:
closing = opening + in year - contributions - payments - grant.
"""

import numpy as np
import xarray as xr

from sufficiency.model.costs.ledger import level

DIMS = ("draw", "financial_year")
BASES = ("gross", "after_council", "after_council_and_dfe", "all_blocks")
LINES = ("gross", "council_money", "after_council", "dfe_money", "after_council_and_dfe",
         "other_blocks", "unreconciled", "all_blocks")
# What each basis of income is made of; recouped: places the government funds direct.
BLOCKS = {"after_deductions": ("block_after",), "before_deductions": ("block_before", "recouped")}
SPENT = ("spend", "place_funding")
OPTIONAL = ("import_export", "transfer", "contributions", "payments", "grant")
FUND = "dsg_high_needs"
KEY = "safety_valve"


def pence(gbp, name="account"):
    """Whole pence, int64, of GBP; refuses blanks, by name."""
    gbp = np.asarray(gbp, float)
    if not np.isfinite(gbp).all():
        raise ValueError(f"{name}: found a blank; allowed GBP in every draw and year")
    return np.rint(gbp * 100).astype(np.int64)


def run(flows, opening, years, basis="after_deductions"):
    """In-year position and deficit of each year.

    in year = spend (1.2.x) + place_funding (1.0.2 maintained) - block_after - import_export -
    transfer; before deductions: + recouped, block_before instead. flows {name: (draw, year) GBP, or
    what broadcasts to it}, also contributions, payments, grant; opening: see `reconcile`. -> every
    flow, income, in_year (draw, financial_year); opening (draw, line); deficit (draw,
    financial_year, basis). Refuses mixed bases, unknown flows, money of another fund.
    """
    lines = reconcile(opening)
    shape = (lines.sizes["draw"], len(years))
    check_flows(flows, basis, shape)
    made = {name: np.broadcast_to(pence(flows.get(name, 0.0), f"account: {name}"), shape)
            for name in (*SPENT, *BLOCKS[basis], *OPTIONAL)}
    made["block"] = made.pop(BLOCKS[basis][0])
    made["income"] = made["block"] + made["import_export"] + made["transfer"]
    made["in_year"] = sum(made.get(n, 0) for n in (*SPENT, "recouped")) - made["income"]
    council, dfe = made["contributions"], made["payments"] + made["grant"]
    data = {name: (DIMS, amount / 100, {"units": "GBP"}) for name, amount in made.items()}
    deficit = deficits(lines, made["in_year"], council, dfe)
    return xr.Dataset(
        {**data, "opening": lines, "deficit": ((*DIMS, "basis"), deficit, {"units": "GBP"})},
        coords={"financial_year": list(years), "basis": list(BASES)}, attrs={"basis": basis})


def check_flows(flows, basis, shape):
    """Refuse mixed bases, a flow nobody reads, one missing or misshapen, another fund's money."""
    if basis not in BLOCKS:
        raise ValueError(f"{KEY}.income.basis: found {basis!r}; allowed {', '.join(BLOCKS)}")
    blocks = {name for names in BLOCKS.values() for name in names}
    if (given := blocks & set(flows)) != set(BLOCKS[basis]):
        raise ValueError(f"account: found {' and '.join(sorted(given)) or 'no block'}; allowed "
                         f"{' with '.join(BLOCKS[basis])} alone on the basis {basis}, never mixed")
    known = (*SPENT, *BLOCKS[basis], *OPTIONAL)
    wrong = [*(set(flows) - set(known)), *(set(SPENT) - set(flows))]
    if wrong:
        raise ValueError(f"account: found {', '.join(sorted(wrong))} unknown or missing; allowed "
                         f"{', '.join(known)}, of which {' and '.join(SPENT)} are required")
    for name, flow in flows.items():
        fund = getattr(flow, "attrs", {}).get("funded_by", FUND)
        if fund != FUND and name in SPENT:
            raise ValueError(f"account: {name}: found funded_by {fund}; allowed {FUND} alone")
        if np.shape(flow) not in ((), shape[1:], (shape[0], 1), shape):
            raise ValueError(f"account: {name}: found shape {np.shape(flow)}; allowed {shape}, "
                             "(draw, year)")


def reconcile(opening):
    """From the gross deficit to section 251 line 1.9.3: DataArray (draw, line), GBP, NaN blank.

    opening: basis of `balance` (gross, after_council, after_council_and_dfe); balance (draw,);
    money to date council_money, dfe_money; other_blocks; line_1_9_3, published (None: not known).
    Money put in is negative, so each balance is the sum of what stands above it. unreconciled =
    1.9.3 less everything known: with other blocks unknown, theirs is in it.
    """
    basis, blank = opening["basis"], np.full(np.shape(opening["balance"]), np.nan)
    if basis not in BASES[:3]:
        raise ValueError(f"{KEY}.opening.basis: found {basis!r}; allowed {', '.join(BASES[:3])}")
    balance, council, dfe, other, published = (
        np.rint((blank if opening.get(name) is None else np.asarray(opening[name], float)) * 100)
        for name in ("balance", "council_money", "dfe_money", "other_blocks", "line_1_9_3"))
    after = balance - sum([council, dfe][BASES.index(basis):], 0.0)
    if not np.isfinite(after).all():
        raise ValueError(f"{KEY}.opening: found a blank; allowed a balance in every world, and the "
                         f"council's and the Department's money where the balance is {basis}")
    unreconciled = published - after - np.nan_to_num(other)
    lines = (after + dfe + council, -council, after + dfe, -dfe, after, other, unreconciled,
             published)
    found = np.stack(np.broadcast_arrays(*lines), -1) / 100
    return xr.DataArray(found, dims=("draw", "line"), coords={"line": list(LINES)},
                        attrs={"units": "GBP"})


def deficits(lines, in_year, council, dfe):
    """Deficit at the end of each year on the four BASES, (draw, year, basis) GBP.

    lines: of `reconcile`; in_year, council, dfe (draw, year): pence of each year. Other blocks and
    the unreconciled line stay as they opened; a basis that opened blank stays blank.
    """
    start = lines.sel(line=list(BASES)).values[:, None, :] * 100
    gross, council, dfe = (np.cumsum(flow, 1) for flow in (in_year, council, dfe))
    moved = (gross, gross - council, gross - council - dfe, gross - council - dfe)
    return (np.rint(start) + np.stack(moved, -1)) / 100


def spent(spend):
    """What the high needs block pays for: {spend (1.2.x), place_funding (1.0.2)}, (draw, year).

    spend: the dataset of `costs.spend`; lines that another fund pays for are left out.
    """
    lines = spend["lines"].where(spend["funded_by"] == FUND, 0.0)
    counted, places = (lines.where(spend["basis"] == basis, 0.0).sum("line")
                       for basis in ("1.2.x", "1.0.2"))
    return {"spend": spend["nominal"].sum(("setting", "age_band")) + counted,
            "place_funding": places}


def income(case, worlds, years):
    """Income and planned contributions as assumed: {flow: (draw, year)}, for `run`.

    The block as published, then grown by income.block_growth from the last published year;
    recouped places (before less after) likewise by income.recouped_growth.
    """
    table, basis = case.published("high_needs_block"), case.value(f"{KEY}.income.basis")
    table = table.assign(recouped=table.get("before", np.nan) - table["after"])
    made = {"block_after": _grown(table["after"], worlds, f"{KEY}.income.block_growth", years)}
    if basis == "before_deductions":
        grown = _grown(table["recouped"], worlds, f"{KEY}.income.recouped_growth", years)
        made = {"block_before": made["block_after"] + grown, "recouped": grown}
    keys = {"import_export": "income.import_export", "transfer": "income.block_transfer",
            "contributions": "contributions"}
    return made | {name: by_year(case, worlds, f"{KEY}.{key}", years) for name, key in keys.items()}


def _grown(series, worlds, key, years):
    series = series.dropna()
    for year in years:
        if series.empty or (year not in series and year < series.index[-1]):
            raise ValueError(f"published.high_needs_block: found nothing for {year}; allowed "
                             f"{', '.join(series.index) or 'a year with both columns'} and later")
    last = series.index[-1]
    return np.stack([series.get(year, series[last]) * np.ones(worlds.draws) * (
        level(lambda y: worlds.at(key, y), last, year) if year > last else 1.0)
        for year in years], -1)


def opening(case, worlds, year=None):
    """What the account opens with, for `run` and `reconcile`; year: that of the case.

    Money and balances by safety_valve.opening, 1.9.3 as published at that 31 March; None where the
    case does not say.
    """
    year = year or case.value(f"{KEY}.opening.year")
    found = {name: at_year(case, worlds, f"{KEY}.opening.{name}", year)
             for name in ("balance", "council_money", "dfe_money", "other_blocks")}
    if found["balance"] is None:
        raise ValueError(f"{KEY}.opening.balance: found nothing for {year} known by "
                         f"{case.known_by or 'any date'}; allowed GBP, or a scenario dated then "
                         "that opens sooner")
    table, published = case.published("deficit_1_9_3", None), None
    if table is not None and year in table.index:
        scale = 1e6 if table.attrs["unit"] == "GBP million" else 1.0
        published = np.full(worlds.draws, table.loc[year, "deficit"] * scale)
    return {"basis": case.value(f"{KEY}.opening.basis"), **found, "line_1_9_3": published}


def at_year(case, worlds, key, year):
    """An assumption's values (draw,) in a year; None where the case says nothing about it."""
    if key not in case:
        return None
    made = case[key]
    carried = made.carry == "last" and made.values and year > max(made.values)
    return worlds.at(key, year) if not made.values or year in made.values or carried else None


def by_year(case, worlds, key, years, blank=0.0):
    """An assumption's values (draw, year); `blank` in years the case says nothing about."""
    found = (at_year(case, worlds, key, year) for year in years)
    return np.stack([np.full(worlds.draws, blank) if x is None else x for x in found], -1)
