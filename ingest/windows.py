"""Windows: the part of a thread that a reply of @self belongs to, cut to a length budget.

A window carries every reply of @self in its stretch, each learned from once. A thread longer than
the budget becomes several windows; each later one opens with the end of the one before, as context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ingest.chat import Message, Thread, Window
from ingest.clean import is_noise
from ingest.prompt import SELF, turns_of

CONTEXT_SHARE = 0.35
"""Share of the budget that context before the first reply may take."""
_WIDE = 0x2E80
"""First code point of the scripts in which a character is about a token."""
_LABEL_TOKENS = 5


def estimate_tokens(text: str) -> int:
    """About how many tokens a text costs in any of the supported vocabularies.

    Measured on the sample chat with the SmolLM2 and Gemma 3 tokenizers: 3.9 and 4.0 Latin
    characters a token (taken as 3.4, to be safe), 1.9 and 0.7 tokens a Han character (taken as 1).
    """
    wide = sum(ord(char) >= _WIDE for char in text)
    return wide + (len(text) - wide) * 10 // 34 + 1


@dataclass(frozen=True, slots=True)
class Cut:
    """How windows are cut: ``budget`` in tokens as ``length`` counts them, ``context`` messages."""

    budget: int
    context: int
    length: Callable[[str], int] = estimate_tokens

    def cost(self, message: Message) -> int:
        """Tokens of one labelled message."""
        return self.length(message.text) + _LABEL_TOKENS


def cut_windows(
    thread: Thread, cut: Cut, *, may_learn: Callable[[Message], bool] = lambda _: True
) -> Iterator[Window]:
    """The windows of a thread: every stretch with a reply of @self that answers somebody.

    ``may_learn`` judges single messages of @self; a turn is learned from where all its messages may
    be, and is context otherwise.
    """
    messages = tuple(message for message in thread.messages if is_noise(message) is None)
    me = next((m.person.handle for m in messages if m.person.is_self), SELF)
    for number, (shown, learned) in enumerate(_stretches(messages, cut, may_learn)):
        targets = frozenset(message.id for message in learned)
        turns = turns_of(shown, me=me, targets=targets)
        yield Window(f"{thread.id}#{number}", messages[0].chat, turns)


def _stretches(
    messages: Sequence[Message], cut: Cut, may_learn: Callable[[Message], bool]
) -> Iterator[tuple[Sequence[Message], Sequence[Message]]]:
    """Runs of messages that fit the budget, each with those of @self it teaches."""
    bursts = _reply_bursts(messages, may_learn)
    index = 0
    while index < len(bursts):
        start = _context_start(messages, bursts[index][0], cut)
        spent = sum(map(cut.cost, messages[start : bursts[index][1]]))
        last = index
        while last + 1 < len(bursts):
            more = sum(map(cut.cost, messages[bursts[last][1] : bursts[last + 1][1]]))
            if spent + more > cut.budget:
                break
            spent += more
            last += 1
        taught = [messages[i] for a, b in bursts[index : last + 1] for i in range(a, b)]
        yield messages[start : bursts[last][1]], taught
        index = last + 1


def _reply_bursts(
    messages: Sequence[Message], may_learn: Callable[[Message], bool]
) -> list[tuple[int, int]]:
    """Half-open ranges of @self's turns that answer somebody and may be learned from."""
    bursts: list[tuple[int, int]] = []
    index = 0
    while index < len(messages):
        end = index
        while end < len(messages) and messages[end].person.is_self:
            end += 1
        verdicts = [may_learn(message) for message in messages[index:end]]  # all are counted
        if index and verdicts and all(verdicts):
            bursts.append((index, end))
        index = max(end, index + 1)
    return bursts


def _context_start(messages: Sequence[Message], reply: int, cut: Cut) -> int:
    """Where the context of the reply at index ``reply`` begins."""
    room = cut.budget * CONTEXT_SHARE
    start = reply
    while start > max(0, reply - cut.context):
        room -= cut.cost(messages[start - 1])
        if room < 0 and start < reply:
            break
        start -= 1
    return start
