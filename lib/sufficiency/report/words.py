"""Words: numbers as a finance officer writes them, rounded no finer than they are known."""

import math

MINUS = "\u2212"


def places(value, error=None, digits=1):
    """Decimal places to show: no finer than the error, else `digits`.

    error: Monte Carlo standard error in the same unit; 0.03 -> 1 place, 12 -> -2.
    """
    if not error or not math.isfinite(error):
        return digits
    return min(digits, -math.ceil(math.log10(error) - 1e-9))


def number(value, decimals=0):
    """1,234.5 with a proper minus; negative decimals round to tens, hundreds ..."""
    rounded = round(float(value), decimals)
    if not math.isfinite(rounded):
        raise ValueError(f"number {value}: not finite; allowed any finite number")
    text = f"{abs(rounded):,.{max(decimals, 0)}f}"
    return f"{MINUS}{text}" if rounded < 0 else text


def _pounds(value, size, suffix, decimals):
    text = number(value / size, decimals)
    sign, text = (MINUS, text[1:]) if text.startswith(MINUS) else ("", text)
    return f"{sign}£{text}{suffix}"


def _scale(value):
    size = abs(value)
    # Just under a million prints as £1.0m, never £1,000,000
    if size >= 999_500_000:
        return 1e9, "bn", 2
    return (1e6, "m", 1) if size >= 999_500 else (1.0, "", 0)


def money(value, error=None):
    """£146.1m, £64,000, −£3.2m: value in GBP, error its Monte Carlo standard error."""
    size, suffix, digits = _scale(value)
    return _pounds(value, size, suffix, places(value, error and error / size, digits))


def count(value, error=None):
    """Children or plans, whole numbers: 9,848."""
    return number(value, places(value, error, 0))


def percent(share, digits=1):
    """A share as a percentage: 0.131 -> 13.1%."""
    return f"{number(100 * share, digits)}%"


def signed(value, form=money):
    """A change with its sign: +£3.2m, −140, nothing for nought: signed(x, count)."""
    text = form(value)
    return text if value <= 0 or not text.strip("£0.,%mbn") else f"+{text}"


def span(low, high, form=money):
    """£150m to £172m: both ends on one scale and to about three figures."""
    if low > high:
        raise ValueError(f"span {low} to {high}: low is above high; allowed low <= high")
    if form is not money:
        ends = form(low), form(high)
    else:
        size, suffix, _ = _scale(max(abs(low), abs(high)))
        widest = max(abs(low), abs(high)) / size
        digits = 0 if size == 1 or widest >= 100 else 1 if widest >= 10 or size < 1e9 else 2
        ends = tuple(_pounds(end, size, suffix, digits) for end in (low, high))
    return f"about {ends[0]}" if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def change(new, old, form=money):
    """up £12.3m (9.1%): the change from old to new in words."""
    moved = form(abs(new - old))
    if not moved.strip("£0.,%mbn"):
        return "unchanged"
    share = f" ({percent(abs(new - old) / abs(old))})" if old else ""
    return f"{'up' if new > old else 'down'} {moved}{share}"


def chance(share):
    """A chance in words: 7 in 10; less than 1 in 100."""
    if not 0 <= share <= 1:
        raise ValueError(f"chance {share}: allowed 0 to 1")
    if share < 0.01 or share > 0.99:
        return "less than 1 in 100" if share < 0.01 else "more than 99 in 100"
    if share < 0.05 or share > 0.95:
        return f"{round(100 * share)} in 100"
    tenths = 10 * share
    whole = abs(tenths - round(tenths)) < 0.25 and 1 <= round(tenths) <= 9
    return f"{round(tenths)} in 10" if whole else f"{round(20 * share)} in 20"


def listed(items):
    """a, b and c."""
    items = list(items)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def sentence(*parts):
    """Parts joined into one sentence: capital, single spaces, full stop."""
    text = " ".join(" ".join(str(part).split()) for part in parts if str(part).strip())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."
