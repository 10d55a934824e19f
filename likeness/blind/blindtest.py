"""A blind test as it lies in the home folder: what friends are shown, and the key.

``blind/<id>.json`` never leaves this machine; the page is made of :meth:`BlindTest.shown` alone,
in which nothing says who wrote what.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from config.settings import Home
from likeness.errors import LikenessError
from registry.artefact import write_json

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A line before the replies, under the name friends know."""

    who: str
    text: str
    is_self: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """A scene and its two replies; ``real`` is the index of @self's.

    ``messages`` are the archive's ids of what is shown of others.
    """

    scene: str
    before: tuple[Shown, ...]
    replies: tuple[Parts, Parts]
    real: int
    messages: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """Characters to read; the same whichever reply is real."""
        return sum(len(line.text) for line in self.before) + sum(map(len, sum(self.replies, ())))


@dataclass(frozen=True, slots=True)
class BlindTest:
    """A test of one version in one chat; ``id`` is eight hexadecimal digits and tells nothing."""

    id: str
    version: str
    evaluation: str
    chat: str
    title: str
    name: str
    made_at: datetime
    pairs: tuple[Pair, ...]

    def shown(self) -> dict[str, Any]:
        """All that a page may hold, JSON-ready."""
        return {
            "id": self.id,
            "name": self.name,
            "chat": self.title,
            "scenes": [
                {"before": [asdict(line) for line in pair.before], "replies": pair.replies}
                for pair in self.pairs
            ],
        }

    def right(self, choices: tuple[int, ...]) -> tuple[int, int]:
        """How many of these choices are right, and of how many; scenes remembered do not count."""
        guesses = [
            (choice, pair.real)
            for choice, pair in zip(choices, self.pairs, strict=True)
            if choice != REMEMBERED
        ]
        return sum(choice == real for choice, real in guesses), len(guesses)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        return {**asdict(self), "made_at": self.made_at.isoformat()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave."""
        made_at = datetime.fromisoformat(data["made_at"])
        return cls(**{**data, "made_at": made_at, "pairs": tuple(map(_pair, data["pairs"]))})


REMEMBERED = 2
"""A choice that is none: the friend remembers the scene."""


def write_test(home: Home, test: BlindTest) -> Path:
    """Keep a test in the home folder; returns its file."""
    path = folder_of(home) / f"{test.id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, test.to_json())
    return path


def read_test(home: Home, id: str | None = None) -> BlindTest:
    """A test by its id, by default the newest. Raises LikenessError."""
    tests = {test.id: test for test in blind_tests(home)}
    if id is None and tests:
        return list(tests.values())[-1]
    if id is None:
        raise LikenessError(f"{folder_of(home)}: no blind test yet; run `atself blind make`")
    if id not in tests:
        known = ", ".join(tests) or "none"
        raise LikenessError(f"{folder_of(home)}: there is no test {id!r} (there are: {known})")
    return tests[id]


def blind_tests(home: Home) -> list[BlindTest]:
    """Every test, oldest first. Raises LikenessError where one cannot be read."""
    return sorted(_read(folder_of(home)), key=lambda test: (test.made_at, test.id))


def drop_texts(home: Home) -> int:
    """Remove all that was said from every test, as when somebody is forgotten; how many tests.

    The keys stay, so that codes on their way still count.
    """
    tests = [test for test in blind_tests(home) if any(pair.before for pair in test.pairs)]
    for test in tests:
        bare = (replace(pair, before=(), replies=((), ()), messages=()) for pair in test.pairs)
        write_test(home, replace(test, pairs=tuple(bare)))
    return len(tests)


def folder_of(home: Home) -> Path:
    """Where tests and answers lie."""
    return home.path / "blind"


def _read(folder: Path) -> Iterator[BlindTest]:
    for path in folder.glob("*.json"):
        try:
            yield BlindTest.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LikenessError(f"{path}: not a readable test ({error}); remove it") from error


def _pair(data: Mapping[str, Any]) -> Pair:
    first, second = (tuple(reply) for reply in data["replies"])
    before = tuple(Shown(**line) for line in data["before"])
    return Pair(data["scene"], before, (first, second), data["real"], tuple(data["messages"]))
