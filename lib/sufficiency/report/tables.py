"""Tables: what a reader sees, and the tidy results that are written beside it."""

import math
from dataclasses import dataclass, field
from html import escape as html_escape
from io import StringIO

import numpy as np
import pandas as pd

PERCENTILES = {"p2_5": 0.025, "p10": 0.1, "p50": 0.5, "p90": 0.9, "p97_5": 0.975}
FAN = {"p5": 0.05, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95}
# Curriculum-year bands by the first age at 31 August, as the Department counts plans
BANDS = {"up to 0": 0, "1-6": 5, "7-11": 11, "12-15": 16, "16+": 20}
HEADINGS = {
    "year": "January", "age_band": "Curriculum year band", "sd": "Standard deviation",
    "p50": "Median", "p2_5": "2.5th percentile", "p97_5": "97.5th percentile",
    **{f"p{n}": f"{n}th percentile" for n in (5, 10, 25, 75, 90, 95)},
}  # fmt: skip
PLACES = {"£m": 1, "£ million": 1, "%": 1, "per cent": 1}


@dataclass(frozen=True)
class Table:
    """A table for a reader; its first column (not the index) heads the rows.

    units {column: "£m"} go into the headings; decimals {column: n} override one for £m and %,
    none otherwise, "g" is three figures a cell; flag: "synthetic example". Refuses an empty
    label, caption or frame.
    """

    label: str
    caption: str
    frame: pd.DataFrame
    note: str = ""
    units: dict = field(default_factory=dict)
    decimals: dict = field(default_factory=dict)
    flag: str = ""

    def __post_init__(self):
        if not (self.label.strip() and self.caption.strip() and len(self.frame)):
            raise ValueError(f"table {self.label!r}: allowed: a label, a caption and some rows")

    def columns(self):
        """[(column, heading, decimal places)]; None for row headings, years and text."""
        found = []
        for at, name in enumerate(self.frame):
            text = HEADINGS.get(name) or (str(name)[:1].upper() + str(name)[1:]).replace("_", " ")
            unit = f" ({self.units[name]})" if name in self.units else ""
            number = self.frame[name].dtype.kind in "iuf"
            plain = at == 0 or name in ("year", "Year", "January") or not number
            places = self.decimals.get(name, PLACES.get(self.units.get(name), 0))
            found.append((name, text + unit, None if plain else places))
        return found

    def shown(self):
        """The cells as text, rounded, under their headings: -> DataFrame of str."""
        return pd.DataFrame({heading: [_cell(value, places) for value in self.frame[name]]
                             for name, heading, places in self.columns()})  # fmt: skip

    def markdown(self):
        """A pandoc pipe table, numbers to the right, with `: caption {#tbl-label}` under it."""
        rule = [":---" if places is None else "---:" for *_, places in self.columns()]
        shown = self.shown()
        cells = [[escape(cell) for cell in row] for row in [list(shown), *shown.to_numpy()]]
        rows = ["| " + " | ".join(row) + " |" for row in [cells[0], rule, *cells[1:]]]
        return "\n".join([*rows, "", f": {escape(self.caption)} {{#tbl-{self.label}}}"])

    def _repr_mimebundle_(self, include=None, exclude=None):
        shown = self.shown()
        said = [self.caption, shown.to_string(index=False), self.flag.capitalize(), self.note]
        head = f"<caption>{html_escape(self.caption)}</caption><thead>"
        html = shown.to_html(index=False, border=0).replace("<thead>", head, 1)
        annex = {"kind": "table", **vars(self), "data": csv(self.frame)}
        del annex["frame"]
        data = {"text/plain": "\n".join(text for text in said if text), "text/html": html}
        return {**data, "text/markdown": self.markdown()}, {"annex": annex}


def read(annex):
    """The Table in an executed notebook's metadata; for a chart, the data behind it."""
    frame = pd.read_csv(StringIO(annex["data"]), dtype={"period": str})
    note = annex.get("note") or annex.get("source", "")
    return Table(annex["label"], annex["caption"], frame, note, annex.get("units", {}),
                 annex["decimals"], annex["flag"])  # fmt: skip


def _cell(value, places):
    if not isinstance(value, str) and pd.isna(value):
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "Yes" if value else "No"
    if places is None or isinstance(value, str):
        return str(value)
    if places == "g":
        places = max(0, 2 - math.floor(math.log10(abs(value) or 1)))
    text = f"{abs(float(value)):,.{places}f}"
    # A rounded nought has no sign
    return f"\u2212{text}" if value < 0 and text.strip("0.,") else text


