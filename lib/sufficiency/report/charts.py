"""Charts in government practice: a finding as the title, words for the eye and the ear."""

import base64
import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation

from sufficiency.report import tables, words

BLUE, INK = "#12436D", "#0B0C0C"
# Parts keep apart in grey as well: light and dark take turns, and each has its hatch
PARTS = ((BLUE, ""), ("#A9C9C5", "///"), ("#801650", "|||"), ("#F4C9AE", "\\\\\\"),
         ("#3D6B35", "xx"), ("#D9D9D9", "--"))  # fmt: skip
SHADES = (("p5", "p95", "#DCE6F0"), ("p10", "p90", "#A9C3DC"), ("p25", "p75", "#6A97C0"))
DOTS, DASHES = (0, (2, 2)), (0, (5, 1.5))


@cache
def _font():
    try:
        from font_source_sans_pro import __file__ as package  # noqa: PLC0415
    except ImportError:
        return "DejaVu Sans"
    for face in ("Regular", "Semibold", "Bold"):
        path = Path(package).parent / "files" / f"SourceSansPro-{face}.ttf"
        mpl.font_manager.fontManager.addfont(path)
    return "Source Sans Pro"


def _style():
    sheet = Path(__file__).parent / "assets" / "charts.mplstyle"
    return mpl.rc_context({"font.family": _font()}, fname=sheet)


@dataclass(frozen=True)
class Chart:
    """A chart with its words and its data; in a document the words are real text.

    title: the finding; subtitle: what is shown and its units; alt: what a reader who cannot
    see it should know. Refuses an empty alt, or one that only repeats the title.
    """

    label: str
    title: str
    subtitle: str
    alt: str
    data: pd.DataFrame
    figure: Figure
    caption: str = ""
    source: str = ""
    flag: str = ""

    def __post_init__(self):
        if self.alt.strip() in ("", self.caption.strip(), self.title.strip()):
            raise ValueError(f"chart {self.label!r}: alt is {self.alt!r}; allowed: a description, "
                             "not empty and not the caption or title again")  # fmt: skip
        if not self.title.strip() or self.data.empty:
            raise ValueError(f"chart {self.label!r}: a title and the data behind it are required")

    def table(self):
        """The data behind the chart as a Table."""
        return tables.Table(self.label, self.title, self.data, self.source, flag=self.flag)

    def svg(self):
        """The picture alone; a document sets title and source as text around it."""
        return self._save("svg", metadata={"Date": None, "Creator": None}).decode()

    def png(self):
        """The picture at 200 dpi with its title, subtitle and source drawn in."""
        figure, inch = self.figure, self.figure.dpi_scale_trans
        lines = [(self.title, 1, 24, 13, "bold"), (self.subtitle, 1, 9, 10.5, "normal")]
        if self.source:
            lines.append((f"Source: {self.source}", 0, -18, 8.5, "normal"))
        with _style():
            drawn = [
                figure.text(0, y, text, fontsize=size, fontweight=weight,
                            transform=figure.transFigure + ScaledTranslation(0, up / 72, inch))
                for text, y, up, size, weight in lines
            ]  # fmt: skip
        try:
            return self._save("png", dpi=200)
        finally:
            for text in drawn:
                text.remove()

    def _save(self, kind, **options):
        out = io.BytesIO()
        with _style():
            self.figure.savefig(out, format=kind, bbox_inches="tight", pad_inches=0.06, **options)
        return out.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None):
        said = {name: getattr(self, name)
                for name in ("title", "subtitle", "caption", "alt", "source", "flag")}  # fmt: skip
        png = self.png()
        plain = "\n".join(dict.fromkeys(text for text in said.values() if text))
        data = {"image/png": base64.b64encode(png).decode(), "text/plain": plain}
        annex = {"kind": "figure", "label": self.label, **said, "svg": self.svg(),
                 "data": tables.csv(self.data)}  # fmt: skip
        width = int.from_bytes(png[16:20], "big") * 96 // 200
        return data, {"annex": annex, "image/png": {"alt": self.alt, "width": width}}


