"""Seconds for whose saving it is: eight worked measures of Devon, 1,000 draws, 256 coalitions.

Children, spend and kernels are ready before; what is timed is what the page asks for.
Run: python tests/benchmarks/attribution.py
"""

import time

from sufficiency.run.parameters import Parameters
from sufficiency.run.study import Study

DRAWS, LIMIT = 1_000, 6


def timed():
    """Seconds of one attribution, and the attribution."""
    study = Study(Parameters("devon", scenario="worked_measures", draws=DRAWS))
    valve = study.safety_valve
    _ = valve.spending, study.simulated, study.spend
    began = time.perf_counter()
    found = valve.attribution
    return time.perf_counter() - began, found


def main():
    """Print how many coalitions were asked for, time a coalition and, last, seconds in all."""
    timed()
    seconds, found = timed()
    print(f"{found.shapley.sizes['measure']} measures, {DRAWS:,} draws: "
          f"{found.coalitions} coalitions, {1e3 * seconds / found.coalitions:.1f} ms each, "
          f"design: within {LIMIT} s on 2 cores")
    print(f"seconds {seconds:.2f}")


if __name__ == "__main__":
    main()
