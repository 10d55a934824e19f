"""Lines that fail, and other instances of the same bot: sat out, and told once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from telegram.error import NetworkError

from bot.platforms.telegram import Patience
from bot.platforms.telegram.updating import Line
from tests.bot.telegram.conftest import running
from tests.telegram_fake import FakeTelegram, Fault


def warned(caplog: pytest.LogCaptureFixture, part: str) -> int:
    """How many lines of the log hold ``part``."""
    return sum(part in record.getMessage() for record in caplog.records)


def test_an_outage_is_sat_out_and_told_once(
    fake: FakeTelegram, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        fake.plan(Fault.reset(has_effect=False), times=3)
        async with running(fake, state) as bot:
            assert warned(caplog, "not reachable") == 1
            fake.plan(Fault.failed(502), method="getUpdates", times=4)
            fake.plan(Fault.reset(has_effect=True), method="getUpdates", times=4)
            fake.say(group, ann, "still there?")
            [heard] = await bot.heard()
            assert heard.message.text == "still there?"
            await bot.idle()
            await bot.until(lambda: len(bot.lines) == 2)
            assert bot.lines == ["telegram: @self_bot, polling"] * 2
            assert warned(caplog, "not reachable") == 2

    asyncio.run(scenario())


def test_what_is_wrong_is_known_while_it_lasts() -> None:
    now = [datetime(2026, 3, 1, 12, tzinfo=UTC)]

    async def pass_on(seconds: float) -> None:
        now[0] += timedelta(seconds=seconds)

    async def scenario() -> None:
        line = Line(Patience(), lambda: now[0], pass_on)
        for _ in range(3):
            await line.failed(NetworkError("no route"))
        assert line.trouble == "not reachable since 2026-03-01 12:00 UTC"
        line.works()
        assert line.trouble == ""

    asyncio.run(scenario())


def test_another_instance_is_told_once_and_sat_out(
    fake: FakeTelegram, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        fake.plan(Fault.conflict(), method="getUpdates", times=6)
        async with running(fake, state) as bot:
            fake.say(fake.supergroup(), fake.user("Ann"), "hello")
            await bot.heard()
            assert warned(caplog, "(409)") == 1

    asyncio.run(scenario())


def test_two_instances_both_go_on(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        async with running(fake, state) as one, running(fake, state.with_name("two")) as two:
            await one.until(lambda: fake.counts["getUpdates"] > 6)
            fake.say(fake.supergroup(), fake.user("Ann"), "hello")
            await one.until(lambda: one.heards or two.heards)

    asyncio.run(scenario())


def test_after_a_long_outage_what_was_missed_is_caught_up() -> None:
    now = [datetime(2026, 3, 1, 12, 0, 0, 500, tzinfo=UTC)]

    async def sleep(seconds: float) -> None:
        now[0] += timedelta(seconds=seconds)

    async def scenario() -> None:
        line = Line(Patience(), lambda: now[0], sleep)
        began = line.since
        await line.failed(NetworkError("down"))
        line.works()
        assert line.since == began
        for _ in range(8):
            await line.failed(NetworkError("down"))
        assert now[0] - began > timedelta(minutes=3)
        assert line.works()
        assert line.since == now[0].replace(microsecond=0)

    asyncio.run(scenario())
