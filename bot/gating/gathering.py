"""One pass over the archive: every message of others with what was seen at its moment.

What is known of the past (:class:`bot.gating.known.Known`) is brought up to date in steps, from
messages some way back and the answers that could be known by then, so that no feature sees what
came later. From the border of the held-out time on it stays as it was there: so would a bot know it
that learned at the border.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby, islice

import numpy as np
import numpy.typing as npt

from bot.gating.answered import Answered, answered_in
from bot.gating.features import features
from bot.gating.known import Known, Tally
from bot.gating.model import FEATURES
from bot.gating.replay import in_order, told_again
from bot.gating.situation import Situation
from bot.platforms.base import Address
from ingest.archive import Archive
from ingest.chat import Message, Person

FIT, CALIBRATED = 0.8, 0.9
"""Up to which share of the messages trees are fitted, and probabilities and borders set."""
_BEHIND = 200
"""Messages that are not yet counted: whether they are answered is not settled."""
_STEPS = 80
_LEAST_STEP = 300
_SOON = timedelta(hours=1)
_LEFT = 0.05
"""Where more than this share of the messages came after nearly all of @self's, @self had left."""
_NEARLY_ALL = 0.99


@dataclass(frozen=True, slots=True)
class Rows:
    """Messages of others in the order they were said, as columns.

    ``seen`` (n, p) holds the features, ``answered`` (n,) whether @self answered, ``followed``
    whether @self's was the next message of the chat within the hour. ``place`` (n,) is the share of
    all messages that came before.
    """

    ids: Sequence[str]
    chats: Sequence[str]
    handles: Sequence[str]
    at: npt.NDArray[np.float64]
    place: npt.NDArray[np.float64]
    seen: npt.NDArray[np.float32]
    answered: npt.NDArray[np.bool_]
    followed: npt.NDArray[np.bool_]
    addressed: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    def column(self, name: str) -> npt.NDArray[np.float32]:
        """One feature (n,)."""
        found: npt.NDArray[np.float32] = self.seen[:, FEATURES.index(name)]
        return found


@dataclass(frozen=True, slots=True)
class Gathered:
    """The rows, what is known at their end and at the border of the held-out time, and when @self
    spoke by hour of the week (UTC)."""

    rows: Rows
    known: Known
    known_then: Known
    spoken: Sequence[int]
    has_times: bool


@dataclass
class _Columns:
    """Rows in the making."""

    ids: list[str] = field(default_factory=list)
    chats: list[str] = field(default_factory=list)
    handles: list[str] = field(default_factory=list)
    at: array[float] = field(default_factory=lambda: array("d"))
    place: array[float] = field(default_factory=lambda: array("d"))
    seen: array[float] = field(default_factory=lambda: array("f"))
    answered: bytearray = field(default_factory=bytearray)
    followed: bytearray = field(default_factory=bytearray)
    addressed: bytearray = field(default_factory=bytearray)

    def rows(self) -> Rows:
        flags = (self.answered, self.followed, self.addressed)
        answered, followed, addressed = (np.frombuffer(bytes(one), np.bool_) for one in flags)
        seen = np.array(self.seen, np.float32).reshape(-1, len(FEATURES))
        at, place = np.array(self.at, np.float64), np.array(self.place, np.float64)
        return Rows(
            self.ids, self.chats, self.handles, at, place, seen, answered, followed, addressed
        )


Watch = Callable[[Iterable[Message], str, int], Iterable[Message]]
"""Lets messages pass while somebody is shown how far it is: what, which stage, how many."""


def gather(archive: Archive, names: Sequence[str], watch: Watch) -> Gathered:
    """Every message of others, with what was seen and what became of it.

    ``names`` are what @self is called.
    """
    chats = {chat.id: chat for chat in archive.chats()}
    answers = _answers(archive, chats, watch)
    count = _length(in_order(archive, chats))
    timeless = frozenset(id for id, chat in chats.items() if not chat.has_times)
    me = archive.me()
    reader = _Reader(answers, timeless, count, names, me)
    messages = islice(in_order(archive, chats), count)
    for message, situation in told_again(watch(messages, "reading", count), me):
        reader.hear(message, situation)
    return reader.close()


