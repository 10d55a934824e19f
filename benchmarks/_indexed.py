"""The vectors of a finished index, read out of its store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.settings import Home, load
from rag.index.generations import reading


def vectors_of(home: Path) -> NDArray[np.float32]:
    """Every vector of the index of a home, in an order that does not change."""
    found: dict[str, NDArray[np.float32]] = {}
    with reading(Home(home).index) as index:
        assert index is not None  # HOME has one
        store = index[1].store(load(home))
        for shelf in store.shelves():
            rows = store._find(shelf).get(include=["embeddings"])
            found |= dict(zip(rows["ids"], rows["embeddings"], strict=True))
        store.close()
    return np.array([found[key] for key in sorted(found)], dtype=np.float32)
