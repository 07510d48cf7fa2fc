"""The study: one case, one seed, and every result worked out once, for all notebooks of a run."""

import os
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from sufficiency.case import find_root, load_case
from sufficiency.report.words import listed
from sufficiency.run import manifest, store
from sufficiency.run.parameters import Parameters, from_notebook
from sufficiency.run.shown import Shown


def open_study(names: dict) -> "Study":
    """The study of a notebook's parameters: pass globals() in the cell after the parameters."""
    return Study(from_notebook(names))


class Study(Shown):
    """A case with its simulated worlds; results are computed when first asked for.

    With out_dir set, draws are kept under out_dir/exempt/draws and shown tables under
    out_dir/results; with out_dir empty nothing is written. case: already loaded.
    """

    def __init__(self, parameters: Parameters, case=None):
        self.parameters = parameters
        self.root = case.root if case else find_root()
        self.case = case or load_case(
            parameters.case,
            scenario=parameters.scenario,
            overrides=parameters.overrides,
            as_known=parameters.as_known,
            root=self.root,
        )
        self.out_dir = Path(parameters.out_dir).resolve() if parameters.out_dir else None
        if self.out_dir:  # What a comparison of two runs sets side by side
            resolved = manifest.canonical(self.case.resolved)
            store.write_text(self.out_dir / "exempt" / "case.json", resolved)
        self.threads = min(os.cpu_count() or 1, 8)
        self._headlines, self._influence = [], []

    @cached_property
    def facts(self) -> dict:
        """Everything the figures depend on."""
        return manifest.describe(self.case, self.parameters, self.root)

    @cached_property
    def run_id(self) -> str:
        """Twelve hex digits that name these facts."""
        return manifest.run_id(self.facts)

    @cached_property
    def worlds(self):
        """The values of every assumption in every draw."""
        from sufficiency.model.streams import Worlds

        return Worlds(self.case.assumptions, self.parameters.seed, self.parameters.draws)

    @cached_property
    def calibration(self):
        """Flow rates fitted to the published counts."""
        from sufficiency.model.placements.calibrate import calibrate

        return calibrate(self.case)

    @cached_property
    def placements(self):
        """Plans (draw, year, setting, age) each January, and flows (draw, year, setting)."""
        return self.simulated.isel(year=slice(None, -1))

    @cached_property
    def spend(self):
        """Spend (draw, financial_year, setting, age_band), nominal and real, GBP, and lines."""
        return self.kept("spend", self._cost)

    @cached_property
    def ledger(self):
        """Unit costs and how they tie to the outturn."""
        from sufficiency.run.forecast import tie

        return tie(self.case, self.simulated)

    @cached_property
    def simulated(self):
        """Placements with one January more, after the last: it ends the last financial year."""
        from sufficiency.run.forecast import simulate

        asked = (self.case, self.calibration, self.worlds)
        return self.kept("placements", lambda: simulate(*asked, threads=self.threads))

    def _cost(self):
        from sufficiency.run.forecast import cost

        return cost(self.case, self.simulated, self.worlds)[0]

    @cached_property
    def safety_valve(self):
        """The high needs account, its measures and schedules: see `safety_valve.SafetyValve`."""
        from sufficiency.run.safety_valve import SafetyValve

        return SafetyValve(self)

    @property
    def account(self):
        """High needs account (draw, financial_year, schedule, basis, forecast), GBP."""
        return self.safety_valve.account

    @cached_property
    def market(self):
        """Framework against spot, and every other route: see `market.Market`."""
        from sufficiency.run.market import Market

        return Market(self)

    @cached_property
    def appraisal(self):
        """The options of the case side by side: see `appraisal.Appraisal`."""
        from sufficiency.run.appraisal import Appraisal

        return Appraisal(self)

    @cached_property
    def contracts(self):
        """Register, spend and locality budgets: see `contracts.Contracts`."""
        from sufficiency.run.contracts import Contracts

        return Contracts(self)

    @cached_property
    def care(self):
        """Children in care, from SSDA903 returns: see `care.Care`."""
        from sufficiency.run.care import Care

        return Care(self)

    def bridge(self, start: str, end: str, prices: str = "nominal"):
        """Why spend changes between two financial years: volume, mix, price; (draw, bar) GBP."""
        from sufficiency.model.costs.bridge import bridge
        from sufficiency.run.forecast import outturn_basis

        return bridge(outturn_basis(self.spend), start, end, prices)

    def tornado(self, financial_year: str, prices: str = "nominal"):
        """High needs spend of that year at the low and high of each uncertain assumption, GBP."""
        from sufficiency.run.forecast import tornado

        return tornado(self.case, self.calibration, financial_year, prices)

    def high_needs(self, prices: str = "nominal"):
        """High needs spend on the outturn basis 1.2.x: (draw, financial_year) GBP."""
        from sufficiency.run.forecast import high_needs

        return high_needs(self.spend, prices)

    def drivers(self):
        """Change in plans over the forecast by cause, mean children: (cause, setting and all)."""
        from sufficiency.run.forecast import drivers

        return drivers(self.calibration, self.worlds, self.placements)

    def single_placements(self, setting: str, limits: list):
        """What one child can cost in a setting in the last year: figures, and chances by limit."""
        from sufficiency.run.forecast import single_placements

        return single_placements(self.spend, self.worlds, setting, limits)

    def earlier(self, as_known: str) -> "Study | None":
        """The case as it stands with only what was known by that month; nothing is written.

        No scenario and no override goes back in time. None where the counts of four Januaries
        were not known then, or none has come since.
        """
        plain = Study(replace(self.parameters, scenario="", overrides="", out_dir=""))
        known = plain.case.as_known(as_known).published("plans_by_setting", None)
        if known is None or len(known) < 4 or self.history.index[-1] <= known.index[-1]:
            return None
        return Study(replace(plain.parameters, as_known=as_known))

    @cached_property
    def published(self) -> bool:
        """Whether the counts of every setting are statistics already published."""
        return all(setting.published for setting in self.case.settings.values())

    @property
    def published_settings(self) -> frozenset:
        """Settings whose counts are statistics already published."""
        return frozenset(name for name, one in self.case.settings.items() if one.published)

    @cached_property
    def counted(self):
        """Plans counted each January by setting: (January, setting), small counts hidden."""
        from sufficiency.report.disclosure import protect

        table = self.case.published("plans_by_setting").loc[: self.calibration.first_january]
        return protect(table, table.columns, published=self.published)

    @cached_property
    def history(self):
        """Plans counted each January, all settings."""
        from sufficiency.report.disclosure import protect

        table = self.case.published("plans_by_setting").loc[: self.calibration.first_january]
        total = table.sum(axis=1).rename("plans").to_frame()
        return protect(total, ["plans"], published=self.published)["plans"]

    @cached_property
    def outturn(self):
        """High needs outturn 1.2.x by financial year, GBP; without one, the first year modelled."""
        from sufficiency.model.costs.ledger import outturn_of

        if len(self.ledger.tie.dropna()):
            return outturn_of(self.case).loc[: self.ledger.last]
        return self.high_needs()[:, :1].mean("draw").to_series()

    @property
    def reported(self) -> list[str]:
        """Counts of plans the council gave out since the last January, in words; at most one."""
        from sufficiency.report.views import reported

        table = self.case.published("plans_reported", None)
        found = [] if table is None else reported(table, self.calibration.first_january)
        return [listed(found)] if found else []

    @property
    def council(self) -> str:
        """The council's short name."""
        return self.case.value("council.short")

    @cached_property
    def labels(self) -> dict:
        """Settings as they are headed in print."""
        return {name: setting.label for name, setting in self.case.settings.items()}

    def provenance(self):
        """What made these figures: case, date, draws, seed, run and versions, a row each."""
        import pandas as pd

        said = {
            "Case": self.case.title or self.case.name, "Figures as at": str(self.case.as_at),
            "Known by": self.case.known_by or "everything known",
            "Scenario": self.parameters.scenario or "the case as it stands",
            "Overrides": self.parameters.overrides or "none",
            "Simulated worlds": f"{self.parameters.draws:,}", "Seed": str(self.parameters.seed),
        }  # fmt: skip
        return pd.DataFrame({"Item": said.keys(), "Value": said.values()})

    def source(self, table: str) -> str:
        """Where a published table comes from; nothing if the case has none."""
        found = self.case.published(table, None)
        return "" if found is None else found.attrs["source"].split(";")[0]

    @property
    def folder(self) -> Path | None:
        """Where what notebooks of a run share is kept, with out_dir set."""
        return self.out_dir / "exempt" / "draws" / self.run_id if self.out_dir else None

    def kept(self, name, compute):
        """A dataset computed once a run, and kept under out_dir if there is one."""
        return store.keep(self.folder, name, compute)


def warm() -> None:
    """Compile every kernel and list the fonts once, so that no later run has to wait for it."""
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_compile, ("placements", "market")))


def _compile(room) -> None:
    name = sorted((find_root() / "params" / "councils").glob("*.yaml"))[0].stem
    study = Study(Parameters(name, draws=2))
    if room == "placements":
        import matplotlib.font_manager  # noqa: F401

        _ = study.spend
    else:  # A lot whose demand does not come from placements
        market = study.market
        lot = next(lot for lot in market.lots if not market.told(f"lots.{lot}.setting", ""))
        market.clear(lot, market.cleared_routes, market.worlds)
