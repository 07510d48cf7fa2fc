"""What a notebook shows and saves: for either edition, with the data beside it."""

import json

from sufficiency.run import manifest, store

SAVED = ("placements", "spend", "lines", "account", "forecast", "market", "headline")
HEADLINE = ("key", "text", "value", "p10", "p90", "unit", "basis", "year")


class Shown:
    """A study's words, charts, tables and results on their way to a reader.

    Nothing is written without out_dir. Public results go to out_dir/results, what only the exempt
    edition has to out_dir/exempt/results.
    """

    def say(self, *parts, exempt="") -> None:
        """Display a sentence; with a reason, in the exempt edition only."""
        from IPython.display import display

        about = {"annex": {"kind": "text", "exempt": exempt}} if exempt else {}
        display({"text/markdown": " ".join(parts)}, metadata=about, raw=True)

    def show(self, item, exempt="", public=None) -> None:
        """Display a chart or table; with out_dir set, its data goes to results/<label>.csv.

        exempt: why it is in the exempt edition only; public: what the public edition has in its
        place. Refuses the names of the results that `save` writes.
        """
        if item.label in SAVED:
            raise ValueError(f"label {item.label!r}; allowed: any but {', '.join(SAVED)}")
        from IPython.display import display

        data, about = item._repr_mimebundle_()
        if exempt:
            said, other = public._repr_mimebundle_() if public else ({}, {})
            beside = {"said": said.get("text/markdown", ""), **other.get("annex", {})}
            about["annex"] |= {"exempt": exempt, **({"public": beside} if public else {})}
        display(data, metadata=about, raw=True)
        if self.out_dir:
            self._write_data(item, "exempt/results" if exempt else "results")
            if public:
                self._write_data(public, "results")

    def attach(self, heading, items) -> None:
        """Keep tables for the workbook alone, under a heading; data goes to results/<label>.csv."""
        if self.out_dir:
            for item in items:
                self._write_data(item, "results")
            kept = [item._repr_mimebundle_()[1]["annex"] for item in items]
            path = self.out_dir / "exempt" / "workbook" / f"{heading}.json"
            store.write_text(path, manifest.canonical(kept))

    def headline(self, key, text, value, p10, p90, unit, basis, year, rests="", turns="",
                 cell=None, exempt="", range_is="") -> None:
        """Note one figure for headline.json; a key given twice keeps the last.

        rests, turns: what it rests on, and what would change it, in words; cell {table, where,
        column}: where a result says the same; exempt: why it is in the exempt edition only;
        range_is: what p10 and p90 are where they are not 8 chances in 10.
        """
        # No figure is known to less than a pound, a tenth of a child, a hundredth of a per cent
        places = {"GBP": 0, "share": 4, "ratio": 4}.get(unit, 1)
        figures = (round(float(figure), places) for figure in (value, p10, p90))
        row = dict(zip(HEADLINE, (key, text, *figures, unit, basis, str(year)), strict=True))
        more = {"rests": rests, "turns": turns, "cell": cell, "exempt": exempt,
                "range_is": range_is}
        self._headlines = [h for h in self._headlines if h["key"] != key] + [row | more]

    def influence(self, of, keys) -> None:
        """Note which assumptions move an outcome most, widest first, by their keys."""
        self._influence.append({"of": of, "keys": [str(key) for key in keys]})

    def save(self) -> None:
        """Write results/placements, spend and lines.csv, headline.json; nothing without out_dir."""
        from sufficiency.report import disclosure, tables

        if self.out_dir:
            plans = tables.placements_frame(self.placements)
            spend = tables.spend_frame(self.spend)
            safe = disclosure.protect_both(plans, spend, self.published_settings)
            for name, whole, shown in zip(("placements", "spend"), (plans, spend), safe,
                                          strict=True):
                self._write(f"{name}.csv", tables.csv(shown))
                self._write(f"{name}.csv", tables.csv(whole), "exempt/results")
            self._write("lines.csv", tables.csv(tables.lines_frame(self.spend)))
            self.save_said("01_placement_costs")

    def save_account(self, forecast) -> None:
        """Write results/account and forecast.csv (`movement.forecast_frame`), headline.json."""
        from sufficiency.report import tables

        if self.out_dir:
            self._write("account.csv", tables.csv(tables.account_frame(self.account)))
            # Placement-years of small settings are for the exempt edition, unless published
            folder = "results" if self.published else "exempt/results"
            self._write("forecast.csv", tables.csv(forecast), folder)
            self.save_said("02_safety_valve")

    def save_market(self) -> None:
        """Write results/market.csv (cost by lot, route, year and item), headline.json."""
        from sufficiency.report import tables

        if self.out_dir:
            self._write("market.csv", tables.csv(tables.market_frame(self.market.results)))
            self.save_said("03_framework_vs_spot")

    def save_said(self, notebook) -> None:
        """Write by its name what the paper needs of a notebook, and its headlines to headline.json.

        They stand after those of the run's others; a key given again keeps the last.
        """
        if not self.out_dir:
            return
        said = {"headlines": self._headlines, "influence": self._influence}
        store.write_text(self.out_dir / "exempt" / "said" / f"{notebook}.json",
                         manifest.canonical(said))
        path = self.out_dir / "results" / "headline.json"
        # Notebooks of a run work side by side
        with store.lock(self.out_dir / "exempt" / "draws" / ".headline.lock"):
            before = json.loads(path.read_text("utf-8")) if path.is_file() else []
            mine = {h["key"] for h in self._headlines}
            public = [{name: h[name] for name in HEADLINE} for h in self._headlines
                      if not h["exempt"]]
            both = [h for h in before if h["key"] not in mine] + public
            self._write("headline.json", manifest.canonical(both))

    def _write_data(self, item, folder: str) -> None:
        """The data behind a chart or table; what is synthetic says so in every row."""
        from sufficiency.report import tables

        frame = item.frame if hasattr(item, "frame") else item.data
        frame = frame.assign(flag=item.flag) if "synthetic" in item.flag else frame
        store.write_text(self.out_dir / folder / f"{item.label}.csv", tables.csv(frame))

    def _write(self, name: str, text: str, folder: str = "results") -> None:
        store.write_text(self.out_dir / folder / name, text)
