"""Sentences on a market: which route costs less, how sure that is, and what it depends on.

Frames are those of `market.outcomes` and `market.evidence`, money GBP a year. A saving is positive
where a route costs less than the reference; a difference by cause is positive where it costs more.
`label` and `against` are what route and reference are called in print, `labels` those of all.
"""

import math

import numpy as np

from sufficiency.report import tables
from sufficiency.report.words import chance, listed, money, number, percent

SAME = "no clear difference"
# A share that differs by less than a point is said to be the same
POINT = 0.01


def lower(label):
    """A label inside a sentence; initials keep their capitals: DPS."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def upper(text):
    """A text that begins a sentence or a row."""
    return text[:1].upper() + text[1:]


def pounds(value, error=0.0):
    """GBP without its sign to three figures, or no finer than its Monte Carlo error: £12,300."""
    size = abs(value)
    if size < 0.5:
        return "£0"
    lead = math.floor(math.log10(size))
    step = max(lead - 2, math.ceil(math.log10(error) - 1e-9) if error else lead - 2)
    step = 10.0 ** min(step, lead)
    return money(round(size / step) * step, step)


def measured(saving, error=0.0):
    """Whether a mean saving is more than twice its Monte Carlo error from nought."""
    return abs(saving) > 2 * error


def cost(saving, error=0.0):
    """A mean saving as a cost against the reference: £12,300 less, £4,000 more."""
    if not measured(saving, error):
        return SAME
    return f"{pounds(saving, error)} {'less' if saving > 0 else 'more'}"


def between(low, high, error=0.0):
    """A range of savings, low to high, as costs: £3,000 more to £30,000 less."""
    near, far = pounds(low, error), pounds(high, error)
    if low < 0 < high:
        return f"{near} more to {far} less"
    (near, far), way = ((near, far), "less") if low >= 0 else ((far, near), "more")
    return f"{'about ' if near == far else f'{near} to '}{far} {way}"


def worlds(share):
    """A share of simulated worlds: 7 of 10."""
    return chance(share).replace(" in ", " of ")


def verdict(label, row, decides, against):
    """What may be said of a route's cost, as a headline; row of by_route."""
    if not decides:
        return f"The evidence does not decide whether {lower(label)} costs less than {against}"
    if not measured(row["saving"], row["error"]):
        return f"There is {SAME} in cost between {lower(label)} and {against}"
    return f"{label} would cost {_yearly(row['saving'], row['error'])} than {against}"


def _yearly(saving, error):
    return cost(saving, error).replace(" ", " a year ", 1)


def headline(label, row, evidence, switching, against):
    """The answer: a saving with its range, or what would have to be true for there to be one.

    row of by_route; evidence: its row, share and decides; switching: frame as for `needs`.
    """
    said = f"**{verdict(label, row, evidence['decides'], against)}.**"
    if evidence["decides"]:
        return (f"{said} Range, 8 chances in 10: {between(row['p10'], row['p90'], row['error'])}. "
                f"In {worlds(row['chance'])} simulated worlds it saves.")
    weak = f"{percent(min(evidence['share'], 1.0), 0)} of the doubt comes from figures that are " \
        "borrowed, judged or illustrative" if evidence["share"] > 0.5 else \
        "It rests on figures that are borrowed, judged or illustrative"
    return f"{said} {weak}, so no saving is claimed. {needs(switching, row['saving'] > 0)}"


def figure(value, unit):
    """A value of an assumption with its unit: 42%, 14 months, £40 an hour."""
    if unit in ("share", "ratio") or unit.startswith("share/"):
        return percent(value, 0 if abs(value) >= 0.1 or 100 * value == round(100 * value) else 1)
    if unit.startswith("GBP"):
        return money(value) + "".join(f" {'an' if part == 'hour' else 'a'} {part}"
                                      for part in unit.split("/")[1:])
    whole = abs(value) >= 10 or value == round(value)
    return f"{number(value, 0 if whole else 1)} {unit.replace('/', ' a ')}"


