"""The full-text index beside the messages: it holds terms and their places, not the text."""

from __future__ import annotations

import sqlite3

from ingest.terms import phrase


def index(connection: sqlite3.Connection, id: int, text: str) -> None:
    """Make a message findable by the terms of its text."""
    connection.execute("INSERT INTO words (rowid, terms) VALUES (?, ?)", (id, phrase(text)))


def unindex(connection: sqlite3.Connection, id: int, text: str) -> None:
    """Take a message out: a contentless index must be told the very text it had indexed."""
    connection.execute(
        "INSERT INTO words (words, rowid, terms) VALUES ('delete', ?, ?)", (id, phrase(text))
    )
