"""Sentences on contracts for a board: spend and its growth, who is paid, what must start, budgets.

Frames and tuples are those of `model.contracts` and `run.contracts`, money GBP. Sentences on
invented rows begin with `start`; money that is one supplier's is for the exempt edition alone.
"""

import math

import pandas as pd

from sufficiency.case.procurement import FLAG
from sufficiency.report.market_words import SAME, lower, measured, pounds, upper
from sufficiency.report.words import chance, change, count, listed, money, number, percent, span

EXEMPT = ("It is exempt under paragraph 3 of Schedule 12A to the Local Government Act 1972: the "
          "financial or business affairs of named suppliers.")
FEW = ("It is exempt under paragraph 2 of Schedule 12A to the Local Government Act 1972: it rests "
       "on fewer than eight contracts for a child each, who might be told from it.")
FEWEST = 8
FILES = {"register": "contract register", "spend": "list of payments"}
KINDS = {"framework": "Framework", "block": "Block", "dynamic_market": "Dynamic market",
         "grant": "Grant", "in_house": "In-house", "spot": "Spot"}
BOUNDS = {"at_least": "over ", "about": "", "at_most": "almost "}
STATUS = {"overdue": "Late: no stage recorded as done in its time", "now": "Should be at work now",
          "next": "Starts within six months"}
# What is said under tables
STAGES = "A stage counts as done only where the register records it."
SPREAD = ("95% intervals say how another year's purchases of the same kind would spread. As if "
          "equal: so many suppliers of one size would make spend as concentrated. HHI is the index "
          "that competition authorities use: 10,000 is one supplier, under 1,000 usually called "
          "unconcentrated, over 1,800 highly concentrated.")
BANDED = "Bands are joined until none tells what a supplier is paid."
LISTS = ("All suppliers of one list count as one contract; a spot contract is for one child or a "
         "few. A blank would tell of one supplier, or of fewer than eight contracts.")
DAYS = "Working days from the report's date, bank holidays left out."
JUSTIFIED = "For what is none of these, nothing is recorded that justifies it without competition."
REACHED = ("Whole programmes, means of simulated worlds. Budgets pay fees alone; the last column "
           "counts officers, checks, tenders and management as if they paid for these too.")
QUEUED = "Medians, real prices, whole life, with optimism bias; see the options appraisal for more."
RESTS = "Four published figures: total, growth, and the ten largest suppliers' share and growth"
TURNS = "Nothing within the rounding of those figures"
PRINTED = "Not estimated: there are no rows to set beside the published figures."


def missing(what):
    """What is said where a case lacks something."""
    return f"Not estimated: this case has no {what}."


def none(register, what):
    """What is said where a register has nothing of a kind, or there is no register."""
    return missing(FILES["register"]) if register is None else f"The register has no {what}."


def start(synthetic):
    """What every sentence on invented rows begins with."""
    return "*Synthetic example.* " * synthetic


def day(date):
    """A date in print: 31 August 2023; none stated."""
    return "none stated" if pd.isna(date) else f"{date.day} {date:%B %Y}"


def points(said):
    """Sentences as points of a list, under whatever is said before them."""
    return "\n\n" + "\n".join(f"* {text}" for text in said)


def basis(council, have, synthetic):
    """What the page rests on; have: the files there are, of FILES."""
    if not have:
        return ("**Not estimated: spend, suppliers, spot purchase and expiries.** This case has no "
                "contract register and no list of payments.")
    named = listed([FILES[name] for name in have])
    if not synthetic:
        return f"These figures come from the council's own {named}."
    return (f"**The {named} used here are a synthetic example.** They were invented, and scaled to "
            f"what {council} published: no supplier and no contract in them is real, and none of "
            "their figures is a finding about the council. They show what the board would see with "
            "files of its own.")


def printed(value, unit, how="about"):
    """A published figure as it was said: over £153m, almost 25%, 15%."""
    form = {"GBP": money, "share": lambda share: percent(share, 0)}.get(unit, number)
    return BOUNDS[how] + form(value).replace(".0m", "m")


