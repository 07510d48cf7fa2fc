"""The annex opened again: words, order, alt texts, headers, language, title, same bytes."""

import io
import itertools
import re
import time
import zipfile
from dataclasses import replace

import pikepdf
import pytest
from docx import Document
from docx.shared import Cm, Pt
from example_notebook import FRONT, SAID, a_fan, output, ran, write
from lxml import html as markup
from nbformat import v4
from sufficiency.report import document

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


@pytest.fixture(scope="module")
def annex(tmp_path_factory):
    folder = tmp_path_factory.mktemp("annex")
    made = document.export(document.pieces(write(folder / "01_example.ipynb")), FRONT, folder)
    return {name: path.read_bytes() for name, path in made.items()}


def test_same_inputs_same_bytes(annex, tmp_path):
    source = write(tmp_path / "elsewhere.ipynb")
    again = document.export(document.pieces(source), FRONT, tmp_path)
    assert {name: path.read_bytes() for name, path in again.items()} == annex


@pytest.mark.parametrize("flag", ["", FRONT.flag])
def test_the_hour_of_making_is_not_in_the_bytes(tmp_path, monkeypatch, flag):
    """A flagged document's own styles are a zip file made on the spot, dated by the clock."""
    found, made, now = document.pieces(write(tmp_path / "n.ipynb")), [], time.time
    for later in (0, 86_400):
        monkeypatch.setattr(time, "time", lambda later=later: now() + later)
        paths = document.export(found, replace(FRONT, flag=flag), tmp_path, ["docx", "html"])
        made.append({name: path.read_bytes() for name, path in paths.items()})
    assert made[0] == made[1]
    with zipfile.ZipFile(io.BytesIO(made[0]["docx"])) as word:
        assert {member.date_time for member in word.infolist()} == {
            (*FRONT.as_at.timetuple()[:3], 0, 0, 0)}  # fmt: skip


def test_html_has_language_title_landmarks_and_one_h1(annex):
    page = markup.document_fromstring(annex["html"].decode())
    assert page.get("lang") == "en-GB"
    assert page.findtext("head/title") == FRONT.title
    assert [h.text_content() for h in page.iter("h1")] == [FRONT.title]
    assert page.xpath("//a[@class='skip']/@href") == ["#main"]
    assert page.xpath("//main[@id='main']") and page.xpath("//nav")
    levels = [int(h.tag[1]) for h in page.iter("h1", "h2", "h3", "h4")]
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert "synthetic example" in page.xpath("//header")[0].text_content()
    assert not re.search(r'(?:src|href)="(?!data:|#|https://)', annex["html"].decode())


def test_html_figures_and_tables(annex):
    page = markup.document_fromstring(annex["html"].decode())
    images = list(page.iter("img"))
    assert [image.get("alt") for image in images] == [SAID["alt"]]
    assert images[0].get("src").startswith("data:image/svg+xml")
    assert page.xpath("//figure[@id='fig-plans']/figcaption/strong")[0].text == (
        f"Figure 1: {SAID['title']}")  # fmt: skip
    for table in page.iter("table"):
        assert all(th.get("scope") == "col" for th in table.xpath("./thead//th"))
        assert all(row[0].get("scope") == "row" for row in table.xpath("./tbody/tr"))
        assert table.getparent().get("aria-label") == table.findtext("caption")
    assert page.xpath("//a[@href='#tbl-providers']")[0].text == "Table 1"
    assert "[x](http://y) | $5" in page.get_element_by_id("tbl-providers").text_content()
    assert page.get_element_by_id("tbl-providers").findtext("tbody/tr[2]/td") == "\u22120.5"


def test_no_code_and_no_parameters_are_shown(annex):
    text = markup.document_fromstring(annex["html"].decode()).text_content()
    assert "secret_code" not in text and "parameters" not in text
    assert "Spend rises to £158m (see Figure 1 and Table 1)." in text


def test_word_has_alt_headers_language_and_title(annex):
    word = Document(io.BytesIO(annex["docx"]))
    xml = zipfile.ZipFile(io.BytesIO(annex["docx"])).read("word/document.xml").decode()
    assert word.core_properties.title == FRONT.title
    assert f'descr="{SAID["alt"]}"' in xml
    styles = zipfile.ZipFile(io.BytesIO(annex["docx"])).read("word/styles.xml").decode()
    assert re.search(r'<w:docDefaults>.*<w:lang [^>]*w:val="en-GB".*</w:docDefaults>', styles)
    assert word.core_properties.language == "en-GB"
    table = word.tables[0]._tbl
    assert list(table.iter(f"{W}tblHeader"))
    assert next(table.iter(f"{W}tblCaption")).get(f"{W}val") == "Table 1: Spend by provider"
    styles = [p.style.name for p in word.paragraphs]
    assert {"Title", "Heading 1", "Heading 2", "Figure Title", "Flag"} <= set(styles)


