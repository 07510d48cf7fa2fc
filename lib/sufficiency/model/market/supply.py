"""Supply of a lot: its providers, what they charge, how much room they have, who enters."""

from typing import NamedTuple

import numpy as np

ORDERS = ("rank", "price", "quality", "distance")


class Supply(NamedTuple):
    """The providers of one lot; D draws, P providers.

    ids: (P,) uint32 stable ids. factor: (D, P) price against the lot's level, mean 1. places:
    (D, P) int32 open to this council, those taken included. quality 0 to 1, distance in miles:
    (D, P). small, local, registered: (D, P) bool. enters: (D, P) int32, first month active, 0 from
    the start. orders: (4, D, P) int32, providers best first by each of ORDERS. The rest (D,): suits,
    accept, exit a year as chances, the others what these are multiplied by or fall with.
    """

    ids: np.ndarray
    factor: np.ndarray
    places: np.ndarray
    quality: np.ndarray
    small: np.ndarray
    local: np.ndarray
    registered: np.ndarray
    distance: np.ndarray
    enters: np.ndarray
    orders: np.ndarray
    suits: np.ndarray
    suits_complex: np.ndarray
    accept: np.ndarray
    accept_occupancy: np.ndarray
    accept_complex: np.ndarray
    accept_price: np.ndarray
    exit: np.ndarray
    displacement: np.ndarray
