"""The track record for a reader: scores by method, coverage, worst cases, a council's own."""

import numpy as np
import pandas as pd

from sufficiency.model import skill
from sufficiency.report import words
from sufficiency.report.views import HIGH, LOW

METHOD = "this method"
MEASURES = {"all_plans": "all plans", "independent_special": "plans in independent special schools"}
NUMBERS = ("one", "two", "three", "four")
WORST = 10


def ahead(horizon):
    """1 -> 'one year ahead'."""
    return f"{NUMBERS[horizon - 1]} year{'s' * int(horizon > 1)} ahead"


def pick(scores, measure="all_plans", by="all", method=None):
    """Rows of the scores of one measure and grouping, and of one method if it is named."""
    chosen = scores[(scores["measure"] == measure) & (scores["by"] == by)]
    return chosen if method is None else chosen[chosen["method"] == method]


def best_simple(scores, measure="all_plans", figure="wape"):
    """The least figure of any simple method at each horizon: (horizon) -> method, figure."""
    others = pick(scores, measure).query("method != @METHOD")
    least = others.loc[others.groupby("horizon")[figure].idxmin()]
    return least.set_index("horizon")[["method", figure]]


def errors_by_method(scores, measure="all_plans", figure="wape"):
    """Per cent by horizon (row) and method (column)."""
    table = pick(scores, measure).pivot(index="horizon", columns="method", values=figure) * 100
    frame = table[[METHOD, *(name for name in skill.SIMPLE if name in table)]]
    frame.columns = [name.capitalize() for name in frame]
    return frame


def headed(frame):
    """A frame by horizon as a table, its rows named."""
    return frame.set_axis([ahead(h).capitalize() for h in frame.index]).rename_axis(
        "Forecast").reset_index()


def lines(frame):
    """Columns by horizon as charts.paths takes them."""
    return {name: frame[[name]].set_axis(["mean"], axis=1) for name in frame}


def by_group(scores, by, measure="all_plans"):
    """Error of this method in per cent by group (row) and horizon (column)."""
    table = pick(scores, measure, by, METHOD)
    order = list(skill.SIZES) if by == "size" else sorted(set(table["group"]))
    frame = table.pivot(index="group", columns="horizon", values="wape").reindex(order) * 100
    head = {"origin": "Forecast made in January", "size": "Plans at the time"}[by]
    return frame.set_axis([ahead(h).capitalize() for h in frame], axis=1).rename_axis(
        index=head, columns=None).dropna(how="all").reset_index()


def held(scores, measure="all_plans"):
    """How often ranges held: rows by horizon and range; per cent, interval between origins."""
    rows, table = [], pick(scores, measure, method=METHOD).sort_values("horizon")
    for row in table.to_dict("records"):
        for share in skill.SHARES:
            figures = [100 * row[f"inside_{share}{end}"] for end in ("", "_low", "_high")]
            rows.append([ahead(row["horizon"]).capitalize(), f"{share} in 100", *figures,
                         row["origins"]])
    return pd.DataFrame(rows, columns=["Forecast", "Meant to hold", "Held", "Low", "High",
                                       "Origins"])


def held_dots(scores, measure="all_plans"):
    """The ranges of 8 chances in 10 for outlook.dots: per cent held, low and high."""
    table = pick(scores, measure, method=METHOD).sort_values("horizon")
    frame = pd.DataFrame({"Held": table["inside_80"], "low": table["inside_80_low"],
                          "high": table["inside_80_high"]}) * 100
    return frame.set_axis([ahead(h).capitalize() for h in table["horizon"]])


def answer(scores):
    """The first sentence: how wrong, over what, and against the best simple method."""
    table = pick(scores, method=METHOD).set_index("horizon")
    least, groups = best_simple(scores), sorted(set(pick(scores, by="origin")["group"]))
    parts = [f"{words.percent(table['wape'][h])} {ahead(h)} ({words.percent(least['wape'][h])})"
             for h in table.index]
    return (f"**From each January of {groups[0]} to {groups[-1]}, in {table['councils'].max()} "
            f"councils, the forecast of all plans was off by {words.listed(parts)}: the sum of "
            "the misses over the plans that came. In brackets is the best simple method.**")


