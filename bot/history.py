"""Which lines of a chat the model is shown: the conversation of the newest message.

Those are the lines likely to be of it, and where little is known the likeliest of the last few as
well: an answer suffers more from what is missing than from what is too much.

A prompt that only grows at its end is cheap, since the model still holds its beginning. So what was
shown is shown again as long as the conversation runs, from the same first line on, until it
outgrows its room; then half of it is let go at once. Only a quoted message comes back from before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from ingest.chat import Message
from ingest.clean import is_noise
from ingest.linker.ranking import Ranking
from ingest.listening import Listener, Meaning

RUNS = 64  # running contexts remembered: several threads in each of a few dozen chats
SAME = 0.5  # chance of belonging to what a context showed that makes it go on
BELONGS = 0.3
LEAST = 6
CUT = "…"
LONGEST_TOKEN = 64
"""Characters; blanks run together in no vocabulary we know beyond it."""


class Contexts:
    """Chooses the context of a message; remembers what each running context has shown.

    ``room`` is in the unit of ``length`` (tokens), for all lines together with their labels.
    """

    def __init__(
        self,
        *,
        gap: timedelta,
        room: int,
        length: Callable[[str], int],
        ranking: Ranking | None = None,
        meaning: Meaning | None = None,
        listener: Listener | None = None,
    ) -> None:
        self._gap, self._room, self._length = gap, room, length
        self._listener = listener or Listener(gap, ranking, meaning)
        self._runs: deque[tuple[str, ...]] = deque(maxlen=RUNS)

    def choose(self, history: Sequence[Message], room: str | None = None) -> tuple[Message, ...]:
        """The lines before and with the last of ``history``, oldest first; at least that one.

        ``room`` names the topic of a chat that has several.
        """
        *earlier, trigger = history
        lines = [*(message for message in earlier if is_noise(message) is None), trigger]
        chances = self._listener.hear(lines, room)
        run = self._running(chances, trigger)
        chosen = self._belonging(lines, chances) | {trigger.id}
        shown = tuple(map(self._shortened, _merged(lines, run, chosen, trigger.reply_to)))
        if self._total(shown) > self._room:
            shown = self._latest(shown, self._room // 2)
        if run:
            self._runs.remove(run)
        self._runs.append(tuple(message.id for message in shown))
        return shown

    def _running(self, chances: Mapping[str, float], trigger: Message) -> tuple[str, ...]:
        """What was shown of this conversation last; empty where it was not shown yet."""
        known = {**chances, trigger.id: 1.0}
        best: tuple[str, ...] = ()
        chance = SAME
        for run in self._runs:
            likeliest = max(known.get(id, 0.0) for id in run)
            if likeliest >= chance:
                best, chance = run, likeliest
        return best

    def _belonging(self, lines: Sequence[Message], chances: Mapping[str, float]) -> set[str]:
        """The lines likely to be of the conversation, and at least the LEAST likeliest recent."""
        recent = {message.id for message in self._recent(lines)}
        likely = sorted(recent & chances.keys(), key=lambda id: -chances[id])
        return {*likely[:LEAST], *(id for id, chance in chances.items() if chance >= BELONGS)}

    def _recent(self, lines: Sequence[Message]) -> Sequence[Message]:
        """The last lines without a silence longer than the gap."""
        start = len(lines) - 1
        while start and lines[start].sent_at - lines[start - 1].sent_at <= self._gap:
            start -= 1
        return lines[start:]

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
        if len(text) > most * LONGEST_TOKEN:  # counting a million letters takes a second
            text = text[: most * LONGEST_TOKEN] + CUT
        while (cost := self._length(text)) > most:
            text = text[: len(text) * most // cost - 1] + CUT
        return message if text is message.text else replace(message, text=text)

    def _total(self, messages: Sequence[Message]) -> int:
        return sum(map(self._cost, messages))

    def _cost(self, message: Message) -> int:
        # A label and, at worst, the markup of a turn of its own.
        return self._length(f"@{message.person.handle}: {message.text}\n") + 8


def _merged(
    lines: Sequence[Message], run: Sequence[str], chosen: Collection[str], quoted: str | None
) -> list[Message]:
    """What is chosen, put to what was shown; of what came before that, only what is quoted."""
    shown = {quoted, *run, *chosen}
    places = [place for place, message in enumerate(lines) if message.id in run]
    first = min(places, default=0)
    return [
        message
        for place, message in enumerate(lines)
        if message.id in shown and (place >= first or message.id == quoted)
    ]
