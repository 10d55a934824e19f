"""Commands from the menu, from buttons and typed; answers that are rewritten."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from bot.platforms.base import Button, Commanded, Heard, Word
from tests.bot.discord.conftest import Garden
from tests.discord_fake.faults import Kind
from tests.discord_fake.running import running

WORDS = (
    Word("status", "How it goes"),
    Word("talk", "How much it talks", "setting value"),
    Word("about", "What this is", is_admin=False),
)


def test_the_menu_is_sent_only_when_it_changed(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            await run.platform.offer(WORDS)
            await run.platform.offer(WORDS)
        assert fake.rest.syncs == 1
        async with running(fake, garden.state) as run:
            await run.platform.offer(WORDS)
            assert fake.rest.syncs == 1
            await run.platform.offer(WORDS[:2])
        assert fake.rest.syncs == 2
        status, talk = fake.world.commands
        assert (status["name"], status.get("options", [])) == ("status", [])
        assert [option["name"] for option in talk["options"]] == ["words"]
        assert status["default_member_permissions"] == str(0x20)  # Manage Server
        assert status["contexts"] == [0, 1]

    asyncio.run(scene())


def test_a_menu_that_could_not_be_sent_is_sent_at_the_next_chance(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            fake.fail(Kind.STATUS, "PUT /applications/*/commands", status=503)
            await run.platform.offer(WORDS)
            assert fake.rest.syncs == 0
            await run.platform.offer(WORDS)
            assert fake.rest.syncs == 1
            assert fake.world.commands[2].get("default_member_permissions") is None

    asyncio.run(scene())


def test_a_command_is_answered_to_the_asker_and_rewritten(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            await run.platform.offer(WORDS)
            fake.double()
            asked = fake.slash(garden.channel, garden.ann, "talk", " hourly 3 ")
            (command,) = await run.next(Commanded)
            assert (command.name, command.words) == ("talk", "hourly 3")
            assert (command.id, command.chat.id) == (f"discord:{asked.id}", garden.chat)
            assert (command.account.key, command.account.name) == (garden.ann, "Annie")
            assert command.places == (f"discord:{garden.guild}",)
            assert asked.answered_after is not None
            assert asked.is_ephemeral
            await command.answer.say("at work @everyone")
            await command.answer.say("done", [Button("Undo", "talk", "back")])
            await asyncio.sleep(0.1)
        assert asked.edits == ["at work @\u200beveryone", "done"]
        assert len(run.of(Commanded)) == 1
        assert fake.texts(garden.channel) == []

    asyncio.run(scene())


def test_a_late_answer_comes_in_private(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            await run.platform.offer(WORDS)
            asked = fake.slash(garden.channel, garden.ann, "status")
            (command,) = await run.next(Commanded)
            fake.rest.token_seconds = 0
            await command.answer.say("done after all")
            await command.answer.say("and more")
        assert asked.edits == []
        assert fake.texts(fake.direct(garden.ann)) == ["and more"]
        assert fake.texts(garden.channel) == []

    asyncio.run(scene())


def test_a_command_that_could_not_be_acknowledged_is_answered_in_private(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            await run.platform.offer(WORDS)
            fake.fail(Kind.RESET_BEFORE, "POST /interactions/*")
            fake.slash(fake.direct(garden.ann), garden.ann, "status")
            (command,) = await run.next(Commanded)
            assert command.chat.is_private
            await command.answer.say("here")
        assert fake.texts(fake.direct(garden.ann)) == ["here"]

    asyncio.run(scene())


def test_a_button_works_after_a_restart(garden: Garden) -> None:
    async def scene() -> None:
        fake, long = garden.fake, "v" * 300
        buttons = [Button("Promote", "promote", "v3"), Button("Long", "promote", long)]
        async with running(fake, garden.state) as run:
            await run.platform.notify(f"discord:{garden.ann}", "v3 is ready", buttons)
        (sent,) = fake.sent
        async with running(fake, garden.state) as run:
            asked = fake.press(garden.ann, sent, "Promote")
            (first,) = await run.next(Commanded)
            await first.answer.say("v3 serves")
            fake.press(garden.ann, sent, "Long")
            _, second = await run.next(Commanded, 2)
        assert (first.name, first.words, first.account.key) == ("promote", "v3", garden.ann)
        assert second.words == long
        assert asked.edits == ["v3 serves"]

    asyncio.run(scene())


def test_a_typed_command_is_one_too_but_not_a_bots_or_an_unknown_one(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        other = fake.user("helper", guild=garden.guild, is_bot=True)
        async with running(fake, garden.state) as run:
            await run.platform.offer(WORDS)
            fake.say(garden.channel, other, "/status")
            fake.say(garden.channel, garden.ann, "/dance")
            fake.say(garden.channel, garden.ann, f"<@{fake.me}> /Talk  hourly\n3")
            (command,) = await run.next(Commanded)
            await command.answer.say("one moment")
            await command.answer.say("done")
            await run.next(Heard, 2)
        assert (command.name, command.words) == ("talk", "hourly\n3")
        assert [heard.message.text for heard in run.of(Heard)] == ["/status", "/dance"]
        assert fake.texts(garden.channel) == ["done"]

    asyncio.run(scene())


def test_the_same_command_told_twice_has_one_id(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            await run.platform.offer(WORDS)
            said = fake.say(garden.channel, garden.ann, "/status", at=datetime.now(UTC))
            (command,) = await run.next(Commanded)
        assert command.id == f"{garden.chat}:{said}"

    asyncio.run(scene())
