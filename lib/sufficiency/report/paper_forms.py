"""Forms of a committee paper: what people fill in stays visibly blank.

The words of the assurance statement are those of the AQuA Book (gov.uk, June 2025).
"""

import pandas as pd

from sufficiency.case.law import in_print
from sufficiency.case.paper import CHECKS
from sufficiency.report.market_words import lower, upper
from sufficiency.report.paper_words import BLANK, day, points, table, text

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
AQUA = "https://www.gov.uk/guidance/the-aqua-book"


def front(facts, said, public):
    """The paper at a glance, in one edition."""
    front = said.front
    edition = "Public" if public else f"Exempt. {facts.exempt or BLANK}"
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
    return [table("front", "The paper at a glance", pd.DataFrame(shown))]


def considered(said, one):
    """Consultation, equality and data protection; one: a text as it is printed."""
    parts = {"Consultation": said.consultation, "Equality": said.equality,
             "Data protection": said.data_protection}
    return [f"**{head}.** Status: {text(part.status)}. {one(part.said or BLANK)}"
            for head, part in parts.items()]


def implications(said):
    """The checklist of implications, all blank where the case has none."""
    rows = [(one.what, ANSWERS[one.applies], one.said) for one in said.implications]
    rows = rows or [(what, BLANK, BLANK) for what in IMPLIED]
    frame = pd.DataFrame(rows, columns=["Implications for", "Any?", "What"])
    return [table("implications", "Implications", frame)]


def clearances(said, decision):
    """Comments and clearances with names and dates to be filled in, and a form for the minutes."""
    parts = []
    if said.comments:
        rows = [{"By": one.by, "Dated": day(one.dated), "Comment": one.said or BLANK}
                for one in said.comments]
        parts.append(table("comments", "Comments of advisers", pd.DataFrame(rows)))
    rows = [(one.what, ANSWERS.get(one.cleared, upper(one.cleared)), one.said)
            for one in said.clearances]
    if not rows and decision == "approve":
        rows = [(what, BLANK, "") for what in CLEARED]
    frame = pd.DataFrame([(what, cleared, BLANK, BLANK, note) for what, cleared, note in rows],
                         columns=["By", "Cleared", "Name", "Date", "Comment"])
    parts += [table("clearances", "Clearances", frame)] if rows else []
    if decision == "approve":
        minutes = {"Item": ["Moved by", "Seconded by", "Resolved", "Others who spoke"],
                   "Said": [BLANK] * 4}
        parts.append(table("minutes", "For the minutes", pd.DataFrame(minutes)))
    return parts or [text("")]


def assurance(facts):
    """The assurance statement: roles to be filled in, what was verified, what was found."""
    roles = pd.DataFrame([(role, BLANK, BLANK) for role in ROLES],
                         columns=["Role", "Name", "Date"])
    parts = [f"In the terms of the [AQuA Book]({AQUA}) of June 2025.",
             table("assurance", "Who answers for the analysis", roles),
             f"**Fit for this purpose** ({lower(ASKED[facts.decision])}): {text('')}, for the "
             "assurer to say."]
    if facts.verified:
        parts += ["**Verified in this run:**", points(map(text, facts.verified))]
    parts += ["**Not verified:** figures marked weak have not been set against the council's "
              "own records; that is for the assurer.", "**Consistency of this paper:**"]
    found = [_ended(f"{upper(CHECKS[one.name])}: {one.said}")
             + (f" Accepted: {_ended(one.reason)}" if one.reason else "")
             for one in facts.problems or ()]
    none = "Not checked." if facts.problems is None else "Nothing was found."
    return [*parts, points(found or [none])]


def _ended(said):
    """A text of the case as a sentence."""
    return text(said if said.endswith((".", "?")) else f"{said}.")
