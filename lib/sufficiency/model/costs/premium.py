"""How much dearer spot is than framework, raw and for like children, in a placement list.

Not a causal estimate. Officers leave the framework for children who are harder to place; what made
them harder and is not in the list (the crisis, the tenth refusal) stays in the adjusted premium.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

ADJUST = ("setting", "started", "age_band", "primary_need", "need_band", "boarding", "distance",
          "education_on_site", "transport_included")
KEPT = ("framework", "spot")
# Judgement, all of them. The one published comparison is +23.5% (Darlington 2020-21, raw): a range
# wider than about twice that holds both nothing and double.
FEWEST, WIDEST, DOMINANT, MOST_KNOWN, PROVIDERS = 15, 0.5, 0.5, 0.9, 30
SMALL = 7  # counts up to it are not said


class Estimate(NamedTuple):
    """A premium, share of the framework's price: 95% from lower to upper, low P10, high P90."""

    central: float
    lower: float
    upper: float
    low: float
    high: float


@dataclass(frozen=True)
class Premium:
    """What a list says of spot against framework.

    counts: rows by how bought, as given; used: those compared, {framework, spot}; outside: rows of
    a kind of child only ever bought one way, which say nothing. means: ratio of mean prices less 1;
    raw: of geometric means; adjusted: for like children, or None; huber: the same with far prices
    weighed down, no interval. adjusted_for: columns; by: what the intervals allow for. reasons: why
    the list cannot tell, in words, empty if it can; notes: what to know beside.
    """

    counts: dict
    used: dict
    outside: int
    means: Estimate | None
    raw: Estimate | None
    adjusted: Estimate | None
    huber: float | None
    adjusted_for: tuple
    by: str
    reasons: tuple
    notes: tuple

    def table(self):
        """The estimates side by side: frame of shares."""
        rows = {"Mean prices": self.means, "Typical prices (geometric means)": self.raw,
                "Typical prices, like children": self.adjusted}
        columns = {"premium": "central", "95% from": "lower", "to": "upper"}
        return pd.DataFrame({head: {name: getattr(found, part) for name, found in rows.items()
                                    if found} for head, part in columns.items()})

    def assumption(self, source):
        """The adjusted premium as an assumption: {low, central, high, unit, quality, source}."""
        if self.reasons:
            raise ValueError(f"premium: found a list that cannot tell ({'; '.join(self.reasons)}); "
                             "allowed one that can")
        numbers = {name: round(getattr(self.adjusted, name), 3) for name in
                   ("low", "central", "high")}
        return {**numbers, "unit": "ratio", "quality": "council", "source": source}


def premium(frame, adjust=ADJUST):
    """Spot over framework in a frame of placements: Premium.

    frame: a row a placement, with bought, weekly_price (GBP), provider, and any of adjust. Adjusted
    by least squares of log price on spot and the case mix (exp(coefficient) - 1), over the rows
    whose every group was bought both ways. Intervals allow for what one provider's placements
    share (by provider, Student t, from 30 of them), or else only for unequal spread (HC3: MacKinnon
    and White 1985). Block placements are counted, and left out.
    """
    missing = {"bought", "weekly_price", "provider"} - set(frame)
    if missing or not (frame["weekly_price"] > 0).all():
        raise ValueError(f"premium: found no {', '.join(sorted(missing)) or 'price'} in places; "
                         "allowed bought, provider and a weekly_price above 0 in every row")
    counts = {str(name): int(n) for name, n in frame["bought"].value_counts().items()}
    both = frame[frame["bought"].isin(KEPT)]
    adjust = tuple(name for name in adjust if name in both and both[name].nunique() > 1)
    reasons = [f"there are fewer than {FEWEST} {name} placements"
               for name in KEPT if counts.get(name, 0) < FEWEST]
    if reasons:
        return Premium(counts, _sides(both), 0, None, None, None, None, adjust, "",
                       tuple(reasons), ())
    like = overlap(both, adjust)
    outside, used, notes = len(both) - len(like), _sides(like), ()
    adjusted, by, huber = None, "", None
    if outside:
        notes += (f"{outside if outside > SMALL else 'A few'} of {len(both)} placements are of a "
                  "kind only ever bought one way: they say nothing of the premium.",)
    if not adjust:
        reasons.append("it says nothing of the children that its prices could be adjusted for")
    elif min(used.values()) < FEWEST:
        reasons.append(f"fewer than {FEWEST} on one side are of a kind of child bought both ways")
    else:
        adjusted, by, huber, known = _fit(like, adjust)
        reasons += _doubts(like, adjusted, known)
    if adjusted and abs(np.log1p(huber) - np.log1p(adjusted.central)) > _error(adjusted) / 2:
        notes += (f"A few far prices move it: with less weight on them it is {huber:.1%}.",)
    return Premium(counts, used, outside, _means(both), _fit(both, ())[0], adjusted, huber, adjust,
                   by, tuple(reasons), notes)


