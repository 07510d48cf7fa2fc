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
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from sufficiency.report import tables

ASSETS = Path(__file__).parent / "assets"
SKIPPED = {"parameters", "injected-parameters", "remove-cell"}
READER = "markdown-raw_html-raw_tex-raw_attribute-citations"
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


def export(found, front, folder, formats=FORMATS):
    """Write annex.html, .docx and .pdf of `pieces` into folder: -> {format: path}.

    Refuses a label used twice.
    """
    if unknown := set(formats) - set(FORMATS):
        raise ValueError(f"formats {sorted(unknown)}: allowed {', '.join(FORMATS)}")
    text, items = body(found)
    made = {name: Path(folder) / f"annex.{name}" for name in formats}
    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor() as pool:
        job = _Job(Path(work), text, items, front)
        for path, data in zip(made.values(), pool.map(job.write, made), strict=True):
            path.write_bytes(data)
    return made


def pieces(path, edition="public", only_exempt=False):
    """What a reader sees of an executed notebook: -> [(kind, markdown, annex metadata)].

    The public edition has, for what is exempt, what stands in its place or a line that says why.
    Refuses an error output, a cell that was never run and a figure without alt text.
    """
    found = []
    for number, cell in enumerate(json.loads(Path(path).read_text("utf-8"))["cells"], 1):
        where, source = f"{Path(path).name}, cell {number}", "".join(cell["source"])
        outputs = cell.get("outputs", [])
        if any(out["output_type"] == "error" for out in outputs):
            raise ValueError(f"{where}: ended in an error; allowed: a run without errors")
        if cell["cell_type"] == "code" and source.strip() and not cell["execution_count"]:
            raise ValueError(f"{where}: was not run; allowed: executed notebooks")
        if SKIPPED & set(cell["metadata"].get("tags", ())):
            continue
        if cell["cell_type"] == "markdown" and not only_exempt:
            found.append(("text", source, {}))
        for out in outputs:
            annex = out.get("metadata", {}).get("annex", {})
            if annex.get("kind") == "figure" and not annex.get("alt", "").strip():
                raise ValueError(f"{where}: figure {annex['label']!r} has no alt; it is required")
            said = "".join(out.get("data", {}).get("text/markdown", ""))
            if only_exempt and not annex.get("exempt"):
                continue
            if annex.get("exempt") and edition == "public":
                annex, said = _in_place(annex)
            kind = annex.get("kind", "text")
            found += [(kind, said, {} if kind == "text" else annex)] if annex or said else []
    return found


def _in_place(annex):
    """What the public edition has in the place of something exempt: (annex metadata, markdown)."""
    if beside := annex.get("public"):
        return {name: value for name, value in beside.items() if name != "said"}, beside["said"]
    what = f"{annex['caption']}: left" if annex.get("caption") else "Left"
    return {}, f"*{what} out of this edition. {annex['exempt']}*"


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
    """One export in its own folder; pandoc and Typst see nothing outside it."""

    def __init__(self, work, text, items, front):
        self.work = work
        self.epoch = calendar.timegm(front.as_at.timetuple())
        self.figures = [key for key, item in items.items() if item["kind"] == "figure"]
        for key in self.figures:
            svg = items[key].pop("svg").encode()
            (work / f"{key}.svg").write_bytes(svg)
            items[key]["uri"] = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
            items[key]["table"] = tables.read(items[key]).markdown()
        said = {**asdict(front), "as_at": f"{front.as_at.day} {front.as_at:%B %Y}"}
        (work / "annex.json").write_text(json.dumps({"front": said, "items": items}), "utf-8")
        (work / "annex.md").write_text(text, "utf-8")

    def write(self, name):
        """The bytes of one format."""
        return getattr(self, name)()

    def _pandoc(self, to, *options):
        import pypandoc

        command = [pypandoc.get_pandoc_path(), "annex.md", "-f", READER, "-t", to, "-o",
                   f"annex.{to}", "--wrap=none", f"--lua-filter={ASSETS / 'annex.lua'}",
                   *options]  # fmt: skip
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(self.epoch)}
        done = subprocess.run(command, cwd=self.work, env=env, capture_output=True, check=False)
        if done.returncode:
            raise ValueError(f"annex.{to}: pandoc: {done.stderr.decode(errors='replace')}")
        return (self.work / f"annex.{to}").read_bytes()

    def _typst(self, source, **options):
        import typst
        from font_source_sans_pro import __file__ as package

        path = self.work / f"{options['format']}.typ"
        path.write_text(source, "utf-8")
        return typst.compile(path, root=self.work, font_paths=[Path(package).parent / "files"],
                             ignore_system_fonts=True, **options)  # fmt: skip

    def html(self):
        return self._pandoc("html5", "-s", f"--template={ASSETS / 'page.html'}", "--toc",
                            "--toc-depth=3", "--mathml", "--shift-heading-level-by=1")  # fmt: skip

    def docx(self):
        pages = "#pagebreak()\n".join(f'#image("{key}.svg")\n' for key in self.figures)
        if pages:
            sheet = "#set page(width: auto, height: auto, margin: 0pt)\n"
            found = self._typst(sheet + pages, format="png", ppi=200.0)
            found = found if isinstance(found, list) else [found]
            for key, picture in zip(self.figures, found, strict=True):
                (self.work / f"{key}.png").write_bytes(picture)
        made = self._pandoc("docx", "-s", f"--reference-doc={self._reference()}")
        return _dated(made, self.epoch)

    def _reference(self):
        """Word's styles, with what flags the document at the head of every page."""
        flag = json.loads((self.work / "annex.json").read_text("utf-8"))["front"]["flag"]
        if not flag:
            return ASSETS / "reference.docx"
        from docx import Document

        styles = Document(ASSETS / "reference.docx")
        for section in styles.sections:
            line = section.header.paragraphs[0]
            line.text, line.style = flag[:1].upper() + flag[1:], styles.styles["Flag"]
        styles.save(self.work / "reference.docx")
        return self.work / "reference.docx"

    def pdf(self):
        source = (ASSETS / "annex.typ").read_text("utf-8") + self._pandoc("typst").decode()
        made = self._typst(source, format="pdf", pdf_standards=["ua-1"],
                           timestamp=datetime.fromtimestamp(self.epoch, UTC))  # fmt: skip
        return _row_headers(made)


def _dated(packed, epoch):
    """A zip file whose members all bear one time; pandoc keeps that of its reference's members."""
    when, out = datetime.fromtimestamp(epoch, UTC).timetuple()[:6], io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            data = old.read(member)
            member.date_time, member.extra = when, b""
            new.writestr(member, data)
    return out.getvalue()


def _row_headers(pdf):
    """Mark the first cell of each body row as the row's header, which Typst cannot."""
    import pikepdf

    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as file:
        for item in file.objects:
            if isinstance(item, pikepdf.Dictionary) and item.get("/S") == "/TBody":
                for row in item.K:
                    row.K[0].S = pikepdf.Name.TH
                    row.K[0].A = pikepdf.Dictionary(O=pikepdf.Name.Table, Scope=pikepdf.Name.Row)
        file.save(out, deterministic_id=True)
    return out.getvalue()
