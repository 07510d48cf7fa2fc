"""Funding schedules side by side on the same spend, and what they say about the plan.

agreement: payments while the in-year position keeps near its limits. stability_grant: a share of
the deficit at one 31 March, instead of later payments. override_end: then what is left, and each
later overspend, is charged to the general fund. central_funding: instead of that, new overspends
are met centrally. none: no money at all. GBP, whole pence inside.
"""

from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from sufficiency.model.safety_valve.account import (
    BASES,
    DIMS,
    KEY,
    at_year,
    by_year,
    deficits,
    pence,
)

# What money, and what end, each schedule has; a part the terms do not hold does nothing.
PARTS = {
    "none": (), "agreement": ("payments",), "stability_grant": ("payments", "grant"),
    "override_end": ("payments", "grant", "charge"),
    "central_funding": ("payments", "grant", "central"),
}
FLOWS = ("payments_due", "suspended", "back_paid", "payments", "grant", "met_centrally",
         "charged_at_end", "charged", "interest", "general_fund")


@dataclass(frozen=True)
class Grant:
    """Stability grant: share (draw,) of the deficit at 31 March of deficit_at, cash in paid_in.

    ineligible (draw,) GBP; later_payments: whether the agreement's go on after deficit_at.
    """

    share: np.ndarray
    deficit_at: str
    paid_in: str
    ineligible: np.ndarray
    later_payments: bool = False


@dataclass(frozen=True)
class Terms:
    """What a case says about its funding; (draw, year) arrays over the account's years.

    limits, stricter_limits (NaN: none that year) and payments in GBP; interest_rate share/year;
    suspend_over GBP (draw,); back_paid_after whole years (draw,), None: when back within the limit.
    override_ends (draw,): calendar year of its last 31 March. usable_reserves GBP (draw,) or None.
    left_out: schedules there are no terms for, with the reason.
    """

    years: tuple
    payments: np.ndarray
    limits: np.ndarray
    stricter_limits: np.ndarray
    interest_rate: np.ndarray
    suspend_over: np.ndarray
    back_paid_after: np.ndarray | None = None
    grant: Grant | None = None
    override_ends: np.ndarray | None = None
    central_from: str = ""
    legacy_charged: bool = False
    usable_reserves: np.ndarray | None = None
    left_out: dict = field(default_factory=dict)

    @property
    def schedules(self):
        """The schedules there are terms for, in order."""
        return tuple(name for name in PARTS if name not in self.left_out)


def terms(case, worlds, years):
    """Terms of a case: those known by its date, `case.known_by`; others are `left_out`."""
    known, left_out = {}, {}
    for name, needs in (("agreement", "payments"), ("stability_grant", "share"),
                        ("central_funding", None), ("override", "ends")):
        said = case.value(f"{KEY}.{name}", None) or {}
        if case.known_by and said.get("known", "") > case.known_by:
            left_out[name] = f"known {said['known']}, after {case.known_by}"
        elif not said or (needs and f"{KEY}.{name}.{needs}" not in case):
            left_out[name] = "the case says nothing about it"
        known[name] = {} if name in left_out else said
    if "override" in left_out:
        left_out["override_end"] = left_out.pop("override")

    def once(key):
        return at_year(case, worlds, f"{KEY}.{key}", None)

    def dated(key, blank=np.nan):
        return by_year(case, worlds, f"{KEY}.{key}", years, blank)

    rate, limits, stricter = map(dated, ("interest_rate", "agreement.limits",
                                         "agreement.stricter_limits"))
    if np.isnan(rate).any():
        raise ValueError(f"{KEY}.interest_rate: found nothing for some of {', '.join(years)}; "
                         "allowed share/year in each")
    # From a year on, in-year balance where no limit is given.
    first = known["agreement"].get("balance_from")
    late = np.array([bool(first) and year >= first for year in years])
    limits = np.where(late & np.isnan(limits), 0.0, limits)
    over, after = (once(f"agreement.suspension.{name}") for name in ("over", "back_paid_after"))
    ends = once("override.ends") if known["override"] else None
    grant, said, central = None, known["stability_grant"], known["central_funding"]
    if said:
        share, ineligible = (worlds[f"{KEY}.stability_grant.{name}"]
                             for name in ("share", "ineligible"))
        grant = Grant(share, said["deficit_at"], said["paid_in"], ineligible,
                      said.get("later_payments", False))
    return Terms(
        years=tuple(years), payments=dated("agreement.payments", 0.0), limits=limits,
        stricter_limits=np.where(np.isnan(stricter), limits, stricter), interest_rate=rate,
        suspend_over=np.full(worlds.draws, np.inf) if over is None else over,
        back_paid_after=None if after is None else np.rint(after),
        grant=grant, override_ends=None if ends is None else np.rint(ends),
        central_from=central.get("from", ""), legacy_charged=central.get("legacy") == "charged",
        usable_reserves=once("usable_reserves"), left_out=left_out)


