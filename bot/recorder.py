"""The one thread that writes: what is heard goes to the archive and the journal, many at a time.

The event loop never waits for a disk. What was posted together is written in one transaction each,
the archive first: a message noted in the journal is in the archive, and one that a crash left out
of the journal is told again by its platform and found there already.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from bot.journal import Journal, Noted
from bot.platforms.base import Heard
from bot.posted import Call, Hearing, Recorded, fail, grouped, settle, stopped
from bot.showing import Showing
from ingest.archive import Archive
from ingest.chat import Account, Conversation, Message, RawMessage
from ingest.errors import ArchiveError

__all__ = ["Recorded", "Recorder"]

T = TypeVar("T")
_log = logging.getLogger("atself.recorder")
_TRANSIENT = (ArchiveError, sqlite3.Error, OSError, MemoryError)
"""Not the message's fault: it is told again."""
_AT_ONCE = 256
"""Messages written in one transaction at most."""


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
        self._jobs: queue.SimpleQueue[Hearing | Call | None] = queue.SimpleQueue()
        self._putting, self._is_over = threading.Lock(), False
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
        self._put(Hearing(heard, is_logged, done))
        return done

    def do(self, function: Callable[[Archive, Journal], T]) -> asyncio.Future[T]:
        """Run something on the writing thread, in its turn as soon as called."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._put(Call(function, done))
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

    async def move(self, old: str, new: Conversation) -> None:
        """A chat goes on under another id."""

        def move(archive: Archive, journal: Journal) -> None:
            archive.move(old, new)
            journal.move(old, new.id)

        await self.do(move)

    def sign_in(self, account: Account) -> asyncio.Future[None]:
        """The bot is this account: what it says is @self's from now on."""

        def know(archive: Archive, _journal: Journal) -> None:
            self._showing.know(archive.know(replace(account, is_bot=True)))

        return self.do(know)

    async def shown(self, ids: Sequence[str]) -> list[Message]:
        """These messages as the model is to be shown them now, as far as they are kept."""
        return await self.do(
            lambda archive, _: [self._showing.shown(one) for one in archive.get(ids)]
        )

    async def again(self, noted: Sequence[Noted]) -> list[tuple[Noted, Message | None]]:
        """Messages heard before, as the model is shown them; None where they are not kept."""

        def read(archive: Archive, _journal: Journal) -> list[tuple[Noted, Message | None]]:
            found = {
                one.id: self._showing.shown(one) for one in archive.get(one.id for one in noted)
            }
            return [(one, found.get(one.id)) for one in noted]

        return await self.do(read)

    async def history(self, chat: str, topic: str | None, limit: int) -> list[Message]:
        """The latest messages of a chat's topic, oldest first, as the model is shown them."""

        def read(archive: Archive, journal: Journal) -> list[Message]:
            latest = archive.history(chat, before=datetime.max.replace(tzinfo=UTC), limit=limit * 2)
            topics = journal.topics(message.id for message in latest)
            mine = [message for message in latest if topics.get(message.id) == topic]
            return [self._showing.shown(message) for message in mine[-limit:]]

        return await self.do(read)

    def _put(self, job: Hearing | Call) -> None:
        """Queue a job; nobody waits for ever for a thread that has ended."""
        with self._putting:
            if not self._is_over:
                self._jobs.put(job)
                return
        fail(job.done, stopped())

    def _run(self) -> None:
        archive, state = self._paths
        try:
            with (
                Archive.open(archive, pseudonyms=self._pseudonyms) as opened,
                Journal(state) as journal,
            ):
                self._showing = Showing(opened.me(), opened.people())
                self._opened.put(None)
                self._serve(opened, journal)
        except BaseException as error:
            self._opened.put(error)
        finally:
            self._end()

    def _end(self) -> None:
        """Tell whoever came too late; nothing is taken any more."""
        with self._putting:
            self._is_over = True
        with suppress(queue.Empty):
            while True:
                if job := self._jobs.get_nowait():
                    fail(job.done, stopped())

    def _serve(self, archive: Archive, journal: Journal) -> None:
        is_over = False
        while not is_over:
            jobs = self._taken()
            is_over = None in jobs
            for some in grouped([job for job in jobs if job is not None]):
                self._work(archive, journal, some)

    def _taken(self) -> list[Hearing | Call | None]:
        jobs = [self._jobs.get()]
        with suppress(queue.Empty):
            while len(jobs) < _AT_ONCE and jobs[-1] is not None:
                jobs.append(self._jobs.get_nowait())
        return jobs

    def _work(self, archive: Archive, journal: Journal, jobs: Sequence[Hearing | Call]) -> None:
        try:
            archive.follow()
            if isinstance(jobs[0], Call):
                settle([(jobs[0].done, jobs[0].function(archive, journal))])
                return
            hearings = [job for job in jobs if isinstance(job, Hearing)]
            recorded = self._record(archive, journal, hearings)
            settle(list(zip((job.done for job in hearings), recorded, strict=True)))
        except _TRANSIENT as error:
            for job in jobs:
                fail(job.done, error)
        except Exception as error:  # whoever asked is told; the thread goes on
            self._one_at_fault(archive, journal, jobs, error)

    def _one_at_fault(
        self, archive: Archive, journal: Journal, jobs: Sequence[Hearing | Call], error: Exception
    ) -> None:
        """A message that can never be kept is left out: its platform would tell it for ever."""
        if len(jobs) > 1:
            for job in jobs:
                self._work(archive, journal, [job])
        elif isinstance(job := jobs[0], Hearing):
            kind = type(error).__name__
            _log.error("%s: cannot be kept (%s); it is left out", job.heard.message.id, kind)
            settle([(job.done, Recorded(None, is_new=False))])
        else:
            fail(job.done, error)

    def _record(
        self, archive: Archive, journal: Journal, hearings: Sequence[Hearing]
    ) -> list[Recorded]:
        logged = [job.heard.message for job in hearings if job.is_logged]
        kept: dict[str, Message] = {}
        if logged:
            archive.add(logged)
            kept = {message.id: message for message in archive.get(raw.id for raw in logged)}
        said = [job for job in hearings if not job.heard.is_edit]  # an edit may come before it
        new = iter(journal.note([_noted(job.heard) for job in said]))
        for message in kept.values():
            self._told(message)
        found = ((self._found(job, kept), job.heard.is_edit) for job in hearings)
        return [Recorded(message, not is_edit and next(new)) for message, is_edit in found]

    def _found(self, job: Hearing, kept: dict[str, Message]) -> Message | None:
        raw = job.heard.message
        if not job.is_logged:
            return self._showing.unkept(raw)
        return self._showing.shown(kept[raw.id]) if raw.id in kept else None

    def _said(self, archive: Archive, raw: RawMessage, is_logged: bool) -> Message:
        if is_logged:
            archive.add([raw])
            if found := archive.get([raw.id]):
                return self._showing.shown(found[0])
        return self._showing.own(raw)


def _noted(heard: Heard) -> Noted:
    raw = heard.message
    return Noted(raw.id, raw.chat.id, heard.topic, raw.author, raw.sent_at, heard.address)
