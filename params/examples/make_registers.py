"""Invented contract registers and spend lists: `python params/examples/make_registers.py [folder]`.

Every supplier, price and date is invented, and each reference says SYNTHETIC. What two councils
printed is met: Nottinghamshire's committee report of 25 April 2022 (6-9: over £153m, up almost 25%;
ten largest suppliers 15%, up 1%, nine on a framework or block; a block of about 30 places since
2015; over 100 spot contracts, rising; approved list to August 2023) and Rutland's of 16 December
2021 (4-6, 8.3: kinds of contract; 275 plans; guaranteed cases with extras by the case).
"""

import csv
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtri
from sufficiency.model.streams import named_uniform

SEED = 2022
REGISTER = ["reference", "title", "supplier", "owner", "category", "kind", "start", "end",
            "extension_months", "annual_value", "places", "price_per_week", "vat_included",
            "funded_by", "replaces", "children", "stage_done"]
SPEND = ["date", "supplier", "owner", "category", "kind", "justification", "amount",
         "placement_years", "reference"]


def table(text):
    """Rows of a text with | between its columns; whole numbers as numbers."""
    rows = csv.DictReader(text.strip().splitlines(), delimiter="|")
    return [{name: int(cell) if cell.isdigit() else cell for name, cell in row.items()}
            for row in rows]


# Lists of providers: GBP a placement a year, how many in 100 suppliers, and the terms.
LISTS = {row["category"]: row for row in table("""
category|price|of_100|kind|start|end|extension_months|funded_by|stage_done|title
Residential care|215000|25|framework|2019-04-01|2024-03-31|24|social_care||Children in care
Foster care|44000|17|framework|2019-04-01|2024-03-31|24|social_care||Children in care
Independent special schools|58000|22|framework|2017-09-01|2023-08-31||dsg_high_needs||Approved list
Specialist colleges|47000|8|framework|2017-09-01|2023-08-31||dsg_high_needs||Approved list
Supported accommodation|52000|14|framework|2019-04-01|2023-03-31||social_care|1|16 and over
Alternative provision|34000|9|dynamic_market|2019-09-01|2022-08-31||dsg_high_needs|4|Education
Short breaks|45000|5|framework|2018-10-01|2022-09-30||social_care|2|Disabled children
""")}
# Services; `again` is the day that what replaces one starts, if that is arranged.
SERVICES = table("""
title|kind|annual_value|start|end|places|children|funded_by|stage_done|again
Short stay beds|block|980000|2019-10-01|2022-09-30|12|9|social_care|4|2022-12-01
Fostering and mediation|block|610000|2019-08-01|2022-07-31|||social_care|2|2022-11-01
Community learning|grant|450000|2019-08-01|2022-07-31|||grant|5|2022-08-01
Therapeutic support for adoption|framework|720000|2018-04-01|2022-09-30||140|grant|5|2022-10-01
Education advisers|framework|380000|2019-04-01|2022-08-31|||schools|5|2022-09-01
High needs accommodation|block|860000|2020-04-01|2023-03-31|10|9|social_care||
Young families|block|540000|2018-04-01|2022-12-31|14|11|social_care|1|
Advocacy and visitors|block|290000|2020-04-01|2024-03-31||210|general_fund||
Emotional health in care|grant|410000|2020-04-01|2023-03-31||330|health||
The council's own homes|in_house|1050000|2016-04-01||20|18|general_fund||
""")
STAGES = ["", "Review performance, need and demand", "Appraise the options",
          "Find providers and test the market", "Write the specification and choose the route",
          "Invite and judge tenders"]
TOTALS = {"2020-21": 122_890_000.0, "2021-22": 153_240_000.0}
PRICES_BEFORE = 0.96  # of those a year later
CARE, FOSTER, SCHOOL, COLLEGE = list(LISTS)[:4]
# The ten largest: category, kind, GBP in 2021-22; together 1% less the year before.
LARGEST = [(CARE, "block", 5_350_000), (CARE, "framework", 3_050_000),
           (FOSTER, "framework", 2_550_000), (SCHOOL, "framework", 2_250_000),
           (CARE, "framework", 2_050_000), (FOSTER, "framework", 1_850_000),
           (SCHOOL, "framework", 1_650_000), (CARE, "spot", 1_500_000),
           (COLLEGE, "framework", 1_400_000), (CARE, "framework", 1_340_000)]
