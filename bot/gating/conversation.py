"""Whether a conversation has moved on while a reply to it was being written."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bot.gating.situation import Situation
from bot.platforms.base import Address
from ingest.chat import Message
from ingest.terms import terms

MANY = 4
"""Messages of others after one overheard that leave it behind…"""
MANY_ADDRESSED = 25
"""…and after a question to the bot, which people still expect to be answered."""
_ELSEWHERE = 3
_NEVER_MIND = re.compile(
    r"^\W*(?:nvm|never ?mind|forget (?:it|about it)|ignore (?:me|that)|got it(?: now)?|solved"
    r"|figured it out|wrong (?:chat|group)|算了|没事了?|沒事了?|当我没说|發錯了?|发错(?:了|群了?)?"
    r"|搞定了?|解决了|ga ?jadi|gak jadi|nggak jadi|egal|olvídalo|laisse tomber|не ?важно|забей"
    r"|なんでもない|됐어요?|ไม่เป็นไร|خلاص)\W*$",
    re.IGNORECASE,
)


def moved_on(
    asked: Situation,
    since: Sequence[Message],
    *,
    is_addressed: bool | None = None,
    gone: Collection[str] = (),
) -> str | None:
    """Why a reply to ``asked`` should be dropped now, in plain words, or None.

    ``since`` is what was said in the room after the message, oldest first; ``gone`` are ids of
    messages deleted since. A question put to the bot (``is_addressed``, as the gate decided; by
    default as the platform tells) is kept longer than one overheard.
    """
    message = asked.message
    own = [later for later in since if later.person.id == message.person.id]
    others = [later for later in since if later.person.id != message.person.id]
    if message.id in gone:
        return "the message was deleted"
    if any(later.person.is_self for later in others):
        return "@self has written meanwhile"
    if any(_NEVER_MIND.match(later.text) for later in own):
        return "the writer took it back"
    if asked.address is Address.PRIVATE:
        return None
    if is_addressed or (is_addressed is None and asked.address is not Address.NONE):
        return _answered_for_good(message, own, others) or _too_many(others, MANY_ADDRESSED)
    return _answered(message, own, others) or _too_many(others, MANY) or _turned(asked, others)


def _answered(message: Message, own: Sequence[Message], others: Sequence[Message]) -> str | None:
    if any(later.reply_to == message.id for later in others):
        return "somebody else has answered"
    return "the writer talks with somebody else" if _heard(own, others) else None


def _answered_for_good(
    message: Message, own: Sequence[Message], others: Sequence[Message]
) -> str | None:
    """Answered by somebody with whom the writer then went on."""
    answers = [later for later in others if later.reply_to == message.id]
    return "somebody else has answered, and was heard" if _heard(own, answers) else None


def _heard(own: Sequence[Message], others: Sequence[Message]) -> bool:
    """Whether the writer replied to or mentioned one of ``others``."""
    said = {later.id for later in others}
    handles = {later.person.handle for later in others}
    return any(later.reply_to in said or handles & set(later.mentions) for later in own)


def _too_many(others: Sequence[Message], most: int) -> str | None:
    return f"{len(others)} messages later (limit {most})" if len(others) >= most else None


def _turned(asked: Situation, others: Sequence[Message]) -> str | None:
    """The talk is of something else: no word in common, in message after message."""
    if len(others) < _ELSEWHERE:
        return None
    about = set(terms(asked.message.text))
    strange = [later for later in others if about.isdisjoint(terms(later.text))]
    return f"{len(strange)} messages of something else" if len(strange) == len(others) else None
