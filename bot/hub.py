"""Between the platforms and the rooms: who is listened to, what is kept, who may command.

    Platform ─ post(event) ─► allowed? ─► consent? ─► recorder (archive, journal) ─► room
                              └─ unknown chats are left alone, or left

``post`` returns once an event would survive a crash. What a stop cut off the next start finishes.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from random import Random
from typing import Any

from bot.chatbook import Chatbook, ChatRules
from bot.consent import Consent
from bot.errors import BotError
from bot.gate import Decision, Rules, Scorer
from bot.house import House
from bot.journal import Journal, Noted, Planned
from bot.manner import Manner
from bot.metrics import Metrics
from bot.mouth import Mouth
from bot.obeying import Obeying
from bot.platforms.base import (
    Deleted,
    Event,
    Heard,
    Joined,
    Moved,
    Parted,
    Platform,
    Reacted,
)
from bot.questions import Question
from bot.recorder import Recorder
from bot.responder import Answer
from bot.rooms import Asked, Crew, Place
from config.settings import Settings
from ingest.archive import Archive
from ingest.chat import Account, Conversation, Message

_log = logging.getLogger("atself.hub")
_DAY = timedelta(days=1)
_GRACE = 20.0
"""Seconds that what is being said may take to its end when the bot stops."""


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


class Hub:
    """Everything the bot hears goes through here. All on the one event loop."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings, self._parts = settings, parts
        self._recorder, self._now = parts.recorder, parts.clock.now
        self.house = House(parts.recorder, self._now)
        self._mouth = self._made_mouth()
        self._crew = self._made_crew()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._left: list[Noted] = []
        self._unsent: list[Planned] = []
        self._recovered = {name: asyncio.Event() for name in parts.platforms}
        self._taken_up: set[str] = set()
        self._announcing: set[str] = set()  # once a run: where it may not write, it never may
        self._is_closing = False

    async def start(self) -> None:
        """Read what the last run left; before any platform runs."""

        def read(archive: Archive, journal: Journal) -> tuple[Any, ...]:
            journal.prune(self._now())
            replies = list(journal.replies(self._now() - _DAY))
            accounts = journal.accounts(answered for _, answered, _ in replies)
            return journal.open_messages(), journal.unsent(), replies, accounts, archive.chats()

        self._left, self._unsent, replies, accounts, chats = await self._recorder.do(read)
        self.house.know(chats)
        for chat, answered, at in replies:
            self.house.spoke(chat, accounts.get(answered), at, to_bot=False)

    def signed_in(self, platform: Platform) -> None:
        """A platform is in: its account speaks as @self, and what was left there is finished."""
        assert platform.account is not None
        signing = self._recorder.sign_in(platform.account)  # before anything it will post
        self.spawn(self._take_up(platform.name, signing))

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
                self._joined(event)
            case Parted():
                self._parts.book.parted(event.chat)
            case _:
                await self._parts.obeying.obey(event)

    @property
    def is_working(self) -> bool:
        """Whether something is done beside the rooms: finishing what a stop left, introductions."""
        return bool(self._tasks)

    async def let_go(self, account: Account) -> None:
        """Nothing of somebody may be used any more: not what is in memory, nor in work."""
        for room in self.house.rooms:
            room.forget({one.id for one in room.history if _wrote(account, one)})
        await self._recorder.do(lambda _, journal: journal.forget(account))
        await self._parts.consent.follow()
        for room in self.house.rooms:  # whoever is forgotten is struck from others' words, too
            for message in await self._recorder.shown([one.id for one in room.history]):
                room.correct(message)

    async def idle(self) -> None:
        """Wait until nothing is being answered."""
        while self._tasks or any(room.is_busy for room in self.house.rooms):
            await asyncio.gather(*self._tasks, *(room.idle() for room in self.house.rooms))

    async def hush(self) -> None:
        """Begin nothing new; what is being said is said to its end, within reason."""
        self._is_closing = True
        await asyncio.gather(*(room.close(_GRACE) for room in self.house.rooms))

    async def close(self) -> None:
        """Stop answering; a part on its way is waited for, the rest stays in the journal."""
        await self.house.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _heard(self, heard: Heard) -> None:
        raw, platform = heard.message, self._parts.platforms[heard.message.chat.platform]
        rules = self._parts.book.rules(raw.chat.id, heard.places)
        if not rules.is_allowed:
            self._unknown(raw.chat, platform, raw.author)
            return
        if _is_same(raw.author, platform.account) or self._parts.consent.is_out(raw.author):
            return
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
            self._introduce(raw.chat, rules, platform)
            await self._pass_on(heard, recorded.message, rules)

    async def _pass_on(self, heard: Heard, message: Message, rules: ChatRules) -> None:
        place = Place(message.chat, heard.topic)
        room = await self.house.room(place, self._crew)
        if self._is_closing:  # the journal keeps it for the next start
            return
        if message.person.is_self:  # the real one
            room.overhear(message)
            return
        room.hear(
            Asked(
                message,
                heard.address,
                heard.message.author,
                self._parts.dice.random(),
                rules.is_logged,
                heard.places,
                heard.is_caught_up,
            )
        )

    async def _deleted(self, event: Deleted) -> None:
        if not self._parts.book.rules(event.chat, event.places).is_allowed:
            return
        for room in self.house.open_rooms(event.chat):
            room.forget(event.messages)
        await self._recorder.remove(event.messages)

    async def _reacted(self, event: Reacted) -> None:
        if self._parts.book.rules(event.chat, event.places).is_kept:
            await self._recorder.do(
                lambda archive, _: archive.react(event.message, event.reactions)
            )

    async def _moved(self, event: Moved) -> None:
        def move(archive: Archive, journal: Journal) -> None:
            archive.move(event.old, event.new)
            journal.move(event.old, event.new.id)

        self._parts.book.moved(event.old, event.new)
        await self._recorder.do(move)
        self.house.move(event.old, event.new)
        _log.info("%s: goes on as %s", event.old, event.new.id)

    def _joined(self, event: Joined) -> None:
        rules = self._parts.book.rules(event.chat.id, event.places)
        platform = self._parts.platforms[event.chat.platform]
        if rules.is_allowed and event.is_enclosing:  # each chat in it is told when somebody speaks
            self._parts.book.met(event.chat)
        elif rules.is_allowed:
            self._introduce(event.chat, rules, platform)
        else:
            self._unknown(event.chat, platform)

    def _unknown(
        self, chat: Conversation, platform: Platform, account: Account | None = None
    ) -> None:
        """A chat nobody allowed: left alone, or left."""
        is_news = not self._parts.book.entry(chat.id).is_here
        self._parts.book.met(chat)
        if is_news:
            _log.warning("%s", _stranger(chat, account))
            if self._settings.bot.leave_unknown and not chat.is_private:
                self.spawn(platform.leave(chat.id))

    def _introduce(self, chat: Conversation, rules: ChatRules, platform: Platform) -> None:
        """Say once in a chat that a bot listens, and what it keeps."""
        if rules.announced_at is None and chat.id not in self._announcing:
            self._announcing.add(chat.id)
            self._parts.book.met(chat)
            self.spawn(self._announce(platform, chat.id, rules.is_logged))

    async def _announce(self, platform: Platform, chat: str, is_logged: bool) -> None:
        try:
            text = await self._parts.consent.announcement(chat, is_logged)
            await self._ready(platform.name)
            await platform.announce(chat, text)
            self._parts.book.announced(chat, self._now())
        except BotError as error:
            _log.warning("%s: could not introduce itself: %s", chat, error)

    async def _take_up(self, platform: str, signing: Awaitable[None]) -> None:
        """Finish what the last run left on a platform: replies half sent, questions unanswered."""
        await signing
        if platform in self._taken_up:
            return
        self._taken_up.add(platform)
        try:
            await self._finish(platform)
        finally:
            self._recovered[platform].set()

    async def _finish(self, platform: str) -> None:
        fresh = timedelta(minutes=self._settings.talk.stale_minutes)
        mine = [one for one in self._unsent if one.outgoing.chat.startswith(f"{platform}:")]
        for _, parts in groupby(mine, key=lambda one: one.answered):
            await self._mouth.finish(list(parts), fresh)
        left = [one for one in self._left if one.chat.startswith(f"{platform}:")]
        for noted, message in await self._recorder.again(left):
            await self._ask_again(noted, message)

    async def _ask_again(self, noted: Noted, message: Message | None) -> None:
        # None: gone, or of a chat of which nothing is kept
        if message is None or self._barred(noted.chat, noted.account):
            self._over([noted.id])
            return
        rules = self._parts.book.rules(noted.chat)
        room = await self.house.room(Place(noted.chat, noted.topic), self._crew)
        dice = self._parts.dice.random()
        room.hear(
            Asked(message, noted.address, noted.account, dice, rules.is_logged, is_caught_up=True)
        )

    def _made_crew(self) -> Crew:
        parts, talk = self._parts, self._settings.talk
        book = parts.book

        def rules(asked: Asked) -> Rules:
            changes = book.rules(asked.message.chat, asked.places).changes
            try:
                return Rules.of(talk, changes, self._parts.names)
            except BotError as error:  # of another version: better the settings than nothing
                parts.warn(asked.message.chat, f"{asked.message.chat}: {error}")
                return Rules.of(talk, names=self._parts.names)

        def muted_until(asked: Asked) -> datetime | None:
            return book.rules(asked.message.chat, asked.places).muted_until

        return Crew(
            now=self._now,
            sleep=parts.clock.sleep,
            dice=parts.dice,
            scorer=parts.scorer,
            rules=rules,
            muted_until=muted_until,
            said_to=self.house.said_to,
            answer=parts.answer,
            say=self._mouth.say,
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
            rules=lambda asked: self._crew.rules(asked),
            mark=self._settings.bot.mark,
            now=self._now,
            sleep=parts.clock.sleep,
            dice=parts.dice,
            conversation=self.house.conversation,
            is_logged=lambda chat: parts.book.rules(chat).is_logged,
            newest=self.house.newest,
            said=self._said,
            ready=self._ready,
            barred=self._barred,
        )

    def _barred(self, chat: str, account: Account | None) -> str:
        """Why nothing may be said in a chat (to an account) any more; empty where it may."""
        rules = self._parts.book.rules(chat)
        if not rules.is_allowed:
            return "the chat is not allowed any more"
        if rules.muted_until is not None and rules.muted_until > self._now():
            return "the chat was muted"
        is_out = account is not None and self._parts.consent.is_out(account)
        return "who asked has opted out" if is_out else ""

    async def _ready(self, platform: str) -> None:
        await self._recovered[platform].wait()

    def _said(self, place: Place, message: Message, asked: Asked | None, part: int) -> None:
        """A part of a reply arrived."""
        self.house.note(self.house.conversation(place.chat), message.id)
        for room in self.house.open_rooms(place.chat):
            if room.place == place:
                room.remember(message)
        if part == 0:
            account = asked.account if asked else None
            to_bot = bool(asked and asked.message.person.is_bot)
            self.house.spoke(place.chat, account, message.sent_at, to_bot=to_bot)
            seconds = (message.sent_at - asked.message.sent_at).total_seconds() if asked else 0.0
            self._parts.metrics.answered(place.chat.partition(":")[0], seconds)

    def _decided(self, decision: Decision) -> None:
        self._parts.metrics.decided(decision.verdict, decision.key)

    def _ended(self, decision: Decision, outcome: str) -> None:
        """What was to be answered and is not, for another reason than a failure."""
        kept = ("answered", "failed")
        if decision.is_answer and not outcome.startswith(kept):
            self._parts.metrics.dropped(_figureless(outcome))

    def _failed(self, place: Place, error: BotError) -> None:
        """No reply came of it: the chat hears nothing, the admins one line."""
        _log.warning("%s: no reply: %s", place.chat, error)
        self._parts.metrics.failed(type(error).__name__)
        self._parts.warn(type(error).__name__, f"{place.chat}: no reply: {error}")

    def _over(self, ids: Sequence[str]) -> None:
        def close(_archive: Archive, journal: Journal) -> None:
            journal.close_message(*ids)

        self._recorder.do(close)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something beside; it is ended with the hub."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _figureless(outcome: str) -> str:
    """An outcome as the name of a figure: without numbers, which would make one each."""
    return re.sub(r"\(.*?\)|\d+", "", outcome.removeprefix("dropped: ")).strip()


def _stranger(chat: Conversation, account: Account | None) -> str:
    """How to let a chat in, and in private, how to let its account command; ids alone."""
    if chat.is_private and account is not None:
        person = f"{account.platform}:{account.key}"
        return (
            f"{chat.id} (private, with {person}): not allowed, so left alone; put {chat.id} into "
            f"bot.allowed_chats to answer there, {person} into bot.admins to be commanded by it"
        )
    return (
        f"{chat.id}: not allowed, so left alone; to answer there put {chat.id} into "
        f"bot.allowed_chats, or as an admin send /chats allow {chat.id}"
    )


def _wrote(account: Account, message: Message) -> bool:
    return any(_is_same(account, one) for one in message.person.accounts)


def _is_same(author: Account, own: Account | None) -> bool:
    return own is not None and (author.platform, author.key) == (own.platform, own.key)
