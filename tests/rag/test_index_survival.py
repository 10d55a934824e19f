"""Killed, damaged, full, written by two: the index stays whole or mends."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.settings import Home, load
from ingest.archive import Archive
from rag.errors import DamagedIndex, IndexBusy, StoreError
from rag.index.building import CATALOGUE, VECTORS, Hooks
from rag.index.generations import current_generation
from rag.index.store import VectorStore, _http_sessions
from tests.rag.chroma import chroma_server
from tests.rag.conftest import START
from tests.rag.quick import Quick
from tests.rag.town import CHAT, folders, near, passages, serving

Say = Callable[..., Any]
Index = Callable[..., Any]
ROOT = Path(__file__).parents[2]


def test_a_deleted_message_is_not_shown_and_the_rest_is(
    town: Archive, index: Index, place: Home
) -> None:
    index()
    town.remove(["telegram:1:3:1"])
    shown = near(place, town, "boys selling maps near the station on day 3")
    assert "5 boys" in shown
    assert "what did you see" not in shown
    index()
    assert "what did you see" not in near(place, town, "boys near the station on day 3, 5 boys")


@pytest.mark.parametrize("damage", ["catalogue", "chroma", "gone", "generation"])
def test_what_is_damaged_is_made_anew(
    town: Archive, index: Index, place: Home, damage: str
) -> None:
    first = index()
    before = passages(place)
    folder = serving(place).folder
    if damage == "catalogue":
        (folder / CATALOGUE).write_bytes(b"not a database" * 900)
    elif damage == "chroma":
        (folder / VECTORS / "chroma.sqlite3").write_bytes(b"not a database" * 900)
    elif damage == "gone":
        shutil.rmtree(folder / VECTORS)
    else:
        shutil.rmtree(folder)
    said: list[str] = []
    made = index(hooks=Hooks(say=said.append))
    assert replace(made, generation=first.generation) == first
    assert passages(place) == before
    assert "temple" in near(place, town, "maps near the temple")
    assert all("\n" not in line for line in said)
    assert len(said) == (damage in ("catalogue", "chroma"))


_WRITES = """
    import sys
    from datetime import UTC, datetime
    from pathlib import Path
    from config.settings import Home, load
    from ingest.archive import Archive
    from rag.index import building
    from tests.rag.quick import Quick
    home = Home(Path(sys.argv[1]))
    with Archive.open(home.archive) as archive:
        building.build_index(archive, home, load(home.path), now=lambda: datetime.now(UTC),
                             hooks=building.Hooks(wrap=lambda _: Quick()))
"""


def test_what_another_process_wrote_is_seen_after_opening_anew(
    town: Archive, quickly: Index, place: Home, say: Say
) -> None:
    before = quickly().vectors
    reader = serving(place).store(load(place.path))
    assert not reader.is_stale()
    town.add(say((("Lin", "the tram to the old mill was full of dogs"),), day=40))
    assert _child(_WRITES, place).returncode == 0
    assert reader.is_stale()
    town.add(say((("Lin", "the second tram was empty but for a cat"),), day=41))
    with pytest.raises(IndexBusy, match="opened anew"):  # half of it is not known here
        quickly()
    reader.close()
    assert quickly().vectors == before + 2
    reader = serving(place).store(load(place.path))
    assert not reader.is_stale()
    reader.close()


@pytest.mark.parametrize("name", ["data_level0.bin", "header.bin", "length.bin"])
def test_a_graph_that_was_cut_short_is_not_loaded(place: Home, name: str) -> None:
    def opened() -> VectorStore:
        return VectorStore.open(place.index / VECTORS, load(place.path).recall, namespace="a")

    vectors = Quick().embed_passages([str(number) for number in range(1200)])
    store = opened()
    store.add(CHAT, [str(number) for number in range(1200)], vectors, [START] * 1200)
    store.probe(CHAT, 384)
    store.close()
    [graph] = place.index.rglob(name)  # Chroma writes one from 1,000 vectors on
    content = graph.read_bytes()
    for left in {0, len(content) // 2 + 1} if name == "data_level0.bin" else {0}:
        graph.write_bytes(content[:left])
        with pytest.raises(DamagedIndex, match="cut short"):
            opened()
    graph.write_bytes(content)
    opened().close()


_KILLED = """
    import os, signal, sys
    from datetime import UTC, datetime
    from pathlib import Path
    from config.settings import Home, load
    from ingest.archive import Archive
    from rag.index import building, vectors
    from tests.rag.quick import Quick
    vectors.BATCH = 4
    home, count, rebuild = Home(Path(sys.argv[1])), int(sys.argv[2]), sys.argv[3] == "rebuild"
    def trace(frame, event, arg):
        global count
        if event == "call" and "/rag/index/" in frame.f_code.co_filename:
            count -= 1
            if count == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    hooks = building.Hooks(wrap=lambda _: Quick())
    with Archive.open(home.archive) as archive:
        sys.setprofile(trace)
        building.build_index(archive, home, load(home.path), now=lambda: datetime.now(UTC),
                             hooks=hooks, rebuild=rebuild)
    print("whole")
