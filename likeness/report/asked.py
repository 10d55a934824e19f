"""The owner's own questions, and what each version answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from likeness.records import Evaluation, Player, Role, SceneKind
from likeness.report.shown import shortened

MOST_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What a version said."""

    version: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its answers, the oldest version's first."""

    question: str
    answers: tuple[Answer, ...]


def asked(evaluations: Iterable[Evaluation]) -> list[Asked]:
    """Every question of ``evaluations`` once, with the latest answer of each version to it."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for evaluation in evaluations:
        scenes = {
            scene.id: scene.before[-1].text
            for scene in evaluation.scenes
            if scene.kind is SceneKind.CONTROLLED and scene.before
        }
        for attempt in evaluation.attempts if scenes else ():
            if attempt.scene in scenes and _answers(attempt.player, evaluation):
                said = tuple(shortened(part, MOST_CHARACTERS) for part in attempt.parts)
                found.setdefault(scenes[attempt.scene], {})[attempt.player.version] = said
    return [
        Asked(question, tuple(Answer(version, said[version]) for version in sorted(said, key=_age)))
        for question, said in found.items()
    ]


def _answers(player: Player, evaluation: Evaluation) -> bool:
    """Whether ``player`` is its version as it runs: with memory where that was tried."""
    with_memory = Player(Role.FULL, player.version)
    if with_memory in evaluation.plan.players:
        return player == with_memory
    return player.role is Role.ADAPTER


def _age(version: str) -> tuple[int, str]:
    return len(version), version
