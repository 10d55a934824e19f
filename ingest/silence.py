"""When @self answered and when @self read past: the examples the gate learns from.

A position is the last line of somebody's turn, at a moment when @self was around: wrote in that
chat within :data:`AROUND` before or after. It is *answered* where @self's next turn in the thread
replies to it, or follows it; whatever was said between such a line and the reply is left out, since
nobody knows whether it was read past. Every other position is *silent*, in one of three strata:

- ``addressed``: replies to @self or mentions @self, and got no answer. All are kept.
- ``near``: in a thread that @self took part in, before joining or after leaving.
- ``far``: in a thread that @self never joined.

Per split, ``dataset.silence_per_answer`` silent positions are drawn for each answered one: first
all ``addressed``, the rest half ``near`` and half ``far`` (more of one where the other runs out).
The draw is by a hash of seed and message id, smallest first, so that it does not depend on order
and more messages change no earlier draw. Chats without times give none: nobody can tell who was
around.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from hashlib import blake2b
from math import ceil
from pathlib import Path
from typing import Any

import orjson

from ingest.chat import Line, Message, Thread
from ingest.clean import is_noise
from ingest.database import millis
from ingest.prompt import line_of
from ingest.threads import BURST
from ingest.window_json import line_from_json, line_to_json

AROUND = timedelta(hours=1)
CONTEXT_MESSAGES = 8
_AROUND_MS = AROUND // timedelta(milliseconds=1)


class Stratum(StrEnum):
    """What kind of position it is; every one but ``answered`` is a silence."""

    ANSWERED = "answered"
    ADDRESSED = "addressed"
    NEAR = "near"
    FAR = "far"


@dataclass(frozen=True, slots=True)
class GateExample:
    """The thread up to a position, and what @self did.

    ``idle_seconds`` is how long before @self had last written in the chat, None where never.
    """

    id: str
    chat: str
    lines: tuple[Line, ...]
    stratum: Stratum
    idle_seconds: float | None = None

    @property
    def is_answered(self) -> bool:
        """Whether @self replied."""
        return self.stratum is Stratum.ANSWERED


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a thread: the messages up to it, and its stratum."""

    shown: Sequence[Message]
    stratum: Stratum


def positions(
    thread: Thread, *, me: str, times: Sequence[int], answered: Collection[str]
) -> Iterator[Position]:
    """The positions of a thread; ``me`` is @self's handle.

    ``times`` are when @self wrote in the chat (sorted milliseconds), ``answered`` the messages that
    @self replied to explicitly, in whatever thread.
    """
    spoken = [message for message in thread.messages if is_noise(message) is None]
    replied, between = _answered(spoken, {link.source: link.target for link in thread.links})
    mine = {message.id for message in spoken if message.person.is_self}
    for index, message in enumerate(spoken):
        if message.person.is_self or not _is_around(times, message):
            continue
        is_answered = index in replied
        is_unclear = index in between or message.id in answered or _goes_on(spoken, index)
        if is_answered or not is_unclear:
            start = max(0, index + 1 - CONTEXT_MESSAGES)
            stratum = Stratum.ANSWERED if is_answered else _silent(message, me, mine)
            yield Position(spoken[start : index + 1], stratum)


def example_of(position: Position, *, me: str, times: Sequence[int]) -> GateExample:
    """The position as the gate is shown it."""
    message = position.shown[-1]
    lines = tuple(line_of(shown, me=me) for shown in position.shown)
    before = bisect_left(times, millis(message.sent_at))
    idle = (millis(message.sent_at) - times[before - 1]) / 1000 if before else None
    return GateExample(message.id, message.chat, lines, position.stratum, idle)


