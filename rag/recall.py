"""Recall: what was said before about what is being said now.

It uses the index that serves, takes up a newer one when there is one, and goes by words where there
is none, where its files are damaged, or where Chroma or the model does not answer in time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING

from config.console import say
from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Passage
from rag.embedding.protocol import Embedder
from rag.errors import RecallError, StoreError
from rag.index.manifest import read_manifest
from rag.opened import OpenIndex
from rag.outage import Outage
from rag.search import Question, Recalled, Search, is_asking

if TYPE_CHECKING:
    from rag.index.live import Live
    from rag.reranking import Reranker

__all__ = ["Recall", "Recalled"]

_NO_INDEX = "no finished index: recall goes by words alone; build one with: atself index"


class Recall:
    """Hybrid search over one archive and its index; a context manager, for one thread."""

    def __init__(
        self,
        archive: Archive,
        settings: Settings,
        home: Home,
        *,
        warn: Callable[[str], None] = say,
        live: Live | None = None,
    ) -> None:
        self._archive, self._settings, self._home, self._warn = archive, settings, home, warn
        self._live = live
        self._reranker = _reranker(settings, warn)
        self._index: OpenIndex | None = None
        self._outage = Outage("recall goes by words alone", warn)

    @classmethod
    def open(
        cls,
        settings: Settings,
        home: Home,
        archive: Archive,
        *,
        warn: Callable[[str], None] = say,
        live: Live | None = None,
    ) -> Recall:
        """Use the index of ``home``; without a finished one recall goes by words, with a warning.

        With ``live``, what it heard since the last indexing is found by meaning as well.

        Raises IndexMismatch where the index was built with another embedder than the settings ask
        for. A newer index is taken up when there is one. Model and vectors are loaded by
        :meth:`warm`, or at the first question.
        """
        recall = cls(archive, settings, home, warn=warn, live=live)
        try:
            recall._index = OpenIndex.of(home, settings, warn, live)
        except StoreError as error:
            recall._outage.failed(str(error))
        else:
            if recall._index is None:
                warn(_NO_INDEX)
        return recall

    def __enter__(self) -> Recall:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the index; the archive belongs to the caller."""
        index, self._index = self._index, None
        if index is not None:
            index.close()

    def warm(self) -> None:
        """Load model and vectors now, so that no question waits for them."""
        self._follow()
        if self._index is not None and self._index.meaning is not None:
            self._index.meaning.warm()
        if self._reranker is not None:
            self._reranker.warm()

    @property
    def embedder(self) -> Embedder | None:
        """That of the index; None where words alone are searched."""
        meaning = self._index and self._index.meaning
        return meaning.embedder if meaning else None

    def query(
        self,
        text: str,
        *,
        chat: str | None,
        before: datetime | None,
        limit: int,
        exclude: Collection[str] = (),
    ) -> list[Passage]:
        """Passages relevant to ``text`` for a reply in ``chat``, best first; often none.

        Only what was said in ``chat``, own writings, and what @self said in chats marked shareable
        (``chat`` None searches everything, which only the owner may see); only what ended strictly
        before the moment; nothing that quotes a message in ``exclude``. Takes at most
        ``recall.seconds``: what is found by then is what there is.
        """
        found = self.search(
            text,
            chat=chat,
            before=before,
            limit=limit,
            exclude=exclude,
            seconds=self._settings.recall.seconds,
        )
        return [recalled.passage for recalled in found]

    def search(
        self,
        text: str,
        *,
        chat: str | None,
        before: datetime | None,
        limit: int,
        exclude: Collection[str] = (),
        seconds: float | None = None,
    ) -> list[Recalled]:
        """Like :meth:`query`, with the evidence, and with as much time as it takes."""
        if limit <= 0 or not is_asking(text):
            return []
        question = Question(text, chat, before, frozenset(exclude))
        self._follow()
        try:
            return self._search().best(question, limit, seconds)
        except StoreError as error:
            self._lose(error)
            return self._search().best(question, limit, seconds)

    def _search(self) -> Search:
        return Search(self._archive, self._index, self._settings, self._live, self._reranker)

    def _follow(self) -> None:
        """Take up the generation that serves now."""
        if self._outage.is_waiting:
            return
        try:
            manifest = read_manifest(self._home.index)
            if (manifest and manifest.generation) != (self._index and self._index.generation):
                self.close()
                self._index = OpenIndex.of(self._home, self._settings, self._warn, self._live)
            elif self._index and manifest and manifest.finished_at != self._index.finished_at:
                self._index = self._index.reread(manifest.finished_at)
        except RecallError as error:
            self._outage.failed(str(error))
        else:
            self._outage.worked()

    def _lose(self, error: StoreError) -> None:
        """Go on without an index that cannot be read."""
        self._outage.failed(str(error))
        self.close()


def _reranker(settings: Settings, warn: Callable[[str], None]) -> Reranker | None:
    if settings.recall.reranker is None:
        return None
    from rag.reranking import Reranker

    return Reranker(settings.recall.reranker, warn=warn)
