"""Opting out: what somebody wrote is put where nothing reads it, and nothing of theirs is kept.

What an account's person had written moves from the table ``message`` to ``withheld``, and out of
the full-text index: so no reader of the archive (search, recall, datasets, exports, threads) has to
know of it. Opting in moves it back. What others said of them stays: those are others' words.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence

from ingest import finished
from ingest.changes import note_messages
from ingest.chat import Account
from ingest.database import touch, unsettle
from ingest.people.roster import NAME_KEY, Roster
from ingest.words import index, unindex

_COLUMNS = (
    "id, key, digest, chat, person, sent_at, text, kind, reply_to, mentions, attachments, "
    "edited_at, forwarded_from, reactions, named"
)


def withdraw(connection: sqlite3.Connection, roster: Roster, account: Account) -> int:
    """Let an account opt out, known or not; returns the messages withheld. The caller's
    transaction."""
    roster.refusals.withdraw(_accounts_with(roster, account))
    return withhold(connection, roster)


def readmit(connection: sqlite3.Connection, roster: Roster, account: Account) -> int:
    """Take that back; returns the messages that are there again. The caller's transaction.

    What was said meanwhile was never kept; an export may bring it.
    """
    roster.refusals.readmit(_accounts_with(roster, account))
    back = 0
    for row in _rows_of(roster, account):
        found = _texts(connection, "withheld", row)
        _move(connection, "withheld", "message", row)
        index(connection, found)
        note_messages(connection, [id for id, _ in found])
        back += len(found)
    _changed(connection)
    return back


def withhold(connection: sqlite3.Connection, roster: Roster) -> int:
    """Move away what people who opted out wrote: also what was found to be theirs since."""
    refusals = roster.refusals
    if not refusals.withdrawn:
        return 0
    moved = 0
    for person in roster.people():
        if person.is_self or not any(map(refusals.is_withdrawn, person.accounts)):
            continue
        if not all(map(refusals.is_withdrawn, person.accounts)):
            refusals.withdraw(person.accounts)
        moved += sum(_withhold_row(connection, row) for row in roster.rows(person.id))
    if moved:
        _changed(connection)
    return moved


def drop_withheld(
    connection: sqlite3.Connection,
    *,
    keys: Iterable[str] = (),
    chat: str | None = None,
    but: Collection[str] = (),
) -> int:
    """Delete withheld messages: these, and those of a chat ``but`` some; how many."""
    gone = list(keys)
    if chat is not None:
        sql = "SELECT w.key FROM withheld w JOIN chat c ON c.id = w.chat WHERE c.key = ?"
        gone += [key for (key,) in connection.execute(sql, (chat,)) if key not in but]
    sql = "DELETE FROM withheld WHERE key = ?"
    return sum(connection.execute(sql, (key,)).rowcount for key in gone)


def _accounts_with(roster: Roster, account: Account) -> list[Account]:
    """The account, all others of its person, and names that only this person has borne."""
    accounts = [account]
    for person in roster.find(f"{account.platform}:{account.key}"):
        accounts += person.accounts
        own = [name for name in person.names if len(roster.find(name)) == 1]
        accounts += [Account(account.platform, f"{NAME_KEY}{name}") for name in own]
    return accounts


def _rows_of(roster: Roster, account: Account) -> list[int]:
    found = roster.find(f"{account.platform}:{account.key}")
    return [row for person in found for row in roster.rows(person.id)]


def _withhold_row(connection: sqlite3.Connection, row: int) -> int:
    found = _texts(connection, "message", row)
    note_messages(connection, [id for id, _ in found])
    unindex(connection, found)
    connection.executemany("DELETE FROM unresolved WHERE message = ?", [(id,) for id, _ in found])
    _move(connection, "message", "withheld", row)
    return len(found)


def _texts(connection: sqlite3.Connection, table: str, row: int) -> Sequence[tuple[int, str]]:
    sql = f"SELECT id, text FROM {table} WHERE person = ? ORDER BY id"
    return connection.execute(sql, (row,)).fetchall()


def _move(connection: sqlite3.Connection, source: str, target: str, row: int) -> None:
    connection.execute(
        f"INSERT OR REPLACE INTO {target} ({_COLUMNS}) "
        f"SELECT {_COLUMNS} FROM {source} WHERE person = ?",
        (row,),
    )
    connection.execute(f"DELETE FROM {source} WHERE person = ?", (row,))


def _changed(connection: sqlite3.Connection) -> None:
    """Files hold what was not taken in, and people are to be settled again."""
    finished.invalidate(connection)
    touch(connection)
    unsettle(connection)
