"""The vectors of a finished index, read out of its store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.settings import Home, load
from rag.index.building import CATALOGUE, open_store
from rag.index.catalogue import Catalogue


def vectors_of(home: Path) -> NDArray[np.float32]:
    """Every vector of the index of a home, in an order that does not change."""
    found = vectors_by_id(home)
    return np.array([found[key] for key in sorted(found)], dtype=np.float32)


def vectors_by_id(home: Path) -> dict[str, NDArray[np.float32]]:
    """Every vector of the index of a home by the id of its passage."""
    folder = Home(home).index
    found: dict[str, NDArray[np.float32]] = {}
    with Catalogue(folder / CATALOGUE) as catalogue:
        store = open_store(folder, load(home), catalogue)
        try:
            for chat in store.chats():
                rows = store._find(chat).get(include=["embeddings"])
                found |= dict(zip(rows["ids"], rows["embeddings"], strict=True))
        finally:
            store.close()
    return found
