"""Demand of a lot: the call-offs of each month, and what a place costs before any route."""

from typing import NamedTuple

import numpy as np

PRICING = ("posted", "bids", "reduced")


class Demand(NamedTuple):
    """One lot's demand and terms; D draws, T months. Shares 0 to 1, money GBP.

    arriving: new call-offs (D, T) int32; existing: children placed before month 0 (D,) int32.
    level: (D,) price a place a year, or a case, of a call-off not complex, from a provider of
    factor 1, in month 0. curve: (D, 129) quantiles of the factor of child by provider at the nodes
    of `kernels.interpolate_table`, mean 1. provider_index: (D, T + 1) cumulative sum of the monthly
    price index off the list. interim: ratio of level. stay: mean months. hours in hours.
    """

    stream: int
    arriving: np.ndarray
    existing: np.ndarray
    level: np.ndarray
    curve: np.ndarray
    provider_index: np.ndarray
    by_case: int
    pricing: int
    patience: int
    urgent_days: float
    complex: np.ndarray
    complex_price: np.ndarray
    urgent: np.ndarray
    named: np.ndarray
    court: np.ndarray
    stay: np.ndarray
    interim: np.ndarray
    transport_local: np.ndarray
    transport_away: np.ndarray
    quality_weight: np.ndarray
    margin: np.ndarray
    premium: np.ndarray
    two_bidders: np.ndarray
    more_bidders: np.ndarray
    officer_rate: np.ndarray
    diligence: np.ndarray
