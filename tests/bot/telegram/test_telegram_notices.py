"""Answers to commands: one message each, rewritten, with buttons that are commands."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.platforms.base import Button, Commanded
from bot.platforms.telegram.inert import JOINER
from tests.bot.telegram.conftest import Running, key_of, running
from tests.telegram_fake import FakeTelegram, Fault


async def commanded(bot: Running, number: int = 1) -> Commanded:
    """The command of this number, once it came."""

    def found() -> list[Commanded]:
        return [event for event in bot.events if isinstance(event, Commanded)][number - 1 :]

    return (await bot.until(found))[0]


def test_an_answer_is_one_message_that_is_rewritten(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            number = fake.say(group, ann, "/retrain")
            answer = (await commanded(bot)).answer
            for text in ("0 %", "50 %", "50 %", "done; @ann, see /status"):
                await answer.say(text)
            [sent] = fake.sent
            assert sent.reply_to == number
            shown = [text for _, _, text in fake.edits]
            assert shown == ["50 %", f"done; @{JOINER}ann, see /status"]
            del group.log[sent.id]
            await answer.say("anew")
            assert fake.texts() == ["0 %", "anew"]

    asyncio.run(scenario())


def test_what_is_too_long_is_cut(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            fake.say(group, ann, "/why")
            await (await commanded(bot)).answer.say("👩‍🚀" * 3000)
            assert fake.texts()[0].endswith("👩‍🚀…")

    asyncio.run(scenario())


def test_a_pressed_button_is_a_command_that_rewrites_its_message(
    fake: FakeTelegram, state: Path
) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(is_forum=True), fake.user("Ann")
        long = "telegram:1234567890 " * 6
        buttons = (Button("Promote v2", "promote", "v2"), Button("More", "chats", long.strip()))
        async with running(fake, state) as bot:
            topic = fake.topic(group, "Bots", ann)
            fake.say(group, ann, "/models", topic=topic)
            await (await commanded(bot)).answer.say("v2 is better", buttons)
            [sent] = fake.sent
            assert sent.topic == topic
            for _, data in sent.buttons:
                fake.press(group, sent.id, ann, data)
            first, second = await commanded(bot, 2), await commanded(bot, 3)
            assert (first.name, first.words, first.topic) == ("promote", "v2", str(topic))
            assert (second.name, second.words) == ("chats", long.strip())
            assert first.id != second.id
            assert first.account.key == f"user{ann.id}"
            await first.answer.say("promoted")
            assert group.log[sent.id]["text"] == "promoted"
            assert "reply_markup" not in group.log[sent.id]
            await bot.until(lambda: len(fake.answered) == 2)

    asyncio.run(scenario())


def test_a_notice_never_fails(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            fake.say(group, ann, "/status")
            answer = (await commanded(bot)).answer
            kicked = Fault.refused(403, "Forbidden: bot was kicked from the supergroup chat")
            fake.plan(kicked, method="sendMessage")
            await answer.say("one")
            fake.plan(Fault.reset(has_effect=True), method="sendMessage")
            await answer.say("two")
            fake.plan(Fault.failed(500), method="editMessageText", times=2)
            await answer.say("three")
            assert fake.texts() == ["two"]
            assert group.log[fake.sent[0].id]["text"] == "three"
            await bot.platform.announce(key_of(group), "I keep what is said here; /optout")
            assert fake.sent[-1].entities[0]["type"] == "bot_command"

    asyncio.run(scenario())