def rest(found, source):
    """Where growth was, by arithmetic on what was published: of `Contracts.rest`."""
    low, value, high = (percent(found[name], 0) for name in ("low", "value", "high"))
    rise, ten = money(found["rise"], 1e6), number((found["rise"] - found["others"]) / 1e6, 1)
    return ("**The published figures alone show where the growth was.** They imply a rise of about "
            f"{rise} in a year, about £{ten}m of it with the ten largest suppliers. Spend with all "
            f"others therefore grew by about {value} ({low} to {high}, as the published figures "
            f"are rounded). Source: {source}.")


def spent(growth, years):
    """Spend of the later year and how it moved; growth: `estate.Growth`."""
    before, after = growth.status.loc["all", ["before", "after"]]
    return f"Spend was {money(after)} in {years[1]}, {change(after, before)} from {years[0]}."


def split(growth):
    """Who made the change of spend: suppliers who stayed, came and went."""
    said = {"continuing": "who stayed", "new": "who are new", "gone": "who left"}
    who = {name: f"{count(n)} {said[name]}" if n > 1 else f"one {said[name]}".replace("are", "is")
           for name, n in growth.status["names"].drop("all").items() if n}
    parts = [f"the {text} {_moved(growth.status.at[name, 'change'])}" for name, text in who.items()]
    return f"Of the change, suppliers: {listed(parts)}."


def _moved(value):
    return f"{'added' if value >= 0 else 'took off'} {pounds(value)}"


def causes(growth):
    """Volume, mix and price, where every payment says how long a place was paid for."""
    if growth.causes is None:
        return ("Not estimated: how much of the change is more children, and how much dearer "
                "places. The payments do not say for how long a place was paid.")
    names = {"volume": "more or fewer places", "mix": "dearer or cheaper kinds of place",
             "price": "prices"}
    parts = [f"{text} {_moved(growth.causes[name])}" for name, text in names.items()]
    return f"By cause: {listed(parts)}."


def concentrated(found, year):
    """Share of the ten largest, and how concentrated spend is; found by supplier and owner."""
    row, owner = found.loc["supplier"], found.loc["owner"]
    ends = [percent(row[name], 0) for name in ("top_low", "top_high") if math.isfinite(row[name])]
    text = (f"The ten largest of {count(row['names'])} suppliers took {percent(row['top'], 0)} of "
            f"spend in {year}" + (f" (95% interval {' to '.join(ends)})" if ends else ""))
    if abs(owner["top"] - row["top"]) >= 0.005:
        text += f", the ten largest by who owns them in the end {percent(owner['top'], 0)}"
    return (f"{text}. Spend is as concentrated as if {number(row['effective'])} suppliers of one "
            "size shared it.")


def spot(kinds, years, moved):
    """Spot contracts in place and new; moved: `estate.Change` of the new ones, or None."""
    was, here, old, new = (int(kinds[column].get((year, "spot"), 0))
                           for column in ("in_place", "started") for year in years)
    text = (f"{upper(_few(here))} spot contracts were in place at some time in {years[1]}, "
            f"{_few(was)} in {years[0]}")
    if min(new, old) < FEWEST:
        return f"{text}."
    said = [f"{percent(abs(ratio - 1), 0)} {'more' if ratio >= 1 else 'fewer'}" for ratio in moved]
    doubt = " By itself that could be chance." * bool(moved.low <= 1 <= moved.high)
    return (f"{text}; {count(new)} were new, {count(old)} the year before ({said[0]}; 95% interval "
            f"{said[1]} to {said[2]}).{doubt}")


def risen(counts):
    """How spot contracts in place moved over the quarters, as a title."""
    first, last = int(counts.iloc[0]), int(counts.iloc[-1])
    moved = "rose" if last > first else "fell"
    return (f"Spot contracts in place stayed at {count(last)}" if first == last else
            f"Spot contracts in place {moved} from {count(first)} to {count(last)}")


def quarters(counts):
    """Spot contracts in place at the end of each quarter."""
    return "Spot: " + "; ".join(f"{when} {count(n)}" for when, n in counts.items()) + "."


def off_contract(kinds, year):
    """Share of spend inside a contract or framework, and on spot."""
    loose = kinds.loc[year, "spend_share"].get("spot", 0.0)
    return (f"{percent(1 - loose, 0)} of spend was on a framework, a block or another contract let "
            f"for a term; {percent(loose, 0)} was spot.")