def _length(messages: Iterable[Message]) -> int:
    """How many messages count: all, or up to nearly @self's last where @self has left."""
    count, own = 0, array("Q")
    for count, message in enumerate(messages, 1):
        if message.person.is_self:
            own.append(count)
    last = own[int(len(own) * _NEARLY_ALL)] if own else count
    return last if last < count * (1 - _LEFT) else count


def _answers(archive: Archive, chats: Iterable[str], watch: Watch) -> dict[str, Answered]:
    messages = watch(archive.messages(), "linking", archive.counts().messages)
    found: dict[str, Answered] = {}
    for chat in _by_chat(messages):
        found.update(answered_in(chat))
    return found


def _by_chat(messages: Iterable[Message]) -> Iterable[Iterable[Message]]:
    return (group for _, group in groupby(messages, key=lambda message: message.chat))


class _Reader:
    """Hears the archive from its start; ``count`` is how many messages there are."""

    def __init__(
        self,
        answers: Mapping[str, Answered],
        timeless: frozenset[str],
        count: int,
        names: Sequence[str],
        me: Person,
    ) -> None:
        self._answers, self._timeless, self._names = answers, timeless, names
        self._count, self._me = max(count, 1), me
        self._tally = Tally(timeless)
        self._known = self._tally.known()
        self._behind: deque[Message] = deque()
        self._heard = 0
        self._step = max(_LEAST_STEP, count // _STEPS)
        self._is_frozen = False
        self._columns = _Columns()
        self._last: dict[str, tuple[int, datetime]] = {}  # chat → row of its last message
        self._spoken = [0] * 168
        self._has_times = False

    def hear(self, message: Message, situation: Situation) -> None:
        """The next message."""
        place = self._heard / self._count
        self._keep_up(message.sent_at, place)
        self._heard += 1
        self._behind.append(message)
        if message.person.is_self:
            self._own(message)
        else:
            self._row(message, situation, place)

    def close(self) -> Gathered:
        """All of it; what is known at the end counts every message."""
        self._tally.fade(len(self._behind))
        while self._behind:
            message = self._behind.popleft()
            self._tally.add(message, is_answered=message.id in self._answers)
        rows, known = self._columns.rows(), self._tally.known()
        return Gathered(rows, known, self._known, self._spoken, self._has_times)

    def _keep_up(self, now: datetime, place: float) -> None:
        """Count what is settled by now: every step, and a last time at the border."""
        is_border = place >= CALIBRATED and not self._is_frozen
        if self._is_frozen or not (is_border or self._heard % self._step == 0):
            return
        ready = len(self._behind) - _BEHIND
        if ready > 0:
            self._tally.fade(ready)
        for _ in range(ready):
            message = self._behind.popleft()
            answer = self._answers.get(message.id)
            self._tally.add(message, is_answered=answer is not None and answer.known_at <= now)
        self._known = self._tally.known()
        self._is_frozen = is_border

    def _own(self, message: Message) -> None:
        """@self speaks: was it right after a message of somebody else?"""
        row, at = self._last.pop(message.chat, (None, message.sent_at))
        has_times = message.chat not in self._timeless
        if row is not None and (not has_times or message.sent_at - at <= _SOON):
            self._columns.followed[row] = 1
        if has_times:
            self._has_times = True
            self._spoken[message.sent_at.weekday() * 24 + message.sent_at.hour] += 1

    def _row(self, message: Message, situation: Situation, place: float) -> None:
        columns = self._columns
        self._last[message.chat] = len(columns.ids), message.sent_at
        seen = features(situation, self._known, self._names)
        columns.ids.append(message.id)
        columns.chats.append(message.chat)
        columns.handles.append(message.person.handle)
        columns.at.append(message.sent_at.timestamp())
        columns.place.append(place)
        columns.seen.extend(map(float, seen.values()))
        columns.answered.append(message.id in self._answers)
        columns.followed.append(0)
        is_addressed = situation.address is not Address.NONE or seen["names @self"]
        columns.addressed.append(bool(is_addressed))
