"""A council's contract register and its spend list, as published or as kept, into two tables.

CSVs with a row a contract, and a row a payment, in any order; capitals, spaces and signs in
headings do not matter, and headings of the Local Government Transparency Code 2015 are known
(`aliases` below). A register needs reference (each once), title, supplier, category, kind, start,
end (blank: none stated) and annual_value or total_value (GBP; over the term); a spend list needs
supplier, category, amount (GBP) and date or financial_year (2021-22). A blank elsewhere is not
stated; other columns are left unread. Dates: 2024-09-30 or 30/09/2024.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from sufficiency.case.files import CaseError
from sufficiency.case.procurement import JUSTIFICATIONS
from sufficiency.case.quantity import FUNDS, nearest

from . import Problems, read_csv
from .placement_list import HIDDEN, YES, _date, _number, _words

KINDS = ("framework", "block", "spot", "dynamic_market", "in_house", "grant")
MOST = 1e9  # dearer than any contract or payment of a council: pence, or another column (judgement)
LATEST = pd.Timestamp("2100-01-01")
SYNTHETIC = "SYNTHETIC"
FORMULA = r"[=+\-@].*"


class Listing(NamedTuple):
    """rows: what can be used (see `read_register`, `read_spend`). unusable: every problem (line,
    column, found, allowed). noted: rows kept that look odd (line, column, found, said). totals
    (read, used, unusable) of rows and GBP, where it can be read. notices: what was done in silence
    elsewhere.
    """

    rows: pd.DataFrame
    unusable: pd.DataFrame
    noted: pd.DataFrame
    totals: pd.DataFrame
    notices: list

    @property
    def synthetic(self):
        """Whether any reference says that the row is invented."""
        return bool(self.rows["reference"].str.startswith(SYNTHETIC).any())


class Column(NamedTuple):
    """How a column is read (NaN where it cannot be), what is allowed, and its other headings."""

    read: Any
    allowed: str
    aliases: str = ""


def _name(said):
    return said.str.split().str.join(" ")


def _money(said):
    """GBP, signed: £1,234.50, -12 and (12), so that what is refused can still be summed."""
    text = said.str.strip().str.replace(r"^\((.*)\)$", r"-\1", regex=True).str.replace("£", "", n=1)
    plain = text.str.fullmatch(r"-?(\d+(\.\d+)?|\d{1,3}(,\d{3})+(\.\d+)?)", na=False)
    value = pd.to_numeric(text.str.replace(",", "").where(plain), errors="coerce")
    return value.where(value.abs() <= MOST)


def _day(said):
    read = _date(said)
    return read.where(read < LATEST)


def _financial_year(said):
    parts = said.str.strip().str.extract(r"^((?:20)\d\d)[-/](?:20)?(\d\d)$")
    first, second = (pd.to_numeric(parts[n], errors="coerce") for n in (0, 1))
    return (parts[0] + "-" + parts[1]).where((first + 1) % 100 == second)


def _plain(names, more=()):
    """A reader of names as they are printed anywhere: {said: what it is}."""
    return _words({spelt: name for name in names for spelt in (name, name.replace("_", " "))}
                  | dict(more))


GBP, DAY = f"GBP, 0 to {MOST:,.0f}", "2024-09-30 or 30/09/2024, from 2000 to 2099"
COUNT = "a number from 0 to 100,000, or a blank"
NAMES = {
    "supplier": Column(_name, "a supplier", "supplier_name name_of_supplier provider supplier_name_"
                       "and_details beneficiary beneficiary_name payee vendor vendor_name"),
    "owner": Column(_name, "a name", "ultimate_owner parent_company ultimate_parent"),
    "category": Column(_name, "a category", "service procurement_category summary_of_purpose "
                       "purpose expense_type expenditure_category merchant_category"),
    "kind": Column(_plain(KINDS, {"in-house": "in_house", "dps": "dynamic_market",
                                  "dynamic purchasing system": "dynamic_market"}),
                   ", ".join(KINDS), "contract_type type_of_contract bought procurement_route"),
}
REGISTER = {
    "reference": Column(_name, "a reference of its own", "reference_number contract_reference "
                        "contract_reference_number contract_ref contract_number ref"),
    "title": Column(_name, "a title", "title_of_agreement contract_title agreement_title"),
    **NAMES,
    "setting": Column(_name, "a setting"),
    "start": Column(_day, DAY, "start_date contract_start_date"),
    "end": Column(_day, f"{DAY}, or a blank: none stated",
                  "end_date contract_end_date expiry_date"),
    "review": Column(_day, f"{DAY}, or a blank", "review_date"),
    "extension_months": Column(_number(0, 240, True), "whole months, 0 to 240, or a blank",
                               "extension extension_period_months"),
    "annual_value": Column(_money, GBP, "annual_contract_value estimated_annual_spend "
                           "estimated_annual_value annual_spend annual_budget"),
    "total_value": Column(_money, GBP, "contract_sum total_contract_value contract_value "
                          "sum_to_be_paid"),
    "places": Column(_number(0, 1e5), COUNT, "guaranteed_places guaranteed_cases"),
    "price_per_week": Column(_number(0, 5e4), "GBP a week, 0 to 50,000, or a blank",
                             "weekly_price"),
    "vat_included": Column(_words({said: word == "yes" for said, word in YES.items()}),
                           "yes, no or a blank", "inc_vat"),
    "funded_by": Column(_plain(FUNDS), f"{', '.join(FUNDS)}, or a blank", "funding_source"),
    "replaces": Column(_name, "a reference", "replaces_reference"),
    "children": Column(_number(0, 1e5), COUNT, "number_of_children children_served"),
    "stage_done": Column(_name, "a stage of the pipeline"),
}
SPEND = {
    **NAMES,
    "date": Column(_day, DAY, "payment_date date_paid paid_date transaction_date invoice_date "
                   "date_of_expenditure date_expenditure_incurred"),
    "financial_year": Column(_financial_year, "a financial year: 2021-22", "year"),
    "amount": Column(_money, f"{GBP} (a credit: net it off the payment it corrects)",
                     "net_amount amount_excluding_vat amount_gbp"),
    "reference": Column(_name, "a reference", "transaction_number transaction_reference "
                        "transaction_id invoice_number invoice_reference"),
    "justification": Column(_plain(JUSTIFICATIONS), f"{', '.join(JUSTIFICATIONS)}, or a blank"),
    "placement_years": Column(_number(0, 1e5), COUNT),
}
# A row needs one of each group.
REGISTER_NEEDS = (("reference",), ("title",), ("supplier",), ("category",), ("kind",), ("start",),
                  ("annual_value", "total_value"))
SPEND_NEEDS = (("supplier",), ("category",), ("amount",), ("date", "financial_year"))


def read_register(path, owners=None):
    """Read and check a contract register -> Listing.

    Columns of rows: those of REGISTER without total_value: texts ("" not stated), dates (a date or
    None), annual_value GBP a year (a sum over the term: by the years of the term, at least one),
    extension_months (0 not stated), places, price_per_week GBP a place, children (NaN not stated),
    vat_included (True, False, None), stage_done: the last stage of buying it again that is over.
    owners {supplier: ultimate owner}; else the column owner, else the supplier itself.
    """
    said, read, refuse, note, notices = _values(path, REGISTER, REGISTER_NEEDS, ("end",), owners)
    lasts = (read["end"] - read["start"]).dt.days + 1
    yearly = read["total_value"] / (lasts / 365.25).clip(lower=1)
    refuse(read["reference"].duplicated() & (read["reference"] != ""), "reference",
           "each contract once: this one is on an earlier line")
    refuse(lasts < 1, "end", "the start date or later")
    refuse(read["annual_value"].isna() & read["total_value"].notna() & read["end"].isna(), "end",
           "a date: the value is a sum over the term")
    replaces = read["replaces"]
    refuse((replaces != "") & (replaces == read["reference"]), "replaces", "another contract")
    note((replaces != "") & ~replaces.isin(read["reference"]), "replaces",
         "kept: no contract of this reference is in the list")
    read["annual_value"] = read["annual_value"].fillna(yearly.round(2))
    read["extension_months"] = read["extension_months"].fillna(0).astype(int)
    read["vat_included"] = read["vat_included"].astype(object).where(
        read["vat_included"].notna(), None)
    return _listing(path, said, read.drop(columns="total_value"), "annual_value",
                    refuse.found, note.found, notices)


def read_spend(path, owners=None):
    """Read and check a spend list -> Listing.

    Columns of rows: those of SPEND: texts ("" not stated), date (None where the file gives years),
    financial_year (as given, else of the date), amount GBP, placement_years (NaN not stated).
    owners {supplier: ultimate owner}; else the column owner, else the supplier itself.
    """
    said, read, refuse, note, notices = _values(path, SPEND, SPEND_NEEDS, (), owners)
    given, first = read["financial_year"], read["date"].dt.year - (read["date"].dt.month < 4)
    made = [f"{year}-{(year + 1) % 100:02d}" for year in first.fillna(0).astype(int)]
    read["financial_year"] = given.where(given != "", made)
    again = said.drop(columns="line").duplicated()
    refuse(again & (read["reference"] != ""), "reference", "each line once: this one is above")
    alike = int((again & (read["reference"] == "")).sum())
    notices += [f"{alike} rows the same as an earlier one, kept: no reference"] * bool(alike)
    return _listing(path, said, read, "amount", refuse.found, note.found, notices)


def read_contracts(case):
    """{"register": Listing, "spend": Listing} of the files a case names, if any.

    Refuses invented rows in a case that does not say `contracts.synthetic: true`.
    """
    owners = {pair["supplier"]: pair["owner"] for pair in case.value("contracts.owners", [])}
    made = {}
    for part, read in (("register", read_register), ("spend", read_spend)):
        if name := Path(case.value(f"contracts.{part}", "")).parts:
            path = next(path for path in case.files if path.parts[-len(name):] == name)
            made[part] = read(path, owners)
            if made[part].synthetic and not case.value("contracts.synthetic", False):
                raise CaseError(f"contracts.synthetic: found false, and rows of {path.name} that "
                                f"are {SYNTHETIC}; allowed true")
    return made


class _Rows(list):
    """Frames of rows that are refused or noted: called with which, their column and why."""

    def __init__(self, said, headings, word):
        super().__init__()
        self.said, self.headings, self.word = said, headings, word

    def __call__(self, on, column, why):
        if column not in self.headings:  # nothing is said of it
            return
        rows = self.said[on]
        found = rows[self.headings[column]].str.strip().str[:40]
        self.append(pd.DataFrame({"line": rows["line"], "column": column, self.word: why, "found":
                                  HIDDEN if column == "reference" else found}))

    @property
    def found(self):
        frame = pd.concat(self)[["line", "column", "found", self.word]]
        return frame.sort_values("line", kind="stable").reset_index(drop=True)


def _opened(path, columns, groups):
    """The file as said, with plain headings; {column: its heading there}; notices."""
    path, problems, headings = Path(path), Problems(), {}
    said = read_csv(path, problems, encodings=("utf-8-sig", "cp1252"))
    if said is not None:
        plain = ["_".join(re.findall("[a-z0-9]+", name.lower())) for name in said.columns[1:]]
        said.columns = ["line", *("line_there" if name == "line" else name for name in plain)]
        for name in said.columns[said.columns.duplicated()]:
            problems.add(path, 1, f"a column is named twice: {name}")
        headings = {name: found for name, column in columns.items() if (found := next(
            (each for each in (name, *column.aliases.split()) if each in said), None))}
        required = ", ".join(" or ".join(group) for group in groups)
        for group in groups:
            if not headings.keys() & set(group):
                problems.add(path, 1, f"missing column '{' or '.join(group)}'"
                             f"{nearest(group[0], said.columns[1:])}; required {required}")
    problems.stop(path.name)
    unread = [name for name in said.columns[1:] if name not in headings.values()]
    other = [f"{found} as {name}" for name, found in headings.items() if found != name]
    notices = [f"{words}: {', '.join(names)}" for words, names in (
        ("columns left unread", unread), ("headings read", other)) if names]
    if said.attrs.get("encoding") == "cp1252":
        notices.append("read as Windows text (cp1252): it is not UTF-8")
    if not said.attrs["whole"]:
        notices.append("the last line has no end: is the file whole?")
    return said, headings, notices


def _values(path, columns, needs, also, owners):
    """The file as said, each column read, what refuses and what notes rows, and notices."""
    said, headings, notices = _opened(path, columns, (*needs, *((name,) for name in also)))
    refuse, note = _Rows(said, headings, "allowed"), _Rows(said, headings, "said")
    read, blank = pd.DataFrame(index=said.index), {}
    for name, (reader, allowed, _) in columns.items():
        given = name in headings
        text = said[headings[name]] if given else pd.Series(dtype=object)
        none = text.str.strip() == ""
        read[name] = reader(text.mask(none)).reindex(said.index)
        blank[name] = none.reindex(said.index, fill_value=True)
        if given:
            wrong = read[name].isna() & ~none
            refuse(wrong | (read[name] < 0) if reader is _money else wrong, name, allowed)
        if reader in (_name, _financial_year) or name in ("kind", "funded_by", "justification"):
            read[name] = read[name].astype(object).fillna("")
        if given and reader is _name:
            note(read[name].str.fullmatch(FORMULA), name, "kept as text: it begins as a formula")
    for group in needs:
        none = pd.concat([blank[name] for name in group], axis=1).all(axis=1)
        have = next(name for name in group if name in headings)
        refuse(none, have, columns[have].allowed)
    return said, read, refuse, note, notices + _owned(read, owners)


def _owned(read, owners):
    """Name the ultimate owner of each supplier, and spell each name one way; notices."""
    told = {" ".join(name.split()).casefold(): owner for name, owner in (owners or {}).items()}
    own = read["owner"].mask(read["owner"] == "", read["supplier"])
    read["owner"] = [told.get(name.casefold(), one)
                     for name, one in zip(read["supplier"], own, strict=True)]
    both = pd.concat([read["supplier"], read["owner"]], ignore_index=True)
    one = both.groupby(both.str.casefold(), sort=False).transform("first")
    for name, part in (("supplier", one[: len(read)]), ("owner", one[len(read) :])):
        read[name] = pd.Series(part.to_numpy(object), read.index, object)
    changed = both[both != one].unique()
    return [f"{len(changed)} names spelt as they first are: {', '.join(changed[:5])}"
            ] if len(changed) else []


def _listing(path, said, read, money, unusable, noted, notices):
    good = ~said["line"].isin(unusable["line"])
    if good.sum() * 2 < max(len(said), 1):
        counts = unusable["column"].value_counts().to_dict()
        raise ValueError(f"{Path(path).name}: found {len(said)} rows, {good.sum()} that can be "
                         f"used; allowed half or more: problems by column {counts}; are two "
                         "columns swapped?")
    parts = {"read": good | True, "used": good, "unusable": ~good}
    totals = pd.DataFrame({name: {"rows": int(on.sum()), "gbp": round(read.loc[on, money].sum(), 2)}
                           for name, on in parts.items()}).T
    for name in read.select_dtypes("datetime"):
        read[name] = [None if day is pd.NaT else day.date() for day in read[name]]
    rows = read[good].reset_index(drop=True)
    return Listing(rows, unusable, noted[noted["line"].isin(said.loc[good, "line"])].reset_index(
        drop=True), totals, notices)
