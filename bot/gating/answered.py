"""What @self answered, as the thread linker tells: explicit replies first, then all other signs.

Each turn of @self answers the message that its lines link to, through @self's own lines of the same
turn. What is known of it only later is no feature of anything earlier: every answer comes with the
moment from which the linker, which looks some lines ahead, could tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ingest.chat import Kind, Message
from ingest.linker.finder import Answer, Finder
from ingest.threads import utterance


@dataclass(frozen=True, slots=True)
class Answered:
    """When a message was answered, and from when on one can know."""

    at: datetime
    known_at: datetime


def answered_in(messages: Iterable[Message]) -> Mapping[str, Answered]:
    """The messages of one chat that @self answered, by id; ``messages`` are oldest first."""
    found: dict[str, Answered] = {}
    own: dict[str, datetime] = {}
    others: set[str] = set()
    for message, settled in _settled(messages, own, others):
        for answer in settled:
            said_at = own.pop(answer.key, None)
            if said_at is None or answer.to not in others or answer.to in found:
                continue
            found[answer.to] = Answered(said_at, message.sent_at)
    return found


def _settled(
    messages: Iterable[Message], own: dict[str, datetime], others: set[str]
) -> Iterator[tuple[Message, Iterable[Answer]]]:
    """Each message with what the linker settled on hearing it, and in the end the rest.

    Fills in when @self's lines were said, and the ids of what others said.
    """
    finder = Finder()
    last = None
    for message in messages:
        if message.kind is Kind.SERVICE:
            continue
        if message.person.is_self:
            own[message.id] = message.sent_at
        else:
            others.add(message.id)
        last = message
        yield message, finder.add(utterance(message))
    if last is not None:
        yield last, finder.close()
