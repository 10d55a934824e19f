"""A million vectors that lie as real ones do, and the indexes made of them, in a folder for reuse.

Each vector is a real passage's moved along the difference of two others, so that the noise has the
directions of the data and neighbourhoods stay uneven. Blocks are drawn from seeds of their own:
what was killed goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.sections import Recall
from rag.index.store import _SPACE, VectorStore

Vectors = NDArray[np.float32]
CHAT = "synthetic:1"
BLOCK = 10_000
SHIFT = 0.6
"""Length of the move, where vectors have length 1."""
SAVED_EVERY = 10
_FIRST = datetime(2015, 1, 1, tzinfo=UTC)
_STEP = timedelta(minutes=5)
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Million:
    """The folder and what is in it."""

    folder: Path
    seeds: Vectors

    def block(self, number: int) -> Vectors:
        """Rows ``number * BLOCK`` onwards; the same in every run. Negative ones are for asking."""
        dice = np.random.default_rng([7, abs(number), int(number < 0)])
        one, two, three = dice.integers(len(self.seeds), size=(3, BLOCK))
        moved = self.seeds[one] + SHIFT * (self.seeds[two] - self.seeds[three]) / 2**0.5
        norms = np.linalg.norm(moved, axis=1, keepdims=True)
        return np.asarray(moved / norms, dtype=np.float32)

    def blocks(self, total: int) -> Iterator[Vectors]:
        """All rows in order."""
        for number in range(total // BLOCK):
            yield self.block(number)

    def open_store(self) -> VectorStore:
        """The collection, as the index makes it."""
        return VectorStore.open(self.folder / "chroma", Recall(), namespace="million")

    @property
    def bare(self) -> Path:
        """The file of the bare hnswlib index."""
        return self.folder / "bare.hnsw"

    def note(self, name: str, value: dict[str, float]) -> None:
        """Add a measurement to the folder's log."""
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps({"what": name, **value}) + "\n")


def moment_of(row: int) -> datetime:
    """When the passage of a row ended."""
    return _FIRST + _STEP * row


def key_of(row: int) -> str:
    """The id of the passage of a row."""
    return f"p{row}"


def build_store(million: Million, total: int) -> None:
    """Fill the collection up to ``total`` vectors."""
    store = million.open_store()
    try:
        for number in range(store.count(CHAT) // BLOCK, total // BLOCK):
            started, spent = perf_counter(), process_time()
            rows = million.block(number)
            for start in range(0, BLOCK, _AT_ONCE):
                numbers = range(number * BLOCK + start, number * BLOCK + start + _AT_ONCE)
                store.add(
                    CHAT,
                    [key_of(row) for row in numbers],
                    rows[start : start + _AT_ONCE],
                    [moment_of(row) for row in numbers],
                )
            _note_block(million, "store", number, started, spent)
    finally:
        store.close()


def build_bare(million: Million, total: int) -> None:
    """Fill the bare index of the same settings up to ``total`` vectors, on one thread."""
    import hnswlib

    space: dict[str, Any] = _SPACE["hnsw"]
    index = hnswlib.Index(space="cosine", dim=million.seeds.shape[1])
    if million.bare.exists():
        index.load_index(str(million.bare), max_elements=total)
    else:
        index.init_index(
            total, M=space.get("max_neighbors", 16), ef_construction=space["ef_construction"]
        )
    first = index.get_current_count() // BLOCK
    for number in range(first, total // BLOCK):
        started, spent = perf_counter(), process_time()
        ids = np.arange(number * BLOCK, (number + 1) * BLOCK)
        index.add_items(million.block(number), ids, num_threads=1)
        _note_block(million, "bare", number, started, spent)
        if (number + 1) % SAVED_EVERY == 0 or number + 1 == total // BLOCK:
            draft = million.bare.with_suffix(".part")
            index.save_index(str(draft))
            draft.replace(million.bare)


def _note_block(million: Million, what: str, number: int, started: float, spent: float) -> None:
    took = {"seconds": perf_counter() - started, "processor": process_time() - spent}
    million.note(what, {"rows": (number + 1) * BLOCK, **took})
