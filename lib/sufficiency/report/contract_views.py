"""Tables and charts of contracts for a board: what each edition may show of them.

Frames are those of `model.contracts` and `run.contracts`. Where a cell would tell what one supplier
is paid, a public table has bands or no money; see `sizes`.
"""

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.dates import DateFormatter, MonthLocator, date2num

from sufficiency.case.procurement import FLAG
from sufficiency.report import contract_words as said
from sufficiency.report.charts import BESIDE, PARTS, PAST, _axes, _chart
from sufficiency.report.disclosure import BASE, dominated, small
from sufficiency.report.market_words import lower, upper
from sufficiency.report.words import chance, money, number, percent

# GBP a year from which a band of suppliers begins
BANDS = (0, 100_000, 250_000, 500_000, 1_000_000, 2_500_000)
NONE = "none on the register"
# Share of a block's places in use below which the board looks at it (judgement)
USED = 0.9
HUNDREDTHS = {"Year before": 2, "Latest year": 2}
MORE = ("More than now", "More, 1 in 10 below", "More, 1 in 10 above",
        "More, if they paid for officers too")
REACH = dict.fromkeys(("Programmes a year", "1 in 10 below", "1 in 10 above", *MORE), 1)


@_chart
def timeline(stages, rows, *, as_at):
    """timeline(label, stages, rows, as_at=): a bar a stage, a row a contract, the day across.

    stages: of `pipeline.Pipeline`; rows {reference: name} from the top. The data is drawn as text.
    """
    figure, (axes,) = _axes(1.2 + 0.4 * len(rows))
    place, names = {key: at for at, key in enumerate(rows)}, list(dict.fromkeys(stages["stage"]))
    kept = stages[stages["reference"].isin(place)]
    for name, (colour, hatch) in zip(names, PARTS, strict=False):
        some = kept[kept["stage"] == name]
        begins, ends = date2num(list(some["begins"])), date2num(list(some["finishes"]))
        axes.barh(some["reference"].map(place), ends - begins, 0.66, begins, color=colour,
                  hatch=hatch, edgecolor="white", label=name)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), list(rows.values()))
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.axvline(date2num(as_at), color=PAST["color"], linewidth=1.8, linestyle=(0, (5, 1.5)))
    axes.annotate(said.day(as_at), (date2num(as_at), -0.6), (0, 8), **BESIDE, ha="center",
                  fontweight="semibold")
    axes.xaxis_date()
    months = len(pd.period_range(kept["begins"].min(), kept["finishes"].max(), freq="M"))
    axes.xaxis.set_major_locator(MonthLocator(interval=max(1, -(-months // 6))))
    axes.xaxis.set_major_formatter(DateFormatter("%b %Y"))
    figure.legend(loc="outside upper left", ncols=2)
    named = kept["reference"].map(rows).str.replace("\n", " ")
    data = kept.assign(contract=named, begins=kept["begins"].map(said.day),
                       finishes=kept["finishes"].map(said.day))
    return figure, data.set_index("contract")[["stage", "begins", "finishes", "status"]]


def urgent(contracts, wanted=14):
    """The contracts that are late, should be at work or start soon: {reference: name} for a chart.
    """
    rows = contracts[contracts["status"].isin(said.STATUS)].head(wanted)
    return {row.reference: fill(row.title + ", late" * (row.status == "overdue"), 34)
            for row in rows.itertuples()}


def percents(frame):
    """The unit of the columns that are shares of spend."""
    return {name: "%" for name in frame if str(name).startswith("Share of spend")}


def spot_held(shown):
    """Why the share of spot is exempt, from a table of `kinds`; "" where it is shown there."""
    spot = shown.set_index("Kind").filter(like="Share of spend").loc[said.KINDS["spot"]:]
    return said.EXEMPT if spot.isna().any(axis=None) else ""


def few(counts):
    """Why counts of spot contracts are exempt, or ""."""
    return said.FEW if small(counts).any() else ""


def grown_by(growth):
    """Why the split of growth is exempt: one of its groups would tell of a supplier; or ""."""
    groups = growth.names.groupby("status")["change"]
    told = any(np.count_nonzero(change) and dominated(change.abs()) for _, change in groups)
    return said.EXEMPT * told


def known(found):
    """Whether the rows can say any of the published figures; found as for `tie`, or None."""
    return found is not None and found["example"].notna().any()


def tie(found):
    """Published figures beside what the rows come to: of `Contracts.published`."""
    return pd.DataFrame([
        {"Figure": row["label"], "Published": said.printed(row["value"], row["unit"], row["how"]),
         **({"In the rows": said.printed(row["example"], row["unit"]),
             "Met": "yes" if said.agrees(row) else "no"} if row["example"] == row["example"] else
            {"In the rows": "cannot say", "Met": ""}), "Source": row["source"]}
        for _, row in found.iterrows()])


def grown(growth, years):
    """Steps from one year's spend to the next for `charts.bridge`, £m."""
    rows = growth.status
    steps = {years[0]: rows.at["all", "before"],
             "Suppliers who stayed": rows.at["continuing", "change"],
             "New suppliers": rows.at["new", "change"],
             "Suppliers who left": rows.at["gone", "change"], years[1]: rows.at["all", "after"]}
    return pd.Series({name: float(value) for name, value in steps.items()}) / 1e6


def concentration(found, k=10):
    """Share of the largest and the index of concentration, by supplier and by owner, in words."""
    heads = {"supplier": "As invoiced", "owner": "By who owns them in the end"}
    return pd.DataFrame([
        {"Suppliers counted": heads[by], "Number": number(row["names"]),
         f"Share of the {k} largest": percent(row["top"]),
         "95% interval": _range(row["top_low"], row["top_high"], percent),
         "HHI (0 to 10,000)": number(row["hhi"]),
         "HHI, 95% interval": _range(row["hhi_low"], row["hhi_high"], number),
         "As if equal": number(row["effective"])} for by, row in found.iterrows()])


def _range(low, high, form):
    return f"{form(low)} to {form(high)}" if np.isfinite(low) and np.isfinite(high) else \
        "too few to say"


def kinds(found, years, spend=None):
    """Agreements of each kind in place and new in two years, with shares of spend where safe.

    Fewer than eight spot contracts are blank. spend: the later year's payments; a share that would
    tell what one supplier is paid is blank, with the least of the others; without it no share.
    """
    order = [kind for kind in said.KINDS if kind in found.index.get_level_values("kind")]
    made = pd.DataFrame({"Kind": [said.KINDS[kind] for kind in order]})
    for head, column in (("In place", "in_place"), ("New", "started")):
        for year in years:
            counts = [int(found[column].get((year, kind), 0)) for kind in order]
            made[f"{head} {year}"] = [np.nan if kind == "spot" and small(n) else n
                                      for kind, n in zip(order, counts, strict=True)]
    if spend is None:
        return made
    shares = 100 * found.loc[years[-1], "spend_share"].reindex(order)
    sums = spend.groupby(["kind", "supplier"])["amount"].sum()
    hidden = [kind for kind in order if kind in sums and dominated(sums[kind])]
    while 0 < len(hidden) < 2 and len(hidden) < len(order):
        hidden.append(shares.drop(hidden).idxmin())
    made[f"Share of spend {years[-1]}"] = shares.mask(shares.index.isin(hidden)).values
    return made


def sizes(spend, by="supplier"):
    """Suppliers by what they are paid in a year, in bands wide enough to tell nothing of one."""
    sums = spend.groupby(by)["amount"].sum()
    edges = list(BANDS)
    while len(edges) > 1 and (at := _unsafe(sums, edges)) is not None:
        edges.pop(max(at, 1))
    rows = []
    for low, high in zip(edges, [*edges[1:], None], strict=True):
        some = _within(sums, low, high)
        ends = [money(end).replace(".0m", "m") for end in (low, high) if end]
        name = " to ".join(ends) if low and high else f"Under {ends[0]}" if high else \
            f"{ends[0]} or more" if low else "Any sum"
        rows.append({"Paid in the year": name,
                     "Suppliers": len(some), "Share of spend": 100 * some.sum() / sums.sum()})
    return pd.DataFrame(rows)


def _within(sums, low, high):
    return sums[(sums >= low) & (sums < (np.inf if high is None else high))]


def _unsafe(sums, edges):
    """The last band in which a supplier can be told, or None."""
    bands = list(zip(edges, [*edges[1:], None], strict=True))
    return next((at for at in reversed(range(len(bands)))
                 if dominated(_within(sums, *bands[at]))), None)


def largest(spend, growth, names):
    """The largest suppliers by name, with what they are paid: for the exempt edition."""
    rows = []
    for name in names:
        mine, moved = spend[spend["supplier"] == name], growth.names.loc[name]
        owner = mine["owner"].iloc[0]
        rows.append({"Supplier": name, "Owned by": owner if owner != name else "itself",
                     "For": ", ".join(sorted(mine["category"].unique())),
                     "Bought by": ", ".join(said.KINDS[kind].lower() for kind in said.KINDS
                                            if kind in set(mine["kind"])),
                     "Year before": moved["before"] / 1e6, "Latest year": moved["after"] / 1e6})
    return pd.DataFrame(rows)


def agenda(contracts, found, voids, together):
    """What the board should look at, the first to end first: no supplier, no money.

    contracts: of `pipeline.Pipeline`; found: of `pipeline.gaps`; voids: of `estate.voids`.
    """
    rows = {}
    def add(name, ends, why):
        rows.setdefault((name, ends), []).append(why)
    for row in contracts[contracts["status"].isin(("overdue", "now"))].itertuples():
        add(row.title, row.end, said.STATUS[row.status].lower())
    for row in found.itertuples():
        add(row.title, row.end, f"replacement begins {number(row.months, 1)} months late"
            if pd.notna(row.next_reference) else "no replacement on the register")
    for row in voids.dropna(subset=["occupancy"]).itertuples():
        if row.occupancy < USED:
            ends = contracts.set_index("reference")["end"].get(row.reference)
            add(row.title, ends, "more than a tenth of block places empty")
    made = [{"Contract": name, "Ends": said.day(ends), "Why it is here": upper("; ".join(why))}
            for (name, ends), why in sorted(rows.items(), key=lambda one: (str(one[0][1]), one[0]))]
    made += [{"Contract": f"All of: {lower(name)}", "Ends": "", "Why it is here":
              "Bought outside contracts above a threshold: flag for legal advice"}
             for name, test in together.items() if test.conclusion == FLAG]
    return pd.DataFrame(made)


def pipeline(contracts):
    """Contracts that are late, at work or soon to start, with the days that count."""
    rows = contracts[contracts["status"].isin(said.STATUS)]
    return pd.DataFrame([
        {"Contract": row.title, "Ends": said.day(row.end), "Work starts": said.day(row.starts),
         "Working days": _away(int(row.working_days)),
         "Should be doing": row.stage or "not yet begun", "Status": said.STATUS[row.status]}
        for row in rows.itertuples()])


def _away(days):
    """Days from the report's date: 38 ago, 110 ahead."""
    return f"{number(abs(days))} {'ago' if days < 0 else 'ahead'}" if days else "today"


def gaps(found, exempt=True):
    """Where cover ends before its replacement begins; values in the exempt edition alone."""
    return pd.DataFrame([
        {"Contract": row.title, "Cover ends": said.day(row.end),
         "Replacement begins": said.day(row.next_start) if pd.notna(row.next_reference) else NONE,
         "Months between": number(row.months, 1) if np.isfinite(row.months) else "not known",
         "Own extension closes it": "yes" if row.extension_closes else "no",
         **({"Value a year, £ thousand": row.annual_value / 1e3} if exempt else {})}
        for row in found.itertuples()])


def voids(found, exempt=True):
    """Block places and their use; suppliers and money in the exempt edition alone."""
    return pd.DataFrame([
        {"Block": row.title, **({"Supplier": row.supplier} if exempt else {}),
         "Places": number(row.places) if np.isfinite(row.places) else "not stated",
         "In use": _used(row.children, exempt), "Empty": _empty(row, exempt),
         **({"Cost of empty places, £ thousand a year": row.void_cost / 1e3} if exempt else {})}
        for row in found.itertuples()])


def _used(children, exempt):
    if not np.isfinite(children):
        return "not stated"
    if exempt:
        return number(children)
    return "1 to 7" if small(children) else f"about {number(BASE * round(children / BASE))}"


def _empty(row, exempt):
    if not np.isfinite(row.void_places):
        return "not stated"
    return number(row.void_places) if exempt else "not shown"


def together(tests, bought, exempt=True):
    """Purchases of a kind against the thresholds, a row a category; sums in the exempt edition."""
    rows = []
    for name, test in tests.items():
        mine = bought[bought["category"] == name]
        out = test.spend.drop("in_contract")
        rows.append({
            "Bought": name, "Purchases": int(mine["purchases"].sum()),
            **({"In contract": test.spend["in_contract"] / 1e3,
                "Chosen by families": out["user_choice"] / 1e3,
                "Ordered by courts": out["court_ordered"] / 1e3,
                "None of these": out["unjustified"] / 1e3} if exempt else {}),
            "Bought outside contracts": upper(test.conclusion)})
    return pd.DataFrame(rows)


def budgets(shared, weights):
    """Each board's weight and budget to the penny, and the total."""
    made = pd.DataFrame({"Board": shared.index, "Weight": [one.central_value() for one in weights],
                         "Low": [one.low for one in weights],
                         "High": [one.high for one in weights], "Budget": shared.values})
    made.loc[len(made)] = ["All boards", np.nan, np.nan, np.nan, shared.sum()]
    return made


def ranges(shared, moves):
    """Each board's budget, and at its weight's low and high: for `outlook.dots`, £ thousand."""
    ends = {name: sorted(moves.at[(name, at), name] for at in ("low", "high"))
            for name in shared.index}
    return pd.DataFrame({"low": [shared[name] + ends[name][0] for name in shared.index],
                         "high": [shared[name] + ends[name][1] for name in shared.index],
                         "Budget": shared.values}, index=shared.index) / 1e3


def reach(found, further, labels, reference, total="All boards"):
    """Programmes a year that all budgets buy on each route, and how many more than now."""
    rows = []
    for name, label in labels.items():
        here, more = found.loc[(total, name)], further.loc[name]
        rows.append({"Route": label, "Programmes a year": here["mean"],
                     "1 in 10 below": here["p10"], "1 in 10 above": here["p90"],
                     **dict(zip(MORE, [np.nan] * 4 if name == reference else more[
                         ["mean", "p10", "p90", "whole"]], strict=True))})
    return pd.DataFrame(rows)


def by_board(found, labels, total="All boards"):
    """Programmes a year that each board's budget buys, a column a route."""
    shown = found["mean"].unstack().reindex(columns=list(labels)).rename(columns=labels)
    order = list(dict.fromkeys(found.index.get_level_values(0)))
    return shown.loc[order].rename_axis(index="Board", columns=None).reset_index()


def queue(invest, labels):
    """Proposals to spend to save: capital, payback and net present value."""
    return pd.DataFrame([
        {"Proposal": labels[name], "Capital": row["capital"] / 1e3,
         "Pays back in years": row["payback"], "Net present value": row["npv_p50"] / 1e3,
         "1 in 10 below": row["npv_p10"] / 1e3, "1 in 10 above": row["npv_p90"] / 1e3,
         "Chance it is worth its cost": chance(row["chance"])} for name, row in invest.iterrows()])


def refused(read):
    """Rows of the files that could not be used, by column, with what is allowed there."""
    parts = [one.unusable.assign(File=part) for part, one in read.items() if len(one.unusable)]
    if not parts:
        return None
    shown = pd.concat(parts)[["File", "line", "column", "found", "allowed"]]
    return shown.rename(columns=upper)
