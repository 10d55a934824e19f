"""Archive to index: passages into the catalogue, those with @self also as vectors into Chroma.

Rerunning does only what is missing: passages have stable ids, unchanged ones keep their vector, and
a run that was killed is continued by the next one. Words are searched in the archive itself, so
that lexical recall over everything works before, during and after.
"""

from __future__ import annotations

import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from pathlib import Path

from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Kind, Message
from ingest.chunks import CUTTER, Chunk, chunks_of
from ingest.threads import recover_threads
from rag.embedding.models import choose_embedder, make_embedder
from rag.embedding.protocol import Embedder
from rag.index.catalogue import Catalogue, Entry
from rag.index.manifest import IndexManifest, Model, write_manifest
from rag.index.store import VectorStore

# A model sorts what it is given by length: with 256 at a time it did 4 to 11 % fewer a second.
BATCH = 1024
_SAMPLE_PER_CHAT = 2000
_SAMPLED_CHATS = 20
CATALOGUE = "passages.sqlite"
VECTORS = "chroma"


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a caller wants to know and decide while an index is built.

    ``watch`` wraps the messages as they are read, ``advance`` hears of passages embedded (done,
    wanted), ``is_over`` ends embedding after the batch in hand.
    """

    watch: Callable[[Iterable[Message]], Iterable[Message]] = iter
    advance: Callable[[int, int], None] = lambda _done, _wanted: None
    is_over: Callable[[], bool] = lambda: False


def build_index(
    archive: Archive,
    home: Home,
    settings: Settings,
    *,
    now: Callable[[], datetime],
    hooks: Hooks | None = None,
    rebuild: bool = False,
) -> IndexManifest:
    """Bring the index of ``home`` up to date with the archive and say what it holds.

    Raises IndexMismatch where it was built with another embedder, unless ``rebuild``.
    """
    hooks = hooks or Hooks()
    if rebuild:
        remove_index(home, settings)
    embedder = pick_embedder(archive, home.index, settings)
    revision = archive.revision
    with Catalogue(home.index / CATALOGUE) as catalogue:
        _claim(catalogue, Model.of(embedder))
        if not _is_cut(catalogue, revision, settings):
            _cut_passages(archive, catalogue, settings, hooks)
            _note_cut(catalogue, revision, settings)
        vectors, pending = 0, 0
        if embedder is not None:
            store = open_store(home.index, settings, catalogue)
            try:
                vectors, pending = _embed_passages(archive, catalogue, store, embedder, hooks)
            finally:
                store.close()
        manifest = IndexManifest(
            model=Model.of(embedder),
            cutter=CUTTER,
            gap_minutes=settings.threads.gap_minutes,
            archive_revision=revision,
            passages=catalogue.count(),
            vectors=vectors,
            pending=pending,
            finished_at=now().isoformat(),
        )
    write_manifest(home.index, manifest)
    return manifest


def remove_index(home: Home, settings: Settings) -> None:
    """Delete everything; the archive is all that is needed to build it again."""
    path = home.index / CATALOGUE
    if settings.recall.chroma_url and path.exists():
        with Catalogue(path) as catalogue:
            store = open_store(home.index, settings, catalogue)
            for chat in store.chats():
                store.drop(chat)
            store.close()
    if home.index.exists():
        shutil.rmtree(home.index)


def pick_embedder(archive: Archive, folder: Path, settings: Settings) -> Embedder | None:
    """The embedder the settings ask for; "auto" keeps the one an existing index was built with."""
    name = settings.recall.embedder
    if name != "auto":
        return make_embedder(name)
    path = folder / CATALOGUE
    if path.exists():
        with Catalogue(path) as catalogue:
            model = catalogue.meta("model")
        if model is not None:
            return make_embedder(str(model["name"]))
    return make_embedder(choose_embedder(_sample(archive)))


def open_store(folder: Path, settings: Settings, catalogue: Catalogue) -> VectorStore:
    """The vectors that belong to a catalogue."""
    namespace = str(catalogue.meta("namespace"))
    return VectorStore.open(folder / VECTORS, settings.recall.chroma_url, namespace=namespace)


def _sample(archive: Archive) -> Iterator[str]:
    """Texts by which the languages of an archive are told."""
    for chat in archive.chats()[:_SAMPLED_CHATS]:
        for message in islice(archive.messages(chat.id), _SAMPLE_PER_CHAT):
            if message.kind is Kind.TEXT:
                yield message.text


def _claim(catalogue: Catalogue, model: Model) -> None:
    """Mark a new index with its embedder, or check that of an existing one."""
    noted = catalogue.meta("model")
    if noted is not None:
        Model(**noted).require(model)
        return
    catalogue.note("namespace", secrets.token_hex(6))
    catalogue.note(
        "model", {"name": model.name, "version": model.version, "dimension": model.dimension}
    )


def _is_cut(catalogue: Catalogue, revision: int, settings: Settings) -> bool:
    return bool(catalogue.meta("cut") == _cut_of(revision, settings))


def _note_cut(catalogue: Catalogue, revision: int, settings: Settings) -> None:
    catalogue.note("cut", _cut_of(revision, settings))


def _cut_of(revision: int, settings: Settings) -> list[object]:
    """All that passages follow from."""
    return [revision, CUTTER, settings.threads.gap_minutes, settings.ingest.pseudonyms]


def _cut_passages(archive: Archive, catalogue: Catalogue, settings: Settings, hooks: Hooks) -> None:
    """Cut every chat into passages; each chat is one transaction."""
    gap = timedelta(minutes=settings.threads.gap_minutes)
    found: Counter[str] = Counter()
    chats: list[str] = []
    for chat, messages in groupby(hooks.watch(archive.messages()), key=lambda found: found.chat):
        threads = recover_threads(messages, gap=gap)
        found.update(catalogue.replace(chat, (chunk for t in threads for chunk in chunks_of(t))))
        chats.append(chat)
    catalogue.keep_chats(chats)
    catalogue.note_common(found)


def _embed_passages(
    archive: Archive, catalogue: Catalogue, store: VectorStore, embedder: Embedder, hooks: Hooks
) -> tuple[int, int]:
    """Make the vectors exactly those of passages with @self; returns (vectors, still pending)."""
    wanted = {chat: catalogue.keys_with_self(chat) for chat in catalogue.chats()}
    missing = {chat: _settle(store, chat, keys) for chat, keys in wanted.items()}
    for chat in set(store.chats()) - set(wanted):
        store.drop(chat)
    total = sum(map(len, wanted.values()))
    pending = sum(map(len, missing.values()))
    hooks.advance(total - pending, total)
    for chat, keys in missing.items():
        for start in range(0, len(keys), BATCH):
            if hooks.is_over():
                return total - pending, pending
            batch = keys[start : start + BATCH]
            _embed_batch(archive, catalogue, store, embedder, chat, batch)
            pending -= len(batch)
            hooks.advance(total - pending, total)
    return total, 0


def _settle(store: VectorStore, chat: str, wanted: Sequence[str]) -> list[str]:
    """Delete the vectors of passages that are no more; returns those still to be made."""
    present = set(store.ids(chat))
    store.delete(chat, sorted(present.difference(wanted)))
    return [key for key in wanted if key not in present]


def _embed_batch(
    archive: Archive,
    catalogue: Catalogue,
    store: VectorStore,
    embedder: Embedder,
    chat: str,
    keys: Sequence[str],
) -> None:
    chunks = load_chunks(archive, catalogue.entries(keys).values())
    if not chunks:
        return
    texts = [chunk.to_embed() for chunk in chunks.values()]
    vectors = embedder.embed_passages(texts)
    store.add(chat, list(chunks), vectors, [chunk.ended_at for chunk in chunks.values()])


def load_chunks(archive: Archive, entries: Iterable[Entry]) -> dict[str, Chunk]:
    """Passages by id, read from the archive; one with a message that is gone is left out."""
    wanted = list(entries)
    ids = list(dict.fromkeys(id for entry in wanted for id in entry.message_ids))
    found = {message.id: message for message in archive.get(ids)}
    return {
        entry.id: Chunk(tuple(found[id] for id in entry.message_ids))
        for entry in wanted
        if all(id in found and found[id].chat == entry.chat for id in entry.message_ids)
    }
