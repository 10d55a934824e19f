"""Taking a person out of the archive: their words, their names, and what others say of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from ingest import finished
from ingest.changes import note_messages
from ingest.chat import Account, Person
from ingest.database import touch, unsettle
from ingest.people.handles import SOMEONE, readdress
from ingest.people.names import Finder, Found, fold, names_by_person
from ingest.people.roster import NAME_KEY, Roster
from ingest.words import index, unindex

PAGE = 2000


def remove_person(connection: sqlite3.Connection, roster: Roster, person: Person) -> int:
    """Delete a person with all their accounts; returns the messages removed.

    The caller's transaction. Digests of the accounts stay, so that no import brings them back.
    """
    rows = roster.rows(person.id)
    removed = sum(_remove_messages(connection, row) for row in rows)
    _unname(connection, roster, person, rows)
    _untitle(connection, person)
    _remember(roster, person)
    for row in rows:
        for table in ("name", "account", "member", "bridge", "decision"):
            connection.execute(f"DELETE FROM {table} WHERE person = ?", (row,))
        connection.execute("DELETE FROM decision WHERE other = ?", (row,))
        connection.execute("UPDATE person SET same_as = NULL WHERE id = ?", (row,))
        removed += connection.execute("DELETE FROM withheld WHERE person = ?", (row,)).rowcount
    connection.executemany("DELETE FROM person WHERE id = ?", [(row,) for row in rows])
    # Names and what they were taken for, and words of voice notes, which tell no speaker: the next
    # import finds those of the others anew.
    connection.execute("DELETE FROM meta WHERE key = 'everyday'")
    connection.execute("DELETE FROM linked")
    connection.execute("DELETE FROM media")
    connection.execute(
        "DELETE FROM feedback WHERE answered NOT IN (SELECT key FROM message) "
        "OR correction NOT IN (SELECT key FROM message)"
    )
    finished.invalidate(connection)
    connection.execute(
        "INSERT INTO meta VALUES ('forgets', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1"
    )
    touch(connection)
    unsettle(connection)
    return removed


def _remove_messages(connection: sqlite3.Connection, row: int) -> int:
    found = connection.execute("SELECT id, text FROM message WHERE person = ?", (row,)).fetchall()
    note_messages(connection, [id for id, _ in found])
    for id, text in found:
        unindex(connection, [(id, text)])
        connection.execute("DELETE FROM unresolved WHERE message = ?", (id,))
    connection.execute("DELETE FROM message WHERE person = ?", (row,))
    return len(found)


def _unname(
    connection: sqlite3.Connection, roster: Roster, person: Person, rows: list[int]
) -> None:
    """Let nothing that others wrote name them: mentions, names in text, forwards."""
    ids = set(rows)
    others = [other for other in roster.people() if other.id != person.id]
    finder = Finder(names_by_person([(person.id, [*person.names, *_keys(person)])]))
    taken = {fold(name) for other in others for name in (*other.names, other.handle)}
    own = {fold(name) for name in person.names}
    for table, id, text, mentions, named, origin in _all_messages(connection):
        kept, also = _without(mentions, ids), _without(named, ids)
        is_named = kept != _ids(mentions) or also != _ids(named)
        handles = {roster.handle(other): roster.handle(other) for other in kept}
        shorn = text
        if kept != _ids(mentions):
            shorn = readdress(text, {**handles, **{roster.handle(row): SOMEONE for row in rows}})
        shorn = _struck(shorn, finder.find(shorn), taken, is_named=is_named)
        source = SOMEONE if origin and fold(origin) in own else origin
        if shorn == text and not is_named and source == origin:
            continue
        if table == "message":
            note_messages(connection, [id])
            unindex(connection, [(id, text)])
            index(connection, [(id, shorn)])
        columns = "text = ?, mentions = ?, named = ?, forwarded_from = ?"
        connection.execute(
            f"UPDATE {table} SET {columns} WHERE id = ?",
            (shorn, _column(kept), _column(also), source, id),
        )
    connection.executemany(
        "DELETE FROM unresolved WHERE platform = ? AND (key = ? OR name = ?)",
        [(a.platform, a.key, name) for a in person.accounts for name in (*person.names, a.key)],
    )


def _all_messages(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Table, row id, text and who is named, of what can be read and of what is withheld."""
    for table in ("message", "withheld"):
        last = 0
        while page := connection.execute(
            f"SELECT '{table}', id, text, mentions, named, forwarded_from FROM {table} "
            "WHERE id > ? ORDER BY id LIMIT ?",
            (last, PAGE),
        ).fetchall():
            last = page[-1][1]
            yield from page


def _struck(text: str, hits: Iterable[Found], taken: set[str], *, is_named: bool) -> str:
    """The text without names that are nobody else's.

    Whole names of several words go wherever they stand; a single word, which may be an everyday
    word, where it speaks to them or the message was known to name them.
    """
    for hit in reversed(list(hits)):
        is_sure = " " in hit.form or hit.is_address or hit.is_at or is_named
        if is_sure and hit.form not in taken:
            text = f"{text[: hit.start]}{SOMEONE}{text[hit.end :]}"
    return text


def _untitle(connection: sqlite3.Connection, person: Person) -> None:
    """A private chat is titled with the name of the other."""
    names = {fold(name) for name in person.names}
    for id, title in connection.execute("SELECT id, title FROM chat WHERE is_private").fetchall():
        if fold(title) in names:
            connection.execute("UPDATE chat SET title = ? WHERE id = ?", (SOMEONE, id))


def _remember(roster: Roster, person: Person) -> None:
    """Digests of the accounts, and of accounts that would go by a name only they have borne."""
    accounts = [Account(account.platform, account.key) for account in person.accounts]
    platforms = {account.platform for account in accounts}
    own = [name for name in person.names if len(roster.find(name)) == 1]
    accounts += [Account(platform, f"{NAME_KEY}{name}") for platform in platforms for name in own]
    roster.refusals.forget(accounts)


def _keys(person: Person) -> list[str]:
    """Account keys that may be met in text."""
    return [account.key.removeprefix(NAME_KEY) for account in person.accounts]


def _ids(column: str | None) -> list[int]:
    return orjson.loads(column) if column else []


def _without(column: str | None, ids: set[int]) -> list[int]:
    return [id for id in _ids(column) if id not in ids]


def _column(ids: list[int]) -> str | None:
    return orjson.dumps(ids).decode() if ids else None
