"""From beliefs to children to money: the models in their order, in given worlds."""

from dataclasses import replace

import numpy as np
import xarray as xr

from sufficiency.model.appraisal import influence
from sufficiency.model.costs import ledger
from sufficiency.model.costs.spend import chance_above, dearest, spend
from sufficiency.model.placements import calendar, engine, growth
from sufficiency.model.placements.calibrate import calibrate
from sufficiency.model.streams import Worlds

# No projection of the population goes further (judgement).
FURTHEST = 2050
# Their mean gap is that of 3,000 to 0.03% of outturn.
GAP_DRAWS = 500

# Families of shocks by how their names begin, each by the assumption that says how large it is.
CHANCE = {
    "placements.growth.spread": "placements.growth.shock.",
    "placements.moves.spread.independent_special": "placements.moves.shock.",
    "placements.ceasing.spread": "placements.ceasing.shock.",
    "placements.unreconciled.spread": "placements.unreconciled.shock.",
    "costs.spread.independent_special": "costs.luck.",
}


def simulate(case, calibration, worlds, kind="counts", threads=2, change=None):
    """Plans each January and the flows of the year after, to one January past the horizon.

    change: what measures do to the paths of `growth.growth_paths`, a function of them. -> dataset:
    plans (draw, year, setting, age at 31 August), flows (draw, year, setting). The extra January
    ends the last financial year; no flow follows it, so there the flows are nought.
    """
    rates, first = calibration.rates, calibration.first_january
    years = januaries(case, calibration)
    paths = growth.growth_paths(calibration, worlds, years)
    found = engine.project(
        rates, periods=years, seed=worlds.seed, draws=worlds.draws, engine=kind, threads=threads,
        **(change(paths) if change else paths),
    )  # fmt: skip
    dims = ("draw", "year", "setting", "age")
    flows = {
        name: (dims[:3], np.concatenate([found[name], np.zeros_like(found[name][:, :1])], 1))
        for name in engine.FLOWS
    }
    ages = rates.first_age + np.arange(rates.stock.shape[1])
    return xr.Dataset(
        {"plans": (dims, found["stock"], {"units": "plans"}), **flows},
        {"year": [first, *years], "setting": list(rates.places), "age": ages},
    )


def januaries(case, calibration):
    """Januaries to forecast: those after the last counted, to one past the horizon.

    Refuses a horizon that the counts have reached, or the projection of the population has not.
    """
    first, last = calibration.first_january + 1, case.value("horizon.last_january")
    people, limit = calibration.population, FURTHEST
    where = f"{limit}"
    if people is not None and not calibration.carry and people.index[-1] < limit:
        limit = int(people.index[-1])
        where = f"{limit}, where the projection of the population ends"
    if not first <= last <= limit:
        raise ValueError(f"horizon.last_january: found {last}; allowed {first}, the January after "
                         f"the last counted, to {where}")
    return list(range(first, last + 2))


def cost(case, placements, worlds, tied=None):
    """Spend of the simulated plans, and the ledger of each world: (dataset, ledger.Ledger).

    From the last closed year, or that of the first January of the plans if later. tied: the ledger
    of the same worlds without measures, so that the outturn is met once and by both.
    """
    paid = _paid(case, placements)
    gone = (placements[name].values[:, :-1] for name in ("leavers", "moved_out"))
    stay = calendar.stay_share(placements["plans"].sum("age").values, *gone)
    tied = tied or _tie(case, paid, worlds)
    paid = _extra_places(paid, worlds, tied.last)
    opening = calendar.financial_year(int(placements["year"][0]) - 1)
    return spend(paid, worlds, case, tied, stay).sel(financial_year=slice(opening, None)), tied


def tie(case, placements, worlds=None):
    """The ledger from the mean of the simulated plans, at central values or those of worlds."""
    return _tie(case, _paid(case, placements.mean("draw").expand_dims("draw")), worlds)


