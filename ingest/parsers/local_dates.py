"""Dates as people read them, in the language of whoever made the export.

Month names come from Unicode's CLDR through Babel; day, month and year in the order the text has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache

_LANGUAGES = (
    "en de fr es pt it nl pl ru uk cs sk sv nb da fi hu ro bg el tr id vi et lv lt sl ca eu gl eo "
    "hi ar he fa is sq"
)
_NUMBERS = re.compile(r"\d+")
_WORDS = re.compile(r"[^\W\d_]+")
_CLOCK = re.compile(
    r"(?P<before>AM|PM|上午|下午|午前|午後|오전|오후)?\s*"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?\s*"
    r"(?P<after>[ap]\.?\s?m\b\.?|[صم](?!\w))?",
    re.IGNORECASE,
)
_MORNING = ("am", "上午", "午前", "오전", "ص")
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")


@dataclass(frozen=True, slots=True)
class Order:
    """Whether dates of numbers alone have the month before the day."""

    month_first: bool = False


def day_in(text: str, order: Order = Order()) -> date | None:
    """The day a text names: ``Fri, Apr 16, 2021``, ``16.4.2021``, ``2021年4月16日``; or None."""
    text = text.translate(_DIGITS)
    numbers = [int(number) for number in _NUMBERS.findall(text)[:3] if len(number) <= 4]
    month = _month(text)
    try:
        if month and len(numbers) >= 2:
            first, second = numbers[0], numbers[1]
            return date(first, month, second) if first > 31 else date(second, month, first)
        if len(numbers) < 3:
            return None
        if numbers[0] > 31:
            return date(*numbers)
        day, number = (1, 0) if order.month_first else (0, 1)
        return date(numbers[2], numbers[number], numbers[day])
    except ValueError:
        return None


def is_month_first(text: str) -> bool | None:
    """What a date of numbers alone tells of its order; None where it does not."""
    numbers = [int(number) for number in _NUMBERS.findall(text.translate(_DIGITS))[:3]]
    if len(numbers) < 3 or _month(text) or numbers[0] > 31:
        return None
    if max(numbers[:2]) <= 12 or min(numbers[:2]) > 12:
        return None
    return numbers[1] > 12


def clock_in(text: str) -> time | None:
    """The time of day a text ends in: ``17:20:00``, ``5:20 PM``, ``下午5:20``; or None."""
    clocks = list(_CLOCK.finditer(text.translate(_DIGITS)))
    if not clocks:
        return None
    found = clocks[-1]
    hour = int(found["hour"])
    half = (found["before"] or found["after"] or "").casefold().replace(".", "").replace(" ", "")
    if half and hour <= 12:
        hour = hour % 12 + (0 if half in _MORNING else 12)
    try:
        return time(hour, int(found["minute"]), int(found["second"] or 0))
    except ValueError:
        return None


def utc(day: date, clock: time, zone: tzinfo) -> datetime | None:
    """A local day and time as an instant in UTC; None where it is out of range."""
    try:
        return datetime.combine(day, clock, zone).astimezone(UTC)
    except OverflowError:
        return None


def _month(text: str) -> int | None:
    """The last month named: before it may stand a day that is called alike (``mar, 16 abr``)."""
    months = _months()
    words = [word.casefold() for word in _WORDS.findall(text)]
    return next((months[word] for word in reversed(words) if word in months), None)


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    from babel.dates import get_month_names

    found: dict[str, int] = {}
    for language in _LANGUAGES.split():
        for width in ("abbreviated", "wide"):
            for context in ("format", "stand-alone"):
                for number, name in get_month_names(width, context, language).items():
                    found.setdefault(name.casefold().rstrip("."), number)
    return found
