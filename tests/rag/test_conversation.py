"""What the newest message answers, by the linker and by meaning; learning from an archive."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from config.settings import Home
from ingest.archive import Archive
from ingest.linker.closeness import widened
from ingest.linker.learning import learned
from ingest.linker.ranking import shipped
from ingest.listening import Listener, Meaning
from rag.conversation import CHARACTERS, KEPT, Nearby, learn_replies
from rag.embedding.models import make_embedder
from rag.embedding.packaged import ENGLISH
from tests.rag.conftest import Say
from tests.rag.quick import Quick

if TYPE_CHECKING:
    from rag.embedding.protocol import Vectors

GAP = timedelta(minutes=30)
LATER = datetime(2030, 1, 1, tzinfo=UTC)
TALK = (
    ("ann", "My cat refuses to eat since the weekend."),
    ("bob", "The train to Lyon is cancelled again!"),
    ("cem", "Anyone up for chess tonight?"),
    ("dee", "Take the animal to a veterinarian, a sick kitten can starve."),
)


class Counted(Quick):
    """Remembers what it was given, and waits until it may go on."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.free = threading.Event()
        self.free.set()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.free.wait(60)
        self.texts += texts
        return super().embed_passages(texts)


def test_meaning_finds_what_shares_no_word(archive: Archive, say: Say) -> None:
    archive.add(say(TALK))
    history = list(archive.messages())
    embedder = make_embedder(ENGLISH)
    assert embedder is not None
    with Nearby(embedder, seconds=60) as nearby:
        both = Listener(GAP, meaning=Meaning(widened(shipped()), nearby.vectors)).rank(history)
    words = Listener(GAP).rank(history)
    assert max(both, key=lambda id: both[id]) == history[0].id
    assert both[history[0].id] > words[history[0].id]


@pytest.mark.parametrize(
    "text", ["鍵はどこ", "กุญแจอยู่ไหน", "أين المفتاح", "🔑?", "where is it" * 99]
)
def test_what_was_embedded_once_is_kept(text: str) -> None:
    counted = Counted()
    with Nearby(counted, seconds=60) as nearby:
        first = nearby.vectors([text, "b", text])
        again = nearby.vectors(["b", text, text])
    assert first is not None
    assert again is not None
    assert np.array_equal(first[[1, 0, 0]], again)
    assert counted.texts == [text[:CHARACTERS], "b"]


def test_a_slow_embedder_is_not_waited_for_and_serves_the_next_answer() -> None:
    slow = Counted()
    slow.free.clear()
    with Nearby(slow, seconds=0.01) as nearby:
        assert nearby.vectors(["a"]) is None
        assert nearby.vectors(["a", "b"]) is None
        slow.free.set()
        assert nearby._asked is not None
        nearby._asked.result(60)
        assert nearby.vectors(["a"]) is not None
    assert slow.texts == ["a"]


def test_a_failing_embedder_leaves_words() -> None:
    class Broken(Quick):
        def embed_passages(self, texts: Sequence[str]) -> Vectors:
            raise RuntimeError(f"{len(texts)} texts too many")

    with Nearby(Broken(), seconds=60) as nearby:
        assert nearby.vectors(["a"]) is None
        assert nearby.vectors(["a"]) is None


def test_kept_vectors_are_bounded() -> None:
    with Nearby(Quick(), seconds=60) as nearby:
        for start in range(0, KEPT + 200, 100):
            assert nearby.vectors([str(n) for n in range(start, start + 100)]) is not None
        assert len(nearby._vectors) == KEPT


def test_replies_are_learned_from_once_and_again_when_there_are_more(
    archive: Archive, place: Home, say: Say
) -> None:
    said = say([("ann" if n % 2 else "bob", f"line {n} of the play") for n in range(40)])
    archive.add(said)
    assert not learn_replies(archive, place.replies, now=LATER)
    archive.add(replace(m, reply_to=said[n - 2].id) for n, m in enumerate(said) if n > 30)
    assert learn_replies(archive, place.replies, now=LATER)
    assert learned(place.replies).replies == 9
    assert learned(place.replies).ranking is not shipped()
    assert not learn_replies(archive, place.replies, now=LATER)


def test_replies_teach_the_cosines_of_the_embedder_that_is_asked(
    archive: Archive, place: Home, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = say([("ann" if n % 2 else "bob", f"line {n} of the play") for n in range(40)])
    archive.add(replace(m, reply_to=said[n - 2].id if n > 30 else None) for n, m in enumerate(said))
    assert learn_replies(archive, place.replies, now=LATER)
    assert learned(place.replies).close is None
    quick = Counted()
    assert learn_replies(archive, place.replies, now=LATER, embedder=quick)
    assert sorted(quick.texts) == sorted(m.text for m in said)
    known = learned(place.replies)
    assert known.close is not None
    assert known.meant(known.model) is known.close
    assert not learn_replies(archive, place.replies, now=LATER, embedder=quick)
    assert not learn_replies(archive, place.replies, now=LATER)
    quick.version, quick.texts = "0.2.0", []
    monkeypatch.setattr("rag.conversation.TEXTS", 39)
    assert learn_replies(archive, place.replies, now=LATER, embedder=quick)
    assert len(quick.texts) <= 39
    assert learned(place.replies).model != known.model
