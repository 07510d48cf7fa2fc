"""Frames of an appraisal for a reader: tables in words, charts in thousands or millions of pounds.

Frames are those of `run.appraisal.Appraisal`, as in `appraisal_words`; labels: options in print.
"""

import pandas as pd

from sufficiency.model.appraisal.influence import REMAINDER
from sufficiency.report import appraisal_words as said
from sufficiency.report import market_views
from sufficiency.report.market_words import between, cost, measured, pounds, upper, worlds
from sufficiency.report.paper import RATED
from sufficiency.report.paper_words import FUNDS, rounded
from sufficiency.report.positions import MEAN
from sufficiency.report.views import HIGH, LOW
from sufficiency.report.words import number, percent

# How an outcome of the market is said beside its score
FORMS = {"cost": rounded, "officer_cost": rounded, "quality": number, "hhi": number,
         "days": lambda value: f"{number(value, 1)} days",
         "distance": lambda value: f"{number(value, 1)} miles",
         "void_place_years": lambda value: number(value, 1),
         **dict.fromkeys(("unplaced", "local", "small", "registered", "top"), percent)}
FIRST = {"First, any weights": "%", "First, weights in this order": "%"}
DOUBT = {"Share of the doubt": "%", "Sampling error": "%"}


def answers(summary, evidence, labels, reference, proposal=""):
    """Every option that is costed: cost, difference, how often cheapest, and by how much it is not.

    The evidence has a column where it decides about some.
    """
    rows = []
    for name, row in summary.iterrows():
        mark, choice = " (proposed)" * (name == proposal), row["probability_best"] == row[
            "probability_best"]
        same = name == reference
        rows.append({
            "Option": labels[name] + mark,
            "Net present cost": rounded(row["mean"]),
            f"Against “{labels[reference]}”": "" if same else cost(
                row["saving"], row["saving_error"]),
            "8 chances in 10": "" if same else between(
                row["saving_p10"], row["saving_p90"], row["saving_error"]),
            "Cheapest in": f"{worlds(row['probability_best'])} worlds" if choice else
            "cannot be chosen" if same else "goes with any other",
            "Dearer by, where it is not": pounds(said.loss(row), row["saving_error"])
            if choice and row["probability_best"] < 1 else "",
            "Evidence": "" if same or name not in evidence.index else
            "decides" if evidence.at[name, "decides"] else "does not decide"})
    frame = pd.DataFrame(rows)
    return frame if evidence["decides"].any() else frame.drop(columns="Evidence")


def costs(summary, labels):
    """Net present cost and range of each option for `outlook.dots`: -> frame, its unit."""
    size, how = market_views.scale(summary["p90"].max())
    frame = pd.DataFrame({"low": summary["p10"], "high": summary["p90"], MEAN: summary["mean"]})
    return (frame / size).set_axis([labels[name] for name in summary.index]), how


def against(summary):
    """The savings of a summary under the columns of `market_words`."""
    less = [name for name in summary if name.startswith("saving_")]
    found = summary.drop(columns=["p10", "p90", "error"])
    return found.rename(columns={name: name.removeprefix("saving_") for name in less})


def saved(summary, labels, reference):
    """What each option saves, with its range, for `outlook.dots`: -> frame, its unit."""
    return market_views.saved(against(summary), labels, reference)


def funded(by_fund, labels):
    """Who pays for each option, £ thousand, a row an option, adding up."""
    frame = by_fund.T.rename(columns=lambda name: FUNDS.get(name, upper(name))) / 1e3
    more = {"All": frame.sum(axis=1)} if frame.shape[1] > 1 else {}
    return _by_option(frame.assign(**more), labels)


def yearly(by_year, labels):
    """Cash cost of each option by year, £ thousand, not discounted; what is no cash, last."""
    return _by_option(by_year.T.rename(columns=upper) / 1e3, labels)


def _by_option(frame, labels):
    frame = frame.set_axis([labels[name] for name in frame.index])
    return frame.rename_axis(index="Option", columns=None).reset_index()


def places(frame):
    """Decimals of a table of £ thousand."""
    numbers = frame.select_dtypes("number")
    return dict.fromkeys(numbers, int(numbers.abs().max(axis=None) < 100))