def turning(row):
    """One row of a switching frame: above 42%; or costs more throughout."""
    if row["value"] is None or not np.isfinite(row["value"]):
        return row["says"].replace("costs ", "costs more ")
    return f"{row['says'].removeprefix('saves ')} {figure(row['value'], row['unit'])}"


def needs(switching, saves):
    """What alone turns a route's mean saving, or its cost, round: points of a list.

    switching by assumption label: value, says (of `evidence.switching`), unit, central, low, high.
    saves: whether it saves as assumed.
    """
    turns = switching["value"].notna()
    now, then = ("less", "more") if saves else ("more", "less")
    side = {"saves above": "below", "saves below": "above"} if saves else {
        "saves above": "above", "saves below": "below"}
    start = f"On central assumptions it would cost {now}."
    said = [f"* **{upper(name)}** {side[row['says']]} {figure(row['value'], row['unit'])}, not "
            f"{figure(row['central'], row['unit'])}" for name, row in switching[turns].iterrows()]
    others = [lower(name) for name in switching.index[~turns]]
    if not said:
        return (f"{start} No single figure that was tried would make it cost {then}.\n\n"
                f"Tried: {listed(others)}.")
    said += ["", f"Tried, and would not: {listed(others)}."] if others else []
    alone = "Any one of these alone" if turns.sum() > 1 else "This alone"
    return "\n".join([f"{start} {alone} would make it cost {then}:", "", *said])


def beat(found, evidence, labels, reference):
    """Which routes can beat the reference, by how much and how likely, a point a group.

    evidence by route; a route that is not in it is undecided.
    """
    others = found.drop(reference).sort_values("saving", ascending=False, kind="stable")
    known = evidence["decides"].reindex(others.index, fill_value=False).astype(bool)
    seen, saves = measured(others["saving"], others["error"]), others["saving"] > 0
    against, parts = lower(labels[reference]), []
    for head, here, sized in ((f"Cheaper on average than {against}", known & seen & saves, True),
                              (f"Dearer on average than {against}", known & seen & ~saves, True),
                              (upper(SAME), known & ~seen, False),
                              ("The evidence does not decide", ~known, False)):
        said = [f"    * {upper(labels[name])}: "
                + f"{cost(row['saving'], row['error'])} on average; " * sized
                + f"{between(row['p10'], row['p90'], row['error'])}; saves in "
                f"{worlds(row['chance'])} worlds" for name, row in others[here].iterrows()]
        parts += [f"* **{head}:**", *said] if said else []
    return "\n".join(parts)


def depends(tornado, wanted=3):
    """What moves a saving most: rows of `evidence.influence`, and what alone turns it."""
    top = tornado.iloc[:wanted]
    if not len(top):
        return "No assumption alone stands out from chance in what it does to the difference."
    said = [f"{lower(row.label)} ({pounds(row.high - row.low)} a year" + (
        " between its low and its high)" if at == 0 else ")") for at, row in enumerate(
            top.itertuples())]
    turns = [lower(row.label) for row in top.itertuples() if row.crosses_zero]
    alone = "Each of these alone" if len(turns) == len(top) > 1 else f"Alone, {' or '.join(turns)}"
    alone = f" {alone} can change which costs less." if turns else ""
    return f"The difference depends most on {listed(said)}.{alone}"


def able(shares, labels):
    """How many could serve, in lots with least choice and most: frame by lot, none to three."""
    two = shares.iloc[:, 2:].sum(axis=1)
    ends = [f"{percent(two[lot], 0)} ({lower(labels[lot])})"
            for lot in (two.idxmin(), two.idxmax())]
    return (f"Two or more providers could serve {' to '.join(dict.fromkeys(ends))} of requests. "
            "For the rest no route can make providers compete.")


def each(says, labels):
    """Each route in a sentence, as points of a list."""
    return "\n".join(f"* **{label}.** {' '.join(says[name].split())}"
                     for name, label in labels.items() if name in says)


