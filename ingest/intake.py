"""Writing to the archive: raw messages to rows, with people resolved and terms indexed."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import orjson

from ingest.chat import Account, Conversation, RawMessage
from ingest.database import immediate, millis, touch
from ingest.people import SOMEONE, readdress
from ingest.roster import Roster
from ingest.words import index, unindex

BATCH = 2000
_UPSERT = """
INSERT INTO message (key, digest, chat, person, sent_at, text, kind, reply_to, mentions,
                     attachments, edited_at, forwarded_from, reactions)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET
    digest = excluded.digest, person = excluded.person, sent_at = excluded.sent_at,
    text = excluded.text, kind = excluded.kind, reply_to = excluded.reply_to,
    mentions = excluded.mentions, attachments = excluded.attachments,
    edited_at = excluded.edited_at, forwarded_from = excluded.forwarded_from,
    reactions = excluded.reactions
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Added:
    """What an import changed."""

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

    def _add_batch(self, batch: Sequence[RawMessage]) -> Added:
        keys = [message.id for message in batch]
        marks = ",".join("?" * len(keys))
        known = {
            key: (digest, id, text, person)
            for key, digest, id, text, person in self._connection.execute(
                f"SELECT key, digest, id, text, person FROM message WHERE key IN ({marks})", keys
            )
        }
        new = changed = forgotten = 0
        for message in batch:
            digest = _digest(message)
            old, id, text, person = known.get(message.id, (None, 0, "", None))
            if old == digest:
                continue
            message = self._roster.unwrapped(message)
            if self._roster.is_forgotten(message.author):
                forgotten += 1
                continue
            if old is not None:
                unindex(self._connection, id, text)
                self._connection.execute("DELETE FROM unresolved WHERE message = ?", (id,))
                changed += 1
            else:
                new += 1
            known[message.id] = self._write(message, digest, person)
        self._roster.flush()
        if new or changed:
            touch(self._connection)
        return Added(new, changed, len(batch) - new - changed - forgotten, forgotten)

    def _write(
        self, message: RawMessage, digest: bytes, known: int | None
    ) -> tuple[bytes, int, str, int]:
        sent_at, chat = millis(message.sent_at), self._chat(message.chat)
        person = self._roster.resolve(message.author, sent_at, chat, known)
        text, mentions, unresolved = self._text(message)
        row = (
            message.id,
            digest,
            chat,
            person,
            sent_at,
            text,
            message.kind,
            message.reply_to,
            orjson.dumps(mentions).decode() if mentions else None,
            _attachments(message),
            millis(message.edited_at) if message.edited_at else None,
            message.forwarded_from,
            _reactions(message),
        )
        id = int(self._connection.execute(_UPSERT, row).fetchone()[0])
        index(self._connection, id, text)
        if unresolved:
            self._connection.executemany(
                "INSERT OR IGNORE INTO unresolved VALUES (?, ?, ?, ?)",
                [(id, account.platform, account.key, account.name) for account in unresolved],
            )
        return digest, id, text, person

    def _text(self, message: RawMessage) -> tuple[str, list[int], list[Account]]:
        """Placeholders and words, mentioned names replaced by handles, and who is mentioned.

        The last are the mentioned who have not spoken yet.
        """
        text = message.text.encode("utf-8", "replace").decode()
        mentions: list[int] = []
        unresolved: list[Account] = []
        handles: dict[str, str] = {}
        for account in message.mentions:
            person = self._roster.mentioned(account)
            if person is not None:
                mentions.append(person)
                handles[account.name] = self._roster.handle(person)
            elif self._roster.is_forgotten(account):
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


def _batches(messages: Iterable[RawMessage]) -> Iterator[list[RawMessage]]:
    """Lists of up to BATCH messages; an error in the source is raised after what came before it."""
    iterator = iter(messages)
    failure: BaseException | None = None
    while failure is None:
        batch: list[RawMessage] = []
        try:
            batch.extend(islice(iterator, BATCH))
        except Exception as error:  # written first, then raised: nothing read is lost
            failure = error
        if not batch:
            break
        yield batch
    if failure is not None:
        raise failure


def _attachments(message: RawMessage) -> str | None:
    pairs = [[attachment.kind, attachment.label] for attachment in message.attachments]
    return orjson.dumps(pairs).decode() if pairs else None


def _reactions(message: RawMessage) -> str | None:
    pairs = [[reaction.emoji, reaction.count] for reaction in message.reactions]
    return orjson.dumps(pairs).decode() if pairs else None


def _digest(message: RawMessage) -> bytes:
    parts = (
        message.author.platform,
        message.author.key,
        message.author.name,
        message.sent_at.isoformat(),
        message.text,
        message.kind,
        message.reply_to,
        tuple((account.key, account.name) for account in message.mentions),
        tuple((attachment.kind, attachment.label) for attachment in message.attachments),
        message.edited_at,
        message.forwarded_from,
        message.reactions,
    )
    return hashlib.blake2b(repr(parts).encode("utf-8", "replace"), digest_size=16).digest()
