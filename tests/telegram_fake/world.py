"""What the fake server knows: users, chats, their messages, and updates not yet acknowledged."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.telegram_fake.texts import Entity

Json = dict[str, Any]
T = TypeVar("T")

UNASKED = ("message_reaction", "message_reaction_count", "chat_member")
"""Kinds of updates that are sent only where ``allowed_updates`` names them."""
SUPERGROUP = -1_000_000_000_000


@dataclass(frozen=True, slots=True)
class User:
    """Somebody, or a bot."""

    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    is_bot: bool = False

    @property
    def json(self) -> Json:
        """As the Bot API writes it."""
        data: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        more = {"last_name": self.last_name, "username": self.username}
        return data | {key: value for key, value in more.items() if value}


@dataclass
class Chat:
    """A chat; ``id`` as the Bot API has it, ``status`` is the bot's own in it."""

    id: int
    type: str
    title: str = ""
    user: User | None = None
    is_forum: bool = False
    status: str = "member"
    member: Json | None = None
    migrated_to: int | None = None
    log: dict[int, Json] = field(default_factory=dict)
    last: int = 0

    @property
    def is_small(self) -> bool:
        """Whether its messages are numbered together with those of all other small chats."""
        return self.type in ("private", "group")

    @property
    def json(self) -> Json:
        """As the Bot API writes it."""
        if self.user:
            named = {key: value for key, value in self.user.json.items() if key != "is_bot"}
            return named | {"id": self.id, "type": self.type}
        data: Json = {"id": self.id, "type": self.type, "title": self.title}
        return data | ({"is_forum": True} if self.is_forum else {})


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of the bot's that the server took; ``at`` is the server's clock, in seconds.

    ``entities`` hold what was given and what the server recognised by itself.
    """

    chat: int
    id: int
    text: str
    at: float
    reply_to: int | None = None
    topic: int | None = None
    entities: tuple[Entity, ...] = ()
    buttons: tuple[tuple[str, str], ...] = ()
    is_silent: bool = False


class World:
    """The state of the server; everything holds ``lock``, waiters are told through it."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.Condition(threading.RLock())
        self.clock = clock
        self.bot = User(7_000_000_001, "Self", username="self_bot", is_bot=True)
        self.can_read_all = True
        self.users: dict[int, User] = {self.bot.id: self.bot}
        self.chats: dict[int, Chat] = {}
        self.updates: deque[Json] = deque()
        self.allowed: tuple[str, ...] | None = None
        self.sent_log: list[Sent] = []
        self.actions: list[tuple[int, str, int | None, float]] = []
        self.answered: list[str] = []
        self.commands: dict[str, list[Json]] = {}
        self.edits: list[tuple[int, int, str]] = []
        self.calls: dict[str, int] = {}
        self.webhook: Json = {}
        self.small_last = 0
        self.next_update = 500_000
        self.next_user = 1000
        self.next_chat = 1_500_000_000
        self.wake: Callable[[], None] = lambda: None

    @property
    def sent(self) -> list[Sent]:
        """What the bot said, oldest first."""
        with self.lock:
            return list(self.sent_log)

    def texts(self, chat: Chat | int | None = None) -> list[str]:
        """The texts the bot said, in one chat or in all."""
        id = chat.id if isinstance(chat, Chat) else chat
        return [sent.text for sent in self.sent if id in (None, sent.chat)]

    def wait_for(self, predicate: Callable[[], T], timeout: float = 10) -> T:
        """Wait until ``predicate()`` is true and return it; AssertionError after ``timeout`` s."""
        end = time.monotonic() + timeout
        with self.lock:
            while not (found := predicate()):
                left = end - time.monotonic()
                assert left > 0, "the fake server waited in vain"
                self.lock.wait(left)
            return found

    @property
    def pending(self) -> int:
        """Updates not yet acknowledged."""
        with self.lock:
            return len(self.updates)

    def number(self, chat: Chat) -> int:
        """The id of the next message in ``chat``."""
        if chat.is_small:
            self.small_last += 1
            chat.last = self.small_last
        else:
            chat.last += 1
        return chat.last

    def update(self, kind: str, body: Json) -> int:
        """Keep an update for the bot, where it asked for its kind; 0 where it did not."""
        with self.lock:
            is_asked = kind in self.allowed if self.allowed else kind not in UNASKED
            if not is_asked:
                return 0
            self.next_update += 1
            self.updates.append({"update_id": self.next_update, kind: body})
            self.changed()
            return self.next_update

    def changed(self) -> None:
        """Tell everybody who waits."""
        self.lock.notify_all()
        self.wake()
