"""Sentences on an appraisal: what may be recommended, how sure that is, what would change it.

Frames are those of `run.appraisal.Appraisal`, money present GBP; a saving is positive where an
option costs less than the reference. `names` are options as they stand in a sentence: see `inside`.
"""

import math

from sufficiency.model.appraisal.influence import REMAINDER
from sufficiency.report.market_words import (
    SAME,
    between,
    cost,
    figure,
    lower,
    measured,
    pounds,
    upper,
    worlds,
)
from sufficiency.report.paper_words import rounded
from sufficiency.report.words import count, listed, number, percent, span

# Where a figure, a weight or a score comes from, in a sentence
FROM = {"published": "published", "council": "the council's own", "proxy": "borrowed",
        "judgement": "a judgement", "illustrative": "invented"}
# How bad a colour is
RANKS = {"green": 0, "amber": 1, "red": 2}
# A weight this near to none or all says nothing; from MOST sets of weights an option leads
NEAR, MOST = 0.005, 0.5
WITHIN = "Within its range (8 chances in 10) no single assumption that was tried"


def inside(labels, reference):
    """Options as they stand in a sentence; the reference in quotes, as it may begin with a verb."""
    return {name: f"“{label}”" if name == reference else lower(label)
            for name, label in labels.items()}


def points(said):
    """Points of a list, apart from what stands before."""
    return "\n\n" + "\n".join(f"* {text}" for text in said)


def averages(summary):
    """What options cost on average, least to most, as a title."""
    ends = [rounded(end) for end in (summary["mean"].min(), summary["mean"].max())]
    return f"Options cost {' to '.join(dict.fromkeys(ends))} on average, each with a wide range"


# What may be recommended

def cheapest(summary, evidence, reference):
    """The choice of least mean cost; whether the evidence decides about it, and about every one.

    summary by option, probability_best nan for one that is no choice; evidence by choice.
    """
    choices = summary.index[summary["probability_best"].notna()]
    best, known = summary.loc[choices, "mean"].idxmin(), evidence["decides"].astype(bool)
    every = bool(known[known.index.isin(choices)].all())
    return best, every if best == reference else bool(known.get(best, False)), every


def verdict(summary, evidence, names, reference):
    """Which option costs least, if that may be said, as a headline."""
    best, known, every = cheapest(summary, evidence, reference)
    row = summary.loc[best]
    if not known:
        return "The evidence does not decide which option costs least"
    if best == reference or not measured(row["saving"], row["saving_error"]):
        return f"No option is clearly cheaper than {names[reference]}"
    return f"{upper(names[best])} costs {'least' if every else f'less than {names[reference]}'}"


def recommended(summary, evidence, names, reference, proposal=""):
    """What may be recommended for its cost, and why no more."""
    best, known, every = cheapest(summary, evidence, reference)
    said = verdict(summary, evidence, names, reference)
    if not known:
        return f"**{said}, so none can be recommended for its cost.** {doubted(evidence)}"
    clear = best != reference and "clearly" not in said
    found = [f"**{said}{', and can be recommended for it' * clear}.**"]
    if not every:
        found.append(f"Whether others cost less still is not decided. {doubted(evidence)}")
    if proposal not in ("", best):
        error = math.hypot(*summary.loc[[best, proposal], "saving_error"])
        gap = summary.at[proposal, "saving"] - summary.at[best, "saving"]
        dearer = f"{cost(gap, error)} than" if measured(gap, error) else "about as much as"
        found.append(f"The proposal, {names[proposal]}, costs {dearer} {names[best]}.")
    return " ".join(found)


def doubted(evidence):
    """How much of the doubt weak figures make; evidence by choice: share, decides."""
    share, known = evidence["share"].astype(float), int(evidence["decides"].astype(bool).sum())
    ends = " to ".join(dict.fromkeys(percent(min(end, 1), 0) for end in (share.min(), share.max())))
    held = "" if known or share.max() > 0.5 else " Figures invented without a range are not in it."
    return (f"Figures that are borrowed, judged or invented make {ends} of the doubt about what "
            f"options save; the evidence decides for {known or 'none'} of {len(share)}.{held}")


