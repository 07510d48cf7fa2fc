"""What a case's funding may not say: each gets one message, wherever it is said."""

import pytest
from sufficiency.case import CaseError, load_case

KEY = "safety_valve."


@pytest.mark.parametrize(("override", "found"), [
    ("schedule=foo", "found 'foo'; allowed 'none', 'agreement'"),
    ("agreement.balance_from=soon", "found 'soon'; allowed a year such as 2025"),
    ("agreement.balance_from='2026'", "allowed a financial year such as 2025-26"),
    ("central_funding.legacy=charge", "found 'charge'; allowed 'stays' or 'charged'"),
    ("central_funding.from=xyz", "found 'xyz'; allowed a year"),
    ("opening.year=banana", "found 'banana'; allowed a year"),
    ("income.basis=both", "found 'both'; allowed 'after_deductions' or 'before_deductions'"),
    ("agreement.suspension.back_paid_after=-1", "found -1; allowed 0 to inf"),
    ("monitoring.error=0", "found 0; allowed 1 to inf"),
    ("usable_reserves=-1", "found -1; allowed 0 to inf"),
    ("interest_rate=4.5", "found 4.5; allowed 0 to 0.25"),
    ("stability_grant.ineligible=-5e6", "found -5e+06; allowed 0 to inf"),
    ("programme.savings=25000000", "one number; allowed GBP/year by financial year, certain"),
])  # fmt: skip
def test_a_bad_override_is_refused_in_words(root, override, found):
    with pytest.raises(CaseError) as refused:
        load_case("devon", overrides=KEY + override, root=root)
    assert found in str(refused.value) and KEY + override.split("=")[0] in str(refused.value)


@pytest.mark.parametrize("line", ["shedule: agreement", "agreement: {balanced_from: 2026-27}",
                                  "stability_grant: {later_payment: true}"])  # fmt: skip
def test_a_key_nobody_reads_is_refused_with_its_line(root, tmp_path, line):
    path = tmp_path / "made.yaml"
    path.write_text(f"extends: national\ncouncil: {{name: A, short: A}}\nsafety_valve:\n  {line}\n",
                    encoding="utf-8")  # fmt: skip
    with pytest.raises(CaseError, match=r"made.yaml:4: safety_valve\..*a key nobody reads"):
        load_case(str(path), root=root)
