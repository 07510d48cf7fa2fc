"""Why this forecast differs from an earlier one: volume, mix, price, grant, timing, savings."""

import numpy as np
import pandas as pd

from sufficiency.model.costs.bridge import CAUSES, decompose

COLUMNS = ["financial_year", "item", "setting", "value"]
BY_SETTING = ("placement_years", "spend")
KEPT = ("financial_year", "setting")
SERVICES = ("lines", "place_funding", "recouped")
SETTLED = ("contributions", "payments", "grant", "met_centrally", "charged")
NEEDED = ("income", "in_year", "opening", "closing")
ITEMS = (*SERVICES, "income", "savings", *SETTLED, "in_year", "opening", "closing")
BARS = ("earlier", *CAUSES, "other services", "grant and income", "opening balance", "timing",
        "savings", "now")  # fmt: skip
# GBP: a stored results file keeps ten significant figures
TIES = 10.0


def forecast_frame(placement_years, spend, account):
    """A forecast to keep for a later movement: tidy means, one row a figure.

    placement_years and spend (draw, financial_year, setting), GBP: before measures, of the years
    of the account or more. account {item: (draw, financial_year)}, GBP: income, in_year, opening
    and closing; lines, place_funding, recouped places, savings (what measures take off the in-year
    position), contributions, payments and the rest of SETTLED (what they take off the balance),
    nought if absent. -> DataFrame financial_year, item, setting (`all` for the account's), value:
    placement-years, GBP to the penny. Refuses one that does not tie: in_year = spend + lines +
    place_funding + recouped - income - savings; closing = opening + in_year - contributions -
    payments - grant.
    """
    odd = [name for name in account if name not in ITEMS]
    if odd or not set(NEEDED) <= set(account):
        raise ValueError(f"forecast_frame: found {', '.join(map(str, account))}; allowed "
                         f"{', '.join(ITEMS)}, of which {', '.join(NEEDED)} are needed")
    years = account["in_year"]["financial_year"].values
    parts = []
    for name, values in (("placement_years", placement_years), ("spend", spend),
                         *((item, account[item]) for item in ITEMS if item in account)):
        found = values.sum([d for d in values.dims if d not in ("draw", *KEPT)]).mean("draw")
        found = found if "setting" in found.dims else found.expand_dims(setting=["all"])
        found = found.sel(financial_year=years).transpose(*KEPT)
        found = found if name == "placement_years" else found.round(2)
        parts.append(found.to_series().rename("value").reset_index().assign(item=name))
    frame = pd.concat(parts, ignore_index=True)[COLUMNS]
    _read(frame, "forecast_frame")
    return frame


def movement(earlier, now, financial_year, figure="in_year"):
    """Bars from an earlier forecast of a year's figure to today's: Series over BARS, GBP.

    earlier, now: frames of `forecast_frame`; figure: in_year, or closing, where the bars sum over
    the years from the first that both have, and `opening balance` is the change at its start.
    volume, mix and price as in `bridge.decompose`, at the earlier unit costs; other services:
    lines and places, with the pence of rounding; grant and income: the block, and the grant
    that writes off a balance; timing: contributions and payments. More deficit is positive, so
    earlier plus the bars is now, to the penny. Refuses frames without the years, with other
    settings, or that do not tie.
    """
    if figure not in ("in_year", "closing"):
        raise ValueError(f"movement: found figure {figure!r}; allowed in_year, closing")
    before, after = _read(earlier, "earlier"), _read(now, "now")
    if set(before["spend"]) != set(after["spend"]):
        raise ValueError(f"movement: found settings {', '.join(sorted(before['spend']))} earlier "
                         f"and {', '.join(sorted(after['spend']))} now; allowed the same in both")
    years = _years(before, after, str(financial_year), figure)
    bars = pd.Series(0.0, index=list(BARS), name=figure)
    for year in years:
        sides = [frame[name].loc[year].sort_index().to_numpy()[None]
                 for name in BY_SETTING for frame in (before, after)]
        bars[list(CAUSES)] += decompose(*sides)[0]
    change = (after["account"].loc[years] - before["account"].loc[years]).sum()
    bars["savings"] = -change["savings"]
    bars["grant and income"] = -change["income"]
    if figure == "closing":
        bars["grant and income"] -= change["grant"] + change["met_centrally"]
        bars["timing"] = -change[["contributions", "payments", "charged"]].sum()
        opened = (frame["account"].loc[years[0], "opening"] for frame in (after, before))
        bars["opening balance"] = np.subtract(*opened)
    bars["earlier"], bars["now"] = (frame["account"].loc[years[-1], figure]
                                    for frame in (before, after))
    bars = bars.round(2)
    bars["other services"] = bars["now"] - bars.drop(["now", "other services"]).sum()
    return bars.round(2) + 0.0  # no minus nought


def _read(frame, which):
    """{account: year x item, placement_years and spend: year x setting}, checked that it ties."""
    if list(frame.columns) != COLUMNS:
        raise ValueError(f"movement: found columns {list(frame.columns)} in {which}; allowed "
                         f"{', '.join(COLUMNS)}, as `forecast_frame` makes them")
    found = {name: rows.pivot(index="financial_year", columns="setting", values="value")
             for name, rows in frame.groupby("item") if name in BY_SETTING}
    rows = frame[~frame["item"].isin(BY_SETTING)]
    wide = rows.pivot(index="financial_year", columns="item", values="value")
    lost = [name for name in NEEDED if name not in wide]
    if lost:
        raise ValueError(f"movement: found no {', '.join(lost)} in {which}; allowed a frame as "
                         "`forecast_frame` makes it")
    account = found["account"] = wide.reindex(columns=list(ITEMS)).fillna(0.0)
    need = found["spend"].sum(axis=1) + account[[*SERVICES]].sum(axis=1)
    gaps = {
        "in_year": account["in_year"] - need + account["income"] + account["savings"],
        "closing": account["closing"] - account["opening"] - account["in_year"]
        + account[[*SETTLED]].sum(axis=1),
        "opening": (account["opening"] - account["closing"].shift()).iloc[1:],
    }
    for name, gap in gaps.items():
        year = gap.abs().fillna(np.inf).idxmax() if len(gap) else None
        if year and not abs(gap[year]) <= TIES:
            raise ValueError(f"movement: found {name} £{gap[year]:,.2f} beyond its parts in "
                             f"{which}, {year}; allowed £{TIES:.0f} of rounding")
    return found


def _years(before, after, financial_year, figure):
    """The year, or for a closing balance those to it from the first that both forecasts have."""
    held = {"earlier": list(before["account"].index), "now": list(after["account"].index)}
    for which, years in held.items():
        if financial_year not in years:
            raise ValueError(f"movement: found {', '.join(years)} in {which}; allowed one that "
                             f"has {financial_year}")
    first = financial_year if figure == "in_year" else max(min(years) for years in held.values())
    return [year for year in held["now"] if first <= year <= financial_year]

