"""Reading an edition back: every table and every text that a reader of its files could find."""

import base64
import csv
import html
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

BREAKS = re.compile(r"</?(?:p|li|h\d|div|tr|td|th|dt|dd|figcaption|summary|caption|br|section|"
                    r"title|desc|text|script)\b[^>]*>", re.I)  # fmt: skip
SAID = re.compile(r"\b(alt|title|aria-\w+|content|summary|data-[\w-]+)\s*=\s*"
                  r"(?:\"([^\"]*)\"|'([^']*)')")  # fmt: skip
DATA = re.compile(r"data:image/svg\+xml(;base64)?,([^\"')\s]+)")
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@dataclass(frozen=True)
class Grid:
    """A printed table: its place, what stands over it, headings and rows as text."""

    where: str
    caption: str
    heads: list
    rows: list


def read(path, name=""):
    """The tables and texts of a file: -> ([Grid], [(place, text)]).

    Texts are lines, alternative texts, document properties, and the words of pictures held as
    data. Reads csv, json, html, svg, txt, md, xlsx, docx and pdf; refuses any other.
    """
    path, kind = Path(path), Path(path).suffix.lower().strip(".")
    readers = {"csv": _csv, "json": _json, "html": _html, "svg": _marked, "txt": _lines,
               "md": _lines, "xlsx": _xlsx, "docx": _docx, "pdf": _pdf}  # fmt: skip
    if kind not in readers:
        raise ValueError(f"{name or path.name}: cannot be read back; allowed {', '.join(readers)}")
    return readers[kind](path, name or path.name)


def _grid(where, caption, rows):
    """Headings are the first row with two filled cells; what stands above it is caption."""
    top = next((at for at, row in enumerate(rows) if sum(map(bool, row)) > 1), len(rows))
    above = ". ".join([caption, *(cell for row in rows[:top] for cell in row if cell)])
    if top == len(rows):
        return [], [(where, above)]
    found = [Grid(where, above.strip(". "), rows[top], rows[top + 1 :])]
    return found, [(where, above), (f"{where}, headings", "; ".join(rows[top]))]


def _csv(path, name):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return _grid(name, path.stem.replace("_", " "), [list(row) for row in csv.reader(file)])


def _json(path, name):
    held = json.loads(path.read_text("utf-8"))
    if not (isinstance(held, list) and all(isinstance(row, dict) for row in held)):
        return [], [(name, json.dumps(held, ensure_ascii=False))]
    heads = list(dict.fromkeys(key for row in held for key in row))
    return _grid(name, "", [heads, *([str(row.get(key, "")) for key in heads] for row in held)])


def _lines(path, name):
    lines = path.read_text("utf-8").splitlines()
    return [], [(f"{name}, line {at}", line) for at, line in enumerate(lines, 1) if line.strip()]


def _marked(path, name):
    return [], list(_marks(path.read_text("utf-8"), name))


def _marks(text, name):
    """Lines of marked-up text, its attributes and comments, and the pictures inside it."""
    for coded, data in DATA.findall(text):
        inside = base64.b64decode(data) if coded else unquote_to_bytes(data)
        yield from _marks(inside.decode("utf-8", "replace"), f"{name}, picture")
    text = DATA.sub("", text)
    text = re.sub(r"<(style|path|use)\b.*?(?:</\1>|/>)", "", text, flags=re.S)
    for found in SAID.finditer(text):
        yield f"{name}, {found[1]}", html.unescape(found[2] or found[3] or "")
    text = re.sub(r"<!--(.*?)-->", r"\n\1\n", text, flags=re.S)
    for line in re.sub(r"<[^>]*>", "", BREAKS.sub("\n", text)).splitlines():
        if line.strip():
            yield name, html.unescape(line.strip())


def _html(path, name):
    from lxml import html as tree

    text = path.read_text("utf-8")
    grids, texts = [], []
    root = tree.fromstring(DATA.sub("", text))
    for at, table in enumerate(root.iter("table"), 1):
        caption = " ".join(" ".join(head.itertext()) for head in table.iter("caption"))
        rows = [[" ".join(" ".join(cell.itertext()).split()) for cell in row.iter("td", "th")]
                for row in table.iter("tr")]  # fmt: skip
        found, said = _grid(f"{name}, table {at}", caption, rows)
        grids, texts = grids + found, texts + said
    text = re.sub(r"<table\b.*?</table>", "", text, flags=re.S)
    return grids, texts + list(_marks(text, name))


