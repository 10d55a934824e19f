"""Other chats made of a log, so that one model reads more than busy channels.

Telegram groups have hours between messages and a handful of people, plain logs no times at all,
and people who use reply buttons do not open each line with a name.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

from ingest.linker.columns import Utterance
from training.ubuntu import Log

NIGHT = 8 * 3600.0
KEPT_NAMES = 0.2
"""Share of messages that still name whom they answer, where names are taken out."""


def disguised(messages: Sequence[Utterance], dice: random.Random) -> list[Utterance]:
    """``messages`` without times or at another pace, and perhaps without the names they open on."""
    found = list(messages)
    manner = dice.choice(("untimed", "warped", "warped", "as it was"))
    if manner == "untimed":
        found = [replace(message, at=None) for message in found]
    elif manner == "warped":
        found = warped(found, dice)
    if manner == "as it was" or dice.random() < 0.6:
        found = [unnamed(m) if dice.random() > KEPT_NAMES else m for m in found]
    return found


def warped(messages: Sequence[Utterance], dice: random.Random) -> list[Utterance]:
    """The same order at another pace, each gap stretched by chance as well, and a few nights."""
    factor = math.exp(dice.gauss(1.5, 1.5))
    now, found = 0.0, []
    before = messages[0].at or 0.0
    for message in messages:
        gap = max(0.0, (message.at or before) - before) + dice.random() * 30
        before = message.at or before
        now += gap * factor * math.exp(dice.gauss(0, 1.5))
        now += NIGHT * (dice.random() < 0.01)
        found.append(replace(message, at=now))
    return found


def unnamed(message: Utterance) -> Utterance:
    """Without the name it opens on, and without mentions."""
    first, _, rest = message.text.partition(" ")
    text = rest if first[-1:] in (":", ",", ">") and rest else message.text
    return replace(message, text=text, mentions=())


def small_chats(log: Log, dice: random.Random) -> list[Log]:
    """The annotated part of ``log`` as chats of a few conversations each, begun from nothing.

    A message whose answer lies outside its chat keeps no annotation.
    """
    threads = _threads(log)
    dice.shuffle(threads)
    found = []
    while threads:
        count = dice.choice((1, 1, 1, 2, 2, 3, 4, 6))
        mine, threads = threads[:count], threads[count:]
        found.append(_only(log, set().union(*mine)))
    return [chat for chat in found if len(chat.messages) > 3]


def _threads(log: Log) -> list[set[int]]:
    """The annotated lines, by conversation."""
    home: dict[int, set[int]] = {}
    for source in sorted(log.links):
        for target in log.links[source]:
            mine, theirs = home.setdefault(source, {source}), home.setdefault(target, {target})
            if mine is not theirs:
                mine |= theirs
                home.update(dict.fromkeys(theirs, mine))
    unique = {id(thread): thread for thread in home.values()}
    return [{line for line in thread if line in log.links} for thread in unique.values()]


def _only(log: Log, lines: set[int]) -> Log:
    kept = [i for i, line in enumerate(log.lines) if line in lines]
    links = {line: log.links[line] for line in lines if log.links[line] <= lines}
    return Log(log.name, [log.messages[i] for i in kept], [log.lines[i] for i in kept], links)
