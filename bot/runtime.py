"""`atself run`: everything the bot is made of, put together, started and stopped in order.

model, memory ─── worker ───┐
archive, state ── recorder ─┼── hub ── platforms
book, consent, commands ────┘    └──── schedule, metrics, health
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from random import SystemRandom
from zoneinfo import ZoneInfo

from bot.admin.desk import Desk
from bot.admin.jobs import Jobs
from bot.admin.office import Office
from bot.chatbook import Chatbook, Entry
from bot.consent import Consent, Hooks
from bot.errors import AlreadyRunning
from bot.forgetting import Forgetting
from bot.gate import Rules
from bot.gating.learned import Standing
from bot.gating.learning import names_of
from bot.guarding.guardian import Guardian
from bot.guarding.ledger import Ledger
from bot.hub import Hub, Parts
from bot.logs import Redactor
from bot.manner import load_manner
from bot.metrics import Metrics
from bot.obeying import Obeying
from bot.recorder import Recorder
from bot.running import REAL, Frame, Running
from bot.runs import Runs
from bot.schedule.schedule import Schedule
from bot.steering import Steering
from bot.thinking import Thinking, open_thinking
from config.locks import claimed
from config.settings import Home, Settings

__all__ = ["REAL", "Frame", "run_bots"]

_SHOWN = 12
"""Chats named at the start."""


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
) -> Running:
    home, settings, now = frame.home, frame.settings, frame.clock.now
    recorder = stack.enter_context(_recorder(frame, thinking))
    platforms = {one.name: one for one in frame.make(home, settings, book)}
    steering = Steering(platforms, thinking, recorder, settings.bot.admins, now, frame.stopping)
    names = await recorder.do(lambda archive, _: names_of(archive.me(), settings))
    standing = Standing(home, names, frame.report)
    steering.gate = standing
    runs = Runs(home.state, now)
    stack.callback(runs.close)
    jobs = Jobs(home, runs, clock=now, clean=_clean(home, settings))
    desk = Desk(home, settings, steering, jobs, runs, now)
    schedule = Schedule(desk)
    obeying, consent = await _commands(frame, desk, schedule, book, recorder, steering)
    metrics = Metrics()
    guardian = await _guardian(frame, thinking, desk, recorder, stack)
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
            names=names,
            scorer=frame.scorer or standing,
            answer=thinking.worker.answer,
            warn=steering.warn,
            clock=frame.clock,
            dice=frame.dice or SystemRandom(),
            guardian=guardian,
        ),
    )
    steering.hub, steering.guardian = hub, guardian
    await hub.start()
    return Running(frame, hub, steering, desk, schedule, obeying, consent, metrics, {*platforms})


async def _guardian(
    frame: Frame, thinking: Thinking, desk: Desk, recorder: Recorder, stack: AsyncExitStack
) -> Guardian:
    """What watches over the version that serves."""
    ledger = Ledger(frame.home.state)
    stack.callback(ledger.close)
    me = await recorder.do(lambda archive, _: archive.me())
    own = {f"{account.platform}:{account.key}" for account in me.accounts}
    return Guardian(
        ledger,
        desk.registry,
        frame.settings.bot.probation_replies,
        own | set(frame.settings.bot.admins),
        frame.clock.now,
        speaks=lambda: thinking.worker.stats.model,
        withdraw=desk.rollback,
        notify=desk.controls.notify,
    )


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
