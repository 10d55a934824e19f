"""The owner's own questions, and what each version answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from likeness.answers import version_order
from likeness.records import Evaluation, Player, Role, SceneKind
from likeness.report.shown import shortened

MOST_CHARACTERS = 500
Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a version said."""

    version: str
    parts: Parts


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its answers, the oldest version's first."""

    question: str
    answers: tuple[Answer, ...]


def asked(
    evaluations: Iterable[Evaluation], kept: Mapping[str, Mapping[str, Parts]]
) -> list[Asked]:
    """Every question once, with each version's last answer to it.

    Answers that were asked for by themselves (``kept``, by question and version) are shown rather
    than those of a rehearsal.
    """
    found: dict[str, dict[str, Parts]] = {}
    for evaluation in evaluations:
        for question, version, parts in _rehearsed(evaluation):
            found.setdefault(question, {})[version] = parts
    for question, answers in kept.items():
        found.setdefault(question, {}).update(answers)
    return [
        Asked(
            question,
            tuple(_answer(version, said[version]) for version in sorted(said, key=version_order)),
        )
        for question, said in found.items()
    ]


def _rehearsed(evaluation: Evaluation) -> Iterable[tuple[str, str, Parts]]:
    questions = {
        scene.id: scene.before[-1].text
        for scene in evaluation.scenes
        if scene.kind is SceneKind.CONTROLLED and scene.before
    }
    players = evaluation.plan.players if questions else ()
    for attempt in evaluation.attempts if questions else ():
        if attempt.scene in questions and _is_as_it_runs(attempt.player, players):
            yield questions[attempt.scene], attempt.player.version, attempt.parts


def _is_as_it_runs(player: Player, players: Iterable[Player]) -> bool:
    """Whether ``player`` is its version with memory, or without where that was not tried."""
    with_memory = Player(Role.FULL, player.version)
    return player == with_memory or (player.role is Role.ADAPTER and with_memory not in players)


def _answer(version: str, parts: Parts) -> Answer:
    return Answer(version, tuple(shortened(part, MOST_CHARACTERS) for part in parts))
