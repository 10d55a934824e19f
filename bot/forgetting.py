"""Forgetting somebody who asked for it: noted first, then done by ``atself forget``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from bot.errors import BotError
from bot.state import open_state
from config.settings import Home
from ingest.chat import Account
from ingest.database import explained, millis

_TABLES = """
CREATE TABLE IF NOT EXISTS forgetting (  -- accounts that asked to be forgotten and are not yet
    platform TEXT NOT NULL,
    account TEXT NOT NULL,
    asked_at INTEGER NOT NULL,           -- milliseconds since 1970
    PRIMARY KEY (platform, account)
) WITHOUT ROWID;
"""


class NotForgotten(BotError):
    """Somebody's words could not be removed from everywhere yet."""


class Forgetting:
    """Whom to forget, in the bots' own database, and the command that does it."""

    def __init__(
        self,
        home: Home,
        *,
        clock: Callable[[], datetime],
        program: Sequence[str] = (sys.executable, "-m", "cli.app"),
    ) -> None:
        self._home, self._clock, self._program = home, clock, tuple(program)

    def note(self, account: Account) -> None:
        """Remember that this account is to be forgotten."""
        row = (account.platform, account.key, millis(self._clock()))
        self._write("INSERT OR REPLACE INTO forgetting VALUES (?, ?, ?)", row)

    def done(self, account: Account) -> None:
        """Nothing is left to do for this account."""
        sql = "DELETE FROM forgetting WHERE (platform, account) = (?, ?)"
        self._write(sql, (account.platform, account.key))

    def open(self) -> list[Account]:
        """Those who are not forgotten yet, the longest waiting first."""
        sql = "SELECT platform, account FROM forgetting ORDER BY asked_at"
        with explained(self._home.state), closing(open_state(self._path, _TABLES)) as state:
            return [Account(platform, key) for platform, key in state.execute(sql)]

    async def run(self, account: Account) -> None:
        """Remove an account's person from archive, index and dataset; mark models.

        Runs at low priority beside the bot. Raises NotForgotten; what is noted then stays noted.
        """
        arguments = ("forget", f"{account.platform}:{account.key}", "--yes", "--json", "--home")
        command = ("nice", "-n", "19", *self._program, *arguments, str(self._home.path))
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        try:
            _, told = await process.communicate()
        except asyncio.CancelledError:  # what it does is done again from the start
            process.terminate()
            await process.wait()
            raise
        if process.returncode:
            raise NotForgotten(_last_line(told) or f"atself forget ended with {process.returncode}")
        self.done(account)

    @property
    def _path(self) -> Path:
        return self._home.state

    def _write(self, sql: str, values: Sequence[object]) -> None:
        with explained(self._path), closing(open_state(self._path, _TABLES)) as state:
            state.execute(sql, values)


def _last_line(told: bytes) -> str:
    lines = told.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""