def _answered(
    spoken: Sequence[Message], links: Mapping[str, str]
) -> tuple[frozenset[int], frozenset[int]]:
    """Indices that @self's turns answer, and those between an answered line and its reply."""
    places = {message.id: place for place, message in enumerate(spoken)}
    replied: set[int] = set()
    between: set[int] = set()
    for index, message in enumerate(spoken):
        if not message.person.is_self or index == 0:
            continue
        place = places.get(links.get(message.id, ""), -1)
        if not 0 <= place < index or spoken[place].person.is_self:
            place = index - 1
        if not spoken[place].person.is_self:
            replied.add(place)
            between.update(range(place + 1, index))
    return frozenset(replied), frozenset(between)


def _goes_on(spoken: Sequence[Message], index: int) -> bool:
    """Whether the same person types on: no turn ends here."""
    if index + 1 == len(spoken):
        return False
    here, later = spoken[index], spoken[index + 1]
    return later.person.id == here.person.id and later.sent_at - here.sent_at <= BURST


def _silent(message: Message, me: str, mine: Collection[str]) -> Stratum:
    if me in message.mentions or message.reply_to in mine:
        return Stratum.ADDRESSED
    return Stratum.NEAR if mine else Stratum.FAR


def _is_around(times: Sequence[int], message: Message) -> bool:
    at = millis(message.sent_at)
    place = bisect_left(times, at)
    return any(abs(other - at) <= _AROUND_MS for other in times[max(0, place - 1) : place + 1])


class Sieve:
    """Lets through the smallest of many draws: at least ``enough`` of them, and not many more.

    The mesh narrows as more pass, whatever their order; who wants the smallest sorts what passed.
    """

    def __init__(self, enough: int) -> None:
        self._most = 2 * max(enough, 64)
        self._limit = 1 << 64
        self._passed = array("Q")

    def passes(self, draw: int) -> bool:
        """Whether this draw is among the small ones so far."""
        if draw >= self._limit:
            return False
        self._passed.append(draw)
        if len(self._passed) > 2 * self._most:
            self._passed = array("Q", sorted(self._passed)[: self._most])
            self._limit = self._passed[-1] + 1
        return True


def draw_of(seed: int, id: str) -> int:
    """64 bits that depend on seed and message alone."""
    return int.from_bytes(blake2b(f"{seed}:{id}".encode(), digest_size=8).digest())


def chosen(draws: Mapping[Stratum, Iterable[int]], per_answer: float) -> dict[Stratum, list[int]]:
    """The draws to keep of each stratum, as the module's docstring has it."""
    sorted_draws: dict[Stratum, list[int]] = {}
    known: set[int] = set()
    for stratum in Stratum:  # a message that stands in two threads counts in its first stratum
        found = set(draws.get(stratum, ())) - known
        sorted_draws[stratum] = sorted(found)
        known |= found
    wanted = ceil(per_answer * len(sorted_draws[Stratum.ANSWERED]))
    rest = max(0, wanted - len(sorted_draws[Stratum.ADDRESSED]))
    near, far = sorted_draws[Stratum.NEAR], sorted_draws[Stratum.FAR]
    from_far = min(len(far), max(rest // 2, rest - len(near)))
    return sorted_draws | {Stratum.NEAR: near[: rest - from_far], Stratum.FAR: far[:from_far]}


def to_json(example: GateExample) -> dict[str, Any]:
    """A JSON-ready mapping (orjson writes the instants)."""
    return {
        "id": example.id,
        "chat": example.chat,
        "label": "answer" if example.is_answered else "silent",
        "stratum": example.stratum,
        "idle_seconds": example.idle_seconds,
        "lines": [line_to_json(line) | {"self": line.is_self} for line in example.lines],
    }


def from_json(data: dict[str, Any]) -> GateExample:
    """Read what :func:`to_json` and orjson wrote."""
    lines = tuple(line_from_json(line, is_self=line["self"]) for line in data["lines"])
    idle = data["idle_seconds"]
    return GateExample(data["id"], data["chat"], lines, Stratum(data["stratum"]), idle)


def read_silence(path: Path) -> Iterator[GateExample]:
    """Stream the gate's examples of one split."""
    with path.open("rb") as lines:
        for line in lines:
            yield from_json(orjson.loads(line))
