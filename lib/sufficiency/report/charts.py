"""Charts in government practice: a finding as the title, words for the eye and the ear.

A chart function takes its label, its data, options, then the words of Chart by name.
"""

import base64
import io
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from textwrap import fill

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation

from sufficiency.report import tables, words

# Documents draw from the vector picture; this keeps committed notebooks small
DPI = 120
BLUE = "#12436D"
# Light and dark take turns and each part has its hatch, so that parts keep apart in grey
PARTS = ((BLUE, ""), ("#A9C9C5", "///"), ("#801650", "|||"), ("#F4C9AE", "\\\\\\"),
         ("#3D6B35", "xx"), ("#D9D9D9", "--"))  # fmt: skip
SHADES = (("p5", "p95", "#DCE6F0"), ("p10", "p90", "#A9C3DC"), ("p25", "p75", "#6A97C0"))
EDGE = {"color": BLUE, "linewidth": 0.8, "linestyle": (0, (2, 2))}
MIDDLE = {"color": BLUE, "linewidth": 1.8, "linestyle": (0, (5, 1.5))}
PAST = {"color": "#0B0C0C", "linewidth": 2}
BESIDE = {"textcoords": "offset points", "va": "center", "fontsize": 9.5}


@dataclass(frozen=True)
class Chart:
    """A chart with its words and its data; in a document the words are real text.

    title: the finding; subtitle: what is shown and its units; alt: what a reader who cannot
    see it should know; flag: "synthetic example". Refuses an alt that is empty or the title.
    """

    label: str
    title: str
    subtitle: str
    alt: str
    data: pd.DataFrame
    figure: Figure
    source: str = ""
    flag: str = ""

    def __post_init__(self):
        if not self.title.strip() or self.alt.strip() in ("", self.title, self.subtitle):
            raise ValueError(f"chart {self.label!r}: title {self.title!r}, alt {self.alt!r}; "
                             "allowed: a title, and an alt that says more than it")  # fmt: skip

    def table(self):
        """The data behind the chart as a Table."""
        numbers = self.data.select_dtypes("number").abs()
        small = {n: 1 for n in numbers if numbers[n].max() < 1000 and (numbers[n] % 1).any()}
        return tables.Table(self.label, self.title, self.data, self.source, {}, small, self.flag)

    def svg(self):
        """The picture alone; a document sets title and source as text around it."""
        return self._save("svg", metadata={"Date": None, "Creator": None}).decode()

    def png(self):
        """The picture for a notebook, with its title, subtitle and source drawn in."""
        title, under = fill(self.title, 72), fill(self.subtitle, 98)
        source = fill(f"Source: {self.source}", 120) if self.source else ""
        lines = [(title, 1, 11 + 14 * len(under.splitlines()), 13, "bold"),
                 (under, 1, 7, 10.5, "normal"), (source, 0, -8, 8.5, "normal")]
        corner, inch = self.figure.transFigure, self.figure.dpi_scale_trans
        with _style():
            drawn = [self.figure.text(0, y, text, fontsize=size, fontweight=weight,
                                      va="bottom" if y else "top",
                                      transform=corner + ScaledTranslation(0, up / 72, inch))
                     for text, y, up, size, weight in lines]  # fmt: skip
        try:
            return self._save("png", dpi=DPI)
        finally:
            for text in drawn:
                text.remove()

    def _save(self, kind, **options):
        out = io.BytesIO()
        with _style():
            self.figure.savefig(out, format=kind, bbox_inches="tight", pad_inches=0.06, **options)
        return out.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None):
        names = ("title", "subtitle", "alt", "source", "flag")
        said, png = {name: getattr(self, name) for name in names}, self.png()
        annex = {"kind": "figure", "label": self.label, "caption": self.title, **said,
                 "data": tables.csv(self.data), "decimals": self.table().decimals,
                 "svg": self.svg()}  # fmt: skip
        width = int.from_bytes(png[16:20], "big") * 96 // DPI
        plain = "\n".join(text for text in said.values() if text)
        data = {"image/png": base64.b64encode(png).decode(), "text/plain": plain}
        return data, {"annex": annex, "image/png": {"alt": self.alt, "width": width}}


@cache
def _font():
    try:
        from font_source_sans_pro import __file__ as package
    except ImportError:
        return "DejaVu Sans"
    for face in ("Regular", "Semibold", "Bold"):
        path = Path(package).parent / "files" / f"SourceSansPro-{face}.ttf"
        mpl.font_manager.fontManager.addfont(path)
    return "Source Sans Pro"


def _style():
    sheet = Path(__file__).parent / "assets" / "charts.mplstyle"
    return mpl.rc_context({"font.family": _font()}, fname=sheet)


