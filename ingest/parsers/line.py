"""LINE's text export: a date line, then ``time``, ``name`` and ``text`` with tabs between.

Words follow the phone's language. Phones put messages of several lines in quotation marks and write
system messages without a name; computers separate by single spaces and write neither heading nor
quotation marks. Dates are ``2020/12/31(Thu)``, ``2020.12.31 木曜日``, ``Thu, 31/12/2020`` or in
years of the Japanese era, ``R2/12/31(木)``. Files hold neither ids nor a time zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise

from ingest.chat import Conversation, RawMessage
from ingest.errors import FormatError
from ingest.parsers.base import Parser, Reading, Skipped
from ingest.parsers.line_words import is_coming_or_going, is_notice, media_of, title_in
from ingest.parsers.named_log import MAX_LINES, NamedLog, titled
from ingest.parsers.text import head_text, lines_of
from ingest.parsers.written_dates import DateOrder, clock, instant

PLATFORM = "line"
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY = (
    r"[（(][^()（）\d]{1,15}[)）]|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?"
    r"|[月火水木金土日](?:曜日?)?|(?:週|周|星期|禮拜)[一二三四五六日天]|[월화수목금토일](?:요일)?"
    r"|(?:วัน)?(?:จันทร์|อังคาร|พุธ|พฤหัส(?:บดี)?|ศุกร์|เสาร์|อาทิตย์)"
    r"|senin|selasa|rabu|kamis|jumat|jum'at|sabtu|minggu|sen|sel|rab|kam|jum|sab|min"
)
_DAY = re.compile(
    rf"(?:(?P<lead>[^\W\d]{{2,12}})\.?, )?(?P<era>[RHS])?"
    r"(?P<a>\d{1,4})(?:[/.\-]|[年년])\s?(?P<b>\d{1,2})(?:[/.\-]|[月월])\s?(?P<c>\d{1,4})[日일.]?"
    rf"\s*(?P<tail>{_WEEKDAY})?",
    re.IGNORECASE,
)
_ERAS = {"R": 2018, "H": 1988, "S": 1925}
_LINE = re.compile(
    r"(?P<half>午前|午後|上午|下午|凌晨|早上|中午|晚上|오전|오후|[AP]M)?\s?(?P<hour>\d{1,2})"
    r"(?::|\.(?=\d\d\t))(?P<minute>\d\d)"
    r"(?P<late>\s?[AP]\.?M\.?|\s?น\.)?(?P<gap>\t| +)(?P<rest>.*)",
    re.IGNORECASE,
)


def claims(head: bytes) -> bool:
    """``[LINE]`` in the first line, or a date line and a timed line right below."""
    lines = [line for line in (head_text(head) or "").splitlines()[:40] if line.strip()]
    if lines and lines[0].startswith("[LINE]"):
        return True
    return any(
        _is_day(above) and (found := _LINE.fullmatch(below)) and found["rest"].strip()
        for above, below in pairwise(lines[:7])
    )


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages, after a first reading for the layout and the order of dates."""
    layout = _Layout.of(reading)
    log = NamedLog(_conversation(reading))
    day: date | None = None
    lines = _Lines(reading)
    for number, line in lines:
        if found := _is_day(line):
            day = layout.day(found)
        elif found := layout.timed(line):
            name, text = layout.said(found["rest"])
            body = lines.below(layout, text)
            bare = layout.gap == " "
            yield _message(log, reading, day, found, name, body, number, is_bare=bare)
        elif line.strip() and day:
            yield Skipped("line without a time", f"{reading.name}:{number + 1}")


PARSER = Parser("line", "LINE text", "LINE text", claims, parse)


def _is_day(line: str) -> re.Match[str] | None:
    found = _DAY.fullmatch(line.strip())
    is_dated = found and (found["lead"] or found["tail"]) and len(found["a"]) != 3
    return found if is_dated else None


def _conversation(reading: Reading) -> Conversation:
    for number, line in enumerate(lines_of(reading)):
        if line.startswith("[LINE]"):
            title, is_private = title_in(line.removeprefix("[LINE]").strip())
            return titled(PLATFORM, title, is_private=is_private)
        if number > 5:
            break
    return titled(PLATFORM, reading.path.stem.removeprefix("[LINE]").strip())


def _message(
    log: NamedLog,
    reading: Reading,
    day: date | None,
    found: re.Match[str],
    name: str,
    body: str,
    number: int,
    *,
    is_bare: bool,
) -> RawMessage | Skipped:
    where = f"{reading.name}:{number + 1}"
    if not name or not body or is_notice(body):
        return Skipped("service notice", where)
    half = f"{found['half'] or ''} {found['late'] or ''}"
    time = clock(int(found["hour"]), int(found["minute"]), half)
    sent_at = _instant(reading, day, time)
    if sent_at is None:
        return Skipped("no date", where)
    attachment, text = media_of(body, is_bare=is_bare)
    return log.message(sent_at, name, text, (attachment,) if attachment else (), number)


