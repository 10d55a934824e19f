"""How long recall takes among a million passages, and how far that is from a bare index.

    python -m benchmarks.recall_latency HOME --folder F [--passages 1000000] [--queries 200]
    python -m benchmarks.recall_latency HOME --folder F --build-only
    python -m benchmarks.recall_latency HOME --folder F --words EXPORT [--messages 1000000]

Needs hnswlib (pip install hnswlib, which compiles it). HOME has an index with real vectors, from
which the others are made (benchmarks/_million.py says how). The first run builds into F, and goes
on where it was killed; later runs only ask. One table is the time of a query of our store, without
and with a moment, beside a bare hnswlib index of the same settings, with the share of the ten
nearest (exact, by numpy) that each finds. The other is memory and disk of a million, and vectors
added a second. With --words, EXPORT (a Telegram export) is blown up to --messages as in
benchmarks.ingest, and word search and recall by words are timed as well.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from numpy.typing import NDArray

from benchmarks._million import (
    BLOCK,
    CHAT,
    Million,
    Vectors,
    build_bare,
    build_store,
    key_of,
    moment_of,
)
from config.console import emit_table, say
from rag.index.store import _SPACE, VectorStore

NEAREST = 40
"""As many as recall asks for (recall.candidates)."""
COUNTED = 10
LATEST = 100
"""Passages newer than the moment of a live question, at most about so many."""
FILTERED = 10
"""Queries of the row that takes seconds each."""
Found = list[list[str]]
Ask = Callable[[Vectors], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Timed:
    """Answers to all queries, and what each took: milliseconds on the clock and of processor."""

    found: Found
    clock: NDArray[np.float64]
    processor: NDArray[np.float64]


def main(arguments: list[str]) -> None:
    """Build what is missing, ask, and print the tables."""
    asked = _parser().parse_args(arguments)
    asked.folder.mkdir(parents=True, exist_ok=True)
    million = Million(asked.folder, _seeds(asked.home, asked.folder))
    build_bare(million, asked.passages)
    build_store(million, asked.passages)
    if asked.build_only:
        return
    _show_queries(million, asked.passages, asked.queries)
    _show_costs(million, asked.passages)
    if asked.words:
        from benchmarks._million_words import show_words

        show_words(million, asked.words, asked.home, messages=asked.messages, count=asked.queries)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall_latency")
    parser.add_argument("home", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--build-only", action="store_true")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--words", type=Path, metavar="EXPORT")
    return parser


def _seeds(home: Path, folder: Path) -> Vectors:
    """The real vectors of an index, kept in the folder so that later runs have the same."""
    path = folder / "seeds.npy"
    if not path.exists():
        from benchmarks._indexed import vectors_of

        np.save(path, vectors_of(home))
    seeds: Vectors = np.load(path)
    return seeds


def _show_queries(million: Million, total: int, count: int) -> None:
    import hnswlib

    queries = million.block(-1)[:count]
    exact = {limit: _exact(million, queries, limit) for limit in (total, total // 2)}
    store = million.open_store()
    bare = hnswlib.Index(space="cosine", dim=queries.shape[1])
    bare.load_index(str(million.bare))
    bare.set_ef(_SPACE["hnsw"]["ef_search"])
    ways: dict[str, tuple[Ask, int]] = {
        "bare hnswlib": (lambda one: _bare(bare, one), total),
        "ours": (lambda one: _ours(store, one, None, None), total),
        "ours, all but the latest": (
            lambda one: _ours(store, one, moment_of(total - LATEST), LATEST),
            total,
        ),
        "ours, the first half, by filter": (
            lambda one: _ours(store, one, moment_of(total // 2), None),
            total // 2,
        ),
    }
    rows = []
    floor = 0.0
    for name, (ask, within) in ways.items():
        timed = _timed(ask, queries[:FILTERED] if "filter" in name else queries)
        p95 = float(np.percentile(timed.clock, 95))
        floor = floor or p95
        rows.append(_row(name, timed, p95 / floor, _recall(timed.found, exact[within])))
    store.close()
    say(f"{total:,} vectors, {count} queries, the {NEAREST} nearest, {_SPACE['hnsw']}")
    emit_table(("query", "p50 ms", "p95 ms", "CPU p50", "CPU p95", "of bare", "recall@10"), rows)


def _row(name: str, timed: Timed, ratio: float, recall: float) -> tuple[str, ...]:
    marks = (np.percentile(t, p) for t in (timed.clock, timed.processor) for p in (50, 95))
    return (name, *(f"{mark:.1f}" for mark in marks), f"{ratio:.2f}", f"{recall:.3f}")


def _bare(index: object, query: Vectors) -> list[str]:
    labels, _ = index.knn_query(query, k=NEAREST, num_threads=1)  # type: ignore[attr-defined]
    return [key_of(int(label)) for label in labels[0]]


def _ours(
    store: VectorStore, query: Vectors, before: datetime | None, newer: int | None
) -> list[str]:
    return [key for key, _ in store.nearest(CHAT, query, NEAREST, before=before, newer=newer)]


def _timed(ask: Ask, queries: Vectors) -> Timed:
    ask(queries[0])  # opens files and reads the graph
    found, clock, processor = [], [], []
    for query in queries:
        started, spent = perf_counter(), process_time()
        found.append(list(ask(query)))
        clock.append(1000 * (perf_counter() - started))
        processor.append(1000 * (process_time() - spent))
    return Timed(found, np.array(clock), np.array(processor))


def _exact(million: Million, queries: Vectors, total: int) -> Found:
    """The nearest of the first ``total`` rows, by comparing with all of them."""
    best = np.full((len(queries), COUNTED), -2.0, dtype=np.float32)
    rows = np.zeros((len(queries), COUNTED), dtype=np.int64)
    for number, block in enumerate(million.blocks(total)):
        cosines = np.hstack([best, queries @ block.T])
        places = np.hstack([rows, np.tile(np.arange(BLOCK) + number * BLOCK, (len(queries), 1))])
        top = np.argpartition(-cosines, COUNTED, axis=1)[:, :COUNTED]
        best, rows = np.take_along_axis(cosines, top, 1), np.take_along_axis(places, top, 1)
    return [[key_of(int(row)) for row in each] for each in rows]


def _recall(found: Found, exact: Found) -> float:
    shares = [
        len(set(one[:COUNTED]) & set(other)) / COUNTED
        for one, other in zip(found, exact[: len(found)], strict=True)
    ]
    return float(np.mean(shares))


def _show_costs(million: Million, total: int) -> None:
    log = [json.loads(line) for line in (million.folder / "log.jsonl").open()]
    context = get_context("spawn")
    rows = []
    for name, path in (("bare", million.bare), ("store", million.folder / "chroma")):
        with context.Pool(1) as pool:
            grown = pool.apply(_memory, (name, million.folder, million.seeds))
        blocks = {line["rows"]: line for line in log if line["what"] == name}.values()
        spent = sum(line["processor"] for line in blocks)
        files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
        disk = sum(each.stat().st_size for each in files)
        scale = 1e6 / total / 1e6
        rows.append(
            (
                name,
                f"{grown * scale:,.0f}",
                f"{disk * scale:,.0f}",
                f"{len(blocks) * BLOCK / max(spent, 1e-9):,.0f}",
            )
        )
    emit_table(("index", "memory, MB a million", "disk, MB a million", "added a CPU second"), rows)


def _memory(name: str, folder: Path, seeds: Vectors) -> int:
    """Bytes a process of its own grows by when it opens an index and asks 20 queries."""
    million = Million(folder, seeds)
    queries = million.block(-1)[:20]
    if name == "bare":
        import hnswlib

        start = _resident()
        index = hnswlib.Index(space="cosine", dim=queries.shape[1])
        index.load_index(str(million.bare))
        for query in queries:
            _bare(index, query)
        return _resident() - start
    import chromadb  # noqa: F401  (the library's own size is not the index's)

    start = _resident()
    store = million.open_store()
    for query in queries:
        _ours(store, query, None, None)
    grown = _resident() - start
    store.close()
    return grown


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


if __name__ == "__main__":
    main(sys.argv[1:])
