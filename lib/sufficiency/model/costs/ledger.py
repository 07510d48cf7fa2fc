"""Unit costs from the council's own section 251 lines, rolled forward and tied to its outturn.

Amounts are nominal GBP. Each line moves with one index: provider uplift, top-up uplift, general
inflation or none. `take(key, default)` gives an assumption's value: central, or one a world.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

INDICES = {"provider": "costs.uplift.provider", "top_up": "costs.uplift.top_up",
           "general": "costs.inflation.general", "none": None}
TOLERANCE = 0.02


@dataclass(frozen=True)
class Ledger:
    """Unit costs and the lines not per child, at prices of `base`, and how they tie.

    unit (world, index, setting) GBP a placement-year; fixed (world, line) GBP; factor (world,)
    brings the roll-forward to the outturn of `last`. tie: a row a financial year; lines: a row a
    line; unit_costs: a row a setting, central, at the prices of base and of last.
    """

    settings: tuple
    base: str
    last: str
    unit: np.ndarray
    fixed: np.ndarray
    factor: np.ndarray
    spec: dict
    tie: pd.DataFrame
    lines: pd.DataFrame
    unit_costs: pd.DataFrame


def central(case):
    """`take` for the central value of every assumption."""
    return lambda key, default=None: np.atleast_1d(
        case[key].central_value() if key in case.assumptions or default is None else default)


def sampled(case, worlds):
    """`take` for the value of every assumption in each world."""
    return lambda key, default=None: (
        worlds[key] if key in case.assumptions or default is None
        else np.full(worlds.draws, float(default)))


def years_between(start, end):
    """Financial years after start up to and including end."""
    first, last = int(start[:4]) + 1, int(end[:4])
    return [f"{y}-{(y + 1) % 100:02d}" for y in range(first, last + 1)]


def level(rate_in, start, year):
    """Price level of a year against start: product of 1 + rate over the years between."""
    if int(year[:4]) < int(start[:4]):
        return 1 / level(rate_in, year, start)
    return np.prod([1 + rate_in(y) for y in years_between(start, year)], axis=0)


def net_amounts(amounts, spec):
    """Gross lines less recoupment income, shared pro rata over the lines that name it."""
    gross = {name: float(amounts[name]) for name in spec}
    pools = {}
    for name, line in spec.items():
        if line.get("income"):
            pools[line["income"]] = pools.get(line["income"], 0.0) + gross[name]
    return {name: gross[name] * (1 - (amounts[line["income"]] / pools[line["income"]]
                                      if line.get("income") else 0.0))
            for name, line in spec.items()}


def split(amounts, spec, years, take):
    """Each line as unit costs by setting plus a part that is not per child.

    unit cost of a setting = sum over lines of amount x per-child share x weight / sum of weight x
    years. amounts {line: GBP}, years {setting: placement-years} -> unit (world, index, setting)
    GBP a placement-year, fixed (world, line) GBP. Refuses a setting without a unit cost.
    """
    names, worlds = list(years), len(take("", 1.0))
    unit, fixed = np.zeros((worlds, len(INDICES), len(names))), np.zeros((worlds, len(spec)))
    for column, (line, entry) in enumerate(spec.items()):
        per = entry.get("per") or []
        kept = take(f"costs.not_per_child.{line}", 0.0 if per else 1.0)
        fixed[:, column] = amounts[line] * kept
        weight = np.stack([take(f"costs.weight.{line}.{s}", 1.0) if s in per else np.zeros(worlds)
                           for s in names], -1)
        base = weight @ np.array([years[s] for s in names], float)
        if per and np.any(base <= 0):
            raise ValueError(f"costs.ledger.lines.{line}: no placements in {', '.join(per)}")
        if per:
            price = amounts[line] * (1 - kept) / base
            unit[:, list(INDICES).index(entry["uplift"])] += price[:, None] * weight
    return unit, fixed


def with_own_prices(unit, names, base, case, take):
    """Unit costs given as costs.unit.<setting>, at prices of their `as_of` year, replace derived
    ones; costs.unit_multiplier.<setting> scales either. A setting with no unit cost is refused.
    """
    unit = unit.copy()
    for place, name in enumerate(names):
        key = f"costs.unit.{name}"
        if key in case.assumptions:
            kind = list(INDICES).index(case.value("costs.unit_uplift", {}).get(name, "top_up"))
            since = index_paths(case, base, [str(case[key].as_of or base)])[0, kind]
            unit[:, :, place] = 0.0
            unit[:, kind, place] = take(key) / since
        if np.any(unit[:, :, place].sum(1) <= 0):
            raise ValueError(f"costs.unit.{name}: no unit cost; allowed: a line of "
                             "costs.ledger.lines that names it in `per`, or GBP/place/year")
        unit[:, :, place] *= take(f"costs.unit_multiplier.{name}", 1.0)[:, None]
    return unit


def index_paths(case, base, years):
    """Index of each kind against base, central, for years already closed: (year, index).

    Published growth of a year's mean price, so the month of uplift is already in it.
    """
    def rate(key):
        return lambda year: case[key].central_value(year)
    return np.array([[level(rate(key), base, year) if key else 1.0 for key in INDICES.values()]
                     for year in years])


def modelled(unit, fixed, spec, years, index):
    """Spend on the 1.2.x basis: years x unit cost x index + lines not per child x index.

    years (year, setting), index (year, index) -> (world, year) GBP.
    """
    counted = np.array([line.get("in_outturn", True) for line in spec.values()], float)
    kinds = [list(INDICES).index(line["uplift"]) for line in spec.values()]
    lines = (fixed * counted) @ index[:, kinds].T if spec else 0.0
    return np.einsum("wks,yk,ys->wy", unit, index, years) + lines


def tie(case, years, worlds=None):
    """The ledger: unit costs from the lines of the base year, tied to the latest outturn.

    years: DataFrame of placement-years, financial year x setting. The factor is outturn / modelled
    in the last year, and 1 in the base year, interpolated geometrically, so that the years between
    show what it leaves. A gap over 2% before the factor is refused unless
    costs.ledger.accepted_gap names the year with a reason.
    """
    spec, base = case.value("costs.ledger.lines", {}), str(case.value("costs.ledger.base_year"))
    outturn = case.published("section_251").iloc[:, 0].dropna() if spec else pd.Series(dtype=float)
    closed = [y for y in years.index if base <= y and y in outturn.index] or [base]
    last, counts = closed[-1], years.loc[closed].to_numpy(float)
    amounts = net_amounts(case.published("section_251_lines").loc[base], spec) if spec else {}
    index = index_paths(case, base, closed)

    def run(take):
        unit, fixed = split(amounts, spec, years.loc[base].to_dict(), take)
        unit = with_own_prices(unit, list(years.columns), base, case, take)
        total = modelled(unit, fixed, spec, counts, index)
        return unit, fixed, total, (outturn[last] / total[:, -1] if spec else np.ones(len(unit)))

    unit, fixed, total, factor = run(central(case))
    table = tie_table(closed, total[0], outturn, factor[0]) if spec else pd.DataFrame()
    refuse_gaps(table, case.value("costs.ledger.accepted_gap", {}))
    costs = pd.DataFrame({base: unit[0].sum(0), last: factor[0] * (index[-1] @ unit[0])},
                         index=pd.Index(years.columns, name="setting"))
    parts = line_table(spec, amounts, fixed[0])
    if worlds is not None:
        unit, fixed, total, factor = run(sampled(case, worlds))
    return Ledger(tuple(years.columns), base, last, unit, fixed, factor, spec, table, parts, costs)


def tie_table(closed, total, outturn, factor):
    """Modelled against outturn by financial year: gap before, factor, residual after (shares)."""
    actual = outturn[closed].to_numpy(float)
    through = np.linspace(0, 1, len(closed)) if len(closed) > 1 else np.zeros(1)
    factors = factor**through
    return pd.DataFrame({"modelled": total, "outturn": actual, "gap": total / actual - 1,
                         "factor": factors, "after_factor": total * factors,
                         "residual": total * factors / actual - 1},
                        index=pd.Index(closed, name="financial_year"))


def refuse_gaps(table, accepted):
    """Stop on a gap over 2% before the factor that the case does not accept by name."""
    for year, gap in (table["gap"] if len(table) else pd.Series(dtype=float)).items():
        if abs(gap) > TOLERANCE and not str(accepted.get(year) or "").strip():
            raise ValueError(f"costs.ledger: {year} modelled is {gap:+.1%} from outturn; allowed: "
                             f"2%, or costs.ledger.accepted_gap.{year} with the reason")


def line_table(spec, amounts, fixed):
    """Each line of the base year: net amount, the part per child, the part not, who pays."""
    rows = [{"line": name, "label": line["label"], "net": amounts[name],
             "per_child": amounts[name] - kept, "not_per_child": kept,
             "in_outturn": line.get("in_outturn", True), "funded_by": line["funded_by"]}
            for (name, line), kept in zip(spec.items(), fixed, strict=True)]
    return pd.DataFrame(rows)


def in_year_position(spend, place_funding, block_after_deductions):
    """Overspend on one basis: 1.2.x + maintained place funding 1.0.2 - block after deductions."""
    return spend + place_funding - block_after_deductions
