"""The schedule: APScheduler for real, its store, and what is made up for after an absence."""

from __future__ import annotations

import asyncio
import pickle
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger

from bot.schedule.schedule import Schedule, wanted
from bot.schedule.tasks import is_current, perform
from bot.schedule.times import trigger
from config.errors import SettingsError
from config.settings import Home
from config.settings import Schedule as Settings
from tests.bot.admin.desks import Counter, counter, fill

ZONE = ZoneInfo("Asia/Jakarta")
SUNDAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAR = {"schedule__index": "0 0 1 1 *", "schedule__gate": "", "schedule__backup": ""}


def stored(home: Path) -> dict[str, float]:
    with closing(sqlite3.connect(Home(home).state)) as connection:
        return dict(connection.execute("SELECT id, next_run_time FROM schedule").fetchall())


def miss(home: Path, name: str, by: timedelta) -> None:
    """Let a stored job be late, as after an absence."""
    late = datetime.now(UTC) - by
    with closing(sqlite3.connect(Home(home).state)) as connection:
        [(state,)] = connection.execute("SELECT job_state FROM schedule WHERE id = ?", [name])
        job = pickle.loads(state)
        job["next_run_time"] = late
        connection.execute(
            "UPDATE schedule SET next_run_time = ?, job_state = ? WHERE id = ?",
            [late.timestamp(), pickle.dumps(job), name],
        )
        connection.commit()


async def until_run(at: Counter, kind: str) -> None:
    async with asyncio.timeout(20):  # another process sets no event
        while (run := at.runs.last(kind)) is None or run.ended_at is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("days", "weekdays"),
    [
        ("0", [6]), ("7", [6]), ("1-5", [0, 1, 2, 3, 4]), ("sun", [6]), ("5-7", [4, 5, 6]),
        ("sat-mon", [5, 6, 0]), ("0,3", [6, 2]), ("*/2", [6, 1, 3, 5]), ("*", list(range(7))),
    ],
)  # fmt: skip
def test_days_of_the_week_are_those_of_cron(days: str, weekdays: list[int]) -> None:
    when, found, at = trigger("index", f"0 4 * * {days}", ZONE), set(), SUNDAY
    for _ in range(14):
        following = when.get_next_fire_time(None, at)
        assert following is not None
        found.add(following.weekday())
        assert following.astimezone(ZONE).hour == 4
        at = following + timedelta(minutes=1)
    assert found == set(weekdays)


@pytest.mark.parametrize("wrong", ["often", "* * * *", "61 * * * *", "0 4 * * 8", "0 4 * * mo"])
def test_what_is_no_cron_expression_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"^schedule\.retrain: .* is no cron expression"):
        wanted(Settings(retrain=wrong), ZONE)


def test_only_what_is_set_is_scheduled() -> None:
    assert set(wanted(Settings(), ZONE)) == {"index", "gate", "backup", "prune"}
    every = Settings(retrain="0 4 * * 0", ingest_folder="/srv/exports")
    assert set(wanted(every, ZONE)) == {"index", "gate", "backup", "ingest", "retrain", "prune"}
    assert set(wanted(Settings(index="", gate="", backup=""), ZONE)) == {"prune"}


def test_changed_settings_replace_what_is_stored(home: Path) -> None:
    async def scene(**settings: object) -> None:
        with counter(home, **settings) as at:
            schedule = Schedule(at.desk, zone=ZONE).start()
            assert set(schedule.upcoming()) == set(stored(home))
            await schedule.stop()

    asyncio.run(scene(**FAR))
    first = stored(home)
    assert set(first) == {"index", "prune"}
    asyncio.run(scene(**FAR))
    assert stored(home) == first
    asyncio.run(scene(**{**FAR, "schedule__index": "", "schedule__backup": "0 3 * * *"}))
    assert set(stored(home)) == {"backup", "prune"}


def test_missed_runs_are_made_up_for_once(home: Path) -> None:
    fill(Home(home))
    daily = {**FAR, "schedule__index": "", "schedule__backup": "0 3 * * *"}

    async def absence() -> None:
        with counter(home, **daily) as at:
            await Schedule(at.desk, zone=ZONE).start().stop()

    async def scene() -> None:
        with counter(home, **daily) as at:
            schedule = Schedule(at.desk, zone=ZONE).start()
            await until_run(at, "backup")
            await asyncio.sleep(0.1)
            await at.finish()
            await schedule.stop()
            assert [run.outcome for run in at.runs.recent(9)] == ["done"]
            assert len(list(at.home.backups.glob("*.tar.gz"))) == 1
            assert at.bot.notified == []

    asyncio.run(absence())
    miss(home, "backup", timedelta(days=5))
    asyncio.run(scene())
    assert stored(home)["backup"] > datetime.now(UTC).timestamp()


def test_a_training_missed_at_night_is_not_made_up_for_at_noon(home: Path) -> None:
    nightly = {**FAR, "schedule__index": "", "schedule__retrain": "0 4 * * *"}

    async def scene() -> None:
        with counter(home, **nightly) as at:
            schedule = Schedule(at.desk, zone=ZONE).start()
            await asyncio.sleep(0.2)
            await schedule.stop()
            assert at.runs.recent(9) == []

    asyncio.run(scene())
    miss(home, "retrain", timedelta(hours=9))
    asyncio.run(scene())


def test_a_job_runs_when_it_is_due_and_its_time_is_told(home: Path) -> None:
    fill(Home(home))

    async def scene() -> None:
        with counter(home, **{**FAR, "schedule__index": "", "schedule__backup": "0 3 1 1 *"}) as at:
            schedule = Schedule(at.desk, zone=ZONE).start()
            assert schedule.upcoming()["backup"] > datetime.now(UTC)
            schedule.soon("backup")
            await until_run(at, "backup")
            await schedule.stop()
            run = at.runs.last("backup")
            assert run is not None
            assert (run.outcome, run.asker) == ("done", "schedule")

    asyncio.run(scene())


def test_exports_put_into_the_folder_are_read(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    row = '{"author": "ann", "text": "tea?", "time": "2026-03-01T12:00:00Z"}\n'
    (folder / "chat.jsonl").write_text(row)

    async def scene() -> None:
        with counter(home, schedule__ingest_folder=str(folder), **FAR) as at:
            schedule = Schedule(at.desk, zone=ZONE).start()
            schedule.soon("ingest")
            await until_run(at, "ingest")
            await at.finish()
            await schedule.stop()
            run = at.runs.last("ingest")
            assert run is not None
            assert (run.outcome, run.detail) == ("done", "1 new message, 0 changed")
            assert at.bot.changes == ["archive"]

    asyncio.run(scene())


def test_nothing_is_indexed_where_nothing_is_new(home: Path) -> None:
    assert is_current(Home(home))
    fill(Home(home))
    assert not is_current(Home(home))


def test_old_logs_of_jobs_are_removed(home: Path) -> None:
    name = str(home.resolve())

    async def scene() -> None:
        with counter(home) as at:
            folder = at.home.logs / "jobs"
            folder.mkdir(parents=True)
            (folder / "1-0.log").write_text("old")
            at.clock.now = datetime.now(UTC) + timedelta(days=30)
            schedule = Schedule(at.desk, zone=ZONE).start()
            await perform(name, "prune")
            await schedule.stop()
            assert list(folder.iterdir()) == []

    asyncio.run(scene())


def test_a_trigger_outlives_the_store() -> None:
    when = trigger("index", "*/15 * * * *", ZONE)
    again: CronTrigger = pickle.loads(pickle.dumps(when))
    assert str(again) == str(when)
