"""A reply on its way into the chat: noted, paced, sent once, remembered.

Every part is noted in the journal before it is sent and again when it arrived, so that a start
after a crash knows what is left: :meth:`Mouth.finish`.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from random import Random

from bot.delivery import Step, plan
from bot.errors import BotError
from bot.gate import Rules
from bot.guard import sendable
from bot.journal import Planned
from bot.manner import Manner
from bot.platforms.base import Outgoing, Platform, Sent, platform_of
from bot.recorder import Recorder
from bot.responder import Answer
from bot.rooms import Asked, Place, Room
from ingest.chat import Account, Conversation, Message, RawMessage
from ingest.errors import ArchiveError

_log = logging.getLogger("atself.mouth")
SAME_AGAIN = "it would have said the same again"
_TYPING = 4.0
"""Seconds a platform shows that somebody writes, once told."""
_AGAIN = 5.0
_LIVE = timedelta(minutes=5)
_RECENT = 30
"""Own messages of a chat that must not come again."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One message of a reply to ``answered``, the ``number``-th from 0.

    ``asked`` is None after a restart.
    """

    outgoing: Outgoing
    answered: str
    number: int
    asked: Asked | None
    is_logged: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A part of a reply that arrived: the ``number``-th, from 0, of what answers ``answered``.

    ``asked`` is None after a restart.
    """

    place: Place
    message: Message
    answered: str
    asked: Asked | None
    number: int


