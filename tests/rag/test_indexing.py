"""Building the index: incremental, continued after a kill, refused on a mismatch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.settings import Home, load
from ingest.archive import Archive
from rag.errors import IndexMismatch
from rag.index.building import CATALOGUE, VECTORS, Hooks, open_store
from rag.index.catalogue import Catalogue
from rag.index.generations import current_generation
from rag.index.manifest import read_manifest
from rag.recall import Recall
from tests.rag.chroma import chroma_server

Say = Callable[..., Any]
Index = Callable[..., Any]
PLACES = ("harbour", "library", "temple", "station", "market", "bridge", "museum", "garden")


def days(count: int) -> Iterator[tuple[int, tuple[tuple[str, str], ...]]]:
    for day in range(count):
        place = PLACES[day % len(PLACES)]
        yield (
            day,
            (
                ("Fox", f"what did you see near the {place} on day {day}?"),
                ("Lin", f"near the {place} I saw {day + 2} boys selling old maps of the town"),
            ),
        )


@pytest.fixture
def diary(archive: Archive, say: Say) -> Archive:
    for day, lines in days(24):
        archive.add(say(lines, day=day))
    archive.set_self("Lin")
    return archive


def serving(place: Home) -> Path:
    """The folder of the generation that serves."""
    return place.index / str(current_generation(place.index))


def vectors_of(place: Home, chat: str = "telegram:1") -> dict[str, Any]:
    """Every vector in the index, by passage."""
    with Catalogue(serving(place) / CATALOGUE) as catalogue:
        store = open_store(load(place.path), catalogue)
        try:
            rows = store._find(chat).get(include=["embeddings"])
        finally:
            store.close()
    return dict(zip(rows["ids"], rows["embeddings"], strict=True))


def test_only_what_is_new_is_embedded(diary: Archive, say: Say, index: Index) -> None:
    first = index()
    assert (first.vectors, first.pending) == (24, 0)
    diary.add(say((("Lin", "the lighthouse keeper gave me his old radio"),), day=40))
    steps: list[tuple[int, int]] = []
    second = index(hooks=Hooks(advance=lambda done, wanted: steps.append((done, wanted))))
    assert steps == [(24, 25), (25, 25)]
    assert second.passages == first.passages + 1


def test_an_index_that_is_up_to_date_is_left_alone(diary: Archive, index: Index) -> None:
    first = index()

    def refuse(_done: int, _wanted: int) -> None:
        raise AssertionError("the archive is read again")

    assert index(hooks=Hooks(cut=refuse)) == first


def test_a_time_budget_ends_embedding_and_a_rerun_goes_on(
    diary: Archive, index: Index, place: Home
) -> None:
    cut: list[int] = []
    hooks = Hooks(cut=lambda done, _wanted: cut.append(done), is_over=lambda: bool(cut))
    partial = index(hooks=hooks)
    assert (partial.vectors, partial.pending) == (0, 24)
    assert read_manifest(place.index) == partial
    assert index().pending == 0


def test_vanished_messages_lose_their_vectors(diary: Archive, index: Index, place: Home) -> None:
    index()
    diary.forget("Fox")
    index()
    assert len(vectors_of(place)) == 24
    diary.forget("Lin")
    assert index().passages == 0
    with Catalogue(serving(place) / CATALOGUE) as catalogue:
        store = open_store(load(place.path), catalogue)
        assert store.shelves() == []
        store.close()


def test_the_index_holds_no_text(diary: Archive, index: Index, place: Home) -> None:
    index()
    for file in place.index.rglob("*"):
        if file.is_file():
            assert b"selling old maps" not in file.read_bytes(), file


_KILLED = """
    import os, signal, sys
    from datetime import UTC, datetime
    from pathlib import Path
    from config.settings import Home, load
    from ingest.archive import Archive
    from rag.index import building as indexing, vectors
    vectors.BATCH = 8
    home = Home(Path(sys.argv[1]))
    def advance(done, wanted):
        if done >= 8:
            os.kill(os.getpid(), signal.SIGKILL)
    with Archive.open(home.archive) as archive:
        indexing.build_index(archive, home, load(home.path), now=lambda: datetime.now(UTC),
                             hooks=indexing.Hooks(advance=advance))
"""


def test_a_run_that_was_killed_is_completed_identically(
    diary: Archive, index: Index, place: Home
) -> None:
    root = Path(__file__).parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_KILLED), str(place.path)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    begun = read_manifest(place.index)
    assert begun is not None
    assert begun.pending == 24  # words alone until then; from now on what is there
    started: list[int] = []
    completed = index(hooks=Hooks(advance=lambda done, _wanted: started.append(done)))
    assert started[0] == 8
    continued = vectors_of(place)
    rebuilt = index(rebuild=True)
    assert replace(rebuilt, generation=completed.generation) == completed
    whole = vectors_of(place)
    assert continued.keys() == whole.keys()
    assert all(np.allclose(continued[key], whole[key], atol=1e-5) for key in whole)


def test_another_embedder_is_refused_with_the_way_to_rebuild(
    diary: Archive, index: Index, place: Home
) -> None:
    index()
    other = load(place.path, recall__embedder="multilingual-e5-small")
    with pytest.raises(IndexMismatch, match="atself index --rebuild"):
        index(settings=other)
    with pytest.raises(IndexMismatch, match="atself index --rebuild"):
        Recall.open(other, place, diary)
    assert index(settings=other, rebuild=True).model.name == "multilingual-e5-small"


def test_a_damaged_vector_store_leaves_words_and_one_warning(
    diary: Archive, index: Index, place: Home, recall: Callable[[], Recall], warnings: list[str]
) -> None:
    index()
    (serving(place) / VECTORS / "chroma.sqlite3").write_bytes(b"not a database" * 500)
    opened = recall()
    for _ in range(2):
        found = opened.query("old maps near the temple", chat="telegram:1", before=None, limit=1)
        assert "temple" in found[0].text
    assert len(warnings) == 1
    assert "atself index" in warnings[0]
    assert index().pending == 0


def test_a_chroma_server_that_is_away_leaves_words_and_one_warning(
    diary: Archive, index: Index, place: Home
) -> None:
    index()
    away = load(place.path, recall__chroma_url="http://127.0.0.1:9")
    complaints: list[str] = []
    with Recall.open(away, place, diary, warn=complaints.append) as opened:
        assert opened.query("old maps near the temple", chat="telegram:1", before=None, limit=1)
    assert len(complaints) == 1


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server."""
    with chroma_server(tmp_path / "server") as (url, _process):
        yield url


@pytest.mark.slow
def test_a_chroma_server_serves_as_well(
    diary: Archive, index: Index, place: Home, server: str
) -> None:
    remote = load(place.path, recall__chroma_url=server)
    assert index(settings=remote).vectors == 24
    complaints: list[str] = []
    with Recall.open(remote, place, diary, warn=complaints.append) as opened:
        (found,) = opened.search(
            "old maps near the temple", chat="telegram:1", before=None, limit=1
        )
    assert found.similarity is not None
    assert complaints == []
    assert index(settings=remote, rebuild=True).vectors == 24
    assert not (serving(place) / VECTORS).exists()
