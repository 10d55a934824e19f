"""What a rehearsal leaves behind: scenes, what each player said in them, and where that lies.

An evaluation is a folder of its own, ``evaluations/<id>/``::

    plan.json        what was asked of whom (written first, never changed)
    scenes.jsonl     a Scene per line
    attempts.jsonl   an Attempt per line, added as they are made: a killed rehearsal goes on
    measures.json    what was measured, written whole at the end

A *scene* is a moment to speak at. A *player* is somebody who speaks there: a model with or without
memory, a rule that picks something once said, or @self in person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, TypeVar

import orjson

from ingest.chat import Line
from ingest.dataset.window_json import line_from_json, line_to_json
from likeness.errors import LikenessError
from likeness.measured import Measures
from registry.artefact import write_json

T = TypeVar("T")
PLAN, SCENES, ATTEMPTS, MEASURES = "plan.json", "scenes.jsonl", "attempts.jsonl", "measures.json"


class SceneKind(StrEnum):
    """Why there is a scene."""

    HELD_OUT = "held out"
    """@self really spoke there, after everything the models learned from."""
    FACT = "fact"
    """A question @self answered once, in the archive, and what must be in the answer."""
    UNKNOWN = "unknown"
    """A question about somebody or something that was never mentioned."""
    CONTROLLED = "controlled"
    """A question from the user's own list."""


class Role(StrEnum):
    """What a player is, from floor to ceiling."""

    MEMBER = "another member"
    RANDOM = "random past reply"
    NEAREST = "nearest past reply"
    BASE = "base"
    PROMPTED = "base, prompted"
    """With the persona's prompt, examples of @self's replies and memory, but no training."""
    ADAPTER = "trained"
    FULL = "trained, with memory"
    SELF = "@self"

    @property
    def is_model(self) -> bool:
        """Whether a language model speaks."""
        return self in (Role.BASE, Role.PROMPTED, Role.ADAPTER, Role.FULL)


@dataclass(frozen=True, slots=True)
class Player:
    """Somebody who speaks in scenes; ``version`` names the model of those who are trained."""

    role: Role
    version: str = ""

    @property
    def name(self) -> str:
        """What people read, and what names the player in files: ``trained, with memory (v2)``."""
        return f"{self.role} ({self.version})" if self.version else str(self.role)


