"""The connection is lost in every way there is; what was said meanwhile is heard, in order."""

from __future__ import annotations

import asyncio
import logging
import traceback

import discord
import pytest

from bot.errors import PlatformRefused
from bot.platforms.base import Heard
from bot.platforms.discord.address import is_official
from bot.platforms.discord.platform import DiscordPlatform
from bot.platforms.discord.session import Pace
from tests.bot.discord.conftest import Garden
from tests.discord_fake.faults import Kind
from tests.discord_fake.running import PACE, Running, everywhere, platform_at, running

HISTORY = "GET /channels/*/messages"


def texts(run: Running) -> list[str]:
    return [heard.message.text for heard in run.of(Heard)]


@pytest.mark.parametrize("way", ["drop", "reconnect", "invalid but resumable"])
def test_a_resumed_connection_missed_nothing(garden: Garden, way: str) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            fake.say(garden.channel, garden.ann, "before")
            await run.next(Heard)
            if way == "drop":
                fake.drop()
            elif way == "reconnect":
                fake.reconnect()
            else:
                fake.invalidate(can_resume=True)
            fake.say(garden.channel, garden.ann, "meanwhile")
            await fake.until(lambda: fake.gateway.resumes and fake.is_online)
            fake.say(garden.channel, garden.ann, "after")
            await run.next(Heard, 3)
        assert texts(run) == ["before", "meanwhile", "after"]
        assert not any(heard.is_caught_up for heard in run.of(Heard))
        assert fake.gateway.identifies == 1

    asyncio.run(scene())


@pytest.mark.parametrize("way", ["sessions lost", "invalid"])
def test_after_a_failed_resume_history_is_read_before_what_is_new(garden: Garden, way: str) -> None:
    async def scene() -> None:
        fake = garden.fake
        quiet = fake.channel(garden.guild, "quiet")
        async with running(fake, garden.state) as run:
            fake.say(quiet, garden.bo, "and then nothing")
            fake.say(garden.channel, garden.ann, "before")
            await run.next(Heard, 2)
            fake.requests.clear()
            (fake.lose_sessions if way == "sessions lost" else fake.invalidate)()
            asked = fake.say(garden.channel, garden.ann, f"<@{fake.me}> one")
            fake.say(garden.channel, garden.bo, "two", asked)
            fake.edit(garden.channel, asked, f"<@{fake.me}> one!")
            born = fake.thread(garden.channel, "born meanwhile")
            fake.say(born, garden.bo, "in a new thread")
            await fake.until(lambda: fake.is_online)
            fake.say(garden.channel, garden.ann, "after")
            await run.next(Heard, 6)
            await run.ready(2)
        here = [heard for heard in run.of(Heard) if heard.message.chat.id == garden.chat]
        assert [heard.message.text for heard in here] == ["before", "@atself one!", "two", "after"]
        assert [heard.is_caught_up for heard in here] == [False, True, True, False]
        assert here[1].message.author.name == "Annie"  # asked for: history has no such names
        assert here[1].address == "mention"
        assert "in a new thread" in texts(run)
        assert not any(quiet in request for request in fake.requests)

    asyncio.run(scene())


