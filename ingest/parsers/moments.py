"""Instants written in any common way: epochs, ISO, and the dates of spreadsheets and exporters.

What the usual layouts leave over goes to python-dateutil, whose answers are kept for a while.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from typing import Any

_EPOCH = re.compile(r"-?\d{9,19}(?:\.\d+)?$")
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?:[-/.]|年)(?P<month>\d{1,2})(?:[-/.]|月)(?P<day>\d{1,2})日?"
    r"(?:[T ,]+(?P<clock>.*))?$"
)
_YEAR_LAST = re.compile(
    r"(?P<first>\d{1,2})[-/.](?P<second>\d{1,2})[-/.](?P<year>\d{4}|\d{2})(?:[T ,]+(?P<clock>.*))?$"
)
_CLOCK = re.compile(
    r"(?P<pre>[AP]M|[ap]m|上午|下午|오전|오후|午前|午後)?[ ]?(?P<hour>\d{1,2})[:.](?P<minute>\d{2})"
    r"(?:[:.](?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?[ \u202f]?"
    r"(?P<half>[AaPp]\.?[Mm]\.?)?[ ]?(?P<offset>Z|UTC|GMT|[+-]\d{2}:?\d{2})?$"
)
_AFTER_NOON = ("p", "P", "下", "오후", "午後")


class Moments:
    """Reads the times of one file; ``day_first`` where ``3/4/2024`` is in April."""

    def __init__(self, zone: tzinfo, *, day_first: bool = True) -> None:
        self._zone = zone
        self._day_first = day_first

    def read(self, value: Any) -> datetime | None:
        """``value`` as an instant in UTC, or None where it is none."""
        try:
            local = _number(value) if isinstance(value, int | float) else self._text(str(value))
            if local is None:
                return None
            return (local if local.tzinfo else local.replace(tzinfo=self._zone)).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            return None

    def _text(self, text: str) -> datetime | None:
        text = text.strip().strip("[]")[:64]
        if _EPOCH.match(text):
            return _number(float(text) if "." in text else int(text))
        if match := _YEAR_FIRST.match(text):
            year, month, day = (int(match[part]) for part in ("year", "month", "day"))
            return _with_clock(_midnight(year, month, day), match["clock"])
        if match := _YEAR_LAST.match(text):
            first, second = int(match["first"]), int(match["second"])
            day, month = (first, second) if self._day_first else (second, first)
            year = int(match["year"]) + (2000 if len(match["year"]) == 2 else 0)
            return _with_clock(_midnight(year, month, day), match["clock"])
        return _by_dateutil(text, self._day_first)


def _number(value: float) -> datetime | None:
    """Seconds, milli-, micro- or nanoseconds since 1970, by their size."""
    if isinstance(value, bool):
        return None
    for scale in (1, 1_000, 1_000_000, 1_000_000_000):
        seconds = value / scale
        if abs(seconds) < 4_102_444_800:  # the year 2100
            return datetime.fromtimestamp(seconds, UTC) if seconds >= 100_000_000 else None
    return None


def _midnight(year: int, month: int, day: int) -> datetime:
    return datetime.combine(date(year, month, day), time())


def _with_clock(day: datetime, text: str | None) -> datetime | None:
    if not text:
        return day
    match = _CLOCK.match(text.strip())
    if match is None:
        return None
    hour = int(match["hour"])
    if half := match["pre"] or match["half"]:
        hour = hour % 12 + (12 if half.startswith(_AFTER_NOON) else 0)
    micro = int((match["part"] or "0")[:6].ljust(6, "0"))
    local = day.replace(
        hour=hour, minute=int(match["minute"]), second=int(match["second"] or 0), microsecond=micro
    )
    if offset := match["offset"]:
        zone = offset if offset[0] in "+-" else "+0000"
        aware = datetime.strptime(zone.replace(":", ""), "%z")
        return local.replace(tzinfo=aware.tzinfo)
    return local


@lru_cache(maxsize=4096)
def _by_dateutil(text: str, day_first: bool) -> datetime | None:
    from dateutil import parser

    if not re.search(r"\d", text):
        return None
    try:
        # Two defaults: what differs was not told, and a time without its day is no instant.
        first = parser.parse(text, dayfirst=day_first, default=_midnight(2001, 1, 1))
        second = parser.parse(text, dayfirst=day_first, default=_midnight(2002, 2, 2))
    except (ValueError, OverflowError, TypeError, AttributeError):
        return None
    return first if first == second else None
