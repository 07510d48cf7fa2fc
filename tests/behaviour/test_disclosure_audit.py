"""Leaks planted in an edition are found, each with its place; honest editions pass."""

import json
import re
import time

import numpy as np
import pandas as pd
import pytest
from disclosed import BANDS, COST, COUNTS, LABELS, publish, run, secrets
from example_notebook import FRONT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sufficiency.report import disclosure, tables
from sufficiency.report.audit import audit_edition
from sufficiency.report.bounds import Secret, audit
from sufficiency.report.reading import Grid
from sufficiency.report.tables import Table
from sufficiency.report.workbook import write_workbook
from sufficiency.report.written import Exempt, figures

HIDDEN = [("college", 0), ("college", 1), ("hospital", 1), ("early", 1)]


@pytest.fixture(params=[True, False], ids=["published", "not published"])
def published(request):
    return request.param


@pytest.fixture
def edition(tmp_path, published):
    publish(tmp_path, published)
    return tmp_path


def found(folder, published, **more):
    return [str(leak) for leak in audit_edition(folder, secrets(published), **more)]


def add(folder, name, *rows):
    (folder / "results" / f"{name}.csv").write_text("\n".join(rows) + "\n")


def test_an_honest_edition_passes(edition, published):
    assert not found(edition, published)


def test_the_rule_without_totals_leaks(tmp_path):
    """Hiding the small cells alone, as published totals stay, gives each of them away."""
    plans, _ = run()
    publish(tmp_path, True)
    small = disclosure.small(plans["mean"]) & (plans["age_band"] != "all")
    (tmp_path / "results" / "placements.csv").write_text(
        tables.csv(plans.assign(mean=plans["mean"].mask(small))[["year", "setting", "age_band",
                                                               "mean"]]))  # fmt: skip
    leaks = found(tmp_path, True)
    assert any("Hospital schools, years 1-6, January 2025" in leak for leak in leaks)
    assert all("placements.csv" in leak or "spend.csv" in leak for leak in leaks)


@pytest.mark.parametrize(("name", "at"), HIDDEN)
def test_a_count_on_its_own(edition, published, name, at):
    value = int(COUNTS[list(LABELS).index(name), at])
    add(edition, "notes", "Setting,Years,2025", f"{LABELS[name]},{BANDS[at]},{value}")
    leaks = [leak for leak in found(edition, published)
             if f"{LABELS[name]}, years {BANDS[at]}, January 2025" in leak]  # fmt: skip
    assert leaks and all("results/notes.csv, row 2, column 2025" in leak for leak in leaks)


@pytest.mark.parametrize(("name", "at"), HIDDEN)
def test_chart_data_and_its_details_table(edition, published, name, at):
    value = COUNTS[list(LABELS).index(name), at]
    (edition / "annex.html").write_text(
        "<html><body><p>As expected.</p><details><summary>Data behind figure 1</summary><table>"
        f"<caption>{LABELS[name]}: plans</caption><tr><th>Period</th><th>Years {BANDS[at]}</th>"
        f"</tr><tr><th>2025</th><td>{value:.1f}</td></tr></table></details></body></html>")
    leaks = found(edition, published)
    assert any("annex.html, table 1, row 2, column Years" in leak for leak in leaks)
    (edition / "annex.html").unlink()
    add(edition, "fans", "panel,period,age_band,actual,p50", f"{name},2025,{BANDS[at]},,{value}")
    assert any("results/fans.csv, row 2, column p50" in leak for leak in found(edition, published))


@pytest.mark.parametrize(("name", "at"), HIDDEN)
def test_a_margin(edition, published, name, at):
    """All but one cell of a row beside its total."""
    row = COUNTS[list(LABELS).index(name)]
    said = [f"{LABELS[name]},2025,{BANDS[other]},{row[other]:g}"
            for other in range(len(row)) if other != at]  # fmt: skip
    if not published:
        # Exact counts, as a careless table beside a rounded one prints them
        said = [line + ".0" for line in said]
    add(edition, "ages", "Setting,January,Age,Plans", *said,
        f"{LABELS[name]},2025,all,{row.sum():g}.0")  # fmt: skip
    leaks = found(edition, published)
    assert any(f"{LABELS[name]}, years {BANDS[at]}" in leak and "ages.csv" in leak
               for leak in leaks)  # fmt: skip


def test_a_differenced_date(edition, published):
    """The count of a later January, and the change since the hidden one."""
    plans, _ = run()
    cell = plans[(plans["setting"] == "early") & (plans["age_band"] == "1-6")]
    now, then = cell["mean"].iloc[1], cell["mean"].iloc[0]
    add(edition, "moved", "Setting,Years,2026,\"Change, 2025 to 2026\"",
        f"Early years settings,1-6,{now},{now - then:.1f}")  # fmt: skip
    leaks = found(edition, published)
    assert any("moved.csv" in leak and "January 2025" in leak and "Early years" in leak
               for leak in leaks)  # fmt: skip


