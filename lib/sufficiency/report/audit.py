"""The audit of an edition: no hidden count, cost or exempt figure can be read or worked out.

Every table and text of the files is read back. A printed figure that is what a run knows of the
setting, age band and January it stands beside becomes a statement; linear programs then ask what
all statements together give away (`bounds`). Exempt figures are searched in any written form.
"""

import re
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import pandas as pd

from sufficiency.report import bounds, plan_tables, tables
from sufficiency.report.disclosure import BASE, POUNDS, Linked, small
from sufficiency.report.reading import read
from sufficiency.report.written import MONEY, PLAIN, WORDED, YEAR, Exempt, Phrases, figures, only

UNITS = re.compile(r"(?:£|GBP|share|ratio|per cent|%|log points|months|days|years|probability)"
                   r"(?:(?:/| an? )\w+)*", re.I)  # fmt: skip


@dataclass(frozen=True)
class Secrets:
    """What a run knows of children, before anything was hidden.

    placements, spend: frames of `tables.placements_frame` and `spend_frame`; published: True, or
    the settings whose counts the Department prints; labels {setting: in print}; counted: earlier
    Januaries x setting.
    """

    placements: pd.DataFrame
    spend: pd.DataFrame | None = None
    published: object = False
    labels: dict = field(default_factory=dict)
    counted: pd.DataFrame | None = None


def kept_out(pieces):
    """What a public edition must not give away of the exempt `document.pieces`: [sentence | Table].

    A table keeps the column that names its rows, all money, and what its public twin does not have
    too: what both print is no secret, but a sum or price of the twin is never this table's own.
    """
    return [said if kind == "text" else _beside(tables.read(annex), annex.get("public"))
            for kind, said, annex in pieces]


def _beside(table, public):
    """An exempt table without what the public one beside it has too, but for money."""
    if public is None:
        return table
    twin = tables.read({"caption": table.caption, **public})
    same = [name for name in list(table.frame)[1:] if name in twin.frame
            and not MONEY.search(f"{name} {table.units.get(name, '')}")]
    return replace(table, frame=table.frame.drop(columns=same))


def audit_edition(public, secrets=None, exempt=(), allowed=(), also=()):
    """Everything under folders public and also, read back: -> [Leak].

    exempt: Tables kept out of the edition, whose first column names their rows, and sentences;
    allowed: figures of theirs that a published source prints. A file that cannot be read back is
    a leak itself.
    """
    knows = _Known(secrets) if secrets is not None else None
    search = Exempt(exempt, allowed)
    for folder in map(Path, (public, *also)):
        for path in sorted(item for item in folder.rglob("*") if item.is_file()):
            name = path.relative_to(folder).as_posix()
            try:
                grids, texts = read(path, name)
            except ValueError as error:
                search.leaks.append(bounds.Leak(name, (name,), str(error)))
                continue
            for grid in grids:
                search.table(grid)
                if knows:
                    knows.table(grid)
            for where, text in texts:
                search.text(where, text)
                if knows:
                    knows.text(where, text)
    return [*(knows.leaks() if knows else ()), *search.leaks]