@dataclass(frozen=True, slots=True)
class Mouth:
    """Says replies through the platforms. ``now`` and ``sleep`` are one clock.

    ``said`` hears of every part that arrived.
    ``barred`` says why nothing may be said in a chat (to an account) any more, or nothing: a mute
    holds for a reply on its way, too. ``conversation`` knows chats by id, ``is_logged`` whether
    they and what encloses them are kept, ``newest`` the newest message in each; ``ready`` waits
    until what a crash left on a platform is finished: a message nobody knows of must be looked for
    before others are sent.
    """

    platforms: Mapping[str, Platform]
    recorder: Recorder
    manner: Manner
    rules: Callable[[Asked], Rules]
    mark: str
    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
    dice: Random
    conversation: Callable[[str], Conversation]
    is_logged: Callable[[str, Sequence[str]], bool]
    newest: Callable[[str], str | None]
    said: Callable[[Said], None]
    barred: Callable[[str, Account | None], str]
    ready: Callable[[str], Awaitable[None]]

    async def say(self, room: Room, covered: Sequence[Asked], answer: Answer) -> str:
        """Send a reply; how it went, for /why. Raises Undeliverable or Unreachable."""
        asked = covered[-1]
        platform = self.platforms[platform_of(room.place.chat)]
        await self.ready(platform.name)
        parts = sendable(answer.reply.parts, _own_lines(room))
        if not parts:
            return SAME_AGAIN
        steps = self._plan(parts, asked, room, platform)
        is_logged = self.is_logged(room.place.chat, asked.places)
        reply = [
            _Part(self._outgoing(step, asked, room.place, i), asked.message.id, i, asked, is_logged)
            for i, step in enumerate(steps)
        ]
        ids, outgoing = [one.message.id for one in covered], [part.outgoing for part in reply]
        await self.recorder.do(lambda _, journal: journal.plan(ids, outgoing, self.now()))
        try:
            why = await self._speak(steps, reply, platform, room.place)
        except BotError:
            await self._give_up([part.key for part in outgoing])
            raise
        told = f"answered in {len(steps)} message{'s' if len(steps) > 1 else ''}"
        return f"dropped: {why}" if why else told

    async def _speak(
        self, steps: Sequence[Step], reply: Sequence[_Part], platform: Platform, place: Place
    ) -> str | None:
        """Say part after part; why the rest was kept back, if it was."""
        for step, part in zip(steps, reply, strict=True):
            await self._pause(step, platform, place)
            if why := self.barred(place.chat, part.asked.account if part.asked else None):
                await self._give_up([one.outgoing.key for one in reply[part.number :]])
                return why
            await self._send(part, platform)
        return None

    async def finish(self, planned: Sequence[Planned], fresh: timedelta) -> None:
        """What a crash left of one reply: find out what arrived; send the rest while it is fresh.

        ``planned`` are its parts in order, neither known to have arrived nor given up.
        """
        platform = self.platforms[platform_of(planned[0].outgoing.chat)]
        is_kept = await self._is_kept(planned[0])
        for one in planned:
            part = _Part(one.outgoing, one.answered, one.part, None, is_kept)
            try:
                await self._finish_part(part, one, platform, fresh)
            except BotError as error:
                _log.warning("%s: %s", one.outgoing.chat, error)
                await self._give_up([one.outgoing.key])

    async def _is_kept(self, planned: Planned) -> bool:
        """Whether a reply belongs into the archive: where what it answers is, and only there."""
        if not self.is_logged(planned.outgoing.chat, ()):
            return False
        return bool(await self.recorder.do(lambda archive, _: archive.get([planned.answered])))

    async def _finish_part(
        self, part: _Part, planned: Planned, platform: Platform, fresh: timedelta
    ) -> None:
        outgoing = part.outgoing
        sent = await platform.find(outgoing) if planned.is_tried else None
        is_late = self.now() - planned.planned_at > fresh
        if sent is not None:
            await self._arrived(part, sent)
        elif is_late or self.barred(outgoing.chat, None):
            await self._give_up([outgoing.key])
        else:
            await self._send(part, platform)

    def _plan(
        self, parts: Sequence[str], asked: Asked, room: Room, platform: Platform
    ) -> Sequence[Step]:
        def longest(text: str) -> int:
            return max(1, platform.longest(self.mark + text) - len(self.mark))

        return plan(
            parts,
            self.manner,
            asked_at=asked.message.sent_at,
            now=self.now(),
            rng=self.dice,
            between=_between(room, asked.message),
            live=_live(room, self.now()),
            asking=room.asking,
            longest=longest,
            pace=self.rules(asked).pace,
        )

    def _outgoing(self, step: Step, asked: Asked, place: Place, part: int) -> Outgoing:
        handle = asked.message.person.handle
        return Outgoing(
            key=key_of(asked.message.id, part),
            chat=place.chat,
            text=self.mark + step.text,
            topic=place.topic,
            quote=asked.message.id if step.is_quote else None,
            ping=(handle, asked.account) if f"@{handle}" in step.text else None,
        )

    async def _pause(self, step: Step, platform: Platform, place: Place) -> None:
        still = (step.pause - step.typing).total_seconds()
        if still > 0:
            await self.sleep(still)
        left = step.typing.total_seconds()
        while left > 0:
            await platform.typing(place.chat, place.topic)
            await self.sleep(min(left, _TYPING))
            left -= _TYPING

    async def _send(self, part: _Part, platform: Platform) -> None:
        """Send one part and remember it; a stop meanwhile waits until it is known what became."""
        outgoing, now = part.outgoing, self.now()
        # Right after a start nothing is known to be newer than what is answered.
        after = outgoing.after or self.newest(outgoing.chat) or part.answered
        first = outgoing.first_tried_at or now
        await self.recorder.do(lambda _, journal: journal.trying(outgoing.key, after, now))
        tried = replace(part, outgoing=replace(outgoing, after=after, first_tried_at=first))
        sending = asyncio.ensure_future(self._sent(tried, platform))
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            with suppress(BotError, TimeoutError):
                await asyncio.wait_for(sending, timeout=5)
            raise

    async def _sent(self, part: _Part, platform: Platform) -> None:
        await self._arrived(part, await platform.send(part.outgoing))

    async def _arrived(self, part: _Part, sent: Sent) -> None:
        """A part is in the chat: note it and put it to the history."""
        outgoing = part.outgoing
        platform = self.platforms[platform_of(outgoing.chat)]
        assert platform.account is not None  # it sends
        raw = RawMessage(
            id=sent.id,
            chat=self.conversation(outgoing.chat),  # by now perhaps under another id
            author=platform.account,
            sent_at=sent.at,
            text=outgoing.text.removeprefix(self.mark),
            reply_to=outgoing.quote,
        )
        message = await self._kept(raw, part, sent)
        place = Place(raw.chat.id, outgoing.topic)
        self.said(Said(place, message, part.answered, part.asked, part.number))

    async def _kept(self, raw: RawMessage, part: _Part, sent: Sent) -> Message:
        """Note what arrived, tried until it works: it is in the chat, whatever the disk says."""
        key = part.outgoing.key
        while True:
            try:
                message = await self.recorder.say(raw, is_logged=part.is_logged)
                await self.recorder.do(lambda _, journal: journal.sent(key, sent))
                return message
            except (ArchiveError, sqlite3.Error) as error:
                _log.error("%s: it was sent and cannot be noted: %s; again", raw.id, error)
                await self.sleep(_AGAIN)

    async def _give_up(self, keys: Sequence[str]) -> None:
        await self.recorder.do(lambda _, journal: journal.give_up(*keys))


def key_of(answered: str, part: int) -> str:
    """The same for the same part of the answer to the same message: 20 characters."""
    digest = blake2b(f"{answered}\n{part}".encode(), digest_size=15).digest()
    return urlsafe_b64encode(digest).decode()


def _own_lines(room: Room) -> list[str]:
    return [message.text for message in room.history if message.person.is_self][-_RECENT:]


def _live(room: Room, now: datetime) -> int:
    """Messages of others in the last few minutes."""
    recent = [one for one in room.history if now - one.sent_at <= _LIVE]
    return sum(not one.person.is_self for one in recent)


def _between(room: Room, asked: Message) -> int:
    """Messages of others in the room since the one that is answered."""
    lines = list(room.history)
    start = next((place for place, one in enumerate(lines) if one.id == asked.id), -1)
    return sum(not one.person.is_self for one in lines[start + 1 :])
