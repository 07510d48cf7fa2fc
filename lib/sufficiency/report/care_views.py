"""What a reader is shown of children in care: sentences, tables and charts of `run.care.Care`."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from sufficiency.model import skill
from sufficiency.model.care.rates import BRACKETS
from sufficiency.report import charts, disclosure, outlook, returns_views, tables, views
from sufficiency.report.words import count, listed, money, percent

WHY = "Small numbers of children (paragraph 2)."
BANDS = {name: name.capitalize() for name in BRACKETS}
BASIS = "social care, gross, in money of the day"


class Both(NamedTuple):
    """What the exempt edition has, why, and what the public edition has in its place."""

    exempt: object
    why: str
    public: object = None


def total(care):
    """Children on each 31 March: (draw, year)."""
    return care.positions.sum(("category", "age"))


def bands(positions):
    """Children by bracket of age: (draw, year, category, age) -> (draw, year, category, band)."""
    parts = np.add.reduceat(positions.transpose(..., "age").values, list(BRACKETS.values()),
                            axis=-1)
    return xr.DataArray(parts, dims=(*positions.dims[:-1], "age"),
                        coords={"year": positions["year"], "category": positions["category"],
                                "age": list(BANDS)})


def few(number):
    """A count of children in words: to the nearest 5, and none that is small."""
    rounded = int(np.floor(number / 5 + 0.5) * 5)
    return "fewer than 8" if disclosure.small(number) or not number else f"about {count(rounded)}"


def some(number):
    """A forecast count in words, none of them small."""
    return "fewer than 8" if disclosure.small(number) else count(number)


def guarded(care, item):
    """An item that rests on all children: of so few, for the exempt edition alone."""
    return Both(item, WHY) if tiny(care) else item


def tiny(care):
    """Whether the range of all children reaches small numbers in any year."""
    return bool(disclosure.small(tables.quantiles(total(care), [0.05, 0.5, 0.95])).any())


def start(care):
    """How a sentence on invented children begins."""
    return "**Synthetic example, no council's figures.** " if care.flag else ""


def answer(care):
    """The answer with its range, what moves it and what is not in it, and the table of it."""
    found, paid = total(care), care.spend["nominal"].sum("category")
    first, last, year = int(found["year"][0]), int(found["year"][-1]), paid["financial_year"][-1]
    low, middle, high = views.ranges(found[:, -1])
    cheap, cost, dear = views.ranges(paid[:, -1])
    real = views.ranges(care.spend["real"].sum("category")[:, -1])[1]
    matter = [label[:1].lower() + label[1:] for label in care.tornado["label"].iloc[:3]]
    children = (f"{care.study.council} had {few(care.history.loc[first].sum())} children in care "
                f"on 31 March {first}. We expect between {some(low)} and {some(high)} on 31 March "
                f"{last} (8 chances in 10; the middle is {some(middle)}).")
    costs = (f"Their placements would cost between {money(cheap)} and {money(dear)} in "
             f"{year.item()} (the middle is {money(cost)}), in the money of the day; at "
             f"{care.prices_of} prices the middle is {money(real)}.")
    if tiny(care):
        yield f"{start(care)}**{children}**"
        yield Both(costs, WHY)
    else:
        yield f"{start(care)}**{children} {costs}**"
    yield (f"What moves the cost most: {listed(matter)}. Social workers, carers' support, leaving "
           "care, education and health's share are not in it.")
    frame = views.answer(found, paid,
                         (care.prices_of, care.spend["real"].sum("category")))
    names = {name: name.replace("Plans in the January", "Children on 31 March").replace(
        "Plans", "Children").replace("Spending", "Cost") for name in frame}
    frame = disclosure.protect(frame, frame.columns[1:4], frame.columns[4:]).rename(columns=names)
    yield tables.Table(
        "care_answer", "Children in care and what they cost, with ranges of 8 chances in 10", frame,
        units={name: "£m" for name in frame if name.startswith("Cost")}, flag=care.flag,
        note="Children on the 31 March that ends the financial year, to the nearest 5.")


def placed(care):
    """Positions on 31 March: the fan, by category and by bracket of age."""
    found = total(care)
    history, ahead = care.history.sum(axis=1), tables.fan_frame(found)
    history = (history / 5).round() * 5
    ahead.iloc[0] = history.iloc[-1]
    low, _, high = views.ranges(found[:, -1])
    first, last = found["year"].values[[0, -1]]
    yield guarded(care, charts.fan(
        "care_fan", history, ahead, unit="children", flag=care.flag,
        source=care.told["origin"]["source"],
        title=f"{some(low)} to {some(high)} children in care are likely by 31 March {last}",
        subtitle=f"Children in care on 31 March, {history.index[0]} to {last}, to the nearest 5",
        alt=f"A line runs from {few(history.iloc[0])} in {history.index[0]} to "
        f"{few(history.iloc[-1])} in {first}, then a fan opens to between {some(low)} and "
        f"{some(high)} in {last}."))
    by_place, by_age = care.positions.sum("age"), bands(care.positions).sum("category")
    note = f"{first} is the count. Expected is the mean. To the nearest 5, and blank below 8."
    for label, draws, row, heads in (("care_by_category", by_place, "category", care.labels),
                                     ("care_by_age", by_age, "age", BANDS)):
        yield tables.Table(
            label, f"Children in care on 31 March by {row}: expected, and the last year's range",
            views.across(draws, "year", row, heads, total="All children", nearest=5), note=note,
            flag=care.flag)
    cross = bands(care.positions).isel(year=[0, -1]).mean("draw")
    # Years head the rows: beside a category's name, a price in public would be taken for a count
    rows = [{"31 March": str(year), "Category": care.labels[str(name)], **{
        head: round(float(cross.sel(category=name, year=year, age=band)))
        for band, head in BANDS.items()}}
        for year in cross["year"].values for name in cross["category"].values]
    yield Both(tables.Table("care_cross", "Children in care by category and age, expected",
                            pd.DataFrame(rows), flag=care.flag), WHY)


def flows(care):
    """Entries, leavers and moves: counted and expected, by year."""
    quarters = care.children
    expected = {"entries": quarters["joiners"], "leavers": quarters["leavers"],
                "moves": quarters["moved_in"]}
    ahead = {name: by_year(one).mean("draw").to_series() for name, one in expected.items()}
    ahead = pd.DataFrame(ahead)
    counted = care.flows[list(ahead)]
    heads = {"entries": "Entries", "leavers": "Leavers", "moves": "Moves between categories"}
    frame = pd.concat([counted.assign(what="counted"), ahead.assign(what="expected")])
    shown = pd.DataFrame({"Year to 31 March": frame.index.astype(str), "Figures": frame["what"],
                          **{head: frame[name].to_numpy(float) for name, head in heads.items()}})
    shown = disclosure.protect(shown.reset_index(drop=True), list(heads.values()))
    mean, adult = counted.mean(), care.flows["adults"].mean()
    yield (f"{start(care)}In a year {few(mean['entries'])} children entered care and "
           f"{few(mean['leavers'])} left it, {few(adult)} of them because they turned 18; "
           f"{few(mean['moves'])} moved from one category to another. "
           f"{few(care.flows['short'].mean()).capitalize()} stays a year began and ended inside "
           "one quarter: they are in the cost, not in the entries.")
    yield tables.Table(
        "care_flows", "Entries, leavers and moves between categories by year", shown,
        note="Children in care at the end of a quarter and not at its start entered in it, and the "
        "reverse left; expected is the mean. To the nearest 5.", flag=care.flag)
    if unaccompanied := alone(care):
        yield unaccompanied


def by_year(flow):
    """Flows (draw, quarter, category) as (draw, year), years to 31 March."""
    whole, days = flow.sum("category"), [str(day) for day in flow["quarter"].values]
    years = [int(day[:4]) + (day[5:7] > "03") for day in days[1:]]
    values = whole.values[:, 1:].reshape(len(whole), -1, 4).sum(-1)
    return xr.DataArray(values, dims=("draw", "year"), coords={"year": years[3::4]})


def alone(care):
    """Unaccompanied children on the last 31 March, where the returns had their file."""
    rows = care.counts[care.counts["kind"] == "unaccompanied"]
    last = rows.loc[rows["year"] == care.told["last"], "count"].sum()
    return len(rows) and (f"{few(last).capitalize()} of the children counted on 31 March "
                          f"{care.told['last']} were unaccompanied children seeking asylum; how "
                          "many come follows national schemes, which no rate here foresees.")


def spending(care):
    """Weekly prices, and spend by category and year."""
    log, keys = care.case.log(), [f"care.prices.{name}" for name in care.categories]
    yield ("Cost is weeks times weekly price: child-days in the year, over seven, at the mean "
           "price of a week in each category, raised each year. None of it is funded by the "
           "dedicated schools grant.")
    yield tables.Table("care_prices", "Weekly prices assumed, by category",
                       views.assumptions(log, keys), flag=care.flag)
    paid = care.spend["nominal"].sum("category")
    ranges = tables.fan_frame(paid / 1e6)[["p10", "p50", "p90"]]
    low, middle, high = ranges.loc[ranges.index[-1], ["p10", "p50", "p90"]]
    yield guarded(care, outlook.paths(
        "care_spend_path", {"Middle (median)": ranges}, flag=care.flag,
        title=f"£{low:.0f}m to £{high:.0f}m is likely in {ranges.index[-1]}",
        subtitle="Cost of care placements by financial year, £ million, prices of the year",
        alt=f"A line with a range around it, from £{ranges['p50'].iloc[0]:.0f}m in "
        f"{ranges.index[0]} to £{middle:.0f}m in {ranges.index[-1]}, where 8 chances in 10 lie "
        f"between £{low:.0f}m and £{high:.0f}m."))
    parts, heads = together(care)
    step = views.step(float(paid[:, 0].mean()) / 1e6)
    frame = views.across(parts, "financial_year", "category", heads, total="All care placements",
                         nearest=step, hide=False)
    yield guarded(care, tables.Table(
        "care_spend", "Cost by category, £ million: expected, and the last year's range", frame,
        note=f"Prices of the year, nearest £{step:g}m.", flag=care.flag,
        decimals=dict.fromkeys(frame.columns[1:] if step < 1 else [], 1)))


def together(care):
    """Spend by category, £m, those of few children in any year added up -> (draws, headings)."""
    paid = care.spend["nominal"] / 1e6
    children = care.positions.sum("age").mean("draw")
    small = [str(name) for name in children["category"].values
             if disclosure.small(children.sel(category=name)).any()]
    if small:
        order = children.isel(year=-1).to_series().sort_values().index
        small = list(dict.fromkeys([*small, *(str(name) for name in order)]))[:max(2, len(small))]
    kept = [name for name in care.labels if name not in small]
    heads = {name: care.labels[name] for name in kept}
    if not small:
        return paid, heads
    rest = paid.sel(category=small).sum("category").expand_dims(category=["rest"])
    both = xr.concat([paid.sel(category=kept), rest.transpose(*paid.dims)], "category")
    return both, heads | {"rest": "All other categories"}


def checked(care):
    """What became of the rows of the returns."""
    if care.quality is None:
        return
    yield (f"{start(care)}{returns_views.used(care.quality)} Rows that a later year's return "
           "repeats are counted once. Codes of PLACE and PLACE_PROVIDER become categories by a "
           "table in the case.")
    yield returns_views.became(care.quality, "care_quality", care.told["quality_table"], care.flag)


def matters(care):
    """What moves the cost of the last year most, and the assumptions behind it."""
    top = views.swings(care.tornado, 10, care.tornado["label"])
    year = care.spend["financial_year"].values[-1]
    first = care.tornado["label"].iloc[0]
    yield charts.tornado(
        "care_tornado", top, care.tornado["central"].iloc[0] / 1e6, flag=care.flag,
        title=f"What moves the cost most: {first[:1].lower() + first[1:]}",
        subtitle=f"Cost of care placements in {year}, £ million, one assumption or kind of chance "
        "at a time, 10th to 90th percentile",
        alt="Bars around the central result, widest first: " + views.swing_words(top) + ".")
    log = care.case.log()
    yield ("Rates of entering, moving and leaving come from the children counted; how well so few "
           "children tell them, and the luck of each child, are in every range above but not in "
           "these bars.")
    others = [key for key in care.tornado.index if not key.startswith("care.prices.")]
    shown = views.assumptions(log, others)
    if len(shown):
        yield tables.Table("care_assumptions", "Other uncertain assumptions, widest first", shown,
                           flag=care.flag)
    certain = views.certain(log[log["key"].str.startswith("care.")
                                & ~log["key"].str.startswith("care.returns.")])
    if len(certain):
        yield tables.Table("care_fixed", "Assumptions without a range", certain, flag=care.flag)


def limits(care):
    """What this cannot tell."""
    weak = care.case.log().query("quality in ['proxy', 'judgement', 'illustrative']")
    prices = weak["key"].str.startswith("care.prices.").sum()
    yield "\n".join(f"* {said}" for said in (
        "Rates are those of the years counted. How long a child has been in care is not in them, "
        "though the chance of leaving falls steeply with it: where many came in of late, too few "
        "leave here at first and too many later. Nor are needs, brothers and sisters.",
        "There is no record of such forecasts for other councils, as there is for plans: what "
        "stands above of this council's own years is all.",
        f"{prices} of {len(care.categories)} weekly prices are other councils' or invented; the "
        "council's own ledger would narrow the range most.",
        "No home is ever full here: places are found at the same mean price however many are "
        "sought.",
        "Short breaks under a series of agreements (legal status V3, V4) and support after 18 are "
        "left out.",
        "Children who also have an education, health and care plan are in both counts; what the "
        "high needs block pays for them is not here."))


def record(care):
    """Forecasts made again from each earlier 31 March, against what was counted."""
    table = care.past.drop(columns=["origin", "year"])
    if not len(table):
        yield ("The return covers one year: no forecast from it can be held against a later count, "
               "so how wrong this is cannot be told.")
        return
    table = ((table / 5 + 0.5) // 1 * 5).assign(ahead=care.past["year"] - care.past["origin"])
    if not table["counted"].all():
        yield "So few children were counted that forecasts of them cannot be told right or wrong."
        return
    off = [f"{percent(skill.wape(rows['counted'], rows['p50']))} {years} "
           f"year{'s' * (years > 1)} ahead (the last count unchanged: "
           f"{percent(skill.wape(rows['counted'], rows['last']))})"
           for years, rows in table.groupby("ahead")]
    inside, n = int(table["counted"].between(table["p10"], table["p90"]).sum()), len(table)
    low, high = skill.clopper_pearson(inside, n)
    yield guarded(care, (
        f"{start(care)}Made again from each earlier 31 March with the counts of that day alone, "
        f"the middle would have been off by {listed(off)}. {inside} of {n} counts fell inside the "
        f"range of 8 chances in 10; were they independent, which they are not, that would still "
        f"fit ranges that hold {percent(low, 0)} to {percent(high, 0)} of counts. Prices are not "
        "in this test, and what is assumed of growth was not written before these years."))
    frame = pd.DataFrame({"From 31 March": care.past["origin"].astype(str),
                          "To 31 March": care.past["year"].astype(str),
                          "Counted": table["counted"], "Middle of the forecast": table["p50"],
                          "1 in 10 below": table["p10"], "1 in 10 above": table["p90"]})
    yield guarded(care, tables.Table(
        "care_past", "Children in care: earlier forecasts against what was counted", frame,
        note="To the nearest 5. One council's few years, most of them in several rows.",
        flag=care.flag))


def headlines(care):
    """Figures for headline.json, each a mapping for `study.headline`."""
    found, paid = total(care), care.spend["nominal"].sum("category")
    rests = "Rates of entering, moving and leaving as counted; growth of entries (judgement)"
    for key, text, draws, unit, basis, year, on in (
            ("care_children", "Children in care on 31 March", found[:, -1], "children",
             "SSDA903 counts, rates held", int(found["year"][-1]), rests),
            ("care_cost", "Cost of care placements", paid[:, -1], "GBP", BASIS,
             str(paid["financial_year"].values[-1]), "")):
        low, middle, high = views.ranges(draws)
        yield {"key": key, "text": text, "value": middle, "p10": low, "p90": high, "unit": unit,
               "basis": basis, "year": year, "rests": on,
               "exempt": WHY if tiny(care) else "",
               "turns": "The council's own weekly prices, and more or fewer entries than counted"}


def tidy(positions):
    """Children on 31 March by year, category and age: mean and percentiles, `all` added."""
    found = bands(positions).transpose("draw", "year", "category", "age")
    axes = ((name, found[name].values) for name in ("year", "category", "age"))
    return tables._tidy(found.values, *axes)
