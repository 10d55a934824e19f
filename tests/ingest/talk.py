"""Chats to test on, written line by line, and exports of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from ingest.archive import Archive
from ingest.chat import Account, Attachment, Conversation, Kind, Message, Person, RawMessage

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Talk:
    """A conversation that grows by :meth:`say`; time passes between the lines.

    Who speaks is named by account key; the display name is the same with a capital letter unless
    ``names`` says otherwise.
    """

    def __init__(self, chat: str = "test:chat", title: str = "Noodle Club") -> None:
        self.chat = Conversation(chat, title, "test")
        self.messages: list[RawMessage] = []
        self.names: dict[str, str] = {}
        self.now = START

    def account(self, who: str) -> Account:
        """The account of ``who``, under the name used now."""
        return Account("test", who, self.names.get(who, who.capitalize()))

    def say(
        self,
        who: str,
        text: str,
        *,
        minutes: float = 1,
        reply_to: RawMessage | None = None,
        mentions: Iterable[str] = (),
        kind: Kind = Kind.TEXT,
        forwarded_from: str | None = None,
        attachments: tuple[Attachment, ...] = (),
    ) -> RawMessage:
        """``who`` says ``text``, ``minutes`` after the line before."""
        self.now += timedelta(minutes=minutes)
        message = RawMessage(
            f"{self.chat.id}:{len(self.messages) + 1}",
            self.chat,
            self.account(who),
            self.now,
            text,
            kind,
            reply_to.id if reply_to else None,
            tuple(self.account(name) for name in mentions),
            attachments,
            forwarded_from=forwarded_from,
        )
        self.messages.append(message)
        return message

    def chatter(self, rounds: int, *, minutes: float = 1, gap: float = 60) -> None:
        """Short exchanges: bob asks, kevin answers, anna has the last word, then silence.

        Answers are marked as replies, so that no test hangs on what the linker makes of wording.
        """
        for number in range(rounds):
            asked = self.say("bob", f"question {number} about noodles", minutes=gap)
            said = self.say(
                "kevin", f"answer {number}, more or less", minutes=minutes, reply_to=asked
            )
            self.say("anna", f"noted {number}", minutes=minutes, reply_to=said)

    def recorded(self, archive: Archive, *, me: str | None = "kevin") -> list[Message]:
        """Put everything said so far into ``archive``; the chat's messages as it gives them back.

        ``me`` becomes @self where they have spoken.
        """
        archive.add(self.messages)
        if me is not None and any(message.author.key == me for message in self.messages):
            archive.set_self(me)
        return list(archive.messages(self.chat.id))


def person(handle: str, *, is_self: bool = False, is_bot: bool = False, id: int = 0) -> Person:
    """Somebody outside any archive."""
    return Person(id or hash(handle), handle, (handle,), is_self=is_self, is_bot=is_bot)


def texts(messages: Iterable[Message]) -> list[str]:
    """What was written."""
    return [message.text for message in messages]


def telegram_export(talk: Talk) -> dict[str, Any]:
    """The conversation in the shape of a Telegram Desktop export."""
    return {
        "name": talk.chat.title,
        "type": "private_supergroup",
        "id": 1234,
        "messages": [_telegram_message(n, m) for n, m in enumerate(talk.messages, 1)],
    }


def write_telegram(talk: Talk, path: Path) -> Path:
    """Write :func:`telegram_export` to ``path``, laid out as Telegram does."""
    path.write_bytes(orjson.dumps(telegram_export(talk), option=orjson.OPT_INDENT_2))
    return path


def _telegram_message(number: int, message: RawMessage) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": number,
        "type": "message",
        "date": f"{message.sent_at:%Y-%m-%dT%H:%M:%S}",
        "date_unixtime": str(int(message.sent_at.timestamp())),
        "from": message.author.name,
        "from_id": message.author.key,
        "text": message.text,
        "text_entities": [],
    }
    if message.reply_to:
        data["reply_to_message_id"] = int(message.reply_to.rpartition(":")[2])
    return data
