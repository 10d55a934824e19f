"""What serves and what it is made of; ``manifest.json`` is written last, so that it is complete."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rag.embedding.protocol import Embedder
from rag.errors import IndexMismatch

FORMAT = 2
_FILE = "manifest.json"
_REBUILD = "rebuild it with: atself index --rebuild"


@dataclass(frozen=True, slots=True)
class Model:
    """The embedder of an index; all three must match for its vectors to mean anything."""

    name: str
    version: str
    dimension: int

    @classmethod
    def of(cls, embedder: Embedder | None) -> Model:
        """The identity of an embedder; of none where recall goes by words alone."""
        if embedder is None:
            return cls("none", "", 0)
        return cls(embedder.name, embedder.version, embedder.dimension)

    def require(self, wanted: Model) -> None:
        """IndexMismatch unless ``wanted`` is the model this index was built with."""
        if self != wanted:
            raise IndexMismatch(
                f"the index was built with {self} and recall.embedder is {wanted}; {_REBUILD}"
            )

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.dimension} numbers)"


@dataclass(frozen=True, slots=True)
class IndexManifest:
    """``archive_revision`` is the archive's when indexing began, ``forgets`` how many it
    had forgotten by then; ``pending`` passages still lack
    a vector because a time budget ended, and ``uncut`` messages were not looked at for that reason.
    """

    generation: str
    model: Model
    cutter: str
    gap_minutes: float
    archive_revision: int
    forgets: int
    passages: int
    vectors: int
    pending: int
    uncut: int
    finished_at: str
    format: int = FORMAT


def read_manifest(folder: Path) -> IndexManifest | None:
    """The manifest in an index folder, None where there is none, or one from before this layout."""
    try:
        fields = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        found = int(fields.get("format", 0))
    except (FileNotFoundError, ValueError, AttributeError):
        return None
    if found > FORMAT:
        raise IndexMismatch(f"{folder}: written by a newer atself; update it, or {_REBUILD}")
    if found < FORMAT:
        return None
    return IndexManifest(**{**fields, "model": Model(**fields["model"])})


def write_manifest(folder: Path, manifest: IndexManifest) -> None:
    """Replace the manifest atomically."""
    draft = folder / f".{_FILE}"
    draft.write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")
    draft.replace(folder / _FILE)
