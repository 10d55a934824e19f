"""What the dates of a whole WhatsApp file mean, and who writes in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache

from ingest.parsers.whatsapp_stamp import Stamp, Style, sender_of, stamp_of

_FIRST_YEAR = 2009
"""WhatsApp began then; dates before it speak against the order that gives them."""
_LONG_STEP = 20
"""Days. Read in the wrong order, successive days look about a month apart."""
_ORDERS = {
    "day/month/year": "cba",
    "month/day/year": "cab",
    "year/month/day": "abc",
    "year/day/month": "acb",
}
"""Where an order has its year, month and day; the likelier ones first."""
_MAX_STYLES = 16
_SHARE, _FEW = 0.1, 3
"""Of the lines, as many in a second style are exports joined to one file; fewer are quotations."""
_MAX_SENDERS = 20_000
_ENGLISH = re.compile(
    r"end-to-end encrypted|<Media omitted>|\(file attached\)|This message was|created group|You "
)


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
        orders = [
            order
            for order in _ORDERS
            if not self.style.wide or order.startswith("year") is self.style.first
        ]
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

    def is_own_beside(self, chosen: Dates) -> bool:
        """Whether these are the file's own lines, as those of the ``chosen`` style are."""
        few = 1 if chosen.style.is_like(self.style) else _FEW
        return self.count >= max(chosen.count * _SHARE, few)

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
    """What a look through the whole file shows: its styles, the order of dates, who writes.

    ``own`` are the styles that its own lines are dated in, ``chosen`` that of most of them.
    """

    dates: dict[Style, Dates] = field(default_factory=dict)
    chosen: Dates | None = None
    own: frozenset[Style] = frozenset()
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
        survey.own = frozenset(
            dates.style
            for dates in survey.dates.values()
            if survey.chosen and dates.is_own_beside(survey.chosen)
        )
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
        return self.dates[stamp.style].instant(stamp) if stamp.style in self.own else None
