"""Flow rates of one council fitted to its published totals, where no child-level table exists."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from sufficiency.model.placements import backlog
from sufficiency.model.placements.counted import calibrate_counts
from sufficiency.model.placements.margins import (
    AGES,
    BAND_OF_AGE,
    BANDS,
    EDGES,
    by_age,
    fit_margins,
    single_ages,
    whole,
)
from sufficiency.model.placements.rates import Rates

STEPS, START = 4, 2016
NAMES = ("plans_by_setting", "plans_by_age", "new_plans", "flows", "population_2022_based",
         "population_2018_based")
# Groups whose ceasing is scaled, by first age.
CEASING = {"under 16": 0, "16 to 18": 16, "19 and over": 19}
# Rates are fitted to totals: a child counts as a quarter of one whose move was seen (judgement).
SEEN = 0.25
# Requests that say so many times more or fewer joiners than came are miscounted (judgement).
FURTHEST = 2.0
# How far fitted scales may lie from the patterns: standard deviations of their logs (judgement).
PRIOR = {"joiners": 0.5, "ceasing": 0.3, "moves": 0.4}


@dataclass(frozen=True)
class Calibration:
    """Rates of the base year and what they rest on.

    rates: joiners are a year's new plans at the base level (joiners, their sum), before growth,
    backlog and the unreconciled flow (plans/year, mean and sd). history: a row a year. checks:
    published against fitted. scales: fitted multiples of the patterns. outliers: figures left
    out, and why. seed_fit (setting, age): the first January before rounding to whole children.
    difference: log of the base level of joiners over England's. population (year, age) or None.
    overflow (setting, k): where to try when a setting is full, -1 unused. carry: whether a
    population table that stops short keeps its last year.
    """

    first_january: int
    rates: Rates
    history: pd.DataFrame
    checks: pd.DataFrame
    scales: pd.Series
    outliers: pd.DataFrame
    seed_fit: np.ndarray
    joiners: float
    unreconciled: float
    unreconciled_sd: float
    difference: float
    population: pd.DataFrame | None
    overflow: np.ndarray | None = None
    carry: bool = False


def england(case):
    """England's series with the flows fitted to it, for `calibrate` to be given for many councils.

    Refuses fewer than two Januaries of England's plans known by the case's date.
    """
    return _fit(case, _series(case, {name: case.published(f"england_{name}", None)
                                     for name in NAMES[:4]}))


def calibrate(case, tables=None, reference=None):
    """Rates for a case from published totals -> Calibration.

    Stock by setting and single age: patterns by age fitted to both margins, so modelled. Ceasing
    by age group, moves into each setting and joiners by band: bounded least squares over the
    last four years, the patterns as prior. Level of joiners: see `base_level`.
    tables: frames as case.published gives them, to fit another council with this case's
    patterns. reference: `england(case)`, where many councils share it. A case with counts of
    transitions uses those instead. Refuses fewer than two Januaries of plans, or none by age.
    """
    if tables is None and case.counts is not None:
        return replace(calibrate_counts(case, Calibration), carry=_carry(case))
    tables = tables or {name: case.published(name, None) for name in NAMES}
    own, reference = _fit(case, _series(case, tables)), reference or england(case)
    left = own["history"]["unreconciled"]
    flow = _central(case, "placements.unreconciled.flow") * own["stock"][-1].sum()
    joiners, difference = base_level(own["history"], reference["history"], flow, *(
        _central(case, f"placements.growth.{name}") for name in ("requests", "pooling")))
    people = next((tables[name] for name in NAMES[4:] if tables.get(name) is not None), None)
    if people is not None:
        people = people.rename(columns=lambda name: int(name.removeprefix("age_")))[list(AGES)]
    return Calibration(
        own["plans"].index[-1], _rates(case, own, joiners), own["history"], own["checks"],
        own["scales"], own["outliers"], own["stock"][-1], joiners, flow,
        float(left.std(ddof=0)), difference, people, _overflow(case), _carry(case))


def _carry(case):
    found = case.value("placements.population.carry", "error")
    if found not in ("last", "error"):
        raise ValueError(f"placements.population.carry: found {found!r}; allowed last, error")
    return found == "last"


def _overflow(case):
    """Settings to try next (setting, k), by number, -1 where there is none."""
    order, names = case.value("placements.overflow", {}), list(case.settings)
    width = max([1, *map(len, order.values())])
    return np.array([[names.index(other) for other in order.get(name, ())]
                     + [-1] * (width - len(order.get(name, ()))) for name in names])


def _central(case, key):
    return case.assumptions[key].central_value()


def _series(case, tables):
    """Januaries in a row: plans and stock (january, setting, age), bands, flows, outliers."""
    settings, outliers = list(case.settings), []
    if tables.get("plans_by_setting") is None:
        raise ValueError(f"plans_by_setting: found none known by {case.known_by or 'any date'}; "
                         "allowed 2 Januaries in a row")
    plans = tables["plans_by_setting"].reindex(columns=settings).sort_index().fillna(0.0)
    plans = plans[plans.sum(axis=1) > 0]
    gaps = np.flatnonzero(np.diff(plans.index) != 1)
    plans = plans.iloc[gaps[-1] + 1 if gaps.size else 0:].tail(STEPS + 1)
    # plans to 25 date from September 2014: what went before says little of ceasing
    plans = plans[plans.index >= min(START, plans.index.max() - 1)]
    if len(plans) < 2:
        raise ValueError(f"plans_by_setting: found {len(plans)} Januaries; allowed 2 in a row")
    totals, above = plans.sum(axis=1), plans.clip(lower=0)
    outliers += [("plans_by_setting", year, "unknown", plans.loc[year].min(),
                  "settings sum to more than all plans: scaled down to them")
                 for year in plans.index[(plans < 0).any(axis=1)]]
    plans = above.mul(totals / above.sum(axis=1), axis=0)
    shares, observed = _band_shares(tables.get("plans_by_age"), plans.index)
    bands = shares * totals.to_numpy()[:, None]
    # a trace everywhere, so that odd published totals can still be met
    seed = 1e-4 + np.array([by_age(case.value("placements.patterns.stock")[name])
                            for name in settings])
    stock = np.array([fit_margins(seed, row, single_ages(band))
                      for row, band in zip(plans.to_numpy(), bands, strict=True)])
    flows = _flows(tables, totals, outliers)
    outliers = pd.DataFrame(outliers, columns=["table", "period", "column", "found", "why"])
    return {"settings": settings, "plans": plans, "stock": stock, "bands": bands,
            "observed": observed, "flows": flows, "outliers": outliers}


def _band_shares(ages, januaries):
    """Share of plans in each age band (january, band), those between known Januaries in line."""
    ages = pd.DataFrame() if ages is None else ages.reindex(columns=list(BANDS)).fillna(0.0)
    shares = ages[ages.sum(axis=1) > 0]
    if not len(shares):
        raise ValueError("plans_by_age: found none; allowed at least one January")
    shares = shares.div(shares.sum(axis=1), axis=0)
    every = shares.reindex(sorted({*shares.index, *januaries}))
    every = every.interpolate(method="index", limit_direction="both").loc[januaries]
    return every.to_numpy(), januaries.isin(shares.index)


def _flows(tables, totals, outliers):
    """Flows of each calendar year: new plans by coarse setting, underlying, released, ceased.

    New plans that the year's change in stock cannot hold are left out and listed.
    """
    years, blank = totals.index[:-1], pd.Series(np.nan, totals.index[:-1])
    new, flows = (pd.DataFrame(index=years) if tables.get(name) is None
                  else tables[name].reindex(years) for name in ("new_plans", "flows"))
    total = new.get("total", blank).fillna(flows.get("issued", blank))
    change, plans = totals.diff().shift(-1).reindex(years), totals.reindex(years)
    # with 8% of plans ceasing, 15% of plans (40 in a small council) are left unexplained
    wrong = (total - change - 0.08 * plans).abs() > np.maximum(0.15 * plans, 40)
    outliers += [("new_plans", year, "total", total[year],
                  f"plans changed by {change[year]:.0f} in the year") for year in years[wrong]]
    columns = ["mainstream", "special", "independent_special", "non_maintained_special",
               "alternative_provision", "further_education", "elsewhere"]
    total = total.mask(wrong)
    return new.reindex(columns=columns).mask(wrong, axis=0).assign(
        total=total, ceased=flows.get("ceased", blank),
        underlying=backlog.underlying(flows, total), released=backlog.released(flows))


def _fit(case, own):
    """The series with the flows fitted to it: scales of the patterns, checks and history."""
    base = {**own, **_patterns(case, own)}
    names = [*(f"joiners {band}" for band in BANDS), *(f"ceasing {ages}" for ages in CEASING),
             *(f"moves into {name}" for name in base["into"])]
    prior = np.repeat([*PRIOR.values()], [len(BANDS), len(CEASING), len(base["into"])])
    theta = np.zeros(len(names))
    # too few children to say anything of their own
    if base["plans"].iloc[-1].sum() >= 50:
        theta = least_squares(_residuals, theta, bounds=(-4 * prior, 4 * prior), loss="soft_l1",
                              max_nfev=40, xtol=1e-5, ftol=1e-5, args=(base, prior)).x
        # Processors differ in a fit's last digits, and so in a child of one world in thousands.
        theta = np.round(theta, 4)
    fitted = {**base, **_step(theta, base), "scales": pd.Series(np.exp(theta), names)}
    return {**fitted, "checks": _checks(fitted), "history": _history(fitted)}


def _patterns(case, own):
    """Yearly hazards and joiners' pattern before any fitting, from the case's patterns."""
    settings, patterns = own["settings"], case.value("placements.patterns")
    moves = np.zeros((len(settings), len(settings), len(AGES)))
    for origin, targets in patterns["moves"].items():
        for target, pattern in targets.items():
            moves[settings.index(origin), settings.index(target)] = by_age(pattern)
    # all but the first: moves back to mainstream cannot be told from fewer moves out of it
    into = [name for name in settings[1:] if moves[:, settings.index(name)].any()]
    ages = np.array([by_age(patterns["join"][name]) for name in settings])
    relative = np.array([patterns["cease_relative"][name] for name in settings])
    return {"cease": relative[:, None] * by_age(patterns["cease"]), "moves": moves, "into": into,
            "join_age": ages / ages.sum(1, keepdims=True),
            "join_setting": _new_by_setting(own["flows"], settings, patterns["join_setting"]),
            "left_over": _central(case, "placements.unreconciled.flow"),
            "left_over_error": patterns["left_over_error"]}


def _new_by_setting(flows, settings, usual):
    """Share of new plans by setting (year, setting): published columns, split by usual shares."""
    usual = pd.Series(usual, dtype=float)[settings]
    parts = flows.reindex(columns=settings)
    parts["state_special"] = flows["special"] - flows[
        ["independent_special", "non_maintained_special"]].sum(axis=1)
    # what no column holds is early years or not recorded
    for pair, count in (("further_education specialist_post16", flows["further_education"]),
                        ("early_years unknown", None)):
        names, left = pair.split(), flows["total"] - parts.sum(axis=1)
        found = (left if count is None else count).fillna(0)
        parts[names] = np.outer(found, usual[names] / usual[names].sum())
    parts = parts.fillna(0).clip(lower=0)[flows["mainstream"].notna()]
    average = parts.sum() if parts.to_numpy().sum() > 0 else usual
    parts = parts[parts.sum(axis=1) > 0].reindex(flows.index)
    return parts.where(parts.notna(), average, axis=1).pipe(
        lambda found: found.div(found.sum(axis=1), axis=0)).to_numpy()


def _step(theta, base):
    """Expected plans after each step (year, setting, age) and the flows that make them."""
    bands, ceasing, into = np.split(np.exp(theta), [len(BANDS), len(BANDS) + len(CEASING)])
    group = np.searchsorted(list(CEASING.values()), AGES, "right") - 1
    leave = 1 - np.exp(-base["cease"] * ceasing[group])
    leave[:, -1] = 1.0
    scale = np.ones(len(base["settings"]))
    scale[[base["settings"].index(name) for name in base["into"]]] = into
    hazard = base["moves"] * scale[None, :, None]
    total = hazard.sum(1)
    move, share = 1 - np.exp(-total), hazard / np.maximum(total, 1e-300)[:, None]
    start, end = base["stock"][:-1], base["stock"][1:].sum((1, 2))
    stay = start * (1 - leave)
    after = np.zeros_like(start)
    after[..., 1:] = (stay * (1 - move)
                      + np.einsum("tsa,sda->tda", stay * move, share))[..., :-1]
    joiners = np.maximum(end - after.sum((1, 2)), 0.02 * start.sum((1, 2)))
    spread = base["join_setting"][:, :, None] * base["join_age"] * bands[BAND_OF_AGE]
    spread *= (joiners / spread.sum((1, 2)))[:, None, None]
    return {"leave": leave, "move": move, "share": share, "joiners": joiners, "spread": spread,
            "ceased": (start * leave).sum((1, 2)), "after": after + spread}


def _residuals(theta, base, prior):
    """Misses in standard errors: settings, bands, ceased, unreconciled flow, prior."""
    flows, start = _step(theta, base), base["stock"][:-1].sum((1, 2))
    plans, bands = base["plans"].to_numpy()[1:], base["bands"][1:]
    found = np.add.reduceat(flows["after"], EDGES[:-1], axis=2).sum(1)
    left = flows["joiners"] - base["flows"]["total"].to_numpy() - base["left_over"] * start
    misses = [_miss(flows["after"].sum(2), plans, 0.04),
              _miss(found, bands, 0.02)[base["observed"][1:]],
              _miss(flows["ceased"], base["flows"]["ceased"].to_numpy(), 0.03),
              left / (base["left_over_error"] * start + 10)]
    return np.concatenate([*(miss[np.isfinite(miss)] for miss in misses), theta / prior])


def _miss(fitted, counts, share):
    # standard error allowed: chance, a share of the count, and 3 for small ones
    return (fitted - counts) / np.sqrt(9 + counts + (share * counts) ** 2)


def _checks(fitted):
    """Published and fitted plans by setting and band in each January, and ceased by year."""
    rows = []
    for t, january in enumerate(fitted["plans"].index[1:]):
        after, known = fitted["after"][t], fitted["observed"][t + 1]
        bands = np.where(known, fitted["bands"][t + 1], np.nan)
        rows += [(january, "setting", name, fitted["plans"][name].iloc[t + 1], count)
                 for name, count in zip(fitted["settings"], after.sum(1), strict=True)]
        rows += [(january, "age band", name, bands[b], after[:, BAND_OF_AGE == b].sum())
                 for b, name in enumerate(BANDS)]
        rows.append((january - 1, "ceased", "all", fitted["flows"]["ceased"].iloc[t],
                     fitted["ceased"][t]))
    return pd.DataFrame(rows, columns=["year", "margin", "name", "published", "fitted"])


def _history(fitted):
    """A row for each year: plans at its start, their change, and the flows behind it."""
    plans = fitted["plans"].sum(axis=1)
    history = fitted["flows"][["total", "underlying", "released", "ceased"]].assign(
        plans=plans, change=plans.diff().shift(-1), ceased_fitted=fitted["ceased"],
        joiners=fitted["joiners"]).rename(columns={"total": "new"})
    ceased = history["ceased"].fillna(history["ceased_fitted"])
    return history.assign(unreconciled=history["change"] - history["new"] + ceased)


def base_level(history, england, flow, requests, pooling):
    """Joiners a year at the base before growth, and log of them and the flow over England's rate.

    own = implied^(1-f) x asked^f: implied by the change in plans, less backlog released; asked =
    underlying x England's joiners per underlying plan, at most FURTHEST times as many or as few.
    Both = own^(1-w) x (England's joiners per plan x plans)^w, less flow, the unreconciled plans
    a year. history, england: `Calibration`'s; f, w placements.growth.requests and pooling.
    """
    last = history.iloc[-1]
    england = england.loc[min(last.name, england.index[-1])]
    pooled = england["joiners"] / (england["plans"] + england["change"])
    pooled *= last["plans"] + last["change"]
    level = max(last["joiners"] - last["released"], 0.25 * pooled)
    asked = last["underlying"] * england["joiners"] / england["underlying"]
    if asked > 0:
        asked = min(max(asked, level / FURTHEST), level * FURTHEST)
        level = level ** (1 - requests) * asked**requests
    level = level ** (1 - pooling) * pooled**pooling
    return max(level - flow, 0.1 * level), float(np.log(level / pooled))


def _rates(case, fitted, joiners):
    """Rates at the base; their sizes are the children behind each rate, discounted by SEEN."""
    spread, exposed = fitted["spread"][-2:].sum(0), fitted["stock"][:-1].sum(0)
    join = spread / spread.sum() * joiners
    leave, move, share = fitted["leave"], fitted["move"], fitted["share"].transpose(0, 2, 1)
    width = int((share > 0).sum(-1).max())
    target = np.argsort(-share, axis=-1, kind="stable")[..., :width]
    share = np.take_along_axis(share, target, -1)
    size = np.maximum(SEEN * exposed, 2.0)
    return Rates(
        places=tuple(fitted["settings"]), steps_per_year=1, first_age=0,
        stock=whole(fitted["stock"][-1]), leave_mean=leave, leave_size=size, move_mean=move,
        move_size=size, target=np.where(share > 0, target, -1), share_mean=share,
        share_size=np.maximum(size * (1 - leave) * move, 2.0), join_mean=join,
        join_size=STEPS * join + 0.5, correlation=_central(case, "placements.rates.correlation"))
