"""The one thread that writes: what is heard goes to the archive and the journal, many at a time.

The event loop never waits for a disk. What was posted together is written in one transaction each,
the archive first: a message noted in the journal is in the archive, and one that a crash left out
of the journal is told again by its platform and found there already.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from bot.guests import Guests
from bot.journal import Journal, Noted
from bot.platforms.base import Heard
from ingest.archive import Archive
from ingest.chat import Account, Message, Person, RawMessage
from ingest.people.handles import readdress

T = TypeVar("T")
_AT_ONCE = 256
"""Messages written in one transaction at most."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A message as the archive shows it; ``is_new`` where it was not heard before.

    ``message`` is None where its author asked to be forgotten.
    """

    message: Message | None
    is_new: bool


@dataclass(slots=True)
class _Hearing:
    heard: Heard
    is_logged: bool
    done: asyncio.Future[Recorded]


@dataclass(slots=True)
class _Call:
    function: Callable[[Archive, Journal], Any]
    done: asyncio.Future[Any]


@dataclass
class Own:
    """The bot's accounts, by platform and key, and the people they are in the archive."""

    accounts: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, account: Account, person: Person) -> None:
        """The bot signed in with this account."""
        self.accounts[account.platform, account.key] = person.handle

    @property
    def handles(self) -> set[str]:
        """What the archive calls the bot."""
        return set(self.accounts.values())


