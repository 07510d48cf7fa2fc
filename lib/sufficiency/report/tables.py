"""Tables: what a reader sees, and the tidy results that are written beside it."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

PERCENTILES = {"p2_5": 0.025, "p10": 0.1, "p50": 0.5, "p90": 0.9, "p97_5": 0.975}
FAN = {"p5": 0.05, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95}
# Curriculum-year bands by the first age at 31 August, as the Department counts plans
BANDS = {"up to 0": 0, "1-6": 5, "7-11": 11, "12-15": 16, "16+": 20}
HEADINGS = {
    "year": "January", "financial_year": "Financial year", "setting": "Setting",
    "age_band": "Curriculum year band", "prices": "Prices", "mean": "Mean",
    "sd": "Standard deviation", "p2_5": "2.5th percentile", "p5": "5th percentile",
    "p10": "10th percentile", "p25": "25th percentile", "p50": "Median", "p75": "75th percentile",
    "p90": "90th percentile", "p95": "95th percentile", "p97_5": "97.5th percentile",
}  # fmt: skip
PLAIN = ("year", "January", "Year")
DECIMALS = {"£m": 1, "£ million": 1, "%": 1, "per cent": 1}


@dataclass(frozen=True)
class Table:
    """A table for a reader; its first column heads the rows.

    frame has its row headings in the first column (not in the index); units {column: "£m"} go
    into the headings; decimals {column: n} override one for £m and %, none otherwise.
    Refuses an empty label, caption or frame.
    """

    label: str
    caption: str
    frame: pd.DataFrame
    note: str = ""
    units: dict = field(default_factory=dict)
    decimals: dict = field(default_factory=dict)
    flag: str = ""

    def __post_init__(self):
        for name in ("label", "caption"):
            if not str(getattr(self, name)).strip():
                raise ValueError(f"table {self.label!r}: {name} is empty; every table needs one")
        if self.frame.empty:
            raise ValueError(f"table {self.label!r}: no rows; leave the table out instead")

    def shown(self):
        """The cells as text, in the words of the trade, rounded: -> DataFrame of str."""
        columns = {}
        for position, name in enumerate(self.frame.columns):
            heading = HEADINGS.get(name, str(name))
            unit = self.units.get(name)
            places = self.decimals.get(name, DECIMALS.get(unit, 0))
            plain = position == 0 or name in PLAIN
            columns[f"{heading} ({unit})" if unit else heading] = [
                _cell(value, places, plain) for value in self.frame[name]
            ]
        return pd.DataFrame(columns)

    def markdown(self):
        """A pandoc pipe table, numbers to the right, with `: caption {#tbl-label}` under it."""
        shown = self.shown()
        numeric = [pd.api.types.is_numeric_dtype(kind) for kind in self.frame.dtypes]
        numeric[0] = False
        rule = ["---:" if right else ":---" for right in numeric]
        rows = [[escape(name) for name in shown], rule, *map(_escaped, shown.to_numpy())]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return "\n".join([*lines, "", f": {escape(self.caption)} {{#tbl-{self.label}}}"])

    def _repr_mimebundle_(self, include=None, exclude=None):
        shown = self.shown()
        last = " ".join(part for part in (self.flag.capitalize(), self.note) if part)
        plain = "\n".join(p for p in (self.caption, shown.to_string(index=False), last) if p)
        html = shown.to_html(index=False, border=0, justify="left")
        html = html.replace("<thead>", f"<caption>{_html(self.caption)}</caption><thead>", 1)
        data = {"text/plain": plain, "text/markdown": self.markdown(), "text/html": html}
        annex = {
            "kind": "table", "label": self.label, "caption": self.caption, "note": self.note,
            "flag": self.flag, "units": self.units, "decimals": self.decimals,
            "data": csv(self.frame),
        }  # fmt: skip
        return data, {"annex": annex}


def _cell(value, places, plain):
    if isinstance(value, str):
        return value
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "Yes" if value else "No"
    if not isinstance(value, (int, float, np.number)) or plain:
        return str(value)
    text = f"{abs(float(value)):,.{places}f}"
    # A rounded nought has no sign
    return f"\u2212{text}" if value < 0 and text.strip("0.,") else text


def escape(text):
    """Text that pandoc reads back as itself, whatever a supplier is called."""
    text = " ".join(str(text).split())
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#$|^~@!\"'" else c for c in text)


def _escaped(row):
    return [escape(cell) for cell in row]


def _html(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


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
    if periods is None:
        periods = draws[draws.dims[1]].values
    found = quantiles(draws, list(FAN.values()))
    return pd.DataFrame(found.T, index=pd.Index(periods, name="period"), columns=list(FAN))


def band_sums(plans, ages):
    """Sum single ages into curriculum-year bands: (..., age) -> (..., 5).

    ages (age,) at 31 August, rising, the first below 5. Refuses ages that leave a band empty.
    """
    starts = np.searchsorted(ages, [max(age, ages[0]) for age in BANDS.values()])
    if (np.diff([*starts, len(ages)]) < 1).any():
        raise ValueError(f"ages {ages[0]} to {ages[-1]}: a band is empty; allowed 0 to 25, rising")
    return np.add.reduceat(np.asarray(plans), starts, axis=-1)


def _with_totals(values):
    """Append `all` to the setting and band axes, summed in each draw: (draw, t, s, b)."""
    draws, periods, settings, bands = values.shape
    out = np.empty((draws, periods, settings + 1, bands + 1), dtype=np.float64)
    out[:, :, :-1, :-1] = values
    out[:, :, -1, :-1] = values.sum(axis=2)
    out[..., -1] = out[..., :-1].sum(axis=-1)
    return out


def _tidy(values, names, axes):
    keys = pd.MultiIndex.from_product(axes, names=names).to_frame(index=False)
    return keys.assign(**{k: v.ravel() for k, v in summarise(values).items()})


def placements_frame(dataset):
    """placements.csv: plans each January by setting and band, `all` in every combination.

    dataset.plans (draw, year, setting, age); totals are summed in each draw, then summarised.
    """
    plans = dataset["plans"].transpose("draw", "year", "setting", "age")
    values = _with_totals(band_sums(plans.values, plans["age"].values))
    axes = [plans["year"].values, [*plans["setting"].values, "all"], [*BANDS, "all"]]
    return _tidy(values, ["year", "setting", "age_band"], axes)


def spend_frame(dataset):
    """spend.csv: GBP by financial year, setting, band and prices (nominal, real).

    dataset.nominal and .real (draw, financial_year, setting, age_band).
    """
    names = ["financial_year", "setting", "age_band"]
    parts = []
    for prices in ("nominal", "real"):
        spend = dataset[prices].transpose("draw", *names)
        axes = [spend[names[0]].values, *([*spend[name].values, "all"] for name in names[1:])]
        part = _tidy(_with_totals(spend.values), names, axes)
        part.insert(3, "prices", prices)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
