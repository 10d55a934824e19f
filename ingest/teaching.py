"""A thread made ready to be learned from: each message of @self taught once, or known why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from ingest.chat import Message, Thread, Window
from ingest.clean import is_noise, own_words, quotes_of
from ingest.openers import Tails, opener_of
from ingest.quality import Verdicts
from ingest.windows import Cut, cut_windows

QUOTED_SHARE = 0.5
"""A message that is mostly somebody's earlier words is not @self's."""


class Teaching:
    """Turns threads into windows, in the order they come."""

    def __init__(self, verdicts: Verdicts, tails: Tails, cut: Cut) -> None:
        self._verdicts = verdicts
        self._tails = tails
        self._cut = cut
        self._taught: set[str] = set()

    @property
    def untaught(self) -> int:
        """Messages that no rule speaks against and that still are in no window."""
        return self._verdicts.total - len(self._verdicts.reasons) - len(self._taught)

    def windows(self, thread: Thread) -> Iterator[Window]:
        """The windows of a thread: those with replies, and its opener."""
        if not any(message.person.is_self for message in thread.messages):
            return
        thread = self._readied(thread)
        for window in cut_windows(thread, self._cut, may_learn=self._may_learn):
            yield self._noted(window)
        opener = opener_of(self._first_told(thread), self._tails, self._cut)
        if opener is not None and all(
            self._may_learn_id(x.message_id) for x in opener.turns[-1].lines
        ):
            yield self._noted(opener)

    def _may_learn(self, message: Message) -> bool:
        return self._may_learn_id(message.id)

    def _may_learn_id(self, id: str) -> bool:
        return id not in self._verdicts.reasons and id not in self._taught

    def _noted(self, window: Window) -> Window:
        """The window with its weights; what it teaches is not taught again."""
        turns = []
        for turn in window.turns:
            if turn.is_target:
                ids = [line.message_id for line in turn.lines]
                self._taught.update(ids)
                turn = replace(turn, weight=self._verdicts.weight(ids))
            turns.append(turn)
        return replace(window, turns=tuple(turns))

    def _first_told(self, thread: Thread) -> Thread:
        """Without messages at its start that a later reply brought back from their own thread."""
        messages = thread.messages
        while messages and messages[0].id in self._taught and messages[0].person.is_self:
            messages = messages[1:]
        return replace(thread, messages=messages)

    def _readied(self, thread: Thread) -> Thread:
        """@self's turns without the messages not learned, where something else is left of them.

        A link under two lines of text is left out; a turn that is only a link stays as context.
        """
        spoken = [message for message in thread.messages if is_noise(message) is None]
        messages: list[Message] = []
        for is_self, group in groupby(spoken, key=lambda message: message.person.is_self):
            turn = list(group)
            if is_self:
                turn = [self._own(message, messages) for message in turn]
                turn = [message for message in turn if self._verdicts.may_learn(message)] or turn
            messages.extend(turn)
        return replace(thread, messages=tuple(messages))

    def _own(self, message: Message, before: list[Message]) -> Message:
        """The message in @self's own words; one that repeats another's is not learned from."""
        text = own_words(message.text)
        said = [other.text for other in before if not other.person.is_self]
        quoted = (quote for quote in quotes_of(text) if any(quote in other for other in said))
        if sum(map(len, quoted)) > len(text) * QUOTED_SHARE and self._may_learn(message):
            self._verdicts.reasons[message.id] = "quotes another"
            self._verdicts.tally.add("quotes another", message.id)
        return replace(message, text=text) if text and text != message.text else message
