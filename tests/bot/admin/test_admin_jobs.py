"""Long jobs as real processes: shown, refused twice, stopped, taken over, recorded."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.admin import processes, works
from bot.admin.jobs import printed
from bot.admin.progress import Printed
from bot.admin.works import Step, Work
from bot.errors import Busy
from bot.runs import Runs
from config.settings import Home
from tests.bot.admin.desks import NOW, Paper, counter, fill

EVENTS = """\
print('{"event": "stage", "name": "learning", "state": "start"}', flush=True)
print('{"event": "step", "share": 0.4, "remaining_seconds": 720, "loss": 2.3}', flush=True)
import time; time.sleep(%s)
print('{"event": "done", "version": "v9"}', flush=True)
"""


def script(code: str, *, kind: str = "test", claims: tuple[str, ...] = ("test",)) -> Work:
    return Work(kind, "Testing", (Step("testing", ("-c", code)),), claims)


def test_a_command_runs_at_the_lowest_priority_and_its_result_is_told(home: Path) -> None:
    fill(Home(home))

    async def scene() -> None:
        with counter(home) as desk:
            job = desk.jobs.start(works.export(("messages",)), "telegram:user1")
            ended = await job.task
            assert ended.outcome == "done"
            assert ended.detail == f"messages: {home}/exports/messages"
            [row] = ended.result
            assert row["messages"] == 3
            last = desk.runs.last("export")
            assert last is not None
            assert (last.outcome, last.asker) == ("done", "telegram:user1")

    asyncio.run(scene())


def test_the_process_is_nice(home: Path) -> None:
    async def scene() -> None:
        words = [sys.executable, "-c", "import os; print(os.nice(0))"]
        polite = processes.command((), home)
        printed_to = Printed(home / "out", home / "log")
        process = await processes.spawn(
            [*polite[: polite.index(sys.executable)], *words], printed_to
        )
        assert await process.wait() == 0
        assert printed_to.out.read_text().strip() == "19"

    asyncio.run(scene())


def test_a_failure_is_told_with_its_last_line_and_exit_code(home: Path) -> None:
    async def scene() -> None:
        with counter(home) as desk:
            ended = await desk.jobs.start(works.index(), "schedule").task
            assert ended.outcome == "failed"
            assert "no archive yet" in ended.detail
            assert ended.detail.endswith("(exit code 1)")
            assert "Traceback" not in ended.detail

    asyncio.run(scene())


def test_progress_of_a_training_is_shown_on_one_notice(home: Path) -> None:
    async def scene() -> None:
        with counter(home) as desk:
            paper = Paper()
            work = script(EVENTS % 0.4)
            ended = await desk.jobs.start(work, "telegram:user1", paper).task
            assert ended.result["version"] == "v9"
            assert "Testing: begun, learning, 40%, about 12 min left, loss 2.30" in paper.said
            assert len(paper.said) == len(dict.fromkeys(paper.said))

    asyncio.run(scene())


def test_two_jobs_with_the_same_claim_never_run_at_once(home: Path) -> None:
    async def scene() -> None:
        with counter(home) as desk:
            first = desk.jobs.start(script("import time; time.sleep(0.2)"), "a")
            with pytest.raises(Busy, match="Testing has been running since"):
                desk.jobs.start(script("", kind="other"), "b")
            other = desk.jobs.start(script("", kind="other", claims=("else",)), "b")
            assert (await other.task).outcome == "done"
            assert (await first.task).outcome == "done"
            assert (await desk.jobs.start(script(""), "a").task).outcome == "done"

    asyncio.run(scene())


def test_stopping_is_graceful_and_recorded(home: Path) -> None:
    kind = "import time\ntry:\n time.sleep(60)\nexcept KeyboardInterrupt:\n print('kept')"

    async def scene() -> None:
        with counter(home) as desk:
            job = desk.jobs.start(script(kind), "a")
            while job.pid is None:  # noqa: ASYNC110 - until it is started
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)  # until Python has its own handler
            await desk.jobs.stop()
            assert (await job.task).outcome == "stopped"
            assert printed(desk.home, job.run, 0).out.read_text() == "kept\n"
            assert desk.runs.get(job.run).outcome == "stopped"
            assert processes.born(job.pid) is None

    asyncio.run(scene())


CRASHING = """
import asyncio, os, sys
from pathlib import Path
from bot.admin.works import Step, Work
from tests.bot.admin.desks import counter

async def scene():
    with counter(Path(sys.argv[1])) as desk:
        step = Step("testing", ("-c", "import time; time.sleep(1); print('{}')"))
        job = desk.jobs.start(Work("test", "Testing", (step,), ("test",)), "a")
        while job.pid is None:
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), 9)

asyncio.run(scene())
"""


def test_what_a_killed_bot_left_running_is_taken_over(home: Path) -> None:
    assert subprocess.run([sys.executable, "-c", CRASHING, str(home)]).returncode == -9

    async def restart() -> None:
        with counter(home) as desk:
            survivors, lost = desk.jobs.take_over()
            assert (len(survivors), lost) == (1, [])
            with pytest.raises(Busy):
                desk.jobs.start(script(""), "b")
            assert (await survivors[0].task).outcome == "done"

    asyncio.run(restart())


def test_what_ended_unseen_is_told(home: Path) -> None:
    async def scene() -> None:
        with counter(home) as desk:
            run = desk.runs.begin("retrain", "telegram:user1", works.retrain().to_json())
            desk.runs.started(run, 1, os.getpid(), "0")  # the id lives, but it is another process
            await desk.desk.resume()
            assert desk.runs.get(run).outcome == "lost"
            [(text, _)] = desk.bot.notified
            assert text.startswith("Retraining was cut off")

    asyncio.run(scene())


def test_the_second_step_follows_the_first_only_where_that_went_well(home: Path) -> None:
    steps = (Step("one", ("-c", "raise SystemExit(3)")), Step("two", ("-c", "print('{}')")))

    async def scene() -> None:
        with counter(home) as desk:
            ended = await desk.jobs.start(Work("two", "Two", steps, ()), "a").task
            assert ended.detail == "it said nothing (exit code 3)"
            assert not printed(desk.home, 1, 1).out.exists()

    asyncio.run(scene())


def test_runs_are_remembered_but_not_for_ever(home: Path) -> None:
    runs = Runs(Home(home).state, lambda: NOW, kept=3)
    for _ in range(6):
        runs.end(runs.begin("index", "schedule"), "done")
    assert [run.id for run in runs.recent(10)] == [6, 5, 4]
    runs.close()
