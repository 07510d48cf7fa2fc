"""What moves an outcome most: assumptions one at a time, and chance one family at a time."""

import numpy as np
import pandas as pd

from sufficiency.model.appraisal.value import smooth_basis
from sufficiency.model.streams import Worlds

CHANCES = 1000
REMAINDER = "other figures, figures together, and luck"


def tornado(evaluate, assumptions, keys=None, chance=None):
    """Outcome at the 10th and 90th percentile of each assumption or family of shocks alone.

    evaluate(worlds) -> (scenario,) with Worlds.fixed: scenario 0 is central, then a low and a high
    for each uncertain key, in one call. chance {key of the assumption that sizes them: how the
    names of the shocks begin}: one call each, low and high the outcome's own percentiles over
    CHANCES scenarios. -> DataFrame by key, largest swing first: outcomes low, high and central,
    swing, crosses_zero (the outcome changes sign), kind (assumption, chance), and the assumption's
    label and provenance.
    """
    chance = {key: names for key, names in (chance or {}).items() if key in assumptions}
    keys = [key for key in (keys or assumptions)
            if not assumptions[key].certain and key not in chance]
    uniforms = {key: np.full(1 + 2 * len(keys), 0.5) for key in keys}
    for place, key in enumerate(keys):
        uniforms[key][[1 + 2 * place, 2 + 2 * place]] = 0.1, 0.9
    central, *pairs = _outcome(evaluate, assumptions, uniforms, 1 + 2 * len(keys))
    ends = [*zip(pairs[::2], pairs[1::2], strict=True),
            *(np.quantile(_outcome(evaluate, assumptions, {}, CHANCES, names), [0.1, 0.9])
              for names in chance.values())]
    table = pd.DataFrame(ends, columns=["low", "high"],
                         index=pd.Index([*keys, *chance], name="key"))
    table["central"], table["swing"] = central, table["high"] - table["low"]
    table["crosses_zero"] = table["high"] * table["low"] < 0
    table["kind"] = ["assumption"] * len(keys) + ["chance"] * len(chance)
    for name in ("label", "unit", "quality", "source"):
        table[name] = [getattr(assumptions[key], name, None) for key in table.index]
    return table.sort_values("swing", key=abs, ascending=False, kind="stable")


def _outcome(evaluate, assumptions, uniforms, scenarios, chance=()):
    worlds = Worlds.fixed(assumptions, uniforms, scenarios, chance)
    outcome = np.asarray(evaluate(worlds), float)
    if outcome.shape != (scenarios,):
        raise ValueError(f"tornado: found an outcome of shape {outcome.shape}; allowed "
                         f"({scenarios},), one a scenario")
    return outcome


def shares(outcome, inputs, names):
    """Share of an outcome's variance that goes when one input alone is known: first-order Sobol.

    outcome (draw,) of given draws, inputs (draw, k) independent of one another, names (k,). By
    regression on each input's `value.smooth_basis`, less what as many columns of chance would
    explain, so that a share may come out below 0 (Plischke, Borgonovo & Smith 2013; Strong, Oakley
    & Brennan 2014). -> DataFrame by key, largest first: share and its standard error; the last
    row, REMAINDER, is 1 less the rest.
    """
    outcome, inputs, names = np.asarray(outcome, float), np.asarray(inputs, float), list(names)
    draws = outcome.size
    if (inputs.shape != (draws, len(names)) or outcome.shape != (draws,)
            or not np.isfinite(outcome).all()):
        raise ValueError(f"shares: found outcome {outcome.shape}, inputs {inputs.shape}; allowed "
                         f"(draw,), all finite, and (draw, {len(names)}) of the same draws")
    # Exactly 0 for a constant, of which every share is 0.
    apart = outcome - outcome[0] - (outcome - outcome[0]).mean()
    variance = apart @ apart / (draws - 1)
    scale = variance or 1.0
    found, moves, chance = [], [], []
    for column in inputs.T:
        basis = smooth_basis(column)
        terms = basis.shape[1]
        left = (apart - basis @ (basis.T @ apart))**2
        found.append((variance - left.sum() / (draws - terms - 1)) / scale)
        # How one draw moves the ratio of two means.
        moves.append((left - (1 - found[-1]) * apart**2) / scale)
        chance.append(2 * terms / draws**2)
    table = pd.DataFrame({"share": found, "error": _error(np.array(moves), chance)},
                         index=pd.Index(names, name="key"))
    table = table.sort_values("share", ascending=False, kind="stable")
    table.loc[REMAINDER] = variance / scale - sum(found), _error(np.sum(moves, axis=0), sum(chance))
    return table


def _error(moves, chance):
    """By the delta method, less what fitting adds to it: twice `chance`, fitting's own variance."""
    return np.sqrt(np.maximum(moves.var(-1) / moves.shape[-1] - chance, chance))