def started(contracts, as_at):
    """How many contracts must be at work now: contracts of `pipeline.Pipeline`."""
    late, now, soon = (int((contracts["status"] == name).sum()) for name in STATUS)
    text = (f"On {day(as_at)}, {_so_many(late, 'contract is', 'contracts are')} late in being "
            f"recommissioned, {now or 'no'} more should be at work now and {soon or 'no'} more "
            "must start within six months.")
    first = contracts[contracts["status"].isin(STATUS)].sort_values("end", kind="stable")
    return text if not len(first) else (
        f"{text} The first to end is {first['title'].iloc[0]}, on {day(first['end'].iloc[0])}.")


def begun(contracts):
    """How many must be at work by now, as a title."""
    late, now = (int((contracts["status"] == name).sum()) for name in ("overdue", "now"))
    return (f"{upper(_so_many(late + now, 'contract', 'contracts'))} should be at work by now, "
            f"{count(late) if late else 'none'} of them late")


def _few(n):
    return "fewer than eight" if 0 < n < FEWEST else count(n)


def _so_many(n, one, more):
    return f"{count(n) if n else 'no'} {one if n == 1 else more}"


def planned(said):
    """Where the stages come from; said: `contracts.pipeline` of the case."""
    stages = listed([f"{lower(stage['name'])} ({number(stage['months'])})"
                     for stage in said["stages"]])
    return (f"Work on a contract is planned to begin {said['lead_months']} months before its end, "
            f"in stages of so many months: {stages}. Source: {said['source']}. {said['note']}.")


def covered(found):
    """Where cover ends before its replacement begins: of `pipeline.gaps`."""
    if not len(found):
        return "Every contract that ends in the next 18 months has its replacement in time."
    wait, closes = found["months"].dropna(), int(found["extension_closes"].sum())
    parts = [f"{count(len(found) - len(wait))} with no replacement on the register"]
    parts += [f"{count(len(wait))} with one that begins up to {number(wait.max(), 1)} months late"
              ] if len(wait) else []
    own = f"An extension of its own would close {count(closes)} of these gaps." if closes else \
        "No contract's own extension closes its gap."
    return (f"{upper(_so_many(len(found), 'contract ends', 'contracts end'))} before cover is in "
            f"place again: {listed(parts)}. {own}")


def exposed(found):
    """What is bought under contracts whose cover ends too soon, GBP a year: exempt."""
    over = found["exposed"].dropna().sum()
    return f"These contracts are worth {pounds(found['annual_value'].sum())} a year" + (
        f"; {pounds(over)} falls in the gaps whose length is known." if over else ".")


def empty(found):
    """Block places paid for and not used: of `estate.voids`; exempt."""
    known = found.dropna(subset=["void_cost"])
    if not len(known):
        return missing("use and price of block places")
    return (f"Of {number(known['places'].sum())} places in blocks, "
            f"{number(known['void_places'].sum())} are empty and cost about "
            f"{pounds(known['void_cost'].sum())} a year.")


def flagged(together):
    """How many kinds of purchase are to be looked at by lawyers: {category: Aggregation}."""
    names = [lower(name) for name, test in together.items() if test.conclusion == FLAG]
    of = count(len(together))
    if not names:
        return f"Of {of} kinds of purchase none comes to a threshold outside its contracts."
    return (f"**Flag for legal advice:** {count(len(names))} of {of} kinds of purchase "
            f"come{'s' * (len(names) == 1)} to a threshold by what was bought outside contracts: "
            f"{listed(names)}. Whether they could reasonably be one contract is a question of law.")


def thresholds(together):
    """The thresholds that sums were tested against; {category: Aggregation}."""
    tests = next(iter(together.values())).tests
    named = [f"{row.said} ({row.category.replace('_', '-')})"
             for row in tests.drop_duplicates("category").itertuples()]
    vat = "VAT was not said and is counted at the standard rate. " * bool(tests["inc_vat"].any())
    return (f"Thresholds: {listed(named)}, over one year and over four. {vat}Source: "
            f"{tests['source'].iloc[0]}.")


def tied(found, synthetic):
    """Whether what was printed and what the rows come to agree: of `Contracts.published`."""
    known = found.dropna(subset=["example"])
    if not len(known):
        return "The rows cannot say any of the figures that were published."
    off = [lower(row["label"]) for _, row in known.iterrows() if not agrees(row)]
    return (f"{count(len(known) - len(off))} of {count(len(known))} published figures are met"
            + (f"; not met: {listed(off)}." if off else ".")
            + " The rows were made to meet them, so this proves nothing." * synthetic)


