"""One search: what both halves find, weighed and read from the archive.

Meaning (vectors in Chroma, :mod:`rag.meaning`) and words (BM25 in the archive, :mod:`rag.wording`)
each name candidates; they are weighed by what speaks for them (:mod:`rag.evidence`), the floor
takes out what is not relevant, and the text is read from the archive. Place and moment bound both
searches themselves, so that nothing from elsewhere or later is ever a candidate.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from config.settings import Settings
from ingest.archive import Archive
from ingest.chat import Conversation, Message, Passage
from ingest.chunks import Chunk, words_in
from ingest.scope import EVERYWHERE, Scope
from rag.evidence import Sought
from rag.index.building import load_chunks
from rag.index.shelves import SHARED
from rag.opened import OpenIndex
from rag.ranking import (
    Candidate,
    relevant,
    weigh,
    without_repeats,
)
from rag.wording import Wording

if TYPE_CHECKING:
    from rag.index.live import Live
    from rag.reranking import Reranker

_QUERY_CHARS = 600
_RERANKED = 20
_COUNTED = 1000  # passages too new for a question, where there are more


@dataclass(frozen=True, slots=True)
class Recalled:
    """A passage and why it was recalled: its cosine, if it has a vector, and the share of the
    telling words sought that it holds."""

    passage: Passage
    messages: tuple[Message, ...]
    similarity: float | None
    words: float


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the borders of the answer.

    ``text`` are the last messages, a line each. Only what may be told in ``chat`` is searched (see
    :class:`ingest.scope.Scope`), everything where it is None; only what ended strictly before
    ``before``; nothing that quotes a message in ``exclude``.
    """

    text: str
    chat: str | None
    before: datetime | None = None
    exclude: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with what the archive and the index say to it."""

    text: str
    sought: Sought
    scope: Scope
    bounds: Mapping[str, int]
    before: datetime | None
    exclude: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Who is a candidate, cosines by passage id, and passages that no index holds yet."""

    ids: Collection[str]
    similarities: Mapping[str, float]
    fresh: Mapping[str, Chunk]