ON_SPOT, ITS_CHILDREN = 8, 7
OTHERS, GONE, SPOT, SPOT_SUPPLIERS, PLACES, IN_PLACE = 235, 12, 150, 70, 30, 27
FIRST_SPOT = 11 + OTHERS + GONE

SMALL = table("""
title|supplier|kind|annual_value|start|end|places|children|funded_by
Adoption|Neighbouring council A|block|182000|2018-04-01|2023-03-31|||general_fund
Legal services|Neighbouring council B|block|149000|2019-04-01|2022-03-31|||general_fund
Out of hours social care|Neighbouring council C|block|46000|2017-04-01|2023-03-31|||general_fund
Youth justice|Neighbouring council C|block|88000|2020-04-01|2023-03-31|20|14|general_fund
Advice for families (SENDIASS)|1|block|39000|2020-09-01|2023-08-31||275|general_fund
Educational psychology: guaranteed cases|2|block|126000|2019-09-01|2022-08-31|60|60|general_fund
Educational psychology: extra cases|2|spot|31000|2019-09-01|2022-08-31||17|general_fund
Public health nursing, 0 to 19|Neighbouring council C|block|421000|2017-09-01|2022-08-31|||grant
Virtual school: tuition|3|grant|24000|2020-09-01|2022-08-31||31|grant
Virtual school: mentoring|4|grant|17500|2021-09-01|2022-08-31||12|grant
Family group conferences|5|spot|9800|2018-04-01|||7|general_fund
School inclusion|6|block|58000|2020-01-01|2022-12-31|||dsg_high_needs
""")
# One child each: typical GBP a year, spread in 100ths, how many.
PACKAGES = table("""
category|typical|spread|count|kind|funded_by
Independent special school place|52000|35|22|framework|dsg_high_needs
Education otherwise than at school|14000|60|19|spot|dsg_high_needs
Therapy in a plan|3600|50|21|spot|dsg_high_needs
Residential placement|205000|45|5|spot|social_care
Agency foster placement|43000|20|9|framework|social_care
""")


def luck(name, count):
    """Uniforms of a name, the same whatever else is made."""
    return named_uniform(SEED, name, count)


def split(total, weights):
    """A sum shared by weights, exact to the penny (largest remainder)."""
    pence = round(total * 100)
    exact = np.asarray(weights) / np.sum(weights) * pence
    whole = np.floor(exact).astype(int)
    whole[np.argsort(whole - exact, kind="stable")[: pence - whole.sum()]] += 1
    return whole / 100


def named(number):
    """Supplier and owner of a number; a few providers, large and small, have one owner."""
    owners = [f"Example Holdings {name} plc" for name, few, each, rest in
              (("A", (2, 5), 29, 7), ("B", (3,), 31, 9), ("C", (), 23, 11))
              if number in few or number % each == rest]
    return {"supplier": f"Example Provider {number:03d} Ltd", "owner": owners[0] if owners else ""}


def weekly(a_year, places):
    """GBP a place a week."""
    return round(a_year / places / 365 * 7, 2) if places else ""


def paid(year, total, count, about, spread=0.3):
    """Rows of a year's spend with one supplier: one a placement, each at its own price."""
    weights = np.exp(spread * ndtri(luck(f"{about['reference']} prices", count)))
    return [{"justification": "in_contract", **about, "date": f"20{year[-2:]}-03-31",
             "amount": amount, "placement_years": 1,
             "reference": f"{about['reference']}-{n:02d}-{year[2:4]}{year[-2:]}"}
            for n, amount in enumerate(split(total, weights), 1)]


