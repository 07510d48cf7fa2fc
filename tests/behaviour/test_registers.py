"""Contract registers and spend lists: every row is used or listed, and the samples are as said."""

import importlib.util
import zipfile
from datetime import date, timedelta
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sufficiency.case import CaseError, load_case
from sufficiency.case.returns.placement_list import listed_problems
from sufficiency.case.returns.registers import read_contracts, read_register, read_spend
from sufficiency.report.document import Front
from sufficiency.report.tables import Table
from sufficiency.report.workbook import write_workbook
from sufficiency.run import manifest
from sufficiency.run.parameters import Parameters

CONTRACT = {
    "reference": "C1", "title": "Homes", "supplier": "Oak Ltd", "category": "care",
    "kind": "block", "start": "2019-04-01", "end": "31/03/2023", "annual_value": "£120,000.50",
    "places": "10", "price_per_week": "231.5", "vat_included": "no", "funded_by": "social care",
    "replaces": "", "children": "9", "owner": "", "extension_months": "12"}
PAYMENT = {"date": "2022-03-31", "supplier": "Oak Ltd", "category": "care", "kind": "spot",
           "amount": "1,234.56", "reference": "P1", "justification": "court ordered",
           "placement_years": "0.5"}


def listing(path, base, *changes, encoding="utf-8", end="\r\n"):
    """A file with a row a change of base, references C1, C2 (or P1, P2) and so on."""
    letter = base["reference"][0]
    rows = [{**base, "reference": f"{letter}{n}", **change} for n, change in enumerate(changes, 1)]
    text = pd.DataFrame(rows, columns=list(base)).to_csv(index=False, lineterminator="\r\n")
    path.write_bytes((text.rstrip("\r\n") + end).encode(encoding))
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "list.csv"


def agree(found):
    """Rows and pounds read are those used and those left out."""
    totals = found.totals
    assert np.allclose(totals.loc["read"], totals.loc["used"] + totals.loc["unusable"])
    assert len(found.rows) == totals.loc["used", "rows"]
    return totals


def test_a_contract_is_read_as_it_stands(file):
    found = read_register(listing(file, CONTRACT, {}))
    row = found.rows.loc[0].to_dict()
    assert row == row | {
        "reference": "C1", "supplier": "Oak Ltd", "owner": "Oak Ltd", "kind": "block",
        "start": date(2019, 4, 1), "end": date(2023, 3, 31), "extension_months": 12,
        "annual_value": 120000.5, "places": 10, "price_per_week": 231.5, "vat_included": False,
        "funded_by": "social_care", "replaces": "", "children": 9, "review": None, "setting": "",
        "stage_done": ""}
    assert not found.notices and not len(found.unusable) and not found.synthetic


def test_blanks_are_not_stated(file):
    blank = dict.fromkeys(("end", "places", "vat_included", "funded_by", "extension_months"), "")
    row = read_register(listing(file, CONTRACT, blank)).rows.loc[0]
    assert row["end"] is None and row["vat_included"] is None and np.isnan(row["places"])
    assert row["funded_by"] == "" and row["extension_months"] == 0


def test_headings_of_the_transparency_code_are_known(file):
    file.write_text(
        "Reference number,Title of agreement,Supplier name,Service,Contract type,Start date,"
        "End date,Review date,Contract sum (£),Department\n"
        "C1,Homes,Oak Ltd,care,Block,01/04/2019,31/03/2023,30/09/2022,\"480,000\",Children\n"
        "C2,Beds,Elm Ltd,care,DPS,01/04/2022,30/06/2022,,30000,Children\n", encoding="utf-8")
    found = read_register(file)
    assert found.rows["annual_value"].tolist() == [round(480_000 / (1461 / 365.25), 2), 30_000]
    assert found.rows["kind"].tolist() == ["block", "dynamic_market"]
    assert found.rows["review"].tolist() == [date(2022, 9, 30), None]
    assert found.notices[0] == "columns left unread: department"
    assert "contract_sum as total_value" in found.notices[1]


