"""Spend by financial year, setting and age band: placement-years x unit cost x index x luck."""

import numpy as np
import xarray as xr
from scipy.special import ndtr, ndtri

from sufficiency.model.costs.ledger import INDICES, UPLIFTS, level

DIMS = ("draw", "financial_year", "setting", "age_band")


def old_price_share(month, summer_share):
    """Share of a year's money paid before an uplift in this month (4 April, 9 September)."""
    if not 1 <= month <= 12:
        raise ValueError(f"costs.uplift_month: found {month}; allowed 1 to 12")
    return float(np.interp((month - 4) % 12, [0, 5, 12], [0, summer_share, 1]))


def paid_index(rate_in, base, years, old_share):
    """Mean price paid in each year against the mean paid in base: (draw, year).

    paid_f = old_share x L_(f-1) + (1 - old_share) x L_f, L the level after the uplift of f, where
    old_share of a year's money goes out before its uplift. rate_in(year) -> (draw,).
    """
    def paid(year):
        return level(rate_in, base, year) * (1 - old_share + old_share / (1 + rate_in(year)))
    return np.stack([paid(year) / paid(base) for year in years], -1)


def luck(children, sigma, stay, normals):
    """What chance in single children's costs does to a setting's total, as a multiple of the mean.

    exp(s z - v s^2 / 2), s^2 = ln(1 + (exp(sigma^2) - 1) / N). The first year is known, so z = 0;
    then z = stay x z before + sqrt(1 - stay^2) x normal, whose variance v is 1 - stay^(2h) after h
    years and tends to 1. children (draw, year, setting), sigma (draw, setting), stay (setting,),
    normals (draw, year, setting), the first year unused -> (draw, year, setting), mean 1.
    """
    variance = np.log1p(np.expm1(sigma**2)[:, None] / np.maximum(children, 1.0))
    result, z, known = np.ones_like(variance), 0.0, 0.0
    for year in range(1, variance.shape[1]):
        z = stay * z + np.sqrt(1 - stay**2) * normals[:, year]
        known = stay**2 * known + 1 - stay**2
        result[:, year] = np.exp(np.sqrt(variance[:, year]) * z - known * variance[:, year] / 2)
    return result


def dearest(children, mean, sigma, probability):
    """Cost that the dearest of so many placements stays under with this probability.

    exp(ln mean - sigma^2 / 2 + sigma x ndtri(probability^(1/N))): independent lognormals; with one
    child, the quantile of a single fee.
    """
    children, probability = np.asarray(children, float), np.asarray(probability, float)
    if np.any((probability <= 0) | (probability >= 1)) or np.any(children < 1):
        raise ValueError(f"dearest: found {children} children, probability {probability}; allowed "
                         "at least 1, and strictly between 0 and 1")
    return np.exp(np.log(mean) - sigma**2 / 2 + sigma * ndtri(probability ** (1 / children)))


def chance_above(children, mean, sigma, limit):
    """Chance that at least one of so many placements costs more than the limit."""
    under = ndtr((np.log(limit / mean) + sigma**2 / 2) / sigma)
    return -np.expm1(children * np.log(under))


def spend(paid, worlds, case, ledger, stay):
    """Spend of each world from the last closed year on, GBP, nominal and at base-year prices.

    paid: DataArray of placement-years over DIMS; ledger: `ledger.tie` in the same worlds; stay:
    share who keep their setting, (setting,). -> dataset of nominal, real, placement_years over
    DIMS, unit_cost, lines and lines_real (draw, financial_year, line); funded_by along line.
    """
    settings = [str(name) for name in paid["setting"].values]
    if list(ledger.settings) != settings:
        raise ValueError(f"costs: found settings {settings}; allowed {list(ledger.settings)}")
    paid = paid.sel(financial_year=[y for y in paid["financial_year"].values if y >= ledger.last])
    years = [str(y) for y in paid["financial_year"].values]
    path = price_paths(worlds, case, ledger.last, years)
    unit = np.einsum("dks,dfk->dfs", ledger.unit * ledger.growth[:, None], path)
    unit *= ledger.factor[:, None, None]
    sigma = np.stack([worlds[f"costs.spread.{name}"] for name in settings], -1)
    normals = np.stack([np.stack([worlds.normal(f"costs.luck.{name}.{year}") for name in settings],
                                 -1) for year in years], 1)
    # Worlds that are scenarios have no luck, all normals 0: theirs is the mean, not the median.
    chance = luck(paid.values.sum(-1), sigma, np.asarray(stay), normals) if normals.any() else 1.0
    nominal = paid.values * (unit * chance)[..., None]
    lines = [*fixed_lines(ledger, path), *beside(paid.values.sum((2, 3)), worlds, case, years)]
    base = str(case.value("costs.prices_of"))
    return dataset(paid, nominal, unit, lines, general_level(worlds, base, years), base)


