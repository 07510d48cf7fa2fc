"""Tables the Department asks for: the Local SEND Reform Plan and the DSG management plan.

The reform plan's rows are as MastodonC/witan.send.lsrp (May 2026), a supplier, reads them; the
management plan's groups of settings as its adroddiad does. Frames of money in GBP, shown in £m.
"""

import pandas as pd

from sufficiency.report import disclosure, positions, tables

YEARS = range(2025, 2030)
AGES = dict(zip(tables.BANDS, ("Under 5", "Age 5 to 10", "Age 11 to 15", "Age 16 to 19",
                               "Age 20 to 25"), strict=True))  # fmt: skip
NOT = "not modelled"
ANY, SCHOOL, SIXTH_FORM = (0, 25), (0, 15), (16, 25)
# Heading, {setting: ages at 31 August that belong here}, what the figure is
PROVISION = (
    ("Early years settings including PVIs", {"early_years": ANY}, "modelled"),
    ("Mainstream schools or academies", {"mainstream": SCHOOL},
     "modelled, with the bases of the next two rows"),
    ("Support bases in mainstream settings", {}, f"{NOT}: inside mainstream"),
    ("Specialist bases in mainstream settings", {}, f"{NOT}: inside mainstream"),
    ("Maintained special schools or special academies", {"state_special": ANY}, "modelled"),
    ("NMSS or independent schools: LA funded placements",
     {"independent_special": ANY, "non_maintained_special": ANY},
     "modelled, with the arrangements of the next row"),
    ("NMSS or independent schools: other suitable arrangements", {},
     f"{NOT}: inside the row above"),
    ("Alternative provision", {"alternative_provision": ANY}, "modelled, with hospital schools"),
    ("Mainstream post-16 provision", {"further_education": ANY, "mainstream": SIXTH_FORM},
     "modelled, with sixth forms and the next row"),
    ("Mainstream post-16 specialist provision", {}, f"{NOT}: inside the row above"),
    ("Specialist post-16 institutions", {"specialist_post16": ANY}, "modelled"),
    ("Elective home education (EHE)", {}, f"{NOT}: in the last row but one"),
    ("Other arrangements by the authority (EOTAS)", {}, f"{NOT}: in the last row but one"),
    ("Other, including hospital schools", {}, f"{NOT}: in the last row but one"),
    ("EHE, EOTAS, other, not in education and not recorded, together", None,
     "modelled; not a row of the Department's"),
)  # fmt: skip
GROUPS = (
    ("Mainstream schools", {"mainstream": ANY}, "modelled, with the next row"),
    ("Resourced provision or SEN units", {}, f"{NOT}: inside mainstream"),
    ("Maintained special schools or special academies", {"state_special": ANY}, "modelled"),
    ("Non-maintained or independent special schools",
     {"independent_special": ANY, "non_maintained_special": ANY}, "modelled"),
    ("Hospital schools or alternative provision", {"alternative_provision": ANY}, "modelled"),
    ("Post-16 and further education", {"further_education": ANY, "specialist_post16": ANY},
     "modelled"),
    ("Other, with early years and elsewhere", None, "modelled"),
)  # fmt: skip
NEEDS = {
    "asd": "Autistic spectrum disorder", "hi": "Hearing impairment",
    "mld": "Moderate learning difficulty", "msi": "Multi-sensory impairment",
    "pd": "Physical disability", "pmld": "Profound and multiple learning difficulty",
    "semh": "Social, emotional and mental health",
    "slcn": "Speech, language and communication needs", "sld": "Severe learning difficulty",
    "spld": "Specific learning difficulty", "vi": "Visual impairment",
    "oth": "Other difficulty or disability",
    "need_unknown": "SEN support but no specialist assessment of type of need",
}  # fmt: skip
# What tables 10, 11 and 12 count, and the column of the published flows that says how many
FLOWS = {"10": ("Requests for an assessment", "requests"), "11": ("Assessments", "assessed"),
         "12": ("Assessments that lead to a plan", "issued")}  # fmt: skip
