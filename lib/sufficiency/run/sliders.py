"""Sliders: assumptions that a person moves, in steps from what the case says."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from sufficiency.report.explore import position

# A slider goes from the 1st to the 99th percentile, in about so many steps.
ENDS, STEPS = (0.01, 0.99), 40
LIKELY = np.linspace(0.001, 0.999, 999)


@dataclass(frozen=True)
class Slider:
    """An assumption that can be moved, in steps from the case's own value; 0 leaves it uncertain.

    Of dated values, the uncertain ones move alike. Moved, it is taken as known there.
    """

    key: str
    made: object
    step: float
    low: int
    high: int

    @property
    def dated(self):
        return self.made.values is not None

    def text(self, steps):
        """The value so many steps from the case, in words."""
        unit = self.made.unit or next(iter(self.made.values.values())).unit
        base = 0.0 if self.dated else self.made.central
        text = position(base + steps * self.step, unit, self.dated)
        return text if steps else "as in the case" if self.dated else f"{text} (as in the case)"

    @property
    def texts(self):
        """What every place of the slider says, from the lowest."""
        return [self.text(steps) for steps in range(self.low, self.high + 1)]

    def changes(self, steps):
        """What the case would say: {dotted key: value}."""
        if not self.dated:
            return {self.key: _plain(self.made.central + steps * self.step)}
        return {f"{self.key}.values.{when}": _plain(one.central + steps * self.step)
                for when, one in self.made.values.items() if one.low is not None}

    def moved(self, steps):
        """The assumption known at so many steps from the case."""
        said, alone = self.changes(steps), {"low": None, "high": None}
        if not self.dated:
            return self.made.model_copy(update={**alone, "central": said[self.key]})
        values = {when: one if one.low is None else one.model_copy(
            update={**alone, "central": said[f"{self.key}.values.{when}"]})
            for when, one in self.made.values.items()}
        return self.made.model_copy(update={"values": values})

    def score(self, steps):
        """Normal score of that place among what the case holds likely."""
        when = next((when for when, one in (self.made.values or {}).items()
                     if one.low is not None), None)
        dated = () if when is None else (when,)
        value = self.made.central_value(*dated) + steps * self.step
        likely = self.made.quantile(LIKELY, *dated)
        return float(np.interp(value, likely, ndtri(LIKELY)))


def slider(key, made):
    """A slider for an uncertain assumption, within its bounds in every period."""
    entries = [made] if made.values is None else [
        one for one in made.values.values() if one.low is not None]
    when = None if made.values is None else next(
        when for when, one in made.values.items() if one.low is not None)
    ends = made.quantile(np.array(ENDS), *(() if when is None else (when,)))
    low, high = (end - entries[0].central for end in ends)
    low = max(low, *(made.bounds[0] - one.central for one in entries))
    high = min(high, *(made.bounds[1] - one.central for one in entries))
    step = _round_step((high - low) / STEPS)
    return Slider(key, made, step, *(int(end / step + 1e-9) for end in (low, high)))


def _round_step(width):
    size = 10.0 ** np.floor(np.log10(width))
    return float(min((m * size for m in (1, 2, 5, 10)), key=lambda s: abs(np.log(s / width))))


def _plain(value):
    return float(f"{value:.10g}")
