"""The sections `paper` and `happened`: what a committee paper says, and what came of it later."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool

from sufficiency.case import schema
from sufficiency.case.quantity import Model, nearest

# What a check of a paper may find, by the name under which a paper may accept it.
CHECKS = {
    "absent_option": "an option that is named is not appraised",
    "uncompared_option": "a route that is compared is not appraised",
    "options_text": "the options text is of another paper",
    "figures": "figures do not tie",
    "no_source": "money or a percentage that no source gives",
    "old_comments": "comments older than the figures",
    "comment_age": "comments long before the meeting",
    "stale_law": "words the law no longer uses",
    "later_law": "law of after the date",
    "moved_date": "a date of the law that moved",
    "cut_year": "a year that is cut off",
    "timetable": "a step that is already past",
    "notice": "notice of a key decision",
}
WHEN = r"(19|20|21)\d\d(-(0[1-9]|1[0-2])(-\d\d)?)?"


def day(value):
    """Check a day: a date, or its text 2022-02-10, as `Case.value` gives it."""
    try:
        return value if type(value) is date else date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("a day such as 2022-02-10") from None


def when(value):
    """Check a day, month or year as text; "" is not known."""
    text = str(value)
    if text and not re.fullmatch(WHEN, text):
        raise ValueError('a month such as 2017-07, a day, a year, or "" if not known')
    return str(day(text)) if len(text) == 10 else text


def known(value):
    """Check that a text is there."""
    if not value.strip():
        raise ValueError("some text: it is required")
    return value


def checked(checks):
    """Check that what is accepted is something a check may find, each with its reason."""
    for name, reason in checks.items():
        if name not in CHECKS:
            raise ValueError(", ".join(CHECKS) + nearest(name, CHECKS))
        known(reason)
    return checks


Day = Annotated[date, BeforeValidator(day)]
When = Annotated[str, BeforeValidator(when)]
Said = Annotated[str, AfterValidator(known)]
Texts = tuple[Said, ...]
YesNo = Literal["yes", "no", ""]


class Front(Model):
    """The front sheet; what is left out is blank in print. notice: when a key decision's was."""

    body: str = ""
    meeting: Day | None = None
    report_of: str = ""
    key_decision: YesNo = ""
    notice: Day | None = None
    forward_plan: str = ""
    exempt: YesNo = ""
    portfolio: str = ""
    wards: str = ""


class Delegation(Model):
    """To whom a decision passes, after consulting whom, and what must be there first."""

    to: Texts
    consult: Texts = ()
    gate: str = ""


class Step(Model):
    """A step of the timetable; past: its date had gone by at the meeting."""

    what: Said
    when: When
    source: str = ""
    past: StrictBool = False


class Comment(Model):
    """An adviser's comments and their day."""

    by: Said
    dated: Day | None = None
    said: str = ""


class Part(Model):
    """Consultation, an assessment or a clearance: its status and what was said; may be blank."""

    status: str = ""
    said: str = ""


class Cleared(Model):
    """A clearance: whether it was given, and its comment; names stay blank."""

    what: Said
    cleared: YesNo | Literal["none applicable"] = ""
    said: str = ""


class Implication(Model):
    """One of the implications a council's papers go through; applies: blank if nobody said."""

    what: Said
    applies: YesNo = ""
    said: str = ""


class Benefit(Model):
    """What is to be gained, how it would be seen, and which role answers for it."""

    what: Said
    measure: str = ""
    owner: str = ""


class Paper(Model):
    """Section `paper`. {option} in a text names an option of the appraisal by its key."""

    front: Front = Front()
    served: str = ""
    purpose: Texts = ()
    decisions: Texts = ()
    delegation: Delegation | None = None
    background: Texts = ()
    governance: Texts = ()
    options: Texts = ()
    benefits: tuple[Benefit, ...] = ()
    finance: Texts = ()
    timetable: tuple[Step, ...] = ()
    comments: tuple[Comment, ...] = ()
    consultation: Part = Part()
    equality: Part = Part()
    data_protection: Part = Part()
    clearances: tuple[Cleared, ...] = ()
    implications: tuple[Implication, ...] = ()
    background_papers: Texts = ()
    accept: Annotated[dict[str, str], AfterValidator(checked)] = Field(default_factory=dict)


class Event(Model):
    """What happened after the decision, with its source."""

    when: Annotated[When, AfterValidator(known)]
    what: Said
    source: Said


class _Both(Model):
    paper: Paper = Paper()
    happened: tuple[Event, ...] = ()


def check_paper(tree):
    """Note what is wrong with a tree's `paper` and `happened`."""
    said = {name: tree.data[name] for name in _Both.model_fields
            if tree.data.get(name) is not None}
    schema._validate(_Both, said, (), tree)


def texts(paper):
    """Every text of a paper, `Paper` or mapping: -> {dotted place: text}."""
    found, left = {}, [("", paper.model_dump() if isinstance(paper, Model) else paper)]
    while left:
        path, node = left.pop(0)
        if isinstance(node, dict | list | tuple):
            pairs = node.items() if isinstance(node, dict) else enumerate(node)
            left += [(f"{path}.{key}".lstrip("."), child) for key, child in pairs]
        elif isinstance(node, str) and node:
            found[path] = node
    return found
