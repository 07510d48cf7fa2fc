"""Seconds for 10,000 draws x 8 routes x 4 years x 40 providers x 500 call-offs, every rule at work.

About 60 children there at the start, lists that re-open, reserved places (all illustrative).
Run: python tests/benchmarks/market_clearing.py
"""

import resource
import sys
import time
from pathlib import Path

from sufficiency.model.market.clearing import clear

sys.path.insert(0, str(Path(__file__).parents[1]))
from made_market import full_market

DRAWS = 10_000


def main(lots=("bids", "posted", "cases"), draws=DRAWS):
    for lot in lots:
        market = full_market(lot, draws=draws)
        clear(*(full_market(lot, draws=2)), seed=1, draws=2)
        started, worked = time.perf_counter(), time.process_time()
        clear(*market, seed=1, draws=draws)
        seconds, worked = time.perf_counter() - started, time.process_time() - worked
        walked = market[0].arriving.sum() * len(market[2].every)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{lot}: {walked / draws:.0f} call-offs and routes a draw, "
              f"{seconds / walked * 1e9:.0f} ns each, {seconds:.2f} s, {worked:.2f} s of "
              f"processors, at most {memory:.0f} MB")
    print(f"seconds {seconds:.2f}")


if __name__ == "__main__":
    main()
