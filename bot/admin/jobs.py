"""Long jobs: at most one at a time per claim, shown while they run, recorded, stopped with the bot.

A job is one or more ``atself`` commands (:mod:`bot.admin.works`) run one after another. What a
crashed bot left running is taken over by the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.admin import processes
from bot.admin.progress import Printed
from bot.admin.works import FORGET, Work, told
from bot.errors import Busy
from bot.platforms.base import Notice
from bot.runs import Run, Runs
from config.settings import Home

SHOWN_EVERY = timedelta(seconds=5)
"""Between two looks at the progress; a notice is rewritten only where it changed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended: ``outcome`` is done, failed or stopped; ``detail`` one line about it.

    ``result`` is the JSON its last command printed.
    """

    outcome: str
    detail: str
    result: Any = None


@dataclass(slots=True)
class Job:
    """A job that runs. ``task`` gives how it ended."""

    run: int
    work: Work
    started_at: datetime
    step: int = 0
    pid: int | None = None
    birth: str = ""
    is_stopped: bool = False
    is_public: bool = False
    task: asyncio.Task[Ended] = field(init=False)


class Jobs:
    """The jobs of one home. For the event loop's thread."""

    def __init__(
        self,
        home: Home,
        runs: Runs,
        *,
        clock: Callable[[], datetime],
        clean: Callable[[str], str] = str,
        command: Callable[[Sequence[str], Path], list[str]] = processes.command,
        shown_every: timedelta = SHOWN_EVERY,
    ) -> None:
        """``clean`` takes secrets out of what commands printed; ``command`` makes a process's words
        of a step's arguments and the home."""
        self._home, self._runs, self._clock, self.clean = home, runs, clock, clean
        self._command = command
        self._pause = shown_every.total_seconds()
        self._jobs: dict[int, Job] = {}

    @property
    def running(self) -> list[Job]:
        """What runs, the oldest first."""
        return list(self._jobs.values())

    def start(
        self, work: Work, asker: str, notice: Notice | None = None, *, is_public: bool = False
    ) -> Job:
        """Begin a job; progress is shown on ``notice``, where that ``is_public`` without anything
        the job said. Raises Busy where another has its claim."""
        for other in self.running:
            if set(other.work.claims) & set(work.claims):
                since = f"{other.started_at.astimezone():%H:%M}"
                raise Busy(f"{other.work.title} has been running since {since}; wait for its end")
        job = Job(self._runs.begin(work.kind, asker, work.to_json()), work, self._clock())
        job.is_public = is_public
        return self._begin(job, notice)

    def take_over(self) -> tuple[list[Job], list[Run]]:
        """Go on with what an earlier process left running; the second list is what ended unseen."""
        survivors, lost = [], []
        for run in self._runs.unfinished():
            if run.id in self._jobs:
                continue
            if run.pid is not None and run.born and processes.born(run.pid) == run.born:
                job = Job(run.id, Work.from_json(run.work), run.started_at, run.step)
                job.pid, job.birth = run.pid, run.born
                survivors.append(self._begin(job, None))
            else:
                self._runs.end(run.id, "lost", "the bot ended before it did")
                lost.append(self._runs.get(run.id))
        return survivors, lost

    async def stop(self) -> None:
        """Have everything that runs end, gracefully, and wait for it."""
        jobs = self.running
        for job in jobs:
            job.is_stopped = True
        await asyncio.gather(*(processes.stop(j.pid, j.birth) for j in jobs if j.pid is not None))
        await asyncio.gather(*(job.task for job in jobs), return_exceptions=True)

    def progress(self, job: Job) -> str:
        """Where a job is, in one line, with what it said last."""
        return ", ".join(filter(None, (self.brief(job), self.clean(self._printed(job).progress()))))

    def brief(self, job: Job) -> str:
        """The same without anything it said."""
        steps = job.work.steps
        which = f" ({job.step + 1} of {len(steps)}, {steps[job.step].name})"
        minutes = int((self._clock() - job.started_at).total_seconds() // 60)
        running = f"{minutes} min" if minutes else "begun"
        return f"{job.work.title}{which if len(steps) > 1 else ''}: {running}"

    def _begin(self, job: Job, notice: Notice | None) -> Job:
        self._jobs[job.run] = job
        job.task = asyncio.create_task(self._run(job, notice), name=f"job {job.work.kind}")
        return job

    async def _run(self, job: Job, notice: Notice | None) -> Ended:
        try:
            if notice is not None:
                await notice.say(self.brief(job))
            ended = await self._steps(job, notice)
        except OSError as error:
            ended = Ended("failed", f"it could not be started: {error}")
        finally:  # a cancelled watch leaves the run without an end, for the next bot to take over
            self._jobs.pop(job.run, None)
        self._runs.end(job.run, ended.outcome, ended.detail)
        if job.work.kind == FORGET and ended.outcome == "done":
            for path in _files(self._home, f"{job.run}-*"):  # they name who is forgotten
                path.unlink(missing_ok=True)
        return ended

    async def _steps(self, job: Job, notice: Notice | None) -> Ended:
        first = job.step
        for number in range(first, len(job.work.steps)):
            is_adopted = number == first and job.pid is not None
            job.step = number
            code = await (self._watch_stranger(job) if is_adopted else self._step(job, notice))
            if job.is_stopped:
                return Ended("stopped", "What was finished is kept")
            if code:
                reason = self._printed(job).last_line() or "it said nothing"
                return Ended("failed", self.clean(f"{reason} (exit code {code})"))
        result = self._printed(job).result()
        return Ended("done", self.clean(told(job.work.kind, result)), result)

    async def _step(self, job: Job, notice: Notice | None) -> int:
        """Run the current command to its end; returns its exit code."""
        words = self._command(job.work.steps[job.step].arguments, self._home.path)
        process = await processes.spawn(words, self._printed(job))
        job.pid, job.birth = process.pid, processes.born(process.pid) or ""
        self._runs.started(job.run, job.step, process.pid, job.birth)
        if job.is_stopped:  # while it was being started
            await processes.stop(job.pid, job.birth)
        ending = asyncio.ensure_future(process.wait())
        await self._show_until(ending, job, notice)
        return ending.result()

    async def _watch_stranger(self, job: Job) -> int:
        """Wait for a process an earlier bot started: its exit code is judged by what it printed."""
        assert job.pid is not None
        await processes.ended(job.pid, job.birth)
        return 0 if self._printed(job).result() is not None else 1

    async def _show_until(
        self, ending: asyncio.Future[int], job: Job, notice: Notice | None
    ) -> None:
        shown = self.brief(job)
        while not (await asyncio.wait([ending], timeout=self._pause))[0]:
            text = self.brief(job) if job.is_public else self.progress(job)
            if notice is not None and text != shown:
                await notice.say(text)
                shown = text

    def _printed(self, job: Job) -> Printed:
        return printed(self._home, job.run, job.step)


def printed(home: Home, run: int, step: int) -> Printed:
    """Where a step of a run prints to."""
    folder = home.logs / "jobs"
    return Printed(folder / f"{run}-{step}.out", folder / f"{run}-{step}.log")


def prune(home: Home, *, older_than: datetime) -> int:
    """Remove what jobs printed before then; returns how many files."""
    old = [path for path in _files(home) if path.stat().st_mtime < older_than.timestamp()]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _files(home: Home, stem: str = "*") -> list[Path]:
    folder = home.logs / "jobs"
    return [*folder.glob(f"{stem}.out"), *folder.glob(f"{stem}.log")]
