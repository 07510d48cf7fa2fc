"""Spend by financial year, setting and age band: placement-years x unit cost x index x luck."""

import numpy as np
import xarray as xr
from scipy.special import ndtr, ndtri

from sufficiency.model.costs.ledger import INDICES, level, years_between


def paid_index(rate_in, base, years, old_share):
    """Mean price paid in each year against the mean paid in base, both with an uplift in the year.

    Until the uplift month `old_share` of the year's money goes out at last year's price:
    paid_f = old_share x L_(f-1) + (1 - old_share) x L_f, L the level after the uplift of f.
    rate_in(year) -> (draw,); base is itself such a year. -> (draw, year)
    """
    def paid(year):
        after = level(rate_in, base, year)
        return after * (1 - old_share + old_share / (1 + rate_in(year)))
    return np.stack([paid(year) / paid(base) for year in years], -1)


def old_price_share(month, summer_share):
    """Share of a year's money paid before an uplift in this month (4 April ... 9 September)."""
    if not 1 <= month <= 12:
        raise ValueError(f"costs.uplift_month: {month}; allowed: 1 to 12")
    return float(np.interp((month - 4) % 12, [0, 5, 12], [0, summer_share, 1]))


def luck(children, sigma, stay, normals):
    """What chance in single children's costs does to a setting's total, as a multiple of the mean.

    exp(s z - v s^2 / 2), s^2 = ln(1 + (exp(sigma^2) - 1) / N). The first year is known, so z = 0;
    then z = stay x z before + sqrt(1 - stay^2) x normal, whose variance v is 1 - stay^(2h) after h
    years and tends to 1. children (draw, year, setting); sigma (draw, setting); stay (setting,);
    normals (draw, year, setting), the first year unused -> (draw, year, setting), mean 1.
    """
    children = np.maximum(children, 1.0)
    variance = np.log1p(np.expm1(sigma**2)[:, None] / children)
    result, z, known = np.ones_like(variance), np.zeros_like(variance[:, 0]), np.zeros(len(stay))
    for year in range(1, variance.shape[1]):
        z = stay * z + np.sqrt(1 - stay**2) * normals[:, year]
        known = stay**2 * known + 1 - stay**2
        result[:, year] = np.exp(np.sqrt(variance[:, year]) * z - known * variance[:, year] / 2)
    return result


def dearest(children, mean, sigma, probability):
    """Cost that the dearest of so many placements stays under with this probability.

    exp(ln mean - sigma^2 / 2 + sigma x ndtri(probability^(1/N))): lognormal fees, independent.
    With one child it is the quantile of a single fee. Arrays broadcast. Refuses probability
    outside (0, 1) and fewer than one child.
    """
    children, probability = np.asarray(children, float), np.asarray(probability, float)
    if np.any((probability <= 0) | (probability >= 1)) or np.any(children < 1):
        raise ValueError(f"dearest: {children} children, probability {probability}; allowed: at "
                         "least 1 and strictly between 0 and 1")
    return np.exp(np.log(mean) - sigma**2 / 2 + sigma * ndtri(probability ** (1 / children)))


def chance_above(children, mean, sigma, limit):
    """Chance that at least one of so many placements costs more than the limit."""
    under = ndtr((np.log(limit / mean) + sigma**2 / 2) / sigma)
    return -np.expm1(children * np.log(under))


def uplift_paths(worlds, case, base, years, shares):
    """Index of each kind against base, the last closed year: (draw, year, index)."""
    paths = []
    for kind, key in INDICES.items():
        month = case[f"costs.uplift_month.{kind}"].central_value() if key else 4
        old = old_price_share(month, shares.get(kind, 5 / 12))
        paths.append(paid_index(lambda y, key=key: worlds.at(key, y), base, years, old)
                     if key else np.ones((worlds.draws, len(years))))
    return np.stack(paths, -1)


