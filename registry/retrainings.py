"""What a retraining did, step by step: retrains/<id>.json, written whole after each step.

A step is ``begun`` before it does anything and ``ended`` when what it made is in place; killed in
between, it is gone on with. Steps that ended are not done again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from config.locks import claimed
from config.settings import Home
from registry.artefact import write_json
from registry.errors import RegistryError


class Step(StrEnum):
    """The steps, in their order."""

    DATASET = "dataset"
    TRAIN = "train"
    CARD = "card"
    REHEARSAL = "rehearsal"
    COMPARISON = "comparison"
    DECISION = "decision"
    PROMOTION = "promotion"


class Outcome(StrEnum):
    """How a retraining ended; empty while it has not."""

    OPEN = ""
    PROMOTED = "promoted"
    KEPT_ASIDE = "kept aside"
    NOTHING_NEW = "nothing new"
    OVERTAKEN = "overtaken"
    """What it went by is gone: a version that was collected, a dataset that was built anew."""


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for."""

    minutes: float | None = None
    scenes: int = 80
    seed: int = 7
    is_forced: bool = False
    may_promote: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One step: when it was begun and ended (ISO 8601), how often begun, and what came of it."""

    begun_at: str
    ended_at: str = ""
    tries: int = 1
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retraining:
    """One retraining. ``version`` is the candidate, ``serving`` what served when it began."""

    id: str
    started_at: str
    order: Order
    serving: str = ""
    steps: Mapping[str, Entry] = field(default_factory=dict)
    ended_at: str = ""
    outcome: Outcome = Outcome.OPEN
    reasons: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """The candidate, once it is trained."""
        return str(self.values(Step.TRAIN).get("version", ""))

    @property
    def likeness(self) -> Mapping[str, Any]:
        """The headline of each who was rehearsed, by name, and the ``difference``."""
        found = self.values(Step.COMPARISON)
        if not found:
            return {}
        gain = found["differences"].get("likeness")
        return {**found["measures"]["likeness"], **({"difference": gain} if gain else {})}

    def values(self, step: Step) -> Mapping[str, Any]:
        """What came of a step; empty before it ended."""
        entry = self.steps.get(step)
        return entry.values if entry is not None and entry.ended_at else {}

    def is_done(self, step: Step) -> bool:
        """Whether a step ended."""
        return step in self.steps and bool(self.steps[step].ended_at)

    def begun(self, step: Step, now: datetime) -> Self:
        """The same with a step begun, or begun once more."""
        tries = self.steps[step].tries + 1 if step in self.steps else 1
        return self._with(step, Entry(now.isoformat(timespec="seconds"), tries=tries))

    def done(self, step: Step, now: datetime, values: Mapping[str, Any]) -> Self:
        """The same with a step ended."""
        at = now.isoformat(timespec="seconds")
        entry = self.steps.get(step) or Entry(at)
        return self._with(step, replace(entry, ended_at=at, values=values))

    def without(self, *steps: Step) -> Self:
        """The same with these steps to be done again."""
        kept = {name: entry for name, entry in self.steps.items() if name not in steps}
        return replace(self, steps=kept)

    def ended(self, outcome: Outcome, reasons: tuple[str, ...], now: datetime) -> Self:
        """The same, over."""
        at = now.isoformat(timespec="seconds")
        return replace(self, ended_at=at, outcome=outcome, reasons=reasons)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave. Raises KeyError, TypeError or ValueError."""
        return cls(
            **{
                **data,
                "order": Order(**data["order"]),
                "steps": {name: Entry(**entry) for name, entry in data["steps"].items()},
                "outcome": Outcome(data["outcome"]),
                "reasons": tuple(data["reasons"]),
            }
        )

    def _with(self, step: Step, entry: Entry) -> Self:
        return replace(self, steps={**self.steps, str(step): entry})


@dataclass(frozen=True, slots=True)
class Journal:
    """The retrainings of a home, a file each."""

    folder: Path

    @classmethod
    def of(cls, home: Home) -> Self:
        """Those of a home."""
        return cls(home.path / "retrains")

    def write(self, retraining: Retraining) -> Retraining:
        """Note how it stands; returns it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / f"{retraining.id}.json", retraining.to_json())
        return retraining

    def all(self) -> list[Retraining]:
        """Every retraining, oldest first. Raises RegistryError."""
        return [_read(path) for path in sorted(self.folder.glob("*.json"))]

    def open(self) -> Retraining | None:
        """The one that was begun and not ended."""
        return next((one for one in self.all() if not one.outcome), None)

    @contextmanager
    def only_one(self) -> Iterator[None]:
        """Hold the right to retrain. Raises RegistryError where another process does already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with claimed(self.folder) as is_free:
            if not is_free:
                raise RegistryError(f"{self.folder}: another retraining is at work; wait for it")
            yield

    def new_id(self, now: datetime) -> str:
        """A name that sorts by time and that none has yet."""
        stem = f"{now:%Y%m%d-%H%M%S}"
        taken = {path.stem for path in self.folder.glob("*.json")}
        names = (stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3)))
        return next(name for name in names if name not in taken)


def _read(path: Path) -> Retraining:
    try:
        return Retraining.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RegistryError(f"{path}: not readable ({error}); remove it") from error