def part_year(year, row):
    """The row of a year's spend on one child's contract, if it ran in that year."""
    opens, shuts = date(int(year[:4]), 4, 1), date(int(year[:4]) + 1, 3, 31)
    days = (min(row["end"], shuts) - max(row["start"], opens)).days + 1
    return [{**row, "date": shuts, "amount": round(row["annual_value"] * days / 365, 2),
             "placement_years": round(days / 365, 3),
             "reference": f"{row['reference']}-{year[2:4]}{year[-2:]}"}] if days > 0 else []


def one_child(reference, number, category, start, days, a_year, about):
    """A contract for one child, with all that its spend needs to know."""
    return {**named(number), "reference": reference, "category": category, "start": start,
            "title": f"{category}, one child", "end": start + timedelta(int(days)), "places": 1,
            "children": 1, "annual_value": a_year, "price_per_week": weekly(a_year, 1), **about}


def spot_contracts():
    """Contracts of one child each, more of them every year; the last are one large supplier's."""
    u = {name: luck(f"spot {name}", SPOT)
         for name in ("start", "stay", "care", "price", "why", "who")}
    made = []
    for n in range(SPOT):
        category = CARE if u["care"][n] < 0.5 else SCHOOL
        court, choice = (0.2, 0.2) if category == CARE else (0.15, 0.6)
        a_year = LISTS[category]["price"] * 1.15 * np.exp(0.25 * ndtri(u["price"][n]))
        made.append(one_child(
            f"SYNTHETIC-S{n + 1:03d}", FIRST_SPOT + int(u["who"][n] * SPOT_SUPPLIERS), category,
            date(2017, 4, 1) + timedelta(int(u["start"][n] ** 0.55 * 1825)),
            60 - 500 * np.log(u["stay"][n]), round(a_year, 2),
            {"kind": "spot", "funded_by": LISTS[category]["funded_by"],
             "justification": "court_ordered" if u["why"][n] < court else
             "user_choice" if u["why"][n] < choice else "unjustified"}))
    return made + [one_child(
        f"SYNTHETIC-S{SPOT + n:03d}", ON_SPOT, CARE, date(2019, 4, 1), 1400 + n, a_year,
        {"kind": "spot", "funded_by": "social_care", "justification": "unjustified"})
        for n, a_year in enumerate(split(LARGEST[ON_SPOT - 1][2], [1] * ITS_CHILDREN), 1)]


def nottinghamshire():
    """Register and spend of a council that prints Nottinghamshire's totals."""
    spots = spot_contracts()
    register, spend = list(spots), [each for row in spots for year in TOTALS
                                    for each in part_year(year, row)]
    others = OTHERS + GONE
    after = np.array([total for *_, total in LARGEST], float)
    rest = np.arange(len(after)) != ON_SPOT - 1
    before = after * np.where(rest, 0.96 + 0.08 * luck("largest before", len(after)), 1)
    before[rest] *= (after.sum() / 1.01 - after[ON_SPOT - 1]) / before[rest].sum()
    share = 0.15 + 1.85 * luck("size", others) ** 1.5
    earlier = share * (0.6 + 0.5 * luck("size before", others))
    earlier[luck("new", others) < 0.1] = 0
    share[OTHERS:], earlier[OTHERS:] = 0, share[OTHERS:] / 2
    cuts = np.cumsum([row["of_100"] for row in LISTS.values()]) / 100
    lists = [list(LISTS.values())[n] for n in np.searchsorted(cuts, luck("category", others))]
    kinds = [*(pair[:2] for pair in LARGEST), *((row["category"], row["kind"]) for row in lists)]
    for year, large, weights, rise in (("2020-21", before, earlier, PRICES_BEFORE),
                                       ("2021-22", after, share, 1.0)):
        have = sum(row["amount"] for row in spend if f"{row['date']}"[2:4] == year[-2:]
                   and row["supplier"] != named(ON_SPOT)["supplier"])
        have += large.sum() + sum(row["annual_value"] for row in SERVICES) * rise
        sums = [*large, *split(TOTALS[year] - have, weights)]
        for n, ((category, kind), total) in enumerate(zip(kinds, sums, strict=True), 1):
            if kind == "spot" or not total:
                continue
            about = {**named(n), "category": category, "kind": kind,
                     "reference": f"SYNTHETIC-F{n:03d}"}
            count = max(1, round(total / LISTS[category]["price"] / rise))
            block = kind == "block"
            spend += paid(year, total, PLACES if block else count, about, 0 if block else 0.3)
            if year == "2021-22":
                row = LISTS[category]
                row = {**row, "title": f"{row['title']}: {category.lower()}",
                       "stage_done": STAGES[row["stage_done"] or 0]}
                row |= {**about, "annual_value": total} | (homes(total) if block else {})
                register.append(row)
        for n, row in enumerate(SERVICES, 1):
            spend += paid(year, row["annual_value"] * rise, 1, service(n, row))
    for n, row in enumerate(SERVICES, 1):
        made = {**row, **service(n, row), "stage_done": STAGES[row["stage_done"] or 0],
                "price_per_week": weekly(row["annual_value"], row["places"])}
        register.append(made)
        if again := row["again"]:
            end = date(int(again[:4]) + 4, int(again[5:7]), 1) - timedelta(1)
            register.append({**made, "reference": f"SYNTHETIC-W{n:02d}", "start": again,
                             "end": end, "children": "", "stage_done": "",
                             "replaces": made["reference"]})
    return register, spend


