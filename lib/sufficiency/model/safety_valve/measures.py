"""What measures change: the paths of children, the price of a setting, and cash in and out.

measures {name: Measure} are those switched on, in the case's order; effect is
`delivery.delivered` of these and maybe others. GBP nominal, as the case gives them.
"""

import numpy as np
import xarray as xr

from sufficiency.model.costs.spend import old_price_share
from sufficiency.model.placements import backlog
from sufficiency.model.placements.calendar import PROFILES, financial_year
from sufficiency.model.placements.levers import Lever
from sufficiency.model.safety_valve.delivery import held, month_number, monthly

MOVES = {"redirect": "entrants", "new_places": "places", "step_down": "stock", "cessation": "stock"}
NOWHERE, ACCOUNT = -1, "dsg_high_needs"
ITEMS = ("place_funding", "start_up", "cost")
BY_YEAR = ("measure", "draw", "financial_year")


def engine_changes(measures, effect, calibration, worlds, years, paths, reversal=True):
    """Paths of `growth.growth_paths` with what measures change, and `levers` if there are any.

    years: the Januaries of paths. The period to January y is calendar year y - 1: joiners and
    entrants feel the mean effect of its months, places and those who move or cease that of its
    September. reversal: whether families win back their share by appeal.
    """
    made, levers, faster = dict(paths), [], {}
    for name, measure in measures.items():
        if measure.kind in MOVES:
            levers += _levers(name, measure, effect, calibration, worlds, years, reversal)
        elif measure.kind == "front_door":
            share = _share(name, measure, worlds, reversal) * _yearly(effect, name, years)
            growth = np.asarray(made["growth"], float)
            made["growth"] = growth * (1 - (share[..., None] if growth.ndim == 3 else share))
        elif measure.kind == "backlog":
            faster[name] = _window(effect, name, years)
    if faster:
        made["extra_joiners"] = made["extra_joiners"] + _sooner(faster, worlds, len(years))
    return {**made, "levers": tuple(levers)} if levers else made


def _levers(name, measure, effect, calibration, worlds, years, reversal):
    """Levers of the engine that a measure is; cessation without a setting is one in each."""
    places = list(calibration.rates.places)
    target = places.index(measure.to) if measure.to else NOWHERE
    origins = [places.index(measure.setting)] if measure.setting else range(len(places))
    kind = MOVES[measure.kind]
    size = _share(name, measure, worlds, reversal)
    if kind == "entrants":
        size = size * _yearly(effect, name, years)
    else:
        size = size * _september(effect, name, years)
    share, opened = (1.0, size) if kind == "places" else (size, None)
    # Of stock the engine asks the age a year before, at the start of the step.
    first, last = (age - (kind == "stock") for age in measure.between)
    return [Lever(kind, name, i, target, share, opened, first, last) for i in origins]


def _share(name, measure, worlds, reversal):
    """Size of a measure less what families win back, (draw, 1)."""
    size = worlds[f"safety_valve.measures.{name}.size"]
    if reversal and measure.appeal_reversal is not None:
        size = size * (1 - worlds[f"safety_valve.measures.{name}.appeal_reversal"])
    return size[:, None]


def _months(effect, name, first, count):
    """Effect of a measure in count months from month number first: (draw, month).

    Before the effect begins it is 0 as far as the base year goes; other months are refused.
    """
    begin = month_number(str(effect["month"].values[0]))
    base, missing = effect.attrs["base"], max(0, begin - first)
    held_to = 12 * int(base[:4]) + 15 if base else 0
    if first + count > begin + effect.sizes["month"] or (missing and begin > held_to):
        have = f"{effect['month'].values[0]} to {effect['month'].values[-1]}"
        raise ValueError(f"effect: found {have}; allowed {count} months from "
                         f"{first // 12}-{first % 12 + 1:02d}")
    found = _of(effect, name)[:, max(0, first - begin) : max(0, first + count - begin)]
    return np.pad(found, ((0, 0), (min(missing, count), 0))) if missing else found


def _of(array, name):
    """Values of one measure: (draw, ...). xarray's own choice takes longer than the sums."""
    return array.values[list(array["measure"].values).index(name)]