def test_word_has_a_contents_list_that_leads_to_each_section(annex):
    word = Document(io.BytesIO(annex["docx"]))
    listed = [p for p in word.paragraphs if p.style.name.startswith("toc ")]
    found = [(p.style.name.replace("toc", "Heading"), p.hyperlinks[0].text) for p in listed]
    heads = [(p.style.name, p.text) for p in word.paragraphs
             if p.style.name in ("Heading 1", "Heading 2")]
    assert found == heads and len({level for level, _ in heads}) == 2
    marks = {mark.get(f"{W}name") for mark in word.element.iter(f"{W}bookmarkStart")}
    assert {p.hyperlinks[0].fragment for p in listed} <= marks
    field = [char.get(f"{W}fldCharType") for char in word.element.body.iter(f"{W}fldChar")]
    assert field == ["begin", "separate", "end"]
    names = [p.style.name for p in word.paragraphs]
    assert names.index("Front Line") < names.index("TOC Heading") < names.index("Heading 1")


def test_the_word_styles_are_a4_and_arial():
    styles = Document(document.ASSETS / "reference.docx")
    assert abs(styles.sections[0].page_width - Cm(21)) < Pt(1)
    assert styles.styles["Normal"].font.name == "Arial"
    assert styles.styles["Normal"].font.size == Pt(12)
    assert styles.styles["Heading 2"].paragraph_format.keep_with_next


def test_pdf_is_tagged_with_language_title_alt_and_headers(annex):
    with pikepdf.open(io.BytesIO(annex["pdf"])) as pdf:
        assert str(pdf.Root.Lang) == "en-GB"
        assert pdf.Root.MarkInfo.Marked and pdf.Root.ViewerPreferences.DisplayDocTitle
        with pdf.open_metadata() as metadata:
            assert metadata["dc:title"] == FRONT.title
            assert metadata["pdfuaid:part"] == "1"
        tags = [o for o in pdf.objects if isinstance(o, pikepdf.Dictionary) and "/S" in o]
        kinds = [str(tag.S) for tag in tags]
        assert {"/H1", "/H2", "/Figure", "/Table", "/TH"} <= set(kinds)
        assert [str(tag.Alt) for tag in tags if tag.S == "/Figure"] == [SAID["alt"]]
        heads = [tag.A for tag in tags if tag.S == "/TH"]
        rows = [a for a in heads if isinstance(a, pikepdf.Dictionary) and a.Scope == "/Row"]
        assert len(rows) == 2


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (ran(v4.new_output("error", ename="E", evalue="", traceback=[])), "ended in an error"),
        (v4.new_code_cell("1 + 1"), "was not run"),
    ],
)
def test_refuses_a_notebook_that_did_not_finish(tmp_path, cell, message):
    source = write(tmp_path / "bad.ipynb", [v4.new_markdown_cell("# A"), cell])
    with pytest.raises(ValueError, match=f"bad.ipynb, cell 2: {message}"):
        document.export(document.pieces(source), FRONT, tmp_path)
    assert not list(tmp_path.glob("annex.*"))


def test_refuses_a_figure_without_alt_and_a_label_used_twice(tmp_path):
    figure = output(a_fan())
    twice = write(tmp_path / "twice.ipynb", [ran(figure), ran(figure)])
    with pytest.raises(ValueError, match="label 'plans' names two figures"):
        document.export(document.pieces(twice), FRONT, tmp_path)
    figure.metadata["annex"]["alt"] = " "
    bare = write(tmp_path / "bare.ipynb", [ran(figure)])
    with pytest.raises(ValueError, match="figure 'plans' has no alt"):
        document.export(document.pieces(bare), FRONT, tmp_path)


def test_refuses_an_unknown_format(tmp_path):
    with pytest.raises(ValueError, match=r"formats \['odt'\]: allowed html, docx, pdf"):
        document.export([], FRONT, tmp_path, ["odt"])


def test_only_the_formats_asked_for_are_made(tmp_path):
    made = document.export(document.pieces(write(tmp_path / "n.ipynb")), FRONT, tmp_path, ["pdf"])
    assert list(made) == ["pdf"]
    assert [path.name for path in tmp_path.glob("annex.*")] == ["annex.pdf"]
