"""Children in care in a study: counts, rates, children by quarter and what their weeks cost."""

from functools import cached_property

import numpy as np
import pandas as pd

from sufficiency.case.care import counted
from sufficiency.model.appraisal import influence
from sufficiency.model.care import children as simulated
from sufficiency.model.care import past, rates
from sufficiency.model.care.spend import spend
from sufficiency.report import care_views, returns_views, tables

EXAMPLE, NOTEBOOK = "synthetic example", "07_care_placements"
NOT_ESTIMATED = "Not estimated: no SSDA903 return has been given."
PAST = 1_000  # worlds of each forecast of the past: what they are held against is one count
# Families of shocks by how their names begin, each by the assumption that says how large it is.
CHANCE = {"care.entries.spread": "care.entries.shock.",
          "care.spread.residential_independent": "care.luck."}


class Care:
    """Children in care of a study's case; everything is worked out when first asked for.

    Without SSDA903 counts known by the case's date nothing is estimated, and nothing is shown.
    """

    def __init__(self, study):
        self.study, self.case = study, study.case

    @cached_property
    def counts(self):
        """Counts of the returns, or None."""
        return counted(self.case)

    @property
    def given(self):
        """Whether there is a return to estimate from."""
        return self.counts is not None

    @cached_property
    def told(self):
        """What the case says of its returns."""
        return self.case.value("care.returns")

    @property
    def flag(self):
        """The mark on everything made of invented rows."""
        return EXAMPLE if self.told.get("synthetic") else ""

    @cached_property
    def categories(self):
        """Categories as the case has them: {name: {label, codes, ages, uplift ...}}."""
        return self.case.value("care.categories")

    @cached_property
    def labels(self):
        """Categories as they are headed in print."""
        return {name: one["label"] for name, one in self.categories.items()}

    @cached_property
    def rates(self):
        """Flow rates by quarter estimated from the counts."""
        return self._estimate(self.counts)

    @cached_property
    def past(self):
        """Forecasts from each earlier 31 March against what came: of `past.forecasts`."""
        some = self.study.worlds.take(np.arange(min(self.study.worlds.draws, PAST)))
        return past.forecasts(self.counts, some, self._estimate, threads=self.study.threads)

    def _estimate(self, counts):
        prior, rho = (self.case[f"care.{key}"].central_value()
                      for key in ("prior_size", "correlation"))
        return rates.estimate(counts, places=list(self.categories), prior_size=prior,
                              ages=[one.get("ages", (0, 17)) for one in self.categories.values()],
                              correlation=rho)

    @cached_property
    def children(self):
        """Children (draw, quarter, category, age) and flows (draw, quarter, category)."""
        return self.study.kept("care_children", lambda: self._simulate(self.study.worlds))

    @cached_property
    def positions(self):
        """Children on each 31 March: (draw, year, category, age), the last counted the first."""
        return simulated.march(self.children["children"])

    @cached_property
    def spend(self):
        """Spend (draw, financial_year, category), GBP nominal and real, weeks and weekly prices."""
        return self.study.kept("care_spend", lambda: self._cost(self.children, self.study.worlds))

    @property
    def prices_of(self):
        """The financial year whose prices real spend is at."""
        return str(self.case.value("costs.prices_of"))

    @cached_property
    def history(self):
        """Children counted on each 31 March: year x category."""
        rows = self.counts[self.counts["kind"] == "position"]
        table = rows.pivot_table("count", "year", "place", "sum", fill_value=0)
        years = range(self.told["first"] - 1, self.told["last"] + 1)
        return table.reindex(index=years, columns=list(self.categories), fill_value=0)

    @cached_property
    def flows(self):
        """Children counted by year to 31 March: entries, leavers, 18 among them, moves, short."""
        kinds = {"entries": ["joiner"], "leavers": ["leaver", "adult"], "adults": ["adult"],
                 "moves": ["mover"], "short": ["short"]}
        table = self.counts.pivot_table("count", "year", "kind", "sum", fill_value=0)
        table = table.reindex(index=self.history.index[1:], fill_value=0)
        return pd.DataFrame({name: table.reindex(columns=parts, fill_value=0).sum(axis=1)
                             for name, parts in kinds.items()})

    @cached_property
    def quality(self):
        """What became of the rows of the returns' files, or None."""
        name = self.told.get("quality_table")
        return returns_views.read_quality(self.case, name) if name else None

    @cached_property
    def tornado(self):
        """Spend of the last year at the low and high of each assumption and kind of chance."""
        certain = self.rates.certain()

        def evaluate(worlds):
            found = self._simulate(worlds, certain, "expected")
            return self._cost(found, worlds)["nominal"][:, -1].sum("category").values

        keys = [key for key in self.case.assumptions if key.startswith("care.")]
        return influence.tornado(evaluate, self.case.assumptions, keys, CHANCE)

    def _simulate(self, worlds, flows=None, kind="counts"):
        return simulated.project(flows or self.rates, worlds, start=self.told["last"], kind=kind,
                                 years=self.case.value("care.years"), threads=self.study.threads)

    def _cost(self, children, worlds):
        names = list(self.categories)
        factor = simulated.stays(self.counts, names)
        days = simulated.child_days(children["children"].sum("age"), factor)
        last = self.counts[(self.counts["kind"] == "days")
                           & (self.counts["year"] == self.told["last"])]
        before = last.groupby("place")["count"].sum().reindex(names, fill_value=0.0).to_numpy()
        return spend(days, before, worlds, base=self.prices_of, stay=rates.stay(self.rates),
                     priced={name: self.case[f"care.prices.{name}"].as_of for name in names},
                     uplifts={name: one["uplift"] for name, one in self.categories.items()})

    def tell(self):
        """Say that nothing is estimated, where there is no return."""
        if not self.given:
            self.study.say(NOT_ESTIMATED)

    def part(self, heading, view):
        """Show a section of the notebook, unless nothing is estimated: see `care_views`."""
        if not self.given:
            return
        self.study.say(f"## {heading}")
        for item in view(self):
            if isinstance(item, str):
                self.study.say(item)
            elif isinstance(item, care_views.Both) and isinstance(item.exempt, str):
                self.study.say(item.exempt, exempt=item.why)
            elif isinstance(item, care_views.Both):
                self.study.show(item.exempt, exempt=item.why, public=item.public)
            else:
                self.study.show(item)

    def save(self):
        """Write what the paper needs; of a return, all draws' summaries for the exempt edition.

        Invented children give no headline.
        """
        if self.given and not self.flag:
            for head in care_views.headlines(self):
                self.study.headline(**head)
        if self.given:
            last = str(self.spend["financial_year"].values[-1])
            self.study.influence(f"Cost of care placements, {last}", self.tornado.index)
            if self.study.out_dir:
                frame = care_views.tidy(self.positions).assign(flag=self.flag)
                self.study._write("care_children.csv", tables.csv(frame), "exempt/results")
        self.study.save_said(NOTEBOOK)