def _chart(draw):
    """Turn a function that draws into (figure, data) into one that makes a Chart."""

    @wraps(draw)
    def made(label, *frames, title, subtitle, alt, source="", flag="", **options):
        with _style():
            figure, data = draw(*frames, **options)
            if flag:
                figure.text(0.5, 0.5, flag.upper(), ha="center", va="center", rotation=15,
                            fontsize=30, color="#9A9A9A", alpha=0.35, zorder=9)  # fmt: skip
            figure.draw_without_rendering()
        # Left to lay itself out again, the same figure would not save to the same bytes
        figure.set_layout_engine("none")
        for key in figure.legends:
            key.set_bbox_to_anchor((0, 0, 1, 1), figure.transFigure)
        alt = alt[:1].upper() + alt[1:]
        return Chart(label, title, subtitle, alt, data.reset_index(), figure, source, flag)

    return made


def _axes(height, rows=1, columns=1):
    figure = Figure(figsize=(6.7, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False).ravel()


def _said(value, unit, decimals=0):
    text = words.number(value, decimals if value else 0)
    cut = text.startswith(words.MINUS)
    pounds = f"{text[:cut]}£{text[cut:]}{unit[1:] if value else ''}"
    return pounds if unit.startswith("£") else text + unit * (unit == "%")


def _scale(axis, unit):
    axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda x, _: _said(x, unit, int(x % 1 > 0))))


