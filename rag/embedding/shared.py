"""One embedder for several threads."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.embedding.protocol import Embedder

if TYPE_CHECKING:
    from rag.embedding.protocol import Vectors


class Shared:
    """An embedder that several threads may use: tokenizers are used by one at a time."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder, self._lock = embedder, threading.Lock()
        self.name, self.version = embedder.name, embedder.version
        self.dimension = embedder.dimension

    def warm(self) -> None:
        """Load it now."""
        self._embedder.warm()

    def close(self) -> None:
        """Give its memory back."""
        self._embedder.close()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is searched."""
        with self._lock:
            return self._embedder.embed_passages(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is asked."""
        with self._lock:
            return self._embedder.embed_queries(texts)

    def floor(self, query: str) -> float:
        """Cosine below which a passage has nothing to do with ``query``."""
        return self._embedder.floor(query)
