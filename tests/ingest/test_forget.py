"""Forgetting: gone from every table, from the search, from the bytes of the file, and for good."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.archive import Archive
from ingest.chat import Account
from ingest.errors import ArchiveError
from ingest.intake import Added
from tests.ingest.talk import Talk, texts

SECRET = "xylophonic"  # a word nobody else uses


@pytest.fixture
def told(talk: Talk) -> Talk:
    """A chat in which Zebulon says something that must go."""
    talk.names["z9"] = "Zebulon Quux"
    for number in range(50):
        talk.say("bob", f"chatter {number}")
    first = talk.say("z9", f"my {SECRET} secret")
    talk.say("bob", "@Zebulon Quux really? cc @Kevin", mentions=["z9", "kevin"], reply_to=first)
    talk.say("z9", f"{SECRET} 木琴秘密 yes")
    talk.say("kevin", "ok")
    return talk


def test_nothing_of_a_forgotten_person_is_left(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    revision = archive.revision
    assert archive.forget("Zebulon Quux") == 2
    assert archive.counts().messages == 52
    assert [person.handle for person in archive.people()] == ["bob", "kevin"]
    assert archive.search(SECRET) == []
    assert archive.search("木琴秘密") == []
    assert archive.revision > revision
    with pytest.raises(ArchiveError, match="nobody in the archive"):
        archive.find_person("zebulon_quux")


def test_mentions_of_a_forgotten_person_become_someone(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    archive.forget("zebulon_quux")
    message = texts(archive.messages())[-2]
    assert message == "@someone really? cc @Kevin"
    [found] = [message for message, _ in archive.search("really")]
    assert found.mentions == ()
    assert archive.search("zebulon") == []
    assert archive.search("someone") != []


def test_longer_names_of_others_survive_the_forgetting(archive: Archive, talk: Talk) -> None:
    for who in ("ann", "anna"):
        talk.say(who, "hi")
    talk.say("bob", "@Ann @Anna @annapolis", mentions=["ann", "anna"])
    talk.recorded(archive)
    archive.forget("@ann")
    assert texts(archive.messages())[-1] == "@someone @anna @annapolis"


def test_the_bytes_of_the_file_hold_nothing_of_the_forgotten(tmp_path: Path, told: Talk) -> None:
    path = tmp_path / "archive.sqlite"
    words = [SECRET.encode(), "木琴".encode(), b"Zebulon", b"zebulon", b"z9"]
    with Archive.open(path, create=True) as archive:
        told.recorded(archive)
        before = all_bytes(tmp_path)
        assert all(word in before for word in words)
        archive.forget("zebulon_quux")
        assert [word for word in words if word in all_bytes(tmp_path)] == []
    assert [word for word in words if word in all_bytes(tmp_path)] == []


def all_bytes(folder: Path) -> bytes:
    """Everything SQLite has on disk: the database and its write-ahead log."""
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


def test_the_index_holds_no_term_of_the_forgotten(tmp_path: Path, told: Talk) -> None:
    path = tmp_path / "archive.sqlite"
    with Archive.open(path, create=True) as archive:
        told.recorded(archive)
        archive.forget("zebulon_quux")
    connection = sqlite3.connect(path)
    connection.execute("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab (main, words, row)")
    terms = {row[0] for row in connection.execute("SELECT term FROM temp.vocabulary")}
    connection.close()
    assert "chatter" in terms
    assert not {SECRET, "木琴", "zebulon", "quux"} & terms


def test_the_forgotten_do_not_come_back_with_the_next_import(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    archive.forget("zebulon_quux")
    told.names["z9"] = "Zeb, renamed"
    told.say("z9", "I am back")
    told.say("bob", "no")
    assert archive.add(told.messages) == Added(new=1, same=52, forgotten=3)
    assert len(archive.people()) == 2
    assert "@someone really? cc @Kevin" in texts(archive.messages())


def test_an_edited_mention_of_the_forgotten_stays_anonymous(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    archive.forget("zebulon_quux")
    mention = told.messages[-3]
    edited = replace(mention, text=f"{mention.text} (edited)")
    assert archive.add([edited]).changed == 1
    assert "@someone really? cc @kevin (edited)" in texts(archive.messages())


def test_the_forgetting_survives_opening_again(tmp_path: Path, told: Talk) -> None:
    path = tmp_path / "archive.sqlite"
    with Archive.open(path, create=True) as archive:
        told.recorded(archive)
        archive.forget("z9")
    with Archive.open(path) as archive:
        assert archive.add(told.messages).forgotten == 2


def test_a_new_person_does_not_inherit_from_the_forgotten(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    archive.forget("zebulon_quux")
    told.names["other"] = "Zebulon Quux"
    told.say("other", "another of that name")
    archive.add(told.messages)
    assert archive.find_person("Zebulon Quux").accounts[0].key == "other"
    assert archive.counts().people == 3


def test_forgetting_an_unknown_person_changes_nothing(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    revision = archive.revision
    with pytest.raises(ArchiveError, match="nobody in the archive"):
        archive.forget("nobody")
    assert archive.revision == revision


def test_all_accounts_of_the_forgotten_go_and_none_comes_back(archive: Archive, told: Talk) -> None:
    told.names["z10"] = "Zeb"
    told.say("z10", "from my phone")
    told.recorded(archive)
    archive.merge("z9", "z10")
    assert archive.forget("Zebulon Quux") == 3
    assert [person.handle for person in archive.people()] == ["bob", "kevin"]
    assert archive.add(told.messages).forgotten == 3


def test_names_in_others_texts_forwards_and_private_titles_go(tmp_path: Path, told: Talk) -> None:
    private = Talk("test:private", title="Zebulon Quux")
    private.chat = replace(private.chat, is_private=True)
    private.say("kevin", "hello there")
    told.say("bob", "I told Zebulon Quux about it")
    told.say("bob", "Zebulon, are you there? Kevin is.")
    told.say("bob", "his words", forwarded_from="Zebulon Quux")
    path = tmp_path / "archive.sqlite"
    with Archive.open(path, create=True) as archive:
        archive.add(private.messages)
        told.recorded(archive)
        archive.settle()
        archive.forget("zebulon_quux")
        assert texts(archive.messages("test:chat"))[-3:] == [
            "I told someone about it",
            "someone, are you there? Kevin is.",
            "his words",
        ]
        assert [m.forwarded_from for m in archive.messages("test:chat")][-1] == "someone"
        assert [chat.title for chat in archive.chats()] == ["someone", "Noodle Club"]
        archive.settle()
    assert b"zebulon" not in all_bytes(tmp_path).lower()


def test_an_export_of_names_does_not_bring_the_forgotten_back(archive: Archive, told: Talk) -> None:
    told.recorded(archive)
    archive.forget("zebulon_quux")
    page = told.say("z9", "as seen on a page")
    page = replace(page, author=Account("test", "name:Zebulon Quux", "Zebulon Quux"))
    assert archive.add([page]).forgotten == 1


def test_neither_a_linked_name_nor_the_words_of_a_voice_note_are_left(
    told: Talk, tmp_path: Path
) -> None:
    path = tmp_path / "archive.sqlite"
    told.say("bob", "Zebulon Quux: are you there?")
    told.say("bob", "I asked Zebulon Quux twice")
    with Archive.open(path, create=True) as archive:
        told.recorded(archive)
        archive.settle()
        archive.keep_media_words(b"digest", f"the {SECRET} voice note")
        archive.forget("Zebulon Quux")
        assert archive.media_words(b"digest") is None
    found = b"".join(file.read_bytes() for file in tmp_path.iterdir()).lower()
    assert b"zebulon" not in found
    assert SECRET.encode() not in found
