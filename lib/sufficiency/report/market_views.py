"""Frames of a market for a reader: tables in words, charts in thousands or millions of pounds.

Frames are those of `market.outcomes` and `market.evidence`, as in `market_words`.
"""

from string import ascii_uppercase

import numpy as np
import pandas as pd

from sufficiency.report import market_words as said
from sufficiency.report.account_words import month
from sufficiency.report.positions import MEAN
from sufficiency.report.procurement_words import sterling, ways
from sufficiency.report.words import chance, number, percent

ABLE = ("None", "One", "Two", "Three or more")
REACH = ("", "named by the family", "ordered by a court")
FIXED = "no choice"
SIMULATED = "One simulated world: its providers and prices are simulated, none is a real one."
# Units of the columns of `service` and `providers`
SHARES = dict.fromkeys(("Not placed", "Registered", "Local", "Small", "Largest"), "%")
PLACES = {"Not placed": 1, "Registered": 0, "Local": 0, "Small": 0, "Largest": 0}
SPEND = {"unjustified": "What the council chooses", "all outside contracts": "All of it"}
POUNDS = {"£k": "£ thousand", "£m": "£ million"}


def scale(largest):
    """Divisor of GBP and how a chart says it: thousands up to £10m, else millions."""
    return (1e6, {"unit": "£m", "decimals": 1}) if largest >= 1e7 else \
        (1e3, {"unit": "£k", "decimals": int(largest < 2e4)})  # fmt: skip


def able(shares, labels):
    """How many providers could serve, a row a lot, a column a number, per cent."""
    shown = (100 * shares).set_axis([labels[lot] for lot in shares.index]).set_axis(ABLE, axis=1)
    return shown.rename_axis(index="Requests for", columns=None).reset_index()


def savings(found, evidence, labels, reference):
    """Each route's cost against the reference in words: all of it, and by placements and buying."""
    parts = {"New placements": "saving_new", "Already placed": "saving_existing",
             "Buying": "saving_buying"}  # fmt: skip
    rows, others = [], found.drop(reference)
    moved = {head: part for head, part in parts.items()
             if said.measured(others[part], others[f"{part}_error"]).any()}
    for name, row in others.iterrows():
        known = name in evidence.index and evidence.at[name, "decides"]
        rows.append({
            "Route": labels[name], "Cost a year": said.cost(row["saving"], row["error"]),
            "8 chances in 10": said.between(row["p10"], row["p90"], row["error"]),
            "Chance of saving": chance(row["chance"]),
            **{head: said.cost(row[part], row[f"{part}_error"]) for head, part in moved.items()},
            "Evidence": "decides" if known else "does not decide"})
    return pd.DataFrame(rows)


def doubt(evidence, labels):
    """Weak figures' share of the doubt about each route, with its 95% interval."""
    return pd.DataFrame([
        {"Route": labels[name], "Share of the doubt": percent(row["share"], 0),
         "95% interval": f"{percent(row['low'], 0)} to {percent(row['high'], 0)}"}
        for name, row in evidence.iterrows()])


def service(found, labels):
    """What each route means for those served: days, places not found, distance, quality."""
    return _columns(found, labels, {
        "Days to place": ("days", 1), "Not placed": ("unplaced", 100),
        "Miles away": ("distance", 1), "Registered": ("registered", 100),
        "Quality, of 100": ("quality", 100)})  # fmt: skip


def providers(found, labels):
    """What each route means for providers: local and small shares, concentration, list, voids.

    Concentration as the number of providers of one size that would make it: 10,000 over the index.
    """
    found = found.assign(equal=1e4 / found["hhi"].where(found["hhi"] > 0))
    return _columns(found, labels, {
        "Local": ("local", 100), "Small": ("small", 100), "Largest": ("top", 100),
        "As if equal": ("equal", 1), "On the list": ("members", 1),
        "Empty places": ("void_place_years", 1)})  # fmt: skip


def _columns(found, labels, columns):
    """Columns by heading; one that is the same for every route, as printed, is left out."""
    shown = {head: found[name] * times for head, (name, times) in columns.items()}
    shown = {head: values for head, values in shown.items()
             if values.round(PLACES.get(head, 0)).nunique(dropna=False) > 1}
    heads = [labels[name] for name in found.index]
    return pd.DataFrame(shown).set_axis(heads).rename_axis("Route").reset_index()


def saved(found, labels, reference):
    """Mean and range of each route's saving for `outlook.dots`: -> frame, its unit."""
    rows = found.drop(reference)
    size, how = scale(rows[["saving", "p10", "p90"]].abs().max(axis=None))
    frame = pd.DataFrame({"low": rows["p10"], "high": rows["p90"], MEAN: rows["saving"]}) / size
    return frame.set_axis([labels[name] for name in rows.index]), how


def causes(difference, route, labels, reference):
    """From the reference's cost, set at nought, to a route's by cause, for `charts.bridge`.

    difference by cause and route; causes under a fiftieth of the widest are one step.
    -> steps, their unit.
    """
    steps = difference[route]
    small = steps.abs() < 0.02 * steps.abs().max()
    rest = {"Smaller causes": steps[small].sum()} if steps[small].any() else {}
    found = {labels[reference]: 0.0, **steps[~small].rename(said.upper), **rest,
             labels[route]: steps.sum()}
    size, how = scale(steps.abs().max())
    return pd.Series(found) / size, how


