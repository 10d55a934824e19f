"""Threads: which earlier message each message answers, and so what belongs together.

One pass over a conversation, in order, with bounded state. Explicit replies are followed; all other
links come from the learned model in ``ingest.linker``, which looks a few dozen messages ahead
where they are there. A message that answers nothing starts a thread.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from ingest.chat import Kind, Link, Message, RawMessage, Thread
from ingest.linker.columns import Utterance
from ingest.linker.finder import Answer, Finder
from ingest.linker.stream import REMEMBERED

BURST = timedelta(minutes=3)
"""How long one person's next message is still part of the same turn."""
MAX_MESSAGES = 400
"""Longer threads are handed on in pieces, so that memory stays bounded."""
_NAMES = 4
"""Names of a person, the latest first, that a text is searched for."""


def recover_threads(messages: Iterable[Message], *, gap: timedelta) -> Iterator[Thread]:
    """Split messages (grouped by conversation, oldest first) into threads.

    A thread ends after a silence of ``gap``. A reply to something older starts a thread that begins
    with the message it quotes. Threads come in the order they end.
    """
    for _chat, members in groupby(messages, key=lambda message: message.chat):
        linker = Linker(gap)
        for message in members:
            yield from linker.add(message)
        yield from linker.close()


def thread_with(messages: Sequence[Message], id: str, *, gap: timedelta) -> Thread | None:
    """The thread that message ``id`` belongs to, as far as ``messages`` tell."""
    threads = recover_threads(messages, gap=gap)
    # A quoted message opens the thread that quotes it, too; its own is where it was said.
    return next((t for t in threads if any(m.id == id for m in t.messages)), None)


def utterance(message: Message) -> Utterance:
    """What the linker may know of a message of the archive."""
    person = message.person
    return Utterance(
        message.id,
        person.handle,
        (person.handle, *person.names[: -_NAMES - 1 : -1]),
        message.text,
        message.sent_at.timestamp(),
        message.mentions,
        message.reply_to,
        person.is_bot,
    )


def heard(message: RawMessage) -> Utterance:
    """What the linker may know of a message fresh from a parser."""
    author = message.author
    return Utterance(
        message.id,
        f"{author.platform}:{author.key}",
        (author.name or author.key,),
        message.text,
        message.sent_at.timestamp() if message.chat.has_times else None,
        tuple(f"{account.platform}:{account.key}" for account in message.mentions),
        message.reply_to,
        author.is_bot,
    )


@dataclass
class _Open:
    """A thread still growing."""

    id: str
    last_at: datetime
    messages: list[Message] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def frozen(self) -> Thread:
        return Thread(self.id, tuple(self.messages), tuple(self.links))


class Linker:
    """The state of one conversation; feed it messages in order."""

    def __init__(self, gap: timedelta) -> None:
        self._gap = gap
        self._finder = Finder()
        self._waiting: deque[Message] = deque()  # until the finder has seen enough after them
        self._open: OrderedDict[str, _Open] = OrderedDict()  # least recently active first
        self._thread_of: OrderedDict[str, tuple[str, Message]] = OrderedDict()
        self._full: dict[str, str] = {}  # thread handed on at its limit → the one that goes on

    def add(self, message: Message) -> Iterator[Thread]:
        """Take in ``message``; yields the threads now known to have ended."""
        self._waiting.append(message)
        if message.kind is not Kind.SERVICE:
            for answer in self._finder.add(utterance(message)):
                yield from self._settle(answer)

    def close(self) -> Iterator[Thread]:
        """The threads that are still open."""
        for answer in self._finder.close():
            yield from self._settle(answer)
        while self._waiting:
            yield from self._place(self._waiting.popleft(), None)
        yield from (thread.frozen() for thread in self._open.values())
        self._open.clear()

    def _settle(self, answer: Answer) -> Iterator[Thread]:
        """Place the messages up to the one that ``answer`` is about; notices stand alone."""
        while self._waiting[0].id != answer.key:
            yield from self._place(self._waiting.popleft(), None)
        link = None
        if answer.to is not None:
            link = Link(answer.key, answer.to, answer.reason, answer.score)
        yield from self._place(self._waiting.popleft(), link)

    def _place(self, message: Message, link: Link | None) -> Iterator[Thread]:
        yield from self._expire(message.sent_at)
        thread = self._join(message, link)
        self._remember(message, thread)
        if len(thread.messages) >= MAX_MESSAGES:
            self._full[thread.id] = ""
            yield self._open.pop(thread.id).frozen()

    def _expire(self, now: datetime) -> Iterator[Thread]:
        while self._open:
            oldest = next(iter(self._open.values()))
            if now - oldest.last_at <= self._gap:
                return
            yield self._open.popitem(last=False)[1].frozen()

    def _current(self, thread_id: str) -> str:
        """The thread, or the piece it has come to."""
        while next_id := self._full.get(thread_id):
            thread_id = next_id
        return thread_id

    def _join(self, message: Message, link: Link | None) -> _Open:
        thread = None
        if link is not None and link.target in self._thread_of:
            thread = self._joined(message, link)
        thread = thread or _Open(message.id, message.sent_at)
        thread.messages.append(message)
        thread.last_at = message.sent_at
        self._open[thread.id] = thread
        self._open.move_to_end(thread.id)
        return thread

    def _joined(self, message: Message, link: Link) -> _Open | None:
        """The thread that ``link`` leads to; over a silence only an explicit reply leads."""
        thread_id, target = self._thread_of[link.target]
        thread_id = self._current(thread_id)
        thread = self._open.get(thread_id)
        if thread is None:
            is_full = thread_id in self._full
            if link.reason != "reply" and not is_full:
                return None
            thread = _Open(message.id, message.sent_at, [target])
            if is_full:  # else each speaker would go on alone
                self._full[thread_id] = thread.id
        thread.links.append(link)
        return thread

    def _remember(self, message: Message, thread: _Open) -> None:
        self._thread_of[message.id] = (thread.id, message)
        if len(self._thread_of) > REMEMBERED:
            self._thread_of.popitem(last=False)
