"""The catalogue: which messages make up which passage, in SQLite beside the vectors.

It holds ids and times, no text: a recalled passage is read from the archive, so that an edit shows
at once and what was forgotten cannot come back from here.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.chunks import Chunk
from ingest.database import millis
from ingest.terms import terms
from rag.errors import StoreError

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passage (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    chat TEXT NOT NULL,
    ended_at INTEGER NOT NULL,           -- milliseconds since 1970, UTC
    has_self INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS passage_order ON passage (chat, ended_at);
CREATE TABLE IF NOT EXISTS quote (
    message TEXT NOT NULL,
    passage INTEGER NOT NULL REFERENCES passage ON DELETE CASCADE,
    position INTEGER NOT NULL,
    PRIMARY KEY (message, passage)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS quote_passage ON quote (passage, position);
CREATE TEMP TABLE seen (key TEXT PRIMARY KEY) WITHOUT ROWID;
"""
# Found in more passages than this, a term says little about which one is meant. At 2 % of 49,706
# passages, 5 of 20 unrelated sentences were answered because of words like "match" and "amazing".
_COMMON_SHARE = 0.002
_LEAST_COMMON = 10
_MOST_TERMS = 5000
_VARIABLES = 900


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage as the catalogue knows it."""

    id: str
    chat: str
    message_ids: tuple[str, ...]
    has_self: bool


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

    def close(self) -> None:
        """Close the connection; everything committed stays."""
        self._connection.close()

    def meta(self, key: str) -> Any:
        """A value noted earlier, or None."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchone()
        return json.loads(row[0]) if row else None

    def note(self, key: str, value: object) -> None:
        """Keep a small JSON value."""
        self._connection.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, json.dumps(value)]
        )

    def replace(self, chat: str, chunks: Iterable[Chunk]) -> Counter[str]:
        """Make these the passages of a chat, in one transaction; unchanged ones are not touched.

        Returns in how many passages each term occurs.
        """
        found: Counter[str] = Counter()
        with self._explained(), self._transaction():
            self._connection.execute("DELETE FROM temp.seen")
            for chunk in chunks:
                self._insert(chunk)
                found.update(terms_of(chunk))
            self._connection.execute(
                "DELETE FROM passage WHERE chat = ? AND key NOT IN (SELECT key FROM temp.seen)",
                [chat],
            )
        return found

    def keep_chats(self, chats: Collection[str]) -> None:
        """Drop the passages of all other chats."""
        for chat in self.chats():
            if chat not in chats:
                self.replace(chat, ())

    def note_common(self, found: Counter[str]) -> None:
        """Remember the terms too frequent to tell passages apart, in whatever language."""
        least = max(_LEAST_COMMON, int(_COMMON_SHARE * self.count()))
        common = [term for term, count in found.most_common(_MOST_TERMS) if count >= least]
        self.note("common", common)

    def chats(self) -> list[str]:
        """The chats that have passages, in a fixed order."""
        rows = self._connection.execute("SELECT DISTINCT chat FROM passage ORDER BY chat")
        return [chat for (chat,) in rows]

    @property
    def namespace(self) -> str:
        return str(self.meta("namespace"))

    def shelves(self) -> list[str]:
        return self.chats()

    def count(self, chat: str | None = None, *, only_self: bool = False) -> int:
        """How many passages there are."""
        sql = "SELECT count(*) FROM passage WHERE (? IS NULL OR chat = ?) AND has_self >= ?"
        row = self._connection.execute(sql, [chat, chat, int(only_self)]).fetchone()
        return int(row[0])

    def latest(self, chat: str) -> int:
        """When the newest passage of a chat ended, in milliseconds; -1 where there is none."""
        sql = "SELECT max(ended_at) FROM passage WHERE chat = ?"
        newest = self._connection.execute(sql, [chat]).fetchone()[0]
        return -1 if newest is None else int(newest)

    def keys_with_self(self, chat: str) -> list[str]:
        """The passages in which @self says something, newest first."""
        sql = "SELECT key FROM passage WHERE chat = ? AND has_self ORDER BY ended_at DESC, id DESC"
        return [key for (key,) in self._connection.execute(sql, [chat])]

    def entries(self, keys: Iterable[str]) -> dict[str, Entry]:
        """Passages by id, with their messages in order; unknown ids are left out."""
        rows = self._rows(
            "SELECT p.key, p.chat, q.message, p.has_self FROM passage p "
            "JOIN quote q ON q.passage = p.id WHERE p.key IN ({}) ORDER BY p.id, q.position",
            list(keys),
        )
        members: dict[str, list[str]] = {}
        facts: dict[str, tuple[str, bool]] = {}
        for key, chat, message, has_self in rows:
            members.setdefault(key, []).append(message)
            facts[key] = (chat, bool(has_self))
        return {
            key: Entry(key, facts[key][0], tuple(ids), facts[key][1])
            for key, ids in members.items()
        }

    def containing(
        self, messages: Iterable[str], *, shelves: Sequence[str], before: datetime | None
    ) -> dict[str, list[str]]:
        """For each message the passages that quote it and ended before the moment."""
        rows = self._rows(
            "SELECT q.message, p.key FROM quote q JOIN passage p ON p.id = q.passage "
            f"WHERE p.chat IN ({','.join('?' * len(shelves))}) AND q.message IN ({{}}) "
            "AND (? IS NULL OR p.ended_at < ?) ORDER BY p.has_self DESC, p.id",
            list(messages),
            [None if before is None else millis(before)] * 2,
            shelves,
        )
        found: dict[str, list[str]] = {}
        for message, key in rows:
            found.setdefault(message, []).append(key)
        return found

    def _insert(self, chunk: Chunk) -> None:
        self._connection.execute("INSERT OR IGNORE INTO temp.seen VALUES (?)", [chunk.id])
        added = self._connection.execute(
            "INSERT OR IGNORE INTO passage (key, chat, ended_at, has_self) VALUES (?, ?, ?, ?)",
            [chunk.id, chunk.chat, millis(chunk.ended_at), chunk.has_self],
        )
        if added.rowcount:
            self._connection.executemany(
                "INSERT INTO quote VALUES (?, ?, ?)",
                [(m.id, added.lastrowid, i) for i, m in enumerate(chunk.messages)],
            )

    def _rows(
        self,
        sql: str,
        keys: Sequence[str],
        tail: Sequence[object] = (),
        head: Sequence[object] = (),
    ) -> Iterator[Any]:
        """Rows of ``sql``, whose ``{}`` takes the keys, however many they are."""
        for start in range(0, len(keys), _VARIABLES):
            part = keys[start : start + _VARIABLES]
            marks = ",".join("?" * len(part))
            yield from self._connection.execute(sql.format(marks), [*head, *part, *tail])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"{self._path}: {error}; if the disk is full free some space, then run: "
                "atself index --rebuild"
            ) from error


def terms_of(chunk: Chunk) -> set[str]:
    """The distinct search terms of a passage."""
    return {term for message in chunk.messages for term in terms(message.text)}
