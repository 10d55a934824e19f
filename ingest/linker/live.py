"""What the newest message of a chat answers, while nothing is said after it yet.

The same signs as ``finder`` reads, but asked now: messages that AHEAD others follow are settled,
those after them are looked at again with every question, for each new message tells more of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingest.linker.columns import Array, Utterance
from ingest.linker.finder import ONE_THREAD
from ingest.linker.network import Weights, load
from ingest.linker.pairs import AHEAD, Pairs
from ingest.linker.second import Found, second_look
from ingest.linker.stream import Stream
from ingest.linker.wording import Wording

SETTLED = 32
"""Messages settled together."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of the newest message and of the REACH before it, the latest first.

    ``first`` and ``second`` are both looks at it, ``found`` what was found around it, ``wording``
    (REACH,) the BM25 of its text against each of theirs.
    """

    first: tuple[Array, Array]
    second: tuple[Array, Array]
    found: Found
    wording: Array


class Live:
    """The state of one chat, fed one message at a time."""

    def __init__(self, weights: Weights | None = None) -> None:
        self._stream = Stream(weights or load())
        self._settled = 0
        self._wording = Wording()

    def add(self, said: Utterance) -> None:
        """Take in a message."""
        number = self._stream.append(said, self._settled)
        self._wording.add(said.text)
        if number + 1 - self._settled >= SETTLED + AHEAD:
            self._settle(number + 1 - AHEAD)

    def key(self, steps: int) -> str:
        """The key of the message ``steps`` before the newest."""
        return self._stream.keys[self._stream.columns.end - 1 - steps]

    def quoted(self) -> str | None:
        """The key of what the newest message quotes, as far as it is remembered."""
        target = self._stream.replies.get(self._stream.columns.end - 1)
        return None if target is None else self._stream.keys.get(target)

    def look(self, *, hide_reply: bool = False) -> Sight:
        """The newest message beside those before it; with ``hide_reply`` as if it quoted none."""
        stream = self._stream
        number = stream.columns.end - 1
        replies = stream.replies
        if hide_reply:
            replies = {source: to for source, to in replies.items() if source != number}
        with ONE_THREAD.limit(limits=1):
            seen, alone = stream.look(self._settled, number + 1, replies)
            pairs = Pairs(stream.columns, np.array([number]), number + 1)
            found = Found(pairs, stream.columns.chances, stream.columns.roots)
            second = second_look(found)
        return Sight((seen[-1:], alone[-1:]), second, found, self._wording.compare())

    def _settle(self, until: int) -> None:
        stream = self._stream
        with ONE_THREAD.limit(limits=1):
            stream.look(self._settled, until, stream.replies)
        self._settled = until
        stream.replies = {source: to for source, to in stream.replies.items() if source >= until}
