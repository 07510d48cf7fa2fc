"""Why spend changes between two years: volume, mix, price, exact to the penny in every draw."""

import numpy as np
import xarray as xr

CAUSES = ("volume", "mix", "price")


def decompose(before_years, after_years, before_spend, after_spend):
    """Change of spend as volume + mix + price, GBP.

    volume = change of total placement-years at the old mean unit cost; mix = change of each
    setting's years beyond that, at its old unit cost; price = the rest (all of a setting that is
    new). All (draw, setting) -> (draw, 3) in the order of CAUSES.
    """
    before_years, before_spend = np.asarray(before_years, float), np.asarray(before_spend, float)
    if np.any(before_years.sum(-1) <= 0):
        raise ValueError("bridge: found no placement-years in the first year; allowed more than 0")
    opening = before_spend.sum(-1)
    unit = np.divide(before_spend, before_years, out=0 * before_spend, where=before_years > 0)
    volume = opening * (np.sum(after_years, -1) / before_years.sum(-1) - 1)
    mix = (np.asarray(after_years) * unit).sum(-1) - opening - volume
    return np.stack([volume, mix, np.sum(after_spend, -1) - opening - volume - mix], -1)


def bridge(spend, start, end, prices="nominal", funded_by="dsg_high_needs"):
    """Bars from one year's spend to another's: opening, volume, mix, price, lines, closing.

    spend: the dataset of `spend.spend`; lines: the change of those not per child that `funded_by`
    pays for. -> DataArray (draw, bar), GBP.
    """
    known = [str(year) for year in spend["financial_year"].values]
    if start not in known or end not in known:
        raise ValueError(f"bridge: found {start!r} to {end!r}; allowed {', '.join(known)}")
    settings, years = (spend[name].sum("age_band") for name in (prices, "placement_years"))
    lines = spend["lines" if prices == "nominal" else "lines_real"]
    lines = lines.where(spend["funded_by"] == funded_by, 0.0).sum("line")
    causes = decompose(*(years.sel(financial_year=y).values for y in (start, end)),
                       *(settings.sel(financial_year=y).values for y in (start, end)))
    opening, closing = ((settings.sum("setting") + lines).sel(financial_year=y).values
                        for y in (start, end))
    bars = np.column_stack([opening, causes, closing - opening - causes.sum(-1), closing])
    return xr.DataArray(bars, dims=("draw", "bar"), name="bridge",
                        coords={"bar": ["opening", *CAUSES, "lines", "closing"]},
                        attrs={"units": "GBP", "prices": prices, "from": start, "to": end})
