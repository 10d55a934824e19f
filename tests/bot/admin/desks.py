"""A desk over a real home, with papers to write on and a bot that only remembers."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.admin import processes
from bot.admin.controls import Told
from bot.admin.desk import Desk
from bot.admin.jobs import Jobs
from bot.admin.office import Office
from bot.chatbook import Chatbook
from bot.errors import CommandRefused, ModelUnusable
from bot.platforms.base import Button, Commanded
from bot.runs import Runs
from config.settings import Bot, Home, load
from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEA = Conversation("telegram:1234567890", "Tea Club", "telegram")
GARDEN = Conversation("telegram:99887766", "Secret Garden", "telegram")
DESK = Conversation("telegram:555", "Ann", "telegram", is_private=True)
ADMIN = Account("telegram", "user123456", "Ann")
OTHER_ADMIN = Account("telegram", "user777", "Ben")
LINES = [("kevin", "my cat is called Doudou"), ("nice_guy", "cute"), ("kevin", "she is")]


@dataclass
class Paper:
    """A notice that keeps what was written on it."""

    said: list[str] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)

    async def say(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Replace what is shown."""
        self.said.append(text)
        self.buttons = list(buttons)


@dataclass
class RunningBot:
    """The bot as commands see it: remembers what it was told, and cannot load ``broken``."""

    broken: str = ""
    parts: dict[str, object] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    notified: list[tuple[str, tuple[Button, ...]]] = field(default_factory=list)
    let_gone: list[str] = field(default_factory=list)
    is_stopped: bool = False

    def status(self) -> Mapping[str, object]:
        """As set."""
        return self.parts

    def decisions(self, chat: str) -> Sequence[Told]:
        """Of the chat alone."""
        return [told for told in self.told if told.message.startswith(f"{chat}:")]

    async def reload(self, version: str | None) -> str:
        """Raises for what is broken."""
        name = version or "v1"
        if name == self.broken:
            raise ModelUnusable(f"{name}: it says nothing in its self-test")
        self.loaded.append(name)
        return name

    async def changed(self, what: str) -> None:
        """Remember."""
        self.changes.append(what)

    async def let_go(self, account: Account) -> None:
        """Remember."""
        self.let_gone.append(account.key)

    async def notify(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Remember."""
        self.notified.append((text, tuple(buttons)))

    def stop(self) -> None:
        """Remember."""
        self.is_stopped = True


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def wind(self, **by: float) -> None:
        """Move it on, by the arguments of a timedelta."""
        self.now += timedelta(**by)


@dataclass
class Counter:
    """Everything a test of the commands needs."""

    home: Home
    bot: RunningBot
    clock: Clock
    runs: Runs
    jobs: Jobs
    desk: Desk
    book: Chatbook
    office: Office
    number: int = 0

    async def give(
        self,
        name: str,
        words: str = "",
        *,
        chat: Conversation = TEA,
        account: Account = ADMIN,
        reply_to: str | None = None,
        paper: Paper | None = None,
    ) -> Paper:
        """Give a command as an admin does; returns the answer."""
        self.number += 1
        answer = paper or Paper()
        handlers = {word.name: handler for word, handler in self.office.offers().items()}
        command = Commanded(str(self.number), chat, account, name, words, answer)
        await handlers[name](replace(command, reply_to=reply_to))
        return answer

    async def press(
        self, paper: Paper, label: str, *, chat: Conversation = TEA, account: Account = ADMIN
    ) -> Paper:
        """Press a button; the answer replaces the notice it is under."""
        [button] = [button for button in paper.buttons if button.label == label]
        return await self.give(button.name, button.words, chat=chat, account=account, paper=paper)

    async def finish(self) -> None:
        """Wait for the jobs, and for what follows from them."""
        while self.desk.attended:
            for task in tuple(self.desk.attended):
                await task


def parse(words: str) -> Mapping[str, object]:
    """``key=value …``; ``default`` takes a key back."""
    pairs = [word.partition("=") for word in words.split()]
    if not all(equals for _, equals, _ in pairs):
        raise CommandRefused(f"/talk {words}: say setting=value")
    return {key: None if value == "default" else value for key, _, value in pairs}


def scripted(arguments: Sequence[str], home: Path) -> list[str]:
    """Python instead of ``atself`` where the arguments begin with ``-c``."""
    if arguments[0] == "-c":
        return [sys.executable, *arguments]
    return processes.command(arguments, home)


@contextmanager
def counter(folder: Path, **settings: object) -> Iterator[Counter]:
    """A counter over the home in ``folder``."""
    home, bot, clock = Home(folder), RunningBot(), Clock()
    found = load(folder, **settings)
    runs = Runs(home.state, clock)
    jobs = Jobs(home, runs, clock=clock, command=scripted, shown_every=timedelta(milliseconds=20))
    desk = Desk(home, found, bot, jobs, runs, clock)
    with Chatbook(home.state, Bot(allowed_chats=(TEA.id,))) as book:
        office = Office(desk, book, parse=parse, upcoming=dict, zone=UTC)
        yield Counter(home, bot, clock, runs, jobs, desk, book, office)
    runs.close()


def fill(home: Home, lines: Sequence[tuple[str, str]] = tuple(LINES)) -> None:
    """A small archive in which @self is kevin."""
    with Archive.open(home.archive, create=True) as archive:
        archive.add(
            RawMessage(
                f"{TEA.id}:{n}", TEA, Account("telegram", f"user{who}", who),
                NOW + timedelta(minutes=n), text,
            )
            for n, (who, text) in enumerate(lines)
        )  # fmt: skip
        archive.set_self("kevin")
