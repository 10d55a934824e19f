"""Whatever is away, slow or damaged: a reply gets what works, in time, with one line."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.settings import Home, load
from ingest.archive import Archive
from rag.index.generations import CATALOGUE, current_generation
from rag.recall import Recall

Say = Callable[..., Any]
Index = Callable[..., Any]
ASKED = "what did the ferryman carve into the oak?"
LINES = (("Fox", ASKED), ("Lin", "the ferryman carved a heron into the oak, I saw him do it"))


@pytest.fixture
def filled(archive: Archive, say: Say) -> Archive:
    archive.add(say(LINES))
    archive.set_self("Lin")
    return archive


@pytest.fixture
def mute_server() -> Iterator[str]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    held.append(listening.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        for one in held:
            one.close()


def test_a_server_that_says_nothing_costs_no_more_than_the_time_there_is(
    filled: Archive, index: Index, place: Home, mute_server: str
) -> None:
    index()
    slow = load(place.path, recall__chroma_url=mute_server, recall__seconds=0.3)
    lines: list[str] = []
    with Recall.open(slow, place, filled, warn=lines.append) as memory:
        for _ in range(3):
            began = time.monotonic()
            [found] = memory.query(ASKED, chat="telegram:1", before=None, limit=1)
            assert time.monotonic() - began < 5.0  # the server would be waited for for 30
            assert "heron" in found.text
    assert len(lines) == 1
    assert "recall.seconds" in lines[0]


def test_a_damaged_catalogue_leaves_words_until_it_is_mended(
    filled: Archive, index: Index, place: Home, warnings: list[str], recall: Callable[[], Recall]
) -> None:
    index()
    name = current_generation(place.index)
    assert name is not None
    (place.index / name / CATALOGUE).write_bytes(b"this is no database, not any more" * 400)
    memory = recall()
    for _ in range(2):
        found = memory.query(ASKED, chat="telegram:1", before=None, limit=2)
        assert any("heron" in passage.text for passage in found)
    assert len(warnings) == 1
    assert "atself index" in warnings[0]


def test_a_rebuilt_index_is_taken_up_without_reopening(
    filled: Archive, index: Index, place: Home, say: Say, recall: Callable[[], Recall]
) -> None:
    index()
    memory = recall()
    assert memory.query(ASKED, chat="telegram:1", before=None, limit=1)
    filled.add(say((("Lin", "my grandmother kept bees behind the chapel"),), day=3))
    index(rebuild=True)
    [found] = memory.search("her insects lived near the church", chat=None, before=None, limit=1)
    assert "bees" in found.passage.text
    assert found.similarity is not None


def test_the_first_question_does_not_wait_for_the_model_once_it_is_warm(
    filled: Archive, index: Index, recall: Callable[[], Recall], warnings: list[str]
) -> None:
    index()
    memory = recall()
    memory.warm()
    [found] = memory.search(ASKED, chat="telegram:1", before=None, limit=1, seconds=5)
    assert found.similarity is not None
    assert warnings == []


def test_an_index_that_is_built_later_is_taken_up(
    filled: Archive, index: Index, recall: Callable[[], Recall], warnings: list[str]
) -> None:
    memory = recall()
    [found] = memory.search(ASKED, chat="telegram:1", before=None, limit=1)
    assert found.similarity is None
    index()
    [found] = memory.search(ASKED, chat="telegram:1", before=None, limit=1)
    assert found.similarity is not None
    assert len(warnings) == 1


def test_what_another_process_indexed_meanwhile_is_found_by_meaning(
    filled: Archive, index: Index, place: Home, say: Say, recall: Callable[[], Recall]
) -> None:
    index()
    memory = recall()
    assert memory.query(ASKED, chat="telegram:1", before=None, limit=1)
    filled.add(say((("Lin", "my grandmother kept bees behind the chapel"),), day=3))
    command = [sys.executable, "-m", "cli.app", "index", "--home", str(place.path)]
    subprocess.run(command, check=True, capture_output=True)
    [found] = memory.search("her insects lived near the church", chat=None, before=None, limit=1)
    assert "bees" in found.passage.text
    assert found.similarity is not None
