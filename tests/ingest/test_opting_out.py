"""Opting out: out of sight of every reader at once, kept out of every import, and taken back."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ingest.archive import Archive
from ingest.chat import Account, Message
from ingest.errors import ArchiveError
from ingest.intake import Added
from tests.ingest.talk import Talk, texts

ZED = Account("test", "z9", "Zebulon Quux")
WORD = "xylophonic"


@pytest.fixture
def told(talk: Talk) -> Talk:
    """A chat in which Zebulon says something, and others speak of it."""
    talk.names["z9"] = "Zebulon Quux"
    talk.say("bob", "shall we?")
    first = talk.say("z9", f"my {WORD} plan")
    talk.say("bob", "@Zebulon Quux really?", mentions=["z9"], reply_to=first)
    talk.say("z9", f"{WORD} 木琴计划 yes")
    talk.say("kevin", "ok")
    return talk


def seen(archive: Archive) -> list[Message]:
    return list(archive.messages())


def test_what_they_wrote_is_out_of_sight_of_every_reader(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    before = archive.revision
    assert archive.withdraw(ZED) == 2
    assert texts(seen(archive)) == ["shall we?", "@zebulon_quux really?", "ok"]
    assert archive.search(WORD) == archive.search("木琴计划") == []
    assert archive.get(["test:chat:2"]) == []
    assert archive.counts().messages == 3
    assert archive.chat_counts() == {"test:chat": 3}
    assert "zebulon_quux" not in {m.person.handle for m in seen(archive)}
    until = datetime.max.replace(tzinfo=told.now.tzinfo)
    assert len(archive.history("test:chat", before=until, limit=9)) == 3
    assert archive.changed_since(before).keys() == {"test:chat"}


def test_taking_it_back_brings_everything_back_as_it_was(archive: Archive, told: Talk) -> None:
    messages = told.recorded(archive)
    archive.withdraw(ZED)
    told.say("bob", "meanwhile")
    archive.add(told.messages)
    assert archive.readmit(ZED) == 2
    assert seen(archive)[:5] == messages
    assert [message.text for message, _ in archive.search(WORD)] != []
    assert archive.add(told.messages) == Added(same=6)


def test_no_import_brings_them_in_until_they_say_so(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    archive.withdraw(ZED)
    told.say("z9", "not for your books")
    assert archive.add(told.messages) == Added(same=3, forgotten=3)
    archive.readmit(ZED)
    assert archive.add(told.messages) == Added(new=1, same=5)


def test_somebody_unknown_may_opt_out_before_they_speak(archive: Archive, told: Talk) -> None:
    assert archive.withdraw(ZED) == 0
    told.recorded(archive)
    assert archive.counts().messages == 3
    assert archive.add(told.messages).forgotten == 2


def test_another_connection_hears_of_it_before_it_writes(tmp_path: Path, told: Talk) -> None:
    path = tmp_path / "archive.sqlite"
    with Archive.open(path, create=True) as recorder, Archive.open(path) as bot:
        told.recorded(recorder)
        bot.withdraw(ZED)
        later = told.say("z9", "said while it was on its way")
        assert recorder.add([later]) == Added(forgotten=1)
        bot.forget("bob")
        assert recorder.add([told.say("bob", "still here?")]) == Added(forgotten=1)
        bot.readmit(ZED)
        assert recorder.add([told.say("z9", "back")]) == Added(new=1)


def test_an_account_found_to_be_theirs_goes_as_well(archive: Archive, told: Talk) -> None:
    told.names["z10"] = "Zeb"
    told.say("z10", "from my phone")
    told.recorded(archive)
    archive.withdraw(ZED)
    assert "from my phone" in texts(seen(archive))
    archive.merge("z9", "z10")
    assert "from my phone" not in texts(seen(archive))
    told.say("z10", "again")
    assert archive.add(told.messages[-1:]).forgotten == 1
    assert archive.readmit(Account("test", "z10")) == 3


def test_an_export_that_knows_only_names_is_kept_out_too(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    archive.withdraw(ZED)
    page = Talk("test:page")
    page.names["name:Zebulon Quux"] = "Zebulon Quux"
    page.say("name:Zebulon Quux", "as seen on a page")
    assert archive.add(page.messages).forgotten == 1


def test_what_is_deleted_where_it_was_said_does_not_come_back(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    archive.withdraw(ZED)
    assert archive.remove(["test:chat:2"]) == 1
    assert archive.retain("test:chat", {f"test:chat:{n}" for n in (1, 3, 5)}) == 1
    assert archive.readmit(ZED) == 0


def test_who_opted_out_can_still_be_forgotten(tmp_path: Path, told: Talk) -> None:
    path = tmp_path / "archive.sqlite"
    with Archive.open(path, create=True) as archive:
        told.recorded(archive)
        archive.withdraw(ZED)
        assert archive.forget("test:z9") == 2
        assert archive.readmit(ZED) == 0
        assert archive.add(told.messages).forgotten == 2
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir()).lower()
    assert WORD.encode() not in held
    assert b"zebulon" not in held


def test_the_forgotten_leave_what_is_withheld_of_others_too(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    archive.withdraw(Account("test", "bob"))
    archive.forget("z9")
    archive.readmit(Account("test", "bob"))
    assert texts(seen(archive)) == ["shall we?", "@someone really?", "ok"]


def test_a_stranger_can_ask_never_to_be_kept(archive: Archive, told: Talk) -> None:
    archive.refuse(ZED)
    assert archive.forgets == 0  # nothing was known, so no index is made anew for it
    assert archive.add(told.messages).forgotten == 2
    assert len(archive.refused()[1]) == 1


def test_self_cannot_opt_out_of_their_own_archive(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    with pytest.raises(ArchiveError, match="is @self"):
        archive.withdraw(Account("test", "kevin"))
    assert archive.counts().messages == 5


def test_numbers_of_rows_are_never_used_twice(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    last = told.say("z9", f"the last {WORD} word")
    archive.add([last])
    archive.withdraw(ZED)
    told.now += timedelta(hours=1)
    told.say("bob", "after that")
    archive.add(told.messages)
    assert archive.readmit(ZED) == 3
    assert len(seen(archive)) == 7
    found = sorted(message.text for message, _ in archive.search(WORD))
    assert found == [f"my {WORD} plan", f"the last {WORD} word", f"{WORD} 木琴计划 yes"]


def test_a_kill_in_the_middle_leaves_all_or_nothing(tmp_path: Path, told: Talk) -> None:
    path = tmp_path / "archive.sqlite"
    with Archive.open(path, create=True) as archive:
        told.recorded(archive)
        connection = archive._connection
        connection.execute(
            "CREATE TEMP TRIGGER stop BEFORE DELETE ON message "
            "BEGIN SELECT raise(ABORT, 'killed'); END"
        )
        with pytest.raises(ArchiveError):
            archive.withdraw(ZED)
        assert archive.counts().messages == 5
        assert [m.text for m, _ in archive.search(WORD)] != []
        assert not archive.refused()[0]
    with sqlite3.connect(path) as left:
        assert left.execute("SELECT count(*) FROM withheld").fetchone() == (0,)
    left.close()