def costed(summary, shown, names, reference, years, prices):
    """What the reference costs, and options shown against it, each with its range: a point each."""
    now = summary.loc[reference]
    said = [f"**{upper(names[reference])}** has a net present cost of {_ranged(now)} over {years}, "
            f"at {prices} prices." + (f" {lost(now)}" if reference in shown else "")]
    for name in dict.fromkeys(name for name in shown if name != reference):
        row, error = summary.loc[name], summary.at[name, "saving_error"]
        than = cost(row["saving"], error).replace(SAME, "about as much")
        ends = between(row["saving_p10"], row["saving_p90"], error)
        said.append(f"**{upper(names[name])}**, on the figures assumed, costs {than} (8 chances in "
                    f"10: {ends}). {lost(row)}")
    return said


def _ranged(row):
    return (f"{rounded(row['mean'])} (8 chances in 10: "
            f"{span(row['p10'], row['p90'], lambda end: rounded(end, row['error']))})")


def lost(row):
    """How often an option is the cheapest choice, and how much dearer than it where it is not."""
    if math.isnan(row["probability_best"]):
        return "It cannot be chosen."
    said = f"It is the cheapest in {worlds(row['probability_best'])} worlds"
    more = pounds(loss(row), row["saving_error"] or row["error"])
    return said + (f"; in the others it costs {more} more than the cheapest on average."
                   if row["probability_best"] < 0.99 else ".")


def loss(row):
    """Mean GBP above the cheapest in worlds where an option is not the cheapest; row of summary."""
    return row["expected_loss"] / max(1 - row["probability_best"], 1e-9)


def weighed(ranking, anyhow, ordered, weights, names, proposal=""):
    """What may be recommended with cost and the rest weighed together.

    ranking: of `Weighed.ranking`; anyhow, ordered (choice,): share of sets of weights, of any and
    of those in the order of the case, that put a choice first.
    """
    best, *others = ranking.index
    if min(anyhow[best], ordered[best]) >= MOST:
        end = ("**; the weights are invented, for members to set." if set(weights["quality"]) == {
            "illustrative"} else ", and can be recommended for it**, if members accept the scores.")
        said = (f"**Weighed with what else counts, {names[best]} comes first in "
                f"{worlds(anyhow[best])} sets of weights{end}")
    else:
        said = ("**Weighed with what else counts, no option is clearly ahead: it depends on what "
                "members hold important.**")
    parts = [f"{names[best]} comes first with {number(ranking.at[best, 'score'])} points of 100"]
    parts += [f"then {names[name]} with {number(ranking.at[name, 'score'])}" for name in others[:1]]
    said += f" With the weights used here ({_given(weights)}), {', '.join(parts)}."
    if proposal in anyhow.index and proposal != best:
        said += (f" The proposal, {names[proposal]}, comes first in {worlds(anyhow[proposal])} "
                 "sets of weights.")
    return said


def firsts(anyhow, ordered, names):
    """Who comes first in most sets of weights: of any, and of those in the order of the case."""
    one, two = anyhow.idxmax(), ordered.idxmax()
    return (f"{upper(names[one])} comes first in {worlds(anyhow[one])} sets of weights; where the "
            f"order given is kept, {'it' if one == two else names[two]} does in "
            f"{worlds(ordered[two])}.")


def _given(weights):
    found = [FROM[quality] for quality in dict.fromkeys(weights["quality"])]
    return f"{listed(found)}, for members to set"


def unable(failed):
    """Options that cannot be chosen, and why, a point a reason: of `Costed.failed`."""
    return [f"**{listed(list(rows['label']))}** cannot be chosen: “{factor}” is not met. "
            f"{upper(why)}." for (factor, why), rows in failed.groupby(["factor", "why"],
                                                                       sort=False)]


def barred(failed):
    """Options that cannot be chosen, as one point without its reasons."""
    labels = dict.fromkeys(failed["label"])
    return [f"Cannot be chosen, for reasons given below: {listed([f'“{one}”' for one in labels])}."
            ] if labels else []


# What would change it

