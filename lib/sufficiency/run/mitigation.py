"""What a savings programme does to spend, in the worlds that spend was foreseen in."""

from functools import cached_property, partial

import numpy as np
import pandas as pd
import xarray as xr

from sufficiency.model.placements import calendar, engine, growth
from sufficiency.model.safety_valve import account, delivery, measures
from sufficiency.run import forecast

CHILDREN = ("new_places", "redirect", "step_down", "front_door", "cessation", "backlog")
PARTS = ("spend", "place_funding", "outside")


def unmitigated(spend):
    """What the high needs block pays for without measures, (draw, financial_year) GBP."""
    found = xr.Dataset(account.spent(spend)).transpose("draw", "financial_year")
    return found.assign(outside=0.0 * found["spend"])


def mitigated(case, calibration, worlds, placements, spend, rate=None, kind="counts", threads=2,
              market=None):
    """The same with the case's measures, and what they cost other funds (`outside`).

    placements (an extra January after, as `forecast.simulate`) and spend: without measures, in the
    same worlds. rate: see `delivery.delivered`; market: `measures.price_multiplier`. Only what
    children do is simulated again.
    """
    effect = effects(case, worlds, placements, spend, rate)
    priced = spend
    if any(made.kind in CHILDREN for made in case.measures.values()):
        tied = forecast.tie(case, placements, worlds)
        changed = with_measures(case, calibration, worlds, effect, placements, kind, threads)
        priced = forecast.cost(case, changed, worlds, tied)[0]
    years = [*map(str, spend["financial_year"].values)]
    nominal = priced["nominal"] * multiplier(case, effect, worlds, spend, None, market)
    return less_cash(unmitigated(priced.assign(nominal=nominal)), case.measures, effect, worlds,
                     years)


def effects(case, worlds, placements, spend, rate=None):
    """Effect of every measure in every month of the forecast, beyond the last closed year."""
    last, base = int(placements["year"][-1]), str(spend["financial_year"][0].values)
    first = int(placements["year"][0])
    return delivery.delivered(case.measures, worlds, first, last + 1, base, rate)


def with_measures(case, calibration, worlds, effect, placements, kind, threads=2):
    """Children with the case's measures: as `forecast.simulate`."""
    years = [int(year) for year in placements["year"].values[1:]]
    change = partial(measures.engine_changes, case.measures, effect, calibration, worlds, years)
    return forecast.simulate(case, calibration, worlds, kind, threads, change)


def multiplier(case, effect, worlds, spend, on=None, market=None):
    """What measures make of the price of each setting: (draw, financial_year, setting)."""
    years, settings = ([*map(str, spend[name].values)] for name in ("financial_year", "setting"))
    profile = case.value("costs.profile", {})
    on = case.measures if on is None else on
    return measures.price_multiplier(on, effect, worlds, years, settings, profile, market)


def less_cash(found, on, effect, worlds, years):
    """Spend less cash saved, and with what the measures on cost: place funding, the rest, outside.

    found: dataset of `unmitigated`; its spend and place funding are of the block alone.
    """
    cash = measures.cash(on, effect, worlds, years).sum("measure")
    cost = measures.costs(on, effect, worlds, years).sum("measure")
    places = cost["account"].sel(item="place_funding")
    return found.assign(
        spend=found["spend"] - cash + cost["account"].sum("item") - places,
        place_funding=found["place_funding"] + places,
        outside=cost["outside"].sum("item"))[[*PARTS]]


class Coalitions:
    """Saving of any set of measures, (draw, financial_year) GBP, on the expected engine.

    Called with a frozenset of names, for `savings.attribute`. Children in expected numbers at the
    mean price of each world; what a measure costs the block is taken off what it saves. gross:
    before that, and before appeals.
    """

    def __init__(self, case, calibration, worlds, placements, spend, years, rate=None,
                 gross=False, threads=2, market=None):
        self.gross, self.market = gross, market
        self.case, self.worlds, self.years, self.threads = case, worlds, list(years), threads
        self.rates, self.calibration = calibration.rates, calibration
        self.effect = effects(case, worlds, placements, spend, rate)
        self.januaries = [int(year) for year in placements["year"].values[1:]]
        self.paths = growth.growth_paths(calibration, worlds, self.januaries)
        self.spend = spend.isel(draw=slice(worlds.draws)).sel(financial_year=self.years)
        self.unit = self.spend["unit_cost"].values
        self.profile = case.value("costs.profile", {})
        self.summer = np.array([calendar.summer_share(name, self.profile.get(name, "by_day"))
                                for name in self.rates.places])
        self.notice = np.array([
            case[key].central_value() if (key := f"costs.notice.{name}") in case else 0.0
            for name in self.rates.places])

    @cached_property
    def held(self):
        """Rates of every draw, drawn once for all coalitions."""
        powers = {name: self.paths[name] for name in ("leave_multiplier", "move_multiplier")}
        return engine.hold(self.rates, seed=self.worlds.seed, draws=self.worlds.draws,
                           periods=len(self.januaries), threads=self.threads, **powers)

    @cached_property
    def usual(self):
        """Placement-years without measures: (draw, financial_year, setting)."""
        return self._placement_years({})

    def __call__(self, names):
        on = {name: made for name, made in self.case.measures.items() if name in names}
        kinds, saved = {made.kind for made in on.values()}, 0.0
        if kinds - {"cash_profile"}:
            paid = self._placement_years(on) if kinds & {*CHILDREN} else self.usual
            price = multiplier(self.case, self.effect, self.worlds, self.spend, on, self.market)
            saved = ((self.usual - paid * price.values) * self.unit).sum(-1)
        cash = measures.cash(on, self.effect, self.worlds, self.years).sum("measure").values
        if not self.gross:
            cost = measures.costs(on, self.effect, self.worlds, self.years)["account"]
            saved = saved - cost.sum(("item", "measure")).values
        return xr.DataArray(saved + cash, dims=("draw", "financial_year"),
                            coords={"financial_year": self.years})

    def costs(self, weights=None):
        """Mean of what each measure costs the block, GBP: DataFrame measure x financial year."""
        cost = measures.costs(self.case.measures, self.effect, self.worlds, self.years)
        cost = cost["account"].sum("item").transpose("measure", "financial_year", "draw")
        weights = None if weights is None else weights[: self.worlds.draws]
        mean = np.average(cost.values, axis=-1, weights=weights)
        return pd.DataFrame(mean, index=list(self.case.measures), columns=self.years)

    def _placement_years(self, on):
        paths = measures.engine_changes(on, self.effect, self.calibration, self.worlds,
                                        self.januaries, self.paths, reversal=not self.gross)
        found = engine.project(self.rates, periods=self.januaries, seed=self.worlds.seed,
                               draws=self.worlds.draws, engine="expected", held=self.held,
                               threads=self.threads, by_age=False, **paths)
        gone = found["leavers"] + found["moved_out"]
        paid = calendar.setting_years(found["stock"], found["moved_in"] - gone, gone,
                                      self.summer, self.notice)
        first = calendar.financial_year(self.calibration.first_january)
        at = int(self.years[0][:4]) - int(first[:4])
        return paid[:, at : at + len(self.years)]
