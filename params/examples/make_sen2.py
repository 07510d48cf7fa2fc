"""Invented SEN2 returns with known rates: `python params/examples/make_sen2.py FOLDER`.

A folder of three Januaries' returns (versions 1.1, 1.2 and 1.3), or one return that keeps its
history, with establishments.csv, population.csv and costs.csv beside them. Every child is invented:
names, numbers and postcodes say so. Each year from January to January a child's plan ceases with
the chance LEAVE, one that goes on moves with the chance MOVE, and JOIN plans a year are new.
"""

import csv
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np

SEED, FIRST, LAST = 2025, 2022, 2025
VERSIONS = {2023: "1.1", 2024: "1.2", 2025: "1.3"}
EDGES = (5, 11, 16, 19)  # phases by age at 31 August before the first January
# Ages, a chance for each phase, where to; the last age always ceases.
AGES = {"mainstream": (4, 18), "state_special": (4, 18), "independent_special": (5, 18),
        "further_education": (15, 24), "elsewhere": (5, 24)}
LEAVE = {"mainstream": (0.02, 0.04, 0.07, 0.30, 0), "state_special": (0.01, 0.02, 0.03, 0.15, 0),
         "independent_special": (0, 0.02, 0.05, 0.20, 0),
         "further_education": (0, 0, 0.10, 0.25, 0.40), "elsewhere": (0, 0.08, 0.12, 0.30, 0.50)}
MOVE = {"mainstream": ("state_special", (0.03, 0.05, 0.04, 0, 0)),
        "state_special": ("independent_special", (0, 0.02, 0.03, 0.01, 0)),
        "independent_special": ("state_special", (0, 0.03, 0.02, 0, 0)),
        "further_education": ("elsewhere", (0, 0, 0.05, 0.08, 0.06)),
        "elsewhere": ("mainstream", (0, 0.10, 0.05, 0, 0))}
JOIN = {"mainstream": 180, "state_special": 60, "independent_special": 24,
        "further_education": 30, "elsewhere": 12}
JOIN_AGES = {"mainstream": (4, 12), "state_special": (4, 10), "independent_special": (8, 14),
             "further_education": (16, 18), "elsewhere": (9, 15)}
# urn, ukprn and type of an establishment; `elsewhere` has a code in its place
SCHOOLS = {"mainstream": (900001, 90000001, "Community school"),
           "state_special": (900002, 90000002, "Academy special converter"),
           "independent_special": (900003, 90000003, "Other independent special school"),
           "further_education": ("", 90000004, "Further education")}
COSTS = {"mainstream": 9000, "state_special": 26000, "independent_special": 61000}
COLUMNS = {
    "sen2": "collection year referencedate lea softwarecode release serialno datetime dmo dco dsco",
    "person": "surname forename personbirthdate sex ethnicity postcode upn uniquelearnernumber "
              "upnunknown",
    "requests": "receiveddate requestsource rya requestoutcomedate requestoutcome "
                "requestmediation requesttribunal exported",
    "assessment": "assessmentoutcome assessmentoutcomedate assessmentmediation "
                  "assessmenttribunal othermediation othertribunal week20",
    "namedplan": "startdate planres planwbp pb oa dp ceasedate ceasereason",
    "plandetail": "urn ukprn sensetting sensettingother placementrank senunitindicator "
                  "resourcedprovisionindicator",
    "activeplans": "transferla reviewmeeting reviewoutcome reviewdraft phasetransferduedate "
                   "phasetransferfinaldate lastreview",
    "placementdetail": "urn ukprn sensetting sensettingother placementrank entrydate leavingdate "
                       "senunitindicator resourcedprovisionindicator res wbp",
    "senneed": "sentype sentyperank"}
PARENTS = {"person": "sen2", "requests": "person", "assessment": "requests",
           "namedplan": "assessment", "plandetail": "namedplan", "activeplans": "requests",
           "placementdetail": "activeplans", "senneed": "activeplans"}


def census(year):
    """The third Thursday of a January."""
    first = date(year, 1, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 14)


def phase(age):
    """Which of the rates of a setting an age has."""
    return sum(age >= edge for edge in EDGES)


def simulate(seed=SEED, children=60):
    """Children from January FIRST to LAST: born, received, start, cease, reason, places.

    children: with a plan at FIRST in each setting and age; places [(setting, from)].
    """
    luck, made = np.random.default_rng(seed), []

    def between(year):
        start = census(year) + timedelta(days=1)
        return start + timedelta(days=int(luck.integers((census(year + 1) - start).days)))

    def child(setting, year, age, start):
        born = date(year - 1 - age, 8, 31) - timedelta(days=int(luck.integers(365)))
        waited = int(luck.choice([130, 190]))
        made.append({"born": born, "received": start - timedelta(days=waited), "start": start,
                     "cease": None, "reason": "", "places": [(setting, start)]})

    for setting, (low, high) in AGES.items():
        for age in range(low, high + 1):
            for _ in range(children):
                child(setting, FIRST, age, date(FIRST - 1, 3, 1))
    for year in range(FIRST, LAST):
        for one in [one for one in made if one["cease"] is None]:
            _year(one, year, between(year), luck)
        for setting, mean in JOIN.items():
            low, high = JOIN_AGES[setting]
            for _ in range(luck.poisson(mean)):
                child(setting, year + 1, int(luck.integers(low, high + 1)), between(year))
    return made


