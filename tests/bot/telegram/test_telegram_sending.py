"""Messages to Telegram: each once, whatever fails on the way, and inert."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import Undeliverable, Unreachable
from bot.platforms.base import Outgoing
from bot.platforms.telegram.inert import JOINER
from ingest.chat import Account
from tests.bot.telegram.conftest import QUICK, key_of, running, saying
from tests.telegram_fake import FakeTelegram, Fault

FAULTS = {
    "reset before": Fault.reset(has_effect=False),
    "reset after": Fault.reset(has_effect=True),
    "500 before": Fault.failed(500),
    "502 after": Fault.failed(502, has_effect=True),
    "too slow, but done": Fault.slow(0.8),
    "429": Fault.too_many(1),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_message_arrives_once_whatever_fails(fake: FakeTelegram, state: Path, name: str) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            number = fake.say(group, ann, "hello?")
            await bot.heard()
            await bot.platform.send(saying(group, "before"))
            fake.plan(FAULTS[name], method="sendMessage")
            sent = await bot.platform.send(saying(group, "hi Ann", quote=f"x:{number}"))
            assert fake.texts() == ["before", "hi Ann"]
            assert sent.id == f"{key_of(group)}:{fake.sent[-1].id}"
            assert fake.sent[-1].reply_to == number
            assert fake.edits == []

    asyncio.run(scenario())


def test_a_message_that_arrived_is_found_among_those_of_others(
    fake: FakeTelegram, state: Path
) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            last = [fake.say(group, ann, f"{number}") for number in range(5)][-1]
            await bot.heard(5)
            fake.can_read_all = False  # three messages the bot does not see
            fake.hook = lambda call: (
                (fake.say(group, ann, "a"), fake.say(group, ann, "b"))
                and Fault.reset(has_effect=True)
                if call.method == "sendMessage"
                else None
            )
            outgoing = saying(group, "here I am", after=f"{key_of(group)}:{last}")
            sent = await bot.platform.send(outgoing)
            assert fake.texts() == ["here I am"]
            assert sent.id == f"{key_of(group)}:{fake.sent[0].id}"

    asyncio.run(scenario())


def test_a_try_cut_off_by_a_crash_is_found_afterwards(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            after = f"{key_of(group)}:{fake.say(group, ann, 'so?')}"
            await bot.heard()
            lost, missing = (saying(group, text, after=after) for text in ("well", "never sent"))
            fake.plan(Fault.slow(5), method="sendMessage")
            task = asyncio.create_task(bot.platform.send(lost))
            await bot.until(lambda: fake.sent)
            task.cancel()  # as kill -9 would: nobody was told
        state.unlink()  # noqa: ASYNC240 (its memory is lost, too)
        fake.say(group, ann, "while it was down")
        async with running(fake, state) as bot:
            found = await bot.platform.find(lost)
            assert found is not None
            assert found.id == f"{key_of(group)}:{fake.sent[0].id}"
            assert await bot.platform.find(missing) is None
            assert await bot.platform.send(lost) == found
            assert fake.texts() == ["well"]

    asyncio.run(scenario())


def test_looking_never_touches_the_bots_other_messages(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            after = f"{key_of(group)}:{fake.say(group, ann, 'so?')}"
            await bot.heard()
            for text in ("one", "two"):
                await bot.platform.send(saying(group, text))
            await bot.platform.announce(key_of(group), "I am a bot")
        async with running(fake, state) as bot:
            assert await bot.platform.find(saying(group, "three", after=after)) is None
            assert fake.edits == []

    asyncio.run(scenario())


def test_what_a_cancelled_try_left_open_is_settled_before_the_next(
    fake: FakeTelegram, state: Path
) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            fake.say(group, ann, "so?")
            await bot.heard()
            fake.plan(Fault.slow(5), method="sendMessage")
            task = asyncio.create_task(bot.platform.send(saying(group, "dropped")))
            await bot.until(lambda: fake.sent)
            task.cancel()
            fake.plan(Fault.reset(has_effect=False), method="sendMessage")
            await bot.platform.send(saying(group, "next"))
            assert fake.texts() == ["dropped", "next"]
            assert fake.edits == []

    asyncio.run(scenario())


def test_an_announcement_cut_off_by_a_crash_is_not_rewritten(
    fake: FakeTelegram, state: Path
) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            after = f"{key_of(group)}:{fake.say(group, ann, 'so?')}"
            await bot.heard()
            fake.plan(Fault.slow(5), method="sendMessage")
            task = asyncio.create_task(bot.platform.announce(key_of(group), "I am a bot"))
            await bot.until(lambda: fake.sent)
            task.cancel()
        async with running(fake, state) as bot:
            assert await bot.platform.find(saying(group, "well", after=after)) is None
            assert fake.edits == []
            assert fake.texts() == ["I am a bot"]

    asyncio.run(scenario())


def test_a_refusal_is_final_and_an_outage_is_not_endless(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, gone, ann = fake.supergroup(), fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            for chat in (group, gone):
                fake.say(chat, ann, "hello")
            await bot.heard(2)
            gone.status = "kicked"
            with pytest.raises(Undeliverable, match="kicked"):
                await bot.platform.send(saying(gone, "x"))
            with pytest.raises(Undeliverable, match="not found"):
                await bot.platform.send(Outgoing("k", "telegram:99", "x"))
            with pytest.raises(Undeliverable, match="white space"):
                await bot.platform.send(saying(group, " \n"))
            with pytest.raises(Undeliverable, match="thread not found"):
                await bot.platform.send(saying(group, "x", topic="77"))
            assert (await bot.platform.send(saying(group, "x", quote="t:99"))).id
            fake.plan(Fault.failed(500), method="sendMessage", times=10_000)
            outgoing = saying(group, "y")
            with pytest.raises(Unreachable):
                await bot.platform.send(outgoing)
            assert fake.texts() == ["x"]

    asyncio.run(scenario())


def test_a_try_given_up_in_doubt_is_looked_for_by_the_next(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        impatient = replace(QUICK, total=0.1)
        async with running(fake, state, patience=impatient) as bot:
            fake.say(group, ann, "hello")
            await bot.heard()
            outgoing = saying(group, "hi")
            is_down = True
            fake.hook = lambda call: (
                Fault.reset(has_effect=True) if is_down and call.method != "getUpdates" else None
            )
            with pytest.raises(Unreachable):
                await bot.platform.send(outgoing)
            is_down = False
            sent = await bot.platform.send(outgoing)
            assert fake.texts() == ["hi"]
            assert sent.id.endswith(f":{fake.sent[0].id}")

    asyncio.run(scenario())


def test_nobody_is_pinged_but_the_one_who_may_be(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann", username="annlee")
        async with running(fake, state) as bot:
            fake.say(group, ann, "hello")
            await bot.heard()
            text = "😀 @nice_guy, ask @annlee or /stop @self_bot; t.me/+secret or tg://user?id=5"
            ping = ("nice_guy", Account("telegram", f"user{ann.id}", "Ann"))
            await bot.platform.send(saying(group, text, ping=ping))
            await bot.platform.send(saying(group, text, ping=("someone", ping[1])))
            pinging, silent = fake.sent
            [entity] = pinging.entities
            assert (entity["type"], entity["user"]["id"]) == ("text_mention", ann.id)
            assert (entity["offset"], entity["length"]) == (3, len("@nice_guy") + 1)
            assert silent.entities == ()
            assert silent.text.replace(JOINER, "") == text

    asyncio.run(scenario())


def test_a_mention_the_server_refuses_does_not_cost_the_message(
    fake: FakeTelegram, state: Path
) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            fake.say(group, ann, "hello")
            await bot.heard()
            fake.plan(Fault.refused(400, "Bad Request: USER_ID_INVALID"), method="sendMessage")
            ping = ("ann", Account("telegram", f"user{ann.id}", "Ann"))
            await bot.platform.send(saying(group, "hi @ann", ping=ping))
            assert [sent.entities for sent in fake.sent] == [()]

    asyncio.run(scenario())


def test_a_channels_posts_are_never_tried_to_be_rewritten(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        channel = fake.channel("News")
        async with running(fake, state) as bot:
            fake.post(channel, "a post of somebody else")
            await bot.heard()
            fake.plan(Fault.reset(has_effect=False), method="sendMessage")
            await bot.platform.send(saying(channel, "ours"))
            assert fake.counts["editMessageText"] == 0

    asyncio.run(scenario())


def test_messages_go_to_their_topic(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        forum, ann = fake.supergroup(is_forum=True), fake.user("Ann")
        async with running(fake, state) as bot:
            topic = fake.topic(forum, "Cooking", ann)
            number = fake.say(forum, ann, "soup", topic=topic)
            await bot.heard()
            await bot.platform.send(saying(forum, "yes", topic=str(topic), quote=f"t:{number}"))
            await bot.platform.send(saying(forum, "general", topic="1"))
            await bot.platform.typing(key_of(forum), str(topic))
            assert [(sent.topic, sent.reply_to) for sent in fake.sent] == [
                (topic, number),
                (None, None),
            ]
            assert [action[:3] for action in fake.actions] == [(forum.id, "typing", topic)]

    asyncio.run(scenario())


def test_typing_takes_nothing_from_a_groups_budget(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            fake.say(group, ann, "hello")
            await bot.heard()
            for _ in range(40):
                await bot.platform.typing(key_of(group))
            fake.plan(Fault.too_many(60), method="sendChatAction")
            async with asyncio.timeout(2):
                await bot.platform.typing(key_of(group))
                for number in range(20):
                    await bot.platform.send(saying(group, f"{number}"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await bot.platform.send(saying(group, "the 21st in a minute"))
            assert len(fake.sent) == 20

    asyncio.run(scenario())


def test_a_message_of_full_length_is_taken(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            fake.say(group, ann, "hello")
            await bot.heard()
            text = "😀@ab /cd" * 1000
            end = bot.platform.longest(text)
            await bot.platform.send(saying(group, text[:end]))
            with pytest.raises(Undeliverable, match="too long"):
                await bot.platform.send(saying(group, text[: end + 40]))

    asyncio.run(scenario())
