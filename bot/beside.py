"""What is done beside: tasks nobody waits for, ended with the bot, whose failures are told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

_log = logging.getLogger("atself.hub")


class Beside:
    """The tasks of one event loop."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __bool__(self) -> bool:
        """Whether anything is being done."""
        return bool(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something beside."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(told_if_failed)

    async def done(self) -> None:
        """Wait until what is being done is done."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """End all of it."""
        for task in self._tasks:
            task.cancel()
        await self.done()


def told_if_failed(done: asyncio.Future[Any]) -> None:
    """What nobody waits for is not to fail in silence."""
    if not done.cancelled() and (error := done.exception()) is not None:
        _log.error("something was left undone: %s", error, exc_info=error)
