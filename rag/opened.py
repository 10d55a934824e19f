"""The index as recall reads it: one generation, held so that nobody takes it away meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from config.locks import Lease
from config.settings import Home, Settings
from rag.embedding.models import Embedder, make_embedder
from rag.index.catalogue import Catalogue
from rag.index.generations import hold
from rag.index.manifest import IndexManifest, Model
from rag.meaning import Meaning


@dataclass(frozen=True, slots=True)
class OpenIndex:
    """Close it once. ``meaning`` is None for an index without vectors."""

    generation: str
    catalogue: Catalogue
    meaning: Meaning | None
    common: frozenset[str]
    _lease: Lease

    @classmethod
    def of(cls, home: Home, settings: Settings, warn: Callable[[str], None]) -> OpenIndex | None:
        """The generation that serves; None where there is none.

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
            common = frozenset(catalogue.meta("common") or ())
        except BaseException:
            lease.release()
            raise
        meaning = None
        if embedder is not None:
            meaning = Meaning(embedder, lambda: generation.store(settings), warn=warn)
        return cls(generation.name, catalogue, meaning, common, lease)

    def close(self) -> None:
        """Close what is open and let go of the generation."""
        if self.meaning is not None:
            self.meaning.close()
        self.catalogue.close()
        self._lease.release()


def _embedder_of(manifest: IndexManifest, settings: Settings) -> Embedder | None:
    """The embedder an index was built with; IndexMismatch where the settings name another."""
    wanted = settings.recall.embedder
    embedder = make_embedder(manifest.model.name if wanted == "auto" else wanted)
    manifest.model.require(Model.of(embedder))
    return embedder
