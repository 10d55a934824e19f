"""The same platform in simcord, a Discord somebody else wrote: a second opinion."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import discord
import pytest
import simcord

from bot.errors import Undeliverable
from bot.platforms.base import (
    Address,
    Button,
    Commanded,
    Deleted,
    Event,
    Heard,
    Outgoing,
    Reacted,
    Word,
)
from bot.platforms.discord.platform import DiscordPlatform
from bot.platforms.discord.session import Pace
from ingest.chat import Reaction
from tests.discord_fake.running import everywhere


class Scene:
    """A platform in simcord, a server, and two people."""

    def __init__(self, env: Any, platform: DiscordPlatform, events: list[Event]) -> None:
        self.env = env
        self.platform = platform
        self.events = events
        self.guild = env.create_guild(name="garden")
        self.channel = self.guild.create_text_channel("general")
        self.ann = self.guild.add_member(env.create_user("ann"), nick="Annie")
        self.bo = self.guild.add_member(env.create_user("bo"))

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def simulated(state: Path) -> AsyncIterator[Scene]:
    """A signed-in platform in simcord."""
    events: list[Event] = []

    async def post(event: Event) -> None:
        events.append(event)

    platform = DiscordPlatform("token", state, everywhere, pace=Pace(settle=0.01))
    session = platform.session(post, lambda _line: None)
    async with simcord.run(session) as env:
        await env.settle()
        scene = Scene(env, platform, events)
        await env.settle()
        yield scene
    platform.close()


def test_talk_in_a_channel_is_heard_and_answered(tmp_path: Path) -> None:
    async def run() -> None:
        async with simulated(tmp_path / "bot.sqlite") as scene:
            me = scene.platform._current.user  # type: ignore[union-attr]
            first = await scene.ann.send(scene.channel, "hello 你好")
            await scene.bo.send(scene.channel, f"{me.mention} hi {scene.ann.mention}")  # type: ignore[union-attr]
            chat = f"discord:{scene.channel.id}"
            sent = await scene.platform.send(
                Outgoing("k1", chat, "@everyone **yes**", quote=f"{chat}:{first.id}")
            )
            plain, mention = scene.of(Heard)
            assert plain.message.id == f"{chat}:{first.id}"
            assert plain.message.chat.title == "garden / general"
            assert plain.message.author.name == "Annie"
            assert (plain.address, mention.address) == (Address.NONE, Address.MENTION)
            assert "@Annie" in mention.message.text
            last = scene.channel.last_message
            assert last.content == "@\u200beveryone **yes**"
            assert last.reference.message_id == first.id
            assert not last.mention_everyone
            assert not last.mentions
            assert sent.id == f"{chat}:{last.id}"

    asyncio.run(run())


def test_edits_deletions_and_reactions_are_told(tmp_path: Path) -> None:
    async def run() -> None:
        async with simulated(tmp_path / "bot.sqlite") as scene:
            said = await scene.ann.send(scene.channel, "helo")
            await scene.ann.edit(said, "hello")
            await scene.bo.react(said, "🌊")
            await scene.bo.unreact(said, "🌊")
            await scene.ann.delete(said)
            new, edited = scene.of(Heard)
            assert (new.message.text, edited.message.text, edited.is_edit) == (
                "helo",
                "hello",
                True,
            )
            assert [event.reactions for event in scene.of(Reacted)] == [(Reaction("🌊"),), ()]
            assert scene.of(Deleted)[0].messages == (new.message.id,)

    asyncio.run(run())


def test_commands_and_buttons_are_answered(tmp_path: Path) -> None:
    async def run() -> None:
        async with simulated(tmp_path / "bot.sqlite") as scene:
            await scene.platform.offer(
                [Word("about", "What this is", "topic", is_admin=False), Word("stop", "Stop")]
            )
            result = await scene.ann.slash(scene.channel, "about", words="you")
            (command,) = scene.of(Commanded)
            assert (command.name, command.words) == ("about", "you")
            assert result.ephemeral
            await command.answer.say("an AI", [Button("More", "about", "more")])
            await scene.env.settle()
            assert result.response.content == "an AI"
            with pytest.raises(simcord.SetupError):
                await scene.bo.slash(scene.channel, "stop")  # only who manages the server sees it

    asyncio.run(run())


def test_what_it_may_not_do_is_refused_in_one_line(tmp_path: Path) -> None:
    async def run() -> None:
        async with simulated(tmp_path / "bot.sqlite") as scene:
            await scene.platform.typing(f"discord:{scene.channel.id}")
            await scene.platform.notify(f"discord:{scene.bo.id}", "in private")
            silent = discord.PermissionOverwrite(send_messages=False)
            closed = scene.guild.create_text_channel(
                "notices", overwrites={scene.guild.default_role: silent}
            )
            await scene.env.settle()
            with pytest.raises(Undeliverable, match=r"403 \(code 50013\)"):
                await scene.platform.send(Outgoing("k1", f"discord:{closed.id}", "hello"))

    asyncio.run(run())
