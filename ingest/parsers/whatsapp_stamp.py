"""How WhatsApp dates a message, in every locale, and what the dates of a whole file mean.

The app writes date and time as the phone's locale does: iOS ``[31/12/2020, 23:59:01] Name: …``,
Android ``12/9/20, 23:55 - Name: …``, before 2018 iOS also ``31/12/16, 23:59:01: Name: …``. Whether
day or month comes first is told nowhere; all dates of the file together show it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache

MARKS = "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff"
"""Invisible marks of writing direction, as a class of a regular expression."""
_M, _S = f"[{MARKS}]*", "[ \u00a0\u202f\u2009]"
_AM = (
    rf"a\.?{_S}?m\.?|上午|午前|오전|凌晨|清晨|早上|午夜|半夜|ص|ق\.ظ\.?|π\.μ\.|öö|sa|pg|पूर्वाह्न|म\.पू\.|"
    r"ก่อนเที่ยง|fm|dop\.|de\.|pd|p\.d\."
)
_PM = (
    rf"p\.?{_S}?m\.?|下午|午後|오후|中午|傍晚|晚上|夜晚|م|ب\.ظ\.?|μ\.μ\.|ös|ch|ptg|अपराह्न|म\.उ\.|"
    r"หลังเที่ยง|em|odp\.|du\.|md|m\.d\."
)
_HALF = rf"(?:(?P<{{0}}am>{_AM})|(?P<{{0}}pm>{_PM}))"
_DATE = (
    rf"(?P<a>\d{{1,4}}){_M}(?P<sep>[./\-年]){_S}?{_M}(?P<b>\d{{1,2}}){_M}[./\-月]{_S}?{_M}"
    rf"(?P<c>\d{{1,4}}){_M}(?:\.|日|{_S}?г\.)?"
)
_BETWEEN = rf"{_M}(?:[,،、]|{_S}(?:um|klo|kl\.?|at|à|alle|às|a las))?{_S}*{_M}"
_TIME = (
    rf"(?<!\d)(?P<h>\d{{1,2}})(?:[:.]|{_S}?h{_S}?)(?P<m>\d{{2}})(?:[:.](?P<s>\d{{2}}))?"
    rf"(?:{_S}?(?:Uhr|ч\.))?"
)
_WHEN = (
    rf"{_DATE}{_BETWEEN}(?:{_HALF.format('b')}{_S}*{_M})?{_TIME}"
    rf"(?:{_M}{_S}*{_M}{_HALF.format('a')})?{_M}"
)
_LINES = (
    ("[", re.compile(rf"{_M}\[{_M}{_WHEN}\]{_S}?(?P<rest>.*)", re.IGNORECASE | re.DOTALL)),
    ("-", re.compile(rf"{_M}{_WHEN}{_S}[-–]{_S}?(?P<rest>.*)", re.IGNORECASE | re.DOTALL)),
    (":", re.compile(rf"{_M}{_WHEN}:{_S}(?P<rest>.*)", re.IGNORECASE | re.DOTALL)),
)
_START = re.compile(rf"{_M}\[?{_M}\d")
_FIRST_YEAR = 2009
"""WhatsApp began then; dates before it speak against the order that gives them."""
_LONG_STEP = 20
"""Days. Read in the wrong order, successive days look about a month apart."""
_ORDERS = {"day/month/year": "cba", "month/day/year": "cab", "year/month/day": "abc"}
"""Where an order has its year, month and day."""
_MAX_STYLES = 16
_MAX_SENDERS = 20_000
_SENDER = re.compile(rf"([^\n]{{1,100}}?):(?:{_S}|(?=\n)|\Z)(.*)", re.DOTALL)
_CLOSE = re.compile(r"([^\n:]{1,100}):(.*)", re.DOTALL)
_ENGLISH = re.compile(
    r"end-to-end encrypted|<Media omitted>|\(file attached\)|This message was|created group|You "
)


@dataclass(frozen=True, slots=True)
class Style:
    """How the lines of one export are dated: enclosure, separator, place and width of the year."""

    enclosure: str
    separator: str
    first: bool
    wide: bool
    seconds: bool


@dataclass(frozen=True, slots=True)
class Stamp:
    """The start of a line that is dated, and the ``rest`` of it; ``fields`` are its numbers."""

    style: Style
    fields: tuple[int, int, int]
    time: tuple[int, int, int]
    rest: str
    is_padded: bool
    has_latin_half: bool


def stamp_of(line: str) -> Stamp | None:
    """The stamp that ``line`` starts with, or None."""
    if not _START.match(line):
        return None
    is_boxed = "[" in line[:6]
    for enclosure, pattern in _LINES[:1] if is_boxed else _LINES[1:]:
        found = pattern.match(line, 0, 120)
        if found and (enclosure != ":" or found["s"]):
            return _stamp(found, enclosure, line)
    return None


def _stamp(found: re.Match[str], enclosure: str, line: str) -> Stamp:
    first, wide = len(found["a"]) > 2, len(found["a"]) > 2 or len(found["c"]) > 2
    style = Style(enclosure, found["sep"], first, wide, found["s"] is not None)
    half = found["aam"] or found["apm"] or ""
    is_padded = any(len(found[key]) == 2 and found[key][0] in "0٠०" for key in ("a", "b"))
    return Stamp(
        style,
        (int(found["a"]), int(found["b"]), int(found["c"])),
        (_hour(found), int(found["m"]), int(found["s"] or 0)),
        line[found.start("rest") :],
        is_padded or (len(found["a"]) == 2 and len(found["b"]) == 2),
        half in ("AM", "PM"),
    )


def _hour(found: re.Match[str]) -> int:
    hour = int(found["h"])
    if found["bpm"] or found["apm"]:
        return hour % 12 + 12 if hour <= 12 else hour
    return hour % 12 if (found["bam"] or found["aam"]) and hour <= 12 else hour


def sender_of(rest: str, known: Container[str] = ()) -> tuple[str, str]:
    """Who wrote a dated line, and what; no sender where the app itself did.

    Behind a ``known`` sender the colon needs no blank after it.
    """
    close = _CLOSE.match(rest)
    if close and _cleaned(close[1]) in known:
        return _cleaned(close[1]), close[2].removeprefix(" ")
    found = _SENDER.match(rest)
    return (_cleaned(found[1]), found[2]) if found else ("", rest)


@lru_cache(maxsize=4096)
def _cleaned(name: str) -> str:
    """A name without invisible marks and the ``~`` of people who are no contacts."""
    bare = re.sub(rf"[{MARKS}]", "", name)
    return " ".join(re.sub(rf"^~{_S}*", "", bare.strip()).split())


@dataclass
class _Track:
    """How well the dates of a file read in one order."""

    order: str
    impossible: int = 0
    backward: int = 0
    steps: int = 0
    long_steps: int = 0
    last: int = 0

    def see(self, fields: tuple[int, int, int]) -> None:
        """Take the date of the next message into account."""
        day = _date(fields, self.order)
        if day is None or day.year < _FIRST_YEAR:
            self.impossible += 1
            return
        step = day.toordinal() - self.last if self.last else 0
        self.backward += step < -1  # messages that waited for a network are out of order by a bit
        self.steps += step > 0
        self.long_steps += step > _LONG_STEP
        self.last = day.toordinal()

    @property
    def badness(self) -> tuple[int, int, int]:
        """What speaks against this order, the gravest first."""
        return self.impossible, self.backward, self.long_steps if self.steps > 3 else 0


@dataclass
class Dates:
    """The dates of all lines of one style, read in every order that there is."""

    style: Style
    count: int = 0
    tracks: tuple[_Track, ...] = ()
    differs: bool = False
    unpadded: bool = False
    latin_half: bool = False
    english: bool = False

    def __post_init__(self) -> None:
        orders = ["year/month/day"] if self.style.first else list(_ORDERS)
        if self.style.wide and not self.style.first:
            orders.remove("year/month/day")
        self.tracks = tuple(_Track(order) for order in orders)

    def see(self, stamp: Stamp) -> None:
        """Take the next line into account."""
        self.count += 1
        self.english = self.english or bool(_ENGLISH.search(stamp.rest[:200]))
        self.differs = self.differs or stamp.fields[0] != stamp.fields[1]
        self.unpadded = self.unpadded or not stamp.is_padded
        self.latin_half = self.latin_half or stamp.has_latin_half
        for track in self.tracks:
            track.see(stamp.fields)

    @property
    def order(self) -> str:
        """The order that the dates speak least against; where they are silent, the likeliest."""
        likely = self._likely()
        rank = [likely, *(order for order in _ORDERS if order != likely)]
        best = min(self.tracks, key=lambda track: (track.badness, rank.index(track.order)))
        return best.order

    @property
    def is_guessed(self) -> bool:
        """Whether day and month could as well be the other way round."""
        least = min(track.badness for track in self.tracks)
        even = [track for track in self.tracks if track.badness == least]
        return self.differs and sum(track.order[0] in "dm" for track in even) > 1

    def _likely(self) -> str:
        """Americans write unpadded days behind the month, and ``PM``; points mean days first."""
        american = self.latin_half or (self.english and not self.style.wide)
        is_american = self.style.separator == "/" and american and self.unpadded
        return "month/day/year" if is_american else "day/month/year"

    def instant(self, stamp: Stamp) -> datetime | None:
        """The time of a line, without a zone; None where there is no such time."""
        day = _date(stamp.fields, self.order)
        try:
            return datetime(day.year, day.month, day.day, *stamp.time) if day else None  # noqa: DTZ001
        except ValueError:
            return None


@lru_cache(maxsize=4096)
def _date(fields: tuple[int, int, int], order: str) -> date | None:
    year, month, day = (fields["abc".index(place)] for place in _ORDERS[order])
    if year < 100:
        year += 1957 if year > 50 else 2000  # Thai phones count from 543 BC: 66 is 2566 is 2023
    if year > 2400:
        year -= 543
    try:
        return date(year, month, day)
    except ValueError:
        return None


@dataclass
class Survey:
    """What a look through the whole file shows: its style, the order of dates, who writes."""

    dates: dict[Style, Dates] = field(default_factory=dict)
    chosen: Dates | None = None
    senders: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, lines: Iterable[str]) -> Survey:
        """Look at every line once, in bounded memory."""
        survey = cls()
        for line in lines:
            stamp = stamp_of(line)
            if stamp is not None:
                survey._see(stamp)
        survey.chosen = max(survey.dates.values(), key=lambda dates: dates.count, default=None)
        return survey

    def _see(self, stamp: Stamp) -> None:
        sender, body = sender_of(stamp.rest)
        is_notice = body.startswith("\u200e")  # which bear the name of the group
        if sender and not is_notice and len(self.senders) < _MAX_SENDERS:
            self.senders[sender] += 1
        if stamp.style not in self.dates and len(self.dates) < _MAX_STYLES:
            self.dates[stamp.style] = Dates(stamp.style)
        if stamp.style in self.dates:
            self.dates[stamp.style].see(stamp)

    def instant(self, stamp: Stamp) -> datetime | None:
        """The time of a line; None for a date pasted into a message, written in another style."""
        is_own = self.chosen is not None and stamp.style == self.chosen.style
        return self.chosen.instant(stamp) if self.chosen and is_own else None
