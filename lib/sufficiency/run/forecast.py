"""From beliefs to children to money: the models in their order, for given worlds."""

import numpy as np
import xarray as xr

from sufficiency.model.costs import ledger
from sufficiency.model.costs.spend import spend
from sufficiency.model.placements import calendar, engine
from sufficiency.model.placements.growth import growth_paths

FLOWS = ("joiners", "leavers", "moved_in", "moved_out", "overflowed")


def simulate(case, calibration, worlds, kind="counts", threads=2):
    """Plans each January and the flows of the year after, to one January past the horizon.

    -> dataset: plans (draw, year, setting, age at 31 August), flows (draw, year, setting). The
    extra January ends the last financial year; no flow follows it, so there the flows are nought.
    """
    rates, first = calibration.rates, calibration.first_january
    years = range(first + 1, case.value("horizon.last_january") + 2)
    paths = growth_paths(calibration, worlds, list(years))
    found = engine.project(
        rates, seed=worlds.seed, draws=worlds.draws, engine=kind, threads=threads, **paths
    )
    plans = found["stock"][:, :: rates.steps_per_year]
    plans = plans.reshape(*plans.shape[:3], -1, rates.steps_per_year).sum(-1, dtype=plans.dtype)
    flows = {name: ("draw year setting".split(), _yearly(found[name], rates)) for name in FLOWS}
    ages = rates.first_age + np.arange(plans.shape[-1])
    return xr.Dataset(
        {"plans": (("draw", "year", "setting", "age"), plans, {"units": "plans"}), **flows},
        {"year": [first, *years], "setting": list(rates.places), "age": ages},
    )


def _yearly(flow, rates):
    draws, _, places = flow.shape
    years = flow.reshape(draws, -1, rates.steps_per_year, places).sum(2, dtype=flow.dtype)
    return np.concatenate([years, np.zeros_like(years[:, :1])], 1)


def cost(case, placements, worlds):
    """Spend of the simulated plans, and the ledger it is tied to: (dataset, Ledger)."""
    notice = case.value("costs.notice_years", {})
    paid = calendar.paid_years(
        placements, case.published("plans_by_setting"), case.value("costs.profile", {}), notice
    )
    stay = calendar.stay_share(
        placements["plans"].sum("age").values,
        *(placements[name].values[:, :-1] for name in ("leavers", "moved_out")),
    )
    years = paid.mean("draw").sum("age_band").to_pandas()
    tied = ledger.tie(case, years, worlds)
    return spend(paid, worlds, case, tied, stay), tied
