"""What @self wrote, judged once and in the order of time: what is learned, and how much it counts.

A message either has a reason not to be learned (:mod:`ingest.clean`, and here: copies of one's own
or of others' texts, floods, adverts) or a weight. "ok" is a habit, but the thousandth "ok" teaches
little: past a number of uses, the n-th counts as the square root of that number over n, and what
hardly has a letter counts half. Every verdict is tallied with the ids of a few examples.
"""

from __future__ import annotations

import math
import re
import unicodedata
from array import array
from collections import Counter, deque
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b

from ingest.archive import Archive
from ingest.chat import Message
from ingest.clean import is_noise, is_unlearnable, own_words
from ingest.database import millis
from ingest.similar import Similar

REPEATABLE = 40
"""Texts of less substance may be said again: "ok" and "笑死" are habits."""
FULL_USES = 10
FULL_SHARE = 0.002
"""A short text counts in full for so many uses, or this share of all messages if that is more."""
LEAST_WEIGHT = 0.05
WORDLESS_WEIGHT = 0.5
_WORDLESS = 2
"""Substance below which a message ("?", "k", an emoji) says next to nothing."""
FLOOD = timedelta(minutes=1)
FLOOD_TIMES = 3
MANY_CHATS = 3
EXAMPLES = 3
_WIDE = re.compile("[\u2e80-\U0010ffff]")
_NOT_LETTERS = re.compile(r"[\W_]+")
_WIDE_SUBSTANCE = 3
"""A Han character says about as much as three Latin ones."""


def substance(text: str) -> int:
    """How much a text says: its letters and digits, wide ones counted three times."""
    letters = _NOT_LETTERS.sub("", text)
    if letters.isascii():
        return len(letters)
    return len(letters) + (_WIDE_SUBSTANCE - 1) * len(_WIDE.findall(letters))


def skeleton(text: str) -> str:
    """What two spellings of a text share: folded letters and digits; an emoji is itself."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_LETTERS.sub("", folded) or "".join(folded.split())


def digest(text: str) -> int:
    """64 bits of a skeleton."""
    return int.from_bytes(
        blake2b(skeleton(text).encode("utf-8", "replace"), digest_size=8).digest()
    )


@dataclass
class Tally:
    """How often each rule applied, and the ids of the first few it applied to."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, rule: str, id: str, count: int = 1) -> None:
        """Count a rule's use on message ``id``."""
        self.counts[rule] += count
        known = self.examples.setdefault(rule, [])
        if len(known) < EXAMPLES:
            known.append(id)


@dataclass(frozen=True, slots=True)
class Seen:
    """What has to be known of the whole archive before any message is judged, by text digest.

    ``others`` says when somebody else first wrote a text of @self's (milliseconds), ``spread``
    holds the texts @self sent to many chats, ``messages`` is how many @self wrote.
    """

    others: dict[int, int] = field(default_factory=dict)
    spread: Container[int] = frozenset()
    messages: int = 0


