"""What is in work: messages that may be answered, and replies on their way.

A message is noted before its platform is told that it arrived, a reply before its first part is
sent. Whatever dies in between, the next start finds what was left: a message is answered once, and
none that should be is forgotten. Rows go after a while; texts of replies as soon as they are sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from bot.platforms.base import Address, Outgoing, Sent
from bot.state import open_state
from ingest.chat import Account
from ingest.database import immediate, instant, millis

KEPT = timedelta(days=7)
"""How long it is known that a message was heard: longer than any platform tells it again."""

_TABLES = """
CREATE TABLE IF NOT EXISTS heard (       -- messages of allowed chats
    id TEXT PRIMARY KEY,                 -- as in the archive
    chat TEXT NOT NULL,
    topic TEXT,
    platform TEXT NOT NULL,              -- with account: who said it
    account TEXT NOT NULL,
    sent_at INTEGER NOT NULL,            -- milliseconds since 1970
    address TEXT NOT NULL,
    is_open INTEGER NOT NULL             -- to be answered, and neither answered nor passed over yet
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS heard_open ON heard (chat) WHERE is_open;
CREATE INDEX IF NOT EXISTS heard_at ON heard (sent_at);
CREATE TABLE IF NOT EXISTS outgoing (    -- replies, part by part
    key TEXT PRIMARY KEY,
    answered TEXT NOT NULL,              -- the id of the message
    part INTEGER NOT NULL,
    chat TEXT NOT NULL,
    topic TEXT,
    text TEXT,                           -- NULL once it is sent or given up
    quote TEXT,
    ping_handle TEXT,
    ping_platform TEXT,
    ping_key TEXT,
    after TEXT,
    planned_at INTEGER NOT NULL,
    tried_at INTEGER,
    sent_id TEXT,
    sent_at INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outgoing_chat ON outgoing (chat, sent_at);
CREATE INDEX IF NOT EXISTS outgoing_sent ON outgoing (sent_id) WHERE sent_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS obeyed (      -- commands
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) WITHOUT ROWID;
"""
_OUTGOING = (
    "key, answered, part, chat, topic, text, quote, ping_handle, ping_platform, ping_key, after, "
    "planned_at, tried_at"
)


@dataclass(frozen=True, slots=True)
class Noted:
    """A message that was heard, as far as answering it needs."""

    id: str
    chat: str
    topic: str | None
    account: Account
    sent_at: datetime
    address: Address

    @property
    def is_addressed(self) -> bool:
        """Whether it turns to the bot."""
        return self.address is not Address.NONE


@dataclass(frozen=True, slots=True)
class Planned:
    """One part of a reply on its way; it was ``tried`` where it may have been sent."""

    outgoing: Outgoing
    answered: str
    part: int
    planned_at: datetime

    @property
    def is_tried(self) -> bool:
        """Whether a try may have succeeded."""
        return self.outgoing.first_tried_at is not None


class Journal:
    """The database of what is in work. For one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._connection = open_state(path, _TABLES, in_a_hurry=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def note(self, messages: Sequence[Noted]) -> list[bool]:
        """Note messages as heard, in one transaction; which of them are new."""
        with immediate(self._connection):
            return [self._note(message) for message in messages]

    def _note(self, noted: Noted) -> bool:
        account = noted.account
        row = (noted.id, noted.chat, noted.topic, account.platform, account.key)
        sql = "INSERT OR IGNORE INTO heard VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        values = (*row, millis(noted.sent_at), str(noted.address), noted.is_addressed)
        return self._connection.execute(sql, values).rowcount > 0

    def open_message(self, id: str) -> None:
        """This one is to be answered, though only its words address the bot: by a name."""
        self._connection.execute("UPDATE heard SET is_open = 1 WHERE id = ?", (id,))

    def close_message(self, *ids: str) -> None:
        """These were answered or passed over."""
        with immediate(self._connection):
            self._connection.executemany(
                "UPDATE heard SET is_open = 0 WHERE id = ?", [(id,) for id in ids]
            )

    def open_messages(self) -> list[Noted]:
        """What the bot was asked and neither answered nor passed over, oldest first."""
        rows = self._connection.execute(
            "SELECT id, chat, topic, platform, account, sent_at, address FROM heard "
            "WHERE is_open ORDER BY sent_at, id"
        )
        return [
            Noted(id, chat, topic, Account(platform, key), instant(at), Address(address))
            for id, chat, topic, platform, key, at, address in rows
        ]

    def topics(self, ids: Iterable[str]) -> dict[str, str]:
        """Which topic these messages belong to, by id, as far as they are in one."""
        wanted = json.dumps(list(ids))
        sql = (
            "SELECT id, topic FROM heard WHERE topic IS NOT NULL "
            "AND id IN (SELECT value FROM json_each(?1)) "
            "UNION ALL SELECT sent_id, topic FROM outgoing WHERE topic IS NOT NULL "
            "AND sent_id IN (SELECT value FROM json_each(?1))"
        )
        return dict(self._connection.execute(sql, (wanted,)))

    def plan(self, answered: Sequence[str], parts: Sequence[Outgoing], at: datetime) -> None:
        """A reply is on its way: its parts are noted and what it answers is closed, at once."""
        with immediate(self._connection):
            self._connection.executemany(
                f"INSERT INTO outgoing ({_OUTGOING}) VALUES ({','.join('?' * 13)})",
                [_row(part, answered[-1], place, at) for place, part in enumerate(parts)],
            )
            self._connection.executemany(
                "UPDATE heard SET is_open = 0 WHERE id = ?", [(id,) for id in answered]
            )

    def trying(self, key: str, after: str | None, at: datetime) -> None:
        """A part is about to be sent for the first time."""
        self._connection.execute(
            "UPDATE outgoing SET after = ?, tried_at = ? WHERE key = ?", (after, millis(at), key)
        )

    def sent(self, key: str, sent: Sent) -> None:
        """A part arrived."""
        self._connection.execute(
            "UPDATE outgoing SET text = NULL, sent_id = ?, sent_at = ? WHERE key = ?",
            (sent.id, millis(sent.at), key),
        )

    def give_up(self, *keys: str) -> None:
        """These parts will not be sent."""
        with immediate(self._connection):
            self._connection.executemany(
                "UPDATE outgoing SET text = NULL WHERE key = ?", [(key,) for key in keys]
            )

    def unsent(self) -> list[Planned]:
        """Parts that were planned and neither sent nor given up, in order."""
        sql = (
            f"SELECT {_OUTGOING} FROM outgoing WHERE text IS NOT NULL "
            "ORDER BY planned_at, answered, part"
        )
        return [_planned(row) for row in self._connection.execute(sql)]

    def replies(self, since: datetime) -> Iterator[tuple[str, str, datetime]]:
        """``(chat, message answered, when)`` of every reply since, oldest first."""
        rows = self._connection.execute(
            "SELECT chat, answered, min(sent_at) AS at FROM outgoing WHERE sent_at >= ? "
            "GROUP BY chat, answered ORDER BY at",
            (millis(since),),
        )
        return ((chat, answered, instant(at)) for chat, answered, at in rows)

    def accounts(self, ids: Iterable[str]) -> dict[str, Account]:
        """Who said these messages, as far as they are still noted."""
        found = {}
        for id in ids:
            sql = "SELECT platform, account FROM heard WHERE id = ?"
            row = self._connection.execute(sql, (id,)).fetchone()
            if row is not None:
                found[id] = Account(*row)
        return found

    def forget(self, account: Account) -> None:
        """Somebody is to be left out: nothing of theirs stays, nothing is said to them any more."""
        mine = "SELECT id FROM heard WHERE platform = ? AND account = ?"
        who = (account.platform, account.key)
        with immediate(self._connection):
            self._connection.execute(f"DELETE FROM outgoing WHERE answered IN ({mine})", who)
            self._connection.execute(f"DELETE FROM heard WHERE id IN ({mine})", who)

    def obey(self, id: str, at: datetime) -> bool:
        """Note a command; whether it is new."""
        sql = "INSERT OR IGNORE INTO obeyed VALUES (?, ?)"
        return self._connection.execute(sql, (id, millis(at))).rowcount > 0

    def remove(self, ids: Iterable[str]) -> None:
        """These messages are gone: nothing of them is to be answered."""
        self.close_message(*ids)

    def move(self, old: str, new: str) -> None:
        """A chat goes on under another id."""
        with immediate(self._connection):
            for table in ("heard", "outgoing"):
                self._connection.execute(f"UPDATE {table} SET chat = ? WHERE chat = ?", (new, old))

    def prune(self, now: datetime) -> None:
        """Forget what is older than anybody asks for."""
        limit = millis(now - KEPT)
        with immediate(self._connection):
            for old in ("heard WHERE sent_at", "outgoing WHERE planned_at", "obeyed WHERE at"):
                self._connection.execute(f"DELETE FROM {old} < ?", (limit,))


def _row(part: Outgoing, answered: str, place: int, at: datetime) -> tuple[object, ...]:
    handle, account = part.ping or (None, None)
    ping = (handle, account.platform, account.key) if account else (None, None, None)
    head = (part.key, answered, place, part.chat, part.topic, part.text, part.quote)
    return (*head, *ping, part.after, millis(at), None)


def _planned(row: tuple[Any, ...]) -> Planned:
    key, answered, place, chat, topic, text, quote, *ping, after, at, tried = row
    handle, platform, account = ping
    pinged = (handle, Account(platform, account)) if handle else None
    tried_at = None if tried is None else instant(tried)
    part = Outgoing(key, chat, text, topic, quote, pinged, after, tried_at)
    return Planned(part, answered, place, instant(at))
