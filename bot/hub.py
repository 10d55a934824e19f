"""Between the platforms and the rooms: who is listened to, what is kept, who may command.

    Platform ─ post(event) ─► allowed? ─► consent? ─► recorder (archive, journal) ─► room
                              └─ unknown chats are left alone, or left

``post`` returns once an event would survive a crash. What a stop cut off the next start finishes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bot.beside import Beside, told_if_failed
from bot.chatbook import ChatRules
from bot.errors import BotError
from bot.gate import Decision
from bot.guarding.overseer import Overseer
from bot.house import House
from bot.journal import Journal
from bot.leftovers import Leftovers
from bot.mouth import Mouth, Said
from bot.parts import Clock, Parts
from bot.platforms.base import (
    Address,
    Deleted,
    Event,
    Heard,
    Joined,
    Moved,
    Parted,
    Platform,
    Reacted,
    platform_of,
)
from bot.responder import Answer
from bot.rooms import Asked, Crew, Place, Room
from bot.ruling import Ruling
from bot.welcome import Welcome
from config.settings import Settings
from ingest.archive import Archive
from ingest.chat import Account, Message

__all__ = ["Clock", "Hub", "Parts"]

_log = logging.getLogger("atself.hub")
_DAY = timedelta(days=1)
_GRACE = 20.0
"""Seconds that what is being said may take to its end when the bot stops."""


class Hub:
    """Everything the bot hears goes through here. All on the one event loop."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings, self._parts = settings, parts
        self._recorder, self._now = parts.recorder, parts.clock.now
        self.house = House(parts.recorder, self._now)
        self._ruling = Ruling(parts, settings.talk)
        self._left = Leftovers(parts, self.house, self._over, self._ruling.barred)
        self._beside = Beside()
        self.spawn = self._beside.spawn
        self._overseer = Overseer(parts.guardian, parts.recorder, self.spawn, parts.consent.is_out)
        self._mouth = self._made_mouth()
        self._crew = self._made_crew()
        self._welcome = Welcome(parts, settings.bot.leave_unknown, self.spawn, self._left.finished)
        self._is_closing = False
        self._tidied_at = self._now()

    async def start(self) -> None:
        """Read what the last run left; before any platform runs."""

        def read(archive: Archive, journal: Journal) -> tuple[Any, ...]:
            journal.prune(self._tidied_at)
            replies = list(journal.replies(self._now() - _DAY))
            accounts = journal.accounts(answered for _, answered, _ in replies)
            return journal.open_messages(), journal.unsent(), replies, accounts, archive.chats()

        asked, unsent, replies, accounts, chats = await self._recorder.do(read)
        self._left.know(asked, unsent)
        self.house.know(chats)
        for chat, answered, at in replies:
            self.house.spoke(chat, accounts.get(answered), at, to_bot=False)

    def signed_in(self, platform: Platform) -> None:
        """A platform is in: its account speaks as @self, and what was left there is finished."""
        assert platform.account is not None
        signing = self._recorder.sign_in(platform.account)  # before anything it will post
        fresh = timedelta(minutes=self._settings.talk.stale_minutes)
        self._overseer.check()  # what a stop may have cut off
        self.spawn(self._left.take_up(platform.name, signing, self._mouth, self._crew, fresh))

    async def post(self, event: Event) -> None:
        """Take what happened; see :data:`bot.platforms.base.Post`."""
        match event:
            case Heard():
                await self._heard(event)
            case Deleted():
                await self._deleted(event)
            case Reacted():
                await self._reacted(event)
            case Moved():
                await self._moved(event)
            case Joined():
                self._welcome.joined(event)
            case Parted():
                self._parts.book.parted(event.chat)
            case _:
                await self._parts.obeying.obey(event)

    @property
    def is_working(self) -> bool:
        """Whether something is done beside the rooms: finishing what a stop left, introductions."""
        return bool(self._beside)

    async def let_go(self, account: Account) -> None:
        """Nothing of somebody may be used any more: not what is in memory, nor in work."""
        for room in self.house.rooms:
            by = ((one.id, one.person.accounts) for one in room.history)
            room.forget({id for id, own in by if any(_is_same(account, each) for each in own)})
        self._overseer.forget(account)
        await self._recorder.do(lambda _, journal: journal.forget(account))
        await self._parts.consent.follow()
        for room in self.house.rooms:  # whoever is forgotten is struck from others' words, too
            for message in await self._recorder.shown([one.id for one in room.history]):
                room.correct(message)

    async def idle(self) -> None:
        """Wait until nothing is being answered."""
        while self._beside or any(room.is_busy for room in self.house.rooms):
            rooms = (room.idle() for room in self.house.rooms)
            await asyncio.gather(self._beside.done(), *rooms, return_exceptions=True)

    async def hush(self) -> None:
        """Begin nothing new; what is being said is said to its end, within reason."""
        self._is_closing = True
        await asyncio.gather(*(room.close(_GRACE) for room in self.house.rooms))

    async def close(self) -> None:
        """Stop answering; a part on its way is waited for, the rest stays in the journal."""
        await self.house.close()
        await self._beside.close()

    async def _heard(self, heard: Heard) -> None:
        raw, platform = heard.message, self._parts.platforms[heard.message.chat.platform]
        rules = self._parts.book.rules(raw.chat.id, heard.places)
        if not rules.is_allowed:
            self._welcome.unknown(raw.chat, raw.author)
            return
        if _is_same(raw.author, platform.account) or self._parts.consent.is_out(raw.author):
            return
        self._tidy()
        self._parts.book.enclosed(raw.chat.id, heard.places)
        recorded = await self._recorder.hear(heard, is_logged=rules.is_logged)
        self.house.note(raw.chat, raw.id)
        self._parts.metrics.heard(platform.name)
        if recorded.message is None:
            return
        if heard.is_edit:
            for room in self.house.open_rooms(raw.chat.id):
                room.correct(recorded.message)
        elif recorded.is_new:
            self._welcome.introduce(raw.chat, rules)
            await self._pass_on(heard, recorded.message, rules)

    async def _pass_on(self, heard: Heard, message: Message, rules: ChatRules) -> None:
        place = Place(message.chat, heard.topic)
        room = await self.house.room(place, self._crew)
        if message.person.is_self and rules.is_logged:
            await self._overseer.heard_self(message)
        if self._is_closing:  # the journal keeps it for the next start
            return
        if message.person.is_self and heard.address is Address.NONE:  # the real one, to others
            room.overhear(message)
            return
        author, dice = heard.message.author, self._parts.dice.random()
        asked = Asked(message, heard.address, author, dice, heard.places, heard.is_caught_up)
        decision = room.hear(asked)
        if decision.is_answer and decision.is_addressed and heard.address is Address.NONE:
            await self._recorder.do(lambda _, journal: journal.open_message(message.id))

    async def _deleted(self, event: Deleted) -> None:
        """Gone is gone, also where the bot may no longer be."""
        for room in self.house.open_rooms(event.chat):
            room.forget(event.messages)
        await self._recorder.remove(event.messages)

    async def _reacted(self, event: Reacted) -> None:
        rules = self._parts.book.rules(event.chat, event.places)
        if not rules.is_allowed:
            return
        if rules.is_kept:
            id, now = event.message, event.reactions
            await self._recorder.do(lambda archive, _: archive.react(id, now))
        await self._overseer.reacted(event, is_kept=rules.is_kept)

    async def _moved(self, event: Moved) -> None:
        self._parts.book.moved(event.old, event.new)
        await self._recorder.move(event.old, event.new)
        self.house.move(event.old, event.new)
        _log.info("%s: goes on as %s", event.old, event.new.id)

    def _made_crew(self) -> Crew:
        parts = self._parts
        return Crew(
            now=self._now,
            sleep=parts.clock.sleep,
            dice=parts.dice,
            scorer=parts.scorer,
            rules=self._ruling.rules,
            muted_until=self._ruling.muted_until,
            said_to=self.house.said_to,
            answer=parts.answer,
            wrote=self._overseer.wrote,
            say=self._say,
            over=self._over,
            decided=self._decided,
            ended=self._ended,
            failed=self._failed,
            patience=timedelta(seconds=self._settings.bot.patience_seconds),
        )

    def _made_mouth(self) -> Mouth:
        parts = self._parts
        return Mouth(
            platforms=parts.platforms,
            recorder=parts.recorder,
            manner=parts.manner,
            rules=self._ruling.rules,
            mark=self._settings.bot.mark,
            now=self._now,
            sleep=parts.clock.sleep,
            dice=parts.dice,
            conversation=self.house.conversation,
            is_logged=self._ruling.is_logged,
            newest=self.house.newest,
            said=self._said,
            barred=self._ruling.barred,
            ready=self._left.finished,
        )

    async def _say(self, room: Room, covered: Sequence[Asked], answer: Answer) -> str:
        outcome = await self._mouth.say(room, covered, answer)
        self._overseer.ended(covered[-1], outcome)
        return outcome

    def _said(self, said: Said) -> None:
        """A part of a reply arrived."""
        place, message, asked = said.place, said.message, said.asked
        self._overseer.said(said)
        self.house.note(self.house.conversation(place.chat), message.id)
        for room in self.house.open_rooms(place.chat):
            if room.place == place:
                room.remember(message)
        if said.number == 0:
            account = asked.account if asked else None
            to_bot = bool(asked and asked.message.person.is_bot)
            self.house.spoke(place.chat, account, message.sent_at, to_bot=to_bot)
            seconds = (message.sent_at - asked.message.sent_at).total_seconds() if asked else 0.0
            self._parts.metrics.answered(platform_of(place.chat), seconds)

    def _decided(self, decision: Decision) -> None:
        self._parts.metrics.decided(decision.verdict, decision.key)

    def _ended(self, decision: Decision, outcome: str) -> None:
        """What was to be answered and is not, for another reason than a failure."""
        kept = ("answered", "failed")
        if decision.is_answer and not outcome.startswith(kept):
            self._parts.metrics.dropped(outcome.removeprefix("dropped: "))

    def _failed(self, asked: Asked, error: BotError) -> None:
        """No reply came of it: the chat hears nothing, the admins one line."""
        chat = asked.message.chat
        if not self._is_closing:
            self._overseer.failed(asked, error)
        _log.warning("%s: no reply: %s", chat, error)
        self._parts.metrics.failed(type(error).__name__)
        self._parts.warn(type(error).__name__, f"{chat}: no reply: {error}")

    def _over(self, ids: Sequence[str]) -> None:
        closed = self._recorder.do(lambda _, journal: journal.close_message(*ids))
        closed.add_done_callback(told_if_failed)

    def _tidy(self) -> None:
        """Once a day forget what nobody asks for any more."""
        now = self._now()
        if now - self._tidied_at >= _DAY:
            self._tidied_at = now
            pruned = self._recorder.do(lambda _, journal: journal.prune(now))
            pruned.add_done_callback(told_if_failed)
            self._parts.guardian.prune()


def _is_same(author: Account, own: Account | None) -> bool:
    return own is not None and (author.platform, author.key) == (own.platform, own.key)