MEANS = "Means of the worlds without savings, so that rows add up; nearest 10; blank below 8."
CENSUS = "2025 is the census of January 2026."
# Lines of the account in the order of a year-end statement; a line of no account is left out
LINES = {
    "block": "High needs block", "import_export": "Import and export adjustment",
    "transfer": "Transfer from the schools block", "income": "Income",
    "services": "Services not tied to a child", "measure_costs": "Cost to deliver the measures",
    "cash_savings": "Less savings not tied to a setting", "spend": "Spending, lines 1.2.x",
    "place_funding": "Place funding, line 1.0.2", "recouped": "Places funded direct by government",
    "in_year": "In-year position", "contributions": "Council money put in",
    "payments": "Safety Valve payments", "grant": "High Needs Stability Grant",
    "met_centrally": "Met by central government", "charged": "Charged to the general fund",
    "gross": "Deficit, gross", "after_council": "Deficit after council money",
    "after_council_and_dfe": "Deficit after council and DfE money",
    "all_blocks": "Deficit, all blocks (line 1.9.3)",
}  # fmt: skip
TIES = {"income": ("block", "import_export", "transfer"),
        "spend": (*(heading for heading, *_ in GROUPS), "services", "measure_costs",
                  "-cash_savings"),
        "in_year": ("spend", "place_funding", "recouped", "-income")}  # fmt: skip


def reform_plan(plans, joiners, flows=None, needs=None, unreconciled=0.0, keep=()):
    """Tables 5.1, 6, 7, 7.1 to 7.7, 10, 11 and 12 of a Local SEND Reform Plan: -> [Table].

    plans (draw, year, setting, age at 31 August) each January; joiners (draw, year) in the calendar
    year of that January, less unreconciled (children a year, who come with a plan) plans issued;
    flows and needs as the case publishes them (year x requests, assessed, issued; January x need),
    None if it does not. keep: Januaries whose counts are published and pass as they are. What the
    model cannot tell is blank. No table where the run reaches none of the years.
    """
    reached = [year for year in YEARS if year + 1 in set(plans["year"].values.tolist())]
    if not reached:
        return []
    mean = plans.mean("draw").assign_coords(year=plans["year"] - 1).sel(year=reached)
    keep = [str(january - 1) for january in keep]
    total = mean.sum(["setting", "age"]).to_series()
    by_need, basis = _by_need(total, needs)
    issued = joiners.mean("draw").to_series() - unreconciled
    provision = _settings(mean, PROVISION, total)
    whole = provision.assign(Status=provision["Status"].where(
        ~provision["Status"].str.startswith("modelled"), f"total modelled; needs {NOT}"))
    said = {
        "5_1": ("Plans by age group", _by_age(mean, total), ""),
        "6": ("Plans by provision", provision, ""),
        "7": ("Plans by primary need", by_need, basis),
        "7_1_to_7_7": ("Plans by provision: what each of tables 7.1 to 7.7 must come to", whole,
                       "The case has no needs by provision: tables 7.1 to 7.7 are not filled in."),
    } | {number: (heading, *_flow(issued, flows, column))
         for number, (heading, column) in FLOWS.items()}  # fmt: skip
    return [_counts(f"lsrp_{number}", f"{number.replace('_to_', ' to ').replace('_', '.')} {head}",
                    _wide(frame), f"{note} {CENSUS}".strip(), keep)
            for number, (head, frame, note) in said.items()]  # fmt: skip


def cyp_summary(plans, keep=()):
    """The management plan's tables of children and young people: plans by setting and by age.

    plans, keep: as in `reform_plan`, a column a January.
    """
    mean = plans.mean("draw")
    total = mean.sum(["setting", "age"]).to_series()
    said = (("setting", _settings(mean, GROUPS, total)), ("age", _by_age(mean, total)))
    note = "Resourced provision and units are not modelled apart."
    return [_counts(f"dsg_cyp_by_{name}", f"CYP summary: plans by {name} each January", frame,
                    note, [str(january) for january in keep]) for name, frame in said]  # fmt: skip


