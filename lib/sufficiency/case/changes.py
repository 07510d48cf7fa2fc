"""What a case says on a day, and under a scenario or overrides: one tree made from another."""

import copy

from sufficiency.case.files import Tree, parse
from sufficiency.case.quantity import NUMBERS, as_entry, nearest
from sufficiency.case.schema import SECTIONS, assumptions, check_assumption, is_assumption
from sufficiency.case.table import known_rows

ABOUT = ("source", "note", "as_of", "known", "quality", "funded_by")


def known_tree(data, known_by):
    """The tree as known by a month ("" for all): later numbers, vintages and rows are left out."""
    said = {key: copy.deepcopy(node) for key, node in data.items() if node is not None}
    for section in SECTIONS:
        said[section] = _known(said.get(section, {}), known_by)
    tables = said.get("published", {})
    said["published"] = {name: known_rows(table, known_by) for name, table in tables.items()}
    return said


def _known(node, known_by):
    if is_assumption(node):
        return _latest(node, known_by)
    if not isinstance(node, dict):
        return node
    pairs = ((key, _known(child, known_by)) for key, child in node.items())
    return {key: child for key, child in pairs if child is not None}


def _latest(mapping, known_by):
    """An assumption's mapping from its latest vintage known by a month, or None."""
    about = {k: v for k, v in mapping.items() if k not in NUMBERS and v is not None}
    best, limit = {}, known_by or "9999-12"
    for vintage in ({**mapping, "vintages": None}, *(mapping.get("vintages") or ())):
        known = vintage.get("known") or about.get("known") or ""
        entries = {when: as_entry(e) for when, e in (vintage.get("values") or {}).items()}
        dated = {w: e for w, e in entries.items() if (e.get("known") or known) <= limit}
        known = max((e.get("known") or known for e in dated.values()), default=known)
        numbers = {k: vintage[k] for k in NUMBERS[:3] if vintage.get(k) is not None}
        numbers |= {"values": dated} if dated else {}
        if {"central", "values"} & set(numbers) and best.get("known", "") <= known <= limit:
            own = {k: v for k, v in vintage.items() if k not in NUMBERS and v is not None}
            best = {**about, **own, **numbers, "known": known}
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
        path, label = tuple(key.split(".")), labels[key]
        tree.where[path] = label
        target = next((p for p, _ in assumptions(raw, ()) if path[: len(p)] == p), None)
        if target is None:
            _set_leaf(tree, raw, path, value)
        elif _set_number(tree, raw, target, path[len(target) :], value, label):
            touched[target] = path
    for target, path in touched.items():
        mapping = leaf(tree.data, target)
        entries = [mapping, *map(as_entry, (mapping.get("values") or {}).values())]
        late = [entry["known"] for entry in entries if (entry.get("known") or "") > known_by]
        if known_by and late:
            tree.problem(path, f"known {late[0]}", f"{known_by} or earlier, the date asked for")
        else:
            check_assumption(mapping, target, tree)


def leaf(data, path):
    """What stands at a path of keys, read as text; None where nothing does."""
    for part in path:
        if not isinstance(data, dict):
            return None
        data = next((child for key, child in data.items() if str(key) == part), None)
    return data


def _put(data, path, value):
    for part in path[:-1]:
        data = data.setdefault(next((k for k in data if str(k) == part), part), {})
    data[next((key for key in data if str(key) == path[-1]), path[-1])] = value


def _set_leaf(tree, raw, path, value):
    old, fixed = leaf(tree.data, path), path[0] in ("scenarios", "extends")
    numbers = {type(old), type(value)} <= {int, float}
    if old is None or fixed:
        late = leaf(raw, path) is not None and not fixed
        names = [".".join(name) for name in _names(tree.data)]
        allowed = f"a key of the case{nearest('.'.join(path), names)}"
        tree.problem(path, "a key known only later" if late else "no such key", allowed)
    elif isinstance(old, dict):
        tree.problem(path, "a group of keys", "one of " + ", ".join(map(str, old)))
    elif type(old) is not type(value) and not numbers:
        tree.problem(path, repr(value), f"{type(old).__name__}, as in the file: {old!r}")
    else:
        _put(tree.data, path, value)


def _names(node, path=()):
    """Paths that an override may name, published rows left out."""
    if is_assumption(node):
        yield from (path, *((*path, name) for name in NUMBERS[:3]))
    elif not isinstance(node, dict):
        yield path
    elif path[-1:] != ("rows",) and path[:1] != ("scenarios",):
        for key, child in node.items():
            yield from _names(child, (*path, str(key)))


def _set_number(tree, raw, target, rest, value, label):
    """Change one assumption; False, with the problem noted, when it has no such part."""
    path, file = (*target, *rest), leaf(raw, target)
    mapping = dict(leaf(tree.data, target) or {k: v for k, v in file.items() if k not in NUMBERS})
    mapping["known"] = mapping.get("known") or _first_known(file)
    given = value if isinstance(value, dict) else {"central": value}
    if rest[:1] == ("values",) and "values" in mapping and len(rest) in (2, 3):
        when = int(rest[1]) if rest[1].isdigit() else rest[1]
        old = mapping["values"].get(when) or (file.get("values") or {}).get(when) or {}
        old = {"source": mapping.get("source"), **as_entry(old)}
        given = {rest[2]: value} if rest[2:] else given
        mapping["values"] = {**mapping["values"], when: _change(old, given, not rest[2:], label)}
    elif len(rest) > 1 or "vintages" in (*rest, *given):
        tree.problem(path, "no such key", "the assumption, a leaf of it, or values.2025-26")
        return False
    else:
        given = {rest[0]: value} if rest else given
        mapping = _change(mapping, given, not rest, label)
    tree.where.update({(*target, *rest[:2], name): label for name in given})
    _put(tree.data, target, mapping)
    return True


def _change(entry, given, whole, label):
    """An entry with leaves changed; unless they say better, its numbers are now a judgement."""
    drop = NUMBERS if whole and set(given) & set(NUMBERS) else ()
    changed = {k: v for k, v in entry.items() if k not in drop} | given
    if not set(given) <= set(ABOUT):
        source = f"set by {label}; the file says: {entry.get('source') or entry.get('note')}"
        changed = {**changed, "quality": "judgement", "source": source} | given
    return changed


def _first_known(file):
    dated = (file.get("values") or {}).values()
    entries = (file, *(file.get("vintages") or ()), *map(as_entry, dated))
    return min((entry["known"] for entry in entries if entry.get("known")), default=None)
