"""What changes while a reply is on its way: mutes, refusals, moves, edits, faults, the end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.journal import KEPT
from bot.platforms.base import Address, Deleted, Moved, Outgoing
from bot.questions import Question
from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Conversation
from tests.bot.playing import Play, echo, kept, never_done, person, play
from tests.bot.stage import Calendar

MENTION = Address.MENTION
HALL = "stage:hall"


async def two_parts(_question: Question) -> Sequence[str]:
    return ["noodles, as always.", "with egg, if there is one left in the house."]


class Meanwhile:
    """Writes a reply during which something happens."""

    def __init__(self, happens: Callable[[], object]) -> None:
        self.happens = happens

    async def __call__(self, question: Question) -> Sequence[str]:
        self.happens()
        return await echo(question)


def test_a_mute_holds_for_the_reply_being_written(place: Home) -> None:
    happens = Meanwhile(lambda: None)

    async def test(play: Play) -> None:
        until = play.calendar.now() + timedelta(hours=1)
        happens.happens = lambda: play.book.mute(HALL, until)
        asked = await play.say("guy", "hello?", address=MENTION)
        await play.wait(60)
        assert play.stage.texts() == []
        assert play.outcome(asked) == "dropped: the chat was muted"
        assert not await play.recorder.do(lambda _, journal: journal.unsent())

    play(test, place, write=happens)


@pytest.mark.parametrize("denied", [HALL, "stage:house"])
def test_a_chat_that_is_denied_hears_no_more_of_a_reply(place: Home, denied: str) -> None:
    async def test(play: Play) -> None:
        play.book.allow("stage:house", True)
        heard = play.stage.line("guy", "hello?", address=MENTION, chat="attic")
        if denied == HALL:
            heard = play.stage.line("guy", "hello?", address=MENTION)
        await play.hub.post(replace(heard, places=("stage:house",)))
        play.book.allow(denied, False)
        await play.wait(60)
        assert not play.stage.sent

    play(test, place)


def test_who_leaves_is_not_told_the_rest(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.say("guy", "noodles or rice?", address=MENTION)
        while not play.stage.sent:
            await play.wait(0.5)
        await play.recorder.do(lambda archive, _: archive.withdraw(person("guy")))
        await play.consent.open()
        await play.wait(60)
        assert play.stage.texts() == ["noodles, as always."]

    play(test, place, write=two_parts)


def test_of_a_server_that_is_not_logged_the_bots_words_are_not_kept_either(place: Home) -> None:
    async def test(play: Play) -> None:
        play.book.log("stage:house", False)
        heard = play.stage.line("guy", "between us", address=MENTION)
        await play.hub.post(replace(heard, places=("stage:house",)))
        await play.wait(60)
        assert play.stage.texts() == ["re: between us"]

    play(test, place)
    assert kept(place) == []


def test_the_real_self_may_talk_to_the_bot(place: Home) -> None:
    with Archive.open(place.archive) as archive:
        [me] = archive.me().accounts

    async def test(play: Play) -> None:
        heard = play.stage.line("me", "are you me?", address=MENTION)
        await play.hub.post(replace(heard, message=replace(heard.message, author=me)))
        await play.wait(60)
        assert play.stage.texts() == ["re: are you me?"]
        assert await play.recorder.do(lambda _, journal: journal.open_messages()) == []
        await play.say("guy", "anybody here?")
        assert play.hub.house.presence(HALL).self_wrote_at is not None

    play(test, place)


def test_a_stop_in_the_moment_in_which_a_reply_starts_anew_is_a_stop(place: Home) -> None:
    async def test(play: Play) -> None:
        play.held = 1
        await play.say("guy", "noodles?", address=MENTION)
        await play.wait(20)
        await play.say("guy", "with egg, I mean")
        await play.hub.close()  # in the same turn of the loop
        assert [
            one.id for one in await play.recorder.do(lambda _, journal: journal.open_messages())
        ] == ["stage:hall:1"]

    play(test, place, write=never_done)


def test_a_question_whose_edit_came_first_is_answered_once(place: Home) -> None:
    async def test(play: Play) -> None:
        heard = play.stage.line("guy", "nodles?", address=MENTION)
        at = heard.message.sent_at + timedelta(seconds=1)
        edited = replace(heard.message, text="noodles?", edited_at=at)
        await play.hub.post(replace(heard, message=edited, is_edit=True))
        await play.wait(1)
        await play.hub.post(heard)
        await play.wait(60)
        assert play.stage.texts() == ["re: noodles?"]

    play(test, place)


def test_a_line_that_is_deleted_is_not_in_what_is_written_on(place: Home) -> None:
    async def first_never_done(question: Question) -> Sequence[str]:
        if any("secret" in line.text for line in question.history):
            await asyncio.Event().wait()
        return await echo(question)

    async def test(play: Play) -> None:
        play.held = 1
        secret = await play.say("fox", "a secret")
        await play.say("guy", "what did fox say?", address=MENTION)
        await play.wait(20)
        play.held = 0
        await play.hub.post(Deleted(HALL, (secret,)))
        await play.wait(20)
        assert play.stage.texts() == ["re: what did fox say?"]

    play(test, place, write=first_never_done)


def test_what_is_deleted_goes_from_the_archive_though_the_chat_is_denied(place: Home) -> None:
    async def test(play: Play) -> None:
        said = await play.say("guy", "I should not have said that")
        play.book.allow(HALL, False)
        await play.hub.post(Deleted(HALL, (said,)))

    play(test, place)
    assert kept(place) == []


def test_keeping_a_chat_anew_is_announced_anew(place: Home) -> None:
    async def test(play: Play) -> None:
        for is_logged in (False, True):
            play.book.log(HALL, is_logged)
            await play.say("guy", "still here")
            await play.wait(5)
        assert [chat for chat, _ in play.stage.announced] == [HALL, HALL]

    play(test, place)


def test_a_chat_kept_against_the_settings_is_announced(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.say("guy", "hello")
        await play.wait(5)
        play.book.log(HALL, True)
        await play.say("guy", "still here")
        await play.wait(5)
        assert len(play.stage.announced) == 2

    play(test, place, bot__unlogged=(HALL,))


def test_the_rest_of_a_reply_follows_a_chat_that_moved(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.say("guy", "noodles or rice?", address=MENTION)
        while not play.stage.sent:
            await play.wait(0.5)
        await play.hub.post(Moved(HALL, Conversation("stage:big", "Big Hall", "stage")))
        await play.wait(60)
        [room] = play.hub.house.rooms
        assert [one.person.is_self for one in room.history] == [False, True, True]

    play(test, place, write=two_parts)
    assert kept(place) == []
    assert len(kept(place, "stage:big")) == 3


def test_what_was_heard_is_forgotten_while_the_bot_runs_on(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.say("guy", "an old line")
        await play.wait((KEPT + timedelta(days=1)).total_seconds())
        await play.say("guy", "a new line")
        noted = await play.recorder.do(
            lambda _, journal: journal.accounts(["stage:hall:1", "stage:hall:2"])
        )
        assert list(noted) == ["stage:hall:2"]

    play(test, place)


def test_a_reply_that_arrived_is_kept_though_the_archive_is_locked_meanwhile(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.recorder.do(
            lambda archive, _: archive._connection.execute("PRAGMA busy_timeout = 1")
        )
        with closing(sqlite3.connect(place.archive, isolation_level=None)) as other:

            def lock(_outgoing: Outgoing) -> None:
                other.execute("BEGIN IMMEDIATE")

            play.stage.refuses = lock
            await play.say("guy", "noodles or rice?", address=MENTION)
            while not play.stage.sent:
                await play.wait(0.5)
            play.stage.refuses = lambda _outgoing: None
            other.execute("ROLLBACK")
        await play.wait(60)
        assert len(play.stage.sent) == 2
        assert not play.warnings
        assert not await play.recorder.do(lambda _, journal: journal.unsent())

    play(test, place, write=two_parts)
    assert len(kept(place)) == 3


def test_a_clock_set_back_while_a_burst_is_waited_out_delays_no_reply(place: Home) -> None:
    class Loose(Calendar):
        back = timedelta()

        def now(self) -> datetime:
            return super().now() - self.back

    calendar = Loose()

    async def test(play: Play) -> None:
        await play.say("guy", "hello?", address=MENTION)
        await play.wait(1)
        calendar.back = timedelta(hours=1)
        await calendar.to(Calendar.now(calendar) + timedelta(minutes=2), play.is_settled)
        assert play.stage.texts() == ["re: hello?"]

    play(test, place, calendar=calendar, talk__pace=0)


def test_an_edit_while_the_reply_is_written_is_what_is_answered(place: Home) -> None:
    async def slow_at_first(question: Question) -> Sequence[str]:
        if "nodles" in question.history[-1].text:
            await asyncio.Event().wait()
        return await echo(question)

    async def test(play: Play) -> None:
        play.held = 1
        heard = play.stage.line("guy", "nodles?", address=MENTION)
        await play.hub.post(heard)
        await play.wait(20)
        play.held = 0
        at = heard.message.sent_at + timedelta(seconds=20)
        edited = replace(heard.message, text="noodles?", edited_at=at)
        await play.hub.post(replace(heard, message=edited, is_edit=True))
        await play.wait(20)
        assert play.stage.texts() == ["re: noodles?"]

    play(test, place, write=slow_at_first)
