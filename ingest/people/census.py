"""The people of an archive: who they are, and what may be decided about them."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import orjson

from ingest.chat import Account, Person
from ingest.database import explained, immediate, wipe, wipe_later
from ingest.errors import ArchiveError
from ingest.people.consent import readmit, withdraw, withhold
from ingest.people.forgetting import remove_person
from ingest.people.identities import Identities
from ingest.people.kinship import Suggestion, suggest
from ingest.people.pseudonyms import Pseudonyms
from ingest.people.roster import Roster
from ingest.people.settle import Settled, settle


class Census:
    """The part of an archive that knows people."""

    def __init__(self, connection: sqlite3.Connection, *, pseudonyms: bool = False) -> None:
        self._connection = connection
        self._roster = Roster(connection)
        self._veil = self._pseudonyms() if pseudonyms else None

    def people(self) -> list[Person]:
        """Everyone who ever appeared, in the order of appearance."""
        people = self._roster.people()
        return [self._veil.person(person) for person in people] if self._veil else people

    def message_counts(self) -> dict[int, int]:
        """Messages per person id."""
        counts: Counter[int] = Counter()
        for row, messages in self._rows("SELECT person, count(*) FROM message GROUP BY person"):
            counts[self._roster.root(row)] += messages
        return dict(counts)

    def find_person(self, who: str) -> Person:
        """The one person called ``who`` (handle, account or display name), or an ArchiveError."""
        found = self._roster.find(who)
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(f"@{person.handle}" for person in found)
            raise ArchiveError(f"{who!r} is the name of several people: {names}; name one of these")
        known = [name for person in self.people() for name in (*person.names, person.handle)]
        near = get_close_matches(who, known, n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(map(repr, near))}?" if near else "; see: atself people"
        raise ArchiveError(f"nobody in the archive is called {who!r}{hint}")

    def me(self) -> Person:
        """@self, or an ArchiveError where nobody is."""
        for person in self.people():
            if person.is_self:
                return person
        raise ArchiveError("the archive does not know who @self is; say: atself people --self NAME")

    def set_self(self, *who: str) -> Person:
        """Make this person @self, and nobody else; several names are one person, merged."""
        chosen = [self.find_person(name) for name in who]
        with self._deciding() as identities:
            return identities.set_self(*(person.id for person in chosen))

    def merge(self, who: str, *others: str) -> Person:
        """Make these people one, with the handle of the first; their messages stay as they are."""
        person, *joined = [self.find_person(name) for name in (who, *others)]
        with self._deciding() as identities:
            return identities.merge(person.id, *(other.id for other in joined))

    def split(self, who: str, *accounts: str) -> list[Person]:
        """Take accounts (all, where none is named) out of a person; returns whom they are now.

        Raises ArchiveError where an account is not theirs, or there is nothing to take apart.
        """
        person = self.find_person(who)
        with self._deciding() as identities:
            return identities.split(person.id, *accounts, asked=who)

    def rename(self, who: str, name: str | None) -> Person:
        """Show a person by this name from now on, None for what they call themselves.

        The handle stays: models, datasets and other messages know it.
        """
        person = self.find_person(who)
        with self._deciding() as identities:
            return identities.rename(person.id, name)

    def mark_bot(self, who: str, *, is_bot: bool = True) -> Person:
        """Say that an account is a bot's, or that it is a person's."""
        person = self.find_person(who)
        with self._deciding() as identities:
            return identities.mark_bot(person.id, is_bot=is_bot)

    def owners(self) -> list[Person]:
        """Whom exports name as the one they were made by, in the order they were met."""
        rows = (entry.id for entry in self._roster.entries.values() if entry.is_owner)
        return [self._roster.person(id) for id in dict.fromkeys(map(self._roster.root, rows))]

    def settle(self) -> Settled:
        """Finish an import: who is the same, who carries whose words, who is named where.

        One transaction; doing it again changes nothing.
        """
        with explained("archive"), self._writing():
            return settle(self._connection, self._roster)

    def suggestions(self) -> list[Suggestion]:
        """Who may be one person, likeliest first, and why; nothing is merged."""
        with explained("archive"):
            return suggest(self._connection, self._roster)

    def forget(self, who: str) -> int:
        """Remove a person and all they wrote, for good: a later import does not bring them back.

        Mentions of them in others' messages become ``@someone``. Returns the messages removed.
        """
        self._roster.reload()  # another connection may have met them
        person = self.find_person(who)
        with explained("archive"), self._writing():
            removed = remove_person(self._connection, self._roster, person)
            wipe_later(self._connection)
        with explained("archive"):
            wipe(self._connection)
        self._roster.reload()
        return removed

    def is_self(self, account: Account) -> bool:
        """Whether this account is one of @self's."""
        return any(person.is_self for person in self._roster.find(_key(account)))

    def refuse(self, account: Account) -> None:
        """Let nothing of an account nobody has met be kept: :meth:`forget` for strangers."""
        with explained("archive"), self._writing():
            self._roster.refusals.forget([account])

    def withdraw(self, account: Account) -> int:
        """Let an account opt out: all that its person wrote is out of sight of every reader.

        Returns the messages withheld. Nothing they say is kept, in no import, until
        :meth:`readmit`. Raises ArchiveError for @self, of whom all this is made.
        """
        with explained("archive"), self._writing():
            self._roster.reload()  # others write, too: whoever spoke last is known then
            if self.is_self(account):
                raise ArchiveError(f"{_key(account)}: is @self; all this is made of their words")
            return withdraw(self._connection, self._roster, account)

    def readmit(self, account: Account) -> int:
        """Take an opting-out back; returns the messages that can be read again."""
        with explained("archive"), self._writing():
            self._roster.reload()
            return readmit(self._connection, self._roster, account)

    def refused(self) -> tuple[frozenset[bytes], frozenset[bytes]]:
        """Digests (:func:`ingest.people.refusals.account_digest`) of the accounts that opted out,
        and of those that were forgotten, as they are now."""
        with explained("archive"):
            self._roster.hear()
        return frozenset(self._roster.refusals.withdrawn), frozenset(
            self._roster.refusals.forgotten
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction; where it fails, the people in memory are read anew."""
        try:
            with immediate(self._connection):
                yield
        except BaseException:
            self._roster.reload()
            raise

    @contextmanager
    def _deciding(self) -> Iterator[Identities]:
        with explained("archive"), self._writing():
            yield Identities(self._connection, self._roster)
            withhold(self._connection, self._roster)

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        with explained("archive"):
            yield from self._connection.execute(sql, values)

    def _pseudonyms(self) -> Pseudonyms:
        found = list(self._rows("SELECT value FROM meta WHERE key = 'everyday'"))
        return Pseudonyms(self._roster.people(), orjson.loads(found[0][0]) if found else ())


def _key(account: Account) -> str:
    return f"{account.platform}:{account.key}"
