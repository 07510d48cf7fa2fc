"""The paper a council could table: sections by kind of decision, what is not known left blank.

Everything comes in as plain data, `Facts`; nothing is worked out here.
"""

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import pandas as pd

from sufficiency.case.paper import Paper
from sufficiency.report import paper_forms as forms
from sufficiency.report import paper_words as words
from sufficiency.report.market_words import between, cost, lower, upper
from sufficiency.report.paper_forms import ASKED
from sufficiency.report.paper_words import BLANK, day, points, rounded, table, text
from sufficiency.report.procurement_words import law
from sufficiency.report.words import chance, listed, span

RATED = {"red": "Red: high", "amber": "Amber: medium", "green": "Green: low"}
WEAK = ("proxy", "judgement", "illustrative")
LIMITS = ("It sums up what is known and assumed; it is not advice on law or on a child.",)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a paper says.

    paper, happened: those sections of the case. headlines: rows of headline.json with `rests`,
    `turns`, `exempt` (why, or ""), `evidence` (number of the notebook). options: a row an option,
    columns option, label, says, fails, and GBP mean, p10, p90, saving, saving_p10, saving_p90 and
    error, saving_error, probability_best where they exist. risks: columns risk, without, with (red,
    amber, green), mitigation, owner. funds: fund, mean, p10, p90 GBP. law_note: a sentence;
    findings: of `case.law`. assumptions: of `views.assumptions`, widest first; ranked: their keys.
    sums: (what, {part: GBP}, total GBP). problems: of the consistency
    checks, None before they ran. known_by: the month after which nothing is used, "" for none.
    exempt: why there is an exempt edition, "" if there is none.
    """

    council: str
    title: str
    decision: str
    as_at: date
    paper: dict
    happened: tuple = ()
    headlines: tuple = ()
    options: pd.DataFrame | None = None
    reference: str = ""
    proposal: str = ""
    risks: pd.DataFrame | None = None
    funds: pd.DataFrame | None = None
    funds_note: str = ""
    law_note: str = ""
    findings: tuple = ()
    assumptions: pd.DataFrame | None = None
    ranked: tuple = ()
    sources: tuple = ()
    verified: tuple = ()
    limits: tuple = ()
    sums: tuple = ()
    problems: tuple | None = None
    provenance: pd.DataFrame | None = None
    known_by: str = ""
    exempt: str = ""


def pieces(facts, notebooks, edition):
    """The whole document: paper, evidence, provenance -> pieces as of `document.pieces`.

    notebooks: the pieces of each, in order; edition: public or exempt.
    """
    made = sections(facts, edition, list(map(answer, notebooks)))
    for number, found in enumerate(notebooks, 1):
        made += evidence(found, number)
    if facts.provenance is not None:
        made += [_text("# How these figures were made"),
                 table("provenance", "How these figures were made", facts.provenance)]
    return made


def evidence(found, number):
    """A notebook's pieces, its title marked as evidence of that number.

    Sections that say only that something is not estimated are named in one line at the end.
    """
    titled, again, left = [], rf"# Evidence {number}: \1", []
    starts = [at for at, (kind, said, _) in enumerate(found)
              if kind == "text" and said.startswith("## ")]
    for start, end in pairwise([0, *starts, len(found)]):
        part = found[start:end]
        if start and len(part) == 2 and part[1][1].startswith("Not estimated"):
            left.append(part[0][1].splitlines()[0].removeprefix("## "))
            continue
        titled += [(kind, re.sub(r"\A# (.+)", again, said) if start + at == 0 else said, annex)
                   for at, (kind, said, annex) in enumerate(part)]
    if left:
        titled.append(_text(f"*Not estimated for this council: {' '.join(left)}*"))
    return titled


def answer(found):
    """What a notebook's pieces first say under `## The answer`, without a list; "" for nothing."""
    texts = [said for kind, said, _ in found if kind == "text"]
    start = next((at for at, said in enumerate(texts) if said.startswith("## The answer")), None)
    said = [text.split("\n")[0] for text in texts[start + 1 :][:2]] if start is not None else []
    said = [text.rpartition(". ")[0] + "." if text.endswith(":") else text for text in said or [""]]
    # What counts beside cost belongs to the answer about options
    return " ".join(said if said[-1].startswith("**Weighed") else said[:1])