def escape(text):
    """Text that pandoc reads back as itself, whatever a supplier is called."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#$|^~@!\"'" else c for c in " ".join(text.split()))


def csv(frame):
    """Tidy CSV text to ten significant figures: the same bytes on every machine."""
    return frame.to_csv(index=False, float_format="%.10g", lineterminator="\n")


def quantiles(draws, shares):
    """Linear-interpolated quantiles over axis 0: (draw, ...), (k,) -> (k, ...)."""
    draws = np.asarray(draws)
    # A contiguous sort is ten times faster than np.quantile down a strided axis
    ordered = np.sort(np.ascontiguousarray(draws.reshape(len(draws), -1).T), axis=1)
    place = np.asarray(shares) * (len(draws) - 1)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, len(draws) - 1)
    found = ordered[:, below] + (ordered[:, above] - ordered[:, below]) * (place - below)
    return found.T.reshape(len(place), *draws.shape[1:])


def summarise(draws):
    """Mean, sd and percentiles over axis 0: (draw, ...) -> {name: array (...)}."""
    draws = np.asarray(draws)
    sd = draws.std(axis=0, ddof=1) if len(draws) > 1 else np.zeros(draws.shape[1:])
    found = quantiles(draws, list(PERCENTILES.values()))
    return {"mean": draws.mean(axis=0), "sd": sd, **dict(zip(PERCENTILES, found, strict=True))}


def fan_frame(draws, periods=None):
    """Percentiles for a fan chart: (draw, period) -> a row a period, columns p5 to p95."""
    periods = draws[draws.dims[1]].values if periods is None else periods
    found = quantiles(draws, list(FAN.values()))
    return pd.DataFrame(found.T, index=pd.Index(periods, name="period"), columns=list(FAN))


def band_sums(plans, ages):
    """Sum single ages at 31 August into curriculum-year bands: (..., age) -> (..., 5).

    Refuses ages that leave a band empty.
    """
    starts = np.searchsorted(ages, [max(age, ages[0]) for age in BANDS.values()])
    if (np.diff([*starts, len(ages)]) < 1).any():
        raise ValueError(f"ages {ages[0]} to {ages[-1]}: a band is empty; allowed 0 to 25, rising")
    return np.add.reduceat(np.asarray(plans), starts, axis=-1)


def _tidy(values, *axes):
    """Summary rows of (draw, time, setting, band), `all` added within each draw."""
    draws, periods, settings, bands = values.shape
    whole = np.empty((draws, periods, settings + 1, bands + 1))
    whole[:, :, :-1, :-1] = values
    whole[:, :, -1, :-1] = values.sum(axis=2)
    whole[..., -1] = whole[..., :-1].sum(axis=-1)
    (time, periods), (setting, settings), (band, bands) = axes
    axes = {time: periods, setting: [*settings, "all"], band: [*bands, "all"]}
    keys = pd.MultiIndex.from_product(axes.values(), names=axes).to_frame(index=False)
    return keys.assign(**{name: found.ravel() for name, found in summarise(whole).items()})


def placements_frame(dataset):
    """placements.csv: plans each January by setting and band, `all` in every combination.

    dataset.plans (draw, year, setting, age); totals are summed in each draw, then summarised.
    """
    plans = dataset["plans"].transpose("draw", "year", "setting", "age")
    axes = ((name, plans[name].values) for name in ("year", "setting"))
    return _tidy(band_sums(plans.values, plans["age"].values), *axes, ("age_band", BANDS))


def spend_frame(dataset):
    """spend.csv: GBP by financial year, setting, band and prices (nominal, real).

    dataset.nominal and .real (draw, financial_year, setting, age_band).
    """
    names, parts = ("financial_year", "setting", "age_band"), []
    for prices in ("nominal", "real"):
        spend = dataset[prices].transpose("draw", *names)
        parts.append(_tidy(spend.values, *((name, spend[name].values) for name in names)))
        parts[-1].insert(3, "prices", prices)
    return pd.concat(parts, ignore_index=True)


def lines_frame(dataset):
    """lines.csv: costs that are not per child, nominal GBP, by financial year and line.

    dataset.lines (draw, financial_year, line) with label, funded_by and basis along line. Those of
    basis 1.2.x and spend.csv's `all` make high needs spending.
    """
    lines = dataset["lines"].transpose("draw", "financial_year", "line")
    keys = pd.MultiIndex.from_product([lines["financial_year"].values, lines["line"].values],
                                      names=["financial_year", "line"]).to_frame(index=False)
    about = {name: np.tile(lines[name].values, lines.sizes["financial_year"])
             for name in ("label", "funded_by", "basis")}
    found = summarise(lines.values)
    return keys.assign(**about, **{name: value.ravel() for name, value in found.items()})


def account_frame(dataset):
    """account.csv: GBP by forecast, schedule, item and financial_year; deficits by their basis.

    dataset: of `SafetyValve.account`, (draw, financial_year), schedule and forecast.
    """
    parts, keys = [], ("forecast", "schedule", "financial_year")
    money = dataset.drop_vars("opening")
    items = {name: money[name] for name in money if name != "deficit"}
    items |= {f"deficit_{basis}": money["deficit"].sel(basis=basis, drop=True)
              for basis in money["basis"].values}
    for name, draws in items.items():
        have = [key for key in keys if key in draws.dims]
        frame = pd.MultiIndex.from_product([draws[key].values for key in have], names=have)
        found = summarise(draws.transpose("draw", *have).values)
        parts.append(frame.to_frame(index=False).assign(
            item=name, **{stat: value.ravel() for stat, value in found.items()}))
    frame = pd.concat(parts, ignore_index=True).fillna({"schedule": "all"})
    return frame[[*keys, "item", *found]]


def market_frame(dataset):
    """market.csv: GBP by lot, route, financial_year and item, in the worlds that met the market.

    dataset.cost (lot, draw, route, financial_year, item), of `outcomes.combine`.
    """
    names = ("lot", "route", "financial_year", "item")
    cost = dataset["cost"].transpose("draw", *names)
    keys = pd.MultiIndex.from_product([cost[name].values for name in names], names=names)
    found = {name: value.ravel() for name, value in summarise(cost.values).items()}
    return keys.to_frame(index=False).assign(**found)
