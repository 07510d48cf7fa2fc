"""Two editions of one run: what is exempt is in one of them, flagged on every page."""

import io
import zipfile

import pandas as pd
import pytest
from docx import Document
from example_notebook import FRONT, a_fan, a_table, ran, write
from nbformat import v4
from sufficiency.report import document, tables
from sufficiency.report.audit import audit_edition, kept_out
from sufficiency.run.shown import Shown

WHY = "Exempt: it names providers and what they are paid."
SECRET = "Beech House"


class Study(Shown):
    """As much of a study as showing needs."""

    def __init__(self, folder):
        self.out_dir, self._headlines, self._influence = folder, [], []


@pytest.fixture
def displayed(monkeypatch):
    """What was displayed: [(data, metadata)]."""
    found = []
    monkeypatch.setattr("IPython.display.display",
                        lambda data, metadata=None, raw=False: found.append((data, metadata)))
    return found


def banded():
    frame = pd.DataFrame({"Providers": ["Under £1m a year"], "Number": [2]})
    return tables.Table("providers_banded", "Providers by size", frame)


def notebook(displayed, folder):
    outputs = [v4.new_output("display_data", data=data, metadata=about)
               for data, about in displayed]
    cells = [v4.new_markdown_cell("# Who is paid?"), ran(*outputs)]
    return write(folder / "05.ipynb", cells)


def test_what_is_exempt_is_written_and_shown_in_one_edition_only(displayed, tmp_path):
    study = Study(tmp_path)
    study.show(a_table(), exempt=WHY, public=banded())
    study.say(f"Most goes to {SECRET}.", exempt=WHY)
    study.show(a_fan())
    path = notebook(displayed, tmp_path)
    public, exempt = (document.pieces(path, edition) for edition in ("public", "exempt"))
    assert SECRET in str(exempt) and SECRET not in str(public)
    assert [annex["label"] for *_, annex in public if annex] == ["providers_banded", "plans"]
    assert f"*Left out of this edition. {WHY}*" in [said for _, said, _ in public]
    assert [annex["label"] for *_, annex in exempt if annex] == ["providers", "plans"]
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == [
        "plans.csv", "providers_banded.csv"]
    assert (tmp_path / "exempt" / "results" / "providers.csv").is_file()


def test_what_has_nothing_in_its_place_says_so(displayed, tmp_path):
    Study(None).show(a_table(), exempt=WHY)
    found = document.pieces(notebook(displayed, tmp_path), "public")
    assert found[-1] == ("text", f"*Spend by provider: left out of this edition. {WHY}*", {})


def test_a_public_twin_gives_up_counts_it_prints_but_never_money(displayed, tmp_path):
    study, said = Study(None), f"{SECRET} stands half empty."
    rows = pd.DataFrame({"Block": [SECRET], "Places": [48], "Spend": [41_522.0], "Voids": [19.0]})
    study.show(tables.Table("blocks", "Blocks", rows), exempt=WHY,
               public=tables.Table("sizes", "Sizes", rows[["Places", "Spend"]].assign(Block="A")))
    study.show(tables.Table("voids", "Empty places", rows[["Block", "Voids"]]), exempt=WHY)
    study.say(said, exempt=WHY)
    study.say("Half of all places are empty.")
    found = kept_out(document.pieces(notebook(displayed, tmp_path), "exempt", only_exempt=True))
    assert [list(one.frame) for one in found[:2]] == [["Block", "Spend", "Voids"],
                                                      ["Block", "Voids"]]
    assert found[2:] == [said]
    public = tmp_path / "public"
    public.mkdir()
    (public / "a.csv").write_text("Block,Places\nA,48\n")
    assert not audit_edition(public, None, found)
    (public / "a.csv").write_text("Block,Spend\nA,41522\n")
    assert "blocks" in str(audit_edition(public, None, found)[0])


def test_every_page_of_the_exempt_edition_says_why(tmp_path):
    made = document.export(document.pieces(write(tmp_path / "n.ipynb")), FRONT, tmp_path)
    flag = FRONT.flag.capitalize()
    with zipfile.ZipFile(made["docx"]) as word:
        assert flag in word.read("word/header1.xml").decode()
    headers = [section.header.paragraphs[0].text
               for section in Document(io.BytesIO(made["docx"].read_bytes())).sections]
    assert headers == [flag] * len(headers)
    assert flag in made["html"].read_text("utf-8").replace("synthetic", "Synthetic")
    again = document.export(document.pieces(tmp_path / "n.ipynb"), FRONT, tmp_path, ["docx"])
    assert again["docx"].read_bytes() == made["docx"].read_bytes()


def test_synthetic_data_say_so_in_every_row(displayed, tmp_path):
    Study(tmp_path).show(a_fan(flag="synthetic example"))
    data = pd.read_csv(tmp_path / "results" / "plans.csv")
    assert (data["flag"] == "synthetic example").all()
