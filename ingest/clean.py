"""What is worth learning from: every rule names its reason, and every use counts them."""

from __future__ import annotations

import re
from collections import Counter

from ingest.chat import Kind, Message

_LINK = re.compile(r"(?:https?://|www\.)\S+")
_PLACEHOLDER = re.compile(
    r"\[(?:photo|video|voice|audio|sticker|gif|file|location|contact|poll|other)\b[^\]]*\]"
)
_WORD = re.compile(r"\w")
COPY_CHARACTERS = 1500
"""Longer than people type in a chat; nearly always pasted."""

REPEATABLE_CHARACTERS = 40
"""Shorter texts may be said again: "ok" and "笑死" are habits."""


def is_noise(message: Message) -> str | None:
    """Why a message is left out of what the model sees at all, or None."""
    if message.kind is Kind.SERVICE:
        return "service notice"
    if message.kind is Kind.COMMAND:
        return "bot command"
    if message.person.is_bot:
        return "bot"
    return None


def is_unlearnable(message: Message) -> str | None:
    """Why a message of @self is shown as context but never learned from, or None."""
    if message.forwarded_from is not None:
        return "forward"
    words = _LINK.sub("", _PLACEHOLDER.sub("", message.text))
    if not words.strip():
        return "link only" if _LINK.search(message.text) else "media only"
    if len(message.text) > COPY_CHARACTERS:
        return "pasted text"
    return None


class Quality:
    """Judges @self's messages for learning and counts what it turns down, by reason.

    Call it once per message, in order: a long text said before is a copy the second time.
    """

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self._seen: dict[str, str] = {}

    def __call__(self, message: Message) -> bool:
        """Whether this message of @self may be learned from."""
        reason = is_unlearnable(message) or self._is_copy(message)
        if reason:
            self.dropped[reason] += 1
        return reason is None

    def _is_copy(self, message: Message) -> str | None:
        text = message.text.casefold()
        if len(text) < REPEATABLE_CHARACTERS:
            return None
        # A message quoted by a later thread is met again there: that is no copy.
        first = self._seen.setdefault(text, message.id)
        return None if first == message.id else "duplicate"