def _parts(path, but):
    """Other parts of an Office file as (name, root)."""
    from lxml import etree

    with zipfile.ZipFile(path) as book:
        for part in book.namelist():
            if part.endswith(".xml") and not re.search(but, part):
                yield part, etree.fromstring(book.read(part))


def _loose(path, name, but):
    """Texts of the other parts: notes, comments, properties, alternative texts, charts."""
    for part, root in _parts(path, but):
        for element in root.iter():
            for key in ("descr", "title"):
                if element.get(key, "").strip():
                    yield f"{name}, alternative text", element.get(key)
        blocks = list(root.iter(f"{WORD}p")) or [root]
        for block in blocks:
            if said := " ".join("".join(block.itertext()).split()):
                yield f"{name}, {part}", said


def _xlsx(path, name):
    found = {part: root for part, root in _parts(path, "styles|theme|rels")}
    strings = ["".join(item.itertext()) for part, root in found.items()
               if part.endswith("sharedStrings.xml") for item in root.iter(f"{SHEET}si")]
    titles = [sheet.get("name") for part, root in found.items() if part == "xl/workbook.xml"
              for sheet in root.iter(f"{SHEET}sheet")]  # fmt: skip
    grids, texts = [], list(_loose(path, name, "styles|theme|rels|worksheets/|sharedStrings"))
    for part, root in found.items():
        if number := re.search(r"worksheets/sheet(\d+)\.xml", part):
            at = int(number[1]) - 1
            title = titles[at] if at < len(titles) else part
            rows = [_cells(row, strings) for row in root.iter(f"{SHEET}row")]
            found_grids, said = _grid(f"{name}, sheet {title}", "", rows)
            grids, texts = grids + found_grids, texts + said
    return grids, texts


def _cells(row, strings):
    """A row's cells in their columns, blanks between them."""
    held = {}
    for cell in row.iter(f"{SHEET}c"):
        letters = re.match(r"[A-Z]*", cell.get("r", ""))[0]
        at = 0
        for letter in letters:
            at = 26 * at + ord(letter) - 64
        text = "".join("".join(part.itertext()) for part in cell if not part.tag.endswith("}f"))
        text = strings[int(text)] if cell.get("t") == "s" else text
        held[at - 1 if letters else len(held)] = text
    return [held.get(at, "") for at in range(max(held, default=-1) + 1)]


def _docx(path, name):
    grids, texts = [], list(_loose(path, name, r"styles|theme|rels|settings|fontTable|numbering"))
    for part, root in _parts(path, r"^(?!word/document)"):
        del part
        for at, table in enumerate(root.iter(f"{WORD}tbl"), 1):
            before = [*table.itersiblings(f"{WORD}p", preceding=True)][:1]
            caption = " ".join("".join(block.itertext()) for block in before)
            rows = [[" ".join("".join(cell.itertext()).split()) for cell in row.iter(f"{WORD}tc")]
                    for row in table.iter(f"{WORD}tr")]  # fmt: skip
            found, said = _grid(f"{name}, table {at}", caption, rows)
            grids, texts = grids + found, texts + said
    return grids, texts


def _pdf(path, name):
    import pikepdf
    import pypdfium2

    texts = []
    with pikepdf.open(path) as file:
        for item in file.objects:
            for key in ("/Alt", "/ActualText", "/Title"):
                if isinstance(item, pikepdf.Dictionary) and key in item:
                    texts.append((f"{name}, alternative text", str(item[key])))
    with pypdfium2.PdfDocument(path) as file:
        for at, page in enumerate(file, 1):
            lines = page.get_textpage().get_text_bounded().replace("\r", "").split("\n")
            # A line that goes on in small letters is one sentence with the next
            text = re.sub(r"\n(?=[a-z£(])", " ", "\n".join(line.strip() for line in lines))
            texts += [(f"{name}, page {at}", line) for line in text.split("\n") if line]
    return [], texts
