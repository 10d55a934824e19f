"""What recall would have shown at the time, for training: strictly earlier, from elsewhere.

A share of the windows carries passages of the past, so that the model learns what ``[memory]`` is
for. They look as they do live (:mod:`ingest.chunks`): pieces of threads, dated, the oldest first,
a third of the room at most. Recall is asked with the last lines before the last reply and sees
nothing from the window's first line on, nothing of its conversation, no other chat.

Live recall errs, and the model must learn to pass over what does not help: some training windows
show passages that recall did not find, from another moment of the chat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from config.settings import Settings
from ingest.archive import Archive
from ingest.chat import Message, Passage, Thread, Window
from ingest.chunks import MEMORY_SHARE, Chunk, chunks_of, memory_lines, words_in
from ingest.clean import is_noise, is_unlearnable
from ingest.dataset.silence import draw_of
from ingest.dataset.threadbook import ThreadBook
from ingest.scope import Scope
from ingest.windows import estimate_tokens

QUERY_LINES = 3
CANDIDATES = 40
"""Messages that word search names before passages are made of them."""
UNRELATED_SHARE = 0.2
"""Of the training windows that show memory: how many show what does not help."""
_TRIES = 12


class Shown(StrEnum):
    """What the memory of a window is, for the manifest's counts."""

    RECALLED = "recalled"
    UNRELATED = "unrelated"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Asked:
    """What recall is asked: a text, and the bounds of what it may show.

    Only of ``chat``, only what ended before ``before``, nothing that quotes a message in
    ``hidden``. ``person`` narrows it to what mentions that handle.
    """

    text: str
    chat: str
    before: datetime
    hidden: frozenset[str]
    person: str = ""


Recaller = Callable[[Asked, ThreadBook], Sequence[Passage]]


def recaller(archive: Archive, settings: Settings) -> Recaller:
    """Recall by words alone: quick, and the same everywhere; best first."""
    limit = settings.recall.passages
    chunks = Chunks(archive)

    def recall(asked: Asked, book: ThreadBook) -> Sequence[Passage]:
        if not words_in(asked.text) or not limit:
            return ()
        found: dict[str, Passage] = {}
        for message in _hits(archive, asked):
            chunk = chunks.around(message, asked, book)
            if chunk is not None and chunk.id not in found:
                found[chunk.id] = chunks.passage(chunk)
            if len(found) == limit:
                break
        return tuple(found.values())

    return recall


def _hits(archive: Archive, asked: Asked) -> Iterator[Message]:
    """Messages word search finds, those that say something and may be shown."""
    here = Scope.of(asked.chat)
    hits = archive.search(asked.text, scope=here, before=asked.before, limit=CANDIDATES)
    for message, _score in hits:
        speaks = is_noise(message) is None and is_unlearnable(message) is None
        is_about = not asked.person or asked.person in message.mentions
        if speaks and is_about and message.id not in asked.hidden:
            yield message


class Chunks:
    """Passages of the archive, cut from its threads as the index cuts them."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._dated = {chat.id for chat in archive.chats() if chat.has_times}

    def around(self, message: Message, asked: Asked, book: ThreadBook) -> Chunk | None:
        """The passage that quotes ``message``, where all of it may be shown."""
        for number in book.thread_of(message.id):
            for chunk in self.of(number, asked, book):
                if any(line.id == message.id for line in chunk.messages):
                    return chunk
        return None

    def of(self, number: int, asked: Asked, book: ThreadBook) -> Iterator[Chunk]:
        """The passages of a thread that may be shown."""
        messages = self._archive.get(book.ids(number))
        if not messages:
            return
        for chunk in chunks_of(Thread("", tuple(messages))):
            is_here = chunk.chat == asked.chat and chunk.ended_at < asked.before
            if is_here and asked.hidden.isdisjoint(line.id for line in chunk.messages):
                yield chunk

    def passage(self, chunk: Chunk) -> Passage:
        """As it is recalled."""
        return chunk.passage(is_dated=chunk.chat in self._dated)


class Memories:
    """The memory of each window that gets one."""

    def __init__(
        self, archive: Archive, settings: Settings, book: ThreadBook, recall: Recaller
    ) -> None:
        self._archive, self._book, self._recall = archive, book, recall
        self._chunks = Chunks(archive)
        self._limit = settings.recall.passages
        self._room = settings.dataset.window_tokens // MEMORY_SHARE
        self._seed = settings.dataset.seed

    def of(self, window: Window, *, may_mislead: bool) -> tuple[tuple[str, ...], Shown]:
        """The lines to show before the last reply, and what they are.

        With ``may_mislead`` a share of the windows gets what does not help. The dice hang on seed
        and window alone.
        """
        asked = self.asked(window)
        if asked is None:
            return (), Shown.NOTHING
        passages = self._recall(asked, self._book)
        draw = draw_of(self._seed, f"memory:{window.id}")
        if may_mislead and draw < UNRELATED_SHARE * 2**64:
            lines = self.unrelated(asked, len(passages) or self._limit, draw)
            return lines, Shown.UNRELATED if lines else Shown.NOTHING
        lines = self._fitting(passages)
        return lines, Shown.RECALLED if lines else Shown.NOTHING

    def about(self, window: Window, person: str, names: Iterable[str]) -> tuple[str, ...]:
        """Earlier lines that mention ``person``, who is called ``names``; none where none do."""
        asked = self.asked(window, person=person, text=" ".join(names))
        return () if asked is None else self._fitting(self._recall(asked, self._book))

    def asked(self, window: Window, *, person: str = "", text: str = "") -> Asked | None:
        """What recall is asked at a window's last reply; None where nothing says when that was."""
        lines = [line for turn in window.turns for line in turn.lines]
        instants = [line.sent_at for line in lines if line.sent_at]
        if not instants:
            return None
        hidden = self._book.together(line.message_id for line in lines)
        return Asked(text or _query(window), window.chat, min(instants), hidden, person)

    def unrelated(self, asked: Asked, most: int, draw: int) -> tuple[str, ...]:
        """Passages from other moments of the chat, none of which word search would name."""
        past = self._book.ended_before(asked.chat, asked.before)
        if not past:
            return ()
        found = self._archive.search(
            asked.text, scope=Scope.of(asked.chat), before=asked.before, limit=CANDIDATES
        )
        near = {message.id for message, _score in found}
        kept: dict[str, Passage] = {}
        for attempt in range(_TRIES):
            number = past[draw_of(self._seed, f"{draw}:{attempt}") % len(past)]
            chunk = next(self._chunks.of(number, asked, self._book), None)
            if chunk is not None and near.isdisjoint(line.id for line in chunk.messages):
                kept[chunk.id] = self._chunks.passage(chunk)
            if len(kept) == most:
                break
        return self._fitting(tuple(kept.values()))

    def _fitting(self, passages: Sequence[Passage]) -> tuple[str, ...]:
        """The lines of the best passages that fit their share of the room, as live."""
        kept = tuple(passages)
        while kept and estimate_tokens("\n".join(memory_lines(kept))) > self._room:
            kept = kept[:-1]
        return memory_lines(kept)


def _query(window: Window) -> str:
    """The last lines before the last reply, as the live bot asks."""
    last = max(i for i, turn in enumerate(window.turns) if turn.is_target)
    said = [line.text for turn in window.turns[:last] for line in turn.lines]
    return "\n".join(said[-QUERY_LINES:])
