"""Decisions about people: merge, split, rename, bot or not, @self. The caller's transaction.

Each is remembered in the table ``decision``, so that no later import takes it back, and doing one
again changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from ingest.chat import Person
from ingest.database import touch, unsettle
from ingest.errors import ArchiveError
from ingest.roster import Roster


class Identities:
    """What may be decided about the people of one archive."""

    def __init__(self, connection: sqlite3.Connection, roster: Roster) -> None:
        self._connection = connection
        self._roster = roster

    def merge(self, id: int, *others: int, verb: str = "merge") -> Person:
        """Let the rows of ``others`` be the person ``id``; @self stays @self."""
        root = self._roster.root(id)
        joined = list(dict.fromkeys(self._roster.root(other) for other in others))
        joined = [other for other in joined if other != root]
        is_self = any(self._roster.entries[row].is_self for row in (root, *joined))
        for other in joined:
            for row in self._roster.rows(other):
                self._roster.point(row, root)
            self._log(verb, other, root)
        if joined:
            self._roster.refresh()
            self._roster.mark(root, is_self=is_self)
            touch(self._connection)
            unsettle(self._connection)
        return self._roster.person(root)

    def split(self, id: int, *accounts: str, asked: str) -> list[Person]:
        """Give the rows of ``accounts`` back to themselves.

        Where none is named, ``asked`` says which: an account, or a person for all of theirs.
        """
        rows = self._roster.rows(id)
        if len(rows) == 1:
            raise ArchiveError(
                f"@{self._roster.handle(rows[0])} has one account only; there is nothing to split"
            )
        leaving = self._leaving(rows, accounts, asked)
        staying = [row for row in rows if row not in leaving] or [leaving.pop(0)]
        is_self = self._roster.entries[rows[0]].is_self
        for row in (*staying, *leaving):
            self._roster.point(row, staying[0] if row in staying[1:] else None)
        self._roster.refresh()
        for row in leaving:
            self._roster.mark(row, is_self=False)
            self._log("split", row)
        self._roster.mark(staying[0], is_self=is_self)
        touch(self._connection)
        unsettle(self._connection)
        return [self._roster.person(row) for row in (staying[0], *leaving)]

    def rename(self, id: int, name: str | None) -> Person:
        """Set the name a person is shown by."""
        root = self._roster.root(id)
        shown = (name or "").strip() or None
        if shown != self._roster.entries[root].shown:
            self._roster.show(root, shown)
            self._log("rename", root)
            touch(self._connection)
        return self._roster.person(root)

    def mark_bot(self, id: int, *, is_bot: bool) -> Person:
        """Say whether a person is a bot; no rule decides otherwise later."""
        root = self._roster.root(id)
        if self._roster.entries[root].is_bot != is_bot:
            self._roster.mark(root, is_bot=is_bot)
            touch(self._connection)
        if not decided(self._connection, root, "bot" if is_bot else "no bot"):
            self._log("bot" if is_bot else "no bot", root)
        return self._roster.person(root)

    def set_self(self, *ids: int) -> Person:
        """Make these rows one person, and that person alone @self."""
        chosen = self.merge(ids[0], *ids[1:])
        for person in self._roster.people():
            if person.is_self != (person.id == chosen.id):
                self._roster.mark(person.id, is_self=person.id == chosen.id)
                self._log("self" if person.id == chosen.id else "not self", person.id)
                touch(self._connection)
        return self._roster.person(chosen.id)

    def _leaving(self, rows: list[int], accounts: Iterable[str], asked: str) -> list[int]:
        named = [self._row_of(account, rows) for account in accounts]
        if named or asked.strip().removeprefix("@") == self._roster.handle(rows[0]):
            return list(dict.fromkeys(named)) or rows[1:]
        return self._named(asked, rows) or rows[1:]

    def _row_of(self, account: str, rows: list[int]) -> int:
        found = self._named(account, rows)
        if len(found) == 1:
            return found[0]
        have = ", ".join(
            f"{known.platform}:{known.key}"
            for row in rows
            for known in self._roster.entries[row].accounts
        )
        person = self._roster.person(rows[0])
        raise ArchiveError(f"{account!r} is no account of @{person.handle}, who has: {have}")

    def _named(self, who: str, rows: list[int]) -> list[int]:
        """The rows among these of an account ``who`` (or ``platform:who``), or with that handle."""
        return [row for row in self._roster.find_rows(who, by_name=False) if row in rows]

    def _log(self, verb: str, person: int, other: int | None = None) -> None:
        self._connection.execute(
            "INSERT INTO decision (verb, person, other) VALUES (?, ?, ?)", (verb, person, other)
        )


def decided(connection: sqlite3.Connection, row: int, *verbs: str) -> bool:
    """Whether one of these was the last thing decided about a row on its matter."""
    marks = ",".join("?" * len(verbs))
    found = connection.execute(
        f"SELECT 1 FROM decision WHERE person = ? AND verb IN ({marks}) LIMIT 1", (row, *verbs)
    )
    return found.fetchone() is not None
