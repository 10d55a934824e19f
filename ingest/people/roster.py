"""The people of an archive in memory, written through to its tables.

Every account has a row of its own, with a handle; that several rows are one person is a pointer
from each to the one that stands for all. So merging and splitting rewrite no message.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator

from ingest.changes import note_person
from ingest.chat import Account, Person, RawMessage
from ingest.database import millis
from ingest.people.bridges import style_by_name, unwrapped
from ingest.people.entries import Entry, person_of
from ingest.people.handles import handle_for, looks_like_bot, skeleton
from ingest.people.moments import Moments
from ingest.people.refusals import Refusals

SELF_KEY = "self"
NAME_KEY = "name:"
"""How the key of an account begins that an export names without an id."""


class Roster:
    """Who is who: accounts to rows, rows to people, names to people, people to handles.

    An account met for the first time gets a row and a handle; later display names are added to the
    same row. Nothing is committed here: the caller's transaction does that, after :meth:`flush`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.reload()

    def reload(self) -> None:
        """Read the tables anew, as after a rolled-back transaction."""
        select = self._connection.execute
        self.entries = {
            row[0]: Entry(row[0], row[1], bool(row[2]), bool(row[3]), row[4], row[5])
            for row in select(
                "SELECT id, handle, is_self, is_bot, same_as, shown FROM person ORDER BY id"
            )
        }
        self._accounts: dict[tuple[str, str], int] = {}
        for platform, key, person, owner in select(
            "SELECT platform, key, person, is_owner FROM account"
        ):
            self._accounts[platform, key] = person
            self.entries[person].accounts.append(Account(platform, key, is_self=bool(owner)))
            self.entries[person].is_owner |= bool(owner)
        self._by_name: dict[str, set[int]] = defaultdict(set)
        self._moments = Moments(self._connection, self.entries)
        for entry in self.entries.values():
            for name in entry.spans:
                self._by_name[name.casefold()].add(entry.id)
        for entry in self.entries.values():
            if entry.shown:
                self._by_name[entry.shown.casefold()].add(entry.id)
        self._handles = {entry.handle.casefold(): id for id, entry in self.entries.items()}
        self._taken = {skeleton(handle) for handle in self._handles} | set(self._handles)
        self.refusals = Refusals(self._connection)
        self._bridges: dict[int, str] = dict(select("SELECT person, style FROM bridge").fetchall())
        self.refresh()

    def refresh(self) -> None:
        """Forget the views of people, as after they were merged or split."""
        self._views: dict[int, Person] = {}
        self._rows: dict[int, list[int]] = defaultdict(list)
        for id in self.entries:
            self._rows[self.root(id)].append(id)

    def root(self, id: int) -> int:
        """The row that stands for the person of this row."""
        same_as = self.entries[id].same_as
        return id if same_as is None else same_as

    def rows(self, id: int) -> list[int]:
        """All rows of the person of this row, the one that stands for them first."""
        root = self.root(id)
        return sorted(self._rows[root], key=lambda row: (row != root, row))

    def person(self, id: int) -> Person:
        """The person of this row."""
        if id not in self.entries:  # met by another connection since
            self.reload()
        root = self.root(id)
        view = self._views.get(root)
        if view is None:
            view = self._views[root] = person_of([self.entries[row] for row in self.rows(root)])
        return view

    def handle(self, id: int) -> str:
        """The handle of this row, which is not its person's where it was merged."""
        return self.entries[id].handle

    def people(self) -> list[Person]:
        """Everyone, in the order they were first met."""
        return [self.person(id) for id, entry in self.entries.items() if entry.same_as is None]

    def find(self, who: str) -> list[Person]:
        """Those called ``who``: by handle, account key or any display name they ever used.

        ``@handle`` is one person; a bare word may be one's handle and another's name.
        """
        return [self.person(id) for id in sorted({self.root(row) for row in self.find_rows(who)})]

    def find_rows(self, who: str, *, by_name: bool = True) -> list[int]:
        """The rows called ``who``, as :meth:`find` reads it; ``platform:key`` names an account."""
        given = who.strip().casefold()
        folded = given.removeprefix("@")
        handle = {self._handles[folded]} if folded in self._handles else set()
        if handle and given.startswith("@"):
            return sorted(handle)
        keys = {
            id
            for (platform, key), id in self._accounts.items()
            if folded in (key.casefold(), f"{platform}:{key}".casefold())
        }
        named = self._by_name.get(folded, set()) if by_name else set[int]()
        return sorted(handle | (keys or named))

    def members(self) -> Iterator[tuple[int, int, int, int]]:
        """``(chat, row, since, until)`` of everyone who wrote in a chat, in milliseconds."""
        return self._moments.members()

    def is_refused(self, account: Account) -> bool:
        """Whether this account was forgotten or opted out: nothing it says is kept."""
        return self.refusals.is_forgotten(account) or self.refusals.is_withdrawn(account)

    def hear(self) -> None:
        """Read everybody anew where another connection forgot somebody or let them opt out.

        To be called where a transaction begins: what it writes is then what everybody agreed to.
        """
        if self.refusals.is_stale:
            self.reload()

    def unwrapped(self, message: RawMessage) -> RawMessage:
        """The message of whoever wrote it, where a known bridge carried it."""
        author = message.author
        id = self._accounts.get((author.platform, author.key))
        style = style_by_name(author) if id is None else self._bridges.get(id)
        if style is None or (unpacked := unwrapped(message, style)) is message:
            return message
        if id is None:  # the bridge itself is remembered though it says nothing of its own
            self.resolve(author, millis(message.sent_at))
        return unpacked

    def resolve(
        self,
        account: Account,
        when: int | None = None,
        chat: int | None = None,
        known: int | None = None,
    ) -> int:
        """The row of an account, created at first sight; ``when`` (milliseconds) it wrote where.

        ``known`` is the row that wrote the same message in another export: one with an id is not
        given up for one that goes by a name alone.
        """
        id = self._accounts.get((account.platform, account.key))
        if known is not None and known != id and self._is_better(known, account):
            return known
        if id is None:
            id = self._join(account)
        if account.is_self and not self.entries[id].is_owner:
            self._own(id, account)
        if when is not None:
            self._use(id, account.name, when)
            if chat is not None:
                self._moments.wrote(chat, id, when)
        return id

    def mentioned(self, account: Account) -> int | None:
        """The row a mention means, by account or by a name only one person has."""
        if account.key:
            id = self._accounts.get((account.platform, account.key))
            if id is not None:
                return id
        found = self.find(account.name) if account.name else []
        return found[0].id if len(found) == 1 else None

    def mark(self, id: int, *, is_self: bool | None = None, is_bot: bool | None = None) -> None:
        """Set what kind of participant a person is, in all their rows."""
        for row in self.rows(id):
            note_person(self._connection, row)
            entry = self.entries[row]
            entry.is_self = entry.is_self if is_self is None else is_self
            entry.is_bot = entry.is_bot if is_bot is None else is_bot
            self._connection.execute(
                "UPDATE person SET is_self = ?, is_bot = ? WHERE id = ?",
                (entry.is_self, entry.is_bot, row),
            )
        self._views.pop(self.root(id), None)

    def point(self, id: int, root: int | None) -> None:
        """Let a row be part of another's person, or a person of its own; then :meth:`refresh`."""
        note_person(self._connection, id)
        self.entries[id].same_as = root
        self._connection.execute("UPDATE person SET same_as = ? WHERE id = ?", (root, id))

    def show(self, id: int, name: str | None) -> None:
        """Set the name a person is shown by, None for the one they used last."""
        for row in self.rows(id):
            note_person(self._connection, row)
        self.entries[id].shown = name
        if name:
            self._by_name[name.casefold()].add(id)
        self._connection.execute("UPDATE person SET shown = ? WHERE id = ?", (name, id))
        self._views.pop(id, None)

    def add_bridge(self, id: int, style: str) -> None:
        """Remember that a row carries others' words."""
        self._bridges[id] = style
        self._connection.execute("INSERT OR REPLACE INTO bridge VALUES (?, ?)", (id, style))

    def is_bridge(self, id: int) -> bool:
        """Whether a row is known to carry others' words."""
        return id in self._bridges

    def flush(self) -> None:
        """Write the moments that changed; to be called before the transaction ends."""
        self._moments.flush()

    def _use(self, id: int, name: str, when: int) -> None:
        if name and self._moments.used(id, name, when):
            self._by_name[name.casefold()].add(id)
            self._views.pop(self.root(id), None)

    def _is_better(self, known: int, account: Account) -> bool:
        """Whether the account already known for a message says more than this one."""
        if not account.key.startswith(NAME_KEY):
            return False
        return any(
            found.platform == account.platform and not found.key.startswith(NAME_KEY)
            for found in self.entries[known].accounts
        )

    def _join(self, account: Account) -> int:
        is_self = account.key == SELF_KEY and account.platform in ("plain", "writing")
        known = self._me() if is_self else None
        id = self._create(account, is_self and known is None)
        self._accounts[account.platform, account.key] = id
        self.entries[id].accounts.append(Account(account.platform, account.key))
        self._connection.execute(
            "INSERT INTO account (platform, key, person) VALUES (?, ?, ?)",
            (account.platform, account.key, id),
        )
        if is_self and known is not None:
            self.point(id, self.root(known))
            self.refresh()
            self.mark(known, is_self=True)
        return id

    def _me(self) -> int | None:
        return next((id for id, entry in self.entries.items() if entry.is_self), None)

    def _create(self, account: Account, is_self: bool) -> int:
        handle = SELF_KEY if is_self else handle_for(account.name, self._taken)
        style = style_by_name(account)
        is_bot = looks_like_bot(account) or style is not None
        cursor = self._connection.execute(
            "INSERT INTO person (handle, is_self, is_bot) VALUES (?, ?, ?)",
            (handle, is_self, is_bot),
        )
        id = int(cursor.lastrowid or 0)
        self.entries[id] = Entry(id, handle, is_self, is_bot)
        self._rows[id].append(id)
        self._handles[handle.casefold()] = id
        self._taken |= {handle.casefold(), skeleton(handle)}
        if style:
            self.add_bridge(id, style)
        return id

    def _own(self, id: int, account: Account) -> None:
        self.entries[id].is_owner = True
        self._connection.execute(
            "UPDATE account SET is_owner = 1 WHERE platform = ? AND key = ?",
            (account.platform, account.key),
        )
