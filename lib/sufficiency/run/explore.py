"""The live model: what a study's figures become when some of its assumptions are moved."""

from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from sufficiency.model.costs import ledger
from sufficiency.model.costs import spend as costs
from sufficiency.model.market import evidence
from sufficiency.model.placements import calendar, engine, growth
from sufficiency.model.safety_valve import schedules
from sufficiency.report import explore as page
from sufficiency.run import forecast, mitigation
from sufficiency.run.safety_valve import HEADLINE_BASIS
from sufficiency.run.sliders import slider

# Sliders: of what moves the deficit (or spending) most, and of what moves the saving most.
MOST, MOST_OF_MARKET = 6, 3
# What the rates are fitted with: to move it would be to fit them again.
FITTED = ("placements.unreconciled.flow", "placements.growth.requests", "placements.growth.pooling",
          "placements.rates.correlation")
NOTHING = dict.fromkeys(("setting", "outturn", "spend", "place_funding"), 0.0)
PARTS = ("spend", "place_funding")
LEDGER = ("costs.weight.", "costs.not_per_child.", "costs.unit.", "costs.unit_multiplier.")


class Explorer:
    """A study asked again and again with some of its assumptions moved.

    Money and the account anew in the study's worlds; children as the change in expected numbers on
    the study's own; the market's saving by a straight line in each slider's normal score, fitted to
    the study's worlds. With nothing moved all is the study's own.
    """

    def __init__(self, study):
        self.study, self.case = study, study.case
        self.has_plans = self.case.published("plans_by_setting", None) is not None
        self.has_account = self.has_plans and "safety_valve.opening.balance" in self.case
        self.has_market = self.case.value("market.lots", None) is not None
        self._last = {}

    @cached_property
    def sliders(self):
        """{key: Slider} of the assumptions that move the figures most, widest first."""
        keys = []
        if self.has_plans:
            table = (self.study.safety_valve.tornado() if self.has_account else
                     self.study.tornado(str(self.study.spend["financial_year"].values[-1])))
            keys = [key for key in table.index if key not in FITTED
                    and not self.case[key].certain and table.at[key, "swing"]][:MOST]
        if self.has_market:
            keys += [*self._market_influence.index[:MOST_OF_MARKET]]
        return {key: slider(key, self.case[key]) for key in keys}

    @property
    def names(self):
        """The route proposed, and that it is set against, as they are headed in print."""
        if not self.has_market:
            return "", ""
        market = self.study.market
        return market.labels[market.proposal], market.labels[market.reference]

    def changes(self, moves):
        """What a case that says the same would say: {dotted key: value}."""
        return {key: value for name, steps in self._moved(moves).items()
                for key, value in self.sliders[name].changes(steps).items()}

    def _moved(self, moves):
        if unknown := [key for key in moves if key not in self.sliders]:
            raise ValueError(f"sliders: found {', '.join(unknown)}; allowed "
                             f"{', '.join(self.sliders)}")
        for key, steps in moves.items():
            low, high = self.sliders[key].low, self.sliders[key].high
            if not low <= steps <= high:
                raise ValueError(f"{key}: found {steps} steps; allowed {low} to {high}")
        return {key: int(steps) for key, steps in moves.items() if steps}

    def respond(self, moves):
        """page.Figures with {key: steps from the case} moved."""
        moved, found, chances = self._moved(moves), {}, {}
        worlds = self.study.worlds.change(
            {key: self.sliders[key].moved(steps) for key, steps in moved.items()})
        if self.has_plans:
            change = self._spending(moved, worlds)
            found["spend"] = _ranges(high := self._high_needs + change["outturn"], self._years)
        if self.has_account:
            in_year, ended, limits = self._account(moved, worlds, change)
            found["deficit"] = _ranges(ended, self.study.safety_valve.years)
            year = self.study.safety_valve.balance_year
            balanced = in_year.sel(financial_year=year) <= 0
            chances[f"In-year balance in {year}"] = float(balanced.mean())
            if self.study.safety_valve.agreed:
                held = float(schedules.plan_holds(in_year, limits)["chance"])
                chances["Every limit of the agreement kept"] = held
        elif self.has_plans:
            year, mean = self._years[-1], self._high_needs[:, -1].mean()
            text = f"Spending in {year} above {page.money(mean)}, the case's mean"
            chances[text] = float((high[:, -1] > mean).mean())
        if self.has_market:
            found["saving"] = {**self._saving_at(moved), "guesses": len(self.study.market.guesses)}
            chances[f"Saves: {self.names[0]}"] = found["saving"]["chance"]
        ending = self.study.safety_valve.ending if self.has_account else ""
        return page.Figures(**found, chances=chances, ending=ending)

    # Children and money

    @cached_property
    def _januaries(self):
        return forecast.januaries(self.case, self.study.calibration)

    @cached_property
    def _high_needs(self):
        return self.study.high_needs().values

    @cached_property
    def _years(self):
        return [str(year) for year in self.study.spend["financial_year"].values]

    @cached_property
    def _held(self):
        paths = growth.growth_paths(self.study.calibration, self.study.worlds, self._januaries)
        powers = {name: paths[name] for name in ("leave_multiplier", "move_multiplier")}
        return engine.hold(self.study.calibration.rates, seed=self.study.worlds.seed,
                           draws=self.study.worlds.draws, periods=len(self._januaries),
                           threads=self.study.threads, **powers)

    def _placement_years(self, worlds):
        """Expected placement-years (draw, financial_year from the first January's, setting)."""
        rates, case = self.study.calibration.rates, self.case
        found = engine.project(
            rates, periods=self._januaries, seed=worlds.seed, draws=worlds.draws,
            engine="expected", held=self._held, threads=self.study.threads, by_age=False,
            **growth.growth_paths(self.study.calibration, worlds, self._januaries))
        profile = case.value("costs.profile", {})
        summer = np.array([calendar.summer_share(name, profile.get(name, "by_day"))
                           for name in rates.places])
        notice = np.array([case[key].central_value()
                           if (key := f"costs.notice.{name}") in case else 0.0
                           for name in rates.places])
        gone = found["leavers"] + found["moved_out"]
        return calendar.setting_years(found["stock"], found["moved_in"] - gone, gone, summer,
                                      notice)

    @cached_property
    def _base(self):
        """Of the study's own worlds: ledger, children, placement-years, spend by setting, price."""
        study, spend = self.study, self.study.spend
        gone = (study.simulated[name].values[:, :-1] for name in ("leavers", "moved_out"))
        stay = calendar.stay_share(study.simulated["plans"].sum("age").values, *gone)
        tied = forecast.cost(self.case, study.simulated, study.worlds)[1]
        base = {"tied": tied, "stay": stay, "expected": self._placement_years(study.worlds),
                "children": spend["placement_years"].sum("age_band").values,
                "nominal": spend["nominal"].sum("age_band").values}
        paid = forecast._paid(self.case, study.simulated)
        base["paid"] = paid.mean("draw").sum("age_band").to_pandas()
        base["price"], base["lines"] = self._price(base, base["children"], tied, study.worlds)
        return base

    def _price(self, base, children, tied, worlds):
        """Price of a placement-year with its luck (draw, year, setting), and the lines by basis."""
        path = costs.price_paths(worlds, self.case, tied.last, self._years)
        unit = np.einsum("dks,dfk->dfs", tied.unit * tied.growth[:, None], path)
        sigma = np.stack([worlds[f"costs.spread.{name}"] for name in tied.settings], -1)
        luck = costs.luck(children, sigma, base["stay"], self._normals)
        lines = dict.fromkeys(("outturn", "spend", "place_funding"), 0.0)
        for amount, (*_, fund, basis) in costs.fixed_lines(tied, path):
            if basis == "1.2.x":
                lines["outturn"] = lines["outturn"] + amount
            if fund == mitigation.account.FUND:
                name = "spend" if basis == "1.2.x" else "place_funding"
                lines[name] = lines[name] + amount
        return unit * tied.factor[:, None, None] * luck, lines

    @cached_property
    def _normals(self):
        settings = [str(name) for name in self.study.spend["setting"].values]
        return np.stack([np.stack([self.study.worlds.normal(f"costs.luck.{name}.{year}")
                                   for name in settings], -1) for year in self._years], 1)

    def _spending(self, moved, worlds):
        """Change of spend by basis (draw, year), and of each setting (draw, year, setting), GBP."""
        plans = self._once("plans", moved, ("placements.",), lambda: self._more(worlds))
        return self._once("money", moved, ("placements.", "costs."),
                          lambda: self._repriced(plans, moved, worlds)) or NOTHING

    def _once(self, name, moved, homes, compute):
        """What these homes' moves make, worked out again only if they are others than before."""
        asked = tuple(sorted(item for item in moved.items() if item[0].startswith(homes)))
        if self._last.get(name, (None,))[0] != asked:
            self._last[name] = asked, compute() if asked else None
        return self._last[name][1]

    def _more(self, worlds):
        """Expected placement-years moved less those of the study: (draw, year, setting)."""
        found = np.zeros_like(self._base["children"])
        at = self._years.index(calendar.financial_year(self.study.calibration.first_january))
        change = self._placement_years(worlds) - self._base["expected"]
        found[:, at:] = change[:, : len(self._years) - at]
        return found

    def _repriced(self, more, moved, worlds):
        base, tied, paid = self._base, self._base["tied"], self._base["paid"]
        first = calendar.financial_year(self.study.calibration.first_january)
        if more is not None and tied.last >= first:  # children of the year the ledger is tied in
            paid = paid.add(pd.DataFrame(more.mean(0), self._years, paid.columns), fill_value=0)
        if paid is not base["paid"] or any(key.startswith(LEDGER) for key in moved):
            tied = ledger.tie(self.case, paid, worlds, None)
        more = 0.0 if more is None else more
        price, lines = self._price(base, base["children"] + more, tied, worlds)
        change = base["nominal"] * (price / base["price"] - 1) + more * price
        return {"setting": change, **{name: change.sum(-1) * (name != "place_funding") + amount
                                      - base["lines"][name] for name, amount in lines.items()}}

    # The account

    @cached_property
    def _kinds(self):
        return {made.kind for made in self.case.measures.values()}

    def _account(self, moved, worlds, change):
        """In-year position, deficit of the headline (draw, financial_year), and limits, GBP."""
        valve = self.study.safety_valve
        spending = valve.spending.sel(forecast="mitigated")
        if moved:
            for name, amount in self._mitigated(moved, worlds, change).items():
                spending = spending.assign({name: spending[name] + amount})
        taken = worlds if valve.nowcast is None else worlds.take(valve.nowcast.index)
        flows = valve._run(taken, valve.weighed(spending))
        terms = schedules.terms(self.case, taken, valve.years)
        others = {name: "not asked" for name in terms.schedules if name != valve.schedule}
        ended = schedules.apply(flows, replace(terms, left_out={**terms.left_out, **others}))
        deficit = ended["deficit"].sel(schedule=valve.schedule, basis=HEADLINE_BASIS)
        limits = valve._yearly(terms.limits) if valve.agreed else valve.limits
        return flows["in_year"], deficit, limits

    def _mitigated(self, moved, worlds, change):
        """Change of spend and place funding with measures, DataArrays (draw, financial_year)."""
        if self._kinds & {*mitigation.CHILDREN}:
            now = self._once("children", moved, ("",), lambda: self._simulated_again(worlds))
            return {name: now[name] - self._simulated_base[name] for name in PARTS}
        cash = self._once("cash", moved, ("safety_valve.", "costs."), lambda: self._cash(worlds))
        found = {name: change[name] + (0.0 if cash is None else
                                       cash[name] - self._cash_base[name]) for name in PARTS}
        if self._kinds & {"price", "uplift", "market"}:
            price = self._once("prices", moved, ("safety_valve.", "costs."),
                               lambda: self._multiplier(worlds))
            price = self._multiplier_base if price is None else price
            nominal = self._base["nominal"]
            found["spend"] = found["spend"] + ((nominal + change["setting"]) * (price - 1) - nominal
                                               * (self._multiplier_base - 1)).sum(-1)
        return {name: _by_year(amount, self._years, worlds.draws)
                for name, amount in found.items()}

    def _effect(self, worlds):
        return mitigation.effects(self.case, worlds, self.study.simulated, self.study.spend)

    def _cash(self, worlds):
        """What measures that are cash, and what all cost, add to spend: {part: (draw, year)}."""
        nothing = np.zeros((worlds.draws, len(self._years)))
        found = xr.Dataset({name: (("draw", "financial_year"), nothing)
                            for name in mitigation.PARTS}, {"financial_year": self._years})
        found = mitigation.less_cash(found, self.case.measures, self._effect(worlds), worlds,
                                     self._years)
        return {name: found[name].transpose("draw", "financial_year").values for name in PARTS}

    @cached_property
    def _cash_base(self):
        return self._cash(self.study.worlds)

    def _multiplier(self, worlds):
        return mitigation.multiplier(self.case, self._effect(worlds), worlds, self.study.spend,
                                     None, self.study.safety_valve.market).transpose(
            "draw", "financial_year", "setting").values

    @cached_property
    def _multiplier_base(self):
        return self._multiplier(self.study.worlds)

    def _simulated_again(self, worlds):
        """Measures that move children: expected children, with and without them, once more."""
        plans = forecast.simulate(self.case, self.study.calibration, worlds, kind="expected")
        spend = forecast.cost(self.case, plans, worlds)[0]
        return mitigation.mitigated(self.case, self.study.calibration, worlds, plans, spend,
                                    kind="expected", market=self.study.safety_valve.market)

    @cached_property
    def _simulated_base(self):
        return self._simulated_again(self.study.worlds)

    # The market

    @cached_property
    def _saving(self):
        """What the proposal saves a year in the study's worlds (draw,), GBP."""
        return self.study.market.saving(self.study.market.worlds)

    @cached_property
    def _market_influence(self):
        market = self.study.market
        keys = [key for key, one in self.case.assumptions.items()
                if not one.certain and market.used(key)]
        enough = len(self._saving) >= 2 * len(keys) + 2
        return pd.concat([evidence.influence(self._saving, self.case.assumptions, some,
                                             market.worlds)
                          for some in ([keys] if enough else [[key] for key in keys])]
                         ).sort_values("swing", key=abs, ascending=False, kind="stable")

    @cached_property
    def _line(self):
        """Slope of the saving in each slider's normal score, GBP, and their covariance."""
        scores = np.column_stack([np.ones(len(self._saving)), *self._scores.values()])
        inverse = np.linalg.pinv(scores.T @ scores)
        slope = inverse @ scores.T @ self._saving
        left = self._saving - scores @ slope
        noise = left @ left / max(len(left) - len(slope), 1)
        return slope[1:], noise * inverse[1:, 1:]

    @cached_property
    def _scores(self):
        return {key: self.study.market.worlds.normal(key) for key in self.sliders}

    def _saving_at(self, moved):
        """The proposal's saving, GBP a year, were these assumptions known where they are moved."""
        slope, covariance = self._line
        shift = np.zeros((len(self.sliders), len(self._saving)))
        for place, (key, one) in enumerate(self.sliders.items()):
            if key in moved:
                shift[place] = one.score(moved[key]) - self._scores[key]
        now, far = self._saving + slope @ shift, shift.mean(1)
        low, high = np.quantile(now, (0.1, 0.9))
        return {"mean": float(now.mean()), "p10": float(low), "p90": float(high),
                "error": float(np.sqrt(far @ covariance @ far)), "chance": float((now > 0).mean()),
                "noise": float(now.std() / len(now) ** 0.5)}


def _by_year(amount, years, draws):
    return xr.DataArray(np.broadcast_to(amount, (draws, len(years))),
                        dims=("draw", "financial_year"), coords={"financial_year": years})


def _ranges(values, years):
    """Mean and 8 chances in 10 by year of (draw, year)."""
    values = np.asarray(values)
    low, high = np.quantile(values, (0.1, 0.9), axis=0)
    return pd.DataFrame({"mean": values.mean(0), "p10": low, "p90": high}, index=list(years))
