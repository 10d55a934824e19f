"""Reading @self's manner of typing off messages as they stream by."""

from __future__ import annotations

import bisect
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations

import numpy as np

from bot.manner import (
    LIVE,
    LIVE_BORDERS,
    MOST_PARTS,
    QUOTE_BORDERS,
    Manner,
    Typing,
    is_unspaced,
)
from ingest.chat import Message
from ingest.clean import is_noise, is_unlearnable

BURST = timedelta(minutes=2)
"""A longer silence ends a burst."""
PRESENT = timedelta(minutes=10)
"""Who answers later was not there: no manner of typing."""
ENOUGH = 50
"""Observations without which a default stands."""
_REMEMBERED = 500
_GRID = np.linspace(0.01, 0.99, 11)
_TRUST = 10.0
"""Replies that the default shares of quotes count for."""
_BINS = 6
_SLOPES = {False: (0.02, 0.8), True: (0.05, 2.0)}
_BASES = (0.5, 30.0)
_LEAST_SPREAD = 0.05
_STOPS = (".", "。", "｡", "।", "۔")


@dataclass(slots=True)
class _Chat:
    """What must be remembered of the chat that streams by."""

    has_times: bool
    count: int = 0
    last: Message | None = None
    burst: int = 0
    known: OrderedDict[str, tuple[int, Message]] = field(default_factory=OrderedDict)
    latest: dict[str, str] = field(default_factory=dict)  # handle → id
    others: deque[datetime] = field(default_factory=deque)
    quotes: list[list[int]] = field(
        default_factory=lambda: [[0, 0] for _ in range(len(QUOTE_BORDERS) + 1)]
    )
    has_replies: bool = False

    def remember(self, message: Message) -> None:
        self.known[message.id] = self.count, message
        self.latest[message.person.handle] = message.id
        self.count += 1
        self.last = message
        self.has_replies = self.has_replies or message.reply_to is not None
        if not message.person.is_self:
            self.others.append(message.sent_at)
        if len(self.known) > _REMEMBERED:
            self.known.popitem(last=False)

    def live(self, now: datetime) -> int:
        """Messages of others lately."""
        while self.others and now - self.others[0] > LIVE:
            self.others.popleft()
        return len(self.others)

    def answered(self, message: Message) -> tuple[int, Message] | None:
        """What a message answers: what it quotes, the last of whom it mentions, or the last."""
        ids = [message.reply_to, *(self.latest.get(handle) for handle in message.mentions)]
        ids.append(self.last.id if self.last else None)
        found = next((self.known[id] for id in ids if id is not None and id in self.known), None)
        return None if found is None or found[1].person.is_self else found


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed of @self: characters of messages, messages of bursts, and seconds to first
    replies, a row per liveliness of the chat."""

    lengths: Sequence[int]
    bursts: Sequence[int]
    delays: Sequence[Sequence[float]]


class Habits:
    """Takes in messages chat by chat, oldest first; tells the manner in the end."""

    def __init__(self) -> None:
        self._parts: Counter[int] = Counter()
        self._lengths: list[int] = []
        self._stops = 0
        self._pauses: dict[bool, list[tuple[int, float]]] = {False: [], True: []}
        self._delays: list[list[float]] = [[] for _ in range(len(LIVE_BORDERS) + 1)]
        self._quotes = np.zeros((len(QUOTE_BORDERS) + 1, 2))
        self._chat = _Chat(has_times=True)

    def open(self, *, has_times: bool) -> None:
        """A chat begins; without times only its order counts."""
        self._close()
        self._chat = _Chat(has_times)

    def add(self, message: Message) -> None:
        """The next message of the chat."""
        if is_noise(message) is not None:
            return
        if message.person.is_self:
            self._own(message)
        else:
            self._end_burst()
        self._chat.remember(message)

    def manner(self) -> Manner:
        """What all this tells, with defaults where it is too little."""
        self._close()
        self._chat = _Chat(has_times=True)
        usual, bursts = Manner(), self._parts.total()
        shares = [self._parts[number] / max(bursts, 1) for number in range(1, MOST_PARTS + 1)]
        some = len(self._lengths) >= ENOUGH
        return Manner(
            parts=tuple(shares) if bursts >= ENOUGH else usual.parts,
            lengths=_quantiles(self._lengths) if some else usual.lengths,
            spaced=_fitted(self._pauses[False], usual.spaced, _SLOPES[False]),
            unspaced=_fitted(self._pauses[True], usual.unspaced, _SLOPES[True]),
            delays=self._delay_rows(usual),
            quotes=self._quote_shares(usual),
            stops=self._stops / len(self._lengths) if some else usual.stops,
            bursts=bursts,
        )

    def seen(self) -> Seen:
        """The observations themselves, so far."""
        self._close()
        self._chat = _Chat(has_times=True)
        return Seen(self._lengths, sorted(self._parts.elements()), self._delays)

    def _own(self, message: Message) -> None:
        chat, is_own = self._chat, is_unlearnable(message) is None
        if is_own:
            self._lengths.append(len(message.text))
            self._stops += message.text.rstrip().endswith(_STOPS)
        if not chat.burst or chat.last is None or not self._goes_on(chat.last, message):
            self._end_burst()
            self._first(message)
        elif is_own and chat.has_times:
            pause = (message.sent_at - chat.last.sent_at).total_seconds()
            self._pauses[is_unspaced(message.text)].append((len(message.text), pause))
        chat.burst += 1

    def _goes_on(self, last: Message, message: Message) -> bool:
        pause = message.sent_at - last.sent_at
        return not self._chat.has_times or timedelta() <= pause <= BURST

    def _first(self, message: Message) -> None:
        """The first message of a burst: what it answers, how soon, and whether it quotes."""
        found = self._chat.answered(message)
        if found is None:
            return
        place, answered = found
        row = self._chat.quotes[bisect.bisect_left(QUOTE_BORDERS, self._chat.count - place - 1)]
        row[0] += message.reply_to == answered.id
        row[1] += 1
        delay = message.sent_at - answered.sent_at
        if self._chat.has_times and timedelta() <= delay <= PRESENT:
            live = self._chat.live(message.sent_at)
            self._delays[bisect.bisect_left(LIVE_BORDERS, live)].append(delay.total_seconds())

    def _end_burst(self) -> None:
        if self._chat.burst:
            self._parts[min(self._chat.burst, MOST_PARTS)] += 1
        self._chat.burst = 0

    def _close(self) -> None:
        """A chat ends; where nobody ever quotes it says nothing about quoting."""
        self._end_burst()
        if self._chat.has_replies:
            self._quotes += np.array(self._chat.quotes)

    def _delay_rows(self, usual: Manner) -> tuple[tuple[float, ...], ...]:
        every = [delay for row in self._delays for delay in row]
        if len(every) < ENOUGH:
            return usual.delays
        return tuple(_quantiles(row if len(row) >= ENOUGH else every) for row in self._delays)

    def _quote_shares(self, usual: Manner) -> tuple[float, ...]:
        """Shares that never fall with the messages in between; few replies count little."""
        quoted, replies = self._quotes.T
        shares = (quoted + _TRUST * np.array(usual.quotes)) / (replies + _TRUST)
        return _plain(np.maximum.accumulate(shares))


def _fitted(
    pauses: Sequence[tuple[int, float]], usual: Typing, slopes: tuple[float, float]
) -> Typing:
    """Seconds against characters by the medians of bins, the slope as Theil and Sen take it."""
    if len(pauses) < ENOUGH:
        return usual
    characters, seconds = np.array(sorted(pauses), float).T
    bins = [half for half in np.array_split(np.arange(len(pauses)), _BINS) if len(half)]
    points = [(np.median(characters[half]), np.median(seconds[half])) for half in bins]
    rises = [(d - b) / (c - a) for (a, b), (c, d) in combinations(points, 2) if c > a]
    slope = float(np.clip(np.median(rises) if rises else usual.per_character, *slopes))
    base = float(np.clip(np.median(seconds - slope * characters), *_BASES))
    ratios = seconds / (base + slope * characters)
    spread = np.maximum(np.quantile(ratios, _GRID), _LEAST_SPREAD)
    return Typing(round(base, 3), round(slope, 4), _plain(spread))


def _quantiles(values: Sequence[float]) -> tuple[float, ...]:
    return _plain(np.quantile(np.array(values, float), _GRID))


def _plain(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values)
