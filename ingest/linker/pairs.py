"""Messages and the REACH before each of them, side by side.

Arrays are (messages, candidates[, ...]); candidate ``k`` is the message ``k + 1`` before.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ingest.linker.columns import BACK, NAMED, Array, Columns

REACH = 64
"""Messages looked back on: 98.8 % of the links in the training data are no longer than that."""
AHEAD = 24
"""Messages looked ahead on, where they are there already."""
STEPS = np.arange(1, REACH + 1)
LATER = STEPS[:, None] < STEPS[None, :]
"""[j, k]: candidate j was said after candidate k."""


class Pairs:
    """Shared arrays of a block of messages ``numbers`` (ascending) and their candidates.

    ``until`` is the end of what may be looked at ahead.
    """

    def __init__(self, columns: Columns, numbers: Array, until: int) -> None:
        self.columns = columns
        self.rows = numbers - columns.start
        self.count = len(numbers)
        self.until = until - columns.start
        candidates = self.rows[:, None] - STEPS
        self.valid = candidates >= 0
        self.at = np.maximum(candidates, 0)
        self.who = np.where(self.valid, columns.who[self.at], -9)
        self.speaker = columns.who[self.rows]
        self.named = columns.named[self.at]
        self.naming = columns.strength[self.at]
        self.names = columns.named[self.rows]
        self.same = self.who == self.speaker[:, None]
        self.same_pair = self.who[:, :, None] == self.who[:, None, :]
        self.to_candidate = _strongest(
            self.names[:, None, :], columns.strength[self.rows][:, None, :], self.who
        )
        self.to_speaker = _strongest(self.named, self.naming, self.speaker[:, None])

    @cached_property
    def later_same(self) -> Array:
        """[b, j, k]: j is a later message of k's author."""
        found: Array = self.same_pair & LATER
        return found

    @cached_property
    def later_count(self) -> Array:
        """Later messages of each candidate's author."""
        return count(self.later_same)

    @cached_property
    def ahead(self) -> Array:
        """Rows of the messages ahead, those beyond the end clipped to it."""
        return np.minimum(self.ahead_real, max(self.until - 1, 0))

    @cached_property
    def ahead_real(self) -> Array:
        """Rows of the messages ahead, whether or not they are there."""
        found: Array = self.rows[:, None] + np.arange(1, AHEAD + 1)
        return found

    @cached_property
    def ahead_who(self) -> Array:
        """Who says the messages ahead; -7 where there is none."""
        there = self.ahead_real < self.until
        return np.where(there, self.columns.who[self.ahead], -7)

    @cached_property
    def overlap(self) -> Array:
        """Sum over shared words of their weights in both texts."""
        return self._products(self.columns.words[self.rows])

    def _products(self, vectors: Array) -> Array:
        low = max(0, int(self.rows.min()) - REACH)
        table = vectors @ self.columns.words[low : int(self.rows.max()) + 1].T
        found = np.take_along_axis(table, np.maximum(self.at - low, 0), 1)
        kept: Array = np.where(self.valid, found, 0)
        return kept

    @cached_property
    def before(self) -> Array:
        """Row of the speaker's last message, -1 where it is too long ago."""
        row = self.columns.previous[self.rows] - self.columns.start
        return np.where((row >= 0) & (self.rows - row <= BACK), row, -1)

    @cached_property
    def since_before(self) -> Array:
        """Messages since the speaker's last, 999 where that is too long ago."""
        return np.where(self.before >= 0, self.rows - self.before, 999)

    def before_overlap(self) -> Array:
        """``overlap`` of the speaker's last message."""
        vectors = self.columns.words[np.maximum(self.before, 0)] * (self.before >= 0)[:, None]
        found: Array = self._products(vectors) * (self.at != self.before[:, None])
        return found

    def wide(self, column: Array) -> Array:
        """One number a message, repeated for its candidates."""
        return np.broadcast_to(column[:, None], (self.count, REACH))


def _strongest(named: Array, strength: Array, who: Array) -> Array:
    """How strongly ``who`` is named (…, NAMED); 0 where not."""
    hits = [strength[..., place] * (named[..., place] == who) for place in range(NAMED)]
    found: Array = np.maximum.reduce(hits)
    return found


def naming(named: Array, who: Array) -> Array:
    """[b, j, k]: whether row j of ``named`` (b, j, NAMED) holds ``who`` (b, k)."""
    found: Array = named[:, :, 0, None] == who[:, None, :]
    for place in range(1, NAMED):
        found |= named[:, :, place, None] == who[:, None, :]
    return found


def count(hits: Array) -> Array:
    """How many along axis 1, of at most 255."""
    found: Array = hits.sum(1, dtype=np.uint8).astype(np.float32)
    return found
