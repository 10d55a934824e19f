"""Everything the report is made of, gathered from the home folder, and what is not there yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from config.settings import Home
from likeness.answers import answers
from likeness.blind.results import Result, results
from likeness.errors import LikenessError
from likeness.measured import Measures
from likeness.records import Attempt, Evaluation, Plan, Scene, evaluations
from likeness.report.asked import Asked, asked
from likeness.report.heard import Heard, heard
from likeness.report.leavers import still_shown
from registry.artefact import ModelManifest
from registry.past import Happening, past
from registry.retrainings import Journal
from registry.store import Registry

GATE = "atself gate"


@dataclass(frozen=True, slots=True)
class Missing:
    """Something the report would show, and the command that makes it."""

    what: str
    command: str


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A finished evaluation."""

    plan: Plan
    measures: Measures

    @property
    def versions(self) -> set[str]:
        """Whose models spoke in it."""
        return {player.version for player in self.plan.players if player.version}


@dataclass(frozen=True, slots=True)
class Sources:
    """All that is known of a version.

    ``finished`` holds every evaluation that can be read, oldest first, ``rehearsed`` the one that
    is shown, with its ``scenes`` and ``attempts``. ``gate`` is the learned gate's report on days it
    did not learn from, ``blind`` what friends guessed, ``asked`` the owner's questions.
    """

    manifest: ModelManifest
    card: Mapping[str, Any]
    versions: tuple[ModelManifest, ...]
    past: tuple[Happening, ...]
    serving: str
    """The version that answers now; empty before the first promotion."""
    rehearsed: Rehearsed | None
    finished: tuple[Rehearsed, ...]
    scenes: tuple[Scene, ...]
    attempts: tuple[Attempt, ...]
    gate: Heard | None
    blind: tuple[Result, ...]
    asked: tuple[Asked, ...]
    missing: tuple[Missing, ...]

    @property
    def version(self) -> str:
        """The version the report is about."""
        return self.manifest.version


def gather(home: Home, version: str | None, evaluation: str | None) -> Sources:
    """What there is on ``version`` (what serves, else the newest), shown by ``evaluation``.

    Where none is named it is the finished one with that version that rests on most replies, the
    latest of several. Raises LikenessError or RegistryError where there is no such model or
    evaluation.
    """
    registry = Registry(home.models)
    chosen = evaluation and _named(home, evaluation)
    manifest = _model(registry, version or (chosen and _newest(chosen)) or None)
    found, missing = _finished(home)
    shown = _shown([each for each, _ in found], manifest.version, chosen)
    scenes, attempts = still_shown(home, shown) if shown else ((), ())
    gate, no_gate = _gate(home)
    blind, no_blind = _blind(home)
    return Sources(
        manifest,
        registry.report(manifest.version),
        tuple(registry.versions()),
        tuple(past(registry, Journal.of(home).all())),
        history[-1].version if (history := registry.history()) else "",
        next((each for one, each in found if one == shown), None),
        tuple(each for _, each in found),
        scenes,
        attempts,
        gate,
        blind,
        tuple(asked((each for each, _ in found), _kept_answers(home))),
        (*_unrehearsed(home, shown, manifest.version), *missing, *no_gate, *no_blind),
    )


def _model(registry: Registry, version: str | None) -> ModelManifest:
    known = registry.versions()
    if not known:
        raise LikenessError(f"{registry.folder}: no model yet to report on; run `atself train`")
    return registry.get(version) if version or registry.history() else known[-1]


def _named(home: Home, id: str) -> Evaluation:
    every = {each.id: each for each in evaluations(home.evaluations)}
    if id not in every:
        known = ", ".join(every) or "none"
        raise LikenessError(f"{home.evaluations}: no evaluation {id!r} (there are: {known})")
    if not every[id].is_finished:
        raise LikenessError(f"{home.evaluations / id}: not finished; `atself evaluate` goes on")
    return every[id]


def _newest(evaluation: Evaluation) -> str:
    """The last of the versions that spoke in ``evaluation``; empty where none did."""
    names = [player.version for player in evaluation.plan.players if player.version]
    return max(names, key=lambda name: (len(name), name), default="")


def _finished(home: Home) -> tuple[list[tuple[Evaluation, Rehearsed]], list[Missing]]:
    """Every finished evaluation that can be read, and a word on those that cannot."""
    found, missing = [], []
    for each in evaluations(home.evaluations):
        if not each.is_finished:
            continue
        try:
            measures = Measures.from_json(each.measures)
        except (LikenessError, KeyError, TypeError, ValueError):
            what = f"the figures of evaluation {each.id}: its measures.json cannot be read"
            missing.append(Missing(what, "atself evaluate"))
        else:
            found.append((each, Rehearsed(each.plan, measures)))
    return found, missing


def _shown(
    found: Sequence[Evaluation], version: str, chosen: Evaluation | str | None
) -> Evaluation | None:
    if isinstance(chosen, Evaluation):
        return chosen
    speaking = [each for each in found if _speaks(each, version)]
    return max(speaking, key=_telling, default=None)


def _telling(evaluation: Evaluation) -> tuple[int, int, datetime]:
    """How much an evaluation tells: by replies that were measured, players, and when it was."""
    measured = Measures.from_json(evaluation.measures).measures
    replies = max((one.replies for each in measured for one in each.figures.values()), default=0)
    return replies, len(evaluation.plan.players), evaluation.plan.created_at


def _speaks(evaluation: Evaluation, version: str) -> bool:
    return any(player.version == version for player in evaluation.plan.players)


def _unrehearsed(home: Home, shown: Evaluation | None, version: str) -> list[Missing]:
    if shown is not None:
        return []
    begun = [each for each in evaluations(home.evaluations) if _speaks(each, version)]
    what = f"how like @self {version} is: it was not rehearsed yet"
    if begun:
        what = f"how like @self {version} is: its rehearsal {begun[-1].id} is not finished"
    return [Missing(what, "atself evaluate")]


def _gate(home: Home) -> tuple[Heard | None, list[Missing]]:
    """The gate's report on days it did not learn from."""
    try:
        report = orjson.loads(home.gate.read_bytes()).get("report")
    except FileNotFoundError:
        return None, [Missing("when @self speaks: the gate was not learned yet", GATE)]
    except (OSError, ValueError, AttributeError):
        return None, [Missing(f"when @self speaks: {home.gate.name} cannot be read", GATE)]
    found = heard(report)
    if found is None:
        why = "the gate was not tried on days it did not learn from"
        return None, [Missing(f"when @self speaks: {why}", GATE)]
    return found, []


def _kept_answers(home: Home) -> dict[str, dict[str, tuple[str, ...]]]:
    """What every version answered to the controlled questions."""
    return {
        question: {version: answer.parts for version, answer in by_version.items()}
        for question, by_version in answers(home).items()
    }


def _blind(home: Home) -> tuple[tuple[Result, ...], list[Missing]]:
    """What friends guessed."""
    what = "whether friends can tell it from @self"
    try:
        found = tuple(results(home))
    except LikenessError as error:
        return (), [Missing(f"{what}: {error}", "atself blind add")]
    if not found:
        return (), [Missing(f"{what}: nobody has guessed yet", "atself blind make")]
    return found, []