def _year(one, year, day, luck):
    """What one January to the next does to a child."""
    setting, age = one["places"][-1][0], year - 1 - one["born"].year - (one["born"].month > 8)
    to, move = MOVE[setting]
    if age >= AGES[setting][1] or luck.random() < LEAVE[setting][phase(age)]:
        one["cease"], one["reason"] = day, str(luck.choice([2, 5, 6]))
    elif luck.random() < move[phase(age)] and age < AGES[to][1]:
        one["places"].append((to, day))


def write(folder, seed=SEED, children=60, history=False, beside=True):
    """Write the returns of three Januaries, a folder each, or with history only the last."""
    made = simulate(seed, children)
    for year in VERSIONS if not history else [LAST]:
        place = Path(folder) if history else Path(folder) / str(year)
        write_return(place, year, made, census(FIRST if history else year - 1))
    if beside:
        _beside(Path(folder))


def write_return(folder, year, made, since, version=""):
    """One January's nine modules: plans on its census day, and those ceased since a day."""
    day, version = census(year), version or VERSIONS[year]
    rows = {module: [] for module in COLUMNS}
    _add(rows, "sen2", None, collection="SEN2", year=year, referencedate=day, lea="999",
         softwarecode="SYNTHETIC", release="invented", serialno=1)
    for number, one in enumerate(made, 1):
        if one["start"] <= day and (one["cease"] is None or one["cease"] > since):
            _child(rows, number, one, day)
    folder.mkdir(parents=True, exist_ok=True)
    for module, found in rows.items():
        path = folder / f"Blade-Export_28-02-{year}_{module}.csv"
        with open(path, "w", encoding="utf-8", newline="") as file:
            heads = _heads(module, version)
            writer = csv.DictWriter(file, heads, restval="", extrasaction="ignore")
            writer.writerow({head: head for head in heads})
            for row in found:
                both = row | {"gendercurrent": row.get("sex", "")}
                writer.writerow({name: _said(value, version) for name, value in both.items()})


def _heads(module, version):
    heads = [f"{module}tableid", "NativeId", "sourceid"]
    heads += [f"{PARENTS[module]}tableid"] if module in PARENTS else []
    said = COLUMNS[module].split()
    if version < "1.2":
        said = ["gendercurrent" if name == "sex" else name for name in said]
        said = [name for name in said if name not in ("res", "wbp")]
        said += ["res", "wbp"] if module == "activeplans" else []
    if version < "1.3":
        said = [name for name in said if name != "requestsource"]
    return heads + said


def _said(value, version):
    if not isinstance(value, date):
        return value
    return value.strftime("%d/%m/%Y" if version >= "1.3" else "%Y-%b-%d 00:00:00")


def _add(rows, module, above, **said):
    number = len(rows[module]) + 1
    parent = {f"{PARENTS[module]}tableid": above} if module in PARENTS else {}
    rows[module].append({f"{module}tableid": number, **parent, **said})
    return number


def _child(rows, number, one, day):
    """A child's rows in a return, as they stood on its census day."""
    gone = one["cease"] is not None and one["cease"] <= day
    places = [place for place in one["places"] if place[1] <= day]
    person = _add(rows, "person", 1, surname="Synthetic", forename=f"Child{number}",
                  personbirthdate=one["born"], sex="U", ethnicity="NOBT", postcode="ZZ99 9ZZ",
                  upn=f"SYN{number:010d}")
    asked = _add(rows, "requests", person, receiveddate=one["received"], requestsource=8,
                 requestoutcomedate=one["received"] + timedelta(days=40), requestoutcome="Y")
    step = _add(rows, "assessment", asked, assessmentoutcome="Y",
                assessmentoutcomedate=one["received"] + timedelta(days=100), week20=0)
    plan = _add(rows, "namedplan", step, startdate=one["start"],
                ceasedate=one["cease"] if gone else "", ceasereason=one["reason"] if gone else "")
    _add(rows, "plandetail", plan, placementrank=1, **_school(one["places"][0][0]))
    active = _add(rows, "activeplans", asked, lastreview=one["start"]) if not gone else None
    ends = [*(start for _, start in places[1:]), ""]
    # what a child attended is listed under a plan that is active, so not of those that ceased
    for (setting, start), end in zip(places, ends, strict=True) if active else ():
        _add(rows, "placementdetail", active, placementrank=1, entrydate=start, leavingdate=end,
             **_school(setting))
    if active:
        _add(rows, "senneed", active, sentype="ASD", sentyperank=1)


def _school(setting):
    if setting not in SCHOOLS:
        return {"sensetting": "NEET"}
    urn, ukprn, _ = SCHOOLS[setting]
    return {"urn": urn, "ukprn": ukprn}


def _beside(folder):
    """Establishments, a level population and some unit costs, all invented."""
    def save(name, *lines):
        text = "\n".join(",".join(map(str, line)) for line in lines) + "\n"
        (folder / f"{name}.csv").write_text(text, encoding="utf-8", newline="\n")

    save("establishments", ("urn", "ukprn", "type"), *SCHOOLS.values())
    save("population", ("calendar-year", "academic-year", "population"),
         *((year, age - 4, 5000) for year in range(FIRST, LAST + 9) for age in range(26)))
    save("costs", ("setting", "cost"), *COSTS.items())


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else "sen2")
