"""Live: what is said now can be found now, by meaning too, and the index follows by itself.

Two threads beside the one that talks, which never waits for them: one keeps the tail (see
:mod:`rag.index.tail`), so that a message is found by its meaning as soon as it is embedded; the
other refreshes the index when nobody spoke for a while, or much was said. Words need neither: the
archive finds them as soon as it holds the message.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from config.console import say
from config.errors import AtselfError
from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Message
from ingest.database import millis
from rag.embedding.protocol import Embedder
from rag.errors import IndexBusy
from rag.index.building import Hooks, build_index
from rag.index.catalogue import Entry
from rag.index.generations import current_generation
from rag.index.manifest import Model
from rag.index.tail import Fresh, Tail, chunks_for, entry_of

if TYPE_CHECKING:
    from rag.embedding.protocol import Vectors

_BACKLOG = 512
"""Messages waiting to be embedded; beyond that the newest are left to the refresh."""
_AT_ONCE = 16
_TRY_AGAIN = timedelta(minutes=5)
_SOON = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """When the index is refreshed: ``quiet`` after the last message, or after so many of them."""

    quiet: timedelta = timedelta(minutes=2)
    messages: int = 200


class Live:
    """Keeps what is searched by meaning at the side of a conversation; a context manager.

    ``embedder`` is the index's own. Searching and telling may be done from any thread.
    """

    def __init__(
        self,
        home: Home,
        settings: Settings,
        embedder: Embedder,
        *,
        pace: Pace | None = None,
        warn: Callable[[str], None] = say,
    ) -> None:
        self._home, self._settings, self._warn = home, settings, warn
        self._pace = pace or Pace()
        self.embedder = embedder
        self._tail = Tail()
        self._news: queue.Queue[str | None] = queue.Queue(_BACKLOG)
        self._state = threading.Condition()
        self._waiting: set[str] = set()  # messages the index does not know yet
        self._heard_at = monotonic()
        self._is_closing = False
        self._threads = [
            threading.Thread(target=self._follow, name="atself-tail", daemon=True),
            threading.Thread(target=self._refresh, name="atself-index", daemon=True),
        ]

    def __enter__(self) -> Live:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop both threads after the work in hand; what is left the next run does."""
        with self._state:
            self._is_closing = True
            self._state.notify_all()
        with suppress(queue.Full):
            self._news.put_nowait(None)
        for thread in self._threads:
            thread.join()

    def heard(self, message: Message) -> None:
        """A message was added to the archive, or changed there. Returns at once."""
        self._tell([message.id])

    def removed(self, ids: Iterable[str]) -> None:
        """Messages were removed from the archive. Returns at once."""
        gone = list(ids)
        for id in gone:  # at once; what quoted them is made anew in its time
            self._tell([*self._tail.take(id), id])

    def settle(self) -> None:
        """Wait until everything heard so far can be found by its meaning."""
        self._news.join()

    def nearest(
        self, shelf: str, vector: Vectors, limit: int, before: datetime | None = None
    ) -> list[tuple[str, float]]:
        """Fresh passages of a shelf that ended before the moment and their cosine, nearest first.

        See :meth:`entries` for what they are.
        """
        return self._tail.nearest(shelf, vector, limit, before=before)

    def entries(self, keys: Iterable[str]) -> dict[str, Entry]:
        """Fresh passages by id, for :func:`rag.index.vectors.load_chunks`."""
        return self._tail.entries(keys)

    def _tell(self, ids: Iterable[str]) -> None:
        for id in ids:
            with suppress(queue.Full):
                self._news.put_nowait(id)
            with self._state:
                self._waiting.add(id)
                self._heard_at = monotonic()
                self._state.notify_all()

    def _follow(self) -> None:
        """Embed what is heard, whatever happens: others wait for this thread."""
        while not self._is_closing:
            try:
                with self._archive() as archive:
                    self._listen(archive)
            except AtselfError as error:  # somebody holds the archive for long
                self._warn(f"{error} (until then new messages are found by words alone)")
                with self._state:
                    self._state.wait_for(lambda: self._is_closing, _SOON.total_seconds())

    def _listen(self, archive: Archive) -> None:
        """One message after the other, until it is closed."""
        while not self._is_closing:
            id = self._news.get()
            try:
                if id is not None:
                    self._embed(archive, id)
            except Exception as error:  # a library's, too: the next message may fare better
                self._warn(f"{error} (until then new messages are found by words alone)")
            finally:
                self._news.task_done()

    def _embed(self, archive: Archive, id: str) -> None:
        """Make the passages that quote a message what they are to be now."""
        wanted = {id, *self._tail.take(id)}
        for message in archive.get(sorted(wanted)):
            shelved = list(chunks_for(archive, message, self._settings))
            if not shelved:
                continue
            vectors = self.embedder.embed_passages([chunk.to_embed() for _, chunk in shelved])
            self._tail.put(
                Fresh(entry_of(shelf, chunk), millis(chunk.ended_at), vector)
                for (shelf, chunk), vector in zip(shelved, vectors, strict=True)
            )

    def _refresh(self) -> None:
        """Bring the index up to date, whenever it is time."""
        while (known := self._due()) is not None:
            try:
                if current_generation(self._home.index) is not None:
                    self._build()
                    self._tail.drop_indexed(known)
            except IndexBusy:
                self._put_off(known)
            except AtselfError as error:
                self._warn(str(error))
                self._put_off(known)

    def _due(self) -> set[str] | None:
        """Wait until it is time; the messages heard by then, None when closing."""
        with self._state:
            while not self._is_closing:
                rest = self._heard_at + self._pace.quiet.total_seconds() - monotonic()
                if self._waiting and (rest <= 0 or len(self._waiting) >= self._pace.messages):
                    known, self._waiting = self._waiting, set()
                    return known
                self._state.wait(max(rest, 0.0) if self._waiting else None)
        return None

    def _put_off(self, known: set[str]) -> None:
        """Somebody else writes the index, or it cannot be written: try again later."""
        with self._state:
            self._state.wait_for(lambda: self._is_closing, _TRY_AGAIN.total_seconds())
            self._waiting |= known

    def _build(self) -> None:
        hooks = Hooks(is_over=lambda: self._is_closing, say=self._warn, wrap=self._shared)
        with self._archive() as archive:
            now = datetime.now
            build_index(archive, self._home, self._settings, now=lambda: now(UTC), hooks=hooks)

    def _shared(self, embedder: Embedder) -> Embedder:
        """The embedder in use here, where a run wants the same; a rebuild may want another."""
        return self.embedder if Model.of(embedder) == Model.of(self.embedder) else embedder

    def _archive(self) -> Archive:
        """A connection for the thread that asks."""
        return Archive.open(self._home.archive, pseudonyms=self._settings.ingest.pseudonyms)
