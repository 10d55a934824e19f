"""A command taken apart: which chat it is about, for how long, and the rest of its words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bot.chatbook import FOREVER
from bot.errors import CommandRefused
from bot.platforms.base import Commanded

HERE = "here"
_CHAT = re.compile(r"(?P<platform>[a-z]{3,}):(?P<native>-?[\w.:@!-]*\w)")
_PART = re.compile(r"(\d+)\s*([a-z]*)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CLOCK = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)")
_LONGEST = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Asked:
    """A command: the chat it is about (None in private where none was named), and its words."""

    command: Commanded
    chat: str | None
    words: str

    @property
    def required_chat(self) -> str:
        """The chat. Raises CommandRefused where none was named."""
        if self.chat is None:
            name, platform = self.command.name, self.command.chat.platform
            raise CommandRefused(
                f"Say which chat: /{name} {platform}:1234567890 …; /chats lists them."
            )
        return self.chat

    @property
    def called(self) -> str:
        """How the chat is called in an answer."""
        return "this chat" if self.chat == self.command.chat.id else str(self.chat)


def about(command: Commanded) -> Asked:
    """Take a command apart. Its first or last word may name the chat it is about.

    Raises CommandRefused where another chat is named in a group: what is asked there is read there.
    """
    here = None if command.chat.is_private else command.chat.id
    words = command.words.split()
    for place in sorted({0, len(words) - 1}) if words else ():
        named = command.chat.id if words[place].lower() == HERE else chat_id(words[place])
        if named is None:
            continue
        if here is not None and named != here:
            raise CommandRefused("Ask me in private about other chats.")
        rest = [word for number, word in enumerate(words) if number != place]
        return Asked(command, named, " ".join(rest))
    return Asked(command, here, command.words.strip())


def asker_of(command: Commanded) -> str:
    """The account that gives a command, as the settings write it."""
    return f"{command.account.platform}:{command.account.key}"


def chat_id(word: str) -> str | None:
    """A chat's id as the archive spells it, or None where the word is none.

    Telegram's exports leave out the -100 (supergroups) or - (groups) of the Bot API's ids.
    """
    found = _CHAT.fullmatch(word.lower())
    if found is None:
        return None
    native = found["native"]
    if found["platform"] == "telegram":
        native = re.sub(r"^-(?:100(?=\d{5}))?", "", native)
    return f"{found['platform']}:{native}"


def until(words: str, *, now: datetime, zone: tzinfo) -> datetime:
    """The end of ``30m``, ``2h 30m``, ``1d``, ``until 08:00``, ``forever``; nothing is for ever.

    Raises CommandRefused. A clock time is the next such one in ``zone``.
    """
    text = words.lower().removeprefix("until").removeprefix("till").removeprefix("for ").strip()
    if text in ("", "forever", "ever"):
        return FOREVER
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        local = now.astimezone(zone)
        moment = local.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        return moment if moment > local else moment + timedelta(days=1)
    return now + _duration(text)


def _duration(text: str) -> timedelta:
    parts = _PART.findall(text)
    is_whole = "".join(text.split()) == "".join(number + unit for number, unit in parts)
    units = [unit[:1] if unit else "m" for _, unit in parts]
    if not parts or not is_whole or not set(units) <= _UNITS.keys():
        raise CommandRefused(f"{text[:40]!r} is no time; say 30m, 2h, 1d, or until 08:00.")
    # Numbers of so many digits would not fit a timedelta.
    total = sum(min(int(n[:12]), 10**9) * _UNITS[u] for (n, _), u in zip(parts, units, strict=True))
    if not 0 < total <= _LONGEST.total_seconds():
        raise CommandRefused(f"{text[:40]!r} is too short or too long; /mute alone has no end.")
    return timedelta(seconds=total)
