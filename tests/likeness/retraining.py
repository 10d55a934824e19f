"""A retraining in which only the long steps are made up: real registry, journal and rule.

Run as ``python -m tests.likeness.retraining FOLDER PLACE`` it kills itself at a place: ``train``
before that step's work, ``train!`` after it and before it is noted, ``write3`` at the third time
the journal is written, half-way.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from likeness.loop.judgement import Pairing
from likeness.loop.machine import Loop
from likeness.measured import Better, Figure, Measure, Measures
from likeness.records import Player, Role
from registry.artefact import ModelManifest
from registry.retrainings import Journal, Order, Retraining
from registry.store import Registry
from tests.registry.made import manifest

PASSING = {
    "verdict": "pass",
    "findings": [],
    "persona": {"nats_per_token": 2.5},
    "base": {"nats_per_token": 3.0},
}
GAIN = Figure(0.04, 0.01, 0.07, 120, 30)
EVEN = Figure(0.002, -0.01, 0.014, 120, 30)


def guard(key: str, better: Better = Better.LOWER, **figures: float) -> Measure:
    """A guard; ``figures`` are new, old and own values."""
    names = {"new": Player(Role.FULL, "v2"), "old": Player(Role.FULL, "v1")}
    players = {**names, "own": Player(Role.SELF)}
    values = {players[name].name: Figure(value) for name, value in figures.items()}
    return Measure(key, key, better, values, is_guard=True)


GUARDS = (guard("leakage"), guard("looping"))
MEASURES = Measures(GUARDS, {"trained, with memory (v2)": Figure(0.4)})
DIFFERENCES = {"likeness": GAIN, "leakage": EVEN, "looping": EVEN}


@dataclass
class Scripted:
    """The long steps, done at once: each leaves what the real one would, and says that it was."""

    folder: Path
    hash: str = "fresh"
    card: Mapping[str, Any] = field(default_factory=lambda: PASSING)
    differences: Mapping[str, Figure] = field(default_factory=lambda: DIFFERENCES)
    dies_at: str = ""

    def did(self) -> list[str]:
        """Which steps did their work, in order."""
        path = self.folder / "did.txt"
        return path.read_text().split() if path.exists() else []

    def dataset(self) -> Mapping[str, Any]:
        """A hash."""
        self._work("dataset")
        (self.folder / "hash.txt").write_text(self.hash)
        return {"hash": self.hash, "replies": 12, "feedback": {}}

    def dataset_hash(self) -> str:
        """What was built last; empty where it was removed."""
        path = self.folder / "hash.txt"
        return path.read_text() if path.exists() else ""

    def train(self, order: Order, *, seed_shift: int) -> Mapping[str, Any]:
        """A version; the one of the same run where that was made before, as `atself train` does."""
        registry, run = Registry(self.folder / "models"), f"{self.hash}-{seed_shift}"
        self._dies("train")
        known = [one for one in registry.versions() if one.recipe.get("run") == run]
        if not known:
            made = manifest(card=self.card, recipe={"run": run}, dataset_hash=self.hash)
            known = [added(self.folder, b"GGUF of " + run.encode(), made)]
            self._note("train")
        self._dies("train!")
        return {"version": known[-1].version, "nats/token": 2.5}

    def rehearse(self, pairing: Pairing, order: Order) -> Mapping[str, Any]:
        """An evaluation of that name."""
        self._work("rehearsal")
        return {"evaluation": f"{pairing.candidate.version}-{pairing.serving.version}"}

    def is_rehearsed(self, evaluation: str) -> bool:
        """Unless somebody was forgotten."""
        return not (self.folder / "forgotten").exists()

    def compare(self, evaluation: str, pairing: Pairing) -> tuple[Mapping[str, Figure], Measures]:
        """As it was set."""
        self._work("comparison")
        return self.differences, MEASURES

    def _work(self, step: str) -> None:
        self._dies(step)
        self._note(step)
        self._dies(f"{step}!")

    def _note(self, step: str) -> None:
        with (self.folder / "did.txt").open("a") as file:
            file.write(f"{step}\n")

    def _dies(self, place: str) -> None:
        if place == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)


class Mortal(Journal):
    """A journal whose n-th writing is the last thing its process does, half-way."""

    last = 0

    def write(self, retraining: Retraining) -> Retraining:
        """Write, or die of it."""
        Mortal.last -= 1
        if Mortal.last == 0:
            (self.folder / f".{retraining.id}.json.1.tmp").write_text('{"id": ')
            os.kill(os.getpid(), signal.SIGKILL)
        return super().write(retraining)


def added(folder: Path, model: bytes, made: ModelManifest) -> ModelManifest:
    """A version of these bytes."""
    scratch = folder / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "model.gguf").unlink(missing_ok=True)  # the registry holds a link to it
    (scratch / "model.gguf").write_bytes(model)
    return Registry(folder / "models").add(scratch, made)


def served(folder: Path) -> Registry:
    """A registry in which v1 serves."""
    old = manifest(card=PASSING, recipe={"run": "old"}, dataset_hash="old")
    registry, found = Registry(folder / "models"), added(folder, b"GGUF of old", old)
    registry.promote(found.version, "first", now=datetime(2026, 1, 1, tzinfo=UTC))
    return registry


def loop(folder: Path, labour: Scripted, journal: Journal | None = None) -> Loop:
    """The loop of a folder, whose clock goes on by a second at each look."""
    ticks = count()
    start = datetime(2026, 3, 1, tzinfo=UTC)
    return Loop(
        Registry(folder / "models"),
        journal or Journal(folder / "retrains"),
        labour,
        now=lambda: start + timedelta(seconds=next(ticks)),
        say=lambda line: print(line, file=sys.stderr),  # noqa: T201 - what a killed run said
    )


def main(folder: Path, place: str) -> None:
    """Retrain until the place at which this process dies."""
    labour, journal = Scripted(folder, dies_at=place), Mortal(folder / "retrains")
    if place.startswith("write"):
        Mortal.last = int(place.removeprefix("write"))
    with journal.only_one():
        loop(folder, labour, journal).run(Order())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