def apply(account, terms):
    """Every schedule of the terms on the same account: dataset over (draw, year, schedule).

    account: dataset of `account.run`, without payments or grant of its own. -> FLOWS, and deficit
    by basis: closing = opening + in_year - contributions - payments - grant - met_centrally -
    charged, after the council's and the Department's money. charged: to the general fund once the
    override has ended, of which charged_at_end the balance of 1 April. general_fund =
    contributions + interest + charged. Interest: rate x the mean of opening and closing deficit.
    """
    if account["payments"].any() or account["grant"].any():
        raise ValueError("schedules: found payments or grant in the account; allowed none")
    if list(terms.years) != [str(y) for y in account["financial_year"].values]:
        raise ValueError(f"schedules: found terms for {', '.join(terms.years)}; allowed the "
                         "account's years")
    in_year, contributions = (pence(account[name]) for name in ("in_year", "contributions"))
    flows = [walk(PARTS[name], account["opening"], in_year, contributions, terms)
             for name in terms.schedules]
    dims, units = (*DIMS, "schedule"), {"units": "GBP"}
    data = {name: (dims, np.stack([flow[name] for flow in flows], -1) / 100, units)
            for name in FLOWS}
    closing = [deficits(account["opening"], in_year, contributions + flow["charged"],
                        flow["payments"] + flow["grant"] + flow["met_centrally"]) for flow in flows]
    data["deficit"] = ((*dims, "basis"), np.stack(closing, 2), units)
    return account[["in_year", "contributions", "opening"]].assign(data).assign_coords(
        schedule=list(terms.schedules), basis=list(BASES)).assign_attrs(
        left_out="; ".join(f"{name}: {why}" for name, why in terms.left_out.items()))


def suspend(due, in_year, limits, over, back_paid_after):
    """Payments stopped, and paid back later: two (draw, year), of what is due (draw, year).

    A payment stops where in_year > limit + over (never where the limit is NaN) and comes whole
    back_paid_after years later, beyond the horizon if so; None: in the first year within the limit.
    """
    stopped = np.where(in_year > limits + over[:, None], due, 0)
    back, draws, years = np.zeros_like(due), np.arange(len(due)), due.shape[1]
    waiting = np.zeros_like(due[:, 0])
    for year in range(years):
        if back_paid_after is None:
            within = ~(in_year[:, year] > limits[:, year])
            back[:, year] = np.where(within, waiting, 0)
            waiting = waiting + stopped[:, year] - back[:, year]
        else:
            then = (year + back_paid_after).astype(int)
            held = then < years
            back[draws[held], then[held]] += stopped[held, year]
    return stopped, back


def walk(parts, opened, in_year, contributions, terms):
    """Pence of each flow under one schedule, {name: (draw, year)}; opened: lines in GBP."""
    due = np.broadcast_to(pence(terms.payments), in_year.shape) * ("payments" in parts)
    stopped, back = suspend(due, in_year, np.rint(terms.limits * 100),
                            np.rint(terms.suspend_over * 100), terms.back_paid_after)
    grant = terms.grant if "grant" in parts else None
    if grant and not grant.later_payments:
        going = np.array([year <= grant.deficit_at for year in terms.years])
        due, stopped, back = due * going, stopped * going, back * going
    made = {name: np.zeros_like(in_year) for name in FLOWS}
    made |= {"payments_due": due, "suspended": stopped, "back_paid": back,
             "payments": due - stopped + back}
    ending = "charge" in parts or ("central" in parts and terms.legacy_charged)
    ends = np.inf if terms.override_ends is None else terms.override_ends
    balance = pence(opened.sel(line="after_council_and_dfe"))
    lowest = np.rint(np.nan_to_num(np.minimum(opened.sel(line="unreconciled").values, 0)) * 100)
    award = granted(grant, terms.years, balance, lowest)
    for t, year in enumerate(terms.years):
        charging = ending & (int(year[:4]) >= ends)
        at_end = np.where(charging, np.maximum(balance, 0), 0)
        start = balance - at_end
        if grant and year == grant.paid_in:
            made["grant"][:, t] = award
        if "central" in parts and terms.central_from and year >= terms.central_from:
            made["met_centrally"][:, t] = np.maximum(in_year[:, t], 0)
        balance = start + in_year[:, t] - contributions[:, t] - sum(
            made[name][:, t] for name in ("payments", "grant", "met_centrally"))
        new = np.where(charging, np.maximum(balance, 0), 0)
        balance = balance - new
        made["charged_at_end"][:, t], made["charged"][:, t] = at_end, at_end + new
        mean = np.maximum(start + balance, 0) / 2
        made["interest"][:, t] = np.rint(terms.interest_rate[:, t] * mean)
        if grant and year == grant.deficit_at:
            award = eligible(grant, balance, lowest)
    made["general_fund"] = contributions + made["interest"] + made["charged"]
    return made


