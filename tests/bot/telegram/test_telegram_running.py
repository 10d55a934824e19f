"""Signing in, staying connected, losing nothing: polling and webhook."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import PlatformRefused
from bot.platforms.base import Event, Word
from bot.platforms.telegram import TelegramPlatform
from config.bots import Telegram
from config.errors import AtselfError
from tests.bot.telegram.conftest import QUICK, Running, key_of, running, saying
from tests.telegram_fake import FakeTelegram, Fault


def test_signing_in_tells_who_and_how(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        async with running(fake, state) as bot:
            assert bot.lines == ["telegram: @self_bot, polling"]
            account = bot.platform.account
            assert account is not None
            assert (account.key, account.name, account.is_bot) == (
                f"user{fake.bot.id}",
                "Self",
                True,
            )

    asyncio.run(scenario())


def test_privacy_mode_is_told_with_what_to_do(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        fake.can_read_all = False
        async with running(fake, state) as bot:
            [line] = [line for line in bot.lines if "privacy" in line]
            assert "/setprivacy" in line
            assert "add it again" in line

    asyncio.run(scenario())


def test_a_bad_token_is_refused_in_one_line_without_it(
    fake: FakeTelegram, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        caplog.set_level(logging.DEBUG)
        wrong = "7000000001:AAwrongwrongwrongwrongwrongwrong"
        platform = TelegramPlatform(Telegram(token=wrong, url=fake.url), state, patience=QUICK)
        with pytest.raises(PlatformRefused) as refused:
            await platform.run(_nothing, lambda _: None)
        assert "BotFather" in str(refused.value)
        told = f"{refused.value!r} {platform!r} {platform._client!r} {caplog.text}"
        assert "AAwrong" not in told
        assert refused.value.__cause__ is None

    asyncio.run(scenario())


def test_no_token_and_no_text_reaches_the_logs(
    fake: FakeTelegram, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        caplog.set_level(logging.DEBUG)
        group, ann = fake.supergroup("Hidden title"), fake.user("Hiddenname")
        async with running(fake, state) as bot:
            fake.say(group, ann, "secret words")
            await bot.heard()
            for fault in (Fault.reset(has_effect=True), Fault.failed(500), Fault.too_many(1)):
                fake.plan(fault, method="sendMessage")
                await bot.platform.send(saying(group, f"secret answer {fault.status}"))
            fake.plan(Fault.failed(500), method="getUpdates", times=3)
            fake.say(group, ann, "secret more")
            await bot.heard(2)
        for hidden in (fake.token, fake.token.partition(":")[2], "secret", "Hidden"):
            assert hidden not in caplog.text

    asyncio.run(scenario())


def test_nothing_is_acknowledged_before_it_is_safe(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        is_safe = asyncio.Event()
        async with running(fake, state) as bot:
            bot.post = lambda _event: _as_none(is_safe.wait())
            for number in range(3):
                fake.say(group, ann, f"{number}")
            await bot.until(lambda: fake.counts["getUpdates"] >= 1)
            await asyncio.sleep(0.1)
            assert fake.pending == 3
        assert fake.pending == 3  # stopped before anything was safe
        async with running(fake, state) as bot:
            assert [heard.message.text for heard in await bot.heard(3)] == ["0", "1", "2"]
            await bot.idle()

    asyncio.run(scenario())


def test_what_the_hub_cannot_take_is_kept_back_until_it_can(
    fake: FakeTelegram, state: Path
) -> None:
    async def scenario() -> None:
        failures = iter([OSError("disk full"), OSError("disk full")])

        async def full(_event: Event) -> None:
            for failure in failures:
                raise failure

        async with running(fake, state) as bot:
            bot.post = full
            for text in ("one", "two"):
                fake.say(fake.supergroup(), fake.user("Ann"), text)
            assert [heard.message.text for heard in await bot.heard(2)] == ["one", "two"]

    asyncio.run(scenario())


def test_updates_told_twice_or_out_of_order_are_heard_once_in_order(
    fake: FakeTelegram, state: Path
) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        fake.deliver = lambda updates: [*reversed(updates), *updates]
        for number in range(120):
            fake.say(group, ann, f"{number}")
        async with running(fake, state) as bot:
            await bot.heard(120)
            await bot.idle()
            assert [heard.message.text for heard in bot.heards] == [str(n) for n in range(120)]
        fake.next_update -= 5  # told again after a restart
        async with running(fake, state) as bot:
            fake.say(group, ann, "told before under this number")
            await bot.idle()
            assert bot.heards == []

    asyncio.run(scenario())


def test_an_update_nobody_can_read_does_not_stop_the_rest(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            fake.update("message", {"message_id": "?", "chat": 5})
            fake.update("message", {})
            fake.say(group, ann, "after", extra={"hologram": {"depth": 3}})
            [heard] = await bot.heard()
            assert heard.message.text == "after"
            await bot.idle()

    asyncio.run(scenario())


def test_menus_are_set_only_where_they_changed(fake: FakeTelegram, state: Path) -> None:
    words = [
        Word("about", "What I am", is_admin=False),
        Word("mute", "Be silent", "2h"),
        Word("No good", "never offered"),
    ]

    async def scenario() -> None:
        admin = fake.user("Ann")
        fake.private(admin)
        admins = (f"telegram:user{admin.id}", "telegram:user4040", "discord:5")
        async with running(fake, state, admins=admins) as bot:
            await bot.platform.offer(words)
            assert fake.counts["setMyCommands"] == 3
            shown = {len(commands) for commands in fake.commands.values()}
            assert shown == {1, 2}
        async with running(fake, state, admins=admins[:1]) as bot:
            await bot.platform.offer(words)
            assert fake.counts["setMyCommands"] == 3

    asyncio.run(scenario())


def test_leaving_and_telling_admins_never_fail(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            fake.say(group, ann, "hello")
            await bot.heard()
            await bot.platform.leave(key_of(group))
            assert group.status == "left"
            await bot.platform.leave("telegram:99")
            await bot.platform.notify("telegram:user4040", "nobody there")
            fake.private(ann)
            notice = await bot.platform.notify(f"telegram:user{ann.id}", "it failed")
            await notice.say("it works again")
            assert fake.texts() == ["it failed"]
            assert [text for _, _, text in fake.edits] == ["it works again"]

    asyncio.run(scenario())


async def _nothing(_event: Event) -> None:
    return


async def _as_none(waited: object) -> None:
    await waited  # type: ignore[misc]


def test_updates_numbered_anew_are_heard(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state, patience=replace(QUICK, poll=0)) as bot:
            fake.say(group, ann, "before a week of silence")
            await bot.heard()
            await bot.idle()
            count = fake.counts["getUpdates"]
            await bot.until(lambda: fake.counts["getUpdates"] > count + 2)
            fake.next_update = 1000
            fake.say(group, ann, "after it")
            assert (await bot.heard(2))[1].message.text == "after it"

    asyncio.run(scenario())


def test_a_state_file_that_is_none_is_told(fake: FakeTelegram, state: Path) -> None:
    state.write_text("not a database, but long enough to be looked at" * 30)
    with pytest.raises(AtselfError, match="not a sound SQLite file"):
        TelegramPlatform(Telegram(token=fake.token, url=fake.url), state)


def test_a_bot_that_runs_again_sends_again(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            fake.say(group, ann, "hello")
            await bot.heard()
        again = Running(fake, bot.platform)
        task = asyncio.create_task(bot.platform.run(again.take, again.lines.append))
        await again.until(lambda: again.lines)
        await bot.platform.send(saying(group, "back"))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert fake.texts() == ["back"]

    asyncio.run(scenario())
