"""A reply on its way into the chat: noted, paced, sent once, remembered.

Every part is noted in the journal before it is sent and again when it arrived, so that a start
after a crash knows what is left: :meth:`Mouth.finish`.
"""

from __future__ import annotations

import asyncio
import logging
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
from bot.journal import Journal, Planned
from bot.manner import Manner
from bot.platforms.base import Outgoing, Platform, Sent
from bot.recorder import Recorder
from bot.responder import Answer
from bot.rooms import Asked, Place, Room
from ingest.archive import Archive
from ingest.chat import Account, Conversation, Message, RawMessage

_log = logging.getLogger("atself.mouth")
_TYPING = 4.0
"""Seconds a platform shows that somebody writes, once told."""
_LIVE = timedelta(minutes=5)
_RECENT = 30
"""Own messages of a chat that must not come again."""


@dataclass(frozen=True, slots=True)
class Mouth:
    """Says replies through the platforms. ``now`` and ``sleep`` are one clock.

    ``said`` hears of every part that arrived, with what it answers and its place in the reply.
    ``conversation`` knows chats by id, ``is_logged`` whether they are kept, ``newest`` the newest
    message in each; ``ready`` waits until what a crash left on a platform is finished: a message
    nobody knows of must be looked for before others are sent. ``barred`` says why nothing may be
    said in a chat (to an account) any more, or nothing.
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
    is_logged: Callable[[str], bool]
    newest: Callable[[str], str | None]
    said: Callable[[Place, Message, Asked | None, int], None]
    ready: Callable[[str], Awaitable[None]]
    barred: Callable[[str, Account | None], str]

    async def say(self, room: Room, covered: Sequence[Asked], answer: Answer) -> str:
        """Send a reply; how it went, for /why. Raises Undeliverable or Unreachable."""
        asked = covered[-1]
        platform = self.platforms[_platform_of(room.place.chat)]
        await self.ready(platform.name)
        parts = sendable(answer.reply.parts, _own_lines(room))
        if not parts:
            return "it would have said the same again"
        steps = self._plan(parts, asked, room, platform)
        outgoing = [self._outgoing(step, asked, room.place, i) for i, step in enumerate(steps)]
        ids = [one.message.id for one in covered]
        await self.recorder.do(lambda _, journal: journal.plan(ids, outgoing, self.now()))
        why = ""
        try:
            for i, (step, part) in enumerate(zip(steps, outgoing, strict=True)):
                await self._pause(step, platform, room.place)
                if why := self.barred(room.place.chat, asked.account):
                    break
                await self._send(part, platform, asked, i)
        except BotError:
            await self._give_up([part.key for part in outgoing])
            raise
        if why:
            await self._give_up([part.key for part in outgoing])
            return f"dropped: {why}"
        return f"answered in {len(steps)} message{'s' if len(steps) > 1 else ''}"

    async def finish(self, planned: Sequence[Planned], fresh: timedelta) -> None:
        """What a crash left of one reply: find out what arrived; send the rest while it is fresh.

        ``planned`` are its parts in order, neither known to have arrived nor given up.
        """
        platform = self.platforms[_platform_of(planned[0].outgoing.chat)]
        for part in planned:
            try:
                await self._finish_part(part, platform, fresh)
            except BotError as error:
                _log.warning("%s: %s", part.outgoing.chat, error)
                await self._give_up([part.outgoing.key])

    async def _finish_part(self, part: Planned, platform: Platform, fresh: timedelta) -> None:
        sent = await platform.find(part.outgoing) if part.is_tried else None
        if sent is not None:
            await self._arrived(part.outgoing, sent, None, part.part)
        elif self.now() - part.planned_at > fresh or self.barred(part.outgoing.chat, None):
            await self._give_up([part.outgoing.key])
        else:
            await self._send(part.outgoing, platform, None, part.part)

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

    async def _send(
        self, part: Outgoing, platform: Platform, asked: Asked | None, place: int
    ) -> None:
        """Send one part and remember it; a stop meanwhile waits until it is known what became."""
        now, after = self.now(), part.after or self.newest(part.chat)
        tried = replace(part, after=after, first_tried_at=part.first_tried_at or now)
        await self.recorder.do(lambda _, journal: journal.trying(part.key, after, now))
        sending = asyncio.ensure_future(self._sent(tried, platform, asked, place))
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            with suppress(BotError, TimeoutError):
                await asyncio.wait_for(sending, timeout=5)
            raise

    async def _sent(
        self, part: Outgoing, platform: Platform, asked: Asked | None, place: int
    ) -> None:
        await self._arrived(part, await platform.send(part), asked, place)

    async def _arrived(self, part: Outgoing, sent: Sent, asked: Asked | None, place: int) -> None:
        """A part is in the chat: note it and put it to the history."""
        platform = self.platforms[_platform_of(part.chat)]
        assert platform.account is not None  # it sends
        raw = RawMessage(
            id=sent.id,
            chat=self.conversation(part.chat),
            author=platform.account,
            sent_at=sent.at,
            text=part.text.removeprefix(self.mark),
            reply_to=part.quote,
        )
        message = await self.recorder.say(raw, is_logged=self.is_logged(part.chat))

        def note(_archive: Archive, journal: Journal) -> None:
            journal.sent(part.key, sent)

        await self.recorder.do(note)
        self.said(Place(part.chat, part.topic), message, asked, place)

    async def _give_up(self, keys: Sequence[str]) -> None:
        await self.recorder.do(lambda _, journal: journal.give_up(*keys))


def key_of(answered: str, part: int) -> str:
    """The same for the same part of the answer to the same message: 20 characters."""
    digest = blake2b(f"{answered}\n{part}".encode(), digest_size=15).digest()
    return urlsafe_b64encode(digest).decode()


def _platform_of(chat: str) -> str:
    return chat.partition(":")[0]


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
