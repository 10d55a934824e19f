"""A bot that answers each message once, in a process of its own, for tests that kill it.

Run as ``python -m tests.bot.telegram.answering URL TOKEN FOLDER``.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

from bot.platforms.base import Event, Heard, Outgoing
from bot.platforms.telegram import Limiter, Patience, TelegramPlatform
from config.bots import Telegram

TABLE = """
CREATE TABLE IF NOT EXISTS reply (
    place INTEGER PRIMARY KEY, chat TEXT, number INTEGER, tried_at TEXT, after TEXT, sent TEXT,
    UNIQUE (chat, number)
)
"""
QUICK = Patience(first=0.01, longest=0.05, total=30, settle=0.02, read=0.5, poll=5)


class Answering:
    """Notes what is heard, then answers what is noted: as little of a hub as will do."""

    def __init__(self, url: str, token: str, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "journal.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(TABLE)
        settings = Telegram(token=token, url=url)
        freely = Limiter(overall_max_rate=0, group_max_rate=0)
        self._platform = TelegramPlatform(
            settings, folder / "bot.sqlite", patience=QUICK, limiter=freely
        )
        self._noted = asyncio.Event()

    async def run(self) -> None:
        """Until killed."""
        await asyncio.gather(self._platform.run(self._note, lambda _: None), self._answer())

    async def _note(self, event: Event) -> None:
        if isinstance(event, Heard):
            chat, _, number = event.message.id.rpartition(":")
            self._db.execute(
                "INSERT OR IGNORE INTO reply (chat, number) VALUES (?, ?)", (chat, int(number))
            )
            self._noted.set()

    async def _answer(self) -> None:
        while True:
            row = self._db.execute(
                "SELECT place, chat, number, tried_at, after FROM reply WHERE sent IS NULL"
            ).fetchone()
            if row is None:
                self._noted.clear()
                await self._noted.wait()
            else:
                await self._say(*row)

    async def _say(
        self, place: int, chat: str, number: int, tried_at: str | None, after: str | None
    ) -> None:
        newest = self._db.execute("SELECT max(number) FROM reply WHERE chat = ?", (chat,))
        after = after or f"{chat}:{newest.fetchone()[0]}"
        at = datetime.fromisoformat(tried_at) if tried_at else datetime.now(UTC)
        text = f"answer to {number}"
        outgoing = Outgoing(f"k{place}", chat, text, after=after, first_tried_at=at)
        sent = await self._platform.find(outgoing) if tried_at else None
        if sent is None:
            values = (at.isoformat(), after, place)
            self._db.execute("UPDATE reply SET tried_at = ?, after = ? WHERE place = ?", values)
            sent = await self._platform.send(outgoing)
        self._db.execute("UPDATE reply SET sent = ? WHERE place = ?", (sent.id, place))


async def main(url: str, token: str, folder: str) -> None:
    """Run it."""
    await Answering(url, token, Path(folder)).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