def spend(paid, worlds, case, ledger, stay):
    """Spend of each world from the last closed year on, GBP, nominal and at base-year prices.

    paid: DataArray of placement-years (draw, financial_year, setting, age_band); ledger from
    `ledger.tie`, in the same worlds; stay: share who keep their setting, by setting. -> dataset of
    nominal, real, placement_years (draw, financial_year, setting, age_band), unit_cost, lines and
    lines_real (draw, financial_year, line), with funded_by and basis along line.
    """
    settings = [str(name) for name in paid["setting"].values]
    if list(ledger.settings) != settings:
        raise ValueError(f"costs: settings {settings}; allowed: {list(ledger.settings)}")
    paid = paid.sel(financial_year=[y for y in paid["financial_year"].values if y >= ledger.last])
    years = [str(y) for y in paid["financial_year"].values]
    path = uplift_paths(worlds, case, ledger.last, years, {"provider": 1 / 3})
    past = since_base(case, ledger)
    unit = np.einsum("dks,dfk->dfs", ledger.unit * past[None, :, None], path)
    unit *= ledger.factor[:, None, None]
    sigma = np.stack([worlds[f"costs.spread.{name}"] for name in settings], -1)
    normals = np.stack([np.stack([worlds.normal(f"costs.luck.{name}.{year}") for name in settings],
                                 -1) for year in years], 1)
    chance = luck(paid.values.sum(-1), sigma, np.asarray(stay, float), normals)
    nominal = paid.values * (unit * chance)[..., None]
    lines, about = fixed_lines(ledger, path, past)
    more, about_more = lines_beside(paid.values.sum((-1, -2)), worlds, case, years)
    return dataset(paid, nominal, unit, np.concatenate([lines, more], -1), about + about_more,
                   price_levels(worlds, case, years))


def since_base(case, ledger):
    """Index of each kind from the lines' year to the last closed year, central: (index,)."""
    return np.array([level(lambda y, key=key: case[key].central_value(y), ledger.base, ledger.last)
                     if key else 1.0 for key in INDICES.values()])


def price_levels(worlds, case, years):
    """General price level against the base year of real prices: (draw, year), and that year."""
    base = str(case.value("costs.prices_of"))
    levels = [np.broadcast_to(level(lambda y: worlds.at(INDICES["general"], y), base, year),
                              worlds.draws) for year in years]
    return np.stack(levels, -1), base


def fixed_lines(ledger, path, past):
    """The ledger's lines that are not per child: (draw, year, line), and (name, label, ...) each.

    Lines inside the 1.2.x outturn carry the calibration factor; others, such as place funding, do
    not. Lines wholly per child are left out.
    """
    kept, about = [], []
    for column, (name, line) in enumerate(ledger.spec.items()):
        if not np.any(ledger.fixed[:, column]):
            continue
        kind, counted = list(INDICES).index(line["uplift"]), line.get("in_outturn", True)
        amount = ledger.fixed[:, column] * past[kind] * (ledger.factor if counted else 1.0)
        kept.append(amount[:, None] * path[:, :, kind])
        about.append((name, line["label"], line["funded_by"], "1.2.x" if counted else "1.0.2"))
    return (np.stack(kept, -1) if kept else np.empty((*path.shape[:2], 0))), about


def lines_beside(plans, worlds, case, years):
    """Costs outside the high needs block that follow all plans, such as transport.

    plans (draw, year) x share of plans x unit cost x general inflation from the cost's own year.
    Refuses one funded by the high needs block, which would count it twice.
    """
    amounts, about = [], []
    for name, entry in case.value("costs.beside", {}).items():
        if entry["funded_by"] == "dsg_high_needs":
            raise ValueError(f"costs.beside.{name}.funded_by: dsg_high_needs; allowed: any other")
        price = worlds[f"costs.beside.{name}.unit"] * worlds[f"costs.beside.{name}.share"]
        levels = np.stack([level(lambda y: worlds.at(INDICES["general"], y), entry["prices"], year)
                           * np.ones(worlds.draws) for year in years], -1)
        amounts.append(plans * price[:, None] * levels)
        about.append((name, entry["label"], entry["funded_by"], "outside the block"))
    return (np.stack(amounts, -1) if amounts else np.empty((*plans.shape, 0))), about


def dataset(paid, nominal, unit, lines, about, prices):
    """Results with named dimensions, units and funded_by."""
    dims, (levels, base) = ("draw", "financial_year", "setting", "age_band"), prices
    names, labels, payers, basis = zip(*about, strict=True) if about else ((), (), (), ())
    by_line = ("draw", "financial_year", "line")
    along = {"funded_by": ("line", list(payers)), "basis": ("line", list(basis)),
             "label": ("line", list(labels))}
    return xr.Dataset(
        {"nominal": (dims, nominal, {"units": "GBP", "funded_by": "dsg_high_needs"}),
         "real": (dims, nominal / levels[..., None, None],
                  {"units": f"GBP at {base} prices", "funded_by": "dsg_high_needs"}),
         "placement_years": (dims, paid.values, {"units": "placement-years"}),
         "unit_cost": (dims[:3], unit, {"units": "GBP/placement-year"}),
         "lines": (by_line, lines, {"units": "GBP"}),
         "lines_real": (by_line, lines / levels[..., None], {"units": f"GBP at {base} prices"})},
        coords={**{d: paid[d].values for d in dims[1:]}, "line": list(names), **along},
        attrs={"prices_of": base},
    )
