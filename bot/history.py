"""Which lines of a chat the model is shown: the thread being answered, cut in large steps.

A prompt that only grows at its end is cheap, since the model still holds its beginning. So the
first line shown stays the same from call to call, until the thread outgrows its room; then half
of it is let go at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from ingest.chat import Message
from ingest.clean import is_noise
from ingest.threads import thread_with

ANCHORS = 64  # first lines remembered: several threads in each of a few dozen chats
CUT = "…"


class Contexts:
    """Chooses the context of a message; remembers where each running context starts.

    ``room`` is in the unit of ``length`` (tokens), for all lines together with their labels.
    """

    def __init__(self, *, gap: timedelta, room: int, length: Callable[[str], int]) -> None:
        self._gap, self._room, self._length = gap, room, length
        self._anchors: deque[str] = deque(maxlen=ANCHORS)

    def choose(self, history: Sequence[Message]) -> tuple[Message, ...]:
        """The lines before and with the last of ``history``, oldest first; at least that one."""
        *earlier, trigger = history
        spoken = [message for message in earlier if is_noise(message) is None]
        thread = tuple(map(self._shortened, self._thread([*spoken, trigger])))
        running = self._from_anchor(thread)
        if self._total(running) <= self._room:
            return running
        kept = self._latest(running, self._room // 2)
        self._anchors.append(kept[0].id)
        return kept

    def _thread(self, history: Sequence[Message]) -> Sequence[Message]:
        """The thread of the last message; where it stands alone, the lines around it."""
        found = thread_with(history, history[-1].id, gap=self._gap)
        if found is None or len(found.messages) == 1:
            return self._recent(history)
        return found.messages

    def _recent(self, history: Sequence[Message]) -> Sequence[Message]:
        """The last lines without a silence longer than the gap."""
        start = len(history) - 1
        while start and history[start].sent_at - history[start - 1].sent_at <= self._gap:
            start -= 1
        return history[start:]

    def _from_anchor(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        places = {message.id: place for place, message in enumerate(messages)}
        start = next((places[known] for known in reversed(self._anchors) if known in places), 0)
        return messages[start:]

    def _latest(self, messages: tuple[Message, ...], room: int) -> tuple[Message, ...]:
        start = len(messages) - 1
        used = self._cost(messages[start])
        while start and (used := used + self._cost(messages[start - 1])) <= room:
            start -= 1
        return messages[start:]

    def _shortened(self, message: Message) -> Message:
        """A message that leaves room for others: long ones lose their end."""
        most = self._room // 2
        text = message.text
        while (cost := self._length(text)) > most:
            text = text[: len(text) * most // cost - 1] + CUT
        return message if text is message.text else replace(message, text=text)

    def _total(self, messages: Sequence[Message]) -> int:
        return sum(map(self._cost, messages))

    def _cost(self, message: Message) -> int:
        # A label and, at worst, the markup of a turn of its own.
        return self._length(f"@{message.person.handle}: {message.text}\n") + 8
