"""What a stop or a kill leaves, and what the next start makes of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from bot.errors import BotError, Unreachable
from bot.gate import Situation
from bot.platforms.base import Address, Outgoing, Sent
from config.settings import Home
from ingest.archive import Archive
from tests.bot.playing import Eager, Play, archived, never_done, play
from tests.bot.stage import Calendar, Stage

MENTION = Address.MENTION
HALL = "stage:hall"


def _open_messages(_archive: Archive, journal: Any) -> Any:
    return journal.open_messages()


def _planned(answered: str, part: Outgoing, play: Play) -> Any:
    now = play.calendar.now()

    def plan(_archive: Archive, journal: Any) -> None:
        journal.plan([answered], [part], now)
        journal.trying(part.key, None, now)

    return plan


def test_what_a_stop_left_is_answered_at_the_next_start(place: Home) -> None:
    async def dies(play: Play) -> None:
        play.held = 1
        await play.say("guy", "are you there?", address=MENTION)
        await play.wait(20)

    async def lives(play: Play) -> None:
        await play.wait(60)
        assert play.stage.texts() == ["re: are you there?"]
        await play.wait(600)
        assert len(play.stage.sent) == 1

    play(dies, place, write=never_done)
    play(lives, place)


def test_what_was_asked_long_ago_is_not_answered_at_the_next_start(place: Home) -> None:
    async def dies(play: Play) -> None:
        play.held = 1
        await play.say("guy", "are you there?", address=MENTION)
        await play.wait(20)

    async def wakes_late(play: Play) -> None:
        await play.wait(3600)
        play.hub.signed_in(play.stage)
        await play.wait(60)
        assert play.stage.texts() == []
        assert await play.recorder.do(lambda _, journal: journal.open_messages()) == []

    play(dies, place, write=never_done)
    play(wakes_late, place, start=False)


@pytest.mark.parametrize("arrived", [True, False])
def test_a_part_cut_off_while_it_was_sent_is_looked_for_first(place: Home, arrived: bool) -> None:
    stages: list[Stage] = []

    async def dies(play: Play) -> None:
        stages.append(play.stage)

        async def send(outgoing: Any) -> Any:
            if arrived:
                play.stage.sent.append(outgoing)
                play.stage.arrived[outgoing.key] = Sent("stage:hall:77", play.calendar.now())
            await asyncio.Event().wait()

        play.stage.send = send  # type: ignore[method-assign]
        play.held = 1
        await play.say("guy", "noodles?", address=MENTION)
        await play.wait(60)

    play(dies, place)
    before = stages[0]
    del before.send

    async def lives(play: Play) -> None:
        await play.wait(60)
        assert play.stage.texts() == ["re: noodles?"]
        assert not await play.recorder.do(lambda _, journal: journal.unsent())

    play(lives, place, stage=before)
    assert archived(place)[-1] == ("stagebot", "re: noodles?")


def test_an_archive_that_is_locked_at_the_sign_in_delays_replies_and_no_more(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.recorder.do(
            lambda archive, _: archive._connection.execute("PRAGMA busy_timeout = 1")
        )
        await play.say("guy", "hello?", address=MENTION)
        with closing(sqlite3.connect(place.archive, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            play.hub.signed_in(play.stage)
            await play.recorder.do(lambda *_: None)
            other.execute("ROLLBACK")
        for _ in range(30):
            await asyncio.sleep(0.005)  # the thread writes
            await play.calendar.to(play.calendar.now() + timedelta(seconds=1), lambda: True)
        assert play.stage.texts() == ["re: hello?"]

    play(test, place, start=False)


def test_one_reply_that_cannot_be_finished_does_not_hold_up_what_else_was_left(
    place: Home,
) -> None:
    class Broken(Stage):
        async def find(self, outgoing: Outgoing) -> Sent | None:
            if "noodles" in outgoing.text:
                raise ZeroDivisionError
            return await super().find(outgoing)

    async def dies(play: Play) -> None:
        parts = [Outgoing("a", HALL, "noodles"), Outgoing("b", HALL, "rice")]
        for number, part in enumerate(parts):
            await play.recorder.do(_planned(f"stage:hall:{number}", part, play))

    async def lives(play: Play) -> None:
        await play.wait(60)
        assert play.stage.texts() == ["rice"]

    play(dies, place)
    calendar = Calendar()
    play(lives, place, stage=Broken(calendar.now), calendar=calendar)


def test_what_was_left_is_not_said_in_a_chat_muted_or_denied_since(place: Home) -> None:
    async def dies(play: Play) -> None:
        await play.recorder.do(_planned("stage:hall:1", Outgoing("a", HALL, "noodles"), play))
        play.stage.refuses = lambda _outgoing: Unreachable("down")
        play.held = 1
        await play.say("guy", "are you there?", chat="yard", address=MENTION)
        play.book.mute(HALL, play.calendar.now() + timedelta(hours=1))
        play.book.allow("stage:yard", False)

    async def lives(play: Play) -> None:
        await play.wait(60)
        assert not play.stage.sent
        assert not play.questions
        assert await play.recorder.do(_open_messages) == []
        assert not await play.recorder.do(lambda _, journal: journal.unsent())

    play(dies, place)
    play(lives, place)


def test_a_question_that_cannot_be_judged_does_not_hold_up_the_others(place: Home) -> None:
    class Stumbling(Eager):
        def score(self, situation: Situation) -> tuple[float, Sequence[str]]:
            raise ZeroDivisionError if "noodles" in situation.message.text else BotError("rice")

    async def dies(play: Play) -> None:
        play.held = 2
        await play.say("guy", "noodles?", address=MENTION)
        await play.say("fox", "rice?", chat="yard", address=MENTION)

    async def lives(play: Play) -> None:
        await play.wait(60)
        assert await play.recorder.do(_open_messages) == []

    play(dies, place)
    with closing(sqlite3.connect(place.state)) as state, state:
        state.execute("UPDATE heard SET address = 'none'")  # so that they must be scored
    play(lives, place, scorer=Stumbling())


def test_who_calls_by_name_is_answered_though_the_bot_was_killed_meanwhile(place: Home) -> None:
    async def dies(play: Play) -> None:
        play.held = 1
        await play.say("guy", "me, are you there?")
        await play.wait(20)

    async def lives(play: Play) -> None:
        await play.wait(60)
        assert play.stage.texts() == ["re: me, are you there?"]
        assert await play.recorder.do(_open_messages) == []

    play(dies, place, write=never_done)
    play(lives, place)


def test_a_platform_knows_from_where_to_look_for_a_reply_to_what_was_left(place: Home) -> None:
    async def dies(play: Play) -> None:
        play.held = 1
        await play.say("guy", "are you there?", address=MENTION)
        await play.wait(20)

    async def lives(play: Play) -> None:
        await play.wait(60)
        assert [part.after for part in play.stage.sent] == ["stage:hall:1"]

    play(dies, place, write=never_done)
    play(lives, place)
