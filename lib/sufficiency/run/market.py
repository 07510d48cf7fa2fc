"""The market of a study: every route over the same call-offs, and what decides between them."""

from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from sufficiency.case import CaseError
from sufficiency.case.quantity import Assumption
from sufficiency.model.market import clearing, evidence, outcomes, routes
from sufficiency.model.placements.calendar import financial_year
from sufficiency.model.streams import Worlds
from sufficiency.run import store
from sufficiency.run.clearing import Lots

KEY = "market"
# Worlds of the study that meet the market, and of these the first that a changed case is asked in.
WORLDS, FEW = 1000, 60
# What is left of a list's advantage: nothing assumed, everyone steered, officers free.
IDEAL = {"premium": 0.0, "named": 0.0, "court": 0.0, "leakage": 0.0, "officer_rate": 0.0}
# Assumptions whose switching value is asked for: from, to, and to within.
SWITCHES = {"premium": (-0.2, 0.5, 5e-3), "joins": (0.0, 1.0, 2e-2), "slippage": (0.0, 36.0, 1.0),
            "leakage": (0.0, 1.0, 2e-2), "provider_spread": (0.01, 0.6, 2e-2),
            "suits": (0.02, 0.9, 2e-2), "diligence": (0.0, 20.0, 0.5)}
# Providers alike in so many worlds after one another, where what they are like is held.
ALIKE = 50
# What a setting's fees are made of: what a route changes in the high needs block.
FEES = ("posted", "terms", "clause", "existing", "named", "reserved", "void", "interim")
WHERE = {"list": "on the list", "open": "spot", "outside": "off the list",
         "known": "known to the team", "reserved": "reserved place", "direct": "personal budget"}