def cover(facts):
    """The cover and introduction of the management plan; a fact nobody gave stays blank.

    facts {item: value}: those of the case; items only people can fill in are put below them.
    """
    people = ("Director of children's services", "Section 151 officer", "SEND lead",
              "Date of the schools forum", "Date signed off")  # fmt: skip
    rows = {**facts, **{item: "" for item in people if item not in facts}}
    frame = pd.DataFrame({"Item": rows.keys(), "Value": rows.values()})
    return tables.Table("dsg_cover", "Cover and introduction", frame,
                        "A blank is for the council to fill in.")  # fmt: skip


def financial_summary(statements, outturn=None):
    """Year-end positions and the statement behind each: -> [Table], a Table a statement.

    statements {unmitigated: frame, mitigated: frame}, from `positions.statement`: keys of LINES
    and headings of GROUPS x financial year, GBP. outturn: the same of closed years as published,
    blank where it is not. Refuses lines that do not add.
    """
    frames = {name: _statement(name, frame, outturn) for name, frame in statements.items()}
    rows = {"in_year": "In-year position", "after_council_and_dfe": "Deficit at 31 March"}
    ends = pd.DataFrame({f"{said}, {name}": frame.loc[key]
                         for key, said in rows.items() for name, frame in frames.items()
                         if key in frame.index}).T  # fmt: skip
    note = "Deficits and overspends are positive. Deficits at 31 March are after council and " \
        "DfE money. Means of the simulated worlds, prices of the year."  # fmt: skip
    found = [_money("dsg_year_end", "Financial summary: positions at the end of each year", ends,
                    "Position", note)]  # fmt: skip
    for name, frame in frames.items():
        heads = frame.set_axis([LINES.get(key, key) for key in frame.index])
        found.append(_money(f"dsg_{name}", f"Financial summary: high needs, {name}", heads, "Line",
                            f"{note} A blank is not published, or not modelled apart."))
    return found


def mitigations(about, money):
    """The management plan's mitigations, over all years and by year: -> [Table].

    about, money: as in `positions.measures`.
    """
    years = pd.concat(positions.saved(money), names=["Figure"]).swaplevel().rename(columns=str)
    order = pd.MultiIndex.from_product([about.index, positions.saved(money)])
    years = years.reindex(order) / 1e6
    first, last = years.columns[0], years.columns[-1]
    shown = years.rename(index=about["label"], level=0).rename_axis(["Measure", "Figure"])
    note = "Gross is in full and on time; probability-weighted is the mean of the simulated " \
        "worlds. A blank owner is for the council to fill in. Judgement and illustrative " \
        "figures are not the council's own."  # fmt: skip
    whole, shown = positions.measures(about, money), shown.reset_index()
    flag = "illustrative" * bool(about["quality"].eq("illustrative").any())
    return [tables.Table(label, caption, frame, note, positions.units(frame), flag=flag)
            for label, caption, frame in (
                ("dsg_mitigations", f"Mitigations: all savings, {first} to {last}", whole),
                ("dsg_mitigations_by_year", "Mitigations by year", shown))]  # fmt: skip


def by_group(spend):
    """Spend (draw, financial_year, setting) GBP as means by GROUPS x financial year."""
    mean = spend.mean("draw").rename(financial_year="year").expand_dims(age=[0])
    return _settings(mean, GROUPS).drop(columns="Status")


def _settings(mean, rows, total=None):
    """Means (year, setting, age) by the headings of rows: a column a year, and Status.

    What belongs in no row is in the one without settings of its own.
    """
    rest = next(heading for heading, parts, _ in rows if parts is None)
    home = {(name, age): next((heading for heading, parts, _ in rows
                               if name in (parts or {}) and _within(age, parts[name])), rest)
            for name in mean["setting"].values for age in mean["age"].values}
    long = mean.transpose("setting", "age", "year").to_series().unstack("year")
    sums = long.groupby([home[key] for key in long.index]).sum()
    frame = sums.reindex([heading for heading, *_ in rows])
    said = [status if heading in sums.index or status.startswith(NOT)
            else f"{NOT}: the case has no such setting" for heading, _, status in rows]
    return _headed(frame.assign(Status=said), "Provision", total, "All plans")


def _within(age, ends):
    return ends[0] <= age <= ends[1]


