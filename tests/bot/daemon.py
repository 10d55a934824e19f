"""`atself run` as a process of its own, which a test may kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from config.settings import Home, load
from ingest.archive import Archive
from ingest.dataset.build import build
from tests.ingest.talk import Talk

NOW = datetime(2026, 6, 1, tzinfo=UTC)
_QUICK = {
    "TALK__PACE": "0",
    "TALK__BURST_SECONDS": "0",
    "TALK__PER_HOUR": "100000",
    "TALK__PER_DAY": "100000",
    "TALK__PER_PERSON": "100000",
    "RECALL__ENABLED": "false",
    "SCHEDULE__INDEX": "0 0 1 1 *",
    "SCHEDULE__BACKUP": "0 0 1 1 *",
}


def trained_home(folder: Path) -> Home:
    """A home with an archive and a dataset, which is all a persona at a server needs."""
    home = Home(folder)
    talk = Talk()
    talk.chatter(60)
    with Archive.open(home.archive, create=True) as archive:
        talk.recorded(archive)
        build(archive, home.dataset, load(folder), now=NOW)
    return home


class Daemon:
    """The bots over one home, started and killed as often as a test likes."""

    def __init__(
        self,
        home: Home,
        *,
        is_quick: bool = False,
        is_at_terminal: bool = False,
        log: str = "daemon.txt",
        **settings: str,
    ) -> None:
        """``is_quick`` has platforms try again without the usual waits (tests.bot.quick_bot).

        ``is_at_terminal`` serves its own stdin, see :meth:`type`. ``log`` is where it writes.
        """
        self._home = home
        run = ["tests.bot.quick_bot", str(home.path)]
        usual = ["cli.app", "run", "--home", str(home.path)]
        usual += ["--terminal"] if is_at_terminal else []
        self._command = [sys.executable, "-W", "ignore", "-m", *(run if is_quick else usual)]
        given = {**_QUICK, **settings}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ATSELF_")}
        self._environment = {**kept, **{f"ATSELF_{key}": value for key, value in given.items()}}
        self._log = home.path / log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Daemon:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    @property
    def output(self) -> str:
        """All it wrote to stderr and stdout so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start it; returns at once."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    def type(self, line: str) -> None:
        """Type a line at its terminal."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def wait_for(self, text: str, seconds: float = 40) -> bool:
        """Whether it writes this within the time; it is looked at ten times a second."""
        end = time.monotonic() + seconds
        while text not in self.output:
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(20)
            self._process = None

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(40)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process = None
        return code
