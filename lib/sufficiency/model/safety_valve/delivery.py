"""When a measure works and how much of it comes: ramp, slippage, delivery and shared causes."""

import numpy as np
import xarray as xr
from scipy.special import expit, ndtr

from sufficiency.case.copula import copula_correlation, short_chance

# A logistic ramp of n months has its middle at n / 2 and a rate of 10 / n: 0.7% to 99.3% of its
# effect within the ramp (judgement).
STEEPNESS = 10.0
# What they take off is worked out against the base year by `measures`, not as a level held in it.
LUCK = ("delivery", "slippage", "held_delivery", "held_slippage")
NOT_HELD = ("uplift", "cash_profile")


def ramp(shape, months, t):
    """Share of full effect t months after the start, any shape of t; 0 up to the start.

    step: 1; linear: t / months, at most 1; logistic: 1 / (1 + exp(-k (t - months / 2))),
    k = 10 / months.
    """
    t = np.asarray(t, float)
    if shape == "step" or months == 0:
        return np.where(t > 0, 1.0, 0.0)
    if shape == "linear":
        return np.clip(t / months, 0.0, 1.0)
    return np.where(t > 0, expit(STEEPNESS / months * (t - months / 2)), 0.0)


def ramp_integral(shape, months, t):
    """Months of full effect from the start to t months after it: the integral of `ramp`.

    linear: t^2 / (2 months) in the ramp, then t - months / 2; logistic: [ln(1 + exp(k (s -
    months / 2)))] / k between 0 and t.
    """
    t = np.maximum(np.asarray(t, float), 0.0)
    if shape == "step" or months == 0:
        return t
    if shape == "linear":
        return np.where(t < months, t * t / (2 * months), t - months / 2)
    k, middle = STEEPNESS / months, months / 2
    return (np.logaddexp(0, k * (t - middle)) - np.logaddexp(0, -k * middle)) / k


def month_number(month):
    """Months since year 0 of a month, 2024-09."""
    return 12 * int(month[:4]) + int(month[5:7]) - 1


def april(financial_year):
    """Months since year 0 of the first month of a financial year, 2024-25."""
    return 12 * int(financial_year[:4]) + 3


def monthly(measure, slippage, first, count):
    """Mean effect of months first, first + 1, ..., delivered in full: (draw, month).

    first is a month's number, slippage (draw,) in months. From the start plus slippage along the
    ramp to the last month, which does not slip.
    """
    late = np.asarray(slippage, float)[:, None]
    edges = first + np.arange(count + 1) - month_number(measure.start)
    found = np.diff(ramp_integral(measure.ramp.shape, measure.ramp.months, edges - late), axis=1)
    if measure.end:
        found[:, np.arange(first, first + count) > month_number(measure.end)] = 0.0
    return np.clip(found, 0.0, 1.0)  # differences of large numbers: the last bit of rounding


def held(measure, slippage, base):
    """Effect, delivered in full, that a base year holds at its end: (draw,); 0 without a year."""
    end = april(base) + 12 if base else 0
    if not base or (measure.end and month_number(measure.end) < end):
        return np.zeros_like(slippage)
    return ramp(measure.ramp.shape, measure.ramp.months,
                end - month_number(measure.start) - slippage)


