"""The passages of a chat that changed are those of the chat cut anew, whatever changed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings, load
from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage
from rag.index.catalogue import Catalogue
from rag.index.cutting import Cutter
from rag.index.ledger import Ledger
from rag.index.segments import FIRST, LAST, Sizes, segments_of
from rag.index.shelves import SHARED

START = datetime(2025, 3, 1, 9, tzinfo=UTC)
SMALL = Sizes(least=40, most=90, warm=12, reach=60)
PEOPLE = ("Fox", "Lin", "Mei", "Oto", "Bot")
WORDS = [
    *("harbour", "lantern", "kettle", "猫", "forest", "bridge", "noodle", "茶", "violin", "winter"),
    *("market", "letter", "river", "garden", "window", "bicycle", "雨", "mirror", "castle"),
]


class Town:
    """A busy chat of several threads at once, and all that can happen to it."""

    def __init__(self, archive: Archive, seed: int) -> None:
        self.archive, self.dice = archive, random.Random(seed)
        self.said: dict[str, RawMessage] = {}
        self.chats = [Conversation(f"test:{n}", f"Town {n}", "test") for n in (1, 2)]
        self.now, self.number = START, 0

    def grow(self, count: int) -> None:
        """People say more, now and then after a silence, often in reply."""
        new = [self._message() for _ in range(count)]
        self.said |= {message.id: message for message in new}
        self.archive.add(new)

    def edit(self) -> None:
        """A few messages get another text."""
        chosen = [self.said[id] for id in self.dice.sample(sorted(self.said), 2)]
        later = timedelta(minutes=1)
        edited = [replace(m, text=self._text(), edited_at=m.sent_at + later) for m in chosen]
        self.said |= {message.id: message for message in edited}
        self.archive.add(edited)

    def delete(self) -> None:
        """Some messages, and now and then a whole stretch of them, are taken back."""
        ids = sorted(self.said, key=lambda id: self.said[id].sent_at)
        start = self.dice.randrange(len(ids))
        for id in ids[start : start + self.dice.choice((1, 1, 2, 30))]:
            del self.said[id]
            assert self.archive.remove([id]) == 1

    def recall_older(self) -> None:
        """An export brings messages from between those that are known."""
        between = self.dice.choice(list(self.said.values()))
        now, self.now = self.now, between.sent_at
        self.grow(3)
        self.now = now

    def happen(self) -> None:
        """One of these."""
        self.dice.choice((lambda: self.grow(5), self.edit, self.delete, self.recall_older))()

    def _message(self) -> RawMessage:
        self.number += 1
        gap = self.dice.choice((0.2, 0.5, 1, 1, 2, 3, 200))
        self.now += timedelta(minutes=gap)
        quoted = self.dice.choice(sorted(self.said)) if self.said and self.number % 3 == 0 else None
        chat = self.chats[self.number % 7 == 0]
        who = self.dice.choice(PEOPLE[:4])
        return RawMessage(
            f"{chat.id}:{self.number}",
            chat,
            Account("test", who, who),
            self.now,
            self._text(),
            reply_to=quoted,
        )

    def _text(self) -> str:
        return " ".join(self.dice.choices(WORDS, k=self.dice.randrange(3, 9)))


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An empty archive."""
    with Archive.open(tmp_path / "archive.sqlite", create=True) as opened:
        yield opened


@pytest.fixture
def settings(home: Path) -> Settings:
    """One of the two chats may be shared."""
    return load(home, recall__shareable=("test:2",))


def followed(archive: Archive, path: Path, settings: Settings) -> tuple[int, set[Any]]:
    """Bring the catalogue at ``path`` up to date: messages cut, and the passages there are now."""
    with Catalogue(path) as catalogue:
        cutter = Cutter(archive, Ledger(catalogue), settings, SMALL)
        tasks = cutter.tasks()
        for task in tasks:
            cutter.cut(task)
        cutter.finish()
        rows = catalogue.select("SELECT key, chat, shelf, ended_at, has_self FROM passage")
        quotes = catalogue.select(
            "SELECT p.key, q.message FROM quote q JOIN passage p ON p.id = q.passage"
        )
    return sum(task.segment.messages for task in tasks), {*rows, *quotes}


