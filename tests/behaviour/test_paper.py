"""The paper a council could table: every section, blanks visible, two editions."""

import json
import re
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from sufficiency.case import load_case
from sufficiency.case.files import Tree
from sufficiency.case.law import Finding
from sufficiency.case.paper import CHECKS, check_paper, texts
from sufficiency.report import document, tables
from sufficiency.report.paper import Facts, pieces, sections
from sufficiency.report.paper_forms import ASKED
from sufficiency.run.consistency import Problem

COUNCILS = ("devon", "north_yorkshire", "northamptonshire", "rutland", "nottinghamshire")
# Members and officers whom the five reports name
NAMES = ("Leaver|Whitton|Samuel|McInnes|Emmett|Sanson|Hagger|Golby|Gould|James Smith|Wilby|Godfrey|"
         "Laurence|Hawketts")
OPTIONS = pd.DataFrame({
    "option": ["spot", "list", "stop"], "label": ["Spot purchase", "An open list", "Stop buying"],
    "says": ["As now.", "Providers join it.", "No service is bought."],
    "fails": ["", "", "It fails the test: Lawful. Some are ordered by courts."],
    "mean": [2_000_000.0, 1_900_000.0, float("nan")], "p10": [1.8e6, 1.7e6, float("nan")],
    "p90": [2.2e6, 2.1e6, float("nan")], "saving": [0.0, 100_000.0, float("nan")],
    "saving_p10": [0.0, -20_000.0, float("nan")], "saving_p90": [0.0, 200_000.0, float("nan")],
    "probability_best": [0.2, 0.8, float("nan")],
})  # fmt: skip
RISKS = pd.DataFrame({"risk": ["Legal challenge"], "without": ["red"],
                      "with": ["green"], "mitigation": ["A fair competition"],
                      "owner": [""]})  # fmt: skip
HEAD = {"key": "saving", "text": "Saving a year", "value": 100_000, "p10": -20_000, "p90": 200_000,
        "unit": "GBP", "basis": "against spot purchase", "year": "2017-18 to 2020-21",
        "rests": "what bidders add to a price", "turns": "a premium above 4%", "evidence": 1}
PAPER = {
    "front": {"body": "Cabinet", "meeting": "2017-02-14", "key_decision": "yes"},
    "purpose": ["To choose a way to buy."],
    "decisions": ["Agree {list}.", "Let it be put in place."],
    "delegation": {"to": ["Director"], "consult": ["Cabinet Member"], "gate": "after an appraisal"},
    "timetable": [{"what": "Award", "when": "2017-05", "source": "Report"}],
}  # fmt: skip


def facts(**changed):
    made = Facts(
        council="A Council", title="A list or spot purchase", decision="approve",
        as_at=date(2017, 2, 14), paper=PAPER, headlines=(HEAD,), options=OPTIONS, reference="spot",
        proposal="list", risks=RISKS, findings=(Finding("A sum is above.", "Act", "warning"),))
    return replace(made, **changed)


def read(made, edition="public"):
    return document.body(sections(made, edition))[0].replace("\\", "")


