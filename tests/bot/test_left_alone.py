"""Who and what is to be left alone is left alone at once, also in work already begun."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.consent import OPT_OUT
from bot.obeying import Obeying
from bot.platforms.base import Address, Commanded, Heard, Reacted, Word
from bot.questions import Question
from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Conversation, Reaction
from ingest.errors import ArchiveError
from tests.bot.playing import Play, kept, person, play
from tests.bot.stage import StageNotice

MENTION = Address.MENTION
HALL = Conversation("stage:hall", "Hall", "stage")


async def long_one(question: Question) -> Sequence[str]:
    """A reply of several parts, which takes its time to be said."""
    return [f"{question.history[-1].text} {number} of many" * 2 for number in range(4)]


async def opt_out(play: Play, who: str) -> None:
    """Somebody opts out, in the hall."""
    notice = StageNotice()
    command = Commanded("stage:c1", HALL, person(who), OPT_OUT.name, "", notice)
    [serve] = [serve for word, serve in play.consent.offers().items() if word is OPT_OUT]
    await serve(command)
    await play.hub.let_go(person(who))


async def first_part(play: Play) -> None:
    """Let time pass until a reply has begun."""
    for _ in range(300):
        if play.stage.sent:
            return
        await play.wait(0.5)
    raise AssertionError("nothing was said")


def test_a_reply_ends_where_its_chat_is_denied(place: Home) -> None:
    async def test(play: Play) -> None:
        asked = await play.say("guy", "tell me", address=MENTION)
        await first_part(play)
        play.book.allow("stage:hall", False)
        await play.wait(120)
        assert len(play.stage.texts()) == 1
        assert "not allowed" in play.outcome(asked)

    play(test, place, write=long_one)


def test_a_reply_ends_where_its_chat_is_muted(place: Home) -> None:
    async def test(play: Play) -> None:
        asked = await play.say("guy", "tell me", address=MENTION)
        await first_part(play)
        play.book.mute("stage:hall", play.calendar.now().replace(year=2030))
        await play.wait(120)
        assert len(play.stage.texts()) == 1
        assert "muted" in play.outcome(asked)

    play(test, place, write=long_one)


def test_a_reply_to_somebody_who_opts_out_ends_there(place: Home) -> None:
    async def test(play: Play) -> None:
        asked = await play.say("guy", "tell me", address=MENTION)
        await first_part(play)
        await opt_out(play, "guy")
        await play.wait(120)
        assert len(play.stage.texts()) == 1
        assert "opted out" in play.outcome(asked)

    play(test, place, write=long_one)


def test_a_chat_denied_while_the_model_writes_hears_nothing(place: Home) -> None:
    plays: list[Play] = []

    async def meanwhile(question: Question) -> Sequence[str]:
        plays[0].book.allow("stage:hall", False)
        return ["too late"]

    async def test(play: Play) -> None:
        plays.append(play)
        await play.say("guy", "tell me", address=MENTION)
        await play.wait(120)
        assert play.stage.texts() == []

    play(test, place, write=meanwhile)


def test_who_opts_out_while_their_words_are_written_down_is_in_no_room(place: Home) -> None:
    async def test(play: Play) -> None:
        heard = play.stage.line("guy", "my secret", address=MENTION)
        hearing = asyncio.ensure_future(play.hub.post(heard))
        leaving = asyncio.ensure_future(opt_out(play, "guy"))
        await asyncio.gather(hearing, leaving)
        await play.say("fox", "and me?", address=MENTION)
        await play.wait(120)
        assert play.stage.texts() == ["re: and me?"]
        told = [message.text for question in play.questions for message in question.history]
        assert told == ["and me?"]

    play(test, place)


def test_what_was_asked_in_a_chat_denied_since_is_not_answered_after_a_start(place: Home) -> None:
    async def asking(play: Play) -> None:
        await play.say("guy", "tell me", address=MENTION)

    async def later(play: Play) -> None:
        await play.wait(120)
        assert play.stage.texts() == []

    play(asking, place, start=False)
    play(later, place, bot__allowed_chats=("stage:yard",))


def in_thread(heard: Heard) -> Heard:
    """The same in a thread of a channel of which alone it is known whether it is kept."""
    return replace(heard, places=("stage:channel", "stage:server"))


def test_of_a_thread_in_an_unlogged_channel_not_even_the_reply_is_kept(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.hub.post(in_thread(play.stage.line("guy", "between us", address=MENTION)))
        await play.wait(60)
        assert play.stage.texts() == ["re: between us"]

    allowed, unlogged = ("stage:server",), ("stage:channel",)
    play(test, place, bot__allowed_chats=allowed, bot__unlogged=unlogged)
    assert kept(place) == []


def test_a_thread_is_served_after_a_start_as_its_channel_is(place: Home) -> None:
    async def asking(play: Play) -> None:
        await play.hub.post(in_thread(play.stage.line("guy", "tell me", address=MENTION)))

    async def later(play: Play) -> None:
        await play.wait(120)
        assert play.stage.texts() == ["re: tell me"]

    play(asking, place, start=False, bot__allowed_chats=("stage:server",))
    play(later, place, bot__allowed_chats=("stage:server",))


def test_a_thread_stays_mute_after_a_start_where_its_server_is(place: Home) -> None:
    async def asking(play: Play) -> None:
        await play.hub.post(in_thread(play.stage.line("guy", "tell me", address=MENTION)))
        play.book.mute("stage:server", play.calendar.now().replace(year=2030))

    async def later(play: Play) -> None:
        await play.wait(120)
        assert play.stage.texts() == []

    play(asking, place, start=False, bot__allowed_chats=("stage:server",))
    play(later, place, bot__allowed_chats=("stage:server",))


def test_reactions_in_a_chat_nobody_allowed_change_nothing(place: Home) -> None:
    async def test(play: Play) -> None:
        said = await play.say("guy", "a joke")
        play.book.allow("stage:hall", False)
        await play.hub.post(Reacted("stage:hall", said, (Reaction("😂", 3),)))
        await play.recorder.do(lambda *_: None)

    play(test, place)
    with Archive.open(place.archive) as archive:
        assert archive.get(["stage:hall:1"])[0].reactions == ()


def test_the_name_of_who_writes_in_private_is_not_noted_with_the_chats(place: Home) -> None:
    async def test(play: Play) -> None:
        play.book.met(Conversation("stage:p1", "Ms Private", "stage", is_private=True))
        assert play.book.entry("stage:p1").title == ""

    play(test, place)
    assert b"Ms Private" not in place.state.read_bytes()


def test_who_an_admin_forgets_is_not_heard_in_unlogged_chats_either(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.say("guy", "hello there", chat="yard")
        await play.wait(60)
        await play.recorder.do(lambda archive, _: archive.forget("stage:guy"))
        await play.hub.let_go(person("guy"))
        await play.say("guy", "do you know me?", address=MENTION)
        await play.wait(60)
        assert play.stage.texts() == []

    play(test, place, bot__unlogged=("stage:hall",))


def test_errors_of_what_anybody_may_ask_name_no_folder(place: Home) -> None:
    async def broken(_asked: Commanded) -> None:
        raise ArchiveError(f"{place.archive}: locked by Ms Secret")

    async def test(play: Play) -> None:
        obeying = Obeying({OPT_OUT: broken}, (), play.book, play.recorder, play.calendar.now)
        notice = StageNotice()
        await obeying.obey(Commanded("stage:c1", HALL, person("guy"), "optout", "", notice))
        await asyncio.gather(*obeying._tasks)
        assert notice.texts == ["/optout did not work; the log says why"]
        await obeying.close()

    play(test, place)


def test_whose_name_was_struck_from_others_words_is_not_named_in_a_room_either(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.say("zed quux", "hello there")
        await play.say("fox", "Zed quux owes me noodles")
        await play.recorder.do(lambda archive, _: archive.forget("stage:zed quux"))
        await play.hub.let_go(person("zed quux"))
        await play.say("fox", "who owes me noodles?", address=MENTION)
        await play.wait(60)
        told = [message.text for message in play.questions[0].history]
        assert told == ["someone owes me noodles", "who owes me noodles?"]

    play(test, place)


def test_what_looks_like_a_command_is_not_written_into_the_log(
    place: Home, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(play: Play) -> None:
        words = Word("stop", "Switch the bot off")
        obeying = Obeying({words: unheard}, (), play.book, play.recorder, play.calendar.now)
        for name in ("my_secret_plan", "stop"):
            command = Commanded(f"stage:{name}", HALL, person("guy"), name, "now", StageNotice())
            await obeying.obey(command)

    with caplog.at_level("DEBUG"):
        play(test, place)
    assert "my_secret_plan" not in caplog.text
    assert "stage:hall: /stop is not for guy" in caplog.text
    assert "stage:hall: an unknown command by guy" in caplog.text


async def unheard(_command: Commanded) -> None:
    raise AssertionError("nobody may ask for this")
