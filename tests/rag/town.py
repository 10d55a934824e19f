"""A small town, and its index looked at from outside."""

from __future__ import annotations

from typing import Any

from config.settings import Home, load
from ingest.archive import Archive
from rag.embedding.models import make_embedder
from rag.index.generations import Generation, current_generation
from rag.index.vectors import load_chunks

CHAT = "telegram:1"
PLACES = ("harbour", "library", "temple", "station", "market", "bridge")
SECRET = "my passport number is hidden under the kitchen floor"


def serving(place: Home) -> Generation:
    """The generation that serves."""
    return Generation(place.index / str(current_generation(place.index)))


def passages(place: Home) -> list[Any]:
    """What the catalogue holds, vectors included."""
    with serving(place).catalogue() as catalogue:
        return sorted(catalogue.select("SELECT key, shelf, has_self, has_vector FROM passage"))


def near(place: Home, archive: Archive, query: str) -> str:
    """The text of the passage nearest to a question."""
    embedder = make_embedder("all-minilm-l6-v2")
    assert embedder is not None
    generation = serving(place)
    with generation.catalogue() as catalogue:
        store = generation.store(load(place.path))
        [(key, _cosine)] = store.nearest(CHAT, embedder.embed_queries([query])[0], 1, before=None)
        store.close()
        entries = catalogue.entries([key])
    return load_chunks(archive, entries.values())[key].to_embed()


def folders(place: Home) -> set[str]:
    """The generations on disk."""
    return {path.name for path in place.index.iterdir() if path.is_dir()}
