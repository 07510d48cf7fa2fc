"""The study: one case, one seed, and every result worked out once, for all notebooks of a run."""

import os
from functools import cached_property
from pathlib import Path

from sufficiency.case import find_root, load_case
from sufficiency.run import manifest, store
from sufficiency.run.parameters import Parameters, from_notebook

HEADLINE = ("key", "text", "value", "p10", "p90", "unit", "basis", "year")


def open_study(names: dict) -> "Study":
    """The study of a notebook's parameters: pass globals() in the cell after the parameters."""
    return Study(from_notebook(names))


class Study:
    """A case with its simulated worlds; results are computed when first asked for.

    With out_dir set, draws are kept under out_dir/exempt/draws and shown tables under
    out_dir/results; with out_dir empty nothing is written.
    """

    def __init__(self, parameters: Parameters):
        self.parameters = parameters
        self.root = find_root()
        self.case = load_case(
            parameters.case,
            scenario=parameters.scenario,
            overrides=parameters.overrides,
            as_known=parameters.as_known,
            root=self.root,
        )
        self.out_dir = Path(parameters.out_dir).resolve() if parameters.out_dir else None
        self.threads = min(os.cpu_count() or 1, 8)
        self._headlines = []

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
        return self._simulated.isel(year=slice(None, -1))

    @cached_property
    def spend(self):
        """Spend (draw, financial_year, setting, age_band), nominal and real, GBP, and lines."""
        return self._kept("spend", lambda: self._costed[0])

    @cached_property
    def ledger(self):
        """Unit costs and how they tie to the outturn."""
        return self._costed[1]

    @cached_property
    def _simulated(self):
        from sufficiency.run.forecast import simulate

        asked = (self.case, self.calibration, self.worlds)
        return self._kept("placements", lambda: simulate(*asked, threads=self.threads))

    @cached_property
    def _costed(self):
        from sufficiency.run.forecast import cost

        return cost(self.case, self._simulated, self.worlds)

    def bridge(self, start: str, end: str, prices: str = "nominal"):
        """Why spend changes between two financial years: volume, mix, price; (draw, bar) GBP."""
        from sufficiency.model.costs.bridge import bridge

        return bridge(self.spend, start, end, prices)

    def _kept(self, name, compute):
        folder = self.out_dir / "exempt" / "draws" / self.run_id if self.out_dir else None
        return store.keep(folder, name, compute)

    def show(self, item) -> None:
        """Display a chart or table; with out_dir set, its data goes to results/<label>.csv."""
        from IPython.display import display

        from sufficiency.report import tables

        display(item)
        if self.out_dir:
            frame = item.frame if hasattr(item, "frame") else item.data
            self._write(f"{item.label}.csv", tables.csv(frame))

    def headline(self, key, text, value, p10, p90, unit, basis, year) -> None:
        """Note one figure for headline.json; a key given twice keeps the last."""
        values = (key, text, float(value), float(p10), float(p90), unit, basis, str(year))
        self._headlines = [h for h in self._headlines if h["key"] != key]
        self._headlines.append(dict(zip(HEADLINE, values, strict=True)))

    def save(self) -> None:
        """Write results/placements.csv, spend.csv and headline.json; nothing without out_dir."""
        from sufficiency.report import disclosure, tables

        if self.out_dir:
            plans = tables.placements_frame(self.placements)
            spend = disclosure.protect_spend(tables.spend_frame(self.spend), plans)
            plans = disclosure.protect_placements(plans)
            self._write("placements.csv", tables.csv(plans))
            self._write("spend.csv", tables.csv(spend))
            self._write("headline.json", manifest.canonical(self._headlines))

    def _write(self, name: str, text: str) -> None:
        store.write_text(self.out_dir / "results" / name, text)


def warm() -> None:
    """Compile every kernel and list the fonts once, so that no later run has to wait for it."""
    import matplotlib.font_manager  # noqa: F401

    name = sorted((find_root() / "params" / "councils").glob("*.yaml"))[0].stem
    _ = Study(Parameters(name, draws=2)).spend
