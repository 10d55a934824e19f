"""Accounts of which nothing is kept: those that were forgotten, and those that opted out."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable

from ingest.chat import Account


class Refusals:
    """Digests of both, written through to the tables ``forgotten`` and ``withdrawn``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.read()

    def read(self) -> None:
        """Read the tables anew."""
        select = self._connection.execute
        self.forgotten = {row[0] for row in select("SELECT digest FROM forgotten")}
        self.withdrawn = {row[0] for row in select("SELECT digest FROM withdrawn")}
        self._counted = self._count()

    @property
    def is_stale(self) -> bool:
        """Whether another connection forgot somebody, or let them opt out or in, since."""
        return self._count() != self._counted

    def is_forgotten(self, account: Account) -> bool:
        """Whether this account asked to be forgotten."""
        return bool(self.forgotten) and account_digest(account) in self.forgotten

    def is_withdrawn(self, account: Account) -> bool:
        """Whether this account opted out."""
        return bool(self.withdrawn) and account_digest(account) in self.withdrawn

    def forget(self, accounts: Iterable[Account]) -> None:
        """Note that these are forgotten; the caller's transaction, like all that follows."""
        self._write("INSERT OR IGNORE INTO forgotten VALUES (?)", accounts)

    def withdraw(self, accounts: Iterable[Account]) -> None:
        """Note that these opted out."""
        self._write("INSERT OR IGNORE INTO withdrawn VALUES (?)", accounts)

    def readmit(self, accounts: Iterable[Account]) -> None:
        """Take that back."""
        self._write("DELETE FROM withdrawn WHERE digest = ?", accounts)

    def _write(self, sql: str, accounts: Iterable[Account]) -> None:
        self._connection.executemany(sql, [(account_digest(account),) for account in accounts])
        self._connection.execute(
            "INSERT INTO meta VALUES ('refusals', 1) "
            "ON CONFLICT (key) DO UPDATE SET value = value + 1"
        )
        self.read()

    def _count(self) -> list[tuple[str, int]]:
        sql = "SELECT key, value FROM meta WHERE key IN ('forgets', 'refusals') ORDER BY key"
        return self._connection.execute(sql).fetchall()


def account_digest(account: Account) -> bytes:
    """What is kept of a refused account: enough to recognise it, not to read it."""
    text = f"{account.platform}\n{account.key}"
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