def homes(a_year):
    """The terms of the block that is the largest contract."""
    return {"title": "Block of homes across the county", "start": "2015-04-01",
            "end": "2025-03-31", "extension_months": "", "places": PLACES,
            "children": IN_PLACE, "price_per_week": weekly(a_year, PLACES)}


def service(n, row):
    """Who provides a service, and how it is filed."""
    own = {"supplier": "Example County Council", "owner": ""}
    return {**(own if row["kind"] == "in_house" else named(FIRST_SPOT + SPOT_SUPPLIERS + n)),
            "category": "Services", "kind": row["kind"], "reference": f"SYNTHETIC-V{n:02d}"}


def rutland():
    """Register and spend of a small council: shared services, and packages of one child."""
    register, spend, number = [], [], 0
    for n, shared in enumerate(SMALL, 1):
        who = shared["supplier"]
        who = named(who)["supplier"] if isinstance(who, int) else who
        row = {**shared, "supplier": who, "category": shared["title"].split(":")[0],
               "reference": f"SYNTHETIC-R{n:02d}", "justification":
               "unjustified" if shared["kind"] == "spot" else "in_contract"}
        register.append(row)
        for year, rise in (("2019-20", PRICES_BEFORE), ("2020-21", 1.0)):
            if row["start"] < f"20{year[-2:]}-04-01":
                spend += paid(year, row["annual_value"] * rise, 1, row)
    for kind in PACKAGES:
        u = {name: luck(f"{kind['category']} {name}", kind["count"])
             for name in ("price", "who", "start", "stay", "why")}
        for n in range(kind["count"]):
            number += 1
            a_year = kind["typical"] * np.exp(kind["spread"] / 100 * ndtri(u["price"][n]))
            why = "user_choice" if u["why"][n] < 0.5 else "unjustified"
            row = one_child(
                f"SYNTHETIC-C{number:03d}", 7 + int(u["who"][n] * 28), kind["category"],
                date(2016, 9, 1) + timedelta(int(u["start"][n] * 1900)),
                300 - 1100 * np.log(u["stay"][n]), round(a_year, 2),
                {"kind": kind["kind"], "funded_by": kind["funded_by"],
                 "justification": why if kind["kind"] == "spot" else "in_contract"})
            register.append(row)
            spend += part_year("2019-20", row) + part_year("2020-21", row)
    return register, spend


def write(folder):
    """Write the four files."""
    for council in (nottinghamshire, rutland):
        register, spend = council()
        for part, columns, rows in (("register", REGISTER, register), ("spend", SPEND, spend)):
            frame = pd.DataFrame([{"vat_included": "no", **row} for row in rows], columns=columns)
            frame = frame.astype(object).where(frame.notna(), "")
            frame.to_csv(Path(folder) / f"{council.__name__}_{part}.csv", index=False,
                         lineterminator="\n", encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