def test_a_payment_is_read_by_date_or_by_year(file):
    row = read_spend(listing(file, PAYMENT, {})).rows.loc[0].to_dict()
    assert row == {"supplier": "Oak Ltd", "owner": "Oak Ltd", "category": "care", "kind": "spot",
                   "date": date(2022, 3, 31), "financial_year": "2021-22", "amount": 1234.56,
                   "reference": "P1", "justification": "court_ordered", "placement_years": 0.5}
    years = {name: value for name, value in PAYMENT.items() if name != "date"}
    rows = read_spend(listing(file, years | {"financial_year": ""}, {"financial_year": "2020/21"},
                              {"financial_year": "2021-2022"})).rows
    assert rows["financial_year"].tolist() == ["2020-21", "2021-22"]
    assert rows["date"].tolist() == [None, None]


@pytest.mark.parametrize("day, year", [("2022-03-31", "2021-22"), ("01/04/2022", "2022-23"),
                                       ("2000-03-31", "1999-00"), ("2099-12-31", "2099-00")])
def test_financial_years_begin_in_april(file, day, year):
    assert read_spend(listing(file, PAYMENT, {"date": day})).rows["financial_year"][0] == year


@pytest.mark.parametrize("column, value, allowed", [
    ("start", "31/02/2020", "2024-09-30 or"), ("start", "", "2024-09-30 or"),
    ("start", "1919-04-01", "from 2000 to 2099"), ("end", "2203-03-31", "from 2000 to 2099"),
    ("end", "2019-03-31", "the start date or later"), ("end", "soon", "or a blank"),
    ("annual_value", "-5", "GBP, 0 to"), ("annual_value", "(120.00)", "GBP, 0 to"),
    ("annual_value", "", "GBP, 0 to"), ("annual_value", "1e9", "GBP, 0 to"),
    ("annual_value", "12 000", "GBP, 0 to"), ("annual_value", "nan", "GBP, 0 to"),
    ("annual_value", "=1+1", "GBP, 0 to"), ("places", "-1", "a number from 0"),
    ("price_per_week", "78000", "GBP a week"), ("kind", "off contract", "framework, block, spot"),
    ("kind", "", "framework, block, spot"), ("supplier", " ", "a supplier"),
    ("category", "", "a category"), ("vat_included", "20%", "yes, no or a blank"),
    ("funded_by", "the council", "dsg_high_needs, general_fund"), ("reference", "", "of its own"),
    ("extension_months", "1+1 years", "whole months"), ("replaces", "C2", "another contract"),
    ("reference", " C1 ", "each contract once"), ("title", "", "a title"),
])
def test_a_bad_contract_is_listed_by_row_and_totals_agree(file, column, value, allowed):
    found = read_register(listing(file, CONTRACT, {}, {column: value}, {}))
    assert found.unusable["line"].tolist() == [3] and found.unusable["column"][0] == column
    assert allowed in found.unusable["allowed"][0]
    assert agree(found)["rows"].tolist() == [3, 2, 1]
    assert listed_problems(found)[0].startswith(f"line 3: {column}: found ")


@pytest.mark.parametrize("column, value, allowed", [
    ("date", "2022-02-30", "2024-09-30 or"), ("date", "", "2024-09-30 or"),
    ("amount", "-1,234.56", "a credit"), ("amount", "lots", "GBP, 0 to"), ("amount", "", "GBP"),
    ("kind", "agency", "framework, block"), ("justification", "urgent", "user_choice"),
    ("supplier", "", "a supplier"), ("placement_years", "-0.5", "a number from 0"),
    ("reference", "P1", "each line once"),
])
def test_a_bad_payment_is_listed_by_row_and_totals_agree(file, column, value, allowed):
    found = read_spend(listing(file, PAYMENT, {}, {column: value}, {}))
    assert found.unusable["line"].tolist() == [3] and found.unusable["column"][0] == column
    assert allowed in found.unusable["allowed"][0]
    assert agree(found)["rows"].tolist() == [3, 2, 1]


def test_credits_left_out_are_in_the_totals(file):
    found = read_spend(listing(file, PAYMENT, {}, {"amount": "(34.56)"}, {"amount": "£10"}))
    assert agree(found)["gbp"].tolist() == [1210.0, 1244.56, -34.56]


def test_an_invoice_on_two_lines_is_no_repeat_and_without_reference_none_is(file):
    found = read_spend(listing(file, PAYMENT, {}, {"reference": "P1", "amount": "5"}))
    assert len(found.rows) == 2 and not len(found.unusable)
    found = read_spend(listing(file, PAYMENT, {"reference": ""}, {"reference": ""}))
    assert len(found.rows) == 2
    assert found.notices == ["1 rows the same as an earlier one, kept: no reference"]


