"""Archive to index: cut what changed, embed what lacks a vector, and let the result serve.

lock → choose a generation → cut and embed, newest first → name it in the manifest → sweep

Words are searched in the archive itself, so that lexical recall over everything works before,
during and after. Rerunning does only what is missing, and a run that was killed is continued by the
next one. A rebuild is made beside the generation that serves and takes its place when it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from config.console import say
from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Kind
from ingest.chunks import CUTTER
from rag.embedding.models import choose_embedder, make_embedder
from rag.embedding.protocol import Embedder
from rag.errors import DamagedIndex, IndexBusy
from rag.index.catalogue import Catalogue
from rag.index.cutting import Cutter
from rag.index.generations import CATALOGUE, VECTORS, Generation, Generations, writing
from rag.index.heap import clean_heap
from rag.index.ledger import Ledger
from rag.index.manifest import IndexManifest, Model, read_manifest, write_manifest
from rag.index.store import VectorStore
from rag.index.vectors import Embedding, Source, closing, load_chunks

__all__ = ["CATALOGUE", "VECTORS", "Hooks", "build_index", "load_chunks", "open_store"]

_EARLY = 64
"""Passages embedded after each segment cut: the first can be found while the rest is cut."""
_SAMPLE_PER_CHAT = 2000
_SAMPLED_CHATS = 20


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a caller wants to know and decide while an index is built.

    ``cut`` hears of messages cut into passages (done, wanted), ``advance`` of passages that have
    their vector (done, wanted), ``is_over`` ends the run after the work in hand.
    """

    cut: Callable[[int, int], None] = lambda _done, _wanted: None
    advance: Callable[[int, int], None] = lambda _done, _wanted: None
    is_over: Callable[[], bool] = lambda: False
    say: Callable[[str], None] = say
    wrap: Callable[[Embedder], Embedder] = lambda embedder: embedder


def build_index(
    archive: Archive,
    home: Home,
    settings: Settings,
    *,
    now: Callable[[], datetime],
    hooks: Hooks | None = None,
    rebuild: bool = False,
    is_patient: bool = False,
) -> IndexManifest:
    """Bring the index of ``home`` up to date with the archive and say what it holds.

    Raises IndexMismatch where it was built with another embedder, unless ``rebuild``, and IndexBusy
    where another process is at it, unless ``is_patient``. Files that cannot be read are made anew.
    """
    hooks = hooks or Hooks()
    with writing(home.index, is_patient=is_patient):
        builder = _Builder(archive, home.index, settings, now, hooks)
        try:
            return builder.run(rebuild=rebuild)
        except DamagedIndex as error:
            hooks.say(f"{error}: doing so now")
            return builder.mend()


def open_store(settings: Settings, catalogue: Catalogue) -> VectorStore:
    """The vectors that belong to a catalogue."""
    return Generation(catalogue.path.parent).store(settings)