def granted(grant, years, balance, lowest):
    """The grant on the balance the account opens with, if that is the 31 March it is taken at."""
    if grant is None:
        return 0
    if grant.paid_in <= grant.deficit_at:
        raise ValueError(f"{KEY}.stability_grant.paid_in: found {grant.paid_in}; allowed a year "
                         f"after {grant.deficit_at}")
    first = int(years[0][:4])
    if int(grant.deficit_at[:4]) < first - 1 and grant.paid_in >= years[0]:
        raise ValueError(f"{KEY}.stability_grant.deficit_at: found {grant.deficit_at}; allowed the "
                         f"opening year or later, {first - 1}-{first % 100:02d}")
    return eligible(grant, balance, lowest)


def eligible(grant, balance, lowest):
    """Pence of grant: share x the lowest figure, less ineligible items, not below 0.

    balance (draw,): after contributions and payments received; lowest (draw,): the unreconciled
    line where it makes line 1.9.3 the lower figure, otherwise 0.
    """
    base = np.maximum(balance + lowest - np.rint(grant.ineligible * 100), 0)
    return np.rint(grant.share * base).astype(np.int64)


def chance_over(in_year, limit):
    """Chance of exceeding a limit, over draws, with its Monte Carlo error; NaN: no limit.

    in_year DataArray (draw, ...), limit one that broadcasts to it or a number.
    """
    gap = in_year - limit
    return _chance((gap > 0).where(gap.notnull()))


def plan_holds(in_year, limits):
    """Chance that no year's in-year position is over its limit; years without one do not count.

    NaN where no year has a limit.
    """
    gap = in_year - limits
    holds = (gap > 0).any("financial_year") == 0
    return _chance(holds.where(gap.notnull().any("financial_year")))


def _chance(happens):
    chance = happens.mean("draw", skipna=False)
    error = np.sqrt(chance * (1 - chance) / happens.sizes["draw"])
    return xr.Dataset({"chance": chance, "error": error})


def mean_of(values):
    """Mean over draws with its Monte Carlo error, in the unit of the values; NaN for one draw."""
    error = values.std("draw", ddof=1) if values.sizes["draw"] > 1 else np.nan * values.mean("draw")
    return xr.Dataset({"mean": values.mean("draw", skipna=False),
                       "error": error / np.sqrt(values.sizes["draw"])})


def expected_shortfall(in_year, limit):
    """Mean excess over a limit, GBP, over all draws with its error, and `when_over`, given one."""
    excess = np.maximum(in_year - limit, 0)
    return mean_of(excess).assign(when_over=excess.where(excess > 0).mean("draw"))


def saving_required(unmitigated, limits, chance=None):
    """Saving by year, GBP, that brings the unmitigated in-year position to its limit.

    Its mean, or with `chance`, strictly between 0 and 1, what keeps the limit that often. Not below
    0; NaN without a limit.
    """
    gap = unmitigated - limits
    found = gap.mean("draw", skipna=False) if chance is None else gap.quantile(
        chance, "draw", skipna=False).drop_vars("quantile")
    return np.maximum(found, 0).assign_attrs(units="GBP")


def delivery_needed(unmitigated, limits, planned):
    """Share of the planned saving that must come for the mean in-year position to meet its limit.

    delivery = saving required / mean planned saving, by year; over 1: not even all of it will do.
    planned (draw, year) or (year,), at full delivery. NaN, and a reason, where there is no limit or
    nothing is planned.
    """
    required = saving_required(unmitigated, limits)
    planned = planned.mean("draw") if "draw" in planned.dims else planned
    reason = xr.where(required.isnull(), "no limit",
                      xr.where(planned > 0, "", "no saving is planned"))
    delivery = (required / planned.where(planned > 0)).assign_attrs(units="share")
    return xr.Dataset({"delivery": delivery, "required": required, "planned": planned,
                       "reason": reason})


def exposure(result, usable_reserves=None):
    """What falls on the general fund to date, by year and schedule, against usable reserves.

    -> to_date (draw, year, schedule) GBP: contributions, interest and charges so far; reserves_left
    and the chance, with its error, that they are used up: NaN where reserves are not known.
    """
    to_date = result["general_fund"].cumsum("financial_year").assign_attrs(units="GBP")
    reserves = np.nan if usable_reserves is None else xr.DataArray(usable_reserves, dims="draw")
    left = (reserves - to_date).assign_attrs(units="GBP")
    return chance_over(to_date, reserves).assign(to_date=to_date, reserves_left=left)
