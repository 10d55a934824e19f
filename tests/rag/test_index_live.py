"""What is said now is found by its meaning at once, and the index follows by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest

from config.settings import Home, load
from ingest.archive import Archive
from rag.embedding.models import make_embedder
from rag.embedding.protocol import Embedder
from rag.index.generations import hold
from rag.index.ledger import Ledger
from rag.index.live import Live, Pace
from rag.index.shelves import SHARED
from rag.index.tail import MOST, Tail
from rag.index.vectors import load_chunks

Say = Callable[..., Any]
Index = Callable[..., Any]
CHAT = "telegram:1"
NEVER = Pace(quiet=timedelta(hours=1), messages=10_000)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    """MiniLM, loaded."""
    found = make_embedder("all-minilm-l6-v2")
    assert found is not None
    found.embed_queries(["warm"])
    return found


@pytest.fixture
def live(place: Home, archive: Archive, embedder: Embedder) -> Iterator[Live]:
    """With the chat shareable; never refreshing by itself."""
    settings = load(place.path, recall__shareable=(CHAT,))
    with Live(place, settings, embedder, pace=NEVER) as opened:
        yield opened


def tell(archive: Archive, live: Live, raw: list[Any]) -> None:
    """Put messages into the archive and say so, as the bot does."""
    archive.add(raw)
    for message in archive.get([one.id for one in raw]):
        live.heard(message)


def texts(archive: Archive, live: Live, query: str, shelf: str = CHAT) -> list[str]:
    """What is found for a question, best first."""
    [vector] = live.embedder.embed_queries([query])
    keys = [key for key, _ in live.nearest(shelf, vector, 3)]
    chunks = load_chunks(archive, live.entries(keys).values())
    return [chunks[key].messages[-1].text for key in keys]


def test_a_message_is_found_by_meaning_within_a_second(
    archive: Archive, live: Live, say: Say
) -> None:
    tell(archive, live, say((("Fox", "the ferry to the island leaves at dawn"),)))
    tell(archive, live, say((("Fox", "my grandmother bakes plum cake on Sundays"),), day=1))
    live.settle()
    started = monotonic()
    tell(archive, live, say((("Lin", "the boat was late because of the storm"),), day=2))
    told = monotonic() - started
    live.settle()
    assert monotonic() - started < 1
    assert told < 0.1
    assert "boat" in texts(archive, live, "why was the ship delayed?")[0]


def test_edits_and_deletions_follow(archive: Archive, live: Live, say: Say) -> None:
    said = say((("Fox", "the ferry leaves at dawn"), ("Lin", "I shall bring bread and cheese")))
    tell(archive, live, said)
    live.settle()
    later = said[0].sent_at + timedelta(minutes=1)
    tell(archive, live, [replace(said[0], text="the concert begins at eight", edited_at=later)])
    live.settle()
    assert "concert" in texts(archive, live, "when does the music start?")[0]
    archive.remove([said[0].id])
    live.removed([said[0].id])
    [vector] = live.embedder.embed_queries(["when does the music start?"])
    entries = live.entries(key for key, _ in live.nearest(CHAT, vector, 5))
    assert all(said[0].id not in entry.message_ids for entry in entries.values())
    live.settle()
    assert texts(archive, live, "what will there be to eat?") == ["I shall bring bread and cheese"]


def test_nothing_of_later_and_nothing_of_other_shelves_is_near(
    archive: Archive, live: Live, say: Say
) -> None:
    archive.add(say((("Lin", "hello to all of you here"),)))
    archive.set_self("Lin")
    mine, theirs = say((("Lin", "my key hangs behind the door"), ("Fox", "mine is in the shed")))
    tell(archive, live, [replace(mine, id="a"), replace(theirs, id="b")])
    tell(archive, live, say((("Lin", "the spare key is at the office"),), chat="telegram:2"))
    live.settle()
    [vector] = live.embedder.embed_queries(["where is the key?"])
    assert live.nearest(CHAT, vector, 5, before=mine.sent_at) == []
    assert {e.chat for e in live.entries(k for k, _ in live.nearest(CHAT, vector, 5)).values()} == {
        CHAT
    }
    assert texts(archive, live, "where is the key?", SHARED) == ["my key hangs behind the door"]


def test_the_index_is_refreshed_in_the_background(
    archive: Archive, place: Home, say: Say, index: Index, embedder: Embedder
) -> None:
    archive.add(
        say((("Lin", "the violin needs a new string"), ("Fox", "ask the shop at the port")))
    )
    archive.set_self("Lin")
    before = index().passages
    complaints: list[str] = []
    pace = Pace(quiet=timedelta(seconds=0.05))
    with Live(place, load(place.path), embedder, pace=pace, warn=complaints.append) as live:
        tell(archive, live, say((("Lin", "the lighthouse keeper gave me his radio"),), day=3))
        [vector] = live.embedder.embed_queries(["who gave me the radio?"])
        _until(lambda: _vectors(place) > before)
        _until(lambda: live.nearest(CHAT, vector, 1) == [])
    assert complaints == []
    assert index().passages == before + 1


def test_many_threads_may_tell_and_ask(archive: Archive, live: Live, say: Say) -> None:
    said = say([("Fox", f"the number {n} tram stops at the old market") for n in range(40)])
    archive.add(said)
    messages = archive.get([one.id for one in said])
    [vector] = live.embedder.embed_queries(["which tram goes to the market?"])
    failed: list[BaseException] = []

    def work(part: int) -> None:
        try:
            for message in messages[part::4]:
                live.heard(message)
                live.nearest(CHAT, vector, 5)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=[part]) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    live.settle()
    assert failed == []
    assert len(live.nearest(CHAT, vector, 100)) == 40


def test_the_tail_is_bounded() -> None:
    import numpy as np

    from rag.index.catalogue import Entry
    from rag.index.tail import Fresh

    tail = Tail()
    one = np.ones(4, np.float32)
    tail.put(Fresh(Entry(str(n), CHAT, (str(n),), True, CHAT), n, one) for n in range(MOST + 5))
    found = tail.nearest(CHAT, one, MOST * 2, before=None)
    assert len(found) == MOST
    assert "0" not in dict(found)


def _vectors(place: Home) -> int:
    held = hold(place.index)
    assert held is not None
    with held[1].catalogue() as catalogue:
        found = Ledger(catalogue).count(only_self=False)
    held[2].release()
    return found.wanted - found.missing


def _until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    pause, ends = threading.Event(), monotonic() + seconds
    while not is_so():
        assert monotonic() < ends
        pause.wait(0.05)