def test_a_column_named_as_ours_is_left_unread(file):
    found = read_spend(listing(file, {"Line": "7", **PAYMENT}, {}, {"amount": "x"}))
    assert found.unusable["line"].tolist() == [3]
    assert found.notices == ["columns left unread: line_there"]


def test_a_sum_over_the_term_needs_an_end(file):
    whole = {("total_value" if name == "annual_value" else name): value
             for name, value in CONTRACT.items()}
    found = read_register(listing(file, whole, {}, {"end": ""}))
    assert found.unusable["allowed"].tolist() == ["a date: the value is a sum over the term"]


def test_a_replacement_of_what_is_not_there_is_noted_and_kept(file):
    found = read_register(listing(file, CONTRACT, {}, {"replaces": "C1"}, {"replaces": "C9"}))
    assert len(found.rows) == 3
    assert found.noted[["line", "column", "found"]].values.tolist() == [[4, "replaces", "C9"]]


def test_owners_come_from_the_case_then_the_file_then_the_supplier(file):
    listing(file, CONTRACT, {"supplier": "Oak  Ltd"}, {"supplier": "OAK LTD", "owner": "Wood plc"},
            {"supplier": "Elm Ltd", "owner": "wood PLC"}, {"supplier": "Ash Ltd"})
    found = read_register(file, {"ash  LTD": "Wood plc"})
    assert found.rows["supplier"].tolist() == ["Oak Ltd", "Oak Ltd", "Elm Ltd", "Ash Ltd"]
    assert found.rows["owner"].tolist() == ["Oak Ltd", "Wood plc", "Wood plc", "Wood plc"]
    assert found.notices == ["2 names spelt as they first are: OAK LTD, wood PLC"]


def test_formula_like_names_are_noted_by_row_and_are_text_in_a_workbook(file, tmp_path):
    names = ['=cmd|"/c calc"!A1', "+44 Homes", "-Oak", "@SUM(A1)", "Oak = Elm"]
    for read, base in ((read_register, CONTRACT), (read_spend, PAYMENT)):
        found = read(listing(file, base, {}, *({"supplier": name} for name in names)))
        assert found.rows["supplier"].tolist() == ["Oak Ltd", *names]
        assert found.noted[["line", "found"]].values.tolist() == [
            [n, name] for n, name in enumerate(names[:4], 3)]
        assert not len(found.unusable)
    front = Front("T", "", "C", date(2022, 4, 25))
    table = Table("names", "Names", found.rows[["supplier", "amount"]])
    with zipfile.ZipFile(write_workbook(tmp_path / "book.xlsx", [table], front)) as book:
        sheets = [book.read(name).decode() for name in book.namelist() if "worksheets/" in name]
        shared = book.read("xl/sharedStrings.xml").decode()
    assert not any("<f>" in sheet for sheet in sheets)
    assert all(escape(name) in shared for name in names)


@pytest.mark.parametrize("encoding, notices", [
    ("utf-8", []), ("utf-8-sig", []),
    ("cp1252", ["read as Windows text (cp1252): it is not UTF-8"])])
def test_files_as_spreadsheets_save_them(file, encoding, notices):
    found = read_register(listing(file, CONTRACT, {"supplier": "Café – Ltd"}, encoding=encoding))
    assert found.rows["supplier"].tolist() == ["Café – Ltd"] and found.notices == notices


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_file_in_another_encoding_is_refused_with_what_to_do(file, encoding):
    with pytest.raises(CaseError, match=r"list.csv:1: found .*UTF-16; allowed a CSV: save it as"):
        read_register(listing(file, CONTRACT, {}, encoding=encoding))


@pytest.mark.parametrize("read, base", [(read_register, CONTRACT), (read_spend, PAYMENT)])
def test_a_half_written_last_line_is_refused_or_told(file, read, base):
    whole = listing(file, base, {}, {}).read_bytes()
    file.write_bytes(whole[: whole.rindex(b",") - 3])
    with pytest.raises(CaseError, match=r"list.csv:3: \d+ values where the header has \d+"):
        read(file)
    listing(file, base, {}, {}, end="")
    assert read(file).notices == ["the last line has no end: is the file whole?"]


