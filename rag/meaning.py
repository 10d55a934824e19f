"""The dense half of recall: passages close in meaning, found on a thread of its own.

Loading a model, a server that does not answer, a busy disk: whatever it waits for, the caller
waits no longer than it says, and what fails is tried again later (:mod:`rag.outage`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

from rag.embedding.protocol import Embedder
from rag.index.store import VectorStore
from rag.outage import Outage

if TYPE_CHECKING:
    from rag.index.live import Live

Similarities = dict[str, float]
"""Cosines by passage id, nearest first."""


class Meaning:
    """An embedder and the vectors made with it, those of ``live`` too. Close it once."""

    def __init__(
        self,
        embedder: Embedder,
        open_store: Callable[[], VectorStore],
        *,
        warn: Callable[[str], None],
        live: Live | None = None,
    ) -> None:
        self.embedder, self._open_store, self._live = embedder, open_store, live
        self._store: VectorStore | None = None
        self._outage = Outage("recall goes by words alone", warn)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recall")
        self._asked: Future[Similarities] | None = None

    def floor(self, text: str) -> float:
        """The cosine from which on a passage has to do with ``text``."""
        return self.embedder.floor(text)

    def warm(self) -> None:
        """Load model and store now, so that the first question does not wait for them."""
        self.ask("?", {}, before=None, limit=0)
        self.answer(None)

    def ask(
        self, text: str, shelves: Mapping[str, int], *, before: datetime | None, limit: int
    ) -> None:
        """Begin to look for the ``limit`` passages nearest to ``text`` that ended ``before``.

        ``shelves`` are those to search, each with how many of its passages did not end before.
        Without effect while an earlier question still hangs, or too soon after a failure.
        """
        is_hanging = self._asked is not None and not self._asked.done()
        if is_hanging or self._outage.is_waiting:
            return
        self._asked = self._thread.submit(self._nearest, text, shelves, before, limit)

    def answer(self, seconds: float | None) -> Similarities:
        """What the last question found, at most ``seconds`` from now; else nothing."""
        asked, self._asked = self._asked, None
        if asked is None:
            return {}
        try:
            found = asked.result(seconds)
        except TimeoutError:
            self._asked = asked
            self._outage.failed(f"no answer within {seconds:.1f} s (recall.seconds)")
            return {}
        except Exception as error:  # a library's, too: no reply may fail for want of a memory
            self._store = None
            self._outage.failed(str(error).strip() or type(error).__name__)
            return {}
        self._outage.worked()
        return found

    def close(self) -> None:
        """Let go of the vectors once the last question is answered."""
        self._thread.submit(self._close)
        self._thread.shutdown(wait=self._asked is None or self._asked.done())

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()

    def _nearest(
        self, text: str, shelves: Mapping[str, int], before: datetime | None, limit: int
    ) -> Similarities:
        if self._store is not None and self._store.is_stale():
            self._store.close()
            self._store = None
        if self._store is None:
            self._store = self._open_store()
        vector = self.embedder.embed_queries([text])[0]
        found: Similarities = {}
        for shelf, newer in shelves.items():
            found |= self._store.nearest(shelf, vector, limit, before=before, newer=newer)
            if self._live is not None:
                found |= self._live.nearest(shelf, vector, limit, before=before)
        return dict(sorted(found.items(), key=lambda pair: -pair[1])[:limit])
