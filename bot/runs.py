"""What was run, by whom it was asked for, and how it ended: one row per run in ``Home.state``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.state import open_state
from ingest.database import instant, millis

KEPT = 500
"""Newest runs of each kind that are remembered; the index may run 96 times a day."""
TABLES = """
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    asker TEXT NOT NULL,                 -- an account, or "schedule"
    started_at INTEGER NOT NULL,         -- milliseconds since 1970
    ended_at INTEGER,                    -- NULL while it runs
    outcome TEXT NOT NULL,               -- running, done, failed, stopped, lost
    detail TEXT NOT NULL,                -- one line: what came of it, or what went wrong
    work TEXT NOT NULL,                  -- its commands (bot.admin.works), to go on with it
    step INTEGER NOT NULL,               -- which of them is running, from 0
    pid INTEGER,
    born TEXT                            -- tells that process from a later one of the same id
);
CREATE INDEX IF NOT EXISTS run_kind ON run (kind, id);
"""
_COLUMNS = "id, kind, asker, started_at, ended_at, outcome, detail, work, step, pid, born"
LOST = "lost"
SCHEDULE = "schedule"
"""The asker of what runs by itself."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run. ``outcome`` is running, done, failed, stopped, or lost (nobody saw its end)."""

    id: int
    kind: str
    asker: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = "running"
    detail: str = ""
    work: str = ""
    step: int = 0
    pid: int | None = None
    born: str | None = None

    @property
    def took(self) -> timedelta | None:
        """How long it took; None while it runs."""
        return self.ended_at - self.started_at if self.ended_at else None


class Runs:
    """The table of runs. For one thread."""

    def __init__(self, path: Path, clock: Callable[[], datetime], *, kept: int = KEPT) -> None:
        """Open it in the database at ``path``. Raises ArchiveError."""
        self._connection, self._clock = open_state(path, TABLES), clock
        self._kept = kept

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def begin(self, kind: str, asker: str, work: str = "") -> int:
        """Note that something begins; returns its id. Old ones of its kind are let go."""
        cursor = self._connection.execute(
            "INSERT INTO run (kind, asker, started_at, outcome, detail, work, step) "
            "VALUES (?, ?, ?, 'running', '', ?, 0)",
            [kind, asker, millis(self._clock()), work],
        )
        id = int(cursor.lastrowid or 0)
        self._connection.execute(
            "DELETE FROM run WHERE kind = ? AND ended_at IS NOT NULL AND id <= "
            "(SELECT id FROM run WHERE kind = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
            [kind, kind, self._kept],
        )
        return id

    def started(self, id: int, step: int, pid: int, born: str | None) -> None:
        """Note the process that does a step of it."""
        self._connection.execute(
            "UPDATE run SET step = ?, pid = ?, born = ? WHERE id = ?", [step, pid, born, id]
        )

    def end(self, id: int, outcome: str, detail: str = "") -> None:
        """Note how it ended. Its commands, which may name people, are kept only of one lost."""
        self._connection.execute(
            "UPDATE run SET ended_at = ?, outcome = ?, detail = ?, pid = NULL, born = NULL, "
            "work = CASE WHEN ? THEN work ELSE '' END WHERE id = ?",
            [millis(self._clock()), outcome, detail, outcome == LOST, id],
        )

    def get(self, id: int) -> Run:
        """One run. Raises KeyError."""
        found = self._select("WHERE id = ?", id)
        if not found:
            raise KeyError(id)
        return found[0]

    def last(self, kind: str) -> Run | None:
        """The newest of a kind."""
        return next(iter(self._select("WHERE kind = ? ORDER BY id DESC LIMIT 1", kind)), None)

    def unfinished(self) -> list[Run]:
        """Those without an end: what runs now, and after a crash what ran then."""
        return self._select("WHERE ended_at IS NULL ORDER BY id")

    def recent(self, limit: int) -> list[Run]:
        """The newest, newest first."""
        return self._select("ORDER BY id DESC LIMIT ?", limit)

    def _select(self, where: str, *values: object) -> list[Run]:
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM run {where}", values)
        return [_run(row) for row in rows]


def _run(row: tuple[Any, ...]) -> Run:
    id, kind, asker, started_at, ended_at, *others = row
    ended = None if ended_at is None else instant(ended_at)
    return Run(id, kind, asker, instant(started_at), ended, *others)
