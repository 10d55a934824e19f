"""`/chats`, `/mute`, `/unmute`, `/quiet`, `/talk`: where the bot speaks, when, and how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from bot.admin import phrases
from bot.admin.asked import about, until
from bot.chatbook import Chatbook, Entry
from bot.errors import BotError, CommandRefused
from bot.platforms.base import Commanded, Word

Parse = Callable[[str], Mapping[str, object]]
"""Words of `/talk` as changes of ``[talk]``; raises AtselfError where they are none."""

WORDS = (
    Word("chats", "Where the bot may speak", "[allow|deny|log|nolog <id|here>]"),
    Word("mute", "Say nothing here", "[2h | until 08:00]"),
    Word("unmute", "Speak again"),
    Word("quiet", "Hours of silence, every day", "23:00-08:00 | off"),
    Word("talk", "How much and when to speak here", "[setting=value … | default]"),
)
_AS_SET = ("default", "defaults", "reset")


@dataclass(frozen=True, slots=True)
class ChatCommands:
    """The commands about single chats."""

    book: Chatbook
    parse: Parse
    clock: Callable[[], datetime]
    zone: tzinfo

    async def mute(self, command: Commanded) -> None:
        """Say nothing in a chat for a while, or until it is lifted."""
        asked = about(command)
        end = until(asked.words, now=self.clock(), zone=self.zone)
        self.book.mute(asked.required_chat, end)
        told = phrases.muted(end, self.clock(), self.zone)
        await command.answer.say(f"In {asked.called}: {told}.")

    async def unmute(self, command: Commanded) -> None:
        """Lift a mute."""
        asked = about(command)
        was = self.book.rules(asked.required_chat, command.places).muted_until
        self.book.mute(asked.required_chat, None)
        still = self.book.rules(asked.required_chat, command.places).muted_until
        if still is not None and still > self.clock():
            raise CommandRefused("What encloses this chat is muted; unmute that by its id.")
        is_lifted = was is not None and was > self.clock()
        told = "speaking again" if is_lifted else "was not muted"
        await command.answer.say(f"In {asked.called}: {told}.")

    async def quiet(self, command: Commanded) -> None:
        """Set the hours of silence of a chat, or take them back."""
        asked = about(command)
        if not asked.words:
            await self._show(command, asked.required_chat, asked.called)
            return
        try:
            await self._change(command, f"quiet={asked.words.replace(' ', '')}")
        except BotError as error:  # told of /talk, whose setting it is
            raise CommandRefused(str(error).replace("/talk: quiet:", "/quiet:")) from None

    async def talk(self, command: Commanded) -> None:
        """Show or change how the bot talks in a chat."""
        asked = about(command)
        if not asked.words:
            await self._show(command, asked.required_chat, asked.called)
        elif asked.words.lower() in _AS_SET:
            self.book.unchanged(asked.required_chat)
            await command.answer.say(f"In {asked.called}: as in the settings.")
        else:
            await self._change(command, asked.words)

    async def chats(self, command: Commanded) -> None:
        """List chats, allow or deny one, keep what is said there or not."""
        verb, _, rest = command.words.strip().partition(" ")
        if not verb:
            await command.answer.say(self._listed(command))
            return
        change = self._verbs().get(verb.lower())
        if change is None:
            raise CommandRefused(f"/chats {verb[:20]}: say allow, deny, log or nolog, and which.")
        asked = about(replace(command, words=rest))
        if asked.words or asked.chat is None:
            wrong = f"{asked.words[:40]!r} is no chat; say" if asked.words else "Say which chat:"
            known = f"{command.chat.platform}:1234567890"
            raise CommandRefused(f"{wrong} /chats {verb.lower()} {known}; /chats lists them.")
        change(asked.required_chat)
        found = self.book.rules(asked.required_chat, self._places(command, asked.required_chat))
        told = phrases.rules(found, self.clock(), self.zone)
        await command.answer.say(f"In {asked.called}: {told}.")

    def _verbs(self) -> dict[str, Callable[[str], None]]:
        return {
            "allow": lambda chat: self.book.allow(chat, True),
            "deny": lambda chat: self.book.allow(chat, False),
            "log": lambda chat: self.book.log(chat, True),
            "nolog": lambda chat: self.book.log(chat, False),
        }

    async def _change(self, command: Commanded, words: str) -> None:
        asked = about(command)
        changed = self.book.change(asked.required_chat, self.parse(words))
        told = phrases.changes(changed) or "as in the settings"
        await command.answer.say(f"In {asked.called}: {told}.")

    async def _show(self, command: Commanded, chat: str, called: str) -> None:
        found = self.book.rules(chat, self._places(command, chat)).changes
        told = phrases.changes(found) or "as in the settings"
        await command.answer.say(f"In {called}: {told}.")

    def _places(self, command: Commanded, chat: str) -> tuple[str, ...]:
        return command.places if chat == command.chat.id else ()

    def _listed(self, command: Commanded) -> str:
        """Every chat where asked in private, else this one: titles are not for other groups."""
        if not command.chat.is_private:
            found = self.book.rules(command.chat.id, command.places)
            return f"{command.chat.id}: {phrases.rules(found, self.clock(), self.zone)}"
        lines = [self._line(entry) for entry in self.book.entries() if not entry.is_private]
        return "\n".join(lines) or "No chats yet. Add the bot to one, then /chats allow <id>."

    def _line(self, entry: Entry) -> str:
        told = phrases.rules(self.book.rules(entry.chat), self.clock(), self.zone)
        title = f" {entry.title!r}" if entry.title else ""
        return f"{entry.chat}{title}: {told}{'' if entry.is_here else ', not seen there yet'}"