def sections(facts, edition, answers=()):
    """The paper alone, its sections numbered; answers: of the evidence, in order -> pieces."""
    made, number = [], 0
    for head, parts in _Paper(facts, edition, answers).sections():
        shown = [_text(part) if isinstance(part, str) else part for part in parts if part]
        if shown:
            made += [_text(f"# {number}. {head}" if made else f"# {head}"), *shown]
            number += 1
    return made


def _text(said):
    return "text", said, {}


class _Paper:
    """The sections of one paper in one edition."""

    def __init__(self, facts, edition, answers=()):
        self.facts, self.public, self.answers = facts, edition == "public", answers
        self.said = Paper.model_validate(facts.paper)
        self.labels = {} if facts.options is None else dict(
            facts.options[["option", "label"]].to_numpy())

    def sections(self):
        """(heading, parts) in order; a section without parts is left out."""
        said, facts = self.said, self.facts
        return (
            ("Front sheet", forms.front(facts, said, self.public)),
            ("Purpose", [self._all(said.purpose)]),
            (ASKED[facts.decision], self._asked()),
            ("In short", self._figures()),
            ("Background", [self._all(said.background)]),
            ("Who decides, and who is told", [points(map(self._one, said.governance))]),
            ("Options", self._options()),
            ("Finance", self._finance()),
            ("The law at the date", [facts.law_note, self._law()]),
            ("Risks" + " with and without the proposal" * bool(facts.proposal), self._risks()),
            ("Benefits", self._benefits()),
            ("Timetable", self._timetable()),
            ("Consultation, equality and data protection", forms.considered(said, self._one)),
            ("Implications", forms.implications(said)),
            ("Comments and clearances", forms.clearances(said, facts.decision)),
            ("What was assumed", self._assumed()),
            ("Assurance statement", forms.assurance(facts)),
            ("What this cannot tell you", [points(map(self._one, facts.limits or LIMITS))]),
            ("What happened next", self._happened()),
            ("Background papers", [points(map(words.sourced, (*said.background_papers,
                                                         *facts.sources))) or text("")]),
        )

    def _one(self, said):
        """One text with its {option} names as labels."""
        return text(re.sub(r"\{(\w+)\}", lambda found: lower(self.labels.get(
            found[1], found[0])), said))

    def _all(self, texts):
        return "\n\n".join(map(self._one, texts)) or text("")

    def _asked(self):
        said = self.said
        found = [f"{n}. {self._one(one)}" for n, one in enumerate(said.decisions, 1)]
        parts = ["\n".join(found) or text("")]
        if passed := said.delegation:
            way = "would pass" if self.facts.decision == "approve" else "has passed"
            line = f"The decision {way} to the {listed(passed.to)}"
            line += f", in consultation with the {listed(passed.consult)}" * bool(passed.consult)
            parts.append(self._one(f"{line}{f', {passed.gate}' * bool(passed.gate)}."))
        served = f"**The decision that this serves.** {self._one(said.served)}"
        return [*parts, served if said.served else ""]

    def _options(self):
        facts, found = self.facts, self.facts.options
        if found is None:
            return ["The options have not been appraised: not estimated.",
                    self.said.options and self._all(self.said.options)]
        rows = [{"Option": row["label"], "Standing": "Cannot be chosen" if row["fails"] else
                 "Proposed" if row["option"] == facts.proposal else "Could be chosen",
                 **self._costs(row)} for row in found.to_dict("records")]
        says = [f"**{text(row['label'])}.** {text(row['says'])}"
                + (f" Cannot be chosen. {text(row['fails'])}" if row["fails"] else "")
                for row in found.to_dict("records")]
        note = f"Difference: from {lower(self.labels[facts.reference])}." if facts.reference else ""
        return [points(says), "" if facts.proposal else "This paper recommends none of them.",
                table("options", "Every option considered", pd.DataFrame(rows), note),
                self._all(self.said.options) if self.said.options else ""]

    def _costs(self, row):
        """Cells of an option's cost; none where it is not costed."""
        if pd.isna(row.get("mean")):
            return {}
        cells = {"Net present cost": rounded(row["mean"]),
                 "Range, 8 chances in 10": span(row["p10"], row["p90"], rounded)}
        if "saving" in row:
            error, same = row.get("saving_error", 0), row["option"] == self.facts.reference
            cells["Difference"] = "" if same else cost(row["saving"], error)
            cells["Range of it"] = "" if same else between(
                row["saving_p10"], row["saving_p90"], error)
        if "probability_best" in row:
            best = row["probability_best"]
            cells["Chance of least cost"] = "" if pd.isna(best) else chance(best)
        return cells

    def _figures(self):
        # Where an answer turns is what would change it, and said beside the answer
        heads = [head for head in self.facts.headlines if not head["key"].startswith("switching_")]
        left = [head["exempt"] for head in heads if self.public and head.get("exempt")]
        said = points(f"{one} (Evidence {number}.)"
                      for number, one in enumerate(self.answers, 1) if one)
        rows = [{"Figure": words.headed(head), "Value": words.value(head),
                 "8 chances in 10": words.spread(head),
                 "It rests on": head.get("rests") or BLANK,
                 "What would change it": head.get("turns") or BLANK,
                 "Evidence": str(head.get("evidence", ""))}
                for head in heads if not (self.public and head.get("exempt"))]
        for above, row in reversed(list(pairwise(rows))):
            row |= {name: "As above" for name in ("It rests on", "What would change it")
                    if row[name] == above[name] != BLANK}
        shown = table("figures", "The figures at the head of this paper", pd.DataFrame(rows)) \
            if rows else "No figure is put at the head of this paper: not estimated."
        return [said, shown, *(f"*A figure is left out of this edition. {text(why)}*"
                         for why in dict.fromkeys(left))]

    def _finance(self):
        facts = self.facts
        parts = [self._all(self.said.finance)]
        if facts.funds is not None and len(facts.funds):
            frame = pd.DataFrame([
                {"Who pays": words.FUNDS.get(row.fund, upper(row.fund)),
                 "Expected": rounded(row.mean),
                 "8 chances in 10": span(row.p10, row.p90, rounded)}
                for row in facts.funds.itertuples() if row.p10 or row.p90])
            parts.append(table("funds", "Cost by who pays", frame, facts.funds_note))
        return parts

    def _law(self):
        found = self.facts.findings
        blank = [text(one.said.replace("Not seen: ", "Not read: ")) for one in found
                 if one.kind == "blank"]
        said = [law(found, ("warning", "rule")), points(dict.fromkeys(blank))]
        return "\n".join(filter(None, said)) or text("")

    def _risks(self):
        found = self.facts.risks
        if found is None or not len(found):
            return [text("")]
        before = "Without the proposal" if self.facts.proposal else "As it is"
        after = "With it" if self.facts.proposal else "With what is done"
        heads = {"risk": "Risk", "without": before, "with": after,
                 "mitigation": "What is done about it", "owner": "Owner"}
        frame = found[list(heads)].rename(columns=heads).replace({**RATED, "": BLANK})
        return [table("risks", "Risks, rated in words", frame)]

    def _benefits(self):
        rows = [{"Benefit": one.what, "Measure": one.measure or BLANK,
                 "Owner": one.owner or BLANK} for one in self.said.benefits]
        return [table("benefits", "Benefits, and who answers for them", pd.DataFrame(rows))
                ] if rows else []

    def _timetable(self):
        rows = [{"Step": one.what, "When": day(one.when) + " (past)" * one.past,
                 "Source": one.source or BLANK} for one in self.said.timetable]
        return [table("timetable", "Steps and dates", pd.DataFrame(rows)) if rows
                else text("")]

    def _assumed(self):
        found = self.facts.assumptions
        if found is None or not len(found):
            return ["No assumption was ranked: not estimated."]
        frame = found.assign(Quality=[f"Weak: {q}" if q in WEAK else upper(str(q))
                                      for q in found["Quality"]])
        return [table("assumptions", "Assumptions, those that move the figures most first", frame,
                       "Weak: another's figure (proxy), a judgement, or invented so that the case "
                       "runs (illustrative). The rest are in the evidence.")]

    def _happened(self):
        rows = [f"> * **{day(one['when'])}.** {text(one['what'])} ({words.sourced(one['source'])})"
                for one in self.facts.happened]
        later = self.facts.known_by and all(str(one["when"])[:7] > self.facts.known_by
                                            for one in self.facts.happened)
        start = "> Known later: nothing here entered the figures above." if later else \
            "> From after the decision, and no part of the forecast. An assumption that rests on " \
            "any of it names it as its source."
        return ["\n".join([start, ">", *rows])] if rows else []
