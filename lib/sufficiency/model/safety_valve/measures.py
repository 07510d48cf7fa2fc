"""What measures change: the paths of children, the price of a setting, and cash in and out.

measures {name: Measure} are those switched on, in the case's order; effect is
`delivery.delivered` of these and maybe others. GBP nominal, as the case gives them.
"""

import numpy as np
import xarray as xr

from sufficiency.case.measures import Ramp
from sufficiency.model.costs.spend import old_price_share
from sufficiency.model.placements import backlog
from sufficiency.model.placements.calendar import PROFILES, financial_year
from sufficiency.model.placements.levers import Lever
from sufficiency.model.safety_valve.delivery import april, held, month_number, monthly

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
            share = _share(name, measure, worlds, reversal) * _calendar(effect, name, years).mean(2)
            growth = np.asarray(made["growth"], float)
            made["growth"] = growth * (1 - (share[..., None] if growth.ndim == 3 else share))
        elif measure.kind == "backlog":
            faster[name] = _calendar(effect, name, years).reshape(worlds.draws, -1)
    if faster:
        made["extra_joiners"] = made["extra_joiners"] + _sooner(faster, worlds, len(years))
    return {**made, "levers": tuple(levers)} if levers else made


def _levers(name, measure, effect, calibration, worlds, years, reversal):
    """Levers of the engine that a measure is; cessation without a setting is one in each."""
    places = list(calibration.rates.places)
    target = places.index(measure.to) if measure.to else NOWHERE
    origins = [places.index(measure.setting)] if measure.setting else range(len(places))
    kind, months = MOVES[measure.kind], _calendar(effect, name, years)
    reached = months.mean(2) if kind == "entrants" else months[..., 8]
    size = _share(name, measure, worlds, reversal) * reached
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


def _of(array, name):
    """Values of one measure: (draw, ...). xarray's own choice takes longer than the sums."""
    return array.values[list(array["measure"].values).index(name)]


def _calendar(effect, name, years):
    """Effect in the months of the calendar year before each January: (draw, year, 12)."""
    return _months(effect, name, 12 * (years[0] - 1), len(years))


def _financial(effect, name, years):
    """Effect in the months, April to March, of each financial year: (draw, year, 12)."""
    return _months(effect, name, april(years[0]), len(years))


def _months(effect, name, first, years):
    """Effect of a measure in so many years from month number first: (draw, year, 12).

    Before the effect begins it is 0 as far as the base year goes; other months are refused.
    """
    begin, end = month_number(str(effect["month"].values[0])), first + 12 * years
    base, missing = effect.attrs["base"], max(0, begin - first)
    if end > begin + effect.sizes["month"] or (
            missing and begin > (april(base) + 12 if base else 0)):
        have = f"{effect['month'].values[0]} to {effect['month'].values[-1]}"
        raise ValueError(f"effect: found {have}; allowed {12 * years} months from "
                         f"{first // 12}-{first % 12 + 1:02d}")
    found = _of(effect, name)[:, max(0, first - begin) : max(0, end - begin)]
    return np.pad(found, ((0, 0), (12 * years - found.shape[1], 0))).reshape(-1, years, 12)


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


def price_multiplier(measures, effect, worlds, years, settings, profile=None, market=None):
    """What measures make of the nominal spend of each setting: (draw, financial_year, setting).

    price: 1 - size x effect, the mean of the months by how a year's money falls (profile {setting:
    by_day or termly}). uplift: each yearly uplift after the base year is less by size x effect in
    the month of the provider's uplift, and so compounds. market {measure: ratio (draw or 1,
    financial_year)}: see `_on_route`.
    """
    found = np.ones((worlds.draws, len(years), len(settings)))
    for name, measure in measures.items():
        if measure.kind not in ("price", "uplift", "market"):
            continue
        place = list(settings).index(measure.setting)
        if measure.kind == "market":
            ratio = _on_route(name, measure, market, effect, worlds, years)
            found[..., place] *= 1 - _of(effect["delivery"], name)[:, None] * (1 - ratio)
            continue
        size = worlds[f"safety_valve.measures.{name}.size"][:, None]
        months = _financial(effect, name, years)
        if measure.kind == "uplift":
            change = _uplifted(size[..., None] * months, effect.attrs["base"], worlds, years)
        else:
            summer = PROFILES[(profile or {}).get(measure.setting, "by_day")]
            change = 1 - size * (months @ np.repeat([summer / 5, (1 - summer) / 7], [5, 7]))
        found[..., place] *= change
    return xr.DataArray(found, dims=("draw", "financial_year", "setting"),
                        coords={"financial_year": list(years), "setting": list(settings)})


