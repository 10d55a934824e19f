"""Chats in a few lines, and the index over them, with the real archive, MiniLM, e5 and Chroma."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.settings import Home, Settings, load
from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage
from rag.index.building import Hooks, build_index
from rag.index.manifest import IndexManifest
from rag.recall import Recall
from tests.rag.quick import Quick
from tests.rag.town import PLACES, SECRET

START = datetime(2025, 3, 1, 9, tzinfo=UTC)
Lines = Sequence[tuple[str, str]]
Say = Callable[..., list[RawMessage]]


def raw_messages(
    lines: Lines, *, chat: str = "telegram:1", day: int = 0, first: int = 1
) -> list[RawMessage]:
    """One conversation, a minute between lines; ``day`` counts from 2025-03-01."""
    place = Conversation(chat, f"Chat {chat}", "telegram")
    start = START + timedelta(days=day)
    return [
        RawMessage(
            id=f"{chat}:{day}:{number}",
            chat=place,
            author=Account("telegram", f"user-{who}", who),
            sent_at=start + timedelta(minutes=number),
            text=text,
        )
        for number, (who, text) in enumerate(lines, first)
    ]


@pytest.fixture
def say() -> Say:
    """Lines of ``(speaker, text)`` to messages."""
    return raw_messages


@pytest.fixture
def place(home: Path) -> Home:
    """The home folder with its paths."""
    return Home(home)


@pytest.fixture
def archive(place: Home) -> Iterator[Archive]:
    """An empty archive."""
    with Archive.open(place.archive, create=True) as opened:
        yield opened


@pytest.fixture
def settings(home: Path) -> Settings:
    """The defaults."""
    return load(home)


Index = Callable[..., IndexManifest]


@pytest.fixture
def index(archive: Archive, place: Home, settings: Settings) -> Index:
    """Build or refresh the index."""

    def build(
        settings: Settings = settings, hooks: Hooks | None = None, rebuild: bool = False
    ) -> IndexManifest:
        return build_index(
            archive, place, settings, now=lambda: START, hooks=hooks, rebuild=rebuild
        )

    return build


@pytest.fixture
def warnings() -> list[str]:
    """What recall complained of."""
    return []


@pytest.fixture
def recall(
    archive: Archive, place: Home, settings: Settings, warnings: list[str]
) -> Iterator[Callable[[], Recall]]:
    """Open recall over the index as it is now."""
    opened: list[Recall] = []

    def open_recall() -> Recall:
        opened.append(Recall.open(settings, place, archive, warn=warnings.append))
        return opened[-1]

    yield open_recall
    for each in opened:
        each.close()


@pytest.fixture
def quickly(index: Index) -> Index:
    """Build or refresh the index with vectors that take no time."""

    def build(hooks: Hooks | None = None, **told: Any) -> Any:
        return index(hooks=replace(hooks or Hooks(), wrap=lambda _: Quick()), **told)

    return build


@pytest.fixture
def town(archive: Archive, say: Say) -> Archive:
    """Two weeks of two people; Fox once says something of his own."""
    for day in range(14):
        place = PLACES[day % len(PLACES)]
        lines = [
            ("Fox", f"what did you see near the {place} on day {day}?"),
            ("Lin", f"near the {place} I saw {day + 2} boys selling old maps of the town"),
        ]
        archive.add(say(lines, day=day))
    archive.add(say((("Fox", SECRET), ("Lin", "nobody will look below the stove")), day=20))
    archive.set_self("Lin")
    return archive
