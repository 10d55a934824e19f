"""Commands as processes of their own: of the lowest priority, in a group that can be stopped.

They write to files, not to pipes: a bot that dies does not take them along, and the next one can
tell how far they are.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bot.admin.progress import Printed

STEPS_OF_STOPPING = ((signal.SIGINT, 20.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
"""What a process is sent, and how long it then has, in seconds. Training keeps a checkpoint."""
LOOK = 0.5
"""Seconds between looks at a process that is not ours."""


def command(arguments: Sequence[str], home: Path) -> list[str]:
    """``atself`` with these arguments, yielding processor and disk to everybody else."""
    polite = []
    if shutil.which("nice"):
        polite += ["nice", "-n", "19"]
    if shutil.which("ionice"):
        polite += ["ionice", "-t", "-c", "3"]  # -t: where it may not, it goes on without
    return [*polite, sys.executable, "-m", "cli.app", *arguments, "--home", str(home)]


async def spawn(words: Sequence[str], printed: Printed) -> asyncio.subprocess.Process:
    """Start a process in a session of its own that writes to the files ``printed``."""
    printed.out.parent.mkdir(parents=True, exist_ok=True)
    with printed.out.open("wb") as out, printed.log.open("wb") as log:
        return await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            start_new_session=True,
        )


def born(pid: int) -> str | None:
    """What tells this process from a later one of the same id; None where it is gone.

    The start time in clock ticks since boot: field 22 of /proc/pid/stat, see proc_pid_stat(5).
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


async def ended(pid: int, birth: str) -> None:
    """Return when a process that is not our child is gone."""
    while born(pid) == birth:  # noqa: ASYNC110 - another process sets no event of ours
        await asyncio.sleep(LOOK)


async def stop(pid: int, birth: str) -> None:
    """Have a process and those it started end: kindly, then firmly."""
    for each, seconds in STEPS_OF_STOPPING:
        if born(pid) != birth:
            return
        with suppress(ProcessLookupError):
            os.killpg(pid, each)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await ended(pid, birth)
                return
