"""First and last moments: when each name was used, and when each row wrote in each chat."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping

from ingest.entries import Entry, Span


class Moments:
    """The tables ``name`` and ``member`` in memory; names lie in the spans of ``entries``.

    They change with every message, so they are written a batch at a time, by :meth:`flush`.
    """

    def __init__(self, connection: sqlite3.Connection, entries: Mapping[int, Entry]) -> None:
        self._connection, self._entries = connection, entries
        select = connection.execute
        for person, name, since, until in select("SELECT person, name, since, until FROM name"):
            entries[person].spans[name] = Span(since, until)
        self._members = {
            (row[0], row[1]): Span(row[2], row[3])
            for row in select("SELECT chat, person, since, until FROM member")
        }
        self._names_changed: set[tuple[int, str]] = set()
        self._members_changed: set[tuple[int, int]] = set()

    def members(self) -> Iterator[tuple[int, int, int, int]]:
        """``(chat, row, since, until)`` of everyone who wrote in a chat, in milliseconds."""
        for (chat, row), span in self._members.items():
            yield chat, row, span.since, span.until

    def used(self, row: int, name: str, when: int) -> bool:
        """Note that a name was shown; whether that is news."""
        spans = self._entries[row].spans
        if name not in spans:
            spans[name] = Span(when, when)
        elif not spans[name].widen(when):
            return False
        self._names_changed.add((row, name))
        return True

    def wrote(self, chat: int, row: int, when: int) -> None:
        """Note that a row wrote in a chat."""
        span = self._members.get((chat, row))
        if span is None:
            self._members[chat, row] = Span(when, when)
        elif not span.widen(when):
            return
        self._members_changed.add((chat, row))

    def flush(self) -> None:
        """Write what changed; the caller's transaction."""
        names = sorted(self._names_changed)
        spans = [self._entries[row].spans[name] for row, name in names]
        self._connection.executemany(
            "INSERT INTO name VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE "
            "SET since = excluded.since, until = excluded.until",
            [(*key, span.since, span.until) for key, span in zip(names, spans, strict=True)],
        )
        members = sorted(self._members_changed)
        self._connection.executemany(
            "INSERT INTO member VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE "
            "SET since = excluded.since, until = excluded.until",
            [(*key, self._members[key].since, self._members[key].until) for key in members],
        )
        self._names_changed.clear()
        self._members_changed.clear()