def _window(effect, name, years):
    """Months of the calendar years before each January: (draw, 12 x year)."""
    return _months(effect, name, 12 * (years[0] - 1), 12 * len(years))


def _yearly(effect, name, years):
    return _window(effect, name, years).reshape(-1, len(years), 12).mean(2)


def _september(effect, name, years):
    return _window(effect, name, years)[:, 8::12]


def _sooner(faster, worlds, years):
    """Releases of the backlog with measures less those without: (draw, year).

    1 / months_to_clear of it is released each month; of a measure's effect, 1 / size instead.
    """
    plans = worlds["placements.backlog.plans"]
    usual = worlds["placements.backlog.months_to_clear"]
    speed = 1 / np.maximum(usual, 1.0)[:, None]
    for name, effect in faster.items():
        own = np.maximum(worlds[f"safety_valve.measures.{name}.size"], 1.0)[:, None]
        speed = speed + effect * (1 / own - speed)
    speed = np.broadcast_to(speed, (worlds.draws, 12 * years))
    cleared = np.minimum(np.cumsum(speed, axis=1), 1.0)[:, 11::12]
    return plans[:, None] * np.diff(cleared, axis=1, prepend=0.0) - backlog.release(
        plans, usual, years)


def price_multiplier(measures, effect, worlds, years, settings, profile=None):
    """What measures make of the nominal spend of each setting: (draw, financial_year, setting).

    price: 1 - size x effect, the mean of the months by how a year's money falls (profile {setting:
    by_day or termly}). uplift: each yearly uplift after the base year is less by size x effect in
    the month of the provider's uplift, and so compounds.
    """
    found = np.ones((worlds.draws, len(years), len(settings)))
    for name, measure in measures.items():
        if measure.kind in ("price", "uplift"):
            column = list(settings).index(measure.setting)
            size = worlds[f"safety_valve.measures.{name}.size"][:, None]
            if measure.kind == "uplift":
                found[..., column] *= _uplifted(effect, name, size, worlds, years)
                continue
            summer = PROFILES[(profile or {}).get(measure.setting, "by_day")]
            weight = np.repeat([summer / 5, (1 - summer) / 7], [5, 7])
            found[..., column] *= 1 - size * (_financial(effect, name, years) @ weight)
    return xr.DataArray(found, dims=("draw", "financial_year", "setting"),
                        coords={"financial_year": list(years), "setting": list(settings)})


def _uplifted(effect, name, size, worlds, years):
    """Price paid with a lower uplift over that without: (draw, year). As `spend.paid_index`."""
    month, key = 4, "costs.uplift_month.provider"
    if key in worlds:
        month = int(worlds.assumptions[key].central_value())
    old, key = old_price_share(month, PROFILES["termly"]), "costs.uplift.provider"
    level, paid, base = np.ones(worlds.draws), [], effect.attrs["base"]
    for year, months in zip(years, _by_year(effect, name, years), strict=True):
        rate = worlds.at(key, year) if key in worlds else np.zeros(worlds.draws)
        cut = size[:, 0] * months[:, (month - 4) % 12] * (year > base)
        before, level = level, level * (1 - cut / (1 + rate))
        paid.append((old * before / (1 + rate) + (1 - old) * level) / (old / (1 + rate) + 1 - old))
    return np.stack(paid, 1)


def _by_year(effect, name, years):
    """Months April to March of each financial year, (draw, 12) each."""
    return [_months(effect, name, 12 * int(year[:4]) + 3, 12) for year in years]


def _financial(effect, name, years):
    return np.stack(_by_year(effect, name, years), 1)


def cash(measures, effect, worlds, years):
    """Cash saved by the measures that are a profile of cash, GBP: (measure, draw, financial_year).

    Mean over the year's months of size x effect, where a measure that slips has its whole profile
    come late by as much; less what that was in the base year, and nought up to it.
    """
    names = [name for name, measure in measures.items() if measure.kind == "cash_profile"]
    base, saved = effect.attrs["base"], []
    for name in names:
        late = _of(effect["slippage"], name)
        then = late + _of(effect["further"], name)
        size = np.stack([_profile(name, measures[name], then, year, worlds) for year in years], 1)
        amounts = (_financial(effect, name, years) * size).mean(2)
        if base:
            share = monthly(measures[name], late, 12 * int(base[:4]) + 3, 12)
            before = (share * _profile(name, measures[name], late, base, worlds)).mean(1)
            amounts = amounts - (before * _of(effect["delivery"], name))[:, None]
            amounts = np.maximum(amounts, 0.0) * [year > base for year in years]
        saved.append(amounts)
    return _by_measure(saved, names, worlds, years)