@pytest.mark.parametrize("seed", [1, 2])
def test_what_changed_is_cut_as_if_all_were_cut_anew(
    archive: Archive, tmp_path: Path, settings: Settings, seed: int
) -> None:
    town = Town(archive, seed)
    town.grow(260)
    archive.set_self("Lin")
    whole, _ = followed(archive, tmp_path / "kept.sqlite", settings)
    assert whole == 260
    for number in range(6):
        for _ in range(town.dice.choice((1, 1, 3))):
            town.happen()
        _, kept = followed(archive, tmp_path / "kept.sqlite", settings)
        _, anew = followed(archive, tmp_path / f"{number}.sqlite", settings)
        assert kept == anew


def test_what_did_not_change_is_not_read_again(
    archive: Archive, tmp_path: Path, settings: Settings
) -> None:
    town = Town(archive, 4)
    town.grow(600)
    path = tmp_path / "kept.sqlite"
    followed(archive, path, settings)
    assert followed(archive, path, settings)[0] == 0
    town.grow(1)
    assert followed(archive, path, settings)[0] < 200


def test_who_people_are_is_followed(archive: Archive, tmp_path: Path, settings: Settings) -> None:
    town = Town(archive, 5)
    town.grow(120)
    archive.set_self("Lin")
    path = tmp_path / "kept.sqlite"
    followed(archive, path, settings)
    decisions: tuple[Callable[[], object], ...] = (
        lambda: archive.merge("Fox", "Mei"),
        lambda: archive.mark_bot("Oto"),
        lambda: archive.split("Fox"),
        lambda: archive.rename("Fox", "Renard"),
        lambda: archive.set_self("Mei"),
        lambda: archive.forget("Oto"),
    )
    for number, decide in enumerate(decisions):
        decide()
        _, kept = followed(archive, path, settings)
        assert kept == followed(archive, tmp_path / f"{number}.sqlite", settings)[1], number


def test_statements_come_and_go_with_the_setting(
    archive: Archive, tmp_path: Path, settings: Settings, home: Path
) -> None:
    town = Town(archive, 6)
    town.grow(200)
    archive.set_self("Lin")
    path = tmp_path / "kept.sqlite"
    _, marked = followed(archive, path, settings)
    shared = {row[1] for row in marked if len(row) == 5 and row[2] == SHARED}
    assert shared == {"test:2"}
    read, unmarked = followed(archive, path, load(home))
    assert 0 < read < 200
    assert not any(row[2] == SHARED for row in unmarked if len(row) == 5)


def test_shared_passages_hold_nobody_elses_words(
    archive: Archive, tmp_path: Path, settings: Settings
) -> None:
    town = Town(archive, 7)
    town.grow(200)
    archive.set_self("Lin")
    followed(archive, tmp_path / "kept.sqlite", settings)
    with Catalogue(tmp_path / "kept.sqlite") as catalogue:
        keys = [k for (k,) in catalogue.select("SELECT key FROM passage WHERE is_statement")]
        ids = {id for entry in catalogue.entries(keys).values() for id in entry.message_ids}
    assert ids
    assert all(message.person.is_self for message in archive.get(ids))


def test_private_chats_are_never_shared(archive: Archive, tmp_path: Path, home: Path) -> None:
    place = Conversation("test:9", "Mei", "test", is_private=True)
    said = [
        RawMessage(f"test:9:{n}", place, Account("test", "Lin", "Lin"), START, f"the secret {n} is")
        for n in range(9)
    ]
    archive.add(replace(m, text=f"{m.text} hidden below the old oak tree") for m in said)
    archive.set_self("Lin")
    marked = load(home, recall__shareable=("test:9",))
    _, rows = followed(archive, tmp_path / "kept.sqlite", marked)
    assert {row[2] for row in rows if len(row) == 5} == {"test:9"}


def test_segments_tile_all_of_time() -> None:
    times = sorted(random.Random(8).choices(range(0, 5_000_000, 1000), k=700))
    found = segments_of(times, timedelta(minutes=1), SMALL)
    assert (found[0].since, found[-1].until) == (FIRST, LAST)
    assert all(one.until == other.since for one, other in pairwise(found))
    assert sum(segment.messages for segment in found) == 700
    assert segments_of([], timedelta(minutes=1))[0].messages == 0
