"""The high needs account of a study: spend, measures and schedules in the same worlds."""

from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from sufficiency.model.appraisal import influence
from sufficiency.model.placements import calendar
from sufficiency.model.safety_valve import account, movement, nowcast, savings, schedules
from sufficiency.model.streams import Worlds
from sufficiency.run import forecast, monitoring, programme
from sufficiency.run.mitigation import Coalitions, mitigated, unmitigated

KEY = "safety_valve"
HEADLINES = ("stability_grant", "agreement", "none")
FORECASTS = ("unmitigated", "mitigated", "full")
ENDING, HEADLINE_BASIS = "2027-28", "after_council_and_dfe"
# How much of each saving comes, and when, is one family beside those of children and costs.
CHANCE = forecast.CHANCE | {f"{KEY}.delivery.part": (f"{KEY}.cause.", f"{KEY}.measure.")}
# Draws of the attribution and of the sensitivities, on the expected engine (design, section 8).
FEW = 1000
PLAIN = dict.fromkeys(("scenario", "overrides", "as_known", "out_dir"), "")


class SafetyValve:
    """Unmitigated and mitigated accounts of one study, and what can be asked of them.

    Everything is worked out when first asked for. Worlds are those of the study, weighed by the
    latest monitoring position of the first open year if the case has one. Refuses a case that
    says nothing about its opening balance. kind: engine of the children, counts or expected.
    """

    few = FEW

    def __init__(self, study, kind="counts"):
        self.study, self.case, self.kind = study, study.case, kind
        if f"{KEY}.opening.balance" not in self.case:
            raise ValueError(f"{KEY}.opening.balance: found nothing; allowed GBP at the 31 March "
                             "the account opens after: without it no deficit is estimated")

    @cached_property
    def years(self):
        """Financial years of the account: those after the opening year."""
        first = int(self.opened[:4]) + 1
        last = self.case.value("horizon.last_january")
        years = [calendar.financial_year(year) for year in range(first, last)]
        have = years if self.kind == "expected" else [*self.study.spend["financial_year"].values]
        if not years or years[0] not in have:
            raise ValueError(f"{KEY}.opening.year: found {self.opened}; allowed a year whose next "
                             f"has spending, {have[0]} to {have[-1]}")
        return years

    @cached_property
    def schedule(self):
        """The schedule that headlines are on: the case's, or the latest of those known."""
        names = (self.case.value(f"{KEY}.schedule", ""), *HEADLINES)
        return next(name for name in names if name in self.terms.schedules)

    @property
    def opened(self):
        """The financial year that ends on the 31 March the account opens at."""
        return str(self.case.value(f"{KEY}.opening.year"))

    @property
    def ending(self):
        """The financial year of the headline: that which ends in March 2028, or the last."""
        return ENDING if ENDING in self.years else self.years[-1]

    @property
    def balance_year(self):
        """The first year of in-year balance: the agreement's, or without one the headline's."""
        return max(self.case.value(f"{KEY}.agreement.balance_from", self.ending), self.years[0])

    @property
    def agreed(self):
        """Whether the case knows of an agreement."""
        return "agreement" in self.terms.schedules

    @property
    def limited(self):
        """The first year with a limit on its overspend."""
        return str(self.limits["financial_year"].values[self.limits.notnull().any("draw")][0])

    @cached_property
    def spending(self):
        """Spend and savings before monitoring is weighed: (draw, financial_year, forecast) GBP."""
        return self.study.kept("safety_valve", self._spending).sel(financial_year=self.years)

    def _spending(self):
        study = self.study
        if self.kind == "counts":
            calibration, plans, spend = study.calibration, study.simulated, study.spend
        else:
            calibration, (plans, spend) = self._certain, self._expected(study.worlds)
        found = [unmitigated(spend)]
        found += [mitigated(self.case, calibration, study.worlds, plans, spend, rate, self.kind,
                            study.threads, self.market) for rate in (None, 1.0)]
        return xr.concat(found, pd.Index(FORECASTS, name="forecast"))

    @cached_property
    def market(self):
        """Fees on the route of each market measure over the reference's, same draws, by year."""
        if not any(made.kind == "market" for made in self.case.measures.values()):
            return {}
        from sufficiency.run.market import measure_ratios

        return measure_ratios(self.study)

    @cached_property
    def monitored(self):
        """The latest monitoring position of the first open year: nowcast.Position, or None."""
        return monitoring.position(self.case, self.years[0])

    @cached_property
    def nowcast(self):
        """What the monitoring position says: nowcast.Nowcast, or None without one."""
        return monitoring.weigh(self)

    def nowcast_table(self):
        """Prior and posterior of the year's outturn, delivery and the deficit: nowcast.compare."""
        bare, kept, full = (self.prior(name) for name in FORECASTS)
        planned, ending = (bare - full)[:, 0], self.years.index(self.ending)
        found = {"in-year forecast": kept[:, 0], f"in-year {self.ending}": kept[:, ending],
                 "without measures": bare[:, 0]}
        if (planned > 0).all():
            found["delivery"] = (bare - kept)[:, 0] / planned
        return nowcast.compare(self.nowcast.index, found)

    def prior(self, name):
        """In-year position before monitoring is weighed, (draw, year) GBP."""
        return self._run(self.study.worlds, self.spending.sel(forecast=name))["in_year"].values

    @property
    def weights(self):
        """What each draw of the study is worth (draw,), or None: all the same.

        How often it is among the worlds of the account, so that means are the same to the penny.
        """
        if self.nowcast is None:
            return None
        draws = self.study.parameters.draws
        return np.bincount(self.nowcast.index, minlength=draws) / draws

    @property
    def worth(self):
        """How many equally likely worlds the account is worth: a chance's sampling error."""
        return self.study.parameters.draws if self.nowcast is None else self.nowcast.ess

    def weighed(self, dataset):
        return dataset if self.nowcast is None else dataset.isel(draw=self.nowcast.index)

    def _run(self, worlds, spending):
        flows = {name: spending[name].values for name in ("spend", "place_funding")}
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
        spending, found = self.weighed(self.spending), []
        for name in FORECASTS:
            flows = self._run(self._worlds, spending.sel(forecast=name))
            ended = schedules.apply(flows, self.terms)
            found.append(xr.merge([flows.drop_vars([*ended.data_vars], errors="ignore"), ended]))
        return xr.concat(found, pd.Index(FORECASTS, name="forecast"))

    @cached_property
    def limits(self):
        """In-year limits by year, GBP, NaN where there is none: (draw, financial_year).

        The agreement's; without one in-year balance is what is asked from the balance year on.
        """
        if self.agreed:
            return self._yearly(self.terms.limits)
        asked = [0.0 if year >= self.balance_year else np.nan for year in self.years]
        return self._yearly(np.broadcast_to(asked, self.terms.limits.shape))

    @cached_property
    def stricter_limits(self):
        """The limits on the stricter reading of the agreement, as `limits`."""
        return self._yearly(self.terms.stricter_limits) if self.agreed else self.limits

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

    def outside(self):
        """What measures cost other funds than the high needs block, mean GBP over all years."""
        cost = self.weighed(self.spending)["outside"].sel(forecast="mitigated")
        return float(cost.sum("financial_year").mean())

    def reconciled(self):
        """From the gross deficit to line 1.9.3, as now known: {financial year: (draw, line) GBP}.

        At the 31 March before the agreement, where its forecast opens, and where this one does.
        """
        bases = {valve.opened: valve.case.value(f"{KEY}.opening.basis")
                 for valve in (self.signed, self) if valve}
        return {year: account.reconcile({**account.opening(self.case, self._worlds, year),
                                         "basis": basis}) for year, basis in bases.items()}

    def holds(self, name="mitigated", limits=None):
        """Chance that every year's position keeps its limit."""
        limits = self.limits if limits is None else limits
        return float(schedules.plan_holds(self.in_year(name), limits)["chance"])

    def over(self, name="mitigated", limits=None):
        """Chance of exceeding each year's limit: Series by financial year."""
        limits = self.limits if limits is None else limits
        return schedules.chance_over(self.in_year(name), limits)["chance"].to_series()

    @property
    def reported(self):
        """The council's forecasts of a year's overspend by month, {year: {month: GBP}}.

        Those of the case as it stands: a companion to a forecast as signed, never part of it.
        """
        later = type(self.study)(replace(self.study.parameters, **PLAIN)).case
        return {year: dict(months) for year in self.years
                if len(months := monitoring.forecasts(later, year))}

    def needed(self, limits=None):
        """Delivery that each year's limit needs: see `schedules.delivery_needed`."""
        limits = self.limits if limits is None else limits
        return schedules.delivery_needed(self.in_year("unmitigated"), limits, self.planned)

    @cached_property
    def baseline(self):
        """In-year position without measures, every assumption central and no chance: Series."""
        certain = Worlds.fixed(self.case.assumptions, {}, 1)
        spend = self._expected(certain)[1].sel(financial_year=self.years)
        return self._run(certain, unmitigated(spend))["in_year"].isel(draw=0).to_series()

    def _expected(self, worlds):
        """Expected children at the mean rates and their spend; but for the worlds all is alike."""
        plans = forecast.simulate(self.case, self._certain, worlds, kind="expected")
        return plans, forecast.cost(self.case, plans, worlds)[0]

    @property
    def _certain(self):
        calibration = self.study.calibration
        return replace(calibration, rates=calibration.rates.certain())

    def tornado(self):
        """What each uncertain assumption, and each family of chance, does to the headline, GBP.

        With savings, in expected children, a market at its mean: see `influence.tornado`.
        """
        keys = [key for key in self.case.assumptions if not key.startswith("market.")]
        mean = {name: one.mean("draw").expand_dims("draw") for name, one in self.market.items()}

        def evaluate(worlds):
            found = mitigated(self.case, self._certain, worlds, *self._expected(worlds),
                              kind="expected", market=mean).sel(financial_year=self.years)
            ended = schedules.apply(
                self._run(worlds, found), schedules.terms(self.case, worlds, self.years))["deficit"]
            return ended.sel(financial_year=self.ending, schedule=self.schedule,
                             basis=HEADLINE_BASIS).values

        return influence.tornado(evaluate, self.case.assumptions, keys, chance=CHANCE)

    @cached_property
    def signed(self):
        """The account as it stood when the agreement was signed; None if this is that."""
        name = self.case.value(f"{KEY}.agreement.scenario", "")
        if not name or self.case.scenario == name:
            return None
        plain = replace(self.study.parameters, **PLAIN | {"scenario": name})
        return SafetyValve(type(self.study)(plain))

    def coalitions(self, rate, gross=False):
        """Savings of any set of measures: in all worlds if they are cash, else in the first."""
        study, few = self.study, self.study.parameters.draws
        if any(made.kind != "cash_profile" for made in self.case.measures.values()):
            few = min(FEW, few)
        worlds = Worlds(self.case.assumptions, study.parameters.seed, few)
        return Coalitions(self.case, study.calibration, worlds, study.simulated, study.spend,
                          self.years, rate, gross, study.threads, self.market)

    @cached_property
    def attribution(self):
        """Whose saving it is, on the expected engine in the first draws: savings.Attribution."""
        value, names = self.coalitions(None), list(self.case.measures)
        cash = [name for name in names if self.case.measures[name].kind == "cash_profile"]
        return savings.attribute(value, names, value.worlds.draws, additive=cash)

    def alone(self):
        """Mean saving of each measure alone, and last in, GBP: two frames measure x year."""
        return [self.mean(side) for side in (self.attribution.first_in, self.attribution.last_in)]

    def mean(self, values):
        """Mean over the study's first draws, as monitoring weighs them: frame measure x year."""
        values = values.transpose(..., "draw", "financial_year")
        weights = None if self.weights is None else self.weights[: values.sizes["draw"]]
        names = {"index": values["measure"].values, "columns": values["financial_year"].values}
        return pd.DataFrame(np.average(values, axis=1, weights=weights), **names)

    def attributed(self):
        """Mean saving by measure and year, and what capacity and chance take, to the penny."""
        counts = (self.prior("unmitigated") - self.prior("mitigated"))
        return savings.reconcile(self.attribution, counts, self.weights)

    @cached_property
    def earlier(self):
        """The stored forecast that this one is set against, or None: frame of `movement`."""
        if not (name := self.case.value(f"{KEY}.earlier_forecast", "")):
            return None
        path = next(path for path in self.case.files if path.name == name)
        return pd.read_csv(path, dtype={"financial_year": str})

    def moved(self, financial_year, figure):
        """Why a figure differs from the stored forecast: Series of GBP, or None without one."""
        return None if self.earlier is None else movement.movement(
            self.earlier, programme.forecast_frame(self), financial_year, figure)