def scored(outcomes, scores, criteria, labels):
    """What each option does by each criterion, and, of a choice, its score of 100 in brackets."""
    shown, scores = {}, scores.reindex(outcomes.index)
    for name, about in criteria.items():
        form = FORMS.get(about.get("from"), number)
        shown[about["label"]] = [
            (form(value) if pd.notna(value) else "") + (
                f" ({number(score)})" if pd.notna(score) else "")
            for value, score in zip(outcomes[name], scores[name], strict=True)]
    return _by_option(pd.DataFrame(shown, index=outcomes.index), labels)


def weights(table):
    """The weights, always shown with what they rest on."""
    return pd.DataFrame({
        "Criterion": table["label"], "Points, worst to best": table["swing"].astype(float),
        "Weight": 100 * table["weight"].astype(float),
        "Rests on": [upper(said.FROM[one]) for one in table["quality"]],
        "Source": [row.source or row.note for row in table.itertuples()]}).reset_index(drop=True)


def ranking(table, first, ordered, labels):
    """Choices by weighted score, and how often each is first where weights are not known.

    first, ordered (choice,): shares of any sets of weights, and of those in the order given.
    """
    return _by_option(pd.DataFrame({
        "Points of 100": table["score"],
        **{head: 100 * share[table.index] for head, share in zip(FIRST, (first, ordered),
                                                                 strict=True)},
        "Another is as good or better on all": table["dominated"]}), labels)


def shares(table):
    """What the doubt about a saving goes with, per cent, with its standard error."""
    names = [upper(REMAINDER) if key == REMAINDER else row.label
             for key, row in zip(table.index, table.itertuples(), strict=True)]
    figures = (100 * table["share"].clip(0, 1), 100 * table["error"])
    return pd.DataFrame({"Assumption": names,
                         "It is": [said.FROM.get(one, "") for one in table["quality"]],
                         **dict(zip(DOUBT, figures, strict=True))}).reset_index(drop=True)


def finding(evppi):
    """What finding out each assumption first is worth, at most."""
    return pd.DataFrame([
        {"Assumption": row.label, "It is": said.FROM[row.quality],
         "Worth finding out, at most": pounds(row.value, row.error)
         if measured(row.value, row.error) else "no clear worth"} for row in evppi.itertuples()])


def regret(table, labels, shown):
    """By state: the cheapest choice, what those shown cost above it, £ thousand; the worst last.

    table: choice x state; shown: names of choices.
    """
    frame = table.loc[list(dict.fromkeys(shown))].T / 1e3
    frame.loc["The worst of these"] = frame.max()
    best = [labels[name] for name in table.idxmin()]
    frame.insert(0, "Cheapest", [*best, ""])
    frame = frame.rename(columns=labels, index=upper)
    return frame.rename_axis(index="State", columns=None).reset_index()


def sought(switching):
    """On which money switching values were sought: of `Appraisal.switching`."""
    own = switching["name"].str.contains(".", regex=False).any()
    return ("Sought on the mean net present cost." if own else "Sought on the mean yearly cost as "
            "the market has it, in money of the day and not discounted.")


def risks(table, proposal):
    """Risks without and with the proposal, or what is done about them, in words."""
    sides = {side: [RATED.get(one, "not rated") for one in table[side]]
             for side in ("without", "with")}
    return pd.DataFrame({
        "Risk": table["risk"], "Without the proposal" if proposal else "As it is":
        sides["without"], "With it" if proposal else "With what is done": sides["with"],
        "What is done about it": table["mitigation"],
        "Owner": table["owner"], "Source": table["source"]}).reset_index(drop=True)


def invested(invest, labels):
    """Options that spend to save: capital, payback, net present value and its range, £ thousand."""
    return _by_option(pd.DataFrame({
        "Capital": invest["capital"] / 1e3,
        "Pays back in": ["half or more never" if pd.isna(one) else f"{number(one)} years"
                         for one in invest["payback"]],
        "Net present value (middle)": invest["npv_p50"] / 1e3, LOW: invest["npv_p10"] / 1e3,
        HIGH: invest["npv_p90"] / 1e3,
        "More than it costs in": [f"{worlds(one)} worlds" for one in invest["chance"]]}), labels)


def results(summary, invest):
    """Every figure of every option, GBP, a row an option by its key: what headlines tie to."""
    found = summary.assign(loss=[said.loss(row) for _, row in summary.iterrows()])
    return found.join(invest.drop(columns="chance", errors="ignore")).rename_axis(
        "option").reset_index()


def cell(option, column):
    """Where the results of options say a headline's figure."""
    return {"table": "appraisal_results.csv", "where": {"option": option}, "column": column}