def overlap(frame, adjust):
    """Rows whose every group of the case mix, each column by itself, was bought both ways."""
    while True:
        keep = np.ones(len(frame), bool)
        for name in adjust:
            keep &= (frame.groupby(name)["bought"].transform("nunique") == len(KEPT)).to_numpy()
        if keep.all() or not len(frame):
            return frame
        frame = frame[keep]


def _sides(frame):
    return {name: int((frame["bought"] == name).sum()) for name in KEPT}


def _error(estimate):
    """Standard error of the log, about, from the middle 80%."""
    return (np.log1p(estimate.high) - np.log1p(estimate.low)) / (2 * 1.2816)


def _estimate(log, error, degrees):
    from scipy.special import stdtrit

    levels = (0.5, 0.025, 0.975, 0.1, 0.9)
    return Estimate(*(float(np.expm1(log + stdtrit(degrees, p) * error)) for p in levels))


def _means(frame):
    """Ratio of mean prices less 1; its log by the delta method, the two sides apart."""
    sides = [frame.loc[frame["bought"] == name, "weekly_price"] for name in KEPT]
    error = np.sqrt(sum(side.var() / len(side) / side.mean() ** 2 for side in sides))
    return _estimate(np.log(sides[1].mean() / sides[0].mean()), error, len(frame) - 2)


def _design(frame, adjust):
    """Spot first, then a constant and the case mix in groups, no column a mixture of others."""
    mix = [pd.get_dummies(frame[name], drop_first=True, dtype=float) for name in adjust]
    spot = (frame["bought"] == "spot").to_numpy(float)
    other = np.column_stack([np.ones(len(frame)), *(part.to_numpy() for part in mix)])
    independent = [0]
    for column in range(1, other.shape[1]):
        if np.linalg.matrix_rank(other[:, [*independent, column]]) > len(independent):
            independent.append(column)
    return spot, other[:, independent]


def _fit(frame, adjust):
    """(Estimate or None, what its interval allows for, robust premium, how well spot is foretold).

    How well: R squared of spot on the case mix; 1 - it is one over the variance inflation.
    """
    from statsmodels.api import OLS, RLM

    spot, mix = _design(frame, adjust)
    price = np.log(frame["weekly_price"].to_numpy(float))
    left = spot - mix @ np.linalg.lstsq(mix, spot, rcond=None)[0]
    known = 1 - left @ left / (((spot - spot.mean()) ** 2).sum())
    if known > MOST_KNOWN or len(frame) <= mix.shape[1] + FEWEST:
        return None, "", None, known
    model = OLS(price, np.column_stack([spot, mix]))
    groups, names = pd.factorize(frame["provider"])
    many = len(names) >= PROVIDERS
    options = {"cov_type": "cluster", "cov_kwds": {"groups": groups}} if many else {
        "cov_type": "HC3"}
    found = model.fit(use_t=True, **options)
    degrees = len(names) - 1 if many else found.df_resid
    huber = RLM(price, model.exog).fit().params[0]
    return (_estimate(found.params[0], found.bse[0], degrees),
            "provider" if many else "placement", float(np.expm1(huber)), known)


def _doubts(frame, adjusted, known):
    """Why the rows compared cannot tell, in words."""
    reasons = []
    for name in KEPT:
        share = frame.loc[frame["bought"] == name, "provider"].value_counts(normalize=True).iloc[0]
        if share > DOMINANT:
            reasons.append(f"one provider has {share:.0%} of the {name} placements: its prices "
                           f"and those of {name} cannot be told apart")
    if adjusted is None and known > MOST_KNOWN:
        reasons.append(f"the kind of child says how it was bought ({known:.0%} of it): "
                       "like children are hardly ever bought both ways")
    elif adjusted is None or not np.isfinite(adjusted).all():
        reasons.append(f"{len(frame)} placements are too few for so many kinds of children")
    elif adjusted.upper - adjusted.lower > WIDEST:
        reasons.append(f"the 95% interval, {adjusted.lower:.0%} to {adjusted.upper:.0%}, is wider "
                       f"than {WIDEST:.0%}")
    return reasons
