"""What we believe: case files, read, checked, dated and overridden."""

from sufficiency.case.beliefs import Case, load_case
from sufficiency.case.files import CaseError, find_root
from sufficiency.case.quantity import Assumption
from sufficiency.case.schema import Setting

__all__ = [
    "Assumption",
    "Case",
    "CaseError",
    "Setting",
    "find_root",
    "load_case",
]
