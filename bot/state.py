"""The bots' own database (``Home.state``): what must outlive a restart, beside the archive."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ingest.database import BUSY_SECONDS, explained


def open_state(path: Path, tables: str) -> sqlite3.Connection:
    """Open (or create) the database at ``path`` with ``tables`` (``CREATE … IF NOT EXISTS``) in it.

    Statements outside a transaction are committed at once, and for good. Raises ArchiveError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with explained(path):
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # decisions are few and must not be lost
        connection.execute("PRAGMA secure_delete = ON")
        connection.executescript(tables)
    return connection