"""


def _child(code: str, place: Home, *told: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(place.path), *map(str, told)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("mode", ["first", "rebuild"])
def test_killed_anywhere_the_next_run_completes_the_same_index(
    town: Archive, quickly: Index, place: Home, mode: str
) -> None:
    if mode == "rebuild":
        quickly()
    dice = random.Random(11)
    killed = 0
    for low, high in ((1, 12), (12, 60), (60, 150), (150, 260), (150, 400)):
        ended = _child(_KILLED, place, dice.randrange(low, high), mode)
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
        killed += ended.returncode != 0
        if mode == "rebuild":
            assert current_generation(place.index) is not None
    assert killed >= 4
    made = quickly()
    assert made.pending == 0
    assert folders(place) == {made.generation}
    kept, vectors = passages(place), _vectors(place)
    quickly(rebuild=True)
    assert passages(place) == kept
    again = _vectors(place)
    assert vectors.keys() == again.keys()
    assert all(np.allclose(vectors[key], again[key], atol=1e-6) for key in again)


def _vectors(place: Home) -> dict[str, Any]:
    store = serving(place).store(load(place.path))
    found = store.vectors(CHAT, store.ids(CHAT))
    store.close()
    return dict(found)


_FULL = """
    import resource, sys
    from datetime import UTC, datetime
    from pathlib import Path
    from config.errors import AtselfError
    from config.settings import Home, load
    from ingest.archive import Archive
    from rag.index import building
    from tests.rag.quick import Quick
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    home, most = Home(Path(sys.argv[1])), int(sys.argv[2])
    with Archive.open(home.archive) as archive:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        try:
            building.build_index(archive, home, load(home.path), now=lambda: datetime.now(UTC),
                                 hooks=building.Hooks(wrap=lambda _: Quick()))
        except AtselfError as error:
            print(error)
            sys.exit(1)
"""


@pytest.mark.parametrize("most", [4_000, 60_000, 150_000])
def test_a_full_disk_is_one_line_and_nothing_is_lost(
    town: Archive, quickly: Index, place: Home, most: int
) -> None:
    full = _child(_FULL, place, most)
    assert full.returncode == 1, full.stderr
    assert full.stdout.count("\n") == 1
    assert "atself index" in full.stdout
    assert quickly().pending == 0


def test_a_server_that_goes_away_is_one_line_and_a_rerun_continues(
    town: Archive, quickly: Index, place: Home, tmp_path: Path
) -> None:
    with chroma_server(tmp_path / "server") as (url, process):
        remote = load(place.path, recall__chroma_url=url)

        def stop(_done: int, _wanted: int) -> None:
            process.kill()
            process.wait()

        with pytest.raises(StoreError, match="atself index") as told:
            quickly(settings=remote, hooks=Hooks(advance=stop))
        assert "\n" not in str(told.value)
    with chroma_server(tmp_path / "server", url) as (url, _process):
        first = quickly(settings=remote)
        assert first.pending == 0
        second = quickly(settings=remote, rebuild=True)
        assert _namespaces(url) == {second.generation}
        town.forget("Fox")
        third = quickly(settings=remote)
        assert (third.pending, _namespaces(url)) == (0, {third.generation})
        assert not (serving(place).folder / VECTORS).exists()


def _namespaces(url: str) -> set[str]:
    """Whose collections a server has."""
    import chromadb

    client = chromadb.HttpClient(host="127.0.0.1", port=int(url.rpartition(":")[2]))
    names = {found.name.split("-")[1] for found in client.list_collections()}
    sessions = _http_sessions(client)
    client.close()
    for session in sessions:
        session.close()
    return names
