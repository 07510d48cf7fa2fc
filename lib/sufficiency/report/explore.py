"""The explorer on the page: labelled sliders, one picture redrawn in place, and its words."""

from dataclasses import dataclass, field
from functools import partial
from html import escape
from pathlib import Path

import anywidget
import numpy as np
import pandas as pd
import traitlets as t
from matplotlib.ticker import MaxNLocator

from sufficiency.report.charts import BLUE
from sufficiency.report.market_words import lower
from sufficiency.report.words import chance, money, number, percent, span

ASSETS = Path(__file__).parent / "assets"
BLACK, GREY, PALE, SHADE = "#0B0C0C", "#3D3D3D", "#E1E4E8", "#A9C3DC"
# One chart of the picture, width and height, and its axes within it: SVG is written as text, since
# matplotlib needs longer for one picture than the models for all its figures
PANEL = 440, 290
LEFT, RIGHT, TOP, BOTTOM = 52, 420, 46, 232
TICKS = MaxNLocator(5, steps=[1, 2, 5, 10])
LACKING = {
    "deficit": "Deficit: not estimated; the case has no opening balance of a high needs account.",
    "spend": "High needs spending: not estimated; the case has no counts of plans by setting.",
    "saving": "What a framework saves: not estimated; the case describes no market."}


