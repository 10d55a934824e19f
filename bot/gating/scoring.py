"""How fitting it would be to speak unasked: a sum of weighted signs, as a number from 0 to 1.

A learned scorer may take this one's place; it needs no more than a situation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Protocol

from bot.gating.calling import is_led_by, names_of_others
from bot.gating.situation import Situation
from ingest.chat import Message
from ingest.clean import is_unlearnable, own_words
from ingest.terms import terms

NEAR = 24
"""Messages of the room that are looked at."""
LIVE = timedelta(minutes=5)
_JUST = timedelta(minutes=3)
_TALKING = 6
OPEN = re.compile(
    r"\b(?:any(?:one|body)|some(?:one|body)|who|everyone|guys|folks|ada yang|siapa|kalian|"
    r"alguien|quién|jemand|wer|quelqu'un|qui|кто|кто-нибудь)\b"
    r"|有人|有没有人|有沒有人|谁|誰|大家|各位|你们|你們|みんな|누구|누가|ใคร|من منكم|أحد",
    re.IGNORECASE,
)
ASKS = re.compile(
    r"[?？؟]|[吗嗎么呢](?:\s|$|[。！，~～])|^(?:how|what|why|where|when|which|is there|can|does"
    r"|do)\b|怎么|怎麼|为什么|為什麼|什么|什麼|\b(?:apa|gimana|bagaimana|kenapa|mengapa)\b",
    re.IGNORECASE,
)

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "always": -3.8,
        "answers @self": 3.0,
        "follows @self": 3.0,
        "in a talk with @self": 2.0,
        "asks": 1.0,
        "asks everybody": 2.0,
        "of what @self spoke of": 0.8,
        "to somebody else": -3.0,
        "two others talk": -1.2,
        "many talk": -0.5,
        "@self spoke much": -1.0,
        "no words": -2.0,
        "hardly a word": -1.0,
        "passed on": -1.5,
    }
)
"""What each sign adds to the log-odds; ``always`` counts for every message.

Set by hand, with @self's own messages in a busy group as if they were the bot's: what follows @self
was answered 5 to 11 times as often as a message at large, what two others say to each other 0.1 to
0.3 times. ``docs/experiments.md`` has the figures."""


class Scorer(Protocol):
    """How fitting it would be to answer a message that nobody addressed to the bot."""

    def score(self, situation: Situation) -> tuple[float, Sequence[str]]:
        """A number from 0 to 1, and why, in plain words; the same for the same situation."""
        ...


@dataclass(frozen=True, slots=True)
class HandScorer:
    """The signs of :data:`WEIGHTS`, added up; ``weights`` may stand in for the ones that ship."""

    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)

    def score(self, situation: Situation) -> tuple[float, Sequence[str]]:
        """The logistic of the weighted signs, the weightiest first among the reasons."""
        told = self.told(situation)
        total = sum(told.values(), self.weights["always"])
        order = sorted(told, key=lambda name: -abs(told[name]))
        return 1 / (1 + math.exp(-total)), [f"{name} {told[name]:+.1f}" for name in order]

    def told(self, situation: Situation) -> dict[str, float]:
        """What each sign that is there adds to the log-odds."""
        seen = signs(situation.message, situation.earlier)
        return {name: value * self.weights[name] for name, value in seen.items() if value}


def signs(message: Message, earlier: Sequence[Message]) -> dict[str, float]:
    """What is seen of each sign in :data:`WEIGHTS` but the constant, from 0 to 1."""
    near = [other for other in earlier[-NEAR:] if other.person.is_self or not other.person.is_bot]
    return {**_of_the_talk(message, near), **_of_the_words(message, near)}


def _of_the_talk(message: Message, near: Sequence[Message]) -> dict[str, float]:
    """Who speaks with whom; ``near`` is what was said before, oldest first."""
    is_reply_to_self = answers_self(message, near)
    before = before_burst(message, near)
    follows = bool(before) and before[-1].person.is_self and _since(message, before[-1]) <= _JUST
    recent = [other for other in before[-_TALKING:] if _since(message, other) <= 2 * LIVE]
    has_self = any(other.person.is_self for other in recent)
    writers = {other.person.id for other in near if _since(message, other) <= LIVE}
    return {
        "answers @self": is_reply_to_self,
        "follows @self": follows and not is_reply_to_self,
        "in a talk with @self": has_self and not follows,
        "to somebody else": turns_elsewhere(message, near),
        "two others talk": not has_self and _is_dialogue(message, recent),
        "many talk": min(1.0, max(0, len(writers) - 3) / 4),
        "@self spoke much": sum(other.person.is_self for other in near[-12:]) >= 5,
    }


def _of_the_words(message: Message, near: Sequence[Message]) -> dict[str, float]:
    """What kind of message it is."""
    text = own_words(message.text)
    asks = bool(ASKS.search(text))
    letters = sum(char.isalnum() for char in text)
    wordless = is_unlearnable(message) in ("media only", "link only", "invite link", "only a quote")
    return {
        "asks": asks,
        "asks everybody": asks and bool(OPEN.search(text)) and not message.reply_to,
        "of what @self spoke of": min(1.0, len(_told(near) & _telling([message])) / 2),
        "no words": wordless,
        "hardly a word": not wordless and letters <= (3 if text.isascii() else 2),
        "passed on": message.forwarded_from is not None,
    }


def answers_self(message: Message, near: Sequence[Message]) -> bool:
    return any(other.person.is_self and other.id == message.reply_to for other in near)


def before_burst(message: Message, near: Sequence[Message]) -> Sequence[Message]:
    """What was said before the writer's last lines in a row."""
    end = len(near)
    while end and near[end - 1].person.id == message.person.id:
        end -= 1
    return near[:end]


def turns_elsewhere(message: Message, near: Sequence[Message]) -> bool:
    """Whether it replies to, mentions or opens with the name of somebody who is not @self."""
    if answers_self(message, near):
        return False
    people = [other.person for other in near]
    mine = {person.handle for person in people if person.is_self}
    own = {other.id for other in near if other.person.id == message.person.id}
    if message.reply_to is not None and message.reply_to not in own:
        return True
    if message.mentions and not mine & set(message.mentions):
        return True
    return is_led_by(message.text, names_of_others(near))


def _is_dialogue(message: Message, recent: Sequence[Message]) -> bool:
    """Whether the last lines are the writer's and one other's, in turns."""
    writers = [other.person.id for other in recent]
    others = set(writers) - {message.person.id}
    return len(recent) >= 3 and len(others) == 1 and message.person.id in writers


def _told(near: Sequence[Message]) -> set[str]:
    return _telling(message for message in near if message.person.is_self)


def _telling(messages: Iterable[Message]) -> set[str]:
    """Terms long enough to say what a message is about."""
    found = (term for message in messages for term in terms(message.text))
    return {term for term in found if len(term) >= 5 or not term.isascii()}


def _since(message: Message, earlier: Message) -> timedelta:
    return message.sent_at - earlier.sent_at