def _profile(name, measure, late, year, worlds):
    """Size of a profile of cash in each month of a year, late by `late` (draw,): GBP a year,
    (draw, 12). Its first size stands for the months before it, in which nothing is saved yet.
    """
    key, back = f"safety_valve.measures.{name}.size", int(late.max() // 12) + 1
    first = int(year[:4]) - back
    sizes = np.stack([_size(key, measure, financial_year(y), worlds)
                      for y in range(first, first + back + 1)], 1)
    reached = np.cumsum(sizes, axis=1) - sizes
    years = np.maximum(back + np.arange(13) / 12 - late[:, None] / 12, 0.0)
    whole = np.minimum(years.astype(int), back)
    reached = np.take_along_axis(reached, whole, 1) + (years - whole) * np.take_along_axis(
        sizes, whole, 1)
    return 12 * np.diff(reached, axis=1)


def _size(key, measure, year, worlds):
    """Yearly size (draw,), GBP; before its first year that of it, or 0 if it began sooner."""
    values = worlds.assumptions[key].values
    if not values:
        return worlds[key]
    first = min(map(str, values))
    if year < first:
        sooner = month_number(measure.start) < 12 * int(first[:4]) + 3
        return np.zeros(worlds.draws) if sooner else worlds.at(key, first)
    return worlds.at(key, year)


def _by_measure(amounts, names, worlds, years):
    shape = (len(names), worlds.draws, len(years))
    return xr.DataArray(np.array(amounts).reshape(shape), dims=BY_YEAR, attrs={"units": "GBP"},
                        coords={"measure": names, "financial_year": list(years)})


def costs(measures, effect, worlds, years):
    """What measures cost, GBP: dataset of account and outside (item, measure, draw, year).

    place_funding: of every place open, filled or not; start_up: once, at the start; cost: a year,
    for the months at work. Start and work slip, and are paid for whatever is delivered; what the
    base year holds is not counted again. account holds what the high needs block pays for (the
    cost's funded_by, else the measure's), outside the rest.
    """
    found = {where: np.zeros((len(ITEMS), len(measures), worlds.draws, len(years)))
             for where in ("account", "outside")}
    for column, (name, measure) in enumerate(measures.items()):
        for row, item in enumerate(ITEMS):
            entry = getattr(measure, item)
            if entry is not None:
                amount = worlds[f"safety_valve.measures.{name}.{item}"][:, None]
                where = (entry.funded_by or measure.funded_by) == ACCOUNT
                found["account" if where else "outside"][row, column] = (
                    amount * _units(item, name, measure, effect, worlds, years))
    coords = {"item": list(ITEMS), "measure": list(measures), "financial_year": list(years)}
    return xr.Dataset({where: (("item", *BY_YEAR), money, {"units": "GBP"})
                       for where, money in found.items()}, coords)


def _units(item, name, measure, effect, worlds, years):
    """Places a year, starts, or years at work, that a cost is for: (draw, financial_year)."""
    if item == "place_funding":
        places = worlds[f"safety_valve.measures.{name}.size"][:, None]
        return places * _financial(effect, name, years).mean(2)
    late, base = _of(effect["slippage"], name), effect.attrs["base"]
    then = late + _of(effect["further"], name)
    firsts = [12 * int(year[:4]) + 3 for year in years]
    counted = np.array([year > base for year in years])
    if item == "start_up":
        start = np.floor(month_number(measure.start) + then)[:, None]
        return ((start >= firsts) & (start < np.array(firsts) + 12) & counted).astype(float)
    before = held(measure, late, base, ramped=False)[:, None]
    return np.stack([np.maximum(monthly(measure, then, first, 12, ramped=False) - before, 0.0)
                     .mean(1) for first in firsts], 1)
