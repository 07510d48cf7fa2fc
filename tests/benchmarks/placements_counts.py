"""Seconds for 10,000 draws x 10 years x 9 settings x 26 ages, whole children, rates included.

Stock, joiners and ages of about the size and shape of a large county's plans (illustrative).
Run: python tests/benchmarks/placements_counts.py
"""

import resource
import time

import numpy as np
from sufficiency.model.placements.engine import project
from sufficiency.model.placements.rates import Rates

# ages at 31 August from, to; plans at the start
SETTINGS = {
    "mainstream": (4, 18, 5200), "state_special": (3, 18, 2100),
    "independent_special": (5, 20, 800), "non_maintained_special": (5, 20, 90),
    "alternative_provision": (5, 15, 120), "further_education": (16, 24, 1400),
    "specialist_post16": (16, 24, 140), "early_years": (0, 4, 60),
    "elsewhere": (5, 24, 600)}


EVERY_AGE = {name: (0, 25, plans) for name, (*_, plans) in SETTINGS.items()}


def county(groups=("all",), seed=20, settings=SETTINGS):
    """Rates of every setting x group; movers change setting and keep their group."""
    random, steps = np.random.default_rng(seed), 26
    ages = np.arange(steps)
    names = [(setting, group) for group in groups for setting in settings]
    allowed = np.array([(ages >= settings[s][0]) & (ages <= settings[s][1]) for s, _ in names])
    after = np.pad(allowed[:, 1:], ((0, 0), (0, 1)))
    size = np.array([settings[s][2] / len(groups) for s, _ in names])
    stock = random.poisson(allowed * (size / allowed.sum(1))[:, None])
    weight = np.zeros((len(names), steps, len(names)))
    for i, (setting, group) in enumerate(names):
        for j, (other, its) in enumerate(names):
            if setting != other and group == its:
                weight[i, :, j] = size[j] ** 0.5 * after[j] * allowed[i]
    target = np.argsort(-weight, axis=-1, kind="stable")[..., :5]
    share = np.take_along_axis(weight, target, -1)
    total = share.sum(-1)
    share /= np.where(total > 0, total, 1)[..., None]
    can_move, last = total > 0, allowed & ~after
    leave = np.where(last & ~can_move, 1, random.uniform(0.02, 0.2, allowed.shape)) * allowed
    move = np.where(last, 1, random.uniform(0.02, 0.12, allowed.shape)) * can_move
    joining = allowed * np.where(ages < 17, 0.12, 0.01) * (size / allowed.sum(1))[:, None]
    exposed = np.maximum(stock * 3.0, 1) + 20
    return Rates(
        places=[f"{s} {g}" for s, g in names], steps_per_year=1, first_age=0, stock=stock,
        leave_mean=leave, leave_size=exposed, move_mean=move, move_size=exposed,
        target=np.where(share > 0, target, -1), share_mean=share, share_size=exposed / 10 + 5,
        join_mean=joining, join_size=joining * 3 + 0.5, correlation=0.3, allowed=allowed)


def timed(rates, draws, years, repeats=3):
    """Least seconds of a few runs, after one small run that loads the compiled kernels."""
    project(rates, periods=1, seed=1, draws=2)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        project(rates, periods=years, seed=1, draws=draws)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def report(rates, draws, years):
    """Print states, memory and, last, seconds."""
    seconds = timed(rates, draws, years)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{draws} draws, {years} years, {rates.allowed.sum()} states of {rates.allowed.size}, "
          f"{rates.stock.sum():.0f} children, at most {memory:.0f} MB")
    print(f"seconds {seconds:.2f}")


if __name__ == "__main__":
    report(county(settings=EVERY_AGE), draws=10_000, years=10)