@dataclass(frozen=True, slots=True)
class _Builder:
    """One run, by the only process that writes."""

    archive: Archive
    index: Path
    settings: Settings
    now: Callable[[], datetime]
    hooks: Hooks

    @property
    def generations(self) -> Generations:
        return Generations(self.index, self.settings)

    def run(self, *, rebuild: bool) -> IndexManifest:
        """Choose what to work on, and do so."""
        serving = read_manifest(self.index)
        forgot = serving is not None and serving.forgets != self.archive.forgets
        with clean_heap() if forgot else nullcontext():
            generation = self._unfinished() or self._chosen(forgot=forgot, rebuild=rebuild)
            return self._fill(generation)

    def mend(self) -> IndexManifest:
        """Make anew what cannot be read: the vectors, or all where it is the catalogue."""
        broken = self.generations.unfinished() or self.generations.current()
        try:
            generation = self._begin() if broken is None else self._copy(broken, is_sound=False)
        except DamagedIndex:
            generation = self._begin()
        return self._fill(generation)

    def _chosen(self, *, forgot: bool, rebuild: bool) -> Generation:
        """The generation that serves; a copy of it after a forget; else an empty one."""
        current = self.generations.current()
        if rebuild or current is None or not current.exists():
            return self._begin()
        return self._copy(current) if forgot else current

    def _unfinished(self) -> Generation | None:
        """What an earlier run began, where it is still what is asked for."""
        found = self.generations.unfinished()
        if found is not None and self._is_wanted(found):
            return found
        self.generations.abandon()
        return None

    def _is_wanted(self, generation: Generation) -> bool:
        try:
            with generation.catalogue() as catalogue:
                noted, forgets = catalogue.meta("model"), catalogue.meta("forgets")
        except DamagedIndex:
            return False
        if noted is None or forgets != self.archive.forgets:
            return False
        name = self._name_of_embedder(Model(**noted))
        return Model(**noted) == Model.of(make_embedder(name))

    def _begin(self) -> Generation:
        """An empty generation."""
        model = Model.of(make_embedder(self._name_of_embedder(None)))
        generation = self.generations.begin()
        with generation.catalogue() as catalogue:
            catalogue.note("forgets", self.archive.forgets)
            catalogue.note("model", asdict(model))
        return generation

    def _copy(self, old: Generation, *, is_sound: bool = True) -> Generation:
        """A generation with the passages of another; its vectors are copied as far as wanted.

        Deleting from Chroma leaves bytes of what was deleted in its files, copying does not.
        """
        generation = self.generations.begin()
        with old.catalogue() as catalogue:
            catalogue.copy_to(generation.folder / CATALOGUE)
        with generation.catalogue() as catalogue:
            Ledger(catalogue).forget_vectors()
            catalogue.note("source", old.name if is_sound else None)
            catalogue.note("forgets", self.archive.forgets)
        return generation

    def _name_of_embedder(self, noted: Model | None) -> str:
        """What the settings ask for; "auto" keeps the one an index was built with."""
        name = self.settings.recall.embedder
        if name != "auto":
            return name
        return noted.name if noted else choose_embedder(_sample(self.archive))

    def _fill(self, generation: Generation) -> IndexManifest:
        """Cut, embed, and let the generation serve where it is whole enough."""
        with generation.catalogue() as catalogue:
            noted = Model(**catalogue.meta("model"))
            embedder = make_embedder(self._name_of_embedder(noted))
            noted.require(Model.of(embedder))
            ledger = Ledger(catalogue)
            manifest = self._manifest(generation, noted)
            with self._embedding(generation, ledger, embedder) as embedding:
                run = _Run(Cutter(self.archive, ledger, self.settings), embedding, self.hooks)
                uncut = run.cut()
                if not uncut:
                    self._publish_first(generation, _counted(manifest, ledger, embedding))
                    run.embed()
                made = _counted(manifest, ledger, embedding)
                manifest = replace(made, uncut=uncut, finished_at=self.now().isoformat())
            catalogue.checkpoint()
        if self._may_serve(generation, manifest):
            write_manifest(self.index, manifest)
            self.generations.swept()
        return manifest

    @contextmanager
    def _embedding(
        self, generation: Generation, ledger: Ledger, embedder: Embedder | None
    ) -> Iterator[Embedding | None]:
        if embedder is None:
            yield None
            return
        wrapped = self.hooks.wrap(embedder)
        old = ledger.meta("source")
        folder = self.index / str(old)
        with closing(generation.store(self.settings)) as store:
            if store.is_stale():
                raise IndexBusy(f"{self.index}: written by another atself; it must be opened anew")
            if old is None or not folder.exists():
                yield Embedding(self.archive, ledger, store, wrapped, self.settings)
                return
            with closing(Generation(folder).store(self.settings)) as known:
                source = Source(known)
                yield Embedding(self.archive, ledger, store, wrapped, self.settings, source)

    def _publish_first(self, generation: Generation, manifest: IndexManifest) -> None:
        """Where nothing serves yet, half of the vectors are better than none."""
        if self.generations.current() is None:
            write_manifest(self.index, manifest)

    def _may_serve(self, generation: Generation, manifest: IndexManifest) -> bool:
        """A new generation waits until it is whole where another serves meanwhile."""
        current = self.generations.current()
        if current is None:
            return not manifest.uncut
        return current == generation or not (manifest.uncut or manifest.pending)

    def _manifest(self, generation: Generation, model: Model) -> IndexManifest:
        return IndexManifest(
            generation=generation.name,
            model=model,
            cutter=CUTTER,
            gap_minutes=self.settings.threads.gap_minutes,
            archive_revision=self.archive.revision,
            forgets=self.archive.forgets,
            passages=0,
            vectors=0,
            pending=0,
            uncut=0,
            finished_at=self.now().isoformat(),
        )


@dataclass(frozen=True, slots=True)
class _Run:
    """Cutting and embedding, side by side while there is both."""

    cutter: Cutter
    embedding: Embedding | None
    hooks: Hooks

    def cut(self) -> int:
        """Cut what changed, with a few vectors after each segment; the messages left uncut."""
        if self.embedding:
            self.embedding.check()
        tasks = self.cutter.tasks()
        wanted = left = sum(task.segment.messages for task in tasks)
        for task in tasks:
            if self.hooks.is_over():
                break
            self.cutter.cut(task)
            left -= task.segment.messages
            self.hooks.cut(wanted - left, wanted)
            if self.embedding and len(tasks) > 1:
                self.embedding.step(_EARLY)
        else:
            self.cutter.finish()
        if self.embedding:
            self.embedding.remove_gone()
        return left

    def embed(self) -> None:
        """Make the vectors that are missing, until time is over."""
        if self.embedding is None:
            return
        found = self.embedding.pending()
        left = found.missing
        self.hooks.advance(found.wanted - left, found.wanted)
        while left and not self.hooks.is_over():
            left -= self.embedding.step()
            self.hooks.advance(found.wanted - left, found.wanted)
        if not left:
            self.embedding.fit_floors()


def _counted(manifest: IndexManifest, ledger: Ledger, embedding: Embedding | None) -> IndexManifest:
    passages = ledger.count(only_self=False).wanted
    if embedding is None:
        return replace(manifest, passages=passages)
    found = embedding.pending()
    vectors = found.wanted - found.missing
    return replace(manifest, passages=passages, vectors=vectors, pending=found.missing)


def _sample(archive: Archive) -> Iterator[str]:
    """Texts by which the languages of an archive are told."""
    for chat in archive.chats()[:_SAMPLED_CHATS]:
        for message in islice(archive.messages(chat.id), _SAMPLE_PER_CHAT):
            if message.kind is Kind.TEXT:
                yield message.text
