"""Numbers in words, against what a finance officer would write."""

import pytest
from sufficiency.report import words


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (146_100_000, None, "£146.1m"),
        (64_000, None, "£64,000"),
        (999_499, None, "£999,499"),
        (999_999, None, "£1.0m"),
        (1_463_000_000, None, "£1.46bn"),
        (-3_200_000, None, "\u2212£3.2m"),
        (-0.2, None, "£0"),
        (146_134_000, 300_000, "£146m"),
        (146_134_000, 30_000, "£146.1m"),
        (64_321, 400, "£64,000"),
    ],
)
def test_money(value, error, text):
    assert words.money(value, error) == text


def test_counts_and_shares():
    assert words.count(9847.6) == "9,848"
    assert words.count(9847.6, error=12) == "9,800"
    assert words.percent(0.131) == "13.1%"
    assert words.percent(-0.0001) == "0.0%"
    assert words.number(-1234.5, 1) == "\u22121,234.5"


def test_changes():
    assert words.signed(3_200_000) == "+£3.2m"
    assert words.signed(-140, words.count) == "\u2212140"
    assert words.signed(0.1) == "£0"
    assert words.change(147.3e6, 135e6) == "up £12.3m (9.1%)"
    assert words.change(90, 100, words.count) == "down 10 (10.0%)"
    assert words.change(100.1, 100, words.count) == "unchanged"


def test_spans_use_one_scale():
    assert words.span(150.2e6, 171.7e6) == "£150m to £172m"
    assert words.span(9.44e6, 12.8e6) == "£9.4m to £12.8m"
    assert words.span(800_000, 1_500_000) == "£0.8m to £1.5m"
    assert words.span(-2e6, 3e6) == "\u2212£2.0m to £3.0m"
    assert words.span(64_000, 64_000.3) == "about £64,000"
    assert words.span(11_900, 15_100, words.count) == "11,900 to 15,100"


def test_chances_and_lists():
    said = [words.chance(share) for share in (0, 0.03, 0.08, 0.5, 0.72, 0.96, 1)]
    assert said == ["less than 1 in 100", "3 in 100", "1 in 10", "5 in 10", "7 in 10",
                    "96 in 100", "more than 99 in 100"]  # fmt: skip
    assert words.listed(["volume", "price", "mix"]) == "volume, price and mix"
    assert words.listed(["volume"]) == "volume"


def test_refuses_what_is_not_a_number():
    with pytest.raises(ValueError, match=r"nan.*finite"):
        words.number(float("nan"))
    with pytest.raises(ValueError, match="low is above high"):
        words.span(2, 1)
    with pytest.raises(ValueError, match=r"chance 1\.2: allowed 0 to 1"):
        words.chance(1.2)
