"""Moments in IRC logs: what a line tells of its time, and the day it must belong to.

Clients write anything from a bare ``12:34`` to a full ISO instant. What a line leaves out comes
from the lines that open a log or change the day, else from the date in the file's name or folders,
else from 2000-01-01 on; times that run backwards by more than an hour begin the next day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from pathlib import PurePath

FIRST_DAY = date(2000, 1, 1)
_BACKWARDS = timedelta(hours=1, minutes=5)
"""Further back than a clock set to winter time."""
_CLOCK = (
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?(?:[.,]\d{1,9})?"
    r"(?:[ \u202f]?(?P<half>[AaPp])\.?[Mm]\.?)?(?P<offset>Z|[ ]?[+-]\d{2}:?\d{2})?"
)
_WEEKDAY = r"(?:[^\W\d]+\.?,?[ ])"
_MONTH = r"(?P<month>[^\W\d]+)\.?"
_DATES = (
    r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?:[T_ ]|,[ ])",
    rf"{_WEEKDAY}?{_MONTH}[ ]+(?P<day>\d{{1,2}})(?:,?[ ](?P<year>\d{{4}}))?\]?[ ]\[?",
    rf"{_WEEKDAY}?(?P<day>\d{{1,2}})[ -]{_MONTH}(?:[ -](?P<year>\d{{4}}))?\]?[ /]\[?",
    r"(?P<day>\d{1,2})[/.](?P<month>\d{1,2})[/.](?P<year>\d{4})[ ](?:[-@][ ])?",
    r"",
)
_YEAR_BEHIND = rf"{_WEEKDAY}{_MONTH}[ ]+(?P<day>\d{{1,2}})[ ]{_CLOCK}[ ](?P<year>\d{{4}})"
STAMPS = (
    re.compile(rf"{_YEAR_BEHIND}(?P<gap>[ ])"),
    *(re.compile(rf"[\[(]?{day}{_CLOCK}[\])]?(?P<gap>[ \t]+|$)") for day in _DATES),
    re.compile(r"[\[(]?(?P<epoch>\d{9,10})(?:\.\d+)?[\])]?(?P<gap>[ \t]+)"),
)
"""The ways a line begins with its time."""
_NAMED = (
    re.compile(
        r"(?<!\d)(?P<year>(?:19|20)\d{2})[-_./]?(?P<month>\d{2})[-_./]?(?P<day>\d{2})(?!\d)"
    ),
    re.compile(
        r"(?<!\d)(?P<day>\d{1,2})[-_. ]?(?P<month>[A-Za-z]{3})[-_. ]?(?P<year>(?:19|20)\d{2})(?!\d)"
    ),
    re.compile(r"(?<!\d)(?P<day>\d{2})[-_.](?P<month>\d{2})[-_.](?P<year>(?:19|20)\d{2})(?!\d)"),
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan ene gen sty янв led tam",
            "feb fév fev lut фев úno hel",
            "mar mär mrt мар bře maa",
            "apr avr abr kwi апр dub huh",
            "may mai mei mag maj мая май kvě tou",
            "jun juin giu cze июн čer kes",
            "jul juil lug lip июл hei",
            "aug aoû ago sie авг srp elo",
            "sep set wrz сен zář syy",
            "oct okt ott out paź окт říj lok",
            "nov lis ноя noy",
            "dec déc dic dez des gru дек pro jou",
        ),
        1,
    )
    for name in reversed(names.split())
}
"""Month names' beginnings, as clients write them in the system's language (Unicode CLDR)."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The time a line begins with, as far as it is told; ``zone`` where an offset is."""

    clock: time
    year: int | None = None
    month: int | None = None
    day: int | None = None
    zone: tzinfo | None = None


def stamp_of(match: re.Match[str]) -> Stamp | None:
    """The time in a match of one of STAMPS, or None where it names no possible one."""
    found = match.groupdict()
    try:
        if epoch := found.get("epoch"):
            return _from_epoch(int(epoch))
        return Stamp(
            _clock(found),
            int(found["year"]) if found.get("year") else None,
            _month(found["month"]) if found.get("month") else None,
            int(found["day"]) if found.get("day") else None,
            _offset(found.get("offset")),
        )
    except ValueError:
        return None


