"""From a message on a platform to a reply: who is answered, when, how often, and what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.chatbook import Chatbook
from bot.errors import BotError, Undeliverable
from bot.platforms.base import Address, Commanded, Deleted, Joined, Moved, Reacted
from bot.questions import Question
from config.bots import Bot
from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Account, Conversation, Reaction
from tests.bot.playing import Eager, Play, archived, echo, never_done, person, play
from tests.bot.stage import StageNotice

MENTION = Address.MENTION


def test_who_is_asked_answers_once_and_both_are_kept(place: Home) -> None:
    async def test(play: Play) -> None:
        asked = await play.say("guy", "noodles or rice?", address=MENTION)
        await play.wait(60)
        assert play.stage.texts() == ["re: noodles or rice?"]
        assert play.outcome(asked).startswith("answered in 1 message")

    play(test, place)
    assert archived(place) == [("guy", "noodles or rice?"), ("stagebot", "re: noodles or rice?")]


def test_silence_is_the_normal_case(place: Home) -> None:
    async def test(play: Play) -> None:
        for number in range(30):
            await play.say(f"member{number % 4}", f"nothing to do with anybody, line {number}")
            await play.wait(20)
        assert play.stage.texts() == []

    play(test, place)
    assert len(archived(place)) == 30


def test_a_message_told_twice_is_answered_once(place: Home) -> None:
    async def test(play: Play) -> None:
        heard = play.stage.line("guy", "hello?", address=MENTION)
        await play.hub.post(heard)
        await play.hub.post(heard)
        await play.wait(30)
        await play.hub.post(heard)
        await play.wait(60)
        assert len(play.stage.sent) == 1

    play(test, place)


def test_a_burst_is_one_question(place: Home) -> None:
    async def test(play: Play) -> None:
        first = await play.say("guy", "hey @me", address=MENTION)
        await play.wait(1)
        await play.say("guy", "I was wondering")
        await play.wait(1)
        last = await play.say("guy", "@me noodles or rice?", address=MENTION)
        await play.wait(60)
        assert play.stage.texts() == ["re: @me noodles or rice?"]
        assert play.outcome(first).startswith("answered")
        assert play.outcome(last).startswith("answered")

    play(test, place)


def test_two_people_get_two_answers_in_the_order_they_asked(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.say("guy", "noodles?", address=MENTION)
        await play.say("fox", "rice?", address=MENTION)
        await play.wait(120)
        assert play.stage.texts() == ["re: noodles?", "re: rice?"]
        texts = [message.text for message in play.questions[1].history]
        assert texts == ["noodles?", "re: noodles?", "rice?"]

    play(test, place)


def test_who_goes_on_while_a_reply_is_written_is_heard_out(place: Home) -> None:
    started: list[str] = []

    async def slow(question: Question) -> Sequence[str]:
        started.append(question.history[-1].text)
        if len(started) == 1:
            await asyncio.Event().wait()  # until it is cancelled
        return await echo(question)

    async def test(play: Play) -> None:
        play.held = 1
        await play.say("guy", "noodles?", address=MENTION)
        await play.wait(20)
        assert started == ["noodles?"]
        await play.say("guy", "with egg, I mean")
        play.held = 0
        await play.wait(60)
        assert play.stage.texts() == ["re: with egg, I mean"]

    play(test, place, write=slow)


def test_a_conversation_that_moved_on_gets_no_reply(place: Home) -> None:
    async def test(play: Play) -> None:
        play.held = 1
        asked = await play.say("guy", "does anybody know where the noodles are?")
        await play.wait(20)
        assert play.hub.house.rooms[0].is_busy
        play.held = 0
        await play.say("fox", "in the cupboard", reply_to=asked)
        await play.wait(20)
        assert play.stage.texts() == []
        assert play.outcome(asked).startswith("dropped: ")

    play(test, place, write=never_done, scorer=Eager())


def test_what_is_dropped_is_counted_by_its_reason(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.say("guy", "noodles or rice?", address=MENTION)
        await play.say("guy", "never mind")
        await play.wait(60)
        assert not play.stage.sent
        page = play.metrics.page().decode()
        assert 'replies_dropped_total{kind="the writer took it back"} 1.0' in page

    play(test, place)


def test_a_deleted_question_is_not_answered_and_not_kept(place: Home) -> None:
    async def test(play: Play) -> None:
        asked = await play.say("guy", "forget I asked", address=MENTION)
        await play.hub.post(Deleted("stage:hall", (asked,)))
        await play.wait(60)
        assert play.stage.texts() == []

    play(test, place)
    assert archived(place) == []


def test_an_edit_before_the_reply_is_what_is_answered(place: Home) -> None:
    async def test(play: Play) -> None:
        heard = play.stage.line("guy", "nodles?", address=MENTION)
        await play.hub.post(heard)
        at = heard.message.sent_at + timedelta(seconds=1)
        edited = replace(heard.message, text="noodles?", edited_at=at)
        await play.hub.post(replace(heard, message=edited, is_edit=True))
        await play.wait(60)
        assert play.stage.texts() == ["re: noodles?"]

    play(test, place)
    assert archived(place)[0] == ("guy", "noodles?")


def test_unknown_chats_are_left_alone_and_kept_nowhere(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.say("stranger", "hello bot", chat="alley", address=MENTION)
        await play.wait(60)
        assert not play.stage.sent
        assert not play.stage.left
        assert not play.stage.announced

    play(test, place)
    assert archived(place, "stage:alley") == []


def test_unknown_groups_are_left_where_the_settings_say_so(place: Home) -> None:
    async def test(play: Play) -> None:
        alley = Conversation("stage:alley", "Alley", "stage")
        await play.hub.post(Joined(alley))
        await play.hub.idle()
        assert play.stage.left == ["stage:alley"]

    play(test, place, bot__leave_unknown=True)


def test_an_allowed_chat_is_told_once_that_it_is_kept(place: Home) -> None:
    async def test(play: Play) -> None:
        for number in range(3):
            await play.say("guy", f"line {number}")
            await play.wait(1)
        assert [chat for chat, _ in play.stage.announced] == ["stage:hall"]

    play(test, place)


def test_a_private_chat_begins_with_what_the_bot_is(place: Home) -> None:
    async def test(play: Play) -> None:
        private = Conversation("stage:guy", "", "stage", is_private=True)
        answer, account = StageNotice(), Account("stage", "guy", "Guy")
        await play.hub.post(Commanded("1", private, account, "start", "", answer))
        await play.hub.post(Commanded("2", private, account, "status", "", answer))
        await play.wait(1)
        assert len(answer.texts) == 1
        assert answer.texts[0].startswith("I am an AI.")
        assert "and not kept" in answer.texts[0]  # nobody allowed this chat

    play(test, place)


def test_an_admin_is_told_that_there_is_no_such_command(place: Home) -> None:
    async def test(play: Play) -> None:
        private = Conversation("stage:guy", "", "stage", is_private=True)
        answer, account = StageNotice(), Account("stage", "guy", "Guy")
        await play.hub.post(Commanded("1", private, account, "sttaus", "", answer))
        assert answer.texts == ["There is no such command; /help lists what there is."]

    play(test, place, bot__admins=("stage:guy",))


def test_a_chat_of_an_allowed_place_is_known_to_be_allowed_by_whoever_asks(place: Home) -> None:
    async def test(play: Play) -> None:
        heard = play.stage.line("guy", "hello", chat="corner")
        await play.hub.post(replace(heard, places=("stage:server",)))
        await play.wait(1)
        assert play.book.rules("stage:corner").is_allowed
        with Chatbook(place.state, Bot(allowed_chats=("stage:server",))) as later:
            assert later.rules("stage:corner").is_allowed

    play(test, place, bot__allowed_chats=("stage:server",))


def test_what_encloses_chats_is_not_introduced_to(place: Home) -> None:
    async def test(play: Play) -> None:
        server = Conversation("stage:server", "Server", "stage")
        await play.hub.post(Joined(server, is_enclosing=True))
        await play.hub.idle()
        assert play.stage.announced == []
        assert play.book.entry("stage:server").title == "Server"

    play(test, place, bot__allowed_chats=("stage:server",))


def test_the_log_tells_how_to_let_a_chat_in_and_how_questions_ended(
    place: Home, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(play: Play) -> None:
        await play.say("stranger", "hello", chat="alley")
        await play.say("guy", "nothing for anybody")
        asked = await play.say("guy", "noodles?", address=MENTION)
        await play.wait(60)
        assert f"{asked}: answered in 1 message" in caplog.messages
        assert [text for text in caplog.messages if "stage:alley" in text] == [
            "stage:alley: not allowed, so left alone; to answer there put stage:alley into "
            "bot.allowed_chats, or as an admin send /chats allow stage:alley"
        ]
        assert not any("noodles" in text for text in caplog.messages)

    caplog.set_level("INFO", "atself")
    play(test, place)


def test_of_an_unlogged_chat_nothing_is_kept_and_it_is_answered_all_the_same(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.say("guy", "between us", address=MENTION)
        await play.wait(60)
        assert play.stage.texts() == ["re: between us"]

    play(test, place, bot__unlogged=("stage:hall",))
    assert archived(place) == []


def test_one_room_never_sees_what_was_said_in_another(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.say("guy", "the hall's secret", address=MENTION)
        await play.say("guy", "the yard's secret", chat="yard", address=MENTION)
        await play.say("guy", "the topic's secret", topic="5", address=MENTION)
        await play.wait(120)
        for question in play.questions:
            told = " ".join(message.text for message in question.history)
            assert told.count("secret") == 1
        assert {part.topic for part in play.stage.sent} == {None, "5"}

    play(test, place)


def test_the_model_that_fails_is_silence_in_the_chat_and_a_line_to_the_admins(place: Home) -> None:
    async def broken(_question: Question) -> Sequence[str]:
        raise BotError("the model fell over")

    async def test(play: Play) -> None:
        asked = await play.say("guy", "hello?", address=MENTION)
        await play.wait(60)
        assert play.stage.texts() == []
        assert play.warnings == ["BotError: stage:hall: no reply: the model fell over"]
        assert play.outcome(asked) == "failed: BotError"

    play(test, place, write=broken)


def test_a_reply_that_cannot_be_delivered_is_given_up(place: Home) -> None:
    async def test(play: Play) -> None:
        play.stage.refuses = lambda _outgoing: Undeliverable("no right to write")
        await play.say("guy", "hello?", address=MENTION)
        await play.wait(60)
        play.stage.refuses = lambda _outgoing: None
        await play.say("guy", "still there?", address=MENTION)
        await play.wait(60)
        assert play.stage.texts() == ["re: still there?"]

    play(test, place)


def test_nobody_who_opted_out_is_kept_or_shown_or_answered(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.recorder.do(lambda archive, _: archive.withdraw(person("guy")))
        await play.consent.open()
        await play.say("guy", "I said leave me alone", address=MENTION)
        await play.say("fox", "and me?", address=MENTION)
        await play.wait(60)
        assert play.stage.texts() == ["re: and me?"]
        assert [message.text for message in play.questions[0].history] == ["and me?"]

    play(test, place)
    assert ("guy", "I said leave me alone") not in archived(place)


def test_a_group_that_becomes_a_supergroup_goes_on_where_it_was(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.say("guy", "remember the noodles")
        await play.hub.post(Moved("stage:hall", Conversation("stage:big", "Big Hall", "stage")))
        await play.say("guy", "what did I say?", chat="big", address=MENTION)
        await play.wait(60)
        assert play.stage.texts("big") == ["re: what did I say?"]
        texts = [message.text for message in play.questions[0].history]
        assert texts == ["remember the noodles", "what did I say?"]

    play(test, place)
    assert [text for _, text in archived(place, "stage:big")][:1] == ["remember the noodles"]


def test_reactions_reach_the_archive(place: Home) -> None:
    async def test(play: Play) -> None:
        said = await play.say("guy", "a joke")
        await play.hub.post(Reacted("stage:hall", said, (Reaction("😂", 3),)))
        await play.recorder.do(lambda *_: None)

    play(test, place)
    with Archive.open(place.archive) as archive:
        assert archive.get(["stage:hall:1"])[0].reactions == (Reaction("😂", 3),)


def test_reactions_in_a_chat_that_is_not_allowed_are_not_kept(place: Home) -> None:
    async def test(play: Play) -> None:
        said = await play.say("guy", "a joke")
        play.book.allow("stage:hall", False)
        await play.hub.post(Reacted("stage:hall", said, (Reaction("😂", 3),)))
        await play.recorder.do(lambda *_: None)

    play(test, place)
    with Archive.open(place.archive) as archive:
        assert archive.get(["stage:hall:1"])[0].reactions == ()


def test_talk_limits_hold_in_a_chat(place: Home) -> None:
    async def test(play: Play) -> None:
        for number in range(5):
            await play.say(f"member{number}", f"question {number}?", address=MENTION)
            await play.wait(120)
        assert len(play.stage.sent) == 2

    play(test, place, talk__per_hour=2)


def test_a_muted_chat_hears_nothing(place: Home) -> None:
    async def test(play: Play) -> None:
        play.book.mute("stage:hall", play.calendar.now() + timedelta(hours=1))
        await play.say("guy", "hello?", address=MENTION)
        await play.say("guy", "hello?", chat="yard", address=MENTION)
        await play.wait(60)
        assert (play.stage.texts(), play.stage.texts("yard")) == ([], ["re: hello?"])

    play(test, place)


def test_the_mark_stands_before_every_message_but_not_in_the_archive(place: Home) -> None:
    async def test(play: Play) -> None:
        await play.say("guy", "hello?", address=MENTION)
        await play.wait(60)
        assert play.stage.texts() == ["🤖 re: hello?"]

    play(test, place, bot__mark="🤖 ")
    assert archived(place)[-1] == ("stagebot", "re: hello?")
