"""`atself run`: everything the bot is made of, put together, started and stopped in order.

model, memory ─── worker ───┐
archive, state ── recorder ─┼── hub ── platforms
book, consent, commands ────┘    └──── schedule, metrics, health
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from random import Random, SystemRandom
from typing import Any
from zoneinfo import ZoneInfo

from bot.admin.desk import Desk
from bot.admin.jobs import Jobs
from bot.admin.office import Office
from bot.chatbook import Chatbook, Entry
from bot.consent import Consent, Hooks
from bot.errors import AlreadyRunning, PlatformRefused
from bot.forgetting import Forgetting
from bot.gate import HandScorer, Rules, Scorer
from bot.gating.calling import callnames
from bot.health import Health
from bot.hub import Clock, Hub, Parts
from bot.logs import Redactor
from bot.manner import load_manner
from bot.metrics import Metrics
from bot.obeying import Obeying
from bot.platforms.base import Platform
from bot.recorder import Recorder
from bot.runs import Runs
from bot.schedule.schedule import Schedule
from bot.steering import Steering
from bot.systemd import Supervisor
from bot.thinking import Thinking, open_thinking
from config.locks import claimed
from config.settings import Home, Settings

_log = logging.getLogger("atself.run")
_SHOWN = 12
"""Chats named at the start."""
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


async def run_bots(frame: Frame) -> None:
    """Serve until ``frame.stopping`` is set, or a platform will not let the bot in.

    Raises AtselfError where something is missing, PlatformRefused where a platform refuses.
    """
    began, home = time.monotonic(), frame.home
    async with AsyncExitStack() as stack:
        if not stack.enter_context(claimed(home.path)):
            raise AlreadyRunning(f"{home.path}: another `atself run` serves it; stop that first")
        thinking = await stack.enter_async_context(open_thinking(home, frame.settings, frame.model))
        frame.report(f"model: {thinking.worker.stats.model}")
        book = stack.enter_context(Chatbook(home.state, frame.settings.bot))
        running = await _assembled(frame, thinking, book, stack)
        for line in _where(frame.settings, book):
            frame.tell(line)
        await running.serve(began)


async def _assembled(
    frame: Frame, thinking: Thinking, book: Chatbook, stack: AsyncExitStack
) -> _Running:
    home, settings, now = frame.home, frame.settings, frame.clock.now
    recorder = stack.enter_context(_recorder(frame, thinking))
    platforms = {one.name: one for one in frame.make(home, settings, book)}
    steering = Steering(platforms, thinking, recorder, settings.bot.admins, now, frame.stopping)
    runs = Runs(home.state, now)
    stack.callback(runs.close)
    jobs = Jobs(home, runs, clock=now, clean=_clean(home, settings))
    desk = Desk(home, settings, steering, jobs, runs, now)
    schedule = Schedule(desk)
    obeying, consent = await _commands(frame, desk, schedule, book, recorder, steering)
    metrics = Metrics()
    hub = Hub(
        settings,
        Parts(
            platforms=platforms,
            recorder=recorder,
            book=book,
            consent=consent,
            obeying=obeying,
            metrics=metrics,
            manner=await recorder.do(lambda archive, _: load_manner(home, archive)),
            names=await recorder.do(lambda archive, _: callnames(archive.me())),
            scorer=frame.scorer or HandScorer(),
            answer=thinking.worker.answer,
            warn=steering.warn,
            clock=frame.clock,
            dice=frame.dice or SystemRandom(),
        ),
    )
    steering.hub = hub
    await hub.start()
    return _Running(frame, hub, steering, desk, schedule, obeying, consent, metrics, {*platforms})


def _clean(home: Home, settings: Settings) -> Callable[[str], str]:
    """Text for a chat: without secrets, and without where the home folder lies."""
    redacted = Redactor(settings)
    places = {f"{home.path.resolve()}/", f"{home.path}/"}

    def clean(text: str) -> str:
        for place in sorted(places, key=len, reverse=True):
            text = text.replace(place, "")
        return redacted(text)

    return clean


def _recorder(frame: Frame, thinking: Thinking) -> Recorder:
    home, live = frame.home, thinking.live
    pseudonyms = frame.settings.ingest.pseudonyms
    if live is None:
        return Recorder(home.archive, home.state, pseudonyms=pseudonyms)
    return Recorder(
        home.archive, home.state, pseudonyms=pseudonyms, told=live.heard, gone=live.removed
    )


async def _commands(
    frame: Frame,
    desk: Desk,
    schedule: Schedule,
    book: Chatbook,
    recorder: Recorder,
    steering: Steering,
) -> tuple[Obeying, Consent]:
    """All commands, those of admins and those of anybody."""
    settings, now = frame.settings, frame.clock.now
    zone = ZoneInfo(settings.talk.time_zone)
    parse = partial(Rules.changed)
    office = Office(desk, book, parse=parse, upcoming=schedule.upcoming, zone=zone)
    hooks = Hooks(
        is_logged=lambda chat, places: book.rules(chat, places).is_kept,
        left=steering.let_go,
        failed=steering.notify,
    )
    forgetting = Forgetting(frame.home, clock=now)
    consent = Consent(
        lambda function: recorder.do(lambda archive, _: function(archive)),
        forgetting,
        clock=now,
        hooks=hooks,
    )
    await consent.open()
    offers = {**office.offers(), **consent.offers()}
    return Obeying(offers, settings.bot.admins, book, recorder, now), consent


def _where(settings: Settings, book: Chatbook) -> Iterator[str]:
    """Where it may speak and who commands it, a line each."""
    entries = book.entries()
    allowed = [entry for entry in entries if book.rules(entry.chat).is_allowed]
    others = [entry for entry in entries if entry.is_here and entry not in allowed]
    yield f"chats: {_listed(allowed) or 'none allowed yet, so it stays silent'}"
    if others:
        yield f"not allowed, so left alone: {_listed(others)}"
    yield f"admins: {', '.join(settings.bot.admins) or 'none, so nobody commands it'}"


def _listed(entries: Sequence[Entry]) -> str:
    """Chats by id and title, as many as fit a line."""
    chats = [f"{entry.chat} {entry.title!r}" if entry.title else entry.chat for entry in entries]
    more = f" and {len(chats) - _SHOWN} more" if len(chats) > _SHOWN else ""
    return f"{', '.join(chats[:_SHOWN])}{more}"


@dataclass(frozen=True, slots=True)
class _Running:
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
