"""Unit costs from the council's own section 251 lines, rolled forward and tied to its outturn.

Nominal GBP. Each line moves with one index. `take(key, default)` gives an assumption's values,
(world,): its central value alone, or one a world.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

UPLIFTS = {"provider": "costs.uplift.provider", "top_up": "costs.uplift.top_up",
           "general": "costs.inflation.general", "none": None}
INDICES = list(UPLIFTS)
TOLERANCE = 0.02


@dataclass(frozen=True)
class Ledger:
    """Unit costs and the lines not per child, at the prices of `base`, and how they tie.

    unit (world, index, setting) GBP a placement-year; fixed (world, line); factor (world,) from
    roll-forward to the outturn of `last`; growth (index,) base to last. Tables hold central values.
    """

    settings: tuple
    base: str
    last: str
    spec: dict
    unit: np.ndarray
    fixed: np.ndarray
    factor: np.ndarray
    growth: np.ndarray
    tie: pd.DataFrame
    lines: pd.DataFrame
    unit_costs: pd.DataFrame


def level(rate_in, start, year):
    """Price level of a year against start: product of 1 + rate_in(y) over the years after start."""
    first, last = int(start[:4]), int(year[:4])
    if last < first:
        return 1 / level(rate_in, year, start)
    return np.prod([1 + rate_in(f"{y}-{(y + 1) % 100:02d}") for y in range(first + 1, last + 1)], 0)


def closed_index(case, base, year):
    """Index of each kind from base to a closed year, central (index,): growth of mean prices."""
    return np.array([level(case[key].central_value, base, year) if key else 1.0
                     for key in UPLIFTS.values()])


def net_amounts(amounts, spec):
    """Gross lines less recoupment income, shared pro rata over the lines that name it."""
    pools = dict.fromkeys((line.get("income") for line in spec.values()), 0.0)
    for name, line in spec.items():
        pools[line.get("income")] += amounts[name]
    kept = {pool: 1 - (amounts[pool] / gross if pool and gross else 0.0)
            for pool, gross in pools.items()}
    return {name: amounts[name] * kept[line.get("income")] for name, line in spec.items()}


def split(amounts, spec, years, take):
    """Each line as unit costs by setting plus a part that is not per child.

    unit cost = sum over lines of amount x per-child share x weight / (sum of weight x years).
    amounts {line: GBP}, years {setting: placement-years} -> unit (world, index, setting), fixed
    (world, line). Refuses a line with money and no placements.
    """
    worlds, counts = len(take("", 1.0)), np.array(list(years.values()), float)
    unit, fixed = np.zeros((worlds, len(INDICES), len(years))), np.zeros((worlds, len(spec)))
    for column, (line, entry) in enumerate(spec.items()):
        per = entry.get("per", [])
        fixed[:, column] = amounts[line] * take(f"costs.not_per_child.{line}", float(not per))
        money = amounts[line] - fixed[:, column]
        if not per or not np.any(money):
            continue
        weight = np.stack([take(f"costs.weight.{line}.{s}", 1.0) if s in per else np.zeros(worlds)
                           for s in years], -1)
        if np.any(weight @ counts <= 0):
            raise ValueError(f"costs.ledger.lines.{line}: found no placements in {', '.join(per)}")
        price = money / (weight @ counts)
        unit[:, INDICES.index(entry["uplift"])] += price[:, None] * weight
    return unit, fixed


def own_prices(unit, names, base, case, take):
    """Unit costs given as costs.unit.<setting>, at prices of their `as_of` year, replace derived
    ones; costs.unit_multiplier.<setting> scales either. A setting with no unit cost is refused.
    """
    for place, name in enumerate(names):
        key = f"costs.unit.{name}"
        if key in case.assumptions:
            kind = INDICES.index(case.value("costs.unit_uplift", {}).get(name, "top_up"))
            since = closed_index(case, base, str(case[key].as_of or base))[kind]
            unit[:, :, place] = 0.0
            unit[:, kind, place] = take(key, None) / since
        if np.any(unit[:, :, place].sum(1) <= 0):
            raise ValueError(f"{key}: found no unit cost; allowed a line of costs.ledger.lines "
                             "that names the setting in `per`, or GBP/place/year")
        unit[:, :, place] *= take(f"costs.unit_multiplier.{name}", 1.0)[:, None]
    return unit


def modelled(unit, fixed, spec, years, index):
    """Spend on the 1.2.x basis, (world, year): years (year, setting) x unit cost x index (year,
    index), and the lines not per child x index.
    """
    counted = np.array([line.get("in_outturn", True) for line in spec.values()], float)
    kinds = [INDICES.index(line["uplift"]) for line in spec.values()]
    return np.einsum("wks,yk,ys->wy", unit, index, years) + (fixed * counted) @ index[:, kinds].T


def outturn_of(case):
    """High needs outturn 1.2.x by financial year, GBP; then the council's own forecast of the
    years that have none yet.
    """
    found = {}
    for name in ("section_251", "section_251_forecast"):
        table = case.published(name, None)
        rows = {} if table is None else table.iloc[:, 0].dropna().to_dict()
        found |= {year: amount for year, amount in rows.items() if year > max(found, default="")}
    return pd.Series(found, dtype=float)


def lines_year(case):
    """The financial year of the lines that unit costs are derived from; "" if it has none."""
    base, spec = case.value("costs.ledger.base_year", ""), case.value("costs.ledger.lines", {})
    table = case.published("section_251_lines", None)
    return str(base) if spec and table is not None and base in table.index else ""


def tie(case, years, worlds=None, limit=TOLERANCE):
    """The ledger: unit costs from the lines of the base year, tied to the latest outturn.

    years: DataFrame of placement-years, financial year x setting. A gap over the limit (none: any
    gap passes) before the factor is refused unless costs.ledger.accepted_gap gives a reason for
    its year. A case without lines has costs.unit.<setting>, factor 1, and starts in the first year.
    """
    base = lines_year(case)
    spec = case.value("costs.ledger.lines") if base else {}
    base, lines = base or years.index[0], case.published("section_251_lines", None)
    outturn = outturn_of(case) if spec else pd.Series(dtype=float)
    closed = [y for y in years.index if base <= y and y in outturn.index] or [base]
    amounts = net_amounts(lines.loc[base], spec) if spec else {}
    growth = np.stack([closed_index(case, base, year) for year in closed])

    def derive(take):
        unit, fixed = split(amounts, spec, years.loc[base].to_dict(), take)
        unit = own_prices(unit, list(years.columns), base, case, take)
        total = modelled(unit, fixed, spec, years.loc[closed].to_numpy(float), growth)
        return unit, fixed, total, outturn.get(closed[-1], total[:, -1]) / total[:, -1]

    unit, fixed, total, factor = derive(lambda key, default: np.atleast_1d(
        case[key].central_value() if key in case.assumptions else default))
    table, parts = tie_table(closed, total[0], outturn, factor[0]), line_table(spec, amounts, fixed)
    if limit is not None:
        refuse_gaps(table, case.value("costs.ledger.accepted_gap", {}), limit)
    costs = pd.DataFrame({base: unit[0].sum(0), closed[-1]: factor[0] * (growth[-1] @ unit[0])},
                         index=pd.Index(years.columns, name="setting"))
    if worlds is not None:
        unit, fixed, _, factor = derive(lambda key, default: (
            worlds[key] if key in case.assumptions else np.full(worlds.draws, default)))
    return Ledger(tuple(years.columns), base, closed[-1], spec, unit, fixed, factor, growth[-1],
                  table, parts, costs)


def tie_table(closed, total, outturn, factor):
    """Modelled against outturn by year: gap before, factor, residual after.

    The factor goes geometrically from 1 in the base year to outturn / modelled in the last.
    """
    table = pd.DataFrame({"modelled": total, "outturn": outturn.reindex(closed).to_numpy(float)},
                         index=pd.Index(closed, name="financial_year"))
    table["gap"] = table["modelled"] / table["outturn"] - 1
    table["factor"] = factor ** (np.arange(len(closed)) / max(len(closed) - 1, 1))
    table["after_factor"] = table["modelled"] * table["factor"]
    return table.assign(residual=table["after_factor"] / table["outturn"] - 1)


def refuse_gaps(table, accepted, limit):
    """Stop on a gap over the limit before the factor that the case does not accept by name."""
    for year, gap in table["gap"].items():
        if abs(gap) > limit and not str(accepted.get(year) or "").strip():
            raise ValueError(f"costs.ledger: {year} modelled is {gap:+.1%} from outturn; allowed "
                             f"{limit:.0%}, or costs.ledger.accepted_gap.{year} with the reason")


def line_table(spec, amounts, fixed):
    """Each line of the base year: net amount, the part per child, the part not, who pays."""
    return pd.DataFrame([
        {"line": name, "label": line["label"], "net": amounts[name],
         "per_child": amounts[name] - kept, "not_per_child": kept,
         "in_outturn": line.get("in_outturn", True), "funded_by": line["funded_by"]}
        for (name, line), kept in zip(spec.items(), fixed[0], strict=True)])
