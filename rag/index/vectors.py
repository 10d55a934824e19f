"""Passages to vectors: those with @self first, of each kind the newest first, on every shelf."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from config.settings import Settings
from ingest.archive import Archive
from ingest.chunks import Chunk, is_own
from rag.embedding.floors import Floor, probe_floor
from rag.embedding.protocol import Embedder
from rag.errors import StoreError
from rag.index.catalogue import Entry
from rag.index.ledger import VANISHED, Ledger, Pending
from rag.index.store import VectorStore

if TYPE_CHECKING:
    from rag.embedding.protocol import Vectors

BATCH = 1024
"""Passages embedded between two looks at the clock. A model sorts what it is given by length: with
256 at a time it did 4 to 11 % fewer a second."""
_GROWN = 1.2


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

    def fit_floors(self) -> None:
        """Fit the floor of each shelf that grew or shrank by a fifth (:mod:`rag.embedding.floors`).

        Noted in the catalogue by shelf.
        """
        rows = self._ledger.meta("floors") or {}
        noted = {shelf: Floor.from_json(row) for shelf, row in rows.items()}
        counts = self._ledger.with_vectors()
        for shelf, count in counts.items():
            known = noted.get(shelf)
            if known is None or not count / _GROWN < known.passages < count * _GROWN:
                fitted = probe_floor(self._embedder, partial(self._closest, shelf), count)
                if fitted is not None:
                    noted[shelf] = fitted
        kept = {shelf: floor.to_json() for shelf, floor in noted.items() if shelf in counts}
        self._ledger.note("floors", kept)

    def _closest(self, shelf: str, vector: Vectors) -> float | None:
        """The highest cosine of a passage on a shelf."""
        found = self._store.nearest(shelf, vector, 1, before=None)
        return found[0][1] if found else None

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
            made = self._embedder.embed_passages(texts)
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
