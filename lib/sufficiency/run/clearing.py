"""One lot of a study cleared: its demand from the placements or of its own, at what is paid now."""

import numpy as np

from sufficiency.model.market import clearing, demand, outcomes, routes, supply
from sufficiency.model.streams import Worlds
from sufficiency.run import forecast

KEY = "market"
# Worlds in which what the reference pays is found.
PILOT = 150


class Lots:
    """Clears the lots of a study's market; years are the financial years it runs for."""

    def __init__(self, study, years):
        self.study, self.case, self.years = study, study.case, list(years)
        self._paid = {}

    def clear(self, lot, names, worlds, trace=None, alike=1, foreseen=None):
        """One lot cleared by these routes: clearing.Cleared.

        alike: providers are the same in so many worlds after one another. foreseen: `foresee` of
        other worlds than the study's first.
        """
        months, draws = 12 * len(self.years), worlds.draws
        setting = self.case.value(f"{KEY}.lots.{lot}.setting", "")
        flows = self._flows(setting, lot, worlds, foreseen) if setting else None
        met = demand.demand(self.case, lot, worlds, months, flows)
        met = met._replace(level=met.level / self._over(lot))
        ways = routes.routes(self.case, lot, names, worlds, months, flows and flows["level"])
        firms = supply.supply(self.case, lot, worlds, months)
        if alike > 1:
            firms = supply.shared(firms, np.arange(draws) // alike * alike)
        return clearing.clear(met, firms, ways, worlds.seed, draws, threads=self.study.threads,
                              trace=trace)

    def foresee(self, worlds):
        """Placements and spend in other worlds, for lots that are settings; else None."""
        lots = self.case.value(f"{KEY}.in_use", None) or self.case.value(f"{KEY}.lots")
        if not any(self.case.value(f"{KEY}.lots.{lot}.setting", "") for lot in lots):
            return None
        plans = forecast.simulate(self.case, self.study.calibration, worlds,
                                  threads=self.study.threads)
        return plans, forecast.cost(self.case, plans, worlds)[0]

    def _flows(self, setting, lot, worlds, foreseen):
        """What placements say of a lot that is a setting: children, price of a place, stay.

        The price is that of the market's first month: a year's mean holds its uplift.
        """
        plans, spend = foreseen or (self.study.simulated, self.study.spend)
        some = {"draw": slice(worlds.draws)}
        unit = spend["unit_cost"].isel(some).sel(setting=setting, financial_year=self.years[0])
        plans = plans.isel(some).sel(setting=setting, year=[int(year[:4]) for year in self.years])
        children = plans["plans"].sum("age").values
        left = (plans["leavers"] + plans["moved_out"]).values
        risen = routes.index(self.case, worlds, 12, "provider", lot).mean(1)
        return {"arriving": (plans["joiners"] + plans["moved_in"]).values,
                "existing": children[:, 0], "level": unit.values / risen,
                "stay": 12 * children.sum(1) / np.maximum(left.sum(1), 1.0)}

    def _over(self, lot):
        """What the reference pays for a case over its price: 1 for lots by place.

        Prices are what is paid now, and a reference that compares quotes pays less than most ask.
        """
        by_case = self.case.value(f"{KEY}.lots.{lot}.basis", "place") == "case"
        if lot not in self._paid and not by_case:
            self._paid[lot] = 1.0
        if lot not in self._paid:
            self._paid[lot] = 1.0
            worlds = Worlds(self.case.assumptions, self.study.parameters.seed, PILOT)
            reference = [self.case.value(f"{KEY}.reference")]
            found = outcomes.dataset(self.clear(lot, reference, worlds), reference, self.years)
            met = demand.demand(self.case, lot, worlds, 12 * len(self.years))
            placed = found["count"].sel(outcome="placed").values[:, 0]
            asked = worlds[f"{KEY}.lots.{lot}.price"] * met.provider_index[:, -1] * placed
            paid = found["cost"].sel(item=["posted", "terms", "clause"]).sum()
            self._paid[lot] = float(paid) / float(asked.sum() / met.arriving.shape[1])
        return self._paid[lot]
