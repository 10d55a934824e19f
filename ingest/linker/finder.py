"""The stream: messages in, in order; for each, a little later, what it answers."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from threadpoolctl import ThreadpoolController

from ingest.linker.columns import Array, Columns, Utterance
from ingest.linker.first import first_look
from ingest.linker.network import Weights, decide, load
from ingest.linker.pairs import AHEAD, REACH, Pairs
from ingest.linker.second import Found, roots_of, second_look

BLOCK = 128
"""Messages looked at together: enough that the cost of numpy's calls is small beside the work."""
TOP = 20
"""Candidates the second look decides between: they hold 99.9 % of the links it could find."""
REMEMBERED = 4000
"""Messages an explicit reply can reach back to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Message ``key`` answers ``to``, or starts a conversation where that is None.

    ``reason`` is the plainest evidence: ``reply`` the platform says so; ``mention`` it names the
    author; ``burst`` the same person goes on; ``exchange`` the two are in a conversation already;
    ``next`` it follows directly; ``likely`` all signs together.
    """

    key: str
    to: str | None
    score: float
    reason: str = ""


def answers_of(messages: Iterable[Utterance]) -> Iterator[Answer]:
    """What each message answers, in order."""
    finder = Finder()
    for message in messages:
        yield from finder.add(message)
    yield from finder.close()


# The matrices are small: on two busy cores a second BLAS thread is waited for three times longer
# than one thread computes (0.94 against 0.30 ms of processor a message).
_BLAS = ThreadpoolController().select(user_api="blas")


class Finder:
    """The state of one chat. Answers come when up to 2 · AHEAD later messages are known."""

    def __init__(self, weights: Weights | None = None) -> None:
        self._weights = weights or load()
        self._columns = Columns(REACH)
        self._keys: OrderedDict[int, str] = OrderedDict()  # the last REMEMBERED messages
        self._numbers: dict[str, int] = {}
        self._replies: dict[int, int] = {}  # explicit ones among the messages not yet decided
        self._roots: dict[int, int] = {}  # of the messages remembered
        self._looked = 0  # messages before this one had their first look
        self._decided = 0
        self._seen: deque[tuple[Array, Array]] = deque()  # first looks of those in between

    def add(self, said: Utterance) -> Iterator[Answer]:
        """Take in a message; yields the answers that are known now."""
        number = self._columns.end
        self._columns.append(said, self._decided)
        target = self._numbers.get(said.reply_to) if said.reply_to is not None else None
        if target is not None:
            self._replies[number] = target
        self._remember(number, said.key)
        if number + 1 - self._looked >= BLOCK + AHEAD:
            with _BLAS.limit(limits=1):
                self._look(number + 1 - AHEAD)
            yield from self._decide(self._looked - AHEAD)

    def close(self) -> Iterator[Answer]:
        """The answers still open; nothing more is said."""
        end = self._columns.end
        while self._looked < end:
            with _BLAS.limit(limits=1):
                self._look(min(end, self._looked + BLOCK))
        while self._decided < end:
            yield from self._decide(min(end, self._decided + BLOCK))

    def _remember(self, number: int, key: str) -> None:
        self._keys[number] = key
        self._numbers[key] = number
        if len(self._keys) > REMEMBERED:
            old, gone = self._keys.popitem(last=False)
            self._roots.pop(old, None)
            if self._numbers.get(gone) == old:
                del self._numbers[gone]

    def _look(self, until: int) -> None:
        """The first look at the messages before ``until``."""
        columns = self._columns
        numbers = np.arange(self._looked, until)
        pairs = Pairs(columns, numbers, columns.end)
        begin, end = self._looked - columns.start, until - columns.start
        seen, alone = first_look(pairs)
        columns.chances[begin:end] = decide(self._weights.first, seen, alone, pairs.valid)
        self._seen.extend(zip(seen, alone, strict=True))
        for number in numbers.tolist():
            if number in self._replies:
                self._state_reply(number)
        roots_of(columns.chances, columns.roots, begin, end, columns.start)
        for number in numbers.tolist():
            far = self._replies.get(number)
            if far is not None and number - far > REACH:
                columns.roots[number - columns.start] = self._roots.get(far, far)
            self._roots[number] = int(columns.roots[number - columns.start])
        self._looked = until

    def _state_reply(self, number: int) -> None:
        """An explicit reply is certain."""
        row = self._columns.chances[number - self._columns.start]
        row[:] = 0
        step = number - self._replies[number]
        if step <= REACH:
            row[step] = 1

    def _decide(self, until: int) -> Iterator[Answer]:
        """The second look at the messages before ``until``, which settles them."""
        if until <= self._decided:
            return
        numbers = np.arange(self._decided, until)
        with _BLAS.limit(limits=1):
            found, kept, chances = self._second(numbers)
        self._decided = until
        for index, number in enumerate(numbers.tolist()):
            yield self._answer(number, chances[index], kept[index], found, index)

    def _second(self, numbers: Array) -> tuple[Found, Array, Array]:
        """Pairs, the candidates kept, and the chances of each."""
        columns = self._columns
        found = Found(Pairs(columns, numbers, self._looked), columns.chances, columns.roots)
        kept = best_candidates(found)
        first = [self._seen.popleft() for _ in range(len(numbers))]
        looks = np.stack([seen for seen, _ in first]), np.stack([alone for _, alone in first])
        return found, kept, decide(self._weights.second, *both_looks(found, kept, looks))

    def _answer(self, number: int, chances: Array, kept: Array, found: Found, index: int) -> Answer:
        key = self._keys[number]
        if number in self._replies:
            target = self._keys.get(self._replies.pop(number))
            if target is not None:
                return Answer(key, target, 1.0, "reply")
        best = int(chances.argmax())
        score = round(float(chances[best]), 4)
        if best == 0:
            return Answer(key, None, score)
        candidate = int(kept[best - 1])
        reason = _reason(found, index, candidate)
        return Answer(key, self._keys[number - candidate - 1], score, reason)


def best_candidates(found: Found) -> Array:
    """The TOP candidates after the first look (b, TOP), nearest first."""
    best = np.argpartition(-found.chance, TOP, axis=1)[:, :TOP]
    return np.sort(best, axis=1)


def both_looks(found: Found, kept: Array, first: tuple[Array, Array]) -> tuple[Array, Array, Array]:
    """What the second networks read: both looks at the ``kept`` candidates, and which exist."""
    second, more = second_look(found)
    shown = [np.take_along_axis(look, kept[:, :, None], 1) for look in (first[0], second)]
    return (
        np.concatenate(shown, 2),
        np.concatenate([first[1], more], 1),
        np.take_along_axis(found.pairs.valid, kept, 1),
    )


def _reason(found: Found, index: int, candidate: int) -> str:
    pairs = found.pairs
    if pairs.same[index, candidate]:
        return "burst"
    if pairs.to_candidate[index, candidate]:
        return "mention"
    in_thread = found.mates[index, :, candidate] & pairs.same[index]
    if in_thread.any() or pairs.to_speaker[index, candidate]:
        return "exchange"
    return "next" if candidate == 0 else "likely"