def agrees(row):
    """Whether rows meet a printed figure: about, to half a unit of its last digit; else to two."""
    value, unit = row["value"], 0.01
    if abs(value) >= 1:
        unit = 10.0 ** max(0, math.floor(math.log10(abs(value))) - 2)
    low, high = {"at_least": (0, math.inf if unit == 1 else 2), "about": (-0.5, 0.5),
                 "at_most": (-2, 0)}[row["how"]]
    return value + low * unit <= row["example"] <= value + high * unit


def queued(invest, labels):
    """What waits to be spent to save: of `Appraisal.invest`; labels by option."""
    return "\n".join(f"* **{labels[name]}**: {pounds(row['capital'])} of capital; " + (
            f"pays back in about {number(row['payback'])} years (half of the worlds sooner)"
            if math.isfinite(row["payback"]) else "in half of the worlds it never pays back")
        + f"; chance that it is worth its cost: {chance(row['chance'])}."
        for name, row in invest.iterrows())


def allocated(budgets, split):
    """How the boards share their budget; split: not empty where the weights are invented."""
    high, low = budgets.idxmax(), budgets.idxmin()
    return (f"The {count(len(budgets))} boards share £{number(budgets.sum())} a year, from "
            f"£{number(budgets[low])} ({low}) to £{number(budgets[high])} ({high}). The budgets "
            "add to the total to the penny." + (
                " **The weights are illustrative:** they were invented so that the sharing can be "
                "shown, and are for the council to replace.") * bool(split))


def sways(moves):
    """Which weight moves most money between boards, title first: of `boards.sensitivity`."""
    own = {(board, at): moves.at[(board, at), board] for board, at in moves.index}
    (board, at), value = max(own.items(), key=lambda item: abs(item[1]))
    return (f"The weight of {board} moves most: at its {at} value that board has "
            f"{pounds(value)} {'more' if value > 0 else 'less'} a year, and the others share the "
            "difference.") if value else "No weight has a range: nothing moves."


def reached(reach, further, market, decides, total="All boards"):
    """How many programmes the budgets buy as now, and on the proposal; market: with its labels."""
    labels, route = market.labels, market.proposal
    now, row, new = reach.loc[(total, market.reference)], further.loc[route], lower(labels[route])
    text = (f"Bought with {lower(labels[market.reference])}, the budgets pay for about "
            f"{number(now['mean'])} programmes a year (8 chances in 10: "
            f"{span(now['p10'], now['p90'], number)}).")
    ends = f"8 chances in 10 are {_programmes(row['p10'])} to {_programmes(row['p90'])}"
    if not decides:
        return f"{text} **The evidence does not decide whether {new} reaches further:** {ends}."
    clear = measured(row["mean"], row["error"])
    return f"{text} With {new}: {_programmes(row['mean']) if clear else SAME} ({ends})."


def _programmes(more):
    size = number(abs(more), int(more != round(more)))
    return "no more" if not size.strip("0.") else f"{size} {'more' if more > 0 else 'fewer'}"


def left_out(read):
    """Rows that could not be used, by file: {part: Listing}."""
    rows = {part: listing.totals["rows"] for part, listing in read.items()}
    return " ".join(f"Of {count(row['read'])} rows of the {FILES[part]}, "
                    f"{count(row['unusable']) if row['unusable'] else 'none'} left out."
                    for part, row in rows.items())


def limits(have, synthetic, boards):
    """What this cannot tell, as points of a list."""
    if not (have or boards):
        return "Without a register, payments or a shared budget it tells nothing of contracts."
    points = ["Invented rows show the form of the answer, not the answer."] * synthetic
    points += ["A register shows what was agreed, payments what was paid; neither whether children "
               "did well."] * bool(have)
    points += ["A contract with no replacement on the register may have one in preparation."
               ] * ("register" in have)
    points += ["The law is read for flags. Whether a purchase is lawful is for legal advice."
               ] * ("spend" in have)
    points += ["Every board is taken to buy the same mix of programmes."] * bool(boards)
    return "\n".join(f"* {text}" for text in points)
