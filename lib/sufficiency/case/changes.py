"""What a case says on a day, and under a scenario or overrides: one tree made from another."""

import copy

from sufficiency.case.files import Tree, leaf, mapping, parse
from sufficiency.case.quantity import NUMBERS, as_entry, nearest
from sufficiency.case.schema import SECTIONS, is_assumption

ABOUT = ("label", "source", "note", "as_of", "known", "quality", "funded_by")


def known_tree(data, known_by, held=False):
    """The tree as known by a month ("" for all): what is later is left out.

    That is numbers, vintages, rows, and groups of plain leaves with `known`. held: rows the council
    held by then count, and keep their `held`, which no other row does.
    """
    limit, own = known_by or "9999-12", ("published", *SECTIONS)
    said = {key: node if key in own else copy.deepcopy(node) for key, node in data.items()
            if key not in ("scenarios", "extends")}
    for section in SECTIONS:
        said[section] = _known(said.get(section) or {}, limit)
    tables, said["published"] = said.get("published") or {}, {}
    for name, table in tables.items():
        rows = {when: _row(row, row.get("known") or table["known"], limit, held)
                for when, row in table["rows"].items()}
        if rows := {when: row for when, row in rows.items() if row}:
            said["published"][name] = {**table, "rows": rows}
    return said


def _row(row, known, limit, held):
    if known <= limit:
        return {name: x for name, x in row.items() if name != "held"}
    return {**row, "known": row["held"]} if held and row.get("held", known) <= limit else None


def _known(node, limit):
    if is_assumption(node):
        return _latest(node, limit)
    if not isinstance(node, dict):
        return node
    if type(known := node.get("known", "")) is not dict and str(known) > limit:
        return None
    pairs = ((key, _known(child, limit)) for key, child in node.items())
    return {key: child for key, child in pairs if child is not None}


def _latest(whole, limit):
    """An assumption's mapping from its latest vintage known by a month, or None."""
    about, best = {name: x for name, x in whole.items() if name not in NUMBERS}, {}
    for vintage in (whole, *(whole.get("vintages") or ())):
        made = {k: x for k, x in {**about, **vintage}.items() if k != "vintages" and x is not None}
        dated = {when: {"known": made.get("known"), **as_entry(entry)}
                 for when, entry in made.get("values", {}).items()}
        if dated:
            made["values"] = {when: e for when, e in dated.items() if e["known"] <= limit}
            made["known"] = max((e["known"] for e in made["values"].values()), default="")
        said = made["values"] if dated else "central" in made
        if said and best.get("known", "") <= made["known"] <= limit:
            best = made
    return best or None


def parse_overrides(overrides):
    """Mapping of dotted key to value, from a mapping or text "a.b=1; c.d=2"."""
    if not isinstance(overrides, str):
        return {str(key): value for key, value in dict(overrides or {}).items()}
    made, tree = {}, Tree()
    for part in filter(str.strip, overrides.split(";")):
        key, equals, text = (piece.strip() for piece in part.partition("="))
        if not (key and equals and text):
            tree.problems.append(f"overrides: found {part.strip()!r}; allowed key=value; key=value")
        elif key in made:
            tree.problems.append(f"overrides: {key}: found the key twice; allowed once")
        else:
            made[key] = parse(text, "overrides", tree)
    tree.stop()
    return made


def override(tree, raw, changes, labels, known_by):
    """Lay dotted-key changes over `tree.data`, made by `known_tree` from `raw`.

    A number makes an assumption certain; a mapping with a number replaces its numbers; a deeper key
    changes one leaf. What is changed counts as known when its key was, unless it says otherwise.
    """
    touched = {}
    for key, value in changes.items():
        path = tuple(key.split("."))
        tree.where[path] = labels[key]
        home = path[0] in SECTIONS and next(
            (path[:n] for n in range(1, len(path) + 1) if is_assumption(leaf(raw, path[:n]))), None)
        if not home:
            _set_leaf(tree, path, value)
        else:
            _set_entry(tree, raw, home, path, value)
            touched[home] = path
    for home, path in touched.items():
        late = max(_months(leaf(tree.data, home) or {}), default="")
        if known_by and late > known_by:
            tree.problem(path, f"known {late}", f"{known_by} or earlier, the date asked for")


def _set_leaf(tree, path, value):
    old = leaf(tree.data, path)
    if old is None:
        names = [".".join(p) for p in tree.where if p != path and p[:1] != ("scenarios",)]
        allowed = f"a key of the case{nearest('.'.join(path), names)}"
        tree.problem(path, "no such key", allowed)
    elif isinstance(old, dict):
        tree.problem(path, "a group of keys", "one of " + ", ".join(old))
    elif type(old) is not type(value) and not {type(old), type(value)} <= {int, float}:
        tree.problem(path, repr(value), f"{type(old).__name__}, as in the file: {old!r}")
    else:
        leaf(tree.data, path[:-1])[path[-1]] = value


def _set_entry(tree, raw, home, path, value):
    """Change an assumption or one of its dated values; unless told better, it is a judgement."""
    file, n = leaf(raw, home), len(home)
    entry = path[: n + 2] if path[n : n + 1] == ("values",) and "values" in file else home
    part, label = path[len(entry) :], tree.place(path)
    given = {part[0]: value} if part else value if isinstance(value, dict) else {"central": value}
    if len(part) > 1 or {"vintages", "values"} & set(part) or "vintages" in given:
        return tree.problem(path, "no such key", "a leaf of it, or values.2025-26")
    about = {name: said for name, said in file.items() if name not in NUMBERS}
    whole = leaf(tree.data, home) or {"known": min(_months(file)), **about}
    old = whole if entry == home else as_entry(leaf(tree.data, entry) or leaf(raw, entry) or {})
    drop = NUMBERS if not part and set(given) & set(NUMBERS) else ()
    new = {name: said for name, said in old.items() if name not in drop} | given
    if not set(given) <= set(ABOUT):
        says = old.get("source") or whole.get("source") or whole.get("note")
        source = f"set by {label}; the file says: {says}"
        new |= {"quality": "judgement", "source": source, **given}
    if entry != home:
        new = {**whole, "values": {**whole.get("values", {}), entry[-1]: new}}
    group = tree.data
    for name in home[:-1]:
        group = group.setdefault(name, {})
    group[home[-1]] = new
    tree.where.update({(*entry, name): label for name in given})


def _months(whole):
    """The months in which an assumption's numbers were first known."""
    dated = map(as_entry, mapping(whole.get("values")).values())
    entries = (whole, *(whole.get("vintages") or ()), *dated)
    return [entry["known"] for entry in entries if entry.get("known")]
