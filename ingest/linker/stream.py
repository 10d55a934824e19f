"""What both ways through a chat keep of it: its messages as columns, their keys, the first looks.

``finder`` waits for what is said next and decides once; ``live`` is asked about the newest message.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from ingest.linker.columns import Array, Columns, Utterance
from ingest.linker.first import first_look
from ingest.linker.network import Weights, decide
from ingest.linker.pairs import REACH, Pairs
from ingest.linker.second import roots_of

REMEMBERED = 4000
"""Messages an explicit reply can reach back to."""


class Stream:
    """The state of one chat, bounded; messages are numbered from 0."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.columns = Columns(REACH)
        self.keys: OrderedDict[int, str] = OrderedDict()  # the last REMEMBERED messages
        self.replies: dict[int, int] = {}  # explicit ones, until they are let go
        self._numbers: dict[str, int] = {}
        self._roots: dict[int, int] = {}  # of the messages remembered

    def append(self, said: Utterance, keep_from: int) -> int:
        """Take in a message; its number. Messages from ``keep_from`` on are still needed."""
        number = self.columns.end
        self.columns.append(said, keep_from)
        target = self._numbers.get(said.reply_to) if said.reply_to is not None else None
        if target is not None:
            self.replies[number] = target
        self._remember(number, said.key)
        return number

    def _remember(self, number: int, key: str) -> None:
        self.keys[number] = key
        self._numbers[key] = number
        if len(self.keys) > REMEMBERED:
            old, gone = self.keys.popitem(last=False)
            self._roots.pop(old, None)
            if self._numbers.get(gone) == old:
                del self._numbers[gone]

    def look(self, since: int, until: int, replies: dict[int, int]) -> tuple[Array, Array]:
        """The first look at the messages from ``since`` to before ``until``: what it saw.

        Fills in their chances and roots; ``replies`` are certain.
        """
        columns = self.columns
        numbers = np.arange(since, until)
        pairs = Pairs(columns, numbers, columns.end)
        begin, end = since - columns.start, until - columns.start
        seen, alone = first_look(pairs)
        columns.chances[begin:end] = decide(self.weights.first, seen, alone, pairs.valid)
        said = [number for number in numbers.tolist() if number in replies]
        for number in said:
            self._state_reply(number, replies[number])
        roots_of(columns.chances, columns.roots, begin, end, columns.start)
        for number in said:
            far = replies[number]
            if number - far > REACH:
                columns.roots[number - columns.start] = self._roots.get(far, far)
        for number in numbers.tolist():
            self._roots[number] = int(columns.roots[number - columns.start])
        return seen, alone

    def _state_reply(self, number: int, target: int) -> None:
        """An explicit reply is certain."""
        row = self.columns.chances[number - self.columns.start]
        row[:] = 0
        step = number - target
        if step <= REACH:
            row[step] = 1