def _on_route(name, measure, market, effect, worlds, years):
    """Fees on a measure's route over those on the reference route: (draw or 1, year).

    From the financial year of its start; the same before the market opens, and as in its last year
    after it. Less what the base year holds. Worlds are the first draws of the market's.
    """
    if name not in (market or {}):
        raise ValueError(f"market: found no fees of {name}; allowed those on its route, by year")
    ratio = market[name].transpose("draw", "financial_year")
    known, values = [*map(str, ratio["financial_year"].values)], ratio.values[: worlds.draws]
    if len(values) not in (1, worlds.draws):
        raise ValueError(f"market: found {len(values)} draws of {name}; allowed {worlds.draws}")
    base, none = effect.attrs["base"], np.ones(len(values))
    first = max(known[0], financial_year((month_number(measure.start) - 3) // 12))

    def of(year):
        return values[:, known.index(min(year, known[-1]))] if year >= first else none

    return np.stack([of(year) / of(base) if year > base else none for year in years], 1)


def _uplifted(cut, base, worlds, years):
    """Price paid with uplifts less by cut (draw, year, month), over that without: (draw, year).

    As `spend.paid_index`.
    """
    month, key = 4, "costs.uplift_month.provider"
    if key in worlds:
        month = int(worlds.assumptions[key].central_value())
    old, key = old_price_share(month, PROFILES["termly"]), "costs.uplift.provider"
    level, paid = np.ones(worlds.draws), []
    for year, lower in zip(years, cut[..., (month - 4) % 12].T, strict=True):
        rate = worlds.at(key, year) if key in worlds else np.zeros(worlds.draws)
        before, level = level, level * (1 - lower * (year > base) / (1 + rate))
        paid.append((old * before / (1 + rate) + (1 - old) * level) / (old / (1 + rate) + 1 - old))
    return np.stack(paid, 1)


def cash(measures, effect, worlds, years):
    """Cash saved by the measures that are a profile of cash, GBP: (measure, draw, financial_year).

    Mean over the year's months of size x effect, where a measure that slips has its whole profile
    come late by as much; less what that was in the base year, and nought up to it.
    """
    names = [name for name, measure in measures.items() if measure.kind == "cash_profile"]
    base, saved = effect.attrs["base"], []
    for name in names:
        late, then = _of(effect["held_slippage"], name), _of(effect["slippage"], name)
        size = np.stack([_profile(name, measures[name], then, year, worlds) for year in years], 1)
        amounts = (_financial(effect, name, years) * size).mean(2)
        if base:
            share = monthly(measures[name], late, april(base), 12)
            before = (share * _profile(name, measures[name], late, base, worlds)).mean(1)
            amounts = amounts - (before * _of(effect["held_delivery"], name))[:, None]
            amounts = np.maximum(amounts, 0.0) * [year > base for year in years]
        saved.append(amounts)
    return xr.DataArray(
        np.reshape(saved, (len(names), worlds.draws, len(years))), dims=BY_YEAR,
        coords={"measure": names, "financial_year": list(years)}, attrs={"units": "GBP"})


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
        sooner = month_number(measure.start) < april(first)
        return np.zeros(worlds.draws) if sooner else worlds.at(key, first)
    return worlds.at(key, year)


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
    late, then = _of(effect["held_slippage"], name), _of(effect["slippage"], name)
    base = effect.attrs["base"]
    if item == "start_up":
        since = np.floor(month_number(measure.start) + then)[:, None] - [april(y) for y in years]
        return ((since >= 0) & (since < 12) & [year > base for year in years]).astype(float)
    at_once = measure.model_copy(update={"ramp": Ramp()})
    months = monthly(at_once, then, april(years[0]), 12 * len(years)).reshape(-1, len(years), 12)
    return np.maximum(months - held(at_once, late, base)[:, None, None], 0.0).mean(2)
