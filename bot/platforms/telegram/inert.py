"""Text that pings nobody and commands nothing, in Telegram's measure of length.

Telegram's servers find usernames, bot commands and links in plain text by themselves (tdlib
``MessageEntity.cpp``, ``find_mentions`` and ``find_bot_commands``). A word joiner (U+2060) after
the sign that starts one is invisible and makes it plain text again. The patterns here take a
little more than the server's, never less.
"""

from __future__ import annotations

import re

import regex
from telegram import MessageEntity, User

from bot.platforms.base import Outgoing
from bot.platforms.telegram.ids import user_id

MOST = 4096
"""UTF-16 units of one message: https://core.telegram.org/bots/api#sendmessage."""
JOINER = "\u2060"
_MENTION = regex.compile(r"(?<![A-Za-z0-9_])@(?=[A-Za-z0-9_])")
# By Python's own idea of a letter, which is older than the regex library's: a letter that a server
# may not know yet leaves a command behind it.
_COMMAND = re.compile(r"(?<![\w/<>])/(?=[A-Za-z0-9_])")
_LINK = regex.compile(
    r"(?<![A-Za-z0-9_-])(?:(t|telegram)(\.)(?=(?:me|dog)\b)|(tg)(:)(?=//))", regex.IGNORECASE
)
_DROPPED = regex.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
_CONTROL = regex.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")
_GRAPHEME = regex.compile(r"\X")


def units(text: str) -> int:
    """The length of ``text`` in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def kept(text: str) -> str:
    """``text`` as the server keeps it, so that nothing it drops can hide an @ from us.

    Control characters become spaces; carriage returns, directional overrides, line separators and
    three marks that draw lines go (tdlib ``misc.cpp``, ``clean_input_string``). Halves of surrogate
    pairs, which no request can carry, are replaced.
    """
    sound = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _CONTROL.sub(" ", _DROPPED.sub("", sound))


def unpinging(text: str) -> str:
    """``text`` that mentions nobody; commands in it stay, as the bot's own notices need them."""
    return _MENTION.sub(f"@{JOINER}", kept(text))


def inert(text: str) -> str:
    """``text`` that mentions nobody, offers no command and links to no chat."""
    return _LINK.sub(rf"\1\3\2\4{JOINER}", _COMMAND.sub(f"/{JOINER}", unpinging(text)))


def written(outgoing: Outgoing) -> tuple[str, tuple[MessageEntity, ...]]:
    """What is sent for ``outgoing``: its inert text, and the mention of the one it may ping."""
    text = inert(outgoing.text).strip()
    if outgoing.ping is None or not outgoing.ping[1].key.startswith("user"):
        return text, ()
    handle, account = outgoing.ping
    spelled = regex.escape(inert(f"@{handle}"))
    found = regex.search(rf"(?<!\w){spelled}(?!\w)", text)
    if found is None:
        return text, ()
    user = User(user_id(account.key), account.name or handle, account.is_bot)
    offset, length = units(text[: found.start()]), units(found[0])
    return text, (MessageEntity(MessageEntity.TEXT_MENTION, offset, length, user=user),)


def longest(text: str, most: int = MOST) -> int:
    """How many characters of ``text`` fit ``most`` units once inert, cut between graphemes.

    A single grapheme longer than that is cut where it must be.
    """
    if units(inert(text)) <= most:
        return len(text)
    end = _fitting(text, most)
    for grapheme in _GRAPHEME.finditer(text):
        if grapheme.end() > end:
            return grapheme.start() or end
    return end


def _fitting(text: str, most: int) -> int:
    """The most characters that fit, found by halving."""
    low, high = 0, min(len(text), most)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if units(inert(text[:middle])) <= most else (low, middle - 1)
    return low
