"""The archive: what goes in comes out once, in order, and survives what happens to files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.archive import Archive
from ingest.chat import Account, Attachment, AttachmentKind, Kind, RawMessage
from ingest.database import connect
from ingest.errors import ArchiveError
from ingest.intake import BATCH, Added
from tests.ingest.talk import START, Talk, texts


def test_a_message_comes_back_as_it_went_in(archive: Archive, talk: Talk) -> None:
    first = talk.say("bob", "look at this, @Kevin 🌊", mentions=["kevin"])
    talk.say("kevin", "ok")
    photo = Attachment(AttachmentKind.PHOTO)
    sent = talk.say("kevin", "再看", reply_to=first, forwarded_from="News", attachments=(photo,))
    sent = replace(sent, edited_at=sent.sent_at + timedelta(minutes=5))
    talk.messages[-1] = sent
    [_first, _ok, back] = talk.recorded(archive)
    assert (back.id, back.chat) == (sent.id, talk.chat.id)
    assert back.text == "[photo] 再看"
    assert back.attachments == (photo,)
    assert (back.sent_at, back.edited_at) == (sent.sent_at, sent.edited_at)
    assert (back.reply_to, back.forwarded_from) == (first.id, "News")
    assert (back.person.handle, back.person.is_self, back.kind) == ("kevin", True, Kind.TEXT)


def test_importing_again_changes_nothing(archive: Archive, talk: Talk) -> None:
    talk.chatter(5)
    before = talk.recorded(archive)
    revision = archive.revision
    assert archive.add(talk.messages) == Added(same=15)
    assert list(archive.messages()) == before
    assert archive.revision == revision


def test_an_edit_updates_the_message_and_the_search(archive: Archive, talk: Talk) -> None:
    sent = talk.say("bob", "the meeting is on tuesday")
    talk.recorded(archive)
    edited = replace(sent, text="the meeting is on friday", edited_at=talk.now)
    revision = archive.revision
    assert archive.add([edited]) == Added(changed=1)
    assert texts(archive.messages()) == ["the meeting is on friday"]
    assert archive.search("tuesday") == []
    assert [message.id for message, _ in archive.search("friday")] == [sent.id]
    assert archive.revision > revision


def test_a_message_given_twice_in_one_import_is_stored_once(archive: Archive, talk: Talk) -> None:
    sent = talk.say("bob", "draft")
    added = archive.add([sent, sent, replace(sent, text="final")])
    assert added == Added(new=1, changed=1, same=1)
    assert texts(archive.messages()) == ["final"]


def test_messages_stream_chat_by_chat_oldest_first(archive: Archive) -> None:
    one, two = Talk("test:1"), Talk("test:2")
    for talk in (two, one):
        talk.chatter(3)
        archive.add(reversed(talk.messages))
    found = list(archive.messages())
    assert [message.chat for message in found] == ["test:2"] * 9 + ["test:1"] * 9
    assert [m.id for m in found] == [m.id for m in (*two.messages, *one.messages)]
    assert [chat.id for chat in archive.chats()] == ["test:2", "test:1"]


def test_messages_of_the_same_instant_keep_the_order_of_the_export(archive: Archive) -> None:
    talk = Talk()
    for word in ("zebra", "apple", "mango"):
        talk.say("bob", word, minutes=0)
    assert texts(talk.recorded(archive)) == ["zebra", "apple", "mango"]


def test_a_period_includes_its_start_and_not_its_end(archive: Archive, talk: Talk) -> None:
    for number in range(5):
        talk.say("bob", str(number))
    talk.recorded(archive)
    after, before = talk.messages[1].sent_at, talk.messages[3].sent_at
    assert texts(archive.messages(after=after, before=before)) == ["1", "2"]


def test_history_is_the_latest_before_a_moment_oldest_first(archive: Archive, talk: Talk) -> None:
    for number in range(10):
        talk.say("bob", str(number))
    talk.recorded(archive)
    found = archive.history(talk.chat.id, before=talk.messages[7].sent_at, limit=3)
    assert texts(found) == ["4", "5", "6"]
    assert archive.history("test:elsewhere", before=talk.now, limit=3) == []


def test_get_answers_in_the_order_asked_and_leaves_out_the_unknown(
    archive: Archive, talk: Talk
) -> None:
    talk.chatter(1)
    talk.recorded(archive)
    first, second, _third = talk.messages
    found = archive.get([second.id, "test:nothing", first.id])
    assert [message.id for message in found] == [second.id, first.id]
    assert archive.get([]) == []


def test_counts_say_how_much_there_is(archive: Archive, talk: Talk) -> None:
    first = talk.say("bob", "hi", mentions=["nobody-who-wrote"])
    talk.say("kevin", "hello", reply_to=first)
    talk.recorded(archive)
    counts = archive.counts()
    assert (counts.messages, counts.self_messages, counts.people) == (2, 1, 2)
    assert (counts.chats, counts.replies) == (1, 1)


def test_a_message_without_a_zone_is_refused_where_it_enters(talk: Talk) -> None:
    with pytest.raises(ValueError, match="without time zone"):
        RawMessage("x", talk.chat, Account("test", "a"), START.replace(tzinfo=None), "hi")


def test_lone_surrogates_are_stored_as_something_printable(archive: Archive, talk: Talk) -> None:
    talk.say("bob", "half an emoji \ud83d here")
    assert texts(talk.recorded(archive)) == ["half an emoji ? here"]


def test_an_error_in_the_source_leaves_what_was_read_before(archive: Archive, talk: Talk) -> None:
    talk.chatter(BATCH // 3 + 10)

    def broken() -> Iterator[RawMessage]:
        yield from talk.messages
        raise RuntimeError("the disk fell out")

    with pytest.raises(RuntimeError, match="fell out"):
        archive.add(broken())
    assert archive.counts().messages == len(talk.messages) > BATCH
    assert archive.add(talk.messages) == Added(same=len(talk.messages))


def test_everything_is_there_after_opening_again(tmp_path: Path, talk: Talk) -> None:
    path = tmp_path / "deep" / "archive.sqlite"
    talk.chatter(3)
    with Archive.open(path, create=True) as archive:
        before = talk.recorded(archive)
        people, revision = archive.people(), archive.revision
    with Archive.open(path) as archive:
        assert list(archive.messages()) == before
        assert archive.revision == revision
        assert [p.handle for p in archive.people()] == [p.handle for p in people]
        assert archive.me().handle == "kevin"


def test_a_missing_archive_is_not_made_by_reading(tmp_path: Path) -> None:
    path = tmp_path / "archive.sqlite"
    with pytest.raises(ArchiveError, match="no archive yet; start with: atself ingest"):
        Archive.open(path)
    assert not path.exists()


@pytest.mark.parametrize(
    "content", [b"not a database " * 500, b"SQLite format 3\x00" + b"\x01" * 8192]
)
def test_a_file_that_is_no_database_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "archive.sqlite"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="not a sound SQLite file") as caught:
        Archive.open(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_database_cut_short_is_one_line(tmp_path: Path, talk: Talk) -> None:
    path = tmp_path / "archive.sqlite"
    talk.chatter(500)
    with Archive.open(path, create=True) as archive:
        archive.add(talk.messages)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with (
        pytest.raises(ArchiveError, match="not a sound SQLite file"),
        Archive.open(path) as archive,
    ):
        list(archive.messages())


def test_damage_in_the_middle_of_a_database_is_one_line(tmp_path: Path, talk: Talk) -> None:
    path = tmp_path / "archive.sqlite"
    talk.chatter(500)
    with Archive.open(path, create=True) as archive:
        archive.add(talk.messages)
    content = bytearray(path.read_bytes())
    middle = slice(len(content) // 3, len(content) * 3 // 4)
    content[middle] = b"\xff" * (middle.stop - middle.start)
    path.write_bytes(content)
    with Archive.open(path) as archive:
        for read in (
            lambda: list(archive.messages()),
            lambda: archive.search("noodles"),
            lambda: archive.counts(),
        ):
            with pytest.raises(ArchiveError, match="not a sound SQLite file"):
                read()


def test_an_archive_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "archive.sqlite"
    Archive.open(path, create=True).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(ArchiveError, match="newer atself"):
        Archive.open(path)


def test_a_locked_archive_says_who_may_be_writing(tmp_path: Path, talk: Talk) -> None:
    path = tmp_path / "archive.sqlite"
    talk.chatter(1)
    with Archive.open(path, create=True) as archive:
        talk.recorded(archive)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    connection = connect(path)
    connection.execute("PRAGMA busy_timeout = 20")  # instead of waiting many seconds
    with Archive(connection) as archive:
        assert len(list(archive.messages())) == 3  # reading goes on
        for write in (
            lambda: archive.add([replace(talk.messages[0], text="changed")]),
            lambda: archive.set_self("bob"),
            lambda: archive.forget("bob"),
        ):
            with pytest.raises(ArchiveError, match="locked; another atself is writing"):
                write()
        other.execute("ROLLBACK")
        other.close()
        assert archive.add([replace(talk.messages[0], text="changed")]) == Added(changed=1)


def test_a_full_disk_loses_nothing_written_before(tmp_path: Path, talk: Talk) -> None:
    path = tmp_path / "archive.sqlite"
    for number in range(3 * BATCH):
        talk.say(f"user{number % 50}", f"a rather long line {number} " + "of text " * 20)
    connection = connect(path)
    connection.execute("PRAGMA max_page_count = 400")  # SQLite's own way to say "disk full"
    with Archive(connection) as archive:
        with pytest.raises(ArchiveError, match="disk is full; free some space"):
            archive.add(talk.messages)
        kept = archive.counts().messages
        assert kept % BATCH == 0
        connection.execute("PRAGMA max_page_count = 1000000")
        assert archive.add(talk.messages) == Added(new=3 * BATCH - kept, same=kept)
        assert archive.counts().people == 50
