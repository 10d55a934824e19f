"""What the bot takes to be answered, by what the archive taught and by meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.history import Contexts
from bot.senses import open_hearing, open_memory
from config.settings import Home, Settings, load
from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage
from ingest.linker.learning import learned
from ingest.linker.ranking import shipped
from ingest.listening import Listener
from rag.conversation import learn_replies
from rag.embedding.models import make_embedder
from rag.embedding.packaged import ENGLISH
from rag.index.building import build_index

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GARDEN = Conversation("test:garden", "Garden", "test")
TALK = (
    ("ann", "My cat refuses to eat since the weekend."),
    ("bob", "The train to Lyon is cancelled again!"),
    ("cem", "Anyone up for chess tonight?"),
    ("bob", "Then we take the bus."),
    ("cem", "Board and clock are at my place."),
    ("bob", "It leaves at nine."),
    ("cem", "Tonight at eight then."),
    ("bob", "Or at ten on Sundays."),
    ("dee", "Take the animal to a veterinarian, a sick kitten can starve."),
)


@pytest.fixture
def archive(home: Path) -> Iterator[Archive]:
    """The talk above, over and over, the last line quoting the first."""
    with Archive.open(Home(home).archive, create=True) as opened:
        for turn in range(3):
            start = turn * len(TALK)
            lines = [
                RawMessage(
                    f"m{start + n}",
                    GARDEN,
                    Account("test", who, who),
                    NOW + timedelta(minutes=start + n),
                    text,
                )
                for n, (who, text) in enumerate(TALK)
            ]
            quoted = f"m{start}" if turn < 2 else None
            opened.add([*lines[:-1], replace(lines[-1], reply_to=quoted)])
        yield opened


def settings_of(home: Path) -> Settings:
    return load(home, recall__embedder=ENGLISH)


def test_an_index_with_vectors_lets_meaning_count(home: Path, archive: Archive) -> None:
    settings, place = settings_of(home), Home(home)
    build_index(archive, place, settings, now=lambda: NOW + timedelta(days=1))
    later = NOW + timedelta(days=1)
    assert learn_replies(archive, place.replies, now=later, embedder=make_embedder(ENGLISH))
    with open_memory(place, settings, archive) as memory, open_hearing(place, memory) as hearing:
        assert hearing.meaning is not None
        taught = learned(place.replies).close
        assert taught is not None
        assert hearing.meaning.ranking.plain() == taught.plain()
        vectors = hearing.meaning.vectors(["a kitten"])
        assert vectors is None or vectors.shape == (1, 384)
        contexts = Contexts(
            gap=timedelta(minutes=30),
            room=200,
            length=len,
            ranking=hearing.ranking,
            meaning=hearing.meaning,
        )
        history = archive.history("test:garden", before=later, limit=9)
        assert contexts.choose(history)[-1].text == TALK[-1][1]


def test_without_an_index_words_decide(home: Path, archive: Archive) -> None:
    settings, place = settings_of(home), Home(home)
    with open_memory(place, settings, archive) as memory, open_hearing(place, memory) as hearing:
        assert hearing.meaning is None
        assert hearing.ranking is shipped()
    with open_hearing(place, None) as hearing:
        assert hearing.meaning is None


def test_who_is_asked_first_waits_as_long_as_it_takes_and_all_hear_the_same(
    home: Path, archive: Archive
) -> None:
    settings, place = settings_of(home), Home(home)
    later = NOW + timedelta(days=1)
    build_index(archive, place, settings, now=lambda: later)
    history = archive.history("test:garden", before=later, limit=9)
    gap = timedelta(minutes=30)
    with (
        open_memory(place, settings, archive) as memory,
        open_hearing(place, memory, 60.0) as hearing,
    ):
        assert hearing.meaning is not None
        assert hearing.meaning.vectors(["a kitten that nobody heard of"]) is not None
        listener = Listener(gap, hearing.ranking, hearing.meaning)
        alone = Listener(gap, hearing.ranking, hearing.meaning).hear(history)
        assert [listener.hear(history) for _ in range(3)] == [alone] * 3
