"""The explorer on the page: labelled sliders, one picture redrawn in place, and its words."""

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path

import anywidget
import pandas as pd
import traitlets as t
from matplotlib.figure import Figure

from sufficiency.report.charts import BLUE, _style
from sufficiency.report.words import chance, money, number, percent, span

ASSETS = Path(__file__).parent / "assets"
GREY = "#3D3D3D"
DPI = 100
# Sizes in inches, rows and columns of the picture, on a wide page and on a narrow one.
LAYOUTS = {False: ((9.0, 5.8), 2, 2), True: ((4.0, 10.4), 4, 1)}


@dataclass(frozen=True)
class Figures:
    """What the models say at some place of the sliders; GBP; None for what a case does not have.

    spend, deficit: frame mean, p10, p90 by financial year; saving: {mean, p10, p90, error, chance}
    a year, error the standard error of what the sliders moved; ending: financial year of the
    headline deficit; chances: {words: share}.
    """

    spend: pd.DataFrame | None = None
    deficit: pd.DataFrame | None = None
    saving: dict | None = None
    ending: str = ""
    chances: dict = field(default_factory=dict)


class Panel(anywidget.AnyWidget):
    """Native controls, each in its label; what a person does arrives in positions and asked."""

    _esm = ASSETS / "explore.js"
    _css = ASSETS / "explore.css"
    councils = t.List(t.Unicode()).tag(sync=True)
    council = t.Unicode().tag(sync=True)
    scenarios = t.List(t.Unicode()).tag(sync=True)
    scenario = t.Unicode().tag(sync=True)
    # Of each slider: key, label, low and high in steps from the case, and a text for every step
    sliders = t.List(t.Dict()).tag(sync=True)
    # {key: steps from the case}; `turn` counts what was sent, so that the page knows its answer
    positions = t.Dict().tag(sync=True)
    narrow = t.Bool(False).tag(sync=True)
    asked = t.Dict().tag(sync=True)
    answer = t.Dict().tag(sync=True)
    status = t.Unicode().tag(sync=True)
    busy = t.Bool(False).tag(sync=True)

    def __repr__(self):
        return self.answer.get("words", "An explorer that nobody has asked yet")


class Picture:
    """One matplotlib figure a width, drawn again in place; the case as it stands stays dashed."""

    def __init__(self):
        self._made = {}

    def png(self, now, case, names, narrow=False):
        """PNG of the figures now, with those of the case behind; names: of the two routes."""
        parts = [part for part in (
            (_fan, "Deficit at 31 March, £m", now.deficit, case.deficit),
            (_fan, "High needs spending, £m", now.spend, case.spend),
            (_saving, f"Saving a year: {names[0]}", now.saving, case.saving),
            (_chances, "Chances, %", now.chances, case.chances)) if part[2] is not None]
        out, key = io.BytesIO(), (narrow, *(part[1] for part in parts))
        with _style():
            first = key not in self._made
            if first:
                self._made[key] = self._lay_out([part[1] for part in parts], narrow)
            figure, panels = self._made[key]
            for axes, (draw, _, *frames) in zip(panels, parts, strict=True):
                # Axes and their ticks are dear to make: only what they hold is drawn anew
                for old in (*axes.lines, *axes.collections, *axes.patches, *axes.texts):
                    old.remove()
                draw(axes, *frames, first)
            figure.savefig(out, format="png", pil_kwargs={"compress_level": 1})
        return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()

    @staticmethod
    def _lay_out(titles, narrow):
        size, rows, columns = LAYOUTS[narrow]
        if len(titles) < 3:
            rows, columns = len(titles), 1
        figure = Figure(figsize=size, dpi=DPI)
        panels = [figure.add_subplot(rows, columns, at) for at in range(1, len(titles) + 1)]
        for axes, title in zip(panels, titles, strict=True):
            axes.set_title(title, loc="left", fontsize=11, fontweight="semibold")
        figure.subplots_adjust(left=0.1, right=0.97, top=0.95, bottom=0.09, hspace=0.42,
                               wspace=0.22)
        return figure, panels


def _fan(axes, now, case, first):
    across = range(len(now))
    axes.fill_between(across, now["p10"] / 1e6, now["p90"] / 1e6, color="#A9C3DC", linewidth=0,
                      label="8 in 10")
    axes.plot(across, now["mean"] / 1e6, color=BLUE, linewidth=2, label="now (mean)")
    axes.plot(across, case["mean"] / 1e6, color="#0B0C0C", linewidth=1.3, linestyle=(0, (4, 2)),
              label="case (mean)")
    top, low = (max(now["p90"].max(), case["p90"].max()) / 1e6,
                min(now["p10"].min(), case["p10"].min(), 0) / 1e6)
    axes.set_ylim(low * 1.05, top * 1.05 + 1e-9)
    if first:
        axes.set_xticks(across, [str(year)[2:] for year in now.index], fontsize=9)
        axes.set_xlim(-0.1, len(now) - 0.9)
        axes.legend(loc="upper left", fontsize=8.5)