def joining(label, row, fails=0.0):
    """How many are expected on a list, and the chance that nothing is awarded."""
    said = f"By the end {number(row['members'])} providers are expected on the list."
    return said + (f" The chance that nothing is awarded is {chance(fails)}." if fails else "")


def displaced(found, route, reference, labels):
    """Local and small providers' share of new spending, against the reference."""
    parts = [f"{name} providers {percent(share, 0)} ({_points(share - found.at[reference, name])})"
             for name, share in found.loc[route, ["local", "small"]].dropna().items()]
    return (f"Of new spending on {lower(labels[route])}, compared with "
            f"{lower(labels[reference])}: {listed(parts or ['none with a provider'])}.")


def _points(change):
    if abs(change) < POINT:
        return "no clear change"
    size = round(100 * abs(change))
    return f"{size} {'point' if size == 1 else 'points'} {'more' if change > 0 else 'less'}"


def service(found, route, reference, labels):
    """Days, distance and places not found, as changes from the reference; blanks are left out."""
    forms = {"days": (1, "takes {} longer to place", "takes {} less to place", "day"),
             "distance": (1, "is served {} farther away", "is served {} nearer", "mile"),
             "unplaced": (100, "is {} likelier to find no place",
                          "is {} less likely to find no place", "percentage point")}
    said = []
    for name, (times, more, less, unit) in forms.items():
        change = times * (found.at[route, name] - found.at[reference, name])
        size = round(abs(change)) if math.isfinite(change) else 0
        said += [(more if change > 0 else less).format(f"{size} {unit}{'s' * (size > 1)}")
                 ] if size else []
    said = listed(said) if said else f"has {SAME} in days, distance and places not found"
    return f"With {lower(labels[route])}, against {lower(labels[reference])}, a request {said}."


def causes(difference, error=0.0, wanted=5):
    """What a difference is made of, widest first: a Series by cause; error, by cause or of the sum.

    Left out: causes under a twentieth of the widest, or within twice their error.
    """
    wide = difference.abs() > np.maximum(2 * error, 0.05 * difference.abs().max())
    kept = difference[wide].sort_values(key=abs, ascending=False)[:wanted]
    said = [f"{name} {cost(-value)}" for name, value in kept.items()]
    return listed(said) if said else SAME


def widest(difference):
    """The widest cause, for a title: price agreed, £12,300 a year less."""
    name = difference.abs().idxmax()
    return f"{upper(name)} is the largest cause: {_yearly(-difference[name], 0.0)}"


def ideal(label, difference, against, error=0.0, decides=True):
    """What remains of the advantage with no premium, everyone steered and officers free.

    difference: Series by cause in that case; error, of its sum.
    """
    said, total = "With no premium, everyone steered and officers free", -difference.sum()
    said += "" if decides else ", and if the other assumptions held"
    if not measured(total, error):
        return f"{said}, there is {SAME} between {lower(label)} and {against}."
    held = "keeps an advantage" if total > 0 else "has no advantage left"
    return (f"{said}, {lower(label)} {held}: it costs {_yearly(total, error)} than {against}. By "
            f"cause: {causes(difference, error)}.")


def unlisted(found, route, others, labels):
    """Whether a route without a list does as well: found of by_route; others: their names."""
    if not others:
        return ""
    best = found.loc[others, "saving"].idxmax()
    gap = found.at[best, "saving"] - found.at[route, "saving"]
    error = math.hypot(found.at[best, "error"], found.at[route, "error"])
    start = f"On these assumptions {lower(labels[best])}, which needs no list, costs"
    if not measured(gap, error):
        return f"{start} about as much as {lower(labels[route])}."
    end = ": what is gained by comparing prices is not a framework's own." if gap > 0 else "."
    return f"{start} {_yearly(gap, error)} than {lower(labels[route])}{end}"