def delivered(measures, worlds, first_year, last_year, base=None, rate=None):
    """Effect of each measure in each month of calendar years: (measure, draw, month), 0 to 1.

    The month's mean of ramp x share delivered, less what the financial year `base` holds at its
    end, never below 0 (`uplift` and `cash_profile`, which are no level held, in full). rate: None
    draws delivery and slippage; a number, or (draw,), is delivered from now on, on time (1.0: all
    of it). What the base year holds came as drawn, whatever comes now. Coordinates (measure, draw):
    delivery (share) and slippage (months) of what is to come, further delay included; held_delivery
    and held_slippage of what the base year holds.
    """
    first, count = 12 * first_year, 12 * (last_year - first_year + 1)
    effect = np.empty((len(measures), worlds.draws, count))
    luck = {name: np.zeros((len(measures), worlds.draws)) for name in LUCK}
    for i, (name, measure) in enumerate(measures.items()):
        share, late, more = _luck(name, measure, worlds) if base or rate is None else (rate, 0, 0)
        now = (share, late + more) if rate is None else (rate, 0.0)
        for part, value in zip(LUCK, (*now, share, late), strict=True):
            luck[part][i] = value
        # A delay that no world differs in is worked out once.
        then, slip = (x[:1] if (x == x[0]).all() else x
                      for x in (luck["slippage"][i], luck["held_slippage"][i]))
        effect[i] = luck["delivery"][i][:, None] * monthly(measure, then, first, count)
        if measure.kind not in NOT_HELD:
            before = luck["held_delivery"][i] * held(measure, slip, base)
            effect[i] = np.maximum(effect[i] - before[:, None], 0.0)
    months = [f"{n // 12}-{n % 12 + 1:02d}" for n in range(first, first + count)]
    by_draw = ("measure", "draw")
    return xr.DataArray(
        effect, dims=(*by_draw, "month"), name="effect",
        coords={"measure": list(measures), "month": months,
                **{part: (by_draw, value) for part, value in luck.items()}},
        attrs={"units": "share of full effect", "base": base or ""})  # fmt: skip


def _luck(name, measure, worlds):
    """Share delivered, months late, and still to be delayed, of a measure: late goes with short.

    z = sum of sqrt(rho) F over its causes + sqrt(1 - sum of rho) e; F by the cause's name, e by
    the measure's, so that neither knows what other measures there are. Further delay: that of
    everything, and of what has its causes. A market has its own.
    """
    if measure.kind == "market":
        return 1.0, 0.0, 0.0
    loads = {cause: _rho(name, measure, cause, worlds) for cause in measure.causes}
    left = 1.0 - sum(loads.values())
    common = sum(np.sqrt(rho) * worlds.normal(f"safety_valve.cause.{cause}")
                 for cause, rho in loads.items())
    short, late = (ndtr(sign * (common + np.sqrt(left) * worlds.normal(
        f"safety_valve.measure.{name}.{kind}"))) for sign, kind in ((1, "delivery"), (-1, "slip")))
    slips = worlds.assumptions[_key(name, measure, "slippage")]
    keys = ["safety_valve.further_delay",
            *(f"safety_valve.causes.{cause}.further_delay" for cause in measure.causes)]
    return (_mixture(_key(name, measure, "delivery"), worlds, short), slips.quantile(late),
            sum(worlds[key] for key in keys if key in worlds))


def _key(name, measure, part):
    """Key of a measure's own slippage or delivery, or of the programme's."""
    own = getattr(measure, part) is not None
    return f"safety_valve.measures.{name}.{part}" if own else f"safety_valve.{part}"


def _rho(name, measure, cause, worlds):
    """Weight of a cause in a measure's luck (draw,): a measure like it slips with it as asked.

    Solved at the central chance of full delivery. Between measures of other chances the latent
    correlation is the geometric mean of the two weights.
    """
    key = f"safety_valve.causes.{cause}.if_one_slips"
    full = worlds.assumptions[_key(name, measure, "delivery") + ".full"].central_value()
    try:
        return copula_correlation(short_chance(full), worlds[key])
    except ValueError as error:
        raise ValueError(f"{key}: {error}, for {name}") from None


def _mixture(key, worlds, u):
    """Share delivered at u: none below P(none), all above 1 - P(full), else a quantile of part."""
    none, full = worlds[f"{key}.none"], worlds[f"{key}.full"]
    some = (u >= none) & (u <= 1.0 - full)
    # Outside the middle nothing is asked of the quantile but an answer.
    inside = np.where(some, (u - none) / np.maximum(1.0 - none - full, 1e-300), 0.5)
    part = worlds.assumptions[f"{key}.part"].quantile(np.clip(inside, 2.0**-53, 1 - 2.0**-53))
    return np.where(some, part, u > 1.0 - full)
