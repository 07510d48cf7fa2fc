"""The worlds: what each assumption and each named shock is worth in every draw."""

import difflib
import hashlib

import numpy as np
from scipy import special

BLOCK = 500


def stable_id(name):
    """32-bit number of a name, for the counters of `event_uniform`: never its place in a list."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "little")


def named_uniform(seed, name, draws):
    """Uniforms (draw,) of a named item, 52 bits, strictly between 0 and 1.

    Raw words of numpy's Philox4x64-10, whose key is a hash of seed, name and block of 500
    draws: neither other items nor more draws change a value.
    """
    blocks = []
    for block in range(-(-draws // BLOCK)):
        text = f"{seed}\0{name}\0{block}".encode()
        key = int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")
        blocks.append(np.random.Philox(key=key).random_raw(BLOCK))
    words = np.concatenate(blocks)[:draws] >> np.uint64(12)
    return (words + 0.5) * 2.0**-52


class Worlds:
    """Values (draw,) of assumptions and shocks, made when asked for and kept, read-only.

    assumptions maps a dotted key to an object with quantile(u, period) and
    central_value(period). Refuses an unknown key, a seed outside 0 to 2^32 - 1, no draws.
    """

    def __init__(self, assumptions, seed, draws):
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed: found {seed!r}; allowed 0 to 4294967295")
        if draws < 1:
            raise ValueError(f"draws: found {draws!r}; allowed 1 or more")
        self.assumptions, self.seed, self.draws = assumptions, int(seed), int(draws)
        self._made = {}

    @classmethod
    def fixed(cls, assumptions, uniforms, scenarios):
        """Worlds that are scenarios: {key: u, (scenario,) or one number}, all else central."""
        worlds = FixedWorlds(assumptions, 0, scenarios)
        for key, u in uniforms.items():
            worlds._assumption(key)
            worlds._keep(("uniform", key), np.broadcast_to(np.asarray(u, float), (scenarios,)))
        return worlds

    def __contains__(self, key):
        return key in self.assumptions

    def __getitem__(self, key):
        return self.at(key)

    def at(self, key, period=None):
        """Values (draw,) of an assumption, in a period if it is dated; periods share one u."""
        found = self._made.get((key, period))
        return self._keep((key, period), self._value(key, period)) if found is None else found

    def uniform(self, name):
        """Uniforms (draw,) of a name, strictly between 0 and 1."""
        found = self._made.get(("uniform", name))
        if found is None:
            found = self._keep(("uniform", name), named_uniform(self.seed, name, self.draws))
        return found

    def normal(self, name):
        """Standard normals (draw,) of a name."""
        return special.ndtri(self.uniform(name))

    def _value(self, key, period):
        assumption = self._assumption(key)
        u = self.uniform(key)
        return assumption.quantile(u) if period is None else assumption.quantile(u, period)

    def _assumption(self, key):
        if key not in self.assumptions:
            near = difflib.get_close_matches(key, list(self.assumptions), n=3)
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise ValueError(f"assumption {key!r} is not in the case{hint}")
        return self.assumptions[key]

    def _keep(self, name, values):
        # A copy of its own, so that a user's array is not locked with it.
        kept = np.array(np.broadcast_to(np.asarray(values, float), (self.draws,)))
        kept.flags.writeable = False
        self._made[name] = kept
        return kept


class FixedWorlds(Worlds):
    """Scenarios instead of draws: shocks at 0, assumptions central unless given a uniform."""

    def uniform(self, name):
        """The given uniforms (scenario,), otherwise one half."""
        return self._made.get(("uniform", name), np.full(self.draws, 0.5))

    def _value(self, key, period):
        if ("uniform", key) in self._made:
            return super()._value(key, period)
        assumption = self._assumption(key)
        return assumption.central_value() if period is None else assumption.central_value(period)
