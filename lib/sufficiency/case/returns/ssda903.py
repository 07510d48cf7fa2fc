"""An SSDA903 return (children looked after) into counts by quarter: never a child's row.

Header (CHILD, DOB), episodes (CHILD, DECOM, LS, PLACE, DEC and, if there, PLACE_PROVIDER) and, if
there, UASC (CHILD, DUC): a folder a year, or one folder for all, its column YEAR that of the 31
March of each row's return. In one folder without YEAR an episode is of the year that it ended in,
and one without an end is still open.
Cleaning follows what existing models of the same files do: of one start the last end, of one end
the longest, each episode cut where the next begins. In care on a day: DECOM <= day < DEC.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import Problems, Quality, days, read_csv
from .ssda903_counts import COLUMNS, count

NEEDED = {"header": ("CHILD", "DOB"), "episode": ("CHILD", "DECOM", "LS", "PLACE", "DEC"),
          "uasc": ("CHILD", "DUC")}
PROVIDERS = ("", "PR0", "PR1", "PR2", "PR3", "PR4", "PR5")
# Short breaks under a series of agreements: not looked after as the statistics count it.
SHORT_BREAKS = ("V3", "V4")
# Dates of a smaller share of rows say nothing of a return's year.
LEAST = 0.01
# A year before the last is counted if as many episodes as this share of the last year's ended in
# it: then the folder holds its return too (judgement).
KEPT = 0.25
# Of the rows of a file: fewer are no few faults but another file (judgement).
USABLE = 0.1
# How reasons begin that say nothing against the file.
REPEATS = ("repeated", "another", "LS V3 or V4")
SYNTHETIC = "SYNTHETIC"


class Care(NamedTuple):
    """counts: of `ssda903_counts.count`; quality: of `Quality.table`; years: of each 31 March;
    synthetic: a child's number says that it is invented.
    """

    counts: pd.DataFrame
    quality: pd.DataFrame
    years: list
    notices: list
    synthetic: bool


class _Placed(Problems):
    """Problems that name a file with its folder: all years have files of the same names."""

    def add(self, path, line, text):
        self.append(f"{_named(Path(path))}:{line}: {text}")


def read_ssda903(folder, categories, otherwise="other"):
    """Read, check, clean and count a folder of SSDA903 files -> Care.

    categories: {name: {codes, providers, ages}} in order, the first that has both a child's PLACE
    and its PLACE_PROVIDER holds; at other ages than its own a child is in `otherwise`. Malformed
    files and missing years stop, all problems at once; no message holds what a row says.
    """
    folder, problems = Path(folder), _Placed()
    files = _files(folder, problems)
    problems.stop(f"SSDA903 folder {folder}")
    quality, notices = Quality(), []
    raw = {part: _read(part, paths, problems, quality) for part, paths in files.items()}
    problems.stop(f"SSDA903 folder {folder}")
    last = _years(raw, problems, notices)
    problems.stop(f"SSDA903 folder {folder}")
    years = sorted(set(raw["episode"]["year"]))
    header, episodes = _header(raw["header"], last), _episodes(raw["episode"], categories)
    for part in (header, episodes):
        _swapped(part, problems)
    problems.stop(f"SSDA903 folder {folder}")
    clean = _clean(episodes, header, years[-1])
    if not len(clean):
        found = episodes["reason"].value_counts().to_dict()
        raise ValueError(f"episodes: found {len(episodes)} rows; allowed some that can be used: "
                         f"{found}")
    counts, moved = count(clean, years, categories, otherwise)
    parts = {"header": header, "episodes": episodes}
    if len(raw["uasc"]):
        parts["uasc"] = _uasc(raw["uasc"], clean, years, counts)
    kept = {}
    for name, part in parts.items():
        for file, rows in part.groupby("file"):
            quality.lose_by(file, rows, "reason")
            year = sorted(set(rows["year"]))
            kept[file] = f"{year[0]} {name}" if len(year) == 1 else name
    counts = pd.concat(counts, ignore_index=True)[COLUMNS]
    cut = clean.attrs["cut"].items()
    notices += [*moved, *(f"episodes {text}: {number}" for text, number in cut if number)]
    table = quality.table()
    table.attrs["kept"] = kept
    invented = bool(clean["CHILD"].str.upper().str.startswith(SYNTHETIC).any())
    return Care(counts, table, years, notices, invented)


def _named(path):
    return f"{path.parent.name}/{path.name}"


def _files(folder, problems):
    """Paths by part of the return: in the folder itself, or in its folders, one a year."""
    if not folder.is_dir():
        problems.append(f"{folder}: no such folder; allowed a folder of SSDA903 files")
        return {}
    below = sorted(sub for sub in folder.iterdir() if sub.is_dir() and any(sub.glob("*.csv")))
    here = [folder] if any(folder.glob("*.csv")) else below
    if below and here != below:
        problems.append(f"{folder.name}: found CSV files in it and in {below[0].name}; allowed "
                        "all years together, or a folder a year and none beside them")
    if not here:
        problems.append(f"{folder}: found no CSV file in it or in its folders; allowed header, "
                        "episodes and uasc, a folder a year or all years together")
    found = {part: [] for part in NEEDED}
    for place in here:
        for part in NEEDED:
            paths = [path for path in sorted(place.glob("*.csv")) if part in path.stem.casefold()]
            if len(paths) > 1 or (not paths and part != "uasc"):
                problems.append(f"{place.name}: found {len(paths)} files of the {part}; allowed "
                                f"one, with {part!r} in its name")
            found[part] += paths[:1]
    return found


def _read(part, paths, problems, quality):
    """Rows of the files of a part as text, with file and line; no other column is kept."""
    frames, kept = [], {*NEEDED[part], "PLACE_PROVIDER", "YEAR"}
    for path in paths:
        # Before the reader, whose messages name what it takes for headings
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            names = [name.strip(' "\r\n') for name in file.readline().split(",")]
        missing = [name for name in NEEDED[part] if name not in names]
        if missing:
            problems.add(path, 1, f"missing column {', '.join(missing)}; found "
                         f"{', '.join(sorted(kept & {*names})) or 'none of those used'}")
            continue
        own = Quality()
        if (frame := read_csv(path, problems, quality=own)) is None:
            continue
        quality.add(_named(path), own.rows[path.name])
        for line, reason in own.lost.get(path.name, {}).items():
            quality.lose(_named(path), line, reason)
        frame = frame[["line", *(name for name in frame if name in kept)]]
        text = [name for name in frame if name != "line"]
        frame = frame.assign(**{name: frame[name].str.strip() for name in text},
                             file=_named(path), folder=str(path.parent))
        frames.append(frame)
    if not frames:
        return pd.DataFrame(columns=["line", "file", "folder", *NEEDED[part]])
    made = pd.concat(frames, ignore_index=True)
    return made.fillna("") if "PLACE_PROVIDER" in made else made


def _years(raw, problems, notices):
    """Give every row the year of its 31 March, by column, folder name or dates."""
    episodes = raw["episode"]
    if not len(episodes):
        problems.append("episodes: found no rows; allowed one at least")
        return None
    start, end = days(episodes["DECOM"]), days(episodes["DEC"])
    latest = start.where(end.isna(), end)
    told = {folder: _year_of(latest[rows], Path(folder).name)
            for folder, rows in episodes.groupby("folder").groups.items()}
    for part, frame in raw.items():
        if "YEAR" in frame:
            year = pd.to_numeric(frame["YEAR"], errors="coerce")
            for row in frame[~year.between(1990, 2100) | (year % 1 != 0)].itertuples():
                problems.append(f"{row.file}:{row.line}: YEAR: allowed a year such as 2024, of the "
                                "31 March that ends it")
            raw[part] = frame.assign(year=year.fillna(0).astype(int))
        else:
            raw[part] = frame.assign(year=frame["folder"].map(told).fillna(0).astype(int))
    if len(told) == 1 and "YEAR" not in episodes and not problems:
        _by_ends(raw, end, notices)
    have = sorted(set(raw["episode"]["year"]))
    if problems:
        return None
    if have != list(range(have[0], have[-1] + 1)):
        problems.append(f"years: found {', '.join(map(str, have))}; allowed every year between "
                        "the first and the last")
    folders = raw["episode"].groupby("year")["folder"].nunique()
    for year in folders[folders > 1].index:
        problems.append(f"years: found two folders of the year to 31 March {year}; allowed one")
    return pd.Timestamp(have[-1], 3, 31)


def _by_ends(raw, end, notices):
    """Years of the rows of one folder that has no YEAR: episodes' by their ends, others' the last.

    An open episode whose start another row gives an end is that row's, as an earlier return saw it.
    """
    rows = raw["episode"]
    first = last = int(rows["year"].max())
    ended = (end.dt.year + (end.dt.month > 3)).fillna(0).astype(int)
    number = ended.value_counts()
    while number.get(first - 1, 0) >= max(1, KEPT * number.get(last, 0)):
        first -= 1
    if first == last:
        return
    key = [rows["CHILD"], days(rows["DECOM"])]
    closed = end.notna().groupby(key).transform("any")
    year = ended.where(end.notna(), np.where(closed, first, last)).clip(first, last)
    raw["episode"] = rows.assign(year=year.fillna(last).astype(int))
    notices.append(f"one folder without a column YEAR: years to 31 March {first} to {last}, by the "
                   "ends of episodes; one without an end is taken to go on")


def _year_of(dates, name):
    """The 31 March that a folder's return ends on: in its name, else the last year with dates."""
    told = re.fullmatch(r".*?(20\d\d)(?:\D(\d\d|20\d\d))?\D*", name)
    if told:
        return int(told[1]) + (told[2] is not None and int(told[2]) % 100 == (int(told[1]) + 1)
                               % 100)
    ends = (dates.dt.year + (dates.dt.month > 3)).dropna().value_counts()
    ends = ends[ends >= max(1, LEAST * ends.sum())]
    return int(ends.index.max()) if len(ends) else 0


