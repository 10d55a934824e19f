"""Telegram's chats and people under the names exports give them.

The Bot API marks the kind of a chat in its number (https://core.telegram.org/api/bots/ids): a
supergroup or channel N is -1000000000000-N, a basic group N is -N, a private chat is its user.
Exports write the bare N of all three.
"""

from __future__ import annotations

from telegram import Chat, User
from telegram.constants import ChatType

from ingest.chat import Account, Conversation
from ingest.parsers.telegram import PLATFORM

_MARK = -1_000_000_000_000


def bare(id: int) -> int:
    """The number of a chat as exports write it."""
    return _MARK - id if id < _MARK else abs(id)


def chat_key(id: int) -> str:
    """The archive's id of a chat of the Bot API."""
    return f"{PLATFORM}:{bare(id)}"


def likely_id(chat: str) -> int:
    """The Bot API's id of a chat never heard of: of the three it might be, a supergroup's."""
    return _MARK - native(chat)


def native(chat: str) -> int:
    """The number in the archive's id of a chat."""
    return int(chat.partition(":")[2])


def user_id(account: str) -> int:
    """The user of ``telegram:user123`` or ``user123``; ValueError where it is none."""
    return int(account.rpartition(":")[2].removeprefix("user"))


def message_key(chat: int, message: int) -> str:
    """The archive's id of a message."""
    return f"{chat_key(chat)}:{message}"


def message_number(message: str | None) -> int | None:
    """The number in the archive's id of a message; None where it has none."""
    tail = (message or "").rpartition(":")[2]
    return int(tail) if tail.isascii() and tail.isdigit() else None


def conversation(chat: Chat) -> Conversation:
    """A chat as the archive keeps it."""
    is_private = chat.type == ChatType.PRIVATE
    title = (chat.full_name if is_private else chat.title) or ""
    return Conversation(chat_key(chat.id), title, PLATFORM, is_private=is_private)


def account(user: User) -> Account:
    """A user as an account."""
    return Account(PLATFORM, f"user{user.id}", user.full_name.strip(), is_bot=user.is_bot)


def sender_key(chat: Chat) -> str:
    """The account of a chat that writes: a channel, or a group whose admin is anonymous."""
    kind = "chat" if chat.type == ChatType.GROUP else "channel"
    return f"{kind}{bare(chat.id)}"
