"""An embedder that takes no time: vectors follow from the text, meaning does not matter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rag.embedding.protocol import Vectors


class Quick:
    """Stands in for MiniLM where only the keeping of vectors is tested."""

    name, version, dimension = "all-minilm-l6-v2", "0.1.0", 384

    def warm(self) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """Nothing to give back."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is searched."""
        return np.stack([_vector(text) for text in texts])

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is asked."""
        return self.embed_passages(texts)

    def floor(self, _query: str) -> float:
        """Nothing is too far."""
        return -1.0


def _vector(text: str) -> Vectors:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    drawn = np.random.default_rng(seed).standard_normal(384).astype(np.float32)
    vector: Vectors = drawn / np.linalg.norm(drawn)
    return vector
