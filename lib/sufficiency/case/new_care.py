"""New cases of children in care: a case file and counts made from a folder of SSDA903 returns."""

import hashlib
from datetime import date

from sufficiency.case import new
from sufficiency.case.beliefs import load_case
from sufficiency.case.care import needed
from sufficiency.case.files import CaseError, find_case, find_root, read
from sufficiency.case.new_parts import kept_quality, read_of
from sufficiency.case.returns.ssda903 import read_ssda903

NOTEBOOK = "07_care_placements"
# A year's return is complete by the end of June.
KNOWN, MONTH_END = 6, 30
INVENTED = "synthetic example"


def new_care_case(name, folder, root=None, force=False, council="", extends=""):
    """Write params/councils/<name>.yaml from SSDA903 files -> (path, notices), once it has loaded.

    Beside it <name>.care.csv, the counts, and <name>.quality.csv, what became of the files' rows;
    both may tell of single children and are for the council alone. council: its name in print.
    extends: a case that the new one is with its children in care, and is left as it was; of one
    that tells what was known before the returns the new case takes the council and its care alone.
    What the case's own file says of care is kept when it is made again. Refuses a name in use
    (unless force) or unfit for a file, what `read_ssda903` refuses, and a date by which a price or
    rise is not known; nothing is half-written.
    """
    root = find_root(root)
    target = new.case_path(name, root, force)
    base = load_case(extends, root=root) if extends else None
    national = root / "params" / "national.yaml"
    path = find_case(extends, root) if extends else national
    own, lent = (read(one, root).data["care"]
                 for one in (target if target.exists() else path, path))
    try:
        found = read_ssda903(folder, own["categories"], own["otherwise"])
    except ValueError as error:
        raise CaseError(str(error)) from None
    notices, known = [], f"{found.years[-1]}-{KNOWN:02d}"
    if base and base.known_by and base.known_by < known:
        notices = [f"{extends} tells what was known by {base.known_by}, before these returns: this "
                   "case is of its children in care alone"]
        council, base = council or base.value("council.name"), None
        lent = read(national, root).data["care"]
    files, tree = described(name, found, council, base)
    kept = {key: said for key, said in own.items() if said != lent.get(key) and key != "returns"}
    tree["care"] |= kept
    table = found.quality
    notices = [read_of(table, name), *notices, *found.notices,
               *(f"not used: {row['file']}: {row['not used']} rows: {row['reason']}: lines "
                 f"{row['lines']}" for row in table[table["reason"] != ""].to_dict("records")),
               *["the returns say that they are synthetic, and so does the case"] * found.synthetic]
    return target, notices + new.write_case(target, files, tree, root, _priced)


def described(name, found, council="", base=None):
    """What a care case of counts found holds: ({file: text}, tree of the case file).

    base: the Case it extends; without one it is of children in care alone.
    """
    counts = found.counts.to_csv(index=False, lineterminator="\n")
    files = {f"{name}.care.csv": counts, f"{name}.quality.csv": kept_quality(found.quality)}
    first, last = found.years[0], found.years[-1]
    known, what = f"{last}-{KNOWN:02d}", "invented returns" if found.synthetic else "returns"
    council = (council or name) + f" ({INVENTED})" * found.synthetic
    tree = {
        "title": f"{council}: how many children will be in care, and what it will cost",
        "council": {"name": council, "short": council},
        "as_at": date(last, KNOWN, MONTH_END),
        "annex": {"notebooks": [NOTEBOOK]}} if base is None else _over(base, known)
    tree["care"] = {"returns": {
        "counts": f"{name}.care.csv", "sha256": hashlib.sha256(counts.encode()).hexdigest(),
        "quality_table": f"{name}.quality.csv", "first": first, "last": last, "known": known,
        "origin": {"quality": "illustrative" if found.synthetic else "council",
                   "source": f"SSDA903 {what} of the years to 31 March {first} to {last}"},
        **({"synthetic": True} if found.synthetic else {})}}
    return files, tree


def _over(base, known):
    """A case that another one is with children in care: its notebook, and a date that knows them.
    """
    notebooks = base.value("annex.notebooks", [])
    day = date(int(known[:4]), int(known[5:]), MONTH_END)
    return {"extends": base.name, **({"as_at": day} if day > base.as_at else {}),
            "annex": {"notebooks": [*notebooks, *[NOTEBOOK] * (NOTEBOOK not in notebooks)]}}


def _priced(case):
    """Refuse a case whose prices, spreads and rises are not all known by its date -> {}."""
    uplifts = {name: one["uplift"] for name, one in case.value("care.categories").items()}
    missing = [key for key in map(".".join, needed(uplifts)) if key not in case]
    if missing:
        raise CaseError(f"care: found nothing known by {case.known_by} of {', '.join(missing)}; "
                        "allowed the council's own of the day, in the case's file before it is "
                        "made again with force, or a case without as_known")
    return {}