def _made(label, data, figure, flag, said):
    # Laid out once, so that every picture of it is the same to the byte
    with _style():
        if flag:
            figure.text(0.5, 0.5, flag.upper(), ha="center", va="center", rotation=15,
                        fontsize=30, color="#9A9A9A", alpha=0.35, zorder=9)  # fmt: skip
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for key in figure.legends:
        key.set_bbox_to_anchor((0, 0, 1, 1), figure.transFigure)
    return Chart(label, data=data, figure=figure, flag=flag, **said)


def _axes(height, rows=1, columns=1):
    figure = Figure(figsize=(6.7, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _said(value, unit, decimals=0):
    text = words.number(value, decimals)
    cut = text.startswith(words.MINUS)
    pounds = f"{text[:cut]}£{text[cut:]}{unit[1:] if value else ''}"
    return pounds if unit.startswith("£") else text


def _scale(axis, unit):
    axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda x, _: _said(x, unit, int(x % 1 > 0))))


def _fan(axes, history, fan, unit, ticks):
    """Bands, median and history on one pair of axes, from nought."""
    place = {p: i for i, p in enumerate(dict.fromkeys([*history.index, *fan.index]))}
    ahead = [place[p] for p in fan.index]
    for low, high, shade in SHADES:
        axes.fill_between(ahead, fan[low], fan[high], color=shade, linewidth=0)
    for edge in ("p10", "p90"):
        axes.plot(ahead, fan[edge], color=BLUE, linewidth=0.8, linestyle=DOTS)
    axes.plot(ahead, fan["p50"], color=BLUE, linewidth=1.8, linestyle=DASHES)
    axes.plot([place[p] for p in history.index], history, color=INK, linewidth=2)
    shown = range(len(place) - 1, -1, -max(1, -(-len(place) // ticks)))
    axes.set_xticks(shown, [str(list(place)[i]) for i in shown])
    axes.set_ylim(0, max(fan["p95"].max(), history.max()) * 1.06)
    _scale(axes.yaxis, unit)


def _end_labels(axes, x, last, unit):
    gap = 0.052 * axes.get_ylim()[1]
    ends = (("p90", "(1 in 10 above)", max(last["p90"], last["p50"] + gap), "normal"),
            ("p50", "(middle)", last["p50"], "semibold"),
            ("p10", "(1 in 10 below)", min(last["p10"], last["p50"] - gap), "normal"))  # fmt: skip
    for name, meaning, y, weight in ends:
        digits = -2 if last["p90"] > 5000 else int(last["p90"] < 100)
        text = f"{_said(last[name], unit, digits)} {meaning}"
        axes.annotate(text, (x, y), (7, 0), textcoords="offset points", va="center", color=BLUE,
                      fontsize=9.5, fontweight=weight, annotation_clip=False)  # fmt: skip


def _fan_key(figure, history_name):
    edge = Line2D([], [], color=BLUE, linewidth=0.8, linestyle=DOTS)
    wide, most, half = (Patch(color=shade) for *_, shade in SHADES)
    lines = [Line2D([], [], color=INK, linewidth=2),
             Line2D([], [], color=BLUE, linewidth=1.8, linestyle=DASHES)]  # fmt: skip
    names = [history_name, "Middle (median)", "5 in 10", "8 in 10, dotted edge", "9 in 10"]
    figure.legend([*lines, half, (most, edge), wide], names, loc="outside upper left", ncols=5)


def _fan_data(history, fan):
    past = pd.DataFrame({"period": history.index, "actual": history.to_numpy()})
    return pd.concat([past, fan.rename_axis("period").reset_index()], ignore_index=True)


def fan(label, history, fan, *, unit="plans", history_name="Counted", flag="", **said):
    """A fan: history solid, ranges shaded and edged, the last period's numbers beside it.

    history: Series by period; fan: frame by period, columns p5 p10 p25 p50 p75 p90 p95
    (tables.fan_frame); said: title, subtitle, alt, and caption, source if wanted.
    """
    with _style():
        figure, grid = _axes(3.5)
        _fan(grid[0, 0], history, fan, unit, 9)
        _end_labels(grid[0, 0], len({*history.index, *fan.index}) - 1, fan.iloc[-1], unit)
        _fan_key(figure, history_name)
    return _made(label, _fan_data(history, fan), figure, flag, said)


def small_multiples(label, fans, *, unit="plans", history_name="Counted", flag="", **said):
    """A fan a panel, each on its own scale from nought: fans {name: (history, fan)}."""
    rows = -(-len(fans) // 3)
    with _style():
        figure, grid = _axes(0.4 + 1.6 * rows, rows, 3)
        for axes, (name, (history, frame)) in zip(grid.flat, fans.items(), strict=False):
            _fan(axes, history, frame, unit, 3)
            axes.set_title(name, loc="left", fontsize=10, fontweight="semibold")
            axes.tick_params(labelsize=9)
        for axes in grid.flat[len(fans) :]:
            axes.set_visible(False)
        _fan_key(figure, history_name)
    parts = {name: _fan_data(*pair) for name, pair in fans.items()}
    data = pd.concat(parts, names=["panel", None]).reset_index("panel")
    return _made(label, data, figure, flag, said)


def stacked(label, frame, *, unit="£m", flag="", **said):
    """Stacked columns, totals above: a row a period, a column a part (at most six), each part
    hatched as well as coloured."""
    if frame.shape[1] > len(PARTS):
        raise ValueError(f"stacked: {frame.shape[1]} parts; allowed at most {len(PARTS)}")
    with _style():
        figure, grid = _axes(3.7)
        axes, base, across = grid[0, 0], np.zeros(len(frame)), range(len(frame))
        for name, (colour, hatch) in zip(frame, PARTS, strict=False):
            axes.bar(across, frame[name], 0.7, base, color=colour, hatch=hatch, label=name,
                     edgecolor="white", linewidth=0.8)  # fmt: skip
            base = base + frame[name].to_numpy()
        for x, total in zip(across, base, strict=True):
            axes.annotate(_said(total, unit, int(total < 100)), (x, total), (0, 3),
                          textcoords="offset points", ha="center", fontsize=9.5)  # fmt: skip
        axes.set_xticks(across, [str(period) for period in frame.index])
        _scale(axes.yaxis, unit)
        figure.legend(loc="outside upper left", ncols=3)
    return _made(label, frame.rename_axis("period").reset_index(), figure, flag, said)


def _rows(names, sets, unit, base=0.0, thick=0.62):
    """Horizontal bars with their labels: sets of (key, part, rows, from, to, texts)."""
    figure, grid = _axes(0.9 + 0.42 * len(names))
    axes = grid[0, 0]
    for key, (colour, hatch), rows, start, end, texts in sets:
        axes.barh(rows, np.subtract(end, start), thick, start, color=colour, hatch=hatch,
                  edgecolor="white", label=key)  # fmt: skip
        for row, a, b, text in zip(rows, start, end, texts, strict=True):
            side, shift = ("left", 4) if b >= a else ("right", -4)
            axes.annotate(text, (b, row), (shift, 0), textcoords="offset points", ha=side,
                          va="center", fontsize=9.5)  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False)
    axes.grid(visible=True, axis="x")
    axes.axvline(base, color="#3D3D3D", linewidth=1)
    ends = np.concatenate([[base], *(part[3] for part in sets), *(part[4] for part in sets)])
    room = 0.16 * (ends.max() - ends.min())
    axes.set_xlim(ends.min() - room * (ends.min() < base), ends.max() + room)
    _scale(axes.xaxis, unit)
    if sum(bool(part[0]) for part in sets) > 1:
        figure.legend(loc="outside upper left", ncols=4)
    return figure


def bars(label, values, *, unit="plans", decimals=0, flag="", **said):
    """Horizontal bars, one a name: values is a Series by name."""
    texts = [_said(value, unit, decimals) for value in values]
    part = ("", PARTS[0], range(len(values)), np.zeros(len(values)), values, texts)
    with _style():
        figure = _rows(list(values.index), [part], unit)
    return _made(label, values.rename("value").rename_axis("name").reset_index(), figure, flag, said)


def bridge(label, steps, *, unit="£m", decimals=1, flag="", **said):
    """From one total to the next: steps by name, the first and the last the totals.

    Refuses steps that do not add up.
    """
    ends = np.cumsum(steps.to_numpy(float))
    if abs(ends[-2] - steps.iloc[-1]) > 1e-6 * max(1.0, abs(steps.iloc[-1])):
        raise ValueError(f"bridge: steps come to {ends[-2]}; allowed only {steps.iloc[-1]}")
    ends[-1] = steps.iloc[-1]
    starts = np.array([0.0, *ends[:-2], 0.0])
    total = np.isin(np.arange(len(steps)), [0, len(steps) - 1])
    sets = []
    for key, part, chosen in (("Total", PARTS[0], total),
                              ("Increase", PARTS[3], ~total & (ends >= starts)),
                              ("Decrease", PARTS[1], ~total & (ends < starts))):  # fmt: skip
        rows = np.flatnonzero(chosen)
        texts = [words.signed(v, lambda x: _said(x, unit, decimals)) for v in steps.iloc[rows]]
        texts = [t.removeprefix("+") for t in texts] if key == "Total" else texts
        sets += [(key, part, rows, starts[rows], ends[rows], texts)] if len(rows) else []
    with _style():
        figure = _rows(list(steps.index), sets, unit)
    data = pd.DataFrame({"step": steps.index, "change": steps.to_numpy(), "running_total": ends})
    return _made(label, data, figure, flag, said)


def tornado(label, frame, base, *, unit="£m", decimals=1, flag="", **said):
    """Result with each assumption at its low and its high value, the widest first.

    frame by assumption, columns low and high (results), in the unit of base.
    """
    frame = frame.loc[(frame["high"] - frame["low"]).abs().sort_values(ascending=False).index]
    sets = [
        (f"Assumption at its {name} value", part, range(len(frame)), np.full(len(frame), base),
         frame[name], [_said(value, unit, decimals) for value in frame[name]])
        for name, part in (("low", PARTS[1]), ("high", PARTS[0]))
    ]  # fmt: skip
    with _style():
        figure = _rows(list(frame.index), sets, unit, base)
    data = frame.rename_axis("assumption").reset_index()
    return _made(label, data, figure, flag, said)


def tie(label, frame, *, unit="£m", decimals=1, flag="", **said):
    """Modelled beside outturn, line by line: frame by line, columns modelled and outturn."""
    rows = np.arange(len(frame))
    gap = [f"  ({words.signed(m / o - 1, words.percent)})" if o else ""
           for m, o in zip(frame["modelled"], frame["outturn"], strict=True)]  # fmt: skip
    sets = []
    for name, part, shift, more in (("outturn", PARTS[1], -0.2, [""] * len(rows)),
                                    ("modelled", PARTS[0], 0.2, gap)):  # fmt: skip
        texts = [_said(v, unit, decimals) + m for v, m in zip(frame[name], more, strict=True)]
        sets.append((name.capitalize(), part, rows + shift, 0 * rows, frame[name], texts))
    with _style():
        figure = _rows(list(frame.index), sets, unit, thick=0.34)
    return _made(label, frame.rename_axis("line").reset_index(), figure, flag, said)