def _saving(axes, now, case, first):
    for place, (name, said, colour) in enumerate((("now", now, BLUE), ("case", case, GREY))):
        ends = [said[end] / 1e3 for end in ("p10", "p90")]
        axes.plot(ends, [place, place], color=colour, linewidth=5 - 2 * place,
                  solid_capstyle="butt", linestyle="-" if not place else (0, (3, 1)))
        axes.plot([said["mean"] / 1e3], [place], "o" if not place else "D", color=colour,
                  markersize=9 - 2 * place)
        axes.annotate(money(said["mean"]), (said["mean"] / 1e3, place), (0, 9), ha="center",
                      textcoords="offset points", fontsize=9.5)
        axes.annotate(name, (0, place), (3, -4), xycoords=("axes fraction", "data"),
                      textcoords="offset points", fontsize=9.5)
    axes.axvline(0, color=GREY, linewidth=1)
    ends = [one[end] / 1e3 for one in (now, case) for end in ("p10", "p90")]
    room = 0.22 * (max(*ends, 0) - min(*ends, 0) + 1e-9)
    axes.set_xlim(min(*ends, 0) - room, max(*ends, 0) + room)
    if first:
        axes.set_ylim(1.6, -0.7)
        axes.set_yticks([])
        axes.set_xlabel("£ thousand, 8 chances in 10", fontsize=9)


def _chances(axes, now, case, first):
    for place, (text, share) in enumerate(now.items()):
        axes.barh(place, 100 * share, 0.34, color=BLUE)
        axes.plot([100 * case[text]] * 2, [place - 0.17, place + 0.22], color="#0B0C0C",
                  linewidth=1.6, linestyle=(0, (2, 1)))
        axes.annotate(f"{text}: {percent(share, 0)}", (0, place), (1, 15), fontsize=9.5,
                      textcoords="offset points")
    if first:
        axes.set_xlim(0, 100)
        axes.set_ylim(len(now) - 0.5, -0.75)
        axes.set_yticks([])


def words(now, case, names):
    """What the figures say and how they differ from the case's, a sentence each."""
    found = []
    if now.deficit is not None:
        row, old = (one.deficit.loc[now.ending] for one in (now, case))
        found.append(f"Deficit at 31 March {int(now.ending[:4]) + 1}: {_said(row, old)}.")
    if now.spend is not None:
        year, row, old = now.spend.index[-1], now.spend.iloc[-1], case.spend.iloc[-1]
        found.append(f"High needs spending in {year}: {_said(row, old)}.")
    if now.saving is not None:
        found.append(f"{names[0]} against {names[1]} saves a year: "
                     f"{_said(now.saving, case.saving)}; "
                     f"it saves in {_share(now.saving['chance'], case.saving['chance'])}.")
    found += [f"{text}: {_share(share, case.chances[text])}."
              for text, share in now.chances.items() if not text.startswith("Saves")]
    return found


def _said(now, case):
    noise = now.get("noise")
    text = f"{money(now['mean'], noise)} ({span(now['p10'], now['p90'])} in 8 chances of 10)"
    gap = now["mean"] - case["mean"]
    moved = money(abs(gap), noise)
    if not moved.strip("£0.,mbn"):
        return f"{text}, as in the case"
    return f"{text}, {moved} {'more' if gap > 0 else 'less'} than in the case"


def _share(now, case):
    same = chance(now) == chance(case)
    return chance(now) if same else f"{chance(now)} (in the case {chance(case)})"


def alt(now, case, names, said):
    """Text alternative of the picture: what is drawn, and what it shows now."""
    drawn = ["deficit and spending by year with ranges"] if now.deficit is not None else (
        ["spending by year with its range"] if now.spend is not None else [])
    drawn += [f"what {names[0]} saves a year"] if now.saving is not None else []
    return (f"Charts of {', '.join([*drawn, 'and chances'])}; the case as it stands is dashed. "
            + " ".join(said))


def position(value, unit, shift=False):
    """A slider's value in words: 8.0%, 1.05, 240 plans; a shift of dated values has its sign."""
    per = "a year" if unit.endswith("/year") else ""
    if unit.startswith(("share", "log points")):
        text = f"{number(100 * value, 1)}{' points' if shift else '%'} {per}".strip()
    elif unit.startswith("GBP"):
        text = f"{money(value)} {unit.removeprefix('GBP').replace('/', 'a ', 1)}".strip()
    elif unit == "ratio":
        text = number(value, 2)
    else:
        text = f"{number(value, 1)} {unit.replace('/', ' a ')}"
    return f"+{text}" if shift and value > 0 else text
