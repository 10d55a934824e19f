"""A whole bot on a stage: the real hub, gate, recorder and journal; a test writes the replies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from bot.chatbook import Chatbook
from bot.consent import Consent, Hooks
from bot.forgetting import Forgetting
from bot.gate import HandScorer, Scorer, Situation
from bot.generation import Timings
from bot.guarding.guardian import Guardian
from bot.guarding.ledger import Ledger
from bot.hub import Clock, Hub, Parts
from bot.manner import load_manner
from bot.metrics import Metrics
from bot.obeying import Obeying
from bot.questions import Question
from bot.recorder import Recorder
from bot.responder import Answer
from config.settings import Home, Settings, load
from ingest.archive import Archive
from ingest.chat import Account, Reply
from registry.store import Registry
from tests.bot.stage import Calendar, Stage
from tests.ingest.talk import Talk

Write = Callable[[Question], Awaitable[Sequence[str]]]
Test = Callable[["Play"], Coroutine[Any, Any, None]]


async def echo(question: Question) -> Sequence[str]:
    """A reply that tells what it answers."""
    return [f"re: {question.history[-1].text}"]


class Eager:
    """A scorer that finds everything worth saying something to."""

    def score(self, situation: Situation) -> tuple[float, Sequence[str]]:
        """As high as scores go."""
        return 1.0, ["eager"]


@dataclass
class Play:
    """What a test moves and looks at."""

    hub: Hub
    stage: Stage
    calendar: Calendar
    book: Chatbook
    consent: Consent
    recorder: Recorder
    questions: list[Question]
    warnings: list[str]
    metrics: Metrics
    guardian: Guardian
    obeying: Obeying
    spans: set[asyncio.Task[None]] = field(default_factory=set)

    def is_settled(self) -> bool:
        """Whether everything waits for time to pass, and nothing for a thread."""
        busy = sum(room.is_busy for room in self.hub.house.rooms)
        is_at_work = self.hub.is_working or self.obeying.is_working or self.recorder.waiting
        return not is_at_work and busy <= self.calendar.sleepers + self.held

    held: int = 0

    async def say(self, who: str, text: str, **options: object) -> str:
        """Somebody says something; returns its id once it is posted."""
        heard = self.stage.line(who, text, **options)  # type: ignore[arg-type]
        await self.hub.post(heard)
        return heard.message.id

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        until = self.calendar.now() + timedelta(seconds=seconds)
        await self.calendar.to(until, self.is_settled)

    def outcome(self, id: str) -> str:
        """What became of a message, as /why would tell."""
        told = [one for room in self.hub.house.rooms for one in room.told if one.message == id]
        return told[-1].outcome if told else "nothing yet"


def make_home(folder: Path) -> Home:
    """A home with an archive in which @self is known."""
    home = Home(folder)
    talk = Talk()
    with Archive.open(home.archive, create=True) as archive:
        archive.add([talk.say("me", "I like noodles")])
        archive.set_self("me")
    return home


@asynccontextmanager
async def playing(
    home: Home,
    *,
    write: Write = echo,
    scorer: Scorer | None = None,
    stage: Stage | None = None,
    calendar: Calendar | None = None,
    start: bool = True,
    **overrides: object,
) -> AsyncIterator[Play]:
    """The bot on its stage; the hall and the yard are allowed chats."""
    given = {"bot__allowed_chats": ("stage:hall", "stage:yard"), **overrides}
    settings = load(home.path, **given)
    calendar = calendar or Calendar()
    stage = stage or Stage(calendar.now)
    questions: list[Question] = []
    warnings: list[str] = []

    async def answer(question: Question) -> Answer:
        questions.append(question)
        return Answer(Reply(tuple(await write(question))), (), (), "", Timings())

    clock = Clock(calendar.now, calendar.sleep)
    with (
        closing(Ledger(home.state)) as ledger,
        Recorder(home.archive, home.state) as recorder,
        Chatbook(home.state, settings.bot) as book,
    ):
        hooks = Hooks(is_logged=lambda chat, places: book.rules(chat, places).is_kept)
        consent = Consent(
            lambda function: recorder.do(lambda archive, _: function(archive)),
            Forgetting(home, clock=calendar.now),
            clock=calendar.now,
            hooks=hooks,
        )
        await consent.open()
        obeying = Obeying(consent.offers(), settings.bot.admins, book, recorder, calendar.now)
        metrics = Metrics()
        guardian = _guardian(ledger, home, settings, calendar, warnings)
        hub = Hub(
            settings,
            Parts(
                platforms={stage.name: stage},
                recorder=recorder,
                book=book,
                consent=consent,
                obeying=obeying,
                metrics=metrics,
                manner=await recorder.do(lambda archive, _: load_manner(home, archive)),
                names=("me",),
                scorer=scorer or HandScorer(),
                answer=answer,
                warn=lambda kind, text: warnings.append(f"{kind}: {text}"),
                clock=clock,
                dice=Random(7),
                guardian=guardian,
            ),
        )
        play = Play(
            hub,
            stage,
            calendar,
            book,
            consent,
            recorder,
            questions,
            warnings,
            metrics,
            guardian,
            obeying,
        )
        await hub.start()
        if start:
            hub.signed_in(stage)
        try:
            yield play
        finally:
            await hub.close()
            await consent.close()


def _guardian(
    ledger: Ledger, home: Home, settings: Settings, calendar: Calendar, warnings: list[str]
) -> Guardian:
    """Live guards over the home's own registry; a rollback loads nothing."""
    registry = Registry(home.models)

    async def withdraw(reason: str) -> str:
        return registry.rollback(now=calendar.now(), reason=reason).version

    async def notify(text: str) -> None:
        warnings.append(text)

    def speaks() -> str:
        serving = registry.serving()
        return serving.version if serving else "v0"

    weighs = {"stage:me", *settings.bot.admins}
    probation = settings.bot.probation_replies
    return Guardian(ledger, registry, probation, weighs, calendar.now, speaks, withdraw, notify)


def person(who: str) -> Account:
    """The account of somebody on the stage."""
    return Account("stage", who)


def play(test: Test, home: Home, **options: Any) -> None:
    """Let a test play with the bot of a home; ``options`` are those of :func:`playing`."""

    async def whole() -> None:
        async with playing(home, **options) as stage:
            await test(stage)

    asyncio.run(asyncio.wait_for(whole(), 30))


async def never_done(_question: Question) -> Sequence[str]:
    """A reply that is being written until somebody ends it."""
    await asyncio.Event().wait()
    return []


def archived(home: Home, chat: str = "stage:hall") -> list[tuple[str, str]]:
    """What a chat's archive holds: who (by handle) said what."""
    with Archive.open(home.archive) as archive:
        return [(one.person.handle, one.text) for one in archive.messages(chat)]


def kept(home: Home, chat: str = "stage:hall") -> list[str]:
    """The texts alone."""
    return [text for _, text in archived(home, chat)]
