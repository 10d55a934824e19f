"""One conversation as the bot takes part in it: deciding, waiting, writing, in the chat's order.

    hear ── gate ──► silence, told to /why
              └────► queue ── the asker's burst ends ── gate again ── worker ──► mouth
                                     ▲ a conversation that moved on ends it at any moment

A room is a chat, or one topic of it. It answers one message at a time; what one person asks in one
burst is one question.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from bot.admin.controls import Told
from bot.asked import Asked, Place, Presence, Writing, until
from bot.errors import BotError
from bot.gate import Decision, Rules, Scorer, Situation, Verdict, decide, moved_on
from bot.questions import Priority, Question
from bot.responder import Answer
from ingest.chat import Account, Message

__all__ = ["LINES", "Asked", "Crew", "Place", "Presence", "Room"]

_log = logging.getLogger("atself.rooms")
LINES = 200
"""Messages of a room held in memory; the model is shown a part of them."""
_LONGEST_WAIT = 4
"""Bursts are waited out for so many times the wait at most."""
_TOLD = 50


@dataclass(frozen=True, slots=True)
class Crew:
    """Whom a room works with. ``now`` and ``sleep`` are one clock; ``dice`` the only chance.

    ``over`` is told of addressed messages that are done with, ``ended`` how each question ended,
    ``wrote`` of every reply before it is said, and of those of which nothing came.
    """

    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
    dice: Random
    scorer: Scorer
    rules: Callable[[Asked], Rules]
    muted_until: Callable[[Asked], datetime | None]
    said_to: Callable[[Account], Sequence[datetime]]
    answer: Callable[[Question], Awaitable[Answer]]
    wrote: Callable[[Asked, Answer], None]
    say: Callable[[Room, Sequence[Asked], Answer], Awaitable[str]]
    over: Callable[[Sequence[str]], None]
    decided: Callable[[Decision], None]
    ended: Callable[[Decision, str], None]
    failed: Callable[[Asked, BotError], None]
    patience: timedelta


class Room:
    """One conversation. Everything is called on the event loop."""

    def __init__(
        self, place: Place, history: Sequence[Message], presence: Presence, crew: Crew
    ) -> None:
        self.place, self.presence = place, presence
        self.history: deque[Message] = deque(history, maxlen=LINES)
        self.told: deque[Told] = deque(maxlen=_TOLD)
        self._crew = crew
        self._queue: deque[tuple[Asked, Decision]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writing: Writing | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a reply is waited for, written or sent."""
        return self._task is not None

    @property
    def asking(self) -> int:
        """How many people wait for an answer, the one being answered among them."""
        return 1 + len({(one.account.platform, one.account.key) for one, _ in self._queue})

    def hear(self, asked: Asked) -> Decision:
        """A new message: decide, and wake up where it is to be answered."""
        self._take_in(asked.message)
        decision = self._decide(asked)
        self._crew.decided(decision)
        is_open = decision.is_addressed or asked.is_caught_up
        if decision.verdict is Verdict.SILENT:
            self._end([asked], decision, "silent", is_open=is_open)
        elif not decision.is_addressed and self.is_busy:
            self._end([asked], decision, "already answering somebody", is_open=is_open)
        else:
            self._queue.append((asked, decision))
            self._wake()
        return decision

    def overhear(self, message: Message) -> None:
        """The real @self wrote to others: nothing to decide, but it may end a reply."""
        self._take_in(message)

    def remember(self, message: Message) -> None:
        """Put a message to the history, or in the place of what it said before."""
        for place, known in enumerate(self.history):
            if known.id == message.id:
                self.history[place] = message
                return
        self.history.append(message)
        person = message.person
        if not person.is_bot and not person.is_self:
            self.presence.bots_in_a_row = 0

    def correct(self, message: Message) -> None:
        """A message reads otherwise now."""
        known = next((one for one in self.history if one.id == message.id), None)
        if known is None:
            return
        self.remember(message)
        writing = self._writing
        if writing and writing.asked.message.id == message.id and known.text != message.text:
            writing.start_anew()

    def forget(self, ids: Collection[str]) -> None:
        """Messages are gone; what only they asked for is not answered."""
        known = len(self.history)
        kept = [message for message in self.history if message.id not in ids]
        self.history = deque(kept, maxlen=LINES)
        self._queue = deque(one for one in self._queue if one[0].message.id not in ids)
        if self._writing and self._writing.asked.message.id in ids:
            self._writing.stop("the message was deleted")
        elif self._writing and len(kept) < known:
            self._writing.start_anew()  # it was shown what is gone

    async def close(self, grace: float = 0.0) -> None:
        """End the work in hand; what is neither answered nor passed over stays in the journal.

        A reply that is being said may take up to ``grace`` seconds to its end.
        """
        self._queue.clear()
        task = self._task
        if task is None:
            return
        if self._writing is None:
            await asyncio.wait({task}, timeout=grace)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def idle(self) -> None:
        """Wait until nothing is queued, written or sent."""
        while self._task is not None:
            await asyncio.shield(self._task)

    def _take_in(self, message: Message) -> None:
        self.remember(message)
        if message.person.is_self:
            self.presence.self_wrote_at = message.sent_at
        self._interrupt(message)

    def _wake(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name=f"room {self.place.chat}")

    async def _work(self) -> None:
        try:
            while self._queue:
                await self._attend(*self._queue.popleft())
        finally:
            self._task = None

    async def _attend(self, asked: Asked, decision: Decision) -> None:
        """Answer one message, or find out that it needs no answer any more."""
        writing = self._writing = Writing(asked, decision, self._situation(asked), [asked])
        try:
            outcome = await self._answered(writing)
        except BotError as error:
            outcome = f"failed: {type(error).__name__}"
            self._crew.failed(writing.covered[-1], error)
        except Exception as error:  # a mistake of ours: the chat hears nothing of it
            outcome = f"failed: {type(error).__name__}"
            _log.exception("%s: a reply failed", self.place.chat)
            told = BotError(f"a reply failed: {type(error).__name__}")
            self._crew.failed(writing.covered[-1], told)
        finally:
            self._writing = None
        self._end(writing.covered, writing.decision, outcome, is_open=True)

    async def _answered(self, writing: Writing) -> str:
        answer = None
        while answer is None:
            await self._quiet(writing)
            writing.decision = self._decide(writing.asked)
            if writing.decision.verdict is Verdict.SILENT:
                return "silent after all"
            if not writing.stopped:
                answer = await self._written(writing)
            if writing.stopped:
                return writing.stopped
        self._writing = None  # from here on it is said
        self._crew.wrote(writing.covered[-1], answer)
        if not answer.reply.parts:
            return "nothing worth saying came of it"
        return await self._crew.say(self, writing.covered, answer)

    async def _written(self, writing: Writing) -> Answer | None:
        """What the model writes; None where it is to be stopped or to start anew."""
        writing.covered = self._covered(writing)
        now = self._crew.now()
        question = Question(
            history=self._shown(writing.asked),
            chat=self.place.chat,
            topic=self.place.topic,
            now=now,
            seed=self._crew.dice.randrange(2**31),
            priority=Priority.ADDRESSED if writing.decision.is_addressed else Priority.OVERHEARD,
            deadline=now + self._crew.patience,
        )
        task = writing.task = asyncio.ensure_future(self._crew.answer(question))
        try:
            return await task
        except asyncio.CancelledError:
            if writing.is_only_interrupted:
                return None
            task.cancel()
            raise
        finally:
            writing.task, writing.is_interrupted = None, False

    def _interrupt(self, message: Message) -> None:
        """A message came while another is being answered."""
        writing = self._writing
        if writing is None:
            return
        writing.since.append(message)
        is_addressed = writing.decision.is_addressed
        if why := moved_on(writing.situation, writing.since, is_addressed=is_addressed):
            writing.stop(f"dropped: {why}")
        elif message.person.id == writing.asked.message.person.id:
            writing.start_anew()

    async def _quiet(self, writing: Writing) -> None:
        """Wait until the asker's burst is over, within reason."""
        asked, wait = writing.asked, writing.decision.wait
        rest = wait * _LONGEST_WAIT  # counted down, since a clock may be set back meanwhile
        while not (writing.stopped or asked.is_caught_up):
            ends = self._last_line(asked).sent_at + wait
            left = min(ends - self._crew.now(), wait, rest)
            if left <= timedelta():
                return
            rest -= left
            await self._crew.sleep(left.total_seconds())

    def _last_line(self, asked: Asked) -> Message:
        """The last line of the burst that the asked message belongs to."""
        last = next((one for one in self.history if one.id == asked.message.id), asked.message)
        for message in self.history:
            is_later = message.sent_at >= last.sent_at
            if is_later and message.person.id == last.person.id and message.id != last.id:
                last = message
        return last

    def _shown(self, asked: Asked) -> tuple[Message, ...]:
        """The history with the last line of the asker's burst at its end."""
        last = self._last_line(asked)
        return (*(message for message in self.history if message.id != last.id), last)

    def _covered(self, writing: Writing) -> list[Asked]:
        """What the reply answers: whatever else its author asked meanwhile is one question."""
        mine = [one for one, _ in self._queue if one.account == writing.asked.account]
        self._queue = deque(item for item in self._queue if item[0] not in mine)
        return [*writing.covered, *mine]

    def _decide(self, asked: Asked) -> Decision:
        situation = self._situation(asked)
        return decide(situation, self._crew.rules(asked), self._crew.scorer, asked.dice)

    def _situation(self, asked: Asked) -> Situation:
        presence = self.presence
        return Situation(
            now=self._crew.now(),
            message=asked.message,
            address=asked.address,
            history=until(self.history, asked.message),
            said=tuple(presence.said),
            said_to=tuple(self._crew.said_to(asked.account)),
            bots_in_a_row=presence.bots_in_a_row,
            self_wrote_at=presence.self_wrote_at,
            muted_until=self._crew.muted_until(asked),
        )

    def _end(
        self, asked: Sequence[Asked], decision: Decision, outcome: str, *, is_open: bool
    ) -> None:
        """Note how it ended, for /why and, where the journal may hold it as open, there."""
        level = logging.INFO if decision.is_answer or decision.is_addressed else logging.DEBUG
        for one in asked:
            _log.log(level, "%s: %s", one.message.id, outcome)
            self.told.append(Told(one.message.id, self._crew.now(), decision, outcome))
        self._crew.ended(decision, outcome)
        if is_open:
            self._crew.over([one.message.id for one in asked])
