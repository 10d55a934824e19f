"""The index as recall reads it: one generation, held so that nobody takes it away meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from config.locks import Lease
from config.settings import Home, Settings
from rag.embedding.floors import Floor
from rag.embedding.models import make_embedder
from rag.embedding.protocol import Embedder
from rag.index.catalogue import Catalogue
from rag.index.generations import hold
from rag.index.manifest import IndexManifest, Model
from rag.meaning import Meaning

if TYPE_CHECKING:
    from rag.index.live import Live


@dataclass(frozen=True, slots=True)
class OpenIndex:
    """Close it once. ``meaning`` is None for an index without vectors."""

    generation: str
    catalogue: Catalogue
    meaning: Meaning | None
    floors: Mapping[str, Floor]
    finished_at: str
    _lease: Lease

    @classmethod
    def of(
        cls,
        home: Home,
        settings: Settings,
        warn: Callable[[str], None],
        live: Live | None = None,
    ) -> OpenIndex | None:
        """The generation that serves; None where there is none.

        ``live`` is searched as well where its vectors are of the same model.

        Raises IndexMismatch where it was built with another embedder than the settings ask for,
        DamagedIndex where its catalogue cannot be read.
        """
        held = hold(home.index)
        if held is None:
            return None
        manifest, generation, lease = held
        try:
            embedder = _embedder_of(manifest, settings)
            catalogue = generation.catalogue()
            floors = _floors(catalogue)
        except BaseException:
            lease.release()
            raise
        meaning = None
        if embedder is not None:
            fits = live is not None and Model.of(live.embedder) == manifest.model
            vectors = partial(generation.store, settings)
            meaning = Meaning(embedder, vectors, warn=warn, live=live if fits else None)
        at = manifest.finished_at
        return cls(generation.name, catalogue, meaning, floors, at, lease)

    def reread(self, finished_at: str) -> OpenIndex:
        """The same index after it was brought up to date."""
        return replace(self, floors=_floors(self.catalogue), finished_at=finished_at)

    def close(self) -> None:
        """Close what is open and let go of the generation."""
        if self.meaning is not None:
            self.meaning.close()
        self.catalogue.close()
        self._lease.release()


def _floors(catalogue: Catalogue) -> dict[str, Floor]:
    """The floor of each shelf that has one."""
    rows = (catalogue.meta("floors") or {}).items()
    return {shelf: Floor.from_json(row) for shelf, row in rows}


def _embedder_of(manifest: IndexManifest, settings: Settings) -> Embedder | None:
    """The embedder an index was built with; IndexMismatch where the settings name another."""
    wanted = settings.recall.embedder
    embedder = make_embedder(manifest.model.name if wanted == "auto" else wanted)
    manifest.model.require(Model.of(embedder))
    return embedder