def turned(robust, switching, row, name, names, reference, wanted=6):
    """What alone would turn the recommendation: a point each, values first, then weights.

    robust: of `Appraisal.robust`; switching as for `market_words.needs`, empty where not sought;
    row: the option's, of `Appraisal.summary`. Where the two cost about as much no value is named.
    """
    saves, turns = row["saving"] > 0, _turns(robust, switching)
    side = {"saves above": "below", "saves below": "above"} if saves else {
        "saves above": "above", "saves below": "below"}
    values = [f"**{upper(label)}** {side[one['says']]} {_value(one)}, not "
              f"{figure(one['central'], one['unit'])}" for label, one in turns.items()]
    end = f"cost {'more' if saves else 'less'} than {names[reference]}"
    if values and not measured(row["saving"], row["saving_error"]):
        said = (f"{upper(names[name])} and {names[reference]} cost about as much on average, so "
                f"many figures alone can turn which is cheaper: most of all {_first(turns)}.")
    elif values:
        said = f"Any one of these alone would make {names[name]} {end}:{points(values[:wanted])}"
    else:
        said = f"{WITHIN} would make {names[name]} {end}."
    weights = [f"**{upper(one['label'])}** {percent(one['value'], 0)} of the weight, not "
               f"{percent(one['weight'], 0)}: {names[one['option']]}"
               for one in robust if one["kind"] == "weight" and NEAR < one["value"] < 1 - NEAR]
    return said + (f"\n\nWith one weight changed alone, another option would come first:"
                   f"{points(weights)}" if weights else "")


def _first(turns, wanted=3):
    return listed([lower(label) for label in list(turns)[:wanted]])


def _turns(robust, switching):
    """Assumptions that turn a saving, by label: sought by simulation, else in a straight line."""
    found = dict(switching.dropna(subset="value").iterrows()) if len(switching) else {}
    return found | {one["label"]: one for one in robust
                    if one["kind"] == "assumption" and one["label"] not in switching.index}


def _value(row):
    return f"{'about ' * ('kind' in row)}{figure(float(row['value']), row['unit'])}"


def explained(shares, option, reference, wanted=3):
    """What the doubt about a saving goes with: of `influence.shares`."""
    known, rest = shares.drop(REMAINDER), percent(shares["share"].clip(0, 1)[REMAINDER], 0)
    top = known[known["share"] > 2 * known["error"]].iloc[:wanted]
    parts = [f"{percent(row.share, 0)} goes with {lower(row.label)} ({FROM[row.quality]})"
             for row in top.itertuples()] or ["nothing stands out"]
    return (f"Of the doubt about {option} against {reference}, {listed(parts)}; {rest} is other "
            "figures, figures acting together, and luck.")


def finding(evppi, evpi, wanted=3):
    """What finding out an assumption first is worth, at most; of `Appraisal.evppi`, `evpi`."""
    clear = evppi[evppi["value"] > 2 * evppi["error"]].iloc[:wanted]
    end = f" Knowing everything, luck too, would be worth {pounds(evpi)}: nobody can." if \
        evpi >= 0.5 else ""
    if not len(clear):
        return ("Finding out any one figure first has no clear worth: it would seldom change which "
                f"option is cheapest.{end}")
    said = listed([f"{lower(row.label)} (up to {pounds(row.value, row.error)})"
                   for row in clear.itertuples()])
    return (f"Worth finding out first: {said}. To spend more than that on finding out "
            f"would not pay by its effect on cost; what a study would cost is not known.{end}")


def regretted(regret, minimax, name, names):
    """The choice whose worst shortfall over the states is least; regret: choice x state."""
    said = (f"Over these states the smallest worst shortfall is that of {names[minimax.option]}: "
            f"{_worst(regret.loc[minimax.option])}.")
    if name in regret.index and name != minimax.option:
        said += f" That of {names[name]} is {_worst(regret.loc[name])}."
    return said


def _worst(row):
    if row.max() < 0.5:
        return "none, as it is the cheapest in all of them"
    return f"{pounds(row.max(), min(row.max(), 1e3))} (“{upper(row.idxmax())}”)"


