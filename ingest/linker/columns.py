"""The recent messages of a chat as columns of numbers, appended one by one, bounded."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.linker.signs import COUNT, Names, names_a_bot, signs, slot, words

Array = NDArray[Any]
BACK = 256
"""Messages kept behind the oldest one not yet decided."""
CAPACITY = 1024
"""Rows; when they are full, all but what is still needed move to the front."""
NAMED = 3
"""Most people a message is taken to name."""
WIDTH = 1024
"""Length of the hashed word vectors: two texts share about no slot by chance."""
NEVER = 1 << 40
_VOCABULARY = 60_000
_PEOPLE = 20_000


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the model may know of a message. ``at`` is in seconds, None where nothing tells.

    ``who`` and ``mentions`` are stable keys of people; ``reply_to`` is the ``key`` of a message.
    """

    key: str
    who: str
    names: tuple[str, ...]
    text: str
    at: float | None = None
    mentions: tuple[str, ...] = ()
    reply_to: str | None = None
    is_bot: bool = False


class Columns:
    """Row ``i`` is message ``start + i`` of the chat.

    ``chances`` and ``roots`` are filled after the first look: the probability that a message starts
    a conversation (column 0) or answers the k-th before it, and where its conversation began.
    """

    def __init__(self, reach: int, capacity: int = CAPACITY) -> None:
        self.start = 0
        self.size = 0
        self.capacity = capacity
        self.who = np.full(capacity, -9, np.int32)
        self.at = np.full(capacity, np.nan)
        self.signs = np.zeros((capacity, COUNT), np.float32)
        self.named = np.full((capacity, NAMED), -1, np.int32)
        self.strength = np.zeros((capacity, NAMED), np.float32)
        self.previous = np.full(capacity, -NEVER, np.int64)
        self.following = np.full(capacity, NEVER, np.int64)
        self.turn = np.zeros(capacity, np.float32)
        self.words = np.zeros((capacity, WIDTH), np.float32)
        self.norm = np.ones(capacity, np.float32)
        self.chances = np.zeros((capacity, reach + 1), np.float32)
        self.roots = np.full(capacity, -1, np.int64)
        self._names = Names()
        self._people: dict[str, int] = {}
        self._last: OrderedDict[int, tuple[int, int]] = OrderedDict()  # person → (message, count)
        self._seen: Counter[str] = Counter()
        self._texts = 0
        self._clock = _Clock()

    @property
    def end(self) -> int:
        """The number the next message will have."""
        return self.start + self.size

    def append(self, said: Utterance, keep_from: int) -> None:
        """Take in a message; rows before message ``keep_from`` - BACK may be let go."""
        if self.size == self.capacity:
            self._shift(max(self.start, keep_from - BACK))
        row = self.size
        who = self._person(said.who)
        self._names.learn(who, said.names)
        self.who[row] = who
        self.at[row] = self._clock.read(said.at)
        text = said.text
        spoken = words(text)
        is_bot = said.is_bot or any(map(names_a_bot, said.names[:1]))
        self.signs[row] = signs(text, spoken, is_bot=is_bot)
        self._name(row, who, said)
        self._weigh(row, set(spoken))
        self._chain(row, who)
        self.size += 1

    def _person(self, key: str) -> int:
        return self._people.setdefault(key, len(self._people))

    def _name(self, row: int, who: int, said: Utterance) -> None:
        named = dict(self._names.addressed(said.text, who))
        for key in said.mentions:
            if key != said.who:
                named.setdefault(self._person(key), 2)
        strongest = sorted(named.items(), key=lambda pair: -pair[1])[:NAMED]
        self.named[row] = -1
        self.strength[row] = 0
        for place, (person, strength) in enumerate(strongest):
            self.named[row, place] = person
            self.strength[row, place] = strength

    def _weigh(self, row: int, spoken: set[str]) -> None:
        """The words as a hashed vector, each weighted by how rare it is in this chat so far."""
        self._texts += 1
        self._seen.update(spoken)
        vector = self.words[row]
        vector[:] = 0
        square = 1e-6
        for word in spoken:
            if self._names.knows(word) in self.named[row]:
                continue
            prior = 1.0 if len(word) > 3 or not word.isascii() else 5.0
            weight = math.log((self._texts + 50) / (self._seen[word] + prior))
            if weight > 0:
                place, sign = slot(word, WIDTH)
                vector[place] += sign * weight
                square += weight * weight
        self.norm[row] = math.sqrt(square)
        if len(self._seen) > _VOCABULARY:
            self._forget_words()

    def _forget_words(self) -> None:
        self._texts //= 2
        self._seen = Counter({word: n // 2 for word, n in self._seen.items() if n > 1})

    def _chain(self, row: int, who: int) -> None:
        """Tie the message to the one before by the same person."""
        before, count = self._last.pop(who, (-NEVER, 0))
        here = self.start + row
        self.previous[row] = before
        self.following[row] = NEVER
        self.turn[row] = min(count, 30)
        if before >= self.start:
            self.following[before - self.start] = here
        self._last[who] = here, count + 1
        if len(self._last) > _PEOPLE:
            self._last.popitem(last=False)

    def _shift(self, start: int) -> None:
        gone = start - self.start
        if gone <= 0:
            raise ValueError("no room: decide older messages first")
        for name in (
            "who",
            "at",
            "signs",
            "named",
            "strength",
            "previous",
            "following",
            "turn",
            "words",
            "norm",
            "chances",
            "roots",
        ):
            column: Array = getattr(self, name)
            column[: self.size - gone] = column[gone : self.size]
        self.start = start
        self.size -= gone


class _Clock:
    """Tells instants from those that only keep the order: logs without times step evenly."""

    def __init__(self) -> None:
        self._before: float | None = None
        self._gaps: deque[float] = deque(maxlen=32)

    def read(self, at: float | None) -> float:
        """``at``, or nan where it says nothing."""
        if at is None:
            return math.nan
        if self._before is not None:
            self._gaps.append(at - self._before)
        self._before = at
        return math.nan if self._is_even() else at

    def _is_even(self) -> bool:
        if len(self._gaps) < 4:
            return False
        gap, times = Counter(self._gaps).most_common(1)[0]
        return gap > 0 and times * 4 >= len(self._gaps) * 3