def by_cause(difference, labels):
    """What each route costs more, by cause and in all, £ thousand; causes under 50p left out.

    Columns are headed without their article.
    """
    moved = difference[(difference.abs() >= 0.5).any(axis=1)]
    shown = moved.rename(index=said.upper)
    shown.loc["All causes"] = difference.sum()
    heads = {name: said.upper(label.removeprefix("An ").removeprefix("A "))
             for name, label in labels.items()}
    shown = shown.rename(columns=heads).rename_axis(index="Cause", columns=None) / 1e3
    return shown.reset_index()


def reading(causes):
    """How to read `by_cause`: the places of its columns, a note under it."""
    places = int(causes.iloc[:, 1:].abs().max(axis=None) < 100)
    note = ("Below nought a route costs less. All causes is printed finer than its sampling error, "
            "so that the table adds up.")
    if "Reserved places" in set(causes["Cause"]):
        note += (" Read choice of provider and reserved places together: nobody pays a posted fee "
                 "for a place that is reserved.")
    return {"decimals": dict.fromkeys(list(causes)[1:], places), "note": note}


def switching(table):
    """What each assumption would have to be for the route to cost no more than the reference."""
    rows = [{"Assumption": name, "Assumed": said.figure(row["central"], row["unit"]),
             "Tried": " to ".join(said.figure(row[end], row["unit"]) for end in ("low", "high")),
             "Where it saves": said.turning(row)} for name, row in table.iterrows()]
    return pd.DataFrame(rows)


def swings(tornado, wanted=10):
    """The widest rows of a tornado for `charts.tornado`: -> frame, the central saving, unit."""
    top = tornado.iloc[:wanted]
    size, how = scale(top[["low", "high"]].abs().max(axis=None))
    return (top[["low", "high"]] / size).set_axis(top["label"]), top["central"].iloc[0] / size, how


def record(points):
    """How late comparable programmes started: {name: {label, months_late, source}}."""
    frame = pd.DataFrame(points).T
    return pd.DataFrame({"Programme": frame["label"], "Source": frame["source"],
                         "Months late": frame["months_late"].astype(float)}).reset_index(drop=True)


def law(findings):
    """The rules that apply at the date, a row a source; flags and blanks are said beside it."""
    rules = pd.DataFrame([{"Rule": found.said, "Source": found.source}
                          for found in findings if found.kind == "rule"]).drop_duplicates()
    return rules.groupby("Source", sort=False)["Rule"].agg(" ".join).reset_index()[
        ["Rule", "Source"]]


def sums(tests):
    """Sums tested against thresholds, a row a sum, of `case.procurement.Aggregation`."""
    rows = {}
    for (category, limit, spend), some in tests.groupby(["category", "said", "spend"], sort=False):
        for (value, years, reached), way in ways(some).items():
            row = rows.setdefault((spend, value, years), {
                "Counted": SPEND[spend], "How": f"{said.upper(way)}, {years}",
                "Sum": sterling(value)})
            row[f"{said.upper(category.replace('_', '-'))}, {limit}"] = (
                "above" if reached else "below")
    return pd.DataFrame(rows.values())


def events(trace, pair, labels, stages, first, wanted=12):
    """Requests of one simulated lot and what two routes did with each, in words.

    trace: rows of clearing.TRACE with routes by name; pair: two routes; stages: labels by position;
    first: the first month, 2026-04. Rows are spread evenly over the trace. Providers are letters in
    order of appearance, prices those of the simulation to the nearest 100.
    """
    trace = trace[trace["route"].isin(pair)]
    tries = trace.groupby(["call_off", "route"], sort=True)
    last, began = tries.last().unstack("route"), tries.first().unstack("route")
    last = last.dropna(subset=[("stage", name) for name in pair])
    shown = last.iloc[np.unique(np.linspace(0, len(last) - 1, min(wanted, len(last))).astype(int))]
    letters, rows = {}, []
    for call, row in shown.iterrows():
        asked = began.loc[call].xs(pair[0], level="route")
        reach = REACH[int(asked["reach"])]
        kind = ["complex" * bool(asked["complex"]), "urgent" * bool(asked["urgent"]), reach]
        rows.append({
            "Month": _month(first, int(asked["month"])),
            "Need": said.upper(", ".join(part for part in kind if part) or "ordinary"),
            "Able to serve": FIXED if reach else number(asked["able"]),
            **{labels[name]: _outcome(row.xs(name, level="route"), stages, letters)
               for name in pair}})
    table = pd.DataFrame(rows)
    return table.drop(columns="Need") if (table["Need"] == "Ordinary").all() else table


def _outcome(row, stages, letters):
    stage, provider = int(row["stage"]), int(row["provider"])
    if stage < 0 and provider < 0 and not row["price"]:
        return "not placed"
    who = letters.setdefault(provider, _letter(len(letters))) if provider >= 0 else "no provider"
    where = [stages[stage]] if stage >= 0 else []
    days = [f"{number(row['days'])} days"] if stage >= 0 else []
    if where and provider < 0 and not row["price"]:
        return ", ".join([*where, "paid for already", *days])
    return ", ".join([who, *where, f"£{number(row['price'], -2)}", *days])


def _letter(place):
    more, at = divmod(place, 26)
    return f"Provider {ascii_uppercase[more - 1] if more else ''}{ascii_uppercase[at]}"


def _month(first, later):
    year, at = (int(part) for part in first.split("-"))
    at += later - 1
    return month(f"{year + at // 12}-{at % 12 + 1:02d}")
