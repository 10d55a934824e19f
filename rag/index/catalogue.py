"""The catalogue: which messages make up which passage, in SQLite beside the vectors.

It holds ids and times, no text: a recalled passage is read from the archive, so that an edit shows
at once and what was forgotten cannot come back from here.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.chunks import Chunk
from ingest.database import millis
from ingest.terms import terms
from rag.errors import DamagedIndex, StoreError

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passage (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    chat TEXT NOT NULL,
    shelf TEXT NOT NULL,
    ended_at INTEGER NOT NULL,           -- milliseconds since 1970, UTC
    has_self INTEGER NOT NULL,
    is_statement INTEGER NOT NULL,
    has_vector INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS passage_order ON passage (chat, ended_at);
CREATE INDEX IF NOT EXISTS passage_shelf ON passage (shelf, ended_at);
CREATE INDEX IF NOT EXISTS passage_pending ON passage (has_self, ended_at) WHERE NOT has_vector;
CREATE TABLE IF NOT EXISTS quote (
    message TEXT NOT NULL,
    passage INTEGER NOT NULL REFERENCES passage ON DELETE CASCADE,
    position INTEGER NOT NULL,
    PRIMARY KEY (message, passage)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS quote_passage ON quote (passage, position);
CREATE TABLE IF NOT EXISTS segment (     -- stretches of chats cut so far; see rag.index.segments
    chat TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    reads_from INTEGER NOT NULL,
    recipe TEXT NOT NULL,                -- what else the passages follow from
    revision INTEGER NOT NULL,           -- of the archive
    PRIMARY KEY (chat, since)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS finished (    -- chats all of whose segments are cut
    chat TEXT PRIMARY KEY,
    recipe TEXT NOT NULL,
    revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gone (        -- passages that are no more and may still have a vector
    key TEXT NOT NULL,
    shelf TEXT NOT NULL,
    PRIMARY KEY (key, shelf)
) WITHOUT ROWID;
"""
_VARIABLES = 900


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage as the catalogue knows it."""

    id: str
    chat: str
    message_ids: tuple[str, ...]
    has_self: bool
    shelf: str = ""
    is_statement: bool = False


class Catalogue:
    """A context manager around one SQLite connection."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with self._explained():
            self._connection = sqlite3.connect(path, timeout=15, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._connection.execute("PRAGMA secure_delete = ON")
            self._connection.executescript(_TABLES)

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """Of its file."""
        return self._path

    def select(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """The rows of a query, for whoever writes; see :mod:`rag.index.ledger`."""
        with self._explained():
            return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        """Close the connection; everything committed stays."""
        self._connection.close()

    def meta(self, key: str) -> Any:
        """A value noted earlier, or None."""
        rows = self.select("SELECT value FROM meta WHERE key = ?", [key])
        return json.loads(rows[0][0]) if rows else None

    def note(self, key: str, value: object) -> None:
        """Keep a small JSON value."""
        with self._explained():
            self._connection.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, json.dumps(value)]
            )

    def chats(self) -> list[str]:
        """The chats that have passages, in a fixed order."""
        rows = self.select("SELECT DISTINCT chat FROM passage ORDER BY chat")
        return [chat for (chat,) in rows]

    def count(self, chat: str | None = None, *, only_self: bool = False) -> int:
        """How many passages there are."""
        sql = "SELECT count(*) FROM passage WHERE (? IS NULL OR chat = ?) AND has_self >= ?"
        return int(self.select(sql, [chat, chat, int(only_self)])[0][0])

    def latest(self, chat: str) -> int:
        """When the newest passage of a chat ended, in milliseconds; -1 where there is none."""
        sql = "SELECT max(ended_at) FROM passage WHERE chat = ?"
        newest = self.select(sql, [chat])[0][0]
        return -1 if newest is None else int(newest)

    def shelves(self) -> list[str]:
        """The shelves that have passages, in a fixed order."""
        rows = self.select("SELECT DISTINCT shelf FROM passage ORDER BY shelf")
        return [shelf for (shelf,) in rows]

    def newer(self, shelf: str, moment: datetime, most: int) -> int:
        """How many passages on a shelf had not ended before the moment; counts to ``most``."""
        sql = (
            "SELECT count(*) FROM (SELECT 1 FROM passage WHERE shelf = ? AND ended_at >= ? LIMIT ?)"
        )
        return int(self.select(sql, [shelf, millis(moment), most])[0][0])

    def entries(self, keys: Iterable[str]) -> dict[str, Entry]:
        """Passages by id, with their messages in order; unknown ids are left out."""
        rows = self._rows(
            "SELECT p.key, p.chat, p.has_self, p.shelf, p.is_statement, q.message FROM passage p "
            "JOIN quote q ON q.passage = p.id WHERE p.key IN ({}) ORDER BY p.id, q.position",
            list(keys),
        )
        members: dict[str, list[str]] = {}
        facts: dict[str, tuple[str, bool, str, bool]] = {}
        for key, chat, has_self, shelf, is_statement, message in rows:
            members.setdefault(key, []).append(message)
            facts[key] = (chat, bool(has_self), shelf, bool(is_statement))
        return {
            key: Entry(key, facts[key][0], tuple(ids), *facts[key][1:])
            for key, ids in members.items()
        }

    def containing(
        self,
        messages: Iterable[str],
        *,
        chat: str | None = None,
        before: datetime | None,
        shelves: Collection[str] | None = None,
    ) -> dict[str, list[str]]:
        """For each message the passages that quote it and ended before the moment.

        Of all chats or one, or on these shelves. Without shelves, what stands on two of them is
        named once: as it stands in its chat.
        """
        where = "NOT p.is_statement"
        if shelves is not None:
            where = f"p.shelf IN ({','.join('?' * len(shelves))})"
        rows = self._rows(
            # CROSS JOIN keeps SQLite from going through all passages of a shelf instead.
            "SELECT q.message, p.key FROM quote q CROSS JOIN passage p ON p.id = q.passage "
            "WHERE q.message IN ({}) AND (? IS NULL OR p.chat = ?) "
            f"AND (? IS NULL OR p.ended_at < ?) AND {where} ORDER BY p.has_self DESC, p.id",
            list(messages),
            [chat, chat, *[None if before is None else millis(before)] * 2, *(shelves or ())],
        )
        found: dict[str, list[str]] = {}
        for message, key in rows:
            found.setdefault(message, []).append(key)
        return found

    def _rows(self, sql: str, keys: Sequence[str], tail: Sequence[object] = ()) -> Iterator[Any]:
        """Rows of ``sql``, whose ``{}`` takes the keys, however many they are."""
        for start in range(0, len(keys), _VARIABLES):
            part = keys[start : start + _VARIABLES]
            marks = ",".join("?" * len(part))
            yield from self.select(sql.format(marks), [*part, *tail])

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: committed at the end, rolled back on any error."""
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def copy_to(self, path: Path) -> None:
        """Write all of it to a new file; only the whole file ever bears the name."""
        draft = path.with_suffix(".part")
        draft.unlink(missing_ok=True)
        with self._explained():
            self._connection.execute("VACUUM INTO ?", [str(draft)])
        draft.rename(path)

    def checkpoint(self) -> None:
        """Empty the log, so that nothing deleted stays in it."""
        with self._explained():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"{self._path}: {error}; if the disk is full free some space, then run again: "
                "atself index"
            ) from error
        except sqlite3.DatabaseError as error:
            raise DamagedIndex(f"{self._path}: {error}; mend it with: atself index") from error


def terms_of(chunk: Chunk) -> set[str]:
    """The distinct search terms of a passage."""
    return {term for message in chunk.messages for term in terms(message.text)}