def held_words(scores, measure="all_plans"):
    """How often the ranges of 8 chances in 10 held, in words."""
    table = pick(scores, measure, method=METHOD).set_index("horizon")
    parts = [f"{words.percent(table['inside_80'][h], 0)} {ahead(h)}" for h in table.index]
    return f"Its ranges of 8 chances in 10 held {words.listed(parts)} for {MEASURES[measure]}."


def sharper(scores, measure="all_plans"):
    """The score of the whole range against the best simple method, in words."""
    ours = pick(scores, measure, method=METHOD).set_index("horizon")["crps"]
    least = best_simple(scores, measure, "crps")
    parts = [f"{words.percent(abs(1 - ours[h] / least['crps'][h]), 0)} "
             f"{'better' if ours[h] < least['crps'][h] else 'worse'} {ahead(h)} than "
             f"{least['method'][h]}" for h in ours.index]
    return (f"Scored on the whole range (CRPS, which rewards ranges that are narrow and hold), "
            f"the forecast of {MEASURES[measure]} is {words.listed(parts)}.")


def failures(scores):
    """Where the method fails, a sentence each: computed, nothing left out."""
    said = []
    for measure, name in MEASURES.items():
        ours, least = pick(scores, measure, method=METHOD), best_simple(scores, measure)
        lost = [row for row in ours.to_dict("records")
                if row["wape"] > least["wape"][row["horizon"]]]
        for row in lost:
            other, theirs = least.loc[row["horizon"]]
            said.append(f"{_start(name)}, {ahead(row['horizon'])}: off by "
                        f"{words.percent(row['wape'])}, where {other} is off by "
                        f"{words.percent(theirs)}.")
        for row in ours.to_dict("records"):
            off = [share for share in skill.SHARES
                   if not row[f"inside_{share}_low"] <= share / 100 <= row[f"inside_{share}_high"]]
            if off:
                told = [f"those meant to hold {share} in 100 held "
                        f"{words.percent(row[f'inside_{share}'], 0)}" for share in off]
                said.append(f"{_start(name)}, {ahead(row['horizon'])}: {words.listed(told)}.")
        years = pick(scores, measure, "origin", METHOD)
        worst = years.loc[years["bias"].abs().idxmax()]
        way = "too many" if worst["bias"] > 0 else "too few"
        said.append(f"{_start(name)}: all councils together, the worst was January "
                    f"{worst['group']}, {ahead(worst['horizon'])}: "
                    f"{words.percent(abs(worst['bias']))} {way}.")
    return said


def _start(name):
    return name[:1].upper() + name[1:]


def worst(rows, measure="all_plans", horizon=2, wanted=WORST):
    """The forecasts that were most wrong, by name: rows of the record."""
    rows = rows[(rows["measure"] == measure) & (rows["horizon"] == horizon)]
    off = rows["mean"] / rows["actual"].where(rows["actual"] > 0) - 1
    return _told(rows.assign(off=100 * off).loc[off.abs().nlargest(wanted).index])


def _told(rows):
    inside = rows["actual"].between(rows["p10"], rows["p90"])
    frame = pd.DataFrame({
        "Council": rows["council"], "Made in January": rows["origin"].astype(str),
        "For January": (rows["origin"] + rows["horizon"]).astype(str), "Forecast": rows["mean"],
        LOW: rows["p10"], HIGH: rows["p90"], "Counted": rows["actual"], "Off by": rows["off"],
        "Inside 8 in 10": np.where(inside, "yes", "no")})
    return frame.reset_index(drop=True)


def until(rows, known_by=""):
    """Forecasts whose counts were out by a month, YYYY-MM: no hindsight in a case of the past."""
    if not known_by:
        return rows
    came = rows["origin"] + rows["horizon"]
    # the January's count comes out in May, from 2023 in June
    month = came.astype(str) + np.where(came < 2023, "-05", "-06")
    return rows[month <= known_by]


def own(rows, council, measure="all_plans", horizons=(1, 2, 3)):
    """A council's own record, a row a forecast; empty for a council without one."""
    mine = rows[(rows["council"] == council) & (rows["measure"] == measure)
                & rows["horizon"].isin(horizons)].sort_values(["horizon", "origin"])
    off = 100 * (mine["mean"] / mine["actual"].where(mine["actual"] > 0) - 1)
    return _told(mine.assign(off=off)).drop(columns="Council")


