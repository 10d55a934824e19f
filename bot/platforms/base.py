"""The one contract between a chat platform and everything else.

What happens comes in as events in the archive's own terms (accounts, conversations and ids as an
export of the same chat names them), what is to be said goes out as plain text. Nothing outside
``bot.platforms`` knows a platform's library.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from ingest.chat import Account, Conversation, RawMessage, Reaction


class Address(StrEnum):
    """How a message turns to the bot, the strongest way first."""

    PRIVATE = "private"
    REPLY = "reply"
    MENTION = "mention"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Heard:
    """A message was said, or (``is_edit``) said again in other words.

    ``places`` are the ids of what encloses the chat (of a Discord thread its channel and server),
    each of which may be allowed in its stead. ``topic`` is the part of the chat an answer goes to.
    ``is_caught_up`` where it was said while the bot was away.
    """

    message: RawMessage
    address: Address = Address.NONE
    topic: str | None = None
    places: tuple[str, ...] = ()
    is_edit: bool = False
    is_caught_up: bool = False


@dataclass(frozen=True, slots=True)
class Deleted:
    """Messages of a chat are gone, by id."""

    chat: str
    messages: tuple[str, ...]
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vote:
    """An account (platform:key) left a reaction, or took it back."""

    account: str
    emoji: str
    is_taken_back: bool = False


@dataclass(frozen=True, slots=True)
class Reacted:
    """The reactions under a message are now these.

    ``votes`` are who changed what, in order, as far as the platform tells.
    """

    chat: str
    message: str
    reactions: tuple[Reaction, ...]
    places: tuple[str, ...] = ()
    votes: tuple[Vote, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """A chat goes on under another id (a Telegram group that became a supergroup)."""

    old: str
    new: Conversation


@dataclass(frozen=True, slots=True)
class Joined:
    """The bot was added to a chat, by ``account`` where that is told.

    ``is_enclosing`` is set of what is no chat itself but has chats in it, as a Discord server.
    """

    chat: Conversation
    account: Account | None = None
    places: tuple[str, ...] = ()
    is_enclosing: bool = False


@dataclass(frozen=True, slots=True)
class Parted:
    """The bot is no longer in a chat, or may no longer write there."""

    chat: str


@dataclass(frozen=True, slots=True)
class Button:
    """A choice under a notice; pressing it is the command ``name`` with ``words``."""

    label: str
    name: str
    words: str = ""


class Notice(Protocol):
    """One message of the bot's own (not @self's) that may be rewritten, as long jobs do."""

    async def say(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Show ``text`` (plain, as long as it likes: what is too long is cut); later calls replace
        it. Never raises for what the platform refuses: a notice is not worth a failure."""
        ...


@dataclass(frozen=True, slots=True)
class Commanded:
    """Somebody gave a command, typed or pressed; ``name`` has no slash.

    ``answer`` shows the answer where the command was given, on Discord to the asker alone where
    ``is_quiet`` allows. ``id`` is unique: the same command told twice has the same.
    """

    id: str
    chat: Conversation
    account: Account
    name: str
    words: str
    answer: Notice
    topic: str | None = None
    places: tuple[str, ...] = ()
    reply_to: str | None = None


Handler: TypeAlias = Callable[[Commanded], Awaitable[None]]
"""Obeys a command."""

Event: TypeAlias = Heard | Deleted | Reacted | Moved | Joined | Parted | Commanded

Post: TypeAlias = Callable[[Event], Awaitable[None]]
"""Takes an event; returns once it will survive a crash. Only then may a platform acknowledge."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to be sent as @self.

    ``key`` (at most 25 of A–Z a–z 0–9 _ -) is the same for every try of the same message, other
    for every other. ``quote`` is the id of the message it answers; it is sent without where that is
    gone. ``ping`` is the one account that may be notified, and the handle that stands for it in
    ``text`` as ``@handle``; everything else that looks like a mention comes out inert.
    ``after`` is the id of the newest message of the chat when it was first tried, where known.
    """

    key: str
    chat: str
    text: str
    topic: str | None = None
    quote: str | None = None
    ping: tuple[str, Account] | None = None
    after: str | None = None
    first_tried_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What a message became: its id in the archive's terms, and when the platform says it was."""

    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Word:
    """A command a platform offers its users, for its menus."""

    name: str
    help: str
    takes: str = ""
    is_admin: bool = True


def platform_of(id: str) -> str:
    """The platform an id (of a chat, a message, an account) begins with."""
    return id.partition(":")[0]


class Platform(Protocol):
    """A chat platform. Everything is called on the one event loop."""

    @property
    def name(self) -> str:
        """``telegram``, ``discord``, ``terminal``: the first part of its ids."""
        ...

    @property
    def account(self) -> Account | None:
        """The bot's own account, once it is signed in."""
        ...

    @property
    def trouble(self) -> str:
        """What keeps it from hearing and saying anything now, in words; empty where all is well."""
        ...

    async def run(self, post: Post, ready: Callable[[str], None]) -> None:
        """Sign in and pass on events, in the order of each chat, until cancelled or at an end.

        ``ready`` is told one line ("telegram: @name, polling, …") whenever it is signed in, and
        warnings of the self-check. Raises PlatformRefused where that cannot work (a bad token, a
        missing intent): one line with what to do. Everything else (network, 5xx, 409) it sits out.
        """
        ...

    async def send(self, outgoing: Outgoing) -> Sent:
        """Send once, waiting out limits and faults; never twice, as far as the platform can tell.

        Raises Undeliverable where it will never arrive, Unreachable after minutes of trying.
        """
        ...

    async def find(self, outgoing: Outgoing) -> Sent | None:
        """What an earlier try, cut off by a crash, became; None where nothing arrived."""
        ...

    def longest(self, text: str) -> int:
        """How many characters (code points) of ``text`` fit one message, cut between graphemes."""
        ...

    async def typing(self, chat: str, topic: str | None = None) -> None:
        """Show for a few seconds that the bot writes. Never raises."""
        ...

    async def notify(self, account: str, text: str, buttons: Sequence[Button] = ()) -> Notice:
        """A private message to an admin (``platform:key``); never raises, logs where it fails."""
        ...

    async def announce(self, chat: str, text: str) -> None:
        """A message in a chat that is the bot's own, not @self's; raises as ``send`` does."""
        ...

    async def leave(self, chat: str) -> None:
        """Leave a chat; never raises."""
        ...

    async def offer(self, words: Sequence[Word]) -> None:
        """Make these commands known to the platform's menus; only where they changed."""
        ...
