"""The reply-to-message task: whom a message answers, asked when nothing follows it yet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.chat import Message
from ingest.linker.columns import Array
from ingest.linker.live import Live
from ingest.linker.ranking import features, second_chances
from ingest.threads import utterance

REACH = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """A message whose reply is hidden, and what is seen of the REACH ``near`` it, latest first.

    ``right`` are the true answers as places back from it, 0 the one just before; ``seen`` (REACH,
    p) the features, ``wording`` the BM25 and ``linked`` the chances of the shipped linker.
    """

    message: Message
    near: tuple[Message, ...]
    right: tuple[int, ...]
    seen: Array
    wording: Array
    linked: Array


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares of questions with a right answer among the first, and the mean reciprocal rank."""

    first: float
    first_5: float
    first_10: float
    mrr: float


def ask(messages: Sequence[Message], replies: Mapping[str, Collection[str]]) -> Iterator[Asked]:
    """A question for each message of one chat that answers one of the REACH before it."""
    live = Live()
    place_of: dict[str, int] = {}
    for place, message in enumerate(messages):
        live.add(utterance(message))
        place_of[message.id] = place
        targets = [place_of[id] for id in replies.get(message.id, ()) if id in place_of]
        right = tuple(place - to - 1 for to in targets if 0 < place - to <= REACH)
        if right and place >= REACH:
            sight = live.look(hide_reply=True)
            near = slice(0, REACH)
            linked = second_chances(sight)[1:][near]
            yield Asked(
                message,
                tuple(messages[place - REACH : place][::-1]),
                right,
                features(sight)[near],
                sight.wording[near],
                linked,
            )


def score(asked: Sequence[Asked], scores: Array) -> Figures:
    """How well ``scores`` (n, REACH) answer; of equals the latest counts as first."""
    order = np.argsort(-scores, axis=1, kind="stable").argsort(1)
    rank = np.array([order[row, list(q.right)].min() + 1 for row, q in enumerate(asked)])
    first, first_5, first_10 = (float((rank <= most).mean()) for most in (1, 5, 10))
    return Figures(first, first_5, first_10, float((1 / rank).mean()))


def standard(values: Array) -> Array:
    """Each row at mean 0 and deviation 1."""
    found: Array = (values - values.mean(1, keepdims=True)) / (values.std(1, keepdims=True) + 1e-6)
    return found