@pytest.mark.parametrize(("name", "at"), HIDDEN)
@pytest.mark.parametrize("form", ["£{:,.0f}", "{:.2f}", "£{:.1f}k"])
def test_a_cost_that_gives_a_count(edition, published, name, at, form):
    spent = COUNTS[list(LABELS).index(name), at] * COST[name]
    shown = form.format(spent / 1000 if form.endswith("k") else spent)
    add(edition, "bills", "Setting,Years,2024-25", f'{LABELS[name]},{BANDS[at]},"{shown}"')
    leaks = found(edition, published)
    assert any("number of children" in leak and "bills.csv" in leak for leak in leaks)
    assert any("spend on few children" in leak for leak in leaks)


def test_a_cost_at_other_prices(edition, published):
    _, spend = run()
    cell = spend.query("setting == 'hospital' and age_band == '1-6' and prices == 'real' "
                       "and financial_year == '2025-26'")  # fmt: skip
    add(edition, "bills", "setting,age_band,financial_year,prices,p50",
        f"hospital,1-6,2025-26,real,{cell['p50'].iloc[0]}")  # fmt: skip
    assert any("January 2026" in leak for leak in found(edition, published))


def test_a_percentage(edition, published):
    share = 100 * 3 / COUNTS[3].sum()
    add(edition, "shares", "Setting,January,Years 1-6 (%)", f"Hospital schools,2025,{share:.1f}")
    assert any("shares.csv" in leak for leak in found(edition, published))


SAYINGS = ["In January 2025 there were 3 plans for Hospital schools, years 1 to 6.",
           "Hospital schools had three children in Age 5 to 10.",
           "A fan for Hospital schools (years 1\u20136) opens from 3 to 30."]  # fmt: skip


@pytest.mark.parametrize("said", SAYINGS)
def test_an_alternative_text_and_a_sentence(edition, published, said):
    (edition / "annex.html").write_text(f"<p>Plans rise.</p><img src='data:,' alt='{said}'>")
    leaks = found(edition, published)
    assert len(leaks) >= 1 and leaks[0].startswith("annex.html, alt")
    assert not re.search(r"\b(3|three) (plans|children)|from 3", leaks[0])
    (edition / "annex.html").write_text(f"<main><p>Plans rise. <b>{said}</b></p></main>")
    assert found(edition, published)
    (edition / "annex.html").unlink()
    (edition / "results" / "headline.json").write_text(json.dumps([{"key": "k", "text": said}]))
    assert "headline.json" in found(edition, published)[0]


def test_word_and_pdf_texts(edition, published):
    import typst
    from docx import Document

    paper = Document()
    paper.add_paragraph("Plans rise.")
    table = paper.add_table(2, 2)
    for cell, text in zip((cell for row in table.rows for cell in row.cells),
                          ("Hospital schools", "Years 1-6", "2025", "3"), strict=True):  # fmt: skip
        cell.text = text
    paper.save(edition / "annex.docx")
    assert "annex.docx, table 1, row 2" in found(edition, published)[0]
    paper.add_paragraph(SAYINGS[0])
    paper.save(edition / "annex.docx")
    (edition / "annex.docx").rename(edition / "paper.docx")
    assert any("paper.docx" in leak for leak in found(edition, published))
    (edition / "paper.docx").unlink()
    source = edition.parent / f"{edition.name}.typ"
    source.write_text(f"= Plans\n{SAYINGS[0]}\n")
    typst.compile(source, output=edition / "annex.pdf", format="pdf")
    assert "annex.pdf, page 1" in found(edition, published)[0]


def test_a_workbook_cell(edition, published):
    frame = pd.DataFrame({"Setting": list(LABELS.values()), "Years 1-6, 2025": COUNTS[:, 1]})
    tables_ = [Table("ages", "Plans", frame.mask(frame == 3.0)), Table("more", "Plans", frame)]
    write_workbook(edition / "annex.xlsx", tables_, FRONT)
    leaks = found(edition, published)
    assert any("annex.xlsx, sheet more, row 5, column Years 1-6, 2025" in leak for leak in leaks)


def test_a_file_that_cannot_be_read_is_a_leak(edition, published):
    (edition / "picture.bin").write_bytes(b"\x00")
    (leak,) = found(edition, published)
    assert "picture.bin: cannot be read back" in leak


def prices():
    return Table("provider_prices", "Prices by provider", pd.DataFrame({
        "Provider": ["Example Provider 017 Ltd", "Example Provider 044 Ltd", "Example Provider 9"],
        "Price a week": [945.4, 4215.37, 4000.0], "Spend": [228_613.0, 41_522.5, 60_000.0]}))


