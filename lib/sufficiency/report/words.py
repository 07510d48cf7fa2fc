"""Words: numbers as a finance officer writes them, rounded no finer than they are known."""

import math

MINUS = "\u2212"


def number(value, decimals=0):
    """1,234.5 with a proper minus; negative decimals round to tens, hundreds and so on."""
    if not math.isfinite(value):
        raise ValueError(f"number {value}: not finite; allowed any finite number")
    rounded = round(float(value), decimals)
    return f"{MINUS if rounded < 0 else ''}{abs(rounded):,.{max(decimals, 0)}f}"


def _places(error, digits):
    """Decimals no finer than the Monte Carlo error: 0.03 -> 1, 12 -> -2, none -> digits."""
    return min(digits, -math.ceil(math.log10(error) - 1e-9)) if error else digits


def _pounds(value, size, suffix, decimals):
    text = number(value / size, decimals)
    cut = text.startswith(MINUS)
    return f"{text[:cut]}£{text[cut:]}{suffix}"


def _scale(value):
    # Just under a million prints as £1.0m, never £1,000,000
    if abs(value) >= 999_500_000:
        return 1e9, "bn", 2
    return (1e6, "m", 1) if abs(value) >= 999_500 else (1.0, "", 0)


def money(value, error=None):
    """£146.1m, £64,000, \u2212£3.2m: value in GBP, error its Monte Carlo standard error."""
    size, suffix, digits = _scale(value)
    return _pounds(value, size, suffix, _places(error and error / size, digits))


def count(value, error=None):
    """Children or plans, in whole numbers: 9,848."""
    return number(value, _places(error, 0))


def percent(share, digits=1):
    """A share as a percentage: 0.131 -> 13.1%."""
    return f"{number(100 * share, digits)}%"


def signed(value, form=money):
    """A change with its sign: +£3.2m, \u2212140; no sign for what rounds to nought."""
    text = form(value)
    return f"+{text}" if value > 0 and text.strip("£0.,%mbn") else text


def change(new, old, form=money):
    """up £12.3m (9.1%): the change from old to new in words."""
    moved = form(abs(new - old))
    if not moved.strip("£0.,%mbn"):
        return "unchanged"
    share = f" ({percent(abs(new - old) / abs(old))})" if old else ""
    return f"{'up' if new > old else 'down'} {moved}{share}"


def span(low, high, form=money):
    """£150m to £172m: both ends on one scale; money to about three figures."""
    if low > high:
        raise ValueError(f"span {low} to {high}: low is above high; allowed low <= high")
    ends = [form(low), form(high)]
    if form is money:
        widest = max(abs(low), abs(high))
        size, suffix, digits = _scale(widest)
        digits = 0 if widest >= 100 * size else digits
        ends = [_pounds(end, size, suffix, digits) for end in (low, high)]
    return f"about {ends[0]}" if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def chance(share):
    """A chance in words: 7 in 10, 3 in 100, less than 1 in 100."""
    if not 0 <= share <= 1:
        raise ValueError(f"chance {share}: allowed 0 to 1")
    if share < 0.01 or share > 0.99:
        return "less than 1 in 100" if share < 0.01 else "more than 99 in 100"
    base = 10 if 0.075 <= share <= 0.925 else 100
    return f"{round(base * share)} in {base}"


def listed(items):
    """a, b and c."""
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last
