"""A consented plan to a finished job; killed at any moment, the same call goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from openai.types.fine_tuning import FineTuningJob

from config.console import say
from config.locks import exclusive
from trainer.errors import TrainingError
from trainer.hosted.api import ENDED, Api, reason_of
from trainer.hosted.events import Reporter, Step
from trainer.hosted.plan import Plan
from trainer.hosted.state import HostedRun, RunState


@dataclass(frozen=True, slots=True)
class Outcome:
    """A job that succeeded, and the steps it reported."""

    job: FineTuningJob
    curve: tuple[Step, ...]


def submit(
    api: Api, run: HostedRun, plan: Plan, *, consent: str, now: datetime, again: bool = False
) -> RunState:
    """Send what is not there yet and have one job made of it; returns the noted state.

    A job that is under way or has succeeded is left alone; one that failed or was cancelled makes
    room for a new one, with ``again`` one that succeeded, too.
    """
    with exclusive(run.path):
        return _submit(api, run, plan, f"{now.isoformat(timespec='seconds')} {consent}", again)


def _submit(api: Api, run: HostedRun, plan: Plan, consent: str, again: bool) -> RunState:
    state = run.state() or RunState(plan.server_url, plan.model)
    state = run.write(replace(state, consents=(*state.consents, consent)))
    if state.job and state.status in (ENDED if again else ENDED - {"succeeded"}):
        past = (*state.past, state.job)
        state = replace(state, job="", status="planned", past=past, model="", version="")
        run.write(state)
    if state.job:
        return state
    state = _upload(api, run, plan, state)
    files = [state.uploads[file.sha256] for file in plan.files]
    job = api.start(plan, files, frozenset(state.past))
    say(f"job {job.id} at {plan.host}")
    return run.write(replace(state, job=job.id, status=job.status))


def follow(api: Api, run: HostedRun, reporter: Reporter, *, wait: Callable[[], None]) -> Outcome:
    """Look at the job until it has ended; ``wait`` lets time pass between two looks.

    Raises TrainingError where it failed or was cancelled, with the API's own reason.
    """
    seen: set[str] = set()
    while True:
        job, state = look(api, run)
        for event in api.events(job.id, seen):
            reporter.event(event)
        reporter.job(job)
        if job.status in ENDED:
            return _ended(run, job, state, reporter)
        wait()


def look(api: Api, run: HostedRun) -> tuple[FineTuningJob, RunState]:
    """The run's job as it is now, and the state that was noted of it."""
    state = sent_state(run)
    job = api.job(state.job)
    if (job.status, job.fine_tuned_model or "") != (state.status, state.model):
        state = replace(state, status=job.status, model=job.fine_tuned_model or "")
        run.write(state)
    return job, state


def cancel(api: Api, run: HostedRun) -> FineTuningJob:
    """Have the run's job stopped; one that has ended stays as it is."""
    job, state = look(api, run)
    if job.status in ENDED:
        return job
    job = api.cancel(state.job)
    run.write(replace(state, status=job.status))
    return job


def withdraw(api: Api, run: HostedRun) -> int:
    """Delete the uploaded files at the host; returns how many were there."""
    state = run.state()
    if state is None:
        return 0
    if state.job and api.job(state.job).status not in ENDED:
        raise TrainingError(
            f"run {run.id}: its job still needs the files; `atself hosted cancel {run.id}` first"
        )
    deleted = sum(api.delete_file(file) for file in state.uploads.values())
    run.write(replace(state, uploads={}))
    return deleted


def sent_state(run: HostedRun) -> RunState:
    """The state of a run that has a job. Raises TrainingError where it has none."""
    state = run.state()
    if state is None or not state.job:
        raise TrainingError(f"run {run.id}: has no job yet; `atself hosted start` makes one")
    return state


def _upload(api: Api, run: HostedRun, plan: Plan, state: RunState) -> RunState:
    for file in plan.files:
        known = state.uploads.get(file.sha256)
        if known and api.has_file(known):
            continue
        name = f"atself-{file.sha256[:16]}-{file.name}"
        say(f"sending {file.name}, {file.bytes / 1e6:.1f} MB, to {plan.host} …")
        sent = api.upload(run.path / file.name, name)
        state = run.write(replace(state, uploads={**state.uploads, file.sha256: sent.id}))
    return state


def _ended(run: HostedRun, job: FineTuningJob, state: RunState, reporter: Reporter) -> Outcome:
    if job.status == "cancelled":
        raise TrainingError(f"run {run.id}: job {job.id} was cancelled; `atself hosted start` anew")
    if job.status == "failed":
        raise TrainingError(f"run {run.id}: job {job.id} failed: {reason_of(job)}")
    if not job.fine_tuned_model:
        raise TrainingError(
            f"run {run.id}: job {job.id} succeeded without a model; ask at {state.server_url}"
        )
    return Outcome(job, tuple(reporter.curve))
