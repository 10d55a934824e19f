"""The tail: passages too new for the index, with their vectors in memory.

A passage of the tail is a message and the lines of its conversation just before it. It holds ids
and times, no text: what is shown is read from the archive.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from config.settings import Settings
from ingest.archive import Archive
from ingest.chat import Message
from ingest.chunks import Chunk, is_own, words_in
from ingest.clean import is_noise
from ingest.database import millis
from rag.index.catalogue import Entry
from rag.index.shelves import SHARED, Shelving

if TYPE_CHECKING:
    from rag.embedding.protocol import Vectors

MOST = 1024
"""Passages; at 384 numbers each they take 1.5 MiB."""
_LINES_BEFORE = 2


@dataclass(frozen=True, slots=True)
class Fresh:
    """A passage of the tail; its message is the last of ``entry.message_ids``."""

    entry: Entry
    ended_at: int
    vector: Vectors

    @property
    def message(self) -> str:
        """The message this passage was made for."""
        return self.entry.message_ids[-1]


class Tail:
    """The newest passages, at most MOST; may be used from several threads."""

    def __init__(self) -> None:
        self._fresh: OrderedDict[str, Fresh] = OrderedDict()  # the oldest first
        self._lock = threading.Lock()

    def put(self, fresh: Iterable[Fresh]) -> None:
        """Add passages, or replace those of the same id; the oldest make room."""
        with self._lock:
            for one in fresh:
                self._fresh.pop(one.entry.id, None)
                self._fresh[one.entry.id] = one
            while len(self._fresh) > MOST:
                self._fresh.popitem(last=False)

    def take(self, message: str) -> set[str]:
        """Remove all passages that quote a message; the messages they were made for."""
        with self._lock:
            quoting = [f for f in self._fresh.values() if message in f.entry.message_ids]
            for fresh in quoting:
                del self._fresh[fresh.entry.id]
        return {fresh.message for fresh in quoting}

    def drop_indexed(self, messages: Collection[str]) -> None:
        """Let go of passages with @self made for these messages: the index has their vectors."""
        with self._lock:
            for key, fresh in list(self._fresh.items()):
                if fresh.entry.has_self and fresh.message in messages:
                    del self._fresh[key]

    def entries(self, keys: Iterable[str]) -> dict[str, Entry]:
        """The passages of these ids; others are left out."""
        with self._lock:
            return {key: self._fresh[key].entry for key in keys if key in self._fresh}

    def nearest(
        self, shelf: str, vector: Vectors, limit: int, *, before: datetime | None
    ) -> list[tuple[str, float]]:
        """Passages of a shelf that ended before the moment and their cosine, nearest first."""
        import numpy as np

        moment = None if before is None else millis(before)
        with self._lock:
            found = [
                fresh
                for fresh in self._fresh.values()
                if fresh.entry.shelf == shelf and (moment is None or fresh.ended_at < moment)
            ]
        if not found or limit <= 0:
            return []
        cosines = np.stack([fresh.vector for fresh in found]) @ vector
        best = np.argsort(-cosines, kind="stable")[:limit].tolist()
        return [(found[place].entry.id, float(cosines[place])) for place in best]


def chunks_for(
    archive: Archive, message: Message, settings: Settings
) -> Iterable[tuple[str, Chunk]]:
    """The passages of a fresh message, each with its shelf; none for small talk."""
    if is_noise(message) or not words_in(message.text):
        return
    chat = next(chat for chat in archive.chats() if chat.id == message.chat)
    shelving = Shelving.of(chat, settings.recall.shareable)
    gap = timedelta(minutes=settings.threads.gap_minutes)
    earlier = archive.history(message.chat, before=message.sent_at, limit=_LINES_BEFORE)
    near = (m for m in earlier if message.sent_at - m.sent_at <= gap and not is_noise(m))
    yield shelving.shelf, Chunk((*near, message))
    if shelving.has_statements and is_own(message):
        yield SHARED, Chunk((message,), is_statement=True)


def entry_of(shelf: str, chunk: Chunk) -> Entry:
    """A passage as the catalogue would know it."""
    ids = tuple(message.id for message in chunk.messages)
    return Entry(chunk.id, chunk.chat, ids, chunk.has_self, shelf, chunk.is_statement)