class Quality:
    """Judges messages of @self, each once, oldest first; :attr:`tally` counts the rules' uses."""

    def __init__(self, seen: Seen | None = None) -> None:
        self.tally = Tally()
        self._seen = seen or Seen()
        self._first: set[int] = set()
        self._uses: Counter[int] = Counter()
        self._latest: deque[tuple[Message, int]] = deque(maxlen=64)
        self._similar: Similar | None = None

    def reason(self, message: Message) -> str | None:
        """Why this message is not learned from, or None; to be asked once per message."""
        reason = is_noise(message) or is_unlearnable(message) or self._remembered(message)
        if reason:
            self.tally.add(reason, message.id)
        return reason

    def weight(self, message: Message) -> float:
        """How much a message that is learned counts, 1 at most; to be asked once per message."""
        text = own_words(message.text)
        size = substance(text)
        if size >= REPEATABLE:
            return 1.0
        key = digest(text)
        self._uses[key] += 1
        free = max(FULL_USES, FULL_SHARE * self._seen.messages)
        weight = min(1.0, math.sqrt(free / self._uses[key]))
        if size < _WORDLESS:
            weight *= WORDLESS_WEIGHT
        if weight < 1:
            self.tally.add("short, counts less", message.id)
        return round(max(weight, LEAST_WEIGHT), 3)

    def _remembered(self, message: Message) -> str | None:
        text = own_words(message.text)
        key = digest(text)
        if self._is_flood(message, key):
            return "flood"
        if substance(text) < REPEATABLE:
            return None
        return self._copy(message, text, key)

    def _is_flood(self, message: Message, key: int) -> bool:
        """Whether the same was said twice in this chat within the last minute."""
        same = sum(
            known == key
            and before.chat == message.chat
            and message.sent_at - before.sent_at <= FLOOD
            for before, known in self._latest
        )
        self._latest.append((message, key))
        return same >= FLOOD_TIMES - 1

    def _copy(self, message: Message, text: str, key: int) -> str | None:
        if key in self._seen.spread:
            return "same text in many chats"
        if self._seen.others.get(key, 1 << 62) < millis(message.sent_at):
            return "copied from another"
        if key in self._first:
            return "duplicate"
        self._first.add(key)
        self._similar = self._similar or Similar()
        is_near = self._similar.add(message.id, skeleton(text)) is not None
        return "near-duplicate" if is_near else None


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is to be made of each message of @self, by message id.

    ``reasons`` holds those not learned from, ``weights`` those that count less than one;
    ``times`` are the instants (milliseconds) at which @self wrote, by chat; ``answered`` are the
    messages @self replied to explicitly; ``total`` counts all that @self wrote.
    """

    reasons: dict[str, str]
    weights: dict[str, float]
    times: dict[str, array[int]]
    answered: frozenset[str]
    tally: Tally
    total: int

    def may_learn(self, message: Message) -> bool:
        """Whether no rule speaks against this message of @self."""
        return message.id not in self.reasons

    def weight(self, ids: Iterable[str]) -> float:
        """The weight of a turn: that of its weightiest message."""
        return max(self.weights.get(id, 1.0) for id in ids)


def judge(archive: Archive, *, skip: Container[str] = frozenset()) -> Verdicts:
    """Judge all that @self wrote; messages of the chats in ``skip`` are told apart as writings."""
    quality = Quality(_seen(archive, skip))
    reasons: dict[str, str] = {}
    weights: dict[str, float] = {}
    times: dict[str, array[int]] = {}
    answered: set[str] = set()
    total = 0
    for message in archive.by_self():
        total += 1
        if message.reply_to is not None:
            answered.add(message.reply_to)
        if message.chat in skip:
            quality.tally.add("writing", message.id)
            reasons[message.id] = "writing"
            continue
        times.setdefault(message.chat, array("q")).append(millis(message.sent_at))
        reason = quality.reason(message)
        if reason is not None:
            reasons[message.id] = reason
        elif (weight := quality.weight(message)) < 1:
            weights[message.id] = weight
        if reason is None and own_words(message.text) != message.text.strip():
            quality.tally.add("quote removed", message.id)
    return Verdicts(reasons, weights, times, frozenset(answered), quality.tally, total)


def _seen(archive: Archive, skip: Container[str]) -> Seen:
    chats: dict[int, set[str]] = {}
    starts: set[str] = set()
    total = 0
    for message in archive.by_self():
        total += 1
        text = own_words(message.text)
        if substance(text) >= REPEATABLE and message.chat not in skip:
            chats.setdefault(digest(text), set()).add(message.chat)
            starts.add(_start(text))
    others: dict[int, int] = {}
    for text, sent_at in archive.texts_of_others(REPEATABLE // _WIDE_SUBSTANCE):
        if _start(text) in starts and (key := digest(text)) in chats:
            others[key] = min(sent_at, others.get(key, sent_at))
    spread = frozenset(key for key, found in chats.items() if len(found) >= MANY_CHATS)
    return Seen(others, spread, total)


def _start(text: str) -> str:
    """A glance at a text: others' are folded whole only where they start like one of @self's."""
    return text[:6].casefold()
