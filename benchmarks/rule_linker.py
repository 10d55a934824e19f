"""The linker before the learned one, kept to be compared with: a few rules, strongest first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from ingest.linker.columns import Utterance
from ingest.linker.finder import Answer

BURST = 3 * 60
EXCHANGE = 15 * 60
GAP = 30 * 60


def answers_of(messages: Iterable[Utterance]) -> Iterator[Answer]:
    """What each message answers by rules: reply, burst, mention, exchange, next."""
    rules = _Rules()
    for message in messages:
        yield rules.answer(message)


class _Rules:
    def __init__(self) -> None:
        self._said: dict[str, Utterance] = {}
        self._thread: dict[str, str] = {}
        self._last_in: OrderedDict[str, Utterance] = OrderedDict()  # thread → its last message
        self._last_by: dict[str, Utterance] = {}
        self._before: Utterance | None = None

    def answer(self, message: Utterance) -> Answer:
        target = self._target(message)
        thread = self._thread[target.key] if target else message.key
        self._said[message.key] = message
        self._thread[message.key] = thread
        self._last_in[thread] = message
        self._last_in.move_to_end(thread)
        self._last_by[message.who] = self._before = message
        return Answer(message.key, target.key if target else None, 1.0)

    def _target(self, message: Utterance) -> Utterance | None:
        if message.reply_to in self._said:
            return self._said[message.reply_to]
        for target, limit in self._candidates(message):
            if target is not None and (message.at or 0) - (target.at or 0) <= limit:
                return target
        return None

    def _candidates(self, message: Utterance) -> Iterator[tuple[Utterance | None, float]]:
        own = self._last_by.get(message.who)
        if own is not None and own is self._before:
            yield own, BURST
        for who in message.mentions:
            if who != message.who:
                yield self._last_by.get(who), GAP
        yield own, BURST
        yield own and self._last_in[self._thread[own.key]], EXCHANGE
        yield self._before, GAP
