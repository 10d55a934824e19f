"""An archive whose chats go on: other processes, reactions, groups that move."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.archive import Archive
from ingest.chat import Account, Conversation, Reaction
from tests.ingest.talk import Talk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "archive.sqlite"


def test_whom_another_process_forgot_is_not_let_in_again(path: Path) -> None:
    talk = Talk()
    talk.say("me", "hello")
    talk.say("guy", "hi there")
    with Archive.open(path, create=True) as ours, Archive.open(path) as theirs:
        ours.add(talk.messages)
        theirs.follow()
        theirs.forget("guy")
        ours.follow()
        late = talk.say("guy", "still here?")
        assert ours.add([late]).forgotten == 1


def test_an_account_is_known_before_it_speaks_and_marked_a_bot_once(path: Path) -> None:
    with Archive.open(path, create=True) as archive:
        archive.add([Talk().say("me", "hello")])
        bot = archive.know(Account("test", "bot1", "Helper", is_bot=True))
        assert bot.is_bot
        seen = archive.changed_since(archive.revision)
        assert archive.know(Account("test", "bot1", "Helper", is_bot=True)).id == bot.id
        assert archive.changed_since(archive.revision) == seen


def test_reactions_are_replaced_and_an_export_may_replace_them_again(path: Path) -> None:
    talk = Talk()
    line = talk.say("me", "hello")
    with Archive.open(path, create=True) as archive:
        archive.add(talk.messages)
        archive.react(line.id, (Reaction("👍", 2), Reaction("🔥")))
        assert archive.get([line.id])[0].reactions == (Reaction("👍", 2), Reaction("🔥"))
        archive.react(line.id, ())
        archive.react("test:chat:unknown", (Reaction("👍"),))
        assert archive.get([line.id])[0].reactions == ()


def test_a_group_that_moves_takes_its_messages_along(path: Path) -> None:
    talk = Talk("test:1", "Noodles")
    talk.say("me", "hello")
    new = Conversation("test:9", "Noodle Club", "test")
    with Archive.open(path, create=True) as archive:
        archive.add(talk.messages)
        before = archive.revision
        archive.move("test:1", new)
        assert [chat.id for chat in archive.chats()] == ["test:9"]
        assert [message.text for message in archive.messages("test:9")] == ["hello"]
        assert set(archive.changed_since(before)) == {"test:9"}


def test_a_group_that_moved_before_it_was_told_is_joined(path: Path) -> None:
    old, new = Talk("test:1"), Talk("test:9")
    old.say("me", "before")
    old.say("guy", "before, too")
    new.say("guy", "after", minutes=9)
    with Archive.open(path, create=True) as archive:
        archive.add([*old.messages, *new.messages])
        archive.move("test:1", new.chat)
        archive.move("test:1", new.chat)  # told twice
        texts = [message.text for message in archive.messages("test:9")]
        assert texts == ["before", "before, too", "after"]
        assert archive.chat_counts() == {"test:9": 3}
        late = new.say("me", "still the same chat", minutes=20)
        archive.add([late])
        assert archive.chat_counts() == {"test:9": 4}
