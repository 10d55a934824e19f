"""Closeness in meaning as one more sign of what answers what.

The cosines come from outside, for embedders are no part of the linker. One column is enough: their
rank, their distance from the best and products with other signs added nothing to the cosine itself
(README.md). What matters is that its weight is fitted together with the others.
"""

from __future__ import annotations

import numpy as np

from ingest.linker.columns import Array
from ingest.linker.pairs import REACH
from ingest.linker.ranking import Ranking

MEANING = 8.0
"""What a cosine of 1 adds to a score where no replies taught it. On replies of one chat, by MiniLM
and the weights that ship, 4 to 10 differed by .028 of the mean reciprocal rank."""
_MIDDLE, _SPREAD = 0.5, 0.15
"""Within five deviations lies every cosine, whatever the embedder."""


def cosines_of(vectors: Array) -> Array:
    """Cosines (REACH,) of the newest, whose vector is the first of (1 + n, d), with those before.

    Vectors have length 1, those before are the latest first; what does not exist gets 0.
    """
    found = np.zeros(REACH, np.float32)
    found[: len(vectors) - 1] = vectors[1:] @ vectors[0]
    return found


def with_cosines(seen: Array, cosines: Array) -> Array:
    """The features (…, REACH, p) of ``ranking`` and the cosines (…, REACH): (…, REACH, p + 1)."""
    return np.concatenate([seen, cosines[..., None]], -1, dtype=np.float32)


def widened(ranking: Ranking, cosines: Array | None = None) -> Ranking:
    """A ranking by words that counts the cosine too, for as much as it usually tells.

    ``cosines`` are a sample of the embedder's, where there is one: some tell more by less.
    """
    middle, spread = _MIDDLE, _SPREAD
    if cosines is not None and cosines.size:
        middle, spread = float(cosines.mean()), float(cosines.std()) + 0.01
    return Ranking(
        np.append(ranking.mean, middle).astype(np.float32),
        np.append(ranking.scale, 1 / spread).astype(np.float32),
        np.append(ranking.weights, MEANING * _SPREAD).astype(np.float32),
    )
