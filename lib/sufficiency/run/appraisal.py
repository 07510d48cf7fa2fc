"""The appraisal of a study: options side by side in money and beside it, and what decides."""

from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from sufficiency.case.options import FLOWS, changes
from sufficiency.case.quantity import P90, Assumption
from sufficiency.model.appraisal import influence, value
from sufficiency.model.market import evidence
from sufficiency.model.streams import Worlds
from sufficiency.run.costed import KEY
from sufficiency.run.weighing import Weighed

# Assumptions shown by what they do, and of these the states of a regret table; its worlds.
TOP, STATES, SOME = 8, 3, 200
# Scores at which a straight line is looked at.
GRID = 99


class Appraisal(Weighed):
    """Options of a case in the worlds of its market, or of the study where it has none.

    Everything is worked out when first asked for. Refuses a case that gives no options.
    """

    @cached_property
    def focus(self):
        """The proposal; without one, the choice that costs least beside the reference."""
        if self.proposal in self.choices:
            return self.proposal
        rest = [name for name in self.choices if name != self.reference] or [self.reference]
        return self.net_cost.mean("draw").sel(option=rest).idxmin().item()

    @cached_property
    def summary(self):
        """A row an option. Present GBP: mean net cost, its Monte Carlo error, p10, p90, annual.

        saving against the reference, mean, error, p10, p90 and chance of any; over the choices
        probability_best and expected_loss (nan for any other); then the outcomes beside cash.
        """
        cost, less = self.net_cost, self.saving
        root = np.sqrt(cost.sizes["draw"])
        found = pd.DataFrame({
            "mean": cost.mean("draw"), "error": cost.std("draw", ddof=1) / root,
            "p10": cost.quantile(0.1, "draw"), "p90": cost.quantile(0.9, "draw"),
            "annual": value.annual_equivalent(cost.mean("draw"), self.factors(len(self.years))),
            "saving": less.mean("draw"), "saving_error": less.std("draw", ddof=1) / root,
            "saving_p10": less.quantile(0.1, "draw"), "saving_p90": less.quantile(0.9, "draw"),
            "chance": (less > 0).mean("draw")}, index=pd.Index(list(self.options), name="option"))
        best = pd.DataFrame({"probability_best": value.probability_best(self.benefit),
                             "expected_loss": value.expected_loss(self.benefit)},
                            index=self.choices)
        beside = self.outcomes.drop(columns=[name for name, said in self._criteria.items()
                                             if said.get("from") == "cost"])
        return pd.concat([found, best.reindex(found.index), beside], axis=1)

    @cached_property
    def evpi(self):
        """What knowing everything first would add to the best choice now, present GBP, at most.

        Everything, so luck too, which nobody can find out: read `evppi` for what could be asked.
        """
        return value.evpi(self.benefit)

    # What decides it

    @cached_property
    def keys(self):
        """Uncertain assumptions that bear on an option: those of its market route, and its own."""
        return [key for key, one in self.case.assumptions.items()
                if not one.certain and not one.values and self.used(key)]

    def used(self, key):
        """Whether an assumption, by its key in the log, bears on an option that is costed."""
        home, _, rest = key.partition(".")
        room, *rest = rest.split(".")
        if home == KEY:
            owners = [name for name in self.options if self._owns(name)]
            return room == "discount" or (bool(owners) and (
                room == "optimism_bias" or (room == "options" and rest[0] in owners)))
        known = {"routes": {*map(self._route, self.options)} if self.market else (),
                 "lots": self.market.lots if self.market else ()}
        return bool(home == "market" and self.market and (
            room not in known or rest[0] in known[room]))

    @cached_property
    def _influence(self):
        """What each of `keys` does to each option's saving: {option: frame of `influence`}."""
        enough = self.worlds.draws >= 2 * len(self.keys) + 2
        groups = [self.keys] if enough else [[key] for key in self.keys]
        found = {}
        for name in self._able if self.keys else ():
            table = pd.concat(evidence.influence(self.saving.sel(option=name).values,
                              self.case.assumptions, some, self.worlds) for some in groups)
            table = table.sort_values("swing", key=abs, ascending=False, kind="stable")
            found[name] = table.assign(clear=table["clear"] & enough)
        return found

    def tornado(self, option=None):
        """What each uncertain assumption does to an option's saving: see `evidence.influence`.

        Present GBP; of the focus where no option is named.
        """
        return self._influence.get(option or self.focus, pd.DataFrame())

    @cached_property
    def ranked(self):
        """Keys of the TOP assumptions most worth knowing, then of those that move the focus most.

        By what the best choice would gain if savings moved with each alone in a straight line.
        """
        if not self.keys:
            return []
        slopes = np.stack([self._influence[name]["swing"].loc[self.keys] / (2 * P90)
                           for name in self.choices])
        mean = self.saving.mean("draw").sel(option=self.choices).values[:, None]
        score = ndtri((np.arange(GRID) + 0.5) / GRID)
        gain = (mean[..., None] + slopes[..., None] * score).max(0).mean(-1) - mean.max()
        moves = self.tornado()["swing"].loc[self.keys].abs().values
        return [self.keys[at] for at in np.lexsort((-moves, -gain.round(2)))[:TOP]]

    def evppi(self):
        """What knowing one of `ranked` first would add to the best choice, present GBP: frame.

        By key: value, error, and the assumption's label, quality; largest first.
        """
        rows = {key: value.evppi(self.benefit, self.worlds.normal(key)) for key in self.ranked}
        found = pd.DataFrame(rows, index=["value", "error"]).T
        return self._told_of(found).sort_values("value", ascending=False, kind="stable")

    def shares(self):
        """Share of the variance of the focus's saving by assumption: see `influence.shares`.

        Of the TOP that move it most, with label and quality.
        """
        keys = list(self.tornado().index[:TOP])
        if not keys:
            return pd.DataFrame()
        inputs = np.column_stack([self.worlds.normal(key) for key in keys])
        return self._told_of(influence.shares(
            self.saving.sel(option=self.focus).values, inputs, keys))

    def _told_of(self, frame):
        known = self.case.assumptions
        frame["label"] = [getattr(known.get(key), "label", None) or key for key in frame.index]
        frame["quality"] = [getattr(known.get(key), "quality", "") for key in frame.index]
        return frame

    def switching(self):
        """Value of each assumption at which the focus costs what the reference does: frame.

        See `Market.switching`, whose frame it is for the market's own proposal; for an option with
        flows of its own, its numbers, sought three times as far from the centre as they are ranged.
        """
        name, rows = self.focus, {}
        if not self._owns(name):
            same = self.market and self._route(name) == self.market.proposal
            return self.market.switching if same else pd.DataFrame()
        rest = float((self.saving.sel(option=name) - self._own_saving(name, self.worlds)).mean())
        for key in self._own_keys(name):
            one = self.case[key]
            low, middle, high = one.quantile([0.1, 0.5, 0.9])
            low, high = (middle + 3 * (low - middle), middle + 3 * (high - middle)
                         ) if low < high else (0.0, 3 * middle)
            low, high = max(low, one.bounds[0], 0.0), min(high, one.bounds[1])
            if low == high:
                continue
            found = evidence.switching(lambda x, key=key: -rest - float(
                self._own_saving(name, self._fixed({key: x})).mean()), low, high)
            rows[one.label or key] = {
                "name": key, "value": found.value, "says": found.says, "unit": one.unit,
                "central": middle, "low": low, "high": high}
        return pd.DataFrame(rows).T

    def _own_keys(self, name):
        keys = {part: f"{KEY}.options.{name}.{part}" for part in FLOWS}
        found = [key if key in self.case else f"{KEY}.{part}" for part, key in keys.items()]
        wait = f"{KEY}.options.{name}.opens_months"
        return found + [wait] * (wait in self.case.assumptions)

    def _own_saving(self, name, worlds):
        flows = -self._own(name, worlds).sum(1)
        return value.net_present(flows, self.factors(len(self.years)))

    def _fixed(self, values, draws=None):
        """The worlds appraised with assumptions certain at values by key; the first of them."""
        fixed = {key: Assumption(unit=self.case[key].unit, central=float(number))
                 for key, number in values.items()}
        return Worlds({**self.case.assumptions, **fixed}, self.worlds.seed,
                      min(draws or self.worlds.draws, self.worlds.draws))

    @cached_property
    def evidence(self):
        """Whether the evidence decides, by choice or option beside: share, low, high, decides.

        See `Market.evidence` for what a route saves. Flows of an option's own decide where weak
        figures make no more than half of their variance and none that is illustrative is certain;
        where an option has both, both have to.
        """
        rows = {}
        for name in [name for name in self._able if name != self.reference]:
            parts = []
            if self.market and self._route(name) != self.market.reference:
                parts.append(self.market.evidence.loc[self._route(name)].to_dict())
            if self._owns(name):
                mine = {key: self.case[key] for key in self._own_keys(name)}
                held = self.worlds.hold(dict.fromkeys(evidence.weak(mine), evidence.HALF))
                share = evidence.weak_share(*(self._own_saving(name, worlds)
                                              for worlds in (self.worlds, held)))
                guessed = any(one.certain and one.quality == "illustrative"
                              for one in mine.values())
                parts.append({"share": share.share, "low": share.low, "high": share.high,
                              "decides": evidence.decides(share.high) and not guessed})
            if parts:
                rows[name] = {**max(parts, key=lambda part: part["share"]),
                              "decides": all(part["decides"] for part in parts)}
        return pd.DataFrame(rows).T

    @property
    def decides(self):
        """Whether the evidence decides between the proposal and the reference."""
        found = self.evidence
        return bool(self.proposal in found.index and found.at[self.proposal, "decides"])

    @cached_property
    def payoff(self):
        """Mean saving by state of the world, present GBP: frame choice x state.

        States of the case, in SOME worlds with all of them as control; without any, each of the
        STATES assumptions that move most alone at its low and its high.
        """
        states = {said["label"]: changes(said["set"]) for said in self.told("states", {}).values()}
        known = {label: self._in_state(state) for label, state in states.items()
                 if all(key in self.case for key in state)}
        if known:
            return pd.DataFrame(known)
        found = {"as expected": self.saving.mean("draw").sel(option=self.choices).to_series()}
        for key in self.ranked[:STATES]:
            for end in ("low", "high"):
                found[f"{self.case[key].label or key}: {end}"] = pd.Series(
                    {name: self._influence[name].at[key, end] for name in self.choices})
        return pd.DataFrame(found)

    def _in_state(self, values):
        worlds = self._fixed(values, SOME)
        results = self.market and self.market.results.isel(draw=slice(worlds.draws))
        if any(key.startswith("market.") for key in values):
            results = self.market.compared(worlds)
        cost = self._present(self._flows(worlds, results))
        saving = cost.sel(option=self.reference, drop=True) - cost
        few = self.saving[: worlds.draws].mean("draw")
        found = saving.mean("draw") + self.saving.mean("draw") - few
        return found.sel(option=self.choices).to_series()

    @property
    def regret(self):
        """What each choice saves less than the best of the state, present GBP: choice x state."""
        return value.regret(self.payoff)

    @property
    def minimax(self):
        """The choice, and the mix, whose largest regret is least: see `value.minimax`."""
        return value.minimax(self.payoff)

    # What is said

    @property
    def robust(self):
        """What would change the recommendation: dicts, kind assumption or weight.

        An assumption that stands out from chance and, from its low to its high, turns the sign of
        the focus's saving: the value at which it does, in a straight line, and says. A weight at
        which another choice comes first.
        """
        table, found = self.tornado(), []
        for key, row in table[table["clear"] & table["crosses_zero"]].iterrows() if len(
                table) else ():
            one = self.case[key]
            score = -2 * P90 * row["central"] / row["swing"]
            found.append({
                "kind": "assumption", "key": key, "label": row["label"], "unit": row["unit"],
                "value": float(one.quantile(ndtr(score))), "central": one.central_value(),
                "low": one.low, "high": one.high, "option": self.focus,
                "says": "saves above" if row["swing"] > 0 else "saves below"})
        turns = self.turns.T.items() if self._criteria else ()
        return found + [{"kind": "weight", "key": name, **row} for name, row in turns]
