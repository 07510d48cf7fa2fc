"""The contract estate of a study: register, spend and locality budgets, as far as a case has them.
"""

from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from sufficiency.case.contracts import BOUNDS, PUBLISHED
from sufficiency.case.law import read_law
from sufficiency.case.procurement import aggregation
from sufficiency.case.returns.registers import read_contracts
from sufficiency.model.contracts import boards, estate, pipeline
from sufficiency.model.placements.calendar import financial_year
from sufficiency.report import tables
from sufficiency.run.market import FEES

KEY, EXAMPLE, SPLIT = "contracts", "synthetic example", "illustrative split"
LISTS, SAME = ("framework", "dynamic_market"), ("title", "category", "kind", "start", "end")
PARTS = ("growth", "top_ten_share", "top_ten_growth")
ALL, TOP = "All boards", 10
# Years over which like purchases are taken together: the longest usual term of a framework
TERM = 4


class Contracts:
    """What a board sees of its contracts; everything is worked out when first asked for.

    `register` and `spend` are frames of `case.returns.registers`, or None where the case names no
    such file; what rests on one that is missing is None too. Without `boards` no budget is shared.
    """

    def __init__(self, study):
        self.study, self.case = study, study.case

    def told(self, name, default=None):
        """A plain leaf of the section, or the default."""
        return self.case.value(f"{KEY}.{name}", default)

    @cached_property
    def read(self):
        """What was read of each file, with what could not be used: {part: registers.Listing}."""
        return read_contracts(self.case)

    @property
    def register(self):
        """Contracts, a row each, or None."""
        return self.read["register"].rows if "register" in self.read else None

    @property
    def spend(self):
        """Payments, a row each, or None."""
        return self.read["spend"].rows if "spend" in self.read else None

    @property
    def synthetic(self):
        """Whether the rows are invented."""
        return bool(self.read) and self.told("synthetic", False)

    @property
    def flag(self):
        """The mark on every table and chart made of invented rows."""
        return EXAMPLE if self.synthetic else ""

    @cached_property
    def years(self):
        """The last two financial years of the spend; without one, the last two before the date."""
        if self.spend is not None:
            return tuple(sorted(self.spend["financial_year"].unique())[-2:])
        last = self.case.as_at.year - (self.case.as_at.month < 4)
        return financial_year(last - 2), financial_year(last - 1)

    @property
    def latest(self):
        """Payments of the last year."""
        return self.spend[self.spend["financial_year"] == self.years[-1]]

    @cached_property
    def growth(self):
        """Why spend grew between the two years, by supplier: `estate.Growth`, or None."""
        enough = self.spend is not None and len(self.years) == 2
        return estate.growth_split(self.spend, self.years) if enough else None

    @cached_property
    def top(self):
        """Spend with the ten largest suppliers by year: `estate.top`."""
        return estate.top(self.spend, self.years, k=TOP)

    @cached_property
    def concentration(self):
        """How concentrated the last year's spend is, by supplier and owner, with 95% intervals."""
        unit = "reference" if self.latest["reference"].all() else None
        return estate.concentration(self.latest, k=TOP, unit=unit)

    @cached_property
    def agreements(self):
        """The register with the suppliers of one list in one row; None: no register.

        A list is one by SAME; its reference is that of its first supplier.
        """
        if self.register is None:
            return None
        rows = self.register
        alone = (~rows["kind"].isin(LISTS)).cumsum().where(~rows["kind"].isin(LISTS), 0)
        found = rows.groupby([alone, *map(rows.get, SAME)], sort=False, dropna=False)
        first = found["reference"].transform("first")
        made = rows.assign(reference=first, replaces=rows["replaces"].map(
            dict(zip(rows["reference"], first, strict=True))).fillna(""))
        for name in ("supplier", "owner"):
            many = found[name].transform("nunique")
            made[name] = made[name].where(many == 1, many.astype(str) + " suppliers")
        made["annual_value"] = found["annual_value"].transform("sum")
        return made.drop_duplicates("reference").reset_index(drop=True)

    @property
    def lasting(self):
        """Agreements but those for one place, which end with a child's placement."""
        return self.agreements[self.agreements["places"] != 1]

    @cached_property
    def kinds(self):
        """Agreements in place, started and spend by (financial_year, kind); None: no register."""
        if self.register is None:
            return None
        return estate.by_kind(self.agreements, self.years, self.spend)

    def moved(self, kind):
        """Change of the contracts of a kind started in the two years: `estate.Change`."""
        started = self.kinds["started"].unstack(fill_value=0).get(kind)
        return None if started is None else estate.change(*started.loc[list(self.years)])

    @cached_property
    def pipeline(self):
        """What must start when, from the case's date: `pipeline.Pipeline`, or None."""
        if self.register is None:
            return None
        day, said = self.case.as_at, self.told("pipeline")
        ends = [end for end in self.lasting["end"] if end is not None] + [day]
        lead = -(-said["lead_months"] // 12)
        days = pipeline.bank_holidays(min(ends).year - lead, max(ends).year, f"{day:%Y-%m}")
        return pipeline.pipeline(self.lasting, day, days, said["stages"], said["lead_months"])

    @cached_property
    def gaps(self):
        """Where cover ends before its replacement begins; None: no register."""
        return None if self.register is None else pipeline.gaps(self.lasting, self.case.as_at)

    @cached_property
    def voids(self):
        """Places paid for and not used in the blocks of the case's date; None: no register."""
        if self.register is None:
            return None
        here = self._in_force(self.case.as_at) & self.register["places"].notna()
        return estate.voids(self.register[here])

    def _in_force(self, day):
        """Whether each contract of the register is in force on a day."""
        rows = self.register
        return (rows["start"].map(lambda start: start is not None and start <= day)
                & rows["end"].map(lambda end: end is None or end >= day))

    @property
    def spot(self):
        """Spot contracts in place at the end of each quarter of the two years, 21-22 Q4: Series."""
        mine, found = self.register["kind"] == "spot", {}
        for year in self.years:
            for at, month in enumerate((6, 9, 12, 3), start=1):
                day = date(int(year[:4]) + (month < 4), month, 31 - (month in (6, 9)))
                found[f"{year[2:]} Q{at}"] = int((mine & self._in_force(day)).sum())
        return pd.Series(found)

    @cached_property
    def together(self):
        """Like purchases of the last year against the thresholds of the day: {category: test}.

        Tests are of `case.procurement.aggregation`, over TERM years; VAT is not said.
        """
        if self.spend is None:
            return {}
        law, day = read_law(self.study.root), self.case.as_at
        known = self.case.known_by or f"{day:%Y-%m}"
        return {name: aggregation(law, day, some, TERM, known_by=known)
                for name, some in self.bought.groupby("category", sort=False)}

    @cached_property
    def bought(self):
        """Purchases of the last year by category and justification: `estate.aggregate`."""
        return estate.aggregate(self.latest)

    @cached_property
    def published(self):
        """What the council printed beside what the rows come to; None: it printed nothing.

        Frame by figure: label, unit (GBP, share, number), how (of BOUNDS), value, example (NaN: the
        rows cannot say), source.
        """
        said = {name: one for name, one in self.told("published", {}).items() if name != "known"}
        if not said:
            return None
        found, rows = self._found() if self.read else {}, {}
        for name, one in said.items():
            how = next(word for word in BOUNDS if one.get(word) is not None)
            unit = PUBLISHED[name].split()[0]
            rows[name] = {"label": one.get("label") or name, "how": how, "value": one[how],
                          "unit": unit if unit in ("GBP", "share") else "number",
                          "example": found.get(name, float("nan")), "source": one["source"]}
        return pd.DataFrame(rows).T

    def _found(self):
        """Figures of the rows by the names of `published`."""
        found = {}
        if self.growth:
            sums, rows = self.top, self.latest
            (total, top), (was, before) = (sums[["total", "top"]].loc[year] for year in
                                           reversed(self.years))
            names = sums.attrs["names"]
            mine = rows[rows["supplier"].isin(names) & rows["kind"].isin(estate.ON_CONTRACT)]
            found = {"total": total, "growth": total / was - 1, "top_ten_share": top / total,
                     "top_ten_growth": top / before - 1,
                     "on_contract": mine["supplier"].nunique() / len(names)}
        if self.kinds is not None:
            found["spot_contracts"] = self.kinds["in_place"].get((self.years[-1], "spot"), 0)
            found["block_places"] = self.voids["places"].max()
        return found

    @property
    def rest(self):
        """What the printed figures alone say of suppliers outside the ten largest: `estate.rest`.

        None: too few are printed.
        """
        said = self.told("published", {})
        if not {"total", *PARTS} <= said.keys():
            return None
        total, *parts = (next((how, said[name][how]) for how in BOUNDS
                              if said[name].get(how) is not None) for name in ("total", *PARTS))
        return estate.rest(total[1], *parts)

    @cached_property
    def budgets(self):
        """Budget of each board, GBP a year by label, to the penny; None: no boards."""
        if not self.told("boards.weights"):
            return None
        shared = boards.allocate(self._total, {name: one.central_value()
                                              for name, one in self.weights.items()})
        return shared.rename(self.boards)

    @property
    def boards(self):
        """Boards as they are headed in print: {name: label}."""
        return {name: one.label or name for name, one in self.weights.items()}

    @property
    def _total(self):
        return self.case[f"{KEY}.boards.total"].central_value()

    @property
    def weights(self):
        """The boards' weights: {name: Assumption}."""
        return {name: self.case[f"{KEY}.boards.weights.{name}"]
                for name in self.told("boards.weights")}

    @property
    def split(self):
        """The mark on what rests on the boards' weights, where one is illustrative."""
        weak = any(one.quality == "illustrative" for one in self.weights.values())
        return SPLIT if weak else ""

    @property
    def moves(self):
        """Change of each board's budget with one weight at its low or high: frame, GBP."""
        ends = {}
        for name, one in self.weights.items():
            middle = one.central_value()
            low, high = (middle, middle) if one.certain else (one.low, one.high)
            ends[name] = (low, middle, high)
        found = boards.sensitivity(self._total, ends)
        return found.rename(columns=self.boards, index=self.boards, level="moved")

    @cached_property
    def reach(self):
        """Whole programmes a year each budget buys on each route: frame by (board, route), or None.

        Of fees alone, which the budgets pay: fees over programmes served, in the market's worlds;
        every board buys the market's mix. Columns of `boards.reach`; ALL is the sum of the boards.
        """
        if self.budgets is None or not self.case.value("market.lots", None):
            return None
        rows = {(ALL, route): (bought.mean(), *tables.quantiles(bought, [0.1, 0.9]))
                for route, bought in self._bought(FEES).items()}
        every = pd.DataFrame(rows, ["mean", "p10", "p90"]).T
        return pd.concat([boards.reach(self.budgets, self._unit_costs(FEES)), every])

    def _unit_costs(self, items):
        """Cost of a programme on each route, GBP (draw,): {route: array}."""
        found = self.study.market.results
        cost = found["cost"].sel(item=list(items)).sum(("lot", "financial_year", "item"))
        each = cost / found["count"].sel(outcome="placed").sum("lot")
        return {route: each.sel(route=route).values for route in found["route"].values}

    def _bought(self, items):
        """Whole programmes a year that all boards buy on each route, (draw,): {route: array}."""
        return {route: np.floor(self.budgets.to_numpy()[:, None] / cost).sum(0)
                for route, cost in self._unit_costs(items).items()}

    @cached_property
    def further(self):
        """Programmes a year more than on the reference, all boards, in the same worlds.

        Frame by route: mean, error, p10, p90, and whole: the mean where the budgets would also pay
        for officers, checks and tenders.
        """
        market, rows = self.study.market, {}
        fees, every = map(self._bought, (FEES, market.results["item"].values))
        for route in market.labels:
            more = fees[route] - fees[market.reference]
            low, high = tables.quantiles(more, [0.1, 0.9])
            rows[route] = {"mean": more.mean(), "error": more.std() / len(more) ** 0.5, "p10": low,
                           "p90": high, "whole": (every[route] - every[market.reference]).mean()}
        return pd.DataFrame(rows).T

    @property
    def queue(self):
        """Proposals that spend to save: `Appraisal.invest`, or None where the case has none."""
        options = self.case.value("appraisal.options", {})
        if not any(one.get("kind") == "invest_to_save" for one in options.values()):
            return None
        return self.study.appraisal.invest
