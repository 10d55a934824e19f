"""Writing to the archive: raw messages to rows, with people resolved and terms indexed."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ingest import finished
from ingest.changes import note_hours, note_messages
from ingest.chat import Account, Conversation, RawMessage
from ingest.database import immediate, millis, touch, unsettle
from ingest.people.consent import drop_withheld
from ingest.people.handles import SOMEONE, readdress
from ingest.people.roster import Roster
from ingest.surrogates import whole
from ingest.words import index, unindex

BATCH = 4000
BATCH_CHARACTERS = 16_000_000
"""A batch is written when it has this many messages, or this much text: memory stays bounded."""
_COLUMNS = (
    "id, key, digest, chat, person, sent_at, text, kind, reply_to, mentions, attachments, "
    "edited_at, forwarded_from, reactions"
)
_UPSERT = f"""
INSERT INTO message ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    digest = excluded.digest, person = excluded.person, sent_at = excluded.sent_at,
    text = excluded.text, kind = excluded.kind, reply_to = excluded.reply_to,
    mentions = excluded.mentions, attachments = excluded.attachments,
    edited_at = excluded.edited_at, forwarded_from = excluded.forwarded_from,
    reactions = excluded.reactions
"""
Row = tuple[Any, ...]
Known = tuple[bytes, int, int, int | None, int]
"""What the archive holds of a message: digest, row id, sent and edited (ms), row of its writer."""


@dataclass(frozen=True, slots=True)
class Added:
    """What an import changed; ``forgotten`` also counts what is by people who opted out."""

    new: int = 0
    changed: int = 0
    same: int = 0
    forgotten: int = 0

    def __add__(self, other: Added) -> Added:
        return Added(
            self.new + other.new,
            self.changed + other.changed,
            self.same + other.same,
            self.forgotten + other.forgotten,
        )


class Intake:
    """One import into an open archive."""

    def __init__(self, connection: sqlite3.Connection, roster: Roster) -> None:
        self._connection = connection
        self._roster = roster
        self._chats: dict[str, int] = {}

    def add(self, messages: Iterable[RawMessage]) -> Added:
        """Upsert in transactions of a few thousand messages."""
        total = Added()
        for batch in _batches(messages):
            try:
                with immediate(self._connection):
                    total += self._add_batch(batch)
            except BaseException:
                self._roster.reload()
                self._chats.clear()
                raise
        return total

    def retain(self, chat: str, keys: Collection[str]) -> int:
        """Delete the messages of a chat but those with these keys; the caller's transaction."""
        sql = "SELECT m.id, m.key FROM message m JOIN chat c ON c.id = m.chat WHERE c.key = ?"
        found = self._connection.execute(sql, (chat,))
        gone = [id for id, key in found if key not in keys]
        return self._remove(gone) + drop_withheld(self._connection, chat=chat, but=keys)

    def remove(self, keys: Iterable[str]) -> int:
        """Delete the messages with these keys; the caller's transaction."""
        sql, keys = "SELECT id FROM message WHERE key = ?", list(dict.fromkeys(keys))
        rows = (self._connection.execute(sql, (key,)).fetchone() for key in keys)
        gone = [row[0] for row in rows if row]
        return self._remove(gone) + drop_withheld(self._connection, keys=keys)

    def _remove(self, ids: Sequence[int]) -> int:
        for some in _chunks(ids):
            self._unindex(some)
        note_messages(self._connection, ids)
        for table, column in (("unresolved", "message"), ("message", "id")):
            self._connection.executemany(
                f"DELETE FROM {table} WHERE {column} = ?", [(id,) for id in ids]
            )
        if ids:
            finished.invalidate(self._connection)
            touch(self._connection)
        return len(ids)

    def _add_batch(self, batch: Sequence[RawMessage]) -> Added:
        """Write what is new and what changed; the row ids follow the order of the messages."""
        self._roster.hear()
        known = self._known(batch)
        first = id = self._next_id()
        rows: dict[int, Row] = {}
        self._unresolved: list[Row] = []
        changed = forgotten = 0
        for message in batch:
            digest, old = _digest(message), known.get(message.id)
            if old is not None and (old[0] == digest or _is_later(old, message)):
                continue
            message = self._roster.unwrapped(whole(message))
            if self._roster.is_refused(message.author):
                forgotten += 1
                continue
            place, writer = (id, None) if old is None else (old[1], old[-1])
            row = self._row(place, message, digest, writer)
            changed += old is not None
            id += old is None
            rows[row[0]] = row
            known[message.id] = digest, row[0], row[5], row[11], row[4]
        self._write(rows, first)
        self._roster.flush()
        return Added(
            id - first, changed, len(batch) - (id - first) - changed - forgotten, forgotten
        )

    def _known(self, batch: Sequence[RawMessage]) -> dict[str, Known]:
        """What the archive holds of these messages, by key."""
        keys = [message.id for message in batch]
        marks = ",".join("?" * len(keys))
        columns = "key, digest, id, sent_at, edited_at, person"
        sql = f"SELECT {columns} FROM message WHERE key IN ({marks})"
        return {row[0]: row[1:] for row in self._connection.execute(sql, keys)}

    def _next_id(self) -> int:
        """One that no message has or had before it was withheld."""
        highest = "max(ifnull((SELECT max(id) FROM message), 0), ifnull(max(id), 0))"
        sql = f"SELECT {highest} + 1 FROM withheld"
        return int(self._connection.execute(sql).fetchone()[0])

    def _write(self, rows: dict[int, Row], first: int) -> None:
        """Put rows and their index entries in place; those below ``first`` are there already."""
        if not rows:
            return
        old = [id for id in rows if id < first]
        if old:
            note_messages(self._connection, old)
            self._unindex(old)
            self._connection.executemany(
                "DELETE FROM unresolved WHERE message = ?", [(id,) for id in old]
            )
            self._connection.executemany(
                "DELETE FROM linked WHERE chat = ?",
                [(chat,) for chat in {rows[id][3] for id in old}],
            )
            finished.invalidate(self._connection)
        self._connection.executemany(_UPSERT, rows.values())
        index(self._connection, ((id, row[6]) for id, row in rows.items()))
        self._connection.executemany(
            "INSERT OR IGNORE INTO unresolved VALUES (?, ?, ?, ?)", self._unresolved
        )
        note_hours(self._connection, ((row[3], row[5]) for row in rows.values()))
        touch(self._connection)
        unsettle(self._connection)

    def _row(self, id: int, message: RawMessage, digest: bytes, writer: int | None = None) -> Row:
        """The row of a message; ``writer`` wrote it as it was known before."""
        sent_at, chat = millis(message.sent_at), self._chat(message.chat)
        person = self._roster.resolve(message.author, sent_at, chat, writer)
        text, mentions, unresolved = self._text(message)
        self._unresolved += [(id, each.platform, each.key, each.name) for each in unresolved]
        return (
            id,
            message.id,
            digest,
            chat,
            person,
            sent_at,
            text,
            message.kind,
            message.reply_to,
            _json(mentions),
            _json([[attachment.kind, attachment.label] for attachment in message.attachments]),
            millis(message.edited_at) if message.edited_at else None,
            message.forwarded_from,
            _json([[reaction.emoji, reaction.count] for reaction in message.reactions]),
        )

    def _text(self, message: RawMessage) -> tuple[str, list[int], list[Account]]:
        """Placeholders and words, mentioned names replaced by handles, and who is mentioned.

        The last are the mentioned who have not spoken yet.
        """
        text = message.text
        if not message.mentions and not message.attachments:
            return text, [], []
        mentions: list[int] = []
        unresolved: list[Account] = []
        handles: dict[str, str] = {}
        for account in message.mentions:
            person = self._roster.mentioned(account)
            if person is not None:
                mentions.append(person)
                handles[account.name] = self._roster.handle(person)
            elif self._roster.refusals.is_forgotten(account):
                handles[account.name] = SOMEONE
            else:
                unresolved.append(account)
        handles.pop("", None)
        text = readdress(text, handles)
        pieces = [attachment.placeholder for attachment in message.attachments]
        whole = " ".join([*pieces, text] if text else pieces)
        return whole, list(dict.fromkeys(mentions)), unresolved

    def _chat(self, chat: Conversation) -> int:
        if chat.id not in self._chats:
            row = self._connection.execute(
                "INSERT INTO chat (key, title, platform, is_private, has_times) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET title = excluded.title "
                "RETURNING id",
                (chat.id, chat.title, chat.platform, chat.is_private, chat.has_times),
            ).fetchone()
            self._chats[chat.id] = int(row[0])
        return self._chats[chat.id]

    def _unindex(self, ids: Sequence[int]) -> None:
        marks = ",".join("?" * len(ids))
        sql = f"SELECT id, text FROM message WHERE id IN ({marks}) ORDER BY id"
        unindex(self._connection, self._connection.execute(sql, ids).fetchall())


