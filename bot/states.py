"""What the model has read and still holds: one stream per conversation, the least used given up.

A stream is found by what it holds, not by a name: the one that shares the longest beginning with a
prompt is read on. So chats, topics and several conversations in one chat keep a state each, nothing
has to be told apart by hand, and what was read for one chat can serve another only where the very
same tokens stand, as they do in the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]

WORTH_COPYING = 32
"""Tokens; copying a stream takes as long as reading a few."""

ANEW = 8
"""Tokens at the end of a prompt that are always read, and read together. The last has to be, to
know what comes next; fewer than eight are multiplied in another way than many (Gemma's Q4_K_M, KL
up to 3e-4), and a reply would hang on where reading was taken up."""


class Streams(Protocol):
    """Where what was read is held (``bot.llama.Model``)."""

    streams: int
    context_tokens: int

    def read(
        self, ids: Sequence[int], *, stream: int, position: int, is_scored: bool = False
    ) -> None:
        """Read on from ``position``, which is where the stream ends; all of it may be scored."""
        ...

    def forget(self, stream: int, start: int) -> bool:
        """Drop what a stream holds from ``start`` on; False where that cannot be."""
        ...

    def copy(self, source: int, target: int) -> None:
        """Make an emptied stream hold what another does."""
        ...


class Track:
    """One stream, and the tokens it holds."""

    def __init__(self, streams: Streams, number: int) -> None:
        self._streams, self._number = streams, number
        self._ids: Ids = np.empty(streams.context_tokens, dtype=np.int32)
        self.length = 0

    def shared(self, ids: Ids) -> int:
        """How many tokens at its beginning are those of ``ids``."""
        most = min(self.length, len(ids))
        differing = np.flatnonzero(self._ids[:most] != ids[:most])
        return int(differing[0]) if differing.size else most

    def read(self, ids: Sequence[int], *, is_scored: bool = False) -> None:
        """Read on, one batch. What fails is raised, and leaves the track as it was before."""
        end = self.length + len(ids)
        try:
            self._streams.read(ids, stream=self._number, position=self.length, is_scored=is_scored)
        except BaseException:
            self.cut(self.length)
            raise
        self._ids[self.length : end] = ids
        self.length = end

    def cut(self, length: int) -> None:
        """Forget what lies behind ``length``, or everything where the model cannot go back."""
        if not self._streams.forget(self._number, length):
            self._streams.forget(self._number, 0)
            length = 0
        self.length = length

    def take_over(self, other: Track) -> None:
        """Hold what another track does."""
        self.cut(0)
        self._streams.copy(other._number, self._number)
        self._ids[: other.length] = other._ids[: other.length]
        self.length = other.length


class States:
    """The tracks of a model. ``head`` is how many tokens all prompts begin with."""

    def __init__(self, streams: Streams, *, head: int) -> None:
        self._tracks = [Track(streams, number) for number in range(streams.streams)]
        self._head = head

    def take(self, ids: Sequence[int]) -> Track:
        """A track that holds a beginning of ``ids`` and nothing else: the longest there is, but for
        the last ANEW tokens."""
        wanted = np.asarray(ids, dtype=np.int32)
        best = max(reversed(self._tracks), key=lambda track: track.shared(wanted))
        track = best if self._goes_on(best, wanted) else self._tracks[0]
        if track is not best and best.shared(wanted) >= track.shared(wanted) + WORTH_COPYING:
            track.take_over(best)
        track.cut(min(track.shared(wanted), max(0, len(ids) - ANEW)))
        self._tracks.remove(track)
        self._tracks.append(track)
        return track

    def _goes_on(self, track: Track, ids: Ids) -> bool:
        """Whether the prompt is the next of the track's conversation.

        Lost is then at most what stood at the tail: recalled passages and the reply as it was
        written. What shares less is another conversation, and the head is copied to it.
        """
        return 2 * (track.shared(ids) - self._head) > track.length - self._head > 0
