"""Which earlier message of a chat the newest answers: the linker's chances, and meaning on top.

The linker knows who speaks to whom and what words they share; an embedder, where there is one, also
knows that a question about sorting is answered by one about order. A sum of both; without an
embedder the linker's chances stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ingest.linker.learning import Learned, learn, learned
from ingest.linker.pairs import REACH

if TYPE_CHECKING:
    from ingest.archive import Archive
    from ingest.chat import Message
    from ingest.linker.columns import Array
    from ingest.listening import Listener
    from rag.embedding.models import Embedder

MEANING = 8.0
"""What a cosine of 1 adds to the logarithm of a chance. On replies of one chat with MiniLM, 4 to 10
differed by .004 of the mean reciprocal rank with learned weights, by .028 with those that ship."""
LIKELIEST = 20
"""Candidates that are embedded."""
CHARACTERS = 300
CHATS = 8
"""Chats that are learned from, the largest."""
MESSAGES = 20_000
"""Messages of each that are read, the latest."""
GROWTH = 1.1
"""How many times the replies learned from there must be before they are learned from again."""
_LEAST = 1e-6


def learn_replies(archive: Archive, path: Path, *, now: datetime) -> bool:
    """Learn from the explicit replies of the archive; whether there was enough new to.

    12 seconds of one core for a chat of 143,680 messages with 3,644 replies, and nothing where
    there are few new ones; see :mod:`ingest.linker.learning`.
    """
    replies = archive.counts().replies
    if replies <= learned(path).replies * GROWTH:
        return False
    sizes = archive.chat_counts()
    largest = sorted(sizes, key=lambda chat: -sizes[chat])[:CHATS]
    ranking = learn([archive.history(chat, before=now, limit=MESSAGES) for chat in largest])
    Learned(ranking, replies).save(path)
    return True


def fused(chances: Array, cosines: Array) -> Array:
    """Scores (…, n) from the linker's chances and the cosines of the same candidates."""
    found: Array = np.log(chances + _LEAST) + MEANING * cosines
    return found


def answered(
    history: Sequence[Message], listener: Listener, embedder: Embedder | None
) -> list[tuple[Message, float]]:
    """The REACH messages before the last of ``history`` with their chances, likeliest first."""
    chances = listener.rank(history)
    near = [message for message in history[-REACH - 2 : -1] if message.id in chances]
    ranked = sorted(near, key=lambda message: -chances[message.id])
    likely = ranked[:LIKELIEST]
    if embedder is None or not likely:
        return [(message, chances[message.id]) for message in ranked]
    texts = [message.text[:CHARACTERS] for message in (history[-1], *likely)]
    vectors = embedder.embed_passages(texts)
    scores = fused(np.array([chances[m.id] for m in likely]), vectors[1:] @ vectors[0])
    raised = np.exp(scores - scores.max())
    shares = raised / raised.sum() * sum(chances[m.id] for m in likely)
    best = sorted(zip(likely, shares.tolist(), strict=True), key=lambda pair: -pair[1])
    return best + [(message, chances[message.id]) for message in ranked[LIKELIEST:]]
