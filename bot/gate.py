"""Whether to speak: a pure decision about one message, with its reasons in plain words.

What stands against any answer comes first (its own message, mute, quiet hours, age, limits). Then
whoever addresses the bot is answered: in private, by a reply, a mention, or one of @self's names.
Everything else is overheard, and silence is the normal case: it must score (``bot.gating.scoring``)
above the chat's threshold, after a pause since the last reply.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median

from bot.gating.calling import called_by, is_spoken_to, names_of_others
from bot.gating.conversation import moved_on
from bot.gating.rules import Rules
from bot.gating.scoring import NEAR, HandScorer, Scorer, turns_elsewhere
from bot.gating.situation import Situation
from bot.platforms.base import Address
from ingest.chat import Kind, Message

__all__ = [
    "Decision",
    "HandScorer",
    "Rules",
    "Scorer",
    "Situation",
    "Verdict",
    "decide",
    "moved_on",
]

WAVER = 0.05
"""How far the dice move the threshold either way, so that nobody can tell it from outside."""
HERE = 0.95
"""The least a score must reach while the real @self is in the chat: nearly never."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_LINES = 12
"""Messages of the room in which the writer's way of typing is looked for."""
_PAUSES = 1.5
_MOST_PATIENCE = 4
_ADDRESSES = {
    Address.PRIVATE: "private chat",
    Address.REPLY: "reply to the bot",
    Address.MENTION: "mentions the bot",
}


class Verdict(StrEnum):
    """What the gate decides."""

    ANSWER = "answer"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided and why, the deciding reason first; ``key`` names that in a word.

    ``wait`` is how long the room must have been quiet for the writer before writing begins.
    ``score`` is 1 where the bot was addressed.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    score: float = 0.0
    wait: timedelta = timedelta()
    is_addressed: bool = False
    key: str = ""

    @property
    def is_answer(self) -> bool:
        """Whether to speak."""
        return self.verdict is Verdict.ANSWER


def decide(situation: Situation, rules: Rules, scorer: Scorer, dice: float) -> Decision:
    """Decide about a message; ``dice`` in [0, 1). The same input gives the same decision."""
    address = _address(situation, rules)
    for key, reason in _against(situation, rules, address is not None):
        told = (reason,) if address is None else (reason, address)
        return Decision(Verdict.SILENT, told, is_addressed=address is not None, key=key)
    wait = patience(situation, rules)
    if address is not None:
        return Decision(Verdict.ANSWER, (address,), 1.0, wait, True, "addressed")
    score, signs = scorer.score(situation)
    bar, presence = _bar(situation, rules, dice)
    speaks = rules.threshold < 1 and score >= bar
    compared = f"score {score:.2f} {'reaches' if speaks else 'under'} {bar:.2f}"
    verdict = Verdict.ANSWER if speaks else Verdict.SILENT
    return Decision(verdict, (compared, *presence, *signs), score, wait, False, "score")


def _bar(situation: Situation, rules: Rules, dice: float) -> tuple[float, tuple[str, ...]]:
    """What a score must reach, and why it is higher than usual: the real @self is here."""
    bar = min(1.0, max(0.0, rules.threshold + WAVER * (2 * dice - 1)))
    wrote_at = situation.self_wrote_at
    if wrote_at is None or situation.now - wrote_at >= rules.here:
        return bar, ()
    minutes = (situation.now - wrote_at) / timedelta(minutes=1)
    return max(bar, HERE), (f"you wrote here {minutes:.0f} min ago",)


def _address(situation: Situation, rules: Rules) -> str | None:
    """How the message turns to the bot, in words, or None."""
    if situation.address is not Address.NONE:
        return _ADDRESSES[situation.address]
    message = situation.message
    if not rules.names or message.person.is_bot or message.person.is_self:
        return None
    others = names_of_others(situation.history)
    name = called_by(message.text, rules.names, others)
    if name is None:
        return None
    is_for_another = turns_elsewhere(message, situation.earlier[-NEAR:])
    is_meant = not is_for_another or is_spoken_to(message.text, name)
    return f"calls {name!r}" if is_meant else None