def section(text, head):
    found = re.search(rf"^# [\d. ]*{head}\n(.*?)(?=^# |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, head
    return found[1]


@pytest.mark.parametrize("decision", ASKED)
def test_every_section_is_there_and_numbered_in_order(decision):
    text = read(facts(decision=decision))
    heads = re.findall(r"^# (.*)", text, re.MULTILINE)
    assert heads[0] == "Front sheet"
    assert [int(head.split(".")[0]) for head in heads[1:]] == list(range(1, len(heads)))
    said = " ".join(heads)
    for name in ("Purpose", ASKED[decision], "In short", "Options", "Finance", "law",
                 "Risks with and without", "Timetable", "Consultation", "Implications", "assumed",
                 "Assurance statement", "cannot tell you", "Background papers"):
        assert name in said
    assert "Who decides" not in said
    assert ("For the minutes" in text) == (decision == "approve")


def test_what_nobody_said_is_visibly_blank():
    text = read(facts(paper={}, options=None, risks=None, headlines=(), findings=()))
    front = section(text, "Front sheet")
    assert front.count("______") >= 10
    for head in ("Purpose", "Decision asked", "Background", "Finance", "Timetable"):
        assert "______" in section(text, head)
    grid = section(text, "Comments and clearances")
    assert all(re.search(rf"\| {who} \| ______ \| ______ \| ______", grid)
               for who in ("Finance", "Legal services", "Scrutiny committee"))
    assert section(text, "Consultation, equality and data protection").count("______") == 6
    assert section(text, "Options").strip() == "The options have not been appraised: not estimated."


def test_names_of_those_who_answer_are_blank_in_the_words_of_the_assurance_book():
    found = section(read(facts()), "Assurance statement")
    for role in ("Commissioner of the analysis", "Analyst", "Assurer", "Approver"):
        assert re.search(rf"\| {role}[^|]*\| ______ \| ______ \|", found)
    assert "Not checked." in found
    assert "Nothing was found." in section(read(facts(problems=())), "Assurance statement")


def test_an_accepted_problem_is_printed_with_its_reason():
    problems = (Problem("old_comments", "Finance commented early", True, "as in the original"),)
    found = section(read(facts(problems=problems)), "Assurance statement")
    assert "Comments older than the figures: Finance commented early" in found
    assert "Accepted: as in the original" in found


def test_every_option_is_listed_those_that_fail_without_figures():
    found = section(read(facts()), "Options")
    assert "| Spot purchase | Could be chosen | £2.0m | £1.8m to £2.2m |  |  | 2 in 10 |" in found
    assert "| An open list | Proposed | £1.9m | £1.7m to £2.1m | £100,000 less |" in found
    assert "| £20,000 more to £200,000 less | 8 in 10 |" in found
    assert "| Stop buying | Cannot be chosen |  |  |  |  |  |" in found
    assert "Cannot be chosen. It fails the test: Lawful. Some are ordered by courts." in found
    assert "recommends none" not in found
    assert "recommends none" in section(read(facts(proposal="")), "Options")


def test_each_headline_has_its_range_what_it_rests_on_and_what_would_change_it():
    found = section(read(facts()), "In short")
    assert ("| Saving a year, 2017-18 to 2020-21 (against spot purchase) | £100,000 | "
            "−£20,000 to £200,000 | what bidders add to a price | a premium above 4% | 1 |"
            ) in found
    bare = {name: value for name, value in HEAD.items() if name not in ("rests", "turns")}
    assert "| ______ | ______ | 1 |" in section(read(facts(headlines=(bare,))), "In short")
    one = {**HEAD, "value": 0.04, "p10": 0.04, "p90": 0.04, "unit": "share"}
    assert "| 4% |  |" in read(facts(headlines=(one,)))
    turn = {**HEAD, "key": "switching_premium", "text": "Where it turns"}
    assert "Where it turns" not in read(facts(headlines=(HEAD, turn)))
    assert "not estimated" in section(read(facts(headlines=(turn,))), "In short")


def test_what_was_not_read_of_the_law_comes_last():
    findings = (Finding("Not seen: the Code.", "", "blank"), Finding("A rule.", "Act", "rule"),
                Finding("A sum is above.", "Act", "warning"))
    found = section(read(facts(findings=findings, law_note="One sentence.")), "The law at the date")
    order = [found.index(said) for said in ("One sentence.", "**Flag:** A sum is above. (Act)",
                                            "A rule.", "* Not read: the Code.")]
    assert order == sorted(order)


def test_an_exempt_figure_is_in_one_edition_only_and_the_other_says_why():
    made = facts(headlines=(HEAD, {**HEAD, "key": "price", "text": "Price of one provider",
                                   "exempt": "Prices of a provider."}), exempt="Prices.")
    public, exempt = read(made), read(made, "exempt")
    assert "Price of one provider" in exempt
    assert "Price of one provider" not in public
    assert "A figure is left out of this edition. Prices of a provider." in public
    assert "| Edition | Public |" in public
    assert "| Edition | Exempt. Prices. |" in exempt


def test_who_pays_and_risks_in_words():
    funds = pd.DataFrame({"fund": ["High needs block"], "mean": [1.2e6], "p10": [1e6],
                          "p90": [1.5e6]})
    text = read(facts(funds=funds))
    assert "| High needs block | £1.2m | £1.0m to £1.5m |" in section(text, "Finance")
    assert "| Legal challenge | Red: high | Green: low | A fair competition | ______ |" in text


def test_delegation_names_roles_and_the_gate():
    assert ("The decision would pass to the Director, in consultation with the Cabinet Member, "
            "after an appraisal.") in read(facts())
    assert "The decision has passed to the Director" in read(facts(decision="note"))


def test_an_option_in_braces_is_printed_by_its_label():
    assert "1. Agree an open list." in section(read(facts()), "Decision asked")


def test_what_happened_next_is_apart_and_sourced():
    happened = ({"when": "2022-08-09", "what": "A notice came.",
                 "source": "Find a Tender 1, https://example.org/notice/1"},)
    found = section(read(facts(happened=happened)), "What happened next")
    link = "[Find a Tender 1](https://example.org/notice/1)"
    assert f"> * **9 August 2022.** A notice came. ({link})" in found
    assert "no part of the forecast" in found
    found = section(read(facts(happened=happened, known_by="2017-02")), "What happened next")
    assert "nothing here entered the figures" in found
    undated = ({**happened[0], "when": 2026},)
    found = section(read(facts(happened=undated, known_by="2017-02")), "What happened next")
    assert "**2026.** A notice came." in found
    assert "nothing here entered the figures" in found
    assert "What happened next" not in read(facts())


def test_weak_assumptions_are_marked_as_they_are_ranked():
    frame = pd.DataFrame([["Price", "1", "2", "3", "£", "illustrative", ""],
                          ["Growth", "1", "2", "3", "share", "published", "SEN2"]],
                         columns="Assumption Low Central High Unit Quality Source".split())
    found = section(read(facts(assumptions=frame)), "What was assumed")
    assert found.index("Price") < found.index("Growth")
    assert "Weak: illustrative" in found
    assert "Published" in found


def test_hostile_text_stays_text():
    paper = {**PAPER, "purpose": ["# Head <script>alert(1)</script> [x](y) | =cmd()"]}
    said = document.body(sections(facts(paper=paper), "public"))[0]
    assert r"\# Head \<script\>alert(1)\</script\> \[x\](y) \| =cmd()" in said


def test_the_document_is_paper_then_evidence_then_provenance():
    notebook = [("text", "# Is a list cheaper?", {}), ("text", "## The answer", {})]
    made = facts(provenance=pd.DataFrame({"Item": ["Seed"], "Value": ["1"]}))
    found = pieces(made, [notebook, notebook[:1]], "public")
    text, items = document.body(found)
    order = [text.index(part) for part in ("# Front sheet", "# Evidence 1: Is a list cheaper?",
                                           "## The answer", "# Evidence 2", "| Seed | 1 |")]
    assert order == sorted(order)
    assert all(key.startswith("tbl-paper_") for key in items)
    assert all(tables.read(annex).frame.shape[0] for kind, _, annex in found if kind == "table")


def problems(paper, happened=()):
    tree = Tree(data={"paper": paper, "happened": list(happened)})
    check_paper(tree)
    return tree.problems


@pytest.mark.parametrize(("paper", "said"), {
    "a year cut off": ({"timetable": [{"what": "Live", "when": "July 201"}]},
                       "paper.timetable.0.when: found 'July 201'; allowed a month"),
    "no such day": ({"front": {"meeting": "2017-02-30"}}, "paper.front.meeting: found"),
    "a number for a day": ({"comments": [{"by": "Finance", "dated": 20170214}]},
                           "paper.comments.0.dated: found 20170214; allowed a day such as"),
    "neither yes nor no": ({"front": {"key_decision": "maybe"}},
                           "paper.front.key_decision: found 'maybe'; allowed 'yes', 'no'"),
    "accepting nothing known": ({"accept": {"figure": "x"}}, "(nearest: figures)"),
    "accepting without a reason": ({"accept": {"figures": " "}}, "allowed some text"),
    "delegated to nobody": ({"delegation": {"consult": ["A"]}},
                            "paper.delegation.to: found nothing"),
    "an unknown key": ({"desicions": ["A"]}, "decisions"),
    "an empty text": ({"purpose": [""]}, "paper.purpose.0: found ''; allowed some text"),
}.values())  # fmt: skip
def test_what_is_wrong_with_a_paper_is_said_in_one_message(paper, said):
    found = problems(paper)
    assert len(found) == 1
    assert said in found[0]


def test_what_happened_needs_a_date_and_a_source():
    found = "\n".join(problems({}, [{"when": "", "what": "A"}, {"when": "soon", "what": "B",
                                                                "source": "C"}]))
    assert "happened.0.when" in found
    assert "happened.0.source: found nothing" in found
    assert "happened.1.when: found 'soon'" in found


@pytest.mark.parametrize("name", COUNCILS)
def test_committed_papers_name_no_officer_and_read_as_papers(root, name):
    case = load_case(name, root=root)
    paper, happened = case.value("paper"), case.value("happened")
    assert not {"accept"} & paper.keys() or set(paper["accept"]) <= set(CHECKS)
    said = "\n".join(texts(paper).values())
    assert not re.search(NAMES, said)
    assert any(re.search(r"https?://\S+", one["source"]) for one in happened)
    made = facts(paper=paper, happened=tuple(happened), as_at=case.as_at,
                 decision=case.value("annex.decision"))
    text = read(made)
    assert ASKED[made.decision] in text
    assert len(section(text, "What happened next").split("> *")) == len(happened) + 1


def test_facts_are_gathered_from_a_study_and_what_notebooks_said(root, tmp_path, monkeypatch):
    from sufficiency.run import paper as gathering
    from sufficiency.run.parameters import Parameters
    from sufficiency.run.study import Study

    monkeypatch.setattr(gathering, "_appraised", lambda appraisal: {"options": OPTIONS})
    monkeypatch.setattr(Study, "appraisal", None, raising=False)
    study = Study(Parameters("northamptonshire", draws=20))
    keys = ["market.slippage", "market.growth"]
    head = {**HEAD, "rests": "", "exempt": ""}
    said = {"headlines": [head], "limits": ["It is a model."],
            "influence": [{"of": "Saving", "keys": keys}, {"of": "Days", "keys": keys[::-1]}]}
    folder = tmp_path / "exempt" / "said"
    folder.mkdir(parents=True)
    name = study.case.value("annex.notebooks")[0]
    (folder / f"{name}.json").write_text(json.dumps(said), encoding="utf-8")
    made = gathering.gather(study, tmp_path)
    assert made.headlines[0]["evidence"] == 1
    first = study.case["market.slippage"]
    assert made.headlines[0]["rests"].startswith(
        f"{first.label[:1].lower()}{first.label[1:]} ({first.quality}); ")
    assert made.ranked == ("market.slippage", "market.growth")
    assert list(made.assumptions["Moves"]) == ["Saving; Days"] * len(made.assumptions)
    assert made.limits[0] == "It is a model."
    assert any("Public Contracts Regulations 2015" in one.said for one in made.findings)
    assert "What happened next" in read(made)