def _from_epoch(seconds: int) -> Stamp:
    at = datetime.fromtimestamp(seconds, UTC)
    return Stamp(at.time(), at.year, at.month, at.day, UTC)


def _clock(found: dict[str, str | None]) -> time:
    hour = int(found["hour"] or 0)
    if half := found["half"]:
        hour = hour % 12 + (12 if half in "Pp" else 0)
    return time(hour, int(found["minute"] or 0), min(int(found["second"] or 0), 59))


def _offset(text: str | None) -> tzinfo | None:
    if not text or text == "Z":
        return UTC if text else None
    digits = text.strip().replace(":", "")
    ahead = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5]))
    return timezone(-ahead if digits[0] == "-" else ahead)


@lru_cache(maxsize=256)
def _month(text: str) -> int:
    """1 to 12; ValueError where ``text`` is no month in a language of ``_MONTHS``."""
    if text.isdecimal():
        return int(text)
    name = text.lower()
    number = _MONTHS.get(name[:4]) or _MONTHS.get(name[:3])
    if number is None:
        raise ValueError(text)
    return number


def day_in(text: str) -> date | None:
    """The date told in a line that opens a log or changes the day: ``Mon Dec 17 12:34:56 2007``."""
    text = text[:200]
    months = re.finditer(r"[^\W\d]{3,}", text)
    year = re.search(r"(?<!\d)(?:19|20)\d{2}(?!\d)", text)
    for word in months:
        day = re.match(r"\.?[ ]+(\d{1,2})(?![\d:])", text[word.end() :]) or re.search(
            r"(?<![\d:])(\d{1,2})\.?[ ]+$", text[: word.start()]
        )
        if year and day:
            try:
                return date(int(year[0]), _month(word[0]), int(day[1]))
            except ValueError:
                continue
    return _dated(text)


def day_named(path: PurePath) -> date | None:
    """The date in a file's name, else in the folders it lies in (``2007/12/17/#ubuntu.txt``)."""
    return _dated(path.name) or _dated("/".join(path.parts[-4:]))


def without_day(name: str) -> str:
    """A file's name without its date, and without what joined the two."""
    for pattern in _NAMED:
        if (match := pattern.search(name)) and _dated(match[0]):
            name = f"{name[: match.start()]} {name[match.end() :]}"
    return name.strip(" -_.")


def _dated(text: str) -> date | None:
    for pattern in _NAMED:
        for match in pattern.finditer(text):
            try:
                return date(int(match["year"]), _month(match["month"]), int(match["day"]))
            except ValueError:
                continue
    return None


class Clock:
    """The running moment of a log, in UTC."""

    def __init__(self, day: date | None, zone: tzinfo) -> None:
        self._zone = zone
        self._day = day or FIRST_DAY
        self._last: datetime | None = None
        self.now = self._aware(datetime.combine(self._day, time()), None)

    def begin(self, day: date) -> None:
        """A line says that what follows is of this day."""
        self._day, self._last = day, None
        self.now = self._aware(datetime.combine(day, time()), None)

    def at(self, stamp: Stamp | None) -> datetime:
        """The instant of a line with this time; one without is of the same instant as before."""
        if stamp is not None:
            try:
                local = self._local(stamp)
                self._last, self._day = local, local.date()
                self.now = self._aware(local, stamp.zone)
            except (ValueError, OverflowError):  # 31 February, or the end of the calendar
                pass
        return self.now

    def _local(self, stamp: Stamp) -> datetime:
        if stamp.month is None or stamp.day is None:
            local = datetime.combine(self._day, stamp.clock)
            return local + timedelta(days=1) if self._is_past(local, _BACKWARDS) else local
        year = stamp.year or self._day.year
        local = datetime.combine(date(year, stamp.month, stamp.day), stamp.clock)
        if stamp.year is None and self._is_past(local, timedelta(days=180)):
            return local.replace(year=year + 1)
        return local

    def _is_past(self, local: datetime, by: timedelta) -> bool:
        return self._last is not None and self._last - local > by

    def _aware(self, local: datetime, zone: tzinfo | None) -> datetime:
        return local.replace(tzinfo=zone or self._zone).astimezone(UTC)