class Recorder:
    """Owns the archive's and the journal's writing connections; a context manager.

    ``told`` hears, on the writing thread, of every message added or changed (for the live index).
    """

    def __init__(
        self,
        archive: Path,
        state: Path,
        *,
        pseudonyms: bool = False,
        told: Callable[[Message], None] = lambda _message: None,
        gone: Callable[[Iterable[str]], None] = lambda _ids: None,
    ) -> None:
        self._paths, self._pseudonyms = (archive, state), pseudonyms
        self._told, self._gone = told, gone
        self._jobs: queue.SimpleQueue[_Hearing | _Call | None] = queue.SimpleQueue()
        self._own = Own()
        self._opened: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="atself-recorder", daemon=True)

    def __enter__(self) -> Recorder:
        self._thread.start()
        error = self._opened.get()
        if error is not None:
            raise error
        return self

    def __exit__(self, *_error: object) -> None:
        self._jobs.put(None)
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether the thread writes."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """What is posted and not written yet."""
        return self._jobs.qsize()

    def hear(self, heard: Heard, *, is_logged: bool) -> asyncio.Future[Recorded]:
        """Write a message; done once it would survive a crash. In its turn as soon as called."""
        done: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Hearing(heard, is_logged, done))
        return done

    def do(self, function: Callable[[Archive, Journal], T]) -> asyncio.Future[T]:
        """Run something on the writing thread, in its turn as soon as called."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Call(function, done))
        return done

    async def say(self, message: RawMessage, *, is_logged: bool) -> Message:
        """Write a message of the bot's own; returns it as the archive shows it."""
        return await self.do(lambda archive, _journal: self._said(archive, message, is_logged))

    async def remove(self, ids: Sequence[str]) -> None:
        """Messages were deleted where they were said."""

        def remove(archive: Archive, journal: Journal) -> None:
            journal.remove(ids)
            if archive.remove(ids):
                self._gone(ids)

        await self.do(remove)

    def sign_in(self, account: Account) -> asyncio.Future[None]:
        """The bot is this account: what it says is @self's from now on."""

        def know(archive: Archive, _journal: Journal) -> None:
            self._own.add(account, archive.know(replace(account, is_bot=True)))

        return self.do(know)

    async def shown(self, ids: Sequence[str]) -> list[Message]:
        """These messages as the model is to be shown them now, as far as they are kept."""
        return await self.do(lambda archive, _: [self._shown(one) for one in archive.get(ids)])

    async def again(self, noted: Sequence[Noted]) -> list[tuple[Noted, Message | None]]:
        """Messages heard before, as the model is shown them; None where they are not kept."""

        def read(archive: Archive, _journal: Journal) -> list[tuple[Noted, Message | None]]:
            found = {one.id: self._shown(one) for one in archive.get(one.id for one in noted)}
            return [(one, found.get(one.id)) for one in noted]

        return await self.do(read)

    async def history(self, chat: str, topic: str | None, limit: int) -> list[Message]:
        """The latest messages of a chat's topic, oldest first, as the model is shown them."""

        def read(archive: Archive, journal: Journal) -> list[Message]:
            topics = journal.topics(chat)
            latest = archive.history(chat, before=datetime.max.replace(tzinfo=UTC), limit=limit * 2)
            mine = [message for message in latest if topics.get(message.id) == topic]
            return [self._shown(message) for message in mine[-limit:]]

        return await self.do(read)

    def _run(self) -> None:
        archive, state = self._paths
        try:
            with (
                Archive.open(archive, pseudonyms=self._pseudonyms) as opened,
                Journal(state) as journal,
            ):
                self._me, self._guests = opened.me(), Guests(opened.people())
                self._opened.put(None)
                self._serve(opened, journal)
        except BaseException as error:
            self._opened.put(error)

    def _serve(self, archive: Archive, journal: Journal) -> None:
        is_over = False
        while not is_over:
            jobs = self._taken()
            is_over = None in jobs
            archive.follow()
            for some in _grouped([job for job in jobs if job is not None]):
                self._work(archive, journal, some)

    def _taken(self) -> list[_Hearing | _Call | None]:
        jobs = [self._jobs.get()]
        with suppress(queue.Empty):
            while len(jobs) < _AT_ONCE and jobs[-1] is not None:
                jobs.append(self._jobs.get_nowait())
        return jobs

    def _work(self, archive: Archive, journal: Journal, jobs: Sequence[_Hearing | _Call]) -> None:
        try:
            if isinstance(jobs[0], _Call):
                _settle([(jobs[0].done, jobs[0].function(archive, journal))])
                return
            hearings = [job for job in jobs if isinstance(job, _Hearing)]
            recorded = self._record(archive, journal, hearings)
            _settle(list(zip((job.done for job in hearings), recorded, strict=True)))
        except Exception as error:  # whoever asked is told; the thread goes on
            for job in jobs:
                _fail(job.done, error)

    def _record(
        self, archive: Archive, journal: Journal, hearings: Sequence[_Hearing]
    ) -> list[Recorded]:
        logged = [job.heard.message for job in hearings if job.is_logged]
        kept: dict[str, Message] = {}
        if logged:
            archive.add(logged)
            kept = {message.id: message for message in archive.get(raw.id for raw in logged)}
        news = journal.note([_noted(job.heard) for job in hearings])
        for message in kept.values():
            self._told(message)
        return [
            Recorded(self._found(job, kept), is_new)
            for job, is_new in zip(hearings, news, strict=True)
        ]

    def _found(self, job: _Hearing, kept: dict[str, Message]) -> Message | None:
        raw = job.heard.message
        found = kept.get(raw.id) if job.is_logged else self._guests.message(raw)
        return found and self._shown(found)

    def _said(self, archive: Archive, raw: RawMessage, is_logged: bool) -> Message:
        if is_logged:
            archive.add([raw])
            if found := archive.get([raw.id]):
                return self._shown(found[0])
        return replace(self._guests.message(raw), person=self._me)

    def _shown(self, message: Message) -> Message:
        """As the model sees it: what the bot says and what is said to it are @self's."""
        own = self._own.handles
        if message.person.handle in own:
            return replace(message, person=self._me)
        if not own.intersection(message.mentions):
            return message
        me = self._me.handle
        mentions = tuple(dict.fromkeys(me if one in own else one for one in message.mentions))
        text = readdress(message.text, dict.fromkeys(own, me))
        return replace(message, text=text, mentions=mentions)


def _noted(heard: Heard) -> Noted:
    raw = heard.message
    return Noted(raw.id, raw.chat.id, heard.topic, raw.author, raw.sent_at, heard.address)


def _grouped(jobs: Sequence[_Hearing | _Call]) -> list[list[_Hearing | _Call]]:
    """Hearings that stand together, written together; each call alone, in its turn."""
    groups: list[list[_Hearing | _Call]] = []
    for job in jobs:
        is_next = groups and isinstance(groups[-1][-1], _Hearing) and isinstance(job, _Hearing)
        if is_next:
            groups[-1].append(job)
        else:
            groups.append([job])
    return groups


def _settle(results: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    """Hand results to the loop of those who wait, in one step."""

    def hand() -> None:
        for done, result in results:
            if not done.done():
                done.set_result(result)

    _on_loop(results[0][0], hand)


def _fail(done: asyncio.Future[Any], error: Exception) -> None:
    _on_loop(done, lambda: None if done.done() else done.set_exception(error))


def _on_loop(done: asyncio.Future[Any], step: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        done.get_loop().call_soon_threadsafe(step)
