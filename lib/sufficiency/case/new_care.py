"""New cases of children in care: a case file and counts made from a folder of SSDA903 returns."""

import hashlib
from datetime import date
from pathlib import Path

from sufficiency.case import new
from sufficiency.case.files import CaseError, find_root, read
from sufficiency.case.returns.ssda903 import read_ssda903

NOTEBOOK = "07_care_placements"
# A year's return is complete by the end of June.
KNOWN, MONTH_END = 6, 30


def new_care_case(name, folder, root=None, force=False, council=""):
    """Write params/councils/<name>.yaml from SSDA903 files -> (path, notices), once it has loaded.

    Beside it <name>.care.csv, the counts, and <name>.quality.csv, what became of the files' rows;
    both may tell of single children and are for the council alone. council: its name in print.
    Refuses a name in use (unless force) or unfit for a file, and what `read_ssda903` refuses;
    nothing is half-written.
    """
    root = find_root(root)
    target = new.case_path(name, root, force)
    care = read(root / "params" / "national.yaml", root).data["care"]
    try:
        found = read_ssda903(folder, care["categories"], care["otherwise"])
    except ValueError as error:
        raise CaseError(str(error)) from None
    files, tree = described(name, found, Path(folder).name, council=council)
    table = found.quality
    whole, lost = table[table["reason"] == ""], table[table["reason"] != ""]
    notices = [f"{whole['rows'].sum()} rows read: {whole['used'].sum()} used, "
               f"{whole['not used'].sum()} not used", *found.notices,
               *(f"not used: {row['file']}: {row['not used']} rows: {row['reason']}: lines "
                 f"{row['lines']}" for row in lost.to_dict("records"))]
    return target, notices + new.write_case(target, files, tree, root)


def described(name, found, folder, synthetic=False, council=""):
    """What a care case of counts found holds: ({file: text}, tree of the case file)."""
    counts = found.counts.to_csv(index=False, lineterminator="\n")
    files = {f"{name}.care.csv": counts,
             f"{name}.quality.csv": found.quality.to_csv(index=False, lineterminator="\n")}
    first, last = found.years[0], found.years[-1]
    what = "invented returns" if synthetic else "returns"
    source = f"SSDA903 {what} of the years to 31 March {first} to {last}, folder {folder}"
    council = council or name
    tree = {
        "title": f"{council}: how many children will be in care, and what it will cost",
        "council": {"name": council, "short": council},
        "as_at": date(last, KNOWN, MONTH_END),
        "annex": {"notebooks": [NOTEBOOK]},
        "care": {"returns": {
            "counts": f"{name}.care.csv", "sha256": hashlib.sha256(counts.encode()).hexdigest(),
            "quality_table": f"{name}.quality.csv", "first": first, "last": last,
            "known": f"{last}-{KNOWN:02d}",
            "origin": {"quality": "illustrative" if synthetic else "council", "source": source},
            **({"synthetic": True} if synthetic else {})}}}
    return files, tree
