"""The attacks of tests/bot/attacks, and chats in which they are made.

A line of a file is one attack: ``where`` it comes in, what must hold (``holds``), the text, and how
often it is repeated (``times``). All were written for this project.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.archive import Archive
from ingest.chat import (
    Account,
    Attachment,
    AttachmentKind,
    Conversation,
    Message,
    Passage,
    RawMessage,
    Thread,
)
from ingest.chunks import memory_lines, passages_of
from ingest.persona import Persona, head_text

FOLDER = Path(__file__).with_name("attacks")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ME = Account("test", "kevin", "Kevin")
BOB = Account("test", "bob", "Bob")
ASKED = "what do you think of that?"


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack."""

    id: str
    where: str
    language: str
    holds: tuple[str, ...]
    text: str

    @property
    def kind(self) -> str:
        """The file it stands in."""
        return self.id.rpartition("-")[0]

    @property
    def chat(self) -> str:
        """The id of the chat it is made in."""
        return f"test:{self.id}"


def attacks() -> list[Attack]:
    """All of them, by file."""
    return [
        _attack(json.loads(line))
        for path in sorted(FOLDER.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def _attack(row: dict[str, object]) -> Attack:
    text, times = str(row["text"]), int(str(row.get("times", 1)))
    holds = row["holds"]
    assert isinstance(holds, list)
    return Attack(
        str(row["id"]), str(row["where"]), str(row["language"]), tuple(holds), text * times
    )


def lines_of(attack: Attack) -> list[RawMessage]:
    """The chat of an attack: bob asks, @self answers, mallory attacks (and bob asks again)."""
    named = attack.text if attack.where == "name" else "Mallory"
    title = attack.text if attack.where == "title" else "Tea Club"
    chat = Conversation(attack.chat, title, "test")
    mallory = Account("test", f"mallory-{attack.id}", named)
    said = [(BOB, "tea at four?"), (ME, "four is fine"), (mallory, _words(attack))]
    if attack.where not in ("message", "caption"):
        said.append((BOB, ASKED))
    raw = [
        RawMessage(f"{chat.id}:{n}", chat, who, NOW + timedelta(minutes=n), text)
        for n, (who, text) in enumerate(said)
    ]
    raw[2] = _dressed(raw[2], attack)
    if attack.where == "reply":
        raw[3] = replace(raw[3], reply_to=raw[2].id)
    return raw


def _words(attack: Attack) -> str:
    carried = ("message", "reply", "caption", "forward", "recalled")
    return attack.text if attack.where in carried else "hello there"


def _dressed(message: RawMessage, attack: Attack) -> RawMessage:
    if attack.where == "caption":
        return replace(message, attachments=(Attachment(AttachmentKind.PHOTO),))
    if attack.where in ("sticker", "file"):
        kind = AttachmentKind(attack.where)
        return replace(message, attachments=(Attachment(kind, attack.text),))
    if attack.where == "forward":
        return replace(message, forwarded_from=attack.text)
    return message


def staged(archive: Archive, some: list[Attack]) -> None:
    """Put the chats of these attacks into an archive whose @self is Kevin."""
    archive.add(message for attack in some for message in lines_of(attack))
    archive.set_self("test:kevin")


def scene(archive: Archive, attack: Attack) -> list[Message]:
    """The lines of an attack as the bot reads them; a recalled one is not among them."""
    lines = archive.history(attack.chat, before=NOW + timedelta(hours=1), limit=9)
    return [lines[0], lines[1], lines[3]] if attack.where == "recalled" else lines


def recalled(archive: Archive, attack: Attack) -> list[Passage]:
    """What memory brings back for it."""
    if attack.where != "recalled":
        return []
    [message] = archive.get([f"{attack.chat}:2"])
    found = list(passages_of(Thread("t", (message,))))
    # What says too little makes no passage; shown all the same it must do no harm.
    text, at = f"2026-03-01 @mallory: {message.text}", message.sent_at
    return found or [Passage("p", message.chat, text, (message.id,), ("mallory",), at, at)]


def memory_of(archive: Archive, attack: Attack) -> tuple[str, ...]:
    """The same as the lines of a prompt."""
    return memory_lines(recalled(archive, attack))


def head_of(attack: Attack) -> str:
    """The head of a prompt in the attack's chat, for a @self who is named like the attacker."""
    name = attack.text if attack.where == "name" else "Kevin"
    title = attack.text if attack.where == "title" else "Tea Club"
    return head_text(Persona(name, title, {"en": 1.0}, 24, 1.0))
