"""The archive tells where it reads otherwise than before, and lets messages be removed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.archive import Archive
from ingest.chat import Account, Conversation
from ingest.database import millis
from ingest.following import EVER
from tests.ingest.talk import START, Talk

CHAT = "test:chat"


def filled(archive: Archive, talk: Talk) -> int:
    """Three speakers over a few hours; the revision after it."""
    talk.chatter(5)
    talk.recorded(archive)
    archive.settle()
    return archive.revision


def test_nothing_changed_since_now(archive: Archive, talk: Talk) -> None:
    assert archive.changed_since(filled(archive, talk)) == {}


def test_adding_again_changes_nothing(archive: Archive, talk: Talk) -> None:
    before = filled(archive, talk)
    archive.add(talk.messages)
    assert archive.changed_since(before) == {}


def test_a_new_message_changes_its_hour(archive: Archive, talk: Talk) -> None:
    before = filled(archive, talk)
    said = talk.say("bob", "one more thing", minutes=300)
    archive.add([said])
    [(chat, since)] = archive.changed_since(before).items()
    assert chat == CHAT
    assert since <= said.sent_at < since + timedelta(hours=1)
    assert archive.latest_change(CHAT, millis(START), millis(START)) <= before
    assert archive.latest_change(CHAT, millis(said.sent_at), millis(said.sent_at)) > before


def test_an_edit_changes_the_hour_it_was_in_and_the_one_it_goes_to(
    archive: Archive, talk: Talk
) -> None:
    before = filled(archive, talk)
    old = talk.messages[3]
    moved = replace(old, text="otherwise", sent_at=old.sent_at + timedelta(hours=50))
    archive.add([moved])
    for when in (old.sent_at, moved.sent_at):
        assert archive.latest_change(CHAT, millis(when), millis(when)) > before


def test_removed_messages_are_gone_from_words_too(archive: Archive, talk: Talk) -> None:
    before = filled(archive, talk)
    [found] = [m for m, _ in archive.search("question 3") if "question 3" in m.text]
    assert archive.remove([found.id, "unknown"]) == 1
    assert all(message.id != found.id for message, _ in archive.search("question 3"))
    assert archive.get([found.id]) == []
    assert CHAT in archive.changed_since(before)
    assert archive.remove([found.id]) == 0


def test_a_message_that_was_removed_may_come_back(archive: Archive, talk: Talk) -> None:
    filled(archive, talk)
    archive.remove([talk.messages[0].id])
    assert archive.add(talk.messages).new == 1


@pytest.mark.parametrize(
    "decide",
    [
        lambda archive: archive.merge("Bob", "Anna"),
        lambda archive: archive.mark_bot("Bob"),
        lambda archive: archive.set_self("Anna"),
        lambda archive: archive.rename("Bob", "Robert"),
    ],
)
def test_who_people_are_concerns_all_of_a_chat(
    archive: Archive, talk: Talk, decide: Callable[[Archive], object]
) -> None:
    before = filled(archive, talk)
    decide(archive)
    assert archive.changed_since(before) == {CHAT: EVER}


def test_other_chats_are_left_out(archive: Archive, talk: Talk) -> None:
    before = filled(archive, talk)
    elsewhere = replace(
        talk.messages[0],
        id="test:2:1",
        chat=Conversation("test:2", "Elsewhere", "test"),
        author=Account("test", "zoe", "Zoe"),
    )
    archive.add([elsewhere])
    assert set(archive.changed_since(before)) == {"test:2"}
    archive.mark_bot("Zoe")
    assert set(archive.changed_since(before)) == {"test:2"}


def test_forgetting_is_counted_and_noted(archive: Archive, talk: Talk) -> None:
    before = filled(archive, talk)
    assert archive.forgets == 0
    archive.forget("Anna")
    assert archive.forgets == 1
    assert CHAT in archive.changed_since(before)


def test_times_before_1970_have_hours_too(archive: Archive, talk: Talk) -> None:
    before = filled(archive, talk)
    early = replace(talk.messages[0], id="old", sent_at=datetime(1969, 12, 31, 23, 30, tzinfo=UTC))
    archive.add([early])
    revision = archive.latest_change(CHAT, millis(early.sent_at), millis(early.sent_at))
    assert revision > before
    archive.remove(["old"])
    assert archive.latest_change(CHAT, millis(early.sent_at), -1) > revision


def test_an_archive_of_before_says_that_everything_changed(
    archive: Archive, talk: Talk, tmp_path: Path
) -> None:
    before = filled(archive, talk)
    path = tmp_path / "older.sqlite"
    with closing(sqlite3.connect(path)) as copy, closing(sqlite3.connect(_path(archive))) as source:
        source.backup(copy)
        for table in ("change", "withdrawn", "withheld", "feedback"):
            copy.execute(f"DROP TABLE {table}")
        copy.execute("PRAGMA user_version = 6")
        copy.commit()
    with Archive.open(path) as upgraded:
        assert upgraded.changed_since(before) == {CHAT: EVER}
        assert upgraded.changed_since(upgraded.revision) == {}


def _path(archive: Archive) -> str:
    [(path,)] = archive._rows("SELECT file FROM pragma_database_list WHERE name = 'main'")
    return str(path)