def risked(risks, proposal):
    """How the proposal, or what is done, moves the risks; sides without a colour are left out."""
    known = risks[(risks["without"] != "") & (risks["with"] != "")]
    moved = known["with"].map(RANKS) - known["without"].map(RANKS)
    less, new = int((moved < 0).sum()), len(risks) - len(known)
    what = "proposed" if proposal else "done about them"
    said = [f"With what is {what} {count(less) if less else 'none'} of {count(len(risks))} risks "
            f"{'is' if less == 1 else 'are'} rated lower."]
    for head, some in (("Rated higher", known["risk"][moved > 0]),
                       ("Red with it", risks.loc[risks["with"] == "red", "risk"])):
        said += [f"{head}: {listed([lower(text) for text in some])}."] if len(some) else []
    return " ".join(said + [f"{count(new)} rated on one side only."] * bool(new))


def discounted(rate, prices):
    """The discount rate, where it comes from and whether it is in force; an Assumption."""
    note = f" {rate.note.removesuffix('.')}." if rate.note else ""
    return (f"Net present cost: real pounds at {prices} prices, each year after the first "
            f"discounted at {percent(rate.central_value())} a year ({rate.source}).{note}")


def invested(invest, names):
    """What options that spend to save cost, bring and how likely they pay: a point each."""
    said = []
    for name, row in invest.iterrows():
        back = f"pays back in about {number(row['payback'])} years" if math.isfinite(
            row["payback"]) else "in half of the worlds or more never pays back"
        ends = span(row["npv_p10"], row["npv_p90"], rounded)
        said.append(f"**{upper(names[name])}** needs {pounds(row['capital'])} of capital with "
                    f"optimism bias and {back}. Over its life it is worth {ends} (8 chances in "
                    f"10), and more than it costs in {worlds(row['chance'])} worlds.")
    return points(said).lstrip()


def limits(evidence, last, owns=False):
    """What this cannot tell, as points of a list; owns: whether an option spends capital."""
    weak = int((evidence["share"] > 0.5).sum())
    said = [f"For {count(weak)} of {count(len(evidence))} options weak figures make more than half "
            "of the doubt: better records would tell more than more worlds."] if weak else []
    said += ["Chances are shares of simulated worlds. What nobody put in, such as another option "
             "or a change in the law, is in none of them.",
             f"Costs and savings after {last} are not counted."
             + " Capital is credited with the part of its life that is left then." * owns,
             "What children and families gain or lose is in the scores, not in pounds; scores and "
             "weights are for members to set."]
    return points(said).lstrip()


def ranges(summary, names):
    """Every option's mean net present cost and range, for an alternative text."""
    return "; ".join(f"{names[name]} {_ranged(row)}" for name, row in summary.iterrows()) + "."


# What a headline rests on, and what would change it

def rests(tornado, wanted=3):
    """What a figure rests on: the widest rows of a tornado, and where each comes from."""
    said = [f"{lower(row.label)} ({FROM.get(row.quality, 'chance')})"
            for row in tornado.iloc[:wanted].itertuples()]
    return f"{upper(listed(said))}." if said else "No assumption that has a range stands out."


def swung(tornado, wanted=2):
    """What would change a figure: the widest rows of a tornado alone, GBP."""
    said = [f"{lower(row.label)}, {span(*sorted((row.low, row.high)), rounded)}"
            for row in tornado.iloc[:wanted].itertuples()]
    return f"One alone, from its low to its high: {'; '.join(said)}."


def turns(switching, robust=(), clear=True, wanted=3, pair=()):
    """What would turn a difference round, one assumption alone; as for `turned`.

    clear: whether the difference stands out from its sampling error; pair: names of the two.
    """
    found, which = _turns(robust, switching), f"of {listed(pair)} " if pair else ""
    if found and not clear:
        two = upper(listed(pair) if pair else "the two")
        return f"{two} cost about as much; most of all it turns on {_first(found)}."
    said = [f"{lower(label)} at {_value(one)} (assumed: {figure(one['central'], one['unit'])})"
            for label, one in list(found.items())[:wanted]]
    return f"Any of these alone turns which {which}costs less: {'; '.join(said)}." if said else \
        f"{WITHIN} turns which {which}costs less."
