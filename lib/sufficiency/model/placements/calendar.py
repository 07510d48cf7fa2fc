"""From plans counted each January to the placement-years paid for in each financial year.

Plans are counted in mid-January. Ageing, moves and ceasing fall on 1 September; whatever else
changes a setting's roll is spread evenly over the twelve months. A setting's money profile is one
number: the share of a year's price that falls in April to August (by day 5/12, termly 1/3).
"""

import numpy as np
import xarray as xr

BANDS = ("up to 0", "1-6", "7-11", "12-15", "16+")
BAND_STARTS = (0, 5, 11, 16, 20)
PROFILES = {"by_day": 5 / 12, "termly": 1 / 3}


def financial_year(january):
    """The financial year that begins in the calendar year of this January: 2025 -> '2025-26'."""
    return f"{january}-{(january + 1) % 100:02d}"


def window_rolls(stock, step):
    """Mean roll April to August, and September to March, of each financial year.

    Months run from 1 January: the count is at 0.5, April to August 3 to 8, September to the next
    count 8 to 12.5, then to 15. step is the change on 1 September (moved in - moved out - ceased);
    other change of stock is spread. stock (..., january, setting), step (..., january - 1, setting)
    -> two of (..., january - 2, setting), since January to March needs the next year's spread.
    """
    stock, step = np.asarray(stock, float), np.asarray(step, float)
    if stock.shape[-2] < 3 or step.shape[-2] != stock.shape[-2] - 1:
        raise ValueError(
            f"calendar: {stock.shape[-2]} Januaries with {step.shape[-2]} years of change; "
            "allowed: at least 3 Januaries and one year of change between each two"
        )
    spread = np.diff(stock, axis=-2) - step
    now, this = stock[..., :-2, :], spread[..., :-1, :]
    summer = now + this * (5.5 - 0.5) / 12
    autumn = now + step[..., :-1, :] + this * (10.25 - 0.5) / 12
    spring = stock[..., 1:-1, :] + spread[..., 1:, :] * (13.75 - 12.5) / 12
    return summer, (4.5 * autumn + 2.5 * spring) / 7


def placement_years(stock, step, summer_share, notice=None):
    """Placement-years paid for, by age band.

    summer_share x mean roll April to August + the rest x mean roll September to March; bands are
    those of the January before until 1 September and of the January after from then on.
    stock (..., january, setting, band), step and notice (years paid after leaving) (..., january -
    1, setting), summer_share (setting,) -> (..., january - 2, setting, band).
    """
    stock = np.asarray(stock, float)
    summer, winter = window_rolls(stock.sum(-1), step)
    share = np.asarray(summer_share, float)
    before = share * summer + (0 if notice is None else np.asarray(notice)[..., :-1, :])
    bands = band_shares(stock)
    years = before[..., None] * bands[..., :-2, :, :]
    years += ((1 - share) * winter)[..., None] * bands[..., 1:-1, :, :]
    return years


def setting_years(stock, step, gone, summer_share, notice):
    """Placement-years paid for in all age bands together: (..., january - 2, setting).

    As `placement_years`, from plans (..., january, setting); gone: who left or moved out in a year
    (..., january - 1, setting), each paid for `notice` years more (setting,).
    """
    summer, winter = window_rolls(stock, step)
    return summer_share * summer + (1 - summer_share) * winter + notice * gone[..., :-1, :]


def band_shares(stock):
    """Share of plans by band, the last axis; an empty cell takes its setting's over all draws."""
    total = stock.sum(-1, keepdims=True)
    pooled = stock.reshape(-1, *stock.shape[-2:]).sum(0) + 1e-9
    pooled /= pooled.sum(-1, keepdims=True)
    return np.where(total > 0, stock / np.where(total > 0, total, 1), pooled)


def by_band(plans):
    """Plans by single year of age (0 to 25, last axis) -> by band: at 31 August 0-4, 5-10, ..."""
    if np.shape(plans)[-1] != 26:
        raise ValueError(f"plans by age: {np.shape(plans)[-1]} ages; allowed: 26 (0 to 25)")
    return np.add.reduceat(np.asarray(plans), BAND_STARTS, axis=-1, dtype=float)


def summer_share(setting, profile):
    """Share of a year's price that falls in April to August: of PROFILES; another is refused."""
    if profile not in PROFILES:
        raise ValueError(f"costs.profile.{setting}: found {profile!r}; allowed "
                         + ", ".join(PROFILES))
    return PROFILES[profile]


def stay_share(plans, leavers, moved_out):
    """Share of children who keep their setting for a year: 1 - (ceased + moved out) / plans.

    plans (draw, january, setting), the others (draw, january - 1, setting) -> (setting,).
    """
    gone = (np.asarray(leavers, float) + moved_out).sum((0, 1))
    return 1 - gone / np.maximum(np.asarray(plans)[:, :-1].sum((0, 1), dtype=float), 1)


def paid_years(placements, history, profile, notice=None):
    """Placement-years of every financial year from the first January of history.

    placements: plans (draw, year, setting, age), leavers, moved_in, moved_out (draw, year,
    setting); history: published plans, January x setting, where those before the model's first
    take its first year's September change and age bands; profile: by_day or termly by setting;
    notice: years paid after a departure by setting. Refuses a gap between the two.
    """
    settings = [str(s) for s in placements["setting"].values]
    years = [int(y) for y in placements["year"].values]
    stock = by_band(placements["plans"].values)
    left, inward, outward = (placements[name].values[:, : len(years) - 1].astype(float)
                             for name in ("leavers", "moved_in", "moved_out"))
    step, gone = inward - outward - left, left + outward
    past = history.loc[history.index < years[0], settings]
    unbroken = list(past.index) == list(range(years[0] - len(past), years[0]))
    if not unbroken or past.isna().to_numpy().any():
        raise ValueError(f"plans_by_setting: Januaries {list(past.index)}; allowed: every January "
                         f"up to {years[0] - 1}, no blanks")
    # A setting empty or nearly so in the first year says nothing of its Septembers before
    first = stock[:, 0].sum((0, -1))
    usual = [np.divide(flow[:, 0].sum(0), first, out=np.zeros(len(first)),
                       where=first > np.abs(flow[:, 0].sum(0))) for flow in (step, gone)]
    counts = past.to_numpy(float)
    pieces = (counts[..., None] * band_shares(stock[:, :1].mean(0))[0],
              counts * usual[0], counts * usual[1])
    stock, step, gone = (np.concatenate([np.broadcast_to(old, (len(new), *old.shape)), new], 1)
                         for old, new in zip(pieces, (stock, step, gone), strict=True))
    share = np.array([summer_share(name, profile.get(name, "by_day")) for name in settings])
    after = None if notice is None else gone * np.array([notice.get(s, 0.0) for s in settings])
    names = [financial_year(y) for y in [*past.index, *years][:-2]]
    return xr.DataArray(
        placement_years(stock, step, share, after), name="placement_years",
        dims=("draw", "financial_year", "setting", "age_band"),
        coords={"financial_year": names, "setting": settings, "age_band": list(BANDS)},
        attrs={"units": "placement-years"},
    )
