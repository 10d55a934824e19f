"""When the bot would have spoken in the held-out period, beside when @self did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from bot.gate import Decision, HandScorer, Rules, Scorer, Situation, decide
from bot.gating.calling import callnames
from bot.gating.learned import rescaled
from bot.gating.learning import rows_of
from bot.gating.model import read_gate
from bot.platforms.base import Address
from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Conversation, Message, Person
from likeness.rehearsal.stream import Moment, burst_of

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class HeldScores:
    """What the learned gate gave messages that it was not fitted to, by id; ``bar`` scores 0.5.

    The gate that serves was fitted to the held-out period as well, and would know it.
    """

    shares: Mapping[str, float]
    bar: float

    def score(self, situation: Situation) -> tuple[float, Sequence[str]]:
        """The score that was given then; 0 for a message that has none."""
        share = self.shares.get(situation.message.id, 0.0)
        return rescaled(share, self.bar), ()


def scorer_of(home: Home) -> Scorer:
    """What decides: the learned gate by what it gave unseen messages, else the one that ships."""
    known = read_gate(home)
    rows = rows_of(home, known) if known is not None and known.model is not None else None
    if known is None or rows is None:
        return HandScorer()
    bar = float(known.report["borders"]["at_rate"])  # set before that time, too
    return HeldScores({row["id"]: row["score"] for row in rows}, bar)


@dataclass
class Listening:
    """The gate hears one chat; what @self said there counts as the bot's own.

    Where the scorer knows only some messages, those are ``judged`` and no others.
    ``spoke`` are the messages it would have answered, ``agreed`` says for each reply of @self
    whether it would have answered a line of the burst that @self answered.
    """

    chat: Conversation
    me: Person
    rules: Rules
    scorer: Scorer
    judged: Set[str] | None = None
    heard: int = 0
    spoke: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    agreed: dict[str, bool] = field(default_factory=dict)
    _said: list[datetime] = field(default_factory=list)
    _said_to: dict[int, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(
        cls, chat: Conversation, archive: Archive, settings: Settings, scorer: Scorer
    ) -> Listening:
        """With the rules of the settings."""
        me = archive.me()
        judged = scorer.shares.keys() if isinstance(scorer, HeldScores) else None
        return cls(chat, me, Rules.of(settings.talk, names=callnames(me)), scorer, judged)

    def hear(self, moment: Moment) -> None:
        """The next message: decide, as the bot would have then."""
        message = moment.message
        if message.person.is_self:
            last = moment.room[-1] if moment.room else None
            if last is None or not last.person.is_self:
                self._said.append(message.sent_at)
            return
        if self.judged is not None and message.id not in self.judged:
            return
        self.heard += 1
        if self._decide(moment).is_answer:
            self.spoke.add(message.id)

    def answers(self, id: str, moment: Moment, asked: str) -> None:
        """@self begins a reply, known by ``id``, to the message ``asked``."""
        burst = burst_of(moment.room, asked)
        lines = {message.id for message in burst} | {asked}
        self.answered |= lines
        if self.judged is None or lines & self.judged:
            self.agreed[id] = bool(lines & self.spoke)
        for message in burst[-1:]:
            self._said_to[message.person.id].append(moment.message.sent_at)

    def figures(self) -> dict[str, int]:
        """Counts of replies agreed and missed, and of messages wrongly answered."""
        agreed = sum(self.agreed.values())
        return {
            "messages": self.heard,
            "agreed": agreed,
            "missed": len(self.agreed) - agreed,
            "false": len(self.spoke - self.answered),
        }

    def _decide(self, moment: Moment) -> Decision:
        message, now = moment.message, moment.message.sent_at
        situation = Situation(
            now=now,
            message=message,
            address=address_of(message, moment.room, self.me, self.chat),
            history=(*moment.room, message),
            said=_since(self._said, now - _DAY),
            said_to=_since(self._said_to[message.person.id], now - _HOUR),
        )
        return decide(situation, self.rules, self.scorer, dice_of(message.id))


def address_of(
    message: Message, room: Sequence[Message], me: Person, chat: Conversation
) -> Address:
    """How a platform would have told that a message turns to @self."""
    if chat.is_private:
        return Address.PRIVATE
    own = {other.id for other in room if other.person.is_self}
    if message.reply_to in own:
        return Address.REPLY
    return Address.MENTION if me.handle in message.mentions else Address.NONE


def dice_of(*names: object) -> float:
    """A number in [0, 1) that hangs on the names alone."""
    return seed_of(*names) / 2**31


def seed_of(*names: object) -> int:
    """A seed below 2³¹ that hangs on the names alone."""
    digest = blake2b("\n".join(map(str, names)).encode(), digest_size=4).digest()
    return int.from_bytes(digest) % 2**31


def gate_report(listening: Sequence[Listening], scenes: Mapping[str, str]) -> dict[str, Any]:
    """``gate.json``: counts over the period, and by scene whether the gate agreed.

    ``scenes`` maps replies of @self to the scenes made of them.
    """
    figures = [each.figures() for each in listening]
    agreed = {id: is_so for each in listening for id, is_so in each.agreed.items()}
    return {
        **{name: sum(each[name] for each in figures) for name in figures[0]},
        "chats": {each.chat.id: each.figures() for each in listening},
        "scenes": {scene: agreed[id] for id, scene in scenes.items() if id in agreed},
    }


def _since(times: list[datetime], limit: datetime) -> tuple[datetime, ...]:
    while times and times[0] < limit:
        del times[0]
    return tuple(times)
