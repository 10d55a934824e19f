"""Saying something once: retried while nothing is certain, looked for where it may have arrived.

Each message carries a nonce that Discord holds unique for some minutes (``enforce_nonce``: a second
try returns the first one's message), so trying again is safe; after longer pauses, and after a
crash, the channel's history is searched for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import aiohttp
import discord

from bot.errors import Undeliverable, Unreachable
from bot.platforms.base import Outgoing, Sent
from bot.platforms.discord import telling
from bot.platforms.discord.notices import NOBODY
from bot.platforms.discord.session import Pace, Session
from bot.platforms.discord.writing import LIMIT, written

Result = TypeVar("Result")
_SLACK = timedelta(seconds=5)
_SEARCHED = 1000
_CANNOT_QUOTE = (50035, 160002)
"""Discord's codes where a message cannot be replied to: a notice, no right to read history."""
_log = logging.getLogger("atself.discord")


class Sender:
    """Sends over whatever session is signed in."""

    def __init__(self, session: Callable[[], Awaitable[Session]], pace: Pace) -> None:
        self._session = session
        self._pace = pace

    async def send(self, outgoing: Outgoing) -> Sent:
        """Send once; raises Undeliverable and Unreachable."""
        is_uncertain = False

        async def attempt() -> Sent:
            nonlocal is_uncertain
            session = await self._session()
            found = await self._found(session, outgoing) if is_uncertain else None
            is_uncertain = True
            return found or await self._sent(session, outgoing)

        return await self._patiently(outgoing.chat, attempt)

    async def find(self, outgoing: Outgoing) -> Sent | None:
        """What an earlier try became; raises Undeliverable and Unreachable."""

        async def attempt() -> Sent | None:
            return await self._found(await self._session(), outgoing)

        return await self._patiently(outgoing.chat, attempt)

    async def _patiently(self, chat: str, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Try until it works, cannot work, or patience is over."""
        end = time.monotonic() + self._pace.patience
        for pause in self._pauses():
            left = end - time.monotonic()
            kind = "TimeoutError"
            try:
                async with asyncio.timeout(max(0.0, min(left, self._pace.attempt))):
                    return await attempt()
            except (discord.DiscordException, aiohttp.ClientError, OSError, RuntimeError) as error:
                kind = _checked(chat, error)
            if time.monotonic() + pause > end:
                break
            _log.warning("discord: %s: %s; again in %s s", chat, kind, pause)
            await asyncio.sleep(pause)
        raise Unreachable(
            f"discord: {chat}: no answer for {self._pace.patience:.0f} s ({kind}); "
            "see https://discordstatus.com"
        )

    def _pauses(self) -> Iterator[float]:
        yield from self._pace.retries
        while True:
            yield self._pace.retries[-1]

    async def _sent(self, session: Session, outgoing: Outgoing) -> Sent:
        channel = session.get_partial_messageable(telling.native_id(outgoing.chat))
        ping = _ping(outgoing)
        pinged = int(ping[1]) if ping is not None else None
        told: dict[str, Any] = {}
        answers_pinged = False
        if outgoing.quote is not None:
            quoted = telling.native_id(outgoing.quote)
            told["reference"] = discord.MessageReference(
                message_id=quoted, channel_id=channel.id, fail_if_not_exists=False
            )
            if pinged is not None:
                answers_pinged = await session.memory.author(channel, quoted) == pinged
        told |= {"nonce": outgoing.key, "allowed_mentions": _allowed(pinged, answers_pinged)}
        told |= {"content": _content(session, outgoing), "mention_author": answers_pinged}
        try:
            message = await channel.send(**told)
        except discord.HTTPException as error:
            if error.code not in _CANNOT_QUOTE or told.pop("reference", None) is None:
                raise
            message = await channel.send(**told)
        return _kept(session, outgoing, message)

    async def _found(self, session: Session, outgoing: Outgoing) -> Sent | None:
        """The message an earlier try became: told by the gateway, or in the history."""
        arrived = session.memory.arrived.get(outgoing.key)
        if arrived is not None:
            return _kept(session, outgoing, arrived)
        channel = session.get_partial_messageable(telling.native_id(outgoing.chat))
        start = _start(outgoing)
        history = channel.history(
            limit=_SEARCHED if start else 50, after=start, oldest_first=bool(start)
        )
        content = _content(session, outgoing).strip()
        async for message in history:
            if session.is_me(message.author) and _is_same(session, outgoing, message, content):
                return _kept(session, outgoing, message)
        return None


def _start(outgoing: Outgoing) -> discord.Object | None:
    if outgoing.after is not None:
        return discord.Object(telling.native_id(outgoing.after))
    if outgoing.first_tried_at is not None:
        instant = outgoing.first_tried_at - _SLACK
        return discord.Object(discord.utils.time_snowflake(instant))
    return None


def _is_same(session: Session, outgoing: Outgoing, message: discord.Message, content: str) -> bool:
    """By nonce where told; else by its words and what it answers, unless known to be another.

    An answer to what was gone by then answers nothing.
    """
    if message.nonce is not None:
        return str(message.nonce) == outgoing.key
    claimed = session.memory.claimed.get(message.id, outgoing.key)
    reference = message.reference.message_id if message.reference is not None else None
    quoted = None if outgoing.quote is None else telling.native_id(outgoing.quote)
    is_answer = reference in (None, quoted)
    return claimed == outgoing.key and message.content == content and is_answer


def _kept(session: Session, outgoing: Outgoing, message: discord.Message) -> Sent:
    session.memory.claimed[message.id] = outgoing.key
    session.memory.authors[message.id] = message.author.id
    return Sent(f"{outgoing.chat}:{message.id}", message.created_at)


def _content(session: Session, outgoing: Outgoing) -> str:
    channel = session.get_channel(telling.native_id(outgoing.chat))
    emojis = getattr(getattr(channel, "guild", None), "emojis", ())
    by_name = {emoji.name: str(emoji) for emoji in emojis if emoji.available}
    content = written(outgoing.text, _ping(outgoing), by_name)
    if len(content) > LIMIT:
        raise Undeliverable(f"discord: {outgoing.chat}: {len(content)} characters, {LIMIT} fit")
    return content


def _ping(outgoing: Outgoing) -> tuple[str, str] | None:
    """The handle and the id of who may be notified; accounts from exports may have no id."""
    if outgoing.ping is None or not outgoing.ping[1].key.isdecimal():
        return None
    return outgoing.ping[0], outgoing.ping[1].key


def _allowed(pinged: int | None, answers_pinged: bool) -> discord.AllowedMentions:
    if pinged is None:
        return NOBODY
    users = [discord.Object(pinged)]
    return discord.AllowedMentions(
        everyone=False, roles=False, users=users, replied_user=answers_pinged
    )


def _checked(chat: str, error: BaseException) -> str:
    """What failed, where trying again may help; else raises Undeliverable."""
    status, code = getattr(error, "status", 0), getattr(error, "code", 0)
    if 400 <= status < 500 and status != 429:
        reason = str(getattr(error, "text", "")).splitlines()[:1]
        raise Undeliverable(
            f"discord: {chat}: refused with {status} (code {code}): {''.join(reason)[:120]}"
        ) from None
    return f"{type(error).__name__} {status or ''}".strip()
