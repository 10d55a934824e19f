"""Threads: which earlier message each message answers, and so what belongs together.

One pass over a conversation, in order, with bounded state. The evidence, strongest first: an
explicit reply; a mention; the same person typing on; a person staying in the exchange they were in;
being the next to speak. A message with none of these starts a thread.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from ingest.chat import Link, Message, Thread

BURST = timedelta(minutes=3)
"""How long one person's next message still continues their last."""
EXCHANGE = timedelta(minutes=15)
"""How long someone who took part in an exchange is taken to be still in it."""
MAX_MESSAGES = 400
"""Longer threads are handed on in pieces, so that memory stays bounded."""
REMEMBERED = 4000
"""Messages a reply can reach back to."""


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
        self._open: OrderedDict[str, _Open] = OrderedDict()  # least recently active first
        self._thread_of: OrderedDict[str, tuple[str, Message]] = OrderedDict()
        self._last_by: dict[str, Message] = {}
        self._full: dict[str, str] = {}  # thread handed on at its limit → the one that goes on

    def add(self, message: Message) -> Iterator[Thread]:
        """Link ``message``; yields the threads that ended before it."""
        yield from self._expire(message.sent_at)
        link = self._link(message)
        thread = self._join(message, link)
        self._remember(message, thread)
        if len(thread.messages) >= MAX_MESSAGES:
            self._full[thread.id] = ""
            yield self._open.pop(thread.id).frozen()

    def close(self) -> Iterator[Thread]:
        """The threads that are still open."""
        yield from (thread.frozen() for thread in self._open.values())
        self._open.clear()

    def _expire(self, now: datetime) -> Iterator[Thread]:
        while self._open:
            oldest = next(iter(self._open.values()))
            if now - oldest.last_at <= self._gap:
                return
            yield self._open.popitem(last=False)[1].frozen()

    def _link(self, message: Message) -> Link | None:
        if message.reply_to is not None and message.reply_to in self._thread_of:
            return Link(message.id, message.reply_to, "reply")
        for reason, target, limit in self._candidates(message):
            if target is not None and message.sent_at - target.sent_at <= limit:
                return Link(message.id, target.id, reason)
        return None

    def _candidates(self, message: Message) -> Iterator[tuple[str, Message | None, timedelta]]:
        own = self._last_by.get(message.person.handle)
        if own is not None and self._is_last_word(own):
            yield "burst", own, BURST
        for handle in message.mentions:
            if handle != message.person.handle:
                yield "mention", self._last_by.get(handle), self._gap
        yield "burst", own, BURST
        yield "exchange", own and self._last_of_thread(own), EXCHANGE
        latest = next(reversed(self._open.values())).messages[-1] if self._open else None
        yield "next", latest, self._gap

    def _is_last_word(self, message: Message) -> bool:
        """Whether nobody spoke since: typing on needs no other evidence, not even a mention."""
        return bool(self._thread_of) and next(reversed(self._thread_of)) == message.id

    def _last_of_thread(self, message: Message) -> Message | None:
        thread = self._open.get(self._current(self._thread_of[message.id][0]))
        return thread.messages[-1] if thread else None

    def _current(self, thread_id: str) -> str:
        """The thread, or the piece it has come to."""
        while next_id := self._full.get(thread_id):
            thread_id = next_id
        return thread_id

    def _join(self, message: Message, link: Link | None) -> _Open:
        thread = None
        if link is not None:
            thread_id, target = self._thread_of[link.target]
            thread_id = self._current(thread_id)
            thread = self._open.get(thread_id)
            if thread is None:
                thread = _Open(message.id, message.sent_at, [target])
                if thread_id in self._full:  # else each speaker would go on alone
                    self._full[thread_id] = thread.id
            thread.links.append(link)
        thread = thread or _Open(message.id, message.sent_at)
        thread.messages.append(message)
        thread.last_at = message.sent_at
        self._open[thread.id] = thread
        self._open.move_to_end(thread.id)
        return thread

    def _remember(self, message: Message, thread: _Open) -> None:
        self._thread_of[message.id] = (thread.id, message)
        self._last_by[message.person.handle] = message
        if len(self._thread_of) > REMEMBERED:
            _id, (_thread, old) = self._thread_of.popitem(last=False)
            if self._last_by.get(old.person.handle) is old:
                del self._last_by[old.person.handle]