class Market:
    """Every lot cleared by every route of a case, in the first worlds of a study.

    Everything is worked out when first asked for. Refuses a case that says nothing about lots.
    """

    def __init__(self, study):
        self.study, self.case = study, study.case
        if not self.told("lots"):
            raise ValueError(f"{KEY}.lots: found nothing; allowed what is bought, in lots: without "
                             "them no route is compared")

    @cached_property
    def lots(self):
        """Lots in use, as they are headed in print: {name: label}."""
        return {name: self.told(f"lots.{name}.label")
                for name in self.told("in_use") or self.told("lots")}

    @cached_property
    def cleared_routes(self):
        """Routes that every lot is cleared by, in the order of print."""
        return list(self.told("compare"))

    @cached_property
    def labels(self):
        """Routes compared, mixes of them last: {name: label}."""
        said = {**self.told("routes"), **(mixes := self.told("mixes", {}))}
        return {name: said[name]["label"] for name in (*self.cleared_routes, *mixes)}

    @property
    def says(self):
        """What each route is, in a sentence: {name: sentence}."""
        return {name: self.told(f"routes.{name}.says") for name in self.cleared_routes}

    @property
    def guesses(self):
        """Illustrative assumptions of the two routes that have no range: {key: label}."""
        return {key: one.label for key, one in self.case.assumptions.items()
                if self.used(key) and one.certain and one.quality == "illustrative"}

    @property
    def reference(self):
        """The route that others are set against."""
        return self.told("reference")

    @property
    def proposal(self):
        """The route that the council proposes."""
        return self.told("proposal")

    @cached_property
    def years(self):
        """Financial years of the market."""
        first = int(self.told("from")[:4])
        return [financial_year(first + n) for n in range(self.told("years"))]

    @cached_property
    def worlds(self):
        """The first worlds of the study."""
        return self._first(min(WORLDS, self.study.parameters.draws))

    def _first(self, draws, values=None):
        """The first worlds of the study, with assumptions certain at values by key."""
        fixed = {key: Assumption(unit=self.case[key].unit, central=float(value))
                 for key, value in (values or {}).items()}
        return Worlds({**self.case.assumptions, **fixed}, self.study.parameters.seed, draws)

    @cached_property
    def _lots(self):
        return Lots(self.study, self.years)

    def clear(self, *asked, **how):
        """One lot cleared by some routes: see `clearing.Lots.clear`."""
        return self._lots.clear(*asked, **how)

    @cached_property
    def results(self):
        """Cost and counts of every lot and route: see `outcomes.dataset`; kept with the run."""
        return self.study.kept(KEY, lambda: self.compared(self.worlds))

    def compared(self, worlds, **how):
        """Every lot on all that is compared, in some worlds: `run` of the routes, and the mixes."""
        found = self.run(self.cleared_routes, worlds, **how)
        for name, mix in self.told("mixes", {}).items():
            found = outcomes.mix(found, name, mix["lots"])
        return found

    def run(self, names, worlds, **how):
        """Every lot cleared by these routes: dataset (lot, draw, route, ...)."""
        return outcomes.combine({
            lot: outcomes.dataset(self.clear(lot, names, worlds, **how), names, self.years)
            for lot in self.lots})

    def _saving(self, dataset):
        """What routes save a year against the reference, GBP (draw, route)."""
        cost = dataset["cost"].sum(("lot", "financial_year", "item")) / len(self.years)
        return cost.sel(route=self.reference, drop=True) - cost

    def saving(self, worlds):
        """What the proposal saves a year, GBP (draw,)."""
        found = self.run([self.reference, self.proposal], worlds)
        return self._saving(found).sel(route=self.proposal).values

    @cached_property
    def by_route(self):
        """Saving, service and providers by route: see `outcomes.by_route`."""
        return outcomes.by_route(self.results, self.reference)

    def able(self):
        """Share of call-offs by how many could serve, on the reference: frame by lot."""
        return pd.DataFrame({lot: outcomes.able(self.results.sel(lot=lot), self.reference)
                             for lot in self.lots}).T

    def difference(self, dataset=None):
        """What routes cost more a year, by cause, mean GBP: frame cause x route."""
        found = outcomes.difference(self.results if dataset is None else dataset, self.reference)
        mean = found.sum(("lot", "financial_year")).mean("draw") / len(self.years)
        return mean.to_pandas().T.drop(columns=self.reference)

    @store.framed
    def evidence(self):
        """Share of each saving's variance that weak assumptions make, and whether evidence decides.

        What providers are like is a weak input too where how they differ is. It decides where all
        of the share's 95% interval is within half, and no illustrative figure is held certain.
        Frame by route: share, low, high, decides.
        """
        weak = evidence.weak(self.case.assumptions)
        alike = ALIKE if self._keys("provider_spread")[0] in weak else 1
        held = self.worlds.hold(dict.fromkeys(weak, evidence.HALF))
        still = self._saving(self.compared(held, alike=alike, foreseen=self._lots.foresee(held)))
        still, every = evidence.within(still.values, alike), self._saving(self.results).values
        rows = {name: evidence.weak_share(every[: len(still), at], still[:, at])
                for at, name in enumerate(self.labels) if name != self.reference}
        return pd.DataFrame({name: {"share": share.share, "low": share.low, "high": share.high,
                                    "decides": evidence.decides(share.high) and not self.guesses}
                             for name, share in rows.items()}).T

    def _keys(self, name):
        """Keys of an assumption as the proposal uses it, in any lot."""
        found = (routes.nearest_key(self.case, name, self.proposal, lot) for lot in self.lots)
        return list(dict.fromkeys(found))

    def changed(self, values, draws=FEW):
        """First worlds with assumptions certain, at values, wherever the proposal uses them."""
        return self._first(min(draws, self.worlds.draws), {
            key: value for name, value in values.items() for key in self._keys(name)})

    def influence(self):
        """What each uncertain assumption does to the proposal's saving: see `evidence`."""
        keys = [key for key, one in self.case.assumptions.items()
                if not one.certain and self.used(key)]
        saving = self._saving(self.results).sel(route=self.proposal).values
        # In too few worlds for all at once each is asked by itself, and none stands out
        enough = len(saving) >= 2 * len(keys) + 2
        found = [evidence.influence(saving, self.case.assumptions, some, self.worlds)
                 for some in ([keys] if enough else [[key] for key in keys])]
        table = pd.concat(found).sort_values("swing", key=abs, ascending=False, kind="stable")
        return table.assign(clear=table["clear"] & enough)

    def used(self, key):
        """Whether an assumption, by its key in the log, bears on the two routes or a lot in use."""
        home, _, rest = key.partition(".")
        room, *rest = rest.split(".")
        if home != KEY:
            return False
        return (room not in ("routes", "lots")
                or rest[0] in (self.lots if room == "lots" else (self.reference, self.proposal)))

    @store.framed
    def switching(self):
        """Value of each of SWITCHES at which the proposal costs what the reference does.

        Frame by label: name, value, says, unit, central, low, high (between which it is sought). No
        premium where every lot's competition is simulated.
        """
        rows, pricing = {}, {self.told(f"lots.{lot}.pricing") for lot in self.lots}
        for name, (low, high, within) in SWITCHES.items():
            key = self._keys(name)[0]
            if name == "premium" and pricing == {"bids"}:
                continue
            found = evidence.switching(lambda x, name=name: -self._at(name, x), low, high, within)
            rows[self.case[key].label] = {
                "name": name, "value": found.value, "says": found.says, "unit": self.case[key].unit,
                "central": self.case[key].central_value(), "low": low, "high": high}
        return pd.DataFrame(rows).T

    def _at(self, name, x):
        """Mean saving with an assumption at x; the share who join later follows those who do.

        In the first few worlds, with the saving as it is, known in all, as control variate.
        """
        later = {}
        if name == "joins":
            joins, again = (self.case[self._keys(key)[0]].central_value()
                            for key in ("joins", "joins_later"))
            later = {"joins_later": min(1.0, again * x / joins)}
        changed = self.saving(self.changed({name: x, **later}))
        few = (every := self._saving(self.results).sel(route=self.proposal).values)[: changed.size]
        slope = np.cov(changed, few)[0, 1] / max(np.var(few, ddof=1), 1e-9)
        return changed.mean() - slope * (few.mean() - every.mean())

    @cached_property
    def ideal(self):
        """What the proposal costs more, by cause, once IDEAL holds: Series, and its error, GBP."""
        found = self.run([self.reference, self.proposal], self.changed(IDEAL, WORLDS // 2))
        saving = self._saving(found).sel(route=self.proposal)
        error = float(saving.std("draw")) / saving.sizes["draw"] ** 0.5
        return self.difference(found)[self.proposal], error

    def events(self, lot, year=1):
        """What each route did with each call-off of a lot in the first world: clearing.TRACE.

        Of one year (0 the first), by when it was called off.
        """
        rows = self.clear(lot, self.cleared_routes, self._first(1), trace=(0, None)).trace
        frame = pd.DataFrame(rows, columns=clearing.TRACE)
        frame["route"] = [self.cleared_routes[int(at)] for at in frame["route"]]
        began = frame.groupby(["route", "call_off"])["month"].transform("min")
        return frame[began // 12 == year]

    @property
    def stages(self):
        """Where each stage buys, in words, by its position among all routes' stages."""
        said = self.told("routes")
        return [WHERE[said[route]["stages"][stage]["pool"]] for name in self.cleared_routes
                for route, stage in routes.walked(self.case, name)]

    def of(self, name):
        """An assumption as the proposal uses it in its first lot (draw,)."""
        return self.study.worlds[self._keys(name)[0]]

    @property
    def late(self):
        """Months that the proposal starts late (draw,)."""
        return self.of("slippage").clip(0)

    @property
    def missed(self):
        """Chance, as known when the deadline was set, that it is missed; None without one."""
        deadline, start = self.told("deadline"), self.told(f"routes.{self.proposal}.list.start")
        if not (deadline and start):
            return None
        then = min(filter(None, (deadline.get("planned"), self.case.known_by)), default="")
        try:
            case = self.case.as_known(then) if then else self.case
        except CaseError:
            case = self.case  # A scenario says what was known only later
        slips, fails = (case[key].quantile(self.study.worlds.uniform(key))
                        for key in (self._keys("slippage")[0], self._keys("fails")[0]))
        spare = _month(deadline["month"]) - _month(start)
        return float(1 - ((np.rint(slips) <= spare) * (1 - fails)).mean())

    @property
    def unlisted(self):
        """Routes compared that need neither a list nor reserved places, the reference aside."""
        said = self.told("routes")
        return [name for name in self.cleared_routes if name != self.reference
                and not (said[name].get("list") or said[name].get("reserve"))]

    @property
    def funds(self):
        """What the proposal saves a year in fees, and beside them, mean GBP: (fees, the rest)."""
        cost = self.results["cost"].sel(route=[self.reference, self.proposal])
        by_item = cost.sum(("lot", "financial_year")).mean("draw") / len(self.years)
        saved = by_item.sel(route=self.reference) - by_item.sel(route=self.proposal)
        return (fees := float(saved.sel(item=list(FEES)).sum())), float(saved.sum()) - fees

    @property
    def record(self):
        """How late others were, as far as known by the case's date: {name: about}."""
        return {name: late for name, late in self.told("record", {}).items()
                if late["known"] <= f"{self.case.as_at:%Y-%m}"}

    def told(self, name, default=None):
        """A plain leaf of the market, or the default."""
        return self.case.value(f"{KEY}.{name}", default)

    def block(self):
        """Best number of reserved places: (lot, outcomes.Block), or None if no route has any.

        Of new placements in the first lot, among sizes up to three times what is assumed.
        """
        said = self.told("routes")
        route = next((name for name in self.cleared_routes if said[name].get("reserve")), None)
        if route is None:
            return None
        lot = next(iter(self.lots))
        key = routes.nearest_key(self.case, "reserve_places", route, lot)
        most = max(8, round(3 * self.case[key].central_value()))
        sizes, costs = sorted({round(size) for size in np.linspace(0, most, 9)}), []
        for size in sizes:
            worlds = self._first(min(FEW, self.worlds.draws), {key: size})
            found = outcomes.dataset(self.clear(lot, [route], worlds), [route], self.years)
            cost = found["cost"].sum(("financial_year", "route"))
            costs.append(cost.drop_sel(item=["existing", "named"]).sum("item").values)
        return lot, outcomes.best_block(np.stack(costs, 1), sizes)

    def fees_ratio(self, lot, route, draws):
        """A lot's fees on a route over those on the reference: (draw, financial_year)."""
        pair = [self.reference, route]
        found = outcomes.dataset(self.clear(lot, pair, self._first(draws)), pair, self.years)
        fees = found["cost"].sel(item=list(FEES)).sum("item")
        ratio = fees.sel(route=route, drop=True) / fees.sel(route=self.reference, drop=True)
        return xr.DataArray(ratio.values, dims=("draw", "financial_year"),
                            coords={"financial_year": self.years})


def measure_ratios(study):
    """What each measure of kind market makes of its setting's fees: {measure: ratio by year}."""
    market, draws = Market(study), study.parameters.draws
    return {name: market.fees_ratio(made.lot, made.route, draws)
            for name, made in study.case.measures.items() if made.kind == KEY}


def _month(text):
    return 12 * int(text[:4]) + int(text[5:7])
