"""How much faster the compiled engine is than the same model in plain NumPy, vectorised by draw.

Both take rates as certain, so that only the children's luck is compared; the means must agree
within Monte Carlo error. Run: python tests/benchmarks/placements_numpy.py
"""

import time

import numpy as np
from placements_counts import county, timed
from sufficiency.model.placements.engine import project


def plain(rates, years, draws, seed=1):
    """Stock (draw, year + 1, place, step), by numpy's own samplers, a state at a time."""
    random = np.random.default_rng(seed)
    places, steps = rates.stock.shape
    stock = np.zeros((draws, years + 1, places, steps), np.int32)
    stock[:, 0] = rates.stock
    for year in range(years):
        following = stock[:, year + 1]
        for i in range(places):
            for s in range(steps - 1):
                children = stock[:, year, i, s]
                if not children.any():
                    continue
                staying = children - random.binomial(children, rates.leave_mean[i, s])
                moving = random.binomial(staying, rates.move_mean[i, s])
                following[:, i, s + 1] += staying - moving
                rest = 1.0
                for j, share in zip(rates.target[i, s], rates.share_mean[i, s], strict=True):
                    if share > 0:
                        chance = share / rest if rest > share + 1e-12 else 1.0
                        here = random.binomial(moving, chance)
                        following[:, j, s + 1] += here
                        moving, rest = moving - here, rest - share
        following += random.poisson(rates.join_mean, (draws, places, steps))
    return stock


def main(draws=2_000, years=10):
    """Compare means, then print ratio."""
    rates = county().certain()
    start = time.perf_counter()
    theirs = plain(rates, years, draws)[:, -1].sum(-1)
    seconds = time.perf_counter() - start
    ours = project(rates, periods=years, seed=1, draws=draws)["stock"][:, -1].sum(-1)
    error = np.sqrt((ours.var(0) + theirs.var(0)) / draws)
    gap = abs(ours.mean(0) - theirs.mean(0)) / error
    if not (gap < 4).all():
        raise SystemExit(f"means differ by up to {gap.max():.1f} standard errors")
    fast = timed(rates, draws, years)
    print(f"plain NumPy {seconds:.2f} s, engine {fast:.2f} s; worst gap of means "
          f"{gap.max():.1f} standard errors")
    print(f"ratio {seconds / fast:.1f}")


if __name__ == "__main__":
    main()
