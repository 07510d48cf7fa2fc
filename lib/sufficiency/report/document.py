"""Documents: executed notebooks as accessible HTML, Word and PDF/UA-1, no code shown.

Looks live in assets/: page.html, annex.typ, annex.lua, and reference.docx, whose styles a
council may change in Word. The same notebooks and front page give the same bytes.
"""

import base64
import calendar
import io
import json
import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
from lxml import html as markup

from sufficiency.report import tables

ASSETS = Path(__file__).parent / "assets"
SKIPPED = {"parameters", "injected-parameters", "remove-cell"}
READER = "markdown-raw_html-raw_tex-raw_attribute-citations-native_divs-native_spans"
FORMATS = ("html", "docx", "pdf")


@dataclass(frozen=True)
class Front:
    """The front page: decision in the words of the paper, provenance a line a fact."""

    title: str
    subtitle: str
    council: str
    as_at: date
    decision: str = ""
    provenance: tuple[str, ...] = ()
    flag: str = ""


def export(notebooks, front, folder, formats=FORMATS):
    """Write annex.html, .docx and .pdf into folder: -> {format: path}.

    notebooks: paths of executed .ipynb, in order. Refuses an error output, a code cell that
    was never run, a figure without alt text and a label used twice.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ValueError(f"formats {unknown}: allowed {', '.join(FORMATS)}")
    text, items = body([piece for path in notebooks for piece in pieces(path)])
    made = {name: Path(folder) / f"annex.{name}" for name in formats}
    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor() as pool:
        job = _Job(Path(work), text, items, front)
        for name, data in zip(made, pool.map(lambda n: getattr(job, n)(), made), strict=True):
            made[name].write_bytes(data)
    return made


def pieces(path):
    """What a reader sees of an executed notebook: -> [(kind, markdown, annex metadata)]."""
    found = []
    for number, cell in enumerate(json.loads(Path(path).read_text("utf-8"))["cells"], 1):
        where, source = f"{Path(path).name}, cell {number}", "".join(cell["source"])
        if cell["cell_type"] == "code" and source.strip():
            if any(out["output_type"] == "error" for out in cell["outputs"]):
                raise ValueError(f"{where}: ended in an error; allowed: a run without errors")
            if cell.get("execution_count") is None:
                raise ValueError(f"{where}: was not run; allowed: executed notebooks")
        if SKIPPED & set(cell["metadata"].get("tags", ())):
            continue
        if cell["cell_type"] == "markdown":
            found.append(("text", source, {}))
        found += [_output(out, where) for out in cell.get("outputs", ()) if "data" in out]
    return [piece for piece in found if piece]


def _output(out, where):
    annex = out.get("metadata", {}).get("annex", {})
    if annex.get("kind") == "figure" and not annex.get("alt", "").strip():
        raise ValueError(f"{where}: figure {annex['label']!r} has no alt text; it is required")
    said = "".join(out["data"].get("text/markdown", ""))
    return (annex.get("kind", "text"), said, annex) if annex or said else None


def body(found):
    """One markdown text with numbered figures and tables: -> (text, {id: item})."""
    items, parts, count = {}, [], {"figure": 0, "table": 0}
    for kind, said, annex in found:
        if kind == "text":
            parts.append(said)
            continue
        key = f"{'fig' if kind == 'figure' else 'tbl'}-{annex['label']}"
        if key in items:
            raise ValueError(f"label {annex['label']!r} names two {kind}s; allowed once")
        count[kind] += 1
        items[key] = {**annex, "name": f"{kind.capitalize()} {count[kind]}"}
        parts.append(f"::: {{#{key} .annex-figure}}\n:::" if kind == "figure" else said)
    text = "\n\n".join(parts)
    for key in sorted(items, key=len, reverse=True):
        text = re.sub(rf"@{re.escape(key)}(?![\w-])", f"[{items[key]['name']}](#{key})", text)
    return text, items


class _Job:
    """One export in its own folder: pandoc and Typst see nothing outside it."""

    def __init__(self, work, text, items, front):
        self.work, self.front = work, front
        self.epoch = calendar.timegm(front.as_at.timetuple())
        for key, item in items.items():
            if item["kind"] == "figure":
                svg = item.pop("svg").encode()
                (work / f"{key}.svg").write_bytes(svg)
                item["uri"] = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
                frame = pd.read_csv(io.StringIO(item["data"]), dtype={"period": str})
                shown = tables.Table(key, item["title"], frame, decimals=_decimals(frame)).shown()
                item["table"] = shown.to_html(index=False, border=0)
        self.figures = [key for key, item in items.items() if item["kind"] == "figure"]
        said = {**asdict(front), "as_at": f"{front.as_at.day} {front.as_at:%B %Y}"}
        (work / "annex.json").write_text(json.dumps({"front": said, "items": items}), "utf-8")
        (work / "annex.md").write_text(text, "utf-8")

    def _pandoc(self, to, *options):
        import pypandoc  # noqa: PLC0415

        command = [pypandoc.get_pandoc_path(), "annex.md", "-f", READER, "-t", to, "-o",
                   f"annex.{to}", f"--lua-filter={ASSETS / 'annex.lua'}", *options]  # fmt: skip
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(self.epoch)}
        done = subprocess.run(command, cwd=self.work, env=env, capture_output=True, check=False)
        if done.returncode:
            raise ValueError(f"annex.{to}: pandoc: {done.stderr.decode(errors='replace')}")
        return (self.work / f"annex.{to}").read_bytes()

    def _typst(self, source, **options):
        import typst  # noqa: PLC0415
        from font_source_sans_pro import __file__ as package  # noqa: PLC0415

        path = self.work / f"{options['format']}.typ"
        path.write_text(source, "utf-8")
        return typst.compile(path, root=self.work, font_paths=[Path(package).parent / "files"],
                             ignore_system_fonts=True, **options)  # fmt: skip

    def html(self):
        """HTML with a scope on every header cell and tables that scroll by keyboard."""
        made = self._pandoc("html5", "-s", f"--template={ASSETS / 'page.html'}", "--toc",
                            "--toc-depth=2", "--mathml", "--shift-heading-level-by=1")  # fmt: skip
        page = markup.document_fromstring(made.decode())
        for cell in page.iter("th"):
            cell.set("scope", "col" if next(cell.iterancestors("thead"), None) is not None else "row")
        for table in list(page.iter("table")):
            caption = table.findtext("caption") or "Data behind the figure"
            box = markup.Element("div", {"role": "region", "tabindex": "0", "class": "scroll",
                                         "aria-label": " ".join(caption.split())})  # fmt: skip
            table.addprevious(box)
            box.tail, table.tail = table.tail, None
            box.append(table)
        return markup.tostring(page, doctype="<!DOCTYPE html>", encoding="utf-8")

    def docx(self):
        """Word on the styles of reference.docx, pictures at 200 dpi."""
        head = "#set page(width: auto, height: auto, margin: 0pt)\n"
        pages = "#pagebreak()\n".join(f'#image("{key}.svg")\n' for key in self.figures)
        if pages:
            pictures = self._typst(head + pages, format="png", ppi=200.0)
            pictures = pictures if isinstance(pictures, list) else [pictures]
            for key, picture in zip(self.figures, pictures, strict=True):
                (self.work / f"{key}.png").write_bytes(picture)
        return self._pandoc("docx", "-s", f"--reference-doc={ASSETS / 'reference.docx'}")

    def pdf(self):
        """PDF/UA-1 by Typst, which refuses a picture without alt text; row headers added."""
        source = (ASSETS / "annex.typ").read_text("utf-8") + self._pandoc("typst").decode()
        made = self._typst(source, format="pdf", pdf_standards=["ua-1"],
                           timestamp=datetime.fromtimestamp(self.epoch, UTC))  # fmt: skip
        return _row_headers(made)


def _decimals(frame):
    """One place for small fractions, none for counts, so that data read as in the chart."""
    small = {name: frame[name].abs().max() < 1000 for name in frame.select_dtypes("float")}
    return {name: int(low and (frame[name] % 1 > 0).any()) for name, low in small.items()}


def _row_headers(pdf):
    """Mark the first cell of each body row as the row's header, which Typst cannot."""
    import pikepdf  # noqa: PLC0415

    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as file:
        for item in file.objects:
            if isinstance(item, pikepdf.Dictionary) and item.get("/S") == "/TBody":
                for row in item.K:
                    row.K[0].S = pikepdf.Name.TH
                    row.K[0].A = pikepdf.Dictionary(O=pikepdf.Name.Table, Scope=pikepdf.Name.Row)
        file.save(out, deterministic_id=True)
    return out.getvalue()