def price_paths(worlds, case, base, years):
    """Index of each kind against the last closed year: (draw, year, index)."""
    paths = []
    for kind, key in UPLIFTS.items():
        summer = 1 / 3 if kind == "provider" else 5 / 12
        old = key and old_price_share(case[f"costs.uplift_month.{kind}"].central_value(), summer)
        paths.append(paid_index(lambda y, key=key: worlds.at(key, y), base, years, old)
                     if key else np.ones((worlds.draws, len(years))))
    return np.stack(paths, -1)


def general_level(worlds, base, years):
    """General price level against base: (draw, year)."""
    return np.stack([level(lambda y: worlds.at(UPLIFTS["general"], y), base, year)
                     * np.ones(worlds.draws) for year in years], -1)


def fixed_lines(ledger, path):
    """Lines not per child: (draw, year) and what each is called; the factor is for 1.2.x alone."""
    for column, (name, line) in enumerate(ledger.spec.items()):
        kind, counted = INDICES.index(line["uplift"]), line.get("in_outturn", True)
        amount = ledger.fixed[:, column] * ledger.growth[kind] * (ledger.factor if counted else 1)
        if np.any(amount):
            yield (amount[:, None] * path[:, :, kind],
                   (name, line["label"], line["funded_by"], "1.2.x" if counted else "1.0.2"))


def beside(plans, worlds, case, years):
    """Costs outside the high needs block that follow all plans, such as transport.

    plans (draw, year) x share of plans x unit cost x general inflation. Refuses high needs money.
    """
    for name, entry in case.value("costs.beside", {}).items():
        key = f"costs.beside.{name}"
        if entry["funded_by"] == "dsg_high_needs":
            raise ValueError(f"{key}.funded_by: found dsg_high_needs; allowed any other fund")
        price = worlds[f"{key}.unit"] * worlds[f"{key}.share"]
        yield (plans * price[:, None] * general_level(worlds, str(entry["prices"]), years),
               (name, entry["label"], entry["funded_by"], "outside the block"))


def dataset(paid, nominal, unit, lines, levels, base):
    """Results with dimensions, units and funded_by; real = nominal / general price level."""
    about = np.array([words for _, words in lines], dtype=str).reshape(-1, 4).T
    money = np.stack([amount for amount, _ in lines], -1) if lines else np.empty((*levels.shape, 0))
    real, fund = {"units": f"GBP at {base} prices"}, {"funded_by": "dsg_high_needs"}
    by_line = (*DIMS[:2], "line")
    coords = {name: ("line", words) for name, words in
              zip(("line", "label", "funded_by", "basis"), about, strict=True)}
    return xr.Dataset(
        {"nominal": (DIMS, nominal, {"units": "GBP", **fund}),
         "real": (DIMS, nominal / levels[..., None, None], {**real, **fund}),
         "placement_years": (DIMS, paid.values, {"units": "placement-years"}),
         "unit_cost": (DIMS[:3], unit, {"units": "GBP/placement-year"}),
         "lines": (by_line, money, {"units": "GBP"}),
         "lines_real": (by_line, money / levels[..., None], real)},
        coords={**{name: paid[name].values for name in DIMS[1:]}, **coords},
        attrs={"prices_of": base},
    )
