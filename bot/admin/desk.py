"""Where commands and schedule meet: starting jobs, and what follows from their end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.admin import works
from bot.admin.controls import Controls
from bot.admin.jobs import Ended, Job, Jobs
from bot.admin.works import Work
from bot.platforms.base import Button, Notice
from bot.runs import SCHEDULE, Run, Runs
from config.errors import AtselfError
from config.settings import Home, Settings
from registry.artefact import ModelManifest
from registry.rule import objection, withdrawn
from registry.store import Registry

log = logging.getLogger("atself.admin")

PROMOTE = "promote"
LEAVE = "leave"
_CHANGES = {"ingest": "archive", "forget": "archive", "index": "index", "gate": "gate"}


@dataclass(frozen=True, slots=True)
class Desk:
    """The means of the admins' commands and of the schedule."""

    home: Home
    settings: Settings
    controls: Controls
    jobs: Jobs
    runs: Runs
    clock: Callable[[], datetime]
    attended: set[asyncio.Future[Ended]] = field(default_factory=set)

    @property
    def registry(self) -> Registry:
        """The models."""
        return Registry(self.home.models)

    def launch(
        self, work: Work, asker: str, notice: Notice | None = None, *, is_public: bool = False
    ) -> asyncio.Future[Ended]:
        """Start a job and see it off in the background; gives how it ended. Raises Busy.

        What a command says may name people, chats and folders: a notice that ``is_public`` has none
        of it, the admins are told in private.
        """
        before = self.runs.last(work.kind)
        job = self.jobs.start(work, asker, notice, is_public=is_public)
        log.info("job %s %s begins, asked by %s", job.run, work.kind, asker)
        return self._attend(self._see_off(job, notice, before if asker == SCHEDULE else None))

    def _attend(self, seeing: Coroutine[Any, Any, Ended]) -> asyncio.Future[Ended]:
        task = asyncio.ensure_future(seeing)
        self.attended.add(task)  # the event loop alone would let it be collected
        task.add_done_callback(self.attended.discard)
        return task

    async def _see_off(self, job: Job, notice: Notice | None, before: Run | None) -> Ended:
        """Wait for a job, tell how it ended where anybody is to know, and do what follows.

        A failure is not told again where the run ``before`` failed the same way.
        """
        ended = await job.task
        log.info("job %s %s: %s", job.run, job.work.kind, ended.outcome)
        buttons: Sequence[Button] = ()
        brief = f"{job.work.title}: {ended.outcome}"
        text = f"{brief}. {ended.detail}" if ended.detail else brief
        if job.is_public and ended.detail:
            await self.controls.notify(text)
            text = f"{brief}. What it said is told in private"
        if ended.outcome == "done":
            further, buttons = await self._follow(job.work, ended)
            text = f"{text}. {further}" if further else text
        if notice is not None:
            await notice.say(text, buttons)
        elif _is_news(job.work, ended, before):
            await self.controls.notify(text, buttons)
        return ended

    async def resume(self) -> None:
        """After a start: take over what an earlier bot left running, tell of what was cut off."""
        survivors, lost = self.jobs.take_over()
        for job in survivors:
            await self.controls.notify(f"{job.work.title} went on while the bot was away.")
            self._attend(self._see_off(job, None, None))
        for run in lost:
            work = Work.from_json(run.work) if run.work else None
            if run.asker != SCHEDULE or run.kind == "retrain":
                title = work.title if work else run.kind
                await self.controls.notify(
                    f"{title} was cut off when the bot ended. Give the command again: what was "
                    "finished is kept."
                )

    async def promote(self, version: str, reason: str) -> str:
        """Let a version serve, once it has spoken a self-test; returns what to tell.

        Raises AtselfError where it is damaged, its card fails, or it cannot speak; then nothing
        has changed.
        """
        await asyncio.to_thread(self.registry.check, version)
        await self.controls.reload(version)
        now = self.clock()
        await asyncio.to_thread(self.registry.promote, version, reason, now=now)
        return f"{version} answers from now on. /rollback returns to the one before."

    async def rollback(self, reason: str = "rollback") -> str:
        """Return to the version that served before, once it has spoken; returns what to tell."""
        earlier = await asyncio.to_thread(self.registry.earlier)
        await asyncio.to_thread(self.registry.verify, earlier)
        await self.controls.reload(earlier)
        await asyncio.to_thread(self.registry.rollback, now=self.clock(), reason=reason)
        return f"{earlier} answers again."

    async def _follow(self, work: Work, ended: Ended) -> tuple[str, Sequence[Button]]:
        """What follows from a job that is done: words, and what is to be decided."""
        if work.kind in _CHANGES:
            await self.controls.changed(_CHANGES[work.kind])
        if work.kind != "retrain" or not isinstance(ended.result, dict):
            return "", ()
        if not ended.result["version"]:  # nothing was new
            return "", ()
        try:
            return await self._judge(ended.result)
        except AtselfError as error:
            return f"It cannot be judged: {error}.", ()

    async def _judge(self, result: Mapping[str, Any]) -> tuple[str, Sequence[Button]]:
        """Whether a new model serves: by the rule, or by whom is asked.

        The rule is the retraining's, whose rehearsal it was; without one, the report card's.
        """
        version = str(result["version"])
        manifest = await asyncio.to_thread(self.registry.get, version)
        serving = await asyncio.to_thread(self.registry.serving)
        if serving is not None and serving.version == version:
            return "It serves already.", ()
        why_not, why = _rule(result, manifest, is_first=serving is None)
        if version in withdrawn(await asyncio.to_thread(self.registry.history)):
            why_not = f"{version} served before and was taken back"
        if self.settings.schedule.promote == "rule" and not why_not:
            return await self._by_rule(version, why), ()
        return _verdict(manifest, why_not, why), _choice(manifest)

    async def _by_rule(self, version: str, why: str) -> str:
        try:
            return await self.promote(version, f"by rule: {why}")
        except AtselfError as error:
            return f"It does not serve: {error}."


def _is_news(work: Work, ended: Ended, before: Run | None) -> bool:
    """Whether admins are told of a job nobody watched."""
    if ended.outcome == "failed":
        return before is None or (before.outcome, before.detail) != ("failed", ended.detail)
    return work.kind == "retrain" and ended.outcome == "done"


def _rule(result: Mapping[str, Any], manifest: ModelManifest, *, is_first: bool) -> tuple[str, str]:
    """What speaks against a new model by the rule, else what speaks for it."""
    reasons = "; ".join(map(str, result.get("reasons", ())))
    if "judgement" not in result:  # a training alone, begun by an earlier version of the bot
        why_not = objection(manifest.card, is_first=is_first)
        return why_not, "better than its base and what served"
    return ("", reasons) if result["judgement"] else (reasons or "no reason was given", "")


def _verdict(manifest: ModelManifest, why_not: str, why: str) -> str:
    if manifest.verdict == "fail":
        return f"It cannot serve: {why_not}."
    if why_not:
        return f"By the rule it should not serve: {why_not}."
    return f"It may serve: {why}."


def _choice(manifest: ModelManifest) -> tuple[Button, ...]:
    if manifest.verdict == "fail":
        return ()
    version = manifest.version
    return (
        Button(f"Promote {version}", PROMOTE, version),
        Button("Leave it", PROMOTE, f"{LEAVE} {version}"),
    )


def retraining(settings: Settings, minutes: float | None = None) -> Work:
    """A retraining with the budget asked for, else that of the schedule, else of training."""
    return works.retrain(minutes or settings.schedule.retrain_minutes or settings.train.minutes)
