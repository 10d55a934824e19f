"""Recall: what was said before about what is being said now.

Meaning (vectors in Chroma, :mod:`rag.meaning`) and words (BM25 in the archive, :mod:`rag.wording`)
each name candidates; their ranks are fused, the floor takes out what is not relevant, and the text
is read from the archive. Place and moment bound both searches themselves, so that nothing from
elsewhere or later is ever a candidate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from config.console import say
from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Conversation, Message, Passage
from ingest.chunks import Chunk, words_in
from ingest.database import millis
from ingest.scope import EVERYWHERE, Scope
from rag.embedding.models import Embedder, make_embedder
from rag.index.building import CATALOGUE, load_chunks, open_store
from rag.index.catalogue import Catalogue
from rag.index.manifest import IndexManifest, Model, read_manifest
from rag.index.shelves import SHARED
from rag.meaning import Meaning
from rag.ranking import (
    Candidate,
    fuse,
    informative_terms,
    is_relevant,
    weigh,
    without_repeats,
)
from rag.wording import Wording

_QUERY_CHARS = 600
_NO_INDEX = "no finished index: recall goes by words alone; build one with: atself index"


@dataclass(frozen=True, slots=True)
class Recalled:
    """A passage and why it was recalled."""

    passage: Passage
    messages: tuple[Message, ...]
    similarity: float | None
    coverage: float


@dataclass(frozen=True, slots=True)
class _Question:
    text: str
    informative: tuple[str, ...]
    scope: Scope
    shelves: tuple[str, ...]
    before: datetime | None
    exclude: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Fused scores and cosines by passage id; passages that no index holds yet."""

    scores: Mapping[str, float]
    similarities: Mapping[str, float]
    fresh: Mapping[str, Chunk]


