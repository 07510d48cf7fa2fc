"""Charts of what lies ahead beside what was promised: paths by year, and dots by row."""

from textwrap import fill

import numpy as np
import pandas as pd

from sufficiency.report.charts import BESIDE, BLUE, PAST, SHADES, _axes, _chart, _said, _scale

# Words of crosses on one row stand on so many levels in turn
LEVELS = 3
# Words that may fall on a line or a band
CLEAR = {"bbox": {"facecolor": "#FFFFFFD0", "edgecolor": "none", "pad": 0.6}}
# Paths keep apart by mark and by dash as well as by colour
MARKS = ((BLUE, "o", "-", ""), ("#801650", "s", (0, (5, 1.5)), "////"),
         ("#3D6B35", "^", (0, (1, 1)), "...."), ("#3D3D3D", "D", (0, (4, 1, 1, 1)), "xx"),
         ("#8A5A00", "v", (0, (8, 2)), "\\\\"))  # fmt: skip


@_chart
def paths(named, *, unit="£m", points=None):
    """paths(label, {name: frame}): a line a name, marked and named at its end; ranges shaded.

    frames by period: p50 or mean, and p10 and p90 where there is a range; points {name: Series by
    period}: marks with their numbers and no line, as a plan's own figures. At most five in all.
    """
    given = {name: series.to_frame("mean") for name, series in (points or {}).items()}
    everything = {**named, **given}
    if len(everything) > len(MARKS):
        raise ValueError(f"paths: {len(everything)} of them; allowed at most {len(MARKS)}")
    data = pd.concat(everything, names=["path", "period"])
    place = {period: at for at, period in enumerate(sorted({at for _, at in data.index}))}
    (figure, (axes,)), ends = _axes(3.8), []
    for (name, frame), (colour, mark, dash, hatch) in zip(everything.items(), MARKS, strict=False):
        across, middle = frame.index.map(place), frame["p50" if "p50" in frame else "mean"]
        look = {"color": colour, "marker": mark, "markerfacecolor": "white"}
        if name in given:
            axes.plot(across, middle, **look, linestyle="none", markersize=8, label=name)
            for at in zip(across, middle, strict=True):
                axes.annotate(_said(at[1], unit), at, (0, -14), **BESIDE, **CLEAR, ha="center",
                              color=colour)  # fmt: skip
            continue
        if "p10" in frame:
            axes.fill_between(across, frame["p10"], frame["p90"], facecolor=f"{colour}30",
                              hatch=hatch, edgecolor=f"{colour}90", linewidth=0.8,
                              label=f"{name}, 8 chances in 10")  # fmt: skip
        axes.plot(across, middle, **look, linestyle=dash, linewidth=1.8, markersize=5)
        ends.append((across[-1], middle.iloc[-1], name, colour))
    axes.set_xticks(range(len(place)), [str(period) for period in place])
    axes.set_xlim(-0.2, len(place) - 0.95)
    axes.axhline(0, color="#3D3D3D", linewidth=1)
    _scale(axes.yaxis, unit)
    # Matplotlib leaves out words whose place is above the axes
    heights = _apart([end[1] for end in ends], 0.13 * np.ptp(axes.get_ylim()), axes.get_ylim()[1])
    for height, (at, value, name, colour) in zip(heights, ends, strict=True):
        axes.annotate(fill(f"{name} {_said(round(value), unit)}", 24), (at, height), (9, 0),
                      **BESIDE, color=colour, fontweight="semibold")  # fmt: skip
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside upper left", ncols=3)
    return figure, data


def _apart(heights, gap, top):
    """Where to write labels so that none is nearer to the next than gap, moved evenly, to top."""
    order, placed = np.argsort(heights), np.sort(np.asarray(heights, float))
    for at in range(1, len(placed)):
        placed[at] = max(placed[at], placed[at - 1] + gap)
    placed += np.mean(heights - placed)
    placed = np.minimum(placed, top - gap * np.arange(len(placed))[::-1])
    return placed[np.argsort(order)]


@_chart
def dots(frame, *, unit="£m", decimals=1, line=None, notes=()):
    """dots(label, frame): a row a name, a mark a column; a bar from column low to column high.

    line (value, text): an upright line across all rows; notes [(row name, value, text)]: crosses
    with their words above. Per cent begin at 0 and reach 100 at least.
    """
    bars = "low" in frame
    figure, (axes,) = _axes(0.9 + (0.9 if notes else 0.55 if bars else 0.43) * len(frame))
    rows, place = np.arange(len(frame)), {name: row for row, name in enumerate(frame.index)}
    if bars:
        # The ends of a bar are to be seen
        axes.use_sticky_edges = False
        axes.barh(rows, frame["high"] - frame["low"], 0.22, frame["low"], color=SHADES[1][2],
                  label="8 chances in 10")  # fmt: skip
    names = [name for name in frame if name not in ("low", "high")]
    most = np.nanmax([frame.max(axis=None), *(value for _, value, _ in notes), *(line or ())[:1]])
    for name, (colour, mark, *_) in zip(names, MARKS, strict=False):
        axes.plot(frame[name], rows, mark, color=colour, label=name, markersize=8, clip_on=False)
        for at in zip(frame[name].dropna(), rows[frame[name].notna()], strict=True):
            # Beside the dot, on the side that the line leaves free; off a bar, which would cross it
            left = line is not None and 0 <= line[0] - at[0] < 0.12 * most
            shift, side = ((0, -15 if notes else 12), "center") if notes or bars else (
                (-9 if left else 9, 0), "right" if left else "left")
            axes.annotate(_said(at[0], unit, decimals), at, shift, **BESIDE, **CLEAR, ha=side,
                          color=colour)  # fmt: skip
    for number, (name, value, text) in enumerate(notes):
        at, up = (value, place[name]), sum(note[0] == name for note in notes[:number]) % LEVELS
        axes.plot(*at, "x", color=PAST["color"], markersize=7, markeredgewidth=1.8)
        axes.annotate(text, at, (0, 12 + 11 * up), **BESIDE, ha="center")
    axes.set_ylim(len(frame) - 0.4, -0.6)
    axes.set_yticks(rows, [str(name).replace(" (", "\n(") for name in frame.index])
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    if line:
        axes.axvline(line[0], color=MARKS[1][0], linewidth=1.8, linestyle=MARKS[1][2], zorder=0)
        axes.annotate(line[1], (line[0], -0.6), (0, 8), **BESIDE, ha="center", color=MARKS[1][0],
                      fontweight="semibold")  # fmt: skip
    if unit == "%":
        axes.set_xlim(-2.5, 104 if most <= 100 else 1.08 * most)
    _scale(axes.xaxis, unit)
    if len(names) > 1 or bars:
        figure.legend(loc="outside upper left", ncols=4)
    return figure, frame.rename_axis("name")
