"""The worlds: what each assumption and each named shock is worth in every draw."""

import difflib
import hashlib
from functools import lru_cache

import numpy as np
from scipy import special

BLOCK = 500


@lru_cache(2**16)
def stable_id(name):
    """32-bit number of a name, for the counters of `event_uniform`: never its place in a list."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "little")


def named_uniform(seed, name, draws):
    """Uniforms (draw,) of a named item, 52 bits, strictly between 0 and 1.

    Raw words of numpy's Philox4x64-10, keyed by a hash of seed, name and block of 500 draws.
    """
    names = (f"{seed}\0{name}\0{block}".encode() for block in range(-(-draws // BLOCK)))
    keys = (int.from_bytes(hashlib.blake2b(n, digest_size=16).digest(), "little") for n in names)
    words = np.concatenate([np.random.Philox(key=key).random_raw(BLOCK) for key in keys])[:draws]
    return ((words >> np.uint64(12)) + 0.5) * 2.0**-52


class Worlds:
    """Values (draw,) of assumptions and shocks, made when asked for and kept, read-only.

    assumptions: {dotted key: object with quantile(u, period) and central_value(period)}.
    """

    def __init__(self, assumptions, seed, draws):
        for name, value, least in (("seed", seed, 0), ("draws", draws, 1)):
            if not least <= value < 2**32:
                raise ValueError(f"{name}: found {value!r}; allowed {least} to 4294967295")
        self.assumptions, self.seed, self.draws = assumptions, int(seed), int(draws)
        self._given, self._chance, self._made, self._uniforms = None, (), {}, {}

    @classmethod
    def fixed(cls, assumptions, uniforms, scenarios, chance=()):
        """Scenarios, not draws: {key: u, (scenario,) or a number}, all else central, shocks 0.

        Shocks whose names begin with `chance`, one text or several, keep their luck (seed 0).
        """
        worlds = cls(assumptions, 0, scenarios)
        worlds._chance = chance
        worlds._given = {worlds._known(key) for key in uniforms}
        worlds._uniforms = {key: worlds._frozen(u) for key, u in uniforms.items()}
        return worlds

    def take(self, index):
        """Some of these worlds, in the order of index (n,): the same values, n draws."""
        return Some(self, index)

    def hold(self, uniforms):
        """These worlds with {key: u, (draw,) or a number in 0 to 1} held; all other luck stays."""
        return Held(self, uniforms)

    def change(self, assumptions):
        """These worlds with {key: another assumption} in place of some; all luck stays."""
        return Changed(self, assumptions)

    def __contains__(self, key):
        return key in self.assumptions

    def at(self, key, period=None):
        """Values (draw,) of an assumption, in a period if it is dated; periods share one u."""
        if (key, period) not in self._made:
            assumption = self.assumptions[self._known(key)]
            dated = () if period is None else (period,)
            central = self._given is not None and key not in self._given
            self._made[key, period] = self._frozen(assumption.central_value(*dated) if central
                else assumption.quantile(self.uniform(key), *dated))
        return self._made[key, period]

    __getitem__ = at

    def uniform(self, name):
        """Uniforms (draw,) of a name, strictly between 0 and 1; one half in a scenario."""
        if name not in self._uniforms:
            still = self._given is not None and not name.startswith(self._chance)
            self._uniforms[name] = self._frozen(
                0.5 if still else named_uniform(self.seed, name, self.draws))
        return self._uniforms[name]

    def normal(self, name):
        """Standard normals (draw,) of a name."""
        return special.ndtri(self.uniform(name))

    def _known(self, key):
        if key in self.assumptions:
            return key
        near = difflib.get_close_matches(key, list(self.assumptions), n=3)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise ValueError(f"assumption {key!r} is not in the case{hint}")

    def _frozen(self, values):
        values = np.array(np.broadcast_to(np.asarray(values, float), (self.draws,)))
        values.flags.writeable = False
        return values


class Some(Worlds):
    """Some of other worlds; see `Worlds.take`."""

    def __init__(self, worlds, index):
        super().__init__(worlds.assumptions, worlds.seed, len(index))
        self._all, self._index = worlds, np.asarray(index)

    def at(self, key, period=None):
        return self._all.at(key, period)[self._index]

    __getitem__ = at

    def uniform(self, name):
        return self._all.uniform(name)[self._index]


class Held(Worlds):
    """Other worlds with some assumptions held; see `Worlds.hold`."""

    def __init__(self, worlds, uniforms):
        super().__init__(worlds.assumptions, worlds.seed, worlds.draws)
        self._all = worlds
        self._held = {self._known(key): self._frozen(u) for key, u in uniforms.items()}
        for key, u in self._held.items():
            if not ((u > 0) & (u < 1)).all():
                raise ValueError(f"{key}: found held at {uniforms[key]}; allowed between 0 and 1")

    def at(self, key, period=None):
        return (super() if key in self._held else self._all).at(key, period)

    __getitem__ = at

    def uniform(self, name):
        return self._held[name] if name in self._held else self._all.uniform(name)


class Changed(Worlds):
    """Other worlds with some assumptions replaced; see `Worlds.change`."""

    def __init__(self, worlds, assumptions):
        for key in assumptions:
            worlds._known(key)
        super().__init__({**worlds.assumptions, **assumptions}, worlds.seed, worlds.draws)
        self._all, self._own = worlds, frozenset(assumptions)

    def at(self, key, period=None):
        return (super() if key in self._own else self._all).at(key, period)

    __getitem__ = at

    def uniform(self, name):
        return self._all.uniform(name)
