"""SSDA903 folders for tests: three invented children by hand, and the maker of the examples."""

import importlib.util
from pathlib import Path

HEADER, EPISODES = "CHILD,SEX,DOB", "CHILD,DECOM,RNE,LS,CIN,PLACE,PLACE_PROVIDER,DEC,REC"
# A: fostered on 1 May 2023, to a children's home on 1 February 2024, home on 30 November 2024.
# B: in supported accommodation until 18 on 20 June 2024. C: ten days in one quarter.
BY_HAND = {
    2024: (["A,1,15/05/2010", "B,2,2006-06-20", "C,1,01/01/2023"],
           ["A,01/05/2023,S,C2,N1,U6,PR4,01/02/2024,X1", "A,01/02/2024,P,C2,N1,K2,PR4,,",
            "B,01/01/2020,S,C2,N1,H5,PR4,,", "C,10/05/2023,S,C2,N1,U6,PR1,20/05/2023,E4A"]),
    2025: (["A,1,15/05/2010", "B,2,20/06/2006"],
           ["A,2024-02-01 00:00:00,P,C2,N1,K2,PR4,2024-11-30,E4A",
            "B,01/01/2020,S,C2,N1,H5,PR4,20/06/2024,E7"])}

# What would tell who a child is, and must be nowhere
PLANTED = ("PLANTED77", "14/09/2011", "2011-09-14", "UPN-PLANTED", "NG99 9ZZ")


def plant(folder):
    """A return with a child whose identifiers are planted, and a row that cannot be used."""
    return write(folder, {2025: (
        ["PLANTED77,1,14/09/2011", "X2,2,2010-01-05"],
        ["PLANTED77,01/05/2024,S,C2,N1,U6,PR4,,", "X2,02/05/2024,S,C2,N1,U6,PR1,,",
         "PLANTED77,31/02/2025,S,C2,UPN-PLANTED,U6,PR1,,NG99 9ZZ"])})


def write(folder, years=None, **more):
    """Files of a folder a year; more: rows {"episodes": [...]} or {"header": [...]} of the last."""
    years = years or BY_HAND
    for year, (header, episodes) in years.items():
        place = folder / f"{year}"
        place.mkdir(parents=True, exist_ok=True)
        last = year == max(years)
        put(place / "header.csv", HEADER, [*header, *more.get("header", ()) * last])
        put(place / "episodes.csv", EPISODES, [*episodes, *more.get("episodes", ()) * last])
    return folder


def write_together(folder):
    """The same in one folder with a column YEAR."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, heads, part in (("header.csv", HEADER, 0), ("episodes.csv", EPISODES, 1)):
        put(folder / name, f"{heads},YEAR",
            [f"{row},{year}" for year, rows in BY_HAND.items() for row in rows[part]])
    return folder


def put(path, heads, rows):
    """One file."""
    path.write_text("\n".join([heads, *rows]) + "\n", encoding="utf-8")


def maker(root):
    """params/examples/make_ssda903.py as a module."""
    path = Path(root) / "params" / "examples" / "make_ssda903.py"
    spec = importlib.util.spec_from_file_location("make_ssda903", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
