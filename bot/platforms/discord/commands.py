"""Commands: typed as a message, chosen from the menu, pressed as a button, and the menu itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from bot.platforms.base import Commanded, Word
from bot.platforms.discord import telling
from bot.platforms.discord.buttons import meaning
from bot.platforms.discord.marks import Marks
from bot.platforms.discord.notices import InteractionNotice

if TYPE_CHECKING:
    from bot.platforms.discord.session import Session


class Commands:
    """Commands given through Discord's own menus and buttons."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def handlers(self) -> Iterable[Any]:
        """What discord.py is to call, by its names for the events."""
        return (self.on_interaction,)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Say within Discord's three seconds that an answer will come, then queue the command.

        Buttons are met by what their id says, so that they outlive a restart.
        """
        command = pressed(interaction, self._session.marks)
        if command is None or interaction.id in self._session.memory.met:
            return
        self._session.memory.met[interaction.id] = True
        answer = InteractionNotice(self._session, interaction, self._session.marks)
        await answer.defer()
        lane = interaction.channel_id or interaction.user.id
        self._session.lanes.put(lane, partial(self._command, interaction, command, answer))

    async def _command(
        self,
        interaction: discord.Interaction[Any],
        command: tuple[str, str],
        answer: InteractionNotice,
    ) -> None:
        channel = interaction.channel
        places = telling.places_of(channel) if interaction.guild_id else ()
        await self._session.post(
            Commanded(
                telling.chat_id(interaction.id),
                telling.conversation_of(channel, interaction.user),
                telling.account_of(interaction.user),
                *command,
                answer,
                places=places,
            )
        )


def command_typed(content: str, me: int, words: frozenset[str]) -> tuple[str, str] | None:
    """The command and its words where a message is one (``/name …``, also after ``@bot``)."""
    text = re.sub(rf"^\s*<@!?{me}>\s*", "", content)
    found = re.match(r"/([\w-]{1,32})(?:\s+(.*))?$", text.strip(), re.DOTALL)
    if found is None or found[1].lower() not in words:
        return None
    return found[1].lower(), (found[2] or "").strip()


def pressed(interaction: discord.Interaction[Any], marks: Marks) -> tuple[str, str] | None:
    """The command and its words of a menu or button; None where it is none of ours."""
    data: Any = interaction.data or {}
    if interaction.type is discord.InteractionType.application_command:
        told = {option["name"]: str(option.get("value", "")) for option in data.get("options", ())}
        return str(data["name"]), told.get("words", "").strip()
    if interaction.type is not discord.InteractionType.component:
        return None
    return meaning(str(data.get("custom_id", "")), marks)


class Menu(app_commands.CommandTree[Any]):
    """A tree that only describes the commands: they are met as interactions, known or not."""

    async def interaction_check(self, _interaction: discord.Interaction[Any], /) -> bool:
        """Never run a command of the tree."""
        return False


async def sync(session: Session, words: Sequence[Word]) -> bool:
    """Make ``words`` the commands of the bot where they differ from the last time.

    Returns whether they had to be sent. Raises discord.py's errors.
    """
    menu, marks = session.tree, session.marks
    menu.clear_commands(guild=None)
    for word in words:
        menu.add_command(_command_for(word))
    told = json.dumps([command.to_dict(menu) for command in menu.get_commands()], sort_keys=True)
    digest = blake2b(told.encode(), digest_size=16).hexdigest()
    key = f"menu:{session.application_id}"
    if marks.fact(key) == digest:
        return False
    await menu.sync()
    marks.keep(key, digest)
    return True


def _command_for(word: Word) -> app_commands.Command[Any, Any, None]:
    """A slash command; where Discord lets it, admins' commands are not shown to everybody."""

    async def bare(_interaction: discord.Interaction[Any]) -> None: ...

    async def with_words(_interaction: discord.Interaction[Any], words: str = "") -> None: ...

    callback: Any = bare
    if word.takes:
        callback = app_commands.describe(words=word.takes[:100])(with_words)
    command: app_commands.Command[Any, Any, None] = app_commands.Command(
        name=word.name.lower(),
        description=word.help[:100] or word.name,
        callback=callback,
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True),
    )
    if word.is_admin:
        command.default_permissions = discord.Permissions(manage_guild=True)
    return command