def funds(label, fees, rest, against, error=0.0):
    """Who gains and who loses: savings a year in fees, and in officers, tenders and transport."""
    return (f"If the assumptions held, {lower(label)} against {against}: fees "
            f"{_yearly(fees, error)}; officers, tenders and transport, which other funds pay, "
            f"{_yearly(rest, error)}.")


def block(lot, found, by_case=False):
    """The best size of a block of a lot and its flat region: of `outcomes.best_block`."""
    unit, flat = "cases a year" if by_case else "places", sorted(found.flat)
    if 0 in flat:
        return (f"{lot}: no number of reserved {unit} is measurably cheaper than none (the least "
                f"mean cost is at {number(found.best)}).")
    wide = "no other size tried is within 1% of it" if len(flat) == 1 else \
        f"any from {number(flat[0])} to {number(flat[-1])} costs within 1% of it"
    return f"{lot}: the cheapest block is {number(found.best)} {unit}; {wide}."


def seen(rows, first, other):
    """How often two routes of an event table (columns by label) end with the same provider."""
    ends = [rows[name].str.split(",").str[0] for name in (first, other)]
    return (f"Of the {len(rows)} requests shown, {int((ends[0] == ends[1]).sum())} end with the "
            "same provider on both routes.")


def ranges(found, labels, reference):
    """Every route's mean and range against the reference, for an alternative text."""
    return "; ".join(f"{lower(labels[name])} {cost(row['saving'], row['error'])}, "
                     f"{between(row['p10'], row['p90'], row['error'])}"
                     for name, row in found.drop(reference).iterrows()) + "."


def swings(tornado, wanted=10):
    """The widest rows of a tornado as costs, for an alternative text."""
    return "; ".join(f"{lower(row.label)} {between(*sorted((row.low, row.high)))}"
                     for row in tornado.iloc[:wanted].itertuples()) + "."


def doubt(evidence, labels, guesses=0):
    """Weak figures' part of the doubt; evidence by route: share, low, high, decides.

    guesses: how many illustrative figures have no range, so that their doubt is not counted; with
    any of these nothing is decided.
    """
    share, known = evidence["share"], int(evidence["decides"].astype(bool).sum())
    span = " to ".join(dict.fromkeys(percent(end, 0) for end in (share.min(), share.max())))
    said = (f"Weak figures make {span} of the doubt (variance), by route. The evidence decides for "
            f"{known or 'none'} of {len(evidence)} routes.")
    return said + (f" {guesses} illustrative figures have no range: their doubt is not counted, "
                   "and nothing is decided while they stand.") * bool(guesses)


def first(tornado):
    """What moves the difference most, for a title."""
    return f"{upper(tornado['label'].iloc[0])} moves the difference most"


def deficit(label, less, against, decides=True):
    """What a route takes off the deficit in the same worlds: less (draw,) GBP; None says why not.
    """
    if less is None:
        return "The case has no high needs account that these purchases bear on."
    less = np.asarray(less, float)
    low, high = (float(x) for x in tables.quantiles(less, [0.1, 0.9]))
    error, held = less.std() / len(less) ** 0.5, "" if decides else "if the assumptions held, "
    change = cost(less.mean(), error)
    found = f"there is {SAME} in the high needs deficit" if change == SAME else \
        f"the high needs deficit would be {change}"
    said = upper(f"{held}with {lower(label)} instead of {against}, {found}")
    return (f"{said} (8 chances in 10: {between(low, high, error)}). Fees alone: "
            "officers, tenders and transport are paid by other funds.")


def limits(evidence):
    """What this cannot tell, as points of a list; evidence by route."""
    weak = int((evidence["share"] > 0.5).sum())
    points = [f"For {weak} of {len(evidence)} routes, weak figures make more than half of the "
              "doubt: better records would tell more than more worlds."] if weak else []
    points += ["Providers are simulated: how real ones would answer a list is an assumption.",
               "What children gain from a place is not valued; quality is a score, not an outcome.",
               "The law is read for flags. Whether a purchase is lawful is for legal advice."]
    return "\n".join(f"* {text}" for text in points)
