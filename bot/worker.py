"""The one thread that speaks: questions in, answers out, and a new model without a gap.

Whatever a responder uses (model, archive, memory) is opened, used and closed on one thread, since
SQLite and llama.cpp want that. A reload opens the new one on a thread of its own while the old one
goes on answering; between two jobs they change places.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, TypeAlias

from bot.errors import PromptTooLong, SpeakingFailed
from bot.generation import Ending, Timings
from bot.questions import Job, Question, Queue
from bot.responder import Answer, Responder
from bot.speaker import Speaker
from config.errors import AtselfError

WAITING = 64
"""Questions that may wait; a model that writes a reply in 2 s is 2 minutes behind then."""

Open: TypeAlias = Callable[[], AbstractContextManager[Responder]]
"""Opens a responder, and whatever it uses, on the thread that calls it."""

_log = logging.getLogger("atself.worker")


class _TooLate(SpeakingFailed):
    """Nobody wants the answer any more; the model has done nothing wrong."""


@dataclass(frozen=True, slots=True)
class Stats:
    """How the speaking goes; counts since the start, seconds and rates of the last answer.

    ``current`` is the chat being answered and ``since`` when that began; ``fallen`` questions were
    one too many, ``first_token_seconds`` is from taking a question up to its first words.
    """

    model: str = ""
    queued: int = 0
    current: str | None = None
    since: datetime | None = None
    answered: int = 0
    failed: int = 0
    dropped: int = 0
    fallen: int = 0
    waited_seconds: float = 0.0
    first_token_seconds: float | None = None
    tokens_per_second: float = 0.0
    prompt_tokens: int = 0
    reused_tokens: int = 0


class Worker:
    """Answers questions one at a time, the most urgent first. Open it, and close it.

    Everything but :meth:`close` is for one event loop. ``clock`` is what deadlines go by.
    """

    def __init__(
        self,
        open_responder: Open,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        most_waiting: int = WAITING,
    ) -> None:
        self._clock = clock
        self._queue = Queue(most_waiting)
        self._stats, self._counting = Stats(), threading.Lock()
        self._is_closing = False
        self._exchanging = threading.Lock()
        self._speaker = Speaker(open_responder, self._queue, self._serve, self._fail)

    @property
    def stats(self) -> Stats:
        """How it goes now."""
        return replace(self._stats, model=self._speaker.name, queued=len(self._queue))

    async def open(self) -> str:
        """Load the model and let it speak; what speaks now. Raises AtselfError."""
        return await asyncio.to_thread(self._open)

    async def answer(self, question: Question) -> Answer:
        """Answer one question; cancelling this ends its generation, or its waiting.

        Where ``question.cancelled`` came true the answer is empty and its ending CANCELLED. Raises
        SpeakingFailed where the model failed, the deadline passed, or too many were waiting.
        """
        job = Job(question, self._clock())
        self._put(job)
        try:
            return await asyncio.wrap_future(job.answer)
        except asyncio.CancelledError:
            job.is_dropped = True
            raise

    async def exchange(self, open_responder: Open) -> str:
        """Let another responder take over between two jobs, once it has spoken; what it is.

        Raises AtselfError where it cannot: the old one serves on. Goes on to its end where the
        caller is cancelled.
        """
        return await asyncio.to_thread(self._exchange, open_responder)

    def close(self) -> None:
        """Stop: the reply being written is given up, those waiting fail, the model is freed."""
        self._is_closing = True
        for job in self._queue.close():
            self._fail(job, SpeakingFailed("the bot was stopped"))
        with self._exchanging:
            self._speaker.leave()
            self._speaker.join()

    def _open(self) -> str:
        said = self._speaker.prove()
        self._speaker.take_over()
        return said

    def _exchange(self, open_responder: Open) -> str:
        with self._exchanging:
            if self._is_closing:
                raise SpeakingFailed("the bot is being stopped; nothing was reloaded")
            new = Speaker(open_responder, self._queue, self._serve, self._fail)
            said = new.prove()
            old, self._speaker = self._speaker, new
            old.leave()
            new.take_over()
            old.join()
            return said

    def _put(self, job: Job) -> None:
        fallen = self._queue.put(job)
        if fallen is not None:
            self._count(fallen=1)
            self._fail(fallen, SpeakingFailed("too many questions wait"))

    def _serve(self, responder: Responder, job: Job) -> None:
        """Answer a job, on the speaker's thread. What a broken model raises is raised."""
        if not job.begin():
            self._count(dropped=1)
            return
        now = self._clock()
        self._show(current=job.question.chat, since=now)
        try:
            self._answer(responder, job, (now - job.asked_at).total_seconds())
        except (_TooLate, PromptTooLong) as error:
            self._fail(job, error)
        finally:
            self._show(current=None, since=None)

    def _answer(self, responder: Responder, job: Job, waited: float) -> None:
        if self._is_late(job):
            raise _TooLate("its turn came after the deadline")
        question, heard, started = job.question, list[float](), perf_counter()
        answer = responder.answer(
            question.history,
            now=question.now,
            seed=question.seed,
            chat=question.chat,
            topic=question.topic,
            cancelled=lambda: self._is_unwanted(job),
            watch=lambda _text: None if heard else heard.append(perf_counter() - started),
        )
        if answer.timings.ending is Ending.CANCELLED:
            self._require_time(job)
        self._note(answer.timings, waited, heard[0] if heard else None)
        job.answer.set_result(answer)

    def _require_time(self, job: Job) -> None:
        if self._is_closing:
            raise _TooLate("the bot was stopped")
        if self._is_late(job):
            raise _TooLate("not written by the deadline; bot.patience_seconds sets it")

    def _is_unwanted(self, job: Job) -> bool:
        is_over = job.is_dropped or self._is_closing or self._is_late(job)
        return is_over or job.question.cancelled()

    def _is_late(self, job: Job) -> bool:
        deadline = job.question.deadline
        return deadline is not None and self._clock() >= deadline

    def _note(self, timings: Timings, waited: float, first: float | None) -> None:
        is_dropped = timings.ending is Ending.CANCELLED
        self._count(answered=int(not is_dropped), dropped=int(is_dropped))
        self._show(
            waited_seconds=waited,
            first_token_seconds=first,
            tokens_per_second=timings.decode_rate,
            prompt_tokens=timings.prompt_tokens,
            reused_tokens=timings.reused,
        )

    def _fail(self, job: Job, error: AtselfError) -> None:
        _log.debug("%s: no answer: %s", job.question.chat, error)  # whoever asked tells it
        self._count(failed=1)
        if job.begin():
            failed = error if isinstance(error, SpeakingFailed) else SpeakingFailed(str(error))
            job.answer.set_exception(failed)

    def _count(self, **more: int) -> None:
        with self._counting:
            sums = {name: getattr(self._stats, name) + each for name, each in more.items()}
            self._stats = replace(self._stats, **sums)

    def _show(self, **values: Any) -> None:
        with self._counting:
            self._stats = replace(self._stats, **values)
