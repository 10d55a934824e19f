"""Who is spoken of: the names in the messages of each chat, linked to its people.

Two passes over a chat in order. The first counts how its people's names are used; the second links
those that can be believed (see :mod:`ingest.people.names`). A chat that grew a little, with the
same people, is linked where it grew; otherwise all of it is linked anew.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import orjson

from ingest.changes import note_hours
from ingest.people.names import Evidence, Finder, Forms, Found, names_by_person, resolve
from ingest.people.roster import Roster
from ingest.words import index, unindex

PAGE = 2000
LATELY = 14 * 24 * 3600 * 1000
"""Of two people called Kevin the one meant is who wrote in the last two weeks. Milliseconds."""
EVIDENCE = 200_000
"""Messages of a chat that are enough to tell how a name is used."""
GROWTH = 1.05
"""How names are used is read anew when a chat has grown by more than this."""
AROUND = 24 * 3600 * 1000
"""Somebody who wrote in the last day may be spoken of. Milliseconds."""


def link_names(connection: sqlite3.Connection, roster: Roster) -> tuple[int, int]:
    """Write who is named where; returns changed messages, and ``@names`` spelled as handles.

    Chats that nothing was added to, and whose people bear the names they bore, are passed over.
    """
    members: dict[int, set[int]] = defaultdict(set)
    for number, row, _since, _until in roster.members():
        members[number].add(roster.root(row))
    named = spelled = 0
    everyday: set[str] = set()
    for number in sorted(members):
        people = ((root, roster.person(root).names) for root in sorted(members[number]))
        chat = _Chat(connection, roster, number, names_by_person(people))
        changed, written, state = chat.link()
        named += changed
        spelled += written
        everyday.update(state.everyday)
    connection.execute(
        "INSERT OR REPLACE INTO meta VALUES ('everyday', ?)",
        (orjson.dumps(sorted(everyday)).decode(),),
    )
    return named, spelled


@dataclass(frozen=True, slots=True)
class _State:
    """How far a chat was linked, and by what: it goes on from there while its names stay.

    ``forms`` stands for all that its people are called, ``trusted`` and ``everyday`` were found in
    ``messages`` messages, ``until`` is the highest row id linked.
    """

    forms: str
    trusted: frozenset[str]
    everyday: tuple[str, ...]
    messages: int
    until: int

    def holds(self, forms: str, messages: int) -> bool:
        """Whether the evidence is still good for a chat of so many messages."""
        return self.forms == forms and messages <= self.messages * GROWTH

    def to_json(self) -> str:
        """As it is stored."""
        return orjson.dumps(
            [self.forms, sorted(self.trusted), self.everyday, self.messages, self.until]
        ).decode()

    @classmethod
    def from_json(cls, text: str) -> _State:
        """What :meth:`to_json` wrote."""
        forms, trusted, everyday, messages, until = orjson.loads(text)
        return cls(forms, frozenset(trusted), tuple(everyday), messages, until)


@dataclass(frozen=True, slots=True)
class _Row:
    """A message as far as it matters here."""

    id: int
    person: int
    sent_at: int
    text: str
    mentions: tuple[int, ...]
    named: tuple[int, ...]


@dataclass
class _Chat:
    """One chat being linked."""

    connection: sqlite3.Connection
    roster: Roster
    chat: int
    forms: Forms
    evidence: Evidence = field(default_factory=Evidence)

    def link(self) -> tuple[int, int, _State]:
        """Link what was not linked yet, or everything where the names are others than before."""
        known, forms, total = self._known(), self.forms.digest(), self._count()
        is_first = known is None or not known.holds(forms, total)
        state = self._judged(forms, total) if known is None or is_first else known
        after = 0 if is_first else state.until
        named, spelled = self._link_after(after, state.trusted)
        state = replace(state, until=self._newest())
        self.connection.execute(
            "INSERT OR REPLACE INTO linked VALUES (?, ?)", (self.chat, state.to_json())
        )
        return named, spelled, state

    def _known(self) -> _State | None:
        sql = "SELECT state FROM linked WHERE chat = ?"
        row = self.connection.execute(sql, (self.chat,)).fetchone()
        return _State.from_json(row[0]) if row else None

    def _count(self) -> int:
        sql = "SELECT count(*) FROM message WHERE chat = ?"
        return int(self.connection.execute(sql, (self.chat,)).fetchone()[0])

    def _newest(self) -> int:
        sql = "SELECT ifnull(max(id), 0) FROM message"
        return int(self.connection.execute(sql).fetchone()[0])

    def _judged(self, forms: str, total: int) -> _State:
        """Read how names are used, and decide which are believed."""
        self._gather(Finder(self.forms), total)
        every = (*self.forms.whole, *self.forms.short)
        trusted = frozenset(form for form in every if self.evidence.trusts(form, self.forms))
        everyday = tuple(sorted(self.evidence.everyday(self.forms)))
        return _State(forms, trusted, everyday, total, 0)

    def _link_after(self, after: int, trusted: frozenset[str]) -> tuple[int, int]:
        """Link the rows with ids above ``after``."""
        # The rowid, not the index by time: it is new rows that are looked for.
        sql = "SELECT min(sent_at) FROM message WHERE id > ? AND +chat = ?"
        [since] = self.connection.execute(sql, (after, self.chat)).fetchone()
        if since is None:
            return 0, 0
        every, sure = Finder(self.forms), Finder(self.forms, trusted.__contains__)
        last: dict[int, int] = {}
        named = spelled = 0
        for row in self._rows(since - LATELY if after else -(2**62)):
            if row.id > after:
                finder = every if "@" in row.text else sure
                changed, written = self._link(row, finder.find(row.text), last, trusted)
                named += changed
                spelled += written
            last[row.person] = row.sent_at
        return named, spelled

    def _gather(self, finder: Finder, total: int) -> None:
        """Count how names are used, in evenly chosen messages where there are very many."""
        stride = total // EVIDENCE + 1
        last: dict[int, int] = {}
        for number, row in enumerate(self._rows()):
            if number % stride == 0:
                for hit in finder.find(row.text):
                    self.evidence.add(hit, row.text, is_around=self._is_around(hit, row, last))
                self.evidence.messages += 1
            last[row.person] = row.sent_at

    def _rows(self, at: int = -(2**62)) -> Iterator[_Row]:
        """Messages from an instant on, in order, in pages, so that rows may be written between."""
        id = 0
        while page := self.connection.execute(
            "SELECT id, person, sent_at, text, mentions, named FROM message "
            "WHERE chat = ? AND (sent_at, id) > (?, ?) ORDER BY sent_at, id LIMIT ?",
            (self.chat, at, id, PAGE),
        ).fetchall():
            id, _person, at = page[-1][:3]
            for row in page:
                mentions, named = (tuple(orjson.loads(ids)) if ids else () for ids in row[4:])
                yield _Row(row[0], self.roster.root(row[1]), row[2], row[3], mentions, named)

    def _is_around(self, hit: Found, row: _Row, last: dict[int, int]) -> bool:
        return any(
            person != row.person and row.sent_at - last.get(person, -AROUND * 9) <= AROUND
            for person in hit.people
        )

    def _link(
        self, row: _Row, hits: list[Found], last: dict[int, int], trusted: frozenset[str]
    ) -> tuple[bool, int]:
        mentions, text = list(row.mentions), row.text
        known = {self.roster.root(id) for id in mentions}
        named: list[int] = []
        for hit in reversed(hits):
            if not (hit.is_address or hit.is_at or hit.form in trusted):
                continue
            person = resolve(hit.people, last, row.sent_at, LATELY)
            if person is None or person == row.person or person in known:
                continue
            if hit.is_at and hit.form in self.forms.whole:
                text = f"{text[: hit.start]}{self.roster.handle(person)}{text[hit.end :]}"
                mentions.append(person)
                known.add(person)
            else:
                named.insert(0, person)
        found = tuple(dict.fromkeys(person for person in named if person not in known))
        self._write(row, text, mentions, found)
        return found != row.named, len(mentions) - len(row.mentions)

    def _write(self, row: _Row, text: str, mentions: list[int], named: tuple[int, ...]) -> None:
        if named != row.named or len(mentions) != len(row.mentions):
            note_hours(self.connection, [(self.chat, row.sent_at)])
        if named != row.named:
            self.connection.execute(
                "UPDATE message SET named = ? WHERE id = ?", (_column(named), row.id)
            )
        if len(mentions) != len(row.mentions):
            unindex(self.connection, [(row.id, row.text)])
            index(self.connection, [(row.id, text)])
            self.connection.execute(
                "UPDATE message SET text = ?, mentions = ? WHERE id = ?",
                (text, _column(mentions), row.id),
            )


def _column(ids: list[int] | tuple[int, ...]) -> str | None:
    return orjson.dumps(ids).decode() if ids else None