class Recall:
    """Hybrid search over one archive and its index; a context manager, for one thread."""

    def __init__(
        self,
        archive: Archive,
        settings: Settings,
        *,
        catalogue: Catalogue | None = None,
        meaning: Meaning | None = None,
    ) -> None:
        self._archive, self._settings = archive, settings
        self._catalogue, self._meaning = catalogue, meaning
        gap = timedelta(minutes=settings.threads.gap_minutes)
        self._wording = Wording(archive, catalogue, gap=gap)
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
        for. Model and vectors are loaded by :meth:`warm`, or at the first question.
        """
        manifest = read_manifest(home.index)
        if manifest is None or not (home.index / CATALOGUE).exists():
            warn(_NO_INDEX)
            return cls(archive, settings)
        embedder = _embedder_of(manifest, settings)
        catalogue = Catalogue(home.index / CATALOGUE)
        if embedder is None:
            return cls(archive, settings, catalogue=catalogue)
        namespace = catalogue.namespace
        meaning = Meaning(embedder, lambda: open_store(home.index, settings, namespace), warn=warn)
        return cls(archive, settings, catalogue=catalogue, meaning=meaning)

    def __enter__(self) -> Recall:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the index; the archive belongs to the caller."""
        if self._meaning is not None:
            self._meaning.close()
        if self._catalogue is not None:
            self._catalogue.close()

    def warm(self) -> None:
        """Load model and vectors now, so that no question waits for them."""
        if self._meaning is not None:
            self._meaning.warm()

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
        question = self._question(text, chat, before, exclude)
        if question is None or limit <= 0:
            return []
        known = {found.id: found for found in self._archive.chats()}
        relevant = self._relevant(question, self._evidence(question, seconds))
        best = islice(without_repeats(relevant), limit)
        return [_recalled(candidate, known) for candidate in best]

    def _question(
        self, text: str, chat: str | None, before: datetime | None, exclude: Collection[str]
    ) -> _Question | None:
        """What is asked, and where it may look; None where nothing is."""
        asked = text[-_QUERY_CHARS:]
        if not words_in(asked):
            return None
        scope = EVERYWHERE
        if chat is not None:
            shareable = self._settings.recall.shareable
            scope = Scope.around(chat, self._archive.chats(), shareable)
        return _Question(
            asked,
            informative_terms(asked, self._common),
            scope,
            self._shelves(chat),
            before,
            frozenset(exclude),
        )

    def _evidence(self, question: _Question, seconds: float | None) -> _Evidence:
        """What both halves find, side by side, within the time there is."""
        started = time.monotonic()
        most = self._settings.recall.candidates
        if self._meaning is not None:
            shelves = self._bounded(question.shelves, question.before)
            self._meaning.ask(question.text, shelves, limit=most)
        # Common terms cost most of the time of a word search and decide nothing.
        worded = self._wording.find(
            question.informative,
            scope=question.scope,
            shelves=question.shelves,
            before=question.before,
            limit=most,
            seconds=seconds,
        )
        left = None if seconds is None else max(0.0, started + seconds - time.monotonic())
        similarities = self._meaning.answer(left) if self._meaning is not None else {}
        rankings = [list(similarities), worded.ranking] if similarities else [worded.ranking]
        return _Evidence(fuse(rankings), similarities, worded.fresh)

    def _relevant(self, question: _Question, evidence: _Evidence) -> Iterator[Candidate]:
        """The candidates that may be shown and that have to do with the question, best first."""
        chunks = {
            id: chunk
            for id, chunk in self._chunks(evidence).items()
            if _may_show(question.scope, chunk)
            and question.exclude.isdisjoint(message.id for message in chunk.messages)
        }
        floor = self._floor(question.text)
        for candidate in weigh(
            chunks, evidence.scores, evidence.similarities, question.informative
        ):
            if is_relevant(candidate, floor, question.informative):
                yield candidate

    def _shelves(self, chat: str | None) -> tuple[str, ...]:
        if chat is not None:
            return chat, SHARED
        return tuple(self._catalogue.shelves()) if self._catalogue else ()

    def _bounded(
        self, shelves: Sequence[str], before: datetime | None
    ) -> dict[str, datetime | None]:
        """The moment each shelf is bounded by.

        Live, every passage is past, and without a filter Chroma answers ten times as fast.
        """
        if before is None or self._catalogue is None:
            return dict.fromkeys(shelves)
        latest = {shelf: self._catalogue.latest(shelf) for shelf in shelves}
        return {shelf: before if millis(before) <= latest[shelf] else None for shelf in shelves}

    def _chunks(self, evidence: _Evidence) -> dict[str, Chunk]:
        chunks = dict(evidence.fresh)
        if self._catalogue is not None:
            known = self._catalogue.entries(id for id in evidence.scores if id not in chunks)
            chunks |= load_chunks(self._archive, known.values())
        return chunks

    def _floor(self, text: str) -> float:
        configured = self._settings.recall.floor
        if configured is not None or self._meaning is None:
            return configured or 0.0
        return self._meaning.floor(text)


def _may_show(scope: Scope, chunk: Chunk) -> bool:
    """The shelves are kept by the last indexing; people and settings may have changed since."""
    is_own = all(m.person.is_self and not m.forwarded_from for m in chunk.messages)
    return scope.may_show(chunk.chat, is_own=is_own)


def _recalled(candidate: Candidate, chats: Mapping[str, Conversation]) -> Recalled:
    chunk = candidate.chunk
    is_dated = chunk.chat not in chats or chats[chunk.chat].has_times
    passage = chunk.passage(is_dated=is_dated, score=round(candidate.score, 4))
    return Recalled(passage, chunk.messages, candidate.similarity, candidate.coverage)


def _embedder_of(manifest: IndexManifest, settings: Settings) -> Embedder | None:
    """The embedder an index was built with; IndexMismatch where the settings name another."""
    wanted = settings.recall.embedder
    embedder = make_embedder(manifest.model.name if wanted == "auto" else wanted)
    manifest.model.require(Model.of(embedder))
    return embedder
