"""Dates as people's computers write them: ``05-Dec-19 03:46 AM``, ``5.12.2019 3.46``, ISO 8601.

Which of two numbers is the day is seen from the whole file: a number over 12 can be no month, and a
chat goes forward in time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = re.compile(rf"(?<![a-z])({'|'.join(_MONTHS)})[a-z]*", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)? ?(Z|[+-]\d\d:?\d\d)?")
_AM = r"\ba\.?m\b\.?|午前|上午|오전|凌晨|早上|清晨|π\.?μ\b|\bSA\b|ก่อนเที่ยง|पूर्वाह्न|ص"
_PM = r"\bp\.?m\b\.?|午後|下午|오후|晚上|中午|傍晚|μ\.?μ\b|\bCH\b|หลังเที่ยง|अपराह्न|م"
_HALF = re.compile(rf"(?P<am>{_AM})|(?P<pm>{_PM})", re.IGNORECASE)
_AMERICAN = re.compile(r"/.*\b[AP]M\b")
_BUDDHIST = 543
"""Years between the eras; Thai computers count from the Buddha's."""


def clock(hour: int, minute: int, half: str = "") -> tuple[int, int] | None:
    """Hour (0–23) and minute, ``half`` being any language's word for AM or PM; None if not one."""
    found = _HALF.search(half) if half else None
    if found and hour <= 12:
        hour = hour % 12 + (12 if found["pm"] else 0)
    return (hour, minute) if hour < 24 and minute < 60 else None


def instant(zone: tzinfo, *parts: int) -> datetime | None:
    """The moment (UTC) at a year, month, day, hour… of ``zone``; None where there is no such."""
    year, *rest = parts
    year = year - _BUDDHIST if 2400 < year < 2700 else year
    try:
        return datetime(year, *rest, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type, misc]
    except (ValueError, OverflowError):
        return None


def iso(text: str, zone: tzinfo) -> datetime | None:
    """The moment (UTC) of an ISO 8601 date and time, in ``zone`` where it names none."""
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@dataclass
class DateOrder:
    """Whether days or months come first in one file, as far as its dates tell."""

    _late: list[int] = field(default_factory=lambda: [0, 0])
    """How many dates had a first, a second number over 12."""
    _backward: list[int] = field(default_factory=lambda: [0, 0])
    """How often time went backward if days come first, if months do."""
    _last: list[tuple[int, int, int]] = field(default_factory=lambda: [(0, 0, 0), (0, 0, 0)])
    _is_american: bool = False

    def see(self, text: str) -> None:
        """Take a date of the file into account, in file order."""
        numbers = [int(number) for number in _NUMBER.findall(text)[:3]]
        if len(numbers) == 3 and numbers[0] < 100 and not _MONTH.search(text):
            self.see_numbers(*numbers)
            self._is_american = self._is_american or bool(_AMERICAN.search(text))

    def see_numbers(self, first: int, second: int, year: int) -> None:
        """Take the three numbers of a date into account."""
        self._late[0] += first > 12
        self._late[1] += second > 12
        for way, date in enumerate(((year, second, first), (year, first, second))):
            self._backward[way] += date < self._last[way]
            self._last[way] = date

    def vote(self, is_day_first: bool) -> None:
        """Take into account that a weekday or the like tells the order."""
        self._late[0 if is_day_first else 1] += 1

    @property
    def is_day_first(self) -> bool:
        """The likelier order; where nothing tells, slashes with AM or PM are American."""
        if self._late[0] != self._late[1]:
            return self._late[0] > self._late[1]
        if self._backward[0] != self._backward[1]:
            return self._backward[0] < self._backward[1]
        return not self._is_american

    def read(self, text: str, zone: tzinfo) -> datetime | None:
        """The moment (UTC) that ``text`` names, or None where it names none."""
        if _ISO.fullmatch(text.strip()):
            return iso(text, zone)
        # Digits of fractions and offsets come behind the seconds.
        numbers = [int(number[:4]) for number in _NUMBER.findall(text)]
        month = _MONTH.search(text)
        date = _named(numbers, month[1]) if month else self._numbered(numbers)
        time = numbers[2 if month else 3 :]
        if date is None or len(time) < 2 or (found := clock(time[0], time[1], text)) is None:
            return None
        return instant(zone, *date, *found, time[2] if len(time) > 2 else 0)

    def _numbered(self, numbers: list[int]) -> tuple[int, int, int] | None:
        if len(numbers) < 3:
            return None
        first, second, third = numbers[:3]
        if first >= 100:
            return first, second, third
        day, month = (first, second) if self.is_day_first else (second, first)
        return _century(third), month, day


def _named(numbers: list[int], month: str) -> tuple[int, int, int] | None:
    if len(numbers) < 2:
        return None
    day, year = numbers[:2] if numbers[0] < 100 else numbers[1::-1]
    return _century(year), _MONTHS.index(month.lower()) + 1, day


def _century(year: int) -> int:
    return year + 2000 if year < 100 else year