@pytest.mark.parametrize("said", [
    "The dearest place is £4,215.37 a week.", "About 4215 a week.", "£4,215", "Paid: £228,613.",
    "One provider is paid £41.52k.", "The price is £945 a week.", "228613",
    "Example Provider 9 asks £4,000.", "Example Provider 9: £60k",
])  # fmt: skip
def test_exempt_figures_in_any_form(tmp_path, said):
    (tmp_path / "annex.html").write_text(f"<p>Places are dear. {said}</p>")
    (leak, *_) = audit_edition(tmp_path, None, [prices()])
    assert "provider_prices" in str(leak) and "annex.html" in str(leak)
    assert not re.search(r"4,?215|228,?613|945|4,000|60", str(leak))
    picture = f"<svg xmlns='http://www.w3.org/2000/svg'><text>{said}</text></svg>"
    (tmp_path / "annex.html").write_text(f'<img alt="x" src="data:image/svg+xml,{picture}">')
    assert audit_edition(tmp_path, None, [prices()])


def test_exempt_figures_in_tables(tmp_path):
    (tmp_path / "a.csv").write_text("name,x\nProvider A,4215\nProvider B,945\n")
    assert not audit_edition(tmp_path, None, [prices()])
    (tmp_path / "a.csv").write_text("name,x\nProvider A,4215.37\n")
    assert audit_edition(tmp_path, None, [prices()])
    (tmp_path / "a.csv").write_text("name,x\nExample Provider 017 Ltd,945\n")
    assert "a.csv, row 2, column x" in str(audit_edition(tmp_path, None, [prices()])[0])
    (tmp_path / "a.csv").write_text("name,price\nProvider A,4215\n")
    assert audit_edition(tmp_path, None, [prices()])


def test_round_and_published_figures_pass(tmp_path):
    (tmp_path / "a.html").write_text("<p>4,000 worlds. £228,613 as published. In 945 schools.</p>")
    assert not audit_edition(tmp_path, None, [prices()], allowed=[228_613])
    assert audit_edition(tmp_path, None, [prices()])
    (tmp_path / "a.html").write_text("<p>All is well.</p>")
    assert audit_edition(tmp_path, None, ["They asked for £12,345 in secret."]) == []
    (tmp_path / "b.html").write_text("<p>They ask 12,345.</p>")
    assert audit_edition(tmp_path, None, ["They asked for £12,345 in secret."])


def test_figures_are_read_in_any_form():
    said = "£1.2m, 3.4%, 1,234.5, four children, 7 in 10, Table 2, January 2025, £2,000, £2024"
    assert [(one.value, one.share) for one in figures(said)] == [
        (1.2e6, False), (3.4, True), (1234.5, False), (4, False), (2000, False), (2024, False)]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(0, 40), min_size=25, max_size=25), st.booleans())
def test_any_table_is_protected(tmp_path_factory, values, published):
    """Whatever the counts: what the rule leaves passes the audit it does not know of."""
    counts = np.array(values, float).reshape(5, 5)
    folder = tmp_path_factory.mktemp("any")
    publish(folder, published, counts)
    assert not audit_edition(folder, secrets(published, counts))


def test_the_size_of_a_real_run(tmp_path):
    """Ten settings, five bands, several Januaries are protected in seconds of computing."""
    rng = np.random.Generator(np.random.Philox(7))
    names = [f"s{at}" for at in range(10)]
    COST.update({name: 4_000 + 6_000 * at for at, name in enumerate(names)})
    counts = np.round(np.exp(rng.normal(3, 2, (10, 5))))
    begun = time.process_time()
    cells = disclosure.Linked(*run(counts, names), published=True)
    cells.suppress()
    assert cells.small and time.process_time() - begun < 20
    for year in (2025, 2026):
        secret = [key for key in cells.small if key[1] == year]
        said = [cells.shown(key) for key in cells.value
                if key[1] == year and key not in cells.hidden]  # fmt: skip
        assert not audit([Secret(key, cells.value[key]) for key in secret],
                       [*said, *cells.ties(year)], cells.known(year))  # fmt: skip


@pytest.mark.parametrize(("rows", "found"), [(40, True), (400, False)])
def test_two_whole_numbers_betray_a_table_in_a_short_column_not_in_a_long_one(rows, found):
    frame = pd.DataFrame({"Bought": ["Legal services", "Nursing"], "In contract": [149, 421]})
    counts = [149, 421, *range(500, 500 + rows - 2)]
    search = Exempt([Table("contracts", "Contracts", frame)], [])
    search.table(Grid("results/placements.csv", "", ["p97_5"], [[str(x)] for x in counts]))
    assert bool(search.leaks) is found