def _header(rows, last):
    """Headers with the reason against each; attrs["born"]: the latest DOB of each child."""
    dob = days(rows["DOB"])
    reason = np.select([rows["CHILD"] == "", dob.isna(), dob > last],
                       ["CHILD: blank", "DOB: no date", "DOB after the last return"], "")
    rows = rows.assign(dob=dob, reason=reason)
    usable = rows[rows["reason"] == ""].sort_values("year", kind="stable")
    latest = usable.groupby("CHILD")["dob"].transform("last")
    again = usable.duplicated(["CHILD", "year"], keep="last")
    rows.loc[usable.index[again], "reason"] = "repeated by a later row of the year, which is used"
    other = usable.index[latest != usable["dob"]]
    rows.loc[other, "reason"] = "another DOB in a later row, which is used"
    rows.attrs["born"] = usable.drop_duplicates("CHILD", keep="last").set_index("CHILD")["dob"]
    return rows


def _episodes(rows, categories):
    """Episodes with start, end, place (number of the category) and the first reason against."""
    start, end = days(rows["DECOM"]), days(rows["DEC"])
    provider = rows.get("PLACE_PROVIDER", pd.Series("", rows.index)).str.upper()
    code, known = rows["PLACE"].str.upper(), set()
    place = pd.Series(-1, rows.index)
    for number, one in enumerate(categories.values()):
        known |= {*one["codes"]}
        mine = code.isin(one["codes"]) & (provider.isin(one.get("providers") or PROVIDERS))
        place = place.mask((place < 0) & mine, number)
    close = pd.to_datetime(rows["year"].astype(str) + "-03-31")
    reasons = {
        "CHILD: blank": rows["CHILD"] == "", "DECOM: no date": start.isna(),
        "DEC: no date": (rows["DEC"] != "") & end.isna(), "DEC before DECOM": end < start,
        "DECOM after the end of the return's year": start > close,
        "DEC after the end of the return's year": end > close,
        "PLACE: unknown code": ~code.isin(known),
        "PLACE_PROVIDER: unknown code": ~provider.isin(PROVIDERS),
        "PLACE and PLACE_PROVIDER: in no category": place < 0,
        "LS V3 or V4: a series of short breaks": rows["LS"].str.upper().isin(SHORT_BREAKS)}
    return rows.assign(start=start, end=end, place=place, reason=np.select(
        list(reasons.values()), list(reasons), ""))


