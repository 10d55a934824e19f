"""What the bot must remember of Telegram over a restart, in tables of its own in the state file.

The kinds of chats (an export's bare number fits three), groups that moved, updates already passed
on, which messages are the bot's own, the one in each chat that is on its way, reactions, and
commands too long for a button.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bot.platforms.base import Sent
from bot.platforms.telegram.ids import chat_key, likely_id, message_key, native
from ingest.chat import Reaction
from ingest.database import BUSY_SECONDS, explained

_TABLES = """
CREATE TABLE IF NOT EXISTS telegram_chat (
    key TEXT PRIMARY KEY, id INTEGER NOT NULL, kind TEXT NOT NULL, moved_to INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS telegram_update (place INTEGER PRIMARY KEY, id INTEGER UNIQUE);
CREATE TABLE IF NOT EXISTS telegram_own (
    place INTEGER PRIMARY KEY, chat INTEGER NOT NULL, message INTEGER NOT NULL,
    key TEXT UNIQUE, at REAL NOT NULL, UNIQUE (chat, message)
);
CREATE TABLE IF NOT EXISTS telegram_reaction (
    place INTEGER PRIMARY KEY, chat INTEGER NOT NULL, message INTEGER NOT NULL,
    who TEXT NOT NULL, emoji TEXT NOT NULL, count INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS telegram_reaction_message ON telegram_reaction (chat, message, who);
CREATE TABLE IF NOT EXISTS telegram_doubt (
    chat TEXT PRIMARY KEY, letter TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS telegram_button (
    place INTEGER PRIMARY KEY, data TEXT UNIQUE, words TEXT NOT NULL
);
"""
_KEPT = {
    "telegram_update": 5_000,
    "telegram_own": 20_000,
    "telegram_reaction": 100_000,
    "telegram_button": 2_000,
}
"""Newest rows that stay in each table."""
_PRUNE_EVERY = 1_000
BOX = 0
"""Stands for private chats and basic groups together, whose messages are numbered as one."""


class Memory:
    """The tables, and what is asked of them often. For the event loop's thread alone."""

    def __init__(self, path: Path) -> None:
        with explained(path):
            self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            for statement in filter(str.strip, _TABLES.split(";")):
                self._db.execute(statement)
        rows = self._db.execute("SELECT key, id, kind, moved_to FROM telegram_chat").fetchall()
        self._chats = {str(key): (int(id), str(kind), moved) for key, id, kind, moved in rows}
        self._updates = {row[0] for row in self._db.execute("SELECT id FROM telegram_update")}
        self._doubts = dict(self._db.execute("SELECT chat, letter FROM telegram_doubt"))
        self._writes = 0

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def know_chat(self, id: int, kind: str) -> bool:
        """Remember of which kind a chat is, and so its number in the Bot API.

        False where it is the private chat of somebody who bears the number of a group: exports, and
        so the archive, know one chat of a number, and a group's is not for them.
        """
        key = chat_key(id)
        known = self._chats.get(key)
        if known is not None and known[0] != id and kind == "private":
            return False
        if known is not None and known[:2] == (id, kind):
            return True
        moved = self._chats[key][2] if key in self._chats else None
        self._keep_chat(key, id, kind, moved)
        return True

    def is_moved(self, old: str, new: str) -> bool:
        """Whether it is known that a group goes on as another."""
        moved_to = self._chats[old][2] if old in self._chats else None
        return moved_to is not None and chat_key(moved_to) == new

    def move(self, old: str, new: str) -> None:
        """Remember that a basic group goes on as a supergroup."""
        self._keep_chat(old, -native(old), "group", likely_id(new))
        self.know_chat(likely_id(new), "supergroup")

    def _keep_chat(self, key: str, id: int, kind: str, moved_to: int | None) -> None:
        self._chats[key] = (id, kind, moved_to)
        self._db.execute(
            "INSERT OR REPLACE INTO telegram_chat VALUES (?, ?, ?, ?)", (key, id, kind, moved_to)
        )

    def chat_id(self, chat: str) -> int:
        """The Bot API's number of a chat of the archive, where it is now."""
        id, _, moved_to = self._chats.get(chat, (likely_id(chat), "", None))
        return id if moved_to is None else self.chat_id(chat_key(moved_to))

    def box(self, id: int) -> int | None:
        """What a chat's messages are numbered in; None where they must not be probed.

        In a channel the bot may be allowed to edit posts of others.
        """
        kind = self._chats.get(chat_key(id), (id, "supergroup" if id < -(10**12) else "group"))[1]
        if kind == "channel":
            return None
        return id if kind == "supergroup" else BOX

    def is_seen(self, update: int) -> bool:
        """Whether an update was passed on already."""
        return update in self._updates

    def note_update(self, update: int) -> None:
        """An update was passed on."""
        self._updates.add(update)
        self._db.execute("INSERT OR IGNORE INTO telegram_update (id) VALUES (?)", (update,))
        self._pruned()

    def note_own(self, chat: int, message: int, at: datetime, key: str | None = None) -> None:
        """A message is the bot's own; ``key`` is that of what was to be sent."""
        self._db.execute(
            "INSERT OR REPLACE INTO telegram_own (chat, message, key, at) VALUES (?, ?, ?, ?)",
            (chat, message, key, at.timestamp()),
        )
        self._pruned()

    def own(self, chat: int, after: int) -> set[int]:
        """The bot's own messages in a chat, of those after one."""
        found = self._db.execute(
            "SELECT message FROM telegram_own WHERE chat = ? AND message > ?", (chat, after)
        )
        return {int(row[0]) for row in found}

    def newest_own(self, chat: int) -> int | None:
        """The highest number of the bot's own messages in a chat."""
        row = self._db.execute("SELECT max(message) FROM telegram_own WHERE chat = ?", (chat,))
        found: int | None = row.fetchone()[0]
        return found

    def sent(self, key: str) -> Sent | None:
        """What became of an earlier try that was told to have arrived."""
        with closing(
            self._db.execute("SELECT chat, message, at FROM telegram_own WHERE key = ?", (key,))
        ) as found:
            row = found.fetchone()
        return None if row is None else Sent(message_key(row[0], row[1]), _instant(row[2]))

    def doubt(self, chat: str, letter: str) -> None:
        """Before a message is sent: whether it arrives is open. One at a time in each chat."""
        self._doubts[chat] = letter
        self._db.execute("INSERT OR REPLACE INTO telegram_doubt VALUES (?, ?)", (chat, letter))

    def no_doubt(self, chat: str) -> None:
        """It is known whether the last message arrived."""
        if self._doubts.pop(chat, None) is not None:
            self._db.execute("DELETE FROM telegram_doubt WHERE chat = ?", (chat,))

    def doubted(self, chat: str) -> str | None:
        """The message of which it is open whether it arrived."""
        return self._doubts.get(chat)

    def react(
        self, chat: int, message: int, who: str, reactions: Iterable[Reaction]
    ) -> tuple[Reaction, ...]:
        """``who`` has these reactions under a message now; returns everybody's together."""
        place = (chat, message, who)
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(
            "DELETE FROM telegram_reaction WHERE chat = ? AND message = ? AND who = ?", place
        )
        self._db.executemany(
            "INSERT INTO telegram_reaction (chat, message, who, emoji, count) "
            "VALUES (?, ?, ?, ?, ?)",
            [(*place, reaction.emoji, reaction.count) for reaction in reactions],
        )
        self._db.execute("COMMIT")
        self._pruned()
        return self._reactions(chat, message)

    def _reactions(self, chat: int, message: int) -> tuple[Reaction, ...]:
        counts: Counter[str] = Counter()
        for emoji, count in self._db.execute(
            "SELECT emoji, count FROM telegram_reaction WHERE chat = ? AND message = ? "
            "ORDER BY place",
            (chat, message),
        ):
            counts[emoji] += count
        return tuple(Reaction(emoji, count) for emoji, count in counts.items())

    def keep_words(self, words: str) -> str:
        """A short name for what is too long for a button."""
        data = hashlib.blake2b(words.encode("utf-8", "replace"), digest_size=12).hexdigest()
        self._db.execute(
            "INSERT OR REPLACE INTO telegram_button (data, words) VALUES (?, ?)", (data, words)
        )
        self._pruned()
        return data

    def words(self, data: str) -> str | None:
        """What :meth:`keep_words` was given."""
        row = self._db.execute(
            "SELECT words FROM telegram_button WHERE data = ?", (data,)
        ).fetchone()
        return None if row is None else str(row[0])

    def _pruned(self) -> None:
        self._writes += 1
        if self._writes % _PRUNE_EVERY:
            return
        for table, kept in _KEPT.items():
            self._db.execute(
                f"DELETE FROM {table} WHERE place <= (SELECT max(place) FROM {table}) - ?", (kept,)
            )
        self._updates = {row[0] for row in self._db.execute("SELECT id FROM telegram_update")}


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
