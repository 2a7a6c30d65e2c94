"""Times and sizes as people write them: 2024-03, last:30d, >10GB, 1MB..1GB."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime

Range = tuple[float | None, float | None]

_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{1,2})(?:-(?P<day>[0-9]{1,2}))?)?"
)
_LAST = re.compile(r"last:(?P<number>[0-9]{1,5})(?P<unit>[hdwmy])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24, "y": 365 * 24}
_COMPARED = re.compile(r"(?P<sign>[<>]=?)(?P<value>.+)")
_NUMBER = re.compile(r"(?P<number>[0-9]{1,18}(?:\.[0-9]{1,9})?)(?P<unit>[a-z]*)", re.I)
_PREFIXES = "kmgtp"
_BYTES = {
    "": 1,
    "b": 1,
    **{f"{p}b": 1000**n for n, p in enumerate(_PREFIXES, 1)},
    **{f"{p}ib": 1024**n for n, p in enumerate(_PREFIXES, 1)},
}
_LARGEST = 2**63 - 1
_DAY = 86400
# The first second of the year 10000, which no clock of ours knows.
_NEVER = 253402300800


def times(typed: str, now: datetime) -> Range:
    """Return the first moment of a range, and the first after it.

    :param typed: a year, month or day in UTC, two of them with .. between, one after
        <, <=, > or >=, or last: with a number of h, d, w, m (30 days) or y (365)
    :param now: what last: counts from
    :returns: seconds since 1970; None for no limit
    :raises ValueError: for anything else
    """
    if last := _LAST.fullmatch(typed):
        hours = int(last["number"]) * _HOURS[last["unit"]]
        # Not below the year 1, where datetime ends.
        start = max(now.timestamp() - hours * 3600, _start(1).timestamp())
        return start, None
    low, below = _range(typed, _period)
    if low is not None and low >= _NEVER:
        raise ValueError("later than the year 9999")
    return low, None if below is not None and below >= _NEVER else below


def sizes(typed: str) -> Range:
    """Return the smallest number of a range, and the first that is too large.

    :param typed: a number with or without a unit (KB is 1000 bytes, KiB is 1024), two
        with .. between, which are both in it, or one after <, <=, > or >=
    :returns: whole numbers; None for no limit
    :raises ValueError: for anything else
    """
    return _range(typed, _amount)


def counts(typed: str) -> Range:
    """Return a range as sizes does, of numbers without a unit.

    :raises ValueError: for anything else
    """
    if any(char.isalpha() for char in typed):
        raise ValueError(f"no number: {typed!r}")
    return sizes(typed)


def _range(typed: str, read: Callable[[str], tuple[float, float]]) -> Range:
    """Return a range of what read takes for a value's own first and next number."""
    if compared := _COMPARED.fullmatch(typed):
        first, after = read(compared["value"])
        return {
            ">": (after, None),
            ">=": (first, None),
            "<": (None, first),
            "<=": (None, after),
        }[compared["sign"]]
    low, dots, high = typed.partition("..")
    if not dots:
        return read(typed)
    if not (low or high):
        raise ValueError("a range without an end")
    return (read(low)[0] if low else None, read(high)[1] if high else None)


def _period(typed: str) -> tuple[float, float]:
    parts = _DATE.fullmatch(typed)
    if parts is None:
        raise ValueError(f"no date: {typed!r}")
    year = int(parts["year"])
    if parts["day"]:
        start = _start(year, int(parts["month"]), int(parts["day"]))
        after = start.timestamp() + _DAY
    elif parts["month"]:
        month = int(parts["month"])
        start = _start(year, month)
        after = _end_of(year, month)
    else:
        start = _start(year)
        after = _end_of(year, 12)
    return start.timestamp(), after


def _start(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def _end_of(year: int, month: int) -> float:
    last = _start(year, month, monthrange(year, month)[1])
    return last.timestamp() + _DAY


def _amount(typed: str) -> tuple[int, int]:
    parts = _NUMBER.fullmatch(typed)
    unit = parts["unit"].lower() if parts else None
    if parts is None or unit not in _BYTES:
        raise ValueError(f"no size: {typed!r}")
    whole, _dot, fraction = parts["number"].partition(".")
    scaled = int(whole + fraction) * _BYTES[unit]
    amount = min(scaled // 10 ** len(fraction), _LARGEST - 1)
    return amount, amount + 1
