"""Frames for a reader: the study's draws arranged as the tables and panels of a notebook."""

import numpy as np
import pandas as pd
import xarray as xr

from sufficiency.report import disclosure, tables, words

LOW, HIGH = "1 in 10 below", "1 in 10 above"


def ranges(draws):
    """10th, 50th and 90th percentile of draws (draw,) -> three floats."""
    return tuple(float(value) for value in tables.quantiles(draws, [0.1, 0.5, 0.9]))


def sampling_error(draws):
    """Monte Carlo standard error of the mean of draws (draw,), in their unit."""
    values = np.asarray(draws, float)
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def milestones(periods, wanted=5):
    """The first periods and the last, at most `wanted`: what a reader follows across a page."""
    periods = list(periods)
    if len(periods) <= wanted:
        return periods
    return [*periods[: wanted - 2], periods[(len(periods) + wanted - 3) // 2], periods[-1]]


def answer(plans, spend, prices):
    """Plans each January beside high needs spending of the year it falls in, with ranges.

    plans (draw, year); spend, real (draw, financial_year) GBP, `prices` the year of the latter.
    """
    rows, real = [], prices[1]
    for year in spend["financial_year"].values:
        january = int(year[:4]) + 1
        low, middle, high = ranges(plans.sel(year=january))
        cost_low, cost, cost_high = ranges(spend.sel(financial_year=year))
        then = ranges(real.sel(financial_year=year))[1]
        pounds = (x / 1e6 for x in (cost, cost_low, cost_high, then))
        rows.append([year, middle, low, high, *pounds])
    names = ["Plans in the January", f"Plans, {LOW}", f"Plans, {HIGH}", "Spending",
             f"Spending, {LOW}", f"Spending, {HIGH}", f"Spending at {prices[0]} prices"]
    return pd.DataFrame(rows, columns=["Financial year", *names])


def across(draws, period, row, labels, total="All settings", nearest=10, keep=(), hide=True):
    """Means by row at milestones of the period, the range of the last, a total below.

    draws (draw, period, row); labels {row: heading}; figures to the nearest `nearest`, but for
    periods to `keep` as they are. With hide, small counts are blank (disclosure.small).
    """
    whole = draws.sum(row).expand_dims({row: [total]})
    everything = xr.concat([draws, whole], row).transpose("draw", period, row)
    shown = milestones(everything[period].values)
    last = tables.quantiles(everything.sel({period: shown[-1]}), [0.1, 0.9])
    frame = everything.sel({period: shown}).mean("draw").transpose(row, period).to_pandas()
    frame = frame.assign(**{LOW: last[0], HIGH: last[1]})
    rounded = (frame / nearest).round() * nearest
    if hide:
        rounded = rounded.mask(disclosure.small(frame))
    rounded[list(keep)] = frame[list(keep)]
    names = {shown_at: str(shown_at) for shown_at in shown}
    names |= {LOW: f"{shown[-1]}, {LOW}", HIGH: f"{shown[-1]}, {HIGH}"}
    heads = pd.Series(labels).reindex(frame.index).fillna(total).rename(row.capitalize())
    return rounded.rename(columns=names).set_axis(heads).rename_axis(columns=None).reset_index()


def by_band(plans, labels):
    """Plans summed into the Department's age bands: (draw, year, setting, age) -> by `age`."""
    ordered = plans.transpose("draw", "year", "setting", "age")
    values = tables.band_sums(ordered, plans["age"].values)
    return xr.DataArray(values.sum(2), dims=("draw", "year", "age"),
                        coords={"year": plans["year"], "age": list(labels)})


def largest(spend, lines, labels, plans, wanted=6):
    """Spend by setting (draw, period, setting) as the largest, the others, and services, £m.

    lines (draw, period): services that are not tied to a child; plans (draw, year, setting): a
    setting with few children in any year is among the others.
    """
    few = disclosure.small(plans.mean("draw")).any("year")
    order = spend.isel({spend.dims[1]: -1}).mean("draw").to_series()[~few.to_series()]
    top = [name for name in spend["setting"].values
           if name in set(order.sort_values(ascending=False).index[:wanted])]
    rest = spend.drop_sel(setting=top).sum("setting").expand_dims(setting=["other"])
    services = lines.expand_dims(setting=["services"])
    parts = [spend.sel(setting=top), rest, services]
    heads = {name: labels[name] for name in top}
    heads |= {"other": "Other settings", "services": "Services not tied to a child"}
    return xr.concat(parts, "setting") / 1e6, heads


def fans(history, plans, labels, wanted=6):
    """{heading: (history, fan)} of the largest settings, for charts.small_multiples.

    history (January x setting); plans (draw, year, setting). Settings with few children in the
    lower part of their fan are left out.
    """
    names = history.iloc[-1].drop("unknown", errors="ignore").nlargest(wanted).index
    found = {name: tables.fan_frame(plans.sel(setting=name)) for name in names}
    return {labels[name]: (history[name].dropna(), fan) for name, fan in found.items()
            if not disclosure.small(fan).any(axis=None)}


def panels(found):
    """The panels of `fans` in words, for an alternative text."""
    said = []
    for name, (past, fan) in found.items():
        now, low, high = map(words.count, (past.iloc[-1], *fan[["p10", "p90"]].iloc[-1]))
        said.append(f"{name} from {now} to between {low} and {high}")
    return "; ".join(said) + "."


def bridge_steps(bars, labels):
    """Mean bars of a bridge (draw, bar) as steps for charts.bridge, £m."""
    means = bars.mean("draw").to_series() / 1e6
    return means.rename(index=labels)


def scored(actual, draws):
    """What a past forecast said beside what came: actual by year, draws (draw, year)."""
    years = [year for year in actual.index if year in set(draws["year"].values)]
    shares = [0.025, 0.1, 0.5, 0.9, 0.975]
    low, p10, middle, p90, high = tables.quantiles(draws.sel(year=years), shares)
    came = actual[years].to_numpy(float)
    return pd.DataFrame({"January": years, "Counted": came, "Forecast (median)": middle,
                         LOW: p10, HIGH: p90, "1 in 40 below": low, "1 in 40 above": high,
                         "Inside 8 in 10": np.where((came >= p10) & (came <= p90), "yes", "no"),
                         "Inside 95 in 100": np.where((came >= low) & (came <= high), "yes", "no")})


def steps(named):
    """{heading: value} as the steps of charts.bridge: first and last are totals."""
    return pd.Series(named, dtype=float)


def tie(table):
    """The ledger's tie, headed: £m, the gaps in per cent."""
    return pd.DataFrame({
        "Financial year": table.index, "Modelled": table["modelled"] / 1e6,
        "Outturn": table["outturn"] / 1e6, "Gap": 100 * table["gap"], "Factor": table["factor"],
        "After factor": table["after_factor"] / 1e6, "Residual": 100 * table["residual"],
    }).reset_index(drop=True)  # fmt: skip


def accepted(gaps):
    """The gaps over 2% that a case accepts by name, with its reasons, as one text."""
    return " ".join(f"{year} accepted: {' '.join(str(why).split())}" for year, why in gaps.items())


def unit_costs(table, labels, plans):
    """Mean unit costs by setting, GBP a placement-year to the nearest 100.

    plans: the last count by setting; where it is small the cost is a child's, and left out.
    """
    rounded = (table / 100).round() * 100
    rounded = rounded[~(plans.reindex(table.index).fillna(0) < 7.5)]
    heads = [labels[name] for name in rounded.index]
    return rounded.set_axis(heads).rename_axis("Setting").reset_index()


def ledger_lines(table):
    """Section 251 lines with anything in them: net, per child and not, £m."""
    table = table.loc[table["net"] != 0]
    parts = {"Line": table["label"], "Net outturn": table["net"] / 1e6,
             "Per child": table["per_child"] / 1e6, "Not per child": table["not_per_child"] / 1e6,
             "In 1.2.x": np.where(table["in_outturn"], "yes", "no")}
    return pd.DataFrame(parts).reset_index(drop=True)


def dearest(costs, plans):
    """The setting with the dearest mean place, GBP by setting; those with few plans left out."""
    return costs[plans.reindex(costs.index).fillna(0) >= 7.5].idxmax()


def step(total):
    """£m to which spending by setting is shown: 1, or a tenth where all of it is under 50."""
    return 1 if total >= 50 else 0.1


def rough(value):
    """Money in words, under a million to the nearest £10,000: no change ahead is known finer."""
    return words.money(value if abs(value) >= 999_500 else round(value, -4))


def was(outturn, year):
    """How a year's spending is said: what was spent, or what a budget or forecast put it at."""
    return "was" if outturn is None or year in outturn.index else "was put at"


def tail(figures, chances):
    """What one child can cost, in words: figures in GBP to the nearest 1,000, chances by limit."""
    pounds = {name: words.money(round(figures[name], -3)) for name in figures if name != "children"}
    rows = {"Children, in placement-years": words.count(figures["children"]),
            "Mean cost of a place": pounds["mean"],
            "One child in ten costs more than": pounds["tenth"],
            "One child in a hundred costs more than": pounds["hundredth"],
            "Chance in single fees moves the whole bill by about": f"± {pounds['spread']}"}
    rows |= {f"Chance that some child costs more than {words.money(limit)}": words.chance(value)
             for limit, value in chances.items()}
    return pd.DataFrame({"Figure": rows.keys(), "Value": rows.values()})


def swings(table, wanted, names):
    """The widest rows of a tornado in £m: low and high by what the assumption is called."""
    top = table[["low", "high"]].iloc[:wanted] / 1e6
    return top.set_axis([names[key] for key in top.index])


def swing_words(table):
    """Rows of `swings` as words for an alternative text."""
    return "; ".join(f"{name} £{row['low']:.1f}m to £{row['high']:.1f}m"
                     for name, row in table.iterrows())


def certain(log):
    """Assumptions without a range that are not the council's own: value, quality, source."""
    flagged = log["quality"].isin(["proxy", "judgement", "illustrative"])
    frame = log.loc[flagged & log["low"].isna() & ~log["key"].str.startswith("published.")]
    names, rows = named(log), []
    for key, held in frame.groupby(frame["key"].str.split(" ").str[0], sort=False):
        first = held.iloc[0]
        rows.append([names[key], dated(held), _unit(first["unit"]),
                     first["quality"], _source(first)])
    heads = ["Assumption", "Value", "Unit", "Quality", "Source"]
    return _said_once(pd.DataFrame(rows, columns=heads))


def sources(log):
    """The published tables of an assumptions log: name, first known, source."""
    frame = log.loc[log["key"].str.startswith("published.")]
    names = frame["key"].str.removeprefix("published.").str.replace("_", " ").str.capitalize()
    parts = {"Figures": names, "Quality": frame["quality"], "Source": frame["source"]}
    return pd.DataFrame(parts).reset_index(drop=True)


def assumptions(log, ranked):
    """Uncertain assumptions of the log in the order of `ranked` keys, their sources beside them.

    Periods of one assumption that have the same figures share a row.
    """
    order = {key: place for place, key in enumerate(ranked)}
    rank = log["key"].str.split(" ").str[0].map(order)
    frame = log.assign(rank=rank).loc[rank.notna() & log["low"].notna()]
    frame = frame.sort_values("rank", kind="stable")
    names, rows = named(log), []
    for row in frame.to_dict("records"):
        key, _, period = row["key"].partition(" ")
        numbers = [_figure(row[name], row["unit"]) for name in ("low", "central", "high")]
        said = (key, *numbers, _unit(row["unit"]), row["quality"], _source(row))
        if rows and rows[-1][0] == said:
            rows[-1][1].append(period)
        else:
            rows.append((said, [period]))
    heads = ["Assumption", "Low", "Central", "High", "Unit", "Quality", "Source"]
    return _said_once(pd.DataFrame([[f"{names[key]}, {_through(when)}".removesuffix(", "), *said]
                                    for (key, *said), when in rows], columns=heads))


def dated(held):
    """One assumption's central values in words: £17m (2025-26), £8m (2026-27 to 2030-31)."""
    runs = []
    for row in held.itertuples():
        text, period = _figure(row.central, row.unit), row.key.partition(" ")[2]
        if runs and runs[-1][0] == text:
            runs[-1][1].append(period)
        else:
            runs.append((text, [period]))
    return ", ".join(f"{text} ({_through(when)})" if when[0] else text for text, when in runs)


def _through(periods):
    return periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"


def _figure(value, unit):
    """Four figures at most, thousands apart, money in pounds or millions of them."""
    if pd.isna(value):
        return ""
    size, pounds = abs(value), str(unit).startswith("GBP")
    million = pounds and size >= 1e6
    size = size / 1e6 if million else size
    text = f"{size:,.0f}" if size >= 1000 else f"{size:.4g}"
    return f"{words.MINUS if value < 0 else ''}{'£' * pounds}{text}{'m' * million}"


def _unit(unit):
    """GBP/child/year -> £ a child a year."""
    return "" if pd.isna(unit) else unit.replace("GBP", "£").replace("/", " a ")


def _source(row):
    return next((text for text in (row["source"], row["note"]) if isinstance(text, str)), "")


def _said_once(frame):
    """A source that is that of the row above is not printed again."""
    again = frame["Source"].eq(frame["Source"].shift()) & frame["Source"].ne("")
    return frame.assign(Source=frame["Source"].mask(again, "as the row above"))


def reported(table, first):
    """Counts given out since the last January: words such as '9,943 in July 2025'."""
    later = table.loc[table.index >= first].stack().dropna()
    return [f"{words.count(plans)} in {str(month).capitalize()} {year}"
            for (year, month), plans in later.items()]


def named(log):
    """What each assumption is called in print: its label, else its key in words."""
    whole = log.assign(key=log["key"].str.split(" ").str[0]).drop_duplicates("key")
    return {row.key: row.label if isinstance(row.label, str) else spoken(row.key)
            for row in whole.itertuples()}


def spoken(key):
    """A dotted key in words: costs.uplift.provider -> 'uplift, provider'."""
    return ", ".join(part.replace("_", " ") for part in str(key).split(".")[1:])