def _is_later(known: Known, message: RawMessage) -> bool:
    """Whether ``message`` is an older state of what is known: exported before it was edited."""
    _digest, _id, sent_at, edited_at, _writer = known
    if edited_at is None or millis(message.sent_at) != sent_at:
        return False
    return message.edited_at is None or millis(message.edited_at) < edited_at


def _batches(messages: Iterable[RawMessage]) -> Iterator[list[RawMessage]]:
    """Lists of messages; an error in the source is raised after what came before it."""
    batch: list[RawMessage] = []
    characters = 0
    try:
        for message in messages:
            batch.append(message)
            characters += len(message.text)
            if len(batch) == BATCH or characters > BATCH_CHARACTERS:
                yield batch
                batch, characters = [], 0
    except Exception:  # written first, then raised: nothing read is lost
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def _json(found: Sequence[Any]) -> str | None:
    return orjson.dumps(found).decode() if found else None


def _digest(message: RawMessage) -> bytes:
    """What tells a changed message from the same one: everything but its id and its chat."""
    author = message.author
    parts = (
        author.platform,
        author.key,
        author.name,
        message.sent_at,
        message.text,
        message.kind,
        message.reply_to,
        [(account.key, account.name) for account in message.mentions],
        [(attachment.kind, attachment.label) for attachment in message.attachments],
        message.edited_at,
        message.forwarded_from,
        message.reactions,
    )
    try:
        written = orjson.dumps(parts)
    except TypeError:  # half a surrogate pair, which JSON cannot hold
        written = repr(parts).encode("utf-8", "backslashreplace")
    return hashlib.blake2b(written, digest_size=16).digest()
