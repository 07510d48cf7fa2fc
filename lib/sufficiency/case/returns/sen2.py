"""Person-level SEN2 returns, as COLLECT exports them: read, checked by row and linked.

A folder holds the nine modules of one collection, Blade-Export_<DD-MM-YYYY>_<module>.csv, or
folders that do, one for each year's. sen2.yaml names the columns; others are left unread. Versions
1.1 to 1.3, told by their headings; dates 2022-Sep-28, 28/09/2022 or 2022-09-28. Who a child is
links rows and years in memory; no message, table or file says it.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from sufficiency.case.files import CaseError

from . import Problems, Quality, days, read_csv

FORMS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
MODULES = FORMS["modules"]
SYNTHETIC = "SYNTHETIC"
AFTER = pd.Timedelta(days=366)  # a return says nothing of more than a year after it (judgement)


class Collection(NamedTuple):
    """One January's return: name of its folder, reference date, version, and rows by module.

    modules {name: frame}: `line`, columns of sen2.yaml (dates as dates) and `child`, a number of
    the person that means nothing outside the reading. files {name: file as the quality table has
    it}. synthetic: its software code says that it is invented.
    """

    name: str
    day: pd.Timestamp
    version: str
    modules: dict
    files: dict
    synthetic: bool


def read_collections(folder):
    """Read and check a folder -> (Collections by date, Quality, notices).

    Rows that cannot be used are in the Quality, each with a reason; a row whose parent is not used
    is not used. A missing module or column, a file that is no CSV text, two collections of one
    January, or a module with less than half of its rows of use stops, all files of it named.
    """
    folder, problems, quality, notices = Path(folder), Problems(), Quality(), []
    places = _folders(folder, problems)
    problems.stop(f"SEN2 folder {folder.name}")
    frames = {name: _modules(name, files, problems, quality, notices)
              for name, files in places.items()}
    problems.stop(f"SEN2 folder {folder.name}")
    made = sorted((_collection(name, *found) for name, found in frames.items()),
                  key=lambda one: one.day)
    years = [one.day.year for one in made]
    for one, year in zip(made, years, strict=True):
        if years.count(year) > 1:
            raise CaseError(f"{one.name or folder.name}: found a second collection of January "
                            f"{year}; allowed one for each year")
    _number(made)
    notices += [f"{one.name or folder.name}: SEN2 {one.version} of {one.day.date()}"
                for one in made]
    return made, quality, notices


def _folders(folder, problems):
    """{name of a collection: {module: path}}: of the folder itself, or of those in it."""
    if not folder.is_dir():
        problems.add(folder, 0, "no such folder")
        return {}
    found = {one.name: files for one in sorted(folder.iterdir()) if one.is_dir()
             and (files := _files(one, problems))}
    if own := _files(folder, problems):
        if found:
            problems.add(folder, 0, f"found SEN2 modules in it and in {next(iter(found))}; allowed "
                         "one collection, or folders of them and none beside")
        found = {"": own}
    for name, files in found.items():
        for module in MODULES.keys() - files.keys():
            problems.add(folder / name, 0, f"missing module {module}; allowed a file "
                         f"Blade-Export_<DD-MM-YYYY>_{module}.csv")
    if not found:
        problems.add(folder, 0, "found no SEN2 module; allowed files such as "
                     "Blade-Export_19-01-2024_person.csv, or folders of them")
    return found


def _files(folder, problems):
    found = {}
    for path in sorted(folder.glob("*.[cC][sS][vV]")):
        module = re.sub("[^a-z0-9]", "", path.stem.rpartition("_")[2].lower())
        if module in MODULES and "_" in path.stem:
            if module in found:
                problems.add(path, 0, f"a second file of {module}, beside {found[module].name}; "
                             "allowed one collection in a folder")
            found[module] = path
    return found


def _modules(name, paths, problems, quality, notices):
    """Rows of each module that can be used, and the name of its file: ({module: frame}, {...})."""
    frames, files, latest = {}, {}, pd.Timestamp("2100-01-01")
    for module, form in MODULES.items():
        path = paths[module]
        file = files[module] = f"{name}/{path.name}".removeprefix("/")
        frame = read_csv(path, problems, encodings=("utf-8-sig", "cp1252"), quality=quality,
                         file=file)
        if frame is None or not _headed(frame, module, file, problems):
            continue
        if frame.attrs["encoding"] == "cp1252":
            notices.append(f"{file}: read as Windows text (cp1252): it is not UTF-8")
        if not frame.attrs["whole"]:
            notices.append(f"{file}: the last line has no end: is the file whole?")
        if set(form.get("parent", "").split()) <= frames.keys():
            frames[module] = _checked(frame, module, file, frames, quality, latest)
            _half(file, quality, problems)
        if module == "sen2" and len(frames.get(module, ())):
            latest = frames[module]["referencedate"].max() + AFTER
    if not problems and not len(frames["sen2"]):
        problems.add(files["sen2"], 1, "found no row that can be used; allowed one with the "
                     "referencedate of the collection")
    return frames, files


def _headed(frame, module, file, problems):
    """Keep the columns that are read, in small letters; whether those needed are there."""
    form = MODULES[module]
    frame.columns = [column.lower() for column in frame.columns]
    own = [form["id"], *form.get("dates", ()), *form.get("codes", ()), *form.get("needed", ())]
    if "parent" in form and not form.get("loose"):
        own.append(MODULES[form["parent"]]["id"])
    for column in sorted(set(frame.columns[frame.columns.duplicated()]) & set(own)):
        problems.add(file, 1, f"column '{column}' stands twice")
    missing = [column for column in own if column not in frame]
    for column in missing:
        problems.add(file, 1, f"missing column '{column}'; required {', '.join(own)}")
    return not missing and not frame.columns.duplicated().any()


def _checked(frame, module, file, frames, quality, latest):
    """The rows of a module that can be used, texts stripped and dates read; others are lost."""
    form = MODULES[module]
    dates, own = form.get("dates", {}), form["id"]
    link = MODULES[form["parent"]]["id"] if "parent" in form else None
    known = {own, link, *dates, *form.get("codes", ()), *form.get("needed", ()),
             *form.get("read", ()), *(name for names in FORMS["versions"].values()
                                      for name in names.get(module, ()))}
    frame = frame[["line", *(name for name in frame.columns[1:] if name in known)]].copy()
    for column in frame.columns[1:]:
        frame[column] = [value.strip() for value in frame[column]]

    def refuse(bad, column, allowed):
        hidden = form.get("hidden", False) or column in (own, link)
        quality.refuse(file, frame, bad, column, allowed, hidden)

    refuse(frame[own] == "", own, "an id")
    refuse(frame[own].duplicated() & (frame[own] != ""), own, "each id once")
    for column in form.get("filled", ()):
        refuse(frame[column] == "", column, "a value")
    for column, codes in form.get("codes", {}).items():
        plain = frame[column].str.upper().str.removesuffix(".0")
        refuse(~plain.isin(["", *codes]), column, f"{', '.join(codes)} or a blank")
        frame[column] = plain
    for column, earliest in dates.items():
        read = days(frame[column], earliest, latest)
        refuse(read.isna() & (frame[column] != ""), column, f"2022-Sep-28, 28/09/2022 or "
               f"2022-09-28, {earliest} to {latest.date()}")
        frame[f"said {column}"], frame[column] = frame[column], read
    if module == "sen2":
        day = frame["referencedate"]
        quality.refuse(file, frame.assign(referencedate=frame["said referencedate"]),
                       day.notna() & (day.dt.month != 1), "referencedate", "a day in January")
    for first, then in form.get("order", ()):
        bad = frame[then] < frame[first]
        quality.refuse(file, frame.assign(**{then: frame[f"said {then}"]}), bad, then,
                       f"{first} or later", form.get("hidden", False))
    if link and link in frame:
        parents = frames[form["parent"]]
        refuse(~frame[link].isin(parents[MODULES[form["parent"]]["id"]]), link,
               f"the id of a row of {form['parent']} that is used")
    said = [column for column in frame if column.startswith("said ")]
    return frame[~frame["line"].isin(quality.unused(file))].drop(columns=said)


def _half(file, quality, problems):
    """Refuse a module with less than half of its rows of use, by what is wrong with them."""
    lost, rows = quality.lost.get(file, {}), quality.rows[file]
    if len(lost) * 2 > rows:
        counts = pd.Series(lost).value_counts()
        problems.add(file, min(lost), f"found {rows} rows, {rows - len(lost)} that can be used; "
                     "allowed half or more (are two columns swapped, or files of two exports "
                     "mixed?): " + "; ".join(f"{n} x {why}" for why, n in counts.items()))


def _collection(name, frames, files):
    """The collection with a key of the child on every row below a person."""
    person, day = frames["person"], frames["sen2"]["referencedate"].max()
    learner = person.get("uniquelearnernumber", pd.Series("", person.index))
    named = person["surname"] + "|" + person["forename"] + "|" + person["personbirthdate"].astype(
        str)
    person["child"] = ("U" + person["upn"].str.upper()).where(
        person["upn"] != "", ("L" + learner).where(learner != "", "N" + named.str.upper()))
    for module in list(MODULES)[2:]:
        parent = MODULES[module]["parent"]
        own = MODULES[parent]["id"]
        children = frames[parent].set_index(own)["child"]
        frames[module]["child"] = frames[module][own].map(children)
    version = next((number for number, marks in FORMS["versions"].items()
                    if any(set(names) & set(frames[module]) for module, names in marks.items())),
                   "of no known version")
    made = frames["sen2"].get("softwarecode", pd.Series(dtype=object)).str.upper()
    return Collection(name, day, version, frames, files,
                      bool(made.str.startswith(SYNTHETIC, na=False).any()))


def _number(collections):
    """Put a number that means nothing in the place of who a child is, in every module."""
    everyone = pd.concat([one.modules["person"]["child"] for one in collections])
    codes = {key: code for code, key in enumerate(pd.unique(everyone))}
    for one in collections:
        for module in list(MODULES)[1:]:
            one.modules[module]["child"] = one.modules[module]["child"].map(codes).astype(int)
        person = one.modules["person"]
        one.modules["person"] = person[["line", "child", "personbirthdate"]]
