"""The facts of a paper, gathered from a study and what its notebooks said."""

import json
from itertools import zip_longest

import pandas as pd

from sufficiency.case.law import read_law
from sufficiency.case.procurement import position
from sufficiency.report import tables, views
from sufficiency.report.market_words import lower
from sufficiency.report.paper import LIMITS, Facts
from sufficiency.report.procurement_words import aggregation
from sufficiency.run import procurement

# Assumptions that the paper ranks, and that a figure rests on; the evidence has all.
MOST, FIRST = 15, 3


def gather(study, run):
    """The Facts of a run's paper; run: its folder, with exempt/said/<notebook>.json of `shown`."""
    case, given = study.case, study.parameters
    said = [_said(run / "exempt" / "said" / f"{name}.json")
            for name in case.value("annex.notebooks")]
    heads = {head["key"]: {**head, "evidence": number, "rests": head["rests"] or _rests(case, one)}
             for number, one in enumerate(said, 1) for head in one.get("headlines", ())}
    rankings = [ranking for one in said for ranking in one.get("influence", ())]
    ranked, assumed = _assumed(case.log(), rankings)
    verified = (
        f"Run {study.run_id}: inputs, sources, seed {given.seed} and {given.draws:,} simulated "
        "worlds are on record; the same inputs give the same figures.",
        "Every input was checked for unit, range, date, source and quality when the case was "
        "read.")
    more = _law(study)
    if case.value("appraisal.options", None):
        more |= _appraised(study.appraisal)
    sums = (*_boards(study), *more.pop("sums", ()))
    return Facts(
        council=case.value("council.name"), title=case.title, as_at=case.as_at,
        decision=case.value("annex.decision", "note"), paper=case.value("paper", {}),
        happened=tuple(case.value("happened", [])), headlines=tuple(heads.values()),
        assumptions=assumed, ranked=ranked, verified=verified, sums=sums,
        sources=_sources(case), known_by=case.known_by, provenance=study.provenance(),
        limits=tuple(dict.fromkeys([*(x for one in said for x in one.get("limits", ())), *LIMITS])),
        exempt=case.value("annex.exempt"), **more)  # fmt: skip


def _said(path):
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _rests(case, one):
    """The assumptions that move a notebook's first outcome most, with their quality."""
    keys = [key for ranking in one.get("influence", ())[:1] for key in ranking["keys"]
            if key in case][:FIRST]
    return "; ".join(f"{lower(case[key].label or key)} ({case[key].quality})" for key in keys)


def _assumed(log, rankings):
    """Keys of several rankings, the first of each first, and the frame of them for a reader."""
    pairs = [pair for row in zip_longest(*([(key, one["of"]) for key in one["keys"]]
                                           for one in rankings)) for pair in row if pair]
    moves = {}
    for key, of in pairs:
        moves.setdefault(key, []).append(of)
    frames = [views.assumptions(log, [key]).assign(Moves="; ".join(dict.fromkeys(of)))
              for key, of in list(moves.items())[:MOST]]
    return tuple(moves), pd.concat(frames, ignore_index=True) if frames else None


def _law(study):
    """The legal position in full; where routes are compared, sums against their threshold in a
    sentence too, and of the routes the flags and what is blank.
    """
    case = study.case
    found = position(read_law(study.root), case.as_at, case.known_by or None)
    compared = {"03_framework_vs_spot", "04_options_appraisal"} & {*case.value("annex.notebooks")}
    if not (compared and case.value("market.lots", None)):
        return {"findings": tuple(found)}
    rules, together, threshold = procurement.legal(study.market)
    rest = (*rules, *together.findings[len(together.tests):])
    return {"findings": (*found, *(one for one in rest if one.kind != "rule")),
            "law_note": aggregation(together, threshold, f"{case.as_at:%Y-%m}")}


def _boards(study):
    """What locality boards have, and the budget they share: it must tie to the penny."""
    if not study.case.value("contracts.boards.weights", None):
        return ()
    total = study.case["contracts.boards.total"].central_value()
    return (("Budgets of the boards", study.contracts.budgets.to_dict(), total),)


def _sources(case):
    """Published tables that the evidence reads: those of plans where placements are simulated."""
    lots = case.value("market.lots", {}).values()
    if not ({"01_placement_costs", "02_safety_valve"} & {*case.value("annex.notebooks")}
            or any(lot.get("demand") == "placements" for lot in lots)):
        return ()
    return tuple(f"{row.Figures}: {row.Source}" for row in views.sources(case.log()).itertuples())


def _appraised(appraisal):
    """Options with those that fail, risks, and who pays for the proposal, as Facts has them."""
    why = {name: " ".join(f"It fails the test: {row.factor}. {row.why}." for row in
                          rows.itertuples()) for name, rows in appraisal.failed.groupby("option")}
    options = pd.DataFrame([
        {"option": name, "label": label, "says": appraisal.says[name], "fails": why.get(name, "")}
        for name, label in appraisal.labels.items()])
    chosen, years = appraisal.proposal or appraisal.reference, appraisal.years
    paid = appraisal.paid.sel(option=chosen)
    found = tables.summarise(paid.values)
    funds = pd.DataFrame({"fund": paid["fund"].values,
                          **{name: found[name] for name in ("mean", "p10", "p90")}})
    mean, by_fund = appraisal.net_cost.mean("draw").to_series(), appraisal.by_fund
    sums = [(f"{label}, who pays", by_fund[name].to_dict(), mean[name])
            for name, label in appraisal.options.items()]
    note = (f"{appraisal.labels[chosen]}: net present cost of {years[0]} to {years[-1]}, prices of "
            f"{appraisal.prices}.")
    return {"options": options.join(appraisal.summary, on="option"), "risks": appraisal.risks,
            "reference": appraisal.reference, "proposal": appraisal.proposal,
            "funds": funds, "funds_note": note, "sums": sums}
