"""Archive to passages: which segments must be cut, newest first, and the cutting itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from config.settings import Settings
from ingest.archive import Archive
from ingest.chat import Conversation
from ingest.chunks import CUTTER, Chunk
from ingest.database import millis
from rag.index.ledger import Cut, Ledger
from rag.index.segments import (
    FIRST,
    LAST,
    SEGMENTS,
    SIZES,
    Segment,
    Sizes,
    segments_of,
    threads_of,
)
from rag.index.shelves import Shelving


@dataclass(frozen=True, slots=True)
class Task:
    """A segment to be cut."""

    chat: str
    segment: Segment


class Cutter:
    """Brings the passages of a ledger up to date with the archive as it is at ``revision``.

    Each segment is one transaction, so that a run killed anywhere is continued.
    """

    def __init__(
        self, archive: Archive, ledger: Ledger, settings: Settings, sizes: Sizes = SIZES
    ) -> None:
        self._sizes = sizes
        self._archive, self._ledger, self._settings = archive, ledger, settings
        self._gap = timedelta(minutes=settings.threads.gap_minutes)
        self.revision = archive.revision
        self._chats = {chat.id: chat for chat in archive.chats()}
        self._finished = ledger.finished()

    def tasks(self) -> list[Task]:
        """What is to be cut, the latest first; chats that are no more are taken out at once."""
        for gone in self._finished.keys() - self._chats.keys():
            self._ledger.drop(gone)
        stale = [task for chat in self._unfinished() for task in self._stale(chat)]
        return sorted(stale, key=lambda task: -task.segment.until)

    def cut(self, task: Task) -> None:
        """Make the passages of one segment what they are to be."""
        threads = threads_of(self._archive, task.chat, task.segment, self._gap, self._sizes)
        shelving = Shelving.of(self._chats[task.chat], self._settings.recall.shareable)
        shelved = (
            (shelf, chunk)
            for thread in threads
            for shelf, chunk in shelving.place(thread)
            if _ends_in(chunk, task.segment)
        )
        recipe = self._recipe(self._chats[task.chat])
        self._ledger.replace(task.chat, task.segment, shelved, recipe, self.revision)

    def finish(self) -> None:
        """Note that all tasks were done."""
        for chat in self._unfinished():
            self._ledger.finish(chat.id, self._recipe(chat), self.revision)

    def _unfinished(self) -> Iterator[Conversation]:
        """Chats that changed since they were finished, or are to be cut otherwise."""
        oldest = min((revision for _, revision in self._finished.values()), default=0)
        changed = self._archive.changed_since(oldest)
        for chat in self._chats.values():
            recipe, revision = self._finished.get(chat.id, ("", 0))
            if recipe != self._recipe(chat) or (
                chat.id in changed and self._archive.latest_change(chat.id, FIRST, LAST) > revision
            ):
                yield chat

    def _stale(self, chat: Conversation) -> Iterator[Task]:
        done = self._ledger.cut(chat.id)
        for segment in segments_of(self._archive.times(chat.id), self._gap, self._sizes):
            known = done.get(segment.since)
            if known is None or not self._stands(chat, segment, known):
                yield Task(chat.id, segment)

    def _stands(self, chat: Conversation, segment: Segment, known: Cut) -> bool:
        until, reads_from, recipe, revision = known
        if (until, reads_from, recipe) != (
            segment.until,
            segment.reads_from,
            self._recipe(chat),
        ):
            return False
        latest = self._archive.latest_change(chat.id, reads_from, until)
        return latest <= revision

    def _recipe(self, chat: Conversation) -> str:
        """All that passages follow from beside the messages."""
        shelving = Shelving.of(chat, self._settings.recall.shareable)
        return json.dumps(
            [
                CUTTER,
                SEGMENTS,
                self._settings.threads.gap_minutes,
                self._settings.ingest.pseudonyms,
                shelving.shelf,
                shelving.has_statements,
            ]
        )


def _ends_in(chunk: Chunk, segment: Segment) -> bool:
    """Whether a passage is this segment's; one quoted whole from an earlier is that one's."""
    return segment.since <= millis(chunk.ended_at) < segment.until
