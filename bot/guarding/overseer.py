"""What the hub tells the live guards, and what people think of replies, kept for the next training.

A correction is an explicit answer of the real @self to a message of the bot's within an hour of it:
what should have been said there. Thumbs count for training where an admin's or @self's; both are
kept for logged chats alone, as ids of messages in the archive.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.asked import Asked
from bot.errors import BotError
from bot.guarding.guardian import Guardian
from bot.guarding.ledger import Said as Known
from bot.guarding.votes import Ballot, verdict_of
from bot.mouth import SAME_AGAIN, Said
from bot.platforms.base import Reacted, Vote
from bot.recorder import Recorder
from bot.responder import Answer
from ingest.chat import Account, Message
from ingest.feedback import Feedback

CORRECTED_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Overseer:
    """Between hub and guardian; ``spawn`` does something beside.

    ``is_out`` says of whom nothing may be kept, thumbs neither.
    """

    guardian: Guardian
    recorder: Recorder
    spawn: Callable[[Coroutine[Any, Any, Any]], None]
    is_out: Callable[[Account], bool]

    def wrote(self, asked: Asked, answer: Answer) -> None:
        """A reply was written, or nothing came of it."""
        self.guardian.wrote(asked.message.id, answer)
        if not answer.reply.parts:
            self.check()

    def ended(self, asked: Asked, outcome: str) -> None:
        """How saying it went."""
        if outcome == SAME_AGAIN:
            self.guardian.repeated(asked.message.id)
            self.check()

    def failed(self, asked: Asked, error: BotError) -> None:
        """No reply came of it."""
        self.guardian.failed(asked.message.id, error)
        self.check()

    def said(self, said: Said) -> None:
        """A part of a reply arrived."""
        message = said.message
        self.guardian.said(message.id, said.answered, message.text, message.sent_at)
        self.check()

    async def reacted(self, event: Reacted, *, is_kept: bool) -> None:
        """Reactions changed; thumbs under the bot's messages are verdicts on them."""
        ballots = [
            Ballot(vote.account, 0 if vote.is_taken_back else verdict)
            for vote in event.votes
            if (verdict := verdict_of(vote.emoji)) and not self.is_out(_account(vote))
        ]
        standing = {verdict_of(one.emoji) for one in event.reactions}
        known = self.guardian.reacted(event.message, ballots, standing)
        if known is None:
            return
        if is_kept:
            await self._note(known, self.guardian.ledger.verdict(known.answered), None)
        self.check()

    async def heard_self(self, message: Message) -> None:
        """The real @self said something in a logged chat: perhaps a correction."""
        known = self.guardian.ledger.said(message.reply_to) if message.reply_to else None
        if known is None or message.sent_at - known.at > CORRECTED_WITHIN:
            return
        await self._note(known, self.guardian.ledger.verdict(known.answered), message.id)

    def check(self) -> None:
        """See whether what serves has to go."""
        self.spawn(self.guardian.check())

    def forget(self, account: Account) -> None:
        """What somebody thought counts no more."""
        self.guardian.ledger.forget(f"{account.platform}:{account.key}")

    async def _note(self, known: Known, verdict: int, correction: str | None) -> None:
        reply = tuple(self.guardian.ledger.parts(known.answered))
        found = Feedback(known.answered, reply, known.context, known.at, verdict, correction)
        await self.recorder.do(lambda archive, _: archive.note_feedback(found))


def _account(vote: Vote) -> Account:
    platform, _, key = vote.account.partition(":")
    return Account(platform, key)
