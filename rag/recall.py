"""Recall: what was said before about what is being said now.

Meaning (vectors in Chroma) and words (BM25 in the archive) each name candidates; their ranks are
fused, the floor takes out what is not relevant, and the text is read from the archive. The chat and
the moment bound both searches themselves, so that nothing from elsewhere or later is ever a
candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from config.console import say
from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Message, Passage
from ingest.chunks import Chunk, words_in
from ingest.clean import is_noise
from ingest.database import millis
from ingest.scope import EVERYWHERE, Scope
from rag.embedding.models import Embedder, make_embedder
from rag.errors import StoreError
from rag.index.building import CATALOGUE, load_chunks, open_store
from rag.index.catalogue import Catalogue
from rag.index.manifest import IndexManifest, Model, read_manifest
from rag.index.store import VectorStore
from rag.ranking import (
    SELF_WEIGHT,
    Candidate,
    fuse,
    informative_terms,
    is_relevant,
    weigh,
    without_repeats,
)

if TYPE_CHECKING:
    from rag.embedding.models import Vectors

_QUERY_CHARS = 600
_LINES_BEFORE = 2
_NO_INDEX = "no finished index: recall goes by words alone; build one with: atself index"


@dataclass(frozen=True, slots=True)
class Recalled:
    """A passage and why it was recalled."""

    passage: Passage
    messages: tuple[Message, ...]
    similarity: float | None
    coverage: float


class Recall:
    """Hybrid search over one archive and its index; a context manager."""

    def __init__(
        self,
        archive: Archive,
        settings: Settings,
        *,
        catalogue: Catalogue | None = None,
        embedder: Embedder | None = None,
        open_vectors: Callable[[], VectorStore] | None = None,
        warn: Callable[[str], None] = say,
    ) -> None:
        self._archive, self._settings, self._warn = archive, settings, warn
        self._catalogue, self._embedder = catalogue, embedder
        self._open_vectors = open_vectors if embedder else None
        self._store: VectorStore | None = None
        self._chats = {chat.id: chat for chat in archive.chats()}
        common = catalogue.meta("common") if catalogue else None
        self._common = frozenset(common or ())

    @classmethod
    def open(
        cls,
        settings: Settings,
        home: Home,
        archive: Archive,
        *,
        warn: Callable[[str], None] = say,
    ) -> Recall:
        """Use the index of ``home``; without a finished one recall goes by words, with a warning.

        Raises IndexMismatch where the index was built with another embedder than the settings ask
        for. The model and Chroma are loaded at the first query.
        """
        manifest = read_manifest(home.index)
        if manifest is None or not (home.index / CATALOGUE).exists():
            warn(_NO_INDEX)
            return cls(archive, settings, warn=warn)
        embedder = _embedder_of(manifest, settings)
        catalogue = Catalogue(home.index / CATALOGUE)
        return cls(
            archive,
            settings,
            catalogue=catalogue,
            embedder=embedder,
            open_vectors=lambda: open_store(home.index, settings, catalogue),
            warn=warn,
        )

    def __enter__(self) -> Recall:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the index; the archive belongs to the caller."""
        if self._store is not None:
            self._store.close()
        if self._catalogue is not None:
            self._catalogue.close()

    def query(
        self,
        text: str,
        *,
        chat: str | None,
        before: datetime | None,
        limit: int,
        exclude: Collection[str] = (),
    ) -> list[Passage]:
        """Passages relevant to ``text``, best first; often none.

        Only from ``chat`` (None searches every chat, which only the owner may see), only what
        ended strictly before the moment, and nothing that quotes a message in ``exclude``.
        """
        found = self.search(text, chat=chat, before=before, limit=limit, exclude=exclude)
        return [recalled.passage for recalled in found]

    def search(
        self,
        text: str,
        *,
        chat: str | None,
        before: datetime | None,
        limit: int,
        exclude: Collection[str] = (),
    ) -> list[Recalled]:
        """Like :meth:`query`, with the evidence."""
        asked = text[-_QUERY_CHARS:]
        if limit <= 0 or not words_in(asked):
            return []
        similarities = self._by_meaning(asked, chat, before)
        by_words, fresh = self._by_words(asked, chat, before)
        rankings = [by_words] if not similarities else [list(similarities), by_words]
        candidates = self._candidates(asked, fuse(rankings), similarities, fresh)
        informative = informative_terms(asked, self._common)
        floor = self._floor(asked)
        relevant = (
            candidate
            for candidate in candidates
            if is_relevant(candidate, floor, informative)
            and not any(message.id in exclude for message in candidate.chunk.messages)
        )
        kept = without_repeats(relevant)
        return [self._recalled(candidate) for _, candidate in zip(range(limit), kept, strict=False)]

    def _by_meaning(self, text: str, chat: str | None, before: datetime | None) -> dict[str, float]:
        """Cosines by passage id, nearest first; empty where there are no vectors."""
        if self._open_vectors is None or self._embedder is None:
            return {}
        try:
            if self._store is None:
                self._store = self._open_vectors()
            vector = self._embedder.embed_queries([text])[0]
            chats = self._store.chats() if chat is None else [chat]
            store = self._store
            found = [pair for key in chats for pair in self._nearest(store, key, vector, before)]
        except StoreError as error:
            self._open_vectors = None  # one warning, not one per message
            self._warn(f"{error} (until then recall goes by words alone)")
            return {}
        best = sorted(found, key=lambda pair: -pair[1])
        return dict(best[: self._settings.recall.candidates])

    def _nearest(
        self, store: VectorStore, chat: str, vector: Vectors, before: datetime | None
    ) -> list[tuple[str, float]]:
        # Live, every passage is past, and without a filter Chroma answers ten times as fast.
        newest = self._catalogue.latest(chat) if self._catalogue else 0
        moment = None if before is None or newest < millis(before) else before
        return store.nearest(chat, vector, self._settings.recall.candidates, before=moment)

    def _by_words(
        self, text: str, chat: str | None, before: datetime | None
    ) -> tuple[list[str], dict[str, Chunk]]:
        """Passage ids, best first, and those passages that are not in the catalogue yet."""
        limit = self._settings.recall.candidates
        # Common terms cost most of the time of a word search and decide nothing.
        asked = " ".join(informative_terms(text, self._common))
        scope = EVERYWHERE if chat is None else Scope.of(chat)
        hits = self._archive.search(asked, scope=scope, before=before, limit=limit)
        hits.sort(key=lambda hit: -hit[1] * (SELF_WEIGHT if hit[0].person.is_self else 1.0))
        known = self._containing([message.id for message, _ in hits], chat, before)
        ranking: list[str] = []
        fresh: dict[str, Chunk] = {}
        for message, _ in hits:
            keys = known.get(message.id, [])
            if not keys and self._is_unindexed(message):
                chunk = self._around(message)
                fresh[chunk.id] = chunk
                keys = [chunk.id]
            ranking.extend(keys)
        return ranking, fresh

    def _containing(
        self, ids: Sequence[str], chat: str | None, before: datetime | None
    ) -> dict[str, list[str]]:
        if self._catalogue is None:
            return {}
        return self._catalogue.containing(ids, chat=chat, before=before)

    def _is_unindexed(self, message: Message) -> bool:
        """Whether a message that no passage quotes is news, rather than left out as small talk."""
        if is_noise(message) or not words_in(message.text):
            return False
        return self._catalogue is None or millis(message.sent_at) > self._catalogue.latest(
            message.chat
        )

    def _around(self, message: Message) -> Chunk:
        """A passage made on the spot: a message and the lines just before it."""
        earlier = self._archive.history(message.chat, before=message.sent_at, limit=_LINES_BEFORE)
        gap = timedelta(minutes=self._settings.threads.gap_minutes)
        near = (m for m in earlier if message.sent_at - m.sent_at <= gap and not is_noise(m))
        return Chunk((*near, message))

    def _candidates(
        self,
        text: str,
        scores: Mapping[str, float],
        similarities: Mapping[str, float],
        fresh: Mapping[str, Chunk],
    ) -> list[Candidate]:
        chunks = dict(fresh)
        if self._catalogue is not None:
            known = self._catalogue.entries(key for key in scores if key not in fresh)
            chunks |= load_chunks(self._archive, known.values())
        return weigh(chunks, scores, similarities, informative_terms(text, self._common))

    def _floor(self, text: str) -> float:
        configured = self._settings.recall.floor
        if configured is not None or self._embedder is None:
            return configured or 0.0
        return self._embedder.floor(text)

    def _recalled(self, candidate: Candidate) -> Recalled:
        chunk = candidate.chunk
        is_dated = chunk.chat not in self._chats or self._chats[chunk.chat].has_times
        passage = chunk.passage(is_dated=is_dated, score=round(candidate.score, 4))
        return Recalled(passage, chunk.messages, candidate.similarity, candidate.coverage)


def _embedder_of(manifest: IndexManifest, settings: Settings) -> Embedder | None:
    """The embedder an index was built with; IndexMismatch where the settings name another."""
    wanted = settings.recall.embedder
    embedder = make_embedder(manifest.model.name if wanted == "auto" else wanted)
    manifest.model.require(Model.of(embedder))
    return embedder
