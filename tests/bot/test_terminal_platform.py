"""The terminal as a platform: typed lines in, the bot's messages out, through the whole bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.platforms.base import Address, Commanded, Event, Heard, Outgoing
from bot.platforms.terminal import TerminalPlatform
from bot.starting import at_terminal
from config.settings import Home, load
from tests.bot.daemon import Daemon, trained_home
from tests.bot.parrot import parrot


async def typed(*lines: str) -> AsyncIterator[str]:
    """Lines, as if somebody typed them."""
    for line in lines:
        yield line + "\n"


def events(*lines: str, said_before: bool = False) -> list[Event]:
    """What the platform makes of typed lines."""
    found: list[Event] = []
    shown: list[str] = []

    async def post(event: Event) -> None:
        found.append(event)

    async def run() -> None:
        platform = TerminalPlatform(typed(*lines), me="ann", write=shown.append)
        if said_before:
            await platform.send(Outgoing("k", "terminal:here", "hello"))
        await platform.run(post, shown.append)

    asyncio.run(asyncio.wait_for(run(), 10))
    return found


def heard(event: Event) -> Heard:
    assert isinstance(event, Heard)
    return event


def test_a_line_is_said_by_whoever_types_or_is_named() -> None:
    own, other = map(heard, events("hello there", "@nice_guy: 你好"))
    assert (own.message.author.key, own.message.text) == ("ann", "hello there")
    assert (other.message.author.name, other.message.text) == ("nice_guy", "你好")
    assert own.address is other.address is Address.NONE


def test_naming_self_or_replying_addresses_the_bot() -> None:
    named, replied = map(heard, events("what do you say, @self?", "> why?", said_before=True))
    assert named.address is Address.MENTION
    assert replied.address is Address.REPLY
    assert replied.message.text == "why?"
    assert replied.message.reply_to is not None


def test_a_slash_begins_a_command() -> None:
    [command] = events("/mute 2 hours")
    assert isinstance(command, Commanded)
    assert (command.name, command.words) == ("mute", "2 hours")


@pytest.mark.slow
def test_the_whole_bot_answers_at_the_terminal_and_ends_with_its_input(tmp_path: Path) -> None:
    home = trained_home(tmp_path / "persona")
    with (
        parrot() as url,
        Daemon(
            home,
            is_at_terminal=True,
            GENERATE__SERVER_URL=url,
        ) as daemon,
    ):
        daemon.type("@self question-one?")
        assert daemon.wait_for("@self: answer-one")
        daemon.type("/mute")
        assert daemon.wait_for("*")
        daemon.type("/status")
        assert daemon.wait_for("model: ready")
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.output


def test_two_bots_over_one_home_are_refused(tmp_path: Path) -> None:
    home = trained_home(tmp_path / "persona")
    with parrot() as url:
        settings = {"GENERATE__SERVER_URL": url, "is_at_terminal": True}
        with Daemon(home, **settings) as first:  # type: ignore[arg-type]
            assert first.wait_for("ready after")
            with Daemon(Home(home.path), log="second.txt", **settings) as second:  # type: ignore[arg-type]
                assert second.wait_for("another `atself run` serves it")


def test_who_sits_at_the_terminal_may_command_and_is_not_kept(tmp_path: Path) -> None:
    given = load(tmp_path, bot__admins=("telegram:user1",))
    bot = at_terminal(given, "Friend").bot
    assert bot.admins == ("telegram:user1", "terminal:friend")
    assert bot.allowed_chats == bot.unlogged == ("terminal:here",)
    named = at_terminal(load(tmp_path, bot__allowed_chats=("terminal:here",)), "friend").bot
    assert named.allowed_chats == ("terminal:here",)
    assert not named.unlogged
