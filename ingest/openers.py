"""Openers: what @self says with nothing to answer, shown after the tail of the chat, or a silence.

A thread that @self starts has no line to reply to. Its first turn becomes a window of its own: what
others were saying in the chat just before (some other thread), then the turn.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import takewhile

from ingest.chat import Message, Thread, Window, WindowKind
from ingest.clean import is_noise
from ingest.prompt import turns_of
from ingest.windows import Cut

TAIL_MESSAGES = 6
REMEMBERED = 8192
"""Turns of @self whose tails are kept until their thread has ended."""


class Tails:
    """Watches messages go by and remembers what stood before each turn of @self."""

    def __init__(self, gap: timedelta) -> None:
        self._gap = gap
        self._latest: deque[Message] = deque(maxlen=TAIL_MESSAGES)
        self._tails: OrderedDict[str, tuple[Message, ...]] = OrderedDict()

    def watch(self, messages: Iterable[Message]) -> Iterator[Message]:
        """The same messages, in the same order."""
        for message in messages:
            if message.person.is_self:
                self._keep(message)
            if is_noise(message) is None:
                self._latest.append(message)
            yield message

    def before(self, message: Message) -> tuple[Message, ...]:
        """What was said in the chat before ``message``, oldest first, without a long silence."""
        return self._tails.get(message.id, ())

    def _keep(self, message: Message) -> None:
        tail: list[Message] = []
        later = message
        for earlier in reversed(self._latest):
            is_near = later.sent_at - earlier.sent_at <= self._gap
            if earlier.chat != message.chat or not is_near:
                break
            tail.append(earlier)
            later = earlier
        while tail and tail[0].person.is_self:
            tail.pop(0)  # what @self said last is no line to speak after
        self._tails[message.id] = tuple(reversed(tail))
        if len(self._tails) > REMEMBERED:
            self._tails.popitem(last=False)


def opener_of(thread: Thread, tails: Tails, cut: Cut) -> Window | None:
    """The window of the turn that starts ``thread``, where @self started it."""
    spoken = [message for message in thread.messages if is_noise(message) is None]
    turn = list(takewhile(lambda message: message.person.is_self, spoken))
    if not turn:
        return None
    room = cut.budget - sum(map(cut.cost, turn))
    shown = (*_fitting(tails.before(turn[0]), room, cut), *turn)
    me = turn[0].person.handle
    turns = turns_of(shown, me=me, targets=frozenset(message.id for message in turn))
    return Window(f"{thread.id}#opener", turn[0].chat, turns, kind=WindowKind.OPENER)


def _fitting(tail: Sequence[Message], room: int, cut: Cut) -> Sequence[Message]:
    start = len(tail)
    while start and (room := room - cut.cost(tail[start - 1])) >= 0:
        start -= 1
    return tail[start:]
