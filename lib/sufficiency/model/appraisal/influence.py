"""Which assumptions move an outcome most: one at a time, each at its 10th and 90th percentile."""

import numpy as np
import pandas as pd

from sufficiency.model.streams import Worlds


def tornado(evaluate, assumptions, keys=None):
    """Outcome at the low and the high of each uncertain assumption, all others central.

    evaluate(worlds) -> (scenario,) with Worlds.fixed: scenario 0 is central, then a low and a high
    for each key, in one call. -> DataFrame by key, largest swing first: outcomes low, high and
    central, swing, crosses_zero (the outcome changes sign), and the assumption's provenance.
    """
    keys = [key for key in (keys or assumptions) if not assumptions[key].certain]
    scenarios = 1 + 2 * len(keys)
    uniforms = {key: np.full(scenarios, 0.5) for key in keys}
    for place, key in enumerate(keys):
        uniforms[key][[1 + 2 * place, 2 + 2 * place]] = 0.1, 0.9
    outcome = np.asarray(evaluate(Worlds.fixed(assumptions, uniforms, scenarios)), float)
    if outcome.shape != (scenarios,):
        raise ValueError(f"tornado: found an outcome of shape {outcome.shape}; allowed "
                         f"({scenarios},), one a scenario")
    table = pd.DataFrame({"low": outcome[1::2], "high": outcome[2::2], "central": outcome[0]},
                         index=pd.Index(keys, name="key"))
    table["swing"] = table["high"] - table["low"]
    table["crosses_zero"] = table["high"] * table["low"] < 0
    for name in ("unit", "quality", "source"):
        table[name] = [getattr(assumptions[key], name, None) for key in keys]
    return table.sort_values("swing", key=abs, ascending=False, kind="stable")
