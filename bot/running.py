"""A bot that was put together, from signing in to its end."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from bot.admin.desk import Desk
from bot.chatbook import Chatbook
from bot.consent import Consent
from bot.errors import PlatformRefused
from bot.gate import Scorer
from bot.health import Health
from bot.hub import Clock, Hub
from bot.metrics import Metrics
from bot.obeying import Obeying
from bot.platforms.base import Platform
from bot.schedule.schedule import Schedule
from bot.steering import Steering
from bot.systemd import Supervisor
from config.settings import Home, Settings

_log = logging.getLogger("atself.run")
_COUNTED = 3600.0
"""Seconds between two lines of the log about how much was heard and answered."""
REAL = Clock(lambda: datetime.now(UTC), asyncio.sleep)

Tell = Callable[[str], None]
MakePlatforms = Callable[[Home, Settings, Chatbook], Sequence[Platform]]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a run is given: its home, who is told how it goes, and what ends it.

    ``make`` gives the platforms; ``clock``, ``dice`` and ``scorer`` are the real ones by default.
    """

    home: Home
    settings: Settings
    make: MakePlatforms
    tell: Tell
    stopping: asyncio.Event
    model: str | None = None
    clock: Clock = REAL
    dice: Random | None = None
    scorer: Scorer | None = None

    def report(self, line: str) -> None:
        """Tell a line that the log keeps, too; it names no chat and nobody."""
        self.tell(line)
        _log.info("%s", line)


@dataclass(frozen=True, slots=True)
class Running:
    """The assembled bot."""

    frame: Frame
    hub: Hub
    steering: Steering
    desk: Desk
    schedule: Schedule
    obeying: Obeying
    consent: Consent
    metrics: Metrics
    waiting: set[str]
    """Platforms that are not in yet."""
    resumed: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, began: float) -> None:
        """Run the platforms and all beside them until the end."""
        supervisor = Supervisor.of(os.environ)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.hub.close)
            stack.push_async_callback(self.obeying.close)
            stack.push_async_callback(self.consent.close)
            await self._watched(stack)
            self.schedule.start()
            stack.push_async_callback(self.schedule.stop)
            serving = [asyncio.ensure_future(self._platform(one, began)) for one in self._platforms]
            stack.push_async_callback(_ended, serving)
            stack.push_async_callback(self.desk.jobs.stop)
            beating = asyncio.ensure_future(supervisor.beat())
            stack.push_async_callback(_ended, [beating])
            stack.callback(supervisor.stopping)
            supervisor.ready()
            telling = asyncio.ensure_future(self._tell_counts())
            stack.push_async_callback(_ended, [telling])
            await self._until_stopped(serving)
            self.frame.report("stopping, once what is being said is said")
            await self.hub.hush()

    @property
    def _platforms(self) -> Sequence[Platform]:
        return tuple(self.steering.platforms.values())

    async def _watched(self, stack: AsyncExitStack) -> None:
        """Metrics and health, where a port is set."""
        status, port = self.steering.status, self.frame.settings.serve.port
        self._gauges(status)
        if port:
            health = await Health(port, status, self.metrics).start()
            stack.push_async_callback(health.stop)
            self.frame.report(f"health: http://127.0.0.1:{health.port}/health and /metrics")

    def _gauges(self, status: Callable[[], Mapping[str, object]]) -> None:
        def waiting() -> float:
            return float(self.steering.thinking.worker.stats.queued)

        recorder = self.steering.recorder
        self.metrics.gauge("replies_waiting", "Replies waiting for the model.", waiting)
        self.metrics.gauge(
            "messages_to_write", "Messages not in the archive yet.", lambda: recorder.waiting
        )

    async def _platform(self, platform: Platform, began: float) -> None:
        """One platform until it is cancelled, or refuses."""
        offered = False

        def ready(line: str) -> None:
            nonlocal offered
            self.frame.report(line)
            if platform.account is not None:
                self.steering.states[platform.name] = (
                    True,
                    line.removeprefix(f"{platform.name}: "),
                )
                self.hub.signed_in(platform)
                if not offered:
                    offered = True
                    self.hub.spawn(platform.offer(self.obeying.words))
                    self._resume()
                    self._signed_in(platform, began)

        try:
            await platform.run(self.hub.post, ready)
            await self.hub.idle()  # the end of what was typed
        except PlatformRefused as error:
            self.steering.states[platform.name] = (False, str(error))
            if not offered:
                raise
            _log.error("%s", error)
            self.steering.warn(platform.name, str(error))
            await asyncio.Event().wait()  # the others go on

    async def _tell_counts(self) -> None:
        """Once an hour, and at the end, what happened: so that the log alone tells how it goes."""
        try:
            while True:
                await asyncio.sleep(_COUNTED)
                self._log_counts()
        finally:
            self._log_counts()

    def _log_counts(self) -> None:
        if told := self.metrics.tally():
            _log.info("since the last count: %s", told)

    def _signed_in(self, platform: Platform, began: float) -> None:
        """Once every platform is in, the bot is ready."""
        self.waiting.discard(platform.name)
        if not self.waiting:
            self.frame.report(f"ready after {time.monotonic() - began:.1f} s")

    def _resume(self) -> None:
        """Take over jobs of the last run, once somebody can be told of them."""
        if not self.resumed.is_set():
            self.resumed.set()
            self.hub.spawn(self.desk.resume())

    async def _until_stopped(self, serving: Sequence[asyncio.Future[None]]) -> None:
        stop: asyncio.Future[Any] = asyncio.ensure_future(self.frame.stopping.wait())
        try:
            await asyncio.wait([stop, *serving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
        for task in serving:
            if task.done():
                task.result()  # a platform that ended did so with an error


async def _ended(tasks: Sequence[asyncio.Future[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
