"""Seconds for 1,000 draws x 5 years x about 1,500 states: settings x needs x ages.

Run: python tests/benchmarks/placements_states.py
"""

from placements_counts import county, report

NEEDS = ("SPLD", "MLD", "SLD", "PMLD", "SEMH", "SLCN", "HI", "VI", "MSI", "PD", "ASD", "OTH")

if __name__ == "__main__":
    report(county(NEEDS), draws=1_000, years=5)
