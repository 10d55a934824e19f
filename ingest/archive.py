"""The archive: the one store of messages and people, in SQLite.

Messages are upserted by their stable id, in transactions of a few thousand, so that an import
killed at any moment leaves whole batches and its rerun continues. The full-text index lives in the
same transactions; it stores only terms (see :mod:`ingest.terms`), not a second copy of the text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import orjson

from ingest import finished
from ingest.chat import (
    Attachment,
    AttachmentKind,
    Conversation,
    Kind,
    Message,
    RawMessage,
    Reaction,
)
from ingest.database import bounds, connect, explained, fetched, immediate, instant, millis, reach
from ingest.errors import ArchiveError
from ingest.feedback import Judged
from ingest.finished import Outcome
from ingest.intake import Added, Intake
from ingest.living import Living
from ingest.people.handles import readdress
from ingest.scope import EVERYWHERE, Scope
from ingest.terms import any_of
from ingest.vocabulary import Vocabulary

_COLUMNS = (
    "m.key, c.key, m.person, m.sent_at, m.text, m.kind, m.reply_to, m.mentions, m.attachments, "
    "m.edited_at, m.forwarded_from, m.reactions, m.named"
)
_SELECT = f"SELECT {_COLUMNS} FROM message m JOIN chat c ON c.id = m.chat"


@dataclass(frozen=True, slots=True)
class Counts:
    """How much an archive holds; ``people`` counts those who wrote something."""

    messages: int
    self_messages: int
    people: int
    chats: int
    replies: int


class Archive(Living, Judged, Vocabulary):
    """Everything that was said, and by whom. A context manager around one SQLite connection."""

    @classmethod
    def open(cls, path: Path, *, create: bool = False, pseudonyms: bool = False) -> Self:
        """Open the archive at ``path``; ArchiveError where it is missing and not to be created.

        With ``pseudonyms``, as for models, everything read shows all but @self under another name.
        """
        if not create and not path.exists():
            raise ArchiveError(
                f"{path}: no archive yet; start with: atself ingest EXPORT --self YOU"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with explained(path):
            return cls(connect(path), pseudonyms=pseudonyms)

    def close(self) -> None:
        """Close the connection; everything committed stays."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def add(self, messages: Iterable[RawMessage]) -> Added:
        """Insert what is new, update what changed, leave the rest; streamed in batches."""
        with explained("archive"):
            return Intake(self._connection, self._roster).add(messages)

    def retain(self, chat: str, ids: Collection[str]) -> int:
        """Remove what a chat holds beside these messages; how many that were."""
        with explained("archive"), immediate(self._connection):
            return Intake(self._connection, self._roster).retain(chat, ids)

    def remove(self, ids: Iterable[str]) -> int:
        """Remove these messages, as when they are deleted where they were said; how many."""
        with explained("archive"), immediate(self._connection):
            return Intake(self._connection, self._roster).remove(ids)

    def finished(self, fingerprint: bytes) -> Outcome | None:
        """What importing the file of this fingerprint came to, where it need not be read again."""
        with explained("archive"):
            return finished.find(self._connection, fingerprint)

    def note_finished(self, fingerprint: bytes, outcome: Outcome) -> None:
        """Remember that a file was read to its end."""
        with explained("archive"), immediate(self._connection):
            finished.record(self._connection, fingerprint, outcome)

    def media_words(self, digest: bytes) -> str | None:
        """The words found before for a media file; see :mod:`ingest.media`."""
        found = self._rows("SELECT words FROM media WHERE digest = ?", [digest])
        return next((str(words) for (words,) in found), None)

    def keep_media_words(self, digest: bytes, words: str) -> None:
        """Keep the words for a media file, so that it is described once."""
        with explained("archive"):
            self._connection.execute("INSERT OR REPLACE INTO media VALUES (?, ?)", (digest, words))

    def chats(self) -> list[Conversation]:
        """Every conversation, in the order they were first imported."""
        rows = self._rows(
            "SELECT key, title, platform, is_private, has_times FROM chat ORDER BY id"
        )
        chats = [Conversation(row[0], row[1], row[2], bool(row[3]), bool(row[4])) for row in rows]
        return [self._veil.chat(chat) for chat in chats] if self._veil else chats

    def chat_counts(self) -> dict[str, int]:
        """Messages per chat id, of every chat."""
        joined = "chat c LEFT JOIN message m ON m.chat = c.id"
        return dict(self._rows(f"SELECT c.key, count(m.id) FROM {joined} GROUP BY c.id"))

    def messages(
        self,
        chat: str | None = None,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> Iterator[Message]:
        """Stream messages, chat by chat, oldest first; ``after`` is inclusive, ``before`` not."""
        for key in [chat] if chat else [found.id for found in self.chats()]:
            where, values = bounds(key, after, before)
            yield from self._fetch(f"{_SELECT} WHERE {where} ORDER BY m.sent_at, m.id", values)

    def history(self, chat: str, *, before: datetime, limit: int) -> list[Message]:
        """The latest ``limit`` messages of a chat before a moment, oldest first."""
        where, values = bounds(chat, None, before)
        order = "ORDER BY m.sent_at DESC, m.id DESC LIMIT ?"
        return list(self._fetch(f"{_SELECT} WHERE {where} {order}", [*values, limit]))[::-1]

    def get(self, ids: Iterable[str]) -> list[Message]:
        """The messages with these ids, in the order asked for; unknown ids are left out."""
        wanted = list(ids)
        marks = ",".join("?" * len(wanted))
        found = {m.id: m for m in self._fetch(f"{_SELECT} WHERE m.key IN ({marks})", wanted)}
        return [found[id] for id in wanted if id in found]

    def search(
        self,
        query: str,
        *,
        scope: Scope = EVERYWHERE,
        before: datetime | None = None,
        limit: int = 40,
        fade: float = 0.0,
        seconds: float | None = None,
    ) -> list[tuple[Message, float]]:
        """Messages that share terms with ``query`` and their BM25, best first; higher is better.

        Each doubling of a message's age at ``before`` beyond a day takes ``fade`` of what the
        terms are worth together. Nothing beyond ``scope`` is a candidate. None where it takes
        longer than ``seconds``.
        """
        chosen = self._telling(self._veil.lifted(query) if self._veil else query)
        if not chosen:
            return []
        loss = fade * sum(self.rarity(chosen).values()) if before else 0.0
        asked_at = millis(before) if before else 0
        until, moment = bounds(None, None, before)
        where, places = reach(scope)
        sql = (
            f"SELECT {_COLUMNS}, -bm25(words) - ? * log2(max(1.0, (? - m.sent_at) / 864e5)) "
            "AS score FROM words "
            "JOIN message m ON m.id = words.rowid JOIN chat c ON c.id = m.chat "
            f"WHERE words MATCH ? AND {until} AND {where} "
            "ORDER BY score DESC, m.sent_at DESC LIMIT ?"
        )
        with explained("archive"):
            rows = fetched(
                self._connection,
                sql,
                [loss, asked_at, any_of(chosen), *moment, *places, limit],
                seconds,
            )
        return [(self._message(row), float(row[-1])) for row in rows]

    def by_self(self) -> Iterator[Message]:
        """All that @self wrote, in every chat, oldest first."""
        mine = "m.person IN (SELECT id FROM person WHERE is_self)"
        yield from self._fetch(f"{_SELECT} WHERE {mine} ORDER BY m.sent_at, m.id", [])

    def texts_of_others(self, least: int) -> Iterator[tuple[str, int]]:
        """Texts of at least ``least`` characters by all but @self, and when (milliseconds)."""
        yield from self._rows(
            "SELECT text, sent_at FROM message WHERE length(text) >= ? "
            "AND person NOT IN (SELECT id FROM person WHERE is_self)",
            [least],
        )

    def self_times(self) -> list[datetime]:
        """When @self wrote, oldest first."""
        rows = self._rows(
            "SELECT m.sent_at FROM message m JOIN person p ON p.id = m.person "
            "WHERE p.is_self ORDER BY m.sent_at"
        )
        return [instant(row[0]) for row in rows]

    def counts(self) -> Counts:
        """How much there is."""
        [one] = self._rows(
            "SELECT count(*), count(*) FILTER (WHERE p.is_self), "
            "count(DISTINCT coalesce(p.same_as, p.id)), "
            "count(DISTINCT m.chat), count(m.reply_to) "
            "FROM message m JOIN person p ON p.id = m.person"
        )
        return Counts(one[0], one[1], one[2], one[3], one[4])

    def _fetch(self, sql: str, values: list[Any]) -> Iterator[Message]:
        for row in self._rows(sql, values):
            yield self._message(row)

    def _message(self, row: tuple[Any, ...]) -> Message:
        message = self._as_written(row)
        return self._veil.message(message) if self._veil else message

    def _as_written(self, row: tuple[Any, ...]) -> Message:
        mentions = [*_list(row[7]), *_list(row[12])]
        attachments = orjson.loads(row[8]) if row[8] else ()
        return Message(
            id=row[0],
            chat=row[1],
            person=self._roster.person(row[2]),
            sent_at=instant(row[3]),
            text=self._readdressed(row[4], mentions),
            kind=Kind(row[5]),
            reply_to=row[6],
            mentions=tuple(dict.fromkeys(self._roster.person(id).handle for id in mentions)),
            attachments=tuple(
                Attachment(AttachmentKind(kind), label) for kind, label in attachments
            ),
            edited_at=instant(row[9]) if row[9] is not None else None,
            forwarded_from=row[10],
            reactions=tuple(Reaction(*pair) for pair in orjson.loads(row[11])) if row[11] else (),
        )

    def _readdressed(self, text: str, mentions: Sequence[int]) -> str:
        """The text with the handles of merged people spelled as the one they have now."""
        merged = {
            self._roster.handle(id): self._roster.person(id).handle
            for id in mentions
            if self._roster.root(id) != id
        }
        return readdress(text, merged) if merged else text


def _list(column: str | None) -> list[int]:
    return orjson.loads(column) if column else []
