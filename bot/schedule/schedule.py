"""The scheduler: its jobs are those of the settings, their next times those kept in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta, tzinfo
from typing import Any, Self

from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import create_engine
from tzlocal import get_localzone

from bot.admin.desk import Desk
from bot.schedule.tasks import PRUNE, open_desk, perform
from bot.schedule.times import trigger
from config.settings import Schedule as Settings
from ingest.database import BUSY_SECONDS

LATEST_RETRAINING = timedelta(hours=4)
"""A training missed at night is not made up for at noon; all else is, once, however late."""
PRUNED_AT = "45 3 * * *"


class Schedule:
    """What is done by itself in one home. Start and stop it on the event loop."""

    def __init__(self, desk: Desk, *, zone: tzinfo | None = None) -> None:
        """``zone`` is local time by default. Raises SettingsError where a time is none."""
        self._desk, self._stack = desk, ExitStack()
        self._zone = zone or get_localzone()
        self._wanted = wanted(desk.settings.schedule, self._zone)
        self._engine = create_engine(
            f"sqlite:///{desk.home.state}", connect_args={"timeout": BUSY_SECONDS}
        )
        store = SQLAlchemyJobStore(engine=self._engine, tablename="schedule")
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": store},
            timezone=self._zone,
            job_defaults={"coalesce": True, "max_instances": 1},
        )

    def start(self) -> Self:
        """Begin: times missed meanwhile are made up for once."""
        home = self._stack.enter_context(open_desk(self._desk))
        self._scheduler.start(paused=True)  # before the first is run, the stored ones are compared
        for job in self._scheduler.get_jobs():
            if job.id not in self._wanted:
                job.remove()
        for name, when in self._wanted.items():
            self._settle(home, name, when)
        self._scheduler.resume()
        return self

    async def stop(self) -> None:
        """End; jobs that run are not ended by this."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # it shuts down in the next turn of the loop
        self._stack.close()
        self._engine.dispose()

    def upcoming(self) -> Mapping[str, datetime]:
        """When each runs next, by name."""
        jobs = self._scheduler.get_jobs()
        return {job.id: job.next_run_time for job in jobs if getattr(job, "next_run_time", None)}

    def soon(self, name: str) -> None:
        """Let one run at once instead of at its next time. Raises KeyError."""
        try:
            self._scheduler.modify_job(name, next_run_time=datetime.now(self._zone))
        except JobLookupError:
            raise KeyError(name) from None

    def _settle(self, home: str, name: str, when: CronTrigger) -> None:
        """Store a job, unless it is stored just so: adding it again would forget a missed time."""
        known = self._scheduler.get_job(name)
        if known is not None and _same(known.trigger, when) and known.args == (home, name):
            return
        is_heavy = name == "retrain"
        self._scheduler.add_job(
            perform,
            when,
            args=(home, name),
            id=name,
            replace_existing=True,
            misfire_grace_time=int(LATEST_RETRAINING.total_seconds()) if is_heavy else None,
        )


def wanted(settings: Settings, zone: tzinfo) -> dict[str, CronTrigger]:
    """What the settings have done by itself, and when. Raises SettingsError."""
    names = ("index", "gate", "retrain", "backup")
    times = {name: getattr(settings, name) for name in names}
    if settings.ingest_folder:
        times["ingest"] = settings.ingest
    found = {name: trigger(name, when, zone) for name, when in times.items() if when.strip()}
    return {**found, PRUNE: trigger(PRUNE, PRUNED_AT, zone)}


def _same(stored: Any, when: CronTrigger) -> bool:
    return str(stored) == str(when) and str(stored.timezone) == str(when.timezone)
