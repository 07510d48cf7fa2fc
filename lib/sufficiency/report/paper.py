"""The paper a council could table: sections by kind of decision, what is not known left blank.

Everything comes in as plain data, `Facts`; nothing is worked out here. The words of the assurance
statement are those of the AQuA Book (gov.uk, June 2025).
"""

import re
from dataclasses import dataclass
from datetime import date

import pandas as pd

from sufficiency.case.law import in_print
from sufficiency.case.paper import CHECKS, Paper
from sufficiency.report import tables
from sufficiency.report.market_words import between, cost, lower, upper
from sufficiency.report.paper_words import BLANK, amount, day, points, sourced, text
from sufficiency.report.procurement_words import law
from sufficiency.report.words import chance, listed, money, span

DECISIONS = {"approve": "For decision", "note": "For noting", "annual_report": "Annual report"}
ASKED = {"approve": "Decision asked", "note": "What is to be noted",
         "annual_report": "What the committee is asked to consider"}
ANSWERS = {"yes": "Yes", "no": "No", "": BLANK}
CLEARED = ("Finance", "Legal services", "Director", "Cabinet member", "Scrutiny committee",
           "Communications", "Property")
IMPLIED = ("Finance", "Human resources", "Human rights", "Equality", "Safeguarding",
           "Data protection", "Crime and disorder", "Health and safety", "Sustainability")
ROLES = ("Commissioner of the analysis", "Analyst", "Assurer",
         "Approver (senior responsible officer)")
WEAK = ("proxy", "judgement", "illustrative")
LIMITS = ("It sums up what is known and assumed; it is not advice on law or on a child.",)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a paper says.

    paper, happened: those sections of the case. headlines: rows of headline.json with `rests`,
    `turns`, `exempt` (why, or ""), `evidence` (number of the notebook). options: a row an option,
    columns option, label, says, fails, and GBP mean, p10, p90, saving, saving_p10, saving_p90 and
    probability_best where they exist. risks: columns risk, without, with, mitigation, owner. funds:
    fund, mean, p10, p90 GBP. findings: of `case.law`. assumptions: of `views.assumptions`, widest
    first; ranked: their keys. sums: (what, {part: GBP}, total GBP). problems: of the consistency
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
    made = sections(facts, edition)
    for number, found in enumerate(notebooks, 1):
        made += evidence(found, number)
    if facts.provenance is not None:
        made += [_text("# How these figures were made"),
                 _table("provenance", "How these figures were made", facts.provenance)]
    return made


def evidence(found, number):
    """A notebook's pieces, its title marked as evidence of that number."""
    titled, again = [], rf"# Evidence {number}: \1"
    for at, (kind, said, annex) in enumerate(found):
        titled.append((kind, re.sub(r"\A# (.+)", again, said) if at == 0 else said, annex))
    return titled


def sections(facts, edition):
    """The paper alone, its sections numbered -> pieces."""
    made, number = [], 0
    for head, parts in _Paper(facts, edition).sections():
        shown = [_text(part) if isinstance(part, str) else part for part in parts if part]
        if shown:
            made += [_text(f"# {number}. {head}" if made else f"# {head}"), *shown]
            number += 1
    return made


def _text(said):
    return "text", said, {}


def _table(label, caption, frame, note="", **more):
    data, about = tables.Table(f"paper_{label}", caption, frame, note,
                               **more)._repr_mimebundle_()
    return "table", data["text/markdown"], about["annex"]


