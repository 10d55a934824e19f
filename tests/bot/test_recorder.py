"""The writing thread: durable, in order, many at a time, and as the model is to see it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.platforms.base import Address, Heard
from bot.recorder import Recorded, Recorder
from ingest.archive import Archive
from ingest.chat import Account, Message, RawMessage
from ingest.errors import ArchiveError
from tests.ingest.talk import Talk

BOT = Account("test", "bot1", "Noodlebot", is_bot=True)


@pytest.fixture
def talk() -> Talk:
    return Talk()


@pytest.fixture
def archive(tmp_path: Path, talk: Talk) -> Path:
    path = tmp_path / "archive.sqlite"
    with Archive.open(path, create=True) as opened:
        opened.add([talk.say("me", "I like noodles")])
        opened.set_self("me")
    return path


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def recorder(archive: Path, tmp_path: Path, told: list[str]) -> Iterator[Recorder]:
    def tell(message: Message) -> None:
        told.append(message.id)

    with Recorder(archive, tmp_path / "bot.sqlite", told=tell, gone=told.extend) as opened:
        yield opened


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 20))


def heard(message: RawMessage, address: Address = Address.NONE) -> Heard:
    return Heard(message, address)


def test_what_was_heard_is_in_the_archive_before_it_is_acknowledged(
    recorder: Recorder, archive: Path, talk: Talk, told: list[str]
) -> None:
    line = talk.say("guy", "with or without egg?")

    async def hear() -> None:
        recorded = await recorder.hear(heard(line), is_logged=True)
        assert recorded.is_new
        assert recorded.message is not None
        with Archive.open(archive) as other:
            assert other.get([line.id]) == [recorded.message]
        again = await recorder.hear(heard(line), is_logged=True)
        assert not again.is_new
        assert told == [line.id, line.id]

    run(hear())


def test_many_at_once_come_back_in_their_order(recorder: Recorder, talk: Talk) -> None:
    lines = [talk.say("guy", f"line {number}", minutes=0.01) for number in range(700)]
    order: list[str] = []

    async def one(line: RawMessage) -> None:
        recorded = await recorder.hear(heard(line), is_logged=True)
        assert recorded.message is not None
        order.append(recorded.message.text)

    async def all_of_them() -> None:
        await asyncio.gather(*map(one, lines))

    run(all_of_them())
    assert order == [line.text for line in lines]


def test_of_an_unlogged_chat_nothing_is_kept_and_the_model_still_sees_people(
    recorder: Recorder, archive: Path, talk: Talk
) -> None:
    line = talk.say("guy", "@Me what is for dinner?", mentions=["me"])
    shown = run(_hear(recorder, line, is_logged=False))
    assert (shown.person.handle, shown.text) == ("guy", "@me what is for dinner?")
    with Archive.open(archive) as other:
        assert other.get([line.id]) == []
    assert b"dinner" not in archive.read_bytes()


async def _hear(recorder: Recorder, line: RawMessage, *, is_logged: bool) -> Message:
    recorded = await recorder.hear(heard(line), is_logged=is_logged)
    assert recorded.message is not None
    return recorded.message


def test_the_bot_is_shown_as_self_and_archived_as_a_bot(
    recorder: Recorder, archive: Path, talk: Talk
) -> None:
    async def talk_with_it() -> None:
        await recorder.sign_in(BOT)
        line = talk.say("guy", "@Noodlebot hungry?")
        asked = await _hear(recorder, replace(line, mentions=(BOT,)), is_logged=True)
        assert (asked.text, asked.mentions) == ("@me hungry?", ("me",))
        at = line.sent_at + timedelta(seconds=9)
        own = RawMessage(f"{talk.chat.id}:99", talk.chat, BOT, at, "always", reply_to=line.id)
        said = await recorder.say(own, is_logged=True)
        assert said.person.is_self
        history = await recorder.history(talk.chat.id, None, 10)
        assert [(one.person.is_self, one.text) for one in history] == [
            (True, "I like noodles"),
            (False, "@me hungry?"),
            (True, "always"),
        ]

    run(talk_with_it())
    with Archive.open(archive) as other:
        [own] = other.get([f"{talk.chat.id}:99"])
        assert own.person.is_bot
        assert [message.text for message in other.by_self()] == ["I like noodles"]


def test_topics_have_histories_of_their_own(recorder: Recorder, talk: Talk) -> None:
    async def two_topics() -> tuple[list[Message], list[Message]]:
        for topic, text in (("5", "in five"), (None, "at large")):
            line = talk.say("guy", text)
            await recorder.hear(Heard(line, topic=topic), is_logged=True)
        chat = talk.chat.id
        return await recorder.history(chat, "5", 9), await recorder.history(chat, None, 9)

    five, large = run(two_topics())
    assert [message.text for message in five] == ["in five"]
    assert [message.text for message in large] == ["I like noodles", "at large"]


def test_what_is_deleted_is_gone_and_told(
    recorder: Recorder, archive: Path, talk: Talk, told: list[str]
) -> None:
    line = talk.say("guy", "delete me")

    async def delete() -> None:
        await recorder.hear(heard(line, Address.MENTION), is_logged=True)
        await recorder.remove([line.id])
        assert await recorder.do(lambda _, journal: journal.open_messages()) == []

    run(delete())
    assert told == [line.id, line.id]
    with Archive.open(archive) as other:
        assert other.get([line.id]) == []


def test_a_job_that_fails_tells_who_asked_and_the_next_goes_on(
    recorder: Recorder, talk: Talk
) -> None:
    async def fail() -> None:
        with pytest.raises(ZeroDivisionError):
            await recorder.do(lambda *_: 1 // 0)
        line = talk.say("guy", "still there?")
        assert (await _hear(recorder, line, is_logged=True)).text == "still there?"

    run(fail())


def test_a_missing_archive_is_told_when_it_is_opened(tmp_path: Path) -> None:
    with (
        pytest.raises(ArchiveError, match="no archive yet"),
        Recorder(tmp_path / "none.sqlite", tmp_path / "bot.sqlite"),
    ):
        pass


def test_an_archive_that_cannot_be_read_for_a_moment_does_not_end_the_thread(
    recorder: Recorder, archive: Path, talk: Talk
) -> None:
    async def stumble() -> None:
        await recorder.hear(heard(talk.say("guy", "before")), is_logged=True)
        with sqlite3.connect(archive) as other:
            other.execute("ALTER TABLE person RENAME TO gone")
        with pytest.raises(ArchiveError):
            await recorder.hear(heard(talk.say("guy", "lost?")), is_logged=True)
        with sqlite3.connect(archive) as other:
            other.execute("ALTER TABLE gone RENAME TO person")
        line = talk.say("guy", "after")
        assert (await _hear(recorder, line, is_logged=True)).text == "after"
        assert recorder.is_alive

    run(stumble())


def test_nobody_waits_for_a_recorder_that_was_closed(archive: Path, tmp_path: Path) -> None:
    async def too_late() -> None:
        with Recorder(archive, tmp_path / "bot.sqlite") as recorder:
            await recorder.do(lambda *_: None)
        with pytest.raises(ArchiveError, match="stopping"):
            await recorder.do(lambda *_: None)

    run(too_late())


def test_one_message_that_cannot_be_kept_takes_no_other_with_it(
    recorder: Recorder, talk: Talk
) -> None:
    async def together() -> None:
        bad = Heard(talk.say("guy", "odd"), topic="\ud83d")
        good = heard(talk.say("guy", "sound"))
        recorder.do(lambda *_: time.sleep(0.05))  # so that they are taken together
        results = [recorder.hear(one, is_logged=True) for one in (bad, good)]
        odd, kept = await asyncio.gather(*results)
        assert odd == Recorded(None, is_new=False)
        assert kept.message is not None
        assert kept.message.text == "sound"

    run(together())