def own_words(rows, council, measure="all_plans"):
    """A council's own record in words, or that there is none."""
    mine = rows[(rows["council"] == council) & (rows["measure"] == measure)]
    if not len(mine):
        return (f"There is no record for {council}: its published series has a break, or the area "
                "changed. What is known is how the method did in other councils.")
    inside, parts = mine["actual"].between(mine["p10"], mine["p90"]), []
    for horizon, part in mine.groupby("horizon"):
        wrong = skill.wape(part["actual"], part["mean"])
        parts.append(f"{words.percent(wrong)} {ahead(horizon)} ({len(part)} forecasts)")
    first, last = mine["origin"].min(), mine["origin"].max()
    return (f"In {council}, forecasts of {MEASURES[measure]} made as in January {first} to {last} "
            f"were off by {words.listed(parts)}; {inside.sum()} of {len(mine)} counts fell inside "
            "the range of 8 chances in 10.")


def own_paths(rows, council, horizon, measure="all_plans"):
    """({'Forecast': frame}, {'Counted': series}) by January for charts.paths."""
    mine = rows[(rows["council"] == council) & (rows["measure"] == measure)
                & (rows["horizon"] == horizon)]
    mine = mine.set_index(mine["origin"] + horizon).sort_index()
    return {"Forecast": mine[["mean", "p10", "p90"]]}, {"Counted": mine["actual"]}


def lines_words(frame):
    """The lines of `lines` in words for an alternative text."""
    return "; ".join(f"{name} from {frame[name].iloc[0]:.1f} to {frame[name].iloc[-1]:.1f}"
                     for name in frame) + "."


def dots_words(frame):
    """The marks of `held_dots` in words for an alternative text."""
    return "; ".join(f"{name} {row['Held']:.0f} ({row['low']:.0f} to {row['high']:.0f})"
                     for name, row in frame.iterrows()) + "."


def own_alt(forecast, came):
    """`own_paths` in words for an alternative text."""
    said, counted = forecast["Forecast"], came["Counted"]
    return "; ".join(f"January {year} {words.count(said['mean'][year])} "
                     f"({words.span(said['p10'][year], said['p90'][year], words.count)}), counted "
                     f"{words.count(counted[year])}" for year in said.index) + "."


def name_of(rows, council):
    """The name in the record of a council as a case has it: 'Devon County Council' -> 'Devon'."""
    names = sorted(set(rows["council"]), key=len, reverse=True)
    return next((name for name in names if f"{council} ".startswith(f"{name} ")), council)


def printed(rows, left_out=()):
    """The record as text for a terminal."""
    scores, parts = skill.summarise(rows), []
    shares = [f"inside_{share}" for share in skill.SHARES]
    for measure, name in MEASURES.items():
        table = pick(scores, measure).sort_values(["horizon", "method"])
        shown = table[["horizon", "method", "forecasts", "councils", "origins", "mase"]].copy()
        for column in ("wape", "bias", "crps", "pit_low", "pit_high"):
            shown[f"{column} %"] = 100 * table[column]
        for column in shares:
            shown[f"{column} %"] = [
                f"{100 * a:.0f} ({100 * b:.0f} to {100 * c:.0f})" for a, b, c in
                zip(table[column], table[f"{column}_low"], table[f"{column}_high"], strict=True)]
        parts.append(f"{_start(name)}, by horizon\n"
                     + shown.to_string(index=False, float_format="{:.2f}".format))
        for by in ("size", "origin"):
            parts.append(f"{_start(name)}, {METHOD}: off by, per cent\n" + by_group(
                scores, by, measure).to_string(index=False, float_format="{:.2f}".format))
    ours = rows[rows["method"] == METHOD]
    last = int(ours["horizon"].max())
    parts += [f"Most wrong, {ahead(h)}: off by, per cent\n" + worst(ours, horizon=h).to_string(
        index=False, float_format="{:.1f}".format) for h in {1, last}]
    flat = int(((ours["scale"] == 0) | ours["scale"].isna()).sum())
    parts += [f"MASE leaves out {flat} forecasts of series that never moved before."] * bool(flat)
    return "\n\n".join([*parts, *(f"left out: {text}" for text in left_out)])
