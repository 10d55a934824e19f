"""What admins decided about each chat: whether it is served, muted, logged, and how it talks there.

The settings (``bot.allowed_chats``, ``bot.unlogged``) are the base; what was decided in a chat
stands over them. Everything is written through to ``Home.state`` and read from memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot.state import open_state
from config.settings import Bot
from ingest.chat import Conversation
from ingest.database import immediate, instant, millis

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""The end of a mute that has none."""
TABLES = """
CREATE TABLE IF NOT EXISTS chat_rules (
    chat TEXT PRIMARY KEY,               -- platform:native-id, or a place that encloses chats
    title TEXT NOT NULL,
    is_private INTEGER NOT NULL,
    is_here INTEGER NOT NULL,            -- the bot is in it, as far as is known
    allowed INTEGER,                     -- by an admin; NULL where the settings decide
    logged INTEGER,
    muted_until INTEGER,                 -- milliseconds since 1970
    announced_at INTEGER,
    changes TEXT NOT NULL                -- JSON: settings of [talk] that differ here
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chat_places (
    chat TEXT PRIMARY KEY,
    places TEXT NOT NULL                 -- JSON: what encloses it, the nearest first
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class ChatRules:
    """What holds in a chat. ``changes`` stand over the settings of ``[talk]``."""

    is_allowed: bool
    is_logged: bool
    muted_until: datetime | None = None
    changes: Mapping[str, object] = field(default_factory=dict)
    announced_at: datetime | None = None

    @property
    def is_kept(self) -> bool:
        """Whether anything of the chat goes into the archive."""
        return self.is_allowed and self.is_logged


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the book: what is known of a chat, and what was decided; None is nothing."""

    chat: str
    title: str = ""
    is_private: bool = False
    is_here: bool = False
    is_allowed: bool | None = None
    is_logged: bool | None = None
    muted_until: datetime | None = None
    announced_at: datetime | None = None
    changes: Mapping[str, object] = field(default_factory=dict)


