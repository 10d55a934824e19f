"""What the past tells: whom @self answers, with which words, at what hours. Numbers alone.

A :class:`Tally` counts while messages stream by, older ones less and less; what it came to is a
:class:`Known`, which every feature of a later message may use.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from bot.gating.wording import SIZE, wording
from ingest.chat import Message

Numbers = npt.NDArray[np.float64]
HALF_LIFE = 20_000
"""Messages after which what was counted weighs half: people and habits change."""
HOURS = 168
_TRUST = 20.0
"""Messages that the share of everybody counts for beside one person's own."""
_HOUR_TRUST = 50.0
_WORD_TRUST = 5.0
_LEAST = 0.5
"""Less of a person than this is forgotten."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How much was said (by a person, in a chat), and how much of it @self answered, or said."""

    messages: float = 0.0
    answered: float = 0.0
    own: float = 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """What the past came to.

    ``people`` by handle, ``chats`` by id, both weighted by age; ``hours`` (168,) the log-odds of
    @self speaking in that hour of the week (UTC) against all hours. ``mine`` (SIZE,) are the
    log-odds of a word being @self's rather than others', ``drawn`` those of its being answered,
    ``rarity`` how much it tells. ``timeless`` are chats whose instants only order the messages.
    """

    people: Mapping[str, Rate] = field(default_factory=dict)
    chats: Mapping[str, Rate] = field(default_factory=dict)
    everybody: Rate = Rate()
    hours: Sequence[float] = (0.0,) * HOURS
    mine: Sequence[float] = (0.0,) * SIZE
    drawn: Sequence[float] = (0.0,) * SIZE
    rarity: Sequence[float] = (1.0,) * SIZE
    timeless: frozenset[str] = frozenset()

    @property
    def base(self) -> float:
        """The share of messages that @self answers, everywhere."""
        return (self.everybody.answered + 1) / (self.everybody.messages + 20)

    def answers(self, rate: Rate | None) -> float:
        """Log-odds that @self answers them, against everybody's, shrunk where little is known."""
        rate = rate or Rate()
        share = (rate.answered + _TRUST * self.base) / (rate.messages + _TRUST)
        return _logit(share) - _logit(self.base)

    def hour(self, at: datetime) -> float:
        """The log-odds of an hour of the week."""
        return self.hours[hour_of(at)]

    def without(self, handle: str) -> Self:
        """The same with nothing about one person."""
        people = {known: rate for known, rate in self.people.items() if known != handle}
        return type(self)(people=people, **{name: getattr(self, name) for name in _BUT_PEOPLE})

    def to_json(self) -> dict[str, Any]:
        """JSON-ready numbers."""
        return {
            "people": {handle: _row(rate) for handle, rate in self.people.items()},
            "chats": {chat: _row(rate) for chat, rate in self.chats.items()},
            "everybody": _row(self.everybody),
            **{name: list(getattr(self, name)) for name in _LISTS},
            "timeless": sorted(self.timeless),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave; ValueError, KeyError or TypeError where it is none."""
        sizes = {"hours": HOURS, "mine": SIZE, "drawn": SIZE, "rarity": SIZE}
        lists = {name: _floats(data[name], size) for name, size in sizes.items()}
        return cls(
            people={str(handle): _rate(row) for handle, row in data["people"].items()},
            chats={str(chat): _rate(row) for chat, row in data["chats"].items()},
            everybody=_rate(data["everybody"]),
            timeless=frozenset(map(str, data["timeless"])),
            **lists,
        )


_LISTS = ("hours", "mine", "drawn", "rarity")
_BUT_PEOPLE = ("chats", "everybody", *_LISTS, "timeless")


class Tally:
    """Counts messages in the order they were said; see :meth:`known`."""

    def __init__(self, timeless: frozenset[str] = frozenset()) -> None:
        self._timeless = timeless
        self._people: dict[str, Numbers] = {}
        self._chats: dict[str, Numbers] = {}
        self._hours = np.zeros((HOURS, 2))
        self._words = np.zeros((3, SIZE))  # others', answered, own
        self._counted = 0

    def add(self, message: Message, *, is_answered: bool) -> None:
        """One message, and whether @self has answered it."""
        is_own = message.person.is_self
        row = np.array([not is_own, is_answered, is_own], np.float64)
        for table, key in ((self._chats, message.chat), (self._people, message.person.handle)):
            if table is self._chats or not is_own:
                table[key] = table.get(key, np.zeros(3)) + row
        places = list(wording(message.text).words)
        self._words[2 if is_own else 0, places] += 1
        if is_answered:
            self._words[1, places] += 1
        if message.chat not in self._timeless:
            self._hours[hour_of(message.sent_at), int(is_own)] += 1
        self._counted += 1

    def fade(self, messages: int) -> None:
        """Let what was counted weigh less, now that ``messages`` more were said."""
        factor = 0.5 ** (messages / HALF_LIFE)
        for table in (self._people, self._chats):
            for key in list(table):
                table[key] = table[key] * factor
        self._people = {key: row for key, row in self._people.items() if row[0] >= _LEAST}
        self._words *= factor
        self._hours *= factor

    def known(self) -> Known:
        """What was counted comes to, rounded as it is stored: a file tells the very same."""
        rows = list(self._chats.values())
        mine, drawn, rarity = _word_tables(self._words)
        return Known(
            {handle: _rate(row.round(2)) for handle, row in self._people.items()},
            {chat: _rate(row.round(2)) for chat, row in self._chats.items()},
            _rate(np.sum(rows, 0).round(2)) if rows else Rate(),
            _hour_table(self._hours),
            mine,
            drawn,
            rarity,
            self._timeless,
        )


def hour_of(at: datetime) -> int:
    """The hour of the week in UTC, from Monday at 0."""
    return at.weekday() * 24 + at.hour


def _hour_table(counted: Numbers) -> tuple[float, ...]:
    """Log-odds of @self's share of what is said in an hour, smoothed over the hours beside it."""
    week = counted.reshape(7, 24, 2)
    spread = week + 0.5 * (np.roll(week, 1, 1) + np.roll(week, -1, 1)) + 0.25 * week.sum(0)
    total = spread.sum((0, 1))
    share = (total[1] + 1) / (total.sum() + 20)
    found = (spread[..., 1] + _HOUR_TRUST * share) / (spread.sum(-1) + _HOUR_TRUST)
    return _plain(np.log(found / (1 - found)) - _logit(float(share)))


def _word_tables(counted: Numbers) -> tuple[tuple[float, ...], ...]:
    others, answered, own = counted
    sums = counted.sum(1) + 1.0
    mine = _odds(own, others, sums[2] / sums[0])
    drawn = _odds(answered, others - answered, sums[1] / max(sums[0] - sums[1], 1.0))
    every = others + own
    rarity = np.log((every.sum() / 8 + 10) / (every + 1)).clip(0.0)
    return tuple(map(_plain, (mine, drawn, rarity)))


def _plain(values: Numbers) -> tuple[float, ...]:
    return tuple(values.ravel().round(3).tolist())


def _odds(one: Numbers, other: Numbers, ratio: float) -> Numbers:
    """Log of the ratio of two counts against that of all, near 0 where a word was seldom said."""
    ratio = max(ratio, 1e-6)
    found: Numbers = np.log((one + _WORD_TRUST * ratio) / (other + _WORD_TRUST) / ratio)
    return found


def _logit(share: float) -> float:
    share = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(share / (1 - share))


def _row(rate: Rate) -> list[float]:
    return [rate.messages, rate.answered, rate.own]


def _rate(row: Sequence[Any] | Numbers) -> Rate:
    messages, answered, own = _floats(row, 3)
    return Rate(messages, answered, own)


def _floats(values: Sequence[Any] | Numbers, size: int) -> tuple[float, ...]:
    found = tuple(map(float, values))
    if len(found) != size or not all(map(math.isfinite, found)):
        raise ValueError(f"{len(found)} numbers, expected {size} finite ones")
    return found