def _fan(axes, history, ahead, unit, ticks):
    """Bands, median and history from nought on one pair of axes: -> the data drawn."""
    data = pd.concat([history.rename("actual"), ahead], axis=1).rename_axis("period")
    place = {period: at for at, period in enumerate(data.index)}
    across = [place[period] for period in ahead.index]
    for low, high, shade in SHADES:
        axes.fill_between(across, ahead[low], ahead[high], color=shade, linewidth=0)
    for name, line in (("p10", EDGE), ("p90", EDGE), ("p50", MIDDLE)):
        axes.plot(across, ahead[name], **line)
    axes.plot([place[period] for period in history.index], history, **PAST)
    shown = range(len(place) - 1, -1, -max(1, -(-len(place) // ticks)))
    axes.set_xticks(shown, [str(data.index[at]) for at in shown])
    axes.set_ylim(0, data.max(axis=None) * 1.06)
    _scale(axes.yaxis, unit)
    return data


def _fan_key(figure, history_name):
    wide, most, half = (Patch(color=shade) for *_, shade in SHADES)
    past, middle, edge = (Line2D([], [], **line) for line in (PAST, MIDDLE, EDGE))
    names = [history_name, "Middle (median)", "5 in 10", "8 in 10, dotted edge", "9 in 10"]
    figure.legend([past, middle, half, (most, edge), wide], names, ncols=5,
                  loc="outside upper left")  # fmt: skip


@_chart
def fan(history, ahead, *, unit="plans", history_name="Counted"):
    """fan(label, history, ahead): history solid, ranges shaded, the last numbers beside it.

    history: Series by period; ahead: frame by period with p5 to p95 (tables.fan_frame).
    """
    figure, (axes,) = _axes(3.2)
    data = _fan(axes, history, ahead, unit, 9)
    last, gap = ahead.iloc[-1], 0.052 * axes.get_ylim()[1]
    digits = -2 if last["p90"] > 5000 else int(last["p90"] < 100)
    for name, said, up in (("p90", "1 in 10 above", 1), ("p50", "middle", 0),
                           ("p10", "1 in 10 below", -1)):  # fmt: skip
        at = (len(data) - 1, last["p50"] + up * max(up * (last[name] - last["p50"]), gap))
        axes.annotate(f"{_said(last[name], unit, digits)} ({said})", at, (7, 0), **BESIDE,
                      color=BLUE, fontweight="normal" if up else "semibold")  # fmt: skip
    _fan_key(figure, history_name)
    return figure, data


@_chart
def small_multiples(fans, *, unit="plans", history_name="Counted"):
    """small_multiples(label, {name: (history, ahead)}): a fan a panel, each on its own scale."""
    rows, data = -(-len(fans) // 3), {}
    figure, panels = _axes(0.4 + 1.6 * rows, rows, 3)
    for axes, (name, pair) in zip(panels, fans.items(), strict=False):
        data[name] = _fan(axes, *pair, unit, 3)
        axes.set_title(name, loc="left", fontsize=10, fontweight="semibold")
        axes.tick_params(labelsize=9)
    for axes in panels[len(fans) :]:
        axes.set_visible(False)
    _fan_key(figure, history_name)
    return figure, pd.concat(data, names=["panel"])


@_chart
def stacked(frame, *, unit="£m"):
    """stacked(label, frame): a column a period, totals above; at most six hatched parts."""
    if frame.shape[1] > len(PARTS):
        raise ValueError(f"stacked: {frame.shape[1]} parts; allowed at most {len(PARTS)}")
    figure, (axes,) = _axes(3.7)
    base, across = np.zeros(len(frame)), range(len(frame))
    for name, (colour, hatch) in zip(frame, PARTS, strict=False):
        axes.bar(across, frame[name], 0.7, base, color=colour, hatch=hatch, label=name,
                 edgecolor="white", linewidth=0.8)  # fmt: skip
        base = base + frame[name].to_numpy()
    for at in zip(across, base, strict=True):
        axes.annotate(_said(at[1], unit, int(at[1] < 100)), at, (0, 8), **BESIDE, ha="center")
    axes.set_xticks(across, [str(period) for period in frame.index])
    _scale(axes.yaxis, unit)
    figure.legend(loc="outside upper left", ncols=3)
    return figure, frame.rename_axis("period")


def _rows(names, sets, unit, decimals, base=0.0, thick=0.62):
    """Horizontal bars with their numbers: sets of (key, part, rows, from, to, numbers)."""
    figure, (axes,) = _axes(0.9 + 0.42 * len(names))
    for key, (colour, hatch), rows, start, end, numbers in sets:
        axes.barh(rows, end - start, thick, start, color=colour, hatch=hatch, edgecolor="white",
                  label=key)  # fmt: skip
        for row, a, b, value in zip(rows, start, end, numbers, strict=True):
            text = ("+" if key == "Increase" else "") + _said(value, unit, decimals)
            side, shift = ("left", 4) if b >= a else ("right", -4)
            axes.annotate(text, (b, row), (shift, 0), **BESIDE, ha=side)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.axvline(base, color="#3D3D3D", linewidth=1)
    ends = np.concatenate([[base], *(part[3] for part in sets), *(part[4] for part in sets)])
    # Long names narrow the axes, and a number then takes more of its range
    room = 0.14 * np.ptp(ends) * (1 + max(len(str(name)) for name in names) / 40)
    axes.set_xlim(ends.min() - room * (ends.min() < base), ends.max() + room)
    _scale(axes.xaxis, unit)
    if len(sets) > 1:
        figure.legend(loc="outside upper left", ncols=4)
    return figure


@_chart
def bars(frame, *, unit="plans", decimals=0):
    """bars(label, frame): a row a name, one bar a column (modelled beside outturn, say)."""
    frame = frame.to_frame("value") if isinstance(frame, pd.Series) else frame
    thick, none = 0.68 / frame.shape[1], np.zeros(len(frame))
    sets = [(name, PARTS[at], np.arange(len(frame)) + thick * (at - (frame.shape[1] - 1) / 2),
             none, frame[name].to_numpy(), frame[name])
            for at, name in enumerate(frame)]  # fmt: skip
    figure = _rows(list(frame.index), sets, unit, decimals, thick=thick)
    return figure, frame.rename_axis("name")


@_chart
def bridge(steps, *, unit="£m", decimals=1):
    """bridge(label, steps): from the first total to the last; refuses steps that do not add."""
    ends, last = np.cumsum(steps.to_numpy(float)), steps.iloc[-1]
    if abs(ends[-2] - last) > 1e-6 * max(1.0, abs(last)):
        raise ValueError(f"bridge: steps come to {ends[-2]}; allowed only {last}")
    ends[-1], starts = last, np.array([0.0, *ends[:-2], 0.0])
    kind = np.where(ends >= starts, "Increase", "Decrease").astype(object)
    kind[[0, -1]] = "Total"
    sets = []
    for key, part in (("Total", PARTS[0]), ("Increase", PARTS[3]), ("Decrease", PARTS[1])):
        rows = np.flatnonzero(kind == key)
        sets += [(key, part, rows, starts[rows], ends[rows], steps.iloc[rows])] * bool(len(rows))
    data = pd.DataFrame({"change": steps, "running_total": ends}).rename_axis("step")
    return _rows(list(steps.index), sets, unit, decimals), data


@_chart
def tornado(frame, base, *, unit="£m", decimals=1):
    """tornado(label, frame, base): the result with each assumption low and high, widest first.

    frame by assumption, columns low and high: results in the unit of base.
    """
    frame = frame.loc[(frame["high"] - frame["low"]).abs().sort_values(ascending=False).index]
    rows, middle = range(len(frame)), np.full(len(frame), float(base))
    sets = [(f"Assumption at its {name} value", part, rows, middle, frame[name].to_numpy(),
             frame[name]) for name, part in (("low", PARTS[1]), ("high", PARTS[0]))]  # fmt: skip
    return _rows(list(frame.index), sets, unit, decimals, base), frame.rename_axis("assumption")
