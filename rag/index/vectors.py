"""Passages to vectors: those with @self first, of each kind the newest first, on every shelf."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.settings import Settings
from ingest.archive import Archive
from ingest.chunks import Chunk, is_own
from rag.embedding.models import Embedder, embed_in_order
from rag.errors import StoreError
from rag.index.catalogue import Entry
from rag.index.ledger import VANISHED, Ledger, Pending
from rag.index.store import VectorStore

if TYPE_CHECKING:
    from rag.embedding.models import Vectors

BATCH = 256
"""Passages embedded between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Source:
    """Vectors made before, to be copied rather than computed again."""

    store: VectorStore

    def vectors(self, shelf: str, keys: Sequence[str]) -> Mapping[str, Vectors]:
        """Those of these passages that can still be read."""
        try:
            return self.store.vectors(shelf, keys)
        except StoreError:
            return {}


class Embedding:
    """Makes the vectors in a store exactly those that the ledger's passages are to have."""

    def __init__(
        self,
        archive: Archive,
        ledger: Ledger,
        store: VectorStore,
        embedder: Embedder,
        settings: Settings,
        source: Source | None = None,
    ) -> None:
        self._archive, self._ledger, self._store = archive, ledger, store
        self._embedder, self._source = embedder, source
        self._only_self = settings.recall.vectors == "self"

    def check(self) -> None:
        """Look whether the store holds what the ledger says, and settle where they differ.

        Raises DamagedIndex where the store cannot be read.
        """
        expected = self._ledger.with_vectors()
        present = self._store.shelves()
        for shelf in set(present) | set(expected):
            if self._store.count(shelf) != expected.get(shelf, 0):
                self._settle(shelf)
            elif shelf in expected:
                self._store.probe(shelf, self._embedder.dimension)

    def remove_gone(self) -> None:
        """Delete the vectors of passages that are no more."""
        for shelf, keys in self._ledger.gone().items():
            self._store.delete(shelf, keys)
            self._ledger.clear_gone(shelf)
        for shelf in set(self._store.shelves()) - self._ledger.shelves():
            self._store.drop(shelf)

    def pending(self) -> Pending:
        """How many vectors there are to be, and how many are missing."""
        return self._ledger.count(only_self=self._only_self)

    def step(self, most: int | None = None) -> int:
        """Make the next vectors, a BATCH if not said; how many passages that settled."""
        keys = self._ledger.pending(most or BATCH, only_self=self._only_self)
        entries = self._ledger.entries(keys)
        chunks = load_chunks(self._archive, entries.values())
        self._ledger.note_vectors(set(keys) - chunks.keys(), VANISHED)
        shelves: dict[str, dict[str, Chunk]] = defaultdict(dict)
        for key, chunk in chunks.items():
            shelves[entries[key].shelf][key] = chunk
        for shelf, vectors in self._vectors(shelves):
            ended_at = [shelves[shelf][key].ended_at for key in vectors]
            self._store.add(shelf, list(vectors), _stacked(vectors), ended_at)
            self._ledger.note_vectors(vectors)
        return len(keys)

    def _vectors(
        self, shelves: Mapping[str, Mapping[str, Chunk]]
    ) -> Iterator[tuple[str, dict[str, Vectors]]]:
        """The vectors of each shelf by passage: copied where there are any, embedded together."""
        known = {
            shelf: dict(self._source.vectors(shelf, list(chunks))) if self._source else {}
            for shelf, chunks in shelves.items()
        }
        missing = [
            (shelf, key) for shelf, every in shelves.items() for key in every.keys() - known[shelf]
        ]
        if missing:
            texts = [shelves[shelf][key].to_embed() for shelf, key in missing]
            made = embed_in_order(texts, self._embedder.embed_passages)
            for (shelf, key), vector in zip(missing, made, strict=True):
                known[shelf][key] = vector
        yield from known.items()

    def _settle(self, shelf: str) -> None:
        """Compare a shelf passage by passage."""
        wanted, present = set(self._ledger.keys(shelf)), set(self._store.ids(shelf))
        self._store.delete(shelf, sorted(present - wanted))
        self._ledger.note_vectors(wanted & present)
        self._ledger.note_vectors(wanted - present, 0)


def load_chunks(archive: Archive, entries: Iterable[Entry]) -> dict[str, Chunk]:
    """Passages by id, read from the archive; what was deleted since is left out of them.

    So is, from a statement, what is no longer @self's: it stands where others may read it.
    """
    wanted = list(entries)
    ids = list(dict.fromkeys(id for entry in wanted for id in entry.message_ids))
    found = {message.id: message for message in archive.get(ids)}
    chunks = {}
    for entry in wanted:
        here = [found[id] for id in entry.message_ids if id in found]
        kept = [
            message
            for message in here
            if message.chat == entry.chat and (is_own(message) or not entry.is_statement)
        ]
        if kept:
            chunks[entry.id] = Chunk(tuple(kept), is_statement=entry.is_statement)
    return chunks


@contextmanager
def closing(store: VectorStore) -> Iterator[VectorStore]:
    """Close a store at the end, also where it is damaged."""
    try:
        yield store
    except BaseException:
        with suppress(StoreError):
            store.close()
        raise
    store.close()


def _stacked(vectors: Mapping[str, Vectors]) -> Vectors:
    import numpy as np

    return np.stack(list(vectors.values())).astype(np.float32)
