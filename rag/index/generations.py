"""Generations: whole indexes side by side, of which one serves.

    index/manifest.json      names the one that serves; replaced last, in one step
    index/next               names the one being built, where there is one
    index/<generation>/      passages.sqlite and chroma/ (on a Chroma server its namespace)

Who reads holds a shared lock on the generation's folder, so that it is not taken away; who writes
holds one on ``index/`` itself. Both end with their process, however it ends.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from config.locks import Lease, claimed, exclusive
from config.settings import Settings
from rag.errors import IndexBusy, StoreError
from rag.index.catalogue import Catalogue
from rag.index.manifest import IndexManifest, read_manifest
from rag.index.store import VectorStore

CATALOGUE = "passages.sqlite"
VECTORS = "chroma"
_NEXT = "next"
_OLD_LAYOUT = (CATALOGUE, f"{CATALOGUE}-wal", f"{CATALOGUE}-shm", VECTORS)


@dataclass(frozen=True, slots=True)
class Generation:
    """One index; its name is also its namespace on a Chroma server."""

    folder: Path

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.folder.name

    def exists(self) -> bool:
        """Whether its catalogue is there."""
        return (self.folder / CATALOGUE).exists()

    def catalogue(self) -> Catalogue:
        """Its catalogue; made where there is none."""
        return Catalogue(self.folder / CATALOGUE)

    def store(self, settings: Settings) -> VectorStore:
        """Its vectors."""
        return VectorStore.open(self.folder / VECTORS, settings.recall, namespace=self.name)


def current_generation(index: Path) -> str | None:
    """Which generation serves, None for none; costs one small file, for those who watch for it."""
    manifest = read_manifest(index)
    return None if manifest is None else manifest.generation


@contextmanager
def reading(index: Path) -> Iterator[tuple[IndexManifest, Generation] | None]:
    """The generation that serves, kept from being taken away until the end."""
    held = hold(index)
    try:
        yield held and held[:2]
    finally:
        if held:
            held[2].release()


def hold(index: Path) -> tuple[IndexManifest, Generation, Lease] | None:
    """Like :func:`reading`, for those who let go later."""
    while (manifest := read_manifest(index)) is not None:
        generation = Generation(index / manifest.generation)
        try:
            return manifest, generation, Lease(generation.folder)
        except FileNotFoundError:  # swapped meanwhile, or deleted by hand
            if current_generation(index) == manifest.generation:
                return None
    return None


@contextmanager
def writing(index: Path, *, is_patient: bool = False) -> Iterator[None]:
    """Be the only one who writes an index; IndexBusy where somebody does already.

    Whoever ``is_patient`` waits for them.
    """
    index.mkdir(parents=True, exist_ok=True)
    if is_patient:
        with exclusive(index):
            yield
        return
    with claimed(index) as is_free:
        if not is_free:
            raise IndexBusy(f"{index}: another atself is indexing; wait for it, then run again")
        yield


class Generations:
    """The generations of one index; for whoever is :func:`writing`."""

    def __init__(self, index: Path, settings: Settings) -> None:
        self._index, self._settings = index, settings

    def current(self) -> Generation | None:
        """The one that serves."""
        name = current_generation(self._index)
        return None if name is None else Generation(self._index / name)

    def unfinished(self) -> Generation | None:
        """The one an earlier run did not finish."""
        with suppress(FileNotFoundError):
            name = (self._index / _NEXT).read_text(encoding="utf-8").strip()
            found = Generation(self._index / name)
            if name and name != current_generation(self._index) and found.exists():
                return found
        return None

    def begin(self) -> Generation:
        """A new one beside the one that serves."""
        generation = Generation(self._index / secrets.token_hex(6))
        generation.folder.mkdir()
        draft = self._index / f".{_NEXT}"
        draft.write_text(generation.name, encoding="utf-8")
        draft.replace(self._index / _NEXT)
        return generation

    def abandon(self) -> None:
        """Give up the one being built, and clear away what no longer serves."""
        (self._index / _NEXT).unlink(missing_ok=True)
        self.swept()

    def swept(self) -> None:
        """Remove all generations but the one that serves and the one being built.

        One that is read stays for the next time, unless it knows somebody who was forgotten since:
        then its reader goes on by words.
        """
        if current_generation(self._index) == self._next_name():
            (self._index / _NEXT).unlink(missing_ok=True)
        kept = {generation.name for generation in (self.current(), self.unfinished()) if generation}
        for folder in self._index.iterdir():
            if folder.name in _OLD_LAYOUT:
                _remove(folder)
            elif folder.is_dir() and folder.name not in kept:
                self._drop(Generation(folder))

    def _next_name(self) -> str | None:
        with suppress(FileNotFoundError):
            return (self._index / _NEXT).read_text(encoding="utf-8").strip()
        return None

    def _drop(self, generation: Generation) -> None:
        with claimed(generation.folder) as is_free:
            if is_free or self._knows_too_much(generation):
                if self._settings.recall.chroma_url:
                    self._drop_from_server(generation)
                shutil.rmtree(generation.folder)

    def _knows_too_much(self, generation: Generation) -> bool:
        serving = read_manifest(self._index)
        if serving is None or not generation.exists():
            return False
        try:
            with generation.catalogue() as catalogue:
                return bool(catalogue.meta("forgets") != serving.forgets)
        except StoreError:
            return True

    def _drop_from_server(self, generation: Generation) -> None:
        store = generation.store(self._settings)
        try:
            for shelf in store.shelves():
                store.drop(shelf)
        finally:
            with suppress(StoreError):
                store.close()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
