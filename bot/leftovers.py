"""What the last run left: replies half sent, questions unanswered. Finished once a platform is in.

Nothing else is said on a platform before that: a message of which nobody knows whether it arrived
must be looked for while it is among the newest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from itertools import groupby

from bot.house import House
from bot.journal import Noted, Planned
from bot.mouth import Mouth
from bot.parts import Parts
from bot.rooms import Asked, Crew, Place
from config.errors import AtselfError
from ingest.chat import Account, Message

_log = logging.getLogger("atself.hub")
_AGAIN = 5.0
"""Seconds until the archive is asked again to know the bot's account."""


class Leftovers:
    """For each platform once; ``over`` is told of questions that get no answer."""

    def __init__(
        self,
        parts: Parts,
        house: House,
        over: Callable[[Sequence[str]], None],
        barred: Callable[[str, Account], str],
    ) -> None:
        self._parts, self._house, self._over, self._barred = parts, house, over, barred
        self._asked: Sequence[Noted] = ()
        self._unsent: Sequence[Planned] = ()
        self._finished = {name: asyncio.Event() for name in parts.platforms}
        self._taken_up: set[str] = set()

    def know(self, asked: Sequence[Noted], unsent: Sequence[Planned]) -> None:
        """What the journal holds at the start."""
        self._asked, self._unsent = asked, unsent

    async def finished(self, platform: str) -> None:
        """Wait until nothing is left there."""
        await self._finished[platform].wait()

    async def take_up(
        self, platform: str, signing: Awaitable[None], mouth: Mouth, crew: Crew, fresh: timedelta
    ) -> None:
        """Finish what was left on a platform, replies that are not older than ``fresh``.

        ``signing`` makes the bot's account known to the archive.
        """
        await self._signed(platform, signing)
        if platform in self._taken_up:
            return
        self._taken_up.add(platform)
        try:
            await self._finish(platform, mouth, fresh)
            await self._ask_again(platform, crew)
        finally:
            self._finished[platform].set()

    async def _signed(self, platform: str, signing: Awaitable[None]) -> None:
        """Replies wait for it, so it is tried until it works."""
        while True:
            try:
                return await signing
            except AtselfError as error:
                _log.error("%s: its account cannot be noted: %s; again", platform, error)
                await self._parts.clock.sleep(_AGAIN)
            account = self._parts.platforms[platform].account
            assert account is not None  # it signed in
            signing = self._parts.recorder.sign_in(account)

    async def _finish(self, platform: str, mouth: Mouth, fresh: timedelta) -> None:
        mine = [one for one in self._unsent if one.outgoing.chat.startswith(f"{platform}:")]
        for answered, parts in groupby(mine, key=lambda one: one.answered):
            try:
                await mouth.finish(list(parts), fresh)
            except Exception:  # the next start tries again; the others are not to wait for it
                _log.exception("%s: what was left of its answer is not finished", answered)

    async def _ask_again(self, platform: str, crew: Crew) -> None:
        mine = [one for one in self._asked if one.chat.startswith(f"{platform}:")]
        for noted, message in await self._parts.recorder.again(mine):
            if message is None or self._barred(noted.chat, noted.account):
                self._over([noted.id])  # gone, or of a chat that is not kept or not served
                continue
            try:
                await self._ask(noted, message, crew)
            except Exception:  # it would fail at the next start, too
                _log.exception("%s: cannot be asked again", noted.id)
                self._over([noted.id])

    async def _ask(self, noted: Noted, message: Message, crew: Crew) -> None:
        room = await self._house.room(Place(noted.chat, noted.topic), crew)
        dice = self._parts.dice.random()
        room.hear(Asked(message, noted.address, noted.account, dice, is_caught_up=True))