class _Paper:
    """The sections of one paper in one edition."""

    def __init__(self, facts, edition):
        self.facts, self.public = facts, edition == "public"
        self.said = Paper.model_validate(facts.paper)
        self.labels = {} if facts.options is None else dict(
            facts.options[["option", "label"]].to_numpy())

    def sections(self):
        """(heading, parts) in order; a section without parts is left out."""
        said, facts = self.said, self.facts
        return (
            ("Front sheet", self._front()),
            ("Purpose", [self._all(said.purpose)]),
            (ASKED[facts.decision], self._asked()),
            ("Background", [self._all(said.background)]),
            ("Who decides, and who is told", [points(map(self._one, said.governance))]),
            ("Options", self._options()),
            ("What the figures say", self._figures()),
            ("Finance", self._finance()),
            ("The law at the date", [f"On {in_print(facts.as_at)}:", law(facts.findings)]
             if facts.findings else [text("")]),
            ("Risks with and without the proposal", self._risks()),
            ("Benefits", self._benefits()),
            ("Timetable", self._timetable()),
            ("Consultation, equality and data protection", self._parts()),
            ("Implications", self._implications()),
            ("Comments and clearances", self._clearances()),
            ("What was assumed", self._assumed()),
            ("Assurance statement", self._assurance()),
            ("What this cannot tell you", [points(map(self._one, facts.limits or LIMITS))]),
            ("What happened next", self._happened()),
            ("Background papers", [points(map(sourced, (*said.background_papers,
                                                         *facts.sources)) or [text("")])]),
        )

    def _one(self, said):
        """One text with its {option} names as labels."""
        return text(re.sub(r"\{(\w+)\}", lambda found: lower(self.labels.get(
            found[1], found[0])), said))

    def _all(self, texts):
        return "\n\n".join(map(self._one, texts)) or text("")

    def _front(self):
        front, facts = self.said.front, self.facts
        edition = "Public" if self.public else f"Exempt. {facts.exempt or BLANK}"
        rows = {
            "Council": facts.council, "Meeting of": front.body, "Date": day(front.meeting),
            "Figures as at": in_print(facts.as_at), "Report of": front.report_of,
            "Cabinet member": front.portfolio, "Kind of report": DECISIONS[facts.decision],
            "Key decision": ANSWERS[front.key_decision],
            "Notice of the decision published": day(front.notice),
            "Forward plan": front.forward_plan, "Exempt information": ANSWERS[front.exempt],
            "Wards": front.wards, "Author and contact": "", "Edition": edition}
        if front.key_decision == "no":
            del rows["Notice of the decision published"]
        shown = {"Item": rows.keys(), "Said": [said or BLANK for said in rows.values()]}
        return [_table("front", upper(facts.title), pd.DataFrame(shown))]

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
        against = lower(self.labels[facts.reference]) if facts.reference else "the first"
        rows = []
        for row in found.to_dict("records"):
            made, fails = {"Option": row["label"]}, bool(row["fails"])
            if "mean" in row:
                made["Net present cost"] = "" if fails else money(row["mean"])
                made["8 chances in 10"] = "" if fails else span(row["p10"], row["p90"])
            if "saving" in row:
                same = fails or row["option"] == facts.reference
                made[f"Against {against}"] = "" if same else cost(row["saving"])
                made["8 chances in 10 of that"] = "" if same else between(
                    row["saving_p10"], row["saving_p90"])
            if "probability_best" in row:
                made["Chance of least cost"] = "" if fails else chance(row["probability_best"])
            made["Standing"] = "Cannot be chosen" if fails else "Proposed" if \
                row["option"] == facts.proposal else "Could be chosen"
            rows.append(made)
        says = [f"**{text(row['label'])}.** {text(row['says'])}"
                + (f" Cannot be chosen: {text(row['fails'])}" if row["fails"] else "")
                for row in found.to_dict("records")]
        chosen = "" if facts.proposal else "This paper recommends none of them."
        return [points(says), chosen, _table("options", "Every option considered",
                                              pd.DataFrame(rows)),
                self._all(self.said.options) if self.said.options else ""]

    def _figures(self):
        shown = [head for head in self.facts.headlines if not (self.public and head.get("exempt"))]
        left = [head["exempt"] for head in self.facts.headlines if head not in shown]
        parts = []
        for head in shown:
            points = [f"**{text(head['text'])}: {amount(head)}.**",
                      f"Basis: {text(head['basis'])}; {text(head['year'])}.",
                      f"It rests on: {text(head.get('rests'))}",
                      f"What would change it: {text(head.get('turns'))}"]
            points += [f"See Evidence {head['evidence']}."] if head.get("evidence") else []
            parts.append("\n".join([f"* {points[0]}", *(f"    * {one}" for one in points[1:])]))
        parts = parts or ["No figure is put at the head of this paper: not estimated."]
        return ["\n".join(parts), *(f"*A figure is left out of this edition. {text(why)}*"
                                    for why in dict.fromkeys(left))]

    def _finance(self):
        facts = self.facts
        parts = [self._all(self.said.finance)]
        if facts.funds is not None and len(facts.funds):
            frame = pd.DataFrame([{"Who pays": row.fund, "Expected": money(row.mean),
                                   "8 chances in 10": span(row.p10, row.p90)}
                                  for row in facts.funds.itertuples()])
            parts.append(_table("funds", "Cost by who pays", frame, facts.funds_note))
        return parts

    def _risks(self):
        found = self.facts.risks
        if found is None or not len(found):
            return [text("")]
        heads = {"risk": "Risk", "without": "Without the proposal", "with": "With it",
                 "mitigation": "What is done about it", "owner": "Owner"}
        frame = found.rename(columns=heads)[list(heads.values())].replace("", BLANK)
        return [_table("risks", "Risks, rated in words", frame)]

    def _benefits(self):
        rows = [{"Benefit": one.what, "How it would be seen": one.measure or BLANK,
                 "Owner": one.owner or BLANK} for one in self.said.benefits]
        return [_table("benefits", "Benefits, and who answers for them", pd.DataFrame(rows))
                ] if rows else []

    def _timetable(self):
        rows = [{"Step": one.what, "When": day(one.when) + " (past)" * one.past,
                 "Source": one.source or BLANK} for one in self.said.timetable]
        return [_table("timetable", "Steps and dates", pd.DataFrame(rows)) if rows
                else text("")]

    def _parts(self):
        heads = {"consultation": "Consultation", "equality": "Equality",
                 "data_protection": "Data protection"}
        return [f"**{head}.** Status: {text(part.status)}. {self._one(part.said or BLANK)}"
                for part, head in ((getattr(self.said, name), head)
                                   for name, head in heads.items())]

    def _implications(self):
        rows = [(one.what, ANSWERS[one.applies], one.said) for one in self.said.implications]
        rows = rows or [(what, BLANK, BLANK) for what in IMPLIED]
        frame = pd.DataFrame(rows, columns=["Implications for", "Any?", "What"])
        return [_table("implications", "Implications", frame)]

    def _clearances(self):
        said, parts = self.said, []
        if said.comments:
            rows = [{"By": one.by, "Dated": day(one.dated), "Comment": one.said or BLANK}
                    for one in said.comments]
            parts.append(_table("comments", "Comments of advisers", pd.DataFrame(rows)))
        rows = [(one.what, ANSWERS.get(one.cleared, upper(one.cleared)), one.said)
                for one in said.clearances]
        if not rows and self.facts.decision == "approve":
            rows = [(what, BLANK, "") for what in CLEARED]
        frame = pd.DataFrame([(what, cleared, BLANK, BLANK, note) for what, cleared, note in rows],
                             columns=["By", "Cleared", "Name", "Date", "Comment"])
        parts += [_table("clearances", "Clearances", frame)] if rows else []
        if self.facts.decision == "approve":
            minutes = {"Item": ["Moved by", "Seconded by", "Resolved", "Others who spoke"],
                       "Said": [BLANK] * 4}
            parts.append(_table("minutes", "For the minutes", pd.DataFrame(minutes)))
        return parts or [text("")]

    def _assumed(self):
        found = self.facts.assumptions
        if found is None or not len(found):
            return ["No assumption was ranked: not estimated."]
        frame = found.assign(Quality=[f"Weak: {q}" if q in WEAK else upper(str(q))
                                      for q in found["Quality"]])
        return [_table("assumptions", "Assumptions, those that move the figures most first", frame,
                       "Weak: another's figure (proxy), a judgement, or invented so that the case "
                       "runs (illustrative). The rest are in the evidence.")]

    def _assurance(self):
        facts = self.facts
        roles = pd.DataFrame([(role, BLANK, BLANK) for role in ROLES],
                             columns=["Role", "Name", "Date"])
        parts = ["In the terms of the [AQuA Book](https://www.gov.uk/guidance/the-aqua-book) of June 2025.",
                 _table("assurance", "Who answers for the analysis", roles),
                 f"**Fit for this purpose** ({lower(ASKED[facts.decision])}): {text('')}, for the "
                 "assurer to say."]
        if facts.verified:
            parts += ["**Verified in this run:**", points(map(text, facts.verified))]
        parts += ["**Not verified:** figures marked weak have not been set against the council's "
                  "own records; that is for the assurer.", "**Consistency of this paper:**"]
        found = [f"{text(f'{upper(CHECKS[one.name])}: {one.said}')}"
                 + (f" Accepted: {text(one.reason)}" if one.reason else "")
                 for one in facts.problems or ()]
        none = "Not checked." if facts.problems is None else "Nothing was found."
        return [*parts, points(found or [none])]

    def _happened(self):
        rows = [f"> * **{day(one['when'])}.** {text(one['what'])} ({sourced(one['source'])})"
                for one in self.facts.happened]
        later = self.facts.known_by and all(one["when"][:7] > self.facts.known_by
                                            for one in self.facts.happened)
        start = "> Known later: nothing here entered the figures above." if later else \
            "> From after the decision, and no part of the forecast. An assumption that rests on " \
            "any of it names it as its source."
        return ["\n".join([start, ">", *rows])] if rows else []
