"""What children in care cost: weeks x weekly price x index x the luck of single prices."""

import numpy as np
import xarray as xr

from sufficiency.model.costs.spend import general_level, luck

WEEK, YEAR = 7.0, 365.25  # days


def spend(days, before, worlds, *, priced, uplifts, stay, base):
    """Spend of each world, GBP: nominal, real (draw, financial_year, category) and weekly price.

    Weeks = child-days / 7; price of care.prices.<category>, of its year in `priced`, risen each
    year by care.uplift.<uplifts>. days: of `children.child_days`; before (category,): child-days
    of the last year counted; stay (category,): share who keep their category over a year; luck as
    in `costs.spend`, real at prices of `base` by general inflation.
    """
    names, years = list(days["category"].values), list(days["financial_year"].values)
    price = np.stack([_path(worlds, name, priced[name], uplifts[name], years) for name in names],
                     -1)
    children = np.concatenate([np.broadcast_to(before, days.values[:, :1].shape), days.values], 1)
    normals = np.stack([np.stack([worlds.normal(f"care.luck.{name}.{year}") for name in names], -1)
                        for year in ["", *years]], 1)
    sigma = np.stack([worlds[f"care.spread.{name}"] for name in names], -1)
    chance = luck(children / YEAR, sigma, np.asarray(stay), normals)[:, 1:] if normals.any() else 1
    nominal = days.values / WEEK * price * chance
    level = general_level(worlds, base, years)[..., None]
    fund = {"funded_by": "social_care"}
    return xr.Dataset(
        {"nominal": (days.dims, nominal, {"units": "GBP", **fund}),
         "real": (days.dims, nominal / level, {"units": f"GBP at {base} prices", **fund}),
         "weekly_price": (days.dims, price * np.ones_like(nominal), {"units": "GBP/place/week"}),
         "weeks": (days.dims, days.values / WEEK, {"units": "weeks"})}, days.coords)


def _path(worlds, name, priced, uplift, years):
    """Weekly price (draw, year)."""
    rise = 1 + worlds[f"care.uplift.{uplift}"][:, None]
    time = np.array([int(year[:4]) - int(priced[:4]) for year in years])
    return worlds[f"care.prices.{name}"][:, None] * rise**time
