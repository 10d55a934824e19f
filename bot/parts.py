"""What a hub is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random

from bot.chatbook import Chatbook
from bot.consent import Consent
from bot.gate import Scorer
from bot.guarding.guardian import Guardian
from bot.manner import Manner
from bot.metrics import Metrics
from bot.obeying import Obeying
from bot.platforms.base import Platform
from bot.questions import Question
from bot.recorder import Recorder
from bot.responder import Answer


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the bot knows it: one clock for instants and for waiting."""

    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a hub is made of; ``names`` call @self.

    ``answer`` writes replies; ``warn`` tells the admins of trouble, by kind and in a line.
    """

    platforms: Mapping[str, Platform]
    recorder: Recorder
    book: Chatbook
    consent: Consent
    obeying: Obeying
    metrics: Metrics
    manner: Manner
    names: tuple[str, ...]
    scorer: Scorer
    answer: Callable[[Question], Awaitable[Answer]]
    warn: Callable[[str, str], None]
    clock: Clock
    dice: Random
    guardian: Guardian
