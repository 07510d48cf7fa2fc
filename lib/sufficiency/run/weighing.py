"""What options do beside money: outcomes scored, weighed and ranked, and risks in colours."""

from functools import cached_property

import numpy as np
import pandas as pd

from sufficiency.case.options import rating
from sufficiency.model.appraisal import scores
from sufficiency.run.costed import KEY, Costed

# Sets of weights asked.
WEIGHTS = 10_000


class Weighed(Costed):
    """Options of a case by its criteria, and its risks."""

    @property
    def _criteria(self):
        return self.told("criteria", {})

    @cached_property
    def outcomes(self):
        """What each option does by each criterion, in its own unit: frame option x criterion."""
        found = pd.DataFrame(index=pd.Index(list(self.options), name="option"))
        for name, said in self._criteria.items():
            source = said.get("from")
            found[name] = (self._judged(name).mean(0) if source is None else
                           self.net_cost.mean("draw").values if source == "cost" else
                           [self.market.by_route.at[self._route(option), source]
                            for option in self.options])
        return found

    def _judged(self, name):
        """Scores (draw, option) as judged, 0 to 100."""
        given, key = self.told(f"criteria.{name}.scores"), f"{KEY}.criteria.{name}.scores"
        return np.column_stack([
            self.worlds[f"{key}.{option}"] if f"{key}.{option}" in self.case
            else np.full(self.worlds.draws, float(given.get(option, np.nan)))
            for option in self.options])

    def _scored(self, name, values):
        """Scores of values (..., choice) by a criterion; 100 for all where no choice differs."""
        ends = self.outcomes.loc[self.choices, name]
        best, worst = ends.max(), ends.min()
        if best == worst:
            return np.full(np.shape(values), scores.SCALE)
        if self._criteria[name].get("better", "high") == "low":
            best, worst = worst, best
        return scores.local_scores(values, best, worst)

    @cached_property
    def scores(self):
        """Scores 0 (the worst choice's) to 100 (the best's): frame choice x criterion."""
        return self.outcomes.loc[self.choices].apply(
            lambda column: self._scored(column.name, column.values)) + 0.0  # no -0

    @cached_property
    def weights(self):
        """Swing, weight (they add up to 1) and where both come from: frame by criterion."""
        found = pd.DataFrame({name: {part: said.get(part, "") for part in (
            "label", "swing", "quality", "source", "note")}
            for name, said in self._criteria.items()}).T
        found["weight"] = scores.swing_weights(found["swing"].astype(float), found.index)
        return found

    @cached_property
    def ranking(self):
        """Weighted score of each choice, best first, and whether another beats it on everything."""
        mine = self.scores
        return pd.DataFrame({"score": scores.weighted(mine.values, self.weights["weight"].values),
                             "dominated": scores.dominated(mine.values)}, index=mine.index
                            ).sort_values("score", ascending=False, kind="stable")

    def smaa(self, ordered=False):
        """How often each choice takes each rank when weights are not known: `scores.smaa`.

        Every set of weights is as likely; ordered: only those in the order of the case's swings.
        Costs and judged scores as drawn; other outcomes as on average.
        """
        names, rows = list(self._criteria), [*map(list(self.options).index, self.choices)]
        drawn = np.repeat(self.scores.values[None], self.worlds.draws, axis=0)
        for at, (name, said) in enumerate(self._criteria.items()):
            if said.get("from") == "cost":
                drawn[:, :, at] = self._scored(name, self.net_cost.values[:, rows])
            elif said.get("scores"):
                drawn[:, :, at] = self._scored(name, self._judged(name)[:, rows])
        swings = self.weights["swing"].astype(float).values if ordered else None
        weights = scores.dirichlet_weights(WEIGHTS, names, self.worlds.seed, swings)
        return scores.smaa(drawn[np.arange(WEIGHTS) % len(drawn)], weights)

    def acceptability(self, ordered=False):
        """Share of sets of weights that give each choice each rank: frame choice x rank."""
        found = self.smaa(ordered).acceptability
        return pd.DataFrame(found, index=self.choices, columns=range(1, len(self.choices) + 1))

    @property
    def turns(self):
        """The weight nearest to its own at which another choice leads: frame by criterion.

        label, weight, value and option, the new leader; the other weights keep their proportions.
        A criterion whose weight turns nothing is left out.
        """
        mine, leader, rows = self.scores, self.ranking.index[0], {}
        total = self.ranking["score"].loc[self.choices]
        for name, weight in self.weights["weight"].items():
            rest = (total - weight * mine[name]) / (1 - weight) if weight < 1 else 0 * total
            lead, ahead = rest[leader] - rest, mine.at[leader, name] - mine[name]
            at = (lead / (lead - ahead).where(lead != ahead)).drop(leader)
            at = at[at.between(0, 1)]
            if len(at):
                option = (at - weight).abs().idxmin()
                rows[name] = {"label": self.weights.at[name, "label"], "weight": weight,
                              "value": at[option], "option": option}
        return pd.DataFrame(rows).T

    @property
    def risks(self):
        """Risks without and with the proposal, in colours: frame by risk.

        risk, without, with, mitigation, owner, source, and who rates each side: the source, or a
        judgement of likelihood and impact by `options.RATING`.
        """
        rows = {}
        for name, said in self.told("risks", {}).items():
            (without, first), (held, second) = (rating(said.get(side)) for side in
                                                ("without", "with"))
            rows[name] = {"risk": said["label"], "without": without, "with": held,
                          "mitigation": said.get("mitigation", ""), "owner": said.get("owner", ""),
                          "source": said.get("source") or said.get("note", ""),
                          "without_by": first, "with_by": second}
        return pd.DataFrame(rows).T
