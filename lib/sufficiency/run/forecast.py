"""From beliefs to children to money: the models in their order, in given worlds."""

import numpy as np
import xarray as xr

from sufficiency.model.costs import ledger
from sufficiency.model.costs.spend import spend
from sufficiency.model.placements import calendar, engine
from sufficiency.model.placements.growth import growth_paths


def simulate(case, calibration, worlds, kind="counts", threads=2):
    """Plans each January and the flows of the year after, to one January past the horizon.

    -> dataset: plans (draw, year, setting, age at 31 August), flows (draw, year, setting). The
    extra January ends the last financial year; no flow follows it, so there the flows are nought.
    """
    rates, first = calibration.rates, calibration.first_january
    years = list(range(first + 1, case.value("horizon.last_january") + 2))
    found = engine.project(
        rates, periods=years, seed=worlds.seed, draws=worlds.draws, engine=kind, threads=threads,
        **growth_paths(calibration, worlds, years),
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


def cost(case, placements, worlds):
    """Spend of the simulated plans, and the ledger it is tied to: (dataset, Ledger)."""
    start = int(str(case.value("costs.ledger.base_year"))[:4])
    history, profile = case.published("plans_by_setting").loc[start:], case.value("costs.profile", {})
    late = {name: f"costs.notice.{name}" for name in case.value("costs.notice", {})}
    notice = {name: case[key].central_value() for name, key in late.items()}
    paid = calendar.paid_years(placements, history, profile, notice)
    gone = (placements[name].values[:, :-1] for name in ("leavers", "moved_out"))
    stay = calendar.stay_share(placements["plans"].sum("age").values, *gone)
    years = paid.mean("draw").sum("age_band").to_pandas()
    tied = ledger.tie(case, years, worlds)
    return spend(paid, worlds, case, tied, stay), tied
