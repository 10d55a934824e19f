"""Which earlier message of a chat the newest answers: what embedders add to ``ingest.linker``.

The linker knows who speaks to whom and what words they share; an embedder also knows that a
question about sorting is answered by one about order.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ingest.linker.closeness import cosines_of
from ingest.linker.learning import Example, Learned, examples_from, learn, learned
from ingest.linker.pairs import REACH
from rag.index.manifest import Model

if TYPE_CHECKING:
    from ingest.archive import Archive
    from ingest.linker.columns import Array
    from rag.embedding.protocol import Embedder

CHARACTERS = 300
"""Of a message that are embedded."""
CHATS = 8
"""Chats that are learned from, the largest."""
MESSAGES = 20_000
"""Messages of each that are read, the latest."""
TEXTS = 20_000
"""Most texts embedded to learn from: those around the latest replies."""
GROWTH = 1.1
"""How many times the replies learned from there must be before they are learned from again."""
SECONDS = 0.1
"""How long an answer waits for vectors of what was just said."""
KEPT = 4096
"""Vectors kept of the latest messages."""


def learn_replies(
    archive: Archive, path: Path, *, now: datetime, embedder: Embedder | None = None
) -> bool:
    """Learn from the explicit replies of the archive; whether there was enough new to.

    With ``embedder`` the meaning of what is said counts too; another embedder than last time is
    reason enough. See :mod:`ingest.linker.learning`.
    """
    replies, known = archive.counts().replies, learned(path)
    model = str(Model.of(embedder)) if embedder else known.model
    if replies <= known.replies * GROWTH and (not replies or model == known.model):
        return False
    sizes = archive.chat_counts()
    largest = sorted(sizes, key=lambda chat: -sizes[chat])[:CHATS]
    examples = examples_from(
        [list(archive.history(chat, before=now, limit=MESSAGES)) for chat in largest]
    )
    close = learn(*_placed(examples, embedder)) if embedder else None
    Learned(learn(examples), replies, model if close else "", close).save(path)
    return True


def _placed(examples: Sequence[Example], embedder: Embedder) -> tuple[list[Example], Array]:
    """The latest examples, as many as TEXTS allows, with the cosines (n, REACH) of each."""
    place_of: dict[str, int] = {}
    placed = []
    for example in reversed(examples):
        cut = [text[:CHARACTERS] for text in example.texts]
        new = [text for text in dict.fromkeys(cut) if text not in place_of]
        if len(place_of) + len(new) > TEXTS:
            break
        place_of.update(zip(new, range(len(place_of), len(place_of) + len(new)), strict=True))
        placed.append((example, cut))
    if not placed:
        return [], np.empty((0, REACH), np.float32)
    vectors = embedder.embed_passages(list(place_of))
    cosines = [cosines_of(vectors[[place_of[text] for text in cut]]) for _, cut in placed]
    return [example for example, _ in placed], np.array(cosines)


class Nearby:
    """Vectors of the latest messages of the chats, kept; a context manager.

    Computed on a thread of its own: what is not there within ``seconds`` is there the next time.
    """

    def __init__(self, embedder: Embedder, seconds: float = SECONDS) -> None:
        self._embedder, self._seconds = embedder, seconds
        self._vectors: OrderedDict[str, Array] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nearby")
        self._asked: Future[None] | None = None

    def __enter__(self) -> Nearby:
        return self

    def __exit__(self, *_error: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def vectors(self, texts: Sequence[str]) -> Array | None:
        """Vectors (n, d) of ``texts``; None where they are not there in time, or not at all."""
        cut = [text[:CHARACTERS] for text in texts]
        if self._asked is not None and not self._asked.done():
            return None
        for text in self._vectors.keys() & cut:
            self._vectors.move_to_end(text)
        missing = [text for text in dict.fromkeys(cut) if text not in self._vectors]
        if missing:
            self._asked = self._thread.submit(self._embed, missing)
            try:
                self._asked.result(self._seconds)
            except Exception:  # TimeoutError, or a library's: words are enough to answer
                return None
        return np.stack([self._vectors[text] for text in cut])

    def _embed(self, texts: Sequence[str]) -> None:
        found = self._embedder.embed_passages(texts)
        self._vectors.update(zip(texts, found, strict=True))
        while len(self._vectors) > max(KEPT, len(texts)):
            self._vectors.popitem(last=False)
