"""Seconds for the projections behind an exact attribution of eight measures: 256 coalitions.

1,000 draws x 7 years x 10 settings x 26 ages, expected children, rates held, a lever a measure.
Run: python tests/benchmarks/attribution_engine.py
"""

import time
from itertools import combinations

import numpy as np
from placements_counts import EVERY_AGE, county
from sufficiency.model.placements.engine import hold, project
from sufficiency.model.placements.levers import Lever

DRAWS, YEARS = 1_000, 7


def measures(random):
    """Eight levers of all kinds, each growing from nothing, delivered in part (illustrative)."""
    ramp = np.linspace(0, 1, YEARS) * random.uniform(0, 1, (8, DRAWS, 1))
    return (
        Lever("entrants", "inclusion", 2, 0, 0.2 * ramp[0], first_age=5, last_age=15),
        Lever("entrants", "resourced provision", 1, 0, 0.1 * ramp[1], first_age=5, last_age=10),
        Lever("entrants", "post-16 offer", 6, 5, 0.3 * ramp[2], first_age=16, last_age=24),
        Lever("places", "new school", 2, 1, places=120 * ramp[3], first_age=5, last_age=15),
        Lever("places", "new unit", 3, 1, places=20 * ramp[4], first_age=11, last_age=15),
        Lever("stock", "step down", 2, 1, 0.1 * ramp[5], first_age=10, last_age=10),
        Lever("stock", "step down late", 2, 5, 0.2 * ramp[6], first_age=15, last_age=15),
        Lever("stock", "timely ceasing", 5, -1, 0.1 * ramp[7], first_age=19, last_age=24))


def main():
    """Print milliseconds of one projection with all levers and, last, seconds of all coalitions."""
    random = np.random.default_rng(3)
    rates = county(settings=EVERY_AGE | {"unknown": (0, 25, 40)})
    levers, same = measures(random), dict(seed=1, draws=DRAWS)
    paths = {"leave_multiplier": random.uniform(0.8, 1.2, (DRAWS, YEARS)),
             "move_multiplier": random.uniform(0.8, 1.2, (DRAWS, YEARS, len(rates.places)))}
    growth = random.uniform(0.9, 1.1, (DRAWS, YEARS))

    def one(chosen, held):
        return project(rates, periods=YEARS, engine="expected", growth=growth, levers=chosen,
                       held=held, by_age=False, **paths, **same)

    one(levers, hold(rates, periods=YEARS, **paths, **same))
    started = time.perf_counter()
    held = hold(rates, periods=YEARS, **paths, **same)
    ready = time.perf_counter()
    coalitions = [chosen for size in range(9) for chosen in combinations(levers, size)]
    for chosen in coalitions:
        one(chosen, held)
    done = time.perf_counter()
    for _ in range(10):
        one(levers, held)
    print(f"{len(coalitions)} coalitions, {1e3 * (ready - started):.0f} ms to hold, "
          f"{1e3 * (done - ready) / len(coalitions):.1f} ms a projection, "
          f"{1e2 * (time.perf_counter() - done):.1f} ms with all levers")
    print(f"seconds {done - started:.2f}")


if __name__ == "__main__":
    main()
