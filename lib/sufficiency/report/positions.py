"""Frames of the high needs account for a reader: money in £ million, deficits positive.

Means where figures must add, ranges of 8 chances in 10 beside them. Datasets are those of
`safety_valve.account` and `schedules`: GBP over (draw, financial_year); a position is one schedule.
"""

import numpy as np
import pandas as pd

from sufficiency.model.safety_valve import schedules
from sufficiency.report import tables, words
from sufficiency.report.views import HIGH, LOW

MEAN, MIDDLE = "Expected (mean)", "Middle (median)"
BASES = {"gross": "gross", "after_council": "after council money",
         "after_council_and_dfe": "after council and DfE money",
         "all_blocks": "all blocks (line 1.9.3)"}  # fmt: skip
# What takes a deficit down, as a flow of the account or of a schedule
SETTLED = {"contributions": "Council money put in", "payments": "Safety Valve payments",
           "grant": "High Needs Stability Grant", "met_centrally": "Met by central government",
           "charged": "Charged to the general fund"}  # fmt: skip
SPENT = ("spend", "place_funding", "recouped")
RECONCILED = {
    "gross": "Deficit, gross", "council_money": "Less council money to date",
    "after_council": "Deficit after council money", "dfe_money": "Less DfE money to date",
    "after_council_and_dfe": "Deficit after council and DfE money",
    "other_blocks": "Other blocks of the grant", "unreconciled": "Unreconciled",
    "all_blocks": "Deficit, all blocks (section 251 line 1.9.3)",
}  # fmt: skip
SCHEDULES = {
    "none": "No further money", "agreement": "Safety Valve agreement",
    "stability_grant": "High Needs Stability Grant",
    "override_end": "Override ends", "central_funding": "Central funding",
}  # fmt: skip
RAG = {"red": "Red: delivery in doubt", "amber": "Amber: at risk", "green": "Green: on track"}


def march(year):
    """The 31 March that ends a financial year: 2027-28 -> 31 March 2028."""
    return f"31 March {int(str(year)[:4]) + 1}"


def units(frame, unit="£m"):
    """The unit of every column of numbers but the first, for a Table."""
    return {name: unit for name in list(frame)[1:] if frame[name].dtype.kind in "iuf"}


def tenths(frame):
    """One decimal for every column of numbers but the first: a table whose caption says £m."""
    return dict.fromkeys(units(frame), 1)


def means(dataset, names):
    """Means over draws of the flows among `names` that the dataset has: name x year, GBP."""
    found = {name: dataset[name].mean("draw").to_series() for name in names if name in dataset}
    return pd.DataFrame(found).T


def five_years(account, position, before=None, wanted=5):
    """The account of the first years, a column each, that adds from opening to closing deficit.

    account: of `account.run`, with measures; position: of `schedules.apply` at one schedule, or the
    account itself; before: the account without measures. Flows that are nought in every year are
    left out. Refuses figures that do not add.
    """
    flows = means(account, (*SPENT, "income", "in_year")).fillna(0.0)
    settled = means(position, SETTLED)
    closing = position["deficit"].mean("draw").to_pandas().T
    first = float(position["opening"].sel(line="after_council_and_dfe").mean())
    ends = closing.loc["after_council_and_dfe"]
    opening = ends.shift(1, fill_value=first)
    gap = opening + flows.loc["in_year"] - settled.sum() - ends
    spent = flows.loc[flows.index.intersection(SPENT)].sum()
    gap = gap.abs() + (spent - flows.loc["income"] - flows.loc["in_year"]).abs()
    if (gap > 1).any():
        raise ValueError(f"five years: the account is out by £{gap.max():,.0f}; allowed £1")
    saved = 0 * spent if before is None else means(before, ["in_year"]).loc["in_year"] \
        - flows.loc["in_year"]  # fmt: skip
    rows = {"Deficit at the start": opening, "Spending before measures": spent + saved,
            "Measures, net of what they cost": -saved, "Income": -flows.loc["income"],
            "In-year position": flows.loc["in_year"],
            **{SETTLED[name]: -line for name, line in settled.iterrows()},
            **{f"Deficit at the end, {said}": closing.loc[name] for name, said in BASES.items()}}
    always = ("In-year position", "Deficit")
    kept = {name: line for name, line in rows.items()
            if name.startswith(always) or line.abs().max() >= 0.5}
    return _by_year(kept, "Line").iloc[:, :wanted + 1]