class _Known:
    """Turns what is printed into statements on the cells a run knows."""

    def __init__(self, secrets):
        frame, self.secrets = secrets.placements, secrets
        self.first = int(frame["year"].min())
        if secrets.counted is not None:
            frame = pd.concat([_history(secrets.counted, self.first), frame], ignore_index=True)
        self.cells = Linked(frame, secrets.spend, secrets.published)
        self.real = self._deflators(secrets.spend)
        self.years = sorted({key[1] for key in self.cells.value})
        phrases = {text: (name,) for name in self.cells.settings
                   for text in (name, name.replace("_", " "), secrets.labels.get(name, name))}
        rest = set(self.cells.settings)
        for heading, parts, _ in plan_tables.GROUPS:
            rest -= set(parts or ())
            phrases.setdefault(heading, tuple(parts) if parts else tuple(sorted(rest)))
        known = set(self.cells.settings)
        self.settings = Phrases({text: names for text, names in phrases.items()
                                 if names and set(names) <= known})
        bands = {text: (name,) for name in self.cells.bands for text in _band_names(name)}
        self.bands, self.said = Phrases(bands), {}

    def _deflators(self, spend):
        """Real over nominal by cell, for figures at the prices of one year."""
        if spend is None or "prices" not in spend:
            return {}
        real = Linked(self.secrets.placements, spend[spend["prices"] == "real"].assign(
            prices="nominal")).value
        return {key: value / self.cells.value[key] for key, value in real.items()
                if key[0] == "spend" and self.cells.value.get(key)}

    def table(self, grid):
        """Each figure of a table beside its row, its heading and, failing those, its caption."""
        heads = [head.translate(PLAIN) for head in grid.heads]
        over = _context(" | ".join([grid.caption.translate(PLAIN), *heads[:1]]), self)
        above = [_context(head, self) for head in heads]
        timed = [head.strip().lower() in ("year", "january", "period", "financial year",
                                          "financial_year") for head in heads]
        for number, cells in enumerate(grid.rows, 2):
            row = [cell.translate(PLAIN) for cell in cells]
            plain = [only(cell) for cell in row]
            names = [cell for at, cell in enumerate(row) if cell and (
                plain[at] is None or at == 0 or (at < len(timed) and timed[at]))]
            beside = _context(" | ".join(names), self)
            if any(UNITS.fullmatch(cell.strip()) for cell in names):
                continue
            for at, figure in enumerate(plain):
                if figure is None and re.search(r"\d", row[at]):
                    self.text(f"{grid.where}, row {number}", f"{row[0] if at else ''}: {row[at]}")
                if figure is None or (at < len(timed) and timed[at]) or YEAR.fullmatch(row[at]):
                    continue
                head = above[at] if at < len(above) else over
                settings, bands = (beside[i] or head[i] or over[i] for i in (0, 1))
                years = sorted({*beside[2], *head[2]}) or over[2]
                title = heads[at] if at < len(heads) else ""
                share = figure.share or "%" in title or "per cent" in title.lower()
                where = f"{grid.where}, row {number}, column {title or at + 1}"
                self._say(figure, [settings or ("all",)], [bands or ("all",)], years, where, share)

    def text(self, where, text):
        """Each figure of a sentence beside any setting, age band and year it speaks of."""
        for sentence in re.split(r"(?<=[.;!?])\s+", text.translate(PLAIN)):
            settings, bands, years = _context(sentence, self)
            for figure in figures(self.bands.sub(" ", YEAR.sub(" ", sentence))):
                named = [(name,) for name in settings] or [("all",)]
                aged = [*((name,) for name in bands), ("all",)]
                self._say(figure, named, aged, years, f"{where}: \u201c{_blank(sentence)}\u201d",
                          figure.share)  # fmt: skip

    def _say(self, figure, settings, bands, years, where, share):
        """Keep what a figure says, if it is true of what it stands beside."""
        counted = [year for year in self.years if year <= self.first]
        here = [year for year in years if year in self.years]
        for names, ages in product(settings, bands):
            for year in here or ([] if years else counted):
                cells = [(year, name, age) for name, age in product(names, ages)]
                for found in self._levels(figure, cells, share):
                    self._keep(*found, where)
            if len(here) == 2 and not share:
                then, now = ([("plans", year, name, age) for name, age in product(names, ages)]
                             for year in here)
                if all(cell in self.cells.value for cell in then + now):
                    moved = dict.fromkeys(now, 1.0) | dict.fromkeys(then, -1.0)
                    truth = sum(by * self.cells.value[cell] for cell, by in moved.items())
                    # Between two rounded counts, each may be off by half its base
                    rough = not (self.cells.whole or figure.value % BASE)
                    half = BASE if rough else figure.half + 1e-9 * abs(truth)
                    if abs(abs(truth) - figure.value) <= half:
                        self._keep(moved, truth - half, truth + half, where)

    def _levels(self, figure, cells, share):
        """(cells, low, high) of each way in which a figure is true of some cells together."""
        plans, spend = ([(kind, *cell) for cell in cells] for kind in ("plans", "spend"))
        value = self.cells.value
        if all(cell in value for cell in plans):
            truth = sum(value[cell] for cell in plans)
            if share:
                yield from self._shares(figure, plans, truth)
            elif half := self._half(figure, truth, plans):
                yield dict.fromkeys(plans, 1.0), figure.value - half, figure.value + half
        if share or not all(value.get(cell) for cell in spend):
            return
        for rate, size in product((1.0, self.real.get(spend[0], 1.0)), (1.0, 1e3, 1e6)):
            truth = sum(value[cell] for cell in spend) * rate * POUNDS
            half = max(figure.half * size, 1e-8 * truth)
            if abs(truth - figure.value * size) <= half <= 0.1 * truth:
                ends = ((figure.value * size + sign * half) / POUNDS / rate for sign in (-1, 1))
                yield dict.fromkeys(spend, 1.0), *ends
                return

    def _half(self, figure, truth, plans):
        """How far from the figure the count may be, if the figure is that count at all."""
        off, exact = abs(truth - figure.value), max(figure.half, 1e-8 * truth)
        alone = len(plans) == 1 and plans[0]
        fives = not figure.value % BASE and figure.half == 0.5
        rounded = fives and not (self.cells.whole or small(truth) or alone in self.cells.open)
        if off <= exact and not rounded:
            return exact
        if off <= 1 and alone in self.cells.hidden:
            # A median, or the mean of a year, is as good as the count
            return 1.0
        return next((half for half in (2.5, 5.0) if fives and off <= half
                     and not figure.value % (2 * half) and truth > half), None)

    def _shares(self, figure, plans, truth):
        """A percentage of a total by setting, by age band or of all."""
        (_, year, setting, band), part = plans[0], figure.value / 100
        for whole in {("plans", year, *of) for of in
                      ((setting, "all"), ("all", band), ("all", "all"))} - set(plans):
            of = self.cells.value.get(whole)
            if of and abs(truth / of - part) <= figure.half / 100:
                off = figure.half / 100 * of
                yield dict.fromkeys(plans, 1.0) | {whole: -part}, -off, off

    def _keep(self, cells, low, high, where):
        """Of like figures the first and narrowest is enough."""
        key = tuple(sorted(cells.items(), key=str))
        held = self.said.get(key)
        if held is None or high - low < held.high - held.low - 1e-9:
            self.said[key] = bounds.Statement(cells, low, high, where)

    def leaks(self):
        """What the statements together give away of the hidden cells."""
        cells, years = self.cells, self.years
        ties = [tie for year in years for tie in cells.ties(year)]
        known = [said for year in years for said in cells.known(year)]
        named = {**self.secrets.labels, "all": "all settings"}
        secret = []
        for key in cells.small:
            for kind, what in (("plans", "number of children"), ("spend", "spend on few children")):
                cell = (kind, *key[1:])
                if cell in cells.value:
                    _, year, setting, band = cell
                    label = (f"the hidden {what} of {named.get(setting, setting)}, "
                             f"{'all ages' if band == 'all' else f'years {band}'}, January {year}, "
                             "could be worked out")  # fmt: skip
                    secret.append(bounds.Secret(cell, cells.value[cell], label, cells.width(cell)))
        return bounds.audit(secret, [*self.said.values(), *known, *ties], known)


