"""Who is spoken of: the names in the messages of each chat, linked to its people.

Two passes over a chat in order. The first counts how its people's names are used; the second links
those that can be believed (see :mod:`ingest.names`). What was linked before is found anew.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from ingest.names import Evidence, Finder, Forms, Found, names_by_person, resolve
from ingest.roster import Roster
from ingest.words import index, unindex

PAGE = 2000
LATELY = 14 * 24 * 3600 * 1000
"""Of two people called Kevin the one meant is who wrote in the last two weeks. Milliseconds."""
EVIDENCE = 200_000
"""Messages of a chat that are enough to tell how a name is used."""
AROUND = 24 * 3600 * 1000
"""Somebody who wrote in the last day may be spoken of. Milliseconds."""


def link_names(connection: sqlite3.Connection, roster: Roster) -> tuple[int, int]:
    """Write who is named where; returns changed messages, and ``@names`` spelled as handles."""
    members: dict[int, set[int]] = defaultdict(set)
    for number, row, _since, _until in roster.members():
        members[number].add(roster.root(row))
    named = spelled = 0
    everyday: set[str] = set()
    for number in sorted(members):
        people = ((root, roster.person(root).names) for root in sorted(members[number]))
        chat = _Chat(connection, roster, number, names_by_person(people))
        changed, written = chat.link()
        named += changed
        spelled += written
        everyday.update(chat.evidence.everyday(chat.forms))
    connection.execute(
        "INSERT OR REPLACE INTO meta VALUES ('everyday', ?)",
        (orjson.dumps(sorted(everyday)).decode(),),
    )
    return named, spelled


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

    def link(self) -> tuple[int, int]:
        every = Finder(self.forms)
        self._gather(every)
        sure = Finder(self.forms, lambda form: self.evidence.trusts(form, self.forms))
        last: dict[int, int] = {}
        named = spelled = 0
        for row in self._rows():
            finder = every if "@" in row.text else sure
            changed, written = self._link(row, finder.find(row.text), last)
            named += changed
            spelled += written
            last[row.person] = row.sent_at
        return named, spelled

    def _gather(self, finder: Finder) -> None:
        """Count how names are used, in evenly chosen messages where there are very many."""
        [total] = self.connection.execute(
            "SELECT count(*) FROM message WHERE chat = ?", (self.chat,)
        ).fetchone()
        stride = total // EVIDENCE + 1
        last: dict[int, int] = {}
        for number, row in enumerate(self._rows()):
            if number % stride == 0:
                for hit in finder.find(row.text):
                    self.evidence.add(hit, row.text, is_around=self._is_around(hit, row, last))
                self.evidence.messages += 1
            last[row.person] = row.sent_at

    def _rows(self) -> Iterator[_Row]:
        """The chat's messages in order, a page at a time, so that rows may be written between."""
        at, id = -(2**62), 0
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

    def _link(self, row: _Row, hits: list[Found], last: dict[int, int]) -> tuple[bool, int]:
        mentions, text = list(row.mentions), row.text
        known = {self.roster.root(id) for id in mentions}
        named: list[int] = []
        for hit in reversed(hits):
            if not (hit.is_address or hit.is_at or self.evidence.trusts(hit.form, self.forms)):
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