def _against(situation: Situation, rules: Rules, addressed: bool) -> Iterator[tuple[str, str]]:
    """Reasons not to answer, with their keys, the gravest first."""
    yield from _never(situation, addressed)
    yield from _bots(situation, rules, addressed)
    yield from _hours(situation, rules, addressed)
    yield from _limits(situation, rules)
    if not addressed and situation.said and situation.now - situation.said[-1] < rules.cooldown:
        ago = (situation.now - situation.said[-1]).total_seconds()
        yield "cooldown", f"spoke {ago:.0f} s ago (cooldown {rules.cooldown.total_seconds():.0f} s)"


def _never(situation: Situation, addressed: bool) -> Iterator[tuple[str, str]]:
    message = situation.message
    if situation.is_own or (message.person.is_self and not addressed):
        yield "own", "its own message" if situation.is_own else "written by @self"
    if message.kind in (Kind.SERVICE, Kind.COMMAND):
        yield "kind", f"a {message.kind} message"
    if not message.text.strip():
        yield "empty", "nothing in it"


def _bots(situation: Situation, rules: Rules, addressed: bool) -> Iterator[tuple[str, str]]:
    if not situation.message.person.is_bot:
        return
    if not addressed:
        yield "bot", "a bot that did not address it"
    if situation.bots_in_a_row >= rules.bots_in_a_row:
        count, most = situation.bots_in_a_row, rules.bots_in_a_row
        yield "bot", f"replies to bots in a row: {count} (limit {most})"


def _hours(situation: Situation, rules: Rules, addressed: bool) -> Iterator[tuple[str, str]]:
    if situation.muted_until is not None and situation.now < situation.muted_until:
        yield "muted", f"muted until {situation.muted_until:%Y-%m-%d %H:%M %Z}"
    if situation.age > rules.stale:
        minutes, most = situation.age / timedelta(minutes=1), rules.stale / timedelta(minutes=1)
        yield "stale", f"stale: {minutes:.0f} min old (limit {most:g} min)"
    if rules.is_quiet(situation.now) and not (addressed and rules.quiet_answers):
        yield "quiet", f"quiet hours {rules.hours}"


def _limits(situation: Situation, rules: Rules) -> Iterator[tuple[str, str]]:
    in_hour, in_day = situation.said_within(_HOUR), situation.said_within(_DAY)
    to_person = sum(situation.now - at < _HOUR for at in situation.said_to)
    if in_hour >= rules.per_hour:
        yield "per_hour", f"replies in the last hour: {in_hour} (limit {rules.per_hour})"
    if in_day >= rules.per_day:
        yield "per_day", f"replies in the last day: {in_day} (limit {rules.per_day})"
    if to_person >= rules.per_person:
        yield (
            "per_person",
            f"replies to this person in an hour: {to_person} (limit {rules.per_person})",
        )


def patience(situation: Situation, rules: Rules) -> timedelta:
    """How long the writer must have stopped: longer for those who write line after line."""
    least = rules.burst / 2 if situation.address is Address.PRIVATE else rules.burst
    pauses = list(_pauses(situation))
    if not pauses:
        return least
    return min(max(least, timedelta(seconds=_PAUSES * median(pauses))), _MOST_PATIENCE * least)


def _pauses(situation: Situation) -> Iterator[float]:
    """Seconds between the writer's own lines in a row, lately; a minute and more is no typing."""
    lines: list[Message] = [*situation.earlier[-_LINES:], situation.message]
    for earlier, later in pairwise(lines):
        pause = later.sent_at - earlier.sent_at
        is_own = earlier.person.id == later.person.id == situation.message.person.id
        if is_own and timedelta() <= pause < timedelta(minutes=1):
            yield pause.total_seconds()
