"""What the explicit replies of chats teach about who answers what in them.

Each is a question with a known answer: hidden, and asked of what was said up to then. In a chat
whose people reply by quoting, that moves the ranking a long way (README.md); a chat without such
replies leaves the weights that ship as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ingest.chat import Message
from ingest.linker.closeness import widened, with_cosines
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


@dataclass(frozen=True, slots=True)
class Example:
    """What is seen (REACH, p) of a reply, which candidates exist (REACH,), and the true one.

    ``texts`` are its own and those of the candidates that exist, the latest first.
    """

    seen: Array
    valid: Array
    answer: int
    texts: tuple[str, ...]


def examples_from(chats: Sequence[Sequence[Message]]) -> list[Example]:
    """The latest replies of ``chats``, each oldest first; a share of REPLIES of each."""
    most = REPLIES // max(1, len(chats))
    return [example for chat in chats for example in examples_of(chat, most)]


def learn(examples: Sequence[Example], cosines: Array | None = None) -> Ranking:
    """The ranking fitted to ``examples``; with their ``cosines`` (n, REACH) one that wants them."""
    if not examples:
        return shipped() if cosines is None else widened(shipped())
    seen = np.array([example.seen for example in examples])
    valid = np.array([example.valid for example in examples])
    answers = np.array([example.answer for example in examples])
    if cosines is None:
        return fit(seen, valid, answers, shipped(), trust=TRUST)
    prior = widened(shipped(), cosines[valid])
    return fit(with_cosines(seen, cosines), valid, answers, prior, trust=TRUST)


def examples_of(messages: Sequence[Message], most: int) -> Iterator[Example]:
    """What is seen before each of the latest replies, oldest first."""
    steps = dict(_replies(messages))
    latest = sorted(steps)[-most:] if most else []
    if not latest:
        return
    live = Live()
    start = max(0, latest[0] - LEAD)
    for place in range(start, latest[-1] + 1):
        live.add(utterance(messages[place]))
        if place in steps and place >= latest[0]:
            sight = live.look(hide_reply=True)
            valid = sight.found.pairs.valid[0]
            near = messages[place - int(valid.sum()) : place + 1]
            texts = tuple(message.text for message in reversed(near))
            yield Example(features(sight), valid, steps[place] - 1, texts)


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
    """What ``replies`` replies taught: a ranking by words, and one by the cosines of ``model`` too.

    ``model`` is the identity of an embedder, empty where none was asked.
    """

    ranking: Ranking
    replies: int
    model: str = ""
    close: Ranking | None = None

    def meant(self, model: str) -> Ranking:
        """The ranking that counts cosines of ``model``, known or not."""
        known = self.close if model == self.model else None
        return known or widened(self.ranking)

    def save(self, path: Path) -> None:
        """Write it; whatever is killed meanwhile, the file is a whole one."""
        partial = path.with_name(f"{path.name}.partial")
        data: dict[str, Any] = {"replies": self.replies, **self.ranking.plain()}
        if self.close is not None:
            data["close"] = {"model": self.model, **self.close.plain()}
        partial.write_bytes(orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE))
        partial.replace(path)


def learned(path: Path) -> Learned:
    """What was learned last; the weights that ship where nothing was, or not for this version."""
    try:
        return _read(orjson.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Learned(shipped(), 0)


def _read(data: Mapping[str, Any]) -> Learned:
    width = len(shipped().weights)
    close = data.get("close")
    found = Learned(read(data), int(data["replies"]))
    if close is not None:
        found = Learned(found.ranking, found.replies, str(close["model"]), read(close))
    widths = [len(found.ranking.weights), len(found.close.weights) - 1 if found.close else width]
    if widths != [width, width]:
        raise ValueError(f"weights of {widths} columns, expected {width}")
    return found
