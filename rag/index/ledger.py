"""Writing the catalogue: which passages there are now, which of them still lack a vector."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.chunks import Chunk
from ingest.database import millis
from rag.index.catalogue import Catalogue, Entry
from rag.index.segments import Segment

Cut = tuple[int, int, str, int]
"""A segment that was cut: its end, what it reads from, by which recipe, at which revision."""


VANISHED = 2
"""State of a passage whose messages were deleted; it goes when its segment is cut again."""


@dataclass(frozen=True, slots=True)
class Pending:
    """How many passages there are and how many lack the vector they are to have."""

    wanted: int
    missing: int


class Ledger:
    """What an index run writes down as it goes; each call is one transaction."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def meta(self, key: str) -> Any:
        """A value noted earlier, or None."""
        return self._catalogue.meta(key)

    def note(self, key: str, value: object) -> None:
        """Keep a small JSON value."""
        self._catalogue.note(key, value)

    def entries(self, keys: Iterable[str]) -> dict[str, Entry]:
        """Passages by id."""
        return self._catalogue.entries(keys)

    def finished(self) -> dict[str, tuple[str, int]]:
        """Recipe and revision by chat, of chats that were cut to their end."""
        rows = self._catalogue.select("SELECT chat, recipe, revision FROM finished")
        return {chat: (recipe, revision) for chat, recipe, revision in rows}

    def finish(self, chat: str, recipe: str, revision: int) -> None:
        """All of a chat was cut as it was at this revision."""
        with self._catalogue.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO finished VALUES (?, ?, ?)", [chat, recipe, revision]
            )

    def cut(self, chat: str) -> dict[int, Cut]:
        """The segments of a chat that were cut, by their beginning."""
        rows = self._catalogue.select(
            "SELECT since, until, reads_from, recipe, revision FROM segment WHERE chat = ?", [chat]
        )
        return {row[0]: row[1:] for row in rows}

    def replace(
        self,
        chat: str,
        segment: Segment,
        shelved: Iterable[tuple[str, Chunk]],
        recipe: str,
        revision: int,
    ) -> None:
        """Make these the passages of a segment; those that were there already keep their vector."""
        found = {chunk.id: (shelf, chunk) for shelf, chunk in shelved}
        with self._catalogue.writing() as connection:
            known = self._known(chat, segment)
            wanted = {key: (shelf, chunk.has_self) for key, (shelf, chunk) in found.items()}
            self._remove(connection, [key for key in known if known[key] != wanted.get(key)])
            self._insert(
                connection, [(k, *v) for k, v in found.items() if known.get(k) != wanted[k]]
            )
            connection.execute(
                "DELETE FROM segment WHERE chat = ? AND since < ? AND until > ?",
                [chat, segment.until, segment.since],
            )
            connection.execute(
                "INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?)",
                [chat, segment.since, segment.until, segment.reads_from, recipe, revision],
            )

    def drop(self, chat: str) -> None:
        """Take out a chat that is no more."""
        with self._catalogue.writing() as connection:
            rows = connection.execute("SELECT key FROM passage WHERE chat = ?", [chat]).fetchall()
            self._remove(connection, [key for (key,) in rows])
            for table in ("segment", "finished"):
                connection.execute(f"DELETE FROM {table} WHERE chat = ?", [chat])

    def pending(self, limit: int, *, only_self: bool) -> list[str]:
        """Passages that lack a vector: those with @self first, of each kind the newest first."""
        sql = (
            "SELECT key FROM passage WHERE NOT has_vector AND has_self >= ? "
            "ORDER BY has_self DESC, ended_at DESC LIMIT ?"
        )
        return [key for (key,) in self._catalogue.select(sql, [int(only_self), limit])]

    def count(self, *, only_self: bool) -> Pending:
        """How far vectors are."""
        missing = "count(*) FILTER (WHERE NOT has_vector)"
        sql = f"SELECT count(*), {missing} FROM passage WHERE has_self >= ?"
        return Pending(*self._catalogue.select(sql, [int(only_self)])[0])

    def with_vectors(self) -> dict[str, int]:
        """How many vectors there should be on each shelf."""
        sql = "SELECT shelf, count(*) FILTER (WHERE has_vector = 1) FROM passage GROUP BY shelf"
        return {shelf: count for shelf, count in self._catalogue.select(sql) if count}

    def shelves(self) -> set[str]:
        """The shelves that have passages."""
        return {shelf for (shelf,) in self._catalogue.select("SELECT DISTINCT shelf FROM passage")}

    def keys(self, shelf: str) -> list[str]:
        """The passages of a shelf."""
        rows = self._catalogue.select("SELECT key FROM passage WHERE shelf = ?", [shelf])
        return [key for (key,) in rows]

    def note_vectors(self, keys: Iterable[str], state: int = 1) -> None:
        """These passages have their vector now; 0: have none; VANISHED: none can be made."""
        with self._catalogue.writing() as connection:
            connection.executemany(
                "UPDATE passage SET has_vector = ? WHERE key = ?",
                [(state, key) for key in keys],
            )

    def forget_vectors(self) -> None:
        """No passage has a vector, as in a store that is still empty."""
        with self._catalogue.writing() as connection:
            connection.execute("UPDATE passage SET has_vector = 0 WHERE has_vector")
            connection.execute("DELETE FROM gone")

    def gone(self) -> dict[str, list[str]]:
        """The vectors to be deleted, by shelf."""
        found: dict[str, list[str]] = {}
        for shelf, key in self._catalogue.select("SELECT shelf, key FROM gone"):
            found.setdefault(shelf, []).append(key)
        return found

    def clear_gone(self, shelf: str) -> None:
        """The vectors of a shelf were deleted."""
        with self._catalogue.writing() as connection:
            connection.execute("DELETE FROM gone WHERE shelf = ?", [shelf])

    def _known(self, chat: str, segment: Segment) -> dict[str, tuple[str, bool]]:
        rows = self._catalogue.select(
            "SELECT key, shelf, has_self FROM passage "
            "WHERE chat = ? AND ended_at >= ? AND ended_at < ?",
            [chat, segment.since, segment.until],
        )
        return {key: (shelf, bool(has_self)) for key, shelf, has_self in rows}

    def _remove(self, connection: sqlite3.Connection, keys: Sequence[str]) -> None:
        each = [(key,) for key in keys]
        connection.executemany(
            "INSERT OR IGNORE INTO gone SELECT key, shelf FROM passage "
            "WHERE key = ? AND has_vector",
            each,
        )
        connection.executemany("DELETE FROM passage WHERE key = ?", each)

    def _insert(
        self, connection: sqlite3.Connection, chunks: Sequence[tuple[str, str, Chunk]]
    ) -> None:
        # The next free row ids, so that quotes need not wait for them one by one.
        [(first,)] = self._catalogue.select("SELECT ifnull(max(id), 0) + 1 FROM passage")
        connection.executemany(
            "INSERT INTO passage (id, key, chat, shelf, ended_at, has_self, is_statement) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (id, key, c.chat, shelf, millis(c.ended_at), c.has_self, c.is_statement)
                for id, (key, shelf, c) in enumerate(chunks, first)
            ],
        )
        connection.executemany(
            "INSERT INTO quote VALUES (?, ?, ?)",
            [
                (message.id, id, position)
                for id, (_key, _shelf, chunk) in enumerate(chunks, first)
                for position, message in enumerate(chunk.messages)
            ],
        )
        # A passage that came back needs its vector after all.
        connection.executemany(
            "DELETE FROM gone WHERE (key, shelf) = (?, ?)",
            [(key, shelf) for key, shelf, _ in chunks],
        )
