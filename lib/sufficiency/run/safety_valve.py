"""The high needs account of a study: spend, measures and schedules in the same worlds."""

from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from sufficiency.model.safety_valve import account, movement, nowcast, savings, schedules
from sufficiency.model.streams import Worlds
from sufficiency.run import forecast
from sufficiency.run.mitigation import Coalitions, mitigated, unmitigated

KEY = "safety_valve"
ENDING = "2027-28"
HEADLINES = ("stability_grant", "agreement", "none")
FORECASTS = ("unmitigated", "mitigated", "full")
HEADLINE_BASIS = "after_council_and_dfe"
# Draws of the attribution and of the sensitivities, on the expected engine (design, section 8).
FEW = 1000


class SafetyValve:
    """Unmitigated and mitigated accounts of one study, and what can be asked of them.

    Everything is worked out when first asked for. Worlds are those of the study, weighed by the
    latest monitoring position of the first open year if the case has one. Refuses a case that
    says nothing about its opening balance.
    """

    def __init__(self, study):
        self.study, self.case = study, study.case
        if f"{KEY}.opening.balance" not in self.case:
            raise ValueError(f"{KEY}.opening.balance: found nothing; allowed GBP at the 31 March "
                             "the account opens after: without it no deficit is estimated")

    @cached_property
    def years(self):
        """Financial years of the account: those after the opening year."""
        opened = self.case.value(f"{KEY}.opening.year")
        return [str(y) for y in self.study.spend["financial_year"].values if y > opened]

    @cached_property
    def schedule(self):
        """The schedule that headlines are on: the latest that stands, of those known."""
        return next(name for name in HEADLINES if name in self.terms.schedules)

    @property
    def ending(self):
        """The financial year of the headline: that which ends in March 2028, or the last."""
        return ENDING if ENDING in self.years else self.years[-1]

    @property
    def balance_year(self):
        """The first year of the account in which the agreement asks for in-year balance."""
        return max(self.case.value(f"{KEY}.agreement.balance_from"), self.years[0])

    @cached_property
    def spending(self):
        """Spend and savings before monitoring is weighed: (draw, financial_year, forecast) GBP."""
        kept = self.study._kept("safety_valve", self._spending)
        return kept.sel(financial_year=self.years)

    def _spending(self):
        study = self.study
        given = (self.case, study.calibration, study.worlds, study.simulated, study.spend)
        found = [unmitigated(study.spend), *(mitigated(*given, rate, study.threads)
                                             for rate in (self._rate(), 1.0))]
        return xr.concat(found, pd.Index(FORECASTS, name="forecast"))

    def _rate(self):
        """None: delivery is drawn; a rate that the case, or an override, sets for all measures."""
        key = f"{KEY}.delivery_rate"
        return self.study.worlds[key] if key in self.case else None

    @cached_property
    def monitored(self):
        """The latest monitoring position of the first open year: nowcast.Position, or None."""
        table = self.case.published("monitoring", None)
        first = self.years[0]
        if table is None or first not in table.index:
            return None
        months = table.loc[first].filter(regex=r"^month_\d+$").dropna()
        if not len(months):
            return None
        months.index = [int(name.removeprefix("month_")) for name in months.index]
        month, scale = max(months.index), 1e6 if table.attrs["unit"] == "GBP million" else 1.0
        error, floor = (self.case[f"{KEY}.monitoring.{name}"].central_value()
                        for name in ("error", "floor"))
        return nowcast.Position(month, months[month] * scale,
                                nowcast.month_error(month, error, floor))

    @cached_property
    def nowcast(self):
        """What the monitoring position says: nowcast.Nowcast, or None without one."""
        if self.monitored is None:
            return None
        uniform = self.study.worlds.uniform(f"{KEY}.nowcast")[0]
        return nowcast.update(self.monitored, uniform, outturn=self._prior("mitigated")[:, 0])

    def _prior(self, name):
        """In-year position before monitoring is weighed, (draw, year) GBP."""
        return self._run(self.study.worlds, self.spending.sel(forecast=name))["in_year"].values

    @property
    def weights(self):
        """What each draw of the study is worth (draw,), or None: all the same."""
        return None if self.nowcast is None else self.nowcast.weights

    def _weighed(self, dataset):
        found = self.nowcast
        return dataset if found is None else dataset.isel(draw=found.index)

    def _run(self, worlds, spending):
        names = ("spend", "place_funding")
        flows = {name: spending[name].values for name in names}
        flows |= account.income(self.case, worlds, self.years)
        return account.run(flows, account.opening(self.case, worlds), self.years,
                           self.case.value(f"{KEY}.income.basis"))

    @cached_property
    def terms(self):
        """What the case says about its funding, in the worlds of the account."""
        return schedules.terms(self.case, self._worlds, self.years)

    @cached_property
    def _worlds(self):
        worlds = self.study.worlds
        return worlds if self.nowcast is None else worlds.take(self.nowcast.index)

    @cached_property
    def account(self):
        """The account on every schedule: (draw, financial_year, schedule, basis, forecast)."""
        spending, found = self._weighed(self.spending), []
        for name in FORECASTS:
            flows = self._run(self._worlds, spending.sel(forecast=name))
            ended = schedules.apply(flows, self.terms)
            found.append(xr.merge([flows.drop_vars([*ended.data_vars], errors="ignore"), ended]))
        return xr.concat(found, pd.Index(FORECASTS, name="forecast"))

    @cached_property
    def limits(self):
        """In-year limits of the agreement by year, GBP, NaN where there is none: (draw, year)."""
        return self._yearly(self.terms.limits)

    @cached_property
    def stricter_limits(self):
        """The limits on the stricter reading of the agreement, as `limits`."""
        return self._yearly(self.terms.stricter_limits)

    def _yearly(self, values):
        return xr.DataArray(values, dims=("draw", "financial_year"),
                            coords={"financial_year": self.years}, attrs={"units": "GBP"})

    def position(self, name="mitigated", schedule=None):
        """Account of a forecast on one schedule: flows and deficits (draw, financial_year), GBP."""
        return self.account.sel(forecast=name, schedule=schedule or self.schedule)

    def in_year(self, name="mitigated"):
        """In-year position of a forecast (draw, financial_year), GBP."""
        return self.account["in_year"].sel(forecast=name)

    def deficit(self, name="mitigated", schedule=None, basis=HEADLINE_BASIS):
        """Deficit at each 31 March (draw, financial_year), GBP; the headline's schedule."""
        return self.position(name, schedule)["deficit"].sel(basis=basis)

    @cached_property
    def planned(self):
        """Saving the programme would make in full and on time, (draw, financial_year), GBP."""
        return self.in_year("unmitigated") - self.in_year("full")

    def saving(self):
        """Saving foreseen, (draw, financial_year), GBP."""
        return self.in_year("unmitigated") - self.in_year("mitigated")

    def holds(self, name="mitigated", limits=None):
        """Chance that every year's position keeps its limit."""
        limits = self.limits if limits is None else limits
        return float(schedules.plan_holds(self.in_year(name), limits)["chance"])

    def needed(self, limits=None):
        """Delivery that each year's limit needs: see `schedules.delivery_needed`."""
        limits = self.limits if limits is None else limits
        return schedules.delivery_needed(self.in_year("unmitigated"), limits, self.planned)

    @cached_property
    def baseline(self):
        """In-year position without measures, every assumption central and no chance: Series."""
        certain = Worlds.fixed(self.case.assumptions, {}, 1)
        calibration = self.study.calibration
        calibration = replace(calibration, rates=calibration.rates.certain())
        plans = forecast.simulate(self.case, calibration, certain, kind="expected")
        spend = forecast.cost(self.case, plans, certain)[0].sel(financial_year=self.years)
        return self._run(certain, unmitigated(spend))["in_year"].isel(draw=0).to_series()

    @cached_property
    def signed(self):
        """The account as it stood when the agreement was signed; None if this is that."""
        name = self.case.value(f"{KEY}.agreement.scenario", "")
        if not name or self.case.scenario == name:
            return None
        plain = {"scenario": name, "overrides": "", "as_known": "", "out_dir": ""}
        return SafetyValve(type(self.study)(replace(self.study.parameters, **plain)))

    def _coalitions(self, rate, gross=False):
        study = self.study
        few = min(FEW, study.parameters.draws)
        worlds = Worlds(self.case.assumptions, study.parameters.seed, few)
        rate = rate[:few] if isinstance(rate, np.ndarray) else rate
        return Coalitions(self.case, study.calibration, worlds, study.simulated, study.spend,
                          self.years, rate, gross, study.threads)

    @cached_property
    def attribution(self):
        """Whose saving it is, on the expected engine in the first draws: savings.Attribution."""
        value, names = self._coalitions(self._rate()), list(self.case.measures)
        cash = [name for name in names if self.case.measures[name].kind == "cash_profile"]
        return savings.attribute(value, names, value.worlds.draws, additive=cash)

    def money(self):
        """Savings by measure and year, GBP: {gross, weighted, cost}, frames measure x year.

        gross: each alone, in full, on time, before appeals; weighted: its share of the mean saving
        before what it costs the block; cost: that. Weighted less cost adds to the saving.
        """
        alone, names = self._coalitions(1.0, gross=True), list(self.case.measures)
        gross = pd.DataFrame({name: alone(frozenset([name])).mean("draw").to_series()
                              for name in names}).T
        cost = self._coalitions(self._rate()).costs(self.weights)
        return {"gross": gross, "weighted": self.attributed().loc[names] + cost, "cost": cost}

    def attributed(self):
        """Mean saving by measure and year, and what capacity and chance take, to the penny."""
        counts = (self._prior("unmitigated") - self._prior("mitigated"))
        return savings.reconcile(self.attribution, counts, self.weights)

    def forecast_frame(self):
        """This forecast as it is kept for a later movement: see `movement.forecast_frame`."""
        spend = self._weighed(self.study.spend).sel(financial_year=self.years)
        names = {"forecast": "mitigated", "schedule": self.schedule}
        flows, before = self.account.sel(names), self.account.sel({**names,
                                                                   "forecast": "unmitigated"})
        closing = flows["deficit"].sel(basis=HEADLINE_BASIS)
        opened = flows["opening"].sel(line=HEADLINE_BASIS)
        per_child = spend["nominal"].sum("age_band")
        items = {"lines": before["spend"] - per_child.sum("setting"),
                 "place_funding": before["place_funding"], "income": before["income"],
                 "savings": before["in_year"] - flows["in_year"],
                 **{name: flows[name] for name in ("contributions", "payments", "grant")},
                 "in_year": flows["in_year"], "closing": closing,
                 "opening": closing.shift(financial_year=1).fillna(opened)}
        if "recouped" in before:
            items["recouped"] = before["recouped"]
        return movement.forecast_frame(spend["placement_years"].sum("age_band"), per_child, items)

    @cached_property
    def earlier(self):
        """The stored forecast that this one is set against, or None: frame of `movement`."""
        name = self.case.value(f"{KEY}.earlier_forecast", "")
        if not name:
            return None
        return pd.read_csv(self.case.files[-1].parent / name, dtype={"financial_year": str})

    def moved(self, financial_year, figure):
        """Why a figure differs from the stored forecast: Series of GBP, or None without one."""
        if self.earlier is None:
            return None
        return movement.movement(self.earlier, self.forecast_frame(), financial_year, figure)

    def sensitivities(self, financial_year):
        """What each change of safety_valve.sensitivities does, mean GBP: a row each.

        In the same first worlds: in-year position of the year and deficit at its end, mitigated.
        """
        few = replace(self.study.parameters, draws=min(FEW, self.study.parameters.draws),
                      out_dir="")
        rows, base = [], self._ends(few, financial_year)
        for name, said in self.case.value(f"{KEY}.sensitivities", {}).items():
            changed = "; ".join(filter(None, [few.overrides, said["set"]]))
            found = self._ends(replace(few, overrides=changed), financial_year)
            rows.append({"name": name, "label": said["label"], "set": said["set"],
                         "in_year": found[0] - base[0], "deficit": found[1] - base[1]})
        return pd.DataFrame(rows)

    def _ends(self, parameters, year):
        found = SafetyValve(type(self.study)(parameters))
        found.nowcast = None  # the change alone: the worlds stay as they are weighed
        ends = found.in_year(), found.deficit()
        return [float(end.sel(financial_year=year).mean()) for end in ends]

