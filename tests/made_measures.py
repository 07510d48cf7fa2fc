"""Measures for tests: from a few lines of YAML to checked measures and the worlds they live in."""

from sufficiency.case import schema
from sufficiency.case.files import Tree, parse
from sufficiency.case.measures import check_measures
from sufficiency.case.quantity import Assumption
from sufficiency.model.streams import Worlds

SETTINGS = """\
settings:
  mainstream: {label: Mainstream, ages: [4, 19], group: mainstream}
  special: {label: Special, ages: [4, 19], group: special}
  college: {label: College, ages: [16, 25], group: post16}
"""
# Everything delivered, on time: what a measure does then can be worked out by hand.
CERTAIN = """\
safety_valve:
  slippage: {central: 0, unit: months}
  delivery: {none: {central: 0, unit: share}, full: {central: 1, unit: share},
    part: {central: 0.5, unit: share}}
"""
# Four in ten deliver in full, one in ten not at all.
DOUBTFUL = """\
safety_valve:
  slippage: {low: 1, central: 3, high: 9, min: 0, unit: months}
  delivery: {none: {central: 0.1, unit: share}, full: {central: 0.4, unit: share},
    part: {low: 0.3, central: 0.5, high: 0.7, unit: share}}
  causes: {workforce: {label: Workforce, if_one_slips: {central: 0.75, unit: share}},
    capital: {label: Capital, if_one_slips: {central: 0.65, unit: share}}}
"""


def tree_of(text):
    """A tree as a case file `made.yaml` would give it, checked: (tree, measures)."""
    tree = Tree(where={(): "made.yaml:1"})
    tree.data = parse(text, "made.yaml", tree)
    return tree, check_measures(tree)


def programme(*lines, usual=CERTAIN, more=None, seed=3, draws=400):
    """Measures from lines `name: {...}` of YAML and worlds that hold their numbers."""
    shared = "label: x, funded_by: dsg_high_needs, "
    each = "".join(f"    {line.replace('{', '{' + shared, 1)}\n" for line in lines)
    tree, measures = tree_of(f"{SETTINGS}{usual}  measures:\n{each}")
    tree.stop()
    found = schema.assumptions(tree.data["safety_valve"], ("safety_valve",))
    held = {".".join(path): Assumption.model_validate(node) for path, node in found}
    return measures, Worlds({**held, **(more or {})}, seed, draws)
