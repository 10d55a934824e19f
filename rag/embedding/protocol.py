"""What an embedding model has to do for recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """A model that places texts so that those about the same lie close together.

    Vectors are float32 of shape (texts, dimension), of length 1, so that their dot product is the
    cosine. ``version`` changes whenever the same text may get a vector that cannot be compared with
    the old one. Any number of texts may be given at once, and many at once cost less each: a model
    sorts them by length and cuts its own batches. Methods may be called from any thread.
    """

    @property
    def name(self) -> str:
        """As written in ``recall.embedder``."""

    @property
    def version(self) -> str:
        """Of the package or weights."""

    @property
    def dimension(self) -> int:
        """Numbers per vector."""

    def warm(self) -> None:
        """Load now what the first text would otherwise wait for; EmbedderError where it fails."""

    def close(self) -> None:
        """Give the memory back; a later call loads again."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is searched."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is asked."""

    def floor(self, query: str) -> float:
        """Cosine below which a passage has nothing to do with ``query``, where none was fitted."""
