"""The full-text index beside the messages: it holds terms and their places, not the text."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from ingest.terms import phrase


def index(connection: sqlite3.Connection, texts: Iterable[tuple[int, str]]) -> None:
    """Make messages, ``(row id, text)``, findable by the terms of their texts."""
    connection.executemany(
        "INSERT INTO words (rowid, terms) VALUES (?, ?)",
        ((id, phrase(text)) for id, text in texts),
    )


def unindex(connection: sqlite3.Connection, texts: Iterable[tuple[int, str]]) -> None:
    """Take messages out: a contentless index must be told the very texts it had indexed."""
    connection.executemany(
        "INSERT INTO words (words, rowid, terms) VALUES ('delete', ?, ?)",
        ((id, phrase(text)) for id, text in texts),
    )
