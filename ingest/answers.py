"""One row per message of a chat export: what it answers, and the thread it is in. No archive.

A row names a message by the line it starts on, for formats made of lines, and by its place among
the messages of the file for the others. The notices of an IRC log (joins, renames) have rows of
their own, so that every line of it is accounted for.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from ingest.chat import RawMessage
from ingest.errors import FormatError
from ingest.linker.finder import Answer, Finder
from ingest.linker.stream import REMEMBERED
from ingest.parsers import PARSERS
from ingest.parsers.base import Parser, Reading, Skipped, parser_for
from ingest.parsers.irc import PARSER as IRC
from ingest.sources import Source, sources_of
from ingest.threads import heard


@dataclass(frozen=True, slots=True)
class Row:
    """Message ``id`` on ``line`` answers the one on line ``answers``, or starts a conversation.

    ``thread`` is the line its conversation starts on; ``score`` the probability of ``answers``.
    A notice has no ``id``. ``who`` and ``text`` are for people.
    """

    line: int
    id: str | None
    answers: int | None
    thread: int
    score: float
    reason: str = ""
    who: str = ""
    text: str = ""


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of the export at ``path``, in order; FormatError where it is none."""
    chosen = list(_exports(path))
    if not chosen:
        raise FormatError(f"{path}: no chat export in it")
    ordinal = 0
    for source, parser in chosen:
        table = _Table(ordinal, with_notices=parser is IRC)
        with source.open() as stream:
            for item in parser.parse(Reading(stream, source.name, UTC, source.beside)):
                yield from table.add(item)
        yield from table.close()
        ordinal = table.ordinal


def _exports(path: Path) -> Iterator[tuple[Source, Parser]]:
    sources = list(sources_of(path))
    for source in sources:
        try:
            yield source, parser_for(source, PARSERS)
        except FormatError:
            if len(sources) == 1:  # pictures beside an export are no failure
                raise


@dataclass(slots=True)
class _Waiting:
    """A message or notice whose row is still to come."""

    line: int
    message: RawMessage | None


class _Table:
    """Rows in the making: messages wait until the finder has seen enough after them."""

    def __init__(self, ordinal: int, *, with_notices: bool) -> None:
        self.ordinal = ordinal
        self._with_notices = with_notices
        self._chat = ""
        self._finder: Finder | None = None
        self._waiting: deque[_Waiting] = deque()
        self._known: OrderedDict[str, tuple[int, int]] = OrderedDict()  # id → line, thread

    def add(self, item: RawMessage | Skipped) -> Iterator[Row]:
        """Take in what the parser gave; yields the rows now known."""
        if isinstance(item, Skipped):
            if self._with_notices and item.where.isdigit():
                self._waiting.append(_Waiting(int(item.where), None))
            return
        if self._finder is None or item.chat.id != self._chat:
            yield from self.close()
            self._finder, self._chat = Finder(), item.chat.id
        line = self.ordinal if item.line is None else item.line
        self.ordinal += 1
        self._waiting.append(_Waiting(line, item))
        for answer in self._finder.add(heard(item)):
            yield from self._settle(answer)

    def close(self) -> Iterator[Row]:
        """The rows still open."""
        if self._finder is not None:
            for answer in self._finder.close():
                yield from self._settle(answer)
        yield from self._notices()

    def _settle(self, answer: Answer) -> Iterator[Row]:
        yield from self._notices()
        waiting = self._waiting.popleft()
        message, line = waiting.message, waiting.line
        assert message is not None
        known = self._known.get(answer.to) if answer.to is not None else None
        answers, thread = known or (None, line)
        self._known[answer.key] = line, thread
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        who = message.author.name or message.author.key
        yield Row(line, message.id, answers, thread, answer.score, answer.reason, who, message.text)

    def _notices(self) -> Iterator[Row]:
        """Rows of the notices up to the next message."""
        while self._waiting and self._waiting[0].message is None:
            line = self._waiting.popleft().line
            yield Row(line, None, None, line, 1.0)
