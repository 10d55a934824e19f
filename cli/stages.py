"""The stages of the demo: each one an ``atself`` command in a process of its own.

A ledger in the home folder keeps what each finished stage was made from, so that a second run
skips it and an interrupted one goes on.
"""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.console import say, stderr
from config.errors import AtselfError
from config.settings import Home

LEDGER = "demo.json"
STDERR = 2  # what a stage tells is progress of the demo, not its data


class StageFailed(AtselfError):
    """A stage ended badly. The message is empty where the stage has said why itself."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the way: what is run, why, and how to see that it is done.

    ``made_from`` names its input: with the same input a finished stage is not repeated.
    """

    name: str
    title: str
    why: str
    arguments: tuple[str, ...]
    made_from: str
    is_made: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Ledger:
    """What each finished stage was made from, in ``path``."""

    path: Path

    def read(self) -> dict[str, str]:
        """Stage → input; empty before the first stage, or where the file was damaged."""
        try:
            entries = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}

    def write(self, entries: dict[str, str]) -> None:
        """Replace the ledger at once."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".part")
        unfinished.write_text(json.dumps(entries, indent=1), encoding="utf-8")
        unfinished.replace(self.path)


def ledger_of(home: Home) -> Ledger:
    """The ledger of a home folder."""
    return Ledger(home.path / LEDGER)


def run_stages(stages: Iterable[Stage], ledger: Ledger) -> None:
    """Run what is not done yet, in order. Raises StageFailed."""
    for number, stage in enumerate(stages, 1):
        done = ledger.read()
        if done.get(stage.name) == stage.made_from and stage.is_made():
            heading(number, stage.title, "done before")
            continue
        heading(number, stage.title, stage.why)
        say(f"  $ {command_line(stage.arguments)}")
        started = time.perf_counter()
        run_command(stage.name, stage.arguments, stdout=STDERR)
        say(f"  {time.perf_counter() - started:.1f} s")
        ledger.write({**done, stage.name: stage.made_from})


def heading(number: int, title: str, note: str) -> None:
    """Announce a stage on stderr."""
    stderr().print(f"\n[bold]{number}. {title}[/]  [dim]{note}[/]")


def command_line(arguments: Sequence[str]) -> str:
    """The command as one would type it."""
    quoted = (f'"{word}"' if not word or " " in word else word for word in arguments)
    return " ".join(("atself", *quoted))


def run_command(name: str, arguments: Sequence[str], *, stdout: int | None = None) -> None:
    """Run ``atself``; its stdout goes where ours goes or to a descriptor. Raises StageFailed."""
    command = [sys.executable, "-m", "cli.app", *arguments]
    with _child_handles_interrupt():
        code = subprocess.run(command, stdout=stdout, check=False).returncode
    _require_success(name, code)


def fingerprint(paths: Iterable[Path], *more: str) -> str:
    """A digest of files' contents and a few words, to tell whether an input is the same."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    digest.update("\0".join(more).encode())
    return digest.hexdigest()[:16]


def _require_success(name: str, code: int) -> None:
    if code < 0:
        reason = signal.Signals(-code).name
        raise StageFailed(f"{name} was ended by {reason}; run the same command to go on", 1)
    if code:
        raise StageFailed("", code)


@contextmanager
def _child_handles_interrupt() -> Iterator[None]:
    """Ctrl-C reaches the child too: let it save and end instead of killing it after 0.25 s.

    A handler of ours, not SIG_IGN: ignoring is inherited, and the child could not be stopped.
    """
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
