"""What the explicit replies of chats teach about who answers what in them.

Each is a question with a known answer: hidden, and asked of what was said up to then. In a chat
whose people reply by quoting, that moves the ranking a long way (README.md); a chat without such
replies leaves the weights that ship as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from ingest.chat import Message
from ingest.linker.columns import Array
from ingest.linker.live import Live
from ingest.linker.pairs import REACH
from ingest.linker.ranking import Ranking, features, fit, read, shipped
from ingest.threads import utterance

REPLIES = 2000
"""Most replies learned from, the latest of each chat: 20 seconds of one core."""
LEAD = 1000
"""Messages read before the first of them."""
TRUST = 10.0

Example = tuple[Array, Array, int]


def learn(chats: Sequence[Sequence[Message]], prior: Ranking | None = None) -> Ranking:
    """The ranking fitted to the replies of ``chats``, each oldest first."""
    prior = prior or shipped()
    examples = [
        example for chat in chats for example in examples_of(chat, REPLIES // max(1, len(chats)))
    ]
    if not examples:
        return prior
    seen, valid, answers = (np.array(column) for column in zip(*examples, strict=True))
    return fit(seen, valid, answers, prior, trust=TRUST)


def examples_of(messages: Sequence[Message], most: int) -> Iterator[Example]:
    """What is seen before each of the latest replies, which candidates exist, and the true one."""
    steps = dict(_replies(messages))
    latest = sorted(steps)[-most:] if most else []
    if not latest:
        return
    live = Live()
    for place in range(max(0, latest[0] - LEAD), latest[-1] + 1):
        live.add(utterance(messages[place]))
        if place in steps and place >= latest[0]:
            sight = live.look(hide_reply=True)
            yield features(sight), sight.found.pairs.valid[0], steps[place] - 1


def _replies(messages: Sequence[Message]) -> Iterator[tuple[int, int]]:
    """Places of replies, and how far back what they quote is, where that is in reach."""
    place_of: dict[str, int] = {}
    for place, message in enumerate(messages):
        place_of[message.id] = place
        target = place_of.get(message.reply_to) if message.reply_to else None
        if target is not None and 0 < place - target <= REACH:
            yield place, place - target


@dataclass(frozen=True, slots=True)
class Learned:
    """A ranking, and how many replies the archive had when it was learned."""

    ranking: Ranking
    replies: int

    def save(self, path: Path) -> None:
        """Write it; whatever is killed meanwhile, the file is a whole one."""
        partial = path.with_name(f"{path.name}.partial")
        data = {"replies": self.replies, **self.ranking.plain()}
        partial.write_bytes(orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE))
        partial.replace(path)


def learned(path: Path) -> Learned:
    """What was learned last; the weights that ship where nothing was, or not for this version."""
    try:
        data = orjson.loads(path.read_bytes())
        found = Learned(read(data), int(data["replies"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Learned(shipped(), 0)
    fits = found.ranking.weights.shape == shipped().weights.shape
    return found if fits else Learned(shipped(), 0)