@pytest.mark.parametrize("read, base, one, two", [
    (read_register, CONTRACT, "start", "end"),
    (read_register, CONTRACT, "supplier", "annual_value"),
    (read_spend, PAYMENT, "amount", "supplier"), (read_spend, PAYMENT, "date", "amount")])
def test_swapped_columns_are_refused(file, read, base, one, two):
    text = listing(file, base, {}, {}, {}).read_text("utf-8")
    head, rest = text.split("\n", 1)
    swapped = head.replace(one, "x").replace(two, one).replace("x", two, 1)
    file.write_text(f"{swapped}\n{rest}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"3 rows, 0 that can be used; .* two columns swapped"):
        read(file)


@pytest.mark.parametrize("change, message", [
    (lambda text: text.replace("supplier", "suppliers"),
     r"missing column 'supplier' \(nearest: suppliers\); required reference, title"),
    (lambda text: text.replace("annual_value", "worth"), "missing column 'annual_value or total_v"),
    (lambda text: text.replace("end,", "until,"), "missing column 'end'"),
    (lambda text: text.replace("replaces", "Kind"), "a column is named twice: kind"),
    (lambda text: text.replace("Oak Ltd", "Oak, Ltd"), "17 values where the header has 16"),
    (lambda text: "", "missing column 'reference'"),
    (lambda text: text.splitlines()[0] + "\r\n", "found 0 rows"),
    (lambda text: text.replace("Oak", '"Oak') + "x" * 200_000, "quotation mark left open"),
])
def test_files_that_are_no_register_are_refused(file, change, message):
    text = listing(file, CONTRACT, {}).read_text(encoding="utf-8")
    file.write_text(change(text), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_register(file)
    with pytest.raises(CaseError, match="no such file"):
        read_register(file.with_name("absent.csv"))


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12)),
                     min_size=1, max_size=4))
