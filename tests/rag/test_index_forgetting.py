"""Forgetting: nothing of the person stays in any file, and nothing of the others is made again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from config.settings import Home, load
from ingest.archive import Archive
from rag.embedding.models import make_embedder
from rag.index.building import Hooks
from rag.index.vectors import load_chunks
from rag.recall import Recall
from tests.rag.town import CHAT, SECRET, folders, near, serving

Say = Callable[..., Any]
Index = Callable[..., Any]
ROOT = Path(__file__).parents[2]


def test_forgetting_leaves_no_byte(town: Archive, index: Index, place: Home) -> None:
    index()
    embedder = make_embedder("all-minilm-l6-v2")
    assert embedder is not None
    with serving(place).catalogue() as catalogue:
        keys = [k for (k,) in catalogue.select("SELECT key FROM passage")]
        every = load_chunks(town, catalogue.entries(keys).values())
    telling = {key: c for key, c in every.items() if any(SECRET in m.text for m in c.messages)}
    store = serving(place).store(load(place.path))
    vectors = list(store.vectors(CHAT, list(telling)).values())
    store.close()
    assert vectors
    traces = [np.asarray(vector, np.float32).tobytes()[:64] for vector in vectors]
    traces += [key.encode() for key in telling] + [b"telegram:1:20:1", SECRET.encode()]
    found = [trace for trace in traces if any(trace in b for b in _bytes(place))]
    assert len(found) == len(traces) - 1  # all but the text, which the index never holds
    pins = _leave_in_memory(traces)
    embedded: list[int] = []
    town.forget("Fox")
    hooks = Hooks(advance=lambda done, _wanted: embedded.append(done))
    made = index(hooks=hooks)
    assert made.pending == 0
    assert pins
    assert folders(place) == {made.generation}
    assert [trace for trace in traces if any(trace in b for b in _bytes(place))] == []
    assert SECRET not in near(place, town, SECRET)


def test_a_reader_does_not_keep_what_is_forgotten(
    town: Archive, quickly: Index, place: Home
) -> None:
    quickly()
    with Recall.open(load(place.path), place, town, warn=lambda _: None) as opened:
        opened.query("maps near the temple", chat=CHAT, before=None, limit=1)
        town.forget("Fox")
        made = quickly()
        assert folders(place) == {made.generation}


def test_surviving_vectors_are_copied_not_made_again(
    town: Archive, index: Index, place: Home, say: Say
) -> None:
    town.add(say((("Mei", "the tea house opens late in the year, in winter at ten"),), day=30))
    index()
    town.forget("Mei")

    class Refusing:
        name, version, dimension = "all-minilm-l6-v2", "", 384

        def embed_passages(self, texts: Any) -> Any:
            raise AssertionError(texts)

        embed_queries = floor = embed_passages

        def warm(self) -> None: ...

        close = warm

    assert index(hooks=Hooks(wrap=lambda _: Refusing())).pending == 0
    assert "temple" in near(place, town, "maps near the temple")


def _leave_in_memory(traces: Sequence[bytes]) -> list[bytearray]:
    """Leave blocks of the size of Chroma's that are full of what must not get into a file.

    What is returned lies between them, so that they stay with the process.
    """
    size, pins = 168_000, []
    for _ in range(3):  # the first that are freed tell malloc to keep others of their size
        blocks = []
        for trace in traces:
            blocks.append(bytearray(trace * (size // len(trace))))
            pins.append(bytearray(600))
        blocks.clear()
    return pins


def _bytes(place: Home) -> list[bytes]:
    return [path.read_bytes() for path in place.index.rglob("*") if path.is_file()]
