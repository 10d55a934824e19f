"""Texts to batches that waste little: like lengths together, and no more than a budget of tokens.

With a budget instead of a fixed number of texts a batch of short lines is as much work as one of
long ones, so that the products stay large and the memory bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.embedding.protocol import Vectors

TOKENS = 2048
"""Of a batch, padding included."""


def batches(lengths: Sequence[int], budget: int = TOKENS) -> Iterator[list[int]]:
    """Places of texts, shortest first, in batches of at most ``budget``; a longer one is alone."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[place] > budget:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def embed_in_batches(
    lengths: Sequence[int],
    embed: Callable[[list[int]], Vectors],
    dimension: int,
    budget: int = TOKENS,
) -> Vectors:
    """Embed the texts at given places batch by batch; vectors come in the order of ``lengths``."""
    import numpy as np

    vectors = np.zeros((len(lengths), dimension), dtype=np.float32)
    for batch in batches(lengths, budget):
        vectors[batch] = embed(batch)
    return vectors