def _by_age(mean, total):
    plans = mean.sum("setting").transpose("year", "age")
    bands = tables.band_sums(plans, plans["age"].values)
    frame = pd.DataFrame(bands.T, index=AGES.values(), columns=plans["year"].values)
    return _headed(frame.assign(Status="modelled; single ages are fitted to the bands counted"),
                   "Age at 31 August", total, "All ages")  # fmt: skip


def _by_need(total, needs):
    """Plans by need at the shares last published, which is an assumption: (frame, what it is)."""
    if needs is None:
        frame = pd.DataFrame(index=NEEDS.values(), columns=total.index, dtype=float)
        frame = frame.assign(Status=f"{NOT}: the case has no plans by need")
        note = "Needs are blank: the case has no plans by need."
    else:
        january, shares = needs.index[-1], needs.iloc[-1] / needs.iloc[-1].sum()
        frame = pd.DataFrame({year: shares * plans for year, plans in total.items()})
        frame = frame.reindex(NEEDS).set_axis(NEEDS.values())
        frame = frame.assign(Status=f"modelled by the shares of January {january}")
        note = f"Assumption: the shares of each need in January {january} do not change."
    return _headed(frame, "Primary need", total, "All needs"), note


def _flow(issued, flows, column):
    """A count of the way to a plan, as the last published number of them for a plan issued."""
    frame = pd.DataFrame(index=AGES.values(), columns=issued.index, dtype=float)
    frame = frame.assign(Status=f"{NOT}: new plans are not simulated by age")
    found = None if flows is None else flows[[column, "issued"]].dropna()
    if column == "issued":
        said, ratio = "plans issued, less those who came with one", 1.0
    elif found is None or found.empty:
        frame.loc["All ages"] = [float("nan")] * len(issued) + [f"{NOT}: not published"]
        return _headed(frame, "Age at 31 August"), f"The case has no published {column}."
    else:
        ratio = (found[column] / found["issued"]).iloc[-1]
        said = f"{ratio:.2f} for each plan issued, as published for {found.index[-1]}"
    return _headed(frame, "Age at 31 August", issued * ratio, "All ages"), f"Modelled: {said}."


def _headed(frame, name, total=None, heading=""):
    if total is not None:
        frame = pd.concat([frame, pd.DataFrame({**total, "Status": "modelled"}, index=[heading])])
    return frame.rename(columns=str).rename_axis(name)


def _wide(frame):
    """Every year of the reform plan, blank where the run does not reach."""
    return frame.reindex(columns=[*map(str, YEARS), "Status"])


def _counts(label, caption, frame, note, keep):
    """Counts to the nearest 10, small ones blank; years to keep as they are."""
    counts = frame.drop(columns="Status")
    safe = ((counts / 10).round() * 10).mask(disclosure.small(counts))
    kept = [year for year in keep if year in safe]
    safe[kept] = counts[kept]
    shown = safe.assign(Status=frame["Status"]).reset_index()
    return tables.Table(label, caption, shown, f"{MEANS} {note}")


def _statement(name, frame, outturn):
    """Outturn and forecast side by side in the order of LINES, settings above their services."""
    for total, parts in TIES.items():
        signed = {part.strip("-"): -1 if part[0] == "-" else 1 for part in parts}
        known = [part for part in signed if part in frame.index]
        if total in frame.index and known:
            gap = sum(sign * frame.loc[part].fillna(0) for part, sign in signed.items()
                      if part in known) - frame.loc[total]
            if (gap.abs() > 1).any():
                raise ValueError(f"financial summary, {name}: {total} is not the sum of "
                                 f"{', '.join(known)}: found {gap.abs().max():,.0f} between them; "
                                 "allowed 1 GBP")
    whole = frame.rename(columns=lambda year: f"{year} forecast")
    if outturn is not None:
        closed = outturn.rename(columns=lambda year: f"{year} outturn")
        whole = pd.concat([closed, whole], axis=1)
    settings = [heading for heading, *_ in GROUPS]
    order = list(LINES)
    order[order.index("services"):order.index("services")] = settings
    return whole.loc[[line for line in order if line in whole.index]]


def _money(label, caption, frame, heading, note):
    shown = (frame / 1e6).rename_axis(heading).reset_index()
    return tables.Table(label, caption, shown, note, dict.fromkeys(frame.columns, "£m"))
