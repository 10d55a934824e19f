"""The functions the job store names: each starts a job at the desk of its home.

A stored job outlives the process, so it holds only the path of its home and the name of the work;
the process that runs it opens its desk here first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from bot.admin import jobs, works
from bot.admin.desk import Desk, retraining
from bot.admin.works import Work
from bot.errors import Busy
from bot.runs import SCHEDULE
from config.settings import Home
from ingest.archive import Archive
from rag.index.manifest import read_manifest

log = logging.getLogger("atself.schedule")

PRUNE = "prune"
_DESKS: dict[str, Desk] = {}


@contextmanager
def open_desk(desk: Desk) -> Iterator[str]:
    """Let stored jobs find this desk; yields the name they know it by."""
    name = str(desk.home.path.resolve())
    _DESKS[name] = desk
    try:
        yield name
    finally:
        del _DESKS[name]


async def perform(home: str, name: str) -> None:
    """Begin the work ``schedule.name`` of a home; what must wait for another is left out."""
    desk = _DESKS[home]
    if name == PRUNE:
        await _prune(desk)
    elif name == "index" and await asyncio.to_thread(is_current, desk.home):
        log.debug("the index is up to date")
    else:
        try:
            desk.launch(_work(desk, name), SCHEDULE)
        except Busy as error:
            log.info("%s is left out this time: %s", name, error)


def is_current(home: Home) -> bool:
    """Whether there is nothing to index: no archive, or none newer than the index."""
    if not home.archive.exists():
        return True
    manifest = read_manifest(home.index)
    with Archive.open(home.archive) as archive:
        return (
            manifest is not None
            and not manifest.pending
            and not manifest.uncut
            and (manifest.archive_revision == archive.revision)
        )


async def _prune(desk: Desk) -> None:
    run = desk.runs.begin(PRUNE, SCHEDULE)
    limit = desk.clock() - timedelta(days=desk.settings.serve.log_days)
    removed = await asyncio.to_thread(jobs.prune, desk.home, older_than=limit)
    desk.runs.end(run, "done", f"{removed:,} old logs removed")


def _work(desk: Desk, name: str) -> Work:
    settings = desk.settings.schedule
    match name:
        case "index":
            return works.index()
        case "ingest":
            return works.ingest(settings.ingest_folder)
        case "retrain":
            return retraining(desk.settings)
        case "gate":
            return works.gate()
        case "backup":
            return works.backup(settings.backups_kept)
    raise KeyError(name)