def statement(account, position=None, groups=None, **lines):
    """Means by line and year, GBP, for `plan_tables.financial_summary`.

    groups: spend by group of settings (`plan_tables.by_group`); lines: services, measure_costs,
    cash_savings (draw, financial_year), what of line 1.2.x is in no setting.
    """
    position = account if position is None else position
    names = ("block", "import_export", "transfer", "income", *SPENT, "in_year")
    closing = position["deficit"].mean("draw").to_pandas().T
    parts = [groups, means(lines, lines), means(account, names), means(position, SETTLED), closing]
    return pd.concat([part for part in parts if part is not None and len(part)])


def deficits(named):
    """{heading: deficit (draw, financial_year)} at each 31 March: mean and range of each."""
    columns, first = {}, next(iter(named.values()))
    for heading, draws in named.items():
        low, high = tables.quantiles(draws, [0.1, 0.9]) / 1e6
        columns |= {f"{heading}, expected": draws.mean("draw").values / 1e6,
                    f"{heading}, {LOW}": low, f"{heading}, {HIGH}": high}
    return pd.DataFrame({"Date": map(march, first["financial_year"].values), **columns})


def by_schedule(deficit, labels=SCHEDULES, year=None):
    """Deficit (draw, financial_year, schedule): a row a schedule, means at each 31 March.

    Beside them the range at the end of `year`, the last if None.
    """
    frame = deficit.mean("draw").transpose("schedule", "financial_year").to_pandas() / 1e6
    year = frame.columns[-1] if year is None else year
    then = deficit.sel(financial_year=year).transpose("draw", "schedule")
    low, high = tables.quantiles(then, [0.1, 0.9]) / 1e6
    heads = {name: march(name).removeprefix("31 ") for name in frame}
    ranges = {f"{heads[year]}, {LOW}": low, f"{heads[year]}, {HIGH}": high}
    shown = frame.rename(columns=heads).assign(**ranges)
    heads = [labels.get(name, name) for name in frame.index]
    return shown.set_axis(heads).rename_axis(index="Schedule", columns=None).reset_index()


def schedule_paths(deficit, labels=SCHEDULES):
    """The same as lines for `outlook.paths`: {heading: frame by 31 March, mean, £m}."""
    frame = deficit.mean("draw").transpose("financial_year", "schedule").to_pandas() / 1e6
    return {labels.get(name, name): frame[[name]].set_axis(["mean"], axis=1) for name in frame}


def limits(in_year, limit):
    """Chance and size of an in-year position over its limit, a row a year that has one.

    in_year {heading: (draw, financial_year)}, each its own row; limit (financial_year) or (draw,
    financial_year), NaN where there is none.
    """
    level, rows = limit.mean("draw") if "draw" in limit.dims else limit, []
    for year in level["financial_year"].values[level.notnull().values]:
        at = {"financial_year": year}
        for heading, draws in in_year.items():
            here = draws.sel(at)
            low, high = tables.quantiles(here, [0.1, 0.9])
            over = schedules.expected_shortfall(here, limit.sel(at))["mean"]
            share = schedules.chance_over(here, limit.sel(at))["chance"]
            pounds = {"Limit": float(level.sel(at)), MEAN: float(here.mean()), LOW: low,
                      HIGH: high, "Mean excess": float(over)}
            rows.append({"Financial year": str(year), "With": heading,
                         **{name: value / 1e6 for name, value in pounds.items()},
                         "Chance over": words.chance(float(share))})
    return pd.DataFrame(rows)


