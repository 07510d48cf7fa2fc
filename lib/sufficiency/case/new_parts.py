"""Parts that every case made by new-case has: its title, tables, unit costs, rates held as counted.
"""

import calendar
import hashlib
from datetime import date

import numpy as np
import yaml

from sufficiency.case.files import Loader

PRIOR = 5  # children
AHEAD = 6  # Januaries forecast
BASE, FUND = "2021-22", "dsg_high_needs"
FLAT = {"growth.trend": 0, "joiners.level": 1, "ceasing.scale": 1, "unreconciled.flow": 0,
        "unreconciled.spread": 0, "backlog.plans": 0}


class Dumper(yaml.SafeDumper):
    """YAML that `files.read` reads back as it was; nothing written once and referred to."""

    yaml_implicit_resolvers = Loader.yaml_implicit_resolvers

    def ignore_aliases(self, data):
        return True


def as_yaml(tree):
    """A case file that extends the national one, as text."""
    return yaml.dump({"extends": "national", **tree}, Dumper=Dumper, sort_keys=False, width=96,
                     allow_unicode=True, default_flow_style=None)


def table(frame, known, unit, source, quality):
    """A published table of a case file; `known`: the month of release of each period."""
    def figure(x):
        return None if np.isnan(x) else int(x) if x == int(x) else float(x)
    rows = {period: {"known": known[period]} | {name: figure(x) for name, x in row.items()}
            for period, row in frame.iterrows()}
    return {"unit": unit, "source": source, "quality": quality, "rows": rows}


def about(name, last, known, code=""):
    """Title, council, date and horizon: as at the end of the month its latest row was known."""
    year, month, horizon = int(known[:4]), int(known[5:]), last + AHEAD
    to = f"{horizon - 1}-{horizon % 100:02d}"
    return {"title": f"What {name}'s high needs placements will cost to {to}",
            "council": {"name": name, "short": name, "la_code": code},
            "as_at": date(year, month, calendar.monthrange(year, month)[1]),
            "horizon": {"last_january": horizon}}


def kept_quality(quality):
    """A data-quality table as it is kept: files of a return by what they are, not by their names.

    quality: of `Quality.table`; attrs["kept"] {file: what it is called}, for those that may tell
    of a child.
    """
    file = quality["file"].replace(quality.attrs.get("kept", {}))
    return quality.assign(file=file).to_csv(index=False, lineterminator="\n")


def read_of(quality, name):
    """What became of all rows read, as a notice."""
    rows = quality[quality["reason"] == ""]
    return (f"{rows['rows'].sum():,} rows read in {len(rows)} files: {rows['used'].sum():,} used, "
            f"{rows['not used'].sum():,} not, by reason in {name}.quality.csv")


def unit_cost(gbp, year, known, quality, source):
    """A unit cost, GBP a placement-year, as an assumption of the high needs block."""
    return {"central": round(float(gbp), 2), "unit": "GBP/place/year", "as_of": year,
            "known": known, "quality": quality, "funded_by": FUND, "source": source}


def held_flat(known, national, backlog=None):
    """The section placements of a case whose rates are held as counted.

    backlog: what replaces the assumption of no plans waiting.
    """
    said = {"known": known, "quality": "judgement",
            "note": "Rates held as counted, until somebody says otherwise"}
    prior = {"note": "Weight of the rate of a setting's group beside the children counted in one "
             "state", "central": PRIOR, "unit": "children"}
    placements = {"counted": {"prior_size": said | prior}}
    for key, central in FLAT.items():
        group, leaf = key.split(".")
        old = national["placements"][group][leaf]
        flat = {"label": old["label"], "unit": old["unit"], "central": central}
        flat |= (backlog or {}) if key == "backlog.plans" else {}
        placements.setdefault(group, {})[leaf] = dict.fromkeys(old) | said | flat
    return placements


def short(population, tree):
    """Carry the last year of a population that stops before the horizon needs it to: notices."""
    end, last = int(population.index.max()), tree["horizon"]["last_january"]
    if end > last:
        return []
    tree["placements"]["population"] = {"carry": "last"}
    return [f"population.csv ends in {end}: the case carries that year on to {last + 1} "
            "(placements.population.carry)"]


def counts_of(name, text, moves, **more):
    """The section transitions: the file of counts beside the case, which moves it allows."""
    return {"counts": f"{name}.counts.csv", "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "moves": moves, **more}
