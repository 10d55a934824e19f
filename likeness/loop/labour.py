"""The long steps of a retraining: dataset and training as processes, so that memory comes back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from config.settings import Home, Settings
from ingest.dataset.manifest import read_manifest
from ingest.errors import DatasetError
from likeness.errors import LikenessError
from likeness.loop.judgement import Pairing
from likeness.measured import Figure, Measures
from likeness.records import Evaluation, Player, Role
from registry.retrainings import Order

_FINAL = frozenset({"done", "interrupted", "error"})
_KEPT = ("version", "card", "base", "nats/token", "nats/token of base", "run")
"""What is noted of a training."""


class StepFailed(LikenessError):
    """A process failed and has said why itself; ``text`` is empty where it was read there."""

    def __init__(self, exit_code: int, text: str = "") -> None:
        super().__init__(text)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Processes:
    """The real labour of a home. ``pass_on`` is given the training's events, a JSON line each."""

    home: Home
    settings: Settings
    pass_on: Callable[[str], object] = lambda _line: None

    def dataset(self) -> Mapping[str, Any]:
        """Build the dataset by ``atself dataset``."""
        printed = "".join(_printed(self._words("dataset", "--json"), os.environ))
        manifest = json.loads(printed)
        train = manifest["splits"]["train"]
        return {
            "hash": manifest["hash"],
            "replies": train["replies"],
            "messages": train["messages"],
            "feedback": manifest.get("feedback", {}),
        }

    def dataset_hash(self) -> str:
        """Of the dataset that lies there; empty where none does."""
        try:
            return read_manifest(self.home.dataset).hash
        except DatasetError:
            return ""

    def train(self, order: Order, *, seed_shift: int) -> Mapping[str, Any]:
        """Train by ``atself train``, which goes on with the run it had begun.

        What was said about the bot's replies is preferred by (``train.preference``), where there is
        any that may be used.
        """
        budget = () if order.minutes is None else ("--minutes", f"{order.minutes:g}")
        words = self._words("train", "--no-promote", *budget, "--progress-json", "-")
        made: Mapping[str, Any] = {}
        for line in _printed(words, self._environment(seed_shift)):
            event = _event(line)
            if event.get("event") == "done":
                made = {name: event[name] for name in _KEPT if name in event}
            elif event.get("event") not in _FINAL:
                self.pass_on(line)
        if not made:
            raise LikenessError("training ended without a model; the same command goes on")
        return made

    def rehearse(self, pairing: Pairing, order: Order) -> Mapping[str, Any]:
        """Both players beside floor and ceiling, in the same scenes."""
        from likeness.rehearsal.rehearse import rehearse

        players = (pairing.candidate, pairing.serving, Player(Role.MEMBER), Player(Role.SELF))
        evaluation = rehearse(
            self.home,
            self.settings,
            players,
            scenes=order.scenes,
            seed=order.seed,
            minutes=None,
            title=f"{pairing.candidate.version} beside {pairing.serving.version}",
        )
        return {"evaluation": evaluation.id, "scenes": len(evaluation.scenes)}

    def is_rehearsed(self, evaluation: str) -> bool:
        """Whether everything of it was said and measured, and is still there."""
        return Evaluation(self.home.evaluations / evaluation).is_finished

    def compare(self, evaluation: str, pairing: Pairing) -> tuple[Mapping[str, Figure], Measures]:
        """Candidate − serving, with intervals."""
        from likeness.measures.comparing import compare

        rehearsed = Evaluation(self.home.evaluations / evaluation)
        one, other = pairing.candidate, pairing.serving
        differences = compare(rehearsed, one, other, self.home, self.settings)
        return differences, Measures.from_json(rehearsed.measures)

    def _environment(self, seed_shift: int) -> Mapping[str, str]:
        """What the training is told beside the settings."""
        told = dict(os.environ)
        if seed_shift:
            told["ATSELF_TRAIN__SEED"] = str(self.settings.train.seed + seed_shift)
        if _has_feedback(self.home) and self.settings.train.method != "full":
            told["ATSELF_TRAIN__PREFERENCE"] = "true"
        return told

    def _words(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cli.app", *arguments, "--home", str(self.home.path)]


def _has_feedback(home: Home) -> bool:
    found = read_manifest(home.dataset).feedback
    return any(found.get(name, 0) for name in ("corrected", "liked"))


def _printed(words: Sequence[str], environment: Mapping[str, str]) -> Iterator[str]:
    """What a command prints, line by line; it writes its progress to our stderr.

    Raises StepFailed with its exit code.
    """
    with _child_handles_interrupt():
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert process.stdout is not None
        with process.stdout as lines:
            yield from lines
        code = process.wait()
    if code:
        raise StepFailed(code if code > 0 else 1, _ended_by(code))


def _ended_by(code: int) -> str:
    """What to say of a process that could not say it itself."""
    if code > 0:
        return ""
    name = signal.Signals(-code).name
    return f"a step of the retraining was ended by {name}; the same command goes on"


@contextmanager
def _child_handles_interrupt() -> Iterator[None]:
    """Ctrl-C reaches the child too, which keeps a checkpoint and ends; so do we then.

    A child that was nearly done may end well all the same: what it made is found by the same
    command.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if asked:
        raise KeyboardInterrupt


def _event(line: str) -> Mapping[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
