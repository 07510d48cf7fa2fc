"""What the options of a case cost: real money by year and fund, in the worlds of a study."""

from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from sufficiency.case.options import FLOWS, bands
from sufficiency.case.quantity import FUNDS
from sufficiency.model.appraisal import value
from sufficiency.model.market import routes
from sufficiency.model.market.outcomes import BUYING
from sufficiency.model.placements.calendar import financial_year

KEY = "appraisal"
# What stands beside the funds, so that what is paid is cash and net cost counts it all the same
LEFT = "value of capital left at the end, not cash"
# What pays for an item of a lot's cost that is no fee: the assumption that says who pays.
PAID_BY = {**dict.fromkeys(BUYING, "officer_rate"), "set_up": "tender",
           "transport": "transport_local"}


class Costed:
    """Options of a case in the worlds of its market, or of the study where it has none.

    Everything is worked out when first asked for. Refuses a case that gives no options.
    """

    def __init__(self, study):
        self.study, self.case = study, study.case
        if not self.told("options"):
            raise ValueError(f"{KEY}.options: found nothing; allowed options, do_nothing among "
                             "them: without them nothing is appraised")

    def told(self, name, default=None):
        """A plain leaf of the appraisal, or the default."""
        return self.case.value(f"{KEY}.{name}", default)

    @cached_property
    def market(self):
        """The market of the case, or None."""
        return self.study.market if self.case.value("market.lots", None) else None

    @cached_property
    def worlds(self):
        """Worlds appraised: the market's, or all of the study's."""
        return self.market.worlds if self.market else self.study.worlds

    @property
    def reference(self):
        """The option that others are set against."""
        return self.told("reference")

    @property
    def proposal(self):
        """The option that is proposed and can be chosen, or ""."""
        return name if (name := self.told("proposal", "")) in self.choices else ""

    # Options

    @cached_property
    def labels(self):
        """Every option as it is headed in print, those that fail too: {name: label}."""
        return {name: self._said(name, "label") for name in self.told("options")}

    @cached_property
    def says(self):
        """What each option is, in a sentence, those that fail too: {name: sentence}."""
        return {name: self._said(name, "says") for name in self.told("options")}

    def _said(self, name, word):
        said, route = self.told(f"options.{name}"), self._route(name)
        of = "routes" if self.case.value(f"market.routes.{route}", None) else "mixes"
        return said.get(word) or self.case.value(f"market.{of}.{route}.{word}")

    @cached_property
    def failed(self):
        """Options that fail a critical success factor: frame of option, label, factor, why.

        And those that cannot be costed: by a route that is not compared, or not known yet.
        """
        factors, rows = self.told("success_factors", {}), []
        for name, said in self.told("options").items():
            why = {factors[factor]: why for factor, why in said.get("fails", {}).items()}
            if "route" in said and said["route"] not in self.market.labels:
                why["It can be costed"] = "The market of the case does not compare it"
            if self._owns(name) and any(f"{KEY}.options.{name}.{part}" not in self.case
                                        for part in list(FLOWS)[1:]):
                why["It can be costed"] = f"Its figures were not known by {self.case.known_by}"
            rows += [(name, self.labels[name], *row) for row in why.items()]
        return pd.DataFrame(rows, columns=["option", "label", "factor", "why"])

    @cached_property
    def choices(self):
        """Options that fail nothing, in print order: what the best is looked for among."""
        return [name for name in self._able if name not in self.besides]

    @cached_property
    def besides(self):
        """Options that can be had with any other: set against the reference, choices of nothing."""
        return [name for name in self._able if self.told(f"options.{name}").get("beside")]

    @cached_property
    def _able(self):
        return [name for name in self.labels if name not in set(self.failed["option"])]

    @cached_property
    def options(self):
        """Options that are costed: choices, those beside, the reference even where it fails.

        {name: label}.
        """
        return {name: label for name, label in self.labels.items()
                if name in self._able or name == self.reference}

    def _owns(self, name):
        return self.told(f"options.{name}").get("kind") == "invest_to_save"

    def _route(self, name):
        return self.told(f"options.{name}").get("route") or (
            self.market.reference if self.market else "")

    # Money

    @cached_property
    def years(self):
        """Financial years appraised; the first is not discounted."""
        starts = [said["starts"] for said in self.told("options").values() if said.get("starts")]
        first = (self.market.years[0] if self.market else
                 min(map(_year_of, starts), default=self.told("prices")))
        count = self.told("years") or len(self.market.years)
        return [financial_year(int(first[:4]) + n) for n in range(count)]

    @property
    def prices(self):
        """Financial year of whose prices the money is."""
        return self.told("prices") or self.years[0]

    def factors(self, years):
        """Discount factors of so many years; rates of the case, by band of years."""
        rates = {name: self.case[f"{KEY}.discount.{name}"].central_value()
                 for name in self.told("discount")}
        return value.discount_factors(np.arange(years), bands(rates))

    def _deflator(self, worlds):
        """General prices (draw, year) against those of the appraisal."""
        index = routes.index(self.case, worlds, 12 * len(self.market.years), "general", None)
        level = index.reshape(worlds.draws, -1, 12).mean(2)
        return level / level[:, [self.market.years.index(self.prices)]]

    def _payers(self):
        """Which fund pays (lot, item, fund): 1 or 0."""
        items = list(self.market.results["item"].values)
        paid = np.zeros((len(self.market.lots), len(items), len(FUNDS)))
        for at, lot in enumerate(self.market.lots):
            setting = self.market.told(f"lots.{lot}.setting")
            for item in items:
                name = PAID_BY.get(item, "price")
                fund = ("dsg_high_needs" if setting and name == "price" else
                        self.case[routes.nearest_key(self.case, name, lot=lot)].funded_by)
                paid[at, items.index(item), FUNDS.index(fund)] = 1
        return paid

    def _flows(self, worlds, results=None):
        """Real GBP (draw, option, fund, financial_year); results: of the market in these worlds."""
        names = list(self.options)
        funds = (*FUNDS, LEFT)
        found = np.zeros((worlds.draws, len(names), len(funds), len(self.years)))
        if results is not None:
            cost = results["cost"].sel(route=list(map(self._route, names)))
            cost = cost.transpose("lot", "draw", "route", "financial_year", "item").values
            paid = np.einsum("ldryi,lif->drfy", cost, self._payers(), optimize=True)
            found[:, :, :-1] += (paid / self._deflator(worlds)[:, None, None]
                                 )[..., : len(self.years)]
        for at, name in enumerate(names):
            if self._owns(name):
                found[:, at] += self._own(name, worlds)
        used = [at for at in range(len(funds)) if found[:, :, at].any()] or [0]
        return xr.DataArray(found[:, :, used], dims=("draw", "option", "fund", "financial_year"),
                            coords={"option": names, "fund": [funds[at] for at in used],
                                    "financial_year": self.years}, attrs={"units": "GBP"})

    @cached_property
    def flows(self):
        """Cost of each option, GBP at the prices of the appraisal, not discounted.

        (draw, option, fund, financial_year). Of the market's route over all lots, less general
        inflation, and of flows of its own beside it; LEFT, a fund of its own, is no cash.
        """
        return self._flows(self.worlds, self.market and self.market.results)

    def _present(self, flows):
        paid = flows.sum("fund").transpose("draw", "option", "financial_year")
        return xr.DataArray(value.net_present(paid.values, self.factors(len(self.years))),
                            dims=("draw", "option"), coords={"option": list(self.options)})

    @cached_property
    def net_cost(self):
        """Net present cost (draw, option), GBP; the lower the better."""
        return self._present(self.flows)

    @cached_property
    def saving(self):
        """What each option costs less than the reference (draw, option), present GBP."""
        return self.net_cost.sel(option=self.reference, drop=True) - self.net_cost

    @cached_property
    def benefit(self):
        """Net benefit of the choices (draw, choice), present GBP: less cost is more."""
        return -self.net_cost.sel(option=self.choices).values

    @cached_property
    def paid(self):
        """Net present cost of each option by who pays it (draw, fund, option), GBP."""
        paid = self.flows * self.factors(len(self.years))
        return paid.sum("financial_year").transpose("draw", "fund", "option")

    @property
    def by_fund(self):
        """Mean net present cost, GBP: frame fund x option."""
        return self.paid.mean("draw").to_pandas()

    @property
    def by_year(self):
        """Mean cash cost at the prices of the appraisal, not discounted, GBP: frame year x option.

        A last row LEFT where capital outlives the years.
        """
        mean = self.flows.mean("draw")
        cash = mean.sel(fund=[name for name in mean["fund"].values if name != LEFT])
        found = cash.sum("fund").transpose("financial_year", "option").to_pandas()
        if LEFT in mean["fund"]:
            found.loc[LEFT] = mean.sel(fund=LEFT).sum("financial_year").to_series()
        return found

    # Flows of an option's own

    def _part(self, name, part, worlds):
        own = f"{KEY}.options.{name}.{part}"
        return worlds[own if own in worlds else f"{KEY}.{part}"]

    def _invested(self, name, worlds, years, **parts):
        """`value.invest_to_save` over so many years from its first; parts: 0 for what is left out.
        """
        said = self.told(f"options.{name}")
        got = {part: self._part(name, part, worlds) for part in FLOWS}
        saving = got["avoided"] * got["places"] * got["occupancy"]
        given = {"capital": got["capital"], "saving": saving, "running": got["running"], **parts}
        return value.invest_to_save(
            **given, factors=self.factors(years), optimism_bias=got["optimism_bias"],
            opens_months=self._opens(name, worlds), ramp_months=said.get("ramp_months", 0.0),
            life_years=said["life_years"])

    def _opens(self, name, worlds):
        """Months from the first April of an option to its opening, (draw,) or a number."""
        said, key = self.told(f"options.{name}"), f"{KEY}.options.{name}.opens_months"
        wait = worlds[key] if key in worlds else said.get("opens_months", 0.0)
        return (int(said["starts"][5:]) - 4) % 12 + wait

    def _own(self, name, worlds):
        """Its own cost (draw, fund, financial_year), real GBP; the last fund is LEFT.

        At the end of the years the capital's unused life is worth its share of it, in a straight
        line, so that a long life is not paid for by few years.
        """
        said, many = self.told(f"options.{name}"), len(self.years)
        late = int(_year_of(said["starts"])[:4]) - int(self.years[0][:4])
        found = np.zeros((worlds.draws, len(FUNDS) + 1, many))
        if late >= many:
            return found
        for part, others in (("capital", ("saving", "running")), ("running", ("capital", "saving")),
                             ("avoided", ("capital", "running"))):
            fund = FUNDS.index(self.case[f"{KEY}.options.{name}.{part}"].funded_by)
            flows = self._invested(name, worlds, many - late, **dict.fromkeys(others, 0.0)).flows
            found[:, fund, late:] -= flows
            if part == "capital":
                used = np.clip(many - late - self._opens(name, worlds) / 12, 0, said["life_years"])
                found[:, -1, -1] += flows[:, 0] * (1 - used / said["life_years"])
        return found

    @cached_property
    def invest(self):
        """Options that invest to save, each over its whole life from its own first year: frame.

        Real GBP by option: capital with optimism bias (mean), payback and discounted_payback
        (median years, nan where half never pay back), npv p10, p50, p90, chance that npv is above
        0.
        """
        rows = {}
        for name in filter(self._owns, self._able):
            opens = np.max(self._opens(name, self.worlds))
            years = int(np.ceil(opens / 12 + self.told(f"options.{name}")["life_years"]))
            found = self._invested(name, self.worlds, years)
            never = (np.nan_to_num(one, nan=np.inf) for one in found[3:])
            waits = [float(np.median(one)) for one in never]
            rows[name] = {
                "capital": found.capital.mean(),
                **{key: wait if np.isfinite(wait) else np.nan
                   for key, wait in zip(("payback", "discounted_payback"), waits, strict=True)},
                **{f"npv_p{q}": np.quantile(found.npv, q / 100) for q in (10, 50, 90)},
                "chance": (found.npv > 0).mean()}
        return pd.DataFrame(rows).T


def _year_of(month):
    """Financial year of a month."""
    return financial_year(int(month[:4]) - (int(month[5:]) < 4))
