"""The lexical half of recall: messages that share words with a question, and their passages.

It searches the archive itself, so that what arrived a moment ago is found, indexed or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from ingest.archive import Archive
from ingest.chat import Message
from ingest.chunks import Chunk, words_in
from ingest.clean import is_noise
from ingest.database import millis
from ingest.scope import Scope
from rag.index.catalogue import Catalogue

_LINES_AROUND = 2
# As much as age costs a passage in rag.evidence: without it, recent messages of a discussion that
# goes on are not among the candidates (nDCG of fused recall .15 instead of .22).
FADE = 0.06


@dataclass
class Worded:
    """Passage ids, and the passages among them that no index holds yet."""

    ids: list[str] = field(default_factory=list)
    fresh: dict[str, Chunk] = field(default_factory=dict)


class Wording:
    """Word search over an archive and the catalogue of its passages, if there is one."""

    def __init__(self, archive: Archive, catalogue: Catalogue | None, *, gap: timedelta) -> None:
        self._archive, self._catalogue, self._gap = archive, catalogue, gap

    def find(
        self,
        terms: Sequence[str],
        *,
        scope: Scope,
        shelves: Sequence[str],
        before: datetime | None,
        limit: int,
        seconds: float | None,
    ) -> Worded:
        """Passages of ``shelves`` that quote one of the ``limit`` best messages within ``scope``.

        Nothing where the search takes longer than ``seconds``.
        """
        hits = self._archive.search(
            " ".join(terms), scope=scope, before=before, limit=limit, fade=FADE, seconds=seconds
        )
        known = self._containing([message.id for message, _ in hits], shelves, before)
        found = Worded()
        for message, _ in hits:
            keys = known.get(message.id, [])
            if not keys and self._is_unindexed(message):
                chunk = self._around(message, scope, before)
                found.fresh[chunk.id] = chunk
                keys = [chunk.id]
            found.ids.extend(keys)
        return found

    def _containing(
        self, ids: Sequence[str], shelves: Sequence[str], before: datetime | None
    ) -> dict[str, list[str]]:
        if self._catalogue is None:
            return {}
        return self._catalogue.containing(ids, shelves=shelves, before=before)

    def _is_unindexed(self, message: Message) -> bool:
        """Whether a message that no passage quotes is news, rather than left out as small talk."""
        if is_noise(message) or not words_in(message.text):
            return False
        return self._catalogue is None or millis(message.sent_at) > self._catalogue.latest(
            message.chat
        )

    def _around(self, message: Message, scope: Scope, before: datetime | None) -> Chunk:
        """A passage made on the spot: a message and, where they may be shown, the lines around."""
        if not scope.may_show(message.chat, is_own=False):
            return Chunk((message,))
        earlier = self._archive.history(message.chat, before=message.sent_at, limit=_LINES_AROUND)
        since = self._archive.messages(message.chat, after=message.sent_at, before=before)
        later = [m for m in islice(since, 2 * _LINES_AROUND) if m.id != message.id]
        near = [
            other
            for other in (*earlier, message, *later[:_LINES_AROUND])
            if abs(other.sent_at - message.sent_at) <= self._gap and not is_noise(other)
        ]
        return Chunk(tuple(near))