def _swapped(rows, problems):
    """Note files of which hardly a row can be read, by what is wrong with them."""
    for file, part in rows.groupby("file"):
        known = (part["reason"] == "") | part["reason"].str.startswith(REPEATS)
        bad = part.loc[~known, "reason"]
        if len(part) - len(bad) < USABLE * len(part):
            said = "; ".join(f"{n} x {why}" for why, n in bad.value_counts().items())
            problems.append(f"{file}:{part['line'].min()}: found {len(part)} rows, "
                            f"{len(part) - len(bad)} that can be used; allowed one in ten (are "
                            f"two columns swapped?): {said}")


def _clean(rows, header, last):
    """Episodes to count, ends closed, with dob; notes in `rows` what goes. attrs: what was cut."""
    dob, fine = rows["CHILD"].map(header.attrs["born"]), rows["reason"] == ""
    eighteenth = dob + pd.DateOffset(years=18)
    for text, wrong in {"no usable header row": dob.isna(), "starts before birth":
                        rows["start"] < dob, "starts at 18 or over": rows["start"] >= eighteenth,
                        }.items():
        rows.loc[fine & (rows["reason"] == "") & wrong, "reason"] = text
    found = rows.assign(dob=dob, eighteenth=eighteenth)[rows["reason"] == ""]
    found = found.assign(open=found["end"].isna())
    far = pd.Timestamp(2200, 1, 1)
    found = found.assign(end=found["end"].fillna(far))
    # A later return knows better; of one return, the last end
    order = found.sort_values(["CHILD", "start", "year", "end"], kind="stable")
    again = order.duplicated(["CHILD", "start"], keep="last")
    later = order["year"] < order.groupby(["CHILD", "start"])["year"].transform("max")
    rows.loc[order.index[again], "reason"] = np.where(
        later[again], "again in a later return, which is used",
        "another end of the same start: the last is used")
    order = order[~again]
    inside = order.duplicated(["CHILD", "end"], keep="first") & ~order["open"]
    rows.loc[order.index[inside], "reason"] = "ends with a longer episode, which is used"
    order = order[~inside].copy()
    after = order.groupby("CHILD")["start"].shift(-1)
    follows = order.groupby("CHILD")["year"].shift(-1)
    lost = order["open"] & (order["year"] < last) & ~(follows <= order["year"] + 1)
    closed = pd.to_datetime((order["year"]).astype(str) + "-04-01")
    over = after < order["end"].mask(lost, closed)
    adult = (order["eighteenth"] < order["end"].mask(over, after)) & (
        order["eighteenth"] <= pd.Timestamp(last, 3, 31))
    cut = {"open, and in no later return: ended after its 31 March": int((lost & ~over).sum()),
           "cut where the child's next episode begins": int((over & ~order["open"]).sum()),
           "open or ended after the 18th birthday: ended there": int(adult.sum())}
    order["end"] = order["end"].mask(lost, closed).mask(over, after)
    order["end"] = order["end"].where(order["end"] <= order["eighteenth"], order["eighteenth"])
    order.attrs["cut"] = cut
    return order


def _uasc(rows, clean, years, counts):
    """UASC rows with reasons; adds children who were unaccompanied on each 31 March to counts."""
    ceased = days(rows["DUC"])
    rows = rows.assign(reason=np.select(
        [rows["CHILD"] == "", (rows["DUC"] != "") & ceased.isna(),
         ~rows["CHILD"].isin(clean["CHILD"])],
        ["CHILD: blank", "DUC: no date", "no episode that is used"], ""))
    good = rows.assign(ceased=ceased)[rows["reason"] == ""]
    for year in years:
        day = pd.Timestamp(year, 3, 31)
        still = good[(good["year"] == year) & ~(good["ceased"] <= day)]
        here = clean[(clean["start"] <= day) & (clean["end"] > day)]
        number = here["CHILD"].isin(still["CHILD"]).sum()
        if number:
            counts.append(pd.DataFrame([[year, "unaccompanied", "", np.nan, "", float(number)]],
                                       columns=COLUMNS))
    return rows