def gaps(case, draws=GAP_DRAWS):
    """Spend modelled over outturn less one by closed year, before any factor: {year: gap}.

    For a case that is being made: none of them is refused here. Empty without an outturn.
    """
    worlds = Worlds(case.assumptions, 1, draws)
    paid = _paid(case, simulate(case, calibrate(case), worlds))
    return _tie(case, paid, limit=None).tie["gap"].dropna().to_dict()


def _tie(case, paid, worlds=None, limit=ledger.TOLERANCE):
    return ledger.tie(case, paid.mean("draw").sum("age_band").to_pandas(), worlds, limit)


def _paid(case, placements):
    # the first January falls in the financial year before
    start = int(ledger.lines_year(case)[:4] or placements["year"][0] - 1)
    history = case.published("plans_by_setting").loc[start:]
    profile = case.value("costs.profile", {})
    late = {name: f"costs.notice.{name}" for name in case.value("costs.notice", {})}
    notice = {name: case[key].central_value() for name, key in late.items()}
    return calendar.paid_years(placements, history, profile, notice)


def _extra_places(paid, worlds, last):
    """Placement-years with costs.extra_places.<setting> more in every year after the last closed.

    What a finance officer asks of the price of ten more places; nought unless overridden.
    """
    prefix = "costs.extra_places."
    for key in (key for key in worlds.assumptions if key.startswith(prefix)):
        place = {"setting": key.removeprefix(prefix)}
        later = xr.where(paid["financial_year"] > last, 1.0, 0.0)
        bands = paid.sel(place).mean("draw")
        bands = bands / bands.sum("age_band").clip(1e-9)
        paid = paid.copy()
        paid.loc[place] += bands * later * xr.DataArray(worlds[key], dims="draw")
    return paid


def outturn_basis(spend):
    """The spend that the section 251 outturn 1.2.x counts: no place funding, no general fund."""
    return spend.sel(line=spend["basis"] == "1.2.x")


def high_needs(spend, prices="nominal"):
    """High needs spend on the outturn basis (draw, financial_year), GBP."""
    lines = outturn_basis(spend)["lines" if prices == "nominal" else "lines_real"].sum("line")
    return spend[prices].sum(("setting", "age_band")) + lines


def single_placements(spend, worlds, setting, limits):
    """What one child can cost in a setting in the last year, GBP: figures, and chances by limit.

    The fee that one child in ten, and in a hundred, exceeds; the standard deviation that single
    fees alone give the setting's bill; the chance that at least one child costs more than a limit.
    """
    year = spend.isel(financial_year=-1).sel(setting=setting)
    children = float(year["placement_years"].sum("age_band").mean())
    mean, sigma = float(year["unit_cost"].mean()), float(worlds[f"costs.spread.{setting}"].mean())
    figures = {"children": children, "mean": mean,
               "tenth": float(dearest(1, mean, sigma, 0.9)),
               "hundredth": float(dearest(1, mean, sigma, 0.99)),
               "spread": mean * np.sqrt(children * np.expm1(sigma**2))}  # fmt: skip
    return figures, {x: float(chance_above(children, mean, sigma, x)) for x in limits}


def drivers(calibration, worlds, placements):
    """Change in plans by cause over the forecast: mean children, (cause, setting and all)."""
    years = [int(year) for year in placements["year"].values[1:]]
    found = {name: placements[name].values[:, : len(years)] for name in engine.FLOWS}
    paths = growth.growth_paths(calibration, worlds, years)
    return growth.drivers(calibration, worlds, paths, found)


def tornado(case, calibration, financial_year, prices="nominal"):
    """What each uncertain assumption, and each family of chance, does to high needs spend, GBP.

    Expected children at the mean rates, so that nothing but the one thing differs: see
    `influence.tornado`. A family's row has the key of the assumption that sizes it.
    """
    certain = replace(calibration, rates=calibration.rates.certain())

    def evaluate(worlds):
        placements = simulate(case, certain, worlds, kind="expected")
        spend = cost(case, placements, worlds)[0]
        return high_needs(spend, prices).sel(financial_year=financial_year).values

    matter = [key for key in case.assumptions if key.startswith(("placements.", "costs."))]
    return influence.tornado(evaluate, case.assumptions, matter, CHANCE)
