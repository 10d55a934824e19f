"""The stream: messages in, in order; for each, a little later, what it answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from threadpoolctl import ThreadpoolController

from ingest.linker.columns import Array, Utterance
from ingest.linker.network import Weights, decide, load
from ingest.linker.pairs import AHEAD, Pairs
from ingest.linker.second import Found, second_look
from ingest.linker.stream import Stream

BLOCK = 128
"""Messages looked at together: enough that the cost of numpy's calls is small beside the work."""
TOP = 20
"""Candidates the second look decides between: they hold 99.9 % of the links it could find."""


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
ONE_THREAD = ThreadpoolController().select(user_api="blas")


class Finder:
    """The state of one chat. Answers come when up to 2 · AHEAD later messages are known."""

    def __init__(self, weights: Weights | None = None) -> None:
        self._stream = Stream(weights or load())
        self._looked = 0  # messages before this one had their first look
        self._decided = 0
        self._seen: deque[tuple[Array, Array]] = deque()  # first looks of those in between

    def add(self, said: Utterance) -> Iterator[Answer]:
        """Take in a message; yields the answers that are known now."""
        number = self._stream.append(said, self._decided)
        if number + 1 - self._looked >= BLOCK + AHEAD:
            self._look(number + 1 - AHEAD)
            yield from self._decide(self._looked - AHEAD)

    def close(self) -> Iterator[Answer]:
        """The answers still open; nothing more is said."""
        end = self._stream.columns.end
        while self._looked < end:
            self._look(min(end, self._looked + BLOCK))
        while self._decided < end:
            yield from self._decide(min(end, self._decided + BLOCK))

    def _look(self, until: int) -> None:
        """The first look at the messages before ``until``."""
        with ONE_THREAD.limit(limits=1):
            looks = self._stream.look(self._looked, until, self._stream.replies)
        self._seen.extend(zip(*looks, strict=True))
        self._looked = until

    def _decide(self, until: int) -> Iterator[Answer]:
        """The second look at the messages before ``until``, which settles them."""
        if until <= self._decided:
            return
        numbers = np.arange(self._decided, until)
        with ONE_THREAD.limit(limits=1):
            found, kept, chances = self._second(numbers)
        self._decided = until
        for index, number in enumerate(numbers.tolist()):
            yield self._answer(number, chances[index], kept[index], found, index)

    def _second(self, numbers: Array) -> tuple[Found, Array, Array]:
        """Pairs, the candidates kept, and the chances of each."""
        columns = self._stream.columns
        found = Found(Pairs(columns, numbers, self._looked), columns.chances, columns.roots)
        kept = best_candidates(found)
        first = [self._seen.popleft() for _ in range(len(numbers))]
        looks = np.stack([seen for seen, _ in first]), np.stack([alone for _, alone in first])
        return found, kept, decide(self._stream.weights.second, *both_looks(found, kept, looks))

    def _answer(self, number: int, chances: Array, kept: Array, found: Found, index: int) -> Answer:
        key = self._stream.keys[number]
        if number in self._stream.replies:
            target = self._stream.keys.get(self._stream.replies.pop(number))
            if target is not None:
                return Answer(key, target, 1.0, "reply")
        best = int(chances.argmax())
        score = round(float(chances[best]), 4)
        if best == 0:
            return Answer(key, None, score)
        candidate = int(kept[best - 1])
        reason = _reason(found, index, candidate)
        return Answer(key, self._stream.keys[number - candidate - 1], score, reason)


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
