"""What a study's savings programme comes to: by measure, changed, kept, and in plan tables."""

from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from sufficiency.case import CaseError
from sufficiency.case.quantity import QUALITIES
from sufficiency.model.safety_valve import movement, nowcast, schedules
from sufficiency.report import plan_tables, positions

KEY = "safety_valve"


def money(valve):
    """Savings by measure and year, GBP: {gross, weighted, cost}, frames measure x year.

    gross: each alone, in full, on time, before appeals; weighted: its share of the mean saving
    before what it costs the block; cost: that. Weighted less cost adds to the saving.
    """
    alone, names = valve.coalitions(1.0, gross=True), list(valve.case.measures)
    gross = valve.mean(xr.concat([alone(frozenset([name])) for name in names],
                                 pd.Index(names, name="measure")))
    cost = valve.coalitions(None).costs(valve.weights)
    return {"gross": gross, "weighted": valve.attributed().loc[names] + cost, "cost": cost}


def about(valve):
    """What each measure is, for `positions.measures`: a row a name."""
    columns = ("label", "strand", "owner", "start", "rag", "cashable")
    made = valve.case.measures
    return pd.DataFrame(
        [[getattr(one, part) for part in columns] + [_quality(valve.case, name)]
         for name, one in made.items()], index=list(made), columns=[*columns, "quality"])


def _quality(case, name):
    """Quality of a measure's size; of a market the weakest of what it rests on."""
    if case.measures[name].kind == "market":
        return max((one.quality or "" for key, one in case.assumptions.items()
                    if key.startswith("market.")), key=("", *QUALITIES).index, default="")
    share = f"{KEY}.measures.{name}.share_of_programme"
    return case[share if share in case else f"{KEY}.measures.{name}.size"].quality


def sensitivities(valve, financial_year):
    """What each change of safety_valve.sensitivities does, mean GBP: frame by its label.

    In-year position of the year and deficit at its end, with savings, in expected children and the
    same few worlds, weighed as they are without the change.
    """
    central, found = _ends(valve, "", financial_year), {}
    for said in valve.case.value(f"{KEY}.sensitivities", {}).values():
        try:
            found[said["label"]] = _ends(valve, said["set"], financial_year) - central
        except CaseError:
            if not valve.case.known_by:
                raise
            # What it changes was not known yet: nobody could have asked
    return pd.DataFrame(found, index=central.index).T


def _ends(valve, changes, year):
    study, draws = valve.study, min(valve.few, valve.study.parameters.draws)
    changed = type(study)(replace(study.parameters, draws=draws, out_dir=""),
                          valve.case.changed(changes))
    if "placements." not in changes:
        changed.calibration = study.calibration
    trial = type(valve)(changed, "expected")
    trial.nowcast = valve.nowcast and replace(valve.nowcast, index=nowcast.resample(
        valve.weights[:draws], 0.5))
    ends = {f"In-year position, {year}": trial.in_year(),
            f"Deficit at {positions.march(year)}": trial.deficit()}
    return pd.Series({name: float(end.sel(financial_year=year).mean())
                      for name, end in ends.items()})


def forecast_frame(valve):
    """This forecast as it is kept for a later movement: see `movement.forecast_frame`."""
    spend = valve.weighed(valve.study.spend).sel(financial_year=valve.years)
    flows, before = valve.position(), valve.position("unmitigated")
    per_child = spend["nominal"].sum("age_band")
    closing = valve.deficit()
    opened = flows["opening"].sel(line=closing["basis"].item())
    items = {"lines": before["spend"] - per_child.sum("setting"),
             "place_funding": before["place_funding"], "income": before["income"],
             "savings": before["in_year"] - flows["in_year"],
             **{name: flows[name] for name in movement.SETTLED},
             "in_year": flows["in_year"], "closing": closing,
             "opening": closing.shift(financial_year=1).fillna(opened)}
    if "recouped" in before:
        items["recouped"] = before["recouped"]
    return movement.forecast_frame(spend["placement_years"].sum("age_band"), per_child, items)


def tables(valve):
    """Tables of the reform plan and of the management plan: {heading: [Table]}."""
    study, case = valve.study, valve.case
    plans, keep = study.placements, [study.calibration.first_january] * study.published
    reform = plan_tables.reform_plan(
        plans["plans"], plans["joiners"].sum("setting"), case.published("flows", None),
        case.published("plans_by_need", None), study.calibration.unreconciled, keep)
    spend = valve.weighed(study.spend)["nominal"].sum("age_band").sel(financial_year=valve.years)
    groups, bare = plan_tables.by_group(spend), valve.position("unmitigated")
    services = bare["spend"] - spend.sum("setting")
    statements = {}
    for name in ("unmitigated", "mitigated"):
        now = valve.position(name)
        lines = {"services": services, "cash_savings": bare["spend"] - now["spend"]}
        statements[name] = positions.statement(now, None, groups, **lines)
    ends = valve.terms.override_ends
    facts = {"Council": case.value("council.name"), "Figures as at": str(case.as_at),
             "Opening balance at": positions.march(valve.opened),
             "Override ends": "" if ends is None else f"31 March {int(np.median(ends))}"}
    management = [plan_tables.cover(facts), *plan_tables.financial_summary(statements),
                  *plan_tables.cyp_summary(plans["plans"], keep)]
    if case.measures:
        management += plan_tables.mitigations(about(valve), money(valve))
    return {"Local SEND Reform Plan": reform, "DSG management plan": management}


def less_by(market):
    """What a market's proposal takes off the deficit of the account's headline: (draw,) GBP.

    With savings, in the worlds of the account that met the market. None for a case without an
    account, or whose lots are no setting's.
    """
    lots = {lot: setting for lot in market.lots if (setting := market.told(f"lots.{lot}.setting"))}
    if not lots or f"{KEY}.opening.balance" not in market.case:
        return None
    valve, draws, less = market.study.safety_valve, market.worlds.draws, 0.0
    spend = market.study.spend["nominal"].isel(draw=slice(draws)).sum("age_band")
    for lot, setting in lots.items():
        ratio = market.fees_ratio(lot, market.proposal, draws)
        ratio = ratio.reindex(financial_year=valve.years, method="ffill").fillna(1.0)
        less = less + (1 - ratio) * spend.sel(setting=setting, financial_year=valve.years)
    index = np.arange(draws) if valve.nowcast is None else valve.nowcast.index
    index = index[index < draws]
    worlds, kept = market.study.worlds.take(index), valve.spending.sel(forecast="mitigated")
    terms, ended = schedules.terms(valve.case, worlds, valve.years), []
    for change in (0.0, less.isel(draw=index)):
        spending = kept.isel(draw=index).load()
        flows = valve._run(worlds, spending.assign(spend=spending["spend"] - change))
        ended.append(schedules.apply(flows, terms)["deficit"].sel(
            financial_year=valve.ending, schedule=valve.schedule, basis=valve.deficit()["basis"]))
    return ended[0] - ended[1]