def _context(text, known):
    """The settings, age bands and Januaries that a text names."""
    # A financial year, 2024-25, holds the January of its end; 2024-05 is a month
    years = {int(year) + (end == f"{int(year) + 1}"[2:]) for year, end in YEAR.findall(text)}
    return known.settings.names(text), known.bands.names(text), tuple(sorted(years))


def _band_names(band):
    ages = dict(zip(tables.BANDS, plan_tables.AGES.values(), strict=True)).get(band, band)
    low, _, high = band.rpartition("-")
    spoken = [f"{low} to {high}"] if low.isdigit() else []
    return [band, ages, *spoken, *(f"years {text}" for text in (band, *spoken))]


def _blank(sentence):
    """A sentence without its figures, so that a message does not repeat them."""
    return re.sub(r"\d[\d,.]*", "\u2026", WORDED.sub("\u2026", sentence))[:120]


def _history(counted, first):
    """Earlier Januaries by setting as rows of placements.csv, with their totals."""
    past = counted.loc[[year for year in counted.index if int(year) < first]]
    frame = past.assign(all=past.sum(axis=1)).rename_axis(index="year", columns="setting")
    frame = frame.stack().rename("mean").reset_index().dropna()
    return frame.assign(age_band="all", year=frame["year"].astype(int))