def _instant(reading: Reading, day: date | None, time: tuple[int, int] | None) -> datetime | None:
    return instant(reading.zone, day.year, day.month, day.day, *time) if day and time else None


@dataclass
class _Layout:
    """How one file is written."""

    gap: str = " "
    order: DateOrder = field(default_factory=DateOrder)
    names: dict[str, int] = field(default_factory=dict)
    """How many messages start with these words, for files with single spaces."""

    @staticmethod
    def of(reading: Reading) -> _Layout:
        """What the file as a whole tells."""
        layout = _Layout()
        for line in lines_of(reading):
            if found := _is_day(line):
                layout._see_day(found)
            elif found := _LINE.fullmatch(line):
                gap = found["gap"]
                layout.gap = max(layout.gap, "\t" if gap == "\t" else gap[:2], key=_rank)
                if layout.gap == " ":
                    layout._see_words(found["rest"])
        return layout

    def _see_day(self, found: re.Match[str]) -> None:
        first, second, third = int(found["a"]), int(found["b"]), int(found["c"])
        if len(found["a"]) > 2 or found["era"]:
            return
        self.order.see_numbers(first, second, third)
        weekday = (found["lead"] or found["tail"] or "")[:3].lower()
        for is_day_first in (True, False):
            day = _date(third, second, first) if is_day_first else _date(third, first, second)
            if day and weekday in _WEEKDAYS and day.weekday() == _WEEKDAYS.index(weekday):
                self.order.vote(is_day_first)

    def _see_words(self, rest: str) -> None:
        words = rest.split(" ")
        for count in range(1, min(len(words), 4) + 1):
            start = " ".join(words[:count])
            if start in self.names or len(self.names) < 200_000:
                self.names[start] = self.names.get(start, 0) + 1

    def day(self, found: re.Match[str]) -> date | None:
        """The day that a date line names."""
        first, second, third = int(found["a"]), int(found["b"]), int(found["c"])
        if found["era"]:
            return _date(first + _ERAS[found["era"].upper()], second, third)
        if len(found["a"]) == 4:
            return _date(first - 543 if first > 2400 else first, second, third)
        if not self.order.is_day_first:
            first, second = second, first
        return _date(third if third > 99 else third + 2000, second, first)

    def timed(self, line: str) -> re.Match[str] | None:
        """A line that starts with a time, as the lines of this file do."""
        found = _LINE.fullmatch(line)
        return found if found and found["gap"].startswith(self.gap) else None

    def said(self, rest: str) -> tuple[str, str]:
        """Who says what; nobody where it is a system message."""
        if self.gap == " ":
            return ("", rest) if is_coming_or_going(rest) else self._first_words(rest)
        name, gap, text = rest.partition(self.gap)
        return (name.strip(), text.strip()) if gap else ("", rest)

    def _first_words(self, rest: str) -> tuple[str, str]:
        """The name is as many words as always come together at the start of messages."""
        words = rest.split(" ")
        count = 1
        while count < min(len(words) - 1, 4):
            seen = self.names.get(" ".join(words[:count]), 0)
            if seen < 2 or self.names.get(" ".join(words[: count + 1]), 0) < seen:
                break
            count += 1
        return " ".join(words[:count]).strip(), " ".join(words[count:]).strip()


def _rank(gap: str) -> int:
    return (" ", "  ", "\t").index(gap)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


class _Lines:
    """The lines of a file with their numbers; those of a message can be taken, or given back."""

    def __init__(self, reading: Reading) -> None:
        self._lines = enumerate(lines_of(reading))
        self._given_back: list[tuple[int, str]] = []
        self._name = reading.name

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return self

    def __next__(self) -> tuple[int, str]:
        return self._given_back.pop() if self._given_back else next(self._lines)

    def below(self, layout: _Layout, text: str) -> str:
        """The message that starts with ``text``, with the lines below that belong to it."""
        if layout.gap != " " and text.startswith('"'):
            quoted = self._quoted(layout, text)
            if quoted is not None:
                return quoted
        body = [text]
        for number, line in self:
            if _is_day(line) or layout.timed(line):
                self._given_back.append((number, line))
                break
            body.append(line)
            if len(body) > MAX_LINES:
                raise FormatError(f"{self._name}:{number + 1}: a message of over 20,000 lines")
        return "\n".join(body).strip()

    def _quoted(self, layout: _Layout, text: str) -> str | None:
        """A message up to its closing mark; None where the next message comes first.

        A mark inside is doubled, and what looks like a date line may be quoted.
        """
        taken: list[tuple[int, str]] = []
        body = text[1:]
        while not _is_closed(body) and len(taken) < MAX_LINES:
            following = next(self, None)
            if following is not None:
                taken.append(following)
            if following is None or layout.timed(following[1]):
                self._given_back.extend(reversed(taken))
                return None
            body += f"\n{following[1]}"
        if not taken:  # one line in quotation marks is somebody's quotation
            return None
        return body[:-1].replace('""', '"').strip()


def _is_closed(body: str) -> bool:
    marks = len(body) - len(body.rstrip('"'))
    return marks % 2 == 1
