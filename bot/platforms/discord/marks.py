"""What must outlive a restart: how far each channel was heard, where the bot is, its menu.

A mark is the newest message of a channel that was passed on and will survive a crash. A channel's
first is written at once, for a channel without one starts with what comes; later ones a moment
later, many at once: after a crash the last moment is read from Discord again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Collection
from hashlib import blake2b
from pathlib import Path

from bot.state import open_state
from ingest.database import immediate

_TABLES = """
CREATE TABLE IF NOT EXISTS discord_channel (id INTEGER PRIMARY KEY, since INTEGER NOT NULL,
  last INTEGER NOT NULL, recent TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS discord_fact (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
OVERLAP_MILLIS = 60_000
"""Messages this much older than the newest are read again: Discord may tell two out of order."""
_RECENT = 200
_FLUSH_SECONDS = 0.5
_log = logging.getLogger("atself.discord")


def overlap_before(message: int) -> int:
    """The id from which on messages around ``message`` are read again (a snowflake)."""
    return max(0, message - (OVERLAP_MILLIS << 22))


class Marks:
    """The marks of all channels, in memory and in the bots' state file."""

    def __init__(self, path: Path) -> None:
        self._connection = open_state(path, _TABLES)
        rows = self._connection.execute(
            "SELECT id, since, last, recent FROM discord_channel"
        ).fetchall()
        self._since: dict[int, int] = {row[0]: row[1] for row in rows}
        self._last: dict[int, int] = {row[0]: row[2] for row in rows}
        self._recent: dict[int, list[int]] = {row[0]: json.loads(row[3]) for row in rows}
        self._written = set(self._last)
        self._dirty: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels that were heard."""
        return tuple(self._last)

    @property
    def newest(self) -> int:
        """The newest message of any channel, 0 where none was heard."""
        return max(self._last.values(), default=0)

    def last(self, channel: int) -> int | None:
        """The newest message of ``channel``, None where it was never heard."""
        return self._last.get(channel)

    def unheard_from(self, channel: int) -> int | None:
        """The message after which a channel is to be read, None where it was never heard."""
        last = self._last.get(channel)
        return None if last is None else max(overlap_before(last), self._since[channel])

    def has(self, channel: int, message: int) -> bool:
        """Whether ``message`` was passed on, as far back as is remembered."""
        return message in self._recent.get(channel, ())

    def note(self, channel: int, message: int) -> None:
        """``message`` was passed on; call it on the running loop."""
        recent = self._recent.setdefault(channel, [])
        self._since.setdefault(channel, message)
        last = self._last[channel] = max(message, self._last.get(channel, 0))
        if message not in recent:
            recent.append(message)
        since = overlap_before(last)
        self._recent[channel] = [kept for kept in recent[-_RECENT:] if kept >= since]
        self._dirty.add(channel)
        if channel not in self._written:
            self._flush_soon()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self._flush_soon)

    def drop(self, channel: int) -> None:
        """Forget a channel that is gone."""
        self._since.pop(channel, None)
        self._last.pop(channel, None)
        self._recent.pop(channel, None)
        self._dirty.discard(channel)
        self._written.discard(channel)
        self._connection.execute("DELETE FROM discord_channel WHERE id = ?", (channel,))

    def flush(self) -> None:
        """Write what is not written yet."""
        rows = [
            (key, self._since[key], self._last[key], json.dumps(self._recent[key]))
            for key in self._dirty
        ]
        with immediate(self._connection):
            self._connection.executemany(
                "INSERT OR REPLACE INTO discord_channel VALUES (?, ?, ?, ?)", rows
            )
        self._written |= self._dirty
        self._dirty.clear()

    def _flush_soon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            self.flush()
        except sqlite3.OperationalError as error:  # locked or full: the next message tries again
            _log.warning("discord: marks not written (%s); tried again", error)

    def fact(self, key: str) -> str | None:
        """What was kept under ``key``."""
        row = self._connection.execute(
            "SELECT value FROM discord_fact WHERE key = ?", (key,)
        ).fetchone()
        return row[0] if row else None

    def keep(self, key: str, value: str) -> None:
        """Keep ``value`` under ``key``."""
        self._connection.execute("INSERT OR REPLACE INTO discord_fact VALUES (?, ?)", (key, value))

    def keep_words(self, words: str) -> str:
        """A short key for the words of a button that do not fit it."""
        key = blake2b(words.encode(), digest_size=16).hexdigest()
        self.keep(f"words:{key}", words)
        return key

    def swap_guilds(self, guilds: Collection[int]) -> tuple[set[int], set[int]]:
        """Note where the bot is; returns the servers that came and those that went meanwhile."""
        before = set(map(int, json.loads(self.fact("guilds") or "[]")))
        if before != set(guilds):
            self.keep("guilds", json.dumps(sorted(guilds)))
        return set(guilds) - before, before - set(guilds)

    def close(self) -> None:
        """Write the rest and close."""
        self._flush_soon()
        self._connection.close()