class Chatbook:
    """The decisions about every chat. For one thread; a context manager."""

    def __init__(self, path: Path, settings: Bot) -> None:
        """Open the book in the database at ``path``. Raises ArchiveError."""
        self._settings = settings
        self._connection = open_state(path, TABLES)
        rows = self._connection.execute("SELECT * FROM chat_rules ORDER BY chat")
        self._entries = {row[0]: _entry(row) for row in rows}
        around = self._connection.execute("SELECT chat, places FROM chat_places")
        self._places = {chat: tuple(json.loads(places)) for chat, places in around}

    def close(self) -> None:
        """Close the database; everything decided stays."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def rules(self, chat: str, places: Iterable[str] = ()) -> ChatRules:
        """What holds in ``chat``; ``places`` enclose it, the nearest first.

        Without them those count that :meth:`enclosed` was told, lest what holds of a server or a
        channel be forgotten in its threads. The nearest decision counts, of a mute the longest;
        changes of a place hold in its chats unless they have their own.
        """
        around = (chat, *(tuple(places) or self._places.get(chat, ())))
        pages = [self._entries[each] for each in around if each in self._entries]
        allowed = (page.is_allowed for page in pages if page.is_allowed is not None)
        logged = (page.is_logged for page in pages if page.is_logged is not None)
        changes: dict[str, object] = {}
        for page in reversed(pages):
            changes |= page.changes
        return ChatRules(
            is_allowed=next(allowed, self._is_set(around)),
            is_logged=next(logged, self._settings.log_chats and not self._is_unlogged(around)),
            muted_until=max((page.muted_until for page in pages if page.muted_until), default=None),
            changes=changes,
            announced_at=self.entry(chat).announced_at,
        )

    def entry(self, chat: str) -> Entry:
        """The page of a chat; an empty one where nothing is known of it."""
        return self._entries.get(chat) or Entry(chat)

    def entries(self) -> list[Entry]:
        """Every page, by id, and an empty one for each chat that the settings allow."""
        named = {chat: self.entry(chat) for chat in self._settings.allowed_chats}
        found = {**named, **self._entries}
        return [found[chat] for chat in sorted(found)]

    def enclosed(self, chat: str, places: tuple[str, ...]) -> None:
        """Note what encloses a chat, for when it is not told."""
        if places and self._places.get(chat) != places:
            row = [chat, json.dumps(places)]
            self._connection.execute("INSERT OR REPLACE INTO chat_places VALUES (?, ?)", row)
            self._places[chat] = places

    def met(self, chat: Conversation) -> None:
        """Note that the bot is in a chat, so that admins can see and allow it.

        The title of a private one is the name of a person, and shown nowhere: it is left out.
        """
        known = self.entry(chat.id)
        title = "" if chat.is_private else chat.title or known.title
        page = replace(known, title=title, is_private=chat.is_private, is_here=True)
        if page != known:
            self._write(page)

    def parted(self, chat: str) -> None:
        """Note that the bot is no longer in a chat; what was decided stays."""
        if self.entry(chat).is_here:
            self._write(replace(self.entry(chat), is_here=False))

    def allow(self, chat: str, is_allowed: bool) -> None:
        """Serve a chat (or all in a place), or leave it alone, whatever the settings say."""
        self._write(replace(self.entry(chat), is_allowed=is_allowed))

    def log(self, chat: str, is_logged: bool) -> None:
        """Keep what is said in a chat, or not; keeping it anew is announced anew."""
        known, is_anew = self.entry(chat), is_logged and not self.rules(chat).is_logged
        announced_at = None if is_anew else known.announced_at
        self._write(replace(known, is_logged=is_logged, announced_at=announced_at))

    def mute(self, chat: str, until: datetime | None) -> None:
        """Be silent in a chat until then; None lifts it."""
        self._write(replace(self.entry(chat), muted_until=until))

    def change(self, chat: str, changes: Mapping[str, object]) -> Mapping[str, object]:
        """Lay changes over what a chat has; a value of None takes one back. Returns what it has.

        Values must be what JSON can hold.
        """
        merged = {**self.entry(chat).changes, **changes}
        kept = {key: value for key, value in merged.items() if value is not None}
        self._write(replace(self.entry(chat), changes=kept))
        return self.entry(chat).changes

    def unchanged(self, chat: str) -> None:
        """Let the settings alone say how the bot talks in a chat."""
        self._write(replace(self.entry(chat), changes={}))

    def announced(self, chat: str, at: datetime) -> None:
        """Note that a chat was told that it is logged."""
        self._write(replace(self.entry(chat), announced_at=at))

    def moved(self, old: str, new: Conversation) -> None:
        """A chat goes on under another id, and with it all that holds there."""
        if old == new.id or (old not in self._entries and not self._is_named(old)):
            self.met(new)
            return
        page = self._carried(old, new)
        with immediate(self._connection):
            self._store(page)
            self._connection.execute("DELETE FROM chat_rules WHERE chat = ?", [old])
        self._entries.pop(old, None)
        self._entries[page.chat] = page

    def _carried(self, old: str, new: Conversation) -> Entry:
        """The page of a chat under its new id, with what the settings said of the old one."""
        before, after = self.entry(old), self.entry(new.id)
        allowed = _first(before.is_allowed, after.is_allowed, self._is_set((old,)) or None)
        unlogged = False if self._is_unlogged((old,)) else None
        return Entry(
            new.id,
            title=new.title or before.title,
            is_private=new.is_private,
            is_here=True,
            is_allowed=allowed,
            is_logged=_first(before.is_logged, after.is_logged, unlogged),
            muted_until=before.muted_until or after.muted_until,
            announced_at=before.announced_at or after.announced_at,
            changes={**after.changes, **before.changes},
        )

    def _is_set(self, around: Iterable[str]) -> bool:
        return not set(around).isdisjoint(self._settings.allowed_chats)

    def _is_unlogged(self, around: Iterable[str]) -> bool:
        return not set(around).isdisjoint(self._settings.unlogged)

    def _is_named(self, chat: str) -> bool:
        return self._is_set((chat,)) or self._is_unlogged((chat,))

    def _write(self, page: Entry) -> None:
        stored = self._store(page)
        self._entries[page.chat] = replace(page, changes=stored)

    def _store(self, page: Entry) -> dict[str, object]:
        """Write a page; returns its changes as they will be read again."""
        changes = json.dumps(dict(page.changes), ensure_ascii=False)
        self._connection.execute(
            "INSERT OR REPLACE INTO chat_rules VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                page.chat,
                page.title,
                page.is_private,
                page.is_here,
                page.is_allowed,
                page.is_logged,
                page.muted_until and millis(page.muted_until),
                page.announced_at and millis(page.announced_at),
                changes,
            ],
        )
        return dict(json.loads(changes))


def _entry(row: tuple[Any, ...]) -> Entry:
    chat, title, is_private, is_here, allowed, logged, muted, announced, changes = row
    return Entry(
        chat,
        title,
        bool(is_private),
        bool(is_here),
        None if allowed is None else bool(allowed),
        None if logged is None else bool(logged),
        None if muted is None else instant(muted),
        None if announced is None else instant(announced),
        json.loads(changes),
    )


def _first(*values: bool | None) -> bool | None:
    """The first that is decided."""
    return next((value for value in values if value is not None), None)