def limit_rows(in_year, limit, heading="Limit"):
    """The same as rows for `outlook.dots`: low, high, the middle and the limit by year, £m."""
    level = (limit.mean("draw") if "draw" in limit.dims else limit).to_series().dropna() / 1e6
    found = tables.quantiles(in_year.sel(financial_year=level.index), [0.1, 0.9, 0.5]) / 1e6
    frame = pd.DataFrame(found.T, index=level.index, columns=["low", "high", MIDDLE])
    return frame.assign(**{heading: level})


def bases(reconciled):
    """From the gross deficit to line 1.9.3, a column a 31 March; what is not known stays blank.

    reconciled {the financial year it ends: DataArray (draw, line) of `account.reconcile`}.
    """
    means = {march(year): opening.mean("draw", skipna=False).to_series().reindex(RECONCILED) / 1e6
             for year, opening in reconciled.items()}  # fmt: skip
    frame = pd.DataFrame(means).set_axis(RECONCILED.values())
    return frame.rename_axis(index="Line").reset_index()


def measures(about, money):
    """A row a measure, sums over the years, and all of them below.

    about: frame by name with label, strand, owner (may be blank), start, rag, cashable, quality;
    money {gross, weighted, cost}: frames name x financial year, GBP: all of it in full and on
    time, the mean of the worlds, the cost to deliver. Net is weighted less cost.
    """
    sums = pd.DataFrame({head: frame.loc[about.index].sum(axis=1) / 1e6
                         for head, frame in saved(money).items()})  # fmt: skip
    said = {"Measure": about["label"], "Strand": about["strand"],
            "Owner": about["owner"].fillna(""), "Start": about["start"].astype(str),
            "RAG": about["rag"].map(RAG).fillna(""), "Quality": about["quality"],
            "Kind": np.where(about["cashable"], "cashable saving", "cost avoidance")}
    if about["strand"].equals(about["label"]):
        del said["Strand"]
    total = pd.DataFrame([{**dict.fromkeys(said, ""), "Measure": "All measures", **sums.sum()}])
    return pd.concat([pd.DataFrame(said).join(sums), total], ignore_index=True)


def apart(listing):
    """A listing of `measures` without what is the same for all, and a sentence that says it.

    An owner is a blank for the council to fill in, and stays.
    """
    rows, same = listing.iloc[:-1], {}
    for name in listing.columns[1:]:
        only = rows[name].iloc[0]
        if name != "Owner" and (rows[name] == only).all() and (isinstance(only, str) or not only):
            same[name] = only or "none"
    said = ", ".join(f"{name} {only}" for name, only in same.items())
    return listing.drop(columns=same), f"The same for all: {said}." if same else ""


def saved(money):
    """{heading: frame} of gross, weighted, cost and net savings, GBP, in the order of print."""
    return {"Gross saving": money["gross"], "Probability-weighted saving": money["weighted"],
            "Cost to deliver": money["cost"],
            "Net saving": money["weighted"] - money["cost"]}  # fmt: skip


def attribution(shares, first_in, last_in, labels, years=None):
    """What each measure saves: alone, as its share, and last; summed over `years`, all if None.

    shares: of `savings.reconcile`, so that the share column adds to the saving of the counts;
    first_in, last_in: measure x financial year. Only shares add.
    """
    years = list(shares) if years is None else years
    sums = [frame[years].sum(axis=1) / 1e6 for frame in (first_in, shares, last_in)]
    alone, share, last = (line.reindex(shares.index) for line in sums)
    heads = labels | {"capacity and chance": "Capacity and chance", "total": "All measures"}
    return pd.DataFrame({"Measure": [heads.get(name, name) for name in shares.index],
                         "Alone (first in)": alone.to_numpy(),
                         "Its share (Shapley)": share.to_numpy(), "Last in": last.to_numpy()})


def by_year(shares, labels):
    """Shares of `savings.reconcile` by measure and year, adding to the saving."""
    heads = labels | {"capacity and chance": "Capacity and chance", "total": "All measures"}
    return _by_year({heads.get(name, name): line for name, line in shares.iterrows()}, "Measure")


def sensitivities(changes):
    """What one change at a time does, £m: frame of changes in GBP by what was changed."""
    shown = (changes / 1e6).rename_axis(index="Changed", columns=None).reset_index()
    return shown.rename(columns={name: f"{name}: change" for name in changes})


