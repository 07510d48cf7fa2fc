"""What moves an outcome most: assumptions one at a time, and chance one family at a time."""

import numpy as np
import pandas as pd

from sufficiency.model.streams import Worlds

CHANCES = 1000


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
