"""The bots' own small database (``Home.state``): what must be remembered over a restart.

The journal of messages in work, what admins decided, runs of scheduled jobs: each module makes its
own tables in it. It holds no message longer than it is in work.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ingest.database import BUSY_SECONDS, explained


def open_state(path: Path, tables: str, *, in_a_hurry: bool = False) -> sqlite3.Connection:
    """Open (or create) the database with these tables (``CREATE TABLE IF NOT EXISTS …``).

    What is committed survives a cut in power, too, unless ``in_a_hurry``: then only any crash of
    the process. The connection may be used from any thread, by one at a time. Raises ArchiveError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with explained(path):
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if in_a_hurry else 'FULL'}")
        connection.execute("PRAGMA secure_delete = ON")
        connection.executescript(tables)
        return connection
