"""What an archive holds, in a form to compare two archives by; and whether it is whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_INDEX = ("words_data", "words_idx", "words_docsize", "words_config")


@contextmanager
def opened(archive: Path) -> Iterator[sqlite3.Connection]:
    """A plain connection, without anything the archive does on opening."""
    with closing(sqlite3.connect(archive, isolation_level=None)) as connection:
        yield connection


def faults(archive: Path) -> list[str]:
    """What SQLite and its word index find wrong; empty for a sound archive."""
    with opened(archive) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        if not connection.execute("PRAGMA user_version").fetchone()[0]:
            return [fault for fault in found if fault != "ok"]  # killed before its tables were made
        try:
            connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        except sqlite3.DatabaseError as error:
            found.append(str(error))
    return [fault for fault in found if fault != "ok"]


def dump(archive: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, row ids included, and every entry of the word index."""
    with opened(archive) as connection:
        connection.execute(
            "CREATE VIRTUAL TABLE temp.entries USING fts5vocab(main, words, instance)"
        )
        tables = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
        ).fetchall()
        kept = {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr)
            for (name,) in tables
            if name not in (*_INDEX, "words")
        }
        return {**kept, "words": connection.execute("SELECT * FROM temp.entries").fetchall()}