@dataclass(frozen=True, slots=True)
class Search:
    """An archive and its index, where there is one."""

    archive: Archive
    index: OpenIndex | None
    settings: Settings
    live: Live | None = None
    reranker: Reranker | None = None

    def best(self, question: Question, limit: int, seconds: float | None) -> list[Recalled]:
        """The ``limit`` most relevant passages, best first; what is found within ``seconds``.

        Raises StoreError where the catalogue cannot be read.
        """
        end = None if seconds is None else time.monotonic() + seconds
        chats = {chat.id: chat for chat in self.archive.chats()}
        asked = self._asked(question, chats.values())
        ranked = self._reranked(asked, self._ranked(asked, self._evidence(asked, end)), end)
        shown = without_repeats(relevant(ranked, asked.sought))
        return [_recalled(candidate, chats) for candidate in islice(shown, limit)]

    def _asked(self, question: Question, chats: Collection[Conversation]) -> _Asked:
        text = question.text[-_QUERY_CHARS:]
        scope, shareable = EVERYWHERE, self.settings.recall.shareable
        if question.chat is not None:
            scope = Scope.around(question.chat, chats, shareable)
        bounds = self._bounds(question)
        floor = self._floor(text, bounds)
        rarity = self.archive.rarity
        sought = Sought.of(text.splitlines(), rarity, moment=question.before, floor=floor)
        return _Asked(
            text,
            sought,
            scope,
            bounds,
            question.before,
            question.exclude,
        )

    def _bounds(self, question: Question) -> dict[str, int]:
        """The shelves to search, and how many passages of each are too new; live hardly any."""
        if self.index is None:
            return {}
        catalogue, before = self.index.catalogue, question.before
        shelves = catalogue.shelves() if question.chat is None else (question.chat, SHARED)
        if before is None:
            return dict.fromkeys(shelves, 0)
        return {shelf: catalogue.newer(shelf, before, _COUNTED) for shelf in shelves}

    def _evidence(self, asked: _Asked, end: float | None) -> _Evidence:
        """What both halves find, side by side."""
        most = self.settings.recall.candidates
        meaning = self.index.meaning if self.index else None
        if meaning is not None:
            meaning.ask(asked.text, asked.bounds, before=asked.before, limit=most)
        catalogue = self.index.catalogue if self.index else None
        gap = timedelta(minutes=self.settings.threads.gap_minutes)
        worded = Wording(self.archive, catalogue, gap=gap).find(
            tuple(asked.sought.worth),
            scope=asked.scope,
            shelves=tuple(asked.bounds),
            before=asked.before,
            limit=most,
            seconds=_left(end),
        )
        similarities = {} if meaning is None else meaning.answer(_left(end))
        ids = dict.fromkeys([*similarities, *worded.ids])
        return _Evidence(ids, similarities, worded.fresh)

    def _ranked(self, asked: _Asked, evidence: _Evidence) -> list[Candidate]:
        """The candidates that may be shown, best first."""
        chunks = {
            id: chunk
            for id, chunk in self._chunks(evidence).items()
            if _may_show(asked.scope, chunk)
            and asked.exclude.isdisjoint(message.id for message in chunk.messages)
        }
        return weigh(chunks, evidence.similarities, asked.sought)

    def _reranked(
        self, asked: _Asked, candidates: Sequence[Candidate], end: float | None
    ) -> Iterator[Candidate]:
        """The first few in the order of the cross-encoder, if there is one and as far as it got."""
        if self.reranker is None:
            yield from candidates
            return
        first = candidates[:_RERANKED]
        texts = [candidate.chunk.to_embed() for candidate in first]
        left = _left(end)
        budget = timedelta(days=1) if left is None else timedelta(seconds=left)
        scores = self.reranker.rerank(asked.text, texts, budget)
        pairs = list(zip(scores, first, strict=True))
        scored = [(score, one) for score, one in pairs if score is not None]
        for score, one in sorted(scored, key=lambda pair: -pair[0]):
            yield replace(one, evidence=replace(one.evidence, score=score))
        yield from (one for score, one in pairs if score is None)
        yield from candidates[_RERANKED:]

    def _chunks(self, evidence: _Evidence) -> dict[str, Chunk]:
        chunks = dict(evidence.fresh)
        if self.index is not None:
            wanted = [id for id in evidence.ids if id not in chunks]
            known = self.index.catalogue.entries(wanted)
            if self.live is not None:
                known |= self.live.entries(id for id in wanted if id not in known)
            chunks |= load_chunks(self.archive, known.values())
        return chunks

    def _floor(self, text: str, shelves: Collection[str]) -> float:
        """The cosine from which on a passage has to do with ``text``: set, fitted, or usual."""
        configured = self.settings.recall.floor
        if configured is not None or self.index is None or self.index.meaning is None:
            return configured or 0.0
        floors = self.index.floors
        fitted = [floors[shelf].of(text) for shelf in shelves if shelf in floors]
        return max(fitted) if fitted else self.index.meaning.floor(text)


def _left(end: float | None) -> float | None:
    """Seconds until a moment of the monotonic clock."""
    return None if end is None else max(0.0, end - time.monotonic())


def is_asking(text: str) -> bool:
    """Whether there is anything in ``text`` to be reminded by."""
    return words_in(text[-_QUERY_CHARS:]) > 0


def _may_show(scope: Scope, chunk: Chunk) -> bool:
    """The shelves are kept by the last indexing; people and settings may have changed since."""
    is_own = all(m.person.is_self and not m.forwarded_from for m in chunk.messages)
    return scope.may_show(chunk.chat, is_own=is_own)


def _recalled(candidate: Candidate, chats: Mapping[str, Conversation]) -> Recalled:
    chunk = candidate.chunk
    is_dated = chunk.chat not in chats or chats[chunk.chat].has_times
    passage = chunk.passage(is_dated=is_dated, score=round(candidate.evidence.score, 4))
    return Recalled(
        passage, chunk.messages, candidate.similarity, min(1.0, candidate.evidence.words)
    )