def test_a_restart_hears_what_was_said_meanwhile_once(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        for _ in range(2):
            fake.say(garden.channel, garden.ann, "before the bot came")
        private = fake.direct(garden.bo)
        thread = fake.thread(garden.channel, "aside")
        async with running(fake, garden.state) as run:
            fake.say(garden.channel, garden.ann, "heard")
            fake.say(private, garden.bo, "psst")
            fake.say(thread, garden.bo, "aside")
            await run.next(Heard, 3)
        assert "before the bot came" not in texts(run)
        missed = [fake.say(garden.channel, garden.bo, f"number {n}") for n in range(250)]
        fake.say(private, garden.bo, "hello?")
        fake.say(thread, garden.ann, "anybody?")
        fake.archive(thread)
        async with running(fake, garden.state) as run:
            await run.next(Heard, 252)
            fake.say(garden.channel, garden.ann, "new")
            await run.next(Heard, 253)
        assert "before the bot came" not in texts(run)
        here = [heard for heard in run.of(Heard) if heard.message.chat.id == garden.chat]
        ids = [heard.message.id.rpartition(":")[2] for heard in here]
        assert ids[:-1] == missed
        assert [heard.is_caught_up for heard in here] == [True] * 250 + [False]
        assert {"hello?", "anybody?"} <= set(texts(run))

    asyncio.run(scene())


def test_only_allowed_chats_are_read_back(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        other = fake.channel(garden.guild, "other")
        allowed = {garden.chat}

        def is_allowed(chat: str, places: object) -> bool:
            return chat in allowed

        async with running(fake, garden.state, is_allowed) as run:
            for channel in (other, garden.channel):
                fake.say(channel, garden.ann, "heard")
            await run.next(Heard, 2)
        for channel in (other, garden.channel):
            fake.say(channel, garden.ann, "missed")
        fake.requests.clear()
        async with running(fake, garden.state, is_allowed) as run:
            (heard,) = await run.next(Heard)
        assert heard.message.chat.id == garden.chat
        assert not any(other in request for request in fake.requests)

    asyncio.run(scene())


def test_reading_back_outlasts_faults(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            fake.say(garden.channel, garden.ann, "heard")
            await run.next(Heard)
        fake.say(garden.channel, garden.ann, "missed")
        fake.fail(Kind.STATUS, HISTORY, times=3, status=503)
        fake.fail(Kind.RESET_BEFORE, HISTORY, times=2)
        async with running(fake, garden.state) as run:
            fake.say(garden.channel, garden.bo, "new")
            await run.next(Heard, 2)
        assert texts(run) == ["missed", "new"]

    asyncio.run(scene())


def test_what_was_taken_but_not_yet_noted_is_offered_again(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            fake.say(garden.channel, garden.ann, "noted")
            await run.next(Heard)
        async with running(fake, garden.state) as run:
            marks = run.platform._marks
            assert marks is not None
            fake.say(garden.channel, garden.ann, "taken")
            await run.next(Heard)
            marks._dirty.clear()  # killed within the half second before they are written
        async with running(fake, garden.state) as run:
            await run.next(Heard)
        assert texts(run) == ["taken"]

    asyncio.run(scene())


def test_a_dead_connection_is_noticed(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        fake.gateway.heartbeat_millis = 50
        pace = Pace(settle=0.05, heartbeat=0.3)
        async with running(fake, garden.state, pace=pace) as run:
            fake.gateway.acks = False
            await fake.until(lambda: fake.gateway.resumes)
            fake.gateway.acks = True
            fake.say(garden.channel, garden.ann, "still there?")
            await run.next(Heard)

    asyncio.run(scene())


def test_a_bad_token_is_one_line_without_it(
    garden: Garden, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def scene(token: str) -> str:
        platform = platform_at(garden.fake, garden.state, token=token)
        assert token not in repr(platform)
        with pytest.raises(PlatformRefused) as refused:
            await platform.run(Running(platform, garden.fake).post, lambda _line: None)
        return "".join(traceback.format_exception(refused.value)) + str(refused.value)

    for token in ("a.secret.token", "a.secret\ntoken", "ein.schlüssel"):
        told = asyncio.run(scene(token))
        assert "token is refused" in told
        assert token not in told + caplog.text


def test_the_gateway_may_refuse_the_token_too(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            fake.world.token = "another"
            fake.lose_sessions()
            assert run.task is not None
            with pytest.raises(PlatformRefused, match="token is refused"):
                await asyncio.wait_for(run.task, 10)
            run.task = asyncio.create_task(asyncio.sleep(0))

    asyncio.run(scene())


def test_a_missing_intent_says_where_to_switch_it_on(garden: Garden) -> None:
    async def scene() -> None:
        garden.fake.deny_content()
        platform = platform_at(garden.fake, garden.state)
        with pytest.raises(PlatformRefused) as refused:
            await platform.run(Running(platform, garden.fake).post, lambda _line: None)
        line = str(refused.value)
        assert "Message Content Intent" in line
        assert f"https://discord.com/developers/applications/{garden.fake.me}/bot" in line
        assert "\n" not in line

    asyncio.run(scene())


def test_messages_that_arrive_empty_are_pointed_out_once(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            for session in fake.gateway.sessions.values():
                session.intents &= ~(1 << 15)
            for _ in range(2):
                fake.say(garden.channel, garden.ann, "you cannot read this")
            await fake.until(lambda: len(run.lines) > 1)
            fake.say(garden.channel, garden.ann, f"<@{fake.me}> but this")
            await run.next(Heard)
        assert sum("without their text" in line for line in run.lines) == 1

    asyncio.run(scene())


def test_a_server_that_is_down_at_the_start_is_waited_for(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        fake.fail(Kind.STATUS, "GET /users/@me", status=503)
        fake.fail(Kind.RESET_BEFORE, "GET /gateway/bot")
        async with running(fake, garden.state, pace=PACE) as run:
            fake.say(garden.channel, garden.ann, "there you are")
            await run.next(Heard)

    asyncio.run(scene())


def test_an_address_that_is_no_discord_is_refused(garden: Garden) -> None:
    async def scene() -> None:
        platform = platform_at(garden.fake, garden.state)
        platform._url = garden.fake.url.replace("v10", "v11")
        with pytest.raises(PlatformRefused, match=r"check discord\.url"):
            await platform.run(Running(platform, garden.fake).post, lambda _line: None)

    asyncio.run(scene())


def test_a_gateway_that_is_down_at_the_start_is_waited_for(garden: Garden) -> None:
    async def scene() -> None:
        fake, url = garden.fake, garden.fake.gateway.url
        fake.gateway.url = "ws://127.0.0.1:1/gateway/"
        platform = platform_at(fake, garden.state)
        run = Running(platform, fake)
        task = asyncio.create_task(platform.run(run.post, run.lines.append))
        await fake.until(lambda: "GET /gateway/bot" in fake.requests)
        fake.gateway.url = url
        await run.ready()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scene())


def test_discord_itself_is_asked_for_the_intent_before_connecting(garden: Garden) -> None:
    async def scene() -> None:
        platform = DiscordPlatform("token", garden.state, everywhere)
        session = platform.session(Running(platform, garden.fake).post, lambda _line: None)
        session._connection.application_flags = discord.ApplicationFlags()
        with pytest.raises(PlatformRefused, match="Message Content Intent"):
            platform._check_flags(session)
        limited = discord.ApplicationFlags()
        limited.gateway_message_content_limited = True
        session._connection.application_flags = limited
        platform._check_flags(session)
        platform.close()

    asyncio.run(scene())
    assert is_official("https://discord.com/api/v10")
    assert is_official("https://canary.discord.com/api/v10")
    assert not is_official("https://notdiscord.com/api/v10")
