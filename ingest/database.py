"""SQLite as the archive uses it: opening, transactions, instants, and errors in plain words."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ingest import schema
from ingest.errors import ArchiveError
from ingest.scope import Scope

BUSY_SECONDS = 15
_OPERATIONS = 10_000  # of SQLite's machine between two looks at the clock: some 0.1 ms
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def connect(path: Path, *, any_thread: bool = False) -> sqlite3.Connection:
    """Open (or create) the database at ``path`` in WAL mode, with the current tables.

    The connection is for the thread that opens it; with ``any_thread`` for one at a time.
    """
    with explained(path):
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=not any_thread
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA cache_size = -65536")
        # Pages of the indexes are written many times before they rest; 32 MiB of them, not 4,
        # between two checkpoints.
        connection.execute("PRAGMA wal_autocheckpoint = 8000")
        _migrate(connection, path)
        connection.execute("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, words, row)")
        give_logarithm(connection)
        if connection.execute("SELECT 1 FROM meta WHERE key = 'wipe'").fetchone():
            with suppress(sqlite3.OperationalError):  # locked: whoever began it is still at it
                wipe(connection)
        return connection


def give_logarithm(connection: sqlite3.Connection) -> None:
    """SQLite has its mathematical functions only where it was built with them."""
    try:
        connection.execute("SELECT log2(2)")
    except sqlite3.OperationalError:
        connection.create_function("log2", 1, math.log2, deterministic=True)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > schema.VERSION:
        raise ArchiveError(f"{path}: written by a newer atself; update atself to open it")
    if found < schema.VERSION:
        with immediate(connection):
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            for statement in _statements(_script_from(found)):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {schema.VERSION}")


def _script_from(version: int) -> str:
    """What makes an archive of this layout, 0 for an empty file, one of today's."""
    if version == 0:
        return schema.TABLES
    return "\n".join(schema.UPGRADES[step] for step in range(version, schema.VERSION))


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def immediate(connection: sqlite3.Connection) -> Iterator[None]:
    """A write transaction: committed at the end, rolled back on any error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def touch(connection: sqlite3.Connection) -> None:
    """Count a change, so that what was made from the archive can tell that it is older."""
    connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'revision'")


def unsettle(connection: sqlite3.Connection) -> None:
    """Note that people are to be settled again: messages came, or somebody was merged or split."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('unsettled', 1)")


@contextmanager
def explained(where: object) -> Iterator[None]:
    """Turn SQLite's failures into one line that says what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        hints = {
            "locked": "another atself is writing; wait for it or stop it, then run again",
            "full": "the disk is full; free some space, then run again: nothing is lost",
            "unable to open": "check that the folder exists and may be written",
            "readonly": "the file may not be written; check its permissions",
        }
        hint = next((hints[key] for key in hints if key in str(error)), "")
        raise ArchiveError(f"{where}: {error}" + (f"; {hint}" if hint else "")) from error
    except sqlite3.DatabaseError as error:
        raise ArchiveError(
            f"{where}: not a sound SQLite file ({error}); move it away and ingest the exports again"
        ) from error


def fetched(
    connection: sqlite3.Connection, sql: str, values: Sequence[object], seconds: float | None
) -> list[Any]:
    """All rows of a query; none where finding them takes longer than ``seconds``."""
    if seconds is not None:
        end = time.monotonic() + seconds
        connection.set_progress_handler(lambda: int(time.monotonic() > end), _OPERATIONS)
    try:
        return connection.execute(sql, values).fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return []
    finally:
        connection.set_progress_handler(None, 0)


def wipe_later(connection: sqlite3.Connection) -> None:
    """In the transaction that deletes: a process killed before it wipes leaves it to the next."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('wipe', 1)")


def wipe(connection: sqlite3.Connection) -> None:
    """Leave no byte of what was deleted in the index, on free pages, or in the log."""
    connection.execute("INSERT INTO words (words) VALUES ('optimize')")
    connection.execute("VACUUM")
    connection.execute("DELETE FROM meta WHERE key = 'wipe'")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def millis(instant: datetime) -> int:
    """Milliseconds since 1970 of an aware instant."""
    return (instant - _EPOCH) // _MILLISECOND


def instant(value: int) -> datetime:
    """The aware instant of :func:`millis`."""
    return _EPOCH + value * _MILLISECOND


def reach(scope: Scope) -> tuple[str, list[object]]:
    """A WHERE clause over ``message m`` and ``chat c`` for what ``scope`` lets be read."""
    if scope.chats is None:
        return "1", []
    chats, own = (",".join("?" * len(keys)) for keys in (scope.chats, scope.own))
    said_by_self = "m.forwarded_from IS NULL AND m.person IN (SELECT id FROM person WHERE is_self)"
    clause = f"(c.key IN ({chats}) OR (c.key IN ({own}) AND {said_by_self}))"
    return clause, [*scope.chats, *scope.own]


def bounds(
    chat: str | None, after: datetime | None, before: datetime | None
) -> tuple[str, list[object]]:
    """A WHERE clause over ``message m`` and ``chat c``, and its values."""
    clauses, values = ["1"], list[object]()
    if chat is not None:
        clauses.append("c.key = ?")
        values.append(chat)
    if after is not None:
        clauses.append("m.sent_at >= ?")
        values.append(millis(after))
    if before is not None:
        clauses.append("m.sent_at < ?")
        values.append(millis(before))
    return " AND ".join(clauses), values
