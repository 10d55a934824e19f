"""A home with all that a report can show, made up: what people wrote in it is hostile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from config.settings import Home
from ingest.chat import Line
from likeness.measured import Better, Figure, Measure, Measures
from likeness.records import Attempt, Evaluation, Plan, Player, Role, Scene, SceneKind
from registry.store import Registry
from tests.likeness.made import NOON, OWN, PLAYERS, attempt, scene
from tests.registry.made import manifest

OWNED = "<img src=x onerror=\"document.title='owned'\">"
SCRIPT = "</style></script><script>document.title='owned'</script>{{ 7 * 7 }} $\\frac{1}{"
HOSTILE = ("小明🦊", "עדי‮", OWNED)
"""Handles: of another script and emoji, from right to left, and markup."""
SECRET = f"Kestrel Lane {SCRIPT}"
LIKENESS = {
    Role.MEMBER: 0.0, Role.RANDOM: 0.41, Role.NEAREST: 0.47, Role.BASE: 0.0625,
    Role.PROMPTED: 0.19, Role.ADAPTER: 0.4375, Role.FULL: 0.5078125, Role.SELF: 1.0,
}  # fmt: skip
CARD: dict[str, Any] = {
    "verdict": "warn",
    "self_name": f"Ada {OWNED}",
    "trained_until": "2026-02-01T00:00:00+00:00",
    "persona": {"nats_per_token": 2.5, "nats_per_byte": 0.8125},
    "base": {"nats_per_token": 3.5, "nats_per_byte": 1.0},
    "findings": [
        {"name": "copying", "level": "warn", "text": "12% are copies", "advice": "fewer epochs"},
        {"name": "parity", "level": "pass", "text": "the same", "advice": ""},
    ],
    "copying": {
        "persona": {"long": 0.125, "whole": 0.0, "longest_words": 11, "replies": 48,
                    "longest": SECRET},
        "floor": {"long": 0.01, "whole": 0.0, "longest_words": 9, "replies": 200},
    },
    "exposure": {"rare": {"maximum": 4.0, "gain": 0.5,
                          "seen": {"spans": 10, "base": 2.0, "persona": 2.75},
                          "unseen": {"spans": 10, "base": 2.0, "persona": 2.25}}},
    "forgetting": {
        "texts": {"count": 14, "by_language": {"en": 0.03, "zh": -0.01},
                  "base": {"value": 1.25}, "persona": {"value": 1.28}},
        "questions": {"count": 40, "base": 0.575, "persona": 0.525},
    },
    "curve": {
        "verdict": "fits", "reasons": "it has levelled off", "advice": "", "best_step": 20,
        "events": [
            *({"event": "step", "step": step, "supervised": 90 * step, "loss": 4 - step / 10,
               "learning_rate": 0.001} for step in range(1, 21)),
            *({"event": "held_out", "step": step, "supervised": 90 * step, "nats": 4 - step / 16,
               "train_nats": 4 - step / 11, "error": 0.1} for step in (0, 10, 20)),
        ],
    },
}  # fmt: skip
WEEK = [[hour + day for hour in range(24)] for day in range(7)]
GATE: dict[str, Any] = {
    "held_out": {"from": "2026-02-20T00:00:00+00:00", "messages": 1000, "answered": 80},
    "methods": [
        {"name": "the learned gate", "balanced_accuracy": 0.75, "auc": 0.8125, "precision": 0.4,
         "recall": 0.4, "average_precision": 0.3, "false_per_day": 2.5},
        {"name": "recency rule", "balanced_accuracy": 0.63, "auc": 0.66},
    ],
    "calibration": [{"score": 0.05, "share": 0.0625, "count": 800},
                    {"score": 0.5, "share": 0.4, "count": 50}],
    "roc": [[0.0, 0.0], [0.25, 0.75], [1.0, 1.0]],
    "hours": {"answered": WEEK, "seen": [[10 * count for count in day] for day in WEEK]},
    "people": [{"handle": handle, "seen": 400 - 100 * place, "answered": 40}
               for place, handle in enumerate(HOSTILE)],
}  # fmt: skip


def figure(value: float, *, replies: int = 24) -> Figure:
    """A value with an interval around it."""
    return Figure(value, value - 0.046875, value + 0.0546875, replies, replies // 4)


def measures(players: Sequence[Player]) -> Measures:
    """Measures in which everybody lies between another member and @self."""
    scale = {player.name: LIKENESS[player.role] for player in players}
    judge = {name: figure(0.1 + 0.8 * value) for name, value in scale.items()}
    nats = {player.name: figure(1.5 - scale[player.name]) for player in players
            if player.role.is_model}  # fmt: skip
    return Measures(
        (
            Measure("judge", "judge", Better.HIGHER, judge, "%", f"by {OWNED}", True),
            Measure("nats", "nats per byte", Better.LOWER, nats, "nats", is_guard=True),
        ),
        {name: figure(value) for name, value in scale.items()},
        (f"more data from @{HOSTILE[2]}", "memory helps here: facts 10% → 70%"),
        {f"{one.name} − {other.name}": figure(scale[one.name] - scale[other.name])
         for one in players for other in players},
    )  # fmt: skip


def hostile(one: Scene) -> Scene:
    """The same scene among people with such names and words."""
    before = (
        *(Line(handle, f"{line.text} {SECRET}", message_id=line.message_id)
          for handle, line in zip(HOSTILE[1:], one.before, strict=True)),
        Line("self", "wait…", is_self=True),
        Line(HOSTILE[0], f"{one.before[-1].text} {SCRIPT}"),
    )  # fmt: skip
    return replace(one, before=before)


def spoken(one: Scene, player: Player) -> Attempt:
    """What a player says there; with memory it brings something back."""
    said = attempt(one, player)
    return replace(said, passages=(SECRET,)) if player.role is Role.FULL else said


def rehearsed(
    home: Home, id: str = "e1", *, scenes: int = 24, version: str = "v1", days: int = 0
) -> Evaluation:
    """A finished evaluation of ``version``, begun ``days`` after noon."""
    players = tuple(replace(p, version=version) if p.version else p for p in PLAYERS)
    kinds = {SceneKind.HELD_OUT: scenes, SceneKind.FACT: 4, SceneKind.CONTROLLED: 2}
    played = [hostile(scene(place, kind)) for kind, size in kinds.items() for place in range(size)]
    made = Evaluation(home.evaluations / id)
    versions = {version: {"dataset": "abc", "verdict": "warn"}}
    counts = {str(kind): size for kind, size in kinds.items()}
    at = NOON + timedelta(days=days)
    made.begin(Plan(id, at, players, 7, counts, versions, {"temperature": 0.7}, OWNED), played)
    made.add(spoken(one, each) for one in played for each in players if _speaks(one, each))
    made.finish(measures(players).to_json())
    return made


def _speaks(one: Scene, player: Player) -> bool:
    return player.role is not Role.SELF or bool(one.real)


def with_model(home: Home, *, versions: int = 1) -> Home:
    """Models that were promoted one after the other, for hostile reasons."""
    scratch = home.path / "scratch"
    scratch.mkdir(parents=True)
    (scratch / "model.gguf").write_bytes(b"GGUF and more")
    registry = Registry(home.models)
    for _ in range(versions):
        added = registry.add(scratch, manifest(card=CARD, head=f"You are Ada. {SECRET}"))
        registry.promote(added.version, f"because {OWNED}", now=NOON)
    return home


def full_home(path: Path, *, scenes: int = 24) -> Home:
    """Everything there is to show, of two versions."""
    home = with_model(Home(path), versions=2)
    rehearsed(home, "e1", scenes=4)
    rehearsed(home, "e2", scenes=scenes, version="v2", days=9)
    home.gate.write_text(json.dumps({"report": GATE}))
    for place, friend in enumerate(("Fox", OWNED)):
        folder = home.path / "blind" / "t1"
        folder.mkdir(parents=True, exist_ok=True)
        guess = {"test": "t1", "version": "v2", "friend": friend, "respondent": str(place),
                 "answers": [0] * 10, "right": 6 + place, "of": 10, "at": f"{NOON}"}  # fmt: skip
        (folder / f"{place}.json").write_text(json.dumps(guess))
    return home


WRITTEN = (*HOSTILE, "Kestrel", "wait…", OWN[0], OWN[3], "Fox", "because", "You are Ada")
"""What people wrote or are called: nowhere in a page without texts."""