def test_whatever_is_in_a_file_each_row_is_used_or_listed(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("any") / "any.csv"
    changes = [{}] * len(rows) + [{"supplier": a, "amount": b, "date": c} for a, b, c in rows]
    try:
        found = read_spend(listing(file, PAYMENT, *changes, encoding="utf-8"))
    except CaseError as error:  # a row of several lines, or a zero byte
        assert "list" in str(error) or "any.csv" in str(error)
        return
    assert agree(found).loc["used", "rows"] >= len(rows)
    assert found.totals.loc["unusable", "rows"] == found.unusable["line"].nunique()


def test_a_hundred_thousand_rows_are_read_in_full(file):
    count = 100_000
    days = [str(date(2020, 4, 1) + timedelta(n % 730)) for n in range(count)]
    frame = pd.DataFrame({**PAYMENT, "date": days, "amount": np.arange(count) + 0.01,
                          "reference": [f"P{n}" for n in range(count)]})
    frame.to_csv(file, index=False)
    found = read_spend(file)
    assert agree(found)["rows"].tolist() == [count, count, 0]
    assert found.totals.loc["used", "gbp"] == round(count * (count - 1) / 2 + count * 0.01, 2)


# The case

@pytest.fixture
def council(root, tmp_path):
    """A case beside which files can be put: write(yaml below contracts) -> its path."""
    def write(text):
        path = tmp_path / "mine.yaml"
        head = "extends: national\ncouncil: {name: Mine, short: Mine}\n"
        path.write_text(head + text, encoding="utf-8")
        return load_case(path, root=root)
    return write


def test_files_are_found_beside_the_case_or_in_params_and_enter_the_run(council, tmp_path, root):
    listing(tmp_path / "r.csv", CONTRACT, {}, {"supplier": "Elm"})
    case = council("contracts: {register: r.csv, spend: examples/rutland_spend.csv, synthetic: "
                   "true, owners: [{supplier: Elm, owner: Wood}]}\n")
    assert case.files[-2:] == [tmp_path / "r.csv", root / "params/examples/rutland_spend.csv"]
    read = read_contracts(case)
    assert read["register"].rows["owner"].tolist() == ["Oak Ltd", "Wood"]
    assert read["spend"].synthetic and not read["register"].synthetic
    inputs = [manifest.describe(case, Parameters("devon"), root)["inputs"]]
    listing(tmp_path / "r.csv", CONTRACT, {}, {"supplier": "Ash"})
    inputs.append(manifest.describe(case, Parameters("devon"), root)["inputs"])
    changed = {name for name in inputs[0] if inputs[0][name] != inputs[1][name]}
    assert changed == {"r.csv"} and "params/examples/rutland_spend.csv" in inputs[0]


def test_a_case_without_files_has_no_listings(small_case):
    assert read_contracts(small_case) == {}
    stages = small_case.value("contracts.pipeline.stages")
    assert sum(stage["months"] for stage in stages) == 18


def test_invented_rows_are_refused_where_the_case_does_not_say_so(council):
    case = council("contracts: {spend: examples/rutland_spend.csv}\n")
    with pytest.raises(CaseError, match=r"contracts.synthetic: found false.*; allowed true"):
        read_contracts(case)


BOARDS = ("contracts: {{boards: {{total: {{central: 1021500, unit: GBP/year, funded_by: schools, "
          "quality: published, known: 2021-05, source: s}}, weights: {}}}}}\n")
WEIGHT = "{central: %s, unit: ratio, quality: judgement, known: 2021-05, note: n}"


@pytest.mark.parametrize("text, message", [
    ("contracts: {register: r.csv}", r"contracts.register: found no file r.csv; allowed one besid"),
    ("contracts: {registr: r.csv}", r"contracts.registr: found a key nobody reads; .*register"),
    ("contracts: {register: 3}", r"mine.yaml:3: contracts.register: found 3"),
    ("contracts: {synthetic: 1}", "contracts.synthetic: found 1"),
    ("contracts: {pipeline: {lead_months: 12}}", r"stages: found 18 months together; allowed 12"),
    ("contracts: {pipeline: {stages: [{name: a, months: 1.5}]}}", r"stages.0.months: found 1.5"),
    ("contracts: {owners: [{supplier: Oak, owner: A}, {supplier: oak, owner: B}]}", "oak twice"),
    ("contracts: {published: {known: 2022-04, total: {quality: published, source: s}}}",
     r"published.total: found .*; allowed one of at_least, about, at_most"),
    ("contracts: {published: {total: {about: 1, quality: published, source: s}}}",
     "published.known: found nothing"),
    ("contracts: {published: {known: 2022-04, total: {about: 1, source: s}}}",
     "published.total.quality: found nothing"),
    (BOARDS.format(f"{{a: {WEIGHT % 1}}}"), "weights: found 1; allowed the weights of two boards"),
    (BOARDS.format(f"{{a: {WEIGHT % 0}, b: {WEIGHT % 0}}}"), "weights: found all 0; allowed one"),
    (BOARDS.format(f"{{a: {WEIGHT % 1}, b: {WEIGHT % -1}}}"), "weights.b: found -1; allowed 0 or"),
    (BOARDS.format(f"{{a: {WEIGHT % 1}, b: {WEIGHT % 1}}}").replace("GBP/year", "GBP"),
     "boards.total.unit: found GBP; allowed GBP/year"),
    ("contracts: {boards: {weights: {}}}", "boards.total: found nothing; allowed the budget"),
    ("contracts: [a]", "contracts: found"), ("contracts: {boards: 3}", "contracts.boards: found 3"),
])
def test_a_bad_section_is_told_by_line(council, text, message):
    with pytest.raises(CaseError, match=message):
        council(text + "\n")


def test_a_full_section_is_read(council):
    case = council(BOARDS.format(f"{{a: {WEIGHT % 1}, b: {WEIGHT % 2}}}").replace(
        "{boards", "{published: {known: 2022-04, total: {at_least: 153000000, quality: published, "
        "source: s}}, boards"))
    assert case["contracts.boards.total"].central == 1021500
    assert case.value("contracts.published.total.at_least") == 153_000_000
    assert case.as_known("2022-01").value("contracts.published", None) is None


# The samples

@pytest.fixture(scope="module")
def samples(root):
    """{council: (register, spend)} as read."""
    folder = root / "params" / "examples"
    return {name: (read_register(folder / f"{name}_register.csv"),
                   read_spend(folder / f"{name}_spend.csv")) for name in (
                       "nottinghamshire", "rutland")}


def test_the_samples_are_made_again_byte_for_byte(root, tmp_path):
    script = root / "params" / "examples" / "make_registers.py"
    spec = importlib.util.spec_from_file_location("make_registers", script)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    made.write(tmp_path)
    committed = sorted(
        path for kind in ("register", "spend") for path in script.parent.glob(f"*_{kind}.csv"))
    assert [path.name for path in committed] == sorted(path.name for path in tmp_path.iterdir())
    for path in committed:
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_every_row_of_the_samples_is_used_and_says_that_it_is_invented(samples):
    for listing_of in (each for pair in samples.values() for each in pair):
        rows = listing_of.rows
        assert not len(listing_of.unusable) and not listing_of.notices and listing_of.synthetic
        assert not len(listing_of.noted) and rows["reference"].str.startswith("SYNTHETIC-").all()
        assert rows["supplier"].str.fullmatch(
            r"Example Provider \d{3} Ltd|Neighbouring council [A-C]|Example County Council").all()


def test_nottinghamshires_published_totals_are_met(samples):
    register, spend = (each.rows for each in samples["nottinghamshire"])
    paid = spend.pivot_table("amount", "supplier", "financial_year", "sum", fill_value=0)
    before, after = paid.sum()
    assert after == pytest.approx(153_240_000) and 153e6 < after < 154e6
    assert 0.245 < after / before - 1 < 0.25
    largest = [set(paid[year].nlargest(10).index) for year in paid]
    assert largest[0] == largest[1]
    ten = paid.loc[sorted(largest[1])].sum()
    assert round(ten.iloc[1] / after, 3) == 0.15 and round(ten.iloc[1] / ten.iloc[0] - 1, 3) == 0.01
    kinds = spend[spend["supplier"].isin(largest[1])].groupby("supplier")["kind"].agg(set)
    assert kinds.isin([{"framework"}, {"block"}]).sum() == 9
    block = register[register["supplier"] == paid["2021-22"].idxmax()]
    assert block[["kind", "places", "children"]].values.tolist() == [["block", 30, 27]]
    assert block["start"].tolist() == [date(2015, 4, 1)]
    schools = register[(register["category"] == "Independent special schools")
                       & (register["kind"] == "framework")]
    assert set(schools["end"]) == {date(2023, 8, 31)}


def test_nottinghamshires_spot_contracts_rise_past_a_hundred(samples):
    spot = samples["nottinghamshire"][0].rows.query("kind == 'spot'")
    for category in (None, "Residential care", "Independent special schools"):
        of = spot if category is None else spot[spot["category"] == category]
        live = [((of["start"] < date(year + 1, 4, 1)) & (of["end"] >= date(year, 4, 1))).sum()
                for year in (2018, 2019, 2020, 2021)]
        assert live == sorted(set(live))
        assert category or live[-2] < 100 < live[-1]


def test_register_and_spend_of_a_sample_agree(samples):
    register, spend = (each.rows for each in samples["nottinghamshire"])
    paid = spend[(spend["financial_year"] == "2021-22") & (spend["kind"] != "spot")]
    held = register[(register["kind"] != "spot") & (register["replaces"] == "")]
    assert held["annual_value"].sum() == pytest.approx(paid["amount"].sum())
    assert not (spend["owner"] == spend["supplier"]).all()


def test_replacements_in_the_sample_leave_two_gaps(samples):
    rows = samples["nottinghamshire"][0].rows.set_index("reference")
    later = rows[rows["replaces"] != ""]
    gaps = [(row.start - rows.at[row.replaces, "end"]).days - 1 for row in later.itertuples()]
    assert sorted(gaps) == [0, 0, 0, 61, 92]


def test_rutland_is_small_and_has_guaranteed_cases_with_extras(samples):
    register, spend = (each.rows for each in samples["rutland"])
    assert spend.groupby("financial_year")["amount"].sum().max() < 4e6
    advice = register[register["title"].str.contains("SENDIASS")]
    assert advice["children"].tolist() == [275]
    psychology = register[register["category"] == "Educational psychology"].set_index("kind")
    assert psychology.at["block", "places"] == 60 and psychology.at["spot", "children"] == 17
    assert psychology["supplier"].nunique() == 1
    one_child = register[register["title"].str.endswith("one child")]
    assert len(one_child) > 50 and (one_child["children"] == 1).all()
    shared = set(register["supplier"][register["supplier"].str.startswith("Neighbouring")])
    assert len(shared) == 3