@dataclass(frozen=True, slots=True)
class Scene:
    """A moment to speak at.

    ``before`` is what @self could see, oldest first, ending with the line that is answered;
    ``real`` is what @self said there, empty where nobody knows. ``wanted`` are texts of which an
    answer must hold one (facts). ``cluster`` is what scenes that are not independent share.
    """

    id: str
    kind: SceneKind
    chat: str
    at: datetime
    before: tuple[Line, ...]
    real: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    cluster: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        return {
            "id": self.id,
            "kind": self.kind,
            "chat": self.chat,
            "at": self.at.isoformat(),
            "before": [{**line_to_json(line), "self": line.is_self} for line in self.before],
            "real": self.real,
            "wanted": self.wanted,
            "cluster": self.cluster,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave."""
        return cls(
            data["id"],
            SceneKind(data["kind"]),
            data["chat"],
            datetime.fromisoformat(data["at"]),
            tuple(line_from_json(line, is_self=line["self"]) for line in data["before"]),
            tuple(data["real"]),
            tuple(data["wanted"]),
            data["cluster"],
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a player said in a scene, as the chat would have read it.

    ``passages`` are what memory brought back. ``nats`` and ``bytes`` are of @self's real reply
    under the player's model and prompt (None where there is no model or no real reply). ``raw`` is
    what the model wrote before it was read as messages; ``tokens`` counts it. ``source`` is the
    message a rule took its reply from. ``delays`` are the seconds before each part. ``choices``
    are nats per byte under the model, of the real reply and then of each of
    :func:`likeness.measures.choice.distractors`; empty where unasked.
    """

    scene: str
    player: Player
    parts: tuple[str, ...]
    raw: str = ""
    passages: tuple[str, ...] = ()
    nats: float | None = None
    bytes: int = 0
    tokens: int = 0
    seconds: float = 0.0
    source: str = ""
    delays: tuple[float, ...] = ()
    choices: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave."""
        player = Player(Role(data["player"]["role"]), data["player"]["version"])
        lists = ("parts", "passages", "delays", "choices")
        told: dict[str, Any] = {name: data[name] for name in data if name not in lists}
        told |= {name: tuple(data.get(name, ())) for name in lists}
        return cls(**{**told, "player": player})


@dataclass(frozen=True, slots=True)
class Plan:
    """What an evaluation is of. ``players`` in the order they are shown.

    ``versions`` maps each trained version to the hash of its dataset and its card's verdict;
    ``settings`` are those that change what is said. Equal plans are one evaluation.
    """

    id: str
    created_at: datetime
    players: tuple[Player, ...]
    seed: int
    scenes: Mapping[str, int]
    versions: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any]
    title: str = ""

    @property
    def told_scenes(self) -> str:
        """How many scenes of each kind there are: ``12 held out, 1 fact``."""
        return ", ".join(f"{count:,} {kind}" for kind, count in self.scenes.items() if count)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        return {**asdict(self), "created_at": self.created_at.isoformat()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave."""
        players = tuple(Player(Role(each["role"]), each["version"]) for each in data["players"])
        created_at = datetime.fromisoformat(data["created_at"])
        return cls(**{**data, "players": players, "created_at": created_at})


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The folder of one evaluation."""

    folder: Path

    @property
    def id(self) -> str:
        """Its name."""
        return self.folder.name

    @property
    def plan(self) -> Plan:
        """What it is of. Raises LikenessError."""
        return self._made(PLAN, Plan.from_json, self._read(PLAN))

    @property
    def scenes(self) -> list[Scene]:
        """Its scenes, oldest first within a kind. Raises LikenessError."""
        return [self._made(SCENES, Scene.from_json, each) for each in self._lines(SCENES)]

    @property
    def attempts(self) -> list[Attempt]:
        """What was said so far, without a line that was cut short. Raises LikenessError."""
        return [self._made(ATTEMPTS, Attempt.from_json, each) for each in self._lines(ATTEMPTS)]

    @property
    def measures(self) -> Mapping[str, Any]:
        """What was measured; empty before that. Raises LikenessError."""
        if not self.is_finished:
            return {}
        found = self._read(MEASURES)
        self._made(MEASURES, Measures.from_json, found)
        return found

    @property
    def is_finished(self) -> bool:
        """Whether everything was said and measured."""
        return (self.folder / MEASURES).is_file()

    def begin(self, plan: Plan, scenes: Iterable[Scene]) -> None:
        """Write scenes, then the plan: a folder with a plan has all its scenes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{SCENES}.part"
        part.write_bytes(b"".join(_line(scene.to_json()) for scene in scenes))
        part.replace(self.folder / SCENES)
        write_json(self.folder / PLAN, plan.to_json())

    def add(self, attempts: Iterable[Attempt]) -> None:
        """Note what was said, behind whatever a killed run left half-written."""
        path = self.folder / ATTEMPTS
        with path.open("ab") as stream:
            if stream.tell() and not path.read_bytes().endswith(b"\n"):
                stream.write(b"\n")
            stream.write(b"".join(_line(attempt.to_json()) for attempt in attempts))

    def finish(self, measures: Mapping[str, Any]) -> None:
        """Write what was measured."""
        write_json(self.folder / MEASURES, dict(measures))

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        path = self.folder / name
        if not path.is_file():
            return
        with path.open("rb") as stream:
            for line in stream:
                try:
                    yield orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    if name != ATTEMPTS:  # those are cut short when a run is killed
                        raise self._damaged(name, error) from error

    def _read(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = orjson.loads((self.folder / name).read_bytes())
        except (OSError, ValueError) as error:
            raise self._damaged(name, error) from error
        return found

    def _made(self, name: str, make: Callable[[dict[str, Any]], T], data: dict[str, Any]) -> T:
        try:
            return make(data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged(name, error) from error

    def _damaged(self, name: str, error: Exception) -> LikenessError:
        advice = "evaluate again" if name == MEASURES else "remove that folder and evaluate again"
        return LikenessError(f"{self.folder / name}: not readable ({error}); {advice}")


def evaluations(folder: Path) -> list[Evaluation]:
    """Every evaluation with a plan, oldest first."""
    found = [Evaluation(path.parent) for path in folder.glob(f"*/{PLAN}")]
    return sorted(found, key=lambda each: (each.plan.created_at, each.id))


def _line(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
