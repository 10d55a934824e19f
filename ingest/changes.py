"""Where the archive reads otherwise than before: what was made from it is remade there alone.

Each chat and hour in which a message came, changed or went is noted with the revision that did it,
in the transaction that did it; a decision about a person concerns all of every chat they wrote in.
An hour holds many messages of a busy chat, so the notes stay few: at most one an hour.

A display name that somebody takes on later is no change: it is shown nowhere in what was said.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from ingest.schema import WHOLE_CHAT

HOUR = 3_600_000
"""Milliseconds."""
_NEXT = "(SELECT value + 1 FROM meta WHERE key = 'revision')"
_NOTE = f"INSERT OR REPLACE INTO change VALUES (?, ?, {_NEXT})"


def note_hours(connection: sqlite3.Connection, places: Iterable[tuple[int, int]]) -> None:
    """Something changed in these ``(chat row, milliseconds)``; the caller's transaction.

    It counts from the revision the transaction makes by :func:`ingest.database.touch`.
    """
    hours = {(chat, at // HOUR) for chat, at in places}
    connection.executemany(_NOTE, sorted(hours))


def note_messages(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """These rows of ``message`` change or go; called while they are there."""
    connection.executemany(
        f"INSERT OR REPLACE INTO change SELECT chat, {_floor('sent_at')}, {_NEXT} FROM message "
        "WHERE id = ?",
        [(id,) for id in ids],
    )


def note_person(connection: sqlite3.Connection, row: int) -> None:
    """The person of this row is somebody else now: a bot, @self, or one with another."""
    connection.execute(
        f"INSERT OR REPLACE INTO change SELECT chat, {WHOLE_CHAT}, {_NEXT} FROM member "
        "WHERE person = ?",
        (row,),
    )


def changed_since(connection: sqlite3.Connection, revision: int) -> dict[str, int]:
    """Chat ids to the first instant (ms) that changed after ``revision``."""
    rows = connection.execute(
        "SELECT c.key, min(x.hour) FROM change x JOIN chat c ON c.id = x.chat "
        "WHERE x.revision > ? GROUP BY x.chat",
        (revision,),
    )
    return {chat: hour * HOUR for chat, hour in rows}


def latest_change(connection: sqlite3.Connection, chat: str, first: int, last: int) -> int:
    """The revision of the last change of a chat between two instants (ms, both inclusive)."""
    sql = (
        "SELECT ifnull(max(revision), 0) FROM change WHERE chat = (SELECT id FROM chat WHERE "
        "key = ?) AND (hour BETWEEN ? AND ? OR hour = ?)"
    )
    bounds = (chat, first // HOUR, last // HOUR, WHOLE_CHAT)
    return int(connection.execute(sql, bounds).fetchone()[0])


def _floor(column: str) -> str:
    """SQL for hours: its division rounds towards zero, Python's down."""
    return f"({column} - (({column} % {HOUR}) + {HOUR}) % {HOUR}) / {HOUR}"
