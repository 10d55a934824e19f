"""The people of an archive in memory, written through to its tables."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field

from ingest.chat import Account, Person
from ingest.people import handle_for, looks_like_bot

SELF_KEY = "self"


@dataclass
class _Entry:
    """One person while the archive is open."""

    id: int
    handle: str
    is_self: bool
    is_bot: bool
    names: list[str] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)


class Roster:
    """Who is who: accounts to people, names to people, people to handles.

    A person met for the first time gets a row and a handle; later display names are added to the
    same person. Nothing is committed here: the caller's transaction does that.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.reload()

    def reload(self) -> None:
        """Read the tables anew, as after a rolled-back transaction."""
        select = self._connection.execute
        self._people = {
            row[0]: _Entry(row[0], row[1], bool(row[2]), bool(row[3]))
            for row in select("SELECT id, handle, is_self, is_bot FROM person ORDER BY id")
        }
        self._accounts: dict[tuple[str, str], int] = {}
        for platform, key, person in select("SELECT platform, key, person FROM account"):
            self._accounts[platform, key] = person
            self._people[person].accounts.append(Account(platform, key))
        self._by_name: dict[str, set[int]] = defaultdict(set)
        for person, name in select("SELECT person, name FROM name ORDER BY since"):
            self._people[person].names.append(name)
            self._by_name[name.casefold()].add(person)
        self._handles = {entry.handle.casefold(): id for id, entry in self._people.items()}
        self._forgotten = {row[0] for row in select("SELECT digest FROM forgotten")}
        self._views: dict[int, Person] = {}

    def person(self, id: int) -> Person:
        """The person with this row id."""
        view = self._views.get(id)
        if view is None:
            entry = self._people[id]
            view = self._views[id] = Person(
                id,
                entry.handle,
                tuple(entry.names),
                tuple(entry.accounts),
                entry.is_self,
                entry.is_bot,
            )
        return view

    def people(self) -> list[Person]:
        """Everyone, in the order they were first met."""
        return [self.person(id) for id in self._people]

    def find(self, who: str) -> list[Person]:
        """Those called ``who``: by handle, account key or any display name they ever used.

        ``@handle`` is one person; a bare word may be one's handle and another's name.
        """
        given = who.strip().casefold()
        folded = given.removeprefix("@")
        handle = {self._handles[folded]} if folded in self._handles else set()
        if handle and given.startswith("@"):
            return [self.person(id) for id in handle]
        keys = {id for (_, key), id in self._accounts.items() if key.casefold() == folded}
        return [
            self.person(id) for id in sorted(handle | (keys or self._by_name.get(folded, set())))
        ]

    def is_forgotten(self, account: Account) -> bool:
        """Whether this account asked to be forgotten."""
        return bool(self._forgotten) and account_digest(account) in self._forgotten

    def resolve(self, account: Account, when: int) -> int:
        """The row id of the account's person, created at first sight; ``when`` in milliseconds."""
        id = self._accounts.get((account.platform, account.key))
        if id is None:
            id = self._join(account)
        if account.name and account.name not in self._people[id].names:
            self._add_name(id, account.name, when)
        return id

    def mentioned(self, account: Account) -> int | None:
        """The person a mention means, by account or by a name only one person has."""
        if account.key:
            id = self._accounts.get((account.platform, account.key))
            if id is not None:
                return id
        found = self.find(account.name) if account.name else []
        return found[0].id if len(found) == 1 else None

    def mark(self, id: int, *, is_self: bool | None = None, is_bot: bool | None = None) -> None:
        """Set what kind of participant a person is."""
        entry = self._people[id]
        entry.is_self = entry.is_self if is_self is None else is_self
        entry.is_bot = entry.is_bot if is_bot is None else is_bot
        self._connection.execute(
            "UPDATE person SET is_self = ?, is_bot = ? WHERE id = ?",
            (entry.is_self, entry.is_bot, id),
        )
        self._views.pop(id, None)

    def _join(self, account: Account) -> int:
        is_self = account.key == SELF_KEY and account.platform in ("plain", "writing")
        known = next((entry.id for entry in self._people.values() if entry.is_self), None)
        id = known if is_self and known is not None else self._create(account, is_self)
        self._accounts[account.platform, account.key] = id
        self._people[id].accounts.append(Account(account.platform, account.key))
        self._views.pop(id, None)
        self._connection.execute(
            "INSERT INTO account VALUES (?, ?, ?)", (account.platform, account.key, id)
        )
        return id

    def _create(self, account: Account, is_self: bool) -> int:
        handle = SELF_KEY if is_self else handle_for(account.name, self._handles)
        is_bot = looks_like_bot(account)
        cursor = self._connection.execute(
            "INSERT INTO person (handle, is_self, is_bot) VALUES (?, ?, ?)",
            (handle, is_self, is_bot),
        )
        id = int(cursor.lastrowid or 0)
        self._people[id] = _Entry(id, handle, is_self, is_bot)
        self._handles[handle.casefold()] = id
        return id

    def _add_name(self, id: int, name: str, when: int) -> None:
        self._people[id].names.append(name)
        self._by_name[name.casefold()].add(id)
        self._views.pop(id, None)
        self._connection.execute("INSERT INTO name VALUES (?, ?, ?)", (id, name, when))


def account_digest(account: Account) -> bytes:
    """What is kept of a forgotten account: enough to recognise it, not to read it."""
    text = f"{account.platform}\n{account.key}"
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
