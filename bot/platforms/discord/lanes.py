"""What happens in one channel one after the other, channels beside each other.

discord.py starts a task for each event, in the order of their arrival, but they overtake each other
at the first await. Here they only queue their work; a channel's lane does it in order.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

Job = Callable[[], Awaitable[None]]
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, *[30.0] * 19)
"""Seconds between tries, ten minutes in all: a full disk may be seen to."""
_log = logging.getLogger("atself.discord")


class Lanes:
    """Jobs by channel; nothing is done while they are held."""

    def __init__(self, pauses: tuple[float, ...] = _PAUSES) -> None:
        self._jobs: dict[int, deque[Job]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._open = asyncio.Event()
        self._pauses = pauses

    def put(self, channel: int, job: Job, *, is_first: bool = False) -> None:
        """Do ``job`` after (or before) what waits in the lane of ``channel``.

        It is done again where it fails, so twice must not differ from once.
        """
        jobs = self._jobs.setdefault(channel, deque())
        jobs.appendleft(job) if is_first else jobs.append(job)
        if channel not in self._tasks:
            self._tasks[channel] = asyncio.create_task(self._run(channel), name=f"lane {channel}")

    def hold(self) -> None:
        """Let jobs wait: something must come before them."""
        self._open.clear()

    def release(self) -> None:
        """Go on."""
        self._open.set()

    async def close(self) -> None:
        """Drop what waits; it was not passed on, and the marks say so."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._jobs.clear()
        self._tasks.clear()

    async def _run(self, channel: int) -> None:
        jobs = self._jobs[channel]
        try:
            while jobs:
                await self._open.wait()
                await self._do(channel, jobs.popleft())
        finally:
            self._jobs.pop(channel, None)
            self._tasks.pop(channel, None)

    async def _do(self, channel: int, job: Job) -> None:
        for pause in (*self._pauses, None):
            try:
                return await job()
            except Exception as error:  # whatever it is, the channel must go on
                kind = type(error).__name__
                if pause is None:
                    _log.error("discord: channel %s: an event is lost (%s)", channel, kind)
                    return None
                _log.warning("discord: channel %s: %s; again in %s s", channel, kind, pause)
            await asyncio.sleep(pause)
        return None
