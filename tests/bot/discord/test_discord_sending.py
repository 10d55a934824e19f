"""Whatever goes wrong with a request, a message is sent once; nobody is pinged by it."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import Undeliverable, Unreachable
from bot.platforms.base import Outgoing, Parted
from bot.platforms.discord.session import Pace
from ingest.chat import Account
from tests.bot.discord.conftest import Garden
from tests.bot.discord.test_discord_writing import TEXTS
from tests.discord_fake.faults import Kind
from tests.discord_fake.running import PACE, platform_at, running
from tests.discord_fake.world import EPOCH_MILLIS

POST = "POST /channels/*/messages"


def outgoing(garden: Garden, text: str = "hello", key: str = "key1", **more: object) -> Outgoing:
    return Outgoing(key, garden.chat, text, **more)  # type: ignore[arg-type]


def test_a_message_goes_out_as_a_reply_that_pings_nobody(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            asked = fake.say(garden.channel, garden.ann, "well?")
            text = f"@everyone <@{garden.bo}> **yes** @ann"
            sent = await run.platform.send(outgoing(garden, text, quote=f"{garden.chat}:{asked}"))
        (told,) = fake.sent
        assert sent.id == f"{garden.chat}:{told.id}"
        millis = (int(told.id) >> 22) + EPOCH_MILLIS
        assert sent.at == datetime.fromtimestamp(millis / 1000, UTC)
        assert (told.reference, told.nonce) == (asked, "key1")
        assert told.allowed == {"parse": [], "replied_user": False}
        assert (told.pings, told.shown) == (frozenset(), frozenset())
        assert told.content.replace("\u200b", "") == text

    asyncio.run(scene())


def test_only_the_one_who_is_answered_is_pinged(garden: Garden) -> None:
    async def scene() -> None:
        fake, ann = garden.fake, Account("discord", garden.ann, "Annie")
        async with running(fake, garden.state) as run:
            theirs = fake.say(garden.channel, garden.ann, "well?")
            others = fake.say(garden.channel, garden.bo, "me too")
            for number, (text, quote) in enumerate(
                [("hi @annie and @here", None), ("hi", theirs), ("hi @annie", others)]
            ):
                target = f"{garden.chat}:{quote}" if quote else None
                told = outgoing(garden, text, f"k{number}", quote=target, ping=("annie", ann))
                await run.platform.send(told)
        assert [sent.pings for sent in fake.sent] == [{f"user:{garden.ann}"}] * 3
        assert fake.sent[0].content == f"hi <@{garden.ann}> and @\u200bhere"

    asyncio.run(scene())


def test_an_answer_to_what_is_gone_or_cannot_be_answered_is_sent_without_it(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            gone = fake.say(garden.channel, garden.ann, "never mind")
            fake.delete(garden.channel, gone)
            notice = fake.say(garden.channel, garden.ann, "", type=7)
            for key, quote in (("k1", gone), ("k2", notice)):
                await run.platform.send(outgoing(garden, key=key, quote=f"{garden.chat}:{quote}"))
        assert [sent.reference for sent in fake.sent] == [None, None]

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (Kind.LIMIT, 429),
        (Kind.LIMIT_GLOBAL, 429),
        (Kind.CLOUDFLARE, 429),
        (Kind.STATUS, 503),
        (Kind.STATUS_AFTER, 503),
        (Kind.RESET_BEFORE, 0),
        (Kind.RESET_AFTER, 0),
        (Kind.SLOW, 200),
    ],
)
def test_a_fault_neither_loses_nor_doubles_a_message(
    garden: Garden, kind: Kind, status: int
) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            newest = fake.say(garden.channel, garden.ann, "well?")
            fake.fail(kind, POST, times=3, status=status)
            sent = await run.platform.send(outgoing(garden, after=f"{garden.chat}:{newest}"))
        assert fake.texts(garden.channel) == ["hello"]
        assert sent.id == f"{garden.chat}:{fake.sent[0].id}"

    asyncio.run(scene())


def test_a_message_that_arrived_is_found_when_discord_forgot_its_nonce(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            newest = fake.say(garden.channel, garden.ann, "well?")
            told = outgoing(garden, "again", after=f"{garden.chat}:{newest}")
            earlier = await run.platform.send(replace(told, key="earlier"))
            fake.rest.forget_nonces()
            run.platform._memory.arrived.clear()
            assert await run.platform.find(told) is None  # those words, but another message
            fake.fail(Kind.RESET_AFTER, POST)
            sent = await run.platform.send(told)
            assert sent.id != earlier.id
        assert fake.texts(garden.channel) == ["again", "again"]

    asyncio.run(scene())


def test_after_a_crash_it_is_told_whether_a_message_arrived(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        newest = fake.say(garden.channel, garden.ann, "well?")
        first_tried = datetime.now(UTC)
        arrived = fake.say(garden.channel, fake.me, "it did @\u200beveryone")
        async with running(fake, garden.state) as run:
            yes, no = outgoing(garden, " it did @everyone "), outgoing(garden, "it did not", "key2")
            for told in (yes, replace(yes, first_tried_at=first_tried)):
                found = await run.platform.find(replace(told, after=f"{garden.chat}:{newest}"))
                assert found is not None
                assert found.id == f"{garden.chat}:{arrived}"
            found = await run.platform.find(replace(yes, first_tried_at=first_tried))
            assert found is not None
            assert await run.platform.find(no) is None
            late = first_tried + timedelta(hours=1)
            assert await run.platform.find(replace(yes, first_tried_at=late)) is None

    asyncio.run(scene())


def test_what_will_never_arrive_is_said_at_once(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            with pytest.raises(Undeliverable, match=r"404 \(code 10003\)"):
                await run.platform.send(Outgoing("k1", "discord:12345678901234567", "hello"))
            fake.forbid(garden.channel)
            with pytest.raises(Undeliverable, match=r"403 \(code 50001\)"):
                await run.platform.send(outgoing(garden))
            with pytest.raises(Undeliverable, match="2001 characters"):
                await run.platform.send(outgoing(garden, "x" * 2001))
            fake.permit(garden.channel)
            with pytest.raises(Undeliverable, match="50006"):
                await run.platform.send(outgoing(garden, "   "))
        assert fake.sent == []

    asyncio.run(scene())


def test_patience_ends(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        pace = Pace(settle=0.05, patience=0.5, attempt=0.2, retries=(0.05,))
        async with running(fake, garden.state, pace=pace) as run:
            fake.fail(Kind.STATUS, POST, times=100, status=503)
            with pytest.raises(Unreachable, match=r"no answer for 0 s|no answer"):
                await run.platform.send(outgoing(garden))
        asleep = platform_at(fake, garden.state, pace=pace)
        with pytest.raises(Unreachable):
            await asleep.send(outgoing(garden))
        asleep.close()

    asyncio.run(scene())


def test_typing_notices_and_announcements(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            await run.platform.typing(garden.chat)
            fake.fail(Kind.RESET_BEFORE, "POST /channels/*/typing")
            await run.platform.typing(garden.chat)
            await run.platform.announce(garden.chat, "I am a bot. @everyone " + "x" * 3000)
            notice = await run.platform.notify(f"discord:{garden.bo}", "it begins")
            await notice.say("it ends @here " + "👩‍👩‍👧" * 1000)
            nobody = await run.platform.notify("discord:999999999999999999", "anybody?")
            await nobody.say("nobody")
        assert [channel for channel, _at in fake.rest.typed] == [garden.channel]
        assert (fake.sent[0].channel, len(fake.sent[0].content) <= 2000) == (garden.channel, True)
        (private,) = fake.texts(fake.direct(garden.bo))
        assert private.startswith("it ends @\u200bhere")
        assert all(not sent.pings and not sent.shown for sent in fake.sent)

    asyncio.run(scene())


def test_what_concerns_a_server_is_said_where_the_bot_may(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        second = fake.channel(garden.guild, "second")
        fake.forbid(garden.channel)
        async with running(fake, garden.state) as run:
            await run.platform.announce(f"discord:{garden.guild}", "I am a bot.")
            fake.forbid(second)
            await run.next(Parted)
            with pytest.raises(Undeliverable, match="no channel"):
                await run.platform.announce(f"discord:{garden.guild}", "I am a bot.")
        assert fake.texts(second) == ["I am a bot."]

    asyncio.run(scene())


def test_a_server_is_left_only_where_nothing_in_it_is_allowed(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        party = fake.guild("party")
        place = fake.channel(party, "dance")
        allowed = {garden.chat}
        async with running(
            fake, garden.state, lambda chat, places: not allowed.isdisjoint({chat, *places})
        ) as run:
            other = fake.channel(garden.guild, "other")
            await run.platform.leave(f"discord:{other}")
            await run.platform.leave(f"discord:{place}")
            await run.platform.leave("discord:1")
        assert fake.rest.left == [party]

    asyncio.run(scene())


def test_the_fastest_pace_is_for_tests_alone() -> None:
    assert Pace().patience >= 120 > PACE.patience


@given(st.lists(TEXTS, min_size=15, max_size=15))
@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_text_sent_mentions_anybody(garden: Garden, texts: list[str]) -> None:
    async def scene() -> None:
        fake, before = garden.fake, len(garden.fake.sent)
        async with running(fake, garden.state) as run:
            for text in texts:
                try:
                    key = secrets.token_hex(8)
                    await run.platform.send(
                        outgoing(garden, text[: run.platform.longest(text)], key)
                    )
                except Undeliverable as refused:
                    assert "50006" in str(refused)  # nothing but white space  # noqa: PT017
        assert len(fake.sent) - before <= len(texts)
        for sent in fake.sent[before:]:
            assert not sent.pings
            assert not sent.shown
            assert sent.allowed == {"parse": [], "replied_user": False}

    asyncio.run(scene())