def monitored(first, end):
    """What `SafetyValve.nowcast_table` updates, for `nowcast`: {quantity: heading}."""
    return {"in-year forecast": f"In-year overspend, {first}",
            "without measures": f"In-year overspend without savings, {first}",
            "delivery": f"Share of the planned saving delivered, {first}",
            f"in-year {end}": f"In-year overspend, {end}"}


def nowcast(table, labels, shares=()):
    """Prior and posterior of each quantity, in words: of `nowcast.compare`, GBP or shares."""
    stages = {"prior": "Before the monitoring position", "posterior": "After it"}

    def said(row, column):
        form = words.percent if row.quantity in shares else words.money
        return form(getattr(row, column))

    columns = {MEAN: "mean", LOW: "p10", MIDDLE: "p50", HIGH: "p90"}
    order = {quantity: place for place, quantity in enumerate(labels)}
    table = table.sort_values("quantity", key=lambda names: names.map(order), kind="stable")
    return pd.DataFrame([{"Quantity": labels.get(row.quantity, row.quantity),
                          "Stage": stages[row.stage],
                          **{head: said(row, name) for head, name in columns.items()}}
                         for row in table.itertuples()])


def general_fund(position, reserves=None):
    """What falls on the general fund by year, means, against usable reserves (GBP, blank if None).

    position: of `schedules.apply` at one schedule.
    """
    line = means(position, ("contributions", "interest", "charged", "charged_at_end",
                            "general_fund")).fillna(0.0)  # fmt: skip
    to_date = line.loc["general_fund"].cumsum()
    rows = {"Council money put into the deficit": line.loc["contributions"],
            "Interest on the deficit": line.loc["interest"],
            "Falls due on 1 April as the override ends": line.loc["charged_at_end"],
            "Later overspends": line.loc["charged"] - line.loc["charged_at_end"],
            "All in the year": line.loc["general_fund"], "To date": to_date,
            "Usable reserves left": (np.nan if reserves is None else reserves) - to_date}
    return _by_year(rows, "Line")


def delivery(needed):
    """Saving required, planned, and the share of the plan that must come: of `delivery_needed`."""
    share = needed["delivery"].to_series()
    said = [why or words.percent(x, 0)
            for x, why in zip(share, needed["reason"].values, strict=True)]
    return pd.DataFrame({"Financial year": share.index.astype(str),
                         "Saving required": needed["required"].values / 1e6,
                         "Saving planned": needed["planned"].values / 1e6,
                         "Delivery needed": said})


def record(points, known_by=""):
    """Shares that comparable programmes delivered, for `outlook.dots`, per cent; and their table.

    points {name: {label, share, planned, delivered, stage, scope, known, source}}, £m as reported;
    known_by: leave out what was known later. Each is its own point: no mean of them means anything.
    """
    frame = pd.DataFrame(points).T.sort_values("scope", ascending=False, kind="stable")
    frame = frame[(frame["known"].astype(str) <= known_by) | (not known_by)]
    share = 100 * frame["share"].astype(float)
    outturn = frame["stage"] == "outturn"
    heads = frame["label"].where(outturn, frame["label"] + " (" + frame["stage"] + ")")
    kinds = {"High needs programmes": frame["scope"] == "high needs",
             "All of a council's savings": frame["scope"] != "high needs"}
    dots = pd.DataFrame({kind: share.where(here) for kind, here in kinds.items()})
    dots = dots.set_axis(heads)[share.notna().to_numpy()].dropna(axis=1, how="all")
    table = pd.DataFrame({
        "Programme": frame["label"], "Scope": frame["scope"], "Stage": frame["stage"],
        "Planned": frame["planned"].astype(float), "Delivered": frame["delivered"].astype(float),
        "Share delivered": share, "Source": frame["source"]}).reset_index(drop=True)
    return dots, table


def _by_year(rows, name):
    frame = pd.DataFrame(rows).T / 1e6
    return frame.rename(columns=str).rename_axis(index=name, columns=None).reset_index()