@dataclass(frozen=True)
class Figures:
    """What the models say at some place of the sliders; GBP; None for what a case does not have.

    spend, deficit: frame mean, p10, p90 by financial year; saving: {mean, p10, p90, noise, error,
    chance, guesses} a year, noise the mean's standard error, error that of what the sliders moved,
    guesses how many illustrative figures are held certain; ending: financial year of the headline
    deficit; chances: {words: share}.
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
    positions = t.Dict().tag(sync=True)  # {key: steps from the case}
    asked = t.Dict().tag(sync=True)
    answer = t.Dict().tag(sync=True)
    # Counts what was answered: the page waits for it, and an answer may be the same as before
    turn = t.Int().tag(sync=True)
    status = t.Unicode().tag(sync=True)
    busy = t.Bool(False).tag(sync=True)

    def __repr__(self):
        return self.answer.get("words", "An explorer that nobody has asked yet")


def pictures(now, case, names):
    """The figures now, with those of the case dashed, as SVG: on a wide page, on a narrow one.

    names: of the two routes. What a case does not have is left out.
    """
    drawn = []
    if now.deficit is not None:
        drawn.append(_fan("Deficit at 31 March, £m", now.deficit.rename(_march), case.deficit))
    if now.spend is not None:
        drawn.append(_fan("High needs spending, £m", now.spend.rename(lambda year: year[2:]),
                          case.spend))
    if now.saving is not None:
        drawn.append(_saving(f"Saving a year: {names[0]}", now.saving, case.saving))
    if now.chances:
        drawn.append(_chances("Chances, % (dashed: the case)", now.chances, case.chances))
    return [_page(drawn, columns) for columns in (2, 1)]


def _page(panels, columns):
    across, down = PANEL
    wide, tall = across * columns, down * -(-len(panels) // columns)
    placed = "".join(f"<g transform='translate({at % columns * across} {at // columns * down})'>"
                     f"{panel}</g>" for at, panel in enumerate(panels))
    return (f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {wide} {tall}' width='{wide}' "
            f"height='{tall}' fill='{BLACK}' font-size='13' font-family='Source Sans Pro, "
            f"system-ui, sans-serif'><style>text {{ paint-order: stroke; stroke: #fff; "
            f"stroke-width: 4px; }}</style>{placed}</svg>")


def _fan(title, now, case):
    years, millions = range(len(now)), (now / 1e6, case / 1e6)
    ends = [one[end] for one in millions for end in ("p10", "p90")]
    x = _scale((0, max(len(years) - 1, 1)), (LEFT, RIGHT))
    ticks, y = _ticks([0, *np.concatenate(ends)], (BOTTOM, TOP))
    drawn = [_title(title)]
    for tick in ticks:
        drawn += [_line([(LEFT, y(tick)), (RIGHT, y(tick))], GREY if tick == 0 else PALE, 1),
                  _text(LEFT - 6, y(tick) + 4, _short(tick, ticks), "end")]
    low, high, mean, plain = ([(x(at), y(value)) for at, value in zip(years, one, strict=True)]
                              for one in (*ends[:2], millions[0]["mean"], millions[1]["mean"]))
    drawn += [_line([*low, *high[::-1]], "none", 0, fill=SHADE), _line(mean, BLUE, 2.5),
              _line(plain, BLACK, 1.5, "5 3")]
    drawn += [_text(x(at), BOTTOM + 18, year, "middle") for at, year in enumerate(now.index)]
    key = (("8 chances in 10", SHADE, 10, ""), ("now (mean)", BLUE, 2.5, ""),
           ("case (mean)", BLACK, 1.5, "5 3"))
    for at, (said, colour, width, dash) in enumerate(key):
        left = 146 * at
        drawn += [_line([(left, TOP - 14), (left + 22, TOP - 14)], colour, width, dash),
                  _text(left + 28, TOP - 10, said)]
    return "".join(drawn)


def _saving(title, now, case):
    ends = [one[end] / 1e3 for one in (now, case) for end in ("p10", "p90")]
    ticks, x = _ticks([0, *ends], (LEFT + 20, RIGHT - 20))
    drawn = [_title(title), _text(RIGHT, BOTTOM + 38, "£ thousand, 8 chances in 10", "end")]
    for tick in ticks:
        drawn += [_line([(x(tick), TOP), (x(tick), BOTTOM)], GREY if tick == 0 else PALE, 1),
                  _text(x(tick), BOTTOM + 18, _short(tick, ticks), "middle")]
    rows = (("now", now, BLUE, 6, ""), ("case", case, BLACK, 2, "5 3"))
    for at, (name, one, colour, width, dash) in enumerate(rows):
        y, mean = TOP + 62 + 80 * at, x(one["mean"] / 1e3)
        low, high = (x(one[end] / 1e3) for end in ("p10", "p90"))
        drawn += [_line([(low, y), (high, y)], colour, width, dash),
                  f"<circle cx='{mean:.1f}' cy='{y}' r='6' fill='{colour}'/>",
                  _text(mean, y - 13, f"{name}: {money(one['mean'], one['noise'])}", "middle")]
    return "".join(drawn)


def _chances(title, now, case):
    x, drawn = _scale((0, 1), (LEFT, RIGHT)), [_title(title)]
    for tick in np.linspace(0, 1, 6):
        drawn += [_line([(x(tick), TOP), (x(tick), BOTTOM)], GREY if tick == 0 else PALE, 1),
                  _text(x(tick), BOTTOM + 18, number(100 * tick), "middle")]
    for at, (said, share) in enumerate(now.items()):
        y, old = TOP + 36 + 66 * at, x(case[said])
        drawn += [_line([(LEFT, y), (x(share), y)], BLUE, 20),
                  _line([(old, y - 14), (old, y + 14)], BLACK, 2, "4 2"),
                  _text(LEFT, y - 18, f"{said}: {_percent(share)}")]
    return "".join(drawn)


def _percent(share):
    if share < 0.01 or share > 0.99:
        return "under 1%" if share < 0.01 else "over 99%"
    return percent(share, 0)


def _march(financial_year):
    return str(int(financial_year[:4]) + 1)


def _scale(values, places):
    """Where a value lies between two places, as they lie between two values."""
    rise = (places[1] - places[0]) / (values[1] - values[0])
    return lambda value: places[0] + (value - values[0]) * rise


def _ticks(values, places):
    ticks = TICKS.tick_values(min(values), max(*values, min(values) + 1e-6))
    return ticks, _scale(ticks[[0, -1]], places)


def _short(tick, ticks):
    return number(tick, max(0, -int(np.floor(np.log10(ticks[1] - ticks[0]) + 1e-9))))


def _title(said):
    return _text(0, 16, said).replace("<text", "<text font-size='15' font-weight='600'", 1)


def _text(x, y, said, anchor="start"):
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'>{escape(said)}</text>"


def _line(points, colour, width, dash="", fill="none"):
    at = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (f"<polyline points='{at}' fill='{fill}' stroke='{colour}' stroke-width='{width}' "
            f"stroke-dasharray='{dash}'/>")


def words(now, case, names):
    """What the figures say and how they differ from the case's, a sentence each; what it lacks."""
    found = []
    if now.deficit is not None:
        row, old = (one.deficit.loc[now.ending] for one in (now, case))
        found.append(f"Deficit at 31 March {_march(now.ending)}: {_said(row, old)}.")
    if now.spend is not None:
        year, row, old = now.spend.index[-1], now.spend.iloc[-1], case.spend.iloc[-1]
        found.append(f"High needs spending in {year}: {_said(row, old)}.")
    if now.saving is not None:
        found.append(f"{names[0]} against {lower(names[1])}, saved a year: "
                     f"{_said(now.saving, case.saving)}; "
                     f"it saves in {_share(now.saving['chance'], case.saving['chance'])}.")
        if guesses := now.saving.get("guesses"):
            found.append(f"The evidence does not decide about it: {guesses} illustrative figures "
                         "of the two routes have no range. No saving is claimed.")
    found += [f"{text}: {_share(share, case.chances[text])}."
              for text, share in now.chances.items() if not text.startswith("Saves")]
    return found + [said for name, said in LACKING.items() if getattr(now, name) is None]


def _said(now, case):
    noise = now.get("noise")
    small = noise and max(abs(now["p10"]), abs(now["p90"])) < 1e6
    ends = span(now["p10"], now["p90"], partial(money, error=noise) if small else money)
    gap = now["mean"] - case["mean"]
    # The same worlds on both sides: a change is known better than the figure, to three digits
    text, moved = money(now["mean"], noise), money(abs(gap), noise or abs(gap) / 1000)
    text = f"{text} ({ends} in 8 chances of 10)"
    if not moved.strip("£0.,mbn"):
        return f"{text}, as in the case"
    return f"{text}, {moved} {'more' if gap > 0 else 'less'} than in the case"


def _share(now, case):
    same = chance(now) == chance(case)
    return chance(now) if same else f"{chance(now)} (in the case {chance(case)})"


def alt(now, case, names, said):
    """Text alternative of the picture: what is drawn, and what it shows now."""
    drawn = [said for name, said in (("deficit", "deficit by year with its range"),
                                     ("spend", "spending by year with its range"),
                                     ("saving", f"what {lower(names[0])} saves a year"))
             if getattr(now, name) is not None]
    return (f"Charts of {'; '.join([*drawn, 'chances'])}. The case as it stands is dashed. "
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
