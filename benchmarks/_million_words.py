"""Word search and all of recall at a million messages, and our query of a million vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from benchmarks._held_replies import asked_of
from benchmarks._million import CHAT, Million
from benchmarks._scaled import write_export
from config.console import emit_table, say
from config.settings import Home, load
from ingest.archive import Archive
from ingest.database import instant
from ingest.importer import import_paths
from ingest.scope import Scope
from rag.index.building import build_index
from rag.opened import OpenIndex
from rag.search import Question, Search
from rag.wording import FADE


def show_words(million: Million, export: Path, home: Path, *, messages: int, count: int) -> None:
    """Blow ``export`` up, import and cut it once, and time the questions of ``home``'s replies."""
    folder = Home(million.folder / "words")
    _build(folder, export, messages)
    settings = load(folder.path)
    asked = [one.text for one in asked_of(Home(home).dataset, count)]
    with Archive.open(folder.archive) as archive:
        [chat] = [found.id for found in archive.chats()]
        index = OpenIndex.of(folder, settings, say)
        assert index is not None  # built above
        moment = instant(archive.times(chat)[-1] + 1)  # blown up, it ends in years to come
        search = Search(archive, index, settings)
        scope = Scope.of(chat)
        ways: dict[str, Callable[[str], object]] = {
            "word search": lambda text: archive.search(
                text, scope=scope, before=moment, limit=40, fade=FADE
            ),
            "recall, with the embedding": lambda text: search.best(
                Question(text, chat, moment), 4, None
            ),
        }
        rows = [(name, *_times(way, asked)) for name, way in ways.items()]
        rows.append(("our query of the vectors", *_vector_times(million, count)))
        index.close()
    say(f"{messages:,} messages")
    emit_table(("step", "p50 ms", "p95 ms", "CPU p50", "CPU p95"), rows)


def _build(home: Home, export: Path, messages: int) -> None:
    home.path.mkdir(parents=True, exist_ok=True)
    done = home.path / "built"
    if done.exists():
        return
    scaled = home.path / "result.json"
    write_export(export, scaled, messages=messages)
    with Archive.open(home.archive, create=True) as archive:
        import_paths(archive, [scaled], zone=UTC)
        scaled.unlink()
        build_index(archive, home, load(home.path), now=lambda: datetime.now(UTC))
    done.touch()


def _times(way: Callable[[str], object], asked: Sequence[str]) -> tuple[str, ...]:
    for text in asked[:5]:
        way(text)  # reads the counts of frequent terms and fills the page cache
    clock, processor = [], []
    for text in asked:
        started, spent = perf_counter(), process_time()
        way(text)
        clock.append(1000 * (perf_counter() - started))
        processor.append(1000 * (process_time() - spent))
    return tuple(f"{np.percentile(t, p):.1f}" for t in (clock, processor) for p in (50, 95))


def _vector_times(million: Million, count: int) -> tuple[str, ...]:
    """Both halves run side by side; the slower one and the weighing decide."""
    store = million.open_store()
    queries = million.block(-1)[:count]
    rows = _times(
        lambda row: store.nearest(CHAT, queries[int(row)], 40, before=None), _numbers(count)
    )
    store.close()
    return rows


def _numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]
