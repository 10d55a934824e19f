"""How a reply goes out: in which messages, after which pauses, quoting or not.

As @self would, by ``bot.manner``, and within bounds: nobody waits minutes for a machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

from bot.manner import Manner
from bot.splitting import clauses, joined, pieces, sentences

LONGEST = 20.0
"""Seconds within which the whole of a reply is out once it is written, at a pace of 1."""
ALWAYS_QUOTED = 4
"""Messages in between from which a reply quotes, whoever @self is: nobody could follow it."""
_FIRST_SHARE = 0.5
_USUAL = 0.9
"""The quantile of lengths beyond which a message is longer than @self's."""
_NEARLY_ALL = 0.99
_WALL = 3
"""So many times longer than nearly all messages of @self is no message of @self's."""
_STOPS = (".", "。")
_COMMAS = ("，", ",")


@dataclass(frozen=True, slots=True)
class Step:
    """One message: sent after ``pause``, in the last ``typing`` of which the bot shows as typing.

    ``is_quote`` where it quotes the message answered.
    """

    text: str
    pause: timedelta
    typing: timedelta
    is_quote: bool = False


def plan(
    parts: Sequence[str],
    manner: Manner,
    *,
    asked_at: datetime,
    now: datetime,
    rng: Random,
    between: int,
    longest: Callable[[str], int],
    live: int = 0,
    asking: int = 1,
    pace: float = 1.0,
) -> tuple[Step, ...]:
    """The messages of a reply, written now to what was asked at ``asked_at``; () for no parts.

    ``between`` messages came since; ``asking`` people wait for an answer; ``live`` messages of
    others came in the last five minutes. The time since ``asked_at`` counts as the first pause.
    ``pace`` 2 takes twice as long, 0 no time at all.
    """
    texts = shaped(parts, manner, rng, longest)
    if not texts:
        return ()
    spent = max(0.0, (now - asked_at).total_seconds())
    first = max(0.0, manner.delay(live, rng.random(), spent + _FIRST_SHARE * LONGEST) - spent)
    pauses = _within(first, [_typed(text, manner, rng.random()) for text in texts[1:]])
    quotes = between >= ALWAYS_QUOTED or asking > 1 or rng.random() < manner.quoting(between)
    return tuple(
        _step(text, pause * pace, _typed(text, manner, 0.5) * pace, quotes and not place)
        for place, (text, pause) in enumerate(zip(texts, pauses, strict=True))
    )


def shaped(
    parts: Sequence[str], manner: Manner, rng: Random, longest: Callable[[str], int]
) -> tuple[str, ...]:
    """The parts as messages: as many as @self sends, each within what the platform takes.

    What the model wrote stays as it is, unless there are more parts than @self ever sends, or one
    is longer than @self's and could go out as several.
    """
    texts = [part.strip() for part in parts if part.strip()]
    texts = _loosened(_merged(texts, _most(manner)), manner, manner.count(rng.random()))
    return tuple(piece for text in texts for piece in pieces(text, longest))


def _merged(texts: list[str], most: int) -> list[str]:
    """No more than ``most``: the shortest neighbours go together."""
    while len(texts) > most:
        sizes = [len(one) + len(next_one) for one, next_one in pairwise(texts)]
        place = sizes.index(min(sizes))
        texts = [*texts[:place], joined(texts[place : place + 2]), *texts[place + 2 :]]
    return texts


def _loosened(texts: list[str], manner: Manner, wanted: int) -> list[str]:
    """Up to ``wanted``, by halving those that are longer than most of @self's.

    A wall of text is halved in any case, into as many as @self sends at most.
    """
    usual, wall, most = manner.length(_USUAL), _WALL * manner.length(_NEARLY_ALL), _most(manner)
    while texts and len(texts) < max(wanted, most):
        place = max(range(len(texts)), key=lambda at: len(texts[at]))
        halves = _halves(texts[place], manner)
        bound = usual if len(texts) < wanted else wall
        if len(texts[place]) <= bound or len(halves) < 2:
            break
        texts = [*texts[:place], *halves, *texts[place + 1 :]]
    return texts


def _halves(text: str, manner: Manner) -> tuple[str, ...]:
    """A text in two at the border nearest its middle, the first without the stop it had there."""
    bits = sentences(text)
    bits = bits if len(bits) > 1 else clauses(text)
    ends = [text.index(bits[0])]
    for bit in bits:
        ends.append(text.index(bit, ends[-1]) + len(bit))
    inner = ends[1:-1]
    if not inner:
        return (text,)
    cut = min(inner, key=lambda end: abs(end - len(text) / 2))
    return _ended(text[:cut].rstrip(), manner), text[cut:].lstrip()


def _ended(text: str, manner: Manner) -> str:
    """A message cut off a longer one, as @self would end it: most write no full stop there."""
    if text.endswith(_COMMAS):
        return text[:-1]
    is_stop = text.endswith(_STOPS) and not text[:-1].endswith(_STOPS)
    return text[:-1] if is_stop and manner.stops < 0.5 else text


def _most(manner: Manner) -> int:
    """As many messages as all but a hundredth of @self's bursts have; at least two."""
    return max(2, manner.count(_NEARLY_ALL))


def _typed(text: str, manner: Manner, luck: float) -> float:
    """Seconds @self takes for a message."""
    return manner.typing(text).seconds(len(text), luck)


def _within(first: float, later: Sequence[float]) -> list[float]:
    """The pauses, those after the first shortened together where they take too long."""
    left = max(0.0, LONGEST - first)
    factor = min(1.0, left / sum(later)) if sum(later) > 0 else 1.0
    return [first, *(pause * factor for pause in later)]


def _step(text: str, pause: float, typing: float, is_quote: bool) -> Step:
    return Step(text, timedelta(seconds=pause), timedelta(seconds=min(pause, typing)), is_quote)
