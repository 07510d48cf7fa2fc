"""Requests, assessments and plans: what joiners would be were every request dealt with in time."""

import numpy as np
import pandas as pd


def underlying(flows, new):
    """New plans a year that the year's requests lead to: requests x share assessed x share issued.

    flows (year) of requests, refused, agreed, issued, not_issued; plans/year. Where a figure is
    missing, or the answer is not within half and double the new plans, the new plans themselves.
    """
    share = _issued_share(flows)
    found = _started(flows) * share if share is not None else new * np.nan
    credible = (found / new).between(0.5, 2.0) | (new.isna() & found.notna())
    return found.where(credible, new)


def balance(flows):
    """Assessments started less completed each year, and the share of plans issued in 20 weeks.

    Above 0 the backlog grew. started = agreed, or requests less refused; completed = issued and
    not issued. Requests received late in a year are decided in the next: read as a sum of years.
    """
    completed = flows["issued"] + flows["not_issued"]
    return pd.DataFrame({"started": _agreed(flows), "completed": completed,
                         "backlog": _agreed(flows) - completed,
                         "timely_share": flows.get("timely_share")})


def released(flows):
    """Plans issued in each year out of the backlog: completed above started, plans/year.

    Times the share of plans issued late: where all are in time there is no backlog to clear.
    """
    if not {"issued", "not_issued", "requests", "refused", "timely_share"} <= set(flows):
        return pd.Series(0.0, flows.index)
    change = balance(flows)["backlog"] * _issued_share(flows) * (1 - flows["timely_share"])
    return (-change).clip(lower=0).fillna(0.0)


def release(plans, months, years):
    """Extra joiners (draw, year) from a backlog of plans (draw,) cleared evenly over months."""
    ends = np.arange(1, years + 1)
    cleared = np.minimum(12.0 * ends / np.maximum(np.asarray(months)[:, None], 1.0), 1.0)
    return np.asarray(plans)[:, None] * np.diff(cleared, axis=1, prepend=0.0)


def _agreed(flows):
    refused = flows["requests"] - flows["refused"]
    return flows["agreed"].fillna(refused) if "agreed" in flows else refused


def _started(flows):
    """Requests x share agreed of those decided: late decisions are counted with their request."""
    if "agreed" not in flows:
        return flows["requests"] - flows["refused"]
    share = flows["agreed"] / (flows["agreed"] + flows["refused"])
    return flows["requests"] * share.fillna(1 - flows["refused"] / flows["requests"])


def _issued_share(flows):
    if not {"issued", "not_issued", "requests", "refused"} <= set(flows):
        return None
    return flows["issued"] / (flows["issued"] + flows["not_issued"])
